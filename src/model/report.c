#include "model/report.h"

static const char *const statuses[] = {
	[US_RUN_SCHEDULED] = "SCHEDULED",
	[US_RUN_RUNNING] = "RUNNING",
	[US_RUN_DONE] = "DONE",
	[US_RUN_FAILED] = "FAILED",
	[US_RUN_HELD] = "HELD",
	[US_RUN_CANCELLED] = "CANCELLED",
	[US_RUN_INTERRUPTED] = "INTERRUPTED",
};
static const char *const kinds[] = {
	[US_RUN_FULL] = "full",
	[US_RUN_SINGLE] = "single",
	[US_RUN_SIMULATION] = "simulation",
	[US_RUN_APPLY] = "apply",
	[US_RUN_UNDO] = "undo",
	[US_RUN_EDIT] = "edit",
	[US_RUN_CLEANUP] = "cleanup",
	[US_RUN_DELTA] = "delta",
};

const char *us_run_status_text(enum us_run_status status) { return statuses[status]; }
const char *us_run_kind_text(enum us_run_kind kind) { return kinds[kind]; }

bool us_run_status_parse(struct us_slice text, enum us_run_status *ret_status)
{
	for (size_t i = 0; i < US_RUN_STATUS_COUNT; i++)
		if (us_slice_is(text, statuses[i])) {
			*ret_status = (enum us_run_status) i;
			return true;
		}
	return false;
}

bool us_run_kind_parse(struct us_slice text, enum us_run_kind *ret_kind)
{
	for (size_t i = 0; i < US_RUN_KIND_COUNT; i++)
		if (us_slice_is(text, kinds[i])) {
			*ret_kind = (enum us_run_kind) i;
			return true;
		}
	return false;
}

const char *us_run_trigger_text(enum us_run_trigger trigger)
{
	static const char *const texts[US_TRIGGER_COUNT] = { [US_TRIGGER_API] = "api", [US_TRIGGER_CLI] = "cli", [US_TRIGGER_SCHEDULE] = "schedule",
		[US_TRIGGER_MISSED] = "missed", [US_TRIGGER_APPLICATION] = "application", [US_TRIGGER_PUSH] = "push" };

	return texts[trigger];
}

enum us_run_trigger us_run_trigger_parse(struct us_slice text)
{
	for (int i = US_TRIGGER_NONE + 1; i < US_TRIGGER_COUNT; i++)
		if (us_slice_is(text, us_run_trigger_text((enum us_run_trigger) i)))
			return (enum us_run_trigger) i;
	return US_TRIGGER_NONE;
}

int64_t us_report_user_total(const struct us_report *report)
{
	int64_t total = 0;

	for (size_t i = 0; i < US_OUTCOME_COUNT; i++)
		total += report->users[i];
	return total;
}

static void write_outcomes(struct us_jsonw *w, const char *key, const int64_t *counts)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < US_OUTCOME_COUNT; i++)
		if (counts[i])
			us_jsonw_put_int(w, us_outcome_text((enum us_outcome) i), counts[i]);
	us_jsonw_close(w, '}');
}

void us_report_write(struct us_jsonw *w, const struct us_report *report)
{
	us_jsonw_open(w, '{');
	write_outcomes(w, "users", report->users);
	write_outcomes(w, "groups", report->groups);
	us_jsonw_put_int(w, "membershipsAdded", report->memberships_added);
	us_jsonw_put_int(w, "membershipsRemoved", report->memberships_removed);
	us_jsonw_put_int(w, "membershipsNotModified", report->memberships_not_modified);
	us_jsonw_put_int(w, "deactivated", report->deactivated);
	us_jsonw_close(w, '}');
}

enum us_errc us_report_parse(struct us_arena *arena, struct us_slice json, struct us_report *ret_report, struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(arena, json, US_JSON_LIMITS_SMALL, &doc, err);

	if (rc)
		return rc;
	if (doc->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "report is a %s, not an object", us_json_type_name(doc->type));
	const struct us_json *users = us_json_find(doc, "users"), *groups = us_json_find(doc, "groups");
	*ret_report = (struct us_report) {
		.memberships_added = us_json_int(doc, "membershipsAdded", 0),
		.memberships_removed = us_json_int(doc, "membershipsRemoved", 0),
		.memberships_not_modified = us_json_int(doc, "membershipsNotModified", 0),
		.deactivated = us_json_int(doc, "deactivated", 0),
	};
	for (size_t i = 0; i < US_OUTCOME_COUNT; i++) {
		ret_report->users[i] = us_json_int(users, us_outcome_text((enum us_outcome) i), 0);
		ret_report->groups[i] = us_json_int(groups, us_outcome_text((enum us_outcome) i), 0);
	}
	return US_OK;
}
