#include <stdlib.h>

#include "base/clock.h"
#include "job/job_state.h"

const char *us_phase_text(enum us_phase phase)
{
	static const char *const texts[] = { "index", "read", "plan", "guard", "apply", "done" };

	return texts[phase];
}

bool us_job_progress(struct us_job *job, int64_t run, struct us_progress *ret_progress)
{
	pthread_mutex_lock(&job->lock);
	struct us_job_entry *e = us_job_find_entry(job, run);
	bool is_there = e && e->is_active;
	if (is_there)
		*ret_progress = (struct us_progress) { .phase = (enum us_phase) e->progress.phase, .users = e->progress.users,
			.groups = e->progress.groups, .memberships = e->progress.memberships, .total_users = e->progress.total_users,
			.changes = e->progress.changes, .applied = e->progress.applied };
	pthread_mutex_unlock(&job->lock);
	return is_there;
}

enum us_errc us_job_wait(struct us_job *job, int64_t run, int64_t deadline_ms, struct us_err *err)
{
	struct timespec until = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
	bool is_late = false;

	pthread_mutex_lock(&job->lock);
	while (us_job_find_entry(job, run) && !is_late)
		is_late = pthread_cond_timedwait(&job->finished, &job->lock, &until) != 0 && us_clock_monotonic_ms() >= deadline_ms;
	is_late = us_job_find_entry(job, run);
	pthread_mutex_unlock(&job->lock);
	return is_late ? us_err_set(err, US_TIMEOUT, "run %lld is still going on", (long long) run) : US_OK;
}

void us_job_notify(struct us_job *job, int64_t run, void (*done)(void *context), void *context)
{
	pthread_mutex_lock(&job->lock);
	bool is_over = !us_job_find_entry(job, run);
	if (!is_over) {
		struct us_job_waiter *w = us_malloc(sizeof *w);
		*w = (struct us_job_waiter) { job->waiters, run, done, context };
		job->waiters = w;
	}
	pthread_mutex_unlock(&job->lock);
	if (is_over)
		done(context);
}

void us_job_set_listener(struct us_job *job, void (*done)(void *context), void *context)
{
	pthread_mutex_lock(&job->lock);
	job->listener = (struct us_job_waiter) { .done = done, .context = context };
	pthread_mutex_unlock(&job->lock);
}

void us_job_forget(struct us_job *job, void *context)
{
	pthread_mutex_lock(&job->lock);
	for (struct us_job_waiter **at = &job->waiters; *at;) {
		struct us_job_waiter *w = *at;
		if (w->context == context) {
			*at = w->next;
			free(w);
		} else {
			at = &w->next;
		}
	}
	pthread_mutex_unlock(&job->lock);
}

void us_job_stats(struct us_job *job, struct us_job_stats *ret_stats)
{
	struct us_job_stats s = { 0 };

	pthread_mutex_lock(&job->lock);
	for (struct us_job_entry *e = job->entries; e; e = e->next) {
		s.running += e->is_active;
		s.queued += !e->is_active;
		s.source_requests += e->progress.source_requests;
		s.source_retries += e->progress.source_retries;
	}
	s.source_requests += job->source_requests;
	s.source_retries += job->source_retries;
	pthread_mutex_unlock(&job->lock);
	*ret_stats = s;
}

enum us_errc us_job_check(struct us_job *job, struct us_err *err)
{
	struct us_dbc *c;

	pthread_mutex_lock(&job->lock);
	bool is_well = job->n_alive == job->n_workers && !job->is_stopping;
	pthread_mutex_unlock(&job->lock);
	if (!is_well)
		return us_err_set(err, US_UNAVAILABLE, "the server is stopping");
	enum us_errc rc = us_endings_check(&job->endings, err);
	if (rc == US_OK)
		rc = us_db_lease_reader(job->store->db, &c, err);
	if (rc == US_OK)
		us_db_release(c);
	return rc;
}
