#include "store/notice.h"

#include "model/notice_options.h"
#include "store/row.h"
#include "store/run.h"

enum { HOUR_S = 3600 };

/* Of a connector's row, as far as notices need it. Secrets stay sealed. */
struct subject {
	int64_t id;
	struct us_slice uuid, name;
	bool enabled;
	int64_t created;
	struct us_notice_settings settings;
};

/* ---- rows ---- */

static void take_subject(struct us_stmt *s, struct us_arena *arena, struct subject *ret)
{
	const struct us_json *configuration = NULL;

	*ret = (struct subject) { .id = us_stmt_int(s, 0),
		.uuid = us_row_text(s, 1, arena),
		.name = us_row_text(s, 2, arena),
		.enabled = us_stmt_int(s, 3) != 0,
		.created = us_stmt_int(s, 4) };
	/* A configuration that cannot be read fails its run, not the notice about it. */
	us_json_parse(
		arena, us_stmt_slice(s, 5), (struct us_json_limits) { 8 << 20, 40, 400000 }, &configuration, NULL);
	us_notice_settings_read(configuration, &ret->settings);
}

#define SUBJECT "SELECT id, uuid, name, enabled, created, configuration FROM connector"

/* US_END: the connector is gone. */
static enum us_errc load_subject(
	struct us_dbc *c, struct us_arena *arena, int64_t id, struct subject *ret, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, SUBJECT " WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		take_subject(s, arena, ret);
	us_stmt_reset(s);
	return rc;
}

static enum us_errc list_subjects(
	struct us_dbc *c, struct us_arena *arena, struct subject **ret_list, size_t *ret_n, struct us_err *err)
{
	struct subject *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, SUBJECT " WHERE enabled <> 0 ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		take_subject(s, arena, &list[n++]);
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

/* A connector that was there before anything was remembered: its history says when it was well. */
static enum us_errc load_past(
	struct us_dbc *c, int64_t connector, struct us_notice_state *state, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"SELECT MAX(finished) FROM run WHERE connector = ?1 AND kind IN ('full', 'apply') AND status = "
		"'DONE'",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (!rc)
		state->success_s = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc;
}

static enum us_errc load_state(struct us_dbc *c, int64_t connector, struct us_notice_state *ret_state,
	bool *ret_is_stored, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"SELECT failures, alarm, alarm_run, success_at, overdue_told, expiry_told, expiry_step FROM "
		"notice_state"
		" WHERE connector = ?1",
		&s, err);

	if (rc)
		return rc;
	*ret_state = (struct us_notice_state) { 0 };
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	*ret_is_stored = rc == US_OK;
	if (rc == US_END)
		return load_past(c, connector, ret_state, err);
	if (rc)
		return rc;
	*ret_state = (struct us_notice_state) { .failures = us_stmt_int(s, 0),
		.alarm = (enum us_notice_alarm)us_stmt_int(s, 1),
		.alarm_run = us_stmt_int(s, 2),
		.success_s = us_stmt_int(s, 3),
		.overdue_told_s = us_stmt_int(s, 4),
		.expiry_told_s = us_stmt_int(s, 5),
		.expiry_told_step = us_stmt_int(s, 6) };
	us_stmt_reset(s);
	return US_OK;
}

static enum us_errc save_state(
	struct us_dbc *c, int64_t connector, const struct us_notice_state *state, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"INSERT INTO notice_state (connector, failures, alarm, alarm_run, success_at, overdue_told, "
		"expiry_told,"
		" expiry_step) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (connector) DO UPDATE SET "
		"failures = ?2, alarm = ?3, alarm_run = ?4,"
		" success_at = ?5, overdue_told = ?6, expiry_told = ?7, expiry_step = ?8",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, state->failures);
	us_stmt_bind_int(s, 3, state->alarm);
	us_stmt_bind_int(s, 4, state->alarm_run);
	us_stmt_bind_int(s, 5, state->success_s);
	us_stmt_bind_int(s, 6, state->overdue_told_s);
	us_stmt_bind_int(s, 7, state->expiry_told_s);
	us_stmt_bind_int(s, 8, state->expiry_told_step);
	return us_stmt_run(s, NULL, err);
}

/* ---- raising ---- */

struct target {
	int64_t id;
	struct us_notice_limits limits;
};

static enum us_errc list_targets(struct us_dbc *c, struct us_arena *arena, const struct us_notice *notice,
	struct target **ret_list, size_t *ret_n, struct us_err *err)
{
	struct target *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(
		c, "SELECT id, configuration FROM notice_target WHERE enabled <> 0 ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		const struct us_json *configuration;
		if (us_json_parse(arena, us_stmt_slice(s, 1), US_JSON_LIMITS_SMALL, &configuration, NULL) ||
			!us_notice_is_wanted(configuration, notice->event, notice->connector_uuid))
			continue;
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n].id = us_stmt_int(s, 0);
		us_notice_limits_read(configuration, &list[n++].limits);
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static enum us_errc is_too_many(struct us_dbc *c, const struct target *t, const struct us_notice *notice,
	bool *ret_is, struct us_err *err)
{
	int64_t last_at = 0, n = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(
		c, "SELECT last_at FROM notice_quiet WHERE target = ?1 AND event = ?2 AND connector = ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, t->id);
	us_stmt_bind_slice(s, 2, us_slice(us_notice_event_text(notice->event)));
	us_stmt_bind_int(s, 3, notice->connector);
	rc = us_stmt_step(s, err);
	if (!rc)
		last_at = us_stmt_int(s, 0);
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_is = last_at && notice->at_s - last_at < t->limits.quiet_s;
	if (*ret_is || (rc = us_outbox_count_since(c, t->id, notice->at_s - HOUR_S, &n, err)) == US_OK)
		*ret_is |= n >= t->limits.per_hour;
	return *ret_is ? US_OK : rc;
}

/* Either the time of one that goes out, or one more that does not. */
static enum us_errc note(struct us_dbc *c, const struct target *t, const struct us_notice *notice,
	bool is_left_out, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"INSERT INTO notice_quiet (target, event, connector, last_at, left_out) VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (target, event, connector) DO UPDATE SET last_at = CASE WHEN ?5 = 0 THEN ?4 ELSE "
		"last_at END, left_out = left_out + ?5",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, t->id);
	us_stmt_bind_slice(s, 2, us_slice(us_notice_event_text(notice->event)));
	us_stmt_bind_int(s, 3, notice->connector);
	us_stmt_bind_int(s, 4, is_left_out ? 0 : notice->at_s);
	us_stmt_bind_int(s, 5, is_left_out);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc take_left_out(struct us_dbc *c, struct us_arena *arena, int64_t target,
	struct us_notice_left_out **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_notice_left_out *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"SELECT q.event, k.name, q.left_out FROM notice_quiet AS q LEFT JOIN connector AS k ON k.id = "
		"q.connector"
		" WHERE q.target = ?1 AND q.left_out > 0 ORDER BY q.connector, q.event",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, target);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = (struct us_notice_left_out) { us_row_text(s, 0, arena), us_row_text(s, 1, arena),
			us_stmt_int(s, 2) };
	}
	if (rc != US_END ||
		(rc = us_db_prepare(
			 c, "UPDATE notice_quiet SET left_out = 0 WHERE target = ?1 AND left_out > 0", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, target);
	*ret_list = list;
	*ret_n = n;
	return us_stmt_run(s, NULL, err);
}

static enum us_errc send_to(struct us_dbc *c, struct us_arena *arena, const struct target *t,
	const struct us_notice *notice, struct us_err *err)
{
	struct us_notice_left_out *left_out;
	struct us_str body = US_STR_INIT;
	bool is_left_out;
	size_t n;
	enum us_errc rc = is_too_many(c, t, notice, &is_left_out, err);

	if (rc || (rc = note(c, t, notice, is_left_out, err)) || is_left_out ||
		(rc = take_left_out(c, arena, t->id, &left_out, &n, err)))
		return rc;
	us_notice_write_body(notice, left_out, n, &body);
	struct us_delivery d = { .target = t->id,
		.event = us_slice(us_notice_event_text(notice->event)),
		.connector = notice->connector,
		.run = notice->run,
		.body = us_str_slice(&body),
		.created = notice->at_s };
	rc = us_outbox_add(c, &d, err);
	us_str_fini(&body);
	return rc;
}

enum us_errc us_notice_raise(struct us_dbc *c, const struct us_notice *notice, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct target *targets;
	size_t n = 0;
	enum us_errc rc = list_targets(c, &arena, notice, &targets, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		rc = send_to(c, &arena, &targets[i], notice, err);
	us_arena_fini(&arena);
	return rc;
}

/* ---- ends of runs ---- */

/* A held plan was decided, or the connector is well again: the next one that is held is another decision, and must be told however soon it
 * comes. */
static enum us_errc end_quiet(struct us_dbc *c, int64_t connector, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc =
		us_db_prepare(c, "UPDATE notice_quiet SET last_at = 0 WHERE connector = ?1 AND event = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_slice(s, 2, us_slice(us_notice_event_text(US_NOTICE_HELD)));
	return us_stmt_run(s, NULL, err);
}

static bool has_changed(const struct us_notice_state *a, const struct us_notice_state *b)
{
	return a->failures != b->failures || a->alarm != b->alarm || a->alarm_run != b->alarm_run ||
		   a->success_s != b->success_s;
}

static enum us_errc note_end(struct us_dbc *c, struct us_arena *arena, const struct us_run *run,
	enum us_run_status status, int64_t now_s, struct us_err *err)
{
	struct us_notice_state state, before;
	struct subject subject;
	enum us_notice_event event;
	bool is_stored;
	enum us_errc rc = load_subject(c, arena, run->connector, &subject, err);

	if (rc)
		return rc == US_END ? US_OK : rc;
	if ((rc = load_state(c, subject.id, &state, &is_stored, err)))
		return rc;
	before = state;
	bool holds_part = status == US_RUN_DONE && run->held.n && !run->decided_by.n;
	bool is_told = us_notice_end_run(&subject.settings, &state, run->id, holds_part, run->kind, status, now_s, &event);
	if ((!is_stored || has_changed(&before, &state)) && (rc = save_state(c, subject.id, &state, err)))
		return rc;
	if (before.alarm == US_NOTICE_ALARM_HELD && (before.alarm_run == run->id || state.alarm == US_NOTICE_CALM) &&
		(rc = end_quiet(c, subject.id, err)))
		return rc;
	if (!is_told)
		return US_OK;
	struct us_notice notice = { .event = event,
		.at_s = now_s,
		.connector = subject.id,
		.connector_uuid = subject.uuid,
		.connector_name = subject.name,
		.run = run->id,
		.kind = run->kind,
		.status = status,
		.report = &run->report,
		.held = run->held,
		.failures = state.failures,
		.messages = run->messages };
	return us_notice_raise(c, &notice, err);
}

enum us_errc us_notice_note_end(
	struct us_dbc *c, int64_t run, enum us_run_status status, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_run loaded;
	enum us_errc rc = us_run_load(c, &arena, run, &loaded, err);

	if (!rc)
		rc = note_end(c, &arena, &loaded, status, now_s, err);
	us_arena_fini(&arena);
	return rc;
}

/* ---- the time ---- */

static enum us_errc watch_one(
	struct us_dbc *c, bool is_writer, const struct subject *k, int64_t now_s, size_t *n, struct us_err *err)
{
	struct us_notice_state state;
	struct us_notice notice = {
		.at_s = now_s, .connector = k->id, .connector_uuid = k->uuid, .connector_name = k->name
	};
	bool is_stored;
	enum us_errc rc = load_state(c, k->id, &state, &is_stored, err);

	if (rc)
		return rc;
	bool is_overdue = us_notice_is_overdue(&k->settings, &state, k->created, now_s);
	bool is_expiring = us_notice_is_expiring(&k->settings, &state, now_s, &notice.days);
	*n += (size_t)is_overdue + is_expiring;
	if (!is_writer || (!is_overdue && !is_expiring))
		return US_OK;
	if (is_overdue) {
		notice.event = US_NOTICE_OVERDUE;
		notice.never = state.success_s == 0;
		notice.since_s = notice.never ? k->created : state.success_s;
		rc = us_notice_raise(c, &notice, err);
	}
	if (!rc && is_expiring) {
		notice.event = US_NOTICE_EXPIRING;
		notice.expires_s = k->settings.expires_s;
		rc = us_notice_raise(c, &notice, err);
	}
	return rc ? rc : save_state(c, k->id, &state, err);
}

enum us_errc us_notice_watch(
	struct us_dbc *c, bool is_writer, int64_t now_s, size_t *ret_n, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct subject *list;
	size_t n = 0, n_due = 0;
	enum us_errc rc = list_subjects(c, &arena, &list, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		rc = watch_one(c, is_writer, &list[i], now_s, &n_due, err);
	us_arena_fini(&arena);
	if (!rc)
		*ret_n = n_due;
	return rc;
}

enum us_errc us_notice_forget_connector(struct us_dbc *c, int64_t connector, struct us_err *err)
{
	static const char *const statements[] = { "DELETE FROM notice_state WHERE connector = ?1",
		"DELETE FROM notice_quiet WHERE connector = ?1" };

	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct us_stmt *s;
		enum us_errc rc = us_db_prepare(c, statements[i], &s, err);
		if (rc)
			return rc;
		us_stmt_bind_int(s, 1, connector);
		if ((rc = us_stmt_run(s, NULL, err)))
			return rc;
	}
	return US_OK;
}
