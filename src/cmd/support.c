/* support: the bundle that goes along with a question */
#include <stdio.h>

#include "cmd/output.h"
#include "cmd/verbs.h"

int us_support_run(struct us_cli *cli)
{
	const char *path = us_cli_flag(cli, "output");
	struct us_client_answer answer;
	struct us_err err = US_ERR_INIT;
	int code = us_cli_call(cli, "GET", "/support", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (us_output_write(path, answer.body, &err) != US_OK)
		return us_cli_fail("%s", err.text);
	if (path && strcmp(path, "-") != 0)
		printf("wrote %zu bytes to %s\n", answer.body.n, path);
	return US_EXIT_OK;
}
