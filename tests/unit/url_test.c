#include "unit.h"

#include "net/url.h"

static void segments_and_values_are_escaped(void **state)
{
	static const struct {
		const char *text, *segment, *query;
	} rows[] = {
		{ "plain-1_~", "u/plain-1_~", "u?k=plain-1_~" },
		{ "a/b", "u/a%2Fb", "u?k=a%2Fb" },
		{ "50%off", "u/50%25off", "u?k=50%25off" },
		{ "a+b&c=d", "u/a%2Bb%26c%3Dd", "u?k=a%2Bb%26c%3Dd" },
		{ "x y#z?", "u/x%20y%23z%3F", "u?k=x%20y%23z%3F" },
		{ "müller", "u/m%C3%BCller", "u?k=m%C3%BCller" },
		{ "..", "u/%2E%2E", "u?k=.." },
		{ ".", "u/%2E", "u?k=." },
		{ "...", "u/...", "u?k=..." },
		{ "", "u/", "u?k=" },
		{ "a\r\nb", "u/a%0D%0Ab", "u?k=a%0D%0Ab" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str s = US_STR_INIT;
		us_str_add_text(&s, "u");
		us_url_add_segment(&s, us_slice(rows[i].text));
		assert_string_equal(us_str_text(&s), rows[i].segment);
		us_str_clear(&s);
		us_str_add_text(&s, "u");
		us_url_add_query(&s, "k", us_slice(rows[i].text));
		assert_string_equal(us_str_text(&s), rows[i].query);
		us_url_add_query_int(&s, "n", -7);
		assert_non_null(strstr(us_str_text(&s), "&n=-7"));
		us_str_fini(&s);
	}
}

static void origins_are_compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "https://h/x", "https://h/y?z", true },
		{ "https://h/x", "https://H:443/", true },
		{ "http://h:80", "HTTP://h/", true },
		{ "https://h/", "http://h/", false },
		{ "https://h/", "https://h:444/", false },
		{ "https://h/", "https://h.evil.example/", false },
		{ "https://h/", "https://h@evil.example/", false },
		{ "https://h/", "https://u@h/", false },
		{ "https://u@h/", "https://u@h/", false },
		{ "https://[::1]:8/", "https://[::1]:8/a", true },
		{ "https://h/", "/relative", false },
		{ "https://h/", "", false },
		{ "https://h/", "https:///", false },
		{ "https://h/", "ftp://h/", false },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_row(i, us_url_is_same_origin(rows[i].a, rows[i].b) == rows[i].same);
}

static void locations_are_resolved(void **state)
{
	static const struct {
		const char *location, *want;
	} rows[] = {
		{ "/c?d", "https://h:8/c?d" },
		{ "c", "https://h:8/a/c" },
		{ "https://e/x", "https://e/x" },
		{ "//e/x", "https://e/x" },
		{ "file:///etc/passwd", NULL },
		{ "gopher://h/", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str s = US_STR_INIT;
		bool ok = us_url_resolve(&s, "https://h:8/a/b", rows[i].location);
		assert_row(i, ok == !!rows[i].want);
		if (ok)
			assert_string_equal(us_str_text(&s), rows[i].want);
		us_str_fini(&s);
	}
}

static void messages_name_no_more_than_the_origin(void **state)
{
	struct us_str s = US_STR_INIT;

	us_url_add_origin(&s, "https://h:8443/users?username=someone");
	us_url_add_origin(&s, "http://h:80/");
	us_url_add_origin(&s, "nonsense");
	assert_string_equal(us_str_text(&s), "https://h:8443http://h?");
	us_str_fini(&s);
}

static void a_proxy_is_named_without_its_password(void **state)
{
	static const struct {
		const char *url, *want;
	} rows[] = {
		{ "http://u:p@h:3128/x", "http://h:3128" },
		{ "socks5h://u:p%40w@d@h", "socks5h://h" },
		{ "http://h:3128", "http://h:3128" },
		{ "http://h/@x", "http://h" },
		{ "u:p@h:1", "h:1" },
		{ "http://u:p@", "http://" },
		{ "", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str s = US_STR_INIT;
		us_url_add_without_user(&s, rows[i].url);
		assert_string_equal(us_str_text(&s), rows[i].want);
		us_str_fini(&s);
	}
}

static void form_bodies_are_escaped(void **state)
{
	struct us_str s = US_STR_INIT;

	us_url_add_form(&s, "a", us_slice("1"));
	us_url_add_form(&s, "client_secret", us_slice("s3cret/of+the=tests &"));
	assert_string_equal(us_str_text(&s), "a=1&client_secret=s3cret%2Fof%2Bthe%3Dtests%20%26");
	us_str_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_and_values_are_escaped),
		cmocka_unit_test(origins_are_compared),
		cmocka_unit_test(locations_are_resolved),
		cmocka_unit_test(messages_name_no_more_than_the_origin),
		cmocka_unit_test(a_proxy_is_named_without_its_password),
		cmocka_unit_test(form_bodies_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
