/* Authenticate: whether a password is that of a user of a directory. Of a local user the store says it; of a synced user the identity provider, if
 * the connector's settings allow to ask it. No synced user's password is stored, and none is logged.
 *
 * Whoever calls this throttles: it answers as often as it is asked.
 */
#ifndef US_SYNC_AUTHENTICATE_H
#define US_SYNC_AUTHENTICATE_H

#include <stdatomic.h>

#include "model/authentication.h"
#include "store/store.h"

/* Passwords that were right a moment ago, by keyed fingerprint; see net/known.h. Both may be called by several threads. */
struct us_authenticate_cache {
	void *context;
	bool (*has)(void *context, struct us_hash key);
	void (*keep)(void *context, struct us_hash key, int64_t seconds);
};

struct us_authenticate {
	int64_t directory;
	struct us_slice user;     /* name */
	struct us_slice password; /* in the clear; the caller wipes it. Empty is always wrong, and asks nobody */
	const struct us_authenticate_cache *cache; /* used as far as the connector's settings allow; NULL: none */
};

/* Blocks: some milliseconds for a local user, as long as the provider takes for a synced one. No connection of the store is held meanwhile; none may
 * be by the caller. On US_OK *ret_authentication says what came of it, and with UNREACHABLE err why (for the log; names nobody).
 * Errors: US_NOT_FOUND (no such directory), and the store's. */
enum us_errc us_authenticate_user(struct us_store *store, const struct us_authenticate *request, const atomic_bool *cancel,
	enum us_authentication *ret_authentication, struct us_err *err);

#endif
