/* One write of SCIM, wherever it came from: a request of its own, or an operation of a bulk. Against any target (serve/scim_target.h).
 * Spec: RFC 7644, 3.3, 3.5, 3.6 and 3.14.
 */
#ifndef US_SERVE_SCIM_WRITE_H
#define US_SERVE_SCIM_WRITE_H

#include "model/scim_patch.h"
#include "serve/scim_call.h"

struct us_scim_order {
	enum us_httpd_method method; /* POST, PUT, PATCH, DELETE */
	const struct us_scim_kind *kind;
	struct us_slice id;          /* not of POST */
	const struct us_json *body;  /* not of DELETE */
	/* Lists of ETags, or *: the resource must have one of them; must have none of them. NONE: any. They compare without W/. */
	struct us_slice if_match, if_none_match;
};

/* *ret_id: of the resource, in the call's arena. Errors: US_NOT_FOUND, US_CONFLICT (US_SCIM_STALE, too) and US_INVALID with the fault,
 * US_UNAVAILABLE: others changed it at each of several tries. */
enum us_errc us_scim_carry_out(struct us_scim_call *call, const struct us_scim_order *order, struct us_slice *ret_id, struct us_err *err);

/* Whether a list of ETags has the version in it, or is *. */
bool us_scim_lists_version(struct us_slice list, const char *version);

/* The body of the request as JSON. US_INVALID with US_SCIM_INVALID_SYNTAX, US_MEDIA_TYPE. */
enum us_errc us_scim_read_body(struct us_scim_call *call, const struct us_json **ret_body, struct us_err *err);

/* ---- members ---- */

bool us_scim_is_about_members(const struct us_scim_operation *op);

/* What a list of operations does to a group's members, worked out without those that it has. */
struct us_scim_members_change {
	bool needs_all;      /* it cannot be: the members must be loaded, and the operations applied to them */
	bool replaces;       /* they become `added` */
	struct us_slice *added, *removed;
	size_t n_added, n_removed;
};
/* group: its id, for what a remove with a filter finds. Errors: US_INVALID: US_SCIM_NO_TARGET, US_SCIM_INVALID_VALUE. */
enum us_errc us_scim_members_change_read(struct us_scim_call *call, struct us_slice group, const struct us_scim_patch *patch,
	struct us_scim_members_change *ret_change, struct us_err *err);
/* Takes the members out of a resource that was read: they shall be its members. */
enum us_errc us_scim_members_change_take(struct us_arena *arena, struct us_json *resource, struct us_scim_members_change *ret_change, struct us_err *err);

#endif
