#include "source/keycloak_api.h"

#include "base/secret.h"
#include "net/http_fail.h"
#include "net/url.h"

enum { SEARCH_ROWS = 1000 };

#define SERVICE_PREFIX "service-account-"

static void set_str(struct us_str *s, struct us_slice text)
{
	us_str_clear(s);
	us_str_add_slice(s, text);
}

enum us_errc us_keycloak_api_open(struct us_keycloak_api *api, const struct us_keycloak_api_options *options, const atomic_bool *cancel,
	struct us_err *err)
{
	struct us_http_options http = options->http;
	struct us_slice url = us_slice_trim(options->url);

	*api = (struct us_keycloak_api) { 0 };
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	us_str_add_slice(&api->url, url);
	us_str_add_slice(&api->realm, options->realm);
	us_str_add_slice(&api->client_id, options->client_id);
	us_str_add_slice(&api->client_secret, options->client_secret);
	http.base_url = us_str_text(&api->url);
	enum us_errc rc = us_http_open(&http, cancel, &api->http, err);
	if (rc) {
		us_keycloak_api_close(api);
		return rc;
	}
	us_token_open(api->http, options->client_id, options->client_secret, &api->token);
	api->call = us_http_call_new(api->http);
	return US_OK;
}

void us_keycloak_api_close(struct us_keycloak_api *api)
{
	us_token_close(api->token);
	us_http_call_free(api->call);
	us_http_close(api->http);
	us_str_fini(&api->url);
	us_str_fini(&api->base);
	us_str_fini(&api->admin);
	us_str_fini(&api->realm);
	us_str_fini(&api->client_id);
	us_secret_wipe_str(&api->client_secret);
	*api = (struct us_keycloak_api) { 0 };
}

void us_keycloak_api_forget(struct us_keycloak_api *api) { api->is_connected = false; }

void us_keycloak_api_prepare(struct us_keycloak_api *api, struct us_http_call *call)
{
	us_http_prepare(call);
	us_str_add_slice(&call->url, us_str_slice(&api->admin));
	call->auth = us_token_auth(api->token);
}

/* ---- answers ---- */

static bool is_about(const char *what, const char *word) { return strncmp(what, word, strlen(word)) == 0; }

static enum us_errc take_status(struct us_keycloak_api *api, struct us_http_call *call, const char *what, struct us_err *err)
{
	struct us_str reason = US_STR_INIT;
	const char *client = us_str_text(&api->client_id), *realm = us_str_text(&api->realm);
	enum us_errc rc;

	us_http_add_reason(&reason, us_http_header(call, "Content-Type"), us_str_slice(&call->answer));
	const char *why = us_str_text(&reason);
	if (call->status == 401)
		rc = us_err_set_native(err, US_DENIED, 401, "the server gives client \"%s\" a token and then refuses it (%s): are its clock and its URL "
			"right?", client, why);
	else if (call->status == 403 && is_about(what, "groups"))
		rc = us_err_set_native(err, US_DENIED, 403, "the service account of client \"%s\" may not list groups: give it the role query-groups of "
			"realm-management (view-users includes it)", client);
	else if (call->status == 403)
		rc = us_err_set_native(err, US_DENIED, 403, "the service account of client \"%s\" may not read %s: give it the role view-users of "
			"realm-management", client, what);
	else if (call->status == 404 && strstr(why, "Realm"))
		rc = us_err_set_native(err, US_CONFIG, 404, "there is no realm \"%s\" on this server", realm);
	else if (call->status == 404)
		rc = us_err_set_native(err, US_NOT_FOUND, 404, "the server knows no such %s (%s)", what, why);
	else
		rc = us_err_set_native(err, US_PROTOCOL, call->status, "the server answered the question for %s with status %d (%s)", what,
			call->status, why);
	us_str_fini(&reason);
	return rc;
}

enum us_errc us_keycloak_api_take(struct us_keycloak_api *api, struct us_http_call *call, const char *what, struct us_arena *arena,
	const struct us_json **ret_doc, struct us_err *err)
{
	struct us_err wrong = US_ERR_INIT;

	if (call->rc)
		return us_err_copy(err, &call->err);
	if (call->status != 200)
		return take_status(api, call, what, err);
	if (us_json_parse(arena, us_str_slice(&call->answer), US_JSON_LIMITS_PAGE, ret_doc, &wrong))
		return us_err_set_native(err, US_PROTOCOL, 200, "the answer to the question for %s is broken or cut short (%s): a smaller page size may help",
			what, wrong.text);
	return US_OK;
}

enum us_errc us_keycloak_api_get(struct us_keycloak_api *api, const char *what, struct us_arena *arena, const struct us_json **ret_doc,
	struct us_err *err)
{
	/* A server that runs into its own time-out within a page sends status 200 and half of the JSON. */
	for (int round = 0;; round++) {
		struct us_str url = US_STR_INIT;
		struct us_err failed = US_ERR_INIT;
		us_str_add_slice(&url, us_str_slice(&api->call->url));
		enum us_errc rc = us_http_run(api->call, &failed);
		if (rc == US_OK)
			rc = us_keycloak_api_take(api, api->call, what, arena, ret_doc, &failed);
		if (rc != US_PROTOCOL || api->call->rc || api->call->status != 200 || round) {
			us_str_fini(&url);
			return rc ? us_err_copy(err, &failed) : US_OK;
		}
		us_keycloak_api_prepare(api, api->call);
		set_str(&api->call->url, us_str_slice(&url));
		us_str_fini(&url);
	}
}

enum us_errc us_keycloak_api_count(struct us_keycloak_api *api, const char *what, int64_t *ret_count, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;

	us_keycloak_api_prepare(api, api->call);
	us_url_add_segment(&api->call->url, us_slice(what));
	us_url_add_segment(&api->call->url, US_SLICE("count"));
	enum us_errc rc = us_keycloak_api_get(api, what, &arena, &doc, err);
	if (rc == US_OK) {
		/* users: 42, groups: {"count":42} */
		int64_t n = doc->type == US_JSON_INT ? doc->integer : us_json_int(doc, "count", -1);
		if (n < 0)
			rc = us_err_set(err, US_PROTOCOL, "the count of %s is no number", what);
		else
			*ret_count = n;
	} else if (rc == US_NOT_FOUND) {
		rc = us_err_set(err, US_PROTOCOL, "the server does not count its %s: is it a Keycloak?", what);
	}
	us_arena_fini(&arena);
	return rc;
}

/* ---- getting in ---- */

void us_keycloak_api_add_protocol_url(const struct us_keycloak_api *api, const char *end_point, struct us_str *url)
{
	us_str_add_slice(url, us_str_slice(&api->base));
	us_str_add_text(url, "/realms");
	us_url_add_segment(url, us_str_slice(&api->realm));
	us_str_add_text(url, "/protocol/openid-connect/");
	us_str_add_text(url, end_point);
}

void us_keycloak_api_add_secret(const struct us_keycloak_api *api, struct us_str *form)
{
	us_url_add_form(form, "client_secret", us_str_slice(&api->client_secret));
}

static void set_base(struct us_keycloak_api *api, struct us_slice base)
{
	struct us_str token = US_STR_INIT;

	set_str(&api->base, base);
	set_str(&api->admin, base);
	us_str_add_text(&api->admin, "/admin/realms");
	us_url_add_segment(&api->admin, us_str_slice(&api->realm));
	us_keycloak_api_add_protocol_url(api, "token", &token);
	us_token_set_url(api->token, us_str_slice(&token));
	us_str_fini(&token);
}

enum found { FOUND_REALM, FOUND_NO_REALM, FOUND_NOTHING };

/* Asks for the realm's public page below base. */
static enum us_errc look_at(struct us_keycloak_api *api, struct us_slice base, enum found *ret_found, struct us_err *err)
{
	struct us_http_call *call = api->call;
	struct us_str reason = US_STR_INIT;

	struct us_err failed = US_ERR_INIT;

	us_http_prepare(call);
	us_str_add_slice(&call->url, base);
	us_str_add_text(&call->url, "/realms");
	us_url_add_segment(&call->url, us_str_slice(&api->realm));
	enum us_errc rc = us_http_run(call, &failed);
	if (rc && call->status != 404) /* a web server's own page may say 404, too */
		return us_err_copy(err, &failed);
	us_http_add_reason(&reason, us_http_header(call, "Content-Type"), us_str_slice(&call->answer));
	if (call->status == 404)
		*ret_found = strstr(us_str_text(&reason), "Realm ") ? FOUND_NO_REALM : FOUND_NOTHING;
	else
		*ret_found = FOUND_REALM; /* also where the page is forbidden: the token tells more */
	us_str_fini(&reason);
	return US_OK;
}

static enum us_errc find_base(struct us_keycloak_api *api, struct us_err *err)
{
	struct us_slice url = us_str_slice(&api->url);
	struct us_str other = US_STR_INIT;
	enum found found = FOUND_NOTHING, found_other = FOUND_NOTHING;
	enum us_errc rc = look_at(api, url, &found, err);

	if (rc == US_OK && found == FOUND_REALM) {
		set_base(api, url);
		return US_OK;
	}
	us_str_add_slice(&other, url);
	if (url.n > 5 && memcmp(url.p + url.n - 5, "/auth", 5) == 0)
		other.p[other.n -= 5] = '\0';
	else
		us_str_add_text(&other, "/auth");
	if (rc == US_OK && found == FOUND_NOTHING)
		rc = look_at(api, us_str_slice(&other), &found_other, err);
	if (rc == US_OK && found_other == FOUND_REALM)
		set_base(api, us_str_slice(&other));
	else if (rc == US_OK && (found == FOUND_NO_REALM || found_other == FOUND_NO_REALM))
		rc = us_err_set_native(err, US_CONFIG, 404, "there is no realm \"%s\" on this server", us_str_text(&api->realm));
	else if (rc == US_OK)
		rc = us_err_set_native(err, US_CONFIG, 404, "there is no Keycloak at %s, with /auth or without", us_str_text(&api->url));
	us_str_fini(&other);
	return rc;
}

/* The id of our own service account: from the token, or by its name where tokens are opaque or light. NONE: it is not to be seen. */
static enum us_errc find_self(struct us_keycloak_api *api, struct us_arena *arena, struct us_slice *ret_id, struct us_err *err)
{
	struct us_slice claims = us_token_claims(api->token, arena);
	const struct us_json *doc;
	struct us_str name = US_STR_INIT;

	if (claims.p && us_json_parse(arena, claims, US_JSON_LIMITS_SMALL, &doc, NULL) == US_OK && us_json_string(doc, "sub").n) {
		*ret_id = us_json_string(doc, "sub");
		return US_OK;
	}
	us_str_printf(&name, "service-account-%s", us_str_text(&api->client_id));
	us_keycloak_api_prepare(api, api->call);
	us_url_add_segment(&api->call->url, US_SLICE("users"));
	us_url_add_query(&api->call->url, "username", us_str_slice(&name));
	us_url_add_query(&api->call->url, "exact", US_SLICE("true"));
	us_str_fini(&name);
	enum us_errc rc = us_keycloak_api_get(api, "users", arena, &doc, err);
	if (rc == US_OK)
		*ret_id = doc->type == US_JSON_ARRAY && doc->array.n ? us_json_string(&doc->array.items[0], "id") : US_SLICE_NONE;
	return rc;
}

/* May we see a user: ourselves? */
static enum us_errc check_sight(struct us_keycloak_api *api, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	struct us_slice id = US_SLICE_NONE;
	enum us_errc rc = find_self(api, &arena, &id, err);

	if (rc == US_OK && id.n) {
		us_keycloak_api_prepare(api, api->call);
		us_url_add_segment(&api->call->url, US_SLICE("users"));
		us_url_add_segment(&api->call->url, id);
		rc = us_keycloak_api_get(api, "users", &arena, &doc, err);
	}
	if (rc == US_NOT_FOUND || (rc == US_OK && !id.n))
		rc = us_err_set(err, US_DENIED, "the service account of client \"%s\" does not even see itself: give it the role view-users of "
			"realm-management", us_str_text(&api->client_id));
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_keycloak_api_connect(struct us_keycloak_api *api, struct us_err *err)
{
	enum us_errc rc = US_OK;

	if (api->is_connected)
		return US_OK;
	if (!api->base.n)
		rc = find_base(api, err);
	if (rc == US_OK)
		rc = us_token_load(api->token, err);
	if (rc == US_OK)
		rc = check_sight(api, err);
	api->is_connected = rc == US_OK;
	return rc;
}

/* ---- who is a person ---- */

/* The accounts of clients are no users: the full list leaves them out, questions by name or id do not, and nothing in them says what they
 * are. But the search leaves them out, too, and a person may have such a name. */
enum us_errc us_keycloak_api_check_person(struct us_keycloak_api *api, const struct us_json *user, struct us_arena *arena, struct us_err *err)
{
	struct us_slice id = us_json_string(user, "id"), name = us_json_string(user, "username");
	const struct us_json *doc;

	if (name.n < strlen(SERVICE_PREFIX) || memcmp(name.p, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) != 0)
		return US_OK;
	us_keycloak_api_prepare(api, api->call);
	us_url_add_segment(&api->call->url, US_SLICE("users"));
	us_url_add_query(&api->call->url, "search", name);
	us_url_add_query(&api->call->url, "briefRepresentation", US_SLICE("true"));
	us_url_add_query_int(&api->call->url, "max", SEARCH_ROWS);
	enum us_errc rc = us_keycloak_api_get(api, "users", arena, &doc, err);
	if (rc)
		return rc;
	if (doc->type != US_JSON_ARRAY || doc->array.n >= SEARCH_ROWS)
		return us_err_set(err, US_PROTOCOL, "whether \"" US_SLICE_FMT "\" is a service account or a user cannot be told", US_SLICE_ARG(name));
	for (size_t i = 0; i < doc->array.n; i++)
		if (us_slice_is_equal(us_json_string(&doc->array.items[i], "id"), id))
			return US_OK;
	return us_err_set(err, US_NOT_FOUND, "\"" US_SLICE_FMT "\" is the service account of a client, no user", US_SLICE_ARG(name));
}
