#include "unit.h"

#include "base/fold.h"

static void names_fold_alike_or_apart(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "Alice", "aLICE", true },
		{ "alice", "alice ", false },
		{ "STRASSE", "straße", true },
		{ "ZOË", "zoë", true },
		{ "zoe\xCC\x88", "zoë", true },   /* combining diaeresis */
		{ "\xEF\xBC\xA1", "a", true },    /* full-width A */
		{ "\xEF\xAC\x81x", "fix", true }, /* ligature fi */
		{ "a\xC2\xAD" "b", "ab", true },  /* soft hyphen is ignored */
		{ "ΣΊΣΥΦΟΣ", "σίσυφος", true },
		{ "zoe", "zoë", false },
		{ "\xD0\xB0", "a", false },       /* Cyrillic a is another letter */
		{ "شيماء", "شيماء", true },
		{ "\xFF", "\xFE", false },        /* no UTF-8: only its own bytes */
		{ "\xFF" "A", "\xFF" "a", false },
		{ "\xFF", "\xFF", true },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_slice a = us_fold(&arena, us_slice(rows[i].a)), b = us_fold(&arena, us_slice(rows[i].b));
		assert_row(i, us_slice_is_equal(a, b) == rows[i].equal);
		assert_row(i, us_hash_is_equal(us_fold_hash(us_slice(rows[i].a)), us_fold_hash(us_slice(rows[i].b))) == rows[i].equal);
		assert_row(i, us_hash_is_equal(us_fold_hash(us_slice(rows[i].a)), us_hash_slice(a)));
		assert_row(i, a.p[a.n] == '\0');
		assert_row(i, us_slice_is_equal(us_fold(&arena, a), a) == (rows[i].a[0] != '\xFF'));
	}
	us_arena_fini(&arena);
}

static void long_names_hash_as_they_fold(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	char name[600];

	memset(name, 'Q', sizeof name);
	for (size_t n = 250; n < 262; n++) {
		struct us_slice s = { name, n };
		assert_row(n, us_hash_is_equal(us_fold_hash(s), us_hash_slice(us_fold(&arena, s))));
	}
	assert_slice(us_fold(&arena, US_SLICE("")), "");
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_fold_alike_or_apart),
		cmocka_unit_test(long_names_hash_as_they_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
