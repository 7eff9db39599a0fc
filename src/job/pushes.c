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

enum { TRY_AGAIN_MS = 30000, RETRY_MS = 5000, RETRY_MOST_MS = 3600000, LOOK_AGAIN_MS = 200 };

/* A connector for which a run may be owed: the store says whether it is. */
struct entry {
	struct entry *next;
	int64_t connector;
	unsigned n_notes;          /* goes on with each push */
	bool has_pushes;           /* since the last run was started */
	int64_t first_ms, last_ms; /* monotonic: of those */
	bool takes_up;             /* also a run that was stopped: the server has begun, or the connector was saved */
	int64_t started;           /* the run that was; 0: none, or what became of it is known */
	int64_t waits_for;         /* a run that is going on; 0: none */
	unsigned n_failed;         /* runs, one after the other */
	int64_t not_before_ms;     /* after one */
};

struct us_pushes {
	struct us_store *store;
	struct us_job *job;
	int64_t retry_ms;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct entry *entries; /* only the thread removes them */
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
	enum us_pushed_owed owed;
	int64_t quiet_ms, latest_ms;
};

static struct entry *find(struct us_pushes *p, int64_t connector)
{
	struct entry **at = &p->entries;

	while (*at && (*at)->connector != connector)
		at = &(*at)->next;
	if (!*at) {
		*at = us_calloc(1, sizeof **at);
		(*at)->connector = connector;
	}
	return *at;
}

/* The lock is held. What has failed before may go well now. */
static void note(struct us_pushes *p, int64_t connector, bool takes_up)
{
	struct entry *e = find(p, connector);

	e->last_ms = us_clock_monotonic_ms();
	if (!e->has_pushes)
		e->first_ms = e->last_ms;
	e->has_pushes = true;
	e->takes_up |= takes_up;
	e->n_notes++;
	e->not_before_ms = 0;
}

static void note_and_tell(struct us_pushes *p, int64_t connector, bool takes_up)
{
	pthread_mutex_lock(&p->lock);
	note(p, connector, takes_up);
	p->has_news = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void us_pushes_note(struct us_pushes *p, int64_t connector) { note_and_tell(p, connector, false); }

void us_pushes_reload(struct us_pushes *p, int64_t connector) { note_and_tell(p, connector, true); }

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
	rc = us_db_begin(c, err);
	if (!rc)
		rc = us_connector_find(p->store, c, &o->arena, us_slice(key), US_SECRETS_HIDDEN, &o->connector, err);
	if (!rc)
		rc = us_pushed_load_state(c, connector, &o->state, err);
	if (!rc)
		rc = us_pushed_load_owed(c, connector, &o->owed, err);
	us_db_release(c);
	if (rc)
		return rc;
	if (o->owed == US_PUSHED_NOTHING)
		return US_OK; /* any type: whatever was saved is looked at */
	const struct us_type *type = us_type_find(p->store->types, o->connector.type);
	const struct us_conf conf = { type ? type->options : NULL, o->connector.configuration };
	o->quiet_ms = type ? us_conf_int(&conf, "quietSeconds") * 1000 : 0;
	o->latest_ms = type ? us_conf_int(&conf, "latestSeconds") * 1000 : 0;
	return US_OK;
}

static enum us_errc note_run(struct us_pushes *p, const struct owner *o, int64_t run, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_begin_write(p->store->db, &c, err);

	return rc ? rc : us_db_end_write(c, us_pushed_note_run(c, o->connector.id, o->state.change, run, err), err);
}

/* *ret_is_new false: the run was going on already, and may have read before the last push; true: it has been started, and reads all of it. */
static enum us_errc start(struct us_pushes *p, const struct owner *o, int64_t *ret_run, bool *ret_is_new, struct us_err *err)
{
	const struct us_job_request request = { .connector = o->connector.uuid, .kind = US_RUN_DELTA, .who = { US_SLICE("push"), US_TRIGGER_PUSH } };
	enum us_errc rc = us_job_start(p->job, &request, ret_run, ret_is_new, err);

	if (rc || !*ret_is_new)
		return rc;
	us_log(US_LOG_INFO, "pushes start a run", "connector", US_LOG_INT(o->connector.id), "run", US_LOG_INT(*ret_run), NULL);
	return note_run(p, o, *ret_run, err);
}

enum verdict { NOTHING, WAIT, START };

static enum verdict judge(const struct owner *o, bool takes_up)
{
	if (!o->connector.enabled)
		return NOTHING;
	switch (o->owed) {
	case US_PUSHED_NOTHING:
		break;
	case US_PUSHED_GOING_ON:
		return WAIT;
	case US_PUSHED_STOPPED:
		return takes_up ? START : NOTHING;
	case US_PUSHED_NEW:
	case US_PUSHED_FAILED:
		return START;
	}
	return NOTHING;
}

/* The lock is held. */
static void note_failure(struct us_pushes *p, struct entry *e, const struct owner *o)
{
	int64_t wait_ms = p->retry_ms;

	for (unsigned i = 0; i < e->n_failed && wait_ms < RETRY_MOST_MS; i++)
		wait_ms *= 2;
	wait_ms = wait_ms < RETRY_MOST_MS ? wait_ms : RETRY_MOST_MS;
	us_log(US_LOG_WARN, "run for pushes has failed and is tried again", "connector", US_LOG_INT(e->connector), "run", US_LOG_INT(o->state.run),
		"milliseconds", US_LOG_INT(wait_ms), NULL);
	e->n_failed++;
	if (!e->has_pushes)
		e->not_before_ms = us_clock_monotonic_ms() + wait_ms;
}

static int64_t due_of(const struct entry *e, const struct owner *o)
{
	int64_t quiet = e->last_ms + o->quiet_ms, latest = e->first_ms + o->latest_ms;
	int64_t due = !e->has_pushes ? 0 : quiet < latest ? quiet : latest;

	return due > e->not_before_ms ? due : e->not_before_ms;
}

static void remove_entry(struct us_pushes *p, struct entry *e)
{
	struct entry **at = &p->entries;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e);
}

/* The lock is held. What came while the run was being started may be read by it or not. */
static void note_start(struct entry *e, int64_t run, unsigned n_notes)
{
	e->started = run;
	e->takes_up = false;
	if (e->n_notes == n_notes)
		e->has_pushes = false;
	else
		e->first_ms = e->last_ms;
}

/* Whether it is to be done at once; *ret_due: when to look again, if not. The lock is held. */
static bool is_due(struct us_pushes *p, struct entry *e, const struct owner *o, int64_t *ret_due)
{
	if (o->owed == US_PUSHED_FAILED && e->started == o->state.run)
		note_failure(p, e, o);
	if (o->owed != US_PUSHED_GOING_ON)
		e->started = 0;
	*ret_due = due_of(e, o);
	return *ret_due <= us_clock_monotonic_ms();
}

/* The lock is held, and given up meanwhile. Returns when to look again: monotonic ms. */
static int64_t look(struct us_pushes *p, struct entry *e)
{
	struct owner o = { 0 };
	struct us_err err = US_ERR_INIT;
	unsigned n_notes = e->n_notes;
	bool takes_up = e->takes_up, is_new = false, is_going = false;
	int64_t connector = e->connector, run = 0, due;
	enum verdict verdict = NOTHING;

	pthread_mutex_unlock(&p->lock);
	enum us_errc rc = load(p, connector, &o, &err);
	if (rc == US_NOT_FOUND)
		rc = US_OK;
	else if (!rc)
		verdict = judge(&o, takes_up);
	pthread_mutex_lock(&p->lock);
	if (!rc && verdict == START && !is_due(p, e, &o, &due)) {
		us_arena_fini(&o.arena);
		return due;
	}
	pthread_mutex_unlock(&p->lock);
	if (!rc && verdict == START)
		rc = start(p, &o, &run, &is_new, &err);
	else if (!rc && verdict == WAIT)
		run = o.state.run;
	us_arena_fini(&o.arena);
	if (!rc && run)
		is_going = us_job_wait(p->job, run, 0, NULL) == US_TIMEOUT;
	if (is_going)
		us_job_notify(p->job, run, run_is_over, p);
	if (rc)
		us_log(US_LOG_ERROR, "run for pushes could not be started", "connector", US_LOG_INT(connector), "error", err.text, NULL);
	pthread_mutex_lock(&p->lock);
	if (rc)
		return e->not_before_ms = us_clock_monotonic_ms() + TRY_AGAIN_MS;
	if (is_new)
		note_start(e, run, n_notes);
	if (is_going) {
		e->waits_for = run;
		return INT64_MAX;
	}
	if (verdict == NOTHING && e->n_notes == n_notes) {
		remove_entry(p, e);
		return INT64_MAX;
	}
	/* A run that is over, while its end has not been written yet. */
	return us_clock_monotonic_ms() + (verdict == WAIT ? LOOK_AGAIN_MS : 0);
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

/* Invariant: each connector for which a run is owed, or was started, is an entry until that run has ended well; next_ms is the earliest time at which one may be due. */
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
		note(p, owed[i], true);
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

enum us_errc us_pushes_open(const struct us_pushes_conf *conf, struct us_pushes **ret_pushes, struct us_err *err)
{
	struct us_pushes *p = us_calloc(1, sizeof *p);
	pthread_condattr_t monotonic;

	p->store = conf->store;
	p->job = conf->job;
	p->retry_ms = conf->retry_ms ? conf->retry_ms : RETRY_MS;
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
