#include "sync/edit.h"

#include "base/clock.h"
#include "store/directory.h"
#include "store/run.h"
#include "sync/apply.h"
#include "sync/edit_plan.h"
#include "sync/undo.h"

/* The writer, in a transaction. */
static enum us_errc begin(struct us_store *store, struct us_dbc **ret_c, struct us_err *err)
{
	enum us_errc rc = us_db_lease_writer(store->db, ret_c, err);

	if (rc)
		return rc;
	rc = us_db_begin(*ret_c, err);
	if (rc)
		us_db_release(*ret_c);
	return rc;
}

static enum us_errc open_directory(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_directory *ret_directory,
	enum us_edit_refusal *ret_refusal, struct us_err *err)
{
	enum us_errc rc = us_directory_load(c, arena, id, ret_directory, err);

	if (rc == US_NOT_FOUND)
		*ret_refusal = US_EDIT_NO_DIRECTORY;
	if (rc || !ret_directory->connector.p)
		return rc;
	*ret_refusal = us_edit_refuse(US_EDIT_SYNCED, err, "Directory %lld is kept by a connector: change it at its identity provider", (long long) id);
	return us_edit_refusal_code(*ret_refusal);
}

/* The plan of run->plan, which is written already, over the directory as it was when the transaction began. */
static enum us_errc apply(struct us_dbc *c, const struct us_run *run, int64_t id, int64_t now_s, struct us_err *err)
{
	const struct us_apply in = { .directory = run->directory, .plan_run = id, .revision = id, .base_revision = run->base_revision,
		.is_local = true, .report = &run->report, .now_s = now_s };

	return us_apply_plan(c, &in, err);
}

static enum us_errc take_edits(struct us_edit_plan *plan, const struct us_edit_request *request, struct us_edit_result *result, struct us_err *err)
{
	for (size_t i = 0; i < request->n; i++) {
		uint32_t number;
		enum us_errc rc = us_edit_plan_take(plan, &request->edits[i], &number, &result->refusal, err);
		result->at = i;
		if (rc)
			return rc;
		if (request->numbers)
			request->numbers[i] = number;
	}
	return US_OK;
}

static enum us_errc record(struct us_dbc *c, struct us_edit_plan *plan, struct us_run *run, int64_t *ret_run, struct us_err *err)
{
	const struct us_change *rows;
	int64_t now = us_clock_wall_s(), id;
	size_t n;
	enum us_errc rc = us_edit_plan_end(plan, &rows, &n, &run->report, err);

	if (rc || !n)
		return rc;
	run->n_changes = (int64_t) n;
	rc = us_run_record(c, run, now, &id, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = us_run_add_change(c, id, &rows[i], err);
	if (!rc)
		rc = apply(c, run, id, now, err);
	if (!rc)
		*ret_run = id;
	return rc;
}

static enum us_errc edit_within(struct us_dbc *c, struct us_arena *arena, const struct us_edit_request *request, struct us_slice node,
	struct us_edit_result *result, struct us_err *err)
{
	struct us_directory directory;
	struct us_edit_plan *plan;
	enum us_errc rc = open_directory(c, arena, request->directory, &directory, &result->refusal, err);

	if (rc || (rc = us_edit_plan_new(c, request->directory, &plan, err)))
		return rc;
	struct us_run run = { .connector_uuid = US_SLICE(""), .directory = request->directory, .kind = US_RUN_EDIT, .actor = request->actor,
		.trigger = request->trigger, .node = node, .base_revision = directory.revision };
	rc = take_edits(plan, request, result, err);
	if (!rc)
		rc = record(c, plan, &run, &result->run, err);
	us_edit_plan_free(plan);
	return rc;
}

enum us_errc us_edit_apply(struct us_store *store, const struct us_edit_request *request, struct us_slice node, struct us_edit_result *ret_result,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_edit_result result = { 0 };
	struct us_dbc *c;
	enum us_errc rc;

	*ret_result = result;
	if (request->n > US_EDIT_MOST) {
		ret_result->refusal = us_edit_refuse(US_EDIT_TOO_MANY, err, "%zu changes are too many at once; %d are taken", request->n, US_EDIT_MOST);
		return us_edit_refusal_code(ret_result->refusal);
	}
	if ((rc = begin(store, &c, err)))
		return rc;
	rc = edit_within(c, &arena, request, node, &result, err);
	if (!rc)
		rc = us_db_commit(c, err);
	us_db_release(c);
	us_arena_fini(&arena);
	if (rc)
		result.run = 0;
	*ret_result = result;
	return rc;
}

/* ---- undo ---- */

static bool has_work(const struct us_report *r)
{
	int64_t n = r->memberships_added + r->memberships_removed;

	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (i != US_OUTCOME_FAILED)
			n += r->users[i] + r->groups[i];
	return n > 0;
}

static enum us_errc undo_within(struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_run *run, int64_t *ret_run,
	struct us_err *err)
{
	atomic_bool never = false;
	struct us_plan_counts counts = { 0 };
	struct us_directory directory;
	struct us_run turned;
	enum us_edit_refusal refusal;
	int64_t now = us_clock_wall_s(), id;
	enum us_errc rc = us_run_load(c, arena, run->plan_run, &turned, err);

	if (!rc)
		rc = open_directory(c, arena, turned.directory, &directory, &refusal, err);
	if (rc)
		return rc;
	us_assert(!turned.connector);
	run->directory = turned.directory;
	run->base_revision = directory.revision;
	/* Its row comes before its plan's, so that it has a number; what it came to is saved at the end. */
	if ((rc = us_run_record(c, run, now, &id, err)))
		return rc;
	run->id = id;
	struct us_rows rows = { .store = store, .run = id, .directory = turned.directory, .within = c };
	const struct us_undo undo = { .reader = c, .directory = turned.directory, .plan_run = turned.id, .writer = turned.id, .is_local = true,
		.rows = &rows, .cancel = &never };
	rc = us_undo_plan(&undo, &counts, err);
	us_rows_fini(&rows);
	run->report = counts.report;
	run->n_changes = counts.n_rows;
	run->messages = US_SLICE_NONE;
	if (!rc)
		rc = us_run_save(c, run, now, err);
	if (!rc && has_work(&run->report))
		rc = apply(c, run, id, now, err);
	*ret_run = id;
	return rc;
}

enum us_errc us_edit_undo(struct us_store *store, int64_t run, struct us_slice actor, enum us_run_trigger trigger, struct us_slice node,
	int64_t *ret_run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run undo = { .connector_uuid = US_SLICE(""), .kind = US_RUN_UNDO, .plan_run = run, .actor = actor, .trigger = trigger, .node = node };
	struct us_dbc *c;
	int64_t id;
	enum us_errc rc = begin(store, &c, err);

	if (rc)
		return rc;
	rc = undo_within(store, c, &arena, &undo, &id, err);
	if (!rc)
		rc = us_db_commit(c, err);
	us_db_release(c);
	us_arena_fini(&arena);
	if (!rc)
		*ret_run = id;
	return rc;
}
