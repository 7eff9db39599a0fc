/* What a request says of a group's members: who comes and who goes, without loading those who are there */
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "serve/scim_write.h"

/* Whom the operations so far have named, each once: the n-th key of the map is of named[n]. Who is not named is as before, or, if is_cleared, is no
 * member. */
struct named {
	struct us_slice id;
	bool now;
};
struct work {
	struct us_arena *arena;
	struct us_map map;
	struct named *named;
	uint32_t cap;
	bool is_cleared;
};

bool us_scim_is_about_members(const struct us_scim_operation *op)
{
	return op->path.schema == us_scim_group.schema && strcmp(op->path.attribute->name, "members") == 0;
}

static void set(struct work *w, struct us_slice id, bool now)
{
	uint32_t at = us_map_put(&w->map, us_hash_slice(id), NULL);

	if (at >= w->cap)
		w->named = us_realloc(w->named, (w->cap = w->map.cap) * sizeof *w->named);
	w->named[at] = (struct named) { id, now };
}

static void clear(struct work *w)
{
	us_map_fini(&w->map);
	w->map = (struct us_map) US_MAP_INIT;
	w->is_cleared = true;
}

static enum us_errc set_all(struct work *w, const struct us_json *list, const char *where, struct us_err *err)
{
	for (size_t i = 0; list && i < list->array.n; i++) {
		struct us_slice id = us_json_string(&list->array.items[i], "value");
		if (!id.n)
			return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%sa member has no value", where);
		set(w, id, true);
	}
	return US_OK;
}

/* Members that go are told by their value; what else is said of them must be as it is, and may be left out. */
static bool names_values_alone(const struct us_json *list)
{
	for (size_t i = 0; i < list->array.n; i++)
		if (!us_json_string(&list->array.items[i], "value").n || us_json_find(&list->array.items[i], "type") || us_json_find(&list->array.items[i], "$ref"))
			return false;
	return true;
}

/* members[value eq "x"] */
static bool names_one(const struct us_scim_operation *op, struct us_slice *ret_id)
{
	const struct us_logic *filter = op->path.filter;

	if (!filter || filter->kind != US_LOGIC_LEAF || op->path.sub)
		return false;
	const struct us_scim_condition *c = us_scim_condition_of(filter);
	*ret_id = c->text;
	return c->operator == US_SCIM_EQ && c->path.sub && strcmp(c->path.sub->name, "value") == 0;
}

static enum us_errc remove_one(struct us_scim_call *call, struct work *w, struct us_slice group, struct us_slice id, size_t index, struct us_err *err)
{
	uint32_t at = us_map_find(&w->map, us_hash_slice(id));
	bool is = at != US_MAP_NONE && w->named[at].now;
	enum us_errc rc = US_OK;

	if (at == US_MAP_NONE && !w->is_cleared)
		rc = call->target->find_member(call, group, id, &is, err);
	if (!rc && !is)
		rc = us_err_set_native(err, US_INVALID, US_SCIM_NO_TARGET, "Operations[%zu]: there is no member \"%.*s\" to remove", index,
			id.n > 100 ? 100 : (int) id.n, id.p);
	if (!rc)
		set(w, id, false);
	return rc;
}

static enum us_errc take(struct us_scim_call *call, struct work *w, struct us_slice group, const struct us_scim_operation *op, bool *ret_needs_all,
	struct us_err *err)
{
	struct us_slice id = US_SLICE_NONE;

	if (op->path.sub || (op->path.filter && (op->op != US_SCIM_REMOVE || !names_one(op, &id))) ||
		(op->op == US_SCIM_REMOVE && op->value && !names_values_alone(op->value))) {
		*ret_needs_all = true;
		return US_OK;
	}
	if (op->path.filter)
		return remove_one(call, w, group, id, op->index, err);
	if (op->op == US_SCIM_REMOVE && op->value) {
		for (size_t i = 0; i < op->value->array.n; i++)
			set(w, us_json_string(&op->value->array.items[i], "value"), false);
		return US_OK;
	}
	if (op->op != US_SCIM_ADD)
		clear(w);
	return op->op == US_SCIM_REMOVE ? US_OK : set_all(w, op->value, us_arena_printf(w->arena, "Operations[%zu]: ", op->index), err);
}

static void finish(struct work *w, struct us_scim_members_change *change)
{
	change->replaces = w->is_cleared;
	change->added = us_arena_array(w->arena, w->map.n + 1, sizeof *change->added);
	change->removed = us_arena_array(w->arena, w->map.n + 1, sizeof *change->removed);
	for (uint32_t i = 0; i < w->map.n; i++)
		if (w->named[i].now)
			change->added[change->n_added++] = w->named[i].id;
		else if (!w->is_cleared)
			change->removed[change->n_removed++] = w->named[i].id;
	us_map_fini(&w->map);
	free(w->named);
}

enum us_errc us_scim_members_change_read(struct us_scim_call *call, struct us_slice group, const struct us_scim_patch *patch,
	struct us_scim_members_change *ret_change, struct us_err *err)
{
	struct us_scim_members_change change = { 0 };
	struct work w = { .arena = call->arena, .map = US_MAP_INIT };
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < patch->n && !rc && !change.needs_all; i++)
		if (us_scim_is_about_members(&patch->operations[i]))
			rc = take(call, &w, group, &patch->operations[i], &change.needs_all, err);
	finish(&w, &change);
	if (!rc)
		*ret_change = change;
	return rc;
}

enum us_errc us_scim_members_change_take(struct us_arena *arena, struct us_json *resource, struct us_scim_members_change *ret_change, struct us_err *err)
{
	struct us_scim_members_change change = { 0 };
	struct us_json_object rest = us_json_object_of(arena, resource);
	struct work w = { .arena = arena, .map = US_MAP_INIT, .is_cleared = true };
	enum us_errc rc = set_all(&w, us_json_find(resource, "members"), "", err);

	finish(&w, &change);
	us_json_object_remove(&rest, US_SLICE("members"));
	*resource = us_json_object_done(&rest);
	*ret_change = change;
	return rc;
}
