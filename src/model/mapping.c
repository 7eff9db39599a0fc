#include "model/mapping.h"

#include <stdlib.h>

enum target { USERNAME, FULL_NAME, FIRST_NAME, LAST_NAME, EMAIL, ACTIVE, OTHER };

static const char *const target_names[] = {
	[USERNAME] = "username", [FULL_NAME] = "fullName", [FIRST_NAME] = "firstName",
	[LAST_NAME] = "lastName", [EMAIL] = "email", [ACTIVE] = "active",
};

struct row {
	struct us_slice attribute;
	enum target target;
	const struct us_slice *from;
	size_t n_from;
};

struct rows {
	struct row *row;
	size_t n;
};

struct us_mapping {
	struct rows user, group;
};

enum { MAX_ROWS = 200 };

static const struct us_preset generic[] = {
	{ "username", "username|userName|sAMAccountName|uid|login|cn" },
	{ "fullName", "fullName|displayName|name.formatted|cn|gecos" },
	{ "firstName", "firstName|givenName|name.givenName" },
	{ "lastName", "lastName|familyName|sn|surname|name.familyName" },
	{ "email", "email|mail|emails.value" },
	{ "group.name", "name|displayName|cn" },
	{ "group.description", "description" },
	{ NULL, NULL },
};

static enum target target_of(struct us_slice attribute)
{
	for (enum target t = USERNAME; t < OTHER; t++)
		if (us_slice_is(attribute, target_names[t]))
			return t;
	return OTHER;
}

static size_t split(struct us_arena *arena, const char *list, const struct us_slice **ret)
{
	struct us_slice *out = us_arena_array(arena, strlen(list) + 1, sizeof *out);
	size_t n = 0;

	while (*list) {
		size_t len = strcspn(list, "|");
		out[n++] = (struct us_slice) { list, len };
		list += len + (list[len] == '|');
	}
	*ret = out;
	return n;
}

static struct row *row_for(struct rows *rows, struct us_slice attribute)
{
	for (size_t i = 0; i < rows->n; i++)
		if (us_slice_is_equal(rows->row[i].attribute, attribute))
			return &rows->row[i];
	struct row *r = &rows->row[rows->n++];
	*r = (struct row) { .attribute = attribute, .target = target_of(attribute) };
	return r;
}

static void add_configured(struct us_arena *arena, struct rows *rows, const struct us_json *list)
{
	if (!list || list->type != US_JSON_ARRAY)
		return;
	for (size_t i = 0; i < list->array.n; i++) {
		const struct us_json *item = &list->array.items[i], *from = us_json_find(item, "from");
		struct row *r = row_for(rows, us_slice_dup(arena, us_json_string(item, "attribute")));
		bool many = from->type == US_JSON_ARRAY;
		struct us_slice *paths = us_arena_array(arena, many ? from->array.n : 1, sizeof *paths);
		r->n_from = many ? from->array.n : 1;
		for (size_t k = 0; k < r->n_from; k++)
			paths[k] = us_slice_dup(arena, many ? from->array.items[k].string : from->string);
		r->from = paths;
	}
}

/* Sorted by name, as the content hash and the directory want them. */
static int by_attribute(const void *a, const void *b)
{
	return us_slice_compare(((const struct row *) a)->attribute, ((const struct row *) b)->attribute);
}

const struct us_mapping *us_mapping_new(struct us_arena *arena, const struct us_preset *preset, const struct us_json *configuration)
{
	struct us_mapping *m = us_arena_zalloc(arena, sizeof *m);

	m->user.row = us_arena_array(arena, 2 * MAX_ROWS, sizeof *m->user.row);
	m->group.row = us_arena_array(arena, 2 * MAX_ROWS, sizeof *m->group.row);
	for (const struct us_preset *p = preset ? preset : generic; p->attribute; p++) {
		bool is_group = strncmp(p->attribute, "group.", 6) == 0;
		struct row *r = row_for(is_group ? &m->group : &m->user, us_slice(p->attribute + (is_group ? 6 : 0)));
		r->n_from = split(arena, p->from, &r->from);
	}
	add_configured(arena, &m->user, us_json_find(configuration, "mapping"));
	add_configured(arena, &m->group, us_json_find(configuration, "groupMapping"));
	qsort(m->user.row, m->user.n, sizeof *m->user.row, by_attribute);
	return m;
}

static void check_rows(struct us_arena *arena, const char *name, const struct us_json *list, struct us_problem **problems)
{
	if (!list || list->type != US_JSON_ARRAY)
		return; /* the schema says so already */
	if (list->array.n > MAX_ROWS) {
		us_problem_add(arena, problems, name, "has more than %d rows", MAX_ROWS);
		return;
	}
	for (size_t i = 0; i < list->array.n; i++) {
		const struct us_json *item = &list->array.items[i];
		const struct us_json *from = us_json_find(item, "from");
		const char *at = us_arena_printf(arena, "%s[%zu]", name, i);
		struct us_slice attribute = us_json_string(item, "attribute");
		if (item->type != US_JSON_OBJECT) {
			us_problem_add(arena, problems, at, "must be an object with attribute and from");
			continue;
		}
		if (!attribute.n || attribute.n > 100)
			us_problem_add(arena, problems, at, "attribute must be a name of 1 to 100 bytes");
		bool ok = from && (from->type == US_JSON_STRING || (from->type == US_JSON_ARRAY && from->array.n > 0));
		if (ok && from->type == US_JSON_STRING)
			ok = from->string.n > 0;
		for (size_t k = 0; ok && from->type == US_JSON_ARRAY && k < from->array.n; k++)
			ok = from->array.items[k].type == US_JSON_STRING && from->array.items[k].string.n > 0;
		if (!ok)
			us_problem_add(arena, problems, at, "from must be a path, or an array of paths");
		for (size_t k = 0; k < item->object.n; k++)
			if (!us_slice_is(item->object.members[k].key, "attribute") && !us_slice_is(item->object.members[k].key, "from"))
				us_problem_add(arena, problems, at, "has an unknown member (known: attribute, from)");
		for (size_t k = 0; k < i; k++)
			if (attribute.n && us_slice_is_equal(us_json_string(&list->array.items[k], "attribute"), attribute))
				us_problem_add(arena, problems, at, "is a second row for the attribute " US_SLICE_FMT, US_SLICE_ARG(attribute));
	}
}

void us_mapping_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	check_rows(arena, "mapping", us_json_find(configuration, "mapping"), list);
	check_rows(arena, "groupMapping", us_json_find(configuration, "groupMapping"), list);
}

/* ---- one record ---- */

static const struct us_field *pick(const struct row *row, const struct us_record *record)
{
	for (size_t i = 0; i < row->n_from; i++) {
		const struct us_field *f = us_record_find(record, row->from[i]);
		if (f && f->n && f->values[0].n)
			return f;
	}
	return NULL;
}

static struct us_slice paths(const struct row *row, struct us_arena *arena)
{
	struct us_str s = US_STR_INIT;

	for (size_t i = 0; i < row->n_from; i++) {
		us_str_add_text(&s, i ? ", " : "");
		us_str_add_slice(&s, row->from[i]);
	}
	struct us_slice out = us_slice_dup(arena, us_str_slice(&s));
	us_str_fini(&s);
	return out;
}

static bool fail(struct us_arena *arena, struct us_slice *ret_reason, const char *what, const char *why)
{
	*ret_reason = us_slice(us_arena_printf(arena, "%s %s", what, why));
	return false;
}

static bool check_value(struct us_arena *arena, const char *what, struct us_slice value, size_t most, bool is_name,
	struct us_slice *ret_reason)
{
	if (value.n > most)
		return fail(arena, ret_reason, what, us_arena_printf(arena, "is longer than %zu bytes", most));
	if (!us_slice_is_utf8(value))
		return fail(arena, ret_reason, what, "is not valid UTF-8");
	for (size_t i = 0; is_name && i < value.n; i++)
		if ((unsigned char) value.p[i] < 0x20 || value.p[i] == 0x7F)
			return fail(arena, ret_reason, what, "holds a control character");
	return true;
}

static bool to_bool(struct us_slice s, bool *ret)
{
	static const char *const yes[] = { "true", "1", "yes", "on", "active", "enabled" };
	static const char *const no[] = { "false", "0", "no", "off", "inactive", "disabled" };

	s = us_slice_trim(s);
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (us_slice_is_nocase(s, yes[i]) || us_slice_is_nocase(s, no[i])) {
			*ret = us_slice_is_nocase(s, yes[i]);
			return true;
		}
	}
	return false;
}

static bool check_identity(const struct us_record *record, struct us_arena *arena, struct us_slice *ret_reason)
{
	if (record->problem.p) {
		*ret_reason = record->problem;
		return false;
	}
	if (!record->id.n)
		return fail(arena, ret_reason, "the record", "has no immutable id");
	return check_value(arena, "the immutable id", record->id, 1024, true, ret_reason);
}

bool us_mapping_user(const struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_user *ret_user,
	struct us_slice *ret_reason)
{
	struct us_user u = { .id = record->id, .active = record->active != US_TRI_NO };
	struct us_field *further = us_arena_array(arena, mapping->user.n, sizeof *further);
	struct us_slice *const own[] = {
		[USERNAME] = &u.name, [FULL_NAME] = &u.full_name, [FIRST_NAME] = &u.first_name,
		[LAST_NAME] = &u.last_name, [EMAIL] = &u.email,
	};
	size_t n = 0;

	if (!check_identity(record, arena, ret_reason))
		return false;
	for (size_t i = 0; i < mapping->user.n; i++) {
		const struct row *row = &mapping->user.row[i];
		const struct us_field *f = pick(row, record);
		if (row->target == USERNAME && !f)
			return fail(arena, ret_reason, "the user has no username; looked at", paths(row, arena).p);
		if (!f)
			continue;
		bool is_name = row->target == USERNAME;
		size_t most = is_name ? US_MAPPING_NAME_MAX_BYTES : US_MAPPING_VALUE_MAX_BYTES;
		size_t n_values = row->target == OTHER ? f->n : 1;
		for (size_t k = 0; k < n_values; k++)
			if (!check_value(arena, row->target == OTHER ? us_slice_dup(arena, row->attribute).p : target_names[row->target],
					f->values[k], most, is_name, ret_reason))
				return false;
		if (row->target == ACTIVE) {
			if (!to_bool(f->values[0], &u.active))
				return fail(arena, ret_reason, "active", "is neither true nor false");
		} else if (row->target == OTHER) {
			further[n++] = (struct us_field) { row->attribute, f->values, f->n };
		} else {
			*own[row->target] = f->values[0];
		}
	}
	if (!u.full_name.p && (u.first_name.p || u.last_name.p))
		u.full_name = us_slice(us_arena_printf(arena, US_SLICE_FMT "%s" US_SLICE_FMT, US_SLICE_ARG(u.first_name),
			u.first_name.p && u.last_name.p ? " " : "", US_SLICE_ARG(u.last_name)));
	u.attributes = further;
	u.n_attributes = n;
	*ret_user = u;
	return true;
}

bool us_mapping_group(const struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_group *ret_group,
	struct us_slice *ret_reason)
{
	struct us_group g = { .id = record->id };

	if (!check_identity(record, arena, ret_reason))
		return false;
	for (size_t i = 0; i < mapping->group.n; i++) {
		const struct row *row = &mapping->group.row[i];
		const struct us_field *f = pick(row, record);
		bool is_name = us_slice_is(row->attribute, "name");
		if (!f && is_name)
			return fail(arena, ret_reason, "the group has no name; looked at", paths(row, arena).p);
		if (!f)
			continue;
		if (!check_value(arena, is_name ? "the group's name" : "the description", f->values[0],
				is_name ? US_MAPPING_NAME_MAX_BYTES : US_MAPPING_VALUE_MAX_BYTES, is_name, ret_reason))
			return false;
		if (is_name)
			g.name = f->values[0];
		else if (us_slice_is(row->attribute, "description"))
			g.description = f->values[0];
	}
	*ret_group = g;
	return true;
}
