#include "sync/edit_plan.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/map.h"
#include "model/fields.h"

/* A user or a group that an edit touches. */
struct object {
	uint32_t number;
	bool is_new, is_gone;
	struct us_hash name; /* folded, as it is by now */
	struct us_user_image *user, *user_before;
	struct us_group_image *group, *group_before;
};

/* A key that an object has in the directory, or got here, is in `map` for good: who has it by now stands in `holders`. So a key that is there is
 * decided here, and any other is as the directory says. */
struct claims {
	struct us_map map;
	uint32_t *holders; /* by place in map: the object's place, US_MAP_NONE: nobody */
	uint32_t cap;
};

/* Users or groups. */
struct side {
	bool is_group;
	struct us_map numbers; /* the n-th key is of objects[n] */
	struct object *objects;
	uint32_t cap;
	struct claims names, ids;
	uint32_t next_number;
};

/* A membership that an edit touches: in the directory (was), and by now. */
struct link {
	uint32_t group, member;
	bool is_group, was, now;
	uint32_t next_of_group, next_of_member; /* US_MAP_NONE: the last */
};

/* The links of one group, or of one member: where their list begins. */
struct heads {
	struct us_map map;
	uint32_t *first;
	uint32_t cap;
};

struct us_edit_plan {
	struct us_dbc *c;
	int64_t directory;
	struct us_arena arena;
	struct side users, groups;
	struct us_map link_map; /* the n-th key is of links[n] */
	struct link *links;
	uint32_t cap_links;
	struct heads of_groups, of_members;
	struct us_change *rows;
	size_t n_rows, cap_rows;
	enum us_edit_refusal refusal;
	struct us_err *err;
};

static struct us_hash key1(uint32_t number) { return us_hash(&number, sizeof number); }

static struct us_hash key2(uint32_t member, bool is_group)
{
	uint32_t pair[2] = { member, is_group };

	return us_hash(pair, sizeof pair);
}

static struct us_hash key3(uint32_t group, uint32_t member, bool is_group)
{
	uint32_t triple[3] = { group, member, is_group };

	return us_hash(triple, sizeof triple);
}

#define refuse(p, refusal_, ...) ((p)->refusal = us_edit_refuse(refusal_, (p)->err, __VA_ARGS__), us_edit_refusal_code(refusal_))

/* How an edit names an object, for a message. */
static const char *said(struct us_edit_plan *p, const struct us_edit_ref *ref)
{
	return ref->number ? us_arena_printf(&p->arena, "number %u", ref->number) : us_arena_printf(&p->arena, "\"" US_SLICE_FMT "\"",
		US_SLICE_ARG(ref->name));
}

enum us_errc us_edit_plan_new(struct us_dbc *c, int64_t directory, struct us_edit_plan **ret_plan, struct us_err *err)
{
	const struct us_object_keys nobody = { 0 };
	struct us_have have;
	enum us_errc rc = us_object_load_have_some(c, directory, &nobody, NULL, &have, err);

	if (rc)
		return rc;
	struct us_edit_plan *p = us_calloc(1, sizeof *p);
	p->c = c;
	p->directory = directory;
	p->users.next_number = have.users.next_number;
	p->groups.next_number = have.groups.next_number;
	p->groups.is_group = true;
	us_have_fini(&have);
	*ret_plan = p;
	return US_OK;
}

void us_edit_plan_free(struct us_edit_plan *p)
{
	struct side *sides[] = { &p->users, &p->groups };

	for (int i = 0; i < 2; i++) {
		us_map_fini(&sides[i]->numbers);
		us_map_fini(&sides[i]->names.map);
		us_map_fini(&sides[i]->ids.map);
		free(sides[i]->objects);
		free(sides[i]->names.holders);
		free(sides[i]->ids.holders);
	}
	us_map_fini(&p->link_map);
	us_map_fini(&p->of_groups.map);
	us_map_fini(&p->of_members.map);
	free(p->of_groups.first);
	free(p->of_members.first);
	free(p->links);
	free(p->rows);
	us_arena_fini(&p->arena);
	free(p);
}

/* ---- objects ---- */

static void hold(struct claims *claims, struct us_hash key, uint32_t place)
{
	uint32_t at = us_map_put(&claims->map, key, NULL);

	if (at >= claims->cap)
		claims->holders = us_realloc(claims->holders, (claims->cap = claims->map.cap) * sizeof *claims->holders);
	claims->holders[at] = place;
}

/* Whether it is decided here who has a key; *ret_place is US_MAP_NONE if nobody has it. */
static bool find_holder(const struct claims *claims, struct us_hash key, uint32_t *ret_place)
{
	uint32_t at = us_map_find(&claims->map, key);

	if (at != US_MAP_NONE)
		*ret_place = claims->holders[at];
	return at != US_MAP_NONE;
}

static struct us_slice id_of(const struct side *s, const struct object *o) { return s->is_group ? o->group->group.id : o->user->user.id; }

/* What an object is found by is held by it (place), or no longer (US_MAP_NONE). */
static void hold_keys(struct side *s, const struct object *o, uint32_t place)
{
	hold(&s->names, o->name, place);
	if (id_of(s, o).p)
		hold(&s->ids, us_hash_slice(id_of(s, o)), place);
}

static enum us_errc not_there(struct us_edit_plan *p, const struct side *s, const struct us_edit_ref *ref)
{
	return refuse(p, s->is_group ? US_EDIT_NO_GROUP : US_EDIT_NO_USER, "Directory %lld has no %s %s", (long long) p->directory,
		s->is_group ? "group" : "user", said(p, ref));
}

/* The number of an object that is there by now. */
static enum us_errc locate(struct us_edit_plan *p, struct side *s, const struct us_edit_ref *ref, uint32_t *ret_number)
{
	uint32_t at;
	enum us_errc rc;

	if (ref->number) {
		at = us_map_find(&s->numbers, key1(ref->number));
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

/* The place of an object, which is loaded if it is touched for the first time. */
static enum us_errc touch(struct us_edit_plan *p, struct side *s, uint32_t number, uint32_t *ret_place)
{
	uint32_t place = us_map_find(&s->numbers, key1(number));
	struct object o = { .number = number };
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
	place = us_map_put(&s->numbers, key1(number), NULL);
	if (place >= s->cap)
		s->objects = us_realloc(s->objects, (s->cap = s->numbers.cap) * sizeof *s->objects);
	s->objects[place] = o;
	hold_keys(s, &o, place);
	*ret_place = place;
	return US_OK;
}

static enum us_errc check_free(struct us_edit_plan *p, struct side *s, struct us_slice name, struct us_hash fold)
{
	uint32_t holder, number;
	bool is_decided = find_holder(&s->names, fold, &holder), is_taken = is_decided && holder != US_MAP_NONE;

	if (!is_decided) {
		enum us_errc rc = us_object_find_number(p->c, p->directory, s->is_group, name, 0, &number, p->err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		is_taken = rc == US_OK;
	}
	return !is_taken ? US_OK : refuse(p, s->is_group ? US_EDIT_GROUP_EXISTS : US_EDIT_USER_EXISTS, "Directory %lld has a %s \"" US_SLICE_FMT
		"\" already", (long long) p->directory, s->is_group ? "group" : "user", US_SLICE_ARG(name));
}

static enum us_errc check_id_free(struct us_edit_plan *p, struct side *s, struct us_slice id)
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
	return !is_taken ? US_OK : refuse(p, US_EDIT_ID_TAKEN, "Directory %lld has a %s with the id \"" US_SLICE_FMT "\" already",
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

static enum us_errc create(struct us_edit_plan *p, struct side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	struct object o = { .number = s->next_number, .is_new = true, .name = us_fold_hash(edit->name) };
	enum us_errc rc = check_free(p, s, edit->name, o.name);

	if (!rc && edit->id.p)
		rc = check_id_free(p, s, edit->id);
	if (rc)
		return rc;
	if (s->next_number == UINT32_MAX)
		return refuse(p, US_EDIT_TOO_MANY, "Directory %lld has no number left for another object", (long long) p->directory);
	s->next_number++;
	if (s->is_group) {
		o.group = us_arena_zalloc(&p->arena, sizeof *o.group);
		set_group(p, &o.group->group, edit, ~0u);
	} else {
		o.user = us_arena_zalloc(&p->arena, sizeof *o.user);
		set_user(p, &o.user->user, edit, ~0u);
	}
	uint32_t place = us_map_put(&s->numbers, key1(o.number), NULL);
	if (place >= s->cap)
		s->objects = us_realloc(s->objects, (s->cap = s->numbers.cap) * sizeof *s->objects);
	s->objects[place] = o;
	hold_keys(s, &o, place);
	*ret_number = o.number;
	return US_OK;
}

static enum us_errc open_object(struct us_edit_plan *p, struct side *s, const struct us_edit *edit, uint32_t *ret_place)
{
	uint32_t number;
	enum us_errc rc = locate(p, s, &edit->object, &number);

	if (rc || (rc = touch(p, s, number, ret_place)))
		return rc;
	const struct object *o = &s->objects[*ret_place];
	int64_t revision = o->is_new ? 0 : s->is_group ? o->group_before->revision : o->user_before->revision;
	if (edit->expect && edit->expect != revision)
		return refuse(p, US_EDIT_CHANGED, "the %s %s has changed meanwhile (revision %lld, not %lld)", s->is_group ? "group" : "user",
			said(p, &edit->object), (long long) revision, (long long) edit->expect);
	return US_OK;
}

static enum us_errc update(struct us_edit_plan *p, struct side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	uint32_t place;
	enum us_errc rc = open_object(p, s, edit, &place);

	if (rc)
		return rc;
	struct object *o = &s->objects[place];
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

/* ---- memberships ---- */

static bool is_new(const struct side *s, uint32_t number)
{
	uint32_t place = us_map_find(&s->numbers, key1(number));

	return place != US_MAP_NONE && s->objects[place].is_new;
}

static uint32_t *head_of(struct heads *h, struct us_hash key)
{
	bool is_first;
	uint32_t at = us_map_put(&h->map, key, &is_first);

	if (at >= h->cap)
		h->first = us_realloc(h->first, (h->cap = h->map.cap) * sizeof *h->first);
	if (is_first)
		h->first[at] = US_MAP_NONE;
	return &h->first[at];
}

static uint32_t first_of(const struct heads *h, struct us_hash key)
{
	uint32_t at = us_map_find(&h->map, key);

	return at == US_MAP_NONE ? US_MAP_NONE : h->first[at];
}

static struct link *add_link(struct us_edit_plan *p, uint32_t group, uint32_t member, bool is_group, bool was)
{
	bool is_first;
	uint32_t at = us_map_put(&p->link_map, key3(group, member, is_group), &is_first);

	if (at >= p->cap_links)
		p->links = us_realloc(p->links, (p->cap_links = p->link_map.cap) * sizeof *p->links);
	if (is_first) {
		uint32_t *of_group = head_of(&p->of_groups, key1(group)), *of_member = head_of(&p->of_members, key2(member, is_group));
		p->links[at] = (struct link) { group, member, is_group, was, was, *of_group, *of_member };
		*of_group = *of_member = at;
	}
	return &p->links[at];
}

static enum us_errc find_link(struct us_edit_plan *p, uint32_t group, uint32_t member, bool is_group, struct link **ret_link)
{
	uint32_t at = us_map_find(&p->link_map, key3(group, member, is_group));
	bool was = false;
	enum us_errc rc;

	if (at != US_MAP_NONE) {
		*ret_link = &p->links[at];
		return US_OK;
	}
	if (!is_new(&p->groups, group) && !is_new(is_group ? &p->groups : &p->users, member) &&
		(rc = us_object_find_member(p->c, p->directory, group, member, is_group, &was, p->err)))
		return rc;
	*ret_link = add_link(p, group, member, is_group, was);
	return US_OK;
}

/* The groups that a group is in by now, appended to the queue if they were never in it. */
static enum us_errc queue_parents(struct us_edit_plan *p, struct us_arena *arena, uint32_t child, struct us_map *seen, uint32_t **queue,
	uint32_t *cap)
{
	const struct us_member *parents = NULL;
	size_t n = 0;
	bool is_first;
	enum us_errc rc = is_new(&p->groups, child) ? US_OK
		: us_object_load_groups_of_group(p->c, arena, p->directory, child, &parents, &n, p->err);

	for (size_t i = 0; !rc && i < n; i++)
		add_link(p, parents[i].number, child, true, true);
	for (uint32_t at = first_of(&p->of_members, key2(child, true)); !rc && at != US_MAP_NONE; at = p->links[at].next_of_member) {
		if (!p->links[at].now)
			continue;
		uint32_t place = us_map_put(seen, key1(p->links[at].group), &is_first);
		if (seen->cap > *cap)
			*queue = us_realloc(*queue, (*cap = seen->cap) * sizeof **queue);
		if (is_first)
			(*queue)[place] = p->links[at].group;
	}
	return rc;
}

/* A group must not become a member of itself: the child must not be above the parent. Each group above is looked at once. */
static enum us_errc check_cycle(struct us_edit_plan *p, uint32_t parent, uint32_t child, const struct us_edit *edit)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_map seen = US_MAP_INIT;
	uint32_t *queue = NULL, cap = 0;
	enum us_errc rc = US_OK;
	bool is_cycle = parent == child;

	us_map_put(&seen, key1(parent), NULL);
	queue = us_malloc((cap = seen.cap) * sizeof *queue);
	queue[0] = parent;
	for (uint32_t i = 0; !rc && !is_cycle && i < seen.n; i++) {
		is_cycle = queue[i] == child;
		us_arena_reset(&arena);
		if (!is_cycle)
			rc = queue_parents(p, &arena, queue[i], &seen, &queue, &cap);
	}
	us_map_fini(&seen);
	free(queue);
	us_arena_fini(&arena);
	if (rc || !is_cycle)
		return rc;
	return refuse(p, US_EDIT_CYCLE, "the group %s cannot be in the group %s: it would be a member of itself", said(p, &edit->member),
		said(p, &edit->object));
}

static enum us_errc set_member(struct us_edit_plan *p, const struct us_edit *edit, bool is_group, bool now, uint32_t *ret_number)
{
	uint32_t group, member;
	struct link *link;
	enum us_errc rc = locate(p, &p->groups, &edit->object, &group);

	if (rc || (rc = locate(p, is_group ? &p->groups : &p->users, &edit->member, &member)) ||
		(rc = find_link(p, group, member, is_group, &link)))
		return rc;
	*ret_number = group;
	if (link->now == now && edit->is_lenient)
		return US_OK;
	if (link->now == now)
		return refuse(p, now ? US_EDIT_MEMBERSHIP_EXISTS : US_EDIT_NO_MEMBERSHIP, "the %s %s is %s in the group %s", is_group ? "group" : "user",
			said(p, &edit->member), now ? "already" : "not", said(p, &edit->object));
	if (now && is_group && (rc = check_cycle(p, group, member, edit)))
		return rc;
	/* Looking for cycles may have moved the links. */
	if ((rc = find_link(p, group, member, is_group, &link)))
		return rc;
	link->now = now;
	return US_OK;
}

/* ---- deletion ---- */

/* Every membership goes by a row of its own, so that turning the plan round brings it back. */
static enum us_errc leave_all(struct us_edit_plan *p, const struct object *o, bool is_group)
{
	const struct us_member *users = NULL, *groups = NULL, *parents = NULL;
	size_t n_users = 0, n_groups = 0, n_parents = 0;
	enum us_errc rc = US_OK;

	if (!o->is_new && is_group)
		rc = us_object_load_members(p->c, &p->arena, p->directory, o->number, &users, &n_users, &groups, &n_groups, p->err);
	if (!o->is_new && !rc)
		rc = is_group ? us_object_load_groups_of_group(p->c, &p->arena, p->directory, o->number, &parents, &n_parents, p->err)
			: us_object_load_groups_of_user(p->c, &p->arena, p->directory, o->number, &parents, &n_parents, p->err);
	if (rc)
		return rc;
	for (size_t i = 0; i < n_users; i++)
		add_link(p, o->number, users[i].number, false, true);
	for (size_t i = 0; i < n_groups; i++)
		add_link(p, o->number, groups[i].number, true, true);
	for (size_t i = 0; i < n_parents; i++)
		add_link(p, parents[i].number, o->number, is_group, true);
	for (uint32_t at = is_group ? first_of(&p->of_groups, key1(o->number)) : US_MAP_NONE; at != US_MAP_NONE; at = p->links[at].next_of_group)
		p->links[at].now = false;
	for (uint32_t at = first_of(&p->of_members, key2(o->number, is_group)); at != US_MAP_NONE; at = p->links[at].next_of_member)
		p->links[at].now = false;
	return US_OK;
}

static enum us_errc delete(struct us_edit_plan *p, struct side *s, const struct us_edit *edit, uint32_t *ret_number)
{
	uint32_t place;
	enum us_errc rc = open_object(p, s, edit, &place);

	if (rc)
		return rc;
	struct object *o = &s->objects[place];
	o->is_gone = true;
	hold_keys(s, o, US_MAP_NONE);
	*ret_number = o->number;
	return leave_all(p, o, s->is_group);
}

enum us_errc us_edit_plan_take(struct us_edit_plan *p, const struct us_edit *edit, uint32_t *ret_number, enum us_edit_refusal *ret_refusal,
	struct us_err *err)
{
	enum us_errc rc = US_OK;

	p->err = err;
	p->refusal = us_edit_check(edit, err);
	if (p->refusal)
		rc = us_edit_refusal_code(p->refusal);
	else
		switch (edit->kind) {
		case US_EDIT_CREATE_USER:
			rc = create(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_UPDATE_USER:
			rc = update(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_DELETE_USER:
			rc = delete(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_CREATE_GROUP:
			rc = create(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_UPDATE_GROUP:
			rc = update(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_DELETE_GROUP:
			rc = delete(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_ADD_USER:
		case US_EDIT_REMOVE_USER:
			rc = set_member(p, edit, false, edit->kind == US_EDIT_ADD_USER, ret_number);
			break;
		case US_EDIT_ADD_GROUP:
		case US_EDIT_REMOVE_GROUP:
			rc = set_member(p, edit, true, edit->kind == US_EDIT_ADD_GROUP, ret_number);
			break;
		}
	*ret_refusal = p->refusal;
	return rc;
}

/* ---- rows ---- */

static struct us_change *add_row(struct us_edit_plan *p, struct us_change row)
{
	if (p->n_rows == p->cap_rows)
		p->rows = us_realloc(p->rows, (p->cap_rows = p->cap_rows ? p->cap_rows * 2 : 8) * sizeof *p->rows);
	row.ord = (uint32_t) p->n_rows;
	p->rows[p->n_rows] = row;
	return &p->rows[p->n_rows++];
}

/* What differs; a sync cannot change the id, so the words of its reasons have none. */
static struct us_slice with_id(struct us_edit_plan *p, struct us_slice fields, struct us_slice before, struct us_slice after)
{
	if (!us_fields_differ(before, after))
		return fields;
	return fields.n ? us_slice(us_arena_printf(&p->arena, US_SLICE_FMT ", id", US_SLICE_ARG(fields))) : US_SLICE("id");
}

static void give_user(struct us_edit_plan *p, struct object *o, struct us_report *report)
{
	struct us_change row = { .object = US_OBJECT_USER, .number = o->number, .id = o->user->user.id, .name = o->user->user.name };

	o->user->hash = us_user_hash(&o->user->user);
	row.user.before = o->user_before;
	row.user.after = o->is_gone ? NULL : o->user;
	if (o->is_gone) {
		row.outcome = US_OUTCOME_DELETED;
		row.name = o->user_before->user.name;
		row.reason = US_SLICE("was deleted");
	} else if (o->is_new) {
		row.outcome = US_OUTCOME_ADDED;
		row.reason = US_SLICE("was created");
	} else {
		struct us_user_image before = *o->user_before;
		before.missing_since = 0; /* no matter of an edit */
		row.reason = with_id(p, us_fields_of_user(&p->arena, &before, &o->user->user), before.user.id, o->user->user.id);
		if (!row.reason.n)
			return;
		row.outcome = us_fields_differ(o->user_before->user.name, o->user->user.name) ? US_OUTCOME_RENAMED : US_OUTCOME_UPDATED;
		report->deactivated += o->user_before->user.active && !o->user->user.active;
	}
	report->users[row.outcome]++;
	add_row(p, row);
}

static void give_group(struct us_edit_plan *p, struct object *o, struct us_report *report)
{
	struct us_change row = { .object = US_OBJECT_GROUP, .number = o->number, .id = o->group->group.id, .name = o->group->group.name };

	o->group->hash = us_group_hash(&o->group->group);
	row.group.before = o->group_before;
	row.group.after = o->is_gone ? NULL : o->group;
	if (o->is_gone) {
		row.outcome = US_OUTCOME_DELETED;
		row.name = o->group_before->group.name;
		row.reason = US_SLICE("was deleted");
	} else if (o->is_new) {
		row.outcome = US_OUTCOME_ADDED;
		row.reason = US_SLICE("was created");
	} else {
		row.reason = with_id(p, us_fields_of_group(&p->arena, o->group_before, &o->group->group), o->group_before->group.id, o->group->group.id);
		if (!row.reason.n)
			return;
		row.outcome = us_fields_differ(o->group_before->group.name, o->group->group.name) ? US_OUTCOME_RENAMED : US_OUTCOME_UPDATED;
	}
	report->groups[row.outcome]++;
	add_row(p, row);
}

static int by_link(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->is_group != y->is_group)
		return x->is_group ? 1 : -1;
	return x->member < y->member ? -1 : x->member > y->member;
}

/* Of one group: the links from `list` on, sorted. */
static struct us_members_delta delta_of(struct us_edit_plan *p, const struct link *list, uint32_t n)
{
	uint32_t *out[2][2], count[2][2] = { { 0 } }; /* by removed or added, and users or groups */

	for (int now = 0; now < 2; now++)
		for (int kind = 0; kind < 2; kind++) {
			out[now][kind] = us_arena_array(&p->arena, n, sizeof **out[now]);
			for (uint32_t i = 0; i < n; i++)
				if (list[i].now == now && list[i].is_group == kind)
					out[now][kind][count[now][kind]++] = list[i].member;
		}
	return (struct us_members_delta) { .removed_users = out[0][0], .n_removed_users = count[0][0], .removed_groups = out[0][1],
		.n_removed_groups = count[0][1], .added_users = out[1][0], .n_added_users = count[1][0], .added_groups = out[1][1],
		.n_added_groups = count[1][1] };
}

static enum us_errc give_members(struct us_edit_plan *p, const struct link *list, uint32_t n, struct us_report *report)
{
	uint32_t place;
	enum us_errc rc = touch(p, &p->groups, list->group, &place);

	if (rc)
		return rc;
	const struct object *o = &p->groups.objects[place];
	struct us_change row = { .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = o->number, .id = o->group->group.id,
		.name = o->is_gone ? o->group_before->group.name : o->group->group.name,
		.reason = o->is_gone ? US_SLICE("the group goes") : US_SLICE("members were edited"), .members = delta_of(p, list, n) };
	report->memberships_added += row.members.n_added_users + row.members.n_added_groups;
	report->memberships_removed += row.members.n_removed_users + row.members.n_removed_groups;
	add_row(p, row);
	return US_OK;
}

static enum us_errc give_all_members(struct us_edit_plan *p, struct us_report *report)
{
	struct link *list = us_arena_array(&p->arena, p->link_map.n + 1, sizeof *list);
	uint32_t n = 0;
	enum us_errc rc = US_OK;

	for (uint32_t i = 0; i < p->link_map.n; i++)
		if (p->links[i].was != p->links[i].now)
			list[n++] = p->links[i];
	if (n)
		qsort(list, n, sizeof *list, by_link);
	for (uint32_t i = 0, end; !rc && i < n; i = end) {
		for (end = i + 1; end < n && list[end].group == list[i].group; end++)
			;
		rc = give_members(p, list + i, end - i, report);
	}
	return rc;
}

enum us_errc us_edit_plan_end(struct us_edit_plan *p, const struct us_change **ret_list, size_t *ret_n, struct us_report *ret_report,
	struct us_err *err)
{
	struct us_report report = { 0 };
	enum us_errc rc;

	p->err = err;
	for (uint32_t i = 0; i < p->users.numbers.n; i++)
		if (!p->users.objects[i].is_new || !p->users.objects[i].is_gone)
			give_user(p, &p->users.objects[i], &report);
	for (uint32_t i = 0; i < p->groups.numbers.n; i++)
		if (!p->groups.objects[i].is_new || !p->groups.objects[i].is_gone)
			give_group(p, &p->groups.objects[i], &report);
	if ((rc = give_all_members(p, &report)))
		return rc;
	*ret_list = p->rows;
	*ret_n = p->n_rows;
	*ret_report = report;
	return US_OK;
}
