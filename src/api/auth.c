#include "api/auth.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/basic.h"
#include "net/known.h"
#include "net/throttle.h"

struct us_auth {
	struct us_store *store;
	char dummy_hash[US_SECRET_HASH_BYTES]; /* what the passwords of unknown names are compared with */
	struct us_known *known;
	struct us_throttle *throttle;
	_Atomic uint64_t forgotten;
	_Atomic int64_t failures;
};

enum us_errc us_auth_open(struct us_store *store, struct us_auth **ret_auth, struct us_err *err)
{
	struct us_auth *auth = us_calloc(1, sizeof *auth);
	struct us_str random = US_STR_INIT;

	auth->store = store;
	us_secret_token(&random, 24);
	enum us_errc rc = us_secret_hash_password(us_str_slice(&random), auth->dummy_hash, err);
	us_secret_wipe_str(&random);
	if (rc) {
		free(auth);
		return rc;
	}
	auth->known = us_known_new();
	auth->throttle = us_throttle_new();
	*ret_auth = auth;
	return US_OK;
}

void us_auth_close(struct us_auth *auth)
{
	us_known_free(auth->known);
	us_throttle_free(auth->throttle);
	free(auth);
}

void us_auth_forget(struct us_auth *auth) { atomic_fetch_add(&auth->forgotten, 1); }
int64_t us_auth_failures(const struct us_auth *auth) { return atomic_load(&auth->failures); }

/* Read before the account is: a credential that was verified against what has changed meanwhile carries an old epoch. */
static uint64_t epoch_of(struct us_auth *auth) { return us_account_generation() + atomic_load(&auth->forgotten); }

static bool find_known(struct us_auth *auth, struct us_hash key, struct us_arena *arena, struct us_who *ret_who)
{
	struct us_slice value;

	if (!us_known_find(auth->known, key, epoch_of(auth), arena, &value))
		return false;
	memcpy(&ret_who->role, value.p, sizeof ret_who->role);
	ret_who->name = (struct us_slice) { value.p + sizeof ret_who->role, value.n - sizeof ret_who->role };
	return true;
}

static void keep_known(struct us_auth *auth, struct us_hash key, uint64_t epoch, int64_t expires, const struct us_who *who)
{
	struct us_str value = US_STR_INIT;

	us_str_add(&value, (const char *) &who->role, sizeof who->role);
	us_str_add_slice(&value, who->name);
	us_known_keep(auth->known, key, epoch, expires, us_str_slice(&value));
	us_str_fini(&value);
}

static enum us_errc refuse(struct us_auth *auth, struct us_err *err)
{
	atomic_fetch_add(&auth->failures, 1);
	return us_err_set(err, US_UNAUTHORIZED, "wrong user name, password or token");
}

static enum us_errc check_password(struct us_auth *auth, const struct us_httpd_request *request, struct us_slice name,
	struct us_slice password, struct us_who *ret_who, struct us_err *err)
{
	struct us_hash key = us_secret_fingerprint(name, password), from = us_secret_fingerprint(us_slice(request->peer), name);
	struct us_hash address = us_secret_fingerprint(us_slice(request->peer), US_SLICE_NONE);
	struct us_account account;
	struct us_dbc *c;

	if (find_known(auth, key, request->arena, ret_who))
		return US_OK;
	enum us_errc rc = us_throttle_begin(auth->throttle, address, US_THROTTLE_ADDRESS, err);
	if (!rc)
		rc = us_throttle_begin(auth->throttle, from, US_THROTTLE_NAME, err);
	if (rc)
		return rc;
	uint64_t epoch = epoch_of(auth);
	rc = us_db_lease_reader(auth->store->db, &c, err);
	if (rc)
		return rc;
	rc = us_account_find(c, request->arena, name, &account, err);
	us_db_release(c);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	const char *hash = rc ? auth->dummy_hash : us_slice_dup(request->arena, account.password_hash).p;
	bool is_right = us_secret_is_password(password, hash);
	if (rc || !is_right) {
		us_log(US_LOG_WARN, "login refused", "peer", request->peer, NULL);
		return refuse(auth, err);
	}
	us_throttle_succeed(auth->throttle, from);
	us_throttle_forgive(auth->throttle, address);
	*ret_who = (struct us_who) { account.name, account.role };
	keep_known(auth, key, epoch, 0, ret_who);
	return US_OK;
}

/* Tokens are random: guessing needs no throttle, and a plain hash finds them. */
static enum us_errc check_token(struct us_auth *auth, const struct us_httpd_request *request, struct us_slice text, struct us_who *ret_who,
	struct us_err *err)
{
	struct us_hash key = us_secret_fingerprint((struct us_slice) { "\0token", 6 }, text);
	struct us_token token;
	struct us_dbc *c;
	char sha256[65];

	if (find_known(auth, key, request->arena, ret_who))
		return US_OK;
	uint64_t epoch = epoch_of(auth);
	us_secret_sha256(text, sha256);
	enum us_errc rc = us_db_lease_reader(auth->store->db, &c, err);
	if (rc)
		return rc;
	rc = us_token_find(c, request->arena, sha256, &token, err);
	us_db_release(c);
	if (rc == US_NOT_FOUND || (rc == US_OK && token.expires && token.expires <= us_clock_wall_s()))
		return refuse(auth, err);
	if (rc)
		return rc;
	*ret_who = (struct us_who) { us_slice(us_arena_printf(request->arena, "token " US_SLICE_FMT, US_SLICE_ARG(token.name))), token.role };
	keep_known(auth, key, epoch, token.expires, ret_who);
	return US_OK;
}

enum us_errc us_auth_check(struct us_auth *auth, const struct us_httpd_request *request, struct us_who *ret_who, struct us_err *err)
{
	struct us_slice header = us_httpd_find_header(request, "Authorization"), name, password;

	if (!header.p)
		return us_err_set(err, US_UNAUTHORIZED, "give a user name and password, or an API token");
	struct us_slice token = us_basic_bearer(header);
	if (token.p)
		return check_token(auth, request, token, ret_who, err);
	if (!us_basic_parse(request->arena, header, &name, &password))
		return us_err_set(err, US_UNAUTHORIZED, "the Authorization header is neither Basic nor Bearer");
	enum us_errc rc = check_password(auth, request, name, password, ret_who, err);
	us_secret_wipe((char *) password.p, password.n);
	return rc;
}
