/* Edits as rows of a plan. */
#include <stdlib.h>

#include "model/fields.h"
#include "sync/edit_state.h"

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

static void give_user(struct us_edit_plan *p, struct us_edit_object *o, struct us_report *report)
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

static void give_group(struct us_edit_plan *p, struct us_edit_object *o, struct us_report *report)
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
	const struct us_edit_link *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->is_group != y->is_group)
		return x->is_group ? 1 : -1;
	return x->member < y->member ? -1 : x->member > y->member;
}

/* Of one group: the links from `list` on, sorted. */
static struct us_members_delta delta_of(struct us_edit_plan *p, const struct us_edit_link *list, uint32_t n)
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

static enum us_errc give_members(struct us_edit_plan *p, const struct us_edit_link *list, uint32_t n, struct us_report *report)
{
	uint32_t place;
	enum us_errc rc = us_edit_touch(p, &p->groups, list->group, &place);

	if (rc)
		return rc;
	const struct us_edit_object *o = &p->groups.objects[place];
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
	struct us_edit_link *list = us_arena_array(&p->arena, p->link_map.n + 1, sizeof *list);
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

enum us_errc us_edit_give_rows(struct us_edit_plan *p, struct us_report *report)
{
	for (uint32_t i = 0; i < p->users.numbers.n; i++)
		if (!p->users.objects[i].is_new || !p->users.objects[i].is_gone)
			give_user(p, &p->users.objects[i], report);
	for (uint32_t i = 0; i < p->groups.numbers.n; i++)
		if (!p->groups.objects[i].is_new || !p->groups.objects[i].is_gone)
			give_group(p, &p->groups.objects[i], report);
	return give_all_members(p, report);
}
