#include "model/mapping_row.h"

#include <stdio.h>

const struct us_option us_mapping_row_options[] = {
	{ "attribute", US_OPTION_STRING, "Attribute",
		"Of users: username, fullName, firstName, lastName, email, active, groups, or a further attribute; of groups: name, description, or a further one.",
		.required = true },
	{ "from", US_OPTION_STRINGS, "From", "A path into the source's record, or several: the first that is not empty." },
	{ "template", US_OPTION_STRINGS, "Template", "One text of several values, with paths in braces; or several: the first whose places all have a value." },
	{ "script", US_OPTION_TEXT, "Script", "What a script returns." },
	{ "value", US_OPTION_ANY, "Value", "A text, true or false: a constant, or beside one of the others what is taken when that gives nothing; null: the attribute is not set." },
	{ "transform", US_OPTION_ANY, "Transform",
		"One step or an array of them: trim, lower, upper, stripDomain, guest, ascii, or an object with one of ascii, regex, table, script." },
	{ "noMatch", US_OPTION_CHOICE, "No match", "What becomes of a value that no rule of a regex, or no entry of a table, fits; of groups: untransformed or clear.",
		.fallback = "untransformed", .choices = "untransformed|ignore|clear|filter" },
	{ NULL },
};

static const char *const user_targets[] = {
	[US_TARGET_USERNAME] = "username", [US_TARGET_FULL_NAME] = "fullName", [US_TARGET_FIRST_NAME] = "firstName",
	[US_TARGET_LAST_NAME] = "lastName", [US_TARGET_EMAIL] = "email", [US_TARGET_ACTIVE] = "active", [US_TARGET_GROUPS] = "groups",
};

const char *us_mapping_target_name(enum us_mapping_target target)
{
	switch (target) {
	case US_TARGET_OTHER:
		return NULL;
	case US_TARGET_GROUP_NAME:
		return "name";
	case US_TARGET_GROUP_DESCRIPTION:
		return "description";
	case US_TARGET_USERNAME:
	case US_TARGET_FULL_NAME:
	case US_TARGET_FIRST_NAME:
	case US_TARGET_LAST_NAME:
	case US_TARGET_EMAIL:
	case US_TARGET_ACTIVE:
	case US_TARGET_GROUPS:
		break;
	}
	return user_targets[target];
}

const char *us_mapping_target_like(struct us_slice attribute, bool is_group)
{
	enum us_mapping_target first = is_group ? US_TARGET_GROUP_NAME : US_TARGET_USERNAME;
	enum us_mapping_target last = is_group ? US_TARGET_GROUP_DESCRIPTION : US_TARGET_GROUPS;

	for (enum us_mapping_target t = first; t <= last; t++)
		if (us_slice_is_nocase(attribute, us_mapping_target_name(t)))
			return us_mapping_target_name(t);
	return NULL;
}

static enum us_mapping_target target_of(struct us_slice attribute, bool is_group)
{
	if (is_group)
		return us_slice_is(attribute, "name") ? US_TARGET_GROUP_NAME
			: us_slice_is(attribute, "description") ? US_TARGET_GROUP_DESCRIPTION : US_TARGET_OTHER;
	for (enum us_mapping_target t = US_TARGET_USERNAME; t < US_TARGET_OTHER; t++)
		if (us_slice_is(attribute, user_targets[t]))
			return t;
	return US_TARGET_OTHER;
}

void us_mapping_row_preset(struct us_arena *arena, const char *attribute, bool is_group, const char *paths, struct us_mapping_row *ret_row)
{
	struct us_mapping_row row = { .attribute = us_slice(attribute), .target = target_of(us_slice(attribute), is_group) };
	size_t n = 1;

	for (const char *p = paths; *p; p++)
		n += *p == '|';
	row.paths = us_arena_array(arena, n, sizeof *row.paths);
	for (const char *p = paths; *p;) {
		size_t len = strcspn(p, "|");
		enum us_errc rc = us_path_parse(arena, (struct us_slice) { p, len }, &row.paths[row.n_paths++], NULL);
		us_assert(rc == US_OK);
		p += len + (p[len] == '|');
	}
	*ret_row = row;
}

void us_mapping_row_fini(struct us_mapping_row *row)
{
	for (size_t i = 0; i < row->n_transforms; i++)
		us_transform_free(row->transforms[i]);
	row->n_transforms = 0;
}

static bool speaks_of(struct us_slice source, const char *word)
{
	return source.n && memmem(source.p, source.n, word, strlen(word));
}

bool us_mapping_row_asks_existing(const struct us_mapping_row *row)
{
	bool asks = speaks_of(row->source, "existing");

	for (size_t i = 0; i < row->n_transforms; i++)
		asks |= speaks_of(us_transform_source(row->transforms[i]), "existing");
	return asks;
}

/* ---- reading ---- */

struct reading {
	struct us_arena *arena;
	const char *at;
	bool is_group;
	struct us_script *script;
	struct us_mapping_row *row;
	struct us_problem **problems;
	bool is_bad;
};

static void complain(struct reading *r, const char *member, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void complain(struct reading *r, const char *member, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	us_problem_add(r->arena, r->problems, *member ? us_arena_printf(r->arena, "%s.%s", r->at, member) : r->at, "%s", text);
	r->is_bad = true;
}

/* A text, or an array of texts: the items and how many there are; 0 after a complaint. */
static size_t take_texts(struct reading *r, const char *member, const struct us_json *json, size_t most, const struct us_json **ret_items)
{
	bool many = json->type == US_JSON_ARRAY;
	size_t n = many ? json->array.n : 1;

	*ret_items = many ? json->array.items : json;
	if (n == 0 || n > most) {
		complain(r, member, "must be a text, or an array of from 1 to %zu", most);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if ((*ret_items)[i].type != US_JSON_STRING) {
			complain(r, member, "must be a text, or an array of texts, not %s", us_json_type_name((*ret_items)[i].type));
			return 0;
		}
	return n;
}

static void read_from(struct reading *r, const struct us_json *json)
{
	const struct us_json *items;
	size_t n = take_texts(r, "from", json, US_MAPPING_ROW_MAX_PATHS, &items);
	struct us_err err = US_ERR_INIT;

	r->row->paths = us_arena_array(r->arena, n + 1, sizeof *r->row->paths);
	for (size_t i = 0; i < n; i++)
		if (us_path_parse(r->arena, items[i].string, &r->row->paths[r->row->n_paths++], &err))
			complain(r, "from", "%s", err.text);
}

static void read_template(struct reading *r, const struct us_json *json)
{
	const struct us_json *items;
	size_t n = take_texts(r, "template", json, US_MAPPING_ROW_MAX_PATHS, &items);
	struct us_err err = US_ERR_INIT;

	r->row->templates = us_arena_array(r->arena, n + 1, sizeof *r->row->templates);
	for (size_t i = 0; i < n; i++)
		if (us_template_parse(r->arena, items[i].string, &r->row->templates[r->row->n_templates++], &err))
			complain(r, "template", "%s", err.text);
}

static void read_script(struct reading *r, const struct us_json *json)
{
	struct us_err err = US_ERR_INIT;

	if (json->type != US_JSON_STRING) {
		complain(r, "script", "must be a text");
		return;
	}
	r->row->source = us_slice_dup(r->arena, json->string);
	if (us_script_compile(r->script, r->row->source, &r->row->chunk, &err))
		complain(r, "script", "%s", err.text);
}

static void read_value(struct reading *r, const struct us_json *json)
{
	if (json->type == US_JSON_BOOL)
		r->row->value = json->boolean ? US_SLICE("true") : US_SLICE("false");
	else if (json->type == US_JSON_STRING && json->string.n)
		r->row->value = us_slice_dup(r->arena, json->string);
	else if (json->type == US_JSON_STRING)
		complain(r, "value", "must not be empty (null sets the attribute to nothing)");
	else if (json->type != US_JSON_NULL)
		complain(r, "value", "must be a text, true, false or null");
}

static void read_transform(struct reading *r, const struct us_json *json)
{
	bool many = json->type == US_JSON_ARRAY;
	size_t n = many ? json->array.n : 1;

	if (n > US_MAPPING_ROW_MAX_STEPS) {
		complain(r, "transform", "has more than %d steps", US_MAPPING_ROW_MAX_STEPS);
		return;
	}
	r->row->transforms = us_arena_array(r->arena, n + 1, sizeof *r->row->transforms);
	for (size_t i = 0; i < n; i++) {
		struct us_transform *t = us_transform_read(r->arena, many ? &json->array.items[i] : json,
			many ? us_arena_printf(r->arena, "%s.transform[%zu]", r->at, i) : us_arena_printf(r->arena, "%s.transform", r->at), r->script, r->problems);
		r->is_bad |= !t;
		if (!t)
			continue;
		r->row->transforms[r->row->n_transforms++] = t;
		r->row->is_matching |= us_transform_is_matching(t);
	}
}

static void read_no_match(struct reading *r, const struct us_json *json)
{
	static const char *const names[] = { "untransformed", "ignore", "clear", "filter" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (json->type == US_JSON_STRING && us_slice_is(json->string, names[i])) {
			r->row->no_match = (enum us_no_match) i;
			if (r->is_group && (i == US_NO_MATCH_IGNORE || i == US_NO_MATCH_FILTER))
				complain(r, "noMatch", "must be untransformed or clear in a row of groups");
			return;
		}
	complain(r, "noMatch", "must be one of untransformed, ignore, clear, filter");
}

/* In the order in which they are read: noMatch looks at transform. */
static const struct member {
	const char *name;
	bool is_source;
	void (*read)(struct reading *r, const struct us_json *json);
} members[] = {
	{ "attribute", false, NULL }, { "from", true, read_from }, { "template", true, read_template }, { "script", true, read_script },
	{ "value", false, read_value }, { "transform", false, read_transform }, { "noMatch", false, read_no_match },
};
enum { N_MEMBERS = sizeof members / sizeof *members };

static void read_members(struct reading *r, const struct us_json *json, size_t *ret_n_sources)
{
	size_t n_known = 0, n_sources = 0;

	for (size_t i = 0; i < N_MEMBERS; i++) {
		const struct us_json *v = us_json_find(json, members[i].name);
		n_known += v != NULL;
		n_sources += v && members[i].is_source;
		if (v && members[i].read)
			members[i].read(r, v);
	}
	if (n_known != json->object.n)
		complain(r, "", "has an unknown member (known: attribute, from, template, script, value, transform, noMatch)");
	*ret_n_sources = n_sources;
}

static void check_whole(struct reading *r, const struct us_json *json, size_t n_sources)
{
	const struct us_mapping_row *row = r->row;
	bool has_value = us_json_find(json, "value");

	if (n_sources > 1)
		complain(r, "", "has more than one of from, template, script");
	if (n_sources == 0 && !has_value)
		complain(r, "", "has no source: want one of from, template, script, value");
	if (us_json_find(json, "noMatch") && !row->is_matching && !r->is_bad)
		complain(r, "noMatch", "has no effect: no step of transform is a regex or table");
	bool is_name = row->target == US_TARGET_USERNAME || row->target == US_TARGET_GROUP_NAME;
	if (is_name && n_sources == 0 && has_value)
		complain(r, "value", row->value.p ? "would give everybody the same name" : "must not be nothing: nobody would have a name");
}

bool us_mapping_row_read(struct us_arena *arena, const struct us_json *json, bool is_group, const char *at, struct us_script *script,
	struct us_mapping_row *ret_row, struct us_problem **problems)
{
	struct us_mapping_row row = { .is_configured = true };
	struct reading r = { arena, at, is_group, script, &row, problems, false };
	size_t n_sources;

	if (json->type != US_JSON_OBJECT) {
		us_problem_add(arena, problems, at, "must be an object with attribute and a source (from, template, script or value)");
		return false;
	}
	row.attribute = us_slice_dup(arena, us_json_string(json, "attribute"));
	if (!us_slice_trim(row.attribute).n || row.attribute.n > 100)
		complain(&r, "attribute", "must be a name of 1 to 100 bytes");
	row.target = target_of(row.attribute, is_group);
	read_members(&r, json, &n_sources);
	check_whole(&r, json, n_sources);
	if (r.is_bad) {
		us_mapping_row_fini(&row);
		return false;
	}
	*ret_row = row;
	return true;
}
