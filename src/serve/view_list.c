/* All that is seen, in order of the folded names: the pages of each directory, merged. */
#include <stdlib.h>

#include "serve/view.h"

enum { PAGE_ROWS = 500 };

/* The page of one directory that the merge stands in. */
struct page {
	struct us_arena arena;
	struct us_listed *rows;
	size_t n, at;
	bool is_last;
};

struct us_view_list {
	struct us_view *view;
	enum us_object object;
	struct us_str fold; /* of the last row that was given */
	bool has_given;
	struct page pages[]; /* view->n of them */
};

struct us_view_list *us_view_list_new(struct us_view *view, enum us_object object)
{
	struct us_view_list *list = us_calloc(1, sizeof *list + view->n * sizeof *list->pages);

	list->view = view;
	list->object = object;
	return list;
}

void us_view_list_free(struct us_view_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->view->n; i++)
		us_arena_fini(&list->pages[i].arena);
	us_str_fini(&list->fold);
	free(list);
}

/* The rows that follow those of the page. */
static enum us_errc turn(struct us_view_list *list, size_t i, struct us_err *err)
{
	struct page *p = &list->pages[i];
	struct us_str after = US_STR_INIT;

	if (p->n)
		us_str_add_slice(&after, p->rows[p->n - 1].fold);
	us_arena_reset(&p->arena);
	struct us_slice from = p->n ? us_str_slice(&after) : US_SLICE_NONE;
	p->n = p->at = 0;
	enum us_errc rc = list->object == US_OBJECT_USER ?
		us_object_list_users(list->view->c, &p->arena, list->view->directories[i], from, US_SLICE_NONE, PAGE_ROWS, &p->rows, &p->n, err) :
		us_object_list_groups(list->view->c, &p->arena, list->view->directories[i], from, US_SLICE_NONE, PAGE_ROWS, &p->rows, &p->n, err);
	p->is_last = p->n < PAGE_ROWS;
	us_str_fini(&after);
	return rc;
}

enum us_errc us_view_list_next(struct us_view_list *list, const struct us_listed **ret_row, int64_t *ret_directory, struct us_err *err)
{
	struct page *first = NULL;

	/* Invariant: no page stands on a name that was given; of equal names the first directory's stands first. */
	for (size_t i = 0; i < list->view->n; i++) {
		struct page *p = &list->pages[i];
		if (p->at < p->n && list->has_given && us_slice_is_equal(p->rows[p->at].fold, us_str_slice(&list->fold)))
			p->at++;
		if (p->at == p->n && !p->is_last) {
			enum us_errc rc = turn(list, i, err);
			if (rc)
				return rc;
		}
		if (p->at < p->n && list->has_given && us_slice_is_equal(p->rows[p->at].fold, us_str_slice(&list->fold)))
			p->at++;
		if (p->at < p->n && (!first || us_slice_compare(p->rows[p->at].fold, first->rows[first->at].fold) < 0)) {
			first = p;
			*ret_directory = list->view->directories[i];
		}
	}
	if (!first)
		return US_END;
	const struct us_listed *row = &first->rows[first->at];
	us_str_clear(&list->fold);
	us_str_add_slice(&list->fold, row->fold);
	list->has_given = true;
	*ret_row = row;
	return US_OK;
}
