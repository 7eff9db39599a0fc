/* Retention: which runs of a connector are kept, and the results (the rows of the plan) of which. Pure.
 *
 * A run is kept while it is among the newest `runs` and younger than `runAge`, its results while it is among the newest `results` that have any and
 * younger than `resultAge`. Updates of single users are counted apart, so that thousands of them push out no full sync.
 *
 * Kept whatever their age: what is scheduled, running or held; the last run and the last full sync that is DONE; simulations that could still
 * be applied; the newest `undo` runs that changed something, with their results; and whatever a kept run refers to.
 */
#ifndef US_MODEL_RETENTION_H
#define US_MODEL_RETENTION_H

#include "model/option.h"
#include "model/report.h"

struct us_retention {
	int64_t runs, results, undo; /* counts */
	int64_t run_age_s, result_age_s;
};

/* The members of `retention` in a configuration; ends with name NULL. */
extern const struct us_option us_retention_options[];
extern const struct us_retention us_retention_default;

/* One setting by its name there, as text: "runs" "10000", "runAge" "365d". NULL if it was taken, else what is wrong with it. */
const char *us_retention_set(struct us_retention *retention, const char *name, struct us_slice text);

/* What us_option_check cannot see. */
void us_retention_check(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list);
/* The server's settings with those of a connector over them; configuration NULL: the server's. It must have been checked. */
struct us_retention us_retention_read(const struct us_json *configuration, const struct us_retention *server);

enum us_retention_verdict { US_RETENTION_KEEP, US_RETENTION_PRUNE_RESULTS, US_RETENTION_PRUNE_RUN };

/* What is to be known of a run. */
struct us_retention_run {
	int64_t id, created;
	enum us_run_kind kind;
	enum us_run_status status;
	int64_t plan_run;   /* apply, undo: the run that it refers to; 0 otherwise */
	int64_t n_changes;
	bool is_pruned;     /* its results are gone, or some of them: nothing can be made from them */
	bool is_begun;      /* some of them: the rest is to be taken away */
	bool is_current;    /* its plan was made from what its directory holds now */
	enum us_retention_verdict verdict; /* out */
	bool keeps_results; /* used within */
};

/* runs: all of one connector, newest first. */
void us_retention_judge(const struct us_retention *retention, struct us_retention_run *runs, size_t n, int64_t now_s);

#endif
