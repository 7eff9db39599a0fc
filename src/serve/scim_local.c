/* Target: a local directory. Each write is a list of edits, which becomes a run. */
#include <stdlib.h>

#include "serve/scim_object.h"
#include "serve/scim_write.h"
#include "store/directory.h"

/* ---- reading ---- */

static enum us_errc unknown(const struct us_scim_kind *kind, struct us_slice id, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no %s \"%.*s\"", us_scim_is_group(kind) ? "group" : "user", id.n > 100 ? 100 : (int) id.n, id.p);
}

static bool parse_id(const struct us_scim_kind *kind, struct us_slice id, uint32_t *ret_number)
{
	bool is_group;

	return us_scim_object_parse_id(id, &is_group, ret_number) && is_group == us_scim_is_group(kind);
}

static void add_member(struct us_arena *arena, struct us_json_array *list, bool is_group, uint32_t number)
{
	struct us_json_object o = { .arena = arena };

	us_json_object_add_text(&o, "value", us_scim_object_id(arena, is_group, number));
	us_json_object_add_text(&o, "type", us_slice(is_group ? us_scim_group.name : us_scim_user.name));
	us_json_array_add(list, us_json_object_done(&o));
}

static void add_members(struct us_arena *arena, struct us_scim_object *object)
{
	struct us_json_object o = us_json_object_of(arena, &object->resource);
	struct us_json_array list = { .arena = arena };

	for (size_t i = 0; i < object->members.n_users; i++)
		add_member(arena, &list, false, object->members.users[i].number);
	for (size_t i = 0; i < object->members.n_groups; i++)
		add_member(arena, &list, true, object->members.groups[i].number);
	if (list.n)
		us_json_object_add(&o, US_SLICE("members"), us_json_array_done(&list));
	object->resource = us_json_object_done(&o);
}

static enum us_errc load(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, unsigned want,
	struct us_scim_stored *ret_stored, struct us_err *err)
{
	struct us_scim_object object;
	struct us_directory directory;
	struct us_listed row;
	uint32_t number;
	enum us_errc rc = us_scim_open_view(call, err);

	if (rc)
		return rc;
	const struct us_scim_source source = { call->view.c, call->directory, call->base, call->serve->group_names, call->serve->kept };
	if (!parse_id(kind, id, &number))
		return unknown(kind, id, err);
	rc = us_object_find_listed(call->view.c, call->arena, call->directory, us_scim_is_group(kind), US_OBJECT_BY_NUMBER, US_SLICE_NONE, number, &row, err);
	if (rc)
		return rc == US_NOT_FOUND ? unknown(kind, id, err) : rc;
	if ((rc = us_directory_load(call->view.c, call->arena, call->directory, &directory, err)) ||
		(rc = us_scim_object_make(&source, call->arena, kind, &row, want != 0, &object, err)))
		return rc;
	if (want & US_SCIM_WANT_MEMBERS && us_scim_is_group(kind))
		add_members(call->arena, &object);
	*ret_stored = (struct us_scim_stored) { .resource = object.resource, .version = object.version,
		.revision = us_scim_is_group(kind) ? row.group.revision : row.user.revision, .whole_revision = directory.revision };
	return US_OK;
}

static enum us_errc find_member(struct us_scim_call *call, struct us_slice group, struct us_slice member, bool *ret_is, struct us_err *err)
{
	uint32_t number, member_number;
	bool is_group;

	*ret_is = false;
	if (!parse_id(&us_scim_group, group, &number) || !us_scim_object_parse_id(member, &is_group, &member_number))
		return US_OK;
	return us_object_find_member(call->view.c, call->directory, number, member_number, is_group, ret_is, err);
}

/* ---- attributes ---- */

static struct us_slice text_of(const struct us_json *resource, const char *name)
{
	struct us_slice text = us_json_string(resource, name);

	return text.n ? text : US_SLICE_NONE;
}

static void set(struct us_edit *edit, unsigned field, struct us_slice *to, struct us_slice value)
{
	edit->fields |= field;
	*to = value;
}

/* displayName and name.formatted are one field. Of a whole resource the former counts, of a PATCH the one that it changed. */
static struct us_slice full_name_of(const struct us_scim_write *write)
{
	struct us_slice shown = text_of(write->resource, "displayName"), formatted = text_of(us_json_find(write->resource, "name"), "formatted");

	if (!write->is_partial)
		return shown.p ? shown : formatted;
	struct us_slice before = text_of(&write->stored->resource, "displayName");
	bool is_same = shown.p && before.p ? us_slice_is_equal(shown, before) : !shown.p && !before.p;
	return is_same ? formatted : shown;
}

/* One address has room: the primary one, else that of the type work, else the first. */
static struct us_slice email_of(const struct us_json *resource)
{
	const struct us_json *list = us_json_find(resource, "emails");
	const struct us_json *best = NULL;
	int rank = -1;

	for (size_t i = 0; list && i < list->array.n; i++) {
		const struct us_json *v = &list->array.items[i];
		int r = us_json_bool(v, "primary", false) ? 2 : us_slice_is_nocase(us_json_string(v, "type"), "work") ? 1 : 0;
		if (r > rank && us_json_string(v, "value").n) {
			best = v;
			rank = r;
		}
	}
	return best ? text_of(best, "value") : US_SLICE_NONE;
}

/* Further attributes: each that SCIM can name gets what the resource says, or goes; the others of the user stay. */
struct fields {
	struct us_arena *arena;
	struct us_field *list;
	size_t n;
	const struct us_user *have; /* NULL: the user is new */
};

/* What has no value is left out. *ret_types: one for each, none if none has one. */
static struct us_field values_of(struct us_arena *arena, const struct us_json *v, struct us_field *ret_types)
{
	size_t most = v && v->type == US_JSON_ARRAY ? v->array.n : 1, n = 0;
	struct us_slice *values = us_arena_array(arena, most + 1, sizeof *values), *types = us_arena_array(arena, most + 1, sizeof *types);
	bool has_types = false;

	if (v && v->type == US_JSON_STRING)
		values[n++] = v->string;
	for (size_t i = 0; v && v->type == US_JSON_ARRAY && i < v->array.n; i++) {
		struct us_slice type = us_json_string(&v->array.items[i], "type");
		values[n] = us_json_string(&v->array.items[i], "value");
		types[n] = type.p ? type : US_SLICE("");
		has_types |= values[n].n && type.n;
		n += values[n].n > 0;
	}
	*ret_types = (struct us_field) { .values = types, .n = has_types ? n : 0 };
	return (struct us_field) { .values = values, .n = n };
}

/* Under the name that the user has it by, whatever its case; of two such names one is left. */
static void add_field(struct fields *fields, struct us_field field, const char *name)
{
	bool is_placed = false;

	for (size_t i = 0; fields->have && i < fields->have->n_attributes; i++) {
		if (!us_slice_is_nocase(fields->have->attributes[i].name, name))
			continue;
		struct us_field *to = &fields->list[fields->n++];
		*to = is_placed ? (struct us_field) { .n = 0 } : field;
		to->name = fields->have->attributes[i].name;
		is_placed = true;
	}
	if (is_placed || !field.n)
		return;
	field.name = us_slice(name);
	fields->list[fields->n++] = field;
}

static void add_fields(struct fields *fields, const struct us_scim_attribute *attributes, const struct us_json *from)
{
	for (const struct us_scim_attribute *a = attributes; a->name; a++) {
		struct us_field types;
		if (us_scim_object_has_field(a))
			continue;
		add_field(fields, values_of(fields->arena, us_json_find(from, a->name), &types), a->name);
		if (a->is_multi)
			add_field(fields, types, us_arena_printf(fields->arena, "%s" US_SCIM_TYPES, a->name));
	}
}

static void take_user(struct us_scim_call *call, const struct us_scim_write *write, const struct us_user *have, struct us_edit *edit)
{
	const struct us_json *r = write->resource, *name = us_json_find(r, "name"), *active = us_json_find(r, "active");
	struct fields fields = { .arena = call->arena, .have = have };

	fields.list = us_arena_array(call->arena, 2 * US_SCIM_MAX_ATTRIBUTES + (have ? have->n_attributes : 0), sizeof *fields.list);
	set(edit, US_EDIT_FULL_NAME, &edit->full_name, full_name_of(write));
	set(edit, US_EDIT_FIRST_NAME, &edit->first_name, text_of(name, "givenName"));
	set(edit, US_EDIT_LAST_NAME, &edit->last_name, text_of(name, "familyName"));
	set(edit, US_EDIT_EMAIL, &edit->email, email_of(r));
	/* To leave it out does not let somebody in again. */
	if (!have || active) {
		edit->fields |= US_EDIT_ACTIVE;
		edit->active = us_json_bool(r, "active", true);
	}
	if (text_of(r, "password").p)
		set(edit, US_EDIT_PASSWORD, &edit->password, text_of(r, "password"));
	add_fields(&fields, us_scim_user.schema->attributes, r);
	add_fields(&fields, us_scim_user.extension->attributes, us_json_find(r, us_scim_user.extension->id));
	edit->fields |= US_EDIT_ATTRIBUTES;
	edit->attributes = fields.list;
	edit->n_attributes = fields.n;
}

static enum us_errc take_attributes(struct us_scim_call *call, const struct us_scim_write *write, struct us_edit *edit, struct us_err *err)
{
	bool is_group = us_scim_is_group(write->kind);
	struct us_slice id = text_of(write->resource, "externalId");
	struct us_user_image image;
	enum us_errc rc = US_OK;

	set(edit, US_EDIT_NAME, &edit->name, us_json_string(write->resource, is_group ? "displayName" : "userName"));
	if (id.p || write->is_partial)
		set(edit, US_EDIT_ID, &edit->id, id);
	if (is_group)
		return US_OK;
	if (write->action == US_SCIM_CHANGE)
		rc = us_object_load_user(call->view.c, call->arena, call->directory, edit->object.number, &image, err);
	if (!rc)
		take_user(call, write, write->action == US_SCIM_CHANGE ? &image.user : NULL, edit);
	return rc;
}

/* ---- members ---- */

struct edits {
	struct us_edit *list;
	size_t n;
};

static void add_membership(struct edits *edits, struct us_edit_ref group, bool is_group, bool is_addition, uint32_t number)
{
	edits->list[edits->n++] = (struct us_edit) { .object = group, .member.number = number, .is_lenient = true,
		.kind = is_group ? is_addition ? US_EDIT_ADD_GROUP : US_EDIT_REMOVE_GROUP : is_addition ? US_EDIT_ADD_USER : US_EDIT_REMOVE_USER };
}

static enum us_errc no_member(struct us_slice id, struct us_err *err)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "there is no user or group \"%.*s\" to be a member", id.n > 100 ? 100 : (int) id.n,
		id.p);
}

/* Members as numbers, sorted: groups behind users. */
static uint64_t key_of(bool is_group, uint32_t number) { return (uint64_t) is_group << 32 | number; }

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

static enum us_errc add_removals_but(struct us_scim_call *call, const struct us_scim_write *write, uint32_t group, struct edits *edits, struct us_err *err)
{
	const struct us_member *users, *groups;
	size_t n_users, n_groups;
	bool is_group;
	uint32_t number;
	uint64_t *stay = us_arena_array(call->arena, write->n_added + 1, sizeof *stay);
	enum us_errc rc = us_object_load_members(call->view.c, call->arena, call->directory, group, &users, &n_users, &groups, &n_groups, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < write->n_added; i++)
		if (us_scim_object_parse_id(write->added[i], &is_group, &number))
			stay[i] = key_of(is_group, number);
	qsort(stay, write->n_added, sizeof *stay, by_key);
	struct us_edit *more = us_arena_array(call->arena, edits->n + n_users + n_groups + write->n_added + 1, sizeof *more);
	memcpy(more, edits->list, edits->n * sizeof *more);
	edits->list = more;
	for (size_t i = 0; i < n_users + n_groups; i++) {
		uint32_t who = i < n_users ? users[i].number : groups[i - n_users].number;
		uint64_t key = key_of(i >= n_users, who);
		if (!bsearch(&key, stay, write->n_added, sizeof *stay, by_key))
			add_membership(edits, (struct us_edit_ref) { .number = group }, i >= n_users, false, who);
	}
	return US_OK;
}

static enum us_errc take_members(struct us_scim_call *call, const struct us_scim_write *write, struct us_edit_ref group, struct edits *edits,
	struct us_err *err)
{
	enum us_errc rc = US_OK;
	bool is_group, is;
	uint32_t number;

	if (write->replaces_members && group.number)
		rc = add_removals_but(call, write, group.number, edits, err);
	for (size_t i = 0; i < write->n_removed && !rc; i++) {
		rc = find_member(call, write->id, write->removed[i], &is, err);
		if (!rc && is && us_scim_object_parse_id(write->removed[i], &is_group, &number))
			add_membership(edits, group, is_group, false, number);
	}
	for (size_t i = 0; i < write->n_added && !rc; i++) {
		if (!us_scim_object_parse_id(write->added[i], &is_group, &number))
			return no_member(write->added[i], err);
		add_membership(edits, group, is_group, true, number);
	}
	return rc;
}

/* ---- writing ---- */

static enum us_errc refuse(struct us_scim_call *call, const struct us_scim_write *write, const struct edits *edits, const struct us_edit_result *result, struct us_err *err)
{
	const struct us_edit *edit = &edits->list[result->at];
	bool is_addition = edit->kind == US_EDIT_ADD_USER || edit->kind == US_EDIT_ADD_GROUP;
	bool is_removal = edit->kind == US_EDIT_REMOVE_USER || edit->kind == US_EDIT_REMOVE_GROUP;

	switch (result->refusal) {
	case US_EDIT_CHANGED:
		err->native = US_SCIM_STALE;
		return err->code;
	case US_EDIT_NO_USER:
	case US_EDIT_NO_GROUP:
		/* Who was there when the list was made is gone. */
		if (is_removal) {
			err->native = US_SCIM_STALE;
			return err->code = US_CONFLICT;
		}
		if (is_addition)
			return no_member(us_scim_object_id(call->arena, edit->kind == US_EDIT_ADD_GROUP, edit->member.number), err);
		return unknown(write->kind, write->id, err);
	case US_EDIT_USER_EXISTS:
	case US_EDIT_GROUP_EXISTS:
	case US_EDIT_ID_TAKEN:
		err->native = US_SCIM_UNIQUENESS;
		return err->code;
	case US_EDIT_CYCLE:
		err->native = US_SCIM_INVALID_VALUE;
		return err->code = US_INVALID;
	case US_EDIT_BAD_NAME:
	case US_EDIT_BAD_VALUE:
	case US_EDIT_BAD_PASSWORD:
	case US_EDIT_RESERVED:
		err->native = US_SCIM_INVALID_VALUE;
		return err->code;
	case US_EDIT_FINE:
	case US_EDIT_NO_DIRECTORY:
	case US_EDIT_SYNCED:
	case US_EDIT_NO_MEMBERSHIP:
	case US_EDIT_MEMBERSHIP_EXISTS:
	case US_EDIT_TOO_MANY:
	case US_EDIT_REFUSAL_COUNT:
		break;
	}
	return err->code;
}

static enum us_errc apply(struct us_scim_call *call, const struct us_scim_write *write, const struct edits *edits, uint32_t *numbers, struct us_err *err)
{
	struct us_slice actor = us_slice(us_arena_printf(call->arena, "application " US_SLICE_FMT, US_SLICE_ARG(call->client.name)));
	struct us_edit_request request = { .directory = call->directory, .edits = edits->list, .n = edits->n, .actor = actor,
		.trigger = US_TRIGGER_APPLICATION, .numbers = numbers };
	struct us_edit_result result = { 0 };

	if (write->action != US_SCIM_CREATE && (write->hold == US_SCIM_HOLD_ALL || write->replaces_members))
		request.expect = write->stored->whole_revision;
	/* The edit reads for itself. */
	us_view_close(&call->view);
	enum us_errc rc = call->serve->conf.edit(call->serve->conf.data, &request, &result, err);
	return rc && result.refusal != US_EDIT_FINE ? refuse(call, write, edits, &result, err) : rc;
}

static enum us_errc write(struct us_scim_call *call, const struct us_scim_write *write, struct us_slice *ret_id, struct us_err *err)
{
	bool is_group = us_scim_is_group(write->kind), has_object = write->resource || write->action == US_SCIM_DELETE;
	struct us_edit_ref group = { .number = 0 };
	struct edits edits = { us_arena_array(call->arena, write->n_added + write->n_removed + 1, sizeof *edits.list), 0 };
	struct us_edit *edit = &edits.list[0];
	enum us_errc rc = US_OK;

	if (write->action != US_SCIM_CREATE && !parse_id(write->kind, write->id, &group.number))
		return unknown(write->kind, write->id, err);
	switch (write->action) {
	case US_SCIM_CREATE:
		edit->kind = is_group ? US_EDIT_CREATE_GROUP : US_EDIT_CREATE_USER;
		break;
	case US_SCIM_CHANGE:
		edit->kind = is_group ? US_EDIT_UPDATE_GROUP : US_EDIT_UPDATE_USER;
		break;
	case US_SCIM_DELETE:
		edit->kind = is_group ? US_EDIT_DELETE_GROUP : US_EDIT_DELETE_USER;
		break;
	}
	edit->object = group;
	if (write->hold == US_SCIM_HOLD_ATTRIBUTES)
		edit->expect = write->stored->revision;
	if (write->resource)
		rc = take_attributes(call, write, edit, err);
	if (rc)
		return rc;
	/* A new group has no number yet, but a name. */
	if (write->action == US_SCIM_CREATE)
		group.name = edit->name;
	edits.n = has_object;
	if (is_group && write->action != US_SCIM_DELETE && (rc = take_members(call, write, group, &edits, err)))
		return rc;
	if (!edits.n) {
		*ret_id = write->id;
		return US_OK;
	}
	uint32_t *numbers = us_arena_array(call->arena, edits.n, sizeof *numbers);
	rc = apply(call, write, &edits, numbers, err);
	if (!rc)
		*ret_id = us_scim_object_id(call->arena, is_group, numbers[0]);
	return rc;
}

static enum us_errc send(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, struct us_err *err)
{
	enum us_errc rc = us_scim_open_view(call, err);

	return rc ? rc : us_scim_send(call, kind, id, false, err);
}

const struct us_scim_target us_scim_local = { false, true, load, find_member, write, send };
