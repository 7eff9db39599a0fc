#include "store/run_prune.h"

#include "store/feed.h"
#include "store/row.h"
#include "store/subscription.h"

enum us_errc us_run_prune_connectors(struct us_dbc *c, struct us_arena *arena, int64_t **ret_list, size_t *ret_n, struct us_err *err)
{
	int64_t *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT DISTINCT connector FROM run ORDER BY connector", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = us_stmt_int(s, 0);
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static enum us_errc load_newest(struct us_dbc *c, int64_t *ret_newest, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT MAX(id) FROM run", &s, err);

	if (rc || (rc = us_stmt_step(s, err)))
		return rc;
	*ret_newest = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_run_prune_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, struct us_retention_run **ret_list, size_t *ret_n,
	int64_t *ret_newest, struct us_err *err)
{
	struct us_retention_run *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = load_newest(c, ret_newest, err);

	if (rc || (rc = us_db_prepare(c, "SELECT r.id, r.created, r.kind, r.status, r.plan_run, r.n_changes, r.pruned,"
			" d.revision = r.base_revision FROM run AS r LEFT JOIN directory AS d ON d.id = r.directory WHERE r.connector = ?1"
			" ORDER BY r.id DESC", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, connector);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		struct us_retention_run *r = &list[n++];
		*r = (struct us_retention_run) { .id = us_stmt_int(s, 0), .created = us_stmt_int(s, 1), .plan_run = us_stmt_int(s, 4),
			.n_changes = us_stmt_int(s, 5), .is_pruned = us_stmt_int(s, 6) != 0, .is_begun = us_stmt_int(s, 6) < 0, .is_current = us_stmt_int(s, 7) != 0 };
		if (!us_run_kind_parse(us_stmt_slice(s, 2), &r->kind) || !us_run_status_parse(us_stmt_slice(s, 3), &r->status)) {
			rc = us_err_set(err, US_INTERNAL, "run %lld has an unknown kind or status", (long long) r->id);
			break;
		}
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_run_prune_begin(struct us_dbc *c, int64_t run, int64_t newest, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed = 0;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET pruned = ?1 WHERE id = ?2 AND status NOT IN ('SCHEDULED', 'RUNNING', 'HELD')"
		" AND NOT EXISTS (SELECT 1 FROM run AS later WHERE later.id > ?3 AND (later.plan_run = ?2 OR later.plan = ?2))"
		" AND NOT EXISTS (SELECT 1 FROM run AS busy WHERE busy.status IN ('SCHEDULED', 'RUNNING') AND busy.plan_run = ?2)"
		" AND NOT EXISTS (SELECT 1 FROM applied AS a JOIN subscription AS s ON s.directory = a.directory WHERE a.plan = ?2 AND a.applied_at > ?4"
		" AND s.stopped = 0 AND s.position < a.position)", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, -now_s); /* negative until all are gone */
	us_stmt_bind_int(s, 2, run);
	us_stmt_bind_int(s, 3, newest);
	us_stmt_bind_int(s, 4, now_s - US_SUBSCRIPTION_KEEP_S);
	if ((rc = us_stmt_run(s, &changed, err)))
		return rc;
	return changed ? us_feed_expire(c, run, err) : us_err_set(err, US_CONFLICT, "run %lld is needed again", (long long) run);
}

/* Where the batch ends: its last row's id + 1. */
static enum us_errc find_end(struct us_dbc *c, int64_t from, int64_t to, int64_t most, int64_t *ret_end, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT id FROM change WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1 OFFSET ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, from);
	us_stmt_bind_int(s, 2, to);
	us_stmt_bind_int(s, 3, most);
	rc = us_stmt_step(s, err);
	*ret_end = rc == US_OK ? us_stmt_int(s, 0) : to;
	us_stmt_reset(s);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_run_prune_rows(struct us_dbc *c, int64_t run, int64_t most, int64_t *ret_deleted, struct us_err *err)
{
	int64_t from = run << 32, end; /* as run_change.c numbers them */
	struct us_stmt *s;
	enum us_errc rc = find_end(c, from, (run + 1) << 32, most, &end, err);

	if (rc || (rc = us_db_prepare(c, "DELETE FROM change WHERE id >= ?1 AND id < ?2", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, from);
	us_stmt_bind_int(s, 2, end);
	return us_stmt_run(s, ret_deleted, err);
}

enum us_errc us_run_prune_end(struct us_dbc *c, int64_t run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE run SET pruned = -pruned WHERE id = ?1 AND pruned < 0", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, run);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_run_prune_run(struct us_dbc *c, int64_t run, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO run_pruned (connector, kind, status, n) SELECT connector, kind, status, 1 FROM run WHERE id = ?1"
		" ON CONFLICT (connector, kind, status) DO UPDATE SET n = run_pruned.n + 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, run);
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = us_db_prepare(c, "DELETE FROM run WHERE id = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, run);
	return us_stmt_run(s, NULL, err);
}
