#include <stdlib.h>

#include "base/arena.h"
#include "base/pairs.h"
#include "unit.h"

enum { MANY = 300000 };

struct list {
	uint32_t (*pairs)[2];
	size_t n;
};

static int by_both(const void *x, const void *y) { return memcmp(x, y, 2 * sizeof(uint32_t)); }

/* The bag holds exactly these, whatever the order; by walking, or by taking them out. */
static void check(struct us_pairs *bag, struct list want, bool is_taken)
{
	struct list got = { us_malloc((want.n + 1) * sizeof *got.pairs), 0 };
	struct us_pairs_walk walk;
	uint32_t a, b;

	assert_int_equal(bag->n, want.n);
	us_pairs_walk_begin(bag, &walk);
	while (is_taken ? us_pairs_take_next(bag, &walk, &a, &b) : us_pairs_walk_next(&walk, &a, &b)) {
		assert_true(got.n < want.n);
		got.pairs[got.n][0] = a;
		got.pairs[got.n++][1] = b;
	}
	assert_int_equal(got.n, want.n);
	qsort(got.pairs, got.n, sizeof *got.pairs, by_both);
	qsort(want.pairs, want.n, sizeof *want.pairs, by_both);
	assert_true(want.n == 0 || memcmp(got.pairs, want.pairs, want.n * sizeof *want.pairs) == 0);
	free(got.pairs);
}

static bool is_odd(void *context, uint32_t a, uint32_t b)
{
	++*(size_t *)context;
	return (a ^ b) & 1;
}

static void play(uint32_t (*next)(size_t i, bool is_second), size_t n)
{
	struct us_pairs bag = US_PAIRS_INIT, other = US_PAIRS_INIT;
	struct list want = { us_malloc((n + 1) * sizeof *want.pairs), n }, odd = { us_malloc((n + 2) * sizeof *odd.pairs), 0 };
	size_t asked = 0;

	for (size_t i = 0; i < n; i++) {
		want.pairs[i][0] = next(i, false);
		want.pairs[i][1] = next(i, true);
		us_pairs_add(i % 3 ? &bag : &other, want.pairs[i][0], want.pairs[i][1]);
		if (is_odd(&asked, want.pairs[i][0], want.pairs[i][1]))
			memcpy(odd.pairs[odd.n++], want.pairs[i], sizeof *want.pairs);
	}
	us_pairs_take(&bag, &other);
	assert_int_equal(other.n, 0);
	assert_null(other.chunks);
	check(&bag, want, false);
	asked = 0;
	us_pairs_filter(&bag, is_odd, &asked);
	assert_int_equal(asked, n);
	check(&bag, odd, false);
	/* what comes after a filter follows what it left */
	us_pairs_add(&bag, 7, UINT32_MAX);
	odd.pairs[odd.n][0] = 7;
	odd.pairs[odd.n++][1] = UINT32_MAX;
	check(&bag, odd, false);
	check(&bag, odd, true);
	assert_int_equal(bag.n, 0);
	assert_null(bag.chunks);
	us_pairs_fini(&bag);
	free(want.pairs);
	free(odd.pairs);
}

static uint32_t ends(size_t i, bool is_second)
{
	static const uint32_t numbers[] = { 0, UINT32_MAX, 1, UINT32_MAX - 1, 1U << 31, (1U << 31) - 1, 63, 64, 127, 128, 8191, 8192, 0 };
	return numbers[is_second ? i % countof(numbers) : i / countof(numbers) % countof(numbers)];
}

static uint32_t of_a_user(size_t i, bool is_second) { return is_second ? (uint32_t)(i / 5) : (uint32_t)(i * 2654435761U % 100000); }

static uint32_t any(size_t i, bool is_second)
{
	uint64_t x = (i * 2 + is_second + 1) * 0x9E3779B97F4A7C15U;
	x ^= x >> 29;
	x *= 0xBF58476D1CE4E5B9U;
	return (uint32_t)(x >> 32) >> (x & 31);
}

static void what_is_put_in_comes_out(void **state)
{
	(void)state;
	play(ends, 0);
	play(ends, 1);
	play(ends, 13 * 13 * 3);
	play(of_a_user, MANY);
	play(any, MANY);
}

static void neighbours_take_few_bytes(void **state)
{
	struct us_pairs bag = US_PAIRS_INIT;
	struct us_pairs_walk walk;
	uint32_t a, b;
	size_t bytes = 0, before = 0;
	const struct us_pairs_chunk *chunk = NULL;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		us_pairs_add(&bag, of_a_user(i, false), of_a_user(i, true));
	us_pairs_walk_begin(&bag, &walk);
	while (us_pairs_walk_next(&walk, &a, &b)) {
		if (walk.chunk != chunk)
			before = 0;
		chunk = walk.chunk;
		bytes += walk.at - before;
		before = walk.at;
	}
	assert_true(bytes <= 4 * (size_t)MANY + 100);
	us_pairs_fini(&bag);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_put_in_comes_out), cmocka_unit_test(neighbours_take_few_bytes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
