/* File table: a CSV file with a header row as rows of named cells, with line numbers, and an honest end. */
#ifndef US_SOURCE_FILE_TABLE_H
#define US_SOURCE_FILE_TABLE_H

#include "base/arena.h"
#include "source/file_csv.h"
#include "source/file_input.h"
#include "source/file_proof.h"

enum {
	US_FILE_MOST_CELL_BYTES = 1 << 20,
	US_FILE_MOST_ROW_BYTES = 16 << 20,
};
#define US_FILE_NO_COLUMN SIZE_MAX

struct us_file_table {
	struct us_file_input in;
	const struct us_file_proof *proof;
	char delimiter;
	struct us_arena names_arena;
	struct us_slice *names; /* of the columns */
	size_t n_columns;
	int64_t rows;           /* given out or doubted, without header and end marker */
	struct us_file_doubts doubts;
	bool has_marker;        /* the end marker was read */
	struct us_file_csv_row row;
};

struct us_file_line {
	int64_t number;
	struct us_slice *cells; /* one for each column, each with one byte in front of it that may be written to; NULL: the row cannot be
	                           told apart */
	const char *problem;    /* NULL, or what is wrong with the row; cells that it is about are NONE */
	bool is_doubt;          /* the problem is counted as a doubt about the file already */
};

/* Opens the file and reads its header. proof must outlive the table. Errors: those of the input; US_CONFIG (columns named twice or not at
 * all), US_PARTIAL (no header). */
enum us_errc us_file_table_open(struct us_file_table *table, const char *folder, const char *path, char delimiter,
	const struct us_file_proof *proof, const atomic_bool *cancel, struct us_err *err);
void us_file_table_close(struct us_file_table *table); /* after an open, also a failed one, or a close */

size_t us_file_table_find(const struct us_file_table *table, struct us_slice column); /* US_FILE_NO_COLUMN if there is none */
/* The same for a column that has to be there: US_CONFIG with the columns that there are; option is the setting that names it. */
enum us_errc us_file_table_need(const struct us_file_table *table, struct us_slice column, const char *option, size_t *ret_column,
	struct us_err *err);

/* The next row, in arena. US_END only at the proper end of an undoubted file. US_PARTIAL at an end that is none, or when it cannot go on. */
enum us_errc us_file_table_next(struct us_file_table *table, struct us_arena *arena, struct us_file_line *ret_line, struct us_err *err);

#endif
