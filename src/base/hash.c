#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

struct us_hash us_hash(const void *p, size_t n)
{
	XXH128_hash_t h = XXH3_128bits(p, n);

	return (struct us_hash) { h.low64, h.high64 };
}

struct us_hash us_hash_slice(struct us_slice s) { return us_hash(s.p ? s.p : "", s.n); }

void us_hash_put(struct us_hash h, unsigned char ret_bytes[US_HASH_BYTES])
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, (XXH128_hash_t) { .low64 = h.lo, .high64 = h.hi });
	memcpy(ret_bytes, c.digest, US_HASH_BYTES);
}

struct us_hash us_hash_take(const void *bytes, size_t n)
{
	XXH128_canonical_t c;

	if (!bytes || n != US_HASH_BYTES)
		return US_HASH_ZERO;
	memcpy(c.digest, bytes, n);
	XXH128_hash_t h = XXH128_hashFromCanonical(&c);
	return (struct us_hash) { h.low64, h.high64 };
}
