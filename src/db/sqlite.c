/* SQLite behind driver.h.
 *
 * Versions before 3.51.3 can corrupt a database in WAL mode when two connections write or checkpoint at the same instant. So the writer
 * connection does all of both: readers open read-only, never checkpoint, not on closing either; the lock file keeps a second server out; no
 * memory mapping.
 * Spec: sqlite.org/wal.html, sqlite.org/pragma.html, sqlite.org/rescode.html (2026-11-23).
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "db/driver.h"

/* In the file's header: this is ours. */
#define APPLICATION_MARK "1970500195"

enum {
	BUSY_MS = 10000,             /* another program holds the file: a backup, a shell */
	CHECKPOINT_FRAMES = 1000,    /* 8 MB of log: moved once nobody writes */
	LATEST_FRAMES = 4000,        /* 32 MB: by the one who writes, before going on */
	LARGE_FRAMES = 8192,         /* 64 MB of log: cut the file as well */
	LENGTH_MAX = 512 << 20,      /* of one value */
};

struct engine {
	char *path;
	int lock_fd;
};

struct conn {
	sqlite3 *db;
	const struct engine *engine;
	int frames;    /* of log that are still to be moved */
	bool is_large; /* a large transaction was committed since the last rest */
};

/* ---- errors ---- */

static enum us_errc fail(sqlite3 *db, const struct engine *engine, int rc, struct us_err *err)
{
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
	int saved_errno = db ? sqlite3_system_errno(db) : 0;
	const char *path = engine->path;

	if (db && (sqlite3_extended_errcode(db) & 0xFF) == (rc & 0xFF))
		rc = sqlite3_extended_errcode(db);
	switch (rc & 0xFF) {
	case SQLITE_NOMEM:
		us_err_nomem();
	case SQLITE_FULL:
		return us_err_set_native(err, US_DISK, rc, "the disk is full: cannot write %s; nothing was changed", path);
	case SQLITE_IOERR:
		return us_err_set_native(err, US_DISK, rc, "cannot read or write %s: %s%s%s", path, text, saved_errno ? ": " : "",
			saved_errno ? strerror(saved_errno) : "");
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return us_err_set_native(err, US_DISK, rc, "cannot write %s: %s", path, text);
	case SQLITE_CANTOPEN:
		return us_err_set_native(err, US_DISK, rc, "cannot open %s: %s%s%s", path, text, saved_errno ? ": " : "",
			saved_errno ? strerror(saved_errno) : "");
	case SQLITE_CONSTRAINT:
		if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID ||
			rc == SQLITE_CONSTRAINT_FOREIGNKEY)
			return us_err_set_native(err, US_CONFLICT, rc, "conflict in the store: %s", text);
		return us_err_set_native(err, US_INTERNAL, rc, "store: %s", text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return us_err_set_native(err, US_UNAVAILABLE, rc, "%s is held by another program: %s", path, text);
	case SQLITE_NOTADB:
		return us_err_set_native(err, US_CONFIG, rc, "%s is no database of this program", path);
	case SQLITE_CORRUPT:
		return us_err_set_native(err, US_INTERNAL, rc, "%s is damaged (%s): restore a backup", path, text);
	case SQLITE_TOOBIG:
		return us_err_set_native(err, US_TOO_LARGE, rc, "a value is too large for the store");
	case SQLITE_INTERRUPT:
		return us_err_set_native(err, US_CANCELLED, rc, "cancelled");
	default:
		return us_err_set_native(err, US_INTERNAL, rc, "store: %s", text);
	}
}

/* ---- the file and its lock ---- */

/* The one name of the file, whatever links lead to it: two servers must meet at the same lock. Does not open it: closing any descriptor of a
 * file drops the process's locks on it. NULL and errno. */
static char *resolve(const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real))
		return us_strdup(real);
	if (errno != ENOENT)
		return NULL;
	char *for_dir = us_strdup(path), *for_base = us_strdup(path), *whole = NULL;
	if (realpath(dirname(for_dir), real)) {
		const char *name = basename(for_base);
		size_t n = strlen(real) + strlen(name) + 2;
		whole = us_malloc(n);
		snprintf(whole, n, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	}
	int saved = errno;
	free(for_dir);
	free(for_base);
	errno = saved;
	return whole;
}

static enum us_errc take_lock(struct engine *e, struct us_err *err)
{
	char name[PATH_MAX + 8], pid[16] = "";

	snprintf(name, sizeof name, "%s.lock", e->path);
	e->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock_fd < 0)
		return us_err_set_native(err, US_DISK, errno, "cannot open %s: %s", name, strerror(errno));
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return us_err_set_native(err, US_DISK, errno, "cannot lock %s: %s", name, strerror(errno));
		ssize_t n = pread(e->lock_fd, pid, sizeof pid - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		return us_err_set(err, US_UNAVAILABLE, "%s is in use by process %ld (%s is locked): stop that server first", e->path,
			strtol(pid, NULL, 10), name);
	}
	int n = snprintf(pid, sizeof pid, "%ld\n", (long) getpid());
	if (ftruncate(e->lock_fd, 0) < 0 || pwrite(e->lock_fd, pid, (size_t) n, 0) != n)
		return us_err_set_native(err, US_DISK, errno, "cannot write %s: %s", name, strerror(errno));
	return US_OK;
}

/* SQLite would make it readable for everybody; the log and its index take over the mode. */
static enum us_errc make_file(const struct engine *e, struct us_err *err)
{
	int fd = open(e->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return us_err_set_native(err, US_DISK, errno, "cannot make %s: %s", e->path, strerror(errno));
	return US_OK;
}

static void sqlite_close(void *engine)
{
	struct engine *e = engine;

	if (e->lock_fd >= 0)
		close(e->lock_fd);
	free(e->path);
	free(e);
}

static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void configure(void)
{
	/* Statistics cost a lock for all threads at each allocation. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
}

static enum us_errc sqlite_open(const char *rest, void **ret_engine, struct us_err *err)
{
	pthread_once(&configured, configure);
	if (!*rest)
		return us_err_set(err, US_CONFIG, "the store has no path: sqlite:PATH");
	char *path = resolve(rest);
	if (!path)
		return us_err_set_native(err, US_DISK, errno, "cannot open %s: %s", rest, strerror(errno));
	struct engine *e = us_calloc(1, sizeof *e);
	e->path = path;
	e->lock_fd = -1;
	enum us_errc rc = take_lock(e, err);
	if (!rc)
		rc = make_file(e, err);
	if (rc) {
		sqlite_close(e);
		return rc;
	}
	*ret_engine = e;
	return US_OK;
}

/* ---- connections ---- */

/* After each commit of the writer. What fails here is tried again at the next one: the commit itself has happened. */
static int after_commit(void *context, sqlite3 *db, const char *schema, int frames)
{
	struct conn *c = context;

	c->frames = frames < LATEST_FRAMES ? frames : 0;
	if (frames < LATEST_FRAMES)
		return SQLITE_OK;
	if (frames < LARGE_FRAMES) {
		sqlite3_wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		return SQLITE_OK;
	}
	/* Moves what it can, and cuts the log if no reader stands in it; does not wait for readers. */
	c->is_large = true;
	sqlite3_busy_timeout(db, 0);
	sqlite3_wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db, BUSY_MS);
	return SQLITE_OK;
}

static enum us_errc pragma_text(struct conn *c, const char *sql, char *ret_value, size_t bytes, struct us_err *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);

	ret_value[0] = '\0';
	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		snprintf(ret_value, bytes, "%s", sqlite3_column_text(s, 0));
		rc = SQLITE_OK;
	}
	enum us_errc code = rc == SQLITE_OK || rc == SQLITE_DONE ? US_OK : fail(c->db, c->engine, rc, err);
	sqlite3_finalize(s);
	return code;
}

static enum us_errc sqlite_exec(void *conn, const char *sql, struct us_err *err)
{
	struct conn *c = conn;
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return rc ? fail(c->db, c->engine, rc, err) : US_OK;
}

static enum us_errc set_up_writer(struct conn *c, struct us_err *err)
{
	char pages[32], id[32], mode[32];
	enum us_errc rc;

	if ((rc = pragma_text(c, "PRAGMA page_count", pages, sizeof pages, err)) ||
		(rc = pragma_text(c, "PRAGMA application_id", id, sizeof id, err)))
		return rc;
	if (strcmp(pages, "0") != 0 && strcmp(id, APPLICATION_MARK) != 0)
		return us_err_set(err, US_CONFIG, "%s is a database of another program", c->engine->path);
	/* The page size holds from the first write on; the mark is that write, so no other half-made file can be ours. */
	if (strcmp(pages, "0") == 0 &&
		(rc = sqlite_exec(c, "PRAGMA page_size = 8192; PRAGMA application_id = " APPLICATION_MARK, err)))
		return rc;
	if ((rc = pragma_text(c, "PRAGMA journal_mode = WAL", mode, sizeof mode, err)))
		return rc;
	if (strcmp(mode, "wal") != 0)
		return us_err_set(err, US_DISK, "%s cannot be kept with a write-ahead log here: is it on a network file system?",
			c->engine->path);
	sqlite3_wal_hook(c->db, after_commit, c);
	return sqlite_exec(c, "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8192;"
		"PRAGMA journal_size_limit = 67108864", err);
}

static void sqlite_disconnect(void *conn)
{
	struct conn *c = conn;

	int rc = sqlite3_close(c->db);
	us_assert(rc == SQLITE_OK); /* else a statement is still there */
	free(c);
}

static enum us_errc sqlite_connect(void *engine, bool is_writer, void **ret_conn, struct us_err *err)
{
	struct engine *e = engine;
	struct conn *c = us_calloc(1, sizeof *c);
	enum us_errc code = US_OK;

	c->engine = e;
	int rc = sqlite3_open_v2(e->path, &c->db,
		(is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc) {
		code = fail(c->db, e, rc, err);
	} else {
		sqlite3_extended_result_codes(c->db, 1);
		sqlite3_busy_timeout(c->db, BUSY_MS);
		sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
		sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !is_writer, NULL);
		code = sqlite_exec(c, "PRAGMA mmap_size = 0; PRAGMA temp_store = FILE; PRAGMA wal_autocheckpoint = 0", err);
		if (!code)
			code = is_writer ? set_up_writer(c, err) : sqlite_exec(c, "PRAGMA query_only = ON; PRAGMA cache_size = -2048", err);
	}
	if (code)
		sqlite_disconnect(c);
	else
		*ret_conn = c;
	return code;
}

static void sqlite_rest(void *conn)
{
	struct conn *c = conn;

	if (c->is_large)
		sqlite3_db_release_memory(c->db);
	c->is_large = false;
}

static bool sqlite_has_leftover(void *conn) { return ((struct conn *) conn)->frames >= CHECKPOINT_FRAMES; }

static void sqlite_clean_up(void *conn)
{
	struct conn *c = conn;

	c->frames = 0;
	sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static bool sqlite_is_in_transaction(void *conn) { return !sqlite3_get_autocommit(((struct conn *) conn)->db); }

/* ---- statements ---- */

struct stmt {
	sqlite3_stmt *s;
	const struct conn *c;
	int64_t changed;
};

static enum us_errc sqlite_prepare(void *conn, const char *sql, void **ret_stmt, struct us_err *err)
{
	struct conn *c = conn;
	sqlite3_stmt *s;
	const char *tail;
	int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, &tail);

	if (rc)
		return fail(c->db, c->engine, rc, err);
	us_assert(s && !*tail); /* one statement, not none and not two */
	struct stmt *stmt = us_malloc(sizeof *stmt);
	*stmt = (struct stmt) { .s = s, .c = c };
	*ret_stmt = stmt;
	return US_OK;
}

static void sqlite_finalize(void *stmt)
{
	sqlite3_finalize(((struct stmt *) stmt)->s);
	free(stmt);
}

static void sqlite_unbind(void *stmt) { sqlite3_clear_bindings(((struct stmt *) stmt)->s); }

static int sqlite_bind_int(void *stmt, int at, int64_t value)
{
	return sqlite3_bind_int64(((struct stmt *) stmt)->s, at, value);
}

static int sqlite_bind_text(void *stmt, int at, const char *p, size_t n)
{
	return sqlite3_bind_text64(((struct stmt *) stmt)->s, at, p, n, SQLITE_STATIC, SQLITE_UTF8);
}

static int sqlite_bind_blob(void *stmt, int at, const void *p, size_t n)
{
	return sqlite3_bind_blob64(((struct stmt *) stmt)->s, at, p, n, SQLITE_STATIC);
}

static int sqlite_bind_null(void *stmt, int at) { return sqlite3_bind_null(((struct stmt *) stmt)->s, at); }

static enum us_errc sqlite_explain(void *stmt, int bind_result, struct us_err *err)
{
	struct stmt *s = stmt;

	return fail(s->c->db, s->c->engine, bind_result, err);
}

static enum us_errc sqlite_step(void *stmt, struct us_err *err)
{
	struct stmt *s = stmt;
	int rc = sqlite3_step(s->s);

	if (rc == SQLITE_ROW)
		return US_OK;
	if (rc == SQLITE_DONE) {
		s->changed = sqlite3_changes64(s->c->db);
		return US_END;
	}
	enum us_errc code = fail(s->c->db, s->c->engine, rc, err);
	sqlite3_reset(s->s);
	return code;
}

static void sqlite_reset(void *stmt) { sqlite3_reset(((struct stmt *) stmt)->s); }
static int64_t sqlite_changed(void *stmt) { return ((struct stmt *) stmt)->changed; }
static int64_t sqlite_column_int(void *stmt, int column) { return sqlite3_column_int64(((struct stmt *) stmt)->s, column); }

static struct us_slice sqlite_column_slice(void *stmt, int column)
{
	sqlite3_stmt *s = ((struct stmt *) stmt)->s;

	switch (sqlite3_column_type(s, column)) {
	case SQLITE_NULL:
		return US_SLICE_NONE;
	case SQLITE_BLOB: {
		const char *p = sqlite3_column_blob(s, column);
		return (struct us_slice) { p ? p : "", (size_t) sqlite3_column_bytes(s, column) };
	}
	default: {
		const char *p = (const char *) sqlite3_column_text(s, column);
		if (!p)
			us_err_nomem();
		return (struct us_slice) { p, (size_t) sqlite3_column_bytes(s, column) };
	}
	}
}

static bool sqlite_column_is_null(void *stmt, int column)
{
	return sqlite3_column_type(((struct stmt *) stmt)->s, column) == SQLITE_NULL;
}

const struct us_db_driver us_db_sqlite = {
	.scheme = "sqlite",
	.begin_reader = "BEGIN",
	.begin_writer = "BEGIN IMMEDIATE",
	.durable_on = "PRAGMA synchronous = FULL",
	.durable_off = "PRAGMA synchronous = NORMAL",
	.size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	.max_readers = 16,
	.is_only_writer = true,
	.open = sqlite_open,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.rest = sqlite_rest,
	.has_leftover = sqlite_has_leftover,
	.clean_up = sqlite_clean_up,
	.is_in_transaction = sqlite_is_in_transaction,
	.exec = sqlite_exec,
	.prepare = sqlite_prepare,
	.finalize = sqlite_finalize,
	.unbind = sqlite_unbind,
	.bind_int = sqlite_bind_int,
	.bind_text = sqlite_bind_text,
	.bind_blob = sqlite_bind_blob,
	.bind_null = sqlite_bind_null,
	.explain = sqlite_explain,
	.step = sqlite_step,
	.reset = sqlite_reset,
	.changed = sqlite_changed,
	.column_int = sqlite_column_int,
	.column_slice = sqlite_column_slice,
	.column_is_null = sqlite_column_is_null,
};
