/* connector preview: what the mapping makes of one user */
#include <stdio.h>

#include "cmd/output.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

/* The JSON object in a file. */
static int read_object(struct us_cli *cli, const char *path, const struct us_json **ret_doc)
{
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	enum us_errc rc = us_output_read(path, &text, &err);

	if (rc) {
		us_str_fini(&text);
		return us_cli_fail("%s", err.text);
	}
	rc = us_json_parse(&cli->arena, us_str_slice(&text), (struct us_json_limits) { US_OUTPUT_FILE_MOST, 32, 1000000 }, ret_doc, &err);
	us_str_fini(&text);
	if (rc)
		return us_cli_fail("%s is no JSON: %s", path, err.text);
	if ((*ret_doc)->type != US_JSON_OBJECT)
		return us_cli_fail("%s holds a JSON %s, not an object", path, us_json_type_name((*ret_doc)->type));
	return US_EXIT_OK;
}

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
	if (record && (code = read_object(cli, record, &doc)) == US_EXIT_OK) {
		us_jsonw_key(&w, "record");
		us_jsonw_value(&w, doc);
	}
	if (code == US_EXIT_OK && file && (code = read_object(cli, file, &doc)) == US_EXIT_OK) {
		const struct us_json *inner = us_json_find(doc, "configuration");
		us_jsonw_key(&w, "configuration");
		us_jsonw_value(&w, inner ? inner : doc);
	}
	us_jsonw_close(&w, '}');
	return code;
}

static void add_values(struct us_table *table, const struct us_json *values)
{
	struct us_str text = US_STR_INIT;

	for (size_t i = 0; values && values->type == US_JSON_ARRAY && i < values->array.n; i++) {
		if (i)
			us_str_add_text(&text, " | ");
		if (values->array.items[i].type == US_JSON_STRING)
			us_str_add_slice(&text, values->array.items[i].string);
	}
	us_table_add(table, text.n ? us_str_slice(&text) : US_SLICE_NONE);
	us_str_fini(&text);
}

static void print_rows(const struct us_json *rows)
{
	struct us_table table;

	us_table_init(&table, (const char *const[]) { "ATTRIBUTE", "STEP", "VALUES", "THEN", NULL });
	for (size_t i = 0; rows && rows->type == US_JSON_ARRAY && i < rows->array.n; i++) {
		const struct us_json *row = &rows->array.items[i], *steps = us_json_find(row, "steps");
		size_t n = steps && steps->type == US_JSON_ARRAY ? steps->array.n : 0;
		for (size_t k = 0; k < n || k == 0; k++) {
			bool is_last = k + 1 >= n;
			us_table_add(&table, k ? US_SLICE("") : us_json_string(row, "attribute"));
			us_table_add(&table, k < n ? us_json_string(&steps->array.items[k], "step") : US_SLICE_NONE);
			add_values(&table, k < n ? us_json_find(&steps->array.items[k], "values") : NULL);
			us_table_add(&table, is_last && us_json_string(row, "end").p ? us_json_string(row, "end") : US_SLICE(""));
		}
	}
	us_table_print(&table);
	us_table_fini(&table);
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
	print_rows(us_json_find(answer.doc, "rows"));
	print_line("outcome: ", us_json_string(answer.doc, "outcome"), us_json_string(answer.doc, "reason"));
	const struct us_json *warnings = us_json_find(answer.doc, "warnings");
	for (size_t i = 0; warnings && warnings->type == US_JSON_ARRAY && i < warnings->array.n; i++)
		print_line("warning: ", us_json_string(&warnings->array.items[i], "field"), us_json_string(&warnings->array.items[i], "reason"));
	return us_slice_is(us_json_string(answer.doc, "outcome"), "FAILED") ? US_EXIT_FAILED : US_EXIT_OK;
}
