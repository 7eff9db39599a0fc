#include "unit.h"

#include "base/envelope.h"
#include "base/secret.h"

#define PASSPHRASE US_SLICE("correct horse, grün")

static struct us_arena arena;

static int start(void **state)
{
	struct us_err err = US_ERR_INIT;

	return us_secret_init(&err) != US_OK;
}

static const struct us_json *parse(const char *text)
{
	const struct us_json *doc = NULL;
	struct us_err err = US_ERR_INIT;

	assert_int_equal(us_json_parse(&arena, us_slice(text), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	return doc;
}

static const struct us_json *seal(const char *plain, struct us_str *text)
{
	struct us_jsonw w = US_JSONW_INIT(text);
	struct us_err err = US_ERR_INIT;

	us_str_clear(text);
	assert_int_equal(us_envelope_seal(PASSPHRASE, us_slice(plain), &w, &err), US_OK);
	return parse(us_str_text(text));
}

static void opens_with_its_passphrase_alone(void **state)
{
	struct us_str text = US_STR_INIT, again = US_STR_INIT, plain = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_envelope e;

	assert_int_equal(us_envelope_read(seal("the secret", &text), &e, &err), US_OK);
	assert_null(strstr(us_str_text(&text), "secret"));
	assert_int_equal(us_envelope_open(&e, PASSPHRASE, &plain, &err), US_OK);
	assert_string_equal(us_str_text(&plain), "the secret");
	us_str_clear(&plain);
	assert_int_equal(us_envelope_open(&e, US_SLICE("correct horse, grun"), &plain, &err), US_CONFIG);
	assert_string_equal(err.text, "is wrong, or the sealed secrets were changed");
	assert_int_equal(plain.n, 0);
	/* Twice the same is never the same text. */
	seal("the secret", &again);
	assert_string_not_equal(us_str_text(&text), us_str_text(&again));
	us_str_fini(&text);
	us_str_fini(&again);
	us_str_fini(&plain);
	us_arena_fini(&arena);
}

static void empty_text_is_sealed_too(void **state)
{
	struct us_str text = US_STR_INIT, plain = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_envelope e;

	assert_int_equal(us_envelope_read(seal("", &text), &e, &err), US_OK);
	assert_int_equal(us_envelope_open(&e, PASSPHRASE, &plain, &err), US_OK);
	assert_int_equal(plain.n, 0);
	us_str_fini(&text);
	us_str_fini(&plain);
	us_arena_fini(&arena);
}

static void a_changed_envelope_does_not_open(void **state)
{
	struct us_str text = US_STR_INIT, plain = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_envelope e;

	assert_int_equal(us_envelope_read(seal("the secret", &text), &e, &err), US_OK);
	struct us_envelope other = e;
	other.nonce[3] ^= 1;
	assert_int_equal(us_envelope_open(&other, PASSPHRASE, &plain, &err), US_CONFIG);
	other = e;
	other.salt[15] ^= 128;
	assert_int_equal(us_envelope_open(&other, PASSPHRASE, &plain, &err), US_CONFIG);
	other = e;
	other.passes = 1;
	assert_int_equal(us_envelope_open(&other, PASSPHRASE, &plain, &err), US_CONFIG);
	for (size_t cut = 0; cut < e.data.n; cut += 7) {
		other = e;
		other.data.n = cut;
		assert_int_equal(us_envelope_open(&other, PASSPHRASE, &plain, &err), US_CONFIG);
	}
	assert_int_equal(plain.n, 0);
	us_str_fini(&text);
	us_str_fini(&plain);
	us_arena_fini(&arena);
}

#define GOOD_SALT "\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define GOOD_NONCE "\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define HEAD "\"version\":1,\"kdf\":\"argon2id\",\"cipher\":\"xsalsa20poly1305\","

static const struct {
	const char *json, *says;
} bad[] = {
	{ "[]", "must be an object" },
	{ "{}", "version 1" },
	{ "{\"version\":2,\"kdf\":\"argon2id\"}", "version 1" },
	{ "{\"version\":\"1\"}", "version 1" },
	{ "{\"version\":1,\"kdf\":\"scrypt\",\"cipher\":\"xsalsa20poly1305\"}", "kdf must be argon2id" },
	{ "{" HEAD "\"passes\":0,\"memoryBytes\":67108864}", "passes must be from 1 to 10" },
	{ "{" HEAD "\"passes\":4294967296,\"memoryBytes\":67108864}", "passes must be from 1 to 10" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":68719476736}", "memoryBytes must be from 8388608 to 268435456" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":-1}", "memoryBytes must be from" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":67108864.5}", "memoryBytes must be from" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":67108864,\"salt\":\"AAAA\"," GOOD_NONCE ",\"data\":\"AAAA\"}",
		"salt or nonce" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":67108864," GOOD_SALT ",\"nonce\":\"!\",\"data\":\"AAAA\"}",
		"salt or nonce" },
	{ "{" HEAD "\"passes\":3,\"memoryBytes\":67108864," GOOD_SALT "," GOOD_NONCE "}", "data is missing" },
};

static void bounds_hold_before_anything_is_computed(void **state)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct us_err err = US_ERR_INIT;
		struct us_envelope e;
		assert_int_equal(us_envelope_read(parse(bad[i].json), &e, &err), US_CONFIG);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: %s", bad[i].json, err.text);
	}
	us_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_with_its_passphrase_alone),
		cmocka_unit_test(empty_text_is_sealed_too),
		cmocka_unit_test(a_changed_envelope_does_not_open),
		cmocka_unit_test(bounds_hold_before_anything_is_computed),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
