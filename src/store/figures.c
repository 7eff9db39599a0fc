#include "store/figures.h"

#include "store/schema.h"

static enum us_errc read(
	struct us_dbc *c, const char *sql, int64_t *const *ret_values, int n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	if (!rc)
		rc = us_stmt_step(s, err);
	for (int i = 0; !rc && i < n; i++)
		*ret_values[i] = us_stmt_int(s, i);
	if (!rc)
		us_stmt_reset(s);
	return rc;
}

enum us_errc us_figures_load(struct us_dbc *c, struct us_figures *ret_figures, struct us_err *err)
{
	struct us_figures f = { .schema = us_schema_version() };
	int64_t *const rows[] = { &f.connectors, &f.directories, &f.runs, &f.accounts, &f.tokens };
	int64_t *const sums[] = { &f.users, &f.active_users, &f.groups, &f.memberships };
	enum us_errc rc = read(c,
		"SELECT (SELECT COUNT(*) FROM connector), (SELECT COUNT(*) FROM directory), (SELECT COUNT(*) FROM "
		"run),"
		" (SELECT COUNT(*) FROM account), (SELECT COUNT(*) FROM token)",
		rows, 5, err);

	if (!rc)
		rc = read(c,
			"SELECT COALESCE(SUM(n_users), 0), COALESCE(SUM(n_active_users), 0), COALESCE(SUM(n_groups), 0),"
			" COALESCE(SUM(n_memberships), 0) FROM directory",
			sums, 4, err);
	if (!rc)
		rc = us_db_load_size(c, &f.bytes, err);
	if (!rc)
		*ret_figures = f;
	return rc;
}
