/* Publisher: sends the changes of directories to their subscriptions (store/subscription.h), each page as one signed message.
 *
 * In order and at least once: the next page of a subscription goes out only when the one before was answered with a 2xx, and only then its place
 * moves. A page that is tried again has the same changes and the same message id, which is made of the subscription and the tokens before and behind
 * the page. A few threads send; each subscription is at one of them at a time, so one that hangs holds up only a thread. Thread-safe.
 */
#ifndef US_JOB_PUBLISHER_H
#define US_JOB_PUBLISHER_H

#include "store/store.h"

struct us_publisher;

/* Errors: US_UNAVAILABLE, no thread is to be had. It hears of new changes and of subscriptions by the feed's bell (us_feed_ring). */
enum us_errc us_publisher_open(struct us_store *store, struct us_publisher **ret_publisher, struct us_err *err);
/* Breaks off what is being sent; it goes out again after the next start. NULL is fine. */
void us_publisher_stop(struct us_publisher *publisher);
void us_publisher_close(struct us_publisher *publisher); /* stops, waits, frees */

#endif
