#include "sync/plan_state.h"

#include <stdlib.h>

#include "base/fold.h"
#include "model/fate.h"

void us_plan_claim_name(struct side *s, uint32_t place, struct us_hash name)
{
	bool is_new;
	uint32_t claim = us_map_put(&s->claims, name, &is_new);

	s->marks[place] |= CLAIMS;
	if (!is_new) {
		if (s->n_rivals == s->cap_rivals) {
			s->cap_rivals = s->cap_rivals ? s->cap_rivals * 2 : 16;
			s->rivals = us_realloc(s->rivals, s->cap_rivals * sizeof *s->rivals);
		}
		s->rivals[s->n_rivals++] = (struct rival) { claim, place };
		return;
	}
	if (claim >= s->cap_claims) {
		s->cap_claims = s->claims.cap;
		s->claimants = us_realloc(s->claimants, s->cap_claims * sizeof *s->claimants);
	}
	s->claimants[claim] = place;
}

static void add_failure(struct us_plan *p, struct side *s, uint32_t place, uint32_t other, bool is_rival)
{
	if (!(s->marks[place] & CLAIMS))
		return; /* failed before */
	s->marks[place] &= (uint16_t)~CLAIMS;
	if (p->n_failures == p->cap_failures) {
		p->cap_failures = p->cap_failures ? p->cap_failures * 2 : 16;
		p->failures = us_realloc(p->failures, p->cap_failures * sizeof *p->failures);
	}
	p->failures[p->n_failures++] = (struct failure) { place, other, is_rival };
}

static bool is_anonymized(const struct side *s, uint32_t place) { return s->marks[place] & HAS_ROW && s->outcomes[place] == US_OUTCOME_ANONYMIZED; }

/* Whether the claim is one that its claimant has: whoever was listed, is not wanted after all and becomes anonymous had another one before. */
static bool is_claimed(const struct side *s, uint32_t claim, uint32_t place)
{
	if (!(s->marks[place] & CLAIMS) || !is_anonymized(s, place))
		return s->marks[place] & CLAIMS;
	char name[US_FATE_NAME_BYTES];
	return us_hash_is_equal(s->claims.keys[claim], us_fold_hash(us_fate_name(s->have->numbers[place], name)));
}

/* Two who want the same name: neither gets it, for nothing says who is right. A claimant that has failed before does not count, and the name of an
 * anonymous user is one that we made up: whoever the source calls so comes first. */
static void fail_rivals(struct us_plan *p, struct side *s)
{
	struct us_map contested = US_MAP_INIT;

	for (uint32_t i = 0; i < s->n_rivals; i++) {
		struct rival r = s->rivals[i];
		uint32_t first = s->claimants[r.claim];
		if (!is_claimed(s, r.claim, r.place) || r.place == first)
			continue;
		struct us_hash key = { r.claim, 0 };
		if (us_map_find(&contested, key) == US_MAP_NONE && !is_claimed(s, r.claim, first)) {
			s->claimants[r.claim] = r.place;
			continue;
		}
		if (is_anonymized(s, r.place)) {
			add_failure(p, s, r.place, first, true);
			continue;
		}
		us_map_put(&contested, key, NULL);
		add_failure(p, s, first, r.place, true);
		add_failure(p, s, r.place, first, true);
	}
	us_map_fini(&contested);
}

/* Invariant I: a name is free if nobody has it, or whoever has it goes or moves to a name that it gets. */
static void find_collisions(struct us_plan *p, struct side *s)
{
	p->n_failures = 0;
	fail_rivals(p, s);
	for (uint32_t i = 0; i < s->claims.n; i++) {
		uint32_t holder = us_map_find(&s->have->names, s->claims.keys[i]);
		if (holder != US_MAP_NONE && !(s->marks[holder] & (CLAIMS | GONE)) && is_claimed(s, i, s->claimants[i]))
			add_failure(p, s, s->claimants[i], holder, false);
	}
	/* Whoever fails keeps the old name, and so fails the one who counted on it; each at most once. */
	for (uint32_t i = 0; i < p->n_failures; i++) {
		uint32_t place = p->failures[i].place;
		if (place >= s->n_have)
			continue;
		uint32_t claim = us_map_find(&s->claims, s->have->names.keys[place]);
		if (claim != US_MAP_NONE && is_claimed(s, claim, s->claimants[claim]))
			add_failure(p, s, s->claimants[claim], place, false);
	}
	/* Groups: assignments ask who has which name in the end. */
	if (s == &p->users)
		us_plan_drop_claims(s);
}

void us_plan_drop_claims(struct side *s)
{
	us_map_fini(&s->claims);
	free(s->claimants);
	s->claimants = NULL;
	free(s->rivals);
	s->rivals = NULL;
	s->n_rivals = s->cap_rivals = s->cap_claims = 0;
}

uint32_t us_plan_name_holder(const struct side *s, struct us_hash name)
{
	uint32_t claim = us_map_find(&s->claims, name);
	uint32_t place = us_map_find(&s->have->names, name);

	if (claim != US_MAP_NONE && s->marks[s->claimants[claim]] & CLAIMS)
		return s->claimants[claim];
	return place != US_MAP_NONE && !(s->marks[place] & (CLAIMS | GONE)) ? place : US_MAP_NONE;
}

uint32_t us_plan_count_claims(const struct side *s, struct us_hash name)
{
	uint32_t claim = us_map_find(&s->claims, name), n = 0;

	if (claim == US_MAP_NONE)
		return 0;
	n += (s->marks[s->claimants[claim]] & CLAIMS) != 0;
	for (uint32_t i = 0; i < s->n_rivals; i++)
		n += s->rivals[i].claim == claim && s->marks[s->rivals[i].place] & CLAIMS;
	return n;
}

bool us_plan_next_collision(
	struct us_plan *p, struct side *s, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	if (p->at == 0 && !p->asked)
		find_collisions(p, s);
	if (p->at >= p->n_failures)
		return false;
	const struct failure *f = &p->failures[p->at];
	if (is_anonymized(s, f->place)) {
		p->asked = !p->asked;
		if (p->asked) {
			step->kind = US_STEP_LOAD_USER;
			step->number = s->have->numbers[f->place];
			return true;
		}
		us_plan_keep_from_anonymity(p, arena, f->place, given->user, step);
		p->at++;
		return true;
	}
	p->at++;
	us_plan_fail_row(p, s, f->place, step);
	if (f->is_rival) {
		step->has_other_ord = true;
		step->other_ord = s->ords[f->other_place];
	} else {
		step->other_number = s->have->numbers[f->other_place];
	}
	return true;
}

