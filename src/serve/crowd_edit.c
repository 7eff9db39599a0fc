/* Writes to local directories: users, groups, attributes, passwords, memberships */
#include "base/fold.h"
#include "serve/crowd_body.h"
#include "store/directory.h"

static const enum us_crowd_reason reasons[US_EDIT_REFUSAL_COUNT] = {
	[US_EDIT_FINE] = US_CROWD_OPERATION_FAILED,
	[US_EDIT_NO_DIRECTORY] = US_CROWD_APPLICATION_PERMISSION_DENIED,
	[US_EDIT_SYNCED] = US_CROWD_APPLICATION_PERMISSION_DENIED,
	[US_EDIT_NO_USER] = US_CROWD_USER_NOT_FOUND,
	[US_EDIT_NO_GROUP] = US_CROWD_GROUP_NOT_FOUND,
	[US_EDIT_USER_EXISTS] = US_CROWD_INVALID_USER,
	[US_EDIT_GROUP_EXISTS] = US_CROWD_INVALID_GROUP,
	[US_EDIT_ID_TAKEN] = US_CROWD_OPERATION_FAILED,
	[US_EDIT_NO_MEMBERSHIP] = US_CROWD_MEMBERSHIP_NOT_FOUND,
	[US_EDIT_MEMBERSHIP_EXISTS] = US_CROWD_MEMBERSHIP_ALREADY_EXISTS,
	[US_EDIT_CYCLE] = US_CROWD_INVALID_GROUP,
	[US_EDIT_CHANGED] = US_CROWD_OPERATION_FAILED,
	[US_EDIT_BAD_NAME] = US_CROWD_ILLEGAL_ARGUMENT,
	[US_EDIT_BAD_VALUE] = US_CROWD_ILLEGAL_ARGUMENT,
	[US_EDIT_BAD_PASSWORD] = US_CROWD_INVALID_CREDENTIAL,
	[US_EDIT_RESERVED] = US_CROWD_ILLEGAL_ARGUMENT,
	[US_EDIT_TOO_MANY] = US_CROWD_ILLEGAL_ARGUMENT,
};

/* Hands one edit over. The view is closed first: the edit reads for itself. */
static enum us_errc apply(struct us_crowd_call *call, int64_t directory, const struct us_edit *edit, struct us_err *err)
{
	struct us_slice actor = us_slice(us_arena_printf(call->arena, "application " US_SLICE_FMT, US_SLICE_ARG(call->client.name)));
	struct us_edit_request request = { .directory = directory, .edits = edit, .n = 1, .actor = actor, .trigger = US_TRIGGER_APPLICATION };
	struct us_edit_result result = { 0 };

	us_view_close(&call->view);
	enum us_errc rc = call->serve->conf.edit(call->serve->conf.data, &request, &result, err);
	if (rc && result.refusal != US_EDIT_FINE)
		call->reason = reasons[result.refusal];
	return rc;
}

/* After an edit, what is answered is looked up anew. */
static enum us_errc reopen(struct us_crowd_call *call, struct us_err *err)
{
	return us_view_open(call->serve->conf.store, call->serve->kept, call->client.directories, call->client.n_directories, &call->view, err);
}

/* New objects go to the first directory that has no connector. */
static enum us_errc find_local(struct us_crowd_call *call, int64_t *ret_directory, struct us_err *err)
{
	struct us_directory d;

	for (size_t i = 0; i < call->view.n; i++) {
		enum us_errc rc = us_directory_load(call->view.c, call->arena, call->view.directories[i], &d, err);
		if (rc)
			return rc;
		if (!d.connector.p) {
			*ret_directory = d.id;
			return US_OK;
		}
	}
	return us_crowd_refuse(call, US_CROWD_APPLICATION_PERMISSION_DENIED, err, "the application \"" US_SLICE_FMT "\" has no directory that can be written to: "
		"all of them are synced", US_SLICE_ARG(call->client.name));
}

/* ---- what bodies say ---- */

/* A member that is there and no text: it would be passed over. null is as good as not there. */
static enum us_errc check_text(struct us_crowd_call *call, struct us_crowd_body body, const char *member, struct us_slice text, struct us_err *err)
{
	const struct us_json *v = us_crowd_body_find(body, member).json;

	return text.p || !v || v->type == US_JSON_NULL ? US_OK : us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "%s must be a text", member);
}

static enum us_errc take(struct us_crowd_call *call, struct us_crowd_body body, const char *member, unsigned field, struct us_edit *edit,
	struct us_slice *ret, struct us_err *err)
{
	struct us_slice text = us_crowd_body_text(call->arena, body, member);

	if (!text.p)
		return check_text(call, body, member, text, err);
	edit->fields |= field;
	*ret = text.n ? text : US_SLICE_NONE;
	return US_OK;
}

static enum us_errc take_active(struct us_crowd_call *call, struct us_crowd_body body, struct us_edit *edit, struct us_err *err)
{
	struct us_slice text = us_crowd_body_text(call->arena, body, "active");

	if (!text.n)
		return check_text(call, body, "active", text, err);
	edit->fields |= US_EDIT_ACTIVE;
	edit->active = us_slice_is_nocase(text, "true") || us_slice_is(text, "1");
	if (!edit->active && !us_slice_is_nocase(text, "false") && !us_slice_is(text, "0"))
		return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "active must be true or false");
	return US_OK;
}

static enum us_errc take_user(struct us_crowd_call *call, struct us_crowd_body body, struct us_edit *edit, struct us_err *err)
{
	enum us_errc rc = take(call, body, "first-name", US_EDIT_FIRST_NAME, edit, &edit->first_name, err);

	if (!rc)
		rc = take(call, body, "last-name", US_EDIT_LAST_NAME, edit, &edit->last_name, err);
	if (!rc)
		rc = take(call, body, "display-name", US_EDIT_FULL_NAME, edit, &edit->full_name, err);
	if (!rc)
		rc = take(call, body, "email", US_EDIT_EMAIL, edit, &edit->email, err);
	return rc ? rc : take_active(call, body, edit, err);
}

/* All groups are active: one that shall not be is refused, not kept active in silence. */
static enum us_errc take_group(struct us_crowd_call *call, struct us_crowd_body body, struct us_edit *edit, struct us_err *err)
{
	struct us_edit ignored = { .active = true };
	enum us_errc rc = take_active(call, body, &ignored, err);

	if (!rc && !ignored.active)
		rc = us_crowd_refuse(call, US_CROWD_UNSUPPORTED_OPERATION, err, "a group cannot be inactive here: take its members out, or delete it");
	return rc ? rc : take(call, body, "description", US_EDIT_DESCRIPTION, edit, &edit->description, err);
}

/* Whoever sends back another object than the address names has mixed something up. */
static enum us_errc check_name(struct us_crowd_call *call, struct us_crowd_body body, struct us_slice name, struct us_err *err)
{
	struct us_slice said = us_crowd_body_text(call->arena, body, "name");

	if (!said.n || us_hash_is_equal(us_fold_hash(said), us_fold_hash(name)))
		return US_OK;
	return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the body is about <%.*s>, the address about <%.*s>; a name is not changed by this call",
		said.n > 150 ? 150 : (int) said.n, said.p, name.n > 150 ? 150 : (int) name.n, name.p);
}

static enum us_errc take_values(struct us_crowd_call *call, struct us_crowd_body list, struct us_field *field, struct us_err *err)
{
	enum { MOST = 1000 };
	struct us_slice *texts = us_arena_array(call->arena, MOST, sizeof *texts);
	struct us_crowd_body value;

	for (; us_crowd_body_is_there(value = us_crowd_body_item(list, "value", field->n)); field->n++) {
		struct us_slice text = us_crowd_body_value(call->arena, value);
		if (field->n == MOST || !text.p)
			return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the attribute <%.*s> has %s", field->name.n > 150 ? 150 : (int) field->name.n,
				field->name.p, text.p ? "more than 1000 values" : "a value that is no text");
		texts[field->n] = text;
	}
	field->values = texts;
	return US_OK;
}

/* "attributes" and "attribute", as members of members or at once. */
static enum us_errc take_attributes(struct us_crowd_call *call, struct us_crowd_body body, struct us_edit *edit, struct us_err *err)
{
	enum { MOST = 1000 };
	struct us_crowd_body list = us_crowd_body_find(body, "attributes"), item;
	struct us_field *fields = us_arena_array(call->arena, MOST, sizeof *fields);
	size_t n = 0;

	if (!list.json && !list.xml)
		list = us_crowd_body_find(body, "attribute").json ? us_crowd_body_find(body, "attribute") : body;
	for (; us_crowd_body_is_there(item = us_crowd_body_item(list, "attribute", n)); n++) {
		struct us_crowd_body values = us_crowd_body_find(item, "values");
		struct us_slice name = us_crowd_body_text(call->arena, item, "name");
		if (n == MOST || !name.n)
			return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, n == MOST ? "more than 1000 attributes" : "an attribute has no name");
		if (!us_crowd_body_is_there(values))
			values = us_crowd_body_find(item, "value");
		fields[n] = (struct us_field) { .name = name };
		enum us_errc rc = take_values(call, values, &fields[n], err);
		if (rc)
			return rc;
	}
	if (!n)
		return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the body has no attributes");
	edit->fields = US_EDIT_ATTRIBUTES;
	edit->attributes = fields;
	edit->n_attributes = n;
	return US_OK;
}

static enum us_errc need_name(struct us_crowd_call *call, struct us_crowd_body body, struct us_slice *ret_name, struct us_err *err)
{
	*ret_name = us_crowd_body_text(call->arena, body, "name");
	return ret_name->n ? US_OK : us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the body has no name");
}

/* ---- users ---- */

static enum us_errc find_user(struct us_crowd_call *call, struct us_seen_user *ret_user, struct us_err *err)
{
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "username", &name, err);

	return rc ? rc : us_crowd_find_user(call, name, ret_user, err);
}

static enum us_errc find_group(struct us_crowd_call *call, struct us_seen_group *ret_group, struct us_err *err)
{
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "groupname", &name, err);

	return rc ? rc : us_crowd_find_group(call, name, ret_group, err);
}

static enum us_errc answer_user(struct us_crowd_call *call, struct us_slice name, struct us_err *err)
{
	struct us_seen_user user;
	enum us_errc rc = reopen(call, err);

	if (!rc)
		rc = us_crowd_find_user(call, name, &user, err);
	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_user(&call->writer, user.image.user.name, user.directory, user.number, &user.image, US_CROWD_WHOLE);
	return US_OK;
}

/* In no directory of the application: of two users with one name it would see the first alone. self: who may have it; NULL: nobody. */
static enum us_errc need_free_name(struct us_crowd_call *call, struct us_slice name, const struct us_seen_user *self, struct us_err *err)
{
	struct us_seen_user user;
	enum us_errc rc = us_view_find_user(&call->view, call->arena, name, &user, err);

	if (rc == US_NOT_FOUND || (!rc && self && user.directory == self->directory && user.number == self->number))
		return US_OK;
	return rc ? rc : us_crowd_refuse(call, US_CROWD_INVALID_USER, err, "there is a user <" US_SLICE_FMT "> already", US_SLICE_ARG(user.image.user.name));
}

/* The member of a new user, {"value": …}; a bare text is taken as well. What was shown has none, but a link. */
static enum us_errc take_password(struct us_crowd_call *call, struct us_crowd_body password, struct us_slice *ret_password, struct us_err *err)
{
	bool is_bare = password.json && password.json->type != US_JSON_OBJECT && password.json->type != US_JSON_NULL;

	*ret_password = is_bare ? us_crowd_body_value(call->arena, password) : us_crowd_body_exact(call->arena, password, "value");
	if (is_bare && !ret_password->p)
		return us_crowd_refuse(call, US_CROWD_INVALID_CREDENTIAL, err, "password must be an object with a value");
	return is_bare ? US_OK : check_text(call, password, "value", *ret_password, err);
}

enum us_errc us_crowd_add_user(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_CREATE_USER, .active = true };
	struct us_crowd_body body;
	int64_t directory = 0;
	enum us_errc rc = us_crowd_body_read(call, call->arena, &body, err);

	if (!rc)
		rc = need_name(call, body, &edit.name, err);
	if (!rc)
		rc = take_user(call, body, &edit, err);
	if (!rc)
		rc = find_local(call, &directory, err);
	if (rc)
		return rc;
	if ((rc = need_free_name(call, edit.name, NULL, err)))
		return rc;
	edit.fields |= US_EDIT_NAME | US_EDIT_ACTIVE;
	if ((rc = take_password(call, us_crowd_body_find(body, "password"), &edit.password, err)))
		return rc;
	if (edit.password.n)
		edit.fields |= US_EDIT_PASSWORD;
	rc = apply(call, directory, &edit, err);
	call->answer->status = 201;
	return rc ? rc : answer_user(call, edit.name, err);
}

/* What the body leaves out stays as it is. */
enum us_errc us_crowd_update_user(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER };
	struct us_crowd_body body;
	struct us_seen_user user;
	enum us_errc rc = find_user(call, &user, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (!rc)
		rc = check_name(call, body, user.image.user.name, err);
	if (!rc)
		rc = take_user(call, body, &edit, err);
	if (rc)
		return rc;
	edit.object.number = user.number;
	call->answer->status = 204;
	return apply(call, user.directory, &edit, err);
}

enum us_errc us_crowd_remove_user(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	enum us_errc rc = find_user(call, &user, err);

	if (rc)
		return rc;
	call->answer->status = 204;
	return apply(call, user.directory, &(struct us_edit) { .kind = US_EDIT_DELETE_USER, .object.number = user.number }, err);
}

enum us_errc us_crowd_rename_user(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER, .fields = US_EDIT_NAME };
	struct us_crowd_body body;
	struct us_seen_user user;
	enum us_errc rc = find_user(call, &user, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (rc)
		return rc;
	edit.name = us_crowd_body_text(call->arena, body, "new-name");
	if (!edit.name.p && body.xml && us_slice_is(body.xml->name, "new-name"))
		edit.name = us_slice_trim(us_crowd_body_value(call->arena, body));
	if (!edit.name.n)
		return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the body has no new-name");
	if ((rc = need_free_name(call, edit.name, &user, err)))
		return rc;
	edit.object.number = user.number;
	rc = apply(call, user.directory, &edit, err);
	return rc ? rc : answer_user(call, edit.name, err);
}

/* Which sessions end is for the application to say: it knows in which one the user has changed the password. If it cannot be read, all do. */
static void keep_sessions(struct us_crowd_call *call, const struct us_seen_user *user)
{
	struct us_hash password = US_HASH_ZERO;
	struct us_err ignored = US_ERR_INIT;

	if (!reopen(call, &ignored) && !us_crowd_load_password(call, user->directory, user->number, &password, &ignored))
		us_sessions_keep(call->serve->sessions, user->directory, user->number, password);
}

enum us_errc us_crowd_set_password(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_USER, .fields = US_EDIT_PASSWORD };
	struct us_crowd_body body;
	struct us_seen_user user;
	enum us_errc rc = find_user(call, &user, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (rc)
		return rc;
	edit.object.number = user.number;
	edit.password = us_crowd_body_exact(call->arena, body, "value");
	if (!edit.password.n)
		return us_crowd_refuse(call, US_CROWD_INVALID_CREDENTIAL, err, "the body has no password");
	call->answer->status = 204;
	rc = apply(call, user.directory, &edit, err);
	if (!rc)
		keep_sessions(call, &user);
	return rc;
}

/* ---- groups ---- */

enum us_errc us_crowd_add_group(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_CREATE_GROUP, .fields = US_EDIT_NAME };
	struct us_crowd_body body;
	struct us_seen_group group;
	int64_t directory = 0;
	enum us_errc rc = us_crowd_body_read(call, call->arena, &body, err);

	if (!rc)
		rc = need_name(call, body, &edit.name, err);
	if (!rc)
		rc = take_group(call, body, &edit, err);
	if (!rc)
		rc = find_local(call, &directory, err);
	if (rc)
		return rc;
	rc = apply(call, directory, &edit, err);
	if (!rc)
		rc = reopen(call, err);
	if (!rc)
		rc = us_crowd_find_group(call, edit.name, &group, err);
	if (rc)
		return rc;
	call->answer->status = 201;
	us_crowd_put_head(&call->writer);
	us_crowd_put_group(&call->writer, group.image.group.name, &group.image, US_CROWD_WHOLE);
	return US_OK;
}

enum us_errc us_crowd_update_group(struct us_crowd_call *call, struct us_err *err)
{
	struct us_edit edit = { .kind = US_EDIT_UPDATE_GROUP };
	struct us_crowd_body body;
	struct us_seen_group group;
	enum us_errc rc = find_group(call, &group, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (!rc)
		rc = check_name(call, body, group.image.group.name, err);
	if (!rc)
		rc = take_group(call, body, &edit, err);
	if (rc)
		return rc;
	edit.object.number = group.number;
	rc = apply(call, group.directory, &edit, err);
	if (!rc)
		rc = reopen(call, err);
	if (!rc)
		rc = us_view_load_group(&call->view, call->arena, group.directory, group.number, &group, err);
	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_group(&call->writer, group.image.group.name, &group.image, US_CROWD_WHOLE);
	return US_OK;
}

enum us_errc us_crowd_remove_group(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_group group;
	enum us_errc rc = find_group(call, &group, err);

	if (rc)
		return rc;
	call->answer->status = 204;
	return apply(call, group.directory, &(struct us_edit) { .kind = US_EDIT_DELETE_GROUP, .object.number = group.number }, err);
}

/* ---- attributes of either ---- */

/* The user or the group that the address names. */
static enum us_errc find_object(struct us_crowd_call *call, bool is_group, int64_t *ret_directory, uint32_t *ret_number, struct us_err *err)
{
	struct us_seen_user user;
	struct us_seen_group group;
	enum us_errc rc = is_group ? find_group(call, &group, err) : find_user(call, &user, err);

	if (rc)
		return rc;
	*ret_directory = is_group ? group.directory : user.directory;
	*ret_number = is_group ? group.number : user.number;
	return US_OK;
}

static enum us_errc set_attributes(struct us_crowd_call *call, bool is_group, struct us_err *err)
{
	struct us_edit edit = { .kind = is_group ? US_EDIT_UPDATE_GROUP : US_EDIT_UPDATE_USER };
	struct us_crowd_body body;
	int64_t directory = 0;
	enum us_errc rc = find_object(call, is_group, &directory, &edit.object.number, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (!rc)
		rc = take_attributes(call, body, &edit, err);
	call->answer->status = 204;
	return rc ? rc : apply(call, directory, &edit, err);
}

static enum us_errc remove_attribute(struct us_crowd_call *call, bool is_group, struct us_err *err)
{
	struct us_field attribute = { .n = 0 };
	struct us_edit edit = { .kind = is_group ? US_EDIT_UPDATE_GROUP : US_EDIT_UPDATE_USER, .fields = US_EDIT_ATTRIBUTES,
		.attributes = &attribute, .n_attributes = 1 };
	int64_t directory = 0;
	enum us_errc rc = find_object(call, is_group, &directory, &edit.object.number, err);

	if (!rc)
		rc = us_crowd_need(call, "attributename", &attribute.name, err);
	call->answer->status = 204;
	return rc ? rc : apply(call, directory, &edit, err);
}

enum us_errc us_crowd_set_user_attributes(struct us_crowd_call *call, struct us_err *err) { return set_attributes(call, false, err); }
enum us_errc us_crowd_remove_user_attribute(struct us_crowd_call *call, struct us_err *err) { return remove_attribute(call, false, err); }
enum us_errc us_crowd_set_group_attributes(struct us_crowd_call *call, struct us_err *err) { return set_attributes(call, true, err); }
enum us_errc us_crowd_remove_group_attribute(struct us_crowd_call *call, struct us_err *err) { return remove_attribute(call, true, err); }

/* ---- memberships ---- */

/* The group `parent` gets or loses a member, in the directory of the member. */
static enum us_errc change_membership(struct us_crowd_call *call, bool is_group, bool is_addition, struct us_slice parent, struct us_slice member,
	struct us_err *err)
{
	struct us_edit edit = { .kind = is_group ? is_addition ? US_EDIT_ADD_GROUP : US_EDIT_REMOVE_GROUP : is_addition ? US_EDIT_ADD_USER : US_EDIT_REMOVE_USER,
		.object.name = parent };
	struct us_seen_user user;
	struct us_seen_group group, child;
	enum us_errc rc = us_crowd_find_group(call, parent, &group, err);

	if (!rc)
		rc = is_group ? us_crowd_find_group(call, member, &child, err) : us_crowd_find_user(call, member, &user, err);
	if (rc)
		return rc;
	edit.member = is_group ? (struct us_edit_ref) { child.number, child.image.group.name } : (struct us_edit_ref) { user.number, user.image.user.name };
	call->answer->status = is_addition ? 201 : 204;
	return apply(call, is_group ? child.directory : user.directory, &edit, err);
}

/* One name by a parameter, the other in the body or by a second parameter. */
static enum us_errc change(struct us_crowd_call *call, bool is_group, bool is_addition, bool names_parent, const char *first, const char *second,
	struct us_err *err)
{
	struct us_slice one, other;
	struct us_crowd_body body;
	enum us_errc rc = us_crowd_need(call, first, &one, err);

	if (!rc && is_addition) {
		rc = us_crowd_body_read(call, call->arena, &body, err);
		if (!rc)
			rc = need_name(call, body, &other, err);
	} else if (!rc) {
		rc = us_crowd_need(call, second, &other, err);
	}
	return rc ? rc : change_membership(call, is_group, is_addition, names_parent ? one : other, names_parent ? other : one, err);
}

#define CHANGE(name, ...) \
	enum us_errc name(struct us_crowd_call *call, struct us_err *err) { return change(call, __VA_ARGS__, err); }

CHANGE(us_crowd_add_user_to_group, false, true, true, "groupname", NULL)
CHANGE(us_crowd_remove_user_from_group, false, false, true, "groupname", "username")
CHANGE(us_crowd_add_group_to_user, false, true, false, "username", NULL)
CHANGE(us_crowd_remove_group_from_user, false, false, false, "username", "groupname")
CHANGE(us_crowd_add_child_group, true, true, true, "groupname", NULL)
CHANGE(us_crowd_remove_child_group, true, false, true, "groupname", "child-groupname")
CHANGE(us_crowd_add_parent_group, true, true, false, "groupname", NULL)
CHANGE(us_crowd_remove_parent_group, true, false, false, "groupname", "parent-groupname")
