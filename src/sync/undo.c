#include "sync/undo_state.h"

#include <stdatomic.h>

static void survey(struct turn *t, const struct us_change *c)
{
	if (c->outcome == US_OUTCOME_FAILED)
		return;
	if (c->object == US_OBJECT_USER)
		us_undo_note_names(&t->users, c, c->user.before ? &c->user.before->user.name : NULL, c->user.after ? &c->user.after->user.name : NULL);
	else if (c->object == US_OBJECT_GROUP)
		us_undo_note_names(&t->groups, c, c->group.before ? &c->group.before->group.name : NULL, c->group.after ? &c->group.after->group.name : NULL);
}

enum us_errc us_undo_give(struct turn *t, struct us_change change)
{
	if (t->is_survey) {
		survey(t, &change);
		return US_OK;
	}
	struct us_plan_step step = { .kind = US_STEP_ROW, .change = change };
	struct us_report *r = &t->counts.report;

	step.change.ord = t->counts.n_rows++;
	switch (change.object) {
	case US_OBJECT_USER:
		r->users[change.outcome]++;
		break;
	case US_OBJECT_GROUP:
		r->groups[change.outcome]++;
		break;
	case US_OBJECT_MEMBERS:
		if (change.outcome == US_OUTCOME_FAILED)
			break;
		r->memberships_added += change.members.n_added_users + change.members.n_added_groups;
		r->memberships_removed += change.members.n_removed_users + change.members.n_removed_groups;
		break;
	}
	us_rows_add(t->in->rows, &step);
	return US_OK;
}

enum us_errc us_undo_leave(struct turn *t, const struct us_change *c, const char *why)
{
	t->left.objects += !t->is_survey;
	return us_undo_give(t, (struct us_change) { .object = c->object, .outcome = US_OUTCOME_FAILED, .number = c->number, .id = c->id,
		.name = c->name, .reason = us_slice(why) });
}

/* True if another object has its name or its id by now; gives the failed row then. */
static bool is_blocked(struct turn *t, const struct us_change *c, struct us_slice name)
{
	bool is_group = c->object == US_OBJECT_GROUP;
	const struct names *s = is_group ? &t->groups : &t->users;
	uint32_t at = us_map_find(&s->blocked, us_undo_key(c->number));
	struct us_slice other = US_SLICE("?");
	int64_t revision = 0;
	struct us_user_image user;
	struct us_group_image group;

	if (at == US_MAP_NONE)
		return false;
	if (is_group && us_object_load_group(t->in->reader, &t->arena, t->in->directory, s->holders[at], &group, NULL) == US_OK) {
		other = group.group.name;
		revision = group.revision;
	}
	if (!is_group && us_object_load_user(t->in->reader, &t->arena, t->in->directory, s->holders[at], &user, NULL) == US_OK) {
		other = user.user.name;
		revision = user.revision;
	}
	us_undo_leave(t, c, us_arena_printf(&t->arena, "cannot be <" US_SLICE_FMT "> again: its name or id belongs to <" US_SLICE_FMT "> (number %u) since run %lld",
		US_SLICE_ARG(name), US_SLICE_ARG(other), s->holders[at], (long long) revision));
	return true;
}

static bool is_same(struct us_slice a, struct us_slice b) { return !a.p == !b.p && us_slice_is_equal(a, b); }

/* What a later run did to the object is known by its rows, if the object itself cannot say. */
static enum us_errc leave_since(struct turn *t, const struct us_change *c, const char *what)
{
	int64_t run;
	enum us_errc rc = t->is_survey ? US_OK : us_later_find_object(&t->later, &t->arena, c->object, c->number, &run, t->err);

	return rc || t->is_survey ? rc : us_undo_leave(t, c, us_later_text(&t->arena, what, run));
}

static bool has_local(const struct turn *t, const struct us_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!us_undo_is_ours(t, members[i].owned))
			return true;
	return false;
}

/* The last run that changed one of the memberships, of the group in them or of its members. others: groups that the object is in, or, of a group,
 * its users and sub-groups. */
static enum us_errc find_joined(struct turn *t, uint32_t group, bool is_group, const uint32_t *numbers, uint32_t n, int64_t *ret_run)
{
	int64_t *runs = us_arena_array(&t->arena, n, sizeof *runs);
	struct us_later_members later;
	enum us_errc rc = us_later_load_members(&t->later, &t->arena, group, &later, t->err);

	if (rc)
		return rc;
	us_later_mark_members(&later, is_group, numbers, n, runs);
	for (uint32_t i = 0; i < n; i++)
		if (runs[i] > *ret_run)
			*ret_run = runs[i];
	return US_OK;
}

/* Whoever later runs gave memberships stays: they would go with it. */
static enum us_errc leave_in_groups(struct turn *t, const struct us_change *c, const struct us_member *groups, size_t n)
{
	int64_t run = US_LATER_UNKNOWN;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < n && !rc && !t->is_survey; i++)
		rc = find_joined(t, groups[i].number, c->object == US_OBJECT_GROUP, &c->number, 1, &run);
	return rc || t->is_survey ? rc : us_undo_leave(t, c, us_later_text(&t->arena, "was put into groups since", run));
}

static enum us_errc leave_with_members(struct turn *t, const struct us_change *c, const struct us_member *users, size_t n_users,
	const struct us_member *groups, size_t n_groups)
{
	uint32_t *numbers = us_arena_array(&t->arena, n_users + n_groups, sizeof *numbers);
	int64_t run = US_LATER_UNKNOWN;

	if (t->is_survey)
		return US_OK;
	for (size_t i = 0; i < n_users + n_groups; i++)
		numbers[i] = i < n_users ? users[i].number : groups[i - n_users].number;
	enum us_errc rc = find_joined(t, c->number, false, numbers, (uint32_t) n_users, &run);
	if (rc == US_OK)
		rc = find_joined(t, c->number, true, numbers + n_users, (uint32_t) n_groups, &run);
	return rc ? rc : us_undo_leave(t, c, us_later_text(&t->arena, "was given members since", run));
}

/* The user as the run left it, which it still is: what the row says of it, and when that was. Looked into only if somebody has to. */
static enum us_errc take_now(struct turn *t, const struct us_change *c, bool is_needed, struct us_change *back)
{
	back->before_text = us_image_text_at(&t->arena, c->after_text, t->in->writer);
	if (back->before_text.p && !is_needed)
		return US_OK;
	struct us_user_image *now = us_arena_alloc(&t->arena, sizeof *now);
	back->before_text = US_SLICE_NONE;
	back->user.before = now;
	return us_object_load_user(t->in->reader, &t->arena, t->in->directory, c->number, now, t->err);
}

static enum us_errc turn_user(struct turn *t, const struct us_change *c)
{
	int64_t revision = t->in->writer;
	struct us_change back = { .object = US_OBJECT_USER, .number = c->number, .id = c->id };
	enum us_errc rc = US_OK;

	if (t->in->is_last)
		rc = c->outcome == US_OUTCOME_DELETED ? US_NOT_FOUND : US_OK;
	else
		rc = us_object_load_user_revision(t->in->reader, t->in->directory, c->number, &revision, NULL);

	if (rc && rc != US_NOT_FOUND)
		return us_err_set(t->err, rc, "cannot read a user of the directory");
	if (c->outcome == US_OUTCOME_DELETED) {
		if (rc == US_OK)
			return leave_since(t, c, "was brought back since");
		if (is_blocked(t, c, c->user.before->user.name))
			return US_OK;
		us_map_put(&t->back_users, us_undo_key(c->number), NULL);
		back.outcome = US_OUTCOME_ADDED;
		back.name = c->user.before->user.name;
		back.reason = US_SLICE("was deleted by the run");
		back.user.after = c->user.before;
		back.after_text = c->before_text;
		return us_undo_give(t, back);
	}
	if (rc == US_NOT_FOUND)
		return leave_since(t, c, "was deleted since");
	if (revision != t->in->writer)
		return us_undo_leave(t, c, us_arena_printf(&t->arena, "was changed since by run %lld", (long long) revision));
	if (c->outcome == US_OUTCOME_ADDED) {
		const struct us_member *groups = NULL;
		size_t n = 0;
		if (!t->in->is_last)
			rc = us_object_load_groups_of_user(t->in->reader, &t->arena, t->in->directory, c->number, &groups, &n, t->err);
		if (rc)
			return rc;
		if (has_local(t, groups, n))
			return us_undo_leave(t, c, "has local memberships");
		if (n > us_undo_tally_find(&t->of_users, c->number))
			return leave_in_groups(t, c, groups, n);
		back.outcome = US_OUTCOME_DELETED;
		back.name = c->name;
		back.reason = US_SLICE("was added by the run");
		t->counts.users_cleaned++;
		rc = take_now(t, c, t->is_survey, &back);
		return rc ? rc : us_undo_give(t, back);
	}
	const struct us_user *old = &c->user.before->user;
	if (is_blocked(t, c, old->name))
		return US_OK;
	bool kept_name = (c->outcome == US_OUTCOME_UPDATED || c->outcome == US_OUTCOME_DISABLED) && is_same(old->name, c->name);
	rc = take_now(t, c, t->is_survey || !kept_name || !old->active, &back);
	if (rc)
		return rc;
	back.outcome = kept_name || is_same(old->name, back.user.before->user.name) ? US_OUTCOME_UPDATED : US_OUTCOME_RENAMED;
	back.name = old->name;
	back.reason = US_SLICE("was changed by the run");
	back.user.after = c->user.before;
	back.after_text = c->before_text;
	if (!old->active && back.user.before->user.active)
		t->counts.report.deactivated++;
	return us_undo_give(t, back);
}

static enum us_errc turn_group(struct turn *t, const struct us_change *c)
{
	struct us_group_image *now = us_arena_zalloc(&t->arena, sizeof *now);
	enum us_errc rc = us_object_load_group(t->in->reader, &t->arena, t->in->directory, c->number, now, NULL);
	struct us_change back = { .object = US_OBJECT_GROUP, .number = c->number, .id = c->id };

	if (rc && rc != US_NOT_FOUND)
		return us_err_set(t->err, rc, "cannot read a group of the directory");
	if (c->outcome == US_OUTCOME_DELETED) {
		if (rc == US_OK)
			return leave_since(t, c, "was brought back since");
		if (is_blocked(t, c, c->group.before->group.name))
			return US_OK;
		us_map_put(&t->back_groups, us_undo_key(c->number), NULL);
		back.outcome = US_OUTCOME_ADDED;
		back.name = c->group.before->group.name;
		back.reason = US_SLICE("was deleted by the run");
		back.group.after = c->group.before;
		return us_undo_give(t, back);
	}
	if (rc == US_NOT_FOUND)
		return leave_since(t, c, "was deleted since");
	if (now->revision != t->in->writer)
		return us_undo_leave(t, c, us_arena_printf(&t->arena, "was changed since by run %lld", (long long) now->revision));
	back.group.before = now;
	if (c->outcome == US_OUTCOME_ADDED) {
		const struct us_member *users = NULL, *groups = NULL, *parents = NULL;
		size_t n_users = 0, n_groups = 0, n_parents = 0;
		if (!t->in->is_last)
			rc = us_object_load_members(t->in->reader, &t->arena, t->in->directory, c->number, &users, &n_users, &groups, &n_groups, t->err);
		if (rc == US_OK && !t->in->is_last)
			rc = us_object_load_groups_of_group(t->in->reader, &t->arena, t->in->directory, c->number, &parents, &n_parents, t->err);
		if (rc)
			return rc;
		if (has_local(t, users, n_users) || has_local(t, groups, n_groups) || has_local(t, parents, n_parents))
			return us_undo_leave(t, c, "has local members or memberships");
		if (n_users + n_groups > us_undo_tally_find(&t->in_groups, c->number))
			return leave_with_members(t, c, users, n_users, groups, n_groups);
		if (n_parents > us_undo_tally_find(&t->of_groups, c->number))
			return leave_in_groups(t, c, parents, n_parents);
		back.outcome = US_OUTCOME_DELETED;
		back.name = now->group.name;
		back.reason = US_SLICE("was added by the run");
		t->counts.groups_removed++;
		return us_undo_give(t, back);
	}
	if (is_blocked(t, c, c->group.before->group.name))
		return US_OK;
	back.outcome = is_same(c->group.before->group.name, now->group.name) ? US_OUTCOME_UPDATED : US_OUTCOME_RENAMED;
	back.name = c->group.before->group.name;
	back.reason = US_SLICE("was changed by the run");
	back.group.after = c->group.before;
	return us_undo_give(t, back);
}

typedef enum us_errc turn_fn(struct turn *t, const struct us_change *c);

/* Rows of one page, in one transaction of the reader: what it reads belongs together, and is locked once. */
static enum us_errc turn_page(struct turn *t, struct us_arena *page, int object, int outcome, turn_fn *turn, int64_t *after, bool *ret_is_end)
{
	enum { PAGE = 4000 }; /* fewer commits: each writes down pages of the indexes again */
	struct us_change *list;
	size_t n = 0;
	/* The reader of a local undo is its writer, which has begun. */
	enum us_errc rc = t->in->is_local ? US_OK : us_db_begin(t->in->reader, t->err);

	if (rc)
		return rc;
	rc = us_run_list_texts(t->in->reader, page, t->in->plan_run, object, outcome, *after, PAGE, &list, &n, t->err);
	for (size_t i = 0; rc == US_OK && i < n; i++)
		if (us_outcome_is_written(list[i].outcome))
			rc = turn(t, &list[i]);
	if (rc == US_OK && n)
		*after = list[n - 1].ord;
	*ret_is_end = n < PAGE;
	if (!t->in->is_local)
		us_db_rollback(t->in->reader);
	return rc;
}

/* One page after the other, so that nothing is open while the rows of the undo are written. outcome: -1 for all. */
static enum us_errc walk(struct turn *t, int object, int outcome, turn_fn *turn)
{
	struct us_arena page = US_ARENA_INIT;
	int64_t after = -1;
	bool is_end = false;
	enum us_errc rc = US_OK;

	while (!is_end && !rc) {
		us_arena_reset(&page);
		rc = *t->in->cancel ? us_err_set(t->err, US_CANCELLED, "Cancelled while planning")
		                    : turn_page(t, &page, object, outcome, turn, &after, &is_end);
		/* gathered rows borrow from the page */
		if (rc == US_OK)
			rc = us_rows_flush(t->in->rows, t->err);
		us_arena_reset(&t->arena);
	}
	us_arena_fini(&page);
	return rc;
}

static void forget_survey(struct turn *t)
{
	us_map_fini(&t->back_users);
	us_map_fini(&t->back_groups);
	t->back_users = t->back_groups = (struct us_map) US_MAP_INIT;
	t->counts.users_cleaned = t->counts.groups_removed = 0;
	t->counts.report = (struct us_report) { 0 };
}

static enum us_errc survey_side(struct turn *t, bool is_group)
{
	/* Those of the first kinds may want a name. Who was added wants none, and matters only if somebody else does. */
	static const enum us_outcome outcomes[] = { US_OUTCOME_DELETED, US_OUTCOME_RENAMED, US_OUTCOME_ANONYMIZED, US_OUTCOME_ADDED };
	const int64_t *counts = is_group ? t->in->report->groups : t->in->report->users;
	const struct names *names = is_group ? &t->groups : &t->users;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes && !rc; i++)
		if (counts[outcomes[i]] && (outcomes[i] != US_OUTCOME_ADDED || names->n))
			rc = walk(t, is_group ? US_OBJECT_GROUP : US_OBJECT_USER, (int) outcomes[i], is_group ? turn_group : turn_user);
	return rc;
}

/* Which of the rows cannot be turned round because somebody else has the name by now. */
static enum us_errc survey_names(struct turn *t)
{
	enum us_errc rc;

	t->is_survey = true;
	rc = survey_side(t, false);
	if (rc == US_OK)
		rc = survey_side(t, true);
	t->is_survey = false;
	forget_survey(t);
	if (rc)
		return rc;
	if (!t->users.n && !t->groups.n)
		return US_OK; /* nobody wants a name */
	if ((rc = us_object_load_have(t->in->reader, t->in->directory, NULL, &t->have, t->err)))
		return rc;
	us_undo_find_clashes(&t->users, &t->have.users);
	us_undo_find_clashes(&t->groups, &t->have.groups);
	return US_OK;
}

/* Whether the run has rows of that kind that were written: rows of all kinds lie together, and a walk passes by all of them. */
static bool has_rows(const struct us_report *r, enum us_object object)
{
	int64_t n = 0;

	if (object == US_OBJECT_MEMBERS)
		return r->memberships_added || r->memberships_removed;
	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (i != US_OUTCOME_NOT_MODIFIED && us_outcome_is_written((enum us_outcome) i))
			n += object == US_OBJECT_USER ? r->users[i] : r->groups[i];
	return n > 0;
}

static enum us_errc walk_all(struct turn *t, enum us_object object, turn_fn *turn)
{
	return has_rows(t->in->report, object) ? walk(t, object, -1, turn) : US_OK;
}

enum us_errc us_undo_plan(const struct us_undo *undo, struct us_plan_counts *ret_counts, struct us_undo_left *ret_left, struct us_err *err)
{
	struct turn t = { .in = undo, .later = { undo->reader, undo->directory, undo->writer }, .err = err };
	enum us_errc rc = us_object_count_owned(undo->reader, undo->directory, &t.counts.have_users, &t.counts.have_groups,
		&t.counts.have_memberships, err);

	/* What the run added can go if its memberships can. */
	if (rc == US_OK && !undo->is_last)
		rc = walk_all(&t, US_OBJECT_MEMBERS, us_undo_count_members);
	if (rc == US_OK)
		rc = survey_names(&t);
	us_have_fini(&t.have);
	/* Objects first: who comes back decides which memberships can. */
	if (rc == US_OK)
		rc = walk_all(&t, US_OBJECT_USER, turn_user);
	if (rc == US_OK)
		rc = walk_all(&t, US_OBJECT_GROUP, turn_group);
	if (rc == US_OK)
		rc = walk_all(&t, US_OBJECT_MEMBERS, us_undo_turn_members);
	if (rc == US_OK)
		rc = us_rows_flush(undo->rows, err);
	/* Nothing was listed, so the rules of listings have nothing to say: only the limits judge an undo. */
	t.counts.listed_users = t.counts.have_users;
	t.counts.listed_groups = t.counts.have_groups;
	if (t.counts.have_users == 0)
		t.counts.listed_users = 1;
	if (t.counts.have_groups == 0)
		t.counts.listed_groups = 1;
	t.counts.users_removed = t.counts.users_cleaned + t.counts.report.deactivated;
	t.counts.users_renamed = t.counts.report.users[US_OUTCOME_RENAMED];
	t.counts.groups_renamed = t.counts.report.groups[US_OUTCOME_RENAMED];
	*ret_counts = t.counts;
	*ret_left = t.left;
	us_map_fini(&t.back_users);
	us_map_fini(&t.back_groups);
	us_undo_names_fini(&t.users);
	us_undo_names_fini(&t.groups);
	us_undo_tally_fini(&t.of_users);
	us_undo_tally_fini(&t.of_groups);
	us_undo_tally_fini(&t.in_groups);
	us_arena_fini(&t.arena);
	return rc;
}

void us_undo_say(const struct us_undo_left *left, struct us_messages *messages)
{
	if (left->objects || left->memberships)
		us_messages_add(messages, "%lld users and groups and %lld memberships are left as they are: the results that are FAILED say why, and which "
			"later run changed them.", (long long) left->objects, (long long) left->memberships);
}
