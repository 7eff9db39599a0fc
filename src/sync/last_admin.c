#include "sync/last_admin.h"

#include "base/map.h"
#include "store/object.h"
#include "store/run.h"

struct search {
	struct us_dbc *c;
	int64_t directory, run;
	struct us_err *err;
	struct us_arena arena; /* of one group */
};

/* Numbers, each once, in the order in which they were met. */
static void meet(struct us_map *map, uint32_t number) { us_map_put(map, (struct us_hash) { number, 1 }, NULL); }

static void meet_all(struct us_map *map, const struct us_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		meet(map, members[i].number);
}

static bool is_among(const uint32_t *numbers, uint32_t n, uint32_t number)
{
	for (uint32_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static void meet_added(struct us_map *map, const uint32_t *numbers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		meet(map, numbers[i]);
}

/* Of members that no row takes away: rows of one group may be several, each of other members. */
static void meet_kept(struct us_map *map, const struct us_member *members, size_t n, const struct us_change *rows, size_t n_rows, bool are_groups)
{
	for (size_t i = 0; i < n; i++) {
		bool goes = false;
		for (size_t k = 0; k < n_rows && !goes; k++) {
			const struct us_members_delta *d = &rows[k].members;
			goes = us_outcome_is_written(rows[k].outcome) && (are_groups ? is_among(d->removed_groups, d->n_removed_groups, members[i].number)
																		  : is_among(d->removed_users, d->n_removed_users, members[i].number));
		}
		if (!goes)
			meet(map, members[i].number);
	}
}

/* Users and groups below a group, now or once the plan is applied. */
static enum us_errc walk_down(struct search *s, uint32_t group, bool after, struct us_map *users)
{
	struct us_map groups = US_MAP_INIT;
	enum us_errc rc = US_OK;

	meet(&groups, group);
	for (uint32_t at = 0; at < groups.n && rc == US_OK; at++) {
		uint32_t number = (uint32_t) groups.keys[at].lo;
		const struct us_member *u, *g;
		struct us_change *rows = NULL;
		size_t n_u, n_g, n_rows = 0;
		rc = us_object_load_members(s->c, &s->arena, s->directory, number, &u, &n_u, &g, &n_g, s->err);
		if (rc == US_OK && after)
			rc = us_run_list_changes_of(s->c, &s->arena, s->run, US_OBJECT_MEMBERS, number, &rows, &n_rows, s->err);
		if (rc)
			break;
		if (!n_rows) {
			meet_all(users, u, n_u);
			meet_all(&groups, g, n_g);
			continue;
		}
		meet_kept(users, u, n_u, rows, n_rows, false);
		meet_kept(&groups, g, n_g, rows, n_rows, true);
		for (size_t i = 0; i < n_rows; i++)
			if (us_outcome_is_written(rows[i].outcome)) {
				meet_added(users, rows[i].members.added_users, rows[i].members.n_added_users);
				meet_added(&groups, rows[i].members.added_groups, rows[i].members.n_added_groups);
			}
	}
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
	enum us_errc rc = walk_down(s, group, true, &users);

	*ret_has = false;
	for (uint32_t i = 0; i < users.n && rc == US_OK && !*ret_has; i++)
		rc = is_active(s, (uint32_t) users.keys[i].lo, true, ret_has, &image);
	us_map_fini(&users);
	return rc;
}

static enum us_errc list_active_now(struct search *s, uint32_t group, struct us_arena *arena, struct us_last_admin *ret)
{
	struct us_map users = US_MAP_INIT;
	enum us_errc rc = walk_down(s, group, false, &users);

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
	us_map_fini(&users);
	return rc;
}

static enum us_errc look_at(struct search *s, const struct us_listed *group, struct us_arena *arena, struct us_last_admin *ret)
{
	struct us_last_admin found = { .group = US_SLICE_NONE };
	bool has;
	enum us_errc rc = has_active_after(s, group->number, &has);

	if (rc == US_OK && !has)
		rc = list_active_now(s, group->number, arena, &found);
	if (rc == US_OK && found.n_active) {
		*ret = found;
		ret->group = us_slice_dup(arena, group->group.group.name);
	}
	us_arena_reset(&s->arena);
	return rc;
}

enum us_errc us_last_admin_find(struct us_dbc *c, int64_t directory, int64_t run, struct us_patterns *admin_groups, struct us_arena *arena,
	struct us_last_admin *ret, struct us_err *err)
{
	enum { PAGE = 500 };
	struct search s = { .c = c, .directory = directory, .run = run, .err = err };
	struct us_arena page = US_ARENA_INIT;
	struct us_slice after = US_SLICE_NONE;
	struct us_listed *list;
	size_t n = PAGE;
	enum us_errc rc = US_OK;

	*ret = (struct us_last_admin) { .group = US_SLICE_NONE };
	while (rc == US_OK && n == PAGE && !ret->group.p) {
		struct us_arena last = page; /* `after` lives there */
		page = (struct us_arena) US_ARENA_INIT;
		rc = us_object_list_groups(c, &page, directory, after, US_SLICE_NONE, PAGE, &list, &n, err);
		us_arena_fini(&last);
		for (size_t i = 0; rc == US_OK && i < n && !ret->group.p; i++)
			if (us_patterns_match(admin_groups, list[i].group.group.name, true))
				rc = look_at(&s, &list[i], arena, ret);
		if (rc == US_OK && n)
			after = list[n - 1].fold;
	}
	us_arena_fini(&page);
	us_arena_fini(&s.arena);
	return rc;
}
