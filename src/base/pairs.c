#include "base/pairs.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

enum { CHUNK_BYTES = 256 << 10, MOST_BYTES = 10 };

/* Distances begin anew, from 0 and 0, in each chunk. */
struct us_pairs_chunk {
	struct us_pairs_chunk *next;
	size_t n;
	uint32_t a, b; /* the last one */
	unsigned char bytes[CHUNK_BYTES];
};

/* Small distances in either direction are small numbers: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
static size_t put(unsigned char *p, uint32_t before, uint32_t number)
{
	int64_t distance = (int64_t)number - before;
	uint64_t rest = ((uint64_t)distance << 1) ^ (uint64_t)(distance >> 63);
	size_t n = 0;

	for (; rest > 127; rest >>= 7)
		p[n++] = (unsigned char)(rest | 128);
	p[n++] = (unsigned char)rest;
	return n;
}

static size_t get(const unsigned char *p, uint32_t *number)
{
	uint64_t read = 0;
	size_t n = 0;

	do
		read |= (uint64_t)(p[n] & 127) << (7 * n);
	while (p[n++] & 128);
	*number += (uint32_t)(read >> 1) ^ (uint32_t)-(read & 1);
	return n;
}

static void append(struct us_pairs_chunk *c, uint32_t a, uint32_t b)
{
	c->n += put(c->bytes + c->n, c->a, a);
	c->n += put(c->bytes + c->n, c->b, b);
	c->a = a;
	c->b = b;
}

void us_pairs_fini(struct us_pairs *pairs)
{
	while (pairs->chunks) {
		struct us_pairs_chunk *next = pairs->chunks->next;
		free(pairs->chunks);
		pairs->chunks = next;
	}
	*pairs = (struct us_pairs) US_PAIRS_INIT;
}

void us_pairs_add(struct us_pairs *pairs, uint32_t a, uint32_t b)
{
	struct us_pairs_chunk *c = pairs->chunks;

	if (!c || c->n > CHUNK_BYTES - MOST_BYTES) {
		c = us_malloc(sizeof *c);
		c->next = pairs->chunks;
		c->n = 0;
		c->a = c->b = 0;
		pairs->chunks = c;
	}
	append(c, a, b);
	pairs->n++;
}

void us_pairs_take(struct us_pairs *pairs, struct us_pairs *from)
{
	struct us_pairs_chunk **end = &pairs->chunks;

	while (*end)
		end = &(*end)->next;
	*end = from->chunks;
	pairs->n += from->n;
	*from = (struct us_pairs) US_PAIRS_INIT;
}

void us_pairs_walk_begin(const struct us_pairs *pairs, struct us_pairs_walk *ret_walk)
{
	*ret_walk = (struct us_pairs_walk) { .chunk = pairs->chunks };
}

/* The next pair of the walk's chunk. */
static bool step(struct us_pairs_walk *w, uint32_t *ret_a, uint32_t *ret_b)
{
	if (w->at == w->chunk->n)
		return false;
	w->at += get(w->chunk->bytes + w->at, &w->a);
	w->at += get(w->chunk->bytes + w->at, &w->b);
	*ret_a = w->a;
	*ret_b = w->b;
	return true;
}

bool us_pairs_walk_next(struct us_pairs_walk *w, uint32_t *ret_a, uint32_t *ret_b)
{
	while (w->chunk) {
		if (step(w, ret_a, ret_b))
			return true;
		*w = (struct us_pairs_walk) { .chunk = w->chunk->next };
	}
	return false;
}

bool us_pairs_take_next(struct us_pairs *pairs, struct us_pairs_walk *w, uint32_t *ret_a, uint32_t *ret_b)
{
	while (pairs->chunks) {
		struct us_pairs_chunk *c = pairs->chunks;
		us_assert(w->chunk == c);
		if (step(w, ret_a, ret_b))
			return true;
		pairs->chunks = c->next;
		free(c);
		us_pairs_walk_begin(pairs, w);
	}
	pairs->n = 0;
	return false;
}

/* In place: the distance over one that is left out takes no more bytes than the two distances took. */
void us_pairs_filter(struct us_pairs *pairs, bool (*keep)(void *context, uint32_t a, uint32_t b), void *context)
{
	for (struct us_pairs_chunk *c = pairs->chunks; c; c = c->next) {
		struct us_pairs_walk w = { .chunk = c };
		size_t at = 0;
		uint32_t a, b, last_a = 0, last_b = 0;
		while (step(&w, &a, &b)) {
			if (!keep(context, a, b)) {
				pairs->n--;
				continue;
			}
			at += put(c->bytes + at, last_a, a);
			at += put(c->bytes + at, last_b, b);
			us_assert(at <= w.at);
			last_a = a;
			last_b = b;
		}
		c->n = at;
		c->a = last_a;
		c->b = last_b;
	}
}
