/* Edits: changing directories without a connector by hand */
#include <stdio.h>

#include "api/handlers.h"
#include "api/status.h"
#include "base/clock.h"
#include "store/directory.h"

enum { NAME_CHARACTERS = 255 };

/* ---- directories ---- */

enum us_errc us_directories_create(struct us_call *call, struct us_err *err)
{
	static const char *const members[] = { "name", NULL };
	struct us_slice name = US_SLICE_NONE;
	const struct us_json *body;
	char location[80];
	int64_t id;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	name = us_call_read_text(call, body, "name", true);
	if (name.p)
		us_call_check_name(call, "name", name, NAME_CHARACTERS);
	us_call_refuse_others(call, body, members);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_directory_check_name(call->c, name, err);
	if (!rc)
		rc = us_directory_create(call->c, name, US_SLICE_NONE, us_clock_wall_s(), &id, err);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	if (rc)
		return rc;
	snprintf(location, sizeof location, US_API_BASE "/directory/%lld", (long long) id);
	us_httpd_add_header(call->answer, "Location", location);
	call->parameters[0] = us_slice(us_arena_printf(call->arena, "%lld", (long long) id));
	return us_directories_show(call, err);
}

/* What was done by hand, newest first. */
enum us_errc us_directories_list_edits(struct us_call *call, struct us_err *err)
{
	struct us_directory directory;
	struct us_slice cursor;
	struct us_run *runs;
	int64_t id, limit, before = 0;
	size_t n;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &id, err);

	if (!rc)
		rc = us_call_read_limit(call, 50, 1000, &limit, err);
	if (!rc)
		rc = us_call_read_cursor(call, 'e', &cursor, err);
	if (!rc && cursor.p && (!us_slice_to_int(cursor, &before) || before < 1))
		rc = us_err_set(err, US_INVALID, "the cursor is not one of this list");
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = us_directory_load(call->c, call->arena, id, &directory, err);
	if (!rc)
		rc = us_run_list_edits(call->c, call->arena, id, before, (size_t) limit + 1, &runs, &n, err);
	if (!rc)
		us_status_write_page(call, 'e', runs, n, (size_t) limit);
	return rc;
}

/* ---- reading a body ---- */

/* A text that is set, or taken away by null. */
static void read_text(struct us_call *call, const struct us_json *body, const char *key, unsigned field, struct us_slice *value, struct us_edit *edit)
{
	const struct us_json *v = us_json_find(body, key);

	if (!v)
		return;
	if (v->type != US_JSON_STRING && v->type != US_JSON_NULL)
		us_problem_add(call->arena, &call->problems, key, "must be a string or null, not %s", us_json_type_name(v->type));
	*value = v->type == US_JSON_STRING ? v->string : US_SLICE_NONE;
	edit->fields |= field;
}

/* The values of one attribute: a string, an array of strings, or null for none. */
static struct us_field read_attribute(struct us_call *call, const struct us_json_member *m)
{
	const struct us_json *items = &m->value;
	size_t n = 1;
	bool is_wrong = false;

	if (m->value.type == US_JSON_ARRAY) {
		items = m->value.array.items;
		n = m->value.array.n;
	} else if (m->value.type == US_JSON_NULL) {
		n = 0;
	}
	struct us_slice *values = us_arena_array(call->arena, n, sizeof *values);
	for (size_t i = 0; i < n; i++) {
		is_wrong |= items[i].type != US_JSON_STRING;
		values[i] = items[i].string;
	}
	if (is_wrong)
		us_problem_add(call->arena, &call->problems, "attributes", "\"%.*s\" must be a string, an array of strings, or null",
			m->key.n > 100 ? 100 : (int) m->key.n, m->key.p);
	return (struct us_field) { m->key, values, is_wrong ? 0 : n };
}

static void read_attributes(struct us_call *call, const struct us_json *body, struct us_edit *edit)
{
	const struct us_json *v = us_json_find(body, "attributes");

	if (!v)
		return;
	if (v->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, "attributes", "must be an object, not %s", us_json_type_name(v->type));
		return;
	}
	struct us_field *list = us_arena_array(call->arena, v->object.n, sizeof *list);
	for (size_t i = 0; i < v->object.n; i++)
		list[i] = read_attribute(call, &v->object.members[i]);
	edit->attributes = list;
	edit->n_attributes = v->object.n;
	edit->fields |= US_EDIT_ATTRIBUTES;
}

static void read_name(struct us_call *call, const struct us_json *body, bool is_new, struct us_edit *edit)
{
	edit->name = us_call_read_text(call, body, "name", is_new);
	if (!edit->name.p)
		return;
	us_call_check_name(call, "name", edit->name, NAME_CHARACTERS);
	edit->fields |= US_EDIT_NAME;
}

/* The revision that was shown must be the one that is there. */
static void read_revision(struct us_call *call, const struct us_json *body, struct us_edit *edit)
{
	const struct us_json *v = us_json_find(body, "revision");

	if (v && v->type == US_JSON_INT && v->integer >= 0)
		edit->expect = v->integer;
	else if (v)
		us_problem_add(call->arena, &call->problems, "revision", "must be a number, as it was shown");
}

static enum us_errc read_user(struct us_call *call, bool is_new, struct us_edit *edit, struct us_err *err)
{
	static const char *const members[] = { "name", "fullName", "firstName", "lastName", "email", "active", "attributes", "password", "revision",
		"id", "owned", "hash", "missingSince", NULL }; /* the last four are shown, and may be sent back */
	const struct us_json *body, *active;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	read_name(call, body, is_new, edit);
	read_text(call, body, "fullName", US_EDIT_FULL_NAME, &edit->full_name, edit);
	read_text(call, body, "firstName", US_EDIT_FIRST_NAME, &edit->first_name, edit);
	read_text(call, body, "lastName", US_EDIT_LAST_NAME, &edit->last_name, edit);
	read_text(call, body, "email", US_EDIT_EMAIL, &edit->email, edit);
	edit->active = true;
	if ((active = us_json_find(body, "active"))) {
		if (active->type != US_JSON_BOOL)
			us_problem_add(call->arena, &call->problems, "active", "must be true or false");
		edit->active = us_json_bool(body, "active", true);
		edit->fields |= US_EDIT_ACTIVE;
	}
	read_attributes(call, body, edit);
	read_revision(call, body, edit);
	edit->password = us_call_read_text(call, body, "password", false);
	us_call_check_password(call, edit->password);
	if (edit->password.p)
		edit->fields |= US_EDIT_PASSWORD;
	us_call_refuse_others(call, body, members);
	return us_call_check_problems(call, err);
}

static enum us_errc read_group(struct us_call *call, bool is_new, struct us_edit *edit, struct us_err *err)
{
	static const char *const members[] = { "name", "description", "attributes", "revision", "id", "owned", "hash", NULL };
	const struct us_json *body;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	read_name(call, body, is_new, edit);
	read_text(call, body, "description", US_EDIT_DESCRIPTION, &edit->description, edit);
	read_attributes(call, body, edit);
	read_revision(call, body, edit);
	us_call_refuse_others(call, body, members);
	return us_call_check_problems(call, err);
}

/* ---- doing it ---- */

static enum us_errc apply(struct us_call *call, struct us_edit *edit, struct us_err *err)
{
	struct us_job_who who = us_call_who(call);
	struct us_edit_result result;
	int64_t directory;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &directory, err);

	if (rc)
		return rc;
	const struct us_edit_request request = { .directory = directory, .edits = edit, .n = 1, .actor = who.name, .trigger = who.trigger };
	return us_job_edit(call->api->conf.job, &request, &result, err);
}

/* The object as it is now, under the name that it has now. */
static enum us_errc answer(struct us_call *call, const struct us_edit *edit, const char *kind, struct us_err *err)
{
	bool is_user = kind[0] == 'u';

	if (edit->name.p)
		call->parameters[1] = edit->name;
	if (call->answer->status == 201) {
		struct us_str location = US_STR_INIT;
		us_str_printf(&location, US_API_BASE "/directory/" US_SLICE_FMT "/%s/", US_SLICE_ARG(call->parameters[0]), kind);
		us_target_add_encoded(&location, edit->name);
		us_httpd_add_header(call->answer, "Location", us_str_text(&location));
		us_str_fini(&location);
	}
	return is_user ? us_directories_show_user(call, err) : us_directories_show_group(call, err);
}

enum us_errc us_edits_create_user(struct us_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_CREATE_USER };
	enum us_errc rc = read_user(call, true, &edit, err);

	edit.expect = 0; /* nothing is there to have one */
	if (!rc)
		rc = apply(call, &edit, err);
	return rc ? rc : answer(call, &edit, "user", err);
}

enum us_errc us_edits_save_user(struct us_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER, .object.name = call->parameters[1] };
	enum us_errc rc = read_user(call, false, &edit, err);

	if (!rc)
		rc = apply(call, &edit, err);
	return rc ? rc : answer(call, &edit, "user", err);
}

enum us_errc us_edits_create_group(struct us_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_CREATE_GROUP };
	enum us_errc rc = read_group(call, true, &edit, err);

	edit.expect = 0;
	if (!rc)
		rc = apply(call, &edit, err);
	return rc ? rc : answer(call, &edit, "group", err);
}

enum us_errc us_edits_save_group(struct us_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_GROUP, .object.name = call->parameters[1] };
	enum us_errc rc = read_group(call, false, &edit, err);

	if (!rc)
		rc = apply(call, &edit, err);
	return rc ? rc : answer(call, &edit, "group", err);
}

static enum us_errc apply_to(struct us_call *call, enum us_edit_kind kind, struct us_err *err)
{
	struct us_edit edit = { .kind = kind, .object.name = call->parameters[1], .member.name = call->parameters[2] };

	/* PUT says what shall be: twice is as good as once. */
	edit.is_lenient = call->route->method == US_HTTPD_PUT;
	return apply(call, &edit, err);
}

enum us_errc us_edits_delete_user(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_DELETE_USER, err); }
enum us_errc us_edits_delete_group(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_DELETE_GROUP, err); }
enum us_errc us_edits_add_user(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_ADD_USER, err); }
enum us_errc us_edits_remove_user(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_REMOVE_USER, err); }
enum us_errc us_edits_add_group(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_ADD_GROUP, err); }
enum us_errc us_edits_remove_group(struct us_call *call, struct us_err *err) { return apply_to(call, US_EDIT_REMOVE_GROUP, err); }

enum us_errc us_edits_set_password(struct us_call *call, struct us_err *err)
{
	static const char *const members[] = { "password", NULL };
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER, .object.name = call->parameters[1], .fields = US_EDIT_PASSWORD };
	const struct us_json *body;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	edit.password = us_call_read_text(call, body, "password", true);
	us_call_check_password(call, edit.password);
	us_call_refuse_others(call, body, members);
	rc = us_call_check_problems(call, err);
	return rc ? rc : apply(call, &edit, err);
}

enum us_errc us_edits_remove_password(struct us_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER, .object.name = call->parameters[1], .fields = US_EDIT_PASSWORD };

	return apply(call, &edit, err);
}
