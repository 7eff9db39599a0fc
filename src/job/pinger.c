#include "job/pinger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/ping.h"
#include "net/retry.h"
#include "store/feed.h"
#include "store/hook.h"

enum {
	LOOK_MS = 60000,   /* the clock may be set */
	TROUBLE_MS = 5000, /* before the store is asked again after it failed */
	RETRY_MS = 5000,
	LONGEST_WAIT_MS = 60 * 60000,
	STATUS_GONE = 410,
};

struct sender {
	struct us_pinger *pinger;
	pthread_t thread;
	int64_t hook; /* at hand; 0: none. Under the pinger's lock */
};

struct us_pinger {
	struct us_store *store;
	atomic_bool is_stopping;
	pthread_mutex_t lock; /* held while one looks for work: what another has just done it does not do again */
	struct sender senders[US_PINGER_SENDERS];
	unsigned n_threads;
};

/* What came of a try; removes: it is not tried again. */
static enum us_errc note(struct us_pinger *p, const struct us_hook *hook, bool is_told, bool removes, int64_t next_ms, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);

	if (rc)
		return rc;
	rc = is_told ? us_hook_note_told(c, hook, err) : removes ? us_hook_delete(c, hook->application, hook->id, err)
		: us_hook_note_failed(c, hook, next_ms, us_clock_wall_s(), err);
	rc = us_db_end_write(c, rc, err);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

static enum us_errc fail(struct us_pinger *p, const struct us_hook *hook, const struct us_err *why, struct us_err *err)
{
	int64_t now_ms = us_clock_wall_ms(), wait_ms = why->wait_ms;
	bool is_long = hook->failures + 1 >= US_PINGER_TRIES && hook->failing_since && now_ms / 1000 - hook->failing_since >= US_PINGER_STOP_S;
	bool removes = is_long || (why->code == US_PROTOCOL && why->native == STATUS_GONE);
	uint64_t random;

	us_secret_random(&random, sizeof random);
	if (wait_ms <= 0)
		wait_ms = us_retry_backoff_ms((unsigned) (hook->failures > 30 ? 30 : hook->failures), RETRY_MS, LONGEST_WAIT_MS, random);
	us_log(US_LOG_WARN, removes ? "crowd webhook removed" : "crowd webhook not reached", "webhook", US_LOG_INT(hook->id), "application",
		hook->application_name.p, "failures", US_LOG_INT(hook->failures + 1), "error", why->text, NULL);
	return note(p, hook, false, removes, now_ms + (wait_ms < 1000 ? 1000 : wait_ms), err);
}

static enum us_errc ping(struct us_pinger *p, const struct us_hook *hook, struct us_err *err)
{
	struct us_ping it = { .post = { .timeout_ms = US_PINGER_TIMEOUT_MS, .cancel = &p->is_stopping }, .url = hook->url, .token = hook->token,
		.ranges = hook->ranges };
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = us_ping_send(&it, us_clock_wall_s(), &why);

	if (!rc)
		return note(p, hook, true, false, 0, err);
	return rc == US_CANCELLED ? US_OK : fail(p, hook, &why, err);
}

/* Whether another one has it at hand. */
static bool is_busy(const struct us_pinger *p, int64_t hook)
{
	for (size_t i = 0; i < US_PINGER_SENDERS; i++)
		if (p->senders[i].hook == hook)
			return true;
	return false;
}

/* The first that is due and at no other sender; NULL: there is none, *ret_wait_ms says until when. */
static const struct us_hook *pick(const struct us_pinger *p, const struct us_hook *list, size_t n, int64_t *ret_wait_ms)
{
	for (size_t i = 0; i < n; i++) {
		/* What another has at hand may have to be tried again, while that one has the next at hand. */
		bool is_taken = is_busy(p, list[i].id);
		int64_t wait_ms = is_taken ? RETRY_MS : list[i].next_ms - us_clock_wall_ms();
		if (wait_ms <= 0)
			return &list[i];
		if (wait_ms < *ret_wait_ms)
			*ret_wait_ms = wait_ms;
	}
	return NULL;
}

static enum us_errc find_work(struct sender *me, struct us_arena *arena, const struct us_hook **ret_hook, int64_t *ret_wait_ms, struct us_err *err)
{
	struct us_pinger *p = me->pinger;
	struct us_hook *list;
	size_t n = 0;
	struct us_dbc *c;

	pthread_mutex_lock(&p->lock);
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, err);
	if (!rc) {
		rc = us_hook_list_next(p->store, c, arena, &list, &n, err);
		us_db_release(c);
	}
	*ret_hook = rc ? NULL : pick(p, list, n, ret_wait_ms);
	me->hook = *ret_hook ? (*ret_hook)->id : 0;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* Pings one that is due; *ret_wait_ms: until the next one is. */
static enum us_errc work(struct sender *me, int64_t *ret_wait_ms, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_hook *hook;

	*ret_wait_ms = LOOK_MS;
	enum us_errc rc = find_work(me, &arena, &hook, ret_wait_ms, err);
	if (!rc && hook) {
		rc = ping(me->pinger, hook, err);
		*ret_wait_ms = 0; /* there may be more by now */
		pthread_mutex_lock(&me->pinger->lock);
		me->hook = 0;
		pthread_mutex_unlock(&me->pinger->lock);
	}
	us_arena_wipe(&arena);
	us_arena_fini(&arena);
	return rc;
}

static void *run(void *data)
{
	struct sender *me = data;
	struct us_pinger *p = me->pinger;

	while (!p->is_stopping) {
		struct us_err err = US_ERR_INIT;
		uint64_t seen = us_feed_wait(0, 0);
		int64_t wait_ms;
		if (work(me, &wait_ms, &err)) {
			us_log(US_LOG_ERROR, "crowd webhooks cannot be looked after", "error", err.text, NULL);
			wait_ms = TROUBLE_MS;
		}
		if (wait_ms && !p->is_stopping)
			us_feed_wait(seen, us_clock_monotonic_ms() + wait_ms + 1);
	}
	return NULL;
}

enum us_errc us_pinger_open(struct us_store *store, struct us_pinger **ret_pinger, struct us_err *err)
{
	struct us_pinger *p = us_calloc(1, sizeof *p);

	p->store = store;
	pthread_mutex_init(&p->lock, NULL);
	for (unsigned i = 0; i < US_PINGER_SENDERS; i++, p->n_threads++) {
		p->senders[i].pinger = p;
		if (pthread_create(&p->senders[i].thread, NULL, run, &p->senders[i])) {
			us_pinger_close(p);
			return us_err_set(err, US_UNAVAILABLE, "cannot start a thread that tells applications of changes");
		}
	}
	*ret_pinger = p;
	return US_OK;
}

void us_pinger_stop(struct us_pinger *p)
{
	if (!p)
		return;
	p->is_stopping = true;
	us_feed_ring();
}

void us_pinger_close(struct us_pinger *p)
{
	if (!p)
		return;
	us_pinger_stop(p);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->senders[i].thread, NULL);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
