#include "unit.h"

#include "model/difference.h"
#include "model/transfer.h"

static struct us_arena arena;

static const struct us_option options[] = {
	{ .name = "password", .type = US_OPTION_STRING, .title = "", .help = "", .secret = true },
	{ .name = NULL },
};

static const struct us_json *parse(const char *text)
{
	const struct us_json *doc = NULL;
	struct us_err err = US_ERR_INIT;

	assert_int_equal(us_json_parse(&arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	return doc;
}

static const struct {
	const char *old, *fresh, *want;
} cases[] = {
	{ "{}", "{}", "[]" },
	{ "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", "[]" },
	{ "{\"a\":null}", "{}", "[]" },
	{ "{}", "{\"a\":null}", "[]" },
	{ "{\"a\":1}", "{\"a\":null}", "[{\"field\":\"c.a\",\"old\":1,\"new\":null}]" },
	{ "{\"a\":1}", "{\"a\":\"1\"}", "[{\"field\":\"c.a\",\"old\":1,\"new\":\"1\"}]" },
	{ "{\"a\":1,\"b\":2}", "{\"b\":3}",
		"[{\"field\":\"c.b\",\"old\":2,\"new\":3},{\"field\":\"c.a\",\"old\":1,\"new\":null}]" },
	{ "{\"l\":{\"u\":{\"p\":1,\"f\":2}}}", "{\"l\":{\"u\":{\"f\":2,\"p\":9},\"x\":true}}",
		"[{\"field\":\"c.l.x\",\"old\":null,\"new\":true},{\"field\":\"c.l.u.p\",\"old\":1,\"new\":9}]" },
	{ "{\"l\":{\"a\":1}}", "{}", "[{\"field\":\"c.l.a\",\"old\":1,\"new\":null}]" },
	{ "{}", "{\"l\":{}}", "[{\"field\":\"c.l\",\"old\":null,\"new\":{}}]" },
	{ "{\"l\":{}}", "{\"l\":{}}", "[]" },
	{ "{\"l\":{\"a\":1}}", "{\"l\":7}", "[{\"field\":\"c.l\",\"old\":{\"a\":1},\"new\":7}]" },
	{ "{\"m\":[{\"a\":1}]}", "{\"m\":[{\"a\":2}]}",
		"[{\"field\":\"c.m\",\"old\":[{\"a\":1}],\"new\":[{\"a\":2}]}]" },
	{ "{\"password\":\"alpha\"}", "{\"password\":\"beta\"}",
		"[{\"field\":\"c.password\",\"old\":\"***\",\"new\":\"***\"}]" },
	{ "{\"password\":\"alpha\"}", "{}", "[{\"field\":\"c.password\",\"old\":\"***\",\"new\":null}]" },
	{ "{\"password\":\"alpha\"}", "{\"password\":\"alpha\"}", "[]" },
};

static void each_field_that_differs_is_told_once(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_difference *list = NULL;
		struct us_str text = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&text);
		us_difference_add(&arena, options, NULL, "c", parse(cases[i].old), parse(cases[i].fresh), &list);
		us_difference_write(list, &w);
		assert_string_equal(us_str_text(&text), cases[i].want);
		us_str_fini(&text);
	}
	us_arena_fini(&arena);
}

static void a_new_one_differs_in_all_that_it_has(void **state)
{
	struct us_difference *list = NULL;
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	us_difference_add(
		&arena, options, NULL, "c", NULL, parse("{\"a\":1,\"password\":\"x\",\"n\":null}"), &list);
	us_difference_write(list, &w);
	assert_string_equal(us_str_text(&text), "[{\"field\":\"c.a\",\"old\":null,\"new\":1},{\"field\":\"c."
											"password\",\"old\":null,\"new\":\"***\"}]");
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void the_digest_does_not_see_white_space(void **state)
{
	char a[65], b[65], c[65];

	us_transfer_digest(parse("[{\"a\":1.5,\"b\":\"\\u00fc\"}]"), a);
	us_transfer_digest(parse("[ {\n\t\"a\" : 1.50, \"b\" : \"\xC3\xBC\" } ]"), b);
	us_transfer_digest(parse("[{\"a\":1.5,\"b\":\"u\"}]"), c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	us_arena_fini(&arena);
}

static void a_secret_is_found_by_connector_and_setting(void **state)
{
	const struct us_json *opened =
		parse("{\"digest\":\"x\",\"secrets\":{\"u\":{\"s\":\"word\",\"n\":1},\"v\":7}}");

	assert_true(us_slice_is(us_transfer_find_secret(opened, US_SLICE("u"), US_SLICE("s")), "word"));
	assert_null(us_transfer_find_secret(opened, US_SLICE("u"), US_SLICE("n")).p);
	assert_null(us_transfer_find_secret(opened, US_SLICE("u"), US_SLICE("t")).p);
	assert_null(us_transfer_find_secret(opened, US_SLICE("v"), US_SLICE("s")).p);
	assert_null(us_transfer_find_secret(opened, US_SLICE_NONE, US_SLICE("s")).p);
	assert_null(us_transfer_find_secret(NULL, US_SLICE("u"), US_SLICE("s")).p);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_that_differs_is_told_once),
		cmocka_unit_test(a_new_one_differs_in_all_that_it_has),
		cmocka_unit_test(the_digest_does_not_see_white_space),
		cmocka_unit_test(a_secret_is_found_by_connector_and_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
