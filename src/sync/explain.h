/* Explain, the source's side: what the source has of one user, what the mapping makes of it step by step, which rule decides on each group, and
 * what keeps the user out. Writes nothing. */
#ifndef US_SYNC_EXPLAIN_H
#define US_SYNC_EXPLAIN_H

#include <stdatomic.h>

#include "base/err.h"
#include "model/explained.h"

struct us_store;

/* A source that cannot be asked is part of the answer, no error. Owns: *ret, until fini, whatever is returned.
 * Errors: US_NOT_FOUND (connector), those of the store. */
enum us_errc us_sync_explain(struct us_store *store, const struct us_explain_ask *ask, const atomic_bool *cancel, struct us_explained *ret,
	struct us_err *err);

#endif
