#include "serve/session.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"

enum { WAYS = 16, SETS = 8192 };

struct entry {
	struct us_hash key; /* fingerprint of the token */
	struct us_hash factors;
	struct us_session session; /* expires_ms 0: a free place */
	int64_t idle_ms;
};

struct us_sessions {
	pthread_mutex_t lock;
	struct entry (*sets)[WAYS]; /* untouched ones cost no memory */
};

struct us_sessions *us_sessions_new(void)
{
	struct us_sessions *sessions = us_calloc(1, sizeof *sessions);

	pthread_mutex_init(&sessions->lock, NULL);
	sessions->sets = us_calloc(SETS, sizeof *sessions->sets);
	return sessions;
}

void us_sessions_free(struct us_sessions *sessions)
{
	pthread_mutex_destroy(&sessions->lock);
	free(sessions->sets);
	free(sessions);
}

static struct us_hash key_of(struct us_slice token) { return us_secret_fingerprint(token, US_SLICE("session")); }

void us_sessions_open(struct us_sessions *sessions, const struct us_session *of, struct us_hash factors, int64_t idle_s, struct us_str *token,
	struct us_session *ret_session)
{
	int64_t now = us_clock_wall_ms();

	us_str_clear(token);
	us_secret_token(token, US_SESSION_TOKEN_RANDOM_BYTES);
	struct entry e = { .key = key_of(us_str_slice(token)), .factors = factors, .idle_ms = idle_s * 1000,
		.session = { of->directory, of->user, of->password, now, now + idle_s * 1000 } };
	pthread_mutex_lock(&sessions->lock);
	struct entry *set = sessions->sets[e.key.lo % SETS], *first = &set[0];
	for (int i = 1; i < WAYS; i++)
		if (set[i].session.expires_ms < first->session.expires_ms)
			first = &set[i];
	*first = e;
	pthread_mutex_unlock(&sessions->lock);
	*ret_session = e.session;
}

/* The lock is held. */
static struct entry *find(struct us_sessions *sessions, struct us_slice token)
{
	struct us_hash key = key_of(token);
	struct entry *set = sessions->sets[key.lo % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].session.expires_ms && us_hash_is_equal(set[i].key, key))
			return &set[i];
	return NULL;
}

bool us_sessions_find(struct us_sessions *sessions, struct us_slice token, const struct us_hash *factors, struct us_session *ret_session)
{
	int64_t now = us_clock_wall_ms();

	pthread_mutex_lock(&sessions->lock);
	struct entry *e = find(sessions, token);
	bool is_valid = e && e->session.expires_ms > now && (!factors || us_hash_is_equal(*factors, e->factors));
	if (is_valid && factors)
		e->session.expires_ms = now + e->idle_ms;
	if (is_valid)
		*ret_session = e->session;
	pthread_mutex_unlock(&sessions->lock);
	return is_valid;
}

void us_sessions_end(struct us_sessions *sessions, struct us_slice token)
{
	pthread_mutex_lock(&sessions->lock);
	struct entry *e = find(sessions, token);
	if (e)
		*e = (struct entry) { .idle_ms = 0 };
	pthread_mutex_unlock(&sessions->lock);
}

void us_sessions_keep(struct us_sessions *sessions, int64_t directory, uint32_t user, struct us_hash password)
{
	pthread_mutex_lock(&sessions->lock);
	for (size_t i = 0; i < SETS; i++)
		for (int j = 0; j < WAYS; j++) {
			struct us_session *s = &sessions->sets[i][j].session;
			if (s->expires_ms && s->directory == directory && s->user == user)
				s->password = password;
		}
	pthread_mutex_unlock(&sessions->lock);
}

void us_sessions_end_user(struct us_sessions *sessions, int64_t directory, uint32_t user, struct us_slice except)
{
	pthread_mutex_lock(&sessions->lock);
	const struct entry *keep = except.p ? find(sessions, except) : NULL;
	for (size_t i = 0; i < SETS; i++)
		for (int j = 0; j < WAYS; j++) {
			struct entry *e = &sessions->sets[i][j];
			if (e != keep && e->session.expires_ms && e->session.directory == directory && e->session.user == user)
				*e = (struct entry) { .idle_ms = 0 };
		}
	pthread_mutex_unlock(&sessions->lock);
}
