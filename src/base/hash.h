/* 128-bit content hash (XXH3). Fast and well mixed, not cryptographic: never for secrets.
 *
 * The value is stored, so it must never change between versions: seed 0, canonical byte order.
 */
#ifndef US_BASE_HASH_H
#define US_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct us_hash {
	uint64_t lo, hi;
};

#define US_HASH_ZERO ((struct us_hash) { 0, 0 })
#define US_HASH_BYTES 16

struct us_hash us_hash(const void *p, size_t n);
struct us_hash us_hash_slice(struct us_slice s);
static inline bool us_hash_is_equal(struct us_hash a, struct us_hash b) { return a.lo == b.lo && a.hi == b.hi; }
void us_hash_put(struct us_hash h, unsigned char ret_bytes[US_HASH_BYTES]); /* big-endian, as stored */
struct us_hash us_hash_take(const void *bytes, size_t n); /* n other than 16 gives zero */

#endif
