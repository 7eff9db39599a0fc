/* Runs random rounds and asks what must hold of every one of them, whatever it says:
 *
 *     again        planning again after applying gives nothing but what failed or is filtered
 *     undone       undo restores the directory
 *     simulated    a simulation has the plan of the run, and applying it ends where the run ends
 *     re-paged     the same listing in another order and on other pages ends the same, by the same plan
 *     narrowed     a source that lists only who is in the required groups ends as one that lists all; not asked where somebody failed whom it may not list
 *     staged       cleanup ends the same whether runs came often or two with a gap; not asked where cleanup itself changes who is protected
 *     owned        what is local or protected stays as it was; an incomplete read takes nothing away
 *
 * A round that does not hold is made smaller line by line and printed as a case. Prints TAP.
 *
 *     run_random        USERSYNC_RANDOM_SEED: of the first round, a number or "new"; USERSYNC_RANDOM_ROUNDS: how many
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sync/draw.h"

enum { ROUNDS = 150, DAY_S = 86400, MAX_SHRINKING = 600 };

static const struct case_fault no_fault;
static char *current; /* the text of the round that is being run */

static enum us_run_kind kind_of(const struct sync_case *c) { return c->single.p ? US_RUN_SINGLE : US_RUN_FULL; }

static void parse(struct us_arena *arena, const char *text, struct sync_case *ret_case)
{
	char path[] = "/tmp/us-round-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
	case_load(arena, path, ret_case);
	unlink(path);
}

/* What a run left behind. */
struct end {
	struct lines before, directory, plan;
	enum us_run_status status;
	int64_t run;
};

static void free_end(struct end *e)
{
	free_lines(&e->before);
	free_lines(&e->directory);
	free_lines(&e->plan);
}

static void run_once(struct world *w, enum us_run_kind kind, struct end *ret_end)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_change *list;
	struct us_run run;
	struct us_dbc *db;
	size_t n;

	*ret_end = (struct end) { 0 };
	dump(w, &ret_end->before);
	case_source_set(w->c, 0, no_fault);
	if (execute(w, kind, 0, &ret_end->run, &ret_end->status))
		die("the run", &err);
	dump(w, &ret_end->directory);
	dump_plan(w, ret_end->run, &ret_end->plan);
	if (us_db_lease_reader(w->store->db, &db, &err) || us_run_load(db, &arena, ret_end->run, &run, &err) ||
		us_run_list_changes(db, &arena, ret_end->run, -1, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("run", &err);
	if (n || run.n_changes)
		expect_sums(&run, list, n);
	us_db_release(db);
	us_arena_fini(&arena);
}

static void expect_same(const char *what, const struct end *a, const struct end *b)
{
	if (a->status != b->status)
		complain("%s: status is %s, then %s", what, us_run_status_text(a->status), us_run_status_text(b->status));
	expect_lines(what, &a->directory, &b->directory);
}

/* ---- what must hold ---- */

static bool has_word(const struct sync_case *c, const char *word) { return memmem(c->config.p, c->config.n, word, strlen(word)); }

static bool is_partial(const struct round *r)
{
	for (size_t i = 0; i < r->listing.n; i++)
		if (strncmp(r->listing.line[i], "partial ", 8) == 0)
			return true;
	return false;
}

static bool ends_with(const char *line, const char *end)
{
	size_t n = strlen(line), m = strlen(end);

	return n >= m && strcmp(line + n - m, end) == 0;
}

/* Invariants O and C. */
static void expect_owned(const struct sync_case *c, const struct end *e, bool cut_short)
{
	bool protects = has_word(c, "\"protectedUsers\":[\"svc-*\"");

	for (size_t i = 0; i < e->before.n; i++) {
		const char *line = e->before.line[i], *name = strchr(strchr(line, ' ') + 1, ' ');
		bool is_protected = protects && strncmp(line, "user ", 5) == 0 && strncmp(name, " svc-", 5) == 0;
		if (!ends_with(line, " local") && !is_protected)
			continue;
		bool is_there = false;
		for (size_t k = 0; k < e->directory.n && !is_there; k++)
			is_there = strcmp(e->directory.line[k], line) == 0;
		if (!is_there)
			complain("owned: is no longer there: %s", line);
	}
	for (size_t i = 0; i < e->plan.n && (cut_short || c->single.p); i++)
		if (strstr(e->plan.line[i], " DELETED ") || (cut_short && takes_away(e->plan.line[i])))
			complain("owned: an incomplete or single run has %s", e->plan.line[i]);
}

/* Whose members are protected is seen before a run: one that renames, empties or deletes such a group ends the protection, for the next one. */
static bool may_end_protection(const struct sync_case *c, const struct end *e)
{
	bool changes_groups = false;

	for (size_t i = 0; i < e->plan.n; i++)
		changes_groups |= strncmp(e->plan.line[i], "user ", 5) != 0;
	return changes_groups && has_word(c, "\"group:");
}

static void again(struct world *w, const struct end *first)
{
	struct end second;

	run_once(w, kind_of(w->c), &second);
	/* A single update may have renamed the user: then nobody is left of that name. */
	if (w->c->single.p && second.status == US_RUN_FAILED)
		second.status = first->status;
	expect_same("again", first, &second);
	for (size_t i = 0; i < second.plan.n && first->status == US_RUN_DONE; i++)
		if (!strstr(second.plan.line[i], " FAILED ") && !strstr(second.plan.line[i], " FILTERED "))
			complain("again: %s", second.plan.line[i]);
	free_end(&second);
}

static void undone(struct world *w, const struct end *first)
{
	struct lines now;
	int64_t undo;
	enum us_run_status status;

	execute_undo(w, first->run, &undo, &status);
	if (status != US_RUN_DONE)
		complain("undone: the undo is %s", us_run_status_text(status));
	dump(w, &now);
	expect_lines("undone", &first->before, &now);
	free_lines(&now);
}

static void simulated(const struct sync_case *c, const struct end *first)
{
	struct world w;
	struct end simulation;
	int64_t applied;
	enum us_run_status status;

	open_world(&w, c);
	run_once(&w, US_RUN_SIMULATION, &simulation);
	expect_lines("simulated: the directory", &simulation.before, &simulation.directory);
	expect_lines("simulated: the plan", &first->plan, &simulation.plan);
	if (first->status == US_RUN_DONE) {
		struct lines now;
		execute(&w, US_RUN_APPLY, simulation.run, &applied, &status);
		dump(&w, &now);
		if (status != US_RUN_DONE)
			complain("simulated: applying is %s", us_run_status_text(status));
		expect_lines("simulated and applied", &first->directory, &now);
		free_lines(&now);
	}
	free_end(&simulation);
	close_world(&w);
}

/* Of equals, which one is named in a reason depends on the order, and so does the name of somebody who is listed twice with different names. */
static void cut_reasons(struct lines *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		char *reason = strstr(plan->line[i], " ~ "), *failed = strstr(plan->line[i], " FAILED "), *filtered = strstr(plan->line[i], " FILTERED ");
		if (failed)
			failed[strlen(" FAILED")] = '\0';
		else if (filtered)
			filtered[strlen(" FILTERED")] = '\0';
		else if (reason)
			*reason = '\0';
	}
	sort_lines(plan);
}

static void repaged(struct draw *d, const struct round *r, struct end *first)
{
	struct us_arena arena = US_ARENA_INIT;
	struct round other = *r;
	struct sync_case c;
	struct world w;
	struct end e;

	draw_shuffle(d, r, &other.listing);
	char *text = draw_text(&other);
	parse(&arena, text, &c);
	open_world(&w, &c);
	run_once(&w, US_RUN_FULL, &e);
	expect_same("re-paged", first, &e);
	cut_reasons(&first->plan);
	cut_reasons(&e.plan);
	expect_lines("re-paged: the plan", &first->plan, &e.plan);
	if (why.n)
		us_str_printf(&why, "the other listing:\n%s", text);
	free_end(&e);
	close_world(&w);
	free_lines(&other.listing);
	free(text);
	us_arena_fini(&arena);
}

/* Who is not listed cannot fail; who fails stays as they are. */
static bool has_failed_user(const struct end *e)
{
	for (size_t i = 0; i < e->plan.n; i++)
		if (strncmp(e->plan.line[i], "user FAILED", 11) == 0)
			return true;
	return false;
}

static void narrowed(const struct sync_case *c, const struct end *first)
{
	struct world w;
	struct end e;

	open_world(&w, c);
	case_source_set_narrowing(true);
	run_once(&w, US_RUN_FULL, &e);
	case_source_set_narrowing(false);
	/* Nobody is in the groups: then nobody was listed at all, and that asks before it cleans up. */
	if (e.status != US_RUN_HELD)
		expect_same("narrowed", first, &e);
	free_end(&e);
	close_world(&w);
}

/* Runs on the days whose bits are set, up to the last one. */
static void run_days(struct world *w, uint32_t days, struct end *ret_last)
{
	int64_t begin = w->now_s;

	*ret_last = (struct end) { 0 };
	for (uint32_t day = 0; days >> day; day++) {
		if (!(days >> day & 1))
			continue;
		w->now_s = begin + day * DAY_S;
		free_end(ret_last);
		run_once(w, US_RUN_FULL, ret_last);
	}
}

static void staged(struct draw *d, const struct sync_case *c)
{
	uint32_t last = 3 + draw_below(d, 10);
	struct world often, seldom;
	struct end a, b;

	open_world(&often, c);
	open_world(&seldom, c);
	seldom.now_s = often.now_s;
	run_days(&often, draw_one_in(d, 2) ? (2u << last) - 1 : (draw_below(d, 1u << last) | 1u << last | 1), &a);
	run_days(&seldom, 1u << last | 1, &b);
	/* A plan that waits is not the same on another day. */
	if (a.status == US_RUN_DONE && b.status == US_RUN_DONE)
		expect_same("staged", &a, &b);
	free_end(&a);
	free_end(&b);
	close_world(&often);
	close_world(&seldom);
}

/* Complains in `why`. The round's own randomness begins with the same seed each time. */
static void hold_round(const struct round *r, uint64_t seed)
{
	struct us_arena arena = US_ARENA_INIT;
	struct draw d = { seed };
	struct sync_case c;
	struct world w;
	struct end first;

	free(current);
	current = draw_text(r);
	parse(&arena, current, &c);
	open_world(&w, &c);
	run_once(&w, kind_of(&c), &first);
	expect_owned(&c, &first, is_partial(r) && !c.single.p);
	if ((first.status == US_RUN_HELD || first.status == US_RUN_DONE) && !may_end_protection(&c, &first))
		again(&w, &first);
	if (first.status == US_RUN_DONE)
		undone(&w, &first);
	close_world(&w);
	if (!c.single.p) {
		simulated(&c, &first);
		if (has_word(&c, "\"requiredGroups\"") && first.status == US_RUN_DONE && !is_partial(r) && !has_failed_user(&first))
			narrowed(&c, &first);
		if (has_word(&c, "\"staged\"") && first.status == US_RUN_DONE && !has_word(&c, "\"group:") && !has_word(&c, "/^user-/"))
			staged(&d, &c);
		if (!is_partial(r))
			repaged(&d, r, &first);
	}
	free_end(&first);
	us_arena_fini(&arena);
}

/* ---- making a round smaller ---- */

static int n_tried;

/* Leaves out so many lines from `at` on, if the round still does not hold without them. */
static bool leave_out(struct round *r, struct lines *l, size_t at, size_t n, uint64_t seed)
{
	struct lines whole = *l;

	*l = (struct lines) { 0 };
	for (size_t i = 0; i < whole.n; i++)
		if (i < at || i >= at + n)
			add_line(l, whole.line[i]);
	us_str_clear(&why);
	n_tried++;
	hold_round(r, seed);
	if (!why.n) {
		free(l->line);
		*l = whole;
		return false;
	}
	for (size_t i = at; i < at + n; i++)
		free(whole.line[i]);
	free(whole.line);
	return true;
}

static void shrink(struct round *r, uint64_t seed)
{
	struct lines *all[] = { &r->listing, &r->before, &r->config };
	bool again = true;

	for (n_tried = 0; again && n_tried < MAX_SHRINKING;) {
		again = false;
		for (int k = 0; k < 3; k++)
			for (size_t n = all[k]->n; n; n /= 2)
				for (size_t at = 0; at + n <= all[k]->n && n_tried < MAX_SHRINKING;)
					if (leave_out(r, all[k], at, n, seed))
						again = true;
					else
						at += n;
	}
	us_str_clear(&why);
	hold_round(r, seed);
}

/* ---- rounds ---- */

static void print_lines(const char *text)
{
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		printf("# %.*s\n", (int) strcspn(p, "\n"), p);
}

static void say_current(int sig)
{
	static const char text[] = "\nBail out! the program was aborted in this round:\n";

	if (current && write(STDOUT_FILENO, text, sizeof text - 1) > 0 && write(STDOUT_FILENO, current, strlen(current)) > 0)
		fsync(STDOUT_FILENO);
	signal(sig, SIG_DFL);
	raise(sig);
}

static long number(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtol(text, NULL, 10) : otherwise;
}

int main(void)
{
	struct us_err err = US_ERR_INIT;
	const char *word = getenv("USERSYNC_RANDOM_SEED");
	uint64_t seed = word && strcmp(word, "new") == 0 ? (uint64_t) us_clock_wall_s() * 1000 : (uint64_t) number("USERSYNC_RANDOM_SEED", 1);
	long rounds = number("USERSYNC_RANDOM_ROUNDS", ROUNDS), n_failed = 0;

	if (us_secret_init(&err))
		die("sodium", &err);
	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&case_source_ops);
	signal(SIGABRT, say_current);
	printf("# rounds %llu to %llu; USERSYNC_RANDOM_SEED=N begins with round N\n", (unsigned long long) seed,
		(unsigned long long) seed + (unsigned long long) rounds - 1);
	for (long i = 0; i < rounds; i++, seed++) {
		struct draw d = { seed };
		struct round r;
		draw_round(&d, &r);
		hold_round(&r, seed);
		bool holds = !why.n;
		if (!holds) {
			n_failed++;
			shrink(&r, seed);
			print_lines(us_str_text(&why));
			print_lines(current);
			us_str_clear(&why);
		}
		printf("%s %ld - round %llu\n", holds ? "ok" : "not ok", i + 1, (unsigned long long) seed);
		fflush(stdout);
		draw_free(&r);
	}
	free(current);
	us_str_fini(&why);
	printf("1..%ld\n", rounds);
	return n_failed ? 1 : 0;
}
