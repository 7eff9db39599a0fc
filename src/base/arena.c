#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FIRST_BYTES = 4096, LARGEST_BYTES = 1 << 20 };

struct us_arena_block {
	struct us_arena_block *next; /* older */
	size_t bytes;
	_Alignas(max_align_t) char data[];
};

void us_arena_init(struct us_arena *arena) { *arena = (struct us_arena) US_ARENA_INIT; }

static void free_blocks(struct us_arena_block *b)
{
	while (b) {
		struct us_arena_block *next = b->next;
		free(b);
		b = next;
	}
}

void us_arena_fini(struct us_arena *arena)
{
	free_blocks(arena->head);
	us_arena_init(arena);
}

void us_arena_reset(struct us_arena *arena)
{
	struct us_arena_block *keep = arena->head;

	if (!keep)
		return;
	free_blocks(keep->next);
	keep->next = NULL;
	/* One outsized record must not pin its block for the rest of the listing. */
	if (keep->bytes > LARGEST_BYTES) {
		us_arena_fini(arena);
		return;
	}
	arena->at = keep->data;
	arena->end = keep->data + keep->bytes;
	arena->total_bytes = 0;
}

void us_arena_wipe(struct us_arena *arena)
{
	for (struct us_arena_block *b = arena->head; b; b = b->next)
		explicit_bzero(b->data, b->bytes);
	us_arena_reset(arena);
}

static void grow(struct us_arena *arena, size_t need)
{
	size_t bytes = arena->head ? arena->head->bytes * 2 : FIRST_BYTES;

	if (bytes > LARGEST_BYTES)
		bytes = LARGEST_BYTES;
	if (bytes < need)
		bytes = need;
	struct us_arena_block *b = us_malloc(sizeof *b + bytes);
	b->bytes = bytes;
	b->next = arena->head;
	arena->head = b;
	arena->at = b->data;
	arena->end = b->data + bytes;
}

void *us_arena_alloc(struct us_arena *arena, size_t bytes)
{
	const size_t align = _Alignof(max_align_t);

	if (bytes > SIZE_MAX / 2)
		us_err_nomem();
	bytes = (bytes + align - 1) & ~(align - 1);
	if ((size_t) (arena->end - arena->at) < bytes || !arena->at)
		grow(arena, bytes);
	void *p = arena->at;
	arena->at += bytes;
	arena->total_bytes += bytes;
	return p;
}

void *us_arena_zalloc(struct us_arena *arena, size_t bytes)
{
	return memset(us_arena_alloc(arena, bytes), 0, bytes);
}

void *us_arena_array(struct us_arena *arena, size_t n, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(n, bytes, &total))
		us_err_nomem();
	return us_arena_zalloc(arena, total);
}

char *us_arena_strndup(struct us_arena *arena, const char *text, size_t n)
{
	char *p = us_arena_alloc(arena, n + 1);

	if (n)
		memcpy(p, text, n);
	p[n] = '\0';
	return p;
}

char *us_arena_strdup(struct us_arena *arena, const char *text)
{
	return us_arena_strndup(arena, text, strlen(text));
}

char *us_arena_printf(struct us_arena *arena, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	us_assert(n >= 0);
	char *p = us_arena_alloc(arena, (size_t) n + 1);
	vsnprintf(p, (size_t) n + 1, format, again);
	va_end(again);
	return p;
}

void *us_malloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);

	if (!p)
		us_err_nomem();
	return p;
}

void *us_calloc(size_t n, size_t bytes)
{
	void *p = calloc(n ? n : 1, bytes ? bytes : 1);

	if (!p)
		us_err_nomem();
	return p;
}

void *us_realloc(void *p, size_t bytes)
{
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		us_err_nomem();
	return p;
}

char *us_strdup(const char *text)
{
	size_t n = strlen(text) + 1;

	return memcpy(us_malloc(n), text, n);
}
