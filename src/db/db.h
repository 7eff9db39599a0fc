/* The thin SQL seam: one writer, many readers, prepared statements. It knows nothing of users.
 *
 * SQL is written once, in the common subset of SQLite and PostgreSQL; parameters are ?1, ?2 …; a driver rewrites what its engine wants
 * otherwise. Statements are cached by connection and SQL text, so preparing again costs a look-up.
 *
 * A connection is leased, used by one thread, and given back. The writer is one connection for the whole program: it does all writes and all
 * checkpoints (SQLite before 3.51.3 can corrupt a WAL database otherwise); leasing it waits for its turn. Readers see a snapshot from their
 * first statement inside begin … rollback. Given back inside a transaction, a reader goes on with that snapshot in its next one if nobody has had the
 * writer in between, for a tenth of a second: so long another program's writing is not seen.
 *
 * Errors are sticky inside a transaction: after one, every call gives it again until rollback. US_CONFLICT: a unique or foreign key.
 * US_DISK: full or read-only. US_UNAVAILABLE: locked or gone. US_VERSION, US_INTERNAL.
 * Spec: sqlite.org/wal.html, sqlite.org/c3ref (2026-11-23).
 */
#ifndef US_DB_DB_H
#define US_DB_DB_H

#include "base/err.h"
#include "base/str.h"

struct us_db;
struct us_dbc;   /* a leased connection */
struct us_stmt;  /* belongs to its connection; never freed by the caller */

/* "sqlite:PATH". Makes the database if it is not there (mode 0600); locks it against a second server. */
enum us_errc us_db_open(const char *dsn, struct us_db **ret_db, struct us_err *err);
void us_db_close(struct us_db *db); /* every connection must have been given back */

enum us_errc us_db_lease_reader(struct us_db *db, struct us_dbc **ret_c, struct us_err *err);
enum us_errc us_db_lease_writer(struct us_db *db, struct us_dbc **ret_c, struct us_err *err);
void us_db_release(struct us_dbc *c); /* an open transaction is rolled back; NULL is fine */

enum us_errc us_db_begin(struct us_dbc *c, struct us_err *err); /* writer: takes the write lock at once */
/* The writer: what this transaction commits outlives a loss of power, which costs a write to the disk; that of others may be lost, in whole transactions
 * from the last one back. A server that is killed loses nothing in either case. */
enum us_errc us_db_begin_durable(struct us_dbc *c, struct us_err *err);
enum us_errc us_db_commit(struct us_dbc *c, struct us_err *err);
/* One transaction of the writer: lease and begin, without a lease if it fails; commit if rc is US_OK, and release. end gives rc, or why it could not be
 * committed. */
enum us_errc us_db_begin_write(struct us_db *db, struct us_dbc **ret_c, struct us_err *err);
enum us_errc us_db_end_write(struct us_dbc *c, enum us_errc rc, struct us_err *err);
void us_db_rollback(struct us_dbc *c); /* clears the sticky error; without a transaction it does nothing */
/* Calls done once when the open transaction has been committed, in the committing thread; never if it is rolled back. The same function
 * given twice is called once. For caches that must not see the old data after they were emptied. */
void us_db_after_commit(struct us_dbc *c, void (*done)(void));

/* Several statements without parameters. */
enum us_errc us_db_exec(struct us_dbc *c, const char *sql, struct us_err *err);

/* sql must be a literal or live as long as the connection. The statement comes reset, with no values bound. Integers and NULL stay bound over
 * a reset, so a loop binds again only what differs. */
enum us_errc us_db_prepare(struct us_dbc *c, const char *sql, struct us_stmt **ret_stmt, struct us_err *err);
void us_stmt_bind_int(struct us_stmt *s, int at, int64_t value); /* at from 1; errors show at step */
void us_stmt_bind_slice(struct us_stmt *s, int at, struct us_slice text);  /* NONE binds NULL; borrowed until reset */
void us_stmt_bind_blob(struct us_stmt *s, int at, const void *p, size_t n); /* borrowed until reset */
void us_stmt_bind_null(struct us_stmt *s, int at);
/* US_OK: a row is there. US_END: no more rows (the statement is reset). Else an error (reset too). */
enum us_errc us_stmt_step(struct us_stmt *s, struct us_err *err);
/* For statements that give no rows: step, expect the end, reset. ret_changed may be NULL: rows written. */
enum us_errc us_stmt_run(struct us_stmt *s, int64_t *ret_changed, struct us_err *err);
void us_stmt_reset(struct us_stmt *s); /* ends a row loop early */
/* Columns from 0, valid until the next step or reset. NULL gives 0 and NONE. */
int64_t us_stmt_int(struct us_stmt *s, int column);
struct us_slice us_stmt_slice(struct us_stmt *s, int column); /* text or blob */
bool us_stmt_is_null(struct us_stmt *s, int column);

/* How long a lease may wait for its turn before it gives US_UNAVAILABLE; 60 s if never set. */
void us_db_set_lease_wait(struct us_db *db, int64_t wait_ms);

/* Another number after each write of the writer: what was read under the same number is still so. Read it before leasing. */
uint64_t us_db_generation(const struct us_db *db);

/* Bytes of the database, those of free pages included. */
enum us_errc us_db_load_size(struct us_dbc *c, int64_t *ret_bytes, struct us_err *err);

/* Statements run since open, over all connections; for tests that bound them. */
int64_t us_db_statements(const struct us_db *db);
/* Fault injection for tests: the n-th statement from now fails with code; 0 switches it off. */
void us_db_fail_at(struct us_db *db, int64_t n, enum us_errc code);

#endif
