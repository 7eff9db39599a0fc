#include "store/directory.h"

#include "base/fold.h"
#include "store/feed.h"
#include "store/row.h"
#include "store/schema.h"

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

enum us_errc us_directory_exists(struct us_dbc *c, int64_t id, bool *ret_exists, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM directory WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_exists = rc == US_OK;
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

enum us_errc us_directory_check_name(struct us_dbc *c, struct us_slice name, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_hash fold = us_fold_hash(name);
	struct us_directory *list;
	size_t n = 0;
	enum us_errc rc = us_directory_list(c, &arena, &list, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		if (us_hash_is_equal(us_fold_hash(list[i].name), fold))
			rc = us_err_set(err, US_CONFLICT, "directory %lld is called \"" US_SLICE_FMT "\" already", (long long) list[i].id,
				US_SLICE_ARG(list[i].name));
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc run_with_id(struct us_dbc *c, const char *sql, int64_t id, int64_t *ret_changed, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	return us_stmt_run(s, ret_changed, err);
}

static enum us_errc load_int(struct us_dbc *c, const char *sql, int64_t id, int64_t *ret_value, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	if ((rc = us_stmt_step(s, err)))
		return rc;
	*ret_value = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_directory_load_revision(struct us_dbc *c, int64_t id, int64_t *ret_revision, struct us_err *err)
{
	enum us_errc rc = load_int(c, "SELECT revision FROM directory WHERE id = ?1", id, ret_revision, err);

	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) id) : rc;
}

/* A table is emptied at once if nobody else has rows in it; else the directory's range goes row by row. */
static const struct {
	const char *has_others, *empty, *range;
} tables[] = {
	{ "SELECT EXISTS (SELECT 1 FROM membership WHERE directory < ?1) OR EXISTS (SELECT 1 FROM membership WHERE directory > ?1)",
		"DELETE FROM membership", "DELETE FROM membership WHERE directory = ?1" },
	{ "SELECT EXISTS (SELECT 1 FROM subgroup WHERE directory < ?1) OR EXISTS (SELECT 1 FROM subgroup WHERE directory > ?1)",
		"DELETE FROM subgroup", "DELETE FROM subgroup WHERE directory = ?1" },
	{ "SELECT EXISTS (SELECT 1 FROM usr WHERE id < ?1 << 32) OR EXISTS (SELECT 1 FROM usr WHERE id >= (?1 + 1) << 32)",
		"DELETE FROM usr", "DELETE FROM usr WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32" },
	{ "SELECT EXISTS (SELECT 1 FROM grp WHERE id < ?1 << 32) OR EXISTS (SELECT 1 FROM grp WHERE id >= (?1 + 1) << 32)",
		"DELETE FROM grp", "DELETE FROM grp WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32" },
	{ "SELECT EXISTS (SELECT 1 FROM credential WHERE id < ?1 << 32) OR EXISTS (SELECT 1 FROM credential WHERE id >= (?1 + 1) << 32)",
		"DELETE FROM credential", "DELETE FROM credential WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32" },
	{ "SELECT EXISTS (SELECT 1 FROM retired WHERE directory < ?1) OR EXISTS (SELECT 1 FROM retired WHERE directory > ?1)",
		"DELETE FROM retired", "DELETE FROM retired WHERE directory = ?1" },
	{ "SELECT EXISTS (SELECT 1 FROM login WHERE id < ?1 << 32) OR EXISTS (SELECT 1 FROM login WHERE id >= (?1 + 1) << 32)",
		"DELETE FROM login", "DELETE FROM login WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32" },
};

/* More rows than this, and more than the others have: building the indexes of what is left is cheaper than taking each row out of them. */
enum { BULK_ROWS = 100000 };

enum us_errc us_directory_delete(struct us_dbc *c, int64_t id, struct us_err *err)
{
	int64_t changed, has_others, mine, others;
	enum us_errc rc;

	if ((rc = load_int(c, "SELECT coalesce(sum(n_users + n_memberships), 0) FROM directory WHERE id = ?1", id, &mine, err)) ||
		(rc = load_int(c, "SELECT coalesce(sum(n_users + n_memberships), 0) FROM directory WHERE id <> ?1", id, &others, err)))
		return rc;
	bool is_bulk = mine > BULK_ROWS && mine > others;
	if (is_bulk && (rc = us_db_exec(c, US_SCHEMA_DROP_USER_INDEXES ";" US_SCHEMA_DROP_MEMBER_INDEXES, err)))
		return rc;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		if ((rc = load_int(c, tables[i].has_others, id, &has_others, err)))
			return rc;
		rc = has_others ? run_with_id(c, tables[i].range, id, &changed, err) : us_db_exec(c, tables[i].empty, err);
		if (rc)
			return rc;
	}
	if (is_bulk && (rc = us_db_exec(c, US_SCHEMA_USER_INDEXES ";" US_SCHEMA_MEMBER_INDEXES, err)))
		return rc;
	if ((rc = us_feed_delete(c, id, err)) || (rc = run_with_id(c, "DELETE FROM directory WHERE id = ?1", id, &changed, err)))
		return rc;
	return changed ? US_OK : us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) id);
}
