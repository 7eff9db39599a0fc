/* user add|list|change|remove, token add|list|remove: who may use the admin API */
#include <stdio.h>

#include "cmd/login.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

static bool is_role(const char *role) { return strcmp(role, "admin") == 0 || strcmp(role, "operator") == 0 || strcmp(role, "monitor") == 0; }

static int list(struct us_cli *cli, const char *path, const char *const *headers, const char *const *members)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, headers);
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++)
		for (int m = 0; members[m]; m++) {
			const struct us_json *value = us_json_find(&answer.doc->array.items[i], members[m]);
			if (value && value->type == US_JSON_INT)
				us_table_add_int(&table, value->integer);
			else
				us_table_add(&table, us_json_string(&answer.doc->array.items[i], members[m]));
		}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

int us_user_list_run(struct us_cli *cli)
{
	return list(cli, "/user/", (const char *const[]) { "NAME", "ROLE", "CREATED", NULL }, (const char *const[]) { "name", "role", "created", NULL });
}

int us_token_list_run(struct us_cli *cli)
{
	return list(cli, "/token/", (const char *const[]) { "#ID", "NAME", "ROLE", "CREATED", "EXPIRES", NULL },
		(const char *const[]) { "id", "name", "role", "created", "expires", NULL });
}

static int put_user(struct us_cli *cli, const char *method, const char *path, const char *name, const char *role, const char *password)
{
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);

	us_jsonw_open(&w, '{');
	if (name)
		us_jsonw_put_text(&w, "name", name);
	if (role)
		us_jsonw_put_text(&w, "role", role);
	if (password)
		us_jsonw_put_text(&w, "password", password);
	us_jsonw_close(&w, '}');
	int code = us_cli_call(cli, method, path, us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && cli->as_json)
		us_cli_print_raw(&answer);
	else if (code == US_EXIT_OK)
		printf("%s user %s\n", name ? "added" : "changed", cli->args.operands[0]);
	return code;
}

int us_user_add_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0], *role = us_cli_flag(cli, "role");

	if (!role)
		return us_cli_misuse(cli, "missing --role; want admin, operator or monitor");
	if (!is_role(role))
		return us_cli_misuse(cli, "'%s' is no role; want admin, operator or monitor", role);
	const char *password = us_login_new_password(&cli->arena, name);
	if (!password || !*password)
		return us_cli_fail("no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", name);
	return put_user(cli, "POST", "/user/", name, role, password);
}

int us_user_change_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0], *role = us_cli_flag(cli, "role"), *password = NULL;

	if (!role && !us_cli_flag(cli, "password"))
		return us_cli_misuse(cli, "nothing to change; want --role, --password or both");
	if (role && !is_role(role))
		return us_cli_misuse(cli, "'%s' is no role; want admin, operator or monitor", role);
	if (us_cli_flag(cli, "password")) {
		password = us_login_new_password(&cli->arena, name);
		if (!password || !*password)
			return us_cli_fail("no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", name);
	}
	return put_user(cli, "PUT", us_cli_path(cli, "/user/%s", name), NULL, role, password);
}

int us_user_remove_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "DELETE", us_cli_path(cli, "/user/%s", cli->args.operands[0]), US_SLICE_NONE, &answer);

	if (code == US_EXIT_OK)
		printf("removed user %s\n", cli->args.operands[0]);
	return code;
}

int us_token_add_run(struct us_cli *cli)
{
	const char *role = us_cli_flag(cli, "role"), *expires = us_cli_flag(cli, "expires");
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	int64_t seconds = 0;

	if (role && !is_role(role))
		return us_cli_misuse(cli, "'%s' is no role; want admin, operator or monitor", role);
	if (expires && (!us_args_duration(expires, &seconds) || seconds == 0))
		return us_cli_misuse(cli, "'%s' is no duration; want something like 12h or 90d", expires);
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "name", cli->args.operands[0]);
	us_jsonw_put_text(&w, "role", role ? role : "monitor");
	if (seconds)
		us_jsonw_put_int(&w, "expiresIn", seconds);
	us_jsonw_close(&w, '}');
	int code = us_cli_call(cli, "POST", "/token/", us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && cli->as_json)
		us_cli_print_raw(&answer);
	else if (code == US_EXIT_OK)
		puts(us_cli_text(cli, answer.doc, "token", ""));
	return code;
}

int us_token_remove_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int64_t id;

	if (!us_slice_to_int(us_slice(cli->args.operands[0]), &id))
		return us_cli_misuse(cli, "'%s' is no number of a token; see 'usersync token list'", cli->args.operands[0]);
	int code = us_cli_call(cli, "DELETE", us_cli_path(cli, "/token/%s", cli->args.operands[0]), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("removed token %lld\n", (long long) id);
	return code;
}
