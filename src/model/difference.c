#include "model/difference.h"

#define HIDDEN "***"

/* A pair of objects that is still to be compared. */
struct pair {
	struct pair *next;
	const char *prefix;
	const struct us_json *old, *fresh;
};

bool us_option_is_secret(const struct us_option *a, const struct us_option *b, struct us_slice name)
{
	for (const struct us_option *o = a; o && o->name; o++)
		if (o->secret && us_slice_is(name, o->name))
			return true;
	for (const struct us_option *o = b; o && o->name; o++)
		if (o->secret && us_slice_is(name, o->name))
			return true;
	return false;
}

static const struct us_json *find(const struct us_json *object, struct us_slice key)
{
	for (size_t i = 0; object && i < object->object.n; i++)
		if (us_slice_is_equal(object->object.members[i].key, key))
			return object->object.members[i].value.type == US_JSON_NULL ? NULL
																		: &object->object.members[i].value;
	return NULL;
}

static bool has(const struct us_json *object, struct us_slice key)
{
	size_t i = 0;

	while (object && i < object->object.n && !us_slice_is_equal(object->object.members[i].key, key))
		i++;
	return object && i < object->object.n;
}

static bool is_equal(const struct us_json *a, const struct us_json *b)
{
	struct us_str left = US_STR_INIT, right = US_STR_INIT;
	struct us_jsonw wl = US_JSONW_INIT(&left), wr = US_JSONW_INIT(&right);

	if (!a || !b)
		return a == b;
	us_jsonw_value(&wl, a);
	us_jsonw_value(&wr, b);
	bool ret = us_slice_is_equal(us_str_slice(&left), us_str_slice(&right));
	us_str_fini(&left);
	us_str_fini(&right);
	return ret;
}

static void append(struct us_arena *arena, const char *field, const struct us_json *old,
	const struct us_json *fresh, bool is_secret, struct us_difference **list)
{
	while (*list)
		list = &(*list)->next;
	*list = us_arena_zalloc(arena, sizeof **list);
	**list = (struct us_difference) { .field = field, .old = old, .fresh = fresh, .is_secret = is_secret };
}

static bool is_object(const struct us_json *v) { return !v || v->type == US_JSON_OBJECT; }

static void compare(struct us_arena *arena, const struct us_option *a, const struct us_option *b,
	const struct pair *pair, struct us_slice key, bool is_top, struct pair ***end,
	struct us_difference **list)
{
	const struct us_json *old = find(pair->old, key), *fresh = find(pair->fresh, key);
	const char *field = us_arena_printf(arena, "%s." US_SLICE_FMT, pair->prefix, US_SLICE_ARG(key));

	if ((old || fresh) && is_object(old) && is_object(fresh) &&
		!((old ? old : fresh)->object.n == 0 && !(old && fresh))) {
		struct pair *inner = us_arena_alloc(arena, sizeof *inner);
		*inner = (struct pair) { .prefix = field, .old = old, .fresh = fresh };
		**end = inner;
		*end = &inner->next;
	} else if (!is_equal(old, fresh)) {
		append(arena, field, old, fresh, is_top && us_option_is_secret(a, b, key), list);
	}
}

void us_difference_add(struct us_arena *arena, const struct us_option *a, const struct us_option *b,
	const char *prefix, const struct us_json *old, const struct us_json *fresh, struct us_difference **list)
{
	struct pair first = { .prefix = prefix, .old = old, .fresh = fresh }, **end = &first.next;

	/* Invariant: every difference in pairs before p is in the list; those behind it are still to be looked
	 * at. */
	for (const struct pair *p = &first; p; p = p->next) {
		for (size_t i = 0; p->fresh && i < p->fresh->object.n; i++)
			compare(arena, a, b, p, p->fresh->object.members[i].key, p == &first, &end, list);
		for (size_t i = 0; p->old && i < p->old->object.n; i++)
			if (!has(p->fresh, p->old->object.members[i].key))
				compare(arena, a, b, p, p->old->object.members[i].key, p == &first, &end, list);
	}
}

void us_difference_add_value(struct us_arena *arena, const char *field, const struct us_json *old,
	const struct us_json *fresh, struct us_difference **list)
{
	if (!is_equal(old, fresh))
		append(arena, field, old, fresh, false, list);
}

static void put_side(struct us_jsonw *w, const char *key, const struct us_json *value, bool is_secret)
{
	us_jsonw_key(w, key);
	if (!value)
		us_jsonw_null(w);
	else if (is_secret)
		us_jsonw_text(w, HIDDEN);
	else
		us_jsonw_value(w, value);
}

void us_difference_write(const struct us_difference *list, struct us_jsonw *w)
{
	us_jsonw_open(w, '[');
	for (const struct us_difference *d = list; d; d = d->next) {
		us_jsonw_open(w, '{');
		us_jsonw_put_text(w, "field", d->field);
		put_side(w, "old", d->old, d->is_secret);
		put_side(w, "new", d->fresh, d->is_secret);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
}
