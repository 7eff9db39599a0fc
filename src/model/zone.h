/* Zone: a time zone from the bytes of its TZif file. Whoever has the bytes hands them in; nothing is read here.
 *
 * The table in the file says what was and is decided; behind its last row the POSIX TZ string at the file's end goes on for ever.
 * Spec: RFC 9636 (TZif, versions 1 to 4), POSIX.1-2017 chapter 8.3 "TZ" with the extension of RFC 9636 §3.3.1 (hours -167 … 167).
 */
#ifndef US_MODEL_ZONE_H
#define US_MODEL_ZONE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define US_ZONE_MAX_OFFSET_S 93600 /* 26 hours: no zone is or was further from UTC */

/* When a part of the year begins, of a POSIX TZ string. */
struct us_zone_rule {
	enum { US_ZONE_JULIAN /* 1 … 365, without 29 February */, US_ZONE_DAY /* 0 … 365 */, US_ZONE_WEEK } kind;
	int month, week, day; /* WEEK: 1 … 12, 1 … 5 (5: the last), 0 … 6 from Sunday; otherwise day alone */
	int32_t time_s;       /* after midnight, local time before the change */
};

struct us_zone {
	size_t n;               /* changes in the table */
	const int64_t *at;      /* when, UTC seconds, ascending */
	const int32_t *offset;  /* from then on, seconds east of UTC */
	int32_t first_offset;   /* before the first change */
	bool has_tail;          /* the TZ string: what holds after the last change */
	bool has_summer;
	int32_t standard, summer; /* offsets */
	struct us_zone_rule begin, end; /* of summer time */
};

extern const struct us_zone us_zone_utc;

/* Owns: the tables live in arena; bytes may be freed at once. US_INVALID: no TZif file, or a broken one. */
enum us_errc us_zone_parse(struct us_arena *arena, struct us_slice bytes, struct us_zone *ret_zone, struct us_err *err);

/* The stretch of one offset around a moment: from begin to before end; INT64_MIN and INT64_MAX where it does not end. */
struct us_zone_span {
	int64_t begin, end;
	int32_t offset;
};
struct us_zone_span us_zone_span_at(const struct us_zone *zone, int64_t utc_s);

/* Local time as seconds since 1970-01-01T00:00:00 of that place. */
int64_t us_zone_to_local(const struct us_zone *zone, int64_t utc_s);
/* A local time that exists twice gives the first one; one that does not exist gives the first moment after the gap. */
int64_t us_zone_to_utc(const struct us_zone *zone, int64_t local_s);

#endif
