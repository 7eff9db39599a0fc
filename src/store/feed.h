/* Feed: the applied changes of a directory, in the order in which they were applied, behind an opaque token.
 *
 * Every applied plan raises its directory's revision by one: that is its position. Its rows come in the order in which they were written
 * (see us_feed_step), so that nobody who follows them meets one name or one membership twice, but for the renames of one plan, which may swap
 * names: those are told apart by number. A plan is one transaction; a reader that stops within one goes on there.
 *
 * A token says how far a reader is, holds for one directory, and survives restarts. It is no secret and gives no right. It expires when rows that
 * come after it are pruned, when its directory is deleted, and when the store was put back to a time before it: then the reader reads everything
 * again and follows on from us_feed_newest, both under one snapshot (us_db_begin on a reader).
 *
 * Deleting a user or group ends its memberships, also those that no row has told of (local ones).
 */
#ifndef US_STORE_FEED_H
#define US_STORE_FEED_H

#include "model/change.h"
#include "model/report.h"
#include "store/run.h"
#include "store/store.h"

/* The order of the rows of one plan; within a step they are in the order of the plan. */
enum us_feed_step {
	US_FEED_LEAVE,        /* memberships that end, with the names from before the plan */
	US_FEED_DELETE_USER,
	US_FEED_DELETE_GROUP,
	US_FEED_WRITE_USER,   /* everything else that becomes of users, by change.outcome */
	US_FEED_WRITE_GROUP,
	US_FEED_JOIN,         /* memberships that begin, with the names from after the plan */
	US_FEED_END,
};

struct us_feed_member {
	uint32_t number;
	bool is_group;
	struct us_slice name;
};

struct us_feed_row {
	int64_t position;         /* of the plan; the directory's revision once it was applied */
	int64_t run;              /* that applied it */
	int64_t applied_at;       /* wall seconds */
	enum us_feed_step step;
	struct us_change change;  /* number, id, name; before and after of users and groups. Of LEAVE and JOIN: the group; not its .members */
	const struct us_feed_member *members; /* LEAVE and JOIN */
	size_t n_members;
};

#define US_FEED_TOKEN_BYTES 61
struct us_feed_token { char text[US_FEED_TOKEN_BYTES]; };

/* How far: everything of the plans below position, and of the one at it the rows up to step and ord. */
struct us_feed_place {
	int64_t directory, position;
	uint64_t mark;            /* of that plan: another plan may be at the same position once a backup was put back */
	enum us_feed_step step;
	int64_t ord;              /* -1: none of that step */
};

/* Owns: nothing that outlives the lease; us_feed_close gives the statement back. One at a time on a connection. */
struct us_feed {
	struct us_dbc *c;
	struct us_feed_place at;
	int64_t newest;           /* position of the newest plan */
	int64_t plan, run, applied_at;
	unsigned steps;           /* of the plan: a bit for each step that has rows */
	struct us_change_walk walk;
};

/* The place behind everything that was applied so far. US_NOT_FOUND: there is no such directory. */
enum us_errc us_feed_newest(struct us_dbc *c, int64_t directory, struct us_feed_token *ret_token, struct us_err *err);

/* token NONE: from when the directory was made, empty. Without rows behind it, this is one look-up.
 * Errors: US_NOT_FOUND as above; US_INVALID: no token of ours; US_EXPIRED: of another directory, too old, or from a time that the store does
 * not know, each with its own text. */
enum us_errc us_feed_open(struct us_dbc *c, int64_t directory, struct us_slice token, struct us_feed *ret_feed, struct us_err *err);
static inline bool us_feed_is_at_end(const struct us_feed *feed) { return feed->at.position == feed->newest && feed->at.step == US_FEED_END; }
/* The next row, in arena. US_END: there are no more. */
enum us_errc us_feed_next(struct us_feed *feed, struct us_arena *arena, struct us_feed_row *ret_row, struct us_err *err);
/* The position of the last plan that a token of ours is wholly behind; -1: the text is none. */
int64_t us_feed_token_position(struct us_slice token);
/* The place behind the row that came last. */
void us_feed_token(const struct us_feed *feed, struct us_feed_token *ret_token);
void us_feed_close(struct us_feed *feed);

/* Blocks until some directory of this process has changed since the count was `seen`, or until that time; gives the count of now. 0 is older than
 * any. us_feed_ring makes every wait end as if something had changed. The count is of this process; another one's changes
 * are seen by who looks again. */
uint64_t us_feed_wait(uint64_t seen, int64_t monotonic_ms);
void us_feed_ring(void);

enum { US_FEED_PAGE_BYTES = 1 << 20 }; /* a page ends behind the change that makes it larger */
struct us_feed_page {
	int64_t limit;          /* in: at most so many changes */
	struct us_slice known;  /* in: of a page that was written before, the token behind it; NONE */
	size_t n;               /* out: changes in it */
	struct us_feed_token next;
};
/* The changes behind a token, as an object with changes, next and more. Errors: those of us_feed_open. */
enum us_errc us_feed_write_page(struct us_jsonw *w, struct us_dbc *c, int64_t directory, struct us_slice token, struct us_feed_page *page, struct us_err *err);

/* A row as JSON: position, run, time, object, operation, number, id, name; before and after, or members. */
void us_feed_row_write(struct us_jsonw *w, const struct us_feed_row *row);

/* ---- writing: within the transaction that applies, prunes or deletes ---- */

/* By sync/apply: plan_run's rows were written by run, which brought the directory to position. */
enum us_errc us_feed_add(struct us_dbc *c, int64_t directory, int64_t position, int64_t run, int64_t plan_run, const struct us_report *report,
	int64_t now_s, struct us_err *err);
/* By pruning, before the first row of the plan goes: tokens from before it expire. */
enum us_errc us_feed_expire(struct us_dbc *c, int64_t plan_run, struct us_err *err);
/* With the directory. */
enum us_errc us_feed_delete(struct us_dbc *c, int64_t directory, struct us_err *err);

#endif
