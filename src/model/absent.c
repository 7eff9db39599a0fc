#include "model/absent.h"

enum { SHOWN_ROWS = 5 };

/* Whether all paths were looked up and none was ever there. */
static bool is_absent(const struct us_path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!paths[i].is_asked || paths[i].is_found)
			return false;
	return n > 0;
}

static bool needs_absent(const struct us_template_part *part) { return !part->is_optional && is_absent(part->paths, part->n_paths); }

static bool is_row_absent(const struct us_mapping_row *row)
{
	if (row->n_paths)
		return is_absent(row->paths, row->n_paths);
	for (size_t i = 0; i < row->n_templates; i++) {
		const struct us_template *t = &row->templates[i];
		size_t k = 0;
		while (k < t->n_parts && !needs_absent(&t->parts[k]))
			k++;
		if (k == t->n_parts)
			return false;
	}
	return row->n_templates > 0;
}

static void write_paths(const struct us_path *paths, size_t n, bool *is_next, struct us_str *out)
{
	for (size_t i = 0; i < n; i++) {
		us_str_add_text(out, *is_next ? ", " : "");
		us_str_add_slice(out, paths[i].text);
		*is_next = true;
	}
}

static void write_row(const struct us_mapping_row *row, struct us_str *out)
{
	bool is_next = false;

	write_paths(row->paths, row->n_paths, &is_next, out);
	for (size_t i = 0; i < row->n_templates; i++)
		for (size_t k = 0; k < row->templates[i].n_parts; k++)
			if (needs_absent(&row->templates[i].parts[k]))
				write_paths(row->templates[i].parts[k].paths, row->templates[i].parts[k].n_paths, &is_next, out);
	us_str_printf(out, " (row " US_SLICE_FMT ")", US_SLICE_ARG(row->attribute));
}

size_t us_absent_write(const struct us_mapping_row *rows, size_t n, struct us_str *out)
{
	size_t n_absent = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rows[i].is_configured || !is_row_absent(&rows[i]))
			continue;
		if (n_absent++ < SHOWN_ROWS) {
			us_str_add_text(out, n_absent > 1 ? "; " : "");
			write_row(&rows[i], out);
		}
	}
	if (n_absent > SHOWN_ROWS)
		us_str_printf(out, "; and %zu more rows", n_absent - SHOWN_ROWS);
	return n_absent;
}
