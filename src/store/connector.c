#include "store/connector.h"

#include "base/fold.h"
#include "store/application.h"
#include "store/directory.h"
#include "store/notice.h"
#include "store/row.h"

#define COLUMNS "id, uuid, name, type, directory, enabled, configuration, applied_scope, created, updated"

/* As the configuration came in, and its secrets a third longer. */
#define CONFIGURATION_LIMITS ((struct us_json_limits) { 8 << 20, 40, 400000 })

/* Whose secrets they are, and which they are. */
static struct us_sealed sealed_of(const struct us_store *store, struct us_arena *arena, struct us_slice type, struct us_slice uuid)
{
	const struct us_type *t = us_type_find(store->types, type);

	return (struct us_sealed) { &store->key, { t ? t->options : NULL, store->sync_options },
		us_arena_printf(arena, "connector/" US_SLICE_FMT, US_SLICE_ARG(uuid)) };
}

enum us_errc us_connector_fill_secrets(const struct us_store *store, struct us_arena *arena, const struct us_connector *connector,
	const struct us_json *configuration, const struct us_json **ret_filled, struct us_err *err)
{
	struct us_sealed sealed = sealed_of(store, arena, connector->type, connector->uuid);
	struct us_json *filled = us_arena_alloc(arena, sizeof *filled);
	size_t n = configuration->object.n;

	*filled = *configuration;
	filled->object.members = us_arena_array(arena, n, sizeof *filled->object.members);
	for (size_t i = 0; i < n; i++) {
		struct us_json_member *m = &filled->object.members[i];
		*m = configuration->object.members[i];
		if (m->value.type != US_JSON_STRING || !us_slice_is(m->value.string, US_OPTION_HIDDEN) || !us_sealed_is_secret(&sealed, m->key))
			continue;
		const struct us_json *old = us_json_find(connector->configuration, m->key.p);
		if (!old || old->type != US_JSON_STRING)
			return us_err_set(err, US_CONFIG, US_SLICE_FMT ": \"" US_OPTION_HIDDEN "\" stands for the stored secret, and none is stored", US_SLICE_ARG(m->key));
		m->value = *old;
	}
	*ret_filled = filled;
	return US_OK;
}

/* ---- reading ---- */

static enum us_errc take_stored(struct us_stmt *s, struct us_arena *arena, struct us_connector *k, const struct us_json **ret_stored,
	struct us_err *err)
{
	*k = (struct us_connector) {
		.id = us_stmt_int(s, 0),
		.uuid = us_row_text(s, 1, arena),
		.name = us_row_text(s, 2, arena),
		.type = us_row_text(s, 3, arena),
		.directory = us_stmt_int(s, 4),
		.enabled = us_stmt_int(s, 5) != 0,
		.applied_scope = us_row_text(s, 7, arena),
		.created = us_stmt_int(s, 8),
		.updated = us_stmt_int(s, 9),
	};
	enum us_errc rc = us_json_parse(arena, us_stmt_slice(s, 6), CONFIGURATION_LIMITS, ret_stored, err);
	if (!rc && (*ret_stored)->type != US_JSON_OBJECT)
		rc = us_err_set(err, US_INTERNAL, "its configuration is no object");
	if (rc)
		us_err_prefix(err, "connector %lld", (long long) k->id);
	return rc;
}

static enum us_errc take(const struct us_store *store, struct us_stmt *s, struct us_arena *arena, enum us_secrets secrets,
	struct us_connector *ret_connector, struct us_err *err)
{
	const struct us_json *stored;
	struct us_connector k;
	enum us_errc rc = take_stored(s, arena, &k, &stored, err);

	if (rc)
		return rc;
	struct us_sealed sealed = sealed_of(store, arena, k.type, k.uuid);
	if ((rc = us_sealed_read(&sealed, arena, secrets, stored, &k.configuration, err)))
		return us_err_prefix(err, "connector \"" US_SLICE_FMT "\"", US_SLICE_ARG(k.name)), rc;
	*ret_connector = k;
	return US_OK;
}

/* By number or by UUID; sql with ?1 for either. US_NOT_FOUND if it is neither; *ret_stmt stands before its first row. */
static enum us_errc prepare_find(struct us_dbc *c, struct us_slice key, const char *by_id, const char *by_uuid, char uuid[US_UUID_BYTES],
	struct us_stmt **ret_stmt, struct us_err *err)
{
	int64_t id;
	bool is_number = us_slice_to_int(key, &id);

	if (!is_number && key.n != US_UUID_BYTES - 1)
		return US_NOT_FOUND;
	enum us_errc rc = us_db_prepare(c, is_number ? by_id : by_uuid, ret_stmt, err);
	if (rc)
		return rc;
	if (is_number) {
		us_stmt_bind_int(*ret_stmt, 1, id);
	} else {
		for (size_t i = 0; i < key.n; i++)
			uuid[i] = key.p[i] >= 'A' && key.p[i] <= 'Z' ? (char) (key.p[i] + 32) : key.p[i];
		us_stmt_bind_slice(*ret_stmt, 1, (struct us_slice) { uuid, key.n });
	}
	return US_OK;
}

static enum us_errc unknown(struct us_slice key, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no connector \"%.*s\"", key.n > 100 ? 100 : (int) key.n, key.p ? key.p : "");
}

enum us_errc us_connector_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_slice key,
	enum us_secrets secrets, struct us_connector *ret_connector, struct us_err *err)
{
	char uuid[US_UUID_BYTES];
	struct us_stmt *s;
	enum us_errc rc = prepare_find(c, key, "SELECT " COLUMNS " FROM connector WHERE id = ?1", "SELECT " COLUMNS " FROM connector WHERE uuid = ?1",
		uuid, &s, err);

	if (rc)
		return rc == US_NOT_FOUND ? unknown(key, err) : rc;
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = take(store, s, arena, secrets, ret_connector, err);
	us_stmt_reset(s);
	return rc == US_END ? unknown(key, err) : rc;
}

enum us_errc us_connector_find_id(struct us_dbc *c, struct us_slice key, int64_t *ret_id, struct us_err *err)
{
	char uuid[US_UUID_BYTES];
	struct us_stmt *s;
	enum us_errc rc = prepare_find(c, key, "SELECT id FROM connector WHERE id = ?1", "SELECT id FROM connector WHERE uuid = ?1", uuid, &s, err);

	if (rc)
		return rc == US_NOT_FOUND ? unknown(key, err) : rc;
	rc = us_stmt_step(s, err);
	if (!rc)
		*ret_id = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc == US_END ? unknown(key, err) : rc;
}

enum us_errc us_connector_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, enum us_secrets secrets,
	struct us_connector **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_connector *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM connector ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(store, s, arena, secrets, &list[n], err)))
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

/* ---- writing ---- */

/* US_CONFLICT if another connector than id has the name. */
static enum us_errc check_name(struct us_dbc *c, struct us_slice name, struct us_slice fold, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT id FROM connector WHERE name_fold = ?1 AND id <> ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	us_stmt_bind_int(s, 2, id);
	rc = us_stmt_step(s, err);
	us_stmt_reset(s);
	if (rc == US_END)
		return US_OK;
	return rc ? rc : us_err_set(err, US_CONFLICT, "another connector is named \"" US_SLICE_FMT "\"", US_SLICE_ARG(name));
}

enum us_errc us_connector_find_directory(const struct us_store *store, struct us_dbc *c, struct us_slice key, int64_t *ret_directory,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_directory directory;
	struct us_stmt *s;
	int64_t id = 0;
	enum us_errc rc;

	if (us_slice_to_int(key, &id)) {
		rc = us_directory_load(c, &arena, id, &directory, err);
	} else if (!(rc = us_db_prepare(c, "SELECT directory, type FROM connector WHERE uuid = ?1 OR name_fold = ?1", &s, err))) {
		us_stmt_bind_slice(s, 1, us_fold(&arena, key));
		rc = us_stmt_step(s, err);
		const struct us_type *type = rc ? NULL : us_type_find(store->types, us_stmt_slice(s, 1));
		id = rc ? 0 : us_stmt_int(s, 0);
		us_stmt_reset(s);
		if (rc == US_END || (type && type->directory_option))
			rc = us_err_set(err, US_NOT_FOUND, "there is no directory and no connector with a directory of its own \"%.*s\"",
				key.n > 100 ? 100 : (int) key.n, key.p ? key.p : "");
	}
	us_arena_fini(&arena);
	if (!rc)
		*ret_directory = id;
	return rc;
}

/* The directory that a new connector gets, or the one that it works on. */
static enum us_errc give_directory(const struct us_store *store, struct us_dbc *c, struct us_slice uuid, struct us_slice name, struct us_slice type,
	const struct us_json *configuration, int64_t now_s, int64_t *ret_directory, struct us_err *err)
{
	const struct us_type *t = us_type_find(store->types, type);
	enum us_errc rc;

	if (!t || !t->directory_option)
		return us_directory_create(c, name, uuid, now_s, ret_directory, err);
	rc = us_connector_find_directory(store, c, us_json_string(configuration, t->directory_option), ret_directory, err);
	if (rc == US_NOT_FOUND) {
		us_err_prefix(err, "%s", t->directory_option);
		rc = err->code = US_CONFIG;
	}
	return rc;
}

static enum us_errc insert(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_slice uuid, struct us_slice name,
	struct us_slice type, const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id, struct us_str *text,
	struct us_err *err)
{
	struct us_slice fold = us_fold(arena, name);
	int64_t id, directory;
	struct us_stmt *s;
	enum us_errc rc;

	struct us_sealed sealed = sealed_of(store, arena, type, uuid);
	if ((rc = check_name(c, name, fold, 0, err)) ||
		(rc = us_sealed_write(&sealed, arena, configuration, NULL, text, err)) ||
		(rc = give_directory(store, c, uuid, name, type, configuration, now_s, &directory, err)) ||
		(rc = us_row_next_id(c, "connector", &id, err)) ||
		(rc = us_db_prepare(c, "INSERT INTO connector (id, uuid, name_fold, name, type, directory, enabled, configuration, created,"
			" updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, uuid);
	us_stmt_bind_slice(s, 3, fold);
	us_stmt_bind_slice(s, 4, name);
	us_stmt_bind_slice(s, 5, type);
	us_stmt_bind_int(s, 6, directory);
	us_stmt_bind_int(s, 7, enabled);
	us_stmt_bind_slice(s, 8, us_str_slice(text));
	us_stmt_bind_int(s, 9, now_s);
	if ((rc = us_stmt_run(s, NULL, err)))
		return rc;
	*ret_id = id;
	return US_OK;
}

enum us_errc us_connector_create_as(const struct us_store *store, struct us_dbc *c, struct us_slice uuid, struct us_slice name,
	struct us_slice type, const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	enum us_errc rc = insert(store, c, &arena, uuid, name, type, configuration, enabled, now_s, ret_id, &text, err);

	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_connector_create(const struct us_store *store, struct us_dbc *c, struct us_slice name, struct us_slice type,
	const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	char uuid[US_UUID_BYTES];

	us_secret_uuid(uuid);
	return us_connector_create_as(store, c, us_slice(uuid), name, type, configuration, enabled, now_s, ret_id, err);
}

enum us_errc us_connector_release_name(struct us_dbc *c, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE connector SET name_fold = uuid WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc load_stored(struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_connector *ret_connector,
	const struct us_json **ret_stored, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM connector WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "there is no connector %lld", (long long) id);
	if (!rc)
		rc = take_stored(s, arena, ret_connector, ret_stored, err);
	us_stmt_reset(s);
	return rc;
}

static enum us_errc update(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t id, struct us_slice name,
	const struct us_json *configuration, bool enabled, int64_t now_s, struct us_str *text, struct us_err *err)
{
	struct us_connector k;
	struct us_directory directory;
	const struct us_json *stored;
	struct us_stmt *s;
	enum us_errc rc = load_stored(c, arena, id, &k, &stored, err);

	if (rc)
		return rc;
	if (!name.p)
		name = k.name;
	struct us_slice fold = us_fold(arena, name);
	struct us_sealed sealed = sealed_of(store, arena, k.type, k.uuid);
	if ((rc = check_name(c, name, fold, id, err)) || (rc = us_sealed_write(&sealed, arena, configuration, stored, text, err)))
		return rc;
	const struct us_type *type = us_type_find(store->types, k.type);
	rc = type && type->directory_option ? give_directory(store, c, k.uuid, name, k.type, configuration, now_s, &k.directory, err)
		: us_directory_load(c, arena, k.directory, &directory, err);
	if (rc == US_NOT_FOUND) {
		/* Nothing was ever applied to the new one. */
		k.applied_scope = US_SLICE_NONE;
		rc = us_directory_create(c, name, k.uuid, now_s, &k.directory, err);
	}
	if (rc || (rc = us_db_prepare(c, "UPDATE connector SET name_fold = ?1, name = ?2, directory = ?3, enabled = ?4, configuration = ?5,"
			" applied_scope = ?6, updated = ?7 WHERE id = ?8", &s, err)))
		return rc;
	us_stmt_bind_slice(s, 1, fold);
	us_stmt_bind_slice(s, 2, name);
	us_stmt_bind_int(s, 3, k.directory);
	us_stmt_bind_int(s, 4, enabled);
	us_stmt_bind_slice(s, 5, us_str_slice(text));
	us_stmt_bind_slice(s, 6, k.applied_scope);
	us_stmt_bind_int(s, 7, now_s);
	us_stmt_bind_int(s, 8, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_connector_save(const struct us_store *store, struct us_dbc *c, int64_t id, struct us_slice name,
	const struct us_json *configuration, bool enabled, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	enum us_errc rc = update(store, c, &arena, id, name, configuration, enabled, now_s, &text, err);

	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc expect_one(enum us_errc rc, int64_t changed, int64_t id, struct us_err *err)
{
	return rc || changed ? rc : us_err_set(err, US_NOT_FOUND, "there is no connector %lld", (long long) id);
}

enum us_errc us_connector_delete(struct us_dbc *c, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	/* Its directory is a local one from now on. */
	enum us_errc rc = us_db_prepare(c, "UPDATE directory SET connector = NULL WHERE connector = (SELECT uuid FROM connector WHERE id = ?1)",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = us_application_forget_connector(c, id, err)) ||
		(rc = us_db_prepare(c, "DELETE FROM connector WHERE id = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_run(s, &changed, err);
	rc = expect_one(rc, changed, id, err);
	return rc ? rc : us_notice_forget_connector(c, id, err);
}

enum us_errc us_connector_set_applied_scope(struct us_dbc *c, int64_t id, struct us_slice scope, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "UPDATE connector SET applied_scope = ?1 WHERE id = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, scope);
	us_stmt_bind_int(s, 2, id);
	rc = us_stmt_run(s, &changed, err);
	return expect_one(rc, changed, id, err);
}
