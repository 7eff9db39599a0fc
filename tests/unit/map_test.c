#include "unit.h"

#include "base/map.h"

static struct us_hash key_of(uint32_t i) { return us_hash(&i, sizeof i); }

static void numbers_are_dense_and_found_again(void **state)
{
	struct us_map map = US_MAP_INIT;
	bool is_new;

	assert_int_equal(us_map_find(&map, key_of(1)), US_MAP_NONE);
	for (uint32_t i = 0; i < 20000; i++) {
		assert_row(i, us_map_put(&map, key_of(i), &is_new) == i && is_new);
		assert_row(i, us_map_put(&map, key_of(i / 2), &is_new) == i / 2 && !is_new);
	}
	for (uint32_t i = 0; i < 20000; i++)
		assert_row(i, us_map_find(&map, key_of(i)) == i);
	for (uint32_t i = 20000; i < 40000; i++)
		assert_row(i, us_map_find(&map, key_of(i)) == US_MAP_NONE);
	assert_int_equal(map.n, 20000);
	us_map_fini(&map);
}

static void keys_that_share_their_low_bits_are_kept_apart(void **state)
{
	struct us_map map = US_MAP_INIT;

	for (uint64_t i = 0; i < 500; i++)
		assert_row(i, us_map_put(&map, (struct us_hash) { .lo = 7, .hi = i }, NULL) == i);
	for (uint64_t i = 0; i < 500; i++)
		assert_row(i, us_map_find(&map, (struct us_hash) { .lo = 7, .hi = i }) == i);
	us_map_fini(&map);
}

static void reserved_room_is_not_moved(void **state)
{
	struct us_map map = US_MAP_INIT;

	us_map_reserve(&map, 1000);
	const void *keys = map.keys, *table = map.table;
	for (uint32_t i = 0; i < 1000; i++)
		us_map_put(&map, key_of(i), NULL);
	assert_ptr_equal(map.keys, keys);
	assert_ptr_equal(map.table, table);
	us_map_fini(&map);
}

static void grows_from_any_reserved_size(void **state)
{
	for (uint32_t reserved = 1; reserved < 5; reserved++) {
		struct us_map map = US_MAP_INIT;
		us_map_reserve(&map, reserved);
		for (uint32_t i = 0; i < 100; i++)
			assert_int_equal(us_map_put(&map, key_of(i), NULL), i);
		us_map_fini(&map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_dense_and_found_again),
		cmocka_unit_test(keys_that_share_their_low_bits_are_kept_apart),
		cmocka_unit_test(reserved_room_is_not_moved),
		cmocka_unit_test(grows_from_any_reserved_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
