/* Explain: what the directory holds of a user, what touched them, and why they are missing if that is known */
#include "api/handlers.h"
#include "api/results.h"
#include "base/fold.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/run.h"

enum { ROWS_SHOWN = 20, RUNS_SEARCHED = 20, GROUPS_SHOWN = 1000 };

struct facts {
	struct us_connector connector;
	struct us_directory directory;
	bool has_directory, has_user;
	uint32_t number;
	struct us_user_image user;
	struct us_run last; /* the newest run that read everything, within the last RUNS_SEARCHED */
	bool has_last;
	struct us_change row; /* of that run, for this user */
	bool has_row;
};

static bool is_name(struct us_call *call, struct us_slice a, struct us_slice b)
{
	return a.p && us_slice_is_equal(us_fold(call->arena, a), us_fold(call->arena, b));
}

/* The row of a run that names the user; a user who was left as they were has none. */
static enum us_errc find_row(struct us_call *call, struct facts *f, struct us_slice name, struct us_err *err)
{
	struct us_change *rows;
	size_t n;
	enum us_errc rc = us_run_list_changes(call->c, call->arena, f->last.id, US_OBJECT_USER, -1, name, -1, 1000, &rows, &n, err);

	for (size_t i = 0; !rc && i < n && !f->has_row; i++)
		if (is_name(call, rows[i].name, name) || us_slice_is_equal(rows[i].id, name) ||
			(rows[i].user.before && is_name(call, rows[i].user.before->user.name, name))) {
			f->row = rows[i];
			f->has_row = true;
		}
	return rc;
}

static enum us_errc find_last(struct us_call *call, struct facts *f, struct us_err *err)
{
	struct us_run *runs;
	size_t n;
	enum us_errc rc = us_run_list(call->c, call->arena, f->connector.id, 0, RUNS_SEARCHED, &runs, &n, err);

	for (size_t i = 0; !rc && i < n && !f->has_last; i++)
		if ((runs[i].kind == US_RUN_FULL || runs[i].kind == US_RUN_SIMULATION) && runs[i].status != US_RUN_SCHEDULED &&
			runs[i].status != US_RUN_RUNNING) {
			f->last = runs[i];
			f->has_last = true;
		}
	return rc;
}

static enum us_errc gather(struct us_call *call, struct facts *f, struct us_slice name, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_connector_find(call->api->conf.store, call->c, call->arena, call->parameters[0], US_SECRETS_HIDDEN, &f->connector, err);
	if (rc)
		return rc;
	rc = us_directory_load(call->c, call->arena, f->connector.directory, &f->directory, err);
	if (rc && rc != US_NOT_FOUND)
		return rc;
	f->has_directory = !rc;
	if (f->has_directory) {
		rc = us_object_find_user(call->c, call->arena, f->directory.id, name, &f->number, &f->user, err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		f->has_user = !rc;
	}
	rc = find_last(call, f, err);
	if (!rc && f->has_last)
		rc = find_row(call, f, name, err);
	return rc;
}

static const char *why_there(struct us_call *call, const struct facts *f)
{
	const struct us_user_image *u = &f->user;

	if (!u->owned)
		return "The user is local to the directory; the connector does not touch them.";
	if (u->missing_since)
		return "The user was not in the last complete listing and has been cleaned up.";
	return us_arena_printf(call->arena, "The user was made by connector \"" US_SLICE_FMT "\" from the object with id " US_SLICE_FMT ".",
		US_SLICE_ARG(f->connector.name), US_SLICE_ARG(u->user.id));
}

static const char *why_missing(struct us_call *call, const struct facts *f)
{
	long long run = (long long) f->last.id;

	if (!f->has_directory)
		return us_arena_printf(call->arena, "Directory %lld does not exists: save the connector to make it again.",
			(long long) f->connector.directory);
	if (!f->has_last)
		return "The connector has not run yet.";
	if (!f->has_row) {
		if (f->last.status == US_RUN_DONE)
			return us_arena_printf(call->arena, "Run %lld, which read everything, met nobody of that name: the identity provider does not list the user "
				"within the connector's scope and filter, or gives another name.", run);
		return us_arena_printf(call->arena, "Run %lld ended %s and says nothing about that name.", run, us_run_status_text(f->last.status));
	}
	if (f->last.kind == US_RUN_SIMULATION || f->last.status != US_RUN_DONE)
		return us_arena_printf(call->arena, "Run %lld (%s, %s) plans %s, which is not applied.", run, us_run_kind_text(f->last.kind),
			us_run_status_text(f->last.status), us_outcome_text(f->row.outcome));
	return us_arena_printf(call->arena, "Run %lld: %s%s" US_SLICE_FMT, run, us_outcome_text(f->row.outcome), f->row.reason.n ? ": " : "",
		US_SLICE_ARG(f->row.reason));
}

static enum us_errc put_groups(struct us_call *call, const struct facts *f, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	const struct us_member *groups = NULL;
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (f->has_user)
		rc = us_object_load_groups_of_user(call->c, call->arena, f->directory.id, f->number, &groups, &n, err);
	us_jsonw_key(w, "groups");
	us_jsonw_open(w, '[');
	for (size_t i = 0; !rc && i < n && i < GROUPS_SHOWN; i++) {
		struct us_group_image group;
		rc = us_object_load_group(call->c, call->arena, f->directory.id, groups[i].number, &group, err);
		if (rc)
			break;
		us_jsonw_open(w, '{');
		us_jsonw_put_string(w, "name", group.group.name);
		us_jsonw_put_text(w, "why", groups[i].owned ? "the identity provider lists the user as a direct member" : "added in the directory itself");
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
	return rc;
}

static enum us_errc put_history(struct us_call *call, const struct facts *f, struct us_err *err)
{
	struct us_jsonw *w = &call->w;
	struct us_touched *touched = NULL;
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (f->has_user)
		rc = us_run_list_touching(call->c, call->arena, f->directory.id, US_OBJECT_USER, f->number, 0, ROWS_SHOWN, &touched, &n, err);
	us_jsonw_key(w, "history");
	us_jsonw_open(w, '[');
	for (size_t i = 0; !rc && i < n; i++) {
		us_jsonw_open(w, '{');
		us_jsonw_put_int(w, "run", touched[i].run);
		us_call_put_time(w, "finished", touched[i].finished);
		us_jsonw_key(w, "change");
		us_results_write_row(w, call->c, call->arena, f->directory.id, &touched[i].change);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
	return rc;
}

enum us_errc us_explain_user(struct us_call *call, struct us_err *err)
{
	struct us_slice name = call->parameters[1];
	struct us_jsonw *w = &call->w;
	struct facts f = { .has_user = false };
	enum us_errc rc = gather(call, &f, name, err);

	if (rc)
		return rc;
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "username", name);
	us_jsonw_put_string(w, "connectorUID", f.connector.uuid);
	us_jsonw_put_int(w, "directoryId", f.connector.directory);
	us_jsonw_put_bool(w, "found", f.has_user);
	us_jsonw_put_text(w, "why", f.has_user ? why_there(call, &f) : why_missing(call, &f));
	us_jsonw_key(w, "user");
	if (f.has_user)
		us_user_image_write(w, &f.user);
	else
		us_jsonw_null(w);
	rc = put_groups(call, &f, err);
	us_jsonw_key(w, "lastRun");
	if (f.has_last) {
		us_jsonw_open(w, '{');
		us_jsonw_put_int(w, "id", f.last.id);
		us_jsonw_put_text(w, "kind", us_run_kind_text(f.last.kind));
		us_jsonw_put_text(w, "status", us_run_status_text(f.last.status));
		us_jsonw_key(w, "change");
		if (f.has_row)
			us_results_write_row(w, call->c, call->arena, f.directory.id, &f.row);
		else
			us_jsonw_null(w);
		us_jsonw_close(w, '}');
	} else {
		us_jsonw_null(w);
	}
	if (!rc)
		rc = put_history(call, &f, err);
	us_jsonw_close(w, '}');
	return rc;
}
