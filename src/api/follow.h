/* Follow: answers to whoever waits for the next change of a directory, and streams of changes as server-sent events. Neither holds a thread. */
#ifndef US_API_FOLLOW_H
#define US_API_FOLLOW_H

#include "api/call.h"
#include "store/feed.h"

struct us_follow;

enum us_errc us_follow_open(struct us_api *api, struct us_follow **ret_follow, struct us_err *err);
/* All answers are given, all streams end; new ones at once. */
void us_follow_stop(struct us_follow *follow);
/* After the listener is closed. */
void us_follow_close(struct us_follow *follow);

/* How many rings of the bell were heard; to be asked before looking for changes, and handed to one of those below. */
uint64_t us_follow_count(void);
/* How many wait: polls and streams. */
int us_follow_readers(struct us_follow *follow);
/* Promises the call's answer: the page as soon as it is not empty, after wait_ms at the latest. US_UNAVAILABLE: too many wait. */
enum us_errc us_follow_promise(struct us_call *call, int64_t directory, struct us_slice token, int64_t limit, int64_t wait_ms, uint64_t seen,
	struct us_err *err);
/* The call's answer becomes a stream of events behind a token that holds. US_UNAVAILABLE: too many follow. */
enum us_errc us_follow_stream(struct us_call *call, int64_t directory, struct us_slice token, struct us_err *err);

#endif
