#include "net/retry.h"

#include <time.h>

#define DAY_MS (24 * 3600 * 1000LL)

static int month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(p, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

static bool digits(const char *p, int n, int *ret_value)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*ret_value = v;
	return true;
}

/* hh:mm:ss */
static bool time_of_day(const char *p, struct tm *tm)
{
	return digits(p, 2, &tm->tm_hour) && p[2] == ':' && digits(p + 3, 2, &tm->tm_min) && p[5] == ':' && digits(p + 6, 2, &tm->tm_sec) &&
		tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* The three forms of an HTTP-date; a recipient must take all of them. */
static bool parse_date(struct us_slice s, int64_t now_wall_s, int64_t *ret_wall_s)
{
	struct tm tm = { 0 };
	int year = 0;
	const char *p = s.p, *comma = memchr(s.p, ',', s.n);

	if (s.n == 29 && comma == p + 3) {
		/* Sun, 06 Nov 1994 08:49:37 GMT */
		if (!digits(p + 5, 2, &tm.tm_mday) || !digits(p + 12, 4, &year) || !time_of_day(p + 17, &tm) || memcmp(p + 25, " GMT", 4) != 0)
			return false;
		tm.tm_mon = month_of(p + 8);
	} else if (comma && s.n - (size_t) (comma - p) == 24) {
		/* Sunday, 06-Nov-94 08:49:37 GMT */
		p = comma + 2;
		if (!digits(p, 2, &tm.tm_mday) || p[2] != '-' || p[6] != '-' || !digits(p + 7, 2, &year) || !time_of_day(p + 10, &tm) ||
			memcmp(p + 18, " GMT", 4) != 0)
			return false;
		tm.tm_mon = month_of(p + 3);
		/* Two digits mean the year that is not more than 50 years ahead. */
		int now_year = (int) (1970 + now_wall_s / 31556952);
		year += now_year - now_year % 100;
		if (year > now_year + 50)
			year -= 100;
	} else if (s.n == 24) {
		/* Sun Nov  6 08:49:37 1994 */
		char day[3] = { p[8] == ' ' ? '0' : p[8], p[9] };
		if (!digits(day, 2, &tm.tm_mday) || !digits(p + 20, 4, &year) || !time_of_day(p + 11, &tm))
			return false;
		tm.tm_mon = month_of(p + 4);
	} else {
		return false;
	}
	if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || year < 1900)
		return false;
	tm.tm_year = year - 1900;
	*ret_wall_s = timegm(&tm);
	return true;
}

bool us_retry_parse_after(struct us_slice header, int64_t now_wall_s, int64_t *ret_wait_ms)
{
	int64_t seconds, until;

	header = us_slice_trim(header);
	if (!header.n || header.n > 64)
		return false;
	if (header.p[0] >= '0' && header.p[0] <= '9') {
		for (size_t i = 0; i < header.n; i++)
			if (header.p[i] < '0' || header.p[i] > '9')
				return false;
		/* Digits that overflow are a very long wait, not nonsense. */
		if (!us_slice_to_int(header, &seconds) || seconds > DAY_MS / 1000)
			seconds = DAY_MS / 1000;
	} else if (parse_date(header, now_wall_s, &until)) {
		seconds = until > now_wall_s ? until - now_wall_s : 0;
		if (seconds > DAY_MS / 1000)
			seconds = DAY_MS / 1000;
	} else {
		return false;
	}
	*ret_wait_ms = seconds * 1000;
	return true;
}

int64_t us_retry_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint64_t random)
{
	int64_t bound = attempt > 20 ? cap_ms : base_ms << attempt;

	if (bound > cap_ms)
		bound = cap_ms;
	int64_t least = bound / 4;
	return least + (int64_t) (random % (uint64_t) (bound - least + 1));
}
