/* Reading half of object.h. */
#include "base/fold.h"
#include "store/object.h"
#include "store/object_row.h"
#include "store/retired.h"
#include "store/row.h"

/* ---- the index for planning ---- */

/* A damaged counter must not reserve all memory. */
enum { RESERVE_MAX = 20000000 };

/* Rows that are added together, so that the cache misses of their keys come at the same time. */
enum { SCAN_ROWS = 32 };

static enum us_errc load_directory(struct us_dbc *c, int64_t directory, struct us_have *have, int64_t *ret_n_users, int64_t *ret_n_groups,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT revision, next_user, next_group, n_users, n_groups, n_memberships FROM directory"
		" WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) directory);
	if (rc)
		return rc;
	have->revision = us_stmt_int(s, 0);
	have->users.next_number = (uint32_t) us_stmt_int(s, 1);
	have->groups.next_number = (uint32_t) us_stmt_int(s, 2);
	*ret_n_users = us_stmt_int(s, 3);
	*ret_n_groups = us_stmt_int(s, 4);
	have->n_memberships = us_stmt_int(s, 5);
	us_stmt_reset(s);
	return US_OK;
}

#define HAVE_USER "SELECT id, ext_id, name_fold, hash, owned, active, missing_since FROM usr "
#define HAVE_GROUP "SELECT id, ext_id, name_fold, hash, owned, members_hash, n_members FROM grp "

/* A row of the index to be. */
struct have_row {
	struct us_hash id, name, hash, members;
	uint32_t number;
	uint8_t flags;
};

static enum us_errc take_have(struct us_stmt *s, bool is_group, const struct us_rules *rules, struct have_row *ret_row,
	struct us_err *err)
{
	struct have_row row = { .number = (uint32_t) us_stmt_int(s, 0), .flags = us_stmt_int(s, 4) ? US_HAVE_OWNED : 0 };
	struct us_slice ext_id = us_stmt_slice(s, 1), fold = us_stmt_slice(s, 2), bytes;

	if (!fold.p)
		return us_err_set(err, US_INTERNAL, "%s %u has no folded name", is_group ? "group" : "user", row.number);
	row.id = ext_id.p ? us_hash_slice(ext_id) : us_have_local_id(row.number);
	row.name = us_hash_slice(fold);
	bytes = us_stmt_slice(s, 3);
	row.hash = us_hash_take(bytes.p, bytes.n);
	if (is_group) {
		bytes = us_stmt_slice(s, 5);
		row.members = us_hash_take(bytes.p, bytes.n);
	} else {
		row.flags |= (us_stmt_int(s, 5) ? US_HAVE_ACTIVE : 0) | (us_stmt_int(s, 6) ? US_HAVE_MISSING : 0);
	}
	if (rules)
		row.flags |= (uint8_t) (is_group ? us_rules_group_flags(rules, fold) : us_rules_user_flags(rules, fold));
	*ret_row = row;
	return US_OK;
}

static void add_have(struct us_have_side *side, const struct have_row *row, bool is_group)
{
	us_have_add(side, row->id, row->name, row->number, row->hash, row->members, row->flags, is_group);
}

/* The row that s stands on; one that is in the index already is passed over. */
static enum us_errc add_have_once(struct us_stmt *s, bool is_group, const struct us_rules *rules, struct us_have *have,
	struct us_err *err)
{
	struct us_have_side *side = is_group ? &have->groups : &have->users;
	struct have_row row;
	enum us_errc rc = take_have(s, is_group, rules, &row, err);

	if (!rc && us_map_find(&side->ids, row.id) == US_MAP_NONE)
		add_have(side, &row, is_group);
	return rc;
}

static enum us_errc scan(struct us_dbc *c, int64_t directory, bool is_group, int64_t n, const struct us_rules *rules,
	struct us_have *have, struct us_err *err)
{
	struct us_have_side *side = is_group ? &have->groups : &have->users;
	struct have_row rows[SCAN_ROWS];
	size_t n_rows = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, is_group ? HAVE_GROUP "WHERE id >= ?1 AND id < ?2 ORDER BY id" :
		HAVE_USER "WHERE id >= ?1 AND id < ?2 ORDER BY id", &s, err);

	if (rc)
		return rc;
	us_have_reserve(side, (uint32_t) (n < 0 ? 0 : n > RESERVE_MAX ? RESERVE_MAX : n), is_group);
	us_stmt_bind_int(s, 1, us_object_row(directory, 0));
	us_stmt_bind_int(s, 2, us_object_row(directory + 1, 0));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		if (is_group)
			have->n_memberships += us_stmt_int(s, 6);
		if ((rc = take_have(s, is_group, rules, &rows[n_rows], err)))
			break;
		us_have_expect(side, rows[n_rows].id, rows[n_rows].name);
		if (++n_rows < SCAN_ROWS)
			continue;
		for (size_t i = 0; i < n_rows; i++)
			add_have(side, &rows[i], is_group);
		n_rows = 0;
	}
	for (size_t i = 0; i < n_rows; i++)
		add_have(side, &rows[i], is_group);
	us_stmt_reset(s);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_object_load_have(struct us_dbc *c, int64_t directory, const struct us_rules *rules,
	struct us_have *ret_have, struct us_err *err)
{
	struct us_have have = { 0 };
	int64_t n_users, n_groups;
	/* The revision first: if somebody writes in between, it is too old and apply refuses. */
	enum us_errc rc = load_directory(c, directory, &have, &n_users, &n_groups, err);

	have.n_memberships = 0; /* the sum over the groups, owned ones only */
	if (!rc)
		rc = scan(c, directory, false, n_users, rules, &have, err);
	if (!rc)
		rc = scan(c, directory, true, n_groups, rules, &have, err);
	if (!rc)
		rc = us_retired_mark(c, directory, &have, err);
	if (rc)
		us_have_fini(&have);
	else
		*ret_have = have;
	return rc;
}

static enum us_errc look_up(struct us_dbc *c, int64_t directory, bool is_group, bool by_name,
	const struct us_slice *keys, size_t n, const struct us_rules *rules, struct us_have *have,
	struct us_err *err)
{
	static const char *const sql[2][2] = {
		{ HAVE_USER "WHERE directory = ?1 AND ext_id = ?2", HAVE_USER "WHERE directory = ?1 AND name_fold = ?2" },
		{ HAVE_GROUP "WHERE directory = ?1 AND ext_id = ?2", HAVE_GROUP "WHERE directory = ?1 AND name_fold = ?2" },
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_stmt *s;
	enum us_errc rc = n ? us_db_prepare(c, sql[is_group][by_name], &s, err) : US_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		us_arena_reset(&arena);
		us_stmt_bind_int(s, 1, directory);
		us_stmt_bind_slice(s, 2, by_name ? us_fold(&arena, keys[i]) : keys[i]);
		rc = us_stmt_step(s, err);
		if (!rc)
			rc = add_have_once(s, is_group, rules, have, err);
		else if (rc == US_END)
			rc = US_OK;
		us_stmt_reset(s);
	}
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc look_up_groups_of_users(struct us_dbc *c, int64_t directory, const struct us_rules *rules,
	struct us_have *have, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc =
		have->users.n
			? us_db_prepare(c,
				  HAVE_GROUP
				  "WHERE id IN"
				  " (SELECT ?1 * 4294967296 + grp FROM membership WHERE directory = ?1 AND usr = ?2)",
				  &s, err)
			: US_OK;

	for (uint32_t i = 0; i < have->users.n && !rc; i++) {
		us_stmt_bind_int(s, 1, directory);
		us_stmt_bind_int(s, 2, have->users.numbers[i]);
		while ((rc = us_stmt_step(s, err)) == US_OK)
			if ((rc = add_have_once(s, true, rules, have, err)))
				break;
		us_stmt_reset(s);
		rc = rc == US_END ? US_OK : rc;
	}
	return rc;
}

enum us_errc us_object_load_have_some(struct us_dbc *c, int64_t directory, const struct us_object_keys *keys,
	const struct us_rules *rules, struct us_have *ret_have, struct us_err *err)
{
	struct us_have have = { 0 };
	int64_t n_users, n_groups;
	enum us_errc rc;

	if ((rc = load_directory(c, directory, &have, &n_users, &n_groups, err)) ||
		(rc = look_up(c, directory, false, false, keys->user_ids, keys->n_user_ids, rules, &have, err)) ||
		(rc = look_up(c, directory, false, true, keys->user_names, keys->n_user_names, rules, &have, err)) ||
		(rc = look_up(c, directory, true, false, keys->group_ids, keys->n_group_ids, rules, &have, err)) ||
		(rc = look_up(c, directory, true, true, keys->group_names, keys->n_group_names, rules, &have, err)) ||
		(rc = look_up_groups_of_users(c, directory, rules, &have, err)) || (rc = us_retired_wake(c, directory, &have, err)))
		us_have_fini(&have);
	else
		*ret_have = have;
	return rc;
}

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

static enum us_errc count_range(struct us_dbc *c, const char *sql, int64_t directory, int64_t *ret_n, int64_t *ret_sum, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, 0));
	us_stmt_bind_int(s, 2, us_object_row(directory + 1, 0));
	if ((rc = us_stmt_step(s, err)) == US_OK) {
		*ret_n = us_stmt_int(s, 0);
		*ret_sum = us_stmt_int(s, 1);
	}
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_object_count_owned(struct us_dbc *c, int64_t directory, int64_t *ret_users, int64_t *ret_groups, int64_t *ret_memberships,
	struct us_err *err)
{
	int64_t none;
	enum us_errc rc = count_range(c, "SELECT count(*), 0 FROM usr WHERE id >= ?1 AND id < ?2 AND owned <> 0 AND missing_since = 0", directory,
		ret_users, &none, err);

	return rc ? rc : count_range(c, "SELECT COALESCE(SUM(owned <> 0), 0), COALESCE(SUM(n_members), 0) FROM grp WHERE id >= ?1 AND id < ?2", directory,
		ret_groups, ret_memberships, err);
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
