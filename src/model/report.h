/* Report: what a run did, in numbers and words. */
#ifndef US_MODEL_REPORT_H
#define US_MODEL_REPORT_H

#include <stdint.h>

#include "model/change.h"

enum us_run_status {
	US_RUN_SCHEDULED,
	US_RUN_RUNNING,
	US_RUN_DONE,
	US_RUN_FAILED,
	US_RUN_HELD,        /* the guard stopped the plan: approve or reject */
	US_RUN_CANCELLED,   /* by an admin, or a held plan was rejected */
	US_RUN_INTERRUPTED, /* the server died during it; nothing was written */
	US_RUN_STATUS_COUNT
};
const char *us_run_status_text(enum us_run_status status); /* "SCHEDULED" … */
bool us_run_status_parse(struct us_slice text, enum us_run_status *ret_status);

enum us_run_kind {
	US_RUN_FULL,
	US_RUN_SINGLE,
	US_RUN_SIMULATION,
	US_RUN_APPLY,
	US_RUN_UNDO,
	US_RUN_EDIT,
	US_RUN_CLEANUP, /* what a full or delta run would take away, held beside it */
	US_RUN_DELTA,   /* what the source says has changed */
	US_RUN_KIND_COUNT
};
const char *us_run_kind_text(enum us_run_kind kind); /* "full", "single", "simulation", "apply", "undo", "edit", "cleanup", "delta" */
bool us_run_kind_parse(struct us_slice text, enum us_run_kind *ret_kind);

/* What made a run start. MISSED: the schedule, to make up for times that passed without a server. APPLICATION: one that this server serves. PUSH: an identity
 * provider that has pushed. NONE: an older version did not write it down. */
enum us_run_trigger { US_TRIGGER_NONE, US_TRIGGER_API, US_TRIGGER_CLI, US_TRIGGER_SCHEDULE, US_TRIGGER_MISSED, US_TRIGGER_APPLICATION, US_TRIGGER_PUSH,
	US_TRIGGER_COUNT };
const char *us_run_trigger_text(enum us_run_trigger trigger); /* NULL, "api", "cli", "schedule", "missed", "application", "push" */
enum us_run_trigger us_run_trigger_parse(struct us_slice text); /* NONE for anything else */

/* Outcomes of users and groups; memberships counted by one. */
struct us_report {
	int64_t users[US_OUTCOME_COUNT], groups[US_OUTCOME_COUNT];
	int64_t memberships_added, memberships_removed, memberships_not_modified;
	int64_t deactivated;   /* users updated from active to inactive: part of users[UPDATED or RENAMED] */
};
/* All outcomes of users: the model product's resultCount. */
int64_t us_report_user_total(const struct us_report *report);

/* As stored with a run; counts of zero may be left out, unknown members are passed over. US_INVALID: no object. */
void us_report_write(struct us_jsonw *w, const struct us_report *report);
enum us_errc us_report_parse(struct us_arena *arena, struct us_slice json, struct us_report *ret_report, struct us_err *err);

#endif
