/* /authentication and /session: users' passwords and SSO sessions */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "serve/crowd_body.h"
#include "serve/session.h"
#include "store/credential.h"
#include "store/directory.h"

/* Every attempt counts against the user, wherever the application says that it comes from. */
static struct us_hash throttle_key(const struct us_seen_user *user)
{
	char text[48];
	int n = snprintf(text, sizeof text, "user %lld %u", (long long) user->directory, user->number);

	return us_hash(text, (size_t) n);
}

static enum us_errc refuse(struct us_crowd_call *call, enum us_authentication authentication, const char *user, struct us_err *err)
{
	static const enum us_crowd_reason reasons[US_AUTH_COUNT] = {
		[US_AUTH_OK] = US_CROWD_OPERATION_FAILED,
		[US_AUTH_WRONG] = US_CROWD_INVALID_USER_AUTHENTICATION,
		[US_AUTH_UNKNOWN] = US_CROWD_USER_NOT_FOUND,
		[US_AUTH_INACTIVE] = US_CROWD_INACTIVE_ACCOUNT,
		[US_AUTH_EXPIRED] = US_CROWD_EXPIRED_CREDENTIAL,
		[US_AUTH_NOT_ALLOWED] = US_CROWD_INVALID_USER_AUTHENTICATION,
		[US_AUTH_UNREACHABLE] = US_CROWD_OPERATION_FAILED,
	};

	if (authentication == US_AUTH_UNREACHABLE)
		us_log(US_LOG_WARN, "a user's password could not be checked", "application", call->client.name.p, "error", err->text, NULL);
	return us_crowd_refuse(call, reasons[authentication], err, "user <%s>: %s", user, us_authentication_text(authentication));
}

/* The view is closed meanwhile: a provider may take its time. */
static enum us_errc check_password(struct us_crowd_call *call, const struct us_seen_user *user, struct us_slice password, struct us_err *err)
{
	struct us_throttle *throttle = call->serve->throttle;
	struct us_hash key = throttle_key(user);
	enum us_authentication authentication;
	struct us_directory directory;
	enum us_errc rc = us_directory_load(call->view.c, call->arena, user->directory, &directory, err);

	if (!rc && directory.connector.p && !call->may_ask) {
		call->asks = directory.id;
		return us_err_set(err, US_UNAVAILABLE, "the identity provider must be asked");
	}
	if (rc)
		return rc;
	rc = us_throttle_begin(throttle, key, US_THROTTLE_NAME, err);
	if (rc) {
		call->reason = US_CROWD_INVALID_USER_AUTHENTICATION;
		return rc;
	}
	us_view_close(&call->view);
	rc = call->serve->conf.authenticate(call->serve->conf.data, user->directory, user->image.user.name, password, &authentication, err);
	if (rc)
		return rc;
	if (authentication == US_AUTH_OK)
		us_throttle_succeed(throttle, key);
	else if (authentication != US_AUTH_WRONG)
		us_throttle_forgive(throttle, key);
	return authentication == US_AUTH_OK ? US_OK : refuse(call, authentication, user->image.user.name.p, err);
}

enum us_errc us_crowd_authenticate(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	struct us_crowd_body body;
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "username", &name, err);

	if (!rc)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (!rc)
		rc = us_crowd_find_user(call, name, &user, err);
	if (!rc)
		rc = check_password(call, &user, us_crowd_body_exact(call->arena, body, "value"), err);
	if (rc)
		return rc;
	us_logins_note(call->serve->logins, user.directory, user.number, call->client.name);
	us_crowd_put_head(&call->writer);
	us_crowd_put_user(&call->writer, user.image.user.name, user.directory, user.number, &user.image, US_CROWD_WHOLE);
	return US_OK;
}

/* The application has checked the password itself. */
enum us_errc us_crowd_notify(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "username", &name, err);

	if (!rc)
		rc = us_crowd_find_user(call, name, &user, err);
	if (rc)
		return rc;
	us_logins_note(call->serve->logins, user.directory, user.number, call->client.name);
	call->answer->status = 204;
	return US_OK;
}

/* ---- sessions ---- */

/* Factors in any order are the same: their hashes are added up. */
static struct us_hash read_factors(struct us_crowd_call *call, struct us_crowd_body list)
{
	static const char *const inside[] = { "validation-factors", "validationFactors" };
	struct us_hash sum = US_HASH_ZERO;
	struct us_crowd_body item;

	/* JSON has them under one name inside of the other. */
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (us_crowd_body_is_there(item = us_crowd_body_find(list, inside[i])))
			list = item;
	for (size_t i = 0; us_crowd_body_is_there(item = us_crowd_body_item(list, "validation-factor", i)); i++) {
		struct us_slice name = us_crowd_body_text(call->arena, item, "name"), value = us_crowd_body_text(call->arena, item, "value");
		if (!name.n)
			continue;
		struct us_hash one = us_secret_fingerprint(name, value);
		sum.lo += one.lo;
		sum.hi += one.hi;
	}
	return sum;
}

static void put_time(struct us_crowd_writer *w, const char *name, int64_t wall_ms)
{
	char text[US_CLOCK_ISO_BYTES];

	if (w->is_json) {
		us_jsonw_put_int(&w->w, name, wall_ms);
		return;
	}
	us_clock_format(wall_ms / 1000, text);
	us_crowd_put_text(w, name, us_slice(text));
}

static void put_session(struct us_crowd_call *call, struct us_slice token, const struct us_session *session, const struct us_seen_user *user)
{
	struct us_crowd_writer *w = &call->writer;
	bool expands = us_crowd_expands(call, "user");

	us_crowd_put_head(w);
	if (w->is_json) {
		us_jsonw_open(&w->w, '{');
		us_jsonw_put_text(&w->w, "expand", "user");
	} else {
		us_str_add_text(w->out, "<session expand=\"user\">");
	}
	us_crowd_put_text(w, "token", token);
	if (w->is_json)
		us_jsonw_key(&w->w, "user");
	us_crowd_put_user(w, user->image.user.name, user->directory, user->number, &user->image, expands ? US_CROWD_WHOLE : US_CROWD_NAME);
	us_crowd_put_link(w, "/session/", token, "self");
	put_time(w, "created-date", session->created_ms);
	put_time(w, "expiry-date", session->expires_ms);
	if (w->is_json)
		us_jsonw_close(&w->w, '}');
	else
		us_str_add_text(w->out, "</session>");
}

enum us_errc us_crowd_load_password(struct us_crowd_call *call, int64_t directory, uint32_t user, struct us_hash *ret_password, struct us_err *err)
{
	struct us_slice hash;
	enum us_errc rc = us_credential_find(call->view.c, call->arena, directory, user, &hash, NULL, err);

	if (!rc)
		*ret_password = us_hash_slice(hash); /* salted: no two are equal */
	else if (rc == US_NOT_FOUND)
		*ret_password = US_HASH_ZERO;
	return rc == US_NOT_FOUND ? US_OK : rc;
}

/* The user of a session, as this application sees it. */
static enum us_errc load_user(struct us_crowd_call *call, const struct us_session *session, struct us_seen_user *ret_user, struct us_err *err)
{
	struct us_hash password = US_HASH_ZERO;
	enum us_errc rc = us_view_load_user(&call->view, call->arena, session->directory, session->user, ret_user, err);

	if (rc == US_NOT_FOUND || (!rc && !ret_user->image.user.active))
		return us_crowd_refuse(call, US_CROWD_INVALID_SSO_TOKEN, err, "the session's user is not there any more, or not active");
	if (!rc)
		rc = us_crowd_load_password(call, session->directory, session->user, &password, err);
	if (!rc && !us_hash_is_equal(password, session->password))
		return us_crowd_refuse(call, US_CROWD_INVALID_SSO_TOKEN, err, "the user has got another password since the session began");
	return rc;
}

static enum us_errc invalid(struct us_crowd_call *call, struct us_err *err)
{
	return us_crowd_refuse(call, US_CROWD_INVALID_SSO_TOKEN, err, "there is no such session, or it has ended");
}

enum us_errc us_crowd_open_session(struct us_crowd_call *call, struct us_err *err)
{
	bool wants_check = !us_slice_is_nocase(us_crowd_parameter(call, "validate-password"), "false");
	struct us_str token = US_STR_INIT;
	struct us_session session;
	struct us_seen_user user;
	struct us_crowd_body body;
	int64_t idle_s = US_SESSION_IDLE_S, asked;
	struct us_hash password = US_HASH_ZERO;
	enum us_errc rc = us_crowd_body_read(call, call->arena, &body, err);

	if (!rc)
		rc = us_crowd_find_user(call, us_crowd_body_text(call->arena, body, "username"), &user, err);
	if (rc == US_NOT_FOUND && call->reason == US_CROWD_USER_NOT_FOUND)
		return us_crowd_refuse(call, US_CROWD_INVALID_USER_AUTHENTICATION, err, "there is no such user");
	if (!rc)
		rc = us_crowd_load_password(call, user.directory, user.number, &password, err);
	if (!rc && wants_check)
		rc = check_password(call, &user, us_crowd_body_exact(call->arena, body, "password"), err);
	if (!rc && !wants_check && !user.image.user.active)
		rc = refuse(call, US_AUTH_INACTIVE, user.image.user.name.p, err);
	if (rc)
		return rc;
	if (us_slice_to_int(us_crowd_parameter(call, "duration"), &asked) && asked > 0 && asked < idle_s)
		idle_s = asked;
	us_logins_note(call->serve->logins, user.directory, user.number, call->client.name);
	us_sessions_open(call->serve->sessions, &(struct us_session) { user.directory, user.number, .password = password }, read_factors(call, body), idle_s,
		&token, &session);
	put_session(call, us_str_slice(&token), &session, &user);
	us_httpd_add_header(call->answer, "Location", us_arena_printf(call->arena, US_SLICE_FMT "/session/%s", US_SLICE_ARG(call->writer.base),
		us_str_text(&token)));
	us_secret_wipe_str(&token);
	call->answer->status = 201;
	return US_OK;
}

enum us_errc us_crowd_get_session(struct us_crowd_call *call, struct us_err *err)
{
	struct us_session session;
	struct us_seen_user user;
	enum us_errc rc = us_sessions_find(call->serve->sessions, call->parameter, NULL, &session) ? US_OK : invalid(call, err);

	if (!rc)
		rc = load_user(call, &session, &user, err);
	if (!rc)
		put_session(call, call->parameter, &session, &user);
	return rc;
}

enum us_errc us_crowd_validate_session(struct us_crowd_call *call, struct us_err *err)
{
	struct us_hash factors = US_HASH_ZERO;
	struct us_session session;
	struct us_seen_user user;
	struct us_crowd_body body;
	enum us_errc rc = US_OK;

	if (call->request->body.n)
		rc = us_crowd_body_read(call, call->arena, &body, err);
	if (!rc && call->request->body.n)
		factors = read_factors(call, body);
	if (!rc && !us_sessions_find(call->serve->sessions, call->parameter, &factors, &session))
		rc = invalid(call, err);
	if (!rc)
		rc = load_user(call, &session, &user, err);
	if (!rc)
		put_session(call, call->parameter, &session, &user);
	return rc;
}

enum us_errc us_crowd_end_session(struct us_crowd_call *call, struct us_err *err)
{
	(void) err;
	us_sessions_end(call->serve->sessions, call->parameter);
	call->answer->status = 204;
	return US_OK;
}

enum us_errc us_crowd_end_sessions(struct us_crowd_call *call, struct us_err *err)
{
	struct us_seen_user user;
	struct us_slice name;
	enum us_errc rc = us_crowd_need(call, "username", &name, err);

	if (!rc)
		rc = us_crowd_find_user(call, name, &user, err);
	if (rc)
		return rc;
	us_sessions_end_user(call->serve->sessions, user.directory, user.number, us_crowd_parameter(call, "exclude"));
	call->answer->status = 204;
	return US_OK;
}
