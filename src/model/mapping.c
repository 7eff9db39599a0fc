#include "model/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fold.h"

struct rows {
	struct us_mapping_row *row;
	size_t n;
};

struct us_mapping {
	struct rows user, group;
	struct us_script *script;
	struct us_slice connector;
	bool asks_existing;
	bool has_no_full_name; /* its row says so, instead of first and last name */
};

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

/* ---- the rows ---- */

static void put_row(struct rows *rows, const struct us_mapping_row *row)
{
	size_t i = 0;

	while (i < rows->n && !us_slice_is_equal(rows->row[i].attribute, row->attribute))
		i++;
	rows->n += i == rows->n;
	rows->row[i] = *row;
}

static void check_twice(struct us_arena *arena, const struct us_json *list, size_t i, const char *at, struct us_problem **problems)
{
	struct us_slice attribute = us_json_string(&list->array.items[i], "attribute");

	for (size_t k = 0; k < i && attribute.n; k++)
		if (us_slice_is_equal(us_json_string(&list->array.items[k], "attribute"), attribute)) {
			us_problem_add(arena, problems, at, "is a second row for the attribute " US_SLICE_FMT, US_SLICE_ARG(attribute));
			return;
		}
}

/* Reads `mapping` or `groupMapping` into rows, which has room. */
static void read_rows(struct us_arena *arena, const char *name, const struct us_json *configuration, bool is_group, struct us_script *script,
	struct rows *rows, struct us_problem **problems)
{
	const struct us_json *list = us_json_find(configuration, name);

	if (!list || list->type != US_JSON_ARRAY)
		return; /* the schema says so already */
	if (list->array.n > US_MAPPING_MAX_ROWS) {
		us_problem_add(arena, problems, name, "has more than %d rows", US_MAPPING_MAX_ROWS);
		return;
	}
	for (size_t i = 0; i < list->array.n; i++) {
		const char *at = us_arena_printf(arena, "%s[%zu]", name, i);
		struct us_mapping_row row;
		bool is_good = us_mapping_row_read(arena, &list->array.items[i], is_group, at, script, &row, problems);
		struct us_problem *before = *problems;
		check_twice(arena, list, i, at, problems);
		if (is_good && *problems == before && !before)
			put_row(rows, &row);
		else if (is_good)
			us_mapping_row_fini(&row);
	}
}

/* Sorted by name, as the content hash and the directory want them. */
static int by_attribute(const void *a, const void *b)
{
	return us_slice_compare(((const struct us_mapping_row *) a)->attribute, ((const struct us_mapping_row *) b)->attribute);
}

static void open_rows(struct us_arena *arena, struct us_mapping *m)
{
	*m = (struct us_mapping) { .script = us_script_new() };
	m->user.row = us_arena_array(arena, 2 * US_MAPPING_MAX_ROWS, sizeof *m->user.row);
	m->group.row = us_arena_array(arena, 2 * US_MAPPING_MAX_ROWS, sizeof *m->group.row);
}

static void close_rows(struct us_mapping *m)
{
	for (size_t i = 0; i < m->user.n; i++)
		us_mapping_row_fini(&m->user.row[i]);
	for (size_t i = 0; i < m->group.n; i++)
		us_mapping_row_fini(&m->group.row[i]);
	us_script_free(m->script);
}

void us_mapping_free(struct us_mapping *m)
{
	if (m)
		close_rows(m);
}

static void read_all(struct us_arena *arena, struct us_mapping *m, const struct us_json *configuration, struct us_problem **problems)
{
	read_rows(arena, "mapping", configuration, false, m->script, &m->user, problems);
	read_rows(arena, "groupMapping", configuration, true, m->script, &m->group, problems);
}

/* Names that differ in the case of their letters only. Not for what is stored already: it means what it meant when it was saved. */
static void check_case(struct us_arena *arena, const char *name, const struct us_json *configuration, bool is_group, struct us_problem **problems)
{
	const struct us_json *list = us_json_find(configuration, name);
	size_t n = list && list->type == US_JSON_ARRAY && list->array.n <= US_MAPPING_MAX_ROWS ? list->array.n : 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = us_arena_printf(arena, "%s[%zu]", name, i);
		struct us_slice attribute = us_json_string(&list->array.items[i], "attribute");
		const char *own = us_mapping_target_like(attribute, is_group);
		if (own && !us_slice_is(attribute, own)) {
			us_problem_add(arena, problems, us_arena_printf(arena, "%s.attribute", at), "differs from %s in upper and lower case only: write %s", own, own);
			continue;
		}
		for (size_t k = 0; k < i && attribute.n; k++) {
			struct us_slice other = us_json_string(&list->array.items[k], "attribute");
			if (!us_slice_is_equal(other, attribute) && us_hash_is_equal(us_fold_hash(other), us_fold_hash(attribute))) {
				us_problem_add(arena, problems, at, "is a second row for the attribute " US_SLICE_FMT ", in other letters", US_SLICE_ARG(other));
				break;
			}
		}
	}
}

void us_mapping_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	struct us_mapping m;
	struct us_problem *problems = NULL;

	open_rows(arena, &m);
	read_all(arena, &m, configuration, &problems);
	check_case(arena, "mapping", configuration, false, &problems);
	check_case(arena, "groupMapping", configuration, true, &problems);
	while (*list)
		list = &(*list)->next;
	*list = problems;
	close_rows(&m);
}

enum us_errc us_mapping_new(struct us_arena *arena, const struct us_preset *preset, const struct us_json *configuration,
	struct us_slice connector, struct us_mapping **ret_mapping, struct us_err *err)
{
	struct us_mapping *m = us_arena_alloc(arena, sizeof *m);
	struct us_problem *problems = NULL;

	open_rows(arena, m);
	for (const struct us_preset *p = preset ? preset : generic; p->attribute; p++) {
		bool is_group = strncmp(p->attribute, "group.", 6) == 0;
		struct us_mapping_row row;
		us_mapping_row_preset(arena, p->attribute + (is_group ? 6 : 0), is_group, p->from, &row);
		put_row(is_group ? &m->group : &m->user, &row);
	}
	read_all(arena, m, configuration, &problems);
	if (problems) {
		close_rows(m);
		return us_err_set(err, US_CONFIG, "%s %s: save the connector with a mapping that can be used", problems->field, problems->reason);
	}
	qsort(m->user.row, m->user.n, sizeof *m->user.row, by_attribute);
	qsort(m->group.row, m->group.n, sizeof *m->group.row, by_attribute);
	for (size_t i = 0; i < m->user.n; i++) {
		const struct us_mapping_row *row = &m->user.row[i];
		m->asks_existing |= us_mapping_row_asks_existing(row);
		m->has_no_full_name |= row->target == US_TARGET_FULL_NAME && !row->n_paths && !row->n_templates && !row->source.p && !row->value.p;
	}
	m->connector = us_slice_dup(arena, connector);
	*ret_mapping = m;
	return US_OK;
}

bool us_mapping_has_groups(const struct us_mapping *m)
{
	for (size_t i = 0; i < m->user.n; i++)
		if (m->user.row[i].target == US_TARGET_GROUPS)
			return true;
	return false;
}

struct us_slice us_mapping_group_id(struct us_arena *arena, struct us_slice name)
{
	return us_slice(us_arena_printf(arena, US_MAPPED_GROUP US_SLICE_FMT, US_SLICE_ARG(name)));
}

struct us_mapping_row *us_mapping_user_rows(struct us_mapping *m, size_t *ret_n)
{
	*ret_n = m->user.n;
	return m->user.row;
}

/* ---- values of one row ---- */

enum end { VALUES, IGNORED, CLEARED, FILTERED, FAILED };

/* One record on its way through the rows. */
struct pass {
	struct us_mapping *mapping;
	struct us_arena *arena;
	struct us_path_record record;
	struct us_script_input script;
	struct us_trace_row *trace; /* of the current row; NULL: nobody asks */
	struct us_err err;          /* of a row that FAILED */
};

struct values {
	const struct us_slice *v;
	size_t n;
};

static void trace_step(struct pass *p, const char *name, const struct values *values, size_t n_matched, bool is_matching)
{
	p->trace->steps[p->trace->n_steps++] = (struct us_trace_step) { name, values->v, values->n, n_matched, is_matching };
}

/* Where the row takes its values from; nothing: its constant, if it has one. */
static enum end take_source(struct pass *p, struct us_mapping_row *row, struct values *ret)
{
	struct us_slice *one;

	*ret = (struct values) { NULL, 0 };
	for (size_t i = 0; i < row->n_paths; i++)
		if (us_path_find(&row->paths[i], &p->record, &ret->v, &ret->n))
			return VALUES;
	ret->n = 0;
	for (size_t i = 0; i < row->n_templates; i++) {
		one = us_arena_alloc(p->arena, sizeof *one);
		if (us_template_fill(&row->templates[i], &p->record, one)) {
			*ret = (struct values) { one, 1 };
			return VALUES;
		}
	}
	if (row->source.p) {
		struct us_script_result result;
		if (us_script_run(p->mapping->script, row->chunk, &p->script, p->arena, &result, &p->err))
			return FAILED;
		if (result.is_drop)
			return FILTERED;
		*ret = (struct values) { result.values, result.n };
	}
	if (!ret->n && row->value.p) {
		one = us_arena_alloc(p->arena, sizeof *one);
		*one = row->value;
		*ret = (struct values) { one, 1 };
	}
	return VALUES;
}

static bool is_bounded(struct pass *p, const struct values *values)
{
	for (size_t i = 0; i < values->n; i++)
		if (values->v[i].n > US_MAPPING_VALUE_MAX_BYTES) {
			us_err_set(&p->err, US_INVALID, "is longer than %d bytes", US_MAPPING_VALUE_MAX_BYTES);
			return false;
		}
	return true;
}

/* A value that none of a step's rules fits is kept or left out; if none of all the values fits, the row is as noMatch says. */
static enum end transform(struct pass *p, struct us_mapping_row *row, struct values *values)
{
	struct us_transform_call call = { p->arena, p->mapping->script, &p->script, row->no_match == US_NO_MATCH_UNTRANSFORMED };

	for (size_t i = 0; i < row->n_transforms; i++) {
		struct us_transform *step = row->transforms[i];
		struct us_transformed t;
		if (!is_bounded(p, values))
			return FAILED;
		if (us_transform_apply(step, &call, values->v, values->n, &t, &p->err)) {
			us_err_prefix(&p->err, "step %zu (%s)", i + 1, us_transform_name(step));
			return FAILED;
		}
		*values = (struct values) { t.values, t.n };
		if (p->trace)
			trace_step(p, us_transform_name(step), values, t.n_matched, us_transform_is_matching(step));
		if (t.is_drop)
			return FILTERED;
		if (t.n_matched || !us_transform_is_matching(step))
			continue;
		switch (row->no_match) {
		case US_NO_MATCH_UNTRANSFORMED:
			break;
		case US_NO_MATCH_IGNORE:
			return IGNORED;
		case US_NO_MATCH_CLEAR:
			return CLEARED;
		case US_NO_MATCH_FILTER:
			return FILTERED;
		}
	}
	return VALUES;
}

/* Values that became empty on the way are none. */
static void drop_empty(struct us_arena *arena, struct values *values)
{
	size_t n = 0;

	for (size_t i = 0; i < values->n; i++)
		n += values->v[i].n > 0;
	if (n == values->n)
		return;
	struct us_slice *out = us_arena_array(arena, n + 1, sizeof *out);
	n = 0;
	for (size_t i = 0; i < values->n; i++)
		if (values->v[i].n)
			out[n++] = values->v[i];
	*values = (struct values) { out, n };
}

static enum end evaluate(struct pass *p, struct us_mapping_row *row, struct values *ret)
{
	enum end end = take_source(p, row, ret);

	if (end == VALUES && p->trace)
		trace_step(p, "source", ret, ret->n, false);
	if (end == VALUES && row->n_transforms) {
		end = transform(p, row, ret);
		drop_empty(p->arena, ret);
	}
	/* Other rows give what the source has, but a script may return empty texts. */
	if (end == VALUES && row->source.p)
		drop_empty(p->arena, ret);
	if (end == CLEARED)
		ret->n = 0;
	return end;
}

/* ---- one record ---- */

static struct us_slice sources(const struct us_mapping_row *row, struct us_arena *arena)
{
	struct us_str s = US_STR_INIT;

	for (size_t i = 0; i < row->n_paths; i++) {
		us_str_add_text(&s, i ? ", " : "looked at ");
		us_str_add_slice(&s, row->paths[i].text);
	}
	us_str_add_text(&s, row->n_templates ? "its template found nothing" : row->source.p ? "its script gave nothing" : "");
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
	bool is_visible = !is_name;

	if (value.n > most)
		return fail(arena, ret_reason, what, us_arena_printf(arena, "is longer than %zu bytes", most));
	for (size_t i = 0; is_name && i < value.n; i++) {
		if ((unsigned char) value.p[i] < 0x20 || value.p[i] == 0x7F)
			return fail(arena, ret_reason, what, "holds a control character");
		is_visible |= value.p[i] > 0x20;
	}
	if (!us_slice_is_utf8(value))
		return fail(arena, ret_reason, what, "is not valid UTF-8");
	return is_visible || us_slice_trim(us_fold(arena, value)).n > 0 || fail(arena, ret_reason, what, "has no visible character");
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


static const struct us_field *find_stored(const struct us_user *existing, struct us_slice name)
{
	for (size_t i = 0; i < existing->n_attributes; i++)
		if (us_slice_is_equal(existing->attributes[i].name, name))
			return &existing->attributes[i];
	return NULL;
}

/* The further attributes of a user while they are gathered, and where the user's own go. */
struct into {
	struct us_mapped *mapped;
	struct us_field *further;
	size_t n;
};

static struct us_slice *own(struct us_user *u, enum us_mapping_target target)
{
	switch (target) {
	case US_TARGET_USERNAME:
		return &u->name;
	case US_TARGET_FULL_NAME:
		return &u->full_name;
	case US_TARGET_FIRST_NAME:
		return &u->first_name;
	case US_TARGET_LAST_NAME:
		return &u->last_name;
	case US_TARGET_EMAIL:
		return &u->email;
	case US_TARGET_ACTIVE:
	case US_TARGET_GROUPS:
	case US_TARGET_OTHER:
	case US_TARGET_GROUP_NAME:
	case US_TARGET_GROUP_DESCRIPTION:
		break;
	}
	return NULL;
}

static bool put_values(struct pass *p, const struct us_mapping_row *row, const struct values *values, struct into *into)
{
	struct us_mapped *m = into->mapped;
	bool is_name = row->target == US_TARGET_USERNAME || row->target == US_TARGET_GROUPS;
	bool many = row->target == US_TARGET_OTHER || row->target == US_TARGET_GROUPS;
	size_t most = is_name ? US_MAPPING_NAME_MAX_BYTES : US_MAPPING_VALUE_MAX_BYTES;

	if (!values->n)
		return row->target != US_TARGET_USERNAME || fail(p->arena, &m->reason, "the user has no username;", sources(row, p->arena).p);
	for (size_t k = 0; k < (many ? values->n : 1); k++)
		if (!check_value(p->arena, row->target == US_TARGET_OTHER ? row->attribute.p : us_mapping_target_name(row->target),
				values->v[k], most, is_name, &m->reason))
			return false;
	if (row->target == US_TARGET_ACTIVE)
		return to_bool(values->v[0], &m->user.active) || fail(p->arena, &m->reason, "active", "is neither true nor false");
	if (row->target == US_TARGET_OTHER) {
		into->further[into->n++] = (struct us_field) { row->attribute, values->v, values->n };
	} else if (row->target == US_TARGET_GROUPS) {
		m->groups = values->v;
		m->n_groups = values->n;
	} else {
		*own(&m->user, row->target) = values->v[0];
	}
	return true;
}

/* The stored value stays; somebody new has none. */
static bool keep_stored(struct pass *p, const struct us_mapping_row *row, const struct us_user *existing, struct into *into)
{
	struct us_mapped *m = into->mapped;
	struct us_slice *mine = own(&m->user, row->target);
	const struct us_user nobody = { .active = m->user.active };
	struct us_user from = existing ? *existing : nobody;

	if (row->target == US_TARGET_USERNAME && !from.name.n)
		return fail(p->arena, &m->reason, "the user has no username;", "no rule matches, and there is no stored one");
	if (mine)
		*mine = *own(&from, row->target);
	else if (row->target == US_TARGET_ACTIVE)
		m->user.active = from.active;
	else {
		const struct us_field *f = find_stored(&from, row->attribute);
		if (f)
			into->further[into->n++] = *f;
	}
	return true;
}

static const struct us_field *fields_of(const struct us_user *u, struct us_arena *arena, size_t *ret_n)
{
	const struct us_slice texts[] = { u->name, u->full_name, u->first_name, u->last_name, u->email, u->active ? US_SLICE("true") : US_SLICE("false") };
	enum { N = sizeof texts / sizeof *texts };
	struct us_field *fields = us_arena_array(arena, N + u->n_attributes, sizeof *fields);
	struct us_slice *values = us_arena_array(arena, N, sizeof *values);
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		if (texts[i].n) {
			values[i] = texts[i];
			fields[n++] = (struct us_field) { us_slice(us_mapping_target_name((enum us_mapping_target) i)), &values[i], 1 };
		}
	for (size_t i = 0; i < u->n_attributes; i++)
		fields[n++] = u->attributes[i];
	*ret_n = n;
	return fields;
}

static struct us_trace_row *next_trace(struct us_trace *trace, const struct us_mapping_row *row, struct us_arena *arena)
{
	if (!trace)
		return NULL;
	struct us_trace_row *t = &trace->rows[trace->n++];
	*t = (struct us_trace_row) { .attribute = row->attribute };
	t->steps = us_arena_array(arena, row->n_transforms + 1, sizeof *t->steps);
	return t;
}

static const char *const ends[] = {
	[VALUES] = NULL, [IGNORED] = "keeps what is stored", [CLEARED] = "is cleared", [FILTERED] = "filters the user", [FAILED] = "fails",
};

static enum us_mapped_kind map_row(struct pass *p, struct us_mapping_row *row, const struct us_mapping_input *in, struct into *into)
{
	struct us_mapped *m = into->mapped;
	struct values values;
	enum end end;

	p->trace = next_trace(in->trace, row, p->arena);
	end = evaluate(p, row, &values);
	if (p->trace)
		p->trace->end = ends[end];
	switch (end) {
	case VALUES:
	case CLEARED:
		return put_values(p, row, &values, into) ? US_MAPPED_WANTED : US_MAPPED_FAILED;
	case IGNORED:
		if (!in->knows_existing)
			return US_MAPPED_NEEDS_EXISTING;
		return keep_stored(p, row, in->existing, into) ? US_MAPPED_WANTED : US_MAPPED_FAILED;
	case FILTERED:
		m->reason = us_slice(us_arena_printf(p->arena, "is filtered by the row " US_SLICE_FMT " of the mapping", US_SLICE_ARG(row->attribute)));
		return US_MAPPED_FILTERED;
	case FAILED:
		m->reason = us_slice(us_arena_printf(p->arena, US_SLICE_FMT ": %s", US_SLICE_ARG(row->attribute), p->err.text));
		return US_MAPPED_FAILED;
	}
	return US_MAPPED_FAILED;
}

/* All but the long text of err, which nobody looks at while nothing is wrong. */
static void begin(struct pass *p, struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena)
{
	p->mapping = mapping;
	p->arena = arena;
	p->record = (struct us_path_record) { .record = record, .arena = arena };
	p->script = (struct us_script_input) { .user = record->fields, .n_user = record->n_fields, .connector = mapping->connector };
	p->trace = NULL;
	p->err.code = US_OK;
}

void us_mapping_user(struct us_mapping *mapping, const struct us_mapping_input *in, struct us_arena *arena, struct us_mapped *ret)
{
	const struct us_record *record = in->record;
	struct pass p;
	struct us_mapped m = { .user = { .id = record->id, .active = record->active != US_TRI_NO } };
	struct into into = { .mapped = &m, .further = us_arena_array(arena, mapping->user.n, sizeof *into.further) };

	begin(&p, mapping, record, arena);
	if (in->trace)
		*in->trace = (struct us_trace) { .rows = us_arena_array(arena, mapping->user.n, sizeof *in->trace->rows) };
	if (!check_identity(record, arena, &m.reason))
		m.kind = US_MAPPED_FAILED;
	else if (mapping->asks_existing && !in->knows_existing)
		m.kind = US_MAPPED_NEEDS_EXISTING;
	if (m.kind == US_MAPPED_WANTED && mapping->asks_existing && in->existing) {
		p.script.existing = fields_of(in->existing, arena, &p.script.n_existing);
		p.script.has_existing = true;
	}
	for (size_t i = 0; i < mapping->user.n && m.kind == US_MAPPED_WANTED; i++)
		m.kind = map_row(&p, &mapping->user.row[i], in, &into);
	struct us_user *u = &m.user;
	if (!u->full_name.p && !mapping->has_no_full_name && (u->first_name.p || u->last_name.p))
		u->full_name = us_slice(us_arena_printf(arena, US_SLICE_FMT "%s" US_SLICE_FMT, US_SLICE_ARG(u->first_name),
			u->first_name.p && u->last_name.p ? " " : "", US_SLICE_ARG(u->last_name)));
	u->attributes = into.further;
	u->n_attributes = into.n;
	*ret = m;
}

bool us_mapping_group(struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_group *ret_group,
	struct us_slice *ret_reason)
{
	struct us_field *further = us_arena_array(arena, mapping->group.n, sizeof *further);
	struct us_group g = { .id = record->id, .attributes = further };
	struct pass p;

	begin(&p, mapping, record, arena);
	if (!check_identity(record, arena, ret_reason))
		return false;
	for (size_t i = 0; i < mapping->group.n; i++) {
		struct us_mapping_row *row = &mapping->group.row[i];
		bool is_name = row->target == US_TARGET_GROUP_NAME;
		struct values values;
		enum end end = evaluate(&p, row, &values);
		if (end == FAILED)
			return fail(arena, ret_reason, us_arena_printf(arena, US_SLICE_FMT ":", US_SLICE_ARG(row->attribute)), p.err.text);
		if (end == FILTERED)
			return fail(arena, ret_reason, us_arena_printf(arena, US_SLICE_FMT ":", US_SLICE_ARG(row->attribute)), "a script can drop users only");
		if (!values.n && is_name)
			return fail(arena, ret_reason, "the group has no name;", sources(row, arena).p);
		if (!values.n)
			continue;
		if (row->target == US_TARGET_OTHER) {
			for (size_t k = 0; k < values.n; k++)
				if (!check_value(arena, row->attribute.p, values.v[k], US_MAPPING_VALUE_MAX_BYTES, false, ret_reason))
					return false;
			further[g.n_attributes++] = (struct us_field) { row->attribute, values.v, values.n };
			continue;
		}
		if (!check_value(arena, is_name ? "the group's name" : "the description", values.v[0],
				is_name ? US_MAPPING_NAME_MAX_BYTES : US_MAPPING_VALUE_MAX_BYTES, is_name, ret_reason))
			return false;
		*(is_name ? &g.name : &g.description) = values.v[0];
	}
	*ret_group = g;
	return true;
}
