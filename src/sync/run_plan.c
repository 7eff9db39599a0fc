#include "sync/run_state.h"

#include "store/directory.h"
#include "store/object.h"
#include "sync/inactive.h"
#include "sync/protect.h"
#include "sync/undo.h"

struct us_want us_run_want(struct us_act *a)
{
	struct us_sync_progress *p = a->sync->progress;

	return (struct us_want) {
		.source = a->source, .mapping = a->mapping, .have = &a->have,
		.plan = a->plan, .rows = &a->rows, .reader = a->reader, .directory = a->run.directory, .cancel = a->sync->cancel,
		.users = &p->users, .groups = &p->groups, .memberships = &p->memberships, .unsaid = &a->unsaid };
}

/* US_EXPIRED: what the feed names is not enough. */
static enum us_errc check_delta(struct us_act *a)
{
	bool has_nesting;
	enum us_errc rc = us_object_has_nesting(a->reader, a->run.directory, &has_nesting, a->err);

	if (rc)
		return rc;
	const char *doubt = us_plan_doubt(a->plan, has_nesting);
	return doubt ? us_err_set(a->err, US_EXPIRED, "%s", doubt) : US_OK;
}

enum us_errc us_run_finish_plan(struct us_act *a, const struct us_want *want, const struct us_plan_complete *complete)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_plan_given given = { 0 };
	struct us_plan_step step;
	enum us_errc rc = US_OK;

	us_run_enter(a, US_SYNC_PLAN);
	us_plan_end_reading(a->plan, complete);
	if (a->run.kind == US_RUN_DELTA && (rc = check_delta(a)))
		return rc;
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

static struct us_plan_complete complete_of(const struct us_certificate *c)
{
	bool whole[3] = { true, true, true };

	for (size_t i = 0; i < c->n; i++)
		if (!c->rows[i].signal)
			whole[c->rows[i].kind] = false;
	return (struct us_plan_complete) { whole[US_RECORD_USER], whole[US_RECORD_GROUP], whole[US_RECORD_MEMBERS] };
}

/* Whether the run can go on with what was read: the error is of the source, and something was read. */
static bool may_go_on(const struct us_act *a)
{
	int64_t rows = 0;

	for (size_t i = 0; i < a->certificate.n; i++)
		rows += a->certificate.rows[i].rows;
	return a->source_err.code != US_CANCELLED && a->source_err.code != US_CONFIG && rows > 0 && !a->settings.all_or_nothing;
}

enum us_errc us_run_plan_full(struct us_act *a)
{
	enum us_errc rc;

	us_run_enter(a, US_SYNC_INDEX);
	rc = us_object_load_have(a->reader, a->run.directory, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, false, &a->have, a->err);
	if (rc)
		return rc;
	us_run_enter(a, US_SYNC_READ);
	rc = us_run_open_source(a);
	if (rc)
		return rc;
	rc = us_run_mark(a);
	if (rc)
		return rc;
	struct us_want want = us_run_want(a);
	rc = us_want_narrow(&want, a->rules, &a->arena, &a->scope, a->err);
	if (rc)
		return rc;
	us_run_open_plan(a);
	want.plan = a->plan;
	want.scope = &a->scope;
	rc = us_want_read(&want, &a->certificate, &a->source_err, a->err);
	if (rc)
		return rc;
	us_run_write_certificate(a);
	us_run_close_source(a);
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
	return us_run_finish_plan(a, &want, &complete);
}

/* A directory that is read from the store is read whole. */
static void write_guest_certificate(struct us_act *a)
{
	static const char end[] = "whole directory";

	a->certificate = (struct us_certificate) { .n = 1,
		.rows = { { .listing = "users", .kind = US_RECORD_USER, .pages = 1, .rows = a->have.users.n, .announced = -1, .signal = end } } };
	us_run_write_certificate(a);
}

enum us_errc us_run_plan_guest(struct us_act *a)
{
	enum us_errc rc;

	if (a->run.kind == US_RUN_SINGLE)
		return us_err_set(a->err, US_CONFIG, "a connector of type " US_SLICE_FMT " has no single updates: start a sync or a simulation",
			US_SLICE_ARG(a->connector.type));
	us_run_enter(a, US_SYNC_INDEX);
	rc = us_object_load_have(a->reader, a->run.directory, a->rules, &a->have, a->err);
	if (rc == US_OK)
		rc = us_protect_members(a->reader, a->run.directory, a->rules, false, &a->have, a->err);
	if (rc)
		return rc;
	a->run.base_revision = a->have.revision;
	us_run_enter(a, US_SYNC_PLAN);
	struct us_inactive in = { .reader = a->reader, .directory = a->run.directory, .configuration = a->connector.configuration, .rules = a->rules,
		.settings = { .connector = a->connector.id, .is_local = a->is_local, .now_s = a->run.started, .sync = &a->settings, .predicate = a->predicate },
		.have = &a->have, .rows = &a->rows, .messages = &a->messages, .cancel = a->sync->cancel, .users = &a->sync->progress->users };
	us_inactive_read(&(struct us_conf) { a->ops->type.options, a->connector.configuration }, &in.settings);
	rc = us_inactive_plan_all(&in, &a->counts, a->err);
	if (rc == US_OK)
		write_guest_certificate(a);
	return rc;
}

enum us_errc us_run_plan_undo(struct us_act *a)
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
	us_run_enter(a, US_SYNC_PLAN);
	struct us_undo undo = { .reader = a->reader, .directory = a->run.directory,
		.plan_run = turned.kind == US_RUN_APPLY ? turned.plan_run : turned.id, .report = &turned.report, .writer = turned.id, .is_local = a->is_local,
		/* Invariant A: each plan that is written raises the revision by one, from the one that it was made from. */
		.is_last = turned.base_revision + 1 == directory.revision, .rows = &a->rows, .cancel = a->sync->cancel };
	struct us_undo_left left;
	rc = us_undo_plan(&undo, &a->counts, &left, a->err);
	if (rc == US_OK)
		us_undo_say(&left, &a->messages);
	return rc;
}
