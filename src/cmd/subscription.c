/* subscription list|show|add|resume|remove */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"

int us_subscription_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", "/subscription/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "#ID", "#DIRECTORY", "STATE", "#BEHIND", "LAST DELIVERED", "TO", "ERROR", NULL });
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++) {
		const struct us_json *s = &answer.doc->array.items[i];
		us_table_add_int(&table, us_json_int(s, "id", 0));
		us_table_add_int(&table, us_json_int(s, "directoryId", 0));
		us_table_add(&table, us_json_string(s, "state"));
		us_table_add_int(&table, us_json_int(s, "behind", 0));
		us_table_add(&table, us_json_string(s, "lastDelivered"));
		us_table_add(&table, us_json_string(us_json_find(s, "configuration"), "url"));
		us_table_add(&table, us_json_string(s, "error"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

int us_subscription_add_run(struct us_cli *cli)
{
	const char *url = us_cli_flag(cli, "url"), *since = us_cli_flag(cli, "since");
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	int64_t directory;

	if (!url)
		return us_cli_misuse(cli, "--url is missing: where the changes are posted to");
	int code = us_cli_find_directory(cli, cli->args.operands[0], &directory);
	if (code != US_EXIT_OK)
		return code;
	us_jsonw_open(&w, '{');
	us_jsonw_put_int(&w, "directoryId", directory);
	if (since)
		us_jsonw_put_text(&w, "since", since);
	us_jsonw_key(&w, "configuration");
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "url", url);
	us_jsonw_close(&w, '}');
	us_jsonw_close(&w, '}');
	code = us_cli_call(cli, "POST", "/subscription/", us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	printf("added subscription %lld of directory %lld\nsigning secret, shown this once: %s\n", (long long) us_json_int(answer.doc, "id", 0), (long long) directory,
		us_cli_text(cli, answer.doc, "secret", ""));
	return US_EXIT_OK;
}

/* "/subscription/ID" and what follows. */
static int call(struct us_cli *cli, const char *method, const char *format, struct us_slice body, struct us_client_answer *ret_answer)
{
	const char *id = cli->args.operands[0];
	int64_t n;

	if (!us_slice_to_int(us_slice(id), &n))
		return us_cli_misuse(cli, "'%s' is no number of a subscription; see 'usersync subscription list'", id);
	return us_cli_call(cli, method, us_cli_path(cli, format, id), body, ret_answer);
}

int us_subscription_show_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int code = call(cli, "GET", "/subscription/%s", US_SLICE_NONE, &answer);

	if (code == US_EXIT_OK)
		us_cli_print_raw(&answer);
	return code;
}

int us_subscription_resume_run(struct us_cli *cli)
{
	const char *since = us_cli_flag(cli, "since");
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);

	us_jsonw_open(&w, '{');
	if (since)
		us_jsonw_put_text(&w, "since", since);
	us_jsonw_close(&w, '}');
	int code = call(cli, "POST", "/subscription/%s/resume", us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && cli->as_json)
		us_cli_print_raw(&answer);
	else if (code == US_EXIT_OK)
		printf("subscription %s goes on\n", cli->args.operands[0]);
	return code;
}

int us_subscription_remove_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	const char *id = cli->args.operands[0];

	if (!us_cli_flag(cli, "yes") && !us_cli_confirm(us_arena_printf(&cli->arena, "Remove subscription %s?", id)))
		return us_cli_fail("%s was not removed; without a terminal, say --yes", id);
	int code = call(cli, "DELETE", "/subscription/%s", US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("removed subscription %s\n", id);
	return code;
}
