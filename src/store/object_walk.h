/* Walks: the numbers of a directory's users or groups in an order of the caller's choice. */
#ifndef US_STORE_OBJECT_WALK_H
#define US_STORE_OBJECT_WALK_H

#include "store/store.h"

enum us_order {
	US_ORDER_NAME, /* folded */
	US_ORDER_FULL_NAME,
	US_ORDER_FIRST_NAME,
	US_ORDER_LAST_NAME,
	US_ORDER_EMAIL,
	US_ORDER_EXTERNAL_ID,
	US_ORDER_NUMBER,
	US_ORDER_CREATED,
	US_ORDER_UPDATED,
	US_ORDER_COUNT
};

/* ASCII letters of names and addresses compare without case. What has no value comes last, or first in descending order; equal ones by their number.
 * It keeps one statement of the connection until its end, so of one order there is one walk at a time. */
struct us_object_walk {
	struct us_stmt *stmt;
};
/* Behind which one it begins; key as the walk gave it. */
struct us_object_place {
	struct us_slice key;
	uint32_t number;
};
/* after: NULL for the first. skip: how many are passed over. US_INVALID: groups have no such order. */
enum us_errc us_object_walk_begin(struct us_dbc *c, int64_t directory, bool is_group, enum us_order order, bool is_descending,
	const struct us_object_place *after, int64_t skip, struct us_object_walk *ret_walk, struct us_err *err);
/* US_END behind the last. The key lives until the next call. */
enum us_errc us_object_walk_next(struct us_object_walk *walk, struct us_object_place *ret_place, struct us_err *err);
void us_object_walk_end(struct us_object_walk *walk); /* may be called twice */

#endif
