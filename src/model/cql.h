/* CQL: the query language of the Crowd protocol's search, as a restriction.
 *
 *     email = bob@example.com
 *     active = true and (name = "dev*" or lastName = 'O\'Neil')
 *     createdDate > 2026-03
 *
 * `or` binds loosest, `and` above it; words of the language and keys are taken without case. Operators are =, < and >. A value is bare or in
 * quotes of either kind; a backslash takes the next character for itself. With =, a * at the value's ends stands for anything there.
 * Errors: US_INVALID with the place ("at byte 17: …").
 * Spec: Crowd Query Language (developer.atlassian.com, read 2026-01).
 */
#ifndef US_MODEL_CQL_H
#define US_MODEL_CQL_H

#include "model/restriction.h"

enum { US_CQL_MAX_BYTES = 65536 };

/* Everything lives in arena; text may be freed at once. */
enum us_errc us_cql_parse(struct us_arena *arena, enum us_restriction_entity entity, struct us_slice text,
	const struct us_logic **ret_tree, struct us_err *err);

#endif
