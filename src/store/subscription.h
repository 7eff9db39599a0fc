/* Subscriptions: webhooks that are sent the changes of a directory, each with a place of its own in the directory's feed (store/feed.h).
 *
 *     ACTIVE  → ACTIVE   a page arrived: `since` is the place behind it; or it did not, and is tried again
 *             → STOPPED  it failed for too long, the receiver is gone, or the directory is
 *     STOPPED → ACTIVE   resumed by somebody, from `since` or from another token
 *
 * Before a page is tried for the first time, how far it goes is written down (next, n_changes): a page that is tried again, after a failure or after
 * the server died, has the same changes and the same tokens. The secrets of a configuration are sealed.
 *
 * What a subscription still needs is not pruned (store/run_prune.h), unless it is stopped, or it was applied longer ago than
 * US_SUBSCRIPTION_KEEP_S.
 */
#ifndef US_STORE_SUBSCRIPTION_H
#define US_STORE_SUBSCRIPTION_H

#include "store/sealed.h"
#include "store/store.h"

enum { US_SUBSCRIPTION_KEEP_S = 30 * 86400 };

struct us_subscription {
	int64_t id, directory;
	const struct us_json *configuration;
	struct us_slice since;     /* a token: everything before it has arrived */
	int64_t behind;            /* so many applied plans have not, or not whole */
	struct us_slice next;      /* the token behind the page that is being tried; NONE: none is */
	int64_t n_changes;         /* of that page; 0: it says that the token has expired */
	int64_t tries, next_ms;    /* of the page at hand; wall */
	int64_t failing_since;     /* wall seconds; 0: the last try went well */
	int64_t delivered;         /* wall seconds: the last success; 0: none yet */
	int64_t stopped;           /* wall seconds; 0: ACTIVE */
	struct us_slice error;     /* of the last try, or why it is stopped; NONE */
	int64_t created, updated;
};

/* configuration must have been checked. since: as us_feed_open takes it, or "start"; NONE: now. Errors: those of us_feed_open. */
enum us_errc us_subscription_create(const struct us_store *store, struct us_dbc *c, int64_t directory, struct us_slice since,
	const struct us_json *configuration, int64_t now_s, int64_t *ret_id, struct us_err *err);
enum us_errc us_subscription_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t id, enum us_secrets secrets,
	struct us_subscription *ret_subscription, struct us_err *err);
enum us_errc us_subscription_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, enum us_secrets secrets,
	struct us_subscription **ret_list, size_t *ret_n, struct us_err *err);
/* A secret given as "***" keeps the stored one. */
enum us_errc us_subscription_save(const struct us_store *store, struct us_dbc *c, int64_t id, const struct us_json *configuration, int64_t now_s,
	struct us_err *err);
/* Also of one that is not stopped: then it is tried now. since NONE: from where it was. Errors: those of us_feed_open if a token is given. */
enum us_errc us_subscription_resume(struct us_dbc *c, int64_t id, struct us_slice since, int64_t now_s, struct us_err *err);
enum us_errc us_subscription_delete(struct us_dbc *c, int64_t id, struct us_err *err);
enum us_errc us_subscription_count(struct us_dbc *c, int64_t *ret_active, int64_t *ret_stopped, struct us_err *err);

/* ---- for those who send ---- */

struct us_subscription_due {
	int64_t id, next_ms;
};
/* ACTIVE ones that changes wait for, also if they are due later; in the order in which they are due. */
enum us_errc us_subscription_list_next(struct us_dbc *c, struct us_arena *arena, struct us_subscription_due **ret_list, size_t *ret_n, struct us_err *err);
/* Writes down how far the page goes, counts the try, and says when the next one is due if nobody comes back from it.
 * US_CONFLICT: somebody has moved, stopped or deleted the subscription. */
enum us_errc us_subscription_claim(struct us_dbc *c, const struct us_subscription *s, struct us_slice next, int64_t n_changes, int64_t next_ms, struct us_err *err);
/* The page up to `next` has arrived. One that was moved meanwhile stays where it is. */
enum us_errc us_subscription_advance(struct us_dbc *c, const struct us_subscription *s, struct us_slice next, bool was_sent, int64_t now_s, struct us_err *err);
/* It has not. stops: nothing more is tried. */
enum us_errc us_subscription_fail(struct us_dbc *c, const struct us_subscription *s, struct us_slice error, bool stops, int64_t next_ms, int64_t now_s,
	struct us_err *err);

#endif
