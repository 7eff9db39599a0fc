/* Where a text stops being JSON: the slow, exact look that is taken only after the fast parser has refused it. */
#ifndef US_BASE_JSON_CHECK_H
#define US_BASE_JSON_CHECK_H

#include "base/str.h"

/* What is wrong and at which byte; NULL if the text is JSON (then only a limit can have refused it).
 */
enum { US_JSON_CHECK_DEPTH = 1024 };
const char *us_json_check(struct us_slice text, size_t *ret_at);
/* The text again with "e0" behind each whole number that no 64 bits hold, so that it is read as a double. */
void us_json_check_widen(struct us_slice text, struct us_str *out);

#endif
