#include "sync/plan_state.h"

#include <stdlib.h>

static void remember(struct us_plan *p, uint32_t place, struct us_slice id, struct us_slice name, struct us_slice reason)
{
	const struct filtered *last = p->n_filtered ? &p->filtered[p->n_filtered - 1] : NULL;

	if (p->n_filtered == p->cap_filtered) {
		p->cap_filtered = p->cap_filtered ? p->cap_filtered * 2 : 64;
		p->filtered = us_realloc(p->filtered, p->cap_filtered * sizeof *p->filtered);
		last = p->n_filtered ? &p->filtered[p->n_filtered - 1] : NULL;
	}
	/* Mostly one row filters them all: its reason is kept once. */
	struct us_slice why = last && us_slice_is_equal(last->reason, reason) ? last->reason : us_slice_dup(&p->names, reason);
	p->filtered[p->n_filtered++] = (struct filtered) { place, us_slice_dup(&p->names, id), us_slice_dup(&p->names, name), why };
}

void us_plan_filtered(struct us_plan *p, struct us_slice id, struct us_slice ref, struct us_slice name, struct us_slice reason,
	struct us_plan_step *ret_step)
{
	struct side *s = &p->users;
	uint32_t place = us_map_find(&s->have->ids, us_hash_slice(id));
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING && id.n);
	if (place != US_MAP_NONE) {
		/* Listed once more, or new in this run: the first time counts. */
		if (!(s->marks[place] & (SEEN | NEW))) {
			s->listed++;
			remember(p, place, id, name, reason);
			if (ref.p)
				us_links_name(p->links, false, place, us_hash_slice(ref));
		}
		*ret_step = step;
		return;
	}
	/* Known to the links, so that groups that name it do not look as if they named nobody. */
	place = us_plan_add_unwritten(p, id, ref);
	step.change = (struct us_change) { .object = US_OBJECT_USER, .outcome = US_OUTCOME_FILTERED, .id = id, .name = name, .reason = reason };
	us_plan_give_row(p, s, place, &step);
	*ret_step = step;
}

static int by_place(const void *a, const void *b)
{
	const struct filtered *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

void us_plan_sort_filtered(struct us_plan *p)
{
	uint32_t n = 0;

	if (p->n_filtered)
		qsort(p->filtered, p->n_filtered, sizeof *p->filtered, by_place);
	for (uint32_t i = 0; i < p->n_filtered; i++)
		if (!n || p->filtered[n - 1].place != p->filtered[i].place)
			p->filtered[n++] = p->filtered[i];
	p->n_filtered = n;
}

const struct filtered *us_plan_find_filtered(struct us_plan *p, uint32_t place)
{
	while (p->filtered_at < p->n_filtered && p->filtered[p->filtered_at].place < place)
		p->filtered_at++;
	return p->filtered_at < p->n_filtered && p->filtered[p->filtered_at].place == place ? &p->filtered[p->filtered_at] : NULL;
}

void us_plan_give_filtered(struct us_plan *p, const struct filtered *f, struct us_plan_step *step)
{
	step->change = (struct us_change) { .object = US_OBJECT_USER, .outcome = US_OUTCOME_FILTERED, .number = p->users.have->numbers[f->place],
		.id = f->id, .name = f->name, .reason = f->reason };
	us_plan_give_row(p, &p->users, f->place, step);
}

/* Without a whole read nobody is cleaned up: the filtered are named and stay as they are. */
bool us_plan_next_filtered(struct us_plan *p, struct us_plan_step *step)
{
	while (p->at < p->n_filtered) {
		const struct filtered *f = &p->filtered[p->at++];
		if (p->users.marks[f->place] & SEEN)
			continue;
		us_plan_give_filtered(p, f, step);
		return true;
	}
	return false;
}
