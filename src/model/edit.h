/* Edits: changes of a directory that somebody makes by hand, in a directory without a connector. Plain data, and what can be checked without
 * the directory. sync/edit.h makes a plan of them.
 *
 * A list of edits is one change: all of it, or nothing. Each sees what those before it in the list have done.
 */
#ifndef US_MODEL_EDIT_H
#define US_MODEL_EDIT_H

#include "base/err.h"
#include "model/record.h"
#include "model/report.h"

enum us_edit_kind {
	US_EDIT_CREATE_USER, US_EDIT_UPDATE_USER, US_EDIT_DELETE_USER,
	US_EDIT_CREATE_GROUP, US_EDIT_UPDATE_GROUP, US_EDIT_DELETE_GROUP,
	US_EDIT_ADD_USER, US_EDIT_REMOVE_USER,   /* member, a user, in object, a group */
	US_EDIT_ADD_GROUP, US_EDIT_REMOVE_GROUP, /* member, a group */
};

/* What an edit sets; the rest stays as it is. A field that is given as NONE is taken away. */
enum us_edit_field {
	US_EDIT_NAME = 1,
	US_EDIT_FULL_NAME = 2,
	US_EDIT_FIRST_NAME = 4,
	US_EDIT_LAST_NAME = 8,
	US_EDIT_EMAIL = 16,
	US_EDIT_ACTIVE = 32,
	US_EDIT_ATTRIBUTES = 64,      /* each of these gets these values; one without values goes */
	US_EDIT_ALL_ATTRIBUTES = 128, /* and all others go */
	US_EDIT_DESCRIPTION = 256,
	US_EDIT_PASSWORD = 512,       /* of a user; is in no plan and no run */
	US_EDIT_ID = 1024,            /* at whoever keeps the object by a protocol of writing (SCIM: externalId) */
};

/* A user or a group: by its number, or, if that is 0, by its name. Beside a number the name is what messages call it by. */
struct us_edit_ref {
	uint32_t number;
	struct us_slice name;
};

struct us_edit {
	enum us_edit_kind kind;
	struct us_edit_ref object; /* CREATE: not looked at */
	struct us_edit_ref member;
	int64_t expect;            /* UPDATE, DELETE: the revision that the object must have; 0: any */
	bool is_lenient;           /* memberships: to add what is there, or to remove what is not, is no mistake */
	unsigned fields;           /* UPDATE: which of these; CREATE takes all as they are */
	struct us_slice name, full_name, first_name, last_name, email, description, id;
	struct us_slice password;  /* in the clear; the caller wipes it */
	bool active;
	const struct us_field *attributes;
	size_t n_attributes;
};

enum {
	US_EDIT_MOST = 200000,          /* of one list */
	US_EDIT_MOST_PASSWORDS = 100,   /* each takes some milliseconds */
	US_EDIT_PASSWORD_LEAST = 8, US_EDIT_PASSWORD_MOST = 256, /* characters */
};

/* Why a list was refused. The code is what the function gives. */
#define US_EDIT_REFUSAL_TABLE(X) \
	X(US_EDIT_FINE,              US_OK) \
	X(US_EDIT_NO_DIRECTORY,      US_NOT_FOUND) \
	X(US_EDIT_SYNCED,            US_FORBIDDEN) /* the directory has a connector */ \
	X(US_EDIT_NO_USER,           US_NOT_FOUND) \
	X(US_EDIT_NO_GROUP,          US_NOT_FOUND) \
	X(US_EDIT_USER_EXISTS,       US_CONFLICT)  /* the name is taken */ \
	X(US_EDIT_GROUP_EXISTS,      US_CONFLICT) \
	X(US_EDIT_ID_TAKEN,          US_CONFLICT) \
	X(US_EDIT_NO_MEMBERSHIP,     US_NOT_FOUND) \
	X(US_EDIT_MEMBERSHIP_EXISTS, US_CONFLICT) \
	X(US_EDIT_CYCLE,             US_CONFLICT)  /* a group would be a member of itself */ \
	X(US_EDIT_CHANGED,           US_CONFLICT)  /* not the revision that was expected */ \
	X(US_EDIT_BAD_NAME,          US_INVALID) \
	X(US_EDIT_BAD_VALUE,         US_INVALID) \
	X(US_EDIT_BAD_PASSWORD,      US_INVALID) \
	X(US_EDIT_RESERVED,          US_INVALID)   /* an attribute with the name of a field */ \
	X(US_EDIT_TOO_MANY,          US_TOO_LARGE)

enum us_edit_refusal {
#define X(refusal, code) refusal,
	US_EDIT_REFUSAL_TABLE(X)
#undef X
	US_EDIT_REFUSAL_COUNT
};

enum us_errc us_edit_refusal_code(enum us_edit_refusal refusal);

struct us_edit_request {
	int64_t directory;
	int64_t expect;             /* the revision that the directory must have; 0: any */
	const struct us_edit *edits;
	size_t n;
	struct us_slice actor;      /* who did it */
	enum us_run_trigger trigger;
	uint32_t *numbers;          /* out, one for each edit: the number of its object; may be NULL */
};

struct us_edit_result {
	int64_t run;                  /* that records it; 0: nothing but passwords differed, there is none */
	enum us_edit_refusal refusal; /* FINE with an error: it was the store's */
	size_t at;                    /* the edit that was refused */
};

/* Whether the edit gives somebody a password. */
bool us_edit_has_password(const struct us_edit *edit);
/* Names, values, password. err gets the text. */
enum us_edit_refusal us_edit_check(const struct us_edit *edit, struct us_err *err);
/* Fills err with the refusal's code, and gives the refusal. */
enum us_edit_refusal us_edit_refuse(enum us_edit_refusal refusal, struct us_err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
