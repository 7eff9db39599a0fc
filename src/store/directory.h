/* Directories: numbered stores of users, groups and memberships; at most one connector owns one. */
#ifndef US_STORE_DIRECTORY_H
#define US_STORE_DIRECTORY_H

#include "store/store.h"

struct us_directory {
	int64_t id;
	struct us_slice name;
	struct us_slice connector;       /* uniqueId of the owner; NONE: a local directory */
	int64_t revision;                /* goes up with each applied plan */
	int64_t n_users, n_active_users, n_groups, n_memberships; /* kept by apply, never counted on reading */
	int64_t created;                 /* wall seconds */
};

enum us_errc us_directory_create(struct us_dbc *c, struct us_slice name, struct us_slice connector, int64_t now_s, int64_t *ret_id,
	struct us_err *err);
/* For one that somebody names: US_CONFLICT if another has that name. Those of connectors go by their connectors. */
enum us_errc us_directory_check_name(struct us_dbc *c, struct us_slice name, struct us_err *err);
/* US_NOT_FOUND: "Directory <id> does not exists" (spelled so: it is the wording that clients know). */
enum us_errc us_directory_load(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_directory *ret_directory, struct us_err *err);
enum us_errc us_directory_exists(struct us_dbc *c, int64_t id, bool *ret_exists, struct us_err *err);
enum us_errc us_directory_load_revision(struct us_dbc *c, int64_t id, int64_t *ret_revision, struct us_err *err); /* US_NOT_FOUND */
enum us_errc us_directory_list(struct us_dbc *c, struct us_arena *arena, struct us_directory **ret_list, size_t *ret_n, struct us_err *err);
/* The directory and everything in it. The runs of its connector stay. */
enum us_errc us_directory_delete(struct us_dbc *c, int64_t id, struct us_err *err);

#endif
