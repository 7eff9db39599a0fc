#include "base/clock.h"
#include "base/json.h"
#include "job/job_state.h"
#include "store/connector.h"
#include "sync/edit.h"

static enum us_errc load_run(struct us_job *job, struct us_arena *arena, int64_t id, bool check_fit, struct us_run *ret_run,
	enum us_errc *ret_fits, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(job->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_run_load(c, arena, id, ret_run, err);
	if (rc == US_OK && check_fit)
		*ret_fits = us_sync_check_fit(job->store, c, ret_run, err);
	us_db_release(c);
	return rc;
}

/* The run that holds the cleanup of this one; 0: none. */
static int64_t held_part(const struct us_run *run)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *held = NULL;

	if (run->held.n)
		us_json_parse(&arena, run->held, US_JSON_LIMITS_SMALL, &held, NULL);
	int64_t part = us_json_int(held, "run", 0);
	us_arena_fini(&arena);
	return part;
}

/* The run to decide about: a run that has ended and left its cleanup to a decision stands for the one that holds it. */
static enum us_errc load_held(struct us_job *job, struct us_arena *arena, int64_t id, bool check_fit, struct us_run *ret_run,
	enum us_errc *ret_fits, struct us_err *err)
{
	enum us_errc rc = load_run(job, arena, id, check_fit, ret_run, ret_fits, err);
	int64_t part = rc == US_OK && ret_run->status != US_RUN_HELD ? held_part(ret_run) : 0;

	return part ? load_run(job, arena, part, check_fit, ret_run, ret_fits, err) : rc;
}

/* The run that a cleanup was held beside says who decided about it, too, if it is still kept. */
static enum us_errc tell_whole(struct us_dbc *c, const struct us_run *part, const char *decision, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run whole;
	enum us_errc rc = us_run_load(c, &arena, part->plan_run, &whole, err);

	if (rc == US_OK) {
		whole.decided_by = part->decided_by;
		us_run_add_message(&arena, &whole, us_arena_printf(&arena, "The cleanup, run %lld: %s", (long long) part->id, decision));
		rc = us_run_save(c, &whole, now_s, err);
	}
	us_arena_fini(&arena);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

/* HELD → status, with the name of who decided; what was decided, and what comes of it, is the run's next message. */
static enum us_errc decide(struct us_job *job, struct us_arena *arena, struct us_run *run, enum us_run_status status, const char *what,
	struct us_job_who who, const char *comes_of_it, struct us_err *err)
{
	const char *decision = us_arena_printf(arena, "%s by " US_SLICE_FMT "%s", what, US_SLICE_ARG(who.name), comes_of_it);
	struct us_dbc *c;
	int64_t now = us_clock_wall_s();
	enum us_errc rc = us_db_lease_writer(job->store->db, &c, err);

	if (rc)
		return rc;
	run->decided_by = who.name;
	us_run_add_message(arena, run, decision);
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_run_set_status(c, run->id, US_RUN_HELD, status, now, err);
	if (rc == US_OK)
		rc = us_run_save(c, run, now, err);
	if (rc == US_OK && run->kind == US_RUN_CLEANUP)
		rc = tell_whole(c, run, decision, now, err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

/* Of one that was cancelled, its last message says by what. */
static enum us_errc not_held(struct us_arena *arena, const struct us_run *run, struct us_err *err)
{
	const struct us_json *messages = NULL;
	struct us_slice last = US_SLICE("");

	if (run->status == US_RUN_CANCELLED && us_json_parse(arena, run->messages, US_JSON_LIMITS_PAGE, &messages, NULL) == US_OK &&
		messages->type == US_JSON_ARRAY && messages->array.n && messages->array.items[messages->array.n - 1].type == US_JSON_STRING)
		last = messages->array.items[messages->array.n - 1].string;
	return us_err_set(err, US_CONFLICT, "run %lld is %s, not HELD%s" US_SLICE_FMT, (long long) run->id, us_run_status_text(run->status),
		last.n ? ": " : "", US_SLICE_ARG(last));
}

/* The plan no longer fits: another run of the same kind makes a new one. Keeps the reason in err. */
static enum us_errc plan_again(struct us_job *job, const struct us_run *run, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	bool is_part = run->kind == US_RUN_CLEANUP; /* of a full run or a delta: everything is looked at again */
	struct us_run again = { .connector = run->connector, .connector_uuid = run->connector_uuid, .directory = run->directory,
		.kind = is_part ? US_RUN_FULL : run->kind, .key = run->key, .plan_run = is_part ? 0 : run->plan_run, .actor = who.name,
		.trigger = who.trigger };
	struct us_err reason = *err;
	bool is_new;
	enum us_errc rc = us_job_schedule(job, &again, ret_run, &is_new, err);

	if (rc)
		return rc;
	return us_err_set(err, US_CONFLICT, "%s; run %lld makes a new plan", reason.text, (long long) *ret_run);
}

/* Whether the notifier's clock has noticed it yet or not. */
static bool has_expired(const struct us_run *run)
{
	return run->expires && !run->decided_by.n && (run->status == US_RUN_HELD || run->status == US_RUN_CANCELLED) &&
		us_clock_wall_s() >= run->expires;
}

static enum us_errc refuse_expired(struct us_job *job, const struct us_run *run, struct us_err *err)
{
	char at[US_CLOCK_ISO_BYTES];

	if (run->status == US_RUN_HELD)
		us_notifier_wake(job->notifier);
	return us_err_set(err, US_CONFLICT, "run %lld expired at %s: the source may give something else by now; start a new sync, which makes a new plan",
		(long long) run->id, us_clock_format(run->expires, at));
}

/* A connector that is disabled writes nothing, and nothing is planned for it; what it did can be turned round. */
static enum us_errc check_enabled(struct us_job *job, struct us_arena *arena, const struct us_run *run, struct us_err *err)
{
	struct us_connector connector;
	struct us_dbc *c;
	enum us_errc rc = run->kind == US_RUN_UNDO ? US_OK : us_db_lease_reader(job->store->db, &c, err);

	if (rc || run->kind == US_RUN_UNDO)
		return rc;
	rc = us_connector_find(job->store, c, arena, run->connector_uuid, US_SECRETS_HIDDEN, &connector, err);
	us_db_release(c);
	return rc || connector.enabled ? rc : us_err_set(err, US_CONFLICT, "the connector " US_SLICE_FMT " is disabled", US_SLICE_ARG(connector.name));
}

enum us_errc us_job_approve(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc fits = US_OK;
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = load_held(job, &arena, id, true, &run, &fits, &why);

	*ret_run = rc == US_OK ? run.id : id;
	if (rc)
		*err = why;
	else if (has_expired(&run))
		rc = refuse_expired(job, &run, err);
	else if (run.status != US_RUN_HELD)
		rc = not_held(&arena, &run, err);
	else if ((rc = check_enabled(job, &arena, &run, err)))
		;
	else if (fits == US_CONFLICT) {
		rc = decide(job, &arena, &run, US_RUN_CANCELLED, "Approved", who, us_arena_printf(&arena, ", too late: %s. Nothing of it is done", why.text), err);
		if (rc == US_OK) {
			*err = why;
			rc = plan_again(job, &run, who, ret_run, err);
		}
	} else if (fits) {
		*err = why;
		rc = fits;
	} else {
		rc = decide(job, &arena, &run, US_RUN_SCHEDULED, "Approved", who, "", err);
		if (rc == US_OK)
			us_job_enqueue(job, run.id, run.connector);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_reject(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc rc = load_held(job, &arena, id, false, &run, NULL, err);

	*ret_run = rc == US_OK ? run.id : id;
	if (rc == US_OK && run.status != US_RUN_HELD)
		rc = not_held(&arena, &run, err);
	if (rc == US_OK)
		rc = decide(job, &arena, &run, US_RUN_CANCELLED, "Rejected", who, ": nothing of it is done", err);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc follow(struct us_job *job, const struct us_run *run, enum us_run_kind kind, struct us_job_who who, int64_t *ret_run,
	struct us_err *err)
{
	struct us_run next = { .connector = run->connector, .connector_uuid = run->connector_uuid, .directory = run->directory,
		.kind = kind, .plan_run = run->id, .actor = who.name, .trigger = who.trigger };

	return us_job_schedule(job, &next, ret_run, NULL, err);
}

enum us_errc us_job_apply(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc fits = US_OK;
	struct us_err why = US_ERR_INIT;
	enum us_errc rc = load_run(job, &arena, id, true, &run, &fits, &why);

	*ret_run = id;
	if (rc)
		*err = why;
	else if (run.kind != US_RUN_SIMULATION || run.status != US_RUN_DONE)
		rc = us_err_set(err, US_CONFLICT, "run %lld is no finished simulation (it is a %s run, %s)", (long long) id,
			us_run_kind_text(run.kind), us_run_status_text(run.status));
	else if ((rc = check_enabled(job, &arena, &run, err)))
		;
	else if (fits) {
		*err = why;
		rc = fits == US_CONFLICT ? plan_again(job, &run, who, ret_run, err) : fits;
	} else {
		rc = follow(job, &run, US_RUN_APPLY, who, ret_run, err);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_job_undo(struct us_job *job, int64_t id, struct us_job_who who, int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc rc = load_run(job, &arena, id, false, &run, NULL, err);

	*ret_run = id;
	if (rc == US_OK && (run.kind == US_RUN_SIMULATION || (run.status != US_RUN_DONE && run.status != US_RUN_FAILED)))
		rc = us_err_set(err, US_CONFLICT, "run %lld wrote nothing (it is a %s run, %s)", (long long) id, us_run_kind_text(run.kind),
			us_run_status_text(run.status));
	if (rc == US_OK && run.n_changes == 0)
		rc = us_err_set(err, US_CONFLICT, "run %lld changed nothing, or its rows are no longer kept", (long long) id);
	if (rc == US_OK && !run.connector) {
		rc = us_edit_undo(job->store, id, who.name, who.trigger, us_slice(job->node), ret_run, err);
		if (rc == US_OK)
			us_job_tell_listener(job);
	} else if (rc == US_OK) {
		rc = follow(job, &run, US_RUN_UNDO, who, ret_run, err);
	}
	us_arena_fini(&arena);
	return rc;
}
