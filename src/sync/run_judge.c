#include "sync/run_state.h"

#include "model/override.h"
#include "sync/guard.h"

/* No number says it: who is in which group after the plan. */
static enum us_errc look_for_last_admin(struct us_act *a)
{
	const struct us_plan_counts *c = &a->counts;
	struct us_last_admin found;

	if (us_patterns_is_empty(a->rules->admin_groups) || (!c->users_removed && !c->groups_removed && !c->report.memberships_removed))
		return US_OK;
	enum us_errc rc = us_last_admin_find(a->reader, a->run.directory, a->run.id, a->rules->admin_groups, &a->arena, &found, a->err);
	if (rc == US_OK && found.group.p) {
		a->last_admin = found;
		a->verdict = (struct us_verdict) { US_GUARD_LAST_ADMIN, found.n_active, found.n_active, 0 };
	}
	return rc;
}

enum us_errc us_run_judge(struct us_act *a)
{
	bool scope_changed = a->run.kind == US_RUN_FULL || a->run.kind == US_RUN_SIMULATION
		? a->connector.applied_scope.p && !us_slice_is_equal(a->connector.applied_scope, us_str_slice(&a->scope_json))
		: false;

	struct us_verdict passed = { .rule = US_GUARD_FREE };
	struct us_slice by, reason;
	unsigned overrides;
	us_override_read(&a->arena, a->run.override_of, &overrides, &by, &reason);
	a->verdict = us_guard_judge(&a->counts, &a->settings, scope_changed, overrides, &passed);
	us_run_enter(a, US_SYNC_GUARD);
	enum us_errc rc = a->verdict.rule == US_GUARD_FREE ? look_for_last_admin(a) : US_OK;
	if (rc)
		return rc;
	a->run.report = a->counts.report;
	a->run.n_changes = a->counts.n_rows;
	us_run_say_counts(a);
	if (overrides)
		us_run_say_override(a, &passed, by, reason);
	bool may_split = a->settings.holds_cleanup_only &&
		(a->run.kind == US_RUN_FULL || a->run.kind == US_RUN_DELTA || a->run.kind == US_RUN_SIMULATION);
	if (a->verdict.rule != US_GUARD_FREE && may_split) {
		struct us_verdict rest = us_guard_judge_rest(&a->counts, &a->settings, overrides);
		a->splits = rest.rule == US_GUARD_FREE;
		/* What comes and changes may not go on by itself either. */
		if (!a->splits)
			a->verdict = rest;
	}
	bool is_simulation = a->run.kind == US_RUN_SIMULATION, is_held = a->verdict.rule != US_GUARD_FREE && !a->splits;
	if (is_held || (is_simulation && a->splits))
		us_run_say_verdict(a, 0);
	a->status = is_held && !is_simulation ? US_RUN_HELD : US_RUN_DONE;
	if (a->is_partial && a->status == US_RUN_DONE)
		a->status = US_RUN_FAILED;
	if (is_simulation || is_held)
		return US_OK;
	if (*a->sync->cancel)
		return us_err_set(a->err, US_CANCELLED, "Cancelled before anything was written");
	us_run_close_plan(a); /* it is in the store; applying it reads it from there */
	return us_run_write_plan(a);
}
