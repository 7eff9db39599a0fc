/* Store: the domain's data behind db.h. Opens the database, migrates it, and hands out leases.
 *
 * Functions of store/ take a leased connection first: a reader for reading, the writer for writing. Those that write must run inside
 * us_db_begin … us_db_commit of the caller, except where they say that they are a transaction of their own.
 * Errors: those of db.h; US_VERSION if the schema is newer than this program.
 */
#ifndef US_STORE_STORE_H
#define US_STORE_STORE_H

#include "base/secret.h"
#include "db/db.h"
#include "model/option.h"

struct us_store {
	struct us_db *db;
	struct us_secret_key key;
	const struct us_type *types;         /* connector types: which of their options are secret */
	const struct us_option *sync_options; /* the options that every type has beside its own */
};

/* Runs the migrations that are missing, each in a transaction. Marks runs that were RUNNING as INTERRUPTED (the last server died during
 * them). *ret_interrupted: how many; may be NULL. */
enum us_errc us_store_open(const char *dsn, const struct us_secret_key *key, const struct us_type *types,
	const struct us_option *sync_options, struct us_store **ret_store, int64_t *ret_interrupted, struct us_err *err);
void us_store_close(struct us_store *store);

#endif
