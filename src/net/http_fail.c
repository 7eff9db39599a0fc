#include "net/http_fail.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "net/url.h"

enum { REASON_BYTES = 200, REASON_READ_BYTES = 16384 };

bool us_http_is_json_type(struct us_slice type)
{
	const char *end = type.n ? memchr(type.p, ';', type.n) : NULL;
	struct us_slice name = us_slice_trim((struct us_slice) { type.p, end ? (size_t) (end - type.p) : type.n });

	return us_slice_is_nocase(name, "application/json") ||
		(name.n > 17 && strncasecmp(name.p, "application/", 12) == 0 && strncasecmp(name.p + name.n - 5, "+json", 5) == 0);
}

bool us_http_is_passing_status(int status)
{
	switch (status) {
	case 408:
	case 425:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	}
	return false;
}

bool us_http_is_passing_transfer(int curl_code)
{
	switch (curl_code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	}
	return false;
}

/* Text between <title> and </title>, white space as it is. */
static struct us_slice html_title(struct us_slice body)
{
	for (size_t i = 0; i + 7 < body.n; i++) {
		if (body.p[i] != '<' || strncasecmp(body.p + i, "<title>", 7) != 0)
			continue;
		const char *start = body.p + i + 7, *end = memchr(start, '<', body.n - i - 7);
		if (end)
			return us_slice_trim((struct us_slice) { start, (size_t) (end - start) });
	}
	return US_SLICE_NONE;
}

static void add_cut(struct us_str *out, struct us_slice text)
{
	size_t least = 0;

	if (text.n > REASON_BYTES) {
		text.n = REASON_BYTES;
		least = REASON_BYTES - 3; /* the cut may lie within a character */
	}
	while (text.n > least && least && !us_slice_is_utf8(text))
		text.n--;
	if (us_slice_is_utf8(text))
		us_str_add_slice(out, text);
}

void us_http_add_reason(struct us_str *out, struct us_slice type, struct us_slice body)
{
	if (!us_http_is_json_type(type)) {
		body.n = body.n > REASON_READ_BYTES ? REASON_READ_BYTES : body.n;
		add_cut(out, html_title(body));
		return;
	}
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	if (us_json_parse(&arena, body, (struct us_json_limits) { REASON_READ_BYTES, 8, 500 }, &doc, NULL) == US_OK) {
		static const char *const members[] = { "error", "error_description", "errorMessage", "message", "detail" };
		for (size_t i = 0, n = 0; i < sizeof members / sizeof *members; i++) {
			struct us_slice s = us_json_string(doc, members[i]);
			if (s.n) {
				us_str_add_text(out, n++ ? ": " : "");
				add_cut(out, s);
			}
		}
	}
	us_arena_fini(&arena);
}

/* "https://host:port" and the path, apart, for the messages. */
struct place {
	struct us_str origin, path;
};

static void place_init(struct place *p, const char *url)
{
	const char *slashes = strstr(url, "://"), *slash = slashes ? strchr(slashes + 3, '/') : NULL;

	*p = (struct place) { 0 };
	us_url_add_origin(&p->origin, url);
	if (slash)
		us_str_add(&p->path, slash, strcspn(slash, "?#"));
}

static void place_fini(struct place *p)
{
	us_str_fini(&p->origin);
	us_str_fini(&p->path);
}

static const char *times(unsigned tries, char buffer[32])
{
	if (tries < 2)
		return "";
	snprintf(buffer, 32, " (tried %u times)", tries);
	return buffer;
}

static enum us_errc fail_connect(const struct us_http_failure *f, const char *where, const char *again, struct us_err *err)
{
	switch (f->os_error) {
	case ECONNREFUSED:
		return us_err_set_native(err, US_UNAVAILABLE, f->os_error,
			"%s refused the connection%s: is the server running, and is the port right?", where, again);
	case EHOSTUNREACH:
	case ENETUNREACH:
		return us_err_set_native(err, US_UNAVAILABLE, f->os_error, "there is no network route to %s%s", where, again);
	}
	return us_err_set_native(err, US_UNAVAILABLE, f->os_error, "cannot connect to %s%s: %s", where, again, f->detail);
}

static enum us_errc fail_certificate(const struct us_http_failure *f, const char *where, struct us_err *err)
{
	if (strstr(f->detail, "subject name") || strstr(f->detail, "does not match") || strstr(f->detail, "not match target"))
		return us_err_set(err, US_TLS, "the certificate of %s was issued for another name: use the name that is in the certificate", where);
	if (strstr(f->detail, "expired"))
		return us_err_set(err, US_TLS, "the certificate of %s has expired", where);
	return us_err_set(err, US_TLS, "the certificate of %s is not trusted (%s): give the issuer's certificate in caCertificate", where,
		f->detail);
}

enum us_errc us_http_fail_transfer(const struct us_http_failure *f, struct us_err *err)
{
	struct place p;
	char buffer[32];
	const char *again = times(f->tries, buffer);
	enum us_errc rc;

	place_init(&p, f->url);
	const char *where = us_str_text(&p.origin);
	switch (f->curl_code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		rc = us_err_set(err, US_UNAVAILABLE, "the host of %s is not known to the name service%s: check the URL", where, again);
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		rc = us_err_set(err, US_UNAVAILABLE, "the proxy \"%s\" is not known to the name service%s", f->proxy ? f->proxy : "", again);
		break;
	case CURLE_COULDNT_CONNECT:
		rc = fail_connect(f, f->proxy ? f->proxy : where, again, err);
		break;
	case CURLE_PROXY:
		rc = us_err_set(err, US_UNAVAILABLE, "the proxy \"%s\" failed: %s", f->proxy ? f->proxy : "", f->detail);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		rc = us_err_set(err, US_TIMEOUT, "%s%s did not answer within %lld s%s", where, us_str_text(&p.path),
			(long long) (f->timeout_ms + 999) / 1000, again);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		rc = fail_certificate(f, where, err);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		rc = us_err_set(err, US_CONFIG, "caCertificate holds no certificate that can be read (PEM is wanted)");
		break;
	case CURLE_SSL_CONNECT_ERROR:
		rc = us_err_set(err, US_TLS, "no TLS connection to %s: %s", where, f->detail);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		rc = us_err_set(err, US_PROTOCOL, "%s does not speak HTTP: check scheme and port of the URL", where);
		break;
	case CURLE_URL_MALFORMAT:
		rc = us_err_set(err, US_CONFIG, "the URL is malformed: %s", f->detail);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		if (f->proxy && strstr(f->detail, "CONNECT"))
			rc = us_err_set(err, US_UNAVAILABLE, "the proxy \"%s\" refused the connection to %s: %s", f->proxy, where, f->detail);
		else
			rc = us_err_set(err, US_UNAVAILABLE, "%s broke the connection off before the answer to %s was whole%s", where,
				us_str_text(&p.path), again);
		break;
	case CURLE_WRITE_ERROR:
		if (f->too_large) {
			rc = us_err_set(err, US_PROTOCOL, "the answer of %s to %s is larger than %zu MiB: ask for smaller pages", where,
				us_str_text(&p.path), f->max_bytes >> 20);
			break;
		}
		__attribute__((fallthrough));
	default:
		rc = us_err_set_native(err, US_UNAVAILABLE, f->curl_code, "the call to %s%s failed%s: %s", where, us_str_text(&p.path), again,
			f->detail[0] ? f->detail : curl_easy_strerror((CURLcode) f->curl_code));
	}
	place_fini(&p);
	return rc;
}

enum us_errc us_http_fail_answer(const struct us_http_failure *f, struct us_err *err)
{
	struct place p;
	struct us_str reason = US_STR_INIT;
	char buffer[32];
	bool is_json = us_http_is_json_type(f->type);
	enum us_errc rc;

	place_init(&p, f->url);
	us_http_add_reason(&reason, f->type, f->body);
	const char *where = us_str_text(&p.origin), *path = us_str_text(&p.path), *again = times(f->tries, buffer);
	const char *open = reason.n ? " (" : "", *shut = reason.n ? ")" : "";
	if (f->status == 429)
		rc = us_err_set_native(err, US_THROTTLED, f->status, "%s asks for fewer requests: 429%s%s%s%s", where, open, us_str_text(&reason),
			shut, again);
	else if (f->status == 407)
		rc = us_err_set_native(err, US_DENIED, f->status, "the proxy wants a user name and password: give them in its URL");
	else if (f->status >= 200 && f->status < 300)
		rc = us_err_set_native(err, US_PROTOCOL, f->status,
			"%s answered %s with " US_SLICE_FMT " instead of JSON%s%s%s: is there a login page or proxy in front of it?", where, path,
			f->type.n ? (int) (f->type.n > 60 ? 60 : f->type.n) : 10, f->type.n ? f->type.p : "no content", open, us_str_text(&reason), shut);
	else if (f->status >= 400 && !is_json && us_slice_trim(f->body).n)
		rc = us_err_set_native(err, f->status < 500 ? US_DENIED : US_UNAVAILABLE, f->status,
			"%s answered %s with an error page, status %d%s%s%s%s: it looks like one of a proxy or firewall", where, path, f->status,
			open, us_str_text(&reason), shut, again);
	else
		rc = us_err_set_native(err, US_UNAVAILABLE, f->status, "%s answered %s with status %d%s%s%s%s", where, path, f->status, open,
			us_str_text(&reason), shut, again);
	us_str_fini(&reason);
	place_fini(&p);
	return rc;
}

enum us_errc us_http_fail_redirect(const struct us_http_failure *f, const char *location, struct us_err *err)
{
	struct place p;
	struct us_str to = US_STR_INIT;
	enum us_errc rc;

	place_init(&p, f->url);
	us_url_add_origin(&to, location);
	if (us_url_is_same_origin(f->url, location))
		rc = us_err_set_native(err, US_PROTOCOL, f->status, "%s%s redirects again and again", us_str_text(&p.origin), us_str_text(&p.path));
	else
		rc = us_err_set_native(err, US_PROTOCOL, f->status,
			"%s redirects to %s, which is not the configured server: nothing was sent there; if it is right, make it the URL",
			us_str_text(&p.origin), us_str_text(&to));
	us_str_fini(&to);
	place_fini(&p);
	return rc;
}
