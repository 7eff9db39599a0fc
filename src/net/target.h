/* Request target: the raw path and query of a request line, taken apart and percent-decoded.
 *
 * A slash that came as %2F stays inside its segment; '+' is a plus in the path and a space in the query. Everything decoded is UTF-8 without
 * NUL; anything else is refused, so that no name reaches the store in two spellings.
 * Spec: RFC 9112 section 3.2 (origin, absolute and asterisk form), RFC 3986, the form encoding of the HTML standard.
 */
#ifndef US_NET_TARGET_H
#define US_NET_TARGET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { US_TARGET_SEGMENTS = 32, US_TARGET_PARAMETERS = 64 };

struct us_parameter {
	struct us_slice name, value;
};

struct us_target {
	struct us_slice raw;             /* as it came */
	struct us_slice path;            /* raw, without authority and query */
	struct us_slice *segments;       /* decoded; the empty one behind a trailing slash is left out */
	size_t segments_n;
	bool has_trailing_slash;
	bool is_asterisk;                /* "*", as OPTIONS has it: no segments */
	struct us_parameter *query;          /* decoded, in the order of the text; a name without '=' has an empty value */
	size_t query_n;
};

/* Owns: everything lives in the arena. Errors: US_INVALID. */
enum us_errc us_target_parse(struct us_arena *arena, struct us_slice raw, struct us_target *ret_target, struct us_err *err);

/* The first parameter of that name; NONE if it is not there. */
struct us_slice us_target_parameter(const struct us_target *target, const char *name);

/* text with everything but unreserved characters as %XX, for one path segment or query value. */
void us_target_add_encoded(struct us_str *out, struct us_slice text);

#endif
