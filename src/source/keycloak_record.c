#include "source/keycloak_record.h"

#include "model/flatten.h"

static void fill(struct us_arena *arena, const struct us_json *json, const char *const *leave_out, struct us_record *r)
{
	struct us_field *fields;

	if (!us_flatten(arena, json, leave_out, 1, &fields, &r->n_fields))
		r->problem = US_SLICE("has more attributes than can be read");
	r->fields = fields;
	r->id = us_json_string(json, "id");
}

void us_keycloak_user_record(struct us_arena *arena, const struct us_json *json, struct us_record *ret_record)
{
	/* What the caller may do is no property of the user. */
	static const char *const leave_out[] = { "access", NULL };
	const struct us_json *enabled = us_json_find(json, "enabled");
	struct us_str raw = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&raw);

	*ret_record = (struct us_record) { .kind = US_RECORD_USER };
	fill(arena, json, leave_out, ret_record);
	if (enabled && enabled->type == US_JSON_BOOL)
		ret_record->active = enabled->boolean ? US_TRI_YES : US_TRI_NO;
	us_jsonw_value(&w, json);
	ret_record->raw = us_slice_dup(arena, us_str_slice(&raw));
	us_str_fini(&raw);
}

void us_keycloak_group_record(struct us_arena *arena, const struct us_json *json, struct us_record *ret_record)
{
	static const char *const leave_out[] = { "access", "subGroups", "subGroupCount", NULL };
	struct us_slice path = us_json_string(json, "path");

	*ret_record = (struct us_record) { .kind = US_RECORD_GROUP };
	fill(arena, json, leave_out, ret_record);
	if (path.n > 1 && path.p[0] == '/') {
		struct us_slice *value = us_arena_alloc(arena, sizeof *value);
		*value = (struct us_slice) { path.p + 1, path.n - 1 };
		((struct us_field *) ret_record->fields)[ret_record->n_fields++] = (struct us_field) { US_SLICE("pathName"), value, 1 };
	}
}
