/* Undo: the plan of a run turned round, against what the directory holds now. Rows that later runs have changed are FAILED and left. */
#ifndef US_SYNC_UNDO_H
#define US_SYNC_UNDO_H

#include "sync/plan.h"
#include "sync/rows.h"

struct us_undo {
	struct us_dbc *reader;
	int64_t directory;
	int64_t plan_run; /* whose rows */
	int64_t writer;   /* the run that wrote them: the revision that its objects still must have */
	bool is_local;    /* the directory has no connector: every membership may go */
	struct us_rows *rows;
	const atomic_bool *cancel;
};

/* Gives the rows to undo->rows and the numbers that the guard judges. */
enum us_errc us_undo_plan(const struct us_undo *undo, struct us_plan_counts *ret_counts, struct us_err *err);

#endif
