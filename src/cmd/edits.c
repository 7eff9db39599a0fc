/* directory create|edits, directory user|group|member …: changing directories without a connector by hand */
#include <stdio.h>

#include "cmd/login.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

/* "/directory/ID" and what follows, with up to three names in it. */
static int path_of(struct us_cli *cli, const char *rest, const char *a, const char *b, const char **ret_path)
{
	int64_t id;
	int code = us_cli_find_directory(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK)
		*ret_path = us_arena_printf(&cli->arena, "/directory/%lld%s", (long long) id, us_cli_path(cli, rest, a, b));
	return code;
}

static int send(struct us_cli *cli, const char *method, const char *rest, const char *a, const char *b, struct us_slice body,
	struct us_client_answer *ret_answer)
{
	const char *path;
	int code = path_of(cli, rest, a, b, &path);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, method, path, body, ret_answer);
	if (code == US_EXIT_OK && cli->as_json && ret_answer->body.n)
		us_cli_print_raw(ret_answer);
	return code;
}

int us_directory_create_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[0];
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "name", name);
	us_jsonw_close(&w, '}');
	int code = us_cli_call(cli, "POST", "/directory/", us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && cli->as_json)
		us_cli_print_raw(&answer);
	else if (code == US_EXIT_OK)
		printf("created directory %lld: %s\n", (long long) us_json_int(answer.doc, "id", 0), name);
	return code;
}

int us_directory_edits_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = send(cli, "GET", "/edits", NULL, NULL, US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK || cli->as_json)
		return code;
	us_table_init(&table, (const char *const[]) { "#RUN", "WHEN", "WHO", "WHAT", "#CHANGES", NULL });
	const struct us_json *runs = us_json_find(answer.doc, "runs");
	for (size_t i = 0; runs && runs->type == US_JSON_ARRAY && i < runs->array.n; i++) {
		const struct us_json *r = &runs->array.items[i];
		us_table_add_int(&table, us_json_int(r, "id", 0));
		us_table_add(&table, us_json_string(r, "created"));
		us_table_add(&table, us_json_string(r, "actor"));
		us_table_add(&table, us_json_string(r, "kind"));
		us_table_add_int(&table, us_json_int(r, "changes", 0));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

/* ---- users and groups ---- */

/* "key=value": one value of an attribute, "key=" takes it away. */
static bool put_attributes(struct us_jsonw *w, const char *list)
{
	us_jsonw_key(w, "attributes");
	us_jsonw_open(w, '{');
	while (*list) {
		size_t n = strcspn(list, ",");
		const char *equals = memchr(list, '=', n);
		if (!equals || equals == list)
			return false;
		us_jsonw_key_slice(w, (struct us_slice) { list, (size_t) (equals - list) });
		struct us_slice value = { equals + 1, (size_t) (list + n - equals - 1) };
		if (value.n)
			us_jsonw_string(w, value);
		else
			us_jsonw_null(w);
		list += n + (list[n] == ',');
	}
	us_jsonw_close(w, '}');
	return true;
}

/* Users and groups have flags of their own: those of the others are not given. */
static const char *given(const struct us_cli *cli, const char *name)
{
	for (const struct us_flag *f = cli->verb->flags; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return us_cli_flag(cli, name);
	return NULL;
}

/* The body of a user or a group, from the verb's flags; an empty value takes a field away. */
static int put_fields(struct us_cli *cli, const char *name, struct us_str *body)
{
	static const struct { const char *flag, *member; } texts[] = { { "full-name", "fullName" }, { "first-name", "firstName" },
		{ "last-name", "lastName" }, { "email", "email" }, { "description", "description" } };
	const char *who = cli->args.operands[1], *attributes = given(cli, "attributes");
	bool is_active = given(cli, "active") != NULL, is_inactive = given(cli, "inactive") != NULL;
	struct us_jsonw w = US_JSONW_INIT(body);

	us_jsonw_open(&w, '{');
	if (name)
		us_jsonw_put_text(&w, "name", name);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *value = given(cli, texts[i].flag);
		if (value)
			us_jsonw_put_text(&w, texts[i].member, *value ? value : NULL);
	}
	if (is_active && is_inactive)
		return us_cli_misuse(cli, "--active and --inactive exclude each other");
	if (is_active || is_inactive)
		us_jsonw_put_bool(&w, "active", is_active);
	if (attributes && !put_attributes(&w, attributes))
		return us_cli_misuse(cli, "--attributes wants NAME=VALUE, several with commas");
	if (given(cli, "password")) {
		const char *password = us_login_new_password(&cli->arena, who);
		if (!password || !*password)
			return us_cli_fail("no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", who);
		us_jsonw_put_text(&w, "password", password);
	}
	us_jsonw_close(&w, '}');
	return US_EXIT_OK;
}

static int save(struct us_cli *cli, const char *method, const char *rest, const char *kind, bool is_new)
{
	const char *name = cli->args.operands[1];
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	int code = put_fields(cli, is_new ? name : given(cli, "name"), &body);

	if (code == US_EXIT_OK && !is_new && body.n <= 2)
		code = us_cli_misuse(cli, "nothing to change");
	if (code == US_EXIT_OK)
		code = send(cli, method, rest, is_new ? NULL : name, NULL, us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK && !cli->as_json)
		printf("%s %s %s\n", is_new ? "added" : "changed", kind, name);
	return code;
}

static int act(struct us_cli *cli, const char *method, const char *rest, const char *a, const char *b, const char *done)
{
	struct us_client_answer answer;
	int code = send(cli, method, rest, a, b, US_SLICE_NONE, &answer);

	if (code == US_EXIT_OK)
		printf("%s\n", done);
	return code;
}

int us_directory_user_add_run(struct us_cli *cli) { return save(cli, "POST", "/user", "user", true); }
int us_directory_user_set_run(struct us_cli *cli) { return save(cli, "PUT", "/user/%s", "user", false); }
int us_directory_group_add_run(struct us_cli *cli) { return save(cli, "POST", "/group", "group", true); }
int us_directory_group_set_run(struct us_cli *cli) { return save(cli, "PUT", "/group/%s", "group", false); }

static int remove_object(struct us_cli *cli, const char *rest, const char *kind)
{
	const char *name = cli->args.operands[1];

	return act(cli, "DELETE", rest, name, NULL, us_arena_printf(&cli->arena, "removed %s %s", kind, name));
}

int us_directory_user_remove_run(struct us_cli *cli) { return remove_object(cli, "/user/%s", "user"); }
int us_directory_group_remove_run(struct us_cli *cli) { return remove_object(cli, "/group/%s", "group"); }

int us_directory_user_password_run(struct us_cli *cli)
{
	const char *name = cli->args.operands[1], *password;
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);

	if (us_cli_flag(cli, "remove"))
		return act(cli, "DELETE", "/user/%s/password", name, NULL, us_arena_printf(&cli->arena, "%s has no password any more", name));
	password = us_login_new_password(&cli->arena, name);
	if (!password || !*password)
		return us_cli_fail("no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", name);
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "password", password);
	us_jsonw_close(&w, '}');
	int code = send(cli, "PUT", "/user/%s/password", name, NULL, us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code == US_EXIT_OK)
		printf("%s has a new password\n", name);
	return code;
}

static int change_member(struct us_cli *cli, const char *method, const char *verb)
{
	const char *group = cli->args.operands[1], *member = cli->args.operands[2];
	bool is_group = us_cli_flag(cli, "group") != NULL;

	return act(cli, method, is_group ? "/group/%s/group/%s" : "/group/%s/user/%s", group, member,
		us_arena_printf(&cli->arena, "%s is %s %s", member, verb, group));
}

int us_directory_member_add_run(struct us_cli *cli) { return change_member(cli, "PUT", "in"); }
int us_directory_member_remove_run(struct us_cli *cli) { return change_member(cli, "DELETE", "no longer in"); }
