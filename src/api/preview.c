/* Preview: what the mapping makes of one user, before it is saved */
#include "api/configuration.h"
#include "api/handlers.h"
#include "api/wait.h"
#include "base/secret.h"
#include "store/connector.h"

static void check_type(struct us_call *call, const struct us_json *body, const char *name, enum us_json_type type)
{
	const struct us_json *v = us_json_find(body, name);

	if (v && v->type != type)
		us_problem_add(call->arena, &call->problems, name, "must be %s, not %s", us_json_type_name(type), us_json_type_name(v->type));
}

static void check_body(struct us_call *call, const struct us_json *body)
{
	static const char *const known[] = { "configuration", "username", "record", "sample", NULL };

	us_call_refuse_others(call, body, known);
	check_type(call, body, "configuration", US_JSON_OBJECT);
	check_type(call, body, "username", US_JSON_STRING);
	check_type(call, body, "record", US_JSON_OBJECT);
	check_type(call, body, "sample", US_JSON_BOOL);
	bool has_username = us_json_find(body, "username"), has_record = us_json_find(body, "record");
	if (has_username == has_record)
		us_problem_add(call->arena, &call->problems, "username", "want one of username and record");
	else if (has_username && us_json_find(body, "username")->type == US_JSON_STRING && !us_json_string(body, "username").n)
		us_problem_add(call->arena, &call->problems, "username", "must not be empty");
}

enum us_errc us_mapping_preview(struct us_call *call, struct us_err *err)
{
	struct us_connector c = { 0 };
	const struct us_json *body, *configuration;
	struct us_str request = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&request);
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_connector_find(call->api->conf.store, call->c, call->arena, call->parameters[0], US_SECRETS_HIDDEN, &c, err);
	us_call_release(call);
	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	check_body(call, body);
	configuration = us_json_find(body, "configuration");
	/* Whoever may say where the source is may have its secrets sent there. */
	if (configuration && call->who.role < US_ROLE_ADMIN)
		return us_err_set(err, US_FORBIDDEN, "a configuration of one's own needs the role admin");
	const struct us_type *type = us_type_find(call->api->conf.types, c.type);
	if (configuration && configuration->type == US_JSON_OBJECT && type) {
		us_configuration_check(call, type, configuration, &call->problems);
		us_option_check_hidden(call->arena, type->options, configuration, c.configuration, &call->problems);
	}
	rc = us_call_check_problems(call, err);
	if (rc)
		return rc;
	us_jsonw_value(&w, body);
	rc = us_wait_for_preview(call, c.uuid, us_str_slice(&request), err);
	us_secret_wipe_str(&request);
	return rc;
}
