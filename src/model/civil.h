/* Civil: days of the proleptic Gregorian calendar as numbers, and times of day. Pure, without the C library's calendar.
 *
 * Spec: H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil and civil_from_days.
 */
#ifndef US_MODEL_CIVIL_H
#define US_MODEL_CIVIL_H

#include <stdint.h>

#define US_CIVIL_DAY_S 86400

struct us_civil {
	int64_t year;
	int month, day; /* 1 … 12, 1 … 31 */
};

int64_t us_civil_days(int64_t year, int month, int day); /* since 1970-01-01; the day may lie beyond its month */
struct us_civil us_civil_of_days(int64_t days);
int us_civil_month_days(int64_t year, int month);
int us_civil_weekday(int64_t days); /* 0: Sunday … 6: Saturday */

/* Whole days before a time in seconds, also before 1970. */
static inline int64_t us_civil_day_of(int64_t s) { return s >= 0 ? s / US_CIVIL_DAY_S : -((-s + US_CIVIL_DAY_S - 1) / US_CIVIL_DAY_S); }

#endif
