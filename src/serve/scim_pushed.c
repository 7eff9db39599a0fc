/* Target: what an identity provider has pushed into a connector. One request is one transaction; a run follows when the pushes have come to rest. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/scim_id.h"
#include "model/scim_resource.h"
#include "serve/scim_inbound.h"
#include "serve/scim_write.h"

static const struct us_json_limits document_limits = { 16 << 20, 64, 1000000 };

static enum us_errc unknown(const struct us_scim_kind *kind, struct us_slice id, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no %s \"%.*s\"", us_scim_is_group(kind) ? "group" : "user", id.n > 100 ? 100 : (int) id.n, id.p);
}

/* ---- resources ---- */

static const char *version_of(struct us_arena *arena, const struct us_pushed *p) { return us_arena_printf(arena, "W/\"%lld\"", (long long) p->change); }

static struct us_slice address_of(struct us_arena *arena, struct us_slice base, bool is_group, struct us_slice id)
{
	return us_slice(us_arena_printf(arena, US_SLICE_FMT "%s/" US_SLICE_FMT, US_SLICE_ARG(base), is_group ? us_scim_group.endpoint : us_scim_user.endpoint,
		US_SLICE_ARG(id)));
}

static void add_meta(struct us_arena *arena, struct us_slice base, const struct us_pushed *p, struct us_json_object *o)
{
	struct us_json_object meta = { .arena = arena };
	char at[US_CLOCK_ISO_BYTES];

	us_json_object_add_text(&meta, "resourceType", us_slice(p->is_group ? us_scim_group.name : us_scim_user.name));
	us_json_object_add_text(&meta, "created", us_slice(us_arena_strdup(arena, us_clock_format(p->created, at))));
	us_json_object_add_text(&meta, "lastModified", us_slice(us_arena_strdup(arena, us_clock_format(p->modified, at))));
	us_json_object_add_text(&meta, "location", address_of(arena, base, p->is_group, us_scim_id(arena, p->is_group, p->number)));
	us_json_object_add_text(&meta, "version", us_slice(version_of(arena, p)));
	us_json_object_add(o, US_SLICE("meta"), us_json_object_done(&meta));
}

static enum us_errc add_members(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_slice base, const struct us_pushed *p,
	struct us_json_object *o, struct us_err *err)
{
	struct us_json_array array = { .arena = arena };
	struct us_pushed_member *list;
	size_t n;
	enum us_errc rc = us_pushed_list_members(c, arena, connector, p->number, &list, &n, err);

	for (size_t i = 0; i < n && !rc; i++) {
		struct us_json_object m = { .arena = arena };
		struct us_slice id = us_scim_id(arena, list[i].is_group, list[i].number);
		us_json_object_add_text(&m, "value", id);
		if (base.n)
			us_json_object_add_text(&m, "$ref", address_of(arena, base, list[i].is_group, id));
		us_json_object_add_text(&m, "type", us_slice(list[i].is_group ? us_scim_group.name : us_scim_user.name));
		us_json_array_add(&array, us_json_object_done(&m));
	}
	if (!rc && array.n)
		us_json_object_add(o, US_SLICE("members"), us_json_array_done(&array));
	return rc;
}

static enum us_errc add_groups(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_slice base, const struct us_pushed *p,
	struct us_json_object *o, struct us_err *err)
{
	struct us_json_array array = { .arena = arena };
	struct us_pushed *list;
	size_t n;
	enum us_errc rc = us_pushed_list_groups(c, arena, connector, p->number, &list, &n, err);

	for (size_t i = 0; i < n && !rc; i++) {
		struct us_json_object g = { .arena = arena };
		struct us_slice id = us_scim_id(arena, true, list[i].number);
		us_json_object_add_text(&g, "value", id);
		us_json_object_add_text(&g, "$ref", address_of(arena, base, true, id));
		us_json_object_add_text(&g, "display", list[i].name);
		us_json_object_add_text(&g, "type", US_SLICE("direct"));
		us_json_array_add(&array, us_json_object_done(&g));
	}
	if (!rc && array.n)
		us_json_object_add(o, US_SLICE("groups"), us_json_array_done(&array));
	return rc;
}

enum us_errc us_scim_pushed_make(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_slice base, const struct us_pushed *p,
	bool has_links, struct us_json *ret_resource, struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(arena, p->document, document_limits, &doc, err);

	if (rc)
		return rc;
	struct us_json_object o = us_json_object_of(arena, doc);
	us_json_object_set(&o, US_SLICE("id"), us_json_of_text(us_scim_id(arena, p->is_group, p->number)));
	add_meta(arena, base, p, &o);
	if (has_links)
		rc = p->is_group ? add_members(c, arena, connector, base, p, &o, err) : add_groups(c, arena, connector, base, p, &o, err);
	*ret_resource = us_json_object_done(&o);
	return rc;
}

/* ---- reading ---- */

static bool parse_id(const struct us_scim_kind *kind, struct us_slice id, uint32_t *ret_number)
{
	bool is_group;

	return us_scim_id_parse(id, &is_group, ret_number) && is_group == us_scim_is_group(kind);
}

static enum us_errc open_and_find(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, struct us_pushed *ret_pushed,
	struct us_err *err)
{
	uint32_t number;

	us_view_close(&call->view);
	enum us_errc rc = us_view_open(call->serve->conf.store, call->serve->kept, NULL, 0, &call->view, err);
	if (rc)
		return rc;
	if (!parse_id(kind, id, &number))
		return unknown(kind, id, err);
	rc = us_pushed_find(call->view.c, call->arena, call->pushed, us_scim_is_group(kind), US_PUSHED_BY_NUMBER, US_SLICE_NONE, number, ret_pushed, err);
	return rc == US_NOT_FOUND ? unknown(kind, id, err) : rc;
}

static enum us_errc load(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, unsigned want,
	struct us_scim_stored *ret_stored, struct us_err *err)
{
	struct us_pushed p;
	struct us_json resource;
	bool wants_members = want & US_SCIM_WANT_MEMBERS && us_scim_is_group(kind);
	enum us_errc rc = open_and_find(call, kind, id, &p, err);

	if (!rc)
		rc = us_scim_pushed_make(call->view.c, call->arena, call->pushed, call->base, &p, wants_members, &resource, err);
	if (rc)
		return rc;
	*ret_stored = (struct us_scim_stored) { .resource = resource, .version = version_of(call->arena, &p), .revision = p.revision,
		.whole_revision = p.change };
	return US_OK;
}

static enum us_errc find_member(struct us_scim_call *call, struct us_slice group, struct us_slice member, bool *ret_is, struct us_err *err)
{
	uint32_t number, member_number;
	bool is_group;

	*ret_is = false;
	if (!parse_id(&us_scim_group, group, &number) || !us_scim_id_parse(member, &is_group, &member_number))
		return US_OK;
	return us_pushed_has_member(call->view.c, call->pushed, number, member_number, ret_is, err);
}

static enum us_errc answer_with(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, bool is_conditional, struct us_err *err)
{
	struct us_scim_projection projection;
	struct us_json resource;
	struct us_pushed p;
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);
	enum us_errc rc = open_and_find(call, kind, id, &p, err);

	if (rc)
		return rc;
	const char *version = version_of(call->arena, &p);
	us_scim_search_read_projection(call, kind, &projection);
	bool has_links = us_scim_projection_shows(&projection, us_slice(us_scim_is_group(kind) ? "members" : "groups"));
	us_httpd_add_header(call->answer, "ETag", version);
	if (is_conditional && us_scim_lists_version(us_httpd_find_header(call->request, "If-None-Match"), version)) {
		call->answer->status = 304;
		return US_OK;
	}
	rc = us_scim_pushed_make(call->view.c, call->arena, call->pushed, call->base, &p, has_links, &resource, err);
	if (!rc)
		us_scim_resource_write(&w, &resource, &projection);
	return rc;
}

static enum us_errc send(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, struct us_err *err)
{
	return answer_with(call, kind, id, false, err);
}

enum us_errc us_scim_pushed_get_resource(struct us_scim_call *call, struct us_err *err)
{
	return answer_with(call, call->kind, call->parameter, true, err);
}

/* ---- writing ---- */

/* What is kept of a resource: never a password, and nothing that the store has a place of its own for. */
static struct us_slice write_document(struct us_arena *arena, const struct us_json *resource)
{
	static const char *const leave_out[] = { "id", "meta", "members", "groups", "password" };
	struct us_json_object o = us_json_object_of(arena, resource);
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	for (size_t i = 0; i < sizeof leave_out / sizeof *leave_out; i++)
		us_json_object_remove(&o, us_slice(leave_out[i]));
	const struct us_json doc = us_json_object_done(&o);
	us_jsonw_value(&w, &doc);
	struct us_slice document = us_slice_dup(arena, us_str_slice(&text));
	us_str_fini(&text);
	return document;
}

/* What stays although it is not mentioned: to leave `active` out lets nobody in again, and a whole resource without `externalId` is not somebody else. */
static enum us_errc keep_unsaid(struct us_arena *arena, const struct us_scim_write *write, const struct us_pushed *before, struct us_json *resource,
	struct us_err *err)
{
	bool lacks_active = !us_scim_is_group(write->kind) && !us_json_find(resource, "active");
	bool lacks_id = !write->is_partial && !us_json_find(resource, "externalId") && before->ext_id.n;
	struct us_json_object o = us_json_object_of(arena, resource);
	const struct us_json *doc;

	if (!lacks_active && !lacks_id)
		return US_OK;
	enum us_errc rc = us_json_parse(arena, before->document, document_limits, &doc, err);
	if (rc)
		return rc;
	if (lacks_active && us_json_find(doc, "active"))
		us_json_object_add(&o, US_SLICE("active"), *us_json_find(doc, "active"));
	if (lacks_id)
		us_json_object_add_text(&o, "externalId", before->ext_id);
	*resource = us_json_object_done(&o);
	return US_OK;
}

static enum us_errc put(struct us_scim_call *call, struct us_dbc *c, const struct us_scim_write *write, const struct us_pushed *before, int64_t now_s,
	uint32_t *number, struct us_err *err)
{
	bool is_group = us_scim_is_group(write->kind);
	struct us_json resource = *write->resource;
	enum us_errc rc = before ? keep_unsaid(call->arena, write, before, &resource, err) : US_OK;

	if (rc)
		return rc;
	struct us_slice ext_id = us_json_string(&resource, "externalId");
	struct us_pushed p = { .is_group = is_group, .number = *number, .ext_id = ext_id.n ? ext_id : US_SLICE_NONE,
		.name = us_json_string(&resource, is_group ? "displayName" : "userName"), .document = write_document(call->arena, &resource) };

	if (!p.name.n)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "%s is required", is_group ? "displayName" : "userName");
	/* What is as it was is no change. */
	if (before && us_slice_is_equal(before->document, p.document))
		return US_OK;
	return us_pushed_put(c, call->arena, call->pushed, &p, now_s, number, err);
}

static enum us_errc no_member(struct us_slice id, struct us_err *err)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "there is no user or group \"%.*s\" to be a member", id.n > 100 ? 100 : (int) id.n, id.p);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

/* Who is in the group and not in the list leaves. */
static enum us_errc remove_others(struct us_scim_call *call, struct us_dbc *c, const struct us_scim_write *write, uint32_t group, bool *is_changed,
	struct us_err *err)
{
	uint32_t *stay = us_arena_array(call->arena, write->n_added + 1, sizeof *stay);
	struct us_pushed_member *list;
	size_t n, n_stay = 0;
	bool is_group;
	enum us_errc rc = us_pushed_list_members(c, call->arena, call->pushed, group, &list, &n, err);

	for (size_t i = 0; i < write->n_added; i++)
		n_stay += us_scim_id_parse(write->added[i], &is_group, &stay[n_stay]);
	qsort(stay, n_stay, sizeof *stay, by_number);
	for (size_t i = 0; i < n && !rc; i++)
		if (!bsearch(&list[i].number, stay, n_stay, sizeof *stay, by_number)) {
			rc = us_pushed_remove_member(c, call->pushed, group, list[i].number, err);
			*is_changed = true;
		}
	return rc;
}

static enum us_errc write_members(struct us_scim_call *call, struct us_dbc *c, const struct us_scim_write *write, uint32_t group, int64_t now_s,
	struct us_err *err)
{
	bool is_changed = false, is_group, has;
	enum us_errc rc = US_OK;
	uint32_t number;

	if (write->replaces_members && write->action == US_SCIM_CHANGE)
		rc = remove_others(call, c, write, group, &is_changed, err);
	for (size_t i = 0; i < write->n_removed && !rc; i++) {
		if (!us_scim_id_parse(write->removed[i], &is_group, &number))
			continue;
		rc = us_pushed_has_member(c, call->pushed, group, number, &has, err);
		if (!rc && has) {
			rc = us_pushed_remove_member(c, call->pushed, group, number, err);
			is_changed = true;
		}
	}
	for (size_t i = 0; i < write->n_added && !rc; i++) {
		if (!us_scim_id_parse(write->added[i], &is_group, &number))
			return no_member(write->added[i], err);
		if (number == group)
			return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_VALUE, "the group \"" US_SLICE_FMT "\" cannot be a member of itself",
				US_SLICE_ARG(write->added[i]));
		rc = us_pushed_has_member(c, call->pushed, group, number, &has, err);
		if (!rc && !has) {
			rc = us_pushed_add_member(c, call->pushed, group, number, is_group, err);
			is_changed = true;
		}
		if (rc == US_NOT_FOUND)
			return no_member(write->added[i], err);
	}
	return rc || !is_changed ? rc : us_pushed_touch(c, call->pushed, group, now_s, err);
}

static enum us_errc check_held(const struct us_scim_write *write, const struct us_pushed *now, struct us_err *err)
{
	bool is_same = true;

	switch (write->hold) {
	case US_SCIM_HOLD_NOTHING:
		break;
	case US_SCIM_HOLD_ATTRIBUTES:
		is_same = now->revision == write->stored->revision;
		break;
	case US_SCIM_HOLD_ALL:
		is_same = now->change == write->stored->whole_revision;
		break;
	}
	return is_same ? US_OK : us_err_set_native(err, US_CONFLICT, US_SCIM_STALE, "the resource has changed meanwhile");
}

static enum us_errc carry_out(struct us_scim_call *call, struct us_dbc *c, const struct us_scim_write *write, uint32_t *number, struct us_err *err)
{
	bool is_group = us_scim_is_group(write->kind), is_new = write->action == US_SCIM_CREATE;
	int64_t now_s = us_clock_wall_s();
	struct us_pushed now;
	enum us_errc rc = US_OK;

	if (!is_new) {
		if (!parse_id(write->kind, write->id, number))
			return unknown(write->kind, write->id, err);
		rc = us_pushed_find(c, call->arena, call->pushed, is_group, US_PUSHED_BY_NUMBER, US_SLICE_NONE, *number, &now, err);
		if (rc)
			return rc == US_NOT_FOUND ? unknown(write->kind, write->id, err) : rc;
		rc = check_held(write, &now, err);
	}
	if (!rc && write->action == US_SCIM_DELETE)
		rc = us_pushed_delete(c, call->pushed, is_group, *number, now_s, err);
	else if (!rc && write->resource)
		rc = put(call, c, write, is_new ? NULL : &now, now_s, number, err);
	if (!rc && is_group && write->action != US_SCIM_DELETE)
		rc = write_members(call, c, write, *number, now_s, err);
	return rc ? rc : us_pushed_note_accepted(c, call->pushed, now_s, err);
}

static enum us_errc write_resource(struct us_scim_call *call, const struct us_scim_write *write, struct us_slice *ret_id, struct us_err *err)
{
	struct us_dbc *c;
	uint32_t number = 0;

	/* A reader that stands still keeps the log from being cut. */
	us_view_close(&call->view);
	enum us_errc rc = us_db_lease_writer(call->serve->conf.store->db, &c, err);
	if (rc)
		return rc;
	rc = us_db_begin_durable(c, err);
	if (!rc)
		rc = carry_out(call, c, write, &number, err);
	if (!rc)
		rc = us_db_commit(c, err);
	us_db_release(c);
	if (rc)
		return rc;
	call->serve->conf.note_push(call->serve->conf.data, call->pushed);
	*ret_id = us_scim_id(call->arena, us_scim_is_group(write->kind), number);
	return US_OK;
}

const struct us_scim_target us_scim_pushes = { true, false, load, find_member, write_resource, send };
