/* approve, reject, apply, undo: what an admin decides about a run */
#include <stdio.h>

#include "cmd/report.h"
#include "cmd/verbs.h"

static int decide(struct us_cli *cli, const char *verb)
{
	struct us_client_answer answer;
	struct us_err err = US_ERR_INIT;
	int64_t run;
	int code = us_cli_find_run(cli, cli->args.operands[0], &run);

	if (code != US_EXIT_OK)
		return code;
	const char *number = us_arena_printf(&cli->arena, "%lld", (long long) run);
	if (us_cli_try(cli, "POST", us_cli_path(cli, "/usersync/syncstatus/%s/%s", number, verb), US_SLICE_NONE, &answer, &err) != US_OK) {
		const struct us_json *connector;
		us_cli_fail("%s", err.text);
		/* The last run is not the one that waits. */
		if (err.code == US_CONFLICT && (strcmp(verb, "approve") == 0 || strcmp(verb, "reject") == 0) && !us_slice_to_int(us_slice(cli->args.operands[0]), &run) &&
			us_cli_find_connector(cli, cli->args.operands[0], &connector) == US_EXIT_OK)
			us_report_waiting(connector, NULL, stderr);
		return US_EXIT_FAILED;
	}
	int64_t next = us_json_int(answer.doc, "id", run);
	if (us_cli_flag(cli, "wait"))
		return us_report_wait(cli, next, NULL);
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		printf("run %lld: %s\n", (long long) next, us_cli_text(cli, answer.doc, "status", "?"));
	return US_EXIT_OK;
}

int us_approve_run(struct us_cli *cli) { return decide(cli, "approve"); }
int us_reject_run(struct us_cli *cli) { return decide(cli, "reject"); }
int us_apply_run(struct us_cli *cli) { return decide(cli, "apply"); }
int us_undo_run(struct us_cli *cli) { return decide(cli, "undo"); }
