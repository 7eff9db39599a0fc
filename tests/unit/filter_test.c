#include "net/filter.h"

#include "unit.h"

static void well_formed_filters_pass(void **state)
{
	static const char *const cases[] = { "(objectClass=*)", "(cn=Anna)", "(cn=*a*b*)", "(cn=)", "(&(a=b)(c=d))", "(|(a=b)(!(c=d)))",
		"(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
		"(member:1.2.840.113556.1.4.1941:=CN=x,DC=y)", "(cn:dn:=x)", "(cn:dn:2.4.6.8.10:=x)", "(:dn:2.4.6:=x)", "(:caseIgnoreMatch:=x)",
		"(a>=1)", "(a<=1)", "(a~=1)", "(cn;lang-de=x)", "(2.5.4.3=x)", "(o=Parens R Us \\28for all\\29)", "(filename=C:\\5cMyFile)",
		"(bin=\\00\\00\\00\\04)", "(sn=Lu\\c4\\8di\\c4\\87)", "(cn=\xD0\x9E\xD0\xBB)", " (&(a=b)\n (c=d) )", "(&\n\t(a=b)\n)\n", "(cn=a=b)",
		"(cn=a&b|c!)" };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_err err = US_ERR_INIT;
		if (us_filter_check(us_slice(cases[i]), &err) != US_OK)
			fail_msg("%s: %s", cases[i], err.text);
	}
}

static void broken_filters_are_refused_with_the_place(void **state)
{
	static const struct { const char *filter, *text; } cases[] = {
		{ "", "at byte 1: a closing bracket is missing" },
		{ "cn=a", "at byte 1: an opening bracket" },
		{ "(cn=a", "at byte 6: a closing bracket is missing" },
		{ "(cn=a))", "at byte 7: something follows" },
		{ "(&)", "at byte 3: an empty list" },
		{ "(!(a=b)(c=d))", "at byte 8: ! takes one filter" },
		{ "(&(a=b)", "at byte 8: a closing bracket is missing" },
		{ "(&(a=b)c=d)", "at byte 8: an opening bracket" },
		{ "()", "at byte 2: an attribute name" },
		{ "(=a)", "at byte 2: an attribute name" },
		{ "(cn)", "at byte 4: =, ~=" },
		{ "(cn~a)", "at byte 5: =, ~=" },
		{ "(cn=a(b)", "at byte 6: an opening bracket in a value" },
		{ "(cn=\\2)", "at byte 5: a backslash" },
		{ "(cn=\\zz)", "at byte 5: a backslash" },
		{ "(cn=a**b)", "at byte 7: two *" },
		{ "(cn>=a*)", "at byte 7: * stands" },
		{ "(cn:=a*)", "at byte 7: * stands" },
		{ "(:=a)", "at byte 3: an extensible match" },
		{ "(cn:x=a)", "at byte 6: := must follow" },
		{ "(a b=c)", "at byte 3: =, ~=" },
		{ "(a=b)(c=d)", "at byte 6: something follows" },
		{ "(a=\xFF)", "it is not UTF-8" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_err err = US_ERR_INIT;
		assert_int_equal(us_filter_check(us_slice(cases[i].filter), &err), US_CONFIG);
		if (!strstr(err.text, cases[i].text))
			fail_msg("%s: %s", cases[i].filter, err.text);
	}
}

static void depth_is_bounded(void **state)
{
	for (int deep = 0; deep < 2; deep++) {
		struct us_str f = US_STR_INIT;
		struct us_err err = US_ERR_INIT;
		int depth = US_FILTER_MAX_DEPTH + deep;
		for (int i = 0; i < depth; i++)
			us_str_add_text(&f, "(!");
		us_str_add_text(&f, "(a=b)");
		for (int i = 0; i < depth; i++)
			us_str_add_char(&f, ')');
		assert_int_equal(us_filter_check(us_str_slice(&f), &err), deep ? US_CONFIG : US_OK);
		us_str_fini(&f);
	}
}

static void values_are_escaped_and_pass_the_check(void **state)
{
	static const char *const cases[][2] = {
		{ "plain", "plain" }, { "a*b", "a\\2ab" }, { "(x)", "\\28x\\29" }, { "back\\slash", "back\\5cslash" },
		{ "\xD0\x9E line\n", "\xD0\x9E line\\0a" }, { "*)(uid=*", "\\2a\\29\\28uid=\\2a" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct us_str f = US_STR_INIT;
		struct us_err err = US_ERR_INIT;
		us_filter_add_value(&f, us_slice(cases[i][0]));
		assert_string_equal(us_str_text(&f), cases[i][1]);
		us_str_clear(&f);
		us_str_add_text(&f, "(cn=");
		us_filter_add_value(&f, us_slice(cases[i][0]));
		us_str_add_char(&f, ')');
		assert_int_equal(us_filter_check(us_str_slice(&f), &err), US_OK);
		us_str_fini(&f);
	}
	struct us_str f = US_STR_INIT;
	us_filter_add_bytes(&f, (struct us_slice) { "\0\xFFz", 3 });
	assert_string_equal(us_str_text(&f), "\\00\\ff\\7a");
	us_str_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_filters_pass),
		cmocka_unit_test(broken_filters_are_refused_with_the_place),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(values_are_escaped_and_pass_the_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
