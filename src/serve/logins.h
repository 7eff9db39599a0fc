/* Logins that applications told of, on their way to the store: written down together, a few seconds later, so that no login waits for the store's
 * one writer. What was told in the last seconds is lost if the process is killed. Thread-safe.
 */
#ifndef US_SERVE_LOGINS_H
#define US_SERVE_LOGINS_H

#include "store/login.h"

struct us_logins;
struct us_logins *us_logins_new(struct us_store *store);
void us_logins_free(struct us_logins *logins); /* what is left is written down */
/* A user of a directory was seen now by an application. */
void us_logins_note(struct us_logins *logins, int64_t directory, uint32_t user, struct us_slice application);

#endif
