#include "unit.h"

#include "sync/plan_inactive.h"

enum { DAY = 86400, NOW = 1000 * DAY };

static const struct us_sync_settings disable = { .cleanup = US_CLEANUP_DISABLE };
static const struct us_sync_settings staged = { .cleanup = US_CLEANUP_STAGED, .n_stages = 3,
	.stages = { { 5, US_STAGE_DISABLE }, { 10, US_STAGE_STRIP }, { 20, US_STAGE_DELETE } } };

static void days_since_the_last_login_decide(void **state)
{
	static const struct {
		int64_t last_login, created;
		bool counts_never, is_local, is_owned, is_admin, is_chosen;
		enum us_inactive_verdict verdict;
	} rows[] = {
		{ NOW - 90 * DAY, 1, false, false, true, false, true, US_INACTIVE_DUE },
		{ NOW - 90 * DAY + 1, 1, false, false, true, false, true, US_INACTIVE_NOT },
		{ NOW + 100, 1, false, false, true, false, true, US_INACTIVE_NOT },
		{ NOW - 90 * DAY, 1, false, false, true, false, false, US_INACTIVE_NOT },
		{ NOW - 90 * DAY, 1, false, false, true, true, true, US_INACTIVE_ADMIN },
		{ NOW, 1, false, false, true, true, false, US_INACTIVE_ADMIN },
		/* local users of a directory that another connector keeps are nobody's to touch */
		{ NOW - 90 * DAY, 1, false, false, false, true, true, US_INACTIVE_NOT },
		{ NOW - 90 * DAY, 1, false, true, false, false, true, US_INACTIVE_DUE },
		{ 0, 1, false, false, true, false, true, US_INACTIVE_UNKNOWN },
		{ 0, NOW - 90 * DAY, true, false, true, false, true, US_INACTIVE_DUE },
		{ 0, NOW - 90 * DAY + 1, true, false, true, false, true, US_INACTIVE_NOT },
	};

	(void) state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct us_inactive_settings s = { .days = 90, .counts_never = rows[i].counts_never, .is_local = rows[i].is_local, .now_s = NOW,
			.sync = &disable };
		const struct us_inactive_user u = { .number = 1, .created = rows[i].created, .last_login = rows[i].last_login,
			.is_owned = rows[i].is_owned, .is_admin = rows[i].is_admin, .is_chosen = rows[i].is_chosen };
		assert_row(i, us_inactive_judge(&s, &u) == rows[i].verdict);
	}
}

static void stages_count_from_the_run_that_found_the_user(void **state)
{
	static const struct us_inactive_membership groups[] = { { .group = 1, .owned = true }, { .group = 2, .owned = true, .stays = true } };
	static const struct {
		int64_t since, last_login; /* days ago; since -1: no mark */
		bool active, has_local;
		int outcome;               /* -1: no row */
		uint32_t n_left;
		int64_t new_since;         /* days ago */
	} rows[] = {
		{ -1, 200, true, false, US_OUTCOME_UPDATED, 0, 0 }, /* only noted: nobody is deleted by the first run */
		{ 4, 200, true, false, -1, 0, 4 },
		{ 5, 200, true, false, US_OUTCOME_DISABLED, 0, 5 },
		{ 5, 200, false, false, -1, 0, 5 },
		{ 5, 5, true, false, US_OUTCOME_UPDATED, 0, 0 }, /* a login of the very second of the mark came after it: anew */
		{ 12, 200, false, false, US_OUTCOME_UPDATED, 1, 12 },
		{ 12, 200, true, false, US_OUTCOME_DISABLED, 1, 12 }, /* after a gap, all that is due */
		{ 20, 200, false, false, US_OUTCOME_DELETED, 2, 0 },
		{ 20, 200, true, true, US_OUTCOME_DISABLED, 1, 20 },
		{ 300, 200, true, false, US_OUTCOME_UPDATED, 0, 0 }, /* a login in between: anew */
	};

	(void) state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_inactive_membership all[3] = { groups[0], groups[1], { .group = 3 } };
		const struct us_inactive_settings s = { .days = 90, .connector = 7, .now_s = NOW, .sync = &staged };
		const struct us_inactive_user u = { .number = 1, .last_login = NOW - rows[i].last_login * DAY, .is_owned = true, .is_chosen = true };
		struct us_user_image before = { .user = { .id = US_SLICE("a"), .name = US_SLICE("anna"), .active = rows[i].active }, .owned = true };
		struct us_inactive_step step, again;
		before.retired.since = rows[i].since < 0 ? 0 : NOW - rows[i].since * DAY;
		us_inactive_plan(&s, &arena, &u, &before, all, rows[i].has_local ? 3 : 2, &step);
		assert_row(i, step.has_row == (rows[i].outcome >= 0) && step.n_left == rows[i].n_left);
		if (step.has_row) {
			assert_row(i, (int) step.change.outcome == rows[i].outcome);
			assert_row(i, !memmem(step.change.reason.p, step.change.reason.n, "cannot", 6)); /* nobody has the name */
			const struct us_user_image *after = step.change.user.after;
			assert_row(i, !after == (rows[i].outcome == US_OUTCOME_DELETED));
			if (after) {
				assert_row(i, after->retired.by == 7 && after->retired.since == NOW - rows[i].new_since * DAY);
				/* Invariant P: once it is applied there is nothing left to do. */
				us_inactive_plan(&s, &arena, &u, after, all + 1, rows[i].has_local ? 2 : 1, &again);
				assert_row(i, !again.has_row && !again.n_left);
			}
		}
		us_arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_since_the_last_login_decide),
		cmocka_unit_test(stages_count_from_the_run_that_found_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
