#include "base/clock.h"
#include "net/known.h"
#include "unit.h"

static struct us_hash key(uint64_t n) { return (struct us_hash) { n, ~n }; }

static bool has(struct us_known *known, uint64_t n, uint64_t epoch, const char *value)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice found = US_SLICE_NONE;
	bool ret = us_known_find(known, key(n), epoch, &arena, &found) && us_slice_is(found, value);

	us_arena_fini(&arena);
	return ret;
}

static void a_credential_is_known_in_its_epoch_and_until_its_expiry(void **state)
{
	struct us_known *known = us_known_new();

	(void) state;
	us_known_keep(known, key(1), 7, 0, US_SLICE("ann"));
	us_known_keep(known, key(2), 7, us_clock_wall_s() - 1, US_SLICE("bob"));
	us_known_keep(known, key(3), 7, us_clock_wall_s() + 1000, US_SLICE("cy"));
	assert_true(has(known, 1, 7, "ann"));
	assert_false(has(known, 1, 8, "ann"));
	assert_false(has(known, 2, 7, "bob"));
	assert_true(has(known, 3, 7, "cy"));
	assert_false(has(known, 0, 0, "")); /* the key of a free place */
	us_known_keep(known, key(1), 8, 0, US_SLICE("anne"));
	assert_true(has(known, 1, 8, "anne"));
	us_known_free(known);
}

static void the_least_used_makes_room_and_what_is_too_long_is_not_kept(void **state)
{
	static char long_value[US_KNOWN_VALUE_BYTES];
	struct us_known *known = us_known_new();

	(void) state;
	for (uint64_t i = 1; i <= 4; i++)
		us_known_keep(known, key(i * 256), 1, 0, US_SLICE("x"));
	assert_true(has(known, 256, 1, "x"));
	us_known_keep(known, key(5 * 256), 1, 0, US_SLICE("x"));
	assert_true(has(known, 256, 1, "x"));
	assert_false(has(known, 512, 1, "x"));
	us_known_keep(known, key(9), 1, 0, (struct us_slice) { long_value, sizeof long_value });
	assert_false(has(known, 9, 1, ""));
	us_known_free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_credential_is_known_in_its_epoch_and_until_its_expiry),
		cmocka_unit_test(the_least_used_makes_room_and_what_is_too_long_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
