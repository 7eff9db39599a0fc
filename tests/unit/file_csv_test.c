#include "unit.h"

#include "source/file_csv.h"

/* Scans all rows of text; cells come out as "a|b", rows end in '/', flaws as '!q', '!r', '!t', and the end says how it ended. */
static void show(const char *text, size_t n, bool is_end, char delimiter, struct us_str *out)
{
	static struct us_file_csv_row row;
	char *copy = us_calloc(1, n + 64);
	size_t at = 0;

	memcpy(copy, text, n);
	for (;;) {
		switch (us_file_csv_scan(copy + at, n - at, is_end, delimiter, &row)) {
		case US_FILE_CSV_MORE: us_str_add_text(out, "more"); break;
		case US_FILE_CSV_UNCLOSED: us_str_add_text(out, "unclosed"); break;
		case US_FILE_CSV_END: us_str_add_text(out, "end"); break;
		case US_FILE_CSV_ROW:
			for (size_t i = 0; i < row.n_cells; i++) {
				us_str_add_text(out, i ? "|" : "");
				us_str_add_slice(out, us_file_csv_text(&row, i, copy + at));
			}
			static const char *flaws[] = { "", "!q", "!r", "!t" };
			us_str_add_text(out, flaws[row.flaw]);
			us_str_add_text(out, row.has_line_end ? "/" : "~");
			at += row.bytes;
			continue;
		}
		break;
	}
	free(copy);
}

static void rows_are_told_apart(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "end" },
		{ "a,b\n", "a|b/end" },
		{ "a,b\r\nc,d\r\n", "a|b/c|d/end" },
		{ "a,b", "a|b~end" },
		{ "a,b\r", "a|b~end" },
		{ "a,", "a|~end" },
		{ ",\n", "|/end" },
		{ "\n\n", "//end" },
		{ "\"\"\n", "/end" },
		{ "\"a,b\",c\n", "a,b|c/end" },
		{ "\"a\nb\",c\n", "a\nb|c/end" },
		{ "\"a\r\nb\",c\r\n", "a\r\nb|c/end" },
		{ "\"a\"\"b\"\n", "a\"b/end" },
		{ "\"\"\"\"\n", "\"/end" },
		{ "\"\"\"a\"\"\",\"\"\"\"\"\"\n", "\"a\"|\"\"/end" },
		{ "a,\"b\"", "a|b~end" },
		{ "a,\"b", "unclosed" },
		{ "a,\"b\"\"", "unclosed" },
		{ "a\n\"b\nc,d\ne,f\n", "a/unclosed" },
		{ "a\"b,c\n", "a\"b|c!q/end" },
		{ "5\" disk,c\nd,e\n", "5\" disk|c!q/d|e/end" },
		{ "\"a\"b,c\n", "a|c!t/end" },
		{ "\"a\" ,c\n", "a|c!t/end" },
		{ "\"a\"\"b\"c\"d,e\n", "a\"b|e!t/end" },
		{ "a\rb,c\n", "a\rb|c!r/end" },
		{ "\"a\"\rb,c\n", "a|c!t/end" },
		{ "0123456789abcdef,0123456789abcdef0,\n", "0123456789abcdef|0123456789abcdef0|/end" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str out = US_STR_INIT;
		show(rows[i].text, strlen(rows[i].text), true, ',', &out);
		if (strcmp(us_str_text(&out), rows[i].want))
			fail_msg("row %zu: got %s, want %s", i, us_str_text(&out), rows[i].want);
		us_str_fini(&out);
	}
}

static void a_row_cut_by_the_buffer_waits_for_the_rest(void **state)
{
	static const char text[] = "a,\"b\"\"c\nd\",e\r\n";

	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct us_str out = US_STR_INIT;
		show(text, n, false, ',', &out);
		assert_row(n, strcmp(us_str_text(&out), "more") == 0);
		us_str_fini(&out);
	}
}

static void every_cut_of_a_file_is_a_row_without_line_end_or_an_open_quote(void **state)
{
	static const char text[] = "a,\"b\"\"c\nd\",e\r\n";

	for (size_t n = 1; n < sizeof text - 1; n++) {
		struct us_str out = US_STR_INIT;
		show(text, n, true, ',', &out);
		assert_row(n, strchr(us_str_text(&out), '~') || strstr(us_str_text(&out), "unclosed"));
		us_str_fini(&out);
	}
}

static void other_delimiters_leave_commas_alone(void **state)
{
	struct us_str out = US_STR_INIT;

	show("a,b;c\n\"d;e\";f\n", 14, true, ';', &out);
	assert_string_equal(us_str_text(&out), "a,b|c/d;e|f/end");
	us_str_clear(&out);
	show("a\tb\n", 4, true, '\t', &out);
	assert_string_equal(us_str_text(&out), "a|b/end");
	us_str_fini(&out);
}

static void lines_inside_of_quotes_are_counted(void **state)
{
	static struct us_file_csv_row row;
	static const char text[64] = "a,\"1\n2\r\n3\",b\nnext\n";

	assert_int_equal(us_file_csv_scan(text, strlen(text), true, ',', &row), US_FILE_CSV_ROW);
	assert_int_equal(row.lines, 3);
	assert_int_equal(row.bytes, 13);
}

static void cells_beyond_the_limit_are_only_counted(void **state)
{
	static struct us_file_csv_row row;
	char *text = us_calloc(1, 3000);

	for (size_t n = US_FILE_CSV_MOST_CELLS - 1; n <= US_FILE_CSV_MOST_CELLS + 1; n++) {
		memset(text, ',', n - 1);
		text[n - 1] = '\n';
		assert_int_equal(us_file_csv_scan(text, n, true, ',', &row), US_FILE_CSV_ROW);
		assert_int_equal(row.n_cells, n);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_told_apart),
		cmocka_unit_test(a_row_cut_by_the_buffer_waits_for_the_rest),
		cmocka_unit_test(every_cut_of_a_file_is_a_row_without_line_end_or_an_open_quote),
		cmocka_unit_test(other_delimiters_leave_commas_alone),
		cmocka_unit_test(lines_inside_of_quotes_are_counted),
		cmocka_unit_test(cells_beyond_the_limit_are_only_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
