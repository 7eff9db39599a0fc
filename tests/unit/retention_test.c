#include "unit.h"

#include "base/json.h"
#include "model/retention.h"

enum { NOW = 100000000, DAY = 86400 };

/* A run is a letter for its kind (f full, u single user, s simulation, a apply, d undo), one for its status (D done, F failed, H held, R running,
 * S scheduled, C cancelled, I interrupted), its age in days, and marks: + it changed something, = its directory is as it was, p its results are
 * gone, b some of them are, >N it refers to the run that stands at place N from the oldest. */
struct given {
	const char *runs;    /* newest first */
	const char *want;    /* k kept, r results go, x goes */
};

static size_t parse(const char *text, struct us_retention_run *runs)
{
	static const char kinds[] = "fusad", statuses[] = "SRDFHCI";
	size_t n = 0, at = 0;

	for (; *text; n++) {
		struct us_retention_run *r = &runs[n];
		char *end;
		*r = (struct us_retention_run) { .kind = (enum us_run_kind) (strchr(kinds, text[0]) - kinds),
			.status = (enum us_run_status) (strchr(statuses, text[1]) - statuses) };
		r->created = NOW - strtol(text + 2, &end, 10) * DAY;
		for (text = end; *text && *text != ' '; text++)
			switch (*text) {
			case '+': r->n_changes = 5; break;
			case '=': r->is_current = true; break;
			case 'p': r->is_pruned = true; break;
			case 'b': r->is_pruned = r->is_begun = true; break;
			case '>': r->plan_run = strtol(text + 1, &end, 10); text = end - 1; break;
			default: fail_msg("%s", text);
			}
		while (*text == ' ')
			text++;
	}
	for (; at < n; at++)
		runs[at].id = (int64_t) (n - at);
	return n;
}

static void what_is_needed_is_kept_and_the_rest_goes(void **state)
{
	/* 3 runs for 30 days, results of 2 for 10 days, one to undo. */
	static const struct us_retention settings = { .runs = 3, .run_age_s = 30 * DAY, .results = 2, .result_age_s = 10 * DAY, .undo = 1 };
	static const struct given rows[] = {
		{ "", "" },
		/* by number and by age */
		{ "fD1 fD2 fD3 fD4", "kkkx" },
		{ "fD1 fD29 fD31", "kkx" },
		{ "fD1+ fD2+ fD3+ fD4+", "kkrx" },
		{ "fD1+ fD11+ fD12+", "krr" },
		/* runs without results do not count as some */
		{ "fD1+ fD2 fD3+", "kkk" },
		/* the last run, and the last one that was well, however old */
		{ "fD400", "k" },
		{ "fF1 fF2 fF3 fD400 fD500", "kkkkx" },
		{ "fF400 fD500 fD600", "rkx" },
		/* a simulation or a single update is no full sync that was well */
		{ "fF1 sD40 uD40 fD400", "kxxk" },
		/* what waits */
		{ "fD1 fD2 fD3 fH400+ fD500", "kkkkx" },
		{ "fD1 fD2 fD3 fR400 fS500", "kkkkk" },
		{ "fD1 fD2 fD3 sD400+=", "kkkk" },
		{ "fD1 fD2 fD3 sD400+", "kkkx" },
		{ "fD1 fD2 fD3 sD400=", "kkkx" }, /* nothing to apply */
		{ "fD1 fD2 fD3 fC400+ fI400+", "kkkxx" },
		/* the newest that changed something can be undone */
		{ "fD1 fD2 fD3 fD400+ fD500+", "kkkkx" },
		{ "fD1 fD12 fD13 fF400+ fD500+", "kkkkx" },
		{ "sD1+ fD12+ fD13+", "kkr" },
		/* what a kept run refers to; the rows of an applied plan are its simulation's */
		{ "fD1+ aD2>1 fD3 fD4 sD400+", "kkkxk" },
		{ "fD1+ aD2>1 fD3 fD4 fD400+", "kkkxk" },
		{ "fD1+ fD2+ aD20+>1 sD21+", "kkrr" },
		{ "fD1 fD2 fD3 aD400>1 sD400+", "kkkxx" },
		{ "dR1>1 fD2 fD3 fD400+", "kkkk" },
		{ "fD1+ dD2>1 fD3 fD400+", "kkkr" },
		/* single updates have numbers of their own */
		{ "uD1 uD2 uD3 uD4 fD5 fD6 fD7 fD8", "kkkxkkkx" },
		{ "fD1+ uD1+ uD2+ uD3+ uD4+ fD5+ fD6+", "kkkrxkr" },
		/* gone is gone; what was begun is finished, whatever the settings say now */
		{ "fD1 fD2+p fD20+p", "kkk" },
		{ "fD1 fD2+b", "kr" },
		{ "fD1+p fD2+", "kk" },
		/* rows that were left behind */
		{ "fD1+ fI2 fC3", "kkk" },
		{ "fD1+ fI12 fC13", "krr" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_retention_run runs[16];
		char got[17] = "";
		size_t n = parse(rows[i].runs, runs);
		us_retention_judge(&settings, runs, n, NOW);
		for (size_t k = 0; k < n; k++)
			got[k] = "krx"[runs[k].verdict];
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s: got %s, want %s", i, rows[i].runs, got, rows[i].want);
	}
}

static void judging_again_after_pruning_finds_nothing(void **state)
{
	static const struct us_retention settings = { .runs = 20, .run_age_s = 30 * DAY, .results = 5, .result_age_s = 10 * DAY, .undo = 2 };
	static const enum us_run_kind kinds[] = { US_RUN_FULL, US_RUN_SINGLE, US_RUN_SIMULATION, US_RUN_APPLY, US_RUN_UNDO };
	unsigned seed = 7;

	for (int round = 0; round < 500; round++) {
		struct us_retention_run runs[120];
		size_t n = 0;
		for (int i = 120; i > 0; i--) {
			seed = seed * 1103515245u + 12345u;
			unsigned r = seed >> 8;
			runs[n++] = (struct us_retention_run) { .id = i, .created = NOW - (120 - i) * (r % 7 + 1) * DAY / 8, .kind = kinds[r / 7 % 5],
				.status = r / 35 % 3 ? US_RUN_DONE : US_RUN_FAILED, .n_changes = r / 105 % 3, .is_current = r / 315 % 50 == 0,
				.plan_run = r / 7 % 5 >= 3 && i > 5 ? i - 1 - r / 997 % 4 : 0 };
		}
		us_retention_judge(&settings, runs, n, NOW);
		size_t kept = 0;
		for (size_t i = 0; i < n; i++) {
			if (runs[i].verdict == US_RETENTION_PRUNE_RUN)
				continue;
			if (runs[i].verdict == US_RETENTION_PRUNE_RESULTS)
				runs[i].is_pruned = true;
			runs[kept++] = runs[i];
		}
		assert_true(kept < n && kept >= 1);
		us_retention_judge(&settings, runs, kept, NOW);
		for (size_t i = 0; i < kept; i++)
			if (runs[i].verdict != US_RETENTION_KEEP)
				fail_msg("round %d: run %lld is not kept the second time", round, (long long) runs[i].id);
	}
}

static void settings_of_a_connector_stand_over_the_servers(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	assert_int_equal(us_json_parse(&arena, US_SLICE("{\"retention\":{\"runs\":7,\"resultAge\":\"36h\"}}"), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	struct us_retention r = us_retention_read(doc, &us_retention_default);
	assert_int_equal(r.runs, 7);
	assert_int_equal(r.result_age_s, 36 * 3600);
	assert_int_equal(r.run_age_s, us_retention_default.run_age_s);
	assert_int_equal(us_retention_read(NULL, &us_retention_default).results, us_retention_default.results);
	us_arena_fini(&arena);
}

static void settings_that_are_wrong_are_refused(void **state)
{
	static const struct {
		const char *name, *value;
		bool is_good;
	} rows[] = {
		{ "runs", "1", true }, { "runs", "0", false }, { "runs", "-1", false }, { "runs", "1000001", false }, { "runs", "many", false },
		{ "results", "0", true }, { "undo", "0", true }, { "undo", "", false }, { "runAge", "365d", true }, { "runAge", "0s", false },
		{ "runAge", "1y", false }, { "runAge", "3654d", false }, { "resultAge", "90d", true }, { "resultAge", "-1d", false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_retention r;
		assert_row(i, (us_retention_set(&r, rows[i].name, us_slice(rows[i].value)) == NULL) == rows[i].is_good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_is_kept_and_the_rest_goes),
		cmocka_unit_test(judging_again_after_pruning_finds_nothing),
		cmocka_unit_test(settings_of_a_connector_stand_over_the_servers),
		cmocka_unit_test(settings_that_are_wrong_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
