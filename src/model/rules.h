/* Rules: the lists of names of a connector's settings, compiled for one run. Matching is pure; a list that is
 * not set matches nothing. */
#ifndef US_MODEL_RULES_H
#define US_MODEL_RULES_H

#include "model/pattern.h"

/* One list for each row: the member of us_rules, the setting, and the prefix of the entries that it takes. */
#define US_RULES_TABLE(X)                                                                                    \
	X(protected_users, "protectedUsers", NULL)                                                               \
	X(protecting_groups, "protectedUsers", US_PATTERN_GROUP) /* whose members are protected */               \
	X(protected_groups, "protectedGroups", NULL)                                                             \
	X(strip_exempt, "stripExceptions", NULL)                                                                 \
	X(group_filter, "groupFilter", NULL)                                                                     \
	X(group_exclude, "groupExclude", NULL)                                                                   \
	X(managed_groups, "managedGroups", NULL)                                                                 \
	X(unmanaged_groups, "unmanagedGroups", NULL)                                                             \
	X(required_groups, "requiredGroups", NULL)                                                               \
	X(admin_groups, "adminGroups", NULL)

struct us_rules {
#define X(member, setting, prefix) struct us_patterns *member;
	US_RULES_TABLE(X)
#undef X
};

/* configuration must have been checked. Owns: the result, until free. */
struct us_rules *us_rules_new(const struct us_json *configuration);
void us_rules_free(struct us_rules *rules);

/* Why a group of this name is not wanted; NULL if it is. */
const char *us_rules_refuse_group(const struct us_rules *rules, struct us_slice name);
/* Whether the sync decides who is in a group of this name. */
bool us_rules_is_managed(const struct us_rules *rules, struct us_slice name);
/* The flags (enum us_have_flag) that an object of the directory has by its name. That of a group marks the entries of adminGroups, and of the groups
 * of protectedUsers, that it matches. */
unsigned us_rules_user_flags(const struct us_rules *rules, struct us_slice name);
unsigned us_rules_group_flags(const struct us_rules *rules, struct us_slice name);

#endif
