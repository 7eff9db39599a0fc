#include "sync/rows.h"

#include <stdlib.h>

#include "store/object.h"

void us_rows_fini(struct us_rows *r)
{
	free(r->gathered);
	free(r->failures);
}

void us_rows_add(struct us_rows *r, const struct us_plan_step *step)
{
	if (step->kind == US_STEP_ROW || step->kind == US_STEP_REPLACE_ROW) {
		if (r->n == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 256;
			r->gathered = us_realloc(r->gathered, r->cap * sizeof *r->gathered);
		}
		r->gathered[r->n++] = step->change;
		if (r->changes && step->kind == US_STEP_ROW)
			++*r->changes;
		return;
	}
	us_assert(step->kind == US_STEP_FAIL_ROW || step->kind == US_STEP_FILTER_ROW);
	if (r->n_failures == r->cap_failures) {
		r->cap_failures = r->cap_failures ? r->cap_failures * 2 : 16;
		r->failures = us_realloc(r->failures, r->cap_failures * sizeof *r->failures);
	}
	r->failures[r->n_failures].ord = step->ord;
	r->failures[r->n_failures++].step = *step;
}

/* Names both: the name, and who else has or wants it. */
static enum us_errc describe(struct us_rows *r, struct us_dbc *c, struct us_arena *arena, const struct us_plan_step *step,
	struct us_slice *ret_reason, struct us_err *err)
{
	const char *kind = step->is_group ? "group" : "user";
	struct us_change mine, other;
	enum us_errc rc;

	if (step->reason.p) {
		*ret_reason = step->reason;
		return US_OK;
	}
	rc = us_run_load_change(c, arena, r->run, step->ord, &mine, err);
	if (rc)
		return rc;
	if (step->has_other_ord) {
		rc = us_run_load_change(c, arena, r->run, step->other_ord, &other, err);
		if (rc)
			return rc;
		*ret_reason = us_slice(us_arena_printf(arena,
			"the name \"" US_SLICE_FMT "\" is wanted by two %ss, ids \"" US_SLICE_FMT "\" and \"" US_SLICE_FMT "\" (\"" US_SLICE_FMT "\")",
			US_SLICE_ARG(mine.name), kind, US_SLICE_ARG(mine.id), US_SLICE_ARG(other.id), US_SLICE_ARG(other.name)));
		return US_OK;
	}
	struct us_slice id, name;
	bool owned;
	if (step->is_group) {
		struct us_group_image image;
		rc = us_object_load_group(c, arena, r->directory, step->other_number, &image, err);
		if (rc)
			return rc;
		id = image.group.id;
		name = image.group.name;
		owned = image.owned;
	} else {
		struct us_user_image image;
		rc = us_object_load_user(c, arena, r->directory, step->other_number, &image, err);
		if (rc)
			return rc;
		id = image.user.id;
		name = image.user.name;
		owned = image.owned;
	}
	*ret_reason = us_slice(us_arena_printf(arena,
		"the name \"" US_SLICE_FMT "\" is taken by the %s%s \"" US_SLICE_FMT "\" (id \"" US_SLICE_FMT "\") of this directory",
		US_SLICE_ARG(mine.name), owned ? "" : "local ", kind, US_SLICE_ARG(name), US_SLICE_ARG(id)));
	return US_OK;
}

static enum us_errc write_all(struct us_rows *r, struct us_dbc *c, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	for (size_t i = 0; rc == US_OK && i < r->n; i++)
		rc = us_run_add_change(c, r->run, &r->gathered[i], err);
	for (size_t i = 0; rc == US_OK && i < r->n_failures; i++) {
		struct us_slice reason;
		us_arena_reset(&arena);
		rc = describe(r, c, &arena, &r->failures[i].step, &reason, err);
		if (rc == US_OK)
			rc = us_run_drop_change(c, r->run, r->failures[i].ord,
				r->failures[i].step.kind == US_STEP_FAIL_ROW ? US_OUTCOME_FAILED : US_OUTCOME_FILTERED,
				reason, err);
	}
	us_arena_fini(&arena);
	r->n = r->n_failures = 0;
	return rc;
}

enum us_errc us_rows_flush(struct us_rows *r, struct us_err *err)
{
	struct us_dbc *c;
	enum us_errc rc;

	if (!r->n && !r->n_failures)
		return US_OK;
	if (r->within)
		return write_all(r, r->within, err);
	rc = us_db_lease_writer(r->store->db, &c, err);
	if (rc)
		return rc;
	rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = write_all(r, c, err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	us_db_release(c);
	return rc;
}
