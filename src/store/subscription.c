#include "store/subscription.h"

#include "model/notice_options.h"
#include "model/subscription_options.h"
#include "store/feed.h"
#include "store/row.h"

#define SELECT \
	"SELECT s.id, s.directory, s.configuration, s.since, s.next, s.n_changes, s.tries, s.next_ms, s.failing_since, s.delivered, s.stopped, s.error," \
	" s.created, s.updated, coalesce(d.revision - s.position, 0) FROM subscription AS s LEFT JOIN directory AS d ON d.id = s.directory"

static struct us_sealed sealed_of(const struct us_store *store, struct us_arena *arena, int64_t id)
{
	const struct us_type *type = us_type_find(us_notice_kinds, US_SUBSCRIPTION_KIND);

	return (struct us_sealed) { &store->key, { type->options, us_subscription_options }, us_arena_printf(arena, "subscription/%lld", (long long) id) };
}

static enum us_errc parse(struct us_arena *arena, struct us_slice text, const struct us_json **ret_stored, struct us_err *err)
{
	enum us_errc rc = us_json_parse(arena, text, (struct us_json_limits) { 4 << 20, 32, 100000 }, ret_stored, err);

	return rc || (*ret_stored)->type == US_JSON_OBJECT ? rc : us_err_set(err, US_INTERNAL, "its configuration is no object");
}

static enum us_errc take(const struct us_store *store, struct us_stmt *s, struct us_arena *arena, enum us_secrets secrets, struct us_subscription *ret,
	struct us_err *err)
{
	struct us_subscription it = { .id = us_stmt_int(s, 0), .directory = us_stmt_int(s, 1), .since = us_row_text(s, 3, arena), .next = us_row_text(s, 4, arena),
		.n_changes = us_stmt_int(s, 5), .tries = us_stmt_int(s, 6), .next_ms = us_stmt_int(s, 7), .failing_since = us_stmt_int(s, 8),
		.delivered = us_stmt_int(s, 9), .stopped = us_stmt_int(s, 10), .error = us_row_text(s, 11, arena), .created = us_stmt_int(s, 12),
		.updated = us_stmt_int(s, 13), .behind = us_stmt_int(s, 14) };
	struct us_sealed sealed = sealed_of(store, arena, it.id);
	const struct us_json *stored;
	enum us_errc rc = parse(arena, us_stmt_slice(s, 2), &stored, err);

	if (!rc)
		rc = us_sealed_read(&sealed, arena, secrets, stored, &it.configuration, err);
	if (rc)
		return us_err_prefix(err, "subscription %lld", (long long) it.id), rc;
	*ret = it;
	return US_OK;
}

static enum us_errc unknown(int64_t id, struct us_err *err) { return us_err_set(err, US_NOT_FOUND, "there is no subscription %lld", (long long) id); }

enum us_errc us_subscription_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, int64_t id, enum us_secrets secrets,
	struct us_subscription *ret_subscription, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, SELECT " WHERE s.id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = take(store, s, arena, secrets, ret_subscription, err);
	us_stmt_reset(s);
	return rc == US_END ? unknown(id, err) : rc;
}

enum us_errc us_subscription_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, enum us_secrets secrets,
	struct us_subscription **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_subscription *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, SELECT " ORDER BY s.id", &s, err);

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

/* The token that a subscription begins with. */
static enum us_errc find_start(struct us_dbc *c, int64_t directory, struct us_slice since, struct us_feed_token *ret_token, struct us_err *err)
{
	struct us_feed feed;
	enum us_errc rc;

	if (!since.p)
		return us_feed_newest(c, directory, ret_token, err);
	rc = us_feed_open(c, directory, us_slice_is(since, "start") ? US_SLICE_NONE : since, &feed, err);
	if (rc)
		return rc;
	us_feed_token(&feed, ret_token);
	us_feed_close(&feed);
	return US_OK;
}

enum us_errc us_subscription_create(const struct us_store *store, struct us_dbc *c, int64_t directory, struct us_slice since,
	const struct us_json *configuration, int64_t now_s, int64_t *ret_id, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_feed_token token;
	struct us_stmt *s;
	int64_t id;
	enum us_errc rc = find_start(c, directory, since, &token, err);

	if (!rc)
		rc = us_row_next_id(c, "subscription", &id, err);
	if (!rc) {
		struct us_sealed sealed = sealed_of(store, &arena, id);
		rc = us_sealed_write(&sealed, &arena, configuration, NULL, &text, err);
	}
	if (!rc)
		rc = us_db_prepare(c, "INSERT INTO subscription (id, directory, configuration, since, position, n_changes, tries, next_ms, failing_since, delivered,"
			" stopped, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0, 0, ?6, ?6)", &s, err);
	if (!rc) {
		us_stmt_bind_int(s, 1, id);
		us_stmt_bind_int(s, 2, directory);
		us_stmt_bind_slice(s, 3, us_str_slice(&text));
		us_stmt_bind_slice(s, 4, us_slice(token.text));
		us_stmt_bind_int(s, 5, us_feed_token_position(us_slice(token.text)));
		us_stmt_bind_int(s, 6, now_s);
		us_db_after_commit(c, us_feed_ring);
		rc = us_stmt_run(s, NULL, err);
	}
	if (!rc)
		*ret_id = id;
	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc load_stored(struct us_dbc *c, struct us_arena *arena, int64_t id, const struct us_json **ret_stored, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT configuration FROM subscription WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = parse(arena, us_stmt_slice(s, 0), ret_stored, err);
	us_stmt_reset(s);
	return rc == US_END ? unknown(id, err) : rc;
}

enum us_errc us_subscription_save(const struct us_store *store, struct us_dbc *c, int64_t id, const struct us_json *configuration, int64_t now_s,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	const struct us_json *stored;
	struct us_stmt *s;
	enum us_errc rc = load_stored(c, &arena, id, &stored, err);

	if (!rc) {
		struct us_sealed sealed = sealed_of(store, &arena, id);
		rc = us_sealed_write(&sealed, &arena, configuration, stored, &text, err);
	}
	if (!rc)
		rc = us_db_prepare(c, "UPDATE subscription SET configuration = ?1, updated = ?2, next_ms = 0 WHERE id = ?3", &s, err);
	if (!rc) {
		us_stmt_bind_slice(s, 1, us_str_slice(&text));
		us_stmt_bind_int(s, 2, now_s);
		us_stmt_bind_int(s, 3, id);
		us_db_after_commit(c, us_feed_ring);
		rc = us_stmt_run(s, NULL, err);
	}
	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc load_directory(struct us_dbc *c, int64_t id, int64_t *ret_directory, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT directory FROM subscription WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		*ret_directory = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc == US_END ? unknown(id, err) : rc;
}

enum us_errc us_subscription_resume(struct us_dbc *c, int64_t id, struct us_slice since, int64_t now_s, struct us_err *err)
{
	struct us_feed_token token;
	struct us_stmt *s;
	int64_t directory = 0;
	enum us_errc rc = load_directory(c, id, &directory, err);

	if (!rc && since.p)
		rc = find_start(c, directory, since, &token, err);
	if (rc || (rc = us_db_prepare(c, "UPDATE subscription SET stopped = 0, failing_since = 0, tries = 0, next_ms = 0, updated = ?2,"
			" since = coalesce(?3, since), position = coalesce(?4, position), next = CASE WHEN ?3 IS NULL THEN next ELSE NULL END,"
			" n_changes = CASE WHEN ?3 IS NULL THEN n_changes ELSE 0 END WHERE id = ?1", &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_int(s, 2, now_s);
	us_stmt_bind_slice(s, 3, since.p ? us_slice(token.text) : US_SLICE_NONE);
	if (since.p)
		us_stmt_bind_int(s, 4, us_feed_token_position(us_slice(token.text)));
	else
		us_stmt_bind_null(s, 4);
	us_db_after_commit(c, us_feed_ring);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_subscription_delete(struct us_dbc *c, int64_t id, struct us_err *err)
{
	int64_t changed;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM subscription WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_run(s, &changed, err);
	return rc || changed ? rc : unknown(id, err);
}

enum us_errc us_subscription_count(struct us_dbc *c, int64_t *ret_active, int64_t *ret_stopped, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT count(*), coalesce(sum(stopped <> 0), 0) FROM subscription", &s, err);

	if (rc || (rc = us_stmt_step(s, err)))
		return rc;
	*ret_stopped = us_stmt_int(s, 1);
	*ret_active = us_stmt_int(s, 0) - *ret_stopped;
	us_stmt_reset(s);
	return US_OK;
}

/* ---- for those who send ---- */

enum us_errc us_subscription_list_next(struct us_dbc *c, struct us_arena *arena, struct us_subscription_due **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_subscription_due *list = NULL;
	size_t n = 0, cap = 0;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT s.id, s.next_ms FROM subscription AS s LEFT JOIN directory AS d ON d.id = s.directory"
		" WHERE s.stopped = 0 AND (d.id IS NULL OR d.revision <> s.position) ORDER BY s.next_ms, s.id", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		list[n++] = (struct us_subscription_due) { us_stmt_int(s, 0), us_stmt_int(s, 1) };
	}
	if (rc != US_END)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_subscription_claim(struct us_dbc *c, const struct us_subscription *it, struct us_slice next, int64_t n_changes, int64_t next_ms, struct us_err *err)
{
	int64_t changed;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE subscription SET next = ?1, n_changes = ?2, tries = tries + 1, next_ms = ?3"
		" WHERE id = ?4 AND since = ?5 AND stopped = 0", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, next);
	us_stmt_bind_int(s, 2, n_changes);
	us_stmt_bind_int(s, 3, next_ms);
	us_stmt_bind_int(s, 4, it->id);
	us_stmt_bind_slice(s, 5, it->since);
	rc = us_stmt_run(s, &changed, err);
	return rc || changed ? rc : us_err_set(err, US_CONFLICT, "subscription %lld was changed meanwhile", (long long) it->id);
}

enum us_errc us_subscription_advance(struct us_dbc *c, const struct us_subscription *it, struct us_slice next, bool was_sent, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE subscription SET since = ?1, position = ?2, next = NULL, n_changes = 0, tries = 0, next_ms = 0, failing_since = 0,"
		" error = NULL, delivered = CASE WHEN ?3 THEN ?4 ELSE delivered END WHERE id = ?5 AND since = ?6", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, next);
	us_stmt_bind_int(s, 2, us_feed_token_position(next));
	us_stmt_bind_int(s, 3, was_sent);
	us_stmt_bind_int(s, 4, now_s);
	us_stmt_bind_int(s, 5, it->id);
	us_stmt_bind_slice(s, 6, it->since);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_subscription_fail(struct us_dbc *c, const struct us_subscription *it, struct us_slice error, bool stops, int64_t next_ms, int64_t now_s,
	struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "UPDATE subscription SET error = ?1, failing_since = CASE failing_since WHEN 0 THEN ?2 ELSE failing_since END, next_ms = ?3,"
		" stopped = CASE WHEN ?4 THEN ?2 ELSE 0 END WHERE id = ?5 AND since = ?6 AND stopped = 0", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, error);
	us_stmt_bind_int(s, 2, now_s);
	us_stmt_bind_int(s, 3, next_ms);
	us_stmt_bind_int(s, 4, stops);
	us_stmt_bind_int(s, 5, it->id);
	us_stmt_bind_slice(s, 6, it->since);
	return us_stmt_run(s, NULL, err);
}
