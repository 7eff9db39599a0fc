/* PATCH of SCIM: what it says, attribute by attribute, and a resource with it done.
 *
 * Reading makes of each operation, whichever form it came in, operations that have a path and a value of its type: what has no path and an
 * object as its value becomes one for each attribute in it. So the forms that identity providers send are understood: names of operations in any case,
 * keys with dots ("name.givenName") or with their schema in front, a remove with the values that go, one object in place of a list.
 * In such an object what is unknown or read-only is left out; a path that is unknown or read-only is an error.
 *
 * Errors: US_INVALID with one of the faults of model/scim_schema.h, and which operation it is ("Operations[2]: …"). A remove with a filter that
 * no value fits is US_SCIM_NO_TARGET. An add or replace with one makes a value, if the filter says what it would be (RFC 7644 lets a replace
 * fail there; identity providers count on the value).
 * Spec: RFC 7644, 3.5.2.
 */
#ifndef US_MODEL_SCIM_PATCH_H
#define US_MODEL_SCIM_PATCH_H

#include "model/scim_filter.h"
#include "model/scim_resource.h"

enum {
	US_SCIM_PATCH_MAX_OPERATIONS = 1000,
	US_SCIM_PATCH_MAX_LOOKS = 5000000, /* operations on a list times its length */
	US_SCIM_MAX_VALUES = 1000,         /* of a list other than members */
};

enum us_scim_op { US_SCIM_ADD, US_SCIM_REPLACE, US_SCIM_REMOVE };

struct us_scim_operation {
	enum us_scim_op op;
	struct us_scim_path path;    /* always with an attribute */
	const struct us_json *value; /* of a list without a filter and sub-attribute: a list; with a filter alone: an object. Of a remove: the values
	                              * of a list that go, NULL for all of them; else never NULL */
	size_t index;                /* of the operation that it comes from */
};
struct us_scim_patch {
	struct us_scim_operation *operations;
	size_t n; /* 0: it changes nothing */
};

enum us_errc us_scim_patch_read(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *body,
	struct us_scim_patch *ret_patch, struct us_err *err);

/* All operations in order, or none. resource is as us_scim_resource_read gives it, with the read-only attributes beside; the result shares parts
 * with it. *ret_is_changed: whether any attribute is another. */
enum us_errc us_scim_patch_apply(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *resource,
	const struct us_scim_patch *patch, struct us_json *ret_resource, bool *ret_is_changed, struct us_err *err);

#endif
