/* Users by their names, kept over requests (serve/kept.h): applications ask for the same ones again and again. */
#ifndef US_SERVE_USERS_H
#define US_SERVE_USERS_H

#include "serve/kept.h"
#include "store/object.h"

/* As us_object_find_listed by name. c: a reader's connection inside a transaction. kept NULL: for answers with so many users that they would push out
 * those that are asked for one by one. US_NOT_FOUND. */
enum us_errc us_users_find(struct us_kept *kept, struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name,
	struct us_listed *ret_row, struct us_err *err);

#endif
