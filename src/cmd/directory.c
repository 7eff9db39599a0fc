/* directory list|show|users|groups|delete */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"

static const char *number(struct us_cli *cli, int64_t id) { return us_arena_printf(&cli->arena, "%lld", (long long) id); }

int us_directory_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", "/directory/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "#ID", "NAME", "#USERS", "#ACTIVE", "#GROUPS", "#MEMBERSHIPS", "CONNECTOR", NULL });
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++) {
		const struct us_json *d = &answer.doc->array.items[i];
		us_table_add_int(&table, us_json_int(d, "id", 0));
		us_table_add(&table, us_json_string(d, "name"));
		us_table_add_int(&table, us_json_int(d, "users", 0));
		us_table_add_int(&table, us_json_int(d, "activeUsers", 0));
		us_table_add_int(&table, us_json_int(d, "groups", 0));
		us_table_add_int(&table, us_json_int(d, "memberships", 0));
		us_table_add(&table, us_json_string(d, "connectorUID"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

int us_directory_show_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "GET", us_cli_path(cli, "/directory/%s", number(cli, id)), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	printf("directory %lld: %s\n  %lld users, %lld of them active\n  %lld groups, %lld memberships\n  revision %lld, connector %s\n", (long long) id,
		us_cli_text(cli, answer.doc, "name", "?"), (long long) us_json_int(answer.doc, "users", 0),
		(long long) us_json_int(answer.doc, "activeUsers", 0), (long long) us_json_int(answer.doc, "groups", 0),
		(long long) us_json_int(answer.doc, "memberships", 0), (long long) us_json_int(answer.doc, "revision", 0),
		us_cli_text(cli, answer.doc, "connectorUID", "none"));
	return US_EXIT_OK;
}

static void add_user(struct us_table *table, const struct us_json *user)
{
	us_table_add(table, us_json_string(user, "name"));
	us_table_add(table, us_json_string(user, "fullName"));
	us_table_add(table, us_json_string(user, "email"));
	us_table_add_text(table, us_json_bool(user, "active", true) ? "yes" : "no");
}

static void add_group(struct us_table *table, const struct us_json *group)
{
	us_table_add(table, us_json_string(group, "name"));
	us_table_add(table, us_json_string(group, "description"));
}

/* All pages of a list, or one object in full when a name is given. */
static int list_or_show(struct us_cli *cli, const char *kind, const char *const *headers, void (*add)(struct us_table *, const struct us_json *))
{
	struct us_client_answer answer;
	struct us_table table;
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code != US_EXIT_OK)
		return code;
	if (cli->args.n_operands > 1) {
		code = us_cli_call(cli, "GET", us_cli_path(cli, "/directory/%s/%s/%s", number(cli, id), kind, cli->args.operands[1]), US_SLICE_NONE,
			&answer);
		if (code == US_EXIT_OK)
			us_cli_print_raw(&answer);
		return code;
	}
	us_table_init(&table, headers);
	for (const char *cursor = ""; cursor && code == US_EXIT_OK;) {
		const char *path = us_cli_path(cli, "/directory/%s/%s?limit=500", number(cli, id), kind);
		if (*cursor)
			path = us_arena_printf(&cli->arena, "%s&cursor=%s", path, us_client_quote(&cli->arena, cursor));
		code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);
		if (code != US_EXIT_OK)
			break;
		if (cli->as_json)
			us_cli_print_raw(&answer);
		const struct us_json *list = us_json_find(answer.doc, strcmp(kind, "user") == 0 ? "users" : "groups");
		for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++)
			add(&table, &list->array.items[i]);
		cursor = us_cli_text(cli, answer.doc, "cursor", NULL);
	}
	if (code == US_EXIT_OK && !cli->as_json)
		us_table_print(&table);
	us_table_fini(&table);
	return code;
}

int us_directory_users_run(struct us_cli *cli)
{
	return list_or_show(cli, "user", (const char *const[]) { "NAME", "FULL NAME", "MAIL", "ACTIVE", NULL }, add_user);
}

int us_directory_groups_run(struct us_cli *cli)
{
	return list_or_show(cli, "group", (const char *const[]) { "NAME", "DESCRIPTION", NULL }, add_group);
}

int us_directory_delete_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "GET", us_cli_path(cli, "/directory/%s", number(cli, id)), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (!us_cli_flag(cli, "yes") &&
		!us_cli_confirm(us_arena_printf(&cli->arena, "Delete directory %lld with its %lld users?", (long long) id,
			(long long) us_json_int(answer.doc, "users", 0))))
		return us_cli_fail("directory %lld was not deleted; without a terminal, say --yes", (long long) id);
	code = us_cli_call(cli, "DELETE", us_cli_path(cli, "/directory/%s", number(cli, id)), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("deleted directory %lld; saving its connector makes a new one\n", (long long) id);
	return code;
}
