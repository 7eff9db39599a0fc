#include "store/schedule.h"

#include "store/row.h"

enum us_errc us_schedule_row_load(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_schedule_row *ret_row, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT paused, paused_by, due, saved, due_for, missed FROM schedule WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc && rc != US_END)
		return rc;
	*ret_row = rc ? (struct us_schedule_row) { 0 } : (struct us_schedule_row) { us_stmt_int(s, 0), us_row_text(s, 1, arena), us_stmt_int(s, 2),
		us_stmt_int(s, 3), us_row_text(s, 4, arena), us_stmt_int(s, 5) };
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_schedule_row_set_paused(struct us_dbc *c, int64_t connector, int64_t paused_s, struct us_slice by, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO schedule (connector, paused, paused_by, due, saved, missed) VALUES (?1, ?2, ?3, 0, 0, 0)"
		" ON CONFLICT (connector) DO UPDATE SET paused = ?2, paused_by = ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, paused_s);
	us_stmt_bind_slice(s, 3, paused_s ? by : US_SLICE_NONE);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_schedule_row_set_due(struct us_dbc *c, int64_t connector, int64_t due, int64_t saved, struct us_slice due_for,
	int64_t more_missed, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO schedule (connector, paused, due, saved, due_for, missed) VALUES (?1, 0, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (connector) DO UPDATE SET due = ?2, saved = ?3, due_for = ?4, missed = schedule.missed + ?5", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, due);
	us_stmt_bind_int(s, 3, saved);
	us_stmt_bind_slice(s, 4, due_for);
	us_stmt_bind_int(s, 5, more_missed);
	return us_stmt_run(s, NULL, err);
}
