/* A zone file is refused, or every moment lies in one stretch of it and local times lead back. */
#include <stdint.h>

#include "model/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_zone zone;

	if (us_zone_parse(&arena, (struct us_slice) { (const char *) data, size }, &zone, &err) == US_OK)
		for (int64_t t = -3000000000; t < 9000000000; t += 399999999) {
			struct us_zone_span span = us_zone_span_at(&zone, t);
			us_assert(span.begin <= t && t < span.end);
			us_assert(us_zone_to_utc(&zone, us_zone_to_local(&zone, t)) <= t);
		}
	us_arena_fini(&arena);
	return 0;
}
