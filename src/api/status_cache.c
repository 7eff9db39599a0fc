#include <pthread.h>
#include <stdlib.h>

#include "api/status.h"
#include "base/hash.h"

enum { PLACES = 256, TEXT_BYTES_MOST = 64 << 10 };

struct place {
	struct us_hash key;
	uint64_t generation;
	struct us_str text; /* empty: free */
};

struct us_status_cache {
	pthread_mutex_t lock;
	struct place places[PLACES];
};

struct us_status_cache *us_status_cache_new(void)
{
	struct us_status_cache *cache = us_calloc(1, sizeof *cache);

	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void us_status_cache_free(struct us_status_cache *cache)
{
	for (size_t i = 0; i < PLACES; i++)
		us_str_fini(&cache->places[i].text);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

bool us_status_cache_find(struct us_status_cache *cache, struct us_slice key, uint64_t generation, struct us_str *out)
{
	struct us_hash hash = us_hash_slice(key);
	struct place *p = &cache->places[hash.lo % PLACES];

	pthread_mutex_lock(&cache->lock);
	bool is_known = p->text.n && p->generation == generation && us_hash_is_equal(p->key, hash);
	if (is_known)
		us_str_add_slice(out, us_str_slice(&p->text));
	pthread_mutex_unlock(&cache->lock);
	return is_known;
}

void us_status_cache_keep(struct us_status_cache *cache, struct us_slice key, uint64_t generation, struct us_slice text)
{
	struct us_hash hash = us_hash_slice(key);
	struct place *p = &cache->places[hash.lo % PLACES];

	if (text.n > TEXT_BYTES_MOST)
		return;
	pthread_mutex_lock(&cache->lock);
	p->key = hash;
	p->generation = generation;
	us_str_clear(&p->text);
	us_str_add_slice(&p->text, text);
	pthread_mutex_unlock(&cache->lock);
}
