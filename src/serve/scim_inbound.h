/* Inbound: requests of an identity provider at the address of a connector of type `scim`, let in by the connector's bearer token.
 *
 * It sees and changes what it has pushed (store/pushed.h), and nothing else. Applications with their own credentials are served the connector's
 * directory at the same address, as at any other.
 */
#ifndef US_SERVE_SCIM_INBOUND_H
#define US_SERVE_SCIM_INBOUND_H

#include "serve/scim_call.h"
#include "serve/scim_search.h"
#include "store/pushed.h"

/* Whose request it is. US_OK: that of the identity provider; call->pushed and call->target are set, and the view is open. US_END: an application's, or
 * nobody's: *ret_is_guess if there is such a connector, and the token is not its one. US_FORBIDDEN: the connector is disabled. */
enum us_errc us_scim_inbound_check(struct us_scim_call *call, bool *ret_is_guess, struct us_err *err);
/* Guesses are slowed down; the right token is never kept out by them. US_THROTTLED. */
enum us_errc us_scim_inbound_slow_down(struct us_scim_call *call, struct us_err *err);
/* Counts a request that was refused. */
void us_scim_inbound_note_refused(struct us_scim_call *call);

extern const struct us_scim_target us_scim_pushes;

/* What was pushed, as a resource; base: the address of the connector. has_links: with a group's members, a user's groups. Everything lives in arena. */
enum us_errc us_scim_pushed_make(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_slice base, const struct us_pushed *pushed,
	bool has_links, struct us_json *ret_resource, struct us_err *err);

enum us_errc us_scim_pushed_get_list(struct us_scim_call *call, struct us_err *err);
enum us_errc us_scim_pushed_get_resource(struct us_scim_call *call, struct us_err *err);

#endif
