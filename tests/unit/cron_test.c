#include "unit.h"

#include "base/clock.h"
#include "model/cron.h"
#include "zone.h"

static void expressions_are_refused_at_the_character_that_is_wrong(void **state)
{
	static const struct {
		const char *text;
		int at; /* from 1 */
		const char *why;
	} rows[] = {
		{ "", 1, "want 6 or 7 fields" },
		{ "0 0 3", 6, "want 6 or 7 fields" },
		{ "0 3 * * 1", 10, "there are 5 fields; want seconds in front" },
		{ "0 0 3 ? * * * *", 15, "more than 7 fields" },
		{ "60 0 3 ? * *", 1, "second 60 is not from 0 to 59" },
		{ "0 60 3 ? * *", 3, "minute 60 is not from 0 to 59" },
		{ "0 0 24 ? * *", 5, "hour 24 is not from 0 to 23" },
		{ "0 0 3 0 * ?", 7, "day of the month 0 is not from 1 to 31" },
		{ "0 0 3 32 * ?", 7, "day of the month 32 is not from 1 to 31" },
		{ "0 0 3 ? 13 *", 9, "month 13 is not from 1 to 12" },
		{ "0 0 3 ? * 0", 11, "day of the week 0 is not from 1 to 7" },
		{ "0 0 3 ? * 8", 11, "day of the week 8 is not from 1 to 7" },
		{ "0 0 3 ? * MON,XYZ", 15, "'X' is no day of the week" },
		{ "0 0 3 ? JANUARY *", 12, "'U' is not expected here" },
		{ "0 0 3 ? * * 1969", 13, "year 1969 is not from 1970 to 2199" },
		{ "0 0 3 ? * * 2030-2028", 18, "years do not wrap" },
		{ "0 0/0 3 ? * *", 5, "step 0 is not from 1 to 60" },
		{ "0 0/61 3 ? * *", 5, "step 61 is not from 1 to 60" },
		{ "0 0/ 3 ? * *", 5, "a step is missing" },
		{ "0 5- 3 ? * *", 5, "a minute is missing" },
		{ "0 -5 3 ? * *", 3, "'-' is no minute" },
		{ "0 5,,6 3 ? * *", 5, "an empty part of a list" },
		{ "0 5, 3 ? * *", 5, "an empty part of a list" },
		{ "0 5x 3 ? * *", 4, "'x' is not expected here" },
		{ "0 ? 3 ? * *", 3, "? is for the two fields of days" },
		{ "0 0 3 ?,5 * *", 7, "? stands alone" },
		{ "0 0 3 ? * ?", 11, "? stands in both fields of days" },
		{ "0 0 3 13 * FRI", 12, "day of the month and day of the week cannot both choose" },
		{ "0 0 3 L-31 * ?", 9, "number of days before the last 31 is not from 1 to 30" },
		{ "0 0 3 L-3W * ?", 10, "W goes with L or a day" },
		{ "0 0 3 LX * ?", 8, "'X' is not expected here" },
		{ "0 0 3 ? * FRI#6", 15, "week of the month 6 is not from 1 to 5" },
		{ "0 0 3 ? * FRI#", 15, "a week of the month is missing" },
		{ "0 0 3 W * ?", 7, "'W' is no day of the month" },
		{ "0 0 3 5-15W * ?", 11, "'W' is not expected here" },
		{ "0 0 99999999 ? * *", 5, "the number is too long" },
		{ "0 0 3 ? * MON\xC3\xA9", 14, "this character is not expected here" },
		{ "0 0 \xC3\xA9 ? * *", 5, "this character is no hour" },
		{ "0 0 3\n? * *", 6, "a control character" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_cron cron;
		if (us_cron_parse(us_slice(rows[i].text), &cron, &err) != US_INVALID)
			fail_msg("row %zu: %s was accepted", i, rows[i].text);
		if (err.native != rows[i].at || !strstr(err.text, rows[i].why))
			fail_msg("row %zu: \"%s\" at %d: %s", i, rows[i].text, err.native, err.text);
	}
}

static int64_t time_of(const char *text)
{
	int64_t s;

	if (!us_clock_parse(us_slice(text), &s))
		fail_msg("%s is no time", text);
	return s;
}

static void each_form_names_its_days(void **state)
{
	static const struct {
		const char *cron, *after, *next[3];
	} rows[] = {
		{ "0 0 3 * * *", "2026-01-01T02:59:59Z", { "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z" } },
		{ "0 0 3 ? * *", "2026-01-01T03:00:00Z", { "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z", "2026-01-04T03:00:00Z" } },
		{ "*/20 * * * * ?", "2026-01-01T00:00:30Z", { "2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z", "2026-01-01T00:01:20Z" } },
		{ "0 7/15 8-9 * * ?", "2026-01-01T09:30:00Z", { "2026-01-01T09:37:00Z", "2026-01-01T09:52:00Z", "2026-01-02T08:07:00Z" } },
		{ "0 0 22-4/3 * * ?", "2026-01-01T21:00:00Z", { "2026-01-01T22:00:00Z", "2026-01-02T01:00:00Z", "2026-01-02T04:00:00Z" } },
		/* 2026-01-01 is a Thursday */
		{ "0 0 6 ? * MON-FRI", "2026-01-01T06:00:00Z", { "2026-01-02T06:00:00Z", "2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z" } },
		{ "0 0 6 ? * fri-mon", "2026-01-01T06:00:00Z", { "2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z", "2026-01-04T06:00:00Z" } },
		{ "0 0 6 ? * 1", "2026-01-01T06:00:00Z", { "2026-01-04T06:00:00Z", "2026-01-11T06:00:00Z", "2026-01-18T06:00:00Z" } },
		{ "0 0 6 ? * L", "2026-01-01T06:00:00Z", { "2026-01-03T06:00:00Z", "2026-01-10T06:00:00Z", "2026-01-17T06:00:00Z" } },
		{ "0 0 6 ? * 6L", "2026-01-01T06:00:00Z", { "2026-01-30T06:00:00Z", "2026-02-27T06:00:00Z", "2026-03-27T06:00:00Z" } },
		{ "0 0 6 ? * FRIL", "2026-01-30T06:00:00Z", { "2026-02-27T06:00:00Z", "2026-03-27T06:00:00Z", "2026-04-24T06:00:00Z" } },
		{ "0 0 6 ? * 2#1", "2026-01-01T06:00:00Z", { "2026-01-05T06:00:00Z", "2026-02-02T06:00:00Z", "2026-03-02T06:00:00Z" } },
		{ "0 0 6 ? * SUN#5", "2026-01-01T06:00:00Z", { "2026-03-29T06:00:00Z", "2026-05-31T06:00:00Z", "2026-08-30T06:00:00Z" } },
		{ "0 0 6 ? * TUE#2,FRIL", "2026-01-01T06:00:00Z", { "2026-01-13T06:00:00Z", "2026-01-30T06:00:00Z", "2026-02-10T06:00:00Z" } },
		{ "0 0 6 L * ?", "2026-01-31T06:00:00Z", { "2026-02-28T06:00:00Z", "2026-03-31T06:00:00Z", "2026-04-30T06:00:00Z" } },
		{ "0 0 6 L-2 * ?", "2026-01-29T06:00:00Z", { "2026-02-26T06:00:00Z", "2026-03-29T06:00:00Z", "2026-04-28T06:00:00Z" } },
		{ "0 0 6 L-30 * ?", "2026-01-01T06:00:00Z", { "2026-03-01T06:00:00Z", "2026-05-01T06:00:00Z", "2026-07-01T06:00:00Z" } },
		/* 31 January, 28 February and 28 March 2026 are Saturdays; 31 May is a Sunday */
		{ "0 0 6 LW * ?", "2026-01-01T06:00:00Z", { "2026-01-30T06:00:00Z", "2026-02-27T06:00:00Z", "2026-03-31T06:00:00Z" } },
		{ "0 0 6 LW 5 ?", "2026-01-01T06:00:00Z", { "2026-05-29T06:00:00Z", "2027-05-31T06:00:00Z", "2028-05-31T06:00:00Z" } },
		/* 1 February is a Sunday: the 2nd; 1 August a Saturday: the 3rd, never the month before */
		{ "0 0 6 1W 2,8 ?", "2026-01-01T06:00:00Z", { "2026-02-02T06:00:00Z", "2026-08-03T06:00:00Z", "2027-02-01T06:00:00Z" } },
		{ "0 0 6 15W * ?", "2026-01-01T06:00:00Z", { "2026-01-15T06:00:00Z", "2026-02-16T06:00:00Z", "2026-03-16T06:00:00Z" } },
		{ "0 0 6 31W 4,5 ?", "2026-01-01T06:00:00Z", { "2026-05-29T06:00:00Z", "2027-05-31T06:00:00Z", "2028-05-31T06:00:00Z" } },
		{ "0 0 6 1,15,L * ?", "2026-01-15T06:00:00Z", { "2026-01-31T06:00:00Z", "2026-02-01T06:00:00Z", "2026-02-15T06:00:00Z" } },
		{ "0 0 6 30-2 * ?", "2026-02-02T06:00:00Z", { "2026-03-01T06:00:00Z", "2026-03-02T06:00:00Z", "2026-03-30T06:00:00Z" } },
		{ "0 0 0 1 NOV-FEB ?", "2026-02-01T00:00:00Z", { "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" } },
		{ "0 0 0 29 2 ?", "2026-01-01T00:00:00Z", { "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z" } },
		/* the leap day that a century leaves out */
		{ "0 0 0 29 2 ?", "2096-03-01T00:00:00Z", { "2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z", "2112-02-29T00:00:00Z" } },
		{ "0 0 0 ? 2 THU#5", "2026-01-01T00:00:00Z", { "2052-02-29T00:00:00Z", "2080-02-29T00:00:00Z", "2120-02-29T00:00:00Z" } },
		{ "0 0 0 1 1 ? 2030/5", "2026-01-01T00:00:00Z", { "2030-01-01T00:00:00Z", "2035-01-01T00:00:00Z", "2040-01-01T00:00:00Z" } },
		{ "0 0 0 1 1 ? 2026-2028", "2025-06-01T00:00:00Z", { "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z" } },
		{ "  0\t0  12   ?  JUN\tTUE  ", "2026-01-01T00:00:00Z", { "2026-06-02T12:00:00Z", "2026-06-09T12:00:00Z", "2026-06-16T12:00:00Z" } },
		/* everything that a field of all days could have said besides */
		{ "0 0 6 *,15W * ?", "2026-01-01T06:00:00Z", { "2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z", "2026-01-04T06:00:00Z" } },
		{ "0 0 6 *,15W * MON", "2026-01-01T06:00:00Z", { "2026-01-05T06:00:00Z", "2026-01-12T06:00:00Z", "2026-01-19T06:00:00Z" } },
		{ "59 59 23 31 12 ?", "2026-12-31T23:59:58Z", { "2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z", "2028-12-31T23:59:59Z" } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_cron cron;
		int64_t at = time_of(rows[i].after);
		if (us_cron_parse(us_slice(rows[i].cron), &cron, &err) != US_OK)
			fail_msg("row %zu: %s", i, err.text);
		for (size_t k = 0; k < 3; k++) {
			char text[US_CLOCK_ISO_BYTES] = "never";
			if (us_cron_next(&cron, &us_zone_utc, at, &at))
				us_clock_format(at, text);
			if (strcmp(text, rows[i].next[k]) != 0)
				fail_msg("row %zu: %s: time %zu is %s, want %s", i, rows[i].cron, k, text, rows[i].next[k]);
		}
	}
}

static void what_never_happens_is_found_out(void **state)
{
	static const char *const rows[] = { "0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 ?", "0 0 0 1 1 ? 2020", "0 0 0 29 2 ? 2027", "0 0 0 L-30 2,4 ?",
		"0 0 0 31W 2 ?", "0 0 0 ? 2 THU#5 2027-2051" };

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_cron cron;
		int64_t at;
		assert_row(i, us_cron_parse(us_slice(rows[i]), &cron, &err) == US_OK);
		assert_row(i, !us_cron_next(&cron, &us_zone_utc, time_of("2026-01-01T00:00:00Z"), &at));
	}
}

/* Times as RFC 3339 with the offset that holds there, so that a row can be checked by eye. */
static void clocks_that_change_skip_nothing_and_repeat_nothing(void **state)
{
	static const struct {
		const char *zone, *cron, *after, *next[3];
	} rows[] = {
		/* forward: 02:00 → 03:00 */
		{ "Europe/Berlin", "0 30 2 * * ?", "2026-03-27T12:00:00Z", { "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00" } },
		{ "Europe/Berlin", "0 0 3 * * ?", "2026-03-28T12:00:00Z", { "2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00", "2026-03-31T03:00:00+02:00" } },
		{ "Europe/Berlin", "0 0/20 * * * ?", "2026-03-29T00:39:00Z", { "2026-03-29T01:40:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00" } },
		{ "Europe/Berlin", "0 15,45 2 * * ?", "2026-03-28T12:00:00Z", { "2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00", "2026-03-30T02:45:00+02:00" } },
		/* back: 03:00 → 02:00 */
		{ "Europe/Berlin", "0 30 2 * * ?", "2026-10-24T12:00:00Z", { "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00", "2026-10-27T02:30:00+01:00" } },
		{ "Europe/Berlin", "0 0 * * * ?", "2026-10-24T23:30:00Z", { "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-25T04:00:00+01:00" } },
		{ "Europe/Berlin", "0 0 * * * ?", "2026-10-25T01:30:00Z", { "2026-10-25T03:00:00+01:00", "2026-10-25T04:00:00+01:00", "2026-10-25T05:00:00+01:00" } },
		{ "America/New_York", "0 30 2 ? * SUN", "2026-03-07T12:00:00Z", { "2026-03-08T03:00:00-04:00", "2026-03-15T02:30:00-04:00", "2026-03-22T02:30:00-04:00" } },
		{ "America/New_York", "0 30 1 * * ?", "2026-10-31T12:00:00Z", { "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00", "2026-11-03T01:30:00-05:00" } },
		/* half an hour: forward 02:00 → 02:30 in October, back 02:00 → 01:30 in April */
		{ "Australia/Lord_Howe", "0 15 2 * * ?", "2026-10-02T18:00:00Z", { "2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00", "2026-10-06T02:15:00+11:00" } },
		{ "Australia/Lord_Howe", "0 45 1 * * ?", "2026-04-04T12:00:00Z", { "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30", "2026-04-07T01:45:00+10:30" } },
		{ "Australia/Lord_Howe", "0 15 2 * * ?", "2026-04-04T12:00:00Z", { "2026-04-05T02:15:00+10:30", "2026-04-06T02:15:00+10:30", "2026-04-07T02:15:00+10:30" } },
		/* minutes that are not whole hours from UTC; and in 1987 to 2011 changes at 00:01 */
		{ "America/St_Johns", "0 30 2 * * ?", "2026-03-07T12:00:00Z", { "2026-03-08T03:00:00-02:30", "2026-03-09T02:30:00-02:30", "2026-03-10T02:30:00-02:30" } },
		{ "America/St_Johns", "0 30 0 * * ?", "2010-03-13T12:00:00Z", { "2010-03-14T01:01:00-02:30", "2010-03-15T00:30:00-02:30", "2010-03-16T00:30:00-02:30" } },
		{ "Asia/Kathmandu", "0 0 6 * * ?", "2026-03-28T12:00:00Z", { "2026-03-29T06:00:00+05:45", "2026-03-30T06:00:00+05:45", "2026-03-31T06:00:00+05:45" } },
		/* Ramadan 2026: back 03:00 → 02:00 on 15 February, forward 02:00 → 03:00 on 22 March, out of the table */
		{ "Africa/Casablanca", "0 30 2 * * ?", "2026-02-14T12:00:00Z", { "2026-02-15T02:30:00+01:00", "2026-02-16T02:30:00+00:00", "2026-02-17T02:30:00+00:00" } },
		{ "Africa/Casablanca", "0 30 2 * * ?", "2026-03-21T12:00:00Z", { "2026-03-22T03:00:00+01:00", "2026-03-23T02:30:00+01:00", "2026-03-24T02:30:00+01:00" } },
		/* far behind the last row of the table: the string at the end of the file */
		{ "Europe/Berlin", "0 30 2 * * ?", "2126-03-30T12:00:00Z", { "2126-03-31T03:00:00+02:00", "2126-04-01T02:30:00+02:00", "2126-04-02T02:30:00+02:00" } },
		{ "America/New_York", "0 30 1 * * ?", "2126-11-02T12:00:00Z", { "2126-11-03T01:30:00-04:00", "2126-11-04T01:30:00-05:00", "2126-11-05T01:30:00-05:00" } },
		/* a whole day that never was: 30 December 2011 */
		{ "Pacific/Apia", "0 0 12 * * ?", "2011-12-29T09:00:00Z", { "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00" } },
		{ "UTC", "0 30 2 * * ?", "2026-03-28T12:00:00Z", { "2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z", "2026-03-31T02:30:00Z" } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_arena arena = US_ARENA_INIT;
		struct us_zone zone;
		struct us_cron cron;
		int64_t at = time_of(rows[i].after);
		zone_load(&arena, rows[i].zone, &zone);
		assert_row(i, us_cron_parse(us_slice(rows[i].cron), &cron, &err) == US_OK);
		for (size_t k = 0; k < 3; k++) {
			char got[US_CLOCK_ISO_BYTES];
			assert_row(i, us_cron_next(&cron, &zone, at, &at));
			if (at != time_of(rows[i].next[k]))
				fail_msg("row %zu: %s in %s: time %zu is %s, want %s", i, rows[i].cron, rows[i].zone, k, us_clock_format(at, got), rows[i].next[k]);
		}
		us_arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_are_refused_at_the_character_that_is_wrong),
		cmocka_unit_test(each_form_names_its_days),
		cmocka_unit_test(what_never_happens_is_found_out),
		cmocka_unit_test(clocks_that_change_skip_nothing_and_repeat_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
