/* Lint: what looks wrong in a mapping when it is tried on a sample of records: a path that no record has, a rule that never matched, users whom
 * it makes equal. Warnings, not errors: a sample is not all. Only rows that were configured are looked at, not those of the preset.
 */
#ifndef US_MODEL_LINT_H
#define US_MODEL_LINT_H

#include "model/mapping.h"

struct us_lint;

/* Everything lives in arena; mapping is borrowed and counts its rules' matches from when it was made. */
struct us_lint *us_lint_new(struct us_arena *arena, struct us_mapping *mapping);
/* Maps the record as one of somebody new, and looks at it. The record may go afterwards. */
void us_lint_add(struct us_lint *lint, const struct us_record *record);
/* The warnings so far: field "mapping.<attribute>", reason. Nothing is said about an empty sample. */
struct us_problem *us_lint_warnings(struct us_lint *lint);
size_t us_lint_records(const struct us_lint *lint);
void us_lint_fini(struct us_lint *lint);

#endif
