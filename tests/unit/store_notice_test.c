#include "store.h"

#include "base/clock.h"
#include "base/json.h"
#include "model/notice_options.h"
#include "store/notice.h"
#include "store/notice_target.h"

/* ---- helpers ---- */

static const struct us_json *json(struct fixture *f, const char *text)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	assert_ok(us_json_parse(&f->arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err));
	return doc;
}

static int64_t add_target(struct fixture *f, const char *name, const char *configuration)
{
	struct us_err err = US_ERR_INIT;
	int64_t id;

	assert_ok(us_notice_target_create(f->store, f->w, us_slice(name), S("webhook"), json(f, configuration), true, 1000, &id, &err));
	return id;
}

static void add_connector(struct fixture *f, const char *name, const char *configuration, int64_t *ret_id)
{
	struct us_err err = US_ERR_INIT;

	assert_ok(us_connector_create(f->store, f->w, us_slice(name), S("ldap"), json(f, configuration), true, 1000, ret_id, &err));
}

static int64_t end_run(struct fixture *f, int64_t connector, enum us_run_status status, int64_t now_s)
{
	struct us_run run = { .connector = connector, .connector_uuid = S("u"), .directory = f->directory, .kind = US_RUN_FULL };
	struct us_err err = US_ERR_INIT;
	int64_t id;

	assert_ok(us_run_create(f->w, &run, now_s, &id, &err));
	assert_ok(us_run_set_status(f->w, id, US_RUN_SCHEDULED, US_RUN_RUNNING, now_s, &err));
	assert_ok(us_run_set_status(f->w, id, US_RUN_RUNNING, status, now_s, &err));
	return id;
}

static size_t list(struct fixture *f, struct us_delivery **ret_list)
{
	struct us_err err = US_ERR_INIT;
	size_t n;

	assert_ok(us_outbox_list(f->w, &f->arena, US_OUTBOX_STATE_COUNT, 0, 100, ret_list, &n, &err));
	return n;
}

/* ---- tests ---- */

static void a_notice_is_part_of_what_caused_it(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_delivery *d;
	int64_t connector;

	add_target(f, "ops", "{\"url\":\"http://x/\"}");
	add_connector(f, "hr", "{}", &connector);
	assert_ok(us_db_commit(f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	end_run(f, connector, US_RUN_HELD, 2000);
	assert_int_equal(list(f, &d), 1);
	us_db_rollback(f->w);
	assert_int_equal(list(f, &d), 0);
	assert_ok(us_db_begin(f->w, &err));
	int64_t run = end_run(f, connector, US_RUN_HELD, 2000);
	assert_ok(us_db_commit(f->w, &err));
	assert_int_equal(list(f, &d), 1);
	assert_int_equal(d[0].run, run);
	assert_int_equal(d[0].state, US_OUTBOX_WAITING);
	assert_slice(d[0].event, "sync.held");
	assert_int_equal(strncmp(d[0].message.p, "msg_", 4), 0);
	assert_null(memchr(d[0].message.p, '.', d[0].message.n));
}

static void too_many_are_counted_and_told_later(void **state)
{
	struct fixture *f = *state;
	struct us_delivery *d;
	int64_t hr, it;

	add_target(f, "ops", "{\"url\":\"http://x/\",\"quietMinutes\":10,\"perHour\":3}");
	add_connector(f, "hr", "{\"noticeFailures\":1}", &hr);
	add_connector(f, "it", "{\"noticeFailures\":1}", &it);
	end_run(f, hr, US_RUN_FAILED, 10000);
	end_run(f, hr, US_RUN_FAILED, 10001);
	end_run(f, hr, US_RUN_FAILED, 10599);
	assert_int_equal(list(f, &d), 1); /* quiet */
	end_run(f, it, US_RUN_FAILED, 10600);
	assert_int_equal(list(f, &d), 2); /* another connector */
	assert_non_null(strstr(d[0].body.p, "\"leftOut\":[{\"type\":\"sync.failed\",\"connector\":\"hr\",\"count\":2}]"));
	end_run(f, hr, US_RUN_FAILED, 10601);
	assert_int_equal(list(f, &d), 3); /* no longer quiet, and told what it had left out */
	assert_non_null(strstr(d[0].body.p, "\"leftOut\":[]"));
	end_run(f, it, US_RUN_FAILED, 12000);
	assert_int_equal(list(f, &d), 3); /* three within the hour */
	end_run(f, it, US_RUN_FAILED, 13601);
	assert_int_equal(list(f, &d), 4);
	assert_non_null(strstr(d[0].body.p, "\"connector\":\"it\",\"count\":1}]"));
}

static void a_delivery_goes_through_its_states(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_delivery *d, one;
	int64_t hr, counts[US_OUTBOX_STATE_COUNT];
	size_t n;

	int64_t ops = add_target(f, "ops", "{\"url\":\"http://x/\"}"), night = add_target(f, "night", "{\"url\":\"http://y/\"}");
	add_connector(f, "hr", "{\"noticeFailures\":1}", &hr);
	end_run(f, hr, US_RUN_FAILED, 10000);
	end_run(f, hr, US_RUN_DONE, 10001);
	assert_ok(us_outbox_list_next(f->w, &f->arena, &d, &n, &err));
	assert_int_equal(n, 2); /* the first of each target */
	assert_int_equal(d[0].target, ops);
	assert_int_equal(d[1].target, night);
	int64_t id = d[0].id;
	assert_ok(us_outbox_claim(f->w, id, 20000000, &err));
	assert_ok(us_outbox_list_next(f->w, &f->arena, &d, &n, &err));
	assert_slice(d[1].event, "sync.recovered"); /* the next one of ops */
	assert_ok(us_outbox_settle(f->w, id, US_OUTBOX_WAITING, S("no"), 30000000, 10002, &err));
	assert_ok(us_outbox_postpone(f->w, ops, 25000000, &err));
	assert_ok(us_outbox_find(f->w, &f->arena, id, &one, &err));
	assert_int_equal(one.tries, 1);
	assert_int_equal(one.next_ms, 30000000); /* never sooner */
	assert_slice(one.error, "no");
	assert_ok(us_outbox_settle(f->w, id, US_OUTBOX_DEAD, S("no"), 0, 10003, &err));
	assert_int_equal(us_outbox_claim(f->w, id, 1, &err), US_NOT_FOUND);
	assert_ok(us_outbox_count(f->w, counts, &err));
	assert_int_equal(counts[US_OUTBOX_DEAD], 1);
	assert_int_equal(counts[US_OUTBOX_WAITING], 3);
	assert_ok(us_outbox_retry(f->w, id, 40000000, &err));
	assert_ok(us_outbox_find(f->w, &f->arena, id, &one, &err));
	assert_int_equal(one.tries, 0);
	assert_int_equal(one.finished, 0);
	assert_ok(us_outbox_settle(f->w, id, US_OUTBOX_DELIVERED, US_SLICE_NONE, 0, 50000, &err));
	assert_int_equal(us_outbox_retry(f->w, id, 1, &err), US_CONFLICT);
	assert_ok(us_outbox_prune(f->w, 50000, 50000, &err));
	assert_ok(us_outbox_find(f->w, &f->arena, id, &one, &err));
	assert_ok(us_outbox_prune(f->w, 50001, 50001, &err));
	assert_int_equal(us_outbox_find(f->w, &f->arena, id, &one, &err), US_NOT_FOUND);
	assert_ok(us_notice_target_delete(f->w, ops, &err));
	assert_int_equal(list(f, &d), 2);
	assert_int_equal(us_notice_target_delete(f->w, ops, &err), US_NOT_FOUND);
}

static void what_time_brings_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_delivery *d;
	int64_t hr;
	size_t n;

	add_target(f, "ops", "{\"url\":\"http://x/\"}");
	add_connector(f, "hr", "{\"noticeOverdueHours\":1,\"secretExpires\":\"1970-01-02\",\"noticeExpiryDays\":1}", &hr);
	assert_ok(us_notice_watch(f->w, false, -1, &n, &err));
	assert_int_equal(n, 0);
	assert_ok(us_notice_watch(f->w, false, 4600, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(list(f, &d), 0);
	for (int i = 0; i < 3; i++)
		assert_ok(us_notice_watch(f->w, true, 4600 + i, &n, &err));
	assert_int_equal(list(f, &d), 2);
	assert_slice(d[1].event, "sync.overdue");
	assert_slice(d[0].event, "secret.expiring");
}

static void a_configuration_that_cannot_be_read_stops_no_end(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_delivery *d;
	int64_t hr;

	add_target(f, "ops", "{\"url\":\"http://x/\"}");
	add_connector(f, "hr", "{}", &hr);
	assert_ok(us_db_exec(f->w, "UPDATE connector SET configuration = '['", &err));
	end_run(f, hr, US_RUN_HELD, 2000);
	assert_int_equal(list(f, &d), 1);
	assert_ok(us_db_exec(f->w, "UPDATE notice_target SET configuration = '['", &err));
	end_run(f, hr, US_RUN_HELD, 90000);
	assert_int_equal(list(f, &d), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(a_notice_is_part_of_what_caused_it),
		fixture_test(too_many_are_counted_and_told_later),
		fixture_test(a_delivery_goes_through_its_states),
		fixture_test(what_time_brings_is_told_once),
		fixture_test(a_configuration_that_cannot_be_read_stops_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
