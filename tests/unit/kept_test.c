#include "unit.h"

#include <pthread.h>

#include "serve/kept.h"

enum { RING = 16 << 20, KEPT_AT_LEAST = 15 << 20 };

static struct us_kept_key key(int64_t directory, int64_t revision, const uint32_t *what)
{
	return (struct us_kept_key) { US_KEPT_USER, directory, revision, { (const char *) what, sizeof *what } };
}

/* Pieces that differ in every word, so that a part of another one shows. */
static void keep(struct us_kept *kept, int64_t directory, int64_t revision, uint32_t what, size_t words)
{
	const struct us_kept_key k = key(directory, revision, &what);
	uint32_t *list = us_calloc(words + 1, sizeof *list);

	for (size_t i = 0; i < words; i++)
		list[i] = what * 100000 + (uint32_t) (words + i);
	us_kept_keep(kept, &k, (struct us_slice) { (const char *) list, words * sizeof *list });
	free(list);
}

/* How many words; -1: not kept; -2: another piece. */
static int64_t find(struct us_kept *kept, int64_t directory, int64_t revision, uint32_t what)
{
	const struct us_kept_key k = key(directory, revision, &what);
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice bytes = US_SLICE_NONE;
	int64_t ret = us_kept_find(kept, &arena, &k, &bytes) ? (int64_t) (bytes.n / sizeof(uint32_t)) : -1;
	const uint32_t *list = (const uint32_t *) bytes.p;

	for (size_t i = 0; i < bytes.n / sizeof *list; i++)
		if (list[i] != what * 100000 + (uint32_t) (bytes.n / sizeof *list + i))
			ret = -2;
	us_arena_fini(&arena);
	return ret;
}

static void a_piece_is_found_by_all_of_its_key_alone(void **state)
{
	struct us_kept *kept = us_kept_new();
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice bytes;
	uint32_t what = 7;

	(void) state;
	assert_int_equal(find(kept, 0, 0, 0), -1);
	keep(kept, 1, 1, 7, 20);
	keep(kept, 1, 1, 8, 0);
	assert_int_equal(find(kept, 1, 1, 7), 20);
	assert_int_equal(find(kept, 1, 1, 8), 0);
	assert_int_equal(find(kept, 1, 2, 7), -1);
	assert_int_equal(find(kept, 2, 1, 7), -1);
	assert_int_equal(find(kept, 1, 1, 9), -1);
	struct us_kept_key k = key(1, 1, &what);
	k.kind = US_KEPT_GROUPS_OF_USER;
	assert_false(us_kept_find(kept, &arena, &k, &bytes));
	k.kind = US_KEPT_USER;
	k.what.n = 3;
	assert_false(us_kept_find(kept, &arena, &k, &bytes));
	us_kept_keep(kept, &(struct us_kept_key) { US_KEPT_USER, 1, 1, US_SLICE("") }, US_SLICE("nameless"));
	assert_false(us_kept_find(kept, &arena, &(struct us_kept_key) { US_KEPT_USER, 1, 1, US_SLICE("") }, &bytes));
	keep(kept, 1, 2, 7, 3);
	assert_int_equal(find(kept, 1, 2, 7), 3);
	assert_int_equal(find(kept, 1, 1, 7), -1);
	us_arena_fini(&arena);
	us_kept_free(kept);
}

/* Few places and many keys: two that share one must not be taken for each other, and of what is kept nothing must be lost but by that. */
static void the_oldest_give_way_and_no_piece_is_mixed(void **state)
{
	enum { LAST = 200 };
	struct us_kept *kept = us_kept_new();
	size_t bytes = 0, n_last = 0;
	uint32_t what = 1;

	(void) state;
	keep(kept, 1, 1, what, 9000); /* too long */
	assert_int_equal(find(kept, 1, 1, what), -1);
	/* Several rounds, with lengths that do not end where the ring ends. */
	for (size_t total = 0; total < 5 * (size_t) RING; what++) {
		size_t words = what * 37 % 1999 + (what % 100 == 0) * 5000;
		keep(kept, 1, 1, what, words);
		total += words * sizeof(uint32_t);
	}
	for (uint32_t w = 1; w < what; w++) {
		int64_t words = find(kept, 1, 1, w);
		assert_true(words != -2);
		bytes += words > 0 ? (size_t) words * sizeof(uint32_t) : 0;
		n_last += w >= what - LAST && words >= 0;
	}
	assert_in_range(bytes, KEPT_AT_LEAST, RING);
	assert_in_range(n_last, LAST - 4, LAST);
	us_kept_free(kept);
}

/* What is kept is text of others: it may look like the beginning of a piece, and lie where one was. */
static void text_does_not_pass_for_a_piece(void **state)
{
	static const struct {
		int64_t directory, revision;
		uint32_t kind, what_n, n, nothing, what;
	} head = { 1, 1, US_KEPT_USER, sizeof(uint32_t), 0, 0, 7 };
	struct us_kept *kept = us_kept_new();
	static char text[30000];

	(void) state;
	keep(kept, 1, 1, 6, 1);
	keep(kept, 1, 1, 7, 0);
	assert_int_equal(find(kept, 1, 1, 7), 0);
	memcpy(text + sizeof(uint32_t), &head, sizeof head);
	for (uint32_t what = 100; what < 100 + RING / sizeof text + 1; what++) {
		const struct us_kept_key k = key(1, 1, &what);
		us_kept_keep(kept, &k, (struct us_slice) { text, sizeof text });
	}
	assert_int_equal(find(kept, 1, 1, 7), -1);
	us_kept_free(kept);
}

struct work {
	struct us_kept *kept;
	uint32_t salt;
	bool is_mixed;
};

static void *do_work(void *arg)
{
	struct work *w = arg;

	for (uint32_t i = 0; i < 20000; i++) {
		keep(w->kept, 1, 1, (i * 31 + w->salt) % 500 + 1, (i + w->salt) % 300);
		w->is_mixed = w->is_mixed || find(w->kept, 1, 1, (i * 17) % 500 + 1) == -2;
	}
	return NULL;
}

static void threads_find_whole_pieces(void **state)
{
	struct us_kept *kept = us_kept_new();
	struct work works[3];
	pthread_t threads[3];

	(void) state;
	for (size_t i = 0; i < countof(threads); i++) {
		works[i] = (struct work) { kept, (uint32_t) i * 7, false };
		assert_int_equal(pthread_create(&threads[i], NULL, do_work, &works[i]), 0);
	}
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_false(works[i].is_mixed);
	}
	us_kept_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_is_found_by_all_of_its_key_alone),
		cmocka_unit_test(the_oldest_give_way_and_no_piece_is_mixed),
		cmocka_unit_test(text_does_not_pass_for_a_piece),
		cmocka_unit_test(threads_find_whole_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
