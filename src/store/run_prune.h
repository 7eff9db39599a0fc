/* Pruning: taking away runs that are no longer kept, and the rows of plans, in steps that are small enough for everybody else. */
#ifndef US_STORE_RUN_PRUNE_H
#define US_STORE_RUN_PRUNE_H

#include "model/retention.h"
#include "store/store.h"

/* The connectors that have runs, also those that are gone. */
enum us_errc us_run_prune_connectors(struct us_dbc *c, struct us_arena *arena, int64_t **ret_list, size_t *ret_n, struct us_err *err);
/* All runs of a connector, newest first. *ret_newest: the number of the newest run of all connectors. */
enum us_errc us_run_prune_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_retention_run **ret_list, size_t *ret_n,
	int64_t *ret_newest, struct us_err *err);

/* Marks a run's results as gone, before the first of them is: from then on nothing can be made from them. US_CONFLICT: since the list was
 * read the run was taken up again, or a run newer than `newest` refers to it. */
enum us_errc us_run_prune_begin(struct us_dbc *c, int64_t run, int64_t newest, int64_t now_s, struct us_err *err);
/* Deletes the next rows, `most` at a time. *ret_deleted 0: there are none left. */
enum us_errc us_run_prune_rows(struct us_dbc *c, int64_t run, int64_t most, int64_t *ret_deleted, struct us_err *err);
/* All its rows are gone. */
enum us_errc us_run_prune_end(struct us_dbc *c, int64_t run, struct us_err *err);
/* Deletes the run, whose rows are gone; it stays in the counts of store/run_stats.h. */
enum us_errc us_run_prune_run(struct us_dbc *c, int64_t run, struct us_err *err);

#endif
