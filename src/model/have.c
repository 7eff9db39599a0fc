#include "model/have.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

static void side_fini(struct us_have_side *side)
{
	us_map_fini(&side->ids);
	us_map_fini(&side->names);
	free(side->numbers);
	free(side->hashes);
	free(side->members_hashes);
	free(side->flags);
}

void us_have_fini(struct us_have *have)
{
	side_fini(&have->users);
	side_fini(&have->groups);
	us_map_fini(&have->gone);
	*have = (struct us_have) { 0 };
}

struct us_hash us_have_local_id(uint32_t number)
{
	/* The NUL keeps it apart from every id in text form. */
	unsigned char bytes[10] = { 'l', 'o', 'c', 'a', 'l', '\0', (unsigned char) (number >> 24), (unsigned char) (number >> 16),
		(unsigned char) (number >> 8), (unsigned char) number };

	return us_hash(bytes, sizeof bytes);
}

static void reserve(struct us_have_side *side, uint32_t cap, bool has_members)
{
	side->numbers = us_realloc(side->numbers, cap * sizeof *side->numbers);
	side->hashes = us_realloc(side->hashes, cap * sizeof *side->hashes);
	if (has_members)
		side->members_hashes = us_realloc(side->members_hashes, cap * sizeof *side->members_hashes);
	side->flags = us_realloc(side->flags, cap * sizeof *side->flags);
	side->cap = cap;
}

void us_have_reserve(struct us_have_side *side, uint32_t n, bool has_members)
{
	if (n > side->cap)
		reserve(side, n, has_members);
	us_map_reserve(&side->ids, n);
	us_map_reserve(&side->names, n);
}

void us_have_expect(const struct us_have_side *side, struct us_hash id, struct us_hash name)
{
	us_map_prefetch(&side->ids, id);
	us_map_prefetch(&side->names, name);
}

uint32_t us_have_add(struct us_have_side *side, struct us_hash id, struct us_hash name, uint32_t number, struct us_hash hash,
	struct us_hash members_hash, uint8_t flags, bool has_members)
{
	bool is_new_id, is_new_name;
	uint32_t at = us_map_put(&side->ids, id, &is_new_id);

	us_map_put(&side->names, name, &is_new_name);
	/* Unique in the store; if not, places and keys would run apart for good. */
	us_assert(is_new_id && is_new_name && at == side->n);
	if (side->n == side->cap)
		reserve(side, side->cap ? side->cap + side->cap / 2 : 16, has_members);
	side->numbers[at] = number;
	side->hashes[at] = hash;
	if (has_members)
		side->members_hashes[at] = members_hash;
	side->flags[at] = flags;
	side->n++;
	return at;
}

uint32_t us_have_place(const struct us_have_side *side, uint32_t number)
{
	uint32_t low = 0, high = side->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (side->numbers[mid] < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < side->n && side->numbers[low] == number ? low : US_MAP_NONE;
}
