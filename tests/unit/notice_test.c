#include "unit.h"

#include "base/json.h"
#include "base/secret.h"
#include "model/notice_options.h"
#include "model/notice_text.h"

#define DAY 86400LL

/* ---- ends of runs ---- */

struct end {
	enum us_run_kind kind;
	enum us_run_status status;
	int64_t run;
	int event; /* -1: none */
	bool holds_part;
};

static const struct {
	const char *name;
	int64_t failures;
	struct end ends[8]; /* run 0: the end */
} stories[] = {
	{ "good runs are no news", 1, { { US_RUN_FULL, US_RUN_DONE, 1, -1 }, { US_RUN_FULL, US_RUN_DONE, 2, -1 } } },
	{ "the second failure in a row, and the fourth", 2,
		{ { US_RUN_FULL, US_RUN_FAILED, 1, -1 }, { US_RUN_FULL, US_RUN_INTERRUPTED, 2, US_NOTICE_FAILED }, { US_RUN_FULL, US_RUN_FAILED, 3, -1 },
			{ US_RUN_FULL, US_RUN_FAILED, 4, US_NOTICE_FAILED }, { US_RUN_FULL, US_RUN_DONE, 5, US_NOTICE_RECOVERED },
			{ US_RUN_FULL, US_RUN_FAILED, 6, -1 }, { US_RUN_FULL, US_RUN_DONE, 7, -1 } } },
	{ "what is cancelled breaks no row", 2,
		{ { US_RUN_FULL, US_RUN_FAILED, 1, -1 }, { US_RUN_FULL, US_RUN_CANCELLED, 2, -1 }, { US_RUN_FULL, US_RUN_FAILED, 3, US_NOTICE_FAILED } } },
	{ "single updates say nothing about the connector", 1,
		{ { US_RUN_SINGLE, US_RUN_FAILED, 1, -1 }, { US_RUN_FULL, US_RUN_FAILED, 2, US_NOTICE_FAILED }, { US_RUN_SINGLE, US_RUN_DONE, 3, -1 },
			{ US_RUN_APPLY, US_RUN_DONE, 4, US_NOTICE_RECOVERED } } },
	{ "simulations say nothing at all", 1,
		{ { US_RUN_SIMULATION, US_RUN_FAILED, 1, -1 }, { US_RUN_SIMULATION, US_RUN_DONE, 2, -1 }, { US_RUN_SIMULATION, US_RUN_HELD, 3, -1 } } },
	{ "no failures are wanted, holds are", 0, { { US_RUN_FULL, US_RUN_FAILED, 1, -1 }, { US_RUN_FULL, US_RUN_HELD, 2, US_NOTICE_HELD } } },
	{ "held, rejected, and well again", 3,
		{ { US_RUN_FULL, US_RUN_HELD, 1, US_NOTICE_HELD }, { US_RUN_FULL, US_RUN_CANCELLED, 1, -1 }, { US_RUN_FULL, US_RUN_DONE, 2, US_NOTICE_RECOVERED } } },
	{ "a run that holds its cleanup is no recovery", 1,
		{ { US_RUN_FULL, US_RUN_DONE, 1, -1, true }, { US_RUN_CLEANUP, US_RUN_HELD, 2, US_NOTICE_HELD }, { US_RUN_FULL, US_RUN_DONE, 3, -1, true },
			{ US_RUN_CLEANUP, US_RUN_HELD, 4, US_NOTICE_HELD }, { US_RUN_CLEANUP, US_RUN_DONE, 4, US_NOTICE_RECOVERED },
			{ US_RUN_FULL, US_RUN_FAILED, 5, US_NOTICE_FAILED }, { US_RUN_FULL, US_RUN_DONE, 6, US_NOTICE_RECOVERED, true } } },
	{ "a cleanup that is rejected leaves nothing to recover from", 1,
		{ { US_RUN_CLEANUP, US_RUN_HELD, 2, US_NOTICE_HELD }, { US_RUN_CLEANUP, US_RUN_CANCELLED, 2, -1 }, { US_RUN_FULL, US_RUN_DONE, 3, -1 } } },
	{ "a held undo is over when it is decided", 3,
		{ { US_RUN_UNDO, US_RUN_HELD, 1, US_NOTICE_HELD }, { US_RUN_UNDO, US_RUN_CANCELLED, 1, -1 }, { US_RUN_FULL, US_RUN_DONE, 2, -1 },
			{ US_RUN_UNDO, US_RUN_HELD, 3, US_NOTICE_HELD }, { US_RUN_UNDO, US_RUN_DONE, 4, -1 }, { US_RUN_UNDO, US_RUN_DONE, 3, US_NOTICE_RECOVERED } } },
};

static void notices_follow_from_how_runs_end(void **state)
{
	for (size_t i = 0; i < countof(stories); i++) {
		struct us_notice_settings settings = { .failures = stories[i].failures };
		struct us_notice_state s = { 0 };
		for (size_t k = 0; k < countof(stories[i].ends) && stories[i].ends[k].run; k++) {
			const struct end *e = &stories[i].ends[k];
			enum us_notice_event event;
			bool is_told = us_notice_end_run(&settings, &s, e->run, e->holds_part, e->kind, e->status, 1000 + (int64_t) k, &event);
			if ((is_told ? (int) event : -1) != e->event)
				fail_msg("%s: end %zu: got %d, want %d", stories[i].name, k, is_told ? (int) event : -1, e->event);
		}
	}
}

/* ---- the time ---- */

static void overdue_is_told_once_for_each_good_run(void **state)
{
	struct us_notice_settings settings = { .overdue_s = 3600 };
	struct us_notice_state s = { 0 };
	enum us_notice_event event;

	assert_false(us_notice_is_overdue(&settings, &s, 10000, 13599));
	assert_true(us_notice_is_overdue(&settings, &s, 10000, 13600));
	assert_false(us_notice_is_overdue(&settings, &s, 10000, 99999));
	assert_true(us_notice_end_run(&settings, &s, 1, false, US_RUN_FULL, US_RUN_DONE, 100000, &event));
	assert_int_equal(event, US_NOTICE_RECOVERED);
	assert_false(us_notice_is_overdue(&settings, &s, 10000, 103599));
	assert_true(us_notice_is_overdue(&settings, &s, 10000, 103600));
	settings.overdue_s = 0;
	s = (struct us_notice_state) { 0 };
	assert_false(us_notice_is_overdue(&settings, &s, 10000, INT64_MAX));
}

static void a_secret_is_told_at_each_step_once(void **state)
{
	static const struct { int64_t left_s; bool is_told; int64_t days; } rows[] = {
		{ 31 * DAY, false, 0 }, { 30 * DAY + 1, false, 0 }, { 30 * DAY, true, 30 }, { 29 * DAY, false, 0 }, { 7 * DAY + 1, false, 0 },
		{ 7 * DAY, true, 7 }, { 2 * DAY, false, 0 }, { DAY / 2, true, 1 }, { 1, false, 0 }, { 0, true, 0 }, { -5 * DAY, false, 0 },
	};
	struct us_notice_settings settings = { .expires_s = 100 * DAY, .expiry_days = 30 };
	struct us_notice_state s = { 0 };
	int64_t days;

	for (size_t i = 0; i < countof(rows); i++) {
		bool is_told = us_notice_is_expiring(&settings, &s, settings.expires_s - rows[i].left_s, &days);
		assert_row(i, is_told == rows[i].is_told && (!is_told || days == rows[i].days));
	}
	/* another date begins again; a server that was away tells only the last step */
	settings.expires_s = 200 * DAY;
	assert_true(us_notice_is_expiring(&settings, &s, 202 * DAY, &days));
	assert_int_equal(days, -2);
	assert_false(us_notice_is_expiring(&settings, &s, 203 * DAY, &days));
	/* a week is too early for who asked for three days */
	settings = (struct us_notice_settings) { .expires_s = 300 * DAY, .expiry_days = 3 };
	assert_false(us_notice_is_expiring(&settings, &s, 295 * DAY, &days));
	assert_true(us_notice_is_expiring(&settings, &s, 297 * DAY, &days));
	settings.expires_s = 0;
	assert_false(us_notice_is_expiring(&settings, &s, 1000 * DAY, &days));
}

/* ---- words ---- */

static const struct us_json *parse(struct us_arena *arena, const struct us_str *text)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	if (us_json_parse(arena, us_str_slice(text), US_JSON_LIMITS_SMALL, &doc, &err))
		fail_msg("%s", err.text);
	return doc;
}

static void a_failed_notice_says_why_without_names(void **state)
{
	static const char *const rows[][2] = {
		{ "[\"Scheduled with jobid x\",\"User <anna> is local\"]", "User <\xE2\x80\xA6> is local" },
		{ "[\"Incomplete read: anna timed out\",\"nothing is cleaned up\"]", "Incomplete read: \xE2\x80\xA6 timed out" },
		{ "[]", "" },
		{ "", "" },
		{ "{", "" },
		{ "[7]", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_str body = US_STR_INIT;
		struct us_notice notice = { .event = US_NOTICE_FAILED, .connector = 1, .connector_name = US_SLICE("hr"), .run = 3, .failures = 1,
			.messages = us_slice(rows[i][0]) };
		us_notice_write_body(&notice, NULL, 0, &body);
		const struct us_json *data = us_json_find(parse(&arena, &body), "data");
		assert_slice(us_json_string(data, "reason"), rows[i][1]);
		us_str_fini(&body);
		us_arena_fini(&arena);
	}
}

static void a_held_notice_has_the_numbers_and_what_to_do(void **state)
{
	struct us_report report = { .memberships_removed = 7 };
	report.users[US_OUTCOME_DISABLED] = 15;
	struct us_notice n = { .event = US_NOTICE_HELD, .at_s = 1767268800, .connector = 1, .connector_uuid = US_SLICE("u-u"),
		.connector_name = US_SLICE("h\"r"), .run = 12, .kind = US_RUN_FULL, .status = US_RUN_HELD, .report = &report,
		.held = US_SLICE("{\"rule\":\"users\",\"found\":15,\"of\":30,\"limit\":10,\"message\":\"anna\"}") };
	struct us_notice_left_out left_out[] = { { US_SLICE("sync.failed"), US_SLICE("h\"r"), 3 }, { US_SLICE("sync.held"), US_SLICE("h\"r"), 1 } };
	struct us_str body = US_STR_INIT, text = US_STR_INIT, subject = US_STR_INIT;
	struct us_arena arena = US_ARENA_INIT;

	us_notice_write_body(&n, left_out, 2, &body);
	assert_null(strstr(us_str_text(&body), "anna"));
	const struct us_json *doc = parse(&arena, &body), *data = us_json_find(doc, "data"), *held = us_json_find(data, "held");
	assert_slice(us_json_string(doc, "type"), "sync.held");
	assert_slice(us_json_string(doc, "timestamp"), "2026-01-01T12:00:00Z");
	assert_int_equal(us_json_int(held, "found", 0), 15);
	assert_int_equal(us_json_int(held, "of", 0), 30);
	assert_int_equal(us_json_int(held, "limit", 0), 10);
	assert_slice(us_json_string(us_json_find(data, "approve"), "command"), "usersync approve 12");
	assert_slice(us_json_string(us_json_find(data, "reject"), "path"), "/rest/samlsso-admin/1.0/usersync/syncstatus/12/reject");
	us_notice_write_subject(doc, &subject);
	assert_string_equal(us_str_text(&subject), "[usersync] h\"r: sync held, please decide");
	us_notice_write_text(doc, &text);
	assert_non_null(strstr(us_str_text(&text), "held by the rule users: 15 of 30, limit 10."));
	assert_non_null(strstr(us_str_text(&text), "Users: DISABLED 15\n"));
	assert_non_null(strstr(us_str_text(&text), "Memberships: added 0, removed 7\n"));
	assert_non_null(strstr(us_str_text(&text), "Not sent since the last notice: sync.failed of \"h\"r\", 3 times\n"));
	assert_non_null(strstr(us_str_text(&text), "sync.held of \"h\"r\", 1 time\n"));
	us_str_fini(&body);
	us_str_fini(&text);
	us_str_fini(&subject);
	us_arena_fini(&arena);
}

static void every_event_has_words(void **state)
{
	for (int i = 0; i < US_NOTICE_COUNT; i++) {
		struct us_notice n = { .event = (enum us_notice_event) i, .at_s = 1, .connector = i == US_NOTICE_TEST ? 0 : 1, .connector_name = US_SLICE("hr"),
			.run = 3, .failures = 2, .expires_s = 86400, .days = 1 };
		struct us_str body = US_STR_INIT, text = US_STR_INIT;
		struct us_arena arena = US_ARENA_INIT;
		enum us_notice_event again;
		us_notice_write_body(&n, NULL, 0, &body);
		const struct us_json *doc = parse(&arena, &body);
		assert_true(us_notice_event_parse(us_json_string(doc, "type"), &again) && (int) again == i);
		us_notice_write_subject(doc, &text);
		assert_true(text.n > 12 && !strchr(us_str_text(&text), '\n'));
		us_notice_write_text(doc, &text);
		assert_true(us_json_string(us_json_find(doc, "data"), "text").n > 20);
		us_str_fini(&body);
		us_str_fini(&text);
		us_arena_fini(&arena);
	}
}

/* ---- settings ---- */

static void addresses_are_taken_that_fit_into_a_header(void **state)
{
	static const struct { const char *text; bool is_good; } rows[] = {
		{ "anna@example.org", true }, { "a.b+c=d@x", true }, { "o'neill@example.org", true }, { "", false }, { "anna", false }, { "@example.org", false },
		{ "anna@", false }, { "a@b@c", false }, { "a b@example.org", false }, { "a@example.org\r\nBcc: x", false }, { "a@example.org\n", false },
		{ "<a@example.org>", false }, { "a@example.org,b@example.org", false }, { "\"a\"@example.org", false }, { "a@[127.0.0.1]", false },
		{ "\xC3\xA4@example.org", false }, { "a@example.org\x7F", false },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_row(i, us_notice_is_address(us_slice(rows[i].text)) == rows[i].is_good);
	assert_false(us_notice_is_address(US_SLICE("a\0@example.org")));
}

static void secrets_are_read_as_the_specification_has_them(void **state)
{
	struct us_str key = US_STR_INIT, made = US_STR_INIT;

	assert_true(us_notice_read_key(US_SLICE("whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"), &key));
	assert_string_equal(us_str_text(&key), "kkkkkkkkkkkkkkkkkkkkkkkk");
	us_str_clear(&key);
	assert_false(us_notice_read_key(US_SLICE("whsec_a2tra2tra2tra2tra2tra2tra2tra2s="), &key)); /* 23 bytes */
	us_str_clear(&key);
	assert_false(us_notice_read_key(US_SLICE("a2tra2tra2tra2tra2tra2tra2tra2tr"), &key));
	assert_false(us_notice_read_key(US_SLICE("whsec_not base64 at all, not at all"), &key));
	assert_false(us_notice_read_key(US_SLICE("whsec_"), &key));
	assert_false(us_notice_read_key(US_SLICE_NONE, &key));
	us_str_clear(&key);
	us_notice_make_secret(&made);
	assert_true(us_notice_read_key(us_str_slice(&made), &key));
	assert_int_equal(key.n, 32);
	us_str_fini(&key);
	us_str_fini(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_follow_from_how_runs_end),
		cmocka_unit_test(overdue_is_told_once_for_each_good_run),
		cmocka_unit_test(a_secret_is_told_at_each_step_once),
		cmocka_unit_test(a_failed_notice_says_why_without_names),
		cmocka_unit_test(a_held_notice_has_the_numbers_and_what_to_do),
		cmocka_unit_test(every_event_has_words),
		cmocka_unit_test(addresses_are_taken_that_fit_into_a_header),
		cmocka_unit_test(secrets_are_read_as_the_specification_has_them),
	};

	if (us_secret_init(NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
