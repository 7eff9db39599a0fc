#include "cmd/trace.h"

#include "cmd/output.h"
#include "cmd/table.h"

int us_trace_read_object(struct us_cli *cli, const char *path, const struct us_json **ret_doc)
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

int us_trace_read_configuration(struct us_cli *cli, const char *path, const struct us_json **ret_configuration)
{
	const struct us_json *doc;
	int code = us_trace_read_object(cli, path, &doc);

	if (code != US_EXIT_OK)
		return code;
	*ret_configuration = us_json_find(doc, "configuration");
	if (!*ret_configuration)
		*ret_configuration = doc;
	return US_EXIT_OK;
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

void us_trace_print_rows(const struct us_json *rows)
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
