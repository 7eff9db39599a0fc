/* Table: rows for people, columns as wide as what is in them. What comes from a directory cannot move the cursor: control characters
 * are shown as U+FFFD. */
#ifndef US_CMD_TABLE_H
#define US_CMD_TABLE_H

#include "base/str.h"

#define US_TABLE_MAX_COLUMNS 16

struct us_table {
	struct us_str text;   /* all cells, each NUL-terminated */
	size_t n_columns, n_cells;
	bool is_number[US_TABLE_MAX_COLUMNS]; /* right-aligned */
};

/* headers: ends with NULL; one that begins with '#' heads a column of numbers (the '#' is not shown). */
void us_table_init(struct us_table *table, const char *const *headers);
void us_table_fini(struct us_table *table);
void us_table_add(struct us_table *table, struct us_slice cell); /* NONE shows as "-" */
void us_table_add_text(struct us_table *table, const char *cell);
void us_table_add_int(struct us_table *table, int64_t cell);
void us_table_print(const struct us_table *table); /* to standard output */

/* One value, made harmless for a terminal. */
void us_table_clean(struct us_str *out, struct us_slice text);
/* Columns that a terminal gives it. */
size_t us_table_width(struct us_slice text);

#endif
