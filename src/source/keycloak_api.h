/* Keycloak's admin API: where it is, how to get in, and one GET with every refusal in words.
 *
 * Spec: Keycloak Admin REST API and its javadocs (UsersResource, GroupsResource), 17.0 to 26.7, read 2026-11; behaviour tried on 17.0.0 and 26.7.3.
 */
#ifndef US_SOURCE_KEYCLOAK_API_H
#define US_SOURCE_KEYCLOAK_API_H

#include "base/arena.h"
#include "base/json.h"
#include "net/http.h"
#include "net/token.h"

struct us_keycloak_api {
	struct us_http *http;
	struct us_token *token;
	struct us_http_call *call;  /* for one question at a time */
	struct us_str url;          /* as configured, without slashes at its end */
	struct us_str base;         /* with /auth or without, as found */
	struct us_str admin;        /* base + /admin/realms/<realm> */
	struct us_str realm, client_id, client_secret;
	bool is_connected;          /* base found, token given, and the rights are enough to see everybody */
};

struct us_keycloak_api_options {
	struct us_slice url, realm, client_id, client_secret;
	struct us_http_options http; /* base_url is set by open */
};

enum us_errc us_keycloak_api_open(struct us_keycloak_api *api, const struct us_keycloak_api_options *options, const atomic_bool *cancel,
	struct us_err *err);
void us_keycloak_api_close(struct us_keycloak_api *api);

/* Finds the base URL (with or without /auth), gets a token, and makes sure that the service account may see users: an old server
 * gives an account without that right an empty list and a count of 0, which looks like an empty realm (invariant L). Once; again
 * after us_keycloak_api_forget. Errors: US_DENIED names the missing role. */
enum us_errc us_keycloak_api_connect(struct us_keycloak_api *api, struct us_err *err);
void us_keycloak_api_forget(struct us_keycloak_api *api);

/* "…/protocol/openid-connect/" and the end point of that name; connected. The client's secret as a member of a form. */
void us_keycloak_api_add_protocol_url(const struct us_keycloak_api *api, const char *end_point, struct us_str *url);
void us_keycloak_api_add_secret(const struct us_keycloak_api *api, struct us_str *form);

/* A call that is ready but for its path below the realm: add segments and a query to call->url. */
void us_keycloak_api_prepare(struct us_keycloak_api *api, struct us_http_call *call);
/* Reads the answer of a call that is done. what: for messages, and for the role that is missing ("users", "groups", "members …").
 * US_NOT_FOUND if Keycloak itself said so. */
enum us_errc us_keycloak_api_take(struct us_keycloak_api *api, struct us_http_call *call, const char *what, struct us_arena *arena,
	const struct us_json **ret_doc, struct us_err *err);
/* Runs the prepared api->call and reads its answer; asks once more if the JSON was cut short. */
enum us_errc us_keycloak_api_get(struct us_keycloak_api *api, const char *what, struct us_arena *arena, const struct us_json **ret_doc,
	struct us_err *err);
/* "/users/count" or "/groups/count". */
enum us_errc us_keycloak_api_count(struct us_keycloak_api *api, const char *what, int64_t *ret_count, struct us_err *err);
/* US_NOT_FOUND if this user is the service account of a client. Asks the server only where the name is like that of one. */
enum us_errc us_keycloak_api_check_person(struct us_keycloak_api *api, const struct us_json *user, struct us_arena *arena, struct us_err *err);

#endif
