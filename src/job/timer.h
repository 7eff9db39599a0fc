/* Timer: starts the runs that the connectors' schedules want. One thread, which sleeps until the next start, a change of a schedule, or a
 * change of the system's clock.
 *
 * Connectors that are disabled or paused never run by it. A connector whose run is still going on when its time comes has that run. What is due
 * is written down, so that a time that passes without a server is known at the next start (model/schedule.h says what then).
 * Thread-safe.
 */
#ifndef US_JOB_TIMER_H
#define US_JOB_TIMER_H

#include "job/job.h"

struct us_timer;

/* Takes up the schedules of all connectors. A schedule that cannot be kept (its zone is gone) is logged and shown, and holds up no other. */
enum us_errc us_timer_open(struct us_store *store, struct us_job *job, struct us_timer **ret_timer, struct us_err *err);
void us_timer_close(struct us_timer *timer); /* before the job */

/* To be called after a connector was made, saved, deleted, paused or resumed, with no lease held: the next look shows it. */
enum us_errc us_timer_reload(struct us_timer *timer, int64_t connector, struct us_err *err);

enum { US_TIMER_SHOWN = 5 };
/* What is to be told of a connector's schedule. */
struct us_timer_view {
	int64_t starts[US_TIMER_SHOWN]; /* the next ones, UTC seconds */
	size_t n;
	int64_t paused;          /* since when; 0: it is not */
	struct us_slice paused_by;
	int64_t missed;
	struct us_slice problem; /* why it has no times though it has a schedule; NONE */
};
/* All empty for a connector that is not there. Texts live in arena. */
void us_timer_show(struct us_timer *timer, int64_t connector, struct us_arena *arena, struct us_timer_view *ret_view);
/* US_UNAVAILABLE if the thread has ended. */
enum us_errc us_timer_check(struct us_timer *timer, struct us_err *err);

#endif
