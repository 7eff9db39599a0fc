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
	us_sync_settings_check_type(call->arena, type, configuration, list);
	us_schedule_check(call->arena, configuration, us_zonefile_read, us_clock_wall_s(), list);
}
