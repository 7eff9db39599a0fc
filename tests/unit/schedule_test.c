#include "zone.h"

#include "base/clock.h"
#include "base/json.h"
#include "model/schedule.h"

static int64_t time_of(const char *text)
{
	int64_t s;

	if (!us_clock_parse(us_slice(text), &s))
		fail_msg("%s is no time", text);
	return s;
}

static const struct us_json *parse(struct us_arena *arena, const char *schedule)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;
	const char *text = us_arena_printf(arena, "{\"schedule\":%s}", schedule);

	if (us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err) != US_OK)
		fail_msg("%s: %s", text, err.text);
	return doc;
}

static const char *const_now = "2026-11-26T12:00:00Z"; /* a Thursday */

static void wrong_schedules_are_refused_with_field_and_reason(void **state)
{
	static const struct {
		const char *schedule, *field, *reason; /* NULL: fine */
	} rows[] = {
		{ "null", NULL, NULL },
		{ "{}", NULL, NULL },
		{ "{\"every\":\"6h\"}", NULL, NULL },
		{ "{\"every\":\"1h30m\",\"jitter\":\"1h29m\"}", NULL, NULL },
		{ "{\"cron\":\"0 0 3 * * ?\",\"timeZone\":\"Europe/Berlin\",\"jitter\":\"5m\",\"missed\":\"skip\"}", NULL, NULL },
		{ "{\"cron\":\"0 0 3 * * ?\",\"blackouts\":[\"MON-FRI 08:00-18:00\",\"22:00-06:00\",\"sat,sun 00:00-24:00\"]}", NULL, NULL },
		{ "{\"cron\":\"0 0 3 * * ?\",\"blackouts\":\"2026-12-24..2027-01-01\"}", NULL, NULL },
		{ "{\"timeZone\":\"Europe/Berlin\"}", "schedule", "needs cron or every" },
		{ "{\"cron\":\"0 0 3 * * ?\",\"every\":\"6h\"}", "schedule", "both cron and every" },
		{ "{\"cron\":\"0 0 25 * * ?\"}", "schedule.cron", "at character 5: hour 25 is not from 0 to 23" },
		{ "{\"cron\":\"0 3 * * *\"}", "schedule.cron", "there are 5 fields" },
		{ "{\"cron\":\"0 0 0 30 2 ?\"}", "schedule.cron", "never comes" },
		{ "{\"cron\":\"0 0 0 1 1 ? 2026\"}", "schedule.cron", "never comes" },
		{ "{\"every\":\"often\"}", "schedule.every", "must be a time from 1s to 366d" },
		{ "{\"every\":\"0s\"}", "schedule.every", "must be a time from 1s to 366d" },
		{ "{\"every\":\"-5m\"}", "schedule.every", "must be a time" },
		{ "{\"every\":\"367d\"}", "schedule.every", "must be a time" },
		{ "{\"every\":\"5m\",\"jitter\":\"5m\"}", "schedule.jitter", "must be shorter than the interval" },
		{ "{\"every\":\"5d\",\"jitter\":\"25h\"}", "schedule.jitter", "must be a time from 0s to 1d" },
		{ "{\"every\":\"6h\",\"timeZone\":\"Mars/Olympus\"}", "schedule.timeZone", "there is no time zone" },
		{ "{\"every\":\"6h\",\"timeZone\":\"../../etc/passwd\"}", "schedule.timeZone", "is no name of a time zone" },
		{ "{\"every\":\"6h\",\"timeZone\":\"tzdata.zi\"}", "schedule.timeZone", "is no name of a time zone" },
		{ "{\"every\":\"6h\",\"timeZone\":\"leapseconds\"}", "schedule.timeZone", "time zone" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"08:00-08:00\"]}", "schedule.blackouts", "begins and ends at the same time" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"8:00-18:00\"]}", "schedule.blackouts", "want times such as" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"08:00-24:01\"]}", "schedule.blackouts", "want times such as" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"24:00-06:00\"]}", "schedule.blackouts", "want times such as" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"MON-XXX 08:00-18:00\"]}", "schedule.blackouts", "want days and times" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"MON\"]}", "schedule.blackouts", "want days and times" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"2026-02-30..2026-03-01\"]}", "schedule.blackouts", "want dates that are there" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"2027-01-01..2026-12-31\"]}", "schedule.blackouts", "ends before it begins" },
		{ "{\"every\":\"6h\",\"blackouts\":[\"00:00-24:00\"]}", "schedule.blackouts", "leave the schedule no time" },
		{ "{\"every\":\"6h\",\"missed\":\"skip\",\"blackouts\":[\"12:00-00:00\",\"00:00-12:00\"]}", "schedule.blackouts", "leave the schedule no time" },
		{ "{\"cron\":\"0 0 12 * * ?\",\"missed\":\"skip\",\"blackouts\":[\"11:00-13:00\"]}", "schedule.blackouts", "leave the schedule no time" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_problem *list = NULL;
		us_schedule_check(&arena, parse(&arena, rows[i].schedule), us_zonefile_read, time_of(const_now), &list);
		if (!rows[i].field != !list || (list && (list->next || strcmp(list->field, rows[i].field) != 0 || !strstr(list->reason, rows[i].reason))))
			fail_msg("row %zu: %s: %s: %s", i, rows[i].schedule, list ? list->field : "fine", list ? list->reason : "");
		us_arena_fini(&arena);
	}
}

static void load(struct us_arena *arena, const char *text, struct us_schedule *ret)
{
	struct us_err err = US_ERR_INIT;

	if (us_schedule_read(arena, parse(arena, text), US_SLICE("seed"), us_zonefile_read, ret, &err) != US_OK)
		fail_msg("%s: %s", text, err.text);
}

static void starts_keep_out_of_the_windows(void **state)
{
	static const struct {
		const char *schedule, *after, *starts[4];
	} rows[] = {
		{ "{\"every\":\"6h\"}", "2026-11-26T12:00:00Z",
			{ "2026-11-26T18:00:00Z", "2026-11-27T00:00:00Z", "2026-11-27T06:00:00Z", "2026-11-27T12:00:00Z" } },
		/* all that falls into the working day is one run at its end */
		{ "{\"every\":\"4h\",\"timeZone\":\"Europe/Berlin\",\"blackouts\":[\"MON-FRI 08:00-18:00\"]}", "2026-11-26T02:00:00Z",
			{ "2026-11-26T06:00:00Z", "2026-11-26T17:00:00Z", "2026-11-26T18:00:00Z", "2026-11-26T22:00:00Z" } },
		{ "{\"every\":\"4h\",\"timeZone\":\"Europe/Berlin\",\"missed\":\"skip\",\"blackouts\":[\"MON-FRI 08:00-18:00\"]}", "2026-11-26T02:00:00Z",
			{ "2026-11-26T06:00:00Z", "2026-11-26T18:00:00Z", "2026-11-26T22:00:00Z", "2026-11-27T02:00:00Z" } },
		/* over midnight; the window of Friday ends on Saturday */
		{ "{\"cron\":\"0 0 5 * * ?\",\"blackouts\":[\"FRI 22:00-06:00\"]}", "2026-11-26T12:00:00Z",
			{ "2026-11-27T05:00:00Z", "2026-11-28T06:00:00Z", "2026-11-29T05:00:00Z", "2026-11-30T05:00:00Z" } },
		/* windows that meet each other */
		{ "{\"cron\":\"0 0 12 ? * SAT\",\"blackouts\":[\"SAT,SUN 00:00-24:00\",\"MON 00:00-07:30\"]}", "2026-11-26T12:00:00Z",
			{ "2026-11-30T07:30:00Z", "2026-12-07T07:30:00Z", "2026-12-14T07:30:00Z", "2026-12-21T07:30:00Z" } },
		{ "{\"cron\":\"0 0 0 ? * MON\",\"blackouts\":[\"2026-11-30..2026-12-06\",\"2026-12-07..2026-12-08\"]}", "2026-11-26T12:00:00Z",
			{ "2026-12-09T00:00:00Z", "2026-12-14T00:00:00Z", "2026-12-21T00:00:00Z", "2026-12-28T00:00:00Z" } },
		/* the begin of a window belongs to it, its end does not */
		{ "{\"cron\":\"0 0 8,18 * * ?\",\"missed\":\"skip\",\"blackouts\":[\"08:00-18:00\"]}", "2026-11-26T12:00:00Z",
			{ "2026-11-26T18:00:00Z", "2026-11-27T18:00:00Z", "2026-11-28T18:00:00Z", "2026-11-29T18:00:00Z" } },
		/* a window that ends in an hour that does not exist, and one in an hour that exists twice */
		{ "{\"cron\":\"0 0 1 * * ?\",\"timeZone\":\"Europe/Berlin\",\"blackouts\":[\"00:30-02:30\"]}", "2026-03-28T12:00:00Z",
			{ "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z", "2026-04-01T00:30:00Z" } },
		{ "{\"cron\":\"0 0 1 * * ?\",\"timeZone\":\"Europe/Berlin\",\"blackouts\":[\"00:30-02:30\"]}", "2026-10-24T12:00:00Z",
			{ "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z", "2026-10-28T01:30:00Z" } },
		/* an interval is elapsed time, whatever the clocks do */
		{ "{\"every\":\"6h\",\"timeZone\":\"Europe/Berlin\"}", "2026-03-28T20:00:00Z",
			{ "2026-03-29T02:00:00Z", "2026-03-29T08:00:00Z", "2026-03-29T14:00:00Z", "2026-03-29T20:00:00Z" } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_schedule schedule;
		struct us_schedule_time time;
		char text[US_CLOCK_ISO_BYTES];
		load(&arena, rows[i].schedule, &schedule);
		assert_row(i, us_schedule_next(&schedule, time_of(rows[i].after), time_of(rows[i].after), &time));
		for (size_t k = 0; k < 4; k++) {
			if (time.start != time_of(rows[i].starts[k]))
				fail_msg("row %zu: start %zu is %s, want %s", i, k, us_clock_format(time.start, text), rows[i].starts[k]);
			assert_row(i, us_schedule_advance(&schedule, time.due, time.start, &time));
		}
		us_arena_fini(&arena);
	}
}

static void jitter_is_within_its_bound_and_always_the_same(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_schedule schedule, other;
	struct us_schedule_time time, again;
	int64_t at = time_of(const_now), least = INT64_MAX, most = 0, differ = 0;

	load(&arena, "{\"cron\":\"0 0 * * * ?\",\"jitter\":\"5m\"}", &schedule);
	other = schedule;
	other.seed ^= 12345;
	for (int i = 0; i < 500; i++) {
		assert_true(us_schedule_next(&schedule, at, at, &time));
		assert_true(us_schedule_next(&schedule, at, time.due - 1, &again));
		assert_true(again.due == time.due && again.start == time.start);
		assert_true(us_schedule_next(&other, at, at, &again));
		differ += again.start != time.start;
		int64_t jitter = time.start - time.due;
		assert_true(jitter >= 0 && jitter <= 300);
		least = jitter < least ? jitter : least;
		most = jitter > most ? jitter : most;
		at = time.due;
	}
	assert_true(least < 10 && most > 290 && differ > 450);
	us_arena_fini(&arena);
}

static void times_that_pass_are_kept_made_up_for_or_skipped(void **state)
{
	static const struct {
		const char *schedule, *due, *saved, *now; /* due "": nothing is waited for */
		const char *next_due, *start;
		bool is_late;
		int64_t missed;
	} rows[] = {
		/* nothing yet: the next one */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "", "", "2026-11-26T12:00:00Z", "2026-11-27T03:00:00Z", "2026-11-27T03:00:00Z", false, 0 },
		{ "{\"every\":\"6h\"}", "", "", "2026-11-26T12:34:56Z", "2026-11-26T18:34:56Z", "2026-11-26T18:34:56Z", false, 0 },
		/* it is waited for */
		{ "{\"every\":\"6h\"}", "2026-11-26T14:00:00Z", "2026-11-26T08:00:00Z", "2026-11-26T12:00:00Z", "2026-11-26T14:00:00Z", "2026-11-26T14:00:00Z", false, 0 },
		/* the time has come, within the minute */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-26T03:00:00Z", "2026-11-25T03:00:00Z", "2026-11-26T03:00:00Z", "2026-11-26T03:00:00Z", "2026-11-26T03:00:00Z", false, 0 },
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-26T03:00:00Z", "2026-11-25T03:00:00Z", "2026-11-26T03:01:00Z", "2026-11-26T03:00:00Z", "2026-11-26T03:00:00Z", false, 0 },
		/* nobody was there: one run for all of them */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-24T03:00:00Z", "2026-11-23T03:00:00Z", "2026-11-26T12:00:00Z", "2026-11-24T03:00:00Z", "2026-11-26T12:00:00Z", true, 3 },
		{ "{\"every\":\"6h\"}", "2026-11-24T12:00:00Z", "2026-11-24T06:00:00Z", "2026-11-26T12:00:30Z", "2026-11-24T12:00:00Z", "2026-11-26T12:00:30Z", true, 9 },
		/* or none */
		{ "{\"cron\":\"0 0 3 * * ?\",\"missed\":\"skip\"}", "2026-11-24T03:00:00Z", "2026-11-23T03:00:00Z", "2026-11-26T12:00:00Z", "2026-11-27T03:00:00Z",
			"2026-11-27T03:00:00Z", false, 3 },
		{ "{\"every\":\"6h\",\"missed\":\"skip\"}", "2026-11-24T12:00:00Z", "2026-11-24T06:00:00Z", "2026-11-26T13:00:00Z", "2026-11-26T18:00:00Z",
			"2026-11-26T18:00:00Z", false, 9 },
		/* made up for only when the window is over */
		{ "{\"cron\":\"0 0 3 * * ?\",\"blackouts\":[\"08:00-18:00\"]}", "2026-11-26T03:00:00Z", "2026-11-25T03:00:00Z", "2026-11-26T12:00:00Z",
			"2026-11-26T03:00:00Z", "2026-11-26T18:00:00Z", true, 1 },
		/* a window moved it: that is not late */
		{ "{\"cron\":\"0 0 12 * * ?\",\"blackouts\":[\"08:00-18:00\"]}", "2026-11-26T12:00:00Z", "2026-11-25T12:00:00Z", "2026-11-26T18:00:00Z",
			"2026-11-26T12:00:00Z", "2026-11-26T18:00:00Z", false, 0 },
		/* the clock was set forward by a year, then back: no year of silence */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2027-11-27T03:00:00Z", "2027-11-26T03:00:00Z", "2026-11-26T12:00:00Z", "2026-11-27T03:00:00Z", "2026-11-27T03:00:00Z", false, 0 },
		{ "{\"every\":\"6h\"}", "2027-11-27T03:00:00Z", "2027-11-26T21:00:00Z", "2026-11-26T12:00:00Z", "2026-11-26T18:00:00Z", "2026-11-26T18:00:00Z", false, 0 },
		/* set back by a second right after a run: it does not run twice */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-27T03:00:00Z", "2026-11-26T03:00:00Z", "2026-11-26T02:59:59Z", "2026-11-27T03:00:00Z", "2026-11-27T03:00:00Z", false, 0 },
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-27T03:00:00Z", "2026-11-26T03:00:00Z", "2026-11-26T02:00:00Z", "2026-11-27T03:00:00Z", "2026-11-27T03:00:00Z", false, 0 },
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-27T03:00:00Z", "2026-11-26T03:00:00Z", "2026-11-26T01:59:59Z", "2026-11-26T03:00:00Z", "2026-11-26T03:00:00Z", false, 0 },
		/* thousands of them are not counted one by one for ever */
		{ "{\"cron\":\"* * * * * ?\"}", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-11-26T12:00:00Z", "2026-01-01T00:00:00Z", "2026-11-26T12:00:00Z", true, 1000 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_schedule schedule;
		struct us_schedule_step step;
		struct us_schedule_state before = { 0 };
		char due[US_CLOCK_ISO_BYTES], start[US_CLOCK_ISO_BYTES];
		load(&arena, rows[i].schedule, &schedule);
		if (*rows[i].due)
			before = (struct us_schedule_state) { time_of(rows[i].due), time_of(rows[i].saved) };
		assert_row(i, us_schedule_resolve(&schedule, &before, time_of(rows[i].now), &step));
		us_clock_format(step.time.due, due);
		us_clock_format(step.time.start, start);
		if (strcmp(due, rows[i].next_due) != 0 || strcmp(start, rows[i].start) != 0 || step.is_late != rows[i].is_late || step.missed != rows[i].missed)
			fail_msg("row %zu: due %s start %s late %d missed %lld", i, due, start, step.is_late, (long long) step.missed);
		us_arena_fini(&arena);
	}
}

static void after_a_run_the_next_time_lies_ahead(void **state)
{
	static const struct {
		const char *schedule, *due, *now, *next;
	} rows[] = {
		{ "{\"every\":\"6h\"}", "2026-11-26T12:00:00Z", "2026-11-26T12:00:00Z", "2026-11-26T18:00:00Z" },
		/* an interval keeps its rhythm over missed times */
		{ "{\"every\":\"6h\"}", "2026-11-24T12:00:00Z", "2026-11-26T12:34:00Z", "2026-11-26T18:00:00Z" },
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-24T03:00:00Z", "2026-11-26T12:34:00Z", "2026-11-27T03:00:00Z" },
		/* a clock that went back meanwhile does not bring the same time again */
		{ "{\"cron\":\"0 0 3 * * ?\"}", "2026-11-26T03:00:00Z", "2026-11-26T02:59:59Z", "2026-11-27T03:00:00Z" },
		{ "{\"every\":\"1s\"}", "2026-11-26T03:00:00Z", "2026-11-26T03:00:02Z", "2026-11-26T03:00:03Z" },
		{ "{\"cron\":\"0 0 0 1 1 ? 2026\"}", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_schedule schedule;
		struct us_schedule_time time;
		load(&arena, rows[i].schedule, &schedule);
		bool is_there = us_schedule_advance(&schedule, time_of(rows[i].due), time_of(rows[i].now), &time);
		assert_row(i, is_there == (rows[i].next != NULL));
		assert_row(i, !is_there || time.due == time_of(rows[i].next));
		us_arena_fini(&arena);
	}
}

static void the_same_settings_have_the_same_text(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str a = US_STR_INIT, b = US_STR_INIT, none = US_STR_INIT;

	us_schedule_write(parse(&arena, "{\"every\":\"6h\"}"), &a);
	us_schedule_write(parse(&arena, "{ \"every\" : \"6h\" }"), &b);
	us_schedule_write(parse(&arena, "{}"), &none);
	us_schedule_write(parse(&arena, "null"), &none);
	assert_string_equal(us_str_text(&a), us_str_text(&b));
	assert_int_equal(none.n, 0);
	us_str_fini(&a);
	us_str_fini(&b);
	us_str_fini(&none);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_schedules_are_refused_with_field_and_reason),
		cmocka_unit_test(starts_keep_out_of_the_windows),
		cmocka_unit_test(jitter_is_within_its_bound_and_always_the_same),
		cmocka_unit_test(times_that_pass_are_kept_made_up_for_or_skipped),
		cmocka_unit_test(after_a_run_the_next_time_lies_ahead),
		cmocka_unit_test(the_same_settings_have_the_same_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
