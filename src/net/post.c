#include "net/post.h"

#include <curl/curl.h>
#include <pthread.h>

#include "base/arena.h"
#include "net/retry.h"

enum { CONNECT_MS = 10000 };

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		us_err_nomem();
}

static int on_progress(void *cancel, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return atomic_load_explicit((const atomic_bool *)cancel, memory_order_relaxed);
}

void *us_post_open(const struct us_post *t, char detail[US_POST_DETAIL_BYTES])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	_Static_assert(US_POST_DETAIL_BYTES >= CURL_ERROR_SIZE, "room for the library's words");
	pthread_once(&once, init_curl);
	CURL *e = curl_easy_init();
	if (!e)
		us_err_nomem();
	detail[0] = '\0';
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(
		e, CURLOPT_CONNECTTIMEOUT_MS, (long)(t->timeout_ms < CONNECT_MS ? t->timeout_ms : CONNECT_MS));
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	if (t->ca_pem.n) {
		struct curl_blob blob = { .data = (void *)t->ca_pem.p, .len = t->ca_pem.n, .flags = CURL_BLOB_COPY };
		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (t->cancel) {
		curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(e, CURLOPT_XFERINFODATA, (void *)t->cancel);
	}
	return e;
}

enum us_errc us_post_run(
	void *easy, const struct us_post *t, const char *where, const char *detail, struct us_err *err)
{
	CURLcode code = curl_easy_perform(easy);
	const char *words = *detail ? detail : curl_easy_strerror(code);

	switch (code) {
	case CURLE_OK:
		return US_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
		return us_err_set_native(
			err, US_UNAVAILABLE, (int)code, "the host of %s is not known to the name service", where);
	case CURLE_COULDNT_CONNECT:
		return us_err_set_native(err, US_UNAVAILABLE, (int)code, "cannot connect to %s: %s", where, words);
	case CURLE_OPERATION_TIMEDOUT:
		return us_err_set_native(err, US_TIMEOUT, (int)code, "%s did not answer within %lld s", where,
			(long long)(t->timeout_ms + 999) / 1000);
	case CURLE_ABORTED_BY_CALLBACK:
		return us_err_set_native(err, US_CANCELLED, (int)code, "cancelled");
	case CURLE_USE_SSL_FAILED:
		return us_err_set_native(
			err, US_TLS, (int)code, "%s does not offer STARTTLS; nothing is sent in the clear", where);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return us_err_set_native(err, US_TLS, (int)code,
			"the certificate of %s is not trusted (%s): give the issuer's in caCertificate", where, words);
	case CURLE_SSL_CONNECT_ERROR:
		return us_err_set_native(err, US_TLS, (int)code, "no TLS connection to %s: %s", where, words);
	case CURLE_LOGIN_DENIED:
		return us_err_set_native(err, US_DENIED, (int)code, "%s refused user or password", where);
	default: /* the library's codes, not ours */
		return us_err_set_native(err, US_PROTOCOL, (int)code, "%s: %s", where, words);
	}
}

enum us_errc us_post_judge(void *e, long status, const char *where, int64_t now_s, struct us_err *err)
{
	struct curl_header *header;
	int64_t wait_ms = 0;

	if (status >= 200 && status < 300)
		return US_OK;
	if (curl_easy_header(e, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		us_retry_parse_after(us_slice(header->value), now_s, &wait_ms);
	if (status >= 300 && status < 400)
		us_err_set_native(err, US_PROTOCOL, (int)status,
			"%s answered with status %ld, a redirect: they are not followed, give the final URL", where,
			status);
	else
		us_err_set_native(err, US_PROTOCOL, (int)status, "%s answered with status %ld", where, status);
	if (err)
		err->wait_ms = wait_ms;
	return US_PROTOCOL;
}
