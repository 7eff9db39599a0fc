#include "job/job.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job_state.h"
#include "job/priority.h"

enum { DEFAULT_WORKERS = 2, ENDING_RETRY_MS = 1000 };

/* ---- the list of entries; under the lock ---- */

struct us_job_entry *us_job_find_entry(struct us_job *job, int64_t run)
{
	for (struct us_job_entry *e = job->entries; e; e = e->next)
		if (e->run == run)
			return e;
	return NULL;
}

static void remove_entry(struct us_job *job, struct us_job_entry *entry)
{
	struct us_job_entry **at = &job->entries;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	free(entry);
}

void us_job_enqueue(struct us_job *job, int64_t run, int64_t connector)
{
	struct us_job_entry *e = us_calloc(1, sizeof *e), **at = &job->entries;

	e->run = run;
	e->connector = connector;
	pthread_mutex_lock(&job->lock);
	while (*at)
		at = &(*at)->next;
	*at = e;
	pthread_cond_signal(&job->queued);
	pthread_mutex_unlock(&job->lock);
}

void us_job_finish(struct us_job *job, struct us_job_entry *entry)
{
	struct us_job_waiter *due = NULL;
	int64_t run = entry->run;

	pthread_mutex_lock(&job->lock);
	job->source_requests += entry->progress.source_requests;
	job->source_retries += entry->progress.source_retries;
	remove_entry(job, entry);
	for (struct us_job_waiter **at = &job->waiters; *at;) {
		struct us_job_waiter *w = *at;
		if (w->run != run) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = due;
		due = w;
	}
	/* Called under the lock, so that forget returns only when nobody is being told any more. */
	while (due) {
		struct us_job_waiter *next = due->next;
		due->done(due->context);
		free(due);
		due = next;
	}
	if (job->listener.done)
		job->listener.done(job->listener.context);
	pthread_cond_broadcast(&job->finished);
	pthread_mutex_unlock(&job->lock);
}

void us_job_tell_listener(struct us_job *job)
{
	pthread_mutex_lock(&job->lock);
	if (job->listener.done)
		job->listener.done(job->listener.context);
	pthread_mutex_unlock(&job->lock);
}

/* ---- workers ---- */

enum us_errc us_job_set_status(struct us_job *job, int64_t run, enum us_run_status expect, enum us_run_status status, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(job->store->db, &c, err);

	return rc ? rc : us_db_end_write(c, us_run_set_status(c, run, expect, status, us_clock_wall_s(), err), err);
}

/* What is left is tried again by a worker that has nothing to do; one that sleeps must hear of it. */
void us_job_write_endings(struct us_job *job)
{
	if (!us_endings_write(&job->endings))
		return;
	pthread_mutex_lock(&job->lock);
	pthread_cond_signal(&job->queued);
	pthread_mutex_unlock(&job->lock);
}

static void execute(struct us_job *job, struct us_job_entry *e)
{
	struct us_err err = US_ERR_INIT;
	enum us_run_status status = US_RUN_FAILED;
	int64_t begun_ms = us_clock_monotonic_ms();
	enum us_errc rc = us_job_set_status(job, e->run, US_RUN_SCHEDULED, US_RUN_RUNNING, &err);

	us_log(US_LOG_INFO, "run started", "run", US_LOG_INT(e->run), "connector", US_LOG_INT(e->connector), NULL);
	if (rc == US_OK) {
		struct us_sync sync = { .store = job->store, .cancel = &e->cancel, .progress = &e->progress };
		rc = us_sync_execute(&sync, e->run, &status, &err);
	}
	if (rc) {
		us_log(US_LOG_ERROR, "run could not be recorded", "run", US_LOG_INT(e->run), "error", err.text, NULL);
		us_endings_add(&job->endings, e->run, err.text);
		us_job_write_endings(job);
	} else {
		us_log(status == US_RUN_DONE ? US_LOG_INFO : US_LOG_WARN, "run finished", "run", US_LOG_INT(e->run), "connector",
			US_LOG_INT(e->connector), "status", us_run_status_text(status), "milliseconds",
			US_LOG_INT(us_clock_monotonic_ms() - begun_ms), NULL);
	}
	us_job_finish(job, e);
	us_notifier_wake(job->notifier);
}

static struct us_job_entry *next_queued(struct us_job *job)
{
	for (struct us_job_entry *e = job->entries; e; e = e->next)
		if (!e->is_active)
			return e;
	return NULL;
}

/* For a run to be queued; under the lock. In between it tries the ends that the store has refused. */
static void wait_for_work(struct us_job *job)
{
	if (us_endings_check(&job->endings, NULL) == US_OK) {
		pthread_cond_wait(&job->queued, &job->lock);
		return;
	}
	int64_t until_ms = us_clock_monotonic_ms() + ENDING_RETRY_MS;
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
	if (pthread_cond_timedwait(&job->queued, &job->lock, &until) == 0)
		return;
	pthread_mutex_unlock(&job->lock);
	us_endings_write(&job->endings);
	pthread_mutex_lock(&job->lock);
}

static void *work(void *context)
{
	struct us_job *job = context;

	if (job->steps_back)
		us_priority_step_back();
	for (;;) {
		struct us_job_entry *e = NULL;
		pthread_mutex_lock(&job->lock);
		while (!job->is_stopping && !(e = next_queued(job)))
			wait_for_work(job);
		if (job->is_stopping)
			e = NULL;
		if (e)
			e->is_active = true;
		else
			job->n_alive--;
		pthread_mutex_unlock(&job->lock);
		if (!e)
			return NULL;
		execute(job, e);
	}
}

static enum us_errc load_queue(struct us_job *job, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run *runs;
	struct us_dbc *c;
	size_t n;
	enum us_errc rc = us_db_lease_reader(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_run_list_scheduled(c, &arena, &runs, &n, err);
	for (size_t i = 0; rc == US_OK && i < n; i++)
		us_job_enqueue(job, runs[i].id, runs[i].connector);
	us_db_release(c);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_open(const struct us_job_conf *conf, struct us_job **ret_job, struct us_err *err)
{
	struct us_job *job = us_calloc(1, sizeof *job);
	enum us_errc rc;
	pthread_condattr_t attributes;

	job->store = conf->store;
	job->notifier = conf->notifier;
	job->node = us_strdup(conf->node ? conf->node : "NOT_CLUSTERED");
	job->steps_back = us_priority_can_step_back();
	us_endings_init(&job->endings, conf->store);
	job->known = us_known_new();
	pthread_mutex_init(&job->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&job->queued, &attributes);
	pthread_cond_init(&job->finished, &attributes);
	pthread_condattr_destroy(&attributes);
	rc = load_queue(job, err);
	unsigned n = conf->n_workers ? conf->n_workers : DEFAULT_WORKERS;
	n = n > US_JOB_MAX_WORKERS ? US_JOB_MAX_WORKERS : n;
	job->n_alive = n;
	for (; rc == US_OK && job->n_workers < n; job->n_workers++)
		if (pthread_create(&job->workers[job->n_workers], NULL, work, job)) {
			rc = us_err_set(err, US_UNAVAILABLE, "cannot start a worker thread");
			break;
		}
	if (rc) {
		us_job_close(job);
		return rc;
	}
	*ret_job = job;
	return US_OK;
}

void us_job_close(struct us_job *job)
{
	if (!job)
		return;
	pthread_mutex_lock(&job->lock);
	job->is_stopping = true;
	job->stops = true;
	for (struct us_job_entry *e = job->entries; e; e = e->next)
		e->cancel = e->is_active;
	pthread_cond_broadcast(&job->queued);
	pthread_mutex_unlock(&job->lock);
	for (unsigned i = 0; i < job->n_workers; i++)
		pthread_join(job->workers[i], NULL);
	while (job->entries)
		remove_entry(job, job->entries);
	while (job->waiters) {
		struct us_job_waiter *next = job->waiters->next;
		free(job->waiters);
		job->waiters = next;
	}
	us_endings_fini(&job->endings);
	us_known_free(job->known);
	pthread_cond_destroy(&job->queued);
	pthread_cond_destroy(&job->finished);
	pthread_mutex_destroy(&job->lock);
	free(job->node);
	free(job);
}
