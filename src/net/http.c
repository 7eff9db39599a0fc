#include "net/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/secret.h"
#include "net/http_fail.h"
#include "net/retry.h"
#include "net/url.h"

enum { POLL_MS = 100, MAX_REDIRECTS = 3, BACKOFF_CAP_MS = 60000 };

struct us_http {
	CURLM *multi;
	const atomic_bool *cancel;
	struct us_http_options options;
	char *base_url, *proxy;
	struct us_str proxy_shown; /* without its password */
	struct us_str ca_pem;
	struct us_http_call *first, **last; /* under way: waiting, active or done, in the order of their start */
	unsigned n_active;
	bool authorizing;       /* a token is being fetched: calls that want one stay where they are */
	bool answered;          /* the server has answered at least once */
	int64_t pause_until_ms; /* of the whole session: the server said slow down */
	int64_t next_start_ms;  /* by requests_per_s */
	uint64_t random;
	struct us_http_stats stats;
};

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		us_err_nomem();
}

enum us_errc us_http_open(const struct us_http_options *options, const atomic_bool *cancel, struct us_http **ret_http, struct us_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_curl);
	if (!us_url_is_same_origin(options->base_url, options->base_url))
		return us_err_set(err, US_CONFIG, "the URL has no host, or a user name in it");
	struct us_http *h = us_calloc(1, sizeof *h);
	h->options = *options;
	h->base_url = us_strdup(options->base_url);
	h->proxy = options->proxy && options->proxy[0] ? us_strdup(options->proxy) : NULL;
	if (h->proxy)
		us_url_add_without_user(&h->proxy_shown, h->proxy);
	h->options.base_url = h->base_url;
	h->options.proxy = h->proxy;
	us_str_add_slice(&h->ca_pem, options->ca_pem);
	h->options.ca_pem = us_str_slice(&h->ca_pem);
	if (!h->options.connect_timeout_ms)
		h->options.connect_timeout_ms = 10000;
	if (!h->options.timeout_ms)
		h->options.timeout_ms = 60000;
	if (!h->options.max_wait_ms)
		h->options.max_wait_ms = 120000;
	if (!h->options.backoff_ms)
		h->options.backoff_ms = 500;
	if (!h->options.max_answer_bytes)
		h->options.max_answer_bytes = 64 << 20;
	if (!h->options.tries)
		h->options.tries = 5;
	if (!h->options.concurrency)
		h->options.concurrency = 4;
	h->cancel = cancel;
	h->last = &h->first;
	h->random = us_hash(&h, sizeof h).lo ^ (uint64_t) us_clock_wall_ms();
	h->multi = curl_multi_init();
	if (!h->multi)
		us_err_nomem();
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) h->options.concurrency);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long) h->options.concurrency);
	*ret_http = h;
	return US_OK;
}

void us_http_close(struct us_http *h)
{
	if (!h)
		return;
	us_http_abort(h);
	curl_multi_cleanup(h->multi);
	us_str_fini(&h->ca_pem);
	us_str_fini(&h->proxy_shown);
	free(h->base_url);
	if (h->proxy)
		us_secret_wipe(h->proxy, strlen(h->proxy));
	free(h->proxy);
	free(h);
}

const struct us_http_stats *us_http_stats(const struct us_http *h) { return &h->stats; }
void us_http_set_tries(struct us_http *h, unsigned tries) { h->options.tries = tries; }

/* ---- one call ---- */

struct us_http_call *us_http_call_new(struct us_http *http)
{
	struct us_http_call *c = us_calloc(1, sizeof *c);

	c->http = http;
	c->easy = curl_easy_init();
	if (!c->easy)
		us_err_nomem();
	return c;
}

static void unlink_call(struct us_http_call *c)
{
	struct us_http *h = c->http;
	struct us_http_call **at = &h->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (h->last == &c->next)
		h->last = at;
	c->next = NULL;
}

/* The one place where a call leaves the wire. */
static void take_off(struct us_http_call *c)
{
	if (c->state != US_HTTP_ACTIVE)
		return;
	curl_multi_remove_handle(c->http->multi, c->easy);
	c->http->n_active--;
	c->state = US_HTTP_WAITING;
}

static void forget(struct us_http_call *c)
{
	if (c->state == US_HTTP_IDLE)
		return;
	take_off(c);
	unlink_call(c);
	c->state = US_HTTP_IDLE;
}

void us_http_abort(struct us_http *h)
{
	while (h->first)
		forget(h->first);
}

void us_http_call_free(struct us_http_call *c)
{
	if (!c)
		return;
	forget(c);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	us_str_fini(&c->url);
	us_secret_wipe_str(&c->body);
	us_secret_wipe_str(&c->authorization);
	us_secret_wipe_str(&c->answer);
	free(c);
}

void us_http_prepare(struct us_http_call *c)
{
	us_assert(c->state == US_HTTP_IDLE);
	us_str_clear(&c->url);
	us_secret_wipe_str(&c->body);
	us_str_clear(&c->answer);
	c->auth = NULL;
	c->rc = US_OK;
	c->err = (struct us_err) US_ERR_INIT;
	c->status = 0;
	c->tries = c->redirects = 0;
	c->reauthorized = false;
}

struct us_slice us_http_header(const struct us_http_call *c, const char *name)
{
	struct curl_header *found;

	if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return US_SLICE_NONE;
	return us_slice(found->value);
}

static size_t take_bytes(char *p, size_t size, size_t n, void *owner)
{
	struct us_http_call *c = owner;

	n *= size;
	if (n > c->http->options.max_answer_bytes - c->answer.n) {
		c->too_large = true;
		return 0;
	}
	us_str_add(&c->answer, p, n);
	c->http->stats.bytes += (int64_t) n;
	return n;
}

static void add_header(struct us_http_call *c, const char *text)
{
	c->headers = curl_slist_append(c->headers, text);
	if (!c->headers)
		us_err_nomem();
}

static void set_up(struct us_http_call *c)
{
	const struct us_http_options *o = &c->http->options;
	CURL *e = c->easy;

	curl_easy_reset(e);
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	us_str_clear(&c->answer);
	c->too_large = false;
	c->detail[0] = '\0';
	curl_easy_setopt(e, CURLOPT_URL, us_str_text(&c->url));
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long) o->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) o->timeout_ms);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "usersync/" USERSYNC_VERSION);
	if (o->ca_pem.n) {
		struct curl_blob blob = { .data = (void *) o->ca_pem.p, .len = o->ca_pem.n, .flags = CURL_BLOB_NOCOPY };
		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (o->proxy)
		curl_easy_setopt(e, CURLOPT_PROXY, o->proxy);
	add_header(c, "Accept: application/json");
	if (c->body.n) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) c->body.n);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.p);
		add_header(c, "Expect:");
	}
	if (c->auth) {
		struct us_str line = US_STR_INIT;
		us_str_printf(&line, "Authorization: %s", us_str_text(&c->authorization));
		add_header(c, us_str_text(&line));
		us_secret_wipe_str(&line);
	}
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
}

static void describe(const struct us_http_call *c, int curl_code, struct us_http_failure *f)
{
	long os_error = 0;

	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
	*f = (struct us_http_failure) {
		.url = us_str_text(&c->url), .proxy = c->http->proxy ? us_str_text(&c->http->proxy_shown) : NULL, .detail = c->detail, .curl_code = curl_code,
		.os_error = (int) os_error, .status = c->status, .type = us_http_header(c, "Content-Type"),
		.body = us_str_slice(&c->answer), .timeout_ms = c->http->options.timeout_ms,
		.max_bytes = c->http->options.max_answer_bytes, .tries = c->tries, .too_large = c->too_large,
	};
}

static uint64_t next_random(struct us_http *h)
{
	/* xorshift: it only has to keep clients from waking up together */
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random;
}

static void wait_then_again(struct us_http_call *c, int64_t wait_ms)
{
	c->http->stats.retries++;
	c->start_at_ms = us_clock_monotonic_ms() + wait_ms;
	c->state = US_HTTP_WAITING;
}

static bool is_last_try(const struct us_http_call *c, int curl_code)
{
	const struct us_http *h = c->http;

	if (c->tries >= h->options.tries)
		return true;
	/* A name or address that never worked is more likely wrong than down; a silent server is asked twice, not five times. */
	if (curl_code == CURLE_COULDNT_RESOLVE_HOST || curl_code == CURLE_COULDNT_RESOLVE_PROXY || curl_code == CURLE_COULDNT_CONNECT)
		return !h->answered && c->tries >= 2;
	return curl_code == CURLE_OPERATION_TIMEDOUT && c->tries >= 2;
}

/* An answer whose status says "not now". */
static void take_passing_status(struct us_http_call *c, const struct us_http_failure *f)
{
	struct us_http *h = c->http;
	int64_t wait_ms = 0;
	bool asked = us_retry_parse_after(us_http_header(c, "Retry-After"), us_clock_wall_s(), &wait_ms);

	if (!asked)
		wait_ms = us_retry_backoff_ms(c->tries - 1, h->options.backoff_ms, BACKOFF_CAP_MS, next_random(h));
	if (is_last_try(c, 0) || wait_ms > h->options.max_wait_ms) {
		c->rc = us_http_fail_answer(f, &c->err);
		if (asked)
			c->err.wait_ms = wait_ms;
		return;
	}
	if ((c->status == 429 || asked) && h->pause_until_ms < us_clock_monotonic_ms() + wait_ms)
		h->pause_until_ms = us_clock_monotonic_ms() + wait_ms;
	wait_then_again(c, wait_ms);
}

static void take_redirect(struct us_http_call *c, const struct us_http_failure *f)
{
	struct us_slice location = us_http_header(c, "Location");
	struct us_str to = US_STR_INIT;

	if (!location.p || !us_url_resolve(&to, us_str_text(&c->url), location.p)) {
		c->rc = us_http_fail_answer(f, &c->err);
	} else if (!us_url_is_same_origin(c->http->base_url, us_str_text(&to)) || c->redirects == MAX_REDIRECTS || c->body.n) {
		c->rc = us_http_fail_redirect(f, us_str_text(&to), &c->err);
	} else {
		c->redirects++;
		c->tries = 0;
		us_str_clear(&c->url);
		us_str_add_slice(&c->url, us_str_slice(&to));
		c->start_at_ms = 0;
		c->state = US_HTTP_WAITING;
	}
	us_str_fini(&to);
}

/* Decides what becomes of a try: done with an answer, done with an error, or waiting for another one. */
static void take_result(struct us_http_call *c, CURLcode curl_code)
{
	struct us_http *h = c->http;
	struct us_http_failure f;
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->status = (int) status;
	take_off(c);
	c->state = US_HTTP_DONE;
	describe(c, curl_code, &f);
	if (curl_code != CURLE_OK) {
		if (us_http_is_passing_transfer(curl_code) && !is_last_try(c, curl_code))
			wait_then_again(c, us_retry_backoff_ms(c->tries - 1, h->options.backoff_ms, BACKOFF_CAP_MS, next_random(h)));
		else
			c->rc = us_http_fail_transfer(&f, &c->err);
		return;
	}
	h->answered = true;
	if (status == 401 && c->auth && !c->reauthorized) {
		c->reauthorized = true;
		c->auth->reject(c->auth, us_str_slice(&c->authorization));
		wait_then_again(c, 0);
	} else if (us_http_is_passing_status(c->status)) {
		take_passing_status(c, &f);
	} else if (status >= 300 && status < 400) {
		take_redirect(c, &f);
	} else if (!us_http_is_json_type(f.type) && (status < 300 || status == 407 || us_slice_trim(f.body).n)) {
		c->rc = us_http_fail_answer(&f, &c->err);
	} else if (status > 500) {
		c->rc = us_http_fail_answer(&f, &c->err);
	}
}

/* Puts the call on the wire. */
static void launch(struct us_http_call *c)
{
	struct us_http *h = c->http;

	if (c->auth) {
		us_str_clear(&c->authorization);
		h->authorizing = true;
		c->rc = c->auth->load(c->auth, &c->authorization, &c->err);
		h->authorizing = false;
		if (c->rc) {
			c->state = US_HTTP_DONE;
			return;
		}
	}
	c->tries++;
	h->stats.requests++;
	set_up(c);
	if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
		us_err_nomem();
	c->state = US_HTTP_ACTIVE;
	h->n_active++;
	if (h->options.requests_per_s) {
		int64_t now = us_clock_monotonic_ms();
		if (h->next_start_ms < now)
			h->next_start_ms = now;
		h->next_start_ms += 1000 / h->options.requests_per_s;
	}
}

void us_http_start(struct us_http_call *c)
{
	struct us_http *h = c->http;

	us_assert(c->state == US_HTTP_IDLE);
	c->state = US_HTTP_WAITING;
	c->start_at_ms = 0;
	c->next = NULL;
	*h->last = c;
	h->last = &c->next;
	if (!us_url_is_same_origin(h->base_url, us_str_text(&c->url))) {
		c->rc = us_err_set(&c->err, US_PROTOCOL, "a call to another server than the configured one was refused");
		c->state = US_HTTP_DONE;
	}
}

static bool is_cancelled(const struct us_http *h) { return h->cancel && atomic_load_explicit(h->cancel, memory_order_relaxed); }

/* When the call may start: now, or how many ms from now. */
static int64_t ms_until_start(const struct us_http_call *c, int64_t now)
{
	const struct us_http *h = c->http;
	int64_t at = c->start_at_ms;

	if (at < h->pause_until_ms)
		at = h->pause_until_ms;
	if (at < h->next_start_ms)
		at = h->next_start_ms;
	return at > now ? at - now : 0;
}

/* Starts what may start; *ret_ms: when to look again, at the latest. */
static void launch_waiting(struct us_http *h, int64_t *ret_ms)
{
	struct us_http_call *next;

	for (struct us_http_call *c = h->first; c && h->n_active < h->options.concurrency; c = next) {
		next = c->next;
		if (c->state != US_HTTP_WAITING || (c->auth && h->authorizing))
			continue;
		int64_t ms = ms_until_start(c, us_clock_monotonic_ms());
		if (ms == 0) {
			launch(c);
			next = c->next; /* fetching a token may have finished others, but it takes none off this list */
		} else if (ms < *ret_ms) {
			*ret_ms = ms;
		}
	}
}

/* One step: starts, moves bytes, takes results. Waits a little if nothing happened. */
static void step(struct us_http *h)
{
	int64_t wait_ms = POLL_MS;
	int running, left, taken = 0;
	CURLMsg *message;

	launch_waiting(h, &wait_ms);
	curl_multi_perform(h->multi, &running);
	while ((message = curl_multi_info_read(h->multi, &left))) {
		struct us_http_call *c = NULL;
		CURLcode result = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &c);
		take_result(c, result);
		taken++;
	}
	if (!taken)
		curl_multi_poll(h->multi, NULL, 0, (int) wait_ms, NULL);
}

static struct us_http_call *find_done(const struct us_http *h)
{
	for (struct us_http_call *c = h->first; c; c = c->next)
		if (c->state == US_HTTP_DONE)
			return c;
	return NULL;
}

enum us_errc us_http_wait(struct us_http *h, struct us_http_call **ret_call, struct us_err *err)
{
	for (;;) {
		if (is_cancelled(h)) {
			us_http_abort(h);
			return us_err_set(err, US_CANCELLED, "cancelled");
		}
		struct us_http_call *c = find_done(h);
		if (c) {
			forget(c);
			*ret_call = c;
			return US_OK;
		}
		if (!h->first)
			return US_END;
		step(h);
	}
}

enum us_errc us_http_run(struct us_http_call *c, struct us_err *err)
{
	struct us_http *h = c->http;

	us_http_start(c);
	while (c->state != US_HTTP_DONE) {
		if (is_cancelled(h)) {
			forget(c);
			return us_err_set(err, US_CANCELLED, "cancelled");
		}
		step(h);
	}
	forget(c);
	if (c->rc && err)
		*err = c->err;
	return c->rc;
}
