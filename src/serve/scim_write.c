#include "serve/scim_write.h"

#include "model/scim_resource.h"

enum { TRIES = 20 }; /* others may change the same resource in between that often */

/* Of RFC 7644 bodies: at most what the listener takes, and the members of a large group. */
#define LIMITS ((struct us_json_limits) { 1 << 20, 32, 300000 })

bool us_scim_lists_version(struct us_slice list, const char *version)
{
	const char *opaque = version + (strncmp(version, "W/", 2) == 0 ? 2 : 0);

	if (us_slice_is(us_slice_trim(list), "*"))
		return true;
	return list.n && memmem(list.p, list.n, opaque, strlen(opaque));
}

enum us_errc us_scim_read_body(struct us_scim_call *call, const struct us_json **ret_body, struct us_err *err)
{
	struct us_slice type = us_httpd_find_header(call->request, "Content-Type");

	if (type.n && !memmem(type.p, type.n, "json", 4))
		return us_err_set(err, US_MEDIA_TYPE, "the body must be application/scim+json or application/json");
	enum us_errc rc = us_json_parse(call->arena, call->request->body, LIMITS, ret_body, err);
	if (!rc && (*ret_body)->type != US_JSON_OBJECT)
		rc = us_err_set(err, US_INVALID, "the body must be an object");
	if (rc == US_INVALID && err)
		err->native = US_SCIM_INVALID_SYNTAX;
	return rc;
}

/* ---- conditions ---- */

static bool is_conditional(const struct us_scim_order *order) { return order->if_match.p || order->if_none_match.p; }

static enum us_errc check_version(const struct us_scim_order *order, const struct us_scim_stored *stored, struct us_err *err)
{
	if (order->if_match.p && !us_scim_lists_version(order->if_match, stored->version))
		return us_err_set_native(err, US_CONFLICT, US_SCIM_STALE, "the resource has changed: its version is %s", stored->version);
	if (order->if_none_match.p && us_scim_lists_version(order->if_none_match, stored->version))
		return us_err_set_native(err, US_CONFLICT, US_SCIM_STALE, "the resource is there in the version %s", stored->version);
	return US_OK;
}

static enum us_errc load(struct us_scim_call *call, const struct us_scim_order *order, unsigned want, struct us_scim_stored *ret_stored,
	struct us_err *err)
{
	want |= is_conditional(order) ? US_SCIM_WANT_VERSION : 0;
	enum us_errc rc = call->target->load(call, order->kind, order->id, want, ret_stored, err);
	return rc || !is_conditional(order) ? rc : check_version(order, ret_stored, err);
}

/* ---- what is written, by the method ---- */

struct plan {
	const struct us_scim_order *order;
	struct us_scim_patch patch, rest; /* PATCH: all of it; what is not about members */
	struct us_scim_stored stored;
	struct us_json resource;
	struct us_scim_members_change members;
	struct us_scim_write write;
};

static void take_members(struct plan *p)
{
	p->write.replaces_members = p->members.replaces;
	p->write.added = p->members.added;
	p->write.removed = p->members.removed;
	p->write.n_added = p->members.n_added;
	p->write.n_removed = p->members.n_removed;
}

static bool has_members(const struct us_json *body)
{
	for (size_t i = 0; i < body->object.n; i++)
		if (us_slice_is_nocase(body->object.members[i].key, "members"))
			return true;
	return false;
}

static enum us_errc read_whole(struct us_scim_call *call, struct plan *p, struct us_err *err)
{
	enum us_errc rc = us_scim_resource_read(call->arena, p->order->kind, p->order->body, &p->resource, err);

	if (!rc && us_scim_is_group(p->order->kind))
		rc = us_scim_members_change_take(call->arena, &p->resource, &p->members, err);
	/* What a whole resource does not mention may be taken for gone (RFC 7644, 3.5.1): members are where an identity provider says all that it knows. */
	p->members.replaces = us_scim_is_group(p->order->kind) && (!call->target->keeps_members || has_members(p->order->body));
	p->write.resource = &p->resource;
	take_members(p);
	return rc;
}

static enum us_errc read_patch(struct us_scim_call *call, struct plan *p, struct us_err *err)
{
	enum us_errc rc = us_scim_patch_read(call->arena, p->order->kind, p->order->body, &p->patch, err);

	if (rc)
		return rc;
	p->rest.operations = us_arena_array(call->arena, p->patch.n + 1, sizeof *p->rest.operations);
	for (size_t i = 0; i < p->patch.n; i++)
		if (!us_scim_is_about_members(&p->patch.operations[i]))
			p->rest.operations[p->rest.n++] = p->patch.operations[i];
	p->write.is_partial = true;
	return US_OK;
}

/* The members one by one, where what is said of them cannot be told otherwise. */
static enum us_errc apply_to_all(struct us_scim_call *call, struct plan *p, bool *ret_is_changed, struct us_err *err)
{
	enum us_errc rc = load(call, p->order, US_SCIM_WANT_MEMBERS, &p->stored, err);

	if (!rc)
		rc = us_scim_patch_apply(call->arena, p->order->kind, &p->stored.resource, &p->patch, &p->resource, ret_is_changed, err);
	if (!rc)
		rc = us_scim_members_change_take(call->arena, &p->resource, &p->members, err);
	p->members.replaces = true;
	p->write.resource = &p->resource;
	p->write.hold = US_SCIM_HOLD_ALL;
	take_members(p);
	return rc;
}

/* *ret_is_changed: there is something to write. */
static enum us_errc apply_patch(struct us_scim_call *call, struct plan *p, bool *ret_is_changed, struct us_err *err)
{
	bool is_changed = false;
	enum us_errc rc = us_scim_patch_apply(call->arena, p->order->kind, &p->stored.resource, &p->rest, &p->resource, &is_changed, err);

	if (!rc && us_scim_is_group(p->order->kind))
		rc = us_scim_members_change_read(call, p->order->id, &p->patch, &p->members, err);
	if (rc)
		return rc;
	if (p->members.needs_all)
		return apply_to_all(call, p, ret_is_changed, err);
	take_members(p);
	p->write.resource = is_changed ? &p->resource : NULL;
	p->write.hold = is_conditional(p->order) ? US_SCIM_HOLD_ALL : is_changed ? US_SCIM_HOLD_ATTRIBUTES : US_SCIM_HOLD_NOTHING;
	*ret_is_changed = is_changed || p->members.replaces || p->members.n_added || p->members.n_removed;
	return US_OK;
}

/* One try: it begins with the resource as it is now. *ret_is_stale: what was loaded has changed until it was written. */
static enum us_errc change(struct us_scim_call *call, struct plan *p, struct us_slice *ret_id, bool *ret_is_stale, struct us_err *err)
{
	bool is_changed = true;
	enum us_errc rc = load(call, p->order, 0, &p->stored, err);

	*ret_id = p->order->id;
	*ret_is_stale = false;
	p->write.stored = &p->stored;
	p->write.hold = is_conditional(p->order) ? US_SCIM_HOLD_ALL : US_SCIM_HOLD_NOTHING;
	if (rc)
		return rc;
	if (p->order->method == US_HTTPD_PATCH)
		rc = apply_patch(call, p, &is_changed, err);
	if (rc || !is_changed)
		return rc;
	rc = call->target->write(call, &p->write, ret_id, err);
	*ret_is_stale = rc == US_CONFLICT && err->native == US_SCIM_STALE;
	return rc;
}

enum us_errc us_scim_carry_out(struct us_scim_call *call, const struct us_scim_order *order, struct us_slice *ret_id, struct us_err *err)
{
	struct plan p = { .order = order, .write = { .kind = order->kind, .id = order->id, .action = US_SCIM_CHANGE } };
	enum us_errc rc = US_OK;

	if (order->method == US_HTTPD_POST)
		p.write.action = US_SCIM_CREATE;
	else if (order->method == US_HTTPD_DELETE)
		p.write.action = US_SCIM_DELETE;
	if (order->method == US_HTTPD_PATCH)
		rc = read_patch(call, &p, err);
	else if (order->method != US_HTTPD_DELETE)
		rc = read_whole(call, &p, err);
	if (rc)
		return rc;
	if (order->method == US_HTTPD_POST)
		return call->target->write(call, &p.write, ret_id, err);
	for (int i = 0; i < TRIES; i++) {
		bool is_stale;
		rc = change(call, &p, ret_id, &is_stale, err);
		if (!is_stale)
			return rc;
	}
	return us_err_set(err, US_UNAVAILABLE, "others change the resource all the time: try again later");
}
