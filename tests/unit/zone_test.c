#include "zone.h"

#include "base/clock.h"

static void offsets_are_those_of_the_zone(void **state)
{
	static const struct {
		const char *zone, *utc;
		int32_t offset_s;
	} rows[] = {
		{ "UTC", "1900-01-01T00:00:00Z", 0 },
		{ "UTC", "2500-01-01T00:00:00Z", 0 },
		{ "Europe/Berlin", "1880-01-01T00:00:00Z", 3208 },
		{ "Europe/Berlin", "1945-06-01T12:00:00Z", 10800 },
		{ "Europe/Berlin", "2026-03-29T00:59:59Z", 3600 },
		{ "Europe/Berlin", "2026-03-29T01:00:00Z", 7200 },
		{ "Europe/Berlin", "2026-10-25T00:59:59Z", 7200 },
		{ "Europe/Berlin", "2026-10-25T01:00:00Z", 3600 },
		{ "Europe/Berlin", "2400-07-01T00:00:00Z", 7200 },
		{ "Europe/Berlin", "2400-01-01T00:00:00Z", 3600 },
		{ "America/New_York", "2026-03-08T06:59:59Z", -18000 },
		{ "America/New_York", "2026-03-08T07:00:00Z", -14400 },
		{ "America/St_Johns", "2026-01-01T00:00:00Z", -12600 },
		{ "America/St_Johns", "2126-07-01T00:00:00Z", -9000 },
		{ "Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39600 },
		{ "Australia/Lord_Howe", "2126-07-01T00:00:00Z", 37800 },
		{ "Asia/Kathmandu", "1985-12-31T18:29:59Z", 19800 },
		{ "Asia/Kathmandu", "1985-12-31T18:30:00Z", 20700 },
		{ "Africa/Casablanca", "2026-03-01T00:00:00Z", 0 },
		{ "Africa/Casablanca", "2026-06-01T00:00:00Z", 3600 },
		/* winter is the exception there: a negative summer time */
		{ "Europe/Dublin", "2126-01-01T00:00:00Z", 0 },
		{ "Europe/Dublin", "2126-07-01T00:00:00Z", 3600 },
		/* the hours of its rule are negative */
		{ "America/Nuuk", "2126-07-01T00:00:00Z", -3600 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_zone zone;
		int64_t utc;
		assert_row(i, us_clock_parse(us_slice(rows[i].utc), &utc));
		zone_load(&arena, rows[i].zone, &zone);
		struct us_zone_span span = us_zone_span_at(&zone, utc);
		if (span.offset != rows[i].offset_s || utc < span.begin || utc >= span.end)
			fail_msg("row %zu: %s at %s: %d", i, rows[i].zone, rows[i].utc, span.offset);
		us_arena_fini(&arena);
	}
}

static void every_moment_comes_back_or_came_before(void **state)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
		"Africa/Casablanca", "Europe/Dublin", "Pacific/Apia", "America/Nuuk", "UTC" };

	for (size_t i = 0; i < countof(zones); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_zone zone;
		zone_load(&arena, zones[i], &zone);
		/* 1883 to 2160, each 5 hours and a bit */
		for (int64_t utc = -INT64_C(2740000000); utc < INT64_C(6000000000); utc += 18007) {
			int64_t back = us_zone_to_utc(&zone, us_zone_to_local(&zone, utc));
			/* of two moments with the same local time the first one is given */
			if (back > utc || us_zone_to_local(&zone, back) != us_zone_to_local(&zone, utc))
				fail_msg("%s: %lld comes back as %lld", zones[i], (long long) utc, (long long) back);
			struct us_zone_span span = us_zone_span_at(&zone, utc);
			assert_true(span.begin <= utc && utc < span.end);
			assert_true(span.end == INT64_MAX || us_zone_span_at(&zone, span.end).begin == span.end);
		}
		us_arena_fini(&arena);
	}
}

/* ---- files that are none ---- */

static void put32(struct us_str *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		us_str_add_char(out, (char) (v >> shift));
}

static void put_header(struct us_str *out, char version, uint32_t n_times, uint32_t n_types)
{
	us_str_add(out, "TZif", 4);
	us_str_add_char(out, version);
	us_str_add(out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	put32(out, 0);
	put32(out, 0);
	put32(out, 0);
	put32(out, n_times);
	put32(out, n_types);
	put32(out, 4);
}

/* A file with no changes and one type, and a TZ string. */
static void make_file(struct us_str *out, const char *tail)
{
	us_str_clear(out);
	for (int i = 0; i < 2; i++) {
		put_header(out, '2', 0, 1);
		us_str_add(out, "\0\0\0\0\0\0XXX\0", 10);
	}
	us_str_printf(out, "\n%s\n", tail);
}

static void strings_of_zones_are_read(void **state)
{
	static const struct {
		const char *tail;
		bool is_good;
		int32_t january, july; /* offsets in 2026 */
	} rows[] = {
		{ "UTC0", true, 0, 0 },
		{ "<+0545>-5:45", true, 20700, 20700 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", true, 3600, 7200 },
		{ "EST5EDT,M3.2.0,M11.1.0", true, -18000, -14400 },
		{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", true, 39600, 37800 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", true, 0, 3600 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true, -7200, -3600 },
		{ "XXX3EDT4,0/0,J365/23", true, -14400, -14400 }, /* summer all year */
		{ "AAA0BBB,J60/0,J300", true, 0, 3600 },
		{ "AAA0BBB,59/0,299", true, 0, 3600 },
		/* rules that strike in another year than theirs */
		{ "AAA0BBB,365/167,365/166", true, 3600, 3600 }, /* winter of two hours */
		{ "AAA0BBB,0/-167,J365/167", true, 0, 0 }, /* summer of two weeks */
		{ "", true, 0, 0 },
		{ "AB0", false, 0, 0 },
		{ "ABC", false, 0, 0 },
		{ "<ABC0", false, 0, 0 },
		{ "ABC25", false, 0, 0 },
		{ "ABC0DEF", false, 0, 0 },
		{ "ABC0DEF,M3.5.0", false, 0, 0 },
		{ "ABC0DEF,M13.5.0,M10.5.0", false, 0, 0 },
		{ "ABC0DEF,M3.6.0,M10.5.0", false, 0, 0 },
		{ "ABC0DEF,M3.5.7,M10.5.0", false, 0, 0 },
		{ "ABC0DEF,J0,J365", false, 0, 0 },
		{ "ABC0DEF,J366,J365", false, 0, 0 },
		{ "ABC0DEF,366,1", false, 0, 0 },
		{ "ABC0DEF,M3.5.0/168,M10.5.0", false, 0, 0 },
		{ "ABC0DEF,M3.5.0,M10.5.0x", false, 0, 0 },
		{ "ABC0:60", false, 0, 0 },
	};
	struct us_str file = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_arena arena = US_ARENA_INIT;
		struct us_zone zone;
		make_file(&file, rows[i].tail);
		enum us_errc rc = us_zone_parse(&arena, us_str_slice(&file), &zone, &err);
		if ((rc == US_OK) != rows[i].is_good)
			fail_msg("row %zu: %s: %s", i, rows[i].tail, us_err_name(rc));
		if (rc == US_OK) {
			/* 15 January and 15 July 2026 */
			int32_t january = us_zone_span_at(&zone, 1768435200).offset, july = us_zone_span_at(&zone, 1784073600).offset;
			if (january != rows[i].january || july != rows[i].july)
				fail_msg("row %zu: %s: %d and %d", i, rows[i].tail, january, july);
			/* the ends of the year, where rules of other years strike */
			for (int64_t t = 1766700000; t < 1769000000; t += 1801) {
				struct us_zone_span span = us_zone_span_at(&zone, t);
				assert_row(i, span.begin <= t && t < span.end);
			}
		}
		us_arena_fini(&arena);
	}
	us_str_fini(&file);
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_str whole = US_STR_INIT;
	size_t refused = 0;

	assert_int_equal(us_zonefile_read(US_SLICE("Europe/Berlin"), &whole, &err), US_OK);
	for (size_t n = 0; n < whole.n; n++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_zone zone;
		char *exact = us_malloc(n + 1);
		memcpy(exact, whole.p, n);
		refused += us_zone_parse(&arena, (struct us_slice) { exact, n }, &zone, &err) == US_INVALID;
		free(exact);
		us_arena_fini(&arena);
	}
	assert_int_equal(refused, whole.n);
	us_str_fini(&whole);
}

static void a_file_with_any_byte_changed_is_read_without_harm(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_str whole = US_STR_INIT;
	size_t refused = 0;

	assert_int_equal(us_zonefile_read(US_SLICE("Africa/Casablanca"), &whole, &err), US_OK);
	for (size_t i = 0; i < whole.n; i++)
		for (int k = 0; k < 2; k++) {
			struct us_arena arena = US_ARENA_INIT;
			struct us_zone zone;
			char kept = whole.p[i];
			whole.p[i] = (char) (k ? kept ^ 0x80 : 0xFF);
			if (us_zone_parse(&arena, us_str_slice(&whole), &zone, &err) == US_OK)
				us_zone_to_utc(&zone, 1784073600);
			else
				refused++;
			whole.p[i] = kept;
			us_arena_fini(&arena);
		}
	assert_true(refused > 44 && refused < 2 * whole.n);
	us_str_fini(&whole);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const struct {
		const char *name;
		enum us_errc want;
	} rows[] = {
		{ "Europe/Berlin", US_OK },
		{ "Etc/GMT+5", US_OK },
		{ "America/Argentina/Buenos_Aires", US_OK },
		{ "", US_INVALID },
		{ "/etc/passwd", US_INVALID },
		{ "../../../etc/passwd", US_INVALID },
		{ "Europe/../../../../etc/passwd", US_INVALID },
		{ "Europe/./Berlin", US_INVALID },
		{ "Europe//Berlin", US_INVALID },
		{ "Europe/", US_INVALID },
		{ ".hidden", US_INVALID },
		{ "Europe\\Berlin", US_INVALID },
		{ "Europe/Ber lin", US_INVALID },
		{ "Europe/Berl\xC3\xADn", US_INVALID },
		{ "a23456789012345678901234567890123456789012345678901234567890abcde", US_INVALID },
		{ "Europe", US_NOT_FOUND },
		{ "Europe/Atlantis", US_NOT_FOUND },
	};
	struct us_str bytes = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = us_zonefile_read(us_slice(rows[i].name), &bytes, &err);
		if (rc != rows[i].want)
			fail_msg("row %zu: %s: %s", i, rows[i].name, us_err_name(rc));
	}
	us_str_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_those_of_the_zone),
		cmocka_unit_test(every_moment_comes_back_or_came_before),
		cmocka_unit_test(strings_of_zones_are_read),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_file_with_any_byte_changed_is_read_without_harm),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
