#include "temp.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "db/db.h"

struct fixture {
	struct temp temp;
	struct us_db *db;
	struct us_dbc *w;
};

#define assert_ok(call) \
	do { \
		enum us_errc rc_ = (call); \
		if (rc_ != US_OK) \
			fail_msg("%s: %s: %s", #call, us_err_name(rc_), err.text); \
	} while (0)

static int setup(void **state)
{
	struct fixture *f = us_calloc(1, sizeof *f);
	struct us_err err = US_ERR_INIT;

	temp_make(&f->temp);
	assert_ok(us_db_open(f->temp.dsn, &f->db, &err));
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
	assert_ok(us_db_exec(f->w, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c BLOB); CREATE TABLE u (a INTEGER REFERENCES t (a))",
		&err));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	us_db_release(f->w);
	us_db_close(f->db);
	temp_remove(&f->temp);
	free(f);
	return 0;
}

static enum us_errc insert(struct us_dbc *c, int64_t a, const char *b, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_prepare(c, "INSERT INTO t (a, b) VALUES (?1, ?2)", &s, err);

	if (rc)
		return rc;
	us_stmt_bind_int(s, 1, a);
	us_stmt_bind_slice(s, 2, us_slice(b));
	return us_stmt_run(s, NULL, err);
}

static int64_t count_rows(struct us_dbc *c)
{
	struct us_err err = US_ERR_INIT;
	struct us_stmt *s;

	assert_ok(us_db_prepare(c, "SELECT count(*) FROM t", &s, &err));
	assert_ok(us_stmt_step(s, &err));
	int64_t n = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return n;
}

static void values_come_back_as_bound(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_stmt *s;
	int64_t changed = -1;

	assert_ok(us_db_prepare(f->w, "INSERT INTO t (a, b, c) VALUES (?1, ?2, ?3), (?1 + 1, NULL, ?4)", &s, &err));
	us_stmt_bind_int(s, 1, INT64_MAX - 1);
	us_stmt_bind_slice(s, 2, (struct us_slice) { "a\0b", 3 });
	us_stmt_bind_blob(s, 3, "\0\xFF", 2);
	us_stmt_bind_blob(s, 4, "", 0);
	assert_ok(us_stmt_run(s, &changed, &err));
	assert_int_equal(changed, 2);
	assert_ok(us_db_prepare(f->w, "SELECT a, b, c FROM t ORDER BY a", &s, &err));
	assert_ok(us_stmt_step(s, &err));
	assert_true(us_stmt_int(s, 0) == INT64_MAX - 1);
	assert_true(us_slice_is_equal(us_stmt_slice(s, 1), (struct us_slice) { "a\0b", 3 }));
	assert_true(us_slice_is_equal(us_stmt_slice(s, 2), (struct us_slice) { "\0\xFF", 2 }));
	assert_ok(us_stmt_step(s, &err));
	assert_true(us_stmt_is_null(s, 1) && !us_stmt_slice(s, 1).p && us_stmt_int(s, 1) == 0);
	assert_true(!us_stmt_is_null(s, 2) && us_stmt_slice(s, 2).p && us_stmt_slice(s, 2).n == 0);
	assert_int_equal(us_stmt_step(s, &err), US_END);
}

static void preparing_again_is_a_look_up_and_forgets_values(void **state)
{
	static const char sql[] = "SELECT ?1, ?2";
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_stmt *s, *again;

	assert_ok(us_db_prepare(f->w, sql, &s, &err));
	us_stmt_bind_slice(s, 1, US_SLICE("x"));
	assert_ok(us_stmt_step(s, &err));
	assert_ok(us_db_prepare(f->w, sql, &again, &err));
	assert_ptr_equal(s, again);
	assert_ok(us_stmt_step(again, &err));
	assert_true(us_stmt_is_null(again, 0));
	us_stmt_reset(again);
	char text[64];
	for (int i = 0; i < 300; i++) { /* another text at the same address is another statement */
		snprintf(text, sizeof text, "SELECT %d", i);
		assert_ok(us_db_prepare(f->w, text, &s, &err));
		assert_ok(us_stmt_step(s, &err));
		assert_int_equal(us_stmt_int(s, 0), i);
		us_stmt_reset(s);
	}
}

static void first_error_of_a_transaction_stays_until_rollback(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT, later = US_ERR_INIT;

	assert_ok(us_db_begin(f->w, &err));
	assert_ok(insert(f->w, 1, "x", &err));
	assert_int_equal(insert(f->w, 2, "x", &err), US_CONFLICT);
	assert_int_equal(err.native, SQLITE_CONSTRAINT_UNIQUE);
	assert_int_equal(insert(f->w, 3, "y", &later), US_CONFLICT);
	assert_string_equal(later.text, err.text);
	assert_int_equal(us_db_exec(f->w, "DELETE FROM t", NULL), US_CONFLICT);
	assert_int_equal(us_db_commit(f->w, NULL), US_CONFLICT);
	us_db_rollback(f->w);
	assert_int_equal(count_rows(f->w), 0);
	assert_ok(insert(f->w, 3, "y", &err));
}

static void errors_have_codes(void **state)
{
	static const struct {
		const char *sql;
		enum us_errc code;
	} rows[] = {
		{ "INSERT INTO u VALUES (77)", US_CONFLICT },
		{ "INSERT INTO t VALUES (1, 'a', NULL), (1, 'b', NULL)", US_CONFLICT },
		{ "nonsense", US_INTERNAL },
		{ "INSERT INTO t (c) VALUES (zeroblob(600 * 1024 * 1024))", US_TOO_LARGE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		assert_row(i, us_db_exec(f->w, rows[i].sql, &err) == rows[i].code);
		assert_row(i, err.code == rows[i].code && err.text[0]);
	}
	struct us_err err = US_ERR_INIT;
	struct us_dbc *r;
	assert_ok(us_db_lease_reader(f->db, &r, &err));
	assert_int_equal(us_db_exec(r, "DELETE FROM t", &err), US_DISK);
	us_db_release(r);
	struct us_stmt *s;
	assert_ok(us_db_prepare(f->w, "SELECT ?1", &s, &err));
	us_stmt_bind_int(s, 2, 1);
	assert_int_equal(us_stmt_step(s, &err), US_INTERNAL);
}

static void reader_keeps_its_snapshot(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_dbc *r;

	assert_ok(us_db_lease_reader(f->db, &r, &err));
	assert_ok(us_db_begin(r, &err));
	assert_int_equal(count_rows(r), 0);
	assert_ok(insert(f->w, 1, "x", &err));
	assert_int_equal(count_rows(r), 0);
	us_db_rollback(r);
	assert_int_equal(count_rows(r), 1);
	us_db_release(r);
}

/* How many rows a transaction of its own sees. */
static int64_t read_rows(struct us_db *db, int64_t *ret_statements)
{
	struct us_err err = US_ERR_INIT;
	int64_t before = us_db_statements(db);
	struct us_dbc *r;

	assert_ok(us_db_lease_reader(db, &r, &err));
	assert_ok(us_db_begin(r, &err));
	int64_t n = count_rows(r);
	us_db_release(r);
	*ret_statements = us_db_statements(db) - before;
	return n;
}

static void snapshot_is_gone_on_with_while_nobody_writes(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t statements;
	struct us_dbc *r;

	/* Somebody has the writer. */
	for (int i = 0; i < 3; i++) {
		assert_ok(insert(f->w, i, NULL, &err));
		assert_int_equal(read_rows(f->db, &statements), i + 1);
		assert_int_equal(statements, 2);
	}
	/* Nobody has it any more: that was the last snapshot of its kind. */
	us_db_release(f->w);
	assert_int_equal(read_rows(f->db, &statements), 3);
	assert_int_equal(statements, 2);
	/* A busy machine may take longer than a snapshot is kept. */
	int64_t until_ms = us_clock_monotonic_ms() + 10000;
	while (read_rows(f->db, &statements) == 3 && statements != 1)
		assert_true(us_clock_monotonic_ms() < until_ms);
	/* Written between the lease and the transaction, and read outside of one. */
	for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
		read_rows(f->db, &statements);
		assert_ok(us_db_lease_reader(f->db, &r, &err));
		assert_ok(us_db_lease_writer(f->db, &f->w, &err));
		assert_ok(insert(f->w, 3 + in_transaction, NULL, &err));
		us_db_release(f->w);
		if (in_transaction)
			assert_ok(us_db_begin(r, &err));
		assert_int_equal(count_rows(r), 4 + in_transaction);
		us_db_release(r);
	}
	/* One that failed is not gone on with. */
	assert_ok(us_db_lease_reader(f->db, &r, &err));
	assert_ok(us_db_begin(r, &err));
	assert_int_equal(us_db_exec(r, "nonsense", &err), US_INTERNAL);
	us_db_release(r);
	assert_int_equal(read_rows(f->db, &statements), 5);
	assert_int_equal(statements, 2);
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
}

static void what_another_program_writes_is_seen(void **state)
{
	struct fixture *f = *state;
	int64_t statements, until_ms = us_clock_monotonic_ms() + 10000;
	struct us_err err = US_ERR_INIT;
	sqlite3 *other;

	us_db_release(f->w);
	assert_int_equal(read_rows(f->db, &statements), 0);
	assert_int_equal(sqlite3_open(f->temp.file, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "INSERT INTO t (a) VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	while (read_rows(f->db, &statements) == 0)
		assert_true(us_clock_monotonic_ms() < until_ms);
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
}

static void giving_back_ends_loops_and_transactions(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_dbc *r;
	struct us_stmt *s;

	assert_ok(insert(f->w, 1, "x", &err));
	assert_ok(us_db_lease_reader(f->db, &r, &err));
	assert_ok(us_db_prepare(r, "SELECT a FROM t", &s, &err));
	assert_ok(us_stmt_step(s, &err));
	us_db_release(r);
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(insert(f->w, 2, "y", &err));
	us_db_release(f->w);
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
	assert_int_equal(count_rows(f->w), 1);
	assert_ok(us_db_lease_reader(f->db, &r, &err));
	assert_int_equal(count_rows(r), 1);
	us_db_release(r);
}

static void file_is_for_its_owner_alone(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	for (size_t i = 0; i < countof(ends); i++) {
		char name[PATH_MAX + 64];
		struct stat st;
		snprintf(name, sizeof name, "%s%s", f->temp.file, ends[i]);
		assert_row(i, stat(name, &st) == 0 && (st.st_mode & 0777) == 0600);
	}
}

static void second_server_is_refused_by_name_and_pid(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_db *other;
	char link_dsn[PATH_MAX + 64], pid[32];

	assert_int_equal(us_db_open(f->temp.dsn, &other, &err), US_UNAVAILABLE);
	snprintf(pid, sizeof pid, "process %ld ", (long) getpid());
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, f->temp.file));
	snprintf(link_dsn, sizeof link_dsn, "sqlite:%s/link.db", f->temp.path);
	assert_int_equal(symlink(f->temp.file, link_dsn + strlen("sqlite:")), 0);
	assert_int_equal(us_db_open(link_dsn, &other, &err), US_UNAVAILABLE);
	assert_ok(insert(f->w, 1, "still ours", &err));
}

static void bad_dsns_say_what_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_db *other;
	char dsn[PATH_MAX + 64];

	assert_int_equal(us_db_open("postgresql://me:hidden@host", &other, &err), US_CONFIG);
	assert_null(strstr(err.text, "hidden"));
	assert_int_equal(us_db_open("sqlite:", &other, &err), US_CONFIG);
	assert_int_equal(us_db_open("sqlite", &other, &err), US_CONFIG);
	snprintf(dsn, sizeof dsn, "sqlite:%s/none/x.db", f->temp.path);
	assert_int_equal(us_db_open(dsn, &other, &err), US_DISK);
	snprintf(dsn, sizeof dsn, "sqlite:%s", f->temp.path);
	assert_int_equal(us_db_open(dsn, &other, &err), US_DISK);
}

static void foreign_and_damaged_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_db *other;
	char dsn[PATH_MAX + 64];

	snprintf(dsn, sizeof dsn, "sqlite:%s/foreign.db", f->temp.path);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(dsn + strlen("sqlite:"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(us_db_open(dsn, &other, &err), US_CONFIG);
	assert_non_null(strstr(err.text, "is a database of another program"));
	snprintf(dsn, sizeof dsn, "sqlite:%s/text.db", f->temp.path);
	FILE *file = fopen(dsn + strlen("sqlite:"), "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_int_equal(us_db_open(dsn, &other, &err), US_CONFIG);
	assert_non_null(strstr(err.text, "is no database of this program"));
}

static void nth_statement_fails_when_asked_to(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;

	int64_t before = us_db_statements(f->db);
	assert_ok(insert(f->w, 1, "a", &err));
	assert_int_equal(us_db_statements(f->db), before + 1);
	us_db_fail_at(f->db, 3, US_DISK);
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(insert(f->w, 2, "b", &err));
	assert_int_equal(insert(f->w, 3, "c", &err), US_DISK);
	assert_int_equal(us_db_commit(f->w, &err), US_DISK);
	us_db_rollback(f->w);
	assert_int_equal(count_rows(f->w), 1);
	us_db_fail_at(f->db, 2, US_UNAVAILABLE);
	assert_ok(us_db_begin(f->w, &err));
	assert_int_equal(us_db_commit(f->w, &err), US_UNAVAILABLE);
	us_db_rollback(f->w);
	us_db_fail_at(f->db, 1, US_UNAVAILABLE);
	us_db_fail_at(f->db, 0, US_OK);
	assert_ok(insert(f->w, 2, "b", &err));
}

static int committed;
static void on_commit(void) { committed++; }

static void after_commit_runs_once_and_only_on_commit(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;

	committed = 0;
	assert_ok(us_db_begin(f->w, &err));
	us_db_after_commit(f->w, on_commit);
	us_db_after_commit(f->w, on_commit);
	us_db_rollback(f->w);
	assert_int_equal(committed, 0);
	assert_ok(us_db_begin(f->w, &err));
	us_db_after_commit(f->w, on_commit);
	us_db_after_commit(f->w, on_commit);
	assert_ok(us_db_commit(f->w, &err));
	assert_int_equal(committed, 1);
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_db_commit(f->w, &err));
	assert_int_equal(committed, 1);
}

struct turn {
	struct us_db *db;
	_Atomic int *next;
	int place; /* in the order of getting it */
	enum us_errc rc;
};

static void *take_turn(void *arg)
{
	struct turn *t = arg;
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	t->rc = us_db_lease_writer(t->db, &c, &err);
	if (!t->rc) {
		t->place = atomic_fetch_add(t->next, 1);
		us_db_release(c);
	}
	return NULL;
}

static void everybody_gets_the_writer(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	pthread_t threads[8];
	struct turn turns[8];
	_Atomic int next = 0;

	for (size_t i = 0; i < countof(threads); i++) {
		turns[i] = (struct turn) { .db = f->db, .next = &next };
		assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &turns[i]), 0);
	}
	us_db_release(f->w);
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(turns[i].rc, US_OK);
	}
	assert_int_equal(next, 8);
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
}

static void waiting_for_a_lease_has_an_end(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c, *readers[64];
	size_t n = 0;

	us_db_set_lease_wait(f->db, 20);
	assert_int_equal(us_db_lease_writer(f->db, &c, &err), US_UNAVAILABLE);
	assert_int_equal(us_db_lease_writer(f->db, &c, &err), US_UNAVAILABLE);
	while (n < countof(readers) && us_db_lease_reader(f->db, &readers[n], &err) == US_OK)
		n++;
	assert_in_range(n, 8, 63);
	assert_int_equal(err.code, US_UNAVAILABLE);
	us_db_release(readers[0]);
	assert_ok(us_db_lease_reader(f->db, &readers[0], &err));
	while (n)
		us_db_release(readers[--n]);
}

struct reading {
	struct us_db *db;
	_Atomic bool *stop;
	_Atomic int64_t *written;
	int64_t rounds;
	bool torn, stale;
};

static void *read_pairs(void *arg)
{
	struct reading *t = arg;

	while (!atomic_load(t->stop)) {
		struct us_err err = US_ERR_INIT;
		struct us_dbc *c;
		if (us_db_lease_reader(t->db, &c, &err))
			continue;
		int64_t written = atomic_load(t->written);
		if (us_db_begin(c, &err) == US_OK) {
			int64_t first = count_rows(c);
			t->stale = t->stale || first < written;
			t->torn = t->torn || first % 2 || count_rows(c) != first;
		}
		us_db_release(c);
		t->rounds++;
	}
	return NULL;
}

static void readers_see_whole_transactions_and_the_newest_while_one_writes(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	pthread_t threads[3];
	struct reading readings[3];
	_Atomic bool stop = false;
	_Atomic int64_t written = 0;

	us_db_release(f->w);
	for (size_t i = 0; i < countof(threads); i++) {
		readings[i] = (struct reading) { .db = f->db, .stop = &stop, .written = &written };
		assert_int_equal(pthread_create(&threads[i], NULL, read_pairs, &readings[i]), 0);
	}
	for (int i = 0; i < 300; i++) {
		char name[32];
		assert_ok(us_db_begin_write(f->db, &f->w, &err));
		for (int k = 0; k < 2; k++) {
			snprintf(name, sizeof name, "%d-%d", i, k);
			assert_ok(insert(f->w, 2 * i + k, name, &err));
		}
		assert_ok(us_db_end_write(f->w, US_OK, &err));
		atomic_store(&written, 2 * (i + 1));
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_false(readings[i].torn || readings[i].stale);
	}
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
	assert_int_equal(count_rows(f->w), 600);
}

static off_t size_of(const struct temp *t, const char *end)
{
	char name[PATH_MAX + 64];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", t->file, end);
	return stat(name, &st) == 0 ? st.st_size : -1;
}

static void log_does_not_grow_without_end(void **state)
{
	struct fixture *f = *state;
	int64_t statements;
	struct us_err err = US_ERR_INIT;

	/* One large transaction is moved at once and the log cut, whatever snapshot an idle reader has kept; many small ones stay below their bound. */
	us_db_release(f->w);
	read_rows(f->db, &statements);
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
	assert_ok(us_db_exec(f->w, "INSERT INTO t (c) VALUES (zeroblob(100 * 1024 * 1024))", &err));
	assert_int_equal(size_of(&f->temp, "-wal"), 0);
	for (int i = 0; i < 300; i++)
		assert_ok(us_db_exec(f->w, "INSERT INTO t (c) VALUES (zeroblob(200000))", &err));
	assert_in_range(size_of(&f->temp, "-wal"), 1, 40 << 20);
}

/* A commit is not held up for it. */
static void log_is_moved_once_nobody_writes(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t statements, until_ms = us_clock_monotonic_ms() + 10000;

	for (int i = 0; i < 60; i++)
		assert_ok(us_db_exec(f->w, "INSERT INTO t (c) VALUES (zeroblob(200000))", &err));
	assert_in_range(size_of(&f->temp, ""), 0, 1 << 20);
	us_db_release(f->w);
	while (size_of(&f->temp, "") < 12000000) {
		read_rows(f->db, &statements);
		assert_true(us_clock_monotonic_ms() < until_ms);
	}
	assert_ok(us_db_lease_writer(f->db, &f->w, &err));
	assert_int_equal(count_rows(f->w), 60);
}

/* In a process of its own, because the limit is the process's. */
static int write_until_full(const char *dsn)
{
	struct us_err err = US_ERR_INIT;
	struct us_db *db;
	struct us_dbc *w;
	struct rlimit limit = { 4 << 20, 4 << 20 };

	signal(SIGXFSZ, SIG_IGN);
	if (us_db_open(dsn, &db, &err) || us_db_lease_writer(db, &w, &err))
		return 2;
	if (us_db_exec(w, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c BLOB); INSERT INTO t (a) VALUES (1)", &err))
		return 3;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (us_db_begin(w, &err))
		return 4;
	enum us_errc rc = US_OK;
	for (int i = 0; i < 1000 && !rc; i++)
		rc = us_db_exec(w, "INSERT INTO t (c) VALUES (zeroblob(100000))", &err);
	if (!rc)
		rc = us_db_commit(w, &err);
	if (rc != US_DISK || us_db_commit(w, NULL) != US_DISK)
		return 5;
	us_db_rollback(w);
	if (insert(w, 2, "room for a little", &err))
		return 6;
	int64_t n = count_rows(w);
	us_db_release(w);
	us_db_close(db);
	return n == 2 ? 0 : 7;
}

static void full_disk_is_an_error_and_changes_nothing(void **state)
{
	struct temp t;
	int status;

	temp_make(&t);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write_until_full(t.dsn));
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	temp_remove(&t);
}

static void database_outlives_a_kill(void **state)
{
	struct temp t;
	int status, ready[2];
	struct us_err err = US_ERR_INIT;
	struct us_db *db;
	struct us_dbc *w;

	temp_make(&t);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (us_db_open(t.dsn, &db, &err) || us_db_lease_writer(db, &w, &err) ||
			us_db_exec(w, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c BLOB)", &err) || insert(w, 1, "kept", &err) ||
			us_db_begin(w, &err) || insert(w, 2, "lost", &err) ||
			us_db_exec(w, "INSERT INTO t (c) VALUES (zeroblob(80 * 1024 * 1024))", &err) || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	char c;
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_ok(us_db_open(t.dsn, &db, &err));
	assert_ok(us_db_lease_writer(db, &w, &err));
	assert_int_equal(count_rows(w), 1);
	us_db_release(w);
	us_db_close(db);
	temp_remove(&t);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(values_come_back_as_bound),
		test(preparing_again_is_a_look_up_and_forgets_values),
		test(first_error_of_a_transaction_stays_until_rollback),
		test(errors_have_codes),
		test(reader_keeps_its_snapshot),
		test(snapshot_is_gone_on_with_while_nobody_writes),
		test(what_another_program_writes_is_seen),
		test(giving_back_ends_loops_and_transactions),
		test(file_is_for_its_owner_alone),
		test(second_server_is_refused_by_name_and_pid),
		test(bad_dsns_say_what_is_wrong),
		test(foreign_and_damaged_files_are_refused),
		test(nth_statement_fails_when_asked_to),
		test(after_commit_runs_once_and_only_on_commit),
		test(everybody_gets_the_writer),
		test(waiting_for_a_lease_has_an_end),
		test(readers_see_whole_transactions_and_the_newest_while_one_writes),
		test(log_does_not_grow_without_end),
		test(log_is_moved_once_nobody_writes),
		cmocka_unit_test(full_disk_is_an_error_and_changes_nothing),
		cmocka_unit_test(database_outlives_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
