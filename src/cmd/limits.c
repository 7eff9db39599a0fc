/* limits show|set: for connectors that have none of their own */
#include <stdio.h>

#include "cmd/output.h"
#include "cmd/verbs.h"

int us_limits_show_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "GET", "/settings/limits", US_SLICE_NONE, &answer);

	if (code == US_EXIT_OK)
		us_cli_print_raw(&answer);
	return code;
}

int us_limits_set_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	if (us_output_read(cli->args.operands[0], &text, &err) != US_OK) {
		us_str_fini(&text);
		return us_cli_fail("%s", err.text);
	}
	int code = us_cli_call(cli, "PUT", "/settings/limits", us_str_slice(&text), &answer);
	us_str_fini(&text);
	if (code == US_EXIT_OK)
		us_cli_print_raw(&answer);
	return code;
}
