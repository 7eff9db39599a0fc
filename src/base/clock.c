#include "base/clock.h"

#include <time.h>

int64_t us_clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t us_clock_wall_s(void) { return us_clock_wall_ms() / 1000; }

int64_t us_clock_monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t us_clock_monotonic_ms(void) { return us_clock_monotonic_us() / 1000; }

static char *add_digits(char *out, int value, int n)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		out[i] = (char) ('0' + value % 10);
	return out + n;
}

/* Without the C library's calendar, which takes a lock and looks at the time zone.
 * Spec: H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days. */
const char *us_clock_format(int64_t wall_s, char ret_text[US_CLOCK_ISO_BYTES])
{
	const int64_t first = -62167219200, last = 253402300799; /* 0000-01-01 … 9999-12-31 */
	int64_t t = (wall_s < first ? first : wall_s > last ? last : wall_s) - first;
	int s = (int) (t % 86400), days = (int) (t / 86400) - 60; /* from 0000-03-01, so that a leap day ends its year */
	int era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
	char *p = add_digits(ret_text, yoe + era * 400 + (month <= 2), 4);

	*p++ = '-';
	p = add_digits(p, month, 2);
	*p++ = '-';
	p = add_digits(p, doy - (153 * mp + 2) / 5 + 1, 2);
	*p++ = 'T';
	p = add_digits(p, s / 3600, 2);
	*p++ = ':';
	p = add_digits(p, s / 60 % 60, 2);
	*p++ = ':';
	p = add_digits(p, s % 60, 2);
	*p++ = 'Z';
	*p = '\0';
	return ret_text;
}

static bool digits(struct us_slice *s, size_t n, int *ret_value)
{
	int v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	*ret_value = v;
	return true;
}

static bool skip(struct us_slice *s, const char *one_of)
{
	if (!s->n || !s->p[0] || !strchr(one_of, s->p[0]))
		return false;
	s->p++;
	s->n--;
	return true;
}

bool us_clock_parse(struct us_slice text, int64_t *ret_wall_s)
{
	struct tm tm = { 0 };
	int offset_s = 0;

	if (!(digits(&text, 4, &tm.tm_year) && skip(&text, "-") && digits(&text, 2, &tm.tm_mon) && skip(&text, "-") &&
		    digits(&text, 2, &tm.tm_mday) && skip(&text, "Tt ") && digits(&text, 2, &tm.tm_hour) &&
		    skip(&text, ":") && digits(&text, 2, &tm.tm_min) && skip(&text, ":") && digits(&text, 2, &tm.tm_sec)))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
		tm.tm_sec > 60)
		return false;
	if (skip(&text, ".")) {
		int ignored;
		if (!digits(&text, 1, &ignored))
			return false;
		while (digits(&text, 1, &ignored))
			;
	}
	if (!skip(&text, "Zz")) {
		int sign = text.n && text.p[0] == '-' ? -1 : 1, h, m;
		if (!(skip(&text, "+-") && digits(&text, 2, &h) && (skip(&text, ":"), digits(&text, 2, &m))) || h > 23 || m > 59)
			return false;
		offset_s = sign * (h * 3600 + m * 60);
	}
	if (text.n)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_wall_s = (int64_t) timegm(&tm) - offset_s;
	return true;
}

bool us_clock_parse_span(struct us_slice text, int64_t *ret_s)
{
	const int64_t most = (int64_t) 3653 * 86400;
	int64_t total = 0;

	if (!text.n)
		return false;
	for (size_t i = 0; i < text.n;) {
		int64_t n = 0, unit = 1;
		bool is_first = i == 0;
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
			if ((n = n * 10 + (text.p[i] - '0')) > most)
				return false;
		/* A number alone is seconds; behind others it may be meant as anything. */
		if (i == text.n && !is_first)
			return false;
		if (i < text.n) {
			switch (text.p[i++]) {
			case 's': break;
			case 'm': unit = 60; break;
			case 'h': unit = 3600; break;
			case 'd': unit = 86400; break;
			default: return false;
			}
		}
		total += n * unit;
		if (total > most)
			return false;
	}
	*ret_s = total;
	return true;
}
