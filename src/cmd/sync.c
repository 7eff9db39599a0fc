/* sync, cancel */
#include <stdio.h>

#include "cmd/report.h"
#include "cmd/verbs.h"

/* For one user the server waits itself, and answers with the ended run. */
static int sync_user(struct us_cli *cli, const char *uuid, const char *user)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "POST", us_cli_path(cli, "/usersync/connector/%s/syncsingle/%s", uuid, user), US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (!us_report_is_over(answer.doc))
		return us_report_wait(cli, us_json_int(answer.doc, "id", 0), us_cli_flag(cli, "timeout"));
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		us_report_print(cli, answer.doc);
	return us_report_exit(answer.doc);
}

int us_sync_run(struct us_cli *cli)
{
	const char *user = us_cli_flag(cli, "user"), *timeout = us_cli_flag(cli, "timeout");
	bool is_simulation = us_cli_flag(cli, "simulate"), must_wait = us_cli_flag(cli, "wait");
	const struct us_json *connector;
	struct us_client_answer answer;
	int64_t seconds;

	bool is_delta = us_cli_flag(cli, "delta");
	if (is_delta && (user || is_simulation))
		return us_cli_misuse(cli, "--delta goes with neither --user nor --simulate");
	if (user && is_simulation)
		return us_cli_misuse(cli, "--user and --simulate do not go together");
	const char *override = us_cli_flag(cli, "override"), *reason = us_cli_flag(cli, "reason");
	if (override && (user || is_simulation))
		return us_cli_misuse(cli, "--override goes with neither --user nor --simulate");
	if (override && (!reason || !*reason))
		return us_cli_misuse(cli, "--override needs a --reason");
	if (reason && !override)
		return us_cli_misuse(cli, "--reason goes with --override");
	if (user && !*user)
		return us_cli_misuse(cli, "option '--user' is empty");
	if (timeout && !us_args_duration(timeout, &seconds))
		return us_cli_misuse(cli, "'%s' is no duration; want something like 90s, 15m or 2h", timeout);
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);
	if (code != US_EXIT_OK)
		return code;
	const char *uuid = us_cli_text(cli, connector, "uniqueId", "");
	if (user)
		return sync_user(cli, uuid, user);
	code = us_cli_call(cli, "POST",
		override ? us_cli_path(cli, is_delta ? "/usersync/connector/%s/sync?mode=delta&override=%s&reason=%s"
				: "/usersync/connector/%s/sync?override=%s&reason=%s", uuid, override, reason)
				 : us_cli_path(cli, is_simulation ? "/usersync/connector/%s/simulate" : is_delta ? "/usersync/connector/%s/sync?mode=delta"
				: "/usersync/connector/%s/sync", uuid),
		US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	int64_t run = us_json_int(answer.doc, "id", 0);
	if (must_wait)
		return us_report_wait(cli, run, timeout);
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		printf("run %lld: %s\nSee how it ends: usersync status \"%s\" --watch\n", (long long) run,
			us_cli_text(cli, answer.doc, "status", "?"), us_cli_text(cli, connector, "name", uuid));
	return US_EXIT_OK;
}

int us_cancel_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "POST", us_cli_path(cli, "/usersync/connector/%s/cancel", us_cli_text(cli, connector, "uniqueId", "")),
			US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		printf("asked run %lld to stop\n", (long long) us_json_int(answer.doc, "id", 0));
	return US_EXIT_OK;
}
