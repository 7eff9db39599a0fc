/* Accounts and tokens: who may use the API */
#include <string.h>

#include "api/handlers.h"
#include "base/clock.h"

enum { TOKEN_RANDOM_BYTES = 32 };
#define TOKEN_PREFIX "us_"

static enum us_role read_role(struct us_call *call, const struct us_json *body, bool is_required)
{
	struct us_slice text = us_call_read_text(call, body, "role", is_required);
	enum us_role role = US_ROLE_COUNT;

	if (text.p && !us_role_parse(text, &role))
		us_problem_add(call->arena, &call->problems, "role", "must be one of admin, operator, monitor");
	return role;
}

static void write_account(struct us_jsonw *w, const struct us_account *a)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "name", a->name);
	us_jsonw_put_text(w, "role", us_role_text(a->role));
	us_call_put_time(w, "created", a->created);
	us_call_put_time(w, "updated", a->updated);
	us_jsonw_close(w, '}');
}

static enum us_errc answer_account(struct us_call *call, struct us_slice name, struct us_err *err)
{
	struct us_account account;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_account_find(call->c, call->arena, name, &account, err);
	if (!rc)
		write_account(&call->w, &account);
	return rc;
}

/* Only when it is committed may nobody be known any more: a look at the old row in between would be kept. */
static enum us_errc commit(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_commit(call, err);

	us_auth_forget(call->api->auth);
	us_call_release(call);
	return rc;
}

enum us_errc us_accounts_list(struct us_call *call, struct us_err *err)
{
	struct us_account *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_account_list(call->c, call->arena, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		write_account(&call->w, &list[i]);
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_accounts_show(struct us_call *call, struct us_err *err) { return answer_account(call, call->parameters[0], err); }

enum us_errc us_accounts_add(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "name", "role", "password", NULL };
	char hash[US_SECRET_HASH_BYTES];
	const struct us_json *body;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	struct us_slice name = us_call_read_text(call, body, "name", true), password = us_call_read_text(call, body, "password", true);
	us_call_check_login_name(call, name);
	enum us_role role = read_role(call, body, true);
	us_call_check_password(call, password);
	us_call_refuse_others(call, body, known);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_secret_hash_password(password, hash, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_account_add(call->c, name, role, hash, us_clock_wall_s(), err);
	if (!rc)
		rc = commit(call, err);
	if (rc)
		return rc;
	struct us_str location = US_STR_INIT;
	us_str_add_text(&location, US_API_BASE "/user/");
	us_target_add_encoded(&location, name);
	us_httpd_add_header(call->answer, "Location", us_str_text(&location));
	us_str_fini(&location);
	return answer_account(call, name, err);
}

enum us_errc us_accounts_change(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "role", "password", NULL };
	struct us_slice name = call->parameters[0];
	char hash[US_SECRET_HASH_BYTES];
	const struct us_json *body;
	struct us_account account;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_account_find(call->c, call->arena, name, &account, err);
	us_call_release(call);
	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	struct us_slice password = us_call_read_text(call, body, "password", false);
	enum us_role role = read_role(call, body, false);
	us_call_check_password(call, password);
	us_call_refuse_others(call, body, known);
	rc = us_call_check_problems(call, err);
	if (!rc && password.p)
		rc = us_secret_hash_password(password, hash, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_account_change(call->c, name, role, password.p ? hash : NULL, us_clock_wall_s(), err);
	if (!rc)
		rc = commit(call, err);
	return rc ? rc : answer_account(call, name, err);
}

enum us_errc us_accounts_remove(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_lease_writer(call, err);

	if (!rc)
		rc = us_account_remove(call->c, call->parameters[0], err);
	return rc ? rc : commit(call, err);
}

static void put_token(struct us_jsonw *w, const struct us_token *t)
{
	us_jsonw_put_int(w, "id", t->id);
	us_jsonw_put_string(w, "name", t->name);
	us_jsonw_put_text(w, "role", us_role_text(t->role));
	us_call_put_time(w, "created", t->created);
	us_call_put_time(w, "expires", t->expires);
}

enum us_errc us_tokens_list(struct us_call *call, struct us_err *err)
{
	struct us_token *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_token_list(call->c, call->arena, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++) {
		us_jsonw_open(&call->w, '{');
		put_token(&call->w, &list[i]);
		us_jsonw_close(&call->w, '}');
	}
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_tokens_add(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "name", "role", "expiresIn", NULL };
	const int64_t most_s = 100LL * 366 * 86400;
	const struct us_json *body;
	struct us_str secret = US_STR_INIT;
	char sha256[65];
	struct us_token token = { .created = us_clock_wall_s() };
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	token.name = us_call_read_text(call, body, "name", true);
	if (token.name.p)
		us_call_check_name(call, "name", token.name, US_CALL_NAME_CHARACTERS);
	token.role = read_role(call, body, true);
	const struct us_json *expires = us_json_find(body, "expiresIn");
	if (expires && (expires->type != US_JSON_INT || expires->integer < 1 || expires->integer > most_s))
		us_problem_add(call->arena, &call->problems, "expiresIn", "must be a number of seconds from 1 to %lld", (long long) most_s);
	else if (expires)
		token.expires = token.created + expires->integer;
	us_call_refuse_others(call, body, known);
	rc = us_call_check_problems(call, err);
	if (rc)
		return rc;
	us_str_add_text(&secret, TOKEN_PREFIX);
	us_secret_token(&secret, TOKEN_RANDOM_BYTES);
	us_secret_sha256(us_str_slice(&secret), sha256);
	rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_token_add(call->c, token.name, token.role, sha256, token.expires, token.created, &token.id, err);
	if (!rc)
		rc = commit(call, err);
	if (!rc) {
		us_jsonw_open(&call->w, '{');
		put_token(&call->w, &token);
		us_jsonw_put_string(&call->w, "token", us_str_slice(&secret));
		us_jsonw_close(&call->w, '}');
	}
	us_secret_wipe_str(&secret);
	return rc;
}

enum us_errc us_tokens_remove(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "token", &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_token_remove(call->c, id, err);
	return rc ? rc : commit(call, err);
}
