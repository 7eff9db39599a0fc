/* URLs: the one place that escapes text into them and that tells whether one may be followed.
 *
 * Spec: RFC 3986.
 */
#ifndef US_NET_URL_H
#define US_NET_URL_H

#include "base/str.h"

/* Everything but the unreserved characters becomes %XX, so that the text is one segment of a path, one key or one value. */
void us_url_escape(struct us_str *out, struct us_slice text);
/* "/" and the segment, escaped. "." and ".." are escaped too: clients and proxies would take them away. */
void us_url_add_segment(struct us_str *url, struct us_slice segment);
/* "?key=value" or "&key=value", both escaped. */
void us_url_add_query(struct us_str *url, const char *key, struct us_slice value);
void us_url_add_query_int(struct us_str *url, const char *key, int64_t value);
/* "key=value" of a form body, after "&" if it is not the first; RFC 6749 appendix B. */
void us_url_add_form(struct us_str *body, const char *key, struct us_slice value);

/* Scheme, host and port are the same (default ports filled in, case ignored). False if either is no URL with a host, or has a
 * user name in it: such a URL is never followed. */
bool us_url_is_same_origin(const char *a, const char *b);
/* "https://host:port" for messages, never more of the URL; "?" if it is none. */
void us_url_add_origin(struct us_str *out, const char *url);
/* The URL up to its path, without user name and password: a proxy's, for messages. */
void us_url_add_without_user(struct us_str *out, const char *url);
/* The absolute form of a Location header relative to base; false if it makes no http or https URL. */
bool us_url_resolve(struct us_str *out, const char *base, const char *location);

#endif
