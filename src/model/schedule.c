#include "model/schedule.h"

#include "base/clock.h"
#include "base/hash.h"
#include "model/civil.h"

enum {
	KEPT_S = 60,         /* a start that is later than this has missed its time */
	SET_BACK_S = 3600,
	MOST_WINDOWS = 50,
	MOST_HOPS = 1000,    /* from window to window: two years of a window each day */
	MOST_MISSED = 1000,
	MOST_JITTER_S = 86400,
	MOST_EVERY_S = 366 * 86400,
};

const struct us_option us_schedule_options[] = {
	{ "cron", US_OPTION_STRING, "Cron expression",
		"Quartz style: seconds minutes hours day-of-month month day-of-week, and optionally a year; instead of every.", .max = 500 },
	{ "every", US_OPTION_STRING, "Interval", "Time between two runs, such as 15m, 6h or 1d; instead of cron.", .max = 20 },
	{ "timeZone", US_OPTION_STRING, "Time zone", "In which cron and blackouts are read, such as Europe/Berlin.", .fallback = "UTC", .max = 64 },
	{ "jitter", US_OPTION_STRING, "Jitter", "Runs start up to so much later, so that connectors do not all start at once; such as 5m.",
		.fallback = "0s", .max = 20 },
	{ "blackouts", US_OPTION_STRINGS, "Blackout windows",
		"No scheduled run starts in them: [days] HH:MM-HH:MM such as MON-FRI 08:00-18:00, or whole dates such as 2026-12-24..2027-01-01.",
		.max = 100 },
	{ "missed", US_OPTION_CHOICE, "Missed runs",
		"What becomes of times that passed without a server or in a blackout window: one run as soon as it can be, or none.", .fallback = "run",
		.choices = "run|skip" },
	{ "mode", US_OPTION_CHOICE, "What a run reads", "Everything, or what has changed since the last run, where the type has a change feed.", .fallback = "full",
		.choices = "full|delta" },
	{ "fullEvery", US_OPTION_STRING, "Full sync at least every", "With mode delta: a run is a full sync if the last one is older; such as 12h, 1d or 7d.",
		.fallback = "1d", .max = 20 },
	{ NULL },
};

static const struct us_json *section_of(const struct us_json *configuration)
{
	const struct us_json *v = us_json_find(configuration, "schedule");

	return v && v->type == US_JSON_OBJECT ? v : NULL;
}

/* ---- reading ---- */

struct reader {
	struct us_arena *arena;
	struct us_conf conf;
	struct us_problem **list;
	struct us_schedule *out;
};

static void complain(struct reader *r, const char *member, const char *reason)
{
	us_problem_add(r->arena, r->list, us_arena_printf(r->arena, "schedule.%s", member), "%s", reason);
}

/* Seconds of a text such as 6h; -1, with a complaint, if it is none. */
static int64_t read_span(struct reader *r, const char *member, int64_t least, int64_t most)
{
	struct us_slice text = us_conf_string(&r->conf, member);
	int64_t s;

	if (!us_clock_parse_span(us_slice_trim(text), &s) || s < least || s > most) {
		complain(r, member, us_arena_printf(r->arena, "must be a time from %llds to %lldd, such as 90s, 15m, 6h or 1d", (long long) least,
			(long long) most / 86400));
		return -1;
	}
	return s;
}

static void read_zone(struct reader *r, us_schedule_zone *zone)
{
	struct us_slice name = us_conf_string(&r->conf, "timeZone");
	struct us_str bytes = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	if (us_slice_is(name, "UTC")) {
		r->out->zone = us_zone_utc;
		return;
	}
	enum us_errc rc = zone(name, &bytes, &err);
	if (rc == US_OK)
		rc = us_zone_parse(r->arena, us_str_slice(&bytes), &r->out->zone, &err);
	if (rc)
		complain(r, "timeZone", err.text);
	us_str_fini(&bytes);
}

/* Two digits. */
static bool take_two(struct us_slice *s, int most, int64_t *ret)
{
	if (s->n < 2 || s->p[0] < '0' || s->p[0] > '9' || s->p[1] < '0' || s->p[1] > '9')
		return false;
	*ret = (s->p[0] - '0') * 10 + (s->p[1] - '0');
	s->p += 2;
	s->n -= 2;
	return *ret <= most;
}

static bool take(struct us_slice *s, const char *text)
{
	size_t n = strlen(text);

	if (s->n < n || memcmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* "08:00", to "24:00" */
static bool take_clock(struct us_slice *s, int64_t *ret_s)
{
	int64_t h, m;

	if (!take_two(s, 24, &h) || !take(s, ":") || !take_two(s, 59, &m))
		return false;
	*ret_s = h * 3600 + m * 60;
	return *ret_s <= US_CIVIL_DAY_S;
}

static bool take_weekday(struct us_slice *s, int *ret)
{
	static const char names[] = "SUNMONTUEWEDTHUFRISAT";

	for (int i = 0; i < 7 && s->n >= 3; i++)
		if (us_slice_is_nocase((struct us_slice) { s->p, 3 }, (char[4]) { names[3 * i], names[3 * i + 1], names[3 * i + 2], '\0' })) {
			s->p += 3;
			s->n -= 3;
			*ret = i;
			return true;
		}
	return false;
}

/* "MON-FRI,SUN" */
static bool take_week(struct us_slice *s, uint8_t *ret_week)
{
	int first, last;

	do {
		if (!take_weekday(s, &first))
			return false;
		last = first;
		if (take(s, "-") && !take_weekday(s, &last))
			return false;
		for (int day = first;; day = (day + 1) % 7) {
			*ret_week |= (uint8_t) (1u << day);
			if (day == last)
				break;
		}
	} while (take(s, ","));
	return true;
}

/* "2026-12-24" */
static bool take_date(struct us_slice *s, int64_t *ret_day)
{
	int64_t century, year, month, day;

	if (!take_two(s, 99, &century) || !take_two(s, 99, &year) || !take(s, "-") || !take_two(s, 12, &month) || !take(s, "-") ||
		!take_two(s, 31, &day))
		return false;
	year += century * 100;
	if (month < 1 || day < 1 || day > us_civil_month_days(year, (int) month))
		return false;
	*ret_day = us_civil_days(year, (int) month, (int) day);
	return true;
}

static const char *read_window(struct us_slice text, struct us_window *ret)
{
	struct us_window w = { .is_weekly = true };
	struct us_slice s = us_slice_trim(text);
	int64_t first, last;

	if (s.n && s.p[0] >= '0' && s.p[0] <= '9' && !memchr(s.p, ':', s.n)) {
		if (!take_date(&s, &first) || !take(&s, "..") || !take_date(&s, &last) || s.n)
			return "want dates that are there, such as 2026-12-24..2027-01-01";
		if (last < first)
			return "ends before it begins";
		*ret = (struct us_window) { .begin = first * US_CIVIL_DAY_S, .end = (last + 1) * US_CIVIL_DAY_S };
		return NULL;
	}
	if (s.n && (s.p[0] < '0' || s.p[0] > '9')) {
		if (!take_week(&s, &w.week) || !take(&s, " "))
			return "want days and times such as MON-FRI 08:00-18:00";
		s = us_slice_trim(s);
	} else {
		w.week = 0x7F;
	}
	if (!take_clock(&s, &w.begin) || !take(&s, "-") || !take_clock(&s, &w.end) || s.n || w.begin == US_CIVIL_DAY_S)
		return "want times such as 22:00-06:00, whole days as 00:00-24:00";
	if (w.begin == w.end)
		return "begins and ends at the same time; a whole day is 00:00-24:00";
	*ret = w;
	return NULL;
}

static void read_windows(struct reader *r)
{
	const struct us_slice *texts;
	size_t n = us_conf_strings(&r->conf, "blackouts", r->arena, &texts);
	struct us_window *windows = us_arena_array(r->arena, n, sizeof *windows);

	if (n > MOST_WINDOWS) {
		complain(r, "blackouts", us_arena_printf(r->arena, "are more than %d", MOST_WINDOWS));
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *wrong = read_window(texts[i], &windows[i]);
		if (wrong)
			complain(r, "blackouts", us_arena_printf(r->arena, "\"%.*s\": %s", (int) (texts[i].n < 100 ? texts[i].n : 100), texts[i].p, wrong));
	}
	r->out->windows = windows;
	r->out->n_windows = n;
}

static void read_times(struct reader *r)
{
	struct us_slice cron = us_conf_string(&r->conf, "cron");
	bool has_every = us_conf_string(&r->conf, "every").n > 0;
	struct us_err err = US_ERR_INIT;

	if (cron.n && has_every) {
		us_problem_add(r->arena, r->list, "schedule", "has both cron and every; want one of them");
	} else if (cron.n) {
		r->out->kind = US_SCHEDULE_CRON;
		if (us_cron_parse(cron, &r->out->cron, &err))
			complain(r, "cron", err.text);
	} else if (has_every) {
		r->out->kind = US_SCHEDULE_EVERY;
		r->out->every_s = read_span(r, "every", 1, MOST_EVERY_S);
	} else {
		us_problem_add(r->arena, r->list, "schedule", "needs cron or every");
	}
}

/* Appends what is wrong; *out is whole if nothing is. */
static void read_all(struct reader *r, us_schedule_zone *zone)
{
	read_times(r);
	r->out->jitter_s = read_span(r, "jitter", 0, MOST_JITTER_S);
	if (r->out->kind == US_SCHEDULE_EVERY && r->out->every_s > 0 && r->out->jitter_s >= r->out->every_s)
		complain(r, "jitter", "must be shorter than the interval");
	read_zone(r, zone);
	read_windows(r);
	r->out->is_delta = us_slice_is(us_conf_string(&r->conf, "mode"), "delta");
	r->out->full_every_s = read_span(r, "fullEvery", 1, MOST_EVERY_S);
	if (!r->out->is_delta && us_json_find(r->conf.doc, "fullEvery"))
		complain(r, "fullEvery", "goes with mode delta: without it each run is a full sync");
	r->out->skips_missed = us_slice_is(us_conf_string(&r->conf, "missed"), "skip");
}

/* Strings where strings belong: us_option_check has complained about all else. */
static bool is_readable(const struct us_json *section)
{
	for (const struct us_option *o = us_schedule_options; o->name; o++) {
		const struct us_json *v = us_json_find(section, o->name);
		if (!v || v->type == US_JSON_NULL || v->type == US_JSON_STRING)
			continue;
		if (o->type != US_OPTION_STRINGS || v->type != US_JSON_ARRAY)
			return false;
		for (size_t i = 0; i < v->array.n; i++)
			if (v->array.items[i].type != US_JSON_STRING)
				return false;
	}
	return true;
}

void us_schedule_check(struct us_arena *arena, const struct us_json *configuration, us_schedule_zone *zone, int64_t now_s,
	struct us_problem **list)
{
	const struct us_json *section = section_of(configuration);
	struct us_schedule schedule = { .kind = US_SCHEDULE_OFF };
	struct us_problem *own = NULL;
	struct us_schedule_time time;

	if (!section || !section->object.n || !is_readable(section))
		return;
	struct reader r = { arena, { us_schedule_options, section }, &own, &schedule };
	read_all(&r, zone);
	if (!own && !us_schedule_next(&schedule, now_s, now_s, &time)) {
		schedule.n_windows = 0;
		if (us_schedule_next(&schedule, now_s, now_s, &time))
			complain(&r, "blackouts", "leave the schedule no time to run");
		else
			complain(&r, "cron", "never comes: there is no such time in the next hundred years");
	}
	while (*list)
		list = &(*list)->next;
	*list = own;
}

enum us_errc us_schedule_read(struct us_arena *arena, const struct us_json *configuration, struct us_slice seed, us_schedule_zone *zone,
	struct us_schedule *ret_schedule, struct us_err *err)
{
	const struct us_json *section = section_of(configuration);
	struct us_schedule schedule = { .kind = US_SCHEDULE_OFF, .seed = us_hash_slice(seed).lo };
	struct us_problem *list = NULL;

	if (section && section->object.n) {
		struct reader r = { arena, { us_schedule_options, section }, &list, &schedule };
		read_all(&r, zone);
		if (list)
			return us_err_set(err, US_CONFIG, "%s: %s", list->field, list->reason);
	}
	*ret_schedule = schedule;
	return US_OK;
}

int64_t us_schedule_full_every(const struct us_json *configuration)
{
	const struct us_json *section = section_of(configuration);
	struct us_conf conf = { us_schedule_options, section };
	int64_t s = 0;

	if (!section || !us_clock_parse_span(us_slice_trim(us_conf_string(&conf, "fullEvery")), &s))
		us_clock_parse_span(us_slice("1d"), &s);
	return s;
}

bool us_schedule_wants_delta(const struct us_json *configuration)
{
	return us_slice_is(us_json_string(section_of(configuration), "mode"), "delta");
}

void us_schedule_write(const struct us_json *configuration, struct us_str *out)
{
	const struct us_json *section = section_of(configuration);
	struct us_jsonw w = US_JSONW_INIT(out);

	if (section && section->object.n)
		us_jsonw_value(&w, section);
}

/* ---- times ---- */

static int64_t jitter_of(const struct us_schedule *s, int64_t due)
{
	const uint64_t both[2] = { s->seed, (uint64_t) due };

	return s->jitter_s > 0 ? (int64_t) (us_hash(both, sizeof both).lo % (uint64_t) (s->jitter_s + 1)) : 0;
}

/* Where the windows around a local time end; the time itself if it is in none. */
static int64_t window_end(const struct us_schedule *s, int64_t local)
{
	int64_t day = us_civil_day_of(local), second = local - day * US_CIVIL_DAY_S, midnight = day * US_CIVIL_DAY_S, most = local;
	uint8_t today = (uint8_t) (1u << us_civil_weekday(day)), yesterday = (uint8_t) (1u << us_civil_weekday(day - 1));

	for (size_t i = 0; i < s->n_windows; i++) {
		const struct us_window *w = &s->windows[i];
		bool wraps = w->end <= w->begin;
		int64_t end = local;
		if (!w->is_weekly)
			end = local >= w->begin && local < w->end ? w->end : local;
		else if (wraps && w->week & yesterday && second < w->end)
			end = midnight + w->end;
		else if (w->week & today && second >= w->begin && (wraps || second < w->end))
			end = midnight + w->end + (wraps ? US_CIVIL_DAY_S : 0);
		if (end > most)
			most = end;
	}
	return most;
}

/* The first moment from t on that is in no window. */
static bool find_free(const struct us_schedule *s, int64_t t, int64_t *ret)
{
	for (int i = 0; i < MOST_HOPS; i++) {
		int64_t local = us_zone_to_local(&s->zone, t), end = window_end(s, local);
		if (end == local) {
			*ret = t;
			return true;
		}
		int64_t utc = us_zone_to_utc(&s->zone, end);
		/* An hour that is lived twice: that end lies behind us, the one of this time ahead. */
		t = utc > t ? utc : t + (end - local);
	}
	return false;
}

static bool next_due(const struct us_schedule *s, int64_t anchor, int64_t after, int64_t *ret)
{
	switch (s->kind) {
	case US_SCHEDULE_OFF:
		return false;
	case US_SCHEDULE_CRON:
		return us_cron_next(&s->cron, &s->zone, after, ret);
	case US_SCHEDULE_EVERY:
		*ret = anchor + (after >= anchor ? (after - anchor) / s->every_s + 1 : 0) * s->every_s;
		return true;
	}
	return false;
}

/* When a due time starts; one that is skipped because of a window leads to the first that is not. */
static bool place(const struct us_schedule *s, int64_t due, struct us_schedule_time *ret)
{
	for (int i = 0; i < MOST_HOPS; i++) {
		int64_t start = due + jitter_of(s, due), open;
		if (!find_free(s, start, &open))
			return false;
		if (open == start || !s->skips_missed) {
			*ret = (struct us_schedule_time) { due, open };
			return true;
		}
		if (!next_due(s, due, open - 1, &due))
			return false;
	}
	return false;
}

bool us_schedule_next(const struct us_schedule *s, int64_t anchor_s, int64_t after_s, struct us_schedule_time *ret_time)
{
	int64_t due;

	return next_due(s, anchor_s, after_s, &due) && place(s, due, ret_time);
}

bool us_schedule_advance(const struct us_schedule *s, int64_t due, int64_t now_s, struct us_schedule_time *ret_time)
{
	return us_schedule_next(s, due, now_s > due ? now_s : due, ret_time);
}

static int64_t count_missed(const struct us_schedule *s, int64_t due, int64_t now)
{
	int64_t n = 0;

	do
		n++;
	while (n < MOST_MISSED && next_due(s, due, due, &due) && due <= now);
	return n;
}

bool us_schedule_resolve(const struct us_schedule *s, const struct us_schedule_state *state, int64_t now_s, struct us_schedule_step *ret_step)
{
	struct us_schedule_step step = { .is_late = false };

	if (s->kind == US_SCHEDULE_OFF)
		return false;
	if (!state->due || now_s < state->saved - SET_BACK_S) {
		if (!us_schedule_next(s, now_s, now_s, &step.time))
			return false;
	} else {
		if (!place(s, state->due, &step.time))
			return false;
		if (step.time.start + KEPT_S < now_s) {
			step.missed = count_missed(s, state->due, now_s);
			step.is_late = !s->skips_missed;
			if (s->skips_missed ? !us_schedule_advance(s, state->due, now_s, &step.time) : !find_free(s, now_s, &step.time.start))
				return false;
		}
	}
	*ret_step = step;
	return true;
}
