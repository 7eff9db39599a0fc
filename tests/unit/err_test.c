#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_code_has_text_status_and_retry(void **state)
{
	for (int code = 0; code < US_ERRC_COUNT; code++) {
		assert_row(code, us_err_name((enum us_errc) code)[0] == 'U');
		assert_row(code, us_err_phrase((enum us_errc) code)[0]);
		assert_row(code, us_err_http((enum us_errc) code) >= 200 && us_err_http((enum us_errc) code) < 600);
	}
	assert_string_equal(us_err_name(US_PARTIAL), "US_PARTIAL");
	assert_int_equal(us_err_retry(US_PARTIAL), US_RETRY_LATER);
	assert_int_equal(us_err_http(US_CONFIG), 422);
}

static void text_is_one_tidy_line(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "two\nlines\r\n", "two lines" },
		{ "\x1b[31mred\x7f", " [31mred" },
		{ "Zoë 😀", "Zoë 😀" },
		{ "", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		assert_int_equal(us_err_set(&err, US_PROTOCOL, "%s", rows[i].text), US_PROTOCOL);
		assert_string_equal(err.text, rows[i].want);
		assert_int_equal(err.code, US_PROTOCOL);
	}
}

static void long_text_is_cut_between_characters(void **state)
{
	/* Every alignment of a four-byte character to the end of the buffer. */
	for (int lead = 0; lead < 4; lead++) {
		struct us_err err = US_ERR_INIT;
		struct us_str text = US_STR_INIT;
		for (int i = 0; i < lead; i++)
			us_str_add_char(&text, 'x');
		for (int i = 0; i < 200; i++)
			us_str_add_text(&text, "😀");
		us_err_set(&err, US_INVALID, "%s", us_str_text(&text));
		assert_row(lead, us_slice_is_utf8(us_slice(err.text)));
		assert_row(lead, strlen(err.text) > US_ERR_TEXT_BYTES - 10);
		us_str_fini(&text);
	}
}

static void prefix_goes_before_the_text(void **state)
{
	struct us_err err = US_ERR_INIT;

	us_err_set_native(&err, US_DENIED, 49, "invalid credentials");
	assert_int_equal(us_err_prefix(&err, "bind to %s", "ldap1"), US_DENIED);
	assert_string_equal(err.text, "bind to ldap1: invalid credentials");
	assert_int_equal(err.native, 49);
	assert_int_equal(us_err_set(NULL, US_DISK, "nobody listens"), US_DISK);
}

static void a_bug_aborts(void **state)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		us_assert(1 == 2);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_text_status_and_retry),
		cmocka_unit_test(text_is_one_tidy_line),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(prefix_goes_before_the_text),
		cmocka_unit_test(a_bug_aborts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
