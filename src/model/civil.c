#include "model/civil.h"

#include <stdbool.h>

int64_t us_civil_days(int64_t year, int month, int day)
{
	/* From March, so that a leap day ends its year. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct us_civil us_civil_of_days(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (int) (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;

	return (struct us_civil) { yoe + era * 400 + (month <= 2), month, (int) doy - (153 * mp + 2) / 5 + 1 };
}

int us_civil_month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

int us_civil_weekday(int64_t days)
{
	int64_t rest = (days + 4) % 7; /* 1970-01-01 was a Thursday */

	return (int) (rest < 0 ? rest + 7 : rest);
}
