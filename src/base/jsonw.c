#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

static void comma(struct us_jsonw *w)
{
	if (w->want_comma)
		us_str_add_char(w->out, ',');
	w->want_comma = true;
}

void us_jsonw_open(struct us_jsonw *w, char bracket)
{
	comma(w);
	us_str_add_char(w->out, bracket);
	w->want_comma = false;
}

void us_jsonw_close(struct us_jsonw *w, char bracket)
{
	us_str_add_char(w->out, bracket);
	w->want_comma = true;
}

/* Any byte of the word that cannot stand as it is: below 0x20, quote, backslash, or above ASCII. */
static bool has_special(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');

	return (((word - ones * 0x20) | (quote - ones) | (slash - ones) | word) & highs) != 0;
}

/* Bytes of the well-formed character at p, 0 if it is none. */
static size_t utf8_length(const char *p, const char *end)
{
	unsigned char c = (unsigned char) *p;
	size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;

	return (size_t) (end - p) >= n && us_slice_is_utf8((struct us_slice) { p, n }) ? n : 0;
}

static void add_escape(struct us_str *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[7] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	char letter = c == '"' ? '"' : c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' :
		c == '\b' ? 'b' : c == '\f' ? 'f' : 0;

	if (letter)
		text[1] = letter;
	us_str_add(out, text, letter ? 2 : 6);
}

static const bool can_stand[256] = { [' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... 0x7F] = true };

/* Whether all of it can stand as it is. The last word overlaps the one before it. */
static bool is_plain(struct us_slice s)
{
	uint64_t word;
	uint32_t low, high;

	if (s.n >= 8) {
		for (size_t i = 0; i + 8 < s.n; i += 8)
			if (memcpy(&word, s.p + i, 8), has_special(word))
				return false;
		memcpy(&word, s.p + s.n - 8, 8);
		return !has_special(word);
	}
	if (s.n >= 4) {
		memcpy(&low, s.p, 4);
		memcpy(&high, s.p + s.n - 4, 4);
		return !has_special((uint64_t) high << 32 | low);
	}
	for (size_t i = 0; i < s.n; i++)
		if (!can_stand[(unsigned char) s.p[i]])
			return false;
	return true;
}

static void add_escaped(struct us_str *out, struct us_slice s)
{
	const char *p = s.p, *end = s.p + s.n, *from = p;

	/* Invariant: [from, p) can stand as it is and is not yet in out. */
	while (p < end) {
		uint64_t word;
		while (end - p >= 8 && (memcpy(&word, p, 8), !has_special(word)))
			p += 8;
		while (p < end && can_stand[(unsigned char) *p])
			p++;
		if (p >= end)
			break;
		unsigned char c = (unsigned char) *p;
		size_t n = c < 0x80 ? 0 : utf8_length(p, end);
		if (n) {
			p += n;
			continue;
		}
		us_str_add(out, from, (size_t) (p - from));
		if (c < 0x80)
			add_escape(out, c);
		else
			us_str_add_text(out, "\xEF\xBF\xBD");
		from = ++p;
	}
	us_str_add(out, from, (size_t) (p - from));
}

/* Most texts are plain: copied with their quotes, and room left for what may follow. */
static void add_quoted(struct us_str *out, struct us_slice s)
{
	us_str_reserve(out, s.n + 4);
	out->p[out->n++] = '"';
	if (is_plain(s)) {
		memcpy(out->p + out->n, s.n ? s.p : "", s.n);
		out->n += s.n;
	} else {
		add_escaped(out, s);
	}
	us_str_add_char(out, '"');
}

void us_jsonw_key_slice(struct us_jsonw *w, struct us_slice key)
{
	comma(w);
	add_quoted(w->out, key);
	us_str_add_char(w->out, ':');
	w->want_comma = false;
}

void us_jsonw_key(struct us_jsonw *w, const char *key) { us_jsonw_key_slice(w, us_slice(key)); }

void us_jsonw_string(struct us_jsonw *w, struct us_slice value)
{
	if (!value.p) {
		us_jsonw_null(w);
		return;
	}
	comma(w);
	add_quoted(w->out, value);
}

void us_jsonw_text(struct us_jsonw *w, const char *value) { us_jsonw_string(w, us_slice(value)); }

void us_jsonw_int(struct us_jsonw *w, int64_t value)
{
	comma(w);
	us_str_add_int(w->out, value);
}

void us_jsonw_bool(struct us_jsonw *w, bool value)
{
	comma(w);
	us_str_add_text(w->out, value ? "true" : "false");
}

void us_jsonw_null(struct us_jsonw *w)
{
	comma(w);
	us_str_add_text(w->out, "null");
}

void us_jsonw_double(struct us_jsonw *w, double value)
{
	char text[40];

	if (!isfinite(value)) {
		us_jsonw_null(w);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		/* Exact comparison is meant: the text must read back as this very number. */
		if (digits == 17 || !(strtod(text, NULL) < value || strtod(text, NULL) > value))
			break;
	}
	for (char *p = text; *p; p++)
		if (*p == ',')
			*p = '.'; /* the locale's decimal point */
	comma(w);
	us_str_add_text(w->out, strcmp(text, "-0") ? text : "-0.0"); /* "-0" would read back as the whole number 0 */
}

void us_jsonw_raw(struct us_jsonw *w, struct us_slice json)
{
	comma(w);
	us_str_add_slice(w->out, json);
}

static void write_scalar(struct us_jsonw *w, const struct us_json *v)
{
	switch (v->type) {
	case US_JSON_NULL: us_jsonw_null(w); return;
	case US_JSON_BOOL: us_jsonw_bool(w, v->boolean); return;
	case US_JSON_INT: us_jsonw_int(w, v->integer); return;
	case US_JSON_DOUBLE: us_jsonw_double(w, v->number); return;
	case US_JSON_STRING: us_jsonw_string(w, v->string); return;
	case US_JSON_ARRAY:
	case US_JSON_OBJECT: us_assert(!"scalar"); return;
	}
}

void us_jsonw_value(struct us_jsonw *w, const struct us_json *value)
{
	struct open {
		const struct us_json *value;
		size_t at;
	} few[32], *stack = few, *more = NULL;
	size_t depth = 0, room = sizeof few / sizeof *few;

	/* Invariant: stack[0..depth) are the containers whose closing bracket is not yet written. */
	for (const struct us_json *v = value; v;) {
		if (v->type == US_JSON_ARRAY || v->type == US_JSON_OBJECT) {
			us_jsonw_open(w, v->type == US_JSON_ARRAY ? '[' : '{');
			if (depth == room) {
				more = us_realloc(more, 2 * room * sizeof *more);
				if (stack == few)
					memcpy(more, few, sizeof few);
				stack = more;
				room *= 2;
			}
			stack[depth++] = (struct open) { .value = v };
		} else {
			write_scalar(w, v);
		}
		v = NULL;
		while (depth && !v) {
			struct open *o = &stack[depth - 1];
			if (o->value->type == US_JSON_ARRAY) {
				if (o->at < o->value->array.n)
					v = &o->value->array.items[o->at++];
				else
					us_jsonw_close(w, ']');
			} else {
				if (o->at < o->value->object.n) {
					us_jsonw_key_slice(w, o->value->object.members[o->at].key);
					v = &o->value->object.members[o->at++].value;
				} else {
					us_jsonw_close(w, '}');
				}
			}
			depth -= !v;
		}
	}
	free(more);
}

void us_jsonw_put_string(struct us_jsonw *w, const char *key, struct us_slice value)
{
	us_jsonw_key(w, key);
	us_jsonw_string(w, value);
}

void us_jsonw_put_text(struct us_jsonw *w, const char *key, const char *value)
{
	us_jsonw_key(w, key);
	us_jsonw_text(w, value);
}

void us_jsonw_put_int(struct us_jsonw *w, const char *key, int64_t value)
{
	us_jsonw_key(w, key);
	us_jsonw_int(w, value);
}

void us_jsonw_put_bool(struct us_jsonw *w, const char *key, bool value)
{
	us_jsonw_key(w, key);
	us_jsonw_bool(w, value);
}
