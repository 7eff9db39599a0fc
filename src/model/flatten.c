#include "model/flatten.h"

struct frame {
	const struct us_json *node;
	struct us_slice path; /* of node itself */
	size_t at;            /* next child */
};

/* Values of a field before their number is known: a list that is turned into an array at the end. */
struct value {
	struct value *next;
	struct us_slice text;
};

struct growing {
	struct us_slice name;
	struct value *first, **last;
	size_t n;
};

struct flat {
	struct us_arena *arena;
	struct growing *fields;
	size_t n, cap;
	bool is_full;
};

static struct growing *field_for(struct flat *f, struct us_slice name)
{
	for (size_t i = 0; i < f->n; i++)
		if (us_slice_is_equal(f->fields[i].name, name))
			return &f->fields[i];
	if (f->n == US_FLATTEN_MAX_FIELDS) {
		f->is_full = true;
		return NULL;
	}
	if (f->n == f->cap) {
		struct growing *grown = us_arena_array(f->arena, f->cap ? f->cap * 2 : 32, sizeof *grown);
		if (f->n) /* each has a value by now, so no last points into the old array */
			memcpy(grown, f->fields, f->n * sizeof *grown);
		f->fields = grown;
		f->cap = f->cap ? f->cap * 2 : 32;
	}
	struct growing *g = &f->fields[f->n++];
	*g = (struct growing) { .name = name };
	g->last = &g->first;
	return g;
}

static struct us_slice text_of(struct us_arena *arena, const struct us_json *node)
{
	switch (node->type) {
	case US_JSON_NULL:
		return US_SLICE_NONE;
	case US_JSON_STRING:
		return node->string;
	case US_JSON_BOOL:
		return node->boolean ? US_SLICE("true") : US_SLICE("false");
	case US_JSON_INT:
		return us_slice(us_arena_printf(arena, "%lld", (long long) node->integer));
	case US_JSON_DOUBLE:
	case US_JSON_ARRAY:
	case US_JSON_OBJECT:
		break;
	}
	struct us_str s = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&s);
	us_jsonw_value(&w, node);
	struct us_slice text = us_slice_dup(arena, us_str_slice(&s));
	us_str_fini(&s);
	return text;
}

static void add_value(struct flat *f, struct us_slice name, const struct us_json *node)
{
	struct us_slice text = text_of(f->arena, node);
	struct growing *g = text.p ? field_for(f, name) : NULL;

	if (!g)
		return;
	struct value *v = us_arena_alloc(f->arena, sizeof *v);
	*v = (struct value) { .text = text };
	*g->last = v;
	g->last = &v->next;
	g->n++;
}

static struct us_slice join(struct us_arena *arena, struct us_slice path, struct us_slice key)
{
	if (!path.n)
		return key;
	char *p = us_arena_alloc(arena, path.n + 1 + key.n + 1);
	memcpy(p, path.p, path.n);
	p[path.n] = '.';
	memcpy(p + path.n + 1, key.p, key.n);
	p[path.n + 1 + key.n] = '\0';
	return (struct us_slice) { p, path.n + 1 + key.n };
}

static bool is_left_out(const char *const *leave_out, struct us_slice key)
{
	for (; leave_out && *leave_out; leave_out++)
		if (us_slice_is(key, *leave_out))
			return true;
	return false;
}

static bool is_container(const struct us_json *node) { return node->type == US_JSON_ARRAY || node->type == US_JSON_OBJECT; }

bool us_flatten(struct us_arena *arena, const struct us_json *object, const char *const *leave_out, size_t extra,
	struct us_field **ret_fields, size_t *ret_n)
{
	struct flat f = { .arena = arena };
	struct frame frames[US_FLATTEN_DEPTH];
	size_t depth = 0;

	if (object->type == US_JSON_OBJECT)
		frames[depth++] = (struct frame) { .node = object };
	/* Invariant: frames[0..depth) are the containers that have children left to see, innermost last. */
	while (depth) {
		struct frame *top = &frames[depth - 1];
		bool is_object = top->node->type == US_JSON_OBJECT;
		if (top->at == (is_object ? top->node->object.n : top->node->array.n)) {
			depth--;
			continue;
		}
		size_t at = top->at++;
		const struct us_json *child = is_object ? &top->node->object.members[at].value : &top->node->array.items[at];
		struct us_slice path = top->path;
		if (is_object) {
			if (depth == 1 && is_left_out(leave_out, top->node->object.members[at].key))
				continue;
			path = join(arena, top->path, top->node->object.members[at].key);
		}
		if (is_container(child) && depth < US_FLATTEN_DEPTH)
			frames[depth++] = (struct frame) { .node = child, .path = path };
		else
			add_value(&f, path, child);
	}
	struct us_field *out = us_arena_array(arena, f.n + extra, sizeof *out);
	for (size_t i = 0; i < f.n; i++) {
		struct us_slice *values = us_arena_array(arena, f.fields[i].n, sizeof *values);
		size_t n = 0;
		for (const struct value *v = f.fields[i].first; v; v = v->next)
			values[n++] = v->text;
		out[i] = (struct us_field) { f.fields[i].name, values, n };
	}
	*ret_fields = out;
	*ret_n = f.n;
	return !f.is_full;
}
