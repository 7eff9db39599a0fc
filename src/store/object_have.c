/* The index for planning: that part of object.h. */
#include "base/fold.h"
#include "store/object.h"
#include "store/object_row.h"
#include "store/retired.h"

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
