#include "cmd/client.h"

#include <ctype.h>
#include <stdlib.h>

#include <curl/curl.h>

#define BASE_PATH "/rest/samlsso-admin/1.0"
enum { MAX_ANSWER_BYTES = 256 << 20 };

struct us_client {
	CURL *curl;
	char *url; /* no slash at the end */
	char *user, *password, *authorization, *cacert;
	int64_t timeout_ms;
};

enum us_errc us_client_open(const struct us_client_conf *conf, struct us_client **ret_client, struct us_err *err)
{
	size_t n = strlen(conf->url);

	if (strncmp(conf->url, "http://", 7) != 0 && strncmp(conf->url, "https://", 8) != 0)
		return us_err_set(err, US_CONFIG, "the address \"%s\" does not begin with http:// or https://", conf->url);
	struct us_client *client = us_calloc(1, sizeof *client);
	client->url = us_strdup(conf->url);
	while (n > 8 && client->url[n - 1] == '/')
		client->url[--n] = '\0';
	client->timeout_ms = conf->timeout_ms;
	if (conf->cacert)
		client->cacert = us_strdup(conf->cacert);
	if (conf->token) {
		struct us_str header = US_STR_INIT;
		us_str_printf(&header, "Authorization: Bearer %s", conf->token);
		client->authorization = us_str_steal(&header);
	} else if (conf->user) {
		client->user = us_strdup(conf->user);
		client->password = us_strdup(conf->password ? conf->password : "");
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->curl = curl_easy_init();
	us_assert(client->curl);
	*ret_client = client;
	return US_OK;
}

void us_client_close(struct us_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	curl_global_cleanup();
	free(client->url);
	free(client->user);
	free(client->password);
	free(client->authorization);
	free(client->cacert);
	free(client);
}

static size_t take(char *p, size_t size, size_t n, void *out)
{
	struct us_str *body = out;

	if (body->n + size * n > MAX_ANSWER_BYTES)
		return 0;
	us_str_add(body, p, size * n);
	return size * n;
}

static enum us_errc code_of_status(int status)
{
	static const enum us_errc codes[] = { US_INVALID, US_UNAUTHORIZED, US_FORBIDDEN, US_NOT_FOUND, US_METHOD, US_CONFLICT, US_TOO_LARGE,
		US_MEDIA_TYPE, US_CONFIG, US_THROTTLED, US_UNAVAILABLE, US_TIMEOUT };

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (us_err_http(codes[i]) == status)
			return codes[i];
	return US_PROTOCOL;
}

/* {"status":422,"error":…,"message":…,"fields":[{"field","reason"}]} as one line; every field with its reason if there are more of them. */
static void describe(const struct us_client_answer *answer, const char *url, struct us_err *err)
{
	struct us_slice message = us_json_string(answer->doc, "message");
	const struct us_json *fields = us_json_find(answer->doc, "fields");
	enum us_errc code = code_of_status(answer->status);

	if (fields && fields->type == US_JSON_ARRAY && fields->array.n > 1) {
		struct us_str text = US_STR_INIT;
		for (size_t i = 0; i < fields->array.n; i++) {
			const struct us_json *field = &fields->array.items[i];
			us_str_printf(&text, "%s" US_SLICE_FMT " " US_SLICE_FMT, i ? "; " : "", US_SLICE_ARG(us_json_string(field, "field")),
				US_SLICE_ARG(us_json_string(field, "reason")));
		}
		us_err_set_native(err, code, answer->status, "%s", us_str_text(&text));
		us_str_fini(&text);
	} else if (message.p)
		us_err_set_native(err, code, answer->status, US_SLICE_FMT, US_SLICE_ARG(message));
	else if (answer->status == 401)
		us_err_set_native(err, code, answer->status, "%s wants a user name and password, or a token", url);
	else
		us_err_set_native(err, code, answer->status, "%s answered with status %d and no message: is this a usersync server?", url,
			answer->status);
}

static enum us_errc transport_error(const struct us_client *client, CURLcode rc, const char *detail, struct us_err *err)
{
	const char *why = detail[0] ? detail : curl_easy_strerror(rc);
	enum us_errc code = rc == CURLE_OPERATION_TIMEDOUT ? US_TIMEOUT
		: rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_CONNECT_ERROR ? US_TLS
		: rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST ? US_UNAVAILABLE
		: rc == CURLE_URL_MALFORMAT ? US_CONFIG
		: US_PROTOCOL;

	return us_err_set_native(err, code, (int) rc, "cannot reach %s: %s", client->url, why);
}

enum us_errc us_client_call(struct us_client *client, struct us_arena *arena, const char *method, const char *path, struct us_slice body,
	struct us_client_answer *ret_answer, struct us_err *err)
{
	CURL *curl = client->curl;
	char detail[CURL_ERROR_SIZE] = "";
	bool from_root = strncmp(path, "//", 2) == 0;
	const char *url = us_arena_printf(arena, "%s%s%s", client->url, from_root ? "" : BASE_PATH, from_root ? path + 1 : path);
	struct us_str text = US_STR_INIT;
	struct curl_slist *headers = NULL;
	long status = 0;

	*ret_answer = (struct us_client_answer) { 0 };
	curl_easy_reset(curl);
	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, "Expect:");
	if (client->authorization)
		headers = curl_slist_append(headers, client->authorization);
	if (body.p)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body.p || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p ? body.p : "");
		if (!body.p)
			headers = curl_slist_append(headers, "Content-Type:");
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) client->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "usersync/" USERSYNC_VERSION);
	if (client->user) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, client->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, client->password);
	}
	if (client->cacert)
		curl_easy_setopt(curl, CURLOPT_CAINFO, client->cacert);

	CURLcode rc = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	if (rc != CURLE_OK) {
		us_str_fini(&text);
		return transport_error(client, rc, detail, err);
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	ret_answer->status = (int) status;
	ret_answer->body = us_slice_dup(arena, text.p ? us_str_slice(&text) : US_SLICE(""));
	us_str_fini(&text);
	struct us_json_limits limits = { MAX_ANSWER_BYTES, 64, 50000000 };
	if (us_json_parse(arena, ret_answer->body, limits, &ret_answer->doc, NULL) != US_OK)
		ret_answer->doc = NULL;
	if (status >= 300) {
		struct us_err answered = US_ERR_INIT;
		describe(ret_answer, client->url, &answered);
		if (err)
			*err = answered;
		return answered.code;
	}
	return US_OK;
}

const char *us_client_quote(struct us_arena *arena, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *quoted = us_arena_alloc(arena, strlen(text) * 3 + 1), *out = quoted;

	for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
		if (isalnum(*p) || strchr("-._~", *p)) {
			*out++ = (char) *p;
		} else {
			*out++ = '%';
			*out++ = hex[*p >> 4];
			*out++ = hex[*p & 15];
		}
	}
	*out = '\0';
	/* A segment of dots alone would be taken as "this" or "the one above" on its way. */
	if (strcmp(quoted, ".") == 0)
		return "%2E";
	if (strcmp(quoted, "..") == 0)
		return "%2E%2E";
	return quoted;
}
