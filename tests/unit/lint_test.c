#include "unit.h"

#include "base/json.h"
#include "model/flatten.h"
#include "model/lint.h"

static void add(struct us_arena *arena, struct us_lint *lint, const char *id, const char *json)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;
	struct us_field *fields;
	struct us_record r = { .kind = US_RECORD_USER, .id = us_slice(id), .raw = us_slice(json) };

	assert_int_equal(us_json_parse(arena, us_slice(json), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	assert_true(us_flatten(arena, doc, NULL, 0, &fields, &r.n_fields));
	r.fields = fields;
	us_lint_add(lint, &r);
}

/* The warnings as one text, a line each. */
static void warnings(const char *rows, const char *const *records, size_t n, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *conf;
	struct us_mapping *mapping;
	struct us_str text = US_STR_INIT;

	us_str_printf(&text, "{\"mapping\":[%s]}", rows);
	assert_int_equal(us_json_parse(&arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &conf, &err), US_OK);
	assert_int_equal(us_mapping_new(&arena, NULL, conf, US_SLICE("hr"), &mapping, &err), US_OK);
	struct us_lint *lint = us_lint_new(&arena, mapping);
	for (size_t i = 0; i < n; i++)
		add(&arena, lint, us_arena_printf(&arena, "u%zu", i), records[i]);
	assert_int_equal(us_lint_records(lint), n);
	for (const struct us_problem *p = us_lint_warnings(lint); p; p = p->next)
		us_str_printf(out, "%s %s\n", p->field, p->reason);
	us_lint_fini(lint);
	us_mapping_free(mapping);
	us_arena_fini(&arena);
	us_str_fini(&text);
}

static void what_looks_wrong_is_named(void **state)
{
	static const char *const records[] = {
		"{\"uid\":\"anna\",\"mail\":\"anna@one.example\",\"sn\":\"Berg\"}",
		"{\"uid\":\"ANNA\",\"mail\":\"anna@two.example\",\"sn\":\"Hill\"}",
		"{\"uid\":\"carl\",\"mail\":\"carl@two.example\"}",
	};
	static const struct {
		const char *rows, *warnings;
		size_t n;
	} rows[] = {
		{ "{\"attribute\":\"username\",\"from\":\"mail\"}", "", 3 },
		{ "{\"attribute\":\"username\",\"from\":[\"mail\",\"nothing\"]}", "mapping.username no record of 3 has nothing\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":[\"nothing\"]}", "", 0 },
		{ "{\"attribute\":\"username\",\"from\":\"mail\"},{\"attribute\":\"fullName\",\"template\":\"{sn}, {gn|}\"}",
			"mapping.fullName no record of 3 has gn\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"mail\"},{\"attribute\":\"email\",\"from\":\"mail\",\"transform\":[{\"regex\":[{\"find\":\"two\"},{\"find\":\"three\"}]}]}",
			"mapping.email the regular expression three of step 1 matched no value of 3 records\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"mail\",\"transform\":\"stripDomain\"}",
			"mapping.username makes two users equal: \"anna\" for ids \"u0\" and \"u1\"\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"uid\"}", "mapping.username makes two users equal: \"ANNA\" for ids \"u0\" and \"u1\"\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"sn\"}", "mapping fails 1 of 3 users; the first, id \"u2\": the user has no username; looked at sn\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"mail\",\"transform\":[{\"regex\":{\"find\":\"two\"}}],\"noMatch\":\"filter\"}",
			"mapping filters 1 of 3 users; the first, id \"u0\": is filtered by the row username of the mapping\n", 3 },
		{ "{\"attribute\":\"username\",\"from\":\"mail\"},{\"attribute\":\"a\",\"script\":\"return user.sn:lower()\"}",
			"mapping fails 1 of 3 users; the first, id \"u2\": a: line 1: attempt to index a nil value (field 'sn')\n", 3 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str got = US_STR_INIT;
		warnings(rows[i].rows, records, rows[i].n, &got);
		if (strcmp(us_str_text(&got), rows[i].warnings) != 0)
			fail_msg("row %zu: %s: got \"%s\", want \"%s\"", i, rows[i].rows, us_str_text(&got), rows[i].warnings);
		us_str_fini(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_looks_wrong_is_named) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
