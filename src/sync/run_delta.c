#include "sync/run_state.h"

#include "model/schedule.h"
#include "store/cursor.h"
#include "store/object.h"
#include "sync/delta.h"
#include "sync/protect.h"

enum us_errc us_run_mark(struct us_act *a)
{
	struct us_slice cursor = US_SLICE_NONE;
	struct us_err why = US_ERR_INIT;

	if (!a->ops->mark)
		return US_OK;
	/* A full sync needs no feed: without a cursor the next delta is a full one. */
	enum us_errc rc = a->ops->mark(a->source, &a->arena, &cursor, &why);
	if (rc == US_CANCELLED)
		return us_err_copy(a->err, &why);
	if (rc == US_OK && cursor.n <= US_DELTA_MAX_CURSOR_BYTES)
		a->feed_cursor = cursor;
	return US_OK;
}

/* What makes users come and go who are not in the feed themselves. */
static const char *find_wide_setting(const struct us_act *a)
{
	if (!us_patterns_is_empty(a->rules->required_groups))
		return "requiredGroups is set: who is wanted depends on groups that did not change";
	if (a->settings.flattens_groups)
		return "nested groups are flattened: who is in a group depends on groups that did not change";
	if (a->settings.drops_empty_groups)
		return "groups without members are dropped: which those are depends on users that did not change";
	if (a->settings.cleanup == US_CLEANUP_KEEP)
		return "cleanup is keep: nothing says who is gone, and those stay in their groups";
	if (!a->settings.delete_groups)
		return "groupCleanup is keep: whether the source still has a group is not known, and with it who leaves it";
	if (us_mapping_has_groups(a->mapping))
		return "groups are made from an attribute of users: who is in them depends on users that did not change";
	return NULL;
}

/* Why there is no delta to begin; NULL: there is nothing against it. */
static bool is_full_due(const struct us_act *a, const struct us_cursor *cursor)
{
	bool by_schedule = a->run.trigger == US_TRIGGER_SCHEDULE || a->run.trigger == US_TRIGGER_MISSED;

	return by_schedule && a->run.started - cursor->full_at >= us_schedule_full_every(a->connector.configuration);
}

static const char *find_obstacle(struct us_act *a, const struct us_cursor *cursor)
{
	if (!cursor->value.n)
		return "no full sync that could be followed by one has been applied yet, or an undo, or a login of somebody deleted as inactive, came after it";
	if (cursor->directory != a->run.directory)
		return "the directory is a new one";
	if (!us_slice_is_equal(cursor->configuration, a->configuration_hash))
		return "the configuration has changed since the last sync";
	if (is_full_due(a, cursor))
		return "the last full sync is older than fullEvery of the schedule";
	return find_wide_setting(a);
}

static enum us_errc refuse(struct us_act *a, const char *why) { return us_err_set(a->err, US_EXPIRED, "%s", why); }

static enum us_errc plan_changes(struct us_act *a)
{
	struct us_cursor cursor;
	struct us_delta delta;
	enum us_errc rc = us_cursor_load(a->reader, &a->arena, a->connector.id, &cursor, a->err);

	if (rc == US_OK)
		rc = us_run_open_source(a);
	if (rc)
		return rc;
	const char *why = find_obstacle(a, &cursor);
	if (why)
		return refuse(a, why);
	us_run_enter(a, US_SYNC_INDEX);
	rc = us_object_load_have(a->reader, a->run.directory, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, false, &a->have, a->err);
	if (rc)
		return rc;
	us_run_enter(a, US_SYNC_READ);
	us_run_open_plan(a);
	struct us_want want = us_run_want(a);
	rc = us_delta_read(&want, cursor.value, &a->arena, &delta, a->err);
	if (rc)
		return rc;
	a->certificate = (struct us_certificate) { .n = 1, .rows = { delta.row } };
	us_run_write_certificate(a);
	us_run_close_source(a);
	struct us_plan_complete complete = { true, true, true };
	rc = us_run_finish_plan(a, &want, &complete);
	if (rc == US_OK)
		a->feed_cursor = delta.cursor;
	return rc;
}

/* As if it had been asked for a full one; rows that were written are forgotten. */
static enum us_errc become_full(struct us_act *a)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_writer(a->sync->store->db, &c, a->err);

	if (rc)
		return rc;
	rc = us_db_begin(c, a->err);
	if (rc == US_OK)
		rc = us_run_delete_changes(c, a->run.id, a->err);
	if (rc == US_OK)
		rc = us_run_set_kind(c, a->run.id, US_RUN_FULL, a->err);
	if (rc == US_OK)
		rc = us_db_commit(c, a->err);
	us_db_release(c);
	a->run.kind = US_RUN_FULL;
	return rc;
}

static void start_over(struct us_act *a)
{
	struct us_sync_progress *p = a->sync->progress;

	us_run_close_source(a);
	us_run_close_plan(a);
	us_mapping_free(a->mapping);
	a->mapping = NULL;
	us_rows_fini(&a->rows);
	a->rows = (struct us_rows) { .store = a->sync->store, .run = a->run.id, .directory = a->run.directory, .changes = &p->changes };
	us_str_clear(&a->certificate_json);
	a->certificate = (struct us_certificate) { 0 };
	a->counts = (struct us_plan_counts) { 0 };
	a->unsaid = 0;
	p->users = p->groups = p->memberships = p->changes = 0;
}

enum us_errc us_run_plan_delta(struct us_act *a)
{
	if (!a->ops->changes)
		return us_err_set(a->err, US_CONFIG, "a connector of type " US_SLICE_FMT " has no feed of changes: start a full sync", US_SLICE_ARG(a->connector.type));
	enum us_errc rc = plan_changes(a);
	if (rc != US_EXPIRED)
		return rc;
	us_messages_add(&a->messages, "A full sync instead of a delta: %s.", a->err->text);
	start_over(a);
	*a->err = (struct us_err) US_ERR_INIT;
	rc = become_full(a);
	return rc ? rc : us_run_plan_full(a);
}

bool us_run_has_cursor(const struct us_act *a)
{
	const struct us_report *r = &a->run.report;
	bool is_sync = a->run.kind == US_RUN_FULL || a->run.kind == US_RUN_DELTA;

	/* Whoever failed, or waits, is not as the source says: the feed has to name them again. */
	return is_sync && a->feed_cursor.n && !a->is_partial && !a->splits && !r->users[US_OUTCOME_FAILED] && !r->groups[US_OUTCOME_FAILED] &&
		!a->counts.not_anonymous;
}

enum us_errc us_run_write_cursor(struct us_act *a, struct us_dbc *c)
{
	struct us_cursor cursor = { a->run.directory, a->feed_cursor, a->configuration_hash, a->run.kind == US_RUN_FULL ? a->run.started : 0, a->run.id };

	if (a->run.kind == US_RUN_UNDO)
		return us_cursor_forget(c, a->run.directory, a->err);
	return us_run_has_cursor(a) ? us_cursor_save(c, a->connector.id, &cursor, a->err) : US_OK;
}
