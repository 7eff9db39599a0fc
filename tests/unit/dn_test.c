#include "net/dn.h"

#include <stdlib.h>

#include "base/clock.h"
#include "unit.h"

static const char *canonical(struct us_arena *arena, const char *dn)
{
	struct us_slice out;

	return us_dn_canonicalize(arena, us_slice(dn), &out) ? out.p : NULL;
}

static void spelling_does_not_matter(void **state)
{
	static const char *const cases[][2] = {
		{ "uid=anna,ou=people,dc=example,dc=org", "UID=Anna, OU=People , DC=Example,DC=ORG" },
		{ "cn=a b,dc=x", "CN =  A   B  ,dc=x" },
		{ "cn=a b", " cn=\\ a b\\ " },
		{ "cn=last\\, first,dc=x", "cn=Last\\2C First,dc=x" },
		{ "cn=last\\, first,dc=x", "cn=Last\\2c First,dc=x" },
		{ "cn=last\\, first,dc=x", "cn=\"Last, First\",dc=x" },
		{ "cn=a\\+b", "cn=a\\2Bb" },
		{ "cn=a\\\\b", "cn=a\\5cb" },
		{ "cn=\\#x", "cn=\\23X" },
		{ "cn=a=b", "cn=a\\=b" },
		{ "cn=a=b", "cn=a\\3Db" },
		{ "cn=say \\\"hi\\\"", "cn=Say \\22Hi\\22" },
		{ "cn=a\\;b", "cn=a\\3bb" },
		{ "cn=a\\<b\\>", "cn=a<b>" },
		{ "cn=a+uid=b,dc=x", "uid=B+cn=A,dc=x" },
		{ "cn=a+uid=b,dc=x", "UID = b + CN = a, DC=x" },
		{ "cn=a,dc=x", "cn=a;dc=x" },
		{ "cn=sure?", "cn=Sure\\?" },
		{ "cn=a,dc=x", "2.5.4.3=a,0.9.2342.19200300.100.1.25=x" },
		{ "cn=a,dc=x", "OID.2.5.4.3=a,OID.0.9.2342.19200300.100.1.25=x" },
		{ "cn=a", "cn=#040161" },
		{ "cn=a", "cn=#0C0141" },
		{ "cn=#300161", "cn=#300161" },
		{ "cn=#0482000141", "cn=#0482000141" },
		{ "cn=stra\xC3\x9F" "e", "cn=STRASSE" },
		{ "cn=\xD0\xBE\xD0\xBB\xD1\x8C\xD0\xB3\xD0\xB0", "cn=\\D0\\9E\\d0\\bb\xD1\x8C\xD0\xB3\xD0\xB0" },
		{ "cn=\xC3\xA9", "cn=e\xCC\x81" },
		{ "cn=a b", "cn=a\xC2\xA0\xC2\xA0" "b" },
		{ "cn=a\\0ab", "cn=a\\0Ab" },
		{ "cn=a\\00b", "cn=A\\00B" },
		{ "cn=\\ff\\fe", "cn=\\FF\\FE" },
		{ "cn=", "CN=" },
		{ "cn=,dc=x", "cn= , dc=x" },
		{ "", "   " },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *a = canonical(&arena, cases[i][0]), *b = canonical(&arena, cases[i][1]);
		if (!a || !b)
			fail_msg("malformed: %s or %s", cases[i][0], cases[i][1]);
		assert_string_equal(a, b);
	}
	us_arena_fini(&arena);
}

static void different_names_stay_different(void **state)
{
	static const char *const cases[][2] = {
		{ "cn=a,dc=x", "cn=b,dc=x" },
		{ "cn=a,dc=x", "cn=a,dc=x,dc=y" },
		{ "cn=a\\,dc=x", "cn=a,dc=x" },
		{ "cn=a\\+uid=b", "cn=a+uid=b" },
		{ "cn=ab", "cn=a b" },
		{ "cn=#040161", "cn=\\#040161" },
		{ "cn=#300161", "cn=\\#300161" },
		{ "cn=\\ff", "cn=\\\\ff" },
		{ "cn=\\00", "cn=\\\\00" },
		{ "cn=\\0a", "cn=\\\\0a" },
		{ "cn=a,ou=b", "ou=b,cn=a" },
		{ "cn=", "cn=\\00" },
		{ "uid=a", "cn=a" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *a = canonical(&arena, cases[i][0]), *b = canonical(&arena, cases[i][1]);
		if (!a || !b)
			fail_msg("malformed: %s or %s", cases[i][0], cases[i][1]);
		assert_string_not_equal(a, b);
	}
	us_arena_fini(&arena);
}

static void canonical_form_is_as_documented(void **state)
{
	static const char *const cases[][2] = {
		{ "UID=Anna.Keller1,OU=People,DC=Example,DC=org", "uid=anna.keller1,ou=people,dc=example,dc=org" },
		{ "CN=Last\\2C  First, OU=X", "cn=last\\, first,ou=x" },
		{ "UID=b + CN=a", "cn=a+uid=b" },
		{ "cn=\\E2\\82\\AC", "cn=\xE2\x82\xAC" },
		{ "cn=\\80x", "cn=\\80x" },
		{ "cn=\"\\\"\"", "cn=\\\"" },
		{ "1.2.3.4=Ab", "1.2.3.4=ab" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(canonical(&arena, cases[i][0]), cases[i][1]);
	us_arena_fini(&arena);
}

static void malformed_names_are_refused(void **state)
{
	static const char *const cases[] = { "anna", "=a", "cn", "cn=a,", ",cn=a", "cn=a,,dc=x", "cn=a\\", "cn=a\\x", "cn=a\\2", "cn=\"a",
		"cn=\"a\"b", "cn=a\"b", "c n=a", "cn=a+", "+cn=a", "cn=#0", "cn=#", "cn=#zz", "cn=#040161x", "-cn=a", "cn_x=a", "1a=x", "\xC3\xA9=a",
		"a=1+a=2+a=3+a=4+a=5+a=6+a=7+a=8+a=9+a=10+a=11+a=12+a=13+a=14+a=15+a=16+a=17" };
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (canonical(&arena, cases[i]))
			fail_msg("taken for a DN: %s", cases[i]);
	us_arena_fini(&arena);
}

static void length_is_bounded(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str dn = US_STR_INIT;
	struct us_slice out;

	us_str_add_text(&dn, "cn=");
	while (dn.n < US_DN_MAX_BYTES)
		us_str_add_char(&dn, 'x');
	assert_true(us_dn_canonicalize(&arena, us_str_slice(&dn), &out));
	us_str_add_char(&dn, 'x');
	assert_false(us_dn_canonicalize(&arena, us_str_slice(&dn), &out));
	us_str_fini(&dn);
	us_arena_fini(&arena);
}

static void within_goes_by_whole_rdns(void **state)
{
	static const struct { const char *dn, *base; bool is_within; } cases[] = {
		{ "cn=a,ou=x,dc=y", "ou=x,dc=y", true },
		{ "ou=x,dc=y", "ou=x,dc=y", true },
		{ "cn=a,ou=x,dc=y", "", true },
		{ "dc=y", "ou=x,dc=y", false },
		{ "ou=xx,dc=y", "x,dc=y", false },
		{ "cn=a\\,ou=x,dc=y", "ou=x,dc=y", false },
		{ "cn=a\\\\,ou=x,dc=y", "ou=x,dc=y", true },
		{ "", "dc=y", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (us_dn_is_within(us_slice(cases[i].dn), us_slice(cases[i].base)) != cases[i].is_within)
			fail_msg("%s within %s", cases[i].dn, cases[i].base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spelling_does_not_matter),
		cmocka_unit_test(different_names_stay_different),
		cmocka_unit_test(canonical_form_is_as_documented),
		cmocka_unit_test(malformed_names_are_refused),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(within_goes_by_whole_rdns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
