/* Worker: threads for calls that wait for others, so that those that only read are answered meanwhile. Bounded: what is too much is refused. */
#ifndef US_BASE_WORKER_H
#define US_BASE_WORKER_H

#include <stdbool.h>

struct us_worker;
struct us_worker *us_worker_new(unsigned threads, unsigned waiting);
void us_worker_free(struct us_worker *worker); /* what waits is still done */
/* false: too many wait; then run is not called. */
bool us_worker_do(struct us_worker *worker, void (*run)(void *data), void *data);

#endif
