#include "store/cursor.h"
#include "store/pushed.h"
#include "store/row.h"

enum us_errc us_pushed_load_state(struct us_dbc *c, int64_t connector, struct us_pushed_state *ret_state, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT change, n_users, n_groups, first_at, last_at, accepted, refused, planned, run, forgotten FROM pushed_state"
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
			us_stmt_int(s, 5), us_stmt_int(s, 6), us_stmt_int(s, 7), us_stmt_int(s, 8), us_stmt_int(s, 9) };
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

/* What the directory holds is as of which change, or of a later one; 0: nothing says so. */
static enum us_errc load_seen(struct us_dbc *c, int64_t connector, int64_t *ret_seen, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_cursor cursor;
	enum us_errc rc = us_cursor_load(c, &arena, connector, &cursor, err);

	if (rc || !cursor.value.n || !us_slice_to_int(cursor.value, ret_seen))
		*ret_seen = 0;
	us_arena_fini(&arena);
	return rc;
}

/* Those of connector ?1 that are gone since ?2, but for who is still kept in its directory, disabled: who comes back must be found there again. Its
 * id there is that of model/scim_id.h. */
#define OF_DELETED(table, kind) " NOT EXISTS (SELECT 1 FROM " table " AS o JOIN connector AS k ON k.directory = o.directory WHERE k.id = p.connector" \
	" AND o.ext_id = '" kind "' || CAST(p.id & 4294967295 AS TEXT))"
#define DELETED "pushed AS p WHERE p.connector = ?1 AND p.gone = 1 AND p.modified <= ?2 AND CASE p.is_group WHEN 1 THEN" OF_DELETED("grp", "g") " ELSE" \
	OF_DELETED("usr", "u") " END"

enum us_errc us_pushed_has_deleted(struct us_dbc *c, int64_t connector, int64_t before_s, bool *ret_has, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM " DELETED " LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, before_s);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	*ret_has = rc == US_OK;
	return rc == US_END ? US_OK : rc;
}

static enum us_errc note_forgotten(struct us_dbc *c, int64_t connector, int64_t change, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE pushed_state SET forgotten = ?2 WHERE connector = ?1 AND forgotten < ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, change);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_forget_deleted(struct us_dbc *c, int64_t connector, int64_t before_s, size_t most, int64_t *ret_n, struct us_err *err)
{
	int64_t seen;
	struct us_stmt *s;
	enum us_errc rc = load_seen(c, connector, &seen, err);

	*ret_n = 0;
	if (rc || !seen || (rc = us_db_prepare(c, "DELETE FROM pushed WHERE id IN (SELECT p.id FROM " DELETED " AND p.change <= ?3 LIMIT ?4)", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, before_s);
	us_stmt_bind_int(s, 3, seen);
	us_stmt_bind_int(s, 4, (int64_t) most);
	rc = us_stmt_run(s, ret_n, err);
	return rc || !*ret_n ? rc : note_forgotten(c, connector, seen, err);
}
