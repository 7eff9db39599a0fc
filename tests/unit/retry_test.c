#include "unit.h"

#include "net/retry.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void retry_after_is_read_as_seconds_or_date(void **state)
{
	static const struct {
		const char *header;
		int64_t want_ms; /* -1: not understood */
	} rows[] = {
		{ "0", 0 },
		{ "7", 7000 },
		{ " 120 ", 120000 },
		{ "86400", 86400000 },
		{ "99999999999999999999999999", 86400000 },
		{ "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
		{ "Sun, 06 Nov 1994 08:49:27 GMT", 0 },
		{ "Sunday, 06-Nov-94 08:50:37 GMT", 60000 },
		{ "Sun Nov  6 08:49:38 1994", 1000 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 86400000 },
		{ "", -1 },
		{ "-1", -1 },
		{ "1.5", -1 },
		{ "7s", -1 },
		{ "soon", -1 },
		{ "Sun, 06 Nov 1994 08:49:47 CET", -1 },
		{ "Sun, 06 Nov 1994 28:49:47 GMT", -1 },
		{ "Sun, 06 Xxx 1994 08:49:47 GMT", -1 },
		{ "Sun, 00 Nov 1994 08:49:47 GMT", -1 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t ms = -1;
		bool ok = us_retry_parse_after(us_slice(rows[i].header), NOW, &ms);
		assert_row(i, ok == (rows[i].want_ms >= 0));
		assert_row(i, ms == rows[i].want_ms);
	}
}

static void waits_grow_to_their_cap_and_are_never_nothing(void **state)
{
	static const uint64_t randoms[] = { 0, 1, 12345, UINT64_MAX };

	for (unsigned attempt = 0; attempt < 70; attempt++)
		for (size_t i = 0; i < countof(randoms); i++) {
			int64_t bound = attempt > 6 ? 60000 : 500 << attempt;
			int64_t ms = us_retry_backoff_ms(attempt, 500, 60000, randoms[i]);
			if (bound > 60000)
				bound = 60000;
			assert_row(attempt, ms >= bound / 4 && ms <= bound);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after_is_read_as_seconds_or_date),
		cmocka_unit_test(waits_grow_to_their_cap_and_are_never_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
