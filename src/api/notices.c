/* Notices: their targets, and their deliveries */
#include "api/handlers.h"
#include "api/wait.h"
#include "base/clock.h"
#include "model/notice_options.h"
#include "store/notice_target.h"
#include "store/outbox.h"

enum { NAME_CHARACTERS_MOST = 255, PAGE_ROWS = 50, PAGE_ROWS_MOST = 1000 };

/* ---- targets ---- */

/* secret: one that was made in this call; NONE otherwise. */
static void write_target(struct us_jsonw *w, const struct us_notice_target *t, struct us_slice secret)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", t->id);
	us_jsonw_put_string(w, "name", t->name);
	us_jsonw_put_string(w, "kind", t->kind);
	us_jsonw_put_bool(w, "enabled", t->enabled);
	us_jsonw_key(w, "configuration");
	us_jsonw_value(w, t->configuration);
	us_call_put_time(w, "created", t->created);
	us_call_put_time(w, "updated", t->updated);
	if (secret.n)
		us_jsonw_put_string(w, "secret", secret);
	us_jsonw_close(w, '}');
}

static enum us_errc find_target(
	struct us_call *call, int64_t id, struct us_notice_target *ret_target, struct us_err *err)
{
	enum us_errc rc = call->c ? US_OK : us_call_lease_reader(call, err);

	return rc ? rc
			  : us_notice_target_find(
					call->api->conf.store, call->c, call->arena, id, US_SECRETS_HIDDEN, ret_target, err);
}

static enum us_errc answer_target(
	struct us_call *call, int64_t id, struct us_slice secret, struct us_err *err)
{
	struct us_notice_target target;
	enum us_errc rc = find_target(call, id, &target, err);

	if (!rc)
		write_target(&call->w, &target, secret);
	return rc;
}

enum us_errc us_notices_list_targets(struct us_call *call, struct us_err *err)
{
	struct us_notice_target *list;
	size_t n;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_notice_target_list(
			call->api->conf.store, call->c, call->arena, US_SECRETS_HIDDEN, &list, &n, err);
	if (rc)
		return rc;
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		write_target(&call->w, &list[i], US_SLICE_NONE);
	us_jsonw_close(&call->w, ']');
	return US_OK;
}

enum us_errc us_notices_show_target(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "notice target", &id, err);

	return rc ? rc : answer_target(call, id, US_SLICE_NONE, err);
}

static struct us_slice read_name(struct us_call *call, const struct us_json *body)
{
	const struct us_json *name = us_json_find(body, "name");

	if (!name)
		return US_SLICE_NONE;
	if (name->type == US_JSON_STRING)
		us_call_check_name(call, "name", name->string, NAME_CHARACTERS_MOST);
	else
		us_problem_add(
			call->arena, &call->problems, "name", "must be a string, not %s", us_json_type_name(name->type));
	return name->type == US_JSON_STRING ? name->string : US_SLICE_NONE;
}

static bool read_enabled(struct us_call *call, const struct us_json *body, bool fallback)
{
	const struct us_json *v = us_json_find(body, "enabled");

	if (v && v->type != US_JSON_BOOL)
		us_problem_add(call->arena, &call->problems, "enabled", "must be true or false, not %s",
			us_json_type_name(v->type));
	return us_json_bool(body, "enabled", fallback);
}

static void check_configuration(
	struct us_call *call, const struct us_type *kind, const struct us_json *configuration)
{
	if (!configuration) {
		us_problem_add(call->arena, &call->problems, "configuration", "is required");
		return;
	}
	if (configuration->type != US_JSON_OBJECT) {
		us_problem_add(call->arena, &call->problems, "configuration", "must be an object, not %s",
			us_json_type_name(configuration->type));
		return;
	}
	us_option_check(call->arena, kind->options, us_notice_options, configuration, &call->problems);
	us_notice_target_check(call->arena, us_slice(kind->name), configuration, &call->problems);
}

static enum us_errc commit(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_call_commit(call, err);

	us_call_release(call);
	return rc;
}

enum us_errc us_notices_add_target(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "name", "kind", "configuration", "enabled", "id", "created",
		"updated", NULL };
	struct us_slice secret = US_SLICE_NONE;
	const struct us_json *body;
	int64_t id = 0;
	enum us_errc rc = us_call_read_object(call, &body, err);

	if (rc)
		return rc;
	const struct us_json *configuration = us_json_find(body, "configuration");
	struct us_slice name = read_name(call, body), kind_name = us_json_string(body, "kind");
	const struct us_type *kind = us_type_find(us_notice_kinds, kind_name);
	if (!us_json_find(body, "name"))
		us_problem_add(call->arena, &call->problems, "name", "is required");
	if (!kind)
		us_problem_add(call->arena, &call->problems, "kind", "must be webhook or mail");
	bool enabled = read_enabled(call, body, true);
	us_call_refuse_others(call, body, known);
	if (kind)
		check_configuration(call, kind, configuration);
	rc = us_call_check_problems(call, err);
	if (rc)
		return rc;
	if (us_slice_is(kind_name, "webhook"))
		configuration = us_call_with_secret(call, configuration, &secret);
	rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_notice_target_create(call->api->conf.store, call->c, name, kind_name, configuration, enabled,
			us_clock_wall_s(), &id, err);
	if (!rc)
		rc = commit(call, err);
	if (rc)
		return rc;
	us_httpd_add_header(call->answer, "Location",
		us_arena_printf(call->arena, US_API_BASE "/notice/target/%lld", (long long)id));
	return answer_target(call, id, secret, err);
}

enum us_errc us_notices_save_target(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "name", "kind", "configuration", "enabled", "id", "created",
		"updated", NULL };
	const struct us_json *body;
	struct us_notice_target target;
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "notice target", &id, err);

	if (!rc)
		rc = find_target(call, id, &target, err);
	us_call_release(call);
	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	const struct us_type *kind = us_type_find(us_notice_kinds, target.kind);
	if (!kind)
		return us_err_set(err, US_CONFLICT, "this program has no notice targets of kind " US_SLICE_FMT,
			US_SLICE_ARG(target.kind));
	const struct us_json *configuration = us_json_find(body, "configuration"),
						 *given_kind = us_json_find(body, "kind");
	struct us_slice name = read_name(call, body);
	bool enabled = read_enabled(call, body, target.enabled);
	if (given_kind &&
		(given_kind->type != US_JSON_STRING || !us_slice_is_equal(given_kind->string, target.kind)))
		us_problem_add(call->arena, &call->problems, "kind", "cannot be changed: it is %s", kind->name);
	us_call_refuse_others(call, body, known);
	check_configuration(call, kind, configuration);
	if (us_slice_is(target.kind, "webhook") && configuration && !us_json_string(configuration, "secret").n)
		us_problem_add(
			call->arena, &call->problems, "secret", "is required: \"***\" keeps the one that is there");
	rc = us_call_check_problems(call, err);
	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_notice_target_save(
			call->api->conf.store, call->c, id, name, configuration, enabled, us_clock_wall_s(), err);
	if (!rc)
		rc = commit(call, err);
	return rc ? rc : answer_target(call, id, US_SLICE_NONE, err);
}

enum us_errc us_notices_remove_target(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "notice target", &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_notice_target_delete(call->c, id, err);
	return rc ? rc : commit(call, err);
}

enum us_errc us_notices_test_target(struct us_call *call, struct us_err *err)
{
	struct us_notice_target target;
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "notice target", &id, err);

	if (!rc)
		rc = find_target(call, id, &target, err);
	us_call_release(call);
	return rc ? rc : us_wait_for_notice(call, call->parameters[0], err);
}

/* ---- deliveries ---- */

static void write_delivery(struct us_jsonw *w, const struct us_delivery *d)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "id", d->id);
	us_jsonw_put_string(w, "messageId", d->message);
	us_jsonw_put_int(w, "targetId", d->target);
	us_jsonw_put_string(w, "target", d->target_name);
	us_jsonw_put_string(w, "type", d->event);
	us_jsonw_put_text(w, "state", us_outbox_state_text(d->state));
	us_jsonw_put_int(w, "tries", d->tries);
	us_call_put_time(w, "created", d->created);
	us_call_put_time(w, "nextTry", d->state == US_OUTBOX_WAITING ? d->next_ms / 1000 : 0);
	us_call_put_time(w, "finished", d->finished);
	us_jsonw_put_string(w, "error", d->error);
	us_jsonw_key(w, "body");
	us_jsonw_raw(w, d->body);
	us_jsonw_close(w, '}');
}

static enum us_errc read_state(struct us_call *call, enum us_outbox_state *ret_state, struct us_err *err)
{
	struct us_slice text = us_target_parameter(&call->request->target, "state");

	*ret_state = US_OUTBOX_STATE_COUNT;
	if (text.p && !us_outbox_state_parse(text, ret_state))
		return us_err_set(err, US_INVALID, "state must be WAITING, DELIVERED or DEAD");
	return US_OK;
}

enum us_errc us_notices_list_deliveries(struct us_call *call, struct us_err *err)
{
	int64_t limit, before = 0;
	enum us_outbox_state state;
	struct us_slice cursor;
	struct us_delivery *list;
	size_t n;
	enum us_errc rc = read_state(call, &state, err);

	if (!rc)
		rc = us_call_read_limit(call, PAGE_ROWS, PAGE_ROWS_MOST, &limit, err);
	if (!rc)
		rc = us_call_read_cursor(call, 'n', &cursor, err);
	if (!rc && cursor.p && (!us_slice_to_int(cursor, &before) || before < 1))
		rc = us_err_set(err, US_INVALID, "the cursor is not one of this list");
	if (!rc)
		rc = us_call_lease_reader(call, err);
	if (!rc)
		rc = us_outbox_list(call->c, call->arena, state, before, (size_t)limit + 1, &list, &n, err);
	if (rc)
		return rc;
	bool has_more = n > (size_t)limit;
	n -= has_more;
	us_jsonw_open(&call->w, '{');
	us_jsonw_key(&call->w, "deliveries");
	us_jsonw_open(&call->w, '[');
	for (size_t i = 0; i < n; i++)
		write_delivery(&call->w, &list[i]);
	us_jsonw_close(&call->w, ']');
	us_call_put_cursor(call, 'n',
		has_more ? us_slice(us_arena_printf(call->arena, "%lld", (long long)list[n - 1].id)) : US_SLICE_NONE);
	us_jsonw_close(&call->w, '}');
	return US_OK;
}

static enum us_errc answer_delivery(struct us_call *call, int64_t id, struct us_err *err)
{
	struct us_delivery d;
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc)
		rc = us_outbox_find(call->c, call->arena, id, &d, err);
	if (!rc)
		write_delivery(&call->w, &d);
	return rc;
}

enum us_errc us_notices_show_delivery(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "delivery", &id, err);

	return rc ? rc : answer_delivery(call, id, err);
}

enum us_errc us_notices_retry_delivery(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "delivery", &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_outbox_retry(call->c, id, us_clock_wall_ms(), err);
	if (!rc)
		rc = commit(call, err);
	if (!rc)
		rc = answer_delivery(call, id, err);
	us_notifier_wake(call->api->conf.notifier);
	return rc;
}

enum us_errc us_notices_discard_delivery(struct us_call *call, struct us_err *err)
{
	int64_t id;
	enum us_errc rc = us_call_read_number(call, 0, "delivery", &id, err);

	if (!rc)
		rc = us_call_lease_writer(call, err);
	if (!rc)
		rc = us_outbox_discard(call->c, id, err);
	return rc ? rc : commit(call, err);
}
