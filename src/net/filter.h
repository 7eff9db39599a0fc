/* LDAP search filters: values go in escaped, and what an admin typed is checked before a library parses it by recursion.
 *
 * Spec: RFC 4515. Accepted beyond it: spaces and line ends between the filters of a list and round the whole.
 */
#ifndef US_NET_FILTER_H
#define US_NET_FILTER_H

#include "base/err.h"
#include "base/str.h"

#define US_FILTER_MAX_BYTES 16384
#define US_FILTER_MAX_DEPTH 32

/* value as an assertion value; text stays readable, `*` `(` `)` `\` and control characters are escaped. */
void us_filter_add_value(struct us_str *out, struct us_slice value);
/* Every byte escaped: for objectGUID, objectSid. */
void us_filter_add_bytes(struct us_str *out, struct us_slice bytes);

/* Errors: US_CONFIG with the place ("at byte 12: …"). */
enum us_errc us_filter_check(struct us_slice filter, struct us_err *err);

#endif
