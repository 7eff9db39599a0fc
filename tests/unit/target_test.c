#include "unit.h"

#include "net/target.h"

/* "a|b|c" of the segments, then "?name=value&…" of the parameters. */
static const char *shown(const struct us_target *t, struct us_str *out)
{
	us_str_clear(out);
	for (size_t i = 0; i < t->segments_n; i++) {
		if (i)
			us_str_add_char(out, '|');
		us_str_add_slice(out, t->segments[i]);
	}
	for (size_t i = 0; i < t->query_n; i++) {
		us_str_add_char(out, i ? '&' : '?');
		us_str_add_slice(out, t->query[i].name);
		us_str_add_char(out, '=');
		us_str_add_slice(out, t->query[i].value);
	}
	return us_str_text(out);
}

static void addresses_are_taken_apart(void **state)
{
	static const struct {
		const char *raw, *want; /* NULL: refused */
	} rows[] = {
		{ "/", "" },
		{ "/a/b", "a|b" },
		{ "/a/b/", "a|b" },
		{ "/a//b", "a||b" },
		{ "//", "" },
		{ "/a%2Fb/c", "a/b|c" },
		{ "/a%2fb", "a/b" },
		{ "/100%25", "100%" },
		{ "/a%20b+c", "a b+c" },
		{ "/%F0%9F%98%80", "😀" },
		{ "/😀", "😀" },
		{ "/%D7%A9%D7%9C%D7%95%D7%9D", "שלום" },
		{ "/O%27Brien%22", "O'Brien\"" },
		{ "/..", ".." },
		{ "/a?x=1&y=2", "a?x=1&y=2" },
		{ "/a?x=a+b%2B&&y&=z", "a?x=a b+&y=&=z" },
		{ "/a?x=/?", "a?x=/?" },
		{ "/a?", "a" },
		{ "/a?x=1=2", "a?x=1=2" },
		{ "http://localhost:8080/a/b?c=d", "a|b?c=d" },
		{ "HTTPS://localhost", "" },
		{ "http://localhost?x=1", "?x=1" },
		{ "*", "" },
		{ "", NULL },
		{ "a/b", NULL },
		{ "localhost:443", NULL },
		{ "ftp://localhost/a", NULL },
		{ "/%", NULL },
		{ "/%4", NULL },
		{ "/%4x", NULL },
		{ "/a%00b", NULL },
		{ "/%FF", NULL },
		{ "/%C0%80", NULL },
		{ "/%ED%A0%80", NULL },
		{ "/a?x=%zz", NULL },
		{ "/a?%00=1", NULL },
		{ "/a b", NULL },
		{ "/a\tb", NULL },
		{ "/a#b", NULL },
		{ "/\xff", NULL },
	};
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_target t;
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = us_target_parse(&arena, us_slice(rows[i].raw), &t, &err);
		assert_row(i, rc == (rows[i].want ? US_OK : US_INVALID));
		if (rows[i].want)
			assert_string_equal(shown(&t, &out), rows[i].want);
		us_arena_fini(&arena);
	}
	us_str_fini(&out);
}

static void numbers_of_parts_are_limited(void **state)
{
	for (int more = 0; more < 2; more++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_str path = US_STR_INIT, query = US_STR_INIT;
		struct us_target t;
		struct us_err err = US_ERR_INIT;
		for (int i = 0; i < US_TARGET_SEGMENTS + more; i++)
			us_str_add_text(&path, "/s");
		us_str_add_text(&query, "/?x");
		for (int i = 1; i < US_TARGET_PARAMETERS + more; i++)
			us_str_add_text(&query, "&x");
		assert_int_equal(us_target_parse(&arena, us_str_slice(&path), &t, &err), more ? US_INVALID : US_OK);
		assert_int_equal(us_target_parse(&arena, us_str_slice(&query), &t, &err), more ? US_INVALID : US_OK);
		us_str_fini(&path);
		us_str_fini(&query);
		us_arena_fini(&arena);
	}
}

static void encoded_names_come_back(void **state)
{
	static const char *const names[] = { "plain", "a/b", "100%", "a b+c", "😀", "שלום", "\"'<>&?#", "..", "~_-." };

	for (size_t i = 0; i < countof(names); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_str raw = US_STR_INIT;
		struct us_target t;
		struct us_err err = US_ERR_INIT;
		us_str_add_char(&raw, '/');
		us_target_add_encoded(&raw, us_slice(names[i]));
		us_str_add_text(&raw, "?n=");
		us_target_add_encoded(&raw, us_slice(names[i]));
		assert_int_equal(us_target_parse(&arena, us_str_slice(&raw), &t, &err), US_OK);
		assert_int_equal(t.segments_n, 1);
		assert_slice(t.segments[0], names[i]);
		assert_slice(us_target_parameter(&t, "n"), names[i]);
		assert_null(us_target_parameter(&t, "other").p);
		us_str_fini(&raw);
		us_arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_apart),
		cmocka_unit_test(numbers_of_parts_are_limited),
		cmocka_unit_test(encoded_names_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
