/* Mapping: from a source's record to the user or group that a directory holds.
 *
 * A list of rows, each one attribute and the paths that it is taken from, first non-empty wins. The source type's preset gives the rows;
 * `mapping` and `groupMapping` of the configuration replace single rows or add further attributes:
 *
 *     "mapping": [{"attribute":"username","from":"mail"}, {"attribute":"department","from":["departmentNumber","ou"]}]
 *
 * Attributes username, fullName, firstName, lastName, email and active are the user's own; every other name becomes a further attribute with
 * all its values. For groups: name, description.
 */
#ifndef US_MODEL_MAPPING_H
#define US_MODEL_MAPPING_H

#include "model/option.h"
#include "model/record.h"

/* One row of a preset; ends with attribute NULL. */
struct us_preset {
	const char *attribute; /* "group.name" and "group.description" for groups */
	const char *from;      /* paths, the first non-empty wins: "displayName|cn" */
};

#define US_MAPPING_NAME_MAX_BYTES 255
#define US_MAPPING_VALUE_MAX_BYTES 65536

struct us_mapping;

/* preset NULL: the generic one. configuration must have been checked. Owns: lives in arena. */
const struct us_mapping *us_mapping_new(struct us_arena *arena, const struct us_preset *preset, const struct us_json *configuration);
/* The insides of `mapping` and `groupMapping`. */
void us_mapping_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);

/* Slices of the result borrow from record or arena. false: this object fails, with the reason. */
bool us_mapping_user(const struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_user *ret_user,
	struct us_slice *ret_reason);
bool us_mapping_group(const struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_group *ret_group,
	struct us_slice *ret_reason);

#endif
