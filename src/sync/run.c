#include "sync/run.h"

#include "base/clock.h"
#include "store/connector.h"
#include "store/cursor.h"
#include "store/directory.h"
#include "sync/pushed.h"
#include "sync/run_state.h"

/* A failure of the run: its message, its status. */
static enum us_errc fail(struct us_act *a, enum us_errc rc)
{
	a->status = rc == US_CANCELLED ? US_RUN_CANCELLED : US_RUN_FAILED;
	us_messages_add(&a->messages, "%s", a->err->text);
	/* Nothing was written: no counter and no row may look as if. */
	a->run.report = (struct us_report) { 0 };
	a->run.n_changes = 0;
	a->drops_rows = true;
	return rc;
}

static enum us_errc play(struct us_act *a)
{
	enum us_errc rc;

	rc = us_run_open_connector(a);
	if (rc)
		return rc;
	if (a->run.decided_by.n || a->run.kind == US_RUN_APPLY)
		return us_run_write_stored(a);
	if (a->run.kind == US_RUN_UNDO)
		rc = us_run_plan_undo(a);
	else if (a->is_guest)
		rc = us_run_plan_guest(a);
	else if (a->run.kind == US_RUN_SINGLE)
		rc = us_run_plan_single(a);
	else if (a->run.kind == US_RUN_DELTA)
		rc = us_run_plan_delta(a);
	else
		rc = us_run_plan_full(a);
	us_run_close_source(a);
	return rc ? rc : us_run_judge(a);
}

static enum us_errc write_end(struct us_act *a)
{
	struct us_dbc *c;
	struct us_run now;
	int64_t wall = us_clock_wall_s();
	enum us_errc rc = us_run_load(a->reader, &a->arena, a->run.id, &now, a->err);

	/* write_plan has ended it already, or somebody else has taken it away */
	if (rc || now.status != US_RUN_RUNNING)
		return rc;
	rc = us_db_lease_writer(a->sync->store->db, &c, a->err);
	if (rc)
		return rc;
	a->run.messages = us_messages_text(&a->messages);
	rc = us_db_begin(c, a->err);
	if (rc == US_OK && (a->status == US_RUN_HELD || a->run.kind == US_RUN_SIMULATION))
		rc = us_cursor_save_pending(c, a->run.id, us_run_has_cursor(a) ? a->feed_cursor : US_SLICE_NONE, a->configuration_hash, a->err);
	if (rc == US_OK && a->drops_rows)
		rc = us_run_delete_changes(c, a->run.id, a->err);
	if (rc == US_OK)
		rc = us_run_write_end(a, c, wall);
	if (rc == US_OK)
		rc = us_db_commit(c, a->err);
	us_db_release(c);
	return rc;
}

enum us_errc us_sync_execute(struct us_sync *sync, int64_t id, enum us_run_status *ret_status, struct us_err *err)
{
	struct us_err run_err = US_ERR_INIT;
	struct us_act a = { .sync = sync, .err = &run_err, .status = US_RUN_FAILED };
	enum us_errc rc = us_db_lease_reader(sync->store->db, &a.reader, err);

	if (rc)
		return rc;
	us_run_enter(&a, US_SYNC_INDEX);
	rc = us_run_load(a.reader, &a.arena, id, &a.run, err);
	if (rc == US_OK) {
		a.rows = (struct us_rows) { .store = sync->store, .run = id, .directory = a.run.directory, .changes = &sync->progress->changes };
		us_messages_init(&a.messages, a.run.messages);
		rc = play(&a);
		if (rc)
			fail(&a, rc);
		a.err = err;
		rc = write_end(&a);
		if (rc == US_OK)
			*ret_status = a.status;
	}
	us_run_enter(&a, US_SYNC_DONE);
	us_run_close_source(&a);
	us_mapping_free(a.mapping);
	us_run_close_plan(&a);
	us_rules_free(a.rules);
	us_predicate_free(a.predicate);
	us_rows_fini(&a.rows);
	us_messages_fini(&a.messages);
	us_str_fini(&a.certificate_json);
	us_str_fini(&a.held_json);
	us_str_fini(&a.scope_json);
	us_map_fini(&a.scope.refs);
	us_db_release(a.reader);
	us_arena_fini(&a.arena);
	return rc;
}

enum us_errc us_sync_check_fit(struct us_store *store, struct us_dbc *c, const struct us_run *run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_directory directory;
	struct us_connector connector;
	struct us_slice cursor, then;
	enum us_errc rc = us_directory_load(c, &arena, run->directory, &directory, err);
	bool is_of_settings = rc == US_OK && run->connector && run->kind != US_RUN_UNDO;

	if (is_of_settings)
		rc = us_cursor_load_pending(c, &arena, run->id, &cursor, &then, err);
	if (is_of_settings && rc == US_OK)
		rc = us_connector_find(store, c, &arena, run->connector_uuid, US_SECRETS_HIDDEN, &connector, err);
	bool is_other = is_of_settings && rc == US_OK && then.n && !us_slice_is_equal(then, us_cursor_hash(&arena, connector.configuration));
	us_arena_fini(&arena);
	if (rc)
		return rc;
	if (is_other)
		return us_err_set(err, US_CONFLICT, "the configuration has changed since run %lld was planned", (long long) run->id);
	if (directory.revision != run->base_revision)
		return us_err_set(err, US_CONFLICT,
			"the directory has changed since run %lld was planned (revision %lld, now %lld)", (long long) run->id,
			(long long) run->base_revision, (long long) directory.revision);
	/* The source itself has taken back what the plan was made from. */
	int64_t later = 0;
	if (run->status == US_RUN_HELD && (run->kind == US_RUN_FULL || run->kind == US_RUN_DELTA || run->kind == US_RUN_CLEANUP))
		rc = us_run_find_later(c, run, &later, err);
	if (rc == US_OK && later)
		return us_err_set(err, US_CONFLICT, "run %lld has read the source since run %lld was planned, and had nothing to hold", (long long) later,
			(long long) run->id);
	return rc;
}

enum us_errc us_sync_test(struct us_store *store, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector found;
	struct us_dbc *c;
	struct us_source *source;
	const struct us_source_ops *ops = NULL;
	enum us_errc rc = us_db_lease_reader(store->db, &c, err);

	if (rc)
		return rc;
	rc = us_connector_find(store, c, &arena, connector, US_SECRETS_CLEAR, &found, err);
	us_db_release(c);
	if (rc == US_OK) {
		ops = us_source_find(found.type);
		if (!ops)
			rc = us_err_set(err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(found.type));
	}
	if (rc == US_OK) {
		rc = us_pushed_open_source(store, &found, found.configuration, ops, cancel, &source, err);
		if (rc == US_OK) {
			rc = ops->test(source, notes, err);
			ops->close(source);
		}
	}
	us_arena_fini(&arena);
	return rc;
}
