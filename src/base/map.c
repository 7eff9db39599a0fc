#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

void us_map_fini(struct us_map *map)
{
	free(map->keys);
	free(map->table);
	*map = (struct us_map) US_MAP_INIT;
}

/* A slot is the number + 1 in as many bits as the table needs, and bits of the key in those above: a probe that meets another key sees so
 * without the cache miss of looking at it. */
static uint32_t tag(const struct us_map *map, struct us_hash key) { return (uint32_t) key.hi & ~map->mask; }

static void place(struct us_map *map, uint32_t number)
{
	uint32_t at = (uint32_t) map->keys[number].lo & map->mask;

	while (map->table[at])
		at = (at + 1) & map->mask;
	map->table[at] = tag(map, map->keys[number]) | (number + 1);
}

/* Load stays at or below 3/4. */
static void rehash(struct us_map *map, uint64_t slots)
{
	us_assert(slots <= (uint64_t) 1 << 32);
	free(map->table);
	map->table = us_calloc(slots, sizeof *map->table);
	map->mask = (uint32_t) (slots - 1);
	for (uint32_t i = 0; i < map->n; i++)
		place(map, i);
}

void us_map_reserve(struct us_map *map, uint32_t n)
{
	if (n > map->cap) {
		map->keys = us_realloc(map->keys, (size_t) n * sizeof *map->keys);
		map->cap = n;
	}
	uint64_t slots = map->table ? (uint64_t) map->mask + 1 : 16;
	while (slots * 3 / 4 < n)
		slots *= 2;
	if (!map->table || slots != (uint64_t) map->mask + 1)
		rehash(map, slots);
}

uint32_t us_map_find(const struct us_map *map, struct us_hash key)
{
	if (!map->table)
		return US_MAP_NONE;
	const uint32_t want = tag(map, key);
	for (uint32_t at = (uint32_t) key.lo & map->mask; map->table[at]; at = (at + 1) & map->mask) {
		uint32_t number = (map->table[at] & map->mask) - 1;
		if ((map->table[at] & ~map->mask) == want && us_hash_is_equal(map->keys[number], key))
			return number;
	}
	return US_MAP_NONE;
}

uint32_t us_map_put(struct us_map *map, struct us_hash key, bool *ret_new)
{
	uint32_t number = us_map_find(map, key);

	if (ret_new)
		*ret_new = number == US_MAP_NONE;
	if (number != US_MAP_NONE)
		return number;
	us_assert(map->n < UINT32_MAX / 2);
	if (map->n == map->cap)
		us_map_reserve(map, map->cap + map->cap / 2 + 16);
	else if ((uint64_t) (map->mask + (uint64_t) 1) * 3 / 4 <= map->n)
		us_map_reserve(map, map->n + 1);
	number = map->n++;
	map->keys[number] = key;
	place(map, number);
	return number;
}
