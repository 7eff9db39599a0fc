/* POST, PUT, PATCH and DELETE of one resource */
#include "serve/scim_search.h"
#include "serve/scim_write.h"

static enum us_errc carry_out(struct us_scim_call *call, struct us_slice *ret_id, struct us_err *err)
{
	struct us_scim_order order = { .method = call->request->method, .kind = call->kind, .id = call->parameter,
		.if_match = us_httpd_find_header(call->request, "If-Match"), .if_none_match = us_httpd_find_header(call->request, "If-None-Match") };
	enum us_errc rc = order.method == US_HTTPD_DELETE ? US_OK : us_scim_read_body(call, &order.body, err);

	return rc ? rc : us_scim_carry_out(call, &order, ret_id, err);
}

/* It is done: if it cannot be shown, that is no reason to say that it failed. */
static enum us_errc answer(struct us_scim_call *call, int status, struct us_slice id)
{
	struct us_err ignored = US_ERR_INIT;

	call->answer->status = status;
	us_httpd_add_header(call->answer, "Location", us_scim_location(call, call->kind, id).p);
	if (call->target->send(call, call->kind, id, &ignored) && status == 200)
		call->answer->status = 204;
	return US_OK;
}

enum us_errc us_scim_post_resource(struct us_scim_call *call, struct us_err *err)
{
	struct us_slice id;
	enum us_errc rc = carry_out(call, &id, err);

	return rc ? rc : answer(call, 201, id);
}

enum us_errc us_scim_put_resource(struct us_scim_call *call, struct us_err *err)
{
	struct us_slice id;
	enum us_errc rc = carry_out(call, &id, err);

	return rc ? rc : answer(call, 200, id);
}

/* What an answer without a body still says. It is done: a version that cannot be read is left out. */
static void add_version(struct us_scim_call *call, struct us_slice id)
{
	struct us_err ignored = US_ERR_INIT;
	struct us_scim_stored stored;

	if (call->target->has_cheap_versions && call->target->load(call, call->kind, id, US_SCIM_WANT_VERSION, &stored, &ignored) == US_OK)
		us_httpd_add_header(call->answer, "ETag", stored.version);
}

/* A group is sent back only to who says what of it: it may be large. */
enum us_errc us_scim_patch_resource(struct us_scim_call *call, struct us_err *err)
{
	bool is_short = us_scim_is_group(call->kind) && !us_target_parameter(&call->request->target, "attributes").n;
	struct us_slice id;
	enum us_errc rc = carry_out(call, &id, err);

	if (rc || !is_short)
		return rc ? rc : answer(call, 200, id);
	call->answer->status = 204;
	add_version(call, id);
	return US_OK;
}

enum us_errc us_scim_delete_resource(struct us_scim_call *call, struct us_err *err)
{
	struct us_slice id;
	enum us_errc rc = carry_out(call, &id, err);

	if (!rc)
		call->answer->status = 204;
	return rc;
}
