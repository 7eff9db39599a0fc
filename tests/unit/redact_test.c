#include "unit.h"

#include "model/redact.h"

static struct us_arena arena;

static const struct {
	const char *text, *want;
} texts[] = {
	{ "", "" },
	{ "User <anna.berg> is local; it is not changed.", "User <…> is local; it is not changed." },
	{ "User <a> b> is local", "User <…> is local" },
	{ "User <zoe never closed", "User <… never closed" },
	{ "cannot read \"/home/anna/x.csv\": No such file", "cannot read \"…\": No such file" },
	{ "anna berg", "… …" },
	{ "Anna", "…" },
	{ "ünïcode", "…" },
	{ "HTTP 403", "HTTP 403" },
	{ "employee 1234567", "… …" },
	{ "123456 of 9", "123456 of 9" },
	{ "anna@example.org", "…@example.…" },
	{ "users2", "…" },
	{ "ldap://dc1.corp:636", "ldap://….…:636" },
	{ "ldap://10.20.30.40:636 refused", "ldap://…:636 refused" },
	{ "127.0.0.1", "…" },
	{ "at 10.20.30.40.", "at …." },
	{ "10.20.30 of 1.5 and 3.40.1", "10.20.30 of 1.5 and 3.40.1" },
	{ "1.2.3.4567", "1.2.3.4567" },
	{ "<>", "<…>" },
	{ "\"", "\"" },
};

static void only_words_of_ours_stay(void **state)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct us_str out = US_STR_INIT;
		us_redact_text(us_slice(texts[i].text), &out);
		assert_string_equal(us_str_text(&out), texts[i].want);
		us_str_fini(&out);
	}
}

static const struct us_option options[] = {
	{ .name = "host", .type = US_OPTION_STRING, .title = "", .help = "" },
	{ .name = "word", .type = US_OPTION_STRING, .title = "", .help = "", .secret = true },
	{ .name = "kind", .type = US_OPTION_CHOICE, .title = "", .help = "", .choices = "red|green" },
	{ .name = "pages", .type = US_OPTION_INT, .title = "", .help = "" },
	{ .name = "names", .type = US_OPTION_STRINGS, .title = "", .help = "" },
	{ .name = "limits", .type = US_OPTION_OBJECT, .title = "", .help = "" },
	{ .name = "rows", .type = US_OPTION_ARRAY, .title = "", .help = "" },
	{ .name = NULL },
};

static void a_configuration_keeps_its_shape_and_no_text(void **state)
{
	static const char given[] = "{\"host\":\"anna\",\"word\":\"anna\",\"kind\":\"red\",\"pages\":7,\"names\":"
								"[\"anna\",\"b\xC3\xB6\"],"
								"\"limits\":{\"users\":{\"floor\":1}},\"rows\":[{\"from\":\"anna\",\"table\":"
								"{\"anna\":\"berg\",\"x\":[true,null]}}],\"anna\":1}";
	static const char want[] =
		"{\"host\":\"<4 characters>\",\"word\":\"***\",\"kind\":\"red\",\"pages\":7,"
		"\"names\":[\"<4 characters>\",\"<2 characters>\"],\"limits\":{\"users\":{\"floor\":1}},"
		"\"rows\":[{\"from\":\"<4 characters>\",\"table\":{\"<key 1>\":\"<4 characters>\",\"<key "
		"2>\":[true,null]}}],\"<unknown settings>\":1}";
	const struct us_json *doc;
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);
	struct us_err err = US_ERR_INIT;

	assert_int_equal(us_json_parse(&arena, us_slice(given), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	us_redact_configuration(options, NULL, doc, &w);
	assert_string_equal(us_str_text(&out), want);
	us_str_fini(&out);
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_words_of_ours_stay),
		cmocka_unit_test(a_configuration_keeps_its_shape_and_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
