#include "net/webhook.h"

#include <curl/curl.h>

#include "base/secret.h"
#include "net/url.h"

enum { ANSWER_MOST = 64 << 10 };

void us_webhook_add_signatures(const struct us_webhook *hook, int64_t timestamp_s, struct us_str *out)
{
	struct us_str message = US_STR_INIT;

	us_str_printf(&message, US_SLICE_FMT ".%lld.", US_SLICE_ARG(hook->id), (long long)timestamp_s);
	us_str_add_slice(&message, hook->body);
	for (size_t i = 0, n = 0; i < 2; i++)
		if (hook->keys[i].n) {
			us_str_add_text(out, n++ ? " v1," : "v1,");
			us_secret_sign(hook->keys[i], us_str_slice(&message), out);
		}
	us_str_fini(&message);
}

/* Its words are nobody's concern; one that never ends is left. */
static size_t drop(char *p, size_t size, size_t n, void *total)
{
	size_t *sum = total;

	(void)p;
	*sum += size * n;
	return *sum > ANSWER_MOST ? 0 : size * n;
}

static void add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (!longer)
		us_err_nomem();
	*list = longer;
}

static struct curl_slist *make_headers(const struct us_webhook *hook, int64_t now_s)
{
	struct curl_slist *list = NULL;
	struct us_str line = US_STR_INIT;

	add_header(&list, "Content-Type: application/json");
	add_header(&list, "Expect:");
	us_str_printf(&line, "webhook-id: " US_SLICE_FMT, US_SLICE_ARG(hook->id));
	add_header(&list, us_str_text(&line));
	us_str_clear(&line);
	us_str_printf(&line, "webhook-timestamp: %lld", (long long)now_s);
	add_header(&list, us_str_text(&line));
	us_str_clear(&line);
	us_str_add_text(&line, "webhook-signature: ");
	us_webhook_add_signatures(hook, now_s, &line);
	add_header(&list, us_str_text(&line));
	us_str_fini(&line);
	return list;
}

enum us_errc us_webhook_send(const struct us_webhook *hook, int64_t now_s, struct us_err *err)
{
	char detail[US_POST_DETAIL_BYTES];
	struct us_str url = US_STR_INIT, where = US_STR_INIT;
	size_t answered = 0;
	long status = 0;

	us_str_add_slice(&url, hook->url);
	us_url_add_origin(&where, us_str_text(&url));
	if (hook->query.n)
		us_str_printf(&url, "?" US_SLICE_FMT, US_SLICE_ARG(hook->query));
	CURL *e = us_post_open(&hook->post, detail);
	struct curl_slist *headers = make_headers(hook, now_s);
	curl_easy_setopt(e, CURLOPT_URL, us_str_text(&url));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "usersync/" USERSYNC_VERSION);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)hook->body.n);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, hook->body.p);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &answered);
	enum us_errc rc = us_post_run(e, &hook->post, us_str_text(&where), detail, err);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	if (rc == US_OK || answered > ANSWER_MOST)
		rc = us_post_judge(e, status, us_str_text(&where), now_s, err);
	curl_easy_cleanup(e);
	curl_slist_free_all(headers);
	us_secret_wipe_str(&url);
	us_str_fini(&where);
	return rc;
}
