/* The Authorization header of a request, taken apart. Spec: RFC 7617 (Basic, with UTF-8), RFC 6750 section 2.1 (Bearer). */
#ifndef US_NET_BASIC_H
#define US_NET_BASIC_H

#include "base/arena.h"
#include "base/str.h"

/* "Basic …" taken apart; false if it is malformed, or no UTF-8. Both live in arena; the caller wipes the password. */
bool us_basic_parse(struct us_arena *arena, struct us_slice header, struct us_slice *ret_name, struct us_slice *ret_password);
/* The token of "Bearer …"; NONE if it is another scheme. */
struct us_slice us_basic_bearer(struct us_slice header);

#endif
