/* Users of some groups of a Keycloak realm only: the members of each of these groups, one list after the other.
 *
 * A list has no count to hold it against, and the groups' members are read again by the listing of members. Invariant L: whoever that one names in
 * a required group and who was not asked for came in meanwhile, or was missed; then the read is PARTIAL.
 */
#ifndef US_SOURCE_KEYCLOAK_SCOPE_H
#define US_SOURCE_KEYCLOAK_SCOPE_H

#include "base/map.h"
#include "source/keycloak_api.h"
#include "source/keycloak_pager.h"
#include "source/source.h"

struct us_keycloak_walk;

struct us_keycloak_scope {
	bool is_on;
	struct us_arena arena;
	struct us_slice *groups;        /* ids of the required groups and of those below them that count as their members, in arena */
	size_t n, cap, at;              /* at: whose list is under way */
	struct us_map wanted;           /* the same ids */
	struct us_map met;              /* ids of whom the lists gave, service accounts too */
	struct us_keycloak_pager list;
};

void us_keycloak_scope_fini(struct us_keycloak_scope *scope);

/* The slot narrow, once the walk has listed the groups to their end. */
enum us_errc us_keycloak_scope_narrow(struct us_keycloak_walk *walk, const struct us_slice *refs, size_t n, struct us_err *err);
/* In place of the listing of users; as us_keycloak_walk_users. */
enum us_errc us_keycloak_scope_users(struct us_keycloak_walk *walk, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err);
/* US_PARTIAL if these are members of a required group and not all of them were asked for. */
enum us_errc us_keycloak_scope_check(const struct us_keycloak_scope *scope, struct us_slice group, const struct us_slice *members, size_t n,
	struct us_err *err);

#endif
