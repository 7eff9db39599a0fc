#include "store/retired.h"

#include "base/fold.h"
#include "store/cursor.h"
#include "store/object_row.h"
#include "store/row.h"

static enum us_errc mark_users(struct us_dbc *c, int64_t directory, struct us_have_side *users, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT u.id, u.retired_strips, CASE WHEN l.at >= u.retired_since THEN 1 ELSE 0 END FROM usr AS u"
		" LEFT JOIN login AS l ON l.id = u.id WHERE u.retired_since > 0 AND u.id >= ?1 AND u.id < ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, 0));
	us_stmt_bind_int(s, 2, us_object_row(directory + 1, 0));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		uint32_t place = us_have_place(users, (uint32_t) us_stmt_int(s, 0));
		if (place == US_MAP_NONE)
			continue; /* came after the index was read: apply will refuse */
		if (us_stmt_int(s, 2))
			users->hashes[place] = US_HASH_ZERO;
		else
			users->flags[place] |= US_HAVE_RETIRED | (us_stmt_int(s, 1) ? US_HAVE_STRIPPED : 0);
	}
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_retired_mark(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = mark_users(c, directory, &have->users, err);

	if (rc || (rc = us_db_prepare(c, "SELECT id_hash FROM retired WHERE directory = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, directory);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		struct us_slice bytes = us_stmt_slice(s, 0);
		us_map_put(&have->gone, us_hash_take(bytes.p, bytes.n), NULL);
	}
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_retired_list_waking(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice **ret_ids, size_t *ret_n,
	struct us_err *err)
{
	struct us_slice *ids = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT u.ext_id FROM usr AS u JOIN login AS l ON l.id = u.id WHERE u.retired_since > 0 AND u.id >= ?1"
		" AND u.id < ?2 AND l.at >= u.retired_since AND u.missing_since = 0 AND u.ext_id IS NOT NULL", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, 0));
	us_stmt_bind_int(s, 2, us_object_row(directory + 1, 0));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		ids = us_row_grow(arena, ids, n, &cap, sizeof *ids);
		ids[n++] = us_row_text(s, 0, arena);
	}
	if (rc != US_END)
		return rc;
	*ret_ids = ids;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_retired_wake(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM usr WHERE id = ?1 AND retired_since > 0", &s, err);

	for (uint32_t i = 0; i < have->users.n && !rc; i++) {
		us_stmt_bind_int(s, 1, us_object_row(directory, have->users.numbers[i]));
		rc = us_stmt_step(s, err);
		if (!rc)
			have->users.hashes[i] = US_HASH_ZERO;
		else if (rc == US_END)
			rc = US_OK;
		us_stmt_reset(s);
	}
	return rc;
}

enum us_errc us_retired_add(struct us_dbc *c, int64_t directory, const struct us_user *user, int64_t connector, int64_t now_s, struct us_err *err)
{
	unsigned char id[US_HASH_BYTES], name[US_HASH_BYTES];
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO retired (directory, id_hash, name_hash, at, connector) VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (directory, id_hash) DO UPDATE SET name_hash = excluded.name_hash, at = excluded.at, connector = excluded.connector", &s, err);

	if (rc)
		return rc;
	us_hash_put(us_hash_slice(user->id), id);
	us_hash_put(us_fold_hash(user->name), name);
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_blob(s, 2, id, sizeof id);
	us_stmt_bind_blob(s, 3, name, sizeof name);
	us_stmt_bind_int(s, 4, now_s);
	us_stmt_bind_int(s, 5, connector);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_retired_remove(struct us_dbc *c, int64_t directory, struct us_slice id, struct us_err *err)
{
	unsigned char bytes[US_HASH_BYTES];
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM retired WHERE directory = ?1 AND id_hash = ?2", &s, err);

	if (rc)
		return rc;
	us_hash_put(us_hash_slice(id), bytes);
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_blob(s, 2, bytes, sizeof bytes);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc has_row(struct us_stmt *s, bool *ret_has, struct us_err *err)
{
	enum us_errc rc = us_stmt_step(s, err);

	if (rc && rc != US_END)
		return rc;
	*ret_has = rc == US_OK;
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_retired_is_gone(struct us_dbc *c, int64_t directory, struct us_slice id, bool *ret_is, struct us_err *err)
{
	unsigned char bytes[US_HASH_BYTES];
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM retired WHERE directory = ?1 AND id_hash = ?2", &s, err);

	if (rc)
		return rc;
	us_hash_put(us_hash_slice(id), bytes);
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_blob(s, 2, bytes, sizeof bytes);
	return has_row(s, ret_is, err);
}

enum us_errc us_retired_has_gone(struct us_dbc *c, int64_t directory, bool *ret_has, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM retired WHERE directory = ?1 LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	return has_row(s, ret_has, err);
}

enum us_errc us_retired_return(struct us_dbc *c, int64_t directory, struct us_slice name, int64_t at, bool *ret_is, struct us_err *err)
{
	unsigned char bytes[US_HASH_BYTES];
	int64_t changed = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM retired WHERE directory = ?1 AND name_hash = ?2 AND at <= ?3", &s, err);

	if (rc)
		return rc;
	us_hash_put(us_fold_hash(name), bytes);
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_blob(s, 2, bytes, sizeof bytes);
	us_stmt_bind_int(s, 3, at);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	*ret_is = changed > 0;
	return changed ? us_cursor_forget(c, directory, err) : US_OK;
}
