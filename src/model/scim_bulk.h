/* Bulk of SCIM: what one request with many operations says. Pure: nothing is done here.
 *
 * An operation may name what another one makes before it is there: "bulkId:x" in its path or anywhere in its data, x being the bulkId of a POST
 * in the same request, before it or behind it.
 * Errors: of the request as a whole US_INVALID with US_SCIM_INVALID_SYNTAX, US_TOO_LARGE; what is wrong with one operation is kept with it.
 * Spec: RFC 7644, 3.7.
 */
#ifndef US_MODEL_SCIM_BULK_H
#define US_MODEL_SCIM_BULK_H

#include "base/arena.h"
#include "base/json.h"
#include "model/scim_schema.h"

enum { US_SCIM_BULK_MOST_OPERATIONS = 1000, US_SCIM_BULK_MOST_BYTES = 1 << 20 };

#define US_SCIM_BULK_METHODS(X) X(POST) X(PUT) X(PATCH) X(DELETE)
enum us_scim_bulk_method {
#define X(name) US_SCIM_BULK_##name,
	US_SCIM_BULK_METHODS(X)
#undef X
	US_SCIM_BULK_OTHER,
};
const char *us_scim_bulk_method_name(enum us_scim_bulk_method method); /* "POST"; "" for OTHER */

/* A text that holds the bulkId of an operation, until it is filled in. */
struct us_scim_bulk_reference {
	struct us_slice *text; /* in the operation's data, or its id */
	size_t to;             /* the place of the operation in the list */
};

struct us_scim_bulk_operation {
	enum us_scim_bulk_method method;
	struct us_slice bulk_id;         /* NONE: it has none */
	const struct us_scim_kind *kind;
	struct us_slice id;              /* not of POST */
	struct us_slice version;         /* that the resource must have; NONE: any */
	const struct us_json *data;      /* an object; not of DELETE */
	struct us_scim_bulk_reference *references;
	size_t n_references;
	const char *wrong;               /* why it cannot be done, for the client; NULL: it can be */
};

struct us_scim_bulk {
	struct us_scim_bulk_operation *operations;
	size_t n;
	int64_t most_errors;             /* after so many the rest is not done; INT64_MAX: all are */
};

/* Lives in arena, and borrows from body, in which references are filled in later. */
enum us_errc us_scim_bulk_read(struct us_arena *arena, const struct us_json *body, struct us_scim_bulk *ret_bulk, struct us_err *err);

#endif
