#include "api/wait.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/explain.h"
#include "api/status.h"
#include "base/clock.h"
#include "base/secret.h"

enum { TESTS_MOST = 8 };

/* One request that waits for a run: its own, or the one that is in its way. */
struct waiter {
	struct waiter *next;
	struct us_wait *wait;
	struct us_httpd_later *later;
	int64_t run, deadline_ms;
	bool is_own;
	atomic_bool is_over; /* set by the job's worker */
	char *connector, *key, *actor;
	enum us_run_trigger trigger;
};

struct us_wait {
	struct us_api *api;
	pthread_t thread;
	sem_t news;
	atomic_bool is_closing;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t tests_changed;
	struct waiter *waiters;
	int tests;
};

static void on_over(void *context)
{
	struct waiter *w = context;
	struct us_wait *wait = w->wait;

	atomic_store(&w->is_over, true);
	sem_post(&wait->news);
}

static void fill_headers(struct us_httpd_answer *answer)
{
	answer->content_type = "application/json";
	us_httpd_add_header(answer, "Cache-Control", "no-store");
	us_httpd_add_header(answer, "X-Content-Type-Options", "nosniff");
}

static void answer_error(struct us_wait *wait, struct us_httpd_later *later, const struct us_err *err)
{
	struct us_httpd_answer answer = US_HTTPD_ANSWER_INIT;

	us_call_fail(wait->api, err, NULL, &answer);
	fill_headers(&answer);
	us_httpd_later_answer(later, &answer);
}

static void free_waiter(struct waiter *w)
{
	free(w->connector);
	free(w->key);
	free(w->actor);
	free(w);
}

/* The last message of such a run is that of sync/run: the name is known nowhere. */
static bool is_unknown_user(struct us_arena *arena, const struct us_run *run, struct us_err *ret_err)
{
	const struct us_json *messages;
	static const char known_end[] = "is known neither to the identity provider nor to the directory";

	if (run->status != US_RUN_FAILED || run->kind != US_RUN_SINGLE ||
		us_json_parse(arena, run->messages, US_JSON_LIMITS_SMALL, &messages, NULL) || messages->type != US_JSON_ARRAY)
		return false;
	for (size_t i = 0; i < messages->array.n; i++) {
		struct us_slice text = messages->array.items[i].type == US_JSON_STRING ? messages->array.items[i].string : US_SLICE("");
		if (memmem(text.p, text.n, known_end, sizeof known_end - 1)) {
			us_err_set(ret_err, US_NOT_FOUND, "User <" US_SLICE_FMT "> %s", US_SLICE_ARG(run->key), known_end);
			return true;
		}
	}
	return false;
}

static void answer_run(struct us_wait *wait, struct waiter *w)
{
	struct us_httpd_answer answer = US_HTTPD_ANSWER_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = NULL;
	struct us_run run;
	enum us_errc rc = us_db_lease_reader(wait->api->conf.store->db, &c, &err);

	if (!rc)
		rc = us_run_load(c, &arena, w->run, &run, &err);
	us_db_release(c);
	if (!rc && is_unknown_user(&arena, &run, &err))
		rc = US_NOT_FOUND;
	if (rc) {
		answer_error(wait, w->later, &err);
	} else {
		struct us_jsonw writer = US_JSONW_INIT(&answer.body);
		us_status_write(&writer, wait->api, &run);
		answer.status = run.status == US_RUN_SCHEDULED || run.status == US_RUN_RUNNING ? 202 : 200;
		fill_headers(&answer);
		us_httpd_later_answer(w->later, &answer);
	}
	us_arena_fini(&arena);
}

static enum us_errc start(struct us_wait *wait, struct waiter *w, struct us_err *err)
{
	struct us_job_request request = { .connector = us_slice(w->connector), .kind = US_RUN_SINGLE, .key = us_slice(w->key),
		.who = { us_slice(w->actor), w->trigger } };
	struct us_arena arena = US_ARENA_INIT;
	struct us_dbc *c = NULL;
	struct us_run run;
	bool is_new;
	enum us_errc rc = us_job_start(wait->api->conf.job, &request, &w->run, &is_new, err);

	w->is_own = rc == US_OK && is_new;
	atomic_store(&w->is_over, false);
	/* The same update, asked for twice at the same time, is one. */
	if (!rc && !is_new && us_db_lease_reader(wait->api->conf.store->db, &c, NULL) == US_OK) {
		if (us_run_load(c, &arena, w->run, &run, NULL) == US_OK)
			w->is_own = run.kind == US_RUN_SINGLE && us_slice_is(run.key, w->key);
		us_db_release(c);
	}
	us_arena_fini(&arena);
	return rc;
}

static void put_in_list(struct us_wait *wait, struct waiter *w)
{
	pthread_mutex_lock(&wait->lock);
	w->next = wait->waiters;
	wait->waiters = w;
	pthread_mutex_unlock(&wait->lock);
	/* Without the lock: it may call back at once. */
	us_job_notify(wait->api->conf.job, w->run, on_over, w);
}

/* Takes one waiter out of the list that has something to do; NULL if there is none, then how long until the next deadline. */
static struct waiter *take_ready(struct us_wait *wait, int64_t *ret_ms)
{
	int64_t now = us_clock_monotonic_ms(), least = 60000;
	struct waiter *found = NULL;

	pthread_mutex_lock(&wait->lock);
	for (struct waiter **at = &wait->waiters; *at; at = &(*at)->next) {
		struct waiter *w = *at;
		if (atomic_load(&w->is_over) || w->deadline_ms <= now || atomic_load(&wait->is_closing)) {
			*at = w->next;
			found = w;
			break;
		}
		if (w->deadline_ms - now < least)
			least = w->deadline_ms - now;
	}
	pthread_mutex_unlock(&wait->lock);
	*ret_ms = least;
	return found;
}

static void serve_waiter(struct us_wait *wait, struct waiter *w)
{
	struct us_err err = US_ERR_INIT;
	bool is_late = w->deadline_ms <= us_clock_monotonic_ms();

	us_job_forget(wait->api->conf.job, w);
	if (!w->is_own && !is_late && !atomic_load(&wait->is_closing)) {
		if (start(wait, w, &err) == US_OK) {
			put_in_list(wait, w);
			return;
		}
		answer_error(wait, w->later, &err);
	} else if (!w->is_own) {
		us_err_set(&err, US_CONFLICT, "run %lld of this connector is still under way; try again when it has ended", (long long) w->run);
		answer_error(wait, w->later, &err);
	} else {
		answer_run(wait, w);
	}
	free_waiter(w);
}

static void *run_waiters(void *data)
{
	struct us_wait *wait = data;
	int64_t ms;

	for (;;) {
		struct waiter *w = take_ready(wait, &ms);
		if (w) {
			serve_waiter(wait, w);
			continue;
		}
		if (atomic_load(&wait->is_closing))
			return NULL;
		int64_t until = us_clock_monotonic_ms() + ms + 1;
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
		while (sem_clockwait(&wait->news, CLOCK_MONOTONIC, &at) != 0 && errno == EINTR)
			;
	}
}

enum us_errc us_wait_open(struct us_api *api, struct us_wait **ret_wait, struct us_err *err)
{
	struct us_wait *wait = us_calloc(1, sizeof *wait);

	wait->api = api;
	sem_init(&wait->news, 0, 0);
	pthread_mutex_init(&wait->lock, NULL);
	pthread_cond_init(&wait->tests_changed, NULL);
	if (pthread_create(&wait->thread, NULL, run_waiters, wait) != 0) {
		free(wait);
		return us_err_set(err, US_UNAVAILABLE, "no thread for waiting requests");
	}
	*ret_wait = wait;
	return US_OK;
}

void us_wait_close(struct us_wait *wait)
{
	atomic_store(&wait->is_closing, true);
	sem_post(&wait->news);
	pthread_join(wait->thread, NULL);
	pthread_mutex_lock(&wait->lock);
	while (wait->tests)
		pthread_cond_wait(&wait->tests_changed, &wait->lock);
	pthread_mutex_unlock(&wait->lock);
	sem_destroy(&wait->news);
	pthread_cond_destroy(&wait->tests_changed);
	pthread_mutex_destroy(&wait->lock);
	free(wait);
}

static char *copy(struct us_slice s)
{
	char *p = us_malloc(s.n + 1);

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

enum us_errc us_wait_for_single(struct us_call *call, struct us_slice connector, struct us_slice key, struct us_err *err)
{
	struct us_wait *wait = call->api->wait;
	struct waiter *w = us_calloc(1, sizeof *w);

	w->wait = wait;
	w->connector = copy(connector);
	w->key = copy(key);
	w->actor = copy(call->who.name);
	w->trigger = us_call_who(call).trigger;
	w->deadline_ms = us_clock_monotonic_ms() + call->api->conf.single_wait_ms;
	enum us_errc rc = start(wait, w, err);
	if (rc) {
		free_waiter(w);
		return rc;
	}
	w->later = us_httpd_defer(call->request);
	call->is_later = true;
	put_in_list(wait, w);
	sem_post(&wait->news); /* its deadline may be the nearest */
	return US_OK;
}

/* Asking a source, or a notice target */

/* A question whose answer takes as long as whoever is asked does; in a thread of its own. */
struct question {
	struct us_wait *wait;
	struct us_httpd_later *later;
	char *connector;       /* or the number of a notice target */
	struct us_str request; /* may hold secrets */
	enum us_errc (*answer)(struct question *q, struct us_str *body, struct us_err *err);
};

/* notes: a JSON array of what a good test said; empty: nothing. */
static void write_test(enum us_errc rc, const struct us_err *why, const struct us_str *notes, struct us_str *body)
{
	struct us_jsonw w = US_JSONW_INIT(body);

	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "ok", rc == US_OK);
	us_jsonw_key(&w, "messages");
	if (rc) {
		us_jsonw_open(&w, '[');
		us_jsonw_text(&w, why->text);
		us_jsonw_close(&w, ']');
		us_jsonw_put_text(&w, "error", us_err_phrase(rc));
	} else {
		us_jsonw_raw(&w, notes->n ? us_str_slice(notes) : US_SLICE("[]"));
	}
	us_jsonw_close(&w, '}');
}

static enum us_errc answer_test(struct question *q, struct us_str *body, struct us_err *err)
{
	struct us_str notes = US_STR_INIT;
	enum us_errc rc = us_job_test(q->wait->api->conf.job, us_slice(q->connector), &q->wait->is_closing, &notes, err);

	write_test(rc, err, &notes, body);
	us_str_fini(&notes);
	return US_OK;
}

static enum us_errc answer_notice(struct question *q, struct us_str *body, struct us_err *err)
{
	struct us_str notes = US_STR_INIT;
	int64_t target = 0;
	bool is_enabled = true;
	enum us_errc rc;

	us_slice_to_int(us_slice(q->connector), &target);
	rc = us_notifier_test(q->wait->api->conf.notifier, target, &is_enabled, err);
	us_str_printf(&notes, "[\"The target has taken a test.%s\"]", is_enabled ? "" : " It is switched off: no notices go there until it is switched on.");
	write_test(rc, err, &notes, body);
	us_str_fini(&notes);
	return US_OK;
}

static enum us_errc answer_preview(struct question *q, struct us_str *body, struct us_err *err)
{
	return us_job_preview(q->wait->api->conf.job, us_slice(q->connector), us_str_slice(&q->request), &q->wait->is_closing, body, err);
}

static enum us_errc answer_explanation(struct question *q, struct us_str *body, struct us_err *err)
{
	return us_explain_answer(q->wait->api, us_slice(q->connector), us_str_slice(&q->request), &q->wait->is_closing, body, err);
}

static void *answer_question(void *data)
{
	struct question *q = data;
	struct us_wait *wait = q->wait;
	struct us_httpd_answer answer = US_HTTPD_ANSWER_INIT;
	struct us_err err = US_ERR_INIT;

	if (q->answer(q, &answer.body, &err)) {
		us_str_clear(&answer.body);
		answer_error(wait, q->later, &err);
		us_str_fini(&answer.body);
	} else {
		fill_headers(&answer);
		us_httpd_later_answer(q->later, &answer);
	}
	us_secret_wipe_str(&q->request);
	free(q->connector);
	free(q);
	pthread_mutex_lock(&wait->lock);
	wait->tests--;
	pthread_cond_broadcast(&wait->tests_changed);
	pthread_mutex_unlock(&wait->lock);
	return NULL;
}

static enum us_errc ask(struct us_call *call, struct us_slice connector, struct us_slice request,
	enum us_errc (*answer)(struct question *q, struct us_str *body, struct us_err *err), struct us_err *err)
{
	struct us_wait *wait = call->api->wait;
	pthread_attr_t detached;
	pthread_t thread;

	pthread_mutex_lock(&wait->lock);
	bool is_full = wait->tests == TESTS_MOST;
	wait->tests += !is_full;
	pthread_mutex_unlock(&wait->lock);
	if (is_full)
		return us_err_set(err, US_UNAVAILABLE, "%d questions to sources are under way already", TESTS_MOST);
	struct question *q = us_calloc(1, sizeof *q);
	q->wait = wait;
	q->connector = copy(connector);
	us_str_add_slice(&q->request, request);
	q->answer = answer;
	q->later = us_httpd_defer(call->request);
	call->is_later = true;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, answer_question, q) != 0)
		answer_question(q);
	pthread_attr_destroy(&detached);
	return US_OK;
}

enum us_errc us_wait_for_test(struct us_call *call, struct us_slice connector, struct us_err *err)
{
	return ask(call, connector, US_SLICE_NONE, answer_test, err);
}

enum us_errc us_wait_for_preview(struct us_call *call, struct us_slice connector, struct us_slice request, struct us_err *err)
{
	return ask(call, connector, request, answer_preview, err);
}

enum us_errc us_wait_for_explanation(struct us_call *call, struct us_slice connector, struct us_slice request, struct us_err *err)
{
	return ask(call, connector, request, answer_explanation, err);
}

enum us_errc us_wait_for_notice(struct us_call *call, struct us_slice target, struct us_err *err)
{
	return ask(call, target, US_SLICE_NONE, answer_notice, err);
}
