#include "net/known.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

enum { WAYS = 4, SETS = 256 };

struct entry {
	struct us_hash key;
	uint64_t epoch;
	int64_t expires; /* wall seconds; 0: never */
	int64_t used;    /* counts up; 0: a free place */
	unsigned short n;
	char value[US_KNOWN_VALUE_BYTES];
};

struct us_known {
	pthread_mutex_t lock;
	int64_t used;
	struct entry entries[SETS][WAYS];
};

struct us_known *us_known_new(void)
{
	struct us_known *known = us_calloc(1, sizeof *known);

	pthread_mutex_init(&known->lock, NULL);
	return known;
}

void us_known_free(struct us_known *known)
{
	if (!known)
		return;
	pthread_mutex_destroy(&known->lock);
	free(known);
}

bool us_known_find(struct us_known *known, struct us_hash key, uint64_t epoch, struct us_arena *arena, struct us_slice *ret_value)
{
	bool found = false;

	pthread_mutex_lock(&known->lock);
	struct entry *set = known->entries[key.lo % SETS];
	for (int i = 0; i < WAYS && !found; i++) {
		struct entry *e = &set[i];
		if (!us_hash_is_equal(e->key, key) || e->epoch != epoch || !e->used || (e->expires && e->expires <= us_clock_wall_s()))
			continue;
		e->used = ++known->used;
		*ret_value = us_slice_dup(arena, (struct us_slice) { e->value, e->n });
		found = true;
	}
	pthread_mutex_unlock(&known->lock);
	return found;
}

void us_known_keep(struct us_known *known, struct us_hash key, uint64_t epoch, int64_t expires, struct us_slice value)
{
	if (value.n >= US_KNOWN_VALUE_BYTES)
		return;
	pthread_mutex_lock(&known->lock);
	struct entry *set = known->entries[key.lo % SETS], *oldest = &set[0];
	for (int i = 1; i < WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key))
			oldest = &set[i];
	*oldest = (struct entry) { .key = key, .epoch = epoch, .expires = expires, .used = ++known->used, .n = (unsigned short) value.n };
	memcpy(oldest->value, value.p, value.n);
	pthread_mutex_unlock(&known->lock);
}
