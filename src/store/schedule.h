/* Schedules: what is remembered of a connector's schedule beside its settings: the pause, the time that is waited for, what was missed. */
#ifndef US_STORE_SCHEDULE_H
#define US_STORE_SCHEDULE_H

#include "store/store.h"

struct us_schedule_row {
	int64_t paused;            /* since when; 0: it is not */
	struct us_slice paused_by;
	int64_t due, saved;        /* us_schedule_state */
	struct us_slice due_for;   /* the schedule that due was reckoned for, as us_schedule_write gives it; NONE: none yet */
	int64_t missed;            /* times since the connector was made that passed without a run of their own */
};

/* All zero for a connector of which nothing is remembered. */
enum us_errc us_schedule_row_load(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_schedule_row *ret_row, struct us_err *err);
/* paused_s 0: goes on. US_CONFLICT: no such connector. */
enum us_errc us_schedule_row_set_paused(struct us_dbc *c, int64_t connector, int64_t paused_s, struct us_slice by, struct us_err *err);
/* Writes due, saved and due_for, adds to missed. US_CONFLICT: no such connector. */
enum us_errc us_schedule_row_set_due(struct us_dbc *c, int64_t connector, int64_t due, int64_t saved, struct us_slice due_for,
	int64_t more_missed, struct us_err *err);

#endif
