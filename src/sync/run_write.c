#include "sync/run_state.h"

#include "base/clock.h"
#include "store/connector.h"
#include "store/cursor.h"
#include "store/directory.h"
#include "sync/apply.h"
#include "sync/split.h"

static bool has_work(const struct us_report *r)
{
	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (us_outcome_is_written((enum us_outcome) i) && (r->users[i] || r->groups[i]))
			return true;
	return r->memberships_added || r->memberships_removed;
}

static bool writes_scope(const struct us_act *a)
{
	/* A plan that waited was made with the settings of then: whatever was saved since has not been applied by it. */
	if (a->is_of_then)
		return false;
	/* Nor is it applied while the cleanup that it leads to waits. */
	return ((a->run.kind == US_RUN_FULL && !a->splits) || a->run.kind == US_RUN_CLEANUP) && !a->is_partial && a->scope_json.n &&
		!us_slice_is_equal(a->connector.applied_scope, us_str_slice(&a->scope_json));
}

/* Before the rest is applied: its rows and counters go over to the run `part`. */
static enum us_errc split_plan(struct us_act *a, struct us_dbc *c, struct us_run *ret_part)
{
	struct us_split split = { .run = a->run.id, .report = a->run.report, .n_rows = (uint32_t) a->run.n_changes };
	enum us_errc rc = us_run_reserve(c, &split.part, a->err);

	if (rc == US_OK)
		rc = us_split_write(c, &split, a->err);
	if (rc)
		return rc;
	*ret_part = a->run;
	ret_part->id = split.part;
	ret_part->kind = US_RUN_CLEANUP;
	ret_part->plan_run = a->run.id;
	ret_part->report = split.part_report;
	ret_part->n_changes = split.part_n_rows;
	a->run.report = split.report;
	a->run.n_changes = split.n_rows;
	return US_OK;
}

/* After the run itself has ended: its cleanup waits, for the directory as it is now. */
static enum us_errc hold_part(struct us_act *a, struct us_dbc *c, struct us_run *part, int64_t now_s)
{
	struct us_directory directory;
	struct us_str held = US_STR_INIT, text = US_STR_INIT;
	enum us_errc rc = us_directory_load(c, &a->arena, a->run.directory, &directory, a->err);

	if (rc)
		return rc;
	part->base_revision = directory.revision;
	part->expires = a->settings.held_expiry_s ? now_s + a->settings.held_expiry_s : 0;
	us_guard_write(&a->verdict, 0, &held);
	part->held = us_str_slice(&held);
	us_guard_describe(&a->verdict, 0, &text);
	us_run_explain_verdict(a, &a->verdict, &text);
	rc = us_run_create_held(c, part, us_str_text(&text), now_s, a->err);
	if (rc == US_OK)
		rc = us_cursor_save_pending(c, part->id, US_SLICE_NONE, a->configuration_hash, a->err);
	us_str_fini(&held);
	us_str_fini(&text);
	return rc;
}

enum us_errc us_run_write_end(struct us_act *a, struct us_dbc *c, int64_t now_s)
{
	bool leaves_nothing = a->run.kind == US_RUN_FULL && a->status == US_RUN_DONE && !a->splits;
	enum us_errc rc = us_run_save(c, &a->run, now_s, a->err);

	if (rc == US_OK)
		rc = us_run_set_status(c, a->run.id, US_RUN_RUNNING, a->status, now_s, a->err);
	return rc == US_OK && leaves_nothing ? us_run_overtake_held(c, &a->run, now_s, a->err) : rc;
}

enum us_errc us_run_write_plan(struct us_act *a)
{
	int64_t same;
	struct us_dbc *c;
	struct us_run part;
	struct us_messages_mark mark = us_messages_mark(&a->messages);
	struct us_apply apply = { .directory = a->run.directory,
		.plan_run = a->run.kind == US_RUN_APPLY ? a->run.plan_run : a->run.id, .revision = a->run.id,
		.base_revision = a->run.base_revision, .report = &a->run.report, .now_s = us_clock_wall_s(), .is_login = a->run.kind == US_RUN_SINGLE,
		.is_local = a->is_local, .retires = a->is_guest && a->run.kind != US_RUN_UNDO ? a->connector.id : 0,
		.applied = &a->sync->progress->applied };
	enum us_errc rc;

	if (!has_work(&a->run.report) && !writes_scope(a) && !a->splits && !us_run_has_cursor(a))
		return US_OK;
	us_run_enter(a, US_SYNC_APPLY);
	rc = us_db_lease_writer(a->sync->store->db, &c, a->err);
	if (rc)
		return rc;
	rc = us_db_begin(c, a->err);
	/* Invariant O: a connector that was deleted meanwhile owns nothing any more. */
	if (rc == US_OK && (rc = us_connector_find_id(c, a->connector.uuid, &same, a->err)) == US_NOT_FOUND)
		rc = us_err_set(a->err, US_CONFLICT, "The connector was deleted while this run was going on; nothing was written");
	if (rc == US_OK && a->splits)
		rc = split_plan(a, c, &part);
	if (rc == US_OK && has_work(&a->run.report))
		rc = us_apply_plan(c, &apply, a->err);
	if (rc == US_OK && writes_scope(a))
		rc = us_connector_set_applied_scope(c, a->connector.id, us_str_slice(&a->scope_json), a->err);
	if (rc == US_OK)
		rc = us_run_write_cursor(a, c);
	if (rc == US_OK) {
		int64_t now = us_clock_wall_s();
		a->status = a->is_partial ? US_RUN_FAILED : US_RUN_DONE;
		if (a->splits)
			us_run_say_verdict(a, part.id);
		a->run.messages = us_messages_text(&a->messages);
		rc = us_run_write_end(a, c, now);
		if (rc == US_OK && a->splits)
			rc = hold_part(a, c, &part, now);
	}
	if (rc == US_OK)
		rc = us_db_commit(c, a->err);
	/* Neither it nor its part is there. */
	if (rc && a->splits) {
		us_messages_reset(&a->messages, mark);
		a->run.held = US_SLICE_NONE;
	}
	us_db_release(c);
	return rc;
}

/* As the certificate says that write_certificate wrote; runs that list nothing have none. */
static bool was_partial(struct us_slice certificate)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	bool whole = true;

	if (certificate.n)
		whole = us_json_parse(&arena, certificate, US_JSON_LIMITS_PAGE, &doc, NULL) == US_OK && us_json_bool(doc, "whole", false);
	us_arena_fini(&arena);
	return !whole;
}

enum us_errc us_run_write_stored(struct us_act *a)
{
	struct us_run planned;
	struct us_directory directory;
	int64_t id = a->run.kind == US_RUN_APPLY ? a->run.plan_run : a->run.id;
	enum us_errc rc = us_run_load(a->reader, &a->arena, id, &planned, a->err);

	if (rc == US_OK)
		rc = us_directory_load(a->reader, &a->arena, planned.directory, &directory, a->err);
	struct us_slice now = a->configuration_hash;
	if (rc == US_OK && a->run.kind != US_RUN_APPLY)
		rc = us_cursor_load_pending(a->reader, &a->arena, id, &a->feed_cursor, &a->configuration_hash, a->err);
	if (rc)
		return rc;
	a->is_of_then = !us_slice_is_equal(a->configuration_hash, now);
	/* It fitted when it was decided, and may have waited for its turn since. */
	if ((rc = us_sync_check_fit(a->sync->store, a->reader, &planned, a->err)))
		return rc;
	a->run.directory = planned.directory;
	a->run.report = planned.report;
	a->run.n_changes = planned.n_changes;
	a->run.base_revision = planned.base_revision;
	a->run.certificate = planned.certificate;
	a->is_partial = was_partial(planned.certificate);
	a->status = a->is_partial ? US_RUN_FAILED : US_RUN_DONE;
	if (*a->sync->cancel)
		return us_err_set(a->err, US_CANCELLED, "Cancelled before anything was written");
	return us_run_write_plan(a);
}
