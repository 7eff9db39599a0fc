/* Assignment: groups that every user of the source is put into. A local group of that name keeps being local,
 * and gets the users as members that the connector owns; a name that nobody has becomes a group of the
 * connector's own, once a whole read has shown that the source has none. */
#include <stdlib.h>

#include "base/fold.h"
#include "sync/plan_state.h"

#define ASSIGNED_ID "assigned:"

static struct us_slice assigned_id(struct us_arena *arena, struct us_slice name)
{
	struct us_slice fold = us_fold(arena, name);

	return us_slice(us_arena_printf(arena, ASSIGNED_ID US_SLICE_FMT, US_SLICE_ARG(fold)));
}

/* A group that an earlier run made for an assignment is wanted still: no listing has it. */
void us_plan_see_assigned(struct us_plan *p)
{
	struct us_arena arena = US_ARENA_INIT;
	struct side *s = &p->groups;

	for (size_t i = 0; i < p->in.settings.n_assigned; i++) {
		uint32_t place =
			us_map_find(&s->have->ids, us_hash_slice(assigned_id(&arena, p->in.settings.assigned[i])));
		/* The source has a group of that name now: that one is meant. Of several, none gets the name. */
		bool is_taken = us_plan_count_claims(s, us_fold_hash(p->in.settings.assigned[i])) == 1;
		if (place == US_MAP_NONE || s->marks[place] & (SEEN | NEW) || is_taken)
			continue;
		s->marks[place] |= SEEN | ASSIGNED;
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
	}
	us_arena_fini(&arena);
}

static void put_all(struct us_plan *p, uint32_t group)
{
	const struct side *s = &p->users;

	p->groups.marks[group] |= ASSIGNED;
	if (p->in.is_single) {
		us_links_add_places(p->links, group, p->single_user);
		return;
	}
	for (uint32_t i = 0; i < s->have->n; i++)
		if (s->marks[i] & SEEN && us_plan_will_be(s, i))
			us_links_add_places(p->links, group, i);
}

static void make_group(
	struct us_plan *p, struct us_arena *arena, struct us_slice name, struct us_plan_step *step)
{
	struct side *s = &p->groups;
	struct us_group_image *after = us_arena_zalloc(arena, sizeof *after);

	*after =
		(struct us_group_image) { .group = { .id = assigned_id(arena, name), .name = name }, .owned = true };
	after->hash = us_group_hash(&after->group);
	uint32_t place = us_plan_add_new(s, us_hash_slice(after->group.id));
	us_plan_keep_new_name(p, place, name);
	s->marks[place] |= SEEN;
	put_all(p, place);
	step->change = (struct us_change) { .object = US_OBJECT_GROUP,
		.outcome = US_OUTCOME_ADDED,
		.number = s->have->numbers[place],
		.id = after->group.id,
		.name = name,
		.reason = US_SLICE("assignGroups names it, and there is no such group"),
		.group = { .after = after } };
	us_plan_give_row(p, s, place, step);
}

bool us_plan_next_assignment(struct us_plan *p, struct us_arena *arena, struct us_plan_step *step)
{
	bool has_user =
		!p->in.is_single || (p->single_user != US_MAP_NONE && us_plan_will_be(&p->users, p->single_user));

	while (has_user && p->at < p->in.settings.n_assigned) {
		struct us_slice name = p->in.settings.assigned[p->at++];
		uint32_t place = us_plan_name_holder(&p->groups, us_fold_hash(name));
		if (place != US_MAP_NONE) {
			put_all(p, place);
		} else if (p->is_whole && us_map_find(&p->groups.have->ids, us_hash_slice(assigned_id(arena, name))) == US_MAP_NONE) {
			make_group(p, arena, name, step);
			return true;
		}
	}
	return false;
}
