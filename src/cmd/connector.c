/* connector list|show|test|pause|resume|delete; export, import and apply are in transfer.c */
#include <stdio.h>

#include "cmd/report.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

static const char *path_of(struct us_cli *cli, const struct us_json *connector, const char *format)
{
	return us_cli_path(cli, format, us_cli_text(cli, connector, "uniqueId", ""));
}

int us_connector_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "GET", "/usersync/connector/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	if (!answer.doc || answer.doc->type != US_JSON_ARRAY)
		return us_cli_fail("the server's list of connectors is no JSON array");
	struct us_table table;
	us_table_init(&table, (const char *const[]) { "#ID", "NAME", "TYPE", "#DIRECTORY", "ENABLED", "LAST", "UUID", NULL });
	for (size_t i = 0; i < answer.doc->array.n; i++) {
		const struct us_json *c = &answer.doc->array.items[i];
		us_table_add_int(&table, us_json_int(c, "id", 0));
		us_table_add(&table, us_json_string(c, "name"));
		us_table_add(&table, us_json_string(c, "type"));
		us_table_add_int(&table, us_json_int(c, "directoryId", 0));
		us_table_add_text(&table, us_json_bool(c, "enabled", true) ? "yes" : "no");
		us_table_add(&table, us_json_string(c, "lastStatus"));
		us_table_add(&table, us_json_string(c, "uniqueId"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

/* "paused since 2026-… by olga", or the times, or nothing for a connector without a schedule. */
static void print_schedule(struct us_cli *cli, const struct us_json *connector)
{
	const struct us_json *next = us_json_find(connector, "nextRuns");
	const char *problem = us_cli_text(cli, connector, "scheduleProblem", NULL);
	int64_t missed = us_json_int(connector, "missedRuns", 0);

	if (us_json_bool(connector, "paused", false))
		printf("schedule: paused since %s by %s\n", us_cli_text(cli, connector, "pausedSince", "?"), us_cli_text(cli, connector, "pausedBy", "?"));
	else if (problem)
		printf("schedule: cannot be kept: %s\n", problem);
	else if (next && next->type == US_JSON_ARRAY && next->array.n) {
		printf("next runs:");
		for (size_t i = 0; i < next->array.n; i++)
			if (next->array.items[i].type == US_JSON_STRING)
				printf(" " US_SLICE_FMT, US_SLICE_ARG(next->array.items[i].string));
		putchar('\n');
	}
	us_report_waiting(connector, NULL, stdout);
	if (missed)
		printf("missed runs: %lld\n", (long long) missed);
}

int us_connector_show_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "GET", path_of(cli, connector, "/usersync/connector/%s"), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	printf("%s: %s connector %lld, %s, directory %lld, %s\nlast run: %s\n", us_cli_text(cli, answer.doc, "name", "?"),
		us_cli_text(cli, answer.doc, "type", "?"), (long long) us_json_int(answer.doc, "id", 0),
		us_cli_text(cli, answer.doc, "uniqueId", "?"), (long long) us_json_int(answer.doc, "directoryId", 0),
		us_json_bool(answer.doc, "enabled", true) ? "enabled" : "disabled", us_cli_text(cli, answer.doc, "lastStatus", "none yet"));
	print_schedule(cli, answer.doc);
	const struct us_json *configuration = us_json_find(answer.doc, "configuration");
	for (size_t i = 0; configuration && configuration->type == US_JSON_OBJECT && i < configuration->object.n; i++) {
		struct us_str value = US_STR_INIT, clean = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&value);
		us_jsonw_value(&w, &configuration->object.members[i].value);
		us_table_clean(&clean, us_str_slice(&value));
		printf("  " US_SLICE_FMT " = %s\n", US_SLICE_ARG(configuration->object.members[i].key), us_str_text(&clean));
		us_str_fini(&value);
		us_str_fini(&clean);
	}
	return US_EXIT_OK;
}

int us_connector_test_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "POST", path_of(cli, connector, "/usersync/connector/%s/test"), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	const struct us_json *notes = us_json_find(answer.doc, "messages");
	for (size_t i = 0; notes && notes->type == US_JSON_ARRAY && i < notes->array.n; i++) {
		struct us_str clean = US_STR_INIT;
		if (notes->array.items[i].type == US_JSON_STRING)
			us_table_clean(&clean, notes->array.items[i].string);
		puts(us_str_text(&clean));
		us_str_fini(&clean);
	}
	if (!us_json_bool(answer.doc, "ok", true))
		return US_EXIT_FAILED;
	puts("connection and permissions are fine");
	return US_EXIT_OK;
}

static int set_paused(struct us_cli *cli, const char *path)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "POST", path_of(cli, connector, path), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	const struct us_json *next = us_json_find(answer.doc, "nextRuns");
	printf("connector %s is %s\n", us_cli_text(cli, answer.doc, "name", "?"), us_json_bool(answer.doc, "paused", false) ? "paused" :
		next && next->type == US_JSON_ARRAY && next->array.n ? "no longer paused" : "no longer paused; it has no schedule");
	if (!us_json_bool(answer.doc, "paused", false))
		print_schedule(cli, answer.doc);
	return US_EXIT_OK;
}

int us_connector_pause_run(struct us_cli *cli) { return set_paused(cli, "/usersync/connector/%s/pause"); }
int us_connector_resume_run(struct us_cli *cli) { return set_paused(cli, "/usersync/connector/%s/resume"); }

int us_connector_delete_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code != US_EXIT_OK)
		return code;
	const char *name = us_cli_text(cli, connector, "name", "?");
	if (!us_cli_flag(cli, "yes") &&
		!us_cli_confirm(us_arena_printf(&cli->arena, "Delete connector \"%s\"? Its directory and history stay.", name)))
		return us_cli_fail("connector \"%s\" was not deleted; without a terminal, say --yes", name);
	code = us_cli_call(cli, "DELETE", path_of(cli, connector, "/usersync/connector/%s"), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("deleted connector %s; its directory %lld stays\n", name, (long long) us_json_int(connector, "directoryId", 0));
	return code;
}
