#include "net/url.h"

#include <stdio.h>

#include <curl/curl.h>

#include "base/err.h"

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_byte(struct us_str *out, unsigned char c)
{
	us_str_printf(out, "%%%02X", c);
}

void us_url_escape(struct us_str *out, struct us_slice text)
{
	us_str_reserve(out, text.n);
	for (size_t i = 0; i < text.n; i++)
		if (is_unreserved((unsigned char) text.p[i]))
			us_str_add_char(out, text.p[i]);
		else
			add_byte(out, (unsigned char) text.p[i]);
}

void us_url_add_segment(struct us_str *url, struct us_slice segment)
{
	us_str_add_char(url, '/');
	if (us_slice_is(segment, ".") || us_slice_is(segment, ".."))
		for (size_t i = 0; i < segment.n; i++)
			add_byte(url, '.');
	else
		us_url_escape(url, segment);
}

void us_url_add_query(struct us_str *url, const char *key, struct us_slice value)
{
	us_str_add_char(url, url->n && memchr(url->p, '?', url->n) ? '&' : '?');
	us_url_escape(url, us_slice(key));
	us_str_add_char(url, '=');
	us_url_escape(url, value);
}

void us_url_add_query_int(struct us_str *url, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long) value);
	us_url_add_query(url, key, us_slice(text));
}

void us_url_add_form(struct us_str *body, const char *key, struct us_slice value)
{
	if (body->n)
		us_str_add_char(body, '&');
	us_url_escape(body, us_slice(key));
	us_str_add_char(body, '=');
	us_url_escape(body, value);
}

/* The parts that make an origin. Owns: the three texts, by libcurl. */
struct origin {
	char *scheme, *host, *port;
};

static void origin_fini(struct origin *o)
{
	curl_free(o->scheme);
	curl_free(o->host);
	curl_free(o->port);
	*o = (struct origin) { 0 };
}

static bool origin_init(struct origin *o, const char *url)
{
	CURLU *u = curl_url();
	char *user = NULL;
	bool ok;

	*o = (struct origin) { 0 };
	if (!u)
		us_err_nomem();
	ok = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
		curl_url_get(u, CURLUPART_SCHEME, &o->scheme, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_HOST, &o->host, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_PORT, &o->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
	curl_free(user);
	curl_url_cleanup(u);
	if (!ok)
		origin_fini(o);
	return ok;
}

bool us_url_is_same_origin(const char *a, const char *b)
{
	struct origin x, y;
	bool same = false;

	if (!origin_init(&x, a))
		return false;
	if (origin_init(&y, b)) {
		same = us_slice_is_nocase(us_slice(x.scheme), y.scheme) && us_slice_is_nocase(us_slice(x.host), y.host) &&
			strcmp(x.port, y.port) == 0;
		origin_fini(&y);
	}
	origin_fini(&x);
	return same;
}

void us_url_add_origin(struct us_str *out, const char *url)
{
	struct origin o;

	if (!origin_init(&o, url)) {
		us_str_add_text(out, "?");
		return;
	}
	us_str_printf(out, "%s://%s", o.scheme, o.host);
	if (strcmp(o.port, strcmp(o.scheme, "https") == 0 ? "443" : "80") != 0)
		us_str_printf(out, ":%s", o.port);
	origin_fini(&o);
}

void us_url_add_without_user(struct us_str *out, const char *url)
{
	const char *slashes = strstr(url, "://"), *start = slashes ? slashes + 3 : url;
	struct us_slice host = { start, strcspn(start, "/?#") };

	for (size_t i = host.n; i-- > 0;)
		if (host.p[i] == '@') {
			host = (struct us_slice) { host.p + i + 1, host.n - i - 1 };
			break;
		}
	us_str_add(out, url, (size_t) (start - url));
	us_str_add_slice(out, host);
}

bool us_url_resolve(struct us_str *out, const char *base, const char *location)
{
	CURLU *u = curl_url();
	char *whole = NULL, *scheme = NULL;
	bool ok;

	if (!u)
		us_err_nomem();
	ok = curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
		curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK;
	if (ok)
		us_str_add_text(out, whole);
	curl_free(scheme);
	curl_free(whole);
	curl_url_cleanup(u);
	return ok;
}
