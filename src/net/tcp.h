/* TCP: connecting with a time-out, and with an eye on the cancel flag. */
#ifndef US_NET_TCP_H
#define US_NET_TCP_H

#include <stdatomic.h>

#include "base/err.h"

/* Tries each address of host until one answers; the socket is blocking, without delay, kept alive. cancel may be NULL.
 * Owns: *ret_fd. Errors: US_UNAVAILABLE (unknown host, refused, unreachable), US_TIMEOUT, US_CANCELLED; native is errno. */
enum us_errc us_tcp_connect(const char *host, int port, int64_t timeout_ms, const atomic_bool *cancel, int *ret_fd, struct us_err *err);

#endif
