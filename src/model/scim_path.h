/* Paths of SCIM: which attribute of a resource a PATCH, a filter or a projection means.
 *
 *     userName                                       an attribute, by its name without case
 *     name.familyName                                a sub-attribute; of a list, that of all its values
 *     emails[type eq "work"].value                   of the values that a filter (model/scim_filter.h) fits
 *     urn:ietf:params:scim:schemas:core:2.0:User:title       with its schema in front
 *     urn:ietf:params:scim:schemas:extension:enterprise:2.0:User     an extension as a whole
 *
 * Spec: RFC 7644, 3.5.2 and 3.10.
 */
#ifndef US_MODEL_SCIM_PATH_H
#define US_MODEL_SCIM_PATH_H

#include "base/arena.h"
#include "model/logic.h"
#include "model/scim_schema.h"

enum { US_SCIM_PATH_MAX_BYTES = 4096 };

struct us_scim_path {
	const struct us_scim_schema *schema;       /* the kind's own, its extension, or us_scim_common */
	const struct us_scim_attribute *attribute; /* NULL: the extension as a whole */
	const struct us_scim_attribute *sub;       /* NULL: the attribute as a whole */
	const struct us_logic *filter;             /* NULL: all values */
};

/* Of a PATCH. The filter lives in arena. Errors: US_INVALID, US_SCIM_INVALID_PATH. */
enum us_errc us_scim_path_parse(struct us_arena *arena, const struct us_scim_kind *kind, struct us_slice text,
	struct us_scim_path *ret_path, struct us_err *err);

/* A path without a filter. NULL, or what is wrong as the end of a sentence. *ret_is_unknown, which may be NULL: it is well-formed, but the kind
 * has no such attribute. */
const char *us_scim_path_parse_plain(
	const struct us_scim_kind *kind, struct us_slice text, struct us_scim_path *ret_path, bool *ret_is_unknown);

/* The bytes at the front of text that can belong to a plain path. */
size_t us_scim_path_span(struct us_slice text);

#endif
