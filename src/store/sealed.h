/* Sealed: a configuration as it is stored, one JSON object whose secrets are sealed, each bound to its owner
 * and its field. */
#ifndef US_STORE_SEALED_H
#define US_STORE_SEALED_H

#include "base/json.h"
#include "base/secret.h"
#include "model/option.h"

enum us_secrets {
	US_SECRETS_HIDDEN /* "***" */,
	US_SECRETS_CLEAR /* for those who must use them; wipe the arena */
};

struct us_sealed {
	const struct us_secret_key *key;
	const struct us_option *options[2]; /* which members are secret; either may be NULL */
	const char *owner;                  /* "connector/<uuid>" */
};

bool us_sealed_is_secret(const struct us_sealed *sealed, struct us_slice name);

/* The configuration as it is stored. kept: the stored one, whose secrets those given as "***" keep; NULL:
 * there is none yet. US_CONFIG: "***" and nothing to keep. */
enum us_errc us_sealed_write(const struct us_sealed *sealed, struct us_arena *arena,
	const struct us_json *configuration, const struct us_json *kept, struct us_str *out, struct us_err *err);
/* The other way. What is sealed stays unseen even if its option is not secret any more, or its type unknown.
 */
enum us_errc us_sealed_read(const struct us_sealed *sealed, struct us_arena *arena, enum us_secrets secrets,
	const struct us_json *stored, const struct us_json **ret_configuration, struct us_err *err);

#endif
