/* What went wrong with a call, in words for whoever has to mend it. One message for each way to fail. */
#ifndef US_NET_HTTP_FAIL_H
#define US_NET_HTTP_FAIL_H

#include "base/err.h"
#include "base/str.h"

struct us_http_failure {
	const char *url, *proxy;   /* proxy without its password; NULL: none known */
	const char *detail;        /* libcurl's words, may be empty */
	int curl_code, os_error;
	int status;                /* 0: no answer */
	struct us_slice type, body;
	int64_t timeout_ms;
	size_t max_bytes;
	unsigned tries;
	bool too_large;
};

/* The transfer failed: curl_code says how. */
enum us_errc us_http_fail_transfer(const struct us_http_failure *f, struct us_err *err);
/* There was an answer, but a useless one: a status that means trouble, or another type than JSON. */
enum us_errc us_http_fail_answer(const struct us_http_failure *f, struct us_err *err);
/* A redirect to where we do not go. */
enum us_errc us_http_fail_redirect(const struct us_http_failure *f, const char *location, struct us_err *err);

/* Is trying again worth it? */
bool us_http_is_passing_transfer(int curl_code);
bool us_http_is_passing_status(int status);
bool us_http_is_json_type(struct us_slice type); /* application/json, application/…+json, with parameters */

/* The reason that an answer's body gives: OAuth's or the API's error members, or the title of an HTML page. Cut at 200 bytes. */
void us_http_add_reason(struct us_str *out, struct us_slice type, struct us_slice body);

#endif
