#include "unit.h"

#include "model/scim_filter.h"
#include "model/scim_resource.h"

static const char barbara[] =
	"{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\",\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"],"
	"\"id\":\"u7\",\"externalId\":\"Ab-1\",\"userName\":\"bJensen\",\"name\":{\"familyName\":\"O'Malley\",\"givenName\":\"Barbara\"},"
	"\"title\":\"Guide\",\"userType\":\"Employee\",\"active\":true,"
	"\"emails\":[{\"value\":\"bjensen@example.com\",\"type\":\"work\",\"primary\":true},{\"value\":\"babs@Example.org\",\"type\":\"home\"}],"
	"\"groups\":[{\"value\":\"g1\",\"display\":\"Guides\"}],"
	"\"meta\":{\"resourceType\":\"User\",\"created\":\"2010-01-23T04:56:22Z\",\"lastModified\":\"2011-05-13T04:42:34Z\"},"
	"\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"employeeNumber\":\"701984\",\"department\":\"Tour \\\"A\\\"\"}}";

static const struct us_json *parse(struct us_arena *arena, const char *text)
{
	const struct us_json *doc;

	assert_int_equal(us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, NULL), US_OK);
	return doc;
}

static void filters_find_what_they_say(void **state)
{
	static const struct { const char *filter; bool is; } rows[] = {
		/* As the RFC has them. */
		{ "userName eq \"bjensen\"", true },
		{ "name.familyName co \"O'Malley\"", true },
		{ "userName sw \"J\"", false },
		{ "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"B\"", true },
		{ "title pr", true },
		{ "meta.lastModified gt \"2011-05-13T04:42:34Z\"", false },
		{ "meta.lastModified ge \"2011-05-13T04:42:34Z\"", true },
		{ "meta.lastModified lt \"2011-05-13T04:42:34Z\"", false },
		{ "meta.lastModified le \"2011-05-13T04:42:34Z\"", true },
		{ "title pr and userType eq \"Employee\"", true },
		{ "title pr or userType eq \"Intern\"", true },
		{ "schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"", true },
		{ "userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")", true },
		{ "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")", false },
		{ "userType eq \"Employee\" and (emails.type eq \"work\")", true },
		{ "userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]", true },
		{ "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]", true },
		/* Case, words and values. */
		{ "USERNAME EQ \"BJENSEN\"", true },
		{ "userName eq \"bjensen\" AND active eq TRUE", true },
		{ "id eq \"u7\"", true },
		{ "id eq \"U7\"", false },
		{ "externalId eq \"ab-1\"", false },
		{ "externalId ne \"ab-1\"", true },
		{ "active eq true", true },
		{ "active eq \"True\"", true },
		{ "active eq \"false\"", false },
		{ "active ne false", true },
		{ "active eq null", false },
		{ "nickName eq null", true },
		{ "nickName ne null", false },
		{ "nickName pr", false },
		{ "nickName ne \"x\"", true },
		{ "nickName co \"\"", false },
		{ "title co \"\"", true },
		{ "emails pr", true },
		{ "ims pr", false },
		{ "not (ims pr)", true },
		{ "emails.display pr", false },
		{ "userName gt \"b\"", true },
		{ "userName lt \"b\"", false },
		{ "userName ge \"bjensen\" and userName le \"bjensen\"", true },
		{ "title ew \"IDE\"", true },
		{ "meta.created eq \"2010-01-23T05:56:22+01:00\"", true },
		{ "meta.created eq \"2010-01-23T04:56:22.000Z\"", true },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"701984\"", true },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 701984", true },
		{ "URN:ietf:params:scim:schemas:extension:Enterprise:2.0:user:department eq \"tour \\\"a\\\"\"", true },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"tour \\u0022a\\u0022\"", true },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division pr", false },
		{ "urn:ietf:params:scim:schemas:core:2.0:User:id eq \"u7\"", true },
		/* Of several values, one. */
		{ "emails eq \"BABS@example.org\"", true },
		{ "emails.value eq \"babs@example.org\" and emails.type eq \"work\"", true },
		{ "emails[value eq \"babs@example.org\" and type eq \"work\"]", false },
		{ "emails[not (type eq \"work\")]", true },
		{ "emails[type eq \"work\" or type eq \"fax\"]", true },
		{ "emails[type eq \"fax\"]", false },
		{ "emails[primary eq true].value eq \"bjensen@example.com\"", true },
		{ "emails[type eq \"home\"].value eq \"bjensen@example.com\"", false },
		{ "emails[type eq \"home\"].primary pr", false },
		{ "not (emails[type eq \"fax\"])", true },
		{ "emails ne \"bjensen@example.com\"", true },
		{ "groups eq \"g1\"", true },
		{ "groups.display eq \"guides\"", true },
		/* Brackets and order. */
		{ "title pr or active eq false and userType eq \"x\"", true },
		{ "(title pr or active eq false) and userType eq \"x\"", false },
		{ "not title pr", false },
		{ "not (not (title pr))", true },
		{ "title pr and(active eq true)", true },
		{ "  title   pr  ", true },
	};
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *user = parse(&arena, barbara);
	struct us_scim_judge judge = { .scratch = &arena };

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		if (us_scim_filter_parse(&arena, &us_scim_user, us_slice(rows[i].filter), false, &tree, &err))
			fail_msg("%s: %s", rows[i].filter, err.text);
		if (us_scim_filter_is_met(tree, user, &judge) != rows[i].is)
			fail_msg("%s: %s", rows[i].filter, rows[i].is ? "not found" : "found");
	}
	us_arena_fini(&arena);
}

static void errors_name_the_place(void **state)
{
	static const char operators[] = "eq, ne, co, sw, ew, gt, ge, lt, le or pr must stand here";
	static const struct { const char *filter; size_t at; const char *why; } rows[] = {
		{ "", 0, "a condition must stand here" },
		{ "  ", 2, "a condition must stand here" },
		{ "userName", 8, operators },
		{ "userName is \"x\"", 9, operators },
		{ "userName eq", 11, "a text in double quotes, a number, true, false or null must stand here" },
		{ "userName eq x", 12, "a text in double quotes, a number, true, false or null must stand here" },
		{ "userName eq 'x'", 12, "a text in double quotes, a number, true, false or null must stand here" },
		{ "userName eq 01", 12, "a text in double quotes, a number, true, false or null must stand here" },
		{ "userName eq \"x", 12, "this quote is not closed" },
		{ "userName eq \"x\\\"", 12, "this quote is not closed" },
		{ "userName eq \"x\\q\"", 12, "this is no string of JSON" },
		{ "userName eq true", 12, "it is compared with a text in double quotes" },
		{ "userName gt null", 12, "null can only be compared by eq and ne" },
		{ "active gt true", 10, "true and false can only be compared by eq and ne" },
		{ "active eq \"yes\"", 10, "it is compared with true or false" },
		{ "meta.created co \"2011\"", 16, "a date can only be compared by eq, ne, gt, ge, lt and le" },
		{ "meta.created gt \"2011\"", 16, "it is compared with a date, such as \"2026-03-09T10:30:00Z\"" },
		{ "x509Certificates.value co \"x\"", 26, "binary values can only be compared by eq and ne" },
		{ "name eq \"x\"", 8, "a sub-attribute must be named to compare it" },
		{ "shoeSize pr", 0, "there is no such attribute" },
		{ "title pr and shoeSize eq 1", 13, "there is no such attribute" },
		{ "name.nick pr", 0, "there is no such attribute" },
		{ "title.x pr", 0, "there is no such attribute" },
		{ "urn:x:y pr", 0, "there is no such attribute" },
		{ "urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr", 0, "there is no such attribute" },
		{ "urn:ietf:params:scim:schemas:core:2.0:User pr", 0, "a schema alone is no attribute" },
		{ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr", 0, "a schema alone is no attribute" },
		{ "name. pr", 0, "a sub-attribute must stand behind the dot" },
		{ ".name pr", 0, "an attribute must stand here" },
		{ "name.givenName.x pr", 0, "an attribute can only be followed by a dot and a sub-attribute" },
		{ "title pr title pr", 9, "and, or or the end must stand here" },
		{ "title pr and", 12, "a condition must stand here" },
		{ "title pr or or title pr", 12, "there is no such attribute" },
		{ "not not title pr", 4, "not must not stand here twice" },
		{ "title not pr", 6, operators },
		{ "(title pr", 9, "a bracket is not closed" },
		{ "title pr)", 8, "this bracket was not opened" },
		{ "()", 1, "a condition must stand here" },
		{ "title[type eq \"work\"]", 5, "only a list of complex values can be filtered in brackets" },
		{ "name[givenName pr]", 4, "only a list of complex values can be filtered in brackets" },
		{ "emails[]", 7, "a condition must stand here" },
		{ "emails[type eq \"work\"", 6, "this bracket is not closed" },
		{ "emails[(type eq \"work\"]", 22, "a bracket is not closed" },
		{ "emails[size eq 1]", 7, "there is no such sub-attribute" },
		{ "emails[type[value pr]]", 11, operators },
		{ "emails[type pr].x eq \"y\"", 16, "there is no such sub-attribute" },
		{ "emails[type pr].value", 21, operators },
		{ "emails [type pr]", 7, operators },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		char want[200];
		snprintf(want, sizeof want, "at byte %zu: %s", rows[i].at, rows[i].why);
		if (us_scim_filter_parse(&arena, &us_scim_user, us_slice(rows[i].filter), false, &tree, &err) != US_INVALID)
			fail_msg("%s: accepted", rows[i].filter);
		if (strcmp(err.text, want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].filter, err.text, want);
		assert_int_equal(err.native, US_SCIM_INVALID_FILTER);
	}
	us_arena_fini(&arena);
}

static void unknown_attributes_can_be_without_values(void **state)
{
	static const struct { const char *filter; bool is; } rows[] = {
		{ "userName eq \"guides\"", false },
		{ "userName pr", false },
		{ "userName eq null", true },
		{ "userName ne \"x\"", true },
		{ "userName gt 1 or displayName eq \"guides\"", true },
		{ "name.givenName pr or urn:x:y eq \"1\"", false },
	};
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *group = parse(&arena, "{\"id\":\"g1\",\"displayName\":\"Guides\",\"members\":[{\"value\":\"u7\"}]}");
	struct us_scim_judge judge = { .scratch = &arena };

	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_logic *tree;
		struct us_err err = US_ERR_INIT;
		assert_row(i, us_scim_filter_parse(&arena, &us_scim_group, us_slice(rows[i].filter), false, &tree, &err) == US_INVALID);
		if (us_scim_filter_parse(&arena, &us_scim_group, us_slice(rows[i].filter), true, &tree, &err))
			fail_msg("%s: %s", rows[i].filter, err.text);
		assert_row(i, us_scim_filter_is_met(tree, group, &judge) == rows[i].is);
	}
	us_arena_fini(&arena);
}

static bool answer_members(void *data, const struct us_scim_condition *c, bool *ret_is)
{
	int *asked = data;

	if (!c->path.attribute || strcmp(c->path.attribute->name, "members") != 0)
		return false;
	++*asked;
	*ret_is = us_slice_is(c->text, "u9");
	return true;
}

static void what_is_not_in_the_resource_is_asked_for(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *group = parse(&arena, "{\"id\":\"g1\",\"displayName\":\"Guides\"}");
	const struct us_logic *tree;
	int asked = 0;
	struct us_scim_judge judge = { .scratch = &arena, .ask = answer_members, .data = &asked };

	assert_int_equal(us_scim_filter_parse(&arena, &us_scim_group, US_SLICE("id eq \"g1\" and members eq \"u9\""), false, &tree, NULL), US_OK);
	assert_true(us_scim_filter_is_met(tree, group, &judge));
	assert_int_equal(us_scim_filter_parse(&arena, &us_scim_group, US_SLICE("id eq \"g2\" and members eq \"u9\""), false, &tree, NULL), US_OK);
	assert_false(us_scim_filter_is_met(tree, group, &judge));
	assert_int_equal(asked, 1);
	assert_true(us_scim_filter_uses(tree, us_scim_find_attribute(us_scim_group.schema->attributes, US_SLICE("members"))));
	assert_false(us_scim_filter_uses(tree, us_scim_find_attribute(us_scim_group.schema->attributes, US_SLICE("displayName"))));
	us_arena_fini(&arena);
}

static void size_is_bounded(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree;

	us_str_add_text(&text, "title eq \"");
	while (text.n < US_SCIM_FILTER_MAX_BYTES - 1)
		us_str_add_char(&text, 'a');
	us_str_add_char(&text, '"');
	assert_int_equal(us_scim_filter_parse(&arena, &us_scim_user, us_str_slice(&text), false, &tree, &err), US_OK);
	us_str_add_char(&text, ' ');
	assert_int_equal(us_scim_filter_parse(&arena, &us_scim_user, us_str_slice(&text), false, &tree, &err), US_INVALID);
	assert_string_equal(err.text, "the filter is longer than 65536 bytes");
	assert_int_equal(us_scim_filter_parse(&arena, &us_scim_user, US_SLICE("title eq \"\xFF\""), false, &tree, &err), US_INVALID);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_find_what_they_say),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(unknown_attributes_can_be_without_values),
		cmocka_unit_test(what_is_not_in_the_resource_is_asked_for),
		cmocka_unit_test(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
