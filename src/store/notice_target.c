#include "store/notice_target.h"

#include "base/fold.h"
#include "model/notice_options.h"
#include "store/row.h"

#define COLUMNS "id, name, kind, enabled, configuration, created, updated"

static struct us_sealed sealed_of(
	const struct us_store *store, struct us_arena *arena, struct us_slice kind, int64_t id)
{
	const struct us_type *type = us_type_find(us_notice_kinds, kind);

	return (struct us_sealed) { &store->key, { type ? type->options : NULL, us_notice_options },
		us_arena_printf(arena, "notice/%lld", (long long)id) };
}

static enum us_errc take(const struct us_store *store, struct us_stmt *s, struct us_arena *arena,
	enum us_secrets secrets, struct us_notice_target *ret_target, const struct us_json **ret_stored,
	struct us_err *err)
{
	struct us_notice_target t = { .id = us_stmt_int(s, 0),
		.name = us_row_text(s, 1, arena),
		.kind = us_row_text(s, 2, arena),
		.enabled = us_stmt_int(s, 3) != 0,
		.created = us_stmt_int(s, 5),
		.updated = us_stmt_int(s, 6) };
	struct us_sealed sealed = sealed_of(store, arena, t.kind, t.id);
	const struct us_json *stored;
	enum us_errc rc = us_json_parse(
		arena, us_stmt_slice(s, 4), (struct us_json_limits) { 4 << 20, 32, 100000 }, &stored, err);

	if (!rc && stored->type != US_JSON_OBJECT)
		rc = us_err_set(err, US_INTERNAL, "its configuration is no object");
	if (!rc)
		rc = us_sealed_read(&sealed, arena, secrets, stored, &t.configuration, err);
	if (rc)
		return us_err_prefix(err, "notice target \"" US_SLICE_FMT "\"", US_SLICE_ARG(t.name)), rc;
	*ret_target = t;
	if (ret_stored)
		*ret_stored = stored;
	return US_OK;
}

static enum us_errc find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t id,
	enum us_secrets secrets, struct us_notice_target *ret_target, const struct us_json **ret_stored,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM notice_target WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = take(store, s, arena, secrets, ret_target, ret_stored, err);
	us_stmt_reset(s);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "there is no notice target %lld", (long long)id) : rc;
}

enum us_errc us_notice_target_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena,
	int64_t id, enum us_secrets secrets, struct us_notice_target *ret_target, struct us_err *err)
{
	return find(store, c, arena, id, secrets, ret_target, NULL, err);
}

enum us_errc us_notice_target_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena,
	enum us_secrets secrets, struct us_notice_target **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_notice_target *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM notice_target ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(store, s, arena, secrets, &list[n], NULL, err)))
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

static enum us_errc check_name(
	struct us_dbc *c, struct us_slice name, struct us_slice fold, int64_t self, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc =
		us_db_prepare(c, "SELECT id FROM notice_target WHERE name_fold = ?1 AND id <> ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	us_stmt_bind_int(s, 2, self);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (!rc)
		return us_err_set(
			err, US_CONFLICT, "there is a notice target \"" US_SLICE_FMT "\" already", US_SLICE_ARG(name));
	return rc == US_END ? US_OK : rc;
}

static enum us_errc insert(const struct us_store *store, struct us_dbc *c, struct us_arena *arena,
	const struct us_notice_target *t, struct us_str *text, int64_t *ret_id, struct us_err *err)
{
	struct us_slice fold = us_fold(arena, t->name);
	int64_t id;
	struct us_stmt *s;
	enum us_errc rc = check_name(c, t->name, fold, 0, err);

	if (rc || (rc = us_row_next_id(c, "notice_target", &id, err)))
		return rc;
	struct us_sealed sealed = sealed_of(store, arena, t->kind, id);
	if ((rc = us_sealed_write(&sealed, arena, t->configuration, NULL, text, err)) ||
		(rc = us_db_prepare(c,
			 "INSERT INTO notice_target (id, name_fold, name, kind, enabled, configuration, created, updated)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
			 &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, fold);
	us_stmt_bind_slice(s, 3, t->name);
	us_stmt_bind_slice(s, 4, t->kind);
	us_stmt_bind_int(s, 5, t->enabled);
	us_stmt_bind_slice(s, 6, us_str_slice(text));
	us_stmt_bind_int(s, 7, t->created);
	if (!(rc = us_stmt_run(s, NULL, err)))
		*ret_id = id;
	return rc;
}

enum us_errc us_notice_target_create(const struct us_store *store, struct us_dbc *c, struct us_slice name,
	struct us_slice kind, const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id,
	struct us_err *err)
{
	struct us_notice_target t = {
		.name = name, .kind = kind, .configuration = configuration, .enabled = enabled, .created = now_s
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	enum us_errc rc = insert(store, c, &arena, &t, &text, ret_id, err);

	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc update(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t id,
	const struct us_notice_target *new, struct us_str *text, struct us_err *err)
{
	struct us_notice_target old;
	const struct us_json *stored;
	struct us_stmt *s;
	enum us_errc rc = find(store, c, arena, id, US_SECRETS_HIDDEN, &old, &stored, err);

	if (rc)
		return rc;
	struct us_slice name = new->name.p ? new->name : old.name, fold = us_fold(arena, name);
	struct us_sealed sealed = sealed_of(store, arena, old.kind, id);
	if ((rc = check_name(c, name, fold, id, err)) ||
		(rc = us_sealed_write(&sealed, arena, new->configuration, stored, text, err)) ||
		(rc = us_db_prepare(c,
			 "UPDATE notice_target SET name_fold = ?1, name = ?2, enabled = ?3, configuration = ?4, updated "
			 "= ?5 WHERE id = ?6",
			 &s, err)))
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	us_stmt_bind_slice(s, 2, name);
	us_stmt_bind_int(s, 3, new->enabled);
	us_stmt_bind_slice(s, 4, us_str_slice(text));
	us_stmt_bind_int(s, 5, new->updated);
	us_stmt_bind_int(s, 6, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_notice_target_save(const struct us_store *store, struct us_dbc *c, int64_t id,
	struct us_slice name, const struct us_json *configuration, bool enabled, int64_t now_s,
	struct us_err *err)
{
	struct us_notice_target new = {
		.name = name, .configuration = configuration, .enabled = enabled, .updated = now_s
	};
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	enum us_errc rc = update(store, c, &arena, id, &new, &text, err);

	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_notice_target_disable(struct us_dbc *c, int64_t id, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc =
		us_db_prepare(c, "UPDATE notice_target SET enabled = 0, updated = ?1 WHERE id = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, now_s);
	us_stmt_bind_int(s, 2, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_notice_target_delete(struct us_dbc *c, int64_t id, struct us_err *err)
{
	static const char *const statements[] = { "DELETE FROM notice_delivery WHERE target = ?1",
		"DELETE FROM notice_quiet WHERE target = ?1", "DELETE FROM notice_target WHERE id = ?1" };
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
	return changed ? US_OK : us_err_set(err, US_NOT_FOUND, "there is no notice target %lld", (long long)id);
}
