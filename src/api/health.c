/* Health: does the process answer, and can it work */
#include "api/handlers.h"

enum us_errc us_health_live(struct us_call *call, struct us_err *err)
{
	(void) err;
	us_str_add_text(&call->answer->body, "{\"status\":\"ok\"}");
	return US_OK;
}

/* The reason stays inside: whoever asks here has shown no credentials. */
enum us_errc us_health_ready(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_job_check(call->api->conf.job, err);
	if (!rc)
		rc = us_timer_check(call->api->conf.timer, err);
	if (rc)
		return us_err_set(err, US_UNAVAILABLE, "not ready");
	us_str_add_text(&call->answer->body, "{\"status\":\"ok\"}");
	return US_OK;
}
