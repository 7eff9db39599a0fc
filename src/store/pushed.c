#include "store/pushed.h"

#include "base/fold.h"
#include "model/scim_id.h"
#include "model/scim_schema.h"
#include "store/object_row.h"
#include "store/row.h"

#define COLUMNS "id, is_group, ext_id, name, document, revision, change, created, modified, gone"

static void read_row(struct us_stmt *s, struct us_arena *arena, struct us_pushed *ret)
{
	*ret = (struct us_pushed) { .is_group = us_stmt_int(s, 1), .number = (uint32_t) us_stmt_int(s, 0), .ext_id = us_row_text(s, 2, arena),
		.name = us_row_text(s, 3, arena), .document = us_row_text(s, 4, arena), .revision = us_stmt_int(s, 5), .change = us_stmt_int(s, 6),
		.created = us_stmt_int(s, 7), .modified = us_stmt_int(s, 8), .is_gone = us_stmt_int(s, 9) };
}

static enum us_errc read_rows(struct us_stmt *s, struct us_arena *arena, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_pushed *list = NULL;
	size_t n = 0, cap = 0;
	enum us_errc rc;

	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		read_row(s, arena, &list[n++]);
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static enum us_errc missing(bool is_group, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no such %s", is_group ? "group" : "user");
}

enum us_errc us_pushed_find(struct us_dbc *c, struct us_arena *arena, int64_t connector, bool is_group, enum us_pushed_key by, struct us_slice text,
	uint32_t number, struct us_pushed *ret_pushed, struct us_err *err)
{
	static const char *const queries[] = {
		[US_PUSHED_BY_NUMBER] = "SELECT " COLUMNS " FROM pushed WHERE connector = ?1 AND is_group = ?2 AND id = ?3 AND gone = 0",
		[US_PUSHED_BY_NAME] = "SELECT " COLUMNS " FROM pushed WHERE connector = ?1 AND is_group = ?2 AND name_fold = ?3",
		[US_PUSHED_BY_EXTERNAL_ID] = "SELECT " COLUMNS " FROM pushed WHERE connector = ?1 AND is_group = ?2 AND ext_id = ?3 AND gone = 0",
	};
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, queries[by], &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, is_group);
	if (by == US_PUSHED_BY_NUMBER)
		us_stmt_bind_int(s, 3, us_object_row(connector, number));
	else
		us_stmt_bind_slice(s, 3, by == US_PUSHED_BY_NAME ? us_fold(arena, text) : text);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc == US_END ? missing(is_group, err) : rc;
	read_row(s, arena, ret_pushed);
	us_stmt_reset(s);
	return US_OK;
}

/* ---- writing ---- */

/* The next change, and the number that a new resource would get. */
static enum us_errc take_change(struct us_dbc *c, int64_t connector, int64_t *ret_change, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO pushed_state (connector, change) VALUES (?1, 1)"
		" ON CONFLICT (connector) DO UPDATE SET change = change + 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = us_db_prepare(c, "SELECT change FROM pushed_state WHERE connector = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc;
	*ret_change = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

static enum us_errc count_objects(struct us_dbc *c, int64_t connector, bool is_group, int more, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, is_group ? "UPDATE pushed_state SET n_groups = n_groups + ?2 WHERE connector = ?1" :
		"UPDATE pushed_state SET n_users = n_users + ?2 WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, more);
	return us_stmt_run(s, NULL, err);
}

/* Who has the name or externalId. *ret_gone: one that was deleted, with this externalId; 0: none. */
static enum us_errc check_unique(struct us_dbc *c, int64_t connector, const struct us_pushed *p, struct us_slice fold, int64_t *ret_gone,
	struct us_err *err)
{
	struct us_stmt *s;
	bool has_name = false, has_ext_id = false;
	enum us_errc rc = us_db_prepare(c, "SELECT id, gone, name_fold = ?3 FROM pushed WHERE connector = ?1 AND is_group = ?2 AND name_fold = ?3"
		" UNION ALL SELECT id, gone, 0 FROM pushed WHERE connector = ?1 AND is_group = ?2 AND ext_id = ?4", &s, err);

	*ret_gone = 0;
	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, p->is_group);
	us_stmt_bind_slice(s, 3, fold);
	us_stmt_bind_slice(s, 4, p->ext_id);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		int64_t id = us_stmt_int(s, 0);
		if (us_stmt_int(s, 1))
			*ret_gone = id;
		else if (id == us_object_row(connector, p->number) && p->number)
			continue;
		else if (us_stmt_int(s, 2))
			has_name = true;
		else
			has_ext_id = true;
	}
	if (rc != US_END)
		return rc;
	if (has_name)
		return us_err_set_native(err, US_CONFLICT, US_SCIM_UNIQUENESS, "there is a %s with the %s \"" US_SLICE_FMT "\" already", p->is_group ? "group" : "user",
			p->is_group ? "displayName" : "userName", US_SLICE_ARG(p->name));
	if (has_ext_id)
		return us_err_set_native(err, US_CONFLICT, US_SCIM_UNIQUENESS, "there is a %s with the externalId \"" US_SLICE_FMT "\" already",
			p->is_group ? "group" : "user", US_SLICE_ARG(p->ext_id));
	return US_OK;
}

static enum us_errc is_gone(struct us_dbc *c, int64_t row, bool *ret_is, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT 1 FROM pushed WHERE id = ?1 AND is_group = 0 AND gone = 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row);
	rc = us_stmt_step(s, err);
	*ret_is = rc == US_OK;
	us_stmt_reset(s);
	return rc == US_END ? US_OK : rc;
}

/* The directory may keep who was deleted here, disabled, under the name that a new user comes with: that would fail in the run, where the provider does
 * not see it. gone: who is made again. Only where the directory's ids are those of model/scim_id.h; elsewhere the run says it. */
static enum us_errc check_kept(struct us_dbc *c, struct us_arena *arena, int64_t connector, const struct us_pushed *p, struct us_slice fold, int64_t gone,
	struct us_err *err)
{
	struct us_slice id = US_SLICE_NONE;
	bool is_group, is_kept = false;
	struct us_stmt *s;
	uint32_t number;
	enum us_errc rc = us_db_prepare(c, "SELECT u.ext_id FROM connector AS k JOIN usr AS u ON u.directory = k.directory AND u.name_fold = ?2"
		" WHERE k.id = ?1 AND u.owned = 1 AND u.active = 0 AND u.missing_since > 0", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_slice(s, 2, fold);
	if (!(rc = us_stmt_step(s, err)))
		id = us_row_text(s, 0, arena);
	us_stmt_reset(s);
	if (rc)
		return rc == US_END ? US_OK : rc;
	if (!us_scim_id_parse(id, &is_group, &number) || is_group || us_object_row(connector, number) == gone)
		return US_OK;
	rc = is_gone(c, us_object_row(connector, number), &is_kept, err);
	return rc || !is_kept ? rc : us_err_set_native(err, US_CONFLICT, US_SCIM_UNIQUENESS, "the directory still has a user \"" US_SLICE_FMT "\", who was deleted here and"
		" is kept there, disabled: it is that user again with the same externalId; for another one it must be cleaned up there, or the userName be another",
		US_SLICE_ARG(p->name));
}

/* A deleted one that has the externalId gives it up, or becomes the new one. */
static enum us_errc free_ext_id(struct us_dbc *c, int64_t gone, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE pushed SET ext_id = NULL WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, gone);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc next_number(struct us_dbc *c, int64_t connector, uint32_t *ret_number, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE pushed_state SET last_number = last_number + 1 WHERE connector = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = us_db_prepare(c, "SELECT last_number FROM pushed_state WHERE connector = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, connector);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc;
	int64_t number = us_stmt_int(s, 0);
	us_stmt_reset(s);
	if (number > UINT32_MAX)
		return us_err_set(err, US_TOO_LARGE, "more resources were pushed than can be numbered");
	*ret_number = (uint32_t) number;
	return US_OK;
}

static void bind_fields(struct us_stmt *s, int64_t row, const struct us_pushed *p, struct us_slice fold, int64_t change, int64_t now_s)
{
	us_stmt_bind_int(s, 1, row);
	us_stmt_bind_slice(s, 2, p->ext_id);
	us_stmt_bind_slice(s, 3, fold);
	us_stmt_bind_slice(s, 4, p->name);
	us_stmt_bind_slice(s, 5, p->document);
	us_stmt_bind_int(s, 6, change);
	us_stmt_bind_int(s, 7, now_s);
}

static enum us_errc replace(struct us_dbc *c, int64_t connector, const struct us_pushed *p, struct us_slice fold, int64_t change, int64_t now_s,
	struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "UPDATE pushed SET ext_id = ?2, name_fold = ?3, name = ?4, document = ?5, revision = ?6, change = ?6,"
		" modified = ?7 WHERE id = ?1 AND is_group = ?8 AND gone = 0", &s, err);

	if (rc)
		return rc;
	bind_fields(s, us_object_row(connector, p->number), p, fold, change, now_s);
	us_stmt_bind_int(s, 8, p->is_group);
	rc = us_stmt_run(s, &changed, err);
	return rc ? rc : changed ? US_OK : missing(p->is_group, err);
}

static enum us_errc insert(struct us_dbc *c, int64_t connector, int64_t row, const struct us_pushed *p, struct us_slice fold, int64_t change,
	int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO pushed (id, connector, is_group, ext_id, name_fold, name, document, revision, change, created,"
		" modified, gone) VALUES (?1, ?8, ?9, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?7, 0) ON CONFLICT (id) DO UPDATE SET ext_id = ?2, name_fold = ?3,"
		" name = ?4, document = ?5, revision = ?6, change = ?6, created = ?7, modified = ?7, gone = 0", &s, err);

	if (rc)
		return rc;
	bind_fields(s, row, p, fold, change, now_s);
	us_stmt_bind_int(s, 8, connector);
	us_stmt_bind_int(s, 9, p->is_group);
	rc = us_stmt_run(s, NULL, err);
	return rc ? rc : count_objects(c, connector, p->is_group, 1, err);
}

enum us_errc us_pushed_put(struct us_dbc *c, struct us_arena *arena, int64_t connector, const struct us_pushed *p, int64_t now_s,
	uint32_t *ret_number, struct us_err *err)
{
	struct us_slice fold = us_fold(arena, p->name);
	uint32_t number = p->number;
	int64_t change, gone;
	enum us_errc rc = check_unique(c, connector, p, fold, &gone, err);

	if (!rc && !number && !p->is_group)
		rc = check_kept(c, arena, connector, p, fold, gone, err);
	if (rc || (rc = take_change(c, connector, &change, err)))
		return rc;
	if (number) {
		if (gone)
			rc = free_ext_id(c, gone, err);
		rc = rc ? rc : replace(c, connector, p, fold, change, now_s, err);
	} else {
		if (gone)
			number = (uint32_t) gone;
		else
			rc = next_number(c, connector, &number, err);
		rc = rc ? rc : insert(c, connector, us_object_row(connector, number), p, fold, change, now_s, err);
	}
	if (!rc && ret_number)
		*ret_number = number;
	return rc;
}

static enum us_errc forget_memberships(struct us_dbc *c, int64_t row, struct us_err *err)
{
	static const char *const queries[] = { "DELETE FROM pushed_member WHERE member = ?1", "DELETE FROM pushed_member WHERE grp = ?1" };
	struct us_stmt *s;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < 2 && !rc; i++) {
		rc = us_db_prepare(c, queries[i], &s, err);
		if (rc)
			return rc;
		us_stmt_bind_int(s, 1, row);
		rc = us_stmt_run(s, NULL, err);
	}
	return rc;
}

enum us_errc us_pushed_delete(struct us_dbc *c, int64_t connector, bool is_group, uint32_t number, int64_t now_s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_pushed *groups;
	int64_t change, changed = 0;
	size_t n = 0;
	struct us_stmt *s;
	enum us_errc rc = us_pushed_list_groups(c, &arena, connector, number, &groups, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		rc = us_pushed_touch(c, connector, groups[i].number, now_s, err);
	us_arena_fini(&arena);
	if (rc || (rc = take_change(c, connector, &change, err)) ||
		(rc = us_db_prepare(c, "UPDATE pushed SET name_fold = NULL, name = NULL, document = NULL, revision = ?3, change = ?3, modified = ?4, gone = 1"
			" WHERE id = ?1 AND is_group = ?2 AND gone = 0", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, number));
	us_stmt_bind_int(s, 2, is_group);
	us_stmt_bind_int(s, 3, change);
	us_stmt_bind_int(s, 4, now_s);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	if (!changed)
		return missing(is_group, err);
	rc = forget_memberships(c, us_object_row(connector, number), err);
	return rc ? rc : count_objects(c, connector, is_group, -1, err);
}

/* ---- lists ---- */

#define LIST "SELECT " COLUMNS " FROM pushed WHERE connector = ?1 AND is_group = ?2 AND gone = 0 AND "
#define UP " > ?3 ORDER BY "
#define DOWN " < ?3 ORDER BY "
#define END(column, direction) column direction " LIMIT ?4 OFFSET ?5"

enum us_errc us_pushed_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, bool is_group, enum us_pushed_order order, bool is_descending,
	const struct us_pushed_place *after, int64_t skip, size_t most, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err)
{
	static const char *const queries[][2] = {
		[US_PUSHED_ORDER_NAME] = { LIST "name_fold" UP END("name_fold", ""), LIST "name_fold" DOWN END("name_fold", " DESC") },
		[US_PUSHED_ORDER_NUMBER] = { LIST "id" UP END("id", ""), LIST "id" DOWN END("id", " DESC") },
		[US_PUSHED_ORDER_CHANGE] = { LIST "change" UP END("change", ""), LIST "change" DOWN END("change", " DESC") },
	};
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, queries[order][is_descending], &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, is_group);
	/* No folded name begins with this one. */
	if (order == US_PUSHED_ORDER_NAME)
		us_stmt_bind_slice(s, 3, after ? after->fold : is_descending ? US_SLICE("\xf4\x8f\xbf\xbf") : US_SLICE(""));
	else
		us_stmt_bind_int(s, 3, order == US_PUSHED_ORDER_NUMBER ? us_object_row(connector, after ? (uint32_t) after->at : is_descending ? UINT32_MAX : 0) :
			after ? after->at : is_descending ? INT64_MAX : 0);
	us_stmt_bind_int(s, 4, (int64_t) most);
	us_stmt_bind_int(s, 5, skip);
	return read_rows(s, arena, ret_list, ret_n, err);
}

enum us_errc us_pushed_list_changed(struct us_dbc *c, struct us_arena *arena, int64_t connector, int64_t after_change, size_t most,
	struct us_pushed **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM pushed WHERE connector = ?1 AND change > ?2 ORDER BY change LIMIT ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, connector);
	us_stmt_bind_int(s, 2, after_change);
	us_stmt_bind_int(s, 3, (int64_t) most);
	return read_rows(s, arena, ret_list, ret_n, err);
}

enum us_errc us_pushed_list_groups(struct us_dbc *c, struct us_arena *arena, int64_t connector, uint32_t member, struct us_pushed **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM pushed WHERE id IN (SELECT grp FROM pushed_member WHERE member = ?1) ORDER BY id", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, member));
	return read_rows(s, arena, ret_list, ret_n, err);
}

enum us_errc us_pushed_touch(struct us_dbc *c, int64_t connector, uint32_t group, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	int64_t change, changed = 0;
	enum us_errc rc = take_change(c, connector, &change, err);

	if (rc || (rc = us_db_prepare(c, "UPDATE pushed SET change = ?2, modified = ?3 WHERE id = ?1 AND is_group = 1 AND gone = 0", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(connector, group));
	us_stmt_bind_int(s, 2, change);
	us_stmt_bind_int(s, 3, now_s);
	rc = us_stmt_run(s, &changed, err);
	return rc ? rc : changed ? US_OK : missing(true, err);
}
