#include "model/scim_resource.h"

#include "base/clock.h"

/* ---- reading ---- */

/* An attribute with the one that it is below, for messages. */
struct name {
	const struct us_scim_attribute *of, *attribute;
};

static enum us_errc wrong(struct us_err *err, struct name name, const char *want)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%s%s%s must be %s", name.of ? name.of->name : "", name.of ? "." : "",
		name.attribute->name, want);
}

static bool is_base64(struct us_slice s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '+' || s.p[n] == '/' || (s.p[n] >= '0' && s.p[n] <= '9') || ((s.p[n] | 32) >= 'a' && (s.p[n] | 32) <= 'z')))
		n++;
	for (size_t pad = n; pad < s.n; pad++)
		if (s.p[pad] != '=' || pad - n == 2)
			return false;
	return s.n % 4 == 0;
}

static struct us_slice number_text(struct us_arena *arena, const struct us_json *v)
{
	struct us_str s = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&s);

	us_jsonw_value(&w, v);
	struct us_slice text = us_slice_dup(arena, us_str_slice(&s));
	us_str_fini(&s);
	return text;
}

static enum us_errc read_simple(struct us_arena *arena, struct name name, const struct us_json *v, struct us_json *ret, struct us_err *err)
{
	int64_t at_s;

	switch (name.attribute->type) {
	case US_SCIM_BOOLEAN:
		if (v->type == US_JSON_STRING && (us_slice_is_nocase(v->string, "true") || us_slice_is_nocase(v->string, "false")))
			*ret = us_json_of_bool(v->string.n == 4);
		else if (v->type == US_JSON_BOOL)
			*ret = *v;
		else
			return wrong(err, name, "true or false");
		return US_OK;
	case US_SCIM_DATE:
		if (v->type != US_JSON_STRING || !us_clock_parse(v->string, &at_s))
			return wrong(err, name, "a date, such as \"2026-03-09T10:30:00Z\"");
		break;
	case US_SCIM_BINARY:
		if (v->type != US_JSON_STRING || !is_base64(v->string))
			return wrong(err, name, "a text in base64");
		break;
	case US_SCIM_STRING:
	case US_SCIM_REFERENCE:
		if (v->type == US_JSON_INT || v->type == US_JSON_DOUBLE) {
			*ret = us_json_of_text(number_text(arena, v));
			return US_OK;
		}
		if (v->type != US_JSON_STRING)
			return wrong(err, name, "a text");
		break;
	case US_SCIM_COMPLEX:
		return wrong(err, name, "an object");
	}
	*ret = *v;
	return US_OK;
}

static enum us_errc twice(struct us_err *err, const char *name)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "%s is there twice", name);
}

static enum us_errc read_complex(struct us_arena *arena, const struct us_scim_attribute *a, const struct us_json *v, struct us_json *ret,
	struct us_err *err)
{
	struct us_json_object o = { .arena = arena };
	uint32_t seen = 0;

	if (v->type != US_JSON_OBJECT) {
		const struct us_scim_attribute *value = us_scim_value_of(a);
		struct us_json one;
		if (!value || v->type == US_JSON_ARRAY)
			return wrong(err, (struct name) { NULL, a }, a->is_multi ? "a list of objects" : "an object");
		enum us_errc rc = read_simple(arena, (struct name) { a, value }, v, &one, err);
		if (rc)
			return rc;
		us_json_object_add(&o, us_slice(value->name), one);
		*ret = us_json_object_done(&o);
		return US_OK;
	}
	for (size_t i = 0; i < v->object.n; i++) {
		const struct us_json_member *m = &v->object.members[i];
		const struct us_scim_attribute *sub = us_scim_find_attribute(a->sub, m->key);
		struct us_json one;
		if (!sub || m->value.type == US_JSON_NULL || (sub->mutability == US_SCIM_READ_ONLY && a->mutability != US_SCIM_READ_ONLY))
			continue;
		if (seen & 1u << us_scim_index(a->sub, sub))
			return twice(err, sub->name);
		seen |= 1u << us_scim_index(a->sub, sub);
		enum us_errc rc = read_simple(arena, (struct name) { a, sub }, &m->value, &one, err);
		if (rc)
			return rc;
		us_json_object_add(&o, us_slice(sub->name), one);
	}
	*ret = us_json_object_done(&o);
	return US_OK;
}

static enum us_errc read_list(struct us_arena *arena, const struct us_scim_attribute *a, const struct us_json *v, struct us_json *ret,
	struct us_err *err)
{
	const struct us_json *items = v->type == US_JSON_ARRAY ? v->array.items : v;
	size_t n = v->type == US_JSON_ARRAY ? v->array.n : 1, n_primary = 0;
	struct us_json_array list = { .arena = arena };
	/* Others are named by it: without one, a list of somebody would be taken for a list of nobody. */
	const struct us_scim_attribute *value = us_scim_value_of(a);
	bool needs_value = value && value->mutability == US_SCIM_IMMUTABLE;

	for (size_t i = 0; i < n; i++) {
		struct us_json one = { .type = US_JSON_NULL };
		enum us_errc rc = US_OK;
		if (items[i].type == US_JSON_NULL && !needs_value)
			continue;
		if (a->type == US_SCIM_COMPLEX)
			rc = read_complex(arena, a, &items[i], &one, err);
		else
			rc = read_simple(arena, (struct name) { NULL, a }, &items[i], &one, err);
		if (rc)
			return rc;
		if (one.type == US_JSON_OBJECT && !one.object.n && needs_value)
			return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "one of the %s has no value", a->name);
		if (one.type == US_JSON_OBJECT && !one.object.n)
			continue;
		n_primary += us_json_bool(&one, "primary", false);
		us_json_array_add(&list, one);
	}
	if (n_primary > 1)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%s has more than one primary value", a->name);
	*ret = us_json_array_done(&list);
	return US_OK;
}

static bool is_empty(const struct us_json *v)
{
	return v->type == US_JSON_NULL || (v->type == US_JSON_ARRAY && !v->array.n) || (v->type == US_JSON_OBJECT && !v->object.n);
}

enum us_errc us_scim_value_read(struct us_arena *arena, const struct us_scim_attribute *of, const struct us_scim_attribute *a,
	const struct us_json *v, struct us_json *ret_value, struct us_err *err)
{
	struct us_json value = { .type = US_JSON_NULL };
	enum us_errc rc = US_OK;

	if (v->type == US_JSON_NULL)
		;
	else if (a->is_multi)
		rc = read_list(arena, a, v, &value, err);
	else if (a->type == US_SCIM_COMPLEX)
		rc = read_complex(arena, a, v, &value, err);
	else
		rc = read_simple(arena, (struct name) { of, a }, v, &value, err);
	if (rc)
		return rc;
	*ret_value = is_empty(&value) ? (struct us_json) { .type = US_JSON_NULL } : value;
	return US_OK;
}

/* The attributes of one schema, into o; *seen has a bit of each that was there. */
static enum us_errc read_members(struct us_arena *arena, const struct us_scim_attribute *list, const struct us_json *from,
	struct us_json_object *o, uint32_t *seen, struct us_err *err)
{
	for (size_t i = 0; i < from->object.n; i++) {
		const struct us_json_member *m = &from->object.members[i];
		const struct us_scim_attribute *a = us_scim_find_attribute(list, m->key);
		struct us_json value = { .type = US_JSON_NULL };
		if (!a || a->mutability == US_SCIM_READ_ONLY)
			continue;
		uint32_t bit = 1u << us_scim_index(list, a);
		if (*seen & bit)
			return twice(err, a->name);
		*seen |= bit;
		enum us_errc rc = us_scim_value_read(arena, NULL, a, &m->value, &value, err);
		if (rc)
			return rc;
		if (value.type != US_JSON_NULL)
			us_json_object_add(o, us_slice(a->name), value);
	}
	return US_OK;
}

static enum us_errc check_schemas(const struct us_scim_kind *kind, const struct us_json *body, struct us_err *err)
{
	const struct us_json *schemas = us_json_find(body, "schemas");

	if (!schemas || schemas->type == US_JSON_NULL)
		return US_OK;
	if (schemas->type != US_JSON_ARRAY)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "schemas must be a list");
	for (size_t i = 0; i < schemas->array.n; i++)
		if (schemas->array.items[i].type == US_JSON_STRING && us_slice_is_nocase(schemas->array.items[i].string, kind->schema->id))
			return US_OK;
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "schemas must name %s", kind->schema->id);
}

struct us_json us_scim_resource_finish(struct us_arena *arena, const struct us_scim_kind *kind, struct us_json_object *o)
{
	struct us_json_array schemas = { .arena = arena };
	struct us_json_object whole = { .arena = arena };

	us_json_array_add(&schemas, us_json_of_text(us_slice(kind->schema->id)));
	for (size_t i = 0; kind->extension && i < o->n; i++)
		if (us_slice_is(o->members[i].key, kind->extension->id))
			us_json_array_add(&schemas, us_json_of_text(us_slice(kind->extension->id)));
	us_json_object_add(&whole, US_SLICE("schemas"), us_json_array_done(&schemas));
	for (size_t i = 0; i < o->n; i++)
		if (!us_slice_is(o->members[i].key, "schemas"))
			us_json_object_add(&whole, o->members[i].key, o->members[i].value);
	return us_json_object_done(&whole);
}

static enum us_errc read_extension(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *body, struct us_json_object *o,
	struct us_err *err)
{
	for (size_t i = 0; kind->extension && i < body->object.n; i++) {
		const struct us_json_member *m = &body->object.members[i];
		struct us_json_object own = { .arena = arena };
		uint32_t seen = 0;
		if (!us_slice_is_nocase(m->key, kind->extension->id) || m->value.type == US_JSON_NULL)
			continue;
		if (m->value.type != US_JSON_OBJECT)
			return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "%s must be an object", kind->extension->id);
		enum us_errc rc = read_members(arena, kind->extension->attributes, &m->value, &own, &seen, err);
		if (rc)
			return rc;
		if (own.n)
			us_json_object_set(o, us_slice(kind->extension->id), us_json_object_done(&own));
	}
	return US_OK;
}

enum us_errc us_scim_resource_read(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *body,
	struct us_json *ret_resource, struct us_err *err)
{
	struct us_json_object o = { .arena = arena };
	uint32_t seen = 0, seen_common = 0;
	enum us_errc rc;

	if (body->type != US_JSON_OBJECT)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "the body must be an object");
	if ((rc = check_schemas(kind, body, err)) || (rc = read_members(arena, us_scim_common.attributes, body, &o, &seen_common, err)) ||
		(rc = read_members(arena, kind->schema->attributes, body, &o, &seen, err)) || (rc = read_extension(arena, kind, body, &o, err)))
		return rc;
	for (const struct us_scim_attribute *a = kind->schema->attributes; a->name; a++) {
		struct us_json whole = us_json_object_done(&o);
		const struct us_json *value = us_json_find(&whole, a->name);
		if (a->is_required && (!value || (value->type == US_JSON_STRING && !us_slice_trim(value->string).n)))
			return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%s is missing", a->name);
	}
	*ret_resource = us_scim_resource_finish(arena, kind, &o);
	return US_OK;
}

/* ---- projection ---- */

static void init_list(uint32_t *shown, const struct us_scim_attribute *list, bool is_only)
{
	for (unsigned i = 0; list[i].name; i++) {
		us_assert(i < US_SCIM_MAX_ATTRIBUTES);
		shown[i] = list[i].returned == US_SCIM_ALWAYS || (!is_only && list[i].returned == US_SCIM_DEFAULT) ? UINT32_MAX : 0;
	}
}

void us_scim_projection_init(struct us_scim_projection *p, const struct us_scim_kind *kind, bool is_only)
{
	*p = (struct us_scim_projection) { .kind = kind };
	init_list(p->core, kind->schema->attributes, is_only);
	init_list(p->common, us_scim_common.attributes, is_only);
	if (kind->extension)
		init_list(p->extension, kind->extension->attributes, is_only);
}

static uint32_t *list_of(struct us_scim_projection *p, const struct us_scim_schema *schema)
{
	return schema == p->kind->schema ? p->core : schema == &us_scim_common ? p->common : p->extension;
}

static void change(struct us_scim_projection *p, struct us_slice text, bool is_shown)
{
	struct us_scim_path path;

	if (us_scim_path_parse_plain(p->kind, us_slice_trim(text), &path, NULL))
		return;
	uint32_t *list = list_of(p, path.schema);
	uint32_t bits = path.sub ? 1u << us_scim_index(path.attribute->sub, path.sub) : UINT32_MAX;
	for (unsigned i = 0; path.schema->attributes[i].name; i++) {
		const struct us_scim_attribute *a = &path.schema->attributes[i];
		if ((path.attribute && path.attribute != a) || a->returned == US_SCIM_ALWAYS || a->returned == US_SCIM_NEVER)
			continue;
		list[i] = is_shown ? list[i] | bits : list[i] & ~bits;
	}
}

void us_scim_projection_show(struct us_scim_projection *p, struct us_slice path) { change(p, path, true); }
void us_scim_projection_hide(struct us_scim_projection *p, struct us_slice path) { change(p, path, false); }

static uint32_t bits_of(const struct us_scim_projection *p, struct us_slice text, struct us_scim_path *path)
{
	if (us_scim_path_parse_plain(p->kind, text, path, NULL) || !path->attribute)
		return 0;
	const uint32_t *list = path->schema == p->kind->schema ? p->core : path->schema == &us_scim_common ? p->common : p->extension;
	return list[us_scim_index(path->schema->attributes, path->attribute)];
}

bool us_scim_projection_shows(const struct us_scim_projection *p, struct us_slice text)
{
	struct us_scim_path path = { 0 };
	uint32_t bits = bits_of(p, text, &path);

	return path.sub ? bits & 1u << us_scim_index(path.attribute->sub, path.sub) : bits != 0;
}

bool us_scim_projection_shows_whole(const struct us_scim_projection *p, struct us_slice text)
{
	struct us_scim_path path;

	return bits_of(p, text, &path) == UINT32_MAX;
}

static void write_complex(struct us_jsonw *w, const struct us_json *v, const struct us_scim_attribute *a, uint32_t bits)
{
	if (v->type != US_JSON_OBJECT) {
		us_jsonw_value(w, v);
		return;
	}
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < v->object.n; i++) {
		const struct us_json_member *m = &v->object.members[i];
		const struct us_scim_attribute *sub = us_scim_find_attribute(a->sub, m->key);
		if (!sub || !(bits & 1u << us_scim_index(a->sub, sub)))
			continue;
		us_jsonw_key_slice(w, m->key);
		us_jsonw_value(w, &m->value);
	}
	us_jsonw_close(w, '}');
}

static void write_attribute(struct us_jsonw *w, const struct us_json *v, const struct us_scim_attribute *a, uint32_t bits)
{
	us_jsonw_key(w, a->name);
	if (bits == UINT32_MAX || !a->sub) {
		us_jsonw_value(w, v);
	} else if (v->type == US_JSON_ARRAY) {
		us_jsonw_open(w, '[');
		for (size_t i = 0; i < v->array.n; i++)
			write_complex(w, &v->array.items[i], a, bits);
		us_jsonw_close(w, ']');
	} else {
		write_complex(w, v, a, bits);
	}
}

static void write_extension(struct us_jsonw *w, const struct us_json *v, const struct us_scim_schema *schema, const uint32_t *shown)
{
	bool is_open = false;

	for (size_t i = 0; i < v->object.n; i++) {
		const struct us_scim_attribute *a = us_scim_find_attribute(schema->attributes, v->object.members[i].key);
		unsigned at = a ? us_scim_index(schema->attributes, a) : 0;
		if (!a || !shown[at])
			continue;
		if (!is_open) {
			us_jsonw_key(w, schema->id);
			us_jsonw_open(w, '{');
		}
		is_open = true;
		write_attribute(w, &v->object.members[i].value, a, shown[at]);
	}
	if (is_open)
		us_jsonw_close(w, '}');
}

void us_scim_resource_write_inside(struct us_jsonw *w, const struct us_json *resource, const struct us_scim_projection *p)
{
	for (size_t i = 0; i < resource->object.n; i++) {
		const struct us_json_member *m = &resource->object.members[i];
		const struct us_scim_attribute *a = us_scim_find_attribute(p->kind->schema->attributes, m->key);
		const uint32_t *shown = p->core;
		const struct us_scim_attribute *list = p->kind->schema->attributes;
		if (!a) {
			list = us_scim_common.attributes;
			shown = p->common;
			a = us_scim_find_attribute(list, m->key);
		}
		if (a && shown[us_scim_index(list, a)])
			write_attribute(w, &m->value, a, shown[us_scim_index(list, a)]);
		else if (!a && p->kind->extension && us_slice_is(m->key, p->kind->extension->id) && m->value.type == US_JSON_OBJECT)
			write_extension(w, &m->value, p->kind->extension, p->extension);
	}
}

void us_scim_resource_write(struct us_jsonw *w, const struct us_json *resource, const struct us_scim_projection *projection)
{
	us_jsonw_open(w, '{');
	us_scim_resource_write_inside(w, resource, projection);
	us_jsonw_close(w, '}');
}
