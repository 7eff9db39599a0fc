#include "unit.h"

#include <math.h>

#include "base/json.h"

static void strings_are_escaped(void **state)
{
	static const struct {
		struct us_slice value;
		const char *want;
	} rows[] = {
		{ { NULL, 0 }, "null" },
		{ { "", 0 }, "\"\"" },
		{ { "plain text of more than eight bytes", 35 }, "\"plain text of more than eight bytes\"" },
		{ { "quote\"back\\slash", 16 }, "\"quote\\\"back\\\\slash\"" },
		{ { "\b\f\n\r\t\x01\x1f\x7f", 8 }, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"" },
		{ { "a\0b", 3 }, "\"a\\u0000b\"" },
		{ { "Zoë שלום 😀", 18 }, "\"Zoë שלום 😀\"" },
		{ { "bad \xff\xfe end", 10 }, "\"bad \xEF\xBF\xBD\xEF\xBF\xBD end\"" },
		{ { "cut \xE2\x82", 6 }, "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\"" },
		{ { "\xED\xA0\x80", 3 }, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str out = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&out);
		us_jsonw_string(&w, rows[i].value);
		assert_string_equal(us_str_text(&out), rows[i].want);
		us_str_fini(&out);
	}
}

static void each_byte_of_each_position_is_escaped_alike(void **state)
{
	/* Steps of eight bytes and of four, which overlap at the end, must see what the single steps see. */
	for (unsigned c = 0; c < 0x80; c++)
		for (size_t n = 1, at = 0; n <= 20; at = (at + 1) % n, n += at == 0) {
			char text[20];
			struct us_str one = US_STR_INIT, all = US_STR_INIT, want = US_STR_INIT;
			struct us_jsonw w1 = US_JSONW_INIT(&one), w2 = US_JSONW_INIT(&all);
			memset(text, 'x', sizeof text);
			us_str_add_char(&want, '"');
			us_str_add(&want, text, at);
			text[at] = (char) c;
			us_jsonw_string(&w1, (struct us_slice) { text + at, 1 });
			us_jsonw_string(&w2, (struct us_slice) { text, n });
			us_str_add(&want, one.p + 1, one.n - 2);
			us_str_add(&want, text + at + 1, n - at - 1);
			us_str_add_char(&want, '"');
			assert_string_equal(us_str_text(&all), us_str_text(&want));
			us_str_fini(&want);
			us_str_fini(&one);
			us_str_fini(&all);
		}
}

static void doubles_take_the_shortest_form(void **state)
{
	static const struct {
		double value;
		const char *want;
	} rows[] = {
		{ 0.1, "0.1" }, { 1.5, "1.5" }, { 1e300, "1e+300" }, { 1.0 / 3, "0.3333333333333333" }, { -0.5, "-0.5" },
		{ 0.1 + 0.2, "0.30000000000000004" }, { -0.0, "-0.0" }, { INFINITY, "null" }, { NAN, "null" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str out = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&out);
		us_jsonw_double(&w, rows[i].value);
		assert_string_equal(us_str_text(&out), rows[i].want);
		us_str_fini(&out);
	}
}

static void commas_stand_between_and_nowhere_else(void **state)
{
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "status", "DONE");
	us_jsonw_put_int(&w, "id", 94);
	us_jsonw_put_bool(&w, "yes", true);
	us_jsonw_put_text(&w, "none", NULL);
	us_jsonw_key(&w, "messages");
	us_jsonw_open(&w, '[');
	us_jsonw_open(&w, '[');
	us_jsonw_close(&w, ']');
	us_jsonw_open(&w, '{');
	us_jsonw_close(&w, '}');
	us_jsonw_null(&w);
	us_jsonw_raw(&w, US_SLICE("{\"raw\":1}"));
	us_jsonw_close(&w, ']');
	us_jsonw_put_string(&w, "k\"ey", US_SLICE("v"));
	us_jsonw_close(&w, '}');
	assert_string_equal(us_str_text(&out),
		"{\"status\":\"DONE\",\"id\":94,\"yes\":true,\"none\":null,\"messages\":[[],{},null,{\"raw\":1}],\"k\\\"ey\":\"v\"}");
	us_str_fini(&out);
}

static void deep_trees_are_written_without_recursion(void **state)
{
	enum { DEPTH = 100000 };
	struct us_json *chain = us_calloc(DEPTH, sizeof *chain);
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);

	for (size_t i = 0; i < DEPTH; i++) {
		chain[i].type = US_JSON_ARRAY;
		chain[i].array.items = &chain[i + 1 < DEPTH ? i + 1 : i];
		chain[i].array.n = i + 1 < DEPTH;
	}
	us_jsonw_value(&w, chain);
	assert_int_equal(out.n, 2 * DEPTH);
	assert_int_equal(out.p[DEPTH - 1], '[');
	assert_int_equal(out.p[DEPTH], ']');
	us_str_fini(&out);
	free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(each_byte_of_each_position_is_escaped_alike),
		cmocka_unit_test(doubles_take_the_shortest_form),
		cmocka_unit_test(commas_stand_between_and_nowhere_else),
		cmocka_unit_test(deep_trees_are_written_without_recursion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
