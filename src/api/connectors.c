/* Connectors: listing, creating, saving, deleting, trying */
#include "api/configuration.h"
#include "api/handlers.h"
#include "api/wait.h"
#include "base/clock.h"
#include "model/sync_options.h"
#include "store/connector.h"
#include "store/run.h"
#include "store/schedule.h"
#include "store/setting.h"

enum { NAME_CHARACTERS_MOST = 255 };

/* What an export holds besides is the server's to say. */
static const char *const known_members[] = { "name", "type", "configuration", "enabled", "uniqueId", "id", "directoryId", "lastStatus", "heldRun", "inherited", "paused",
	"pausedSince", "pausedBy", "nextRuns", "missedRuns", "scheduleProblem", "created", "updated", NULL };

static void write_schedule(struct us_call *call, int64_t connector)
{
	struct us_jsonw *w = &call->w;
	struct us_timer_view view;
	char text[US_CLOCK_ISO_BYTES];

	us_timer_show(call->api->conf.timer, connector, call->arena, &view);
	us_jsonw_put_bool(w, "paused", view.paused != 0);
	us_call_put_time(w, "pausedSince", view.paused);
	us_jsonw_put_string(w, "pausedBy", view.paused ? view.paused_by : US_SLICE_NONE);
	us_jsonw_key(w, "nextRuns");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < view.n; i++)
		us_jsonw_text(w, us_clock_format(view.starts[i], text));
	us_jsonw_close(w, ']');
	us_jsonw_put_int(w, "missedRuns", view.missed);
	us_jsonw_put_string(w, "scheduleProblem", view.problem);
}

/* The server's limits; NULL: none, or they cannot be read, which the run will say. */
static const struct us_json *call_limits(struct us_call *call)
{
	struct us_setting setting;

	return us_setting_load(call->c, call->arena, US_SETTING_LIMITS, &setting, NULL) == US_OK ? setting.value : NULL;
}

/* Whoever may only watch does not see how it is set up. */
static void write_connector(struct us_call *call, const struct us_connector *c, const struct us_run *last, int64_t held)
{
	struct us_jsonw *w = &call->w;

	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "uniqueId", c->uuid);
	us_jsonw_put_int(w, "id", c->id);
	us_jsonw_put_string(w, "name", c->name);
	us_jsonw_put_string(w, "type", c->type);
	us_jsonw_put_int(w, "directoryId", c->directory);
	us_jsonw_put_bool(w, "enabled", c->enabled);
	if (call->who.role > US_ROLE_MONITOR) {
		us_jsonw_key(w, "configuration");
		us_jsonw_value(w, c->configuration);
		us_jsonw_key(w, "inherited");
		us_sync_settings_write_inherited(w, c->configuration, call_limits(call));
	}
	us_jsonw_put_text(w, "lastStatus", last ? us_run_status_text(last->status) : NULL);
	us_jsonw_key(w, "heldRun");
	if (held)
		us_jsonw_int(w, held);
	else
		us_jsonw_null(w);
	write_schedule(call, c->id);
	us_call_put_time(w, "created", c->created);
	us_call_put_time(w, "updated", c->updated);
	us_jsonw_close(w, '}');
}

static enum us_errc write_with_last(struct us_call *call, const struct us_connector *c, struct us_err *err)
{
	struct us_run last;
	enum us_errc rc = us_run_load_last(call->c, call->arena, c->id, &last, err);

	bool is_new = rc == US_NOT_FOUND;
	int64_t held = 0;
	if (!rc)
		rc = us_run_find_held(call->c, c->id, &held, err);
	if (rc && !is_new)
		return rc;
	write_connector(call, c, is_new ? NULL : &last, held);
	return US_OK;
}

static enum us_errc find(struct us_call *call, struct us_slice key, struct us_connector *ret_connector, struct us_err *err)
{
	return us_connector_find(call->api->conf.store, call->c, call->arena, key, US_SECRETS_HIDDEN, ret_connector, err);
}

enum us_errc us_connectors_list(struct us_call *call, struct us_err *err)
{
	struct us_connector *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_connector_list(call->api->conf.store, call->c, call->arena, US_SECRETS_HIDDEN, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; !rc && i < n; i++)
		rc = write_with_last(call, &list[i], err);
	us_jsonw_close(&call->w, ']');
	return rc;
}

enum us_errc us_connectors_show(struct us_call *call, struct us_err *err)
{
	struct us_connector c;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = find(call, call->parameters[0], &c, err);
	return rc ? rc : write_with_last(call, &c, err);
}

/* After a change and its commit: the timer knows it before the answer tells it. */
static enum us_errc answer_changed(struct us_call *call, struct us_connector *c, enum us_errc rc, struct us_err *err)
{
	us_call_release(call);
	if (!rc)
		rc = us_timer_reload(call->api->conf.timer, c->id, err);
	if (!rc)
		us_pushes_reload(call->api->conf.pushes, c->id);
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = find(call, c->uuid, c, err);
	return rc ? rc : write_with_last(call, c, err);
}

static void check_name(struct us_call *call, const struct us_json *name)
{
	if (name->type == US_JSON_STRING)
		us_call_check_name(call, "name", name->string, NAME_CHARACTERS_MOST);
	else
		us_problem_add(call->arena, &call->problems, "name", "must be a string, not %s", us_json_type_name(name->type));
}

/* stored: the configuration as it is shown; NULL for a new connector. */
static void check_configuration(struct us_call *call, const struct us_type *type, const struct us_json *configuration,
	const struct us_json *stored)
{
	if (configuration->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, "configuration", "must be an object, not %s", us_json_type_name(configuration->type));
		return;
	}
	us_configuration_check(call, type, configuration, &call->problems);
	us_option_check_hidden(call->arena, type->options, configuration, stored, &call->problems);
}

static bool read_enabled(struct us_call *call, const struct us_json *body, bool fallback)
{
	const struct us_json *v = us_json_find(body, "enabled");

	if (v && v->type != US_JSON_BOOL)
		us_problem_add(call->arena, &call->problems, "enabled", "must be true or false, not %s", us_json_type_name(v->type));
	return us_json_bool(body, "enabled", fallback);
}

static const char *type_names(struct us_call *call)
{
	const char *names = "";

	for (const struct us_type *t = call->api->conf.types; t->name; t++)
		names = us_arena_printf(call->arena, "%s%s%s", names, *names ? ", " : "", t->name);
	return names;
}

enum us_errc us_connectors_create(struct us_call *call, struct us_err *err)
{
	struct us_slice created_as = US_SLICE_NONE;
	const struct us_json *body;
	struct us_connector c;
	int64_t id = 0;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	const struct us_json *name = us_json_find(body, "name"), *configuration = us_json_find(body, "configuration");
	struct us_slice type_name = us_json_string(body, "type");
	const struct us_type *type = us_type_find(call->api->conf.types, type_name);
	if (name)
		check_name(call, name);
	else
		us_problem_add(call->arena, &call->problems, "name", "is required");
	if (!us_json_find(body, "type"))
		us_problem_add(call->arena, &call->problems, "type", "is required: one of %s", type_names(call));
	else if (!type)
		us_problem_add(call->arena, &call->problems, "type", "must be one of %s", type_names(call));
	bool enabled = read_enabled(call, body, true);
	us_call_refuse_others(call, body, known_members);
	if (!configuration)
		us_problem_add(call->arena, &call->problems, "configuration", "is required");
	else if (type)
		check_configuration(call, type, configuration, NULL);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_connector_create(call->api->conf.store, call->c, name->string, type_name, configuration, enabled, us_clock_wall_s(), &id, err);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	if (!rc)
		rc = us_timer_reload(call->api->conf.timer, id, err);
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		created_as = us_slice(us_arena_printf(call->arena, "%lld", (long long) id));
	if (!rc)
		rc = find(call, created_as, &c, err);
	if (rc)
		return rc;
	us_httpd_add_header(call->answer, "Location", us_arena_printf(call->arena, US_API_BASE "/usersync/connector/" US_SLICE_FMT, US_SLICE_ARG(c.uuid)));
	return write_with_last(call, &c, err);
}

/* The body is the configuration alone, or the whole connector as it was shown. */
static const struct us_json *split_body(struct us_call *call, const struct us_json *body, const struct us_connector *c,
	struct us_slice *ret_name, bool *ret_enabled)
{
	const struct us_json *configuration = us_json_find(body, "configuration"), *name = us_json_find(body, "name");
	const struct us_json *type = us_json_find(body, "type");

	*ret_name = US_SLICE_NONE;
	*ret_enabled = c->enabled;
	if (!configuration)
		return body;
	us_call_refuse_others(call, body, known_members);
	if (name) {
		check_name(call, name);
		if (name->type == US_JSON_STRING)
			*ret_name = name->string;
	}
	if (type && (type->type != US_JSON_STRING || !us_slice_is_equal(type->string, c->type)))
		us_problem_add(call->arena, &call->problems, "type", "cannot be changed: it is " US_SLICE_FMT, US_SLICE_ARG(c->type));
	*ret_enabled = read_enabled(call, body, c->enabled);
	return configuration;
}

enum us_errc us_connectors_save(struct us_call *call, struct us_err *err)
{
	const struct us_json *body, *configuration = NULL;
	struct us_slice name = US_SLICE_NONE;
	bool enabled = true;
	struct us_connector c = { 0 };
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = find(call, call->parameters[0], &c, err);
	us_call_release(call);
	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	const struct us_type *type = us_type_find(call->api->conf.types, c.type);
	if (!type)
		return us_err_set(err, US_CONFLICT, "this program has no connectors of type " US_SLICE_FMT, US_SLICE_ARG(c.type));
	configuration = split_body(call, body, &c, &name, &enabled);
	check_configuration(call, type, configuration, c.configuration);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_connector_save(call->api->conf.store, call->c, c.id, name, configuration, enabled, us_clock_wall_s(), err);
	if (!rc)
		rc = us_call_commit(call, err);
	return answer_changed(call, &c, rc, err);
}

enum us_errc us_connectors_delete(struct us_call *call, struct us_err *err)
{
	struct us_connector c;
	struct us_run last;
	enum us_errc rc = us_call_lease_writer(call, err);

	if (!rc)
		rc = find(call, call->parameters[0], &c, err);
	if (rc)
		return rc;
	rc = us_run_load_last(call->c, call->arena, c.id, &last, err);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	if (!rc && (last.status == US_RUN_SCHEDULED || last.status == US_RUN_RUNNING))
		return us_err_set(err, US_CONFLICT, "run %lld of this connector is %s: cancel it first", (long long) last.id,
			us_run_status_text(last.status));
	rc = us_connector_delete(call->c, c.id, err);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	return rc ? rc : us_timer_reload(call->api->conf.timer, c.id, err);
}

/* Once more changes nothing: who paused it first, and when, stays. */
static enum us_errc set_paused(struct us_call *call, bool is_paused, struct us_err *err)
{
	struct us_connector c;
	struct us_schedule_row row;
	enum us_errc rc = us_call_lease_writer(call, err);

	if (!rc)
		rc = find(call, call->parameters[0], &c, err);
	if (!rc)
		rc = us_schedule_row_load(call->c, call->arena, c.id, &row, err);
	if (!rc && is_paused != (row.paused != 0))
		rc = us_schedule_row_set_paused(call->c, c.id, is_paused ? us_clock_wall_s() : 0, call->who.name, err);
	if (!rc)
		rc = us_call_commit(call, err);
	return answer_changed(call, &c, rc, err);
}

enum us_errc us_connectors_pause(struct us_call *call, struct us_err *err) { return set_paused(call, true, err); }
enum us_errc us_connectors_resume(struct us_call *call, struct us_err *err) { return set_paused(call, false, err); }

enum us_errc us_connectors_test(struct us_call *call, struct us_err *err)
{
	struct us_connector c;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = find(call, call->parameters[0], &c, err);
	us_call_release(call);
	return rc ? rc : us_wait_for_test(call, c.uuid, err);
}
