#include "serve/logins.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum { WRITE_EVERY_MS = 3000, WAITING_MOST = 4096 };

struct seen {
	int64_t directory;
	struct us_login login;
};

struct us_logins {
	struct us_store *store;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct us_arena arena; /* of the waiting ones' texts */
	struct seen *waiting;
	size_t n;
	bool is_closing;
	pthread_t writer;
};

static int by_directory(const void *a, const void *b)
{
	int64_t x = ((const struct seen *) a)->directory, y = ((const struct seen *) b)->directory;

	return x < y ? -1 : x > y;
}

static enum us_errc write_all(struct us_dbc *c, const struct seen *list, size_t n, struct us_err *err)
{
	struct us_login *logins = us_calloc(n, sizeof *logins);
	enum us_errc rc = us_db_begin(c, err);

	for (size_t from = 0, to; from < n && !rc; from = to) {
		for (to = from; to < n && list[to].directory == list[from].directory; to++)
			logins[to - from] = list[to].login;
		rc = us_login_note(c, list[from].directory, logins, to - from, NULL, err);
	}
	free(logins);
	return rc ? rc : us_db_commit(c, err);
}

static void write_waiting(struct us_logins *logins, struct seen *list, size_t n)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = NULL;
	enum us_errc rc = us_db_lease_writer(logins->store->db, &c, &err);

	qsort(list, n, sizeof *list, by_directory);
	if (!rc)
		rc = write_all(c, list, n, &err);
	if (rc)
		us_log(US_LOG_WARN, "logins are not written down", "logins", US_LOG_INT((int64_t) n), "error", err.text, NULL);
	us_db_release(c);
}

static void *work(void *data)
{
	struct us_logins *logins = data;
	struct seen *list = us_calloc(WAITING_MOST, sizeof *list);
	bool is_last;

	pthread_mutex_lock(&logins->lock);
	do {
		while (!logins->is_closing && !logins->n)
			pthread_cond_wait(&logins->changed, &logins->lock);
		/* Others may follow: they are written together. */
		int64_t wall_ms = us_clock_wall_ms() + WRITE_EVERY_MS;
		struct timespec until = { .tv_sec = wall_ms / 1000, .tv_nsec = wall_ms % 1000 * 1000000 };
		while (!logins->is_closing && logins->n < WAITING_MOST / 2 && pthread_cond_timedwait(&logins->changed, &logins->lock, &until) == 0)
			;
		is_last = logins->is_closing;
		struct us_arena arena = logins->arena;
		size_t n = logins->n;
		memcpy(list, logins->waiting, n * sizeof *list);
		logins->n = 0;
		us_arena_init(&logins->arena);
		pthread_mutex_unlock(&logins->lock);
		if (n)
			write_waiting(logins, list, n);
		us_arena_fini(&arena);
		pthread_mutex_lock(&logins->lock);
	} while (!is_last);
	pthread_mutex_unlock(&logins->lock);
	free(list);
	return NULL;
}

struct us_logins *us_logins_new(struct us_store *store)
{
	struct us_logins *logins = us_calloc(1, sizeof *logins);

	logins->store = store;
	logins->waiting = us_calloc(WAITING_MOST, sizeof *logins->waiting);
	us_arena_init(&logins->arena);
	pthread_mutex_init(&logins->lock, NULL);
	pthread_cond_init(&logins->changed, NULL);
	if (pthread_create(&logins->writer, NULL, work, logins) != 0)
		us_err_nomem();
	return logins;
}

void us_logins_free(struct us_logins *logins)
{
	pthread_mutex_lock(&logins->lock);
	logins->is_closing = true;
	pthread_cond_signal(&logins->changed);
	pthread_mutex_unlock(&logins->lock);
	pthread_join(logins->writer, NULL);
	pthread_cond_destroy(&logins->changed);
	pthread_mutex_destroy(&logins->lock);
	us_arena_fini(&logins->arena);
	free(logins->waiting);
	free(logins);
}

void us_logins_note(struct us_logins *logins, int64_t directory, uint32_t user, struct us_slice application)
{
	bool is_full;

	pthread_mutex_lock(&logins->lock);
	is_full = logins->n == WAITING_MOST;
	if (!is_full)
		logins->waiting[logins->n++] = (struct seen) { directory, { user, us_clock_wall_s(), us_slice_dup(&logins->arena, application) } };
	pthread_cond_signal(&logins->changed);
	pthread_mutex_unlock(&logins->lock);
	if (is_full)
		us_log(US_LOG_WARN, "a login is not written down: too many wait for the store", NULL);
}
