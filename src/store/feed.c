#include "store/feed.h"

#include <pthread.h>

#include "base/clock.h"
#include "store/object_row.h"
#include "store/row.h"

/* ---- tokens ---- */

enum { VERSION = 1, PLACE_BYTES = 26, CHECK_BYTES = 4, BYTES = PLACE_BYTES + CHECK_BYTES };
_Static_assert(US_FEED_TOKEN_BYTES == 2 * BYTES + 1, "a token is hexadecimal");

static unsigned char *put(unsigned char *p, uint64_t value, int n)
{
	while (n--)
		*p++ = (unsigned char) (value >> 8 * n);
	return p;
}

static uint64_t take(const unsigned char **p, int n)
{
	uint64_t value = 0;

	while (n--)
		value = value << 8 | *(*p)++;
	return value;
}

static void write_token(const struct us_feed_place *place, struct us_feed_token *ret_token)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[BYTES], *p = bytes, hash[US_HASH_BYTES];

	p = put(p, VERSION, 1);
	p = put(p, (uint64_t) place->directory, 4);
	p = put(p, (uint64_t) place->position, 8);
	p = put(p, place->mark, 8);
	p = put(p, place->step, 1);
	p = put(p, (uint64_t) (place->ord + 1), 4);
	us_hash_put(us_hash(bytes, PLACE_BYTES), hash);
	memcpy(p, hash, CHECK_BYTES);
	for (int i = 0; i < BYTES; i++) {
		ret_token->text[2 * i] = digits[bytes[i] >> 4];
		ret_token->text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_token->text[2 * BYTES] = '\0';
}

static int digit_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static bool read_token(struct us_slice text, struct us_feed_place *ret_place)
{
	unsigned char bytes[BYTES], hash[US_HASH_BYTES];
	const unsigned char *p = bytes;

	if (text.n != 2 * BYTES)
		return false;
	for (int i = 0; i < BYTES; i++) {
		int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char) (high << 4 | low);
	}
	us_hash_put(us_hash(bytes, PLACE_BYTES), hash);
	if (memcmp(hash, bytes + PLACE_BYTES, CHECK_BYTES) != 0 || take(&p, 1) != VERSION)
		return false;
	ret_place->directory = (int64_t) take(&p, 4);
	ret_place->position = (int64_t) take(&p, 8);
	ret_place->mark = take(&p, 8);
	uint64_t step = take(&p, 1);
	ret_place->step = (enum us_feed_step) step;
	ret_place->ord = (int64_t) take(&p, 4) - 1;
	return step <= US_FEED_END && ret_place->position >= 0;
}

int64_t us_feed_token_position(struct us_slice token)
{
	struct us_feed_place at;

	return read_token(token, &at) ? at.position - (at.step != US_FEED_END) : -1;
}

/* ---- places ---- */

/* What a directory's feed holds, and the mark of the plan at `position` of it; -1: the newest one. */
struct extent {
	int64_t newest, gone;
	uint64_t mark;
};

static enum us_errc load_extent(struct us_dbc *c, int64_t directory, int64_t position, struct extent *ret, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "SELECT d.revision, d.feed_gone, a.mark FROM directory AS d LEFT JOIN applied AS a"
		" ON a.directory = d.id AND a.position = CASE WHEN ?2 < 0 THEN d.revision ELSE ?2 END WHERE d.id = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, position);
	rc = us_stmt_step(s, err);
	if (rc)
		return rc == US_END ? us_err_set(err, US_NOT_FOUND, "Directory %lld does not exists", (long long) directory) : rc;
	*ret = (struct extent) { us_stmt_int(s, 0), us_stmt_int(s, 1), (uint64_t) us_stmt_int(s, 2) };
	us_stmt_reset(s);
	return US_OK;
}

enum us_errc us_feed_newest(struct us_dbc *c, int64_t directory, struct us_feed_token *ret_token, struct us_err *err)
{
	struct extent extent;
	enum us_errc rc = load_extent(c, directory, -1, &extent, err);

	if (rc)
		return rc;
	write_token(&(struct us_feed_place) { directory, extent.newest, extent.mark, US_FEED_END, -1 }, ret_token);
	return US_OK;
}

#define READ_AGAIN ": read the directory again, and go on from its newest token"

enum us_errc us_feed_open(struct us_dbc *c, int64_t directory, struct us_slice token, struct us_feed *ret_feed, struct us_err *err)
{
	struct us_feed_place at = { .directory = directory, .step = US_FEED_END, .ord = -1 };
	struct extent extent;

	if (token.p && !read_token(token, &at))
		return us_err_set(err, US_INVALID, "the token is not one that was given out");
	enum us_errc rc = load_extent(c, directory, at.position, &extent, err);
	if (rc)
		return rc;
	if (at.directory != directory)
		return us_err_set(err, US_EXPIRED, "the token is of directory %lld, not of directory %lld" READ_AGAIN, (long long) at.directory,
			(long long) directory);
	if (at.position < extent.gone || (at.position == extent.gone && at.step != US_FEED_END))
		return us_err_set(err, US_EXPIRED, "the token is too old, changes after it are no longer kept" READ_AGAIN);
	if (at.position > extent.newest || at.mark != extent.mark)
		return us_err_set(err, US_EXPIRED, "the token is from a time that this store does not know, as after a backup was put back" READ_AGAIN);
	*ret_feed = (struct us_feed) { .c = c, .at = at, .newest = extent.newest };
	return US_OK;
}

void us_feed_token(const struct us_feed *feed, struct us_feed_token *ret_token) { write_token(&feed->at, ret_token); }

void us_feed_close(struct us_feed *feed)
{
	if (feed->walk.stmt)
		us_change_walk_end(&feed->walk);
}

/* ---- names ---- */

/* The name that an object has now, if no plan from `since` on has written it; US_END: one has, or it is gone. */
static enum us_errc find_present_name(const struct us_feed *f, struct us_arena *arena, bool is_group, uint32_t number, int64_t since,
	struct us_slice *ret_name, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(f->c, is_group
			? "SELECT o.name, a.position FROM grp AS o LEFT JOIN applied AS a ON a.run = o.revision AND a.directory = ?2 WHERE o.id = ?1"
			: "SELECT o.name, a.position FROM usr AS o LEFT JOIN applied AS a ON a.run = o.revision AND a.directory = ?2 WHERE o.id = ?1",
		&s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, us_object_row(f->at.directory, number));
	us_stmt_bind_int(s, 2, f->at.directory);
	rc = us_stmt_step(s, err);
	if (rc == US_OK && us_stmt_int(s, 1) < since)
		*ret_name = us_slice_dup(arena, us_stmt_slice(s, 0));
	else if (rc == US_OK)
		rc = US_END;
	us_stmt_reset(s);
	return rc;
}

/* The name that an object had when `since` came: what the first plan from there on that touched it found. */
static enum us_errc find_past_name(const struct us_feed *f, struct us_arena *arena, bool is_group, uint32_t number, int64_t since,
	struct us_slice *ret_name, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(f->c, "SELECT c.before_image FROM change AS c JOIN applied AS a ON a.plan = c.id >> 32 WHERE c.number = ?1"
		" AND c.object = ?2 AND a.directory = ?3 AND a.position >= ?4 AND c.before_image IS NOT NULL"
		" AND c.outcome IN " US_ROW_WRITTEN " ORDER BY a.position LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, number);
	us_stmt_bind_slice(s, 2, us_slice(us_object_text(is_group ? US_OBJECT_GROUP : US_OBJECT_USER)));
	us_stmt_bind_int(s, 3, f->at.directory);
	us_stmt_bind_int(s, 4, since);
	rc = us_stmt_step(s, err);
	if (rc == US_OK && is_group) {
		struct us_group_image image;
		if (!(rc = us_group_image_parse(arena, us_stmt_slice(s, 0), &image, err)))
			*ret_name = image.group.name;
	} else if (rc == US_OK) {
		struct us_user_image image;
		if (!(rc = us_user_image_parse(arena, us_stmt_slice(s, 0), &image, err)))
			*ret_name = image.user.name;
	}
	us_stmt_reset(s);
	return rc;
}

/* Before the plan at hand, or after it. Rows behind a token that holds are all there, so one of both knows. */
static enum us_errc load_name(const struct us_feed *f, struct us_arena *arena, bool is_group, uint32_t number, bool is_after,
	struct us_slice *ret_name, struct us_err *err)
{
	int64_t since = f->at.position + is_after;
	enum us_errc rc = find_present_name(f, arena, is_group, number, since, ret_name, err);

	if (rc == US_END)
		rc = find_past_name(f, arena, is_group, number, since, ret_name, err);
	if (rc == US_END)
		return us_err_set(err, US_INTERNAL, "directory %lld never had %s %u", (long long) f->at.directory, is_group ? "group" : "user", number);
	return rc;
}

static enum us_errc load_members(const struct us_feed *f, struct us_arena *arena, struct us_feed_row *row, struct us_err *err)
{
	const struct us_members_delta *d = &row->change.members;
	bool is_after = row->step == US_FEED_JOIN;
	const uint32_t *users = is_after ? d->added_users : d->removed_users, *groups = is_after ? d->added_groups : d->removed_groups;
	size_t n_users = is_after ? d->n_added_users : d->n_removed_users, n_groups = is_after ? d->n_added_groups : d->n_removed_groups;
	struct us_feed_member *list = us_arena_array(arena, n_users + n_groups, sizeof *list);
	enum us_errc rc = load_name(f, arena, true, row->change.number, is_after, &row->change.name, err);

	for (size_t i = 0; rc == US_OK && i < n_users + n_groups; i++) {
		list[i].is_group = i >= n_users;
		list[i].number = list[i].is_group ? groups[i - n_users] : users[i];
		rc = load_name(f, arena, list[i].is_group, list[i].number, is_after, &list[i].name, err);
	}
	row->members = list;
	row->n_members = n_users + n_groups;
	return rc;
}

/* ---- reading on ---- */

static const struct {
	enum us_object object;
	bool is_deleted;
} steps[US_FEED_END] = {
	[US_FEED_LEAVE] = { US_OBJECT_MEMBERS, false },
	[US_FEED_DELETE_USER] = { US_OBJECT_USER, true },
	[US_FEED_DELETE_GROUP] = { US_OBJECT_GROUP, true },
	[US_FEED_WRITE_USER] = { US_OBJECT_USER, false },
	[US_FEED_WRITE_GROUP] = { US_OBJECT_GROUP, false },
	[US_FEED_JOIN] = { US_OBJECT_MEMBERS, false },
};

/* The plan at the feed's place, or, once that was read to its end, the next one. */
static enum us_errc load_plan(struct us_feed *f, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(f->c, "SELECT position, mark, run, plan, steps, applied_at FROM applied WHERE directory = ?1 AND position >= ?2"
		" ORDER BY position LIMIT 1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, f->at.directory);
	us_stmt_bind_int(s, 2, f->at.position + (f->at.step == US_FEED_END));
	if ((rc = us_stmt_step(s, err)))
		return rc;
	if (f->at.step == US_FEED_END) {
		f->at.step = US_FEED_LEAVE;
		f->at.ord = -1;
	}
	f->at.position = us_stmt_int(s, 0);
	f->at.mark = (uint64_t) us_stmt_int(s, 1);
	f->run = us_stmt_int(s, 2);
	f->plan = us_stmt_int(s, 3);
	f->steps = (unsigned) us_stmt_int(s, 4);
	f->applied_at = us_stmt_int(s, 5);
	us_stmt_reset(s);
	return US_OK;
}

/* The next row of the step that the place is in. US_END: it has no more. */
static enum us_errc next_of_step(struct us_feed *f, struct us_arena *arena, struct us_feed_row *ret_row, struct us_err *err)
{
	struct us_feed_row row = { .position = f->at.position, .run = f->run, .applied_at = f->applied_at, .step = f->at.step };
	enum us_errc rc = US_OK;

	if (!(f->steps & 1u << f->at.step))
		return US_END;
	if (!f->walk.stmt)
		rc = us_change_walk_begin_applied(f->c, f->plan, steps[f->at.step].object, steps[f->at.step].is_deleted, f->at.ord, &f->walk, err);
	while (rc == US_OK && !(rc = us_change_walk_next(&f->walk, arena, &row.change, err))) {
		const struct us_members_delta *d = &row.change.members;
		if ((row.step == US_FEED_LEAVE && !d->n_removed_users && !d->n_removed_groups) ||
			(row.step == US_FEED_JOIN && !d->n_added_users && !d->n_added_groups))
			continue;
		if (row.change.object == US_OBJECT_MEMBERS && (rc = load_members(f, arena, &row, err)))
			return rc;
		f->at.ord = row.change.ord;
		*ret_row = row;
		return US_OK;
	}
	return rc;
}

enum us_errc us_feed_next(struct us_feed *feed, struct us_arena *arena, struct us_feed_row *ret_row, struct us_err *err)
{
	/* All rows before the place were given; the walk, if there is one, stands behind it in the place's step. */
	while (!us_feed_is_at_end(feed)) {
		enum us_errc rc = feed->plan && feed->at.step != US_FEED_END ? US_OK : load_plan(feed, err);
		if (rc == US_OK)
			rc = next_of_step(feed, arena, ret_row, err);
		if (rc != US_END)
			return rc;
		us_feed_close(feed);
		if (feed->at.step == US_FEED_END) /* plans from before there was a feed: the revision is higher, nothing is told of them */
			feed->at = (struct us_feed_place) { .directory = feed->at.directory, .position = feed->newest, .step = US_FEED_END };
		else
			feed->at.step++;
		feed->at.ord = -1;
	}
	return US_END;
}

/* ---- the bell ---- */

static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static uint64_t rings = 1; /* under bell_lock */

void us_feed_ring(void)
{
	pthread_mutex_lock(&bell_lock);
	rings++;
	pthread_cond_broadcast(&bell);
	pthread_mutex_unlock(&bell_lock);
}

uint64_t us_feed_wait(uint64_t seen, int64_t monotonic_ms)
{
	struct timespec at = { .tv_sec = monotonic_ms / 1000, .tv_nsec = monotonic_ms % 1000 * 1000000 };

	pthread_mutex_lock(&bell_lock);
	while (rings == seen && us_clock_monotonic_ms() < monotonic_ms)
		pthread_cond_clockwait(&bell, &bell_lock, CLOCK_MONOTONIC, &at);
	uint64_t now = rings;
	pthread_mutex_unlock(&bell_lock);
	return now;
}

/* ---- writing ---- */

static unsigned steps_of(const struct us_report *r)
{
	int64_t users = 0, groups = 0;

	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (us_outcome_is_written((enum us_outcome) i) && i != US_OUTCOME_DELETED) {
			users += r->users[i];
			groups += r->groups[i];
		}
	return (r->memberships_removed > 0) << US_FEED_LEAVE | (r->users[US_OUTCOME_DELETED] > 0) << US_FEED_DELETE_USER |
		(r->groups[US_OUTCOME_DELETED] > 0) << US_FEED_DELETE_GROUP | (users > 0) << US_FEED_WRITE_USER | (groups > 0) << US_FEED_WRITE_GROUP |
		(r->memberships_added > 0) << US_FEED_JOIN;
}

enum us_errc us_feed_add(struct us_dbc *c, int64_t directory, int64_t position, int64_t run, int64_t plan_run, const struct us_report *report,
	int64_t now_s, struct us_err *err)
{
	int64_t mark;
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO applied (directory, position, mark, run, plan, steps, applied_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", &s, err);

	if (rc)
		return rc;
	us_db_after_commit(c, us_feed_ring);
	us_secret_random(&mark, sizeof mark);
	us_stmt_bind_int(s, 1, directory);
	us_stmt_bind_int(s, 2, position);
	us_stmt_bind_int(s, 3, mark);
	us_stmt_bind_int(s, 4, run);
	us_stmt_bind_int(s, 5, plan_run);
	us_stmt_bind_int(s, 6, steps_of(report));
	us_stmt_bind_int(s, 7, now_s);
	return us_stmt_run(s, NULL, err);
}

enum us_errc us_feed_expire(struct us_dbc *c, int64_t plan_run, struct us_err *err)
{
	static const char *const sql[] = {
		"UPDATE directory SET feed_gone = (SELECT max(a.position) FROM applied AS a WHERE a.plan = ?1 AND a.directory = directory.id)"
		" WHERE EXISTS (SELECT 1 FROM applied AS a WHERE a.plan = ?1 AND a.directory = directory.id AND a.position > directory.feed_gone)",
		/* The plan itself stays: a token at its end holds. */
		"DELETE FROM applied WHERE directory IN (SELECT a.directory FROM applied AS a WHERE a.plan = ?1)"
		" AND position < (SELECT d.feed_gone FROM directory AS d WHERE d.id = applied.directory)",
	};
	enum us_errc rc = US_OK;

	for (size_t i = 0; !rc && i < sizeof sql / sizeof *sql; i++) {
		struct us_stmt *s;
		if ((rc = us_db_prepare(c, sql[i], &s, err)))
			return rc;
		us_stmt_bind_int(s, 1, plan_run);
		rc = us_stmt_run(s, NULL, err);
	}
	return rc;
}

enum us_errc us_feed_delete(struct us_dbc *c, int64_t directory, struct us_err *err)
{
	struct us_stmt *s;

	us_db_after_commit(c, us_feed_ring);
	enum us_errc rc = us_db_prepare(c, "DELETE FROM applied WHERE directory = ?1", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, directory);
	return us_stmt_run(s, NULL, err);
}
