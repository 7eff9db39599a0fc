#include "sync/authenticate.h"

#include "base/secret.h"
#include "store/credential.h"
#include "store/directory.h"
#include "store/object.h"

/* What the store knows of the user. */
struct subject {
	struct us_directory directory;
	struct us_user_image image;
	uint32_t number;
	struct us_slice hash; /* NONE: no password here */
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

enum us_errc us_authenticate_user(struct us_store *store, const struct us_authenticate *request, const atomic_bool *cancel,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct subject subject = { 0 };
	enum us_errc rc = load(store, &arena, request, &subject, err);

	(void) cancel;
	if (rc == US_END)
		*ret_authentication = US_AUTH_UNKNOWN;
	else if (!rc && (!request->password.n || request->password.n > US_AUTH_PASSWORD_MOST_BYTES))
		*ret_authentication = US_AUTH_WRONG;
	else if (!rc)
		*ret_authentication = subject.directory.connector.p ? US_AUTH_NOT_ALLOWED : check_local(&subject, request->password);
	us_arena_fini(&arena);
	return rc == US_END ? US_OK : rc;
}
