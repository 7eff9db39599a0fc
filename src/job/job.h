/* Jobs: the queue, the workers, the watch over running runs. At most one run of a connector is scheduled or running at a time.
 *
 * The queue is the SCHEDULED rows of the store, so it outlives a restart. Each worker thread executes one run from end to end.
 * Thread-safe. Errors: as store, plus what is said below.
 */
#ifndef US_JOB_JOB_H
#define US_JOB_JOB_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/authentication.h"
#include "model/edit.h"
#include "model/explained.h"
#include "model/report.h"
#include "store/run.h"

struct us_job;
struct us_notifier;

struct us_job_conf {
	struct us_store *store;
	struct us_notifier *notifier; /* told of each run that has ended; NULL: nobody is */
	const char *node;    /* name of this node; NULL: "NOT_CLUSTERED" */
	unsigned n_workers;  /* runs at a time; 0: 2 */
};

/* Starts the workers and takes up runs that were SCHEDULED when the last server ended. */
enum us_errc us_job_open(const struct us_job_conf *conf, struct us_job **ret_job, struct us_err *err);
/* Cancels what runs, waits for the workers (at most a page of the slowest source), frees. SCHEDULED runs stay so. */
void us_job_close(struct us_job *job);

/* Who asks, and by which way. */
struct us_job_who {
	struct us_slice name;
	enum us_run_trigger trigger;
};

struct us_job_request {
	struct us_slice connector; /* UUID or number */
	enum us_run_kind kind;     /* FULL, DELTA, SINGLE, SIMULATION */
	struct us_slice key;       /* SINGLE: the username */
	struct us_job_who who;
	int64_t due;               /* from the schedule: when it wanted the run; 0 otherwise */
	unsigned overrides;        /* rules that do not hold this one run (model/override.h), and why; by whom, who says */
	struct us_slice reason;
};
/* Schedules a run and gives its id at once. If the connector has one that is SCHEDULED or RUNNING: that one's id and *ret_is_new false.
 * With overrides that is US_CONFLICT instead: they are for a run of their own.
 * A directory that was deleted is no error here: the run itself ends FAILED and says so. US_NOT_FOUND: no such connector. US_CONFLICT: it is
 * disabled. */
enum us_errc us_job_start(struct us_job *job, const struct us_job_request *request, int64_t *ret_run, bool *ret_is_new, struct us_err *err);
/* Asks the connector's run to stop. It ends CANCELLED unless it is already writing. US_NOT_FOUND: none is there. */
enum us_errc us_job_cancel(struct us_job *job, struct us_slice connector, int64_t *ret_run, struct us_err *err);

/* HELD → applied by a worker, the same run; a run that left its cleanup to a decision stands for the run that holds it. US_CONFLICT: not HELD; or the directory has changed since: then *ret_run is a new run of the same
 * kind, the old one is CANCELLED, and the text says so; likewise if a later run had nothing to hold. US_CONFLICT too if its time is over. Otherwise *ret_run = run. */
enum us_errc us_job_approve(struct us_job *job, int64_t run, struct us_job_who who, int64_t *ret_run, struct us_err *err);
/* HELD → CANCELLED; *ret_run as above. */
enum us_errc us_job_reject(struct us_job *job, int64_t run, struct us_job_who who, int64_t *ret_run, struct us_err *err);
/* A DONE simulation: a new run of kind APPLY writes exactly its plan. US_CONFLICT as above: *ret_run is a new simulation. */
enum us_errc us_job_apply(struct us_job *job, int64_t run, struct us_job_who who, int64_t *ret_run, struct us_err *err);
/* A DONE run that wrote: a new run of kind UNDO; that of a run without a connector is over when this returns. US_CONFLICT: nothing to undo, or its
 * rows are pruned. */
enum us_errc us_job_undo(struct us_job *job, int64_t run, struct us_job_who who, int64_t *ret_run, struct us_err *err);

/* A change by hand of a directory without a connector; see sync/edit.h. It is over when this returns. */
enum us_errc us_job_edit(struct us_job *job, const struct us_edit_request *request, struct us_edit_result *ret_result, struct us_err *err);

/* Whether a password is a user's; see sync/authenticate.h. */
enum us_errc us_job_authenticate(struct us_job *job, int64_t directory, struct us_slice user, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err);
/* From now on nobody waits for an identity provider to say so: it gives no answer. */
void us_job_stop_asking(struct us_job *job);

/* Connects to the connector's source, reads a little, writes nothing. notes: JSON array of strings. Blocks; cancel may be
 * set by another thread and ends it with US_CANCELLED. */
enum us_errc us_job_test(struct us_job *job, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes, struct us_err *err);

/* What the mapping makes of one user; see us_sync_preview. out: a JSON object. Blocks; cancel as above. */
enum us_errc us_job_preview(struct us_job *job, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err);

/* What a source has of one user; see us_sync_explain. Blocks; cancel as above. */
enum us_errc us_job_explain(struct us_job *job, const struct us_explain_ask *ask, const atomic_bool *cancel, struct us_explained *ret_explained,
	struct us_err *err);

/* What a run is doing now; false if it is not running here. */
enum us_phase { US_PHASE_INDEX, US_PHASE_READ, US_PHASE_PLAN, US_PHASE_GUARD, US_PHASE_APPLY, US_PHASE_DONE };
const char *us_phase_text(enum us_phase phase); /* "index", "read", "plan", "guard", "apply", "done" */
struct us_progress {
	enum us_phase phase;
	int64_t users, groups, memberships; /* read so far */
	int64_t total_users;  /* what the directory held before, an estimate of what is to come */
	int64_t changes;      /* rows planned */
	int64_t applied;      /* rows written */
};
bool us_job_progress(struct us_job *job, int64_t run, struct us_progress *ret_progress);

/* Waits until the run is no longer SCHEDULED or RUNNING, or the deadline (monotonic ms) has passed: US_TIMEOUT. */
enum us_errc us_job_wait(struct us_job *job, int64_t run, int64_t deadline_ms, struct us_err *err);
/* The same without a waiting thread: done(context) is called once, from a worker (or at once, if the run is over already), short and
 * without locks of its own. forget before the context dies; it is fine after the call. */
void us_job_notify(struct us_job *job, int64_t run, void (*done)(void *context), void *context);
void us_job_forget(struct us_job *job, void *context);

/* Called after each run that ended, from a worker, short and without calls of ours; NULL: nobody. Returns when the one before is called no more. */
void us_job_set_listener(struct us_job *job, void (*done)(void *context), void *context);

/* Counters since start, for /metrics; by connector number where it matters. */
struct us_job_stats {
	int64_t queued, running;
	int64_t source_requests, source_retries;
};
void us_job_stats(struct us_job *job, struct us_job_stats *ret_stats);
/* US_UNAVAILABLE if a worker has died or the store cannot be reached; US_DISK while the end of a run cannot be written. */
enum us_errc us_job_check(struct us_job *job, struct us_err *err);

#endif
