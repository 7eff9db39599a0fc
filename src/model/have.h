/* Have: the index of a directory in memory, for planning. About 70 bytes a user; objects by place 0 … n-1, in the order of loading.
 *
 * ids, names and the arrays run in parallel: place i is key i of both maps. A local object without an id at the IdP has an id key of its own.
 */
#ifndef US_MODEL_HAVE_H
#define US_MODEL_HAVE_H

#include "base/map.h"

enum us_have_flag {
	US_HAVE_OWNED = 1,   /* made by the directory's connector */
	US_HAVE_ACTIVE = 2,
	US_HAVE_MISSING = 4,       /* cleaned up before, still there */
	US_HAVE_PROTECTED = 8,     /* by the rules: never changed */
	US_HAVE_RETIRED = 16,      /* users: cleaned up by a connector of type `inactive`, and no login since */
	US_HAVE_STRIPPED = 32,     /* users: RETIRED, and taken out of their groups */
	US_HAVE_PROTECTS = 16,     /* groups: their members are protected */
	US_HAVE_UNMANAGED = 64,    /* groups: who is in it is not for the sync to decide */
	US_HAVE_STRIP_EXEMPT = 32, /* groups: who is cleaned up stays in them */
};

struct us_have_side {
	struct us_map ids;      /* hash of the immutable id */
	struct us_map names;    /* hash of the folded name */
	uint32_t *numbers;
	struct us_hash *hashes; /* content hash at the last sync */
	struct us_hash *members_hashes; /* groups only: over the owned direct members */
	uint8_t *flags;
	uint32_t n, cap;
	uint32_t next_number;
};

struct us_have {
	struct us_have_side users, groups;
	int64_t revision;       /* of the directory; apply refuses if it has moved on */
	int64_t n_memberships;  /* owned, direct, users and groups */
	struct us_map gone;     /* ids of users that were deleted as inactive, and no login since */
};

void us_have_fini(struct us_have *have);
/* ids of objects without one: unique by number */
struct us_hash us_have_local_id(uint32_t number);
/* Room for n objects in all; without it the arrays grow as needed. */
void us_have_reserve(struct us_have_side *side, uint32_t n, bool has_members);
/* Starts fetching what adding these keys will look at; worth it when several are added after each other. */
void us_have_expect(const struct us_have_side *side, struct us_hash id, struct us_hash name);
/* The place of a number in an index whose numbers are in order, as a whole one's are; US_MAP_NONE. */
uint32_t us_have_place(const struct us_have_side *side, uint32_t number);
/* members_hash is ignored on the side of users. Returns the place. */
uint32_t us_have_add(struct us_have_side *side, struct us_hash id, struct us_hash name, uint32_t number, struct us_hash hash,
	struct us_hash members_hash, uint8_t flags, bool has_members);

#endif
