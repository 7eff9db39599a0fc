#include "model/rules.h"

#include <stdlib.h>

#include "base/arena.h"
#include "model/have.h"

struct us_rules *us_rules_new(const struct us_json *configuration)
{
	struct us_rules *r = us_calloc(1, sizeof *r);

#define X(member, setting, prefix) r->member = us_patterns_new(us_json_find(configuration, setting), prefix);
	US_RULES_TABLE(X)
#undef X
	return r;
}

void us_rules_free(struct us_rules *r)
{
	if (!r)
		return;
#define X(member, setting, prefix) us_patterns_free(r->member);
	US_RULES_TABLE(X)
#undef X
	free(r);
}

/* Where a name cannot be judged the group is wanted: nothing is cleaned up by a rule that could not be asked.
 */
const char *us_rules_refuse_group(const struct us_rules *r, struct us_slice name)
{
	if (!us_patterns_is_empty(r->group_filter) && !us_patterns_match(r->group_filter, name, true))
		return "is not in groupFilter";
	if (us_patterns_match(r->group_exclude, name, false))
		return "is in groupExclude";
	return NULL;
}

bool us_rules_is_managed(const struct us_rules *r, struct us_slice name)
{
	if (us_patterns_match(r->unmanaged_groups, name, true))
		return false;
	return us_patterns_is_empty(r->managed_groups) || us_patterns_match(r->managed_groups, name, false);
}

unsigned us_rules_user_flags(const struct us_rules *r, struct us_slice name)
{
	return us_patterns_match(r->protected_users, name, true) ? US_HAVE_PROTECTED : 0;
}

unsigned us_rules_group_flags(const struct us_rules *r, struct us_slice name)
{
	us_patterns_mark(r->admin_groups, name);
	us_patterns_mark(r->protecting_groups, name);
	return (us_patterns_match(r->protected_groups, name, true) ? US_HAVE_PROTECTED : 0) |
		   (us_patterns_match(r->protecting_groups, name, true) ? US_HAVE_PROTECTS : 0) |
		   (us_patterns_match(r->strip_exempt, name, true) ? US_HAVE_STRIP_EXEMPT : 0) |
		   (us_rules_is_managed(r, name) ? 0 : US_HAVE_UNMANAGED);
}
