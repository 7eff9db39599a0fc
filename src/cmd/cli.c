#include "cmd/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fold.h"
#include "cmd/login.h"
#include "cmd/table.h"

enum { COMMON_URL, COMMON_USER, COMMON_TOKEN, COMMON_CACERT };

const struct us_flag us_cli_common_flags[] = {
	[COMMON_URL] = { "url", "URL", "the server (USERSYNC_URL); http://127.0.0.1:8080 if not given" },
	[COMMON_USER] = { "user", "NAME", "who asks (USERSYNC_USER, with USERSYNC_PASSWORD)" },
	[COMMON_TOKEN] = { "token", "TOKEN", "an API token instead (USERSYNC_TOKEN)" },
	[COMMON_CACERT] = { "cacert", "FILE", "PEM certificates to trust (USERSYNC_CACERT)" },
	{ "json", NULL, "print the server's answer as it is" },
	{ "help", NULL, "this text", 'h' },
	{ 0 },
};

const char *us_cli_flag(const struct us_cli *cli, const char *name)
{
	for (int i = 0; cli->verb->flags[i].name; i++)
		if (strcmp(cli->verb->flags[i].name, name) == 0)
			return cli->args.own[i];
	us_assert(!"a flag that the verb has");
	return NULL;
}

__attribute__((format(printf, 2, 0)))
static void say(const char *who, const char *format, va_list ap)
{
	struct us_str raw = US_STR_INIT, clean = US_STR_INIT;
	char text[4096];

	vsnprintf(text, sizeof text, format, ap);
	us_str_add_text(&raw, text);
	us_table_clean(&clean, us_str_slice(&raw));
	fflush(stdout);
	fprintf(stderr, "usersync%s%s: %s\n", who ? " " : "", who ? who : "", us_str_text(&clean));
	us_str_fini(&raw);
	us_str_fini(&clean);
}

int us_cli_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(NULL, format, ap);
	va_end(ap);
	return US_EXIT_FAILED;
}

int us_cli_misuse(const struct us_cli *cli, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(cli->verb->name, format, ap);
	va_end(ap);
	fprintf(stderr, "Try 'usersync %s --help'.\n", cli->verb->name);
	return cli->verb->is_plugin ? 3 : US_EXIT_USAGE;
}

enum us_errc us_cli_try(struct us_cli *cli, const char *method, const char *path, struct us_slice body, struct us_client_answer *ret_answer,
	struct us_err *err)
{
	*ret_answer = (struct us_client_answer) { 0 };
	if (!cli->client) {
		struct us_client_conf conf;
		const char *const *common = cli->args.common;
		enum us_errc rc = us_login_resolve(&cli->arena, common[COMMON_URL], common[COMMON_USER], common[COMMON_TOKEN], common[COMMON_CACERT],
			&conf, err);
		if (rc == US_OK)
			rc = us_client_open(&conf, &cli->client, err);
		if (rc != US_OK)
			return rc;
	}
	return us_client_call(cli->client, &cli->arena, method, path, body, ret_answer, err);
}

int us_cli_call(struct us_cli *cli, const char *method, const char *path, struct us_slice body, struct us_client_answer *ret_answer)
{
	struct us_err err = US_ERR_INIT;

	if (us_cli_try(cli, method, path, body, ret_answer, &err) != US_OK)
		return us_cli_fail("%s", err.text);
	return US_EXIT_OK;
}

void us_cli_print_raw(const struct us_client_answer *answer)
{
	fwrite(answer->body.p, 1, answer->body.n, stdout);
	if (answer->body.n && answer->body.p[answer->body.n - 1] != '\n')
		putchar('\n');
}

const char *us_cli_path(struct us_cli *cli, const char *format, ...)
{
	const char *parts[4] = { "", "", "", "" };
	va_list ap;
	int n = 0;

	va_start(ap, format);
	for (const char *p = format; (p = strstr(p, "%s")); p += 2) {
		us_assert(n < 4);
		parts[n++] = us_client_quote(&cli->arena, va_arg(ap, const char *));
	}
	va_end(ap);
	struct us_str path = US_STR_INIT;
	n = 0;
	for (const char *p = format; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			us_str_add_text(&path, parts[n++]);
			p++;
		} else {
			us_str_add_char(&path, *p);
		}
	}
	const char *kept = us_arena_strdup(&cli->arena, us_str_text(&path));
	us_str_fini(&path);
	return kept;
}

const char *us_cli_text(struct us_cli *cli, const struct us_json *obj, const char *key, const char *fallback)
{
	struct us_slice s = us_json_string(obj, key);

	return s.p ? us_arena_strndup(&cli->arena, s.p, s.n) : fallback;
}

static bool is_number(const char *key, int64_t *ret_number)
{
	return us_slice_to_int(us_slice(key), ret_number) && *ret_number >= 0;
}

/* UUID before number before name: ids are what scripts use, so no name can take their place. */
bool us_cli_match_connector(const struct us_json *list, const char *key, const struct us_json **ret_connector)
{
	int64_t number = -1;
	const struct us_json *by_name = NULL, *by_number = NULL;

	if (!list || list->type != US_JSON_ARRAY)
		return false;
	is_number(key, &number);
	for (size_t i = 0; i < list->array.n; i++) {
		const struct us_json *c = &list->array.items[i];
		if (us_slice_is_nocase(us_json_string(c, "uniqueId"), key)) {
			*ret_connector = c;
			return true;
		}
		if (number >= 0 && us_json_int(c, "id", -1) == number)
			by_number = c;
		if (us_slice_is(us_json_string(c, "name"), key))
			by_name = c;
	}
	if (!by_number && !by_name)
		return false;
	*ret_connector = by_number ? by_number : by_name;
	return true;
}

int us_cli_find_connector(struct us_cli *cli, const char *key, const struct us_json **ret_connector)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "GET", "/usersync/connector/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (!answer.doc || answer.doc->type != US_JSON_ARRAY)
		return us_cli_fail("the server's list of connectors is no JSON array");
	if (!us_cli_match_connector(answer.doc, key, ret_connector)) {
		struct us_str there = US_STR_INIT;
		for (size_t i = 0; i < answer.doc->array.n; i++) {
			struct us_slice name = us_json_string(&answer.doc->array.items[i], "name");
			us_str_printf(&there, "%s\"" US_SLICE_FMT "\"", i ? ", " : "", US_SLICE_ARG(name));
		}
		if (answer.doc->array.n)
			us_cli_fail("no connector \"%s\"; there are: %s", key, us_str_text(&there));
		else
			us_cli_fail("no connector \"%s\"; there are none yet", key);
		us_str_fini(&there);
		return US_EXIT_FAILED;
	}
	return US_EXIT_OK;
}

int us_cli_find_run(struct us_cli *cli, const char *key, int64_t *ret_run)
{
	const struct us_json *connector;
	struct us_client_answer answer;

	if (is_number(key, ret_run))
		return US_EXIT_OK;
	int code = us_cli_find_connector(cli, key, &connector);
	if (code != US_EXIT_OK)
		return code;
	const char *path = us_cli_path(cli, "/usersync/connector/%s/syncstatus", us_cli_text(cli, connector, "uniqueId", ""));
	code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		*ret_run = us_json_int(answer.doc, "id", 0);
	return code;
}

const char *us_cli_span(struct us_cli *cli, int64_t seconds)
{
	static const struct { int64_t from, unit; const char *name; } units[] = {
		{ 2 * 86400, 86400, "days" }, { 3600, 3600, "h" }, { 60, 60, "min" }, { 0, 1, "s" } };
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (seconds < units[i].from)
		i++;
	return us_arena_printf(&cli->arena, "%lld %s", (long long) (seconds / units[i].unit), units[i].name);
}

bool us_cli_confirm(const char *question)
{
	char line[16];

	if (!isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "%s [yes/no] ", question);
	fflush(stderr);
	return fgets(line, sizeof line, stdin) && strcmp(line, "yes\n") == 0;
}

/* One of the server's list that has that name and no connector; false if there is none. */
static bool find_local(struct us_cli *cli, const char *key, int64_t *ret_id)
{
	struct us_client_answer answer;
	struct us_err err = US_ERR_INIT;

	if (us_cli_try(cli, "GET", "/directory/", US_SLICE_NONE, &answer, &err) || !answer.doc || answer.doc->type != US_JSON_ARRAY)
		return false;
	for (size_t i = 0; i < answer.doc->array.n; i++) {
		const struct us_json *d = &answer.doc->array.items[i];
		if (us_json_string(d, "connectorUID").p || !us_hash_is_equal(us_fold_hash(us_json_string(d, "name")), us_fold_hash(us_slice(key))))
			continue;
		*ret_id = us_json_int(d, "id", 0);
		return true;
	}
	return false;
}

int us_cli_find_directory(struct us_cli *cli, const char *key, int64_t *ret_id)
{
	const struct us_json *connector;

	if (us_slice_to_int(us_slice(key), ret_id) || find_local(cli, key, ret_id))
		return US_EXIT_OK;
	int code = us_cli_find_connector(cli, key, &connector);
	if (code == US_EXIT_OK)
		*ret_id = us_json_int(connector, "directoryId", 0);
	return code;
}

void us_cli_put_list(struct us_jsonw *w, const char *key, const char *list)
{
	if (!list)
		return;
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	while (*list) {
		size_t n = strcspn(list, ",");
		struct us_slice one = us_slice_trim((struct us_slice) { list, n });
		if (one.n)
			us_jsonw_string(w, one);
		list += n + (list[n] == ',');
	}
	us_jsonw_close(w, ']');
}
