#include "cmd/passphrase.h"

#include <stdlib.h>

#include "base/secret.h"
#include "cmd/login.h"
#include "cmd/output.h"

static const char *from_file(struct us_cli *cli, const char *path)
{
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const char *ret = NULL;

	if (us_output_read(path, &text, &err) != US_OK) {
		us_cli_fail("%s", err.text);
	} else {
		size_t n = strcspn(us_str_text(&text), "\r\n");
		ret = us_arena_strndup(&cli->arena, us_str_text(&text), n);
	}
	us_secret_wipe_str(&text);
	if (ret && !*ret) {
		us_cli_fail("%s holds no passphrase in its first line", path);
		return NULL;
	}
	return ret;
}

static const char *from_terminal(struct us_cli *cli, bool is_new)
{
	const char *first = us_login_ask(&cli->arena, "Passphrase");

	if (!first) {
		us_cli_fail("no passphrase: set USERSYNC_PASSPHRASE, or name a file with --passphrase-file");
		return NULL;
	}
	const char *again = is_new ? us_login_ask(&cli->arena, "Once more") : first;
	if (again && strcmp(first, again) == 0)
		return first;
	us_cli_fail("the two passphrases differ");
	return NULL;
}

const char *us_passphrase_find(struct us_cli *cli, bool is_new)
{
	const char *path = us_cli_flag(cli, "passphrase-file"), *given = getenv("USERSYNC_PASSPHRASE");

	if (path)
		return from_file(cli, path);
	return given && *given ? given : from_terminal(cli, is_new);
}
