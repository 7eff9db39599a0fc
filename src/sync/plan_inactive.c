#include "sync/plan_inactive.h"

#include "model/fate.h"

enum { DAY_S = 86400 };

static int64_t last_seen(const struct us_inactive_user *u) { return u->last_login ? u->last_login : u->created; }

enum us_inactive_verdict us_inactive_judge(const struct us_inactive_settings *s, const struct us_inactive_user *u)
{
	if (!s->is_local && !u->is_owned)
		return US_INACTIVE_NOT;
	if (u->is_admin)
		return US_INACTIVE_ADMIN;
	if (!u->is_chosen)
		return US_INACTIVE_NOT;
	if (!u->last_login && !s->counts_never)
		return US_INACTIVE_UNKNOWN;
	return s->now_s - last_seen(u) >= s->days * DAY_S ? US_INACTIVE_DUE : US_INACTIVE_NOT;
}

static bool has_local(const struct us_inactive_membership *groups, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!groups[i].owned)
			return true;
	return false;
}

static struct us_slice reason_of(const struct us_inactive_settings *s, struct us_arena *arena, const struct us_inactive_user *u)
{
	long long days = (long long) ((s->now_s - last_seen(u)) / DAY_S);

	return us_slice(u->last_login ? us_arena_printf(arena, "has not logged in for %lld days", days)
		: us_arena_printf(arena, "has never logged in since it was made %lld days ago", days));
}

/* Of a user who goes, all memberships end as rows, so that an undo brings them back. */
static void leave_groups(const struct us_inactive_settings *s, struct us_arena *arena, const struct us_inactive_membership *groups, uint32_t n,
	bool all, struct us_inactive_step *step)
{
	uint32_t *left = us_arena_array(arena, n, sizeof *left);

	for (uint32_t i = 0; i < n; i++)
		if ((groups[i].owned || s->is_local) && (all || !groups[i].stays))
			left[step->n_left++] = groups[i].group;
	step->left = left;
}

/* What the connector's own script says. false: it has failed; *why says how, or why the user is kept. */
static bool ask(const struct us_inactive_settings *s, struct us_arena *arena, const struct us_inactive_user *u, const struct us_user_image *before,
	const struct us_inactive_membership *groups, uint32_t n_groups, struct us_fate *fate, struct us_slice *why)
{
	struct us_slice *names = us_arena_array(arena, n_groups, sizeof *names);
	enum us_predicate_answer answer = US_PREDICATE_NO;
	enum us_stage_action stage = US_STAGE_DISABLE;
	struct us_err err = US_ERR_INIT;

	for (uint32_t i = 0; i < n_groups; i++)
		names[i] = groups[i].name;
	const struct us_predicate_subject subject = { .user = &before->user, .groups = names, .n_groups = n_groups,
		.missing_days = before->missing_since ? (s->now_s - before->missing_since) / DAY_S : 0,
		.login_days = u->last_login ? (s->now_s - u->last_login) / DAY_S : -1 };
	if (us_predicate_ask(s->predicate, arena, &subject, &answer, &stage, &err)) {
		*why = us_slice(us_arena_printf(arena, "cleanupIf: %s", err.text));
		return false;
	}
	if (answer == US_PREDICATE_YES)
		return true;
	*fate = (struct us_fate) { 0 };
	if (answer == US_PREDICATE_STAGE) {
		us_fate_do_stage(fate, stage);
		fate->strip |= s->sync->strips;
	}
	return true;
}

static void fail(const struct us_inactive_user *u, const struct us_user_image *before, struct us_slice why, struct us_inactive_step *step)
{
	step->has_row = true;
	step->change = (struct us_change) { .object = US_OBJECT_USER, .outcome = US_OUTCOME_FAILED, .number = u->number, .id = before->user.id,
		.name = before->user.name, .reason = why, .user = { .before = before, .after = before } };
}

void us_inactive_plan(const struct us_inactive_settings *s, struct us_arena *arena, const struct us_inactive_user *u,
	const struct us_user_image *before, const struct us_inactive_membership *groups, uint32_t n_groups, struct us_inactive_step *ret_step)
{
	/* A mark from before the last login says nothing any more: the stages begin anew. In the same second the login came last: nobody who has just
	 * logged in is inactive. */
	bool is_known = before->retired.since && u->last_login < before->retired.since;
	int64_t since = is_known ? before->retired.since : s->now_s;
	struct us_fate fate = us_fate_of(s->sync, since, s->now_s);
	struct us_slice why = reason_of(s, arena, u);

	*ret_step = (struct us_inactive_step) { 0 };
	if (s->sync->cleanup == US_CLEANUP_KEEP)
		return;
	if (s->predicate && !ask(s, arena, u, before, groups, n_groups, &fate, &why)) {
		fail(u, before, why, ret_step);
		return;
	}
	if (fate.delete && !s->is_local && has_local(groups, n_groups)) {
		fate.delete = false;
		fate.disable = true;
		why = us_slice(us_arena_printf(arena, US_SLICE_FMT "; has local memberships, so it is disabled instead of deleted", US_SLICE_ARG(why)));
	}
	if (fate.delete || fate.strip)
		leave_groups(s, arena, groups, n_groups, fate.delete, ret_step);
	struct us_user_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = *before;
	bool strips = (is_known && before->retired.strips) || fate.strip;
	bool disables = fate.disable && before->user.active;
	bool hides = fate.anonymize && !fate.delete && !us_fate_is_anonymous(&before->user, u->number), anonymizes = hides && !u->is_name_taken;
	bool notes = !is_known && (s->sync->cleanup == US_CLEANUP_STAGED || ret_step->n_left);
	bool is_news = is_known && strips != before->retired.strips;
	bool is_kept = hides && !anonymizes;
	if (is_kept)
		why = us_fate_not_anonymous(arena, why, u->number);
	if (!fate.delete && !disables && !anonymizes && !notes && !is_news) {
		if (is_kept)
			fail(u, before, why, ret_step);
		return;
	}
	if (disables)
		after->user.active = false;
	if (anonymizes)
		us_fate_anonymize(arena, u->number, &after->user);
	after->retired.since = since;
	after->retired.by = s->connector;
	after->retired.strips = strips;
	ret_step->has_row = true;
	ret_step->change = (struct us_change) { .object = US_OBJECT_USER,
		.outcome = fate.delete ? US_OUTCOME_DELETED : anonymizes ? US_OUTCOME_ANONYMIZED : disables ? US_OUTCOME_DISABLED : US_OUTCOME_UPDATED,
		.number = u->number, .id = before->user.id, .name = before->user.name, .reason = why,
		.user = { .before = before, .after = fate.delete ? NULL : after } };
}
