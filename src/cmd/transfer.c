/* connector export|import|apply: connectors as a file */
#include <stdio.h>

#include "base/secret.h"
#include "cmd/output.h"
#include "cmd/passphrase.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

/* ---- export ---- */

static int write_answer(struct us_cli *cli, const struct us_client_answer *answer)
{
	const char *path = us_cli_flag(cli, "output");
	const struct us_json *list = us_json_find(answer->doc, "connectors");
	struct us_err err = US_ERR_INIT;

	if (us_output_write(path, answer->body, &err) != US_OK)
		return us_cli_fail("%s", err.text);
	if (path && strcmp(path, "-") != 0)
		printf("wrote %zu connector%s to %s\n", list ? list->array.n : 0,
			list && list->array.n == 1 ? "" : "s", path);
	return US_EXIT_OK;
}

int us_connector_export_run(struct us_cli *cli)
{
	const char *path = "/usersync/connector/export", *passphrase;
	const struct us_json *connector;
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	int code = US_EXIT_OK;

	if (cli->args.n_operands) {
		code = us_cli_find_connector(cli, cli->args.operands[0], &connector);
		if (code == US_EXIT_OK)
			path = us_cli_path(
				cli, "/usersync/connector/%s/export", us_cli_text(cli, connector, "uniqueId", ""));
	}
	if (code != US_EXIT_OK)
		return code;
	if (us_cli_flag(cli, "with-secrets")) {
		if (!(passphrase = us_passphrase_find(cli, true)))
			return US_EXIT_FAILED;
		us_jsonw_open(&w, '{');
		us_jsonw_put_text(&w, "passphrase", passphrase);
		us_jsonw_close(&w, '}');
	}
	code = us_cli_call(
		cli, body.n ? "POST" : "GET", path, body.n ? us_str_slice(&body) : US_SLICE_NONE, &answer);
	us_secret_wipe_str(&body);
	return code == US_EXIT_OK ? write_answer(cli, &answer) : code;
}

/* ---- import ---- */

/* The body of the call: the file, with the passphrase if it holds sealed secrets. */
static int read_body(struct us_cli *cli, const char *path, struct us_str *body)
{
	const struct us_json *doc;
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;

	enum us_errc rc = us_output_read(path, &text, &err);
	if (rc != US_OK) {
		us_str_fini(&text);
		return us_cli_fail("%s", err.text);
	}
	rc = us_json_parse(&cli->arena, us_str_slice(&text),
		(struct us_json_limits) { US_OUTPUT_FILE_MOST, 32, 1000000 }, &doc, &err);
	us_str_fini(&text);
	if (rc != US_OK)
		return us_cli_fail("%s is no JSON: %s", path, err.text);
	if (doc->type != US_JSON_OBJECT && doc->type != US_JSON_ARRAY)
		return us_cli_fail("%s holds a JSON %s; want an export, a connector object, or an array of them",
			path, us_json_type_name(doc->type));
	struct us_jsonw w = US_JSONW_INIT(body);
	const struct us_json *secrets = us_json_find(doc, "secrets");
	if (!secrets || secrets->type == US_JSON_NULL) {
		us_jsonw_value(&w, doc);
		return US_EXIT_OK;
	}
	const char *passphrase = us_passphrase_find(cli, false);
	if (!passphrase)
		return US_EXIT_FAILED;
	us_jsonw_open(&w, '{');
	for (size_t i = 0; i < doc->object.n; i++)
		if (!us_slice_is(doc->object.members[i].key, "passphrase")) {
			us_jsonw_key_slice(&w, doc->object.members[i].key);
			us_jsonw_value(&w, &doc->object.members[i].value);
		}
	us_jsonw_put_text(&w, "passphrase", passphrase);
	us_jsonw_close(&w, '}');
	return US_EXIT_OK;
}

/* Every field with its reason, and that nothing was changed. */
static int say_refusal(struct us_cli *cli, const struct us_client_answer *answer, const struct us_err *err)
{
	const struct us_json *fields = us_json_find(answer->doc, "fields");

	if (!fields || fields->type != US_JSON_ARRAY)
		return us_cli_fail("%s", err->text);
	for (size_t i = 0; i < fields->array.n; i++)
		us_cli_fail("%s %s", us_cli_text(cli, &fields->array.items[i], "field", "?"),
			us_cli_text(cli, &fields->array.items[i], "reason", "?"));
	return us_cli_fail("nothing was changed");
}

static int call(
	struct us_cli *cli, const struct us_str *body, const char *query, struct us_client_answer *ret_answer)
{
	struct us_err err = US_ERR_INIT;
	const char *path = us_arena_printf(&cli->arena, "/usersync/connector/import%s", query);

	if (us_cli_try(cli, "POST", path, us_str_slice(body), ret_answer, &err) != US_OK)
		return say_refusal(cli, ret_answer, &err);
	return US_EXIT_OK;
}

static void print_value(const struct us_json *value)
{
	struct us_str text = US_STR_INIT, clean = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	if (value && value->type != US_JSON_NULL) {
		us_jsonw_value(&w, value);
		us_table_clean(&clean, us_str_slice(&text));
	}
	fputs(clean.n ? us_str_text(&clean) : "(not set)", stdout);
	us_str_fini(&text);
	us_str_fini(&clean);
}

static void print_text(const char *before, const struct us_json *obj, const char *key, const char *after)
{
	struct us_str clean = US_STR_INIT;

	us_table_clean(&clean, us_json_string(obj, key));
	printf("%s%s%s", before, us_str_text(&clean), after);
	us_str_fini(&clean);
}

static void print_changes(const struct us_json *item)
{
	const struct us_json *changes = us_json_find(item, "changes"), *messages = us_json_find(item, "messages");

	for (size_t i = 0; changes && changes->type == US_JSON_ARRAY && i < changes->array.n; i++) {
		const struct us_json *change = &changes->array.items[i];
		print_text("  ", change, "field", ": ");
		print_value(us_json_find(change, "old"));
		fputs(" -> ", stdout);
		print_value(us_json_find(change, "new"));
		putchar('\n');
	}
	for (size_t i = 0; messages && messages->type == US_JSON_ARRAY && i < messages->array.n; i++) {
		struct us_str clean = US_STR_INIT;
		us_table_clean(&clean, messages->array.items[i].type == US_JSON_STRING
								   ? messages->array.items[i].string
								   : US_SLICE_NONE);
		printf("  note: %s\n", us_str_text(&clean));
		us_str_fini(&clean);
	}
}

enum { WITH_CHANGES = 1, WITH_RESULT = 2 };

static void print_item(struct us_cli *cli, const struct us_json *item, bool is_dry, unsigned what)
{
	const char *action = us_cli_text(cli, item, "action", "?");
	bool is_unchanged = strcmp(action, "unchanged") == 0;

	if (what & WITH_RESULT) {
		printf("%s%s ", is_dry && !is_unchanged ? "would be " : "", action);
		print_text("", item, "name", "");
		if (!is_dry || us_json_int(item, "id", 0))
			printf(": connector %lld, %s, directory %lld", (long long)us_json_int(item, "id", 0),
				us_cli_text(cli, item, "uniqueId", "?"), (long long)us_json_int(item, "directoryId", 0));
		putchar('\n');
	} else if (!is_unchanged) {
		print_text("", item, "name", "");
		printf(" %s:\n", strcmp(action, "created") == 0 ? "is new" : "differs");
	}
	if (what & WITH_CHANGES)
		print_changes(item);
}

static void print_items(struct us_cli *cli, const struct us_client_answer *answer, unsigned what)
{
	const struct us_json *list = us_json_find(answer->doc, "connectors");
	bool is_dry = us_json_bool(answer->doc, "dryRun", false);

	for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++)
		print_item(cli, &list->array.items[i], is_dry, what);
}

static int64_t count_differences(const struct us_client_answer *answer)
{
	return us_json_int(answer->doc, "created", 0) + us_json_int(answer->doc, "updated", 0);
}

static void print_end(const struct us_client_answer *answer)
{
	if (!count_differences(answer))
		puts("nothing differs, nothing was changed");
	else if (us_json_bool(answer->doc, "dryRun", false))
		puts("nothing was changed: this was a dry run");
	else
		printf("applied: %lld created, %lld updated, %lld unchanged\n",
			(long long)us_json_int(answer->doc, "created", 0),
			(long long)us_json_int(answer->doc, "updated", 0),
			(long long)us_json_int(answer->doc, "unchanged", 0));
}

int us_connector_import_run(struct us_cli *cli)
{
	struct us_str body = US_STR_INIT;
	struct us_client_answer answer;
	int code = read_body(cli, cli->args.operands[0], &body);

	if (code == US_EXIT_OK)
		code = call(cli, &body, us_cli_flag(cli, "dry-run") ? "?dryRun=true" : "", &answer);
	us_secret_wipe_str(&body);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	print_items(cli, &answer, WITH_RESULT | WITH_CHANGES);
	print_end(&answer);
	return US_EXIT_OK;
}

/* The difference comes first, so that it has been shown whatever becomes of the second call. */
int us_connector_apply_run(struct us_cli *cli)
{
	bool is_dry = us_cli_flag(cli, "dry-run") != NULL;
	struct us_str body = US_STR_INIT;
	struct us_client_answer answer;
	int code = read_body(cli, cli->args.operands[0], &body);

	if (code == US_EXIT_OK)
		code = call(cli, &body, "?match=name&dryRun=true", &answer);
	if (code == US_EXIT_OK && !cli->as_json) {
		print_items(cli, &answer, WITH_CHANGES);
		fflush(stdout);
	}
	if (code == US_EXIT_OK && !is_dry && count_differences(&answer))
		code = call(cli, &body, "?match=name", &answer);
	us_secret_wipe_str(&body);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	print_items(cli, &answer, WITH_RESULT);
	print_end(&answer);
	return US_EXIT_OK;
}
