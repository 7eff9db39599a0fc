#include "store/setting.h"

#include "store/row.h"

enum us_errc us_setting_load(struct us_dbc *c, struct us_arena *arena, const char *name, struct us_setting *ret, struct us_err *err)
{
	struct us_setting found = { 0 };
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT value, updated, updated_by FROM setting WHERE name = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(name));
	rc = us_stmt_step(s, err);
	if (rc == US_OK) {
		found.updated = us_stmt_int(s, 1);
		found.updated_by = us_row_text(s, 2, arena);
		rc = us_json_parse(arena, us_row_text(s, 0, arena), US_JSON_LIMITS_SMALL, &found.value, err);
	}
	us_stmt_reset(s);
	if (rc && rc != US_END)
		return rc;
	*ret = found;
	return US_OK;
}

enum us_errc us_setting_save(struct us_dbc *c, const char *name, const struct us_json *value, struct us_slice by, int64_t now_s, struct us_err *err)
{
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO setting (name, value, updated, updated_by) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (name) DO UPDATE SET value = ?2, updated = ?3, updated_by = ?4", &s, err);

	if (rc)
		return rc;
	us_jsonw_value(&w, value);
	us_stmt_bind_slice(s, 1, us_slice(name));
	us_stmt_bind_slice(s, 2, us_str_slice(&text));
	us_stmt_bind_int(s, 3, now_s);
	us_stmt_bind_slice(s, 4, by);
	rc = us_stmt_run(s, NULL, err);
	us_str_fini(&text);
	return rc;
}
