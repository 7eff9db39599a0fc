/* Runs: starting, showing and deciding about them */
#include "api/handlers.h"
#include "api/status.h"
#include "api/wait.h"
#include "model/override.h"

static enum us_errc find_connector(struct us_call *call, struct us_connector *ret_connector, struct us_err *err)
{
	enum us_errc rc = call->c ? US_OK : us_call_lease_reader(call, err);

	return rc ? rc : us_connector_find(call->api->conf.store, call->c, call->arena, call->parameters[0], US_SECRETS_HIDDEN, ret_connector, err);
}

/* The answer is the run's status object; the writer's lease must not be held, the job has its own. */
static enum us_errc answer_run(struct us_call *call, int64_t run, struct us_err *err)
{
	enum us_errc rc = call->c ? US_OK : us_call_lease_reader(call, err);

	return rc ? rc : us_status_answer(call, run, err);
}

static enum us_errc start(struct us_call *call, enum us_run_kind kind, struct us_err *err)
{
	struct us_job_request request = { .connector = call->parameters[0], .kind = kind, .who = us_call_who(call) };
	struct us_slice override = us_target_parameter(&call->request->target, "override"), reason = us_target_parameter(&call->request->target, "reason");
	bool is_new;
	int64_t run;
	if (override.p && kind == US_RUN_SIMULATION)
		return us_err_set(err, US_INVALID, "override is for a sync: a simulation is never held");
	if (override.p && !us_override_parse(override, &request.overrides))
		return us_err_set(err, US_INVALID, "override must be one or more of " US_OVERRIDE_KNOWN ", with commas between");
	request.reason = us_slice_trim(reason);
	if (override.p && !request.reason.n)
		return us_err_set(err, US_INVALID, "override needs a reason: say why in the parameter reason");
	if (us_slice_characters(reason) > US_OVERRIDE_REASON_CHARACTERS)
		return us_err_set(err, US_INVALID, "reason is longer than %d characters", US_OVERRIDE_REASON_CHARACTERS);
	if (reason.p && !override.p)
		return us_err_set(err, US_INVALID, "reason goes with override");
	enum us_errc rc = us_job_start(call->api->conf.job, &request, &run, &is_new, err);

	return rc ? rc : answer_run(call, run, err);
}

enum us_errc us_runs_sync(struct us_call *call, struct us_err *err)
{
	struct us_slice mode = us_target_parameter(&call->request->target, "mode");
	struct us_connector connector;

	if (!mode.p || us_slice_is(mode, "full"))
		return start(call, US_RUN_FULL, err);
	enum us_errc rc = find_connector(call, &connector, err);
	if (rc)
		return rc;
	if (!us_slice_is(mode, "delta"))
		return us_err_set(err, US_INVALID, "mode must be full or delta");
	const struct us_type *type = us_type_find(call->api->conf.store->types, connector.type);
	if (!type || !type->has_feed)
		return us_err_set(err, US_INVALID, "connectors of type " US_SLICE_FMT " have no change feed; use a full sync", US_SLICE_ARG(connector.type));
	us_call_release(call);
	return start(call, US_RUN_DELTA, err);
}

enum us_errc us_runs_simulate(struct us_call *call, struct us_err *err) { return start(call, US_RUN_SIMULATION, err); }

enum us_errc us_runs_cancel(struct us_call *call, struct us_err *err)
{
	struct us_connector connector;
	int64_t run;
	enum us_errc rc = find_connector(call, &connector, err);

	us_call_release(call);
	if (rc)
		return rc;
	rc = us_job_cancel(call->api->conf.job, call->parameters[0], &run, err);
	/* The connector is there: what is missing is something to cancel. */
	if (rc == US_NOT_FOUND)
		return us_err_set(err, US_CONFLICT, "no run of this connector is scheduled or running");
	return rc ? rc : answer_run(call, run, err);
}

enum us_errc us_runs_syncsingle(struct us_call *call, struct us_err *err)
{
	struct us_connector connector;
	enum us_errc rc = find_connector(call, &connector, err);

	us_call_release(call);
	return rc ? rc : us_wait_for_single(call, connector.uuid, call->parameters[1], err);
}

enum us_errc us_runs_last(struct us_call *call, struct us_err *err)
{
	uint64_t generation = us_db_generation(call->api->conf.store->db);
	struct us_run run;
	int64_t connector;

	if (us_status_cache_find(call->api->statuses, call->parameters[0], generation, &call->answer->body))
		return US_OK;
	enum us_errc rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = us_connector_find_id(call->c, call->parameters[0], &connector, err);
	if (rc)
		return rc;
	rc = us_run_load_last(call->c, call->arena, connector, &run, err);
	if (rc == US_NOT_FOUND)
		return us_err_set(err, US_NOT_FOUND, "this connector has not run yet");
	if (rc)
		return rc;
	us_status_write(&call->w, call->api, &run);
	/* While it runs, it changes without a write. */
	if (run.status != US_RUN_SCHEDULED && run.status != US_RUN_RUNNING)
		us_status_cache_keep(call->api->statuses, call->parameters[0], generation, us_str_slice(&call->answer->body));
	return US_OK;
}

enum us_errc us_runs_history(struct us_call *call, struct us_err *err)
{
	struct us_connector connector;
	struct us_slice cursor;
	struct us_run *runs;
	int64_t limit, before = 0;
	size_t n;
	enum us_errc rc = us_call_read_limit(call, 50, 1000, &limit, err);

	if (!rc)
		rc = us_call_read_cursor(call, 's', &cursor, err);
	if (!rc && cursor.p && (!us_slice_to_int(cursor, &before) || before < 1))
		return us_err_set(err, US_INVALID, "the cursor is not one of this list");
	if (!rc)
		rc = find_connector(call, &connector, err);
	if (!rc)
		rc = us_run_list(call->c, call->arena, connector.id, before, (size_t) limit + 1, &runs, &n, err);
	if (rc)
		return rc;
	us_status_write_page(call, 's', runs, n, (size_t) limit);
	return US_OK;
}

enum us_errc us_runs_show(struct us_call *call, struct us_err *err)
{
	int64_t run;
	enum us_errc rc = us_call_read_number(call, 0, "run", &run, err);

	return rc ? rc : answer_run(call, run, err);
}

/* They give the run that it is about: the same one, or a new one that does it. */
static enum us_errc decide(struct us_call *call,
	enum us_errc (*act)(struct us_job *, int64_t, struct us_job_who, int64_t *, struct us_err *), struct us_err *err)
{
	int64_t run, next;
	enum us_errc rc = us_call_read_number(call, 0, "run", &run, err);

	if (!rc)
		rc = act(call->api->conf.job, run, us_call_who(call), &next, err);
	return rc ? rc : answer_run(call, next, err);
}

enum us_errc us_runs_approve(struct us_call *call, struct us_err *err) { return decide(call, us_job_approve, err); }
enum us_errc us_runs_apply(struct us_call *call, struct us_err *err) { return decide(call, us_job_apply, err); }
enum us_errc us_runs_undo(struct us_call *call, struct us_err *err) { return decide(call, us_job_undo, err); }

enum us_errc us_runs_reject(struct us_call *call, struct us_err *err) { return decide(call, us_job_reject, err); }
