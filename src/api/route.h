/* Route: one row for each call of the API. Routing, 405 with Allow, roles and the OpenAPI document are made from this one table. */
#ifndef US_API_ROUTE_H
#define US_API_ROUTE_H

#include "base/err.h"
#include "net/httpd.h"
#include "store/account.h"

enum { US_ROUTE_PARAMETERS = 3 };

struct us_call;

enum us_route_flag {
	US_ROUTE_PUBLIC = 1,    /* without credentials */
	US_ROUTE_ROOT = 2,      /* outside the base path */
	US_ROUTE_PAGED = 4,     /* ?limit=&cursor= */
	US_ROUTE_SEARCH = 8,    /* ?search= */
	US_ROUTE_RESULTS = 16,  /* ?outcome=&object=&format= */
	US_ROUTE_MODE = 32,     /* ?mode= */
	US_ROUTE_CONFLICT = 64, /* may answer 409 */
	US_ROUTE_WAITS = 128,   /* may also answer 202: not over yet */
	US_ROUTE_TEXT = 256,    /* answers plain text */
	US_ROUTE_UNREADY = 512, /* answers 503 as its normal no */
	US_ROUTE_IMPORT = 1024, /* ?dryRun=&match= */
	US_ROUTE_ASKS = 2048,   /* hands on what a source says: may answer 502, 504 */
	US_ROUTE_STATE = 4096,  /* ?state= */
	US_ROUTE_SOURCE = 8192, /* ?source= */
	US_ROUTE_CHANGES = 16384, /* ?since=&limit=&wait=; may answer 410, or as events */
	US_ROUTE_NEVER = 32768, /* ?never= */
	US_ROUTE_EXPIRES = 65536, /* takes a token of a directory's changes: may answer 404, 410 */
};

struct us_route {
	enum us_httpd_method method;
	const char *path;      /* below the base path; {name} is one segment */
	enum us_role role;     /* the least that may call it */
	int status;            /* of success */
	unsigned flags;
	const char *operation; /* operationId; also the label in metrics */
	const char *summary;
	const char *request;   /* schema of the body; NULL: none is read */
	const char *response;  /* schema of the answer; NULL: no body */
	/* US_OK: the answer is filled (or promised: call->is_later). Otherwise err says what is answered. */
	enum us_errc (*run)(struct us_call *call, struct us_err *err);
};

extern const struct us_route us_routes[]; /* ends with path NULL */

/* The row for a request; NULL if there is none. A path of fewer parameters hides those with more, for every method: "export" is never taken for
 * the id of a connector. *ret_known: some row has the path, with other methods; then ret_allow holds them for the Allow
 * header. HEAD is GET. */
const struct us_route *us_route_find(const struct us_httpd_request *request, struct us_slice ret_parameters[US_ROUTE_PARAMETERS],
	bool *ret_known, char ret_allow[64]);

#endif
