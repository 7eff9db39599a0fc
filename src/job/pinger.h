/* Pinger: tells applications that have registered a webhook (store/hook.h) that something has changed.
 *
 * At least once for each change, and once for many. One that is not answered with a 2xx is tried again, ever later; one that has failed
 * US_PINGER_TRIES times and for US_PINGER_STOP_S, or is answered 410, is removed. US_PINGER_SENDERS threads: as long as fewer receivers hang, for
 * US_PINGER_TIMEOUT_MS each time, they hold up nobody else.
 */
#ifndef US_JOB_PINGER_H
#define US_JOB_PINGER_H

#include "store/store.h"

enum { US_PINGER_TRIES = 10, US_PINGER_STOP_S = 3 * 86400, US_PINGER_TIMEOUT_MS = 10000, US_PINGER_SENDERS = 4 };

struct us_pinger;

/* Errors: US_UNAVAILABLE, no threads are to be had. It hears of changes by the feed's bell. */
enum us_errc us_pinger_open(struct us_store *store, struct us_pinger **ret_pinger, struct us_err *err);
/* Breaks off what is being sent; it goes out again after the next start. NULL is fine. */
void us_pinger_stop(struct us_pinger *pinger);
void us_pinger_close(struct us_pinger *pinger); /* stops, waits, frees */

#endif
