#include "model/path.h"

#include <strings.h>

enum test { ANY, INDEX, EQ, NE, CO, SW, EW };

struct us_path_part {
	struct us_slice name;
	enum test test;
	size_t index;
	struct us_slice attribute, value;
};

static const struct { const char *name; enum test test; } tests[] = {
	{ "eq", EQ }, { "ne", NE }, { "co", CO }, { "sw", SW }, { "ew", EW },
};

/* ---- reading ---- */

static struct us_slice take_word(struct us_slice *rest)
{
	*rest = us_slice_trim(*rest);
	struct us_slice word = { rest->p, 0 };
	while (word.n < rest->n && rest->p[word.n] != ' ')
		word.n++;
	rest->p += word.n;
	rest->n -= word.n;
	return word;
}

/* attribute OP "value"; inside is what stands between the brackets. */
static enum us_errc parse_filter(struct us_arena *arena, struct us_slice inside, struct us_path_part *part, struct us_err *err)
{
	struct us_slice attribute = take_word(&inside), word = take_word(&inside);
	struct us_slice value = us_slice_trim(inside);
	size_t i = 0;

	while (i < sizeof tests / sizeof *tests && !us_slice_is_nocase(word, tests[i].name))
		i++;
	if (!attribute.n || i == sizeof tests / sizeof *tests)
		return us_err_set(err, US_CONFIG, "has brackets that are no filter: want [attribute eq \"value\"], with eq, ne, co, sw or ew");
	if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"' || memchr(value.p + 1, '"', value.n - 2))
		return us_err_set(err, US_CONFIG, "has a filter whose value is not in double quotes");
	part->test = tests[i].test;
	part->attribute = us_slice_dup(arena, attribute);
	part->value = us_slice_dup(arena, (struct us_slice) { value.p + 1, value.n - 2 });
	return US_OK;
}

/* The closing bracket that belongs to the opening one at text.p, quotes passed over; NULL if there is none. */
static const char *find_closing(struct us_slice text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		quoted ^= text.p[i] == '"';
		if (text.p[i] == ']' && !quoted)
			return text.p + i;
	}
	return NULL;
}

static bool is_number(struct us_slice s)
{
	size_t digits = 0;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	return s.n > 0 && s.n < 7 && digits == s.n;
}

/* Whether the text is more than a name: it has brackets with a number or a quote in them. */
static bool has_brackets(struct us_slice text)
{
	const char *open = memchr(text.p, '[', text.n);

	if (!open || open == text.p)
		return false;
	struct us_slice rest = { open + 1, (size_t) (text.p + text.n - open - 1) };
	const char *close = memchr(rest.p, ']', rest.n);
	return memchr(rest.p, '"', rest.n) || (close && is_number((struct us_slice) { rest.p, (size_t) (close - rest.p) }));
}

static enum us_errc parse_part(struct us_arena *arena, struct us_slice *rest, struct us_path_part *part, struct us_err *err)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] != '.' && rest->p[n] != '[')
		n++;
	if (!n)
		return us_err_set(err, US_CONFIG, "has an empty name between dots or brackets");
	*part = (struct us_path_part) { .name = us_slice_dup(arena, (struct us_slice) { rest->p, n }) };
	rest->p += n;
	rest->n -= n;
	if (rest->n && rest->p[0] == '[') {
		const char *close = find_closing(*rest);
		if (!close)
			return us_err_set(err, US_CONFIG, "has a bracket that is not closed");
		struct us_slice inside = { rest->p + 1, (size_t) (close - rest->p) - 1 };
		int64_t index = 0;
		if (is_number(inside) && us_slice_to_int(inside, &index)) {
			part->test = INDEX;
			part->index = (size_t) index;
		} else if (parse_filter(arena, inside, part, err)) {
			return US_CONFIG;
		}
		rest->n -= (size_t) (close + 1 - rest->p);
		rest->p = close + 1;
	}
	if (rest->n && rest->p[0] != '.')
		return us_err_set(err, US_CONFIG, "has something other than a dot after a bracket");
	if (rest->n == 1)
		return us_err_set(err, US_CONFIG, "ends in a dot");
	if (rest->n) {
		rest->p++;
		rest->n--;
	}
	return US_OK;
}

enum us_errc us_path_parse(struct us_arena *arena, struct us_slice text, struct us_path *ret_path, struct us_err *err)
{
	if (!us_slice_trim(text).n)
		return us_err_set(err, US_CONFIG, "is an empty path");
	if (text.n > US_PATH_MAX_BYTES)
		return us_err_set(err, US_CONFIG, "is a path of more than %d bytes", US_PATH_MAX_BYTES);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char) text.p[i] < 0x20 || text.p[i] == 0x7F)
			return us_err_set(err, US_CONFIG, "holds a control character");
	struct us_path path = { .text = us_slice_dup(arena, text) };
	if (has_brackets(text)) {
		struct us_path_part *parts = us_arena_array(arena, US_PATH_MAX_PARTS, sizeof *parts);
		for (struct us_slice rest = path.text; rest.n;) {
			if (path.n_parts == US_PATH_MAX_PARTS)
				return us_err_set(err, US_CONFIG, "has more than %d parts", US_PATH_MAX_PARTS);
			enum us_errc rc = parse_part(arena, &rest, &parts[path.n_parts++], err);
			if (rc)
				return rc;
		}
		path.parts = parts;
	}
	*ret_path = path;
	return US_OK;
}

/* ---- looking up ---- */

/* Mostly they are written alike, which is seen without looking at each letter. */
static bool is_name(struct us_slice a, struct us_slice b)
{
	return a.n == b.n && (memcmp(a.p, b.p, a.n) == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static const struct us_json *member(const struct us_json *object, struct us_slice name)
{
	if (object->type != US_JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->object.n; i++)
		if (is_name(object->object.members[i].key, name))
			return &object->object.members[i].value;
	return NULL;
}

static struct us_slice text_of(struct us_arena *arena, const struct us_json *v)
{
	struct us_str s = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&s);

	switch (v->type) {
	case US_JSON_STRING:
		return v->string;
	case US_JSON_BOOL:
		return v->boolean ? US_SLICE("true") : US_SLICE("false");
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

static bool is_passing(struct us_arena *arena, const struct us_path_part *part, const struct us_json *element, size_t index)
{
	struct us_slice is = US_SLICE_NONE, want = part->value;

	if (part->test == INDEX)
		return index == part->index;
	if (part->test == ANY)
		return true;
	const struct us_json *v = member(element, part->attribute);
	if (v)
		is = text_of(arena, v);
	switch (part->test) {
	case EQ:
		return is.p && is_name(is, want);
	case NE:
		return !is.p || !is_name(is, want);
	case SW:
		return is.n >= want.n && strncasecmp(is.p ? is.p : "", want.p, want.n) == 0;
	case EW:
		return is.n >= want.n && strncasecmp(is.p ? is.p + is.n - want.n : "", want.p, want.n) == 0;
	case CO:
		for (size_t i = 0; is.p && i + want.n <= is.n; i++)
			if (strncasecmp(is.p + i, want.p, want.n) == 0)
				return true;
		return false;
	case ANY:
	case INDEX:
		break;
	}
	return false;
}

struct nodes {
	const struct us_json *node[US_PATH_MAX_VALUES];
	size_t n;
};

static void add_node(struct nodes *nodes, const struct us_json *node)
{
	if (nodes->n < US_PATH_MAX_VALUES)
		nodes->node[nodes->n++] = node;
}

static void step(struct us_arena *arena, const struct us_path_part *part, const struct nodes *from, struct nodes *to)
{
	to->n = 0;
	for (size_t i = 0; i < from->n; i++) {
		const struct us_json *v = member(from->node[i], part->name);
		if (!v)
			continue;
		if (v->type != US_JSON_ARRAY) {
			if (is_passing(arena, part, v, 0))
				add_node(to, v);
			continue;
		}
		for (size_t k = 0; k < v->array.n; k++)
			if (is_passing(arena, part, &v->array.items[k], k))
				add_node(to, &v->array.items[k]);
	}
}

static bool find_in_json(const struct us_path *path, struct us_path_record *r, const struct us_slice **ret_values, size_t *ret_n)
{
	if (!r->is_parsed) {
		r->is_parsed = true;
		if (r->record->raw.n && us_json_parse(r->arena, r->record->raw, US_JSON_LIMITS_PAGE, &r->doc, NULL))
			r->doc = NULL;
	}
	if (!r->doc)
		return false;
	struct nodes *at = us_arena_alloc(r->arena, 2 * sizeof *at);
	at[0].node[0] = r->doc;
	at[0].n = 1;
	for (size_t i = 0; i < path->n_parts; i++)
		step(r->arena, &path->parts[i], &at[i % 2], &at[(i + 1) % 2]);
	const struct nodes *found = &at[path->n_parts % 2];
	struct us_slice *values = us_arena_array(r->arena, found->n + 1, sizeof *values);
	size_t n = 0;
	for (size_t i = 0; i < found->n; i++) {
		values[n] = text_of(r->arena, found->node[i]);
		n += values[n].n > 0;
	}
	*ret_values = values;
	*ret_n = n;
	return n > 0;
}

/* The values of a field but for those that are empty. */
static bool take_values(struct us_path_record *r, const struct us_field *f, const struct us_slice **ret_values, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->values[i].n > 0;
	*ret_values = f->values;
	*ret_n = n;
	if (n == 0 || n == f->n)
		return n > 0;
	struct us_slice *values = us_arena_array(r->arena, n, sizeof *values);
	n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->values[i].n)
			values[n++] = f->values[i];
	*ret_values = values;
	return true;
}

static bool find(struct us_path *path, struct us_path_record *r, const struct us_slice **ret_values, size_t *ret_n)
{
	const struct us_record *record = r->record;
	size_t at = path->hint;

	/* Records of one source have their fields at the same places, mostly. */
	if (at >= record->n_fields || !is_name(record->fields[at].name, path->text))
		for (at = 0; at < record->n_fields && !is_name(record->fields[at].name, path->text); at++)
			;
	if (at < record->n_fields) {
		const struct us_field *f = &record->fields[at];
		path->hint = at;
		return take_values(r, f, ret_values, ret_n);
	}
	return path->parts && find_in_json(path, r, ret_values, ret_n);
}

bool us_path_find(struct us_path *path, struct us_path_record *r, const struct us_slice **ret_values, size_t *ret_n)
{
	bool is_there = find(path, r, ret_values, ret_n);

	path->is_asked = true;
	path->is_found |= is_there;
	return is_there;
}
