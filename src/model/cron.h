/* Cron: an expression in the manner of the Quartz scheduler, and the next time that it names in a time zone. Pure.
 *
 *     seconds minutes hours day-of-month month day-of-week [year]
 *
 * Each field is a list of: a number or name; a range, which may wrap (22-4, FRI-MON); * for all; each with a step (0/15, 8-18/2). Days of the
 * month also: L the last, L-3 three days before it, 15W the weekday nearest to the 15th in its month, LW the last weekday. Days of the week,
 * 1 SUN … 7 SAT, also: FRI#2 the second Friday, FRIL the last one, L is Saturday. ? says nothing about a day. At most one of the two day
 * fields may choose; the other is ? or *.
 *
 * Times are local ones. A time that does not exist on a day, because the clocks go forward, is taken at the first moment after the gap; one that
 * exists twice is taken the first time only; several that fall on one moment are one.
 * Spec: Quartz 2.3 documentation, "CronTrigger Tutorial" (2026-11-23).
 */
#ifndef US_MODEL_CRON_H
#define US_MODEL_CRON_H

#include "model/zone.h"

enum { US_CRON_FIRST_YEAR = 1970, US_CRON_LAST_YEAR = 2199, US_CRON_YEARS = US_CRON_LAST_YEAR - US_CRON_FIRST_YEAR + 1 };

/* Sets of numbers are bits. */
struct us_cron {
	uint64_t seconds, minutes;
	uint32_t hours;
	uint32_t days;          /* bit 1 … 31 */
	uint32_t days_from_end; /* bit n: n days before the last one */
	uint32_t weekdays_near; /* bit 1 … 31: nW */
	bool last_weekday;      /* LW */
	uint16_t months;        /* bit 1 … 12 */
	uint8_t week;           /* bit 0 Sunday … 6 Saturday */
	uint8_t week_last;      /* the last one of the month */
	uint8_t week_nth[6];    /* [1] … [5] */
	bool any_day;           /* neither day field chooses */
	uint64_t years[US_CRON_YEARS / 64 + 1];
};

/* US_INVALID: the text says at which character (also in err->native, from 1) and why. */
enum us_errc us_cron_parse(struct us_slice text, struct us_cron *ret_cron, struct us_err *err);

/* The first moment after after_s; false if there is none in the hundred years that follow. */
bool us_cron_next(const struct us_cron *cron, const struct us_zone *zone, int64_t after_s, int64_t *ret_s);

#endif
