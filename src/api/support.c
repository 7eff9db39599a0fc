/* The support bundle: what somebody needs to help, without secrets and without people's data.
 *
 * Names of connectors, accounts and nodes, whoever started a run, texts of settings, and results of runs are
 * left out; messages lose every word that is not one of the program's own (model/redact.h).
 */
#include <sys/utsname.h>

#include "api/handlers.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "model/redact.h"
#include "store/connector.h"
#include "store/figures.h"
#include "store/run.h"

enum { RUNS_MOST = 20 /* of each connector */ };

#ifdef __OPTIMIZE__
#define OPTIMIZED true
#else
#define OPTIMIZED false
#endif

static void put_program(struct us_call *call)
{
	struct us_jsonw *w = &call->w;
	struct utsname host = { 0 };
	int64_t now_s = us_clock_wall_s();

	us_call_put_time(w, "created", now_s);
	us_jsonw_put_text(w, "version", USERSYNC_VERSION);
	us_jsonw_key(w, "build");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "compiler", __VERSION__);
	us_jsonw_put_bool(w, "optimized", OPTIMIZED);
	us_jsonw_close(w, '}');
	us_jsonw_key(w, "libraries");
	us_jsonw_open(w, '{');
	for (const struct us_library *l = call->api->conf.libraries; l && l->name; l++)
		us_jsonw_put_text(w, l->name, l->version);
	us_jsonw_close(w, '}');
	uname(&host); /* all but its name */
	us_jsonw_key(w, "system");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "name", host.sysname);
	us_jsonw_put_text(w, "release", host.release);
	us_jsonw_put_text(w, "machine", host.machine);
	us_jsonw_close(w, '}');
	us_call_put_time(w, "started", call->api->started_s);
	us_jsonw_put_int(w, "uptimeSeconds", now_s > call->api->started_s ? now_s - call->api->started_s : 0);
}

static enum us_errc put_store(struct us_call *call, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	struct us_figures f;
	enum us_errc rc = us_figures_load(call->c, &f, err);

	if (rc)
		return rc;
	const struct {
		const char *key;
		int64_t value;
	} rows[] = { { "schema", f.schema }, { "bytes", f.bytes }, { "connectors", f.connectors },
		{ "directories", f.directories }, { "users", f.users }, { "activeUsers", f.active_users },
		{ "groups", f.groups }, { "memberships", f.memberships }, { "runs", f.runs },
		{ "accounts", f.accounts }, { "tokens", f.tokens } };
	us_jsonw_key(w, "store");
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		us_jsonw_put_int(w, rows[i].key, rows[i].value);
	us_jsonw_close(w, '}');
	return US_OK;
}

/* Its numbers and the rule, which is a word of ours; its message is among those of the run. */
static void put_held(struct us_call *call, struct us_slice json)
{
	struct us_jsonw *w = &call->w;
	const struct us_json *held;

	us_jsonw_key(w, "held");
	if (!json.n || us_json_parse(call->arena, json, US_JSON_LIMITS_SMALL, &held, NULL)) {
		us_jsonw_null(w);
		return;
	}
	us_jsonw_open(w, '{');
	struct us_str rule = US_STR_INIT;
	us_redact_text(us_json_string(held, "rule"), &rule);
	us_jsonw_put_text(w, "rule", us_str_text(&rule));
	us_str_fini(&rule);
	us_jsonw_put_int(w, "found", us_json_int(held, "found", 0));
	us_jsonw_put_int(w, "of", us_json_int(held, "of", 0));
	us_jsonw_put_int(w, "limit", us_json_int(held, "limit", 0));
	us_jsonw_close(w, '}');
}

static void put_outcomes(struct us_jsonw *w, const char *key, const int64_t counts[US_OUTCOME_COUNT])
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '{');
	for (int outcome = 0; outcome < US_OUTCOME_COUNT; outcome++)
		if (counts[outcome])
			us_jsonw_put_int(w, us_outcome_text((enum us_outcome)outcome), counts[outcome]);
	us_jsonw_close(w, '}');
}

static void put_run(struct us_call *call, const struct us_run *run)
{
	struct us_jsonw *w = &call->w;
	const struct us_json *messages = NULL;

	if (us_json_parse(call->arena, run->messages, US_JSON_LIMITS_SMALL, &messages, NULL))
		messages = NULL;
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", run->id);
	us_jsonw_put_text(w, "kind", us_run_kind_text(run->kind));
	us_jsonw_put_text(w, "status", us_run_status_text(run->status));
	us_call_put_time(w, "created", run->created);
	us_call_put_time(w, "started", run->started);
	us_call_put_time(w, "finished", run->finished);
	us_jsonw_put_int(w, "directoryId", run->directory);
	us_jsonw_put_int(w, "changes", run->n_changes);
	put_outcomes(w, "users", run->report.users);
	put_outcomes(w, "groups", run->report.groups);
	us_jsonw_key(w, "memberships");
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "added", run->report.memberships_added);
	us_jsonw_put_int(w, "removed", run->report.memberships_removed);
	us_jsonw_put_int(w, "notModified", run->report.memberships_not_modified);
	us_jsonw_close(w, '}');
	put_held(call, run->held);
	us_jsonw_key(w, "messages");
	us_redact_messages(messages, w);
	us_jsonw_close(w, '}');
}

static enum us_errc put_connector(struct us_call *call, const struct us_connector *c, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	const struct us_type *type = us_type_find(call->api->conf.types, c->type);
	struct us_run *runs;
	size_t n;
	enum us_errc rc = us_run_list(call->c, call->arena, c->id, 0, RUNS_MOST, &runs, &n, err);

	if (rc)
		return rc;
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", c->id);
	us_jsonw_put_string(w, "uniqueId", c->uuid);
	us_jsonw_put_text(w, "type", type ? type->name : NULL);
	us_jsonw_put_int(w, "directoryId", c->directory);
	us_jsonw_put_bool(w, "enabled", c->enabled);
	us_call_put_time(w, "created", c->created);
	us_call_put_time(w, "updated", c->updated);
	us_jsonw_key(w, "configuration");
	us_redact_configuration(type ? type->options : NULL, call->api->conf.sync_options, c->configuration, w);
	us_jsonw_key(w, "runs");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++)
		put_run(call, &runs[i]);
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
	return US_OK;
}

enum us_errc us_support_show(struct us_call *call, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	struct us_str metrics = US_STR_INIT;
	struct us_connector *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc =
			us_connector_list(call->api->conf.store, call->c, call->arena, US_SECRETS_HIDDEN, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "format", "usersync-support");
	us_jsonw_put_int(w, "formatVersion", 1);
	put_program(call);
	rc = put_store(call, err);
	us_jsonw_key(w, "connectors");
	us_jsonw_open(w, '[');
	for (size_t i = 0; !rc && i < n; i++)
		rc = put_connector(call, &list[i], err);
	us_jsonw_close(w, ']');
	if (!rc)
		rc = us_metrics_write(call, &metrics, err);
	us_jsonw_put_string(w, "metrics", us_str_slice(&metrics));
	us_jsonw_close(w, '}');
	us_str_fini(&metrics);
	if (!rc)
		us_httpd_add_header(
			call->answer, "Content-Disposition", "attachment; filename=\"usersync-support.json\"");
	return rc;
}
