/* Ends that the store has refused so far.
 *
 * A run whose end cannot be written (the disk is full) would keep its connector for ever: the store still
 * says RUNNING, and nobody works on it. Such an end waits here until the store takes it: FAILED, with the
 * reason, no counters and no rows, because nothing was changed. Thread-safe. Errors: none; what cannot be
 * written now stays.
 */
#ifndef US_JOB_ENDING_H
#define US_JOB_ENDING_H

#include <pthread.h>

#include "base/err.h"
#include "store/store.h"

struct us_ending;

struct us_endings {
	struct us_store *store;
	pthread_mutex_t lock; /* over first */
	struct us_ending *first;
};

void us_endings_init(struct us_endings *endings, struct us_store *store);
void us_endings_fini(struct us_endings *endings); /* forgets what is left: the next start finds those runs */

/* Takes the run's end. reason is copied; it becomes the run's last message. */
void us_endings_add(struct us_endings *endings, int64_t run, const char *reason);
/* Writes what the store takes now. Returns how many are left; costs nothing if there is none. */
size_t us_endings_write(struct us_endings *endings);
/* US_DISK with the oldest one's reason if any is left. */
enum us_errc us_endings_check(struct us_endings *endings, struct us_err *err);

#endif
