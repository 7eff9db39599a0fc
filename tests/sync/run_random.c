/* Runs random rounds and asks what must hold of every one of them, whatever it says:
 *
 *     again        planning again after applying gives nothing but what failed or is filtered; not asked where a group went that may have filled another
 *     undone       undo restores the directory
 *     simulated    a simulation has the plan of the run, and applying it ends where the run ends
 *     re-paged     the same listing in another order and on other pages ends the same, by the same plan
 *     narrowed     a source that lists only who is in the required groups ends as one that lists all; not asked where something failed that it may not list
 *     staged       cleanup ends the same whether runs came often or two with a gap; not asked where cleanup itself changes who is protected
 *     delta        a full sync, a delta to another listing, and a full sync of that: the last one finds nothing to do, and it ends as two full syncs do
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
#include "model/rules.h"
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

static enum us_run_kind run_kind(struct world *w, int64_t id)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_run run;
	struct us_dbc *db;

	if (us_db_lease_reader(w->store->db, &db, &err) || us_run_load(db, &arena, id, &run, &err))
		die("run", &err);
	us_db_release(db);
	us_arena_fini(&arena);
	return run.kind;
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

static bool has_line(const struct lines *l, const char *line)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->line[i], line) == 0)
			return true;
	return false;
}

/* The line of an object; kind is "user " or "group ". */
static const char *find_line(const struct lines *l, const char *kind, const char *id, size_t n)
{
	size_t k = strlen(kind);

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->line[i], kind, k) == 0 && strncmp(l->line[i] + k, id, n) == 0 && l->line[i][k + n] == ' ')
			return l->line[i];
	return NULL;
}

/* Whether the line of a user is of somebody whom protectedUsers names. The name may have blanks, and what follows it: a guess too much asks less. */
static bool is_protected(struct us_rules *rules, const char *line)
{
	if (strncmp(line, "user ", 5) != 0)
		return false;
	const char *name = strchr(line + 5, ' ') + 1, *end = strchr(name, ' ');
	return us_patterns_match(rules->protected_users, (struct us_slice) { name, end ? (size_t) (end - name) : strlen(name) }, false);
}

/* A membership that is no longer there is nobody protected's, unless its group is gone at the source, or by a rule of groups. */
static void expect_unprotected(struct us_rules *rules, const struct end *e, const char *line)
{
	const char *group = line + 7, *user = strchr(group, ' ') + 1;
	const char *whom = find_line(&e->before, "user ", user, strlen(user)), *what = find_line(&e->before, "group ", group, (size_t) (user - group) - 1);

	if (!whom || !what || !is_protected(rules, whom))
		return;
	for (size_t i = 0; i < e->plan.n; i++) {
		static const char begin[] = "group DELETED ";
		const char *row = e->plan.line[i], *reason = strstr(row, " ~ ");
		char name[300];
		if (strncmp(row, begin, sizeof begin - 1) != 0 || !reason || strstr(reason, "has no members"))
			continue;
		snprintf(name, sizeof name, "%.*s", (int) (reason - row - (long) sizeof begin + 1), row + sizeof begin - 1);
		if (strncmp(what + (user - group) + 6, name, strlen(name)) == 0)
			return;
	}
	complain("owned: somebody protected is no longer in a group: %s", line);
}

/* Invariants O and C. */
static void expect_owned(const struct sync_case *c, const struct end *e, bool cut_short)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *conf;

	if (us_json_parse(&arena, c->config, US_JSON_LIMITS_SMALL, &conf, &err))
		die("config", &err);
	struct us_rules *rules = us_rules_new(conf);

	for (size_t i = 0; i < e->before.n; i++) {
		const char *line = e->before.line[i];
		if (!ends_with(line, " local") && !is_protected(rules, line))
			continue;
		if (!has_line(&e->directory, line))
			complain("owned: is no longer there: %s", line);
	}
	for (size_t i = 0; i < e->before.n; i++)
		if (strncmp(e->before.line[i], "member ", 7) == 0 && !has_line(&e->directory, e->before.line[i]))
			expect_unprotected(rules, e, e->before.line[i]);
	for (size_t i = 0; i < e->plan.n && (cut_short || c->single.p); i++)
		if (strstr(e->plan.line[i], " DELETED ") || (cut_short && takes_away(e->plan.line[i])))
			complain("owned: an incomplete or single run has %s", e->plan.line[i]);
	us_rules_free(rules);
	us_arena_fini(&arena);
}

/* Whose members are protected is seen before a run: one that renames, empties or deletes such a group ends the protection, for the next one. */
static bool may_end_protection(const struct sync_case *c, const struct end *e)
{
	bool changes_groups = false;

	for (size_t i = 0; i < e->plan.n; i++)
		changes_groups |= strncmp(e->plan.line[i], "user ", 5) != 0;
	return changes_groups && has_word(c, "\"group:");
}

/* Which groups go is decided after which are empty: one that holds nothing but a group that goes is found empty by the next run. */
static bool may_empty_groups(const struct sync_case *c, const struct end *e)
{
	for (size_t i = 0; i < e->plan.n; i++)
		if (strncmp(e->plan.line[i], "group DELETED", 13) == 0)
			return has_word(c, "\"emptyGroups\":\"drop\"");
	return false;
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

/* Who is not listed cannot fail; who fails stays as they are. Of a group that failed it is not known whether it is required. */
static bool has_failed(const struct end *e)
{
	for (size_t i = 0; i < e->plan.n; i++)
		if (strstr(e->plan.line[i], " FAILED "))
			return true;
	return false;
}

static int n_narrowed;

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
		n_narrowed++, expect_same("narrowed", first, &e);
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

static int n_staged;

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
	/* A plan that waits is not the same on another day; who fails at a later stage, for the name is taken, had the earlier ones before, or not. */
	if (a.status == US_RUN_DONE && b.status == US_RUN_DONE && !has_failed(&a) && !has_failed(&b)) {
		n_staged++;
		expect_same("staged", &a, &b);
	}
	free_end(&a);
	free_end(&b);
	close_world(&often);
	close_world(&seldom);
}

/* ---- deltas ---- */

/* A listing as a feed can be made of it: each object once, named by its id, and groups alone say who is in them. */
static void plain_listing(const struct lines *listing, struct lines *ret)
{
	for (size_t i = 0; i < listing->n; i++) {
		struct us_str s = US_STR_INIT;
		const char *line = listing->line[i];
		char kind[8] = "", id[24] = "";
		bool is_member = strncmp(line, "member ", 7) == 0, is_known = false;
		if (sscanf(line, "%7s %23s", kind, id) != 2 || (!is_member && strcmp(kind, "user") && strcmp(kind, "group")) || strcmp(id, "-") == 0)
			continue;
		for (const char *p = line; *p;) {
			size_t n = strcspn(p, " \"");
			if (p[n] == '"')
				n += 1 + strcspn(p + n + 1, "\"") + 1;
			bool is_own = strncmp(p, "ref=", 4) == 0 || strncmp(p, "groups=", 7) == 0;
			bool is_ref = is_member && p != line && (strncmp(p, "rg", 2) == 0 || strncmp(p, "ru", 2) == 0);
			bool is_nested = is_member && strncmp(p, "@rg", 3) == 0;
			if (!is_own)
				us_str_printf(&s, "%s%s%.*s", s.n ? " " : "", is_nested ? "@" : "", (int) (n - is_ref - 2 * is_nested), p + is_ref + 2 * is_nested);
			p += n;
			p += *p == ' ';
		}
		for (size_t k = 0; k < ret->n && !is_known; k++) {
			char other_kind[8], other[24];
			sscanf(ret->line[k], "%7s %23s", other_kind, other);
			is_known = is_member ? strcmp(ret->line[k], us_str_text(&s)) == 0 : strcmp(other_kind, kind) == 0 && strcmp(other, id) == 0;
		}
		if (!is_known)
			add_line(ret, strdup(us_str_text(&s)));
		us_str_fini(&s);
	}
}

/* The line of an object; NULL. */
static const char *line_of(const struct lines *l, const char *kind, const char *id)
{
	char start[40];
	int n = snprintf(start, sizeof start, "%s %s ", kind, id);

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->line[i], start, (size_t) n) == 0)
			return l->line[i];
	return NULL;
}

static void members_of(const struct lines *l, const char *id, struct lines *ret)
{
	char start[40];
	int n = snprintf(start, sizeof start, "member %s ", id);

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->line[i], start, (size_t) n) == 0)
			add_line(ret, strdup(l->line[i]));
	sort_lines(ret);
}

/* One object of the next listing, and what the feed says of it. */
static void draw_next(struct draw *d, const char *kind, const char *id, const struct lines *old, const struct lines *other, struct lines *listing,
	struct lines *changes)
{
	const struct lines *from = draw_one_in(d, 2) ? old : other;
	const char *was = line_of(old, kind, id), *is = line_of(from, kind, id);
	struct lines members_were = { 0 }, members_are = { 0 };
	bool is_group = strcmp(kind, "group") == 0, comes = false;
	char gone[40];

	if (is_group) {
		members_of(old, id, &members_were);
		members_of(from, id, &members_are);
	}
	/* A group that comes is put into others then; who goes is taken out of them, or named again; who comes and cannot be read is not asked for. */
	for (size_t i = 0; i < members_are.n; i++) {
		const char *at = strchr(members_are.line[i], '@'), *member = strrchr(members_are.line[i], ' ') + 1;
		const char *user_was = line_of(old, "user", member), *user_is = line_of(listing, "user", member);
		comes |= at ? !line_of(old, "group", at + 1) : user_was ? !user_is : user_is && strstr(user_is, " problem=");
	}
	if (is)
		add_line(listing, strdup(is));
	for (size_t i = 0; is && i < members_are.n; i++)
		add_line(listing, strdup(members_are.line[i]));
	if (is && (!was || strcmp(was, is) || comes || !is_equal(&members_were, &members_are))) {
		add_line(changes, strdup(is));
		for (size_t i = 0; i < members_are.n; i++)
			add_line(changes, strdup(members_are.line[i]));
	}
	snprintf(gone, sizeof gone, "gone-%s %s", kind, id);
	if (was && !is)
		add_line(changes, strdup(gone));
	free_lines(&members_were);
	free_lines(&members_are);
}

static void read_case(struct us_arena *arena, const struct round *r, const struct lines *listing, const struct lines *changes, struct sync_case *ret_case)
{
	struct round round = *r;
	struct us_str s = US_STR_INIT;

	round.listing = *listing;
	char *text = draw_text(&round);
	us_str_add_text(&s, text);
	us_str_add_text(&s, "changes:\n");
	for (size_t i = 0; changes && i < changes->n; i++)
		us_str_printf(&s, "  %s\n", changes->line[i]);
	parse(arena, us_str_text(&s), ret_case);
	free(text);
	us_str_fini(&s);
}

/* With some settings each delta becomes a full sync; without failures there is a cursor to begin at. */
static void config_for_delta(const struct round *r, struct lines *ret)
{
	static const char *const others[] = { "requiredGroups", "nestedGroups", "emptyGroups", "groupCleanup", "\"groups\",\"from\"" };

	for (size_t i = 0; i < r->config.n; i++) {
		bool fits = true;
		for (size_t k = 0; k < sizeof others / sizeof *others; k++)
			fits &= !strstr(r->config.line[i], others[k]);
		if (fits)
			add_line(ret, strdup(r->config.line[i]));
	}
}

static int n_deltas; /* that were none of those that become full syncs */

static void changed(struct draw *d, const struct round *round)
{
	struct round own = *round, *r = &own;
	struct us_arena arena = US_ARENA_INIT;
	struct lines old = { 0 }, other = { 0 }, listing = { 0 }, changes = { 0 };
	struct round drawn;
	struct sync_case first, next;
	struct world w, whole;
	struct end a, b, c, e;

	own.config = (struct lines) { 0 };
	config_for_delta(round, &own.config);
	plain_listing(&r->listing, &old);
	draw_round(d, &drawn);
	plain_listing(&drawn.listing, &other);
	draw_free(&drawn);
	for (int i = 1; i <= 26; i++) {
		char id[24];
		snprintf(id, sizeof id, "u%d", i);
		draw_next(d, "user", id, &old, &other, &listing, &changes);
	}
	for (int i = 1; i <= 26; i++) {
		char id[24];
		snprintf(id, sizeof id, "g%d", i);
		draw_next(d, "group", id, &old, &other, &listing, &changes);
	}
	read_case(&arena, r, &old, NULL, &first);
	read_case(&arena, r, &listing, &changes, &next);
	open_world(&w, &first);
	run_once(&w, US_RUN_FULL, &a);
	w.c = &next;
	run_once(&w, US_RUN_DELTA, &b);
	run_once(&w, US_RUN_FULL, &c);
	open_world(&whole, &first);
	run_once(&whole, US_RUN_FULL, &e);
	free_end(&e);
	whole.c = &next;
	run_once(&whole, US_RUN_FULL, &e);
	bool is_delta = run_kind(&w, b.run) == US_RUN_DELTA;
	/* Whether a protected user is still at the source is not noted; a group that names one who is not puts them in. */
	bool is_asked = !has_word(&first, "\"protectedUsers\"") && a.status == US_RUN_DONE && b.status == US_RUN_DONE && e.status == US_RUN_DONE && !may_end_protection(&first, &a) && !may_end_protection(&next, &b);
	if (is_delta && is_asked) {
		n_deltas++;
		expect_lines("delta: against a full sync", &e.directory, &b.directory);
		for (size_t i = 0; i < c.plan.n; i++)
			if (!strstr(c.plan.line[i], " FAILED ") && !strstr(c.plan.line[i], " FILTERED "))
				complain("delta: the full sync behind it finds: %s", c.plan.line[i]);
		for (size_t i = 0; i < changes.n && why.n; i++)
			us_str_printf(&why, "# changes: %s\n", changes.line[i]);
		for (size_t i = 0; i < listing.n && why.n; i++)
			us_str_printf(&why, "# then: %s\n", listing.line[i]);
	}
	free_end(&a);
	free_end(&b);
	free_end(&c);
	free_end(&e);
	close_world(&w);
	close_world(&whole);
	free_lines(&own.config);
	free_lines(&old);
	free_lines(&other);
	free_lines(&listing);
	free_lines(&changes);
	us_arena_fini(&arena);
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
	if ((first.status == US_RUN_HELD || first.status == US_RUN_DONE) && !may_end_protection(&c, &first) && !may_empty_groups(&c, &first))
		again(&w, &first);
	if (first.status == US_RUN_DONE)
		undone(&w, &first);
	close_world(&w);
	if (!c.single.p) {
		simulated(&c, &first);
		if (has_word(&c, "\"requiredGroups\"") && first.status == US_RUN_DONE && !is_partial(r) && !has_failed(&first))
			narrowed(&c, &first);
		if (has_word(&c, "\"staged\"") && first.status == US_RUN_DONE && !has_word(&c, "\"group:") && !has_word(&c, "/^user-/"))
			staged(&d, &c);
		if (!is_partial(r))
			repaged(&d, r, &first);
		if (!is_partial(r) && !why.n && !r->is_calm)
			changed(&d, r);
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
	void (*const kinds[])(struct draw *d, struct round *ret_round) = { draw_round, draw_stages, draw_required };
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
		bool holds = true;
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds && holds; k++) {
			struct draw d = { seed };
			struct round r;
			kinds[k](&d, &r);
			hold_round(&r, seed);
			holds = !why.n;
			if (!holds) {
				n_failed++;
				shrink(&r, seed);
				print_lines(us_str_text(&why));
				print_lines(current);
				us_str_clear(&why);
			}
			draw_free(&r);
		}
		printf("%s %ld - round %llu\n", holds ? "ok" : "not ok", i + 1, (unsigned long long) seed);
		fflush(stdout);
	}
	free(current);
	us_str_fini(&why);
	printf("# %d deltas, %d narrowed reads and %d cleanups by stages were compared\n1..%ld\n", n_deltas, n_narrowed, n_staged, rounds);
	return n_failed ? 1 : 0;
}
