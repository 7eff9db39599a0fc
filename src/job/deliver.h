/* Deliver: one message to one target, by whatever it is. Blocks for the target's time-out at most. */
#ifndef US_JOB_DELIVER_H
#define US_JOB_DELIVER_H

#include <stdatomic.h>

#include "store/notice_target.h"

struct us_message {
	struct us_slice id;
	struct us_slice body; /* JSON as model/notice_text writes it */
};

/* target: with its secrets in the clear. Errors: as net/webhook and net/smtp; US_CONFIG: a kind that this
 * program does not know. */
enum us_errc us_deliver(const struct us_notice_target *target, const struct us_message *message,
	const atomic_bool *cancel, struct us_err *err);
int64_t us_deliver_timeout_ms(const struct us_notice_target *target);

#endif
