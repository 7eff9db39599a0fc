/* Lists of what was pushed: filtered, sorted and paged, written while they are read. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fold.h"
#include "model/scim_id.h"
#include "serve/scim_inbound.h"
#include "serve/stream.h"

enum { READ_ROWS = 100, ROWS_AT_ONCE = 100 };

struct list {
	struct us_arena arena; /* of the search */
	struct us_scim_search search;
	struct us_view view;
	int64_t connector;
	struct us_slice base;
	struct us_jsonw w;

	enum { HEAD, ROWS, TAIL } state;
	size_t part;
	enum us_pushed_order order;
	struct us_arena page_arena, row_arena;
	struct us_pushed *page;
	size_t page_n, page_at;
	bool is_part_over, has_place;
	struct us_pushed_place place;  /* where the next page begins; its text is last_fold */
	struct us_str last_fold;

	int64_t skip, n_found, n_written, n_all;
	bool has_more;
	struct us_str cursor;
};

static const struct us_scim_part *part_of(const struct list *l) { return &l->search.parts[l->part]; }

static void free_list(void *data)
{
	struct list *l = data;

	us_view_close(&l->view);
	us_str_fini(&l->last_fold);
	us_str_fini(&l->cursor);
	us_arena_fini(&l->page_arena);
	us_arena_fini(&l->row_arena);
	us_arena_fini(&l->arena);
	free(l);
}

/* ---- rows ---- */

static void take_place(struct list *l, const struct us_pushed *p)
{
	if (l->order == US_PUSHED_ORDER_NAME) {
		us_str_clear(&l->last_fold);
		us_str_add_slice(&l->last_fold, us_fold(&l->page_arena, p->name));
	}
	l->has_place = true;
	l->place.at = l->order == US_PUSHED_ORDER_NUMBER ? p->number : p->change;
}

/* A condition that names one resource, and that all of the filter's meeting depends on. */
static enum us_errc find_by_key(struct list *l, const struct us_scim_condition *key, struct us_err *err)
{
	const char *name = key->path.attribute->name;
	bool is_group = us_scim_is_group(part_of(l)->kind), is_group_id;
	enum us_pushed_key by = strcmp(name, "id") == 0 ? US_PUSHED_BY_NUMBER : strcmp(name, "externalId") == 0 ? US_PUSHED_BY_EXTERNAL_ID : US_PUSHED_BY_NAME;
	uint32_t number = 0;

	l->is_part_over = true;
	l->page_n = l->page_at = 0;
	if (by == US_PUSHED_BY_NUMBER && (!us_scim_id_parse(key->text, &is_group_id, &number) || is_group_id != is_group))
		return US_OK;
	l->page = us_arena_zalloc(&l->page_arena, sizeof *l->page);
	enum us_errc rc = us_pushed_find(l->view.c, &l->page_arena, l->connector, is_group, by, key->text, number, l->page, err);
	l->page_n = rc == US_OK;
	return rc == US_NOT_FOUND ? US_OK : rc;
}

static enum us_errc read_page(struct list *l, struct us_err *err)
{
	const struct us_scim_condition *key = us_scim_search_find_key(part_of(l)->filter);

	us_arena_reset(&l->page_arena);
	if (key)
		return find_by_key(l, key, err);
	l->place.fold = us_str_slice(&l->last_fold);
	enum us_errc rc = us_pushed_list(l->view.c, &l->page_arena, l->connector, us_scim_is_group(part_of(l)->kind), l->order, l->search.is_descending,
		l->has_place ? &l->place : NULL, part_of(l)->filter ? 0 : l->skip, READ_ROWS, &l->page, &l->page_n, err);
	if (rc)
		return rc;
	/* What was passed over without being read need not be passed over again. */
	if (!part_of(l)->filter)
		l->skip = 0;
	l->page_at = 0;
	l->is_part_over = l->page_n < READ_ROWS;
	return US_OK;
}

/* The next row of all parts; US_END behind the last. */
static enum us_errc read_row(struct list *l, const struct us_pushed **ret_row, struct us_err *err)
{
	while (l->page_at == l->page_n) {
		if (l->is_part_over) {
			if (++l->part == l->search.n_parts)
				return US_END;
			l->is_part_over = l->has_place = false;
			us_str_clear(&l->last_fold);
		}
		enum us_errc rc = read_page(l, err);
		if (rc)
			return rc;
	}
	*ret_row = &l->page[l->page_at++];
	take_place(l, *ret_row);
	return US_OK;
}

/* ---- writing ---- */

static bool filters_by_links(const struct us_scim_part *part)
{
	const char *name = us_scim_is_group(part->kind) ? "members" : "groups";

	return us_scim_filter_uses(part->filter, us_scim_find_attribute(part->kind->schema->attributes, us_slice(name)));
}

static bool shows_links(const struct us_scim_part *part)
{
	return us_scim_projection_shows(&part->projection, us_slice(us_scim_is_group(part->kind) ? "members" : "groups"));
}

static enum us_errc make(struct list *l, const struct us_pushed *row, bool has_links, struct us_json *ret_resource, struct us_err *err)
{
	return us_scim_pushed_make(l->view.c, &l->row_arena, l->connector, l->base, row, has_links, ret_resource, err);
}

static void write_cursor(struct list *l, const struct us_pushed *row)
{
	char key[24];
	int n = snprintf(key, sizeof key, "%lld", (long long) l->place.at);
	const struct us_object_place place = { l->order == US_PUSHED_ORDER_NAME ? us_str_slice(&l->last_fold) : (struct us_slice) { key, (size_t) n },
		row->number };

	us_str_clear(&l->cursor);
	us_scim_search_write_cursor(&l->search, l->part, &place, &l->cursor);
}

static enum us_errc write_row(struct list *l, const struct us_pushed *row, struct us_err *err)
{
	struct us_json resource;
	enum us_errc rc = make(l, row, shows_links(part_of(l)), &resource, err);

	if (rc)
		return rc;
	us_scim_resource_write(&l->w, &resource, &part_of(l)->projection);
	l->n_written++;
	if (l->search.has_cursor)
		write_cursor(l, row);
	return US_OK;
}

static enum us_errc is_met(struct list *l, const struct us_pushed *row, bool *ret_is, struct us_err *err)
{
	const struct us_scim_part *part = part_of(l);
	const struct us_scim_judge judge = { .scratch = &l->row_arena };
	struct us_json resource;

	*ret_is = true;
	if (!part->filter)
		return US_OK;
	enum us_errc rc = make(l, row, filters_by_links(part), &resource, err);
	if (!rc)
		*ret_is = us_scim_filter_is_met(part->filter, &resource, &judge);
	return rc;
}

/* Whether no further row can matter: without a filter the total is known, and a cursor's page needs none. */
static bool is_done(const struct list *l)
{
	bool is_full = l->n_written >= l->search.count;

	if (l->search.has_cursor)
		return l->has_more || (is_full && l->search.count == 0);
	return is_full && !l->search.parts[0].filter;
}

static enum us_errc write_rows(struct list *l, struct us_err *err)
{
	for (int i = 0; i < ROWS_AT_ONCE; i++) {
		const struct us_pushed *row;
		bool is;
		us_arena_reset(&l->row_arena);
		enum us_errc rc = is_done(l) ? US_END : read_row(l, &row, err);
		if (rc == US_END) {
			l->state = TAIL;
			return US_OK;
		}
		if (rc || (rc = is_met(l, row, &is, err)))
			return rc;
		if (!is)
			continue;
		l->n_found++;
		if (l->skip > 0)
			l->skip--;
		else if (l->n_written < l->search.count)
			rc = write_row(l, row, err);
		else
			l->has_more = l->search.has_cursor;
		if (rc)
			return rc;
	}
	return US_OK;
}

static enum us_errc next(void *data, struct us_str *out, struct us_err *err)
{
	struct list *l = data;

	l->w.out = out;
	switch (l->state) {
	case HEAD:
		us_scim_search_write_head(&l->w);
		l->state = ROWS;
		return US_OK;
	case ROWS:
		return write_rows(l, err);
	case TAIL:
		break;
	}
	const struct us_scim_search_end end = { .n_written = l->n_written, .n_total = l->search.parts[0].filter ? l->n_found : l->n_all,
		.cursor = l->has_more ? us_str_slice(&l->cursor) : US_SLICE_NONE };
	us_scim_search_write_tail(&l->w, &l->search, &end);
	return US_END;
}

/* ---- beginning ---- */

/* The address says that it does not sort. Orders that cost nothing are kept all the same, others are taken for the order of the names. */
static void find_order(struct list *l)
{
	switch (l->search.order) {
	case US_ORDER_NUMBER:
	case US_ORDER_CREATED:
		l->order = US_PUSHED_ORDER_NUMBER;
		return;
	case US_ORDER_UPDATED:
		l->order = US_PUSHED_ORDER_CHANGE;
		return;
	case US_ORDER_NAME:
		l->order = US_PUSHED_ORDER_NAME;
		return;
	case US_ORDER_FULL_NAME:
	case US_ORDER_FIRST_NAME:
	case US_ORDER_LAST_NAME:
	case US_ORDER_EMAIL:
	case US_ORDER_EXTERNAL_ID:
	case US_ORDER_COUNT:
		break;
	}
	l->order = US_PUSHED_ORDER_NAME;
	l->search.is_descending = false;
}

static enum us_errc set_out(struct list *l, struct us_err *err)
{
	struct us_pushed_state state;
	enum us_errc rc = us_pushed_load_state(l->view.c, l->connector, &state, err);

	if (rc)
		return rc;
	find_order(l);
	for (size_t i = 0; i < l->search.n_parts; i++)
		l->n_all += us_scim_is_group(l->search.parts[i].kind) ? state.n_groups : state.n_users;
	l->skip = l->search.has_cursor ? 0 : l->search.start - 1;
	if (l->search.n_parts == 2 && !l->search.parts[0].filter && l->skip >= state.n_users) {
		l->part = 1;
		l->skip -= state.n_users;
	}
	const struct us_object_place *place = l->search.place;
	if (!place)
		return US_OK;
	l->part = l->search.cursor_part;
	l->has_place = true;
	us_str_add_slice(&l->last_fold, place->key);
	if (l->order != US_PUSHED_ORDER_NAME && !us_slice_to_int(place->key, &l->place.at))
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_CURSOR, "this is no cursor of this server");
	return US_OK;
}

enum us_errc us_scim_pushed_get_list(struct us_scim_call *call, struct us_err *err)
{
	struct list *l = us_calloc(1, sizeof *l);
	enum us_errc rc = us_scim_search_read(call, &l->arena, &l->search, err);

	if (!rc) {
		l->view = (struct us_view) { .c = call->view.c };
		call->view.c = NULL;
		l->connector = call->pushed;
		l->base = us_slice_dup(&l->arena, call->base);
		rc = set_out(l, err);
	}
	if (rc) {
		free_list(l);
		return rc;
	}
	return us_stream_send(call->serve, call->answer, &(struct us_stream) { l, next, free_list }, err);
}
