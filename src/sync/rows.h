/* Rows: where the steps of a plan become rows of its run. Gathers what one arena holds and writes it in one transaction, so that the writer is
 * held briefly and a page costs one commit.
 */
#ifndef US_SYNC_ROWS_H
#define US_SYNC_ROWS_H

#include <stdatomic.h>

#include "store/run.h"
#include "sync/plan.h"

struct us_rows {
	struct us_store *store;
	int64_t run, directory;
	struct us_change *gathered;
	size_t n, cap;
	struct { uint32_t ord; struct us_plan_step step; } *failures;
	size_t n_failures, cap_failures;
	_Atomic int64_t *changes; /* progress; may be NULL */
	struct us_dbc *within;    /* the writer, in a transaction of the caller that the rows are part of; NULL: they are one of their own */
};

void us_rows_fini(struct us_rows *rows);
/* Takes a ROW or FAIL_ROW step; its slices must live until the next flush. */
void us_rows_add(struct us_rows *rows, const struct us_plan_step *step);
/* Writes what was gathered. Afterwards arenas may be reset. */
enum us_errc us_rows_flush(struct us_rows *rows, struct us_err *err);

#endif
