/* Kept: what was read of directories, kept over requests.
 *
 * A piece is kept with the revision of its directory, which goes up with each applied plan. Who asks with the revision of its snapshot is given what the
 * snapshot holds. Bounded in memory: 16 MB of pieces, of which the oldest give way. Thread-safe.
 */
#ifndef US_SERVE_KEPT_H
#define US_SERVE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum us_kept_kind { US_KEPT_USER, US_KEPT_GROUPS_OF_USER };
struct us_kept_key {
	enum us_kept_kind kind;
	int64_t directory, revision;
	struct us_slice what; /* of that kind */
};

struct us_kept;
struct us_kept *us_kept_new(void);
void us_kept_free(struct us_kept *kept);

/* False: there is no such piece any more. The bytes live in arena, aligned for any type. */
bool us_kept_find(struct us_kept *kept, struct us_arena *arena, const struct us_kept_key *key, struct us_slice *ret_bytes);
void us_kept_keep(struct us_kept *kept, const struct us_kept_key *key, struct us_slice bytes);

#endif
