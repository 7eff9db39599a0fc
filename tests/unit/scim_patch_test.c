#include "unit.h"

#include "model/scim_patch.h"

#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

static const struct us_json *parse(struct us_arena *arena, const char *text)
{
	const struct us_json *doc;
	struct us_err err = US_ERR_INIT;

	if (us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err))
		fail_msg("%s: %s", text, err.text);
	return doc;
}

/* What is tested is between the brackets of Operations. */
static enum us_errc patch(struct us_arena *arena, const struct us_scim_kind *kind, const char *before, const char *operations, struct us_json *ret_after,
	bool *ret_is_changed, struct us_err *err)
{
	char *body = us_arena_printf(arena, "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[%s]}", operations);
	struct us_json_object have = us_json_object_of(arena, parse(arena, before));
	struct us_json whole = us_scim_resource_finish(arena, kind, &have);
	struct us_scim_patch p;
	enum us_errc rc = us_scim_patch_read(arena, kind, parse(arena, body), &p, err);

	return rc ? rc : us_scim_patch_apply(arena, kind, &whole, &p, ret_after, ret_is_changed, err);
}

struct row {
	const char *before, *operations, *after; /* after NULL: as before */
};

static void check(const struct us_scim_kind *kind, const struct row *rows, size_t n)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str got = US_STR_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *after = rows[i].after ? rows[i].after : rows[i].before;
		struct us_json_object o = us_json_object_of(&arena, parse(&arena, after));
		struct us_json want = us_scim_resource_finish(&arena, kind, &o), is;
		struct us_err err = US_ERR_INIT;
		bool is_changed;
		if (patch(&arena, kind, rows[i].before, rows[i].operations, &is, &is_changed, &err))
			fail_msg("row %zu: %s: %s", i, rows[i].operations, err.text);
		struct us_jsonw w = US_JSONW_INIT(&got);
		us_str_clear(&got);
		us_jsonw_value(&w, &is);
		if (!us_json_is_equal(&is, &want))
			fail_msg("row %zu: %s: got %s", i, rows[i].operations, us_str_text(&got));
		assert_row(i, is_changed == (rows[i].after != NULL));
	}
	us_str_fini(&got);
	us_arena_fini(&arena);
}

#define BABS "{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":true},{\"value\":\"b@y\",\"type\":\"home\"}]}"

static void users_change_as_they_should(void **state)
{
	static const struct row rows[] = {
		/* Single values, with a path and without. */
		{ "{\"userName\":\"a\"}", "{\"op\":\"add\",\"path\":\"title\",\"value\":\"Dr\"}", "{\"userName\":\"a\",\"title\":\"Dr\"}" },
		{ "{\"userName\":\"a\",\"title\":\"x\"}", "{\"op\":\"add\",\"path\":\"title\",\"value\":\"Dr\"}", "{\"userName\":\"a\",\"title\":\"Dr\"}" },
		{ "{\"userName\":\"a\",\"title\":\"x\"}", "{\"op\":\"replace\",\"path\":\"TITLE\",\"value\":\"x\"}", NULL },
		{ "{\"userName\":\"a\",\"title\":\"x\"}", "{\"op\":\"remove\",\"path\":\"title\"}", "{\"userName\":\"a\"}" },
		{ "{\"userName\":\"a\",\"title\":\"x\"}", "{\"op\":\"Remove\",\"path\":\"title\",\"value\":\"x\"}", "{\"userName\":\"a\"}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"remove\",\"path\":\"title\"}", NULL },
		{ "{\"userName\":\"a\",\"title\":\"x\"}", "{\"op\":\"replace\",\"path\":\"title\",\"value\":null}", "{\"userName\":\"a\"}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"value\":{\"userName\":\"b\",\"active\":false}}", "{\"userName\":\"b\",\"active\":false}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"path\":\"\",\"value\":{\"title\":\"x\"}}", "{\"userName\":\"a\",\"title\":\"x\"}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"path\":\"urn:ietf:params:scim:schemas:core:2.0:User:userName\",\"value\":\"b\"}",
			"{\"userName\":\"b\"}" },
		/* As Entra sends it: names of operations, booleans in quotes, dotted keys, keys with their schema. */
		{ "{\"userName\":\"a\",\"active\":true}", "{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"False\"}", "{\"userName\":\"a\",\"active\":false}" },
		{ "{\"userName\":\"a\"}",
			"{\"op\":\"Add\",\"value\":{\"displayName\":\"A B\",\"name.givenName\":\"A\",\"name.familyName\":\"B\",\"" ENTERPRISE ":department\":\"X\"}}",
			"{\"userName\":\"a\",\"displayName\":\"A B\",\"name\":{\"givenName\":\"A\",\"familyName\":\"B\"},\"" ENTERPRISE "\":{\"department\":\"X\"}}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"Add\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":\"a@x\"}",
			"{\"userName\":\"a\",\"emails\":[{\"type\":\"work\",\"value\":\"a@x\"}]}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"Replace\",\"path\":\"phoneNumbers[type eq \\\"mobile\\\" and primary eq true].value\",\"value\":\"1\"}",
			"{\"userName\":\"a\",\"phoneNumbers\":[{\"type\":\"mobile\",\"primary\":true,\"value\":\"1\"}]}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"Add\",\"path\":\"roles[primary eq \\\"True\\\"].value\",\"value\":\"r\"}",
			"{\"userName\":\"a\",\"roles\":[{\"primary\":true,\"value\":\"r\"}]}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"Add\",\"path\":\"" ENTERPRISE ":manager\",\"value\":\"u9\"}",
			"{\"userName\":\"a\",\"" ENTERPRISE "\":{\"manager\":{\"value\":\"u9\"}}}" },
		{ "{\"userName\":\"a\",\"" ENTERPRISE "\":{\"manager\":{\"value\":\"u9\"}}}", "{\"op\":\"remove\",\"path\":\"" ENTERPRISE ":manager\"}",
			"{\"userName\":\"a\"}" },
		/* Unknown and read-only attributes in an object are left out. */
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"value\":{\"id\":\"u1\",\"shoeSize\":44,\"urn:x:y\":{\"z\":1},\"groups\":[],\"schemas\":[],\"meta\":{}}}", NULL },
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"value\":{}}", NULL },
		/* Complex values keep what is not named. */
		{ "{\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"familyName\":\"B\"}}", "{\"op\":\"add\",\"path\":\"name\",\"value\":{\"familyName\":\"C\"}}",
			"{\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"familyName\":\"C\"}}" },
		{ "{\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"familyName\":\"B\"}}", "{\"op\":\"replace\",\"value\":{\"name\":{\"familyName\":\"C\"}}}",
			"{\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"familyName\":\"C\"}}" },
		{ "{\"userName\":\"a\",\"name\":{\"givenName\":\"A\"}}", "{\"op\":\"remove\",\"path\":\"name.givenName\"}", "{\"userName\":\"a\"}" },
		/* The extension as a whole. */
		{ "{\"userName\":\"a\"}", "{\"op\":\"add\",\"path\":\"" ENTERPRISE "\",\"value\":{\"department\":\"X\",\"shoeSize\":1}}",
			"{\"userName\":\"a\",\"" ENTERPRISE "\":{\"department\":\"X\"}}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"add\",\"value\":{\"" ENTERPRISE "\":{\"costCenter\":7}}}", "{\"userName\":\"a\",\"" ENTERPRISE "\":{\"costCenter\":\"7\"}}" },
		{ "{\"userName\":\"a\",\"" ENTERPRISE "\":{\"department\":\"X\"}}", "{\"op\":\"remove\",\"path\":\"" ENTERPRISE "\"}", "{\"userName\":\"a\"}" },
		/* Lists: add, replace, remove; one primary. */
		{ BABS, "{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"b@x\",\"type\":\"work\"}]}", NULL },
		{ BABS, "{\"op\":\"add\",\"path\":\"emails\",\"value\":{\"value\":\"b@z\",\"primary\":\"True\"}}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":false},{\"value\":\"b@y\",\"type\":\"home\"},"
			"{\"value\":\"b@z\",\"primary\":true}]}" },
		{ BABS, "{\"op\":\"add\",\"value\":{\"emails\":[\"b@z\"]}}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":true},{\"value\":\"b@y\",\"type\":\"home\"},{\"value\":\"b@z\"}]}" },
		{ BABS, "{\"op\":\"replace\",\"path\":\"emails\",\"value\":[{\"value\":\"b@z\"},{\"value\":\"b@z\"}]}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@z\"}]}" },
		{ BABS, "{\"op\":\"replace\",\"path\":\"emails\",\"value\":[]}", "{\"userName\":\"babs\"}" },
		{ BABS, "{\"op\":\"add\",\"path\":\"emails\",\"value\":[]}", NULL },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails\"}", "{\"userName\":\"babs\"}" },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails\",\"value\":[{\"type\":\"home\"}]}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":true}]}" },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails\",\"value\":[{\"value\":\"b@x\",\"type\":\"home\"}]}", NULL },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails[type eq \\\"work\\\"]\"}", "{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@y\",\"type\":\"home\"}]}" },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails[type eq \\\"work\\\" and value ew \\\"@x\\\"]\"},{\"op\":\"remove\",\"path\":\"emails[type eq \\\"home\\\"].type\"}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@y\"}]}" },
		{ BABS, "{\"op\":\"replace\",\"path\":\"emails[type eq \\\"home\\\"]\",\"value\":{\"value\":\"b@z\",\"primary\":true}}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":false},{\"value\":\"b@z\",\"primary\":true}]}" },
		{ BABS, "{\"op\":\"add\",\"path\":\"emails[type eq \\\"home\\\"]\",\"value\":[{\"display\":\"H\"}]}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@x\",\"type\":\"work\",\"primary\":true},{\"value\":\"b@y\",\"type\":\"home\",\"display\":\"H\"}]}" },
		{ BABS, "{\"op\":\"replace\",\"path\":\"emails.value\",\"value\":\"b@z\"}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"b@z\",\"type\":\"work\",\"primary\":true},{\"value\":\"b@z\",\"type\":\"home\"}]}" },
		{ "{\"userName\":\"a\"}", "{\"op\":\"replace\",\"path\":\"emails.value\",\"value\":\"a@z\"}", "{\"userName\":\"a\",\"emails\":[{\"value\":\"a@z\"}]}" },
		/* Several in order. */
		{ "{\"userName\":\"a\"}", "{\"op\":\"add\",\"path\":\"title\",\"value\":\"x\"},{\"op\":\"remove\",\"path\":\"title\"}", NULL },
		{ BABS, "{\"op\":\"remove\",\"path\":\"emails\"},{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"n@x\"}]}",
			"{\"userName\":\"babs\",\"emails\":[{\"value\":\"n@x\"}]}" },
	};

	check(&us_scim_user, rows, countof(rows));
}

#define TOUR "{\"displayName\":\"Tour\",\"members\":[{\"value\":\"u1\",\"display\":\"A\"},{\"value\":\"u2\"},{\"value\":\"g3\",\"type\":\"Group\"}]}"

static void groups_change_as_they_should(void **state)
{
	static const struct row rows[] = {
		{ "{\"displayName\":\"T\"}", "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"u1\"},{\"value\":\"u1\"},\"u2\"]}",
			"{\"displayName\":\"T\",\"members\":[{\"value\":\"u1\"},{\"value\":\"u2\"}]}" },
		{ "{\"displayName\":\"T\"}", "{\"op\":\"Add\",\"value\":{\"members\":[{\"$ref\":null,\"value\":\"u1\"}]}}",
			"{\"displayName\":\"T\",\"members\":[{\"value\":\"u1\"}]}" },
		{ TOUR, "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"u1\"}]}", NULL },
		{ TOUR, "{\"op\":\"remove\",\"path\":\"members[value eq \\\"u1\\\"]\"}",
			"{\"displayName\":\"Tour\",\"members\":[{\"value\":\"u2\"},{\"value\":\"g3\",\"type\":\"Group\"}]}" },
		{ TOUR, "{\"op\":\"Remove\",\"path\":\"members\",\"value\":[{\"value\":\"u1\"},{\"value\":\"u8\"},{\"value\":\"g3\"}]}",
			"{\"displayName\":\"Tour\",\"members\":[{\"value\":\"u2\"}]}" },
		{ TOUR, "{\"op\":\"remove\",\"value\":{\"members\":[{\"value\":\"u2\"}]}}",
			"{\"displayName\":\"Tour\",\"members\":[{\"value\":\"u1\",\"display\":\"A\"},{\"value\":\"g3\",\"type\":\"Group\"}]}" },
		{ TOUR, "{\"op\":\"Remove\",\"path\":\"members\",\"value\":[]}", NULL },
		{ TOUR, "{\"op\":\"remove\",\"path\":\"members\"}", "{\"displayName\":\"Tour\"}" },
		{ TOUR, "{\"op\":\"replace\",\"path\":\"members\",\"value\":[]}", "{\"displayName\":\"Tour\"}" },
		{ TOUR, "{\"op\":\"replace\",\"path\":\"members\",\"value\":[{\"value\":\"u5\",\"display\":\"left out\"}]}",
			"{\"displayName\":\"Tour\",\"members\":[{\"value\":\"u5\"}]}" },
		{ TOUR, "{\"op\":\"replace\",\"value\":{\"id\":\"g1\",\"displayName\":\"New\"}}",
			"{\"displayName\":\"New\",\"members\":[{\"value\":\"u1\",\"display\":\"A\"},{\"value\":\"u2\"},{\"value\":\"g3\",\"type\":\"Group\"}]}" },
	};

	check(&us_scim_group, rows, countof(rows));
}

static void what_cannot_be_is_refused_with_its_fault(void **state)
{
	static const struct { const char *operations; enum us_scim_fault fault; const char *why; } rows[] = {
		{ "", US_SCIM_INVALID_SYNTAX, "Operations must be a list with at least one operation" },
		{ "1", US_SCIM_INVALID_SYNTAX, "Operations[0]: op must be add, replace or remove" },
		{ "{\"op\":\"move\",\"path\":\"title\"}", US_SCIM_INVALID_SYNTAX, "Operations[0]: op must be add, replace or remove" },
		{ "{\"op\":\"remove\"}", US_SCIM_NO_TARGET, "Operations[0]: a remove needs a path" },
		{ "{\"op\":\"add\",\"path\":\"title\"}", US_SCIM_INVALID_VALUE, "Operations[0]: there is no value" },
		{ "{\"op\":\"replace\",\"value\":\"x\"}", US_SCIM_INVALID_VALUE, "Operations[0]: the value must be an object with the attributes that change" },
		{ "{\"op\":\"add\",\"path\":\"title\",\"value\":\"x\"},{\"op\":\"add\",\"path\":\"shoeSize\",\"value\":1}", US_SCIM_INVALID_PATH,
			"Operations[1]: path \"shoeSize\": there is no such attribute" },
		{ "{\"op\":\"add\",\"path\":\"emails[type eq\",\"value\":1}", US_SCIM_INVALID_PATH,
			"Operations[0]: path \"emails[type eq\": at byte 8: a text in double quotes, a number, true, false or null must stand here" },
		{ "{\"op\":\"add\",\"path\":\"title[value pr]\",\"value\":1}", US_SCIM_INVALID_PATH,
			"Operations[0]: path \"title[value pr]\": at byte 0: only a list of complex values can be filtered in brackets" },
		{ "{\"op\":\"add\",\"path\":\"emails[type pr]x\",\"value\":1}", US_SCIM_INVALID_PATH,
			"Operations[0]: path \"emails[type pr]x\": it must end behind the attribute, or behind a filter in brackets and a sub-attribute" },
		{ "{\"op\":\"replace\",\"path\":\"id\",\"value\":\"u2\"}", US_SCIM_MUTABILITY, "Operations[0]: id cannot be changed" },
		{ "{\"op\":\"remove\",\"path\":\"groups\"}", US_SCIM_MUTABILITY, "Operations[0]: groups cannot be changed" },
		{ "{\"op\":\"replace\",\"path\":\"meta.created\",\"value\":\"x\"}", US_SCIM_MUTABILITY, "Operations[0]: meta.created cannot be changed" },
		{ "{\"op\":\"remove\",\"path\":\"userName\"}", US_SCIM_MUTABILITY, "Operations[0]: userName is required and cannot be removed" },
		{ "{\"op\":\"replace\",\"value\":{\"userName\":null}}", US_SCIM_MUTABILITY, "Operations[0]: userName is required and cannot be removed" },
		{ "{\"op\":\"replace\",\"path\":\"active\",\"value\":\"maybe\"}", US_SCIM_INVALID_VALUE, "Operations[0]: active must be true or false" },
		{ "{\"op\":\"replace\",\"path\":\"title\",\"value\":[\"x\"]}", US_SCIM_INVALID_VALUE, "Operations[0]: title must be a text" },
		{ "{\"op\":\"replace\",\"path\":\"name\",\"value\":\"x\"}", US_SCIM_INVALID_VALUE, "Operations[0]: name must be an object" },
		{ "{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":true}]}", US_SCIM_INVALID_VALUE, "Operations[0]: emails.value must be a text" },
		{ "{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"a\",\"primary\":true},{\"value\":\"b\",\"primary\":true}]}", US_SCIM_INVALID_VALUE,
			"Operations[0]: emails has more than one primary value" },
		{ "{\"op\":\"replace\",\"path\":\"emails[type pr]\",\"value\":[{\"value\":\"a\"},{\"value\":\"b\"}]}", US_SCIM_INVALID_VALUE,
			"Operations[0]: a path that ends in a filter takes one object" },
		{ "{\"op\":\"remove\",\"path\":\"emails[type eq \\\"fax\\\"]\"}", US_SCIM_NO_TARGET,
			"Operations[0]: no value fits the filter: there is nothing to remove" },
		{ "{\"op\":\"remove\",\"path\":\"emails[type eq \\\"fax\\\"].value\"}", US_SCIM_NO_TARGET,
			"Operations[0]: no value fits the filter: there is nothing to remove" },
		{ "{\"op\":\"replace\",\"path\":\"emails[type co \\\"fax\\\"].value\",\"value\":\"x\"}", US_SCIM_NO_TARGET, "Operations[0]: no value fits the filter" },
		{ "{\"op\":\"replace\",\"path\":\"emails[type eq \\\"a\\\" or type eq \\\"b\\\"].value\",\"value\":\"x\"}", US_SCIM_NO_TARGET,
			"Operations[0]: no value fits the filter" },
		{ "{\"op\":\"replace\",\"path\":\"emails[not (type eq \\\"home\\\" or type eq \\\"work\\\")].value\",\"value\":\"x\"}", US_SCIM_NO_TARGET,
			"Operations[0]: no value fits the filter" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_json after;
		bool is_changed;
		assert_row(i, patch(&arena, &us_scim_user, BABS, rows[i].operations, &after, &is_changed, &err) == US_INVALID);
		if (strcmp(err.text, rows[i].why) != 0 || err.native != (int) rows[i].fault)
			fail_msg("row %zu: got \"%s\" (%s), want \"%s\"", i, err.text, us_scim_fault_name(err.native), rows[i].why);
	}
	us_arena_fini(&arena);
}

static void members_keep_their_values(void **state)
{
	static const char *const rows[] = {
		"{\"op\":\"replace\",\"path\":\"members[value eq \\\"u1\\\"].value\",\"value\":\"u9\"}",
		"{\"op\":\"replace\",\"path\":\"members.display\",\"value\":\"x\"}",
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_json after;
	bool is_changed;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_row(i, patch(&arena, &us_scim_group, TOUR, rows[i], &after, &is_changed, &err) == US_INVALID);
		assert_row(i, err.native == US_SCIM_MUTABILITY);
	}
	/* Nobody becomes a member by being looked for. */
	assert_int_equal(patch(&arena, &us_scim_group, TOUR, "{\"op\":\"add\",\"path\":\"members[value eq \\\"u9\\\"]\",\"value\":{\"type\":\"User\"}}", &after,
		&is_changed, &err), US_INVALID);
	assert_int_equal(err.native, US_SCIM_NO_TARGET);
	us_arena_fini(&arena);
}

static void many_operations_and_values_are_bounded(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str s = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_json after;
	bool is_changed;

	for (int i = 0; i <= US_SCIM_PATCH_MAX_OPERATIONS; i++)
		us_str_printf(&s, "%s{\"op\":\"remove\",\"path\":\"title\"}", i ? "," : "");
	assert_int_equal(patch(&arena, &us_scim_user, BABS, us_str_text(&s), &after, &is_changed, &err), US_INVALID);
	assert_int_equal(err.native, US_SCIM_TOO_MANY);
	us_str_clear(&s);
	us_str_add_text(&s, "{\"op\":\"add\",\"path\":\"emails\",\"value\":[");
	for (int i = 0; i < US_SCIM_MAX_VALUES; i++)
		us_str_printf(&s, "%s{\"value\":\"%d\"}", i ? "," : "", i);
	us_str_add_text(&s, "]}");
	assert_int_equal(patch(&arena, &us_scim_user, BABS, us_str_text(&s), &after, &is_changed, &err), US_INVALID);
	assert_string_equal(err.text, "Operations[0]: emails would have more than 1000 values");
	/* Members are as many as there are, but not each of many operations may look at all of them. */
	us_str_clear(&s);
	us_str_add_text(&s, "{\"op\":\"add\",\"path\":\"members\",\"value\":[");
	for (int i = 0; i < 6000; i++)
		us_str_printf(&s, "%s{\"value\":\"u%d\"}", i ? "," : "", i);
	us_str_add_text(&s, "]}");
	assert_int_equal(patch(&arena, &us_scim_group, TOUR, us_str_text(&s), &after, &is_changed, &err), US_OK);
	for (int i = 0; i < US_SCIM_PATCH_MAX_OPERATIONS - 1; i++)
		us_str_printf(&s, ",{\"op\":\"add\",\"path\":\"members\",\"value\":\"u%d\"}", i);
	assert_int_equal(patch(&arena, &us_scim_group, TOUR, us_str_text(&s), &after, &is_changed, &err), US_INVALID);
	assert_int_equal(err.native, US_SCIM_TOO_MANY);
	us_str_fini(&s);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_change_as_they_should),
		cmocka_unit_test(groups_change_as_they_should),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_fault),
		cmocka_unit_test(members_keep_their_values),
		cmocka_unit_test(many_operations_and_values_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
