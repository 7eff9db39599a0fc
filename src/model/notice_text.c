#include "model/notice_text.h"

#include "base/clock.h"
#include "model/redact.h"

#define RUN_PATH "/rest/samlsso-admin/1.0/usersync/syncstatus/"

/* ---- the sentence ---- */

static void add_held(const struct us_notice *n, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *held = NULL;

	if (n->held.n)
		us_json_parse(&arena, n->held, US_JSON_LIMITS_SMALL, &held, NULL);
	us_str_printf(out,
		"Run %lld of connector \"" US_SLICE_FMT "\" is held by the rule " US_SLICE_FMT
		": %lld of %lld, limit %lld. "
		"Nothing was changed. Approve it with 'usersync approve %lld', drop it with 'usersync reject %lld'.",
		(long long)n->run, US_SLICE_ARG(n->connector_name), US_SLICE_ARG(us_json_string(held, "rule")),
		(long long)us_json_int(held, "found", 0), (long long)us_json_int(held, "of", 0),
		(long long)us_json_int(held, "limit", 0), (long long)n->run, (long long)n->run);
	us_arena_fini(&arena);
}

/* Why the run failed: what cut its read short, else what it said last. */
static void add_reason(const struct us_notice *n, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *list = NULL;
	struct us_slice reason = US_SLICE_NONE;
	static const char cut[] = "Incomplete read: ";

	if (n->messages.n && us_json_parse(&arena, n->messages, US_JSON_LIMITS_PAGE, &list, NULL) == US_OK && list->type == US_JSON_ARRAY)
		for (size_t i = 0; i < list->array.n; i++) {
			const struct us_json *m = &list->array.items[i];
			if (m->type != US_JSON_STRING)
				continue;
			reason = m->string;
			if (reason.n > sizeof cut && memcmp(reason.p, cut, sizeof cut - 1) == 0)
				break;
		}
	us_redact_text(reason, out);
	us_arena_fini(&arena);
}

static void add_sentence(const struct us_notice *n, struct us_str *out)
{
	char time[US_CLOCK_ISO_BYTES];
	struct us_slice name = n->connector_name;

	switch (n->event) {
	case US_NOTICE_FAILED:
		us_str_printf(out,
			"The full sync of connector \"" US_SLICE_FMT
			"\" has failed %lld time%s in a row, last in run %lld: ",
			US_SLICE_ARG(name), (long long)n->failures, n->failures == 1 ? "" : "s", (long long)n->run);
		add_reason(n, out);
		break;
	case US_NOTICE_HELD:
		add_held(n, out);
		break;
	case US_NOTICE_RECOVERED:
		us_str_printf(out, "Connector \"" US_SLICE_FMT "\" is well again: run %lld is done.",
			US_SLICE_ARG(name), (long long)n->run);
		break;
	case US_NOTICE_OVERDUE:
		us_str_printf(out,
			n->never ? "No full sync of connector \"" US_SLICE_FMT
					   "\" has ended well since it was created at %s."
					 : "No full sync of connector \"" US_SLICE_FMT "\" has ended well since %s.",
			US_SLICE_ARG(name), us_clock_format(n->since_s, time));
		break;
	case US_NOTICE_EXPIRING:
		us_clock_format(n->expires_s, time);
		us_str_printf(out, "The secret of connector \"" US_SLICE_FMT "\" ", US_SLICE_ARG(name));
		if (n->days > 0)
			us_str_printf(
				out, "expires on %.10s, in %lld day%s.", time, (long long)n->days, n->days == 1 ? "" : "s");
		else
			us_str_printf(out, "expired on %.10s.", time);
		break;
	case US_NOTICE_TEST:
		us_str_add_text(out, "This is a test: notices of usersync arrive here.");
		break;
	case US_NOTICE_COUNT:
		us_assert(!"an event");
	}
}

/* ---- the body ---- */

static void put_time(struct us_jsonw *w, const char *key, int64_t wall_s)
{
	char text[US_CLOCK_ISO_BYTES];

	us_jsonw_put_text(w, key, us_clock_format(wall_s, text));
}

static void put_outcomes(struct us_jsonw *w, const char *key, const int64_t counts[US_OUTCOME_COUNT])
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '{');
	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		if (counts[i])
			us_jsonw_put_int(w, us_outcome_text((enum us_outcome)i), counts[i]);
	us_jsonw_close(w, '}');
}

static void put_counts(struct us_jsonw *w, const struct us_report *r)
{
	us_jsonw_key(w, "counts");
	us_jsonw_open(w, '{');
	put_outcomes(w, "users", r->users);
	put_outcomes(w, "groups", r->groups);
	us_jsonw_key(w, "memberships");
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "added", r->memberships_added);
	us_jsonw_put_int(w, "removed", r->memberships_removed);
	us_jsonw_close(w, '}');
	us_jsonw_close(w, '}');
}

/* The numbers alone, whatever else is kept with the run. */
static void put_held(struct us_jsonw *w, struct us_slice text)
{
	static const char *const numbers[] = { "found", "of", "limit" };
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *held = NULL;

	if (text.n)
		us_json_parse(&arena, text, US_JSON_LIMITS_SMALL, &held, NULL);
	us_jsonw_key(w, "held");
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "rule", us_json_string(held, "rule"));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		us_jsonw_put_int(w, numbers[i], us_json_int(held, numbers[i], 0));
	us_jsonw_close(w, '}');
	us_arena_fini(&arena);
}

static void put_decisions(struct us_jsonw *w, int64_t run)
{
	static const char *const words[] = { "approve", "reject" };
	struct us_str text = US_STR_INIT;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		us_jsonw_key(w, words[i]);
		us_jsonw_open(w, '{');
		us_str_clear(&text);
		us_str_printf(&text, "usersync %s %lld", words[i], (long long)run);
		us_jsonw_put_string(w, "command", us_str_slice(&text));
		us_jsonw_put_text(w, "method", "POST");
		us_str_clear(&text);
		us_str_printf(&text, RUN_PATH "%lld/%s", (long long)run, words[i]);
		us_jsonw_put_string(w, "path", us_str_slice(&text));
		us_jsonw_close(w, '}');
	}
	us_str_fini(&text);
}

static void put_data(struct us_jsonw *w, const struct us_notice *n)
{
	struct us_str sentence = US_STR_INIT;
	char date[US_CLOCK_ISO_BYTES];

	add_sentence(n, &sentence);
	us_jsonw_key(w, "data");
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "text", us_str_slice(&sentence));
	us_str_fini(&sentence);
	if (n->connector) {
		us_jsonw_key(w, "connector");
		us_jsonw_open(w, '{');
		us_jsonw_put_int(w, "id", n->connector);
		us_jsonw_put_string(w, "uniqueId", n->connector_uuid);
		us_jsonw_put_string(w, "name", n->connector_name);
		us_jsonw_close(w, '}');
	}
	if (n->run) {
		us_jsonw_key(w, "run");
		us_jsonw_open(w, '{');
		us_jsonw_put_int(w, "id", n->run);
		us_jsonw_put_text(w, "kind", us_run_kind_text(n->kind));
		us_jsonw_put_text(w, "status", us_run_status_text(n->status));
		if (n->report)
			put_counts(w, n->report);
		us_jsonw_close(w, '}');
	}
	if (n->event == US_NOTICE_FAILED) {
		struct us_str reason = US_STR_INIT;
		us_jsonw_put_int(w, "failures", n->failures);
		add_reason(n, &reason);
		us_jsonw_put_string(w, "reason", us_str_slice(&reason));
		us_str_fini(&reason);
	}
	if (n->event == US_NOTICE_HELD) {
		put_held(w, n->held);
		put_decisions(w, n->run);
	}
	if (n->event == US_NOTICE_OVERDUE) {
		us_jsonw_put_bool(w, "never", n->never);
		put_time(w, "since", n->since_s);
	}
	if (n->event == US_NOTICE_EXPIRING) {
		us_clock_format(n->expires_s, date);
		us_jsonw_key(w, "expires");
		us_jsonw_string(w, (struct us_slice) { date, 10 });
		us_jsonw_put_int(w, "days", n->days);
	}
	us_jsonw_close(w, '}');
}

void us_notice_write_body(const struct us_notice *notice, const struct us_notice_left_out *left_out,
	size_t n_left_out, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "type", us_notice_event_text(notice->event));
	put_time(&w, "timestamp", notice->at_s);
	put_data(&w, notice);
	us_jsonw_key(&w, "leftOut");
	us_jsonw_open(&w, '[');
	for (size_t i = 0; i < n_left_out; i++) {
		us_jsonw_open(&w, '{');
		us_jsonw_put_string(&w, "type", left_out[i].event);
		us_jsonw_put_string(&w, "connector", left_out[i].connector_name);
		us_jsonw_put_int(&w, "count", left_out[i].count);
		us_jsonw_close(&w, '}');
	}
	us_jsonw_close(&w, ']');
	us_jsonw_close(&w, '}');
}

/* ---- the mail ---- */

void us_notice_write_subject(const struct us_json *body, struct us_str *out)
{
	static const char *const phrases[] = {
		[US_NOTICE_FAILED] = "sync failed",
		[US_NOTICE_HELD] = "sync held, please decide",
		[US_NOTICE_RECOVERED] = "sync is well again",
		[US_NOTICE_OVERDUE] = "sync is overdue",
		[US_NOTICE_EXPIRING] = "secret expires",
		[US_NOTICE_TEST] = "test",
	};
	const struct us_json *connector = us_json_find(us_json_find(body, "data"), "connector");
	enum us_notice_event event;

	us_str_add_text(out, "[usersync] ");
	if (connector)
		us_str_printf(out, US_SLICE_FMT ": ", US_SLICE_ARG(us_json_string(connector, "name")));
	us_str_add_text(
		out, us_notice_event_parse(us_json_string(body, "type"), &event) ? phrases[event] : "notice");
}

static void add_outcomes(const char *what, const struct us_json *counts, struct us_str *out)
{
	if (!counts || counts->type != US_JSON_OBJECT || !counts->object.n)
		return;
	us_str_printf(out, "%s:", what);
	for (size_t i = 0; i < counts->object.n; i++) {
		const struct us_json_member *m = &counts->object.members[i];
		if (m->value.type == US_JSON_INT)
			us_str_printf(out, "%s " US_SLICE_FMT " %lld", i ? "," : "", US_SLICE_ARG(m->key),
				(long long)m->value.integer);
	}
	us_str_add_char(out, '\n');
}

void us_notice_write_text(const struct us_json *body, struct us_str *out)
{
	const struct us_json *data = us_json_find(body, "data"), *left_out = us_json_find(body, "leftOut");
	const struct us_json *run = us_json_find(data, "run"), *counts = us_json_find(run, "counts");

	us_str_printf(out, US_SLICE_FMT "\n\nTime: " US_SLICE_FMT "\n",
		US_SLICE_ARG(us_json_string(data, "text")), US_SLICE_ARG(us_json_string(body, "timestamp")));
	if (run)
		us_str_printf(out, "Run: %lld (" US_SLICE_FMT ", " US_SLICE_FMT "); see 'usersync results %lld'\n",
			(long long)us_json_int(run, "id", 0), US_SLICE_ARG(us_json_string(run, "kind")),
			US_SLICE_ARG(us_json_string(run, "status")), (long long)us_json_int(run, "id", 0));
	add_outcomes("Users", us_json_find(counts, "users"), out);
	add_outcomes("Groups", us_json_find(counts, "groups"), out);
	add_outcomes("Memberships", us_json_find(counts, "memberships"), out);
	for (size_t i = 0; left_out && left_out->type == US_JSON_ARRAY && i < left_out->array.n; i++) {
		const struct us_json *row = &left_out->array.items[i];
		int64_t count = us_json_int(row, "count", 0);
		us_str_printf(out,
			"%sNot sent since the last notice: " US_SLICE_FMT " of \"" US_SLICE_FMT "\", %lld time%s\n",
			i ? "" : "\n", US_SLICE_ARG(us_json_string(row, "type")),
			US_SLICE_ARG(us_json_string(row, "connector")), (long long) count, count == 1 ? "" : "s");
	}
}
