/* Credentials: the passwords of users of directories without a connector, as argon2id hashes. Never those of a synced user: such a directory is
 * refused here, by the statement that writes.
 *
 * A password belongs to the user: it stays through renames, and goes with the user. It is in no row of a plan, so no result, event or
 * export has it, and an undo that brings a user back brings no password.
 */
#ifndef US_STORE_CREDENTIAL_H
#define US_STORE_CREDENTIAL_H

#include "store/store.h"

/* hash: of us_secret_hash_password. US_NOT_FOUND: no such user. US_FORBIDDEN: the directory has a connector. */
enum us_errc us_credential_set(struct us_dbc *c, int64_t directory, uint32_t user, const char *hash, int64_t now_s, struct us_err *err);
/* That there is none is no error. */
enum us_errc us_credential_remove(struct us_dbc *c, int64_t directory, uint32_t user, struct us_err *err);
/* US_NOT_FOUND: the user has no password. ret_changed (wall seconds) may be NULL. */
enum us_errc us_credential_find(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t user, struct us_slice *ret_hash,
	int64_t *ret_changed, struct us_err *err);

#endif
