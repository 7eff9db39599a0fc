#include "api/status.h"

#include <stdio.h>

#include "base/clock.h"

static void put_counts(struct us_jsonw *w, const int64_t counts[US_OUTCOME_COUNT])
{
	us_jsonw_put_int(w, "addedCount", counts[US_OUTCOME_ADDED]);
	us_jsonw_put_int(w, "notModifiedCount", counts[US_OUTCOME_NOT_MODIFIED]);
	us_jsonw_put_int(w, "failedCount", counts[US_OUTCOME_FAILED]);
	us_jsonw_put_int(w, "updatedCount", counts[US_OUTCOME_UPDATED]);
	us_jsonw_put_int(w, "deletedCount", counts[US_OUTCOME_DELETED]);
	us_jsonw_put_int(w, "filteredCount", counts[US_OUTCOME_FILTERED]);
	us_jsonw_put_int(w, "renamedCount", counts[US_OUTCOME_RENAMED]);
	us_jsonw_put_int(w, "heldCount", counts[US_OUTCOME_HELD]);
}

static void put_json(struct us_jsonw *w, const char *key, struct us_slice json, const char *fallback)
{
	us_jsonw_key(w, key);
	us_jsonw_raw(w, json.n ? json : us_slice(fallback));
}

static void put_progress(struct us_jsonw *w, struct us_api *api, const struct us_run *run)
{
	struct us_progress p;

	us_jsonw_key(w, "progress");
	if (run->status != US_RUN_RUNNING || !us_job_progress(api->conf.job, run->id, &p)) {
		us_jsonw_null(w);
		return;
	}
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "phase", us_phase_text(p.phase));
	us_jsonw_put_int(w, "users", p.users);
	us_jsonw_put_int(w, "groups", p.groups);
	us_jsonw_put_int(w, "memberships", p.memberships);
	us_jsonw_put_int(w, "totalUsers", p.total_users);
	us_jsonw_put_int(w, "changes", p.changes);
	us_jsonw_put_int(w, "applied", p.applied);
	us_jsonw_close(w, '}');
}

static int64_t duration_of(const struct us_run *run)
{
	int64_t end = run->finished ? run->finished : run->status == US_RUN_RUNNING ? us_clock_wall_s() : run->started;

	return run->started && end > run->started ? end - run->started : 0;
}

void us_status_write(struct us_jsonw *w, struct us_api *api, const struct us_run *run)
{
	const struct us_report *r = &run->report;

	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "status", us_run_status_text(run->status));
	us_jsonw_put_int(w, "addedCount", r->users[US_OUTCOME_ADDED]);
	us_jsonw_put_int(w, "resultCount", us_report_user_total(r));
	us_jsonw_put_int(w, "notModifiedCount", r->users[US_OUTCOME_NOT_MODIFIED]);
	us_jsonw_put_int(w, "failedCount", r->users[US_OUTCOME_FAILED]);
	us_jsonw_put_int(w, "updatedCount", r->users[US_OUTCOME_UPDATED]);
	us_jsonw_put_int(w, "deletedCount", r->users[US_OUTCOME_DELETED]);
	us_jsonw_put_int(w, "filteredCount", r->users[US_OUTCOME_FILTERED]);
	put_json(w, "messages", run->messages, "[]");
	us_jsonw_put_string(w, "clusterNode", run->node.n ? run->node : us_slice(api->conf.node));
	us_jsonw_put_string(w, "connectorUID", run->connector_uuid.n ? run->connector_uuid : US_SLICE_NONE);
	us_call_put_time(w, "lastModified", run->modified ? run->modified : run->created);
	us_call_put_time(w, "created", run->created);
	us_jsonw_put_int(w, "duration", duration_of(run));
	us_jsonw_put_int(w, "id", run->id);
	/* What follows is ours. */
	us_jsonw_put_text(w, "kind", us_run_kind_text(run->kind));
	us_jsonw_put_int(w, "renamedCount", r->users[US_OUTCOME_RENAMED]);
	us_jsonw_put_int(w, "disabledCount", r->users[US_OUTCOME_DISABLED]);
	us_jsonw_put_int(w, "anonymizedCount", r->users[US_OUTCOME_ANONYMIZED]);
	us_jsonw_put_int(w, "heldCount", r->users[US_OUTCOME_HELD]);
	us_jsonw_key(w, "groups");
	us_jsonw_open(w, '{');
	put_counts(w, r->groups);
	us_jsonw_close(w, '}');
	us_jsonw_key(w, "memberships");
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "addedCount", r->memberships_added);
	us_jsonw_put_int(w, "removedCount", r->memberships_removed);
	us_jsonw_put_int(w, "notModifiedCount", r->memberships_not_modified);
	us_jsonw_close(w, '}');
	us_jsonw_put_int(w, "directoryId", run->directory);
	us_jsonw_put_string(w, "actor", run->actor);
	us_jsonw_put_text(w, "trigger", us_run_trigger_text(run->trigger));
	if (run->due)
		us_call_put_time(w, "due", run->due);
	if (run->key.n)
		us_jsonw_put_string(w, "username", run->key);
	if (run->plan_run)
		us_jsonw_put_int(w, "planOf", run->plan_run);
	us_jsonw_put_int(w, "changes", run->n_changes);
	us_jsonw_put_bool(w, "resultsPruned", run->pruned != 0);
	put_progress(w, api, run);
	put_json(w, "certificate", run->certificate, "null");
	put_json(w, "held", run->held, "null");
	us_call_put_time(w, "expires", run->expires);
	put_json(w, "override", run->override_of, "null");
	us_jsonw_put_string(w, "decidedBy", run->decided_by.n ? run->decided_by : US_SLICE_NONE);
	us_jsonw_close(w, '}');
}

void us_status_write_page(struct us_call *call, char kind, const struct us_run *runs, size_t n, size_t limit)
{
	bool has_more = n > limit;
	char last[24];

	if (has_more)
		n = limit;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, "runs");
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		us_status_write(&call->w, call->api, &runs[i]);
	us_jsonw_close(&call->w, ']');
	if (has_more)
		snprintf(last, sizeof last, "%lld", (long long) runs[n - 1].id);
	us_call_put_cursor(call, kind, has_more ? us_slice(last) : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
}

enum us_errc us_status_answer(struct us_call *call, int64_t run_id, struct us_err *err)
{
	struct us_run run;
	enum us_errc rc = us_run_load(call->c, call->arena, run_id, &run, err);

	if (!rc)
		us_status_write(&call->w, call->api, &run);
	return rc;
}
