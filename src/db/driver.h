/* Driver: what one database engine gives to db.c. Only db/ includes this.
 *
 * db.c owns leases, transactions, sticky errors, the statement cache and fault injection; a driver only talks to its engine. One connection
 * and its statements are used by one thread at a time. A failing function fills err with a whole line for the operator.
 */
#ifndef US_DB_DRIVER_H
#define US_DB_DRIVER_H

#include "base/err.h"
#include "base/str.h"

struct us_db_driver {
	const char *scheme; /* "sqlite": what stands before the colon of the DSN */
	const char *begin_reader, *begin_writer; /* the writer's takes the write lock at once */
	const char *durable_on, *durable_off; /* around a transaction that must outlive a loss of power */
	const char *size; /* a query for the bytes of the database */
	unsigned max_readers;
	bool is_only_writer; /* nobody but our writer changes the database: as long as it rests, a snapshot stays the newest */

	/* rest: what stands behind the colon. Locks the database against other servers and makes it if it is not there. */
	enum us_errc (*open)(const char *rest, void **ret_engine, struct us_err *err);
	void (*close)(void *engine); /* after the last disconnect */

	enum us_errc (*connect)(void *engine, bool is_writer, void **ret_conn, struct us_err *err);
	void (*disconnect)(void *conn); /* after its statements are finalized */
	/* The connection goes back into the pool: memory of a large transaction may go. */
	void (*rest)(void *conn);
	/* Whether commits of the writer have left work that may wait until nobody writes, and doing it: it is done for the writer at rest, outside of a
	 * transaction. */
	bool (*has_leftover)(void *conn);
	void (*clean_up)(void *conn);
	bool (*is_in_transaction)(void *conn); /* an engine may end one by itself when it fails */
	enum us_errc (*exec)(void *conn, const char *sql, struct us_err *err);

	enum us_errc (*prepare)(void *conn, const char *sql, void **ret_stmt, struct us_err *err);
	void (*finalize)(void *stmt);
	void (*unbind)(void *stmt); /* all values NULL */
	/* Non-zero: refused; kept by db.c and given to explain when the statement is stepped. */
	int (*bind_int)(void *stmt, int at, int64_t value);
	int (*bind_text)(void *stmt, int at, const char *p, size_t n);
	int (*bind_blob)(void *stmt, int at, const void *p, size_t n);
	int (*bind_null)(void *stmt, int at);
	enum us_errc (*explain)(void *stmt, int bind_result, struct us_err *err);
	enum us_errc (*step)(void *stmt, struct us_err *err); /* US_OK: a row; US_END; on an error it has been reset */
	void (*reset)(void *stmt);
	int64_t (*changed)(void *stmt); /* rows that its last run wrote */
	int64_t (*column_int)(void *stmt, int column);
	struct us_slice (*column_slice)(void *stmt, int column);
	bool (*column_is_null)(void *stmt, int column);
};

extern const struct us_db_driver us_db_sqlite;

#endif
