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
		{ "b*", "abbc", "-", "-a--c-", 0, 4 },
		{ "b", "", "-", "", 0, 0 },
		{ "(.)(.)", "abcde", "$2$1$0", "baabdccde", 0, 2 },
		{ "(a)(x)?", "aé", "[$2$01$$$$]", "[a$$]é", 0, 1 },
		{ "()()()()()()()()()()(a)", "bab", "$11$10$1", "bab", 0, 1 },
		{ "(?<n>a)", "ab", "$n${1}", "aab", 0, 1 },
		{ "a\\Kb", "abab", "-", "a-a-", 0, 2 },
		{ "(?<=a)b", "abb", "-", "a-b", 0, 1 },
		{ "\\Ga", "aab", "-", "--b", 0, 2 },
		{ "(?m)$", "a\nb", ";", "a;\nb;", 0, 2 },
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
	us_str_clear(&out);
	fill.n = 1024;
	text.n = 1024;
	assert_int_equal(us_regex_replace(r, us_str_slice(&text), us_str_slice(&fill), &out, &n, &err), US_OK);
	assert_int_equal(out.n, US_REGEX_RESULT_MAX_BYTES);
	us_str_clear(&out);
	text.p[0] = 'b';
	text.n = 1025;
	assert_int_equal(us_regex_replace(r, us_str_slice(&text), us_str_slice(&fill), &out, &n, &err), US_INVALID);
	assert_true(out.n == 0 && strstr(err.text, "longer than"));
	while (text.n <= US_REGEX_RESULT_MAX_BYTES)
		us_str_add_char(&text, 'b');
	assert_int_equal(us_regex_replace(r, us_str_slice(&text), US_SLICE("x"), &out, &n, &err), US_INVALID);
	assert_int_equal(us_regex_replace(r, US_SLICE("\xff"), US_SLICE("x"), &out, &n, &err), US_INVALID);
	static const char *const malformed[] = { "$7", "$07", "$1", "$12", "$", "$-", "x$", "${0", "\xff", "$18446744073709551616" };
	for (size_t i = 0; i < countof(malformed); i++)
		assert_row(i, us_regex_replace(r, US_SLICE("ba"), us_slice(malformed[i]), &out, &n, &err) == US_INVALID && out.n == 0);
	us_regex_free(r);
	us_str_fini(&text);
	us_str_fini(&fill);
	us_str_fini(&out);
}

static void a_search_gives_the_places_of_groups(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_regex *r;
	struct us_span spans[8];
	size_t n;

	assert_int_equal(us_regex_new(US_SLICE("(x)?(b)(y)?"), 0, &r, &err), US_OK);
	assert_int_equal(us_regex_search(r, US_SLICE("abab"), 2, spans, 8, &n, &err), US_OK);
	assert_int_equal(n, 4);
	assert_true(spans[0].from == 3 && spans[0].to == 4 && spans[2].from == 3);
	assert_true(spans[1].from == SIZE_MAX && spans[3].from == SIZE_MAX);
	assert_int_equal(us_regex_search(r, US_SLICE("abab"), 0, spans, 2, &n, &err), US_OK);
	assert_int_equal(n, 2);
	assert_int_equal(us_regex_search(r, US_SLICE("aaa"), 0, spans, 8, &n, &err), US_OK);
	assert_int_equal(n, 0);
	us_regex_free(r);
}

static void a_replacement_is_checked_against_its_pattern(void **state)
{
	static const struct {
		const char *pattern, *replacement;
		bool is_good;
	} rows[] = {
		{ "(a)", "$1", true }, { "(a)", "$2", false }, { "(?<n>a)", "${n}", true }, { "(?<n>a)", "${m}", false }, { "a", "$", false },
		{ "a", "$$", true }, { "(?x) a # comment", "b", true }, { "(a)?(b)", "$1-$2", true }, { "a|(b)", "$1", true }, { "a", "", true },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = us_regex_check_replacement(us_slice(rows[i].pattern), 0, us_slice(rows[i].replacement), &err);
		assert_row(i, rc == (rows[i].is_good ? US_OK : US_CONFIG));
	}
}

/* Each start costs nearly the limit, and each byte is a start. */
static void a_long_text_costs_no_more_than_a_short_one(void **state)
{
	struct us_err err = US_ERR_INIT;
	struct us_str text = US_STR_INIT;
	struct us_regex *r;
	bool is;

	for (int i = 0; i < 60000; i++)
		us_str_add_char(&text, i % 400 ? 'x' : '-');
	assert_int_equal(us_regex_new(US_SLICE("x*x*x*[yz]"), 0, &r, &err), US_OK);
	assert_int_equal(us_regex_match(r, us_str_slice(&text), &is, &err), US_INVALID);
	text.n = 3000;
	assert_int_equal(us_regex_match(r, us_str_slice(&text), &is, &err), US_OK);
	us_regex_free(r);
	us_str_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_and_replaces),
		cmocka_unit_test(what_is_no_pattern_says_where),
		cmocka_unit_test(a_costly_pattern_is_an_error_not_a_wait),
		cmocka_unit_test(a_result_is_bounded),
		cmocka_unit_test(a_search_gives_the_places_of_groups),
		cmocka_unit_test(a_replacement_is_checked_against_its_pattern),
		cmocka_unit_test(a_long_text_costs_no_more_than_a_short_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
