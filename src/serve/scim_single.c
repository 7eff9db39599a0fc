/* One resource by its id. */
#include <stdlib.h>

#include "serve/scim_inbound.h"
#include "serve/scim_item.h"
#include "serve/scim_search.h"
#include "serve/scim_write.h"
#include "serve/stream.h"

struct single {
	struct us_view view;
	struct us_scim_item item;
	const struct us_scim_kind *kind;
	struct us_scim_projection projection;
	bool has_begun;
};

static void free_single(void *data)
{
	struct single *s = data;

	us_view_close(&s->view);
	us_scim_item_fini(&s->item);
	free(s);
}

static enum us_errc next(void *data, struct us_str *out, struct us_err *err)
{
	struct single *s = data;
	enum us_errc rc = US_OK;

	s->item.w.out = out;
	if (s->has_begun)
		rc = us_scim_item_go_on(&s->item, err);
	else
		us_scim_item_begin(&s->item, s->kind, &s->projection);
	s->has_begun = true;
	return rc ? rc : s->item.is_open ? US_OK : US_END;
}

static enum us_errc load(struct us_scim_call *call, struct single *s, struct us_slice id, struct us_err *err)
{
	bool is_group = us_scim_is_group(s->kind), is_group_id;
	enum us_errc rc = US_NOT_FOUND;
	struct us_listed row;
	uint32_t number;

	if (us_scim_object_parse_id(id, &is_group_id, &number) && is_group_id == is_group)
		rc = us_object_find_listed(call->view.c, &s->item.arena, call->directory, is_group, US_OBJECT_BY_NUMBER, US_SLICE_NONE, number, &row, err);
	if (rc == US_NOT_FOUND)
		return us_err_set(err, US_NOT_FOUND, "there is no %s \"%.*s\"", is_group ? "group" : "user",
			id.n > 100 ? 100 : (int) id.n, id.p);
	return rc ? rc : us_scim_object_make(&s->item.source, &s->item.arena, s->kind, &row, true, &s->item.object, err);
}

enum us_errc us_scim_send(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, bool is_conditional, struct us_err *err)
{
	struct single *s = us_calloc(1, sizeof *s);

	s->kind = kind;
	us_scim_search_read_projection(call, kind, &s->projection);
	s->item.source = (struct us_scim_source) { call->view.c, call->directory, us_slice_dup(&s->item.arena, call->base), call->serve->group_names,
		call->serve->kept };
	enum us_errc rc = load(call, s, id, err);
	if (!rc)
		us_httpd_add_header(call->answer, "ETag", s->item.object.version);
	if (rc || (is_conditional && us_scim_lists_version(us_httpd_find_header(call->request, "If-None-Match"), s->item.object.version))) {
		call->answer->status = rc ? call->answer->status : 304;
		free_single(s);
		return rc;
	}
	s->view = (struct us_view) { .c = call->view.c };
	call->view.c = NULL;
	return us_stream_send(call->serve, call->answer, &(struct us_stream) { s, next, free_single }, err);
}

enum us_errc us_scim_get_resource(struct us_scim_call *call, struct us_err *err) 
{
	return call->pushed ? us_scim_pushed_get_resource(call, err) : us_scim_send(call, call->kind, call->parameter, true, err);
}
