#include "store/pushed.h"
#include "store/row.h"

enum us_errc us_pushed_load_state(struct us_dbc *c, int64_t connector, struct us_pushed_state *ret_state, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT change, n_users, n_groups, first_at, last_at, accepted, refused, planned, run FROM pushed_state"
		" WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc && rc != US_END)
		return rc;
	*ret_state = (struct us_pushed_state) { 0 };
	if (rc == US_OK)
		*ret_state = (struct us_pushed_state) { us_stmt_int(s, 0), us_stmt_int(s, 1), us_stmt_int(s, 2), us_stmt_int(s, 3), us_stmt_int(s, 4),
			us_stmt_int(s, 5), us_stmt_int(s, 6), us_stmt_int(s, 7), us_stmt_int(s, 8) };
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_pushed_note_refused(struct us_dbc *c, int64_t connector, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO pushed_state (connector, refused) VALUES (?1, 1)"
		" ON CONFLICT (connector) DO UPDATE SET refused = refused + 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_note_accepted(struct us_dbc *c, int64_t connector, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO pushed_state (connector, accepted, first_at, last_at) VALUES (?1, 1, ?2, ?2)"
		" ON CONFLICT (connector) DO UPDATE SET accepted = accepted + 1, last_at = ?2, first_at = CASE first_at WHEN 0 THEN ?2 ELSE first_at END",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, now_s);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_note_run(struct us_dbc *c, int64_t connector, int64_t change, int64_t run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE pushed_state SET planned = ?2, run = ?3 WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, change);
	us_stmt_bind_int(s, 3, run);
	return us_stmt_run(s, NULL, err);
}

/* enum us_pushed_owed of p, a row of pushed_state, and r, the run that was started for it. */
#define OWED "CASE WHEN r.status IN ('SCHEDULED', 'RUNNING') THEN 2 WHEN p.change > p.planned THEN 1" \
	" WHEN EXISTS (SELECT 1 FROM run AS l WHERE l.connector = p.connector AND l.id > p.run AND l.kind IN ('full', 'delta')" \
	" AND l.status IN ('DONE', 'HELD')) THEN 0 WHEN r.status IN ('FAILED', 'INTERRUPTED') THEN 3" \
	" WHEN r.status = 'CANCELLED' AND r.decided_by IS NULL THEN 4 ELSE 0 END"
#define OF_STATE " FROM pushed_state AS p LEFT JOIN run AS r ON r.id = p.run WHERE "

enum us_errc us_pushed_load_owed(struct us_dbc *c, int64_t connector, enum us_pushed_owed *ret_owed, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " OWED OF_STATE "p.connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc && rc != US_END)
		return rc;
	*ret_owed = rc == US_END ? US_PUSHED_NOTHING : (enum us_pushed_owed) us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_pushed_list_owed(struct us_dbc *c, struct us_arena *arena, int64_t **ret_connectors, size_t *ret_n, struct us_err *err)
{
	int64_t *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT p.connector" OF_STATE OWED " <> 0 ORDER BY p.connector", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = us_stmt_int(s, 0);
	}
	if (rc != US_END)
		return rc;
	*ret_connectors = list;
	*ret_n = n;
	return US_OK;
}
