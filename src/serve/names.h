/* Names: what users are called by their numbers, for answers that name millions of them. Bounded memory: a name pushes out the one in its place.
 * Valid for one view, whose moment does not change. Not thread-safe.
 */
#ifndef US_SERVE_NAMES_H
#define US_SERVE_NAMES_H

#include "serve/view.h"

struct us_names;
struct us_names *us_names_new(enum us_object object, int64_t directory);
void us_names_free(struct us_names *names); /* NULL is fine */
/* *ret_name is valid until the next call. US_NOT_FOUND. */
enum us_errc us_names_load(struct us_names *names, struct us_dbc *c, uint32_t number, struct us_slice *ret_name, struct us_err *err);

#endif
