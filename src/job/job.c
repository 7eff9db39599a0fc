#include "job/job.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "job/ending.h"
#include "job/notifier.h"
#include "job/priority.h"
#include "model/override.h"
#include "net/known.h"
#include "store/connector.h"
#include "sync/authenticate.h"
#include "sync/edit.h"
#include "sync/explain.h"
#include "sync/preview.h"
#include "sync/run.h"

enum { DEFAULT_WORKERS = 2, MAX_WORKERS = 64, ENDING_RETRY_MS = 1000 };

/* A run that is queued (no worker yet) or at work. */
struct entry {
	struct entry *next;
	int64_t run, connector;
	bool is_active;
	atomic_bool cancel;
	struct us_sync_progress progress;
};

struct waiter {
	struct waiter *next;
	int64_t run;
	void (*done)(void *context);
	void *context;
};

struct us_job {
	struct us_store *store;
	struct us_notifier *notifier;
	char *node;
	bool steps_back;          /* us_priority_can_step_back */
	pthread_mutex_t lock;     /* over everything below; never held while the store is used */
	pthread_cond_t queued, finished;
	struct entry *entries;    /* in order of arrival */
	struct waiter *waiters;
	struct waiter listener;   /* of every run; done NULL: nobody */
	bool is_stopping;
	atomic_bool stops;        /* the same, for whoever waits for a source without the lock */
	unsigned n_workers, n_alive;
	pthread_t workers[MAX_WORKERS];
	int64_t source_requests, source_retries;
	struct us_endings endings; /* has a lock of its own */
	struct us_known *known;    /* the same; passwords that identity providers have just found right */
};

/* ---- the list of entries; under the lock ---- */

static struct entry *find_entry(struct us_job *job, int64_t run)
{
	for (struct entry *e = job->entries; e; e = e->next)
		if (e->run == run)
			return e;
	return NULL;
}

static void remove_entry(struct us_job *job, struct entry *entry)
{
	struct entry **at = &job->entries;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	free(entry);
}

static void enqueue(struct us_job *job, int64_t run, int64_t connector)
{
	struct entry *e = us_calloc(1, sizeof *e), **at = &job->entries;

	e->run = run;
	e->connector = connector;
	pthread_mutex_lock(&job->lock);
	while (*at)
		at = &(*at)->next;
	*at = e;
	pthread_cond_signal(&job->queued);
	pthread_mutex_unlock(&job->lock);
}

/* Takes the entry out and tells all who wait for it. */
static void finish(struct us_job *job, struct entry *entry)
{
	struct waiter *due = NULL;
	int64_t run = entry->run;

	pthread_mutex_lock(&job->lock);
	job->source_requests += entry->progress.source_requests;
	job->source_retries += entry->progress.source_retries;
	remove_entry(job, entry);
	for (struct waiter **at = &job->waiters; *at;) {
		struct waiter *w = *at;
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
		struct waiter *next = due->next;
		due->done(due->context);
		free(due);
		due = next;
	}
	if (job->listener.done)
		job->listener.done(job->listener.context);
	pthread_cond_broadcast(&job->finished);
	pthread_mutex_unlock(&job->lock);
}

/* ---- workers ---- */

static enum us_errc set_status(struct us_job *job, int64_t run, enum us_run_status expect, enum us_run_status status, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_run_set_status(c, run, expect, status, us_clock_wall_s(), err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

/* What is left is tried again by a worker that has nothing to do; one that sleeps must hear of it. */
static void write_endings(struct us_job *job)
{
	if (!us_endings_write(&job->endings))
		return;
	pthread_mutex_lock(&job->lock);
	pthread_cond_signal(&job->queued);
	pthread_mutex_unlock(&job->lock);
}

static void execute(struct us_job *job, struct entry *e)
{
	struct us_err err = US_ERR_INIT;
	enum us_run_status status = US_RUN_FAILED;
	int64_t begun_ms = us_clock_monotonic_ms();
	enum us_errc rc = set_status(job, e->run, US_RUN_SCHEDULED, US_RUN_RUNNING, &err);

	us_log(US_LOG_INFO, "run started", "run", US_LOG_INT(e->run), "connector", US_LOG_INT(e->connector), NULL);
	if (rc == US_OK) {
		struct us_sync sync = { .store = job->store, .cancel = &e->cancel, .progress = &e->progress };
		rc = us_sync_execute(&sync, e->run, &status, &err);
	}
	if (rc) {
		us_log(US_LOG_ERROR, "run could not be recorded", "run", US_LOG_INT(e->run), "error", err.text, NULL);
		us_endings_add(&job->endings, e->run, err.text);
		write_endings(job);
	} else {
		us_log(status == US_RUN_DONE ? US_LOG_INFO : US_LOG_WARN, "run finished", "run", US_LOG_INT(e->run), "connector",
			US_LOG_INT(e->connector), "status", us_run_status_text(status), "milliseconds",
			US_LOG_INT(us_clock_monotonic_ms() - begun_ms), NULL);
	}
	finish(job, e);
	us_notifier_wake(job->notifier);
}

static struct entry *next_queued(struct us_job *job)
{
	for (struct entry *e = job->entries; e; e = e->next)
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
		struct entry *e = NULL;
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
		enqueue(job, runs[i].id, runs[i].connector);
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
	n = n > MAX_WORKERS ? MAX_WORKERS : n;
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
	for (struct entry *e = job->entries; e; e = e->next)
		e->cancel = e->is_active;
	pthread_cond_broadcast(&job->queued);
	pthread_mutex_unlock(&job->lock);
	for (unsigned i = 0; i < job->n_workers; i++)
		pthread_join(job->workers[i], NULL);
	while (job->entries)
		remove_entry(job, job->entries);
	while (job->waiters) {
		struct waiter *next = job->waiters->next;
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

/* ---- asking ---- */

/* Makes the run's row and queues it. run needs connector, kind, key, plan_run, actor. */
static enum us_errc schedule(struct us_job *job, struct us_run *run, int64_t *ret_run, bool *ret_is_new, struct us_err *err)
{
	struct us_dbc *c;
	int64_t id = 0;

	write_endings(job);
	enum us_errc rc = us_db_lease_writer(job->store->db, &c, err);
	if (rc)
		return rc;
	run->node = us_slice(job->node);
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_run_create(c, run, us_clock_wall_s(), &id, err);
	bool is_busy = rc == US_CONFLICT && id;
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	if (rc && !is_busy)
		return rc;
	if (!is_busy)
		enqueue(job, id, run->connector);
	*ret_run = id;
	if (ret_is_new)
		*ret_is_new = !is_busy;
	else if (is_busy)
		return us_err_set(err, US_CONFLICT, "run %lld of this connector is still going on", (long long) id);
	return US_OK;
}

static enum us_errc find_connector(struct us_job *job, struct us_arena *arena, struct us_slice key, struct us_connector *ret, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_connector_find(job->store, c, arena, key, US_SECRETS_HIDDEN, ret, err);
	us_db_release(c);
	return rc;
}

enum us_errc us_job_start(struct us_job *job, const struct us_job_request *request, int64_t *ret_run, bool *ret_is_new, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector connector;
	enum us_errc rc = find_connector(job, &arena, request->connector, &connector, err);

	if (rc == US_OK && !connector.enabled)
		rc = us_err_set(err, US_CONFLICT, "the connector " US_SLICE_FMT " is disabled", US_SLICE_ARG(connector.name));
	if (rc == US_OK) {
		struct us_run run = { .connector = connector.id, .connector_uuid = connector.uuid, .directory = connector.directory,
			.kind = request->kind, .key = request->key, .actor = request->who.name,
			.trigger = request->who.trigger, .due = request->due };
		struct us_str text = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&text);
		if (request->overrides) {
			us_override_write(&w, request->overrides, request->who.name, request->reason);
			run.override_of = us_str_slice(&text);
		}
		rc = schedule(job, &run, ret_run, ret_is_new, err);
		if (rc == US_OK && request->overrides && !*ret_is_new)
			rc = us_err_set(err, US_CONFLICT, "run %lld of the connector is scheduled or running: it overrides nothing; wait for its end", (long long) *ret_run);
		else if (rc == US_OK && request->overrides)
			us_log(US_LOG_WARN, "run overrides limits", "run", US_LOG_INT(*ret_run), "connector", US_LOG_INT(connector.id), "override",
				us_str_text(&text), NULL);
		us_str_fini(&text);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_cancel(struct us_job *job, struct us_slice connector, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector found;
	struct entry *e, *waiting = NULL;
	int64_t run = 0;
	enum us_errc rc = find_connector(job, &arena, connector, &found, err);

	us_arena_fini(&arena);
	if (rc)
		return rc;
	pthread_mutex_lock(&job->lock);
	for (e = job->entries; e && e->connector != found.id; e = e->next)
		;
	if (e) {
		run = e->run;
		e->cancel = true;
		if (!e->is_active) {
			/* no worker may take it now: it is ours to end */
			e->is_active = true;
			waiting = e;
		}
	}
	pthread_mutex_unlock(&job->lock);
	if (!run)
		return us_err_set(err, US_NOT_FOUND, "no run of this connector is scheduled or running");
	if (waiting) {
		rc = set_status(job, run, US_RUN_SCHEDULED, US_RUN_CANCELLED, err);
		if (rc) {
			/* Its worker ends it, cancelled as it is. */
			pthread_mutex_lock(&job->lock);
			waiting->is_active = false;
			pthread_cond_signal(&job->queued);
			pthread_mutex_unlock(&job->lock);
			return rc;
		}
		finish(job, waiting);
	}
	*ret_run = run;
	return US_OK;
}

static enum us_errc load_run(struct us_job *job, struct us_arena *arena, int64_t id, bool check_revision, struct us_run *ret_run,
	enum us_errc *ret_fits, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_run_load(c, arena, id, ret_run, err);
	if (rc == US_OK && check_revision)
		*ret_fits = us_sync_check_revision(c, ret_run, err);
	us_db_release(c);
	return rc;
}

/* The run that holds the cleanup of this one; 0: none. */
static int64_t held_part(const struct us_run *run)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *held = NULL;

	if (run->held.n)
		us_json_parse(&arena, run->held, US_JSON_LIMITS_SMALL, &held, NULL);
	int64_t part = us_json_int(held, "run", 0);
	us_arena_fini(&arena);
	return part;
}

/* The run to decide about: a run that has ended and left its cleanup to a decision stands for the one that holds it. */
static enum us_errc load_held(struct us_job *job, struct us_arena *arena, int64_t id, bool check_revision, struct us_run *ret_run,
	enum us_errc *ret_fits, struct us_err *err)
{
	enum us_errc rc = load_run(job, arena, id, check_revision, ret_run, ret_fits, err);
	int64_t part = rc == US_OK && ret_run->status != US_RUN_HELD ? held_part(ret_run) : 0;

	return part ? load_run(job, arena, part, check_revision, ret_run, ret_fits, err) : rc;
}

/* The run that a cleanup was held beside says who decided about it, too, if it is still kept. */
static enum us_errc tell_whole(struct us_dbc *c, const struct us_run *part, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run whole;
	enum us_errc rc = us_run_load(c, &arena, part->plan_run, &whole, err);

	if (rc == US_OK) {
		whole.decided_by = part->decided_by;
		rc = us_run_save(c, &whole, now_s, err);
	}
	us_arena_fini(&arena);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

/* HELD → status, with the name of who decided. */
static enum us_errc decide(struct us_job *job, struct us_run *run, enum us_run_status status, struct us_job_who who, struct us_err *err)
{
	struct us_dbc *c;
	int64_t now = us_clock_wall_s();
	enum us_errc rc = us_db_lease_writer(job->store->db, &c, err);

	if (rc)
		return rc;
	run->decided_by = who.name;
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_run_set_status(c, run->id, US_RUN_HELD, status, now, err);
	if (rc == US_OK)
		rc = us_run_save(c, run, now, err);
	if (rc == US_OK && run->kind == US_RUN_CLEANUP)
		rc = tell_whole(c, run, now, err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

static enum us_errc not_in(const struct us_run *run, const char *wanted, struct us_err *err)
{
	return us_err_set(err, US_CONFLICT, "run %lld is %s, not %s", (long long) run->id, us_run_status_text(run->status), wanted);
}

/* The plan no longer fits: another run of the same kind makes a new one. Keeps the reason in err. */
static enum us_errc plan_again(struct us_job *job, const struct us_run *run, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	bool is_part = run->kind == US_RUN_CLEANUP; /* of a full run or a delta: everything is looked at again */
	struct us_run again = { .connector = run->connector, .connector_uuid = run->connector_uuid, .directory = run->directory,
		.kind = is_part ? US_RUN_FULL : run->kind, .key = run->key, .plan_run = is_part ? 0 : run->plan_run, .actor = who.name,
		.trigger = who.trigger };
	struct us_err reason = *err;
	bool is_new;
	enum us_errc rc = schedule(job, &again, ret_run, &is_new, err);

	if (rc)
		return rc;
	return us_err_set(err, US_CONFLICT, "%s; run %lld makes a new plan", reason.text, (long long) *ret_run);
}

/* Whether the notifier's clock has noticed it yet or not. */
static bool has_expired(const struct us_run *run)
{
	return run->expires && !run->decided_by.n && (run->status == US_RUN_HELD || run->status == US_RUN_CANCELLED) &&
		us_clock_wall_s() >= run->expires;
}

static enum us_errc refuse_expired(struct us_job *job, const struct us_run *run, struct us_err *err)
{
	char at[US_CLOCK_ISO_BYTES];

	if (run->status == US_RUN_HELD)
		us_notifier_wake(job->notifier);
	return us_err_set(err, US_CONFLICT, "run %lld expired at %s: the source may give something else by now; start a new sync, which makes a new plan",
		(long long) run->id, us_clock_format(run->expires, at));
}

enum us_errc us_job_approve(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc fits = US_OK;
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = load_held(job, &arena, id, true, &run, &fits, &why);

	*ret_run = rc == US_OK ? run.id : id;
	if (rc)
		*err = why;
	else if (has_expired(&run))
		rc = refuse_expired(job, &run, err);
	else if (run.status != US_RUN_HELD)
		rc = not_in(&run, "HELD", err);
	else if (fits == US_CONFLICT) {
		rc = decide(job, &run, US_RUN_CANCELLED, who, err);
		if (rc == US_OK) {
			*err = why;
			rc = plan_again(job, &run, who, ret_run, err);
		}
	} else if (fits) {
		*err = why;
		rc = fits;
	} else {
		rc = decide(job, &run, US_RUN_SCHEDULED, who, err);
		if (rc == US_OK)
			enqueue(job, run.id, run.connector);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_reject(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc rc = load_held(job, &arena, id, false, &run, NULL, err);

	*ret_run = rc == US_OK ? run.id : id;
	if (rc == US_OK && run.status != US_RUN_HELD)
		rc = not_in(&run, "HELD", err);
	if (rc == US_OK)
		rc = decide(job, &run, US_RUN_CANCELLED, who, err);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc follow(struct us_job *job, const struct us_run *run, enum us_run_kind kind, struct us_job_who who, int64_t *ret_run,
	struct us_err *err)
{
	struct us_run next = { .connector = run->connector, .connector_uuid = run->connector_uuid, .directory = run->directory,
		.kind = kind, .plan_run = run->id, .actor = who.name, .trigger = who.trigger };

	return schedule(job, &next, ret_run, NULL, err);
}

enum us_errc us_job_apply(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc fits = US_OK;
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = load_run(job, &arena, id, true, &run, &fits, &why);

	*ret_run = id;
	if (rc)
		*err = why;
	else if (run.kind != US_RUN_SIMULATION || run.status != US_RUN_DONE)
		rc = us_err_set(err, US_CONFLICT, "run %lld is no finished simulation (it is a %s run, %s)", (long long) id,
			us_run_kind_text(run.kind), us_run_status_text(run.status));
	else if (fits) {
		*err = why;
		rc = fits == US_CONFLICT ? plan_again(job, &run, who, ret_run, err) : fits;
	} else {
		rc = follow(job, &run, US_RUN_APPLY, who, ret_run, err);
	}
	us_arena_fini(&arena);
	return rc;
}

static void tell_listener(struct us_job *job)
{
	pthread_mutex_lock(&job->lock);
	if (job->listener.done)
		job->listener.done(job->listener.context);
	pthread_mutex_unlock(&job->lock);
}

enum us_errc us_job_edit(struct us_job *job, const struct us_edit_request *request, struct us_edit_result *ret_result, struct us_err *err)
{
	enum us_errc rc = us_edit_apply(job->store, request, us_slice(job->node), ret_result, err);

	if (rc == US_OK && ret_result->run)
		tell_listener(job);
	return rc;
}

enum us_errc us_job_undo(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc rc = load_run(job, &arena, id, false, &run, NULL, err);

	*ret_run = id;
	if (rc == US_OK && (run.kind == US_RUN_SIMULATION || (run.status != US_RUN_DONE && run.status != US_RUN_FAILED)))
		rc = us_err_set(err, US_CONFLICT, "run %lld wrote nothing (it is a %s run, %s)", (long long) id, us_run_kind_text(run.kind),
			us_run_status_text(run.status));
	if (rc == US_OK && run.n_changes == 0)
		rc = us_err_set(err, US_CONFLICT, "run %lld changed nothing, or its rows are no longer kept", (long long) id);
	if (rc == US_OK && !run.connector) {
		rc = us_edit_undo(job->store, id, who.name, who.trigger, us_slice(job->node), ret_run, err);
		if (rc == US_OK)
			tell_listener(job);
	} else if (rc == US_OK) {
		rc = follow(job, &run, US_RUN_UNDO, who, ret_run, err);
	}
	us_arena_fini(&arena);
	return rc;
}

static bool is_known(void *context, struct us_hash key)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice value;
	bool is = us_known_find(context, key, 0, &arena, &value);

	us_arena_fini(&arena);
	return is;
}

static void keep_known(void *context, struct us_hash key, int64_t seconds)
{
	us_known_keep(context, key, 0, us_clock_wall_s() + seconds, US_SLICE("right"));
}

enum us_errc us_job_authenticate(struct us_job *job, int64_t directory, struct us_slice user, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	const struct us_authenticate_cache cache = { job->known, is_known, keep_known };
	const struct us_authenticate request = { .directory = directory, .user = user, .password = password, .cache = &cache };

	return us_authenticate_user(job->store, &request, &job->stops, ret_authentication, err);
}

enum us_errc us_job_test(struct us_job *job, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes, struct us_err *err)
{
	struct us_str lines = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(notes);
	enum us_errc rc = us_sync_test(job->store, connector, cancel, &lines, err);

	us_jsonw_open(&w, '[');
	for (size_t at = 0; at < lines.n;) {
		size_t n = strcspn(lines.p + at, "\n");
		if (n)
			us_jsonw_string(&w, (struct us_slice) { lines.p + at, n });
		at += n + 1;
	}
	us_jsonw_close(&w, ']');
	us_str_fini(&lines);
	return rc;
}

enum us_errc us_job_preview(struct us_job *job, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err)
{
	return us_sync_preview(job->store, connector, request, cancel, out, err);
}

enum us_errc us_job_explain(struct us_job *job, const struct us_explain_ask *ask, const atomic_bool *cancel, struct us_explained *ret_explained,
	struct us_err *err)
{
	return us_sync_explain(job->store, ask, cancel, ret_explained, err);
}

/* ---- watching ---- */

const char *us_phase_text(enum us_phase phase)
{
	static const char *const texts[] = { "index", "read", "plan", "guard", "apply", "done" };

	return texts[phase];
}

bool us_job_progress(struct us_job *job, int64_t run, struct us_progress *ret_progress)
{
	pthread_mutex_lock(&job->lock);
	struct entry *e = find_entry(job, run);
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
	while (find_entry(job, run) && !is_late)
		is_late = pthread_cond_timedwait(&job->finished, &job->lock, &until) != 0 && us_clock_monotonic_ms() >= deadline_ms;
	is_late = find_entry(job, run);
	pthread_mutex_unlock(&job->lock);
	return is_late ? us_err_set(err, US_TIMEOUT, "run %lld is still going on", (long long) run) : US_OK;
}

void us_job_notify(struct us_job *job, int64_t run, void (*done)(void *context), void *context)
{
	pthread_mutex_lock(&job->lock);
	bool is_over = !find_entry(job, run);
	if (!is_over) {
		struct waiter *w = us_malloc(sizeof *w);
		*w = (struct waiter) { job->waiters, run, done, context };
		job->waiters = w;
	}
	pthread_mutex_unlock(&job->lock);
	if (is_over)
		done(context);
}

void us_job_set_listener(struct us_job *job, void (*done)(void *context), void *context)
{
	pthread_mutex_lock(&job->lock);
	job->listener = (struct waiter) { .done = done, .context = context };
	pthread_mutex_unlock(&job->lock);
}

void us_job_forget(struct us_job *job, void *context)
{
	pthread_mutex_lock(&job->lock);
	for (struct waiter **at = &job->waiters; *at;) {
		struct waiter *w = *at;
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
	for (struct entry *e = job->entries; e; e = e->next) {
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
