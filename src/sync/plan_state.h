/* The insides of a plan, shared by the files that make it: plan.c (objects and the walk), plan_cleanup.c, plan_names.c, plan_members.c. */
#ifndef US_SYNC_PLAN_STATE_H
#define US_SYNC_PLAN_STATE_H

#include "sync/links.h"
#include "sync/plan.h"

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
	FILTERED = 256,   /* was listed, and a rule says that it is not wanted: not SEEN */
	UNMANAGED = 1024, /* groups: who is in it is not for the sync to decide */
	SHARED = 1024,    /* users: memberships call another one so, too, and nobody knows who is meant */
	ASSIGNED = 2048,  /* groups: assignGroups names it, by the name that it has or gets: of one that fails, not as it was listed */
	REQUIRED = 512,   /* groups: only who is in one of them is wanted */
	OUTSIDE = 16384,  /* users: not listed, by a read that was narrowed or whole */
	HOLDS = 16384,    /* groups: somebody protected is in it, and stays */
	LOSES = 4096,     /* groups: this plan deletes or strips a member of it */
	TOLD_GONE = 32768, /* not listed, by the source's own word: of a delta */
	EXEMPT = 8192,    /* groups: who is cleaned up stays in it, by the name that it gets */
	STRIPPED = 8192,  /* users: cleanup takes their memberships, but for those of exceptions */
};

/* Users or groups: one way to do it for both. */
struct side {
	struct us_have_side *have;
	uint32_t n_have; /* places below are of the directory, from here on NEW */
	uint16_t *marks;
	uint8_t *outcomes;
	uint32_t *ords;
	uint32_t cap;
	struct us_map claims;  /* folded names that are wanted by objects that do not have them */
	uint32_t *claimants;   /* place, by number of the claim; the first one */
	uint32_t cap_claims;
	struct rival { uint32_t claim, place; } *rivals; /* further claimants of the same name */
	uint32_t n_rivals, cap_rivals;
	int64_t unidentified, listed;
	int64_t shared; /* who have a name that another has, too */
	bool has_filtered; /* some place is marked FILTERED */
	struct us_map filtered; /* objects of the directory that are FILTERED, by place */
	struct filtered *filtered_as;
	uint32_t cap_filtered_as;
};

enum phase {
	READING, SELECT_USERS, SELECT_GROUPS, FILTERED_USERS, FILTERED_GROUPS, MISSING_USERS, MISSING_GROUPS, COLLIDE_USERS, COLLIDE_GROUPS,
	ASSIGN, BUILD, MEMBERS, SINGLE, DONE,
};

struct wanted {
	uint32_t *users, *groups; /* numbers, sorted */
	uint32_t n_users, n_groups, cap_groups;
	bool may_add, may_remove, is_unsure; /* unsure: some of it could not be read */
};

/* An object of the directory that was listed and is not wanted; its texts live in the plan's arena. name: as listed, NONE if that is not kept. */
struct filtered {
	struct us_slice id, name, reason;
};

/* A claim that cannot be met, found while resolving; handed out one by one. */
struct failure {
	uint32_t place, other_place;
	bool is_rival; /* the other wants the name, too; else it has it */
};

struct us_plan {
	struct us_plan_input in;
	struct side users, groups;
	struct us_links *links;
	struct us_map assigned;      /* folded names of assignGroups */
	struct us_arena names;       /* of new groups */
	struct us_slice *new_names;  /* by place - n_have */
	uint32_t cap_new_names;
	struct us_plan_complete complete;
	bool is_whole;
	struct us_map with_members;  /* of a delta: places of groups that are named with all their members */
	struct us_map with_groups;   /* of a delta: places of users that are named with all their groups */
	bool touches_assigned;       /* of a delta: a group that is named has, had or gets the name of one of assignGroups */
	bool has_new_group;
	bool keeps_mapped_groups;    /* a user failed who may be what one of them is for */
	enum phase phase;
	uint32_t at;            /* place, in the phases that walk places */
	bool asked;             /* the last step was a LOAD */
	struct us_map stripped;      /* hashes of the numbers of users that get no memberships, as they are retired, or failed to come back */
	uint8_t *selected; /* by place, of the phase SELECT_… that is going on */
	struct failure *failures;
	uint32_t n_failures, cap_failures;
	size_t edge_at;
	uint32_t *reached, *flat; /* while flattening */
	size_t cap_flat;
	struct wanted wanted;                    /* of the group that MEMBERS is at */
	uint32_t single_user;                    /* place */
	uint32_t *single_added, *single_removed; /* numbers of groups */
	uint32_t n_single_added, n_single_removed, single_at;
	uint32_t next_ord;
	struct us_plan_counts counts;
};

/* A new place for an object with this id. */
uint32_t us_plan_add_new(struct side *s, struct us_hash id);
void us_plan_keep_new_name(struct us_plan *p, uint32_t place, struct us_slice name);
/* In maps of places. */
static inline struct us_hash us_plan_place_key(uint32_t place) { return (struct us_hash) { place, 0 }; }
/* How the object at this place was filtered; NULL if it was not. */
const struct filtered *us_plan_find_filtered(const struct side *s, uint32_t place);
/* The row of a filtered object that stays as it is; id and name NONE: as they were listed. */
void us_plan_give_filtered(struct us_plan *p, struct side *s, uint32_t place, struct us_slice id, struct us_slice name,
	struct us_plan_step *step);
int64_t *us_plan_tally(struct us_plan *p, const struct side *s);
/* Every row passes here: numbers it, counts it, remembers it for its object. place US_MAP_NONE: it has none. */
void us_plan_give_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step);
/* The object's row, given before, becomes a failed one. */
void us_plan_fail_row(struct us_plan *p, struct side *s, uint32_t place, struct us_plan_step *step);
/* What memberships call the object; NONE: its id. */
void us_plan_name_ref(struct us_plan *p, struct side *s, uint32_t place, struct us_slice ref);
/* The object wants a name that is not its own. */
void us_plan_claim_name(struct side *s, uint32_t place, struct us_hash name);
/* No claim is asked for any more. */
void us_plan_drop_claims(struct side *s);
/* Who has this name once the plan is applied, after collisions; US_MAP_NONE: nobody. */
uint32_t us_plan_name_holder(const struct side *s, struct us_hash name);
/* How many want this name who do not have it. */
uint32_t us_plan_count_claims(const struct side *s, struct us_hash name);
/* The place of an object by its number; US_MAP_NONE if it is not in the index. */
uint32_t us_plan_find_place(const struct us_plan *p, const struct side *s, uint32_t number);
uint32_t us_plan_group_place(const struct us_plan *p, uint32_t number);
/* The flags of a group by the name that it has after the plan; by both names while it is not known to get its new one. */
uint8_t us_plan_group_flags(const struct us_plan *p, uint32_t place);
/* Whether this plan deletes the object with this number. */
bool us_plan_is_gone(const struct us_plan *p, const struct side *s, uint32_t number);
/* Is there, or will be once the plan is applied. */
bool us_plan_will_be(const struct side *s, uint32_t place);

/* The object's row, given before, becomes a filtered one. */
void us_plan_filter_row(
	struct us_plan *p, struct side *s, uint32_t place, struct us_slice reason, struct us_plan_step *step);
/* Everything is known that decides whether a user is wanted. */
bool us_plan_may_clean_users(const struct us_plan *p);
/* A delta has nothing to say of the object at this place. */
bool us_plan_is_untouched(const struct us_plan *p, const struct side *s, uint32_t place);
/* Each membership that ends is a row of the plan, also in groups whose members are not compared. */
void us_plan_lose_member(struct us_plan *p, const struct us_plan_member *groups, uint32_t n);
/* Of a delta: whether a group is named with all its direct members. */
bool us_plan_knows_members(const struct us_plan *p, uint32_t place);
/* Of a delta: whether a user is named with all the groups that it is in. */
bool us_plan_knows_groups(const struct us_plan *p, uint32_t place);
void us_plan_see_assigned(struct us_plan *p);

/* The phases: true if there is a step, false if the phase is over. */
bool us_plan_next_selected_user(struct us_plan *p, struct us_plan_step *step);
bool us_plan_next_selected_group(struct us_plan *p, const struct us_plan_given *given, struct us_plan_step *step);
bool us_plan_next_filtered(struct us_plan *p, struct side *s, struct us_plan_step *step);
bool us_plan_next_assignment(struct us_plan *p, struct us_arena *arena, struct us_plan_step *step);
bool us_plan_next_missing(struct us_plan *p, struct side *s, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step);
bool us_plan_next_collision(struct us_plan *p, struct side *s, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step);
/* The row of a user who cannot be made anonymous becomes one of what else cleanup does. */
void us_plan_keep_from_anonymity(struct us_plan *p, struct us_arena *arena, uint32_t place, const struct us_user_image *before,
	struct us_plan_step *step);
void us_plan_strip_unreturned(struct us_plan *p);
bool us_plan_next_members(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step);
bool us_plan_next_single(struct us_plan *p, struct us_arena *arena, const struct us_plan_given *given, struct us_plan_step *step);

#endif
