/* Later: what the runs after one have done to what it wrote, from the rows that are kept. An undo leaves that alone. */
#ifndef US_SYNC_UNDO_LATER_H
#define US_SYNC_UNDO_LATER_H

#include "store/run.h"

struct us_later {
	struct us_dbc *reader;
	int64_t directory;
	int64_t writer; /* the run that they come after */
};

/* Beside numbers of runs. */
#define US_LATER_NONE ((int64_t) 0)
#define US_LATER_UNKNOWN ((int64_t) -1) /* some run did, and its results are no longer kept */

/* The last run that changed the object itself; US_LATER_UNKNOWN if no row says. */
enum us_errc us_later_find_object(const struct us_later *later, struct us_arena *arena, enum us_object object, uint32_t number, int64_t *ret_run,
	struct us_err *err);

/* The changes to the members of one group, newest run first. */
struct us_later_members {
	struct us_touched *list;
	size_t n;
};
enum us_errc us_later_load_members(const struct us_later *later, struct us_arena *arena, uint32_t group, struct us_later_members *ret_members,
	struct us_err *err);
/* ret_runs[i]: the last run that added or removed numbers[i], or US_LATER_NONE. numbers: users or groups, sorted. */
void us_later_mark_members(const struct us_later_members *members, bool is_group, const uint32_t *numbers, uint32_t n, int64_t *ret_runs);

/* "… by run 7" */
const char *us_later_text(struct us_arena *arena, const char *what, int64_t run);

#endif
