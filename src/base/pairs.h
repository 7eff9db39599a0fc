/* Pairs: a bag of pairs of numbers, packed: each is kept as its distance from the one before, 7 bits to a byte. 2 to 5 bytes a pair where
 * neighbours share one number and the numbers are below some millions, 10 at most.
 *
 * Not safe for threads. Out of memory ends the program.
 */
#ifndef US_BASE_PAIRS_H
#define US_BASE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct us_pairs_chunk;

struct us_pairs {
	struct us_pairs_chunk *chunks;
	size_t n;
};

#define US_PAIRS_INIT { 0 }

void us_pairs_fini(struct us_pairs *pairs);
void us_pairs_add(struct us_pairs *pairs, uint32_t a, uint32_t b);
/* All of from go over; it is empty then. */
void us_pairs_take(struct us_pairs *pairs, struct us_pairs *from);
/* Only those stay of which keep says so. keep must not touch the pairs. */
void us_pairs_filter(struct us_pairs *pairs, bool (*keep)(void *context, uint32_t a, uint32_t b), void *context);

/* All pairs, in any order; the same order in each walk while none is added. Nothing may be added or filtered meanwhile. */
struct us_pairs_walk {
	const struct us_pairs_chunk *chunk;
	size_t at;
	uint32_t a, b;
};
void us_pairs_walk_begin(const struct us_pairs *pairs, struct us_pairs_walk *ret_walk);
bool us_pairs_walk_next(struct us_pairs_walk *walk, uint32_t *ret_a, uint32_t *ret_b);
/* The end of the last walk there will be: gives back the memory of what has been walked over before it goes on. */
bool us_pairs_take_next(struct us_pairs *pairs, struct us_pairs_walk *walk, uint32_t *ret_a, uint32_t *ret_b);

#endif
