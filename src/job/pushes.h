/* Pushes: starts a run of a connector that something was pushed into, once the pushes have come to rest.
 *
 * One thread. Pushes that follow each other are one run: it starts when nothing has come for `quietSeconds`, at the latest `latestSeconds` after the first
 * push. While a run of the connector is going on, the next one waits for its end. One that fails is followed by another, sooner first and later at least
 * each hour, or with the next push; one that is held waits for its decision, and one that somebody cancels for the next push. That a run is owed is
 * in the store, so a server that was stopped or died in between starts it when it is there again, as does a connector that is switched on.
 * Thread-safe.
 */
#ifndef US_JOB_PUSHES_H
#define US_JOB_PUSHES_H

#include "job/job.h"

struct us_pushes;

struct us_pushes_conf {
	struct us_store *store;
	struct us_job *job;
	int64_t retry_ms; /* how long after its end a run that has failed is tried again, the first time; 0: 5 s */
};

/* Also takes up what is owed from before. */
enum us_errc us_pushes_open(const struct us_pushes_conf *conf, struct us_pushes **ret_pushes, struct us_err *err);
void us_pushes_close(struct us_pushes *pushes); /* before the job; what is owed stays so */

/* Something has been pushed into the connector, and is durable. */
void us_pushes_note(struct us_pushes *pushes, int64_t connector);
/* The connector was saved: what stood against a run may be gone. As if a push had come, where a run is owed. */
void us_pushes_reload(struct us_pushes *pushes, int64_t connector);

#endif
