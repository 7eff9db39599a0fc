#include "unit.h"

#include "base/secret.h"
#include "model/notice_options.h"
#include "net/webhook.h"

/* Made with the library of the Standard Webhooks project for Python. */
static const struct {
	const char *secret, *id;
	int64_t timestamp;
	const char *body, *signature;
} vectors[] = {
	{ "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "msg_0b2a4bd6-2f53-4f6a-9f5d-0c2f3b7f5a11", 1767268800,
		"{\"type\":\"sync.held\",\"name\":\"Z\xC3\xBCrich\"}", "v1,PAlR0h4AdpLYdPswdxQJYaXgY4FQppngYMqVTvtWQx8=" },
	{ "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr", "msg_1", 1, "", "v1,8E9SNe0Afq4hI+hj+r8QJWHEZFTTZXaBY4M9399jLZA=" },
	{ "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGiow==", "msg_x", 4102444800, "{}",
		"v1,O1/36RWI8ZwM+Y9e0gc0GKhv5yJfqMXPAZ749+TTWPo=" },
};

static void signatures_are_those_of_the_specification(void **state)
{
	for (size_t i = 0; i < countof(vectors); i++) {
		struct us_str key = US_STR_INIT, signature = US_STR_INIT;
		assert_true(us_notice_read_key(us_slice(vectors[i].secret), &key));
		struct us_webhook hook = { .id = us_slice(vectors[i].id), .body = us_slice(vectors[i].body), .keys = { us_str_slice(&key) } };
		us_webhook_add_signatures(&hook, vectors[i].timestamp, &signature);
		assert_string_equal(us_str_text(&signature), vectors[i].signature);
		us_str_fini(&key);
		us_str_fini(&signature);
	}
}

static void each_key_signs(void **state)
{
	struct us_webhook hook = { .id = US_SLICE("msg_1"), .body = US_SLICE(""), .keys = { US_SLICE("other"), US_SLICE("kkkkkkkkkkkkkkkkkkkkkkkk") } };
	struct us_str signature = US_STR_INIT;

	us_webhook_add_signatures(&hook, 1, &signature);
	const char *space = strchr(us_str_text(&signature), ' ');
	assert_non_null(space);
	assert_string_equal(space + 1, vectors[1].signature);
	us_str_clear(&signature);
	hook.keys[0] = US_SLICE_NONE;
	us_webhook_add_signatures(&hook, 1, &signature);
	assert_string_equal(us_str_text(&signature), vectors[1].signature);
	us_str_fini(&signature);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_the_specification),
		cmocka_unit_test(each_key_signs),
	};

	if (us_secret_init(NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
