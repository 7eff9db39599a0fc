#include "unit.h"

#include "model/restriction.h"

static const struct us_slice phones[] = { US_SLICE("+49 1"), US_SLICE("+49 2") };
static const struct us_field attributes[] = { { US_SLICE("phone"), phones, 2 } };
static const struct us_restriction_subject anna = {
	.name = US_SLICE("Anna"), .email = US_SLICE("anna@example.com"), .display_name = US_SLICE("Anna B\xC3\x84R"), .active = true,
	.created_s = 1773052200, .attributes = attributes, .n_attributes = 1,
};

#define PROPERTY(name, type, match, value) \
	"<property-search-restriction><property><name>" name "</name><type>" type "</type></property><match-mode>" match "</match-mode>" value \
	"</property-search-restriction>"
#define VALUE(text) "<value>" text "</value>"
#define BOTH(logic, inside) "<boolean-search-restriction boolean-logic=\"" logic "\"><restrictions>" inside "</restrictions></boolean-search-restriction>"
#define EVERYTHING "<null-search-restriction/>"
#define YES PROPERTY("name", "STRING", "EXACTLY_MATCHES", VALUE("anna"))
#define NO PROPERTY("name", "STRING", "EXACTLY_MATCHES", VALUE("bob"))

static enum us_errc read(struct us_arena *arena, const char *text, const struct us_logic **ret_tree, struct us_err *err)
{
	if (text[0] == '<') {
		const struct us_xml *root;
		enum us_errc rc = us_xml_parse(arena, us_slice(text), US_XML_LIMITS_SMALL, &root, err);
		return rc ? rc : us_restriction_from_xml(arena, US_RESTRICTION_USER, root, ret_tree, err);
	}
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, err);
	return rc ? rc : us_restriction_from_json(arena, US_RESTRICTION_USER, doc, ret_tree, err);
}

static void bodies_find_what_they_say(void **state)
{
	static const struct { const char *body; bool is; } rows[] = {
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>" EVERYTHING, true },
		{ YES, true },
		{ NO, false },
		{ PROPERTY("name", "STRING", "CONTAINS", VALUE("NN")), true },
		{ PROPERTY("name", "STRING", "STARTS_WITH", VALUE("an")), true },
		{ PROPERTY("name", "STRING", "STARTS_WITH", VALUE("n")), false },
		{ PROPERTY("name", "STRING", "ENDS_WITH", VALUE("NA")), true },
		{ PROPERTY("name", "STRING", "GREATER_THAN", VALUE("ann")), true },
		{ PROPERTY("name", "STRING", "LESS_THAN", VALUE("ann")), false },
		{ PROPERTY("name", "string", "contains", VALUE("NN")), true },
		{ PROPERTY("name", "STRING", "CONTAINS", "<value/>"), true },
		{ PROPERTY("displayName", "STRING", "ENDS_WITH", VALUE("b\xC3\xA4r")), true },
		{ PROPERTY("firstName", "STRING", "NULL", ""), true },
		{ PROPERTY("email", "STRING", "NULL", ""), false },
		{ PROPERTY("firstName", "STRING", "CONTAINS", "<value/>"), false },
		{ PROPERTY("active", "BOOLEAN", "EXACTLY_MATCHES", VALUE("true")), true },
		{ PROPERTY("active", "STRING", "EXACTLY_MATCHES", VALUE("False")), false },
		{ PROPERTY("active", "BOOLEAN", "NULL", ""), false },
		{ PROPERTY("createdDate", "DATE", "GREATER_THAN", VALUE("2026-03-09T11:00:00.000+0100")), true },
		{ PROPERTY("createdDate", "DATE", "LESS_THAN", VALUE("2026-03-09T11:00:00.000+0100")), false },
		{ PROPERTY("phone", "STRING", "EXACTLY_MATCHES", VALUE("+49 2")), true },
		{ PROPERTY("Phone", "STRING", "STARTS_WITH", VALUE("+49 3")), false },
		{ PROPERTY("phone", "STRING", "NULL", ""), false },
		{ PROPERTY("room", "STRING", "NULL", ""), true },
		{ PROPERTY("room", "STRING", "CONTAINS", VALUE("")), false },
		{ "<property-search-restriction><property><name>name</name><type>STRING</type></property><value>anna</value></property-search-restriction>",
			true },
		{ BOTH("and", YES NO), false },
		{ BOTH("AND", YES YES), true },
		{ BOTH("or", NO YES), true },
		{ BOTH("or", NO NO), false },
		{ BOTH("and", YES), true },
		{ BOTH("and", YES BOTH("or", NO BOTH("and", YES EVERYTHING)) YES), true },
		{ BOTH("and", YES BOTH("or", NO BOTH("and", YES NO) NO) YES), false },
		{ "{\"restriction-type\":\"null-search-restriction\"}", true },
		{ "{\"restriction-type\":\"property-search-restriction\",\"property\":{\"name\":\"name\",\"type\":\"STRING\"},"
		  "\"match-mode\":\"CONTAINS\",\"value\":\"NN\"}", true },
		{ "{\"restrictionType\":\"property-search-restriction\",\"property\":{\"name\":\"name\"},\"matchMode\":\"STARTS_WITH\",\"value\":\"n\"}",
			false },
		{ "{\"property-search-restriction\":{\"property\":{\"name\":\"name\",\"type\":\"STRING\"},\"match-mode\":\"CONTAINS\",\"value\":\"n\"}}",
			true },
		{ "{\"property\":{\"name\":\"active\",\"type\":\"BOOLEAN\"},\"match-mode\":\"EXACTLY_MATCHES\",\"value\":true}", true },
		{ "{\"property\":{\"name\":\"phone\"},\"value\":49}", false },
		{ "{\"property\":{\"name\":\"room\"},\"match-mode\":\"NULL\",\"value\":null}", true },
		{ "{\"boolean-logic\":\"and\",\"restrictions\":[{\"property\":{\"name\":\"name\"},\"value\":\"anna\"},"
		  "{\"booleanLogic\":\"or\",\"restrictions\":[{\"null-search-restriction\":{}}]}]}", true },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		if (read(&arena, rows[i].body, &tree, &err))
			fail_msg("row %zu: %s", i, err.text);
		if (us_restriction_is_met(tree, &anna, &arena) != rows[i].is)
			fail_msg("row %zu: %s: %s", i, rows[i].body, rows[i].is ? "not found" : "found");
	}
	us_arena_fini(&arena);
}

static void errors_name_the_place(void **state)
{
	static const char kinds[] = "is none of property-search-restriction, boolean-search-restriction and null-search-restriction";
	static const struct { const char *body, *why; } rows[] = {
		{ "<user/>", kinds },
		{ BOTH("and", YES "<user/>"), "restrictions[1]: is none of property-search-restriction, boolean-search-restriction and null-search-restriction" },
		{ BOTH("and", YES BOTH("or", NO NO BOTH("xor", YES)) YES), "restrictions[1].restrictions[2]: boolean-logic must be and or or" },
		{ "<boolean-search-restriction><restrictions>" YES "</restrictions></boolean-search-restriction>", "boolean-logic must be and or or" },
		{ "<boolean-search-restriction boolean-logic='or'/>", "there are no restrictions in it" },
		{ BOTH("or", ""), "there are no restrictions in it" },
		{ "<property-search-restriction><value>x</value></property-search-restriction>", "the property has no name" },
		{ PROPERTY("name", "NUMBER", "CONTAINS", VALUE("x")), "the property's type must be STRING, BOOLEAN or DATE" },
		{ PROPERTY("name", "STRING", "LIKE", VALUE("x")),
			"match-mode must be EXACTLY_MATCHES, CONTAINS, STARTS_WITH, ENDS_WITH, GREATER_THAN, LESS_THAN or NULL" },
		{ PROPERTY("name", "STRING", "CONTAINS", ""), "there is no value to compare with" },
		{ PROPERTY("active", "BOOLEAN", "CONTAINS", VALUE("t")), "true and false can only be equal" },
		{ PROPERTY("createdDate", "DATE", "CONTAINS", VALUE("2026")), "a date can only be equal, greater or less" },
		{ "[]", "is no object" },
		{ "{}", "has no restriction-type" },
		{ "{\"restriction-type\":\"x\"}", kinds },
		{ "{\"boolean-logic\":\"or\",\"restrictions\":{}}", "there are no restrictions in it" },
		{ "{\"boolean-logic\":\"or\",\"restrictions\":[1]}", "restrictions[0]: is no object" },
		{ "{\"property\":{\"name\":\"name\"},\"value\":null}", "there is no value to compare with" },
		{ "{\"property\":{\"name\":\"name\"},\"value\":{}}", "there is no value to compare with" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		assert_row(i, read(&arena, rows[i].body, &tree, &err) == US_INVALID);
		if (strcmp(err.text, rows[i].why) != 0)
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, err.text, rows[i].why);
	}
	us_arena_fini(&arena);
}

static void add_nested(struct us_str *s, int depth)
{
	us_str_clear(s);
	for (int i = 0; i < depth; i++)
		us_str_add_text(s, "<boolean-search-restriction boolean-logic=\"and\"><restrictions>");
	us_str_add_text(s, YES);
	for (int i = 0; i < depth; i++)
		us_str_add_text(s, "</restrictions></boolean-search-restriction>");
}

static void depth_and_number_are_bounded(void **state)
{
	struct us_xml_limits deep = { 1 << 20, US_XML_MAX_DEPTH, 100000 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str s = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_xml *root;
	const struct us_logic *tree;

	/* What XML's own bound lets through: 30 booleans with a property inside. */
	add_nested(&s, 30);
	assert_int_equal(us_xml_parse(&arena, us_str_slice(&s), deep, &root, &err), US_OK);
	assert_int_equal(us_restriction_from_xml(&arena, US_RESTRICTION_USER, root, &tree, &err), US_OK);
	assert_true(us_restriction_is_met(tree, &anna, &arena));
	for (int more = 0; more < 2; more++) {
		const struct us_json *doc;
		us_str_clear(&s);
		for (int i = 0; i < US_LOGIC_MAX_DEPTH + more; i++)
			us_str_add_text(&s, "{\"boolean-logic\":\"and\",\"restrictions\":[");
		us_str_add_text(&s, "{\"null-search-restriction\":{}}");
		for (int i = 0; i < US_LOGIC_MAX_DEPTH + more; i++)
			us_str_add_text(&s, "]}");
		assert_int_equal(us_json_parse(&arena, us_str_slice(&s), (struct us_json_limits) { 1 << 20, 100, 10000 }, &doc, &err), US_OK);
		assert_int_equal(us_restriction_from_json(&arena, US_RESTRICTION_USER, doc, &tree, &err), more ? US_INVALID : US_OK);
		us_str_clear(&s);
		us_str_add_text(&s, "{\"boolean-logic\":\"or\",\"restrictions\":[");
		for (int i = 0; i < US_LOGIC_MAX_LEAVES + more; i++)
			us_str_add_text(&s, i ? ",{\"null-search-restriction\":{}}" : "{\"null-search-restriction\":{}}");
		us_str_add_text(&s, "]}");
		assert_int_equal(read(&arena, us_str_text(&s), &tree, &err), more ? US_INVALID : US_OK);
	}
	assert_string_equal(err.text, "restrictions[1000]: too many restrictions");
	us_str_fini(&s);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_find_what_they_say),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(depth_and_number_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
