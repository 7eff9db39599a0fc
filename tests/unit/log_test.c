#include "unit.h"

#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* What one call writes to stderr. */
static char *captured(enum us_log_level level, const char *value)
{
	static char text[2000];
	int fd[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	us_log(level, "run finished", "run", US_LOG_INT(94), "value", value, NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd[1]);
	ssize_t n = read(fd[0], text, sizeof text - 1);
	close(fd[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void each_event_is_one_line_of_json(void **state)
{
	static const char *const values[] = { "plain", "", "with space", "quote\" back\\slash", "new\nline\x1b[0m", "Zoë", "\x7f" };
	struct us_arena arena = US_ARENA_INIT;

	us_log_init(US_LOG_INFO, US_LOG_JSON);
	for (size_t i = 0; i < countof(values); i++) {
		struct us_err err = US_ERR_INIT;
		const struct us_json *doc;
		char *line = captured(US_LOG_WARN, values[i]);
		assert_row(i, strchr(line, '\n') == line + strlen(line) - 1);
		if (us_json_parse(&arena, us_slice(line), US_JSON_LIMITS_SMALL, &doc, &err))
			fail_msg("%s: %s", err.text, line);
		assert_slice(us_json_string(doc, "value"), values[i]);
		assert_slice(us_json_string(doc, "message"), "run finished");
		assert_slice(us_json_string(doc, "level"), "warn");
		assert_slice(us_json_string(doc, "run"), "94");
	}
	us_arena_fini(&arena);
}

static void text_quotes_only_what_needs_it(void **state)
{
	us_log_init(US_LOG_INFO, US_LOG_TEXT);
	assert_non_null(strstr(captured(US_LOG_INFO, "plain"), " info  run finished run=94 value=plain\n"));
	assert_non_null(strstr(captured(US_LOG_INFO, "a b"), " value=\"a b\"\n"));
	assert_non_null(strstr(captured(US_LOG_INFO, ""), " value=\"\"\n"));
	assert_non_null(strstr(captured(US_LOG_INFO, "a\nb"), " value=\"a\\u000ab\"\n"));
}

static void lower_levels_are_silent(void **state)
{
	us_log_init(US_LOG_WARN, US_LOG_TEXT);
	assert_string_equal(captured(US_LOG_INFO, "x"), "");
	assert_false(us_log_is_on(US_LOG_INFO));
	assert_true(us_log_is_on(US_LOG_ERROR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_is_one_line_of_json),
		cmocka_unit_test(text_quotes_only_what_needs_it),
		cmocka_unit_test(lower_levels_are_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
