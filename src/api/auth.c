#include "api/auth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

enum {
	WAYS = 4,          /* places that a key may have */
	KNOWN_SETS = 256,  /* verified credentials */
	FAILED_SETS = 1024,
	NAME_BYTES = 1024, /* 200 characters and a word in front */
	FREE_FAILURES = 10,          /* of one name from one address */
	FREE_ADDRESS_FAILURES = 100, /* of any names from one address: each costs a password hash */
	LONGEST_WAIT_S = 300,
	FORGIVEN_AFTER_S = 900,
};

struct known {
	struct us_hash key;
	uint64_t epoch;
	int64_t expires; /* wall seconds; 0: never */
	int64_t used;    /* counts up */
	enum us_role role;
	unsigned short name_n;
	char name[NAME_BYTES];
};

struct failed {
	struct us_hash key;
	int64_t last_s, until_s; /* monotonic */
	int count;
};

struct us_auth {
	struct us_store *store;
	char dummy_hash[US_SECRET_HASH_BYTES]; /* what the passwords of unknown names are compared with */
	pthread_mutex_t lock;
	struct known known[KNOWN_SETS][WAYS];
	struct failed failed[FAILED_SETS][WAYS];
	int64_t used;
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
	pthread_mutex_init(&auth->lock, NULL);
	*ret_auth = auth;
	return US_OK;
}

void us_auth_close(struct us_auth *auth)
{
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}

void us_auth_forget(struct us_auth *auth) { atomic_fetch_add(&auth->forgotten, 1); }
int64_t us_auth_failures(const struct us_auth *auth) { return atomic_load(&auth->failures); }

/* Read before the account is: a credential that was verified against what has changed meanwhile carries an old epoch. */
static uint64_t epoch_of(struct us_auth *auth) { return us_account_generation() + atomic_load(&auth->forgotten); }

static bool find_known(struct us_auth *auth, struct us_hash key, struct us_arena *arena, struct us_who *ret_who)
{
	uint64_t epoch = epoch_of(auth);
	bool found = false;

	pthread_mutex_lock(&auth->lock);
	struct known *set = auth->known[key.lo % KNOWN_SETS];
	for (int i = 0; i < WAYS && !found; i++) {
		struct known *k = &set[i];
		if (!us_hash_is_equal(k->key, key) || k->epoch != epoch || !k->used || (k->expires && k->expires <= us_clock_wall_s()))
			continue;
		k->used = ++auth->used;
		ret_who->name = us_slice_dup(arena, (struct us_slice) { k->name, k->name_n });
		ret_who->role = k->role;
		found = true;
	}
	pthread_mutex_unlock(&auth->lock);
	return found;
}

static void keep_known(struct us_auth *auth, struct us_hash key, uint64_t epoch, int64_t expires, const struct us_who *who)
{
	if (who->name.n >= NAME_BYTES)
		return;
	pthread_mutex_lock(&auth->lock);
	struct known *set = auth->known[key.lo % KNOWN_SETS], *oldest = &set[0];
	for (int i = 1; i < WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key))
			oldest = &set[i];
	*oldest = (struct known) { .key = key, .epoch = epoch, .expires = expires, .used = ++auth->used, .role = who->role,
		.name_n = (unsigned short) who->name.n };
	memcpy(oldest->name, who->name.p, who->name.n);
	pthread_mutex_unlock(&auth->lock);
}

/* Each attempt counts as a failure until it has succeeded, so that many at once gain nothing. */
static enum us_errc begin_attempt(struct us_auth *auth, struct us_hash key, int free_failures, struct us_err *err)
{
	int64_t now = us_clock_monotonic_ms() / 1000, wait = 0;

	pthread_mutex_lock(&auth->lock);
	struct failed *set = auth->failed[key.lo % FAILED_SETS], *f = NULL, *oldest = &set[0];
	for (int i = 0; i < WAYS; i++) {
		if (us_hash_is_equal(set[i].key, key))
			f = &set[i];
		if (set[i].last_s < oldest->last_s)
			oldest = &set[i];
	}
	if (!f) {
		f = oldest;
		*f = (struct failed) { .key = key };
	}
	if (f->count && now - f->last_s > FORGIVEN_AFTER_S)
		f->count = 0;
	if (f->until_s > now) {
		wait = f->until_s - now;
	} else {
		f->count++;
		f->last_s = now;
		int over = f->count - free_failures;
		if (over >= 0)
			f->until_s = now + (over > 8 ? LONGEST_WAIT_S : 1 << over);
	}
	pthread_mutex_unlock(&auth->lock);
	if (!wait)
		return US_OK;
	us_err_set(err, US_THROTTLED, "too many failed logins: wait %lld seconds", (long long) wait);
	if (err)
		err->wait_ms = wait * 1000;
	return US_THROTTLED;
}

static void end_attempt(struct us_auth *auth, struct us_hash key)
{
	pthread_mutex_lock(&auth->lock);
	struct failed *set = auth->failed[key.lo % FAILED_SETS];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key))
			set[i] = (struct failed) { .count = 0 };
	pthread_mutex_unlock(&auth->lock);
}

/* It was none; the others from that address still count. */
static void forgive_attempt(struct us_auth *auth, struct us_hash key)
{
	pthread_mutex_lock(&auth->lock);
	struct failed *set = auth->failed[key.lo % FAILED_SETS];
	for (int i = 0; i < WAYS; i++)
		if (us_hash_is_equal(set[i].key, key) && set[i].count)
			set[i].count--;
	pthread_mutex_unlock(&auth->lock);
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
	enum us_errc rc = begin_attempt(auth, address, FREE_ADDRESS_FAILURES, err);
	if (!rc)
		rc = begin_attempt(auth, from, FREE_FAILURES, err);
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
	end_attempt(auth, from);
	forgive_attempt(auth, address);
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

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool decode_base64(struct us_arena *arena, struct us_slice text, struct us_slice *ret_bytes)
{
	unsigned char *out = us_arena_alloc(arena, text.n / 4 * 3 + 4);
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	for (int padding = 0; padding < 2 && text.n && text.p[text.n - 1] == '='; padding++)
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);
		if (v < 0)
			return false;
		bits = (bits << 6 | (uint32_t) v) & 0xFFFFFF;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char) (bits >> have);
		}
	}
	/* What is left over of the last character must be zero: one text, one meaning. */
	if (have == 6 || (bits & ((1u << have) - 1)))
		return false;
	out[n] = '\0';
	*ret_bytes = (struct us_slice) { (char *) out, n };
	return true;
}

bool us_auth_parse_basic(struct us_arena *arena, struct us_slice header, struct us_slice *ret_name, struct us_slice *ret_password)
{
	struct us_slice bytes;

	if (header.n < 6 || !us_slice_is_nocase((struct us_slice) { header.p, 6 }, "Basic "))
		return false;
	if (!decode_base64(arena, us_slice_trim((struct us_slice) { header.p + 6, header.n - 6 }), &bytes) || !us_slice_is_utf8(bytes))
		return false;
	const char *colon = memchr(bytes.p, ':', bytes.n);
	if (!colon)
		return false;
	size_t n = (size_t) (colon - bytes.p);
	*ret_name = (struct us_slice) { bytes.p, n };
	*ret_password = (struct us_slice) { colon + 1, bytes.n - n - 1 };
	return true;
}

enum us_errc us_auth_check(struct us_auth *auth, const struct us_httpd_request *request, struct us_who *ret_who, struct us_err *err)
{
	struct us_slice header = us_httpd_find_header(request, "Authorization"), name, password;

	if (!header.p)
		return us_err_set(err, US_UNAUTHORIZED, "give a user name and password, or an API token");
	if (header.n > 7 && us_slice_is_nocase((struct us_slice) { header.p, 7 }, "Bearer "))
		return check_token(auth, request, us_slice_trim((struct us_slice) { header.p + 7, header.n - 7 }), ret_who, err);
	if (!us_auth_parse_basic(request->arena, header, &name, &password))
		return us_err_set(err, US_UNAUTHORIZED, "the Authorization header is neither Basic nor Bearer");
	enum us_errc rc = check_password(auth, request, name, password, ret_who, err);
	us_secret_wipe((char *) password.p, password.n);
	return rc;
}
