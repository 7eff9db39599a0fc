#include "model/cron.h"

#include <stdio.h>

#include "model/civil.h"

enum { MOST_BYTES = 500, YEARS_AHEAD = 100 };

enum field { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, N_FIELDS };

static const char *const month_names[] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL };
static const char *const weekday_names[] = { "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL };

static const struct {
	const char *title;
	int first, last;
	const char *const *names; /* of first, first + 1 … */
} fields[N_FIELDS] = {
	[SECOND] = { "second", 0, 59, NULL },
	[MINUTE] = { "minute", 0, 59, NULL },
	[HOUR] = { "hour", 0, 23, NULL },
	[DAY] = { "day of the month", 1, 31, NULL },
	[MONTH] = { "month", 1, 12, month_names },
	[WEEKDAY] = { "day of the week", 1, 7, weekday_names },
	[YEAR] = { "year", US_CRON_FIRST_YEAR, US_CRON_LAST_YEAR, NULL },
};

/* ---- reading ---- */

struct reader {
	struct us_slice text;
	size_t at, end;  /* of the field that is read */
	enum field field;
	bool all, none;  /* the day field is * or ? and nothing else */
	struct us_cron *cron;
	struct us_err *err;
};

static enum us_errc complain(struct reader *r, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static enum us_errc complain(struct reader *r, size_t at, const char *format, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof why, format, ap);
	va_end(ap);
	return us_err_set_native(r->err, US_INVALID, (int) at + 1, "at character %zu: %s", at + 1, why);
}

/* A byte of ASCII as it is; part of a longer character is not shown alone. */
static const char *quote(char c, char text[4])
{
	if ((unsigned char) c > '~')
		return "this character";
	memcpy(text, (char[4]) { '\'', c, '\'', '\0' }, 4);
	return text;
}

static char look(const struct reader *r) { return r->at < r->end ? r->text.p[r->at] : '\0'; }

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char) (c - 32) : c; }

static bool skip(struct reader *r, char c)
{
	if (upper(look(r)) != c)
		return false;
	r->at++;
	return true;
}

/* "MON" at the place where the reader stands; -1: none. */
static int find_name(const struct reader *r)
{
	const char *const *names = fields[r->field].names;

	for (int i = 0; names && names[i] && r->end - r->at >= 3; i++) {
		const char *p = r->text.p + r->at;
		if (upper(p[0]) == names[i][0] && upper(p[1]) == names[i][1] && upper(p[2]) == names[i][2])
			return i;
	}
	return -1;
}

static enum us_errc read_digits(struct reader *r, const char *what, int least, int most, int *ret)
{
	size_t from = r->at;
	int v = 0;

	while (look(r) >= '0' && look(r) <= '9') {
		if (r->at - from >= 6)
			return complain(r, from, "the number is too long");
		v = v * 10 + (look(r) - '0');
		r->at++;
	}
	if (r->at == from && r->at == r->end)
		return complain(r, from, "a %s is missing", what);
	if (r->at == from)
		return complain(r, from, "%s is no %s", quote(look(r), (char[4]) { "" }), what);
	if (v < least || v > most)
		return complain(r, from, "%s %d is not from %d to %d", what, v, least, most);
	*ret = v;
	return US_OK;
}

static enum us_errc read_value(struct reader *r, int *ret)
{
	int name = find_name(r);

	if (name < 0)
		return read_digits(r, fields[r->field].title, fields[r->field].first, fields[r->field].last, ret);
	r->at += 3;
	*ret = fields[r->field].first + name;
	return US_OK;
}

static void add(struct us_cron *c, enum field field, int value)
{
	switch (field) {
	case SECOND: c->seconds |= UINT64_C(1) << value; break;
	case MINUTE: c->minutes |= UINT64_C(1) << value; break;
	case HOUR: c->hours |= UINT32_C(1) << value; break;
	case DAY: c->days |= UINT32_C(1) << value; break;
	case MONTH: c->months |= (uint16_t) (1u << value); break;
	case WEEKDAY: c->week |= (uint8_t) (1u << (value - 1)); break;
	case YEAR: c->years[(value - US_CRON_FIRST_YEAR) / 64] |= UINT64_C(1) << (value - US_CRON_FIRST_YEAR) % 64; break;
	case N_FIELDS: break;
	}
}

/* From first to last, round the end of the field if last comes before first. */
static void add_range(struct us_cron *c, enum field field, int first, int last, int step)
{
	int size = fields[field].last - fields[field].first + 1;
	int length = last >= first ? last - first : last - first + size;

	for (int i = 0; i <= length; i += step) {
		int value = first + i;
		add(c, field, value > fields[field].last ? value - size : value);
	}
}

/* "/15", or nothing: then *ret_step stays. */
static enum us_errc read_step(struct reader *r, int *ret_step)
{
	if (!skip(r, '/'))
		return US_OK;
	return read_digits(r, "step", 1, fields[r->field].last - fields[r->field].first + 1, ret_step);
}

/* L, L-3, LW */
static enum us_errc read_last_day(struct reader *r)
{
	int before = 0;

	if (skip(r, 'W')) {
		r->cron->last_weekday = true;
		return US_OK;
	}
	if (skip(r, '-')) {
		enum us_errc rc = read_digits(r, "number of days before the last", 1, 30, &before);
		if (rc)
			return rc;
		if (upper(look(r)) == 'W')
			return complain(r, r->at, "W goes with L or a day, not with L-%d", before);
	}
	r->cron->days_from_end |= UINT32_C(1) << before;
	return US_OK;
}

/* What may follow a day: 15W, FRIL, FRI#2. US_END: nothing of the kind. */
static enum us_errc read_suffix(struct reader *r, int value)
{
	int nth;
	enum us_errc rc;

	if (r->field == DAY && skip(r, 'W')) {
		r->cron->weekdays_near |= UINT32_C(1) << value;
		return US_OK;
	}
	if (r->field != WEEKDAY)
		return US_END;
	if (skip(r, 'L')) {
		r->cron->week_last |= (uint8_t) (1u << (value - 1));
		return US_OK;
	}
	if (!skip(r, '#'))
		return US_END;
	if ((rc = read_digits(r, "week of the month", 1, 5, &nth)))
		return rc;
	r->cron->week_nth[nth] |= (uint8_t) (1u << (value - 1));
	return US_OK;
}

/* One part of a list. */
static enum us_errc read_part(struct reader *r)
{
	const int most = fields[r->field].last;
	size_t from = r->at;
	int first, last, step = 1;
	enum us_errc rc;

	if (skip(r, '*')) {
		rc = read_step(r, &step);
		add_range(r->cron, r->field, fields[r->field].first, most, step);
		r->all |= step == 1;
		return rc;
	}
	if (look(r) == '?')
		return complain(r, from, "%s", r->field == DAY || r->field == WEEKDAY ? "? stands alone" : "? is for the two fields of days");
	if (r->field == DAY && skip(r, 'L'))
		return read_last_day(r);
	if (r->field == WEEKDAY && skip(r, 'L')) {
		add(r->cron, WEEKDAY, 7);
		return US_OK;
	}
	if ((rc = read_value(r, &first)))
		return rc;
	if ((rc = read_suffix(r, first)) != US_END)
		return rc;
	last = look(r) == '/' ? most : first;
	if (skip(r, '-')) {
		size_t place = r->at;
		if ((rc = read_value(r, &last)))
			return rc;
		if (r->field == YEAR && last < first)
			return complain(r, place, "years do not wrap: %d comes before %d", last, first);
	}
	if ((rc = read_step(r, &step)))
		return rc;
	add_range(r->cron, r->field, first, last, step);
	return US_OK;
}

static enum us_errc read_field(struct reader *r)
{
	r->all = r->none = false;
	if (look(r) == '?' && r->at + 1 == r->end && (r->field == DAY || r->field == WEEKDAY)) {
		r->none = true;
		return US_OK;
	}
	for (;;) {
		size_t from = r->at;
		if (look(r) == ',' || r->at == r->end)
			return complain(r, from, "an empty part of a list");
		enum us_errc rc = read_part(r);
		if (rc)
			return rc;
		if (r->at == r->end)
			return US_OK;
		if (!skip(r, ','))
			return complain(r, r->at, "%s is not expected here", quote(look(r), (char[4]) { "" }));
	}
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static size_t split(struct us_slice text, size_t begin[N_FIELDS + 1], size_t end[N_FIELDS + 1])
{
	size_t n = 0, i = 0;

	while (n <= N_FIELDS) {
		while (i < text.n && is_blank(text.p[i]))
			i++;
		if (i == text.n)
			break;
		begin[n] = i;
		while (i < text.n && !is_blank(text.p[i]))
			i++;
		end[n++] = i;
	}
	return n;
}

enum us_errc us_cron_parse(struct us_slice text, struct us_cron *ret_cron, struct us_err *err)
{
	struct us_cron cron = { 0 };
	struct reader r = { .text = text, .cron = &cron, .err = err };
	size_t begin[N_FIELDS + 1], end[N_FIELDS + 1];
	bool chooses_day = false, says_nothing = false;

	if (text.n > MOST_BYTES)
		return complain(&r, MOST_BYTES, "the expression is longer than %d characters", MOST_BYTES);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char) text.p[i] < ' ' && text.p[i] != '\t')
			return complain(&r, i, "a control character");
	size_t n = split(text, begin, end);
	if (n > N_FIELDS)
		return complain(&r, begin[N_FIELDS], "there are more than 7 fields");
	if (n == 5)
		return complain(&r, text.n, "there are 5 fields; want seconds in front of them: seconds minutes hours day month weekday [year]");
	if (n < 6)
		return complain(&r, text.n, "want 6 or 7 fields: seconds minutes hours day month weekday [year]");
	for (size_t i = 0; i < n; i++) {
		r.field = (enum field) i;
		r.at = begin[i];
		r.end = end[i];
		enum us_errc rc = read_field(&r);
		if (rc)
			return rc;
		if (r.field == DAY) {
			says_nothing = r.none;
			chooses_day = !r.none && !r.all;
			if (!chooses_day) {
				cron.days = cron.days_from_end = cron.weekdays_near = 0;
				cron.last_weekday = false;
			}
		}
		if (r.field != WEEKDAY)
			continue;
		if (r.none && says_nothing)
			return complain(&r, begin[i], "? stands in both fields of days; want * in one of them");
		if (!r.none && !r.all && chooses_day)
			return complain(&r, begin[i], "day of the month and day of the week cannot both choose; want ? in one of them");
		cron.any_day = !chooses_day && (r.none || r.all);
		if (r.none || r.all) {
			cron.week = cron.week_last = 0;
			memset(cron.week_nth, 0, sizeof cron.week_nth);
		}
	}
	if (n < N_FIELDS)
		add_range(&cron, YEAR, US_CRON_FIRST_YEAR, US_CRON_LAST_YEAR, 1);
	*ret_cron = cron;
	return US_OK;
}

/* ---- the next time ---- */

/* The weekday nearest to a day of the same month. */
static int near_weekday(int64_t first, int n_days, int day)
{
	switch (us_civil_weekday(first + day - 1)) {
	case 6: return day > 1 ? day - 1 : day + 2;
	case 0: return day < n_days ? day + 1 : day - 2;
	default: return day;
	}
}

/* Bits 1 … 31: the days of a month that it names. */
static uint32_t days_of(const struct us_cron *c, int64_t year, int month)
{
	int64_t first = us_civil_days(year, month, 1);
	int n = us_civil_month_days(year, month), first_weekday = us_civil_weekday(first);
	uint32_t whole = (uint32_t) ((UINT64_C(1) << (n + 1)) - 2), found = c->any_day ? whole : c->days;

	for (int day = 1; day <= n; day++) {
		int weekday = (first_weekday + day - 1) % 7;
		uint8_t bit = (uint8_t) (1u << weekday);
		if (c->days_from_end >> (n - day) & 1 || c->week & bit || (c->week_last & bit && day + 7 > n) ||
			c->week_nth[(day - 1) / 7 + 1] & bit)
			found |= UINT32_C(1) << day;
		if (c->weekdays_near >> day & 1)
			found |= UINT32_C(1) << near_weekday(first, n, day);
	}
	if (c->last_weekday)
		found |= UINT32_C(1) << near_weekday(first, n, n);
	return found & whole;
}

/* The lowest member of a set from `from` on; -1: none. */
static int lowest(uint64_t set, int from)
{
	uint64_t rest = from > 63 ? 0 : set >> from << from;

	return rest ? __builtin_ctzll(rest) : -1;
}

/* Second of the day, the first one from `from` on; -1: none on that day. */
static int64_t time_of(const struct us_cron *c, int64_t from)
{
	int h = (int) (from / 3600), m = (int) (from / 60 % 60), s = (int) (from % 60);

	for (int hour = lowest(c->hours, h); hour >= 0; hour = lowest(c->hours, hour + 1)) {
		for (int minute = lowest(c->minutes, hour == h ? m : 0); minute >= 0; minute = lowest(c->minutes, minute + 1)) {
			int second = lowest(c->seconds, hour == h && minute == m ? s : 0);
			if (second >= 0)
				return hour * 3600 + minute * 60 + second;
		}
	}
	return -1;
}

static bool has_year(const struct us_cron *c, int64_t year)
{
	int64_t at = year - US_CRON_FIRST_YEAR;

	return at >= 0 && at < US_CRON_YEARS && c->years[at / 64] >> at % 64 & 1;
}

/* The first local time from `from` on, before the year `limit`. */
static bool next_local(const struct us_cron *c, int64_t from, int64_t limit, int64_t *ret)
{
	int64_t today = us_civil_day_of(from);
	struct us_civil date = us_civil_of_days(today);

	for (int month = date.month; date.year < limit; date.year += month == 12, month = month % 12 + 1) {
		int64_t first = us_civil_days(date.year, month, 1);
		if (!has_year(c, date.year) || !(c->months >> month & 1))
			continue;
		uint32_t days = days_of(c, date.year, month);
		for (int day = lowest(days, first > today ? 1 : date.day); day >= 0; day = lowest(days, day + 1)) {
			int64_t at = first + day - 1;
			int64_t time = time_of(c, at == today ? from - today * US_CIVIL_DAY_S : 0);
			if (time >= 0) {
				*ret = at * US_CIVIL_DAY_S + time;
				return true;
			}
		}
	}
	return false;
}

bool us_cron_next(const struct us_cron *c, const struct us_zone *zone, int64_t after_s, int64_t *ret_s)
{
	int64_t local = us_zone_to_local(zone, after_s);
	int64_t limit = us_civil_of_days(us_civil_day_of(local)).year + YEARS_AHEAD;

	/* While an hour is lived a second time, its local times are behind us: each leads back to the first time. */
	while (next_local(c, local + 1, limit, &local)) {
		int64_t utc = us_zone_to_utc(zone, local);
		if (utc > after_s) {
			*ret_s = utc;
			return true;
		}
	}
	return false;
}
