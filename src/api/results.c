/* Results: the rows of a run's plan, by page or whole as a download */
#include <stdio.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "api/results.h"

enum { PIECE_ROWS = 500, NAMES_MOST = 100 };

struct filter {
	int object, outcome; /* -1: any */
	struct us_slice search;
};

static enum us_errc read_filter(struct us_call *call, struct filter *ret_filter, struct us_err *err)
{
	struct us_slice outcome = us_target_parameter(&call->request->target, "outcome");
	struct us_slice object = us_target_parameter(&call->request->target, "object");
	struct us_slice search = us_target_parameter(&call->request->target, "search");
	struct filter f = { -1, -1, search.n ? search : US_SLICE_NONE };
	enum us_outcome found_outcome;
	enum us_object found_object;

	if (outcome.n) {
		if (!us_outcome_parse(outcome, &found_outcome))
			return us_err_set(err, US_INVALID, "outcome must be one of ADDED UPDATED RENAMED NOT_MODIFIED FILTERED FAILED DISABLED DELETED ANONYMIZED HELD");
		f.outcome = (int) found_outcome;
	}
	if (object.n) {
		if (!us_object_parse(object, &found_object))
			return us_err_set(err, US_INVALID, "object must be user, group or members");
		f.object = (int) found_object;
	}
	*ret_filter = f;
	return US_OK;
}

/* Of somebody who is no longer there, as the newest of the kept rows says it; NONE if none is kept. */
static struct us_slice find_former_name(struct us_dbc *c, struct us_arena *arena, int64_t directory, uint32_t number, bool is_user)
{
	struct us_touched *rows;
	size_t n = 0;
	enum us_errc rc = us_run_list_touching(c, arena, directory, is_user ? US_OBJECT_USER : US_OBJECT_GROUP, number, 0, 1, &rows, &n, NULL);

	return rc == US_OK && n ? rows[0].change.name : US_SLICE_NONE;
}

static void put_names(struct us_jsonw *w, struct us_dbc *c, struct us_arena *arena, int64_t directory, const char *key,
	const uint32_t *numbers, uint32_t n, bool is_user)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	for (uint32_t i = 0; i < n && i < NAMES_MOST; i++) {
		struct us_user_image user;
		struct us_group_image group;
		enum us_errc rc = is_user ? us_object_load_user(c, arena, directory, numbers[i], &user, NULL)
			: us_object_load_group(c, arena, directory, numbers[i], &group, NULL);
		struct us_slice name = rc == US_NOT_FOUND ? find_former_name(c, arena, directory, numbers[i], is_user)
			: rc ? US_SLICE_NONE : is_user ? user.user.name : group.group.name;
		if (name.p)
			us_jsonw_string(w, name);
		else /* no longer there: all that is left is its number */
			us_jsonw_text(w, us_arena_printf(arena, "#%u", numbers[i]));
	}
	us_jsonw_close(w, ']');
}

static void put_members(struct us_jsonw *w, struct us_dbc *c, struct us_arena *arena, int64_t directory, const struct us_members_delta *d)
{
	us_jsonw_key(w, "members");
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "addedCount", (int64_t) d->n_added_users + d->n_added_groups);
	us_jsonw_put_int(w, "removedCount", (int64_t) d->n_removed_users + d->n_removed_groups);
	put_names(w, c, arena, directory, "addedUsers", d->added_users, d->n_added_users, true);
	put_names(w, c, arena, directory, "removedUsers", d->removed_users, d->n_removed_users, true);
	put_names(w, c, arena, directory, "addedGroups", d->added_groups, d->n_added_groups, false);
	put_names(w, c, arena, directory, "removedGroups", d->removed_groups, d->n_removed_groups, false);
	us_jsonw_close(w, '}');
}

static void put_user_image(struct us_jsonw *w, const char *key, const struct us_user_image *image)
{
	us_jsonw_key(w, key);
	if (image)
		us_user_image_write(w, image);
	else
		us_jsonw_null(w);
}

static void put_group_image(struct us_jsonw *w, const char *key, const struct us_group_image *image)
{
	us_jsonw_key(w, key);
	if (image)
		us_group_image_write(w, image);
	else
		us_jsonw_null(w);
}

void us_results_write_row(struct us_jsonw *w, struct us_dbc *c, struct us_arena *arena, int64_t directory, const struct us_change *change)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "ord", change->ord);
	us_jsonw_put_text(w, "object", us_object_text(change->object));
	us_jsonw_put_text(w, "outcome", us_outcome_text(change->outcome));
	us_jsonw_put_string(w, "id", change->id);
	us_jsonw_put_string(w, "name", change->name);
	us_jsonw_put_string(w, "reason", change->reason);
	switch (change->object) {
	case US_OBJECT_USER:
		put_user_image(w, "before", change->user.before);
		put_user_image(w, "after", change->user.after);
		break;
	case US_OBJECT_GROUP:
		put_group_image(w, "before", change->group.before);
		put_group_image(w, "after", change->group.after);
		break;
	case US_OBJECT_MEMBERS:
		put_members(w, c, arena, directory, &change->members);
		break;
	}
	us_jsonw_close(w, '}');
}

/* A spreadsheet must not take a name for a formula. */
static void add_cell(struct us_str *out, struct us_slice text)
{
	us_str_add_char(out, '"');
	if (text.n && strchr("=+-@\t\r", text.p[0]))
		us_str_add_char(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			us_str_add_char(out, '"');
		us_str_add_char(out, text.p[i]);
	}
	us_str_add_char(out, '"');
}

static void add_json_cell(struct us_str *out, const struct us_change *change, bool is_after)
{
	struct us_str json = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&json);
	const struct us_user_image *user = is_after ? change->user.after : change->user.before;
	const struct us_group_image *group = is_after ? change->group.after : change->group.before;

	if (change->object == US_OBJECT_USER && user)
		us_user_image_write(&w, user);
	else if (change->object == US_OBJECT_GROUP && group)
		us_group_image_write(&w, group);
	add_cell(out, us_str_slice(&json));
	us_str_fini(&json);
}

static void add_line(struct us_str *out, const struct us_change *change)
{
	us_str_printf(out, "%u,%s,%s,", change->ord, us_object_text(change->object), us_outcome_text(change->outcome));
	add_cell(out, change->id);
	us_str_add_char(out, ',');
	add_cell(out, change->name);
	us_str_add_char(out, ',');
	add_cell(out, change->reason);
	us_str_add_char(out, ',');
	if (change->object == US_OBJECT_MEMBERS) {
		us_str_printf(out, "\"\",\"%u added, %u removed\"\r\n", change->members.n_added_users + change->members.n_added_groups,
			change->members.n_removed_users + change->members.n_removed_groups);
		return;
	}
	add_json_cell(out, change, false);
	us_str_add_char(out, ',');
	add_json_cell(out, change, true);
	us_str_add_text(out, "\r\n");
}

/* A download: pieces of some hundred rows, each read with a lease of its own, so that a slow client holds nothing. */
struct download {
	struct us_api *api;
	struct us_arena arena, filter_arena;
	struct filter filter;
	int64_t run, directory, after;
	bool is_csv, has_begun;
};

static enum us_errc pull_rows(void *data, struct us_str *chunk, struct us_err *err)
{
	struct download *d = data;
	struct us_dbc *c;
	struct us_change *rows;
	size_t n = 0;
	enum us_errc rc = us_db_lease_reader(d->api->conf.store->db, &c, err);

	if (rc)
		return rc;
	us_arena_reset(&d->arena);
	rc = us_run_list_changes(c, &d->arena, d->run, d->filter.object, d->filter.outcome, d->filter.search, d->after, PIECE_ROWS, &rows, &n, err);
	if (!rc && !d->has_begun)
		us_str_add_text(chunk, d->is_csv ? "ord,object,outcome,id,name,reason,before,after\r\n" : "[");
	for (size_t i = 0; !rc && i < n; i++) {
		if (d->is_csv) {
			add_line(chunk, &rows[i]);
		} else {
			struct us_jsonw w = US_JSONW_INIT(chunk);
			us_str_add_text(chunk, d->has_begun || i ? ",\n" : "\n");
			us_results_write_row(&w, c, &d->arena, d->directory, &rows[i]);
		}
		d->after = rows[i].ord;
	}
	us_db_release(c);
	if (rc)
		return rc;
	d->has_begun = true;
	if (n == PIECE_ROWS)
		return US_OK;
	if (!d->is_csv)
		us_str_add_text(chunk, "\n]\n");
	return US_END;
}

static void free_download(void *data)
{
	struct download *d = data;

	us_arena_fini(&d->arena);
	us_arena_fini(&d->filter_arena);
	free(d);
}

static void begin_download(struct us_call *call, const struct us_run *run, const struct filter *filter, bool is_csv)
{
	struct download *d = us_calloc(1, sizeof *d);

	d->api = call->api;
	d->filter = *filter;
	d->filter.search = us_slice_dup(&d->filter_arena, filter->search);
	d->run = run->id;
	d->directory = run->directory;
	d->after = -1;
	d->is_csv = is_csv;
	call->answer->pull = pull_rows;
	call->answer->pull_free = free_download;
	call->answer->pull_data = d;
	call->answer->content_type = is_csv ? "text/csv; charset=utf-8" : "application/json";
	us_httpd_add_header(call->answer, "Content-Disposition", us_arena_printf(call->arena, "attachment; filename=\"run-%lld.%s\"",
		(long long) run->id, is_csv ? "csv" : "json"));
}

static enum us_errc read_page(struct us_call *call, int64_t *ret_limit, int64_t *ret_after, struct us_err *err)
{
	struct us_slice cursor;
	enum us_errc rc = us_call_read_limit(call, 100, 1000, ret_limit, err);

	*ret_after = -1;
	if (!rc)
		rc = us_call_read_cursor(call, 'r', &cursor, err);
	if (!rc && cursor.p && (!us_slice_to_int(cursor, ret_after) || *ret_after < 0))
		rc = us_err_set(err, US_INVALID, "the cursor is not one of this list");
	return rc;
}

static enum us_errc list_page(struct us_call *call, const struct us_run *run, const struct filter *filter, int64_t limit, int64_t after,
	struct us_err *err)
{
	struct us_change *rows;
	size_t n;
	char last[24];
	enum us_errc rc = us_run_list_changes(call->c, call->arena, run->id, filter->object, filter->outcome, filter->search, after,
		(size_t) limit + 1, &rows, &n, err);

	if (rc)
		return rc;
	bool has_more = n > (size_t) limit;
	if (has_more)
		n = (size_t) limit;
	us_jsonw_open(&call->w, '{');
	us_jsonw_put_int(&call->w, "id", run->id);
	us_jsonw_key(&call->w, "results");
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		us_results_write_row(&call->w, call->c, call->arena, run->directory, &rows[i]);
	us_jsonw_close(&call->w, ']');
	if (has_more)
		snprintf(last, sizeof last, "%u", rows[n - 1].ord);
	us_call_put_cursor(call, 'r', has_more ? us_slice(last) : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}

enum us_errc us_results_list(struct us_call *call, struct us_err *err)
{
	struct us_slice format = us_target_parameter(&call->request->target, "format");
	struct filter filter;
	struct us_run run;
	int64_t id, limit, after;
	enum us_errc rc = us_call_read_number(call, 0, "run", &id, err);

	if (!rc)
		rc = read_filter(call, &filter, err);
	if (!rc)
		rc = read_page(call, &limit, &after, err);
	if (!rc && format.p && !us_slice_is(format, "csv") && !us_slice_is(format, "json"))
		rc = us_err_set(err, US_INVALID, "format must be csv or json");
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = us_run_load(call->c, call->arena, id, &run, err);
	if (rc)
		return rc;
	if (run.pruned)
		return us_err_set(err, US_NOT_FOUND, "the results of run %lld are no longer kept", (long long) id);
	if (!format.p)
		return list_page(call, &run, &filter, limit, after, err);
	begin_download(call, &run, &filter, us_slice_is(format, "csv"));
	return US_OK;
}
