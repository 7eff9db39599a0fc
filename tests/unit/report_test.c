#include "unit.h"

#include "model/report.h"

static void report_reads_back_as_written(void **state)
{
	struct us_report want = { .memberships_added = 1, .memberships_removed = INT64_MAX, .memberships_not_modified = 3,
		.deactivated = 4 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	struct us_report got;

	for (int i = 0; i < US_OUTCOME_COUNT; i++) {
		want.users[i] = i * 3;
		want.groups[i] = i + 100;
	}
	us_report_write(&w, &want);
	assert_int_equal(us_report_parse(&arena, us_str_slice(&text), &got, NULL), US_OK);
	assert_memory_equal(&got, &want, sizeof want);
	assert_int_equal(us_report_user_total(&got), 3 * (US_OUTCOME_COUNT - 1) * US_OUTCOME_COUNT / 2);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void what_is_no_report_is_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "5", "{" };
	for (size_t i = 0; i < countof(texts); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_report got;
		assert_row(i, us_report_parse(&arena, us_slice(texts[i]), &got, NULL) == US_INVALID);
		us_arena_fini(&arena);
	}
}

static void texts_of_status_and_kind_read_back(void **state)
{
	enum us_run_status status;
	enum us_run_kind kind;

	for (int i = 0; i < US_RUN_STATUS_COUNT; i++)
		assert_true(us_run_status_parse(us_slice(us_run_status_text((enum us_run_status) i)), &status) && (int) status == i);
	for (int i = 0; i < US_RUN_KIND_COUNT; i++)
		assert_true(us_run_kind_parse(us_slice(us_run_kind_text((enum us_run_kind) i)), &kind) && (int) kind == i);
	assert_false(us_run_status_parse(US_SLICE("done"), &status));
	assert_false(us_run_kind_parse(US_SLICE_NONE, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_reads_back_as_written),
		cmocka_unit_test(what_is_no_report_is_refused),
		cmocka_unit_test(texts_of_status_and_kind_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
