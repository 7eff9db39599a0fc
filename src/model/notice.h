/* Notice: which of them follow from how runs end and from the time. Pure functions over what is remembered of
 * each connector.
 *
 *     sync.failed      the full sync failed, or was interrupted, so many times in a row; again after as many
 * more sync.held        a plan waits for a decision sync.recovered   the first good end after one of the two,
 * or after sync.overdue sync.overdue     no full sync has ended well for so many hours; told once until one
 * has secret.expiring  the date set for the connector's secret is near; told at the first of the days set, 7
 * days, 1 day, and when it is past
 */
#ifndef US_MODEL_NOTICE_H
#define US_MODEL_NOTICE_H

#include "model/option.h"
#include "model/report.h"

/*      code                    text */
#define US_NOTICE_TABLE(X)                                                                                   \
	X(US_NOTICE_FAILED, "sync.failed")                                                                       \
	X(US_NOTICE_HELD, "sync.held")                                                                           \
	X(US_NOTICE_RECOVERED, "sync.recovered")                                                                 \
	X(US_NOTICE_OVERDUE, "sync.overdue")                                                                     \
	X(US_NOTICE_EXPIRING, "secret.expiring")                                                                 \
	X(US_NOTICE_TEST, "notice.test")

enum us_notice_event {
#define X(code, text) code,
	US_NOTICE_TABLE(X)
#undef X
		US_NOTICE_COUNT
};
const char *us_notice_event_text(enum us_notice_event event);
bool us_notice_event_parse(struct us_slice text, enum us_notice_event *ret_event);

/* The connector's settings, read from a configuration that was checked; anything odd counts as unset. */
struct us_notice_settings {
	int64_t failures;    /* so many in a row; 0: never */
	int64_t overdue_s;   /* 0: never */
	int64_t expires_s;   /* wall seconds of the day's beginning, UTC; 0: no date is set */
	int64_t expiry_days; /* the first notice, so many days before */
};
void us_notice_settings_read(const struct us_json *configuration, struct us_notice_settings *ret_settings);
/* What the option schema cannot see: whether secretExpires is a date. */
void us_notice_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);

enum us_notice_alarm {
	US_NOTICE_CALM,
	US_NOTICE_ALARM_FAILED,
	US_NOTICE_ALARM_HELD,
	US_NOTICE_ALARM_OVERDUE
};

/* What is remembered of a connector. All zero: nothing yet. */
struct us_notice_state {
	int64_t failures;           /* full syncs that failed in a row */
	enum us_notice_alarm alarm; /* what was told last and is not mended yet */
	int64_t alarm_run;          /* the run that it was about; 0: none */
	int64_t success_s;          /* end of the last good full sync; 0: none yet */
	int64_t overdue_told_s;     /* the success_s (or creation) for which sync.overdue was told; 0: none */
	int64_t expiry_told_s;      /* the date for which secret.expiring was told last; 0: none */
	int64_t expiry_told_step;   /* how many of its steps were told for that date */
};

/* A run has ended with this status, at now_s. True: *ret_event is to be told. */
bool us_notice_end_run(const struct us_notice_settings *settings, struct us_notice_state *state, int64_t run, bool holds_part,
	enum us_run_kind kind, enum us_run_status status, int64_t now_s, enum us_notice_event *ret_event);

/* Time has passed. since_s: the connector's creation, for one that never ended well. Each gives true at most
 * once for its cause. */
bool us_notice_is_overdue(
	const struct us_notice_settings *settings, struct us_notice_state *state, int64_t since_s, int64_t now_s);
/* *ret_days: whole days that are left, rounded up; 0 or less: it is past. */
bool us_notice_is_expiring(const struct us_notice_settings *settings, struct us_notice_state *state,
	int64_t now_s, int64_t *ret_days);

#endif
