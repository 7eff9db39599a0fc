/* A listening socket. */
#ifndef US_NET_LISTEN_H
#define US_NET_LISTEN_H

#include "base/err.h"

/* listen_at: "host:port", "[v6]:port", or "*:port" for every address of both families; port 0: the system chooses. *ret_fd is non-blocking and closed
 * on exec; *ret_port the port that it has. Errors: US_CONFIG (no such address), US_UNAVAILABLE (in use). */
enum us_errc us_listen(const char *listen_at, int *ret_fd, int *ret_port, struct us_err *err);

#endif
