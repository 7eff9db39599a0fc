#include "sync/plan_state.h"

#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

static uint32_t sort_unique(uint32_t *numbers, uint32_t n)
{
	bool sorted = true;
	uint32_t kept = 0;

	for (uint32_t i = 1; i < n && sorted; i++)
		sorted = numbers[i - 1] < numbers[i];
	if (sorted)
		return n;
	qsort(numbers, n, sizeof *numbers, by_number);
	for (uint32_t i = 0; i < n; i++)
		if (!i || numbers[i] != numbers[i - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

/* Is there, or will be once the plan is applied. */
bool us_plan_will_be(const struct side *s, uint32_t place)
{
	return !(s->marks[place] & GONE) &&
		   (!(s->marks[place] & NEW) || !(s->marks[place] & (FAILED | FILTERED)));
}

static uint32_t to_numbers(const struct us_plan *p, const uint32_t *places, size_t n, uint32_t *out)
{
	uint32_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (us_plan_will_be(&p->users, places[i]))
			out[kept++] = p->users.have->numbers[places[i]];
	return kept;
}

/* Nested groups as the users in them: all that is reached from here, through groups that are not wanted
 * themselves too. */
static void want_flat(struct us_plan *p, uint32_t place)
{
	struct wanted *w = &p->wanted;
	uint32_t n_groups = p->groups.have->n, n_reached = 0, n = 0, *users;
	struct us_edge *edges;
	size_t n_edges = us_links_edges(p->links, &edges), room = us_links_users(p->links, place, &users);

	while (p->edge_at < n_edges && edges[p->edge_at].parent < place)
		p->edge_at++;
	if (!p->reached)
		p->reached = us_malloc((n_groups + 1) * sizeof *p->reached);
	if (p->edge_at < n_edges && edges[p->edge_at].parent == place)
		n_reached = (uint32_t)us_closure_reach(n_groups, edges, n_edges, place, p->reached);
	w->is_unsure |= p->groups.unidentified > 0 || p->groups.shared > 0;
	for (uint32_t i = 0; i < n_reached; i++) {
		room += us_links_users(p->links, p->reached[i], &users);
		w->is_unsure |= (p->groups.marks[p->reached[i]] & KEEPS_LINKS) != 0;
	}
	us_assert(room < UINT32_MAX);
	if (room > p->cap_flat) {
		p->cap_flat = room + room / 2;
		p->flat = us_realloc(p->flat, p->cap_flat * sizeof *p->flat);
	}
	size_t n_listed = us_links_users(p->links, place, &users);
	n = to_numbers(p, users, n_listed, p->flat);
	for (uint32_t i = 0; i < n_reached; i++) {
		n_listed = p->reached[i] == place ? 0 : us_links_users(p->links, p->reached[i], &users);
		n += to_numbers(p, users, n_listed, p->flat + n);
	}
	w->users = p->flat;
	w->n_users = sort_unique(p->flat, n);
	w->n_groups = 0;
}

/* The wanted direct members of the group at this place, as sorted numbers, in p->wanted: the users in the links' own memory,
 * turned from places to numbers, so a group is asked for once. */
static void want_members(struct us_plan *p, uint32_t place)
{
	struct wanted *w = &p->wanted;
	uint32_t *users, n = 0;
	size_t n_listed = us_links_users(p->links, place, &users);
	struct us_edge *edges;
	size_t n_edges = us_links_edges(p->links, &edges);

	w->users = users;
	w->n_users = sort_unique(users, to_numbers(p, users, n_listed, users));
	while (p->edge_at < n_edges && edges[p->edge_at].parent < place)
		p->edge_at++;
	size_t end = p->edge_at;
	while (end < n_edges && edges[end].parent == place)
		end++;
	if (end - p->edge_at > w->cap_groups) {
		w->cap_groups = (uint32_t) (end - p->edge_at) * 2;
		w->groups = us_realloc(w->groups, w->cap_groups * sizeof *w->groups);
	}
	for (; p->edge_at < end; p->edge_at++)
		if (us_plan_will_be(&p->groups, edges[p->edge_at].child))
			w->groups[n++] = p->groups.have->numbers[edges[p->edge_at].child];
	w->n_groups = sort_unique(w->groups, n);
}

static struct us_hash hash_members(const struct wanted *w)
{
	struct us_hash h = US_HASH_ZERO;

	for (uint32_t i = 0; i < w->n_users; i++)
		h = us_members_hash_add(h, us_members_hash_user(w->users[i]));
	for (uint32_t i = 0; i < w->n_groups; i++)
		h = us_members_hash_add(h, us_members_hash_group(w->groups[i]));
	return h;
}

/* want and have are sorted: one walk over both. A local member is there already and is never taken away (invariant O). */
static void difference(struct us_arena *arena, const uint32_t *want, uint32_t n_want, const struct us_plan_member *have, uint32_t n_have,
	bool may_remove, const uint32_t **ret_added, uint32_t *ret_n_added, const uint32_t **ret_removed, uint32_t *ret_n_removed)
{
	uint32_t *added = us_arena_alloc(arena, (n_want + 1) * sizeof *added), *removed = us_arena_alloc(arena, (n_have + 1) * sizeof *removed);
	uint32_t w = 0, h = 0, n_added = 0, n_removed = 0;

	while (w < n_want || h < n_have) {
		if (h == n_have || (w < n_want && want[w] < have[h].number)) {
			added[n_added++] = want[w++];
		} else if (w == n_want || have[h].number < want[w]) {
			if (may_remove && have[h].owned)
				removed[n_removed++] = have[h].number;
			h++;
		} else {
			w++;
			h++;
		}
	}
	*ret_added = added;
	*ret_n_added = n_added;
	*ret_removed = removed;
	*ret_n_removed = n_removed;
}

/* Who was cleaned up and fails to come back stays as cleanup has left them. */
void us_plan_strip_unreturned(struct us_plan *p)
{
	const struct side *s = &p->users;

	for (uint32_t i = 0; i < s->n_have; i++)
		if (s->have->flags[i] & US_HAVE_MISSING && s->marks[i] & FAILED)
			us_map_put(&p->stripped, us_members_hash_user(s->have->numbers[i]), NULL);
}

/* Who was taken out of all groups as inactive gets no new memberships until they have logged in. */
static uint32_t drop_stripped(const struct us_plan *p, const uint32_t *added, uint32_t n)
{
	uint32_t *kept = (uint32_t *) added, k = 0;

	for (uint32_t i = 0; i < n; i++)
		if (us_map_find(&p->stripped, us_members_hash_user(added[i])) == US_MAP_NONE)
			kept[k++] = added[i];
	return k;
}

static bool has_delta(const struct us_members_delta *d)
{
	return d->n_added_users || d->n_removed_users || d->n_added_groups || d->n_removed_groups;
}

/* Keeps the group that loses the most beyond its limit. A group that goes is counted as such. */
static void note_loss(struct us_plan *p, uint32_t place, const struct us_plan_given *given, int64_t removed)
{
	struct us_limit limit = p->in.settings.per_group;
	int64_t of = 0;

	if (p->groups.marks[place] & GONE)
		return;
	for (uint32_t i = 0; i < given->n_users; i++)
		of += given->users[i].owned;
	for (uint32_t i = 0; i < given->n_groups; i++)
		of += given->groups[i].owned;
	if (of >= limit.floor && removed * 100 > of * limit.percent && removed > p->counts.worst_group.removed) {
		p->counts.worst_group.removed = removed;
		p->counts.worst_group.of = of;
		p->counts.worst_group.number = p->groups.have->numbers[place];
	}
}

/* Where nothing may be removed: but for those that this plan deletes (lost: or strips) and, in a delta, those who are told gone or are back,
 * unless only what is deleted leaves the group (frozen). want is sorted. */
static uint32_t pick_gone(const struct us_plan *p, const struct side *s, struct us_arena *arena, const struct us_plan_member *have, uint32_t n_have,
	const uint32_t *want, uint32_t n_want, bool is_frozen, uint16_t lost, const uint32_t **ret_removed)
{
	uint32_t *removed = us_arena_alloc(arena, (n_have + 1) * sizeof *removed), n = 0, w = 0;

	for (uint32_t i = 0; i < n_have; i++) {
		uint32_t place = us_plan_find_place(p, s, have[i].number);
		while (w < n_want && want[w] < have[i].number)
			w++;
		bool is_kept = w < n_want && want[w] == have[i].number;
		bool is_told = p->in.is_delta && !is_kept && !is_frozen;
		/* A group that is told gone or filtered, and stays, is where it was as long as its own list is not read again. */
		uint16_t leaves = is_told && s == &p->users ? GONE | TOLD_GONE | FILTERED : lost;
		bool is_back = is_told && s == &p->users && place != US_MAP_NONE && us_plan_knows_groups(p, place);
		if (have[i].owned && place != US_MAP_NONE && (s->marks[place] & leaves || is_back))
			removed[n++] = have[i].number;
	}
	*ret_removed = removed;
	return n;
}

/* The source's list of members has nobody who was cleaned up before, and says nothing of who is protected. */
static uint32_t drop_untouched(const struct us_plan *p, uint32_t group, const uint32_t *removed, uint32_t n)
{
	uint32_t *kept = (uint32_t *) removed, k = 0;
	bool strips = p->in.settings.strips && p->in.settings.cleanup != US_CLEANUP_KEEP && !p->in.predicate &&
		!(us_plan_group_flags(p, group) & US_HAVE_STRIP_EXEMPT);
	uint8_t keeping = US_HAVE_PROTECTED | (strips ? 0 : US_HAVE_MISSING);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t place = us_plan_find_place(p, &p->users, removed[i]);
		bool stays = place == US_MAP_NONE ||
			(us_plan_is_untouched(p, &p->users, place) && p->users.have->flags[place] & keeping);
		if (!stays)
			kept[k++] = removed[i];
	}
	return k;
}

/* Those that end because one of the two is deleted are for the rules of users and groups. */
static void note_denied(struct us_plan *p, const struct us_members_delta *d)
{
	for (uint32_t i = 0; i < d->n_removed_users; i++)
		p->counts.memberships_denied += !us_plan_is_gone(p, &p->users, d->removed_users[i]);
	for (uint32_t i = 0; i < d->n_removed_groups; i++)
		p->counts.memberships_denied += !us_plan_is_gone(p, &p->groups, d->removed_groups[i]);
}

static bool compare_members(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_plan_given *given,
	struct us_slice name, struct us_slice id, struct us_plan_step *step)
{
	const struct wanted *want = &p->wanted;
	/* A group that was listed without an id, or that is one of two, may be any that seems to be missing here. */
	bool may_remove = p->wanted.may_remove, may_remove_groups = may_remove && !p->groups.unidentified && !p->groups.shared;
	struct us_members_delta d;

	difference(arena, want->users, want->n_users, given->users, given->n_users, may_remove, &d.added_users, &d.n_added_users,
		&d.removed_users, &d.n_removed_users);
	difference(arena, want->groups, want->n_groups, given->groups, given->n_groups, may_remove_groups, &d.added_groups, &d.n_added_groups,
		&d.removed_groups, &d.n_removed_groups);
	if (p->groups.marks[place] & LOSES && !may_remove) {
		uint8_t flags = us_plan_group_flags(p, place);
		bool is_frozen = flags & (US_HAVE_PROTECTED | US_HAVE_UNMANAGED), strips = !is_frozen && !(flags & US_HAVE_STRIP_EXEMPT);
		/* What stays although it is gone at the source is as the source left it; what could not be read, as it was. */
		bool knows_nothing = is_frozen || p->groups.marks[place] & (TOLD_GONE | KEEPS_LINKS);
		d.n_removed_users = pick_gone(p, &p->users, arena, given->users, given->n_users, want->users, want->n_users, knows_nothing,
			strips ? GONE | STRIPPED : GONE, &d.removed_users);
		d.n_removed_groups = pick_gone(p, &p->groups, arena, given->groups, given->n_groups, want->groups, want->n_groups, knows_nothing, GONE,
			&d.removed_groups);
	}
	if (p->in.is_delta && !(p->groups.marks[place] & GONE))
		d.n_removed_users = drop_untouched(p, place, d.removed_users, d.n_removed_users);
	if (want->may_add)
		p->counts.report.memberships_not_modified += want->n_users - d.n_added_users + want->n_groups - d.n_added_groups;
	else
		d.n_added_users = d.n_added_groups = 0;
	if (p->stripped.n)
		d.n_added_users = drop_stripped(p, d.added_users, d.n_added_users);
	if (!has_delta(&d))
		return false;
	note_loss(p, place, given, (int64_t) d.n_removed_users + d.n_removed_groups);
	if (!p->counts.listed_memberships && !p->in.is_delta && (p->groups.marks[place] & (SEEN | GONE)) == SEEN)
		note_denied(p, &d);
	step->change = (struct us_change) {
		.object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = p->groups.have->numbers[place],
		.id = id, .name = name, .reason = US_SLICE("members differ"), .members = d };
	us_plan_give_row(p, &p->groups, place, step);
	return true;
}

static struct us_slice new_name(const struct us_plan *p, uint32_t place) { return p->new_names[place - p->groups.n_have]; }

bool us_plan_next_members(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	static const struct us_plan_given nothing;
	struct side *s = &p->groups;

	while (p->at < s->have->n) {
		uint32_t place = p->at;
		uint16_t m = s->marks[place];
		if (p->asked) {
			p->asked = false;
			p->at++;
			us_assert(given->group);
			if (compare_members(p, arena, place, given, given->group->group.name, given->group->group.id, step))
				return true;
			continue;
		}
		uint8_t flags = m & NEW ? US_HAVE_OWNED : us_plan_group_flags(p, place);
		bool is_managed = !(m & (KEEPS_LINKS | UNMANAGED)) && !(flags & US_HAVE_UNMANAGED);
		/* A local group has members of the connector's only by assignment. */
		bool is_local =
			!(flags & US_HAVE_OWNED) && !us_hash_is_equal(s->have->members_hashes[place], US_HASH_ZERO);
		bool is_read = us_plan_will_be(s, place) && is_managed && (m & SEEN || (is_local && !p->in.is_delta));
		bool is_assigned = us_plan_will_be(s, place) && m & ASSIGNED;
		if (!is_read && !is_assigned && !(m & (GONE | LOSES))) {
			p->at++;
			continue;
		}
		p->wanted.n_users = p->wanted.n_groups = 0;
		p->wanted.is_unsure = false;
		/* Of a group that only loses somebody, it says who of them stays. */
		p->wanted.may_add = is_read || is_assigned;
		if (!(m & GONE))
			(p->in.settings.flattens_groups ? want_flat : want_members)(p, place);
		p->wanted.may_remove =
			p->is_whole && ((is_read && us_plan_knows_members(p, place)) || m & GONE) && !(flags & US_HAVE_PROTECTED) && !p->wanted.is_unsure;
		if (m & NEW) {
			p->at++;
			if (compare_members(p, arena, place, &nothing, new_name(p, place), US_SLICE_NONE, step))
				return true;
		} else if (p->wanted.may_add && us_hash_is_equal(hash_members(&p->wanted), s->have->members_hashes[place])) {
			p->counts.report.memberships_not_modified += p->wanted.n_users + p->wanted.n_groups;
			p->at++;
		} else {
			p->asked = true;
			step->kind = US_STEP_LOAD_MEMBERS;
			step->number = s->have->numbers[place];
			return true;
		}
	}
	return false;
}

/* ---- single ---- */

static bool is_left_alone(const struct us_plan *p, uint32_t place)
{
	const struct side *s = &p->groups;

	return s->marks[place] & UNMANAGED || us_plan_group_flags(p, place) & US_HAVE_UNMANAGED;
}

/* The groups of one user: those that the source gave against those that it is in. */
static void plan_single(struct us_plan *p, const struct us_plan_given *given)
{
	/* What is only effective through nested groups is not in a single user's record. A group without an id may be any that seems to be missing. */
	bool may_remove = !p->in.settings.flattens_groups && !p->groups.unidentified && !p->groups.shared && !(p->users.marks[p->single_user] & KEEPS_LINKS);
	struct us_plan_member *have = us_malloc((given->n_groups + 1) * sizeof *have);
	uint32_t n_have = 0;
	uint32_t *want = us_malloc((size_t)p->groups.have->n * sizeof *want), n = 0;
	struct us_arena arena = US_ARENA_INIT;
	const uint32_t *added, *removed;

	for (uint32_t g = 0; g < p->groups.have->n; g++) {
		uint32_t *users;
		size_t n_users = us_links_users(p->links, g, &users);
		for (size_t i = 0; i < n_users; i++)
			if (users[i] == p->single_user && us_plan_will_be(&p->groups, g) &&
				(p->groups.marks[g] & ASSIGNED || !is_left_alone(p, g))) {
				want[n++] = p->groups.have->numbers[g];
				break;
			}
	}
	n = sort_unique(want, n);
	for (uint32_t i = 0; i < given->n_groups; i++) {
		uint32_t place = us_plan_group_place(p, given->groups[i].number);
		have[n_have] = given->groups[i];
		/* As if it was local: there already, and never taken away. */
		if (place != US_MAP_NONE &&
			(is_left_alone(p, place) || p->groups.have->flags[place] & US_HAVE_PROTECTED))
			have[n_have].owned = false;
		n_have++;
	}
	difference(&arena, want, n, have, n_have, may_remove, &added, &p->n_single_added, &removed,
		&p->n_single_removed);
	if (us_map_find(&p->stripped, us_members_hash_user(p->users.have->numbers[p->single_user])) != US_MAP_NONE)
		p->n_single_added = 0;
	p->single_added = us_malloc((p->n_single_added + 1) * sizeof *added);
	p->single_removed = us_malloc((p->n_single_removed + 1) * sizeof *removed);
	memcpy(p->single_added, added, p->n_single_added * sizeof *added);
	memcpy(p->single_removed, removed, p->n_single_removed * sizeof *removed);
	p->counts.report.memberships_not_modified += n - p->n_single_added;
	us_arena_fini(&arena);
	free(have);
	free(want);
}

bool us_plan_next_single(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	static const struct us_plan_given nothing;
	uint32_t place = p->single_user;

	if (place == US_MAP_NONE || !us_plan_will_be(&p->users, place))
		return false;
	if (!p->single_added) {
		if (p->users.marks[place] & NEW) {
			plan_single(p, &nothing);
		} else if (!p->asked) {
			p->asked = true;
			step->kind = US_STEP_LOAD_USER;
			step->number = p->users.have->numbers[place];
			return true;
		} else {
			p->asked = false;
			plan_single(p, given);
		}
	}
	if (p->single_at == p->n_single_added + p->n_single_removed)
		return false;
	bool adds = p->single_at < p->n_single_added;
	uint32_t number = adds ? p->single_added[p->single_at] : p->single_removed[p->single_at - p->n_single_added];
	p->single_at++;
	uint32_t *one = us_arena_alloc(arena, sizeof *one), at = us_plan_group_place(p, number);
	*one = p->users.have->numbers[place];
	step->change = (struct us_change) {
		.object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = number, .reason = US_SLICE("members differ"),
		.name = at != US_MAP_NONE && at >= p->groups.n_have ? new_name(p, at) : US_SLICE_NONE,
		.members = { .added_users = one, .n_added_users = adds, .removed_users = one, .n_removed_users = !adds } };
	us_plan_give_row(p, &p->groups, at, step);
	return true;
}

