/* Who belongs to whom: /user/group, /group/user, /group/child-group, /group/parent-group, read */
#include "serve/crowd_stream.h"

/* What is asked for. */
struct question {
	enum us_object of, want; /* the kind of what is named, and of what is listed */
	enum us_reach reach;
	bool is_up;              /* groups: those above, not those below */
	const char *of_name, *want_name; /* parameters of the query */
};

struct members {
	struct us_crowd_stream stream;
	enum us_object want;
	struct us_seen_set set;
	struct us_seen_walk walk;
	struct us_crowd_window window;
	struct us_str name;
	struct us_arena row;
	enum us_crowd_depth depth;
};

static enum us_crowd_depth depth_of(const struct us_crowd_call *call, enum us_object want)
{
	return !us_crowd_expands(call, us_object_text(want)) ? US_CROWD_NAME : us_crowd_expands(call, "attributes") ? US_CROWD_ATTRIBUTES : US_CROWD_WHOLE;
}

static void fini(struct us_crowd_stream *stream)
{
	struct members *m = (struct members *) stream;

	us_seen_set_fini(&m->set);
	us_str_fini(&m->name);
	us_arena_fini(&m->row);
}

static enum us_errc put(struct members *m, uint32_t number, struct us_err *err)
{
	struct us_view *view = &m->stream.view;
	int64_t directory = view->directories[m->walk.at];
	struct us_user_image user;
	struct us_group_image group;
	enum us_errc rc = US_OK;

	us_arena_reset(&m->row);
	if (m->want == US_OBJECT_USER) {
		if (m->depth != US_CROWD_NAME)
			rc = us_object_load_user(view->c, &m->row, directory, number, &user, err);
		if (!rc)
			us_crowd_put_user(&m->stream.writer, us_str_slice(&m->name), directory, number, &user, m->depth);
	} else {
		if (m->depth != US_CROWD_NAME)
			rc = us_object_load_group(view->c, &m->row, directory, number, &group, err);
		if (!rc)
			us_crowd_put_group(&m->stream.writer, us_str_slice(&m->name), &group, m->depth);
	}
	return rc;
}

static enum us_errc next(struct us_crowd_stream *stream, struct us_err *err)
{
	struct members *m = (struct members *) stream;
	enum us_errc rc = US_END;
	uint32_t number;

	while (m->window.left > 0 && !(rc = us_view_walk_set(&stream->view, m->want, &m->set, &m->walk, &number, &m->name, err))) {
		if (m->window.start > 0) {
			m->window.start--;
			continue;
		}
		m->window.left--;
		return put(m, number, err);
	}
	if (m->window.left == 0)
		rc = US_END;
	if (rc == US_END)
		us_crowd_end_list(&stream->writer, us_object_text(m->want));
	return rc;
}

static enum us_errc load_set(struct us_crowd_call *call, const struct question *q, struct us_slice name, struct us_seen_set *set, struct us_err *err)
{
	struct us_seen_user user;
	struct us_seen_group group;
	enum us_errc rc;

	if (q->of == US_OBJECT_USER) {
		rc = us_crowd_find_user(call, name, &user, err);
		return rc ? rc : us_view_groups_of_user(&call->view, &user, q->reach, set, err);
	}
	rc = us_crowd_find_group(call, name, &group, err);
	if (rc)
		return rc;
	if (q->want == US_OBJECT_USER)
		return us_view_members(&call->view, name, q->reach, set, err);
	return q->is_up ? us_view_parent_groups(&call->view, name, q->reach, set, err) : us_view_child_groups(&call->view, name, q->reach, set, err);
}

/* With both names it is a question of yes or no: the entity, or 404. */
static enum us_errc answer_one(struct us_crowd_call *call, const struct question *q, struct us_slice name, struct us_slice wanted,
	const struct us_seen_set *set, struct us_err *err)
{
	struct us_seen_user user;
	struct us_seen_group group;
	bool has = false;
	enum us_errc rc = q->want == US_OBJECT_USER ? us_crowd_find_user(call, wanted, &user, err) : us_crowd_find_group(call, wanted, &group, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < call->view.n && !has; i++) {
		int64_t directory = call->view.directories[i];
		if (q->want == US_OBJECT_USER) {
			has = directory == user.directory && us_numbers_has(&set->of[i], user.number);
			continue;
		}
		struct us_group_image image;
		uint32_t number;
		rc = us_object_find_group(call->view.c, call->arena, directory, wanted, &number, &image, err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		has = !rc && us_numbers_has(&set->of[i], number);
	}
	if (!has)
		return us_crowd_refuse(call, US_CROWD_MEMBERSHIP_NOT_FOUND, err, "there is no membership between <%.*s> and <%.*s>",
			name.n > 150 ? 150 : (int) name.n, name.p, wanted.n > 150 ? 150 : (int) wanted.n, wanted.p);
	us_crowd_put_head(&call->writer);
	if (q->want == US_OBJECT_USER)
		us_crowd_put_user(&call->writer, user.image.user.name, user.directory, user.number, &user.image,
			us_crowd_expands(call, "user") ? US_CROWD_WHOLE : US_CROWD_NAME);
	else
		us_crowd_put_group(&call->writer, group.image.group.name, &group.image, us_crowd_expands(call, "group") ? US_CROWD_WHOLE : US_CROWD_NAME);
	return US_OK;
}

/* What applications ask most: the groups of a user, all in its own directory, none of them inside of another. Few statements suffice then.
 * *ret_is_answered false: some are. */
static enum us_errc answer_flat(struct us_crowd_call *call, const struct question *q, struct us_slice name, bool *ret_is_answered, struct us_err *err)
{
	enum us_crowd_depth depth = depth_of(call, US_OBJECT_GROUP);
	struct us_crowd_window window = us_crowd_read_window(call);
	struct us_group_image image;
	struct us_seen_user user;
	struct us_named *list;
	bool has_above = false;
	size_t n;
	enum us_errc rc = us_crowd_find_user(call, name, &user, err);

	if (!rc && q->reach == US_REACH_NESTED)
		rc = us_object_has_groups_above(call->view.c, user.directory, user.number, &has_above, err);
	*ret_is_answered = !has_above;
	if (rc || has_above)
		return rc;
	rc = us_group_names_list(call->serve->group_names, call->view.c, call->arena, user.directory, user.number, &list, &n, err);
	if (rc)
		return rc;
	us_crowd_begin_list(&call->writer, "group");
	for (size_t i = (size_t) window.start; i < n && window.left > 0 && !rc; i++, window.left--) {
		if (depth != US_CROWD_NAME)
			rc = us_object_load_group(call->view.c, call->arena, user.directory, list[i].number, &image, err);
		if (!rc)
			us_crowd_put_group(&call->writer, list[i].name, &image, depth);
	}
	us_crowd_end_list(&call->writer, "group");
	return rc;
}

static enum us_errc answer(struct us_crowd_call *call, const struct question *q, struct us_err *err)
{
	struct us_slice name, wanted = us_crowd_parameter(call, q->want_name);
	struct us_seen_set set;
	enum us_errc rc = us_crowd_need(call, q->of_name, &name, err);

	if (rc)
		return rc;
	if (q->of == US_OBJECT_USER && !wanted.p) {
		bool is_answered;
		rc = answer_flat(call, q, name, &is_answered, err);
		if (rc || is_answered)
			return rc;
	}
	us_seen_set_init(&set, &call->view);
	rc = load_set(call, q, name, &set, err);
	if (rc || wanted.p) {
		if (!rc)
			rc = answer_one(call, q, name, wanted, &set, err);
		us_seen_set_fini(&set);
		return rc;
	}
	struct members *m = us_crowd_stream_new(call, sizeof *m);
	m->stream.next = next;
	m->stream.fini = fini;
	m->want = q->want;
	m->set = set;
	m->window = us_crowd_read_window(call);
	m->depth = depth_of(call, q->want);
	us_crowd_begin_list(&m->stream.writer, us_object_text(q->want));
	return us_crowd_stream_send(call, &m->stream, err);
}

#define QUESTION(name, ...) \
	enum us_errc name(struct us_crowd_call *call, struct us_err *err) \
	{ \
		static const struct question question = { __VA_ARGS__ }; \
		return answer(call, &question, err); \
	}

QUESTION(us_crowd_get_groups_of_user, US_OBJECT_USER, US_OBJECT_GROUP, US_REACH_DIRECT, false, "username", "groupname")
QUESTION(us_crowd_get_nested_groups_of_user, US_OBJECT_USER, US_OBJECT_GROUP, US_REACH_NESTED, false, "username", "groupname")
QUESTION(us_crowd_get_users_of_group, US_OBJECT_GROUP, US_OBJECT_USER, US_REACH_DIRECT, false, "groupname", "username")
QUESTION(us_crowd_get_nested_users_of_group, US_OBJECT_GROUP, US_OBJECT_USER, US_REACH_NESTED, false, "groupname", "username")
QUESTION(us_crowd_get_child_groups, US_OBJECT_GROUP, US_OBJECT_GROUP, US_REACH_DIRECT, false, "groupname", "child-groupname")
QUESTION(us_crowd_get_nested_child_groups, US_OBJECT_GROUP, US_OBJECT_GROUP, US_REACH_NESTED, false, "groupname", "child-groupname")
QUESTION(us_crowd_get_parent_groups, US_OBJECT_GROUP, US_OBJECT_GROUP, US_REACH_DIRECT, true, "groupname", "parent-groupname")
QUESTION(us_crowd_get_nested_parent_groups, US_OBJECT_GROUP, US_OBJECT_GROUP, US_REACH_NESTED, true, "groupname", "parent-groupname")
