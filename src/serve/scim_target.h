/* Target: where SCIM writes to. One table of functions for each kind of place: a local directory (serve/scim_local.c), whose changes become runs,
 * and whatever else takes pushes. What requests say (bodies, PATCH, Bulk, ETags, errors) is done once, against this (serve/scim_write.h); a place only
 * keeps resources.
 *
 * The dispatcher (serve/scim.c) sets call->target when it has found whom the address names; NULL: nothing can be written there, and it has said
 * why. A target finds what it needs in the call: its store, the view, the base of addresses. Ids are texts of the target's own.
 *
 * Errors of all functions: those of the store, and those that are named. Their texts go to the client as they are.
 */
#ifndef US_SERVE_SCIM_TARGET_H
#define US_SERVE_SCIM_TARGET_H

#include "base/json.h"
#include "model/scim_schema.h"

struct us_scim_call;

/* In err->native with US_CONFLICT: the resource is not, or no longer, in the version that was expected. A client is told 412. */
enum { US_SCIM_STALE = US_SCIM_FAULT_COUNT };

/* A resource as it is kept; everything lives in the call's arena. */
struct us_scim_stored {
	struct us_json resource;  /* in the form of model/scim_resource.h, with id and meta; a group's has members only if they were wanted */
	const char *version;      /* its ETag; NULL unless it was wanted */
	int64_t revision;         /* another one after each change of its attributes */
	int64_t whole_revision;   /* another one after each change of anything that version covers, or of more */
};

enum us_scim_want {
	US_SCIM_WANT_VERSION = 1, /* of a group: may cost as much as it has members */
	US_SCIM_WANT_MEMBERS = 2, /* a group's, as {value, type} in resource */
};

enum us_scim_action { US_SCIM_CREATE, US_SCIM_CHANGE, US_SCIM_DELETE };

/* What must still be as it was loaded when a write takes place. */
enum us_scim_hold { US_SCIM_HOLD_NOTHING, US_SCIM_HOLD_ATTRIBUTES /* revision */, US_SCIM_HOLD_ALL /* whole_revision */ };

/* One change of one resource: all of it, or nothing. */
struct us_scim_write {
	enum us_scim_action action;
	const struct us_scim_kind *kind;
	struct us_slice id;                    /* CHANGE, DELETE */
	const struct us_scim_stored *stored;   /* CHANGE, DELETE: as it was loaded, in the same call */
	enum us_scim_hold hold;
	/* CREATE, CHANGE: all attributes as they shall be, a password that is set among them; never members. NULL: they stay. */
	const struct us_json *resource;
	bool is_partial;                       /* resource is stored->resource with some attributes changed: a PATCH; else: a whole one, as a client sent it */
	/* A group's members, by their ids, which are not checked; no id is in both lists, none in one twice. */
	bool replaces_members;                 /* the members become `added`; removed is empty */
	const struct us_slice *added, *removed;
	size_t n_added, n_removed;
};

struct us_scim_target {
	bool has_cheap_versions; /* that of a group costs the same whatever its size: each answer to a write has it */
	bool keeps_members;      /* a whole group that says nothing about its members keeps them; else it has none then */
	/* One resource as it is now. US_NOT_FOUND, also if the id is of another kind. */
	enum us_errc (*load)(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, unsigned want,
		struct us_scim_stored *ret_stored, struct us_err *err);
	/* Whether `member` is in the group itself; without loading the others. Ids that nobody has are in no group. */
	enum us_errc (*find_member)(struct us_scim_call *call, struct us_slice group, struct us_slice member, bool *ret_is, struct us_err *err);
	/* Durable when it returns; its cost goes with what is changed, not with what is there. *ret_id: of the resource, in the call's arena.
	 * To add who is there already, or to remove who is not, is no mistake.
	 * Errors: US_CONFLICT with US_SCIM_STALE: what it holds has changed since it was loaded (the caller loads it again). US_NOT_FOUND: the resource is gone.
	 * US_CONFLICT with US_SCIM_UNIQUENESS: the name (without case) or externalId is another's. US_INVALID with US_SCIM_INVALID_VALUE: a member that
	 * is added does not exist, a value that cannot be kept. US_FORBIDDEN. */
	enum us_errc (*write)(struct us_scim_call *call, const struct us_scim_write *write, struct us_slice *ret_id, struct us_err *err);
	/* Answers with the resource as it is now, as far as the address asks for (attributes, excludedAttributes), with its ETag. The status is set. */
	enum us_errc (*send)(struct us_scim_call *call, const struct us_scim_kind *kind, struct us_slice id, struct us_err *err);
};

/* A directory that has no connector. */
extern const struct us_scim_target us_scim_local;

#endif
