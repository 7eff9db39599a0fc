/* Addresses of what is served: those that clients ask for, and those in our answers. */
#ifndef US_SERVE_ADDRESS_H
#define US_SERVE_ADDRESS_H

#include "net/httpd.h"

/* Whether the segments are those of path ("user/group/direct"; "*" is any one segment, which *ret_parameter is then). */
bool us_address_is(const char *path, const struct us_slice *segments, size_t n, struct us_slice *ret_parameter);

/* Whether the client came by TLS: to us, or, as X-Forwarded-Proto says, to a proxy in front of us. Whoever sends that by himself deceives only himself. */
bool us_address_is_tls(const struct us_httpd_request *request);

/* "https://host:port/path", as the client reached it: in arena. A Host that does not look like one is not repeated. path has no slash in front. */
struct us_slice us_address_base(const struct us_httpd_request *request, struct us_arena *arena, const char *path);

#endif
