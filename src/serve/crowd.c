#include "serve/crowd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/later.h"
#include "serve/address.h"
#include "serve/crowd_call.h"

#define VERSION "Crowd/5.1.0"

enum { ASK_WITHIN_MS = 20000 };

/* Who carries a call out. */
enum place {
	AT_ONCE, /* the thread that has read the request: it waits for nobody */
	WRITER,
	CHECKER,
};

/* One row for each call. */
struct route {
	enum us_httpd_method method;
	const char *path;  /* below the resource; "*" is one segment */
	unsigned right;    /* that is needed, of enum us_right */
	enum place place;
	enum us_errc (*run)(struct us_crowd_call *call, struct us_err *err);
};

static const struct route routes[] = {
	{ US_HTTPD_GET, "user", US_RIGHT_READ, AT_ONCE, us_crowd_get_user },
	{ US_HTTPD_GET, "user/attribute", US_RIGHT_READ, AT_ONCE, us_crowd_get_user_attributes },
	{ US_HTTPD_GET, "user/group/direct", US_RIGHT_READ, AT_ONCE, us_crowd_get_groups_of_user },
	{ US_HTTPD_GET, "user/group/nested", US_RIGHT_READ, AT_ONCE, us_crowd_get_nested_groups_of_user },
	{ US_HTTPD_GET, "group", US_RIGHT_READ, AT_ONCE, us_crowd_get_group },
	{ US_HTTPD_GET, "group/attribute", US_RIGHT_READ, AT_ONCE, us_crowd_get_group_attributes },
	{ US_HTTPD_GET, "group/user/direct", US_RIGHT_READ, AT_ONCE, us_crowd_get_users_of_group },
	{ US_HTTPD_GET, "group/user/nested", US_RIGHT_READ, AT_ONCE, us_crowd_get_nested_users_of_group },
	{ US_HTTPD_GET, "group/child-group/direct", US_RIGHT_READ, AT_ONCE, us_crowd_get_child_groups },
	{ US_HTTPD_GET, "group/child-group/nested", US_RIGHT_READ, AT_ONCE, us_crowd_get_nested_child_groups },
	{ US_HTTPD_GET, "group/parent-group/direct", US_RIGHT_READ, AT_ONCE, us_crowd_get_parent_groups },
	{ US_HTTPD_GET, "group/parent-group/nested", US_RIGHT_READ, AT_ONCE, us_crowd_get_nested_parent_groups },
	{ US_HTTPD_GET, "group/membership", US_RIGHT_READ, AT_ONCE, us_crowd_get_memberships },
	{ US_HTTPD_GET, "search", US_RIGHT_READ, AT_ONCE, us_crowd_search },
	{ US_HTTPD_POST, "search", US_RIGHT_READ, AT_ONCE, us_crowd_search },
	{ US_HTTPD_POST, "user", US_RIGHT_WRITE, WRITER, us_crowd_add_user },
	{ US_HTTPD_PUT, "user", US_RIGHT_WRITE, WRITER, us_crowd_update_user },
	{ US_HTTPD_DELETE, "user", US_RIGHT_WRITE, WRITER, us_crowd_remove_user },
	{ US_HTTPD_POST, "user/rename", US_RIGHT_WRITE, WRITER, us_crowd_rename_user },
	{ US_HTTPD_POST, "user/attribute", US_RIGHT_WRITE, WRITER, us_crowd_set_user_attributes },
	{ US_HTTPD_DELETE, "user/attribute", US_RIGHT_WRITE, WRITER, us_crowd_remove_user_attribute },
	{ US_HTTPD_PUT, "user/password", US_RIGHT_WRITE, WRITER, us_crowd_set_password },
	{ US_HTTPD_POST, "user/group/direct", US_RIGHT_WRITE, WRITER, us_crowd_add_group_to_user },
	{ US_HTTPD_DELETE, "user/group/direct", US_RIGHT_WRITE, WRITER, us_crowd_remove_group_from_user },
	{ US_HTTPD_POST, "group", US_RIGHT_WRITE, WRITER, us_crowd_add_group },
	{ US_HTTPD_PUT, "group", US_RIGHT_WRITE, WRITER, us_crowd_update_group },
	{ US_HTTPD_DELETE, "group", US_RIGHT_WRITE, WRITER, us_crowd_remove_group },
	{ US_HTTPD_POST, "group/attribute", US_RIGHT_WRITE, WRITER, us_crowd_set_group_attributes },
	{ US_HTTPD_DELETE, "group/attribute", US_RIGHT_WRITE, WRITER, us_crowd_remove_group_attribute },
	{ US_HTTPD_POST, "group/user/direct", US_RIGHT_WRITE, WRITER, us_crowd_add_user_to_group },
	{ US_HTTPD_DELETE, "group/user/direct", US_RIGHT_WRITE, WRITER, us_crowd_remove_user_from_group },
	{ US_HTTPD_POST, "group/child-group/direct", US_RIGHT_WRITE, WRITER, us_crowd_add_child_group },
	{ US_HTTPD_DELETE, "group/child-group/direct", US_RIGHT_WRITE, WRITER, us_crowd_remove_child_group },
	{ US_HTTPD_POST, "group/parent-group/direct", US_RIGHT_WRITE, WRITER, us_crowd_add_parent_group },
	{ US_HTTPD_DELETE, "group/parent-group/direct", US_RIGHT_WRITE, WRITER, us_crowd_remove_parent_group },
	{ US_HTTPD_POST, "authentication", US_RIGHT_AUTHENTICATE, CHECKER, us_crowd_authenticate },
	{ US_HTTPD_POST, "authentication/notify", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_notify },
	{ US_HTTPD_POST, "session", US_RIGHT_AUTHENTICATE, CHECKER, us_crowd_open_session },
	{ US_HTTPD_DELETE, "session", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_end_sessions },
	{ US_HTTPD_GET, "session/*", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_get_session },
	{ US_HTTPD_POST, "session/*", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_validate_session },
	{ US_HTTPD_DELETE, "session/*", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_end_session },
	{ US_HTTPD_GET, "event", US_RIGHT_READ, AT_ONCE, us_crowd_get_event_token },
	{ US_HTTPD_GET, "event/*", US_RIGHT_READ, AT_ONCE, us_crowd_get_events },
	{ US_HTTPD_POST, "webhook", US_RIGHT_READ, WRITER, us_crowd_add_webhook },
	{ US_HTTPD_GET, "webhook/*", US_RIGHT_READ, AT_ONCE, us_crowd_get_webhook },
	{ US_HTTPD_DELETE, "webhook/*", US_RIGHT_READ, WRITER, us_crowd_remove_webhook },
	{ US_HTTPD_GET, "config/cookie", US_RIGHT_AUTHENTICATE, AT_ONCE, us_crowd_get_cookie },
	{ .path = NULL },
};

static const struct { const char *text; int status; } reasons[] = {
#define X(name, status) [US_CROWD_##name] = { #name, status },
	US_CROWD_REASONS(X)
#undef X
};

/* ---- what handlers share ---- */

enum us_errc us_crowd_refuse(struct us_crowd_call *call, enum us_crowd_reason reason, struct us_err *err, const char *format, ...)
{
	char text[US_ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	call->reason = reason;
	return us_err_set(err, US_INVALID, "%s", text);
}

struct us_slice us_crowd_parameter(const struct us_crowd_call *call, const char *name)
{
	return us_target_parameter(&call->request->target, name);
}

enum us_errc us_crowd_need(struct us_crowd_call *call, const char *name, struct us_slice *ret_value, struct us_err *err)
{
	*ret_value = us_crowd_parameter(call, name);
	return ret_value->n ? US_OK : us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the parameter %s is missing", name);
}

/* "user,attributes", or the parameter several times. */
bool us_crowd_expands(const struct us_crowd_call *call, const char *what)
{
	for (size_t i = 0; i < call->request->target.query_n; i++) {
		struct us_slice rest = call->request->target.query[i].value;
		if (!us_slice_is(call->request->target.query[i].name, "expand"))
			continue;
		while (rest.n) {
			const char *comma = memchr(rest.p, ',', rest.n);
			size_t n = comma ? (size_t) (comma - rest.p) : rest.n;
			if (us_slice_is(us_slice_trim((struct us_slice) { rest.p, n }), what))
				return true;
			rest.p += n + (comma != NULL);
			rest.n -= n + (comma != NULL);
		}
	}
	return false;
}

struct us_crowd_window us_crowd_read_window(const struct us_crowd_call *call)
{
	enum { MOST_BY_DEFAULT = 1000 };
	struct us_crowd_window window = { 0, MOST_BY_DEFAULT };
	int64_t n;

	if (us_slice_to_int(us_crowd_parameter(call, "start-index"), &n) && n > 0)
		window.start = n;
	if (us_slice_to_int(us_crowd_parameter(call, "max-results"), &n))
		window.left = n < 0 ? INT64_MAX : n;
	return window;
}

enum us_errc us_crowd_find_user(struct us_crowd_call *call, struct us_slice name, struct us_seen_user *ret_user, struct us_err *err)
{
	enum us_errc rc = us_view_find_user(&call->view, call->arena, name, ret_user, err);

	if (rc == US_NOT_FOUND)
		call->reason = US_CROWD_USER_NOT_FOUND;
	return rc;
}

enum us_errc us_crowd_find_group(struct us_crowd_call *call, struct us_slice name, struct us_seen_group *ret_group, struct us_err *err)
{
	enum us_errc rc = us_view_find_group(&call->view, call->arena, name, ret_group, err);

	if (rc == US_NOT_FOUND)
		call->reason = US_CROWD_GROUP_NOT_FOUND;
	return rc;
}

enum us_errc us_crowd_get_cookie(struct us_crowd_call *call, struct us_err *err)
{
	struct us_crowd_writer *w = &call->writer;
	bool is_tls = us_address_is_tls(call->request);

	(void) err;
	us_crowd_put_head(w);
	if (w->is_json) {
		us_jsonw_open(&w->w, '{');
		us_jsonw_put_bool(&w->w, "secure", is_tls);
		us_jsonw_put_text(&w->w, "name", "crowd.token_key");
		us_jsonw_close(&w->w, '}');
	} else {
		us_str_printf(w->out, "<cookie-config><secure>%s</secure><name>crowd.token_key</name></cookie-config>", is_tls ? "true" : "false");
	}
	return US_OK;
}

/* ---- routing ---- */

/* NULL: there is none; then allow holds the methods of the rows that have the path, if any do. */
static const struct route *find_route(const struct us_httpd_request *request, struct us_slice *ret_parameter, char allow[64])
{
	const struct us_slice *segments = request->target.segments;
	size_t n = request->target.segments_n;
	enum us_httpd_method method = request->method == US_HTTPD_HEAD ? US_HTTPD_GET : request->method;

	allow[0] = '\0';
	if (n < 4 || !us_slice_is(segments[1], "rest") || !us_slice_is(segments[2], "usermanagement") ||
		!(us_slice_is(segments[3], "1") || us_slice_is(segments[3], "latest")))
		return NULL;
	for (const struct route *r = routes; r->path; r++) {
		if (!us_address_is(r->path, segments + 4, n - 4, ret_parameter))
			continue;
		if (r->method == method)
			return r;
		size_t used = strlen(allow);
		snprintf(allow + used, 64 - used, "%s%s", used ? ", " : "", us_httpd_method_name(r->method));
	}
	return NULL;
}

/* Media types in order of the client's wish; XML unless it likes JSON better. */
static double quality(struct us_slice accept, const char *type, bool *ret_is_named)
{
	double best = 0;

	*ret_is_named = false;
	while (accept.n) {
		const char *comma = memchr(accept.p, ',', accept.n);
		size_t n = comma ? (size_t) (comma - accept.p) : accept.n;
		const char *semicolon = memchr(accept.p, ';', n);
		struct us_slice range = us_slice_trim((struct us_slice) { accept.p, semicolon ? (size_t) (semicolon - accept.p) : n });
		double q = 1;
		const char *at = semicolon ? memmem(semicolon, n - (size_t) (semicolon - accept.p), "q=", 2) : NULL;
		if (at && at + 3 <= accept.p + n && at[2] == '0') {
			q = 0;
			double unit = 0.1;
			for (const char *p = at + 4; p < accept.p + n && *p >= '0' && *p <= '9'; p++, unit /= 10)
				q += (*p - '0') * unit;
		}
		if (us_slice_is_nocase(range, type)) {
			*ret_is_named = true;
			best = q > best ? q : best;
		}
		accept.p += n + (comma != NULL);
		accept.n -= n + (comma != NULL);
	}
	return best;
}

static bool wants_json(const struct us_httpd_request *request)
{
	struct us_slice accept = us_httpd_find_header(request, "Accept");
	bool names_json, names_xml;

	if (!accept.n)
		return false;
	double json = quality(accept, "application/json", &names_json), xml = quality(accept, "application/xml", &names_xml);
	return names_json && json > 0 && (!names_xml || json > xml);
}

/* Where the client reached us, for links. */
static struct us_slice base_of(const struct us_httpd_request *request, struct us_arena *arena)
{
	bool is_latest = request->target.segments_n > 3 && us_slice_is(request->target.segments[3], "latest");

	return us_address_base(request, arena, is_latest ? "crowd/rest/usermanagement/latest" : "crowd/rest/usermanagement/1");
}

/* What stands under the address, if the application may have it. */
static enum us_errc admit(struct us_crowd_call *call, const struct route **ret_route, struct us_err *err)
{
	struct us_httpd_request *r = call->request;
	char allow[64];
	enum us_errc rc = us_gate_check(call->serve->gate, r, &call->client, err);

	if (rc == US_FORBIDDEN)
		call->reason = US_CROWD_APPLICATION_ACCESS_DENIED;
	if (rc)
		return rc;
	const struct route *route = find_route(r, &call->parameter, allow);
	if (!route && allow[0]) {
		us_httpd_add_header(call->answer, "Allow", allow);
		return us_err_set(err, US_METHOD, "this address has %s", allow);
	}
	if (!route)
		return us_err_set(err, US_NOT_FOUND, "nothing is served at this address");
	if (!(call->client.rights & route->right))
		return us_crowd_refuse(call, US_CROWD_APPLICATION_PERMISSION_DENIED, err, "the application \"" US_SLICE_FMT "\" has no right to %s",
			US_SLICE_ARG(call->client.name), us_right_text(route->right));
	*ret_route = route;
	return US_OK;
}

static void fail(struct us_crowd_call *call, enum us_errc rc, const struct us_err *err)
{
	bool has_reason = call->reason != US_CROWD_REASON_COUNT;
	const char *reason = has_reason ? reasons[call->reason].text : rc == US_INVALID || rc == US_TOO_LARGE ? "ILLEGAL_ARGUMENT" : "OPERATION_FAILED";

	call->answer->status = has_reason ? reasons[call->reason].status : us_err_http(rc);
	if (call->answer->status >= 500)
		us_log(US_LOG_WARN, "crowd call failed", "application", call->client.name.p, "error", err->text, NULL);
	us_str_clear(&call->answer->body);
	us_crowd_writer_init(&call->writer, &call->answer->body, call->writer.is_json, call->writer.base);
	us_crowd_put_error(&call->writer, reason, us_slice(err->text));
	if (rc == US_UNAUTHORIZED)
		us_httpd_add_header(call->answer, "WWW-Authenticate", "Basic realm=\"usersync\", charset=\"UTF-8\"");
	if (err->wait_ms > 0) {
		char seconds[24];
		snprintf(seconds, sizeof seconds, "%lld", (long long) ((err->wait_ms + 999) / 1000));
		us_httpd_add_header(call->answer, "Retry-After", seconds);
	}
}

static void add_head(struct us_httpd_answer *answer, bool is_json)
{
	/* There are clients that read a type even where there is no body. */
	if (answer->body.n || answer->pull || answer->status == 201)
		answer->content_type = is_json ? "application/json" : "application/xml;charset=UTF-8";
	us_httpd_add_header(answer, "X-Embedded-Crowd-Version", VERSION);
	us_httpd_add_header(answer, "Cache-Control", "no-store");
	us_httpd_add_header(answer, "X-Content-Type-Options", "nosniff");
}

static void finish(struct us_crowd_call *call, enum us_errc rc, const struct us_err *err)
{
	us_view_close(&call->view);
	if (rc)
		fail(call, rc, err);
	add_head(call->answer, call->writer.is_json);
}

void us_crowd_refuse_request(struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer)
{
	struct us_crowd_writer writer;
	bool is_json = wants_json(request);

	request->label = US_CROWD_LABEL;
	answer->status = status;
	us_crowd_writer_init(&writer, &answer->body, is_json, US_SLICE_NONE);
	us_crowd_put_error(&writer, status < 500 ? "ILLEGAL_ARGUMENT" : "OPERATION_FAILED", us_slice(why));
	add_head(answer, is_json);
}

static enum us_errc carry_out(struct us_crowd_call *call, const struct route *route, struct us_err *err)
{
	enum us_errc rc = us_view_open(call->serve->conf.store, call->serve->kept, call->client.directories, call->client.n_directories, &call->view, err);

	return rc ? rc : route->run(call, err);
}

/* ---- what waits for others ---- */

struct waiting {
	struct us_later later;
	struct us_crowd_call call;
	const struct route *route;
	int64_t since_ms; /* monotonic: when it began to wait for an asker */
};

static void copy_client(struct waiting *w, const struct us_client *from)
{
	struct us_arena *arena = &w->later.arena;
	int64_t *directories = us_arena_array(arena, from->n_directories + 1, sizeof *directories);

	memcpy(directories, from->directories, from->n_directories * sizeof *directories);
	w->call.client = *from;
	w->call.client.name = us_slice_dup(arena, from->name);
	w->call.client.directories = directories;
}

static void end_waiting(struct waiting *w, enum us_errc rc, const struct us_err *err)
{
	finish(&w->call, rc, err);
	us_later_end(&w->later);
	free(w);
}

static enum us_errc too_many(struct us_err *err, const char *what)
{
	us_err_set(err, US_UNAVAILABLE, "%s", what);
	if (err)
		err->wait_ms = 1000;
	return US_UNAVAILABLE;
}

static void run_waiting(void *data)
{
	struct waiting *w = data;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = carry_out(&w->call, w->route, &err);

	end_waiting(w, rc, &err);
}

/* Who has waited for so long is told so, instead of after everybody before has waited for a provider that hangs. */
static void run_asking(void *data)
{
	struct waiting *w = data;
	struct us_err err = US_ERR_INIT;

	if (us_clock_monotonic_ms() - w->since_ms <= ASK_WITHIN_MS)
		run_waiting(w);
	else
		end_waiting(w, too_many(&err, "the identity provider does not keep up with the logins that wait for it"), &err);
}

static void run_checking(void *data)
{
	struct waiting *w = data;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = carry_out(&w->call, w->route, &err);

	if (!rc || !w->call.asks) {
		end_waiting(w, rc, &err);
		return;
	}
	us_view_close(&w->call.view);
	w->call.may_ask = true;
	w->since_ms = us_clock_monotonic_ms();
	if (!us_worker_do(w->call.serve->askers[w->call.asks % US_SERVE_ASKERS], run_asking, w))
		end_waiting(w, too_many(&err, "too many logins wait for the identity provider already"), &err);
}

static void wait(struct us_crowd_call *call, const struct route *route)
{
	struct us_serve *serve = call->serve;
	struct waiting *w = us_calloc(1, sizeof *w);

	us_later_copy(&w->later, call->request);
	w->route = route;
	w->call = *call;
	w->call.arena = &w->later.arena;
	w->call.request = &w->later.request;
	w->call.answer = &w->later.answer;
	w->call.parameter = us_slice_dup(&w->later.arena, call->parameter);
	copy_client(w, &call->client);
	us_crowd_writer_init(&w->call.writer, &w->later.answer.body, call->writer.is_json, us_slice_dup(&w->later.arena, call->writer.base));
	us_later_promise(&w->later, call->request);
	if (route->place == WRITER ? us_worker_do(serve->writers, run_waiting, w) : us_worker_do(serve->checkers, run_checking, w))
		return;
	/* Promised is promised. */
	struct us_err err = US_ERR_INIT;
	end_waiting(w, too_many(&err, "too many calls wait already"), &err);
}

enum us_httpd_next us_crowd_handle(struct us_serve *serve, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct us_err err = US_ERR_INIT;
	struct us_crowd_call call = { .serve = serve, .request = request, .answer = answer, .arena = request->arena, .reason = US_CROWD_REASON_COUNT };
	const struct route *route = NULL;

	request->label = US_CROWD_LABEL;
	us_crowd_writer_init(&call.writer, &answer->body, wants_json(request), base_of(request, request->arena));
	enum us_errc rc = admit(&call, &route, &err);
	if (!rc && route->place != AT_ONCE) {
		wait(&call, route);
		return US_HTTPD_LATER;
	}
	if (!rc)
		rc = carry_out(&call, route, &err);
	finish(&call, rc, &err);
	return US_HTTPD_NOW;
}
