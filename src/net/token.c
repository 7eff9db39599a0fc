#include "net/token.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "net/http_fail.h"
#include "net/url.h"

enum { MARGIN_MAX_S = 60, LIFE_DEFAULT_S = 60, LIFE_MAX_S = 86400, TOKEN_MAX_BYTES = 64 << 10 };

struct us_token {
	struct us_http_auth auth; /* first: the session knows us by it */
	struct us_http *http;
	struct us_http_call *call;
	struct us_str url, client_id, client_secret;
	struct us_str header;     /* "Bearer …"; empty: none */
	int64_t good_until_ms;
};

static enum us_errc load(struct us_http_auth *auth, struct us_str *header, struct us_err *err)
{
	struct us_token *t = (struct us_token *) auth;
	enum us_errc rc = us_token_load(t, err);

	if (rc == US_OK)
		us_str_add_slice(header, us_str_slice(&t->header));
	return rc;
}

static void reject(struct us_http_auth *auth, struct us_slice header)
{
	struct us_token *t = (struct us_token *) auth;

	/* Several calls may come back with 401 after one has fetched a new token: that one is not refused yet. */
	if (us_secret_is_equal(us_str_slice(&t->header), header))
		us_secret_wipe_str(&t->header);
}

void us_token_open(struct us_http *http, struct us_slice client_id, struct us_slice client_secret, struct us_token **ret_token)
{
	struct us_token *t = us_calloc(1, sizeof *t);

	t->auth = (struct us_http_auth) { .load = load, .reject = reject };
	t->http = http;
	t->call = us_http_call_new(http);
	us_str_add_slice(&t->client_id, client_id);
	us_str_add_slice(&t->client_secret, client_secret);
	*ret_token = t;
}

void us_token_close(struct us_token *t)
{
	if (!t)
		return;
	us_http_call_free(t->call);
	us_str_fini(&t->url);
	us_str_fini(&t->client_id);
	us_secret_wipe_str(&t->client_secret);
	us_secret_wipe_str(&t->header);
	free(t);
}

void us_token_set_url(struct us_token *t, struct us_slice url)
{
	if (us_slice_is_equal(us_str_slice(&t->url), url))
		return;
	us_str_clear(&t->url);
	us_str_add_slice(&t->url, url);
	us_secret_wipe_str(&t->header);
}

struct us_http_auth *us_token_auth(struct us_token *t) { return &t->auth; }

/* The header takes any of RFC 6750's token characters; anything else could end the line. */
static bool is_token(struct us_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= TOKEN_MAX_BYTES;
}

static enum us_errc take_grant(struct us_token *t, int64_t asked_ms, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(&arena, us_str_slice(&t->call->answer), US_JSON_LIMITS_SMALL, &doc, err);

	if (rc) {
		rc = us_err_set(err, US_PROTOCOL, "the answer is no JSON");
	} else if (!is_token(us_json_string(doc, "access_token"))) {
		rc = us_err_set(err, US_PROTOCOL, "the answer holds no access_token");
	} else {
		int64_t life_s = us_json_int(doc, "expires_in", LIFE_DEFAULT_S);
		if (life_s < 0)
			life_s = 0;
		if (life_s > LIFE_MAX_S)
			life_s = LIFE_MAX_S;
		int64_t margin_s = life_s / 4 > MARGIN_MAX_S ? MARGIN_MAX_S : life_s / 4;
		t->good_until_ms = asked_ms + (life_s - margin_s) * 1000;
		us_secret_wipe_str(&t->header);
		us_str_add_text(&t->header, "Bearer ");
		us_str_add_slice(&t->header, us_json_string(doc, "access_token"));
		us_secret_wipe((void *) us_json_string(doc, "access_token").p, us_json_string(doc, "access_token").n);
	}
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc take_refusal(struct us_token *t, struct us_err *err)
{
	struct us_str reason = US_STR_INIT;
	struct us_slice type = us_http_header(t->call, "Content-Type");
	int status = t->call->status;
	enum us_errc rc;

	us_http_add_reason(&reason, type, us_str_slice(&t->call->answer));
	if (status == 404)
		rc = us_err_set_native(err, US_CONFIG, status, "there is no such realm or token endpoint (%s)", us_str_text(&reason));
	else if (status == 400 || status == 401 || status == 403)
		rc = us_err_set_native(err, US_DENIED, status, "the client id or client secret is wrong, or the client has no service account (%s)",
			us_str_text(&reason));
	else
		rc = us_err_set_native(err, US_PROTOCOL, status, "status %d (%s)", status, us_str_text(&reason));
	us_str_fini(&reason);
	return rc;
}

enum us_errc us_token_load(struct us_token *t, struct us_err *err)
{
	int64_t asked_ms = us_clock_monotonic_ms();
	enum us_errc rc;

	if (t->header.n && asked_ms < t->good_until_ms)
		return US_OK;
	us_http_prepare(t->call);
	us_str_add_slice(&t->call->url, us_str_slice(&t->url));
	us_url_add_form(&t->call->body, "grant_type", US_SLICE("client_credentials"));
	us_url_add_form(&t->call->body, "client_id", us_str_slice(&t->client_id));
	us_url_add_form(&t->call->body, "client_secret", us_str_slice(&t->client_secret));
	rc = us_http_run(t->call, err);
	if (rc == US_OK)
		rc = t->call->status == 200 ? take_grant(t, asked_ms, err) : take_refusal(t, err);
	us_secret_wipe_str(&t->call->body);
	us_secret_wipe_str(&t->call->answer);
	if (rc && rc != US_CANCELLED)
		us_err_prefix(err, "Token request failed");
	return rc;
}

static int base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct us_slice us_token_decode_claims(struct us_slice jwt, struct us_arena *arena)
{
	const char *first = jwt.n ? memchr(jwt.p, '.', jwt.n) : NULL;
	if (!first)
		return US_SLICE_NONE;
	const char *start = first + 1, *end = memchr(start, '.', jwt.n - (size_t) (start - jwt.p));
	if (!end || end == start || (end - start) % 4 == 1)
		return US_SLICE_NONE;
	char *out = us_arena_alloc(arena, (size_t) (end - start));
	size_t n = 0;
	unsigned bits = 0, held = 0;
	for (const char *p = start; p < end; p++) {
		int v = base64url_value(*p);
		if (v < 0)
			return US_SLICE_NONE;
		bits = (bits << 6 | (unsigned) v) & 0xFFFF;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (char) (bits >> held & 0xFF);
		}
	}
	return (struct us_slice) { out, n };
}

struct us_slice us_token_claims(const struct us_token *t, struct us_arena *arena)
{
	struct us_slice header = us_str_slice(&t->header);

	if (header.n < 7)
		return US_SLICE_NONE;
	return us_token_decode_claims((struct us_slice) { header.p + 7, header.n - 7 }, arena);
}
