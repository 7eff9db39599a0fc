#include "job/pushes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/option.h"
#include "store/connector.h"
#include "store/pushed.h"

enum { TRY_AGAIN_MS = 30000 };

/* A connector for which a run is owed. */
struct entry {
	struct entry *next;
	int64_t connector;
	int64_t first_ms, last_ms; /* monotonic: of the pushes that the run is for */
	int64_t not_before_ms;     /* after a start that failed */
	int64_t waits_for;         /* a run that is going on; 0: none */
};

struct us_pushes {
	struct us_store *store;
	struct us_job *job;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct entry *entries;
	bool is_stopping;
	bool is_over;  /* some run has ended that an entry waits for */
	bool has_news; /* since the entries were last looked at */
	pthread_t thread;
};

/* What one start needs to know. */
struct owner {
	struct us_arena arena;
	struct us_connector connector;
	struct us_pushed_state state;
	int64_t quiet_ms, latest_ms;
};

static struct entry **find(struct us_pushes *p, int64_t connector)
{
	struct entry **at = &p->entries;

	while (*at && (*at)->connector != connector)
		at = &(*at)->next;
	return at;
}

/* The lock is held. */
static void note(struct us_pushes *p, int64_t connector, int64_t now_ms)
{
	struct entry **at = find(p, connector);

	if (!*at) {
		*at = us_calloc(1, sizeof **at);
		(*at)->connector = connector;
		(*at)->first_ms = now_ms;
	}
	(*at)->last_ms = now_ms;
}

void us_pushes_note(struct us_pushes *p, int64_t connector)
{
	pthread_mutex_lock(&p->lock);
	note(p, connector, us_clock_monotonic_ms());
	p->has_news = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* From a worker: short. */
static void run_is_over(void *context)
{
	struct us_pushes *p = context;

	pthread_mutex_lock(&p->lock);
	p->is_over = p->has_news = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* ---- one connector ---- */

static enum us_errc load(struct us_pushes *p, int64_t connector, struct owner *o, struct us_err *err)
{
	struct us_dbc *c;
	char key[24];
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, err);

	if (rc)
		return rc;
	snprintf(key, sizeof key, "%lld", (long long) connector);
	rc = us_connector_find(p->store, c, &o->arena, us_slice(key), US_SECRETS_HIDDEN, &o->connector, err);
	if (!rc)
		rc = us_pushed_load_state(c, connector, &o->state, err);
	us_db_release(c);
	if (rc)
		return rc;
	const struct us_type *type = us_type_find(p->store->types, o->connector.type);
	const struct us_conf conf = { type ? type->options : NULL, o->connector.configuration };
	o->quiet_ms = type ? us_conf_int(&conf, "quietSeconds") * 1000 : 0;
	o->latest_ms = type ? us_conf_int(&conf, "latestSeconds") * 1000 : 0;
	return US_OK;
}

static enum us_errc note_run(struct us_pushes *p, const struct owner *o, int64_t run, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(p->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (!rc)
		rc = us_pushed_note_run(c, o->connector.id, o->state.change, run, err);
	if (!rc)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

/* *ret_run: a run that was going on already, and may have read before the last push; 0: one has been started that reads all of it. */
static enum us_errc start(struct us_pushes *p, const struct owner *o, int64_t *ret_run, struct us_err *err)
{
	const struct us_job_request request = { .connector = o->connector.uuid, .kind = US_RUN_DELTA, .who = { US_SLICE("push"), US_TRIGGER_PUSH } };
	int64_t run = 0;
	bool is_new = false;
	enum us_errc rc = us_job_start(p->job, &request, &run, &is_new, err);

	*ret_run = 0;
	if (rc)
		return rc;
	if (!is_new) {
		*ret_run = run;
		return US_OK;
	}
	us_log(US_LOG_INFO, "pushes start a run", "connector", US_LOG_INT(o->connector.id), "run", US_LOG_INT(run), NULL);
	return note_run(p, o, run, err);
}

static int64_t due_of(const struct entry *e, const struct owner *o)
{
	int64_t quiet = e->last_ms + o->quiet_ms, latest = e->first_ms + o->latest_ms;
	int64_t due = quiet < latest ? quiet : latest;

	return due > e->not_before_ms ? due : e->not_before_ms;
}

/* The lock is held, and given up meanwhile; nobody else removes entries. Returns when to look again: monotonic ms. */
static int64_t look(struct us_pushes *p, struct entry *e)
{
	struct owner o = { 0 };
	struct us_err err = US_ERR_INIT;
	int64_t connector = e->connector, run = 0, due = 0;
	struct entry before = *e;

	pthread_mutex_unlock(&p->lock);
	enum us_errc rc = load(p, connector, &o, &err);
	bool is_gone = rc == US_NOT_FOUND || (!rc && !o.connector.enabled);
	pthread_mutex_lock(&p->lock);
	if (!rc && !is_gone && (due = due_of(e, &o)) > us_clock_monotonic_ms()) {
		us_arena_fini(&o.arena);
		return due;
	}
	before = *e;
	pthread_mutex_unlock(&p->lock);
	if (!rc && !is_gone)
		rc = start(p, &o, &run, &err);
	us_arena_fini(&o.arena);
	if (run)
		us_job_notify(p->job, run, run_is_over, p);
	if (rc && !is_gone)
		us_log(US_LOG_ERROR, "run for pushes could not be started", "connector", US_LOG_INT(connector), "error", err.text, NULL);
	pthread_mutex_lock(&p->lock);
	e = *find(p, connector);
	if (rc && !is_gone) {
		e->not_before_ms = us_clock_monotonic_ms() + TRY_AGAIN_MS;
		return e->not_before_ms;
	}
	if (run) {
		e->waits_for = run;
		return INT64_MAX;
	}
	/* What came while the run was being started may be read by it or not. */
	if (!is_gone && e->last_ms != before.last_ms) {
		e->first_ms = e->last_ms;
		return e->last_ms;
	}
	struct entry **at = find(p, connector);
	*at = e->next;
	free(e);
	return INT64_MAX;
}

/* Until then, or until there is news. */
static void rest(struct us_pushes *p, int64_t until_ms)
{
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

	if (until_ms == INT64_MAX)
		pthread_cond_wait(&p->changed, &p->lock);
	else
		pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

/* Invariant: each connector with a push that no run has been started for is an entry; next_ms is the earliest time at which one may be due. */
static void *work(void *data)
{
	struct us_pushes *p = data;

	pthread_mutex_lock(&p->lock);
	while (!p->is_stopping) {
		int64_t next_ms = INT64_MAX;
		bool is_over = p->is_over;
		p->is_over = p->has_news = false;
		for (struct entry *e = p->entries, *next; e && !p->is_stopping; e = next) {
			next = e->next;
			if (is_over)
				e->waits_for = 0;
			if (e->waits_for)
				continue;
			int64_t due = look(p, e);
			next_ms = due < next_ms ? due : next_ms;
		}
		if (!p->is_stopping && !p->has_news && next_ms > us_clock_monotonic_ms())
			rest(p, next_ms);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static enum us_errc load_owed(struct us_pushes *p, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	int64_t *owed;
	size_t n = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_pushed_list_owed(c, &arena, &owed, &n, err);
	us_db_release(c);
	for (size_t i = 0; i < n && !rc; i++)
		note(p, owed[i], us_clock_monotonic_ms());
	us_arena_fini(&arena);
	return rc;
}

static void free_all(struct us_pushes *p)
{
	for (struct entry *e = p->entries, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

enum us_errc us_pushes_open(struct us_store *store, struct us_job *job, struct us_pushes **ret_pushes, struct us_err *err)
{
	struct us_pushes *p = us_calloc(1, sizeof *p);
	pthread_condattr_t monotonic;

	p->store = store;
	p->job = job;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	enum us_errc rc = load_owed(p, err);
	if (!rc && pthread_create(&p->thread, NULL, work, p) != 0)
		rc = us_err_set(err, US_UNAVAILABLE, "no thread for pushes could be started");
	if (rc) {
		free_all(p);
		return rc;
	}
	*ret_pushes = p;
	return US_OK;
}

void us_pushes_close(struct us_pushes *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_stopping = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	us_job_forget(p->job, p);
	free_all(p);
}
