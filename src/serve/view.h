/* View: what an application sees. The query layer that the Crowd protocol and SCIM share.
 *
 * An application has directories in an order. Of users with equal names, it sees the one in the first directory alone; a group is the sum of the
 * groups of that name: its description and attributes come from the first directory, its members from all of them, less the users that are not
 * seen. A user's groups are those of its own directory.
 *
 * A view holds one reader inside a transaction: whatever is read through it is of one moment (invariant A). It must not be held longer than an
 * answer takes. Not thread-safe.
 */
#ifndef US_SERVE_VIEW_H
#define US_SERVE_VIEW_H

#include "serve/gate.h"
#include "serve/kept.h"
#include "serve/numbers.h"
#include "store/object.h"

struct us_view {
	struct us_dbc *c;
	struct us_kept *kept; /* NULL: nothing is kept of what is read */
	const int64_t *directories;
	size_t n;
};

/* kept and the directories are borrowed. */
enum us_errc us_view_open(struct us_store *store, struct us_kept *kept, const int64_t *directories, size_t n, struct us_view *ret_view, struct us_err *err);
void us_view_close(struct us_view *view); /* may be called twice */

struct us_seen_user {
	int64_t directory;
	uint32_t number;
	struct us_user_image image;
};
struct us_seen_group {
	int64_t directory; /* the first that has it */
	uint32_t number;
	struct us_group_image image;
};

/* By name. US_NOT_FOUND. */
enum us_errc us_view_find_user(struct us_view *view, struct us_arena *arena, struct us_slice name, struct us_seen_user *ret_user,
	struct us_err *err);
enum us_errc us_view_find_group(struct us_view *view, struct us_arena *arena, struct us_slice name, struct us_seen_group *ret_group,
	struct us_err *err);
/* By its place in the store; US_NOT_FOUND also if another of its name is seen instead, or its directory is not. */
enum us_errc us_view_load_user(struct us_view *view, struct us_arena *arena, int64_t directory, uint32_t number, struct us_seen_user *ret_user,
	struct us_err *err);
enum us_errc us_view_load_group(struct us_view *view, struct us_arena *arena, int64_t directory, uint32_t number, struct us_seen_group *ret_group,
	struct us_err *err);

/* ---- who belongs to whom ---- */

enum us_reach { US_REACH_DIRECT, US_REACH_NESTED };

/* Sets of numbers, one for each directory of the view. Owns: each. */
struct us_seen_set {
	struct us_numbers *of; /* view->n of them */
	size_t n;
};
void us_seen_set_init(struct us_seen_set *set, const struct us_view *view);
void us_seen_set_fini(struct us_seen_set *set);

/* All add to a set that was initialised. Nested groups may hold cycles; a group is below or above itself only through one. */
enum us_errc us_view_groups_of_user(struct us_view *view, const struct us_seen_user *user, enum us_reach reach, struct us_seen_set *groups,
	struct us_err *err);
/* Of every group of that name. */
enum us_errc us_view_members(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *users, struct us_err *err);
enum us_errc us_view_child_groups(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *groups, struct us_err *err);
enum us_errc us_view_parent_groups(struct us_view *view, struct us_slice group, enum us_reach reach, struct us_seen_set *groups, struct us_err *err);

/* Whether an object is the one that is seen under its name. */
enum us_errc us_view_is_seen(struct us_view *view, enum us_object object, size_t directory_at, struct us_slice name, bool *ret_is_seen,
	struct us_err *err);

/* Walks what is seen of a set: directory by directory, in order of the numbers. name is filled; the walk ends with US_END. */
struct us_seen_walk {
	size_t at;        /* place of the directory in the view */
	uint32_t next;
};
enum us_errc us_view_walk_set(struct us_view *view, enum us_object object, const struct us_seen_set *set, struct us_seen_walk *walk,
	uint32_t *ret_number, struct us_str *name, struct us_err *err);

/* ---- everything ---- */

/* Users or groups in order of their folded names, merged over the directories; each name once. Rows live until the next call. */
struct us_view_list;
struct us_view_list *us_view_list_new(struct us_view *view, enum us_object object);
void us_view_list_free(struct us_view_list *list);
/* US_END after the last. *ret_directory: where it is. */
enum us_errc us_view_list_next(struct us_view_list *list, const struct us_listed **ret_row, int64_t *ret_directory, struct us_err *err);

#endif
