/* Logins: when each user of a directory was last seen by an application, and which one said so.
 *
 * They are not part of the directory's state: noting one raises no revision, is in no plan and no history, and makes no plan stale. A row
 * belongs to the user: it stays through renames and anonymising (what comes after that depends on it, and it names nobody), and goes with the
 * user or the directory; an undo that brings a user back brings no login.
 */
#ifndef US_STORE_LOGIN_H
#define US_STORE_LOGIN_H

#include "store/store.h"

struct us_login {
	uint32_t user;       /* its number in the directory */
	int64_t at;          /* wall seconds, above 0 */
	struct us_slice via; /* who reported it: the name of an application or of an account; NONE: not said */
};

/* Any number at once, in any order, of one user repeatedly too. Only a later login replaces what is known of a user; one of a user that is
 * not there is passed over. *ret_changed: how many changed something; may be NULL. */
enum us_errc us_login_note(struct us_dbc *c, int64_t directory, const struct us_login *logins, size_t n, int64_t *ret_changed,
	struct us_err *err);

/* US_NOT_FOUND: none of this user is known. */
enum us_errc us_login_load(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user, struct us_login *ret_login,
	struct us_err *err);

/* All users of a directory, in the order of their numbers. The iterator's statement belongs to c: one scan at a time on a
 * connection. next: US_END after the last. */
struct us_login_scan {
	struct us_stmt *stmt;
};
struct us_login_seen {
	uint32_t user;
	int64_t created, at; /* wall seconds; at 0: no login is known */
};
enum us_errc us_login_scan_begin(struct us_dbc *c, int64_t directory, struct us_login_scan *ret_scan, struct us_err *err);
enum us_errc us_login_scan_next(struct us_login_scan *scan, struct us_login_seen *ret_seen, struct us_err *err);
void us_login_scan_end(struct us_login_scan *scan);

/* A page of a directory's users with their last logins, in order of the folded name. after: folded name of the last one of the page before, NONE
 * for the first. is_never: only those of whom none is known. */
struct us_login_row {
	struct us_slice name, fold;
	bool is_active;
	struct us_login login; /* at 0: none is known */
};
enum us_errc us_login_list(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, bool is_never, size_t limit,
	struct us_login_row **ret_list, size_t *ret_n, struct us_err *err);

/* With the user, for us_object_delete_user. That there is none is no error. */
enum us_errc us_login_remove(struct us_dbc *c, int64_t directory, uint32_t user, struct us_err *err);

#endif
