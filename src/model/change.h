/* Change: one row of a plan. An object of a directory, what becomes of it, before, after, and why.
 *
 * Objects are numbered within their directory: users and groups each from 1, a number is never given twice, so an undone
 * deletion gets its own number back and memberships can be pairs of numbers.
 */
#ifndef US_MODEL_CHANGE_H
#define US_MODEL_CHANGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/record.h"

enum us_object { US_OBJECT_USER, US_OBJECT_GROUP, US_OBJECT_MEMBERS };

/* Each object has exactly one outcome in a run (invariant E). The texts are those of results and counters. */
#define US_OUTCOME_TABLE(X) \
	X(US_OUTCOME_ADDED,        "ADDED") \
	X(US_OUTCOME_UPDATED,      "UPDATED") \
	X(US_OUTCOME_RENAMED,      "RENAMED")      /* the name changed; other fields may have, too */ \
	X(US_OUTCOME_NOT_MODIFIED, "NOT_MODIFIED") /* counted; has no row */ \
	X(US_OUTCOME_FILTERED,     "FILTERED") \
	X(US_OUTCOME_FAILED,       "FAILED")       /* nothing is written for this object */ \
	X(US_OUTCOME_DISABLED,     "DISABLED")     /* by cleanup */ \
	X(US_OUTCOME_DELETED,      "DELETED") \
	X(US_OUTCOME_ANONYMIZED,   "ANONYMIZED") \
	X(US_OUTCOME_HELD,         "HELD")         /* waits, in a run of its own, for a decision */

enum us_outcome {
#define X(code, text) code,
	US_OUTCOME_TABLE(X)
#undef X
	US_OUTCOME_COUNT
};

const char *us_outcome_text(enum us_outcome outcome);
bool us_outcome_is_written(enum us_outcome outcome); /* a row of it changes the directory once its run is applied */
bool us_outcome_parse(struct us_slice text, enum us_outcome *ret_outcome);
const char *us_object_text(enum us_object object); /* "user", "group", "members" */
bool us_object_parse(struct us_slice text, enum us_object *ret_object);

/* A whole user as the directory holds it; enough to put it back byte for byte. */
struct us_user_image {
	struct us_user user;
	bool owned;            /* by the directory's connector; else local and never touched by it (invariant O) */
	int64_t missing_since; /* wall seconds; 0: was in the last whole listing */
	struct {
		int64_t since;     /* wall seconds: when a connector of type `inactive` first found the user without a login; 0: none has */
		int64_t by;        /* that connector's number */
		bool strips;       /* it took the user's memberships away */
	} retired;
	struct us_hash hash;   /* of the wanted user at the last sync; zero after cleanup, so that a return always differs */
	int64_t revision;      /* run that wrote it last */
};

struct us_group_image {
	struct us_group group;
	bool owned;
	struct us_hash hash;
	int64_t revision;
};

/* Members of one group, as a difference. Numbers are sorted. */
struct us_members_delta {
	const uint32_t *added_users, *removed_users, *added_groups, *removed_groups;
	uint32_t n_added_users, n_removed_users, n_added_groups, n_removed_groups;
};

struct us_change {
	uint32_t ord;             /* place in the plan, from 0 */
	enum us_object object;
	enum us_outcome outcome;
	uint32_t number;          /* of the user or group; 0: has none (a record that could not be identified) */
	struct us_slice id, name; /* for search and display: as wanted, or as it was if it goes */
	struct us_slice reason;
	union {
		struct { const struct us_user_image *before, *after; } user;   /* NULL: not there */
		struct { const struct us_group_image *before, *after; } group;
		struct us_members_delta members;
	};
	/* Images that need not be looked into, as they are stored; if set, the image above may be NULL, and this is written down in its place. */
	struct us_slice before_text, after_text;
};

/* Images as JSON: {"id","name","fullName","firstName","lastName","email","active","attributes":{…},"owned","missingSince","retiredSince","retiredBy",
 * "retiredStrips","hash","revision"};
 * members that are not set are left out. The form is stored and shown: it only ever grows. */
void us_user_image_write(struct us_jsonw *w, const struct us_user_image *image);
void us_group_image_write(struct us_jsonw *w, const struct us_group_image *image);
/* Errors: US_INVALID when the text is no image. Slices borrow from arena. */
enum us_errc us_user_image_parse(struct us_arena *arena, struct us_slice json, struct us_user_image *ret_image, struct us_err *err);
enum us_errc us_group_image_parse(struct us_arena *arena, struct us_slice json, struct us_group_image *ret_image, struct us_err *err);
/* A stored image as that of what `revision` wrote; NONE if it does not end as write ends it. */
struct us_slice us_image_text_at(struct us_arena *arena, struct us_slice json, int64_t revision);
/* The attributes alone, {"name":["value",…]}; parse gives them sorted by name. */
void us_attributes_write(struct us_jsonw *w, const struct us_field *attributes, size_t n);
enum us_errc us_attributes_parse(struct us_arena *arena, struct us_slice json, const struct us_field **ret_attributes, size_t *ret_n,
	struct us_err *err);
/* Deltas as bytes: four 32-bit little-endian counts, then the numbers. */
void us_members_delta_write(struct us_str *out, const struct us_members_delta *delta);
enum us_errc us_members_delta_parse(struct us_arena *arena, struct us_slice bytes, struct us_members_delta *ret_delta, struct us_err *err);

/* The hash of a set of members is the sum of its members' hashes, so it can be kept up to date member by member. */
struct us_hash us_members_hash_user(uint32_t number);
struct us_hash us_members_hash_group(uint32_t number);
struct us_hash us_members_hash_add(struct us_hash set, struct us_hash member);
struct us_hash us_members_hash_remove(struct us_hash set, struct us_hash member);

#endif
