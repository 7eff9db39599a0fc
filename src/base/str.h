/* Strings: a slice that borrows bytes, and a buffer that owns and grows.
 *
 * A slice is UTF-8 unless its field says "bytes"; it need not end in NUL; {NULL, 0} is "not there",
 * {non-NULL, 0} is "there and empty".
 */
#ifndef US_BASE_STR_H
#define US_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct us_arena;

struct us_slice {
	const char *p;
	size_t n;
};

#define US_SLICE(literal) ((struct us_slice) { "" literal, sizeof(literal) - 1 })
#define US_SLICE_NONE ((struct us_slice) { NULL, 0 })
#define US_SLICE_FMT "%.*s"
#define US_SLICE_ARG(s) (int) (s).n, (s).p ? (s).p : ""

static inline struct us_slice us_slice(const char *text)
{
	return (struct us_slice) { text, text ? strlen(text) : 0 };
}

static inline bool us_slice_is_equal(struct us_slice a, struct us_slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool us_slice_is(struct us_slice a, const char *text) { return us_slice_is_equal(a, us_slice(text)); }
bool us_slice_is_nocase(struct us_slice a, const char *ascii); /* ASCII letters without case */
int us_slice_compare(struct us_slice a, struct us_slice b);    /* bytes, shorter first */
struct us_slice us_slice_trim(struct us_slice s);              /* ASCII white space at both ends */
struct us_slice us_slice_dup(struct us_arena *arena, struct us_slice s); /* NUL-terminated copy; NONE stays NONE */
bool us_slice_is_utf8(struct us_slice s);                      /* well-formed, no surrogates, no NUL */
size_t us_slice_characters(struct us_slice s);                 /* code points of well-formed UTF-8 */
/* Whole decimal number and nothing else; false on overflow. */
bool us_slice_to_int(struct us_slice s, int64_t *ret_value);

/* Owns: p. Grows by doubling; allocation cannot fail. p is NULL until the first byte, then always NUL-terminated. */
struct us_str {
	char *p;
	size_t n, cap;
};

#define US_STR_INIT { 0 }

void us_str_fini(struct us_str *s);
void us_str_clear(struct us_str *s); /* keeps the memory */
void us_str_grow(struct us_str *s, size_t more); /* us_str_reserve where there is no room */

/* Answers are written piece by piece: where there is room, adding is a copy and no call. */
static inline void us_str_reserve(struct us_str *s, size_t more)
{
	if (s->n + 1 > s->cap || more > s->cap - s->n - 1)
		us_str_grow(s, more);
}

static inline void us_str_add(struct us_str *s, const char *p, size_t n)
{
	us_str_reserve(s, n);
	if (n)
		memcpy(s->p + s->n, p, n);
	s->n += n;
	s->p[s->n] = '\0';
}

static inline void us_str_add_slice(struct us_str *s, struct us_slice part) { us_str_add(s, part.p, part.n); }
static inline void us_str_add_text(struct us_str *s, const char *text) { us_str_add(s, text, strlen(text)); }
static inline void us_str_add_char(struct us_str *s, char c) { us_str_add(s, &c, 1); }
void us_str_add_int(struct us_str *s, int64_t value);
void us_str_printf(struct us_str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct us_slice us_str_slice(const struct us_str *s);
const char *us_str_text(const struct us_str *s); /* "" when empty; valid until the next change */
char *us_str_steal(struct us_str *s);            /* caller frees; s is empty again */

#endif
