#include "sync/plan_state.h"

#include <stdlib.h>

#include "base/fold.h"
#include "model/fate.h"
#include "model/fields.h"

struct us_plan *us_plan_new(const struct us_plan_input *input)
{
	struct us_plan *p = us_calloc(1, sizeof *p);

	p->in = *input;
	p->users.have = &input->have->users;
	p->groups.have = &input->have->groups;
	p->links = us_links_new(input->have);
	p->single_user = US_MAP_NONE;
	struct side *sides[] = { &p->users, &p->groups };
	for (int i = 0; i < 2; i++) {
		struct side *s = sides[i];
		s->n_have = s->cap = s->have->n;
		s->marks = us_calloc(s->cap, sizeof *s->marks);
		s->outcomes = us_calloc(s->cap, 1);
		s->ords = us_calloc(s->cap, sizeof *s->ords);
	}
	for (uint32_t i = 0; i < p->users.n_have; i++)
		p->counts.have_users += (p->users.have->flags[i] & (US_HAVE_OWNED | US_HAVE_MISSING)) == US_HAVE_OWNED;
	for (uint32_t i = 0; i < p->users.n_have; i++)
		if (p->users.have->flags[i] & US_HAVE_STRIPPED)
			us_map_put(&p->stripped, us_members_hash_user(p->users.have->numbers[i]), NULL);
	for (uint32_t i = 0; i < p->groups.n_have; i++)
		p->counts.have_groups += (p->groups.have->flags[i] & US_HAVE_OWNED) != 0;
	p->counts.have_memberships = input->have->n_memberships;
	for (size_t i = 0; i < input->settings.n_assigned; i++)
		us_map_put(&p->assigned, us_fold_hash(input->settings.assigned[i]), NULL);
	return p;
}

static void free_side(struct side *s)
{
	free(s->marks);
	free(s->outcomes);
	free(s->ords);
	us_map_fini(&s->claims);
	free(s->claimants);
	free(s->rivals);
	us_map_fini(&s->filtered);
	free(s->filtered_as);
}

void us_plan_free(struct us_plan *p)
{
	if (!p)
		return;
	free_side(&p->users);
	free_side(&p->groups);
	us_links_free(p->links);
	us_arena_fini(&p->names);
	us_map_fini(&p->assigned);
	us_map_fini(&p->stripped);
	us_map_fini(&p->with_members);
	us_map_fini(&p->with_groups);
	free(p->selected);
	free(p->reached);
	free(p->flat);
	free(p->new_names);
	free(p->failures);
	free(p->wanted.groups);
	free(p->single_added);
	free(p->single_removed);
	free(p);
}

int64_t *us_plan_tally(struct us_plan *p, const struct side *s)
{
	return s == &p->users ? p->counts.report.users : p->counts.report.groups;
}

/* ---- rows ---- */

/* Every row passes here: numbers it, counts it, remembers it for its object. */
void us_plan_give_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step)
{
	if (step->change.object != US_OBJECT_MEMBERS && place != US_MAP_NONE && s->marks[place] & HAS_ROW) {
		us_plan_tally(p, s)[s->outcomes[place]]--;
		if (s->marks[place] & DEACTIVATED)
			p->counts.report.deactivated--;
		s->marks[place] &= (uint16_t)~DEACTIVATED;
		step->kind = US_STEP_REPLACE_ROW;
		step->change.ord = s->ords[place];
	} else {
		step->kind = US_STEP_ROW;
		step->change.ord = p->next_ord++;
	}
	if (step->change.object == US_OBJECT_MEMBERS) {
		p->counts.report.memberships_added += step->change.members.n_added_users + step->change.members.n_added_groups;
		p->counts.report.memberships_removed += step->change.members.n_removed_users + step->change.members.n_removed_groups;
		return;
	}
	us_plan_tally(p, s)[step->change.outcome]++;
	if (place == US_MAP_NONE)
		return;
	s->marks[place] |= HAS_ROW;
	s->ords[place] = step->change.ord;
	s->outcomes[place] = (uint8_t) step->change.outcome;
	if (step->change.outcome == US_OUTCOME_FAILED)
		s->marks[place] = (uint16_t) ((s->marks[place] & ~ASSIGNED) | FAILED);
}

/* The object's row, given before, becomes a failed one. */
void us_plan_fail_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step)
{
	us_assert(s->marks[place] & HAS_ROW);
	us_plan_tally(p, s)[s->outcomes[place]]--;
	us_plan_tally(p, s)[US_OUTCOME_FAILED]++;
	s->outcomes[place] = US_OUTCOME_FAILED;
	if (s->marks[place] & DEACTIVATED)
		p->counts.report.deactivated--;
	s->marks[place] = (uint16_t)((s->marks[place] & ~(CLAIMS | DEACTIVATED | ASSIGNED)) | FAILED);
	step->kind = US_STEP_FAIL_ROW;
	step->ord = s->ords[place];
	step->is_group = s == &p->groups;
}

/* ---- objects ---- */

uint32_t us_plan_add_new(struct side *s, struct us_hash id)
{
	struct us_have_side *h = s->have;

	us_assert(h->next_number && h->next_number < UINT32_MAX);
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap + h->cap / 2 + 16 : 64;
		h->numbers = us_realloc(h->numbers, h->cap * sizeof *h->numbers);
		h->hashes = us_realloc(h->hashes, h->cap * sizeof *h->hashes);
		h->flags = us_realloc(h->flags, h->cap);
	}
	if (h->cap > s->cap) {
		s->marks = us_realloc(s->marks, h->cap * sizeof *s->marks);
		s->outcomes = us_realloc(s->outcomes, h->cap);
		s->ords = us_realloc(s->ords, h->cap * sizeof *s->ords);
		s->cap = h->cap;
	}
	uint32_t place = us_map_put(&h->ids, id, NULL);
	us_assert(place == h->n);
	h->n++;
	h->numbers[place] = h->next_number++;
	h->hashes[place] = US_HASH_ZERO;
	h->flags[place] = US_HAVE_OWNED;
	s->marks[place] = NEW;
	s->outcomes[place] = 0;
	s->ords[place] = 0;
	return place;
}

/* What listing an object once more means. Returns true if that settles it. */
static bool is_settled(struct us_plan *p, struct side *s, uint32_t place, struct us_hash want, struct us_slice id,
	struct us_slice name, struct us_plan_step *step)
{
	/* Listed before as filtered: it is wanted after all, which takes nothing away. */
	if (s->marks[place] & FILTERED) {
		s->marks[place] &= (uint16_t)~FILTERED;
		s->listed--;
	}
	if (!(s->marks[place] & SEEN))
		return false;
	/* The same again is harmless: pages overlap when objects move while they are read. */
	if (us_hash_is_equal(s->have->hashes[place], want) || s->marks[place] & FAILED)
		return true;
	step->reason = US_SLICE("is listed twice with different content: nothing is written, neither is more right than the other");
	if (s->marks[place] & HAS_ROW) {
		us_plan_fail_row(p, s, place, step);
		return true;
	}
	us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]--;
	step->change = (struct us_change) {
		.object = s == &p->users ? US_OBJECT_USER : US_OBJECT_GROUP, .outcome = US_OUTCOME_FAILED,
		.number = s->have->numbers[place], .id = id, .name = name, .reason = step->reason };
	us_plan_give_row(p, s, place, step);
	return true;
}

/* Before the change itself: marks the place as listed. */
static void see(struct side *s, uint32_t place, struct us_hash want)
{
	s->marks[place] = (uint16_t) ((s->marks[place] & ~TOLD_GONE) | SEEN);
	s->have->hashes[place] = want;
	s->listed++;
}

static bool may_create(const struct us_plan *p)
{
	return p->in.settings.create == US_CREATE_ALWAYS ||
		   (p->in.settings.create == US_CREATE_SINGLE && p->in.is_single);
}

/* Where the source does not decide who is active, it makes no difference. */
static struct us_hash hash_of(const struct us_plan *p, const struct us_user *want)
{
	struct us_user u = *want;

	u.active |= p->in.settings.keeps_active;
	return us_user_hash(&u);
}

void us_plan_expect(const struct us_plan *p, const struct us_record *record)
{
	switch (record->kind) {
	case US_RECORD_USER:
		us_map_prefetch(&p->users.have->ids, us_hash_slice(record->id));
		break;
	case US_RECORD_GROUP:
		us_map_prefetch(&p->groups.have->ids, us_hash_slice(record->id));
		break;
	case US_RECORD_MEMBERS:
		break;
	}
}

static void share(struct us_plan *p, struct side *s, uint32_t place)
{
	s->marks[place] |= s == &p->users ? KEEPS_LINKS | SHARED : KEEPS_LINKS;
	s->shared++;
}

void us_plan_name_ref(struct us_plan *p, struct side *s, uint32_t place, struct us_slice ref)
{
	uint32_t other;

	if (!ref.p || us_links_name(p->links, s == &p->groups, place, us_hash_slice(ref), &other))
		return;
	share(p, s, place);
	if (other != US_MAP_NONE)
		share(p, s, other);
	if (!p->counts.shared_ref.p)
		p->counts.shared_ref = us_slice_dup(&p->names, ref);
}

/* Not in the directory, and no row is given for it yet but that it was filtered. */
static bool is_new_place(const struct side *s, uint32_t place)
{
	return place == US_MAP_NONE || (s->marks[place] & (NEW | FILTERED)) == (NEW | FILTERED);
}

void us_plan_user(struct us_plan *p, struct us_arena *arena, const struct us_user *want, struct us_slice ref,
	const struct us_user_image *before, struct us_plan_step *ret_step)
{
	struct side *s = &p->users;
	struct us_hash id = us_hash_slice(want->id), hash = hash_of(p, want);
	uint32_t place = us_map_find(&s->have->ids, id);
	bool is_new = is_new_place(s, place);
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING);
	if (is_new && !may_create(p)) {
		us_plan_filtered(p, false, want->id, ref, want->name,
			p->in.settings.create == US_CREATE_NEVER
				? US_SLICE("is not in the directory, and create is never")
				: US_SLICE("is not in the directory, and create is single: a single update creates the user"),
			ret_step);
		return;
	}
	if (is_new && us_map_find(&p->in.have->gone, id) != US_MAP_NONE) {
		us_plan_filtered(p, false, want->id, ref, want->name,
			US_SLICE("was deleted as inactive: a login that is reported, or a single update, brings the user back"), ret_step);
		return;
	}
	if (place == US_MAP_NONE)
		place = us_plan_add_new(s, id);
	else if (is_settled(p, s, place, hash, want->id, want->name, &step)) {
		*ret_step = step;
		return;
	}
	if (!is_new && s->have->flags[place] & US_HAVE_PROTECTED) {
		see(s, place, hash);
		s->marks[place] |= KEEPS_LINKS;
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	if (!is_new && us_hash_is_equal(s->have->hashes[place], hash) && !(s->have->flags[place] & US_HAVE_MISSING)) {
		see(s, place, hash);
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	if (!is_new && !before) {
		*ret_step = (struct us_plan_step) { .kind = US_STEP_LOAD_USER, .number = s->have->numbers[place] };
		return;
	}
	see(s, place, hash);
	struct us_user kept = *want;
	bool is_retired = !is_new && s->have->flags[place] & US_HAVE_RETIRED, wakes = before && before->retired.since && !is_retired;
	if (p->in.settings.keeps_active && before) {
		kept.active = before->user.active || (before->missing_since && want->active) || wakes; /* back, they come as somebody new would */
		want = &kept;
	}
	/* What was done to the inactive stays done; the rest of what the source says goes on, but for the anonymous. */
	if (is_retired) {
		kept = us_fate_is_anonymous(&before->user, s->have->numbers[place]) ? before->user : *want;
		kept.active = before->user.active && want->active;
		want = &kept;
	}
	struct us_slice why = is_new ? US_SLICE("is not in the directory") : us_fields_of_user(arena, before, want);
	if (wakes)
		why = us_slice(us_arena_printf(arena, "has logged in since%s" US_SLICE_FMT, why.n ? ", " : "", US_SLICE_ARG(why)));
	if (!why.n) {
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	struct us_user_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = (struct us_user_image) { .user = *want, .owned = true, .hash = hash };
	if (is_retired)
		after->retired = before->retired;
	bool renamed = before && us_fields_differ(before->user.name, want->name);
	step.change = (struct us_change) {
		.object = US_OBJECT_USER,
		.outcome = is_new ? US_OUTCOME_ADDED : renamed ? US_OUTCOME_RENAMED : US_OUTCOME_UPDATED,
		.number = s->have->numbers[place], .id = want->id, .name = want->name, .reason = why,
		.user = { .before = before, .after = after } };
	if (before && before->user.active && !want->active) {
		s->marks[place] |= DEACTIVATED;
		p->counts.report.deactivated++;
	}
	struct us_hash name = us_fold_hash(want->name);
	if (is_new || !us_hash_is_equal(s->have->names.keys[place], name))
		us_plan_claim_name(s, place, name);
	us_plan_give_row(p, s, place, &step);
named:
	us_plan_name_ref(p, s, place, ref);
	if (p->in.is_single)
		p->single_user = place;
	*ret_step = step;
}

void us_plan_keep_new_name(struct us_plan *p, uint32_t place, struct us_slice name)
{
	uint32_t at = place - p->groups.n_have;

	if (at >= p->cap_new_names) {
		p->cap_new_names = (at + 32) * 2;
		p->new_names = us_realloc(p->new_names, p->cap_new_names * sizeof *p->new_names);
	}
	char *copy = us_arena_strndup(&p->names, name.p, name.n);
	p->new_names[at] = (struct us_slice) { copy, name.n };
}

void us_plan_group(struct us_plan *p, struct us_arena *arena, const struct us_group *want, struct us_slice ref,
	const struct us_group_image *before, struct us_plan_step *ret_step)
{
	struct side *s = &p->groups;
	struct us_hash id = us_hash_slice(want->id), hash = us_group_hash(want);
	uint32_t place = us_map_find(&s->have->ids, id);
	bool is_new = is_new_place(s, place);
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING);
	const char *refused = us_rules_refuse_group(p->in.rules, want->name);
	if (refused) {
		us_plan_filtered(p, true, want->id, ref, want->name, us_slice(refused), ret_step);
		return;
	}
	bool is_first = place == US_MAP_NONE;
	if (is_first)
		place = us_plan_add_new(s, id);
	/* Listed twice with different names: the rules that take nothing from anybody hold if they do for one of them. */
	if (us_patterns_mark(p->in.rules->required_groups, want->name))
		s->marks[place] |= REQUIRED;
	if (!us_rules_is_managed(p->in.rules, want->name))
		s->marks[place] |= UNMANAGED;
	if (us_patterns_match(p->in.rules->strip_exempt, want->name, true))
		s->marks[place] |= EXEMPT;
	if (!is_first && is_settled(p, s, place, hash, want->id, want->name, &step)) {
		*ret_step = step;
		return;
	}
	if (is_new)
		us_plan_keep_new_name(p, place, want->name);
	if (p->assigned.n && us_map_find(&p->assigned, us_fold_hash(want->name)) != US_MAP_NONE)
		s->marks[place] |= ASSIGNED;
	if (!is_new &&
		(us_hash_is_equal(s->have->hashes[place], hash) || s->have->flags[place] & US_HAVE_PROTECTED)) {
		see(s, place, hash);
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	if (!is_new && !before) {
		*ret_step = (struct us_plan_step) { .kind = US_STEP_LOAD_GROUP, .number = s->have->numbers[place] };
		return;
	}
	see(s, place, hash);
	bool renamed = before && us_fields_differ(before->group.name, want->name);
	struct us_slice why = is_new ? US_SLICE("is not in the directory") : us_fields_of_group(arena, before, want);
	if (!why.n) {
		us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	struct us_group_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = (struct us_group_image) { .group = *want, .owned = true, .hash = hash };
	step.change = (struct us_change) {
		.object = US_OBJECT_GROUP,
		.outcome = is_new ? US_OUTCOME_ADDED : renamed ? US_OUTCOME_RENAMED : US_OUTCOME_UPDATED,
		.number = s->have->numbers[place], .id = want->id, .name = want->name, .reason = why,
		.group = { .before = before, .after = after } };
	struct us_hash name = us_fold_hash(want->name);
	if (is_new || !us_hash_is_equal(s->have->names.keys[place], name))
		us_plan_claim_name(s, place, name);
	us_plan_give_row(p, s, place, &step);
named:
	us_plan_name_ref(p, s, place, ref);
	*ret_step = step;
}

void us_plan_failed(struct us_plan *p, struct us_arena *arena, bool is_group, struct us_slice id, struct us_slice ref,
	struct us_slice name, struct us_slice reason, struct us_plan_step *ret_step)
{
	struct side *s = is_group ? &p->groups : &p->users;
	struct us_hash key = us_hash_slice(id);
	uint32_t place = id.n ? us_map_find(&s->have->ids, key) : US_MAP_NONE;
	struct us_plan_step step = { .reason = reason };

	(void) arena;
	step.change = (struct us_change) { .object = is_group ? US_OBJECT_GROUP : US_OBJECT_USER, .outcome = US_OUTCOME_FAILED,
		.id = id, .name = name.p ? name : id, .reason = reason };
	if (!id.n) {
		s->unidentified++;
		us_plan_give_row(p, s, US_MAP_NONE, &step);
		*ret_step = step;
		return;
	}
	if (place == US_MAP_NONE)
		place = us_plan_add_new(s, key);
	us_plan_name_ref(p, s, place, ref);
	s->marks[place] &= (uint16_t)~FILTERED;
	bool again = s->marks[place] & SEEN;
	if (!again)
		see(s, place, US_HASH_ZERO);
	s->marks[place] |= KEEPS_LINKS;
	step.change.number = s->marks[place] & NEW ? 0 : s->have->numbers[place];
	if (s->marks[place] & FAILED) {
		step.kind = US_STEP_NONE;
	} else if (s->marks[place] & HAS_ROW) {
		us_plan_fail_row(p, s, place, &step);
	} else {
		if (again)
			us_plan_tally(p, s)[US_OUTCOME_NOT_MODIFIED]--;
		us_plan_give_row(p, s, place, &step);
	}
	*ret_step = step;
}

void us_plan_keep_mapped_groups(struct us_plan *p) { p->keeps_mapped_groups = true; }

void us_plan_members(struct us_plan *p, struct us_slice group_ref, const struct us_slice *member_refs, size_t n)
{
	p->counts.listed_memberships += (int64_t) n;
	if (n)
		us_links_add(p->links, us_hash_slice(group_ref), member_refs, n);
}

void us_plan_member_of(struct us_plan *p, struct us_slice user_id, const struct us_slice *group_refs, size_t n)
{
	uint32_t place = us_map_find(&p->users.have->ids, us_hash_slice(user_id));

	p->counts.listed_memberships += (int64_t) n;
	if (place != US_MAP_NONE)
		us_links_add_user(p->links, place, group_refs, n);
}

void us_plan_end_reading(struct us_plan *p, const struct us_plan_complete *complete)
{
	us_assert(p->phase == READING);
	p->complete = *complete;
	/* Invariant C: only a whole certificate may take anything away. */
	p->is_whole = complete->users && complete->groups && complete->members && !p->in.is_single; /* a delta's feed ended so */
	p->phase = SELECT_USERS;
	p->at = 0;
	us_links_resolve(p->links);
	if (p->users.shared)
		us_links_drop_users(p->links, p->users.marks, SHARED);
	us_plan_see_assigned(p);
	/* Whom a feed does not name is not fewer. */
	p->counts.listed_users = p->in.is_delta ? p->counts.have_users : p->users.listed;
	p->counts.listed_groups = p->in.is_delta ? p->counts.have_groups : p->groups.listed;
	p->counts.unidentified_users = p->users.unidentified;
	p->counts.unidentified_groups = p->groups.unidentified;
	p->counts.shared_users = p->users.shared;
	p->counts.shared_groups = p->groups.shared;
}

/* ---- the walk ---- */

static bool next_in_phase(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	switch (p->phase) {
	case SELECT_USERS:
		return us_plan_next_selected_user(p, step);
	case SELECT_GROUPS:
		return us_plan_next_selected_group(p, given, step);
	case FILTERED_USERS:
		return us_plan_next_filtered(p, &p->users, step);
	case FILTERED_GROUPS:
		return us_plan_next_filtered(p, &p->groups, step);
	case MISSING_USERS:
		return us_plan_next_missing(p, &p->users, arena, given, step);
	case MISSING_GROUPS:
		return us_plan_next_missing(p, &p->groups, arena, given, step);
	case COLLIDE_USERS:
		return us_plan_next_collision(p, &p->users, arena, given, step);
	case COLLIDE_GROUPS:
		return us_plan_next_collision(p, &p->groups, arena, given, step);
	case ASSIGN:
		return us_plan_next_assignment(p, arena, step);
	case BUILD:
		us_plan_drop_claims(&p->groups);
		us_plan_strip_unreturned(p);
		/* Nobody is reached through a group that goes because it is in no listing: the next sync will not know it. */
		us_links_drop_nesting(p->links, p->groups.marks, SEEN | FILTERED | GONE, GONE);
		p->counts.unresolved_members = us_links_build(p->links);
		return false;
	case MEMBERS:
		return us_plan_next_members(p, arena, given, step);
	case SINGLE:
		return us_plan_next_single(p, arena, given, step);
	case READING:
	case DONE:
		break;
	}
	us_assert(!"next outside the walk");
	return false;
}

static enum phase phase_after(const struct us_plan *p)
{
	switch (p->phase) {
	case SELECT_USERS:
		return SELECT_GROUPS;
	case SELECT_GROUPS:
		return FILTERED_USERS;
	case FILTERED_USERS:
		return FILTERED_GROUPS;
	case FILTERED_GROUPS:
		return p->is_whole ? MISSING_USERS : COLLIDE_USERS;
	case MISSING_USERS:
		return MISSING_GROUPS;
	case MISSING_GROUPS:
		return COLLIDE_USERS;
	case COLLIDE_USERS:
		return COLLIDE_GROUPS;
	case COLLIDE_GROUPS:
		return ASSIGN;
	case ASSIGN:
		return BUILD;
	case BUILD:
		return p->in.is_single ? SINGLE : MEMBERS;
	case READING:
	case MEMBERS:
	case SINGLE:
	case DONE:
		break;
	}
	return DONE;
}

void us_plan_next(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *ret_step)
{
	struct us_plan_step step = { .kind = US_STEP_END };

	us_assert(p->phase != READING);
	while (p->phase != DONE && !next_in_phase(p, arena, given, &step)) {
		p->phase = phase_after(p);
		p->at = 0;
	}
	*ret_step = step;
}

void us_plan_counts(const struct us_plan *p, struct us_plan_counts *ret_counts)
{
	struct us_plan_counts c = p->counts;

	us_assert(p->phase == DONE);
	c.users_cleaned = c.report.users[US_OUTCOME_DISABLED] + c.report.users[US_OUTCOME_DELETED] +
					  c.report.users[US_OUTCOME_ANONYMIZED] + c.users_marked;
	c.users_removed = c.users_cleaned + c.report.deactivated;
	c.users_renamed = c.report.users[US_OUTCOME_RENAMED];
	c.groups_renamed = c.report.groups[US_OUTCOME_RENAMED];
	c.n_rows = p->next_ord;
	struct us_edge *edges;
	size_t n_edges = us_links_edges(p->links, &edges);
	if (n_edges) {
		uint32_t *component = us_malloc(p->groups.have->n * sizeof *component);
		us_closure_components(p->groups.have->n, edges, n_edges, component, &c.n_cycles);
		free(component);
	}
	*ret_counts = c;
}

size_t us_plan_cycle_numbers(const struct us_plan *p, uint32_t *ret_numbers, size_t n)
{
	struct us_edge *edges;
	size_t n_edges = us_links_edges(p->links, &edges), found = 0;
	uint32_t n_groups = p->groups.have->n;

	uint32_t *component = us_malloc(n_groups * sizeof *component);
	us_closure_components(n_groups, edges, n_edges, component, NULL);
	/* A group is in a cycle if an edge inside its component leads from it. */
	for (size_t i = 0; i < n_edges && found < n; i++) {
		uint32_t number = p->groups.have->numbers[edges[i].parent];
		if (component[edges[i].parent] == component[edges[i].child] && (!found || ret_numbers[found - 1] != number))
			ret_numbers[found++] = number;
	}
	free(component);
	return found;
}
