#include "unit.h"

#include "base/hash.h"

/* Stored in databases: these values may never change. */
static void values_are_those_of_every_version(void **state)
{
	static const struct {
		const char *text, *hex;
	} rows[] = {
		{ "", "99aa06d3014798d86001c324468d497f" },
		{ "abc", "06b05ab6733a618578af5f94892f3950" },
		{ "The quick brown fox jumps over the lazy dog", "ddd650205ca3e7fa24a1cc2e3a8a7651" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		unsigned char bytes[US_HASH_BYTES];
		char hex[33];
		struct us_hash h = us_hash_slice(us_slice(rows[i].text));
		us_hash_put(h, bytes);
		for (size_t j = 0; j < sizeof bytes; j++)
			snprintf(hex + 2 * j, 3, "%02x", bytes[j]);
		assert_string_equal(hex, rows[i].hex);
		assert_row(i, us_hash_is_equal(us_hash_take(bytes, sizeof bytes), h));
	}
}

static void other_lengths_are_no_hash(void **state)
{
	assert_true(us_hash_is_equal(us_hash_take("123456789012345", 15), US_HASH_ZERO));
	assert_true(us_hash_is_equal(us_hash_take(NULL, 0), US_HASH_ZERO));
	assert_true(us_hash_is_equal(us_hash_slice(US_SLICE_NONE), us_hash_slice(US_SLICE(""))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_every_version),
		cmocka_unit_test(other_lengths_are_no_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
