/* Gate: which application asks. HTTP Basic with its name and password, or its bearer token.
 *
 * A password is verified once by argon2id and then known by a keyed fingerprint until any application changes. Failed logins are throttled as
 * those of the admin API. When an application was last seen is noted in memory, and written down now and then.
 */
#ifndef US_SERVE_GATE_H
#define US_SERVE_GATE_H

#include "net/httpd.h"
#include "store/application.h"

/* The application that asks, as it is now. Lives in the request's arena. */
struct us_client {
	int64_t id;
	struct us_slice name;
	unsigned rights;             /* of enum us_right */
	const int64_t *directories;  /* that are there, in its order */
	size_t n_directories;
};

struct us_gate;
enum us_errc us_gate_open(struct us_store *store, struct us_gate **ret_gate, struct us_err *err);
void us_gate_close(struct us_gate *gate); /* writes down who was seen */

/* Errors: US_UNAUTHORIZED, US_THROTTLED with wait_ms, US_FORBIDDEN (its address); those of the store. */
enum us_errc us_gate_check(struct us_gate *gate, const struct us_httpd_request *request, struct us_client *ret_client, struct us_err *err);

#endif
