/* Call: one request on its way through a handler, and what handlers share: reading bodies and parameters, leases, answers. */
#ifndef US_API_CALL_H
#define US_API_CALL_H

#include "api/api.h"
#include "api/auth.h"
#include "api/route.h"
#include "base/json.h"

struct us_api {
	struct us_api_conf conf;
	struct us_auth *auth;
	struct us_wait *wait;
	struct us_worker *writers; /* carry out what may wait for the store's writer */
	struct us_follow *follow;
	struct us_metrics *metrics;
	struct us_status_cache *statuses;
	struct us_str openapi; /* the document, made once */
	int64_t started_s;
};

struct us_call {
	struct us_api *api;
	struct us_httpd_request *request;
	struct us_httpd_answer *answer;
	struct us_arena *arena;
	const struct us_route *route;
	struct us_slice parameters[US_ROUTE_PARAMETERS]; /* of the path, in order */
	struct us_who who;
	struct us_jsonw w;           /* writes into the answer's body */
	struct us_dbc *c;            /* leased; given back by the dispatcher */
	struct us_problem *problems; /* with US_CONFIG: each field with its reason */
	struct us_slice more;        /* with US_CONFIG: JSON that stands as "connectors" in the error; NONE */
	bool is_later;               /* the answer was promised */
};

/* Each comes inside a transaction, so that all that a call reads belongs together. Errors: 503 when no connection is to be had. */
enum us_errc us_call_lease_reader(struct us_call *call, struct us_err *err);
enum us_errc us_call_lease_writer(struct us_call *call, struct us_err *err);
enum us_errc us_call_commit(struct us_call *call, struct us_err *err);
void us_call_release(struct us_call *call);

/* The body as JSON, or as a JSON object. US_MEDIA_TYPE, US_INVALID, US_TOO_LARGE. */
enum us_errc us_call_read_json(struct us_call *call, const struct us_json **ret_doc, struct us_err *err);
enum us_errc us_call_read_object(struct us_call *call, const struct us_json **ret_doc, struct us_err *err);
/* Complains about each member of doc that is not in the NULL-terminated list. */
void us_call_refuse_others(struct us_call *call, const struct us_json *doc, const char *const *known);
/* US_CONFIG with the call's problems, US_OK if there are none. */
enum us_errc us_call_check_problems(struct us_call *call, struct us_err *err);

/* A name that somebody gives: one line, at most so many characters. Complains under that field. */
void us_call_check_name(struct us_call *call, const char *field, struct us_slice name, size_t most);

/* A member of doc that is a string; NONE if it is not there or is none: then it complains. */
struct us_slice us_call_read_text(struct us_call *call, const struct us_json *doc, const char *field, bool is_required);
enum { US_CALL_NAME_CHARACTERS = 200, US_CALL_PASSWORD_LEAST = 8, US_CALL_PASSWORD_MOST = 256 };
/* What is sent in HTTP Basic: a name without a colon, a password of 8 to 256 characters without NUL. NONE is fine. */
void us_call_check_login_name(struct us_call *call, struct us_slice name);
void us_call_check_password(struct us_call *call, struct us_slice password);

/* A positive number in the path; anything else is US_NOT_FOUND ("no <what> <text>"). */
enum us_errc us_call_read_number(struct us_call *call, int parameter, const char *what, int64_t *ret_number, struct us_err *err);
/* ?limit=, 1 … most. */
enum us_errc us_call_read_limit(struct us_call *call, int64_t fallback, int64_t most, int64_t *ret_limit, struct us_err *err);
/* ?cursor= as it was given out with the same kind; NONE if there is none. */
enum us_errc us_call_read_cursor(struct us_call *call, char kind, struct us_slice *ret_text, struct us_err *err);
/* The member "cursor": opaque, for the page that follows; text NONE writes null. */
void us_call_put_cursor(struct us_call *call, char kind, struct us_slice text);

/* Who asks for a run: the account, and whether our own command line speaks for it. */
struct us_job_who us_call_who(const struct us_call *call);

/* The one place where an error becomes an answer. */
void us_call_fail(struct us_api *api, const struct us_err *err, const struct us_problem *problems, struct us_httpd_answer *answer);
void us_call_fail_status(int status, const char *error, const char *message, const struct us_problem *problems,
	struct us_httpd_answer *answer);
/* One more member at the end of an answer that is an object. */
void us_call_append(struct us_httpd_answer *answer, const char *key, struct us_slice json);
void us_call_put_time(struct us_jsonw *w, const char *key, int64_t wall_s); /* 0 writes null */

/* A webhook's configuration that came without a secret to sign with gets one, *ret_secret: the configuration with it, in the call's arena. */
const struct us_json *us_call_with_secret(struct us_call *call, const struct us_json *configuration, struct us_slice *ret_secret);

#endif
