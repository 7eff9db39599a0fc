#include "unit.h"

#include "base/json.h"

static const char *written(struct us_str *out, const struct us_json *doc)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_str_clear(out);
	us_jsonw_value(&w, doc);
	return us_str_text(out);
}

static void reads_and_writes_back(void **state)
{
	static const struct {
		const char *text, *back; /* NULL: the same */
	} rows[] = {
		{ "null", NULL },
		{ "true", NULL },
		{ " false\n", "false" },
		{ "0", NULL },
		{ "-1", NULL },
		{ "9223372036854775807", NULL },
		{ "-9223372036854775808", NULL },
		{ "18446744073709551615", "1.8446744073709552e+19" },
		{ "18446744073709551616", "1.8446744073709552e+19" },
		/* A number that fits keeps every digit beside one that does not. */
		{ "[123456789012345678901234567890,1234567890123456789]", "[1.2345678901234568e+29,1234567890123456789]" },
		{ "[-9223372036854775809,\"123456789012345678901234567890\"]",
			"[-9.223372036854776e+18,\"123456789012345678901234567890\"]" },
		{ "[1.5,1e-3,0.1]", "[1.5,0.001,0.1]" },
		{ "\"\"", NULL },
		{ "\"a\\\"b\\\\c\\/d\\n\\t\\u0001\"", "\"a\\\"b\\\\c/d\\n\\t\\u0001\"" },
		{ "\"\\u00e9\\ud83d\\ude00\"", "\"é😀\"" },
		{ "\"ضحى\"", NULL },
		{ "\"a\\u0000b\"", NULL },
		{ "[]", NULL },
		{ "{}", NULL },
		{ "[[],[[]],{}]", NULL },
		{ "{ \"b\" : 1 , \"a\" : [ 1 , { \"x\" : null } ] }", "{\"b\":1,\"a\":[1,{\"x\":null}]}" },
		{ "\xEF\xBB\xBF{\"bom\":1}", "{\"bom\":1}" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_json *doc;
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = us_json_parse(&arena, us_slice(rows[i].text), US_JSON_LIMITS_SMALL, &doc, &err);
		if (rc)
			fail_msg("row %zu: %s", i, err.text);
		assert_string_equal(written(&out, doc), rows[i].back ? rows[i].back : rows[i].text);
	}
	us_str_fini(&out);
	us_arena_fini(&arena);
}

static void says_what_is_wrong_and_where(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "", "at byte 0: the text is empty" },
		{ "  ", "at byte 0: the text is empty" },
		{ "{\"a\":1,}", "at byte 7: a member name in quotes was expected" },
		{ "[1,]", "at byte 3: a value was expected" },
		{ "[1 2]", "at byte 3: ',' or ']' was expected" },
		{ "{\"a\" 1}", "at byte 5: ':' was expected" },
		{ "{\"a\":1", "at byte 6: the text ends too early" },
		{ "{'a':1}", "at byte 1: a member name in quotes was expected" },
		{ "[01]", "at byte 2: number with a leading zero" },
		{ "[1.]", "at byte 3: no digit after the decimal point" },
		{ "[1e]", "at byte 3: no digit in the exponent" },
		{ "[NaN]", "at byte 1: a value was expected" },
		{ "[tru]", "at byte 1: a value was expected" },
		{ "\"a\nb\"", "at byte 2: control character in a string" },
		{ "\"\\x\"", "at byte 2: unknown escape in a string" },
		{ "\"\\u12g4\"", "at byte 5: \\u without four hexadecimal digits" },
		{ "\"\\ud800x\"", "at byte 3: half a surrogate pair" },
		{ "\"\\udc00\"", "at byte 3: half a surrogate pair" },
		{ "\"ab\xFF\"", "at byte 3: not UTF-8" },
		{ "\"\xC0\x80\"", "at byte 1: not UTF-8" },
		{ "\"\xED\xA0\x80\"", "at byte 1: not UTF-8" },
		{ "{} {}", "at byte 3: text behind the end of the document" },
		{ "\xEF\xBB\xBF[", "at byte 4: the text ends too early" },
		{ "[1e999]", "out of range" },
		{ "{\"a\":1,\"a\":2}", "has the member \"a\" twice" },
		{ "[{\"x\":{\"b\":1,\"\\u0062\":2}}]", "has the member \"b\" twice" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_json *doc = NULL;
		struct us_err err = US_ERR_INIT;
		assert_row(i, us_json_parse(&arena, us_slice(rows[i].text), US_JSON_LIMITS_SMALL, &doc, &err) == US_INVALID);
		assert_null(doc);
		if (!strstr(err.text, rows[i].message))
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, err.text, rows[i].message);
	}
	us_arena_fini(&arena);
}

static void repeat(struct us_str *s, const char *text, size_t n)
{
	while (n--)
		us_str_add_text(s, text);
}

static void limits_hold_at_their_edges(void **state)
{
	static const struct us_json_limits limits = { .bytes = 4000, .depth = 5, .nodes = 100 };
	static const struct {
		const char *open, *item, *close;
		size_t opens, items;
		enum us_errc want;
	} rows[] = {
		{ "[", "1", "]", 5, 1, US_OK },
		{ "[", "1", "]", 6, 1, US_TOO_LARGE },
		{ "{\"a\":", "1", "}", 5, 1, US_OK },
		{ "{\"a\":", "1", "}", 6, 1, US_TOO_LARGE },
		{ "[", "1", "]", 1500, 1, US_TOO_LARGE },
		{ "[", "", "", 2000, 1, US_TOO_LARGE },
		{ "[", "1,", "1]", 1, 98, US_OK },
		{ "[", "1,", "1]", 1, 99, US_TOO_LARGE },
		{ "", " ", "1", 0, 3999, US_OK },
		{ "", " ", "1", 0, 4000, US_TOO_LARGE },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str text = US_STR_INIT;
		const struct us_json *doc;
		struct us_err err = US_ERR_INIT;
		repeat(&text, rows[i].open, rows[i].opens);
		repeat(&text, rows[i].item, rows[i].items);
		repeat(&text, rows[i].close, rows[i].opens ? rows[i].opens : 1);
		enum us_errc rc = us_json_parse(&arena, us_str_slice(&text), limits, &doc, &err);
		assert_row(i, rc == rows[i].want);
		us_str_fini(&text);
	}
	us_arena_fini(&arena);
}

static void duplicate_is_found_in_a_large_object(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	for (int twice = 0; twice < 2; twice++) {
		struct us_str text = US_STR_INIT;
		us_str_add_char(&text, '{');
		for (int i = 0; i < 50000; i++)
			us_str_printf(&text, "\"k%d\":%d,", i, i);
		us_str_printf(&text, "\"%s\":0}", twice ? "k777" : "last");
		enum us_errc rc = us_json_parse(&arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &doc, &err);
		assert_int_equal(rc, twice ? US_INVALID : US_OK);
		us_str_fini(&text);
	}
	assert_non_null(strstr(err.text, "k777"));
	us_arena_fini(&arena);
}

static void text_may_be_freed_after_parsing(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *a, *b;
	char *text = us_strdup("{\"name\":\"first\"}");

	assert_int_equal(us_json_parse(&arena, us_slice(text), US_JSON_LIMITS_SMALL, &a, &err), US_OK);
	free(text);
	assert_int_equal(us_json_parse(&arena, US_SLICE("[\"second\"]"), US_JSON_LIMITS_SMALL, &b, &err), US_OK);
	assert_slice(us_json_string(a, "name"), "first");
	assert_int_equal(us_json_string(a, "name").p[5], '\0');
	us_arena_fini(&arena);
}

static void members_are_found_by_name_and_path(void **state)
{
	static const struct {
		const char *path, *want; /* NULL: not there */
	} rows[] = {
		{ "plain", "1" },
		{ "a.b", "\"dotted\"" },
		{ "a.c", "2" },
		{ "n.m.o", "3" },
		{ "n.p.q", "4" },
		{ "n", "{\"m\":{\"o\":3},\"p.q\":4}" },
		{ "n.x", NULL },
		{ "plain.x", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ "n.", NULL },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str out = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	assert_int_equal(us_json_parse(&arena, US_SLICE("{\"plain\":1,\"a\":{\"b\":0,\"c\":2},\"a.b\":\"dotted\",\"n\":{\"m\":{\"o\":3},\"p.q\":4}}"),
		US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_json *v = us_json_find_path(doc, us_slice(rows[i].path));
		assert_row(i, !v == !rows[i].want);
		if (v)
			assert_string_equal(written(&out, v), rows[i].want);
	}
	assert_null(us_json_find(NULL, "x"));
	assert_null(us_json_find(us_json_find(doc, "plain"), "x"));
	assert_int_equal(us_json_int(doc, "plain", 9), 1);
	assert_int_equal(us_json_int(doc, "a.b", 9), 9);
	assert_true(us_json_bool(doc, "plain", true));
	assert_null(us_json_string(doc, "plain").p);
	us_str_fini(&out);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_back),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(limits_hold_at_their_edges),
		cmocka_unit_test(duplicate_is_found_in_a_large_object),
		cmocka_unit_test(text_may_be_freed_after_parsing),
		cmocka_unit_test(members_are_found_by_name_and_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
