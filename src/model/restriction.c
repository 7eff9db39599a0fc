#include "model/restriction.h"

#include <strings.h>

#include "base/clock.h"
#include "base/fold.h"

static const struct {
	const char *name;
	enum us_property_type type;
	bool is_of[2]; /* by entity */
} properties[] = {
#define X(property, type, users, groups, name) { name, US_PROPERTY_##type, { users, groups } },
	US_PROPERTY_TABLE(X)
#undef X
};

static const char *const matches[] = {
#define X(match, name) name,
	US_MATCH_TABLE(X)
#undef X
};

static const char *const types[] = { "STRING", "BOOLEAN", "DATE" };

/* ---- leaves ---- */

void us_restriction_set_property(struct us_restriction *r, enum us_restriction_entity entity, struct us_slice name)
{
	r->property = US_PROPERTY_ATTRIBUTE;
	r->type = US_PROPERTY_STRING;
	r->attribute = name;
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
		if (properties[i].is_of[entity] && us_slice_is_nocase(name, properties[i].name)) {
			r->property = (enum us_property) i;
			r->type = properties[i].type;
			r->attribute = US_SLICE_NONE;
		}
}

/* A date that is not whole is its beginning, in UTC: 2026, 2026-03, 2026-03-09, 2026-03-09T10:30:00. */
static bool parse_date(struct us_slice text, int64_t *ret_s)
{
	static const char rest[] = "0001-01-01T00:00:00Z";
	static const size_t wholes[] = { 4, 7, 10, 19 };
	char whole[sizeof rest];

	for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
		if (text.n == wholes[i]) {
			memcpy(whole, text.p, text.n);
			memcpy(whole + text.n, rest + text.n, sizeof rest - text.n);
			text = us_slice(whole);
			break;
		}
	return us_clock_parse(text, ret_s);
}

const char *us_restriction_set_value(struct us_restriction *r, struct us_arena *arena, enum us_match match, struct us_slice value)
{
	r->match = match;
	r->text = value;
	if (match == US_MATCH_NULL)
		return NULL;
	if (!value.p)
		return "there is no value to compare with";
	switch (r->type) {
	case US_PROPERTY_STRING:
		r->fold = us_fold(arena, value);
		break;
	case US_PROPERTY_BOOLEAN:
		if (match != US_MATCH_EXACTLY)
			return "true and false can only be equal";
		r->boolean = us_slice_is_nocase(value, "true");
		if (!r->boolean && !us_slice_is_nocase(value, "false"))
			return "the value must be true or false";
		break;
	case US_PROPERTY_DATE:
		if (match != US_MATCH_EXACTLY && match != US_MATCH_GREATER && match != US_MATCH_LESS)
			return "a date can only be equal, greater or less";
		if (!parse_date(value, &r->at_s))
			return "the value must be a date, such as 2026-03-09 or 2026-03-09T10:30:00Z";
		break;
	}
	return NULL;
}

const struct us_logic *us_restriction_all(struct us_arena *arena)
{
	struct us_restriction *r = us_arena_zalloc(arena, sizeof *r);

	r->property = US_PROPERTY_ALL;
	return &r->node;
}

/* ---- bodies ---- */

/* One restriction as it was written, in either form. */
struct item {
	enum { EVERYTHING, PROPERTY, BOOLEAN } kind;
	struct us_slice name, type, match, value; /* of a property; NONE: not there */
	struct us_slice logic;                    /* of a boolean, and what is below it: */
	const struct us_xml *xml;
	const struct us_json *json;
	size_t json_n;
};

/* A boolean that is being filled, and what of it is still to come. */
struct frame {
	struct us_logic *node;
	const struct us_xml *xml;
	const struct us_json *json;
	size_t json_left, index;
};

struct reader {
	struct us_arena *arena;
	enum us_restriction_entity entity;
	struct frame frame[US_LOGIC_MAX_DEPTH];
	unsigned depth, n_leaves;
};

static enum us_errc wrong(const struct reader *r, struct us_err *err, const char *why)
{
	struct us_str place = US_STR_INIT;

	for (unsigned i = 0; i < r->depth && i < 8; i++)
		us_str_printf(&place, "%srestrictions[%zu]", i ? "." : "", r->frame[i].index);
	if (r->depth > 8)
		us_str_add_text(&place, "…");
	us_err_set(err, US_INVALID, "%s%s%s", us_str_text(&place), r->depth ? ": " : "", why);
	us_str_fini(&place);
	return US_INVALID;
}

static const char *kind_of(struct us_slice name, struct item *item)
{
	if (us_slice_is(name, "property-search-restriction"))
		item->kind = PROPERTY;
	else if (us_slice_is(name, "boolean-search-restriction"))
		item->kind = BOOLEAN;
	else if (us_slice_is(name, "null-search-restriction"))
		item->kind = EVERYTHING;
	else
		return "is none of property-search-restriction, boolean-search-restriction and null-search-restriction";
	return NULL;
}

static const char *read_xml(const struct us_xml *x, struct item *item)
{
	*item = (struct item) { 0 };
	const char *why = kind_of(x->name, item);
	if (why)
		return why;
	const struct us_xml *property = us_xml_find(x, "property"), *below = us_xml_find(x, "restrictions");
	item->name = us_xml_text(property, "name");
	item->type = us_xml_text(property, "type");
	item->match = us_xml_text(x, "match-mode");
	item->value = us_xml_text(x, "value");
	item->logic = us_xml_attribute(x, "boolean-logic");
	item->xml = below ? below->first : NULL;
	return NULL;
}

static const struct us_json *find_either(const struct us_json *object, const char *key, const char *other)
{
	const struct us_json *v = us_json_find(object, key);

	return v ? v : us_json_find(object, other);
}

static struct us_slice text_of(struct us_arena *arena, const struct us_json *v)
{
	struct us_str s = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&s);

	if (!v)
		return US_SLICE_NONE;
	switch (v->type) {
	case US_JSON_STRING:
		return v->string;
	case US_JSON_BOOL:
	case US_JSON_INT:
	case US_JSON_DOUBLE:
		us_jsonw_value(&w, v);
		struct us_slice text = us_slice_dup(arena, us_str_slice(&s));
		us_str_fini(&s);
		return text;
	case US_JSON_NULL:
	case US_JSON_ARRAY:
	case US_JSON_OBJECT:
		break;
	}
	return US_SLICE_NONE;
}

static const char *read_json(struct us_arena *arena, const struct us_json *v, struct item *item)
{
	*item = (struct item) { 0 };
	if (v->type != US_JSON_OBJECT)
		return "is no object";
	struct us_slice kind = text_of(arena, find_either(v, "restriction-type", "restrictionType"));
	if (!kind.p && v->object.n == 1 && v->object.members[0].value.type == US_JSON_OBJECT &&
		!kind_of(v->object.members[0].key, item)) {
		kind = v->object.members[0].key;
		v = &v->object.members[0].value;
	}
	const struct us_json *property = us_json_find(v, "property"), *below = us_json_find(v, "restrictions");
	if (kind.p) {
		const char *why = kind_of(kind, item);
		if (why)
			return why;
	} else if (property || below) {
		item->kind = property ? PROPERTY : BOOLEAN;
	} else {
		return "has no restriction-type";
	}
	item->name = text_of(arena, us_json_find(property, "name"));
	item->type = text_of(arena, us_json_find(property, "type"));
	item->match = text_of(arena, find_either(v, "match-mode", "matchMode"));
	item->value = text_of(arena, us_json_find(v, "value"));
	item->logic = text_of(arena, find_either(v, "boolean-logic", "booleanLogic"));
	if (below && below->type == US_JSON_ARRAY) {
		item->json = below->array.items;
		item->json_n = below->array.n;
	}
	return NULL;
}

static bool find_word(const char *const *words, size_t n, struct us_slice word, size_t *ret_index)
{
	for (size_t i = 0; i < n; i++)
		if (us_slice_is_nocase(word, words[i])) {
			*ret_index = i;
			return true;
		}
	return false;
}

static const char *make_leaf(struct reader *r, const struct item *item, struct us_logic **ret_node)
{
	struct us_restriction *leaf = us_arena_zalloc(r->arena, sizeof *leaf);
	size_t match = US_MATCH_EXACTLY, type;

	*ret_node = &leaf->node;
	if (++r->n_leaves > US_LOGIC_MAX_LEAVES)
		return "too many restrictions";
	if (item->kind == EVERYTHING) {
		leaf->property = US_PROPERTY_ALL;
		return NULL;
	}
	if (!item->name.n)
		return "the property has no name";
	if (item->type.p && !find_word(types, sizeof types / sizeof *types, item->type, &type))
		return "the property's type must be STRING, BOOLEAN or DATE";
	if (item->match.p && !find_word(matches, US_MATCH_COUNT, item->match, &match))
		return "match-mode must be EXACTLY_MATCHES, CONTAINS, STARTS_WITH, ENDS_WITH, GREATER_THAN, LESS_THAN or NULL";
	us_restriction_set_property(leaf, r->entity, us_slice_dup(r->arena, item->name));
	return us_restriction_set_value(leaf, r->arena, (enum us_match) match, us_slice_dup(r->arena, item->value));
}

static const char *make_boolean(struct reader *r, const struct item *item, struct us_logic **ret_node)
{
	struct us_logic *node = us_arena_zalloc(r->arena, sizeof *node);

	*ret_node = node;
	if (us_slice_is_nocase(item->logic, "and"))
		node->kind = US_LOGIC_AND;
	else if (us_slice_is_nocase(item->logic, "or"))
		node->kind = US_LOGIC_OR;
	else
		return "boolean-logic must be and or or";
	if (!item->xml && !item->json_n)
		return "there are no restrictions in it";
	if (r->depth == US_LOGIC_MAX_DEPTH)
		return "nested too deeply";
	return NULL;
}

/* Reads the next restriction below the innermost boolean; false if there is none left. */
static bool take_next(struct reader *r, struct item *item, const char **ret_why)
{
	struct frame *f = &r->frame[r->depth - 1];

	if (f->xml) {
		*ret_why = read_xml(f->xml, item);
		f->xml = f->xml->next;
	} else if (f->json_left) {
		*ret_why = read_json(r->arena, f->json++, item);
		f->json_left--;
	} else {
		return false;
	}
	f->index++;
	return true;
}

/* Invariant: frame[0..depth) are the booleans that are being filled, innermost last. */
static enum us_errc build(struct reader *r, struct item *item, const char *why, const struct us_logic **ret_tree, struct us_err *err)
{
	struct us_logic *root = NULL, *node = NULL;

	for (;;) {
		if (!why)
			why = item->kind == BOOLEAN ? make_boolean(r, item, &node) : make_leaf(r, item, &node);
		if (why)
			return wrong(r, err, why);
		if (root)
			us_logic_add(r->frame[r->depth - 1].node, node);
		else
			root = node;
		if (item->kind == BOOLEAN)
			r->frame[r->depth++] = (struct frame) { node, item->xml, item->json, item->json_n, SIZE_MAX };
		while (r->depth && !take_next(r, item, &why))
			r->depth--;
		if (!r->depth)
			break;
	}
	*ret_tree = root;
	return US_OK;
}

enum us_errc us_restriction_from_xml(struct us_arena *arena, enum us_restriction_entity entity, const struct us_xml *root,
	const struct us_logic **ret_tree, struct us_err *err)
{
	struct reader r = { .arena = arena, .entity = entity };
	struct item item;
	const char *why = read_xml(root, &item);

	return build(&r, &item, why, ret_tree, err);
}

enum us_errc us_restriction_from_json(struct us_arena *arena, enum us_restriction_entity entity, const struct us_json *root,
	const struct us_logic **ret_tree, struct us_err *err)
{
	struct reader r = { .arena = arena, .entity = entity };
	struct item item;
	const char *why = read_json(arena, root, &item);

	return build(&r, &item, why, ret_tree, err);
}

/* ---- judging ---- */

/* Each text of the object is folded once, when the first leaf needs it. */
struct judge {
	const struct us_restriction_subject *subject;
	struct us_arena *scratch;
	struct us_slice fold[US_PROPERTY_ATTRIBUTE];
};

static struct us_slice text_property(const struct us_restriction_subject *s, enum us_property property)
{
	switch (property) {
	case US_PROPERTY_NAME: return s->name;
	case US_PROPERTY_EMAIL: return s->email;
	case US_PROPERTY_FIRST_NAME: return s->first_name;
	case US_PROPERTY_LAST_NAME: return s->last_name;
	case US_PROPERTY_DISPLAY_NAME: return s->display_name;
	case US_PROPERTY_DESCRIPTION: return s->description;
	case US_PROPERTY_ACTIVE:
	case US_PROPERTY_CREATED:
	case US_PROPERTY_UPDATED:
	case US_PROPERTY_ATTRIBUTE:
	case US_PROPERTY_ALL:
		break;
	}
	return US_SLICE_NONE;
}

static bool is_text(const struct us_restriction *r, struct us_slice have)
{
	struct us_slice want = r->fold;

	switch (r->match) {
	case US_MATCH_EXACTLY:
		return us_slice_is_equal(have, want);
	case US_MATCH_CONTAINS:
		return memmem(have.p, have.n, want.p, want.n) != NULL;
	case US_MATCH_STARTS:
		return have.n >= want.n && memcmp(have.p, want.p, want.n) == 0;
	case US_MATCH_ENDS:
		return have.n >= want.n && memcmp(have.p + have.n - want.n, want.p, want.n) == 0;
	case US_MATCH_GREATER:
		return us_slice_compare(have, want) > 0;
	case US_MATCH_LESS:
		return us_slice_compare(have, want) < 0;
	case US_MATCH_NULL:
	case US_MATCH_COUNT:
		break;
	}
	return false;
}

static bool is_text_property(struct judge *j, const struct us_restriction *r)
{
	struct us_slice have = text_property(j->subject, r->property);

	if (r->match == US_MATCH_NULL || !have.p)
		return r->match == US_MATCH_NULL && !have.p;
	if (!j->fold[r->property].p)
		j->fold[r->property] = us_fold(j->scratch, have);
	return is_text(r, j->fold[r->property]);
}

/* Of several values, one must fit. */
static bool is_attribute(struct judge *j, const struct us_restriction *r)
{
	const struct us_field *f = NULL;

	for (size_t i = 0; i < j->subject->n_attributes; i++) {
		const struct us_field *at = &j->subject->attributes[i];
		if (at->name.n == r->attribute.n && strncasecmp(at->name.p, r->attribute.p, at->name.n) == 0)
			f = at;
	}
	if (r->match == US_MATCH_NULL)
		return !f || !f->n;
	for (size_t i = 0; f && i < f->n; i++)
		if (is_text(r, us_fold(j->scratch, f->values[i])))
			return true;
	return false;
}

static bool is_date(const struct us_restriction *r, int64_t have_s)
{
	switch (r->match) {
	case US_MATCH_EXACTLY: return have_s == r->at_s;
	case US_MATCH_GREATER: return have_s > r->at_s;
	case US_MATCH_LESS: return have_s < r->at_s;
	case US_MATCH_CONTAINS:
	case US_MATCH_STARTS:
	case US_MATCH_ENDS:
	case US_MATCH_NULL:
	case US_MATCH_COUNT:
		break;
	}
	return false;
}

static bool is_leaf(const struct us_logic *leaf, void *data)
{
	const struct us_restriction *r = us_restriction_of(leaf);
	struct judge *j = data;

	switch (r->property) {
	case US_PROPERTY_ALL:
		return true;
	case US_PROPERTY_ATTRIBUTE:
		return is_attribute(j, r);
	case US_PROPERTY_ACTIVE:
		return r->match == US_MATCH_EXACTLY && r->boolean == j->subject->active;
	case US_PROPERTY_CREATED:
		return is_date(r, j->subject->created_s);
	case US_PROPERTY_UPDATED:
		return is_date(r, j->subject->updated_s);
	case US_PROPERTY_NAME:
	case US_PROPERTY_EMAIL:
	case US_PROPERTY_FIRST_NAME:
	case US_PROPERTY_LAST_NAME:
	case US_PROPERTY_DISPLAY_NAME:
	case US_PROPERTY_DESCRIPTION:
		return is_text_property(j, r);
	}
	return false;
}

bool us_restriction_is_met(const struct us_logic *tree, const struct us_restriction_subject *subject, struct us_arena *scratch)
{
	struct judge j = { .subject = subject, .scratch = scratch };

	return us_logic_is_true(tree, is_leaf, &j);
}
