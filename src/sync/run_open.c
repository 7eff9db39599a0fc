#include "sync/run_state.h"

#include <stdio.h>

#include "model/sync_options.h"
#include "store/connector.h"
#include "store/cursor.h"
#include "store/directory.h"
#include "store/setting.h"
#include "sync/pushed.h"

enum us_errc us_run_open_connector(struct us_act *a)
{
	char key[24];
	struct us_directory directory;
	enum us_errc rc;

	snprintf(key, sizeof key, "%lld", (long long) a->run.connector);
	/* First, so that what is saved in between makes the plan one of other settings, never the other way round. */
	rc = us_connector_find(a->sync->store, a->reader, &a->arena, us_slice(key), US_SECRETS_HIDDEN, &a->connector, a->err);
	if (rc)
		return rc;
	a->configuration_hash = us_cursor_hash(&a->arena, a->connector.configuration);
	rc = us_connector_find(a->sync->store, a->reader, &a->arena, us_slice(key), US_SECRETS_CLEAR, &a->connector, a->err);
	if (rc)
		return rc;
	struct us_setting defaults;
	rc = us_setting_load(a->reader, &a->arena, US_SETTING_LIMITS, &defaults, a->err);
	if (rc)
		return rc;
	a->predicate = us_predicate_new(a->connector.configuration, a->connector.name);
	a->ops = us_source_find(a->connector.type);
	if (!a->ops)
		return us_err_set(a->err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(a->connector.type));
	const struct us_json *common = us_sync_settings_common(&a->arena, a->ops->type.options, a->connector.configuration);
	us_sync_settings_read(common, defaults.value, &a->settings);
	a->rules = us_rules_new(common);
	const char *option = a->ops->type.directory_option;
	a->is_guest = option != NULL;
	a->run.directory = a->connector.directory;
	if (a->is_guest) {
		/* Found anew in each run: it may have been made again since the connector was saved. */
		rc = us_connector_find_directory(a->sync->store, a->reader, us_json_string(a->connector.configuration, option), &a->run.directory, a->err);
		if (rc)
			return rc;
		/* There is nothing in its plans that could go on. */
		a->settings.holds_cleanup_only = false;
	}
	rc = us_directory_load(a->reader, &a->arena, a->run.directory, &directory, a->err);
	if (rc)
		return rc;
	a->is_local = a->is_guest && !directory.connector.p;
	a->sync->progress->total_users = directory.n_users;
	us_sync_settings_scope(a->ops->type.options, a->connector.configuration, &a->scope_json);
	return US_OK;
}

enum us_errc us_run_open_source(struct us_act *a)
{
	enum us_errc rc = us_mapping_new(&a->arena, a->ops->type.preset, a->connector.configuration, a->connector.name, &a->mapping, a->err);

	return rc ? rc : us_pushed_open_source(a->sync->store, &a->connector, a->connector.configuration, a->ops, a->sync->cancel, &a->source, a->err);
}

void us_run_close_source(struct us_act *a)
{
	if (!a->source)
		return;
	a->sync->progress->source_requests += a->source->stats.requests;
	a->sync->progress->source_retries += a->source->stats.retries;
	a->ops->close(a->source);
	a->source = NULL;
}

void us_run_open_plan(struct us_act *a)
{
	struct us_plan_input in = { .have = &a->have,
		.settings = a->settings,
		.rules = a->rules,
		.predicate = a->predicate,
		.is_single = a->run.kind == US_RUN_SINGLE,
		.is_delta = a->run.kind == US_RUN_DELTA,
		.is_narrowed = a->scope.n > 0,
		.now_s = a->run.started };

	a->plan = us_plan_new(&in);
	a->run.base_revision = a->have.revision;
}

void us_run_close_plan(struct us_act *a)
{
	us_plan_free(a->plan);
	a->plan = NULL;
	us_have_fini(&a->have);
}
