/* What the files of undo.h share. */
#ifndef US_SYNC_UNDO_STATE_H
#define US_SYNC_UNDO_STATE_H

#include "base/map.h"
#include "model/have.h"
#include "store/object.h"
#include "sync/undo.h"
#include "sync/undo_later.h"

/* An object that wants a name, or, to come back, an id that it does not have now. */
struct claim {
	uint32_t number;
	bool is_back;                  /* was deleted: holds no name now */
	struct us_hash name, old, id;  /* old: the name that it has now */
};

/* Users or groups: who wants which name, who gives one up, and who cannot have it. */
struct names {
	struct claim *list;
	uint32_t n, cap;
	struct us_map wanted;   /* names; the n-th key is of list[n] */
	struct us_map givers;   /* numbers of those that give up the name that they have */
	struct us_map blocked;  /* numbers of those that cannot be turned round */
	uint32_t *holders;      /* by place in blocked: the number of whoever has the name or the id */
	uint32_t cap_holders;
};

/* How many memberships of each object the undo can take back. */
struct tally {
	struct us_map numbers;
	uint32_t *counts; /* by place */
	uint32_t cap;
};

struct turn {
	const struct us_undo *in;
	struct us_later later;
	struct us_arena arena;
	struct us_have have;
	bool is_survey; /* the first walk over the objects: only looks for names that clash */
	struct names users, groups;
	struct tally of_users, of_groups, in_groups; /* memberships that the run gave to users, to groups, and those in groups */
	struct us_plan_counts counts;
	struct us_undo_left left;
	struct us_map back_users, back_groups; /* numbers that this plan brings back */
	struct us_err *err;
};

static inline struct us_hash us_undo_key(uint32_t number) { return us_hash(&number, sizeof number); }
static inline bool us_undo_has(const struct us_map *map, uint32_t number) { return us_map_find(map, us_undo_key(number)) != US_MAP_NONE; }

/* A membership that may be taken away. */
static inline bool us_undo_is_ours(const struct turn *t, bool owned) { return owned || t->in->is_local; }

/* One row of the undo. */
enum us_errc us_undo_give(struct turn *t, struct us_change change);
/* A row that is left as it is, FAILED. */
enum us_errc us_undo_leave(struct turn *t, const struct us_change *c, const char *why);

/* undo_names.c */
void us_undo_note_names(struct names *s, const struct us_change *c, const struct us_slice *before, const struct us_slice *after);
void us_undo_find_clashes(struct names *s, const struct us_have_side *have);
void us_undo_names_fini(struct names *s);

/* undo_members.c: count_members comes first, over all rows; turn_members last, when it is known who comes back. */
enum us_errc us_undo_count_members(struct turn *t, const struct us_change *c);
enum us_errc us_undo_turn_members(struct turn *t, const struct us_change *c);
uint32_t us_undo_tally_find(const struct tally *tally, uint32_t number);
void us_undo_tally_fini(struct tally *tally);

#endif
