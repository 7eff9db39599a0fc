/* A source that lists what a case says, shuffled or broken on demand. */
#ifndef US_TESTS_SYNC_CASE_SOURCE_H
#define US_TESTS_SYNC_CASE_SOURCE_H

#include "source/source.h"
#include "sync/case.h"

extern const struct us_source_ops case_source_ops; /* type "case" */

/* Before each run: what to list; seed 0 lists in the order of the file; fail_at: the number of the fetch, from 1, that is PARTIAL; 0: none.
 * *ret_fetches of the run so far: case_source_fetches(). */
void case_source_set(const struct sync_case *c, unsigned seed, int fail_at);
int case_source_fetches(void);

/* An object line as a record; also used for `before`. */
void case_record(struct us_arena *arena, const struct case_line *line, struct us_record *ret_record);

#endif
