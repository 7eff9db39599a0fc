#include "sync/split.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/map.h"
#include "store/run.h"

/* A row of an object that waits. */
struct waiting {
	uint32_t ord;
	enum us_outcome outcome;
	bool deactivates;
};

/* A row that wants a name that its object does not have now. */
struct claim {
	struct waiting row;
	uint32_t number;
	bool is_new, waits;
	struct us_hash old; /* the name that it gives up, unless it is new */
};

/* Users or groups. */
struct half {
	struct claim *claims;
	struct us_map wanted; /* names; the n-th key is of claims[n] */
	uint32_t cap_claims;
	struct waiting *rows;
	uint32_t n_rows, cap_rows;
	struct us_hash *kept; /* names that are not given up before the part is applied */
	uint32_t n_kept, cap_kept;
	struct us_map newcomers; /* numbers of objects that are not there before */
};

struct cut {
	struct us_dbc *c;
	struct us_split *split;
	struct half users, groups;
	struct us_str why;
	struct us_err *err;
};

static struct us_hash key(uint32_t number) { return us_hash(&number, sizeof number); }

static bool has(const struct us_map *map, uint32_t number) { return us_map_find(map, key(number)) != US_MAP_NONE; }

static void *grown(void *list, uint32_t n, uint32_t *cap, size_t bytes)
{
	if (n < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 64;
	return us_realloc(list, *cap * bytes);
}

static void wait(struct half *h, struct waiting row)
{
	h->rows = grown(h->rows, h->n_rows, &h->cap_rows, sizeof *h->rows);
	h->rows[h->n_rows++] = row;
}

static void keep_name(struct half *h, struct us_hash name)
{
	h->kept = grown(h->kept, h->n_kept, &h->cap_kept, sizeof *h->kept);
	h->kept[h->n_kept++] = name;
}

static bool takes_away(const struct us_change *c, bool deactivates)
{
	switch (c->outcome) {
	case US_OUTCOME_DISABLED:
	case US_OUTCOME_DELETED:
	case US_OUTCOME_ANONYMIZED:
		return true;
	case US_OUTCOME_UPDATED:
		return deactivates || (c->object == US_OBJECT_USER && !c->user.before->missing_since && c->user.after->missing_since);
	case US_OUTCOME_RENAMED:
		return deactivates;
	case US_OUTCOME_ADDED:
	case US_OUTCOME_NOT_MODIFIED:
	case US_OUTCOME_FILTERED:
	case US_OUTCOME_FAILED:
	case US_OUTCOME_HELD:
	case US_OUTCOME_COUNT:
		break;
	}
	return false;
}

static struct us_slice name_of(const struct us_change *c, bool after)
{
	if (c->object == US_OBJECT_USER) {
		const struct us_user_image *image = after ? c->user.after : c->user.before;
		return image ? image->user.name : US_SLICE_NONE;
	}
	const struct us_group_image *image = after ? c->group.after : c->group.before;
	return image ? image->group.name : US_SLICE_NONE;
}

static void survey_row(struct half *h, const struct us_change *c)
{
	bool deactivates = c->object == US_OBJECT_USER && (c->outcome == US_OUTCOME_UPDATED || c->outcome == US_OUTCOME_RENAMED) &&
		c->user.before->user.active && !c->user.after->user.active;
	struct waiting row = { c->ord, c->outcome, deactivates };
	struct us_slice before = name_of(c, false), after = name_of(c, true);

	if (takes_away(c, deactivates)) {
		wait(h, row);
		keep_name(h, us_fold_hash(before));
		return;
	}
	struct us_hash old = before.p ? us_fold_hash(before) : US_HASH_ZERO, name = us_fold_hash(after);
	if (before.p && us_hash_is_equal(old, name))
		return;
	bool is_first;
	uint32_t n = us_map_put(&h->wanted, name, &is_first);
	us_assert(is_first); /* the names that a plan leaves behind are unique */
	h->claims = grown(h->claims, n, &h->cap_claims, sizeof *h->claims);
	h->claims[n] = (struct claim) { .row = row, .number = c->number, .is_new = !before.p, .old = old };
}

static enum us_errc survey(struct cut *cut, enum us_object object)
{
	struct half *h = object == US_OBJECT_USER ? &cut->users : &cut->groups;
	struct us_arena arena = US_ARENA_INIT;
	struct us_change_walk walk;
	struct us_change change;
	enum us_errc rc = us_change_walk_begin(cut->c, cut->split->run, object, -1, &walk, cut->err);

	if (rc)
		return rc;
	while ((rc = us_change_walk_next(&walk, &arena, &change, cut->err)) == US_OK) {
		if (us_outcome_is_written(change.outcome))
			survey_row(h, &change);
		us_arena_reset(&arena);
	}
	us_change_walk_end(&walk);
	us_arena_fini(&arena);
	if (rc != US_END)
		return rc;
	/* Whoever waits keeps the name that it has, and so makes the one wait who counted on it. A claim waits once, so this ends. */
	for (uint32_t i = 0; i < h->n_kept; i++) {
		uint32_t at = us_map_find(&h->wanted, h->kept[i]);
		if (at == US_MAP_NONE || h->claims[at].waits)
			continue;
		h->claims[at].waits = true;
		wait(h, h->claims[at].row);
		if (h->claims[at].is_new)
			us_map_put(&h->newcomers, key(h->claims[at].number), NULL);
		else
			keep_name(h, h->claims[at].old);
	}
	return US_OK;
}

static enum us_errc move_objects(struct cut *cut, const struct half *h, bool is_group)
{
	struct us_split *s = cut->split;
	int64_t *left = is_group ? s->report.groups : s->report.users, *part = is_group ? s->part_report.groups : s->part_report.users;
	enum us_errc rc = US_OK;

	for (uint32_t i = 0; i < h->n_rows && rc == US_OK; i++) {
		const struct waiting *w = &h->rows[i];
		left[w->outcome]--;
		left[US_OUTCOME_HELD]++;
		part[w->outcome]++;
		s->report.deactivated -= w->deactivates;
		s->part_report.deactivated += w->deactivates;
		s->part_n_rows++;
		rc = us_run_hold_change(cut->c, s->run, w->ord, s->part, us_str_slice(&cut->why), cut->err);
	}
	return rc;
}

/* Of the added ones, those that wait; the others stay in the delta. */
static void part_added(struct us_arena *arena, const struct us_map *newcomers, bool all, const uint32_t **list, uint32_t *n,
	const uint32_t **ret_waiting, uint32_t *ret_n)
{
	uint32_t *stay = us_arena_array(arena, *n, sizeof *stay), *waiting = us_arena_array(arena, *n, sizeof *waiting), n_stay = 0, n_waiting = 0;

	for (uint32_t i = 0; i < *n; i++)
		if (all || has(newcomers, (*list)[i]))
			waiting[n_waiting++] = (*list)[i];
		else
			stay[n_stay++] = (*list)[i];
	*list = stay;
	*n = n_stay;
	*ret_waiting = waiting;
	*ret_n = n_waiting;
}

static enum us_errc move_members(struct cut *cut, struct us_arena *arena, const struct us_change *c)
{
	struct us_split *s = cut->split;
	struct us_change stays = *c, waits = *c, shown;
	struct us_members_delta *d = &waits.members;
	bool group_waits = has(&cut->groups.newcomers, c->number);
	enum us_errc rc;

	part_added(arena, &cut->users.newcomers, group_waits, &stays.members.added_users, &stays.members.n_added_users, &d->added_users,
		&d->n_added_users);
	part_added(arena, &cut->groups.newcomers, group_waits, &stays.members.added_groups, &stays.members.n_added_groups, &d->added_groups,
		&d->n_added_groups);
	stays.members.n_removed_users = stays.members.n_removed_groups = 0;
	int64_t added = (int64_t) d->n_added_users + d->n_added_groups, removed = (int64_t) d->n_removed_users + d->n_removed_groups;
	if (!added && !removed)
		return US_OK;
	s->report.memberships_added -= added;
	s->report.memberships_removed -= removed;
	s->part_report.memberships_added += added;
	s->part_report.memberships_removed += removed;
	s->part_n_rows++;
	rc = us_run_add_change(cut->c, s->part, &waits, cut->err);
	shown = waits;
	shown.outcome = US_OUTCOME_HELD;
	shown.reason = us_slice(us_arena_printf(arena, US_SLICE_FMT US_SLICE_FMT, US_SLICE_ARG(c->reason), US_SLICE_ARG(us_str_slice(&cut->why))));
	if (stays.members.n_added_users || stays.members.n_added_groups) {
		if (rc == US_OK)
			rc = us_run_add_change(cut->c, s->run, &stays, cut->err);
		shown.ord = s->n_rows++;
	}
	return rc ? rc : us_run_add_change(cut->c, s->run, &shown, cut->err);
}

/* One page after the other, since rows are written meanwhile; those written beyond the end of the plan are not for it. */
static enum us_errc move_memberships(struct cut *cut)
{
	enum { PAGE = 500 };
	struct us_arena arena = US_ARENA_INIT;
	uint32_t end = cut->split->n_rows;
	int64_t after = -1;
	struct us_change *list;
	size_t n = 1;
	enum us_errc rc = US_OK;

	while (rc == US_OK && n) {
		us_arena_reset(&arena);
		rc = us_run_list_changes(cut->c, &arena, cut->split->run, US_OBJECT_MEMBERS, -1, US_SLICE_NONE, after, PAGE, &list, &n, cut->err);
		for (size_t i = 0; rc == US_OK && i < n; i++) {
			after = list[i].ord;
			if (list[i].ord < end && us_outcome_is_written(list[i].outcome))
				rc = move_members(cut, &arena, &list[i]);
		}
	}
	us_arena_fini(&arena);
	return rc;
}

static void half_fini(struct half *h)
{
	free(h->claims);
	free(h->rows);
	free(h->kept);
	us_map_fini(&h->wanted);
	us_map_fini(&h->newcomers);
}

enum us_errc us_split_write(struct us_dbc *c, struct us_split *split, struct us_err *err)
{
	struct cut cut = { .c = c, .split = split, .err = err };
	enum us_errc rc;

	us_str_printf(&cut.why, "; waits as run %lld", (long long) split->part);
	rc = survey(&cut, US_OBJECT_USER);
	if (rc == US_OK)
		rc = survey(&cut, US_OBJECT_GROUP);
	if (rc == US_OK)
		rc = move_objects(&cut, &cut.users, false);
	if (rc == US_OK)
		rc = move_objects(&cut, &cut.groups, true);
	if (rc == US_OK)
		rc = move_memberships(&cut);
	half_fini(&cut.users);
	half_fini(&cut.groups);
	us_str_fini(&cut.why);
	return rc;
}
