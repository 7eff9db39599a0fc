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

struct us_pinger {
	struct us_store *store;
	atomic_bool is_stopping;
	bool has_thread;
	pthread_t thread;
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

/* Pings whoever is due; *ret_wait_ms: until the next one is. */
static enum us_errc work(struct us_pinger *p, int64_t *ret_wait_ms, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_hook *list;
	size_t n = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, err);

	*ret_wait_ms = LOOK_MS;
	if (!rc) {
		rc = us_hook_list_next(p->store, c, &arena, &list, &n, err);
		us_db_release(c);
	}
	for (size_t i = 0; i < n && !rc && !p->is_stopping; i++) {
		int64_t wait_ms = list[i].next_ms - us_clock_wall_ms();
		if (wait_ms <= 0) {
			rc = ping(p, &list[i], err);
			*ret_wait_ms = 0; /* there may be more by now */
		} else if (wait_ms < *ret_wait_ms) {
			*ret_wait_ms = wait_ms;
		}
	}
	us_arena_wipe(&arena);
	us_arena_fini(&arena);
	return rc;
}

static void *run(void *data)
{
	struct us_pinger *p = data;

	while (!p->is_stopping) {
		struct us_err err = US_ERR_INIT;
		uint64_t seen = us_feed_wait(0, 0);
		int64_t wait_ms;
		if (work(p, &wait_ms, &err)) {
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
	p->has_thread = pthread_create(&p->thread, NULL, run, p) == 0;
	if (!p->has_thread) {
		us_pinger_close(p);
		return us_err_set(err, US_UNAVAILABLE, "cannot start a thread that tells applications of changes");
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
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	free(p);
}
