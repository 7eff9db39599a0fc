#include "unit.h"

#include "base/regex.h"

static void matches_and_replaces(void **state)
{
	static const struct {
		const char *pattern, *text, *replacement, *result;
		unsigned flags;
		int n;
	} rows[] = {
		{ "^(\\w+)\\.(\\w+)$", "ada.lovelace", "$2, $1", "lovelace, ada", 0, 1 },
		{ "a", "banana", "o", "bonono", 0, 3 },
		{ "x", "banana", "o", "banana", 0, 0 },
		{ "ANA", "banana", "", "bna", US_REGEX_NOCASE, 1 },
		{ "(?<first>\\p{L}+)", "Łukasz", "<${first}>", "<Łukasz>", 0, 1 },
		{ "(a)|(b)", "ab", "[$1$2]", "[a][b]", 0, 2 },
		{ "b", "abc", "$$", "a$c", 0, 1 },
		{ "", "ab", "-", "-a-b-", 0, 3 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_str out = US_STR_INIT;
		struct us_regex *r;
		bool is;
		int n = -1;
		assert_row(i, us_regex_new(us_slice(rows[i].pattern), rows[i].flags, &r, &err) == US_OK);
		us_str_add_text(&out, ">");
		assert_row(i, us_regex_match(r, us_slice(rows[i].text), &is, &err) == US_OK && is == (rows[i].n > 0));
		assert_row(i, us_regex_replace(
						  r, us_slice(rows[i].text), us_slice(rows[i].replacement), &out, &n, &err) == US_OK);
		assert_row(i, n == rows[i].n && out.p[0] == '>' && strcmp(out.p + 1, rows[i].result) == 0);
		us_str_fini(&out);
		us_regex_free(r);
	}
}

static void what_is_no_pattern_says_where(void **state)
{
	static const struct {
		const char *pattern, *at;
	} rows[] = {
		{ "(", "at byte 1" },
		{ "*a", "at byte 0" },
		{ "[z-a]", "at byte 3" },
		{ "\\C", "at byte 2" },
		{ "\xff", "UTF-8" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_regex *r = NULL;
		assert_row(i, us_regex_new(us_slice(rows[i].pattern), 0, &r, &err) == US_CONFIG && !r);
		assert_row(i, strstr(err.text, rows[i].at));
	}
}

static void a_costly_pattern_is_an_error_not_a_wait(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_str out = US_STR_INIT, text = US_STR_INIT;
	struct us_regex *r;
	bool is;
	int n;

	for (int i = 0; i < 5000; i++)
		us_str_add_char(&text, 'a');
	us_str_add_char(&text, '!');
	assert_int_equal(us_regex_new(US_SLICE("^(a+)+$"), 0, &r, &err), US_OK);
	assert_int_equal(us_regex_match(r, us_str_slice(&text), &is, &err), US_INVALID);
	assert_non_null(strstr(err.text, "costs too much"));
	assert_int_equal(us_regex_replace(r, us_str_slice(&text), US_SLICE("x"), &out, &n, &err), US_INVALID);
	assert_int_equal(out.n, 0);
	us_regex_free(r);
	us_str_fini(&text);
	us_str_fini(&out);
}

static void a_result_is_bounded(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_str out = US_STR_INIT, text = US_STR_INIT, fill = US_STR_INIT;
	struct us_regex *r;
	int n;

	for (int i = 0; i < 2000; i++) {
		us_str_add_char(&text, 'a');
		us_str_add_char(&fill, 'b');
	}
	assert_int_equal(us_regex_new(US_SLICE("a"), 0, &r, &err), US_OK);
	assert_int_equal(
		us_regex_replace(r, us_str_slice(&text), us_str_slice(&fill), &out, &n, &err), US_INVALID);
	assert_non_null(strstr(err.text, "longer than"));
	fill.n = 300;
	assert_int_equal(us_regex_replace(r, us_str_slice(&text), us_str_slice(&fill), &out, &n, &err), US_OK);
	assert_int_equal(out.n, 600000);
	assert_int_equal(us_regex_replace(r, US_SLICE("\xff"), US_SLICE("x"), &out, &n, &err), US_INVALID);
	assert_int_equal(us_regex_replace(r, US_SLICE("a"), US_SLICE("$7"), &out, &n, &err), US_INVALID);
	us_regex_free(r);
	us_str_fini(&text);
	us_str_fini(&fill);
	us_str_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_and_replaces),
		cmocka_unit_test(what_is_no_pattern_says_where),
		cmocka_unit_test(a_costly_pattern_is_an_error_not_a_wait),
		cmocka_unit_test(a_result_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
