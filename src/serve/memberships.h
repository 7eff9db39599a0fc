/* Memberships: which groups users are directly in, kept over requests.
 *
 * A list is kept with the revision of its directory, which goes up with each applied plan, and found only for that very revision. Bounded in memory: the
 * lists of the latest two million memberships, the oldest giving way. Thread-safe.
 */
#ifndef US_SERVE_MEMBERSHIPS_H
#define US_SERVE_MEMBERSHIPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct us_memberships;
struct us_memberships *us_memberships_new(void);
void us_memberships_free(struct us_memberships *memberships);

/* False: it is not kept. The list lives in arena, in the order that it was kept in. */
bool us_memberships_find(struct us_memberships *memberships, struct us_arena *arena, int64_t directory, int64_t revision, uint32_t user,
	const uint32_t **ret_groups, size_t *ret_n);
void us_memberships_keep(struct us_memberships *memberships, int64_t directory, int64_t revision, uint32_t user, const uint32_t *groups, size_t n);

#endif
