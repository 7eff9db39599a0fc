/* application list|show|add|change|token|remove: who is served */
#include <stdio.h>

#include "cmd/login.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

/* The array under that name as "a,b". */
static struct us_slice join(struct us_cli *cli, const struct us_json *application, const char *key)
{
	const struct us_json *list = us_json_find(application, key);
	struct us_str out = US_STR_INIT;

	for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++) {
		const struct us_json *item = &list->array.items[i];
		if (i)
			us_str_add_char(&out, ',');
		if (item->type == US_JSON_INT)
			us_str_add_int(&out, item->integer);
		else if (item->type == US_JSON_STRING)
			us_str_add_slice(&out, item->string);
	}
	struct us_slice text = out.n ? us_slice_dup(&cli->arena, us_str_slice(&out)) : US_SLICE_NONE;
	us_str_fini(&out);
	return text;
}

int us_application_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", "/application/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "NAME", "DIRECTORIES", "RIGHTS", "ADDRESSES", "LAST USED", NULL });
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++) {
		const struct us_json *a = &answer.doc->array.items[i];
		us_table_add(&table, us_json_string(a, "name"));
		us_table_add(&table, join(cli, a, "directories"));
		us_table_add(&table, join(cli, a, "rights"));
		us_table_add(&table, join(cli, a, "addresses"));
		us_table_add(&table, us_json_string(a, "lastUsed"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

int us_application_show_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "GET", us_cli_path(cli, "/application/%s", cli->args.operands[0]), US_SLICE_NONE, &answer);

	if (code == US_EXIT_OK)
		us_cli_print_raw(&answer);
	return code;
}

static int put_directories(struct us_cli *cli, struct us_jsonw *w, const char *list)
{
	int code = US_EXIT_OK;

	if (!list)
		return code;
	us_jsonw_key(w, "directories");
	us_jsonw_open(w, '[');
	while (*list && code == US_EXIT_OK) {
		size_t n = strcspn(list, ",");
		struct us_slice key = us_slice_trim((struct us_slice) { list, n });
		int64_t id = 0;
		code = key.n ? us_cli_find_directory(cli, us_arena_strndup(&cli->arena, key.p, key.n), &id) : US_EXIT_OK;
		if (key.n && code == US_EXIT_OK)
			us_jsonw_int(w, id);
		list += n + (list[n] == ',');
	}
	us_jsonw_close(w, ']');
	return code;
}

/* What its flags say, sent; the answer is printed with --json, else left to the caller. */
static int put(struct us_cli *cli, const char *method, const char *path, const char *name, struct us_client_answer *ret_answer)
{
	const char *password = NULL;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);

	if (us_cli_flag(cli, "password")) {
		password = us_login_new_password(&cli->arena, cli->args.operands[0]);
		if (!password || !*password)
			return us_cli_fail("no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", cli->args.operands[0]);
	}
	us_jsonw_open(&w, '{');
	if (name)
		us_jsonw_put_text(&w, "name", name);
	if (password)
		us_jsonw_put_text(&w, "password", password);
	us_cli_put_list(&w, "rights", us_cli_flag(cli, "rights"));
	us_cli_put_list(&w, "addresses", us_cli_flag(cli, "addresses"));
	int code = put_directories(cli, &w, us_cli_flag(cli, "directories"));
	us_jsonw_close(&w, '}');
	if (code == US_EXIT_OK)
		code = us_cli_call(cli, method, path, us_str_slice(&body), ret_answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && cli->as_json)
		us_cli_print_raw(ret_answer);
	return code;
}

int us_application_add_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0];
	struct us_client_answer answer;
	int code = put(cli, "POST", "/application/", name, &answer);

	if (code != US_EXIT_OK || cli->as_json)
		return code;
	struct us_slice password = us_json_string(answer.doc, "password");
	printf("added application %s\n", name);
	if (password.p)
		printf("password: " US_SLICE_FMT "  (shown this once)\n", US_SLICE_ARG(password));
	if (!join(cli, answer.doc, "directories").p)
		puts("It sees no directory yet: usersync application change NAME --directories LIST");
	return US_EXIT_OK;
}

int us_application_change_run(struct us_cli *cli)
{
	static const char *const flags[] = { "name", "directories", "rights", "addresses", "password" };
	const char *name = cli->args.operands[0];
	struct us_client_answer answer;
	bool has_change = false;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		has_change |= us_cli_flag(cli, flags[i]) != NULL;
	if (!has_change)
		return us_cli_misuse(cli, "nothing to change; want --name, --directories, --rights, --addresses or --password");
	int code = put(cli, "PUT", us_cli_path(cli, "/application/%s", name), us_cli_flag(cli, "name"), &answer);
	if (code == US_EXIT_OK && !cli->as_json)
		printf("changed application %s\n", name);
	return code;
}

int us_application_token_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0];
	bool is_removal = us_cli_flag(cli, "remove") != NULL;
	struct us_client_answer answer;
	int code = us_cli_call(cli, is_removal ? "DELETE" : "POST", us_cli_path(cli, "/application/%s/token", name), US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (is_removal)
		printf("removed the token of %s\n", name);
	else if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		puts(us_cli_text(cli, answer.doc, "token", ""));
	return US_EXIT_OK;
}

int us_application_remove_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0];
	struct us_client_answer answer;

	if (!us_cli_flag(cli, "yes") && !us_cli_confirm(us_arena_printf(&cli->arena, "Serve the application %s no more?", name)))
		return us_cli_fail("nothing removed; --yes removes without asking");
	int code = us_cli_call(cli, "DELETE", us_cli_path(cli, "/application/%s", name), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("removed application %s\n", name);
	return code;
}
