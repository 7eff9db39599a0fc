#include "unit.h"

static void allocations_are_aligned_and_apart(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	unsigned char *p[200];

	for (size_t i = 0; i < countof(p); i++) {
		size_t n = i * 37 % 500;
		p[i] = us_arena_alloc(&arena, n);
		assert_row(i, (uintptr_t) p[i] % _Alignof(max_align_t) == 0);
		memset(p[i], (int) i, n);
	}
	for (size_t i = 0; i < countof(p); i++)
		for (size_t j = 0; j < i * 37 % 500; j++)
			assert_row(i, p[i][j] == (unsigned char) i);
	us_arena_fini(&arena);
	assert_null(arena.head);
}

static void a_loop_over_pages_settles_on_one_block(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_arena_block *last = NULL;

	for (int page = 0; page < 20; page++) {
		us_arena_reset(&arena);
		for (int i = 0; i < 1000; i++)
			us_arena_alloc(&arena, 100);
		if (page > 10)
			assert_ptr_equal(arena.head, last);
		last = arena.head;
	}
	us_arena_fini(&arena);
}

static void one_outsized_record_does_not_stay(void **state)
{
	struct us_arena arena = US_ARENA_INIT;

	us_arena_alloc(&arena, 50 << 20);
	us_arena_reset(&arena);
	assert_null(arena.head);
	assert_string_equal(us_arena_strdup(&arena, "again"), "again");
	us_arena_fini(&arena);
}

static void copies_end_in_nul(void **state)
{
	struct us_arena arena = US_ARENA_INIT;

	assert_string_equal(us_arena_strndup(&arena, "abcdef", 3), "abc");
	assert_string_equal(us_arena_strndup(&arena, NULL, 0), "");
	assert_string_equal(us_arena_printf(&arena, "%s-%d", "x", 7), "x-7");
	int *zero = us_arena_array(&arena, 100, sizeof *zero);
	for (int i = 0; i < 100; i++)
		assert_int_equal(zero[i], 0);
	us_arena_fini(&arena);
}

static bool holds(const struct us_arena *arena, const char *text)
{
	return memmem(arena->at, (size_t) (arena->end - arena->at), text, strlen(text));
}

static void what_was_wiped_cannot_be_read_from_the_memory_that_is_kept(void **state)
{
	struct us_arena arena = US_ARENA_INIT;

	us_arena_strdup(&arena, "hunter2");
	us_arena_reset(&arena);
	assert_true(holds(&arena, "hunter2")); /* so the check below can fail */
	us_arena_strdup(&arena, "hunter2");
	us_arena_wipe(&arena);
	assert_false(holds(&arena, "hunter2"));
	us_arena_fini(&arena);
	us_arena_wipe(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_aligned_and_apart),
		cmocka_unit_test(a_loop_over_pages_settles_on_one_block),
		cmocka_unit_test(one_outsized_record_does_not_stay),
		cmocka_unit_test(what_was_wiped_cannot_be_read_from_the_memory_that_is_kept),
		cmocka_unit_test(copies_end_in_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
