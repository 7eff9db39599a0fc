/* connector preview: what the mapping makes of one user */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/trace.h"
#include "cmd/verbs.h"

static int write_request(struct us_cli *cli, struct us_str *out)
{
	const char *user = us_cli_flag(cli, "user"), *record = us_cli_flag(cli, "record"), *file = us_cli_flag(cli, "file");
	struct us_jsonw w = US_JSONW_INIT(out);
	const struct us_json *doc;
	int code = US_EXIT_OK;

	if (!user == !record)
		return us_cli_misuse(cli, "say --user NAME, or --record FILE");
	us_jsonw_open(&w, '{');
	if (user)
		us_jsonw_put_text(&w, "username", user);
	if (record && (code = us_trace_read_object(cli, record, &doc)) == US_EXIT_OK) {
		us_jsonw_key(&w, "record");
		us_jsonw_value(&w, doc);
	}
	if (code == US_EXIT_OK && file && (code = us_trace_read_configuration(cli, file, &doc)) == US_EXIT_OK) {
		us_jsonw_key(&w, "configuration");
		us_jsonw_value(&w, doc);
	}
	us_jsonw_close(&w, '}');
	return code;
}

static void print_line(const char *format, struct us_slice a, struct us_slice b)
{
	struct us_str x = US_STR_INIT, y = US_STR_INIT;

	us_table_clean(&x, a);
	us_table_clean(&y, b);
	printf("%s%s%s%s\n", format, us_str_text(&x), y.n ? ": " : "", us_str_text(&y));
	us_str_fini(&x);
	us_str_fini(&y);
}

int us_connector_preview_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	struct us_str request = US_STR_INIT;
	int code = write_request(cli, &request);

	if (code == US_EXIT_OK)
		code = us_cli_find_connector(cli, cli->args.operands[0], &connector);
	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "POST", us_cli_path(cli, "/usersync/connector/%s/mapping/preview", us_cli_text(cli, connector, "uniqueId", "")),
			us_str_slice(&request), &answer);
	us_str_fini(&request);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_trace_print_rows(us_json_find(answer.doc, "rows"));
	print_line("outcome: ", us_json_string(answer.doc, "outcome"), us_json_string(answer.doc, "reason"));
	const struct us_json *warnings = us_json_find(answer.doc, "warnings");
	for (size_t i = 0; warnings && warnings->type == US_JSON_ARRAY && i < warnings->array.n; i++)
		print_line("warning: ", us_json_string(&warnings->array.items[i], "field"), us_json_string(&warnings->array.items[i], "reason"));
	return us_slice_is(us_json_string(answer.doc, "outcome"), "FAILED") ? US_EXIT_FAILED : US_EXIT_OK;
}
