#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

static char folder[] = "/tmp/usersync-secret-XXXXXX";

static int start(void **state)
{
	struct us_err err = US_ERR_INIT;

	unsetenv("USERSYNC_MASTER_KEY");
	return us_secret_init(&err) != US_OK || !mkdtemp(folder);
}

static int stop(void **state) { return rmdir(folder); }

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static void password_is_verified_and_nothing_else(void **state)
{
	char hash[US_SECRET_HASH_BYTES];
	struct us_err err = US_ERR_INIT;

	assert_int_equal(us_secret_hash_password(US_SLICE("korrekt pferd"), hash, &err), US_OK);
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	assert_true(us_secret_is_password(US_SLICE("korrekt pferd"), hash));
	assert_false(us_secret_is_password(US_SLICE("korrekt pferd "), hash));
	assert_false(us_secret_is_password(US_SLICE(""), hash));
	assert_false(us_secret_is_password(US_SLICE_NONE, hash));
	assert_false(us_secret_is_password(US_SLICE("x"), ""));
	assert_false(us_secret_is_password(US_SLICE("x"), NULL));
	assert_false(us_secret_is_password(US_SLICE("x"), "$argon2id$broken"));
}

static void sealed_text_opens_only_in_its_place(void **state)
{
	struct us_secret_key key, other;
	struct us_str sealed = US_STR_INIT, again = US_STR_INIT, plain = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_slice context = US_SLICE("connector/1/bindPassword");

	us_secret_random(&key, sizeof key);
	us_secret_random(&other, sizeof other);
	us_secret_seal(&key, context, US_SLICE("geheim"), &sealed);
	us_secret_seal(&key, context, US_SLICE("geheim"), &again);
	assert_false(us_slice_is_equal(us_str_slice(&sealed), us_str_slice(&again)));
	assert_null(strstr(sealed.p, "geheim"));
	assert_int_equal(strspn(sealed.p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), sealed.n);
	assert_int_equal(us_secret_unseal(&key, context, us_str_slice(&sealed), &plain, &err), US_OK);
	assert_string_equal(us_str_text(&plain), "geheim");
	assert_int_equal(us_secret_unseal(&other, context, us_str_slice(&sealed), &plain, &err), US_CONFIG);
	assert_int_equal(us_secret_unseal(&key, US_SLICE("connector/2/bindPassword"), us_str_slice(&sealed), &plain, &err), US_CONFIG);
	assert_string_equal(us_str_text(&plain), "geheim");
	/* Any changed character is noticed. */
	for (size_t i = 0; i < sealed.n; i++) {
		char was = sealed.p[i];
		sealed.p[i] = was == 'A' ? 'B' : 'A';
		assert_row(i, us_secret_unseal(&key, context, us_str_slice(&sealed), &plain, &err) == US_CONFIG);
		sealed.p[i] = was;
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_row(n, us_secret_unseal(&key, context, (struct us_slice) { sealed.p, n }, &plain, &err) == US_CONFIG);
	us_str_clear(&sealed);
	us_secret_seal(&key, context, US_SLICE(""), &sealed);
	us_str_clear(&plain);
	assert_int_equal(us_secret_unseal(&key, context, us_str_slice(&sealed), &plain, &err), US_OK);
	assert_int_equal(plain.n, 0);
	us_secret_wipe_str(&plain);
	us_str_fini(&sealed);
	us_str_fini(&again);
}

static void fingerprint_keeps_its_parts_apart(void **state)
{
	struct us_hash a = us_secret_fingerprint(US_SLICE("ab"), US_SLICE("c"));

	assert_true(us_hash_is_equal(a, us_secret_fingerprint(US_SLICE("ab"), US_SLICE("c"))));
	assert_false(us_hash_is_equal(a, us_secret_fingerprint(US_SLICE("a"), US_SLICE("bc"))));
	assert_false(us_hash_is_equal(a, us_secret_fingerprint(US_SLICE("abc"), US_SLICE_NONE)));
	assert_false(us_hash_is_equal(a, us_hash_slice(US_SLICE("abc"))));
}

static void key_file_is_made_once_and_private(void **state)
{
	struct us_secret_key first, second;
	struct us_err err = US_ERR_INIT;
	struct stat st;
	const char *path = path_of("key");

	assert_int_equal(us_secret_load_key(path, &first, &err), US_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(us_secret_load_key(path, &second, &err), US_OK);
	assert_memory_equal(&first, &second, sizeof first);
	chmod(path, 0640);
	assert_int_equal(us_secret_load_key(path, &second, &err), US_CONFIG);
	assert_non_null(strstr(err.text, "can be read by others"));
	unlink(path);
}

static void broken_keys_are_refused(void **state)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	static const struct {
		const char *text;
		enum us_errc want;
	} rows[] = {
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", US_OK },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", US_OK },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", US_OK },
		{ "", US_CONFIG },
		{ "\n", US_CONFIG },
		{ "0001", US_CONFIG },
		{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", US_CONFIG },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", US_CONFIG },
		{ "not a key at all, but rather long: not a key at all", US_CONFIG },
	};
	const char *path = path_of("given");
	struct us_err err = US_ERR_INIT;
	struct us_secret_key key, variable;

	for (size_t i = 0; i < countof(rows); i++) {
		write_file(path, rows[i].text, 0600);
		assert_row(i, us_secret_load_key(path, &key, &err) == rows[i].want);
		if (rows[i].want == US_OK)
			assert_row(i, key.bytes[31] == 0x1f && key.bytes[1] == 1);
	}
	unlink(path);
	assert_int_equal(us_secret_load_key(path_of("no/such/folder"), &key, &err), US_DISK);
	setenv("USERSYNC_MASTER_KEY", hex, 1);
	assert_int_equal(us_secret_load_key(path_of("not-made"), &variable, &err), US_OK);
	assert_int_equal(access(path_of("not-made"), F_OK), -1);
	assert_int_equal(variable.bytes[31], 0x1f);
	setenv("USERSYNC_MASTER_KEY", "short", 1);
	assert_int_equal(us_secret_load_key(path_of("not-made"), &variable, &err), US_CONFIG);
	unsetenv("USERSYNC_MASTER_KEY");
}

static void random_values_have_their_form(void **state)
{
	char a[US_UUID_BYTES], b[US_UUID_BYTES], hex[65];
	struct us_str token = US_STR_INIT;

	us_secret_uuid(a);
	us_secret_uuid(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	us_secret_token(&token, 32);
	assert_int_equal(token.n, 43);
	us_str_fini(&token);
	us_secret_sha256(US_SLICE("abc"), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(us_secret_is_equal(US_SLICE("abc"), US_SLICE("abc")));
	assert_false(us_secret_is_equal(US_SLICE("abc"), US_SLICE("abd")));
	assert_false(us_secret_is_equal(US_SLICE("abc"), US_SLICE("ab")));
	assert_true(us_secret_is_equal(US_SLICE_NONE, US_SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password_is_verified_and_nothing_else),
		cmocka_unit_test(sealed_text_opens_only_in_its_place),
		cmocka_unit_test(fingerprint_keeps_its_parts_apart),
		cmocka_unit_test(key_file_is_made_once_and_private),
		cmocka_unit_test(broken_keys_are_refused),
		cmocka_unit_test(random_values_have_their_form),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
