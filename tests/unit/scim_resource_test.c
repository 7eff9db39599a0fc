#include "unit.h"

#include "model/scim_resource.h"

#define USER "urn:ietf:params:scim:schemas:core:2.0:User"
#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

static const struct us_json *parse(struct us_arena *arena, const char *text)
{
	const struct us_json *doc;
	struct us_err err = US_ERR_INIT;

	if (us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err))
		fail_msg("%s: %s", text, err.text);
	return doc;
}

static void bodies_become_resources_of_the_schema(void **state)
{
	static const struct { const char *body, *resource; } rows[] = {
		{ "{\"userName\":\"a\"}", "{\"schemas\":[\"" USER "\"],\"userName\":\"a\"}" },
		{ "{\"schemas\":[\"" USER "\"],\"USERNAME\":\"a\",\"Name\":{\"GIVENNAME\":\"A\",\"nick\":1}}",
			"{\"schemas\":[\"" USER "\"],\"userName\":\"a\",\"name\":{\"givenName\":\"A\"}}" },
		{ "{\"schemas\":[\"" USER "\",\"urn:x:y\"],\"userName\":\"a\",\"urn:x:y\":{\"z\":1},\"shoeSize\":44,\"id\":\"9\",\"groups\":[{\"value\":\"g\"}],"
		  "\"meta\":{\"created\":1}}",
			"{\"schemas\":[\"" USER "\"],\"userName\":\"a\"}" },
		{ "{\"userName\":\"a\",\"externalId\":\"e\",\"active\":\"True\",\"title\":null,\"emails\":[],\"name\":{}}",
			"{\"schemas\":[\"" USER "\"],\"externalId\":\"e\",\"userName\":\"a\",\"active\":true}" },
		{ "{\"userName\":\"a\",\"emails\":\"a@x\",\"phoneNumbers\":{\"value\":\"1\",\"primary\":\"false\"}}",
			"{\"schemas\":[\"" USER "\"],\"userName\":\"a\",\"emails\":[{\"value\":\"a@x\"}],\"phoneNumbers\":[{\"value\":\"1\",\"primary\":false}]}" },
		{ "{\"userName\":\"a\",\"emails\":[null,{\"size\":1},{\"value\":\"a@x\",\"display\":null}]}",
			"{\"schemas\":[\"" USER "\"],\"userName\":\"a\",\"emails\":[{\"value\":\"a@x\"}]}" },
		{ "{\"userName\":\"a\",\"" ENTERPRISE "\":{\"department\":\"D\",\"manager\":\"u9\",\"x\":1}}",
			"{\"schemas\":[\"" USER "\",\"" ENTERPRISE "\"],\"userName\":\"a\",\"" ENTERPRISE "\":{\"department\":\"D\",\"manager\":{\"value\":\"u9\"}}}" },
		{ "{\"userName\":\"a\",\"" ENTERPRISE "\":{}}", "{\"schemas\":[\"" USER "\"],\"userName\":\"a\"}" },
		{ "{\"userName\":12}", "{\"schemas\":[\"" USER "\"],\"userName\":\"12\"}" },
		{ "{\"userName\":\"a\",\"x509Certificates\":[{\"value\":\"MIIB+A==\"}]}",
			"{\"schemas\":[\"" USER "\"],\"userName\":\"a\",\"x509Certificates\":[{\"value\":\"MIIB+A==\"}]}" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str got = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_jsonw w = US_JSONW_INIT(&got);
		struct us_err err = US_ERR_INIT;
		struct us_json resource;
		if (us_scim_resource_read(&arena, &us_scim_user, parse(&arena, rows[i].body), &resource, &err))
			fail_msg("%s: %s", rows[i].body, err.text);
		us_str_clear(&got);
		us_jsonw_value(&w, &resource);
		assert_string_equal(us_str_text(&got), rows[i].resource);
	}
	us_str_fini(&got);
	us_arena_fini(&arena);
}

static void what_is_no_resource_is_refused(void **state)
{
	static const struct { const char *body; enum us_scim_fault fault; const char *why; } rows[] = {
		{ "[]", US_SCIM_INVALID_SYNTAX, "the body must be an object" },
		{ "{\"schemas\":\"x\",\"userName\":\"a\"}", US_SCIM_INVALID_SYNTAX, "schemas must be a list" },
		{ "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:Group\"],\"userName\":\"a\"}", US_SCIM_INVALID_SYNTAX, "schemas must name " USER },
		{ "{\"schemas\":[],\"userName\":\"a\"}", US_SCIM_INVALID_SYNTAX, "schemas must name " USER },
		{ "{}", US_SCIM_INVALID_VALUE, "userName is missing" },
		{ "{\"userName\":null}", US_SCIM_INVALID_VALUE, "userName is missing" },
		{ "{\"userName\":\" \"}", US_SCIM_INVALID_VALUE, "userName is missing" },
		{ "{\"userName\":\"a\",\"username\":\"b\"}", US_SCIM_INVALID_SYNTAX, "userName is there twice" },
		{ "{\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"givenname\":\"A\"}}", US_SCIM_INVALID_SYNTAX, "givenName is there twice" },
		{ "{\"userName\":true}", US_SCIM_INVALID_VALUE, "userName must be a text" },
		{ "{\"userName\":[\"a\"]}", US_SCIM_INVALID_VALUE, "userName must be a text" },
		{ "{\"userName\":\"a\",\"active\":\"on\"}", US_SCIM_INVALID_VALUE, "active must be true or false" },
		{ "{\"userName\":\"a\",\"active\":1}", US_SCIM_INVALID_VALUE, "active must be true or false" },
		{ "{\"userName\":\"a\",\"name\":\"A B\"}", US_SCIM_INVALID_VALUE, "name must be an object" },
		{ "{\"userName\":\"a\",\"name\":{\"givenName\":{}}}", US_SCIM_INVALID_VALUE, "name.givenName must be a text" },
		{ "{\"userName\":\"a\",\"addresses\":\"street\"}", US_SCIM_INVALID_VALUE, "addresses must be a list of objects" },
		{ "{\"userName\":\"a\",\"emails\":[[\"x\"]]}", US_SCIM_INVALID_VALUE, "emails must be a list of objects" },
		{ "{\"userName\":\"a\",\"emails\":[{\"value\":\"x\",\"primary\":true},{\"value\":\"y\",\"primary\":\"True\"}]}", US_SCIM_INVALID_VALUE,
			"emails has more than one primary value" },
		{ "{\"userName\":\"a\",\"x509Certificates\":[{\"value\":\"M!\"}]}", US_SCIM_INVALID_VALUE, "x509Certificates.value must be a text in base64" },
		{ "{\"userName\":\"a\",\"x509Certificates\":[{\"value\":\"M===\"}]}", US_SCIM_INVALID_VALUE, "x509Certificates.value must be a text in base64" },
		{ "{\"userName\":\"a\",\"" ENTERPRISE "\":[]}", US_SCIM_INVALID_SYNTAX, ENTERPRISE " must be an object" },
	};
	struct us_arena arena = US_ARENA_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_json resource;
		assert_row(i, us_scim_resource_read(&arena, &us_scim_user, parse(&arena, rows[i].body), &resource, &err) == US_INVALID);
		if (strcmp(err.text, rows[i].why) != 0 || err.native != (int) rows[i].fault)
			fail_msg("row %zu: got \"%s\" (%s), want \"%s\"", i, err.text, us_scim_fault_name(err.native), rows[i].why);
	}
	us_arena_fini(&arena);
}

static const char anna[] =
	"{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"userName\":\"a\",\"password\":\"secret\",\"name\":{\"givenName\":\"A\",\"familyName\":\"B\"},"
	"\"emails\":[{\"value\":\"a@x\",\"type\":\"work\"}],\"meta\":{\"resourceType\":\"User\"},\"" ENTERPRISE "\":{\"department\":\"D\",\"division\":\"V\"}}";

static void projections_show_what_was_asked_for(void **state)
{
	static const struct { const char *show, *hide, *written; } rows[] = {
		{ NULL, NULL,
			"{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"userName\":\"a\",\"name\":{\"givenName\":\"A\",\"familyName\":\"B\"},"
			"\"emails\":[{\"value\":\"a@x\",\"type\":\"work\"}],\"meta\":{\"resourceType\":\"User\"},\"" ENTERPRISE
			"\":{\"department\":\"D\",\"division\":\"V\"}}" },
		{ "userName", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"userName\":\"a\"}" },
		{ "USERNAME, name.familyname", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"userName\":\"a\",\"name\":{\"familyName\":\"B\"}}" },
		{ USER ":emails.value", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"emails\":[{\"value\":\"a@x\"}]}" },
		{ ENTERPRISE, NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"" ENTERPRISE "\":{\"department\":\"D\",\"division\":\"V\"}}" },
		{ ENTERPRISE ":division", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"" ENTERPRISE "\":{\"division\":\"V\"}}" },
		{ "password", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\"}" },
		{ "shoeSize,,emails[type pr],meta", NULL, "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"meta\":{\"resourceType\":\"User\"}}" },
		{ "name,emails", "name.givenName,emails", "{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"name\":{\"familyName\":\"B\"}}" },
		{ NULL, "id,schemas,name,emails.type,meta," ENTERPRISE,
			"{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"userName\":\"a\",\"emails\":[{\"value\":\"a@x\"}]}" },
		{ NULL, "userName,name,emails,meta," ENTERPRISE ":division",
			"{\"schemas\":[\"" USER "\"],\"id\":\"u1\",\"" ENTERPRISE "\":{\"department\":\"D\"}}" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str got = US_STR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_jsonw w = US_JSONW_INIT(&got);
		struct us_scim_projection p;
		us_scim_projection_init(&p, &us_scim_user, rows[i].show != NULL);
		for (const char *at = rows[i].show; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
			us_scim_projection_show(&p, (struct us_slice) { at, strcspn(at, ",") });
		for (const char *at = rows[i].hide; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
			us_scim_projection_hide(&p, (struct us_slice) { at, strcspn(at, ",") });
		us_str_clear(&got);
		us_scim_resource_write(&w, parse(&arena, anna), &p);
		if (strcmp(us_str_text(&got), rows[i].written) != 0)
			fail_msg("row %zu: got %s", i, us_str_text(&got));
	}
	us_str_fini(&got);
	us_arena_fini(&arena);
}

static void what_is_hidden_need_not_be_made(void **state)
{
	struct us_scim_projection p;

	us_scim_projection_init(&p, &us_scim_group, false);
	assert_true(us_scim_projection_shows(&p, US_SLICE("members")));
	us_scim_projection_hide(&p, US_SLICE("members"));
	assert_false(us_scim_projection_shows(&p, US_SLICE("members")));
	us_scim_projection_show(&p, US_SLICE("members.value"));
	assert_true(us_scim_projection_shows(&p, US_SLICE("members")));
	assert_true(us_scim_projection_shows(&p, US_SLICE("members.value")));
	assert_false(us_scim_projection_shows(&p, US_SLICE("members.display")));
	assert_true(us_scim_projection_shows(&p, US_SLICE("meta")));
	assert_false(us_scim_projection_shows(&p, US_SLICE("emails")));
}

/* The tables hold to what the code that uses them takes for granted. */
static void the_tables_are_sound(void **state)
{
	const struct us_scim_schema *schemas[] = { us_scim_user.schema, us_scim_user.extension, us_scim_group.schema, &us_scim_common };

	for (size_t i = 0; i < countof(schemas); i++) {
		unsigned n = 0;
		for (const struct us_scim_attribute *a = schemas[i]->attributes; a->name; a++, n++) {
			unsigned n_sub = 0;
			assert_true(us_scim_find_attribute(schemas[i]->attributes, us_slice(a->name)) == a);
			assert_true((a->type == US_SCIM_COMPLEX) == (a->sub != NULL));
			assert_true(a->description && (a->type != US_SCIM_REFERENCE || a->refers_to));
			for (const struct us_scim_attribute *sub = a->sub; sub && sub->name; sub++, n_sub++) {
				assert_true(us_scim_find_attribute(a->sub, us_slice(sub->name)) == sub);
				assert_true(sub->type != US_SCIM_COMPLEX && !sub->is_multi && !sub->sub && sub->description);
				assert_true(sub->type != US_SCIM_REFERENCE || sub->refers_to);
			}
			/* Lists are kept by their index, of the core schema. */
			assert_true(!a->is_multi || schemas[i] == us_scim_user.schema || schemas[i] == us_scim_group.schema || i == 3);
			assert_true(n_sub < 32);
		}
		assert_true(n < US_SCIM_MAX_ATTRIBUTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_become_resources_of_the_schema),
		cmocka_unit_test(what_is_no_resource_is_refused),
		cmocka_unit_test(projections_show_what_was_asked_for),
		cmocka_unit_test(what_is_hidden_need_not_be_made),
		cmocka_unit_test(the_tables_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
