#include "sync/authenticate.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/secret.h"
#include "model/sync_options.h"
#include "source/source.h"
#include "store/connector.h"
#include "store/credential.h"
#include "store/directory.h"
#include "store/object.h"

/* What the store knows of the user. */
struct subject {
	struct us_directory directory;
	struct us_user_image image;
	uint32_t number;
	struct us_slice hash; /* local: NONE: no password here */
	struct us_connector connector; /* synced: whom to ask, and whether */
};

/* US_END: there is no such user. */
static enum us_errc load(struct us_store *store, struct us_arena *arena, const struct us_authenticate *request, struct subject *s, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (!rc)
		rc = us_directory_load(c, arena, request->directory, &s->directory, err);
	if (!rc) {
		rc = us_object_find_user(c, arena, request->directory, request->user, &s->number, &s->image, err);
		rc = rc == US_NOT_FOUND ? US_END : rc;
	}
	if (!rc && !s->directory.connector.p) {
		rc = us_credential_find(c, arena, request->directory, s->number, &s->hash, NULL, err);
		rc = rc == US_NOT_FOUND ? US_OK : rc;
	}
	if (!rc && s->directory.connector.p)
		rc = us_connector_find(store, c, arena, s->directory.connector, US_SECRETS_CLEAR, &s->connector, err);
	us_db_release(c);
	return rc;
}

/* That a user is not active is said only to who knows the password. */
static enum us_authentication check_local(const struct subject *s, struct us_slice password)
{
	if (!s->hash.p)
		return US_AUTH_NOT_ALLOWED;
	if (!us_secret_is_password(password, s->hash.p))
		return US_AUTH_WRONG;
	return s->image.user.active ? US_AUTH_OK : US_AUTH_INACTIVE;
}

/* Whoever the connector made, and nobody else, is whom the identity provider knows under that id. */
static bool may_delegate(const struct subject *s, const struct us_source_ops *ops)
{
	const struct us_conf conf = { us_sync_options, s->connector.configuration };

	return ops && ops->authenticate && us_conf_bool(&conf, "delegateAuthentication") && s->image.owned && s->image.user.id.n;
}

/* Of this password of this user as both are now: any change of the user or the connector makes it another one. */
static struct us_hash cache_key(const struct subject *s, struct us_slice password)
{
	char of[160];
	int n = snprintf(of, sizeof of, "%lld/%u/%lld/%lld", (long long) s->directory.id, s->number, (long long) s->image.revision,
		(long long) s->connector.updated);

	return us_secret_fingerprint((struct us_slice) { of, (size_t) n }, password);
}

static enum us_errc ask(const struct us_source_ops *ops, const struct subject *s, struct us_slice password, const atomic_bool *cancel,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	const struct us_conf conf = { ops->type.options, s->connector.configuration };
	struct us_source *source;
	enum us_errc rc = ops->open(&conf, cancel, &source, err);

	if (rc)
		return rc;
	rc = ops->authenticate(source, s->image.user.id, password, ret_authentication, err);
	ops->close(source);
	return rc;
}

/* What went wrong on the way to the provider is no answer of it: never "wrong". */
static enum us_authentication delegate(const struct subject *s, const struct us_authenticate *request, const atomic_bool *cancel, struct us_err *err)
{
	const struct us_source_ops *ops = us_source_find(s->connector.type);
	const struct us_conf conf = { us_sync_options, s->connector.configuration };
	enum us_authentication a = US_AUTH_UNREACHABLE;

	if (!may_delegate(s, ops))
		return US_AUTH_NOT_ALLOWED;
	int64_t seconds = request->cache ? us_conf_int(&conf, "authenticationCacheSeconds") : 0;
	struct us_hash key = cache_key(s, request->password);
	if (seconds && request->cache->has(request->cache->context, key))
		a = US_AUTH_OK;
	else if (ask(ops, s, request->password, cancel, &a, err))
		return US_AUTH_UNREACHABLE;
	else if (a == US_AUTH_OK && seconds)
		request->cache->keep(request->cache->context, key, seconds);
	return a == US_AUTH_OK && !s->image.user.active ? US_AUTH_INACTIVE : a;
}

enum us_errc us_authenticate_user(struct us_store *store, const struct us_authenticate *request, const atomic_bool *cancel,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct subject subject = { 0 };
	enum us_authentication a = US_AUTH_UNKNOWN;
	enum us_errc rc = load(store, &arena, request, &subject, err);

	if (!rc && (!request->password.n || request->password.n > US_AUTH_PASSWORD_MOST_BYTES))
		a = US_AUTH_WRONG;
	else if (!rc)
		a = subject.directory.connector.p ? delegate(&subject, request, cancel, err) : check_local(&subject, request->password);
	us_arena_fini(&arena);
	if (rc && rc != US_END)
		return rc;
	*ret_authentication = a;
	return US_OK;
}
