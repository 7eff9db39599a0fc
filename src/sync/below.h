/* Below: who is in groups, directly or through others. */
#ifndef US_SYNC_BELOW_H
#define US_SYNC_BELOW_H

#include "base/map.h"
#include "model/pattern.h"
#include "store/store.h"

/* Sets of numbers of objects. */
void us_below_add(struct us_map *set, uint32_t number);
bool us_below_has(const struct us_map *set, uint32_t number);

/* groups: where to start; grows by all groups below. Linear in their memberships. Owns: both sets, of the caller. */
enum us_errc us_below_users(struct us_dbc *c, int64_t directory, struct us_map *groups, struct us_map *users, struct us_err *err);
/* Groups that a list names, in the order of their names; doubt: model/pattern.h. An empty list names none. */
enum us_errc us_below_find_groups(struct us_dbc *c, int64_t directory, struct us_patterns *names, bool doubt, struct us_map *groups,
	struct us_err *err);
/* us_below_users from the groups that a list names. */
enum us_errc us_below_named(struct us_dbc *c, int64_t directory, struct us_patterns *names, bool doubt, struct us_map *users, struct us_err *err);

#endif
