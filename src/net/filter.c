#include "net/filter.h"

static void add_escaped(struct us_str *out, unsigned char c)
{
	us_str_add_char(out, '\\');
	us_str_add_char(out, "0123456789abcdef"[c >> 4]);
	us_str_add_char(out, "0123456789abcdef"[c & 15]);
}

void us_filter_add_value(struct us_str *out, struct us_slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char) value.p[i];
		if (c < 0x20 || c == 0x7F || c == '*' || c == '(' || c == ')' || c == '\\')
			add_escaped(out, c);
		else
			us_str_add_char(out, (char) c);
	}
}

void us_filter_add_bytes(struct us_str *out, struct us_slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		add_escaped(out, (unsigned char) bytes.p[i]);
}

/* ---- checking ---- */

struct checker {
	struct us_slice text;
	size_t at;
};

static char peek(const struct checker *c) { return c->at < c->text.n ? c->text.p[c->at] : '\0'; }

static void skip_spaces(struct checker *c)
{
	while (c->at < c->text.n && strchr(" \t\r\n", c->text.p[c->at]) && c->text.p[c->at])
		c->at++;
}

static enum us_errc wrong(const struct checker *c, struct us_err *err, const char *what)
{
	return us_err_set(err, US_CONFIG, "not a search filter: at byte %zu: %s", c->at + 1, what);
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == ';' || c == '_'; }

/* attr, attr:dn, attr:rule, attr:dn:rule or :dn:rule, and the operator with its "=". */
static enum us_errc check_head(struct checker *c, struct us_err *err, bool *ret_is_equality)
{
	size_t start = c->at;
	bool is_extended = false;

	if (peek(c) != ':' && !is_letter(peek(c)) && !is_digit(peek(c)))
		return wrong(c, err, "an attribute name, &, | or ! must stand here");
	while (is_name(peek(c)))
		c->at++;
	bool has_name = c->at > start;
	while (peek(c) == ':') {
		is_extended = true;
		c->at++;
		if (peek(c) == '=')
			break;
		if (!is_name(peek(c)))
			return wrong(c, err, "a matching rule or = must stand here");
		has_name = true;
		while (is_name(peek(c)))
			c->at++;
		if (peek(c) != ':')
			return wrong(c, err, ":= must follow a matching rule");
	}
	if (!has_name)
		return wrong(c, err, "an extensible match needs an attribute or a rule");
	*ret_is_equality = !is_extended && peek(c) == '=';
	if (!is_extended && (peek(c) == '~' || peek(c) == '>' || peek(c) == '<'))
		c->at++;
	if (peek(c) != '=')
		return wrong(c, err, "=, ~=, >=, <= or := must stand here");
	c->at++;
	return US_OK;
}

static enum us_errc check_value(struct checker *c, struct us_err *err, bool may_have_stars)
{
	char before = '\0';

	while (c->at < c->text.n && peek(c) != ')') {
		char byte = peek(c);
		if (byte == '\0')
			return wrong(c, err, "a NUL must be written \\00");
		if (byte == '(')
			return wrong(c, err, "an opening bracket in a value must be written \\28");
		if (byte == '*' && !may_have_stars)
			return wrong(c, err, "* stands for anything only after =; as itself it is written \\2a");
		if (byte == '*' && before == '*')
			return wrong(c, err, "two * in a row");
		if (byte == '\\') {
			if (c->at + 2 >= c->text.n || !is_hex(c->text.p[c->at + 1]) || !is_hex(c->text.p[c->at + 2]))
				return wrong(c, err, "a backslash must be followed by two hex digits");
			c->at += 2;
		}
		before = byte;
		c->at++;
	}
	return US_OK;
}

/* Invariant: depth lists are open, kinds[] says which of them is a "!", and has_one[] whether it holds a filter already. */
enum us_errc us_filter_check(struct us_slice filter, struct us_err *err)
{
	struct checker c = { filter, 0 };
	char kinds[US_FILTER_MAX_DEPTH];
	bool has_one[US_FILTER_MAX_DEPTH];
	size_t depth = 0;
	bool is_done = false;

	if (filter.n > US_FILTER_MAX_BYTES)
		return us_err_set(err, US_CONFIG, "the search filter is longer than %d bytes", US_FILTER_MAX_BYTES);
	if (!us_slice_is_utf8(filter))
		return us_err_set(err, US_CONFIG, "not a search filter: it is not UTF-8");
	for (;;) {
		skip_spaces(&c);
		if (is_done)
			return c.at == filter.n ? US_OK : wrong(&c, err, "something follows the end of the filter");
		if (peek(&c) == ')' && depth) {
			if (!has_one[depth - 1])
				return wrong(&c, err, "an empty list");
			c.at++;
			is_done = --depth == 0;
			continue;
		}
		if (peek(&c) != '(')
			return wrong(&c, err, c.at == filter.n ? "a closing bracket is missing" : "an opening bracket must stand here");
		if (depth && kinds[depth - 1] == '!' && has_one[depth - 1])
			return wrong(&c, err, "! takes one filter");
		if (depth)
			has_one[depth - 1] = true;
		c.at++;
		char kind = peek(&c);
		if (kind == '&' || kind == '|' || kind == '!') {
			if (depth == US_FILTER_MAX_DEPTH)
				return wrong(&c, err, "nested too deep");
			kinds[depth] = kind;
			has_one[depth++] = false;
			c.at++;
			continue;
		}
		bool is_equality = false;
		enum us_errc rc = check_head(&c, err, &is_equality);
		if (!rc)
			rc = check_value(&c, err, is_equality);
		if (rc)
			return rc;
		if (peek(&c) != ')')
			return wrong(&c, err, "a closing bracket is missing");
		c.at++;
		is_done = depth == 0;
	}
}
