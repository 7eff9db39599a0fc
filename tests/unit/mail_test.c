#include "unit.h"

#include "net/mail.h"

static const struct us_slice two[] = { { "a@example.org", 13 }, { "b@example.org", 13 } };

static void write_mail(struct us_slice subject, struct us_slice text, struct us_str *out)
{
	struct us_mail mail = { .from = US_SLICE("usersync@example.org"), .to = two, .n_to = 2, .subject = subject, .text = text, .id = US_SLICE("msg_1"),
		.date_s = 1767268800 };

	us_str_clear(out);
	us_mail_write(&mail, out);
}

static void a_mail_is_what_servers_expect(void **state)
{
	struct us_str out = US_STR_INIT;

	write_mail(US_SLICE("[usersync] hr: test"), US_SLICE("one\ntwo\n"), &out);
	assert_string_equal(us_str_text(&out),
		"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\n"
		"From: <usersync@example.org>\r\n"
		"To: <a@example.org>,\r\n <b@example.org>\r\n"
		"Subject: [usersync] hr: test\r\n"
		"Message-ID: <msg_1@example.org>\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"\r\n"
		"b25lDQp0d28NCg==\r\n");
	us_str_fini(&out);
}

/* 16 characters of three bytes */
#define MAN "\xE4\xBA\xBA\xE4\xBA\x8B"
#define MANY MAN MAN MAN MAN MAN MAN MAN MAN

/* Whatever is in it: the same number of headers, lines of at most 76 characters, nothing but ASCII. */
static void no_subject_adds_a_header_or_a_byte_that_is_not_ascii(void **state)
{
	static const char *const subjects[] = { "x\r\nBcc: anna@example.org", "x\nBcc: y\n\nbody", "\r\n\r\n", "Z\xC3\xBCrich", "=?UTF-8?B?QmFk?=", "\x7F\x01", MANY,
		"a very long subject that is all in ASCII and would not fit into one line of a header, however it is turned", "\x80\x80\x80\x80" };
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; i < countof(subjects); i++) {
		size_t headers = 0;
		write_mail(us_slice(subjects[i]), US_SLICE("."), &out);
		const char *end = strstr(us_str_text(&out), "\r\n\r\n");
		assert_row(i, end && strcmp(end, "\r\n\r\nLg==\r\n") == 0);
		for (const char *line = us_str_text(&out); line < end; line = strstr(line, "\r\n") + 2) {
			size_t n = strcspn(line, "\r\n");
			headers += line[0] != ' ';
			assert_row(i, n > 0 && n <= 76);
			for (size_t k = 0; k < n; k++)
				assert_row(i, line[k] >= ' ' && line[k] < 0x7F);
			assert_row(i, strncmp(line, "Bcc", 3) != 0);
		}
		assert_row(i, headers == 9);
	}
	us_str_fini(&out);
}

static void characters_are_never_cut_between_encoded_words(void **state)
{
	struct us_str out = US_STR_INIT;

	/* 38 bytes, then one of three: it goes into the second word whole */
	write_mail(US_SLICE("0123456789012345678901234567890123456\xE4\xBA\xBA\xE4\xBA\x8B"), US_SLICE("x"), &out);
	assert_non_null(strstr(us_str_text(&out), "Subject: =?UTF-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Ng==?=\r\n =?UTF-8?B?5Lq65LqL?=\r\n"));
	us_str_fini(&out);
}

static void lines_of_the_text_are_short(void **state)
{
	struct us_str text = US_STR_INIT, out = US_STR_INIT;

	for (int i = 0; i < 3000; i++)
		us_str_add_char(&text, '.');
	write_mail(US_SLICE("x"), us_str_slice(&text), &out);
	for (const char *line = us_str_text(&out); *line; line = strstr(line, "\r\n") + 2)
		assert_true(strcspn(line, "\r\n") <= 76);
	us_str_fini(&text);
	us_str_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_is_what_servers_expect),
		cmocka_unit_test(no_subject_adds_a_header_or_a_byte_that_is_not_ascii),
		cmocka_unit_test(characters_are_never_cut_between_encoded_words),
		cmocka_unit_test(lines_of_the_text_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
