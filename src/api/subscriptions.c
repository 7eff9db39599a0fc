/* Subscriptions: webhooks that are sent the changes of a directory */
#include "api/handlers.h"
#include "base/clock.h"
#include "model/notice_options.h"
#include "model/subscription_options.h"
#include "store/subscription.h"

/* secret: one that was made in this call; NONE otherwise. */
static void write_subscription(struct us_jsonw *w, const struct us_subscription *s, struct us_slice secret)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", s->id);
	us_jsonw_put_int(w, "directoryId", s->directory);
	us_jsonw_put_text(w, "state", s->stopped ? "STOPPED" : "ACTIVE");
	us_jsonw_put_string(w, "since", s->since);
	us_jsonw_put_int(w, "behind", s->behind > 0 ? s->behind : 0);
	us_jsonw_put_int(w, "tries", s->tries);
	us_call_put_time(w, "nextTry", !s->stopped && s->tries ? s->next_ms / 1000 : 0);
	us_call_put_time(w, "lastDelivered", s->delivered);
	us_call_put_time(w, "failingSince", s->failing_since);
	us_call_put_time(w, "stopped", s->stopped);
	us_jsonw_put_string(w, "error", s->error);
	us_jsonw_key(w, "configuration");
	us_jsonw_value(w, s->configuration);
	us_call_put_time(w, "created", s->created);
	us_call_put_time(w, "updated", s->updated);
	if (secret.n)
		us_jsonw_put_string(w, "secret", secret);
	us_jsonw_close(w, '}');
}

static enum us_errc answer(struct us_call *call, int64_t id, struct us_slice secret, struct us_err *err)
{
	struct us_subscription s;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_subscription_find(call->api->conf.store, call->c, call->arena, id, US_SECRETS_HIDDEN, &s, err);
	if (!rc)
		write_subscription(&call->w, &s, secret);
	return rc;
}

static enum us_errc read_id(struct us_call *call, int64_t *ret_id, struct us_err *err) { return us_call_read_number(call, 0, "subscription", ret_id, err); }

static enum us_errc commit(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_commit(call, err);

	us_call_release(call);
	return rc;
}

enum us_errc us_subscriptions_list(struct us_call *call, struct us_err *err)
{
	struct us_subscription *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_subscription_list(call->api->conf.store, call->c, call->arena, US_SECRETS_HIDDEN, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		write_subscription(&call->w, &list[i], US_SLICE_NONE);
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_subscriptions_show(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	return rc ? rc : answer(call, id, US_SLICE_NONE, err);
}

/* NULL: it was complained about. */
static const struct us_json *read_configuration(struct us_call *call, const struct us_json *body)
{
	const struct us_type *kind = us_type_find(us_notice_kinds, US_SUBSCRIPTION_KIND);
	const struct us_json *v = us_json_find(body, "configuration");

	if (!v || v->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, "configuration", v ? "must be an object" : "is required");
		return NULL;
	}
	us_option_check(call->arena, kind->options, us_subscription_options, v, &call->problems);
	us_notice_target_check(call->arena, US_SUBSCRIPTION_KIND, v, &call->problems);
	return v;
}

enum us_errc us_subscriptions_add(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "directoryId", "since", "configuration", NULL };
	struct us_slice secret = US_SLICE_NONE;
	const struct us_json *body;
	int64_t id = 0;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	const struct us_json *directory = us_json_find(body, "directoryId"), *configuration = read_configuration(call, body);
	struct us_slice since = us_call_read_text(call, body, "since", false);
	if (!directory || directory->type != US_JSON_INT || directory->integer < 1)
		us_problem_add(call->arena, &call->problems, "directoryId", directory ? "must be the number of a directory" : "is required");
	us_call_refuse_others(call, body, known);
	if ((rc = us_call_check_problems(call, err)))
		return rc;
	configuration = us_call_with_secret(call, configuration, &secret);
	rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_subscription_create(call->api->conf.store, call->c, directory->integer, since, configuration, us_clock_wall_s(), &id, err);
	if (!rc)
		rc = commit(call, err);
	if (rc)
		return rc;
	us_httpd_add_header(call->answer, "Location", us_arena_printf(call->arena, US_API_BASE "/subscription/%lld", (long long) id));
	return answer(call, id, secret, err);
}

enum us_errc us_subscriptions_save(struct us_call *call, struct us_err *err)
{
	/* What is shown may be sent back; only the configuration is saved. */
	static const char *const known[] = { "configuration", "id", "directoryId", "state", "since", "behind", "tries", "nextTry", "lastDelivered", "failingSince",
		"stopped", "error", "created", "updated", NULL };
	const struct us_json *body;
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	const struct us_json *configuration = read_configuration(call, body);
	if (configuration && !us_json_string(configuration, "secret").n)
		us_problem_add(call->arena, &call->problems, "secret", "is required: \"***\" keeps the one that is there");
	us_call_refuse_others(call, body, known);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_subscription_save(call->api->conf.store, call->c, id, configuration, us_clock_wall_s(), err);
	if (!rc)
		rc = commit(call, err);
	return rc ? rc : answer(call, id, US_SLICE_NONE, err);
}

enum us_errc us_subscriptions_resume(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "since", NULL };
	const struct us_json *body;
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	struct us_slice since = us_call_read_text(call, body, "since", false);
	us_call_refuse_others(call, body, known);
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_subscription_resume(call->c, id, since, us_clock_wall_s(), err);
	if (!rc)
		rc = commit(call, err);
	return rc ? rc : answer(call, id, US_SLICE_NONE, err);
}

enum us_errc us_subscriptions_remove(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = read_id(call, &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_subscription_delete(call->c, id, err);
	return rc ? rc : commit(call, err);
}
