#include "model/scim_bulk.h"

#include "base/hash.h"
#include "base/map.h"

#define URN "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

static const char *const method_names[] = {
#define X(name) [US_SCIM_BULK_##name] = #name,
	US_SCIM_BULK_METHODS(X)
#undef X
	[US_SCIM_BULK_OTHER] = "",
};

const char *us_scim_bulk_method_name(enum us_scim_bulk_method method) { return method_names[method]; }

static enum us_errc wrong(struct us_err *err, const char *why) { return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "%s", why); }

static bool names_schema(const struct us_json *schemas)
{
	for (size_t i = 0; schemas->type == US_JSON_ARRAY && i < schemas->array.n; i++)
		if (schemas->array.items[i].type == US_JSON_STRING && us_slice_is_nocase(schemas->array.items[i].string, URN))
			return true;
	return false;
}

/* ---- one operation ---- */

static struct us_slice text_of(const struct us_json *from, const char *name)
{
	struct us_slice text = us_json_string(from, name);

	return text.n ? text : US_SLICE_NONE;
}

/* "/Users", "/Groups/g5" */
static const char *read_path(struct us_slice path, struct us_scim_bulk_operation *op)
{
	static const struct us_scim_kind *const kinds[] = { &us_scim_user, &us_scim_group };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(kinds[i]->endpoint);
		if (path.n < n || memcmp(path.p, kinds[i]->endpoint, n) != 0 || (path.n > n && path.p[n] != '/'))
			continue;
		op->kind = kinds[i];
		if (path.n > n + 1)
			op->id = (struct us_slice) { path.p + n + 1, path.n - n - 1 };
	}
	if (!op->kind || (op->id.p && memchr(op->id.p, '/', op->id.n)))
		return "path must be /Users or /Groups, with the id of a resource unless it is a POST";
	if (op->method == US_SCIM_BULK_POST && op->id.p)
		return "the path of a POST has no id";
	return op->method != US_SCIM_BULK_POST && !op->id.p ? "path must end in the id of a resource" : NULL;
}

static const char *read_operation(const struct us_json *from, struct us_scim_bulk_operation *op)
{
	struct us_slice method = us_json_string(from, "method");

	op->method = 0;
	while (op->method < US_SCIM_BULK_OTHER && !us_slice_is_nocase(method, method_names[op->method]))
		op->method++;
	op->bulk_id = text_of(from, "bulkId");
	op->version = text_of(from, "version");
	if (op->method == US_SCIM_BULK_OTHER)
		return "method must be POST, PUT, PATCH or DELETE";
	const char *why = read_path(us_json_string(from, "path"), op);
	if (why)
		return why;
	if (op->method == US_SCIM_BULK_POST && !op->bulk_id.p)
		return "a POST must have a bulkId";
	if (op->method == US_SCIM_BULK_DELETE)
		return NULL;
	op->data = us_json_find(from, "data");
	return op->data && op->data->type == US_JSON_OBJECT ? NULL : "data must be an object";
}

/* ---- references ---- */

struct work {
	struct us_arena *arena;
	struct us_map ids;  /* of the POSTs */
	size_t *places;     /* of the operations, by the number in ids */
	struct us_json **stack; /* values that are still to be looked at */
	size_t n_stack, cap_stack;
	size_t cap_references; /* of the operation at hand */
};

static void push(struct work *w, struct us_json *v)
{
	if (w->n_stack == w->cap_stack) {
		struct us_json **more = us_arena_array(w->arena, w->cap_stack = w->cap_stack ? 2 * w->cap_stack : 64, sizeof *more);
		if (w->n_stack)
			memcpy(more, w->stack, w->n_stack * sizeof *more);
		w->stack = more;
	}
	w->stack[w->n_stack++] = v;
}

static void look(struct work *w, struct us_scim_bulk_operation *op, struct us_slice *text)
{
	static const char prefix[] = "bulkId:";
	size_t n = sizeof prefix - 1;

	if (text->n <= n || !us_slice_is_nocase((struct us_slice) { text->p, n }, prefix))
		return;
	uint32_t at = us_map_find(&w->ids, us_hash_slice((struct us_slice) { text->p + n, text->n - n }));
	if (at == US_MAP_NONE) {
		op->wrong = us_arena_printf(w->arena, "no POST of this request has the bulkId \"%.*s\"", text->n - n > 100 ? 100 : (int) (text->n - n), text->p + n);
		return;
	}
	if (op->n_references == w->cap_references) {
		struct us_scim_bulk_reference *more = us_arena_array(w->arena, w->cap_references = w->cap_references ? 2 * w->cap_references : 4, sizeof *more);
		if (op->n_references)
			memcpy(more, op->references, op->n_references * sizeof *more);
		op->references = more;
	}
	op->references[op->n_references++] = (struct us_scim_bulk_reference) { text, w->places[at] };
}

static void find_references(struct work *w, struct us_scim_bulk_operation *op)
{
	w->cap_references = 0;
	if (op->id.p)
		look(w, op, &op->id);
	/* The members of the object itself, then what is in them: each value is on the stack once. */
	for (size_t i = 0; op->data && i < op->data->object.n; i++)
		push(w, &op->data->object.members[i].value);
	while (w->n_stack) {
		struct us_json *v = w->stack[--w->n_stack];
		if (v->type == US_JSON_STRING)
			look(w, op, &v->string);
		for (size_t i = 0; v->type == US_JSON_ARRAY && i < v->array.n; i++)
			push(w, &v->array.items[i]);
		for (size_t i = 0; v->type == US_JSON_OBJECT && i < v->object.n; i++)
			push(w, &v->object.members[i].value);
	}
}

static void connect(struct us_arena *arena, struct us_scim_bulk *bulk)
{
	struct work w = { .arena = arena, .ids = US_MAP_INIT };

	w.places = us_arena_array(arena, bulk->n + 1, sizeof *w.places);
	for (size_t i = 0; i < bulk->n; i++) {
		struct us_scim_bulk_operation *op = &bulk->operations[i];
		bool is_new;
		if (op->method != US_SCIM_BULK_POST || !op->bulk_id.p)
			continue;
		uint32_t at = us_map_put(&w.ids, us_hash_slice(op->bulk_id), &is_new);
		if (is_new)
			w.places[at] = i;
		else
			op->wrong = "an operation before it has this bulkId";
	}
	for (size_t i = 0; i < bulk->n; i++)
		if (!bulk->operations[i].wrong)
			find_references(&w, &bulk->operations[i]);
	us_map_fini(&w.ids);
}

enum us_errc us_scim_bulk_read(struct us_arena *arena, const struct us_json *body, struct us_scim_bulk *ret_bulk, struct us_err *err)
{
	const struct us_json *list = us_json_find(body, "Operations"), *most = us_json_find(body, "failOnErrors"), *schemas = us_json_find(body, "schemas");
	struct us_scim_bulk bulk = { .most_errors = INT64_MAX };

	if (schemas && schemas->type != US_JSON_NULL && !names_schema(schemas))
		return wrong(err, "schemas must name " URN);
	if (most && most->type != US_JSON_NULL && (most->type != US_JSON_INT || most->integer < 0))
		return wrong(err, "failOnErrors must be a whole number");
	/* 0 says nothing. */
	if (most && most->type == US_JSON_INT && most->integer > 0)
		bulk.most_errors = most->integer;
	if (!list || list->type != US_JSON_ARRAY)
		return wrong(err, "Operations must be a list");
	if (list->array.n > US_SCIM_BULK_MOST_OPERATIONS)
		return us_err_set(err, US_TOO_LARGE, "%zu operations are too many at once; %d are taken", list->array.n, US_SCIM_BULK_MOST_OPERATIONS);
	bulk.n = list->array.n;
	bulk.operations = us_arena_array(arena, bulk.n + 1, sizeof *bulk.operations);
	for (size_t i = 0; i < bulk.n; i++)
		bulk.operations[i].wrong = read_operation(&list->array.items[i], &bulk.operations[i]);
	connect(arena, &bulk);
	*ret_bulk = bulk;
	return US_OK;
}
