/* HTTP client: a session with one server, several calls at a time over few connections (libcurl's multi interface).
 *
 * A call ends as an answer (any status that is the caller's to understand: 2xx, 4xx) or as an error. Dealt with here: trying again after
 * lost connections, 429, 502, 503, 504, 500, 408 and 425, with growing waits or as Retry-After asks; one fresh token after 401; redirects
 * within the configured origin, and a refusal of all others, since our token must not go there; the bound on an answer's size; answers that
 * are not JSON, which are a proxy's pages; the cancel flag, within a tenth of a second.
 *
 * A session and its calls belong to one thread at a time.
 * Errors: US_UNAVAILABLE, US_TIMEOUT, US_TLS, US_DENIED (proxy), US_THROTTLED (wait_ms: what was asked for), US_PROTOCOL, US_CONFIG,
 * US_CANCELLED. native is the HTTP status if there was one. Texts name the origin and the path, never the query, which holds names.
 * Spec: RFC 9110; nothing is cached (RFC 9111 leaves that to the client).
 */
#ifndef US_NET_HTTP_H
#define US_NET_HTTP_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

struct us_http;

/* 0 or NULL: the default in brackets. */
struct us_http_options {
	const char *base_url;         /* the only origin that is ever talked to */
	struct us_slice ca_pem;       /* trusted besides the system's certificates */
	const char *proxy;            /* "http://host:port" [what the environment says] */
	int64_t connect_timeout_ms;   /* [10 s] */
	int64_t timeout_ms;           /* of one try, from the first byte sent to the last received [60 s] */
	int64_t max_wait_ms;          /* longest Retry-After that is waited for; a longer one is an error [120 s] */
	int64_t backoff_ms;           /* first wait of our own choice [500] */
	size_t max_answer_bytes;      /* [64 MiB] */
	unsigned tries;               /* of one call [5] */
	unsigned concurrency;         /* calls on the wire [4] */
	unsigned requests_per_s;      /* [no limit] */
};

struct us_http_stats {
	int64_t requests, retries, bytes;
};

/* Gives requests their Authorization header; see net/token.h. */
struct us_http_auth {
	/* Appends the header's value ("Bearer …"); may itself run a call, without auth, in the same session. */
	enum us_errc (*load)(struct us_http_auth *auth, struct us_str *header, struct us_err *err);
	/* The server refused this value: the next load gives another one. */
	void (*reject)(struct us_http_auth *auth, struct us_slice header);
};

enum us_http_state { US_HTTP_IDLE, US_HTTP_WAITING, US_HTTP_ACTIVE, US_HTTP_DONE };

/* One request and what came of it. Made by us_http_call_new, used again as often as you like. */
struct us_http_call {
	/* the request, set between prepare and start */
	struct us_str url;             /* absolute, of the session's origin */
	struct us_str body;            /* not empty: POST as a form */
	struct us_http_auth *auth;     /* NULL: no Authorization */
	void *owner;                   /* the caller's */

	/* valid when it is done; rc US_OK: there is an answer */
	enum us_errc rc;
	struct us_err err;
	int status;
	struct us_str answer;

	/* private */
	struct us_http *http;
	struct us_http_call *next;
	enum us_http_state state;
	void *easy;                    /* CURL * */
	void *headers;                 /* struct curl_slist * */
	struct us_str authorization;
	int64_t start_at_ms;
	unsigned tries, redirects;
	bool reauthorized, too_large;
	char detail[256];              /* libcurl's words */
};

/* cancel may be NULL. Owns: *ret_http until close; its calls must be freed before. */
enum us_errc us_http_open(const struct us_http_options *options, const atomic_bool *cancel, struct us_http **ret_http, struct us_err *err);
void us_http_close(struct us_http *http);
const struct us_http_stats *us_http_stats(const struct us_http *http);
/* Tries for the calls that start from now on; 1 for a test of the connection, where an admin waits. */
void us_http_set_tries(struct us_http *http, unsigned tries);

struct us_http_call *us_http_call_new(struct us_http *http);
void us_http_call_free(struct us_http_call *call); /* also while it is under way */
void us_http_prepare(struct us_http_call *call);   /* back to an empty request; not while it is under way */

void us_http_start(struct us_http_call *call);
/* Any call that is done, each once; US_END if none is under way. Errors: US_CANCELLED only; a call's own error is in the call. */
enum us_errc us_http_wait(struct us_http *http, struct us_http_call **ret_call, struct us_err *err);
/* Starts the call and waits for it alone. Returns its rc. */
enum us_errc us_http_run(struct us_http_call *call, struct us_err *err);
/* Forgets all calls that are under way. */
void us_http_abort(struct us_http *http);

/* A header of the answer, NONE if it is not there. Valid until the call is prepared again. */
struct us_slice us_http_header(const struct us_http_call *call, const char *name);

#endif
