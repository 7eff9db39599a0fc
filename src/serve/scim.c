#include "serve/scim.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/later.h"
#include "serve/address.h"
#include "serve/scim_call.h"
#include "serve/scim_inbound.h"
#include "store/connector.h"
#include "store/directory.h"

/* One row for each call. run NULL: it is known, and not served. */
struct route {
	enum us_httpd_method method;
	const char *path; /* below the directory; "*" is one segment */
	const struct us_scim_kind *kind;
	enum us_errc (*run)(struct us_scim_call *call, struct us_err *err);
};

static const struct route routes[] = {
	{ US_HTTPD_GET, "ServiceProviderConfig", NULL, us_scim_get_config },
	{ US_HTTPD_GET, "ResourceTypes", NULL, us_scim_get_types },
	{ US_HTTPD_GET, "ResourceTypes/*", NULL, us_scim_get_type },
	{ US_HTTPD_GET, "Schemas", NULL, us_scim_get_schemas },
	{ US_HTTPD_GET, "Schemas/*", NULL, us_scim_get_schema },
	{ US_HTTPD_GET, "", NULL, us_scim_get_list },
	{ US_HTTPD_POST, ".search", NULL, us_scim_get_list },
	{ US_HTTPD_POST, "Users/.search", &us_scim_user, us_scim_get_list },
	{ US_HTTPD_POST, "Groups/.search", &us_scim_group, us_scim_get_list },
	{ US_HTTPD_GET, "Users", &us_scim_user, us_scim_get_list },
	{ US_HTTPD_GET, "Groups", &us_scim_group, us_scim_get_list },
	{ US_HTTPD_GET, "Users/*", &us_scim_user, us_scim_get_resource },
	{ US_HTTPD_GET, "Groups/*", &us_scim_group, us_scim_get_resource },
	{ US_HTTPD_POST, "Users", &us_scim_user, us_scim_post_resource },
	{ US_HTTPD_POST, "Groups", &us_scim_group, us_scim_post_resource },
	{ US_HTTPD_PUT, "Users/*", &us_scim_user, us_scim_put_resource },
	{ US_HTTPD_PUT, "Groups/*", &us_scim_group, us_scim_put_resource },
	{ US_HTTPD_PATCH, "Users/*", &us_scim_user, us_scim_patch_resource },
	{ US_HTTPD_PATCH, "Groups/*", &us_scim_group, us_scim_patch_resource },
	{ US_HTTPD_DELETE, "Users/*", &us_scim_user, us_scim_delete_resource },
	{ US_HTTPD_DELETE, "Groups/*", &us_scim_group, us_scim_delete_resource },
	{ US_HTTPD_GET, "Me", NULL, NULL },
	{ US_HTTPD_POST, "Me", NULL, NULL },
	{ US_HTTPD_PUT, "Me", NULL, NULL },
	{ US_HTTPD_PATCH, "Me", NULL, NULL },
	{ US_HTTPD_DELETE, "Me", NULL, NULL },
	{ US_HTTPD_POST, "Bulk", NULL, us_scim_post_bulk },
	{ .path = NULL },
};

/* ---- routing ---- */

/* NULL: there is none; then allow holds the methods of the rows that have the path, if any do. */
static const struct route *find_route(const struct us_httpd_request *request, struct us_slice *ret_parameter, char allow[64])
{
	const struct us_target *t = &request->target;
	enum us_httpd_method method = request->method == US_HTTPD_HEAD ? US_HTTPD_GET : request->method;

	allow[0] = '\0';
	for (const struct route *r = routes; r->path; r++) {
		if (!us_address_is(r->path, t->segments + 3, t->segments_n - 3, ret_parameter))
			continue;
		if (r->method == method)
			return r;
		size_t used = strlen(allow);
		if (!strstr(allow, us_httpd_method_name(r->method)))
			snprintf(allow + used, 64 - used, "%s%s", used ? ", " : "", us_httpd_method_name(r->method));
	}
	return NULL;
}

static bool has_directory(const struct us_client *client, int64_t directory)
{
	for (size_t i = 0; i < client->n_directories; i++)
		if (client->directories[i] == directory)
			return true;
	return false;
}

/* The directory that the path names: its number, or its connector's unique id. 0: the application sees no such one. */
static enum us_errc find_directory(struct us_scim_call *call, struct us_dbc *c, struct us_slice key, int64_t *ret_directory, struct us_err *err)
{
	enum us_errc rc = US_OK;

	*ret_directory = 0;
	if (us_slice_to_int(key, ret_directory)) {
		if (!has_directory(&call->client, *ret_directory))
			*ret_directory = 0;
		return US_OK;
	}
	for (size_t i = 0; i < call->client.n_directories && !rc && !*ret_directory; i++) {
		struct us_directory d;
		rc = us_directory_load(c, call->arena, call->client.directories[i], &d, err);
		if (!rc && d.connector.n && us_slice_is_nocase(key, d.connector.p))
			*ret_directory = d.id;
		if (rc == US_NOT_FOUND)
			rc = US_OK;
	}
	return rc;
}

enum us_errc us_scim_open_view(struct us_scim_call *call, struct us_err *err)
{
	us_view_close(&call->view);
	return us_view_open(call->serve->conf.store, call->serve->kept, &call->directory, 1, &call->view, err);
}

struct us_slice us_scim_location(const struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id)
{
	return us_slice(us_arena_printf(call->arena, US_SLICE_FMT "%s/" US_SLICE_FMT, US_SLICE_ARG(call->base), kind->endpoint, US_SLICE_ARG(id)));
}

/* Whether the request changes something. */
static bool is_write(const struct us_scim_call *call, const struct route *route)
{
	return call->request->method != US_HTTPD_GET && call->request->method != US_HTTPD_HEAD && route->run != us_scim_get_list;
}

enum us_errc us_scim_find_target(struct us_scim_call *call, struct us_err *err)
{
	struct us_connector connector = { .name = US_SLICE("") };
	struct us_directory d;

	if (!(call->client.rights & US_RIGHT_WRITE))
		return us_err_set(err, US_FORBIDDEN, "the application \"" US_SLICE_FMT "\" has no right to write", US_SLICE_ARG(call->client.name));
	enum us_errc rc = us_directory_load(call->view.c, call->arena, call->directory, &d, err);
	if (rc)
		return rc;
	call->target = &us_scim_local;
	if (!d.connector.p)
		return US_OK;
	rc = us_connector_find(call->serve->conf.store, call->view.c, call->arena, d.connector, US_SECRETS_HIDDEN, &connector, err);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	return us_err_set(err, US_FORBIDDEN, "the directory is kept by the connector \"" US_SLICE_FMT "\": change it at its identity provider",
		US_SLICE_ARG(connector.name));
}

static void set_base(struct us_scim_call *call)
{
	struct us_str path = US_STR_INIT;

	us_str_add_text(&path, "scim/v2/");
	us_target_add_encoded(&path, call->request->target.segments[2]);
	call->base = us_address_base(call->request, call->arena, us_str_text(&path));
	us_str_fini(&path);
}

static enum us_errc open_view(struct us_scim_call *call, struct us_err *err)
{
	struct us_slice key = call->request->target.segments[2];
	enum us_errc rc = us_view_open(call->serve->conf.store, call->serve->kept, &call->directory, 1, &call->view, err);

	if (rc || (rc = find_directory(call, call->view.c, key, &call->directory, err)))
		return rc;
	if (!call->directory)
		return us_err_set(err, US_NOT_FOUND, "the application sees no directory \"%.*s\"", key.n > 100 ? 100 : (int) key.n, key.p);
	return US_OK;
}

/* An identity provider that pushes, or an application. */
static enum us_errc identify(struct us_scim_call *call, struct us_err *err)
{
	bool is_guess;
	enum us_errc rc = us_scim_inbound_check(call, &is_guess, err);

	if (rc != US_END)
		return rc;
	rc = us_gate_check(call->serve->gate, call->request, &call->client, err);
	return rc == US_UNAUTHORIZED && is_guess && us_scim_inbound_slow_down(call, err) ? US_THROTTLED : rc;
}

static enum us_errc dispatch(struct us_scim_call *call, bool *ret_is_known, struct us_err *err)
{
	struct us_httpd_request *r = call->request;
	char allow[64];
	enum us_errc rc = identify(call, err);

	*ret_is_known = true;
	if (rc)
		return rc;
	if (r->target.segments_n < 3 || !us_slice_is(r->target.segments[1], "v2"))
		return us_err_set(err, US_NOT_FOUND, "nothing is served at this address: it is /scim/v2/<directory>");
	set_base(call);
	if (!call->pushed && !(call->client.rights & US_RIGHT_READ))
		return us_err_set(err, US_FORBIDDEN, "the application \"" US_SLICE_FMT "\" has no right to read", US_SLICE_ARG(call->client.name));
	if (!call->pushed && (rc = open_view(call, err)))
		return rc;
	const struct route *route = find_route(r, &call->parameter, allow);
	if (!route && allow[0]) {
		us_httpd_add_header(call->answer, "Allow", allow);
		return us_err_set(err, US_METHOD, "this address has %s", allow);
	}
	if (!route)
		return us_err_set(err, US_NOT_FOUND, "nothing is served at this address");
	call->kind = route->kind;
	if (!route->run) {
		*ret_is_known = false;
		return us_err_set(err, US_INTERNAL, "this is not served here");
	}
	if (!is_write(call, route))
		return route->run(call, err);
	rc = call->pushed ? US_OK : us_scim_find_target(call, err);
	if (!rc)
		rc = route->run(call, err);
	if (rc && call->pushed)
		us_scim_inbound_note_refused(call);
	return rc;
}

int us_scim_status(enum us_errc code, const struct us_err *err) { return code == US_CONFLICT && err->native == US_SCIM_STALE ? 412 : us_err_http(code); }

void us_scim_put_error(struct us_jsonw *w, int status, const struct us_err *err)
{
	const char *fault = us_scim_fault_name(err->code == US_INVALID || err->code == US_CONFLICT ? err->native : 0);
	char text[12];

	snprintf(text, sizeof text, "%d", status);
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "schemas");
	us_jsonw_open(w, '[');
	us_jsonw_text(w, "urn:ietf:params:scim:api:messages:2.0:Error");
	us_jsonw_close(w, ']');
	us_jsonw_put_text(w, "status", text);
	if (fault)
		us_jsonw_put_text(w, "scimType", fault);
	us_jsonw_put_text(w, "detail", err->text);
	us_jsonw_close(w, '}');
}

static void fail(struct us_scim_call *call, int status, const struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);

	call->answer->status = status;
	if (status >= 500 && status != 501)
		us_log(US_LOG_WARN, "scim call failed", "application", call->client.name.p, "error", err->text, NULL);
	us_str_clear(&call->answer->body);
	us_scim_put_error(&w, status, err);
	if (status == 401) {
		us_httpd_add_header(call->answer, "WWW-Authenticate", "Bearer realm=\"usersync\"");
		us_httpd_add_header(call->answer, "WWW-Authenticate", "Basic realm=\"usersync\", charset=\"UTF-8\"");
	}
	if (err->wait_ms > 0) {
		char seconds[24];
		snprintf(seconds, sizeof seconds, "%lld", (long long) ((err->wait_ms + 999) / 1000));
		us_httpd_add_header(call->answer, "Retry-After", seconds);
	}
}

/* application/scim+json, but for a client that names only the other one. */
static const char *content_type(const struct us_httpd_request *request)
{
	struct us_slice accept = us_httpd_find_header(request, "Accept");

	if (!accept.p)
		return "application/scim+json";
	bool names_json = memmem(accept.p, accept.n, "application/json", 16);
	bool names_scim = memmem(accept.p, accept.n, "application/scim+json", 21);
	return names_json && !names_scim ? "application/json" : "application/scim+json";
}

static void add_head(const struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	if (answer->body.n || answer->pull)
		answer->content_type = content_type(request);
	us_httpd_add_header(answer, "Cache-Control", "no-store");
	us_httpd_add_header(answer, "X-Content-Type-Options", "nosniff");
}

void us_scim_refuse_request(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer)
{
	struct us_jsonw w = US_JSONW_INIT(&answer->body);
	struct us_err err = US_ERR_INIT;

	request->label = US_SCIM_LABEL;
	answer->status = status;
	us_err_set(&err, status < 500 ? US_INVALID : US_UNAVAILABLE, "%s", why);
	us_scim_put_error(&w, status, &err);
	add_head(request, answer);
}

static void answer_now(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct us_err err = US_ERR_INIT;
	struct us_scim_call call = { .serve = serve, .request = request, .answer = answer, .arena = request->arena };
	bool is_known;
	enum us_errc rc = dispatch(&call, &is_known, &err);

	us_view_close(&call.view);
	if (rc)
		fail(&call, is_known ? us_scim_status(rc, &err) : 501, &err);
	add_head(request, answer);
}

/* ---- what waits for the store's writer ---- */

struct waiting {
	struct us_later later;
	struct us_serve *serve;
};

static bool waits(const struct us_httpd_request *request)
{
	const struct us_target *t = &request->target;

	return (request->method == US_HTTPD_POST || request->method == US_HTTPD_PUT || request->method == US_HTTPD_PATCH || request->method == US_HTTPD_DELETE) &&
		!us_slice_is(t->segments[t->segments_n - 1], ".search");
}

static void end_waiting(struct waiting *w)
{
	us_later_end(&w->later);
	free(w);
}

static void run_waiting(void *data)
{
	struct waiting *w = data;

	answer_now(w->serve, &w->later.request, &w->later.answer);
	end_waiting(w);
}

/* Who may not come in is told so at once, and takes no place. */
static enum us_httpd_next wait(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct us_err err = US_ERR_INIT;
	struct us_scim_call call = { .serve = serve, .request = request, .answer = answer, .arena = request->arena };
	enum us_errc rc = identify(&call, &err);

	us_view_close(&call.view);
	if (rc) {
		fail(&call, us_scim_status(rc, &err), &err);
		add_head(request, answer);
		return US_HTTPD_NOW;
	}
	struct waiting *w = us_calloc(1, sizeof *w);
	w->serve = serve;
	us_later_copy(&w->later, request);
	call.request = &w->later.request;
	call.answer = &w->later.answer;
	call.client.name = us_slice_dup(&w->later.arena, call.client.name);
	us_later_promise(&w->later, request);
	if (us_worker_do(serve->writers, run_waiting, w))
		return US_HTTPD_LATER;
	us_err_set(&err, US_UNAVAILABLE, "too many calls wait already");
	err.wait_ms = 1000;
	fail(&call, 503, &err);
	add_head(call.request, call.answer);
	end_waiting(w);
	return US_HTTPD_LATER;
}

enum us_httpd_next us_scim_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	request->label = US_SCIM_LABEL;
	if (waits(request))
		return wait(serve, request, answer);
	answer_now(serve, request, answer);
	return US_HTTPD_NOW;
}
