/* Pattern lists: how settings name users and groups.
 *
 *     ["jira-users", "svc-*", "/^team-\\d+$/"]
 *
 * A name, compared as names are (NFKC, case folded); a name with the wildcards * (any characters) and ?
 * (one); or a regular expression between slashes, found anywhere in the folded name unless it is anchored.
 * Compiled once for a run; one thread at a time.
 */
#ifndef US_MODEL_PATTERN_H
#define US_MODEL_PATTERN_H

#include "model/option.h"

enum { US_PATTERNS_MAX = 1000 };

struct us_patterns;

/* list: an array of strings, or one string; NULL: matches nothing. Must have been checked. prefix: only the
 * entries that begin with it, taken without it ("group:"); NULL: those that begin with none of
 * US_PATTERN_GROUP. Owns: the result, until free. */
struct us_patterns *us_patterns_new(const struct us_json *list, const char *prefix);
void us_patterns_free(struct us_patterns *patterns);

#define US_PATTERN_GROUP "group:" /* "group:admins": whoever is a member of such a group */

bool us_patterns_is_empty(const struct us_patterns *patterns);
/* A name that a regular expression cannot be used on (too costly) counts as matched where `doubt` says so:
 * the side on which nothing is lost. */
bool us_patterns_match(struct us_patterns *patterns, struct us_slice name, bool doubt);
/* The first entry that matches, as written; NONE: none does. Borrowed. */
struct us_slice us_patterns_find(struct us_patterns *patterns, struct us_slice name);
/* Whether any does, and remembers which entries matched. */
bool us_patterns_mark(struct us_patterns *patterns, struct us_slice name);
/* An entry that nothing was marked by; NONE: each was. Borrowed. */
struct us_slice us_patterns_unmarked(const struct us_patterns *patterns);
/* Forgets what was marked. */
void us_patterns_unmark(struct us_patterns *patterns);
/* What is wrong with a list, as a problem of each entry. */
void us_patterns_check(
	struct us_arena *arena, const char *field, const struct us_json *list, struct us_problem **problems);

#endif
