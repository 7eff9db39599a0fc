#include "cmd/report.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/table.h"

static bool is_status(const struct us_json *status, const char *text) { return us_slice_is(us_json_string(status, "status"), text); }

bool us_report_is_over(const struct us_json *status) { return !is_status(status, "SCHEDULED") && !is_status(status, "RUNNING"); }

/* The run that holds its cleanup for a decision; 0: none. */
static long long held_part(const struct us_json *status)
{
	const struct us_json *held = us_json_find(status, "held");
	bool is_over = us_json_string(status, "decidedBy").n > 0 || us_json_bool(held, "expired", false) ||
		us_json_bool(held, "overtaken", false);

	return is_over ? 0 : (long long) us_json_int(held, "run", 0);
}

void us_report_waiting(const struct us_json *connector, const struct us_json *shown, FILE *out)
{
	long long run = (long long) us_json_int(connector, "heldRun", 0);
	bool is_said = shown && (held_part(shown) == run || us_json_int(shown, "id", 0) == run);

	if (run && !is_said)
		fprintf(out, "Run %lld waits for a decision: usersync results %lld; then usersync approve %lld, or usersync reject %lld.\n", run, run, run, run);
}

int us_report_exit(const struct us_json *status)
{
	if (is_status(status, "HELD") || held_part(status))
		return US_EXIT_HELD;
	return is_status(status, "DONE") || !us_report_is_over(status) ? US_EXIT_OK : US_EXIT_FAILED;
}

static void print_counts(const struct us_json *counts, const char *title, const char *const names[][2])
{
	int printed = 0;

	printf("  %-12s", title);
	for (int i = 0; names[i][0]; i++) {
		int64_t n = us_json_int(counts, names[i][0], 0);
		if (n || i == 0)
			printf("%s%lld %s", printed++ ? ", " : "", (long long) n, names[i][1]);
	}
	putchar('\n');
}

/* Counters of a nested object, whatever they are called there. */
static void print_nested(const struct us_json *status, const char *key)
{
	const struct us_json *counts = us_json_find(status, key);
	int printed = 0;

	if (!counts || counts->type != US_JSON_OBJECT)
		return;
	printf("  %-12s", key);
	for (size_t i = 0; i < counts->object.n; i++) {
		const struct us_json_member *m = &counts->object.members[i];
		if (m->value.type != US_JSON_INT || m->value.integer == 0)
			continue;
		/* "notModifiedCount" reads "not modified" */
		struct us_slice name = m->key;
		if (name.n > 5 && memcmp(name.p + name.n - 5, "Count", 5) == 0)
			name.n -= 5;
		printf("%s%lld ", printed++ ? ", " : "", (long long) m->value.integer);
		for (size_t j = 0; j < name.n; j++)
			if (name.p[j] >= 'A' && name.p[j] <= 'Z')
				printf(" %c", name.p[j] + 32);
			else
				putchar(name.p[j]);
	}
	puts(printed ? "" : "none changed");
}

void us_report_print(struct us_cli *cli, const struct us_json *status)
{
	static const char *const users[][2] = { { "resultCount", "in all" }, { "addedCount", "added" }, { "updatedCount", "updated" },
		{ "renamedCount", "renamed" }, { "notModifiedCount", "not modified" }, { "filteredCount", "filtered" }, { "failedCount", "failed" },
		{ "disabledCount", "disabled" }, { "deletedCount", "deleted" }, { "anonymizedCount", "anonymized" }, { "heldCount", "held" }, { NULL, NULL } };
	long long run = (long long) us_json_int(status, "id", 0);

	const char *trigger = us_cli_text(cli, status, "trigger", "");
	printf("run %lld: %s %s, %s%s, %s\n", run, us_cli_text(cli, status, "kind", "full"), us_cli_text(cli, status, "status", "?"),
		us_cli_text(cli, status, "created", "?"),
		strcmp(trigger, "schedule") == 0 ? " by schedule" : strcmp(trigger, "missed") == 0 ? " by schedule, for missed runs" : "", us_cli_span(cli, us_json_int(status, "duration", 0)));
	print_counts(status, "users", users);
	print_nested(status, "groups");
	print_nested(status, "memberships");
	const struct us_json *messages = us_json_find(status, "messages");
	for (size_t i = 0; messages && messages->type == US_JSON_ARRAY && i < messages->array.n; i++) {
		struct us_str clean = US_STR_INIT;
		if (messages->array.items[i].type == US_JSON_STRING)
			us_table_clean(&clean, messages->array.items[i].string);
		printf("  %s\n", us_str_text(&clean));
		us_str_fini(&clean);
	}
	if (held_part(status))
		printf("See what waits: usersync results %lld; then usersync approve %lld, or usersync reject %lld.\n", held_part(status),
			held_part(status), held_part(status));
	if (is_status(status, "HELD"))
		printf("Nothing was changed. See what it would do: usersync results %lld; then usersync approve %lld, or usersync reject %lld.\n", run,
			run, run);
}

struct follow {
	bool on_terminal;
	bool drew;          /* the bar stands on the current line */
	char said[32];      /* phase of the last plain line */
};

static void draw_bar(const char *phase, int64_t done, int64_t total)
{
	struct winsize size;
	int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
	int width = columns - 44 > 40 ? 40 : columns - 44;
	int64_t filled = 0;

	if (total > 0 && width > 0)
		filled = done >= total ? width : done * width / total;
	fprintf(stderr, "\r\033[K%-9s ", phase);
	if (total > 0 && width > 0) {
		fputc('[', stderr);
		for (int i = 0; i < width; i++)
			fputc(i < filled ? '#' : '.', stderr);
		fprintf(stderr, "] %lld of about %lld", (long long) done, (long long) total);
	} else {
		fprintf(stderr, "%lld", (long long) done);
	}
	fflush(stderr);
}

static void show(struct us_cli *cli, struct follow *follow, const struct us_json *status)
{
	const struct us_json *progress = us_json_find(status, "progress");
	const char *phase = us_cli_text(cli, progress, "phase", is_status(status, "SCHEDULED") ? "scheduled" : "running");
	int64_t total = us_json_int(progress, "totalUsers", 0), done = us_json_int(progress, "users", 0);

	if (strcmp(phase, "apply") == 0) {
		done = us_json_int(progress, "applied", 0);
		total = us_json_int(progress, "changes", 0);
	}
	if (follow->on_terminal) {
		draw_bar(phase, done, total);
		follow->drew = true;
	} else if (strcmp(follow->said, phase) != 0) {
		snprintf(follow->said, sizeof follow->said, "%s", phase);
		fprintf(stderr, "run %lld: %s\n", (long long) us_json_int(status, "id", 0), phase);
	}
}

int us_report_follow(struct us_cli *cli, int64_t run, int64_t timeout_s, struct us_client_answer *ret_answer)
{
	const char *path = us_cli_path(cli, "/usersync/syncstatus/%s", us_arena_printf(&cli->arena, "%lld", (long long) run));
	int64_t deadline_ms = timeout_s ? us_clock_monotonic_ms() + timeout_s * 1000 : INT64_MAX, pause_ms = 20;
	struct follow follow = { .on_terminal = isatty(STDERR_FILENO) && !cli->as_json };
	int code;

	for (;;) {
		code = us_cli_call(cli, "GET", path, US_SLICE_NONE, ret_answer);
		if (code != US_EXIT_OK || us_report_is_over(ret_answer->doc))
			break;
		if (!cli->as_json)
			show(cli, &follow, ret_answer->doc);
		if (us_clock_monotonic_ms() + pause_ms > deadline_ms) {
			if (follow.drew)
				fputs("\r\033[K", stderr);
			return us_cli_fail("run %lld is still %s after %s", (long long) run, us_cli_text(cli, ret_answer->doc, "status", "?"),
				us_cli_span(cli, timeout_s));
		}
		nanosleep(&(struct timespec) { pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
		pause_ms = pause_ms * 3 / 2 > 500 ? 500 : pause_ms * 3 / 2;
	}
	if (follow.drew)
		fputs("\r\033[K", stderr);
	return code;
}

int us_report_wait(struct us_cli *cli, int64_t run, const char *timeout)
{
	struct us_client_answer answer;
	int64_t timeout_s = 0;

	if (timeout && !us_args_duration(timeout, &timeout_s))
		return us_cli_misuse(cli, "'%s' is no duration; want something like 90s, 15m or 2h", timeout);
	int code = us_report_follow(cli, run, timeout_s, &answer);
	if (code != US_EXIT_OK)
		return code;
	if (cli->as_json)
		us_cli_print_raw(&answer);
	else
		us_report_print(cli, answer.doc);
	return us_report_exit(answer.doc);
}
