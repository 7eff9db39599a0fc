/* notice target list|show|add|change|test|remove, notice delivery list|retry|discard */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/login.h"
#include "cmd/output.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

enum { MAX_PEM_BYTES = 65536 };

static const char *number(struct us_cli *cli, int64_t n)
{
	return us_arena_printf(&cli->arena, "%lld", (long long)n);
}

/* ---- targets ---- */

static void add_addresses(struct us_table *table, const struct us_json *list)
{
	struct us_str text = US_STR_INIT;

	for (size_t i = 0; i < list->array.n; i++)
		if (list->array.items[i].type == US_JSON_STRING)
			us_str_printf(&text, "%s" US_SLICE_FMT, text.n ? ", " : "", US_SLICE_ARG(list->array.items[i].string));
	us_table_add(table, us_str_slice(&text));
	us_str_fini(&text);
}

int us_notice_target_list_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	struct us_table table;
	int code = us_cli_call(cli, "GET", "/notice/target/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "#ID", "NAME", "KIND", "ENABLED", "TO", NULL });
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++) {
		const struct us_json *t = &answer.doc->array.items[i], *conf = us_json_find(t, "configuration"),
							 *to = us_json_find(conf, "to");
		us_table_add_int(&table, us_json_int(t, "id", 0));
		us_table_add(&table, us_json_string(t, "name"));
		us_table_add(&table, us_json_string(t, "kind"));
		us_table_add_text(&table, us_json_bool(t, "enabled", false) ? "yes" : "no");
		if (to && to->type == US_JSON_ARRAY)
			add_addresses(&table, to);
		else
			us_table_add(&table, us_json_string(conf, to ? "to" : "url"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

/* By name before number: numbers are what the list shows, and a name is what people give. */
static int find_target(struct us_cli *cli, const char *key, const char **ret_id)
{
	struct us_client_answer answer;
	int64_t wanted = 0, id = 0;
	int code = us_cli_call(cli, "GET", "/notice/target/", US_SLICE_NONE, &answer);

	if (code != US_EXIT_OK)
		return code;
	bool is_number = us_slice_to_int(us_slice(key), &wanted);
	for (size_t i = 0; answer.doc && answer.doc->type == US_JSON_ARRAY && i < answer.doc->array.n; i++) {
		const struct us_json *t = &answer.doc->array.items[i];
		if (us_slice_is(us_json_string(t, "name"), key)) {
			id = us_json_int(t, "id", 0);
			break;
		}
		if (is_number && us_json_int(t, "id", 0) == wanted)
			id = wanted;
	}
	if (!id)
		return us_cli_fail("no notice target \"%s\"; see 'usersync notice target list'", key);
	*ret_id = number(cli, id);
	return US_EXIT_OK;
}

int us_notice_target_show_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	const char *id;
	int code = find_target(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK)
		code = us_cli_call(cli, "GET", us_cli_path(cli, "/notice/target/%s", id), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		us_cli_print_raw(&answer);
	return code;
}

/* Names or numbers of connectors as their uniqueIds. */
static int put_connectors(struct us_cli *cli, struct us_jsonw *w, const char *list)
{
	struct us_str ids = US_STR_INIT;
	int code = US_EXIT_OK;

	while (list && *list && code == US_EXIT_OK) {
		const struct us_json *connector;
		size_t n = strcspn(list, ",");
		code = us_cli_find_connector(cli, us_arena_strndup(&cli->arena, list, n), &connector);
		if (code == US_EXIT_OK)
			us_str_printf(&ids, "%s%s", ids.n ? "," : "", us_cli_text(cli, connector, "uniqueId", ""));
		list += n + (list[n] == ',');
	}
	if (code == US_EXIT_OK && ids.n)
		us_cli_put_list(w, "connectors", us_str_text(&ids));
	us_str_fini(&ids);
	return code;
}

static int put_ca(struct us_cli *cli, struct us_jsonw *w, const char *path)
{
	char *text = us_arena_alloc(&cli->arena, MAX_PEM_BYTES);
	size_t n = 0;
	ssize_t got = 0;

	if (!path)
		return US_EXIT_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return us_cli_fail("cannot read %s", path);
	while (n < MAX_PEM_BYTES && (got = read(fd, text + n, MAX_PEM_BYTES - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (got < 0 || n == MAX_PEM_BYTES)
		return us_cli_fail("%s cannot be read, or is longer than %d bytes", path, MAX_PEM_BYTES - 1);
	us_jsonw_put_string(w, "caCertificate", (struct us_slice) { text, n });
	return US_EXIT_OK;
}

static int put_mail(struct us_cli *cli, struct us_jsonw *w)
{
	const char *port = us_cli_flag(cli, "port"), *login = us_cli_flag(cli, "login"),
			   *security = us_cli_flag(cli, "security");
	int64_t n = 0;

	if (port && !us_slice_to_int(us_slice(port), &n))
		return us_cli_misuse(cli, "'%s' is no port", port);
	us_cli_put_list(w, "to", us_cli_flag(cli, "mail"));
	us_jsonw_put_text(w, "server", us_cli_flag(cli, "server"));
	us_jsonw_put_text(w, "from", us_cli_flag(cli, "from"));
	if (port)
		us_jsonw_put_int(w, "port", n);
	if (security)
		us_jsonw_put_text(w, "security", security);
	if (!login)
		return US_EXIT_OK;
	const char *password = us_login_new_password(&cli->arena, login);
	if (!password || !*password)
		return us_cli_fail(
			"no password for %s: set USERSYNC_NEW_PASSWORD, or give it on standard input", login);
	us_jsonw_put_text(w, "user", login);
	us_jsonw_put_text(w, "password", password);
	return US_EXIT_OK;
}

static int post_target(struct us_cli *cli, struct us_slice body)
{
	struct us_client_answer answer;
	int code = us_cli_call(cli, "POST", "/notice/target/", body, &answer);

	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	printf(
		"added notice target %lld: %s\n", (long long)us_json_int(answer.doc, "id", 0), cli->args.operands[0]);
	const char *secret = us_cli_text(cli, answer.doc, "secret", NULL);
	if (secret)
		printf("signing secret, shown this once: %s\n", secret);
	return US_EXIT_OK;
}

int us_notice_target_add_run(struct us_cli *cli)
{
	const char *webhook = us_cli_flag(cli, "webhook"), *mail = us_cli_flag(cli, "mail");
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	int code = US_EXIT_OK;

	if (!webhook == !mail)
		return us_cli_misuse(cli, "want either --webhook or --mail");
	if (mail && (!us_cli_flag(cli, "server") || !us_cli_flag(cli, "from")))
		return us_cli_misuse(cli, "--mail needs --server and --from");
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "name", cli->args.operands[0]);
	us_jsonw_put_text(&w, "kind", webhook ? "webhook" : "mail");
	us_jsonw_key(&w, "configuration");
	us_jsonw_open(&w, '{');
	if (webhook)
		us_jsonw_put_text(&w, "url", webhook);
	else
		code = put_mail(cli, &w);
	us_cli_put_list(&w, "events", us_cli_flag(cli, "events"));
	if (code == US_EXIT_OK)
		code = put_connectors(cli, &w, us_cli_flag(cli, "connector"));
	if (code == US_EXIT_OK)
		code = put_ca(cli, &w, us_cli_flag(cli, "ca"));
	us_jsonw_close(&w, '}');
	us_jsonw_close(&w, '}');
	if (code == US_EXIT_OK)
		code = post_target(cli, us_str_slice(&body));
	us_str_fini(&body);
	return code;
}

static int read_target(struct us_cli *cli, const char *path, const struct us_json **ret_target)
{
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = us_output_read(path, &text, &err);

	if (rc == US_OK)
		rc = us_json_parse(&cli->arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, ret_target, &err);
	us_str_fini(&text);
	if (rc != US_OK)
		return us_cli_fail("%s: %s", path, err.text);
	return (*ret_target)->type == US_JSON_OBJECT ? US_EXIT_OK : us_cli_fail("%s holds no JSON object", path);
}

/* What `on` leaves as it is, is as in the file. */
static void write_target(struct us_jsonw *w, const struct us_json *target, const bool *on)
{
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < target->object.n; i++)
		if (!on || !us_slice_is(target->object.members[i].key, "enabled")) {
			us_jsonw_key_slice(w, target->object.members[i].key);
			us_jsonw_value(w, &target->object.members[i].value);
		}
	if (on)
		us_jsonw_put_bool(w, "enabled", *on);
	us_jsonw_close(w, '}');
}

int us_notice_target_change_run(struct us_cli *cli)
{
	const char *path = us_cli_flag(cli, "file"), *id;
	bool enable = us_cli_flag(cli, "enable"), disable = us_cli_flag(cli, "disable");
	struct us_client_answer answer;
	struct us_str body = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&body);
	const struct us_json *target = NULL;

	if (enable && disable)
		return us_cli_misuse(cli, "--enable and --disable do not go together");
	if (!path && !enable && !disable)
		return us_cli_misuse(cli, "want --file, --enable or --disable");
	int code = find_target(cli, cli->args.operands[0], &id);
	if (code == US_EXIT_OK && path)
		code = read_target(cli, path, &target);
	else if (code == US_EXIT_OK && (code = us_cli_call(cli, "GET", us_cli_path(cli, "/notice/target/%s", id), US_SLICE_NONE, &answer)) == US_EXIT_OK)
		target = answer.doc;
	if (code != US_EXIT_OK)
		return code;
	write_target(&w, target, enable || disable ? &enable : NULL);
	code = us_cli_call(cli, "PUT", us_cli_path(cli, "/notice/target/%s", id), us_str_slice(&body), &answer);
	us_str_fini(&body);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		printf("changed notice target %s: %s%s\n", id, us_cli_text(cli, answer.doc, "name", "?"),
			us_json_bool(answer.doc, "enabled", false) ? "" : ", switched off");
	return US_EXIT_OK;
}

int us_notice_target_test_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	const char *id;
	int code = find_target(cli, cli->args.operands[0], &id);

	if (code == US_EXIT_OK)
		code =
			us_cli_call(cli, "POST", us_cli_path(cli, "/notice/target/%s/test", id), US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		us_cli_print_raw(&answer);
	const struct us_json *messages = us_json_find(answer.doc, "messages");
	bool is_ok = us_json_bool(answer.doc, "ok", false);
	const char *said = messages && messages->type == US_JSON_ARRAY && messages->array.n &&
							   messages->array.items[0].type == US_JSON_STRING
						   ? us_arena_strndup(&cli->arena, messages->array.items[0].string.p,
								 messages->array.items[0].string.n)
						   : "no answer";
	if (!is_ok)
		return us_cli_fail("%s", said);
	if (!cli->as_json)
		puts(said);
	return US_EXIT_OK;
}

int us_notice_target_remove_run(struct us_cli *cli)
{
	struct us_client_answer answer;
	const char *id, *key = cli->args.operands[0];
	int code = find_target(cli, key, &id);

	if (code != US_EXIT_OK)
		return code;
	if (!us_cli_flag(cli, "yes") &&
		!us_cli_confirm(us_arena_printf(&cli->arena, "Remove notice target \"%s\" and its deliveries?", key)))
		return us_cli_fail("\"%s\" was not removed; without a terminal, say --yes", key);
	code = us_cli_call(cli, "DELETE", us_cli_path(cli, "/notice/target/%s", id), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK)
		printf("removed notice target \"%s\"\n", key);
	return code;
}

/* ---- deliveries ---- */

int us_notice_delivery_list_run(struct us_cli *cli)
{
	static const char *const states[][2] = { { "waiting", "WAITING" }, { "delivered", "DELIVERED" },
		{ "dead", "DEAD" } };
	const char *state = us_cli_flag(cli, "state"), *limit = us_cli_flag(cli, "limit"),
			   *path = "/notice/delivery/?limit=";
	struct us_client_answer answer;
	struct us_table table;
	int64_t n = 50;
	size_t i = 0;

	while (state && i < 3 && strcmp(state, states[i][0]) != 0 && strcmp(state, states[i][1]) != 0)
		i++;
	if (i == 3)
		return us_cli_misuse(cli, "'%s' is no state; want waiting, delivered or dead", state);
	if (limit && (!us_slice_to_int(us_slice(limit), &n) || n < 1 || n > 1000))
		return us_cli_misuse(cli, "'%s' is no number from 1 to 1000", limit);
	path = us_arena_printf(
		&cli->arena, "%s%lld%s%s", path, (long long)n, state ? "&state=" : "", state ? states[i][1] : "");
	int code = us_cli_call(cli, "GET", path, US_SLICE_NONE, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		return us_cli_print_raw(&answer), US_EXIT_OK;
	us_table_init(&table, (const char *const[]) { "#ID", "STATE", "TYPE", "TARGET", "CREATED", "#TRIES",
							  "NEXT TRY", "ERROR", NULL });
	const struct us_json *list = us_json_find(answer.doc, "deliveries");
	for (i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++) {
		const struct us_json *d = &list->array.items[i];
		us_table_add_int(&table, us_json_int(d, "id", 0));
		us_table_add(&table, us_json_string(d, "state"));
		us_table_add(&table, us_json_string(d, "type"));
		us_table_add(&table, us_json_string(d, "target"));
		us_table_add(&table, us_json_string(d, "created"));
		us_table_add_int(&table, us_json_int(d, "tries", 0));
		us_table_add(&table, us_json_string(d, "nextTry"));
		us_table_add(&table, us_json_string(d, "error"));
	}
	us_table_print(&table);
	us_table_fini(&table);
	return US_EXIT_OK;
}

static int change_delivery(struct us_cli *cli, const char *method, const char *format, const char *done)
{
	struct us_client_answer answer;
	const char *id = cli->args.operands[0];
	int64_t n;

	if (!us_slice_to_int(us_slice(id), &n))
		return us_cli_misuse(cli, "'%s' is no number of a delivery; see 'usersync notice delivery list'", id);
	int code = us_cli_call(cli, method, us_cli_path(cli, format, id), US_SLICE_NONE, &answer);
	if (code == US_EXIT_OK && cli->as_json && answer.body.n)
		us_cli_print_raw(&answer);
	else if (code == US_EXIT_OK)
		printf("delivery %s %s\n", id, done);
	return code;
}

int us_notice_delivery_retry_run(struct us_cli *cli)
{
	return change_delivery(cli, "POST", "/notice/delivery/%s/retry", "is sent again");
}

int us_notice_delivery_discard_run(struct us_cli *cli)
{
	return change_delivery(cli, "DELETE", "/notice/delivery/%s", "is forgotten");
}
