/* Framing: may this request head be read in one way only? Pure. */
#ifndef US_NET_FRAMING_H
#define US_NET_FRAMING_H

#include "base/err.h"
#include "net/target.h"

struct us_framing {
	bool has_length, is_chunked;
	uint64_t length; /* of the body, if has_length */
	bool wants_continue;
};

/* is_http_11: else 1.0, where no Host is needed and no chunks are known. Errors: US_INVALID with the reason. */
enum us_errc us_framing_check(const struct us_parameter *headers, size_t n, bool is_http_11, struct us_framing *ret_framing,
	struct us_err *err);

#endif
