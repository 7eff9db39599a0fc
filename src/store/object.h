/* Objects: users, groups and memberships in a directory.
 *
 * Reading is for everybody. Writing is for sync/apply alone: nothing else in the program changes a directory. Each write names the revision
 * that it expects to replace, and gives US_CONFLICT if another is there.
 */
#ifndef US_STORE_OBJECT_H
#define US_STORE_OBJECT_H

#include "model/change.h"
#include "model/have.h"
#include "model/rules.h"
#include "store/store.h"

/* ---- the index for planning ---- */

/* All of a directory, with two scans. rules: give the objects their flags by name; may be NULL. */
enum us_errc us_object_load_have(struct us_dbc *c, int64_t directory, const struct us_rules *rules,
	struct us_have *ret_have, struct us_err *err);
/* What the guard measures a plan by, without the index: objects that the connector made (users: but those cleaned up before), their memberships. */
enum us_errc us_object_count_owned(struct us_dbc *c, int64_t directory, int64_t *ret_users, int64_t *ret_groups, int64_t *ret_memberships,
	struct us_err *err);
/* Only what a plan for a few objects needs: the objects with these ids, whoever holds these names, and the
 * groups that those users are in. next_number and revision are as in a whole index. */
struct us_object_keys {
	const struct us_slice *user_ids, *user_names, *group_ids, *group_names;
	size_t n_user_ids, n_user_names, n_group_ids, n_group_names;
};
enum us_errc us_object_load_have_some(struct us_dbc *c, int64_t directory, const struct us_object_keys *keys,
	const struct us_rules *rules, struct us_have *ret_have, struct us_err *err);

/* ---- reading ---- */

enum us_errc us_object_load_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t number,
	struct us_user_image *ret_image, struct us_err *err);
enum us_errc us_object_load_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t number,
	struct us_group_image *ret_image, struct us_err *err);
/* The run that wrote a user last. US_NOT_FOUND. */
enum us_errc us_object_load_user_revision(struct us_dbc *c, int64_t directory, uint32_t number, int64_t *ret_revision, struct us_err *err);
/* By name (folded here). US_NOT_FOUND. */
enum us_errc us_object_find_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, uint32_t *ret_number,
	struct us_user_image *ret_image, struct us_err *err);
enum us_errc us_object_find_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, uint32_t *ret_number,
	struct us_group_image *ret_image, struct us_err *err);

/* The number alone. Like the two before it US_NOT_FOUND; without a name it says whether there is an object with that number. */
enum us_errc us_object_find_number(struct us_dbc *c, int64_t directory, bool is_group, struct us_slice name, uint32_t number,
	uint32_t *ret_number, struct us_err *err);
/* Whether a user or a group is directly in a group, without loading the others who are. */
enum us_errc us_object_find_member(struct us_dbc *c, int64_t directory, uint32_t group, uint32_t member, bool is_group, bool *ret_is_member,
	struct us_err *err);

/* The name of a user or group into name (cleared before). US_NOT_FOUND. */
enum us_errc us_object_load_name(struct us_dbc *c, enum us_object object, int64_t directory, uint32_t number, struct us_str *name,
	struct us_err *err);

struct us_member {
	uint32_t number;
	bool owned;
};
/* Direct members of a group, sorted by number; both lists live in arena. */
enum us_errc us_object_load_members(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t group,
	const struct us_member **ret_users, size_t *ret_n_users, const struct us_member **ret_groups, size_t *ret_n_groups, struct us_err *err);
/* Groups that a user, or a group, is directly in. */
enum us_errc us_object_load_groups_of_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user,
	const struct us_member **ret_groups, size_t *ret_n, struct us_err *err);
enum us_errc us_object_load_groups_of_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t group,
	const struct us_member **ret_groups, size_t *ret_n, struct us_err *err);

/* Whether any group of the directory is in another one. */
enum us_errc us_object_has_nesting(struct us_dbc *c, int64_t directory, bool *ret_has, struct us_err *err);
/* Whether any of the groups that a user is directly in is in another group. */
enum us_errc us_object_has_groups_above(struct us_dbc *c, int64_t directory, uint32_t user, bool *ret_has, struct us_err *err);

/* Groups that are reached through these by nesting, each once, nearest first; not those themselves. At most `most`. */
struct us_nested {
	uint32_t number, through; /* through: the group inside it that led there */
};
enum us_errc us_object_load_nesting(struct us_dbc *c, struct us_arena *arena, int64_t directory, const struct us_member *groups, size_t n_groups,
	size_t most, struct us_nested **ret_list, size_t *ret_n, struct us_err *err);

/* Pages in order of the folded name. after: folded name of the last one of the page before, NONE for the first. search: NONE, or a part of
 * the folded name. */
struct us_listed {
	uint32_t number;
	struct us_slice fold;
	int64_t created, updated; /* wall seconds */
	union {
		struct us_user_image user;
		struct us_group_image group;
	};
};
enum us_errc us_object_list_users(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, struct us_slice search,
	size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err);
enum us_errc us_object_list_groups(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, struct us_slice search,
	size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err);
/* One row as a page has it. key is the name (folded here) or the external id; else number counts. US_NOT_FOUND. */
enum us_object_key { US_OBJECT_BY_NAME, US_OBJECT_BY_EXTERNAL_ID, US_OBJECT_BY_NUMBER };
enum us_errc us_object_find_listed(struct us_dbc *c, struct us_arena *arena, int64_t directory, bool is_group, enum us_object_key by,
	struct us_slice key, uint32_t number, struct us_listed *ret_row, struct us_err *err);

/* ---- writing: for sync/apply only ---- */

/* Raises the directory's revision from expect to expect + 1; US_CONFLICT if it is not expect. */
enum us_errc us_object_raise_revision(struct us_dbc *c, int64_t directory, int64_t expect, struct us_err *err);

/* revision: the run that writes. */
enum us_errc us_object_insert_user(struct us_dbc *c, int64_t directory, uint32_t number, const struct us_user_image *image, int64_t revision,
	int64_t now_s, struct us_err *err);
enum us_errc us_object_update_user(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision,
	const struct us_user_image *image, int64_t revision, int64_t now_s, struct us_err *err);
enum us_errc us_object_delete_user(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision, struct us_err *err);
/* Takes the name away for the moment, so that others of the same plan can have it (swaps); an update follows. */
enum us_errc us_object_park_user(struct us_dbc *c, int64_t directory, uint32_t number, struct us_err *err);

enum us_errc us_object_insert_group(struct us_dbc *c, int64_t directory, uint32_t number, const struct us_group_image *image, int64_t revision,
	int64_t now_s, struct us_err *err);
enum us_errc us_object_update_group(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision,
	const struct us_group_image *image, int64_t revision, int64_t now_s, struct us_err *err);
enum us_errc us_object_delete_group(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision, struct us_err *err);
enum us_errc us_object_park_group(struct us_dbc *c, int64_t directory, uint32_t number, struct us_err *err);

/* Deleting an object takes along the memberships that the plan has left, local ones too: sums of groups and the directory's count stay right. A user's
 * password and last login go with the user.
 *
 * Owned memberships of one group, and its members' hash with them. remove first, add later: two calls of one plan. Removing what is not there
 * or adding what is: US_CONFLICT. owned false: local memberships, which no sum has; removing takes owned ones then, too. */
enum us_errc us_object_remove_members(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *delta, bool owned,
	struct us_err *err);
enum us_errc us_object_add_members(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *delta, bool owned,
	struct us_err *err);

/* Around a plan that adds much: indexes that are faster to build afterwards are dropped and built again, inside the same transaction. n_users
 * and n_memberships are what the plan adds. Deletions come before it: they find what they take with them by those indexes. A name or id
 * that is there twice shows at bulk_end (US_CONFLICT). */
enum us_errc us_object_bulk_begin(struct us_dbc *c, int64_t n_users, int64_t n_memberships, bool *ret_is_bulk, struct us_err *err);
enum us_errc us_object_bulk_end(struct us_dbc *c, struct us_err *err);
/* Likewise around a plan that takes most of what is there away. The memberships come first: members_end builds their indexes again, before objects
 * are deleted, which look for what they take with them; those of the users are built by bulk_end. */
enum us_errc us_object_bulk_remove_begin(struct us_dbc *c, int64_t n_users, int64_t n_memberships, bool *ret_users, bool *ret_memberships,
	struct us_err *err);
enum us_errc us_object_bulk_remove_members_end(struct us_dbc *c, struct us_err *err);

/* Adds to the directory's counters. */
struct us_directory_delta {
	int64_t users, active_users, groups, memberships;
};
enum us_errc us_object_add_counts(struct us_dbc *c, int64_t directory, const struct us_directory_delta *delta, uint32_t next_user,
	uint32_t next_group, struct us_err *err);

#endif
