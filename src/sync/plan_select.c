/* Selection: what was listed and is not wanted, by the rules of groups. Filters by name are known while
 * reading; required groups and groups without members only when all memberships are. */
#include <stdlib.h>

#include "sync/plan_state.h"

const struct filtered *us_plan_find_filtered(const struct side *s, uint32_t place)
{
	uint32_t at = us_map_find(&s->filtered, us_plan_place_key(place));

	return at == US_MAP_NONE ? NULL : &s->filtered_as[at];
}

static void remember(struct us_plan *p, struct side *s, uint32_t place, struct us_slice id, struct us_slice name, struct us_slice reason)
{
	uint32_t at = us_map_put(&s->filtered, us_plan_place_key(place), NULL);

	if (at >= s->cap_filtered_as) {
		s->cap_filtered_as = s->filtered.cap;
		s->filtered_as = us_realloc(s->filtered_as, s->cap_filtered_as * sizeof *s->filtered_as);
	}
	/* Mostly one rule filters them all: its reason is kept once. */
	bool is_last = at > 0 && us_slice_is_equal(s->filtered_as[at - 1].reason, reason);
	s->filtered_as[at] = (struct filtered) { us_slice_dup(&p->names, id), us_slice_dup(&p->names, name),
		is_last ? s->filtered_as[at - 1].reason : us_slice_dup(&p->names, reason) };
}

void us_plan_give_filtered(struct us_plan *p, struct side *s, uint32_t place, struct us_slice id, struct us_slice name,
	struct us_plan_step *step)
{
	const struct filtered *f = us_plan_find_filtered(s, place);

	step->change = (struct us_change) { .object = s == &p->groups ? US_OBJECT_GROUP : US_OBJECT_USER, .outcome = US_OUTCOME_FILTERED,
		.number = s->have->numbers[place], .id = id.p ? id : f->id, .name = name.p ? name : f->name, .reason = f->reason };
	us_plan_give_row(p, s, place, step);
}

void us_plan_filtered(struct us_plan *p, bool is_group, struct us_slice id, struct us_slice ref,
	struct us_slice name, struct us_slice reason, struct us_plan_step *ret_step)
{
	struct side *s = is_group ? &p->groups : &p->users;
	uint32_t place = us_map_find(&s->have->ids, us_hash_slice(id));
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING && id.n);
	if (place == US_MAP_NONE)
		place = us_plan_add_new(s, us_hash_slice(id));
	us_plan_name_ref(p, s, place, ref);
	/* Listed twice and wanted once: it stays wanted, which takes nothing away. */
	if (!(s->marks[place] & (SEEN | FILTERED))) {
		s->marks[place] = (uint16_t) ((s->marks[place] & ~TOLD_GONE) | FILTERED);
		s->has_filtered = true;
		s->listed++;
		if (!(s->marks[place] & NEW)) {
			remember(p, s, place, id, name, reason);
		} else {
			step.change = (struct us_change) { .object = is_group ? US_OBJECT_GROUP : US_OBJECT_USER,
				.outcome = US_OUTCOME_FILTERED,
				.id = id,
				.name = name,
				.reason = reason };
			us_plan_give_row(p, s, place, &step);
		}
	}
	*ret_step = step;
}

void us_plan_unread_group(struct us_plan *p, struct us_slice name)
{
	struct us_patterns *required = p->in.rules->required_groups;

	if (us_patterns_is_empty(required))
		return;
	bool is_known = name.p != NULL;
	if (is_known && us_rules_refuse_group(p->in.rules, name))
		return;
	p->counts.has_unread_required |= !is_known || us_patterns_mark(required, name);
}

/* The object was wanted until now. True if that is a step; what the directory has goes on to cleanup, with
 * the row that it may have. */
static bool deselect(
	struct us_plan *p, struct side *s, uint32_t place, struct us_slice reason, struct us_plan_step *step)
{
	bool is_new = s->marks[place] & NEW;

	s->has_filtered = true;
	s->marks[place] = (uint16_t)((s->marks[place] & ~(SEEN | CLAIMS)) | FILTERED);
	if (!is_new) {
		remember(p, s, place, US_SLICE_NONE, US_SLICE_NONE, reason);
		if (!(s->marks[place] & HAS_ROW))
			us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]--;
		return false;
	}
	us_assert(s->marks[place] & HAS_ROW);
	us_plan_filter_row(p, s, place, reason, step);
	return true;
}

void us_plan_filter_row(
	struct us_plan *p, struct side *s, uint32_t place, struct us_slice reason, struct us_plan_step *step)
{
	us_plan_tally(p, s)[s->outcomes[place]]--;
	us_plan_tally(p, s)[US_OUTCOME_FILTERED]++;
	s->outcomes[place] = US_OUTCOME_FILTERED;
	if (s->marks[place] & DEACTIVATED)
		p->counts.report.deactivated--;
	s->marks[place] &= (uint16_t) ~(CLAIMS | DEACTIVATED);
	step->kind = US_STEP_FILTER_ROW;
	step->ord = s->ords[place];
	step->reason = reason;
}

/* Known to the directory alone, and deleted unless something local is in its way. */
static bool is_going(const struct us_plan *p, uint32_t group)
{
	const struct side *s = &p->groups;

	return p->is_whole && p->in.settings.delete_groups && !s->unidentified && !(s->marks[group] & (SEEN | FILTERED)) &&
		!(s->have->flags[group] & US_HAVE_PROTECTED);
}

/* selected: users that are in a required group, directly or through others; but through none that goes: the next sync will not know it. */
static void select_required(struct us_plan *p)
{
	const struct side *g = &p->groups;
	uint32_t n_groups = g->have->n, n_reached;
	uint8_t *required = us_calloc(n_groups + 1, 1);
	uint32_t *reached = us_malloc((n_groups + 1) * sizeof *reached);
	struct us_edge *all;
	size_t n_all = us_links_edges(p->links, &all), n_edges = 0;
	struct us_edge *edges = us_malloc((n_all + 1) * sizeof *edges);

	for (size_t i = 0; i < n_all; i++)
		if (!is_going(p, all[i].child))
			edges[n_edges++] = all[i];
	for (uint32_t i = 0; i < n_groups; i++) {
		if (!(g->marks[i] & REQUIRED))
			continue;
		if (required[i])
			continue; /* below another one, and so is all below it */
		required[i] = 1;
		n_reached = n_edges ? (uint32_t)us_closure_reach(n_groups, edges, n_edges, i, reached) : 0;
		for (uint32_t k = 0; k < n_reached; k++)
			required[reached[k]] = 1;
	}
	for (uint32_t i = 0; i < n_groups; i++)
		p->counts.has_unread_required |= required[i] && g->marks[i] & KEEPS_LINKS;
	p->counts.has_unread_required |= g->shared > 0; /* it may be inside of one */
	if (p->is_whole)
		p->counts.missing_required = us_patterns_unmarked(p->in.rules->required_groups);
	struct us_pairs_walk walk;
	uint32_t group, user;
	us_links_walk_begin(p->links, &walk);
	while (us_links_walk_next(&walk, &group, &user))
		if (required[group])
			p->selected[user] = 1;
	free(edges);
	free(reached);
	free(required);
}

/* selected: groups with a wanted user in them, directly or through others. */
static void select_filled(struct us_plan *p)
{
	uint32_t n_groups = p->groups.have->n, n_components;
	uint32_t *component = us_malloc((n_groups + 1) * sizeof *component), group, user;
	struct us_edge *edges;
	size_t n_edges = us_links_edges(p->links, &edges);
	struct us_pairs_walk walk;

	n_components = us_closure_components(n_groups, edges, n_edges, component, NULL);
	uint8_t *filled = us_calloc(n_components + 1, 1);
	us_links_walk_begin(p->links, &walk);
	/* Memberships of those who are not wanted are dropped before. Who is not cleaned up stays in the groups that name them, listed or not. */
	while (us_links_walk_next(&walk, &group, &user))
		filled[component[group]] = 1;
	/* Whose members could not be read is not known to be empty, nor is what it is inside of; and nobody protected is taken out. */
	for (uint32_t i = 0; i < n_groups; i++)
		if (p->groups.marks[i] & (KEEPS_LINKS | HOLDS))
			filled[component[i]] = 1;
	/* A child's component is never greater than its parent's: in that order each child is settled before its
	 * parents. */
	uint32_t *first = us_calloc((size_t)n_components + 1, sizeof *first),
			 *order = us_malloc((n_edges + 1) * sizeof *order);
	for (size_t i = 0; i < n_edges; i++)
		first[component[edges[i].parent] + 1]++;
	for (uint32_t c = 0; c < n_components; c++)
		first[c + 1] += first[c];
	for (size_t i = 0; i < n_edges; i++)
		order[first[component[edges[i].parent]]++] = (uint32_t)i;
	for (size_t i = 0; i < n_edges; i++)
		if (filled[component[edges[order[i]].child]])
			filled[component[edges[order[i]].parent]] = 1;
	for (uint32_t i = 0; i < n_groups; i++)
		p->selected[i] = filled[component[i]];
	free(first);
	free(order);
	free(filled);
	free(component);
}

bool us_plan_may_clean_users(const struct us_plan *p)
{
	return p->is_whole && !p->users.unidentified && !p->counts.missing_required.p &&
		   !p->counts.has_unread_required;
}

/* Nothing is known to be outside while the read is not whole: then only newcomers stay out, for they may be.
 */
static bool select_users(struct us_plan *p, struct us_plan_step *step)
{
	struct side *s = &p->users;

	if (us_patterns_is_empty(p->in.rules->required_groups))
		return false;
	if (!p->selected) {
		p->selected = us_calloc(s->have->n + 1, 1);
		select_required(p);
	}
	for (; p->at < s->have->n; p->at++) {
		uint16_t m = s->marks[p->at];
		bool is_new = m & NEW;
		if (!(m & SEEN) || m & FAILED || p->selected[p->at] || (!is_new && (!us_plan_may_clean_users(p) || m & SHARED)))
			continue;
		if (deselect(p, s, p->at,
				p->is_whole ? US_SLICE("is in none of the required groups")
							: US_SLICE("is not known to be in a required group: the read was incomplete"),
				step)) {
			p->at++;
			return true;
		}
	}
	return false;
}

/* Whoever is protected stays in the groups of the directory, whatever the source says. True if there is a step. */
static bool ask_protected(struct us_plan *p, const struct us_plan_given *given, struct us_plan_step *step)
{
	const struct side *s = &p->users;
	uint8_t both = US_HAVE_OWNED | US_HAVE_PROTECTED;

	for (; p->at < s->n_have; p->at++) {
		if ((s->have->flags[p->at] & both) != both)
			continue;
		p->asked = !p->asked;
		if (p->asked) {
			step->kind = US_STEP_LOAD_USER;
			step->number = s->have->numbers[p->at];
			return true;
		}
		for (uint32_t i = 0; i < given->n_groups; i++) {
			uint32_t group = us_plan_group_place(p, given->groups[i].number);
			if (given->groups[i].owned && group != US_MAP_NONE)
				p->groups.marks[group] |= HOLDS;
		}
	}
	p->at = 0;
	return false;
}

static bool select_groups(struct us_plan *p, const struct us_plan_given *given, struct us_plan_step *step)
{
	struct side *s = &p->groups;

	/* Somebody without an id may be the one who is in it. */
	if (!p->in.settings.drops_empty_groups || !p->is_whole || p->users.unidentified || p->groups.unidentified || p->users.shared || p->groups.shared)
		return false;
	if (!p->selected) {
		if (ask_protected(p, given, step))
			return true;
		p->selected = us_calloc(s->have->n + 1, 1);
		select_filled(p);
	}
	for (; p->at < s->have->n; p->at++) {
		uint16_t m = s->marks[p->at];
		/* While nobody is cleaned up, whoever a rule filters stays in the groups that are there. */
		bool is_kept = !(m & NEW) && !us_plan_may_clean_users(p);
		if (!(m & SEEN) || m & (FAILED | KEEPS_LINKS | ASSIGNED) || p->selected[p->at] || is_kept)
			continue;
		if (deselect(p, s, p->at, US_SLICE("has no members, and groups without members are dropped"), step)) {
			p->at++;
			return true;
		}
	}
	return false;
}

/* In an incomplete or a single run nothing is cleaned up: whatever was filtered is named, and stays. */
bool us_plan_next_filtered(struct us_plan *p, struct side *s, struct us_plan_step *step)
{
	while (!p->is_whole && s->filtered.n && p->at < s->n_have) {
		uint32_t place = p->at++;
		if (!(s->marks[place] & FILTERED))
			continue;
		us_plan_give_filtered(p, s, place, US_SLICE_NONE, US_SLICE_NONE, step);
		return true;
	}
	return false;
}

/* Groups may name users who are in no listing: those who are gone or were not asked for. A delta says nothing of most users: of them, it is who
 * was gone before, or is now. Returns whether there are some. */
static bool mark_outsiders(struct us_plan *p)
{
	struct side *s = &p->users;
	bool has_any = false;

	for (uint32_t i = 0; i < s->n_have; i++)
		if (!(s->marks[i] & SEEN) && (!p->in.is_delta || s->marks[i] & TOLD_GONE || s->have->flags[i] & US_HAVE_MISSING)) {
			s->marks[i] |= OUTSIDE;
			has_any = true;
		}
	return has_any;
}

/* Whoever is not wanted is put into no group; what they have is kept or stripped by cleanup. */
static void drop_unwanted(struct us_plan *p)
{
	bool has_any = p->users.has_filtered;

	if (p->in.is_narrowed || us_plan_may_clean_users(p))
		has_any |= mark_outsiders(p);
	if (has_any)
		us_links_drop_users(p->links, p->users.marks, FILTERED | OUTSIDE);
}

static void end_selection(struct us_plan *p)
{
	free(p->selected);
	p->selected = NULL;
}

bool us_plan_next_selected_user(struct us_plan *p, struct us_plan_step *step)
{
	if (select_users(p, step))
		return true;
	end_selection(p);
	drop_unwanted(p);
	return false;
}

bool us_plan_next_selected_group(struct us_plan *p, const struct us_plan_given *given, struct us_plan_step *step)
{
	if (select_groups(p, given, step))
		return true;
	end_selection(p);
	return false;
}
