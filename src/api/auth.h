/* Auth: who asks. HTTP Basic with an account, or a bearer token.
 *
 * A password is verified once by argon2id and then known again by a keyed fingerprint, until any account or token changes. An unknown name costs as
 * much as a wrong password. After some failures, a name must wait longer and longer, seen from the same address; so must an
 * address that tries many names. Whoever is known already does not.
 */
#ifndef US_API_AUTH_H
#define US_API_AUTH_H

#include "net/httpd.h"
#include "store/account.h"

struct us_auth;

struct us_who {
	struct us_slice name; /* of the account, or "token <name>" */
	enum us_role role;
};

enum us_errc us_auth_open(struct us_store *store, struct us_auth **ret_auth, struct us_err *err);
void us_auth_close(struct us_auth *auth);
/* Errors: US_UNAUTHORIZED, US_THROTTLED with wait_ms; those of the store. */
enum us_errc us_auth_check(struct us_auth *auth, const struct us_httpd_request *request, struct us_who *ret_who, struct us_err *err);
/* After an account or token has changed and the change is committed: nobody is known any more. */
void us_auth_forget(struct us_auth *auth);
int64_t us_auth_failures(const struct us_auth *auth); /* since start */

#endif
