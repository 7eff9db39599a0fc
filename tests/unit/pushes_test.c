/* Pushes become runs: when they start, what follows one that fails, and what outlives the server. The source is the real one, made to fail at will. */
#include "temp.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "job/pushes.h"
#include "model/sync_options.h"
#include "source/scim.h"
#include "source/source.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/pushed.h"

#define assert_ok(call) \
	do { \
		enum us_errc rc_ = (call); \
		if (rc_ != US_OK) \
			fail_msg("%s: %s: %s", #call, us_err_name(rc_), err.text); \
	} while (0)

enum { WAIT_MS = 60000, K = 1 };

struct world {
	struct temp temp;
	struct us_store *store;
	struct us_job *job;
	struct us_pushes *pushes;
	int64_t retry_ms;
};

/* ---- the source ---- */

static struct {
	atomic_int failures;              /* reads that fail from now on */
	void (*on_read)(struct world *w); /* called once, when the next read ends */
	struct world *world;
} now;

static struct us_source_ops flaky;

static enum us_errc flaky_open(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	enum us_errc rc = us_source_scim.open(conf, cancel, ret_source, err);

	if (!rc)
		(*ret_source)->ops = &flaky;
	return rc;
}

static enum us_errc end_read(enum us_errc rc, struct us_err *err)
{
	void (*on_read)(struct world *) = now.on_read;

	now.on_read = NULL;
	if (on_read)
		on_read(now.world);
	if (rc || now.failures <= 0)
		return rc;
	now.failures--;
	return us_err_set(err, US_UNAVAILABLE, "the test cuts here");
}

static enum us_errc flaky_fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	enum us_errc rc = us_source_scim.fetch(source, listing, cursor, arena, ret_page, err);

	return listing ? end_read(rc, err) : rc;
}

static enum us_errc flaky_changes(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	return end_read(us_source_scim.changes(source, cursor, arena, ret_page, err), err);
}

/* ---- the server's part ---- */

static void start(struct world *w)
{
	const struct us_secret_key key = { { 1 } };
	struct us_err err = US_ERR_INIT;

	assert_ok(us_store_open(w->temp.dsn, &key, us_source_types(), us_sync_options, &w->store, NULL, &err));
	assert_ok(us_job_open(&(struct us_job_conf) { .store = w->store, .n_workers = 1 }, &w->job, &err));
	assert_ok(us_pushes_open(&(struct us_pushes_conf) { .store = w->store, .job = w->job, .retry_ms = w->retry_ms }, &w->pushes, &err));
}

static void stop(struct world *w)
{
	us_pushes_close(w->pushes);
	us_job_close(w->job);
	us_store_close(w->store);
}

static struct us_dbc *begin(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	assert_ok(us_db_lease_writer(w->store->db, &c, &err));
	assert_ok(us_db_begin(c, &err));
	return c;
}

static void commit(struct us_dbc *c)
{
	struct us_err err = US_ERR_INIT;

	assert_ok(us_db_commit(c, &err));
	us_db_release(c);
}

static const struct us_json *parse(struct us_arena *arena, const char *text)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	assert_ok(us_json_parse(arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err));
	return doc;
}

#define CONFIGURATION(quiet) "{\"token\":\"0123456789012345678901234567890123456789\",\"cleanup\":\"delete\",\"quietSeconds\":" quiet ",\"latestSeconds\":3600}"

static void save(struct world *w, const char *configuration, bool is_enabled)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_dbc *c = begin(w);

	assert_ok(us_connector_save(w->store, c, K, US_SLICE_NONE, parse(&arena, configuration), is_enabled, 1000, &err));
	commit(c);
	us_arena_fini(&arena);
}

static int setup(void **state)
{
	struct world *w = us_calloc(1, sizeof *w);
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	int64_t id;

	now.failures = 0;
	now.on_read = NULL;
	now.world = w;
	assert_ok(us_secret_init(&err));
	temp_make(&w->temp);
	w->retry_ms = 5;
	start(w);
	struct us_dbc *c = begin(w);
	assert_ok(us_connector_create(w->store, c, US_SLICE("idp"), US_SLICE("flaky"), parse(&arena, CONFIGURATION("0")), true, 1000, &id, &err));
	commit(c);
	us_arena_fini(&arena);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stop(w);
	temp_remove(&w->temp);
	free(w);
	return 0;
}

/* ---- pushing and looking ---- */

static void put(struct us_dbc *c, unsigned n)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const char *name = us_arena_printf(&arena, "u%u", n);
	const struct us_pushed p = { .name = us_slice(name), .ext_id = us_slice(name),
		.document = us_slice(us_arena_printf(&arena, "{\"userName\":\"%s\"}", name)) };

	assert_ok(us_pushed_put(c, &arena, K, &p, 1000, NULL, &err));
	assert_ok(us_pushed_note_accepted(c, K, 1000, &err));
	us_arena_fini(&arena);
}

/* Without a word to the thread: as if the server had died in between. */
static void push_silently(struct world *w, unsigned n)
{
	struct us_dbc *c = begin(w);

	put(c, n);
	commit(c);
}

static void push(struct world *w, unsigned n)
{
	push_silently(w, n);
	us_pushes_note(w->pushes, K);
}

static void push_deletion(struct world *w, uint32_t number)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = begin(w);

	assert_ok(us_pushed_delete(c, K, false, number, 1000, &err));
	commit(c);
	us_pushes_note(w->pushes, K);
}

struct seen {
	size_t n_runs, n_ended;
	enum us_run_status last;
	int64_t last_run, n_users;
	enum us_pushed_owed owed;
};

static struct seen look(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_directory d;
	struct us_run *runs;
	struct us_dbc *c;
	struct seen seen = { 0 };

	assert_ok(us_db_lease_reader(w->store->db, &c, &err));
	assert_ok(us_db_begin(c, &err));
	assert_ok(us_run_list(c, &arena, K, 0, 1000, &runs, &seen.n_runs, &err));
	assert_ok(us_directory_load(c, &arena, 1, &d, &err));
	assert_ok(us_pushed_load_owed(c, K, &seen.owed, &err));
	us_db_release(c);
	for (size_t i = 0; i < seen.n_runs; i++)
		seen.n_ended += runs[i].status != US_RUN_SCHEDULED && runs[i].status != US_RUN_RUNNING;
	if (seen.n_runs) {
		seen.last = runs[0].status;
		seen.last_run = runs[0].id;
	}
	seen.n_users = d.n_users;
	us_arena_fini(&arena);
	return seen;
}

/* Waits until so many runs have ended and nothing more is going on. */
static struct seen wait_for_runs(struct world *w, size_t n)
{
	int64_t until_ms = us_clock_monotonic_ms() + WAIT_MS;

	for (;;) {
		struct seen seen = look(w);
		if (seen.n_ended >= n && seen.n_ended == seen.n_runs)
			return seen;
		if (us_clock_monotonic_ms() > until_ms)
			fail_msg("%zu of %zu runs have ended, not %zu", seen.n_ended, seen.n_runs, n);
		usleep(1000);
	}
}

static struct seen wait_for_users(struct world *w, int64_t n)
{
	int64_t until_ms = us_clock_monotonic_ms() + WAIT_MS;

	for (;;) {
		struct seen seen = look(w);
		if (seen.n_users == n && seen.owed == US_PUSHED_NOTHING)
			return seen;
		if (us_clock_monotonic_ms() > until_ms)
			fail_msg("%lld users are there, not %lld", (long long) seen.n_users, (long long) n);
		usleep(1000);
	}
}

/* ---- what must hold ---- */

static void a_push_is_followed_by_a_run_and_a_second_one_by_a_second(void **state)
{
	struct world *w = *state;

	push(w, 1);
	struct seen seen = wait_for_users(w, 1);
	assert_int_equal(seen.n_runs, 1);
	assert_int_equal(seen.last, US_RUN_DONE);
	push(w, 2);
	assert_int_equal(wait_for_users(w, 2).n_runs, 2);
}

static void a_run_that_fails_is_tried_again_without_a_push(void **state)
{
	struct world *w = *state;

	now.failures = 3;
	push(w, 1);
	struct seen seen = wait_for_users(w, 1);
	assert_int_equal(seen.n_runs, 4);
	assert_int_equal(seen.last, US_RUN_DONE);
	/* a later one waits from the beginning again, and what went well is not repeated */
	now.failures = 1;
	push(w, 2);
	assert_int_equal(wait_for_users(w, 2).n_runs, 6);
}

static void push_two(struct world *w) { push(w, 2); }

static void what_is_pushed_while_a_run_reads_is_planned_by_the_next(void **state)
{
	struct world *w = *state;

	now.on_read = push_two;
	push(w, 1);
	struct seen seen = wait_for_users(w, 2);
	assert_int_equal(seen.n_runs, 2);
	/* also where the one that was going on fails */
	now.failures = 1;
	now.on_read = NULL;
	push(w, 3);
	assert_int_equal(wait_for_users(w, 3).n_runs, 4);
}

static void pushes_in_a_row_are_few_runs(void **state)
{
	struct world *w = *state;

	save(w, CONFIGURATION("1"), true);
	for (unsigned i = 0; i < 50; i++)
		push(w, i);
	assert_in_range(wait_for_users(w, 50).n_runs, 1, 2);
}

static void a_run_that_is_held_waits_for_its_decision_and_a_push_plans_again(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_job_who me = { US_SLICE("tester"), US_TRIGGER_API };
	int64_t run;

	save(w, CONFIGURATION("1"), true);
	for (unsigned i = 1; i <= 30; i++)
		push(w, i);
	size_t n = wait_for_users(w, 30).n_runs;
	for (uint32_t i = 1; i <= 25; i++)
		push_deletion(w, i);
	struct seen seen = wait_for_runs(w, n + 1);
	assert_int_equal(seen.last, US_RUN_HELD);
	assert_int_equal(seen.owed, US_PUSHED_NOTHING);
	/* nor does a connector that is saved, or a server that begins, start another */
	us_pushes_reload(w->pushes, K);
	stop(w);
	start(w);
	assert_int_equal(look(w).n_runs, seen.n_runs);
	assert_ok(us_job_reject(w->job, seen.last_run, me, &run, &err));
	assert_int_equal(look(w).owed, US_PUSHED_NOTHING);
	push(w, 31);
	seen = wait_for_runs(w, seen.n_runs + 1);
	assert_int_equal(seen.last, US_RUN_HELD);
	assert_ok(us_job_approve(w->job, seen.last_run, me, &run, &err));
	wait_for_users(w, 6);
}

static void cancel(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	int64_t run;

	assert_ok(us_job_cancel(w->job, US_SLICE("1"), &run, &err));
}

static void a_run_that_is_cancelled_is_not_forced_upon_who_cancelled_it(void **state)
{
	struct world *w = *state;

	now.on_read = cancel;
	push(w, 1);
	struct seen seen = wait_for_runs(w, 1);
	assert_int_equal(seen.last, US_RUN_CANCELLED);
	assert_int_equal(seen.owed, US_PUSHED_STOPPED);
	stop(w);
	assert_null(now.on_read);
	start(w);
	assert_int_equal(wait_for_users(w, 1).n_runs, 2);
	now.on_read = cancel;
	push(w, 2);
	seen = wait_for_runs(w, 3);
	assert_int_equal(seen.last, US_RUN_CANCELLED);
	us_pushes_reload(w->pushes, K);
	assert_int_equal(wait_for_users(w, 2).n_runs, 4);
}

static void what_is_owed_outlives_the_server(void **state)
{
	struct world *w = *state;

	push_silently(w, 1);
	assert_int_equal(look(w).owed, US_PUSHED_NEW);
	stop(w);
	start(w);
	assert_int_equal(wait_for_users(w, 1).n_runs, 1);
	/* a run that has failed is tried again by the next server */
	now.failures = 1000;
	push(w, 2);
	wait_for_runs(w, 2);
	stop(w);
	now.failures = 0;
	start(w);
	wait_for_users(w, 2);
}

static void a_connector_that_is_switched_on_is_given_its_run(void **state)
{
	struct world *w = *state;

	save(w, CONFIGURATION("0"), false);
	push(w, 1);
	us_pushes_reload(w->pushes, K);
	stop(w);
	start(w);
	assert_int_equal(look(w).n_runs, 0);
	save(w, CONFIGURATION("0"), true);
	us_pushes_reload(w->pushes, K);
	assert_int_equal(wait_for_users(w, 1).n_runs, 1);
}

static void a_full_sync_by_hand_pays_what_was_owed(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_job_request full = { .connector = US_SLICE("1"), .kind = US_RUN_FULL };
	int64_t run;
	bool is_new;

	stop(w);
	w->retry_ms = WAIT_MS * 60;
	start(w);
	now.failures = 1;
	push(w, 1);
	struct seen seen = wait_for_runs(w, 1);
	assert_int_equal(seen.last, US_RUN_FAILED);
	assert_int_equal(seen.owed, US_PUSHED_FAILED);
	assert_ok(us_job_start(w->job, &full, &run, &is_new, &err));
	assert_int_equal(wait_for_users(w, 1).n_runs, 2);
	stop(w);
	start(w);
	assert_int_equal(look(w).n_runs, 2);
}

static void a_connector_that_is_deleted_is_forgotten(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;

	push(w, 1);
	wait_for_users(w, 1);
	struct us_dbc *c = begin(w);
	assert_ok(us_connector_delete(c, K, &err));
	commit(c);
	us_pushes_note(w->pushes, K);
	us_pushes_reload(w->pushes, 77);
}

static void *push_many(void *data)
{
	for (unsigned i = 0; i < 40; i++)
		push(data, i);
	return NULL;
}

static void *save_many(void *data)
{
	struct world *w = data;

	for (unsigned i = 0; i < 40; i++)
		us_pushes_reload(w->pushes, K);
	return NULL;
}

static void threads_push_while_runs_begin_and_end(void **state)
{
	struct world *w = *state;
	pthread_t threads[2];

	now.failures = 3;
	assert_int_equal(pthread_create(&threads[0], NULL, push_many, w), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, save_many, w), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	wait_for_users(w, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_push_is_followed_by_a_run_and_a_second_one_by_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_fails_is_tried_again_without_a_push, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_pushed_while_a_run_reads_is_planned_by_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(pushes_in_a_row_are_few_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_is_held_waits_for_its_decision_and_a_push_plans_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_is_cancelled_is_not_forced_upon_who_cancelled_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_owed_outlives_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(a_connector_that_is_switched_on_is_given_its_run, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_sync_by_hand_pays_what_was_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_connector_that_is_deleted_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_push_while_runs_begin_and_end, setup, teardown),
	};

	flaky = us_source_scim;
	flaky.type.name = "flaky";
	flaky.open = flaky_open;
	flaky.fetch = flaky_fetch;
	flaky.changes = flaky_changes;
	us_source_register(&flaky);
	return cmocka_run_group_tests_name("pushes", tests, NULL, NULL);
}
