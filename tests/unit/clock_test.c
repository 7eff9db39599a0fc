#include "unit.h"

#include "base/clock.h"

static void times_are_written_in_utc_to_the_second(void **state)
{
	static const struct {
		int64_t wall_s;
		const char *want;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1664957864, "2022-10-05T08:17:44Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
		{ -62167219200, "0000-01-01T00:00:00Z" },
		{ INT64_MIN, "0000-01-01T00:00:00Z" },
		{ -61000000000, "0036-12-26T11:33:20Z" },
	};
	char text[US_CLOCK_ISO_BYTES];

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t back;
		assert_string_equal(us_clock_format(rows[i].wall_s, text), rows[i].want);
		assert_row(i, us_clock_parse(us_slice(text), &back));
		if (rows[i].wall_s >= -62167219200 && rows[i].wall_s <= 253402300799)
			assert_row(i, back == rows[i].wall_s);
	}
}

static void spans_are_read_unit_by_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = {
		{ "0", 0 },
		{ "90", 90 },
		{ "90s", 90 },
		{ "15m", 900 },
		{ "1h30m", 5400 },
		{ "3653d", 315619200 },
		{ "3653d1s", -1 },
		{ "1h30", -1 },
		{ "1d2", -1 },
		{ "", -1 },
		{ "h", -1 },
		{ "1h m", -1 },
		{ "-1h", -1 },
		{ "1w", -1 },
		{ "99999999999999999999s", -1 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t s = -1;
		assert_row(i, us_clock_parse_span(us_slice(rows[i].text), &s) == (rows[i].want >= 0));
		assert_row(i, s == rows[i].want);
	}
}

static void times_are_read_with_fractions_and_offsets(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} rows[] = {
		{ "2022-10-05T08:17:44Z", 1664957864 },
		{ "2022-10-05t08:17:44z", 1664957864 },
		{ "2022-10-05 08:17:44Z", 1664957864 },
		{ "2022-10-05T08:17:44.123456789Z", 1664957864 },
		{ "2022-10-05T10:17:44+02:00", 1664957864 },
		{ "2022-10-05T10:17:44+0200", 1664957864 },
		{ "2022-10-05T04:47:44-03:30", 1664957864 },
		{ "2016-12-31T23:59:60Z", 1483228800 },
		{ "", -1 },
		{ "2022-10-05", -1 },
		{ "2022-10-05T08:17:44", -1 },
		{ "2022-10-05T08:17:44.Z", -1 },
		{ "2022-10-05T08:17:44Zx", -1 },
		{ "2022-13-05T08:17:44Z", -1 },
		{ "2022-10-32T08:17:44Z", -1 },
		{ "2022-10-05T24:00:00Z", -1 },
		{ "2022-10-05T08:60:00Z", -1 },
		{ "2022-10-05T08:17:44+2:00", -1 },
		{ "22-10-05T08:17:44Z", -1 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t got = -1;
		assert_row(i, us_clock_parse(us_slice(rows[i].text), &got) == (rows[i].want != -1));
		assert_row(i, got == rows[i].want);
	}
}

static void monotonic_clock_does_not_go_back(void **state)
{
	int64_t a = us_clock_monotonic_ms(), b = us_clock_monotonic_ms();

	assert_true(b >= a);
	assert_true(us_clock_wall_s() > 1700000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_in_utc_to_the_second),
		cmocka_unit_test(spans_are_read_unit_by_unit),
		cmocka_unit_test(times_are_read_with_fractions_and_offsets),
		cmocka_unit_test(monotonic_clock_does_not_go_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
