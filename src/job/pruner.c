#include "job/pruner.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/connector.h"
#include "store/pushed.h"
#include "store/run_prune.h"

enum { BATCH_ROWS = 500, BATCH_RUNS = 50, HOUR_MS = 3600000, REST = 100 };

struct us_pruner {
	struct us_store *store;
	struct us_job *job;
	struct us_retention retention;
	pthread_mutex_t lock; /* over has_news and stats */
	pthread_cond_t news;
	bool has_news, has_thread;
	atomic_bool is_stopping;
	pthread_t thread;
	struct us_pruner_stats stats;
};

static enum us_errc end_run(struct us_dbc *c, const struct us_retention_run *r, struct us_err *err)
{
	return r->verdict == US_RETENTION_PRUNE_RUN ? us_run_prune_run(c, r->id, err) : us_run_prune_end(c, r->id, err);
}

/* US_CONFLICT: somebody has taken the run up again, it stays. US_END: it has many rows, more than went in this transaction. */
static enum us_errc begin_run(struct us_dbc *c, const struct us_retention_run *r, int64_t newest, int64_t now_s, struct us_err *err)
{
	int64_t deleted = 0;
	enum us_errc rc = r->is_pruned ? US_OK : us_run_prune_begin(c, r->id, newest, now_s, err);

	if (rc == US_OK)
		rc = us_run_prune_rows(c, r->id, BATCH_ROWS, &deleted, err);
	if (rc == US_OK && deleted == BATCH_ROWS)
		return US_END;
	return rc ? rc : end_run(c, r, err);
}

/* The rest of a run with many rows, a batch to a transaction. */
static enum us_errc finish_run(struct us_store *store, const struct us_retention_run *r, const atomic_bool *is_stopping, struct us_err *err)
{
	int64_t deleted = BATCH_ROWS;
	enum us_errc rc = US_OK;

	while (rc == US_OK && deleted == BATCH_ROWS) {
		struct us_dbc *c;
		if (is_stopping && *is_stopping)
			return us_err_set(err, US_CANCELLED, "the server stops");
		if ((rc = us_db_begin_write(store->db, &c, err)))
			return rc;
		rc = us_run_prune_rows(c, r->id, BATCH_ROWS, &deleted, err);
		if (rc == US_OK && deleted < BATCH_ROWS)
			rc = end_run(c, r, err);
		rc = us_db_end_write(c, rc, err);
	}
	return rc;
}

static void count(struct us_pruner_stats *stats, const struct us_retention_run *r)
{
	stats->runs += r->verdict == US_RETENTION_PRUNE_RUN;
	stats->results += !r->is_pruned && r->n_changes > 0;
}

/* Oldest first: what refers to a run is newer than it, and is still there if the pass ends early. */
static enum us_errc prune_list(struct us_store *store, const struct us_retention_run *list, size_t n, int64_t newest, int64_t now_s,
	const atomic_bool *is_stopping, struct us_pruner_stats *stats, struct us_err *err)
{
	while (n) {
		const struct us_retention_run *long_one = NULL;
		struct us_pruner_stats more = { 0 };
		struct us_dbc *c;
		int64_t rows = 0;
		enum us_errc rc;
		/* Nothing to do, no transaction. */
		while (n && list[n - 1].verdict == US_RETENTION_KEEP)
			n--;
		if (!n)
			break;
		if (is_stopping && *is_stopping)
			return us_err_set(err, US_CANCELLED, "the server stops");
		if ((rc = us_db_begin_write(store->db, &c, err)))
			return rc;
		for (int runs = 0; n && !long_one && runs < BATCH_RUNS && rows < BATCH_ROWS; n--) {
			const struct us_retention_run *r = &list[n - 1];
			if (r->verdict == US_RETENTION_KEEP)
				continue;
			runs++;
			rows += r->n_changes;
			rc = begin_run(c, r, newest, now_s, err);
			if (rc == US_CONFLICT)
				continue;
			if (rc != US_OK && rc != US_END)
				break;
			if (rc == US_END)
				long_one = r;
			count(&more, r);
			rc = US_OK;
		}
		rc = us_db_end_write(c, rc == US_CONFLICT ? US_OK : rc, err);
		if (rc == US_OK && long_one)
			rc = finish_run(store, long_one, is_stopping, err);
		if (rc)
			return rc;
		stats->runs += more.runs;
		stats->results += more.results;
	}
	return US_OK;
}

/* The server's settings, under those of a connector that is still there. */
static enum us_errc load_settings(struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t connector,
	const struct us_retention *server, struct us_retention *ret, struct us_err *err)
{
	struct us_connector k;
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long) connector);
	enum us_errc rc = us_connector_find(store, c, arena, us_slice(key), US_SECRETS_HIDDEN, &k, err);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	*ret = rc ? *server : us_retention_read(k.configuration, server);
	return US_OK;
}

/* Who was deleted at its identity provider so long ago that no run tells of it any more. */
static enum us_errc prune_pushed(struct us_store *store, int64_t connector, int64_t before_s, const atomic_bool *is_stopping, struct us_err *err)
{
	int64_t deleted = BATCH_ROWS;
	enum us_errc rc = US_OK;

	while (rc == US_OK && deleted == BATCH_ROWS) {
		struct us_dbc *c;
		if (is_stopping && *is_stopping)
			return us_err_set(err, US_CANCELLED, "the server stops");
		if ((rc = us_db_begin_write(store->db, &c, err)))
			return rc;
		rc = us_pushed_forget_deleted(c, connector, before_s, BATCH_ROWS, &deleted, err);
		rc = us_db_end_write(c, rc, err);
	}
	return rc;
}

static enum us_errc prune_connector(struct us_store *store, int64_t connector, const struct us_retention *server, int64_t now_s,
	const atomic_bool *is_stopping, struct us_pruner_stats *stats, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_retention settings;
	struct us_retention_run *list = NULL;
	size_t n = 0;
	int64_t newest = 0;
	bool has_deleted = false;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(store->db, &c, err);

	if (rc)
		return rc;
	if (!(rc = us_db_begin(c, err)) && !(rc = load_settings(store, c, &arena, connector, server, &settings, err)) &&
		!(rc = us_run_prune_list(c, &arena, connector, &list, &n, &newest, err)))
		rc = us_pushed_has_deleted(c, connector, now_s - settings.run_age_s, &has_deleted, err);
	us_db_release(c);
	if (rc == US_OK) {
		us_retention_judge(&settings, list, n, now_s);
		rc = prune_list(store, list, n, newest, now_s, is_stopping, stats, err);
	}
	if (rc == US_OK && has_deleted)
		rc = prune_pushed(store, connector, now_s - settings.run_age_s, is_stopping, err);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_pruner_pass(struct us_store *store, const struct us_retention *retention, int64_t now_s, const atomic_bool *is_stopping,
	struct us_pruner_stats *stats, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	int64_t *connectors;
	size_t n = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(store->db, &c, err);

	if (rc)
		return rc;
	rc = us_run_prune_connectors(c, &arena, &connectors, &n, err);
	us_db_release(c);
	for (size_t i = 0; rc == US_OK && i < n; i++)
		rc = prune_connector(store, connectors[i], retention, now_s, is_stopping, stats, err);
	us_arena_fini(&arena);
	return rc;
}

/* ---- the thread ---- */

static void on_finish(void *context)
{
	struct us_pruner *pruner = context;

	pthread_mutex_lock(&pruner->lock);
	pruner->has_news = true;
	pthread_cond_signal(&pruner->news);
	pthread_mutex_unlock(&pruner->lock);
}

static void wait_until(struct us_pruner *pruner, int64_t monotonic_ms, bool for_news)
{
	struct timespec at = { .tv_sec = monotonic_ms / 1000, .tv_nsec = monotonic_ms % 1000 * 1000000 };

	pthread_mutex_lock(&pruner->lock);
	while (!pruner->is_stopping && !(for_news && pruner->has_news) && us_clock_monotonic_ms() < monotonic_ms)
		pthread_cond_timedwait(&pruner->news, &pruner->lock, &at);
	pthread_mutex_unlock(&pruner->lock);
}

static void pass(struct us_pruner *pruner)
{
	struct us_pruner_stats stats = { 0 };
	struct us_err err = US_ERR_INIT;

	pthread_mutex_lock(&pruner->lock);
	pruner->has_news = false;
	pthread_mutex_unlock(&pruner->lock);
	enum us_errc rc = us_pruner_pass(pruner->store, &pruner->retention, us_clock_wall_s(), &pruner->is_stopping, &stats, &err);
	pthread_mutex_lock(&pruner->lock);
	pruner->stats.runs += stats.runs;
	pruner->stats.results += stats.results;
	pthread_mutex_unlock(&pruner->lock);
	if (stats.runs || stats.results)
		us_log(US_LOG_INFO, "old runs were taken away", "runs", US_LOG_INT(stats.runs), "results", US_LOG_INT(stats.results), NULL);
	if (rc && rc != US_CANCELLED)
		us_log(US_LOG_ERROR, "old runs could not be taken away", "error", err.text, NULL);
}

static void *work(void *context)
{
	struct us_pruner *pruner = context;

	while (!pruner->is_stopping) {
		int64_t begun = us_clock_monotonic_ms();
		pass(pruner);
		int64_t ended = us_clock_monotonic_ms();
		wait_until(pruner, ended + (ended - begun) * REST, false);
		wait_until(pruner, ended + HOUR_MS, true);
	}
	return NULL;
}

enum us_errc us_pruner_open(struct us_store *store, struct us_job *job, const struct us_retention *retention, struct us_pruner **ret_pruner,
	struct us_err *err)
{
	struct us_pruner *pruner = us_calloc(1, sizeof *pruner);
	pthread_condattr_t attributes;

	pruner->store = store;
	pruner->job = job;
	pruner->retention = *retention;
	pthread_mutex_init(&pruner->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pruner->news, &attributes);
	pthread_condattr_destroy(&attributes);
	us_job_set_listener(job, on_finish, pruner);
	pruner->has_thread = pthread_create(&pruner->thread, NULL, work, pruner) == 0;
	if (!pruner->has_thread) {
		us_pruner_close(pruner);
		return us_err_set(err, US_UNAVAILABLE, "cannot start the thread that takes away old runs");
	}
	*ret_pruner = pruner;
	return US_OK;
}

void us_pruner_close(struct us_pruner *pruner)
{
	us_job_set_listener(pruner->job, NULL, NULL);
	pthread_mutex_lock(&pruner->lock);
	pruner->is_stopping = true;
	pthread_cond_signal(&pruner->news);
	pthread_mutex_unlock(&pruner->lock);
	if (pruner->has_thread)
		pthread_join(pruner->thread, NULL);
	pthread_cond_destroy(&pruner->news);
	pthread_mutex_destroy(&pruner->lock);
	free(pruner);
}

void us_pruner_stats(struct us_pruner *pruner, struct us_pruner_stats *ret_stats)
{
	pthread_mutex_lock(&pruner->lock);
	*ret_stats = pruner->stats;
	pthread_mutex_unlock(&pruner->lock);
}
