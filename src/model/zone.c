#include "model/zone.h"

#include "model/civil.h"

enum { HEADER_BYTES = 44, MOST_CHANGES = 20000, MOST_TAIL_HOURS = 167 };

const struct us_zone us_zone_utc = { .has_tail = true };

/* ---- the file ---- */

static uint32_t big32(const char *p)
{
	const unsigned char *u = (const unsigned char *) p;

	return (uint32_t) u[0] << 24 | (uint32_t) u[1] << 16 | (uint32_t) u[2] << 8 | u[3];
}

static int64_t big64(const char *p) { return (int64_t) ((uint64_t) big32(p) << 32 | big32(p + 4)); }

struct header {
	char version;
	uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

/* false: too few bytes, or no header. Takes it off the front. */
static bool take_header(struct us_slice *bytes, struct header *ret)
{
	const char *p = bytes->p;

	if (bytes->n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret = (struct header) { p[4], big32(p + 20), big32(p + 24), big32(p + 28), big32(p + 32), big32(p + 36), big32(p + 40) };
	bytes->p += HEADER_BYTES;
	bytes->n -= HEADER_BYTES;
	return ret->timecnt <= MOST_CHANGES && ret->typecnt >= 1 && ret->typecnt <= 256 && ret->charcnt <= 2048 && ret->leapcnt <= 2048 &&
		ret->isutcnt <= 256 && ret->isstdcnt <= 256;
}

static size_t block_bytes(const struct header *h, size_t time_bytes)
{
	return h->timecnt * (time_bytes + 1) + h->typecnt * 6u + h->charcnt + h->leapcnt * (time_bytes + 4) + h->isstdcnt + h->isutcnt;
}

static bool take_block(struct us_arena *arena, const struct header *h, size_t time_bytes, struct us_slice block, struct us_zone *zone)
{
	const char *types = block.p + h->timecnt * time_bytes, *infos = types + h->timecnt;
	int64_t *at = us_arena_array(arena, h->timecnt, sizeof *at);
	int32_t *offset = us_arena_array(arena, h->timecnt, sizeof *offset);

	for (uint32_t i = 0; i < h->typecnt; i++) {
		int32_t s = (int32_t) big32(infos + 6 * i);
		if (s <= -US_ZONE_MAX_OFFSET_S || s >= US_ZONE_MAX_OFFSET_S)
			return false;
	}
	for (uint32_t i = 0; i < h->timecnt; i++) {
		unsigned type = (unsigned char) types[i];
		at[i] = time_bytes == 8 ? big64(block.p + 8 * i) : (int32_t) big32(block.p + 4 * i);
		if (type >= h->typecnt || (i && at[i] <= at[i - 1]))
			return false;
		offset[i] = (int32_t) big32(infos + 6 * type);
	}
	zone->n = h->timecnt;
	zone->at = at;
	zone->offset = offset;
	zone->first_offset = (int32_t) big32(infos);
	return true;
}

/* ---- the TZ string ---- */

static bool take_char(struct us_slice *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool take_number(struct us_slice *s, int least, int most, int *ret)
{
	int v = 0;
	size_t n = 0;

	for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
		v = v * 10 + (s->p[n] - '0');
	if (!n || v < least || v > most)
		return false;
	s->p += n;
	s->n -= n;
	*ret = v;
	return true;
}

/* Letters, or anything between < and >. */
static bool take_name(struct us_slice *s)
{
	bool is_quoted = take_char(s, '<');
	size_t n = 0;

	while (n < s->n && (is_quoted ? s->p[n] != '>' : (s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
		n++;
	s->p += n;
	s->n -= n;
	return n >= 3 && (!is_quoted || take_char(s, '>'));
}

static bool take_time(struct us_slice *s, int most_hours, int32_t *ret)
{
	bool is_negative = take_char(s, '-');
	int h, m = 0, sec = 0;

	if (!is_negative)
		take_char(s, '+');
	if (!take_number(s, 0, most_hours, &h) || (take_char(s, ':') && !take_number(s, 0, 59, &m)))
		return false;
	if (take_char(s, ':') && !take_number(s, 0, 59, &sec))
		return false;
	*ret = (is_negative ? -1 : 1) * (h * 3600 + m * 60 + sec);
	return true;
}

static bool take_rule(struct us_slice *s, struct us_zone_rule *ret)
{
	struct us_zone_rule r = { .kind = US_ZONE_DAY, .time_s = 7200 };

	if (!take_char(s, ','))
		return false;
	if (take_char(s, 'M')) {
		r.kind = US_ZONE_WEEK;
		if (!take_number(s, 1, 12, &r.month) || !take_char(s, '.') || !take_number(s, 1, 5, &r.week) || !take_char(s, '.') ||
			!take_number(s, 0, 6, &r.day))
			return false;
	} else if (take_char(s, 'J')) {
		r.kind = US_ZONE_JULIAN;
		if (!take_number(s, 1, 365, &r.day))
			return false;
	} else if (!take_number(s, 0, 365, &r.day)) {
		return false;
	}
	if (take_char(s, '/') && !take_time(s, MOST_TAIL_HOURS, &r.time_s))
		return false;
	*ret = r;
	return true;
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": offsets count west of UTC. */
static bool take_tail(struct us_slice s, struct us_zone *zone)
{
	int32_t west;

	if (!take_name(&s) || !take_time(&s, 24, &west))
		return false;
	zone->standard = -west;
	zone->summer = zone->standard + 3600;
	zone->has_summer = s.n > 0;
	if (!s.n)
		return true;
	if (!take_name(&s))
		return false;
	if (s.n && s.p[0] != ',') {
		if (!take_time(&s, 24, &west))
			return false;
		zone->summer = -west;
	}
	return take_rule(&s, &zone->begin) && take_rule(&s, &zone->end) && s.n == 0;
}

static bool parse(struct us_arena *arena, struct us_slice bytes, struct us_zone *zone)
{
	struct header h;
	size_t time_bytes = 4;

	if (!take_header(&bytes, &h))
		return false;
	if (h.version >= '2') {
		/* The first block is for readers of 32 bits. */
		size_t skip = block_bytes(&h, 4);
		if (bytes.n < skip)
			return false;
		bytes.p += skip;
		bytes.n -= skip;
		time_bytes = 8;
		if (!take_header(&bytes, &h))
			return false;
	}
	size_t used = block_bytes(&h, time_bytes);
	if (bytes.n < used || !take_block(arena, &h, time_bytes, (struct us_slice) { bytes.p, used }, zone))
		return false;
	if (time_bytes == 4)
		return true;
	bytes.p += used;
	bytes.n -= used;
	const char *feed = bytes.n && bytes.p[0] == '\n' ? memchr(bytes.p + 1, '\n', bytes.n - 1) : NULL;
	if (!feed)
		return false;
	struct us_slice tail = { bytes.p + 1, (size_t) (feed - bytes.p) - 1 };
	zone->has_tail = tail.n > 0;
	return !tail.n || take_tail(tail, zone);
}

enum us_errc us_zone_parse(struct us_arena *arena, struct us_slice bytes, struct us_zone *ret_zone, struct us_err *err)
{
	struct us_zone zone = { 0 };

	if (!parse(arena, bytes, &zone))
		return us_err_set(err, US_INVALID, "is no time zone file (TZif), or a broken one");
	*ret_zone = zone;
	return US_OK;
}

/* ---- asking ---- */

/* Local seconds at which a rule strikes in a year. */
static int64_t rule_local(const struct us_zone_rule *r, int64_t year)
{
	int64_t days = us_civil_days(year, 1, 1);

	switch (r->kind) {
	case US_ZONE_JULIAN:
		days += r->day - 1 + (r->day > 59 && us_civil_month_days(year, 2) == 29);
		break;
	case US_ZONE_DAY:
		days += r->day;
		break;
	case US_ZONE_WEEK: {
		int64_t first = us_civil_days(year, r->month, 1);
		int day = 1 + (r->day - us_civil_weekday(first) + 7) % 7 + (r->week - 1) * 7;
		while (day > us_civil_month_days(year, r->month))
			day -= 7;
		days = first + day - 1;
		break;
	}
	}
	return days * US_CIVIL_DAY_S + r->time_s;
}

/* The last change up to the moment and the first one after it. A rule may strike a week before or after its year, so that those of five years
 * are looked at; of two changes at one moment the later year's holds. */
static struct us_zone_span tail_span(const struct us_zone *z, int64_t utc_s)
{
	struct us_zone_span span = { INT64_MIN, INT64_MAX, z->standard };
	int64_t year = us_civil_of_days(us_civil_day_of(utc_s)).year;

	if (!z->has_summer)
		return span;
	for (int64_t y = year - 2; y <= year + 2; y++) {
		int64_t begin = rule_local(&z->begin, y) - z->standard, end = rule_local(&z->end, y) - z->summer;
		bool is_north = begin <= end;
		const struct { int64_t at; int32_t offset; } changes[2] = {
			{ is_north ? begin : end, is_north ? z->summer : z->standard },
			{ is_north ? end : begin, is_north ? z->standard : z->summer },
		};
		for (int i = 0; i < 2; i++) {
			if (changes[i].at <= utc_s && changes[i].at >= span.begin) {
				span.begin = changes[i].at;
				span.offset = changes[i].offset;
			} else if (changes[i].at > utc_s && changes[i].at < span.end) {
				span.end = changes[i].at;
			}
		}
	}
	return span;
}

struct us_zone_span us_zone_span_at(const struct us_zone *z, int64_t utc_s)
{
	size_t low = 0, high = z->n;

	/* at[low - 1] <= utc_s < at[low] */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (z->at[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->n && z->has_tail) {
		struct us_zone_span span = tail_span(z, utc_s);
		if (z->n && span.begin < z->at[z->n - 1])
			span.begin = z->at[z->n - 1];
		return span;
	}
	return (struct us_zone_span) { low ? z->at[low - 1] : INT64_MIN, low < z->n ? z->at[low] : INT64_MAX,
		low ? z->offset[low - 1] : z->first_offset };
}

int64_t us_zone_to_local(const struct us_zone *zone, int64_t utc_s) { return utc_s + us_zone_span_at(zone, utc_s).offset; }

int64_t us_zone_to_utc(const struct us_zone *zone, int64_t local_s)
{
	struct us_zone_span span = us_zone_span_at(zone, local_s - US_ZONE_MAX_OFFSET_S);
	int64_t after_gap = 0;
	bool has_gap = false;

	/* Every stretch before this one ends before the local time is reached, whatever its offset. */
	for (;;) {
		int64_t utc = local_s - span.offset;
		if (utc >= span.begin && utc < span.end)
			return utc;
		if (span.end == INT64_MAX || span.end > local_s + US_ZONE_MAX_OFFSET_S)
			break;
		struct us_zone_span next = us_zone_span_at(zone, span.end);
		if (!has_gap && span.end + span.offset <= local_s && local_s < span.end + next.offset) {
			after_gap = span.end;
			has_gap = true;
		}
		span = next;
	}
	return has_gap ? after_gap : local_s - span.offset;
}
