/* Limits for connectors that have none of their own */
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/sync_options.h"
#include "store/setting.h"

static enum us_errc answer(struct us_call *call, struct us_err *err)
{
	struct us_setting setting;
	enum us_errc rc = us_setting_load(call->c, call->arena, US_SETTING_LIMITS, &setting, err);

	if (rc)
		return rc;
	us_jsonw_open(&call->w, '{');
	for (size_t i = 0; setting.value && i < setting.value->object.n; i++) {
		us_jsonw_key_slice(&call->w, setting.value->object.members[i].key);
		us_jsonw_value(&call->w, &setting.value->object.members[i].value);
	}
	us_call_put_time(&call->w, "updated", setting.updated);
	us_jsonw_put_string(&call->w, "updatedBy", setting.updated_by.n ? setting.updated_by : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}

enum us_errc us_limits_show(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	return rc ? rc : answer(call, err);
}

/* What is not given is as the program has it. What the server adds may stand there and is passed over. */
enum us_errc us_limits_save(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "limits", "onLimit", "heldExpiry", "updated", "updatedBy", NULL };
	const struct us_json *body;
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	const struct us_json *kept = NULL;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	us_call_refuse_others(call, body, known);
	us_jsonw_open(&w, '{');
	for (size_t i = 0; i < 3; i++) {
		const struct us_json *v = us_json_find(body, known[i]);
		if (v && v->type != US_JSON_NULL) {
			us_jsonw_key(&w, known[i]);
			us_jsonw_value(&w, v);
		}
	}
	us_jsonw_close(&w, '}');
	rc = us_json_parse(call->arena, us_slice_dup(call->arena, us_str_slice(&text)), US_JSON_LIMITS_SMALL, &kept, err);
	if (rc == US_OK) {
		us_option_check(call->arena, NULL, us_sync_options, kept, &call->problems);
		us_sync_settings_check(call->arena, kept, &call->problems);
		rc = us_call_check_problems(call, err);
	}
	if (rc == US_OK)
		rc = us_call_lease_writer(call, err);
	if (rc == US_OK)
		rc = us_setting_save(call->c, US_SETTING_LIMITS, kept, call->who.name, us_clock_wall_s(), err);
	if (rc == US_OK)
		rc = us_call_commit(call, err);
	if (rc == US_OK) {
		us_log(US_LOG_WARN, "limits of the server changed", "actor", us_slice_dup(call->arena, call->who.name).p, "limits", us_str_text(&text), NULL);
		rc = answer(call, err);
	}
	us_str_fini(&text);
	return rc;
}
