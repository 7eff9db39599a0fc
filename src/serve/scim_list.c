/* Lists of resources: filtered, sorted and paged, written while they are read. */
#include <stdlib.h>

#include "serve/scim_inbound.h"
#include "serve/scim_item.h"
#include "serve/scim_search.h"
#include "serve/stream.h"
#include "serve/users.h"
#include "store/directory.h"

enum { READ_ROWS = 200, ROWS_AT_ONCE = 200 };

/* How the rows of a part are come by. */
enum way {
	BY_INDEX, /* one row at most: the filter names it */
	BY_PAGE,  /* in order of the names */
	BY_WALK,  /* in any order */
};

struct list {
	struct us_arena arena; /* of the search */
	struct us_scim_search search;
	struct us_view view;
	struct us_scim_item item;

	enum { HEAD, ROWS, TAIL } state;
	size_t part;
	enum way way;
	bool is_open; /* the part's rows have begun */
	struct us_arena page_arena;
	struct us_listed *page;
	size_t page_n, page_at;
	bool is_last_page;
	struct us_str last_key; /* of the row that was taken last: where to go on */
	struct us_object_walk walk;

	int64_t skip, n_found, n_written;
	int64_t n_all; /* without a filter: how many there are */
	bool has_more; /* behind the last one that was written, for cursors */
	struct us_str cursor;
};

static const struct us_scim_part *part_of(const struct list *l) { return &l->search.parts[l->part]; }

static void free_list(void *data)
{
	struct list *l = data;

	us_object_walk_end(&l->walk);
	us_view_close(&l->view);
	us_scim_item_fini(&l->item);
	us_str_fini(&l->last_key);
	us_str_fini(&l->cursor);
	us_arena_fini(&l->page_arena);
	us_arena_fini(&l->arena);
	free(l);
}

/* ---- rows ---- */

/* Where a page of names begins: behind the cursor, or behind the rows that nobody asked for. */
static enum us_errc find_start(struct list *l, const struct us_object_place *place, struct us_err *err)
{
	struct us_object_place before;
	struct us_object_walk walk;

	us_str_clear(&l->last_key);
	if (place) {
		us_str_add_slice(&l->last_key, place->key);
		return US_OK;
	}
	if (part_of(l)->filter || l->skip == 0)
		return US_OK;
	enum us_errc rc = us_object_walk_begin(l->view.c, l->item.source.directory, us_scim_is_group(part_of(l)->kind), US_ORDER_NAME, false, NULL,
		l->skip - 1, &walk, err);
	if (rc)
		return rc;
	rc = us_object_walk_next(&walk, &before, err);
	if (!rc)
		us_str_add_slice(&l->last_key, before.key);
	us_object_walk_end(&walk);
	l->is_last_page = rc == US_END;
	l->skip = 0;
	return rc == US_END ? US_OK : rc;
}

static enum us_errc open_part(struct list *l, struct us_err *err)
{
	const struct us_scim_part *part = part_of(l);
	const struct us_object_place *place = l->search.place && l->search.cursor_part == l->part ? l->search.place : NULL;

	l->is_open = true;
	l->is_last_page = false;
	l->page_n = l->page_at = 0;
	if (us_scim_search_find_key(part->filter)) {
		l->way = BY_INDEX;
		return US_OK;
	}
	if (l->search.order == US_ORDER_NAME && !l->search.is_descending) {
		l->way = BY_PAGE;
		return find_start(l, place, err);
	}
	l->way = BY_WALK;
	enum us_errc rc = us_object_walk_begin(l->view.c, l->item.source.directory, us_scim_is_group(part->kind), l->search.order, l->search.is_descending, place,
		part->filter ? 0 : l->skip, &l->walk, err);
	if (rc == US_INVALID && err)
		err->native = US_SCIM_INVALID_CURSOR;
	if (!part->filter)
		l->skip = 0;
	return rc;
}

static enum us_errc read_by_key(struct list *l, struct us_listed *row, struct us_err *err)
{
	const struct us_scim_condition *c = us_scim_search_find_key(part_of(l)->filter);
	bool is_group = us_scim_is_group(part_of(l)->kind), is_group_id;
	enum us_object_key by = US_OBJECT_BY_NAME;
	uint32_t number = 0;

	/* One row: behind it is the end. */
	if (l->is_last_page)
		return US_END;
	l->is_last_page = true;
	if (strcmp(c->path.attribute->name, "id") == 0) {
		by = US_OBJECT_BY_NUMBER;
		if (!us_scim_object_parse_id(c->text, &is_group_id, &number) || is_group_id != is_group)
			return US_END;
	} else if (strcmp(c->path.attribute->name, "externalId") == 0) {
		by = US_OBJECT_BY_EXTERNAL_ID;
	}
	enum us_errc rc = by == US_OBJECT_BY_NAME && !is_group ? us_users_find(l->item.source.kept, l->view.c, &l->item.arena, l->item.source.directory, c->text, row, err) :
		us_object_find_listed(l->view.c, &l->item.arena, l->item.source.directory, is_group, by, c->text, number, row, err);
	return rc == US_NOT_FOUND ? US_END : rc;
}

static enum us_errc read_page(struct list *l, struct us_listed *row, struct us_err *err)
{
	if (l->page_at == l->page_n) {
		struct us_slice after = l->last_key.n ? us_str_slice(&l->last_key) : US_SLICE_NONE;
		if (l->is_last_page)
			return US_END;
		us_arena_reset(&l->page_arena);
		l->page_n = l->page_at = 0;
		enum us_errc rc = us_scim_is_group(part_of(l)->kind) ?
			us_object_list_groups(l->view.c, &l->page_arena, l->item.source.directory, after, US_SLICE_NONE, READ_ROWS, &l->page, &l->page_n, err) :
			us_object_list_users(l->view.c, &l->page_arena, l->item.source.directory, after, US_SLICE_NONE, READ_ROWS, &l->page, &l->page_n, err);
		if (rc)
			return rc;
		l->is_last_page = l->page_n < READ_ROWS;
		if (!l->page_n)
			return US_END;
	}
	*row = l->page[l->page_at++];
	us_str_clear(&l->last_key);
	us_str_add_slice(&l->last_key, row->fold);
	return US_OK;
}

static enum us_errc read_walk(struct list *l, struct us_listed *row, struct us_err *err)
{
	struct us_object_place place;
	enum us_errc rc = us_object_walk_next(&l->walk, &place, err);

	if (rc)
		return rc;
	us_str_clear(&l->last_key);
	us_str_add_slice(&l->last_key, place.key);
	return us_object_find_listed(l->view.c, &l->item.arena, l->item.source.directory, us_scim_is_group(part_of(l)->kind), US_OBJECT_BY_NUMBER, US_SLICE_NONE,
		place.number, row, err);
}

/* The next row of all parts; US_END behind the last. */
static enum us_errc read_row(struct list *l, struct us_listed *row, struct us_err *err)
{
	while (l->part < l->search.n_parts) {
		enum us_errc rc = l->is_open ? US_OK : open_part(l, err);
		if (!rc)
			rc = l->way == BY_INDEX ? read_by_key(l, row, err) : l->way == BY_PAGE ? read_page(l, row, err) : read_walk(l, row, err);
		if (rc != US_END)
			return rc;
		l->is_open = false;
		l->part++;
	}
	return US_END;
}

/* ---- writing ---- */

static bool is_wanted(struct list *l)
{
	if (l->skip > 0) {
		l->skip--;
		return false;
	}
	return l->n_written < l->search.count;
}

static enum us_errc write_row(struct list *l, const struct us_listed *row, struct us_err *err)
{
	const struct us_scim_part *part = part_of(l);
	const char *links = us_scim_is_group(part->kind) ? "members" : "groups";
	bool has_links = us_scim_projection_shows(&part->projection, us_slice(links)) || us_scim_projection_shows(&part->projection, US_SLICE("meta.version"));
	enum us_errc rc = us_scim_object_make(&l->item.source, &l->item.arena, part->kind, row, has_links, &l->item.object, err);

	if (rc)
		return rc;
	us_scim_item_begin(&l->item, part->kind, &part->projection);
	l->n_written++;
	if (l->search.has_cursor) {
		us_str_clear(&l->cursor);
		us_scim_search_write_cursor(&l->search, l->part, &(struct us_object_place) { us_str_slice(&l->last_key), row->number }, &l->cursor);
	}
	return US_OK;
}

static enum us_errc is_met(struct list *l, const struct us_listed *row, bool *ret_is, struct us_err *err)
{
	const struct us_logic *filter = part_of(l)->filter;
	struct us_scim_object object;

	*ret_is = true;
	if (!filter || (l->way == BY_INDEX && filter->kind == US_LOGIC_LEAF))
		return US_OK;
	enum us_errc rc = us_scim_object_make(&l->item.source, &l->item.arena, part_of(l)->kind, row, us_scim_object_needs_links(filter), &object, err);
	return rc ? rc : us_scim_object_is_met(&l->item.source, &l->item.arena, filter, &object, row->number, ret_is, err);
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
	for (int i = 0; i < ROWS_AT_ONCE && !l->item.is_open; i++) {
		struct us_listed row;
		bool is;
		us_arena_reset(&l->item.arena);
		enum us_errc rc = is_done(l) ? US_END : read_row(l, &row, err);
		if (rc == US_END) {
			l->state = TAIL;
			return US_OK;
		}
		if (rc || (rc = is_met(l, &row, &is, err)))
			return rc;
		if (!is)
			continue;
		l->n_found++;
		if (is_wanted(l))
			rc = write_row(l, &row, err);
		else if (l->search.has_cursor && l->n_written >= l->search.count)
			l->has_more = true;
		if (rc)
			return rc;
	}
	return US_OK;
}

static void write_tail(struct list *l)
{
	const struct us_scim_search_end end = { .n_written = l->n_written, .n_total = l->search.parts[0].filter ? l->n_found : l->n_all,
		.cursor = l->has_more ? us_str_slice(&l->cursor) : US_SLICE_NONE };

	us_scim_search_write_tail(&l->item.w, &l->search, &end);
}

static enum us_errc next(void *data, struct us_str *out, struct us_err *err)
{
	struct list *l = data;
	enum us_errc rc = US_OK;

	l->item.w.out = out;
	switch (l->state) {
	case HEAD:
		us_scim_search_write_head(&l->item.w);
		l->state = ROWS;
		break;
	case ROWS:
		rc = l->item.is_open ? us_scim_item_go_on(&l->item, err) : write_rows(l, err);
		break;
	case TAIL:
		write_tail(l);
		return US_END;
	}
	return rc;
}

/* ---- beginning ---- */

/* Without a filter the rows before startIndex are not read, and those of a whole part not even looked for. */
static enum us_errc set_out(struct list *l, struct us_err *err)
{
	struct us_directory d;

	l->part = l->search.cursor_part;
	l->skip = l->search.has_cursor ? 0 : l->search.start - 1;
	if (l->search.parts[0].filter)
		return US_OK;
	enum us_errc rc = us_directory_load(l->view.c, &l->arena, l->item.source.directory, &d, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < l->search.n_parts; i++)
		l->n_all += us_scim_is_group(l->search.parts[i].kind) ? d.n_groups : d.n_users;
	if (l->search.n_parts == 2 && l->skip >= d.n_users) {
		l->part = 1;
		l->skip -= d.n_users;
	}
	return US_OK;
}

enum us_errc us_scim_get_list(struct us_scim_call *call, struct us_err *err)
{
	if (call->pushed)
		return us_scim_pushed_get_list(call, err);
	struct list *l = us_calloc(1, sizeof *l);
	enum us_errc rc = us_scim_search_read(call, &l->arena, &l->search, err);

	if (!rc) {
		l->view = (struct us_view) { .c = call->view.c };
		call->view.c = NULL;
		l->item.source = (struct us_scim_source) { l->view.c, call->directory, us_slice_dup(&l->arena, call->base), call->serve->group_names,
			call->serve->kept };
		rc = set_out(l, err);
	}
	if (rc) {
		free_list(l);
		return rc;
	}
	return us_stream_send(call->serve, call->answer, &(struct us_stream) { l, next, free_list }, err);
}
