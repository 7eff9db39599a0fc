/* status: the last run of a connector, its history, or the last run of every connector */
#include <stdio.h>

#include "cmd/report.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

static void add_run(struct us_table *table, const struct us_json *run)
{
	us_table_add_int(table, us_json_int(run, "id", 0));
	us_table_add(table, us_json_string(run, "kind"));
	us_table_add(table, us_json_string(run, "status"));
	us_table_add(table, us_json_string(run, "created"));
	us_table_add_int(table, us_json_int(run, "duration", 0));
	us_table_add_int(table, us_json_int(run, "resultCount", 0));
	us_table_add_int(table, us_json_int(run, "addedCount", 0));
	us_table_add_int(table, us_json_int(run, "updatedCount", 0) + us_json_int(run, "renamedCount", 0));
	us_table_add_int(table, us_json_int(run, "disabledCount", 0) + us_json_int(run, "deletedCount", 0) + us_json_int(run, "anonymizedCount", 0));
	us_table_add_int(table, us_json_int(run, "failedCount", 0));
}

static void add_next(struct us_table *table, const struct us_json *connector)
{
	const struct us_json *next = us_json_find(connector, "nextRuns");
	bool is_there = next && next->type == US_JSON_ARRAY && next->array.n && next->array.items[0].type == US_JSON_STRING;

	if (us_json_bool(connector, "paused", false))
		us_table_add_text(table, "paused");
	else
		us_table_add(table, is_there ? next->array.items[0].string : US_SLICE_NONE);
}

static int print_history(struct us_cli *cli, const char *uuid, const char *limit)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "GET", us_cli_path(cli, "/usersync/connector/%s/syncstatuses?limit=%s", uuid, limit), US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	const struct us_json *runs = answer.doc && answer.doc->type == US_JSON_ARRAY ? answer.doc : us_json_find(answer.doc, "runs");
	struct us_table table;
	us_table_init(&table, (const char *const[]) { "#RUN", "KIND", "STATUS", "CREATED", "#SECONDS", "#USERS", "#ADDED", "#CHANGED", "#CLEANED",
		"#FAILED", NULL });
	for (size_t i = 0; runs && runs->type == US_JSON_ARRAY && i < runs->array.n; i++)
		add_run(&table, &runs->array.items[i]);
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

static int print_all(struct us_cli *cli)
{
	struct us_client_answer list, answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", "/usersync/connector/", US_SLICE_NONE, &list);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&list), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "CONNECTOR", "#RUN", "KIND", "STATUS", "CREATED", "#SECONDS", "#USERS", "#ADDED", "#CHANGED",
		"#CLEANED", "#FAILED", "#HELD", "NEXT", NULL });
	for (size_t i = 0; list.doc && list.doc->type == US_JSON_ARRAY && i < list.doc->array.n; i++) {
		const struct us_json *connector = &list.doc->array.items[i];
		struct us_err err = US_ERR_INIT;
		const char *path = us_cli_path(cli, "/usersync/connector/%s/syncstatus", us_cli_text(cli, connector, "uniqueId", ""));
		enum us_errc rc = us_cli_try(cli, "GET", path, US_SLICE_NONE, &answer, &err);
		if (rc != US_OK && rc != US_NOT_FOUND) {
			us_table_fini(&table);
			return us_cli_fail("%s", err.text);
		}
		us_table_add(&table, us_json_string(connector, "name"));
		if (rc == US_OK) {
			add_run(&table, answer.doc);
		} else {
			for (int column = 1; column < 11; column++)
				us_table_add(&table, US_SLICE_NONE);
		}
		int64_t held = us_json_int(connector, "heldRun", 0);
		if (held)
			us_table_add_int(&table, held);
		else
			us_table_add(&table, US_SLICE_NONE);
		add_next(&table, connector);
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

int us_status_run(struct us_cli *cli)
{
	const char *limit = us_cli_flag(cli, "limit");
	const struct us_json *connector;
	struct us_client_answer answer;
	bool is_run = us_cli_flag(cli, "run");
	int64_t run, n;
	int code;

	if (limit && (!us_slice_to_int(us_slice(limit), &n) || n < 1))
		return us_cli_misuse(cli, "'%s' is no number above 0", limit);
	if (cli->args.n_operands == 0) {
		if (us_cli_flag(cli, "watch") || us_cli_flag(cli, "history"))
			return us_cli_misuse(cli, "--watch and --history want a connector");
		return print_all(cli);
	}
	if (us_cli_flag(cli, "history")) {
		code = us_cli_find_connector(cli, cli->args.operands[0], &connector);
		return code != US_EXIT_OK ? code : print_history(cli, us_cli_text(cli, connector, "uniqueId", ""), limit ? limit : "20");
	}
	if (is_run) {
		if (!us_slice_to_int(us_slice(cli->args.operands[0]), &run))
			return us_cli_misuse(cli, "'%s' is no number of a run", cli->args.operands[0]);
		code = US_EXIT_OK;
	} else {
		code = us_cli_find_connector(cli, cli->args.operands[0], &connector);
		if (code == US_EXIT_OK)
			code = us_cli_find_run(cli, us_cli_text(cli, connector, "uniqueId", ""), &run);
	}
	if (code != US_EXIT_OK)
		return code;
	if (us_cli_flag(cli, "watch"))
		return us_report_wait(cli, run, NULL);
	code = us_cli_call(cli, "GET", us_cli_path(cli, "/usersync/syncstatus/%s", us_arena_printf(&cli->arena, "%lld", (long long) run)),
		US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		us_report_print(cli, answer.doc);
	if (!cli->as_json && !is_run)
		us_report_waiting(connector, answer.doc, stdout);
	return us_report_exit(answer.doc);
}
