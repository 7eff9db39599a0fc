#include "sync/apply.h"

#include "store/feed.h"
#include "store/login.h"
#include "store/object.h"
#include "store/retired.h"
#include "store/run.h"

struct pass {
	struct us_dbc *c;
	const struct us_apply *in;
	struct us_arena arena;
	struct us_directory_delta counts;
	uint32_t next_user, next_group;
	bool has_gone;
	struct us_err *err;
};

typedef enum us_errc row_fn(struct pass *p, const struct us_change *change);

static enum us_errc walk(struct pass *p, int object, int outcome, row_fn *row)
{
	struct us_change_walk w;
	enum us_errc rc = us_change_walk_begin(p->c, p->in->plan_run, object, outcome, &w, p->err);

	if (rc)
		return rc;
	for (;;) {
		struct us_change change;
		us_arena_reset(&p->arena);
		rc = us_change_walk_next(&w, &p->arena, &change, p->err);
		if (rc)
			break;
		if (us_outcome_is_written(change.outcome))
			rc = row(p, &change);
		if (rc)
			break;
	}
	us_change_walk_end(&w);
	return rc == US_END ? US_OK : rc;
}

static enum us_errc remove_members(struct pass *p, const struct us_change *c)
{
	const struct us_members_delta *d = &c->members;

	if (!d->n_removed_users && !d->n_removed_groups)
		return US_OK;
	p->counts.memberships -= d->n_removed_users + d->n_removed_groups;
	return us_object_remove_members(p->c, p->in->directory, c->number, d, !p->in->is_local, p->err);
}

static enum us_errc add_members(struct pass *p, const struct us_change *c)
{
	const struct us_members_delta *d = &c->members;

	if (p->in->applied)
		++*p->in->applied;
	if (!d->n_added_users && !d->n_added_groups)
		return US_OK;
	p->counts.memberships += d->n_added_users + d->n_added_groups;
	return us_object_add_members(p->c, p->in->directory, c->number, d, !p->in->is_local, p->err);
}

static enum us_errc delete_user(struct pass *p, const struct us_change *c)
{
	if (p->in->applied)
		++*p->in->applied;
	p->counts.users--;
	p->counts.active_users -= c->user.before->user.active;
	if (p->in->retires && c->user.before->user.id.n) {
		enum us_errc rc = us_retired_add(p->c, p->in->directory, &c->user.before->user, p->in->retires, p->in->now_s, p->err);
		if (rc)
			return rc;
	}
	return us_object_delete_user(p->c, p->in->directory, c->number, c->user.before->revision, p->err);
}

static enum us_errc delete_group(struct pass *p, const struct us_change *c)
{
	if (p->in->applied)
		++*p->in->applied;
	p->counts.groups--;
	return us_object_delete_group(p->c, p->in->directory, c->number, c->group.before->revision, p->err);
}

static enum us_errc park_user(struct pass *p, const struct us_change *c)
{
	return us_object_park_user(p->c, p->in->directory, c->number, p->err);
}

static enum us_errc park_group(struct pass *p, const struct us_change *c)
{
	return us_object_park_group(p->c, p->in->directory, c->number, p->err);
}

static enum us_errc write_user(struct pass *p, const struct us_change *c)
{
	const struct us_user_image *before = c->user.before, *after = c->user.after;

	if (!after)
		return US_OK;
	if (p->in->applied)
		++*p->in->applied;
	p->counts.active_users += after->user.active - (before && before->user.active);
	if (before && p->in->is_login && before->retired.since && !after->retired.since) {
		const struct us_login login = { c->number, p->in->now_s, US_SLICE("single update") };
		enum us_errc rc = us_login_note(p->c, p->in->directory, &login, 1, NULL, p->err);
		if (rc)
			return rc;
	}
	if (!before && p->has_gone && after->user.id.n) {
		enum us_errc rc = us_retired_remove(p->c, p->in->directory, after->user.id, p->err);
		if (rc)
			return rc;
	}
	if (before)
		return us_object_update_user(p->c, p->in->directory, c->number, before->revision, after, p->in->revision, p->in->now_s,
			p->err);
	p->counts.users++;
	if (c->number >= p->next_user)
		p->next_user = c->number + 1;
	return us_object_insert_user(p->c, p->in->directory, c->number, after, p->in->revision, p->in->now_s, p->err);
}

static enum us_errc write_group(struct pass *p, const struct us_change *c)
{
	const struct us_group_image *before = c->group.before, *after = c->group.after;

	if (!after)
		return US_OK;
	if (p->in->applied)
		++*p->in->applied;
	if (before)
		return us_object_update_group(p->c, p->in->directory, c->number, before->revision, after, p->in->revision, p->in->now_s,
			p->err);
	p->counts.groups++;
	if (c->number >= p->next_group)
		p->next_group = c->number + 1;
	return us_object_insert_group(p->c, p->in->directory, c->number, after, p->in->revision, p->in->now_s, p->err);
}

/* Whether there is anything but deletions. */
static bool leaves_any(const int64_t *outcomes)
{
	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (i != US_OUTCOME_DELETED && us_outcome_is_written((enum us_outcome) i) && outcomes[i])
			return true;
	return false;
}

enum us_errc us_apply_plan(struct us_dbc *c, const struct us_apply *in, struct us_err *err)
{
	const struct us_report *r = in->report;
	/* The passes, in their order; those that the plan has no rows for are left out. */
	const struct {
		bool is_needed;
		int object, outcome;
		row_fn *row;
	} passes[] = {
		{ r->memberships_removed > 0, US_OBJECT_MEMBERS, -1, remove_members },
		{ r->users[US_OUTCOME_DELETED] > 0, US_OBJECT_USER, US_OUTCOME_DELETED, delete_user },
		{ r->groups[US_OUTCOME_DELETED] > 0, US_OBJECT_GROUP, US_OUTCOME_DELETED, delete_group },
		{ r->users[US_OUTCOME_RENAMED] > 0, US_OBJECT_USER, US_OUTCOME_RENAMED, park_user },
		{ r->users[US_OUTCOME_ANONYMIZED] > 0, US_OBJECT_USER, US_OUTCOME_ANONYMIZED, park_user },
		{ r->groups[US_OUTCOME_RENAMED] > 0, US_OBJECT_GROUP, US_OUTCOME_RENAMED, park_group },
		{ leaves_any(r->users), US_OBJECT_USER, -1, write_user },
		{ leaves_any(r->groups), US_OBJECT_GROUP, -1, write_group },
		{ r->memberships_added > 0, US_OBJECT_MEMBERS, -1, add_members },
	};
	struct pass p = { .c = c, .in = in, .err = err };
	bool is_bulk = false, is_bulk_users = false, is_bulk_members = false;
	enum us_errc rc = us_object_raise_revision(c, in->directory, in->base_revision, err);

	if (rc == US_OK)
		rc = us_retired_has_gone(c, in->directory, &p.has_gone, err);
	if (rc == US_OK)
		rc = us_object_bulk_remove_begin(c, r->users[US_OUTCOME_DELETED], r->memberships_removed, &is_bulk_users, &is_bulk_members, err);
	for (size_t i = 0; rc == US_OK && i < sizeof passes / sizeof *passes; i++) {
		/* Only now: deletions look for what they take with them by the indexes that it drops. */
		if (passes[i].row == write_user)
			rc = us_object_bulk_begin(c, r->users[US_OUTCOME_ADDED], r->memberships_added, &is_bulk, err);
		if (rc == US_OK && passes[i].is_needed)
			rc = walk(&p, passes[i].object, passes[i].outcome, passes[i].row);
		if (rc == US_OK && is_bulk_members && passes[i].row == remove_members)
			rc = us_object_bulk_remove_members_end(c, err);
	}
	if (rc == US_OK && (is_bulk || is_bulk_users))
		rc = us_object_bulk_end(c, err);
	if (rc == US_OK)
		rc = us_object_add_counts(c, in->directory, &p.counts, p.next_user, p.next_group, err);
	if (rc == US_OK)
		rc = us_feed_add(c, in->directory, in->base_revision + 1, in->revision, in->plan_run, r, in->now_s, err);
	us_arena_fini(&p.arena);
	return rc;
}
