/* Writing objects: that part of object.h. */
#include "base/fold.h"
#include "store/credential.h"
#include "store/login.h"
#include "store/object.h"
#include "store/object_row.h"
#include "store/row.h"
#include "store/schema.h"

static enum us_errc conflict(const char *kind, int64_t directory, uint32_t number, struct us_err *err)
{
	return us_err_set(err, US_CONFLICT, "%s %u of directory %lld is not as it was when the plan was made", kind, number,
		(long long) directory);
}

static enum us_errc run_once(struct us_dbc *c, const char *sql, int64_t a, int64_t b, int64_t *ret_changed, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, a);
	us_stmt_bind_int(s, 2, b);
	return us_stmt_run(s, ret_changed, err);
}

enum us_errc us_object_raise_revision(struct us_dbc *c, int64_t directory, int64_t expect, struct us_err *err)
{
	int64_t changed;
	enum us_errc rc = run_once(c, "UPDATE directory SET revision = revision + 1 WHERE id = ?1 AND revision = ?2", directory, expect,
		&changed, err);

	if (rc || changed)
		return rc;
	return us_err_set(err, US_CONFLICT, "directory %lld has changed since the plan was made from its revision %lld",
		(long long) directory, (long long) expect);
}

/* ---- users ---- */

/* What a row is written from; dies with the call. */
struct scratch {
	struct us_arena arena;
	struct us_str attributes;
	unsigned char hash[US_HASH_BYTES];
};

static void scratch_fini(struct scratch *k)
{
	us_arena_fini(&k->arena);
	us_str_fini(&k->attributes);
}

static void bind_attributes(struct us_stmt *s, int at, struct scratch *k, const struct us_field *attributes, size_t n)
{
	struct us_jsonw w = US_JSONW_INIT(&k->attributes);

	if (!n)
		return;
	us_attributes_write(&w, attributes, n);
	us_stmt_bind_slice(s, at, us_str_slice(&k->attributes));
}

/* ?1 … ?12, ?13 and ?14: revision and time, ?15 … ?17. */
static void bind_user(struct us_stmt *s, struct scratch *k, const struct us_user_image *image, int64_t revision, int64_t now_s)
{
	const struct us_user *u = &image->user;

	us_hash_put(image->hash, k->hash);
	us_stmt_bind_slice(s, 1, u->id);
	us_stmt_bind_slice(s, 2, us_fold(&k->arena, u->name));
	us_stmt_bind_blob(s, 3, k->hash, sizeof k->hash);
	us_stmt_bind_int(s, 4, image->owned);
	us_stmt_bind_int(s, 5, u->active);
	us_stmt_bind_int(s, 6, image->missing_since);
	us_stmt_bind_slice(s, 7, u->name);
	us_stmt_bind_slice(s, 8, u->full_name);
	us_stmt_bind_slice(s, 9, u->first_name);
	us_stmt_bind_slice(s, 10, u->last_name);
	us_stmt_bind_slice(s, 11, u->email);
	bind_attributes(s, 12, k, u->attributes, u->n_attributes);
	us_stmt_bind_int(s, 13, revision);
	us_stmt_bind_int(s, 14, now_s);
	us_stmt_bind_int(s, 15, image->retired.since);
	us_stmt_bind_int(s, 16, image->retired.by);
	us_stmt_bind_int(s, 17, image->retired.strips);
}

enum us_errc us_object_insert_user(struct us_dbc *c, int64_t directory, uint32_t number, const struct us_user_image *image, int64_t revision,
	int64_t now_s, struct us_err *err)
{
	struct scratch k = { .arena = US_ARENA_INIT };
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO usr (ext_id, name_fold, hash, owned, active, missing_since, name, full_name,"
		" first_name, last_name, email, attributes, revision, created, updated, retired_since, retired_by, retired_strips, id, directory)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15, ?16, ?17, ?18, ?19)", &s, err);

	if (rc)
		return rc;
	us_assert(number > 0);
	bind_user(s, &k, image, revision, now_s);
	us_stmt_bind_int(s, 18, us_object_row(directory, number));
	us_stmt_bind_int(s, 19, directory);
	rc = us_stmt_run(s, NULL, err);
	scratch_fini(&k);
	return rc;
}

enum us_errc us_object_update_user(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision,
	const struct us_user_image *image, int64_t revision, int64_t now_s, struct us_err *err)
{
	struct scratch k = { .arena = US_ARENA_INIT };
	int64_t changed = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE usr SET ext_id = ?1, name_fold = ?2, hash = ?3, owned = ?4, active = ?5,"
		" missing_since = ?6, name = ?7, full_name = ?8, first_name = ?9, last_name = ?10, email = ?11, attributes = ?12,"
		" revision = ?13, updated = ?14, retired_since = ?15, retired_by = ?16, retired_strips = ?17 WHERE id = ?18 AND revision = ?19", &s, err);

	if (rc)
		return rc;
	bind_user(s, &k, image, revision, now_s);
	us_stmt_bind_int(s, 18, us_object_row(directory, number));
	us_stmt_bind_int(s, 19, expect_revision);
	rc = us_stmt_run(s, &changed, err);
	scratch_fini(&k);
	return rc || changed ? rc : conflict("user", directory, number, err);
}

enum us_errc us_object_park_user(struct us_dbc *c, int64_t directory, uint32_t number, struct us_err *err)
{
	int64_t changed;
	enum us_errc rc = run_once(c, "UPDATE usr SET name_fold = NULL WHERE id = ?1 AND directory = ?2", us_object_row(directory, number),
		directory, &changed, err);

	return rc || changed ? rc : conflict("user", directory, number, err);
}

/* ---- groups ---- */

/* ?1 … ?9 */
static void bind_group(struct us_stmt *s, struct scratch *k, const struct us_group_image *image, int64_t revision, int64_t now_s)
{
	us_hash_put(image->hash, k->hash);
	us_stmt_bind_slice(s, 1, image->group.id);
	us_stmt_bind_slice(s, 2, us_fold(&k->arena, image->group.name));
	us_stmt_bind_blob(s, 3, k->hash, sizeof k->hash);
	us_stmt_bind_int(s, 4, image->owned);
	us_stmt_bind_slice(s, 5, image->group.name);
	us_stmt_bind_slice(s, 6, image->group.description);
	us_stmt_bind_int(s, 7, revision);
	us_stmt_bind_int(s, 8, now_s);
	bind_attributes(s, 9, k, image->group.attributes, image->group.n_attributes);
}

enum us_errc us_object_insert_group(struct us_dbc *c, int64_t directory, uint32_t number, const struct us_group_image *image, int64_t revision,
	int64_t now_s, struct us_err *err)
{
	static const unsigned char no_members[US_HASH_BYTES]; /* the sum of no hashes */
	struct scratch k = { .arena = US_ARENA_INIT };
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO grp (ext_id, name_fold, hash, owned, name, description, revision, created, updated,"
		" attributes, id, directory, members_hash, n_members) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, 0)", &s, err);

	if (rc)
		return rc;
	us_assert(number > 0);
	bind_group(s, &k, image, revision, now_s);
	us_stmt_bind_int(s, 10, us_object_row(directory, number));
	us_stmt_bind_int(s, 11, directory);
	us_stmt_bind_blob(s, 12, no_members, sizeof no_members);
	rc = us_stmt_run(s, NULL, err);
	scratch_fini(&k);
	return rc;
}

enum us_errc us_object_update_group(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision,
	const struct us_group_image *image, int64_t revision, int64_t now_s, struct us_err *err)
{
	struct scratch k = { .arena = US_ARENA_INIT };
	int64_t changed = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE grp SET ext_id = ?1, name_fold = ?2, hash = ?3, owned = ?4, name = ?5, description = ?6,"
		" revision = ?7, updated = ?8, attributes = ?9 WHERE id = ?10 AND revision = ?11", &s, err);

	if (rc)
		return rc;
	bind_group(s, &k, image, revision, now_s);
	us_stmt_bind_int(s, 10, us_object_row(directory, number));
	us_stmt_bind_int(s, 11, expect_revision);
	rc = us_stmt_run(s, &changed, err);
	scratch_fini(&k);
	return rc || changed ? rc : conflict("group", directory, number, err);
}

enum us_errc us_object_park_group(struct us_dbc *c, int64_t directory, uint32_t number, struct us_err *err)
{
	int64_t changed;
	enum us_errc rc = run_once(c, "UPDATE grp SET name_fold = NULL WHERE id = ?1 AND directory = ?2", us_object_row(directory, number),
		directory, &changed, err);

	return rc || changed ? rc : conflict("group", directory, number, err);
}

/* ---- memberships ---- */

/* A difference in the owned direct members of one group. */
struct members {
	struct us_hash added, removed; /* sums */
	int64_t n;
};

static enum us_errc load_members_hash(struct us_dbc *c, int64_t directory, uint32_t group, struct us_hash *ret_sum, int64_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT members_hash, n_members FROM grp WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(directory, group));
	if ((rc = us_stmt_step(s, err)))
		return rc == US_END ? conflict("group", directory, group, err) : rc;
	struct us_slice stored = us_stmt_slice(s, 0);
	*ret_sum = us_hash_take(stored.p, stored.n);
	*ret_n = us_stmt_int(s, 1);
	us_stmt_reset(s);
	return US_OK;
}

static enum us_errc change_members(struct us_dbc *c, int64_t directory, uint32_t group, const struct members *m, struct us_err *err)
{
	unsigned char bytes[US_HASH_BYTES];
	struct us_hash sum;
	int64_t n;
	struct us_stmt *s;
	enum us_errc rc = load_members_hash(c, directory, group, &sum, &n, err);

	if (rc)
		return rc;
	sum = us_members_hash_remove(us_members_hash_add(sum, m->added), m->removed);
	us_hash_put(sum, bytes);
	if ((rc = us_db_prepare(c, "UPDATE grp SET members_hash = ?1, n_members = n_members + ?2 WHERE id = ?3", &s, err)))
		return rc;
	us_stmt_bind_blob(s, 1, bytes, sizeof bytes);
	us_stmt_bind_int(s, 2, m->n);
	us_stmt_bind_int(s, 3, us_object_row(directory, group));
	return us_stmt_run(s, NULL, err);
}

/* One kind of member: its table, and how it counts in the sum. */
struct links {
	const char *remove, *remove_local; /* ?1 directory, ?2 group, ?3 member */
	const char *remove_owned;          /* the first for all members */
	const char *add, *add_many;      /* and ?4 owned; the second with MANY members from ?5 on */
	struct us_hash (*hash_of)(uint32_t number);
};

enum { MANY = 16 };
#define MANY_ROWS \
	"(?1, ?2, ?5, ?4), (?1, ?2, ?6, ?4), (?1, ?2, ?7, ?4), (?1, ?2, ?8, ?4), (?1, ?2, ?9, ?4), (?1, ?2, ?10, ?4)," \
	"(?1, ?2, ?11, ?4), (?1, ?2, ?12, ?4), (?1, ?2, ?13, ?4), (?1, ?2, ?14, ?4), (?1, ?2, ?15, ?4), (?1, ?2, ?16, ?4)," \
	"(?1, ?2, ?17, ?4), (?1, ?2, ?18, ?4), (?1, ?2, ?19, ?4), (?1, ?2, ?20, ?4)"

static const struct links user_links = {
	.remove = "DELETE FROM membership WHERE directory = ?1 AND grp = ?2 AND usr = ?3 AND owned <> 0",
	.remove_local = "DELETE FROM membership WHERE directory = ?1 AND grp = ?2 AND usr = ?3 AND owned = 0",
	.remove_owned = "DELETE FROM membership WHERE directory = ?1 AND grp = ?2 AND owned <> 0",
	.add = "INSERT INTO membership (directory, grp, usr, owned) VALUES (?1, ?2, ?3, ?4)",
	.add_many = "INSERT INTO membership (directory, grp, usr, owned) VALUES " MANY_ROWS,
	.hash_of = us_members_hash_user,
};
static const struct links group_links = {
	.remove = "DELETE FROM subgroup WHERE directory = ?1 AND parent = ?2 AND child = ?3 AND owned <> 0",
	.remove_local = "DELETE FROM subgroup WHERE directory = ?1 AND parent = ?2 AND child = ?3 AND owned = 0",
	.remove_owned = "DELETE FROM subgroup WHERE directory = ?1 AND parent = ?2 AND owned <> 0",
	.add = "INSERT INTO subgroup (directory, parent, child, owned) VALUES (?1, ?2, ?3, ?4)",
	.add_many = "INSERT INTO subgroup (directory, parent, child, owned) VALUES " MANY_ROWS,
	.hash_of = us_members_hash_group,
};

/* *ret_owned: how many of them counted in the sum. */
static enum us_errc remove_links(struct us_dbc *c, const struct links *links, int64_t directory, uint32_t group, const uint32_t *numbers,
	uint32_t n, bool owned, struct us_hash *sum, int64_t *ret_owned, struct us_err *err)
{
	const char *const sql[2] = { links->remove, links->remove_local };
	const int ways = owned ? 1 : 2;
	struct us_stmt *s[2];
	enum us_errc rc;

	for (int way = 0; n && way < ways; way++) {
		if ((rc = us_db_prepare(c, sql[way], &s[way], err)))
			return rc;
		us_stmt_bind_int(s[way], 1, directory);
		us_stmt_bind_int(s[way], 2, group);
	}
	for (uint32_t i = 0; i < n; i++) {
		int64_t changed = 0;
		int way = -1;
		while (!changed && ++way < ways) {
			us_stmt_bind_int(s[way], 3, numbers[i]);
			if ((rc = us_stmt_run(s[way], &changed, err)))
				return rc;
		}
		if (!changed)
			return us_err_set(err, US_CONFLICT, "member %u of group %u of directory %lld is not there", numbers[i], group,
				(long long) directory);
		if (way == 0) {
			*sum = us_members_hash_add(*sum, links->hash_of(numbers[i]));
			++*ret_owned;
		}
	}
	return US_OK;
}

/* Many in one statement: half of the cost of a row of two numbers is that of its statement. */
static enum us_errc add_links(struct us_dbc *c, const struct links *links, int64_t directory, uint32_t group, const uint32_t *numbers,
	uint32_t n, bool owned, struct us_hash *sum, struct us_err *err)
{
	uint32_t i = 0;

	for (uint32_t each = MANY; each >= 1; each = each == MANY ? 1 : 0) {
		struct us_stmt *s;
		if (n - i < each)
			continue;
		enum us_errc rc = us_db_prepare(c, each == MANY ? links->add_many : links->add, &s, err);
		if (rc)
			return rc;
		us_stmt_bind_int(s, 1, directory);
		us_stmt_bind_int(s, 2, group);
		us_stmt_bind_int(s, 4, owned);
		for (; n - i >= each; i += each) {
			for (uint32_t k = 0; k < each; k++) {
				us_stmt_bind_int(s, each == MANY ? 5 + (int) k : 3, numbers[i + k]);
				*sum = us_members_hash_add(*sum, links->hash_of(numbers[i + k]));
			}
			if ((rc = us_stmt_run(s, NULL, err)))
				return rc;
		}
	}
	return US_OK;
}

enum { FEW = 4 }; /* up to which it does not pay to ask whether they are all */

/* Whether the members that go are all that the group owns; *ret_sum: of the group's. */
static enum us_errc are_all(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *d, bool *ret_are_all,
	struct us_hash *ret_sum, struct us_err *err)
{
	struct us_hash gone = US_HASH_ZERO;
	int64_t n;
	enum us_errc rc = load_members_hash(c, directory, group, ret_sum, &n, err);

	*ret_are_all = false;
	if (rc || n != (int64_t) d->n_removed_users + d->n_removed_groups)
		return rc;
	for (uint32_t i = 0; i < d->n_removed_users; i++)
		gone = us_members_hash_add(gone, us_members_hash_user(d->removed_users[i]));
	for (uint32_t i = 0; i < d->n_removed_groups; i++)
		gone = us_members_hash_add(gone, us_members_hash_group(d->removed_groups[i]));
	*ret_are_all = us_hash_is_equal(gone, *ret_sum);
	return US_OK;
}

/* All in one statement: most of the cost of a row of two numbers is that of its statement. */
static enum us_errc remove_all(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *d, struct us_hash sum,
	struct us_err *err)
{
	int64_t users = 0, groups = 0;
	enum us_errc rc;

	if ((rc = run_once(c, user_links.remove_owned, directory, group, &users, err)) ||
		(rc = run_once(c, group_links.remove_owned, directory, group, &groups, err)))
		return rc;
	if (users != d->n_removed_users || groups != d->n_removed_groups)
		return us_err_set(err, US_CONFLICT, "group %u of directory %lld has other members than it counts", group, (long long) directory);
	return change_members(c, directory, group, &(struct members) { .removed = sum, .n = -(users + groups) }, err);
}

enum us_errc us_object_remove_members(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *delta, bool owned,
	struct us_err *err)
{
	struct members m = { 0 };
	int64_t n_owned = 0;
	struct us_hash sum = US_HASH_ZERO;
	bool all = false;
	enum us_errc rc = owned && delta->n_removed_users > FEW ? are_all(c, directory, group, delta, &all, &sum, err) : US_OK;

	if (rc || all)
		return rc ? rc : remove_all(c, directory, group, delta, sum, err);

	if ((rc = remove_links(c, &user_links, directory, group, delta->removed_users, delta->n_removed_users, owned, &m.removed, &n_owned, err)) ||
		(rc = remove_links(c, &group_links, directory, group, delta->removed_groups, delta->n_removed_groups, owned, &m.removed, &n_owned, err)))
		return rc;
	m.n = -n_owned;
	return n_owned ? change_members(c, directory, group, &m, err) : US_OK;
}

enum us_errc us_object_add_members(struct us_dbc *c, int64_t directory, uint32_t group, const struct us_members_delta *delta, bool owned,
	struct us_err *err)
{
	struct members m = { .n = (int64_t) delta->n_added_users + delta->n_added_groups };
	enum us_errc rc;

	if (!m.n)
		return US_OK;
	if ((rc = add_links(c, &user_links, directory, group, delta->added_users, delta->n_added_users, owned, &m.added, err)) ||
		(rc = add_links(c, &group_links, directory, group, delta->added_groups, delta->n_added_groups, owned, &m.added, err)))
		return rc;
	return owned ? change_members(c, directory, group, &m, err) : US_OK;
}

/* ---- deletion ---- */

/* The groups that a member leaves with its end keep the sum of who is left. */
static enum us_errc leave_groups(struct us_dbc *c, int64_t directory, uint32_t number, bool is_group, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_member *groups;
	size_t n;
	struct members m = { .removed = is_group ? us_members_hash_group(number) : us_members_hash_user(number), .n = -1 };
	enum us_errc rc = is_group ? us_object_load_groups_of_group(c, &arena, directory, number, &groups, &n, err) :
		us_object_load_groups_of_user(c, &arena, directory, number, &groups, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		if (groups[i].owned)
			rc = change_members(c, directory, groups[i].number, &m, err);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc delete_links(struct us_dbc *c, const char *sql, int64_t directory, uint32_t number, struct us_directory_delta *counts,
	struct us_err *err)
{
	int64_t changed = 0;
	enum us_errc rc = run_once(c, sql, directory, number, &changed, err);

	counts->memberships -= changed;
	return rc;
}

enum us_errc us_object_delete_user(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision, struct us_err *err)
{
	struct us_directory_delta counts = { 0 };
	int64_t changed;
	enum us_errc rc = run_once(c, "DELETE FROM usr WHERE id = ?1 AND revision = ?2", us_object_row(directory, number), expect_revision,
		&changed, err);

	if (rc || !changed)
		return rc ? rc : conflict("user", directory, number, err);
	if ((rc = leave_groups(c, directory, number, false, err)) ||
		(rc = delete_links(c, "DELETE FROM membership WHERE directory = ?1 AND usr = ?2", directory, number, &counts, err)) ||
		(rc = us_credential_remove(c, directory, number, err)) || (rc = us_login_remove(c, directory, number, err)))
		return rc;
	return counts.memberships ? us_object_add_counts(c, directory, &counts, 0, 0, err) : US_OK;
}

enum us_errc us_object_delete_group(struct us_dbc *c, int64_t directory, uint32_t number, int64_t expect_revision, struct us_err *err)
{
	struct us_directory_delta counts = { 0 };
	int64_t changed;
	enum us_errc rc = run_once(c, "DELETE FROM grp WHERE id = ?1 AND revision = ?2", us_object_row(directory, number), expect_revision,
		&changed, err);

	if (rc || !changed)
		return rc ? rc : conflict("group", directory, number, err);
	/* A group that is its own member must not look for itself. */
	if ((rc = delete_links(c, "DELETE FROM subgroup WHERE directory = ?1 AND parent = ?2", directory, number, &counts, err)) ||
		(rc = leave_groups(c, directory, number, true, err)) ||
		(rc = delete_links(c, "DELETE FROM subgroup WHERE directory = ?1 AND child = ?2", directory, number, &counts, err)) ||
		(rc = delete_links(c, "DELETE FROM membership WHERE directory = ?1 AND grp = ?2", directory, number, &counts, err)))
		return rc;
	return counts.memberships ? us_object_add_counts(c, directory, &counts, 0, 0, err) : US_OK;
}

/* ---- large plans ---- */

/* Below these an index costs less to keep than to build. */
enum { BULK_USERS = 5000, BULK_MEMBERSHIPS = 50000 };

static enum us_errc load_sizes(struct us_dbc *c, int64_t *ret_users, int64_t *ret_memberships, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT sum(n_users), sum(n_memberships) FROM directory", &s, err);

	if (rc || (rc = us_stmt_step(s, err)))
		return rc;
	*ret_users = us_stmt_int(s, 0);
	*ret_memberships = us_stmt_int(s, 1);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_object_bulk_remove_begin(struct us_dbc *c, int64_t n_users, int64_t n_memberships, bool *ret_users, bool *ret_memberships,
	struct us_err *err)
{
	int64_t users = 0, memberships = 0;
	enum us_errc rc = load_sizes(c, &users, &memberships, err);

	if (rc)
		return rc;
	*ret_users = n_users >= BULK_USERS && n_users > users / 2;
	*ret_memberships = n_memberships >= BULK_MEMBERSHIPS && n_memberships > memberships / 2;
	if ((*ret_users && (rc = us_db_exec(c, US_SCHEMA_DROP_USER_INDEXES, err))) ||
		(*ret_memberships && (rc = us_db_exec(c, US_SCHEMA_DROP_MEMBER_INDEXES, err))))
		return rc;
	return US_OK;
}

enum us_errc us_object_bulk_remove_members_end(struct us_dbc *c, struct us_err *err) { return us_db_exec(c, US_SCHEMA_MEMBER_INDEXES, err); }

enum us_errc us_object_bulk_begin(struct us_dbc *c, int64_t n_users, int64_t n_memberships, bool *ret_is_bulk, struct us_err *err)
{
	int64_t users = 0, memberships = 0;
	enum us_errc rc = load_sizes(c, &users, &memberships, err);

	if (rc)
		return rc;
	bool drop_users = n_users >= BULK_USERS && n_users > users;
	bool drop_members = n_memberships >= BULK_MEMBERSHIPS && n_memberships > memberships;
	if ((drop_users && (rc = us_db_exec(c, US_SCHEMA_DROP_USER_INDEXES, err))) ||
		(drop_members && (rc = us_db_exec(c, US_SCHEMA_DROP_MEMBER_INDEXES, err))))
		return rc;
	*ret_is_bulk = drop_users || drop_members;
	return US_OK;
}

enum us_errc us_object_bulk_end(struct us_dbc *c, struct us_err *err)
{
	return us_db_exec(c, US_SCHEMA_USER_INDEXES ";" US_SCHEMA_MEMBER_INDEXES, err);
}

enum us_errc us_object_add_counts(struct us_dbc *c, int64_t directory, const struct us_directory_delta *delta, uint32_t next_user,
	uint32_t next_group, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c, "UPDATE directory SET n_users = n_users + ?1, n_active_users = n_active_users + ?2,"
		" n_groups = n_groups + ?3, n_memberships = n_memberships + ?4,"
		" next_user = CASE WHEN next_user < ?5 THEN ?5 ELSE next_user END,"
		" next_group = CASE WHEN next_group < ?6 THEN ?6 ELSE next_group END WHERE id = ?7", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, delta->users);
	us_stmt_bind_int(s, 2, delta->active_users);
	us_stmt_bind_int(s, 3, delta->groups);
	us_stmt_bind_int(s, 4, delta->memberships);
	us_stmt_bind_int(s, 5, next_user);
	us_stmt_bind_int(s, 6, next_group);
	us_stmt_bind_int(s, 7, directory);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	return changed ? US_OK : us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) directory);
}
