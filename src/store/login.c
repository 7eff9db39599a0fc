#include "store/login.h"

#include "store/object_row.h"
#include "store/row.h"

enum us_errc us_login_note(struct us_dbc *c, int64_t directory, const struct us_login *logins, size_t n, int64_t *ret_changed,
	struct us_err *err)
{
	int64_t sum = 0, changed;
	struct us_stmt *s;
	/* The look at usr keeps out who is gone; what is not later changes no row. */
	enum us_errc rc = us_db_prepare(c, "INSERT INTO login (id, at, via) SELECT id, ?2, ?3 FROM usr WHERE id = ?1"
		" ON CONFLICT (id) DO UPDATE SET at = excluded.at, via = excluded.via WHERE excluded.at > login.at", &s, err);

	for (size_t i = 0; i < n && !rc; i++) {
		us_assert(logins[i].at > 0);
		us_stmt_bind_int(s, 1, us_object_row(directory, logins[i].user));
		us_stmt_bind_int(s, 2, logins[i].at);
		us_stmt_bind_slice(s, 3, logins[i].via);
		rc = us_stmt_run(s, &changed, err);
		sum += changed;
	}
	if (rc)
		return rc;
	if (ret_changed)
		*ret_changed = sum;
	return US_OK;
}

enum us_errc us_login_load(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user, struct us_login *ret_login,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT at, via FROM login WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, user));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "no login of user %u of directory %lld is known", user, (long long) directory);
	if (rc)
		return rc;
	*ret_login = (struct us_login) { .user = user, .at = us_stmt_int(s, 0), .via = us_row_text(s, 1, arena) };
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_login_scan_begin(struct us_dbc *c, int64_t directory, struct us_login_scan *ret_scan, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT u.id, u.created, l.at FROM usr AS u LEFT JOIN login AS l ON l.id = u.id"
		" WHERE u.id >= ?1 AND u.id < ?2 ORDER BY u.id", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, 0));
	us_stmt_bind_int(s, 2, us_object_row(directory + 1, 0));
	ret_scan->stmt = s;
	return US_OK;
}

enum us_errc us_login_scan_next(struct us_login_scan *scan, struct us_login_seen *ret_seen, struct us_err *err)
{
	enum us_errc rc = us_stmt_step(scan->stmt, err);

	if (rc)
		return rc;
	*ret_seen = (struct us_login_seen) { (uint32_t) us_stmt_int(scan->stmt, 0), us_stmt_int(scan->stmt, 1), us_stmt_int(scan->stmt, 2) };
	return US_OK;
}

void us_login_scan_end(struct us_login_scan *scan)
{
	us_stmt_reset(scan->stmt);
	scan->stmt = NULL;
}

#define LIST_SQL(condition) \
	"SELECT u.id, u.name, u.name_fold, u.active, l.at, l.via FROM usr AS u LEFT JOIN login AS l ON l.id = u.id WHERE u.directory = ?1" \
	" AND u.name_fold > ?3" condition " ORDER BY u.name_fold LIMIT ?2"

enum us_errc us_login_list(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, bool is_never, size_t limit,
	struct us_login_row **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_login_row *rows = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, is_never ? LIST_SQL(" AND l.at IS NULL") : LIST_SQL(""), &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	us_stmt_bind_slice(s, 3, after.p ? after : US_SLICE(""));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		rows = us_row_grow(arena, rows, n, &cap, sizeof *rows);
		rows[n++] = (struct us_login_row) { .name = us_row_text(s, 1, arena), .fold = us_row_text(s, 2, arena),
			.is_active = us_stmt_int(s, 3) != 0, .login = { (uint32_t) us_stmt_int(s, 0), us_stmt_int(s, 4), us_row_text(s, 5, arena) } };
	}
	if (rc != US_END)
		return rc;
	*ret_list = rows;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_login_remove(struct us_dbc *c, int64_t directory, uint32_t user, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM login WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, user));
	return us_stmt_run(s, NULL, err);
}
