#include "sync/edit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/credential.h"
#include "store/directory.h"
#include "store/run.h"
#include "sync/apply.h"
#include "sync/edit_plan.h"
#include "sync/undo.h"

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

static enum us_errc take_edits(struct us_edit_plan *plan, const struct us_edit_request *request, uint32_t *numbers, struct us_edit_result *result,
	struct us_err *err)
{
	for (size_t i = 0; i < request->n; i++) {
		enum us_errc rc = us_edit_plan_take(plan, &request->edits[i], &numbers[i], &result->refusal, err);
		result->at = i;
		if (rc)
			return rc;
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

/* ---- passwords ---- */

typedef char hash_text[US_SECRET_HASH_BYTES];

/* Made before the writer is taken: each costs some milliseconds. NULL if there are none. */
static enum us_errc hash_passwords(const struct us_edit_request *request, hash_text **ret_hashes, struct us_edit_result *result, struct us_err *err)
{
	size_t n = 0, at = 0;

	*ret_hashes = NULL;
	for (size_t i = 0; i < request->n; i++)
		n += us_edit_has_password(&request->edits[i]);
	if (n > US_EDIT_MOST_PASSWORDS) {
		result->refusal = us_edit_refuse(US_EDIT_TOO_MANY, err, "%zu passwords are too many at once; %d are taken", n, US_EDIT_MOST_PASSWORDS);
		return us_edit_refusal_code(result->refusal);
	}
	if (!n)
		return US_OK;
	*ret_hashes = us_calloc(n, sizeof **ret_hashes);
	for (size_t i = 0; i < request->n; i++) {
		const struct us_edit *edit = &request->edits[i];
		enum us_errc rc;
		if (!us_edit_has_password(edit))
			continue;
		result->at = i;
		result->refusal = us_edit_check(edit, err);
		rc = result->refusal ? us_edit_refusal_code(result->refusal) : us_secret_hash_password(edit->password, (*ret_hashes)[at++], err);
		if (rc)
			return rc;
	}
	return US_OK;
}

/* After the plan is applied, so that new users are there. Who was deleted by a later edit of the list has none. */
static enum us_errc set_passwords(struct us_dbc *c, const struct us_edit_request *request, const uint32_t *numbers, hash_text *hashes,
	struct us_err *err)
{
	int64_t now = us_clock_wall_s();
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < request->n && !rc; i++) {
		const struct us_edit *edit = &request->edits[i];
		uint32_t found;
		if (!us_edit_has_password(edit) && !(edit->kind == US_EDIT_UPDATE_USER && edit->fields & US_EDIT_PASSWORD))
			continue;
		const char *hash = us_edit_has_password(edit) ? *hashes++ : NULL;
		rc = us_object_find_number(c, request->directory, false, US_SLICE_NONE, numbers[i], &found, err);
		if (!rc)
			rc = hash ? us_credential_set(c, request->directory, found, hash, now, err)
				: us_credential_remove(c, request->directory, found, err);
		else if (rc == US_NOT_FOUND)
			rc = US_OK;
	}
	return rc;
}

static enum us_errc edit_within(struct us_dbc *c, struct us_arena *arena, const struct us_edit_request *request, struct us_slice node,
	hash_text *hashes, struct us_edit_result *result, struct us_err *err)
{
	uint32_t *numbers = request->numbers ? request->numbers : us_arena_array(arena, request->n, sizeof *numbers);
	struct us_directory directory;
	struct us_edit_plan *plan;
	enum us_errc rc = open_directory(c, arena, request->directory, &directory, &result->refusal, err);

	if (!rc && request->expect && request->expect != directory.revision) {
		result->refusal = us_edit_refuse(US_EDIT_CHANGED, err, "the directory has changed meanwhile (revision %lld, not %lld)",
			(long long) directory.revision, (long long) request->expect);
		rc = us_edit_refusal_code(result->refusal);
	}
	if (rc || (rc = us_edit_plan_new(c, request->directory, &plan, err)))
		return rc;
	struct us_run run = { .connector_uuid = US_SLICE(""), .directory = request->directory, .kind = US_RUN_EDIT, .actor = request->actor,
		.trigger = request->trigger, .node = node, .base_revision = directory.revision };
	rc = take_edits(plan, request, numbers, result, err);
	if (!rc)
		rc = record(c, plan, &run, &result->run, err);
	if (!rc)
		rc = set_passwords(c, request, numbers, hashes, err);
	us_edit_plan_free(plan);
	return rc;
}

enum us_errc us_edit_apply(struct us_store *store, const struct us_edit_request *request, struct us_slice node, struct us_edit_result *ret_result,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_edit_result result = { 0 };
	hash_text *hashes;
	struct us_dbc *c;
	enum us_errc rc;

	*ret_result = result;
	if (request->n > US_EDIT_MOST) {
		ret_result->refusal = us_edit_refuse(US_EDIT_TOO_MANY, err, "%zu changes are too many at once; %d are taken", request->n, US_EDIT_MOST);
		return us_edit_refusal_code(ret_result->refusal);
	}
	rc = hash_passwords(request, &hashes, &result, err);
	if (!rc && !(rc = us_db_begin_write(store->db, &c, err))) {
		rc = edit_within(c, &arena, request, node, hashes, &result, err);
		if (!rc)
			rc = us_db_commit(c, err);
		us_db_release(c);
	}
	us_arena_fini(&arena);
	free(hashes);
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
	const struct us_undo undo = { .reader = c, .directory = turned.directory, .plan_run = turned.id, .report = &turned.report, .writer = turned.id, .is_local = true,
		.rows = &rows, .cancel = &never };
	struct us_undo_left left = { 0 };
	struct us_messages messages;
	us_messages_init(&messages, US_SLICE_NONE);
	rc = us_undo_plan(&undo, &counts, &left, err);
	us_undo_say(&left, &messages);
	us_rows_fini(&rows);
	run->report = counts.report;
	run->n_changes = counts.n_rows;
	run->messages = us_messages_text(&messages);
	if (!rc)
		rc = us_run_save(c, run, now, err);
	us_messages_fini(&messages);
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
	enum us_errc rc = us_db_begin_write(store->db, &c, err);

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
