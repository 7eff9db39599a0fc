/* What a client of SCIM searches for: from the address of a GET, or from the body of a .search. */
#ifndef US_SERVE_SCIM_SEARCH_H
#define US_SERVE_SCIM_SEARCH_H

#include "model/scim_filter.h"
#include "model/scim_resource.h"
#include "serve/scim_call.h"
#include "store/object_walk.h"

/* One kind of resource that is searched. */
struct us_scim_part {
	const struct us_scim_kind *kind;
	const struct us_logic *filter; /* NULL: all */
	struct us_scim_projection projection;
};

struct us_scim_search {
	struct us_scim_part parts[2];
	size_t n_parts;
	enum us_order order;
	bool is_descending;
	int64_t start, count;  /* start from 1 */
	bool has_cursor;       /* paged by cursor: start does not count */
	/* Behind which resource to go on; place NULL for the beginning. */
	size_t cursor_part;
	const struct us_object_place *place;
	uint64_t fingerprint;  /* of what is searched, for cursors */
};

/* kind NULL: all. Everything lives in arena. Errors: US_INVALID with the fault. */
enum us_errc us_scim_search_read(struct us_scim_call *call, struct us_arena *arena, struct us_scim_search *ret_search, struct us_err *err);

/* Which part of a resource a single GET asks for. */
void us_scim_search_read_projection(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_scim_projection *ret_projection);

/* A condition that names one resource, and that all of the filter's meeting depends on; NULL: there is none. */
const struct us_scim_condition *us_scim_search_find_key(const struct us_logic *filter);

/* What stands before and behind the resources of an answer. */
struct us_scim_search_end {
	int64_t n_written, n_total;
	struct us_slice cursor; /* that goes on behind the last one written; NONE: nothing is left */
};
void us_scim_search_write_head(struct us_jsonw *w);
void us_scim_search_write_tail(struct us_jsonw *w, const struct us_scim_search *search, const struct us_scim_search_end *end);

/* The cursor that goes on behind this resource. */
void us_scim_search_write_cursor(const struct us_scim_search *search, size_t part, const struct us_object_place *place, struct us_str *out);

#endif
