/* explain: where a user comes from, and why they are as they are */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"

enum { MAX_DEPTH = 8 };

static void print_scalar(const struct us_json *value)
{
	struct us_str text = US_STR_INIT, clean = US_STR_INIT;

	if (value->type == US_JSON_STRING) {
		us_str_add_slice(&text, value->string);
	} else {
		struct us_jsonw w = US_JSONW_INIT(&text);
		us_jsonw_value(&w, value);
	}
	us_table_clean(&clean, us_str_slice(&text));
	fputs(us_str_text(&clean), stdout);
	us_str_fini(&text);
	us_str_fini(&clean);
}

static bool is_flat(const struct us_json *value)
{
	return (value->type != US_JSON_OBJECT || value->object.n == 0) && (value->type != US_JSON_ARRAY || value->array.n == 0);
}

/* One line each, indented by depth. The depth is bounded; what lies deeper is printed as JSON. */
struct step {
	const struct us_json *value;
	size_t at;
};

static void print_tree(const struct us_json *top)
{
	struct step stack[MAX_DEPTH] = { { top, 0 } };
	int depth = 0;

	while (depth >= 0) {
		struct step *s = &stack[depth];
		bool is_object = s->value->type == US_JSON_OBJECT;
		if (s->at >= (is_object ? s->value->object.n : s->value->array.n)) {
			depth--;
			continue;
		}
		const struct us_json *value = is_object ? &s->value->object.members[s->at].value : &s->value->array.items[s->at];
		printf("%*s", depth * 2, "");
		if (is_object)
			printf(US_SLICE_FMT ":", US_SLICE_ARG(s->value->object.members[s->at].key));
		else
			putchar('-');
		s->at++;
		if (is_flat(value) || depth + 1 == MAX_DEPTH) {
			putchar(' ');
			print_scalar(value);
			putchar('\n');
		} else {
			putchar('\n');
			stack[++depth] = (struct step) { value, 0 };
		}
	}
}

int us_explain_run(struct us_cli *cli)
{
	const struct us_json *connector;
	struct us_client_answer answer;
	int code = us_cli_find_connector(cli, cli->args.operands[0], &connector);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "GET",
			us_cli_path(cli, "/usersync/connector/%s/explain/%s", us_cli_text(cli, connector, "uniqueId", ""), cli->args.operands[1]),
			US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json || !answer.doc || (answer.doc->type != US_JSON_OBJECT && answer.doc->type != US_JSON_ARRAY))
		us_cli_print_raw(&answer);
	else
		print_tree(answer.doc);
	return US_EXIT_OK;
}
