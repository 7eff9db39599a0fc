#include "source/file_csv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first delimiter, quote or line end of p[i …), or n. */
static inline size_t find_special(const char *p, size_t i, size_t n, char delimiter)
{
#ifdef __SSE2__
	const __m128i d = _mm_set1_epi8(delimiter), q = _mm_set1_epi8('"'), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');

	for (; i < n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *) (const void *) (p + i));
		__m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, d), _mm_cmpeq_epi8(v, q)),
			_mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr)));
		int mask = _mm_movemask_epi8(hit);
		if (mask) {
			i += (size_t) __builtin_ctz((unsigned) mask);
			return i < n ? i : n;
		}
	}
	return n;
#else
	while (i < n && p[i] != delimiter && p[i] != '"' && p[i] != '\n' && p[i] != '\r')
		i++;
	return i;
#endif
}

static int64_t count_line_ends(const char *p, size_t n)
{
	int64_t lines = 0;

	for (const char *end = p + n; (p = memchr(p, '\n', (size_t) (end - p))); p++)
		lines++;
	return lines;
}

static void flaw(struct us_file_csv_row *row, enum us_file_csv_flaw kind)
{
	if (row->flaw < kind) {
		row->flaw = kind;
		row->flaw_cell = row->n_cells;
	}
}

static void add(struct us_file_csv_row *row, size_t at, size_t end, bool has_doubled)
{
	if (row->n_cells < US_FILE_CSV_MOST_CELLS)
		row->cells[row->n_cells] = (struct us_file_csv_cell) { (uint32_t) at, (uint32_t) (end - at), has_doubled };
	row->n_cells++;
}

enum us_file_csv_result us_file_csv_scan(const char *p, size_t n, bool is_end, char delimiter, struct us_file_csv_row *row)
{
	const enum us_file_csv_result cut = US_FILE_CSV_MORE;
	size_t i = 0;

	if (n == 0)
		return is_end ? US_FILE_CSV_END : cut;
	row->n_cells = 0;
	row->lines = 0;
	row->has_line_end = false;
	row->flaw = US_FILE_CSV_NO_FLAW;
	/* Each round takes one cell and what ends it. A quote, or a return, at the buffer's end waits for the byte behind it. */
	for (;;) {
		size_t at = i, end;
		bool has_doubled = false, is_quoted = i < n && p[i] == '"';
		if (is_quoted) {
			at = ++i;
			for (;;) {
				const char *quote = i < n ? memchr(p + i, '"', n - i) : NULL;
				if (!quote)
					return is_end ? US_FILE_CSV_UNCLOSED : cut;
				i = (size_t) (quote - p) + 1;
				if (i == n && !is_end)
					return cut;
				if (i == n || p[i] != '"')
					break;
				has_doubled = true;
				i++;
			}
			end = i - 1;
			row->lines += count_line_ends(p + at, end - at);
		}
		size_t text = i;
		/* The rest of a cell without quotes, or what must not be there behind a closing one. */
		for (;; i++) {
			i = find_special(p, i, n, delimiter);
			if (i == n || p[i] == delimiter || p[i] == '\n')
				break;
			if (p[i] == '"') {
				flaw(row, is_quoted ? US_FILE_CSV_AFTER_QUOTE : US_FILE_CSV_STRAY_QUOTE);
				continue;
			}
			if (i + 1 == n || p[i + 1] == '\n')
				break;
			flaw(row, is_quoted ? US_FILE_CSV_AFTER_QUOTE : US_FILE_CSV_STRAY_RETURN);
		}
		if (!is_quoted)
			end = i;
		else if (i > text)
			flaw(row, US_FILE_CSV_AFTER_QUOTE);
		if (i == n && !is_end)
			return cut;
		add(row, at, end, has_doubled);
		if (i == n)
			break;
		if (p[i] == delimiter) {
			i++;
			continue;
		}
		if (p[i] == '\r') {
			if (++i == n && !is_end)
				return cut;
			if (i == n)
				break; /* cut between CR and LF */
		}
		i++;
		row->lines++;
		row->has_line_end = true;
		break;
	}
	row->bytes = i;
	row->is_blank = row->n_cells == 1 && row->cells[0].at == 0 && row->cells[0].n == 0;
	return US_FILE_CSV_ROW;
}

struct us_slice us_file_csv_text(const struct us_file_csv_row *row, size_t cell, char *p)
{
	const struct us_file_csv_cell *c = &row->cells[cell];
	char *from = p + c->at, *end = from + c->n, *to = from;

	if (!c->has_doubled)
		return (struct us_slice) { from, c->n };
	while (from < end) {
		if (*from == '"')
			from++;
		*to++ = *from++;
	}
	return (struct us_slice) { p + c->at, (size_t) (to - (p + c->at)) };
}
