#include "job/timer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/zonefile.h"
#include "model/schedule.h"
#include "store/connector.h"
#include "store/schedule.h"

enum { TRY_AGAIN_S = 30, IDLE_S = 400 * 86400 };

/* One connector. */
struct entry {
	struct entry *next;
	struct us_arena arena; /* of all texts and tables below */
	int64_t connector;
	struct us_slice uuid;
	bool is_on;            /* it has a schedule, and nothing stops it */
	struct us_schedule schedule;
	struct us_slice text;  /* the schedule as us_schedule_write gives it */
	struct us_schedule_state state;
	struct us_schedule_step step;
	int64_t not_before;    /* after a start that failed */
	int64_t paused, missed;
	struct us_slice paused_by, problem;
};

struct us_timer {
	struct us_store *store;
	struct us_job *job;
	pthread_mutex_t work;  /* one reload or look at the clock at a time; held while the store is used */
	pthread_mutex_t lock;  /* over the entries; short. Only the holder of work changes them */
	struct entry *entries;
	int clock_fd, news_fd;
	atomic_bool is_stopping, is_alive;
	bool has_thread;
	pthread_t thread;
};

static struct entry **find(struct us_timer *timer, int64_t connector)
{
	struct entry **at = &timer->entries;

	while (*at && (*at)->connector != connector)
		at = &(*at)->next;
	return at;
}

static void free_entry(struct entry *e)
{
	us_arena_fini(&e->arena);
	free(e);
}

static void wake(struct us_timer *timer)
{
	const uint64_t one = 1;

	/* Only a full counter could refuse it, and that one wakes as well. */
	if (write(timer->news_fd, &one, sizeof one) != sizeof one)
		us_assert(errno == EAGAIN);
}

/* ---- what is written down ---- */

static enum us_errc save_due(struct us_timer *timer, const struct entry *e, int64_t more_missed, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(timer->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_schedule_row_set_due(c, e->connector, e->state.due, e->state.saved, e->text, more_missed, err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

/* Sets what is waited for, in memory and in the store. A store that does not take it is no reason not to run: it is said in the log. */
static void set_due(struct us_timer *timer, struct entry *e, int64_t due, int64_t more_missed, int64_t now)
{
	struct us_err err = US_ERR_INIT;

	pthread_mutex_lock(&timer->lock);
	e->state = (struct us_schedule_state) { due, now };
	e->missed += more_missed;
	pthread_mutex_unlock(&timer->lock);
	/* A connector that was deleted a moment ago has no row any more; its entry goes with the reload that follows. */
	enum us_errc rc = save_due(timer, e, more_missed, &err);
	if (rc && rc != US_CONFLICT)
		us_log(US_LOG_ERROR, "schedule could not be recorded", "connector", US_LOG_INT(e->connector), "error", err.text, NULL);
}

/* ---- loading ---- */

static void read_schedule(struct entry *e, const struct us_connector *k, const struct us_schedule_row *row)
{
	struct us_err err = US_ERR_INIT;
	struct us_str text = US_STR_INIT;

	us_schedule_write(k->configuration, &text);
	e->text = text.n ? us_slice_dup(&e->arena, us_str_slice(&text)) : US_SLICE("");
	us_str_fini(&text);
	if (us_schedule_read(&e->arena, k->configuration, k->uuid, us_zonefile_read, &e->schedule, &err)) {
		e->problem = us_slice(us_arena_strdup(&e->arena, err.text));
		us_log(US_LOG_ERROR, "schedule cannot be kept", "connector", US_LOG_INT(e->connector), "error", err.text, NULL);
		return;
	}
	e->is_on = e->schedule.kind != US_SCHEDULE_OFF && k->enabled && !row->paused;
	if (e->is_on && row->due_for.p && us_slice_is_equal(row->due_for, e->text))
		e->state = (struct us_schedule_state) { row->due, row->saved };
}

/* *ret_entry NULL: there is no such connector. */
static enum us_errc load_entry(struct us_timer *timer, struct us_dbc *c, int64_t connector, struct entry **ret_entry, bool *ret_has_due,
	struct us_err *err)
{
	struct entry *e = us_calloc(1, sizeof *e);
	struct us_connector k;
	struct us_schedule_row row;
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long) connector);
	enum us_errc rc = us_connector_find(timer->store, c, &e->arena, us_slice(key), US_SECRETS_HIDDEN, &k, err);
	if (rc == US_OK)
		rc = us_schedule_row_load(c, &e->arena, connector, &row, err);
	if (rc) {
		free_entry(e);
		*ret_entry = NULL;
		return rc == US_NOT_FOUND ? US_OK : rc;
	}
	e->connector = connector;
	e->uuid = k.uuid;
	e->paused = row.paused;
	e->paused_by = row.paused_by;
	e->missed = row.missed;
	*ret_has_due = row.due != 0;
	read_schedule(e, &k, &row);
	*ret_entry = e;
	return US_OK;
}

static void look(struct us_timer *timer, struct entry *e, int64_t now);

/* Under work. */
static enum us_errc reload(struct us_timer *timer, int64_t connector, struct us_err *err)
{
	struct us_dbc *c;
	struct entry *fresh = NULL;
	bool has_due = false;
	enum us_errc rc = us_db_lease_reader(timer->store->db, &c, err);

	if (rc)
		return rc;
	rc = load_entry(timer, c, connector, &fresh, &has_due, err);
	us_db_release(c);
	if (rc)
		return rc;
	pthread_mutex_lock(&timer->lock);
	struct entry **at = find(timer, connector), *old = *at;
	if (old)
		*at = old->next;
	if (fresh) {
		fresh->next = timer->entries;
		timer->entries = fresh;
	}
	pthread_mutex_unlock(&timer->lock);
	if (old)
		free_entry(old);
	if (!fresh)
		return US_OK;
	int64_t now = us_clock_wall_s();
	if (fresh->is_on)
		look(timer, fresh, now);
	else if (has_due && !fresh->problem.p)
		set_due(timer, fresh, 0, 0, now); /* what is switched on again begins afresh */
	return US_OK;
}

static enum us_errc load_all(struct us_timer *timer, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector *list;
	size_t n = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(timer->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_connector_list(timer->store, c, &arena, US_SECRETS_HIDDEN, &list, &n, err);
	us_db_release(c);
	for (size_t i = 0; rc == US_OK && i < n; i++)
		rc = reload(timer, list[i].id, err);
	us_arena_fini(&arena);
	return rc;
}

/* ---- the clock ---- */

/* What the schedule says now. Under work. */
static void look(struct us_timer *timer, struct entry *e, int64_t now)
{
	struct us_schedule_step step;
	bool is_there = us_schedule_resolve(&e->schedule, &e->state, now, &step);

	pthread_mutex_lock(&timer->lock);
	e->is_on = is_there;
	if (is_there)
		e->step = step;
	pthread_mutex_unlock(&timer->lock);
	if (!is_there) {
		us_log(US_LOG_WARN, "schedule has no further times", "connector", US_LOG_INT(e->connector), NULL);
		return;
	}
	/* Times that are passed over are counted when they are; those that a late run makes up for, when it starts. */
	if (step.time.due != e->state.due) {
		if (step.missed)
			us_log(US_LOG_WARN, "scheduled times were missed", "connector", US_LOG_INT(e->connector), "times", US_LOG_INT(step.missed), NULL);
		set_due(timer, e, step.time.due, step.missed, now);
	}
}

/* Starts the run that is due. false: not now. */
static bool start(struct us_timer *timer, struct entry *e)
{
	struct us_err err = US_ERR_INIT;
	struct us_job_request request = { .connector = e->uuid, .kind = e->schedule.is_delta ? US_RUN_DELTA : US_RUN_FULL, .due = e->step.time.due,
		.who = { US_SLICE("schedule"), e->step.is_late ? US_TRIGGER_MISSED : US_TRIGGER_SCHEDULE } };
	int64_t run = 0;
	bool is_new = false;
	enum us_errc rc = us_job_start(timer->job, &request, &run, &is_new, &err);

	if (rc) {
		us_log(US_LOG_ERROR, "scheduled run could not be started", "connector", US_LOG_INT(e->connector), "error", err.text, NULL);
		return false;
	}
	us_log(US_LOG_INFO, is_new ? "schedule starts a run" : "schedule finds a run going on", "connector", US_LOG_INT(e->connector), "run",
		US_LOG_INT(run), "missed", US_LOG_INT(e->step.missed), NULL);
	return true;
}

static void run_due(struct us_timer *timer, struct entry *e, int64_t now)
{
	struct us_schedule_time next;
	int64_t due = e->step.time.due, missed = e->step.missed;

	if (!start(timer, e)) {
		pthread_mutex_lock(&timer->lock);
		e->not_before = now + TRY_AGAIN_S;
		pthread_mutex_unlock(&timer->lock);
		return;
	}
	bool goes_on = us_schedule_advance(&e->schedule, due, now, &next);
	pthread_mutex_lock(&timer->lock);
	e->not_before = 0;
	e->is_on = goes_on;
	if (goes_on)
		e->step = (struct us_schedule_step) { .time = next };
	pthread_mutex_unlock(&timer->lock);
	set_due(timer, e, goes_on ? next.due : 0, missed, now);
}

static int64_t start_of(const struct entry *e) { return e->step.time.start > e->not_before ? e->step.time.start : e->not_before; }

/* Runs what is due; gives the time of the next start. */
static int64_t look_at_all(struct us_timer *timer)
{
	int64_t now = us_clock_wall_s(), least = now + IDLE_S;

	pthread_mutex_lock(&timer->work);
	for (struct entry *e = timer->entries; e && !timer->is_stopping; e = e->next) {
		if (e->is_on)
			look(timer, e, now);
		if (e->is_on && start_of(e) <= now)
			run_due(timer, e, now);
		if (e->is_on && start_of(e) < least)
			least = start_of(e);
	}
	pthread_mutex_unlock(&timer->work);
	return least;
}

/* Until a moment, news, or another time on the clock of the wall. */
static void sleep_until(struct us_timer *timer, int64_t wall_s)
{
	struct itimerspec at = { .it_value = { .tv_sec = wall_s > 0 ? wall_s : 1 } };
	struct pollfd fds[2] = { { timer->clock_fd, POLLIN, 0 }, { timer->news_fd, POLLIN, 0 } };
	uint64_t ignored;

	/* ECANCELED says that the clock was set a moment ago: there is nothing to wait for. */
	if (timerfd_settime(timer->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) != 0)
		us_assert(errno == ECANCELED);
	else
		while (poll(fds, 2, -1) < 0)
			us_assert(errno == EINTR);
	/* Neither blocks; what they hold does not matter. */
	if (read(timer->clock_fd, &ignored, sizeof ignored) < 0)
		us_assert(errno == EAGAIN || errno == ECANCELED);
	if (read(timer->news_fd, &ignored, sizeof ignored) < 0)
		us_assert(errno == EAGAIN);
}

static void *run(void *context)
{
	struct us_timer *timer = context;

	while (!timer->is_stopping)
		sleep_until(timer, look_at_all(timer));
	timer->is_alive = false;
	return NULL;
}

/* ---- from outside ---- */

enum us_errc us_timer_open(struct us_store *store, struct us_job *job, struct us_timer **ret_timer, struct us_err *err)
{
	struct us_timer *timer = us_calloc(1, sizeof *timer);
	enum us_errc rc;

	timer->store = store;
	timer->job = job;
	pthread_mutex_init(&timer->work, NULL);
	pthread_mutex_init(&timer->lock, NULL);
	timer->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	timer->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (timer->clock_fd < 0 || timer->news_fd < 0) {
		rc = us_err_set_native(err, US_UNAVAILABLE, errno, "no timer for the schedules: %s", strerror(errno));
	} else {
		pthread_mutex_lock(&timer->work);
		rc = load_all(timer, err);
		pthread_mutex_unlock(&timer->work);
	}
	if (rc == US_OK) {
		timer->is_alive = true;
		timer->has_thread = pthread_create(&timer->thread, NULL, run, timer) == 0;
		if (!timer->has_thread)
			rc = us_err_set(err, US_UNAVAILABLE, "cannot start the thread of the schedules");
	}
	if (rc)
		us_timer_close(timer);
	else
		*ret_timer = timer;
	return rc;
}

void us_timer_close(struct us_timer *timer)
{
	if (!timer)
		return;
	timer->is_stopping = true;
	if (timer->has_thread) {
		wake(timer);
		pthread_join(timer->thread, NULL);
	}
	while (timer->entries) {
		struct entry *next = timer->entries->next;
		free_entry(timer->entries);
		timer->entries = next;
	}
	if (timer->clock_fd >= 0)
		close(timer->clock_fd);
	if (timer->news_fd >= 0)
		close(timer->news_fd);
	pthread_mutex_destroy(&timer->work);
	pthread_mutex_destroy(&timer->lock);
	free(timer);
}

enum us_errc us_timer_reload(struct us_timer *timer, int64_t connector, struct us_err *err)
{
	pthread_mutex_lock(&timer->work);
	enum us_errc rc = reload(timer, connector, err);
	pthread_mutex_unlock(&timer->work);
	wake(timer);
	return rc;
}

void us_timer_show(struct us_timer *timer, int64_t connector, struct us_arena *arena, struct us_timer_view *ret_view)
{
	struct us_timer_view view = { .n = 0 };

	pthread_mutex_lock(&timer->lock);
	struct entry *e = *find(timer, connector);
	if (e) {
		view.paused = e->paused;
		view.paused_by = us_slice_dup(arena, e->paused_by);
		view.missed = e->missed;
		view.problem = us_slice_dup(arena, e->problem);
	}
	if (e && e->is_on) {
		struct us_schedule_time time = { e->step.time.due, start_of(e) };
		do
			view.starts[view.n++] = time.start;
		while (view.n < US_TIMER_SHOWN && us_schedule_advance(&e->schedule, time.due, time.start, &time));
	}
	pthread_mutex_unlock(&timer->lock);
	*ret_view = view;
}

enum us_errc us_timer_check(struct us_timer *timer, struct us_err *err)
{
	return timer->is_alive ? US_OK : us_err_set(err, US_UNAVAILABLE, "the schedules have stopped");
}
