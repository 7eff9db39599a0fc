/* Links: the wanted memberships, packed until they are grouped (base/pairs.h), 4 bytes each after.
 *
 * Objects are named by hashes of their refs while reading, by places of the have index when resolved. A ref that nobody has yet waits; what
 * still waits at the end is of objects that were not listed.
 */
#ifndef US_SYNC_LINKS_H
#define US_SYNC_LINKS_H

#include "base/pairs.h"
#include "model/closure.h"
#include "model/have.h"

struct us_links;

/* have is borrowed: its ids are the refs of objects that were not named otherwise. */
struct us_links *us_links_new(const struct us_have *have);
void us_links_free(struct us_links *links);

/* The object at this place is called ref, and by its id no more. False if another is called so, too: then nobody is meant by it, and *ret_other is
 * the first of them, or US_MAP_NONE, since this is the third. What was added before that is found by the place. */
bool us_links_name(struct us_links *links, bool is_group, uint32_t place, struct us_hash ref, uint32_t *ret_other);
/* ref names a group; a member that could be both is a user. */
void us_links_add(struct us_links *links, struct us_hash group_ref, const struct us_slice *member_refs, size_t n);
void us_links_add_user(struct us_links *links, uint32_t user_place, const struct us_slice *group_refs, size_t n);
void us_links_add_places(struct us_links *links, uint32_t group_place, uint32_t user_place);

/* Nothing more is added by ref: resolves what waited. */
void us_links_resolve(struct us_links *links);
/* After resolve, before build: forgets the memberships of users whose marks hold the bit; marks by place. */
void us_links_drop_users(struct us_links *links, const uint16_t *marks, uint16_t bit);
/* After resolve: forgets what nests in groups, or has them nested, of whose marks those of the mask are exactly bits; marks by place. */
void us_links_drop_nesting(struct us_links *links, const uint16_t *marks, uint16_t mask, uint16_t bits);
/* After resolve, before build: each direct membership of a user, in any order; may repeat. */
void us_links_walk_begin(const struct us_links *links, struct us_pairs_walk *ret_walk);
bool us_links_walk_next(struct us_pairs_walk *walk, uint32_t *ret_group_place, uint32_t *ret_user_place);
/* No more is added at all: groups by parent. Returns how many refs stayed unknown. */
int64_t us_links_build(struct us_links *links);
/* After build: users (places, in any order, may repeat; the caller may sort in place) and sub-groups of one group. */
size_t us_links_users(struct us_links *links, uint32_t group_place, uint32_t **ret_places);
/* After resolve, all nestings: parent and child are places of groups; sorted by parent. */
size_t us_links_edges(struct us_links *links, struct us_edge **ret_edges);

#endif
