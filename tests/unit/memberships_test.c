#include "unit.h"

#include <pthread.h>

#include "serve/memberships.h"

enum { KEPT_AT_LEAST = 1900000, NEVER_MORE = 1 << 21 };

/* Lists that differ in every number, so that a piece of another one shows. */
static void keep(struct us_memberships *m, int64_t directory, int64_t revision, uint32_t user, size_t n)
{
	uint32_t *groups = us_calloc(n + 1, sizeof *groups);

	for (size_t i = 0; i < n; i++)
		groups[i] = user * 100000 + (uint32_t) (n + i);
	us_memberships_keep(m, directory, revision, user, groups, n);
	free(groups);
}

/* -1: not kept; -2: another list. */
static int64_t find(struct us_memberships *m, int64_t directory, int64_t revision, uint32_t user)
{
	struct us_arena arena = US_ARENA_INIT;
	const uint32_t *groups;
	size_t n = 0;
	int64_t ret = us_memberships_find(m, &arena, directory, revision, user, &groups, &n) ? (int64_t) n : -1;

	for (size_t i = 0; i < n; i++)
		if (groups[i] != user * 100000 + (uint32_t) (n + i))
			ret = -2;
	us_arena_fini(&arena);
	return ret;
}

static void a_list_is_found_for_its_user_directory_and_revision_alone(void **state)
{
	struct us_memberships *m = us_memberships_new();

	(void) state;
	assert_int_equal(find(m, 1, 1, 7), -1);
	keep(m, 1, 1, 7, 20);
	keep(m, 1, 1, 8, 0);
	assert_int_equal(find(m, 1, 1, 7), 20);
	assert_int_equal(find(m, 1, 1, 8), 0);
	assert_int_equal(find(m, 1, 2, 7), -1);
	assert_int_equal(find(m, 2, 1, 7), -1);
	assert_int_equal(find(m, 1, 1, 7 + (1 << 17)), -1); /* in the same place */
	keep(m, 1, 2, 7, 3);
	assert_int_equal(find(m, 1, 2, 7), 3);
	assert_int_equal(find(m, 1, 1, 7), -1);
	us_memberships_free(m);
}

static void the_oldest_give_way_and_no_list_is_mixed(void **state)
{
	struct us_memberships *m = us_memberships_new();
	size_t kept = 0;
	uint32_t user = 1;

	(void) state;
	keep(m, 1, 1, user++, 5000); /* too long for a list */
	assert_int_equal(find(m, 1, 1, 1), -1);
	/* Several rounds, with lengths that do not end where the ring ends. */
	for (size_t total = 0; total < 5 * NEVER_MORE; user++) {
		size_t n = user * 37 % 199 + (user % 1000 == 0) * 3000;
		keep(m, 1, 1, user, n);
		total += n;
	}
	for (uint32_t u = 1; u < user; u++) {
		int64_t n = find(m, 1, 1, u);
		assert_true(n != -2);
		kept += n > 0 ? (size_t) n : 0;
		/* All that are kept lie behind all that are not. */
		assert_true(kept == 0 || n >= 0);
	}
	assert_in_range(kept, KEPT_AT_LEAST, NEVER_MORE);
	us_memberships_free(m);
}

struct work {
	struct us_memberships *m;
	uint32_t salt;
	bool is_mixed;
};

static void *do_work(void *arg)
{
	struct work *w = arg;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t user = (i * 31 + w->salt) % 500 + 1;
		keep(w->m, 1, 1, user, (i + w->salt) % 300);
		w->is_mixed = w->is_mixed || find(w->m, 1, 1, (i * 17) % 500 + 1) == -2;
	}
	return NULL;
}

static void threads_find_whole_lists(void **state)
{
	struct us_memberships *m = us_memberships_new();
	struct work works[3];
	pthread_t threads[3];

	(void) state;
	for (size_t i = 0; i < countof(threads); i++) {
		works[i] = (struct work) { m, (uint32_t) i * 7, false };
		assert_int_equal(pthread_create(&threads[i], NULL, do_work, &works[i]), 0);
	}
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_false(works[i].is_mixed);
	}
	us_memberships_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_found_for_its_user_directory_and_revision_alone),
		cmocka_unit_test(the_oldest_give_way_and_no_list_is_mixed),
		cmocka_unit_test(threads_find_whole_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
