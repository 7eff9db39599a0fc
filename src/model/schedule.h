/* Schedule: when a connector runs by itself. Pure: the clock and the bytes of zone files are handed in.
 *
 *     "schedule": { "cron": "0 30 3 ? * MON-FRI", "timeZone": "Europe/Berlin", "jitter": "5m", "blackouts": ["MON-FRI 08:00-18:00"] }
 *     "schedule": { "every": "6h" }
 *     "schedule": { "every": "5m", "mode": "delta", "fullEvery": "1d" }
 *
 * Two times belong to each run: due, which the expression or interval names, and start, when it really begins: later by a jitter that is
 * always the same for the same due time, and moved to the end of a blackout window. A time is kept if it starts within a minute; one that
 * passed otherwise (no server, a clock set forward) is missed: one run makes up for all of them, unless the schedule skips them.
 */
#ifndef US_MODEL_SCHEDULE_H
#define US_MODEL_SCHEDULE_H

#include "model/cron.h"
#include "model/option.h"

/* The members of `schedule`; ends with name NULL. */
extern const struct us_option us_schedule_options[];

enum us_schedule_kind { US_SCHEDULE_OFF, US_SCHEDULE_CRON, US_SCHEDULE_EVERY };

/* No run starts from begin to before end. */
struct us_window {
	bool is_weekly;
	uint8_t week;       /* weekly: bit 0 Sunday … 6 Saturday, on which it begins */
	int64_t begin, end; /* weekly: seconds of the day, over midnight if end <= begin; otherwise local seconds */
};

struct us_schedule {
	enum us_schedule_kind kind;
	struct us_cron cron;
	int64_t every_s;
	struct us_zone zone;
	int64_t jitter_s;
	const struct us_window *windows;
	size_t n_windows;
	bool skips_missed;
	bool is_delta;        /* its runs read what has changed */
	int64_t full_every_s; /* of those: how old the last full sync may be */
	uint64_t seed;
};

/* Appends the bytes of the file of a zone (base/zonefile.h). */
typedef enum us_errc us_schedule_zone(struct us_slice name, struct us_str *out, struct us_err *err);

/* Everything that us_option_check cannot see, with the field that is wrong; a schedule that will never come after now_s is one of them. */
void us_schedule_check(struct us_arena *arena, const struct us_json *configuration, us_schedule_zone *zone, int64_t now_s,
	struct us_problem **list);
/* Reads a configuration that was checked. seed: tells connectors with one schedule apart. Owns: lives in arena.
 * US_CONFIG: it is no longer right, because the zone's file is gone. */
enum us_errc us_schedule_read(struct us_arena *arena, const struct us_json *configuration, struct us_slice seed, us_schedule_zone *zone,
	struct us_schedule *ret_schedule, struct us_err *err);

/* How old the last full sync may be when a delta starts by schedule, seconds. configuration was checked. */
int64_t us_schedule_full_every(const struct us_json *configuration);
/* Whether its runs are deltas. */
bool us_schedule_wants_delta(const struct us_json *configuration);

/* The schedule as canonical text; "" for none: the same text, the same times. */
void us_schedule_write(const struct us_json *configuration, struct us_str *out);

struct us_schedule_time {
	int64_t due, start; /* UTC seconds, due <= start */
};
/* The first time that is due after after_s. anchor_s: the due time that an interval counts from. false: there is none. */
bool us_schedule_next(const struct us_schedule *schedule, int64_t anchor_s, int64_t after_s, struct us_schedule_time *ret_time);

/* What is remembered between two looks at the clock. */
struct us_schedule_state {
	int64_t due;   /* that is waited for; 0: nothing yet */
	int64_t saved; /* when that was written down */
};
struct us_schedule_step {
	struct us_schedule_time time; /* to run, if start <= now, or to wait for */
	bool is_late;                 /* a run that makes up for missed ones */
	int64_t missed;               /* times that were passed over without a run of their own */
};
/* A clock set back by more than an hour makes the times that come again run again; by less, it makes them wait. false: nothing is left. */
bool us_schedule_resolve(const struct us_schedule *schedule, const struct us_schedule_state *state, int64_t now_s,
	struct us_schedule_step *ret_step);
/* After a run for `due` was started. */
bool us_schedule_advance(const struct us_schedule *schedule, int64_t due, int64_t now_s, struct us_schedule_time *ret_time);

#endif
