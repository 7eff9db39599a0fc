#include "source/keycloak.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/secret.h"
#include "net/url.h"
#include "source/keycloak_record.h"
#include "source/keycloak_walk.h"

enum { USERS, GROUPS, MEMBERS, N_LISTINGS, OUTLINE = N_LISTINGS };

static const struct us_listing listings[N_LISTINGS] = {
	[USERS] = { "users", US_RECORD_USER },
	[GROUPS] = { "groups", US_RECORD_GROUP },
	[MEMBERS] = { "members", US_RECORD_MEMBERS },
};
static const struct us_listing narrow_listings[N_LISTINGS] = {
	[USERS] = { "users of required groups", US_RECORD_USER },
	[GROUPS] = { "groups", US_RECORD_GROUP },
	[MEMBERS] = { "members", US_RECORD_MEMBERS },
};

static const struct us_option options[] = {
	{ .name = "url", .type = US_OPTION_URL, .title = "URL", .choices = "https|http", .required = true, .scope = true,
		.help = "Where the server is, as https://login.example.com; whether its paths start with /auth is found out." },
	{ .name = "realm", .type = US_OPTION_STRING, .title = "Realm", .required = true, .max = 255, .scope = true,
		.help = "Name of the realm whose users are read." },
	{ .name = "clientId", .type = US_OPTION_STRING, .title = "Client ID", .required = true, .max = 255,
		.help = "Client of that realm with a service account that has the role view-users of realm-management." },
	{ .name = "clientSecret", .type = US_OPTION_STRING, .title = "Client Secret", .required = true, .secret = true,
		.help = "Secret of that client." },
	{ .name = "representation", .type = US_OPTION_CHOICE, .title = "Representation", .choices = "full|brief", .fallback = "full",
		.help = "brief leaves out the attributes of users and groups, and is faster on large realms." },
	{ .name = "nestedGroups", .type = US_OPTION_CHOICE, .title = "Nested groups", .choices = "apart|keep|flatten", .fallback = "apart", .scope = true,
		.takes_bool = true, .is_common = true,
		.help = "Subgroups stand apart, as Keycloak has them, which passes on only roles; or are kept as members of their parents, so that their members "
			"count there, too; or a group has all users below it as its own members. false and true stand for apart and keep." },
	{ .name = "pageSize", .type = US_OPTION_INT, .title = "Page size", .min = 2, .max = 1000, .fallback = "200",
		.help = "Rows per request; the server may break off pages that take it too long." },
	{ .name = "parallelRequests", .type = US_OPTION_INT, .title = "Parallel requests", .min = 1, .max = US_KEYCLOAK_MAX_SLOTS,
		.fallback = "4", .help = "How many groups are asked for their members at a time." },
	{ .name = "requestsPerSecond", .type = US_OPTION_INT, .title = "Requests per second", .min = 0, .max = 10000, .fallback = "0",
		.help = "Most requests in a second; 0: no limit." },
	{ .name = "timeoutSeconds", .type = US_OPTION_INT, .title = "Time-out", .min = 1, .max = 3600, .fallback = "60",
		.help = "Seconds that one request may take." },
	{ .name = "retries", .type = US_OPTION_INT, .title = "Retries", .min = 0, .max = 20, .fallback = "4",
		.help = "How often a request is repeated, after growing waits, when the server is busy or the connection breaks." },
	{ .name = "caCertificate", .type = US_OPTION_TEXT, .title = "CA certificate",
		.help = "Certificates in PEM that are trusted besides the system's." },
	{ .name = "proxy", .type = US_OPTION_URL, .title = "Proxy", .choices = "http|https|socks5|socks5h", .secret = true,
		.help = "As http://proxy.example.com:3128; unset: what the environment of the server says." },
	{ .name = NULL },
};

struct us_keycloak {
	struct us_source source; /* first */
	struct us_keycloak_api api;
	struct us_keycloak_walk walk;
	unsigned tries;
	uint64_t steps[N_LISTINGS + 1]; /* of the page that comes next: the cursor */
};

static struct us_keycloak *self_of(struct us_source *source) { return (struct us_keycloak *) source; }

static void count_requests(struct us_keycloak *k)
{
	const struct us_http_stats *s = us_http_stats(k->api.http);

	k->source.stats.requests = s->requests;
	k->source.stats.retries = s->retries;
	k->source.stats.bytes = s->bytes;
}

static enum us_errc open_source(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct us_keycloak *k = us_calloc(1, sizeof *k);
	struct us_str proxy = US_STR_INIT;
	size_t n_slots = (size_t) us_conf_int(conf, "parallelRequests");

	us_str_add_slice(&proxy, us_conf_string(conf, "proxy"));
	k->source.ops = &us_source_keycloak;
	enum us_errc rc = us_keycloak_api_open(&k->api, &(struct us_keycloak_api_options) {
		.url = us_conf_string(conf, "url"),
		.realm = us_conf_string(conf, "realm"),
		.client_id = us_conf_string(conf, "clientId"),
		.client_secret = us_conf_string(conf, "clientSecret"),
		.http = {
			.ca_pem = us_conf_string(conf, "caCertificate"),
			.proxy = us_str_text(&proxy),
			.timeout_ms = us_conf_int(conf, "timeoutSeconds") * 1000,
			.tries = (unsigned) us_conf_int(conf, "retries") + 1,
			.concurrency = (unsigned) n_slots,
			.requests_per_s = (unsigned) us_conf_int(conf, "requestsPerSecond"),
		},
	}, cancel, err);
	us_str_fini(&proxy);
	if (rc) {
		free(k);
		return rc;
	}
	us_keycloak_walk_init(&k->walk, &k->api, us_conf_int(conf, "pageSize"), n_slots);
	k->tries = (unsigned) us_conf_int(conf, "retries") + 1;
	k->walk.is_brief = us_slice_is(us_conf_string(conf, "representation"), "brief");
	k->walk.nests = !us_slice_is(us_conf_string(conf, "nestedGroups"), "apart");
	*ret_source = &k->source;
	return US_OK;
}

static void close_source(struct us_source *source)
{
	struct us_keycloak *k = self_of(source);

	us_keycloak_walk_fini(&k->walk);
	us_keycloak_api_close(&k->api);
	free(k);
}

static const struct us_listing *list_listings(struct us_source *source, size_t *ret_n)
{
	*ret_n = N_LISTINGS;
	return self_of(source)->walk.scope.is_on ? narrow_listings : listings;
}

/* The cursor is only the number of the page: the place is kept here, since pages overlap by what was read before. */
static struct us_slice cursor_of(struct us_keycloak *k, size_t listing, struct us_arena *arena)
{
	const char *name = listing == OUTLINE ? "names" : listings[listing].name;

	return us_slice(us_arena_printf(arena, "%s page %llu", name, (unsigned long long) k->steps[listing]));
}

static enum us_errc fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	struct us_keycloak *k = self_of(source);
	struct us_page page = { .announced = -1 };
	bool is_first = !cursor.p;
	enum us_errc rc = US_OK;

	us_assert(listing < N_LISTINGS);
	if (!is_first && !us_slice_is_equal(cursor, cursor_of(k, listing, arena)))
		return us_err_set(err, US_PARTIAL, "the listing of %s cannot go on from where it is not", listings[listing].name);
	if (is_first && listing == USERS)
		us_keycloak_api_forget(&k->api); /* the rights may have changed since */
	rc = us_keycloak_api_connect(&k->api, err);
	if (rc == US_OK && listing == USERS)
		rc = k->walk.scope.is_on ? us_keycloak_scope_users(&k->walk, is_first, arena, &page, err)
			: us_keycloak_walk_users(&k->walk, is_first, arena, &page, err);
	else if (rc == US_OK && listing == GROUPS)
		rc = us_keycloak_walk_groups(&k->walk, is_first, arena, &page, err);
	else if (rc == US_OK)
		rc = us_keycloak_walk_members(&k->walk, is_first, arena, &page, err);
	count_requests(k);
	if (rc == US_NOT_FOUND)
		rc = us_err_set(err, US_PROTOCOL, "the server does not list its %s: is it a Keycloak?", listings[listing].name);
	if (rc)
		return rc;
	k->steps[listing]++;
	if (!page.end)
		page.next = cursor_of(k, listing, arena);
	*ret_page = page;
	return US_OK;
}

/* ---- users of some groups only ---- */

static enum us_errc outline(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_keycloak *k = self_of(source);
	struct us_page page = { .announced = -1 };
	bool is_first = !cursor.p;
	size_t n = 0;

	if (!is_first && !us_slice_is_equal(cursor, cursor_of(k, OUTLINE, arena)))
		return us_err_set(err, US_PARTIAL, "the names of groups cannot be read on from where they are not");
	if (is_first) {
		us_keycloak_scope_fini(&k->walk.scope);
		us_keycloak_api_forget(&k->api);
	}
	enum us_errc rc = us_keycloak_api_connect(&k->api, err);
	if (rc == US_OK)
		rc = us_keycloak_walk_groups(&k->walk, is_first, arena, &page, err);
	count_requests(k);
	if (rc == US_NOT_FOUND)
		rc = us_err_set(err, US_PROTOCOL, "the server does not list its groups: is it a Keycloak?");
	if (rc)
		return rc;
	struct us_record *groups = us_arena_array(arena, page.n, sizeof *groups);
	for (size_t i = 0; i < page.n; i++)
		if (page.records[i].kind == US_RECORD_GROUP)
			groups[n++] = page.records[i];
	page.records = groups;
	page.n = n;
	k->steps[OUTLINE]++;
	if (!page.end)
		page.next = cursor_of(k, OUTLINE, arena);
	*ret_page = page;
	return US_OK;
}

static enum us_errc narrow(struct us_source *source, const struct us_slice *refs, size_t n, struct us_err *err)
{
	return us_keycloak_scope_narrow(&self_of(source)->walk, refs, n, err);
}

/* ---- one user ---- */

/* The search is a filter that some versions widen: only the same name counts. */
static enum us_errc find_by_name(struct us_keycloak *k, struct us_slice name, struct us_arena *arena, const struct us_json **ret_user,
	struct us_err *err)
{
	const struct us_json *doc;

	us_keycloak_api_prepare(&k->api, k->api.call);
	us_url_add_segment(&k->api.call->url, US_SLICE("users"));
	us_url_add_query(&k->api.call->url, "username", name);
	us_url_add_query(&k->api.call->url, "exact", US_SLICE("true"));
	us_url_add_query(&k->api.call->url, "briefRepresentation", k->walk.is_brief ? US_SLICE("true") : US_SLICE("false"));
	enum us_errc rc = us_keycloak_api_get(&k->api, "users", arena, &doc, err);
	if (rc)
		return rc == US_NOT_FOUND ? us_err_set(err, US_PROTOCOL, "the server does not list its users: is it a Keycloak?") : rc;
	if (doc->type != US_JSON_ARRAY)
		return us_err_set(err, US_PROTOCOL, "the answer to the question for a user is no list");
	struct us_hash want = us_fold_hash(name);
	for (size_t i = 0; i < doc->array.n; i++) {
		if (us_hash_is_equal(us_fold_hash(us_json_string(&doc->array.items[i], "username")), want)) {
			*ret_user = &doc->array.items[i];
			return US_OK;
		}
	}
	return us_err_set(err, US_NOT_FOUND, "the realm has no user \"" US_SLICE_FMT "\"", US_SLICE_ARG(name));
}

static enum us_errc find_by_id(struct us_keycloak *k, struct us_slice id, struct us_arena *arena, const struct us_json **ret_user,
	struct us_err *err)
{
	us_keycloak_api_prepare(&k->api, k->api.call);
	us_url_add_segment(&k->api.call->url, US_SLICE("users"));
	us_url_add_segment(&k->api.call->url, id);
	enum us_errc rc = us_keycloak_api_get(&k->api, "user", arena, ret_user, err);
	if (rc == US_OK && !us_slice_is_equal(us_json_string(*ret_user, "id"), id))
		rc = us_err_set(err, US_PROTOCOL, "the server gave another user than the one asked for");
	return rc;
}

/* Reads the whole list of the user's groups; records has room for them and one more. */
static enum us_errc find_groups(struct us_keycloak *k, struct us_slice id, struct us_arena *arena, struct us_record **ret_records,
	size_t *ret_n, struct us_err *err)
{
	struct us_keycloak_pager pager;
	struct us_str path = US_STR_INIT;
	struct us_record *records = us_arena_array(arena, 1, sizeof *records);
	size_t n = 0;
	bool is_complete = false;
	enum us_errc rc = US_OK;

	us_str_add_text(&path, "/users");
	us_url_add_segment(&path, id);
	us_str_add_text(&path, "/groups");
	us_keycloak_pager_init(&pager, "groups of the user", "name", k->walk.page_size);
	while (rc == US_OK && !is_complete) {
		const struct us_json **fresh;
		enum us_keycloak_step step;
		const char *signal;
		size_t more;
		rc = us_keycloak_walk_ask(&k->api, &pager, us_str_slice(&path), k->walk.is_brief, arena, &fresh, &more, &step, err);
		if (rc)
			break;
		struct us_record *grown = us_arena_array(arena, n + more + 1, sizeof *grown);
		memcpy(grown, records, n * sizeof *grown);
		records = grown;
		for (size_t i = 0; i < more; i++)
			us_keycloak_group_record(arena, fresh[i], &records[n++]);
		if (step == US_KEYCLOAK_END) {
			rc = us_keycloak_judge(&pager.tally, pager.what, -1, -1, &is_complete, &signal, err);
			if (rc == US_OK && !is_complete)
				us_keycloak_pager_begin_pass(&pager);
		}
	}
	us_keycloak_pager_fini(&pager);
	us_str_fini(&path);
	*ret_records = records;
	*ret_n = n;
	return rc;
}

static enum us_errc find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_keycloak *k = self_of(source);
	const struct us_json *user = NULL;
	struct us_record *records;
	size_t n = 0;

	us_keycloak_api_forget(&k->api);
	enum us_errc rc = us_keycloak_api_connect(&k->api, err);
	if (rc == US_OK)
		rc = is_id ? find_by_id(k, key, arena, &user, err) : find_by_name(k, key, arena, &user, err);
	if (rc == US_OK)
		rc = us_keycloak_api_check_person(&k->api, user, arena, err);
	if (rc == US_OK)
		rc = find_groups(k, us_json_string(user, "id"), arena, &records, &n, err);
	count_requests(k);
	if (rc)
		return rc;
	us_keycloak_user_record(arena, user, &records[n]);
	struct us_slice *refs = us_arena_array(arena, n, sizeof *refs);
	for (size_t i = 0; i < n; i++)
		refs[i] = records[i].id;
	records[n].groups = refs;
	records[n].n_groups = n;
	*ret_page = (struct us_page) { .records = records, .n = n + 1, .rows = (int64_t) n + 1, .announced = -1, .end = true,
		.signal = "one user" };
	return US_OK;
}

/* ---- test of the connection ---- */

/* A little of the listing at path; notes what was found or what is missing. */
static enum us_errc probe(struct us_keycloak *k, const char *what, struct us_slice path, struct us_str *notes,
	struct us_slice *ret_first_id, struct us_arena *arena, struct us_err *err)
{
	const struct us_json *doc;
	struct us_err failed = US_ERR_INIT;

	us_keycloak_api_prepare(&k->api, k->api.call);
	us_str_add_slice(&k->api.call->url, path);
	us_url_add_query_int(&k->api.call->url, "first", 0);
	us_url_add_query_int(&k->api.call->url, "max", 2);
	enum us_errc rc = us_keycloak_api_get(&k->api, what, arena, &doc, &failed);
	if (rc == US_OK && doc->type != US_JSON_ARRAY)
		rc = us_err_set(&failed, US_PROTOCOL, "the answer to the question for %s is no list", what);
	if (rc) {
		us_str_printf(notes, "%s: %s\n", what, failed.text);
		if (err)
			*err = failed;
		return rc;
	}
	us_str_printf(notes, "%s: can be read\n", what);
	*ret_first_id = doc->array.n ? us_json_string(&doc->array.items[0], "id") : US_SLICE_NONE;
	return US_OK;
}

static enum us_errc probe_count(struct us_keycloak *k, const char *what, struct us_str *notes, struct us_err *err)
{
	int64_t n = 0;
	enum us_errc rc = us_keycloak_api_count(&k->api, what, &n, err);

	if (rc == US_OK)
		us_str_printf(notes, "%lld %s\n", (long long) n, what);
	return rc;
}

static enum us_errc test_source(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	struct us_keycloak *k = self_of(source);
	struct us_arena arena = US_ARENA_INIT;
	struct us_err later = US_ERR_INIT;
	struct us_slice group = US_SLICE_NONE, ignored;
	enum us_errc rc, rc_groups;

	us_http_set_tries(k->api.http, 1); /* somebody is waiting */
	us_keycloak_api_forget(&k->api);
	rc = us_keycloak_api_connect(&k->api, err);
	if (k->api.base.n)
		us_str_printf(notes, "Keycloak at %s, realm %s\n", us_str_text(&k->api.base), us_str_text(&k->api.realm));
	if (rc == US_DENIED && err && strstr(err->text, "view-users"))
		us_str_printf(notes, "users: %s\n", err->text);
	else if (rc == US_OK)
		rc = probe(k, "users", US_SLICE("/users"), notes, &ignored, &arena, err);
	/* Each missing right is told, not only the first. */
	if (rc == US_OK || rc == US_DENIED) {
		if (rc == US_OK)
			rc = probe_count(k, "users", notes, err);
		rc_groups = probe(k, "groups", US_SLICE("/groups"), notes, &group, &arena, &later);
		if (rc_groups == US_OK)
			rc_groups = probe_count(k, "groups", notes, &later);
		if (rc_groups == US_OK && group.n) {
			struct us_str path = US_STR_INIT;
			us_str_add_text(&path, "/groups");
			us_url_add_segment(&path, group);
			us_str_add_text(&path, "/members");
			rc_groups = probe(k, "members of groups", us_str_slice(&path), notes, &ignored, &arena, &later);
			us_str_fini(&path);
		}
		if (rc == US_OK && rc_groups) {
			rc = rc_groups;
			if (err)
				*err = later;
		}
	}
	us_http_set_tries(k->api.http, k->tries);
	count_requests(k);
	us_arena_fini(&arena);
	return rc;
}

/* ---- passwords ---- */

static enum us_errc judge_grant(struct us_keycloak *k, int status, const struct us_json *answer, enum us_authentication *ret_authentication,
	struct us_err *err)
{
	struct us_slice error = us_json_string(answer, "error"), why = us_json_string(answer, "error_description");
	const char *client = us_str_text(&k->api.client_id);

	if (!why.p)
		why = US_SLICE("");
	if (status == 200) {
		*ret_authentication = US_AUTH_OK;
		return US_OK;
	}
	if (us_slice_is(error, "invalid_grant")) {
		*ret_authentication = memmem(why.p, why.n, "disabled", 8) || memmem(why.p, why.n, "locked", 6) ? US_AUTH_INACTIVE
			: memmem(why.p, why.n, "not fully set up", 16) || memmem(why.p, why.n, "expired", 7) ? US_AUTH_EXPIRED : US_AUTH_WRONG;
		return US_OK;
	}
	if (us_slice_is(error, "unauthorized_client") || us_slice_is(error, "unsupported_grant_type"))
		return us_err_set_native(err, US_CONFIG, status, "the client \"%s\" may not check passwords: switch on its \"Direct access grants\"", client);
	return us_err_set_native(err, US_PROTOCOL, status, "the server does not check a user's password: status %d (%.*s)", status,
		error.n > 100 ? 100 : (int) error.n, error.p ? error.p : "");
}

static void add_client(struct us_keycloak *k, struct us_str *body)
{
	us_url_add_form(body, "client_id", us_str_slice(&k->api.client_id));
	us_keycloak_api_add_secret(&k->api, body);
}

/* A session that nobody uses should not be left there; that it could not be ended is no matter of the password. */
static void end_session(struct us_keycloak *k, struct us_slice refresh_token)
{
	struct us_http_call *call = k->api.call;

	if (!refresh_token.n)
		return;
	us_http_prepare(call);
	us_keycloak_api_add_protocol_url(&k->api, "logout", &call->url);
	add_client(k, &call->body);
	us_url_add_form(&call->body, "refresh_token", refresh_token);
	us_http_run(call, NULL);
	us_secret_wipe_str(&call->body);
}

/* The resource owner password grant (RFC 6749 section 4.3), which Keycloak calls direct access. */
static enum us_errc ask_grant(struct us_keycloak *k, struct us_slice username, struct us_slice password, enum us_authentication *ret_authentication,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_http_call *call = k->api.call;
	struct us_slice refresh = US_SLICE_NONE;
	const struct us_json *doc;

	us_http_prepare(call);
	us_keycloak_api_add_protocol_url(&k->api, "token", &call->url);
	us_url_add_form(&call->body, "grant_type", US_SLICE("password"));
	add_client(k, &call->body);
	us_url_add_form(&call->body, "username", username);
	us_url_add_form(&call->body, "password", password);
	enum us_errc rc = us_http_run(call, err);
	us_secret_wipe_str(&call->body);
	if (!rc && us_json_parse(&arena, us_str_slice(&call->answer), US_JSON_LIMITS_SMALL, &doc, NULL))
		rc = us_err_set_native(err, US_PROTOCOL, call->status, "the server's answer to a user's password is no JSON (status %d)", call->status);
	if (!rc)
		rc = judge_grant(k, call->status, doc, ret_authentication, err);
	if (!rc && *ret_authentication == US_AUTH_OK)
		refresh = us_json_string(doc, "refresh_token");
	us_secret_wipe_str(&call->answer);
	end_session(k, refresh);
	if (refresh.p)
		us_secret_wipe((void *) refresh.p, refresh.n);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc authenticate(struct us_source *source, struct us_slice id, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	struct us_keycloak *k = self_of(source);
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *user = NULL;

	us_http_set_tries(k->api.http, 1);
	enum us_errc rc = us_keycloak_api_connect(&k->api, err);
	if (!rc) {
		rc = find_by_id(k, id, &arena, &user, err);
		if (rc == US_NOT_FOUND)
			*ret_authentication = US_AUTH_UNKNOWN;
	}
	if (!rc)
		rc = ask_grant(k, us_json_string(user, "username"), password, ret_authentication, err);
	us_http_set_tries(k->api.http, k->tries);
	count_requests(k);
	us_arena_fini(&arena);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

const struct us_source_ops us_source_keycloak = {
	.type = {
		.name = "keycloak",
		.title = "Keycloak",
		.help = "Users and groups of a Keycloak realm, read by its admin API.",
		.options = options,
		.authenticates = true,
	},
	.open = open_source,
	.close = close_source,
	.test = test_source,
	.listings = list_listings,
	.fetch = fetch,
	.find = find,
	.outline = outline,
	.narrow = narrow,
	.authenticate = authenticate,
};
