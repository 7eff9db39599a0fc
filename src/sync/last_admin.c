#include "sync/last_admin.h"

#include "store/object.h"
#include "store/run.h"
#include "sync/below.h"

struct search {
	struct us_dbc *c;
	int64_t directory, run;
	struct us_err *err;
	struct us_arena arena; /* of one group */
};

static void add_all(struct us_map *set, const uint32_t *numbers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		us_below_add(set, numbers[i]);
}

static void add_kept(struct us_map *set, const struct us_member *members, size_t n, const struct us_map *gone)
{
	for (size_t i = 0; i < n; i++)
		if (!us_below_has(gone, members[i].number))
			us_below_add(set, members[i].number);
}

/* Direct members of a group once the plan is applied. Rows of one group may be several, each of other members. */
static enum us_errc meet_members(struct search *s, uint32_t group, struct us_map *users, struct us_map *groups)
{
	struct us_map gone_users = US_MAP_INIT, gone_groups = US_MAP_INIT;
	const struct us_member *u = NULL, *g = NULL;
	struct us_change *rows = NULL;
	size_t n_u = 0, n_g = 0, n_rows = 0;
	enum us_errc rc = us_object_load_members(s->c, &s->arena, s->directory, group, &u, &n_u, &g, &n_g, s->err);

	if (rc == US_OK)
		rc = us_run_list_changes_of(s->c, &s->arena, s->run, US_OBJECT_MEMBERS, group, &rows, &n_rows, s->err);
	for (size_t i = 0; i < n_rows; i++) {
		const struct us_members_delta *d = &rows[i].members;
		/* An undo leaves to a later run what that has changed. */
		if (!us_outcome_is_written(rows[i].outcome))
			continue;
		add_all(users, d->added_users, d->n_added_users);
		add_all(groups, d->added_groups, d->n_added_groups);
		add_all(&gone_users, d->removed_users, d->n_removed_users);
		add_all(&gone_groups, d->removed_groups, d->n_removed_groups);
	}
	add_kept(users, u, n_u, &gone_users);
	add_kept(groups, g, n_g, &gone_groups);
	us_map_fini(&gone_users);
	us_map_fini(&gone_groups);
	return rc;
}

/* Users below a group once the plan is applied. */
static enum us_errc walk_down(struct search *s, uint32_t group, struct us_map *users)
{
	struct us_map groups = US_MAP_INIT;
	enum us_errc rc = US_OK;

	us_below_add(&groups, group);
	for (uint32_t at = 0; at < groups.n && rc == US_OK; at++)
		rc = meet_members(s, (uint32_t) groups.keys[at].lo, users, &groups);
	us_map_fini(&groups);
	return rc;
}

/* *ret_image: as it is now; has no name if it is not there yet. */
static enum us_errc is_active(struct search *s, uint32_t user, bool after, bool *ret_is, struct us_user_image *ret_image)
{
	struct us_err err = US_ERR_INIT;
	struct us_change *rows;
	size_t n;

	*ret_image = (struct us_user_image) { 0 };
	enum us_errc rc = us_object_load_user(s->c, &s->arena, s->directory, user, ret_image, &err);
	if (rc && rc != US_NOT_FOUND) {
		*s->err = err;
		return rc;
	}
	*ret_is = rc == US_OK && ret_image->user.active;
	if (!after)
		return US_OK;
	rc = us_run_list_changes_of(s->c, &s->arena, s->run, US_OBJECT_USER, user, &rows, &n, s->err);
	for (size_t i = 0; rc == US_OK && i < n; i++)
		if (us_outcome_is_written(rows[i].outcome))
			*ret_is = rows[i].user.after && rows[i].user.after->user.active;
	return rc;
}

static enum us_errc has_active_after(struct search *s, uint32_t group, bool *ret_has)
{
	struct us_map users = US_MAP_INIT;
	struct us_user_image image;
	enum us_errc rc = walk_down(s, group, &users);

	*ret_has = false;
	for (uint32_t i = 0; i < users.n && rc == US_OK && !*ret_has; i++)
		rc = is_active(s, (uint32_t) users.keys[i].lo, true, ret_has, &image);
	us_map_fini(&users);
	return rc;
}

static enum us_errc list_active_now(struct search *s, uint32_t group, struct us_arena *arena, struct us_last_admin *ret)
{
	struct us_map groups = US_MAP_INIT, users = US_MAP_INIT;

	us_below_add(&groups, group);
	enum us_errc rc = us_below_users(s->c, s->directory, &groups, &users, s->err);
	for (uint32_t i = 0; i < users.n && rc == US_OK; i++) {
		struct us_user_image image;
		bool is;
		rc = is_active(s, (uint32_t) users.keys[i].lo, false, &is, &image);
		if (rc || !is)
			continue;
		ret->n_active++;
		if (ret->n_users < US_LAST_ADMIN_NAMES)
			ret->users[ret->n_users++] = us_slice_dup(arena, image.user.name);
	}
	us_map_fini(&groups);
	us_map_fini(&users);
	return rc;
}

static enum us_errc look_at(struct search *s, uint32_t group, struct us_arena *arena, struct us_last_admin *ret)
{
	struct us_last_admin found = { .group = US_SLICE_NONE };
	struct us_group_image image = { 0 };
	bool has;
	enum us_errc rc = has_active_after(s, group, &has);

	if (rc == US_OK && !has)
		rc = list_active_now(s, group, arena, &found);
	if (rc == US_OK && found.n_active) {
		rc = us_object_load_group(s->c, arena, s->directory, group, &image, s->err);
		found.group = image.group.name;
		*ret = found;
	}
	us_arena_reset(&s->arena);
	return rc;
}

enum us_errc us_last_admin_find(struct us_dbc *c, int64_t directory, int64_t run, struct us_patterns *admin_groups, struct us_arena *arena,
	struct us_last_admin *ret, struct us_err *err)
{
	struct search s = { .c = c, .directory = directory, .run = run, .err = err };
	struct us_map groups = US_MAP_INIT;
	enum us_errc rc = us_below_find_groups(c, directory, admin_groups, true, &groups, err);

	*ret = (struct us_last_admin) { .group = US_SLICE_NONE };
	for (uint32_t i = 0; i < groups.n && rc == US_OK && !ret->group.p; i++)
		rc = look_at(&s, (uint32_t) groups.keys[i].lo, arena, ret);
	us_map_fini(&groups);
	us_arena_fini(&s.arena);
	return rc;
}
