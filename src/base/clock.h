/* Clocks and ISO-8601 times. The only place that asks what time it is. */
#ifndef US_BASE_CLOCK_H
#define US_BASE_CLOCK_H

#include <stdint.h>

#include "base/str.h"

int64_t us_clock_wall_s(void);       /* seconds since 1970 UTC */
int64_t us_clock_wall_ms(void);
int64_t us_clock_monotonic_ms(void); /* for durations and deadlines */
int64_t us_clock_monotonic_us(void);

#define US_CLOCK_ISO_BYTES 21
/* "2022-10-05T08:17:44Z"; years outside 0000–9999 are clamped. */
const char *us_clock_format(int64_t wall_s, char ret_text[US_CLOCK_ISO_BYTES]);
/* The same form back, fractions and offsets accepted (RFC 3339, or +hhmm); false if it is none. */
bool us_clock_parse(struct us_slice text, int64_t *ret_wall_s);

/* "90", "90s", "15m", "2h", "7d" or a row of them ("1h30m", each with its unit) as seconds; false if it is none of these or more than ten years. */
bool us_clock_parse_span(struct us_slice text, int64_t *ret_s);

#endif
