#include "model/retention.h"

#include "base/clock.h"

enum { MOST_COUNT = 1000000, MOST_AGE_DAYS = 3653 };

/* 365 days of runs, 90 of results. */
const struct us_retention us_retention_default = { .runs = 10000, .results = 1000, .undo = 10, .run_age_s = 365 * 86400,
	.result_age_s = 90 * 86400 };

const struct us_option us_retention_options[] = {
	{ "runs", US_OPTION_INT, "Runs", "So many runs are kept; updates of single users are counted apart.", .min = 1, .max = MOST_COUNT },
	{ "runAge", US_OPTION_STRING, "Age of runs", "Runs are kept for so long, such as 365d.", .max = 20 },
	{ "results", US_OPTION_INT, "Results", "So many runs keep their results, object by object.", .min = 0, .max = MOST_COUNT },
	{ "resultAge", US_OPTION_STRING, "Age of results", "Results are kept for so long, such as 90d.", .max = 20 },
	{ "undo", US_OPTION_INT, "Runs to undo", "So many runs that changed something keep their results whatever their age, so that they can be undone.",
		.min = 0, .max = MOST_COUNT },
	{ NULL },
};

static const struct {
	const char *name;
	size_t offset;
	bool is_age;
} fields[] = {
	{ "runs", offsetof(struct us_retention, runs), false },
	{ "runAge", offsetof(struct us_retention, run_age_s), true },
	{ "results", offsetof(struct us_retention, results), false },
	{ "resultAge", offsetof(struct us_retention, result_age_s), true },
	{ "undo", offsetof(struct us_retention, undo), false },
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static int64_t *place(struct us_retention *r, size_t field) { return (int64_t *) (void *) ((char *) r + fields[field].offset); }

const char *us_retention_set(struct us_retention *retention, const char *name, struct us_slice text)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		int64_t value, least = strcmp(name, "runs") == 0;
		if (strcmp(name, fields[i].name) != 0)
			continue;
		if (fields[i].is_age ? !us_clock_parse_span(text, &value) || value < 1 : !us_slice_to_int(text, &value) || value < least || value > MOST_COUNT)
			return fields[i].is_age ? "must be a time from 1s to 3653d, such as 90d" : least ? "must be from 1 to 1000000" : "must be from 0 to 1000000";
		*place(retention, i) = value;
		return NULL;
	}
	us_assert(!"a setting of retention");
	return NULL;
}

void us_retention_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	const struct us_json *section = us_json_find(configuration, "retention");

	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct us_json *v = us_json_find(section, fields[i].name);
		struct us_retention ignored;
		const char *wrong = fields[i].is_age && v && v->type == US_JSON_STRING ? us_retention_set(&ignored, fields[i].name, v->string) : NULL;
		if (wrong)
			us_problem_add(arena, list, us_arena_printf(arena, "retention.%s", fields[i].name), "%s", wrong);
	}
}

struct us_retention us_retention_read(const struct us_json *configuration, const struct us_retention *server)
{
	const struct us_json *section = us_json_find(configuration, "retention");
	struct us_retention r = *server;

	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct us_json *v = us_json_find(section, fields[i].name);
		if (v && v->type == US_JSON_INT && !fields[i].is_age)
			*place(&r, i) = v->integer;
		else if (v && v->type == US_JSON_STRING && fields[i].is_age)
			us_retention_set(&r, fields[i].name, v->string);
	}
	return r;
}

/* ---- judging ---- */

/* ids fall. NULL: it is not there. */
static struct us_retention_run *find(struct us_retention_run *runs, size_t n, int64_t id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (runs[middle].id > id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && runs[low].id == id ? &runs[low] : NULL;
}

static bool is_open(const struct us_retention_run *r)
{
	switch (r->status) {
	case US_RUN_SCHEDULED:
	case US_RUN_RUNNING:
	case US_RUN_HELD:
		return true;
	case US_RUN_DONE:
		return r->kind == US_RUN_SIMULATION && r->is_current && r->n_changes > 0;
	case US_RUN_FAILED:
	case US_RUN_CANCELLED:
	case US_RUN_INTERRUPTED:
	case US_RUN_STATUS_COUNT:
		return false;
	}
	return false;
}

/* Whether rows may be stored for it. Of a run that did not end well, rows may have been left behind that nobody counted. */
static bool has_results(const struct us_retention_run *r)
{
	return r->is_begun || (!r->is_pruned && (r->n_changes > 0 || r->status != US_RUN_DONE));
}

static bool changed_something(const struct us_retention_run *r)
{
	return r->kind != US_RUN_SIMULATION && r->n_changes > 0 && !r->is_pruned && (r->status == US_RUN_DONE || r->status == US_RUN_FAILED);
}

/* Newest first, so that a run is judged after every one that can refer to it: then the verdict that a later one gave stays the least of it. */
void us_retention_judge(const struct us_retention *retention, struct us_retention_run *runs, size_t n, int64_t now_s)
{
	int64_t seen[2] = { 0, 0 }, with_results[2] = { 0, 0 }, changing = 0;
	bool has_success = false;

	for (size_t i = 0; i < n; i++) {
		runs[i].verdict = US_RETENTION_PRUNE_RUN;
		runs[i].keeps_results = false;
	}
	for (size_t i = 0; i < n; i++) {
		struct us_retention_run *r = &runs[i];
		int class = r->kind == US_RUN_SINGLE;
		bool is_success = r->kind == US_RUN_FULL && r->status == US_RUN_DONE, is_open_now = is_open(r);
		bool is_undoable = changed_something(r) && changing < retention->undo;
		bool is_last = i == 0 || (is_success && !has_success);
		int64_t age = now_s - r->created;
		bool has = has_results(r);
		/* Before it is counted: so many came before it. */
		bool keeps_run = r->verdict == US_RETENTION_KEEP || (seen[class] < retention->runs && age <= retention->run_age_s) || is_open_now ||
			is_last || is_undoable;
		bool keeps_results = r->keeps_results || is_open_now || is_undoable ||
			(with_results[class] < retention->results && age <= retention->result_age_s);

		seen[class]++;
		with_results[class] += has && r->n_changes > 0;
		changing += changed_something(r);
		has_success |= is_success;
		if (!keeps_run)
			continue;
		r->keeps_results = keeps_results;
		r->verdict = (keeps_results && !r->is_begun) || !has ? US_RETENTION_KEEP : US_RETENTION_PRUNE_RESULTS;
		struct us_retention_run *referred = r->plan_run ? find(runs, n, r->plan_run) : NULL;
		if (referred && referred > r) {
			referred->verdict = US_RETENTION_KEEP;
			/* The rows that an applied simulation wrote are the simulation's; those of an undone run are needed while that goes on. */
			referred->keeps_results |= r->kind == US_RUN_APPLY ? keeps_results : is_open_now;
		}
	}
}
