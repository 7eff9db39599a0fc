#include "store/application.h"

#include <stdatomic.h>

#include "base/fold.h"
#include "store/row.h"

static const char *const rights[US_RIGHT_COUNT] = { "read", "write", "authenticate" };

const char *us_right_text(unsigned right)
{
	for (unsigned i = 0; i < US_RIGHT_COUNT; i++)
		if (right == 1u << i)
			return rights[i];
	us_assert(!"one right");
}

bool us_right_parse(struct us_slice text, unsigned *ret_right)
{
	for (unsigned i = 0; i < US_RIGHT_COUNT; i++)
		if (us_slice_is(text, rights[i])) {
			*ret_right = 1u << i;
			return true;
		}
	return false;
}

/* Raised after the commit: a cache that read before it must not take the old row for the new one. */
static _Atomic uint64_t generation = 1;

static void raise_generation(void) { atomic_fetch_add(&generation, 1); }
uint64_t us_application_generation(void) { return atomic_load(&generation); }

/* ---- reading ---- */

#define COLUMNS "id, name, password_hash, token_sha256 IS NOT NULL, rights, addresses, created, updated, last_used"

static void take(struct us_stmt *s, struct us_arena *arena, struct us_application *a)
{
	*a = (struct us_application) {
		.id = us_stmt_int(s, 0),
		.name = us_row_text(s, 1, arena),
		.password_hash = us_row_text(s, 2, arena),
		.has_token = us_stmt_int(s, 3) != 0,
		.rights = (unsigned) us_stmt_int(s, 4),
		.addresses = us_row_text(s, 5, arena),
		.created = us_stmt_int(s, 6),
		.updated = us_stmt_int(s, 7),
		.last_used = us_stmt_int(s, 8),
	};
}

static enum us_errc load_directories(struct us_dbc *c, struct us_arena *arena, struct us_application *a, struct us_err *err)
{
	int64_t *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT coalesce(o.directory, a.directory) FROM application_directory a"
		" LEFT JOIN connector o ON o.uuid = a.connector WHERE a.application = ?1 ORDER BY a.place", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, a->id);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = us_stmt_int(s, 0);
	}
	a->directories = list;
	a->n_directories = n;
	return rc == US_END ? US_OK : rc;
}

/* The one row that s gives. */
static enum us_errc take_one(struct us_dbc *c, struct us_stmt *s, struct us_arena *arena, struct us_application *ret_application,
	struct us_err *err)
{
	struct us_application a;
	enum us_errc rc = us_stmt_step(s, err);

	if (rc)
		return rc;
	take(s, arena, &a);
	us_stmt_reset(s);
	rc = load_directories(c, arena, &a, err);
	if (!rc)
		*ret_application = a;
	return rc;
}

enum us_errc us_application_find(struct us_dbc *c, struct us_arena *arena, struct us_slice name, struct us_application *ret_application,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM application WHERE name_fold = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_fold(arena, name));
	rc = take_one(c, s, arena, ret_application, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "there is no application \"%.*s\"", name.n > 100 ? 100 : (int) name.n, name.p ? name.p : "");
	return rc;
}

enum us_errc us_application_find_token(struct us_dbc *c, struct us_arena *arena, const char sha256[65], struct us_application *ret_application,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM application WHERE token_sha256 = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(sha256));
	rc = take_one(c, s, arena, ret_application, err);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "there is no such token") : rc;
}

enum us_errc us_application_list(struct us_dbc *c, struct us_arena *arena, struct us_application **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_application *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM application ORDER BY name_fold", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		take(s, arena, &list[n++]);
	}
	rc = rc == US_END ? US_OK : rc;
	for (size_t i = 0; i < n && !rc; i++)
		rc = load_directories(c, arena, &list[i], err);
	if (rc)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

/* ---- writing ---- */

static enum us_errc add_directory(struct us_dbc *c, int64_t id, int64_t place, int64_t directory, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO application_directory (application, place, directory, connector)"
		" VALUES (?1, ?2, ?3, (SELECT uuid FROM connector WHERE directory = ?3))", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, place);
	us_stmt_bind_int(s, 3, directory);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc check_directory(struct us_dbc *c, int64_t directory, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM directory WHERE id = ?1 UNION ALL SELECT 1 FROM connector WHERE directory = ?1 LIMIT 1", &s,
		err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	return rc == US_END ? us_err_set(err, US_CONFIG, "there is no directory %lld", (long long) directory) : rc;
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

static enum us_errc put_directories(struct us_dbc *c, int64_t id, const struct us_application *a, int64_t *ret_unknown, struct us_err *err)
{
	enum us_errc rc = run_with_id(c, "DELETE FROM application_directory WHERE application = ?1", id, NULL, err);

	for (size_t i = 0; i < a->n_directories && !rc; i++) {
		*ret_unknown = a->directories[i];
		rc = check_directory(c, a->directories[i], err);
		if (!rc)
			rc = add_directory(c, id, (int64_t) i, a->directories[i], err);
	}
	return rc;
}

static enum us_errc taken(struct us_slice name, struct us_err *err)
{
	return us_err_set(err, US_CONFLICT, "there is an application \"" US_SLICE_FMT "\" already", US_SLICE_ARG(name));
}

static enum us_errc put(struct us_dbc *c, const char *sql, const struct us_application *a, int64_t id, int64_t now_s, int64_t *ret_changed,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, us_fold(&arena, a->name));
	us_stmt_bind_slice(s, 3, a->name);
	us_stmt_bind_slice(s, 4, a->password_hash);
	us_stmt_bind_int(s, 5, a->rights);
	us_stmt_bind_slice(s, 6, a->addresses.p ? a->addresses : US_SLICE(""));
	us_stmt_bind_int(s, 7, now_s);
	rc = us_stmt_run(s, ret_changed, err);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_application_add(struct us_dbc *c, const struct us_application *application, int64_t now_s, int64_t *ret_id,
	int64_t *ret_unknown, struct us_err *err)
{
	int64_t id, changed;
	enum us_errc rc = us_row_next_id(c, "application", &id, err);

	if (!rc)
		rc = put(c, "INSERT INTO application (id, name_fold, name, password_hash, rights, addresses, created, updated, last_used)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0) ON CONFLICT (name_fold) DO NOTHING", application, id, now_s, &changed, err);
	if (rc)
		return rc;
	if (!changed)
		return taken(application->name, err);
	if ((rc = put_directories(c, id, application, ret_unknown, err)))
		return rc;
	us_db_after_commit(c, raise_generation);
	*ret_id = id;
	return US_OK;
}

/* US_CONFLICT if another application has the name. */
static enum us_errc check_name(struct us_dbc *c, const struct us_application *a, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM application WHERE name_fold = ?1 AND id <> ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_fold(&arena, a->name));
	us_stmt_bind_int(s, 2, a->id);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	us_arena_fini(&arena);
	return rc == US_END ? US_OK : rc ? rc : taken(a->name, err);
}

enum us_errc us_application_save(struct us_dbc *c, const struct us_application *application, int64_t now_s, int64_t *ret_unknown,
	struct us_err *err)
{
	int64_t changed;
	enum us_errc rc = check_name(c, application, err);

	if (!rc)
		rc = put(c, "UPDATE application SET name_fold = ?2, name = ?3, password_hash = ?4, rights = ?5, addresses = ?6, updated = ?7"
			" WHERE id = ?1", application, application->id, now_s, &changed, err);
	if (rc)
		return rc;
	if (!changed)
		return us_err_set(err, US_NOT_FOUND, "there is no application %lld", (long long) application->id);
	if ((rc = put_directories(c, application->id, application, ret_unknown, err)))
		return rc;
	us_db_after_commit(c, raise_generation);
	return US_OK;
}

enum us_errc us_application_set_token(struct us_dbc *c, int64_t id, const char *sha256, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "UPDATE application SET token_sha256 = ?2, updated = ?3 WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, sha256 ? us_slice(sha256) : US_SLICE_NONE);
	us_stmt_bind_int(s, 3, now_s);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	if (!changed)
		return us_err_set(err, US_NOT_FOUND, "there is no application %lld", (long long) id);
	us_db_after_commit(c, raise_generation);
	return US_OK;
}

enum us_errc us_application_remove(struct us_dbc *c, struct us_slice name, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_application a;
	enum us_errc rc = us_application_find(c, &arena, name, &a, err);

	if (!rc)
		rc = run_with_id(c, "DELETE FROM application_directory WHERE application = ?1", a.id, NULL, err);
	if (!rc)
		rc = run_with_id(c, "DELETE FROM hook WHERE application = ?1", a.id, NULL, err);
	if (!rc)
		rc = run_with_id(c, "DELETE FROM application WHERE id = ?1", a.id, NULL, err);
	if (!rc)
		us_db_after_commit(c, raise_generation);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_application_forget_connector(struct us_dbc *c, int64_t connector, struct us_err *err)
{
	return run_with_id(c, "UPDATE application_directory SET directory = (SELECT directory FROM connector WHERE id = ?1), connector = NULL"
		" WHERE connector = (SELECT uuid FROM connector WHERE id = ?1)", connector, NULL, err);
}

enum us_errc us_application_note_used(struct us_dbc *c, int64_t id, int64_t at_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE application SET last_used = ?2 WHERE id = ?1 AND last_used < ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, at_s);
	return us_stmt_run(s, NULL, err);
}
