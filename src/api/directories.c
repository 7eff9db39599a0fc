/* Directories: what is there, and what is in them */
#include <stdio.h>

#include "api/handlers.h"
#include "store/directory.h"
#include "store/login.h"
#include "store/object.h"

enum { GROUPS_SHOWN = 1000 };

static void write_directory(struct us_jsonw *w, const struct us_directory *d)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", d->id);
	us_jsonw_put_string(w, "name", d->name);
	us_jsonw_put_string(w, "connectorUID", d->connector);
	us_jsonw_put_int(w, "users", d->n_users);
	us_jsonw_put_int(w, "activeUsers", d->n_active_users);
	us_jsonw_put_int(w, "groups", d->n_groups);
	us_jsonw_put_int(w, "memberships", d->n_memberships);
	us_jsonw_put_int(w, "revision", d->revision);
	us_call_put_time(w, "created", d->created);
	us_jsonw_close(w, '}');
}

static enum us_errc load(struct us_call *call, struct us_directory *ret_directory, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &id, err);

	if (!rc)
		rc = call->c ? US_OK : us_call_lease_reader(call, err);
	return rc ? rc : us_directory_load(call->c, call->arena, id, ret_directory, err);
}

enum us_errc us_directories_list(struct us_call *call, struct us_err *err)
{
	struct us_directory *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_directory_list(call->c, call->arena, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		write_directory(&call->w, &list[i]);
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_directories_show(struct us_call *call, struct us_err *err)
{
	struct us_directory d;
	enum us_errc rc = load(call, &d, err);

	if (!rc)
		write_directory(&call->w, &d);
	return rc;
}

enum us_errc us_directories_delete(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "directory", &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_directory_delete(call->c, id, err);
	return rc ? rc : us_call_commit(call, err);
}

typedef enum us_errc list_fn(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, struct us_slice search,
	size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err);

static enum us_errc list(struct us_call *call, char kind, const char *key, list_fn *list_objects, struct us_err *err)
{
	struct us_slice search = us_target_parameter(&call->request->target, "search"), after;
	struct us_directory d;
	struct us_listed *found;
	int64_t limit;
	size_t n;
	enum us_errc rc = us_call_read_limit(call, 100, 1000, &limit, err);

	if (!rc)
		rc = us_call_read_cursor(call, kind, &after, err);
	if (!rc)
		rc = load(call, &d, err);
	if (!rc)
		rc = list_objects(call->c, call->arena, d.id, after, search.n ? search : US_SLICE_NONE, (size_t) limit + 1, &found, &n, err);
	if (rc)
		return rc;
	bool has_more = n > (size_t) limit;
	if (has_more)
		n = (size_t) limit;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, key);
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		if (kind == 'u')
			us_user_image_write(&call->w, &found[i].user);
		else
			us_group_image_write(&call->w, &found[i].group);
	us_jsonw_close(&call->w, ']');
	us_call_put_cursor(call, kind, has_more ? found[n - 1].fold : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}

enum us_errc us_directories_list_users(struct us_call *call, struct us_err *err)
{
	return list(call, 'u', "users", us_object_list_users, err);
}

enum us_errc us_directories_list_groups(struct us_call *call, struct us_err *err)
{
	return list(call, 'g', "groups", us_object_list_groups, err);
}

static enum us_errc put_group_names(struct us_call *call, const char *key, int64_t directory, const struct us_member *groups, size_t n,
	struct us_err *err)
{
	us_jsonw_key(&call->w, key);
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n && i < GROUPS_SHOWN; i++) {
		struct us_group_image group;
		enum us_errc rc = us_object_load_group(call->c, call->arena, directory, groups[i].number, &group, err);
		if (rc)
			return rc;
		us_jsonw_string(&call->w, group.group.name);
	}
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_directories_show_user(struct us_call *call, struct us_err *err)
{
	struct us_directory d;
	struct us_user_image user;
	const struct us_member *groups;
	struct us_login login = { 0 };
	uint32_t number;
	size_t n;
	enum us_errc rc = load(call, &d, err);

	if (!rc)
		rc = us_object_find_user(call->c, call->arena, d.id, call->parameters[1], &number, &user, err);
	if (!rc)
		rc = us_object_load_groups_of_user(call->c, call->arena, d.id, number, &groups, &n, err);
	if (!rc && (rc = us_login_load(call->c, call->arena, d.id, number, &login, err)) == US_NOT_FOUND)
		rc = US_OK;
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, "user");
	us_user_image_write(&call->w, &user);
	us_call_put_time(&call->w, "lastLogin", login.at);
	us_jsonw_put_string(&call->w, "lastLoginVia", login.via);
	us_jsonw_put_int(&call->w, "groupCount", (int64_t) n);
	rc = put_group_names(call, "groups", d.id, groups, n, err);
	us_jsonw_close(&call->w, '}');
	return rc;
}

/* Members come by page in order of their numbers; sub-groups stand on the first one. */
enum us_errc us_directories_show_group(struct us_call *call, struct us_err *err)
{
	struct us_directory d;
	struct us_group_image group;
	const struct us_member *users, *groups;
	struct us_slice cursor;
	int64_t limit, after = 0;
	uint32_t number;
	size_t n_users, n_groups, i = 0, shown = 0;
	char last[24];
	enum us_errc rc = us_call_read_limit(call, 100, 1000, &limit, err);

	if (!rc)
		rc = us_call_read_cursor(call, 'm', &cursor, err);
	if (!rc && cursor.p && (!us_slice_to_int(cursor, &after) || after < 1))
		rc = us_err_set(err, US_INVALID, "the cursor is not one of this list");
	if (!rc)
		rc = load(call, &d, err);
	if (!rc)
		rc = us_object_find_group(call->c, call->arena, d.id, call->parameters[1], &number, &group, err);
	if (!rc)
		rc = us_object_load_members(call->c, call->arena, d.id, number, &users, &n_users, &groups, &n_groups, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, "group");
	us_group_image_write(&call->w, &group);
	us_jsonw_put_int(&call->w, "userCount", (int64_t) n_users);
	us_jsonw_put_int(&call->w, "groupCount", (int64_t) n_groups);
	us_jsonw_key(&call->w, "users");
	us_jsonw_open(&call->w, '[');
	while (i < n_users && (int64_t) users[i].number <= after)
		i++;
	for (; i < n_users && shown < (size_t) limit; i++, shown++) {
		struct us_user_image user;
		rc = us_object_load_user(call->c, call->arena, d.id, users[i].number, &user, err);
		if (rc)
			return rc;
		us_jsonw_string(&call->w, user.user.name);
	}
	us_jsonw_close(&call->w, ']');
	rc = put_group_names(call, "groups", d.id, groups, after ? 0 : n_groups, err);
	if (i < n_users && shown)
		snprintf(last, sizeof last, "%u", users[i - 1].number);
	us_call_put_cursor(call, 'm', i < n_users && shown ? us_slice(last) : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return rc;
}
