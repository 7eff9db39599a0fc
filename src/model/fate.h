/* Fate: what cleanup is to have done to a user by now, and how a user is made anonymous. Pure. */
#ifndef US_MODEL_FATE_H
#define US_MODEL_FATE_H

#include "base/arena.h"
#include "model/record.h"
#include "model/sync_options.h"

struct us_fate {
	bool disable, strip, anonymize, delete;
};

/* since: when the user was first found to be missing or inactive, wall seconds; 0: now. The same whether each run came in time or one after a gap: it
 * depends on the days alone. */
struct us_fate us_fate_of(const struct us_sync_settings *settings, int64_t since, int64_t now_s);

void us_fate_do_stage(struct us_fate *fate, enum us_stage_action action);

enum { US_FATE_NAME_BYTES = 24 };

/* The name of an anonymous user, in ret_text. */
struct us_slice us_fate_name(uint32_t number, char ret_text[US_FATE_NAME_BYTES]);
/* "user-<number>", without anything else but the id and the active state. The id is kept, so whoever returns is found and renamed back. */
void us_fate_anonymize(struct us_arena *arena, uint32_t number, struct us_user *user);
bool us_fate_is_anonymous(const struct us_user *user, uint32_t number);
/* Why the user is cleaned up, and that "user-<number>" is the name of somebody else: what else cleanup does is done all the same. */
struct us_slice us_fate_not_anonymous(struct us_arena *arena, struct us_slice why, uint32_t number);

#endif
