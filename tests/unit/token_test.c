#include "unit.h"

#include "net/http_fail.h"
#include "net/token.h"

static void claims_are_read_from_a_jwt_and_from_nothing_else(void **state)
{
	static const struct {
		const char *token, *claims; /* NULL: opaque */
	} rows[] = {
		{ "e30.eyJzdWIiOiJ4In0.sig", "{\"sub\":\"x\"}" },
		{ "e30.eyJzdWIiOiJ4In0.", "{\"sub\":\"x\"}" },
		{ "e30.fn5-fw.s", "~~~\x7F" },
		{ "opaque", NULL },
		{ "a.b", NULL },
		{ "a..c", NULL },
		{ "a.b.c", NULL },
		{ "a.b=bb.c", NULL },
		{ "a.b+bb.c", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_slice got = us_token_decode_claims(us_slice(rows[i].token), &arena);
		assert_row(i, !!got.p == !!rows[i].claims);
		if (got.p)
			assert_slice(got, rows[i].claims);
		us_arena_fini(&arena);
	}
}

static void reasons_are_taken_from_json_and_from_titles(void **state)
{
	static const struct {
		const char *type, *body, *want;
	} rows[] = {
		{ "application/json", "{\"error\":\"invalid_client\",\"error_description\":\"no\"}", "invalid_client: no" },
		{ "application/problem+json;charset=utf-8", "{\"detail\":\"d\"}", "d" },
		{ "application/json", "{\"error\":", "" },
		{ "application/json", "[]", "" },
		{ "text/html", "<html><TITLE> 502 Bad Gateway\n</title>", "502 Bad Gateway" },
		{ "text/html", "<html><title>never closed", "" },
		{ "text/html", "", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str s = US_STR_INIT;
		us_http_add_reason(&s, us_slice(rows[i].type), us_slice(rows[i].body));
		assert_string_equal(us_str_text(&s), rows[i].want);
		us_str_fini(&s);
	}
}

static void long_reasons_are_cut_between_characters(void **state)
{
	struct us_str page = US_STR_INIT, s = US_STR_INIT;

	us_str_add_text(&page, "<title>x");
	for (int i = 0; i < 500; i++)
		us_str_add_text(&page, "\xE2\x82\xAC");
	us_str_add_text(&page, "</title>");
	us_http_add_reason(&s, us_slice("text/html"), us_str_slice(&page));
	assert_true(s.n > 190 && s.n <= 200 && us_slice_is_utf8(us_str_slice(&s)));
	us_str_fini(&page);
	us_str_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_are_read_from_a_jwt_and_from_nothing_else),
		cmocka_unit_test(reasons_are_taken_from_json_and_from_titles),
		cmocka_unit_test(long_reasons_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
