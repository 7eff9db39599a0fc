/* /webhook: addresses that an application has told when something changes. The fields are those of the client's WebhookEntity: endpointUrl, token, id. */
#include "base/clock.h"
#include "base/log.h"
#include "net/ping.h"
#include "net/url.h"
#include "serve/crowd_body.h"
#include "store/application.h"
#include "store/hook.h"

static void put_webhook(struct us_crowd_call *call, int64_t id, struct us_slice url)
{
	struct us_crowd_writer *w = &call->writer;

	us_crowd_put_head(w);
	if (w->is_json) {
		us_jsonw_open(&w->w, '{');
		us_jsonw_put_int(&w->w, "id", id);
	} else {
		us_str_printf(w->out, "<webhook><id>%lld</id>", (long long) id);
	}
	us_crowd_put_text(w, "endpointUrl", url);
	if (w->is_json)
		us_jsonw_close(&w->w, '}');
	else
		us_str_add_text(w->out, "</webhook>");
}

/* The bare URL is taken too: there is a form of the call with nothing else. */
static enum us_errc read_body(struct us_crowd_call *call, struct us_ping *ret_ping, struct us_err *err)
{
	struct us_slice text = us_slice_trim(call->request->body);
	struct us_crowd_body body;

	if (text.n > 4 && memcmp(text.p, "http", 4) == 0) {
		ret_ping->url = text;
		return US_OK;
	}
	enum us_errc rc = us_crowd_body_read(call, call->arena, &body, err);
	if (rc)
		return rc;
	ret_ping->url = us_crowd_body_text(call->arena, body, "endpointUrl");
	if (!ret_ping->url.p)
		ret_ping->url = us_crowd_body_text(call->arena, body, "endpoint-url");
	ret_ping->token = us_crowd_body_text(call->arena, body, "token");
	return ret_ping->url.n ? US_OK : us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "endpointUrl is missing");
}

/* Where the application may come from, it may be told; if that is anywhere, where it comes from now. */
static enum us_errc find_ranges(struct us_crowd_call *call, struct us_slice *ret_ranges, struct us_err *err)
{
	struct us_application a;
	enum us_errc rc = us_application_find(call->view.c, call->arena, call->client.name, &a, err);

	if (!rc)
		*ret_ranges = a.addresses.n ? a.addresses : us_slice(call->request->peer);
	return rc;
}

static enum us_errc begin(struct us_crowd_call *call, struct us_dbc **ret_c, struct us_err *err)
{
	us_view_close(&call->view);
	enum us_errc rc = us_db_lease_writer(call->serve->conf.store->db, ret_c, err);

	if (rc)
		return rc;
	if ((rc = us_db_begin_durable(*ret_c, err)))
		us_db_release(*ret_c);
	return rc;
}

static void log_registered(const struct us_crowd_call *call, int64_t id, struct us_slice url)
{
	struct us_str text = US_STR_INIT, origin = US_STR_INIT;

	us_str_add_slice(&text, url);
	us_url_add_origin(&origin, us_str_text(&text));
	us_log(US_LOG_INFO, "crowd webhook registered", "webhook", US_LOG_INT(id), "application", call->client.name.p, "at", us_str_text(&origin), NULL);
	us_str_fini(&text);
	us_str_fini(&origin);
}

enum us_errc us_crowd_add_webhook(struct us_crowd_call *call, struct us_err *err)
{
	struct us_store *store = call->serve->conf.store;
	struct us_ping ping = { .token = US_SLICE_NONE };
	struct us_dbc *c;
	int64_t id = 0;
	enum us_errc rc = read_body(call, &ping, err);

	if (!rc)
		rc = find_ranges(call, &ping.ranges, err);
	/* The name service takes its time: no reader is held meanwhile. */
	us_view_close(&call->view);
	if (!rc)
		rc = us_ping_check(&ping, err);
	if (!rc && !(rc = begin(call, &c, err)))
		rc = us_db_end_write(c, us_hook_put(store, c, call->client.id, ping.url, ping.token.n ? ping.token : US_SLICE_NONE, us_slice(call->request->peer),
			us_clock_wall_s(), &id, err), err);
	if (rc)
		return rc;
	log_registered(call, id, ping.url);
	put_webhook(call, id, ping.url);
	us_httpd_add_header(call->answer, "Location", us_arena_printf(call->arena, US_SLICE_FMT "/webhook/%lld", US_SLICE_ARG(call->writer.base), (long long) id));
	call->answer->status = 201;
	return US_OK;
}

static enum us_errc read_id(struct us_crowd_call *call, int64_t *ret_id, struct us_err *err)
{
	return us_slice_to_int(call->parameter, ret_id) ? US_OK : us_err_set(err, US_NOT_FOUND, "the id of a webhook is a number");
}

enum us_errc us_crowd_get_webhook(struct us_crowd_call *call, struct us_err *err)
{
	struct us_slice url;
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	if (!rc)
		rc = us_hook_find(call->view.c, call->arena, call->client.id, id, &url, err);
	if (!rc)
		put_webhook(call, id, url);
	return rc;
}

enum us_errc us_crowd_remove_webhook(struct us_crowd_call *call, struct us_err *err)
{
	struct us_dbc *c;
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	if (!rc && !(rc = begin(call, &c, err)))
		rc = us_db_end_write(c, us_hook_delete(c, call->client.id, id, err), err);
	if (!rc)
		call->answer->status = 204;
	return rc;
}
