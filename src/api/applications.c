/* Applications: who is served by the Crowd protocol and SCIM */
#include <string.h>

#include "api/handlers.h"
#include "base/clock.h"
#include "net/cidr.h"
#include "store/application.h"
#include "store/hook.h"

enum { PASSWORD_RANDOM_BYTES = 24, TOKEN_RANDOM_BYTES = 32, ADDRESSES_MOST = 100, DIRECTORIES_MOST = 100 };
#define TOKEN_PREFIX "usa_"

static const char *const members[] = { "name", "password", "directories", "addresses", "rights", NULL };
/* What a listing shows besides; passed over, so that what was shown can be sent back. */
static const char *const shown[] = { "name", "password", "directories", "addresses", "rights", "hasPassword", "hasToken", "created", "updated", "lastUsed",
	"webhooks", NULL };

static void write_webhook(struct us_jsonw *w, const struct us_hook_shown *h)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", h->id);
	us_jsonw_put_string(w, "url", h->url);
	us_jsonw_put_int(w, "failures", h->failures);
	us_call_put_time(w, "failingSince", h->failing_since);
	us_call_put_time(w, "created", h->created);
	us_jsonw_close(w, '}');
}

/* A reader is leased. */
static enum us_errc write_application(struct us_call *call, const struct us_application *a, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	struct us_hook_shown *hooks;
	size_t n_hooks;
	enum us_errc rc = us_hook_list(call->c, call->arena, a->id, &hooks, &n_hooks, err);
	struct us_slice rest = a->addresses;

	if (rc)
		return rc;
	us_jsonw_put_string(w, "name", a->name);
	us_jsonw_key(w, "directories");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < a->n_directories; i++)
		us_jsonw_int(w, a->directories[i]);
	us_jsonw_close(w, ']');
	us_jsonw_key(w, "rights");
	us_jsonw_open(w, '[');
	for (unsigned i = 0; i < US_RIGHT_COUNT; i++)
		if (a->rights & 1u << i)
			us_jsonw_text(w, us_right_text(1u << i));
	us_jsonw_close(w, ']');
	us_jsonw_key(w, "addresses");
	us_jsonw_open(w, '[');
	while (rest.n) {
		const char *space = memchr(rest.p, ' ', rest.n);
		size_t n = space ? (size_t) (space - rest.p) : rest.n;
		us_jsonw_string(w, (struct us_slice) { rest.p, n });
		rest.p += n + (space != NULL);
		rest.n -= n + (space != NULL);
	}
	us_jsonw_close(w, ']');
	us_jsonw_put_bool(w, "hasPassword", a->password_hash.p != NULL);
	us_jsonw_put_bool(w, "hasToken", a->has_token);
	us_call_put_time(w, "created", a->created);
	us_call_put_time(w, "updated", a->updated);
	us_call_put_time(w, "lastUsed", a->last_used);
	us_jsonw_key(w, "webhooks");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n_hooks; i++)
		write_webhook(w, &hooks[i]);
	us_jsonw_close(w, ']');
	return US_OK;
}

static enum us_errc load(struct us_call *call, struct us_slice name, struct us_application *ret_application, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_application_find(call->c, call->arena, name, ret_application, err);
	us_call_release(call);
	return rc;
}

/* As it is now; with the secret that it was just given, if any. */
static enum us_errc answer(struct us_call *call, struct us_slice name, const char *secret_key, struct us_slice secret, struct us_err *err)
{
	struct us_application a;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_application_find(call->c, call->arena, name, &a, err);
	us_jsonw_open(&call->w, '{');
	if (!rc)
		rc = write_application(call, &a, err);
	us_call_release(call);
	if (rc)
		return rc;
	if (secret.p)
		us_jsonw_put_string(&call->w, secret_key, secret);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}

/* The array under that name; NULL if it is not there, or is none: then it complains. */
static const struct us_json *read_array(struct us_call *call, const struct us_json *body, const char *field, size_t most)
{
	const struct us_json *v = us_json_find(body, field);

	if (v && v->type != US_JSON_ARRAY)
		us_problem_add(call->arena, &call->problems, field, "must be an array, not %s", us_json_type_name(v->type));
	else if (v && v->array.n > most)
		us_problem_add(call->arena, &call->problems, field, "has more than %zu entries", most);
	else
		return v;
	return NULL;
}

static void read_directories(struct us_call *call, const struct us_json *body, struct us_application *a)
{
	const struct us_json *v = read_array(call, body, "directories", DIRECTORIES_MOST);

	if (!v)
		return;
	int64_t *list = us_arena_array(call->arena, v->array.n + 1, sizeof *list);
	for (size_t i = 0; i < v->array.n; i++) {
		const struct us_json *item = &v->array.items[i];
		if (item->type != US_JSON_INT || item->integer < 1)
			us_problem_add(call->arena, &call->problems, "directories", "entry %zu must be the number of a directory", i + 1);
		else
			list[i] = item->integer;
		for (size_t j = 0; j < i; j++)
			if (list[i] && list[j] == list[i])
				us_problem_add(call->arena, &call->problems, "directories", "names directory %lld twice", (long long) list[i]);
	}
	a->directories = list;
	a->n_directories = v->array.n;
}

static void read_addresses(struct us_call *call, const struct us_json *body, struct us_application *a)
{
	const struct us_json *v = read_array(call, body, "addresses", ADDRESSES_MOST);
	struct us_str text = US_STR_INIT;

	if (!v)
		return;
	for (size_t i = 0; i < v->array.n; i++) {
		const struct us_json *item = &v->array.items[i];
		struct us_cidr cidr;
		const char *wrong = item->type == US_JSON_STRING ? us_cidr_parse(item->string, &cidr) : "is no IP address";
		if (wrong)
			us_problem_add(call->arena, &call->problems, "addresses", "entry %zu %s", i + 1, wrong);
		else
			us_str_printf(&text, "%s" US_SLICE_FMT, text.n ? " " : "", US_SLICE_ARG(item->string));
	}
	a->addresses = us_slice(us_arena_strdup(call->arena, us_str_text(&text)));
	us_str_fini(&text);
}

static void read_rights(struct us_call *call, const struct us_json *body, struct us_application *a)
{
	const struct us_json *v = read_array(call, body, "rights", US_RIGHT_COUNT);
	unsigned right;

	if (!v)
		return;
	a->rights = 0;
	for (size_t i = 0; i < v->array.n; i++)
		if (v->array.items[i].type == US_JSON_STRING && us_right_parse(v->array.items[i].string, &right))
			a->rights |= right;
		else
			us_problem_add(call->arena, &call->problems, "rights", "entry %zu must be one of read, write, authenticate", i + 1);
}

/* What the body says of it; the rest stays as it is in a. *ret_password: NONE keeps the one that it has. */
static enum us_errc read_application(struct us_call *call, const struct us_json *body, struct us_application *a, struct us_slice *ret_password,
	struct us_err *err)
{
	struct us_slice name = us_call_read_text(call, body, "name", !a->name.p);

	if (name.p)
		a->name = name;
	us_call_check_login_name(call, name);
	*ret_password = us_call_read_text(call, body, "password", false);
	us_call_check_password(call, *ret_password);
	read_directories(call, body, a);
	read_addresses(call, body, a);
	read_rights(call, body, a);
	us_call_refuse_others(call, body, a->id ? shown : members);
	return us_call_check_problems(call, err);
}

static enum us_errc hash_password(struct us_call *call, struct us_slice password, struct us_application *a, struct us_err *err)
{
	char hash[US_SECRET_HASH_BYTES];
	enum us_errc rc = us_secret_hash_password(password, hash, err);

	a->password_hash = us_slice(us_arena_strdup(call->arena, hash));
	return rc;
}

/* A directory that is not there is the caller's mistake in that field. */
static enum us_errc complain(struct us_call *call, enum us_errc rc, const int64_t *unknown)
{
	if (rc == US_CONFIG)
		us_problem_add(call->arena, &call->problems, "directories", "there is no directory %lld", (long long) *unknown);
	return rc;
}

enum us_errc us_applications_list(struct us_call *call, struct us_err *err)
{
	struct us_application *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_application_list(call->c, call->arena, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n && !rc; i++) {
		us_jsonw_open(&call->w, '{');
		rc = write_application(call, &list[i], err);
		us_jsonw_close(&call->w, '}');
	}
	us_jsonw_close(&call->w, ']');
	return rc;
}

enum us_errc us_applications_show(struct us_call *call, struct us_err *err)
{
	return answer(call, call->parameters[0], NULL, US_SLICE_NONE, err);
}

enum us_errc us_applications_add(struct us_call *call, struct us_err *err)
{
	struct us_application a = { .rights = US_RIGHT_READ | US_RIGHT_AUTHENTICATE };
	struct us_slice password;
	struct us_str made = US_STR_INIT;
	const struct us_json *body;
	int64_t id, unknown = 0;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (!rc)
		rc = read_application(call, body, &a, &password, err);
	if (rc)
		return rc;
	if (!password.p) {
		us_secret_token(&made, PASSWORD_RANDOM_BYTES);
		password = us_str_slice(&made);
	}
	rc = hash_password(call, password, &a, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = complain(call, us_application_add(call->c, &a, us_clock_wall_s(), &id, &unknown, err), &unknown);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	if (!rc) {
		struct us_str location = US_STR_INIT;
		us_str_add_text(&location, US_API_BASE "/application/");
		us_target_add_encoded(&location, a.name);
		us_httpd_add_header(call->answer, "Location", us_str_text(&location));
		us_str_fini(&location);
		rc = answer(call, a.name, "password", made.n ? us_str_slice(&made) : US_SLICE_NONE, err);
	}
	us_secret_wipe_str(&made);
	return rc;
}

enum us_errc us_applications_save(struct us_call *call, struct us_err *err)
{
	struct us_application a;
	struct us_slice password;
	const struct us_json *body;
	int64_t unknown = 0;
	enum us_errc rc = load(call, call->parameters[0], &a, err);

	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (!rc)
		rc = read_application(call, body, &a, &password, err);
	if (!rc && password.p)
		rc = hash_password(call, password, &a, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = complain(call, us_application_save(call->c, &a, us_clock_wall_s(), &unknown, err), &unknown);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	return rc ? rc : answer(call, a.name, NULL, US_SLICE_NONE, err);
}

enum us_errc us_applications_remove(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_lease_writer(call, err);

	if (!rc)
		rc = us_application_remove(call->c, call->parameters[0], err);
	return rc ? rc : us_call_commit(call, err);
}

static enum us_errc set_token(struct us_call *call, const char *sha256, struct us_err *err)
{
	struct us_application a;
	enum us_errc rc = us_call_lease_writer(call, err);

	if (!rc)
		rc = us_application_find(call->c, call->arena, call->parameters[0], &a, err);
	if (!rc)
		rc = us_application_set_token(call->c, a.id, sha256, us_clock_wall_s(), err);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	return rc;
}

enum us_errc us_applications_make_token(struct us_call *call, struct us_err *err)
{
	struct us_str token = US_STR_INIT;
	char sha256[65];

	us_str_add_text(&token, TOKEN_PREFIX);
	us_secret_token(&token, TOKEN_RANDOM_BYTES);
	us_secret_sha256(us_str_slice(&token), sha256);
	enum us_errc rc = set_token(call, sha256, err);
	if (!rc)
		rc = answer(call, call->parameters[0], "token", us_str_slice(&token), err);
	us_secret_wipe_str(&token);
	return rc;
}

enum us_errc us_applications_remove_token(struct us_call *call, struct us_err *err) { return set_token(call, NULL, err); }
