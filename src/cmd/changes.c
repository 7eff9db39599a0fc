/* directory changes */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"

static void add_names(struct us_str *out, const struct us_json *members)
{
	for (size_t i = 0; members && members->type == US_JSON_ARRAY && i < members->array.n; i++) {
		const struct us_json *m = &members->array.items[i];
		us_str_add_text(out, i ? ", " : ": ");
		us_str_add_text(out, us_slice_is(us_json_string(m, "object"), "group") ? "@" : "");
		us_str_add_slice(out, us_json_string(m, "name"));
	}
}

static void print_change(const struct us_json *change)
{
	struct us_slice before = us_json_string(us_json_find(change, "before"), "name"), after = us_json_string(us_json_find(change, "after"), "name");
	struct us_str line = US_STR_INIT, clean = US_STR_INIT;

	us_str_printf(&line, US_SLICE_FMT " run %lld " US_SLICE_FMT " " US_SLICE_FMT " ", US_SLICE_ARG(us_json_string(change, "time")),
		(long long) us_json_int(change, "run", 0), US_SLICE_ARG(us_json_string(change, "object")), US_SLICE_ARG(us_json_string(change, "operation")));
	us_str_add_slice(&line, before.p ? before : us_json_string(change, "name"));
	if (before.p && after.p && !us_slice_is_equal(before, after))
		us_str_printf(&line, " -> " US_SLICE_FMT, US_SLICE_ARG(after));
	add_names(&line, us_json_find(change, "members"));
	us_table_clean(&clean, us_str_slice(&line));
	puts(us_str_text(&clean));
	us_str_fini(&line);
	us_str_fini(&clean);
}

/* One page behind the token, which then is the one behind the page. */
static int print_page(struct us_cli *cli, int64_t id, bool follows, char token[256], bool *ret_more)
{
	struct us_client_answer answer;
	const char *path = us_cli_path(cli, "/directory/%s/changes?limit=1000", us_arena_printf(&cli->arena, "%lld", (long long) id));

	if (token[0])
		path = us_arena_printf(&cli->arena, "%s&since=%s%s", path, us_client_quote(&cli->arena, token), follows ? "&wait=30" : "");
	int code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	const struct us_json *changes = us_json_find(answer.doc, "changes");
	size_t n = changes && changes->type == US_JSON_ARRAY ? changes->array.n : 0;
	if (cli->as_json && (n || !follows))
		us_cli_print_raw(&answer);
	for (size_t i = 0; i < n && !cli->as_json; i++)
		print_change(&changes->array.items[i]);
	snprintf(token, 256, "%s", us_cli_text(cli, answer.doc, "next", ""));
	if (n && follows && !cli->as_json)
		printf("next: %s\n", token);
	fflush(stdout);
	*ret_more = us_json_bool(answer.doc, "more", false);
	return US_EXIT_OK;
}

int us_directory_changes_run(struct us_cli *cli)
{
	const char *since = us_cli_flag(cli, "since");
	bool follows = us_cli_flag(cli, "follow"), has_more = true;
	char token[256];
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	snprintf(token, sizeof token, "%s", since ? since : "");
	while (code == US_EXIT_OK && (has_more || follows)) {
		struct us_arena own = cli->arena; /* what a page takes is given back behind it */
		cli->arena = (struct us_arena) US_ARENA_INIT;
		code = print_page(cli, id, follows, token, &has_more);
		us_arena_fini(&cli->arena);
		cli->arena = own;
	}
	if (code == US_EXIT_OK && !cli->as_json)
		printf("next: %s\n", token);
	return code;
}
