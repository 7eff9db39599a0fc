/* Whole runs through the queue, from a source of the test's own: what happens between a plan and its end. */
#include "temp.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job.h"
#include "model/sync_options.h"
#include "source/source.h"
#include "store/connector.h"
#include "store/cursor.h"
#include "store/directory.h"
#include "store/object.h"

#define assert_ok(call)                                                                                      \
	do {                                                                                                     \
		enum us_errc rc_ = (call);                                                                           \
		if (rc_ != US_OK)                                                                                    \
			fail_msg("%s: %s: %s", #call, us_err_name(rc_), err.text);                                       \
	} while (0)

enum { MANY = 40 };

struct person {
	const char *id, *name;
};

struct world {
	struct temp temp;
	struct us_store *store;
	struct us_job *job;
};

/* ---- the source: what it lists now ---- */

static struct {
	struct person people[MANY];
	size_t n;
	bool is_cut;                      /* says PARTIAL behind the first page */
	void (*on_fetch)(struct world *); /* called once, while a page is asked for */
	enum us_authentication verdict;   /* of any password */
	enum us_errc trouble;             /* instead of a verdict */
	int asked;                        /* for a password */
	size_t inactive;                  /* number of somebody who is; 0: nobody */
	struct world *world;
} now;

static enum us_errc people_open(
	const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err);

static void people_close(struct us_source *source) { free(source); }

static enum us_errc people_test(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	return US_OK;
}

static const struct us_listing *people_listings(struct us_source *source, size_t *ret_n)
{
	static const struct us_listing listings[] = { { "users", US_RECORD_USER } };

	*ret_n = 1;
	return listings;
}

static struct us_record record_of(size_t i, struct us_arena *arena)
{
	struct us_slice *value = us_arena_alloc(arena, sizeof *value);
	struct us_field *field = us_arena_alloc(arena, sizeof *field);

	*value = us_slice(now.people[i].name);
	*field = (struct us_field) { US_SLICE("username"), value, 1 };
	return (struct us_record) { .kind = US_RECORD_USER,
		.id = us_slice(now.people[i].id),
		.active = i && i == now.inactive ? US_TRI_NO : US_TRI_YES,
		.fields = field,
		.n_fields = 1 };
}

static enum us_errc people_fetch(struct us_source *source, size_t listing, struct us_slice cursor,
	struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	void (*on_fetch)(struct world *) = now.on_fetch;
	struct us_record *records = us_arena_array(arena, MANY, sizeof *records);

	now.on_fetch = NULL;
	if (on_fetch)
		on_fetch(now.world);
	if (cursor.p)
		return us_err_set(err, US_PARTIAL, "the test cuts here");
	for (size_t i = 0; i < now.n; i++)
		records[i] = record_of(i, arena);
	*ret_page = (struct us_page) { .records = records,
		.n = now.n,
		.rows = (int64_t)now.n,
		.announced = -1,
		.end = !now.is_cut,
		.signal = "all",
		.next = now.is_cut ? US_SLICE("more") : US_SLICE_NONE };
	return US_OK;
}

static enum us_errc people_find(struct us_source *source, struct us_slice key, bool is_id,
	struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	struct us_record *record = us_arena_alloc(arena, sizeof *record);

	for (size_t i = 0; i < now.n; i++)
		if (us_slice_is(key, is_id ? now.people[i].id : now.people[i].name)) {
			*record = record_of(i, arena);
			*ret_page = (struct us_page) { .records = record, .n = 1, .rows = 1, .announced = -1, .end = true, .signal = "all" };
			return US_OK;
		}
	return us_err_set(err, US_NOT_FOUND, "nobody");
}

static enum us_errc people_authenticate(struct us_source *source, struct us_slice id, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	assert_true(us_slice_is(id, "id1") && password.n);
	now.asked++;
	if (now.trouble)
		return us_err_set(err, now.trouble, "trouble");
	*ret_authentication = now.verdict;
	return US_OK;
}

static const struct us_option options[] = {
	{ "filter", US_OPTION_STRING, "Filter", "Who is read.", .scope = true },
	{ NULL },
};

static const struct us_source_ops people_ops = {
	.type = { .name = "people", .title = "People", .help = "Of the test.", .options = options },
	.open = people_open,
	.close = people_close,
	.test = people_test,
	.listings = people_listings,
	.fetch = people_fetch,
	.find = people_find,
	.authenticate = people_authenticate,
};

static enum us_errc people_open(
	const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	*ret_source = us_calloc(1, sizeof **ret_source);
	(*ret_source)->ops = &people_ops;
	return US_OK;
}

/* n people u0, u1, …; the first of them may be called differently. */
static void list_people(size_t n, const char *first)
{
	static char ids[MANY][8], names[MANY][8];

	now.n = n;
	for (size_t i = 0; i < n; i++) {
		snprintf(ids[i], sizeof ids[i], "id%zu", i);
		snprintf(names[i], sizeof names[i], "u%zu", i);
		now.people[i] = (struct person) { ids[i], i == 0 && first ? first : names[i] };
	}
}

/* ---- the server's part ---- */

static void start(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_secret_key key = { { 1 } };

	assert_ok(us_store_open(w->temp.dsn, &key, us_source_types(), us_sync_options, &w->store, NULL, &err));
	assert_ok(us_job_open(&(struct us_job_conf) { .store = w->store, .n_workers = 1 }, &w->job, &err));
}

static void stop(struct world *w)
{
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

/* updated: when the settings were saved. */
static void save(struct world *w, const char *configuration, int64_t updated)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_dbc *c = begin(w);

	assert_ok(
		us_connector_save(w->store, c, 1, US_SLICE_NONE, parse(&arena, configuration), true, updated, &err));
	commit(c);
	us_arena_fini(&arena);
}

static int setup(void **state)
{
	struct world *w = us_calloc(1, sizeof *w);
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	int64_t id;

	assert_ok(us_secret_init(&err));
	temp_make(&w->temp);
	memset(&now, 0, sizeof now);
	now.world = w;
	start(w);
	struct us_dbc *c = begin(w);
	assert_ok(us_connector_create(w->store, c, US_SLICE("hr"), US_SLICE("people"),
		parse(&arena, "{\"cleanup\":\"delete\",\"filter\":\"all\"}"), true, 1000, &id, &err));
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

static struct us_run load(struct world *w, struct us_arena *arena, int64_t id)
{
	struct us_err err = US_ERR_INIT;
	struct us_run run = { 0 };
	struct us_dbc *c;

	assert_ok(us_db_lease_reader(w->store->db, &c, &err));
	assert_ok(us_run_load(c, arena, id, &run, &err));
	us_db_release(c);
	return run;
}

static enum us_run_status wait(struct world *w, int64_t run)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;

	assert_ok(us_job_wait(w->job, run, us_clock_monotonic_ms() + 60000, &err));
	enum us_run_status status = load(w, &arena, run).status;
	us_arena_fini(&arena);
	return status;
}

static const struct us_job_who me = { { "tester", 6 }, US_TRIGGER_API };
static const struct us_job_request full = { .connector = { "1", 1 }, .kind = US_RUN_FULL };

static enum us_run_status run_full(struct world *w, int64_t *ret_run)
{
	struct us_err err = US_ERR_INIT;
	bool is_new;

	assert_ok(us_job_start(w->job, &full, ret_run, &is_new, &err));
	assert_true(is_new);
	return wait(w, *ret_run);
}

/* "name name …" in order */
static void expect_names(struct world *w, const char *names)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_listed *list;
	struct us_dbc *c;
	size_t n;

	assert_ok(us_db_lease_reader(w->store->db, &c, &err));
	assert_ok(us_object_list_users(c, &arena, 1, US_SLICE_NONE, US_SLICE_NONE, 1000, &list, &n, &err));
	us_db_release(c);
	for (size_t i = 0; i < n; i++)
		us_str_printf(&text, "%s" US_SLICE_FMT, i ? " " : "", US_SLICE_ARG(list[i].user.user.name));
	assert_string_equal(us_str_text(&text), names);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static int64_t count_users(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_directory d;
	struct us_dbc *c;

	assert_ok(us_db_lease_reader(w->store->db, &c, &err));
	assert_ok(us_directory_load(c, &arena, 1, &d, &err));
	us_db_release(c);
	us_arena_fini(&arena);
	return d.n_users;
}

/* ---- what must hold ---- */

/* As an older version left it: it kept no word of the settings. */
static void forget_settings_of(struct world *w, int64_t run)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	assert_ok(us_db_begin_write(w->store->db, &c, &err));
	assert_ok(us_cursor_save_pending(c, run, US_SLICE_NONE, US_SLICE_NONE, &err));
	assert_ok(us_db_end_write(c, US_OK, &err));
}

static void approval_of_an_old_plan_does_not_vouch_for_settings_saved_since(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	int64_t run, held;

	list_people(12, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(3, NULL);
	assert_int_equal(run_full(w, &held), US_RUN_HELD);
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"few\"}", us_clock_wall_s());
	forget_settings_of(w, held);
	assert_ok(us_job_approve(w->job, held, me, &run, &err));
	assert_int_equal(wait(w, held), US_RUN_DONE);
	assert_int_equal(count_users(w), 3);
	/* the new filter has never been looked at: its first cleanup, however small, is held */
	list_people(2, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_HELD);
	assert_int_equal(count_users(w), 3);
}

static void approval_vouches_for_the_settings_of_now_if_they_are_those_of_then(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	int64_t run, held;

	list_people(12, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"few\"}", us_clock_wall_s());
	list_people(11, NULL);
	assert_int_equal(run_full(w, &held), US_RUN_HELD);
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"few\",\"limits\":{\"users\":{\"floor\":5}}}", us_clock_wall_s() + 1);
	assert_ok(us_job_approve(w->job, held, me, &run, &err));
	assert_int_equal(wait(w, held), US_RUN_DONE);
	list_people(10, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	assert_int_equal(count_users(w), 10);
}

static int64_t waiting; /* for approval */

/* From inside the run of another connector: the approved one has to wait for the only worker. */
static void approve_and_save(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	int64_t run;

	assert_ok(us_job_approve(w->job, waiting, me, &run, &err));
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"few\"}", us_clock_wall_s());
}

static void settings_saved_between_approval_and_its_turn_stop_it(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_job_request other = full;
	int64_t run, id;
	bool is_new;
	struct us_dbc *c = begin(w);

	assert_ok(us_connector_create(w->store, c, US_SLICE("it"), US_SLICE("people"), parse(&arena, "{}"), true, 1000, &id, &err));
	commit(c);
	list_people(12, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(1, NULL);
	assert_int_equal(run_full(w, &waiting), US_RUN_HELD);
	now.on_fetch = approve_and_save;
	other.connector = US_SLICE("2");
	assert_ok(us_job_start(w->job, &other, &run, &is_new, &err));
	assert_int_equal(wait(w, run), US_RUN_DONE);
	assert_int_equal(wait(w, waiting), US_RUN_FAILED);
	struct us_run r = load(w, &arena, waiting);
	assert_non_null(memmem(r.messages.p, r.messages.n, "the configuration has changed since", 35));
	/* eleven of the twelve would be gone */
	assert_int_equal(count_users(w), 12);
	us_arena_fini(&arena);
}

static void approval_of_a_partial_read_is_no_success(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	int64_t run, held;

	save(w, "{\"cleanup\":\"delete\",\"limits\":{\"users\":{\"floor\":0,\"percent\":0}}}", 1000);
	list_people(5, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(5, "anna");
	now.is_cut = true;
	assert_int_equal(run_full(w, &held), US_RUN_HELD);
	assert_ok(us_job_approve(w->job, held, me, &run, &err));
	assert_int_equal(wait(w, held), US_RUN_FAILED);
	expect_names(w, "anna u1 u2 u3 u4");
}

static void delete_connector(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = begin(w);

	assert_ok(us_connector_delete(c, 1, &err));
	commit(c);
}

static void delete_directory(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c = begin(w);

	assert_ok(us_directory_delete(c, 1, &err));
	commit(c);
}

static void connector_deleted_while_running_writes_nothing(void **state)
{
	struct world *w = *state;
	int64_t run;

	list_people(4, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(3, "anna");
	now.on_fetch = delete_connector;
	assert_int_equal(run_full(w, &run), US_RUN_FAILED);
	expect_names(w, "u0 u1 u2 u3");
}

static void directory_deleted_while_running_fails_the_run(void **state)
{
	struct world *w = *state;
	int64_t run;

	list_people(4, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(3, "anna");
	now.on_fetch = delete_directory;
	assert_int_equal(run_full(w, &run), US_RUN_FAILED);
}

static void undo_leaves_names_that_others_have_by_now(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	int64_t run, renamed, undo;

	/* u0 becomes anna, u1 takes u0, u2 goes; then a newcomer takes the freed u1, another one u2. */
	list_people(5, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	now.people[0].name = "anna";
	now.people[1].name = "u0";
	now.people[2] = (struct person) { "id9", "zoe" };
	assert_int_equal(run_full(w, &renamed), US_RUN_DONE);
	now.people[now.n++] = (struct person) { "id7", "u1" };
	now.people[now.n++] = (struct person) { "id8", "U2" };
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	assert_ok(us_job_undo(w->job, renamed, me, &undo, &err));
	assert_int_equal(wait(w, undo), US_RUN_DONE);
	/* u1 is taken, so the second user stays u0, so the first stays anna, and the deleted one cannot come
	 * back; zoe goes */
	expect_names(w, "anna u0 u1 U2 u3 u4");
	struct us_run r = load(w, &arena, undo);
	assert_int_equal(r.report.users[US_OUTCOME_FAILED], 3);
	assert_int_equal(r.report.users[US_OUTCOME_DELETED], 1);
	us_arena_fini(&arena);
}

static void undo_does_not_bring_back_who_is_there_again(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	int64_t run, gone, undo;

	list_people(3, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	now.n = 2;
	assert_int_equal(run_full(w, &gone), US_RUN_DONE);
	now.people[2].name = "bert";
	now.n = 3;
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	assert_ok(us_job_undo(w->job, gone, me, &undo, &err));
	assert_int_equal(wait(w, undo), US_RUN_DONE);
	expect_names(w, "bert u0 u1");
}

/* Invariant A, and the connector is free again: every statement from the request to the end of the run fails
 * once. */
static void any_failing_statement_leaves_the_connector_free(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	int64_t run;
	bool is_new, was_hit = true;

	for (int k = 1; was_hit; k++) {
		list_people(4, k % 2 ? "anna" : NULL);
		int64_t before = us_db_statements(w->store->db);
		us_db_fail_at(w->store->db, k, US_UNAVAILABLE);
		enum us_errc rc = us_job_start(w->job, &full, &run, &is_new, &err);
		if (rc == US_OK)
			assert_ok(us_job_wait(w->job, run, us_clock_monotonic_ms() + 60000, &err));
		us_db_fail_at(w->store->db, 0, US_OK);
		was_hit = us_db_statements(w->store->db) - before >= k;
		if (run_full(w, &run) != US_RUN_DONE)
			fail_msg("after statement %d had failed", k);
		expect_names(w, k % 2 ? "anna u1 u2 u3" : "u0 u1 u2 u3");
	}
}

static sem_t is_open; /* w->job is the one whose worker this is */

static void hold_worker(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	int64_t run;

	sem_wait(&is_open);
	sem_post(&is_open);

	/* from inside the run of connector 1: the queued run of the other cannot be cancelled at once, and is
	 * cancelled all the same */
	us_db_fail_at(w->store->db, 3, US_UNAVAILABLE);
	assert_int_equal(us_job_cancel(w->job, US_SLICE("2"), &run, &err), US_UNAVAILABLE);
	us_db_fail_at(w->store->db, 0, US_OK);
}

static void cancel_that_cannot_be_written_is_not_forgotten(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_job_request other = full;
	int64_t id, first, second, run;
	bool is_new;
	struct us_dbc *c = begin(w);

	assert_ok(us_connector_create(
		w->store, c, US_SLICE("it"), US_SLICE("people"), parse(&arena, "{}"), true, 1000, &id, &err));
	commit(c);
	other.connector = US_SLICE("2");
	list_people(3, NULL);
	now.on_fetch = hold_worker;
	/* Rows of the store only: the next start takes both up, in their order. */
	c = begin(w);
	struct us_run rows[2] = {
		{ .connector = 1, .connector_uuid = US_SLICE("x"), .directory = 1, .kind = US_RUN_FULL },
		{ .connector = 2, .connector_uuid = US_SLICE("y"), .directory = 2, .kind = US_RUN_FULL }
	};
	assert_ok(us_run_create(c, &rows[0], 1000, &first, &err));
	assert_ok(us_run_create(c, &rows[1], 1000, &second, &err));
	commit(c);
	us_job_close(w->job);
	sem_init(&is_open, 0, 0);
	assert_ok(us_job_open(&(struct us_job_conf) { .store = w->store, .n_workers = 1 }, &w->job, &err));
	sem_post(&is_open);
	assert_int_equal(wait(w, first), US_RUN_DONE);
	assert_int_equal(wait(w, second), US_RUN_CANCELLED);
	other.kind = US_RUN_FULL;
	assert_ok(us_job_start(w->job, &other, &run, &is_new, &err));
	assert_true(is_new);
	assert_int_equal(wait(w, run), US_RUN_DONE);
	us_arena_fini(&arena);
}

struct approver {
	struct world *w;
	int64_t run;
	enum us_errc rc;
};

static void *approve(void *data)
{
	struct approver *a = data;
	struct us_err err = US_ERR_INIT;
	int64_t run;

	a->rc = us_job_approve(a->w->job, a->run, me, &run, &err);
	return NULL;
}

static void approve_twice_at_once_applies_once(void **state)
{
	struct world *w = *state;
	int64_t run, held;
	pthread_t threads[4];
	struct approver all[4];
	int granted = 0;

	list_people(12, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(1, NULL);
	assert_int_equal(run_full(w, &held), US_RUN_HELD);
	for (int i = 0; i < 4; i++) {
		all[i] = (struct approver) { w, held, US_OK };
		assert_int_equal(pthread_create(&threads[i], NULL, approve, &all[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		granted += all[i].rc == US_OK;
		assert_true(all[i].rc == US_OK || all[i].rc == US_CONFLICT);
	}
	assert_int_equal(granted, 1);
	assert_int_equal(wait(w, held), US_RUN_DONE);
	assert_int_equal(count_users(w), 1);
}

static void approval_is_refused_once_the_directory_has_moved(void **state)
{
	struct world *w = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_job_request single = { .connector = { "1", 1 }, .kind = US_RUN_SINGLE, .key = US_SLICE("newname"), .who = me };
	int64_t run, held, again;
	bool is_new;

	list_people(12, NULL);
	assert_int_equal(run_full(w, &run), US_RUN_DONE);
	list_people(1, NULL);
	assert_int_equal(run_full(w, &held), US_RUN_HELD);
	list_people(1, "newname");
	assert_ok(us_job_start(w->job, &single, &run, &is_new, &err));
	assert_int_equal(wait(w, run), US_RUN_DONE);
	list_people(13, NULL);
	assert_int_equal(us_job_approve(w->job, held, me, &again, &err), US_CONFLICT);
	assert_int_not_equal(again, held);
	assert_int_equal(wait(w, again), US_RUN_DONE);
	assert_int_equal(count_users(w), 13);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void sync_all(struct world *w)
{
	int64_t run;

	assert_int_equal(run_full(w, &run), US_RUN_DONE);
}

static enum us_authentication authenticate(struct world *w, const char *name, const char *password)
{
	struct us_err err = US_ERR_INIT;
	enum us_authentication a = US_AUTH_COUNT;

	assert_ok(us_job_authenticate(w->job, 1, us_slice(name), us_slice(password), &a, &err));
	return a;
}

static void passwords_of_synced_users_are_asked_for_where_it_is_allowed(void **state)
{
	static const enum us_authentication verdicts[] = { US_AUTH_WRONG, US_AUTH_UNKNOWN, US_AUTH_INACTIVE, US_AUTH_EXPIRED, US_AUTH_OK };
	static const enum us_errc troubles[] = { US_UNAVAILABLE, US_DENIED, US_TLS, US_TIMEOUT, US_PROTOCOL, US_CONFIG, US_CANCELLED, US_NOT_FOUND, US_PARTIAL };
	struct world *w = *state;

	list_people(3, NULL);
	sync_all(w);
	/* off unless it is switched on */
	assert_int_equal(authenticate(w, "u1", "secret"), US_AUTH_NOT_ALLOWED);
	assert_int_equal(now.asked, 0);
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"all\",\"delegateAuthentication\":true}", 2000);
	for (size_t i = 0; i < countof(verdicts); i++) {
		now.verdict = verdicts[i];
		assert_int_equal(authenticate(w, "U1", "secret"), verdicts[i]);
	}
	assert_int_equal(now.asked, countof(verdicts));
	/* no cache: the same again is asked again; trouble is no answer */
	for (size_t i = 0; i < countof(troubles); i++) {
		now.trouble = troubles[i];
		assert_int_equal(authenticate(w, "u1", "secret"), US_AUTH_UNREACHABLE);
	}
	/* nobody is asked for nothing, or for somebody who is not there */
	now.asked = 0;
	assert_int_equal(authenticate(w, "u1", ""), US_AUTH_WRONG);
	assert_int_equal(authenticate(w, "nobody", "secret"), US_AUTH_UNKNOWN);
	assert_int_equal(now.asked, 0);
}

static void right_passwords_are_remembered_as_long_as_is_allowed(void **state)
{
	struct world *w = *state;

	list_people(3, NULL);
	sync_all(w);
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"all\",\"delegateAuthentication\":true,\"authenticationCacheSeconds\":600}", 2000);
	now.verdict = US_AUTH_WRONG;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(authenticate(w, "u1", "guess"), US_AUTH_WRONG);
		assert_int_equal(now.asked, i); /* wrong ones are not remembered */
	}
	now.asked = 0;
	now.verdict = US_AUTH_OK;
	for (int i = 0; i < 3; i++)
		assert_int_equal(authenticate(w, "u1", "secret"), US_AUTH_OK);
	assert_int_equal(now.asked, 1);
	assert_int_equal(authenticate(w, "u1", "secret "), US_AUTH_OK);
	assert_int_equal(now.asked, 2); /* another password is another one */
	/* what was right before the settings were saved is asked for again */
	save(w, "{\"cleanup\":\"delete\",\"filter\":\"all\",\"delegateAuthentication\":true,\"authenticationCacheSeconds\":600}", 3000);
	assert_int_equal(authenticate(w, "u1", "secret"), US_AUTH_OK);
	assert_int_equal(now.asked, 3);
	/* and who has been disabled since is not let in by what is remembered */
	now.inactive = 1;
	sync_all(w);
	assert_int_equal(authenticate(w, "u1", "secret"), US_AUTH_INACTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(approval_of_an_old_plan_does_not_vouch_for_settings_saved_since),
		CASE(settings_saved_between_approval_and_its_turn_stop_it),
		CASE(approval_of_a_partial_read_is_no_success),
		CASE(approval_vouches_for_the_settings_of_now_if_they_are_those_of_then),
		CASE(approval_is_refused_once_the_directory_has_moved),
		CASE(approve_twice_at_once_applies_once),
		CASE(connector_deleted_while_running_writes_nothing),
		CASE(directory_deleted_while_running_fails_the_run),
		CASE(undo_leaves_names_that_others_have_by_now),
		CASE(passwords_of_synced_users_are_asked_for_where_it_is_allowed),
		CASE(right_passwords_are_remembered_as_long_as_is_allowed),
		CASE(undo_does_not_bring_back_who_is_there_again),
		CASE(any_failing_statement_leaves_the_connector_free),
		CASE(cancel_that_cannot_be_written_is_not_forgotten),
	};

	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&people_ops);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
