/* Flatten: the members of a JSON object as the fields of a record.
 *
 * Nested members become paths ("profile.login"), arrays several values, arrays of objects several values of each path ("emails.value").
 * Numbers and booleans come as their JSON text, null as nothing. Containers nested deeper than US_FLATTEN_DEPTH come as JSON text.
 */
#ifndef US_MODEL_FLATTEN_H
#define US_MODEL_FLATTEN_H

#include "base/arena.h"
#include "base/json.h"
#include "model/record.h"

enum { US_FLATTEN_DEPTH = 16, US_FLATTEN_MAX_FIELDS = 4096 };

/* leave_out: top-level members not wanted, ends with NULL; may be NULL. Fields stay in the order of the text and borrow from doc.
 * extra: room for that many more fields at the array's end. False if there are more fields than the bound: the first ones are given. */
bool us_flatten(struct us_arena *arena, const struct us_json *object, const char *const *leave_out, size_t extra,
	struct us_field **ret_fields, size_t *ret_n);

#endif
