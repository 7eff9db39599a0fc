#include "net/ping.h"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>

#include "base/secret.h"
#include "net/cidr.h"
#include "net/url.h"

enum { URL_MOST = 1000, TOKEN_MOST = 255 };

static bool is_allowed(const struct us_ping *ping, const struct sockaddr *address, socklen_t n)
{
	char text[NI_MAXHOST];

	return getnameinfo(address, n, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 && us_cidr_list_has(ping->ranges, text);
}

/* ---- sending ---- */

struct sending {
	const struct us_ping *ping;
	bool is_denied;
};

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct sending *s = data;

	(void) purpose;
	if (is_allowed(s->ping, &address->addr, address->addrlen))
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	s->is_denied = true;
	return CURL_SOCKET_BAD;
}

/* Its words are nobody's concern, and the status is known by then. */
static size_t stop(char *p, size_t size, size_t n, void *data)
{
	(void) p, (void) size, (void) n, (void) data;
	return 0;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, struct us_slice value)
{
	struct us_str line = US_STR_INIT;

	us_str_printf(&line, "%s" US_SLICE_FMT, name, US_SLICE_ARG(value));
	struct curl_slist *longer = curl_slist_append(list, us_str_text(&line));
	us_secret_wipe_str(&line);
	if (!longer)
		us_err_nomem();
	return longer;
}

enum us_errc us_ping_send(const struct us_ping *ping, int64_t now_s, struct us_err *err)
{
	struct sending sending = { .ping = ping };
	char detail[US_POST_DETAIL_BYTES];
	struct us_str url = US_STR_INIT, where = US_STR_INIT;
	struct curl_slist *headers = add_header(NULL, "Content-Type:", US_SLICE_NONE);
	long status = 0;

	us_str_add_slice(&url, ping->url);
	us_url_add_origin(&where, us_str_text(&url));
	if (ping->token.n) {
		headers = add_header(headers, "Authorization: Basic ", ping->token);
		headers = add_header(headers, "X-Crowd-Webhook-Token: ", ping->token);
	}
	CURL *e = us_post_open(&ping->post, detail);
	curl_easy_setopt(e, CURLOPT_URL, us_str_text(&url));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "usersync/" USERSYNC_VERSION);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, 0L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, stop);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, &sending);
	enum us_errc rc = us_post_run(e, &ping->post, us_str_text(&where), detail, err);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	if (rc && status < 200 && sending.is_denied)
		rc = us_err_set(err, US_DENIED, "%s is at an address that the application may not come from", us_str_text(&where));
	else if (rc == US_OK || status >= 200)
		rc = us_post_judge(e, status, us_str_text(&where), now_s, err);
	curl_easy_cleanup(e);
	curl_slist_free_all(headers);
	us_str_fini(&url);
	us_str_fini(&where);
	return rc;
}

/* ---- checking ---- */

static bool is_printable(struct us_slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '!' || text.p[i] > '~')
			return false;
	return true;
}

static enum us_errc check_host(const struct us_ping *ping, const char *host, struct us_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	bool may = true;

	int rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc)
		return us_err_set(err, US_INVALID, "the host of the endpoint URL is not known to the name service: %s", gai_strerror(rc));
	for (const struct addrinfo *a = found; a; a = a->ai_next)
		may &= is_allowed(ping, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	return may ? US_OK : us_err_set(err, US_INVALID, "the host of the endpoint URL is not at an address that the application may come from: "
		"register where the application runs, or have it added to the application's addresses");
}

static enum us_errc check_parts(const struct us_ping *ping, CURLU *parsed, struct us_err *err)
{
	char *scheme = NULL, *host = NULL, *part = NULL;
	bool has_user = curl_url_get(parsed, CURLUPART_USER, &part, 0) == CURLUE_OK;

	curl_free(part);
	part = NULL;
	bool has_fragment = curl_url_get(parsed, CURLUPART_FRAGMENT, &part, 0) == CURLUE_OK;
	curl_free(part);
	bool has_both = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	enum us_errc rc = US_OK;
	if (!has_both || has_user || has_fragment || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		rc = us_err_set(err, US_INVALID, "the endpoint URL must begin with http:// or https://, without user name and fragment");
	if (!rc && host[0] == '[') {
		host[strlen(host) - 1] = '\0';
		rc = check_host(ping, host + 1, err);
	} else if (!rc) {
		rc = check_host(ping, host, err);
	}
	curl_free(scheme);
	curl_free(host);
	return rc;
}

enum us_errc us_ping_check(const struct us_ping *ping, struct us_err *err)
{
	struct us_str url = US_STR_INIT;

	if (!ping->url.n || ping->url.n > URL_MOST || !is_printable(ping->url))
		return us_err_set(err, US_INVALID, "the endpoint URL must be of 1 to %d characters, without spaces, and others than ASCII escaped", URL_MOST);
	if (ping->token.n > TOKEN_MOST || !is_printable(ping->token))
		return us_err_set(err, US_INVALID, "the token must be of at most %d characters of ASCII, without spaces", TOKEN_MOST);
	CURLU *parsed = curl_url();
	if (!parsed)
		us_err_nomem();
	us_str_add_slice(&url, ping->url);
	enum us_errc rc = curl_url_set(parsed, CURLUPART_URL, us_str_text(&url), 0) == CURLUE_OK ? check_parts(ping, parsed, err)
		: us_err_set(err, US_INVALID, "the endpoint URL is no URL");
	curl_url_cleanup(parsed);
	us_str_fini(&url);
	return rc;
}
