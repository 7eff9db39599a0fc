/* What a connector of type `inactive` decides about one user. Pure: the clock is an input.
 *
 * Invariant O, and its one exception: such a connector works on a directory that is not its own, because an admin has pointed it there. In a directory
 * that another connector keeps it touches that connector's users and memberships alone, as that one would; local users and local memberships stay. In
 * a directory without a connector everything is the admin's, and so within its reach.
 */
#ifndef US_SYNC_PLAN_INACTIVE_H
#define US_SYNC_PLAN_INACTIVE_H

#include "model/change.h"
#include "model/predicate.h"
#include "model/sync_options.h"

struct us_inactive_settings {
	int64_t days;        /* without a login until a user counts as inactive; at least 1 */
	bool counts_never;   /* who never logged in counts, from the day on which the user was made */
	int64_t connector;   /* its number */
	bool is_local;       /* the directory has no connector */
	int64_t now_s;
	const struct us_sync_settings *sync; /* cleanup and its stages */
	struct us_predicate *predicate;      /* cleanupIf; NULL: all are cleaned up */
};

struct us_inactive_user {
	uint32_t number;
	int64_t created, last_login; /* wall seconds; last_login 0: none is known */
	bool is_owned, is_admin;
	bool is_chosen;              /* by the conditions on groups, and not protected */
	bool is_name_taken;          /* "user-<number>" is the name of somebody else */
};

enum us_inactive_verdict {
	US_INACTIVE_NOT,       /* has logged in lately, or is not for this connector to judge */
	US_INACTIVE_ADMIN,     /* is skipped, whatever their logins */
	US_INACTIVE_UNKNOWN,   /* has never logged in, and that does not count */
	US_INACTIVE_DUE,
};

enum us_inactive_verdict us_inactive_judge(const struct us_inactive_settings *settings, const struct us_inactive_user *user);

struct us_inactive_membership {
	uint32_t group;
	struct us_slice name; /* for the predicate */
	bool owned;
	bool stays; /* by stripExceptions, protectedGroups or unmanagedGroups */
};

struct us_inactive_step {
	bool has_row;
	struct us_change change;     /* of the user; UPDATED only notes the user as inactive; borrows from the arguments and the arena */
	const uint32_t *left;        /* groups that the user is taken out of */
	uint32_t n_left;
};

/* Of a user who is DUE. The same again, once it is applied, gives no row and no group. */
void us_inactive_plan(const struct us_inactive_settings *settings, struct us_arena *arena, const struct us_inactive_user *user,
	const struct us_user_image *before, const struct us_inactive_membership *groups, uint32_t n_groups, struct us_inactive_step *ret_step);

#endif
