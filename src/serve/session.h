/* Sessions: who is logged in over several applications (SSO). In memory: a restart ends them, and users log in again.
 *
 * A session is extended by each validation, and ends when nobody asked for it so long. Its token is random, and only its fingerprint is kept.
 * A session that was opened with validation factors (the browser's address) is valid with the same ones only. Bounded: many
 * push out those that would end first. Thread-safe.
 */
#ifndef US_SERVE_SESSION_H
#define US_SERVE_SESSION_H

#include "base/hash.h"
#include "base/str.h"

enum { US_SESSION_IDLE_S = 1800, US_SESSION_TOKEN_RANDOM_BYTES = 24 };

struct us_session {
	int64_t directory;
	uint32_t user;               /* number */
	struct us_hash password;     /* of the password that the user had then; ZERO: none here */
	int64_t created_ms, expires_ms; /* wall */
};

struct us_sessions;
struct us_sessions *us_sessions_new(void);
void us_sessions_free(struct us_sessions *sessions);

/* token: cleared and filled. of: directory, user and password. factors: a hash of the validation factors. idle_s: how long it may rest; at most
 * US_SESSION_IDLE_S. */
void us_sessions_open(struct us_sessions *sessions, const struct us_session *of, struct us_hash factors, int64_t idle_s, struct us_str *token,
	struct us_session *ret_session);
/* false: there is none, it has ended, or the factors are others. factors NULL: not compared, and the session is not extended. */
bool us_sessions_find(struct us_sessions *sessions, struct us_slice token, const struct us_hash *factors, struct us_session *ret_session);
void us_sessions_end(struct us_sessions *sessions, struct us_slice token);
/* The user's sessions are those of this password now. */
void us_sessions_keep(struct us_sessions *sessions, int64_t directory, uint32_t user, struct us_hash password);
/* All of a user but that with this token; NONE: all. */
void us_sessions_end_user(struct us_sessions *sessions, int64_t directory, uint32_t user, struct us_slice except);

#endif
