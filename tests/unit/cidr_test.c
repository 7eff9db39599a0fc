#include "net/cidr.h"
#include "unit.h"

static void ranges_are_read_or_refused_with_the_reason(void **state)
{
	static const struct { const char *text, *wrong; } cases[] = {
		{ "10.0.0.0/8", NULL }, { "10.1.2.3", NULL }, { "0.0.0.0/0", NULL }, { "2001:db8::/32", NULL }, { "::1", NULL }, { "::/0", NULL },
		{ "::ffff:10.0.0.0/104", NULL }, { "255.255.255.255/32", NULL },
		{ "", "is no IP address" }, { "/8", "is no IP address" }, { "10.0.0", "is no IP address" }, { "010.0.0.1", "is no IP address" },
		{ "localhost", "is no IP address" }, { "fe80::1%eth0", "is no IP address" }, { "10.0.0.0/", "has no prefix length from 0 to 32" },
		{ "10.0.0.0/33", "has no prefix length from 0 to 32" }, { "10.0.0.0/-1", "has no prefix length from 0 to 32" },
		{ "10.0.0.0/+8", "has no prefix length from 0 to 32" }, { "10.0.0.0/8/8", "has no prefix length from 0 to 32" },
		{ "2001:db8::/129", "has no prefix length from 0 to 128" }, { "10.1.0.0/8", "has address bits behind its prefix length" },
		{ "2001:db8::1/32", "has address bits behind its prefix length" },
		{ "10.0.0.0000000000000000000000000000000000000000000000000000", "is no IP address" },
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_cidr cidr;
		const char *wrong = us_cidr_parse(us_slice(cases[i].text), &cidr);
		if (cases[i].wrong)
			assert_string_equal(wrong ? wrong : "fine", cases[i].wrong);
		else
			assert_null(wrong);
	}
	struct us_cidr cidr;
	assert_non_null(us_cidr_parse((struct us_slice) { "10.0.0.1\0x", 10 }, &cidr));
	assert_non_null(us_cidr_parse(US_SLICE_NONE, &cidr));
}

static void an_address_is_in_a_range_or_not(void **state)
{
	static const struct { const char *range, *address; bool has; } cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true }, { "10.0.0.0/8", "11.0.0.0", false }, { "10.0.0.0/8", "::ffff:10.1.1.1", true },
		{ "10.1.2.3", "10.1.2.3", true }, { "10.1.2.3", "10.1.2.2", false }, { "0.0.0.0/0", "192.0.2.7", true },
		{ "0.0.0.0/0", "2001:db8::1", false }, { "::/0", "2001:db8::1", true }, { "172.16.0.0/12", "172.31.255.1", true },
		{ "172.16.0.0/12", "172.32.0.0", false }, { "2001:db8::/33", "2001:db8:7fff::1", true }, { "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1", "::1", true }, { "::1", "127.0.0.1", false }, { "10.0.0.0/8", "nowhere", false }, { "10.0.0.0/8", "", false },
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_cidr cidr;
		assert_null(us_cidr_parse(us_slice(cases[i].range), &cidr));
		if (us_cidr_has(&cidr, cases[i].address) != cases[i].has)
			fail_msg("%s in %s", cases[i].address, cases[i].range);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read_or_refused_with_the_reason),
		cmocka_unit_test(an_address_is_in_a_range_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
