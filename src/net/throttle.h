/* Throttle: whoever fails to log in must wait longer and longer.
 *
 * A key stands for who tries (a name from an address; an address with any names). After some free failures each further one doubles the wait,
 * from one second to five minutes; a quarter of an hour without an attempt forgets them. Bounded memory: many keys push out those that were
 * tried longest ago. Thread-safe.
 */
#ifndef US_NET_THROTTLE_H
#define US_NET_THROTTLE_H

#include "base/err.h"
#include "base/hash.h"

enum {
	US_THROTTLE_NAME = 10,     /* free failures of one name from one address */
	US_THROTTLE_ADDRESS = 100, /* of any names from one address: each costs a password hash */
};

struct us_throttle;
struct us_throttle *us_throttle_new(void);
void us_throttle_free(struct us_throttle *throttle); /* NULL is fine */

/* Counts a failure in advance, so that many attempts at once gain nothing. Errors: US_THROTTLED, with wait_ms. */
enum us_errc us_throttle_begin(struct us_throttle *throttle, struct us_hash key, int free_failures, struct us_err *err);
/* It succeeded: the key has no failures any more. */
void us_throttle_succeed(struct us_throttle *throttle, struct us_hash key);
/* This attempt was no failure; the others of the key still count. */
void us_throttle_forgive(struct us_throttle *throttle, struct us_hash key);

#endif
