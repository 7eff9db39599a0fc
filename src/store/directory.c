#include "store/directory.h"

#include "store/row.h"

#define COLUMNS "id, name, connector, revision, n_users, n_active_users, n_groups, n_memberships, created"

enum us_errc us_directory_create(struct us_dbc *c, struct us_slice name, struct us_slice connector, int64_t now_s, int64_t *ret_id,
	struct us_err *err)
{
	struct us_stmt *s;
	int64_t id;
	enum us_errc rc = us_row_next_id(c, "directory", &id, err);

	if (rc || (rc = us_db_prepare(c, "INSERT INTO directory (id, name, connector, created, revision, n_users, n_active_users, n_groups,"
			" n_memberships, next_user, next_group) VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0, 1, 1)", &s, err)))
		return rc;
	us_assert(id < (int64_t) 1 << 31); /* it is the upper half of its objects' ids */
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, name);
	us_stmt_bind_slice(s, 3, connector);
	us_stmt_bind_int(s, 4, now_s);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	*ret_id = id;
	return US_OK;
}

static void take(struct us_stmt *s, struct us_arena *arena, struct us_directory *d)
{
	*d = (struct us_directory) {
		.id = us_stmt_int(s, 0),
		.name = us_row_text(s, 1, arena),
		.connector = us_row_text(s, 2, arena),
		.revision = us_stmt_int(s, 3),
		.n_users = us_stmt_int(s, 4),
		.n_active_users = us_stmt_int(s, 5),
		.n_groups = us_stmt_int(s, 6),
		.n_memberships = us_stmt_int(s, 7),
		.created = us_stmt_int(s, 8),
	};
}

enum us_errc us_directory_load(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_directory *ret_directory, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM directory WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) id);
	if (rc)
		return rc;
	take(s, arena, ret_directory);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_directory_list(struct us_dbc *c, struct us_arena *arena, struct us_directory **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_directory *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM directory ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		take(s, arena, &list[n++]);
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_directory_delete(struct us_dbc *c, int64_t id, struct us_err *err)
{
	static const char *const statements[] = {
		"DELETE FROM membership WHERE directory = ?1",
		"DELETE FROM subgroup WHERE directory = ?1",
		"DELETE FROM usr WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32",
		"DELETE FROM grp WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32",
		"DELETE FROM directory WHERE id = ?1",
	};
	int64_t changed = 0;

	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct us_stmt *s;
		enum us_errc rc = us_db_prepare(c, statements[i], &s, err);
		if (rc)
			return rc;
		us_stmt_bind_int(s, 1, id);
		if ((rc = us_stmt_run(s, &changed, err)))
			return rc;
	}
	return changed ? US_OK : us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) id);
}
