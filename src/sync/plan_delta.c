/* Delta: only what the feed names is compared. Whoever it does not name is neither listed nor missing: their objects stay as they are, and so do
 * their memberships in groups that are named, as far as the source is not the one to decide on them. */
#include "base/fold.h"
#include "sync/plan_state.h"

static bool is_assigned_name(const struct us_plan *p, struct us_hash name)
{
	return us_map_find(&p->assigned, name) != US_MAP_NONE;
}

void us_plan_gone(struct us_plan *p, bool is_group, struct us_slice id)
{
	struct side *s = is_group ? &p->groups : &p->users;
	uint32_t place = us_map_find(&s->have->ids, us_hash_slice(id));

	us_assert(p->phase == READING && p->in.is_delta);
	/* Named as being there, too: that takes nothing away. */
	if (place == US_MAP_NONE || s->marks[place] & (SEEN | FILTERED))
		return;
	s->marks[place] |= TOLD_GONE;
	if (is_group)
		p->touches_assigned |= is_assigned_name(p, s->have->names.keys[place]);
}

void us_plan_has_members(struct us_plan *p, struct us_slice group_id)
{
	struct side *s = &p->groups;
	uint32_t place = us_map_find(&s->have->ids, us_hash_slice(group_id));

	us_assert(p->phase == READING && p->in.is_delta);
	if (place == US_MAP_NONE)
		return;
	us_map_put(&p->with_members, us_plan_place_key(place), NULL);
	p->has_new_group |= (s->marks[place] & (NEW | FILTERED)) == NEW;
	p->touches_assigned |= s->marks[place] & ASSIGNED || (!(s->marks[place] & NEW) && is_assigned_name(p, s->have->names.keys[place]));
}

bool us_plan_knows_members(const struct us_plan *p, uint32_t place)
{
	return !p->in.is_delta || us_map_find(&p->with_members, us_plan_place_key(place)) != US_MAP_NONE;
}

void us_plan_has_groups(struct us_plan *p, struct us_slice user_id)
{
	uint32_t place = us_map_find(&p->users.have->ids, us_hash_slice(user_id));

	us_assert(p->phase == READING && p->in.is_delta);
	us_map_put(&p->with_groups, us_plan_place_key(place), NULL);
}

bool us_plan_knows_groups(const struct us_plan *p, uint32_t place)
{
	return us_map_find(&p->with_groups, us_plan_place_key(place)) != US_MAP_NONE;
}

bool us_plan_is_untouched(const struct us_plan *p, const struct side *s, uint32_t place)
{
	return p->in.is_delta && !(s->marks[place] & (SEEN | FILTERED | TOLD_GONE));
}

const char *us_plan_doubt(const struct us_plan *p, bool has_nesting)
{
	us_assert(p->phase != READING && p->in.is_delta);
	if (p->touches_assigned)
		return "a group that has changed is one of assignGroups, which concerns every user";
	/* Whoever it is inside of has not changed, if it was there before and was not wanted. */
	if (p->has_new_group && has_nesting)
		return "a group has come that may be inside of others";
	return NULL;
}
