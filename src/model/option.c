#include "model/option.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/pattern.h"

const struct us_type *us_type_find(const struct us_type *types, struct us_slice name)
{
	for (; types->name; types++)
		if (us_slice_is(name, types->name))
			return types;
	return NULL;
}

void us_problem_add(struct us_arena *arena, struct us_problem **list, const char *field, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	while (*list)
		list = &(*list)->next;
	*list = us_arena_zalloc(arena, sizeof **list);
	(*list)->field = us_arena_strdup(arena, field);
	(*list)->reason = us_arena_strdup(arena, text);
}

static const struct us_option *find(const struct us_option *options, struct us_slice name)
{
	for (; options && options->name; options++)
		if (us_slice_is(name, options->name))
			return options;
	return NULL;
}

static bool is_choice(const char *choices, struct us_slice value)
{
	while (choices && *choices) {
		size_t n = strcspn(choices, "|");
		if (value.n == n && memcmp(value.p, choices, n) == 0)
			return true;
		choices += n + (choices[n] == '|');
	}
	return false;
}

/* What stands before the host is a name or a password, and only a secret option hides its value. */
static bool has_login(struct us_slice url, size_t head)
{
	size_t n = head;

	while (n < url.n && !strchr("/?#", url.p[n]))
		n++;
	return memchr(url.p + head, '@', n - head) != NULL;
}

static const char *check_url(const struct us_option *o, struct us_slice url)
{
	const char *colon = memmem(url.p, url.n, "://", 3);

	if (!colon || !is_choice(o->choices, (struct us_slice) { url.p, (size_t) (colon - url.p) }))
		return "must be a URL";
	size_t head = (size_t) (colon - url.p) + 3;
	if (head == url.n || url.p[head] == '/' || url.p[head] == ':')
		return "has no host name";
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char) url.p[i] <= ' ' || url.p[i] == 0x7F)
			return "holds a space or control character";
	if (!o->secret && has_login(url, head))
		return "must hold no user name and no password";
	return NULL;
}

static void check_text(struct us_arena *arena, const struct us_option *o, const char *field, struct us_slice s,
	struct us_problem **list)
{
	size_t most = o->max ? (size_t) o->max : o->type == US_OPTION_TEXT ? 65536 : 4096;

	if (o->required && us_slice_trim(s).n == 0)
		us_problem_add(arena, list, field, "must not be empty");
	else if (s.n > most)
		us_problem_add(arena, list, field, "is longer than %zu bytes", most);
	else if (o->type == US_OPTION_STRING && s.n < (size_t) o->min && !(o->secret && us_slice_is(s, US_OPTION_HIDDEN)))
		us_problem_add(arena, list, field, "must have at least %lld bytes", (long long) o->min);
	else if (o->type != US_OPTION_TEXT && s.n && (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n)))
		us_problem_add(arena, list, field, "must be one line");
}

static void check_one_url(struct us_arena *arena, const struct us_option *o, const char *field, struct us_slice url,
	struct us_problem **list)
{
	const char *reason = check_url(o, url);

	if (reason)
		us_problem_add(arena, list, field, "%s (scheme %s)", reason, o->choices);
}

/* One value of a list. */
static void check_item(struct us_arena *arena, const struct us_option *o, const char *field, struct us_slice s,
	struct us_problem **list)
{
	if (o->choices && s.n)
		check_one_url(arena, o, field, s, list);
	else
		check_text(arena, o, field, s, list);
}

static bool is_hidden(const struct us_option *o, const struct us_json *v)
{
	return o->secret && v && v->type == US_JSON_STRING && us_slice_is(v->string, US_OPTION_HIDDEN);
}

static void check_members(struct us_arena *arena, const struct us_option *o, const char *field, const struct us_json *object,
	struct us_problem **list);

static void check_one(struct us_arena *arena, const struct us_option *o, const char *field, const struct us_json *v,
	struct us_problem **list)
{
	const char *wrong = NULL;

	/* It stands for the stored one, whatever form that has. */
	if (o->secret && v->type == US_JSON_STRING && us_slice_is(v->string, "***"))
		return;
	if (v->type == US_JSON_NULL) {
		if (o->required)
			us_problem_add(arena, list, field, "is required");
		return;
	}
	if (is_hidden(o, v))
		return;
	switch (o->type) {
	case US_OPTION_STRING:
	case US_OPTION_TEXT:
		if (v->type == US_JSON_STRING)
			check_text(arena, o, field, v->string, list);
		else
			wrong = "a string";
		break;
	case US_OPTION_URL:
		if (v->type != US_JSON_STRING) {
			wrong = "a URL";
		} else if (v->string.n || o->required) {
			check_one_url(arena, o, field, v->string, list);
		}
		break;
	case US_OPTION_INT:
		if (v->type == US_JSON_DOUBLE)
			us_problem_add(arena, list, field, "must be a whole number");
		else if (v->type != US_JSON_INT)
			wrong = "a whole number";
		else if (v->integer < o->min || (o->max > o->min && v->integer > o->max))
			us_problem_add(arena, list, field, "must be from %lld to %lld", (long long) o->min, (long long) o->max);
		break;
	case US_OPTION_BOOL:
		if (v->type != US_JSON_BOOL)
			wrong = "true or false";
		break;
	case US_OPTION_CHOICE:
		if (o->takes_bool && v->type == US_JSON_BOOL)
			break;
		if (v->type != US_JSON_STRING || !is_choice(o->choices, v->string))
			us_problem_add(arena, list, field, "must be one of %s", o->choices);
		break;
	case US_OPTION_STRINGS:
	case US_OPTION_PATTERNS:
		if (o->type == US_OPTION_PATTERNS)
			us_patterns_check(arena, o->name, v, list);
		if (v->type == US_JSON_STRING) {
			check_item(arena, o, field, v->string, list);
			break;
		}
		if (v->type != US_JSON_ARRAY) {
			wrong = "an array of strings";
			break;
		}
		if (o->required && v->array.n == 0)
			us_problem_add(arena, list, field, "must not be empty");
		for (size_t i = 0; i < v->array.n; i++) {
			if (v->array.items[i].type == US_JSON_STRING)
				check_item(arena, o, field, v->array.items[i].string, list);
			else
				us_problem_add(arena, list, us_arena_printf(arena, "%s[%zu]", field, i), "must be a string, not %s",
					us_json_type_name(v->array.items[i].type));
		}
		break;
	case US_OPTION_OBJECT:
		if (v->type != US_JSON_OBJECT)
			wrong = "an object";
		else if (o->members)
			check_members(arena, o, field, v, list);
		break;
	case US_OPTION_ARRAY:
		if (v->type != US_JSON_ARRAY)
			wrong = "an array";
		break;
	case US_OPTION_ANY:
		break;
	}
	if (wrong)
		us_problem_add(arena, list, field, "must be %s, not %s", wrong, us_json_type_name(v->type));
}

/* As deep as our own schemas are, whatever comes in. */
static void check_members(struct us_arena *arena, const struct us_option *o, const char *field, const struct us_json *object,
	struct us_problem **list)
{
	const char *known = "";

	for (const struct us_option *m = o->members; m->name; m++) {
		const struct us_json *v = us_json_find(object, m->name);
		const char *inner = us_arena_printf(arena, "%s.%s", field, m->name);
		known = us_arena_printf(arena, "%s%s%s", known, *known ? ", " : "", m->name);
		if (v)
			check_one(arena, m, inner, v, list);
		else if (m->required)
			us_problem_add(arena, list, inner, "is required");
	}
	for (size_t i = 0; i < object->object.n; i++) {
		struct us_slice key = object->object.members[i].key;
		if (!find(o->members, key))
			us_problem_add(arena, list, us_arena_printf(arena, "%s.%.*s", field, key.n < 100 ? (int) key.n : 100, key.p),
				"is not known (known: %s)", known);
	}
}

/* others: whose options of the same names are meant instead; may be NULL. */
static void check_schema(struct us_arena *arena, const struct us_option *options, const struct us_option *others, const struct us_json *conf,
	struct us_problem **list)
{
	for (const struct us_option *o = options; o && o->name; o++) {
		if (find(others, us_slice(o->name)))
			continue;
		const struct us_json *v = us_json_find(conf, o->name);
		if (v)
			check_one(arena, o, o->name, v, list);
		else if (o->required)
			us_problem_add(arena, list, o->name, "is required");
	}
}

void us_option_check(struct us_arena *arena, const struct us_option *a, const struct us_option *b,
	const struct us_json *configuration, struct us_problem **list)
{
	if (!configuration || configuration->type != US_JSON_OBJECT) {
		us_problem_add(arena, list, "configuration", "must be an object");
		return;
	}
	check_schema(arena, a, NULL, configuration, list);
	check_schema(arena, b, a, configuration, list);
	for (size_t i = 0; i < configuration->object.n; i++) {
		struct us_slice key = configuration->object.members[i].key;
		if (!find(a, key) && !find(b, key))
			us_problem_add(arena, list, us_arena_strndup(arena, key.p, key.n < 100 ? key.n : 100),
				"is not a setting of this type");
	}
}

void us_option_check_hidden(struct us_arena *arena, const struct us_option *options, const struct us_json *configuration,
	const struct us_json *stored, struct us_problem **list)
{
	for (const struct us_option *o = options; o && o->name; o++)
		if (is_hidden(o, us_json_find(configuration, o->name)) && !(stored && is_hidden(o, us_json_find(stored, o->name))))
			us_problem_add(arena, list, o->name, "is \"" US_OPTION_HIDDEN "\", which stands for the stored secret, and none is stored");
}

/* ---- reading ---- */

static const struct us_option *must_find(const struct us_conf *conf, const char *name)
{
	const struct us_option *o = find(conf->options, us_slice(name));

	us_assert(o);
	return o;
}

const struct us_json *us_conf_value(const struct us_conf *conf, const char *name)
{
	const struct us_json *v = us_json_find(conf->doc, name);

	return v && v->type != US_JSON_NULL ? v : NULL;
}

static struct us_slice choice_at(const char *choices, size_t at)
{
	while (at--)
		choices = strchr(choices, '|') + 1;
	return (struct us_slice) { choices, strcspn(choices, "|") };
}

struct us_slice us_conf_string(const struct us_conf *conf, const char *name)
{
	const struct us_option *o = must_find(conf, name);
	const struct us_json *v = us_conf_value(conf, name);

	if (v && v->type == US_JSON_BOOL && o->takes_bool)
		return choice_at(o->choices, v->boolean);
	if (v && v->type == US_JSON_STRING && (v->string.n || !o->fallback))
		return v->string.n ? v->string : US_SLICE_NONE;
	return us_slice(o->fallback);
}

int64_t us_conf_int(const struct us_conf *conf, const char *name)
{
	const struct us_option *o = must_find(conf, name);
	const struct us_json *v = us_conf_value(conf, name);

	return v && v->type == US_JSON_INT ? v->integer : o->fallback ? atoll(o->fallback) : 0;
}

bool us_conf_bool(const struct us_conf *conf, const char *name)
{
	const struct us_option *o = must_find(conf, name);
	const struct us_json *v = us_conf_value(conf, name);

	return v && v->type == US_JSON_BOOL ? v->boolean : o->fallback && us_slice_is(us_slice(o->fallback), "true");
}

size_t us_conf_strings(const struct us_conf *conf, const char *name, struct us_arena *arena, const struct us_slice **ret_values)
{
	const struct us_option *o = must_find(conf, name);
	const struct us_json *v = us_conf_value(conf, name);
	struct us_slice *values;
	size_t n = 0;

	if (v && v->type == US_JSON_ARRAY) {
		values = us_arena_array(arena, v->array.n, sizeof *values);
		for (size_t i = 0; i < v->array.n; i++)
			values[n++] = v->array.items[i].string;
	} else if (v && v->type == US_JSON_STRING) {
		values = us_arena_array(arena, 1, sizeof *values);
		if (v->string.n)
			values[n++] = v->string;
	} else {
		const char *p = o->fallback ? o->fallback : "";
		values = us_arena_array(arena, strlen(p) + 1, sizeof *values);
		while (*p) {
			size_t len = strcspn(p, "|");
			values[n++] = (struct us_slice) { p, len };
			p += len + (p[len] == '|');
		}
	}
	*ret_values = values;
	return n;
}
