/* SCIM schemas as tables: what validation, filters, paths, projection and the discovery documents are made from.
 *
 * Names of attributes compare as ASCII without case. An attribute has an index within its schema, and a sub-attribute one within its attribute.
 * Spec: RFC 7643.
 */
#ifndef US_MODEL_SCIM_SCHEMA_H
#define US_MODEL_SCIM_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

#define US_SCIM_URN_USER "urn:ietf:params:scim:schemas:core:2.0:User"
#define US_SCIM_URN_GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"
#define US_SCIM_URN_ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

enum us_scim_type_of {
	US_SCIM_STRING,
	US_SCIM_BOOLEAN,
	US_SCIM_DATE,
	US_SCIM_REFERENCE,
	US_SCIM_BINARY, /* base64 */
	US_SCIM_COMPLEX,
};
enum us_scim_mutability { US_SCIM_READ_WRITE, US_SCIM_READ_ONLY, US_SCIM_IMMUTABLE, US_SCIM_WRITE_ONLY };
enum us_scim_returned { US_SCIM_DEFAULT, US_SCIM_ALWAYS, US_SCIM_NEVER, US_SCIM_REQUEST };
enum us_scim_uniqueness { US_SCIM_NONE, US_SCIM_SERVER };

struct us_scim_attribute {
	const char *name, *description;
	enum us_scim_type_of type;
	bool is_multi, is_required, is_case_exact;
	enum us_scim_mutability mutability;
	enum us_scim_returned returned;
	enum us_scim_uniqueness uniqueness;
	const char *canonical; /* "work|home|other": values that are known, others are taken too; NULL: any */
	const char *refers_to; /* of a reference: "User|Group", "external" */
	const struct us_scim_attribute *sub; /* of a complex one; ends with name NULL */
	bool is_made; /* a directory's own objects have it from what they are: there it is read-only */
	bool is_kept_whole; /* only there for users that were pushed in: a directory's own objects have no place for it */
};

struct us_scim_schema {
	const char *id, *name, *description;
	const struct us_scim_attribute *attributes; /* ends with name NULL */
	bool is_extension; /* its attributes are in an object of their own, under its id */
};

/* A kind of resource. */
struct us_scim_kind {
	const char *name, *endpoint, *description; /* "User", "/Users" */
	const struct us_scim_schema *schema;
	const struct us_scim_schema *extension; /* NULL: has none */
};

extern const struct us_scim_kind us_scim_user, us_scim_group;
extern const struct us_scim_schema us_scim_common; /* schemas, id, externalId, meta: what every resource has; has no id */

enum { US_SCIM_MAX_ATTRIBUTES = 32 /* of a schema, and below one attribute */ };

/* NULL if there is none. */
const struct us_scim_attribute *us_scim_find_attribute(const struct us_scim_attribute *list, struct us_slice name);
/* The attribute of the kind's core schema or of the common ones. *ret_schema: which of them. */
const struct us_scim_attribute *us_scim_find_core(
	const struct us_scim_kind *kind, struct us_slice name, const struct us_scim_schema **ret_schema);
/* The one that a comparison or a bare value means when it names a complex attribute alone: `value`; NULL if it has none. */
const struct us_scim_attribute *us_scim_value_of(const struct us_scim_attribute *attribute);
static inline unsigned us_scim_index(const struct us_scim_attribute *list, const struct us_scim_attribute *a) { return (unsigned) (a - list); }

/* As the discovery documents call them. */
const char *us_scim_type_name(enum us_scim_type_of type);
const char *us_scim_mutability_name(enum us_scim_mutability mutability);
const char *us_scim_returned_name(enum us_scim_returned returned);
const char *us_scim_uniqueness_name(enum us_scim_uniqueness uniqueness);

/* ---- what is wrong with a request ---- */

/* Functions of SCIM that fail with US_INVALID or US_CONFLICT put one of these into err->native. */
#define US_SCIM_FAULT_TABLE(X) \
	X(US_SCIM_INVALID_SYNTAX, "invalidSyntax") \
	X(US_SCIM_INVALID_FILTER, "invalidFilter") \
	X(US_SCIM_INVALID_PATH,   "invalidPath") \
	X(US_SCIM_INVALID_VALUE,  "invalidValue") \
	X(US_SCIM_NO_TARGET,      "noTarget") \
	X(US_SCIM_MUTABILITY,     "mutability") \
	X(US_SCIM_UNIQUENESS,     "uniqueness") \
	X(US_SCIM_TOO_MANY,       "tooMany") \
	X(US_SCIM_INVALID_CURSOR, "invalidCursor") \
	X(US_SCIM_EXPIRED_CURSOR, "expiredCursor") \
	X(US_SCIM_INVALID_COUNT,  "invalidCount") \
	X(US_SCIM_SENSITIVE,      "sensitive")

enum us_scim_fault {
	US_SCIM_NO_FAULT,
#define X(fault, name) fault,
	US_SCIM_FAULT_TABLE(X)
#undef X
	US_SCIM_FAULT_COUNT
};
const char *us_scim_fault_name(int fault); /* "invalidFilter"; NULL if it is none of them */

#endif
