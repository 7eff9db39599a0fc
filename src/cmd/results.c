/* results: the rows of a run, one for each object that it touched or failed on */
#include <ctype.h>
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"

/* "mail: a@x → b@x" for each member that differs. Nested values are compared as their JSON. */
static void add_difference(struct us_str *out, const struct us_json *before, const struct us_json *after)
{
	if (!before || !after || before->type != US_JSON_OBJECT || after->type != US_JSON_OBJECT)
		return;
	for (size_t i = 0; i < after->object.n; i++) {
		const struct us_json_member *m = &after->object.members[i];
		const struct us_json *was = NULL;
		struct us_str a = US_STR_INIT, b = US_STR_INIT;
		struct us_jsonw wa = US_JSONW_INIT(&a), wb = US_JSONW_INIT(&b);
		for (size_t j = 0; j < before->object.n && !was; j++)
			if (us_slice_is_equal(before->object.members[j].key, m->key))
				was = &before->object.members[j].value;
		if (was)
			us_jsonw_value(&wa, was);
		us_jsonw_value(&wb, &m->value);
		if (!us_slice_is_equal(us_str_slice(&a), us_str_slice(&b)))
			us_str_printf(out, "%s" US_SLICE_FMT ": %s → %s", out->n ? "; " : "", US_SLICE_ARG(m->key), was ? us_str_text(&a) : "none",
				us_str_text(&b));
		us_str_fini(&a);
		us_str_fini(&b);
	}
}

static void add_row(struct us_table *table, const struct us_json *row)
{
	struct us_str what = US_STR_INIT;
	struct us_slice reason = us_json_string(row, "reason");

	if (reason.n)
		us_str_add_slice(&what, reason);
	else
		add_difference(&what, us_json_find(row, "before"), us_json_find(row, "after"));
	us_table_add(table, us_json_string(row, "outcome"));
	us_table_add(table, us_json_string(row, "object"));
	us_table_add(table, us_json_string(row, "name"));
	us_table_add(table, what.n ? us_str_slice(&what) : US_SLICE(""));
	us_str_fini(&what);
}

int us_results_run(struct us_cli *cli)
{
	const char *outcome = us_cli_flag(cli, "outcome"), *search = us_cli_flag(cli, "search"), *limit = us_cli_flag(cli, "limit");
	int64_t run, most = 1000, shown = 0;
	struct us_client_answer answer;
	struct us_table table;
	struct us_str query = US_STR_INIT;

	if (limit && (!us_slice_to_int(us_slice(limit), &most) || most < 1))
		return us_cli_misuse(cli, "'%s' is no number above 0", limit);
	int code = us_cli_find_run(cli, cli->args.operands[0], &run);
	if (code != US_EXIT_OK)
		return code;
	us_table_init(&table, (const char *const[]) { "OUTCOME", "OBJECT", "NAME", "WHAT", NULL });
	const char *cursor = "";
	while (cursor && shown < most && code == US_EXIT_OK) {
		us_str_clear(&query);
		us_str_printf(&query, "/usersync/syncstatus/%lld/results?limit=%lld", (long long) run, (long long) (most - shown > 500 ? 500 : most - shown));
		if (outcome) {
			struct us_str upper = US_STR_INIT;
			for (const char *p = outcome; *p; p++)
				us_str_add_char(&upper, *p == '-' ? '_' : (char) toupper((unsigned char) *p));
			us_str_printf(&query, "&outcome=%s", us_client_quote(&cli->arena, us_str_text(&upper)));
			us_str_fini(&upper);
		}
		if (search)
			us_str_printf(&query, "&search=%s", us_client_quote(&cli->arena, search));
		if (*cursor)
			us_str_printf(&query, "&cursor=%s", us_client_quote(&cli->arena, cursor));
		code = us_cli_call(cli, "GET", us_str_text(&query), US_SLICE_NONE, &answer);
		if (code != US_EXIT_OK)
			break;
		if (cli->as_json) {
			us_cli_print_raw(&answer);
			break;
		}
		const struct us_json *rows = us_json_find(answer.doc, "results");
		for (size_t i = 0; rows && rows->type == US_JSON_ARRAY && i < rows->array.n; i++, shown++)
			add_row(&table, &rows->array.items[i]);
		cursor = us_cli_text(cli, answer.doc, "cursor", NULL);
	}
	if (code == US_EXIT_OK && !cli->as_json) {
		us_table_print(&table);
		if (cursor)
			fprintf(stderr, "usersync: the first %lld rows; more with --limit\n", (long long) shown);
	}
	us_table_fini(&table);
	us_str_fini(&query);
	return code;
}
