#include "cmd/table.h"

#include <stdio.h>
#include <wchar.h>

#include "base/err.h"

/* The code point at p and its length; a broken byte counts as one replacement character. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret_code)
{
	size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0;

	if (length == 0 || length > n) {
		*ret_code = 0xFFFD;
		return 1;
	}
	uint32_t code = length == 1 ? p[0] : p[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (p[i] & 0x3F);
	*ret_code = code;
	return length;
}

/* Controls, and the characters that reorder what stands around them. */
static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

void us_table_clean(struct us_str *out, struct us_slice text)
{
	for (size_t i = 0; i < text.n;) {
		uint32_t code;
		size_t n = decode((const unsigned char *) text.p + i, text.n - i, &code);
		if (is_harmful(code) || (n == 1 && code == 0xFFFD))
			us_str_add_text(out, "\xEF\xBF\xBD");
		else
			us_str_add(out, text.p + i, n);
		i += n;
	}
}

size_t us_table_width(struct us_slice text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.n;) {
		uint32_t code;
		i += decode((const unsigned char *) text.p + i, text.n - i, &code);
		int w = wcwidth((wchar_t) code);
		width += w < 0 ? 1 : (size_t) w;
	}
	return width;
}

void us_table_init(struct us_table *table, const char *const *headers)
{
	*table = (struct us_table) { 0 };
	for (; headers[table->n_columns]; table->n_columns++) {
		us_assert(table->n_columns < US_TABLE_MAX_COLUMNS);
		const char *header = headers[table->n_columns];
		table->is_number[table->n_columns] = header[0] == '#';
		us_str_add(&table->text, header + (header[0] == '#'), strlen(header) + (header[0] != '#'));
		table->n_cells++;
	}
}

void us_table_fini(struct us_table *table) { us_str_fini(&table->text); }

void us_table_add(struct us_table *table, struct us_slice cell)
{
	if (cell.p)
		us_table_clean(&table->text, cell);
	else
		us_str_add_char(&table->text, '-');
	us_str_add(&table->text, "", 1);
	table->n_cells++;
}

void us_table_add_text(struct us_table *table, const char *cell) { us_table_add(table, us_slice(cell)); }

void us_table_add_int(struct us_table *table, int64_t cell)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long) cell);
	us_table_add_text(table, text);
}

void us_table_print(const struct us_table *table)
{
	size_t widths[US_TABLE_MAX_COLUMNS] = { 0 };
	const char *p = table->text.p;

	for (size_t i = 0; i < table->n_cells; i++, p += strlen(p) + 1) {
		size_t width = us_table_width(us_slice(p));
		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
	p = table->text.p;
	for (size_t i = 0; i < table->n_cells; i++, p += strlen(p) + 1) {
		size_t column = i % table->n_columns, width = us_table_width(us_slice(p));
		bool is_last = column + 1 == table->n_columns;
		int pad = (int) (widths[column] - width);
		if (table->is_number[column])
			printf("%*s%s", pad, "", p);
		else
			printf("%s%*s", p, is_last ? 0 : pad, "");
		fputs(is_last ? "\n" : "  ", stdout);
	}
}
