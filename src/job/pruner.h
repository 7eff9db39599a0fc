/* Pruner: takes away runs and results that are no longer kept (model/retention.h says which).
 *
 * One thread, which works after the start, after runs have ended, and once an hour; between two passes it rests at least a hundred times as long as
 * the last one took. It deletes a few hundred rows at a time and gives the writer back after each, so that runs and calls wait for no more
 * than that; readers wait for nothing. Killed in between, it goes on at the next start.
 * Thread-safe.
 */
#ifndef US_JOB_PRUNER_H
#define US_JOB_PRUNER_H

#include <stdatomic.h>

#include "job/job.h"
#include "model/retention.h"

struct us_pruner;

enum us_errc us_pruner_open(struct us_store *store, struct us_job *job, const struct us_retention *retention, struct us_pruner **ret_pruner,
	struct us_err *err);
void us_pruner_close(struct us_pruner *pruner); /* before the job */

struct us_pruner_stats {
	int64_t runs, results; /* taken away since the start: runs, and runs whose results were */
};
void us_pruner_stats(struct us_pruner *pruner, struct us_pruner_stats *ret_stats);

/* One pass over all connectors, in the caller's thread. is_stopping, unless NULL, ends it after the batch under way: US_CANCELLED. */
enum us_errc us_pruner_pass(struct us_store *store, const struct us_retention *retention, int64_t now_s, const atomic_bool *is_stopping,
	struct us_pruner_stats *stats, struct us_err *err);

#endif
