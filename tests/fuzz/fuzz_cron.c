/* A cron expression is refused at a place within it, or each of its times comes after the one before. */
#include <stdint.h>

#include "model/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_err err = US_ERR_INIT;
	struct us_cron cron;
	int64_t at = 1767225600, next;

	if (us_cron_parse((struct us_slice) { (const char *) data, size }, &cron, &err) != US_OK) {
		us_assert(err.native >= 1 && (size_t) err.native <= size + 1);
		us_assert(us_slice_is_utf8(us_slice(err.text)));
		return 0;
	}
	for (int i = 0; i < 5 && us_cron_next(&cron, &us_zone_utc, at, &next); i++, at = next)
		us_assert(next > at);
	return 0;
}
