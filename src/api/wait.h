/* Wait: answers that come when a run has ended, or when a source has been tried, without holding a thread of the listener. */
#ifndef US_API_WAIT_H
#define US_API_WAIT_H

#include "api/call.h"

struct us_wait;

enum us_errc us_wait_open(struct us_api *api, struct us_wait **ret_wait, struct us_err *err);
void us_wait_close(struct us_wait *wait);

/* Promises the call's answer: the status object of a single user update of key, at the latest after the api's single_wait_ms. A run of the connector
 * that is under way is waited for first. */
enum us_errc us_wait_for_single(struct us_call *call, struct us_slice connector, struct us_slice key, struct us_err *err);
/* Promises the call's answer: what us_job_test says. US_UNAVAILABLE: too many at a time. */
enum us_errc us_wait_for_test(struct us_call *call, struct us_slice connector, struct us_err *err);
/* Promises the call's answer: what us_job_preview says to this request. US_UNAVAILABLE: too many at a time. */
enum us_errc us_wait_for_preview(struct us_call *call, struct us_slice connector, struct us_slice request, struct us_err *err);
/* Promises the call's answer: what us_explain_answer says to this request. US_UNAVAILABLE: too many at a time. */
enum us_errc us_wait_for_explanation(struct us_call *call, struct us_slice connector, struct us_slice request, struct us_err *err);
/* Promises the call's answer: whether a test reached the notice target of this number. US_UNAVAILABLE: too many at a time. */
enum us_errc us_wait_for_notice(struct us_call *call, struct us_slice target, struct us_err *err);

#endif
