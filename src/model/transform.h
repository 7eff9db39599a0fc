/* Transform: one step of a mapping row, from values to values.
 *
 * In JSON a step without parameters is its name, one with parameters an object with one member of that name:
 *
 *     "trim"  "lower"  "upper"
 *     "stripDomain"                        anna@example.com → anna
 *     "guest"                              anna_example.com#EXT#@tenant.onmicrosoft.com → anna@example.com
 *     "ascii"  {"ascii":"german"}          Jörg Weiß → Jorg Weiss, Joerg Weiss
 *     {"regex":[{"find":"…","replace":"…"},…],"ignoreCase":true}
 *                                          the first rule that matches replaces all its matches; without replace, the value stays as it is
 *     {"table":{"from":"to",…},"ignoreCase":true}
 *     {"script":"return …"}                sees value, values, user, existing, connector
 *
 * regex and table match a value or not; what becomes of one that does not is said by the row (noMatch).
 */
#ifndef US_MODEL_TRANSFORM_H
#define US_MODEL_TRANSFORM_H

#include "base/script.h"
#include "model/option.h"

enum { US_TRANSFORM_MAX_RULES = 200, US_TRANSFORM_MAX_ENTRIES = 20000 };

struct us_transform;

/* Reads and checks one step; `at` names it in problems. NULL: there were problems. script: where scripts are compiled.
 * Owns: *result, until free; its texts live in arena. */
struct us_transform *us_transform_read(struct us_arena *arena, const struct us_json *json, const char *at, struct us_script *script,
	struct us_problem **problems);
void us_transform_free(struct us_transform *transform);

const char *us_transform_name(const struct us_transform *transform); /* "lower", "regex" … */
bool us_transform_is_matching(const struct us_transform *transform); /* regex, table */
/* The source of a script; NONE for the others. */
struct us_slice us_transform_source(const struct us_transform *transform);
/* Rules of a regex: how many values each has matched so far. */
size_t us_transform_rules(const struct us_transform *transform);
int64_t us_transform_matches(const struct us_transform *transform, size_t rule, struct us_slice *ret_find);

struct us_transform_call {
	struct us_arena *arena;
	struct us_script *script;
	const struct us_script_input *input; /* without values */
	bool keeps_unmatched;                /* what does not match stays as it is; else it is left out */
};
struct us_transformed {
	const struct us_slice *values;
	size_t n;
	size_t n_matched; /* of a matching step: values that matched */
	bool is_drop;     /* a script said so */
};
/* Errors: US_INVALID, of this user: a regex that costs too much, a script that fails. */
enum us_errc us_transform_apply(struct us_transform *transform, const struct us_transform_call *call, const struct us_slice *values,
	size_t n, struct us_transformed *ret_result, struct us_err *err);

#endif
