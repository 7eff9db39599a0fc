#include "job/publisher.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/secret.h"
#include "job/deliver.h"
#include "model/subscription_options.h"
#include "net/retry.h"
#include "store/feed.h"
#include "store/subscription.h"

enum {
	SENDERS = 4,
	LOOK_MS = 60000,   /* the clock may be set */
	TROUBLE_MS = 5000, /* before the store is asked again after it failed */
	LONGEST_WAIT_MS = 15 * 60000,
	STATUS_GONE = 410,
};

struct sender {
	struct us_publisher *publisher;
	pthread_t thread;
	int64_t subscription; /* at hand; 0: none. Under the publisher's lock */
};

struct us_publisher {
	struct us_store *store;
	atomic_bool is_stopping;
	pthread_mutex_t lock; /* never held while the store is used */
	struct sender senders[SENDERS];
	unsigned n_threads;
};

/* One message on its way. */
struct message {
	struct us_arena arena;
	struct us_subscription subscription;
	struct us_subscription_limits limits;
	struct us_str body;
	struct us_feed_page page; /* n: 0 if it says that the token has expired, or nothing is to be said */
	bool is_expired;
};

/* ---- what is said ---- */

static void open_body(struct message *m, struct us_jsonw *w, const char *type)
{
	char time[US_CLOCK_ISO_BYTES];

	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "type", type);
	us_jsonw_put_text(w, "timestamp", us_clock_format(us_clock_wall_s(), time));
	us_jsonw_put_int(w, "subscription", m->subscription.id);
	us_jsonw_put_int(w, "directory", m->subscription.directory);
	us_jsonw_put_string(w, "since", m->subscription.since);
	us_jsonw_key(w, "data");
}

/* The token is of no use any more: the receiver must read everything again, and is sent what comes from now on. */
static enum us_errc write_expired(struct message *m, struct us_dbc *c, const struct us_err *why, struct us_err *err)
{
	const struct us_subscription *s = &m->subscription;
	struct us_jsonw w = US_JSONW_INIT(&m->body);
	enum us_errc rc = us_feed_newest(c, s->directory, &m->page.next, err);

	if (rc)
		return rc;
	if (s->next.p && !s->n_changes) {
		memcpy(m->page.next.text, s->next.p, s->next.n);
		m->page.next.text[s->next.n] = '\0';
	}
	m->is_expired = true;
	us_str_clear(&m->body);
	open_body(m, &w, "directory.expired");
	us_jsonw_open(&w, '{');
	us_jsonw_put_int(&w, "status", us_err_http(why->code));
	us_jsonw_put_text(&w, "error", us_err_phrase(why->code));
	us_jsonw_put_text(&w, "message", why->text);
	us_jsonw_put_text(&w, "next", m->page.next.text);
	us_jsonw_close(&w, '}');
	us_jsonw_close(&w, '}');
	return US_OK;
}

static enum us_errc write_changes(struct message *m, struct us_dbc *c, struct us_err *err)
{
	const struct us_subscription *s = &m->subscription;
	struct us_jsonw w = US_JSONW_INIT(&m->body);

	m->page.limit = s->n_changes ? s->n_changes : m->limits.page;
	m->page.known = s->n_changes ? s->next : US_SLICE_NONE;
	open_body(m, &w, "directory.changes");
	enum us_errc rc = us_feed_write_page(&w, c, s->directory, s->since, &m->page, err);
	us_jsonw_close(&w, '}');
	return rc;
}

/* US_NOT_FOUND: the directory is not there. US_END: the subscription is not to be served now. */
static enum us_errc prepare(struct us_publisher *p, int64_t id, struct message *m, struct us_err *err)
{
	struct us_err why = US_ERR_INIT;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, err);

	if (rc)
		return rc;
	if (!(rc = us_db_begin(c, err))) {
		rc = us_subscription_find(p->store, c, &m->arena, id, US_SECRETS_CLEAR, &m->subscription, err);
		if (rc == US_NOT_FOUND || (!rc && (m->subscription.stopped || m->subscription.next_ms > us_clock_wall_ms())))
			rc = US_END;
	}
	if (!rc) {
		us_subscription_limits_read(m->subscription.configuration, &m->limits);
		rc = write_changes(m, c, &why);
		if (rc == US_EXPIRED || rc == US_INVALID)
			rc = write_expired(m, c, &why, err);
		else if (rc && err)
			*err = why;
	}
	us_db_release(c);
	return rc;
}

/* Of the subscription and both tokens: 128 bits. */
static struct us_slice message_id(struct message *m)
{
	const struct us_subscription *s = &m->subscription;
	struct us_str text = US_STR_INIT;

	us_str_printf(&text, "%lld " US_SLICE_FMT " %s", (long long) s->id, US_SLICE_ARG(s->since), m->page.next.text);
	struct us_hash hash = us_hash(text.p, text.n);
	us_str_fini(&text);
	return us_slice(us_arena_printf(&m->arena, "msg_%016llx%016llx", (unsigned long long) hash.hi, (unsigned long long) hash.lo));
}

/* ---- what becomes of it ---- */

static int64_t backoff_ms(const struct message *m)
{
	uint64_t random;

	us_secret_random(&random, sizeof random);
	return us_retry_backoff_ms((unsigned) m->subscription.tries, m->limits.retry_ms, LONGEST_WAIT_MS, random);
}

static struct us_notice_target target_of(const struct us_subscription *s)
{
	return (struct us_notice_target) { .id = s->id, .kind = US_SUBSCRIPTION_KIND, .configuration = s->configuration };
}

static enum us_errc claim(struct us_publisher *p, const struct message *m, int64_t timeout_ms, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_subscription_claim(c, &m->subscription, us_slice(m->page.next.text), (int64_t) m->page.n,
		us_clock_wall_ms() + timeout_ms + backoff_ms(m), err);
	return us_db_end_write(c, rc, err);
}

static enum us_errc advance(struct us_publisher *p, const struct message *m, bool was_sent, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);

	return rc ? rc : us_db_end_write(c, us_subscription_advance(c, &m->subscription, us_slice(m->page.next.text), was_sent, us_clock_wall_s(), err), err);
}

static enum us_errc fail(struct us_publisher *p, const struct message *m, const struct us_err *why, bool stops, struct us_err *err)
{
	const struct us_subscription *s = &m->subscription;
	int64_t now_ms = us_clock_wall_ms(), wait_ms = why->wait_ms > 0 ? why->wait_ms : backoff_ms(m);
	struct us_dbc *c;

	if (wait_ms < 1000)
		wait_ms = 1000;
	stops |= s->failing_since && now_ms / 1000 - s->failing_since >= m->limits.stop_s;
	us_log(stops ? US_LOG_ERROR : US_LOG_WARN, stops ? "subscription stopped" : "changes not delivered yet", "subscription", US_LOG_INT(s->id), "directory",
		US_LOG_INT(s->directory), "tries", US_LOG_INT(s->tries + 1), "error", why->text, NULL);
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);
	return rc ? rc : us_db_end_write(c, us_subscription_fail(c, s, us_slice(why->text), stops, now_ms + wait_ms, now_ms / 1000, err), err);
}

/* The server stops: due at once after the next start. */
static enum us_errc put_back(struct us_publisher *p, const struct message *m, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);

	return rc ? rc : us_db_end_write(c, us_subscription_claim(c, &m->subscription, us_slice(m->page.next.text), (int64_t) m->page.n, us_clock_wall_ms(), err), err);
}

static enum us_errc send(struct us_publisher *p, struct message *m, struct us_err *err)
{
	struct us_notice_target target = target_of(&m->subscription);
	struct us_message message = { message_id(m), us_str_slice(&m->body) };
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = claim(p, m, us_deliver_timeout_ms(&target), err);

	if (rc)
		return rc;
	enum us_errc sent = us_deliver(&target, &message, &p->is_stopping, &why);
	if (sent == US_CANCELLED)
		return put_back(p, m, err);
	if (sent)
		return fail(p, m, &why, sent == US_PROTOCOL && why.native == STATUS_GONE, err);
	if (m->is_expired)
		us_log(US_LOG_WARN, "subscriber must read its directory again", "subscription", US_LOG_INT(m->subscription.id), "directory",
			US_LOG_INT(m->subscription.directory), NULL);
	return advance(p, m, true, err);
}

/* False: the store failed. */
static bool serve(struct us_publisher *p, int64_t id)
{
	struct message m = { .arena = US_ARENA_INIT };
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = prepare(p, id, &m, &err);

	if (rc == US_NOT_FOUND) {
		struct us_err why = err;
		rc = fail(p, &m, &why, true, &err);
	} else if (!rc) {
		rc = m.page.n || m.is_expired ? send(p, &m, &err) : advance(p, &m, false, &err);
	}
	us_str_fini(&m.body);
	us_arena_fini(&m.arena);
	if (rc && rc != US_END && rc != US_CONFLICT)
		us_log(US_LOG_ERROR, "changes cannot be sent", "subscription", US_LOG_INT(id), "error", err.text, NULL);
	return !rc || rc == US_END || rc == US_CONFLICT;
}

/* ---- who does it ---- */

/* The first one that is due and at no other sender; 0: there is none, *ret_wait_ms says until when. */
static int64_t pick(struct sender *me, const struct us_subscription_due *list, size_t n, int64_t *ret_wait_ms)
{
	struct us_publisher *p = me->publisher;
	int64_t now_ms = us_clock_wall_ms(), found = 0;

	*ret_wait_ms = LOOK_MS;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < n && !found; i++) {
		bool is_busy = false;
		for (size_t k = 0; k < SENDERS; k++)
			is_busy |= p->senders[k].subscription == list[i].id;
		if (is_busy)
			continue;
		if (list[i].next_ms <= now_ms)
			found = list[i].id;
		else if (list[i].next_ms - now_ms < *ret_wait_ms)
			*ret_wait_ms = list[i].next_ms - now_ms;
	}
	me->subscription = found;
	pthread_mutex_unlock(&p->lock);
	return found;
}

static int64_t find_work(struct sender *me, int64_t *ret_wait_ms)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_subscription_due *list = NULL;
	size_t n = 0;
	int64_t found = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(me->publisher->store->db, &c, &err);

	if (!rc) {
		rc = us_subscription_list_next(c, &arena, &list, &n, &err);
		us_db_release(c);
	}
	if (!rc)
		found = pick(me, list, n, ret_wait_ms);
	us_arena_fini(&arena);
	if (rc) {
		us_log(US_LOG_ERROR, "subscriptions cannot be looked for", "error", err.text, NULL);
		*ret_wait_ms = TROUBLE_MS;
	}
	return found;
}

static void *run(void *data)
{
	struct sender *me = data;
	struct us_publisher *p = me->publisher;

	while (!p->is_stopping) {
		uint64_t seen = us_feed_wait(0, 0);
		int64_t wait_ms = 0, id = find_work(me, &wait_ms);
		if (id) {
			wait_ms = serve(p, id) ? 0 : TROUBLE_MS;
			pthread_mutex_lock(&p->lock);
			me->subscription = 0;
			pthread_mutex_unlock(&p->lock);
		}
		if (wait_ms && !p->is_stopping)
			us_feed_wait(seen, us_clock_monotonic_ms() + wait_ms + 1);
	}
	return NULL;
}

enum us_errc us_publisher_open(struct us_store *store, struct us_publisher **ret_publisher, struct us_err *err)
{
	struct us_publisher *p = us_calloc(1, sizeof *p);

	p->store = store;
	pthread_mutex_init(&p->lock, NULL);
	for (unsigned i = 0; i < SENDERS; i++, p->n_threads++) {
		p->senders[i].publisher = p;
		if (pthread_create(&p->senders[i].thread, NULL, run, &p->senders[i])) {
			us_publisher_close(p);
			return us_err_set(err, US_UNAVAILABLE, "cannot start a thread that sends changes");
		}
	}
	*ret_publisher = p;
	return US_OK;
}

void us_publisher_stop(struct us_publisher *p)
{
	if (!p)
		return;
	p->is_stopping = true;
	us_feed_ring();
}

void us_publisher_close(struct us_publisher *p)
{
	if (!p)
		return;
	us_publisher_stop(p);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->senders[i].thread, NULL);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
