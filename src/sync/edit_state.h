/* The plan of an edit: what its files share. edit_plan.c takes edits and gives the rows' end, edit_object.c makes, changes and deletes users and
 * groups, edit_member.c their memberships, edit_row.c the rows of what has become of them. */
#ifndef US_SYNC_EDIT_STATE_H
#define US_SYNC_EDIT_STATE_H

#include "base/map.h"
#include "sync/edit_plan.h"

/* A user or a group that an edit touches. */
struct us_edit_object {
	uint32_t number;
	bool is_new, is_gone;
	struct us_hash name; /* folded, as it is by now */
	struct us_user_image *user, *user_before;
	struct us_group_image *group, *group_before;
};

/* A key that an object has in the directory, or got here, is in `map` for good: who has it by now stands in `holders`. So a key that is there is
 * decided here, and any other is as the directory says. */
struct us_edit_claims {
	struct us_map map;
	uint32_t *holders; /* by place in map: the object's place, US_MAP_NONE: nobody */
	uint32_t cap;
};

/* Users or groups. */
struct us_edit_side {
	bool is_group;
	struct us_map numbers; /* the n-th key is of objects[n] */
	struct us_edit_object *objects;
	uint32_t cap;
	struct us_edit_claims names, ids;
	uint32_t next_number;
};

/* A membership that an edit touches: in the directory (was), and by now. */
struct us_edit_link {
	uint32_t group, member;
	bool is_group, was, now;
	uint32_t next_of_group, next_of_member; /* US_MAP_NONE: the last */
};

/* The links of one group, or of one member: where their list begins. */
struct us_edit_heads {
	struct us_map map;
	uint32_t *first;
	uint32_t cap;
};

struct us_edit_plan {
	struct us_dbc *c;
	int64_t directory;
	struct us_arena arena;
	struct us_edit_side users, groups;
	struct us_map link_map; /* the n-th key is of links[n] */
	struct us_edit_link *links;
	uint32_t cap_links;
	struct us_edit_heads of_groups, of_members;
	struct us_change *rows;
	size_t n_rows, cap_rows;
	enum us_edit_refusal refusal;
	struct us_err *err;
};

static inline struct us_hash us_edit_key1(uint32_t number) { return us_hash(&number, sizeof number); }

static inline struct us_hash us_edit_key2(uint32_t member, bool is_group)
{
	uint32_t pair[2] = { member, is_group };

	return us_hash(pair, sizeof pair);
}

static inline struct us_hash us_edit_key3(uint32_t group, uint32_t member, bool is_group)
{
	uint32_t triple[3] = { group, member, is_group };

	return us_hash(triple, sizeof triple);
}

#define us_edit_plan_refuse(p, refusal_, ...) ((p)->refusal = us_edit_refuse(refusal_, (p)->err, __VA_ARGS__), us_edit_refusal_code(refusal_))

/* How an edit names an object, for a message. */
const char *us_edit_said(struct us_edit_plan *p, const struct us_edit_ref *ref);

/* Users and groups: the number of one that is there by now; its place, where it is loaded if it is touched for the first time; whether this edit
 * makes it. */
enum us_errc us_edit_locate(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit_ref *ref, uint32_t *ret_number);
enum us_errc us_edit_touch(struct us_edit_plan *p, struct us_edit_side *s, uint32_t number, uint32_t *ret_place);
bool us_edit_is_new(const struct us_edit_side *s, uint32_t number);

/* What an edit asks for; *ret_number is the object's, of a membership the group's. */
enum us_errc us_edit_create(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number);
enum us_errc us_edit_update(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number);
enum us_errc us_edit_delete(struct us_edit_plan *p, struct us_edit_side *s, const struct us_edit *edit, uint32_t *ret_number);
enum us_errc us_edit_set_member(struct us_edit_plan *p, const struct us_edit *edit, bool is_group, bool now, uint32_t *ret_number);

/* Ends all memberships of an object that goes. */
enum us_errc us_edit_leave_all(struct us_edit_plan *p, const struct us_edit_object *o, bool is_group);

/* The rows of all that was touched and differs from before; counted in report. */
enum us_errc us_edit_give_rows(struct us_edit_plan *p, struct us_report *report);

#endif
