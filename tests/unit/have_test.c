#include "unit.h"

#include "model/have.h"

static void places_and_keys_run_in_parallel(void **state)
{
	struct us_have have = { 0 };
	const struct us_hash content = { 5, 6 }, members = { 7, 8 };
	enum { N = 5000 };

	us_have_reserve(&have.groups, 100, true);
	for (uint32_t i = 0; i < N; i++) {
		struct us_hash id = i % 2 ? us_have_local_id(i) : us_hash(&i, sizeof i), name = { i, 1 };
		assert_int_equal(us_have_add(&have.users, id, name, i + 10, content, US_HASH_ZERO, US_HAVE_OWNED, false), i);
		assert_int_equal(us_have_add(&have.groups, id, name, i + 20, content, members, US_HAVE_ACTIVE, true), i);
	}
	assert_int_equal(have.users.n, N);
	assert_null(have.users.members_hashes);
	for (uint32_t i = 0; i < N; i++) {
		struct us_hash id = i % 2 ? us_have_local_id(i) : us_hash(&i, sizeof i), name = { i, 1 };
		assert_int_equal(us_map_find(&have.users.ids, id), i);
		assert_int_equal(us_map_find(&have.groups.names, name), i);
		assert_int_equal(have.users.numbers[i], i + 10);
		assert_true(us_hash_is_equal(have.groups.members_hashes[i], members));
		assert_int_equal(have.groups.flags[i], US_HAVE_ACTIVE);
	}
	us_have_fini(&have);
	assert_int_equal(have.users.n, 0);
	us_have_fini(&have);
}

static void local_ids_differ_by_number(void **state)
{
	assert_false(us_hash_is_equal(us_have_local_id(1), us_have_local_id(2)));
	assert_true(us_hash_is_equal(us_have_local_id(1), us_have_local_id(1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_and_keys_run_in_parallel),
		cmocka_unit_test(local_ids_differ_by_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
