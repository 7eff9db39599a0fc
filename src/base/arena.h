/* Arena: memory that dies together (a page, a run, a request). Not thread-safe.
 *
 * Owns: everything handed out by it, until reset or fini. Allocation cannot fail (aborts).
 * reset keeps the first block, so that a loop over pages allocates nothing after its first rounds.
 */
#ifndef US_BASE_ARENA_H
#define US_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct us_arena_block;
struct us_arena {
	struct us_arena_block *head; /* newest block */
	char *at, *end;
	size_t total_bytes;          /* given out since the last reset */
};

#define US_ARENA_INIT { 0 }

void us_arena_init(struct us_arena *arena);
void us_arena_fini(struct us_arena *arena);
void us_arena_reset(struct us_arena *arena);
void us_arena_wipe(struct us_arena *arena); /* as reset, and what was in it cannot be read any more: it held a secret */

void *us_arena_alloc(struct us_arena *arena, size_t bytes);          /* aligned for any type, not zeroed */
void *us_arena_zalloc(struct us_arena *arena, size_t bytes);
void *us_arena_array(struct us_arena *arena, size_t n, size_t bytes); /* zeroed; overflow aborts */
char *us_arena_strdup(struct us_arena *arena, const char *text);
char *us_arena_strndup(struct us_arena *arena, const char *text, size_t n); /* adds a NUL */
char *us_arena_printf(struct us_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc family that aborts when memory is exhausted; free with free(). */
void *us_malloc(size_t bytes);
void *us_calloc(size_t n, size_t bytes);
void *us_realloc(void *p, size_t bytes);
char *us_strdup(const char *text);

#endif
