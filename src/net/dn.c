#include "net/dn.h"

#include "base/fold.h"

/* What the fast path makes of a byte: its lower case; 0 leaves it to the slow path. */
static const unsigned char plain[256] = {
	[' '] = ' ', ['!'] = '!', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['('] = '(', [')'] = ')', ['*'] = '*',
	[','] = ',', ['-'] = '-', ['.'] = '.', ['/'] = '/', [':'] = ':', ['='] = '=', ['?'] = '?', ['@'] = '@', ['['] = '[',
	[']'] = ']', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['{'] = '{', ['|'] = '|', ['}'] = '}', ['~'] = '~',
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8',
	['9'] = '9',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i',
	['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
	['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',
	['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r',
	['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c; }

/* Invariant: out[0..i) is the canonical form of dn[0..i). Anything that would take more than a look at the byte before ends it. False says
 * "not so simple", not "malformed". out has room for n bytes. */
static bool fast(struct us_slice dn, char *out)
{
	size_t i = 0;

	for (;;) {
		/* A type: a letter, then letters, digits and hyphens. */
		if (i == dn.n || !is_letter(dn.p[i]))
			return false;
		while (i < dn.n && (is_letter(dn.p[i]) || is_digit(dn.p[i]) || dn.p[i] == '-')) {
			out[i] = lower(dn.p[i]);
			i++;
		}
		if (i == dn.n || dn.p[i] != '=')
			return false;
		out[i++] = '=';
		/* A value: up to the comma; no space at its ends, none beside another. */
		char before = ' ';
		while (i < dn.n && dn.p[i] != ',') {
			char c = (char) plain[(unsigned char) dn.p[i]];
			if (!c || (c == ' ' && before == ' '))
				return false;
			out[i++] = before = c;
		}
		if (before == ' ' && out[i - 1] == ' ')
			return false;
		if (i == dn.n)
			return true;
		out[i++] = ',';
	}
}

/* ---- the slow path ---- */

struct parser {
	const char *p, *end;
	struct us_arena *arena;
};

struct part {
	struct us_slice text; /* canonical type=value */
};

static void skip_spaces(struct parser *s)
{
	while (s->p < s->end && *s->p == ' ')
		s->p++;
}

static int hex(char c)
{
	return is_digit(c) ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/* A byte written as two hex digits at p, or -1. */
static int hex_pair(const char *p, const char *end)
{
	if (end - p < 2 || hex(p[0]) < 0 || hex(p[1]) < 0)
		return -1;
	return hex(p[0]) * 16 + hex(p[1]);
}

static const struct { const char *oid, *name; } well_known[] = {
	{ "2.5.4.3", "cn" }, { "2.5.4.4", "sn" }, { "2.5.4.5", "serialnumber" }, { "2.5.4.6", "c" }, { "2.5.4.7", "l" },
	{ "2.5.4.8", "st" }, { "2.5.4.9", "street" }, { "2.5.4.10", "o" }, { "2.5.4.11", "ou" }, { "2.5.4.42", "givenname" },
	{ "0.9.2342.19200300.100.1.25", "dc" }, { "0.9.2342.19200300.100.1.1", "uid" }, { "0.9.2342.19200300.100.1.3", "mail" },
	{ "1.2.840.113549.1.9.1", "email" },
};

static bool parse_type(struct parser *s, struct us_str *out)
{
	const char *start = s->p;
	bool is_number;

	if (s->end - s->p > 4 && strncasecmp(s->p, "oid.", 4) == 0 && is_digit(s->p[4]))
		start = s->p += 4;
	if (s->p == s->end || !(is_letter(*s->p) || is_digit(*s->p)))
		return false;
	is_number = is_digit(*s->p);
	while (s->p < s->end && (is_digit(*s->p) || (is_number ? *s->p == '.' : is_letter(*s->p) || *s->p == '-')))
		s->p++;
	size_t at = out->n;
	for (const char *q = start; q < s->p; q++)
		us_str_add_char(out, lower(*q));
	struct us_slice type = { out->p + at, out->n - at };
	for (size_t i = 0; i < sizeof well_known / sizeof *well_known; i++)
		if (us_slice_is(type, well_known[i].oid)) {
			out->n = at;
			us_str_add_text(out, well_known[i].name);
			break;
		}
	return true;
}

/* "#" and the BER of the value in hex. Strings of one short element are taken out of it; other types stay as they are, in lower case, and
 * *ret_is_text is false. */
static bool parse_hex_value(struct parser *s, struct us_str *raw, bool *ret_is_text)
{
	int byte;

	s->p++;
	while ((byte = hex_pair(s->p, s->end)) >= 0) {
		us_str_add_char(raw, (char) byte);
		s->p += 2;
	}
	if (raw->n < 2)
		return false;
	unsigned char tag = (unsigned char) raw->p[0], size = (unsigned char) raw->p[1];
	*ret_is_text = (tag == 0x04 || tag == 0x0C || tag == 0x13 || tag == 0x16) && size < 0x80 && size == raw->n - 2;
	if (*ret_is_text) {
		memmove(raw->p, raw->p + 2, size);
		raw->n = size;
	}
	return true;
}

/* The value's bytes, without escapes; spaces at its end count only if they were escaped. */
static bool parse_text_value(struct parser *s, struct us_str *raw)
{
	bool is_quoted = s->p < s->end && *s->p == '"';

	if (is_quoted)
		s->p++;
	for (; s->p < s->end; s->p++) {
		char c = *s->p;
		if (is_quoted ? c == '"' : c == ',' || c == ';' || c == '+')
			break;
		if (!is_quoted && c == '"')
			return false;
		if (c == '\\') {
			int byte = hex_pair(s->p + 1, s->end);
			if (byte >= 0) {
				us_str_add_char(raw, (char) byte);
				s->p += 2;
				continue;
			}
			/* Any sign may be escaped, as Samba does; a letter or digit would be half a hex pair. */
			if (++s->p == s->end || *s->p < ' ' || *s->p > '~' || is_letter(*s->p) || is_digit(*s->p))
				return false;
			c = *s->p;
		}
		us_str_add_char(raw, c);
	}
	if (is_quoted && s->p++ == s->end)
		return false;
	return true;
}

static void add_hex(struct us_str *out, unsigned char c)
{
	us_str_add_char(out, "0123456789abcdef"[c >> 4]);
	us_str_add_char(out, "0123456789abcdef"[c & 15]);
}

/* Folds and escapes. A space is insignificant at both ends and beside another space. */
static void add_value(struct us_arena *arena, struct us_str *out, struct us_slice raw)
{
	bool is_utf8 = us_slice_is_utf8(raw);
	size_t start = out->n;
	bool is_space = false;

	if (is_utf8)
		raw = us_fold(arena, raw);
	for (size_t i = 0; i < raw.n; i++) {
		unsigned char c = (unsigned char) raw.p[i];
		if (c == ' ') {
			is_space = true;
			continue;
		}
		if (is_space && out->n > start)
			us_str_add_char(out, ' ');
		is_space = false;
		if (c < 0x20 || c == 0x7F || (c >= 0x80 && !is_utf8)) {
			us_str_add_char(out, '\\');
			add_hex(out, c);
			continue;
		}
		if (strchr(",+\\\";<>", c) || (c == '#' && out->n == start))
			us_str_add_char(out, '\\');
		us_str_add_char(out, is_utf8 ? (char) c : lower((char) c));
	}
}

/* One `type=value`, up to the separator. */
static bool parse_part(struct parser *s, struct part *ret_part)
{
	struct us_str out = US_STR_INIT, raw = US_STR_INIT;
	bool is_text = true;

	skip_spaces(s);
	bool ok = parse_type(s, &out);
	skip_spaces(s);
	ok = ok && s->p < s->end && *s->p++ == '=';
	if (ok) {
		us_str_add_char(&out, '=');
		skip_spaces(s);
		ok = s->p < s->end && *s->p == '#' ? parse_hex_value(s, &raw, &is_text) : parse_text_value(s, &raw);
	}
	if (ok) {
		skip_spaces(s);
		if (is_text) {
			add_value(s->arena, &out, us_str_slice(&raw));
		} else {
			us_str_add_char(&out, '#');
			for (size_t i = 0; i < raw.n; i++)
				add_hex(&out, (unsigned char) raw.p[i]);
		}
		ret_part->text = us_slice_dup(s->arena, us_str_slice(&out));
	}
	us_str_fini(&out);
	us_str_fini(&raw);
	return ok;
}

/* One RDN, with the separator that ends it if there is one. */
static bool parse_rdn(struct parser *s, struct us_str *out)
{
	struct part parts[US_DN_MAX_PARTS];
	size_t n = 0;

	do {
		if (n == US_DN_MAX_PARTS || !parse_part(s, &parts[n]))
			return false;
		struct part added = parts[n];
		size_t at = n++;
		for (; at > 0 && us_slice_compare(parts[at - 1].text, added.text) > 0; at--)
			parts[at] = parts[at - 1];
		parts[at] = added;
	} while (s->p < s->end && *s->p == '+' && s->p++);
	for (size_t i = 0; i < n; i++) {
		if (i)
			us_str_add_char(out, '+');
		us_str_add_slice(out, parts[i].text);
	}
	return s->p == s->end || *s->p == ',' || *s->p == ';';
}

static bool slow(struct us_arena *arena, struct us_slice dn, struct us_slice *ret_canonical)
{
	struct parser s = { dn.p, dn.p + dn.n, arena };
	struct us_str out = US_STR_INIT;
	bool ok;

	while ((ok = parse_rdn(&s, &out)) && s.p < s.end) {
		s.p++;
		us_str_add_char(&out, ',');
	}
	if (ok)
		*ret_canonical = us_slice_dup(arena, us_str_slice(&out));
	us_str_fini(&out);
	return ok;
}

bool us_dn_canonicalize(struct us_arena *arena, struct us_slice dn, struct us_slice *ret_canonical)
{
	while (dn.n && dn.p[0] == ' ')
		dn.p++, dn.n--;
	if (dn.n > US_DN_MAX_BYTES)
		return false;
	if (dn.n == 0) {
		*ret_canonical = US_SLICE("");
		return true;
	}
	char *out = us_arena_alloc(arena, dn.n + 1);
	if (!fast(dn, out))
		return slow(arena, dn, ret_canonical);
	out[dn.n] = '\0';
	*ret_canonical = (struct us_slice) { out, dn.n };
	return true;
}

bool us_dn_is_within(struct us_slice dn, struct us_slice base)
{
	if (base.n == 0)
		return true;
	if (dn.n < base.n || memcmp(dn.p + dn.n - base.n, base.p, base.n) != 0)
		return false;
	if (dn.n == base.n)
		return true;
	size_t comma = dn.n - base.n - 1, backslashes = 0;
	if (dn.p[comma] != ',')
		return false;
	while (backslashes < comma && dn.p[comma - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}
