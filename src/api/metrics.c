#include "api/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "api/follow.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "store/directory.h"
#include "store/hook.h"
#include "store/outbox.h"
#include "store/pushed.h"
#include "store/run_stats.h"
#include "store/subscription.h"

enum { CLASSES = 6, BUCKETS = 12 };

/* Upper bounds of the histogram's buckets. */
static const struct {
	int64_t us;
	const char *text;
} bounds[BUCKETS] = {
	{ 100, "0.0001" }, { 250, "0.00025" }, { 500, "0.0005" }, { 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" },
	{ 10000, "0.01" }, { 50000, "0.05" }, { 100000, "0.1" }, { 500000, "0.5" }, { 5000000, "5" }, { 30000000, "30" },
};

static const char *const class_texts[CLASSES] = { "gone", "1xx", "2xx", "3xx", "4xx", "5xx" };

struct figures {
	_Atomic int64_t requests[CLASSES];
	_Atomic int64_t buckets[BUCKETS + 1]; /* not yet summed up */
	_Atomic int64_t total_us;
};

struct us_metrics {
	const char *const *others; /* labels that follow the table of routes */
	size_t n_routes, n;        /* rows of the table; labels in all */
	struct figures labels[];   /* by row; the one behind them: no label */
};

struct us_metrics *us_metrics_new(const char *const *others)
{
	size_t n_routes = 0, n_others = 0;

	while (us_routes[n_routes].path)
		n_routes++;
	while (others && others[n_others])
		n_others++;
	struct us_metrics *metrics = us_calloc(1, sizeof *metrics + (n_routes + n_others + 1) * sizeof *metrics->labels);
	metrics->others = others;
	metrics->n_routes = n_routes;
	metrics->n = n_routes + n_others;
	return metrics;
}

void us_metrics_free(struct us_metrics *metrics) { free(metrics); }

static const char *label_of(const struct us_metrics *metrics, size_t i)
{
	return i < metrics->n_routes ? us_routes[i].operation : i < metrics->n ? metrics->others[i - metrics->n_routes] : "none";
}

/* From the end: what is asked most, the applications' protocols, stands behind the routes. */
static struct figures *figures_of(struct us_metrics *metrics, const char *label)
{
	for (size_t i = metrics->n; i-- > 0;)
		if (label_of(metrics, i) == label)
			return &metrics->labels[i];
	return &metrics->labels[metrics->n];
}

void us_metrics_note(struct us_metrics *metrics, const char *label, int status, int64_t duration_us)
{
	struct figures *f = figures_of(metrics, label);
	int bucket = 0;

	while (bucket < BUCKETS && duration_us > bounds[bucket].us)
		bucket++;
	atomic_fetch_add_explicit(&f->requests[status >= 100 && status < 600 ? status / 100 : 0], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->total_us, duration_us, memory_order_relaxed);
}

static void add_head(struct us_str *out, const char *name, const char *type, const char *help)
{
	us_str_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_http(struct us_str *out, struct us_metrics *metrics)
{
	add_head(out, "usersync_http_requests_total", "counter", "Requests by operation and class of status.");
	for (size_t i = 0; i <= metrics->n; i++)
		for (int class = 0; class < CLASSES; class++) {
			int64_t n = atomic_load_explicit(&metrics->labels[i].requests[class], memory_order_relaxed);
			if (n)
				us_str_printf(out, "usersync_http_requests_total{operation=\"%s\",status=\"%s\"} %lld\n",
					label_of(metrics, i), class_texts[class], (long long) n);
		}
	add_head(out, "usersync_http_request_duration_seconds", "histogram", "Time from the request line to the end of the answer.");
	for (size_t i = 0; i <= metrics->n; i++) {
		struct figures *f = &metrics->labels[i];
		const char *operation = label_of(metrics, i);
		int64_t sum = 0, counts[BUCKETS + 1];
		for (int b = 0; b <= BUCKETS; b++)
			sum += counts[b] = atomic_load_explicit(&f->buckets[b], memory_order_relaxed);
		if (!sum)
			continue;
		sum = 0;
		for (int b = 0; b < BUCKETS; b++)
			us_str_printf(out, "usersync_http_request_duration_seconds_bucket{operation=\"%s\",le=\"%s\"} %lld\n", operation, bounds[b].text,
				(long long) (sum += counts[b]));
		sum += counts[BUCKETS];
		us_str_printf(out, "usersync_http_request_duration_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %lld\n", operation, (long long) sum);
		us_str_printf(out, "usersync_http_request_duration_seconds_sum{operation=\"%s\"} %.6f\n", operation,
			(double) atomic_load_explicit(&f->total_us, memory_order_relaxed) / 1e6);
		us_str_printf(out, "usersync_http_request_duration_seconds_count{operation=\"%s\"} %lld\n", operation, (long long) sum);
	}
}

static void add_one(struct us_str *out, const char *name, const char *type, const char *help, int64_t value)
{
	add_head(out, name, type, help);
	us_str_printf(out, "%s %lld\n", name, (long long) value);
}

/* What a counter counts must not come back: runs under way and held ones are counted once they have ended. */
static bool is_final(enum us_run_status status)
{
	return status != US_RUN_SCHEDULED && status != US_RUN_RUNNING && status != US_RUN_HELD;
}

/* Connectors are told apart by their uniqueId: names may be anybody's words. */
static void add_runs(struct us_str *out, const struct us_run_stats *list, size_t n)
{
	add_head(out, "usersync_runs_total", "counter", "Runs that have ended, by connector, kind and status.");
	for (size_t i = 0; i < n; i++)
		for (int kind = 0; kind < US_RUN_KIND_COUNT; kind++)
			for (int status = 0; status < US_RUN_STATUS_COUNT; status++)
				if (is_final((enum us_run_status) status) && list[i].runs[kind][status])
					us_str_printf(out, "usersync_runs_total{connector=\"" US_SLICE_FMT "\",kind=\"%s\",status=\"%s\"} %lld\n",
						US_SLICE_ARG(list[i].connector_uuid), us_run_kind_text((enum us_run_kind) kind),
						us_run_status_text((enum us_run_status) status), (long long) list[i].runs[kind][status]);
	add_head(out, "usersync_runs_held", "gauge", "Runs that wait for a decision.");
	for (size_t i = 0; i < n; i++) {
		int64_t held = 0;
		for (int kind = 0; kind < US_RUN_KIND_COUNT; kind++)
			held += list[i].runs[kind][US_RUN_HELD];
		us_str_printf(out, "usersync_runs_held{connector=\"" US_SLICE_FMT "\"} %lld\n", US_SLICE_ARG(list[i].connector_uuid), (long long) held);
	}
	add_head(out, "usersync_last_success_timestamp_seconds", "gauge", "When the last full sync that ended well ended.");
	for (size_t i = 0; i < n; i++)
		if (list[i].success_at)
			us_str_printf(out, "usersync_last_success_timestamp_seconds{connector=\"" US_SLICE_FMT "\"} %lld\n",
				US_SLICE_ARG(list[i].connector_uuid), (long long) list[i].success_at);
	add_head(out, "usersync_last_success_duration_seconds", "gauge", "How long it took.");
	for (size_t i = 0; i < n; i++)
		if (list[i].success_at)
			us_str_printf(out, "usersync_last_success_duration_seconds{connector=\"" US_SLICE_FMT "\"} %lld\n",
				US_SLICE_ARG(list[i].connector_uuid), (long long) list[i].success_s);
	add_head(out, "usersync_last_success_objects", "gauge", "What became of its users and groups.");
	for (size_t i = 0; i < n; i++)
		for (int outcome = 0; list[i].success_at && outcome < US_OUTCOME_COUNT; outcome++) {
			us_str_printf(out, "usersync_last_success_objects{connector=\"" US_SLICE_FMT "\",object=\"user\",outcome=\"%s\"} %lld\n",
				US_SLICE_ARG(list[i].connector_uuid), us_outcome_text((enum us_outcome) outcome), (long long) list[i].success.users[outcome]);
			us_str_printf(out, "usersync_last_success_objects{connector=\"" US_SLICE_FMT "\",object=\"group\",outcome=\"%s\"} %lld\n",
				US_SLICE_ARG(list[i].connector_uuid), us_outcome_text((enum us_outcome) outcome), (long long) list[i].success.groups[outcome]);
		}
}

static void add_schedules(struct us_str *out, struct us_call *call, const struct us_run_stats *list, size_t n)
{
	struct us_timer_view *views = us_arena_array(call->arena, n, sizeof *views);

	for (size_t i = 0; i < n; i++)
		us_timer_show(call->api->conf.timer, list[i].connector, call->arena, &views[i]);
	add_head(out, "usersync_schedule_next_timestamp_seconds", "gauge", "When the schedule starts the next run.");
	for (size_t i = 0; i < n; i++)
		if (views[i].n)
			us_str_printf(out, "usersync_schedule_next_timestamp_seconds{connector=\"" US_SLICE_FMT "\"} %lld\n",
				US_SLICE_ARG(list[i].connector_uuid), (long long) views[i].starts[0]);
	add_head(out, "usersync_schedule_missed_total", "counter", "Times of the schedule that passed without a run.");
	for (size_t i = 0; i < n; i++)
		us_str_printf(out, "usersync_schedule_missed_total{connector=\"" US_SLICE_FMT "\"} %lld\n", US_SLICE_ARG(list[i].connector_uuid),
			(long long) views[i].missed);
	add_head(out, "usersync_schedule_paused", "gauge", "1 while the schedule is paused.");
	for (size_t i = 0; i < n; i++)
		us_str_printf(out, "usersync_schedule_paused{connector=\"" US_SLICE_FMT "\"} %d\n", US_SLICE_ARG(list[i].connector_uuid),
			views[i].paused != 0);
}

/* Of connectors that identity providers push into. */
static enum us_errc add_pushes(struct us_str *out, struct us_dbc *c, struct us_arena *arena, const struct us_run_stats *list, size_t n,
	struct us_err *err)
{
	struct us_pushed_state *states = us_arena_array(arena, n + 1, sizeof *states);

	for (size_t i = 0; i < n; i++) {
		enum us_errc rc = us_pushed_load_state(c, list[i].connector, &states[i], err);
		if (rc)
			return rc;
	}
	add_head(out, "usersync_pushes_total", "counter", "Pushes of identity providers by SCIM, by what came of them.");
	for (size_t i = 0; i < n; i++)
		if (states[i].accepted || states[i].refused)
			us_str_printf(out, "usersync_pushes_total{connector=\"" US_SLICE_FMT "\",outcome=\"accepted\"} %lld\n"
				"usersync_pushes_total{connector=\"" US_SLICE_FMT "\",outcome=\"refused\"} %lld\n", US_SLICE_ARG(list[i].connector_uuid),
				(long long) states[i].accepted, US_SLICE_ARG(list[i].connector_uuid), (long long) states[i].refused);
	add_head(out, "usersync_last_push_timestamp_seconds", "gauge", "When the last push was accepted.");
	for (size_t i = 0; i < n; i++)
		if (states[i].last_at)
			us_str_printf(out, "usersync_last_push_timestamp_seconds{connector=\"" US_SLICE_FMT "\"} %lld\n", US_SLICE_ARG(list[i].connector_uuid),
				(long long) states[i].last_at);
	return US_OK;
}

static void add_notices(struct us_str *out, const struct us_notifier_stats *stats, const int64_t counts[US_OUTBOX_STATE_COUNT])
{
	add_head(out, "usersync_notice_deliveries_total", "counter", "Tries to deliver a notice since the start, by what came of them.");
	us_str_printf(out, "usersync_notice_deliveries_total{outcome=\"delivered\"} %lld\n", (long long) stats->delivered);
	us_str_printf(out, "usersync_notice_deliveries_total{outcome=\"failed\"} %lld\n", (long long) stats->failed);
	us_str_printf(out, "usersync_notice_deliveries_total{outcome=\"dead\"} %lld\n", (long long) stats->dead);
	add_one(out, "usersync_notices_waiting", "gauge", "Notices on their way.", counts[US_OUTBOX_WAITING]);
	add_one(out, "usersync_notices_dead", "gauge", "Notices that could not be delivered and were not discarded.", counts[US_OUTBOX_DEAD]);
}

static void add_directories(struct us_str *out, const struct us_directory *list, size_t n)
{
	add_head(out, "usersync_directory_objects", "gauge", "What the directories hold.");
	for (size_t i = 0; i < n; i++) {
		const struct us_directory *d = &list[i];
		const struct { const char *name; int64_t n; } rows[] = { { "user", d->n_users }, { "active_user", d->n_active_users },
			{ "group", d->n_groups }, { "membership", d->n_memberships } };
		for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
			us_str_printf(out, "usersync_directory_objects{directory=\"%lld\",object=\"%s\"} %lld\n", (long long) d->id, rows[j].name,
				(long long) rows[j].n);
	}
}

enum us_errc us_metrics_write(struct us_call *call, struct us_str *out, struct us_err *err)
{
	struct us_run_stats *runs;
	struct us_directory *directories;
	struct us_job_stats jobs;
	struct us_pruner_stats pruned;
	struct us_notifier_stats notices;
	int64_t deliveries[US_OUTBOX_STATE_COUNT], active, stopped, hooks, failing_hooks;
	size_t n_runs, n_directories;
	enum us_errc rc = us_run_stats_load(call->c, call->arena, &runs, &n_runs, err);

	if (!rc)
		rc = us_directory_list(call->c, call->arena, &directories, &n_directories, err);
	if (!rc)
		rc = us_outbox_count(call->c, deliveries, err);
	if (!rc)
		rc = us_subscription_count(call->c, &active, &stopped, err);
	if (!rc)
		rc = us_hook_count(call->c, &hooks, &failing_hooks, err);
	if (rc)
		return rc;
	struct us_str pushes = US_STR_INIT;
	rc = add_pushes(&pushes, call->c, call->arena, runs, n_runs, err);
	if (rc) {
		us_str_fini(&pushes);
		return rc;
	}
	us_job_stats(call->api->conf.job, &jobs);
	us_pruner_stats(call->api->conf.pruner, &pruned);
	us_notifier_stats(call->api->conf.notifier, &notices);
	add_head(out, "usersync_build_info", "gauge", "The version that runs.");
	us_str_printf(out, "usersync_build_info{version=\"" USERSYNC_VERSION "\"} 1\n");
	add_one(out, "usersync_start_time_seconds", "gauge", "When the server started.", call->api->started_s);
	add_runs(out, runs, n_runs);
	add_schedules(out, call, runs, n_runs);
	us_str_add_slice(out, us_str_slice(&pushes));
	us_str_fini(&pushes);
	add_directories(out, directories, n_directories);
	add_one(out, "usersync_runs_queued", "gauge", "Runs that wait for a worker.", jobs.queued);
	add_one(out, "usersync_runs_running", "gauge", "Runs under way.", jobs.running);
	add_one(out, "usersync_pruned_runs_total", "counter", "Runs that were taken away by age or number since the start.", pruned.runs);
	add_one(out, "usersync_pruned_results_total", "counter", "Runs whose results were, since the start.", pruned.results);
	add_one(out, "usersync_source_requests_total", "counter", "Requests to identity providers since the start.", jobs.source_requests);
	add_one(out, "usersync_source_retries_total", "counter", "Those of them that were tried again.", jobs.source_retries);
	add_notices(out, &notices, deliveries);
	add_one(out, "usersync_change_readers", "gauge", "Polls and streams that wait for a directory's changes.", us_follow_readers(call->api->follow));
	add_one(out, "usersync_subscriptions_active", "gauge", "Webhooks that are sent a directory's changes.", active);
	add_one(out, "usersync_subscriptions_stopped", "gauge", "Those that were stopped, after failures or by their receiver.", stopped);
	add_one(out, "usersync_application_webhooks", "gauge", "Addresses that applications have registered to be told of changes.", hooks);
	add_one(out, "usersync_application_webhooks_failing", "gauge", "Those of them whose last try failed.", failing_hooks);
	add_one(out, "usersync_login_failures_total", "counter", "Wrong names, passwords and tokens since the start.",
		us_auth_failures(call->api->auth));
	add_http(out, call->api->metrics);
	return US_OK;
}

enum us_errc us_metrics_show(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_metrics_write(call, &call->answer->body, err);
	if (rc)
		return rc;
	call->answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return US_OK;
}
