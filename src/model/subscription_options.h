/* Settings of subscriptions: webhooks that are sent the changes of a directory. How one is reached and signs is as with notices
 * (us_subscription_kind); the rest is here.
 */
#ifndef US_MODEL_SUBSCRIPTION_OPTIONS_H
#define US_MODEL_SUBSCRIPTION_OPTIONS_H

#include "model/option.h"

#define US_SUBSCRIPTION_KIND US_SLICE("webhook") /* of us_notice_kinds */

/* What a subscription has besides; ends with name NULL. */
extern const struct us_option us_subscription_options[];

/* Read from a configuration that was checked. */
struct us_subscription_limits {
	int64_t page;     /* changes in one message, at most */
	int64_t retry_ms; /* the first wait between two tries */
	int64_t stop_s;   /* so long without a success, it is stopped */
};
void us_subscription_limits_read(const struct us_json *configuration, struct us_subscription_limits *ret_limits);

#endif
