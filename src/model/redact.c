#include "model/redact.h"

#include <stdio.h>

enum {
	DIGITS_MOST = 6, /* a longer number may be somebody's */
	DEPTH_MOST = 40, /* of a configuration; the store's limit */
	KEYS_DEPTH = 2,  /* names of members are the schema's down to here, anybody's below */
};

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		   (unsigned char)c >= 0x80;
}

static bool is_ours(struct us_slice word)
{
	char around[64];
	size_t digits = 0;

	while (digits < word.n && word.p[digits] >= '0' && word.p[digits] <= '9')
		digits++;
	if (digits == word.n)
		return digits <= DIGITS_MOST;
	if (word.n == 1)
		return word.p[0] == 'a';
	if (word.n + 3 > sizeof around)
		return false;
	snprintf(around, sizeof around, " " US_SLICE_FMT " ", US_SLICE_ARG(word));
	return strstr(us_redact_words, around) != NULL;
}

/* Where the part that begins at p with a bracket or a quote ends, behind the last one of its kind: a name may
 * hold some. NULL: it has no end. */
static const char *end_of_quoted(const char *p, const char *end)
{
	char close = *p == '<' ? '>' : *p;
	const char *last = memrchr(p + 1, close, (size_t)(end - p - 1));

	return last ? last + 1 : NULL;
}

/* "10.20.30.40": where it ends; NULL: it is none. */
static const char *end_of_address(const char *p, const char *end)
{
	for (int i = 0; i < 4; i++) {
		const char *from = p;
		if (i && (p == end || *p++ != '.'))
			return NULL;
		for (from = p; p < end && *p >= '0' && *p <= '9'; p++)
			;
		if (p == from || p - from > 3)
			return NULL;
	}
	return p < end && is_word(*p) ? NULL : p;
}

void us_redact_text(struct us_slice text, struct us_str *out)
{
	const char *p = text.p, *end = text.p + text.n;

	/* Invariant: of [text.p, p) only what is ours is in out. */
	while (p < end) {
		const char *from = p, *behind = *p == '<' || *p == '"' ? end_of_quoted(p, end) : NULL;
		const char *address = end_of_address(p, end);
		if (behind) {
			us_str_add_char(out, *p);
			us_str_add_text(out, US_REDACT_MARK);
			us_str_add_char(out, behind[-1]);
			p = behind;
			continue;
		}
		if (address) {
			us_str_add_text(out, US_REDACT_MARK);
			p = address;
			continue;
		}
		while (p < end && is_word(*p))
			p++;
		struct us_slice word = { from, (size_t)(p - from) };
		if (!word.n)
			us_str_add_char(out, *p++);
		else if (is_ours(word))
			us_str_add_slice(out, word);
		else
			us_str_add_text(out, US_REDACT_MARK);
	}
}

void us_redact_messages(const struct us_json *messages, struct us_jsonw *w)
{
	us_jsonw_open(w, '[');
	for (size_t i = 0; messages && messages->type == US_JSON_ARRAY && i < messages->array.n; i++) {
		struct us_str text = US_STR_INIT;
		if (messages->array.items[i].type != US_JSON_STRING)
			continue;
		us_redact_text(messages->array.items[i].string, &text);
		us_jsonw_text(w, us_str_text(&text));
		us_str_fini(&text);
	}
	us_jsonw_close(w, ']');
}

static void put_length(struct us_jsonw *w, struct us_slice text)
{
	char mark[48];

	snprintf(mark, sizeof mark, "<%zu characters>", us_slice_characters(text));
	us_jsonw_text(w, mark);
}

static void put_scalar(struct us_jsonw *w, const struct us_json *v)
{
	if (v->type == US_JSON_STRING)
		put_length(w, v->string);
	else
		us_jsonw_value(w, v);
}

static void put_key(struct us_jsonw *w, struct us_slice key, size_t depth, size_t at)
{
	char text[32];

	if (depth <= KEYS_DEPTH) {
		us_jsonw_key_slice(w, key);
		return;
	}
	snprintf(text, sizeof text, "<key %zu>", at);
	us_jsonw_key(w, text);
}

/* Its shape, its numbers and switches. */
static void put_nested(struct us_jsonw *w, const struct us_json *value)
{
	struct {
		const struct us_json *value;
		size_t at;
	} stack[DEPTH_MOST];
	size_t depth = 0;

	/* Invariant: stack[0..depth) are the containers whose closing bracket is not yet written. */
	for (const struct us_json *v = value; v;) {
		bool is_container = v->type == US_JSON_ARRAY || v->type == US_JSON_OBJECT;
		if (is_container && depth < DEPTH_MOST) {
			us_jsonw_open(w, v->type == US_JSON_ARRAY ? '[' : '{');
			stack[depth].value = v;
			stack[depth++].at = 0;
		} else if (is_container) {
			us_jsonw_text(w, US_REDACT_MARK);
		} else {
			put_scalar(w, v);
		}
		v = NULL;
		while (depth && !v) {
			const struct us_json *open = stack[depth - 1].value;
			size_t at = stack[depth - 1].at++;
			if (open->type == US_JSON_ARRAY && at < open->array.n) {
				v = &open->array.items[at];
			} else if (open->type == US_JSON_OBJECT && at < open->object.n) {
				put_key(w, open->object.members[at].key, depth, at + 1);
				v = &open->object.members[at].value;
			} else {
				us_jsonw_close(w, open->type == US_JSON_ARRAY ? ']' : '}');
				depth--;
			}
		}
	}
}

static void put_option(struct us_jsonw *w, const struct us_option *o, const struct us_json *v)
{
	if (v->type == US_JSON_NULL) {
		us_jsonw_null(w);
		return;
	}
	if (o->secret) {
		us_jsonw_text(w, "***");
		return;
	}
	switch (o->type) {
	case US_OPTION_CHOICE:
		us_jsonw_value(w, v);
		break;
	case US_OPTION_STRING:
	case US_OPTION_TEXT:
	case US_OPTION_URL:
	case US_OPTION_INT:
	case US_OPTION_BOOL:
	case US_OPTION_STRINGS:
	case US_OPTION_PATTERNS:
	case US_OPTION_OBJECT:
	case US_OPTION_ARRAY:
	case US_OPTION_ANY:
		put_nested(w, v);
		break;
	}
}

static const struct us_option *find(const struct us_option *options, struct us_slice name)
{
	for (; options && options->name; options++)
		if (us_slice_is(name, options->name))
			return options;
	return NULL;
}

void us_redact_configuration(const struct us_option *a, const struct us_option *b,
	const struct us_json *configuration, struct us_jsonw *w)
{
	size_t unknown = 0;

	us_jsonw_open(w, '{');
	for (size_t i = 0; configuration && configuration->type == US_JSON_OBJECT && i < configuration->object.n;
		 i++) {
		const struct us_json_member *m = &configuration->object.members[i];
		const struct us_option *o = find(a, m->key);
		if (!o)
			o = find(b, m->key);
		if (o) {
			us_jsonw_key(w, o->name);
			put_option(w, o, &m->value);
		} else {
			unknown++;
		}
	}
	if (unknown)
		us_jsonw_put_int(w, "<unknown settings>", (int64_t)unknown);
	us_jsonw_close(w, '}');
}
