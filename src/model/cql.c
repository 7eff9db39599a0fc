#include "model/cql.h"

struct parser {
	struct us_slice text;
	size_t at;
	struct us_arena *arena;
	enum us_restriction_entity entity;
	struct us_logic_builder logic;
};

static enum us_errc wrong(struct us_err *err, size_t at, const char *why)
{
	return us_err_set(err, US_INVALID, "at byte %zu: %s", at, why);
}

static int peek(const struct parser *p) { return p->at < p->text.n ? (unsigned char) p->text.p[p->at] : -1; }
static bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_special(int c) { return c && strchr("()=<>\"'", c); }

static void skip_space(struct parser *p)
{
	while (is_space(peek(p)))
		p->at++;
}

static struct us_slice take_word(struct parser *p)
{
	size_t start = p->at;

	while (peek(p) >= 0 && !is_space(peek(p)) && !is_special(peek(p)))
		p->at++;
	return (struct us_slice) { p->text.p + start, p->at - start };
}

/* ---- values ---- */

/* A value with its backslashes taken away. A star that was none of those is wild: at the front, at the back, or in the middle. */
struct value {
	struct us_slice text;
	bool wild_front, wild_back;
	size_t wild_middle; /* where, SIZE_MAX: nowhere */
};

/* A bare value ends before white space or a bracket; *ret_end is there, or at the closing quote. */
static enum us_errc find_end(const struct parser *p, size_t start, int quote, size_t *ret_end, struct us_err *err)
{
	size_t at = start;

	for (; at < p->text.n; at++) {
		int c = (unsigned char) p->text.p[at];
		if (quote ? c == quote : is_space(c) || c == '(' || c == ')')
			break;
		if (c == '\\' && ++at == p->text.n)
			return wrong(err, at, "a character must follow the backslash");
	}
	if (quote && at == p->text.n)
		return wrong(err, start - 1, "this quote is not closed");
	if (!quote && at == start)
		return wrong(err, at, "a value must stand here");
	*ret_end = at;
	return US_OK;
}

static enum us_errc take_value(struct parser *p, struct value *ret_value, struct us_err *err)
{
	struct value v = { .wild_middle = SIZE_MAX };
	int quote = peek(p) == '"' || peek(p) == '\'' ? peek(p) : 0;
	size_t start = p->at + (quote != 0), end = start, n = 0;
	enum us_errc rc = find_end(p, start, quote, &end, err);

	if (rc)
		return rc;
	char *text = us_arena_alloc(p->arena, end - start + 1);
	for (size_t at = start; at < end; at++) {
		char c = p->text.p[at];
		if (c == '*' && at == start) {
			v.wild_front = true;
		} else if (c == '*' && at == end - 1) {
			v.wild_back = true;
		} else if (c == '*') {
			v.wild_middle = at;
		} else {
			at += c == '\\';
			text[n++] = p->text.p[at];
		}
	}
	text[n] = '\0';
	v.text = (struct us_slice) { text, n };
	p->at = end + (quote != 0);
	*ret_value = v;
	return US_OK;
}

static enum us_errc find_match(const struct value *v, size_t at, int operator, enum us_property_type type, enum us_match *ret_match,
	struct us_err *err)
{
	bool is_wild = v->wild_front || v->wild_back;

	if (is_wild && (operator != '=' || type != US_PROPERTY_STRING))
		return wrong(err, at, "a * stands for anything only in text and behind =; as itself it is written \\*");
	if (v->wild_middle != SIZE_MAX)
		return wrong(err, v->wild_middle, "a * stands for anything only at the ends of a value; as itself it is written \\*");
	if (operator == '<')
		*ret_match = US_MATCH_LESS;
	else if (operator == '>')
		*ret_match = US_MATCH_GREATER;
	else if (v->wild_front)
		*ret_match = v->wild_back || !v->text.n ? US_MATCH_CONTAINS : US_MATCH_ENDS;
	else
		*ret_match = v->wild_back ? US_MATCH_STARTS : US_MATCH_EXACTLY;
	return US_OK;
}

/* ---- the language ---- */

static enum us_errc take_condition(struct parser *p, struct us_slice key, size_t start, struct us_err *err)
{
	struct us_restriction *r = us_arena_zalloc(p->arena, sizeof *r);
	struct value value;
	enum us_match match = US_MATCH_EXACTLY;
	const char *why;

	us_restriction_set_property(r, p->entity, key);
	if (r->property == US_PROPERTY_ATTRIBUTE)
		return wrong(err, start,
			p->entity == US_RESTRICTION_USER
				? "no such key; users have name, email, firstName, lastName, displayName, active, createdDate, updatedDate"
				: "no such key; groups have name, description, active, createdDate, updatedDate");
	skip_space(p);
	int operator = peek(p);
	if (operator != '=' && operator != '<' && operator != '>')
		return wrong(err, p->at, "=, < or > must stand here");
	p->at++;
	skip_space(p);
	size_t at = p->at;
	enum us_errc rc = take_value(p, &value, err);
	if (!rc)
		rc = find_match(&value, at, operator, r->type, &match, err);
	if (rc)
		return rc;
	if ((why = us_restriction_set_value(r, p->arena, match, value.text)))
		return wrong(err, at, why);
	return (why = us_logic_put_leaf(&p->logic, &r->node)) ? wrong(err, start, why) : US_OK;
}

static enum us_errc take_step(struct parser *p, struct us_err *err)
{
	size_t start = p->at;
	int c = peek(p);
	const char *why;

	if (c == '(' || c == ')') {
		p->at++;
		why = c == '(' ? us_logic_open(&p->logic) : us_logic_close(&p->logic);
		return why ? wrong(err, start, why) : US_OK;
	}
	struct us_slice word = take_word(p);
	if (!word.n || p->logic.wants_operand)
		return word.n ? take_condition(p, word, start, err)
			      : wrong(err, start, p->logic.wants_operand ? "a condition must stand here" : "and, or or the end must stand here");
	if (us_slice_is_nocase(word, "and"))
		why = us_logic_put_operator(&p->logic, US_LOGIC_AND);
	else if (us_slice_is_nocase(word, "or"))
		why = us_logic_put_operator(&p->logic, US_LOGIC_OR);
	else
		why = "and, or or the end must stand here";
	return why ? wrong(err, start, why) : US_OK;
}

enum us_errc us_cql_parse(struct us_arena *arena, enum us_restriction_entity entity, struct us_slice text,
	const struct us_logic **ret_tree, struct us_err *err)
{
	struct parser p = { .text = text, .arena = arena, .entity = entity };

	if (text.n > US_CQL_MAX_BYTES)
		return us_err_set(err, US_INVALID, "the search is longer than %d bytes", US_CQL_MAX_BYTES);
	if (!us_slice_is_utf8(text))
		return us_err_set(err, US_INVALID, "the search is not UTF-8");
	us_logic_begin(&p.logic, arena);
	for (skip_space(&p); p.at < text.n; skip_space(&p)) {
		enum us_errc rc = take_step(&p, err);
		if (rc)
			return rc;
	}
	const char *why = us_logic_end(&p.logic, ret_tree);
	return why ? wrong(err, p.at, why) : US_OK;
}
