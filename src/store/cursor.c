#include "store/cursor.h"

#include "store/row.h"

struct us_slice us_cursor_hash(struct us_arena *arena, const struct us_json *configuration)
{
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	static const char *const others[] = { "schedule", "limits", "onLimit", "heldExpiry", "retention", "delegateAuthentication", "authenticationCacheSeconds",
		"noticeFailures", "noticeOverdueHours", "noticeExpiryDays", "secretExpires" };
	us_jsonw_open(&w, '{');
	for (size_t i = 0; i < configuration->object.n; i++) {
		const struct us_json_member *m = &configuration->object.members[i];
		bool counts = true;
		for (size_t k = 0; k < sizeof others / sizeof *others; k++)
			counts &= !us_slice_is(m->key, others[k]);
		if (!counts)
			continue;
		us_jsonw_key_slice(&w, m->key);
		us_jsonw_value(&w, &m->value);
	}
	us_jsonw_close(&w, '}');
	struct us_hash h = us_hash_slice(us_str_slice(&text));
	us_str_fini(&text);
	return us_slice(us_arena_printf(arena, "%016llx%016llx", (unsigned long long) h.hi, (unsigned long long) h.lo));
}

enum us_errc us_cursor_load(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_cursor *ret_cursor, struct us_err *err)
{
	struct us_cursor found = { 0 };
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT directory, value, configuration, full_at, run FROM feed_cursor WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc == US_OK)
		found = (struct us_cursor) { .directory = us_stmt_int(s, 0), .value = us_row_text(s, 1, arena), .configuration = us_row_text(s, 2, arena),
			.full_at = us_stmt_int(s, 3), .run = us_stmt_int(s, 4) };
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret_cursor = found;
	return US_OK;
}

enum us_errc us_cursor_save(struct us_dbc *c, int64_t connector, const struct us_cursor *cursor, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO feed_cursor (connector, directory, value, configuration, full_at, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (connector) DO UPDATE SET directory = ?2, value = ?3, configuration = ?4, run = ?6,"
		" full_at = CASE WHEN ?5 = 0 THEN feed_cursor.full_at ELSE ?5 END WHERE feed_cursor.value IS NOT NULL OR feed_cursor.run < ?6", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, cursor->directory);
	us_stmt_bind_slice(s, 3, cursor->value);
	us_stmt_bind_slice(s, 4, cursor->configuration);
	us_stmt_bind_int(s, 5, cursor->full_at);
	us_stmt_bind_int(s, 6, cursor->run);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_cursor_forget(struct us_dbc *c, int64_t directory, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO feed_cursor (connector, directory, value, configuration, full_at, run)"
		" SELECT id, ?1, NULL, '', 0, (SELECT COALESCE(MAX(id), 0) FROM run) FROM connector WHERE directory = ?1"
		" ON CONFLICT (connector) DO UPDATE SET value = NULL, run = excluded.run", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_cursor_save_pending(struct us_dbc *c, int64_t run, struct us_slice value, struct us_slice configuration, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET feed_cursor = ?1, feed_configuration = ?2 WHERE id = ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, value);
	us_stmt_bind_slice(s, 2, configuration);
	us_stmt_bind_int(s, 3, run);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_cursor_load_pending(struct us_dbc *c, struct us_arena *arena, int64_t run, struct us_slice *ret_value, struct us_slice *ret_configuration,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT feed_cursor, feed_configuration FROM run WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, run);
	rc = us_stmt_step(s, err);
	if (rc == US_OK) {
		*ret_value = us_row_text(s, 0, arena);
		*ret_configuration = us_row_text(s, 1, arena);
	}
	us_stmt_reset(s);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "there is no run %lld", (long long) run) : rc;
}
