/* The groups of users with their names, kept over requests: they are what applications ask most.
 *
 * Names, like lists (serve/kept.h), are kept with the revision of their directory, which goes up with each applied plan, and found only in a
 * snapshot of that very revision: what is given is what the snapshot holds. Bounded in memory: a place is taken over by whoever needs it next.
 * Thread-safe.
 */
#ifndef US_SERVE_GROUP_NAMES_H
#define US_SERVE_GROUP_NAMES_H

#include "serve/kept.h"
#include "store/object.h"

struct us_group_names;
struct us_group_names *us_group_names_new(struct us_kept *kept); /* borrowed */
void us_group_names_free(struct us_group_names *names);

/* The groups that a user is directly in, by number. c: a reader's connection inside a transaction. */
struct us_named {
	uint32_t number;
	struct us_slice name;
};
enum us_errc us_group_names_list(struct us_group_names *names, struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user,
	struct us_named **ret_list, size_t *ret_n, struct us_err *err);

#endif
