#include "store/object_row.h"
#include "store/pushed.h"
#include "store/row.h"

enum us_errc us_pushed_add_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, bool is_group, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM pushed WHERE id = ?1 AND is_group = ?2 AND gone = 0", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, member));
	us_stmt_bind_int(s, 2, is_group);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "there is no %s \"%c%u\"", is_group ? "group" : "user", is_group ? 'g' : 'u', member);
	if (rc || (rc = us_db_prepare(c, "INSERT INTO pushed_member (grp, member, is_group) VALUES (?1, ?2, ?3) ON CONFLICT (grp, member) DO NOTHING",
		&s, err)))
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	us_stmt_bind_int(s, 2, us_object_row(connector, member));
	us_stmt_bind_int(s, 3, is_group);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_remove_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM pushed_member WHERE grp = ?1 AND member = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	us_stmt_bind_int(s, 2, us_object_row(connector, member));
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_remove_members(struct us_dbc *c, int64_t connector, uint32_t group, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM pushed_member WHERE grp = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_pushed_has_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, bool *ret_has, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM pushed_member WHERE grp = ?1 AND member = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	us_stmt_bind_int(s, 2, us_object_row(connector, member));
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_has = rc == US_OK;
	return US_OK;
}

enum us_errc us_pushed_list_members(struct us_dbc *c, struct us_arena *arena, int64_t connector, uint32_t group, struct us_pushed_member **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_pushed_member *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT member, is_group FROM pushed_member WHERE grp = ?1 ORDER BY member", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = (struct us_pushed_member) { (uint32_t) us_stmt_int(s, 0), us_stmt_int(s, 1) };
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}
