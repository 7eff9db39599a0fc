/* Guard: looks at the numbers of a plan and says whether it may be applied unasked (invariant G). Pure. */
#ifndef US_SYNC_GUARD_H
#define US_SYNC_GUARD_H

#include "model/override.h"
#include "model/sync_options.h"
#include "sync/plan.h"

/* The rules, in the order in which they are asked; the first that stops the plan is the one that is reported. */
#define US_GUARD_TABLE(X) \
	X(US_GUARD_FREE,                "free") \
	X(US_GUARD_EMPTY_LISTING,       "empty-listing")          /* nobody was listed, and that would clean up somebody */ \
	X(US_GUARD_EMPTY_GROUPS,        "empty-listing")          /* the same of groups */ \
	X(US_GUARD_EMPTY_MEMBERSHIPS,   "empty-listing")          /* and of memberships */ \
	X(US_GUARD_SCOPE_CHANGED,       "configuration-changed")  /* scope, filter, id or mapping changed since the last applied plan */ \
	X(US_GUARD_SHRINKING_READ,      "shrinking-read")         /* far fewer users listed than are there */ \
	X(US_GUARD_USERS_REMOVED,       "users.removed")          /* cleaned up or deactivated */ \
	X(US_GUARD_USERS_DISABLED,      "users.disabled") \
	X(US_GUARD_USERS_DELETED,       "users.deleted") \
	X(US_GUARD_USERS_ANONYMIZED,    "users.anonymized") \
	X(US_GUARD_USERS_RENAMED,       "users.renamed") \
	X(US_GUARD_GROUPS_REMOVED,      "groups.removed") \
	X(US_GUARD_GROUPS_RENAMED,      "groups.renamed") \
	X(US_GUARD_MEMBERSHIPS_REMOVED, "memberships.removed") \
	X(US_GUARD_GROUP_EMPTIED,       "memberships.perGroup")    /* one group loses too many of its members */ \
	X(US_GUARD_LAST_ADMIN,          "last-admin")              /* found by sync/last_admin, not by the numbers */

enum us_guard_rule {
#define X(code, text) code,
	US_GUARD_TABLE(X)
#undef X
};

struct us_verdict {
	enum us_guard_rule rule; /* US_GUARD_FREE: go ahead */
	int64_t found, of;       /* so many of so many */
	int64_t allowed;         /* how many would have been let through */
	uint32_t group;          /* GROUP_EMPTIED: its number */
};

const char *us_guard_rule_text(enum us_guard_rule rule);
/* overrides: of model/override.h, rules that do not stop this one; *ret_passed is the first of those that would have, FREE if none; may be NULL. */
struct us_verdict us_guard_judge(const struct us_plan_counts *counts, const struct us_sync_settings *settings, bool scope_changed, unsigned overrides,
	struct us_verdict *ret_passed);
/* The same plan without all that it takes away: whether the rest may be applied while that waits. */
struct us_verdict us_guard_judge_rest(const struct us_plan_counts *counts, const struct us_sync_settings *settings, unsigned overrides);
/* {"rule":…,"found":…,"of":…,"limit":…,"message":…}; and "part":"cleanup","run":… if only the cleanup waits, as the run `part` (0: all of it). */
void us_guard_write(const struct us_verdict *verdict, int64_t part, struct us_str *out);
/* What an override has let through, as a part of a sentence. */
void us_guard_describe_passed(const struct us_verdict *passed, struct us_str *out);
/* One line for the run's messages: the rule and the numbers, and what to decide about. */
void us_guard_describe(const struct us_verdict *verdict, int64_t part, struct us_str *out);

#endif
