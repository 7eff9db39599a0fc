#include "serve/kept.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

enum {
	PLACES = 1 << 17,
	RING = 16 << 20,
	LONGEST = 32 << 10, /* a piece that is longer is not kept */
	ALIGN = 8,
};

/* Before each piece in the ring; behind it what.p and the bytes. */
struct head {
	int64_t directory, revision;
	uint32_t kind, what_n, n;
};

/* Invariant: what lies in the ring from end - RING to end is as it was kept. */
struct us_kept {
	pthread_mutex_t lock;
	uint64_t *places; /* where in the ring a piece may lie, counted over all rounds; the piece itself says whether it is the one */
	char *ring;       /* untouched memory costs none */
	uint64_t end;
};

struct us_kept *us_kept_new(void)
{
	struct us_kept *kept = us_calloc(1, sizeof *kept);

	pthread_mutex_init(&kept->lock, NULL);
	kept->places = us_calloc(PLACES, sizeof *kept->places);
	kept->ring = us_calloc(RING, 1);
	return kept;
}

void us_kept_free(struct us_kept *kept)
{
	pthread_mutex_destroy(&kept->lock);
	free(kept->places);
	free(kept->ring);
	free(kept);
}

static uint64_t *place_of(struct us_kept *kept, const struct us_kept_key *key)
{
	uint64_t mixed = us_hash_slice(key->what).lo + (uint64_t) key->directory * 0x9E3779B97F4A7C15u + key->kind;

	return &kept->places[mixed % PLACES];
}

bool us_kept_find(struct us_kept *kept, struct us_arena *arena, const struct us_kept_key *key, struct us_slice *ret_bytes)
{
	const uint64_t *place = place_of(kept, key);
	bool is_kept = false;

	pthread_mutex_lock(&kept->lock);
	/* Farther back lies what others kept since, whose text could pass for a piece. A place that was never taken leads to the first piece, or to zeros,
	 * which are no directory's. */
	if (kept->end - *place <= RING) {
		const char *at = kept->ring + *place % RING;
		const struct head *h = (const struct head *) at;
		is_kept = h->directory == key->directory && h->revision == key->revision && h->kind == key->kind && h->what_n == key->what.n &&
			memcmp(at + sizeof *h, key->what.p, h->what_n) == 0;
		if (is_kept)
			*ret_bytes = us_slice_dup(arena, (struct us_slice) { at + sizeof *h + h->what_n, h->n });
	}
	pthread_mutex_unlock(&kept->lock);
	return is_kept;
}

void us_kept_keep(struct us_kept *kept, const struct us_kept_key *key, struct us_slice bytes)
{
	const struct head h = { key->directory, key->revision, key->kind, (uint32_t) key->what.n, (uint32_t) bytes.n };

	if (!key->what.n || key->what.n > LONGEST || bytes.n > LONGEST)
		return;
	size_t n = (sizeof h + key->what.n + bytes.n + ALIGN - 1) / ALIGN * ALIGN;
	uint64_t *place = place_of(kept, key);
	pthread_mutex_lock(&kept->lock);
	/* A piece is never in two parts. */
	if (kept->end % RING + n > RING)
		kept->end += RING - kept->end % RING;
	char *at = mempcpy(kept->ring + kept->end % RING, &h, sizeof h);
	at = mempcpy(at, key->what.p, key->what.n);
	memcpy(at, bytes.p, bytes.n);
	*place = kept->end;
	kept->end += n;
	pthread_mutex_unlock(&kept->lock);
}
