#include "serve/scim_search.h"

#include <stdio.h>

#include "base/hash.h"

/* ---- where parameters come from ---- */

/* Of a .search, its body; else NULL, and the address counts. */
struct input {
	struct us_scim_call *call;
	struct us_arena *arena;
	const struct us_json *body;
};

static enum us_errc wrong(struct us_err *err, enum us_scim_fault fault, const char *why)
{
	return us_err_set_native(err, US_INVALID, fault, "%s", why);
}

static struct us_slice text_of(const struct input *in, const char *name)
{
	if (in->body)
		return us_json_string(in->body, name);
	return us_target_parameter(&in->call->request->target, name);
}

/* *ret is left as it is if the parameter is not there. */
static enum us_errc read_number(const struct input *in, const char *name, enum us_scim_fault fault, int64_t *ret, struct us_err *err)
{
	const struct us_json *v = in->body ? us_json_find(in->body, name) : NULL;
	struct us_slice text = text_of(in, name);

	if (v && v->type == US_JSON_INT)
		*ret = v->integer;
	else if ((v && v->type != US_JSON_NULL && v->type != US_JSON_STRING) || (text.n && !us_slice_to_int(text, ret)))
		return us_err_set_native(err, US_INVALID, fault, "%s must be a whole number", name);
	return US_OK;
}

/* ---- projection ---- */

typedef void change_fn(struct us_scim_projection *p, struct us_slice path);

static void change_each(struct us_scim_projection *p, struct us_slice list, change_fn *change)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t) (comma - list.p) : list.n;
		change(p, (struct us_slice) { list.p, n });
		list.p += n + (comma != NULL);
		list.n -= n + (comma != NULL);
	}
}

static void change_all(const struct input *in, const char *name, struct us_scim_projection *p, change_fn *change)
{
	const struct us_json *v = in->body ? us_json_find(in->body, name) : NULL;

	if (v && v->type == US_JSON_ARRAY) {
		for (size_t i = 0; i < v->array.n; i++)
			if (v->array.items[i].type == US_JSON_STRING)
				change(p, v->array.items[i].string);
	} else {
		change_each(p, text_of(in, name), change);
	}
}

static bool is_given(const struct input *in, const char *name)
{
	const struct us_json *v = in->body ? us_json_find(in->body, name) : NULL;

	return v && v->type == US_JSON_ARRAY ? v->array.n > 0 : text_of(in, name).n > 0;
}

static void read_projection(const struct input *in, const struct us_scim_kind *kind, struct us_scim_projection *p)
{
	us_scim_projection_init(p, kind, is_given(in, "attributes"));
	change_all(in, "attributes", p, us_scim_projection_show);
	change_all(in, "excludedAttributes", p, us_scim_projection_hide);
}

void us_scim_search_read_projection(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_scim_projection *ret_projection)
{
	struct input in = { .call = call };

	read_projection(&in, kind, ret_projection);
}

/* ---- order ---- */

/* Attributes that a directory can be sorted by. */
static const struct {
	const char *attribute, *sub;
	enum us_order users, groups; /* US_ORDER_COUNT: they have none */
} orders[] = {
	{ "userName", NULL, US_ORDER_NAME, US_ORDER_COUNT },
	{ "displayName", NULL, US_ORDER_FULL_NAME, US_ORDER_NAME },
	{ "name", "formatted", US_ORDER_FULL_NAME, US_ORDER_COUNT },
	{ "name", "givenName", US_ORDER_FIRST_NAME, US_ORDER_COUNT },
	{ "name", "familyName", US_ORDER_LAST_NAME, US_ORDER_COUNT },
	{ "emails", NULL, US_ORDER_EMAIL, US_ORDER_COUNT },
	{ "emails", "value", US_ORDER_EMAIL, US_ORDER_COUNT },
	{ "id", NULL, US_ORDER_NUMBER, US_ORDER_NUMBER },
	{ "externalId", NULL, US_ORDER_EXTERNAL_ID, US_ORDER_EXTERNAL_ID },
	{ "meta", "created", US_ORDER_CREATED, US_ORDER_CREATED },
	{ "meta", "lastModified", US_ORDER_UPDATED, US_ORDER_UPDATED },
};

static enum us_errc read_order(const struct input *in, struct us_scim_search *search, struct us_err *err)
{
	const struct us_scim_kind *kind = search->parts[0].kind;
	struct us_slice by = text_of(in, "sortBy"), order = text_of(in, "sortOrder");
	struct us_scim_path path;

	search->order = US_ORDER_NAME;
	if (!by.n)
		return US_OK;
	if (search->n_parts > 1)
		return wrong(err, US_SCIM_INVALID_VALUE, "users and groups can be sorted only apart from each other");
	const char *why = us_scim_path_parse_plain(kind, by, &path, NULL);
	if (why || !path.attribute)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "sortBy: %s", why ? why : "an attribute must be named");
	search->order = US_ORDER_COUNT;
	for (size_t i = 0; i < sizeof orders / sizeof *orders && !path.schema->is_extension; i++)
		if (strcmp(orders[i].attribute, path.attribute->name) == 0 &&
			(path.sub && orders[i].sub ? strcmp(orders[i].sub, path.sub->name) == 0 : !path.sub && !orders[i].sub))
			search->order = us_scim_is_group(kind) ? orders[i].groups : orders[i].users;
	if (search->order == US_ORDER_COUNT)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%s can be sorted by %s, id, externalId, meta.created and meta.lastModified",
			us_scim_is_group(kind) ? "groups" : "users",
			us_scim_is_group(kind) ? "displayName" : "userName, displayName, name.formatted, name.givenName, name.familyName, emails");
	search->is_descending = us_slice_is_nocase(order, "descending");
	if (order.n && !search->is_descending && !us_slice_is_nocase(order, "ascending"))
		return wrong(err, US_SCIM_INVALID_VALUE, "sortOrder must be ascending or descending");
	return US_OK;
}

/* ---- cursors ---- */

/* A cursor is the fingerprint of the search, the part, the number and the key of the place, as hexadecimal digits: nothing is kept here for it,
 * so it does not expire, and one that was made up leads nowhere else than a filter could. */
enum { CURSOR_HEAD = 8 + 1 + 4 };

void us_scim_search_write_cursor(const struct us_scim_search *search, size_t part, const struct us_object_place *place, struct us_str *out)
{
	us_str_printf(out, "%016llx%02zx%08x", (unsigned long long) search->fingerprint, part, place->number);
	for (size_t i = 0; i < place->key.n; i++)
		us_str_printf(out, "%02x", (unsigned char) place->key.p[i]);
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static bool read_hex(struct us_slice text, unsigned char *bytes)
{
	for (size_t i = 0; i < text.n / 2; i++) {
		int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char) (high << 4 | low);
	}
	return text.n % 2 == 0;
}

static uint64_t take_number(const unsigned char *bytes, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void set_fingerprint(const struct input *in, struct us_scim_search *search)
{
	struct us_str s = US_STR_INIT;

	us_str_printf(&s, "%zu %s %d %d ", search->n_parts, search->parts[0].kind->name, (int) search->order, search->is_descending);
	us_str_add_slice(&s, text_of(in, "filter"));
	search->fingerprint = us_hash_slice(us_str_slice(&s)).lo;
	us_str_fini(&s);
}

static enum us_errc read_cursor(const struct input *in, struct us_scim_search *search, struct us_err *err)
{
	const struct us_json *v = in->body ? us_json_find(in->body, "cursor") : NULL;
	struct us_slice text = text_of(in, "cursor");

	search->has_cursor = in->body ? v && v->type == US_JSON_STRING : text.p != NULL;
	if (search->has_cursor || text.n)
		set_fingerprint(in, search);
	if (!text.n)
		return US_OK;
	unsigned char *bytes = us_arena_alloc(in->arena, text.n / 2 + 1);
	struct us_object_place *place = us_arena_zalloc(in->arena, sizeof *place);
	if (text.n < 2 * CURSOR_HEAD || !read_hex(text, bytes))
		return wrong(err, US_SCIM_INVALID_CURSOR, "this is no cursor of this server");
	place->number = (uint32_t) take_number(bytes + 9, 4);
	place->key = (struct us_slice) { (char *) bytes + CURSOR_HEAD, text.n / 2 - CURSOR_HEAD };
	search->cursor_part = bytes[8];
	if (take_number(bytes, 8) != search->fingerprint || search->cursor_part >= search->n_parts || !us_slice_is_utf8(place->key))
		return wrong(err, US_SCIM_INVALID_CURSOR, "this cursor is of another search: filter, order and kind of resource must stay the same");
	search->place = place;
	return US_OK;
}

/* ---- filters that name one resource ---- */

const struct us_scim_condition *us_scim_search_find_key(const struct us_logic *filter)
{
	static const char *const names[] = { "id", "externalId", "userName" };

	for (const struct us_logic *leaf = filter ? us_logic_next(filter, NULL) : NULL; leaf; leaf = us_logic_next(filter, leaf)) {
		const struct us_scim_condition *c = us_scim_condition_of(leaf);
		const struct us_logic *up = leaf->parent;
		while (up && up->kind == US_LOGIC_AND)
			up = up->parent;
		if (up || c->operator != US_SCIM_EQ || !c->path.attribute || c->path.sub)
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (strcmp(c->path.attribute->name, names[i]) == 0)
				return c;
		if (c->path.schema == us_scim_group.schema && strcmp(c->path.attribute->name, "displayName") == 0)
			return c;
	}
	return NULL;
}

/* ---- all of it ---- */

static enum us_errc read_filter(const struct input *in, struct us_scim_search *search, struct us_err *err)
{
	struct us_slice text = text_of(in, "filter");
	enum us_errc rc = US_OK;

	if (!us_slice_trim(text).n)
		return US_OK;
	/* The tree borrows from it, and may outlive the request. */
	text = us_slice_dup(in->arena, text);
	for (size_t i = 0; i < search->n_parts && !rc; i++)
		rc = us_scim_filter_parse(in->arena, search->parts[i].kind, text, search->n_parts > 1, &search->parts[i].filter, err);
	return rc;
}

static enum us_errc read_body(struct input *in, struct us_err *err)
{
	struct us_slice body = in->call->request->body;

	if (in->call->request->method != US_HTTPD_POST)
		return US_OK;
	enum us_errc rc = us_json_parse(in->arena, body, US_JSON_LIMITS_SMALL, &in->body, err);
	if (!rc && in->body->type != US_JSON_OBJECT)
		rc = us_err_set(err, US_INVALID, "the body must be an object");
	if (rc && err)
		err->native = US_SCIM_INVALID_SYNTAX;
	return rc;
}

enum us_errc us_scim_search_read(struct us_scim_call *call, struct us_arena *arena, struct us_scim_search *ret_search, struct us_err *err)
{
	struct us_scim_search search = { .start = 1, .count = US_SCIM_PAGE_ROWS };
	struct input in = { .call = call, .arena = arena };
	enum us_errc rc = read_body(&in, err);

	search.parts[0].kind = call->kind ? call->kind : &us_scim_user;
	search.parts[1].kind = &us_scim_group;
	search.n_parts = call->kind ? 1 : 2;
	if (rc || (rc = read_filter(&in, &search, err)) || (rc = read_order(&in, &search, err)))
		return rc;
	if ((rc = read_cursor(&in, &search, err)) || (rc = read_number(&in, "startIndex", US_SCIM_INVALID_VALUE, &search.start, err)) ||
		(rc = read_number(&in, "count", search.has_cursor ? US_SCIM_INVALID_COUNT : US_SCIM_INVALID_VALUE, &search.count, err)))
		return rc;
	search.start = search.start < 1 ? 1 : search.start;
	search.count = search.count < 0 ? 0 : search.count > US_SCIM_PAGE_MOST ? US_SCIM_PAGE_MOST : search.count;
	for (size_t i = 0; i < search.n_parts; i++)
		read_projection(&in, search.parts[i].kind, &search.parts[i].projection);
	*ret_search = search;
	return US_OK;
}

/* ---- the frame of an answer ---- */

void us_scim_search_write_head(struct us_jsonw *w)
{
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "schemas");
	us_jsonw_open(w, '[');
	us_jsonw_text(w, "urn:ietf:params:scim:api:messages:2.0:ListResponse");
	us_jsonw_close(w, ']');
	us_jsonw_key(w, "Resources");
	us_jsonw_open(w, '[');
}

void us_scim_search_write_tail(struct us_jsonw *w, const struct us_scim_search *search, const struct us_scim_search_end *end)
{
	us_jsonw_close(w, ']');
	if (!search->parts[0].filter || !search->has_cursor)
		us_jsonw_put_int(w, "totalResults", end->n_total);
	us_jsonw_put_int(w, "itemsPerPage", end->n_written);
	if (!search->has_cursor)
		us_jsonw_put_int(w, "startIndex", search->start);
	else if (end->cursor.p)
		us_jsonw_put_string(w, "nextCursor", end->cursor);
	us_jsonw_close(w, '}');
}
