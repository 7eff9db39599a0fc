#include "store/hook.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "store/row.h"

/* Of the application ?: its directories in their order, as far as they are there. */
#define STATE(application) \
	"(SELECT coalesce(group_concat(d.id || ':' || d.revision, ' '), '') FROM (SELECT coalesce(o.directory, a.directory) AS id" \
	" FROM application_directory AS a LEFT JOIN connector AS o ON o.uuid = a.connector WHERE a.application = " application " ORDER BY a.place) AS x" \
	" JOIN directory AS d ON d.id = x.id)"

struct context { char text[40]; };

static struct us_slice context_of(int64_t id, struct context *context)
{
	return (struct us_slice) { context->text, (size_t) snprintf(context->text, sizeof context->text, "hook/%lld/token", (long long) id) };
}

static enum us_errc find_id(struct us_dbc *c, int64_t application, struct us_slice url, int64_t *ret_id, struct us_err *err)
{
	struct us_stmt *s;
	int64_t n = 0;
	enum us_errc rc = us_db_prepare(c, "SELECT id, url = ?2 FROM hook WHERE application = ?1", &s, err);

	*ret_id = 0;
	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, application);
	us_stmt_bind_slice(s, 2, url);
	for (; (rc = us_stmt_step(s, err)) == US_OK; n++)
		if (us_stmt_int(s, 1))
			*ret_id = us_stmt_int(s, 0);
	if (rc != US_END)
		return rc;
	if (!*ret_id && n >= US_HOOKS_MOST)
		return us_err_set(err, US_INVALID, "the application has %d webhooks already: remove one that is not needed", US_HOOKS_MOST);
	return *ret_id ? US_OK : us_row_next_id(c, "hook", ret_id, err);
}

enum us_errc us_hook_put(const struct us_store *store, struct us_dbc *c, int64_t application, struct us_slice url, struct us_slice token,
	struct us_slice peer, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	struct us_str sealed = US_STR_INIT;
	struct context context;
	struct us_stmt *s;
	int64_t id;
	enum us_errc rc = find_id(c, application, url, &id, err);

	if (!rc)
		rc = us_db_prepare(c, "INSERT INTO hook (id, application, url, token, peer, told, failures, failing_since, next_ms, created)"
			" VALUES (?1, ?2, ?3, ?4, ?5, " STATE("?2") ", 0, 0, 0, ?6) ON CONFLICT (id) DO UPDATE SET token = excluded.token, peer = excluded.peer,"
			" told = excluded.told, failures = 0, failing_since = 0, next_ms = 0", &s, err);
	if (rc)
		return rc;
	if (token.p)
		us_secret_seal(&store->key, context_of(id, &context), token, &sealed);
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, application);
	us_stmt_bind_slice(s, 3, url);
	us_stmt_bind_slice(s, 4, token.p ? us_str_slice(&sealed) : US_SLICE_NONE);
	us_stmt_bind_slice(s, 5, peer);
	us_stmt_bind_int(s, 6, now_s);
	rc = us_stmt_run(s, NULL, err);
	us_str_fini(&sealed);
	if (!rc)
		*ret_id = id;
	return rc;
}

static enum us_errc unknown(int64_t id, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "the application has no webhook %lld", (long long) id);
}

enum us_errc us_hook_find(struct us_dbc *c, struct us_arena *arena, int64_t application, int64_t id, struct us_slice *ret_url, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT url FROM hook WHERE id = ?1 AND application = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, application);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc == US_END ? unknown(id, err) : rc;
	*ret_url = us_row_text(s, 0, arena);
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_hook_delete(struct us_dbc *c, int64_t application, int64_t id, struct us_err *err)
{
	struct us_stmt *s;
	int64_t changed;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM hook WHERE id = ?1 AND application = ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, application);
	rc = us_stmt_run(s, &changed, err);
	return rc || changed ? rc : unknown(id, err);
}

/* ---- for admins ---- */

enum us_errc us_hook_list(struct us_dbc *c, struct us_arena *arena, int64_t application, struct us_hook_shown **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_hook_shown *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT id, url, failures, failing_since, created FROM hook WHERE application = ?1 ORDER BY id", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, application);
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		struct us_slice url = us_row_text(s, 1, arena);
		const char *query = memchr(url.p, '?', url.n);
		url.n = query ? (size_t) (query - url.p) : url.n;
		list[n++] = (struct us_hook_shown) { us_stmt_int(s, 0), url, us_stmt_int(s, 2), us_stmt_int(s, 3), us_stmt_int(s, 4) };
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_hook_count(struct us_dbc *c, int64_t *ret_all, int64_t *ret_failing, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT count(*), coalesce(sum(failing_since <> 0), 0) FROM hook", &s, err);

	if (rc || (rc = us_stmt_step(s, err)))
		return rc;
	*ret_all = us_stmt_int(s, 0);
	*ret_failing = us_stmt_int(s, 1);
	us_stmt_reset(s);
	return US_OK;
}

/* ---- for the one who pings ---- */

static struct us_slice unseal(const struct us_store *store, struct us_arena *arena, int64_t id, struct us_slice sealed)
{
	struct us_str plain = US_STR_INIT;
	struct context context;
	struct us_slice token = US_SLICE_NONE;

	if (sealed.p && !us_secret_unseal(&store->key, context_of(id, &context), sealed, &plain, NULL))
		token = us_slice_dup(arena, us_str_slice(&plain));
	us_secret_wipe_str(&plain);
	return token;
}

enum us_errc us_hook_list_next(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_hook **ret_list, size_t *ret_n,
	struct us_err *err)
{
	struct us_hook *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT h.id, h.application, h.url, h.token, CASE p.addresses WHEN '' THEN h.peer ELSE p.addresses END, p.name,"
		" h.told, h.state, h.failures, h.failing_since, h.next_ms FROM (SELECT *, " STATE("hook.application") " AS state FROM hook) AS h"
		" JOIN application AS p ON p.id = h.application WHERE h.state <> h.told ORDER BY h.next_ms, h.id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n] = (struct us_hook) { .id = us_stmt_int(s, 0), .application = us_stmt_int(s, 1), .url = us_row_text(s, 2, arena),
			.ranges = us_row_text(s, 4, arena), .application_name = us_row_text(s, 5, arena), .told = us_row_text(s, 6, arena),
			.state = us_row_text(s, 7, arena), .failures = us_stmt_int(s, 8), .failing_since = us_stmt_int(s, 9), .next_ms = us_stmt_int(s, 10) };
		list[n].token = unseal(store, arena, list[n].id, us_stmt_slice(s, 3));
		n++;
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_hook_note_told(struct us_dbc *c, const struct us_hook *hook, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE hook SET told = ?2, failures = 0, failing_since = 0, next_ms = 0 WHERE id = ?1 AND told = ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, hook->id);
	us_stmt_bind_slice(s, 2, hook->state);
	us_stmt_bind_slice(s, 3, hook->told);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_hook_note_failed(struct us_dbc *c, const struct us_hook *hook, int64_t next_ms, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE hook SET failures = failures + 1, failing_since = CASE failing_since WHEN 0 THEN ?2 ELSE failing_since END,"
		" next_ms = ?3 WHERE id = ?1 AND told = ?4", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, hook->id);
	us_stmt_bind_int(s, 2, now_s);
	us_stmt_bind_int(s, 3, next_ms);
	us_stmt_bind_slice(s, 4, hook->told);
	return us_stmt_run(s, NULL, err);
}
