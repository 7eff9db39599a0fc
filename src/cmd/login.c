#include "cmd/login.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/conf.h"

enum { CALL_TIMEOUT_MS = 120000 };

static const char *const keys[] = { "url", "user", "password", "token", "cacert", NULL };

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static const char *default_path(struct us_arena *arena)
{
	const char *given = env("USERSYNC_CONFIG"), *xdg = env("XDG_CONFIG_HOME"), *home = env("HOME");

	if (given)
		return given;
	if (xdg && xdg[0] == '/')
		return us_arena_printf(arena, "%s/usersync/config", xdg);
	return home ? us_arena_printf(arena, "%s/.config/usersync/config", home) : NULL;
}

const char *us_login_ask(struct us_arena *arena, const char *question)
{
	struct termios was, quiet;
	char line[1024];
	const char *password = NULL;
	FILE *tty = fopen("/dev/tty", "r+e");

	if (!tty)
		return NULL;
	if (tcgetattr(fileno(tty), &was) == 0) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t) ECHO;
		fprintf(tty, "%s: ", question);
		fflush(tty);
		tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
		if (fgets(line, sizeof line, tty))
			password = us_arena_strndup(arena, line, strcspn(line, "\n"));
		tcsetattr(fileno(tty), TCSAFLUSH, &was);
		fputs("\n", tty);
	}
	fclose(tty);
	return password;
}

/* The place that names a user or token first wins as a whole, so that a token in the file does not defeat --user. */
enum us_errc us_login_resolve(struct us_arena *arena, const char *url, const char *user, const char *token, const char *cacert,
	struct us_client_conf *ret_conf, struct us_err *err)
{
	struct us_client_conf conf = { .timeout_ms = CALL_TIMEOUT_MS };
	struct us_conf_file file = { 0 };
	const char *path = default_path(arena);

	if (path) {
		enum us_errc rc = us_conf_file_load(arena, path, true, keys, &file, err);
		if (rc != US_OK && (rc != US_NOT_FOUND || env("USERSYNC_CONFIG")))
			return rc == US_NOT_FOUND ? us_err_set(err, US_CONFIG, "USERSYNC_CONFIG names %s, which is not there", path) : rc;
	}
	const char *env_url = env("USERSYNC_URL"), *file_url = us_conf_file_find(&file, "url");
	conf.url = url ? url : env_url ? env_url : file_url ? file_url : "http://127.0.0.1:8080";
	const char *env_ca = env("USERSYNC_CACERT"), *file_ca = us_conf_file_find(&file, "cacert");
	conf.cacert = cacert ? cacert : env_ca ? env_ca : file_ca;

	const char *env_password = env("USERSYNC_PASSWORD"), *file_user = us_conf_file_find(&file, "user");
	if (token) {
		conf.token = token;
	} else if (user) {
		conf.user = user;
		conf.password = env_password;
		if (!conf.password && file_user && strcmp(file_user, user) == 0)
			conf.password = us_conf_file_find(&file, "password");
	} else if (env("USERSYNC_TOKEN")) {
		conf.token = env("USERSYNC_TOKEN");
	} else if (env("USERSYNC_USER") || env_password) {
		conf.user = env("USERSYNC_USER") ? env("USERSYNC_USER") : file_user ? file_user : "admin";
		conf.password = env_password ? env_password : us_conf_file_find(&file, "password");
	} else if (us_conf_file_find(&file, "token")) {
		conf.token = us_conf_file_find(&file, "token");
	} else {
		conf.user = file_user;
		conf.password = us_conf_file_find(&file, "password");
	}
	if (conf.user && !conf.password)
		conf.password = us_login_ask(arena, us_arena_printf(arena, "Password of %s", conf.user));
	if (conf.user && !conf.password)
		return us_err_set(err, US_UNAUTHORIZED, "no password for user %s: set USERSYNC_PASSWORD, or write it into %s", conf.user,
			path ? path : "a file that USERSYNC_CONFIG names");
	if (!conf.user && !conf.token)
		return us_err_set(err, US_UNAUTHORIZED, "no user and no token: set USERSYNC_USER and USERSYNC_PASSWORD, or USERSYNC_TOKEN, or write them into %s",
			path ? path : "a file that USERSYNC_CONFIG names");
	*ret_conf = conf;
	return US_OK;
}

const char *us_login_new_password(struct us_arena *arena, const char *name)
{
	const char *given = getenv("USERSYNC_NEW_PASSWORD");
	bool on_terminal = isatty(STDIN_FILENO);
	struct termios was, quiet;
	char line[1024], again[1024];

	if (given && *given)
		return given;
	if (on_terminal && tcgetattr(STDIN_FILENO, &was) == 0) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t) ECHO;
		fprintf(stderr, "New password of %s: ", name);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool is_read = fgets(line, sizeof line, stdin);
	if (is_read && on_terminal) {
		fputs("\nOnce more: ", stderr);
		is_read = fgets(again, sizeof again, stdin) && strcmp(line, again) == 0;
		fputs(is_read ? "\n" : "\nThe two differ.\n", stderr);
	}
	if (on_terminal)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	if (!is_read)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return us_arena_strdup(arena, line);
}
