#include "store/run.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "store/notice.h"
#include "store/row.h"

#define COLUMNS \
	"id, job, connector, connector_uuid, directory, kind, status, single_key, plan_run, actor, report, messages, certificate, held," \
	" decided_by, base_revision, n_changes, created, started, finished, modified, node, started_by, due, pruned, expires, override_of"

static enum us_errc take(struct us_stmt *s, struct us_arena *arena, struct us_run *r, struct us_err *err)
{
	*r = (struct us_run) {
		.id = us_stmt_int(s, 0),
		.job = us_row_text(s, 1, arena),
		.connector = us_stmt_int(s, 2),
		.connector_uuid = us_row_text(s, 3, arena),
		.directory = us_stmt_int(s, 4),
		.key = us_row_text(s, 7, arena),
		.plan_run = us_stmt_int(s, 8),
		.actor = us_row_text(s, 9, arena),
		.messages = us_row_text(s, 11, arena),
		.certificate = us_row_text(s, 12, arena),
		.held = us_row_text(s, 13, arena),
		.decided_by = us_row_text(s, 14, arena),
		.base_revision = us_stmt_int(s, 15),
		.n_changes = us_stmt_int(s, 16),
		.created = us_stmt_int(s, 17),
		.started = us_stmt_int(s, 18),
		.finished = us_stmt_int(s, 19),
		.modified = us_stmt_int(s, 20),
		.node = us_row_text(s, 21, arena),
		.trigger = us_run_trigger_parse(us_stmt_slice(s, 22)),
		.due = us_stmt_int(s, 23),
		.pruned = us_stmt_int(s, 24) < 0 ? -us_stmt_int(s, 24) : us_stmt_int(s, 24),
		.expires = us_stmt_int(s, 25),
		.override_of = us_row_text(s, 26, arena),
	};
	if (!us_run_kind_parse(us_stmt_slice(s, 5), &r->kind) || !us_run_status_parse(us_stmt_slice(s, 6), &r->status))
		return us_err_set(err, US_INTERNAL, "run %lld has an unknown kind or status", (long long) r->id);
	if (us_stmt_is_null(s, 10))
		return US_OK;
	enum us_errc rc = us_report_parse(arena, us_stmt_slice(s, 10), &r->report, err);
	if (rc)
		us_err_prefix(err, "run %lld", (long long) r->id);
	return rc;
}

static enum us_errc take_one(struct us_stmt *s, struct us_arena *arena, struct us_run *ret_run, struct us_err *err)
{
	struct us_run run;
	enum us_errc rc = us_stmt_step(s, err);

	if (rc)
		return rc;
	rc = take(s, arena, &run, err);
	us_stmt_reset(s);
	if (!rc)
		*ret_run = run;
	return rc;
}

static enum us_errc take_all(struct us_stmt *s, struct us_arena *arena, struct us_run **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_run *list = NULL;
	size_t n = 0, cap = 0;
	enum us_errc rc;

	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(s, arena, &list[n], err)))
			break;
		n++;
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

/* The number that a query about a connector gives. US_END: it gives no row. */
static enum us_errc find_id(struct us_dbc *c, const char *sql, int64_t connector, int64_t *ret_id, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (!rc)
		*ret_id = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc;
}

/* US_END: the connector is free. */
static enum us_errc find_active(struct us_dbc *c, int64_t connector, int64_t *ret_id, struct us_err *err)
{
	return find_id(c, "SELECT id FROM run WHERE connector = ?1 AND status IN ('SCHEDULED', 'RUNNING')", connector, ret_id, err);
}

/* The rows that another run would write or turn round; those of an `apply` are another run's. */
static enum us_errc check_plan(struct us_dbc *c, int64_t plan_run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT p.pruned FROM run AS r JOIN run AS p ON p.id = r.plan WHERE r.id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, plan_run);
	rc = us_stmt_step(s, err);
	bool is_gone = rc == US_END || (rc == US_OK && us_stmt_int(s, 0));
	us_stmt_reset(s);
	return is_gone ? us_err_set(err, US_CONFLICT, "the results of run %lld are no longer kept", (long long) plan_run) : rc;
}

enum us_errc us_run_reserve(struct us_dbc *c, int64_t *ret_id, struct us_err *err) { return us_row_next_id(c, "run", ret_id, err); }

/* With the number that it has or, if that is 0, the next; SCHEDULED, or over at the time that it was made. */
static enum us_errc insert(struct us_dbc *c, const struct us_run *run, const char *status, bool is_over, int64_t now_s, int64_t *ret_id,
	struct us_err *err)
{
	char job[US_UUID_BYTES], messages[100] = "[]";
	int64_t id = run->id;
	struct us_stmt *s;
	enum us_errc rc = id ? US_OK : us_run_reserve(c, &id, err);

	if (rc || (rc = us_db_prepare(c, "INSERT INTO run (id, job, connector, connector_uuid, directory, kind, status, single_key, plan_run, plan,"
			" actor, messages, base_revision, n_changes, created, started, finished, modified, node, started_by, due, override_of)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?16, ?7, ?8, ?9, ?10, ?11, -1, 0, ?12, ?17, ?18, ?12, ?13, ?14, ?15, ?19)", &s, err)))
		return rc;
	us_assert(id < (int64_t) 1 << 31); /* it is the upper half of its changes' ids */
	us_secret_uuid(job);
	if (!is_over)
		snprintf(messages, sizeof messages, "[\"Scheduled with jobid %s\"]", job);
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, us_slice(job));
	us_stmt_bind_int(s, 3, run->connector);
	us_stmt_bind_slice(s, 4, run->connector_uuid);
	us_stmt_bind_int(s, 5, run->directory);
	us_stmt_bind_slice(s, 6, us_slice(us_run_kind_text(run->kind)));
	us_stmt_bind_slice(s, 7, run->key);
	us_stmt_bind_int(s, 8, run->plan_run);
	us_stmt_bind_int(s, 9, run->kind == US_RUN_APPLY ? run->plan_run : id);
	us_stmt_bind_slice(s, 10, run->actor);
	us_stmt_bind_slice(s, 11, us_slice(messages));
	us_stmt_bind_int(s, 12, now_s);
	us_stmt_bind_slice(s, 13, run->node);
	us_stmt_bind_slice(s, 14, us_slice(us_run_trigger_text(run->trigger)));
	us_stmt_bind_int(s, 15, run->due);
	us_stmt_bind_slice(s, 16, us_slice(status));
	us_stmt_bind_int(s, 17, is_over ? now_s : run->started);
	us_stmt_bind_int(s, 18, is_over ? now_s : 0);
	us_stmt_bind_slice(s, 19, run->override_of);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	*ret_id = id;
	return US_OK;
}

enum us_errc us_run_create(struct us_dbc *c, const struct us_run *run, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = find_active(c, run->connector, &id, err);

	if (!rc) {
		*ret_id = id;
		return us_err_set(err, US_CONFLICT, "run %lld of the connector is scheduled or running", (long long) id);
	}
	if (rc != US_END || (run->plan_run && (rc = check_plan(c, run->plan_run, err))))
		return rc;
	return insert(c, run, us_run_status_text(US_RUN_SCHEDULED), false, now_s, ret_id, err);
}

enum us_errc us_run_record(struct us_dbc *c, const struct us_run *run, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	struct us_run saved = *run;
	enum us_errc rc = run->plan_run ? check_plan(c, run->plan_run, err) : US_OK;

	if (rc || (rc = insert(c, run, us_run_status_text(US_RUN_DONE), true, now_s, &saved.id, err)) ||
		(rc = us_run_save(c, &saved, now_s, err)))
		return rc;
	*ret_id = saved.id;
	return US_OK;
}

enum us_errc us_run_load(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_run *ret_run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = take_one(s, arena, ret_run, err);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "there is no run %lld", (long long) id) : rc;
}

static enum us_errc load_newest(struct us_dbc *c, struct us_arena *arena, const char *sql, int64_t connector, const char *none, struct us_run *ret_run,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = take_one(s, arena, ret_run, err);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "%s", none) : rc;
}

enum us_errc us_run_load_last(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_run *ret_run, struct us_err *err)
{
	return load_newest(c, arena, "SELECT " COLUMNS " FROM run WHERE connector = ?1 ORDER BY id DESC LIMIT 1", connector, "the connector has not run yet", ret_run,
		err);
}

enum us_errc us_run_load_last_full(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_run *ret_run, struct us_err *err)
{
	return load_newest(c, arena, "SELECT " COLUMNS " FROM run WHERE connector = ?1 AND kind IN ('full', 'simulation')"
		" AND status NOT IN ('SCHEDULED', 'RUNNING') ORDER BY id DESC LIMIT 1", connector, "the connector has not read everything yet", ret_run, err);
}

enum us_errc us_run_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, int64_t before, size_t limit, struct us_run **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE connector = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, before ? before : INT64_MAX);
	us_stmt_bind_int(s, 3, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	return take_all(s, arena, ret_list, ret_n, err);
}

enum us_errc us_run_list_edits(struct us_dbc *c, struct us_arena *arena, int64_t directory, int64_t before, size_t limit, struct us_run **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE connector = 0 AND directory = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, before ? before : INT64_MAX);
	us_stmt_bind_int(s, 3, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	return take_all(s, arena, ret_list, ret_n, err);
}

enum us_errc us_run_list_scheduled(struct us_dbc *c, struct us_arena *arena, struct us_run **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	/* The words of the index `run_active`, so that it is used. */
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE status IN ('SCHEDULED', 'RUNNING') AND status = 'SCHEDULED'"
		" ORDER BY id", &s, err);

	return rc ? rc : take_all(s, arena, ret_list, ret_n, err);
}

/* Why a status could not be set. */
static enum us_errc explain_status(struct us_dbc *c, int64_t id, enum us_run_status expect, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run run;
	enum us_errc rc = us_run_load(c, &arena, id, &run, err);

	if (!rc)
		rc = us_err_set(err, US_CONFLICT, "run %lld is %s, not %s", (long long) id, us_run_status_text(run.status),
			us_run_status_text(expect));
	us_arena_fini(&arena);
	return rc;
}

/* US_CONFLICT if another run of the connector is scheduled or running. */
static enum us_errc check_free(struct us_dbc *c, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT other.id FROM run AS self JOIN run AS other ON other.connector = self.connector"
		" WHERE self.id = ?1 AND other.id <> ?1 AND other.status IN ('SCHEDULED', 'RUNNING')", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = us_err_set(err, US_CONFLICT, "run %lld of the connector is scheduled or running", (long long) us_stmt_int(s, 0));
	us_stmt_reset(s);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_run_set_status(struct us_dbc *c, int64_t id, enum us_run_status expect, enum us_run_status status, int64_t now_s,
	struct us_err *err)
{
	bool is_active = status == US_RUN_SCHEDULED || status == US_RUN_RUNNING;
	int64_t changed;
	struct us_stmt *s;
	enum us_errc rc = is_active ? check_free(c, id, err) : US_OK;

	if (rc || (rc = us_db_prepare(c, "UPDATE run SET status = ?1, modified = ?2, finished = ?3,"
			" started = CASE WHEN started = 0 THEN ?4 ELSE started END WHERE id = ?5 AND status = ?6", &s, err)))
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_run_status_text(status)));
	us_stmt_bind_int(s, 2, now_s);
	us_stmt_bind_int(s, 3, is_active ? 0 : now_s);
	us_stmt_bind_int(s, 4, status == US_RUN_RUNNING ? now_s : 0);
	us_stmt_bind_int(s, 5, id);
	us_stmt_bind_slice(s, 6, us_slice(us_run_status_text(expect)));
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	if (!changed)
		return explain_status(c, id, expect, err);
	return is_active ? US_OK : us_notice_note_end(c, id, status, now_s, err);
}

enum us_errc us_run_set_kind(struct us_dbc *c, int64_t id, enum us_run_kind kind, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET kind = ?1 WHERE id = ?2 AND status = 'RUNNING'", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_run_kind_text(kind)));
	us_stmt_bind_int(s, 2, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_run_save(struct us_dbc *c, const struct us_run *run, int64_t now_s, struct us_err *err)
{
	struct us_str report = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&report);
	int64_t changed = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET report = ?1, messages = COALESCE(?2, messages), certificate = ?3, held = ?4,"
		" decided_by = ?5, base_revision = ?6, n_changes = ?7, modified = ?8, expires = ?10 WHERE id = ?9", &s, err);

	if (rc)
		return rc;
	us_report_write(&w, &run->report);
	us_stmt_bind_slice(s, 1, us_str_slice(&report));
	us_stmt_bind_slice(s, 2, run->messages);
	us_stmt_bind_slice(s, 3, run->certificate);
	us_stmt_bind_slice(s, 4, run->held);
	us_stmt_bind_slice(s, 5, run->decided_by);
	us_stmt_bind_int(s, 6, run->base_revision);
	us_stmt_bind_int(s, 7, run->n_changes);
	us_stmt_bind_int(s, 8, now_s);
	us_stmt_bind_int(s, 9, run->id);
	us_stmt_bind_int(s, 10, run->expires);
	rc = us_stmt_run(s, &changed, err);
	us_str_fini(&report);
	return rc || changed ? rc : us_err_set(err, US_NOT_FOUND, "there is no run %lld", (long long) run->id);
}

/* A JSON array of strings with one more at its end. */
static void add_message(struct us_slice messages, const char *text, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);
	struct us_slice head = us_slice_trim(messages);

	if (head.n < 2 || head.p[0] != '[' || head.p[head.n - 1] != ']')
		head = US_SLICE("[]");
	us_str_add(out, head.p, head.n - 1);
	w.want_comma = us_slice_trim((struct us_slice) { head.p + 1, head.n - 2 }).n > 0;
	us_jsonw_text(&w, text);
	us_jsonw_close(&w, ']');
}

void us_run_add_message(struct us_arena *arena, struct us_run *run, const char *text)
{
	struct us_str messages = US_STR_INIT;

	add_message(run->messages, text, &messages);
	run->messages = us_slice_dup(arena, us_str_slice(&messages));
	us_str_fini(&messages);
}

enum us_errc us_run_create_held(struct us_dbc *c, const struct us_run *run, const char *message, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str messages = US_STR_INIT;
	struct us_run made, whole = *run;
	int64_t same;
	enum us_errc rc = insert(c, run, us_run_status_text(US_RUN_SCHEDULED), false, now_s, &same, err);

	if (!rc)
		rc = us_run_load(c, &arena, run->id, &made, err);
	if (!rc) {
		add_message(made.messages, message, &messages);
		whole.messages = us_str_slice(&messages);
		rc = us_run_save(c, &whole, now_s, err);
	}
	if (!rc)
		rc = us_run_set_status(c, run->id, US_RUN_SCHEDULED, US_RUN_RUNNING, now_s, err);
	if (!rc)
		rc = us_run_set_status(c, run->id, US_RUN_RUNNING, US_RUN_HELD, now_s, err);
	us_str_fini(&messages);
	us_arena_fini(&arena);
	return rc;
}

/* One more message, and what is held as it is now. */
static enum us_errc tell(struct us_dbc *c, const struct us_run *run, const char *text, struct us_slice held, struct us_err *err)
{
	struct us_str messages = US_STR_INIT;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET messages = ?1, held = ?3 WHERE id = ?2", &s, err);

	if (rc)
		return rc;
	add_message(run->messages, text, &messages);
	us_stmt_bind_slice(s, 1, us_str_slice(&messages));
	us_stmt_bind_int(s, 2, run->id);
	us_stmt_bind_slice(s, 3, held);
	rc = us_stmt_run(s, NULL, err);
	us_str_fini(&messages);
	return rc;
}

/* The run that a cleanup was held beside, if it is still kept: nothing of it waits any more, as the member `mark` says. */
static enum us_errc tell_whole(struct us_dbc *c, const struct us_run *part, const char *mark, const char *text, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str held = US_STR_INIT;
	struct us_run whole;
	enum us_errc rc = us_run_load(c, &arena, part->plan_run, &whole, err);

	if (!rc && whole.held.n > 2 && whole.held.p[whole.held.n - 1] == '}') {
		us_str_printf(&held, "%.*s,\"%s\":true}", (int) whole.held.n - 1, whole.held.p, mark);
		rc = tell(c, &whole, text, us_str_slice(&held), err);
	}
	us_str_fini(&held);
	us_arena_fini(&arena);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

static enum us_errc expire(struct us_dbc *c, const struct us_run *run, int64_t now_s, struct us_err *err)
{
	char at[US_CLOCK_ISO_BYTES], text[200];
	enum us_errc rc;

	us_clock_format(run->expires, at);
	snprintf(text, sizeof text, "Expired at %s: nobody has decided. Nothing was changed; start a new sync", at);
	rc = tell(c, run, text, run->held, err);
	if (rc == US_OK && run->kind == US_RUN_CLEANUP) {
		snprintf(text, sizeof text, "Its cleanup, run %lld, expired at %s: nobody has decided. Nothing was taken away; the next sync plans it anew",
			(long long) run->id, at);
		rc = tell_whole(c, run, "expired", text, err);
	}
	return rc ? rc : us_run_set_status(c, run->id, US_RUN_HELD, US_RUN_CANCELLED, now_s, err);
}

static enum us_errc overtake(struct us_dbc *c, const struct us_run *run, int64_t by, int64_t now_s, struct us_err *err)
{
	char why[120], text[240];
	enum us_errc rc;

	snprintf(why, sizeof why, "run %lld, which has read the source since and left nothing to decide", (long long) by);
	snprintf(text, sizeof text, "Overtaken by %s. Nothing of it is done", why);
	rc = tell(c, run, text, run->held, err);
	if (rc == US_OK && run->kind == US_RUN_CLEANUP) {
		snprintf(text, sizeof text, "Its cleanup, run %lld, was overtaken by %s. Nothing was taken away", (long long) run->id, why);
		rc = tell_whole(c, run, "overtaken", text, err);
	}
	return rc ? rc : us_run_set_status(c, run->id, US_RUN_HELD, US_RUN_CANCELLED, now_s, err);
}

enum us_errc us_run_overtake_held(struct us_dbc *c, const struct us_run *by, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run *list;
	size_t n = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE status = 'HELD' AND connector = ?1 AND id < ?2"
		" AND kind IN ('full', 'delta', 'cleanup') ORDER BY id", &s, err);

	if (!rc) {
		us_stmt_bind_int(s, 1, by->connector);
		us_stmt_bind_int(s, 2, by->id);
		rc = take_all(s, &arena, &list, &n, err);
	}
	for (size_t i = 0; !rc && i < n; i++)
		rc = overtake(c, &list[i], by->id, now_s, err);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_run_find_held(struct us_dbc *c, int64_t connector, int64_t *ret_id, struct us_err *err)
{
	return find_id(c, "SELECT MAX(id) FROM run WHERE status = 'HELD' AND connector = ?1", connector, ret_id, err);
}

enum us_errc us_run_expire_held(struct us_dbc *c, bool is_writer, int64_t now_s, size_t *ret_n, int64_t *ret_next_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run *list;
	size_t n = 0, at = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE status = 'HELD' AND expires > 0 ORDER BY expires LIMIT 100", &s, err);

	if (!rc)
		rc = take_all(s, &arena, &list, &n, err);
	for (; !rc && at < n && list[at].expires <= now_s; at++)
		if (is_writer)
			rc = expire(c, &list[at], now_s, err);
	if (!rc) {
		*ret_n = at;
		*ret_next_s = at < n ? list[at].expires : INT64_MAX;
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_run_find_later(struct us_dbc *c, const struct us_run *run, int64_t *ret_id, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT MAX(id) FROM run WHERE connector = ?1 AND directory = ?2 AND id > ?3 AND kind = 'full'"
		" AND status = 'DONE' AND held IS NULL", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, run->connector);
	us_stmt_bind_int(s, 2, run->directory);
	us_stmt_bind_int(s, 3, run->id);
	rc = us_stmt_step(s, err);
	if (!rc)
		*ret_id = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc;
}

/* Nothing was written, so the plan of an approved run is as good as it was: it waits again, for whoever finds out why the server stopped. */
static enum us_errc interrupt(struct us_dbc *c, const struct us_run *run, int64_t now_s, struct us_err *err)
{
	bool was_approved = run->decided_by.n > 0;
	struct us_str messages = US_STR_INIT;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET messages = ?1, decided_by = NULL WHERE id = ?2", &s, err);

	if (rc)
		return rc;
	add_message(run->messages, was_approved
			? "Interrupted: the server stopped while this approved plan was written; nothing was changed. Approve or reject it again"
			: "Interrupted: the server stopped during this run; nothing was written", &messages);
	us_stmt_bind_slice(s, 1, us_str_slice(&messages));
	us_stmt_bind_int(s, 2, run->id);
	rc = us_stmt_run(s, NULL, err);
	us_str_fini(&messages);
	/* The run that it was held beside waits for that decision, too. */
	if (!rc && was_approved && run->kind == US_RUN_CLEANUP && !(rc = us_db_prepare(c, "UPDATE run SET decided_by = NULL WHERE id = ?1", &s, err))) {
		us_stmt_bind_int(s, 1, run->plan_run);
		rc = us_stmt_run(s, NULL, err);
	}
	if (rc)
		return rc;
	return us_run_set_status(c, run->id, US_RUN_RUNNING, was_approved ? US_RUN_HELD : US_RUN_INTERRUPTED, now_s, err);
}

enum us_errc us_run_interrupt_all(struct us_dbc *c, int64_t now_s, int64_t *ret_n, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run *list;
	size_t n = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM run WHERE status IN ('SCHEDULED', 'RUNNING') AND status = 'RUNNING'"
		" ORDER BY id", &s, err);

	if (!rc)
		rc = take_all(s, &arena, &list, &n, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = interrupt(c, &list[i], now_s, err);
	us_arena_fini(&arena);
	if (!rc && ret_n)
		*ret_n = (int64_t) n;
	return rc;
}
