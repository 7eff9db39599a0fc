#include "base/json_build.h"

static void *grow(struct us_arena *arena, void *items, size_t n, size_t *cap, size_t bytes)
{
	if (n < *cap)
		return items;
	*cap = *cap ? 2 * *cap : 4;
	void *more = us_arena_alloc(arena, *cap * bytes);
	if (n)
		memcpy(more, items, n * bytes);
	return more;
}

void us_json_object_add(struct us_json_object *o, struct us_slice key, struct us_json value)
{
	o->members = grow(o->arena, o->members, o->n, &o->cap, sizeof *o->members);
	o->members[o->n++] = (struct us_json_member) { key, value };
}

static size_t find(const struct us_json_object *o, struct us_slice key)
{
	size_t i = 0;

	while (i < o->n && !us_slice_is_equal(o->members[i].key, key))
		i++;
	return i;
}

void us_json_object_set(struct us_json_object *o, struct us_slice key, struct us_json value)
{
	size_t i = find(o, key);

	if (i < o->n)
		o->members[i].value = value;
	else
		us_json_object_add(o, key, value);
}

void us_json_object_remove(struct us_json_object *o, struct us_slice key)
{
	size_t i = find(o, key);

	if (i == o->n)
		return;
	memmove(&o->members[i], &o->members[i + 1], (o->n - i - 1) * sizeof *o->members);
	o->n--;
}

void us_json_object_add_text(struct us_json_object *o, const char *key, struct us_slice text)
{
	if (text.p)
		us_json_object_add(o, us_slice(key), us_json_of_text(text));
}

struct us_json_object us_json_object_of(struct us_arena *arena, const struct us_json *from)
{
	struct us_json_object o = { .arena = arena };

	for (size_t i = 0; from && from->type == US_JSON_OBJECT && i < from->object.n; i++)
		us_json_object_add(&o, from->object.members[i].key, from->object.members[i].value);
	return o;
}

struct us_json us_json_object_done(const struct us_json_object *o)
{
	return (struct us_json) { .type = US_JSON_OBJECT, .object = { o->members, o->n } };
}

void us_json_array_add(struct us_json_array *a, struct us_json value)
{
	a->items = grow(a->arena, a->items, a->n, &a->cap, sizeof *a->items);
	a->items[a->n++] = value;
}

struct us_json us_json_array_done(const struct us_json_array *a)
{
	return (struct us_json) { .type = US_JSON_ARRAY, .array = { a->items, a->n } };
}

static bool is_equal_object(const struct us_json *a, const struct us_json *b)
{
	if (a->object.n != b->object.n)
		return false;
	for (size_t i = 0; i < a->object.n; i++) {
		const struct us_json_member *m = &a->object.members[i];
		size_t k = 0;
		while (k < b->object.n && !us_slice_is_equal(b->object.members[k].key, m->key))
			k++;
		if (k == b->object.n || !us_json_is_equal(&m->value, &b->object.members[k].value))
			return false;
	}
	return true;
}

bool us_json_is_equal(const struct us_json *a, const struct us_json *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case US_JSON_NULL: return true;
	case US_JSON_BOOL: return a->boolean == b->boolean;
	case US_JSON_INT: return a->integer == b->integer;
	case US_JSON_DOUBLE: return a->number == b->number;
	case US_JSON_STRING: return us_slice_is_equal(a->string, b->string);
	case US_JSON_OBJECT: return is_equal_object(a, b);
	case US_JSON_ARRAY:
		if (a->array.n != b->array.n)
			return false;
		for (size_t i = 0; i < a->array.n; i++)
			if (!us_json_is_equal(&a->array.items[i], &b->array.items[i]))
				return false;
		return true;
	}
	return false;
}
