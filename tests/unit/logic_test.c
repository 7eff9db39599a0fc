#include "unit.h"

#include "model/logic.h"

/* A leaf is a letter: true if it is upper-case. */
struct letter {
	struct us_logic node;
	char c;
};

struct seen {
	char letters[64];
	size_t n;
};

static bool is_upper(const struct us_logic *leaf, void *data)
{
	char c = ((const struct letter *) leaf)->c;
	struct seen *seen = data;

	if (seen->n < sizeof seen->letters - 1)
		seen->letters[seen->n++] = c;
	return c >= 'A' && c <= 'Z';
}

/* "a&(B|!c)": letters, & | ! and brackets. */
static const char *build(struct us_arena *arena, const char *text, const struct us_logic **ret_root)
{
	struct us_logic_builder b;
	const char *why = NULL;

	us_logic_begin(&b, arena);
	for (; *text && !why; text++) {
		struct letter *letter;
		switch (*text) {
		case '&': why = us_logic_put_operator(&b, US_LOGIC_AND); break;
		case '|': why = us_logic_put_operator(&b, US_LOGIC_OR); break;
		case '!': why = us_logic_put_operator(&b, US_LOGIC_NOT); break;
		case '(': why = us_logic_open(&b); break;
		case ')': why = us_logic_close(&b); break;
		default:
			letter = us_arena_zalloc(arena, sizeof *letter);
			letter->c = *text;
			why = us_logic_put_leaf(&b, &letter->node);
		}
	}
	return why ? why : us_logic_end(&b, ret_root);
}

static void or_binds_loosest_and_not_tightest(void **state)
{
	static const struct { const char *text; bool is; const char *asked; } rows[] = {
		{ "A", true, "A" },
		{ "a", false, "a" },
		{ "!a", true, "a" },
		{ "!A", false, "A" },
		{ "A&B", true, "AB" },
		{ "a&B", false, "a" },
		{ "A|b", true, "A" },
		{ "a|b|C", true, "abC" },
		{ "A|B&c", true, "A" },
		{ "(A|B)&c", false, "Ac" },
		{ "a&b|C", true, "aC" },
		{ "a&(b|C)", false, "a" },
		{ "a|B&c|D", true, "aBcD" },
		{ "!a&b", false, "ab" },
		{ "!(a&b)", true, "a" },
		{ "!(A&B)|c", false, "ABc" },
		{ "!(!(A))", true, "A" },
		{ "((((A))))", true, "A" },
		{ "A&!(b|c)&D", true, "AbcD" },
		{ "(a|B)&(c|D)&(e|f)", false, "aBcDef" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *root;
		struct seen seen = { .n = 0 };
		const char *why = build(&arena, rows[i].text, &root);
		if (why)
			fail_msg("%s: %s", rows[i].text, why);
		assert_row(i, us_logic_is_true(root, is_upper, &seen) == rows[i].is);
		seen.letters[seen.n] = '\0';
		assert_string_equal(seen.letters, rows[i].asked);
	}
	us_arena_fini(&arena);
}

static void what_does_not_fit_together_is_refused(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "", "a condition must stand here" },
		{ "A&", "a condition must stand here" },
		{ "&A", "a condition must stand here" },
		{ "A|&B", "a condition must stand here" },
		{ "()", "a condition must stand here" },
		{ "(A&)", "a condition must stand here" },
		{ "!", "a condition must stand here" },
		{ "AB", "and, or or the end must stand here" },
		{ "A(B)", "and, or or the end must stand here" },
		{ "A!B", "and, or or the end must stand here" },
		{ "(A)B", "and, or or the end must stand here" },
		{ "!!A", "not must not stand here twice" },
		{ "A)", "this bracket was not opened" },
		{ "(A", "a bracket is not closed" },
		{ "((A)", "a bracket is not closed" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *root;
		const char *why = build(&arena, rows[i].text, &root);
		if (!why || strcmp(why, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].text, why ? why : "accepted");
	}
	us_arena_fini(&arena);
}

static void depth_and_leaves_are_bounded(void **state)
{
	struct us_arena arena = US_ARENA_INIT;

	for (int more = 0; more < 2; more++) {
		struct us_str text = US_STR_INIT;
		const struct us_logic *root;
		struct seen seen = { .n = 0 };
		for (int i = 0; i < US_LOGIC_MAX_DEPTH + more; i++)
			us_str_add_text(&text, "!(");
		us_str_add_char(&text, 'A');
		for (int i = 0; i < US_LOGIC_MAX_DEPTH + more; i++)
			us_str_add_char(&text, ')');
		const char *why = build(&arena, us_str_text(&text), &root);
		assert_true(more ? why && strcmp(why, "brackets are nested too deeply") == 0 : !why);
		if (!more)
			assert_int_equal(us_logic_is_true(root, is_upper, &seen), US_LOGIC_MAX_DEPTH % 2 == 0);
		us_str_clear(&text);
		for (int i = 0; i < US_LOGIC_MAX_LEAVES + more; i++)
			us_str_add_text(&text, i ? "|a" : "a");
		why = build(&arena, us_str_text(&text), &root);
		assert_true(more ? why && strcmp(why, "too many conditions") == 0 : !why);
		if (!more)
			assert_false(us_logic_is_true(root, is_upper, &seen));
		us_str_fini(&text);
	}
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(or_binds_loosest_and_not_tightest),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(depth_and_leaves_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
