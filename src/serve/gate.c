#include "serve/gate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/basic.h"
#include "net/cidr.h"
#include "net/known.h"
#include "net/throttle.h"
#include "store/directory.h"

enum { NOTE_EVERY_S = 60 };

/* An application as it was at a generation of the store. */
struct seen {
	struct us_application application;
	const struct us_cidr *addresses;
	size_t n_addresses;
	int64_t used;   /* wall seconds, of the last request */
	int64_t noted;  /* what of it is in the store */
};

struct us_gate {
	struct us_store *store;
	struct us_known *known;
	struct us_throttle *throttle;
	char dummy_hash[US_SECRET_HASH_BYTES]; /* what the passwords of unknown names are compared with */
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	uint64_t store_generation; /* that `list` was read at; 0: never read */
	struct us_arena arena;     /* holds list */
	struct seen *list;
	size_t n;
	bool is_closing;
	pthread_t noter;
};

/* ---- what the store says ---- */

static void read_addresses(struct us_arena *arena, struct seen *s)
{
	struct us_slice rest = s->application.addresses;
	struct us_cidr *list = us_arena_array(arena, rest.n / 2 + 1, sizeof *list);

	while (rest.n) {
		const char *space = memchr(rest.p, ' ', rest.n);
		size_t n = space ? (size_t) (space - rest.p) : rest.n;
		/* One that cannot be read lets nobody in. */
		if (us_cidr_parse((struct us_slice) { rest.p, n }, &list[s->n_addresses]))
			list[s->n_addresses] = (struct us_cidr) { .bits = 128 };
		s->n_addresses++;
		rest.p += n + (space != NULL);
		rest.n -= n + (space != NULL);
	}
	s->addresses = list;
}

/* Directories that were deleted are left out. */
static enum us_errc keep_existing(struct us_dbc *c, struct us_arena *arena, struct us_application *a, struct us_err *err)
{
	int64_t *list = us_arena_array(arena, a->n_directories + 1, sizeof *list);
	size_t n = 0;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < a->n_directories && !rc; i++) {
		bool exists = false;
		rc = us_directory_exists(c, a->directories[i], &exists, err);
		if (exists)
			list[n++] = a->directories[i];
	}
	a->directories = list;
	a->n_directories = n;
	return rc;
}

static enum us_errc read_list(struct us_gate *gate, struct us_arena *arena, struct seen **ret_list, size_t *ret_n, struct us_err *err)
{
	struct us_application *applications;
	struct seen *list = NULL;
	size_t n = 0;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(gate->store->db, &c, err);

	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (!rc)
		rc = us_application_list(c, arena, &applications, &n, err);
	if (!rc)
		list = us_arena_array(arena, n + 1, sizeof *list);
	for (size_t i = 0; i < n && !rc; i++) {
		list[i].application = applications[i];
		list[i].noted = list[i].used = applications[i].last_used;
		read_addresses(arena, &list[i]);
		rc = keep_existing(c, arena, &list[i].application, err);
	}
	us_db_release(c);
	if (rc)
		return rc;
	*ret_list = list;
	*ret_n = n;
	return US_OK;
}

static struct seen *find_seen(struct us_gate *gate, int64_t id)
{
	for (size_t i = 0; i < gate->n; i++)
		if (gate->list[i].application.id == id)
			return &gate->list[i];
	return NULL;
}

/* The lock is held. What was written since the list was read may have changed an application, or whose directory is which. */
static enum us_errc refresh(struct us_gate *gate, struct us_err *err)
{
	uint64_t generation = us_db_generation(gate->store->db);
	struct us_arena arena = US_ARENA_INIT;
	struct seen *list;
	size_t n;

	if (gate->list && gate->store_generation == generation)
		return US_OK;
	enum us_errc rc = read_list(gate, &arena, &list, &n, err);
	if (rc) {
		us_arena_fini(&arena);
		return rc;
	}
	for (size_t i = 0; i < n; i++) {
		const struct seen *old = find_seen(gate, list[i].application.id);
		if (old && old->used > list[i].used)
			list[i].used = old->used;
	}
	us_arena_fini(&gate->arena);
	gate->arena = arena;
	gate->list = list;
	gate->n = n;
	gate->store_generation = generation;
	return US_OK;
}

/* ---- last use ---- */

struct use { int64_t id, at; };

/* The lock is held. */
static struct use *take_uses(struct us_gate *gate, size_t *ret_n)
{
	struct use *list = us_calloc(gate->n + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < gate->n; i++)
		if (gate->list[i].used > gate->list[i].noted) {
			gate->list[i].noted = gate->list[i].used;
			list[n++] = (struct use) { gate->list[i].application.id, gate->list[i].used };
		}
	*ret_n = n;
	return list;
}

static void write_uses(struct us_gate *gate, const struct use *list, size_t n)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;
	enum us_errc rc = n ? us_db_lease_writer(gate->store->db, &c, &err) : US_END;

	if (rc == US_END)
		return;
	if (!rc)
		rc = us_db_begin(c, &err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = us_application_note_used(c, list[i].id, list[i].at, &err);
	if (!rc)
		rc = us_db_commit(c, &err);
	if (rc)
		us_log(US_LOG_WARN, "last use of applications is not written down", "error", err.text, NULL);
	us_db_release(c);
}

static void *note(void *data)
{
	struct us_gate *gate = data;
	bool is_last;

	pthread_mutex_lock(&gate->lock);
	do {
		int64_t wall_ms = us_clock_wall_ms() + NOTE_EVERY_S * 1000;
		struct timespec until = { .tv_sec = wall_ms / 1000, .tv_nsec = wall_ms % 1000 * 1000000 };
		while (!gate->is_closing && pthread_cond_timedwait(&gate->changed, &gate->lock, &until) == 0)
			;
		is_last = gate->is_closing;
		size_t n;
		struct use *list = take_uses(gate, &n);
		pthread_mutex_unlock(&gate->lock);
		write_uses(gate, list, n);
		free(list);
		pthread_mutex_lock(&gate->lock);
	} while (!is_last);
	pthread_mutex_unlock(&gate->lock);
	return NULL;
}

/* ---- start and stop ---- */

enum us_errc us_gate_open(struct us_store *store, struct us_gate **ret_gate, struct us_err *err)
{
	struct us_gate *gate = us_calloc(1, sizeof *gate);
	struct us_str random = US_STR_INIT;

	gate->store = store;
	us_secret_token(&random, 24);
	enum us_errc rc = us_secret_hash_password(us_str_slice(&random), gate->dummy_hash, err);
	us_secret_wipe_str(&random);
	if (rc) {
		free(gate);
		return rc;
	}
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->known = us_known_new();
	gate->throttle = us_throttle_new();
	if (pthread_create(&gate->noter, NULL, note, gate) != 0)
		us_err_nomem();
	*ret_gate = gate;
	return US_OK;
}

void us_gate_close(struct us_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_closing = true;
	pthread_cond_signal(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
	pthread_join(gate->noter, NULL);
	us_known_free(gate->known);
	us_throttle_free(gate->throttle);
	us_arena_fini(&gate->arena);
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

/* ---- a request ---- */

static enum us_errc refuse(const struct us_httpd_request *request, struct us_err *err)
{
	us_log(US_LOG_WARN, "application refused", "peer", request->peer, NULL);
	return us_err_set(err, US_UNAUTHORIZED, "wrong application name, password or token");
}

static enum us_errc lease_and_find(struct us_gate *gate, struct us_arena *arena, struct us_slice name, const char *sha256,
	struct us_application *ret_application, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(gate->store->db, &c, err);

	if (rc)
		return rc;
	rc = sha256 ? us_application_find_token(c, arena, sha256, ret_application, err) : us_application_find(c, arena, name, ret_application, err);
	us_db_release(c);
	return rc;
}

static void keep(struct us_gate *gate, struct us_hash key, uint64_t epoch, int64_t id)
{
	us_known_keep(gate->known, key, epoch, 0, (struct us_slice) { (const char *) &id, sizeof id });
}

static enum us_errc check_password(struct us_gate *gate, const struct us_httpd_request *request, struct us_hash key, struct us_slice name,
	struct us_slice password, int64_t *ret_id, struct us_err *err)
{
	struct us_slice peer = us_slice(request->peer);
	struct us_hash from = us_secret_fingerprint(peer, name), address = us_secret_fingerprint(peer, US_SLICE_NONE);
	struct us_application a;
	/* Before the application is read: one that changes meanwhile is not kept as known. */
	uint64_t epoch = us_application_generation();
	enum us_errc rc = us_throttle_begin(gate->throttle, address, US_THROTTLE_ADDRESS, err);

	if (!rc)
		rc = us_throttle_begin(gate->throttle, from, US_THROTTLE_NAME, err);
	if (rc)
		return rc;
	rc = lease_and_find(gate, request->arena, name, NULL, &a, err);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	bool has_password = !rc && a.password_hash.p;
	bool is_right = us_secret_is_password(password, has_password ? a.password_hash.p : gate->dummy_hash);
	if (!has_password || !is_right)
		return refuse(request, err);
	us_throttle_succeed(gate->throttle, from);
	us_throttle_forgive(gate->throttle, address);
	keep(gate, key, epoch, a.id);
	*ret_id = a.id;
	return US_OK;
}

/* Tokens are random: guessing needs no throttle, and a plain hash finds them. */
static enum us_errc check_token(struct us_gate *gate, const struct us_httpd_request *request, struct us_hash key, struct us_slice token,
	int64_t *ret_id, struct us_err *err)
{
	uint64_t epoch = us_application_generation();
	struct us_application a;
	char sha256[65];

	us_secret_sha256(token, sha256);
	enum us_errc rc = lease_and_find(gate, request->arena, US_SLICE_NONE, sha256, &a, err);
	if (rc)
		return rc == US_NOT_FOUND ? refuse(request, err) : rc;
	keep(gate, key, epoch, a.id);
	*ret_id = a.id;
	return US_OK;
}

/* Whose credentials they are. */
static enum us_errc identify(struct us_gate *gate, const struct us_httpd_request *request, int64_t *ret_id, struct us_err *err)
{
	struct us_slice header = us_httpd_find_header(request, "Authorization"), name = US_SLICE_NONE, password, known;
	struct us_slice token = us_basic_bearer(header);

	if (!header.p)
		return us_err_set(err, US_UNAUTHORIZED, "give an application's name and password, or its token");
	if (!token.p && !us_basic_parse(request->arena, header, &name, &password))
		return us_err_set(err, US_UNAUTHORIZED, "the Authorization header is neither Basic nor Bearer");
	struct us_hash key = token.p ? us_secret_fingerprint((struct us_slice) { "\0token", 6 }, token) : us_secret_fingerprint(name, password);
	enum us_errc rc = US_OK;
	if (us_known_find(gate->known, key, us_application_generation(), request->arena, &known))
		memcpy(ret_id, known.p, sizeof *ret_id);
	else
		rc = token.p ? check_token(gate, request, key, token, ret_id, err) : check_password(gate, request, key, name, password, ret_id, err);
	if (!token.p)
		us_secret_wipe((char *) password.p, password.n);
	return rc;
}

/* The lock is held. */
static enum us_errc admit(struct us_gate *gate, const struct us_httpd_request *request, int64_t id, struct us_client *ret_client, struct us_err *err)
{
	struct us_arena *arena = request->arena;
	enum us_errc rc = refresh(gate, err);
	struct seen *s = rc ? NULL : find_seen(gate, id);
	bool may = s && s->n_addresses == 0;

	if (rc)
		return rc;
	if (!s)
		return us_err_set(err, US_UNAUTHORIZED, "wrong application name, password or token");
	for (size_t i = 0; i < s->n_addresses && !may; i++)
		may = us_cidr_has(&s->addresses[i], request->peer);
	if (!may)
		return us_err_set(err, US_FORBIDDEN, "the application \"" US_SLICE_FMT "\" may not come from %s", US_SLICE_ARG(s->application.name), request->peer);
	const struct us_application *a = &s->application;
	int64_t *directories = us_arena_array(arena, a->n_directories + 1, sizeof *directories);
	memcpy(directories, a->directories, a->n_directories * sizeof *directories);
	*ret_client = (struct us_client) { a->id, us_slice_dup(arena, a->name), a->rights, directories, a->n_directories };
	s->used = us_clock_wall_s();
	return US_OK;
}

enum us_errc us_gate_check(struct us_gate *gate, const struct us_httpd_request *request, struct us_client *ret_client, struct us_err *err)
{
	int64_t id = 0;
	enum us_errc rc = identify(gate, request, &id, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&gate->lock);
	rc = admit(gate, request, id, ret_client, err);
	pthread_mutex_unlock(&gate->lock);
	return rc;
}
