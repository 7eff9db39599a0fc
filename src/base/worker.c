#include "base/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

struct task {
	void (*run)(void *data);
	void *data;
};

struct us_worker {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct task *ring; /* n of room from first on */
	unsigned room, first, n;
	bool is_closing;
	unsigned threads;
	pthread_t thread[];
};

static void *work(void *data)
{
	struct us_worker *worker = data;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->n && !worker->is_closing)
			pthread_cond_wait(&worker->changed, &worker->lock);
		if (!worker->n)
			break;
		struct task task = worker->ring[worker->first];
		worker->first = (worker->first + 1) % worker->room;
		worker->n--;
		pthread_mutex_unlock(&worker->lock);
		task.run(task.data);
		pthread_mutex_lock(&worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

struct us_worker *us_worker_new(unsigned threads, unsigned waiting)
{
	struct us_worker *worker = us_calloc(1, sizeof *worker + threads * sizeof *worker->thread);

	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	worker->room = waiting;
	worker->ring = us_calloc(waiting, sizeof *worker->ring);
	for (; worker->threads < threads; worker->threads++)
		if (pthread_create(&worker->thread[worker->threads], NULL, work, worker) != 0)
			us_err_nomem();
	return worker;
}

void us_worker_free(struct us_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->is_closing = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	for (unsigned i = 0; i < worker->threads; i++)
		pthread_join(worker->thread[i], NULL);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker->ring);
	free(worker);
}

bool us_worker_do(struct us_worker *worker, void (*run)(void *data), void *data)
{
	pthread_mutex_lock(&worker->lock);
	bool has_room = worker->n < worker->room && !worker->is_closing;
	if (has_room) {
		worker->ring[(worker->first + worker->n) % worker->room] = (struct task) { run, data };
		worker->n++;
		pthread_cond_signal(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
	return has_room;
}
