/* Delta: reads what has changed at a source and feeds it to a plan. What the feed leaves open is asked of the source: in which groups those are who
 * come into the directory, and who the members are that nobody knows yet. */
#ifndef US_SYNC_DELTA_H
#define US_SYNC_DELTA_H

#include "sync/want.h"

enum {
	US_DELTA_MAX_FINDS = 1000,         /* beyond it a full read costs less */
	US_DELTA_MAX_CURSOR_BYTES = 65536,
};

struct us_delta {
	struct us_slice cursor; /* where the next one begins; in the caller's arena */
	struct us_certificate_row row;
};

/* want: of a plan that is_delta, READING. US_EXPIRED: the cursor is refused, or a full read is the better way; err says why. Other errors: of the
 * source, or of our own side; then nothing is known. */
enum us_errc us_delta_read(const struct us_want *want, struct us_slice cursor, struct us_arena *arena, struct us_delta *ret_delta, struct us_err *err);

#endif
