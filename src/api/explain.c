#include "api/explain.h"

#include "api/configuration.h"
#include "api/handlers.h"
#include "api/results.h"
#include "api/wait.h"
#include "base/fold.h"
#include "base/secret.h"
#include "model/sync_options.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/run.h"

enum { ROWS_SHOWN = 20, GROUPS_SHOWN = 1000, REASONS_MOST = 16 };

struct facts {
	struct us_api *api;
	struct us_arena arena;
	struct us_dbc *c;
	struct us_jsonw w;
	struct us_slice name;
	struct us_connector connector;
	struct us_sync_settings settings;
	struct us_directory directory;
	bool has_directory, has_user;
	uint32_t number; /* 0: nobody of that name is known to have been there */
	struct us_user_image user;
	struct us_run last; /* the newest run that read everything */
	bool has_last;
	int64_t held;         /* a run of the connector that waits for a decision; 0: none */
	struct us_change row; /* of the last run, or of the held one, for this user */
	bool has_row;
	struct us_change held_row; /* of the held run, for a user who is there */
	bool has_held_row;
	struct us_change failed; /* of the last run, for a user who is there */
	bool has_failed;
	struct us_named_row *named; /* rows that the name is found by */
	size_t n_named;
	bool asks;
	struct us_explained source;
	const char *reasons[REASONS_MOST];
	size_t n_reasons;
	struct us_err *err;
};

static void add_reason(struct facts *f, const char *text)
{
	if (f->n_reasons < REASONS_MOST)
		f->reasons[f->n_reasons++] = text;
}

#define reason(f, ...) add_reason(f, us_arena_printf(&(f)->arena, __VA_ARGS__))

/* ---- what is known ---- */

static bool is_name(struct facts *f, struct us_slice a)
{
	return a.p && us_slice_is_equal(us_fold(&f->arena, a), us_fold(&f->arena, f->name));
}

/* The row of a held run that would add the user: rows that add nobody's name elsewhere are not found by it. */
static enum us_errc find_held_row(struct facts *f)
{
	struct us_change *rows;
	size_t n;
	enum us_errc rc = us_run_list_changes(f->c, &f->arena, f->held, US_OBJECT_USER, -1, f->name, -1, 1000, &rows, &n, f->err);

	for (size_t i = 0; !rc && i < n && !f->has_row; i++)
		if (is_name(f, rows[i].name) || us_slice_is_equal(rows[i].id, f->name)) {
			f->row = rows[i];
			f->has_row = true;
		}
	return rc;
}

/* What a held run would do to a user who is there. */
static enum us_errc find_held_change(struct facts *f)
{
	struct us_change *rows;
	size_t n;
	enum us_errc rc = us_run_list_changes_of(f->c, &f->arena, f->held, US_OBJECT_USER, f->number, &rows, &n, f->err);

	for (size_t i = 0; !rc && i < n && !f->has_held_row; i++)
		if (us_outcome_is_written(rows[i].outcome)) {
			f->held_row = rows[i];
			f->has_held_row = true;
		}
	return rc;
}

/* What the last run could not do to a user who is there. */
static enum us_errc find_failure(struct facts *f)
{
	struct us_change *rows;
	size_t n;
	enum us_errc rc = us_run_list_changes_of(f->c, &f->arena, f->last.id, US_OBJECT_USER, f->number, &rows, &n, f->err);

	for (size_t i = 0; !rc && i < n && !f->has_failed; i++)
		if (rows[i].outcome == US_OUTCOME_FAILED) {
			f->failed = rows[i];
			f->has_failed = true;
		}
	return rc;
}

static enum us_errc find_runs(struct facts *f)
{
	enum us_errc rc = us_run_load_last_full(f->c, &f->arena, f->connector.id, &f->last, f->err);

	f->has_last = rc == US_OK;
	if (rc && rc != US_NOT_FOUND)
		return rc;
	return us_run_find_held(f->c, f->connector.id, &f->held, f->err);
}

static enum us_errc gather(struct facts *f)
{
	enum us_errc rc = us_directory_load(f->c, &f->arena, f->connector.directory, &f->directory, f->err);

	if (rc && rc != US_NOT_FOUND)
		return rc;
	f->has_directory = !rc;
	if (f->has_directory) {
		rc = us_object_find_user(f->c, &f->arena, f->directory.id, f->name, &f->number, &f->user, f->err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		f->has_user = !rc;
	}
	rc = us_run_list_named(f->c, &f->arena, f->connector.directory, f->name, ROWS_SHOWN, &f->named, &f->n_named, f->err);
	for (size_t i = 0; !rc && i < f->n_named; i++)
		if (!f->has_user && !f->number && us_outcome_is_written(f->named[i].change.outcome))
			f->number = f->named[i].change.number;
	if (rc == US_OK)
		rc = find_runs(f);
	for (size_t i = 0; !rc && i < f->n_named && f->has_last && !f->has_row; i++)
		if (f->named[i].run == f->last.id) {
			f->row = f->named[i].change;
			f->has_row = true;
		}
	if (rc == US_OK && f->held && !f->has_user && !f->has_row)
		rc = find_held_row(f);
	if (rc == US_OK && f->held && f->has_user)
		rc = find_held_change(f);
	if (rc == US_OK && f->has_last && f->has_user && f->last.directory == f->connector.directory)
		rc = find_failure(f);
	return rc;
}

/* ---- why ---- */

static void say_held(struct facts *f, const struct us_change *row)
{
	reason(f, "Held in run %lld, which would set %s: " US_SLICE_FMT ". Approve or reject what is held.", (long long) f->held,
		us_outcome_text(row->outcome), US_SLICE_ARG(row->reason));
}

static void say_there(struct facts *f)
{
	const struct us_user_image *u = &f->user;

	if (!u->owned)
		add_reason(f, "The user is local to the directory; the connector does not touch them.");
	else if (u->retired.since)
		reason(f, "The user was cleaned up by connector %lld, because no login was known for too long; a login that is reported, or a single update, undoes that.",
			(long long) u->retired.by);
	else if (u->missing_since)
		add_reason(f, "The user was not in the last complete listing and has been cleaned up.");
	else
		reason(f, "The user was made by connector \"" US_SLICE_FMT "\" from the object with id " US_SLICE_FMT ".", US_SLICE_ARG(f->connector.name),
			US_SLICE_ARG(u->user.id));
}

static bool has_written(const struct us_named_row *n)
{
	return n->kind != US_RUN_SIMULATION && (n->status == US_RUN_DONE || n->status == US_RUN_FAILED);
}

/* One row that the name is found by. */
static void say_named(struct facts *f, const struct us_named_row *n)
{
	const struct us_change *c = &n->change;
	const char *outcome = us_outcome_text(c->outcome);
	const char *colon = c->reason.n ? ": " : "";
	long long run = (long long) n->run;

	if (n->status == US_RUN_HELD || c->outcome == US_OUTCOME_HELD)
		reason(f, "Held in run %lld%s" US_SLICE_FMT ". Approve or reject what is held.", run, colon, US_SLICE_ARG(c->reason));
	else if (!has_written(n))
		reason(f, "Run %lld (%s, %s) plans %s, which is not applied%s" US_SLICE_FMT ".", run, us_run_kind_text(n->kind), us_run_status_text(n->status),
			outcome, colon, US_SLICE_ARG(c->reason));
	else if (c->outcome == US_OUTCOME_DELETED)
		reason(f, "The user was deleted by run %lld%s" US_SLICE_FMT ".", run, colon, US_SLICE_ARG(c->reason));
	else if (c->outcome == US_OUTCOME_ANONYMIZED)
		reason(f, "The user was anonymised by run %lld%s" US_SLICE_FMT ".", run, colon, US_SLICE_ARG(c->reason));
	else if (c->outcome == US_OUTCOME_RENAMED && c->user.after)
		reason(f, "The user was renamed to \"" US_SLICE_FMT "\" by run %lld.", US_SLICE_ARG(c->user.after->user.name), run);
	else
		reason(f, "Run %lld: %s%s" US_SLICE_FMT, run, outcome, colon, US_SLICE_ARG(c->reason));
}

static void say_missing(struct facts *f)
{
	long long run = (long long) f->last.id;

	if (!f->has_directory) {
		reason(f, "Directory %lld does not exists: save the connector to make it again.", (long long) f->connector.directory);
		return;
	}
	if (f->held && f->has_row && f->n_named == 0)
		say_held(f, &f->row);
	/* The newest row says why; older ones are history. */
	if (f->n_named)
		say_named(f, &f->named[0]);
	else if (!f->has_last)
		add_reason(f, "The connector has not run yet.");
	else if (!f->has_row && f->last.status == US_RUN_DONE)
		reason(f, "Run %lld, which read everything, met nobody of that name: the identity provider does not list the user "
			"within the connector's scope and filter, or gives another name.", run);
	else if (!f->has_row)
		reason(f, "Run %lld ended %s and says nothing about that name.", run, us_run_status_text(f->last.status));
}

/* What a sync would do, as far as one record can say. */
static void say_next(struct facts *f)
{
	const struct us_named_row *newest = f->n_named ? &f->named[0] : NULL;
	const char *what = f->source.is_there ? "give the user this name" : "add the user";

	if (f->has_user && f->user.owned && f->user.missing_since && !f->user.retired.since)
		add_reason(f, "By what the source says now, a sync would bring the user back.");
	else if (!f->has_user && newest && newest->change.outcome == US_OUTCOME_FAILED && has_written(newest))
		reason(f, "The source's record alone would let a sync %s: what stood against it in run %lld may still do so.", what, (long long) newest->run);
	else if (!f->has_user)
		reason(f, "By what the source says now, a sync would %s.", what);
}

/* What holds now comes before what was found when the last run was made. */
static void say_why(struct facts *f)
{
	if (f->has_user)
		say_there(f);
	bool is_now = f->asks && f->source.is_reached;
	for (size_t i = 0; i < f->source.n_reasons && is_now; i++)
		add_reason(f, f->source.reasons[i]);
	if (!f->has_user)
		say_missing(f);
	if (f->has_held_row)
		say_held(f, &f->held_row);
	if (f->has_failed)
		reason(f, "Run %lld: FAILED: " US_SLICE_FMT, (long long) f->last.id, US_SLICE_ARG(f->failed.reason));
	if (f->asks && f->source.is_wanted && f->has_directory)
		say_next(f);
	for (size_t i = 0; i < f->source.n_reasons && !is_now; i++)
		add_reason(f, f->source.reasons[i]);
}

/* ---- the answer ---- */

static const char *why_group(const struct facts *f, const struct us_member *member, struct us_slice name)
{
	if (!member->owned)
		return "a local membership: added in the directory itself";
	for (size_t i = 0; i < f->settings.n_assigned; i++)
		if (us_hash_is_equal(us_fold_hash(f->settings.assigned[i]), us_fold_hash(name)))
			return "assignGroups gives it to every user";
	return f->settings.flattens_groups ? "the identity provider lists the user as a member, directly or through a nested group"
	                                   : "the identity provider lists the user as a direct member";
}

static enum us_errc put_nested(struct facts *f, const struct us_member *groups, size_t n_groups)
{
	struct us_nested *nested = NULL;
	size_t n = 0;
	enum us_errc rc = us_object_load_nesting(f->c, &f->arena, f->directory.id, groups, n_groups, GROUPS_SHOWN, &nested, &n, f->err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct us_group_image group, through;
		if ((rc = us_object_load_group(f->c, &f->arena, f->directory.id, nested[i].number, &group, f->err)) ||
			(rc = us_object_load_group(f->c, &f->arena, f->directory.id, nested[i].through, &through, f->err)))
			break;
		us_jsonw_open(&f->w, '{');
		us_jsonw_put_string(&f->w, "name", group.group.name);
		us_jsonw_put_text(&f->w, "why", us_arena_printf(&f->arena, "nested: the group \"" US_SLICE_FMT "\" is in it", US_SLICE_ARG(through.group.name)));
		us_jsonw_put_string(&f->w, "through", through.group.name);
		us_jsonw_close(&f->w, '}');
	}
	return rc;
}

static enum us_errc put_groups(struct facts *f)
{
	const struct us_member *groups = NULL;
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (f->has_user)
		rc = us_object_load_groups_of_user(f->c, &f->arena, f->directory.id, f->number, &groups, &n, f->err);
	us_jsonw_key(&f->w, "groups");
	us_jsonw_open(&f->w, '[');
	for (size_t i = 0; !rc && i < n && i < GROUPS_SHOWN; i++) {
		struct us_group_image group;
		rc = us_object_load_group(f->c, &f->arena, f->directory.id, groups[i].number, &group, f->err);
		if (rc)
			break;
		us_jsonw_open(&f->w, '{');
		us_jsonw_put_string(&f->w, "name", group.group.name);
		us_jsonw_put_text(&f->w, "why", why_group(f, &groups[i], group.group.name));
		us_jsonw_close(&f->w, '}');
	}
	if (!rc && n)
		rc = put_nested(f, groups, n);
	us_jsonw_close(&f->w, ']');
	return rc;
}

static enum us_errc put_history(struct facts *f)
{
	struct us_touched *touched = NULL;
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (f->number)
		rc = us_run_list_touching(f->c, &f->arena, f->connector.directory, US_OBJECT_USER, f->number, 0, ROWS_SHOWN, &touched, &n, f->err);
	us_jsonw_key(&f->w, "history");
	us_jsonw_open(&f->w, '[');
	for (size_t i = 0; !rc && i < n; i++) {
		us_jsonw_open(&f->w, '{');
		us_jsonw_put_int(&f->w, "run", touched[i].run);
		us_call_put_time(&f->w, "finished", touched[i].finished);
		us_jsonw_key(&f->w, "change");
		us_results_write_row(&f->w, f->c, &f->arena, f->connector.directory, &touched[i].change);
		us_jsonw_close(&f->w, '}');
	}
	us_jsonw_close(&f->w, ']');
	return rc;
}

static void put_last_run(struct facts *f)
{
	us_jsonw_key(&f->w, "lastRun");
	if (!f->has_last) {
		us_jsonw_null(&f->w);
		return;
	}
	us_jsonw_open(&f->w, '{');
	us_jsonw_put_int(&f->w, "id", f->last.id);
	us_jsonw_put_text(&f->w, "kind", us_run_kind_text(f->last.kind));
	us_jsonw_put_text(&f->w, "status", us_run_status_text(f->last.status));
	us_jsonw_key(&f->w, "change");
	if (f->has_row)
		us_results_write_row(&f->w, f->c, &f->arena, f->connector.directory, &f->row);
	else
		us_jsonw_null(&f->w);
	us_jsonw_close(&f->w, '}');
}

static enum us_errc put_answer(struct facts *f)
{
	struct us_jsonw *w = &f->w;

	say_why(f);
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "username", f->name);
	us_jsonw_put_string(w, "connectorUID", f->connector.uuid);
	us_jsonw_put_int(w, "directoryId", f->connector.directory);
	us_jsonw_put_bool(w, "found", f->has_user);
	us_jsonw_put_text(w, "why", f->n_reasons ? f->reasons[0] : "");
	us_jsonw_key(w, "reasons");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < f->n_reasons; i++)
		us_jsonw_text(w, f->reasons[i]);
	us_jsonw_close(w, ']');
	us_jsonw_key(w, "user");
	if (f->has_user)
		us_user_image_write(w, &f->user);
	else
		us_jsonw_null(w);
	us_jsonw_key(w, "source");
	if (f->asks)
		us_jsonw_raw(w, us_str_slice(&f->source.source));
	else
		us_jsonw_null(w);
	enum us_errc rc = put_groups(f);
	us_jsonw_key(w, "groupRules");
	us_jsonw_raw(w, f->asks ? us_str_slice(&f->source.rules) : US_SLICE("[]"));
	put_last_run(f);
	if (!rc)
		rc = put_history(f);
	us_jsonw_close(w, '}');
	return rc;
}

enum us_errc us_explain_answer(struct us_api *api, struct us_slice connector, struct us_slice request, const atomic_bool *cancel, struct us_str *body,
	struct us_err *err)
{
	struct facts f = { .api = api, .w = US_JSONW_INIT(body), .err = err };
	struct us_store *store = api->conf.store;
	const struct us_json *doc, *configuration;
	enum us_errc rc = us_json_parse(&f.arena, request, US_JSON_LIMITS_SMALL, &doc, err);

	if (rc == US_OK) {
		f.name = us_json_string(doc, "username");
		f.asks = us_json_bool(doc, "source", true);
		configuration = us_json_find(doc, "configuration");
		/* Nothing of the store is held while the source is asked. */
		if (f.asks) {
			struct us_explain_ask ask = { .connector = connector, .username = f.name, .configuration = configuration };
			rc = us_job_explain(api->conf.job, &ask, cancel, &f.source, err);
		}
		if (rc == US_OK)
			rc = us_db_lease_reader(store->db, &f.c, err);
	}
	if (rc == US_OK)
		rc = us_connector_find(store, f.c, &f.arena, connector, US_SECRETS_HIDDEN, &f.connector, err);
	if (rc == US_OK) {
		us_sync_settings_read(configuration ? configuration : f.connector.configuration, NULL, &f.settings);
		rc = gather(&f);
	}
	if (rc == US_OK)
		rc = put_answer(&f);
	if (f.c)
		us_db_release(f.c);
	us_explained_fini(&f.source);
	us_arena_fini(&f.arena);
	return rc;
}

/* ---- the calls ---- */

static void write_request(struct us_call *call, bool asks, const struct us_json *configuration, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_jsonw_open(&w, '{');
	us_jsonw_put_string(&w, "username", call->parameters[1]);
	us_jsonw_put_bool(&w, "source", asks);
	if (configuration) {
		us_jsonw_key(&w, "configuration");
		us_jsonw_value(&w, configuration);
	}
	us_jsonw_close(&w, '}');
}

static enum us_errc find_connector(struct us_call *call, struct us_connector *ret_connector, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_connector_find(call->api->conf.store, call->c, call->arena, call->parameters[0], US_SECRETS_HIDDEN, ret_connector, err);
	us_call_release(call);
	return rc;
}

enum us_errc us_explain_user(struct us_call *call, struct us_err *err)
{
	static const atomic_bool never;
	struct us_slice source = us_target_parameter(&call->request->target, "source");
	struct us_str request = US_STR_INIT;
	struct us_connector c;
	enum us_errc rc = US_OK;

	if (source.n && !us_slice_is(source, "0") && !us_slice_is(source, "1"))
		return us_err_set(err, US_INVALID, "source must be 0 or 1");
	if ((rc = find_connector(call, &c, err)))
		return rc;
	bool asks = !us_slice_is(source, "0");
	write_request(call, asks, NULL, &request);
	rc = asks ? us_wait_for_explanation(call, c.uuid, us_str_slice(&request), err)
	          : us_explain_answer(call->api, c.uuid, us_str_slice(&request), &never, call->w.out, err);
	us_str_fini(&request);
	return rc;
}

enum us_errc us_explain_user_with(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "configuration", NULL };
	const struct us_json *body, *configuration;
	struct us_str request = US_STR_INIT;
	struct us_connector c = { 0 };
	enum us_errc rc = find_connector(call, &c, err);

	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	us_call_refuse_others(call, body, known);
	configuration = us_json_find(body, "configuration");
	const struct us_type *type = us_type_find(call->api->conf.types, c.type);
	if (!configuration || configuration->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, "configuration", "must be an object");
	} else if (type) {
		us_configuration_check(call, type, configuration, &call->problems);
		us_option_check_hidden(call->arena, type->options, configuration, c.configuration, &call->problems);
	}
	if ((rc = us_call_check_problems(call, err)))
		return rc;
	write_request(call, true, configuration, &request);
	rc = us_wait_for_explanation(call, c.uuid, us_str_slice(&request), err);
	us_secret_wipe_str(&request);
	return rc;
}
