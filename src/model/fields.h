/* Fields: which fields of a user or a group differ between the directory's side and another, in words for the reason of a change. Pure. */
#ifndef US_MODEL_FIELDS_H
#define US_MODEL_FIELDS_H

#include "model/change.h"

bool us_fields_differ(struct us_slice a, struct us_slice b); /* not set is another value than empty */
/* "email, deactivated": in arena; empty if nothing differs. */
struct us_slice us_fields_of_user(struct us_arena *arena, const struct us_user_image *have, const struct us_user *want);
struct us_slice us_fields_of_group(struct us_arena *arena, const struct us_group_image *have, const struct us_group *want);

#endif
