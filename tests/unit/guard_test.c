/* Invariant G: which numbers are let through, to the last one on each side of each edge. */
#include "unit.h"

#include "sync/guard.h"

/* A plan that the guard lets through, of a directory whose numbers are all different. */
static const struct us_plan_counts calm = { .have_users = 200, .have_groups = 50, .have_memberships = 1000, .listed_users = 200, .listed_groups = 50,
	.listed_memberships = 1000 };
static const struct us_sync_settings settings = { .users = { 20, 5 }, .disabled = { 6, 2 }, .deleted = { 8, 2 }, .anonymized = { 4, 1 },
	.renamed = { 12, 3 }, .groups = { 2, 6 }, .memberships = { 0, 7 }, .per_group = { 10, 30 }, .shrink_percent = 50 };

/* Each: so many are the last that are let through; one more is held. */
static const struct edge {
	enum us_guard_rule rule;
	size_t field; /* of the counts */
	int64_t most, of;
} edges[] = {
#define AT(member) offsetof(struct us_plan_counts, member)
#define USERS(outcome) (AT(report.users) + (outcome) * sizeof(int64_t))
	{ US_GUARD_USERS_REMOVED, AT(users_removed), 20, 200 },
	{ US_GUARD_USERS_DISABLED, USERS(US_OUTCOME_DISABLED), 6, 200 },
	{ US_GUARD_USERS_DISABLED, AT(report.deactivated), 6, 200 },
	{ US_GUARD_USERS_DELETED, USERS(US_OUTCOME_DELETED), 8, 200 },
	{ US_GUARD_USERS_ANONYMIZED, USERS(US_OUTCOME_ANONYMIZED), 4, 200 },
	{ US_GUARD_USERS_RENAMED, AT(users_renamed), 12, 200 },
	{ US_GUARD_GROUPS_REMOVED, AT(groups_removed), 3, 50 },
	{ US_GUARD_GROUPS_RENAMED, AT(groups_renamed), 3, 50 },
	{ US_GUARD_MEMBERSHIPS_REMOVED, AT(report.memberships_removed), 70, 1000 },
};

static int64_t *number(struct us_plan_counts *c, size_t field) { return (int64_t *) ((char *) c + field); }

static struct us_verdict judge(const struct us_plan_counts *c, bool scope_changed, unsigned overrides, struct us_verdict *passed)
{
	return us_guard_judge(c, &settings, scope_changed, overrides, passed);
}

static void expect(struct us_verdict v, enum us_guard_rule rule, int64_t found, int64_t of, int64_t allowed)
{
	if (v.rule != rule || v.found != found || v.of != of || v.allowed != allowed)
		fail_msg("%s %lld of %lld, limit %lld; not %s %lld of %lld, limit %lld", us_guard_rule_text(v.rule), (long long) v.found, (long long) v.of,
			(long long) v.allowed, us_guard_rule_text(rule), (long long) found, (long long) of, (long long) allowed);
}

static void a_limit_lets_through_what_it_says_and_not_one_more(void **state)
{
	for (size_t i = 0; i < countof(edges); i++) {
		const struct edge *e = &edges[i];
		struct us_plan_counts c = calm;
		*number(&c, e->field) = e->most;
		assert_row(i, judge(&c, false, 0, NULL).rule == US_GUARD_FREE);
		*number(&c, e->field) = e->most + 1;
		expect(judge(&c, false, 0, NULL), e->rule, e->most + 1, e->of, e->most);
	}
}

static void the_larger_of_floor_and_percent_counts(void **state)
{
	struct us_sync_settings s = settings;
	struct us_plan_counts c = calm;
	static const struct { struct us_limit limit; int64_t of, most; } rows[] = {
		{ { 5, 10 }, 200, 20 }, { { 20, 10 }, 200, 20 }, { { 21, 10 }, 200, 21 }, { { 0, 0 }, 200, 0 }, { { 0, 100 }, 200, 200 },
		{ { 0, 50 }, 199, 99 }, { { 0, 1 }, 99, 0 }, { { 0, 1 }, 100, 1 }, { { 0, 33 }, INT64_C(3000000000000000000), INT64_C(990000000000000000) },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		s.users = rows[i].limit;
		c.have_users = c.listed_users = rows[i].of;
		c.users_removed = rows[i].most;
		assert_row(i, us_guard_judge(&c, &s, false, 0, NULL).rule == US_GUARD_FREE);
		c.users_removed++;
		expect(us_guard_judge(&c, &s, false, 0, NULL), US_GUARD_USERS_REMOVED, rows[i].most + 1, rows[i].of, rows[i].most);
	}
}

static void an_empty_listing_never_cleans_up(void **state)
{
	struct us_plan_counts c = calm;

	c.listed_users = 0;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.users_cleaned = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_EMPTY_LISTING, 1, 200, 0);
	c.listed_users = 200;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.listed_groups = 0;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.groups_removed = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_EMPTY_GROUPS, 1, 50, 0);
	c.listed_groups = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.listed_memberships = 0;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.memberships_denied = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_EMPTY_MEMBERSHIPS, 1, 1000, 0);
	c.listed_memberships = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
}

static void other_settings_clean_up_nobody_unasked(void **state)
{
	struct us_plan_counts c = calm;

	expect(judge(&c, true, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.users_renamed = 1;
	expect(judge(&c, true, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.users_cleaned = 1;
	expect(judge(&c, true, 0, NULL), US_GUARD_SCOPE_CHANGED, 1, 250, 0);
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.users_cleaned = 0;
	c.groups_removed = 1;
	expect(judge(&c, true, 0, NULL), US_GUARD_SCOPE_CHANGED, 1, 250, 0);
}

static void a_shorter_listing_cleans_up_nobody_unasked(void **state)
{
	struct us_plan_counts c = calm;

	c.listed_users = 99;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.users_cleaned = 1;
	expect(judge(&c, false, 0, NULL), US_GUARD_SHRINKING_READ, 101, 200, 100);
	c.listed_users = 100;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
}

static void the_group_that_loses_most_is_named(void **state)
{
	struct us_plan_counts c = calm;

	c.worst_group.of = 210;
	c.worst_group.number = 7;
	expect(judge(&c, false, 0, NULL), US_GUARD_FREE, 0, 0, 0);
	c.worst_group.removed = 1;
	struct us_verdict v = judge(&c, false, 0, NULL);
	expect(v, US_GUARD_GROUP_EMPTIED, 1, 210, 63);
	assert_int_equal(v.group, 7);
}

static void an_override_passes_its_own_rules_and_says_which(void **state)
{
	struct us_verdict passed = { .rule = US_GUARD_FREE };
	struct us_plan_counts c = calm;

	expect(judge(&c, true, ~0u, &passed), US_GUARD_FREE, 0, 0, 0);
	assert_int_equal(passed.rule, US_GUARD_FREE);
	c.users_removed = c.users_cleaned = 150;
	c.report.users[US_OUTCOME_DELETED] = 150;
	c.listed_users = 0;
	expect(judge(&c, true, US_OVERRIDE_LIMITS, &passed), US_GUARD_EMPTY_LISTING, 150, 200, 0);
	assert_int_equal(passed.rule, US_GUARD_FREE);
	expect(judge(&c, true, US_OVERRIDE_LIMITS | US_OVERRIDE_EMPTY_LISTING, &passed), US_GUARD_SCOPE_CHANGED, 150, 250, 0);
	assert_int_equal(passed.rule, US_GUARD_EMPTY_LISTING);
	passed = (struct us_verdict) { .rule = US_GUARD_FREE };
	expect(judge(&c, true, US_OVERRIDE_EMPTY_LISTING | US_OVERRIDE_CONFIGURATION_CHANGED, &passed), US_GUARD_SHRINKING_READ, 200, 200, 100);
	expect(judge(&c, true, US_OVERRIDE_LIMITS | US_OVERRIDE_EMPTY_LISTING | US_OVERRIDE_CONFIGURATION_CHANGED, NULL), US_GUARD_FREE, 0, 0, 0);
	c.listed_users = 60;
	passed = (struct us_verdict) { .rule = US_GUARD_FREE };
	expect(judge(&c, false, US_OVERRIDE_LIMITS, &passed), US_GUARD_FREE, 0, 0, 0);
	expect(passed, US_GUARD_SHRINKING_READ, 140, 200, 100);
	c.listed_users = 200;
	passed = (struct us_verdict) { .rule = US_GUARD_FREE };
	expect(judge(&c, false, US_OVERRIDE_LIMITS, &passed), US_GUARD_FREE, 0, 0, 0);
	expect(passed, US_GUARD_USERS_REMOVED, 150, 200, 20);
	expect(judge(&c, false, US_OVERRIDE_EMPTY_LISTING | US_OVERRIDE_CONFIGURATION_CHANGED, &passed), US_GUARD_USERS_REMOVED, 150, 200, 20);
	c = calm;
	c.listed_memberships = 0;
	c.memberships_denied = 3;
	expect(judge(&c, false, US_OVERRIDE_LIMITS, NULL), US_GUARD_EMPTY_MEMBERSHIPS, 3, 1000, 0);
	expect(judge(&c, false, US_OVERRIDE_EMPTY_LISTING, NULL), US_GUARD_FREE, 0, 0, 0);
	c = calm;
	c.listed_groups = 0;
	c.groups_removed = 3;
	expect(judge(&c, false, US_OVERRIDE_LIMITS, NULL), US_GUARD_EMPTY_GROUPS, 3, 50, 0);
	expect(judge(&c, false, US_OVERRIDE_EMPTY_LISTING, NULL), US_GUARD_FREE, 0, 0, 0);
	c = calm;
	c.worst_group.removed = c.worst_group.of = 20;
	expect(judge(&c, false, US_OVERRIDE_EMPTY_LISTING, NULL), US_GUARD_GROUP_EMPTIED, 20, 20, 6);
	expect(judge(&c, false, US_OVERRIDE_LIMITS, NULL), US_GUARD_FREE, 0, 0, 0);
}

static void what_takes_nothing_away_is_judged_without_it(void **state)
{
	struct us_plan_counts c = calm;

	c.users_removed = c.users_cleaned = c.users_marked = c.report.deactivated = c.groups_removed = c.report.memberships_removed = 190;
	c.report.users[US_OUTCOME_DISABLED] = c.report.users[US_OUTCOME_DELETED] = c.report.users[US_OUTCOME_ANONYMIZED] = 190;
	c.worst_group.removed = c.memberships_denied = 190;
	c.listed_users = c.listed_groups = c.listed_memberships = 0;
	expect(us_guard_judge_rest(&c, &settings, 0), US_GUARD_FREE, 0, 0, 0);
	c.users_renamed = 13;
	expect(us_guard_judge_rest(&c, &settings, 0), US_GUARD_USERS_RENAMED, 13, 200, 12);
	expect(us_guard_judge_rest(&c, &settings, US_OVERRIDE_LIMITS), US_GUARD_FREE, 0, 0, 0);
}

static void a_verdict_says_what_to_decide_about(void **state)
{
	const struct us_verdict v = { US_GUARD_USERS_DELETED, 9, 200, 8 }, none = { .rule = US_GUARD_FREE };
	struct us_str s = US_STR_INIT;
	static const char *const head = "Held by rule users.deleted: the plan would delete users: 9 of 200, limit 8. ";
	char want[400];

	us_guard_describe(&v, 0, &s);
	snprintf(want, sizeof want, "%sNothing was changed; approve or reject the run.", head);
	assert_string_equal(us_str_text(&s), want);
	us_str_clear(&s);
	us_guard_describe(&v, 12, &s);
	snprintf(want, sizeof want, "%sWhat comes and changes goes on; nothing was taken away: that waits as run 12, approve or reject it.", head);
	assert_string_equal(us_str_text(&s), want);
	us_str_clear(&s);
	us_guard_write(&v, 0, &s);
	snprintf(want, sizeof want, "{\"rule\":\"users.deleted\",\"found\":9,\"of\":200,\"limit\":8,\"message\":\"%sNothing was changed; approve or reject the run.\"}",
		head);
	assert_string_equal(us_str_text(&s), want);
	us_str_clear(&s);
	us_guard_write(&v, 12, &s);
	assert_non_null(strstr(us_str_text(&s), "reject it.\",\"part\":\"cleanup\",\"run\":12}"));
	us_str_clear(&s);
	us_guard_describe_passed(&none, &s);
	assert_string_equal(us_str_text(&s), "no rule would have held this plan");
	us_str_clear(&s);
	us_guard_describe_passed(&v, &s);
	assert_string_equal(us_str_text(&s), "this plan would have been held by rule users.deleted: the plan would delete users: 9 of 200, limit 8");
	us_str_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_lets_through_what_it_says_and_not_one_more),
		cmocka_unit_test(the_larger_of_floor_and_percent_counts),
		cmocka_unit_test(an_empty_listing_never_cleans_up),
		cmocka_unit_test(other_settings_clean_up_nobody_unasked),
		cmocka_unit_test(a_shorter_listing_cleans_up_nobody_unasked),
		cmocka_unit_test(the_group_that_loses_most_is_named),
		cmocka_unit_test(an_override_passes_its_own_rules_and_says_which),
		cmocka_unit_test(what_takes_nothing_away_is_judged_without_it),
		cmocka_unit_test(a_verdict_says_what_to_decide_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
