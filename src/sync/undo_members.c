/* Memberships of an undo: those that no later run has changed are turned round, the others are listed and left. */
#include "sync/undo_state.h"

#include <stdlib.h>

/* Beside the runs of undo_later.h. */
#define STAYS_AWAY ((int64_t) -2) /* the member does not come back */

enum { ADDED_USERS, REMOVED_USERS, ADDED_GROUPS, REMOVED_GROUPS, N_LISTS };

/* One of the four lists of a row: as the run changed it. */
struct list {
	const uint32_t *numbers;
	uint32_t n;
	bool is_group, was_added;
	int64_t *runs; /* who has changed it since; US_LATER_NONE: it can be turned round */
};

/* ---- tallies ---- */

static void count(struct tally *tally, uint32_t number, uint32_t n)
{
	bool is_new;
	uint32_t at = us_map_put(&tally->numbers, us_undo_key(number), &is_new);

	if (at >= tally->cap)
		tally->counts = us_realloc(tally->counts, (tally->cap = tally->numbers.cap) * sizeof *tally->counts);
	tally->counts[at] = (is_new ? 0 : tally->counts[at]) + n;
}

uint32_t us_undo_tally_find(const struct tally *tally, uint32_t number)
{
	uint32_t at = us_map_find(&tally->numbers, us_undo_key(number));

	return at == US_MAP_NONE ? 0 : tally->counts[at];
}

void us_undo_tally_fini(struct tally *tally)
{
	us_map_fini(&tally->numbers);
	free(tally->counts);
}

/* ---- what can be turned round ---- */

static const struct us_member *find_member(const struct us_member *members, size_t n, uint32_t number)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (members[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && members[low].number == number ? &members[low] : NULL;
}

/* A member that the run took away can come back if it is there, or comes back with this plan. */
static enum us_errc find_absent(struct turn *t, bool is_group, uint32_t number, int64_t *ret_run)
{
	struct us_user_image user;
	struct us_group_image group;
	enum us_errc rc;

	if (us_undo_has(is_group ? &t->back_groups : &t->back_users, number))
		return US_OK;
	rc = is_group ? us_object_load_group(t->in->reader, &t->arena, t->in->directory, number, &group, NULL)
	              : us_object_load_user(t->in->reader, &t->arena, t->in->directory, number, &user, NULL);
	if (rc && rc != US_NOT_FOUND)
		return us_err_set(t->err, rc, "cannot read the directory");
	if (rc == US_OK)
		return US_OK;
	rc = us_later_find_object(&t->later, &t->arena, is_group ? US_OBJECT_GROUP : US_OBJECT_USER, number, ret_run, t->err);
	if (rc == US_OK && *ret_run == US_LATER_UNKNOWN && us_undo_has(is_group ? &t->groups.blocked : &t->users.blocked, number))
		*ret_run = STAYS_AWAY;
	return rc;
}

static enum us_errc judge(struct turn *t, const struct us_later_members *later, struct list *l, const struct us_member *now, size_t n_now)
{
	enum us_errc rc = US_OK;

	l->runs = us_arena_array(&t->arena, l->n, sizeof *l->runs);
	us_later_mark_members(later, l->is_group, l->numbers, l->n, l->runs);
	for (uint32_t i = 0; i < l->n && !rc; i++) {
		if (l->runs[i] != US_LATER_NONE || (t->in->is_last && l->was_added))
			continue;
		const struct us_member *member = find_member(now, n_now, l->numbers[i]);
		if (l->was_added ? !member || !us_undo_is_ours(t, member->owned) : member != NULL)
			l->runs[i] = US_LATER_UNKNOWN;
		else if (!l->was_added)
			rc = find_absent(t, l->is_group, l->numbers[i], &l->runs[i]);
	}
	return rc;
}

static void spread(const struct us_members_delta *d, struct list lists[N_LISTS])
{
	lists[ADDED_USERS] = (struct list) { d->added_users, d->n_added_users, false, true, NULL };
	lists[REMOVED_USERS] = (struct list) { d->removed_users, d->n_removed_users, false, false, NULL };
	lists[ADDED_GROUPS] = (struct list) { d->added_groups, d->n_added_groups, true, true, NULL };
	lists[REMOVED_GROUPS] = (struct list) { d->removed_groups, d->n_removed_groups, true, false, NULL };
}

enum us_errc us_undo_count_members(struct turn *t, const struct us_change *c)
{
	const struct us_member *users, *groups;
	size_t n_users, n_groups;
	struct us_later_members later;
	struct list lists[N_LISTS];
	enum us_errc rc;

	spread(&c->members, lists);
	if (!lists[ADDED_USERS].n && !lists[ADDED_GROUPS].n)
		return US_OK;
	rc = us_object_load_members(t->in->reader, &t->arena, t->in->directory, c->number, &users, &n_users, &groups, &n_groups, t->err);
	if (rc == US_OK)
		rc = us_later_load_members(&t->later, &t->arena, c->number, &later, t->err);
	for (int k = 0; k < N_LISTS && !rc; k++) {
		struct list *l = &lists[k];
		if (!l->was_added || !l->n)
			continue;
		rc = judge(t, &later, l, l->is_group ? groups : users, l->is_group ? n_groups : n_users);
		uint32_t n = 0;
		for (uint32_t i = 0; i < l->n && !rc; i++)
			if (l->runs[i] == US_LATER_NONE) {
				count(l->is_group ? &t->of_groups : &t->of_users, l->numbers[i], 1);
				n++;
			}
		if (n)
			count(&t->in_groups, c->number, n);
	}
	return rc;
}

/* ---- rows ---- */

/* Those that have this mark, turned round. */
static struct us_members_delta pick(struct turn *t, const struct list lists[N_LISTS], int64_t run, uint32_t *ret_n)
{
	uint32_t *picked[N_LISTS], n[N_LISTS];

	*ret_n = 0;
	for (int k = 0; k < N_LISTS; k++) {
		picked[k] = us_arena_array(&t->arena, lists[k].n, sizeof *picked[k]);
		n[k] = 0;
		for (uint32_t i = 0; i < lists[k].n; i++)
			if (lists[k].runs[i] == run)
				picked[k][n[k]++] = lists[k].numbers[i];
		*ret_n += n[k];
	}
	return (struct us_members_delta) {
		.added_users = picked[REMOVED_USERS], .n_added_users = n[REMOVED_USERS],
		.removed_users = picked[ADDED_USERS], .n_removed_users = n[ADDED_USERS],
		.added_groups = picked[REMOVED_GROUPS], .n_added_groups = n[REMOVED_GROUPS],
		.removed_groups = picked[ADDED_GROUPS], .n_removed_groups = n[ADDED_GROUPS],
	};
}

static enum us_errc leave_members(struct turn *t, const struct us_change *c, const struct us_members_delta *d, uint32_t n, const char *why)
{
	t->left.memberships += n;
	return us_undo_give(t, (struct us_change) { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_FAILED, .number = c->number, .id = c->id,
		.name = c->name, .reason = us_slice(why), .members = *d });
}

/* One row for each run that has changed some of them since. */
static enum us_errc leave_changed(struct turn *t, const struct us_change *c, const struct list lists[N_LISTS])
{
	enum us_errc rc = US_OK;

	for (int k = 0; k < N_LISTS; k++)
		for (uint32_t i = 0; i < lists[k].n && !rc; i++) {
			int64_t run = lists[k].runs[i];
			uint32_t n;
			if (run == US_LATER_NONE)
				continue;
			struct us_members_delta d = pick(t, lists, run, &n);
			rc = leave_members(t, c, &d, n, run == STAYS_AWAY ? "the member does not come back" : us_later_text(&t->arena, "was changed since", run));
			/* each gets a row once */
			for (int m = k; m < N_LISTS; m++)
				for (uint32_t j = 0; j < lists[m].n; j++)
					if (lists[m].runs[j] == run)
						lists[m].runs[j] = US_LATER_NONE;
		}
	return rc;
}

/* The group is not there: all of the row is left. */
static enum us_errc leave_all(struct turn *t, const struct us_change *c)
{
	const struct us_members_delta *m = &c->members;
	struct us_members_delta back = { m->removed_users, m->added_users, m->removed_groups, m->added_groups,
		m->n_removed_users, m->n_added_users, m->n_removed_groups, m->n_added_groups };
	uint32_t n = m->n_added_users + m->n_removed_users + m->n_added_groups + m->n_removed_groups;
	int64_t run;
	enum us_errc rc = us_later_find_object(&t->later, &t->arena, US_OBJECT_GROUP, c->number, &run, t->err);

	if (rc)
		return rc;
	return leave_members(t, c, &back, n, us_undo_has(&t->groups.blocked, c->number) ? "the group does not come back"
		: us_later_text(&t->arena, "the group was deleted since", run));
}

enum us_errc us_undo_turn_members(struct turn *t, const struct us_change *c)
{
	const struct us_member *users = NULL, *groups = NULL;
	size_t n_users = 0, n_groups = 0;
	struct us_later_members later = { 0 };
	struct us_group_image image;
	struct list lists[N_LISTS];
	enum us_errc rc = US_OK;
	uint32_t n;

	if (!us_undo_has(&t->back_groups, c->number)) {
		rc = us_object_load_group(t->in->reader, &t->arena, t->in->directory, c->number, &image, NULL);
		if (rc == US_NOT_FOUND)
			return leave_all(t, c);
		if (rc == US_OK && !t->in->is_last)
			rc = us_object_load_members(t->in->reader, &t->arena, t->in->directory, c->number, &users, &n_users, &groups, &n_groups, t->err);
	}
	if (rc == US_OK && !t->in->is_last)
		rc = us_later_load_members(&t->later, &t->arena, c->number, &later, t->err);
	spread(&c->members, lists);
	for (int k = 0; k < N_LISTS && !rc; k++)
		rc = judge(t, &later, &lists[k], lists[k].is_group ? groups : users, lists[k].is_group ? n_groups : n_users);
	if (rc)
		return rc;
	struct us_members_delta d = pick(t, lists, US_LATER_NONE, &n);
	if (n)
		rc = us_undo_give(t, (struct us_change) { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = c->number,
			.name = c->name, .id = c->id, .reason = US_SLICE("members were changed by the run"), .members = d });
	return rc ? rc : leave_changed(t, c, lists);
}
