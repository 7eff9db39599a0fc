#include "net/throttle.h"
#include "unit.h"

static struct us_hash key(uint64_t n) { return (struct us_hash) { n, ~n }; }

static void failures_beyond_the_free_ones_wait(void **state)
{
	struct us_throttle *throttle = us_throttle_new();
	struct us_err err = US_ERR_INIT;

	(void) state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(us_throttle_begin(throttle, key(1), 3, &err), US_OK);
	assert_int_equal(us_throttle_begin(throttle, key(1), 3, &err), US_THROTTLED);
	assert_true(err.wait_ms > 0 && err.wait_ms <= 1000);
	assert_int_equal(us_throttle_begin(throttle, key(2), 3, &err), US_OK);
	us_throttle_free(throttle);
}

static void success_forgets_all_and_forgiving_one(void **state)
{
	struct us_throttle *throttle = us_throttle_new();

	(void) state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(us_throttle_begin(throttle, key(1), 3, NULL), US_OK);
		us_throttle_forgive(throttle, key(1));
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(us_throttle_begin(throttle, key(1), 3, NULL), US_OK);
	us_throttle_succeed(throttle, key(1));
	for (int i = 0; i < 3; i++)
		assert_int_equal(us_throttle_begin(throttle, key(1), 3, NULL), US_OK);
	assert_int_equal(us_throttle_begin(throttle, key(1), 3, NULL), US_THROTTLED);
	us_throttle_free(throttle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_beyond_the_free_ones_wait),
		cmocka_unit_test(success_forgets_all_and_forgiving_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
