/* Undo: the plan of a run turned round, against what the directory holds now.
 *
 * What later runs have changed since is left: a row that is FAILED names the run. An object that the run added stays if later runs gave it
 * memberships or members, which would go with it. Objects and memberships are apart: the memberships that the run gave an object that stays
 * are taken back. */
#ifndef US_SYNC_UNDO_H
#define US_SYNC_UNDO_H

#include "sync/messages.h"
#include "sync/plan.h"
#include "sync/rows.h"

struct us_undo {
	struct us_dbc *reader;
	int64_t directory;
	int64_t plan_run; /* whose rows */
	const struct us_report *report; /* theirs */
	int64_t writer;   /* the run that wrote them: the revision that its objects still must have */
	bool is_local;    /* the directory has no connector: every membership may go */
	bool is_last;     /* nothing was written to the directory since: what the run did to memberships is as it did it */
	struct us_rows *rows;
	const atomic_bool *cancel;
};

/* What stays as it is though the run had changed it. */
struct us_undo_left {
	int64_t objects, memberships;
};

/* Gives the rows to undo->rows and the numbers that the guard judges. */
enum us_errc us_undo_plan(const struct us_undo *undo, struct us_plan_counts *ret_counts, struct us_undo_left *ret_left, struct us_err *err);

/* Adds a message if anything was left. */
void us_undo_say(const struct us_undo_left *left, struct us_messages *messages);

#endif
