/* Settings of the targets that notices go to: the two kinds, and what both have.
 *
 * Spec of the signing secrets: Standard Webhooks 1.0.0, "Signature scheme" (2026-11-26).
 */
#ifndef US_MODEL_NOTICE_OPTIONS_H
#define US_MODEL_NOTICE_OPTIONS_H

#include "model/notice.h"

/* "webhook" and "mail"; ends with name NULL. */
extern const struct us_type us_notice_kinds[];
/* What every kind has beside its own; ends with name NULL. */
extern const struct us_option us_notice_options[];

/* Everything that us_option_check cannot see: addresses, secrets, events, and settings that do not go
 * together. */
void us_notice_target_check(struct us_arena *arena, struct us_slice kind, const struct us_json *configuration,
	struct us_problem **list);

/* Read from a configuration that was checked; of both kinds, so that sending and choosing need no schema. */
struct us_notice_limits {
	int64_t quiet_s; /* the least time between two of the same event and connector */
	int64_t per_hour;
	int64_t tries;    /* of one delivery, before it is dead */
	int64_t retry_ms; /* the first wait between two tries */
};
void us_notice_limits_read(const struct us_json *configuration, struct us_notice_limits *ret_limits);
/* Whether the target asked for this event of this connector (its uniqueId); NONE: of none. */
bool us_notice_is_wanted(
	const struct us_json *configuration, enum us_notice_event event, struct us_slice connector_uuid);

/* A mailbox without a display name, in ASCII, that fits into a header and an SMTP command as it is. */
bool us_notice_is_address(struct us_slice text);
/* The key behind "whsec_…", 24 to 64 bytes. */
bool us_notice_read_key(struct us_slice secret, struct us_str *out);
/* A fresh one. */
void us_notice_make_secret(struct us_str *out);

#endif
