#include "unit.h"

#include "base/json.h"
#include "model/pattern.h"

static const struct us_json *parse(struct us_arena *arena, const char *text)
{
	const struct us_json *json;
	struct us_err err = US_ERR_INIT;

	if (us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &json, &err))
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void names_match_or_do_not(void **state)
{
	static const struct {
		const char *list, *name;
		bool is;
	} rows[] = {
		{ "[]", "anna", false },
		{ "null", "anna", false },
		{ "\"anna\"", "Anna", true },
		{ "[\"anna\"]", "anna2", false },
		{ "[\"STRASSE\"]", "straße", true },
		{ "[\"svc-*\"]", "SVC-mail", true },
		{ "[\"svc-*\"]", "svc-", true },
		{ "[\"svc-*\"]", "my-svc-x", false },
		{ "[\"*-a-*-b\"]", "x-a-y-a-z-b", true },
		{ "[\"*-a-*-b\"]", "x-a-b", false },
		{ "[\"?x\"]", "łx", true },
		{ "[\"?x\"]", "x", false },
		{ "[\"*\"]", "anything", true },
		{ "[\"/^team-[0-9]+$/\"]", "Team-12", true },
		{ "[\"/^team-[0-9]+$/\"]", "team-x", false },
		{ "[\"/\"]", "/", true },
		{ "[\"group:admins\"]", "admins", false },
		{ "[\"a\",\"b*\",\"/c/\"]", "xcx", true },
		{ "[\"/(a+)+$/\"]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", false },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_patterns *p = us_patterns_new(parse(&arena, rows[i].list), NULL);
		assert_row(i, us_patterns_match(p, us_slice(rows[i].name), false) == rows[i].is);
		assert_row(i, us_patterns_mark(p, us_slice(rows[i].name)) == rows[i].is);
		us_patterns_free(p);
	}
	us_arena_fini(&arena);
}

static void doubt_decides_where_an_expression_costs_too_much(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_patterns *p = us_patterns_new(parse(&arena, "[\"/^(a|aa)+$/\"]"), NULL);
	char name[301];

	memset(name, 'a', 299);
	name[299] = '!';
	name[300] = 0;
	assert_true(us_patterns_match(p, us_slice(name), true));
	assert_false(us_patterns_match(p, us_slice(name), false));
	us_patterns_free(p);
	us_arena_fini(&arena);
}

static void a_prefix_takes_its_own_entries(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *list = parse(&arena, "[\"anna\",\"group:adm*\"]");
	struct us_patterns *groups = us_patterns_new(list, US_PATTERN_GROUP),
					   *users = us_patterns_new(list, NULL), *none = us_patterns_new(NULL, NULL);

	assert_true(us_patterns_match(groups, US_SLICE("Admins"), false));
	assert_false(us_patterns_match(groups, US_SLICE("anna"), false));
	assert_true(us_patterns_match(users, US_SLICE("anna"), false));
	assert_true(us_patterns_is_empty(none));
	assert_false(us_patterns_is_empty(users));
	us_patterns_free(groups);
	us_patterns_free(users);
	us_patterns_free(none);
	us_arena_fini(&arena);
}

static void what_matched_nothing_is_told(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_patterns *p = us_patterns_new(parse(&arena, "[\"a\",\"Bee\",\"w*\",\"/re/\"]"), NULL);

	us_patterns_mark(p, US_SLICE("A"));
	assert_slice(us_patterns_unmarked(p), "Bee");
	us_patterns_mark(p, US_SLICE("bee"));
	assert_slice(us_patterns_unmarked(p), "w*");
	us_patterns_mark(p, US_SLICE("where"));
	assert_null(us_patterns_unmarked(p).p);
	us_patterns_free(p);
	us_arena_fini(&arena);
}

static void bad_entries_are_told_one_by_one(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_problem *list = NULL;

	us_patterns_check(
		&arena, "f", parse(&arena, "[\"ok\",\"\",\"/(/\",\"group:\",\"group:/[/\",\"/fine/\"]"), &list);
	const char *fields[] = { "f[1]", "f[2]", "f[3]", "f[4]" };
	for (size_t i = 0; i < countof(fields); i++, list = list->next) {
		assert_non_null(list);
		assert_string_equal(list->field, fields[i]);
	}
	assert_null(list);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match_or_do_not),
		cmocka_unit_test(doubt_decides_where_an_expression_costs_too_much),
		cmocka_unit_test(a_prefix_takes_its_own_entries),
		cmocka_unit_test(what_matched_nothing_is_told),
		cmocka_unit_test(bad_entries_are_told_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
