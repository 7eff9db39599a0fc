#include "model/scim_patch.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"

static enum us_errc wrong(struct us_err *err, size_t index, enum us_scim_fault fault, const char *why)
{
	return us_err_set_native(err, US_INVALID, fault, "Operations[%zu]: %s", index, why);
}

static enum us_errc in_operation(struct us_err *err, size_t index) { return us_err_prefix(err, "Operations[%zu]", index); }

/* ---- reading ---- */

struct reader {
	struct us_arena *arena;
	const struct us_scim_kind *kind;
	struct us_scim_operation *list;
	size_t n, cap;
	size_t index; /* of the operation that is being read */
	struct us_err *err;
};

static void put(struct reader *r, enum us_scim_op op, struct us_scim_path path, const struct us_json *value)
{
	if (r->n == r->cap) {
		struct us_scim_operation *more = us_arena_array(r->arena, r->cap = r->cap ? 2 * r->cap : 8, sizeof *more);
		if (r->n)
			memcpy(more, r->list, r->n * sizeof *more);
		r->list = more;
	}
	r->list[r->n++] = (struct us_scim_operation) { op, path, value, r->index };
}

static bool is_read_only(const struct us_scim_path *path)
{
	return path->attribute->mutability == US_SCIM_READ_ONLY ||
		(path->sub && (path->sub->mutability == US_SCIM_READ_ONLY || path->sub->mutability == US_SCIM_IMMUTABLE));
}

static bool is_required(const struct us_scim_path *path) { return path->attribute->is_required && !path->sub && !path->filter; }

/* The value in the form that the operation's path asks for; *ret_value is NULL if there is none. */
static enum us_errc read_value(struct reader *r, const struct us_scim_path *path, const struct us_json *from, const struct us_json **ret_value)
{
	const struct us_scim_attribute *a = path->sub ? path->sub : path->attribute;
	struct us_json *value = us_arena_zalloc(r->arena, sizeof *value);

	*ret_value = NULL;
	if (!from)
		return US_OK;
	enum us_errc rc = us_scim_value_read(r->arena, path->sub ? path->attribute : NULL, a, from, value, r->err);
	if (rc)
		return in_operation(r->err, r->index);
	if (value->type == US_JSON_NULL)
		return US_OK;
	if (path->filter && !path->sub) {
		if (value->array.n != 1)
			return wrong(r->err, r->index, US_SCIM_INVALID_VALUE, "a path that ends in a filter takes one object");
		value = &value->array.items[0];
	}
	*ret_value = value;
	return US_OK;
}

/* One attribute. is_strict: it was named by a path of its own. */
static enum us_errc read_attribute(struct reader *r, enum us_scim_op op, const struct us_scim_path *path, const struct us_json *from, bool is_strict)
{
	const struct us_json *value = NULL;

	if (path->schema == &us_scim_common && us_slice_is(us_slice(path->attribute->name), "schemas"))
		return US_OK;
	if (is_read_only(path)) {
		if (!is_strict)
			return US_OK;
		return us_err_set_native(r->err, US_INVALID, US_SCIM_MUTABILITY, "Operations[%zu]: %s%s%s cannot be changed", r->index,
			path->attribute->name, path->sub ? "." : "", path->sub ? path->sub->name : "");
	}
	/* A remove says by values what goes from a list; elsewhere they mean nothing. */
	bool has_value = op != US_SCIM_REMOVE || (path->attribute->is_multi && !path->filter && !path->sub);
	enum us_errc rc = has_value ? read_value(r, path, from, &value) : US_OK;
	if (rc)
		return rc;
	if (op == US_SCIM_ADD && !value)
		return US_OK;
	if (op == US_SCIM_REMOVE && from && has_value && !value)
		return US_OK;
	if (op == US_SCIM_REPLACE && !value)
		op = US_SCIM_REMOVE;
	/* It is neither shown nor compared, so nobody could see that nothing has become of it. */
	if (path->attribute->mutability == US_SCIM_WRITE_ONLY && is_strict && op == US_SCIM_REMOVE)
		return us_err_set_native(r->err, US_INVALID, US_SCIM_MUTABILITY, "Operations[%zu]: %s can be set, but not removed", r->index, path->attribute->name);
	if (path->attribute->mutability == US_SCIM_WRITE_ONLY && value && value->type == US_JSON_STRING && !value->string.n)
		return us_err_set_native(r->err, US_INVALID, US_SCIM_INVALID_VALUE, "Operations[%zu]: %s is empty", r->index, path->attribute->name);
	if (op == US_SCIM_REMOVE && is_required(path))
		return us_err_set_native(r->err, US_INVALID, US_SCIM_MUTABILITY, "Operations[%zu]: %s is required and cannot be removed", r->index,
			path->attribute->name);
	put(r, op, *path, value);
	return US_OK;
}

/* The members of an object: attributes of `extension`, or, if it is NULL, of the resource. */
static enum us_errc read_object(struct reader *r, enum us_scim_op op, const struct us_json *object, const struct us_scim_schema *extension)
{
	if (object->type != US_JSON_OBJECT)
		return wrong(r->err, r->index, US_SCIM_INVALID_VALUE, "the value must be an object with the attributes that change");
	for (size_t i = 0; i < object->object.n; i++) {
		const struct us_json_member *m = &object->object.members[i];
		struct us_scim_path path = { .schema = extension };
		enum us_errc rc = US_OK;
		if (extension)
			path.attribute = us_scim_find_attribute(extension->attributes, m->key);
		if (!path.attribute && us_scim_path_parse_plain(r->kind, m->key, &path, NULL))
			continue;
		if (path.attribute)
			rc = read_attribute(r, op, &path, &m->value, false);
		else if (!extension && m->value.type != US_JSON_NULL)
			rc = read_object(r, op, &m->value, path.schema);
		if (rc)
			return rc;
	}
	return US_OK;
}

static enum us_errc remove_extension(struct reader *r, const struct us_scim_schema *extension)
{
	for (const struct us_scim_attribute *a = extension->attributes; a->name; a++)
		put(r, US_SCIM_REMOVE, (struct us_scim_path) { .schema = extension, .attribute = a }, NULL);
	return US_OK;
}

static enum us_errc read_operation(struct reader *r, const struct us_json *from)
{
	struct us_slice word = us_json_string(from, "op"), text = us_json_string(from, "path");
	const struct us_json *value = us_json_find(from, "value");
	struct us_scim_path path = { 0 };
	enum us_scim_op op;

	if (us_slice_is_nocase(word, "add"))
		op = US_SCIM_ADD;
	else if (us_slice_is_nocase(word, "replace"))
		op = US_SCIM_REPLACE;
	else if (us_slice_is_nocase(word, "remove"))
		op = US_SCIM_REMOVE;
	else
		return wrong(r->err, r->index, US_SCIM_INVALID_SYNTAX, "op must be add, replace or remove");
	if (!value && op != US_SCIM_REMOVE)
		return wrong(r->err, r->index, US_SCIM_INVALID_VALUE, "there is no value");
	if (!us_slice_trim(text).n) {
		if (op == US_SCIM_REMOVE && !value)
			return wrong(r->err, r->index, US_SCIM_NO_TARGET, "a remove needs a path");
		return read_object(r, op, value, NULL);
	}
	enum us_errc rc = us_scim_path_parse(r->arena, r->kind, text, &path, r->err);
	if (rc)
		return in_operation(r->err, r->index);
	if (path.attribute)
		return read_attribute(r, op, &path, value, true);
	if (op == US_SCIM_REMOVE || value->type == US_JSON_NULL)
		return remove_extension(r, path.schema);
	return read_object(r, op, value, path.schema);
}

enum us_errc us_scim_patch_read(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *body,
	struct us_scim_patch *ret_patch, struct us_err *err)
{
	struct reader r = { .arena = arena, .kind = kind, .err = err };
	const struct us_json *list = us_json_find(body, "Operations");

	if (!list)
		list = us_json_find(body, "operations");
	if (!list || list->type != US_JSON_ARRAY || !list->array.n)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_SYNTAX, "Operations must be a list with at least one operation");
	if (list->array.n > US_SCIM_PATCH_MAX_OPERATIONS)
		return us_err_set_native(err, US_INVALID, US_SCIM_TOO_MANY, "there are more than %d operations", US_SCIM_PATCH_MAX_OPERATIONS);
	for (; r.index < list->array.n; r.index++) {
		enum us_errc rc = read_operation(&r, &list->array.items[r.index]);
		if (rc)
			return rc;
	}
	*ret_patch = (struct us_scim_patch) { r.list, r.n };
	return US_OK;
}

/* ---- applying ---- */

/* The resource while it is changed. Lists are copied once, when an operation first changes them, and then changed in place: is_own. */
struct work {
	struct us_arena *arena;
	const struct us_scim_kind *kind;
	struct us_json_object core, extension;
	struct us_json_array list[US_SCIM_MAX_ATTRIBUTES];
	bool is_own[US_SCIM_MAX_ATTRIBUTES];
	size_t n_looked; /* values looked at by all operations */
	struct us_err *err;
};

static struct us_json_object *container_of(struct work *w, const struct us_scim_path *path)
{
	return path->schema->is_extension ? &w->extension : &w->core;
}

static const struct us_json *find_member(const struct us_json_object *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (us_slice_is(o->members[i].key, name))
			return &o->members[i].value;
	return NULL;
}

/* ---- single values ---- */

/* object is of type null if there is none yet; so is the result, if nothing is left in it. */
static struct us_json with_sub(struct us_arena *arena, const struct us_json *object, const char *sub, const struct us_json *value)
{
	struct us_json_object o = us_json_object_of(arena, object);

	if (value)
		us_json_object_set(&o, us_slice(sub), *value);
	else
		us_json_object_remove(&o, us_slice(sub));
	return o.n ? us_json_object_done(&o) : (struct us_json) { .type = US_JSON_NULL };
}

static struct us_json merged(struct us_arena *arena, const struct us_json *object, const struct us_json *with)
{
	struct us_json_object o = us_json_object_of(arena, object);

	for (size_t i = 0; i < with->object.n; i++)
		us_json_object_set(&o, with->object.members[i].key, with->object.members[i].value);
	return us_json_object_done(&o);
}

static void apply_single(struct work *w, const struct us_scim_operation *op)
{
	struct us_json_object *o = container_of(w, &op->path);
	const struct us_scim_attribute *a = op->path.attribute;
	const struct us_json *have = find_member(o, a->name);
	struct us_json value = { .type = US_JSON_NULL };

	if (op->path.sub)
		value = with_sub(w->arena, have, op->path.sub->name, op->op == US_SCIM_REMOVE ? NULL : op->value);
	else if (op->op != US_SCIM_REMOVE)
		value = a->type == US_SCIM_COMPLEX ? merged(w->arena, have, op->value) : *op->value;
	if (value.type == US_JSON_NULL)
		us_json_object_remove(o, us_slice(a->name));
	else
		us_json_object_set(o, us_slice(a->name), value);
}

/* ---- lists ---- */

static struct us_json_array *own_list(struct work *w, const struct us_scim_attribute *a)
{
	unsigned at = us_scim_index(w->kind->schema->attributes, a);

	us_assert(at < US_SCIM_MAX_ATTRIBUTES);
	if (!w->is_own[at]) {
		const struct us_json *have = find_member(&w->core, a->name);
		w->is_own[at] = true;
		w->list[at] = (struct us_json_array) { .arena = w->arena };
		for (size_t i = 0; have && i < have->array.n; i++)
			us_json_array_add(&w->list[at], have->array.items[i]);
	}
	return &w->list[at];
}

/* A value that becomes the primary one takes that from the others. */
static void keep_one_primary(struct work *w, struct us_json_array *list, size_t primary)
{
	static const struct us_json no = { .type = US_JSON_BOOL, .boolean = false };

	if (!us_json_bool(&list->items[primary], "primary", false))
		return;
	for (size_t i = 0; i < list->n; i++)
		if (i != primary && us_json_bool(&list->items[i], "primary", false))
			list->items[i] = with_sub(w->arena, &list->items[i], "primary", &no);
}

/* Two values are one if their `value` is equal and their `type`, or, of members, whose value cannot change, the former alone. */
static struct us_hash identity(const struct us_scim_attribute *a, const struct us_json *v)
{
	const struct us_scim_attribute *value = us_scim_value_of(a);
	struct us_str s = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&s);

	if (value && us_json_find(v, "value")) {
		us_jsonw_value(&w, us_json_find(v, "value"));
		if (value->mutability != US_SCIM_IMMUTABLE && us_json_find(v, "type"))
			us_jsonw_value(&w, us_json_find(v, "type"));
	} else {
		us_jsonw_value(&w, v);
	}
	struct us_hash hash = us_hash_slice(us_str_slice(&s));
	us_str_fini(&s);
	return hash;
}

static void add_values(struct work *w, const struct us_scim_attribute *a, struct us_json_array *list, const struct us_json *values)
{
	struct us_map known = US_MAP_INIT;
	uint32_t *place = us_calloc(list->n + values->array.n, sizeof *place); /* in the list, by the number in known */

	for (size_t i = 0; i < list->n; i++) {
		bool is_new;
		uint32_t number = us_map_put(&known, identity(a, &list->items[i]), &is_new);
		if (is_new)
			place[number] = (uint32_t) i;
	}
	for (size_t i = 0; i < values->array.n; i++) {
		const struct us_json *v = &values->array.items[i];
		bool is_new;
		uint32_t number = us_map_put(&known, identity(a, v), &is_new);
		if (is_new) {
			place[number] = (uint32_t) list->n;
			us_json_array_add(list, *v);
		} else if (v->type == US_JSON_OBJECT) {
			list->items[place[number]] = merged(w->arena, &list->items[place[number]], v);
		}
		keep_one_primary(w, list, place[number]);
	}
	us_map_fini(&known);
	free(place);
}

/* Whether all that `part` says is so in v. */
static bool has_all(const struct us_json *v, const struct us_json *part)
{
	if (v->type != US_JSON_OBJECT || part->type != US_JSON_OBJECT)
		return us_json_is_equal(v, part);
	for (size_t i = 0; i < part->object.n; i++) {
		size_t k = 0;
		while (k < v->object.n && !us_slice_is_equal(v->object.members[k].key, part->object.members[i].key))
			k++;
		if (k == v->object.n || !us_json_is_equal(&v->object.members[k].value, &part->object.members[i].value))
			return false;
	}
	return true;
}

static struct us_hash value_hash(const struct us_json *v)
{
	return us_hash_slice(v->type == US_JSON_OBJECT ? us_json_string(v, "value") : v->type == US_JSON_STRING ? v->string : US_SLICE_NONE);
}

/* Values that are not there go without a word: that they are gone is what was wanted. */
static void remove_values(struct us_json_array *list, const struct us_json *values)
{
	struct us_map wanted = US_MAP_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < values->array.n; i++)
		us_map_put(&wanted, value_hash(&values->array.items[i]), NULL);
	for (size_t i = 0; i < list->n; i++) {
		bool goes = false;
		/* A part without a value is looked for everywhere, by the hash of no text. */
		if (us_map_find(&wanted, value_hash(&list->items[i])) != US_MAP_NONE || us_map_find(&wanted, us_hash_slice(US_SLICE_NONE)) != US_MAP_NONE)
			for (size_t k = 0; k < values->array.n && !goes; k++)
				goes = has_all(&list->items[i], &values->array.items[k]);
		if (!goes)
			list->items[kept++] = list->items[i];
	}
	list->n = kept;
	us_map_fini(&wanted);
}

/* The value that a filter asks for: equalities alone, joined by and. */
static bool make_value(struct work *w, const struct us_scim_path *path, struct us_json *ret_value)
{
	const struct us_scim_attribute *value = us_scim_value_of(path->attribute);
	struct us_json_object o = { .arena = w->arena };

	if (value && value->mutability == US_SCIM_IMMUTABLE)
		return false;
	for (const struct us_logic *leaf = us_logic_next(path->filter, NULL); leaf; leaf = us_logic_next(path->filter, leaf)) {
		const struct us_scim_condition *c = us_scim_condition_of(leaf);
		if (c->operator != US_SCIM_EQ || (leaf->parent && (leaf->parent->kind != US_LOGIC_AND || leaf->parent->parent)))
			return false;
		us_json_object_set(&o, us_slice(c->path.sub->name),
			c->path.sub->type == US_SCIM_BOOLEAN ? us_json_of_bool(c->boolean) : us_json_of_text(c->text));
	}
	*ret_value = us_json_object_done(&o);
	return true;
}

/* One value of a list that the path means; of type null afterwards, if nothing is left of it. */
static void change_value(struct work *w, const struct us_scim_operation *op, struct us_json *v)
{
	if (op->path.sub)
		*v = with_sub(w->arena, v, op->path.sub->name, op->op == US_SCIM_REMOVE ? NULL : op->value);
	else if (op->op == US_SCIM_REMOVE)
		*v = (struct us_json) { .type = US_JSON_NULL };
	else
		*v = op->op == US_SCIM_ADD ? merged(w->arena, v, op->value) : *op->value;
}

static enum us_errc change_values(struct work *w, const struct us_scim_operation *op, struct us_json_array *list)
{
	size_t kept = 0, n_changed = 0, primary = SIZE_MAX;
	struct us_json made;

	for (size_t i = 0; i < list->n; i++) {
		struct us_json v = list->items[i];
		if (!op->path.filter || us_scim_filter_is_met_by_value(op->path.filter, &v, w->arena)) {
			n_changed++;
			change_value(w, op, &v);
			if (v.type == US_JSON_OBJECT && us_json_bool(&v, "primary", false))
				primary = kept;
		}
		if (v.type != US_JSON_NULL)
			list->items[kept++] = v;
	}
	list->n = kept;
	if (!n_changed) {
		if (op->op == US_SCIM_REMOVE)
			return op->path.filter ? wrong(w->err, op->index, US_SCIM_NO_TARGET, "no value fits the filter: there is nothing to remove") : US_OK;
		made = (struct us_json) { .type = US_JSON_NULL };
		if (op->path.filter && !make_value(w, &op->path, &made))
			return wrong(w->err, op->index, US_SCIM_NO_TARGET, "no value fits the filter");
		made = op->path.sub ? with_sub(w->arena, &made, op->path.sub->name, op->value) : merged(w->arena, &made, op->value);
		us_json_array_add(list, made);
		primary = list->n - 1;
	}
	if (primary != SIZE_MAX)
		keep_one_primary(w, list, primary);
	return US_OK;
}

static enum us_errc apply_list(struct work *w, const struct us_scim_operation *op)
{
	const struct us_scim_attribute *a = op->path.attribute;
	const struct us_scim_attribute *value = us_scim_value_of(a);
	struct us_json_array *list = own_list(w, a);

	if ((w->n_looked += list->n) > US_SCIM_PATCH_MAX_LOOKS)
		return wrong(w->err, op->index, US_SCIM_TOO_MANY, "too many operations on a list of this length");
	if (op->path.filter || op->path.sub) {
		enum us_errc rc = change_values(w, op, list);
		if (rc)
			return rc;
	} else if (op->op == US_SCIM_REMOVE && op->value) {
		remove_values(list, op->value);
	} else {
		if (op->op != US_SCIM_ADD)
			list->n = 0;
		if (op->op != US_SCIM_REMOVE)
			add_values(w, a, list, op->value);
	}
	if (list->n > US_SCIM_MAX_VALUES && !(value && value->mutability == US_SCIM_IMMUTABLE))
		return us_err_set_native(w->err, US_INVALID, US_SCIM_TOO_MANY, "Operations[%zu]: %s would have more than %d values", op->index, a->name,
			US_SCIM_MAX_VALUES);
	return US_OK;
}

static struct us_json finish(struct work *w)
{
	for (unsigned i = 0; i < US_SCIM_MAX_ATTRIBUTES; i++) {
		struct us_slice name;
		if (!w->is_own[i])
			continue;
		name = us_slice(w->kind->schema->attributes[i].name);
		if (w->list[i].n)
			us_json_object_set(&w->core, name, us_json_array_done(&w->list[i]));
		else
			us_json_object_remove(&w->core, name);
	}
	if (w->kind->extension) {
		struct us_slice id = us_slice(w->kind->extension->id);
		if (w->extension.n)
			us_json_object_set(&w->core, id, us_json_object_done(&w->extension));
		else
			us_json_object_remove(&w->core, id);
	}
	return us_scim_resource_finish(w->arena, w->kind, &w->core);
}

enum us_errc us_scim_patch_apply(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *resource,
	const struct us_scim_patch *patch, struct us_json *ret_resource, bool *ret_is_changed, struct us_err *err)
{
	struct work w = { .arena = arena, .kind = kind, .core = us_json_object_of(arena, resource), .err = err };

	w.extension = us_json_object_of(arena, kind->extension ? us_json_find(resource, kind->extension->id) : NULL);
	for (size_t i = 0; i < patch->n; i++) {
		const struct us_scim_operation *op = &patch->operations[i];
		enum us_errc rc = US_OK;
		if (op->path.attribute->is_multi)
			rc = apply_list(&w, op);
		else
			apply_single(&w, op);
		if (rc)
			return rc;
	}
	*ret_resource = finish(&w);
	*ret_is_changed = !us_json_is_equal(resource, ret_resource);
	return US_OK;
}
