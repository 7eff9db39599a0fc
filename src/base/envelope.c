#include "base/envelope.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

enum { VERSION = 1, PASSES = 3, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };
#define MEMORY_BYTES (64LL << 20)
#define KDF "argon2id"
#define CIPHER "xsalsa20poly1305"

_Static_assert(sizeof((struct us_envelope *)0)->salt == crypto_pwhash_SALTBYTES, "salt");
_Static_assert(sizeof((struct us_envelope *)0)->nonce == crypto_secretbox_NONCEBYTES, "nonce");

/* Memory for one key at a time. */
static pthread_mutex_t derive_lock = PTHREAD_MUTEX_INITIALIZER;

static enum us_errc derive(const struct us_envelope *e, struct us_slice passphrase,
	unsigned char key[crypto_secretbox_KEYBYTES], struct us_err *err)
{
	pthread_mutex_lock(&derive_lock);
	int failed = crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase.p ? passphrase.p : "", passphrase.n,
		e->salt, (unsigned long long)e->passes, (size_t)e->memory_bytes, crypto_pwhash_ALG_ARGON2ID13);
	pthread_mutex_unlock(&derive_lock);
	return failed ? us_err_set(err, US_UNAVAILABLE, "no memory to make a key from a passphrase") : US_OK;
}

static void put_base64(struct us_jsonw *w, const char *key, const unsigned char *p, size_t n)
{
	size_t room = sodium_base64_encoded_len(n, BASE64);
	char *text = us_malloc(room);

	sodium_bin2base64(text, room, p, n, BASE64);
	us_jsonw_put_text(w, key, text);
	free(text);
}

enum us_errc us_envelope_seal(
	struct us_slice passphrase, struct us_slice plain, struct us_jsonw *w, struct us_err *err)
{
	struct us_envelope e = { .passes = PASSES, .memory_bytes = MEMORY_BYTES };
	unsigned char key[crypto_secretbox_KEYBYTES];

	randombytes_buf(e.salt, sizeof e.salt);
	randombytes_buf(e.nonce, sizeof e.nonce);
	enum us_errc rc = derive(&e, passphrase, key, err);
	if (rc)
		return rc;
	size_t n = plain.n + crypto_secretbox_MACBYTES;
	unsigned char *sealed = us_malloc(n);
	crypto_secretbox_easy(sealed, (const unsigned char *)(plain.p ? plain.p : ""), plain.n, e.nonce, key);
	sodium_memzero(key, sizeof key);
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "version", VERSION);
	us_jsonw_put_text(w, "kdf", KDF);
	us_jsonw_put_int(w, "passes", e.passes);
	us_jsonw_put_int(w, "memoryBytes", e.memory_bytes);
	put_base64(w, "salt", e.salt, sizeof e.salt);
	us_jsonw_put_text(w, "cipher", CIPHER);
	put_base64(w, "nonce", e.nonce, sizeof e.nonce);
	put_base64(w, "data", sealed, n);
	us_jsonw_close(w, '}');
	free(sealed);
	return US_OK;
}

static bool read_base64(const struct us_json *object, const char *key, unsigned char *out, size_t n)
{
	struct us_slice text = us_json_string(object, key);
	const char *end = text.p;
	size_t found;

	return text.n && sodium_base642bin(out, n, text.p, text.n, NULL, &found, &end, BASE64) == 0 &&
		   found == n && end == text.p + text.n;
}

static enum us_errc refuse(struct us_err *err, const char *what)
{
	return us_err_set(err, US_CONFIG, "sealed secrets: %s", what);
}

enum us_errc us_envelope_read(
	const struct us_json *object, struct us_envelope *ret_envelope, struct us_err *err)
{
	struct us_envelope e = { .passes = us_json_int(object, "passes", 0),
		.memory_bytes = us_json_int(object, "memoryBytes", 0),
		.data = us_json_string(object, "data") };

	if (!object || object->type != US_JSON_OBJECT)
		return refuse(err, "must be an object, as an export has it");
	if (us_json_int(object, "version", 0) != VERSION)
		return refuse(err, "this program knows version 1 of them only");
	if (!us_slice_is(us_json_string(object, "kdf"), KDF) ||
		!us_slice_is(us_json_string(object, "cipher"), CIPHER))
		return refuse(err, "kdf must be " KDF " and cipher " CIPHER);
	if (e.passes < 1 || e.passes > US_ENVELOPE_PASSES_MOST)
		return us_err_set(
			err, US_CONFIG, "sealed secrets: passes must be from 1 to %d", US_ENVELOPE_PASSES_MOST);
	if (e.memory_bytes < US_ENVELOPE_MEMORY_LEAST || e.memory_bytes > US_ENVELOPE_MEMORY_MOST)
		return us_err_set(err, US_CONFIG, "sealed secrets: memoryBytes must be from %lld to %lld",
			US_ENVELOPE_MEMORY_LEAST, US_ENVELOPE_MEMORY_MOST);
	if (!read_base64(object, "salt", e.salt, sizeof e.salt) ||
		!read_base64(object, "nonce", e.nonce, sizeof e.nonce))
		return refuse(err, "salt or nonce is cut or damaged");
	if (!e.data.n || e.data.n > US_ENVELOPE_TEXT_MOST)
		return refuse(err, "data is missing or too long");
	*ret_envelope = e;
	return US_OK;
}

enum us_errc us_envelope_open(
	const struct us_envelope *envelope, struct us_slice passphrase, struct us_str *out, struct us_err *err)
{
	unsigned char key[crypto_secretbox_KEYBYTES], *sealed = us_malloc(envelope->data.n);
	const char *end = envelope->data.p;
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (sodium_base642bin(
			sealed, envelope->data.n, envelope->data.p, envelope->data.n, NULL, &n, &end, BASE64) != 0 ||
		end != envelope->data.p + envelope->data.n || n < crypto_secretbox_MACBYTES)
		rc = refuse(err, "data is cut or damaged");
	if (!rc)
		rc = derive(envelope, passphrase, key, err);
	if (!rc) {
		size_t plain_n = n - crypto_secretbox_MACBYTES;
		us_str_reserve(out, plain_n + 1);
		if (crypto_secretbox_open_easy((unsigned char *)out->p + out->n, sealed, n, envelope->nonce, key) ==
			0)
			out->n += plain_n;
		else
			rc = us_err_set(err, US_CONFIG, "is wrong, or the sealed secrets were changed");
		out->p[out->n] = '\0';
		sodium_memzero(key, sizeof key);
	}
	free(sealed);
	return rc;
}
