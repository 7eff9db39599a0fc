/* results: the rows of a run, one for each object that it touched or failed on */
#include <ctype.h>
#include <stdio.h>

#include "base/clock.h"
#include "cmd/results.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

static const struct us_json *find_member(const struct us_json *obj, struct us_slice key)
{
	for (size_t i = 0; i < obj->object.n; i++)
		if (us_slice_is_equal(obj->object.members[i].key, key))
			return &obj->object.members[i].value;
	return NULL;
}

/* As JSON, but times of the server's own are shown as times. */
static void write_value(struct us_jsonw *w, struct us_slice key, const struct us_json *value)
{
	char text[US_CLOCK_ISO_BYTES];

	if (value->type == US_JSON_INT && (us_slice_is(key, "missingSince") || us_slice_is(key, "retiredSince")))
		us_str_add_text(w->out, us_clock_format(value->integer, text));
	else
		us_jsonw_value(w, value);
}

/* "mail: a@x → b@x" if the two differ. Nested values are compared as their JSON; NULL: not there. */
static void add_change(struct us_str *out, struct us_slice key, const struct us_json *was, const struct us_json *is)
{
	struct us_str a = US_STR_INIT, b = US_STR_INIT;
	struct us_jsonw wa = US_JSONW_INIT(&a), wb = US_JSONW_INIT(&b);

	if (was)
		write_value(&wa, key, was);
	if (is)
		write_value(&wb, key, is);
	if (!us_slice_is_equal(us_str_slice(&a), us_str_slice(&b)))
		us_str_printf(out, "%s" US_SLICE_FMT ": %s → %s", out->n ? "; " : "", US_SLICE_ARG(key), was ? us_str_text(&a) : "none",
			is ? us_str_text(&b) : "none");
	us_str_fini(&a);
	us_str_fini(&b);
}

/* Of a row's object, but the server's own business. */
static bool is_internal(struct us_slice key) { return us_slice_is(key, "hash") || us_slice_is(key, "revision"); }

/* The fields of an object that changed. */
static void add_difference(struct us_str *out, const struct us_json *before, const struct us_json *after)
{
	if (!before || !after || before->type != US_JSON_OBJECT || after->type != US_JSON_OBJECT)
		return;
	for (size_t i = 0; i < after->object.n; i++) {
		const struct us_json_member *m = &after->object.members[i];
		if (!is_internal(m->key))
			add_change(out, m->key, find_member(before, m->key), &m->value);
	}
	for (size_t i = 0; i < before->object.n; i++) {
		const struct us_json_member *m = &before->object.members[i];
		if (!is_internal(m->key) && !find_member(after, m->key))
			add_change(out, m->key, &m->value, NULL);
	}
}

/* "+ anna, + bob, - mei" for each member that comes or goes. */
static void add_members(struct us_str *out, const struct us_json *members)
{
	static const char *const lists[][2] = { { "addedUsers", "+ " }, { "addedGroups", "+ group " }, { "removedUsers", "- " },
		{ "removedGroups", "- group " } };

	for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
		const struct us_json *list = us_json_find(members, lists[k][0]);
		for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++)
			if (list->array.items[i].type == US_JSON_STRING)
				us_str_printf(out, "%s%s" US_SLICE_FMT, out->n ? ", " : "", lists[k][1], US_SLICE_ARG(list->array.items[i].string));
	}
}

/* What differs says more than that something differs; where nothing does, the reason stands. */
void us_results_describe(const struct us_json *row, struct us_str *out)
{
	bool is_failed = us_slice_is(us_json_string(row, "outcome"), "FAILED");

	if (us_json_find(row, "members"))
		add_members(out, us_json_find(row, "members"));
	else if (!is_failed)
		add_difference(out, us_json_find(row, "before"), us_json_find(row, "after"));
	if (!out->n || is_failed)
		us_str_printf(out, "%s" US_SLICE_FMT, out->n ? ": " : "", US_SLICE_ARG(us_json_string(row, "reason")));
}

static void add_row(struct us_table *table, const struct us_json *row)
{
	struct us_str what = US_STR_INIT;

	us_results_describe(row, &what);
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
