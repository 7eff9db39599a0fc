/* Last admin: whether a plan would leave a group of adminGroups without any active user in it, directly or through other groups, who had one.
 *
 * However that comes about: users that are cleaned up or deactivated, memberships that end, groups that are deleted. Reads the directory and the
 * stored rows of the plan; changes nothing.
 */
#ifndef US_SYNC_LAST_ADMIN_H
#define US_SYNC_LAST_ADMIN_H

#include "model/pattern.h"
#include "store/store.h"

enum { US_LAST_ADMIN_NAMES = 3 };

struct us_last_admin {
	struct us_slice group;   /* the first one, by name; NONE: each keeps somebody */
	int64_t n_active;        /* in it now */
	struct us_slice users[US_LAST_ADMIN_NAMES]; /* some of them */
	size_t n_users;
};

/* run: whose rows. Texts live in arena. */
enum us_errc us_last_admin_find(struct us_dbc *c, int64_t directory, int64_t run, struct us_patterns *admin_groups, struct us_arena *arena,
	struct us_last_admin *ret, struct us_err *err);

#endif
