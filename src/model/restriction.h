/* Restriction: which users or groups a search of the Crowd protocol is about.
 *
 * Read from its XML or JSON body here, from its query language in model/cql.h; judged against one object at a time. Text compares without
 * case, as names do (base/fold.h).
 *
 * JSON comes as clients send it: keys with hyphens or in camel case, the kind as "restriction-type", as the one key of a wrapping object, or
 * told by what is inside; values as strings, booleans or numbers.
 * Errors: US_INVALID, with the place in the tree ("restrictions[2]: …"). Limits: those of model/logic.h.
 * Spec: Crowd REST API, search resource (developer.atlassian.com, read 2026-01).
 */
#ifndef US_MODEL_RESTRICTION_H
#define US_MODEL_RESTRICTION_H

#include "base/field.h"
#include "base/json.h"
#include "base/xml.h"
#include "model/logic.h"

enum us_restriction_entity { US_RESTRICTION_USER, US_RESTRICTION_GROUP };

/*      property                     type      users  groups  name */
#define US_PROPERTY_TABLE(X) \
	X(US_PROPERTY_NAME,         STRING,  true,  true,  "name") \
	X(US_PROPERTY_EMAIL,        STRING,  true,  false, "email") \
	X(US_PROPERTY_FIRST_NAME,   STRING,  true,  false, "firstName") \
	X(US_PROPERTY_LAST_NAME,    STRING,  true,  false, "lastName") \
	X(US_PROPERTY_DISPLAY_NAME, STRING,  true,  false, "displayName") \
	X(US_PROPERTY_DESCRIPTION,  STRING,  false, true,  "description") \
	X(US_PROPERTY_ACTIVE,       BOOLEAN, true,  true,  "active") \
	X(US_PROPERTY_CREATED,      DATE,    true,  true,  "createdDate") \
	X(US_PROPERTY_UPDATED,      DATE,    true,  true,  "updatedDate")

enum us_property {
#define X(property, type, users, groups, name) property,
	US_PROPERTY_TABLE(X)
#undef X
	US_PROPERTY_ATTRIBUTE, /* a further attribute, by its name */
	US_PROPERTY_ALL,       /* no restriction: everything */
};

enum us_property_type { US_PROPERTY_STRING, US_PROPERTY_BOOLEAN, US_PROPERTY_DATE };

#define US_MATCH_TABLE(X) \
	X(US_MATCH_EXACTLY,  "EXACTLY_MATCHES") \
	X(US_MATCH_CONTAINS, "CONTAINS") \
	X(US_MATCH_STARTS,   "STARTS_WITH") \
	X(US_MATCH_ENDS,     "ENDS_WITH") \
	X(US_MATCH_GREATER,  "GREATER_THAN") \
	X(US_MATCH_LESS,     "LESS_THAN") \
	X(US_MATCH_NULL,     "NULL") /* has no value */

enum us_match {
#define X(match, name) match,
	US_MATCH_TABLE(X)
#undef X
	US_MATCH_COUNT
};

/* A leaf of the tree. */
struct us_restriction {
	struct us_logic node;
	enum us_property property;
	struct us_slice attribute;  /* the name, of US_PROPERTY_ATTRIBUTE */
	enum us_property_type type; /* says which of the values below is meant */
	enum us_match match;
	struct us_slice text;       /* as it was written */
	struct us_slice fold;       /* what texts are compared with */
	bool boolean;
	int64_t at_s;
};

static inline const struct us_restriction *us_restriction_of(const struct us_logic *leaf)
{
	return (const struct us_restriction *) leaf;
}

enum us_errc us_restriction_from_xml(struct us_arena *arena, enum us_restriction_entity entity, const struct us_xml *root,
	const struct us_logic **ret_tree, struct us_err *err);
enum us_errc us_restriction_from_json(struct us_arena *arena, enum us_restriction_entity entity, const struct us_json *root,
	const struct us_logic **ret_tree, struct us_err *err);
/* One that everything meets. */
const struct us_logic *us_restriction_all(struct us_arena *arena);

/* What property and value mean: fills `r` but for the match. name NONE or unknown to the entity: US_PROPERTY_ATTRIBUTE. */
void us_restriction_set_property(struct us_restriction *r, enum us_restriction_entity entity, struct us_slice name);
/* NULL, or what is wrong with the value as the end of a sentence. value lives as long as the tree. */
const char *us_restriction_set_value(struct us_restriction *r, struct us_arena *arena, enum us_match match, struct us_slice value);

/* The object that is looked at. NONE: not set. Times in wall seconds. */
struct us_restriction_subject {
	struct us_slice name, email, first_name, last_name, display_name, description;
	bool active;
	int64_t created_s, updated_s;
	const struct us_field *attributes;
	size_t n_attributes;
};
/* scratch: what is allocated in it is of no use afterwards. */
bool us_restriction_is_met(const struct us_logic *tree, const struct us_restriction_subject *subject, struct us_arena *scratch);

#endif
