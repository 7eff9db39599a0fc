/* Notifier: takes notices from the outbox to their targets, and looks what the time brings. One thread
 * decides what is due, a few others send, at most one to a target at a time, so that a target that hangs
 * holds up nobody else.
 *
 * Each try is counted in the store before it is made: a server that dies in one tries again, never sooner
 * than its turn. Thread-safe. Errors: as store, plus what is said below.
 */
#ifndef US_JOB_NOTIFIER_H
#define US_JOB_NOTIFIER_H

#include "store/store.h"

struct us_notifier;

enum us_errc us_notifier_open(struct us_store *store, struct us_notifier **ret_notifier, struct us_err *err);
/* Breaks off what is being sent, tests too; it goes out again after the next start. NULL is fine. */
void us_notifier_stop(struct us_notifier *notifier);
void us_notifier_close(struct us_notifier *notifier); /* stops, waits, frees */

/* Something may be due: a run has ended, a delivery is to be tried again. NULL is fine. */
void us_notifier_wake(struct us_notifier *notifier);
/* Settings have changed: also look at dates and ages now. */
void us_notifier_recheck(struct us_notifier *notifier);

/* Sends a test to the target, once and at once, beside the outbox; also to one that is disabled. Blocks. *ret_enabled: whether notices
 * go there. US_NOT_FOUND: no such target; otherwise what went wrong with the delivery. */
enum us_errc us_notifier_test(struct us_notifier *notifier, int64_t target, bool *ret_enabled, struct us_err *err);

struct us_notifier_stats {
	int64_t delivered, failed, dead; /* since start; failed: tries that were not the last */
};
void us_notifier_stats(struct us_notifier *notifier, struct us_notifier_stats *ret_stats);

#endif
