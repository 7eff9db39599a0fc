/* Reading objects: that part of object.h. */
#include "base/fold.h"
#include "store/object.h"
#include "store/object_row.h"
#include "store/row.h"

/* ---- single objects ---- */

#define USER_COLUMNS \
	"id, name_fold, ext_id, hash, owned, active, missing_since, name, full_name, first_name, last_name, email, attributes, revision, created, updated," \
	" retired_since, retired_by, retired_strips"
#define GROUP_COLUMNS "id, name_fold, ext_id, hash, owned, name, description, revision, created, updated, attributes"

static enum us_errc take_attributes(struct us_stmt *s, int column, struct us_arena *arena, const char *what, const struct us_field **ret_attributes,
	size_t *ret_n, struct us_err *err)
{
	if (us_stmt_is_null(s, column))
		return US_OK;
	enum us_errc rc = us_attributes_parse(arena, us_stmt_slice(s, column), ret_attributes, ret_n, err);
	if (rc)
		us_err_prefix(err, "row of %s %lld", what, (long long) us_stmt_int(s, 0));
	return rc;
}

static enum us_errc take_user(struct us_stmt *s, struct us_arena *arena, struct us_user_image *image, struct us_err *err)
{
	struct us_slice hash = us_stmt_slice(s, 3);

	*image = (struct us_user_image) {
		.user = { .id = us_row_text(s, 2, arena), .name = us_row_text(s, 7, arena), .full_name = us_row_text(s, 8, arena),
			.first_name = us_row_text(s, 9, arena), .last_name = us_row_text(s, 10, arena), .email = us_row_text(s, 11, arena),
			.active = us_stmt_int(s, 5) != 0 },
		.owned = us_stmt_int(s, 4) != 0,
		.missing_since = us_stmt_int(s, 6),
		.retired = { us_stmt_int(s, 16), us_stmt_int(s, 17), us_stmt_int(s, 18) != 0 },
		.hash = us_hash_take(hash.p, hash.n),
		.revision = us_stmt_int(s, 13),
	};
	return take_attributes(s, 12, arena, "user", &image->user.attributes, &image->user.n_attributes, err);
}

static enum us_errc take_group(struct us_stmt *s, struct us_arena *arena, struct us_group_image *image, struct us_err *err)
{
	struct us_slice hash = us_stmt_slice(s, 3);

	*image = (struct us_group_image) {
		.group = { .id = us_row_text(s, 2, arena), .name = us_row_text(s, 5, arena), .description = us_row_text(s, 6, arena) },
		.owned = us_stmt_int(s, 4) != 0,
		.hash = us_hash_take(hash.p, hash.n),
		.revision = us_stmt_int(s, 7),
	};
	return take_attributes(s, 10, arena, "group", &image->group.attributes, &image->group.n_attributes, err);
}

enum us_errc us_object_load_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t number,
	struct us_user_image *ret_image, struct us_err *err)
{
	struct us_user_image image;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " USER_COLUMNS " FROM usr WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, number));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no user %u", (long long) directory, number);
	if (!rc)
		rc = take_user(s, arena, &image, err);
	us_stmt_reset(s);
	if (!rc)
		*ret_image = image;
	return rc;
}

enum us_errc us_object_load_user_revision(struct us_dbc *c, int64_t directory, uint32_t number, int64_t *ret_revision, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT revision FROM usr WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, number));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no user %u", (long long) directory, number);
	if (!rc)
		*ret_revision = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_object_load_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t number,
	struct us_group_image *ret_image, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " GROUP_COLUMNS " FROM grp WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, number));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no group %u", (long long) directory, number);
	struct us_group_image image;
	if (!rc && !(rc = take_group(s, arena, &image, err)))
		*ret_image = image;
	us_stmt_reset(s);
	return rc;
}

static enum us_errc find(struct us_dbc *c, struct us_arena *arena, bool is_group, const char *sql, int64_t directory, struct us_slice name,
	struct us_stmt **ret_stmt, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_slice(s, 2, us_fold(arena, name));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no %s \"" US_SLICE_FMT "\"", (long long) directory,
			is_group ? "group" : "user", US_SLICE_ARG(name));
	*ret_stmt = s;
	return rc;
}

enum us_errc us_object_find_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, uint32_t *ret_number,
	struct us_user_image *ret_image, struct us_err *err)
{
	struct us_user_image image;
	struct us_stmt *s;
	enum us_errc rc = find(c, arena, false, "SELECT " USER_COLUMNS " FROM usr WHERE directory = ?1 AND name_fold = ?2", directory, name,
		&s, err);

	if (rc)
		return rc;
	if (!(rc = take_user(s, arena, &image, err))) {
		*ret_number = (uint32_t) us_stmt_int(s, 0);
		*ret_image = image;
	}
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_object_find_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, uint32_t *ret_number,
	struct us_group_image *ret_image, struct us_err *err)
{
	struct us_group_image image;
	struct us_stmt *s;
	enum us_errc rc = find(c, arena, true, "SELECT " GROUP_COLUMNS " FROM grp WHERE directory = ?1 AND name_fold = ?2", directory, name,
		&s, err);

	if (rc)
		return rc;
	if (!(rc = take_group(s, arena, &image, err))) {
		*ret_number = (uint32_t) us_stmt_int(s, 0);
		*ret_image = image;
	}
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_object_find_number(struct us_dbc *c, int64_t directory, bool is_group, struct us_slice name, uint32_t number,
	uint32_t *ret_number, struct us_err *err)
{
	static const char *const sql[2] = { "SELECT id FROM usr WHERE id = ?1", "SELECT id FROM grp WHERE id = ?1" };
	static const char *const by_name[2] = { "SELECT id FROM usr WHERE directory = ?1 AND name_fold = ?2",
		"SELECT id FROM grp WHERE directory = ?1 AND name_fold = ?2" };
	struct us_arena arena = US_ARENA_INIT;
	struct us_stmt *s;
	enum us_errc rc;

	if (name.p) {
		rc = find(c, &arena, is_group, by_name[is_group], directory, name, &s, err);
	} else {
		rc = us_db_prepare(c, sql[is_group], &s, err);
		if (!rc) {
			us_stmt_bind_int(s, 1, us_object_row(directory, number));
			rc = us_stmt_step(s, err);
		}
		if (rc == US_END)
			rc = us_err_set(err, US_NOT_FOUND, "Directory %lld has no %s %u", (long long) directory, is_group ? "group" : "user", number);
	}
	if (!rc) {
		*ret_number = (uint32_t) us_stmt_int(s, 0);
		us_stmt_reset(s);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_object_load_name(struct us_dbc *c, enum us_object object, int64_t directory, uint32_t number, struct us_str *name,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, object == US_OBJECT_USER ? "SELECT name FROM usr WHERE id = ?1" : "SELECT name FROM grp WHERE id = ?1", &s,
		err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, number));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no %s %u", (long long) directory, us_object_text(object), number);
	if (rc)
		return rc;
	us_str_clear(name);
	us_str_add_slice(name, us_stmt_slice(s, 0));
	us_stmt_reset(s);
	return US_OK;
}

/* ---- memberships ---- */

enum us_errc us_object_find_member(struct us_dbc *c, int64_t directory, uint32_t group, uint32_t member, bool is_group, bool *ret_is_member,
	struct us_err *err)
{
	static const char *const sql[2] = { "SELECT 1 FROM membership WHERE directory = ?1 AND grp = ?2 AND usr = ?3",
		"SELECT 1 FROM subgroup WHERE directory = ?1 AND parent = ?2 AND child = ?3" };
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql[is_group], &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, group);
	us_stmt_bind_int(s, 3, member);
	rc = us_stmt_step(s, err);
	if (rc && rc != US_END)
		return rc;
	*ret_is_member = rc == US_OK;
	us_stmt_reset(s);
	return US_OK;
}

/* sql gives number and owned, in order of the number. */
static enum us_errc load_links(struct us_dbc *c, struct us_arena *arena, const char *sql, int64_t directory, uint32_t number,
	const struct us_member **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_member *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, number);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = (struct us_member) { (uint32_t) us_stmt_int(s, 0), us_stmt_int(s, 1) != 0 };
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_object_load_members(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t group,
	const struct us_member **ret_users, size_t *ret_n_users, const struct us_member **ret_groups, size_t *ret_n_groups, struct us_err *err)
{
	enum us_errc rc = load_links(c, arena, "SELECT usr, owned FROM membership WHERE directory = ?1 AND grp = ?2 ORDER BY usr", directory,
		group, ret_users, ret_n_users, err);

	return rc ? rc : load_links(c, arena, "SELECT child, owned FROM subgroup WHERE directory = ?1 AND parent = ?2 ORDER BY child",
		directory, group, ret_groups, ret_n_groups, err);
}

enum us_errc us_object_load_groups_of_user(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user,
	const struct us_member **ret_groups, size_t *ret_n, struct us_err *err)
{
	return load_links(c, arena, "SELECT grp, owned FROM membership WHERE directory = ?1 AND usr = ?2 ORDER BY grp", directory, user,
		ret_groups, ret_n, err);
}

enum us_errc us_object_load_groups_of_group(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t group,
	const struct us_member **ret_groups, size_t *ret_n, struct us_err *err)
{
	return load_links(c, arena, "SELECT parent, owned FROM subgroup WHERE directory = ?1 AND child = ?2 ORDER BY parent", directory,
		group, ret_groups, ret_n, err);
}

enum us_errc us_object_has_groups_above(struct us_dbc *c, int64_t directory, uint32_t user, bool *ret_has, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM membership m JOIN subgroup s ON s.directory = ?1 AND s.child = m.grp"
		" WHERE m.directory = ?1 AND m.usr = ?2 LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, user);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_has = rc == US_OK;
	return US_OK;
}

/* ---- pages ---- */

/* With and without a start, with and without a search. */
#define LIST_SQL(columns, table) { \
	{ "SELECT " columns " FROM " table " WHERE directory = ?1 AND name_fold IS NOT NULL ORDER BY name_fold LIMIT ?2", \
	  "SELECT " columns " FROM " table " WHERE directory = ?1 AND name_fold LIKE ?4 ESCAPE '\\' ORDER BY name_fold LIMIT ?2" }, \
	{ "SELECT " columns " FROM " table " WHERE directory = ?1 AND name_fold > ?3 ORDER BY name_fold LIMIT ?2", \
	  "SELECT " columns " FROM " table " WHERE directory = ?1 AND name_fold > ?3 AND name_fold LIKE ?4 ESCAPE '\\'" \
	  " ORDER BY name_fold LIMIT ?2" } }

static enum us_errc take_listed(struct us_stmt *s, struct us_arena *arena, bool is_group, struct us_listed *row, struct us_err *err)
{
	row->number = (uint32_t) us_stmt_int(s, 0);
	row->fold = us_row_text(s, 1, arena);
	row->created = us_stmt_int(s, is_group ? 8 : 14);
	row->updated = us_stmt_int(s, is_group ? 9 : 15);
	return is_group ? take_group(s, arena, &row->group, err) : take_user(s, arena, &row->user, err);
}

enum us_errc us_object_find_listed(struct us_dbc *c, struct us_arena *arena, int64_t directory, bool is_group, enum us_object_key by,
	struct us_slice key, uint32_t number, struct us_listed *ret_row, struct us_err *err)
{
	static const char *const sql[2][3] = {
		{ "SELECT " USER_COLUMNS " FROM usr WHERE directory = ?1 AND name_fold = ?2",
		  "SELECT " USER_COLUMNS " FROM usr WHERE directory = ?1 AND ext_id = ?2 AND name_fold IS NOT NULL",
		  "SELECT " USER_COLUMNS " FROM usr WHERE id = ?1 AND name_fold IS NOT NULL" },
		{ "SELECT " GROUP_COLUMNS " FROM grp WHERE directory = ?1 AND name_fold = ?2",
		  "SELECT " GROUP_COLUMNS " FROM grp WHERE directory = ?1 AND ext_id = ?2 AND name_fold IS NOT NULL",
		  "SELECT " GROUP_COLUMNS " FROM grp WHERE id = ?1 AND name_fold IS NOT NULL" },
	};
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql[is_group][by], &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, by == US_OBJECT_BY_NUMBER ? us_object_row(directory, number) : directory);
	if (by != US_OBJECT_BY_NUMBER)
		us_stmt_bind_slice(s, 2, by == US_OBJECT_BY_NAME ? us_fold(arena, key) : key);
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld has no such %s", (long long) directory, is_group ? "group" : "user");
	if (rc)
		return rc;
	struct us_listed row = { 0 };
	if (!(rc = take_listed(s, arena, is_group, &row, err)))
		*ret_row = row;
	us_stmt_reset(s);
	return rc;
}

static enum us_errc list(struct us_dbc *c, struct us_arena *arena, bool is_group, int64_t directory, struct us_slice after,
	struct us_slice search, size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err)
{
	static const char *const sql[2][2][2] = { LIST_SQL(USER_COLUMNS, "usr"), LIST_SQL(GROUP_COLUMNS, "grp") };
	struct us_slice pattern = US_SLICE_NONE;
	struct us_listed *rows = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = search.p ? us_row_pattern(arena, us_fold(arena, search), &pattern, err) : US_OK;

	if (rc || (rc = us_db_prepare(c, sql[is_group][after.p != NULL][search.p != NULL], &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	if (after.p)
		us_stmt_bind_slice(s, 3, after);
	if (search.p)
		us_stmt_bind_slice(s, 4, pattern);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		rows = us_row_grow(arena, rows, n, &cap, sizeof *rows);
		if ((rc = take_listed(s, arena, is_group, &rows[n], err)))
			break;
		n++;
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = rows;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_object_list_users(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, struct us_slice search,
	size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err)
{
	return list(c, arena, false, directory, after, search, limit, ret_list, ret_n, err);
}

enum us_errc us_object_list_groups(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice after, struct us_slice search,
	size_t limit, struct us_listed **ret_list, size_t *ret_n, struct us_err *err)
{
	return list(c, arena, true, directory, after, search, limit, ret_list, ret_n, err);
}
