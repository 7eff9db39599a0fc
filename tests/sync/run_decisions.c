/* Approves, applies and undoes the plan of a case through the queue, with each statement of the store failing once, from the request to the
 * run's end. Prints TAP.
 *
 *     run_decisions CASE…        each HELD, and with a section `approved`
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job.h"
#include "sync/case_world.h"

enum { WAIT_MS = 60000 };

static const struct us_job_who me = { { "test", 4 }, US_TRIGGER_API };

struct stage {
	struct world world;
	struct us_job *job;
};

static void open_stage(struct stage *s, const struct sync_case *c)
{
	struct us_err err = US_ERR_INIT;

	open_world(&s->world, c);
	case_source_set(c, 0, (struct case_fault) { 0 });
	if (us_job_open(&(struct us_job_conf) { .store = s->world.store, .n_workers = 1 }, &s->job, &err))
		die("job", &err);
}

static void close_stage(struct stage *s)
{
	us_job_close(s->job);
	close_world(&s->world);
}

static enum us_run_status status_of(struct stage *s, int64_t id)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_run run;
	struct us_dbc *c;

	if (us_db_lease_reader(s->world.store->db, &c, &err) || us_run_load(c, &arena, id, &run, &err))
		die("run", &err);
	us_db_release(c);
	us_arena_fini(&arena);
	return run.status;
}

/* Of a run that is over; the end that the store refused at first is written by a worker soon. */
static enum us_run_status wait_for(struct stage *s, int64_t id)
{
	int64_t deadline_ms = us_clock_monotonic_ms() + WAIT_MS;
	struct us_err err = US_ERR_INIT;
	enum us_run_status status;

	if (us_job_wait(s->job, id, deadline_ms, &err))
		die("wait", &err);
	while ((status = status_of(s, id)) == US_RUN_SCHEDULED || status == US_RUN_RUNNING) {
		nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
		if (us_clock_monotonic_ms() > deadline_ms)
			die("the end of a run is never written", &err);
	}
	return status;
}

static int64_t start(struct stage *s, enum us_run_kind kind, enum us_run_status want)
{
	struct us_job_request request = { .connector = US_SLICE("1"), .kind = kind, .who = me };
	struct us_err err = US_ERR_INIT;
	int64_t run = 0;
	bool is_new = false;

	if (us_job_start(s->job, &request, &run, &is_new, &err) || !is_new)
		die("the connector is not free", &err);
	enum us_run_status status = wait_for(s, run);
	if (status != want)
		complain("run %lld is %s, not %s", (long long) run, us_run_status_text(status), us_run_status_text(want));
	return run;
}

static int64_t hold(struct stage *s) { return start(s, US_RUN_FULL, US_RUN_HELD); }
static int64_t simulate(struct stage *s) { return start(s, US_RUN_SIMULATION, US_RUN_DONE); }

static int64_t write(struct stage *s)
{
	struct us_err err = US_ERR_INIT;
	int64_t run = hold(s), same;

	if (us_job_approve(s->job, run, me, &same, &err))
		die("approve", &err);
	if (wait_for(s, run) != US_RUN_DONE)
		complain("approved, run %lld is not DONE", (long long) run);
	return run;
}

typedef enum us_errc decide_fn(struct us_job *job, int64_t run, struct us_job_who who, int64_t *ret_run, struct us_err *err);

static const struct kind {
	const char *name;
	int64_t (*prepare)(struct stage *s); /* the run that is decided on */
	decide_fn *decide;
	bool is_forth; /* from before to approved; otherwise back */
} kinds[] = {
	{ "approve", hold, us_job_approve, true },
	{ "apply", simulate, us_job_apply, true },
	{ "undo", write, us_job_undo, false },
};

/* Decides until it is done: a run that failed is another try; a plan that failed with its approval is made again. */
static void finish(struct stage *s, const struct kind *kind, int64_t plan)
{
	struct us_err err = US_ERR_INIT;
	int64_t run;
	bool is_plan_gone = kind->decide == us_job_approve && status_of(s, plan) != US_RUN_HELD;

	if (kind->decide(s->job, is_plan_gone ? hold(s) : plan, me, &run, &err))
		complain("decided again: %s", err.text);
	else if (wait_for(s, run) == US_RUN_HELD && kind->decide == us_job_undo)
		complain("the undo is held: the case is too large for its own limits");
	else if (status_of(s, run) != US_RUN_DONE)
		complain("decided again, run %lld is %s", (long long) run, us_run_status_text(status_of(s, run)));
}

/* False: there were fewer statements. */
static bool with_fault(const struct sync_case *c, const struct kind *kind, int64_t at)
{
	const struct case_lines *from = kind->is_forth ? &c->before : &c->approved, *to = kind->is_forth ? &c->approved : &c->before;
	struct us_err err = US_ERR_INIT;
	struct stage s;
	int64_t run;

	open_stage(&s, c);
	int64_t plan = kind->prepare(&s), statements = us_db_statements(s.world.store->db);
	us_db_fail_at(s.world.store->db, at, US_UNAVAILABLE);
	enum us_errc rc = kind->decide(s.job, plan, me, &run, &err);
	if (rc == US_OK && us_job_wait(s.job, run, us_clock_monotonic_ms() + WAIT_MS, &err))
		die("wait", &err);
	us_db_fail_at(s.world.store->db, 0, US_OK);
	bool was_hit = us_db_statements(s.world.store->db) - statements >= at;
	bool is_done = rc == US_OK && wait_for(&s, run) == US_RUN_DONE;
	expect_directory(&s.world, is_done ? to : from, "after the fault");
	if (!was_hit && !is_done)
		complain("without a fault the run is not DONE");
	if (!is_done)
		finish(&s, kind, plan);
	expect_directory(&s.world, to, "at the end");
	start(&s, US_RUN_SIMULATION, US_RUN_DONE); /* the connector is free */
	if (why.n)
		complain("statement %lld had failed", (long long) at);
	close_stage(&s);
	return was_hit;
}

int main(int argc, char **argv)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	int n_tests = 0, n_failed = 0;

	if (us_secret_init(&err))
		die("sodium", &err);
	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&case_source_ops);
	for (int i = 1; i < argc; i++) {
		struct sync_case c;
		case_load(&arena, argv[i], &c);
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
			int64_t at = 1;
			while (with_fault(&c, &kinds[k], at) && !why.n)
				at++;
			if (at < 10)
				complain("only %lld statements were made", (long long) at);
			n_tests++;
			n_failed += why.n > 0;
			printf("%s %d - %s, %s with each statement failing\n%s", why.n ? "not ok" : "ok", n_tests, c.name, kinds[k].name, us_str_text(&why));
			us_str_clear(&why);
		}
	}
	us_arena_fini(&arena);
	us_str_fini(&why);
	printf("1..%d\n", n_tests);
	return n_failed || !n_tests ? 1 : 0;
}
