#include "store/run_stats.h"

#include "store/row.h"

static enum us_errc load_connectors(struct us_dbc *c, struct us_arena *arena, struct us_run_stats **ret_list, size_t *ret_n,
	struct us_err *err)
{
	struct us_run_stats *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT id, uuid FROM connector ORDER BY id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = (struct us_run_stats) { .connector = us_stmt_int(s, 0), .connector_uuid = us_row_text(s, 1, arena) };
	}
	us_stmt_reset(s);
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static enum us_errc load_success(struct us_dbc *c, struct us_arena *arena, struct us_run_stats *stats, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT started, finished, report FROM run"
		" WHERE connector = ?1 AND kind = 'full' AND status = 'DONE' ORDER BY id DESC LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, stats->connector);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc == US_END ? US_OK : rc;
	stats->success_at = us_stmt_int(s, 1);
	stats->success_s = stats->success_at - us_stmt_int(s, 0);
	if (!us_stmt_is_null(s, 2))
		rc = us_report_parse(arena, us_stmt_slice(s, 2), &stats->success, err);
	us_stmt_reset(s);
	return rc;
}

static enum us_errc load_counts(struct us_dbc *c, struct us_run_stats *list, size_t n, struct us_err *err)
{
	enum us_run_status status;
	enum us_run_kind kind;
	struct us_stmt *s;
	size_t i = 0;
	enum us_errc rc = us_db_prepare(c, "SELECT connector, kind, status, SUM(n) FROM (SELECT connector, kind, status, COUNT(*) AS n FROM run"
		" GROUP BY connector, kind, status UNION ALL SELECT connector, kind, status, n FROM run_pruned) AS both_of_them"
		" GROUP BY connector, kind, status ORDER BY connector", &s, err);

	if (rc)
		return rc;
	/* Both lists go by the connector's number; runs of connectors that are gone are passed over. */
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		int64_t connector = us_stmt_int(s, 0);
		while (i < n && list[i].connector < connector)
			i++;
		if (i < n && list[i].connector == connector && us_run_kind_parse(us_stmt_slice(s, 1), &kind) &&
			us_run_status_parse(us_stmt_slice(s, 2), &status))
			list[i].runs[kind][status] = us_stmt_int(s, 3);
	}
	us_stmt_reset(s);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_run_stats_load(struct us_dbc *c, struct us_arena *arena, struct us_run_stats **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_run_stats *list;
	size_t n;
	enum us_errc rc = load_connectors(c, arena, &list, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = load_success(c, arena, &list[i], err);
	if (!rc)
		rc = load_counts(c, list, n, err);
	if (rc)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}
