/* check: one line and an exit code, as monitoring plug-ins give them.
 * Spec: Monitoring Plugins Development Guidelines, "Plugin Output" and "Threshold and Ranges" (2026-11-23).
 */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/table.h"
#include "cmd/verbs.h"

enum state { OK, WARNING, CRITICAL, UNKNOWN };

static const char *const state_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* '|' would begin the perfdata. */
static int say(enum state state, const char *text, const char *perfdata)
{
	struct us_str clean = US_STR_INIT;

	us_table_clean(&clean, us_slice(text));
	for (size_t i = 0; i < clean.n; i++)
		if (clean.p[i] == '|')
			clean.p[i] = '/';
	printf("USERSYNC %s - %s%s%s\n", state_names[state], us_str_text(&clean), *perfdata ? " | " : "", perfdata);
	us_str_fini(&clean);
	return (int) state;
}

static int64_t time_of(const struct us_json *run, const char *key)
{
	int64_t t = 0;
	struct us_slice text = us_json_string(run, key);

	return text.p && us_clock_parse(text, &t) ? t : 0;
}

static bool is_text(const struct us_json *run, const char *key, const char *text) { return us_slice_is(us_json_string(run, key), text); }

/* Whether the run says anything about the state of the directory as a whole. */
static bool is_whole(const struct us_json *run) { return is_text(run, "kind", "full") || is_text(run, "kind", "delta"); }

static const char *last_message(struct us_cli *cli, const struct us_json *run)
{
	const struct us_json *messages = us_json_find(run, "messages");

	if (!messages || messages->type != US_JSON_ARRAY || messages->array.n == 0 || messages->array.items[messages->array.n - 1].type != US_JSON_STRING)
		return "no message";
	struct us_slice s = messages->array.items[messages->array.n - 1].string;
	return us_arena_strndup(&cli->arena, s.p, s.n);
}

struct found {
	const struct us_json *ended; /* the newest whole run that is over */
	const struct us_json *good;  /* the newest whole run that is DONE */
};

static void look(const struct us_json *runs, struct found *found)
{
	for (size_t i = 0; i < runs->array.n && !found->good; i++) {
		const struct us_json *run = &runs->array.items[i];
		/* What a full run left to a decision is as good as that run's own end. */
		if (!found->ended && is_text(run, "kind", "cleanup") && is_text(run, "status", "HELD"))
			found->ended = run;
		if (!is_whole(run) || is_text(run, "status", "SCHEDULED") || is_text(run, "status", "RUNNING"))
			continue;
		if (!found->ended)
			found->ended = run;
		if (is_text(run, "status", "DONE"))
			found->good = run;
	}
}

static int judge(struct us_cli *cli, const char *name, bool is_enabled, const struct found *found, int64_t warn_s, int64_t max_s)
{
	const struct us_json *good = found->good, *ended = found->ended;
	int64_t age_s = good ? us_clock_wall_s() - time_of(good, "lastModified") : -1;
	const char *perfdata = "";
	enum state state = OK;
	const char *text;

	if (age_s < 0 && good)
		age_s = 0; /* the server's clock is ahead */
	if (good) {
		const char *warn = warn_s ? us_arena_printf(&cli->arena, "%lld", (long long) warn_s) : "";
		perfdata = us_arena_printf(&cli->arena, "age=%llds;%s;%lld;0 duration=%llds;;;0 users=%lld;;;0 added=%lld;;;0 updated=%lld;;;0 failed=%lld;0;;0",
			(long long) age_s, warn, (long long) max_s, (long long) us_json_int(good, "duration", 0),
			(long long) us_json_int(good, "resultCount", 0), (long long) us_json_int(good, "addedCount", 0),
			(long long) us_json_int(good, "updatedCount", 0), (long long) us_json_int(good, "failedCount", 0));
	}
	if (!ended)
		return say(CRITICAL, us_arena_printf(&cli->arena, "%s was never synced", name), perfdata);
	long long run = (long long) us_json_int(ended, "id", 0);
	const char *status = us_cli_text(cli, ended, "status", "?");
	if (!is_text(ended, "status", "DONE"))
		text = us_arena_printf(&cli->arena, "%s: run %lld %s: %s", name, run, status, last_message(cli, ended));
	else
		text = us_arena_printf(&cli->arena, "%s: synced %s ago, %lld users, %lld added, %lld updated, %lld failed", name, us_cli_span(cli, age_s),
			(long long) us_json_int(good, "resultCount", 0), (long long) us_json_int(good, "addedCount", 0),
			(long long) us_json_int(good, "updatedCount", 0), (long long) us_json_int(good, "failedCount", 0));

	if (is_text(ended, "status", "FAILED"))
		state = CRITICAL;
	else if (!is_text(ended, "status", "DONE") || us_json_int(ended, "failedCount", 0) > 0)
		state = WARNING;
	if (warn_s && age_s > warn_s && state == OK)
		state = WARNING;
	if (!good || age_s > max_s) {
		state = CRITICAL;
		text = good ? us_arena_printf(&cli->arena, "%s (limit %s, last good run %s ago)", text, us_cli_span(cli, max_s), us_cli_span(cli, age_s))
			    : us_arena_printf(&cli->arena, "%s (no good run at all)", text);
	}
	if (!is_enabled && state == OK) {
		state = WARNING;
		text = us_arena_printf(&cli->arena, "%s (connector is disabled)", text);
	}
	return say(state, text, perfdata);
}

int us_check_run(struct us_cli *cli)
{
	const char *max_age = us_cli_flag(cli, "max-age"), *warn_age = us_cli_flag(cli, "warn-age");
	int64_t max_s = 0, warn_s = 0;
	struct us_client_answer list, runs;
	struct us_err err = US_ERR_INIT;
	const char *key = cli->args.operands[0];
	const struct us_json *connector = NULL;
	struct found found = { 0 };

	if (!max_age)
		return say(UNKNOWN, "missing --max-age; want something like 2h", "");
	if (!us_args_duration(max_age, &max_s) || max_s == 0)
		return say(UNKNOWN, us_arena_printf(&cli->arena, "'%s' is no duration; want something like 90s, 15m or 2h", max_age), "");
	if (warn_age && (!us_args_duration(warn_age, &warn_s) || warn_s == 0))
		return say(UNKNOWN, us_arena_printf(&cli->arena, "'%s' is no duration; want something like 90s, 15m or 2h", warn_age), "");
	if (us_cli_try(cli, "GET", "/usersync/connector/", US_SLICE_NONE, &list, &err) != US_OK)
		return say(UNKNOWN, err.text, "");
	if (!us_cli_match_connector(list.doc, key, &connector))
		return say(UNKNOWN, us_arena_printf(&cli->arena, "no connector \"%s\"", key), "");
	const char *uuid = us_cli_text(cli, connector, "uniqueId", "");
	for (const char *cursor = ""; cursor && !found.good;) {
		const char *path = us_cli_path(cli, *cursor ? "/usersync/connector/%s/syncstatuses?limit=100&cursor=%s"
			: "/usersync/connector/%s/syncstatuses?limit=100", uuid, cursor);
		if (us_cli_try(cli, "GET", path, US_SLICE_NONE, &runs, &err) != US_OK)
			return say(UNKNOWN, err.text, "");
		const struct us_json *rows = us_json_find(runs.doc, "runs");
		if (!rows || rows->type != US_JSON_ARRAY)
			return say(UNKNOWN, "the server's answer holds no list of runs", "");
		look(rows, &found);
		cursor = us_cli_text(cli, runs.doc, "cursor", NULL);
	}
	return judge(cli, us_cli_text(cli, connector, "name", key), us_json_bool(connector, "enabled", true), &found, warn_s, max_s);
}
