/* Run: one execution from its row in the store to its end, top to bottom. The caller (job) has set it RUNNING.
 *
 *     full, simulation   open source → index → read, map, plan → guard → apply (or keep)
 *     delta              open source → index → read what has changed, map, plan → guard → apply; where the feed is not enough it becomes a full run
 *     single             the same for one user; no cleanup
 *     apply              the stored plan of another run, written as it is
 *     full, simulation   of a connector without a source (type inactive): index and last logins → plan → guard → apply (or keep)
 *     undo               the plan of another run turned round → guard → apply
 *     approved           (decided_by is set) a HELD run's own plan, written as it is
 */
#ifndef US_SYNC_RUN_H
#define US_SYNC_RUN_H

#include <stdatomic.h>

#include "model/report.h"
#include "store/run.h"
#include "source/source.h"

struct us_sync_progress {
	_Atomic int phase; /* index, read, plan, guard, apply, done: 0 … 5 */
	_Atomic int64_t users, groups, memberships, total_users, changes, applied;
	_Atomic int64_t source_requests, source_retries; /* of sources that are closed again: all of them when the run's end is written */
};
enum { US_SYNC_INDEX, US_SYNC_READ, US_SYNC_PLAN, US_SYNC_GUARD, US_SYNC_APPLY, US_SYNC_DONE };

struct us_sync {
	struct us_store *store;
	const atomic_bool *cancel;
	struct us_sync_progress *progress;
};

/* The message of a single run for a name that nobody knows. */
#define US_SYNC_UNKNOWN_USER "is known neither to the identity provider nor to the directory"

/* Executes run `id` and writes its end: DONE, FAILED, HELD or CANCELLED. The result says only whether that could be written; what went wrong
 * in the run is in its messages. *ret_status: the status that it ended with. */
enum us_errc us_sync_execute(struct us_sync *sync, int64_t id, enum us_run_status *ret_status, struct us_err *err);

/* Whether the plan of a run still fits: its directory is as it was, the connector would plan with the same settings, and no later run has taken it back.
 * US_CONFLICT: no. */
enum us_errc us_sync_check_fit(struct us_store *store, struct us_dbc *c, const struct us_run *run, struct us_err *err);

/* Opens the connector's source as a run would, and tests it. notes: JSON array of strings. */
enum us_errc us_sync_test(struct us_store *store, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes,
	struct us_err *err);

#endif
