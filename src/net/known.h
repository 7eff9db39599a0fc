/* Known: credentials that were verified a moment ago, so that argon2id is paid once and not with each request.
 *
 * A credential is remembered by its keyed fingerprint (base/secret.h), never by itself, together with a short value that says whose it is. It is forgotten
 * with the epoch it was verified in, at its expiry, or when others need the place. Thread-safe.
 */
#ifndef US_NET_KNOWN_H
#define US_NET_KNOWN_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"

#define US_KNOWN_VALUE_BYTES 1024

struct us_known;
struct us_known *us_known_new(void);
void us_known_free(struct us_known *known); /* NULL is fine */

/* The value is copied to arena. epoch: the number that it must have been kept with; callers raise theirs whenever a credential changes. */
bool us_known_find(struct us_known *known, struct us_hash key, uint64_t epoch, struct us_arena *arena, struct us_slice *ret_value);
/* epoch: read before the credential was looked up, so that one verified against what has changed meanwhile is not found. expires: wall
 * seconds; 0: never. A value of US_KNOWN_VALUE_BYTES or more is not kept. */
void us_known_keep(struct us_known *known, struct us_hash key, uint64_t epoch, int64_t expires, struct us_slice value);

#endif
