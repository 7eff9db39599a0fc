/* explain: where a user comes from, which rule did what, and why somebody is missing */
#include <stdio.h>

#include "cmd/results.h"
#include "cmd/table.h"
#include "cmd/trace.h"
#include "cmd/verbs.h"

static void print_clean(struct us_slice text)
{
	struct us_str clean = US_STR_INIT;

	us_table_clean(&clean, text);
	fputs(us_str_text(&clean), stdout);
	us_str_fini(&clean);
}

static size_t length(const struct us_json *list) { return list && list->type == US_JSON_ARRAY ? list->array.n : 0; }

static void print_reasons(const struct us_json *answer)
{
	const struct us_json *reasons = us_json_find(answer, "reasons");

	print_clean(us_json_string(answer, "username"));
	puts(us_json_bool(answer, "found", false) ? " is in the directory." : " is not in the directory.");
	for (size_t i = 0; i < length(reasons); i++)
		if (reasons->array.items[i].type == US_JSON_STRING) {
			fputs("  ", stdout);
			print_clean(reasons->array.items[i].string);
			putchar('\n');
		}
}

/* The members of an object, one in a line: what the source or the directory has. */
static void print_members(const char *title, const struct us_json *object)
{
	struct us_table table;

	if (!object || object->type != US_JSON_OBJECT || object->object.n == 0)
		return;
	printf("\n%s\n", title);
	us_table_init(&table, (const char *const[]) { "FIELD", "VALUE", NULL });
	for (size_t i = 0; i < object->object.n; i++) {
		const struct us_json_member *m = &object->object.members[i];
		struct us_str text = US_STR_INIT;
		struct us_jsonw w = US_JSONW_INIT(&text);
		if (us_slice_is(m->key, "hash") || us_slice_is(m->key, "revision"))
			continue;
		if (m->value.type == US_JSON_STRING)
			us_str_add_slice(&text, m->value.string);
		else
			us_jsonw_value(&w, &m->value);
		us_table_add(&table, m->key);
		us_table_add(&table, us_str_slice(&text));
		us_str_fini(&text);
	}
	us_table_print(&table);
	us_table_fini(&table);
}

static void print_source(const struct us_json *source)
{
	if (!us_json_bool(source, "found", false))
		return;
	print_members("What the source has:", us_json_find(source, "record"));
	puts("\nWhat the mapping makes of it, step by step:");
	us_trace_print_rows(us_json_find(source, "rows"));
	fputs("outcome: ", stdout);
	print_clean(us_json_string(source, "outcome"));
	if (us_json_string(source, "reason").n) {
		fputs(": ", stdout);
		print_clean(us_json_string(source, "reason"));
	}
	putchar('\n');
}

/* Objects with these members, one in a line. */
static void print_list(const char *title, const struct us_json *list, const char *const *headers, const char *const *keys)
{
	struct us_table table;

	if (!length(list))
		return;
	printf("\n%s\n", title);
	us_table_init(&table, headers);
	for (size_t i = 0; i < length(list); i++)
		for (size_t k = 0; keys[k]; k++)
			us_table_add(&table, us_json_string(&list->array.items[i], keys[k]));
	us_table_print(&table);
	us_table_fini(&table);
}

static void print_history(const struct us_json *history)
{
	struct us_table table;

	if (!length(history))
		return;
	puts("\nRuns that changed the user, newest first:");
	us_table_init(&table, (const char *const[]) { "#RUN", "FINISHED", "OUTCOME", "WHAT", NULL });
	for (size_t i = 0; i < length(history); i++) {
		const struct us_json *one = &history->array.items[i], *change = us_json_find(one, "change");
		struct us_str what = US_STR_INIT;
		if (change)
			us_results_describe(change, &what);
		us_table_add_int(&table, us_json_int(one, "run", 0));
		us_table_add(&table, us_json_string(one, "finished"));
		us_table_add(&table, us_json_string(change, "outcome"));
		us_table_add(&table, us_str_slice(&what));
		us_str_fini(&what);
	}
	us_table_print(&table);
	us_table_fini(&table);
}

static void print_answer(const struct us_json *answer)
{
	print_reasons(answer);
	print_members("What the directory has:", us_json_find(answer, "user"));
	print_source(us_json_find(answer, "source"));
	print_list("Groups that the user is in:", us_json_find(answer, "groups"), (const char *const[]) { "GROUP", "WHY", NULL },
		(const char *const[]) { "name", "why", NULL });
	print_list("Groups that the source gives, and the rule of each:", us_json_find(answer, "groupRules"),
		(const char *const[]) { "GROUP", "AT THE SOURCE", "OUTCOME", "WHY", NULL }, (const char *const[]) { "name", "sourceName", "outcome", "why", NULL });
	print_history(us_json_find(answer, "history"));
}

static int ask(struct us_cli *cli, const char *connector, struct us_client_answer *ret_answer)
{
	const char *path = us_cli_path(cli, "/usersync/connector/%s/explain/%s", connector, cli->args.operands[1]), *file = us_cli_flag(cli, "with");
	bool is_stored = us_cli_flag(cli, "stored") != NULL;
	const struct us_json *configuration;
	struct us_str request = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&request);

	if (file && is_stored)
		return us_cli_misuse(cli, "--with needs the source; --stored does not ask it");
	if (!file)
		return us_cli_call(cli, "GET", is_stored ? us_arena_printf(&cli->arena, "%s?source=0", path) : path, US_SLICE_NONE, ret_answer);
	int code = us_trace_read_configuration(cli, file, &configuration);
	if (code != US_EXIT_OK)
		return code;
	us_jsonw_open(&w, '{');
	us_jsonw_key(&w, "configuration");
	us_jsonw_value(&w, configuration);
	us_jsonw_close(&w, '}');
	code = us_cli_call(cli, "POST", path, us_str_slice(&request), ret_answer);
	us_str_fini(&request);
	return code;
}

int us_explain_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = ask(cli, us_cli_text(cli, connector, "uniqueId", ""), &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json || !answer.doc || answer.doc->type != US_JSON_OBJECT)
		us_cli_print_raw(&answer);
	else
		print_answer(answer.doc);
	return US_EXIT_OK;
}
