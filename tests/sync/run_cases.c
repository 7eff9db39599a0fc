/* Runs sync cases: each as given, again, shuffled, simulated and applied, undone, with each call of the source
 * failing in each way, and stopped at each statement of the store and resumed; held plans approved. Prints TAP.
 *
 *     run_cases [--quick] CASE…      --quick: without the faults, and only up to the first failure
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sync/case_world.h"

static int n_tests, n_failed;

static void report(const struct sync_case *c, const char *mode)
{
	n_tests++;
	n_failed += why.n > 0;
	printf("%s %d - %s, %s\n%s", why.n ? "not ok" : "ok", n_tests, c->name, mode, us_str_text(&why));
	us_str_clear(&why);
}

static void expect_plan(struct world *w, const struct case_lines *want, int64_t run)
{
	struct lines have;
	bool *met;

	dump_plan(w, run, &have);
	met = us_calloc(have.n + 1, 1);
	for (size_t i = 0; i < want->n; i++) {
		char *text = strndup(want->line[i].text.p, want->line[i].text.n), *tilde = strstr(text, " ~ ");
		const char *reason = tilde ? tilde + 3 : "";
		bool found = false;
		if (tilde)
			*tilde = '\0';
		for (size_t k = 0; k < have.n && !found; k++) {
			char *mine = strstr(have.line[k], " ~ ");
			size_t n = mine ? (size_t) (mine - have.line[k]) : strlen(have.line[k]);
			if (met[k] || n != strlen(text) || strncmp(have.line[k], text, n) || !strstr(mine ? mine + 3 : "", reason))
				continue;
			found = met[k] = true;
		}
		if (!found)
			complain("plan: missing: %s ~ %s", text, reason);
		free(text);
	}
	for (size_t k = 0; k < have.n; k++)
		if (!met[k])
			complain("plan: too much: %s", have.line[k]);
	free(met);
	free_lines(&have);
}

static enum us_run_kind kind_of(const struct sync_case *c) { return c->single.p ? US_RUN_SINGLE : c->is_delta ? US_RUN_DELTA : US_RUN_FULL; }

static void expect_run(struct world *w, int64_t id, bool is_simulation)
{
	const struct sync_case *c = w->c;
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_change *list;
	struct us_run run;
	struct us_dbc *db;
	size_t n;

	if (us_db_lease_reader(w->store->db, &db, &err) || us_run_load(db, &arena, id, &run, &err) ||
		us_run_list_changes(db, &arena, id, -1, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("run", &err);
	bool fails = us_slice_is(c->status, "FAILED");
	const char *want = is_simulation && !fails ? "DONE" : us_slice_dup(&arena, c->status).p;
	if (strcmp(us_run_status_text(run.status), want))
		complain("status is %s, not %s; messages " US_SLICE_FMT, us_run_status_text(run.status), want, US_SLICE_ARG(run.messages));
	if (c->rule.n) {
		char *rule = us_arena_printf(&arena, "\"rule\":\"" US_SLICE_FMT "\"", US_SLICE_ARG(c->rule));
		if (!run.held.p || !memmem(run.held.p, run.held.n, rule, strlen(rule)))
			complain("held is " US_SLICE_FMT ", not by " US_SLICE_FMT, US_SLICE_ARG(run.held), US_SLICE_ARG(c->rule));
	}
	for (size_t i = 0; i < c->messages.n; i++)
		if (!memmem(run.messages.p, run.messages.n, c->messages.line[i].text.p, c->messages.line[i].text.n))
			complain("no message holds \"" US_SLICE_FMT "\": " US_SLICE_FMT, US_SLICE_ARG(c->messages.line[i].text), US_SLICE_ARG(run.messages));
	for (size_t i = 0; i < c->no_messages.n; i++)
		if (memmem(run.messages.p, run.messages.n, c->no_messages.line[i].text.p, c->no_messages.line[i].text.n))
			complain("a message holds \"" US_SLICE_FMT "\": " US_SLICE_FMT, US_SLICE_ARG(c->no_messages.line[i].text), US_SLICE_ARG(run.messages));
	if (run.status == US_RUN_DONE && run.kind != US_RUN_SINGLE && (!run.certificate.p || !memmem(run.certificate.p, run.certificate.n, "\"whole\":true", 12)))
		complain("the run is DONE and has no certificate of a whole read: " US_SLICE_FMT, US_SLICE_ARG(run.certificate));
	if (n || run.n_changes)
		expect_sums(&run, list, n);
	/* What is held beside a run is counted there. */
	if (kind_of(c) == US_RUN_FULL && us_slice_is(c->type, "case") && run.status != US_RUN_FAILED && !(run.status == US_RUN_DONE && c->rule.n))
		expect_all_counted(c, &run.report);
	us_db_release(db);
	us_arena_fini(&arena);
}

static const struct case_fault no_fault;
static const struct case_lines *after_of(const struct sync_case *c) { return c->has_after ? &c->after : &c->before; }

/* What comes of all of it once it is decided. */
static const struct case_lines *end_of(const struct sync_case *c) { return c->has_approved ? &c->approved : after_of(c); }

static bool is_held(const char *row) { return strstr(row, " HELD ") || strncmp(row, "held ", 5) == 0; }

/* ---- the ways to run a case ---- */

static void as_given(const struct sync_case *c, unsigned seed, const char *mode)
{
	struct world w;
	int64_t run;
	enum us_run_status status;

	open_world(&w, c);
	expect_directory(&w, &c->before, "before");
	case_source_set(c, seed, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	expect_run(&w, run, false);
	expect_plan(&w, &c->plan, run);
	expect_directory(&w, after_of(c), "after");
	report(c, mode);
	close_world(&w);
}

/* Invariant P: planning again after applying gives nothing but what failed or is filtered. Where the run was held or failed, the same again. */
static void again(const struct sync_case *c)
{
	struct world w;
	int64_t run;
	enum us_run_status status, second;
	struct lines rows;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	execute(&w, kind_of(c), 0, &run, &second);
	if (second != status)
		complain("status is %s, then %s", us_run_status_text(status), us_run_status_text(second));
	if (status == US_RUN_DONE) {
		dump_plan(&w, run, &rows);
		for (size_t i = 0; i < rows.n; i++)
			if (!strstr(rows.line[i], " FAILED ") && !strstr(rows.line[i], " FILTERED ") && !is_held(rows.line[i]))
				complain("again: %s", rows.line[i]);
		free_lines(&rows);
	}
	expect_directory(&w, after_of(c), "after");
	report(c, "again");
	close_world(&w);
}

/* What a delta has not seen, a full sync would find. */
static void followed(const struct sync_case *c)
{
	struct world w;
	int64_t run;
	enum us_run_status status;
	struct lines rows;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, US_RUN_DELTA, 0, &run, &status);
	execute(&w, US_RUN_FULL, 0, &run, &status);
	if (status != US_RUN_DONE)
		complain("the full sync is %s", us_run_status_text(status));
	dump_plan(&w, run, &rows);
	for (size_t i = 0; i < rows.n; i++)
		if (!strstr(rows.line[i], " FAILED ") && !strstr(rows.line[i], " FILTERED "))
			complain("the full sync finds: %s", rows.line[i]);
	free_lines(&rows);
	expect_directory(&w, after_of(c), "after the full sync");
	report(c, "followed by a full sync");
	close_world(&w);
}

static void simulated(const struct sync_case *c)
{
	struct world w;
	int64_t run, applied;
	enum us_run_status status;
	bool is_done = us_slice_is(c->status, "DONE");

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, US_RUN_SIMULATION, 0, &run, &status);
	expect_run(&w, run, true);
	/* A simulation shows all that a run would do, in one. */
	if (!is_done || !c->has_approved)
		expect_plan(&w, &c->plan, run);
	expect_directory(&w, &c->before, "after the simulation");
	if (is_done) {
		execute(&w, US_RUN_APPLY, run, &applied, &status);
		if (status != US_RUN_DONE)
			complain("applying the simulated plan: %s", us_run_status_text(status));
		expect_directory(&w, end_of(c), "after the simulated plan was applied");
	}
	report(c, "simulated and applied");
	close_world(&w);
}

static void approved(const struct sync_case *c)
{
	struct world w;
	int64_t run, undo;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	bool is_part = status == US_RUN_DONE; /* its cleanup is held, as the next run */
	execute_approved(&w, run + is_part, &status);
	if (status != US_RUN_DONE)
		complain("approved, it is %s", us_run_status_text(status));
	expect_directory(&w, &c->approved, "approved");
	execute_undo(&w, run + is_part, &undo, &status);
	expect_directory(&w, after_of(c), "undone");
	if (is_part)
		execute_undo(&w, run, &undo, &status);
	expect_directory(&w, &c->before, "all undone");
	report(c, "approved and undone");
	close_world(&w);
}

static void undone(const struct sync_case *c)
{
	struct world w;
	int64_t run, undo;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	struct lines before, after;
	dump_images(&w, &before);
	execute(&w, kind_of(c), 0, &run, &status);
	execute_undo(&w, run, &undo, &status);
	if (status != US_RUN_DONE)
		complain("undo is %s", us_run_status_text(status));
	expect_directory(&w, &c->before, "after undo");
	dump_images(&w, &after);
	expect_lines("after undo, byte for byte", &before, &after);
	free_lines(&before);
	free_lines(&after);
	report(c, "undone");
	close_world(&w);
}

/* The full syncs of `later`, one after the other. */
static void execute_later(struct world *w, const struct sync_case *c)
{
	for (size_t from = 0, to; from < c->later.n; from = to + 1) {
		struct sync_case next = *c;
		int64_t run;
		enum us_run_status status;
		for (to = from; to < c->later.n && !us_slice_is(c->later.line[to].text, "==="); to++)
			;
		next.listing = (struct case_lines) { c->later.line + from, to - from };
		case_source_set(&next, 0, no_fault);
		execute(w, US_RUN_FULL, 0, &run, &status);
		if (status != US_RUN_DONE)
			complain("a later run is %s", us_run_status_text(status));
	}
}

static void undone_later(const struct sync_case *c)
{
	struct world w;
	int64_t run, undo;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	execute_later(&w, c);
	execute(&w, US_RUN_UNDO, run, &undo, &status);
	if (status == US_RUN_HELD)
		complain("undo is held");
	if (status != US_RUN_DONE)
		complain("undo is %s", us_run_status_text(status));
	expect_plan(&w, &c->undo, undo);
	expect_directory(&w, &c->undone, "after undo");
	report(c, "undone after later runs");
	close_world(&w);
}

/* What a driver may give at each call, and PARTIAL. NOT_FOUND is a fact, not a fault, and only find may say it. */
static const enum us_errc source_errors[] = { US_PARTIAL, US_UNAVAILABLE, US_DENIED, US_TLS, US_TIMEOUT, US_PROTOCOL, US_CONFIG, US_THROTTLED,
	US_CANCELLED };

/* Invariants L and C: whichever call fails, and however, the run is not DONE and takes nothing away from anybody. A fault before the first page
 * changes nothing at all. */
static void expect_no_cleanup(struct world *w, const struct case_fault *f, int64_t run, enum us_run_status status)
{
	static const char *const calls[] = { "open", "fetch", "find", "outline", "narrow", "mark", "changes" };
	enum us_run_status want = f->code == US_CANCELLED ? US_RUN_CANCELLED : US_RUN_FAILED;
	struct lines rows;

	/* What was read may already be enough for the guard to hold. */
	if (status != want && !(status == US_RUN_HELD && f->at > 1))
		complain("%s %d gives %s: the run is %s", calls[f->call], f->at, us_err_name(f->code), us_run_status_text(status));
	dump_plan(w, run, &rows);
	for (size_t i = 0; i < rows.n; i++)
		if (takes_away(rows.line[i]))
			complain("%s %d gives %s: %s", calls[f->call], f->at, us_err_name(f->code), rows.line[i]);
	if (rows.n && (f->call != CASE_FETCH || f->at == 1))
		complain("%s %d gives %s: there is a plan of %zu rows", calls[f->call], f->at, us_err_name(f->code), rows.n);
	free_lines(&rows);
}

static void with_fault(const struct sync_case *c, struct case_fault fault)
{
	struct world w;
	int64_t run;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, fault);
	execute(&w, kind_of(c), 0, &run, &status);
	if (case_source_calls(fault.call) < fault.at)
		complain("call %d of the source was not made %d times", fault.call, fault.at);
	/* A full sync does without a mark. */
	if (fault.call != CASE_MARK || fault.code == US_CANCELLED) {
		expect_no_cleanup(&w, &fault, run, status);
		if (fault.call != CASE_FETCH || fault.at == 1 || status != US_RUN_FAILED)
			expect_directory(&w, &c->before, "after the fault");
		case_source_set(c, 0, no_fault);
		execute(&w, kind_of(c), 0, &run, &status);
		if (us_slice_is(c->status, "DONE"))
			expect_directory(&w, after_of(c), "after the next whole read");
	}
	close_world(&w);
}

/* The source lists only who is in a required group: it ends the same. */
static bool is_cut_short(const struct sync_case *c)
{
	for (size_t i = 0; i < c->listing.n; i++)
		if (us_slice_is(c->listing.line[i].words[0], "partial") || us_slice_is(c->listing.line[i].words[0], "partial-groups"))
			return true;
	return false;
}

static void narrowed(const struct sync_case *c)
{
	struct world w;
	int64_t run;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	case_source_set_narrowing(true);
	execute(&w, kind_of(c), 0, &run, &status);
	case_source_set_narrowing(false);
	if (!us_slice_is(c->status, us_run_status_text(status)))
		complain("status is %s", us_run_status_text(status));
	expect_directory(&w, after_of(c), "after");
	report(c, "narrowed");
	close_world(&w);
}

static void faulty(const struct sync_case *c)
{
	struct world w;
	int64_t run;
	enum us_run_status status;
	int made[CASE_CALLS];

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	for (int call = 0; call < CASE_CALLS; call++)
		made[call] = case_source_calls(call);
	close_world(&w);
	for (int call = 0; call < CASE_CALLS; call++)
		for (size_t i = 0; i < sizeof source_errors / sizeof *source_errors; i++)
			for (int at = 1; at <= made[call] && !why.n; at++)
				with_fault(c, (struct case_fault) { call, at, source_errors[i] });
	report(c, "with each call of the source failing");
}

/* Invariant A: whichever statement fails, the directory is as before or as after, and the next run ends right. */
static void stopped(const struct sync_case *c)
{
	struct lines before, after;
	uint64_t seen = UINT64_MAX;

	dump_expected(&c->before, &before);
	dump_expected(after_of(c), &after);
	for (int64_t k = 1;; k++) {
		struct world w;
		struct lines have;
		uint64_t commits;
		int64_t run, statements;
		enum us_run_status status = US_RUN_FAILED; /* where there is no run */

		open_world(&w, c);
		case_source_set(c, 0, no_fault);
		statements = us_db_statements(w.store->db);
		commits = us_db_generation(w.store->db);
		us_db_fail_at(w.store->db, k, US_UNAVAILABLE);
		execute(&w, kind_of(c), 0, &run, &status);
		us_db_fail_at(w.store->db, 0, US_OK);
		bool was_hit = us_db_statements(w.store->db) - statements >= k;
		if (!was_hit) {
			close_world(&w);
			break;
		}
		dump(&w, &have);
		if (!is_equal(&have, &before) && !is_equal(&have, &after)) {
			complain("stopped at statement %lld: neither before nor after", (long long) k);
			expect_lines("stopped", &before, &have);
		}
		free_lines(&have);
		if (status == US_RUN_HELD && !us_slice_is(c->status, "HELD"))
			complain("stopped at statement %lld: held, though there is nothing to decide", (long long) k);
		/* as after a crash: the next start frees the connector, the next run goes on from there; once from all that as many commits have left */
		commits = us_db_generation(w.store->db) - commits;
		if (commits != seen) {
			reopen_store(&w);
			case_source_set(c, 0, no_fault);
			execute(&w, kind_of(c), 0, &run, &status);
			expect_directory(&w, after_of(c), "after the resumed run");
		}
		seen = commits;
		close_world(&w);
		if (why.n)
			break;
	}
	free_lines(&before);
	free_lines(&after);
	report(c, "stopped at each statement and resumed");
}

/* A single run again needs a name that is still somebody's. */
static bool is_known_after(const struct sync_case *c)
{
	const struct case_lines *after = after_of(c);

	for (size_t i = 0; i < after->n; i++)
		if (after->line[i].n > 2 && us_slice_is_equal(after->line[i].words[2], c->single))
			return true;
	return !c->single.p || us_slice_is(c->status, "FAILED");
}

int main(int argc, char **argv)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;

	if (us_secret_init(&err))
		die("sodium", &err);
	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&case_source_ops);
	bool is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	for (int i = 1 + is_quick; i < argc && !(is_quick && n_failed); i++) {
		struct sync_case c;
		case_load(&arena, argv[i], &c);
		bool is_done = us_slice_is(c.status, "DONE");
		as_given(&c, 0, "as given");
		if (is_known_after(&c))
			again(&c);
		as_given(&c, 7, "shuffled");
		if (!is_quick) {
			stopped(&c);
			faulty(&c);
		}
		if (!c.single.p && !c.is_delta)
			simulated(&c);
		if (c.is_delta && is_done && !c.has_approved)
			followed(&c);
		if (!c.single.p && !is_cut_short(&c) && memmem(c.config.p, c.config.n, "\"requiredGroups\"", 16))
			narrowed(&c);
		if (is_done && c.has_after)
			undone(&c);
		if (c.has_approved)
			approved(&c);
		if (c.has_undo)
			undone_later(&c);
	}
	us_arena_fini(&arena);
	us_str_fini(&why);
	printf("1..%d\n", n_tests);
	return n_failed ? 1 : 0;
}
