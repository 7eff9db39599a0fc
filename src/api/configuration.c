#include "api/configuration.h"

#include "base/clock.h"
#include "base/zonefile.h"
#include "model/schedule.h"
#include "model/sync_options.h"

void us_configuration_check(struct us_call *call, const struct us_type *type,
	const struct us_json *configuration, struct us_problem **list)
{
	us_option_check(call->arena, type->options, call->api->conf.sync_options, configuration, list);
	us_sync_settings_check(call->arena, configuration, list);
	if (us_json_bool(configuration, "delegateAuthentication", false) && !type->authenticates)
		us_problem_add(call->arena, list, "delegateAuthentication", "is not possible: a source of type %s cannot check passwords", type->name);
	us_schedule_check(call->arena, configuration, us_zonefile_read, us_clock_wall_s(), list);
}
