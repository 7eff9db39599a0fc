/* Envelope: text sealed with a passphrase, so that it can leave the server.
 *
 * A JSON object that says how it was made: version, argon2id with its cost and salt, secretbox with its
 * nonce, the sealed text. The cost that an envelope asks for is bounded before anything is computed, and one
 * is opened at a time in the whole program, so that a hostile file costs at most US_ENVELOPE_MEMORY_MOST
 * bytes and some seconds. Errors: US_CONFIG for an envelope that is none, asks for too much, or does not
 * open; US_UNAVAILABLE without memory. Spec: RFC 9106 section 4 (second recommended choice, with one lane),
 * libsodium crypto_pwhash and crypto_secretbox (2026-11-26).
 */
#ifndef US_BASE_ENVELOPE_H
#define US_BASE_ENVELOPE_H

#include "base/json.h"

#define US_ENVELOPE_PASSPHRASE_LEAST 8 /* characters, of a new one */
#define US_ENVELOPE_PASSPHRASE_MOST 256
#define US_ENVELOPE_PASSES_MOST 10
#define US_ENVELOPE_MEMORY_LEAST (8LL << 20)
#define US_ENVELOPE_MEMORY_MOST (256LL << 20)
#define US_ENVELOPE_TEXT_MOST (1u << 20) /* bytes of the sealed text, as base64url */

struct us_envelope {
	int64_t passes, memory_bytes;
	unsigned char salt[16], nonce[24];
	struct us_slice data; /* base64url, borrowed from the JSON */
};

/* Writes the object. */
enum us_errc us_envelope_seal(
	struct us_slice passphrase, struct us_slice plain, struct us_jsonw *w, struct us_err *err);
/* Shape and bounds alone, at no cost. */
enum us_errc us_envelope_read(
	const struct us_json *object, struct us_envelope *ret_envelope, struct us_err *err);
/* Appends the text to out, which its owner wipes. A wrong passphrase and a changed envelope cannot be told
 * apart. */
enum us_errc us_envelope_open(
	const struct us_envelope *envelope, struct us_slice passphrase, struct us_str *out, struct us_err *err);

#endif
