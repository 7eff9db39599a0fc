#include "sync/guard.h"

const char *us_guard_rule_text(enum us_guard_rule rule)
{
	static const char *const texts[] = {
#define X(code, text) [code] = text,
		US_GUARD_TABLE(X)
#undef X
	};

	return texts[rule];
}

/* The greatest number that is within the limit: up to the floor always, beyond it up to so many percent. */
static int64_t allowed(struct us_limit limit, int64_t of)
{
	int64_t by_percent = of / 100 * limit.percent + of % 100 * limit.percent / 100;

	return by_percent > limit.floor ? by_percent : limit.floor;
}

/* Which override it takes to let a plan pass that the rule stops. */
static unsigned override_of(enum us_guard_rule rule)
{
	switch (rule) {
	case US_GUARD_EMPTY_LISTING:
	case US_GUARD_EMPTY_GROUPS:
	case US_GUARD_EMPTY_MEMBERSHIPS:
		return US_OVERRIDE_EMPTY_LISTING;
	case US_GUARD_SCOPE_CHANGED:
		return US_OVERRIDE_CONFIGURATION_CHANGED;
	case US_GUARD_SHRINKING_READ:
	case US_GUARD_USERS_REMOVED:
	case US_GUARD_USERS_DISABLED:
	case US_GUARD_USERS_DELETED:
	case US_GUARD_USERS_ANONYMIZED:
	case US_GUARD_USERS_RENAMED:
	case US_GUARD_GROUPS_REMOVED:
	case US_GUARD_GROUPS_RENAMED:
	case US_GUARD_MEMBERSHIPS_REMOVED:
	case US_GUARD_GROUP_EMPTIED:
		return US_OVERRIDE_LIMITS;
	case US_GUARD_LAST_ADMIN:
	case US_GUARD_FREE:
		break;
	}
	return 0;
}

/* Whether the rule that was found stops the plan, or is overridden: then the first of those is kept. */
static bool stops(const struct us_verdict *v, unsigned overrides, struct us_verdict *passed)
{
	if (!(override_of(v->rule) & overrides))
		return true;
	if (passed && passed->rule == US_GUARD_FREE)
		*passed = *v;
	return false;
}

struct us_verdict us_guard_judge(const struct us_plan_counts *c, const struct us_sync_settings *s, bool scope_changed, unsigned overrides,
	struct us_verdict *ret_passed)
{
	int64_t cleaned = c->users_cleaned + c->groups_removed;
	int64_t fewest = c->have_users - allowed((struct us_limit) { 0, s->shrink_percent }, c->have_users);
	struct us_verdict v;

	if (c->users_cleaned > 0 && c->listed_users == 0) {
		v = (struct us_verdict) { US_GUARD_EMPTY_LISTING, c->users_cleaned, c->have_users, 0 };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	if (c->groups_removed > 0 && c->listed_groups == 0) {
		v = (struct us_verdict) { US_GUARD_EMPTY_GROUPS, c->groups_removed, c->have_groups, 0 };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	if (c->memberships_denied > 0 && c->listed_memberships == 0) {
		v = (struct us_verdict) { US_GUARD_EMPTY_MEMBERSHIPS, c->memberships_denied, c->have_memberships, 0 };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	if (cleaned > 0 && scope_changed) {
		v = (struct us_verdict) { US_GUARD_SCOPE_CHANGED, cleaned, c->have_users + c->have_groups, 0 };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	if (c->users_cleaned > 0 && c->listed_users < fewest) {
		v = (struct us_verdict) { US_GUARD_SHRINKING_READ, c->have_users - c->listed_users, c->have_users, c->have_users - fewest };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	const struct {
		enum us_guard_rule rule;
		struct us_limit limit;
		int64_t found, of;
	} rules[] = {
		{ US_GUARD_USERS_REMOVED, s->users, c->users_removed, c->have_users },
		{ US_GUARD_USERS_DISABLED, s->disabled, c->report.users[US_OUTCOME_DISABLED] + c->report.deactivated, c->have_users },
		{ US_GUARD_USERS_DELETED, s->deleted, c->report.users[US_OUTCOME_DELETED], c->have_users },
		{ US_GUARD_USERS_ANONYMIZED, s->anonymized, c->report.users[US_OUTCOME_ANONYMIZED], c->have_users },
		{ US_GUARD_USERS_RENAMED, s->renamed, c->users_renamed, c->have_users },
		{ US_GUARD_GROUPS_REMOVED, s->groups, c->groups_removed, c->have_groups },
		{ US_GUARD_GROUPS_RENAMED, s->groups, c->groups_renamed, c->have_groups },
		{ US_GUARD_MEMBERSHIPS_REMOVED, s->memberships, c->report.memberships_removed, c->have_memberships },
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].found > allowed(rules[i].limit, rules[i].of)) {
			v = (struct us_verdict) { rules[i].rule, rules[i].found, rules[i].of, allowed(rules[i].limit, rules[i].of) };
			if (stops(&v, overrides, ret_passed))
				return v;
		}
	if (c->worst_group.removed) {
		v = (struct us_verdict) { US_GUARD_GROUP_EMPTIED, c->worst_group.removed, c->worst_group.of,
			c->worst_group.of / 100 * s->per_group.percent + c->worst_group.of % 100 * s->per_group.percent / 100, c->worst_group.number };
		if (stops(&v, overrides, ret_passed))
			return v;
	}
	return (struct us_verdict) { .rule = US_GUARD_FREE };
}

struct us_verdict us_guard_judge_rest(const struct us_plan_counts *counts, const struct us_sync_settings *settings, unsigned overrides)
{
	struct us_plan_counts rest = *counts;

	rest.users_removed = rest.users_cleaned = rest.users_marked = rest.groups_removed = 0;
	rest.report.users[US_OUTCOME_DISABLED] = rest.report.users[US_OUTCOME_DELETED] = rest.report.users[US_OUTCOME_ANONYMIZED] = 0;
	rest.report.deactivated = rest.report.memberships_removed = 0;
	rest.worst_group.removed = rest.memberships_denied = 0;
	return us_guard_judge(&rest, settings, false, overrides, NULL);
}

/* "rule users.removed: the plan would …: 5 of 20, limit 2" */
static void describe_rule(const struct us_verdict *v, struct us_str *out)
{
	static const char *const what[] = {
		[US_GUARD_FREE] = "within the limits",
		[US_GUARD_EMPTY_LISTING] = "the source listed nobody, and the plan would clean up users:",
		[US_GUARD_EMPTY_GROUPS] = "the source listed no group, and the plan would delete groups:",
		[US_GUARD_EMPTY_MEMBERSHIPS] = "the source listed no membership at all, and the plan would remove memberships:",
		[US_GUARD_SCOPE_CHANGED] = "scope, filter, id or mapping has changed since the last applied run, and the plan would clean up",
		[US_GUARD_SHRINKING_READ] = "the source listed fewer users than there are, less by",
		[US_GUARD_USERS_REMOVED] = "the plan would disable or delete users:",
		[US_GUARD_USERS_DISABLED] = "the plan would disable users:",
		[US_GUARD_USERS_DELETED] = "the plan would delete users:",
		[US_GUARD_USERS_ANONYMIZED] = "the plan would anonymize users:",
		[US_GUARD_GROUP_EMPTIED] = "the plan would take too many members out of one group:",
		[US_GUARD_LAST_ADMIN] = "the plan would leave an admin group without active users, losing",
		[US_GUARD_USERS_RENAMED] = "the plan would rename users:",
		[US_GUARD_GROUPS_REMOVED] = "the plan would delete groups:",
		[US_GUARD_GROUPS_RENAMED] = "the plan would rename groups:",
		[US_GUARD_MEMBERSHIPS_REMOVED] = "the plan would remove memberships:",
	};

	us_str_printf(out, "rule %s: %s %lld of %lld, limit %lld", us_guard_rule_text(v->rule), what[v->rule], (long long) v->found, (long long) v->of,
		(long long) v->allowed);
}

void us_guard_describe_passed(const struct us_verdict *v, struct us_str *out)
{
	if (v->rule == US_GUARD_FREE) {
		us_str_add_text(out, "no rule would have held this plan");
		return;
	}
	us_str_add_text(out, "this plan would have been held by ");
	describe_rule(v, out);
}

void us_guard_describe(const struct us_verdict *v, int64_t part, struct us_str *out)
{
	us_str_add_text(out, "Held by ");
	describe_rule(v, out);
	us_str_add_text(out, ". ");
	if (part)
		us_str_printf(out, "What comes and changes goes on; nothing was taken away: that waits as run %lld, approve or reject it.", (long long) part);
	else
		us_str_add_text(out, "Nothing was changed; approve or reject the run.");
}

void us_guard_write(const struct us_verdict *v, int64_t part, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);
	struct us_str message = US_STR_INIT;

	us_guard_describe(v, part, &message);
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "rule", us_guard_rule_text(v->rule));
	us_jsonw_put_int(&w, "found", v->found);
	us_jsonw_put_int(&w, "of", v->of);
	us_jsonw_put_int(&w, "limit", v->allowed);
	us_jsonw_put_string(&w, "message", us_str_slice(&message));
	if (part) {
		us_jsonw_put_text(&w, "part", "cleanup");
		us_jsonw_put_int(&w, "run", part);
	}
	us_jsonw_close(&w, '}');
	us_str_fini(&message);
}
