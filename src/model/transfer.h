/* Transfer: the file that carries connectors from one server to another. Pure.
 *
 *     {"format":"usersync-connectors","formatVersion":1,
 *      "connectors":[{"uniqueId":"…","name":"hr","type":"ldap","enabled":true,"configuration":{…,"bindPassword":"***"}}],
 *      "secrets":{…}}
 *
 * "***" stands for a secret that the file does not hold in the clear. "secrets" is an envelope
 * (base/envelope.h) whose text is
 * {"digest":"…","secrets":{"<uniqueId>":{"<setting>":"…"}}}; the digest is that of "connectors", so that a
 * sealed secret goes nowhere but where the file sent it when it was made. An array of connectors, or one
 * connector alone, is taken for a file without secrets. What else a listing says of a connector (id,
 * directoryId, lastStatus, paused, nextRuns, created …) belongs to the server that it came from: it is passed
 * over.
 */
#ifndef US_MODEL_TRANSFER_H
#define US_MODEL_TRANSFER_H

#include "model/option.h"

#define US_TRANSFER_FORMAT "usersync-connectors"
#define US_TRANSFER_HIDDEN "***"
enum {
	US_TRANSFER_VERSION = 1,
	US_TRANSFER_CONNECTORS_MOST = 1000,
	US_TRANSFER_NAME_MOST = 255 /* characters */
};

struct us_transfer_entry {
	struct us_slice uuid;                /* lower case; NONE: not given */
	struct us_slice name, type;          /* NONE: not given */
	const struct us_json *enabled;       /* a boolean; NULL: not given */
	const struct us_json *configuration; /* an object; NULL if it was bad */
	const char *place;                   /* "connectors[0]", in front of its fields */
	struct us_problem *problems;
};

struct us_transfer {
	struct us_transfer_entry *entries;
	size_t n;
	const struct us_json *connectors; /* the array; NULL if it was bad */
	const struct us_json *sealed;     /* the envelope; NULL: no secrets */
	struct us_slice passphrase;       /* given along with the file; NONE */
	struct us_problem *problems;      /* of the file as a whole */
};

/* Everything is checked that can be without knowing the types: each problem is listed, in the file or with
 * its entry. Borrows from doc. */
void us_transfer_read(struct us_arena *arena, const struct us_json *doc, struct us_transfer *ret_transfer);
/* What a check of the entry's configuration has found becomes the entry's problems, each with its place. A
 * secret that is missing or hidden is none here. */
void us_transfer_complain(struct us_arena *arena, const struct us_type *type,
	const struct us_option *sync_options, struct us_transfer_entry *entry, const struct us_problem *found);

/* SHA-256 of the array, however it was indented. */
void us_transfer_digest(const struct us_json *connectors, char ret_hex[65]);
/* The secret of that connector and setting in an opened envelope; NONE if it is not there. */
struct us_slice us_transfer_find_secret(
	const struct us_json *opened, struct us_slice uuid, struct us_slice setting);
/* "***", or nothing at all: the file does not say what it is. */
bool us_transfer_is_hidden(const struct us_json *value);

#endif
