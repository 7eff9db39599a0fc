/* A sync case: one text file that says what was there, what the source lists, and what must become of it.
 *
 *     # what the case shows
 *     type: inactive                       default: one that reads the listing; this one works on a directory that another connector keeps
 *     config: {"cleanup":"delete"}         settings beside the defaults
 *     run: full | single NAME | delta      default full
 *     override: RULES                      what whoever starts the run overrides, as model/override.h parses it
 *     scope: changed                       the last applied plan was made with other settings
 *     before:                              lines of objects
 *     listing:                             lines of objects; `---` ends a page; the last line may be `partial TEXT` (of the users), `partial-groups TEXT`, `announced N`
 *     changes:                             of a delta, lines of objects as the feed names them, groups with their `member` lines; `gone-user ID`,
 *                                          `gone-group ID`; `---` ends a page; `refused, TEXT`. `listing` is what the source has then, and a full sync
 *                                          after it must find nothing to do
 *     status: DONE | FAILED | HELD RULE    default DONE; DONE RULE: by that rule its cleanup is held, as a run of its own
 *     plan:                                lines `user ADDED name`, `members group +name -name +@group`; ` ~ text`: the reason holds text
 *     message: text                        some message of the run holds it; may be repeated
 *     no message: text                     none does; may be repeated
 *     after:                               lines of objects; left out: as before
 *     approved:                            lines of objects, once what is held is approved
 *     later:                               lines of objects as in `listing`, for full syncs that follow; `===` begins the next one
 *     undo:                                lines as in `plan`, of the undo of the first run after all these; `members FAILED group -name`: left
 *     undone:                              lines of objects, then
 *
 * Objects: `user ID NAME [key=value]… [inactive] [unsaid] [missing[=DAYS]] [retired=DAYS [strips]] [login=DAYS] [made=DAYS] [local] [ref=…] [groups=id,id] [problem=…]`, `group ID NAME [key=value]… [local]`,
 * `unsaid`: the source does not say whether the user is active,
 * `gone ID NAME` (deleted as inactive a day ago; in `before` and `after`),
 * `member GROUP-ID ID… [local]` where `@ID` is a group. Values with spaces are in double quotes; a key that is repeated has several values. `before` is
 * written as it stands, whatever the mapping of `config` says.
 */
#ifndef US_TESTS_SYNC_CASE_H
#define US_TESTS_SYNC_CASE_H

#include "base/arena.h"
#include "base/str.h"

#define CASE_MAX_WORDS 64

struct case_line {
	struct us_slice words[CASE_MAX_WORDS];
	size_t n;
	struct us_slice text; /* the whole line, trimmed */
};

struct case_lines {
	struct case_line *line;
	size_t n;
};

struct sync_case {
	const char *name;
	struct us_slice type, config, single, rule, status, override;
	bool is_delta, scope_changed, has_after, has_approved, has_undo;
	struct case_lines before, listing, changes, plan, after, approved, later, undo, undone, messages, no_messages;
};

/* Aborts the program with the file's name and line if the text is no case. */
void case_load(struct us_arena *arena, const char *path, struct sync_case *ret_case);
/* "key=value" among the words; NONE if it is not there. A bare flag gives "" */
struct us_slice case_word(const struct case_line *line, const char *key);

#endif
