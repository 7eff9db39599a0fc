#include "db/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "db/driver.h"

static const struct us_db_driver *const drivers[] = { &us_db_sqlite };

enum {
	LEASE_WAIT_MS = 60000,
	AFTER_COMMIT_MAX = 4,
	CLEAN_UP_MS = 50,  /* after which without writing what commits have left is done */
	SNAPSHOT_MS = 100, /* of one snapshot: what another program writes into the database is seen after that */
};

struct us_stmt {
	const struct us_db_driver *driver;
	struct us_dbc *c;
	void *native;
	char *sql;
	int bind_result;   /* the first binding that was refused */
	bool is_begun;     /* stepped since the last reset: then in the connection's list of those */
	struct us_stmt *next, **link;
};

/* Statements by the address of their text, the text compared after. Open addressing, at most half full. */
struct slot {
	const char *key;
	struct us_stmt *stmt;
};

struct us_dbc {
	struct us_db *db;
	struct us_dbc *next; /* idle */
	void *native;
	bool is_writer, in_transaction, is_durable;
	bool has_snapshot; /* of a transaction that has ended: see below */
	uint64_t turn;     /* at which the last transaction began */
	int64_t begun_ms;
	struct us_err sticky; /* code is not US_OK: the transaction has failed */
	struct slot *slots;
	size_t n_slots, n_used;
	struct us_stmt *begun; /* all whose is_begun is set */
	void (*after_commit[AFTER_COMMIT_MAX])(void);
	size_t n_after_commit;
};

/* Who waits for a connection is handed one in the order of asking, so nobody starves behind a busy neighbour. */
struct waiter {
	pthread_cond_t given;
	struct us_dbc *c;
	struct waiter *next;
};
struct pool {
	struct us_dbc *idle;
	struct waiter *first, **last;
	unsigned n, max;
};

struct us_db {
	const struct us_db_driver *driver;
	void *engine;
	pthread_mutex_t lock; /* of both pools */
	struct pool readers, writer;
	pthread_t cleaner;
	pthread_cond_t left; /* or closing */
	bool has_leftover, is_closing;
	_Atomic int64_t lease_wait_ms;
	_Atomic uint64_t generation;
	_Atomic uint64_t turn; /* of the writer; odd while somebody has it */
	_Atomic int64_t statements;
	_Atomic int64_t fail_in; /* statements until the one that fails; 0 is off */
	_Atomic int fail_code;
};

static void *clean_up(void *data);

/* ---- opening and closing ---- */

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static enum us_errc connect_new(struct us_db *db, bool is_writer, struct us_dbc **ret_c, struct us_err *err)
{
	void *native;
	enum us_errc rc = db->driver->connect(db->engine, is_writer, &native, err);

	if (rc)
		return rc;
	struct us_dbc *c = us_calloc(1, sizeof *c);
	c->db = db;
	c->native = native;
	c->is_writer = is_writer;
	*ret_c = c;
	return US_OK;
}

static void stmt_free(struct us_stmt *s)
{
	s->driver->finalize(s->native);
	free(s->sql);
	free(s);
}

static void disconnect(struct us_dbc *c)
{
	for (size_t i = 0; i < c->n_slots; i++)
		if (c->slots[i].key)
			stmt_free(c->slots[i].stmt);
	free(c->slots);
	c->db->driver->disconnect(c->native);
	free(c);
}

static const struct us_db_driver *find_driver(const char *dsn, const char **ret_rest)
{
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
		size_t n = strlen(drivers[i]->scheme);
		if (strncmp(dsn, drivers[i]->scheme, n) == 0 && dsn[n] == ':') {
			*ret_rest = dsn + n + 1;
			return drivers[i];
		}
	}
	return NULL;
}

enum us_errc us_db_open(const char *dsn, struct us_db **ret_db, struct us_err *err)
{
	const char *rest;
	const struct us_db_driver *driver = find_driver(dsn, &rest);

	/* The text may hold a password: only its scheme is repeated. */
	if (!driver)
		return us_err_set(err, US_CONFIG, "no such kind of store: \"%.*s\"; a store is given as sqlite:PATH",
			(int) strcspn(dsn, ":"), dsn);
	struct us_db *db = us_calloc(1, sizeof *db);
	db->driver = driver;
	enum us_errc rc = driver->open(rest, &db->engine, err);
	if (rc) {
		free(db);
		return rc;
	}
	pthread_mutex_init(&db->lock, NULL);
	init_cond(&db->left);
	db->readers.max = driver->max_readers;
	db->readers.last = &db->readers.first;
	db->writer.max = db->writer.n = 1;
	db->writer.last = &db->writer.first;
	atomic_init(&db->lease_wait_ms, LEASE_WAIT_MS);
	rc = connect_new(db, true, &db->writer.idle, err);
	if (rc) {
		driver->close(db->engine);
		pthread_cond_destroy(&db->left);
		pthread_mutex_destroy(&db->lock);
		free(db);
		return rc;
	}
	if (pthread_create(&db->cleaner, NULL, clean_up, db) != 0)
		us_err_nomem();
	*ret_db = db;
	return US_OK;
}

void us_db_close(struct us_db *db)
{
	if (!db)
		return;
	pthread_mutex_lock(&db->lock);
	db->is_closing = true;
	pthread_cond_signal(&db->left);
	pthread_mutex_unlock(&db->lock);
	pthread_join(db->cleaner, NULL);
	unsigned n = 0;
	for (struct us_dbc *c = db->readers.idle, *next; c; c = next) {
		next = c->next;
		disconnect(c);
		n++;
	}
	us_assert(n == db->readers.n && db->writer.idle);
	/* Last, because closing the last connection moves the log into the database. */
	disconnect(db->writer.idle);
	db->driver->close(db->engine);
	pthread_cond_destroy(&db->left);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

/* ---- statements that have begun ---- */

static void note_begun(struct us_stmt *s)
{
	s->is_begun = true;
	s->link = &s->c->begun;
	s->next = s->c->begun;
	if (s->next)
		s->next->link = &s->next;
	s->c->begun = s;
}

void us_stmt_reset(struct us_stmt *s)
{
	s->bind_result = 0;
	if (!s->is_begun)
		return;
	s->driver->reset(s->native);
	s->is_begun = false;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
}

static void reset_begun(struct us_dbc *c)
{
	while (c->begun)
		us_stmt_reset(c->begun);
}

/* ---- snapshots that are kept ---- */

/* Each read ends so: prepared once. Not counted among the statements: nothing is asked to fail here. */
static void roll_back(struct us_dbc *c)
{
	struct us_stmt *s;

	if (us_db_prepare(c, "ROLLBACK", &s, NULL))
		return;
	s->driver->step(s->native, NULL);
	s->driver->reset(s->native);
}

/* A reader that is given back keeps its snapshot, and its next transaction goes on with it: neither a lock nor a look at the log. Invariant: nobody has
 * had the writer since it began, so it is still the newest. Whoever gets the writer ends those of idle readers first: none stands in the way of
 * its checkpoint. */
static bool is_newest(const struct us_dbc *c) { return c->turn % 2 == 0 && c->turn == atomic_load(&c->db->turn); }

static void keep_snapshot(struct us_dbc *c)
{
	if (!c->in_transaction || !c->db->driver->is_only_writer || c->sticky.code || !is_newest(c))
		return;
	reset_begun(c);
	c->in_transaction = false;
	c->has_snapshot = true;
}

static void end_snapshot(struct us_dbc *c)
{
	c->has_snapshot = false;
	roll_back(c);
}

static bool go_on_with_snapshot(struct us_dbc *c, int64_t now_ms)
{
	if (!c->has_snapshot)
		return false;
	if (is_newest(c) && now_ms - c->begun_ms < SNAPSHOT_MS) {
		c->has_snapshot = false;
		c->in_transaction = true;
		return true;
	}
	end_snapshot(c);
	return false;
}

/* Called with the lock held, by whoever gets the writer. */
static void begin_turn(struct us_db *db)
{
	atomic_fetch_add(&db->turn, 1);
	for (struct us_dbc *c = db->readers.idle; c; c = c->next)
		if (c->has_snapshot)
			end_snapshot(c);
}

/* Called with the lock held, by whoever gives it back. */
static void end_turn(struct us_dbc *c)
{
	struct us_db *db = c->db;

	atomic_fetch_add(&db->turn, 1);
	db->has_leftover = db->driver->has_leftover(c->native);
	if (db->has_leftover)
		pthread_cond_signal(&db->left);
}

/* ---- leases ---- */

static struct timespec deadline_in(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* NULL when the time is over. Called with the lock held. */
static struct us_dbc *wait_for_turn(struct us_db *db, struct pool *pool)
{
	struct timespec until = deadline_in(atomic_load(&db->lease_wait_ms));
	struct waiter self = { .c = NULL };

	init_cond(&self.given);
	*pool->last = &self;
	pool->last = &self.next;
	while (!self.c && pthread_cond_timedwait(&self.given, &db->lock, &until) == 0)
		;
	if (!self.c) {
		struct waiter **at = &pool->first;
		while (*at != &self)
			at = &(*at)->next;
		*at = self.next;
		if (!*at)
			pool->last = at;
	}
	pthread_cond_destroy(&self.given);
	return self.c;
}

static enum us_errc lease(struct us_db *db, struct pool *pool, struct us_dbc **ret_c, struct us_err *err)
{
	pthread_mutex_lock(&db->lock);
	struct us_dbc *c = pool->idle;
	if (c) {
		pool->idle = c->next;
		if (c->is_writer)
			begin_turn(db);
	} else if (pool->n < pool->max) {
		pool->n++;
		pthread_mutex_unlock(&db->lock);
		enum us_errc rc = connect_new(db, false, ret_c, err);
		if (!rc)
			return US_OK;
		pthread_mutex_lock(&db->lock);
		pool->n--;
		pthread_mutex_unlock(&db->lock);
		return rc;
	} else {
		c = wait_for_turn(db, pool);
	}
	pthread_mutex_unlock(&db->lock);
	if (!c)
		return us_err_set(err, US_UNAVAILABLE, "the store is busy: no %s became free within %lld s",
			pool == &db->writer ? "turn for writing" : "connection for reading",
			(long long) (atomic_load(&db->lease_wait_ms) / 1000));
	c->next = NULL;
	*ret_c = c;
	return US_OK;
}

enum us_errc us_db_lease_reader(struct us_db *db, struct us_dbc **ret_c, struct us_err *err)
{
	return lease(db, &db->readers, ret_c, err);
}

enum us_errc us_db_lease_writer(struct us_db *db, struct us_dbc **ret_c, struct us_err *err)
{
	return lease(db, &db->writer, ret_c, err);
}

void us_db_release(struct us_dbc *c)
{
	if (!c)
		return;
	struct us_db *db = c->db;
	struct pool *pool = c->is_writer ? &db->writer : &db->readers;

	keep_snapshot(c);
	us_db_rollback(c);
	/* A row loop that was left early would hold its snapshot. */
	reset_begun(c);
	db->driver->rest(c->native);
	/* Statements outside of a transaction, and commits whose outcome nobody knows. */
	if (c->is_writer)
		atomic_fetch_add(&db->generation, 1);
	pthread_mutex_lock(&db->lock);
	if (c->is_writer)
		end_turn(c);
	else if (c->has_snapshot && !is_newest(c))
		end_snapshot(c);
	struct waiter *w = pool->first;
	if (w) {
		if (c->is_writer)
			begin_turn(db);
		pool->first = w->next;
		if (!pool->first)
			pool->last = &pool->first;
		w->c = c;
		pthread_cond_signal(&w->given);
	} else {
		c->next = pool->idle;
		pool->idle = c;
	}
	pthread_mutex_unlock(&db->lock);
}

/* ---- what commits have left ---- */

/* Whether nobody has had the writer for that long. Called with the lock held. */
static bool has_rested(struct us_db *db)
{
	uint64_t turn = atomic_load(&db->turn);
	struct timespec until = deadline_in(CLEAN_UP_MS);

	while (!db->is_closing && pthread_cond_timedwait(&db->left, &db->lock, &until) == 0)
		;
	return db->writer.idle && turn == atomic_load(&db->turn);
}

static void *clean_up(void *data)
{
	struct us_db *db = data;

	pthread_mutex_lock(&db->lock);
	while (!db->is_closing) {
		if (!db->has_leftover) {
			pthread_cond_wait(&db->left, &db->lock);
			continue;
		}
		if (!has_rested(db) || db->is_closing)
			continue;
		struct us_dbc *c = db->writer.idle;
		db->writer.idle = NULL;
		begin_turn(db);
		pthread_mutex_unlock(&db->lock);
		db->driver->clean_up(c->native);
		us_db_release(c);
		pthread_mutex_lock(&db->lock);
	}
	pthread_mutex_unlock(&db->lock);
	return NULL;
}

void us_db_set_lease_wait(struct us_db *db, int64_t wait_ms) { atomic_store(&db->lease_wait_ms, wait_ms); }

/* ---- errors ---- */

/* Inside a transaction the first error stays, until it is rolled back. */
static enum us_errc keep(struct us_dbc *c, enum us_errc rc, const struct us_err *got, struct us_err *err)
{
	if (c->in_transaction)
		c->sticky = *got;
	if (err)
		*err = *got;
	return rc;
}

static enum us_errc stuck(const struct us_dbc *c, struct us_err *err)
{
	if (c->sticky.code && err)
		*err = c->sticky;
	return c->sticky.code;
}

/* Counts a statement; an error if it is the one that was asked to fail. */
static enum us_errc count(struct us_dbc *c, struct us_err *ret_err)
{
	struct us_db *db = c->db;

	atomic_fetch_add_explicit(&db->statements, 1, memory_order_relaxed);
	if (atomic_load_explicit(&db->fail_in, memory_order_relaxed) <= 0 || atomic_fetch_sub(&db->fail_in, 1) != 1)
		return US_OK;
	return us_err_set(ret_err, (enum us_errc) atomic_load(&db->fail_code), "store: a fault was injected");
}

uint64_t us_db_generation(const struct us_db *db) { return atomic_load(&((struct us_db *) db)->generation); }

int64_t us_db_statements(const struct us_db *db) { return atomic_load(&((struct us_db *) db)->statements); }

void us_db_fail_at(struct us_db *db, int64_t n, enum us_errc code)
{
	atomic_store(&db->fail_code, (int) code);
	atomic_store(&db->fail_in, n);
}

/* ---- statements ---- */

static size_t slot_of(const struct us_dbc *c, const char *sql)
{
	uint64_t h = (uint64_t) (uintptr_t) sql * 0x9E3779B97F4A7C15u;
	size_t at = (size_t) (h >> 32) & (c->n_slots - 1);

	while (c->slots[at].key && c->slots[at].key != sql)
		at = (at + 1) & (c->n_slots - 1);
	return at;
}

static void grow_slots(struct us_dbc *c)
{
	struct slot *old = c->slots;
	size_t n = c->n_slots;

	c->n_slots = n ? 2 * n : 64;
	c->slots = us_calloc(c->n_slots, sizeof *c->slots);
	for (size_t i = 0; i < n; i++)
		if (old[i].key)
			c->slots[slot_of(c, old[i].key)] = old[i];
	free(old);
}

enum us_errc us_db_prepare(struct us_dbc *c, const char *sql, struct us_stmt **ret_stmt, struct us_err *err)
{
	if (c->sticky.code)
		return stuck(c, err);
	if (c->has_snapshot)
		end_snapshot(c);
	if (2 * c->n_used >= c->n_slots)
		grow_slots(c);
	size_t at = slot_of(c, sql);
	struct us_stmt *s = c->slots[at].stmt;
	if (s && strcmp(s->sql, sql) == 0) {
		us_stmt_reset(s);
		c->db->driver->unbind(s->native);
		*ret_stmt = s;
		return US_OK;
	}
	struct us_err got;
	void *native;
	enum us_errc rc = c->db->driver->prepare(c->native, sql, &native, &got);
	if (rc)
		return keep(c, rc, &got, err);
	/* Another text at the same address: the old one's memory was given back, so nobody has that statement any more. */
	if (s) {
		us_stmt_reset(s);
		stmt_free(s);
	} else {
		c->n_used++;
	}
	s = us_calloc(1, sizeof *s);
	*s = (struct us_stmt) { .driver = c->db->driver, .c = c, .native = native, .sql = us_strdup(sql) };
	c->slots[at] = (struct slot) { sql, s };
	*ret_stmt = s;
	return US_OK;
}

static void bound(struct us_stmt *s, int result)
{
	if (result && !s->bind_result)
		s->bind_result = result;
}

void us_stmt_bind_int(struct us_stmt *s, int at, int64_t value) { bound(s, s->driver->bind_int(s->native, at, value)); }
void us_stmt_bind_null(struct us_stmt *s, int at) { bound(s, s->driver->bind_null(s->native, at)); }

void us_stmt_bind_slice(struct us_stmt *s, int at, struct us_slice text)
{
	bound(s, text.p ? s->driver->bind_text(s->native, at, text.p, text.n) : s->driver->bind_null(s->native, at));
}

void us_stmt_bind_blob(struct us_stmt *s, int at, const void *p, size_t n)
{
	bound(s, p ? s->driver->bind_blob(s->native, at, p, n) : s->driver->bind_null(s->native, at));
}

enum us_errc us_stmt_step(struct us_stmt *s, struct us_err *err)
{
	struct us_err got; /* filled only on an error: too large to be cleared at each row */
	enum us_errc rc = US_OK;

	if (s->c->sticky.code)
		return stuck(s->c, err);
	if (!s->is_begun)
		rc = s->bind_result ? s->driver->explain(s->native, s->bind_result, &got) : count(s->c, &got);
	if (!rc) {
		if (!s->is_begun)
			note_begun(s);
		rc = s->driver->step(s->native, &got);
	}
	if (rc == US_OK)
		return US_OK;
	us_stmt_reset(s);
	return rc == US_END ? US_END : keep(s->c, rc, &got, err);
}

enum us_errc us_stmt_run(struct us_stmt *s, int64_t *ret_changed, struct us_err *err)
{
	enum us_errc rc = us_stmt_step(s, err);

	us_assert(rc != US_OK); /* gives rows: wants a loop */
	if (rc != US_END)
		return rc;
	if (ret_changed)
		*ret_changed = s->driver->changed(s->native);
	return US_OK;
}

int64_t us_stmt_int(struct us_stmt *s, int column) { return s->driver->column_int(s->native, column); }
struct us_slice us_stmt_slice(struct us_stmt *s, int column) { return s->driver->column_slice(s->native, column); }
bool us_stmt_is_null(struct us_stmt *s, int column) { return s->driver->column_is_null(s->native, column); }

enum us_errc us_db_exec(struct us_dbc *c, const char *sql, struct us_err *err)
{
	struct us_err got;

	if (c->sticky.code)
		return stuck(c, err);
	if (c->has_snapshot)
		end_snapshot(c);
	enum us_errc rc = count(c, &got);
	if (!rc)
		rc = c->db->driver->exec(c->native, sql, &got);
	return rc ? keep(c, rc, &got, err) : US_OK;
}

/* ---- transactions ---- */

static enum us_errc run(struct us_dbc *c, const char *sql, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, sql, &s, err);

	return rc ? rc : us_stmt_run(s, NULL, err);
}

enum us_errc us_db_load_size(struct us_dbc *c, int64_t *ret_bytes, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, c->db->driver->size, &s, err);

	if (!rc)
		rc = us_stmt_step(s, err);
	if (!rc) {
		*ret_bytes = us_stmt_int(s, 0);
		us_stmt_reset(s);
	}
	return rc;
}

enum us_errc us_db_begin(struct us_dbc *c, struct us_err *err)
{
	us_assert(!c->in_transaction);
	int64_t now_ms = us_clock_monotonic_ms();
	if (go_on_with_snapshot(c, now_ms))
		return US_OK;
	c->turn = atomic_load(&c->db->turn);
	c->begun_ms = now_ms;
	enum us_errc rc = run(c, c->is_writer ? c->db->driver->begin_writer : c->db->driver->begin_reader, err);
	c->in_transaction = rc == US_OK;
	return rc;
}

enum us_errc us_db_begin_durable(struct us_dbc *c, struct us_err *err)
{
	us_assert(c->is_writer && !c->in_transaction);
	enum us_errc rc = us_db_exec(c, c->db->driver->durable_on, err);

	c->is_durable = rc == US_OK;
	return rc ? rc : us_db_begin(c, err);
}

/* Should it fail, the transactions that follow cost more and lose nothing. */
static void end_durable(struct us_dbc *c)
{
	if (c->is_durable)
		c->is_durable = c->db->driver->exec(c->native, c->db->driver->durable_off, NULL) != US_OK;
}

enum us_errc us_db_commit(struct us_dbc *c, struct us_err *err)
{
	us_assert(c->in_transaction);
	enum us_errc rc = run(c, "COMMIT", err);
	if (rc)
		return rc;
	c->in_transaction = false;
	end_durable(c);
	atomic_fetch_add(&c->db->generation, 1);
	for (size_t i = 0; i < c->n_after_commit; i++)
		c->after_commit[i]();
	c->n_after_commit = 0;
	return US_OK;
}

enum us_errc us_db_begin_write(struct us_db *db, struct us_dbc **ret_c, struct us_err *err)
{
	enum us_errc rc = us_db_lease_writer(db, ret_c, err);

	if (rc)
		return rc;
	rc = us_db_begin(*ret_c, err);
	if (rc)
		us_db_release(*ret_c);
	return rc;
}

enum us_errc us_db_end_write(struct us_dbc *c, enum us_errc rc, struct us_err *err)
{
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}

void us_db_rollback(struct us_dbc *c)
{
	if (!c->in_transaction)
		return;
	c->in_transaction = false;
	c->sticky.code = US_OK;
	c->n_after_commit = 0;
	reset_begun(c);
	if (c->db->driver->is_in_transaction(c->native))
		roll_back(c);
	end_durable(c);
}

void us_db_after_commit(struct us_dbc *c, void (*done)(void))
{
	us_assert(c->in_transaction);
	for (size_t i = 0; i < c->n_after_commit; i++)
		if (c->after_commit[i] == done)
			return;
	us_assert(c->n_after_commit < AFTER_COMMIT_MAX);
	c->after_commit[c->n_after_commit++] = done;
}
