#include "sync/links.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

enum { ROUND = 32 };
#define SEVERAL (US_MAP_NONE - 1) /* places that have the name */

/* An id is a ref of whoever has no other. Whether somebody has one is known only when all is read: until then, what was found by an id is kept apart. */
enum by_id { GROUP_BY_ID = 1, USER_BY_ID = 2 };

/* user_place: US_MAP_NONE if the member is known by its ref alone. */
struct waiting {
	struct us_hash group, member;
	uint32_t user_place;
};

struct refs {
	struct us_map map;
	uint32_t *places; /* by number of the map */
	uint32_t cap;
	uint8_t *is_named; /* bits by place: by a ref, so that its id is no name of it */
	size_t cap_named;
};

struct us_links {
	const struct us_have *have;
	struct refs users, groups;
	struct us_pairs pairs[4]; /* group, user; by how they were found, see enum by_id; all in the first one once resolved */
	struct us_edge *edges;
	size_t n_edges, cap_edges;
	struct waiting *waiting;
	size_t n_waiting, cap_waiting;
	int64_t n_unknown;
	uint32_t *first, *members; /* built: members[first[g] … first[g+1]-1] */
};

struct us_links *us_links_new(const struct us_have *have)
{
	struct us_links *l = us_calloc(1, sizeof *l);

	l->have = have;
	return l;
}

void us_links_free(struct us_links *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < sizeof l->pairs / sizeof *l->pairs; i++)
		us_pairs_fini(&l->pairs[i]);
	us_map_fini(&l->users.map);
	us_map_fini(&l->groups.map);
	free(l->users.places);
	free(l->groups.places);
	free(l->users.is_named);
	free(l->groups.is_named);
	free(l->edges);
	free(l->waiting);
	free(l->first);
	free(l->members);
	free(l);
}

static bool is_named(const struct refs *r, uint32_t place) { return place / 8 < r->cap_named && r->is_named[place / 8] >> place % 8 & 1; }

bool us_links_name(struct us_links *l, bool is_group, uint32_t place, struct us_hash ref, uint32_t *ret_other)
{
	struct refs *r = is_group ? &l->groups : &l->users;
	bool is_new;
	uint32_t at = us_map_put(&r->map, ref, &is_new);

	if (at >= r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->places = us_realloc(r->places, r->cap * sizeof *r->places);
	}
	bool is_again = !is_new && (r->places[at] == place || (r->places[at] == SEVERAL && is_named(r, place)));
	bool is_own = is_new || is_again;
	*ret_other = is_own || r->places[at] == SEVERAL ? US_MAP_NONE : r->places[at];
	if (!is_again)
		r->places[at] = is_new ? place : SEVERAL;
	if (place / 8 >= r->cap_named) {
		size_t cap = place / 8 + place / 16 + 64;
		r->is_named = us_realloc(r->is_named, cap);
		memset(r->is_named + r->cap_named, 0, cap - r->cap_named);
		r->cap_named = cap;
	}
	r->is_named[place / 8] |= (uint8_t) (1 << place % 8);
	return is_own;
}

/* A ref, or else the id of somebody who has no ref. US_MAP_NONE: nobody yet; SEVERAL: nobody ever. */
static uint32_t find(const struct us_links *l, bool is_group, struct us_hash ref, bool *ret_by_id)
{
	const struct refs *r = is_group ? &l->groups : &l->users;
	uint32_t at = us_map_find(&r->map, ref);

	*ret_by_id = at == US_MAP_NONE;
	if (at != US_MAP_NONE)
		return r->places[at];
	uint32_t place = us_map_find(is_group ? &l->have->groups.ids : &l->have->users.ids, ref);
	return place != US_MAP_NONE && is_named(r, place) ? US_MAP_NONE : place;
}

/* Hashes up to ROUND refs in rounds, so that the cache misses of looking them up come at the same time. Returns how many. */
static size_t hash_refs(const struct us_links *l, bool is_group, const struct us_slice *refs, size_t n, struct us_hash *ret_hashes)
{
	const struct refs *r = is_group ? &l->groups : &l->users;
	const struct us_map *map = r->map.n ? &r->map : is_group ? &l->have->groups.ids : &l->have->users.ids;
	size_t most = n < ROUND ? n : ROUND;

	for (size_t i = 0; i < most; i++) {
		ret_hashes[i] = us_hash_slice(refs[i]);
		us_map_prefetch(map, ret_hashes[i]);
	}
	for (size_t i = 0; i < most; i++)
		us_map_prefetch_key(map, ret_hashes[i]);
	return most;
}

static void add_edge(struct us_links *l, uint32_t parent, uint32_t child)
{
	if (l->n_edges == l->cap_edges) {
		l->cap_edges = l->cap_edges ? l->cap_edges * 2 : 64;
		l->edges = us_realloc(l->edges, l->cap_edges * sizeof *l->edges);
	}
	l->edges[l->n_edges++] = (struct us_edge) { parent, child };
}

void us_links_add_places(struct us_links *l, uint32_t group, uint32_t user)
{
	us_assert(!l->first);
	us_pairs_add(&l->pairs[0], group, user);
}

/* is_last: all is read, and ids are what they are. False: nobody is known by that name yet. */
static bool try_member(struct us_links *l, uint32_t group, bool group_by_id, struct us_hash member, bool is_last)
{
	bool by_id;
	uint32_t place = find(l, false, member, &by_id);

	if (place == SEVERAL)
		return false;
	if (place != US_MAP_NONE) {
		us_pairs_add(&l->pairs[is_last ? 0 : (group_by_id ? GROUP_BY_ID : 0) | (by_id ? USER_BY_ID : 0)], group, place);
		return true;
	}
	place = find(l, true, member, &by_id);
	if (place >= SEVERAL || (!is_last && (by_id || group_by_id)))
		return false;
	add_edge(l, group, place);
	return true;
}

static void wait(struct us_links *l, struct waiting w)
{
	if (l->n_waiting == l->cap_waiting) {
		l->cap_waiting = l->cap_waiting ? l->cap_waiting + l->cap_waiting / 2 : 64;
		l->waiting = us_realloc(l->waiting, l->cap_waiting * sizeof *l->waiting);
	}
	l->waiting[l->n_waiting++] = w;
}

void us_links_add(struct us_links *l, struct us_hash group_ref, const struct us_slice *member_refs, size_t n)
{
	bool by_id;
	uint32_t group = find(l, true, group_ref, &by_id);

	for (size_t at = 0, round; at < n; at += round) {
		struct us_hash members[ROUND];
		round = hash_refs(l, false, member_refs + at, n - at, members);
		for (size_t i = 0; i < round; i++)
			if (group >= SEVERAL || !try_member(l, group, by_id, members[i], false))
				wait(l, (struct waiting) { group_ref, members[i], US_MAP_NONE });
	}
}

void us_links_add_user(struct us_links *l, uint32_t user_place, const struct us_slice *group_refs, size_t n)
{
	for (size_t at = 0, round; at < n; at += round) {
		struct us_hash groups[ROUND];
		round = hash_refs(l, true, group_refs + at, n - at, groups);
		for (size_t i = 0; i < round; i++) {
			bool by_id;
			uint32_t group = find(l, true, groups[i], &by_id);
			if (group < SEVERAL)
				us_pairs_add(&l->pairs[by_id ? GROUP_BY_ID : 0], group, user_place);
			else
				wait(l, (struct waiting) { groups[i], US_HASH_ZERO, user_place });
		}
	}
}

static int by_edge(const void *a, const void *b)
{
	const struct us_edge *x = a, *y = b;

	return x->parent != y->parent ? (x->parent > y->parent) - (x->parent < y->parent)
	                              : (x->child > y->child) - (x->child < y->child);
}

/* What a name means now that all is read. user_place: US_MAP_NONE if the member is known by its name alone. */
static void settle(struct us_links *l, struct us_hash group_ref, struct us_hash member, uint32_t user_place)
{
	bool by_id;
	uint32_t group = find(l, true, group_ref, &by_id);

	if (group >= SEVERAL)
		l->n_unknown++;
	else if (user_place != US_MAP_NONE)
		us_links_add_places(l, group, user_place);
	else
		l->n_unknown += !try_member(l, group, by_id, member, true);
}

/* What was found by its id turned out to be called otherwise, or somebody else to be called so. */
static bool is_other(const struct refs *r, const struct us_have_side *have, uint32_t place)
{
	return is_named(r, place) || us_map_find(&r->map, have->ids.keys[place]) != US_MAP_NONE;
}

static void settle_pairs(struct us_links *l, unsigned how)
{
	struct us_pairs *pairs = &l->pairs[how];
	struct us_pairs_walk walk;
	uint32_t group, user;

	if (!(how & GROUP_BY_ID && l->groups.map.n) && !(how & USER_BY_ID && l->users.map.n)) {
		us_pairs_take(&l->pairs[0], pairs);
		return;
	}
	us_pairs_walk_begin(pairs, &walk);
	while (us_pairs_take_next(pairs, &walk, &group, &user)) {
		bool other_group = how & GROUP_BY_ID && is_other(&l->groups, &l->have->groups, group);
		bool other_user = how & USER_BY_ID && is_other(&l->users, &l->have->users, user);
		if (!other_group && !other_user)
			us_links_add_places(l, group, user);
		else if (other_group)
			settle(l, l->have->groups.ids.keys[group], l->have->users.ids.keys[user], other_user ? US_MAP_NONE : user);
		else
			l->n_unknown += !try_member(l, group, false, l->have->users.ids.keys[user], true);
	}
}

void us_links_resolve(struct us_links *l)
{
	for (size_t i = 0; i < l->n_waiting; i++)
		settle(l, l->waiting[i].group, l->waiting[i].member, l->waiting[i].user_place);
	for (unsigned how = 1; how < sizeof l->pairs / sizeof *l->pairs; how++)
		settle_pairs(l, how);
	free(l->waiting);
	l->waiting = NULL;
	l->n_waiting = l->cap_waiting = 0;
	us_map_fini(&l->users.map);
	us_map_fini(&l->groups.map);
	if (l->n_edges)
		qsort(l->edges, l->n_edges, sizeof *l->edges, by_edge);
}

struct drop {
	const uint16_t *marks;
	uint16_t bit;
};

static bool is_kept(void *context, uint32_t group, uint32_t user)
{
	const struct drop *drop = context;

	(void)group;
	return !(drop->marks[user] & drop->bit);
}

void us_links_drop_users(struct us_links *l, const uint16_t *marks, uint16_t bit)
{
	us_pairs_filter(&l->pairs[0], is_kept, &(struct drop) { marks, bit });
}

void us_links_drop_nesting(struct us_links *l, const uint16_t *marks, uint16_t mask, uint16_t bits)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_edges; i++)
		if ((marks[l->edges[i].parent] & mask) != bits && (marks[l->edges[i].child] & mask) != bits)
			l->edges[n++] = l->edges[i];
	l->n_edges = n;
}

void us_links_walk_begin(const struct us_links *l, struct us_pairs_walk *ret_walk) { us_pairs_walk_begin(&l->pairs[0], ret_walk); }

bool us_links_walk_next(struct us_pairs_walk *w, uint32_t *ret_group, uint32_t *ret_user) { return us_pairs_walk_next(w, ret_group, ret_user); }

int64_t us_links_build(struct us_links *l)
{
	uint32_t n_groups = l->have->groups.n, group, user;
	struct us_pairs_walk walk;

	us_assert(l->pairs[0].n < UINT32_MAX);
	l->first = us_calloc((size_t) n_groups + 2, sizeof *l->first);
	l->members = us_malloc(l->pairs[0].n * sizeof *l->members);
	/* Counting sort; first[g + 1] runs ahead while filling and ends as the start of g + 1. */
	for (us_pairs_walk_begin(&l->pairs[0], &walk); us_pairs_walk_next(&walk, &group, &user);)
		l->first[group + 2]++;
	for (uint32_t g = 0; g < n_groups; g++)
		l->first[g + 2] += l->first[g + 1];
	for (us_pairs_walk_begin(&l->pairs[0], &walk); us_pairs_take_next(&l->pairs[0], &walk, &group, &user);)
		l->members[l->first[group + 1]++] = user;
	return l->n_unknown;
}

size_t us_links_users(struct us_links *l, uint32_t group, uint32_t **ret_places)
{
	*ret_places = l->members + l->first[group];
	return l->first[group + 1] - l->first[group];
}

size_t us_links_edges(struct us_links *l, struct us_edge **ret_edges)
{
	*ret_edges = l->edges;
	return l->n_edges;
}
