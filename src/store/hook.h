/* Hooks: addresses that an application has registered to be told that something has changed in what it sees. What has changed is not said: the
 * application asks for its events then.
 *
 * `state` is made of the application's directories and their revisions; a hook is due while it is another one than `told`, the state that the last
 * ping that was answered stood for. So many changes are one ping, and none is lost by a restart. Tokens are sealed.
 */
#ifndef US_STORE_HOOK_H
#define US_STORE_HOOK_H

#include "store/store.h"

enum { US_HOOKS_MOST = 20 }; /* of one application */

struct us_hook {
	int64_t id, application;
	struct us_slice url;
	struct us_slice token;         /* in the clear; NONE: none, or it cannot be unsealed */
	struct us_slice ranges;        /* where the URL may lead, with single spaces between: the application's addresses, else where it was registered from */
	struct us_slice application_name;
	struct us_slice told, state;
	int64_t failures;              /* since the last success */
	int64_t failing_since;         /* wall seconds; 0: the last try went well */
	int64_t next_ms;               /* wall; not before then */
};

/* As it is shown to an admin. */
struct us_hook_shown {
	int64_t id;
	struct us_slice url; /* without its query, which may hold a secret */
	int64_t failures, failing_since, created;
};

/* peer: the address that it comes from. The URL that the application has registered before keeps its id, and gets this token; it begins anew.
 * US_INVALID: the application has US_HOOKS_MOST others. */
enum us_errc us_hook_put(const struct us_store *store, struct us_dbc *c, int64_t application, struct us_slice url, struct us_slice token,
	struct us_slice peer, int64_t now_s, int64_t *ret_id, struct us_err *err);
/* US_NOT_FOUND, also of another application's. */
enum us_errc us_hook_find(struct us_dbc *c, struct us_arena *arena, int64_t application, int64_t id, struct us_slice *ret_url, struct us_err *err);
enum us_errc us_hook_delete(struct us_dbc *c, int64_t application, int64_t id, struct us_err *err);

/* ---- for admins ---- */

/* Those of the application, in the order in which they were registered first. */
enum us_errc us_hook_list(struct us_dbc *c, struct us_arena *arena, int64_t application, struct us_hook_shown **ret_list, size_t *ret_n, struct us_err *err);
/* All of them, and those whose last try failed. */
enum us_errc us_hook_count(struct us_dbc *c, int64_t *ret_all, int64_t *ret_failing, struct us_err *err);

/* ---- for the one who pings ---- */

/* Those that something has changed for, also if they are due later; in the order in which they are due. */
enum us_errc us_hook_list_next(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_hook **ret_list, size_t *ret_n,
	struct us_err *err);
/* One that was registered anew, or deleted, meanwhile is left as it is. */
enum us_errc us_hook_note_told(struct us_dbc *c, const struct us_hook *hook, struct us_err *err);
enum us_errc us_hook_note_failed(struct us_dbc *c, const struct us_hook *hook, int64_t next_ms, int64_t now_s, struct us_err *err);

#endif
