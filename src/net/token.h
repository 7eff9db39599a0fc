/* Token: an OAuth 2.0 access token by client credentials, kept until shortly before it expires.
 *
 * One token for all calls of a session. It is asked for at first use, again a quarter of its life (at most a minute) before its end, and
 * once when a server refuses it although it should still be good.
 * Errors: each text starts with "Token request failed: ". US_DENIED when the client id or secret is refused, else what the HTTP call gave.
 * Spec: RFC 6749 section 4.4, section 5; RFC 7519 section 3 (only to read our own subject and roles, never to trust anything).
 */
#ifndef US_NET_TOKEN_H
#define US_NET_TOKEN_H

#include "base/arena.h"
#include "net/http.h"

struct us_token;

/* Copies everything. Owns: *ret_token until close, which comes before the session's. */
void us_token_open(struct us_http *http, struct us_slice client_id, struct us_slice client_secret, struct us_token **ret_token);
void us_token_close(struct us_token *token);
/* Where to ask. A change forgets the token. */
void us_token_set_url(struct us_token *token, struct us_slice url);
/* For us_http_call.auth. */
struct us_http_auth *us_token_auth(struct us_token *token);
/* Has a token ready. */
enum us_errc us_token_load(struct us_token *token, struct us_err *err);
/* The claims of the current token as JSON text; NONE if there is no token or it is opaque. */
struct us_slice us_token_claims(const struct us_token *token, struct us_arena *arena);

/* The payload of a JWT, decoded, its signature not looked at; NONE if it is none. */
struct us_slice us_token_decode_claims(struct us_slice jwt, struct us_arena *arena);

#endif
