/* Plan: compares what the source has (want) with what the directory holds (have) and says what to do, row by row.
 *
 * Pure (invariant P): no clock, no I/O, no globals. Where it needs more than the index in memory it asks for it: a step LOAD_… names an
 * object, the caller loads it and calls again. Only a difference makes a row. Memory: the index, 8 bytes for each wanted membership, and
 * about 30 bytes for each user that is new or renamed; rows are handed out at once and not kept.
 *
 *     us_plan_new
 *     for each record read:  us_plan_user / us_plan_group / us_plan_failed / us_plan_members / us_plan_member_of
 *     us_plan_end_reading    with what is known to be complete (invariants L and C)
 *     us_plan_next           until STEP_END: collisions, cleanup, memberships
 *     us_plan_counts
 *
 * The same input in any order gives the same rows, but for their order and the numbers given to new objects.
 */
#ifndef US_SYNC_PLAN_H
#define US_SYNC_PLAN_H

#include "model/change.h"
#include "model/have.h"
#include "model/predicate.h"
#include "model/report.h"
#include "model/rules.h"
#include "model/sync_options.h"

struct us_plan;

struct us_plan_input {
	struct us_have *have; /* borrowed; grows by the new objects */
	struct us_sync_settings settings;
	const struct us_rules *rules; /* borrowed */
	struct us_predicate *predicate; /* borrowed; NULL: cleanup asks nobody */
	bool is_single;               /* only the objects given; nobody else is touched */
	bool is_delta;                /* only what the source says has changed; what it does not name is as it was */
	bool is_narrowed;             /* only users of required groups are listed, and perhaps others */
	int64_t now_s;                /* the run's start: missing_since of those who go missing */
};

enum us_step_kind {
	US_STEP_NONE, /* nothing to do for this object */
	US_STEP_END,  /* of us_plan_next */
	US_STEP_ROW,  /* `change` is a row: keep it. Its slices borrow from the arguments and the arena of this
					 call */
	US_STEP_FILTER_ROW,   /* the row `ord` given earlier becomes FILTERED, because of `reason` */
	US_STEP_REPLACE_ROW,  /* `change` takes the place of the row with its ord, given earlier: the object falls
							 to cleanup after all */
	US_STEP_FAIL_ROW,     /* the row `ord` given earlier becomes FAILED; if other_… is set, because of that
							 object; else `reason` */
	US_STEP_LOAD_USER,    /* load user `number`: call again with given.user; us_plan_next also wants
							 given.groups, the groups it is in */
	US_STEP_LOAD_GROUP,   /* load group `number`: call again with given.group */
	US_STEP_LOAD_MEMBERS, /* load group `number` and its direct members: given.group, given.users, given.groups; if
							 with_above, given.above too */
};

static inline bool us_step_has_row(enum us_step_kind kind)
{
	return kind == US_STEP_ROW || kind == US_STEP_REPLACE_ROW || kind == US_STEP_FAIL_ROW ||
		   kind == US_STEP_FILTER_ROW;
}

struct us_plan_step {
	enum us_step_kind kind;
	struct us_change change;
	uint32_t number;
	uint32_t ord;
	bool with_above; /* LOAD_MEMBERS */
	bool with_names; /* LOAD_USER: for the predicate */
	struct us_slice reason;
	/* FAIL_ROW: who has the name. other_ord is a row of this plan, other_number an object of the directory; is_group: which kind collides. */
	bool is_group, has_other_ord;
	uint32_t other_ord, other_number; /* 0: none */
};

/* What a LOAD step asked for; NULL and 0 otherwise. */
struct us_plan_given {
	const struct us_user_image *user;
	const struct us_group_image *group;
	const struct us_slice *group_names; /* with_names: of groups */
	int64_t login_s;                    /* with_names: the user's last login; 0: none is known */
	const struct us_plan_member { uint32_t number; bool owned; } *users, *groups; /* sorted by number */
	const struct us_plan_member *above; /* the groups that the group is directly in */
	uint32_t n_users, n_groups, n_above;
};

/* Owns: *result, until us_plan_free. */
struct us_plan *us_plan_new(const struct us_plan_input *input);
void us_plan_free(struct us_plan *plan);

/* A record that will come in a moment: starts fetching what its object will be looked up by. Changes nothing. */
void us_plan_expect(const struct us_plan *plan, const struct us_record *record);

/* One wanted object. ref: what memberships call it; NONE: its id. before NULL on the first call; after a LOAD step the loaded image. */
void us_plan_user(struct us_plan *plan, struct us_arena *arena, const struct us_user *want, struct us_slice ref,
	const struct us_user_image *before, struct us_plan_step *ret_step);
void us_plan_group(struct us_plan *plan, struct us_arena *arena, const struct us_group *want, struct us_slice ref,
	const struct us_group_image *before, struct us_plan_step *ret_step);
/* An object that was listed but cannot be used. It is known to be there, so it is never cleaned up; if not even its id is known, nobody of its
 * kind is cleaned up in this run. Its members, if it is a group, stay as they are. */
void us_plan_failed(struct us_plan *plan, struct us_arena *arena, bool is_group, struct us_slice id, struct us_slice ref,
	struct us_slice name, struct us_slice reason, struct us_plan_step *ret_step);

/* An object that was listed and is not wanted, by a rule that reason names. It counts as FILTERED; what the
 * directory has of it falls to cleanup as if it was not listed, if the read was complete. ref as above:
 * memberships through it are followed. */
void us_plan_filtered(struct us_plan *plan, bool is_group, struct us_slice id, struct us_slice ref,
	struct us_slice name, struct us_slice reason, struct us_plan_step *ret_step);

/* Of a delta: the object with this id is no longer at the source. What the directory has of it falls to cleanup. */
void us_plan_gone(struct us_plan *plan, bool is_group, struct us_slice id);
/* Of a delta: the group with this id is named with all its direct members, so those that it has beside them go. */
void us_plan_has_members(struct us_plan *plan, struct us_slice group_id);
/* Of a delta: the user with this id is named with all the groups that it is directly in, so it goes out of those that it has beside them. */
void us_plan_has_groups(struct us_plan *plan, struct us_slice user_id);
/* Of a delta, after us_plan_end_reading: why what the feed names is not enough to plan from; NULL: it is. has_nesting: some group of the directory is
 * in another one. */
const char *us_plan_doubt(const struct us_plan *plan, bool has_nesting);

/* A group whose members could not be read, by the name that it would have; NONE: it may have any. If it may be a required one, nobody is known to
 * be outside of those: no user is cleaned up in this run. */
void us_plan_unread_group(struct us_plan *plan, struct us_slice name);
/* Some user's groups of an attribute are not known: none of those groups is cleaned up in this run. */
void us_plan_keep_mapped_groups(struct us_plan *plan);

/* Direct members of the group that group_ref names, in any order, before or after the objects themselves. */
void us_plan_members(struct us_plan *plan, struct us_slice group_ref, const struct us_slice *member_refs, size_t n);
/* Groups that the user with this id is a direct member of. In a single plan: all of them. */
void us_plan_member_of(struct us_plan *plan, struct us_slice user_id, const struct us_slice *group_refs, size_t n);

struct us_plan_complete {
	bool users, groups, members; /* each listing of that kind ended by the IdP's own word */
};
void us_plan_end_reading(struct us_plan *plan, const struct us_plan_complete *complete);
void us_plan_next(struct us_plan *plan, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *ret_step);

/* What the guard looks at. Valid after STEP_END. */
struct us_plan_counts {
	struct us_report report;
	int64_t have_users, have_groups, have_memberships; /* owned; users: not missing before */
	int64_t listed_users, listed_groups;               /* objects listed */
	int64_t listed_memberships;                        /* of whatever objects */
	int64_t memberships_denied;                        /* that end although their group and member stay; counted only if none was listed */
	int64_t users_removed; /* disabled, deleted or anonymised by cleanup, and deactivated */
	int64_t users_cleaned; /* the part of them by cleanup, those included who are only noted as missing until
							  their first stage */
	int64_t users_marked;  /* the last ones */
	int64_t users_renamed, groups_renamed, groups_removed;
	int64_t unresolved_members;       /* memberships of objects that were not listed and are not known */
	struct { int64_t removed, of; uint32_t number; } worst_group; /* that loses more than per_group lets it; removed 0: none */
	int64_t protected_users;          /* missing, and left as they are by a rule */
	int64_t not_anonymous;            /* users who wait for their name */
	struct us_slice missing_required; /* an entry of requiredGroups that no listed group matches: no user is
										 cleaned up. Borrowed from the rules */
	bool has_unread_required;         /* a required group whose members could not be read: likewise */
	int64_t unidentified_users,
		unidentified_groups; /* listed without a usable id: they block the cleanup of their kind */
	int64_t shared_users, shared_groups; /* memberships call another one so, too: they keep those that they have */
	struct us_slice shared_ref;          /* what one of them is called; lives as long as the plan */
	uint32_t n_rows;         /* rows of the plan, failed ones included */
	uint32_t n_cycles;       /* groups that are members of themselves, directly or through others */
};
void us_plan_counts(const struct us_plan *plan, struct us_plan_counts *ret_counts);

/* Names of groups in one of the cycles, for a message; at most n. */
size_t us_plan_cycle_numbers(const struct us_plan *plan, uint32_t *ret_numbers, size_t n);

#endif
