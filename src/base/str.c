#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c; }

bool us_slice_is_nocase(struct us_slice a, const char *ascii)
{
	size_t i = 0;

	for (; i < a.n && ascii[i]; i++)
		if (a.p[i] != ascii[i] && lower(a.p[i]) != lower(ascii[i]))
			return false;
	return i == a.n && !ascii[i];
}

int us_slice_compare(struct us_slice a, struct us_slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct us_slice us_slice_trim(struct us_slice s)
{
	while (s.n && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct us_slice us_slice_dup(struct us_arena *arena, struct us_slice s)
{
	if (!s.p)
		return s;
	return (struct us_slice) { us_arena_strndup(arena, s.p, s.n), s.n };
}

/* Eight plain ASCII bytes: high bits clear and no byte zero. */
static bool is_plain(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return !((word | (word - 0x0101010101010101u)) & 0x8080808080808080u);
}

bool us_slice_is_utf8(struct us_slice s)
{
	if (!s.n)
		return true;
	const unsigned char *p = (const unsigned char *) s.p, *end = p + s.n;

	while (p < end) {
		while (end - p >= 8 && is_plain(p))
			p += 8;
		/* The last few together with some that were looked at before. */
		if (p >= end || (end - p < 8 && s.n >= 8 && is_plain(end - 8)))
			break;
		unsigned c = *p++;
		if (c == 0)
			return false;
		if (c < 0x80)
			continue;
		unsigned more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
		if (c < 0xC2 || c > 0xF4 || (size_t) (end - p) < more)
			return false;
		unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
		unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
		if (p[0] < low || p[0] > high)
			return false;
		for (unsigned i = 1; i < more; i++)
			if ((p[i] & 0xC0) != 0x80)
				return false;
		p += more;
	}
	return true;
}

size_t us_slice_characters(struct us_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char) s.p[i] & 0xC0) != 0x80;
	return n;
}

bool us_slice_to_int(struct us_slice s, int64_t *ret_value)
{
	bool minus = s.n && s.p[0] == '-';
	size_t i = minus;
	int64_t v = 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		int digit = s.p[i] - '0';
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, minus ? -digit : digit, &v))
			return false;
	}
	*ret_value = v;
	return true;
}

void us_str_fini(struct us_str *s)
{
	free(s->p);
	*s = (struct us_str) US_STR_INIT;
}

void us_str_clear(struct us_str *s)
{
	s->n = 0;
	if (s->p)
		s->p[0] = '\0';
}

void us_str_grow(struct us_str *s, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(s->n, more, &need) || __builtin_add_overflow(need, 1, &need))
		us_err_nomem();
	size_t cap = s->cap ? s->cap : 64;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2, &cap))
			us_err_nomem();
	s->p = us_realloc(s->p, cap);
	s->cap = cap;
}

void us_str_add_int(struct us_str *s, int64_t value)
{
	char digits[24];
	char *p = digits + sizeof digits;
	uint64_t v = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

	do
		*--p = (char) ('0' + v % 10);
	while (v /= 10);
	if (value < 0)
		*--p = '-';
	us_str_add(s, p, (size_t) (digits + sizeof digits - p));
}

void us_str_printf(struct us_str *s, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	us_assert(n >= 0);
	us_str_reserve(s, (size_t) n);
	vsnprintf(s->p + s->n, (size_t) n + 1, format, again);
	va_end(again);
	s->n += (size_t) n;
}

struct us_slice us_str_slice(const struct us_str *s) { return (struct us_slice) { s->p ? s->p : "", s->n }; }
const char *us_str_text(const struct us_str *s) { return s->p ? s->p : ""; }

char *us_str_steal(struct us_str *s)
{
	char *p = s->p ? s->p : us_strdup("");

	*s = (struct us_str) US_STR_INIT;
	return p;
}
