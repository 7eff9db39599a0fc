/* /search: users or groups that meet a restriction, from a body or in the query language */
#include "model/cql.h"
#include "model/restriction.h"
#include "serve/crowd_body.h"
#include "serve/crowd_stream.h"

enum { ROWS_AT_ONCE = 500 };

struct search {
	struct us_crowd_stream stream;
	enum us_object object;
	struct us_view_list *list;
	struct us_arena restriction_arena;
	const struct us_logic *restriction; /* in it */
	struct us_arena scratch;
	struct us_crowd_window window;
	enum us_crowd_depth depth;
};

static void fini(struct us_crowd_stream *stream)
{
	struct search *s = (struct search *) stream;

	us_view_list_free(s->list);
	us_arena_fini(&s->scratch);
	us_arena_fini(&s->restriction_arena);
}

static bool is_met(struct search *s, const struct us_listed *row)
{
	struct us_restriction_subject subject = { .active = true, .created_s = row->created, .updated_s = row->updated };

	if (s->object == US_OBJECT_USER) {
		const struct us_user *u = &row->user.user;
		subject.name = u->name;
		subject.email = u->email;
		subject.first_name = u->first_name;
		subject.last_name = u->last_name;
		subject.display_name = u->full_name.n ? u->full_name : u->name;
		subject.active = u->active;
		subject.attributes = u->attributes;
		subject.n_attributes = u->n_attributes;
	} else {
		subject.name = row->group.group.name;
		subject.description = row->group.group.description;
		subject.attributes = row->group.group.attributes;
		subject.n_attributes = row->group.group.n_attributes;
	}
	us_arena_reset(&s->scratch);
	return us_restriction_is_met(s->restriction, &subject, &s->scratch);
}

static void put(struct search *s, const struct us_listed *row, int64_t directory)
{
	if (s->object == US_OBJECT_USER)
		us_crowd_put_user(&s->stream.writer, row->user.user.name, directory, row->number, &row->user, s->depth);
	else
		us_crowd_put_group(&s->stream.writer, row->group.group.name, &row->group, s->depth);
}

static enum us_errc next(struct us_crowd_stream *stream, struct us_err *err)
{
	struct search *s = (struct search *) stream;
	enum us_errc rc = s->window.left > 0 ? US_OK : US_END;

	for (int i = 0; i < ROWS_AT_ONCE && !rc; i++) {
		const struct us_listed *row;
		int64_t directory = 0;
		rc = us_view_list_next(s->list, &row, &directory, err);
		if (rc || !is_met(s, row))
			continue;
		if (s->window.start > 0) {
			s->window.start--;
			continue;
		}
		put(s, row, directory);
		if (--s->window.left == 0)
			rc = US_END;
		break;
	}
	if (rc == US_END)
		us_crowd_end_list(&stream->writer, us_object_text(s->object));
	return rc;
}

/* A name alone, as connection tests and logins ask for it: found by the index, not by reading all. */
static bool is_name(const struct us_logic *tree, struct us_slice *ret_name)
{
	const struct us_restriction *r = us_restriction_of(tree);

	if (tree->kind != US_LOGIC_LEAF || r->property != US_PROPERTY_NAME || r->match != US_MATCH_EXACTLY)
		return false;
	*ret_name = r->text;
	return true;
}

static enum us_errc answer_name(struct us_crowd_call *call, enum us_object object, struct us_slice name, struct us_crowd_window window,
	enum us_crowd_depth depth, struct us_err *err)
{
	struct us_seen_user user;
	struct us_seen_group group;
	enum us_errc rc = object == US_OBJECT_USER ? us_view_find_user(&call->view, call->arena, name, &user, err) :
		us_view_find_group(&call->view, call->arena, name, &group, err);

	if (rc && rc != US_NOT_FOUND)
		return rc;
	us_crowd_begin_list(&call->writer, us_object_text(object));
	if (!rc && window.start == 0 && window.left > 0 && object == US_OBJECT_USER)
		us_crowd_put_user(&call->writer, user.image.user.name, user.directory, user.number, &user.image, depth);
	else if (!rc && window.start == 0 && window.left > 0)
		us_crowd_put_group(&call->writer, group.image.group.name, &group.image, depth);
	us_crowd_end_list(&call->writer, us_object_text(object));
	return US_OK;
}

static enum us_errc read_object(struct us_crowd_call *call, enum us_object *ret_object, struct us_err *err)
{
	struct us_slice type;
	enum us_errc rc = us_crowd_need(call, "entity-type", &type, err);

	if (rc)
		return rc;
	*ret_object = us_slice_is_nocase(type, "group") ? US_OBJECT_GROUP : US_OBJECT_USER;
	if (!us_slice_is_nocase(type, "group") && !us_slice_is_nocase(type, "user"))
		return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "entity-type must be user or group");
	return US_OK;
}

static enum us_errc read_restriction(struct us_crowd_call *call, struct us_arena *arena, enum us_object object, const struct us_logic **ret_tree,
	struct us_err *err)
{
	enum us_restriction_entity entity = object == US_OBJECT_USER ? US_RESTRICTION_USER : US_RESTRICTION_GROUP;
	struct us_slice cql = us_crowd_parameter(call, "restriction");
	struct us_crowd_body body;

	if (cql.n && (call->request->method != US_HTTPD_POST || !call->request->body.n))
		return us_cql_parse(arena, entity, cql, ret_tree, err);
	if (!call->request->body.n) {
		*ret_tree = us_restriction_all(arena);
		return US_OK;
	}
	enum us_errc rc = us_crowd_body_read(call, arena, &body, err);
	if (rc)
		return rc;
	return body.xml ? us_restriction_from_xml(arena, entity, body.xml, ret_tree, err) : us_restriction_from_json(arena, entity, body.json, ret_tree, err);
}

enum us_errc us_crowd_search(struct us_crowd_call *call, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_crowd_window window = us_crowd_read_window(call);
	const struct us_logic *tree;
	enum us_object object;
	struct us_slice name;
	enum us_errc rc = read_object(call, &object, err);

	if (!rc)
		rc = read_restriction(call, &arena, object, &tree, err);
	if (rc) {
		us_arena_fini(&arena);
		return rc;
	}
	enum us_crowd_depth depth = !us_crowd_expands(call, us_object_text(object)) ? US_CROWD_NAME : us_crowd_expands(call, "attributes") ?
		US_CROWD_ATTRIBUTES : US_CROWD_WHOLE;
	if (is_name(tree, &name)) {
		rc = answer_name(call, object, name, window, depth, err);
		us_arena_fini(&arena);
		return rc;
	}
	struct search *s = us_crowd_stream_new(call, sizeof *s);
	s->stream.next = next;
	s->stream.fini = fini;
	s->object = object;
	s->list = us_view_list_new(&s->stream.view, object);
	s->restriction = tree;
	s->restriction_arena = arena;
	s->window = window;
	s->depth = depth;
	us_crowd_begin_list(&s->stream.writer, us_object_text(object));
	return us_crowd_stream_send(call, &s->stream, err);
}
