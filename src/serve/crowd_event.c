/* /event: what has changed since a token, for clients that keep a mirror.
 *
 * A token is the feed's tokens of the application's directories, in its order. The events say what is true now of every name that the feed has told
 * of since, not what happened to it on the way: whoever does what they say has afterwards what a full mirror would have, whatever was
 * renamed, swapped or undone in between. All is read in one moment with the token for the next time.
 *
 * Order: what is gone, groups, users, groups in groups, users in groups. A group that lost its name or got a new one, or was deleted in one of several
 * directories, is said to be gone first, and its members anew.
 */
#include <stdlib.h>

#include "base/fold.h"
#include "base/map.h"
#include "serve/crowd_stream.h"
#include "store/feed.h"

enum { NAMES_MOST = 50000, ITEMS_AT_ONCE = 20 };

enum flag {
	GONE = 1,    /* somebody lost the name */
	NEW = 2,     /* somebody got it */
	CHANGED = 4,
	MEMBER = 8,  /* its memberships are others now */
};

struct name {
	struct us_slice text;
	unsigned flags;
};
struct names {
	struct us_map map;
	struct name *list;
	size_t cap;
};

enum phase { USERS_GONE, GROUPS_GONE, GROUPS, USERS, GROUPS_IN_GROUPS, USERS_IN_GROUPS, OVER };

struct events {
	struct us_crowd_stream stream;
	struct names users, groups;
	enum phase phase;
	size_t at;
	struct us_arena row;
};

static void fini(struct us_crowd_stream *stream)
{
	struct events *e = (struct events *) stream;

	us_map_fini(&e->users.map);
	us_map_fini(&e->groups.map);
	free(e->users.list);
	free(e->groups.list);
	us_arena_fini(&e->row);
}

/* ---- which names ---- */

static void add(struct events *e, struct names *names, struct us_slice text, unsigned flags)
{
	bool is_new;
	uint32_t at = us_map_put(&names->map, us_fold_hash(text), &is_new);

	if (is_new) {
		if (at == names->cap) {
			names->cap = names->cap ? 2 * names->cap : 64;
			names->list = us_realloc(names->list, names->cap * sizeof *names->list);
		}
		names->list[at] = (struct name) { us_slice_dup(&e->stream.arena, text), 0 };
	}
	names->list[at].flags |= flags;
}

/* A user or group: before or after may be NONE. A new user may hide one of another directory, with other groups. */
static void add_change(struct events *e, struct names *names, struct us_slice before, struct us_slice after)
{
	bool hides = names == &e->users && e->stream.view.n > 1;
	bool is_same = before.p && after.p && us_hash_is_equal(us_fold_hash(before), us_fold_hash(after));

	if (before.p && !is_same)
		add(e, names, before, GONE | MEMBER);
	if (after.p)
		add(e, names, after, is_same ? CHANGED : NEW | (before.p || hides ? MEMBER : 0));
}

static void add_row(struct events *e, const struct us_feed_row *row)
{
	const struct us_change *c = &row->change;

	switch (row->step) {
	case US_FEED_LEAVE:
	case US_FEED_JOIN:
		for (size_t i = 0; i < row->n_members; i++) {
			add(e, row->members[i].is_group ? &e->groups : &e->users, row->members[i].name, MEMBER);
			if (row->members[i].is_group)
				add(e, &e->groups, c->name, MEMBER);
		}
		break;
	case US_FEED_DELETE_USER:
	case US_FEED_WRITE_USER:
		add_change(e, &e->users, c->user.before ? c->user.before->user.name : US_SLICE_NONE,
			row->step == US_FEED_WRITE_USER && c->user.after ? c->user.after->user.name : US_SLICE_NONE);
		break;
	case US_FEED_DELETE_GROUP:
	case US_FEED_WRITE_GROUP:
		add_change(e, &e->groups, c->group.before ? c->group.before->group.name : US_SLICE_NONE,
			row->step == US_FEED_WRITE_GROUP && c->group.after ? c->group.after->group.name : US_SLICE_NONE);
		break;
	case US_FEED_END:
		break;
	}
}

static enum us_errc too_much(struct us_crowd_call *call, struct us_err *err)
{
	return us_crowd_refuse(call, US_CROWD_EVENT_TOKEN_EXPIRED, err, "more than %d users and groups have changed since this token: read everything again", NAMES_MOST);
}

static enum us_errc read_feed(struct us_crowd_call *call, struct events *e, int64_t directory, struct us_slice token, struct us_err *err)
{
	struct us_view *view = &e->stream.view;
	struct us_feed feed;
	struct us_feed_row row;
	enum us_errc rc = us_feed_open(view->c, directory, token, &feed, err);

	if (rc)
		return rc;
	while (e->users.map.n + e->groups.map.n <= NAMES_MOST) {
		us_arena_reset(&e->row);
		if ((rc = us_feed_next(&feed, &e->row, &row, err)))
			break;
		add_row(e, &row);
	}
	us_feed_close(&feed);
	return rc == US_END ? US_OK : rc ? rc : too_much(call, err);
}

/* The members of groups that are said anew, users and groups. */
static enum us_errc add_members(struct us_crowd_call *call, struct events *e, struct us_slice group, struct us_err *err)
{
	struct us_view *view = &e->stream.view;
	struct us_seen_set sets[3];
	struct us_str name = US_STR_INIT;
	enum us_errc rc = US_OK;

	for (int i = 0; i < 3; i++)
		us_seen_set_init(&sets[i], view);
	rc = us_view_members(view, group, US_REACH_DIRECT, &sets[0], err);
	if (!rc)
		rc = us_view_child_groups(view, group, US_REACH_DIRECT, &sets[1], err);
	if (!rc)
		rc = us_view_parent_groups(view, group, US_REACH_DIRECT, &sets[2], err);
	for (int i = 0; i < 3 && !rc; i++) {
		struct us_seen_walk walk = { 0 };
		uint32_t number;
		while (!(rc = us_view_walk_set(view, i ? US_OBJECT_GROUP : US_OBJECT_USER, &sets[i], &walk, &number, &name, err))) {
			add(e, i ? &e->groups : &e->users, us_str_slice(&name), MEMBER);
			if (e->users.map.n + e->groups.map.n > NAMES_MOST) {
				rc = too_much(call, err);
				break;
			}
		}
		rc = rc == US_END ? US_OK : rc;
	}
	for (int i = 0; i < 3; i++)
		us_seen_set_fini(&sets[i]);
	us_str_fini(&name);
	return rc;
}

static enum us_errc find_names(struct us_crowd_call *call, struct events *e, struct us_slice tokens, struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < e->stream.view.n && !rc; i++) {
		const char *dot = tokens.n ? memchr(tokens.p, '.', tokens.n) : NULL;
		size_t n = dot ? (size_t) (dot - tokens.p) : tokens.n;
		rc = read_feed(call, e, e->stream.view.directories[i], (struct us_slice) { tokens.p ? tokens.p : "", n }, err);
		tokens.p += n + (dot != NULL);
		tokens.n -= n + (dot != NULL);
	}
	/* Those that this adds are members alone: they add nobody. */
	size_t n_groups = e->groups.map.n;
	for (size_t i = 0; i < n_groups && !rc; i++)
		if (e->groups.list[i].flags & GONE || (e->groups.list[i].flags & NEW && e->groups.list[i].flags & MEMBER))
			rc = add_members(call, e, e->groups.list[i].text, err);
	return rc;
}

/* ---- what is said of them ---- */

static void begin(struct us_crowd_writer *w, const char *token)
{
	us_crowd_put_head(w);
	if (w->is_json) {
		us_jsonw_open(&w->w, '{');
		us_jsonw_put_text(&w->w, "newEventToken", token);
		us_jsonw_put_bool(&w->w, "incrementalSynchronisationAvailable", true);
		us_jsonw_key(&w->w, "events");
		us_jsonw_open(&w->w, '[');
	} else {
		us_str_add_text(w->out, "<events newEventToken=\"");
		us_str_add_text(w->out, token);
		us_str_add_text(w->out, "\" incrementalSynchronisationAvailable=\"true\">");
	}
}

static void end(struct us_crowd_writer *w)
{
	if (w->is_json) {
		us_jsonw_close(&w->w, ']');
		us_jsonw_close(&w->w, '}');
	} else {
		us_str_add_text(w->out, "</events>");
	}
}

static void open_event(struct us_crowd_writer *w, const char *event, const char *operation)
{
	if (w->is_json) {
		us_jsonw_open(&w->w, '{');
		us_jsonw_put_text(&w->w, "type", event);
		us_jsonw_put_text(&w->w, "operation", operation);
	} else {
		us_str_printf(w->out, "<%s><operation>%s</operation>", event, operation);
	}
}

static void close_event(struct us_crowd_writer *w, const char *event)
{
	if (w->is_json)
		us_jsonw_close(&w->w, '}');
	else
		us_str_printf(w->out, "</%s>", event);
}

static void put_key(struct us_crowd_writer *w, const char *key)
{
	if (w->is_json)
		us_jsonw_key(&w->w, key);
}

static void put_gone(struct us_crowd_writer *w, const char *event, bool is_user, struct us_slice name)
{
	open_event(w, event, "DELETED");
	put_key(w, is_user ? "user" : "group");
	if (is_user)
		us_crowd_put_user(w, name, 0, 0, NULL, US_CROWD_NAME);
	else
		us_crowd_put_group(w, name, NULL, US_CROWD_NAME);
	close_event(w, event);
}

static enum us_errc put_user(struct events *e, const struct name *name, struct us_err *err)
{
	struct us_crowd_writer *w = &e->stream.writer;
	struct us_seen_user user;
	enum us_errc rc = us_view_find_user(&e->stream.view, &e->row, name->text, &user, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	open_event(w, "userEvent", name->flags & (GONE | NEW) ? "CREATED" : "UPDATED");
	put_key(w, "user");
	us_crowd_put_user(w, user.image.user.name, user.directory, user.number, &user.image, US_CROWD_ATTRIBUTES);
	close_event(w, "userEvent");
	return US_OK;
}

static enum us_errc put_group(struct events *e, const struct name *name, struct us_err *err)
{
	struct us_crowd_writer *w = &e->stream.writer;
	struct us_seen_group group;
	enum us_errc rc = us_view_find_group(&e->stream.view, &e->row, name->text, &group, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	open_event(w, "groupEvent", name->flags & (GONE | NEW) ? "CREATED" : "UPDATED");
	put_key(w, "group");
	us_crowd_put_group(w, group.image.group.name, &group.image, US_CROWD_ATTRIBUTES);
	close_event(w, "groupEvent");
	return US_OK;
}

/* <parentGroups> or <childGroups>, all of them by name. */
static enum us_errc put_groups(struct events *e, const char *member, const struct us_seen_set *set, struct us_err *err)
{
	struct us_crowd_writer *w = &e->stream.writer;
	struct us_str name = US_STR_INIT;
	struct us_seen_walk walk = { 0 };
	uint32_t number;
	enum us_errc rc;

	if (w->is_json) {
		us_jsonw_key(&w->w, member);
		us_jsonw_open(&w->w, '[');
	} else {
		us_str_printf(w->out, "<%s expand=\"group\">", member);
	}
	while (!(rc = us_view_walk_set(&e->stream.view, US_OBJECT_GROUP, set, &walk, &number, &name, err)))
		us_crowd_put_group(w, us_str_slice(&name), NULL, US_CROWD_NAME);
	if (w->is_json)
		us_jsonw_close(&w->w, ']');
	else
		us_str_printf(w->out, "</%s>", member);
	us_str_fini(&name);
	return rc == US_END ? US_OK : rc;
}

static enum us_errc put_groups_of_group(struct events *e, const struct name *name, struct us_err *err)
{
	struct us_view *view = &e->stream.view;
	struct us_seen_group group;
	struct us_seen_set parents, children;
	enum us_errc rc = us_view_find_group(view, &e->row, name->text, &group, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	us_seen_set_init(&parents, view);
	us_seen_set_init(&children, view);
	rc = us_view_parent_groups(view, name->text, US_REACH_DIRECT, &parents, err);
	if (!rc)
		rc = us_view_child_groups(view, name->text, US_REACH_DIRECT, &children, err);
	open_event(&e->stream.writer, "groupMembershipEvent", "UPDATED");
	put_key(&e->stream.writer, "group");
	us_crowd_put_group(&e->stream.writer, group.image.group.name, NULL, US_CROWD_NAME);
	if (!rc)
		rc = put_groups(e, "parentGroups", &parents, err);
	if (!rc)
		rc = put_groups(e, "childGroups", &children, err);
	close_event(&e->stream.writer, "groupMembershipEvent");
	us_seen_set_fini(&parents);
	us_seen_set_fini(&children);
	return rc;
}

static enum us_errc put_groups_of_user(struct events *e, const struct name *name, struct us_err *err)
{
	struct us_view *view = &e->stream.view;
	struct us_seen_user user;
	struct us_seen_set groups;
	enum us_errc rc = us_view_find_user(view, &e->row, name->text, &user, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	us_seen_set_init(&groups, view);
	rc = us_view_groups_of_user(view, &user, US_REACH_DIRECT, &groups, err);
	open_event(&e->stream.writer, "userMembershipEvent", "UPDATED");
	put_key(&e->stream.writer, "childUser");
	us_crowd_put_child_user(&e->stream.writer, user.image.user.name);
	if (!rc)
		rc = put_groups(e, "parentGroups", &groups, err);
	close_event(&e->stream.writer, "userMembershipEvent");
	us_seen_set_fini(&groups);
	return rc;
}

static enum us_errc put_name(struct events *e, const struct name *name, struct us_err *err)
{
	us_arena_reset(&e->row);
	switch (e->phase) {
	case USERS_GONE:
		if (name->flags & GONE)
			put_gone(&e->stream.writer, "userEvent", true, name->text);
		return US_OK;
	case GROUPS_GONE:
		if (name->flags & GONE)
			put_gone(&e->stream.writer, "groupEvent", false, name->text);
		return US_OK;
	case GROUPS:
		return name->flags & (GONE | NEW | CHANGED) ? put_group(e, name, err) : US_OK;
	case USERS:
		return name->flags & (GONE | NEW | CHANGED) ? put_user(e, name, err) : US_OK;
	case GROUPS_IN_GROUPS:
		return name->flags & MEMBER ? put_groups_of_group(e, name, err) : US_OK;
	case USERS_IN_GROUPS:
		return name->flags & MEMBER ? put_groups_of_user(e, name, err) : US_OK;
	case OVER:
		break;
	}
	return US_OK;
}

static enum us_errc next(struct us_crowd_stream *stream, struct us_err *err)
{
	struct events *e = (struct events *) stream;
	enum us_errc rc = US_OK;

	for (int i = 0; i < ITEMS_AT_ONCE && !rc && e->phase != OVER; i++) {
		struct names *names = e->phase == USERS_GONE || e->phase == USERS || e->phase == USERS_IN_GROUPS ? &e->users : &e->groups;
		if (e->at == names->map.n) {
			e->phase++;
			e->at = 0;
		} else {
			rc = put_name(e, &names->list[e->at++], err);
		}
	}
	if (rc || e->phase != OVER)
		return rc;
	end(&stream->writer);
	return US_END;
}

/* ---- the calls ---- */

/* The token for the next time: of the moment that the view is of. */
static enum us_errc add_tokens(struct us_view *view, struct us_str *out, struct us_err *err)
{
	struct us_feed_token token;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < view->n && !rc; i++) {
		rc = us_feed_newest(view->c, view->directories[i], &token, err);
		if (!rc && i)
			us_str_add_char(out, '.');
		if (!rc)
			us_str_add(out, token.text, sizeof token.text - 1);
	}
	/* Without a directory there is nothing to follow, and nothing will change. */
	if (!view->n)
		us_str_add_text(out, "none");
	return rc;
}

static size_t count_tokens(struct us_slice tokens)
{
	size_t n = 1;

	if (us_slice_is(tokens, "none"))
		return 0;
	for (size_t i = 0; i < tokens.n; i++)
		n += tokens.p[i] == '.';
	return n;
}

static enum us_errc answer(struct us_crowd_call *call, struct us_slice tokens, struct us_err *err)
{
	struct us_str newest = US_STR_INIT;
	enum us_errc rc = add_tokens(&call->view, &newest, err);

	/* What is asked most: nothing is new, or the client begins. */
	if (!rc && (!tokens.p || us_slice_is_equal(tokens, us_str_slice(&newest)))) {
		begin(&call->writer, us_str_text(&newest));
		end(&call->writer);
		us_str_fini(&newest);
		return US_OK;
	}
	if (!rc && count_tokens(tokens) != call->view.n)
		rc = us_crowd_refuse(call, US_CROWD_EVENT_TOKEN_EXPIRED, err, "the application sees other directories now: read everything again");
	if (rc) {
		us_str_fini(&newest);
		return rc;
	}
	struct events *e = us_crowd_stream_new(call, sizeof *e);
	e->stream.next = next;
	e->stream.fini = fini;
	rc = find_names(call, e, tokens, err);
	begin(&e->stream.writer, us_str_text(&newest));
	us_str_fini(&newest);
	if (!rc)
		return us_crowd_stream_send(call, &e->stream, err);
	us_crowd_stream_free(&e->stream);
	/* Whatever is wrong with a token, the client must begin again. */
	if (rc == US_EXPIRED || (rc == US_INVALID && call->reason == US_CROWD_REASON_COUNT))
		call->reason = US_CROWD_EVENT_TOKEN_EXPIRED;
	return rc;
}

enum us_errc us_crowd_get_event_token(struct us_crowd_call *call, struct us_err *err) { return answer(call, US_SLICE_NONE, err); }

enum us_errc us_crowd_get_events(struct us_crowd_call *call, struct us_err *err) { return answer(call, call->parameter, err); }
