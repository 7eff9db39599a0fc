/* The rows of a plan: second half of run.h. */
#include "base/fold.h"
#include "store/row.h"
#include "store/run.h"

static int64_t row_id(int64_t run, uint32_t ord) { return (int64_t) ((uint64_t) run << 32 | ord); }

#define COLUMNS "c.id, c.object, c.outcome, c.number, c.ext_id, c.name, c.reason, c.before_image, c.after_image, c.members"

enum { TEXT_BYTES = 1024 }; /* room for most images */

struct texts {
	struct us_str before, after;
};

static struct us_slice user_text(struct us_str *out, const struct us_user_image *image)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	if (!image)
		return US_SLICE_NONE;
	us_str_reserve(out, TEXT_BYTES);
	us_user_image_write(&w, image);
	return us_str_slice(out);
}

static struct us_slice group_text(struct us_str *out, const struct us_group_image *image)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	if (!image)
		return US_SLICE_NONE;
	us_str_reserve(out, TEXT_BYTES);
	us_group_image_write(&w, image);
	return us_str_slice(out);
}

static void bind_images(struct us_stmt *s, struct texts *t, const struct us_change *change)
{
	switch (change->object) {
	case US_OBJECT_USER:
		us_stmt_bind_slice(s, 8, change->before_text.p ? change->before_text : user_text(&t->before, change->user.before));
		us_stmt_bind_slice(s, 9, change->after_text.p ? change->after_text : user_text(&t->after, change->user.after));
		break;
	case US_OBJECT_GROUP:
		us_stmt_bind_slice(s, 8, change->before_text.p ? change->before_text : group_text(&t->before, change->group.before));
		us_stmt_bind_slice(s, 9, change->after_text.p ? change->after_text : group_text(&t->after, change->group.after));
		break;
	case US_OBJECT_MEMBERS:
		us_members_delta_write(&t->after, &change->members);
		us_stmt_bind_blob(s, 10, t->after.p, t->after.n);
		break;
	}
}

/* The name that a row is found by when the directory has nobody of it. */
static struct us_slice lost_name(struct us_arena *arena, const struct us_change *change)
{
	struct us_slice name = change->name;

	if (change->object != US_OBJECT_USER)
		return US_SLICE_NONE;
	switch (change->outcome) {
	case US_OUTCOME_ADDED:
	case US_OUTCOME_UPDATED:
	case US_OUTCOME_DISABLED:
	case US_OUTCOME_NOT_MODIFIED:
	case US_OUTCOME_COUNT:
		return US_SLICE_NONE;
	case US_OUTCOME_RENAMED:
		name = change->user.before ? change->user.before->user.name : US_SLICE_NONE;
		break;
	case US_OUTCOME_DELETED:
	case US_OUTCOME_ANONYMIZED:
	case US_OUTCOME_FILTERED:
	case US_OUTCOME_FAILED:
	case US_OUTCOME_HELD:
		break;
	}
	return name.n ? us_fold(arena, name) : US_SLICE_NONE;
}

enum us_errc us_run_add_change(struct us_dbc *c, int64_t run, const struct us_change *change, struct us_err *err)
{
	struct texts t = { US_STR_INIT, US_STR_INIT };
	struct us_arena arena = US_ARENA_INIT;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"INSERT INTO change (id, object, outcome, number, ext_id, name, reason, before_image, after_image,"
		" members, name_fold) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET object = "
		"excluded.object,"
		" outcome = excluded.outcome, number = excluded.number, ext_id = excluded.ext_id, name = "
		"excluded.name, reason = excluded.reason,"
		" before_image = excluded.before_image, after_image = excluded.after_image, members = "
		"excluded.members, name_fold = excluded.name_fold",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row_id(run, change->ord));
	us_stmt_bind_slice(s, 2, us_slice(us_object_text(change->object)));
	us_stmt_bind_slice(s, 3, us_slice(us_outcome_text(change->outcome)));
	us_stmt_bind_int(s, 4, change->number);
	us_stmt_bind_slice(s, 5, change->id);
	us_stmt_bind_slice(s, 6, change->name);
	us_stmt_bind_slice(s, 7, change->reason);
	us_stmt_bind_slice(s, 11, lost_name(&arena, change));
	bind_images(s, &t, change);
	rc = us_stmt_run(s, NULL, err);
	us_arena_fini(&arena);
	us_str_fini(&t.before);
	us_str_fini(&t.after);
	return rc;
}

/* The name of a user's row is found by it from now on; folding is not the database's. */
static enum us_errc lose_name(struct us_dbc *c, int64_t row, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice fold = US_SLICE_NONE;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT name FROM change WHERE id = ?1 AND object = 'user'", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row);
	rc = us_stmt_step(s, err);
	if (rc == US_OK && us_stmt_slice(s, 0).n)
		fold = us_fold(&arena, us_stmt_slice(s, 0));
	us_stmt_reset(s);
	if (rc == US_END || !fold.n) {
		us_arena_fini(&arena);
		return rc == US_END ? US_OK : rc;
	}
	rc = us_db_prepare(c, "UPDATE change SET name_fold = ?1 WHERE id = ?2", &s, err);
	if (rc == US_OK) {
		us_stmt_bind_slice(s, 1, fold);
		us_stmt_bind_int(s, 2, row);
		rc = us_stmt_run(s, NULL, err);
	}
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_run_drop_change(struct us_dbc *c, int64_t run, uint32_t ord, enum us_outcome outcome,
	struct us_slice reason, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c, "UPDATE change SET outcome = ?1, reason = ?2 WHERE id = ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_outcome_text(outcome)));
	us_stmt_bind_slice(s, 2, reason);
	us_stmt_bind_int(s, 3, row_id(run, ord));
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	return changed ? lose_name(c, row_id(run, ord), err) : us_err_set(err, US_NOT_FOUND, "run %lld has no row %u", (long long) run, ord);
}

enum us_errc us_run_hold_change(struct us_dbc *c, int64_t run, uint32_t ord, int64_t holder, struct us_slice why, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c,
		"INSERT INTO change (id, object, outcome, number, ext_id, name, reason, before_image, after_image, members, name_fold)"
		" SELECT ?1, object, outcome, number, ext_id, name, reason, before_image, after_image, members, name_fold FROM change WHERE id = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row_id(holder, ord));
	us_stmt_bind_int(s, 2, row_id(run, ord));
	if ((rc = us_stmt_run(s, &changed, err)) ||
		(rc = us_db_prepare(c, "UPDATE change SET outcome = ?1, reason = reason || ?2 WHERE id = ?3", &s, err)))
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_outcome_text(US_OUTCOME_HELD)));
	us_stmt_bind_slice(s, 2, why);
	us_stmt_bind_int(s, 3, row_id(run, ord));
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = lose_name(c, row_id(run, ord), err)))
		return rc;
	return changed ? US_OK : us_err_set(err, US_NOT_FOUND, "run %lld has no row %u", (long long) run, ord);
}

enum us_errc us_run_delete_changes(struct us_dbc *c, int64_t run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM change WHERE id >= ?1 AND id < ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row_id(run, 0));
	us_stmt_bind_int(s, 2, row_id(run + 1, 0));
	return us_stmt_run(s, NULL, err);
}

/* ---- reading ---- */

static enum us_errc take_user(struct us_stmt *s, int column, struct us_arena *arena, const struct us_user_image **ret_image,
	struct us_err *err)
{
	if (us_stmt_is_null(s, column))
		return US_OK;
	struct us_user_image *image = us_arena_alloc(arena, sizeof *image);
	enum us_errc rc = us_user_image_parse(arena, us_stmt_slice(s, column), image, err);
	if (!rc)
		*ret_image = image;
	return rc;
}

static enum us_errc take_group(struct us_stmt *s, int column, struct us_arena *arena, const struct us_group_image **ret_image,
	struct us_err *err)
{
	if (us_stmt_is_null(s, column))
		return US_OK;
	struct us_group_image *image = us_arena_alloc(arena, sizeof *image);
	enum us_errc rc = us_group_image_parse(arena, us_stmt_slice(s, column), image, err);
	if (!rc)
		*ret_image = image;
	return rc;
}

enum form {
	PARSED,
	WITH_TEXTS, /* and the texts beside; of what became of the object the text alone */
};

static enum us_errc take(struct us_stmt *s, struct us_arena *arena, enum form form, struct us_change *ret_change, struct us_err *err)
{
	int64_t id = us_stmt_int(s, 0);
	struct us_change c = { .ord = (uint32_t) id, .number = (uint32_t) us_stmt_int(s, 3), .id = us_row_text(s, 4, arena),
		.name = us_row_text(s, 5, arena), .reason = us_row_text(s, 6, arena) };
	enum us_errc rc = US_OK;

	if (!us_object_parse(us_stmt_slice(s, 1), &c.object) || !us_outcome_parse(us_stmt_slice(s, 2), &c.outcome))
		return us_err_set(err, US_INTERNAL, "row %u of run %lld is of an unknown kind", c.ord, (long long) (id >> 32));
	switch (c.object) {
	case US_OBJECT_USER:
		if (!(rc = take_user(s, 7, arena, &c.user.before, err)) && form == PARSED)
			rc = take_user(s, 8, arena, &c.user.after, err);
		break;
	case US_OBJECT_GROUP:
		if (!(rc = take_group(s, 7, arena, &c.group.before, err)) && form == PARSED)
			rc = take_group(s, 8, arena, &c.group.after, err);
		break;
	case US_OBJECT_MEMBERS:
		rc = us_members_delta_parse(arena, us_stmt_slice(s, 9), &c.members, err);
		break;
	}
	if (rc) {
		us_err_prefix(err, "row %u of run %lld", c.ord, (long long) (id >> 32));
		return rc;
	}
	if (form == WITH_TEXTS) {
		c.before_text = us_row_text(s, 7, arena);
		c.after_text = us_row_text(s, 8, arena);
	}
	*ret_change = c;
	return US_OK;
}

enum us_errc us_run_load_change(struct us_dbc *c, struct us_arena *arena, int64_t run, uint32_t ord, struct us_change *ret_change,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM change AS c WHERE c.id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row_id(run, ord));
	rc = us_stmt_step(s, err);
	if (rc == US_END)
		return us_err_set(err, US_NOT_FOUND, "run %lld has no row %u", (long long) run, ord);
	if (!rc)
		rc = take(s, arena, PARSED, ret_change, err);
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_run_list_changes_of(struct us_dbc *c, struct us_arena *arena, int64_t run, enum us_object object, uint32_t number,
	struct us_change **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_change *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM change AS c WHERE c.number = ?1 AND c.id >= ?2 AND c.id < ?3 AND c.object = ?4"
		" ORDER BY c.id", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, number);
	us_stmt_bind_int(s, 2, row_id(run, 0));
	us_stmt_bind_int(s, 3, row_id(run + 1, 0));
	us_stmt_bind_slice(s, 4, us_slice(us_object_text(object)));
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(s, arena, PARSED, &list[n], err)))
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

/* ?1 … ?4 of both below: the range of the run, object and outcome or NULL for any. */
#define FILTER "WHERE c.id >= ?1 AND c.id < ?2 AND (?3 IS NULL OR c.object = ?3) AND (?4 IS NULL OR c.outcome = ?4)"

static void bind_filter(struct us_stmt *s, int64_t from, int64_t to, int object, int outcome)
{
	us_stmt_bind_int(s, 1, from);
	us_stmt_bind_int(s, 2, to);
	if (object >= 0)
		us_stmt_bind_slice(s, 3, us_slice(us_object_text((enum us_object) object)));
	if (outcome >= 0)
		us_stmt_bind_slice(s, 4, us_slice(us_outcome_text((enum us_outcome) outcome)));
}

enum us_errc us_change_walk_begin(struct us_dbc *c, int64_t run, int object, int outcome, struct us_change_walk *ret_walk, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS " FROM change AS c " FILTER " ORDER BY c.id", &s, err);

	if (rc)
		return rc;
	bind_filter(s, row_id(run, 0), row_id(run + 1, 0), object, outcome);
	ret_walk->stmt = s;
	return US_OK;
}

enum us_errc us_change_walk_begin_applied(struct us_dbc *c, int64_t run, enum us_object object, bool is_deleted, int64_t after,
	struct us_change_walk *ret_walk, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, is_deleted
			? "SELECT " COLUMNS " FROM change AS c WHERE c.id > ?1 AND c.id < ?2 AND c.object = ?3 AND c.outcome = 'DELETED' ORDER BY c.id"
			: "SELECT " COLUMNS " FROM change AS c WHERE c.id > ?1 AND c.id < ?2 AND c.object = ?3"
			  " AND c.outcome IN " US_ROW_WRITTEN " AND c.outcome <> 'DELETED' ORDER BY c.id", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, row_id(run, 0) + after);
	us_stmt_bind_int(s, 2, row_id(run + 1, 0));
	us_stmt_bind_slice(s, 3, us_slice(us_object_text(object)));
	ret_walk->stmt = s;
	return US_OK;
}

enum us_errc us_change_walk_next(struct us_change_walk *walk, struct us_arena *arena, struct us_change *ret_change, struct us_err *err)
{
	enum us_errc rc = us_stmt_step(walk->stmt, err);

	return rc ? rc : take(walk->stmt, arena, PARSED, ret_change, err);
}

void us_change_walk_end(struct us_change_walk *walk)
{
	us_stmt_reset(walk->stmt);
	walk->stmt = NULL;
}

#define LIST "SELECT " COLUMNS " FROM change AS c " FILTER " AND (?5 IS NULL OR lower(c.name) LIKE ?5 ESCAPE '\\'" \
	" OR lower(c.ext_id) LIKE ?5 ESCAPE '\\') ORDER BY c.id LIMIT ?6"

static enum us_errc list(struct us_dbc *c, struct us_arena *arena, enum form form, int64_t run, int object, int outcome, struct us_slice search,
	int64_t after, size_t limit, struct us_change **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_slice pattern = US_SLICE_NONE;
	struct us_change *rows = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = search.p ? us_row_pattern(arena, search, &pattern, err) : US_OK;

	if (rc || (rc = us_db_prepare(c, LIST, &s, err)))
		return rc;
	bind_filter(s, row_id(run, 0) + after + 1, row_id(run + 1, 0), object, outcome);
	us_stmt_bind_slice(s, 5, pattern);
	us_stmt_bind_int(s, 6, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		rows = us_row_grow(arena, rows, n, &cap, sizeof *rows);
		if ((rc = take(s, arena, form, &rows[n], err)))
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

enum us_errc us_run_list_changes(struct us_dbc *c, struct us_arena *arena, int64_t run, int object, int outcome, struct us_slice search,
	int64_t after, size_t limit, struct us_change **ret_list, size_t *ret_n, struct us_err *err)
{
	return list(c, arena, PARSED, run, object, outcome, search, after, limit, ret_list, ret_n, err);
}

enum us_errc us_run_list_texts(struct us_dbc *c, struct us_arena *arena, int64_t run, int object, int outcome, int64_t after, size_t limit,
	struct us_change **ret_list, size_t *ret_n, struct us_err *err)
{
	return list(c, arena, WITH_TEXTS, run, object, outcome, US_SLICE_NONE, after, limit, ret_list, ret_n, err);
}

enum us_errc us_run_list_touching(struct us_dbc *c, struct us_arena *arena, int64_t directory, enum us_object object, uint32_t number,
	int64_t after, size_t limit, struct us_touched **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_touched *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc;

	/* FAILED, and rows all the same: an incomplete read, of which what was read is written. A run that could not write has none. A plan that is
	 * applied after a run was made after it, so its rows are above those of the run. */
	if ((rc = us_db_prepare(c, "SELECT " COLUMNS ", r.id, r.finished FROM change AS c JOIN run AS r ON r.plan = c.id >> 32"
			" WHERE c.number = ?1 AND c.id >= ?2 AND c.object = ?3 AND c.outcome NOT IN ('FAILED', 'FILTERED', 'HELD') AND r.id > ?4"
			" AND r.directory = ?5 AND (r.status = 'DONE' OR (r.status = 'FAILED' AND r.n_changes > 0)) AND r.kind <> 'simulation'"
			" ORDER BY r.id DESC, c.id LIMIT ?6", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, number);
	us_stmt_bind_int(s, 2, after ? row_id(after + 1, 0) : 0);
	us_stmt_bind_slice(s, 3, us_slice(us_object_text(object)));
	us_stmt_bind_int(s, 4, after);
	us_stmt_bind_int(s, 5, directory);
	us_stmt_bind_int(s, 6, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n].run = us_stmt_int(s, 10);
		list[n].finished = us_stmt_int(s, 11);
		if ((rc = take(s, arena, PARSED, &list[n].change, err)))
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

enum us_errc us_run_list_named(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name, size_t limit,
	struct us_named_row **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_named_row *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT " COLUMNS ", r.id, r.finished, r.kind, r.status FROM change AS c JOIN run AS r ON r.plan = c.id >> 32"
		" WHERE c.name_fold = ?1 AND r.directory = ?2 ORDER BY r.id DESC, c.id LIMIT ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_fold(arena, name));
	us_stmt_bind_int(s, 2, directory);
	us_stmt_bind_int(s, 3, limit > INT32_MAX ? INT32_MAX : (int64_t) limit);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n].run = us_stmt_int(s, 10);
		list[n].finished = us_stmt_int(s, 11);
		if (!us_run_kind_parse(us_stmt_slice(s, 12), &list[n].kind) || !us_run_status_parse(us_stmt_slice(s, 13), &list[n].status)) {
			rc = us_err_set(err, US_INTERNAL, "run %lld has an unknown kind or status", (long long) list[n].run);
			break;
		}
		if ((rc = take(s, arena, PARSED, &list[n].change, err)))
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
