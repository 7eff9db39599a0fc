/* Mapping: from a source's record to the user or group that a directory holds.
 *
 * A list of rows, each one attribute and where its values come from. The source type's preset gives the rows; `mapping` and `groupMapping` of the
 * configuration replace single rows or add further attributes:
 *
 *     "mapping": [{"attribute":"username","from":"mail","transform":["lower","stripDomain"]},
 *                 {"attribute":"fullName","template":"{sn}, {givenName}"},
 *                 {"attribute":"department","from":["departmentNumber","ou"],"value":"none"}]
 *
 * Attributes username, fullName, firstName, lastName, email, active and groups are the user's own; every other name becomes a further attribute with
 * all its values. For groups: name, description. The rows are described in mapping_row.h, their steps in transform.h, docs/rules.md shows them.
 *
 * Pure (invariant P): the same record and the same existing user give the same result, whatever was mapped before. A mapping has regular expressions
 * and scripts that hold their state while they work: one thread at a time.
 */
#ifndef US_MODEL_MAPPING_H
#define US_MODEL_MAPPING_H

#include "model/mapping_row.h"

/* One row of a preset; ends with attribute NULL. */
struct us_preset {
	const char *attribute; /* "group.name" and "group.description" for groups */
	const char *from;      /* paths, the first non-empty wins: "displayName|cn" */
};

#define US_MAPPING_NAME_MAX_BYTES 255
#define US_MAPPING_VALUE_MAX_BYTES 65536
enum { US_MAPPING_MAX_ROWS = 200 };

struct us_mapping;

/* preset NULL: the generic one. connector: its name, for scripts. Owns: *ret_mapping until free; its texts live in arena, which must outlive it.
 * Errors: US_CONFIG: the configuration is not one that us_mapping_check takes. */
enum us_errc us_mapping_new(struct us_arena *arena, const struct us_preset *preset, const struct us_json *configuration,
	struct us_slice connector, struct us_mapping **ret_mapping, struct us_err *err);
void us_mapping_free(struct us_mapping *mapping);
/* The insides of `mapping` and `groupMapping`. */
void us_mapping_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);

/* Whether users get groups from a row of the mapping. */
bool us_mapping_has_groups(const struct us_mapping *mapping);
/* The immutable id of the group that a name of such a row stands for. */
struct us_slice us_mapping_group_id(struct us_arena *arena, struct us_slice name);
/* The rows for users, for whoever shows or examines them. */
struct us_mapping_row *us_mapping_user_rows(struct us_mapping *mapping, size_t *ret_n);

/* ---- one record ---- */

enum us_mapped_kind {
	US_MAPPED_WANTED,
	US_MAPPED_FAILED,         /* this object cannot be used; reason */
	US_MAPPED_FILTERED,       /* a row says that this user is not wanted; reason */
	US_MAPPED_NEEDS_EXISTING, /* again with the user that the directory has under this id */
};

struct us_mapped {
	enum us_mapped_kind kind;
	struct us_user user;
	const struct us_slice *groups; /* names of groups that the row groups gives */
	size_t n_groups;
	struct us_slice reason;
};

/* What each row did, for the preview. */
struct us_trace_step {
	const char *name; /* "source", "lower", "regex" … */
	const struct us_slice *values;
	size_t n, n_matched;
	bool is_matching;
};
struct us_trace_row {
	struct us_slice attribute;
	struct us_trace_step *steps; /* the first one is the source */
	size_t n_steps;
	const char *end; /* NULL: has these values; else "keeps what is stored", "is cleared", "filters the user", "fails" */
};
struct us_trace {
	struct us_trace_row *rows;
	size_t n;
};

struct us_mapping_input {
	const struct us_record *record;
	bool knows_existing;             /* existing was looked up; NULL: there is none */
	const struct us_user *existing;
	struct us_trace *trace;          /* NULL: nobody asks; else filled as far as the mapping came */
};
/* Slices of the result borrow from record, existing or arena. */
void us_mapping_user(struct us_mapping *mapping, const struct us_mapping_input *input, struct us_arena *arena, struct us_mapped *ret_mapped);
/* false: this object fails, with the reason. */
bool us_mapping_group(struct us_mapping *mapping, const struct us_record *record, struct us_arena *arena, struct us_group *ret_group,
	struct us_slice *ret_reason);

#endif
