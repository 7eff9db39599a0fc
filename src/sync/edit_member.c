/* Edits of memberships: which are there by now, without a group in itself. */
#include <stdlib.h>

#include "sync/edit_state.h"

static uint32_t *head_of(struct us_edit_heads *h, struct us_hash key)
{
	bool is_first;
	uint32_t at = us_map_put(&h->map, key, &is_first);

	if (at >= h->cap)
		h->first = us_realloc(h->first, (h->cap = h->map.cap) * sizeof *h->first);
	if (is_first)
		h->first[at] = US_MAP_NONE;
	return &h->first[at];
}

static uint32_t first_of(const struct us_edit_heads *h, struct us_hash key)
{
	uint32_t at = us_map_find(&h->map, key);

	return at == US_MAP_NONE ? US_MAP_NONE : h->first[at];
}

static struct us_edit_link *add_link(struct us_edit_plan *p, uint32_t group, uint32_t member, bool is_group, bool was)
{
	bool is_first;
	uint32_t at = us_map_put(&p->link_map, us_edit_key3(group, member, is_group), &is_first);

	if (at >= p->cap_links)
		p->links = us_realloc(p->links, (p->cap_links = p->link_map.cap) * sizeof *p->links);
	if (is_first) {
		uint32_t *of_group = head_of(&p->of_groups, us_edit_key1(group)), *of_member = head_of(&p->of_members, us_edit_key2(member, is_group));
		p->links[at] = (struct us_edit_link) { group, member, is_group, was, was, *of_group, *of_member };
		*of_group = *of_member = at;
	}
	return &p->links[at];
}

static enum us_errc find_link(struct us_edit_plan *p, uint32_t group, uint32_t member, bool is_group, struct us_edit_link **ret_link)
{
	uint32_t at = us_map_find(&p->link_map, us_edit_key3(group, member, is_group));
	bool was = false;
	enum us_errc rc;

	if (at != US_MAP_NONE) {
		*ret_link = &p->links[at];
		return US_OK;
	}
	if (!us_edit_is_new(&p->groups, group) && !us_edit_is_new(is_group ? &p->groups : &p->users, member) &&
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
	enum us_errc rc = us_edit_is_new(&p->groups, child) ? US_OK
		: us_object_load_groups_of_group(p->c, arena, p->directory, child, &parents, &n, p->err);

	for (size_t i = 0; !rc && i < n; i++)
		add_link(p, parents[i].number, child, true, true);
	for (uint32_t at = first_of(&p->of_members, us_edit_key2(child, true)); !rc && at != US_MAP_NONE; at = p->links[at].next_of_member) {
		if (!p->links[at].now)
			continue;
		uint32_t place = us_map_put(seen, us_edit_key1(p->links[at].group), &is_first);
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

	us_map_put(&seen, us_edit_key1(parent), NULL);
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
	return us_edit_plan_refuse(p, US_EDIT_CYCLE, "the group %s cannot be in the group %s: it would be a member of itself",
		us_edit_said(p, &edit->member), us_edit_said(p, &edit->object));
}

enum us_errc us_edit_set_member(struct us_edit_plan *p, const struct us_edit *edit, bool is_group, bool now, uint32_t *ret_number)
{
	uint32_t group, member;
	struct us_edit_link *link;
	enum us_errc rc = us_edit_locate(p, &p->groups, &edit->object, &group);

	if (rc || (rc = us_edit_locate(p, is_group ? &p->groups : &p->users, &edit->member, &member)) ||
		(rc = find_link(p, group, member, is_group, &link)))
		return rc;
	*ret_number = group;
	if (link->now == now && edit->is_lenient)
		return US_OK;
	if (link->now == now)
		return us_edit_plan_refuse(p, now ? US_EDIT_MEMBERSHIP_EXISTS : US_EDIT_NO_MEMBERSHIP, "the %s %s is %s in the group %s",
			is_group ? "group" : "user", us_edit_said(p, &edit->member), now ? "already" : "not", us_edit_said(p, &edit->object));
	if (now && is_group && (rc = check_cycle(p, group, member, edit)))
		return rc;
	/* Looking for cycles may have moved the links. */
	if ((rc = find_link(p, group, member, is_group, &link)))
		return rc;
	link->now = now;
	return US_OK;
}

/* Every membership goes by a row of its own, so that turning the plan round brings it back. */
enum us_errc us_edit_leave_all(struct us_edit_plan *p, const struct us_edit_object *o, bool is_group)
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
	for (uint32_t at = is_group ? first_of(&p->of_groups, us_edit_key1(o->number)) : US_MAP_NONE; at != US_MAP_NONE; at = p->links[at].next_of_group)
		p->links[at].now = false;
	for (uint32_t at = first_of(&p->of_members, us_edit_key2(o->number, is_group)); at != US_MAP_NONE; at = p->links[at].next_of_member)
		p->links[at].now = false;
	return US_OK;
}
