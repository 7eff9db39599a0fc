#include "store.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "job/pruner.h"
#include "store/run_stats.h"

enum { DAY = 86400, RUNS = 1000, ROWS = 12, MANY = 5000 };

/* A run of connector 1 with so many rows; age in days. */
static int64_t add_run(struct fixture *f, enum us_run_kind kind, enum us_run_status status, int64_t plan_run, uint32_t rows, int64_t created)
{
	struct us_err err = US_ERR_INIT;
	struct us_run run = { .connector = 1, .connector_uuid = S("c"), .directory = f->directory, .kind = kind, .plan_run = plan_run };
	struct us_user_image image = fixture_user("id", "name");
	int64_t id = 0;

	assert_ok(us_run_create(f->w, &run, created, &id, &err));
	for (uint32_t i = 0; i < rows; i++) {
		struct us_change change = { .ord = i, .object = US_OBJECT_USER, .outcome = US_OUTCOME_ADDED, .number = i + 1, .id = S("id"), .name = S("name"),
			.user.after = &image };
		assert_ok(us_run_add_change(f->w, id, &change, &err));
	}
	if (status == US_RUN_SCHEDULED)
		return id;
	assert_ok(us_run_set_status(f->w, id, US_RUN_SCHEDULED, US_RUN_RUNNING, created, &err));
	run.id = id;
	run.n_changes = rows;
	run.base_revision = 77; /* that the directory has no longer */
	assert_ok(us_run_save(f->w, &run, created, &err));
	assert_ok(us_run_set_status(f->w, id, US_RUN_RUNNING, status, created, &err));
	return id;
}

static int64_t count(struct us_dbc *c, const char *sql)
{
	struct us_err err = US_ERR_INIT;
	struct us_stmt *s;

	assert_ok(us_db_prepare(c, sql, &s, &err));
	assert_ok(us_stmt_step(s, &err));
	int64_t n = us_stmt_int(s, 0);
	us_stmt_reset(s);
	return n;
}

/* Ends the fixture's transaction and gives the writer to others. */
static void give_writer(struct fixture *f)
{
	struct us_err err = US_ERR_INIT;

	assert_ok(us_db_commit(f->w, &err));
	us_db_release(f->w);
	f->w = NULL;
}

static void take_writer(struct fixture *f)
{
	struct us_err err = US_ERR_INIT;

	assert_ok(us_db_lease_writer(f->store->db, &f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
}

struct watch {
	struct us_store *store;
	atomic_bool is_over, is_wrong;
	atomic_long looks, writes, slowest_read_us, slowest_write_us;
};

static void note_slowest(atomic_long *slowest, int64_t us)
{
	if (us > *slowest)
		*slowest = us;
}

/* In every moment each run that is there and not marked has all its rows, and what is needed is there. */
static void *read_on(void *data)
{
	struct watch *w = data;
	struct us_err err = US_ERR_INIT;

	while (!w->is_over) {
		struct us_dbc *c;
		int64_t begun = us_clock_monotonic_us();
		if (us_db_lease_reader(w->store->db, &c, &err) || us_db_begin(c, &err)) {
			w->is_wrong = true;
			return NULL;
		}
		if (count(c, "SELECT COUNT(*) FROM run WHERE status = 'HELD'") != 1)
			w->is_wrong = true;
		note_slowest(&w->slowest_read_us, us_clock_monotonic_us() - begun);
		if (count(c, "SELECT COUNT(*) FROM run AS r WHERE r.pruned = 0 AND r.n_changes <> (SELECT COUNT(*) FROM change AS c"
				" WHERE c.id >= r.id * 4294967296 AND c.id < (r.id + 1) * 4294967296)"))
			w->is_wrong = true;
		us_db_release(c);
		w->looks++;
	}
	return NULL;
}

static void *write_on(void *data)
{
	struct watch *w = data;
	struct us_err err = US_ERR_INIT;

	while (!w->is_over) {
		struct us_dbc *c;
		int64_t begun = us_clock_monotonic_us();
		if (us_db_lease_writer(w->store->db, &c, &err) || us_db_begin(c, &err) ||
			us_db_exec(c, "UPDATE directory SET created = created + 1", &err) || us_db_commit(c, &err))
			w->is_wrong = true;
		us_db_release(c);
		note_slowest(&w->slowest_write_us, us_clock_monotonic_us() - begun);
		w->writes++;
	}
	return NULL;
}

static void a_thousand_runs_go_beside_readers_and_writers(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_retention settings = { .runs = 20, .run_age_s = 3650 * DAY, .results = 10, .result_age_s = 3650 * DAY, .undo = 3 };
	struct us_pruner_stats stats = { 0 };
	struct watch watch = { .store = f->store };
	pthread_t reader, writer;
	int64_t now = 1000 * DAY, simulation, applied, held;

	held = add_run(f, US_RUN_FULL, US_RUN_HELD, 0, ROWS, now - 900 * DAY);
	simulation = add_run(f, US_RUN_SIMULATION, US_RUN_DONE, 0, ROWS, now - 900 * DAY);
	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, MANY, now - 800 * DAY); /* more rows than go in one transaction */
	for (int i = 0; i < RUNS; i++)
		add_run(f, i % 10 == 9 ? US_RUN_SINGLE : US_RUN_FULL, i % 5 == 4 ? US_RUN_FAILED : US_RUN_DONE, 0, i % 3 ? ROWS : 0, now - (RUNS - i) * 600);
	applied = add_run(f, US_RUN_APPLY, US_RUN_DONE, simulation, 0, now - 10);
	give_writer(f);
	assert_int_equal(pthread_create(&reader, NULL, read_on, &watch), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_on, &watch), 0);
	while (!watch.looks || !watch.writes)
		sched_yield();
	long looks = watch.looks, writes = watch.writes;
	assert_ok(us_pruner_pass(f->store, &settings, now, NULL, &stats, &err));
	looks = watch.looks - looks;
	writes = watch.writes - writes;
	watch.is_over = true;
	pthread_join(reader, NULL);
	pthread_join(writer, NULL);
	assert_false(watch.is_wrong);
	/* They got on while it went on, and nobody waited for all of it. */
	assert_true(looks >= 1 && writes >= 5);
	assert_true(watch.slowest_read_us < 5000000 && watch.slowest_write_us < 5000000);

	take_writer(f);
	/* 20 full and other runs, 20 single ones, the held one, and the plan of the applied one */
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM run"), 20 + 20 + 2);
	assert_int_equal(stats.runs, RUNS + 4 - 42);
	assert_true(count(f->w, "SELECT COUNT(*) FROM run WHERE pruned > 0") >= 4);
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM run WHERE pruned < 0"), 0);
	assert_int_equal(count(f->w, "SELECT SUM(n) FROM run_pruned"), stats.runs);
	struct us_run run;
	const int64_t kept[] = { held, simulation, applied };
	for (size_t i = 0; i < countof(kept); i++) {
		assert_ok(us_run_load(f->w, &f->arena, kept[i], &run, &err));
		assert_int_equal(run.pruned, 0);
	}
	/* no row without its run, none of a run whose results are gone */
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM change WHERE id / 4294967296 NOT IN (SELECT id FROM run WHERE pruned = 0)"), 0);
	give_writer(f);
	/* Again: nothing to do. */
	stats = (struct us_pruner_stats) { 0 };
	assert_ok(us_pruner_pass(f->store, &settings, now, NULL, &stats, &err));
	assert_true(stats.runs == 0 && stats.results == 0);
	take_writer(f);
}

static void what_was_cut_off_is_finished_later(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_retention settings = { .runs = 100, .run_age_s = 3650 * DAY, .results = 0, .result_age_s = DAY, .undo = 0 };
	struct us_pruner_stats stats = { 0 };
	int64_t now = 100 * DAY;
	enum us_errc rc = US_DISK;
	int failed = 0;

	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 1800, now - 3 * DAY);
	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 3, now - 2 * DAY);
	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 0, now);
	give_writer(f);
	/* Stopped at every statement, one after the other; each time the next pass goes on from there. */
	for (int at = 1; rc != US_OK; at++) {
		us_db_fail_at(f->store->db, at, US_DISK);
		rc = us_pruner_pass(f->store, &settings, now, NULL, &stats, &err);
		us_db_fail_at(f->store->db, 0, US_OK);
		failed += rc != US_OK;
		assert_true(rc == US_OK || rc == US_DISK);
	}
	assert_true(failed > 10);
	take_writer(f);
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM change"), 0);
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM run WHERE pruned > 0"), 2);
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM run"), 3);
}

static void nothing_is_made_from_results_that_are_gone(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_retention settings = { .runs = 100, .run_age_s = 3650 * DAY, .results = 0, .result_age_s = DAY, .undo = 0 };
	struct us_pruner_stats stats = { 0 };
	int64_t now = 100 * DAY, id = 0;
	int64_t simulation = add_run(f, US_RUN_SIMULATION, US_RUN_DONE, 0, 5, now - 5 * DAY);
	int64_t applied = add_run(f, US_RUN_APPLY, US_RUN_DONE, simulation, 0, now - 4 * DAY);
	int64_t full = add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 5, now - 3 * DAY);

	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 5, now);
	give_writer(f);
	assert_ok(us_pruner_pass(f->store, &settings, now, NULL, &stats, &err));
	take_writer(f);
	const int64_t gone[] = { simulation, applied, full, 4711 };
	for (size_t i = 0; i < countof(gone); i++) {
		struct us_run undo = { .connector = 1, .connector_uuid = S("c"), .directory = f->directory, .kind = US_RUN_UNDO, .plan_run = gone[i] };
		assert_int_equal(us_run_create(f->w, &undo, now, &id, &err), US_CONFLICT);
		assert_int_equal(id, 0);
		assert_non_null(strstr(err.text, "no longer kept"));
	}
}

static void a_run_that_was_taken_up_again_stays(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_retention settings = { .runs = 1, .run_age_s = DAY, .results = 0, .result_age_s = DAY, .undo = 0 };
	struct us_pruner_stats stats = { 0 };
	int64_t now = 100 * DAY;
	int64_t old = add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 5, now - 50 * DAY);

	add_run(f, US_RUN_FULL, US_RUN_DONE, 0, 0, now);
	add_run(f, US_RUN_UNDO, US_RUN_SCHEDULED, old, 0, now);
	give_writer(f);
	assert_ok(us_pruner_pass(f->store, &settings, now, NULL, &stats, &err));
	take_writer(f);
	assert_int_equal(stats.runs, 0);
	assert_int_equal(count(f->w, "SELECT COUNT(*) FROM change"), 5);
}

static void counts_for_monitoring_never_fall(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_retention settings = { .runs = 2, .run_age_s = DAY, .results = 0, .result_age_s = DAY, .undo = 0 };
	struct us_pruner_stats stats = { 0 };
	struct us_run_stats *list;
	size_t n;
	const struct us_json *configuration;
	int64_t id, now = 100 * DAY;

	assert_ok(us_json_parse(&f->arena, S("{}"), US_JSON_LIMITS_SMALL, &configuration, &err));
	assert_ok(us_connector_create(f->store, f->w, S("hr"), S("ldap"), configuration, true, 1, &id, &err));
	assert_int_equal(id, 1);
	for (int i = 0; i < 30; i++)
		add_run(f, US_RUN_FULL, i % 2 ? US_RUN_DONE : US_RUN_FAILED, 0, 0, now - i * DAY);
	for (int pass = 0; pass < 2; pass++) {
		assert_ok(us_run_stats_load(f->w, &f->arena, &list, &n, &err));
		assert_int_equal(n, 1);
		assert_int_equal(list[0].runs[US_RUN_FULL][US_RUN_DONE], 15);
		assert_int_equal(list[0].runs[US_RUN_FULL][US_RUN_FAILED], 15);
		give_writer(f);
		assert_ok(us_pruner_pass(f->store, &settings, now, NULL, &stats, &err));
		take_writer(f);
	}
	assert_true(stats.runs >= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(a_thousand_runs_go_beside_readers_and_writers),
		fixture_test(what_was_cut_off_is_finished_later),
		fixture_test(nothing_is_made_from_results_that_are_gone),
		fixture_test(a_run_that_was_taken_up_again_stays),
		fixture_test(counts_for_monitoring_never_fall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
