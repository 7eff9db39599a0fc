#include "unit.h"

static void utf8_is_told_from_other_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool want;
	} rows[] = {
		{ "", 0, true },
		{ NULL, 0, true },
		{ "plain ascii of some length", 26, true },
		{ "Zoë", 4, true },
		{ "\xF0\x9F\x98\x80", 4, true },
		{ "\xF4\x8F\xBF\xBF", 4, true },
		{ "\xEF\xBF\xBF", 3, true },
		{ "a\0b", 3, false },
		{ "12345678\0abcdefgh", 17, false },
		{ "\x80", 1, false },
		{ "\xC0\x80", 2, false },
		{ "\xC1\xBF", 2, false },
		{ "\xE0\x9F\xBF", 3, false },
		{ "\xED\xA0\x80", 3, false },
		{ "\xF0\x8F\xBF\xBF", 4, false },
		{ "\xF4\x90\x80\x80", 4, false },
		{ "\xF5\x80\x80\x80", 4, false },
		{ "\xE2\x82", 2, false },
		{ "\xE2\x82\x41", 3, false },
		{ "0123456789\xFF", 11, false },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_row(i, us_slice_is_utf8((struct us_slice) { rows[i].bytes, rows[i].n }) == rows[i].want);
	/* At each place of a text of each length: eight bytes are looked at together. */
	for (size_t i = 0; i < countof(rows); i++)
		for (size_t n = rows[i].n; n < 30 && rows[i].n <= 4; n++)
			for (size_t at = 0; at + rows[i].n <= n; at++) {
				char text[30];
				memset(text, 'x', sizeof text);
				if (rows[i].n)
					memcpy(text + at, rows[i].bytes, rows[i].n);
				assert_row(i, us_slice_is_utf8((struct us_slice) { text, n }) == rows[i].want);
			}
}

static void whole_numbers_are_read(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "42", true, 42 }, { "-42", true, -42 }, { "007", true, 7 },
		{ "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 }, { "-9223372036854775809", false, 0 }, { "99999999999999999999", false, 0 },
		{ "", false, 0 }, { "-", false, 0 }, { "+1", false, 0 }, { "1 ", false, 0 }, { " 1", false, 0 }, { "1x", false, 0 },
		{ "0x1", false, 0 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		int64_t v = 0;
		assert_row(i, us_slice_to_int(us_slice(rows[i].text), &v) == rows[i].ok);
		if (rows[i].ok)
			assert_row(i, v == rows[i].want);
	}
}

static void slices_are_compared_and_trimmed(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} rows[] = { { "a", "a", 0 }, { "a", "b", -1 }, { "ab", "a", 1 }, { "", "", 0 }, { "", "a", -1 }, { "\xff", "a", 1 } };

	for (size_t i = 0; i < countof(rows); i++) {
		int c = us_slice_compare(us_slice(rows[i].a), us_slice(rows[i].b));
		assert_row(i, (c > 0) - (c < 0) == rows[i].order);
	}
	assert_slice(us_slice_trim(US_SLICE(" \t\r\n x y \v\f")), "x y");
	assert_slice(us_slice_trim(US_SLICE("   ")), "");
	assert_true(us_slice_is_nocase(US_SLICE("Content-TYPE"), "content-type"));
	assert_false(us_slice_is_nocase(US_SLICE("Content-TYPE"), "content-types"));
	assert_false(us_slice_is_nocase(US_SLICE("Content-TYPEs"), "content-type"));
	struct us_arena arena = US_ARENA_INIT;
	assert_null(us_slice_dup(&arena, US_SLICE_NONE).p);
	assert_non_null(us_slice_dup(&arena, US_SLICE("")).p);
	us_arena_fini(&arena);
}

static void buffer_grows_and_is_given_away(void **state)
{
	struct us_str s = US_STR_INIT;

	assert_string_equal(us_str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		us_str_add_int(&s, i % 10);
	us_str_add_int(&s, INT64_MIN);
	us_str_printf(&s, "|%s|%d", "text", 5);
	assert_string_equal(s.p + 1000, "-9223372036854775808|text|5");
	char *p = us_str_steal(&s);
	assert_int_equal(strlen(p), 1027);
	free(p);
	assert_null(s.p);
	p = us_str_steal(&s);
	assert_string_equal(p, "");
	free(p);
	us_str_add_text(&s, "abc");
	us_str_clear(&s);
	assert_string_equal(us_str_text(&s), "");
	us_str_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_told_from_other_bytes),
		cmocka_unit_test(whole_numbers_are_read),
		cmocka_unit_test(slices_are_compared_and_trimmed),
		cmocka_unit_test(buffer_grows_and_is_given_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
