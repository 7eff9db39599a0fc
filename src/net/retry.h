/* Retry: when to ask again. Pure functions.
 *
 * Spec: RFC 9110 section 10.2.3 (Retry-After), section 5.6.7 (HTTP-date).
 */
#ifndef US_NET_RETRY_H
#define US_NET_RETRY_H

#include "base/str.h"

/* How long a Retry-After header asks to wait: whole seconds, or a date, which may lie in the past (0 then). More than a day counts as
 * a day. False if it is neither. */
bool us_retry_parse_after(struct us_slice header, int64_t now_wall_s, int64_t *ret_wait_ms);

/* Exponential with full jitter: between 0 and base_ms * 2^attempt, at most cap_ms, but at least a quarter of that bound so that it
 * is never a hammer. attempt counts from 0; random is any number. */
int64_t us_retry_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint64_t random);

#endif
