#include "store/store.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/run.h"
#include "store/schema.h"

static enum us_errc prepare_store(struct us_store *store, int64_t *ret_interrupted, struct us_err *err)
{
	struct us_dbc *w;
	int64_t interrupted = 0;
	enum us_errc rc = us_db_lease_writer(store->db, &w, err);

	if (rc)
		return rc;
	if (!(rc = us_schema_migrate(w, err)) && !(rc = us_db_begin(w, err)) &&
		!(rc = us_run_interrupt_all(w, us_clock_wall_s(), &interrupted, err)))
		rc = us_db_commit(w, err);
	us_db_release(w);
	if (!rc && ret_interrupted)
		*ret_interrupted = interrupted;
	return rc;
}

enum us_errc us_store_open(const char *dsn, const struct us_secret_key *key, const struct us_type *types,
	const struct us_option *sync_options, struct us_store **ret_store, int64_t *ret_interrupted, struct us_err *err)
{
	struct us_store *store = us_calloc(1, sizeof *store);

	store->key = *key;
	store->types = types;
	store->sync_options = sync_options;
	enum us_errc rc = us_db_open(dsn, &store->db, err);
	if (!rc)
		rc = prepare_store(store, ret_interrupted, err);
	if (rc)
		us_store_close(store);
	else
		*ret_store = store;
	return rc;
}

void us_store_close(struct us_store *store)
{
	if (!store)
		return;
	us_db_close(store->db);
	us_secret_wipe(&store->key, sizeof store->key);
	free(store);
}
