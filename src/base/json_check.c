#include "base/json_check.h"

struct cursor {
	const char *start, *p, *end;
	const char *wrong; /* set once, at p */
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static int peek(const struct cursor *c) { return c->p < c->end ? (unsigned char) *c->p : -1; }

static bool fail(struct cursor *c, const char *wrong)
{
	c->wrong = c->p >= c->end ? "the text ends too early" : wrong;
	return false;
}

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++)
		v = v * 16 + (unsigned) (is_digit(p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return v;
}

static bool check_unicode_escape(struct cursor *c)
{
	const char *at = c->p;
	unsigned high = 0;

	for (int round = 0; round < 2; round++) {
		/* c->p is behind "\u" */
		for (int i = 0; i < 4; i++)
			if (c->p + i >= c->end || !is_hex(c->p[i]))
				return c->p += i, fail(c, "\\u without four hexadecimal digits");
		unsigned v = hex4(c->p);
		if (round == 1) {
			if (v >= 0xDC00 && v <= 0xDFFF)
				return c->p += 4, true;
			return c->p = at, fail(c, "half a surrogate pair");
		}
		high = v;
		c->p += 4;
		if (high < 0xD800 || high > 0xDFFF)
			return true;
		if (high >= 0xDC00 || c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
			return c->p = at, fail(c, "half a surrogate pair");
		c->p += 2;
	}
	return true;
}

static bool check_string(struct cursor *c)
{
	const char *first = ++c->p;

	for (;;) {
		int ch = peek(c);
		if (ch < 0)
			return fail(c, "");
		if (ch == '"')
			break;
		if (ch < 0x20)
			return fail(c, "control character in a string");
		c->p++;
		if (ch != '\\')
			continue;
		ch = peek(c);
		if (ch < 0 || !strchr("\"\\/bfnrtu", ch) || ch == 0)
			return fail(c, "unknown escape in a string");
		c->p++;
		if (ch == 'u' && !check_unicode_escape(c))
			return false;
	}
	/* A NUL never gets here: it is a control character. */
	for (const char *p = first; p < c->p;) {
		size_t n = 1;
		while (n < 4 && p + n < c->p && ((unsigned char) p[n] & 0xC0) == 0x80)
			n++;
		if (!us_slice_is_utf8((struct us_slice) { p, n }))
			return c->p = p, fail(c, "not UTF-8");
		p += n;
	}
	c->p++;
	return true;
}

static bool check_number(struct cursor *c)
{
	if (peek(c) == '-')
		c->p++;
	if (!is_digit((char) peek(c)))
		return fail(c, "not a number");
	if (peek(c) == '0') {
		c->p++;
		if (is_digit((char) peek(c)))
			return fail(c, "number with a leading zero");
	}
	while (is_digit((char) peek(c)))
		c->p++;
	if (peek(c) == '.') {
		c->p++;
		if (!is_digit((char) peek(c)))
			return fail(c, "no digit after the decimal point");
		while (is_digit((char) peek(c)))
			c->p++;
	}
	if (peek(c) == 'e' || peek(c) == 'E') {
		c->p++;
		if (peek(c) == '+' || peek(c) == '-')
			c->p++;
		if (!is_digit((char) peek(c)))
			return fail(c, "no digit in the exponent");
		while (is_digit((char) peek(c)))
			c->p++;
	}
	return true;
}

static bool check_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t) (c->end - c->p) < n || memcmp(c->p, word, n))
		return fail(c, "a value was expected");
	c->p += n;
	return true;
}

static bool check_scalar(struct cursor *c)
{
	switch (peek(c)) {
	case '"': return check_string(c);
	case 't': return check_word(c, "true");
	case 'f': return check_word(c, "false");
	case 'n': return check_word(c, "null");
	case '-': return check_number(c);
	default: return is_digit((char) peek(c)) ? check_number(c) : fail(c, "a value was expected");
	}
}

static bool check_key(struct cursor *c)
{
	skip_space(c);
	if (peek(c) != '"')
		return fail(c, "a member name in quotes was expected");
	if (!check_string(c))
		return false;
	skip_space(c);
	if (peek(c) != ':')
		return fail(c, "':' was expected");
	c->p++;
	return true;
}

/* Invariant: open[0..depth) are the brackets that are open at c->p, innermost last. */
static bool check_document(struct cursor *c)
{
	char open[US_JSON_CHECK_DEPTH];
	size_t depth = 0;

	for (;;) {
		skip_space(c);
		int ch = peek(c);
		if (ch == '{' || ch == '[') {
			if (depth == sizeof open)
				return fail(c, "nested too deeply");
			open[depth++] = (char) ch;
			c->p++;
			skip_space(c);
			if (peek(c) == (ch == '{' ? '}' : ']')) {
				c->p++;
				depth--;
			} else if (ch == '{') {
				if (!check_key(c))
					return false;
				continue;
			} else {
				continue;
			}
		} else if (!check_scalar(c)) {
			return false;
		}
		/* A value has ended: close what ends with it, up to a comma. */
		for (;;) {
			skip_space(c);
			if (depth == 0)
				return c->p == c->end || fail(c, "text behind the end of the document");
			ch = peek(c);
			if (ch == ',')
				break;
			if (ch != (open[depth - 1] == '{' ? '}' : ']'))
				return fail(c, open[depth - 1] == '{' ? "',' or '}' was expected" : "',' or ']' was expected");
			c->p++;
			depth--;
		}
		c->p++;
		if (open[depth - 1] == '{' && !check_key(c))
			return false;
	}
}

const char *us_json_check(struct us_slice text, size_t *ret_at)
{
	struct cursor c = { .start = text.p, .p = text.p, .end = text.p + text.n };

	skip_space(&c);
	if (c.p == c.end) {
		*ret_at = 0;
		return "the text is empty";
	}
	if (check_document(&c))
		return NULL;
	*ret_at = (size_t) (c.p - c.start);
	return c.wrong;
}

static bool is_beyond_64_bits(bool minus, const char *digits, size_t n)
{
	const char *most = minus ? "9223372036854775808" : "18446744073709551615";
	size_t most_n = minus ? 19 : 20;

	return n > most_n || (n == most_n && memcmp(digits, most, n) > 0);
}

void us_json_check_widen(struct us_slice text, struct us_str *out)
{
	const char *p = text.p, *end = text.p + text.n, *from = p;

	us_str_reserve(out, text.n + text.n / 16);
	while (p < end) {
		if (*p == '"') {
			for (p++; p < end && *p != '"'; p++)
				if (*p == '\\')
					p++;
			p += p < end;
		} else if (is_digit(*p)) {
			const char *first = p;
			while (p < end && is_digit(*p))
				p++;
			bool whole = p == end || (*p != '.' && *p != 'e' && *p != 'E');
			bool fraction = first > text.p && (first[-1] == '.' || first[-1] == 'e' || first[-1] == 'E' ||
				first[-1] == '+' || (first[-1] == '-' && first - 1 > text.p && (first[-2] == 'e' || first[-2] == 'E')));
			if (whole && !fraction && is_beyond_64_bits(first > text.p && first[-1] == '-', first, (size_t) (p - first))) {
				us_str_add(out, from, (size_t) (p - from));
				us_str_add_text(out, "e0");
				from = p;
			}
		} else {
			p++;
		}
	}
	us_str_add(out, from, (size_t) ((p < end ? p : end) - from));
}
