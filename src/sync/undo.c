#include "sync/undo.h"

#include <stdatomic.h>

#include <stdlib.h>

#include "base/fold.h"
#include "base/map.h"
#include "model/have.h"
#include "store/object.h"

/* An object that wants a name, or, to come back, an id that it does not have now. */
struct claim {
	uint32_t number;
	bool is_back;                  /* was deleted: holds no name now */
	struct us_hash name, old, id;  /* old: the name that it has now */
};

/* Users or groups: who wants which name, who gives one up, and who cannot have it. */
struct names {
	struct claim *list;
	uint32_t n, cap;
	struct us_map wanted;   /* names; the n-th key is of list[n] */
	struct us_map givers;   /* numbers of those that give up the name that they have */
	struct us_map blocked;  /* numbers of those that cannot be turned round */
	uint32_t *holders;      /* by place in blocked: the number of whoever has the name or the id */
	uint32_t cap_holders;
};

struct turn {
	const struct us_undo *in;
	struct us_arena arena;
	struct us_have have;
	bool is_survey; /* the first walk over the objects: only looks for names that clash */
	struct names users, groups;
	struct us_plan_counts counts;
	struct us_map gone_users, gone_groups, back_users, back_groups; /* numbers that this plan deletes, or brings back */
	struct us_map removed;  /* memberships that a row of this plan takes away already */
	struct us_err *err;
};

static struct us_hash key1(uint32_t number) { return us_hash(&number, sizeof number); }

static struct us_hash key2(uint32_t group, uint32_t member, bool is_group)
{
	uint32_t pair[3] = { group, member, is_group };

	return us_hash(pair, sizeof pair);
}

static bool has(const struct us_map *map, uint32_t number) { return us_map_find(map, key1(number)) != US_MAP_NONE; }

static void note_claim(struct names *s, struct claim claim)
{
	bool is_new;

	us_map_put(&s->wanted, claim.name, &is_new);
	us_assert(is_new); /* the names that a run left behind or took away were unique */
	if (s->n == s->cap)
		s->list = us_realloc(s->list, (s->cap = s->cap ? s->cap * 2 : 32) * sizeof *s->list);
	s->list[s->n++] = claim;
}

static void note_names(struct names *s, const struct us_change *c, const struct us_slice *before, const struct us_slice *after)
{
	struct us_hash old = before ? us_fold_hash(*before) : US_HASH_ZERO, name = after ? us_fold_hash(*after) : US_HASH_ZERO;

	if (before && after && us_hash_is_equal(old, name))
		return;
	if (before)
		us_map_put(&s->givers, key1(c->number), NULL);
	if (after)
		note_claim(s, (struct claim) { c->number, !before, name, old, us_hash_slice(c->id) });
}

static void survey(struct turn *t, const struct us_change *c)
{
	if (c->outcome == US_OUTCOME_FAILED)
		return;
	if (c->object == US_OBJECT_USER)
		note_names(&t->users, c, c->user.before ? &c->user.before->user.name : NULL, c->user.after ? &c->user.after->user.name : NULL);
	else if (c->object == US_OBJECT_GROUP)
		note_names(&t->groups, c, c->group.before ? &c->group.before->group.name : NULL, c->group.after ? &c->group.after->group.name : NULL);
}

static void block(struct names *s, const struct claim *claim, uint32_t holder)
{
	bool is_new;
	uint32_t at = us_map_put(&s->blocked, key1(claim->number), &is_new);

	if (!is_new)
		return;
	if (at >= s->cap_holders)
		s->holders = us_realloc(s->holders, (s->cap_holders = s->blocked.cap) * sizeof *s->holders);
	s->holders[at] = holder;
}

/* Invariant I, as in a plan from a listing: a name is free if nobody has it, or whoever has it goes or moves to a name that it gets. Whoever is
 * blocked keeps its name, and so blocks the one who counted on it. */
static void find_clashes(struct names *s, const struct us_have_side *have)
{
	uint32_t *queue = us_malloc((s->n + 1) * sizeof *queue), n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct claim *c = &s->list[i];
		uint32_t holder = us_map_find(&have->names, c->name), twin = c->is_back ? us_map_find(&have->ids, c->id) : US_MAP_NONE;
		if (twin == US_MAP_NONE && (holder == US_MAP_NONE || have->numbers[holder] == c->number || has(&s->givers, have->numbers[holder])))
			continue;
		block(s, c, have->numbers[twin == US_MAP_NONE ? holder : twin]);
		queue[n++] = i;
	}
	/* A claim is blocked once, so the queue holds each at most once. */
	for (uint32_t i = 0; i < n; i++) {
		const struct claim *c = &s->list[queue[i]];
		uint32_t next = c->is_back ? US_MAP_NONE : us_map_find(&s->wanted, c->old);
		if (next == US_MAP_NONE || has(&s->blocked, s->list[next].number))
			continue;
		block(s, &s->list[next], c->number);
		queue[n++] = next;
	}
	free(queue);
}

static void names_fini(struct names *s)
{
	free(s->list);
	free(s->holders);
	us_map_fini(&s->wanted);
	us_map_fini(&s->givers);
	us_map_fini(&s->blocked);
}

static enum us_errc give(struct turn *t, struct us_change change)
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

static enum us_errc leave(struct turn *t, const struct us_change *c, const char *why)
{
	return give(t, (struct us_change) { .object = c->object, .outcome = US_OUTCOME_FAILED, .number = c->number, .id = c->id,
		.name = c->name, .reason = us_slice(why) });
}

/* True if another object has its name or its id by now; gives the failed row then. */
static bool is_blocked(struct turn *t, const struct us_change *c, struct us_slice name)
{
	bool is_group = c->object == US_OBJECT_GROUP;
	const struct names *s = is_group ? &t->groups : &t->users;
	uint32_t at = us_map_find(&s->blocked, key1(c->number));
	struct us_slice other = US_SLICE("?");
	struct us_user_image user;
	struct us_group_image group;

	if (at == US_MAP_NONE)
		return false;
	if (is_group && us_object_load_group(t->in->reader, &t->arena, t->in->directory, s->holders[at], &group, NULL) == US_OK)
		other = group.group.name;
	if (!is_group && us_object_load_user(t->in->reader, &t->arena, t->in->directory, s->holders[at], &user, NULL) == US_OK)
		other = user.user.name;
	leave(t, c, us_arena_printf(&t->arena, "cannot be <" US_SLICE_FMT "> again: its name or id belongs to <" US_SLICE_FMT "> (number %u) by now",
		US_SLICE_ARG(name), US_SLICE_ARG(other), s->holders[at]));
	return true;
}

/* A membership that may be taken away. */
static bool is_ours(const struct turn *t, bool owned) { return owned || t->in->is_local; }

static bool is_same(struct us_slice a, struct us_slice b) { return !a.p == !b.p && us_slice_is_equal(a, b); }

static enum us_errc turn_user(struct turn *t, const struct us_change *c)
{
	struct us_user_image *now = us_arena_zalloc(&t->arena, sizeof *now);
	enum us_errc rc = us_object_load_user(t->in->reader, &t->arena, t->in->directory, c->number, now, NULL);
	struct us_change back = { .object = US_OBJECT_USER, .number = c->number, .id = c->id };

	if (rc && rc != US_NOT_FOUND)
		return us_err_set(t->err, rc, "cannot read a user of the directory");
	if (c->outcome == US_OUTCOME_DELETED) {
		if (rc == US_OK)
			return leave(t, c, "is there again since");
		if (is_blocked(t, c, c->user.before->user.name))
			return US_OK;
		us_map_put(&t->back_users, key1(c->number), NULL);
		back.outcome = US_OUTCOME_ADDED;
		back.name = c->user.before->user.name;
		back.reason = US_SLICE("was deleted by the run");
		back.user.after = c->user.before;
		return give(t, back);
	}
	if (rc == US_NOT_FOUND)
		return leave(t, c, "was deleted since by a later run");
	if (now->revision != t->in->writer)
		return leave(t, c, us_arena_printf(&t->arena, "was changed since by run %lld", (long long) now->revision));
	back.user.before = now;
	if (c->outcome == US_OUTCOME_ADDED) {
		const struct us_member *groups;
		size_t n;
		rc = us_object_load_groups_of_user(t->in->reader, &t->arena, t->in->directory, c->number, &groups, &n, t->err);
		if (rc)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (!is_ours(t, groups[i].owned))
				return leave(t, c, "has local memberships");
		us_map_put(&t->gone_users, key1(c->number), NULL);
		back.outcome = US_OUTCOME_DELETED;
		back.name = now->user.name;
		back.reason = US_SLICE("was added by the run");
		t->counts.users_cleaned++;
		return give(t, back);
	}
	const struct us_user *old = &c->user.before->user;
	if (is_blocked(t, c, old->name))
		return US_OK;
	back.outcome = is_same(old->name, now->user.name) ? US_OUTCOME_UPDATED : US_OUTCOME_RENAMED;
	back.name = old->name;
	back.reason = US_SLICE("was changed by the run");
	back.user.after = c->user.before;
	if (now->user.active && !old->active)
		t->counts.report.deactivated++;
	return give(t, back);
}

/* A group that goes loses all its members first, those that later runs gave it included. */
static enum us_errc empty_group(struct turn *t, const struct us_change *c, const struct us_member *users, size_t n_users,
	const struct us_member *groups, size_t n_groups)
{
	uint32_t *u = us_arena_array(&t->arena, n_users, sizeof *u), *g = us_arena_array(&t->arena, n_groups, sizeof *g);

	if (!n_users && !n_groups)
		return US_OK;
	for (size_t i = 0; i < n_users; i++) {
		u[i] = users[i].number;
		if (has(&t->gone_users, u[i]))
			us_map_put(&t->removed, key2(c->number, u[i], false), NULL);
	}
	for (size_t i = 0; i < n_groups; i++) {
		g[i] = groups[i].number;
		us_map_put(&t->removed, key2(c->number, g[i], true), NULL);
	}
	return give(t, (struct us_change) { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = c->number, .name = c->name,
		.id = c->id, .reason = US_SLICE("the group goes"),
		.members = { .removed_users = u, .n_removed_users = (uint32_t) n_users, .removed_groups = g, .n_removed_groups = (uint32_t) n_groups } });
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
			return leave(t, c, "is there again since");
		if (is_blocked(t, c, c->group.before->group.name))
			return US_OK;
		us_map_put(&t->back_groups, key1(c->number), NULL);
		back.outcome = US_OUTCOME_ADDED;
		back.name = c->group.before->group.name;
		back.reason = US_SLICE("was deleted by the run");
		back.group.after = c->group.before;
		return give(t, back);
	}
	if (rc == US_NOT_FOUND)
		return leave(t, c, "was deleted since by a later run");
	if (now->revision != t->in->writer)
		return leave(t, c, us_arena_printf(&t->arena, "was changed since by run %lld", (long long) now->revision));
	back.group.before = now;
	if (c->outcome == US_OUTCOME_ADDED) {
		const struct us_member *users, *groups;
		size_t n_users, n_groups, i;
		rc = us_object_load_members(t->in->reader, &t->arena, t->in->directory, c->number, &users, &n_users, &groups, &n_groups, t->err);
		if (rc)
			return rc;
		for (i = 0; i < n_users; i++)
			if (!is_ours(t, users[i].owned))
				return leave(t, c, "has local members");
		for (i = 0; i < n_groups; i++)
			if (!is_ours(t, groups[i].owned))
				return leave(t, c, "has local members");
		us_map_put(&t->gone_groups, key1(c->number), NULL);
		back.outcome = US_OUTCOME_DELETED;
		back.name = now->group.name;
		back.reason = US_SLICE("was added by the run");
		t->counts.groups_removed++;
		rc = empty_group(t, c, users, n_users, groups, n_groups);
		return rc ? rc : give(t, back);
	}
	if (is_blocked(t, c, c->group.before->group.name))
		return US_OK;
	back.outcome = is_same(c->group.before->group.name, now->group.name) ? US_OUTCOME_UPDATED : US_OUTCOME_RENAMED;
	back.name = c->group.before->group.name;
	back.reason = US_SLICE("was changed by the run");
	back.group.after = c->group.before;
	return give(t, back);
}

static bool is_member(const struct us_member *members, size_t n, uint32_t number, bool *ret_owned)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (members[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_owned = low < n && members[low].number == number && members[low].owned;
	return low < n && members[low].number == number;
}

/* Of `from`, those that can be taken away: members now, and owned. */
static uint32_t *pick_removed(struct turn *t, uint32_t group, bool is_group, const uint32_t *from, uint32_t n, const struct us_member *now,
	size_t n_now, uint32_t *ret_n)
{
	uint32_t *out = us_arena_array(&t->arena, n, sizeof *out), kept = 0;
	const struct us_map *gone = is_group ? &t->gone_groups : &t->gone_users;

	for (uint32_t i = 0; i < n; i++) {
		bool owned;
		if (!is_member(now, n_now, from[i], &owned) || !is_ours(t, owned))
			continue;
		if (has(gone, from[i]))
			us_map_put(&t->removed, key2(group, from[i], is_group), NULL);
		out[kept++] = from[i];
	}
	*ret_n = kept;
	return out;
}

/* Of `from`, those that can come back: not members now, and there, or brought back by this plan. */
static enum us_errc pick_added(struct turn *t, bool is_group, const uint32_t *from, uint32_t n, const struct us_member *now, size_t n_now,
	uint32_t **ret_out, uint32_t *ret_n)
{
	uint32_t *out = us_arena_array(&t->arena, n, sizeof *out), kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool owned;
		enum us_errc rc = US_OK;
		if (is_member(now, n_now, from[i], &owned) || has(is_group ? &t->gone_groups : &t->gone_users, from[i]))
			continue;
		if (!has(is_group ? &t->back_groups : &t->back_users, from[i])) {
			struct us_user_image user;
			struct us_group_image group;
			rc = is_group ? us_object_load_group(t->in->reader, &t->arena, t->in->directory, from[i], &group, NULL)
			              : us_object_load_user(t->in->reader, &t->arena, t->in->directory, from[i], &user, NULL);
		}
		if (rc && rc != US_NOT_FOUND)
			return us_err_set(t->err, rc, "cannot read the directory");
		if (rc == US_OK)
			out[kept++] = from[i];
	}
	*ret_out = out;
	*ret_n = kept;
	return US_OK;
}

static enum us_errc turn_members(struct turn *t, const struct us_change *c)
{
	const struct us_member *users = NULL, *groups = NULL;
	size_t n_users = 0, n_groups = 0;
	struct us_members_delta d = { 0 };
	struct us_group_image image;
	uint32_t *added;
	enum us_errc rc = US_OK;

	if (has(&t->gone_groups, c->number))
		return US_OK; /* emptied already */
	if (!has(&t->back_groups, c->number)) {
		rc = us_object_load_group(t->in->reader, &t->arena, t->in->directory, c->number, &image, NULL);
		if (rc == US_NOT_FOUND)
			return leave(t, c, "the group was deleted since by a later run");
		rc = us_object_load_members(t->in->reader, &t->arena, t->in->directory, c->number, &users, &n_users, &groups, &n_groups, t->err);
		if (rc)
			return rc;
	}
	d.removed_users = pick_removed(t, c->number, false, c->members.added_users, c->members.n_added_users, users, n_users, &d.n_removed_users);
	d.removed_groups = pick_removed(t, c->number, true, c->members.added_groups, c->members.n_added_groups, groups, n_groups, &d.n_removed_groups);
	rc = pick_added(t, false, c->members.removed_users, c->members.n_removed_users, users, n_users, &added, &d.n_added_users);
	d.added_users = added;
	if (rc)
		return rc;
	rc = pick_added(t, true, c->members.removed_groups, c->members.n_removed_groups, groups, n_groups, &added, &d.n_added_groups);
	d.added_groups = added;
	if (rc)
		return rc;
	if (!d.n_added_users && !d.n_removed_users && !d.n_added_groups && !d.n_removed_groups)
		return US_OK;
	return give(t, (struct us_change) { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = c->number, .name = c->name,
		.id = c->id, .reason = US_SLICE("members were changed by the run"), .members = d });
}

/* Memberships that later runs gave to an object that now goes: they go with it, each as a row of its own. */
static enum us_errc take_leftovers(struct turn *t, const struct us_change *c)
{
	bool is_group = c->object == US_OBJECT_GROUP;
	const struct us_member *groups;
	size_t n;
	enum us_errc rc;

	if (c->outcome != US_OUTCOME_ADDED || !has(is_group ? &t->gone_groups : &t->gone_users, c->number))
		return US_OK;
	rc = is_group
		? us_object_load_groups_of_group(t->in->reader, &t->arena, t->in->directory, c->number, &groups, &n, t->err)
		: us_object_load_groups_of_user(t->in->reader, &t->arena, t->in->directory, c->number, &groups, &n, t->err);
	for (size_t i = 0; rc == US_OK && i < n; i++) {
		if (!is_ours(t, groups[i].owned) || us_map_find(&t->removed, key2(groups[i].number, c->number, is_group)) != US_MAP_NONE)
			continue;
		uint32_t *one = us_arena_alloc(&t->arena, sizeof *one);
		*one = c->number;
		struct us_change row = { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = groups[i].number,
			.reason = US_SLICE("the member goes") };
		if (is_group)
			row.members = (struct us_members_delta) { .removed_groups = one, .n_removed_groups = 1 };
		else
			row.members = (struct us_members_delta) { .removed_users = one, .n_removed_users = 1 };
		us_map_put(&t->removed, key2(groups[i].number, c->number, is_group), NULL);
		rc = give(t, row);
	}
	return rc;
}

typedef enum us_errc turn_fn(struct turn *t, const struct us_change *c);

/* One page of rows after the other, so that the walk's statement is not open while others run. */
static enum us_errc walk(struct turn *t, int object, turn_fn *turn)
{
	enum { PAGE = 500 };
	struct us_arena page = US_ARENA_INIT;
	int64_t after = -1;
	enum us_errc rc = US_OK;

	for (;;) {
		struct us_change *list;
		size_t n;
		us_arena_reset(&page);
		if (*t->in->cancel)
			rc = us_err_set(t->err, US_CANCELLED, "Cancelled while planning");
		if (rc == US_OK)
			rc = us_run_list_changes(t->in->reader, &page, t->in->plan_run, object, -1, US_SLICE_NONE, after, PAGE, &list, &n, t->err);
		if (rc || n == 0)
			break;
		for (size_t i = 0; rc == US_OK && i < n; i++)
			if (us_outcome_is_written(list[i].outcome))
				rc = turn(t, &list[i]);
		after = list[n - 1].ord;
		/* gathered rows borrow from the page */
		if (rc == US_OK)
			rc = us_rows_flush(t->in->rows, t->err);
		if (rc)
			break;
		us_arena_reset(&t->arena);
	}
	us_arena_fini(&page);
	return rc;
}

static enum us_errc load_have(struct turn *t)
{
	const struct us_have *have = &t->have;
	enum us_errc rc = us_object_load_have(t->in->reader, t->in->directory, NULL, &t->have, t->err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < have->users.n; i++)
		t->counts.have_users += (have->users.flags[i] & (US_HAVE_OWNED | US_HAVE_MISSING)) == US_HAVE_OWNED;
	for (uint32_t i = 0; i < have->groups.n; i++)
		t->counts.have_groups += (have->groups.flags[i] & US_HAVE_OWNED) != 0;
	t->counts.have_memberships = have->n_memberships;
	return US_OK;
}

static void forget_survey(struct turn *t)
{
	us_map_fini(&t->gone_users);
	us_map_fini(&t->gone_groups);
	us_map_fini(&t->back_users);
	us_map_fini(&t->back_groups);
	us_map_fini(&t->removed);
	t->gone_users = t->gone_groups = t->back_users = t->back_groups = t->removed = (struct us_map) US_MAP_INIT;
	t->counts.users_cleaned = t->counts.groups_removed = 0;
	t->counts.report = (struct us_report) { 0 };
}

/* Which of the rows cannot be turned round because somebody else has the name by now. */
static enum us_errc survey_names(struct turn *t)
{
	enum us_errc rc;

	t->is_survey = true;
	rc = walk(t, US_OBJECT_USER, turn_user);
	if (rc == US_OK)
		rc = walk(t, US_OBJECT_GROUP, turn_group);
	t->is_survey = false;
	forget_survey(t);
	if (rc)
		return rc;
	find_clashes(&t->users, &t->have.users);
	find_clashes(&t->groups, &t->have.groups);
	return US_OK;
}

enum us_errc us_undo_plan(const struct us_undo *undo, struct us_plan_counts *ret_counts, struct us_err *err)
{
	struct turn t = { .in = undo, .err = err };
	enum us_errc rc = load_have(&t);

	if (rc == US_OK)
		rc = survey_names(&t);
	us_have_fini(&t.have);
	/* Objects first: what goes and what comes back decides which memberships can. */
	if (rc == US_OK)
		rc = walk(&t, US_OBJECT_USER, turn_user);
	if (rc == US_OK)
		rc = walk(&t, US_OBJECT_GROUP, turn_group);
	if (rc == US_OK)
		rc = walk(&t, US_OBJECT_MEMBERS, turn_members);
	if (rc == US_OK)
		rc = walk(&t, US_OBJECT_USER, take_leftovers);
	if (rc == US_OK)
		rc = walk(&t, US_OBJECT_GROUP, take_leftovers);
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
	us_map_fini(&t.gone_users);
	us_map_fini(&t.gone_groups);
	us_map_fini(&t.back_users);
	us_map_fini(&t.back_groups);
	us_map_fini(&t.removed);
	names_fini(&t.users);
	names_fini(&t.groups);
	us_arena_fini(&t.arena);
	return rc;
}
