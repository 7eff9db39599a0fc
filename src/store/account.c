#include "store/account.h"

#include <stdatomic.h>

#include "base/fold.h"
#include "store/row.h"

static const char *const roles[] = {
	[US_ROLE_MONITOR] = "monitor",
	[US_ROLE_OPERATOR] = "operator",
	[US_ROLE_ADMIN] = "admin",
};

const char *us_role_text(enum us_role role) { return roles[role]; }

bool us_role_parse(struct us_slice text, enum us_role *ret_role)
{
	for (size_t i = 0; i < US_ROLE_COUNT; i++)
		if (us_slice_is(text, roles[i])) {
			*ret_role = (enum us_role) i;
			return true;
		}
	return false;
}

/* Raised after the commit: a cache that read before it must not take the old row for the new one. */
static _Atomic uint64_t generation = 1;

static void raise_generation(void) { atomic_fetch_add(&generation, 1); }
uint64_t us_account_generation(void) { return atomic_load(&generation); }

/* ---- accounts ---- */

#define COLUMNS "name, role, password_hash, created, updated"

static enum us_errc take(struct us_stmt *s, struct us_arena *arena, struct us_account *a, struct us_err *err)
{
	*a = (struct us_account) {
		.name = us_row_text(s, 0, arena),
		.password_hash = us_row_text(s, 2, arena),
		.created = us_stmt_int(s, 3),
		.updated = us_stmt_int(s, 4),
	};
	if (!us_role_parse(us_stmt_slice(s, 1), &a->role))
		return us_err_set(err, US_INTERNAL, "an account has an unknown role");
	return US_OK;
}

static enum us_errc unknown(struct us_slice name, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no account \"%.*s\"", name.n > 100 ? 100 : (int) name.n, name.p ? name.p : "");
}

enum us_errc us_account_find(struct us_dbc *c, struct us_arena *arena, struct us_slice name, struct us_account *ret_account, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM account WHERE name_fold = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_fold(arena, name));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return unknown(name, err);
	if (!rc)
		rc = take(s, arena, ret_account, err);
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_account_list(struct us_dbc *c, struct us_arena *arena, struct us_account **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_account *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM account ORDER BY name_fold", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(s, arena, &list[n], err)))
			break;
		n++;
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static enum us_errc insert(struct us_dbc *c, struct us_slice name, struct us_slice fold, enum us_role role, const char *password_hash,
	int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO account (name_fold, name, role, password_hash, created, updated)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (name_fold) DO NOTHING", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	us_stmt_bind_slice(s, 2, name);
	us_stmt_bind_slice(s, 3, us_slice(us_role_text(role)));
	us_stmt_bind_slice(s, 4, us_slice(password_hash));
	us_stmt_bind_int(s, 5, now_s);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	if (!changed)
		return us_err_set(err, US_CONFLICT, "there is an account \"" US_SLICE_FMT "\" already", US_SLICE_ARG(name));
	us_db_after_commit(c, raise_generation);
	return US_OK;
}

enum us_errc us_account_add(struct us_dbc *c, struct us_slice name, enum us_role role, const char *password_hash, int64_t now_s,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = insert(c, name, us_fold(&arena, name), role, password_hash, now_s, err);

	us_arena_fini(&arena);
	return rc;
}

/* US_CONFLICT if nobody else is an admin. */
static enum us_errc check_other_admin(struct us_dbc *c, struct us_slice fold, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT count(*) FROM account WHERE role = 'admin' AND name_fold <> ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	if ((rc = us_stmt_step(s, err)))
		return rc;
	int64_t others = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return others ? US_OK : us_err_set(err, US_CONFLICT, "the last admin must stay one");
}

static enum us_errc update(struct us_dbc *c, struct us_slice fold, enum us_role role, const char *password_hash, int64_t now_s,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE account SET role = ?1, password_hash = ?2, updated = ?3 WHERE name_fold = ?4", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_role_text(role)));
	us_stmt_bind_slice(s, 2, us_slice(password_hash));
	us_stmt_bind_int(s, 3, now_s);
	us_stmt_bind_slice(s, 4, fold);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	us_db_after_commit(c, raise_generation);
	return US_OK;
}

enum us_errc us_account_change(struct us_dbc *c, struct us_slice name, enum us_role role, const char *password_hash, int64_t now_s,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice fold = us_fold(&arena, name);
	struct us_account old;
	enum us_errc rc = us_account_find(c, &arena, name, &old, err);

	if (!rc && role == US_ROLE_COUNT)
		role = old.role;
	if (!rc && old.role == US_ROLE_ADMIN && role != US_ROLE_ADMIN)
		rc = check_other_admin(c, fold, err);
	if (!rc)
		rc = update(c, fold, role, password_hash ? password_hash : old.password_hash.p, now_s, err);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc erase(struct us_dbc *c, struct us_slice fold, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM account WHERE name_fold = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	us_db_after_commit(c, raise_generation);
	return US_OK;
}

enum us_errc us_account_remove(struct us_dbc *c, struct us_slice name, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice fold = us_fold(&arena, name);
	struct us_account old;
	enum us_errc rc = us_account_find(c, &arena, name, &old, err);

	if (!rc && old.role == US_ROLE_ADMIN)
		rc = check_other_admin(c, fold, err);
	if (!rc)
		rc = erase(c, fold, err);
	us_arena_fini(&arena);
	return rc;
}

/* ---- tokens ---- */

#define TOKEN_COLUMNS "id, name, role, created, expires"

static enum us_errc take_token(struct us_stmt *s, struct us_arena *arena, struct us_token *t, struct us_err *err)
{
	*t = (struct us_token) {
		.id = us_stmt_int(s, 0),
		.name = us_row_text(s, 1, arena),
		.created = us_stmt_int(s, 3),
		.expires = us_stmt_int(s, 4),
	};
	if (!us_role_parse(us_stmt_slice(s, 2), &t->role))
		return us_err_set(err, US_INTERNAL, "token %lld has an unknown role", (long long) t->id);
	return US_OK;
}

enum us_errc us_token_add(struct us_dbc *c, struct us_slice name, enum us_role role, const char sha256[65], int64_t expires, int64_t now_s,
	int64_t *ret_id, struct us_err *err)
{
	int64_t id;
	struct us_stmt *s;
	enum us_errc rc = us_row_next_id(c, "token", &id, err);

	if (rc || (rc = us_db_prepare(c, "INSERT INTO token (id, sha256, name, role, expires, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &s,
			err)))
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, us_slice(sha256));
	us_stmt_bind_slice(s, 3, name);
	us_stmt_bind_slice(s, 4, us_slice(us_role_text(role)));
	us_stmt_bind_int(s, 5, expires);
	us_stmt_bind_int(s, 6, now_s);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	us_db_after_commit(c, raise_generation);
	*ret_id = id;
	return US_OK;
}

enum us_errc us_token_find(struct us_dbc *c, struct us_arena *arena, const char sha256[65], struct us_token *ret_token, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " TOKEN_COLUMNS " FROM token WHERE sha256 = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(sha256));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "there is no such token");
	if (!rc)
		rc = take_token(s, arena, ret_token, err);
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_token_list(struct us_dbc *c, struct us_arena *arena, struct us_token **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_token *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " TOKEN_COLUMNS " FROM token ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take_token(s, arena, &list[n], err)))
			break;
		n++;
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_token_remove(struct us_dbc *c, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM token WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	if (!changed)
		return us_err_set(err, US_NOT_FOUND, "there is no token %lld", (long long) id);
	us_db_after_commit(c, raise_generation);
	return US_OK;
}
