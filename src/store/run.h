/* Runs: one row for each execution, and the rows of its plan. */
#ifndef US_STORE_RUN_H
#define US_STORE_RUN_H

#include "model/change.h"
#include "model/report.h"
#include "store/store.h"

struct us_run {
	int64_t id;                      /* running number over all connectors */
	struct us_slice job;             /* UUID */
	int64_t connector;               /* number; 0: none, it was done by hand */
	struct us_slice connector_uuid;  /* empty without one */
	int64_t directory;
	enum us_run_kind kind;
	enum us_run_status status;
	struct us_slice key;             /* single: the username */
	int64_t plan_run;                /* apply, undo: the run whose plan is applied or turned round; 0 otherwise */
	struct us_slice actor;           /* who started it: "admin", "schedule", … */
	enum us_run_trigger trigger;     /* by which way */
	int64_t due;                     /* SCHEDULE, MISSED: when the schedule wanted it; 0 otherwise */
	struct us_report report;
	struct us_slice messages;        /* JSON array of strings, in order */
	struct us_slice certificate;     /* JSON; NONE before the read */
	struct us_slice override_of;     /* JSON {"limits":[…],"by","reason"}: what its starter has overridden; NONE */
	struct us_slice held;            /* JSON {"rule","limit","found",…}; NONE unless it was held; part, run: of what waits
	                                  * beside it; expired, overtaken: that waits no more */
	int64_t expires;                 /* until when it can be approved, if it was held; 0: for ever */
	struct us_slice decided_by;      /* who approved or rejected; NONE */
	int64_t base_revision;           /* of the directory, that the plan was made from; -1 before */
	int64_t n_changes;               /* rows of the plan */
	int64_t pruned;                  /* when those rows were taken away; 0: they are there */
	int64_t created, started, finished; /* wall seconds; 0 while not there yet */
	int64_t modified;
	struct us_slice node;
};

/* Makes a SCHEDULED run with its first message "Scheduled with jobid <uuid>". US_CONFLICT, and *ret_id of that run, if one of the connector is
 * SCHEDULED or RUNNING. run gives: connector, connector_uuid, directory, kind, key, plan_run, actor, trigger, due, override_of. US_CONFLICT, and *ret_id left alone,
 * if the plan of plan_run is no longer there. */
enum us_errc us_run_create(struct us_dbc *c, const struct us_run *run, int64_t now_s, int64_t *ret_id, struct us_err *err);
/* Makes a run that is over already: DONE, with its report and messages. run gives what us_run_save writes, too. */
enum us_errc us_run_record(struct us_dbc *c, const struct us_run *run, int64_t now_s, int64_t *ret_id, struct us_err *err);
/* The number of a run that us_run_create_held will make in the same transaction. */
enum us_errc us_run_reserve(struct us_dbc *c, int64_t *ret_id, struct us_err *err);
/* One more line at the end of run->messages, in arena; us_run_save stores it. */
void us_run_add_message(struct us_arena *arena, struct us_run *run, const char *text);

/* Makes run->id, a CLEANUP, HELD: what the run plan_run, which has just ended, leaves to a decision. run gives all that us_run_create and
 * us_run_save want, and started; message: its second one. */
enum us_errc us_run_create_held(struct us_dbc *c, const struct us_run *run, const char *message, int64_t now_s, struct us_err *err);
enum us_errc us_run_load(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_run *ret_run, struct us_err *err);
enum us_errc us_run_load_last(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_run *ret_run, struct us_err *err);
/* The newest full sync or simulation that has ended. US_NOT_FOUND: there is none. */
enum us_errc us_run_load_last_full(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_run *ret_run, struct us_err *err);
/* Newest first; before: 0 or the id of the last one of the page before. */
enum us_errc us_run_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, int64_t before, size_t limit, struct us_run **ret_list,
	size_t *ret_n, struct us_err *err);
/* The runs of a directory that no connector made: what was done by hand. */
enum us_errc us_run_list_edits(struct us_dbc *c, struct us_arena *arena, int64_t directory, int64_t before, size_t limit, struct us_run **ret_list,
	size_t *ret_n, struct us_err *err);
/* SCHEDULED runs in order, for the queue after a start; all connectors. */
enum us_errc us_run_list_scheduled(struct us_dbc *c, struct us_arena *arena, struct us_run **ret_list, size_t *ret_n, struct us_err *err);
/* Sets the status if it is `expect` now; US_CONFLICT if it is another. The one function that changes a status. An end raises the notices that
 * follow from it: what us_run_save writes must be there. */
enum us_errc us_run_set_status(struct us_dbc *c, int64_t id, enum us_run_status expect, enum us_run_status status, int64_t now_s,
	struct us_err *err);
/* A run that turns out to be of another kind while it is RUNNING. */
enum us_errc us_run_set_kind(struct us_dbc *c, int64_t id, enum us_run_kind kind, struct us_err *err);
/* Writes report, messages, certificate, held, expires, decided_by, base_revision, n_changes of run->id; not its status. */
enum us_errc us_run_save(struct us_dbc *c, const struct us_run *run, int64_t now_s, struct us_err *err);
/* The newest run of the connector that waits for a decision; 0: none. */
enum us_errc us_run_find_held(struct us_dbc *c, int64_t connector, int64_t *ret_id, struct us_err *err);
/* HELD → CANCELLED, with a message that says so, for each whose time is over; the run that a cleanup was held beside says so too. is_writer false: only
 * counts them. */
enum us_errc us_run_expire_held(struct us_dbc *c, bool is_writer, int64_t now_s, size_t *ret_n, int64_t *ret_next_s, struct us_err *err);
/* HELD → CANCELLED, with a message that says so, for what an earlier full sync or delta of the connector has left to a decision: `by`, a full sync that is
 * DONE and leaves nothing to decide, has read the source since. */
enum us_errc us_run_overtake_held(struct us_dbc *c, const struct us_run *by, int64_t now_s, struct us_err *err);
/* A later full run of the connector that read everything and had nothing to hold; 0: none. What such a run did not want any more, nobody should apply. */
enum us_errc us_run_find_later(struct us_dbc *c, const struct us_run *run, int64_t *ret_id, struct us_err *err);
/* RUNNING → INTERRUPTED, with a message that says so; an approved one → HELD: its plan is whole, and waits for a decision again. */
enum us_errc us_run_interrupt_all(struct us_dbc *c, int64_t now_s, int64_t *ret_n, struct us_err *err);

/* ---- the rows of a plan ---- */

/* A row with the same ord is replaced. */
enum us_errc us_run_add_change(
	struct us_dbc *c, int64_t run, const struct us_change *change, struct us_err *err);
/* A change that collides after all becomes a failed one, one that a rule forbids a filtered one: it keeps
 * before and after for display, and is not applied. */
enum us_errc us_run_drop_change(struct us_dbc *c, int64_t run, uint32_t ord, enum us_outcome outcome,
	struct us_slice reason, struct us_err *err);
/* A row of a run moves to another, which holds it; it stays here for display, as HELD, with `why` after its reason. */
enum us_errc us_run_hold_change(struct us_dbc *c, int64_t run, uint32_t ord, int64_t holder, struct us_slice why, struct us_err *err);
enum us_errc us_run_load_change(struct us_dbc *c, struct us_arena *arena, int64_t run, uint32_t ord,
	struct us_change *ret_change, struct us_err *err);
/* The rows of one object. */
enum us_errc us_run_list_changes_of(struct us_dbc *c, struct us_arena *arena, int64_t run, enum us_object object, uint32_t number,
	struct us_change **ret_list, size_t *ret_n, struct us_err *err);
enum us_errc us_run_delete_changes(struct us_dbc *c, int64_t run, struct us_err *err);

/* Walks the plan in order; filters are optional (-1: any). The iterator's statement belongs to c, so one walk at a time on a connection. */
struct us_change_walk {
	struct us_stmt *stmt;
};
enum us_errc us_change_walk_begin(struct us_dbc *c, int64_t run, int object, int outcome, struct us_change_walk *ret_walk, struct us_err *err);
/* The rows that are written when the plan is applied, of one kind of object: those that delete it, or all others. after: ord of the row behind
 * which it begins; -1: at the start. */
enum us_errc us_change_walk_begin_applied(struct us_dbc *c, int64_t run, enum us_object object, bool is_deleted, int64_t after,
	struct us_change_walk *ret_walk, struct us_err *err);
enum us_errc us_change_walk_next(struct us_change_walk *walk, struct us_arena *arena, struct us_change *ret_change, struct us_err *err);
void us_change_walk_end(struct us_change_walk *walk);

/* A page of results for people: after is the ord of the last row of the page before, -1 for the first; search: part of name or id, ASCII
 * without case; NONE: any. */
enum us_errc us_run_list_changes(struct us_dbc *c, struct us_arena *arena, int64_t run, int object, int outcome, struct us_slice search,
	int64_t after, size_t limit, struct us_change **ret_list, size_t *ret_n, struct us_err *err);
/* The same without a search, and with the images' texts; what became of an object is there as text alone, after is NULL. */
enum us_errc us_run_list_texts(struct us_dbc *c, struct us_arena *arena, int64_t run, int object, int outcome, int64_t after, size_t limit,
	struct us_change **ret_list, size_t *ret_n, struct us_err *err);
/* The last changes that were made to one user, one group or its members, newest run first. after: only by runs after that one; 0: by any. */
struct us_touched {
	int64_t run;
	int64_t finished;
	struct us_change change;
};
enum us_errc us_run_list_touching(struct us_dbc *c, struct us_arena *arena, int64_t directory, enum us_object object, uint32_t number,
	int64_t after, size_t limit, struct us_touched **ret_list, size_t *ret_n, struct us_err *err);

/* Rows of users that this name (folded here) no longer finds in the directory, or never did: it was deleted, anonymised or renamed under it, or it
 * FAILED, was FILTERED or is HELD. Newest run first, whatever became of the run; a simulation and the run that applied it give one row each. */
struct us_named_row {
	int64_t run, finished;
	enum us_run_kind kind;
	enum us_run_status status;
	struct us_change change;
};
enum us_errc us_run_list_named(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, size_t limit,
	struct us_named_row **ret_list, size_t *ret_n, struct us_err *err);

#endif
