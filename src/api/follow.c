#include "api/follow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
	READERS_MOST = 200,
	TICK_MS = 1000,            /* deadlines are looked at as often */
	BEAT_MS = 15000,           /* so often a silent stream says something: proxies keep it, and a client that went away shows */
	STREAM_MS = 15 * 60000,    /* then a stream ends; its client comes again, and its credentials are looked at */
	PIECE_ROWS = 500, PIECE_BYTES = 64 << 10,
};

/* One request that waits for a page. */
struct waiter {
	struct waiter *next;
	struct us_httpd_later *later;
	int64_t directory, limit, deadline_ms;
	uint64_t seen;
	struct us_feed_token token;
};

struct stream {
	struct stream *previous, *next;
	struct us_follow *follow;
	struct us_httpd_stream *http; /* NULL until its answer goes out; under the follow's lock */
	struct us_arena arena;
	int64_t directory, end_ms, beat_ms;
	bool has_begun;
	_Atomic uint64_t seen;
	atomic_bool wants_beat;
	struct us_feed_token token;
};

struct us_follow {
	struct us_api *api;
	pthread_t thread;
	atomic_bool is_stopping;
	pthread_mutex_t lock; /* guards what follows */
	struct waiter *waiters;
	struct stream *streams;
	int n_readers;
};

uint64_t us_follow_count(void) { return us_feed_wait(0, 0); }

int us_follow_readers(struct us_follow *follow)
{
	pthread_mutex_lock(&follow->lock);
	int n = follow->n_readers;
	pthread_mutex_unlock(&follow->lock);
	return n;
}

static enum us_errc take_place(struct us_follow *follow, struct us_err *err)
{
	if (atomic_load(&follow->is_stopping))
		return us_err_set(err, US_UNAVAILABLE, "the server is stopping");
	pthread_mutex_lock(&follow->lock);
	bool is_full = follow->n_readers == READERS_MOST;
	follow->n_readers += !is_full;
	pthread_mutex_unlock(&follow->lock);
	return is_full ? us_err_set(err, US_UNAVAILABLE, "%d readers wait for changes already", READERS_MOST) : US_OK;
}

/* ---- pages ---- */

static void answer(struct waiter *w, struct us_httpd_answer *answer)
{
	if (!answer->content_type)
		answer->content_type = "application/json";
	us_httpd_add_header(answer, "Cache-Control", "no-store");
	us_httpd_add_header(answer, "X-Content-Type-Options", "nosniff");
	us_httpd_later_answer(w->later, answer);
}

/* False: there is no change yet, and time is left. */
static bool try_answer(struct us_follow *follow, struct waiter *w, bool is_late)
{
	struct us_httpd_answer page = US_HTTPD_ANSWER_INIT;
	struct us_jsonw writer = US_JSONW_INIT(&page.body);
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = NULL;
	struct us_feed_page changes = { .limit = w->limit };

	w->seen = us_follow_count();
	enum us_errc rc = us_db_lease_reader(follow->api->conf.store->db, &c, &err);
	if (!rc)
		rc = us_db_begin(c, &err);
	if (!rc)
		rc = us_feed_write_page(&writer, c, w->directory, us_slice(w->token.text), &changes, &err);
	us_db_release(c);
	if (!rc && !changes.n && !is_late) {
		us_httpd_answer_fini(&page);
		return false;
	}
	if (rc)
		us_call_fail(follow->api, &err, NULL, &page);
	answer(w, &page);
	return true;
}

static void serve_waiters(struct us_follow *follow, uint64_t count)
{
	int64_t now = us_clock_monotonic_ms();
	bool is_stopping = atomic_load(&follow->is_stopping);

	pthread_mutex_lock(&follow->lock);
	struct waiter *list = follow->waiters;
	follow->waiters = NULL;
	pthread_mutex_unlock(&follow->lock);
	while (list) {
		struct waiter *w = list;
		list = w->next;
		bool is_late = is_stopping || w->deadline_ms <= now;
		bool is_over = (is_late || w->seen != count) && try_answer(follow, w, is_late);
		pthread_mutex_lock(&follow->lock);
		if (is_over) {
			follow->n_readers--;
		} else {
			w->next = follow->waiters;
			follow->waiters = w;
		}
		pthread_mutex_unlock(&follow->lock);
		if (is_over)
			free(w);
	}
}

enum us_errc us_follow_promise(struct us_call *call, int64_t directory, struct us_slice token, int64_t limit, int64_t wait_ms, uint64_t seen,
	struct us_err *err)
{
	struct us_follow *follow = call->api->follow;
	enum us_errc rc = take_place(follow, err);

	if (rc)
		return rc;
	us_assert(token.n < US_FEED_TOKEN_BYTES);
	struct waiter *w = us_calloc(1, sizeof *w);
	w->directory = directory;
	w->limit = limit;
	w->seen = seen;
	w->deadline_ms = us_clock_monotonic_ms() + wait_ms;
	memcpy(w->token.text, token.p, token.n);
	w->later = us_httpd_defer(call->request);
	call->is_later = true;
	pthread_mutex_lock(&follow->lock);
	w->next = follow->waiters;
	follow->waiters = w;
	pthread_mutex_unlock(&follow->lock);
	return US_OK;
}

/* ---- streams ---- */

static void write_event(struct stream *s, struct us_str *chunk, const struct us_feed *feed, const struct us_feed_row *row)
{
	struct us_jsonw w = US_JSONW_INIT(chunk);

	us_feed_token(feed, &s->token);
	us_str_printf(chunk, "id: %s\nevent: change\ndata: ", s->token.text);
	us_feed_row_write(&w, row);
	us_str_add_text(chunk, "\n\n");
}

/* The client must begin again; trying with the same token would not help. */
static void write_end(struct us_str *chunk, const struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(chunk);

	us_str_add_text(chunk, "event: error\ndata: ");
	us_jsonw_open(&w, '{');
	us_jsonw_put_int(&w, "status", us_err_http(err->code));
	us_jsonw_put_text(&w, "error", us_err_phrase(err->code));
	us_jsonw_put_text(&w, "message", err->text);
	us_jsonw_close(&w, '}');
	us_str_add_text(chunk, "\n\n");
}

static enum us_errc write_events(struct stream *s, struct us_dbc *c, struct us_str *chunk, struct us_err *err)
{
	struct us_feed feed;
	struct us_feed_row row;
	enum us_errc rc = us_feed_open(c, s->directory, us_slice(s->token.text), &feed, err);

	if (rc)
		return rc;
	for (int n = 0; n < PIECE_ROWS && chunk->n < PIECE_BYTES && !(rc = us_feed_next(&feed, &s->arena, &row, err)); n++) {
		write_event(s, chunk, &feed, &row);
		us_arena_reset(&s->arena);
	}
	us_feed_token(&feed, &s->token);
	us_feed_close(&feed);
	return rc == US_END ? US_OK : rc;
}

static enum us_errc pull_events(void *data, struct us_str *chunk, struct us_err *err)
{
	struct stream *s = data;
	struct us_dbc *c = NULL;
	bool wants_beat = atomic_exchange(&s->wants_beat, false);

	if (atomic_load(&s->follow->is_stopping) || us_clock_monotonic_ms() >= s->end_ms)
		return US_END;
	atomic_store(&s->seen, us_follow_count());
	if (!s->has_begun) /* an id alone is no event, but the client goes on from it */
		us_str_printf(chunk, "retry: 2000\nid: %s\n\n", s->token.text);
	s->has_begun = true;
	enum us_errc rc = us_db_lease_reader(s->follow->api->conf.store->db, &c, err);
	if (!rc)
		rc = us_db_begin(c, err);
	if (!rc)
		rc = write_events(s, c, chunk, err);
	us_db_release(c);
	if (rc == US_EXPIRED || rc == US_NOT_FOUND) {
		write_end(chunk, err);
		return US_END;
	}
	if (!rc && !chunk->n && wants_beat)
		us_str_add_text(chunk, ":\n\n");
	return rc;
}

static void on_open(void *data, struct us_httpd_stream *http)
{
	struct stream *s = data;

	pthread_mutex_lock(&s->follow->lock);
	s->http = http;
	pthread_mutex_unlock(&s->follow->lock);
}

static void free_stream(void *data)
{
	struct stream *s = data;
	struct us_follow *follow = s->follow;

	pthread_mutex_lock(&follow->lock);
	if (s->previous)
		s->previous->next = s->next;
	else
		follow->streams = s->next;
	if (s->next)
		s->next->previous = s->previous;
	follow->n_readers--;
	pthread_mutex_unlock(&follow->lock);
	us_arena_fini(&s->arena);
	free(s);
}

enum us_errc us_follow_stream(struct us_call *call, int64_t directory, struct us_slice token, struct us_err *err)
{
	struct us_follow *follow = call->api->follow;
	enum us_errc rc = take_place(follow, err);

	if (rc)
		return rc;
	us_assert(token.n < US_FEED_TOKEN_BYTES);
	struct stream *s = us_calloc(1, sizeof *s);
	s->follow = follow;
	s->directory = directory;
	s->beat_ms = us_clock_monotonic_ms() + BEAT_MS;
	s->end_ms = us_clock_monotonic_ms() + STREAM_MS;
	memcpy(s->token.text, token.p, token.n);
	pthread_mutex_lock(&follow->lock);
	s->next = follow->streams;
	if (s->next)
		s->next->previous = s;
	follow->streams = s;
	pthread_mutex_unlock(&follow->lock);
	call->answer->pull = pull_events;
	call->answer->pull_open = on_open;
	call->answer->pull_free = free_stream;
	call->answer->pull_data = s;
	call->answer->content_type = "text/event-stream";
	us_httpd_add_header(call->answer, "X-Accel-Buffering", "no");
	return US_OK;
}

static void wake_streams(struct us_follow *follow, uint64_t count)
{
	int64_t now = us_clock_monotonic_ms();

	pthread_mutex_lock(&follow->lock);
	for (struct stream *s = follow->streams; s; s = s->next) {
		bool is_due = s->beat_ms <= now;
		if (is_due) {
			s->beat_ms = now + BEAT_MS;
			atomic_store(&s->wants_beat, true);
		}
		if (s->http && (is_due || atomic_load(&s->seen) != count || atomic_load(&follow->is_stopping)))
			us_httpd_wake(s->http);
	}
	pthread_mutex_unlock(&follow->lock);
}

/* ---- the thread ---- */

static void *run(void *data)
{
	struct us_follow *follow = data;
	uint64_t count = 0;

	while (!atomic_load(&follow->is_stopping)) {
		count = us_feed_wait(count, us_clock_monotonic_ms() + TICK_MS);
		wake_streams(follow, count);
		serve_waiters(follow, count);
	}
	return NULL;
}

enum us_errc us_follow_open(struct us_api *api, struct us_follow **ret_follow, struct us_err *err)
{
	struct us_follow *follow = us_calloc(1, sizeof *follow);

	follow->api = api;
	pthread_mutex_init(&follow->lock, NULL);
	if (pthread_create(&follow->thread, NULL, run, follow) != 0) {
		free(follow);
		return us_err_set(err, US_UNAVAILABLE, "no thread for those who wait for changes");
	}
	*ret_follow = follow;
	return US_OK;
}

void us_follow_stop(struct us_follow *follow)
{
	atomic_store(&follow->is_stopping, true);
	us_feed_ring();
}

void us_follow_close(struct us_follow *follow)
{
	us_follow_stop(follow);
	pthread_join(follow->thread, NULL);
	serve_waiters(follow, 0); /* who came while it ended */
	pthread_mutex_destroy(&follow->lock);
	free(follow);
}
