#include "sync/plan_state.h"

/* New objects have numbers in a row from the first new one on; those of a whole index were loaded in order of their numbers. */
uint32_t us_plan_group_place(const struct us_plan *p, uint32_t number)
{
	const struct side *s = &p->groups;
	uint32_t low = 0, high = s->n_have;

	if (s->have->n > s->n_have && number >= s->have->numbers[s->n_have])
		return s->n_have + (number - s->have->numbers[s->n_have]);
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (s->have->numbers[mid] < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n_have && s->have->numbers[low] == number ? low : US_MAP_NONE;
}

static bool has_local(const struct us_plan_member *members, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!members[i].owned)
			return true;
	return false;
}

static void keep_links(struct us_plan *p, uint32_t user_place, const struct us_plan_given *given)
{
	for (uint32_t i = 0; i < given->n_groups; i++) {
		uint32_t group = us_plan_group_place(p, given->groups[i].number);
		if (given->groups[i].owned && group != US_MAP_NONE)
			us_links_add_places(p->links, group, user_place);
	}
}

static bool clean_user(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_plan_given *given,
	struct us_plan_step *step)
{
	struct side *s = &p->users;
	const struct us_user_image *before = given->user;
	enum us_cleanup mode = p->users.unidentified ? US_CLEANUP_KEEP : p->in.settings.cleanup;
	const struct filtered *filtered = us_plan_find_filtered(p, place);
	struct us_slice why = filtered ? filtered->reason : US_SLICE("is no longer at the source");

	us_assert(before && before->owned);
	if (mode == US_CLEANUP_DELETE && has_local(given->groups, given->n_groups)) {
		mode = US_CLEANUP_DISABLE;
		why = us_slice(us_arena_printf(arena, US_SLICE_FMT "; has local memberships, so it is disabled instead of deleted", US_SLICE_ARG(why)));
	}
	/* Whoever stays keeps the memberships that they had: only what the source can see is taken away by its word. */
	if (mode != US_CLEANUP_DELETE)
		keep_links(p, place, given);
	bool done = mode == US_CLEANUP_KEEP || (mode == US_CLEANUP_DISABLE && before->missing_since && !before->user.active);
	if (done && filtered) {
		us_plan_give_filtered(p, filtered, step);
		return true;
	}
	if (done) {
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	struct us_user_image *after = NULL;
	if (mode == US_CLEANUP_DISABLE) {
		after = us_arena_zalloc(arena, sizeof *after);
		*after = *before;
		after->user.active = false;
		after->missing_since = before->missing_since ? before->missing_since : p->in.now_s;
		after->hash = US_HASH_ZERO;
	} else {
		s->marks[place] |= GONE;
	}
	step->change = (struct us_change) {
		.object = US_OBJECT_USER, .outcome = after ? US_OUTCOME_DISABLED : US_OUTCOME_DELETED,
		.number = s->have->numbers[place], .id = before->user.id, .name = before->user.name, .reason = why,
		.user = { .before = before, .after = after } };
	p->counts.users_cleaned++;
	us_plan_give_row(p, s, place, step);
	return true;
}

static bool clean_group(struct us_plan *p, uint32_t place, const struct us_plan_given *given, struct us_plan_step *step)
{
	struct side *s = &p->groups;
	const struct us_group_image *before = given->group;

	us_assert(before && before->owned);
	if (!p->in.settings.delete_groups || s->unidentified) {
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	step->change = (struct us_change) {
		.object = US_OBJECT_GROUP, .outcome = US_OUTCOME_DELETED, .number = s->have->numbers[place],
		.id = before->group.id, .name = before->group.name, .reason = US_SLICE("is no longer at the source"),
		.group = { .before = before } };
	if (has_local(given->users, given->n_users) || has_local(given->groups, given->n_groups)) {
		step->change.outcome = US_OUTCOME_FAILED;
		step->change.reason = US_SLICE("is no longer at the source, but has local members: it is kept");
	} else {
		s->marks[place] |= GONE;
		p->counts.groups_removed++;
	}
	us_plan_give_row(p, s, place, step);
	return true;
}

/* Owned objects of the directory that were not listed; true if there is a step. */
bool us_plan_next_missing(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	bool users = p->phase == MISSING_USERS;
	struct side *s = users ? &p->users : &p->groups;

	for (; p->at < s->n_have; p->at++) {
		bool keeps_links = users && s->marks[p->at] & KEEPS_LINKS;
		if ((s->marks[p->at] & SEEN && !keeps_links) || !(s->have->flags[p->at] & US_HAVE_OWNED))
			continue;
		if (!p->asked) {
			p->asked = true;
			step->kind = users ? US_STEP_LOAD_USER : US_STEP_LOAD_MEMBERS;
			step->number = s->have->numbers[p->at];
			return true;
		}
		p->asked = false;
		if (keeps_links)
			keep_links(p, p->at, given);
		else if (users ? clean_user(p, arena, p->at, given, step) : clean_group(p, p->at, given, step)) {
			p->at++;
			return true;
		}
	}
	return false;
}

