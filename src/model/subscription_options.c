#include "model/subscription_options.h"

const struct us_option us_subscription_options[] = {
	{ "pageChanges", US_OPTION_INT, "Changes in a message", "At most so many; a message ends early after a megabyte.", .fallback = "100", .min = 1, .max = 1000 },
	{ "retrySeconds", US_OPTION_INT, "First wait", "Seconds before the second try; each wait after it is twice as long, at most 15 minutes.", .fallback = "10", .min = 1,
		.max = 900 },
	{ "stopAfterHours", US_OPTION_INT, "Stop after", "Hours of failed tries without a success, after which the subscription is stopped until somebody resumes it.",
		.fallback = "72", .min = 1, .max = 720 },
	{ NULL },
};

void us_subscription_limits_read(const struct us_json *configuration, struct us_subscription_limits *ret_limits)
{
	const struct us_conf conf = { us_subscription_options, configuration };

	*ret_limits = (struct us_subscription_limits) { .page = us_conf_int(&conf, "pageChanges"), .retry_ms = us_conf_int(&conf, "retrySeconds") * 1000,
		.stop_s = us_conf_int(&conf, "stopAfterHours") * 3600 };
}
