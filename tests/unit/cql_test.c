#include "unit.h"

#include "model/cql.h"

static const struct us_slice phones[] = { US_SLICE("1"), US_SLICE("2") };
static const struct us_field attributes[] = { { US_SLICE("phone"), phones, 2 } };

/* 2026-03-09T10:30:00Z, and a day later. */
static const struct us_restriction_subject anna = {
	.name = US_SLICE("Anna.Berg"), .email = US_SLICE("anna@example.com"), .first_name = US_SLICE("Anna"), .last_name = US_SLICE("O'Berg"),
	.display_name = US_SLICE("Anna (Ann) O'Berg *"), .active = true, .created_s = 1773052200, .updated_s = 1773138600,
	.attributes = attributes, .n_attributes = 1,
};
static const struct us_restriction_subject staff = { .name = US_SLICE("Staff"), .active = false };

static void searches_find_what_they_say(void **state)
{
	static const struct { const char *cql; bool is; } rows[] = {
		{ "name = anna.berg", true },
		{ "name=ANNA.BERG", true },
		{ "  name\t=\n\"Anna.Berg\" ", true },
		{ "NAME = 'anna.berg'", true },
		{ "name = anna", false },
		{ "name = anna*", true },
		{ "name = \"anna*\"", true },
		{ "name = *erg", true },
		{ "name = *.be*", true },
		{ "name = *", true },
		{ "name = **", true },
		{ "name = *x*", false },
		{ "displayName = *\\*", true },
		{ "displayName = \\**", false },
		{ "name = anna\\.berg", true },
		{ "lastName = o'berg", true },
		{ "lastName = o\\'berg", true },
		{ "lastName = 'o\\'berg'", true },
		{ "lastName = \"o'berg\"", true },
		{ "displayName = \"Anna (Ann) O'Berg \\*\"", true },
		{ "displayName = Anna\\ \\(Ann\\)\\ O\\'Berg\\ \\*", true },
		{ "email = anna@example.com", true },
		{ "name > anna", true },
		{ "name < anna", false },
		{ "name > b", false },
		{ "active = true", true },
		{ "active = TRUE", true },
		{ "active = false", false },
		{ "active = 'true'", true },
		{ "createdDate > 2026", true },
		{ "createdDate > 2026-03", true },
		{ "createdDate > 2026-04", false },
		{ "createdDate < 2026-03-10", true },
		{ "createdDate = 2026-03-09T10:30:00", true },
		{ "createdDate = 2026-03-09T10:30:00Z", true },
		{ "createdDate = 2026-03-09T11:30:00.000+0100", true },
		{ "createdDate = 2026-03-09T11:30:00+01:00", true },
		{ "createdDate > 2026-03-09T10:30:00Z", false },
		{ "updatedDate > \"2026-03-10\"", true },
		{ "firstName = anna and active = false", false },
		{ "firstName = anna AND active = true", true },
		{ "firstName = bob or active = true", true },
		{ "firstName = bob or email = x and active = true", false },
		{ "(firstName = bob or email = anna*) and active = true", true },
		{ "firstName=anna or(email=x)and(active=false)", true },
		{ "name = and or name = or or name = anna.berg", true },
		{ "firstName = \xC3\xA4", false },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		if (us_cql_parse(&arena, US_RESTRICTION_USER, us_slice(rows[i].cql), &tree, &err))
			fail_msg("%s: %s", rows[i].cql, err.text);
		if (us_restriction_is_met(tree, &anna, &arena) != rows[i].is)
			fail_msg("%s: %s", rows[i].cql, rows[i].is ? "not found" : "found");
	}
	us_arena_fini(&arena);
}

static void groups_have_their_own_keys(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree;

	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_GROUP, US_SLICE("name = \"staff*\" and active = false"), &tree, &err), US_OK);
	assert_true(us_restriction_is_met(tree, &staff, &arena));
	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_GROUP, US_SLICE("description = *"), &tree, &err), US_OK);
	assert_false(us_restriction_is_met(tree, &staff, &arena));
	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_GROUP, US_SLICE("name = a or email = b"), &tree, &err), US_INVALID);
	assert_string_equal(err.text, "at byte 12: no such key; groups have name, description, active, createdDate, updatedDate");
	us_arena_fini(&arena);
}

static void errors_name_the_place(void **state)
{
	static const char star[] = "a * stands for anything only in text and behind =; as itself it is written \\*";
	static const struct { const char *cql; size_t at; const char *why; } rows[] = {
		{ "", 0, "a condition must stand here" },
		{ "   ", 3, "a condition must stand here" },
		{ "name", 4, "=, < or > must stand here" },
		{ "name !", 5, "=, < or > must stand here" },
		{ "name =", 6, "a value must stand here" },
		{ "name = ", 7, "a value must stand here" },
		{ "name = )", 7, "a value must stand here" },
		{ "name = 'a", 7, "this quote is not closed" },
		{ "name = 'a\\'", 7, "this quote is not closed" },
		{ "name = a\\", 9, "a character must follow the backslash" },
		{ "name = a b", 9, "and, or or the end must stand here" },
		{ "name = a and", 12, "a condition must stand here" },
		{ "name = a and and", 13, "no such key; users have name, email, firstName, lastName, displayName, active, createdDate, updatedDate" },
		{ "name = a or (name = b", 21, "a bracket is not closed" },
		{ "name = a)", 8, "this bracket was not opened" },
		{ "()", 1, "a condition must stand here" },
		{ "= a", 0, "a condition must stand here" },
		{ "name = a 'b'", 9, "and, or or the end must stand here" },
		{ "name = a*b", 8, "a * stands for anything only at the ends of a value; as itself it is written \\*" },
		{ "name > a*", 7, star },
		{ "active = t*", 9, star },
		{ "active > false", 9, "true and false can only be equal" },
		{ "active = yes", 9, "the value must be true or false" },
		{ "createdDate > soon", 14, "the value must be a date, such as 2026-03-09 or 2026-03-09T10:30:00Z" },
		{ "createdDate > 2026-13", 14, "the value must be a date, such as 2026-03-09 or 2026-03-09T10:30:00Z" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		char want[200];
		snprintf(want, sizeof want, "at byte %zu: %s", rows[i].at, rows[i].why);
		assert_row(i, us_cql_parse(&arena, US_RESTRICTION_USER, us_slice(rows[i].cql), &tree, &err) == US_INVALID);
		if (strcmp(err.text, want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].cql, err.text, want);
	}
	us_arena_fini(&arena);
}

static void size_is_bounded(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree;

	us_str_add_text(&text, "name=");
	while (text.n < US_CQL_MAX_BYTES)
		us_str_add_char(&text, 'a');
	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_USER, us_str_slice(&text), &tree, &err), US_OK);
	us_str_add_char(&text, 'a');
	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_USER, us_str_slice(&text), &tree, &err), US_INVALID);
	assert_int_equal(us_cql_parse(&arena, US_RESTRICTION_USER, US_SLICE("name=\xFF"), &tree, &err), US_INVALID);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_find_what_they_say),
		cmocka_unit_test(groups_have_their_own_keys),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
