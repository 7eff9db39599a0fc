/* The three listings of a Keycloak realm: users, groups, members. Each function gives the next page of its listing.
 *
 * Users: pages of /users, complete when as many were listed as /users/count says. Groups: from 23 on the list has the top ones, and
 * /groups/{id}/children the rest, level by level; before, the list holds whole trees; complete when /groups/count is reached.
 * Members: of each group that the listing of groups gave, several groups at a time; each group's list is complete by its own end.
 */
#ifndef US_SOURCE_KEYCLOAK_WALK_H
#define US_SOURCE_KEYCLOAK_WALK_H

#include "source/keycloak_api.h"
#include "source/keycloak_pager.h"
#include "source/keycloak_scope.h"
#include "source/source.h"

struct us_keycloak_groups {
	struct us_keycloak_pager list;  /* the top, or the children of queue[at] */
	bool at_top;
	struct us_slice *queue;         /* groups whose children are to be read in this walk */
	size_t n_queue, cap_queue, at;
	struct us_arena arena;          /* ids */
	struct us_slice *ids;           /* by number */
	uint8_t *walks;                 /* by number: the walk that saw it last */
	size_t cap;
	struct us_map numbers;          /* by id */
	struct us_keycloak_tally tally; /* of the walk */
	int64_t before;                 /* count at the walk's start */
	enum us_tri has_children;       /* does the server know /children? */
	bool is_complete;
	struct us_keycloak_link {       /* group and sub-group, where sub-groups are members; some more than once */
		struct us_slice parent, child;
	} *links;
	size_t n_links, cap_links;
};

/* One group's members under way. */
struct us_keycloak_slot {
	struct us_http_call *call;
	struct us_keycloak_pager pager;
	size_t group;
	bool busy, asked_again;
};

enum { US_KEYCLOAK_MAX_SLOTS = 16 };

struct us_keycloak_members {
	struct us_keycloak_slot slots[US_KEYCLOAK_MAX_SLOTS];
	size_t n_slots, n_busy;
	size_t next_group;
	bool is_broken;           /* by an error: only a first page starts again */
	struct us_arena scratch;
};

struct us_keycloak_walk {
	struct us_keycloak_api *api;
	int64_t page_size;
	bool is_brief, nests;
	struct us_keycloak_pager users;
	int64_t users_before;
	struct us_keycloak_groups groups;
	struct us_keycloak_members members;
	struct us_keycloak_scope scope;
};

void us_keycloak_walk_init(struct us_keycloak_walk *walk, struct us_keycloak_api *api, int64_t page_size, size_t n_slots);
void us_keycloak_walk_fini(struct us_keycloak_walk *walk);

/* is_first starts the listing afresh. The page's next is left to the caller. */
enum us_errc us_keycloak_walk_users(struct us_keycloak_walk *walk, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err);
enum us_errc us_keycloak_walk_groups(struct us_keycloak_walk *walk, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err);
/* Reads the groups first if that was not done to its end. */
enum us_errc us_keycloak_walk_members(struct us_keycloak_walk *walk, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err);

/* One page of a list that api->call is prepared for, but for its query. For lists that are read in one go, see find. */
enum us_errc us_keycloak_walk_ask(struct us_keycloak_api *api, struct us_keycloak_pager *pager, struct us_slice path, bool is_brief,
	struct us_arena *arena, const struct us_json ***ret_fresh, size_t *ret_n, enum us_keycloak_step *ret_step, struct us_err *err);

#endif
