/* Predicate: the script `cleanupIf` of a connector, which says of each user that the source no longer has whether cleanup may take it.
 *
 * It sees user (as the directory has it: username, fullName, firstName, lastName, email, active, id, groups, further attributes), connector,
 * missingDays, and daysSinceLogin (nil if no login is known). It returns true, false, or the name of a stage. Pure: base/script.h.
 */
#ifndef US_MODEL_PREDICATE_H
#define US_MODEL_PREDICATE_H

#include "model/change.h"
#include "model/sync_options.h"

struct us_predicate;

/* NULL: the configuration, which was checked, has none. Owns: the result, until free; borrows connector. */
struct us_predicate *us_predicate_new(const struct us_json *configuration, struct us_slice connector);
void us_predicate_free(struct us_predicate *predicate);

struct us_predicate_subject {
	const struct us_user *user;
	const struct us_slice *groups; /* names of those that it is directly in */
	size_t n_groups;
	int64_t missing_days, login_days; /* login_days -1: no login is known */
};
enum us_predicate_answer { US_PREDICATE_NO, US_PREDICATE_YES, US_PREDICATE_STAGE };
/* *ret_stage is set for STAGE. Errors: US_INVALID, what the script did wrong, with its line. */
enum us_errc us_predicate_ask(struct us_predicate *predicate, struct us_arena *arena, const struct us_predicate_subject *subject,
	enum us_predicate_answer *ret_answer, enum us_stage_action *ret_stage, struct us_err *err);

/* Whether the script can be compiled, and has something to say. */
void us_predicate_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);

#endif
