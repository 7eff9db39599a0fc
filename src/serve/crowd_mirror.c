/* /group/membership: all memberships as one document, for clients that mirror a directory. XML for everybody. */
#include <stdlib.h>

#include "base/xml.h"
#include "serve/crowd_stream.h"
#include "serve/names.h"

enum { USERS_AT_ONCE = 256 };

/* Stands in one group after the other, and in its list of members. */
struct mirror {
	struct us_crowd_stream stream;
	struct us_view_list *groups;
	struct us_names *users, *children; /* with one directory */
	struct us_arena row;
	struct us_str name;
	bool has_begun, is_in_group, is_in_children;
	struct us_slice group; /* name, in row */
	/* one directory: lists as they are stored */
	const struct us_member *user_list, *child_list;
	size_t n_users, n_children, at;
	/* several: merged sets */
	struct us_seen_set user_set, child_set;
	struct us_seen_walk walk;
};

static void fini(struct us_crowd_stream *stream)
{
	struct mirror *m = (struct mirror *) stream;

	us_view_list_free(m->groups);
	us_names_free(m->users);
	us_names_free(m->children);
	us_arena_fini(&m->row);
	us_str_fini(&m->name);
	us_seen_set_fini(&m->user_set);
	us_seen_set_fini(&m->child_set);
}

static enum us_errc open_group(struct mirror *m, const struct us_listed *row, int64_t directory, struct us_err *err)
{
	struct us_view *view = &m->stream.view;
	enum us_errc rc;

	us_arena_reset(&m->row);
	m->group = us_slice_dup(&m->row, row->group.group.name);
	m->at = 0;
	m->walk = (struct us_seen_walk) { 0 };
	m->is_in_group = true;
	m->is_in_children = false;
	us_str_add_text(m->stream.writer.out, "<membership group=\"");
	us_xml_add_escaped(m->stream.writer.out, m->group);
	us_str_add_text(m->stream.writer.out, "\"><users>");
	if (view->n == 1)
		return us_object_load_members(view->c, &m->row, directory, row->number, &m->user_list, &m->n_users, &m->child_list, &m->n_children, err);
	us_seen_set_fini(&m->user_set);
	us_seen_set_fini(&m->child_set);
	us_seen_set_init(&m->user_set, view);
	us_seen_set_init(&m->child_set, view);
	rc = us_view_members(view, m->group, US_REACH_DIRECT, &m->user_set, err);
	return rc ? rc : us_view_child_groups(view, m->group, US_REACH_DIRECT, &m->child_set, err);
}

/* The next member of the list that it stands in; US_END at the list's end. */
static enum us_errc next_name(struct mirror *m, struct us_slice *ret_name, struct us_err *err)
{
	struct us_view *view = &m->stream.view;
	uint32_t number;

	if (view->n == 1) {
		if (m->at == (m->is_in_children ? m->n_children : m->n_users))
			return US_END;
		number = (m->is_in_children ? m->child_list : m->user_list)[m->at++].number;
		return us_names_load(m->is_in_children ? m->children : m->users, view->c, number, ret_name, err);
	}
	enum us_errc rc = us_view_walk_set(view, m->is_in_children ? US_OBJECT_GROUP : US_OBJECT_USER, m->is_in_children ? &m->child_set : &m->user_set,
		&m->walk, &number, &m->name, err);
	*ret_name = us_str_slice(&m->name);
	return rc;
}

static enum us_errc put_members(struct mirror *m, struct us_err *err)
{
	struct us_str *out = m->stream.writer.out;
	struct us_slice name;
	enum us_errc rc = US_OK;

	for (int i = 0; i < USERS_AT_ONCE && !rc; i++) {
		rc = next_name(m, &name, err);
		if (rc == US_OK) {
			us_str_add_text(out, m->is_in_children ? "<group name=\"" : "<user name=\"");
			us_xml_add_escaped(out, name);
			us_str_add_text(out, m->is_in_children ? "\"></group>" : "\"></user>");
		} else if (rc == US_END && !m->is_in_children) {
			us_str_add_text(out, "</users><groups>");
			m->is_in_children = true;
			m->at = 0;
			m->walk = (struct us_seen_walk) { 0 };
			rc = US_OK;
		} else if (rc == US_END) {
			us_str_add_text(out, "</groups></membership>");
			m->is_in_group = false;
			return US_OK;
		}
	}
	return rc;
}

static enum us_errc next(struct us_crowd_stream *stream, struct us_err *err)
{
	struct mirror *m = (struct mirror *) stream;
	const struct us_listed *row;
	int64_t directory;

	if (!m->has_begun) {
		us_crowd_put_head(&stream->writer);
		us_str_add_text(stream->writer.out, "<memberships>");
		m->has_begun = true;
	}
	if (m->is_in_group)
		return put_members(m, err);
	enum us_errc rc = us_view_list_next(m->groups, &row, &directory, err);
	if (rc == US_END)
		us_str_add_text(stream->writer.out, "</memberships>");
	return rc ? rc : open_group(m, row, directory, err);
}

enum us_errc us_crowd_get_memberships(struct us_crowd_call *call, struct us_err *err)
{
	call->writer.is_json = false;
	struct mirror *m = us_crowd_stream_new(call, sizeof *m);
	m->stream.next = next;
	m->stream.fini = fini;
	m->groups = us_view_list_new(&m->stream.view, US_OBJECT_GROUP);
	if (m->stream.view.n == 1) {
		m->users = us_names_new(US_OBJECT_USER, m->stream.view.directories[0]);
		m->children = us_names_new(US_OBJECT_GROUP, m->stream.view.directories[0]);
	}
	return us_crowd_stream_send(call, &m->stream, err);
}
