#include "sync/plan.h"

#include <stdlib.h>

#include "base/fold.h"
#include "sync/links.h"

/* What is known of the object at a place, beside what have says of it. */
enum mark {
	SEEN = 1,         /* was listed */
	NEW = 2,          /* is not in the directory yet */
	FAILED = 4,       /* nothing is written for it */
	CLAIMS = 8,       /* wants a name that is not its own now */
	GONE = 16,        /* this plan deletes it */
	KEEPS_LINKS = 32, /* its members (group) or groups (user) could not be read; leave those that it has */
	DEACTIVATED = 64, /* this plan takes it from active to inactive */
	HAS_ROW = 128,
};

/* Users or groups: one way to do it for both. */
struct side {
	struct us_have_side *have;
	uint32_t n_have;   /* places below are of the directory, from here on NEW */
	uint8_t *marks, *outcomes;
	uint32_t *ords;
	uint32_t cap;
	struct us_map claims;  /* folded names that are wanted by objects that do not have them */
	uint32_t *claimants;   /* place, by number of the claim; the first one */
	uint32_t cap_claims;
	struct rival { uint32_t claim, place; } *rivals; /* further claimants of the same name */
	uint32_t n_rivals, cap_rivals;
	int64_t unidentified, listed;
};

enum phase { READING, MISSING_USERS, MISSING_GROUPS, COLLIDE_USERS, COLLIDE_GROUPS, BUILD, MEMBERS, SINGLE, DONE };

struct wanted {
	uint32_t *users, *groups; /* numbers, sorted */
	uint32_t n_users, n_groups, cap_groups;
};

/* A claim that cannot be met, found while resolving; handed out one by one. */
struct failure {
	uint32_t place, other_place;
};

struct us_plan {
	struct us_plan_input in;
	struct side users, groups;
	struct us_links *links;
	struct us_arena names;       /* of new groups */
	struct us_slice *new_names;  /* by place - n_have */
	uint32_t cap_new_names;
	struct us_plan_complete complete;
	bool is_whole;
	enum phase phase;
	uint32_t at;                 /* place, in the phases that walk places */
	bool asked;                  /* the last step was a LOAD */
	struct failure *failures;
	uint32_t n_failures, cap_failures;
	size_t edge_at;
	struct wanted wanted;        /* of the group that MEMBERS is at */
	uint32_t single_user;        /* place */
	uint32_t *single_added, *single_removed; /* numbers of groups */
	uint32_t n_single_added, n_single_removed, single_at;
	uint32_t next_ord;
	struct us_plan_counts counts;
};

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
		s->marks = us_calloc(s->cap, 1);
		s->outcomes = us_calloc(s->cap, 1);
		s->ords = us_calloc(s->cap, sizeof *s->ords);
	}
	for (uint32_t i = 0; i < p->users.n_have; i++)
		p->counts.have_users += (p->users.have->flags[i] & (US_HAVE_OWNED | US_HAVE_MISSING)) == US_HAVE_OWNED;
	for (uint32_t i = 0; i < p->groups.n_have; i++)
		p->counts.have_groups += (p->groups.have->flags[i] & US_HAVE_OWNED) != 0;
	p->counts.have_memberships = input->have->n_memberships;
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
}

void us_plan_free(struct us_plan *p)
{
	if (!p)
		return;
	free_side(&p->users);
	free_side(&p->groups);
	us_links_free(p->links);
	us_arena_fini(&p->names);
	free(p->new_names);
	free(p->failures);
	free(p->wanted.groups);
	free(p->single_added);
	free(p->single_removed);
	free(p);
}

static int64_t *tally(struct us_plan *p, const struct side *s)
{
	return s == &p->users ? p->counts.report.users : p->counts.report.groups;
}

/* ---- rows ---- */

/* Every row passes here: numbers it, counts it, remembers it for its object. */
static void give_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step)
{
	step->kind = US_STEP_ROW;
	step->change.ord = p->next_ord++;
	if (step->change.object == US_OBJECT_MEMBERS) {
		p->counts.report.memberships_added += step->change.members.n_added_users + step->change.members.n_added_groups;
		p->counts.report.memberships_removed += step->change.members.n_removed_users + step->change.members.n_removed_groups;
		return;
	}
	tally(p, s)[step->change.outcome]++;
	if (place == US_MAP_NONE)
		return;
	s->marks[place] |= HAS_ROW;
	s->ords[place] = step->change.ord;
	s->outcomes[place] = (uint8_t) step->change.outcome;
	if (step->change.outcome == US_OUTCOME_FAILED)
		s->marks[place] |= FAILED;
}

/* The object's row, given before, becomes a failed one. */
static void fail_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step)
{
	us_assert(s->marks[place] & HAS_ROW);
	tally(p, s)[s->outcomes[place]]--;
	tally(p, s)[US_OUTCOME_FAILED]++;
	s->outcomes[place] = US_OUTCOME_FAILED;
	if (s->marks[place] & DEACTIVATED)
		p->counts.report.deactivated--;
	s->marks[place] = (uint8_t) ((s->marks[place] & ~(CLAIMS | DEACTIVATED)) | FAILED);
	step->kind = US_STEP_FAIL_ROW;
	step->ord = s->ords[place];
	step->is_group = s == &p->groups;
}

/* ---- objects ---- */

static uint32_t add_new(struct side *s, struct us_hash id)
{
	struct us_have_side *h = s->have;

	us_assert(h->next_number && h->next_number < UINT32_MAX);
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap + h->cap / 2 + 16 : 64;
		h->numbers = us_realloc(h->numbers, h->cap * sizeof *h->numbers);
		h->hashes = us_realloc(h->hashes, h->cap * sizeof *h->hashes);
		h->flags = us_realloc(h->flags, h->cap);
		if (h->members_hashes)
			h->members_hashes = us_realloc(h->members_hashes, h->cap * sizeof *h->members_hashes);
	}
	if (h->cap > s->cap) {
		s->marks = us_realloc(s->marks, h->cap);
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

static void claim_name(struct side *s, uint32_t place, struct us_hash name)
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

/* What listing an object once more means. Returns true if that settles it. */
static bool is_settled(struct us_plan *p, struct side *s, uint32_t place, struct us_hash want, struct us_slice id,
	struct us_slice name, struct us_plan_step *step)
{
	if (!(s->marks[place] & SEEN))
		return false;
	/* The same again is harmless: pages overlap when objects move while they are read. */
	if (us_hash_is_equal(s->have->hashes[place], want) || s->marks[place] & FAILED)
		return true;
	step->reason = US_SLICE("is listed twice with different content: nothing is written, neither is more right than the other");
	if (s->marks[place] & HAS_ROW) {
		fail_row(p, s, place, step);
		return true;
	}
	tally(p, s)[US_OUTCOME_NOT_MODIFIED]--;
	step->change = (struct us_change) {
		.object = s == &p->users ? US_OBJECT_USER : US_OBJECT_GROUP, .outcome = US_OUTCOME_FAILED,
		.number = s->have->numbers[place], .id = id, .name = name, .reason = step->reason };
	give_row(p, s, place, step);
	return true;
}

/* Before the change itself: marks the place as listed. */
static void see(struct us_plan *p, struct side *s, uint32_t place, struct us_hash want)
{
	bool existed = !(s->marks[place] & NEW);

	s->marks[place] |= SEEN;
	s->have->hashes[place] = want;
	s->listed++;
	if (existed) {
		if (s == &p->users)
			p->counts.seen_users++;
		else
			p->counts.seen_groups++;
	}
}

static void add_word(struct us_str *s, bool differs, const char *word)
{
	if (!differs)
		return;
	if (s->n)
		us_str_add_text(s, ", ");
	us_str_add_text(s, word);
}

static bool differs(struct us_slice a, struct us_slice b) { return !a.p != !b.p || !us_slice_is_equal(a, b); }

static bool attributes_differ(const struct us_user *a, const struct us_user *b)
{
	if (a->n_attributes != b->n_attributes)
		return true;
	for (size_t i = 0; i < a->n_attributes; i++) {
		const struct us_field *x = &a->attributes[i], *y = &b->attributes[i];
		if (!us_slice_is_equal(x->name, y->name) || x->n != y->n)
			return true;
		for (size_t k = 0; k < x->n; k++)
			if (!us_slice_is_equal(x->values[k], y->values[k]))
				return true;
	}
	return false;
}

static struct us_slice take_text(struct us_arena *arena, struct us_str *s)
{
	struct us_slice text = us_slice_dup(arena, us_str_slice(s));

	us_str_fini(s);
	return text;
}

/* The fields that differ, as the reason of an update; empty if none. */
static struct us_slice user_difference(struct us_arena *arena, const struct us_user_image *have, const struct us_user *want)
{
	struct us_str s = US_STR_INIT;

	add_word(&s, have->missing_since != 0, "is back");
	add_word(&s, differs(have->user.name, want->name), "username");
	add_word(&s, differs(have->user.full_name, want->full_name), "fullName");
	add_word(&s, differs(have->user.first_name, want->first_name), "firstName");
	add_word(&s, differs(have->user.last_name, want->last_name), "lastName");
	add_word(&s, differs(have->user.email, want->email), "email");
	add_word(&s, have->user.active != want->active, want->active ? "activated" : "deactivated");
	add_word(&s, attributes_differ(&have->user, want), "attributes");
	return take_text(arena, &s);
}

void us_plan_user(struct us_plan *p, struct us_arena *arena, const struct us_user *want, struct us_slice ref,
	const struct us_user_image *before, struct us_plan_step *ret_step)
{
	struct side *s = &p->users;
	struct us_hash id = us_hash_slice(want->id), hash = us_user_hash(want);
	uint32_t place = us_map_find(&s->have->ids, id);
	bool is_new = place == US_MAP_NONE;
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING);
	if (is_new)
		place = add_new(s, id);
	else if (is_settled(p, s, place, hash, want->id, want->name, &step)) {
		*ret_step = step;
		return;
	}
	if (!is_new && us_hash_is_equal(s->have->hashes[place], hash) && !(s->have->flags[place] & US_HAVE_MISSING)) {
		see(p, s, place, hash);
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	if (!is_new && !before) {
		*ret_step = (struct us_plan_step) { .kind = US_STEP_LOAD_USER, .number = s->have->numbers[place] };
		return;
	}
	see(p, s, place, hash);
	struct us_slice why = is_new ? US_SLICE("is not in the directory") : user_difference(arena, before, want);
	if (!why.n) {
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	struct us_user_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = (struct us_user_image) { .user = *want, .owned = true, .hash = hash };
	bool renamed = before && differs(before->user.name, want->name);
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
		claim_name(s, place, name);
	give_row(p, s, place, &step);
named:
	if (ref.p)
		us_links_name(p->links, false, place, us_hash_slice(ref));
	if (p->in.is_single)
		p->single_user = place;
	*ret_step = step;
}

static void keep_new_name(struct us_plan *p, uint32_t place, struct us_slice name)
{
	uint32_t at = place - p->groups.n_have;

	if (at >= p->cap_new_names) {
		p->cap_new_names = p->cap_new_names ? p->cap_new_names * 2 : 64;
		if (p->cap_new_names <= at)
			p->cap_new_names = at + 1;
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
	bool is_new = place == US_MAP_NONE;
	struct us_plan_step step = { .kind = US_STEP_NONE };

	us_assert(p->phase == READING);
	if (is_new) {
		place = add_new(s, id);
		keep_new_name(p, place, want->name);
	} else if (is_settled(p, s, place, hash, want->id, want->name, &step)) {
		*ret_step = step;
		return;
	}
	if (!is_new && us_hash_is_equal(s->have->hashes[place], hash)) {
		see(p, s, place, hash);
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	if (!is_new && !before) {
		*ret_step = (struct us_plan_step) { .kind = US_STEP_LOAD_GROUP, .number = s->have->numbers[place] };
		return;
	}
	see(p, s, place, hash);
	bool renamed = before && differs(before->group.name, want->name);
	struct us_str why = US_STR_INIT;
	add_word(&why, is_new, "is not in the directory");
	add_word(&why, renamed, "name");
	add_word(&why, before && differs(before->group.description, want->description), "description");
	if (!why.n) {
		us_str_fini(&why);
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		goto named;
	}
	struct us_group_image *after = us_arena_zalloc(arena, sizeof *after);
	*after = (struct us_group_image) { .group = *want, .owned = true, .hash = hash };
	step.change = (struct us_change) {
		.object = US_OBJECT_GROUP,
		.outcome = is_new ? US_OUTCOME_ADDED : renamed ? US_OUTCOME_RENAMED : US_OUTCOME_UPDATED,
		.number = s->have->numbers[place], .id = want->id, .name = want->name, .reason = take_text(arena, &why),
		.group = { .before = before, .after = after } };
	struct us_hash name = us_fold_hash(want->name);
	if (is_new || !us_hash_is_equal(s->have->names.keys[place], name))
		claim_name(s, place, name);
	give_row(p, s, place, &step);
named:
	if (ref.p)
		us_links_name(p->links, true, place, us_hash_slice(ref));
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
		give_row(p, s, US_MAP_NONE, &step);
		*ret_step = step;
		return;
	}
	if (place == US_MAP_NONE)
		place = add_new(s, key);
	if (ref.p)
		us_links_name(p->links, is_group, place, us_hash_slice(ref));
	bool again = s->marks[place] & SEEN;
	if (!again)
		see(p, s, place, US_HASH_ZERO);
	if (is_group) {
		if (s->marks[place] & NEW)
			keep_new_name(p, place, name);
	}
	s->marks[place] |= KEEPS_LINKS;
	step.change.number = s->marks[place] & NEW ? 0 : s->have->numbers[place];
	if (s->marks[place] & FAILED) {
		step.kind = US_STEP_NONE;
	} else if (s->marks[place] & HAS_ROW) {
		fail_row(p, s, place, &step);
	} else {
		if (again)
			tally(p, s)[US_OUTCOME_NOT_MODIFIED]--;
		give_row(p, s, place, &step);
	}
	*ret_step = step;
}

void us_plan_members(struct us_plan *p, struct us_slice group_ref, const struct us_slice *member_refs, size_t n)
{
	if (n)
		us_links_add(p->links, us_hash_slice(group_ref), member_refs, n);
}

void us_plan_member_of(struct us_plan *p, struct us_slice user_id, const struct us_slice *group_refs, size_t n)
{
	uint32_t place = us_map_find(&p->users.have->ids, us_hash_slice(user_id));

	if (place == US_MAP_NONE)
		return;
	for (size_t i = 0; i < n; i++)
		us_links_add_user(p->links, place, us_hash_slice(group_refs[i]));
}

void us_plan_end_reading(struct us_plan *p, const struct us_plan_complete *complete)
{
	us_assert(p->phase == READING);
	p->complete = *complete;
	/* Invariant C: only a whole certificate may take anything away. */
	p->is_whole = complete->users && complete->groups && complete->members && !p->in.is_single;
	p->phase = p->is_whole ? MISSING_USERS : COLLIDE_USERS;
	p->at = 0;
	p->counts.listed_users = p->users.listed;
	p->counts.listed_groups = p->groups.listed;
	p->counts.unidentified_users = p->users.unidentified;
	p->counts.unidentified_groups = p->groups.unidentified;
}

/* ---- cleanup ---- */

/* New objects have numbers in a row from the first new one on; those of a whole index were loaded in order of their numbers. */
static uint32_t group_place(const struct us_plan *p, uint32_t number)
{
	const struct side *s = &p->groups;
	uint32_t low = 0, high = s->n_have;

	if (s->have->n > s->n_have && number >= s->have->numbers[s->n_have])
		return s->n_have + (number - s->have->numbers[s->n_have]);
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (s->have->numbers[mid] < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n_have && s->have->numbers[low] == number ? low : US_MAP_NONE;
}

static bool has_local(const struct us_plan_member *members, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!members[i].owned)
			return true;
	return false;
}

static void keep_links(struct us_plan *p, uint32_t user_place, const struct us_plan_given *given)
{
	for (uint32_t i = 0; i < given->n_groups; i++) {
		uint32_t group = group_place(p, given->groups[i].number);
		if (given->groups[i].owned && group != US_MAP_NONE)
			us_links_add_places(p->links, group, user_place);
	}
}

static bool clean_user(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_plan_given *given,
	struct us_plan_step *step)
{
	struct side *s = &p->users;
	const struct us_user_image *before = given->user;
	enum us_cleanup mode = p->users.unidentified ? US_CLEANUP_KEEP : p->in.settings.cleanup;
	const char *why = "is no longer at the source";

	us_assert(before && before->owned);
	if (mode == US_CLEANUP_DELETE && has_local(given->groups, given->n_groups)) {
		mode = US_CLEANUP_DISABLE;
		why = "is no longer at the source; has local memberships, so it is disabled instead of deleted";
	}
	/* Whoever stays keeps the memberships that they had: only what the source can see is taken away by its word. */
	if (mode != US_CLEANUP_DELETE)
		keep_links(p, place, given);
	bool done = mode == US_CLEANUP_KEEP || (mode == US_CLEANUP_DISABLE && before->missing_since && !before->user.active);
	if (done) {
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	struct us_user_image *after = NULL;
	if (mode == US_CLEANUP_DISABLE) {
		after = us_arena_zalloc(arena, sizeof *after);
		*after = *before;
		after->user.active = false;
		after->missing_since = before->missing_since ? before->missing_since : p->in.now_s;
		after->hash = US_HASH_ZERO;
	} else {
		s->marks[place] |= GONE;
	}
	step->change = (struct us_change) {
		.object = US_OBJECT_USER, .outcome = after ? US_OUTCOME_DISABLED : US_OUTCOME_DELETED,
		.number = s->have->numbers[place], .id = before->user.id, .name = before->user.name, .reason = us_slice(why),
		.user = { .before = before, .after = after } };
	p->counts.users_cleaned++;
	give_row(p, s, place, step);
	return true;
}

static bool clean_group(struct us_plan *p, uint32_t place, const struct us_plan_given *given, struct us_plan_step *step)
{
	struct side *s = &p->groups;
	const struct us_group_image *before = given->group;

	us_assert(before && before->owned);
	if (!p->in.settings.delete_groups || s->unidentified) {
		tally(p, s)[US_OUTCOME_NOT_MODIFIED]++;
		return false;
	}
	step->change = (struct us_change) {
		.object = US_OBJECT_GROUP, .outcome = US_OUTCOME_DELETED, .number = s->have->numbers[place],
		.id = before->group.id, .name = before->group.name, .reason = US_SLICE("is no longer at the source"),
		.group = { .before = before } };
	if (has_local(given->users, given->n_users) || has_local(given->groups, given->n_groups)) {
		step->change.outcome = US_OUTCOME_FAILED;
		step->change.reason = US_SLICE("is no longer at the source, but has local members: it is kept");
	} else {
		s->marks[place] |= GONE;
		p->counts.groups_removed++;
	}
	give_row(p, s, place, step);
	return true;
}

/* Owned objects of the directory that were not listed; true if there is a step. */
static bool next_missing(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	bool users = p->phase == MISSING_USERS;
	struct side *s = users ? &p->users : &p->groups;

	for (; p->at < s->n_have; p->at++) {
		bool keeps_links = users && s->marks[p->at] & KEEPS_LINKS;
		if ((s->marks[p->at] & SEEN && !keeps_links) || !(s->have->flags[p->at] & US_HAVE_OWNED))
			continue;
		if (!p->asked) {
			p->asked = true;
			step->kind = users ? US_STEP_LOAD_USER : US_STEP_LOAD_MEMBERS;
			step->number = s->have->numbers[p->at];
			return true;
		}
		p->asked = false;
		if (keeps_links)
			keep_links(p, p->at, given);
		else if (users ? clean_user(p, arena, p->at, given, step) : clean_group(p, p->at, given, step)) {
			p->at++;
			return true;
		}
	}
	return false;
}

/* ---- collisions ---- */

static void add_failure(struct us_plan *p, struct side *s, uint32_t place, uint32_t other)
{
	if (!(s->marks[place] & CLAIMS))
		return; /* failed before */
	s->marks[place] &= (uint8_t) ~CLAIMS;
	if (p->n_failures == p->cap_failures) {
		p->cap_failures = p->cap_failures ? p->cap_failures * 2 : 16;
		p->failures = us_realloc(p->failures, p->cap_failures * sizeof *p->failures);
	}
	p->failures[p->n_failures++] = (struct failure) { place, other };
}

/* Two who want the same name: neither gets it, for nothing says who is right. A claimant that has failed before does not count. */
static void fail_rivals(struct us_plan *p, struct side *s)
{
	struct us_map contested = US_MAP_INIT;

	for (uint32_t i = 0; i < s->n_rivals; i++) {
		struct rival r = s->rivals[i];
		if (!(s->marks[r.place] & CLAIMS))
			continue;
		struct us_hash key = { r.claim, 0 };
		uint32_t first = s->claimants[r.claim];
		if (us_map_find(&contested, key) == US_MAP_NONE && !(s->marks[first] & CLAIMS)) {
			s->claimants[r.claim] = r.place;
			continue;
		}
		us_map_put(&contested, key, NULL);
		add_failure(p, s, first, r.place);
		add_failure(p, s, r.place, first);
	}
	us_map_fini(&contested);
}

/* Invariant I: a name is free if nobody has it, or whoever has it goes or moves to a name that it gets. */
static void find_collisions(struct us_plan *p, struct side *s)
{
	p->n_failures = 0;
	fail_rivals(p, s);
	for (uint32_t i = 0; i < s->claims.n; i++) {
		uint32_t place = s->claimants[i];
		if (!(s->marks[place] & CLAIMS))
			continue;
		uint32_t holder = us_map_find(&s->have->names, s->claims.keys[i]);
		if (holder != US_MAP_NONE && holder != place && !(s->marks[holder] & (CLAIMS | GONE)))
			add_failure(p, s, place, holder);
	}
	/* Whoever fails keeps the old name, and so fails the one who counted on it; each at most once. */
	for (uint32_t i = 0; i < p->n_failures; i++) {
		uint32_t place = p->failures[i].place;
		if (place >= s->n_have)
			continue;
		uint32_t claim = us_map_find(&s->claims, s->have->names.keys[place]);
		if (claim != US_MAP_NONE)
			add_failure(p, s, s->claimants[claim], place);
	}
	us_map_fini(&s->claims);
	free(s->claimants);
	s->claimants = NULL;
	free(s->rivals);
	s->rivals = NULL;
	s->n_rivals = s->cap_rivals = s->cap_claims = 0;
}

static bool next_collision(struct us_plan *p, struct us_plan_step *step)
{
	struct side *s = p->phase == COLLIDE_USERS ? &p->users : &p->groups;

	if (p->at == 0)
		find_collisions(p, s);
	if (p->at >= p->n_failures)
		return false;
	const struct failure *f = &p->failures[p->at++];
	fail_row(p, s, f->place, step);
	if (f->other_place >= s->n_have) {
		step->has_other_ord = true;
		step->other_ord = s->ords[f->other_place];
	} else {
		step->other_number = s->have->numbers[f->other_place];
	}
	return true;
}

/* ---- memberships ---- */

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
static bool will_be(const struct side *s, uint32_t place)
{
	return !(s->marks[place] & GONE) && (s->marks[place] & (NEW | FAILED)) != (NEW | FAILED);
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

	for (size_t i = 0; i < n_listed; i++)
		if (will_be(&p->users, users[i]))
			users[n++] = p->users.have->numbers[users[i]];
	w->users = users;
	w->n_users = sort_unique(users, n);

	while (p->edge_at < n_edges && edges[p->edge_at].parent < place)
		p->edge_at++;
	size_t end = p->edge_at;
	while (end < n_edges && edges[end].parent == place)
		end++;
	if (end - p->edge_at > w->cap_groups) {
		w->cap_groups = (uint32_t) (end - p->edge_at) * 2;
		w->groups = us_realloc(w->groups, w->cap_groups * sizeof *w->groups);
	}
	for (n = 0; p->edge_at < end; p->edge_at++)
		if (will_be(&p->groups, edges[p->edge_at].child))
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

static bool has_delta(const struct us_members_delta *d)
{
	return d->n_added_users || d->n_removed_users || d->n_added_groups || d->n_removed_groups;
}

static bool compare_members(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_plan_given *given,
	struct us_slice name, struct us_slice id, struct us_plan_step *step)
{
	const struct wanted *want = &p->wanted;
	bool may_remove = p->is_whole;
	struct us_members_delta d;

	difference(arena, want->users, want->n_users, given->users, given->n_users, may_remove, &d.added_users, &d.n_added_users,
		&d.removed_users, &d.n_removed_users);
	difference(arena, want->groups, want->n_groups, given->groups, given->n_groups, may_remove, &d.added_groups, &d.n_added_groups,
		&d.removed_groups, &d.n_removed_groups);
	p->counts.report.memberships_not_modified += want->n_users - d.n_added_users + want->n_groups - d.n_added_groups;
	if (!has_delta(&d))
		return false;
	step->change = (struct us_change) {
		.object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = p->groups.have->numbers[place],
		.id = id, .name = name, .reason = US_SLICE("members differ"), .members = d };
	give_row(p, &p->groups, place, step);
	return true;
}

static struct us_slice new_name(const struct us_plan *p, uint32_t place) { return p->new_names[place - p->groups.n_have]; }

static bool next_members(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	static const struct us_plan_given nothing;
	struct side *s = &p->groups;

	while (p->at < s->have->n) {
		uint32_t place = p->at;
		uint8_t m = s->marks[place];
		if (p->asked) {
			p->asked = false;
			p->at++;
			us_assert(given->group);
			if (compare_members(p, arena, place, given, given->group->group.name, given->group->group.id, step))
				return true;
			continue;
		}
		bool is_read = (m & SEEN) && !(m & KEEPS_LINKS) && will_be(s, place);
		if (!is_read && !(m & GONE)) {
			p->at++;
			continue;
		}
		p->wanted.n_users = p->wanted.n_groups = 0;
		if (is_read)
			want_members(p, place);
		if (m & NEW) {
			p->at++;
			if (compare_members(p, arena, place, &nothing, new_name(p, place), US_SLICE_NONE, step))
				return true;
		} else if (us_hash_is_equal(hash_members(&p->wanted), s->have->members_hashes[place])) {
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

/* The groups of one user: those that the source gave against those that it is in. */
static void plan_single(struct us_plan *p, const struct us_plan_given *given)
{
	uint32_t *want = us_malloc((size_t) p->groups.have->n * sizeof *want), n = 0;
	struct us_arena arena = US_ARENA_INIT;
	const uint32_t *added, *removed;

	for (uint32_t g = 0; g < p->groups.have->n; g++) {
		uint32_t *users;
		size_t n_users = us_links_users(p->links, g, &users);
		for (size_t i = 0; i < n_users; i++)
			if (users[i] == p->single_user && will_be(&p->groups, g)) {
				want[n++] = p->groups.have->numbers[g];
				break;
			}
	}
	n = sort_unique(want, n);
	difference(&arena, want, n, given->groups, given->n_groups, true, &added, &p->n_single_added, &removed, &p->n_single_removed);
	p->single_added = us_malloc((p->n_single_added + 1) * sizeof *added);
	p->single_removed = us_malloc((p->n_single_removed + 1) * sizeof *removed);
	if (p->n_single_added)
		memcpy(p->single_added, added, p->n_single_added * sizeof *added);
	if (p->n_single_removed)
		memcpy(p->single_removed, removed, p->n_single_removed * sizeof *removed);
	p->counts.report.memberships_not_modified += n - p->n_single_added;
	us_arena_fini(&arena);
	free(want);
}

static bool next_single(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	static const struct us_plan_given nothing;
	uint32_t place = p->single_user;

	if (place == US_MAP_NONE || !will_be(&p->users, place))
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
	uint32_t *one = us_arena_alloc(arena, sizeof *one), at = group_place(p, number);
	*one = p->users.have->numbers[place];
	step->change = (struct us_change) {
		.object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = number, .reason = US_SLICE("members differ"),
		.name = at != US_MAP_NONE && at >= p->groups.n_have ? new_name(p, at) : US_SLICE_NONE,
		.members = { .added_users = one, .n_added_users = adds, .removed_users = one, .n_removed_users = !adds } };
	give_row(p, &p->groups, at, step);
	return true;
}

/* ---- the walk ---- */

static bool next_in_phase(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step)
{
	switch (p->phase) {
	case MISSING_USERS:
	case MISSING_GROUPS:
		return next_missing(p, arena, given, step);
	case COLLIDE_USERS:
	case COLLIDE_GROUPS:
		return next_collision(p, step);
	case BUILD:
		p->counts.unresolved_members = us_links_build(p->links);
		return false;
	case MEMBERS:
		return next_members(p, arena, given, step);
	case SINGLE:
		return next_single(p, arena, given, step);
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
	case MISSING_USERS:
		return MISSING_GROUPS;
	case MISSING_GROUPS:
		return COLLIDE_USERS;
	case COLLIDE_USERS:
		return COLLIDE_GROUPS;
	case COLLIDE_GROUPS:
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

	if (!n_edges || !n)
		return 0;
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
