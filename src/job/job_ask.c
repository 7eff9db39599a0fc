#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job_state.h"
#include "model/override.h"
#include "store/connector.h"
#include "sync/authenticate.h"
#include "sync/edit.h"
#include "sync/explain.h"
#include "sync/preview.h"

enum us_errc us_job_schedule(struct us_job *job, struct us_run *run, int64_t *ret_run, bool *ret_is_new, struct us_err *err)
{
	struct us_dbc *c;
	int64_t id = 0;

	us_job_write_endings(job);
	enum us_errc rc = us_db_lease_writer(job->store->db, &c, err);
	if (rc)
		return rc;
	run->node = us_slice(job->node);
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_run_create(c, run, us_clock_wall_s(), &id, err);
	bool is_busy = rc == US_CONFLICT && id;
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	if (rc && !is_busy)
		return rc;
	if (!is_busy)
		us_job_enqueue(job, id, run->connector);
	*ret_run = id;
	if (ret_is_new)
		*ret_is_new = !is_busy;
	else if (is_busy)
		return us_err_set(err, US_CONFLICT, "run %lld of this connector is still going on", (long long) id);
	return US_OK;
}

static enum us_errc find_connector(struct us_job *job, struct us_arena *arena, struct us_slice key, struct us_connector *ret, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_connector_find(job->store, c, arena, key, US_SECRETS_HIDDEN, ret, err);
	us_db_release(c);
	return rc;
}

enum us_errc us_job_start(struct us_job *job, const struct us_job_request *request, int64_t *ret_run, bool *ret_is_new, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector connector;
	enum us_errc rc = find_connector(job, &arena, request->connector, &connector, err);

	if (rc == US_OK && !connector.enabled)
		rc = us_err_set(err, US_CONFLICT, "the connector " US_SLICE_FMT " is disabled", US_SLICE_ARG(connector.name));
	if (rc == US_OK) {
		struct us_run run = { .connector = connector.id, .connector_uuid = connector.uuid, .directory = connector.directory,
			.kind = request->kind, .key = request->key, .actor = request->who.name,
			.trigger = request->who.trigger, .due = request->due };
		struct us_str text = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&text);
		if (request->overrides) {
			us_override_write(&w, request->overrides, request->who.name, request->reason);
			run.override_of = us_str_slice(&text);
		}
		rc = us_job_schedule(job, &run, ret_run, ret_is_new, err);
		if (rc == US_OK && request->overrides && !*ret_is_new)
			rc = us_err_set(err, US_CONFLICT, "run %lld of the connector is scheduled or running: it overrides nothing; wait for its end", (long long) *ret_run);
		else if (rc == US_OK && request->overrides)
			us_log(US_LOG_WARN, "run overrides limits", "run", US_LOG_INT(*ret_run), "connector", US_LOG_INT(connector.id), "override",
				us_str_text(&text), NULL);
		us_str_fini(&text);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_cancel(struct us_job *job, struct us_slice connector, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector found;
	struct us_job_entry *e, *waiting = NULL;
	int64_t run = 0;
	enum us_errc rc = find_connector(job, &arena, connector, &found, err);

	us_arena_fini(&arena);
	if (rc)
		return rc;
	pthread_mutex_lock(&job->lock);
	for (e = job->entries; e && e->connector != found.id; e = e->next)
		;
	if (e) {
		run = e->run;
		e->cancel = true;
		if (!e->is_active) {
			/* no worker may take it now: it is ours to end */
			e->is_active = true;
			waiting = e;
		}
	}
	pthread_mutex_unlock(&job->lock);
	if (!run)
		return us_err_set(err, US_NOT_FOUND, "no run of this connector is scheduled or running");
	if (waiting) {
		rc = us_job_set_status(job, run, US_RUN_SCHEDULED, US_RUN_CANCELLED, err);
		if (rc) {
			/* Its worker ends it, cancelled as it is. */
			pthread_mutex_lock(&job->lock);
			waiting->is_active = false;
			pthread_cond_signal(&job->queued);
			pthread_mutex_unlock(&job->lock);
			return rc;
		}
		us_job_finish(job, waiting);
	}
	*ret_run = run;
	return US_OK;
}

enum us_errc us_job_edit(struct us_job *job, const struct us_edit_request *request, struct us_edit_result *ret_result, struct us_err *err)
{
	enum us_errc rc = us_edit_apply(job->store, request, us_slice(job->node), ret_result, err);

	if (rc == US_OK && ret_result->run)
		us_job_tell_listener(job);
	return rc;
}

static bool is_known(void *context, struct us_hash key)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice value;
	bool is = us_known_find(context, key, 0, &arena, &value);

	us_arena_fini(&arena);
	return is;
}

static void keep_known(void *context, struct us_hash key, int64_t seconds)
{
	us_known_keep(context, key, 0, us_clock_wall_s() + seconds, US_SLICE("right"));
}

enum us_errc us_job_authenticate(struct us_job *job, int64_t directory, struct us_slice user, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	const struct us_authenticate_cache cache = { job->known, is_known, keep_known };
	const struct us_authenticate request = { .directory = directory, .user = user, .password = password, .cache = &cache };

	return us_authenticate_user(job->store, &request, &job->stops, ret_authentication, err);
}

void us_job_stop_asking(struct us_job *job) { job->stops = true; }

enum us_errc us_job_test(struct us_job *job, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes, struct us_err *err)
{
	struct us_str lines = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(notes);
	enum us_errc rc = us_sync_test(job->store, connector, cancel, &lines, err);

	us_jsonw_open(&w, '[');
	for (size_t at = 0; at < lines.n;) {
		size_t n = strcspn(lines.p + at, "\n");
		if (n)
			us_jsonw_string(&w, (struct us_slice) { lines.p + at, n });
		at += n + 1;
	}
	us_jsonw_close(&w, ']');
	us_str_fini(&lines);
	return rc;
}

enum us_errc us_job_preview(struct us_job *job, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err)
{
	return us_sync_preview(job->store, connector, request, cancel, out, err);
}

enum us_errc us_job_explain(struct us_job *job, const struct us_explain_ask *ask, const atomic_bool *cancel, struct us_explained *ret_explained,
	struct us_err *err)
{
	return us_sync_explain(job->store, ask, cancel, ret_explained, err);
}
