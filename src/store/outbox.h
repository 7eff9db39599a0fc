/* Outbox: notices on their way, delivered, or dead. Rows are written in the transaction of their cause, so
 * none is lost by a restart and none goes out for what never happened. At least once: a try that is not known
 * to have arrived is made again, with the same message id and bytes.
 *
 *     WAITING  → DELIVERED  arrived
 *              → WAITING    failed, and tries are left
 *              → DEAD       failed for the last time; retry: WAITING again
 */
#ifndef US_STORE_OUTBOX_H
#define US_STORE_OUTBOX_H

#include "store/store.h"

enum us_outbox_state { US_OUTBOX_WAITING, US_OUTBOX_DELIVERED, US_OUTBOX_DEAD, US_OUTBOX_STATE_COUNT };
const char *us_outbox_state_text(enum us_outbox_state state); /* "WAITING" … */
bool us_outbox_state_parse(struct us_slice text, enum us_outbox_state *ret_state);

struct us_delivery {
	int64_t id;
	struct us_slice message; /* "msg_<uuid>" */
	int64_t target;
	struct us_slice target_name;
	struct us_slice event;
	int64_t connector, run; /* 0: of none */
	enum us_outbox_state state;
	struct us_slice body;  /* JSON */
	int64_t created;       /* wall seconds */
	int64_t next_ms;       /* wall; when it is tried next */
	int64_t tries;         /* so far */
	struct us_slice error; /* of the last try; NONE: none, or it went well */
	int64_t finished;      /* wall seconds; 0 while WAITING */
};

/* target, event, connector, run, body, created of *d; due at once. */
enum us_errc us_outbox_add(struct us_dbc *c, const struct us_delivery *d, struct us_err *err);
enum us_errc us_outbox_count_since(
	struct us_dbc *c, int64_t target, int64_t since_s, int64_t *ret_n, struct us_err *err);

/* Of each target that is enabled, the WAITING one that is due first, also if that is later than now; in the
 * order in which they are due. */
enum us_errc us_outbox_list_next(struct us_dbc *c, struct us_arena *arena, struct us_delivery **ret_list,
	size_t *ret_n, struct us_err *err);
/* Counts a try before it is made, and sets when the next one is due if nobody comes back from it.
 * US_NOT_FOUND: it is not WAITING any more. */
enum us_errc us_outbox_claim(struct us_dbc *c, int64_t id, int64_t next_ms, struct us_err *err);
/* Ends a try. error NONE with DELIVERED. A row that was discarded meanwhile is no error. */
enum us_errc us_outbox_settle(struct us_dbc *c, int64_t id, enum us_outbox_state state, struct us_slice error,
	int64_t next_ms, int64_t now_s, struct us_err *err);
/* Nothing to this target before then. */
enum us_errc us_outbox_postpone(struct us_dbc *c, int64_t target, int64_t until_ms, struct us_err *err);

enum us_errc us_outbox_find(struct us_dbc *c, struct us_arena *arena, int64_t id,
	struct us_delivery *ret_delivery, struct us_err *err);
/* Newest first; state US_OUTBOX_STATE_COUNT: any; before: 0 or the id of the last one of the page before. */
enum us_errc us_outbox_list(struct us_dbc *c, struct us_arena *arena, enum us_outbox_state state,
	int64_t before, size_t limit, struct us_delivery **ret_list, size_t *ret_n, struct us_err *err);
/* DEAD or WAITING: due now, with all its tries again. US_CONFLICT: it was delivered. */
enum us_errc us_outbox_retry(struct us_dbc *c, int64_t id, int64_t now_ms, struct us_err *err);
enum us_errc us_outbox_discard(struct us_dbc *c, int64_t id, struct us_err *err);
enum us_errc us_outbox_count(struct us_dbc *c, int64_t ret_counts[US_OUTBOX_STATE_COUNT], struct us_err *err);
/* Delivered ones that ended before the one time, dead ones before the other. */
enum us_errc us_outbox_prune(
	struct us_dbc *c, int64_t delivered_before_s, int64_t dead_before_s, struct us_err *err);

#endif
