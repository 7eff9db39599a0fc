#include "unit.h"

#include "base/letter.h"

static bool german(struct us_slice text, struct us_str *out) { return us_letter_ascii(text, true, out); }
static bool plain(struct us_slice text, struct us_str *out) { return us_letter_ascii(text, false, out); }

static void letters_change(void **state)
{
	static const struct {
		bool (*how)(struct us_slice text, struct us_str *out);
		const char *text, *result; /* NULL: refused */
	} rows[] = {
		{ us_letter_lower, "ANNA.Berg@X1", "anna.berg@x1" },
		{ us_letter_lower, "ŁÓDŹ Straße ΑΒΓ", "łódź straße αβγ" },
		{ us_letter_upper, "anna1", "ANNA1" },
		{ us_letter_upper, "łódź é", "ŁÓDŹ É" },
		{ us_letter_lower, "", "" },
		{ us_letter_lower, "a\xff", NULL },
		{ us_letter_upper, "\xc3", NULL },
		{ plain, "plain", "plain" },
		{ plain, "Jörg Weiß", "Jorg Weiss" },
		{ german, "Jörg Weiß ÄÖÜ", "Joerg Weiss AeOeUe" },
		{ german, "Jo\xcc\x88rg", "Joerg" },
		{ plain, "Søren Ærø Øst", "Soren AEro Ost" },
		{ plain, "Đorđe Łukasz Þór Ðuro", "Dorde Lukasz Thor Duro" },
		{ plain, "Işıl İnönü", "Isil Inonu" },
		{ plain, "Nguyễn Thị", "Nguyen Thi" },
		{ plain, "ﬁn Ⅷ ²", "fin VIII 2" },
		{ plain, "O’Brien – “x”", "O'Brien - \"x\"" },
		{ plain, "李 Li", " Li" },
		{ plain, "Ω", "" },
		{ plain, "\xed\xa0\x80", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str out = US_STR_INIT;
		bool is = rows[i].how(us_slice(rows[i].text), &out);
		assert_row(i, is == (rows[i].result != NULL));
		if (is && strcmp(us_str_text(&out), rows[i].result) != 0)
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, us_str_text(&out), rows[i].result);
		us_str_fini(&out);
	}
}

/* Each ASCII character, in texts of each length around the eight bytes that are looked at together. */
static void ascii_changes_at_any_place(void **state)
{
	for (unsigned c = 0; c < 0x80; c++)
		for (size_t n = 1; n < 20; n++)
			for (size_t at = 0; at < n; at++) {
				char text[20], lower[20], upper[20];
				struct us_str out = US_STR_INIT;
				memset(text, '-', n);
				text[at] = (char) c;
				for (size_t i = 0; i < n; i++) {
					lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char) (text[i] + 32) : text[i];
					upper[i] = text[i] >= 'a' && text[i] <= 'z' ? (char) (text[i] - 32) : text[i];
				}
				assert_row(c, us_letter_lower((struct us_slice) { text, n }, &out) && out.n == n && memcmp(out.p, lower, n) == 0);
				assert_row(c, us_letter_upper((struct us_slice) { text, n }, &out) && out.n == 2 * n && memcmp(out.p + n, upper, n) == 0);
				us_str_fini(&out);
				text[at] = (char) (c | 0x80);
				assert_row(c, !us_letter_lower((struct us_slice) { text, n }, &out) && !us_letter_upper((struct us_slice) { text, n }, &out));
				us_str_fini(&out);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(letters_change), cmocka_unit_test(ascii_changes_at_any_place) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
