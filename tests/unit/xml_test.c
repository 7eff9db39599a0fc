#include "unit.h"

#include "base/xml.h"

/* The tree again as text: name[attribute=value,…]"text"(children). No recursion: the way back is kept. */
static const char *shown(struct us_str *out, const struct us_xml *root)
{
	const struct us_xml *way[US_XML_MAX_DEPTH];
	size_t depth = 0;
	const struct us_xml *e = root;

	us_str_clear(out);
	for (;;) {
		us_str_add_slice(out, e->name);
		for (size_t i = 0; i < e->n_attributes; i++)
			us_str_printf(out, "[" US_SLICE_FMT "=" US_SLICE_FMT "]", US_SLICE_ARG(e->attributes[i].name),
				US_SLICE_ARG(e->attributes[i].value));
		if (e->text.n)
			us_str_printf(out, "\"" US_SLICE_FMT "\"", US_SLICE_ARG(e->text));
		if (e->first) {
			way[depth++] = e;
			e = e->first;
			us_str_add_char(out, '(');
			continue;
		}
		while (!e->next && depth) {
			e = way[--depth];
			us_str_add_char(out, ')');
		}
		if (e == root)
			return us_str_text(out);
		e = e->next;
		us_str_add_char(out, ' ');
	}
}

static void reads_elements_attributes_and_text(void **state)
{
	static const struct { const char *text, *tree; } rows[] = {
		{ "<a/>", "a" },
		{ "\xEF\xBB\xBF<a/>", "a" },
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<a></a>\n", "a" },
		{ "<?xml version='1.0' encoding='utf-8'?><a/>", "a" },
		{ "<a x='1' y=\"it's\"/>", "a[x=1][y=it's]" },
		{ "<a>one<b/>two</a>", "a\"onetwo\"(b)" },
		{ "<a><b>1</b><c><d/><d>2</d></c><e/></a>", "a(b\"1\" c(d d\"2\") e)" },
		{ "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</a>", "a\"<>&\"'AB\"" },
		{ "<a x='&lt;&#10;'/>", "a[x=<\n]" },
		{ "<a><![CDATA[<b x='1'>&amp;]]></a>", "a\"<b x='1'>&amp;\"" },
		{ "<a><!-- <!DOCTYPE x> --><?p <!DOCTYPE x> ?><![CDATA[<!DOCTYPE x>]]></a>", "a\"<!DOCTYPE x>\"" },
		{ "<a>\xD0\x9E\xD0\xBB\xF0\x9F\x98\x80</a>", "a\"\xD0\x9E\xD0\xBB\xF0\x9F\x98\x80\"" },
		{ "<a>x\r\ny</a>", "a\"x\ny\"" },
		{ "<n:a xmlns:n='urn:x' n:b='1'><n:c/></n:a>", "a[b=1](c)" },
		{ "<n:a><n:b/></n:a>", "a(b)" },
		{ "<a xmlns='urn:x' xml:lang='de'/>", "a[lang=de]" },
		{ "<a x=' two\nlines '/>", "a[x= two lines ]" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_xml *root;
		struct us_err err = US_ERR_INIT;
		if (us_xml_parse(&arena, us_slice(rows[i].text), US_XML_LIMITS_SMALL, &root, &err))
			fail_msg("row %zu: %s", i, err.text);
		if (strcmp(shown(&out, root), rows[i].tree) != 0)
			fail_msg("row %zu: got %s", i, us_str_text(&out));
	}
	us_str_fini(&out);
	us_arena_fini(&arena);
}

static void refuses_with_the_place(void **state)
{
	static const char doctype[] = "a document type (<!DOCTYPE …>) is not allowed here";
	static const struct { const char *text, *why; size_t at; } rows[] = {
		{ "", "the text is empty", 0 },
		{ " \n", "the text is empty", 0 },
		{ "<!DOCTYPE a><a/>", doctype, 0 },
		{ "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", doctype, 22 },
		{ "<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><a/>", doctype, 0 },
		{ "<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>", doctype, 0 },
		{ "<!doctype a><a/>", doctype, 0 },
		{ "<a><!ENTITY x 'y'></a>", doctype, 3 },
		{ "<a>&x;</a>", "Entity 'x' not defined", 6 },
		{ "<a b='&x;'/>", "Entity 'x' not defined", 9 },
		{ "<a>&#0;</a>", "xmlParseCharRef: invalid xmlChar value 0", 7 },
		{ "<a>&#xD800;</a>", "xmlParseCharRef: invalid xmlChar value 55296", 11 },
		{ "<a>\x01</a>", "PCDATA invalid Char value 1", 3 },
		{ "<a><b></a>", "Opening and ending tag mismatch: b line 1 and a", 10 },
		{ "<a", "Couldn't find end of Start Tag a line 1", 2 },
		{ "<a/><b/>", "Extra content at the end of the document", 4 },
		{ "text", "Start tag expected, '<' not found", 0 },
		{ "<a b='1' b='2'/>", "Attribute b redefined", 14 },
		{ "<a xmlns:x='u' xmlns:y='v' x:b='1' y:b='2'/>", "an element has two attributes of one name", 42 },
		{ "<a:b:c/>", "a name with more than one colon", 6 },
		{ "<a>\xFF</a>", "not UTF-8", 0 },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "the document says that it is not in UTF-8", 43 },
		{ "<?xml version='1.0' encoding='UTF-16'?><a/>", "Document labelled UTF-16 but has UTF-8 content", 37 },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_xml *root;
		struct us_err err = US_ERR_INIT;
		char want[200];
		snprintf(want, sizeof want, "at byte %zu: %s", rows[i].at, rows[i].why);
		assert_row(i, us_xml_parse(&arena, us_slice(rows[i].text), US_XML_LIMITS_SMALL, &root, &err) == US_INVALID);
		if (strcmp(err.text, want) != 0)
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, err.text, want);
	}
	us_arena_fini(&arena);
}

static void nul_is_refused(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_xml *root;

	assert_int_equal(us_xml_parse(&arena, US_SLICE("<a>x\0y</a>"), US_XML_LIMITS_SMALL, &root, &err), US_INVALID);
	assert_string_equal(err.text, "at byte 0: not UTF-8");
	us_arena_fini(&arena);
}

static void add_times(struct us_str *s, const char *text, size_t times)
{
	while (times--)
		us_str_add_text(s, text);
}

static enum us_errc parse_with(struct us_str *text, struct us_xml_limits limits, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_xml *root;
	enum us_errc rc = us_xml_parse(&arena, us_str_slice(text), limits, &root, err);

	us_arena_fini(&arena);
	us_str_clear(text);
	return rc;
}

static void every_limit_holds_to_the_one(void **state)
{
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	for (size_t more = 0; more < 2; more++) {
		enum us_errc want = more ? US_TOO_LARGE : US_OK;

		add_times(&text, "<a>", 7 + more);
		add_times(&text, "</a>", 7 + more);
		assert_int_equal(parse_with(&text, (struct us_xml_limits) { 1000, 7, 100 }, &err), want);
		us_str_add_text(&text, "<a><b/><b/><b x='1' y='2'/>");
		add_times(&text, "<c/>", more);
		us_str_add_text(&text, "</a>");
		assert_int_equal(parse_with(&text, (struct us_xml_limits) { 1000, 7, 6 }, &err), want);
		us_str_add_text(&text, "<a>12345");
		add_times(&text, "6", more);
		us_str_add_text(&text, "</a>");
		assert_int_equal(parse_with(&text, (struct us_xml_limits) { 12, 7, 6 }, &err), want);
		us_str_add_text(&text, "<a");
		for (size_t i = 0; i < US_XML_MAX_ATTRIBUTES + more; i++)
			us_str_printf(&text, " x%zu='>'", i);
		us_str_add_text(&text, "/>");
		assert_int_equal(parse_with(&text, US_XML_LIMITS_SMALL, &err), want);
	}
	us_str_fini(&text);
}

/* A tag of a megabyte with attributes would cost seconds if each were compared with all before it. */
static void many_attributes_are_refused_before_they_are_compared(void **state)
{
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	us_str_add_text(&text, "<a><b");
	for (size_t i = 0; i < 80000; i++)
		us_str_printf(&text, " a%zu=''", i);
	assert_int_equal(parse_with(&text, US_XML_LIMITS_SMALL, &err), US_TOO_LARGE);
	assert_string_equal(err.text, "at byte 3: an element has more than 32 attributes");
	us_str_fini(&text);
}

static void children_and_attributes_are_found(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_xml *root;

	assert_int_equal(us_xml_parse(&arena, US_SLICE("<a x=''><b>1</b><b>2</b><c/></a>"), US_XML_LIMITS_SMALL, &root, &err), US_OK);
	assert_slice(us_xml_text(root, "b"), "1");
	assert_slice(us_xml_find(root, "b")->next->text, "2");
	assert_true(us_xml_text(root, "c").p && !us_xml_text(root, "c").n);
	assert_true(us_xml_attribute(root, "x").p && !us_xml_attribute(root, "x").n);
	assert_null(us_xml_text(root, "d").p);
	assert_null(us_xml_attribute(root, "d").p);
	assert_null(us_xml_find(us_xml_find(root, "d"), "e"));
	assert_null(us_xml_attribute(NULL, "x").p);
	us_arena_fini(&arena);
}

static void escaped_text_stands_for_itself(void **state)
{
	static const struct { struct us_slice text; const char *escaped, *back; } rows[] = {
		{ US_SLICE(""), "", "" },
		{ US_SLICE("plain"), "plain", "plain" },
		{ US_SLICE("<a b=\"c\">'&amp;'"), "&lt;a b=&quot;c&quot;&gt;&apos;&amp;amp;&apos;", "<a b=\"c\">'&amp;'" },
		{ US_SLICE(" \t\r\n "), " &#9;&#13;&#10; ", " \t\r\n " },
		{ US_SLICE("\xC3\xA9\xF0\x9F\x98\x80"), "\xC3\xA9\xF0\x9F\x98\x80", "\xC3\xA9\xF0\x9F\x98\x80" },
		{ US_SLICE("a\0b\x01\x7F"), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\x7F", "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\x7F" },
		{ US_SLICE("\xFF\xC3"), "\xEF\xBF\xBD\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ US_SLICE("\xEF\xBF\xBE"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_xml *root;
		struct us_err err = US_ERR_INIT;
		us_str_clear(&out);
		us_xml_add_escaped(&out, rows[i].text);
		assert_string_equal(us_str_text(&out), rows[i].escaped);
		us_str_clear(&out);
		us_str_add_text(&out, "<a x='");
		us_xml_add_escaped(&out, rows[i].text);
		us_str_add_text(&out, "'>");
		us_xml_add_escaped(&out, rows[i].text);
		us_str_add_text(&out, "</a>");
		if (us_xml_parse(&arena, us_str_slice(&out), US_XML_LIMITS_SMALL, &root, &err))
			fail_msg("row %zu: %s", i, err.text);
		assert_slice(root->text, rows[i].back);
		assert_slice(us_xml_attribute(root, "x"), rows[i].back);
	}
	us_str_fini(&out);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_elements_attributes_and_text),
		cmocka_unit_test(refuses_with_the_place),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(every_limit_holds_to_the_one),
		cmocka_unit_test(many_attributes_are_refused_before_they_are_compared),
		cmocka_unit_test(children_and_attributes_are_found),
		cmocka_unit_test(escaped_text_stands_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
