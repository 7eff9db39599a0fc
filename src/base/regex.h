/* Regex: PCRE2 with bounds, so that no pattern and no text can hold a thread: a match that costs too much is
 * an error, not a wait.
 *
 * Patterns and texts are UTF-8; a text that is not well-formed is an error. Compiled with JIT where the
 * system allows it. A regex holds its match data: one thread at a time. Spec: pcre2pattern(3), PCRE2 10.42.
 */
#ifndef US_BASE_REGEX_H
#define US_BASE_REGEX_H

#include "base/err.h"
#include "base/str.h"

enum {
	US_REGEX_PATTERN_MAX_BYTES = 4096,
	US_REGEX_MATCH_LIMIT = 100000, /* back-tracking steps of one match: about 0.1 ms */
	US_REGEX_TEXT_BYTES = 4096,    /* longer texts have more places to start at: each gets so much less */
	US_REGEX_RESULT_MAX_BYTES = 1 << 20,
};

enum us_regex_flag { US_REGEX_NOCASE = 1 };

struct us_regex;

/* Owns: *ret_regex, until free. Errors: US_CONFIG with the place in the pattern and PCRE2's reason. */
enum us_errc us_regex_new(
	struct us_slice pattern, unsigned flags, struct us_regex **ret_regex, struct us_err *err);
void us_regex_free(struct us_regex *regex);

/* *ret_is: whether the pattern is found anywhere in text. Errors: US_INVALID (too costly, not UTF-8). */
enum us_errc us_regex_match(struct us_regex *regex, struct us_slice text, bool *ret_is, struct us_err *err);
/* A part of a text; of a group that took no part in the match, both are SIZE_MAX. */
struct us_span {
	size_t from, to;
};
/* The first match that starts at byte `at` (the start of a character) or later: the whole and then its groups, at most `most` of them.
 * *ret_n: how many there are; 0: no match. Errors as match. */
enum us_errc us_regex_search(struct us_regex *regex, struct us_slice text, size_t at, struct us_span *ret_spans, size_t most,
	size_t *ret_n, struct us_err *err);
/* Every match in text becomes replacement, in which $1 or ${name} are captured groups and $$ is a dollar
 * sign; appended to out, which is left as it was on an error. *ret_n: how many matches there were. Errors:
 * US_INVALID (too costly, not UTF-8, result too long, no such group). */
enum us_errc us_regex_replace(struct us_regex *regex, struct us_slice text, struct us_slice replacement,
	struct us_str *out, int *ret_n, struct us_err *err);
/* Whether the replacement can be used with a pattern that us_regex_new takes. Errors: US_CONFIG (no such group, malformed). */
enum us_errc us_regex_check_replacement(
	struct us_slice pattern, unsigned flags, struct us_slice replacement, struct us_err *err);

#endif
