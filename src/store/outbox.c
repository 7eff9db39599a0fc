#include "store/outbox.h"

#include <stdio.h>

#include "store/row.h"

#define COLUMNS                                                                                              \
	"d.id, d.message, d.target, t.name, d.event, d.connector, d.run, d.state, d.body, d.created, "           \
	"d.next_ms, d.tries, d.error, d.finished"
#define SELECT "SELECT " COLUMNS " FROM notice_delivery AS d JOIN notice_target AS t ON t.id = d.target"

static const char *const state_texts[US_OUTBOX_STATE_COUNT] = { "WAITING", "DELIVERED", "DEAD" };

const char *us_outbox_state_text(enum us_outbox_state state) { return state_texts[state]; }

bool us_outbox_state_parse(struct us_slice text, enum us_outbox_state *ret_state)
{
	for (int i = 0; i < US_OUTBOX_STATE_COUNT; i++)
		if (us_slice_is(text, state_texts[i])) {
			*ret_state = (enum us_outbox_state)i;
			return true;
		}
	return false;
}

static enum us_errc take(
	struct us_stmt *s, struct us_arena *arena, struct us_delivery *ret_delivery, struct us_err *err)
{
	struct us_delivery d = {
		.id = us_stmt_int(s, 0),
		.message = us_row_text(s, 1, arena),
		.target = us_stmt_int(s, 2),
		.target_name = us_row_text(s, 3, arena),
		.event = us_row_text(s, 4, arena),
		.connector = us_stmt_int(s, 5),
		.run = us_stmt_int(s, 6),
		.body = us_row_text(s, 8, arena),
		.created = us_stmt_int(s, 9),
		.next_ms = us_stmt_int(s, 10),
		.tries = us_stmt_int(s, 11),
		.error = us_row_text(s, 12, arena),
		.finished = us_stmt_int(s, 13),
	};

	if (!us_outbox_state_parse(us_stmt_slice(s, 7), &d.state))
		return us_err_set(err, US_INTERNAL, "delivery %lld has an unknown state", (long long)d.id);
	*ret_delivery = d;
	return US_OK;
}

static enum us_errc take_all(struct us_stmt *s, struct us_arena *arena, struct us_delivery **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_delivery *list = NULL;
	size_t n = 0, cap = 0;
	enum us_errc rc;

	while ((rc = us_stmt_step(s, err)) == US_OK) {
		list = us_row_grow(arena, list, n, &cap, sizeof *list);
		if ((rc = take(s, arena, &list[n], err)))
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

enum us_errc us_outbox_add(struct us_dbc *c, const struct us_delivery *d, struct us_err *err)
{
	char uuid[US_UUID_BYTES], message[US_UUID_BYTES + 4];
	int64_t id;
	struct us_stmt *s;
	enum us_errc rc = us_row_next_id(c, "notice_delivery", &id, err);

	if (rc || (rc = us_db_prepare(c,
				   "INSERT INTO notice_delivery (id, message, target, event, connector, run, state, body, "
				   "created, next_ms,"
				   " tries, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'WAITING', ?7, ?8, ?9, 0, 0)",
				   &s, err)))
		return rc;
	us_secret_uuid(uuid);
	snprintf(message, sizeof message, "msg_%s", uuid);
	us_stmt_bind_int(s, 1, id);
	us_stmt_bind_slice(s, 2, us_slice(message));
	us_stmt_bind_int(s, 3, d->target);
	us_stmt_bind_slice(s, 4, d->event);
	us_stmt_bind_int(s, 5, d->connector);
	us_stmt_bind_int(s, 6, d->run);
	us_stmt_bind_slice(s, 7, d->body);
	us_stmt_bind_int(s, 8, d->created);
	us_stmt_bind_int(s, 9, d->created * 1000);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_outbox_count_since(
	struct us_dbc *c, int64_t target, int64_t since_s, int64_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc =
		us_db_prepare(c, "SELECT COUNT(*) FROM notice_delivery WHERE target = ?1 AND created > ?2", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, target);
	us_stmt_bind_int(s, 2, since_s);
	rc = us_stmt_step(s, err);
	if (!rc)
		*ret_n = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return rc;
}

enum us_errc us_outbox_list_next(struct us_dbc *c, struct us_arena *arena, struct us_delivery **ret_list,
	size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"SELECT " COLUMNS " FROM notice_target AS t JOIN notice_delivery AS d ON d.id ="
		" (SELECT f.id FROM notice_delivery AS f WHERE f.target = t.id AND f.state = 'WAITING' ORDER BY "
		"f.next_ms, f.id LIMIT 1)"
		" WHERE t.enabled <> 0 ORDER BY d.next_ms, d.id",
		&s, err);

	return rc ? rc : take_all(s, arena, ret_list, ret_n, err);
}

enum us_errc us_outbox_claim(struct us_dbc *c, int64_t id, int64_t next_ms, struct us_err *err)
{
	int64_t changed;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"UPDATE notice_delivery SET tries = tries + 1, next_ms = ?1 WHERE id = ?2 AND state = 'WAITING'", &s,
		err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, next_ms);
	us_stmt_bind_int(s, 2, id);
	rc = us_stmt_run(s, &changed, err);
	return rc || changed
			   ? rc
			   : us_err_set(err, US_NOT_FOUND, "delivery %lld does not wait any more", (long long)id);
}

enum us_errc us_outbox_settle(struct us_dbc *c, int64_t id, enum us_outbox_state state, struct us_slice error,
	int64_t next_ms, int64_t now_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"UPDATE notice_delivery SET state = ?1, error = ?2, next_ms = ?3, finished = ?4"
		" WHERE id = ?5 AND state = 'WAITING'",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_slice(s, 1, us_slice(us_outbox_state_text(state)));
	us_stmt_bind_slice(s, 2, error);
	us_stmt_bind_int(s, 3, next_ms);
	us_stmt_bind_int(s, 4, state == US_OUTBOX_WAITING ? 0 : now_s);
	us_stmt_bind_int(s, 5, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_outbox_postpone(struct us_dbc *c, int64_t target, int64_t until_ms, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"UPDATE notice_delivery SET next_ms = ?1 WHERE target = ?2 AND state = 'WAITING' AND next_ms < ?1",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, until_ms);
	us_stmt_bind_int(s, 2, target);
	return us_stmt_run(s, NULL, err);
}

static enum us_errc unknown(int64_t id, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no delivery %lld", (long long)id);
}

enum us_errc us_outbox_find(struct us_dbc *c, struct us_arena *arena, int64_t id,
	struct us_delivery *ret_delivery, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, SELECT " WHERE d.id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_step(s, err);
	if (!rc)
		rc = take(s, arena, ret_delivery, err);
	us_stmt_reset(s);
	return rc == US_END ? unknown(id, err) : rc;
}

enum us_errc us_outbox_list(struct us_dbc *c, struct us_arena *arena, enum us_outbox_state state,
	int64_t before, size_t limit, struct us_delivery **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(
		c, SELECT " WHERE d.id < ?1 AND (?2 IS NULL OR d.state = ?2) ORDER BY d.id DESC LIMIT ?3", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, before ? before : INT64_MAX);
	us_stmt_bind_slice(
		s, 2, state == US_OUTBOX_STATE_COUNT ? US_SLICE_NONE : us_slice(us_outbox_state_text(state)));
	us_stmt_bind_int(s, 3, (int64_t)limit);
	return take_all(s, arena, ret_list, ret_n, err);
}

enum us_errc us_outbox_retry(struct us_dbc *c, int64_t id, int64_t now_ms, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_delivery d;
	struct us_stmt *s;
	enum us_errc rc = us_outbox_find(c, &arena, id, &d, err);

	us_arena_fini(&arena);
	if (!rc && d.state == US_OUTBOX_DELIVERED)
		rc = us_err_set(err, US_CONFLICT, "delivery %lld has arrived", (long long)id);
	if (rc || (rc = us_db_prepare(c,
				   "UPDATE notice_delivery SET state = 'WAITING', tries = 0, next_ms = ?1, finished = 0 "
				   "WHERE id = ?2",
				   &s, err)))
		return rc;
	us_stmt_bind_int(s, 1, now_ms);
	us_stmt_bind_int(s, 2, id);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_outbox_discard(struct us_dbc *c, int64_t id, struct us_err *err)
{
	int64_t changed;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "DELETE FROM notice_delivery WHERE id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, id);
	rc = us_stmt_run(s, &changed, err);
	return rc || changed ? rc : unknown(id, err);
}

enum us_errc us_outbox_count(struct us_dbc *c, int64_t ret_counts[US_OUTBOX_STATE_COUNT], struct us_err *err)
{
	int64_t counts[US_OUTBOX_STATE_COUNT] = { 0 };
	enum us_outbox_state state;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT state, COUNT(*) FROM notice_delivery GROUP BY state", &s, err);

	if (rc)
		return rc;
	while ((rc = us_stmt_step(s, err)) == US_OK)
		if (us_outbox_state_parse(us_stmt_slice(s, 0), &state))
			counts[state] = us_stmt_int(s, 1);
	if (rc != US_END)
		return rc;
	memcpy(ret_counts, counts, sizeof counts);
	return US_OK;
}

enum us_errc us_outbox_prune(
	struct us_dbc *c, int64_t delivered_before_s, int64_t dead_before_s, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c,
		"DELETE FROM notice_delivery WHERE (state = 'DELIVERED' AND finished < ?1)"
		" OR (state = 'DEAD' AND finished < ?2)",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, delivered_before_s);
	us_stmt_bind_int(s, 2, dead_before_s);
	return us_stmt_run(s, NULL, err);
}
