#include "base/fold.h"
#include "model/fate.h"
#include "sync/plan_state.h"

/* A whole index is in order of its numbers, with the new objects behind; a part of one is short. */
uint32_t us_plan_find_place(const struct us_plan *p, const struct side *s, uint32_t number)
{
	if (!p->in.is_single)
		return us_have_place(s->have, number);
	for (uint32_t i = 0; i < s->have->n; i++)
		if (s->have->numbers[i] == number)
			return i;
	return US_MAP_NONE;
}

uint32_t us_plan_group_place(const struct us_plan *p, uint32_t number) { return us_plan_find_place(p, &p->groups, number); }

uint8_t us_plan_group_flags(const struct us_plan *p, uint32_t place)
{
	uint16_t m = p->groups.marks[place];
	uint8_t old = m & NEW ? 0 : p->groups.have->flags[place];
	uint8_t by_name = (uint8_t) ((m & UNMANAGED ? US_HAVE_UNMANAGED : 0) | (m & EXEMPT ? US_HAVE_STRIP_EXEMPT : 0));

	/* What is listed gets the name that it is listed with, unless nothing is written for it. */
	if (m & SEEN && !(m & (FAILED | KEEPS_LINKS)) && !(old & US_HAVE_PROTECTED))
		old &= (uint8_t) ~(US_HAVE_UNMANAGED | US_HAVE_STRIP_EXEMPT);
	return old | by_name;
}

bool us_plan_is_gone(const struct us_plan *p, const struct side *s, uint32_t number)
{
	uint32_t place = us_plan_find_place(p, s, number);

	return place != US_MAP_NONE && s->marks[place] & GONE;
}

void us_plan_lose_member(struct us_plan *p, const struct us_plan_member *groups, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t place = us_plan_group_place(p, groups[i].number);
		if (place != US_MAP_NONE)
			p->groups.marks[place] |= LOSES;
	}
}

static bool has_local(const struct us_plan_member *members, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!members[i].owned)
			return true;
	return false;
}

/* Only what the source can see is taken away by its word: whoever stays keeps the memberships that they had.
 * strips: but for groups that are exempt, protected, or not for the sync to decide. */
static void keep_links(struct us_plan *p, uint32_t user_place, const struct us_plan_given *given, bool strips)
{
	for (uint32_t i = 0; i < given->n_groups; i++) {
		uint32_t group = us_plan_group_place(p, given->groups[i].number);
		if (!given->groups[i].owned || group == US_MAP_NONE)
			continue;
		if (!strips ||
			us_plan_group_flags(p, group) & (US_HAVE_STRIP_EXEMPT | US_HAVE_PROTECTED | US_HAVE_UNMANAGED))
			us_links_add_places(p->links, group, user_place);
	}
}

/* What the connector's own script says of it. false: the script has failed, and *why says how. */
static bool ask(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_fate *fate, struct us_slice *why)
{
	const struct us_user_image *before = given->user;
	struct us_predicate_subject subject = { .user = &before->user,
		.groups = given->group_names,
		.n_groups = given->n_groups,
		.missing_days = before->missing_since ? (p->in.now_s - before->missing_since) / 86400 : 0,
		.login_days = given->login_s ? (p->in.now_s - given->login_s) / 86400 : -1 };
	enum us_predicate_answer answer = US_PREDICATE_NO;
	enum us_stage_action stage = US_STAGE_DISABLE;
	struct us_err err = US_ERR_INIT;

	if (us_predicate_ask(p->in.predicate, arena, &subject, &answer, &stage, &err)) {
		*why = us_slice(us_arena_printf(arena, "cleanupIf: %s", err.text));
		return false;
	}
	if (answer == US_PREDICATE_YES)
		return true;
	*fate = (struct us_fate) { 0 };
	if (answer == US_PREDICATE_STAGE)
		us_fate_do_stage(fate, stage);
	else
		*why = us_slice(us_arena_printf(arena, US_SLICE_FMT "; cleanupIf keeps the user", US_SLICE_ARG(*why)));
	fate->strip |= answer == US_PREDICATE_STAGE && p->in.settings.strips;
	return true;
}

/* The script could not say: the user stays as it is. */
static void fail_user(struct us_plan *p, uint32_t place, const struct us_plan_given *given, struct us_slice why, struct us_plan_step *step)
{
	keep_links(p, place, given, false);
	step->change = (struct us_change) { .object = US_OBJECT_USER,
		.outcome = US_OUTCOME_FAILED,
		.number = p->users.have->numbers[place],
		.id = given->user->user.id,
		.name = given->user->user.name,
		.reason = why,
		.user = { .before = given->user, .after = given->user } };
	us_plan_give_row(p, &p->users, place, step);
}

static struct us_slice why_cleaned(const struct us_plan *p, const struct filtered *filtered)
{
	if (filtered)
		return filtered->reason;
	return p->in.is_narrowed ? US_SLICE("is in none of the required groups, or no longer at the source") : US_SLICE("is no longer at the source");
}

static bool clean_user(struct us_plan *p, struct us_arena *arena, uint32_t place,
	const struct us_plan_given *given, struct us_plan_step *step)
{
	struct side *s = &p->users;
	const struct us_user_image *before = given->user;
	const struct filtered *filtered = us_plan_find_filtered(s, place);
	struct us_slice why = why_cleaned(p, filtered);
	struct us_fate fate = us_plan_may_clean_users(p) ? us_fate_of(&p->in.settings, before->missing_since, p->in.now_s) : (struct us_fate) { 0 };
	bool keeps = !us_plan_may_clean_users(p) || p->in.settings.cleanup == US_CLEANUP_KEEP;

	us_assert(before && before->owned);
	if (s->have->flags[place] & US_HAVE_PROTECTED && !keeps) {
		p->counts.protected_users++;
		fate = (struct us_fate) { 0 };
		keeps = true;
		why = us_slice(us_arena_printf(arena, US_SLICE_FMT "; protectedUsers keeps the user", US_SLICE_ARG(why)));
	}
	if (p->in.predicate && !keeps && !ask(p, arena, given, &fate, &why)) {
		fail_user(p, place, given, why, step);
		return true;
	}
	if (fate.delete &&has_local(given->groups, given->n_groups)) {
		fate.delete = false;
		fate.disable = true;
		why = us_slice(us_arena_printf(arena,
			US_SLICE_FMT "; has local memberships, so it is disabled instead of deleted", US_SLICE_ARG(why)));
	}
	if (!fate.delete)
		keep_links(p, place, given, fate.strip);
	if (fate.strip) {
		s->marks[place] |= STRIPPED;
		us_plan_lose_member(p, given->groups, given->n_groups);
	}
	struct us_user_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = *before;
	after->hash = US_HASH_ZERO;
	if (!before->missing_since)
		after->missing_since = p->in.now_s;
	bool disables = fate.disable && before->user.active;
	bool anonymizes = fate.anonymize && !us_fate_is_anonymous(&before->user, s->have->numbers[place]);
	if (disables)
		after->user.active = false;
	if (anonymizes)
		us_fate_anonymize(arena, s->have->numbers[place], &after->user);
	if (!fate.delete &&(keeps || (before->missing_since && !disables && !anonymizes))) {
		if (s->marks[place] & HAS_ROW) {
			us_plan_filter_row(p, s, place, why, step);
			return true;
		}
		if (filtered) {
			us_plan_give_filtered(p, s, place, before->user.id, filtered->name.p ? filtered->name : before->user.name, step);
			step->change.reason = why;
			return true;
		}
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	if (fate.delete) {
		s->marks[place] |= GONE;
		us_plan_lose_member(p, given->groups, given->n_groups);
	}
	if (anonymizes && !fate.delete)
		us_plan_claim_name(s, place, us_fold_hash(after->user.name));
	step->change = (struct us_change) { .object = US_OBJECT_USER,
		.outcome = fate.delete    ? US_OUTCOME_DELETED
				   : anonymizes   ? US_OUTCOME_ANONYMIZED
				   : fate.disable ? US_OUTCOME_DISABLED
								  : US_OUTCOME_UPDATED,
		.number = s->have->numbers[place],
		.id = before->user.id,
		.name = before->user.name,
		.reason = why,
		.user = { .before = before, .after = fate.delete ? NULL : after } };
	p->counts.users_marked += step->change.outcome == US_OUTCOME_UPDATED;
	us_plan_give_row(p, s, place, step);
	return true;
}

/* Somebody else has the name that the user would get as an anonymous one. What is safer was due as well: the user is set inactive, and noted as
 * missing. */
void us_plan_keep_from_anonymity(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_user_image *before,
	struct us_plan_step *step)
{
	struct side *s = &p->users;
	struct us_slice why = us_fate_not_anonymous(arena, why_cleaned(p, us_plan_find_filtered(s, place)), s->have->numbers[place]);

	if (!before->user.active && before->missing_since) {
		step->reason = why;
		us_plan_fail_row(p, s, place, step);
		return;
	}
	p->counts.not_anonymous++;
	struct us_user_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = *before;
	after->hash = US_HASH_ZERO;
	after->user.active = false;
	if (!before->missing_since)
		after->missing_since = p->in.now_s;
	step->change = (struct us_change) { .object = US_OBJECT_USER,
		.outcome = before->user.active ? US_OUTCOME_DISABLED : US_OUTCOME_UPDATED,
		.number = s->have->numbers[place],
		.id = before->user.id,
		.name = before->user.name,
		.reason = why,
		.user = { .before = before, .after = after } };
	p->counts.users_marked += step->change.outcome == US_OUTCOME_UPDATED;
	us_plan_give_row(p, s, place, step);
}

static bool is_mapped(struct us_slice id)
{
	return id.n > sizeof US_MAPPED_GROUP - 1 && memcmp(id.p, US_MAPPED_GROUP, sizeof US_MAPPED_GROUP - 1) == 0;
}

static bool clean_group(struct us_plan *p, struct us_arena *arena, uint32_t place,
	const struct us_plan_given *given, struct us_plan_step *step)
{
	struct side *s = &p->groups;
	const struct us_group_image *before = given->group;
	const struct filtered *filtered = us_plan_find_filtered(s, place);
	struct us_slice why = filtered ? filtered->reason : US_SLICE("is no longer at the source");

	us_assert(before && before->owned);
	bool is_unsure = s->unidentified || (p->keeps_mapped_groups && is_mapped(before->group.id));
	if (!p->in.settings.delete_groups || is_unsure || s->have->flags[place] & US_HAVE_PROTECTED) {
		if (s->marks[place] & HAS_ROW) {
			us_plan_filter_row(p, s, place, why, step);
			return true;
		}
		if (filtered) {
			us_plan_give_filtered(p, s, place, before->group.id, before->group.name, step);
			return true;
		}
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	step->change = (struct us_change) { .object = US_OBJECT_GROUP,
		.outcome = US_OUTCOME_DELETED,
		.number = s->have->numbers[place],
		.id = before->group.id,
		.name = before->group.name,
		.reason = why,
		.group = { .before = before } };
	bool has_members = has_local(given->users, given->n_users) || has_local(given->groups, given->n_groups);
	if (has_members || has_local(given->above, given->n_above)) {
		step->change.outcome = US_OUTCOME_FAILED;
		step->change.reason = us_slice(us_arena_printf(arena, US_SLICE_FMT ", but %s: it is kept", US_SLICE_ARG(why),
			has_members ? "has local members" : "is in local groups"));
	} else {
		s->marks[place] |= GONE;
		us_plan_lose_member(p, given->above, given->n_above);
		p->counts.groups_removed++;
	}
	us_plan_give_row(p, s, place, step);
	return true;
}

/* Owned objects of the directory that were not listed; true if there is a step. */
bool us_plan_next_missing(struct us_plan *p, struct side *s, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	bool users = s == &p->users;

	for (; p->at < s->n_have; p->at++) {
		bool keeps_links = users && s->marks[p->at] & KEEPS_LINKS;
		bool returns = users && !keeps_links && s->marks[p->at] & SEEN && us_plan_knows_groups(p, p->at);
		if ((s->marks[p->at] & SEEN && !keeps_links && !returns) || !(s->have->flags[p->at] & US_HAVE_OWNED) || us_plan_is_untouched(p, s, p->at))
			continue;
		if (!p->asked) {
			p->asked = true;
			step->kind = users ? US_STEP_LOAD_USER : US_STEP_LOAD_MEMBERS;
			step->number = s->have->numbers[p->at];
			step->with_above = !users;
			step->with_names = users && p->in.predicate;
			return true;
		}
		p->asked = false;
		if (keeps_links)
			keep_links(p, p->at, given, false);
		else if (returns) /* out of the groups that were kept for them, if the source has them there no longer */
			us_plan_lose_member(p, given->groups, given->n_groups);
		else if (users ? clean_user(p, arena, p->at, given, step)
					   : clean_group(p, arena, p->at, given, step)) {
			p->at++;
			return true;
		}
	}
	return false;
}

