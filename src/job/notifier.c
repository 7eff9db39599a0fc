#include "job/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/deliver.h"
#include "model/notice_options.h"
#include "net/retry.h"
#include "store/notice.h"
#include "store/run.h"

enum {
	SENDERS = 4,
	LOOK_MS = 60000,   /* the clock may be set, and days go by */
	TROUBLE_MS = 5000, /* before the store is asked again after it failed */
	LONGEST_WAIT_MS = 6 * 3600 * 1000,
	LEAST_WAIT_MS = 1000, /* whatever Retry-After says */
	STATUS_GONE = 410,
	KEEP_DELIVERED_S = 30 * 86400,
	KEEP_DEAD_S = 365 * 86400,
};

/* One sender: delivery 0 is free. */
struct slot {
	struct us_notifier *notifier;
	pthread_t thread;
	int64_t delivery, target;
};

struct us_notifier {
	struct us_store *store;
	atomic_bool is_stopping;
	pthread_mutex_t lock; /* over what follows; never held while the store is used */
	pthread_cond_t news, work;
	bool is_woken, is_recheck;
	struct slot slots[SENDERS];
	struct us_notifier_stats stats;
	pthread_t dispatcher;
	unsigned n_threads;    /* that were started: the dispatcher, then the senders */
	int64_t next_watch_ms; /* monotonic; the dispatcher's own */
};

/* ---- one delivery ---- */

struct attempt {
	struct us_arena arena;
	struct us_delivery delivery;
	struct us_notice_target target;
	struct us_notice_limits limits;
};

static enum us_errc load(struct us_notifier *n, int64_t id, struct attempt *a, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(n->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_outbox_find(c, &a->arena, id, &a->delivery, err);
	if (!rc)
		rc = us_notice_target_find(
			n->store, c, &a->arena, a->delivery.target, US_SECRETS_CLEAR, &a->target, err);
	us_db_release(c);
	if (!rc)
		us_notice_limits_read(a->target.configuration, &a->limits);
	return rc;
}

static int64_t backoff_ms(const struct attempt *a)
{
	uint64_t random;

	us_secret_random(&random, sizeof random);
	return us_retry_backoff_ms((unsigned)a->delivery.tries, a->limits.retry_ms, LONGEST_WAIT_MS, random);
}

static enum us_errc claim(struct us_notifier *n, const struct attempt *a, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(n->store->db, &c, err);

	if (rc)
		return rc;
	if (!(rc = us_db_begin(c, err)) &&
		!(rc = us_outbox_claim(c, a->delivery.id,
			  us_clock_wall_ms() + us_deliver_timeout_ms(&a->target) + backoff_ms(a), err)))
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

/* What becomes of a delivery after a try with this result. */
struct outcome {
	enum us_outbox_state state;
	int64_t next_ms;
	bool is_gone;     /* the receiver wants no more */
	int64_t pause_ms; /* it asked for a pause; 0: no */
};

static struct outcome judge(const struct attempt *a, enum us_errc sent, const struct us_err *why)
{
	int64_t now_ms = us_clock_wall_ms();

	if (sent == US_OK)
		return (struct outcome) { .state = US_OUTBOX_DELIVERED, .next_ms = now_ms };
	if (sent == US_CANCELLED)
		return (struct outcome) { .state = US_OUTBOX_WAITING, .next_ms = now_ms };
	if (sent == US_PROTOCOL && why->native == STATUS_GONE)
		return (struct outcome) { .state = US_OUTBOX_DEAD, .next_ms = now_ms, .is_gone = true };
	if (a->delivery.tries + 1 >= a->limits.tries)
		return (struct outcome) { .state = US_OUTBOX_DEAD, .next_ms = now_ms };
	int64_t pause_ms = why->wait_ms > 0 && why->wait_ms < LEAST_WAIT_MS ? LEAST_WAIT_MS : why->wait_ms;
	return (struct outcome) { .state = US_OUTBOX_WAITING,
		.next_ms = now_ms + (pause_ms ? pause_ms : backoff_ms(a)),
		.pause_ms = pause_ms };
}

static enum us_errc settle(struct us_notifier *n, const struct attempt *a, const struct outcome *o,
	struct us_slice error, struct us_err *err)
{
	int64_t now_s = us_clock_wall_s();
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(n->store->db, &c, err);

	if (rc)
		return rc;
	if (!(rc = us_db_begin(c, err)))
		rc = us_outbox_settle(c, a->delivery.id, o->state, error, o->next_ms, now_s, err);
	if (!rc && o->is_gone)
		rc = us_notice_target_disable(c, a->target.id, now_s, err);
	if (!rc && o->pause_ms)
		rc = us_outbox_postpone(c, a->target.id, o->next_ms, err);
	if (!rc)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

static void tell(struct us_notifier *n, const struct attempt *a, const struct outcome *o, const char *error)
{
	char id[24];

	snprintf(id, sizeof id, "%lld", (long long)a->delivery.id);
	pthread_mutex_lock(&n->lock);
	n->stats.delivered += o->state == US_OUTBOX_DELIVERED;
	n->stats.failed += o->state == US_OUTBOX_WAITING;
	n->stats.dead += o->state == US_OUTBOX_DEAD;
	pthread_mutex_unlock(&n->lock);
	switch (o->state) {
	case US_OUTBOX_DELIVERED:
		us_log(US_LOG_INFO, "notice delivered", "delivery", id, "target", a->target.name.p, "event",
			a->delivery.event.p, NULL);
		break;
	case US_OUTBOX_WAITING:
		us_log(US_LOG_WARN, "notice not delivered yet", "delivery", id, "target", a->target.name.p, "event",
			a->delivery.event.p, "tries", US_LOG_INT(a->delivery.tries + 1), "error", error, NULL);
		break;
	case US_OUTBOX_DEAD:
		us_log(US_LOG_ERROR, "notice could not be delivered", "delivery", id, "target", a->target.name.p,
			"event", a->delivery.event.p, "tries", US_LOG_INT(a->delivery.tries + 1), "error", error, NULL);
		break;
	case US_OUTBOX_STATE_COUNT:
		us_assert(!"a state");
	}
	if (o->is_gone)
		us_log(US_LOG_WARN, "notice target disabled", "target", a->target.name.p, "reason",
			"it answered 410 Gone", NULL);
}

static void deliver(struct us_notifier *n, int64_t id)
{
	struct attempt a = { .arena = US_ARENA_INIT };
	struct us_err err = US_ERR_INIT, why = US_ERR_INIT;
	enum us_errc rc = load(n, id, &a, &err);

	if (!rc)
		rc = claim(n, &a, &err);
	if (!rc) {
		struct us_message message = { a.delivery.message, a.delivery.body };
		enum us_errc sent = us_deliver(&a.target, &message, &n->is_stopping, &why);
		struct outcome o = judge(&a, sent, &why);
		rc = settle(n, &a, &o, sent && sent != US_CANCELLED ? us_slice(why.text) : US_SLICE_NONE, &err);
		if (sent != US_CANCELLED)
			tell(n, &a, &o, why.text);
	}
	/* Discarded, or its target deleted, between look and try. */
	if (rc && rc != US_NOT_FOUND)
		us_log(US_LOG_ERROR, "notice could not be recorded", "delivery", US_LOG_INT(id), "error", err.text,
			NULL);
	us_arena_fini(&a.arena);
}

/* ---- the senders ---- */

static void *send_what_comes(void *context)
{
	struct slot *slot = context;
	struct us_notifier *n = slot->notifier;

	pthread_mutex_lock(&n->lock);
	for (;;) {
		while (!slot->delivery && !n->is_stopping)
			pthread_cond_wait(&n->work, &n->lock);
		if (n->is_stopping)
			break;
		int64_t id = slot->delivery;
		pthread_mutex_unlock(&n->lock);
		deliver(n, id);
		pthread_mutex_lock(&n->lock);
		slot->delivery = slot->target = 0;
		n->is_woken = true;
		pthread_cond_signal(&n->news);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

/* ---- the dispatcher ---- */

/* To a free sender, unless one is busy with that target. Both end with a wake-up. */
static void assign(struct us_notifier *n, const struct us_delivery *d)
{
	struct slot *free_slot = NULL;
	bool is_busy = false;

	pthread_mutex_lock(&n->lock);
	for (size_t i = 0; i < SENDERS; i++) {
		is_busy |= n->slots[i].delivery && n->slots[i].target == d->target;
		if (!n->slots[i].delivery)
			free_slot = &n->slots[i];
	}
	if (free_slot && !is_busy) {
		free_slot->target = d->target;
		free_slot->delivery = d->id;
		pthread_cond_broadcast(&n->work);
	}
	pthread_mutex_unlock(&n->lock);
}

static enum us_errc hand_out(struct us_notifier *n, int64_t *wait_ms, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_delivery *list;
	size_t count = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(n->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_outbox_list_next(c, &arena, &list, &count, err);
	us_db_release(c);
	int64_t now_ms = us_clock_wall_ms();
	for (size_t i = 0; i < count && !rc; i++)
		if (list[i].next_ms <= now_ms)
			assign(n, &list[i]);
		else if (list[i].next_ms - now_ms < *wait_ms)
			*wait_ms = list[i].next_ms - now_ms;
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc raise_due(struct us_notifier *n, int64_t now_s, struct us_err *err)
{
	struct us_dbc *c;
	size_t count;
	enum us_errc rc = us_db_lease_writer(n->store->db, &c, err);

	if (rc)
		return rc;
	if (!(rc = us_db_begin(c, err)) && !(rc = us_notice_watch(c, true, now_s, &count, err)) &&
		!(rc = us_outbox_prune(c, now_s - KEEP_DELIVERED_S, now_s - KEEP_DEAD_S, err)))
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

static enum us_errc watch(struct us_notifier *n, struct us_err *err)
{
	int64_t now_s = us_clock_wall_s();
	size_t count = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(n->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_notice_watch(c, false, now_s, &count, err);
	us_db_release(c);
	return !rc && count ? raise_due(n, now_s, err) : rc;
}

/* Held plans whose time is over; *wait_ms: until the next one's, if that comes first. */
static enum us_errc expire(struct us_notifier *n, int64_t *wait_ms, struct us_err *err)
{
	int64_t now_ms = us_clock_wall_ms(), next_s;
	size_t count = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(n->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_run_expire_held(c, false, now_ms / 1000, &count, &next_s, err);
	us_db_release(c);
	if (!rc && count) {
		if ((rc = us_db_lease_writer(n->store->db, &c, err)))
			return rc;
		if (!(rc = us_db_begin(c, err)) && !(rc = us_run_expire_held(c, true, now_ms / 1000, &count, &next_s, err)))
			rc = us_db_commit(c, err);
		us_db_release(c);
		if (!rc && count)
			us_log(US_LOG_WARN, "held plans have expired", "runs", US_LOG_INT((int64_t) count), NULL);
	}
	if (!rc && next_s < (now_ms + *wait_ms) / 1000)
		*wait_ms = next_s * 1000 > now_ms ? next_s * 1000 - now_ms : 0;
	return rc;
}

static int64_t look(struct us_notifier *n, bool is_recheck)
{
	struct us_err err = US_ERR_INIT;
	int64_t now_ms = us_clock_monotonic_ms(), wait_ms = LOOK_MS;
	enum us_errc rc = US_OK;

	if (is_recheck || now_ms >= n->next_watch_ms) {
		n->next_watch_ms = now_ms + LOOK_MS;
		rc = watch(n, &err);
	}
	if (!rc)
		rc = expire(n, &wait_ms, &err);
	if (!rc)
		rc = hand_out(n, &wait_ms, &err);
	if (rc)
		us_log(US_LOG_ERROR, "notices cannot be looked for", "error", err.text, NULL);
	return rc ? TROUBLE_MS : wait_ms;
}

static void *dispatch(void *context)
{
	struct us_notifier *n = context;
	bool is_recheck = true;

	while (!n->is_stopping) {
		int64_t until_ms = us_clock_monotonic_ms() + look(n, is_recheck) + 1;
		struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
		pthread_mutex_lock(&n->lock);
		while (!n->is_woken && !n->is_stopping)
			if (pthread_cond_timedwait(&n->news, &n->lock, &until) == ETIMEDOUT)
				break;
		is_recheck = n->is_recheck;
		n->is_woken = n->is_recheck = false;
		pthread_mutex_unlock(&n->lock);
	}
	return NULL;
}

/* ---- opening and closing ---- */

static bool start_threads(struct us_notifier *n)
{
	if (pthread_create(&n->dispatcher, NULL, dispatch, n))
		return false;
	n->n_threads = 1;
	for (size_t i = 0; i < SENDERS; i++, n->n_threads++) {
		n->slots[i].notifier = n;
		if (pthread_create(&n->slots[i].thread, NULL, send_what_comes, &n->slots[i]))
			return false;
	}
	return true;
}

enum us_errc us_notifier_open(struct us_store *store, struct us_notifier **ret_notifier, struct us_err *err)
{
	struct us_notifier *n = us_calloc(1, sizeof *n);
	pthread_condattr_t attributes;

	n->store = store;
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&n->news, &attributes);
	pthread_cond_init(&n->work, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!start_threads(n)) {
		us_notifier_close(n);
		return us_err_set(err, US_UNAVAILABLE, "cannot start a thread for notices");
	}
	*ret_notifier = n;
	return US_OK;
}

void us_notifier_stop(struct us_notifier *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->is_stopping = true;
	pthread_cond_broadcast(&n->news);
	pthread_cond_broadcast(&n->work);
	pthread_mutex_unlock(&n->lock);
}

void us_notifier_close(struct us_notifier *n)
{
	if (!n)
		return;
	us_notifier_stop(n);
	if (n->n_threads)
		pthread_join(n->dispatcher, NULL);
	for (unsigned i = 1; i < n->n_threads; i++)
		pthread_join(n->slots[i - 1].thread, NULL);
	pthread_cond_destroy(&n->news);
	pthread_cond_destroy(&n->work);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void wake(struct us_notifier *n, bool is_recheck)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->is_woken = true;
	n->is_recheck |= is_recheck;
	pthread_cond_signal(&n->news);
	pthread_mutex_unlock(&n->lock);
}

void us_notifier_wake(struct us_notifier *n) { wake(n, false); }
void us_notifier_recheck(struct us_notifier *n) { wake(n, true); }

enum us_errc us_notifier_test(struct us_notifier *n, int64_t id, bool *ret_enabled, struct us_err *err)
{
	const struct us_notice notice = { .event = US_NOTICE_TEST, .at_s = us_clock_wall_s() };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str body = US_STR_INIT;
	struct us_notice_target target;
	char uuid[US_UUID_BYTES];
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(n->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_notice_target_find(n->store, c, &arena, id, US_SECRETS_CLEAR, &target, err);
	us_db_release(c);
	if (!rc) {
		us_secret_uuid(uuid);
		us_notice_write_body(&notice, NULL, 0, &body);
		struct us_message message = { us_slice(us_arena_printf(&arena, "msg_%s", uuid)),
			us_str_slice(&body) };
		rc = us_deliver(&target, &message, &n->is_stopping, err);
		*ret_enabled = target.enabled;
	}
	us_str_fini(&body);
	us_arena_fini(&arena);
	return rc;
}

void us_notifier_stats(struct us_notifier *n, struct us_notifier_stats *ret_stats)
{
	pthread_mutex_lock(&n->lock);
	*ret_stats = n->stats;
	pthread_mutex_unlock(&n->lock);
}
