#include "sync/run.h"

#include <stdio.h>

#include "base/clock.h"
#include "model/difference.h"
#include "model/sync_options.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/object.h"
#include "store/setting.h"
#include "sync/apply.h"
#include "sync/guard.h"
#include "sync/inactive.h"
#include "sync/last_admin.h"
#include "sync/messages.h"
#include "sync/protect.h"
#include "sync/split.h"
#include "sync/undo.h"
#include "sync/want.h"

/* Everything of one execution; its arena dies with it. */
struct act {
	struct us_sync *sync;
	struct us_dbc *reader;
	struct us_arena arena;
	struct us_run run;
	struct us_connector connector;
	struct us_sync_settings settings;
	struct us_rules *rules;
	struct us_predicate *predicate;
	const struct us_source_ops *ops;
	struct us_source *source;
	struct us_mapping *mapping;
	struct us_have have;
	struct us_plan *plan;
	struct us_rows rows;
	struct us_messages messages;
	struct us_plan_counts counts;
	struct us_certificate certificate;
	struct us_want_scope scope; /* of the read */
	struct us_err source_err;  /* what cut the read short */
	bool is_partial;
	bool is_guest;             /* the directory is not the connector's own; it reads no source */
	bool is_local;             /* the directory has no connector at all */
	struct us_verdict verdict;
	struct us_last_admin last_admin; /* of that rule */
	bool splits;               /* what the plan takes away waits as a run of its own */
	struct us_str certificate_json, held_json, scope_json;
	enum us_run_status status; /* that it ends with */
	bool drops_rows;           /* its plan was never whole, or could not be written */
	struct us_err *err;
};

static void enter(struct act *a, int phase) { a->sync->progress->phase = phase; }

/* A failure of the run: its message, its status. */
static enum us_errc fail(struct act *a, enum us_errc rc)
{
	a->status = rc == US_CANCELLED ? US_RUN_CANCELLED : US_RUN_FAILED;
	us_messages_add(&a->messages, "%s", a->err->text);
	/* Nothing was written: no counter and no row may look as if. */
	a->run.report = (struct us_report) { 0 };
	a->run.n_changes = 0;
	a->drops_rows = true;
	return rc;
}

/* ---- opening ---- */

static enum us_errc open_connector(struct act *a)
{
	char key[24];
	struct us_directory directory;
	enum us_errc rc;

	snprintf(key, sizeof key, "%lld", (long long) a->run.connector);
	rc = us_connector_find(a->sync->store, a->reader, &a->arena, us_slice(key), US_SECRETS_CLEAR, &a->connector, a->err);
	if (rc)
		return rc;
	struct us_setting defaults;
	rc = us_setting_load(a->reader, &a->arena, US_SETTING_LIMITS, &defaults, a->err);
	if (rc)
		return rc;
	a->predicate = us_predicate_new(a->connector.configuration, a->connector.name);
	a->ops = us_source_find(a->connector.type);
	if (!a->ops)
		return us_err_set(a->err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(a->connector.type));
	const struct us_json *common = us_sync_settings_common(&a->arena, a->ops->type.options, a->connector.configuration);
	us_sync_settings_read(common, defaults.value, &a->settings);
	a->rules = us_rules_new(common);
	const char *option = a->ops->type.directory_option;
	a->is_guest = option != NULL;
	a->run.directory = a->connector.directory;
	if (a->is_guest) {
		/* Found anew in each run: it may have been made again since the connector was saved. */
		rc = us_connector_find_directory(a->sync->store, a->reader, us_json_string(a->connector.configuration, option), &a->run.directory, a->err);
		if (rc)
			return rc;
		/* There is nothing in its plans that could go on. */
		a->settings.holds_cleanup_only = false;
	}
	rc = us_directory_load(a->reader, &a->arena, a->run.directory, &directory, a->err);
	if (rc)
		return rc;
	a->is_local = a->is_guest && !directory.connector.p;
	a->sync->progress->total_users = directory.n_users;
	us_sync_settings_scope(a->ops->type.options, a->connector.configuration, &a->scope_json);
	return US_OK;
}

static enum us_errc open_source(struct act *a)
{
	struct us_conf conf = { a->ops->type.options, a->connector.configuration };
	enum us_errc rc = us_mapping_new(&a->arena, a->ops->type.preset, a->connector.configuration, a->connector.name, &a->mapping, a->err);

	return rc ? rc : a->ops->open(&conf, a->sync->cancel, &a->source, a->err);
}

/* As soon as all is read: what the source remembers of its listings is not needed for the rest of the run. */
static void close_source(struct act *a)
{
	if (!a->source)
		return;
	a->sync->source_requests = a->source->stats.requests;
	a->sync->source_retries = a->source->stats.retries;
	a->ops->close(a->source);
	a->source = NULL;
}

static void close_plan(struct act *a)
{
	us_plan_free(a->plan);
	a->plan = NULL;
	us_have_fini(&a->have);
}

static void open_plan(struct act *a, bool is_single)
{
	struct us_plan_input in = { .have = &a->have,
		.settings = a->settings,
		.rules = a->rules,
		.predicate = a->predicate,
		.is_single = is_single,
		.is_narrowed = a->scope.n > 0,
		.now_s = a->run.started };

	a->plan = us_plan_new(&in);
	a->run.base_revision = a->have.revision;
}

/* ---- planning ---- */

static struct us_want want_of(struct act *a)
{
	struct us_sync_progress *p = a->sync->progress;

	return (struct us_want) {
		.source = a->source, .mapping = a->mapping, .have = &a->have,
		.plan = a->plan, .rows = &a->rows, .reader = a->reader, .directory = a->run.directory, .cancel = a->sync->cancel,
		.users = &p->users, .groups = &p->groups, .memberships = &p->memberships };
}

/* Collisions, cleanup and memberships: what can be known only when all is read. */
static enum us_errc finish_plan(struct act *a, const struct us_want *want, const struct us_plan_complete *complete)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_plan_given given = { 0 };
	struct us_plan_step step;
	enum us_errc rc = US_OK;

	enter(a, US_SYNC_PLAN);
	us_plan_end_reading(a->plan, complete);
	for (;;) {
		if (*a->sync->cancel) {
			rc = us_err_set(a->err, US_CANCELLED, "Cancelled while planning");
			break;
		}
		us_plan_next(a->plan, &arena, &given, &step);
		given = (struct us_plan_given) { 0 };
		if (step.kind == US_STEP_END)
			break;
		if (step.kind == US_STEP_ROW && step.change.object == US_OBJECT_MEMBERS && !step.change.name.p) {
			struct us_group_image image;
			rc = us_object_load_group(a->reader, &arena, a->run.directory, step.change.number, &image, a->err);
			if (rc)
				break;
			step.change.name = image.group.name;
			step.change.id = image.group.id;
		}
		if (us_step_has_row(step.kind)) {
			us_rows_add(&a->rows, &step);
			/* Nothing that the plan or the gathered rows still need lives longer than this flush. */
			if (arena.total_bytes > 1 << 20) {
				rc = us_rows_flush(&a->rows, a->err);
				us_arena_reset(&arena);
			}
		} else {
			if (arena.total_bytes > 1 << 20)
				rc = us_rows_flush(&a->rows, a->err);
			if (a->rows.n == 0 && a->rows.n_failures == 0)
				us_arena_reset(&arena);
			if (rc == US_OK)
				rc = us_want_load(want, &arena, &step, true, &given, a->err);
		}
		if (rc)
			break;
	}
	if (rc == US_OK)
		rc = us_rows_flush(&a->rows, a->err);
	if (rc == US_OK)
		us_plan_counts(a->plan, &a->counts);
	us_arena_fini(&arena);
	return rc;
}

/* Invariant L, kept for people: what was read and how its end was seen. */
static void write_certificate(struct act *a)
{
	struct us_jsonw w = US_JSONW_INIT(&a->certificate_json);
	const struct us_certificate *c = &a->certificate;

	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "whole", us_certificate_is_whole(c));
	us_jsonw_key(&w, "listings");
	us_jsonw_open(&w, '[');
	for (size_t i = 0; i < c->n; i++) {
		const struct us_certificate_row *row = &c->rows[i];
		us_jsonw_open(&w, '{');
		us_jsonw_put_text(&w, "listing", row->listing);
		us_jsonw_put_int(&w, "pages", row->pages);
		us_jsonw_put_int(&w, "rows", row->rows);
		if (row->announced >= 0)
			us_jsonw_put_int(&w, "announced", row->announced);
		us_jsonw_put_text(&w, "end", row->signal);
		us_jsonw_close(&w, '}');
	}
	us_jsonw_close(&w, ']');
	if (a->scope.n) {
		us_jsonw_key(&w, "scope");
		us_jsonw_open(&w, '{');
		us_jsonw_key(&w, "requiredGroups");
		us_jsonw_open(&w, '[');
		for (size_t i = 0; i < a->scope.n_names; i++)
			us_jsonw_string(&w, a->scope.names[i]);
		us_jsonw_close(&w, ']');
		us_jsonw_put_int(&w, "groups", (int64_t) a->scope.n);
		us_jsonw_close(&w, '}');
	}
	if (a->source) {
		us_jsonw_put_int(&w, "requests", a->source->stats.requests);
		us_jsonw_put_int(&w, "retries", a->source->stats.retries);
	}
	us_jsonw_close(&w, '}');
	a->run.certificate = us_str_slice(&a->certificate_json);
}

static struct us_plan_complete complete_of(const struct us_certificate *c)
{
	bool whole[3] = { true, true, true };

	for (size_t i = 0; i < c->n; i++)
		if (!c->rows[i].signal)
			whole[c->rows[i].kind] = false;
	return (struct us_plan_complete) { whole[US_RECORD_USER], whole[US_RECORD_GROUP], whole[US_RECORD_MEMBERS] };
}

/* Whether the run can go on with what was read: the error is of the source, and something was read. */
static bool may_go_on(const struct act *a)
{
	int64_t rows = 0;

	for (size_t i = 0; i < a->certificate.n; i++)
		rows += a->certificate.rows[i].rows;
	return a->source_err.code != US_CANCELLED && a->source_err.code != US_CONFIG && rows > 0 && !a->settings.all_or_nothing;
}

static enum us_errc plan_full(struct act *a)
{
	enum us_errc rc;

	enter(a, US_SYNC_INDEX);
	rc = us_object_load_have(a->reader, a->run.directory, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, false, &a->have, a->err);
	if (rc)
		return rc;
	enter(a, US_SYNC_READ);
	rc = open_source(a);
	if (rc)
		return rc;
	struct us_want want = want_of(a);
	rc = us_want_narrow(&want, a->rules, &a->arena, &a->scope, a->err);
	if (rc)
		return rc;
	open_plan(a, false);
	want.plan = a->plan;
	rc = us_want_read(&want, &a->certificate, &a->source_err, a->err);
	if (rc)
		return rc;
	write_certificate(a);
	close_source(a);
	if (a->source_err.code) {
		if (!may_go_on(a)) {
			*a->err = a->source_err;
			return a->err->code;
		}
		a->is_partial = true;
		us_messages_add(&a->messages, "Incomplete read: %s", a->source_err.text);
		us_messages_add(&a->messages, "What was read is brought up to date; nothing is cleaned up and no membership is removed.");
	}
	struct us_plan_complete complete = complete_of(&a->certificate);
	if (a->is_partial)
		complete = (struct us_plan_complete) { 0 };
	return finish_plan(a, &want, &complete);
}

/* A directory that is read from the store is read whole. */
static void write_guest_certificate(struct act *a)
{
	static const char end[] = "whole directory";

	a->certificate = (struct us_certificate) { .n = 1,
		.rows = { { .listing = "users", .kind = US_RECORD_USER, .pages = 1, .rows = a->have.users.n, .announced = -1, .signal = end } } };
	write_certificate(a);
}

static enum us_errc plan_guest(struct act *a)
{
	enum us_errc rc;

	if (a->run.kind == US_RUN_SINGLE)
		return us_err_set(a->err, US_CONFIG, "a connector of type " US_SLICE_FMT " has no single updates: start a sync or a simulation",
			US_SLICE_ARG(a->connector.type));
	enter(a, US_SYNC_INDEX);
	rc = us_object_load_have(a->reader, a->run.directory, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, false, &a->have, a->err);
	if (rc)
		return rc;
	a->run.base_revision = a->have.revision;
	enter(a, US_SYNC_PLAN);
	struct us_inactive in = { .reader = a->reader, .directory = a->run.directory, .configuration = a->connector.configuration, .rules = a->rules,
		.settings = { .connector = a->connector.id, .is_local = a->is_local, .now_s = a->run.started, .sync = &a->settings, .predicate = a->predicate },
		.have = &a->have, .rows = &a->rows, .messages = &a->messages, .cancel = a->sync->cancel, .users = &a->sync->progress->users };
	us_inactive_read(&(struct us_conf) { a->ops->type.options, a->connector.configuration }, &in.settings);
	rc = us_inactive_plan_all(&in, &a->counts, a->err);
	if (rc == US_OK)
		write_guest_certificate(a);
	return rc;
}

/* Asks by name; if the IdP does not know that name, by the id of the user that the directory has under it. */
static enum us_errc find_single(struct act *a, struct us_page *ret_page)
{
	struct us_user_image image;
	uint32_t number;
	enum us_errc rc = a->ops->find(a->source, a->run.key, false, &a->arena, ret_page, a->err);

	if (rc != US_NOT_FOUND)
		return rc;
	rc = us_object_find_user(a->reader, &a->arena, a->run.directory, a->run.key, &number, &image, NULL);
	if (rc == US_NOT_FOUND)
		return us_err_set(a->err, US_NOT_FOUND, "User <" US_SLICE_FMT "> " US_SYNC_UNKNOWN_USER, US_SLICE_ARG(a->run.key));
	if (rc)
		return us_err_set(a->err, rc, "cannot read the directory");
	if (!image.owned || !image.user.id.n) {
		us_messages_add(&a->messages, "User <" US_SLICE_FMT "> is local; it is not changed.", US_SLICE_ARG(a->run.key));
		return US_END;
	}
	rc = a->ops->find(a->source, image.user.id, true, &a->arena, ret_page, a->err);
	if (rc != US_NOT_FOUND)
		return rc;
	us_messages_add(&a->messages,
		"User <" US_SLICE_FMT "> is no longer at the identity provider; a single update cleans nobody up, a full sync will.",
		US_SLICE_ARG(a->run.key));
	a->counts.report.users[US_OUTCOME_NOT_MODIFIED]++;
	return US_END;
}

static struct us_slice *more_room(struct us_arena *arena, const struct us_slice *list, size_t n, size_t more)
{
	struct us_slice *out = us_arena_array(arena, n + more, sizeof *out);

	if (n)
		memcpy(out, list, n * sizeof *out);
	return out;
}

/* Ids and, once the directory's side of those ids is known (want->have), names. */
static enum us_errc collect_keys(const struct us_want *want, bool with_names, struct us_arena *arena, const struct us_page *page,
	const struct us_sync_settings *settings, struct us_object_keys *ret, struct us_err *err)
{
	struct us_slice *user_ids = us_arena_array(arena, page->n, sizeof *user_ids),
					*user_names = us_arena_array(arena, page->n, sizeof *user_ids);
	struct us_slice *group_ids = us_arena_array(arena, page->n, sizeof *user_ids),
					*group_names = us_arena_array(arena, page->n + settings->n_assigned, sizeof *user_ids);
	struct us_slice reason;

	*ret = (struct us_object_keys) {
		.user_ids = user_ids, .user_names = user_names, .group_ids = group_ids, .group_names = group_names
	};
	for (size_t i = 0; i < settings->n_assigned; i++)
		group_names[ret->n_group_names++] = settings->assigned[i];
	for (size_t i = 0; i < page->n; i++) {
		struct us_mapped mapped;
		struct us_group g;
		const struct us_record *r = &page->records[i];
		if (r->kind == US_RECORD_USER) {
			user_ids[ret->n_user_ids++] = r->id;
			enum us_errc rc = with_names ? us_want_map(want, arena, r, &mapped, err) : US_OK;
			if (rc)
				return rc;
			if (!with_names || mapped.kind != US_MAPPED_WANTED)
				continue;
			user_names[ret->n_user_names++] = mapped.user.name;
			/* The page has one user, mostly; one more with groups of an attribute needs more room. */
			group_ids = more_room(arena, group_ids, ret->n_group_ids, mapped.n_groups + page->n);
			group_names = more_room(arena, group_names, ret->n_group_names, mapped.n_groups + page->n);
			ret->group_ids = group_ids;
			ret->group_names = group_names;
			for (size_t k = 0; k < mapped.n_groups; k++) {
				group_ids[ret->n_group_ids++] = us_mapping_group_id(arena, mapped.groups[k]);
				group_names[ret->n_group_names++] = mapped.groups[k];
			}
		} else if (r->kind == US_RECORD_GROUP) {
			group_ids[ret->n_group_ids++] = r->id;
			if (us_mapping_group(want->mapping, r, arena, &g, &reason))
				group_names[ret->n_group_names++] = g.name;
		}
	}
	return US_OK;
}

static enum us_errc plan_single(struct act *a)
{
	struct us_page page = { 0 };
	struct us_object_keys keys;
	enum us_errc rc;

	enter(a, US_SYNC_READ);
	rc = open_source(a);
	if (rc)
		return rc;
	rc = find_single(a, &page);
	if (rc)
		return rc == US_END ? US_OK : rc;
	struct us_want want = want_of(a);
	rc = collect_keys(&want, false, &a->arena, &page, &a->settings, &keys, a->err);
	if (rc == US_OK)
		rc = us_object_load_have_some(a->reader, a->run.directory, &keys, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = collect_keys(&want, true, &a->arena, &page, &a->settings, &keys, a->err);
	us_have_fini(&a->have);
	if (rc == US_OK)
		rc = us_object_load_have_some(a->reader, a->run.directory, &keys, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, true, &a->have, a->err);
	if (rc)
		return rc;
	open_plan(a, true);
	want.plan = a->plan;
	rc = us_want_page(&want, &a->arena, &page, a->err);
	if (rc)
		return rc;
	struct us_plan_complete nothing = { 0 };
	return finish_plan(a, &want, &nothing);
}

static enum us_errc plan_undo(struct act *a)
{
	struct us_run turned;
	struct us_directory directory;
	enum us_errc rc = us_run_load(a->reader, &a->arena, a->run.plan_run, &turned, a->err);

	if (rc == US_OK)
		rc = us_directory_load(a->reader, &a->arena, a->run.directory, &directory, a->err);
	if (rc)
		return rc;
	if (turned.directory != a->run.directory)
		return us_err_set(a->err, US_CONFLICT, "Run %lld was made for directory %lld, which was replaced by directory %lld",
			(long long) turned.id, (long long) turned.directory, (long long) a->run.directory);
	a->run.base_revision = directory.revision;
	enter(a, US_SYNC_PLAN);
	struct us_undo undo = { .reader = a->reader, .directory = a->run.directory,
		.plan_run = turned.kind == US_RUN_APPLY ? turned.plan_run : turned.id, .report = &turned.report, .writer = turned.id, .is_local = a->is_local, .rows = &a->rows,
		.cancel = a->sync->cancel };
	struct us_undo_left left;
	rc = us_undo_plan(&undo, &a->counts, &left, a->err);
	if (rc == US_OK)
		us_undo_say(&left, &a->messages);
	return rc;
}

/* ---- judging and writing ---- */

static bool has_work(const struct us_report *r)
{
	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (us_outcome_is_written((enum us_outcome) i) && (r->users[i] || r->groups[i]))
			return true;
	return r->memberships_added || r->memberships_removed;
}

static bool writes_scope(const struct act *a)
{
	/* A plan that waited was made with the settings of then: whatever was saved since has not been applied by it. */
	if (a->run.decided_by.n && a->connector.updated >= a->run.started)
		return false;
	/* Nor is it applied while the cleanup that it leads to waits. */
	return ((a->run.kind == US_RUN_FULL && !a->splits) || a->run.kind == US_RUN_CLEANUP) && !a->is_partial && a->scope_json.n &&
		!us_slice_is_equal(a->connector.applied_scope, us_str_slice(&a->scope_json));
}

static void explain_verdict(struct act *a, const struct us_verdict *v, struct us_str *out);

/* The verdict, as the run's `held` and as one of its messages; part: the run that holds the cleanup, 0: all of it is held. */
static void say_verdict(struct act *a, int64_t part)
{
	struct us_str text = US_STR_INIT;

	/* A part has a time of its own; a simulation can be applied as long as its directory is as it was. */
	if (a->settings.held_expiry_s && !part && a->run.kind != US_RUN_SIMULATION)
		a->run.expires = us_clock_wall_s() + a->settings.held_expiry_s;
	us_str_clear(&a->held_json);
	us_guard_write(&a->verdict, part, &a->held_json);
	a->run.held = us_str_slice(&a->held_json);
	us_guard_describe(&a->verdict, part, &text);
	explain_verdict(a, &a->verdict, &text);
	us_messages_add(&a->messages, "%s%s", a->run.kind != US_RUN_SIMULATION ? "" : a->splits ? "Of a sync, the cleanup would be held: " :
		"A sync would be held: ", us_str_text(&text));
	us_str_fini(&text);
}

/* Before the rest is applied: its rows and counters go over to the run `part`. */
static enum us_errc split_plan(struct act *a, struct us_dbc *c, struct us_run *ret_part)
{
	struct us_split split = { .run = a->run.id, .report = a->run.report, .n_rows = (uint32_t) a->run.n_changes };
	enum us_errc rc = us_run_reserve(c, &split.part, a->err);

	if (rc == US_OK)
		rc = us_split_write(c, &split, a->err);
	if (rc)
		return rc;
	*ret_part = a->run;
	ret_part->id = split.part;
	ret_part->kind = US_RUN_CLEANUP;
	ret_part->plan_run = a->run.id;
	ret_part->report = split.part_report;
	ret_part->n_changes = split.part_n_rows;
	a->run.report = split.report;
	a->run.n_changes = split.n_rows;
	return US_OK;
}

/* After the run itself has ended: its cleanup waits, for the directory as it is now. */
static enum us_errc hold_part(struct act *a, struct us_dbc *c, struct us_run *part, int64_t now_s)
{
	struct us_directory directory;
	struct us_str held = US_STR_INIT, text = US_STR_INIT;
	enum us_errc rc = us_directory_load(c, &a->arena, a->run.directory, &directory, a->err);

	if (rc)
		return rc;
	part->base_revision = directory.revision;
	part->expires = a->settings.held_expiry_s ? now_s + a->settings.held_expiry_s : 0;
	us_guard_write(&a->verdict, 0, &held);
	part->held = us_str_slice(&held);
	us_guard_describe(&a->verdict, 0, &text);
	explain_verdict(a, &a->verdict, &text);
	rc = us_run_create_held(c, part, us_str_text(&text), now_s, a->err);
	us_str_fini(&held);
	us_str_fini(&text);
	return rc;
}

/* Invariant A: the plan, the directory's revision, the scope and the run's own end are one transaction. */
static enum us_errc write_plan(struct act *a)
{
	int64_t same;
	struct us_dbc *c;
	struct us_run part;
	struct us_messages_mark mark = us_messages_mark(&a->messages);
	struct us_apply apply = { .directory = a->run.directory,
		.plan_run = a->run.kind == US_RUN_APPLY ? a->run.plan_run : a->run.id, .revision = a->run.id,
		.base_revision = a->run.base_revision, .report = &a->run.report, .now_s = us_clock_wall_s(), .is_login = a->run.kind == US_RUN_SINGLE,
		.is_local = a->is_local, .retires = a->is_guest && a->run.kind != US_RUN_UNDO ? a->connector.id : 0,
		.applied = &a->sync->progress->applied };
	enum us_errc rc;

	if (!has_work(&a->run.report) && !writes_scope(a) && !a->splits)
		return US_OK;
	enter(a, US_SYNC_APPLY);
	rc = us_db_lease_writer(a->sync->store->db, &c, a->err);
	if (rc)
		return rc;
	rc = us_db_begin(c, a->err);
	/* Invariant O: a connector that was deleted meanwhile owns nothing any more. */
	if (rc == US_OK && (rc = us_connector_find_id(c, a->connector.uuid, &same, a->err)) == US_NOT_FOUND)
		rc = us_err_set(a->err, US_CONFLICT, "The connector was deleted while this run was going on; nothing was written");
	if (rc == US_OK && a->splits)
		rc = split_plan(a, c, &part);
	if (rc == US_OK && has_work(&a->run.report))
		rc = us_apply_plan(c, &apply, a->err);
	if (rc == US_OK && writes_scope(a))
		rc = us_connector_set_applied_scope(c, a->connector.id, us_str_slice(&a->scope_json), a->err);
	if (rc == US_OK) {
		int64_t now = us_clock_wall_s();
		a->status = a->is_partial ? US_RUN_FAILED : US_RUN_DONE;
		if (a->splits)
			say_verdict(a, part.id);
		a->run.messages = us_messages_text(&a->messages);
		rc = us_run_save(c, &a->run, now, a->err);
		if (rc == US_OK)
			rc = us_run_set_status(c, a->run.id, US_RUN_RUNNING, a->status, now, a->err);
		if (rc == US_OK && a->splits)
			rc = hold_part(a, c, &part, now);
	}
	if (rc == US_OK)
		rc = us_db_commit(c, a->err);
	/* Neither it nor its part is there. */
	if (rc && a->splits) {
		us_messages_reset(&a->messages, mark);
		a->run.held = US_SLICE_NONE;
	}
	us_db_release(c);
	return rc;
}

/* The names of groups of the plan: from the directory, or, of those that it does not have yet, from the plan's rows. */
static void write_group_names(struct act *a, const uint32_t *numbers, size_t n, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice names[8] = { US_SLICE_NONE };
	struct us_change_walk walk;
	struct us_change change;
	size_t missing = 0;

	us_assert(n <= sizeof names / sizeof *names);
	for (size_t i = 0; i < n; i++) {
		struct us_group_image image;
		if (us_object_load_group(a->reader, &a->arena, a->run.directory, numbers[i], &image, NULL) == US_OK)
			names[i] = image.group.name;
		else
			missing++;
	}
	if (missing && us_change_walk_begin(a->reader, a->run.id, US_OBJECT_GROUP, US_OUTCOME_ADDED, &walk, NULL) == US_OK) {
		for (; missing && us_change_walk_next(&walk, &arena, &change, NULL) == US_OK; us_arena_reset(&arena))
			for (size_t i = 0; i < n; i++)
				if (change.number == numbers[i]) {
					names[i] = us_slice_dup(&a->arena, change.name);
					missing--;
				}
		us_change_walk_end(&walk);
	}
	for (size_t i = 0; i < n; i++) {
		us_str_add_text(out, i ? ", " : ": ");
		if (names[i].p)
			us_str_add_slice(out, names[i]);
		else
			us_str_printf(out, "group number %u", numbers[i]);
	}
	us_arena_fini(&arena);
}

static void say_counts(struct act *a)
{
	const struct us_plan_counts *c = &a->counts;

	if (c->unidentified_users || c->unidentified_groups)
		us_messages_add(&a->messages,
			"%lld users and %lld groups were listed without a usable id; objects of that kind are not "
			"cleaned up.",
			(long long)c->unidentified_users, (long long)c->unidentified_groups);
	if (c->missing_required.p)
		us_messages_add(&a->messages,
			"No group matches <" US_SLICE_FMT
			"> of requiredGroups: correct the name, or remove it; no user is cleaned up "
			"until then.",
			US_SLICE_ARG(c->missing_required));
	if (c->has_unread_required)
		us_messages_add(
			&a->messages, "The members of a required group could not be read; no user is cleaned up.");
	if (c->protected_users)
		us_messages_add(&a->messages,
			"%lld users are no longer at the source, but protected: they are left as they are.",
			(long long)c->protected_users);
	/* Of a narrowed read, they are of users whom nobody asked for. */
	if (c->unresolved_members && !a->scope.n)
		us_messages_add(&a->messages, "%lld memberships name objects that were not listed; they are left out.",
			(long long) c->unresolved_members);
	if (c->n_cycles) {
		uint32_t numbers[5];
		size_t n = us_plan_cycle_numbers(a->plan, numbers, 5);
		struct us_str names = US_STR_INIT;
		write_group_names(a, numbers, n, &names);
		us_messages_add(&a->messages, "%u groups are members of themselves through others%s", c->n_cycles, us_str_text(&names));
		us_str_fini(&names);
	}
}

/* What an admin needs to know beside the numbers: which settings have changed, which group it is. */
static void explain_verdict(struct act *a, const struct us_verdict *v, struct us_str *out)
{
	if (v->rule == US_GUARD_GROUP_EMPTIED) {
		us_str_add_text(out, " Group");
		write_group_names(a, &v->group, 1, out);
	}
	if (v->rule == US_GUARD_LAST_ADMIN) {
		us_str_printf(out, " Group: " US_SLICE_FMT "; users: ", US_SLICE_ARG(a->last_admin.group));
		for (size_t i = 0; i < a->last_admin.n_users; i++)
			us_str_printf(out, "%s" US_SLICE_FMT, i ? ", " : "", US_SLICE_ARG(a->last_admin.users[i]));
		if (a->last_admin.n_active > (int64_t) a->last_admin.n_users)
			us_str_add_text(out, " and others");
	}
	if (v->rule == US_GUARD_SCOPE_CHANGED) {
		const struct us_json *was = NULL, *is = NULL;
		struct us_difference *list = NULL;
		if (us_json_parse(&a->arena, a->connector.applied_scope, US_JSON_LIMITS_SMALL, &was, NULL) == US_OK &&
			us_json_parse(&a->arena, us_str_slice(&a->scope_json), US_JSON_LIMITS_SMALL, &is, NULL) == US_OK)
			us_difference_add(&a->arena, a->ops->type.options, us_sync_options, "configuration", was, is, &list);
		for (const struct us_difference *d = list; d; d = d->next)
			us_str_printf(out, "%s%s", d == list ? " Changed: " : ", ", d->field);
	}
}

static void say_override(struct act *a, const struct us_verdict *passed, struct us_slice by, struct us_slice reason)
{
	struct us_str text = US_STR_INIT;

	us_guard_describe_passed(passed, &text);
	us_messages_add(&a->messages, "Overridden by " US_SLICE_FMT " (" US_SLICE_FMT "): %s.", US_SLICE_ARG(by), US_SLICE_ARG(reason), us_str_text(&text));
	us_str_fini(&text);
}

/* No number says it: who is in which group after the plan. */
static enum us_errc look_for_last_admin(struct act *a)
{
	const struct us_plan_counts *c = &a->counts;
	struct us_last_admin found;

	if (us_patterns_is_empty(a->rules->admin_groups) || (!c->users_removed && !c->groups_removed && !c->report.memberships_removed))
		return US_OK;
	enum us_errc rc = us_last_admin_find(a->reader, a->run.directory, a->run.id, a->rules->admin_groups, &a->arena, &found, a->err);
	if (rc == US_OK && found.group.p) {
		a->last_admin = found;
		a->verdict = (struct us_verdict) { US_GUARD_LAST_ADMIN, found.n_active, found.n_active, 0 };
	}
	return rc;
}

static enum us_errc judge_and_write(struct act *a)
{
	bool scope_changed = a->run.kind == US_RUN_FULL || a->run.kind == US_RUN_SIMULATION
		? a->connector.applied_scope.p && !us_slice_is_equal(a->connector.applied_scope, us_str_slice(&a->scope_json))
		: false;

	struct us_verdict passed = { .rule = US_GUARD_FREE };
	struct us_slice by, reason;
	unsigned overrides;
	us_override_read(&a->arena, a->run.override_of, &overrides, &by, &reason);
	a->verdict = us_guard_judge(&a->counts, &a->settings, scope_changed, overrides, &passed);
	enter(a, US_SYNC_GUARD);
	enum us_errc rc = a->verdict.rule == US_GUARD_FREE ? look_for_last_admin(a) : US_OK;
	if (rc)
		return rc;
	a->run.report = a->counts.report;
	a->run.n_changes = a->counts.n_rows;
	say_counts(a);
	if (overrides)
		say_override(a, &passed, by, reason);
	bool may_split = a->settings.holds_cleanup_only && (a->run.kind == US_RUN_FULL || a->run.kind == US_RUN_SIMULATION);
	if (a->verdict.rule != US_GUARD_FREE && may_split) {
		struct us_verdict rest = us_guard_judge_rest(&a->counts, &a->settings, overrides);
		a->splits = rest.rule == US_GUARD_FREE;
		/* What comes and changes may not go on by itself either. */
		if (!a->splits)
			a->verdict = rest;
	}
	bool is_simulation = a->run.kind == US_RUN_SIMULATION, is_held = a->verdict.rule != US_GUARD_FREE && !a->splits;
	if (is_held || (is_simulation && a->splits))
		say_verdict(a, 0);
	a->status = is_held && !is_simulation ? US_RUN_HELD : US_RUN_DONE;
	if (a->is_partial && a->status == US_RUN_DONE)
		a->status = US_RUN_FAILED;
	if (is_simulation || is_held)
		return US_OK;
	if (*a->sync->cancel)
		return us_err_set(a->err, US_CANCELLED, "Cancelled before anything was written");
	close_plan(a); /* it is in the store; applying it reads it from there */
	return write_plan(a);
}

/* As the certificate says that write_certificate wrote; runs that list nothing have none. */
static bool was_partial(struct us_slice certificate)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *doc;
	bool whole = true;

	if (certificate.n)
		whole = us_json_parse(&arena, certificate, US_JSON_LIMITS_PAGE, &doc, NULL) == US_OK && us_json_bool(doc, "whole", false);
	us_arena_fini(&arena);
	return !whole;
}

static enum us_errc write_stored(struct act *a)
{
	struct us_run planned;
	struct us_directory directory;
	int64_t id = a->run.kind == US_RUN_APPLY ? a->run.plan_run : a->run.id;
	enum us_errc rc = us_run_load(a->reader, &a->arena, id, &planned, a->err);

	if (rc == US_OK)
		rc = us_directory_load(a->reader, &a->arena, planned.directory, &directory, a->err);
	if (rc)
		return rc;
	a->run.directory = planned.directory;
	a->run.report = planned.report;
	a->run.n_changes = planned.n_changes;
	a->run.base_revision = planned.base_revision;
	a->run.certificate = planned.certificate;
	a->is_partial = was_partial(planned.certificate);
	a->status = a->is_partial ? US_RUN_FAILED : US_RUN_DONE;
	if (*a->sync->cancel)
		return us_err_set(a->err, US_CANCELLED, "Cancelled before anything was written");
	return write_plan(a);
}

/* ---- the story ---- */

static enum us_errc play(struct act *a)
{
	enum us_errc rc;

	rc = open_connector(a);
	if (rc)
		return rc;
	if (a->run.decided_by.n || a->run.kind == US_RUN_APPLY)
		return write_stored(a);
	if (a->run.kind == US_RUN_UNDO)
		rc = plan_undo(a);
	else if (a->is_guest)
		rc = plan_guest(a);
	else if (a->run.kind == US_RUN_SINGLE)
		rc = plan_single(a);
	else
		rc = plan_full(a);
	return rc ? rc : judge_and_write(a);
}

static enum us_errc write_end(struct act *a)
{
	struct us_dbc *c;
	struct us_run now;
	int64_t wall = us_clock_wall_s();
	enum us_errc rc = us_run_load(a->reader, &a->arena, a->run.id, &now, a->err);

	/* write_plan has ended it already, or somebody else has taken it away */
	if (rc || now.status != US_RUN_RUNNING)
		return rc;
	rc = us_db_lease_writer(a->sync->store->db, &c, a->err);
	if (rc)
		return rc;
	a->run.messages = us_messages_text(&a->messages);
	rc = us_db_begin(c, a->err);
	if (rc == US_OK)
		rc = us_run_save(c, &a->run, wall, a->err);
	if (rc == US_OK && a->drops_rows)
		rc = us_run_delete_changes(c, a->run.id, a->err);
	if (rc == US_OK)
		rc = us_run_set_status(c, a->run.id, US_RUN_RUNNING, a->status, wall, a->err);
	if (rc == US_OK)
		rc = us_db_commit(c, a->err);
	us_db_release(c);
	return rc;
}

enum us_errc us_sync_execute(struct us_sync *sync, int64_t id, enum us_run_status *ret_status, struct us_err *err)
{
	struct us_err run_err = US_ERR_INIT;
	struct act a = { .sync = sync, .err = &run_err, .status = US_RUN_FAILED };
	enum us_errc rc = us_db_lease_reader(sync->store->db, &a.reader, err);

	if (rc)
		return rc;
	enter(&a, US_SYNC_INDEX);
	rc = us_run_load(a.reader, &a.arena, id, &a.run, err);
	if (rc == US_OK) {
		a.rows = (struct us_rows) { .store = sync->store, .run = id, .directory = a.run.directory, .changes = &sync->progress->changes };
		us_messages_init(&a.messages, a.run.messages);
		rc = play(&a);
		if (rc)
			fail(&a, rc);
		a.err = err;
		rc = write_end(&a);
		if (rc == US_OK)
			*ret_status = a.status;
	}
	enter(&a, US_SYNC_DONE);
	close_source(&a);
	us_mapping_free(a.mapping);
	close_plan(&a);
	us_rules_free(a.rules);
	us_predicate_free(a.predicate);
	us_rows_fini(&a.rows);
	us_messages_fini(&a.messages);
	us_str_fini(&a.certificate_json);
	us_str_fini(&a.held_json);
	us_str_fini(&a.scope_json);
	us_db_release(a.reader);
	us_arena_fini(&a.arena);
	return rc;
}

enum us_errc us_sync_check_revision(struct us_dbc *c, const struct us_run *run, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_directory directory;
	enum us_errc rc = us_directory_load(c, &arena, run->directory, &directory, err);

	us_arena_fini(&arena);
	if (rc)
		return rc;
	if (directory.revision != run->base_revision)
		return us_err_set(err, US_CONFLICT,
			"the directory has changed since run %lld was planned (revision %lld, now %lld)", (long long) run->id,
			(long long) run->base_revision, (long long) directory.revision);
	/* The source itself has taken back what the plan was made from. */
	int64_t later = 0;
	if (run->status == US_RUN_HELD && (run->kind == US_RUN_FULL || run->kind == US_RUN_CLEANUP))
		rc = us_run_find_later(c, run, &later, err);
	if (rc == US_OK && later)
		return us_err_set(err, US_CONFLICT, "run %lld has read the source since run %lld was planned, and had nothing to hold", (long long) later,
			(long long) run->id);
	return rc;
}

enum us_errc us_sync_test(struct us_store *store, struct us_slice connector, const atomic_bool *cancel, struct us_str *notes,
	struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector found;
	struct us_dbc *c;
	struct us_source *source;
	const struct us_source_ops *ops = NULL;
	enum us_errc rc = us_db_lease_reader(store->db, &c, err);

	if (rc)
		return rc;
	rc = us_connector_find(store, c, &arena, connector, US_SECRETS_CLEAR, &found, err);
	us_db_release(c);
	if (rc == US_OK) {
		ops = us_source_find(found.type);
		if (!ops)
			rc = us_err_set(err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(found.type));
	}
	if (rc == US_OK) {
		struct us_conf conf = { ops->type.options, found.configuration };
		rc = ops->open(&conf, cancel, &source, err);
		if (rc == US_OK) {
			rc = ops->test(source, notes, err);
			ops->close(source);
		}
	}
	us_arena_fini(&arena);
	return rc;
}
