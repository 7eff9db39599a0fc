#include "store/credential.h"

#include "store/object_row.h"
#include "store/row.h"

/* Why nothing was written. */
static enum us_errc explain(struct us_dbc *c, int64_t directory, uint32_t user, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT connector FROM directory WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	rc = us_stmt_step(s, err);
	bool is_synced = rc == US_OK && !us_stmt_is_null(s, 0);
	us_stmt_reset(s);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) directory);
	if (rc)
		return rc;
	return is_synced ? us_err_set(err, US_FORBIDDEN, "Directory %lld is kept by a connector: its users' passwords are at the identity provider",
		(long long) directory) : us_err_set(err, US_NOT_FOUND, "Directory %lld has no user %u", (long long) directory, user);
}

enum us_errc us_credential_set(struct us_dbc *c, int64_t directory, uint32_t user, const char *hash, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO credential (id, hash, changed) SELECT u.id, ?3, ?4 FROM usr AS u JOIN directory AS d"
		" ON d.id = u.directory WHERE u.id = ?1 AND d.id = ?2 AND d.connector IS NULL"
		" ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, changed = excluded.changed", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, user));
	us_stmt_bind_int(s, 2, directory);
	us_stmt_bind_slice(s, 3, us_slice(hash));
	us_stmt_bind_int(s, 4, now_s);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	return changed ? US_OK : explain(c, directory, user, err);
}

enum us_errc us_credential_remove(struct us_dbc *c, int64_t directory, uint32_t user, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM credential WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, user));
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_credential_find(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user, struct us_slice *ret_hash,
	int64_t *ret_changed, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT hash, changed FROM credential WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, user));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "user %u of directory %lld has no password", user, (long long) directory);
	if (rc)
		return rc;
	*ret_hash = us_row_text(s, 0, arena);
	if (ret_changed)
		*ret_changed = us_stmt_int(s, 1);
	us_stmt_reset(s);
	return US_OK;
}
