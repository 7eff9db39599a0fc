/* directory login list|note|import */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/output.h"
#include "cmd/table.h"
#include "cmd/verbs.h"
#include "source/file_csv.h"

enum { BATCH = 5000 /* what the server takes at once */, PROBLEMS_SHOWN = 20, NAMES_SHOWN = 20, AHEAD_S = 300, SLACK = 16 /* file_csv.h */ };

struct row {
	struct us_slice username, at;
};

struct rows {
	struct row *list;
	size_t n, cap;
	size_t n_problems;
	int64_t now;
};

/* ---- list and note ---- */

int us_directory_login_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code != US_EXIT_OK)
		return code;
	us_table_init(&table, (const char *const[]) { "NAME", "ACTIVE", "LAST LOGIN", "REPORTED BY", NULL });
	for (const char *cursor = ""; cursor && code == US_EXIT_OK;) {
		const char *path = us_arena_printf(&cli->arena, "/directory/%lld/login?limit=500%s", (long long) id,
			us_cli_flag(cli, "never") ? "&never=true" : "");
		if (*cursor)
			path = us_arena_printf(&cli->arena, "%s&cursor=%s", path, us_client_quote(&cli->arena, cursor));
		code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);
		if (code != US_EXIT_OK)
			break;
		if (cli->as_json)
			us_cli_print_raw(&answer);
		const struct us_json *list = us_json_find(answer.doc, "logins");
		for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++) {
			const struct us_json *l = &list->array.items[i];
			us_table_add(&table, us_json_string(l, "username"));
			us_table_add_text(&table, us_json_bool(l, "active", true) ? "yes" : "no");
			us_table_add_text(&table, us_cli_text(cli, l, "lastLogin", "never"));
			us_table_add(&table, us_json_string(l, "lastLoginVia"));
		}
		cursor = us_cli_text(cli, answer.doc, "cursor", NULL);
	}
	if (code == US_EXIT_OK && !cli->as_json)
		us_table_print(&table);
	us_table_fini(&table);
	return code;
}

static void put_row(struct us_jsonw *w, struct us_slice username, struct us_slice at)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "username", username);
	if (at.p)
		us_jsonw_put_string(w, "at", at);
	us_jsonw_close(w, '}');
}

int us_directory_login_note_run(struct us_cli *cli)
{
	const char *at = us_cli_flag(cli, "at");
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	int64_t id, when;
	int code;

	if (at && !us_clock_parse(us_slice(at), &when))
		return us_cli_misuse(cli, "--at wants a time such as 2026-01-31T08:00:00Z, not '%s'", at);
	code = us_cli_find_directory(cli, cli->args.operands[0], &id);
	if (code != US_EXIT_OK)
		return code;
	put_row(&w, us_slice(cli->args.operands[1]), at ? us_slice(at) : US_SLICE_NONE);
	code = us_cli_call(cli, "POST", us_arena_printf(&cli->arena, "/directory/%lld/login", (long long) id), us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code != US_EXIT_OK)
		return code;
	if (us_json_int(answer.doc, "unknown", 0))
		return us_cli_fail("directory %lld has no user %s", (long long) id, cli->args.operands[1]);
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else if (us_json_int(answer.doc, "returning", 0))
		puts("was deleted as inactive and comes back with the next sync");
	else
		puts(us_json_int(answer.doc, "noted", 0) ? "noted" : "a login at that time or later is known already");
	return US_EXIT_OK;
}

/* ---- import ---- */

static void complain(struct rows *rows, const char *path, const char *place, int64_t number, const char *what)
{
	if (rows->n_problems++ < PROBLEMS_SHOWN)
		us_cli_fail("%s: %s %lld: %s", path, place, (long long) number, what);
}

static void take(struct us_cli *cli, struct rows *rows, const char *path, const char *place, int64_t number, struct us_slice username, struct us_slice at)
{
	const char *text = us_arena_strndup(&cli->arena, at.p ? at.p : "", at.n > 60 ? 60 : at.n);
	int64_t when;

	if (!us_slice_trim(username).n)
		complain(rows, path, place, number, "has no username");
	else if (!us_slice_is_utf8(username))
		complain(rows, path, place, number, "the username is not UTF-8");
	else if (!us_clock_parse(at, &when))
		complain(rows, path, place, number, us_arena_printf(&cli->arena, "at is \"%s\"; want a time such as 2026-01-31T08:00:00Z", text));
	else if (when > rows->now + AHEAD_S)
		complain(rows, path, place, number, us_arena_printf(&cli->arena, "at is \"%s\", which is in the future", text));
	else if (when < 1)
		complain(rows, path, place, number, us_arena_printf(&cli->arena, "at is \"%s\", which is before 1970", text));
	else {
		if (rows->n == rows->cap) {
			rows->cap = rows->cap ? 2 * rows->cap : 256;
			rows->list = us_realloc(rows->list, rows->cap * sizeof *rows->list);
		}
		rows->list[rows->n++] = (struct row) { us_slice_dup(&cli->arena, us_slice_trim(username)), us_slice_dup(&cli->arena, at) };
	}
}

static int read_json(struct us_cli *cli, const char *path, struct us_slice text, struct rows *rows)
{
	const struct us_json *doc;
	struct us_err err = US_ERR_INIT;

	if (us_json_parse(&cli->arena, text, (struct us_json_limits) { US_OUTPUT_FILE_MOST, 8, 1000000 }, &doc, &err) != US_OK)
		return us_cli_fail("%s is no JSON: %s", path, err.text);
	if (doc->type != US_JSON_ARRAY)
		return us_cli_fail("%s holds a JSON %s; want an array of {\"username\", \"at\"}", path, us_json_type_name(doc->type));
	for (size_t i = 0; i < doc->array.n; i++)
		if (doc->array.items[i].type == US_JSON_OBJECT)
			take(cli, rows, path, "entry", (int64_t) i + 1, us_json_string(&doc->array.items[i], "username"),
				us_json_string(&doc->array.items[i], "at"));
		else
			complain(rows, path, "entry", (int64_t) i + 1, "is no object");
	return US_EXIT_OK;
}

/* text: with SLACK bytes behind it. */
static int read_csv(struct us_cli *cli, const char *path, struct us_slice text, struct rows *rows)
{
	struct us_file_csv_row *row = us_arena_alloc(&cli->arena, sizeof *row);
	size_t username = SIZE_MAX, at = SIZE_MAX, n_columns = 0;
	int64_t line = 1;
	bool has_header = false;
	size_t first_line = strcspn(text.p, "\r\n");
	char delimiter = memchr(text.p, ';', first_line) && !memchr(text.p, ',', first_line) ? ';' : ',';

	for (size_t pos = 0;; pos += row->bytes, line += row->lines) {
		enum us_file_csv_result rc = us_file_csv_scan(text.p + pos, text.n - pos, true, delimiter, row);
		if (rc == US_FILE_CSV_END)
			break;
		if (rc != US_FILE_CSV_ROW)
			return us_cli_fail("%s: line %lld: a quoted cell is not closed", path, (long long) line);
		if (row->is_blank)
			continue;
		char *copy = us_arena_strndup(&cli->arena, text.p + pos, row->bytes);
		if (!has_header) {
			for (size_t i = 0; i < row->n_cells && i < US_FILE_CSV_MOST_CELLS; i++) {
				struct us_slice cell = us_slice_trim(us_file_csv_text(row, i, copy));
				if (us_slice_is_nocase(cell, "username"))
					username = i;
				else if (us_slice_is_nocase(cell, "at"))
					at = i;
			}
			if (username == SIZE_MAX || at == SIZE_MAX)
				return us_cli_fail("%s: the first line must name the columns username and at", path);
			n_columns = row->n_cells;
			has_header = true;
		} else if (row->flaw) {
			complain(rows, path, "line", line, "holds a quote or a carriage return where none may be");
		} else if (row->n_cells != n_columns) {
			complain(rows, path, "line", line, us_arena_printf(&cli->arena, "has %zu cells, not %zu", row->n_cells, n_columns));
		} else {
			struct us_slice name = us_file_csv_text(row, username, copy), when = us_file_csv_text(row, at, copy);
			take(cli, rows, path, "line", line, name, us_slice_trim(when));
		}
	}
	return has_header ? US_EXIT_OK : us_cli_fail("%s is empty; want a line with the columns username and at, then one line a login", path);
}

static int send(struct us_cli *cli, int64_t id, const struct rows *rows)
{
	int64_t noted = 0, not_later = 0, unknown = 0, returning = 0;
	size_t named = 0;
	struct us_str body = US_STR_INIT;
	int code = US_EXIT_OK;

	for (size_t from = 0; from < rows->n && code == US_EXIT_OK; from += BATCH) {
		struct us_client_answer answer;
		struct us_jsonw w = US_JSONW_INIT(&body);
		us_str_clear(&body);
		us_jsonw_open(&w, '[');
		for (size_t i = from; i < rows->n && i < from + BATCH; i++)
			put_row(&w, rows->list[i].username, rows->list[i].at);
		us_jsonw_close(&w, ']');
		code = us_cli_call(cli, "POST", us_arena_printf(&cli->arena, "/directory/%lld/login", (long long) id), us_str_slice(&body), &answer);
		if (code != US_EXIT_OK)
			break;
		noted += us_json_int(answer.doc, "noted", 0);
		not_later += us_json_int(answer.doc, "notLater", 0);
		unknown += us_json_int(answer.doc, "unknown", 0);
		returning += us_json_int(answer.doc, "returning", 0);
		const struct us_json *names = us_json_find(answer.doc, "unknownUsers");
		for (size_t i = 0; names && i < names->array.n && named < NAMES_SHOWN; i++, named++)
			printf("unknown: " US_SLICE_FMT "\n", US_SLICE_ARG(names->array.items[i].string));
	}
	us_str_fini(&body);
	if (code != US_EXIT_OK)
		us_cli_fail("%lld of %zu logins were noted before that; importing the file again takes the rest", (long long) (noted + not_later), rows->n);
	if (code == US_EXIT_OK && returning)
		printf("%lld were deleted as inactive and come back with the next sync\n", (long long) returning);
	if (code == US_EXIT_OK)
		printf("%zu logins: %lld noted, %lld not later than what is known, %lld of unknown users\n", rows->n, (long long) noted,
			(long long) not_later, (long long) unknown);
	return code;
}

int us_directory_login_import_run(struct us_cli *cli)
{
	const char *path = cli->args.operands[1];
	struct rows rows = { .now = us_clock_wall_s() };
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	static const char slack[SLACK];
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK && us_output_read(path, &text, &err) != US_OK)
		code = us_cli_fail("%s", err.text);
	if (code == US_EXIT_OK) {
		size_t n = text.n;
		us_str_add(&text, slack, sizeof slack);
		size_t start = n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
		struct us_slice content = { text.p + start, n - start };
		struct us_slice first = us_slice_trim(content);
		code = first.n && (first.p[0] == '[' || first.p[0] == '{') ? read_json(cli, path, content, &rows) : read_csv(cli, path, content, &rows);
	}
	if (code == US_EXIT_OK && rows.n_problems)
		code = us_cli_fail("%s: %zu wrong row%s; nothing was noted", path, rows.n_problems, rows.n_problems == 1 ? "" : "s");
	if (code == US_EXIT_OK)
		code = send(cli, id, &rows);
	us_str_fini(&text);
	free(rows.list);
	return code;
}
