#include "unit.h"

#include "model/flatten.h"

/* name=value|value;name=… */
static void show(const char *json, const char *const *leave_out, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	struct us_field *fields;
	size_t n;

	assert_int_equal(us_json_parse(&arena, us_slice(json), US_JSON_LIMITS_PAGE, &doc, NULL), US_OK);
	assert_true(us_flatten(&arena, doc, leave_out, 1, &fields, &n));
	for (size_t i = 0; i < n; i++) {
		us_str_printf(out, US_SLICE_FMT "=", US_SLICE_ARG(fields[i].name));
		for (size_t k = 0; k < fields[i].n; k++)
			us_str_printf(out, "%s" US_SLICE_FMT, k ? "|" : "", US_SLICE_ARG(fields[i].values[k]));
		us_str_add_char(out, ';');
	}
	us_arena_fini(&arena);
}

static void members_become_paths_and_arrays_values(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "{}", "" },
		{ "[1,2]", "" },
		{ "{\"a\":\"x\",\"b\":true,\"c\":false,\"d\":-7,\"e\":1.5,\"f\":null}", "a=x;b=true;c=false;d=-7;e=1.5;" },
		{ "{\"a\":\"\"}", "a=;" },
		{ "{\"a\":[\"x\",null,\"y\"],\"b\":[]}", "a=x|y;" },
		{ "{\"profile\":{\"login\":\"m\",\"deep\":{\"er\":1}}}", "profile.login=m;profile.deep.er=1;" },
		{ "{\"emails\":[{\"value\":\"a\",\"type\":\"w\"},{\"value\":\"b\"}]}", "emails.value=a|b;emails.type=w;" },
		{ "{\"a\":[[1,2],[3]]}", "a=1|2|3;" },
		{ "{\"a\":{\"b\":1},\"a.b\":2}", "a.b=1|2;" },
		{ "{\"gone\":{\"x\":1},\"kept\":{\"gone\":2}}", "kept.gone=2;" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}", "a=[[1]];" },
	};
	static const char *const leave_out[] = { "gone", NULL };

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str got = US_STR_INIT;
		show(rows[i].json, leave_out, &got);
		assert_string_equal(us_str_text(&got), rows[i].want);
		us_str_fini(&got);
	}
}

static void more_fields_than_the_bound_are_reported(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	const struct us_json *doc;
	struct us_field *fields;
	size_t n;

	for (int i = 0; i <= US_FLATTEN_MAX_FIELDS; i++)
		us_str_printf(&text, "%s\"k%d\":1", i ? "," : "{", i);
	us_str_add_char(&text, '}');
	assert_int_equal(us_json_parse(&arena, us_str_slice(&text), US_JSON_LIMITS_PAGE, &doc, NULL), US_OK);
	assert_false(us_flatten(&arena, doc, NULL, 0, &fields, &n));
	assert_int_equal(n, US_FLATTEN_MAX_FIELDS);
	assert_slice(fields[n - 1].name, "k4095");
	us_str_fini(&text);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_become_paths_and_arrays_values),
		cmocka_unit_test(more_fields_than_the_bound_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
