#include "store.h"

#include "store/cursor.h"
#include "store/retired.h"

struct site {
	struct fixture *f;
	int64_t connector, directory;
};

static struct site make(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_connector made;
	const struct us_json *configuration;
	struct site s = { .f = f };

	assert_ok(us_json_parse(&f->arena, S("{\"url\":\"x\"}"), US_JSON_LIMITS_SMALL, &configuration, &err));
	assert_ok(us_connector_create(f->store, f->w, S("hr"), S("ldap"), configuration, true, 1, &s.connector, &err));
	assert_ok(us_connector_find(f->store, f->w, &f->arena, us_slice(us_arena_printf(&f->arena, "%lld", (long long) s.connector)), US_SECRETS_HIDDEN, &made, &err));
	s.directory = made.directory;
	return s;
}

static int64_t add_run(const struct site *s)
{
	struct us_run run = { .connector = s->connector, .connector_uuid = S("c"), .directory = s->directory, .kind = US_RUN_DELTA, .trigger = US_TRIGGER_API };
	struct us_err err = US_ERR_INIT;
	int64_t id;

	assert_ok(us_run_create(s->f->w, &run, 1000, &id, &err));
	assert_ok(us_run_set_status(s->f->w, id, US_RUN_SCHEDULED, US_RUN_RUNNING, 1000, &err));
	assert_ok(us_run_set_status(s->f->w, id, US_RUN_RUNNING, US_RUN_DONE, 1000, &err)); /* there is one at a time */
	return id;
}

static void save(const struct site *s, int64_t run, const char *value)
{
	struct us_cursor cursor = { s->directory, us_slice(value), S("c"), 0, run };
	struct us_err err = US_ERR_INIT;

	assert_ok(us_cursor_save(s->f->w, s->connector, &cursor, &err));
}

static void expect(const struct site *s, const char *value)
{
	struct us_cursor cursor;
	struct us_err err = US_ERR_INIT;

	assert_ok(us_cursor_load(s->f->w, &s->f->arena, s->connector, &cursor, &err));
	if (value)
		assert_slice(cursor.value, value);
	else
		assert_null(cursor.value.p);
}

static void the_last_run_says_where_the_feed_goes_on(void **state)
{
	struct site s = make(state);

	expect(&s, NULL);
	save(&s, add_run(&s), "a");
	expect(&s, "a");
	save(&s, add_run(&s), "b");
	expect(&s, "b");
}

/* It may have read before: what made the cursor be forgotten is not in its plan. */
static void a_run_that_was_there_when_the_cursor_was_forgotten_stores_none(void **state)
{
	struct site s = make(state);
	struct us_err err = US_ERR_INIT;

	for (int has_one = 0; has_one < 2; has_one++) {
		if (has_one)
			save(&s, add_run(&s), "a");
		int64_t before = add_run(&s), undo = add_run(&s);
		assert_ok(us_cursor_forget(s.f->w, s.directory, &err));
		expect(&s, NULL);
		save(&s, before, "b");
		save(&s, undo, "b");
		expect(&s, NULL);
		save(&s, add_run(&s), "c");
		expect(&s, "c");
	}
	assert_ok(us_cursor_forget(s.f->w, s.f->directory, &err)); /* another one, of no connector */
	expect(&s, "c");
}

static void a_login_of_somebody_deleted_as_inactive_forgets_the_cursor(void **state)
{
	struct site s = make(state);
	struct us_err err = US_ERR_INIT;
	const struct us_user anna = { .id = S("1"), .name = S("Anna") };
	bool is = true;

	assert_ok(us_retired_add(s.f->w, s.directory, &anna, 9, 100, &err));
	save(&s, add_run(&s), "a");
	assert_ok(us_retired_return(s.f->w, s.directory, S("bert"), 200, &is, &err));
	assert_false(is);
	assert_ok(us_retired_return(s.f->w, s.directory, S("anna"), 99, &is, &err));
	assert_false(is);
	expect(&s, "a");
	assert_ok(us_retired_return(s.f->w, s.directory, S("anna"), 100, &is, &err));
	assert_true(is);
	expect(&s, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(the_last_run_says_where_the_feed_goes_on),
		fixture_test(a_run_that_was_there_when_the_cursor_was_forgotten_stores_none),
		fixture_test(a_login_of_somebody_deleted_as_inactive_forgets_the_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
