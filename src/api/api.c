#include "api/api.h"

#include <stdlib.h>

#include "api/call.h"
#include "api/follow.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/status.h"
#include "api/wait.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"
#include "net/later.h"

enum { SINGLE_WAIT_MS = 30000, WRITERS = 4, WAITING = 256 };

enum us_errc us_api_open(const struct us_api_conf *conf, struct us_api **ret_api, struct us_err *err)
{
	struct us_api *api = us_calloc(1, sizeof *api);

	api->conf = *conf;
	if (!api->conf.node)
		api->conf.node = "NOT_CLUSTERED";
	if (!api->conf.single_wait_ms)
		api->conf.single_wait_ms = SINGLE_WAIT_MS;
	api->started_s = us_clock_wall_s();
	enum us_errc rc = us_auth_open(conf->store, &api->auth, err);
	if (!rc)
		rc = us_wait_open(api, &api->wait, err);
	if (!rc && (rc = us_follow_open(api, &api->follow, err)))
		us_wait_close(api->wait);
	if (rc) {
		if (api->auth)
			us_auth_close(api->auth);
		free(api);
		return rc;
	}
	api->metrics = us_metrics_new(conf->labels);
	api->statuses = us_status_cache_new();
	api->writers = us_worker_new(WRITERS, WAITING);
	us_openapi_write(conf->types, conf->sync_options, &api->openapi);
	*ret_api = api;
	return US_OK;
}

void us_api_stop(struct us_api *api) { us_follow_stop(api->follow); }

void us_api_close(struct us_api *api)
{
	us_worker_free(api->writers);
	us_follow_close(api->follow);
	us_wait_close(api->wait);
	us_auth_close(api->auth);
	us_metrics_free(api->metrics);
	us_status_cache_free(api->statuses);
	us_str_fini(&api->openapi);
	free(api);
}

/* A browser sends credentials that it knows with requests that other sites make it send: those change nothing here. */
static bool is_foreign(const struct us_httpd_request *r)
{
	struct us_slice site = us_httpd_find_header(r, "Sec-Fetch-Site"), origin = us_httpd_find_header(r, "Origin");
	struct us_slice host = us_httpd_find_header(r, "Host");

	if (r->method == US_HTTPD_GET || r->method == US_HTTPD_HEAD || r->method == US_HTTPD_OPTIONS)
		return false;
	if (us_slice_is(site, "cross-site") || us_slice_is(site, "same-site"))
		return true;
	if (!origin.p)
		return false;
	const char *at = memmem(origin.p, origin.n, "://", 3);
	if (!at)
		return true;
	size_t head = (size_t) (at + 3 - origin.p);
	return !us_slice_is_equal((struct us_slice) { origin.p + head, origin.n - head }, host);
}

/* Given twice, a parameter means two things. */
static enum us_errc check_query(const struct us_target *target, struct us_err *err)
{
	for (size_t i = 1; i < target->query_n; i++)
		for (size_t j = 0; j < i; j++)
			if (us_slice_is_equal(target->query[i].name, target->query[j].name))
				return us_err_set(err, US_INVALID, "parameter \"%.*s\" is given twice", target->query[i].name.n > 100 ? 100 :
					(int) target->query[i].name.n, target->query[i].name.p);
	return US_OK;
}

/* Who asks comes before what there is: without credentials, nothing below the base path is told, not even that it is not there. */
static enum us_errc dispatch(struct us_call *call, struct us_err *err)
{
	struct us_httpd_request *r = call->request;
	char allow[64];
	bool is_known;

	call->route = us_route_find(r, call->parameters, &is_known, allow);
	if (call->route)
		r->label = call->route->operation;
	if (r->method == US_HTTPD_OPTIONS && (is_known || r->target.is_asterisk)) {
		us_httpd_add_header(call->answer, "Allow", is_known ? allow : "GET, HEAD, POST, PUT, DELETE, OPTIONS");
		call->answer->status = 204;
		return US_OK;
	}
	bool is_root = is_known && r->target.segments_n == 1;
	if (call->route ? !(call->route->flags & US_ROUTE_PUBLIC) : !is_root) {
		enum us_errc rc = us_auth_check(call->api->auth, r, &call->who, err);
		if (rc)
			return rc;
	}
	if (!is_known)
		return us_err_set(err, US_NOT_FOUND, "nothing is served at this address");
	if (!call->route) {
		us_err_set(err, US_METHOD, "this address has %s", allow);
		us_call_fail(call->api, err, NULL, call->answer);
		us_httpd_add_header(call->answer, "Allow", allow);
		return US_OK;
	}
	if (!(call->route->flags & US_ROUTE_PUBLIC) && call->who.role < call->route->role)
		return us_err_set(err, US_FORBIDDEN, "this needs the role %s; you have %s", us_role_text(call->route->role), us_role_text(call->who.role));
	if (is_foreign(r))
		return us_err_set(err, US_FORBIDDEN, "the request was made by another site");
	call->answer->status = call->route->status;
	enum us_errc rc = check_query(&r->target, err);
	return rc ? rc : call->route->run(call, err);
}

/* Who did what: each call that may change something, and is allowed to. */
static void log_change(const struct us_call *call, enum us_errc rc)
{
	if (!call->route || call->route->method == US_HTTPD_GET || !call->who.name.p)
		return;
	us_log(US_LOG_INFO, "admin call", "operation", call->route->operation, "actor", call->who.name.p, "role", us_role_text(call->who.role),
		"peer", call->request->peer, "result", us_err_phrase(rc), NULL);
}

static enum us_httpd_next answer_now(struct us_api *api, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct us_err err = US_ERR_INIT;
	struct us_call call = { .api = api, .request = request, .answer = answer, .arena = request->arena,
		.w = US_JSONW_INIT(&answer->body) };
	enum us_errc rc = dispatch(&call, &err);

	us_call_release(&call);
	log_change(&call, rc);
	/* Dates and ages that notices go by may be other ones now. */
	if (rc == US_OK && call.route && call.route->role == US_ROLE_ADMIN && call.route->method != US_HTTPD_GET)
		us_notifier_recheck(call.api->conf.notifier);
	if (call.is_later)
		return US_HTTPD_LATER;
	if (rc) {
		err.code = rc;
		us_call_fail(call.api, &err, rc == US_CONFIG ? call.problems : NULL, answer);
		if (rc == US_CONFIG && call.more.p)
			us_call_append(answer, "connectors", call.more);
	}
	if (!answer->content_type && (answer->body.n || answer->pull))
		answer->content_type = "application/json";
	us_httpd_add_header(answer, "Cache-Control", "no-store");
	us_httpd_add_header(answer, "X-Content-Type-Options", "nosniff");
	return US_HTTPD_NOW;
}

/* ---- what may wait for the store's writer, which a large sync holds for long ---- */

struct waiting {
	struct us_later later;
	struct us_api *api;
};

static void run_waiting(void *data)
{
	struct waiting *w = data;

	answer_now(w->api, &w->later.request, &w->later.answer);
	us_later_end(&w->later);
	free(w);
}

enum us_httpd_next us_api_handle(void *data, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct us_slice parameters[US_ROUTE_PARAMETERS];
	struct us_api *api = data;
	char allow[64];
	bool is_known;
	const struct us_route *route = us_route_find(request, parameters, &is_known, allow);

	if (!route || route->method == US_HTTPD_GET)
		return answer_now(api, request, answer);
	request->label = route->operation;
	struct waiting *w = us_calloc(1, sizeof *w);
	w->api = api;
	us_later_copy(&w->later, request);
	us_later_promise(&w->later, request);
	if (us_worker_do(api->writers, run_waiting, w))
		return US_HTTPD_LATER;
	struct us_err err = US_ERR_INIT;
	us_err_set(&err, US_UNAVAILABLE, "too many calls wait already");
	err.wait_ms = 1000;
	us_call_fail(api, &err, NULL, &w->later.answer);
	us_later_end(&w->later);
	free(w);
	return US_HTTPD_LATER;
}

void us_api_refuse(void *data, int status, const char *why, struct us_httpd_answer *answer)
{
	const char *error = status == 413 || status == 414 || status == 431 ? us_err_phrase(US_TOO_LARGE)
		: status == 503 ? us_err_phrase(US_UNAVAILABLE) : us_err_phrase(US_INVALID);

	(void) data;
	us_call_fail_status(status, error, why, NULL, answer);
}

void us_api_done(void *data, const struct us_httpd_request *request, int status, int64_t duration_us)
{
	struct us_api *api = data;

	us_metrics_note(api->metrics, request->label, status, duration_us);
}
