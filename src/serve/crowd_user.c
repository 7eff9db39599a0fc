/* /user, /group and their attributes, read */
#include "serve/crowd_call.h"

static enum us_crowd_depth depth_of(const struct us_crowd_call *call)
{
	return us_crowd_expands(call, "attributes") ? US_CROWD_ATTRIBUTES : US_CROWD_WHOLE;
}

/* By username, or by the key that an entity had. */
static enum us_errc find_named(struct us_crowd_call *call, struct us_seen_user *ret_user, struct us_err *err)
{
	struct us_slice key = us_crowd_parameter(call, "key"), name;
	int64_t directory;
	uint32_t number;

	if (!key.p || us_crowd_parameter(call, "username").p) {
		enum us_errc rc = us_crowd_need(call, "username", &name, err);
		return rc ? rc : us_crowd_find_user(call, name, ret_user, err);
	}
	enum us_errc rc = us_crowd_parse_key(key, &directory, &number) ?
		us_view_load_user(&call->view, call->arena, directory, number, ret_user, err) : US_NOT_FOUND;
	if (rc == US_NOT_FOUND)
		return us_crowd_refuse(call, US_CROWD_USER_NOT_FOUND, err, "User with key <%.*s> does not exist", key.n > 200 ? 200 : (int) key.n, key.p);
	return rc;
}

enum us_errc us_crowd_get_user(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	enum us_errc rc = find_named(call, &user, err);

	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_user(&call->writer, user.image.user.name, user.directory, user.number, &user.image, depth_of(call));
	return US_OK;
}

enum us_errc us_crowd_get_user_attributes(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	enum us_errc rc = find_named(call, &user, err);

	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_attributes(&call->writer, user.image.user.attributes, user.image.user.n_attributes);
	return US_OK;
}

static enum us_errc find_group(struct us_crowd_call *call, struct us_seen_group *ret_group, struct us_err *err)
{
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "groupname", &name, err);

	return rc ? rc : us_crowd_find_group(call, name, ret_group, err);
}

enum us_errc us_crowd_get_group(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_group group;
	enum us_errc rc = find_group(call, &group, err);

	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_group(&call->writer, group.image.group.name, &group.image, depth_of(call));
	return US_OK;
}

enum us_errc us_crowd_get_group_attributes(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_group group;
	enum us_errc rc = find_group(call, &group, err);

	if (rc)
		return rc;
	us_crowd_put_head(&call->writer);
	us_crowd_put_attributes(&call->writer, group.image.group.attributes, group.image.group.n_attributes);
	return US_OK;
}
