#include "source/file_table.h"

#include <stdio.h>

#include "base/map.h"

void us_file_table_close(struct us_file_table *table)
{
	us_file_input_close(&table->in);
	us_arena_fini(&table->names_arena);
	table->names = NULL;
	table->n_columns = 0;
}

static long long line_of(const struct us_file_table *t) { return (long long) t->in.line; }

/* The next row that is not blank, at in.buffer + in.at. */
static enum us_errc scan(struct us_file_table *t, enum us_file_csv_result *ret_result, struct us_err *err)
{
	for (;;) {
		*ret_result = us_file_csv_scan(t->in.buffer + t->in.at, t->in.n - t->in.at, t->in.is_end, t->delimiter, &t->row);
		if (*ret_result == US_FILE_CSV_MORE) {
			enum us_errc rc = us_file_input_fill(&t->in, err);
			if (rc)
				return rc;
		} else if (*ret_result == US_FILE_CSV_ROW && t->row.is_blank) {
			us_file_input_use(&t->in, t->row.bytes, t->row.lines);
		} else {
			return US_OK;
		}
	}
}

static enum us_errc read_header(struct us_file_table *t, struct us_err *err)
{
	enum us_file_csv_result result;
	enum us_errc rc = us_file_input_skip_bom(&t->in, err);

	if (rc == US_OK)
		rc = scan(t, &result, err);
	if (rc == US_TOO_LARGE)
		return us_err_set(err, US_PARTIAL, "%s: the header row has no end", t->in.name);
	if (rc)
		return rc;
	if (result == US_FILE_CSV_END)
		return us_err_set(err, US_PARTIAL, "%s is empty: not even a header row is there", t->in.name);
	if (result != US_FILE_CSV_ROW || !t->row.has_line_end)
		return us_err_set(err, US_PARTIAL, "%s line %lld: the file is cut inside of the header row", t->in.name, line_of(t));
	if (t->row.n_cells > US_FILE_CSV_MOST_CELLS)
		return us_err_set(err, US_CONFIG, "%s line %lld: the header row has %zu columns, at most %d are read", t->in.name, line_of(t),
			t->row.n_cells, US_FILE_CSV_MOST_CELLS);
	char *copy = us_arena_strndup(&t->names_arena, t->in.buffer + t->in.at, t->row.bytes);
	if (t->row.flaw || !us_slice_is_utf8((struct us_slice) { copy, t->row.bytes }))
		return us_err_set(err, US_CONFIG, "%s line %lld: the header row %s", t->in.name, line_of(t),
			t->row.flaw == US_FILE_CSV_STRAY_RETURN ? "holds a carriage return alone; end lines in LF or CR LF" :
			t->row.flaw ? "holds a quote where none may be" : "is not UTF-8");
	t->n_columns = t->row.n_cells;
	t->names = us_arena_array(&t->names_arena, t->n_columns, sizeof *t->names);
	struct us_map seen = US_MAP_INIT;
	for (size_t i = 0; i < t->n_columns && rc == US_OK; i++) {
		bool is_new;
		t->names[i] = us_slice_trim(us_file_csv_text(&t->row, i, copy));
		us_map_put(&seen, us_hash_slice(t->names[i]), &is_new);
		if (t->names[i].n == 0)
			rc = us_err_set(err, US_CONFIG, "%s line %lld: column %zu has no name", t->in.name, line_of(t), i + 1);
		else if (!is_new)
			rc = us_err_set(err, US_CONFIG, "%s line %lld: column \"%.100s\" is there twice; rename one of them", t->in.name, line_of(t),
				us_arena_strndup(&t->names_arena, t->names[i].p, t->names[i].n));
	}
	us_map_fini(&seen);
	us_file_input_use(&t->in, t->row.bytes, t->row.lines);
	return rc;
}

enum us_errc us_file_table_open(struct us_file_table *t, const char *folder, const char *path, char delimiter,
	const struct us_file_proof *proof, const atomic_bool *cancel, struct us_err *err)
{
	t->proof = proof;
	t->delimiter = delimiter;
	t->names = NULL;
	t->n_columns = 0;
	t->rows = 0;
	t->has_marker = false;
	t->doubts = (struct us_file_doubts) { 0 };
	us_arena_init(&t->names_arena);
	enum us_errc rc = us_file_input_open(&t->in, folder, path, US_FILE_MOST_ROW_BYTES, cancel, err);
	return rc ? rc : read_header(t, err);
}

size_t us_file_table_find(const struct us_file_table *t, struct us_slice column)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (us_slice_is_equal(t->names[i], column))
			return i;
	return US_FILE_NO_COLUMN;
}

enum us_errc us_file_table_need(const struct us_file_table *t, struct us_slice column, const char *option, size_t *ret_column,
	struct us_err *err)
{
	char have[200];
	size_t n = 0;
	size_t i = us_file_table_find(t, column);

	if (i != US_FILE_NO_COLUMN) {
		*ret_column = i;
		return US_OK;
	}
	have[0] = '\0';
	for (i = 0; i < t->n_columns && n < sizeof have - 1; i++) {
		int wrote = snprintf(have + n, sizeof have - n, "%s" US_SLICE_FMT, i ? ", " : "", US_SLICE_ARG(t->names[i]));
		n += wrote > 0 ? (size_t) wrote : 0;
	}
	bool is_one = t->n_columns == 1 && strpbrk(have, ",;\t|");
	return us_err_set(err, US_CONFIG, "%s has no column \"%.*s\"; set %s to one of its columns: %s%s%s", t->in.name,
		(int) (column.n < 100 ? column.n : 100), column.p, option, have, n >= sizeof have ? " …" : "",
		is_one ? " (is another delimiter in use?)" : "");
}

/* Nothing but blank lines may follow the marker. */
static enum us_errc end_at_marker(struct us_file_table *t, int64_t announced, struct us_err *err)
{
	enum us_file_csv_result result;
	long long line = line_of(t);

	us_file_input_use(&t->in, t->row.bytes, t->row.lines);
	t->has_marker = true;
	enum us_errc rc = scan(t, &result, err);
	if (rc && rc != US_TOO_LARGE)
		return rc;
	if (rc || result != US_FILE_CSV_END)
		us_file_doubts_add(&t->doubts, "%s line %lld: rows follow the end marker of line %lld", t->in.name, line_of(t), line);
	else if (announced >= 0 && announced != t->rows)
		us_file_doubts_add(&t->doubts, "%s line %lld: the end marker speaks of %lld rows, the file has %lld", t->in.name, line,
			(long long) announced, (long long) t->rows);
	rc = us_file_doubts_tell(&t->doubts, err);
	return rc ? rc : US_END;
}

static enum us_errc end(struct us_file_table *t, struct us_err *err)
{
	if (t->proof->marker.n && !t->has_marker && !t->doubts.n)
		us_file_doubts_add(&t->doubts, "%s ends at line %lld without the end marker \"%.*s\": it is cut, or still being written", t->in.name,
			line_of(t), (int) (t->proof->marker.n < 100 ? t->proof->marker.n : 100), t->proof->marker.p);
	enum us_errc rc = us_file_doubts_tell(&t->doubts, err);
	return rc ? rc : US_END;
}

/* What cannot be text is taken out of cells. */
static const char *check_cells(struct us_file_table *t, struct us_arena *arena, struct us_slice *cells, bool is_utf8)
{
	const char *problem = NULL;

	for (size_t i = 0; i < t->n_columns; i++) {
		const char *what = NULL;
		if (cells[i].n > US_FILE_MOST_CELL_BYTES)
			what = us_arena_printf(arena, "has %zu bytes, at most %d are read", cells[i].n, US_FILE_MOST_CELL_BYTES);
		else if (!is_utf8 && !us_slice_is_utf8(cells[i]))
			what = memchr(cells[i].p, 0, cells[i].n) ? "holds a NUL byte" : "is not UTF-8";
		else
			continue;
		cells[i] = US_SLICE_NONE;
		if (!problem)
			problem = us_arena_printf(arena, "%s line %lld: column \"" US_SLICE_FMT "\" %s", t->in.name, line_of(t),
				US_SLICE_ARG(t->names[i]), what);
	}
	return problem;
}

static void take_row(struct us_file_table *t, struct us_arena *arena, struct us_file_line *line)
{
	struct us_file_csv_row *row = &t->row;
	/* A file that ends without a line end may have lost the rest of its last cell, unless something else shows that it is whole. */
	bool is_cut = !row->has_line_end && !t->proof->has_checksum;

	*line = (struct us_file_line) { .number = t->in.line };
	if (row->n_cells != t->n_columns || row->flaw == US_FILE_CSV_AFTER_QUOTE) {
		if (is_cut)
			line->problem = us_arena_printf(arena, "%s line %lld: the file is cut inside of this row", t->in.name, line_of(t));
		else if (row->flaw == US_FILE_CSV_AFTER_QUOTE)
			line->problem = us_arena_printf(arena, "%s line %lld: text follows the closing quote of cell %zu; double the quotes inside "
				"of a quoted cell", t->in.name, line_of(t), row->flaw_cell + 1);
		else
			line->problem = us_arena_printf(arena, "%s line %lld: %zu cells, but the header has %zu; put a cell that holds the "
				"delimiter into quotes", t->in.name, line_of(t), row->n_cells, t->n_columns);
		us_file_doubts_add(&t->doubts, "%s", line->problem);
		line->is_doubt = true;
		return;
	}
	/* One byte in front, so that each cell has one. */
	char *copy = us_arena_alloc(arena, row->bytes + 1);
	*copy++ = '\0';
	memcpy(copy, t->in.buffer + t->in.at, row->bytes);
	line->cells = us_arena_alloc(arena, t->n_columns * sizeof *line->cells);
	bool is_utf8 = us_slice_is_utf8((struct us_slice) { copy, row->bytes });
	for (size_t i = 0; i < t->n_columns; i++)
		line->cells[i] = us_file_csv_text(row, i, copy);
	if (!is_utf8 || row->bytes > US_FILE_MOST_CELL_BYTES)
		line->problem = check_cells(t, arena, line->cells, is_utf8);
	if (is_cut) {
		line->cells[t->n_columns - 1] = US_SLICE_NONE;
		line->problem = us_arena_printf(arena, "%s line %lld: the last line has no line end, so the file may be cut inside of it; "
			"end the file with a line end, an end marker or a checksum file", t->in.name, line_of(t));
		us_file_doubts_add(&t->doubts, "%s", line->problem);
		line->is_doubt = true;
	} else if (row->flaw && !line->problem) {
		line->problem = us_arena_printf(arena, "%s line %lld: column \"" US_SLICE_FMT "\" %s", t->in.name, line_of(t),
			US_SLICE_ARG(t->names[row->flaw_cell]), row->flaw == US_FILE_CSV_STRAY_QUOTE ?
			"holds a quote; put the cell into quotes and double those inside" : "holds a carriage return; put the cell into quotes");
	}
}

/* Invariant L: US_END is given only behind the last row of a file that nothing speaks against. */
enum us_errc us_file_table_next(struct us_file_table *t, struct us_arena *arena, struct us_file_line *ret_line, struct us_err *err)
{
	enum us_file_csv_result result;
	int64_t announced;
	enum us_errc rc = scan(t, &result, err);

	if (rc == US_TOO_LARGE)
		return us_err_set(err, US_PARTIAL, "%s line %lld: a row of more than %d MB; a closing quote may be missing there", t->in.name,
			line_of(t), US_FILE_MOST_ROW_BYTES >> 20);
	if (rc)
		return rc;
	switch (result) {
	case US_FILE_CSV_MORE:
	case US_FILE_CSV_ROW:
		break;
	case US_FILE_CSV_UNCLOSED:
		return us_err_set(err, US_PARTIAL, "%s line %lld: a quote of this row is never closed; the file is cut, or a quote inside of a cell "
			"is not doubled", t->in.name, line_of(t));
	case US_FILE_CSV_END:
		return end(t, err);
	}
	const char *p = t->in.buffer + t->in.at;
	if (t->proof->marker.n) {
		size_t n = t->row.bytes;
		n -= n && p[n - 1] == '\n';
		n -= n && p[n - 1] == '\r';
		if (us_file_proof_is_marker(t->proof, (struct us_slice) { p, n }, &announced))
			return end_at_marker(t, announced, err);
	}
	take_row(t, arena, ret_line);
	t->rows++;
	us_file_input_use(&t->in, t->row.bytes, t->row.lines);
	return US_OK;
}
