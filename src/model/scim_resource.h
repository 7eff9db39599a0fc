/* SCIM resources as JSON trees: read from what a client sent, and written as far as it asked for.
 *
 * A resource that was read has only attributes of its schemas, under their names as written there, with values of their types: what is unknown or
 * read-only is left out, null and empty lists are not there, booleans in quotes are booleans, a list of one value may have come as the value, a
 * complex value as its `value`. `schemas` is made from what is in it.
 * Errors: US_INVALID with one of the faults of model/scim_schema.h.
 * Spec: RFC 7643, 2 to 4; RFC 7644, 3.3, 3.5.1 and 3.9.
 */
#ifndef US_MODEL_SCIM_RESOURCE_H
#define US_MODEL_SCIM_RESOURCE_H

#include "base/json_build.h"
#include "model/scim_path.h"

/* The whole body of a POST or PUT. *ret_resource lives in arena and borrows from body. */
enum us_errc us_scim_resource_read(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *body,
	struct us_json *ret_resource, struct us_err *err);
/* The value of one attribute, or of a sub-attribute of `of`, which is NULL else. *ret_value has type null if there is none. */
enum us_errc us_scim_value_read(struct us_arena *arena, const struct us_scim_attribute *of, const struct us_scim_attribute *attribute,
	const struct us_json *value, struct us_json *ret_value, struct us_err *err);
/* Makes `schemas` anew. */
struct us_json us_scim_resource_finish(struct us_arena *arena, const struct us_scim_kind *kind, struct us_json_object *resource);

/* ---- projection: what of a resource is shown ---- */

/* By the index of each attribute: 0 hidden, else the bits of its sub-attributes, all of them for the attribute as a whole. */
struct us_scim_projection {
	const struct us_scim_kind *kind;
	uint32_t core[US_SCIM_MAX_ATTRIBUTES], common[US_SCIM_MAX_ATTRIBUTES], extension[US_SCIM_MAX_ATTRIBUTES];
};

/* What is shown by default; is_only: what is shown always, and attributes are asked for by `show`. */
void us_scim_projection_init(struct us_scim_projection *p, const struct us_scim_kind *kind, bool is_only);
/* A path without a filter; one that is unknown or malformed changes nothing. */
void us_scim_projection_show(struct us_scim_projection *p, struct us_slice path);
void us_scim_projection_hide(struct us_scim_projection *p, struct us_slice path);
/* Whether the attribute or sub-attribute of a path is shown, if it has a value. */
bool us_scim_projection_shows(const struct us_scim_projection *p, struct us_slice path);
/* Whether an attribute is shown with all of its sub-attributes. */
bool us_scim_projection_shows_whole(const struct us_scim_projection *p, struct us_slice path);

void us_scim_resource_write(struct us_jsonw *w, const struct us_json *resource, const struct us_scim_projection *projection);
/* The same without the brackets around it. */
void us_scim_resource_write_inside(struct us_jsonw *w, const struct us_json *resource, const struct us_scim_projection *projection);

#endif
