/* Edits of users and groups: who has which name, id and number by now, and what they become. */
#include <stdlib.h>

#include "base/fold.h"
#include "model/fields.h"
#include "sync/edit_state.h"

/* ---- by name, id and number ---- */

static void hold(struct us_edit_claims *claims, struct us_hash key, uint32_t place)
{
	uint32_t at = us_map_put(&claims->map, key, NULL);

	if (at >= claims->cap)
		claims->holders = us_realloc(claims->holders, (claims->cap = claims->map.cap) * sizeof *claims->holders);
	claims->holders[at] = place;
}

/* Whether it is decided here who has a key; *ret_place is US_MAP_NONE if nobody has it. */
static bool find_holder(const struct us_edit_claims *claims, struct us_hash key, uint32_t *ret_place)
{
	uint32_t at = us_map_find(&claims->map, key);

	if (at != US_MAP_NONE)
		*ret_place = claims->holders[at];
	return at != US_MAP_NONE;
}

static struct us_slice id_of(const struct us_edit_side *s, const struct us_edit_object *o)
{
	return s->is_group ? o->group->group.id : o->user->user.id;
}

/* What an object is found by is held by it (place), or no longer (US_MAP_NONE). */
static void hold_keys(struct us_edit_side *s, const struct us_edit_object *o, uint32_t place)
{
	hold(&s->names, o->name, place);
	if (id_of(s, o).p)
		hold(&s->ids, us_hash_slice(id_of(s, o)), place);
}

static enum us_errc not_there(struct us_edit_plan *p, const struct us_edit_side *s, const struct us_edit_ref *ref)
{
	return us_edit_plan_refuse(p, s->is_group ? US_EDIT_NO_GROUP : US_EDIT_NO_USER, "Directory %lld has no %s %s", (long long) p->directory,
		s->is_group ? "group" : "user", us_edit_said(p, ref));
}

enum us_errc us_edit_locate(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit_ref *ref, uint32_t *ret_number)
{
	uint32_t at;
	enum us_errc rc;

	if (ref->number) {
		at = us_map_find(&s->numbers, us_edit_key1(ref->number));
		if (at != US_MAP_NONE && s->objects[at].is_gone)
			return not_there(p, s, ref);
		if (at != US_MAP_NONE) {
			*ret_number = ref->number;
			return US_OK;
		}
	} else {
		bool is_decided = find_holder(&s->names, us_fold_hash(ref->name), &at);
		if (is_decided && at == US_MAP_NONE)
			return not_there(p, s, ref);
		if (is_decided) {
			*ret_number = s->objects[at].number;
			return US_OK;
		}
	}
	rc = us_object_find_number(p->c, p->directory, s->is_group, ref->number ? US_SLICE_NONE : ref->name.p ? ref->name : US_SLICE(""),
		ref->number, ret_number, p->err);
	return rc == US_NOT_FOUND ? not_there(p, s, ref) : rc;
}

enum us_errc us_edit_touch(struct us_edit_plan *p, struct us_edit_side *s, uint32_t number, uint32_t *ret_place)
{
	uint32_t place = us_map_find(&s->numbers, us_edit_key1(number));
	struct us_edit_object o = { .number = number };
	enum us_errc rc;

	if (place != US_MAP_NONE) {
		*ret_place = place;
		return US_OK;
	}
	if (s->is_group) {
		o.group_before = us_arena_zalloc(&p->arena, sizeof *o.group_before);
		if ((rc = us_object_load_group(p->c, &p->arena, p->directory, number, o.group_before, p->err)))
			return rc;
		o.group = us_arena_alloc(&p->arena, sizeof *o.group);
		*o.group = *o.group_before;
		o.name = us_fold_hash(o.group->group.name);
	} else {
		o.user_before = us_arena_zalloc(&p->arena, sizeof *o.user_before);
		if ((rc = us_object_load_user(p->c, &p->arena, p->directory, number, o.user_before, p->err)))
			return rc;
		o.user = us_arena_alloc(&p->arena, sizeof *o.user);
		*o.user = *o.user_before;
		o.name = us_fold_hash(o.user->user.name);
	}
	place = us_map_put(&s->numbers, us_edit_key1(number), NULL);
	if (place >= s->cap)
		s->objects = us_realloc(s->objects, (s->cap = s->numbers.cap) * sizeof *s->objects);
	s->objects[place] = o;
	hold_keys(s, &o, place);
	*ret_place = place;
	return US_OK;
}

static enum us_errc check_free(struct us_edit_plan *p, struct us_edit_side *s, struct us_slice name, struct us_hash fold)
{
	uint32_t holder, number;
	bool is_decided = find_holder(&s->names, fold, &holder), is_taken = is_decided && holder != US_MAP_NONE;

	if (!is_decided) {
		enum us_errc rc = us_object_find_number(p->c, p->directory, s->is_group, name, 0, &number, p->err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		is_taken = rc == US_OK;
	}
	return !is_taken ? US_OK : us_edit_plan_refuse(p, s->is_group ? US_EDIT_GROUP_EXISTS : US_EDIT_USER_EXISTS, "Directory %lld has a %s \"" US_SLICE_FMT
		"\" already", (long long) p->directory, s->is_group ? "group" : "user", US_SLICE_ARG(name));
}

static enum us_errc check_id_free(struct us_edit_plan *p, struct us_edit_side *s, struct us_slice id)
{
	struct us_listed row;
	uint32_t holder;
	bool is_decided = find_holder(&s->ids, us_hash_slice(id), &holder), is_taken = is_decided && holder != US_MAP_NONE;

	if (!is_decided) {
		enum us_errc rc = us_object_find_listed(p->c, &p->arena, p->directory, s->is_group, US_OBJECT_BY_EXTERNAL_ID, id, 0, &row, p->err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		is_taken = rc == US_OK;
	}
	return !is_taken ? US_OK : us_edit_plan_refuse(p, US_EDIT_ID_TAKEN, "Directory %lld has a %s with the id \"" US_SLICE_FMT "\" already",
		(long long) p->directory, s->is_group ? "group" : "user", US_SLICE_ARG(id));
}

/* ---- fields ---- */

static int by_name(const void *a, const void *b)
{
	return us_slice_compare(((const struct us_field *) a)->name, ((const struct us_field *) b)->name);
}

/* Of a user or a group. */
static void set_attributes(struct us_edit_plan *p, const struct us_field **attributes, size_t *n_attributes, const struct us_edit *edit, unsigned fields)
{
	if (!(fields & (US_EDIT_ATTRIBUTES | US_EDIT_ALL_ATTRIBUTES)))
		return;
	bool keeps_others = !(fields & US_EDIT_ALL_ATTRIBUTES);
	struct us_field *list = us_arena_array(&p->arena, *n_attributes + edit->n_attributes + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; keeps_others && i < *n_attributes; i++) {
		bool is_given = false;
		for (size_t k = 0; k < edit->n_attributes && !is_given; k++)
			is_given = us_slice_is_equal(edit->attributes[k].name, (*attributes)[i].name);
		if (!is_given)
			list[n++] = (*attributes)[i];
	}
	for (size_t k = 0; k < edit->n_attributes; k++)
		if (edit->attributes[k].n)
			list[n++] = edit->attributes[k];
	if (n)
		qsort(list, n, sizeof *list, by_name);
	*attributes = n ? list : NULL;
	*n_attributes = n;
}

static void set_user(struct us_edit_plan *p, struct us_user *user, const struct us_edit *edit, unsigned fields)
{
	const struct { unsigned field; struct us_slice *to; struct us_slice from; } texts[] = {
		{ US_EDIT_NAME, &user->name, edit->name }, { US_EDIT_FULL_NAME, &user->full_name, edit->full_name },
		{ US_EDIT_FIRST_NAME, &user->first_name, edit->first_name }, { US_EDIT_LAST_NAME, &user->last_name, edit->last_name },
		{ US_EDIT_EMAIL, &user->email, edit->email }, { US_EDIT_ID, &user->id, edit->id } };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (fields & texts[i].field)
			*texts[i].to = texts[i].from;
	if (fields & US_EDIT_ACTIVE)
		user->active = edit->active;
	set_attributes(p, &user->attributes, &user->n_attributes, edit, fields);
}

static void set_group(struct us_edit_plan *p, struct us_group *group, const struct us_edit *edit, unsigned fields)
{
	if (fields & US_EDIT_NAME)
		group->name = edit->name;
	if (fields & US_EDIT_ID)
		group->id = edit->id;
	if (fields & US_EDIT_DESCRIPTION)
		group->description = edit->description;
	set_attributes(p, &group->attributes, &group->n_attributes, edit, fields);
}

enum us_errc us_edit_create(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	struct us_edit_object o = { .number = s->next_number, .is_new = true, .name = us_fold_hash(edit->name) };
	enum us_errc rc = check_free(p, s, edit->name, o.name);

	if (!rc && edit->id.p)
		rc = check_id_free(p, s, edit->id);
	if (rc)
		return rc;
	if (s->next_number == UINT32_MAX)
		return us_edit_plan_refuse(p, US_EDIT_TOO_MANY, "Directory %lld has no number left for another object", (long long) p->directory);
	s->next_number++;
	if (s->is_group) {
		o.group = us_arena_zalloc(&p->arena, sizeof *o.group);
		set_group(p, &o.group->group, edit, ~0u);
	} else {
		o.user = us_arena_zalloc(&p->arena, sizeof *o.user);
		set_user(p, &o.user->user, edit, ~0u);
	}
	uint32_t place = us_map_put(&s->numbers, us_edit_key1(o.number), NULL);
	if (place >= s->cap)
		s->objects = us_realloc(s->objects, (s->cap = s->numbers.cap) * sizeof *s->objects);
	s->objects[place] = o;
	hold_keys(s, &o, place);
	*ret_number = o.number;
	return US_OK;
}

static enum us_errc open_object(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_place)
{
	uint32_t number;
	enum us_errc rc = us_edit_locate(p, s, &edit->object, &number);

	if (rc || (rc = us_edit_touch(p, s, number, ret_place)))
		return rc;
	const struct us_edit_object *o = &s->objects[*ret_place];
	int64_t revision = o->is_new ? 0 : s->is_group ? o->group_before->revision : o->user_before->revision;
	if (edit->expect && edit->expect != revision)
		return us_edit_plan_refuse(p, US_EDIT_CHANGED, "the %s %s has changed meanwhile (revision %lld, not %lld)", s->is_group ? "group" : "user",
			us_edit_said(p, &edit->object), (long long) revision, (long long) edit->expect);
	return US_OK;
}

enum us_errc us_edit_update(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	uint32_t place;
	enum us_errc rc = open_object(p, s, edit, &place);

	if (rc)
		return rc;
	struct us_edit_object *o = &s->objects[place];
	struct us_hash name = edit->fields & US_EDIT_NAME ? us_fold_hash(edit->name) : o->name;
	if (!us_hash_is_equal(name, o->name)) {
		if ((rc = check_free(p, s, edit->name, name)))
			return rc;
		hold(&s->names, o->name, US_MAP_NONE);
		hold(&s->names, name, place);
		o->name = name;
	}
	if (edit->fields & US_EDIT_ID && us_fields_differ(edit->id, id_of(s, o))) {
		if (edit->id.p && (rc = check_id_free(p, s, edit->id)))
			return rc;
		if (id_of(s, o).p)
			hold(&s->ids, us_hash_slice(id_of(s, o)), US_MAP_NONE);
		if (edit->id.p)
			hold(&s->ids, us_hash_slice(edit->id), place);
	}
	if (s->is_group)
		set_group(p, &o->group->group, edit, edit->fields);
	else
		set_user(p, &o->user->user, edit, edit->fields);
	*ret_number = o->number;
	return US_OK;
}

bool us_edit_is_new(const struct us_edit_side *s, uint32_t number)
{
	uint32_t place = us_map_find(&s->numbers, us_edit_key1(number));

	return place != US_MAP_NONE && s->objects[place].is_new;
}

enum us_errc us_edit_delete(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	uint32_t place;
	enum us_errc rc = open_object(p, s, edit, &place);

	if (rc)
		return rc;
	struct us_edit_object *o = &s->objects[place];
	o->is_gone = true;
	hold_keys(s, o, US_MAP_NONE);
	*ret_number = o->number;
	return us_edit_leave_all(p, o, s->is_group);
}
