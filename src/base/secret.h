/* Secrets: passwords, sealing at rest, random tokens (libsodium).
 *
 * Passwords: argon2id, 19 MiB, 2 passes (about 12 ms): callers cache success by us_secret_fingerprint, never verify once
 * per request. Sealing: XChaCha20-Poly1305 under the master key, with the owner's name as additional data, so a sealed
 * value cannot be moved to another row. Nothing here can be printed or logged.
 * Spec: RFC 9106 (argon2id; OWASP minimum of 2024), libsodium secretbox/aead documentation.
 */
#ifndef US_BASE_SECRET_H
#define US_BASE_SECRET_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#define US_SECRET_KEY_BYTES 32
#define US_SECRET_HASH_BYTES 128 /* encoded argon2id text with its NUL */

struct us_secret_key { unsigned char bytes[US_SECRET_KEY_BYTES]; };

/* Once at start, before threads. */
enum us_errc us_secret_init(struct us_err *err);

/* The master key: from the environment variable USERSYNC_MASTER_KEY (base64 or hex, 32 bytes), else from the file at path, which is made
 * with mode 0600 if it is not there; a file that others can read is refused. Errors: US_CONFIG, US_DISK. */
enum us_errc us_secret_load_key(const char *path, struct us_secret_key *ret_key, struct us_err *err);

enum us_errc us_secret_hash_password(struct us_slice password, char ret_hash[US_SECRET_HASH_BYTES], struct us_err *err);
bool us_secret_is_password(struct us_slice password, const char *hash); /* constant time in the password */
/* Keyed by a random key of this process: finds a verified credential again, useless outside. */
struct us_hash us_secret_fingerprint(struct us_slice a, struct us_slice b);

/* Seal: printable base64url text. context is what the value belongs to ("connector/<uuid>/clientSecret"). */
void us_secret_seal(const struct us_secret_key *key, struct us_slice context, struct us_slice plain, struct us_str *out);
/* Errors: US_CONFIG when the key or the context is another one, or the text was changed. */
enum us_errc us_secret_unseal(const struct us_secret_key *key, struct us_slice context, struct us_slice sealed,
	struct us_str *out, struct us_err *err);

bool us_secret_is_equal(struct us_slice a, struct us_slice b); /* constant time in the content */
void us_secret_random(void *p, size_t n);
void us_secret_token(struct us_str *out, size_t random_bytes); /* base64url, no padding */
void us_secret_wipe(void *p, size_t n);
void us_secret_wipe_str(struct us_str *s); /* wipes, then frees */

/* Base64 with padding (RFC 4648 section 4), as mail and signatures have it. */
void us_secret_add_base64(struct us_str *out, struct us_slice bytes);
bool us_secret_read_base64(struct us_slice text, struct us_str *out); /* false: it is none, nothing is added */
/* HMAC-SHA256 of message under a key of any length, in that base64. */
void us_secret_sign(struct us_slice key, struct us_slice message, struct us_str *out);

#define US_UUID_BYTES 37
void us_secret_uuid(char ret_uuid[US_UUID_BYTES]); /* version 4, lower case */

/* SHA-256 as lower-case hex, for API tokens (random, so a plain hash suffices). */
void us_secret_sha256(struct us_slice text, char ret_hex[65]);
/* The same, piece by piece, for whole files. */
struct us_secret_sha256 { _Alignas(8) unsigned char state[128]; };
void us_secret_sha256_begin(struct us_secret_sha256 *sum);
void us_secret_sha256_add(struct us_secret_sha256 *sum, const void *p, size_t n);
void us_secret_sha256_end(struct us_secret_sha256 *sum, char ret_hex[65]);

#endif
