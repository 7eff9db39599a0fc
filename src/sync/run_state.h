/* The insides of one execution, shared by the files that play it: run.c (the story), run_open.c, run_plan.c, run_delta.c, run_certificate.c, run_single.c, run_judge.c,
 * run_say.c, run_write.c. */
#ifndef US_SYNC_RUN_STATE_H
#define US_SYNC_RUN_STATE_H

#include "store/connector.h"
#include "sync/guard.h"
#include "sync/last_admin.h"
#include "sync/messages.h"
#include "sync/run.h"
#include "sync/want.h"

/* Everything of one execution; its arena dies with it. */
struct us_act {
	struct us_sync *sync;
	struct us_dbc *reader;
	struct us_arena arena;
	struct us_run run;
	struct us_connector connector;
	struct us_sync_settings settings;
	struct us_rules *rules;
	struct us_predicate *predicate;
	const struct us_source_ops *ops;
	struct us_source *source;
	struct us_mapping *mapping;
	struct us_have have;
	struct us_plan *plan;
	struct us_rows rows;
	struct us_messages messages;
	struct us_plan_counts counts;
	int64_t unsaid;            /* users who stay inactive, for the source does not say what they are */
	struct us_certificate certificate;
	struct us_want_scope scope; /* of the read */
	struct us_err source_err;  /* what cut the read short */
	bool is_partial;
	bool is_guest;             /* the directory is not the connector's own; it reads no source */
	bool is_local;             /* the directory has no connector at all */
	struct us_verdict verdict;
	struct us_last_admin last_admin; /* of that rule */
	bool splits;               /* what the plan takes away waits as a run of its own */
	struct us_str certificate_json, held_json, scope_json;
	struct us_slice configuration_hash; /* us_cursor_hash of what the plan is made with, or of a stored plan was */
	bool is_of_then;           /* a stored plan, of settings that were others or are not known */
	struct us_slice feed_cursor; /* what the run stores for the next delta; NONE: nothing */
	enum us_run_status status; /* that it ends with */
	bool drops_rows;           /* its plan was never whole, or could not be written */
	struct us_err *err;
};

static inline void us_run_enter(struct us_act *a, int phase) { a->sync->progress->phase = phase; }

/* The connector, its settings, its directory. */
enum us_errc us_run_open_connector(struct us_act *a);
/* The mapping and the source itself. */
enum us_errc us_run_open_source(struct us_act *a);
/* As soon as all is read: what the source remembers of its listings is not needed for the rest of the run. */
void us_run_close_source(struct us_act *a);
/* The plan, from the index that was loaded. */
void us_run_open_plan(struct us_act *a);
void us_run_close_plan(struct us_act *a);

/* One for each kind of run: the plan, as rows of the run and a->counts. */
enum us_errc us_run_plan_full(struct us_act *a);
/* Plans a full sync instead, and says why, where the feed is not enough. */
enum us_errc us_run_plan_delta(struct us_act *a);
enum us_errc us_run_plan_guest(struct us_act *a);
enum us_errc us_run_plan_single(struct us_act *a);
enum us_errc us_run_plan_undo(struct us_act *a);
struct us_want us_run_want(struct us_act *a);
/* Collisions, cleanup and memberships: what can be known only when all is read. */
enum us_errc us_run_finish_plan(struct us_act *a, const struct us_want *want, const struct us_plan_complete *complete);
/* Invariant L, kept for people: what was read and how its end was seen. */
void us_run_write_certificate(struct us_act *a);

/* Before a full read: where the feed stands. */
enum us_errc us_run_mark(struct us_act *a);
/* Whether the run, as it ends, has a place for the next delta to begin at. */
bool us_run_has_cursor(const struct us_act *a);
/* In the transaction that writes the plan. */
enum us_errc us_run_write_cursor(struct us_act *a, struct us_dbc *c);

/* The guard, and the end that follows from its verdict. */
enum us_errc us_run_judge(struct us_act *a);
/* Invariant A: the plan, the directory's revision, the scope and the run's own end are one transaction. */
enum us_errc us_run_write_plan(struct us_act *a);
/* Of these, the run's own end: its row, its status, and what waited before it. */
enum us_errc us_run_write_end(struct us_act *a, struct us_dbc *c, int64_t now_s);
/* The same for a plan that waited: an approved one, or another run's. */
enum us_errc us_run_write_stored(struct us_act *a);

/* What people read of it. */
void us_run_say_counts(struct us_act *a);
/* The verdict, as the run's `held` and as one of its messages; part: the run that holds the cleanup, 0: all of it is held. */
void us_run_say_verdict(struct us_act *a, int64_t part);
/* What an admin needs to know beside the numbers: which settings have changed, which group it is. */
void us_run_explain_verdict(struct us_act *a, const struct us_verdict *v, struct us_str *out);
void us_run_say_override(struct us_act *a, const struct us_verdict *passed, struct us_slice by, struct us_slice reason);

#endif
