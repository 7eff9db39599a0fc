#include "sync/undo_state.h"

#include <stdlib.h>

#include "base/fold.h"

static void note_claim(struct names *s, struct claim claim)
{
	bool is_new;

	us_map_put(&s->wanted, claim.name, &is_new);
	us_assert(is_new); /* the names that a run left behind or took away were unique */
	if (s->n == s->cap)
		s->list = us_realloc(s->list, (s->cap = s->cap ? s->cap * 2 : 32) * sizeof *s->list);
	s->list[s->n++] = claim;
}

void us_undo_note_names(struct names *s, const struct us_change *c, const struct us_slice *before, const struct us_slice *after)
{
	struct us_hash old = before ? us_fold_hash(*before) : US_HASH_ZERO, name = after ? us_fold_hash(*after) : US_HASH_ZERO;

	if (before && after && us_hash_is_equal(old, name))
		return;
	if (before)
		us_map_put(&s->givers, us_undo_key(c->number), NULL);
	if (after)
		note_claim(s, (struct claim) { c->number, !before, name, old, us_hash_slice(c->id) });
}

static void block(struct names *s, const struct claim *claim, uint32_t holder)
{
	bool is_new;
	uint32_t at = us_map_put(&s->blocked, us_undo_key(claim->number), &is_new);

	if (!is_new)
		return;
	if (at >= s->cap_holders)
		s->holders = us_realloc(s->holders, (s->cap_holders = s->blocked.cap) * sizeof *s->holders);
	s->holders[at] = holder;
}

/* Invariant I, as in a plan from a listing: a name is free if nobody has it, or whoever has it goes or moves to a name that it gets. Whoever is
 * blocked keeps its name, and so blocks the one who counted on it. */
void us_undo_find_clashes(struct names *s, const struct us_have_side *have)
{
	uint32_t *queue = us_malloc((s->n + 1) * sizeof *queue), n = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct claim *c = &s->list[i];
		uint32_t holder = us_map_find(&have->names, c->name), twin = c->is_back ? us_map_find(&have->ids, c->id) : US_MAP_NONE;
		if (twin == US_MAP_NONE && (holder == US_MAP_NONE || have->numbers[holder] == c->number || us_undo_has(&s->givers, have->numbers[holder])))
			continue;
		block(s, c, have->numbers[twin == US_MAP_NONE ? holder : twin]);
		queue[n++] = i;
	}
	/* A claim is blocked once, so the queue holds each at most once. */
	for (uint32_t i = 0; i < n; i++) {
		const struct claim *c = &s->list[queue[i]];
		uint32_t next = c->is_back ? US_MAP_NONE : us_map_find(&s->wanted, c->old);
		if (next == US_MAP_NONE || us_undo_has(&s->blocked, s->list[next].number))
			continue;
		block(s, &s->list[next], c->number);
		queue[n++] = next;
	}
	free(queue);
}

void us_undo_names_fini(struct names *s)
{
	free(s->list);
	free(s->holders);
	us_map_fini(&s->wanted);
	us_map_fini(&s->givers);
	us_map_fini(&s->blocked);
}
