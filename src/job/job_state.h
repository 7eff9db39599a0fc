/* The queue of runs and its workers: what its files share. job.c has queue and workers, job_ask.c starts and cancels, job_decide.c decides about
 * held, simulated and finished runs, job_watch.c tells how far they are. */
#ifndef US_JOB_JOB_STATE_H
#define US_JOB_JOB_STATE_H

#include <pthread.h>

#include "job/ending.h"
#include "job/job.h"
#include "job/notifier.h"
#include "net/known.h"
#include "sync/run.h"

enum { US_JOB_MAX_WORKERS = 64 };

/* A run that is queued (no worker yet) or at work. */
struct us_job_entry {
	struct us_job_entry *next;
	int64_t run, connector;
	bool is_active;
	atomic_bool cancel;
	struct us_sync_progress progress;
};

struct us_job_waiter {
	struct us_job_waiter *next;
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
	struct us_job_entry *entries;   /* in order of arrival */
	struct us_job_waiter *waiters;
	struct us_job_waiter listener;  /* of every run; done NULL: nobody */
	bool is_stopping;
	atomic_bool stops;        /* the same, for whoever waits for a source without the lock */
	unsigned n_workers, n_alive;
	pthread_t workers[US_JOB_MAX_WORKERS];
	int64_t source_requests, source_retries;
	struct us_endings endings; /* has a lock of its own */
	struct us_known *known;    /* the same; passwords that identity providers have just found right */
};

/* Under the lock; NULL: neither queued nor at work. */
struct us_job_entry *us_job_find_entry(struct us_job *job, int64_t run);

/* Gives the run, whose row is there, to the workers. */
void us_job_enqueue(struct us_job *job, int64_t run, int64_t connector);

/* Takes the entry out and tells all who wait for it. Frees it. */
void us_job_finish(struct us_job *job, struct us_job_entry *entry);
void us_job_tell_listener(struct us_job *job);

/* Moves the run's row from one status to another in a transaction of its own. Errors: US_CONFLICT (it is not in expect), of the store. */
enum us_errc us_job_set_status(struct us_job *job, int64_t run, enum us_run_status expect, enum us_run_status status, struct us_err *err);

/* Tries the ends of runs that the store has refused. */
void us_job_write_endings(struct us_job *job);

/* Makes the run's row and queues it. run needs connector, kind, key, plan_run, actor. A run of the connector that is there already is given instead:
 * *ret_is_new says so; without that it is US_CONFLICT. */
enum us_errc us_job_schedule(struct us_job *job, struct us_run *run, int64_t *ret_run, bool *ret_is_new, struct us_err *err);

#endif
