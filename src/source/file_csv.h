/* CSV rows: where the cells of one row lie in a buffer. Keeps no bytes of its own, so rows come as fast as they can be scanned.
 *
 * Lines end in LF or CR LF. A cell that starts with a quote runs to the closing one and may hold delimiters, line ends and doubled
 * quotes. Flaws are told, not repaired: what a flawed row meant is for the caller to doubt.
 * Spec: RFC 4180, with UTF-8 and any ASCII delimiter.
 */
#ifndef US_SOURCE_FILE_CSV_H
#define US_SOURCE_FILE_CSV_H

#include "base/str.h"

enum { US_FILE_CSV_MOST_CELLS = 1000 };

enum us_file_csv_result {
	US_FILE_CSV_ROW,
	US_FILE_CSV_MORE,     /* the row goes on behind the buffer */
	US_FILE_CSV_UNCLOSED, /* the file ends inside of quotes */
	US_FILE_CSV_END,      /* nothing is left */
};

enum us_file_csv_flaw {
	US_FILE_CSV_NO_FLAW,
	US_FILE_CSV_STRAY_QUOTE,  /* a quote inside of a cell without quotes: the cells are still told apart for sure */
	US_FILE_CSV_STRAY_RETURN, /* a carriage return alone, likewise */
	US_FILE_CSV_AFTER_QUOTE,  /* text behind a closing quote: where the cells end is a guess */
};

struct us_file_csv_cell {
	uint32_t at, n;     /* from the start of the row, without the quotes around it */
	bool has_doubled;   /* holds doubled quotes */
};

struct us_file_csv_row {
	struct us_file_csv_cell cells[US_FILE_CSV_MOST_CELLS];
	size_t n_cells;     /* may be more than there is room for: then the rest was only counted */
	size_t bytes;       /* with its line end */
	int64_t lines;      /* line ends, those inside of quotes too */
	bool has_line_end;
	bool is_blank;      /* no cell at all, not an empty one in quotes */
	enum us_file_csv_flaw flaw;
	size_t flaw_cell;
};

/* The row at p. Up to 16 bytes behind p[n) may be looked at and must be there. is_end: the file ends at p + n. A row larger than 4 GB must
 * not be asked for. */
enum us_file_csv_result us_file_csv_scan(const char *p, size_t n, bool is_end, char delimiter, struct us_file_csv_row *row);
/* The text of a cell. p is a private copy of the row's bytes: doubled quotes are undone in place. */
struct us_slice us_file_csv_text(const struct us_file_csv_row *row, size_t cell, char *p);

#endif
