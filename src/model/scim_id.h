/* Ids of resources in SCIM: "u" or "g" with the number, "u17", "g3". */
#ifndef US_MODEL_SCIM_ID_H
#define US_MODEL_SCIM_ID_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum { US_SCIM_ID_BYTES = 12 };

/* Lies within text, NUL-terminated. */
struct us_slice us_scim_id_write(char text[US_SCIM_ID_BYTES], bool is_group, uint32_t number);
/* Lives in arena. */
struct us_slice us_scim_id(struct us_arena *arena, bool is_group, uint32_t number);
bool us_scim_id_parse(struct us_slice id, bool *ret_is_group, uint32_t *ret_number);

#endif
