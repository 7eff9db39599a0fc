#include "model/scim_filter.h"

#include "base/clock.h"
#include "base/fold.h"

static const char *const operators[] = {
#define X(operator, name) name,
	US_SCIM_OPERATOR_TABLE(X)
#undef X
};

struct parser {
	struct us_slice text;
	size_t at;
	struct us_arena *arena;
	const struct us_scim_kind *kind;
	const struct us_scim_attribute *inside; /* in its brackets: names are those of its sub-attributes. NULL: outside */
	bool may_be_unknown;
	struct us_logic_builder logic;
};

static enum us_errc wrong(struct us_err *err, size_t at, const char *why)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_FILTER, "at byte %zu: %s", at, why);
}

static int peek(const struct parser *p) { return p->at < p->text.n ? (unsigned char) p->text.p[p->at] : -1; }
static bool is_space(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void skip_space(struct parser *p)
{
	while (is_space(peek(p)))
		p->at++;
}

static struct us_slice take_word(struct parser *p)
{
	struct us_slice rest = { p->text.p + p->at, p->text.n - p->at };

	rest.n = us_scim_path_span(rest);
	p->at += rest.n;
	return rest;
}

/* ---- values ---- */

struct value {
	enum us_json_type type; /* null, boolean, string; a number is INT, with its text as it was written */
	struct us_slice text;
	bool boolean;
};

static enum us_errc take_string(struct parser *p, struct value *v, struct us_err *err)
{
	size_t start = p->at++;
	bool is_plain = true;

	for (; peek(p) >= 0 && peek(p) != '"'; p->at++) {
		is_plain &= peek(p) != '\\' && peek(p) >= 0x20;
		if (peek(p) == '\\' && p->at + 1 < p->text.n)
			p->at++;
	}
	if (peek(p) < 0)
		return wrong(err, start, "this quote is not closed");
	p->at++;
	v->type = US_JSON_STRING;
	if (is_plain) {
		v->text = (struct us_slice) { p->text.p + start + 1, p->at - start - 2 };
		return US_OK;
	}
	const struct us_json *json;
	struct us_slice quoted = { p->text.p + start, p->at - start };
	if (us_json_parse(p->arena, quoted, US_JSON_LIMITS_SMALL, &json, NULL) || json->type != US_JSON_STRING)
		return wrong(err, start, "this is no string of JSON");
	v->text = json->string;
	return US_OK;
}

static enum us_errc take_value(struct parser *p, struct value *ret_value, struct us_err *err)
{
	struct value v = { .type = US_JSON_NULL };
	size_t start = p->at;

	if (peek(p) == '"') {
		enum us_errc rc = take_string(p, &v, err);
		if (!rc)
			*ret_value = v;
		return rc;
	}
	while (peek(p) >= 0 && !is_space(peek(p)) && peek(p) != ')' && peek(p) != ']' && peek(p) != '(')
		p->at++;
	v.text = (struct us_slice) { p->text.p + start, p->at - start };
	if (us_slice_is_nocase(v.text, "true") || us_slice_is_nocase(v.text, "false")) {
		v.type = US_JSON_BOOL;
		v.boolean = v.text.n == 4;
	} else if (!us_slice_is_nocase(v.text, "null")) {
		const struct us_json *json;
		if (!v.text.n || us_json_parse(p->arena, v.text, US_JSON_LIMITS_SMALL, &json, NULL) ||
			(json->type != US_JSON_INT && json->type != US_JSON_DOUBLE))
			return wrong(err, start, "a text in double quotes, a number, true, false or null must stand here");
		v.type = US_JSON_INT;
	}
	*ret_value = v;
	return US_OK;
}

/* ---- conditions ---- */

/* The attribute whose value is compared; NULL: a complex one without a value of its own. */
static const struct us_scim_attribute *compared(const struct us_scim_path *path)
{
	if (path->sub)
		return path->sub;
	return path->attribute->type == US_SCIM_COMPLEX ? us_scim_value_of(path->attribute) : path->attribute;
}

static const char *set_boolean(struct us_scim_condition *c, const struct value *v)
{
	if (c->operator != US_SCIM_EQ && c->operator != US_SCIM_NE)
		return "true and false can only be compared by eq and ne";
	c->boolean = v->type == US_JSON_BOOL ? v->boolean : us_slice_is_nocase(v->text, "true");
	return v->type == US_JSON_BOOL || c->boolean || us_slice_is_nocase(v->text, "false") ? NULL : "it is compared with true or false";
}

static const char *set_value(struct parser *p, struct us_scim_condition *c, const struct value *v)
{
	const struct us_scim_attribute *a;

	if (v->type == US_JSON_NULL) {
		if (c->operator != US_SCIM_EQ && c->operator != US_SCIM_NE)
			return "null can only be compared by eq and ne";
		c->boolean = c->operator == US_SCIM_NE;
		c->operator = US_SCIM_PR;
		return NULL;
	}
	if (!c->path.attribute)
		return NULL;
	if (!(a = compared(&c->path)))
		return "a sub-attribute must be named to compare it";
	c->text = v->text;
	switch (a->type) {
	case US_SCIM_BOOLEAN:
		return set_boolean(c, v);
	case US_SCIM_DATE:
		if (c->operator == US_SCIM_CO || c->operator == US_SCIM_SW || c->operator == US_SCIM_EW)
			return "a date can only be compared by eq, ne, gt, ge, lt and le";
		return us_clock_parse(v->text, &c->at_s) ? NULL : "it is compared with a date, such as \"2026-03-09T10:30:00Z\"";
	case US_SCIM_BINARY:
		if (c->operator != US_SCIM_EQ && c->operator != US_SCIM_NE)
			return "binary values can only be compared by eq and ne";
		break;
	case US_SCIM_STRING:
	case US_SCIM_REFERENCE:
	case US_SCIM_COMPLEX:
		break;
	}
	if (v->type == US_JSON_BOOL)
		return "it is compared with a text in double quotes";
	if (!a->is_case_exact)
		c->fold = us_fold(p->arena, v->text);
	return NULL;
}

/* What stands in front of a condition: an attribute's name. */
static enum us_errc take_path(struct parser *p, struct us_scim_path *ret_path, struct us_err *err)
{
	size_t start = p->at;
	struct us_slice word = take_word(p);
	bool is_unknown = false;

	if (p->inside) {
		const struct us_scim_attribute *sub = us_scim_find_attribute(p->inside->sub, word);
		if (!sub)
			return wrong(err, start, word.n ? "there is no such sub-attribute" : "a sub-attribute must stand here");
		*ret_path = (struct us_scim_path) { .attribute = p->inside, .sub = sub };
		return US_OK;
	}
	const char *why = us_scim_path_parse_plain(p->kind, word, ret_path, &is_unknown);
	if (why && is_unknown && p->may_be_unknown) {
		*ret_path = (struct us_scim_path) { 0 };
		return US_OK;
	}
	if (!why && !ret_path->attribute)
		why = "a schema alone is no attribute";
	return why ? wrong(err, start, why) : US_OK;
}

static bool take_operator(struct parser *p, enum us_scim_operator *ret_operator)
{
	size_t start = p->at;
	struct us_slice word = take_word(p);

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (us_slice_is_nocase(word, operators[i])) {
			*ret_operator = (enum us_scim_operator) i;
			return true;
		}
	p->at = start;
	return false;
}

static enum us_errc take_brackets(struct parser *p, struct us_scim_path *path, struct us_err *err);

static enum us_errc take_condition(struct parser *p, struct us_err *err)
{
	struct us_scim_condition *c = us_arena_zalloc(p->arena, sizeof *c);
	size_t start = p->at;
	enum us_errc rc = take_path(p, &c->path, err);
	const char *why;

	if (!rc && peek(p) == '[' && !p->inside)
		rc = take_brackets(p, &c->path, err);
	if (rc)
		return rc;
	skip_space(p);
	size_t at = p->at;
	if (take_operator(p, &c->operator)) {
		struct value value = { .type = US_JSON_NULL };
		skip_space(p);
		size_t value_at = p->at;
		c->boolean = true;
		if (c->operator != US_SCIM_PR) {
			if ((rc = take_value(p, &value, err)))
				return rc;
			if ((why = set_value(p, c, &value)))
				return wrong(err, value_at, why);
		}
	} else if (c->path.filter && !c->path.sub) {
		c->operator = US_SCIM_PR;
		c->boolean = true;
		p->at = at;
	} else {
		return wrong(err, at, "eq, ne, co, sw, ew, gt, ge, lt, le or pr must stand here");
	}
	return (why = us_logic_put_leaf(&p->logic, &c->node)) ? wrong(err, start, why) : US_OK;
}

/* ---- the language ---- */

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
	if (p->logic.wants_operand && !us_slice_is_nocase(word, "not")) {
		p->at = start;
		return word.n ? take_condition(p, err) : wrong(err, start, "a condition must stand here");
	}
	if (us_slice_is_nocase(word, "and"))
		why = us_logic_put_operator(&p->logic, US_LOGIC_AND);
	else if (us_slice_is_nocase(word, "or"))
		why = us_logic_put_operator(&p->logic, US_LOGIC_OR);
	else if (us_slice_is_nocase(word, "not"))
		why = us_logic_put_operator(&p->logic, US_LOGIC_NOT);
	else
		why = "and, or or the end must stand here";
	return why ? wrong(err, start, why) : US_OK;
}

/* Up to the end of the text, or to the closing bracket if in brackets, which stays. */
static enum us_errc take_all(struct parser *p, const struct us_logic **ret_tree, struct us_err *err)
{
	us_logic_begin(&p->logic, p->arena);
	for (skip_space(p); peek(p) >= 0 && !(p->inside && peek(p) == ']'); skip_space(p)) {
		enum us_errc rc = take_step(p, err);
		if (rc)
			return rc;
	}
	const char *why = us_logic_end(&p->logic, ret_tree);
	return why ? wrong(err, p->at, why) : US_OK;
}

/* Brackets hold no others, so this is as deep as it goes. */
static enum us_errc take_brackets(struct parser *p, struct us_scim_path *path, struct us_err *err)
{
	size_t start = p->at;

	us_assert(!p->inside);
	if (!path->attribute)
		return wrong(err, start, "the attribute in front of the bracket is unknown");
	if (path->sub || path->attribute->type != US_SCIM_COMPLEX || !path->attribute->is_multi)
		return wrong(err, start, "only a list of complex values can be filtered in brackets");
	struct parser *inner = us_arena_zalloc(p->arena, sizeof *inner);
	*inner = (struct parser) { .text = p->text, .at = p->at + 1, .arena = p->arena, .kind = p->kind, .inside = path->attribute };
	enum us_errc rc = take_all(inner, &path->filter, err);
	p->at = inner->at;
	if (rc)
		return rc;
	if (peek(p) != ']')
		return wrong(err, start, "this bracket is not closed");
	p->at++;
	if (peek(p) != '.')
		return US_OK;
	p->at++;
	size_t at = p->at;
	path->sub = us_scim_find_attribute(path->attribute->sub, take_word(p));
	return path->sub ? US_OK : wrong(err, at, "there is no such sub-attribute");
}

enum us_errc us_scim_filter_parse(struct us_arena *arena, const struct us_scim_kind *kind, struct us_slice text, bool may_be_unknown,
	const struct us_logic **ret_tree, struct us_err *err)
{
	struct parser p = { .text = text, .arena = arena, .kind = kind, .may_be_unknown = may_be_unknown };

	if (text.n > US_SCIM_FILTER_MAX_BYTES)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_FILTER, "the filter is longer than %d bytes", US_SCIM_FILTER_MAX_BYTES);
	if (!us_slice_is_utf8(text))
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_FILTER, "the filter is not UTF-8");
	return take_all(&p, ret_tree, err);
}

enum us_errc us_scim_filter_parse_values(struct us_arena *arena, const struct us_scim_kind *kind, struct us_scim_path *path,
	struct us_slice *text, struct us_err *err)
{
	struct parser p = { .text = *text, .arena = arena, .kind = kind };
	enum us_errc rc = us_slice_is_utf8(*text) ? take_brackets(&p, path, err) : wrong(err, 0, "it is not UTF-8");

	if (rc)
		return rc;
	text->p += p.at;
	text->n -= p.at;
	return US_OK;
}

/* ---- judging ---- */

static bool is_text(const struct us_scim_condition *c, struct us_slice have, struct us_arena *scratch)
{
	struct us_slice want = c->fold.p ? c->fold : c->text;

	if (c->fold.p)
		have = us_fold(scratch, have);
	switch (c->operator) {
	case US_SCIM_EQ: return us_slice_is_equal(have, want);
	case US_SCIM_NE: return !us_slice_is_equal(have, want);
	case US_SCIM_CO: return memmem(have.p, have.n, want.p, want.n) != NULL;
	case US_SCIM_SW: return have.n >= want.n && memcmp(have.p, want.p, want.n) == 0;
	case US_SCIM_EW: return have.n >= want.n && memcmp(have.p + have.n - want.n, want.p, want.n) == 0;
	case US_SCIM_GT: return us_slice_compare(have, want) > 0;
	case US_SCIM_GE: return us_slice_compare(have, want) >= 0;
	case US_SCIM_LT: return us_slice_compare(have, want) < 0;
	case US_SCIM_LE: return us_slice_compare(have, want) <= 0;
	case US_SCIM_PR: break;
	}
	return false;
}

static bool is_date(const struct us_scim_condition *c, struct us_slice have)
{
	int64_t at_s;

	if (!us_clock_parse(have, &at_s))
		return c->operator == US_SCIM_NE;
	switch (c->operator) {
	case US_SCIM_EQ: return at_s == c->at_s;
	case US_SCIM_NE: return at_s != c->at_s;
	case US_SCIM_GT: return at_s > c->at_s;
	case US_SCIM_GE: return at_s >= c->at_s;
	case US_SCIM_LT: return at_s < c->at_s;
	case US_SCIM_LE: return at_s <= c->at_s;
	case US_SCIM_CO:
	case US_SCIM_SW:
	case US_SCIM_EW:
	case US_SCIM_PR:
		break;
	}
	return false;
}

static bool is_there(const struct us_json *v)
{
	if (!v)
		return false;
	switch (v->type) {
	case US_JSON_NULL: return false;
	case US_JSON_STRING: return v->string.n > 0;
	case US_JSON_ARRAY: return v->array.n > 0;
	case US_JSON_OBJECT: return v->object.n > 0;
	case US_JSON_BOOL:
	case US_JSON_INT:
	case US_JSON_DOUBLE:
		break;
	}
	return true;
}

/* One value, which is not complex. */
static bool is_value(const struct us_scim_condition *c, const struct us_scim_attribute *a, const struct us_json *v, struct us_arena *scratch)
{
	if (a->type == US_SCIM_BOOLEAN)
		return v->type == US_JSON_BOOL && (v->boolean == c->boolean) == (c->operator == US_SCIM_EQ);
	if (v->type != US_JSON_STRING)
		return false;
	return a->type == US_SCIM_DATE ? is_date(c, v->string) : is_text(c, v->string, scratch);
}

/* One element of a list, or the one value that there is. *n: how many values there were to look at. */
static bool is_element(const struct us_scim_condition *c, const struct us_json *element, struct us_arena *scratch, size_t *n)
{
	const struct us_scim_attribute *a = compared(&c->path);
	const struct us_json *v = element;

	if (c->path.filter && !us_scim_filter_is_met_by_value(c->path.filter, element, scratch))
		return false;
	if (element->type == US_JSON_OBJECT && (c->path.sub || (c->operator != US_SCIM_PR && a)))
		v = us_json_find(element, (c->path.sub ? c->path.sub : a)->name);
	if (!is_there(v))
		return false;
	++*n;
	return c->operator == US_SCIM_PR || is_value(c, a, v, scratch);
}

bool us_scim_condition_is_met(const struct us_scim_condition *c, const struct us_json *have, struct us_arena *scratch)
{
	bool is = false;
	size_t n = 0;

	if (have && have->type == US_JSON_ARRAY)
		for (size_t i = 0; i < have->array.n && !is; i++)
			is = is_element(c, &have->array.items[i], scratch, &n);
	else if (have)
		is = is_element(c, have, scratch, &n);
	if (c->operator == US_SCIM_PR)
		return is == c->boolean;
	return is || (c->operator == US_SCIM_NE && !n);
}

struct subject {
	const struct us_json *resource;
	const struct us_scim_judge *judge;
};

static bool is_leaf(const struct us_logic *leaf, void *data)
{
	const struct us_scim_condition *c = us_scim_condition_of(leaf);
	const struct subject *s = data;
	const struct us_json *in = s->resource;
	bool is;

	if (s->judge->ask && s->judge->ask(s->judge->data, c, &is))
		return is;
	if (!c->path.attribute)
		return us_scim_condition_is_met(c, NULL, s->judge->scratch);
	if (c->path.schema->is_extension)
		in = us_json_find(in, c->path.schema->id);
	return us_scim_condition_is_met(c, us_json_find(in, c->path.attribute->name), s->judge->scratch);
}

bool us_scim_filter_is_met(const struct us_logic *tree, const struct us_json *resource, const struct us_scim_judge *judge)
{
	struct subject s = { resource, judge };

	return us_logic_is_true(tree, is_leaf, &s);
}

struct element {
	const struct us_json *value;
	struct us_arena *scratch;
};

static bool is_leaf_of_value(const struct us_logic *leaf, void *data)
{
	const struct us_scim_condition *c = us_scim_condition_of(leaf);
	const struct element *e = data;

	return us_scim_condition_is_met(c, e->value, e->scratch);
}

bool us_scim_filter_is_met_by_value(const struct us_logic *tree, const struct us_json *value, struct us_arena *scratch)
{
	struct element e = { value, scratch };

	return us_logic_is_true(tree, is_leaf_of_value, &e);
}

bool us_scim_filter_uses(const struct us_logic *tree, const struct us_scim_attribute *attribute)
{
	for (const struct us_logic *leaf = us_logic_next(tree, NULL); leaf; leaf = us_logic_next(tree, leaf))
		if (us_scim_condition_of(leaf)->path.attribute == attribute)
			return true;
	return false;
}
