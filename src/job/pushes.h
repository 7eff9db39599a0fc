/* Pushes: starts a run of a connector that something was pushed into, once the pushes have come to rest.
 *
 * One thread. Pushes that follow each other are one run: it starts when nothing has come for `quietSeconds`, at the latest `latestSeconds` after the first
 * push. While a run of the connector is going on, the next one waits for its end. That a run is owed is in the store, so a server that died in
 * between starts it when it is there again; what was pushed in before a run that failed or is held is planned by the next one with the rest.
 * Thread-safe.
 */
#ifndef US_JOB_PUSHES_H
#define US_JOB_PUSHES_H

#include "job/job.h"

struct us_pushes;

/* Also takes up what is owed from before. */
enum us_errc us_pushes_open(struct us_store *store, struct us_job *job, struct us_pushes **ret_pushes, struct us_err *err);
void us_pushes_close(struct us_pushes *pushes); /* before the job; what is owed stays so */

/* Something has been pushed into the connector, and is durable. */
void us_pushes_note(struct us_pushes *pushes, int64_t connector);

#endif
