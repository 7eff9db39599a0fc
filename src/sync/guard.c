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

struct us_verdict us_guard_judge(const struct us_plan_counts *c, const struct us_sync_settings *s, bool scope_changed)
{
	int64_t cleaned = c->users_cleaned + c->groups_removed;
	int64_t fewest = c->have_users - allowed((struct us_limit) { 0, s->shrink_percent }, c->have_users);

	if ((c->users_cleaned > 0 && c->listed_users == 0) || (c->groups_removed > 0 && c->listed_groups == 0))
		return (struct us_verdict) { US_GUARD_EMPTY_LISTING, cleaned,
			c->listed_users == 0 ? c->have_users : c->have_groups, 0 };
	if (c->is_whole && c->report.memberships_removed > 0 && c->listed_memberships == 0)
		return (struct us_verdict) { US_GUARD_EMPTY_MEMBERSHIPS, c->report.memberships_removed, c->have_memberships, 0 };
	if (cleaned > 0 && scope_changed)
		return (struct us_verdict) { US_GUARD_SCOPE_CHANGED, cleaned, c->have_users + c->have_groups, 0 };
	if (c->users_cleaned > 0 && c->listed_users < fewest)
		return (struct us_verdict) { US_GUARD_SHRINKING_READ, c->have_users - c->listed_users, c->have_users,
			c->have_users - fewest };
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
		if (rules[i].found > allowed(rules[i].limit, rules[i].of))
			return (struct us_verdict) { rules[i].rule, rules[i].found, rules[i].of, allowed(rules[i].limit, rules[i].of) };
	if (c->worst_group.removed)
		return (struct us_verdict) { US_GUARD_GROUP_EMPTIED, c->worst_group.removed, c->worst_group.of,
			c->worst_group.of / 100 * s->per_group.percent + c->worst_group.of % 100 * s->per_group.percent / 100, c->worst_group.number };
	return (struct us_verdict) { .rule = US_GUARD_FREE };
}

struct us_verdict us_guard_judge_rest(const struct us_plan_counts *counts, const struct us_sync_settings *settings)
{
	struct us_plan_counts rest = *counts;

	rest.users_removed = rest.users_cleaned = rest.users_marked = rest.groups_removed = 0;
	rest.report.users[US_OUTCOME_DISABLED] = rest.report.users[US_OUTCOME_DELETED] = rest.report.users[US_OUTCOME_ANONYMIZED] = 0;
	rest.report.deactivated = rest.report.memberships_removed = 0;
	rest.worst_group.removed = 0;
	return us_guard_judge(&rest, settings, false);
}

void us_guard_describe(const struct us_verdict *v, int64_t part, struct us_str *out)
{
	static const char *const what[] = {
		[US_GUARD_FREE] = "within the limits",
		[US_GUARD_EMPTY_LISTING] = "the source listed nobody, and that would clean up",
		[US_GUARD_EMPTY_MEMBERSHIPS] = "the source listed no membership at all, and the plan would remove memberships:",
		[US_GUARD_SCOPE_CHANGED] = "scope, filter, id or mapping has changed since the last applied run, and the plan would clean up",
		[US_GUARD_SHRINKING_READ] = "the source listed fewer users than there are, less by",
		[US_GUARD_USERS_REMOVED] = "the plan would disable or delete users:",
		[US_GUARD_USERS_DISABLED] = "the plan would disable users:",
		[US_GUARD_USERS_DELETED] = "the plan would delete users:",
		[US_GUARD_USERS_ANONYMIZED] = "the plan would anonymize users:",
		[US_GUARD_GROUP_EMPTIED] = "the plan would take out of one group, members:",
		[US_GUARD_USERS_RENAMED] = "the plan would rename users:",
		[US_GUARD_GROUPS_REMOVED] = "the plan would delete groups:",
		[US_GUARD_GROUPS_RENAMED] = "the plan would rename groups:",
		[US_GUARD_MEMBERSHIPS_REMOVED] = "the plan would remove memberships:",
	};

	us_str_printf(out, "Held by rule %s: %s %lld of %lld, limit %lld. ", us_guard_rule_text(v->rule), what[v->rule], (long long) v->found,
		(long long) v->of, (long long) v->allowed);
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
