#include "serve/view.h"

#include <stdlib.h>

#include "serve/users.h"

enum us_errc us_view_open(struct us_store *store, struct us_kept *kept, const int64_t *directories, size_t n, struct us_view *ret_view,
	struct us_err *err)
{
	struct us_view view = { .kept = kept, .directories = directories, .n = n };
	enum us_errc rc = us_db_lease_reader(store->db, &view.c, err);

	if (rc)
		return rc;
	if ((rc = us_db_begin(view.c, err))) {
		us_db_release(view.c);
		return rc;
	}
	*ret_view = view;
	return US_OK;
}

void us_view_close(struct us_view *view)
{
	us_db_release(view->c);
	view->c = NULL;
}

/* ---- single objects ---- */

static enum us_errc unknown(const char *what, struct us_slice name, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "%s <%.*s> does not exist", what, name.n > 200 ? 200 : (int) name.n, name.p ? name.p : "");
}

enum us_errc us_view_find_user(struct us_view *view, struct us_arena *arena, struct us_slice name, struct us_seen_user *ret_user,
	struct us_err *err)
{
	for (size_t i = 0; i < view->n; i++) {
		struct us_listed row;
		enum us_errc rc = us_users_find(view->kept, view->c, arena, view->directories[i], name, &row, err);
		if (!rc)
			*ret_user = (struct us_seen_user) { view->directories[i], row.number, row.user };
		if (rc != US_NOT_FOUND)
			return rc;
	}
	return unknown("User", name, err);
}

enum us_errc us_view_find_group(struct us_view *view, struct us_arena *arena, struct us_slice name, struct us_seen_group *ret_group,
	struct us_err *err)
{
	for (size_t i = 0; i < view->n; i++) {
		struct us_seen_group group = { .directory = view->directories[i] };
		enum us_errc rc = us_object_find_group(view->c, arena, group.directory, name, &group.number, &group.image, err);
		if (!rc)
			*ret_group = group;
		if (rc != US_NOT_FOUND)
			return rc;
	}
	return unknown("Group", name, err);
}

/* The object of that name in one directory of the view; *ret_number 0: it has none. */
static enum us_errc find_number(struct us_view *view, enum us_object object, size_t at, struct us_slice name, uint32_t *ret_number,
	struct us_err *err)
{
	enum us_errc rc = us_object_find_number(view->c, view->directories[at], object == US_OBJECT_GROUP, name, 0, ret_number, err);

	if (rc != US_NOT_FOUND)
		return rc;
	*ret_number = 0;
	return US_OK;
}

enum us_errc us_view_is_seen(struct us_view *view, enum us_object object, size_t directory_at, struct us_slice name, bool *ret_is_seen,
	struct us_err *err)
{
	enum us_errc rc = US_OK;
	uint32_t number = 0;

	for (size_t i = 0; i < directory_at && !number && !rc; i++)
		rc = find_number(view, object, i, name, &number, err);
	*ret_is_seen = !number;
	return rc;
}

/* Place of the directory in the view; view->n if it is not there. */
static size_t place_of(const struct us_view *view, int64_t directory)
{
	size_t at = 0;

	while (at < view->n && view->directories[at] != directory)
		at++;
	return at;
}

enum us_errc us_view_load_user(struct us_view *view, struct us_arena *arena, int64_t directory, uint32_t number, struct us_seen_user *ret_user,
	struct us_err *err)
{
	struct us_seen_user user = { .directory = directory, .number = number };
	size_t at = place_of(view, directory);
	bool is_seen = false;
	enum us_errc rc = at < view->n ? us_object_load_user(view->c, arena, directory, number, &user.image, err) : US_OK;

	if (!rc && at < view->n)
		rc = us_view_is_seen(view, US_OBJECT_USER, at, user.image.user.name, &is_seen, err);
	if (!rc && !is_seen)
		return us_err_set(err, US_NOT_FOUND, "there is no such user");
	if (!rc)
		*ret_user = user;
	return rc;
}

enum us_errc us_view_load_group(struct us_view *view, struct us_arena *arena, int64_t directory, uint32_t number, struct us_seen_group *ret_group,
	struct us_err *err)
{
	struct us_seen_group group = { .directory = directory, .number = number };
	size_t at = place_of(view, directory);
	bool is_seen = false;
	enum us_errc rc = at < view->n ? us_object_load_group(view->c, arena, directory, number, &group.image, err) : US_OK;

	if (!rc && at < view->n)
		rc = us_view_is_seen(view, US_OBJECT_GROUP, at, group.image.group.name, &is_seen, err);
	if (!rc && !is_seen)
		return us_err_set(err, US_NOT_FOUND, "there is no such group");
	if (!rc)
		*ret_group = group;
	return rc;
}

/* ---- who belongs to whom ---- */

void us_seen_set_init(struct us_seen_set *set, const struct us_view *view)
{
	*set = (struct us_seen_set) { us_calloc(view->n + 1, sizeof *set->of), view->n };
}

void us_seen_set_fini(struct us_seen_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		us_numbers_fini(&set->of[i]);
	free(set->of);
	*set = (struct us_seen_set) { NULL, 0 };
}

/* Groups whose neighbours are still to be looked at. Owns: list. */
struct queue {
	uint32_t *list;
	size_t n, cap;
};

static void push(struct queue *q, uint32_t number)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 64;
		q->list = us_realloc(q->list, q->cap * sizeof *q->list);
	}
	q->list[q->n++] = number;
}

/* Everything above (or below) the groups in the queue. Each group is looked at once, so cycles end. */
static enum us_errc spread(struct us_view *view, int64_t directory, struct queue *q, bool is_up, enum us_reach reach, struct us_numbers *found,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	size_t direct = q->n;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < q->n && !rc && (i < direct || reach == US_REACH_NESTED); i++) {
		const struct us_member *links, *users;
		size_t n = 0, n_users;
		us_arena_reset(&arena);
		rc = is_up ? us_object_load_groups_of_group(view->c, &arena, directory, q->list[i], &links, &n, err) :
			us_object_load_members(view->c, &arena, directory, q->list[i], &users, &n_users, &links, &n, err);
		for (size_t j = 0; j < n && !rc; j++)
			if (us_numbers_add(found, links[j].number))
				push(q, links[j].number);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_view_groups_of_user(struct us_view *view, const struct us_seen_user *user, enum us_reach reach, struct us_seen_set *groups,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_numbers *found = &groups->of[place_of(view, user->directory)];
	const struct us_member *links;
	struct queue q = { 0 };
	size_t n;
	enum us_errc rc = us_object_load_groups_of_user(view->c, &arena, user->directory, user->number, &links, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		if (us_numbers_add(found, links[i].number))
			push(&q, links[i].number);
	if (!rc && reach == US_REACH_NESTED)
		rc = spread(view, user->directory, &q, true, reach, found, err);
	free(q.list);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc neighbours(struct us_view *view, struct us_slice group, bool is_up, enum us_reach reach, struct us_seen_set *groups,
	struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < view->n && !rc; i++) {
		struct queue q = { 0 };
		uint32_t number;
		rc = find_number(view, US_OBJECT_GROUP, i, group, &number, err);
		if (rc || !number)
			continue;
		push(&q, number);
		rc = spread(view, view->directories[i], &q, is_up, reach, &groups->of[i], err);
		free(q.list);
	}
	return rc;
}

enum us_errc us_view_child_groups(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *groups, struct us_err *err)
{
	return neighbours(view, group, false, reach, groups, err);
}

enum us_errc us_view_parent_groups(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *groups, struct us_err *err)
{
	return neighbours(view, group, true, reach, groups, err);
}

static enum us_errc add_users(struct us_view *view, int64_t directory, uint32_t group, struct us_numbers *users, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_member *list, *groups;
	size_t n = 0, n_groups;
	enum us_errc rc = us_object_load_members(view->c, &arena, directory, group, &list, &n, &groups, &n_groups, err);

	for (size_t i = 0; i < n && !rc; i++)
		us_numbers_add(users, list[i].number);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc add_users_below(struct us_view *view, int64_t directory, uint32_t group, struct us_numbers *users, struct us_err *err)
{
	struct us_numbers below = US_NUMBERS_INIT;
	struct queue q = { 0 };
	uint32_t number = 0;

	push(&q, group);
	enum us_errc rc = spread(view, directory, &q, false, US_REACH_NESTED, &below, err);
	us_numbers_add(&below, group);
	for (uint32_t from = 0; !rc && us_numbers_next(&below, from, &number); from = number + 1)
		rc = add_users(view, directory, number, users, err);
	free(q.list);
	us_numbers_fini(&below);
	return rc;
}

enum us_errc us_view_members(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *users, struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < view->n && !rc; i++) {
		uint32_t number;
		rc = find_number(view, US_OBJECT_GROUP, i, group, &number, err);
		if (rc || !number)
			continue;
		rc = reach == US_REACH_NESTED ? add_users_below(view, view->directories[i], number, &users->of[i], err) :
			add_users(view, view->directories[i], number, &users->of[i], err);
	}
	return rc;
}

/* Whether an earlier directory of the set has a group of that name in it: then it was given. */
static enum us_errc was_given(struct us_view *view, const struct us_seen_set *groups, size_t directory_at, struct us_slice name, bool *ret_was,
	struct us_err *err)
{
	enum us_errc rc = US_OK;

	*ret_was = false;
	for (size_t i = 0; i < directory_at && !*ret_was && !rc; i++) {
		uint32_t number = 0;
		if (groups->of[i].n)
			rc = find_number(view, US_OBJECT_GROUP, i, name, &number, err);
		*ret_was = number && us_numbers_has(&groups->of[i], number);
	}
	return rc;
}

enum us_errc us_view_walk_set(struct us_view *view, enum us_object object, const struct us_seen_set *set, struct us_seen_walk *walk,
	uint32_t *ret_number, struct us_str *name, struct us_err *err)
{
	while (walk->at < set->n) {
		bool is_seen = true, was = false;
		uint32_t number;
		if (!us_numbers_next(&set->of[walk->at], walk->next, &number)) {
			walk->at++;
			walk->next = 0;
			continue;
		}
		walk->next = number + 1;
		enum us_errc rc = us_object_load_name(view->c, object, view->directories[walk->at], number, name, err);
		if (!rc && object == US_OBJECT_USER)
			rc = us_view_is_seen(view, object, walk->at, us_str_slice(name), &is_seen, err);
		else if (!rc)
			rc = was_given(view, set, walk->at, us_str_slice(name), &was, err);
		if (rc)
			return rc;
		if (!is_seen || was)
			continue;
		*ret_number = number;
		return US_OK;
	}
	return US_END;
}
