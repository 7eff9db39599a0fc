#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define KEY_VARIABLE "USERSYNC_MASTER_KEY"

enum {
	PASSWORD_PASSES = 2,
	PASSWORD_BYTES = 19 << 20,
	SEAL_VERSION = 1,
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	KEY_FILE_BYTES = 4096, /* more is no key file */
};

_Static_assert(US_SECRET_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "master key");
_Static_assert(US_SECRET_HASH_BYTES == crypto_pwhash_STRBYTES, "encoded hash");

static unsigned char fingerprint_key[crypto_generichash_KEYBYTES];
static bool is_ready;

enum us_errc us_secret_init(struct us_err *err)
{
	if (sodium_init() < 0)
		return us_err_set(err, US_INTERNAL, "libsodium cannot be initialised");
	if (!is_ready)
		randombytes_buf(fingerprint_key, sizeof fingerprint_key);
	is_ready = true;
	return US_OK;
}

static bool decode_key(struct us_slice text, struct us_secret_key *ret_key)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
		sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING };
	struct us_secret_key key;
	size_t n;

	text = us_slice_trim(text);
	bool ok = sodium_hex2bin(key.bytes, sizeof key.bytes, text.p, text.n, NULL, &n, NULL) == 0 &&
		n == sizeof key.bytes && text.n == 2 * sizeof key.bytes;
	for (size_t i = 0; !ok && i < sizeof variants / sizeof *variants; i++) {
		const char *end = text.p;
		ok = sodium_base642bin(key.bytes, sizeof key.bytes, text.p, text.n, NULL, &n, &end, variants[i]) == 0 &&
			n == sizeof key.bytes && end == text.p + text.n;
	}
	if (ok)
		*ret_key = key;
	sodium_memzero(&key, sizeof key);
	return ok;
}

static enum us_errc read_key(const char *path, int fd, struct us_secret_key *ret_key, struct us_err *err)
{
	char text[KEY_FILE_BYTES];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return us_err_set_native(err, US_DISK, errno, "cannot read the master key %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return us_err_set(err, US_CONFIG, "the master key %s is no regular file", path);
	if (st.st_mode & 077)
		return us_err_set(err, US_CONFIG, "the master key %s can be read by others: chmod 600 %s", path, path);
	ssize_t n = read(fd, text, sizeof text);
	if (n < 0)
		return us_err_set_native(err, US_DISK, errno, "cannot read the master key %s: %s", path, strerror(errno));
	bool ok = decode_key((struct us_slice) { text, (size_t) n }, ret_key);
	sodium_memzero(text, sizeof text);
	if (!ok)
		return us_err_set(err, US_CONFIG, "%s holds no master key: 32 bytes as base64 or hex were expected", path);
	return US_OK;
}

static enum us_errc cannot_make(const char *path, struct us_err *err)
{
	return us_err_set_native(err, US_DISK, errno, "cannot make the master key %s: %s", path, strerror(errno));
}

static enum us_errc write_key(const char *path, const char *fresh, struct us_err *err)
{
	char text[2 * US_SECRET_KEY_BYTES + 2];
	struct us_secret_key key;
	enum us_errc rc = US_OK;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return cannot_make(path, err);
	randombytes_buf(key.bytes, sizeof key.bytes);
	sodium_bin2hex(text, sizeof text, key.bytes, sizeof key.bytes);
	text[sizeof text - 2] = '\n';
	size_t n = sizeof text - 1;
	if (write(fd, text, n) != (ssize_t) n || fsync(fd) != 0)
		rc = cannot_make(path, err);
	close(fd);
	sodium_memzero(text, sizeof text);
	sodium_memzero(&key, sizeof key);
	/* link, not rename: whoever comes second must use the first one's key. */
	if (!rc && link(fresh, path) != 0 && errno != EEXIST)
		rc = cannot_make(path, err);
	unlink(fresh);
	return rc;
}

static enum us_errc make_key(const char *path, struct us_err *err)
{
	char random[17];
	unsigned char bytes[8];
	struct us_str fresh = US_STR_INIT;

	randombytes_buf(bytes, sizeof bytes);
	us_str_printf(&fresh, "%s.%s", path, sodium_bin2hex(random, sizeof random, bytes, sizeof bytes));
	enum us_errc rc = write_key(path, us_str_text(&fresh), err);
	us_str_fini(&fresh);
	return rc;
}

enum us_errc us_secret_load_key(const char *path, struct us_secret_key *ret_key, struct us_err *err)
{
	const char *text = getenv(KEY_VARIABLE);

	if (text && *text) {
		if (!decode_key(us_slice(text), ret_key))
			return us_err_set(err, US_CONFIG, KEY_VARIABLE " holds no master key: 32 bytes as base64 or hex were expected");
		return US_OK;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		enum us_errc rc = make_key(path, err);
		if (rc)
			return rc;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return us_err_set_native(err, US_DISK, errno, "cannot read the master key %s: %s", path, strerror(errno));
	enum us_errc rc = read_key(path, fd, ret_key, err);
	close(fd);
	return rc;
}

enum us_errc us_secret_hash_password(struct us_slice password, char ret_hash[US_SECRET_HASH_BYTES], struct us_err *err)
{
	char hash[US_SECRET_HASH_BYTES];

	if (crypto_pwhash_str_alg(hash, password.p ? password.p : "", password.n, PASSWORD_PASSES, PASSWORD_BYTES,
		    crypto_pwhash_ALG_ARGON2ID13) != 0)
		return us_err_set(err, US_UNAVAILABLE, "no memory to hash a password");
	memcpy(ret_hash, hash, sizeof hash);
	return US_OK;
}

bool us_secret_is_password(struct us_slice password, const char *hash)
{
	char whole[US_SECRET_HASH_BYTES] = { 0 };
	size_t n = hash ? strlen(hash) : 0;

	if (!n || n >= sizeof whole)
		return false;
	memcpy(whole, hash, n);
	return crypto_pwhash_str_verify(whole, password.p ? password.p : "", password.n) == 0;
}

struct us_hash us_secret_fingerprint(struct us_slice a, struct us_slice b)
{
	unsigned char out[crypto_generichash_BYTES];
	crypto_generichash_state state;
	uint64_t n = a.n; /* keeps ("ab","c") apart from ("a","bc") */

	us_assert(is_ready);
	crypto_generichash_init(&state, fingerprint_key, sizeof fingerprint_key, sizeof out);
	crypto_generichash_update(&state, (const unsigned char *) &n, sizeof n);
	crypto_generichash_update(&state, (const unsigned char *) (a.p ? a.p : ""), a.n);
	crypto_generichash_update(&state, (const unsigned char *) (b.p ? b.p : ""), b.n);
	crypto_generichash_final(&state, out, sizeof out);
	sodium_memzero(&state, sizeof state);
	return us_hash_take(out, US_HASH_BYTES);
}

static void add_base64(struct us_str *out, const unsigned char *p, size_t n)
{
	size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);

	us_str_reserve(out, room);
	sodium_bin2base64(out->p + out->n, room, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	out->n += room - 1;
}

/* Sealed: version, nonce, cipher text with tag; the version is authenticated too, in front of the context. */
static void additional_data(struct us_str *ret_data, struct us_slice context)
{
	us_str_add_char(ret_data, SEAL_VERSION);
	us_str_add_slice(ret_data, context);
}

void us_secret_seal(const struct us_secret_key *key, struct us_slice context, struct us_slice plain, struct us_str *out)
{
	size_t n = 1 + NONCE_BYTES + plain.n + TAG_BYTES;
	unsigned char *bytes = us_malloc(n);
	struct us_str data = US_STR_INIT;
	unsigned long long sealed_n;

	additional_data(&data, context);
	bytes[0] = SEAL_VERSION;
	randombytes_buf(bytes + 1, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + 1 + NONCE_BYTES, &sealed_n,
		(const unsigned char *) (plain.p ? plain.p : ""), plain.n, (const unsigned char *) data.p, data.n, NULL,
		bytes + 1, key->bytes);
	add_base64(out, bytes, n);
	us_str_fini(&data);
	free(bytes);
}

enum us_errc us_secret_unseal(const struct us_secret_key *key, struct us_slice context, struct us_slice sealed,
	struct us_str *out, struct us_err *err)
{
	size_t room = sealed.n / 4 * 3 + 3, n = 0;
	unsigned char *bytes = us_malloc(room);
	struct us_str data = US_STR_INIT;
	const char *end = sealed.p;
	bool ok = false;

	additional_data(&data, context);
	if (sodium_base642bin(bytes, room, sealed.p, sealed.n, NULL, &n, &end,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		end == sealed.p + sealed.n && n >= 1 + NONCE_BYTES + TAG_BYTES && bytes[0] == SEAL_VERSION) {
		size_t plain_n = n - 1 - NONCE_BYTES - TAG_BYTES;
		us_str_reserve(out, plain_n);
		ok = crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *) out->p + out->n, NULL, NULL,
			bytes + 1 + NONCE_BYTES, n - 1 - NONCE_BYTES, (const unsigned char *) data.p, data.n, bytes + 1,
			key->bytes) == 0;
		if (ok)
			out->n += plain_n;
		out->p[out->n] = '\0';
	}
	us_str_fini(&data);
	free(bytes);
	if (!ok)
		return us_err_set(err, US_CONFIG, "a sealed secret cannot be opened: the master key is another one or the value was changed; set it again");
	return US_OK;
}

bool us_secret_is_equal(struct us_slice a, struct us_slice b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

void us_secret_random(void *p, size_t n) { randombytes_buf(p, n); }

void us_secret_token(struct us_str *out, size_t random_bytes)
{
	unsigned char *bytes = us_malloc(random_bytes);

	randombytes_buf(bytes, random_bytes);
	add_base64(out, bytes, random_bytes);
	sodium_memzero(bytes, random_bytes);
	free(bytes);
}

void us_secret_wipe(void *p, size_t n)
{
	if (n)
		sodium_memzero(p, n);
}

void us_secret_wipe_str(struct us_str *s)
{
	us_secret_wipe(s->p, s->cap);
	us_str_fini(s);
}

void us_secret_uuid(char ret_uuid[US_UUID_BYTES])
{
	unsigned char b[16];
	char hex[33];

	randombytes_buf(b, sizeof b);
	b[6] = (unsigned char) ((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char) ((b[8] & 0x3F) | 0x80);
	sodium_bin2hex(hex, sizeof hex, b, sizeof b);
	snprintf(ret_uuid, US_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void us_secret_sha256(struct us_slice text, char ret_hex[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *) (text.p ? text.p : ""), text.n);
	sodium_bin2hex(ret_hex, 65, hash, sizeof hash);
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct us_secret_sha256), "room for the library's state");

static crypto_hash_sha256_state *state_of(struct us_secret_sha256 *sum)
{
	return (crypto_hash_sha256_state *) (void *) sum->state;
}

void us_secret_sha256_begin(struct us_secret_sha256 *sum) { crypto_hash_sha256_init(state_of(sum)); }

void us_secret_sha256_add(struct us_secret_sha256 *sum, const void *p, size_t n)
{
	crypto_hash_sha256_update(state_of(sum), p, n);
}

void us_secret_sha256_end(struct us_secret_sha256 *sum, char ret_hex[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_final(state_of(sum), hash);
	sodium_bin2hex(ret_hex, 65, hash, sizeof hash);
}

void us_secret_add_base64(struct us_str *out, struct us_slice bytes)
{
	size_t room = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);

	us_str_reserve(out, room);
	sodium_bin2base64(out->p + out->n, room, (const unsigned char *) (bytes.p ? bytes.p : ""), bytes.n, sodium_base64_VARIANT_ORIGINAL);
	out->n += room - 1;
}

bool us_secret_read_base64(struct us_slice text, struct us_str *out)
{
	size_t n = 0, room = text.n / 4 * 3 + 3;

	us_str_reserve(out, room);
	if (!text.n || sodium_base642bin((unsigned char *) out->p + out->n, room, text.p, text.n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL)) {
		out->p[out->n] = '\0';
		return false;
	}
	out->n += n;
	out->p[out->n] = '\0';
	return true;
}

void us_secret_sign(struct us_slice key, struct us_slice message, struct us_str *out)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, (const unsigned char *) (key.p ? key.p : ""), key.n);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *) (message.p ? message.p : ""), message.n);
	crypto_auth_hmacsha256_final(&state, mac);
	us_secret_add_base64(out, (struct us_slice) { (const char *) mac, sizeof mac });
	sodium_memzero(&state, sizeof state);
}
