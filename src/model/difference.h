/* Difference: what differs between two configurations, field by field. Pure. */
#ifndef US_MODEL_DIFFERENCE_H
#define US_MODEL_DIFFERENCE_H

#include "model/option.h"

struct us_difference {
	struct us_difference *next;
	const char *field;                 /* "configuration.limits.users.percent" */
	const struct us_json *old, *fresh; /* NULL: not there; both borrowed */
	bool is_secret;                    /* only that it differs may be shown */
};

/* A member that is null counts as not there. Objects are compared member by member, down to their values;
 * arrays as a whole. a, b: the schemas of the options, either may be NULL; they say what is secret. old and
 * fresh are objects or NULL, secrets in the clear or the same mark on both sides. Appends to *list; arena
 * owns it. */
void us_difference_add(struct us_arena *arena, const struct us_option *a, const struct us_option *b,
	const char *prefix, const struct us_json *old, const struct us_json *fresh, struct us_difference **list);
/* One value that is not inside of an object. */
void us_difference_add_value(struct us_arena *arena, const char *field, const struct us_json *old,
	const struct us_json *fresh, struct us_difference **list);
/* {"field","old","new"} for each, as an array. */
void us_difference_write(const struct us_difference *list, struct us_jsonw *w);

/* The schema's word on one member of a configuration. */
bool us_option_is_secret(const struct us_option *a, const struct us_option *b, struct us_slice name);

#endif
