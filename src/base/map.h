/* Map from a 128-bit hash to a dense number 0, 1, 2 … in order of insertion.
 *
 * 16 bytes a key and 4 to 8 for the table. Values live in arrays of the caller, by that number. There is no removal.
 * At 2^32 keys it aborts; callers bound their input long before.
 * Owns: keys, table.
 */
#ifndef US_BASE_MAP_H
#define US_BASE_MAP_H

#include <stdint.h>

#include "base/hash.h"

#define US_MAP_NONE UINT32_MAX

struct us_map {
	struct us_hash *keys; /* by number */
	uint32_t *table;      /* number + 1 below bits of the key, 0 is free; size is a power of two */
	uint32_t n, cap, mask;
};

#define US_MAP_INIT { 0 }

void us_map_fini(struct us_map *map);
void us_map_reserve(struct us_map *map, uint32_t n);
uint32_t us_map_find(const struct us_map *map, struct us_hash key); /* US_MAP_NONE if not there */
/* Starts fetching what find and put will look at first; worth it when there is other work to do meanwhile. */
static inline void us_map_prefetch(const struct us_map *map, struct us_hash key)
{
	if (map->table)
		__builtin_prefetch(&map->table[(uint32_t) key.lo & map->mask]);
}
/* A second step, when the first has had time: the key that is most likely to be compared. */
static inline void us_map_prefetch_key(const struct us_map *map, struct us_hash key)
{
	uint32_t number = map->table ? map->table[(uint32_t) key.lo & map->mask] & map->mask : 0;
	if (number)
		__builtin_prefetch(&map->keys[number - 1]);
}
/* The number of key; *ret_new says whether it was put in just now. ret_new may be NULL. */
uint32_t us_map_put(struct us_map *map, struct us_hash key, bool *ret_new);

#endif
