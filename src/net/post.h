/* Post: one message to one server by libcurl, as webhooks and mails go; what both share.
 *
 * Certificates are verified, TLS is 1.2 or later, nothing is followed elsewhere, and the cancel flag ends it
 * within a second.
 */
#ifndef US_NET_POST_H
#define US_NET_POST_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

struct us_post {
	struct us_slice ca_pem; /* trusted besides the system's certificates; NONE: only those */
	int64_t timeout_ms;
	const atomic_bool *cancel; /* may be NULL */
};

#define US_POST_DETAIL_BYTES 256

/* A handle with the above set; detail must live as long as it. The caller cleans it up. */
void *us_post_open(const struct us_post *post, char detail[US_POST_DETAIL_BYTES]);
/* Performs it. where: "https://host:port" or "smtp://host:port", for the text. Errors: US_UNAVAILABLE,
 * US_TIMEOUT, US_TLS, US_PROTOCOL, US_DENIED, US_CANCELLED; native is libcurl's code. */
enum us_errc us_post_run(void *easy, const struct us_post *post, const char *where,
	const char *detail, struct us_err *err);

/* What the status of an answer says: US_OK for any 2xx, else US_PROTOCOL with native the status and wait_ms what Retry-After asks for. */
enum us_errc us_post_judge(void *easy, long status, const char *where, int64_t now_s, struct us_err *err);

#endif
