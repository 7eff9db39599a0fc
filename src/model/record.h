/* Records: what a source reads (raw) and what a directory holds (mapped). Plain data; every slice borrows from the
 * arena of the page that it came with.
 */
#ifndef US_MODEL_RECORD_H
#define US_MODEL_RECORD_H

#include <stdint.h>

#include "base/field.h"
#include "base/hash.h"

/* ---- raw: the identity provider's side, before mapping ---- */

enum us_record_kind {
	US_RECORD_USER,
	US_RECORD_GROUP,
	US_RECORD_MEMBERS, /* more members of the group that ref names; no object of its own */
};

enum us_tri { US_TRI_UNKNOWN, US_TRI_NO, US_TRI_YES };

struct us_record {
	enum us_record_kind kind;
	struct us_slice id;  /* the IdP's immutable id, in text form; empty is an error of that one object */
	struct us_slice ref; /* what memberships call this object (canonical DN, …); NONE: same as id */
	const struct us_field *fields; /* JSON sources give nested members as paths ("profile.login", "emails.value") */
	size_t n_fields;
	enum us_tri active;  /* what the source derives from the IdP's own account state */
	struct us_slice raw; /* the record as JSON where the source has it, else NONE */
	const struct us_slice *members; /* group, members: refs of users and groups that are direct members */
	size_t n_members;
	const struct us_slice *groups;  /* user: refs of groups that it is a direct member of */
	size_t n_groups;
	bool is_gone;            /* of a change feed: there is no such object any more; kind and id alone count */
	struct us_slice problem; /* not NONE: this one object could not be read whole; it becomes a FAILED outcome with this reason */
};

/* NULL if there is no such field; names compare as ASCII without case (LDAP), values keep their order. */
const struct us_field *us_record_find(const struct us_record *record, struct us_slice name);

/* ---- mapped: the directory's side ---- */

struct us_user {
	struct us_slice id; /* immutable id at the IdP */
	struct us_slice name, full_name, first_name, last_name, email; /* NONE: not set */
	bool active;
	const struct us_field *attributes; /* sorted by name */
	size_t n_attributes;
};

struct us_group {
	struct us_slice id;
	struct us_slice name, description;
	const struct us_field *attributes; /* sorted by name */
	size_t n_attributes;
};

/* How the ids of groups begin that are made from an attribute of users and not listed by the source. */
#define US_MAPPED_GROUP "mapped:"

/* Content hashes: equal if and only if every field above is equal. Stored, so the byte layout never changes; a group without attributes has the hash
 * that it had before there were any. */
struct us_hash us_user_hash(const struct us_user *user);
struct us_hash us_group_hash(const struct us_group *group);

#endif
