#include "model/notice.h"

#include "base/clock.h"
#include "model/sync_options.h"

enum { DAY_S = 86400, HOUR_S = 3600, DATE_CHARACTERS = 10 };

const char *us_notice_event_text(enum us_notice_event event)
{
	static const char *const texts[] = {
#define X(code, text) [code] = text,
		US_NOTICE_TABLE(X)
#undef X
	};

	return texts[event];
}

bool us_notice_event_parse(struct us_slice text, enum us_notice_event *ret_event)
{
	for (int i = 0; i < US_NOTICE_COUNT; i++)
		if (us_slice_is(text, us_notice_event_text((enum us_notice_event)i))) {
			*ret_event = (enum us_notice_event)i;
			return true;
		}
	return false;
}

/* ---- settings ---- */

/* "2026-12-31", and a day that the calendar has. */
static bool parse_date(struct us_slice text, int64_t *ret_s)
{
	char whole[US_CLOCK_ISO_BYTES], again[US_CLOCK_ISO_BYTES];
	int64_t at;

	if (text.n != DATE_CHARACTERS)
		return false;
	memcpy(whole, text.p, DATE_CHARACTERS);
	memcpy(whole + DATE_CHARACTERS, "T00:00:00Z", US_CLOCK_ISO_BYTES - DATE_CHARACTERS);
	if (!us_clock_parse((struct us_slice) { whole, US_CLOCK_ISO_BYTES - 1 }, &at) ||
		memcmp(us_clock_format(at, again), whole, DATE_CHARACTERS) != 0)
		return false;
	*ret_s = at;
	return true;
}

static int64_t whole_number(const struct us_conf *conf, const char *name)
{
	int64_t n = us_conf_int(conf, name);

	return n < 0 ? 0 : n;
}

void us_notice_settings_read(const struct us_json *configuration, struct us_notice_settings *ret_settings)
{
	const struct us_conf conf = { us_sync_options, configuration };
	struct us_slice date = us_conf_string(&conf, "secretExpires");

	*ret_settings = (struct us_notice_settings) { .failures = whole_number(&conf, "noticeFailures"),
		.overdue_s = whole_number(&conf, "noticeOverdueHours") * HOUR_S,
		.expiry_days = whole_number(&conf, "noticeExpiryDays") };
	if (date.p)
		parse_date(date, &ret_settings->expires_s);
}

void us_notice_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	const struct us_json *date = us_json_find(configuration, "secretExpires");
	int64_t at;

	if (date && date->type == US_JSON_STRING && date->string.n && !parse_date(date->string, &at))
		us_problem_add(arena, list, "secretExpires", "must be a date such as 2027-01-31");
}

/* ---- ends of runs ---- */

/* Only a sync says how the connector is; an undo or a single update says how that one went. */
static bool is_sync(enum us_run_kind kind) { return kind == US_RUN_FULL || kind == US_RUN_DELTA || kind == US_RUN_APPLY; }

static bool take_failure(const struct us_notice_settings *settings, struct us_notice_state *state,
	int64_t run, enum us_run_kind kind)
{
	if (kind != US_RUN_FULL && kind != US_RUN_DELTA)
		return false;
	state->failures++;
	if (!settings->failures || state->failures % settings->failures)
		return false;
	state->alarm = US_NOTICE_ALARM_FAILED;
	state->alarm_run = run;
	return true;
}

static bool take_success(struct us_notice_state *state, int64_t run, enum us_run_kind kind, bool holds_part, int64_t now_s)
{
	bool was_alarmed = state->alarm != US_NOTICE_CALM && (is_sync(kind) || state->alarm_run == run);

	if (is_sync(kind)) {
		state->failures = 0;
		state->success_s = now_s;
	}
	/* It is no recovery from what it holds itself. */
	if (was_alarmed && holds_part && state->alarm == US_NOTICE_ALARM_HELD)
		return false;
	if (was_alarmed) {
		state->alarm = US_NOTICE_CALM;
		state->alarm_run = 0;
	}
	return was_alarmed;
}

bool us_notice_end_run(const struct us_notice_settings *settings, struct us_notice_state *state, int64_t run, bool holds_part,
	enum us_run_kind kind, enum us_run_status status, int64_t now_s, enum us_notice_event *ret_event)
{
	if (kind == US_RUN_SIMULATION)
		return false;
	switch (status) {
	case US_RUN_SCHEDULED:
	case US_RUN_RUNNING:
		return false;
	case US_RUN_DONE:
		*ret_event = US_NOTICE_RECOVERED;
		return take_success(state, run, kind, holds_part, now_s);
	case US_RUN_FAILED:
	case US_RUN_INTERRUPTED:
		*ret_event = US_NOTICE_FAILED;
		return take_failure(settings, state, run, kind);
	case US_RUN_HELD:
		*ret_event = US_NOTICE_HELD;
		state->alarm = US_NOTICE_ALARM_HELD;
		state->alarm_run = run;
		return true;
	case US_RUN_CANCELLED:
		/* Somebody has decided. What was held beside the full sync leaves nothing to recover from. */
		if (state->alarm_run == run && !is_sync(kind)) {
			state->alarm = US_NOTICE_CALM;
			state->alarm_run = 0;
		}
		return false;
	case US_RUN_STATUS_COUNT:
		break;
	}
	us_assert(!"a status of a run");
	return false;
}

/* ---- the time ---- */

bool us_notice_is_overdue(
	const struct us_notice_settings *settings, struct us_notice_state *state, int64_t since_s, int64_t now_s)
{
	int64_t from = state->success_s ? state->success_s : since_s;

	if (!settings->overdue_s || now_s - from < settings->overdue_s || state->overdue_told_s == from)
		return false;
	state->overdue_told_s = from;
	if (state->alarm == US_NOTICE_CALM)
		state->alarm = US_NOTICE_ALARM_OVERDUE;
	return true;
}

bool us_notice_is_expiring(const struct us_notice_settings *settings, struct us_notice_state *state,
	int64_t now_s, int64_t *ret_days)
{
	const int64_t steps[] = { settings->expiry_days, 7, 1, 0 };
	int64_t left_s = settings->expires_s - now_s, reached = 0;

	if (!settings->expires_s)
		return false;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i] <= settings->expiry_days && left_s <= steps[i] * DAY_S)
			reached = (int64_t)i + 1;
	int64_t told = state->expiry_told_s == settings->expires_s ? state->expiry_told_step : 0;
	if (reached <= told)
		return false;
	state->expiry_told_s = settings->expires_s;
	state->expiry_told_step = reached;
	*ret_days = left_s > 0 ? (left_s + DAY_S - 1) / DAY_S : -(-left_s / DAY_S);
	return true;
}
