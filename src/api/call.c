#include "api/call.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "model/notice_options.h"

enum us_errc us_call_lease_reader(struct us_call *call, struct us_err *err)
{
	us_assert(!call->c);
	enum us_errc rc = us_db_lease_reader(call->api->conf.store->db, &call->c, err);
	return rc ? rc : us_db_begin(call->c, err);
}

enum us_errc us_call_lease_writer(struct us_call *call, struct us_err *err)
{
	us_assert(!call->c);
	enum us_errc rc = us_db_lease_writer(call->api->conf.store->db, &call->c, err);
	return rc ? rc : us_db_begin(call->c, err);
}

enum us_errc us_call_commit(struct us_call *call, struct us_err *err) { return us_db_commit(call->c, err); }

void us_call_release(struct us_call *call)
{
	us_db_release(call->c);
	call->c = NULL;
}

enum us_errc us_call_read_json(struct us_call *call, const struct us_json **ret_doc, struct us_err *err)
{
	struct us_slice type = us_httpd_find_header(call->request, "Content-Type");
	const char *semicolon = type.n ? memchr(type.p, ';', type.n) : NULL;

	if (semicolon)
		type.n = (size_t) (semicolon - type.p);
	if (!us_slice_is_nocase(us_slice_trim(type), "application/json"))
		return us_err_set(err, US_MEDIA_TYPE, "the body must be application/json");
	return us_json_parse(call->arena, call->request->body, US_JSON_LIMITS_SMALL, ret_doc, err);
}

enum us_errc us_call_read_object(struct us_call *call, const struct us_json **ret_doc, struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_call_read_json(call, &doc, err);

	if (rc)
		return rc;
	if (doc->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "the body must be a JSON object, not %s", us_json_type_name(doc->type));
	*ret_doc = doc;
	return US_OK;
}

void us_call_refuse_others(struct us_call *call, const struct us_json *doc, const char *const *known)
{
	for (size_t i = 0; i < doc->object.n; i++) {
		const struct us_json_member *m = &doc->object.members[i];
		size_t j = 0;
		while (known[j] && !us_slice_is(m->key, known[j]))
			j++;
		if (!known[j])
			us_problem_add(call->arena, &call->problems, us_arena_printf(call->arena, "%.*s", m->key.n > 100 ? 100 : (int) m->key.n, m->key.p),
				"is unknown");
	}
}

enum us_errc us_call_check_problems(struct us_call *call, struct us_err *err)
{
	const struct us_problem *first = call->problems;

	if (!first)
		return US_OK;
	return us_err_set(err, US_CONFIG, "%s %s%s", first->field, first->reason, first->next ? " (and more, see fields)" : "");
}

void us_call_check_name(struct us_call *call, const char *field, struct us_slice name, size_t most)
{
	const char *reason = NULL;

	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char) name.p[i] < ' ' || name.p[i] == 0x7F)
			reason = "holds a control character";
	if (!us_slice_trim(name).n)
		reason = "must not be empty";
	if (reason)
		us_problem_add(call->arena, &call->problems, field, "%s", reason);
	else if (us_slice_characters(name) > most)
		us_problem_add(call->arena, &call->problems, field, "is longer than %zu characters", most);
}

struct us_slice us_call_read_text(struct us_call *call, const struct us_json *doc, const char *field, bool is_required)
{
	const struct us_json *v = us_json_find(doc, field);

	if (!v && is_required)
		us_problem_add(call->arena, &call->problems, field, "is required");
	if (v && v->type != US_JSON_STRING)
		us_problem_add(call->arena, &call->problems, field, "must be a string, not %s", us_json_type_name(v->type));
	return us_json_string(doc, field);
}

/* A colon would end the name in HTTP Basic. */
void us_call_check_login_name(struct us_call *call, struct us_slice name)
{
	if (!name.p)
		return;
	if (memchr(name.p, ':', name.n))
		us_problem_add(call->arena, &call->problems, "name", "must not hold a colon");
	else
		us_call_check_name(call, "name", name, US_CALL_NAME_CHARACTERS);
}

void us_call_check_password(struct us_call *call, struct us_slice password)
{
	size_t n = us_slice_characters(password);

	if (!password.p)
		return;
	if (n < US_CALL_PASSWORD_LEAST)
		us_problem_add(call->arena, &call->problems, "password", "is shorter than %d characters", US_CALL_PASSWORD_LEAST);
	else if (n > US_CALL_PASSWORD_MOST)
		us_problem_add(call->arena, &call->problems, "password", "is longer than %d characters", US_CALL_PASSWORD_MOST);
	else if (memchr(password.p, 0, password.n))
		us_problem_add(call->arena, &call->problems, "password", "holds a NUL");
}

enum us_errc us_call_read_number(struct us_call *call, int parameter, const char *what, int64_t *ret_number, struct us_err *err)
{
	struct us_slice text = call->parameters[parameter];

	if (!us_slice_to_int(text, ret_number) || *ret_number < 1)
		return us_err_set(err, US_NOT_FOUND, "no %s \"%.*s\"", what, text.n > 100 ? 100 : (int) text.n, text.p);
	return US_OK;
}

enum us_errc us_call_read_limit(struct us_call *call, int64_t fallback, int64_t most, int64_t *ret_limit, struct us_err *err)
{
	struct us_slice text = us_target_parameter(&call->request->target, "limit");

	*ret_limit = fallback;
	if (!text.p)
		return US_OK;
	if (!us_slice_to_int(text, ret_limit) || *ret_limit < 1 || *ret_limit > most)
		return us_err_set(err, US_INVALID, "limit must be a number from 1 to %lld", (long long) most);
	return US_OK;
}

/* A cursor is its kind and the text in hexadecimal: opaque, and safe in any address. */

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum us_errc us_call_read_cursor(struct us_call *call, char kind, struct us_slice *ret_text, struct us_err *err)
{
	struct us_slice given = us_target_parameter(&call->request->target, "cursor");

	*ret_text = US_SLICE_NONE;
	if (!given.p)
		return US_OK;
	bool ok = given.n % 2 == 1 && given.p[0] == kind;
	char *text = us_arena_alloc(call->arena, given.n / 2 + 1);
	size_t n = 0;
	for (size_t i = 1; ok && i < given.n; i += 2) {
		int high = hex_value(given.p[i]), low = hex_value(given.p[i + 1]);
		ok = high >= 0 && low >= 0;
		text[n++] = (char) (high * 16 + low);
	}
	text[ok ? n : 0] = '\0';
	if (!ok || !us_slice_is_utf8((struct us_slice) { text, n }))
		return us_err_set(err, US_INVALID, "the cursor is not one of this list");
	*ret_text = (struct us_slice) { text, n };
	return US_OK;
}

void us_call_put_cursor(struct us_call *call, char kind, struct us_slice text)
{
	static const char hex[] = "0123456789abcdef";

	if (!text.p) {
		us_jsonw_put_text(&call->w, "cursor", NULL);
		return;
	}
	char *cursor = us_arena_alloc(call->arena, 2 * text.n + 2), *p = cursor;
	*p++ = kind;
	for (size_t i = 0; i < text.n; i++) {
		*p++ = hex[(unsigned char) text.p[i] >> 4];
		*p++ = hex[text.p[i] & 15];
	}
	us_jsonw_put_string(&call->w, "cursor", (struct us_slice) { cursor, (size_t) (p - cursor) });
}

void us_call_put_time(struct us_jsonw *w, const char *key, int64_t wall_s)
{
	char text[US_CLOCK_ISO_BYTES];

	us_jsonw_put_text(w, key, wall_s ? us_clock_format(wall_s, text) : NULL);
}

void us_call_fail_status(int status, const char *error, const char *message, const struct us_problem *problems,
	struct us_httpd_answer *answer)
{
	struct us_jsonw w = US_JSONW_INIT(&answer->body);

	us_str_clear(&answer->body);
	us_jsonw_open(&w, '{');
	us_jsonw_put_int(&w, "status", status);
	us_jsonw_put_text(&w, "error", error);
	us_jsonw_put_text(&w, "message", message);
	if (problems) {
		us_jsonw_key(&w, "fields");
		us_jsonw_open(&w, '[');
		for (; problems; problems = problems->next) {
			us_jsonw_open(&w, '{');
			us_jsonw_put_text(&w, "field", problems->field);
			us_jsonw_put_text(&w, "reason", problems->reason);
			us_jsonw_close(&w, '}');
		}
		us_jsonw_close(&w, ']');
	}
	us_jsonw_close(&w, '}');
	answer->status = status;
	answer->content_type = "application/json";
}

void us_call_append(struct us_httpd_answer *answer, const char *key, struct us_slice json)
{
	struct us_jsonw w = { .out = &answer->body, .want_comma = true };

	us_assert(answer->body.n > 2 && answer->body.p[answer->body.n - 1] == '}');
	answer->body.n--;
	us_jsonw_key(&w, key);
	us_jsonw_raw(&w, json);
	us_jsonw_close(&w, '}');
}

void us_call_fail(struct us_api *api, const struct us_err *err, const struct us_problem *problems, struct us_httpd_answer *answer)
{
	int status = us_err_http(err->code);
	char seconds[24];

	(void) api;
	us_str_clear(&answer->headers);
	us_call_fail_status(status, us_err_phrase(err->code), err->text, problems, answer);
	if (err->code == US_UNAUTHORIZED)
		us_httpd_add_header(answer, "WWW-Authenticate", "Basic realm=\"usersync\", charset=\"UTF-8\"");
	if (status == 429 || status == 503) {
		snprintf(seconds, sizeof seconds, "%lld", err->wait_ms > 0 ? (long long) (err->wait_ms + 999) / 1000 : 5LL);
		us_httpd_add_header(answer, "Retry-After", seconds);
	}
	if (status >= 500)
		us_log(US_LOG_ERROR, "request failed", "code", us_err_name(err->code), "reason", err->text, NULL);
}

struct us_job_who us_call_who(const struct us_call *call)
{
	struct us_slice agent = us_httpd_find_header(call->request, "User-Agent");
	bool is_cli = agent.n >= 9 && memcmp(agent.p, "usersync/", 9) == 0;

	return (struct us_job_who) { call->who.name, is_cli ? US_TRIGGER_CLI : US_TRIGGER_API };
}

const struct us_json *us_call_with_secret(struct us_call *call, const struct us_json *configuration, struct us_slice *ret_secret)
{
	size_t n = 0;
	struct us_str secret = US_STR_INIT;
	struct us_json *whole = us_arena_alloc(call->arena, sizeof *whole);
	struct us_json_member *members =
		us_arena_array(call->arena, configuration->object.n + 1, sizeof *members);

	if (us_json_string(configuration, "secret").n)
		return configuration;
	for (size_t i = 0; i < configuration->object.n; i++)
		if (!us_slice_is(configuration->object.members[i].key, "secret"))
			members[n++] = configuration->object.members[i];
	us_notice_make_secret(&secret);
	*ret_secret = us_slice_dup(call->arena, us_str_slice(&secret));
	us_secret_wipe_str(&secret);
	members[n++] =
		(struct us_json_member) { US_SLICE("secret"), { .type = US_JSON_STRING, .string = *ret_secret } };
	*whole = (struct us_json) { .type = US_JSON_OBJECT, .object = { members, n } };
	return whole;
}
