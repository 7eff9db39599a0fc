/* Configuration: every check of one, for whoever takes one in. */
#ifndef US_API_CONFIGURATION_H
#define US_API_CONFIGURATION_H

#include "api/call.h"

/* configuration is an object. Fields are named from within it ("limits.users"). */
void us_configuration_check(struct us_call *call, const struct us_type *type,
	const struct us_json *configuration, struct us_problem **list);

#endif
