/* Import of connectors from a file: all of it or nothing */
#include "api/handlers.h"
#include "api/import_plan.h"
#include "api/transfer.h"
#include "base/clock.h"
#include "base/envelope.h"

struct flags {
	bool dry_run, by_name;
};

static enum us_errc read_choice(
	struct us_call *call, const char *name, const char *off, const char *on, bool *ret_on, struct us_err *err)
{
	struct us_slice text = us_target_parameter(&call->request->target, name);

	*ret_on = us_slice_is(text, on);
	if (text.p && !*ret_on && !us_slice_is(text, off))
		return us_err_set(err, US_INVALID, "%s must be %s or %s", name, on, off);
	return US_OK;
}

static enum us_errc read_flags(struct us_call *call, struct flags *ret_flags, struct us_err *err)
{
	enum us_errc rc = us_transfer_refuse_in_query(call, err);

	if (!rc)
		rc = read_choice(call, "dryRun", "false", "true", &ret_flags->dry_run, err);
	return rc ? rc : read_choice(call, "match", "id", "name", &ret_flags->by_name, err);
}

/* Moves on to the end of the list. */
static void take_problems(struct us_call *call, struct us_problem *list)
{
	struct us_problem **end = &call->problems;

	while (*end)
		end = &(*end)->next;
	*end = list;
}

static enum us_errc read_file(struct us_call *call, struct us_transfer *ret_file, struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_call_read_json(call, &doc, err);

	if (rc)
		return rc;
	if (doc->type != US_JSON_OBJECT && doc->type != US_JSON_ARRAY)
		return us_err_set(err, US_INVALID, "the body must be an export of connectors, not %s",
			us_json_type_name(doc->type));
	us_transfer_read(call->arena, doc, ret_file);
	take_problems(call, ret_file->problems);
	return call->problems ? us_call_check_problems(call, err) : US_OK;
}

static enum us_errc refuse(struct us_call *call, const char *field, const char *reason, struct us_err *err)
{
	us_problem_add(call->arena, &call->problems, field, "%s", reason);
	return us_call_check_problems(call, err);
}

/* *text is wiped by the caller; what *ret_opened holds is wiped by wipe_opened. */
static enum us_errc open_secrets(struct us_call *call, const struct us_transfer *file, struct us_str *text,
	const struct us_json **ret_opened, struct us_err *err)
{
	struct us_envelope envelope;
	struct us_err why = US_ERR_INIT;
	char digest[65];

	*ret_opened = NULL;
	if (!file->sealed)
		return file->passphrase.p
				   ? refuse(call, "passphrase", "is given, but the file holds no sealed secrets", err)
				   : US_OK;
	if (us_envelope_read(file->sealed, &envelope, &why))
		return refuse(call, "secrets", why.text, err);
	if (!file->passphrase.p)
		return refuse(call, "passphrase",
			"is required: the file holds sealed secrets; take out \"secrets\" to import without them", err);
	if (us_slice_characters(file->passphrase) > US_ENVELOPE_PASSPHRASE_MOST)
		return refuse(call, "passphrase", "is too long", err);
	enum us_errc rc = us_envelope_open(&envelope, file->passphrase, text, &why);
	if (rc)
		return rc == US_CONFIG ? refuse(call, "passphrase", why.text, err) : us_err_copy(err, &why);
	if (us_json_parse(call->arena, us_str_slice(text), US_JSON_LIMITS_SMALL, ret_opened, &why))
		return refuse(call, "secrets", "hold no JSON", err);
	us_transfer_digest(file->connectors, digest);
	if (!us_slice_is(us_json_string(*ret_opened, "digest"), digest))
		return refuse(call, "connectors",
			"were changed after their secrets were sealed: export them again, or take out \"secrets\"", err);
	return US_OK;
}

/* ---- writing ---- */

static enum us_errc write_one(
	struct us_call *call, struct us_import_item *item, int64_t now_s, struct us_err *err)
{
	const struct us_store *store = call->api->conf.store;
	const struct us_transfer_entry *e = item->entry;

	switch (item->action) {
	case US_IMPORT_CREATED:
		return e->uuid.p ? us_connector_create_as(store, call->c, e->uuid, e->name, e->type,
							   item->configuration, item->enabled, now_s, &item->id, err)
						 : us_connector_create(store, call->c, e->name, e->type, item->configuration,
							   item->enabled, now_s, &item->id, err);
	case US_IMPORT_UPDATED:
		return us_connector_save(
			store, call->c, item->id, e->name, item->configuration, item->enabled, now_s, err);
	case US_IMPORT_UNCHANGED:
	case US_IMPORT_REFUSED:
	case US_IMPORT_ACTION_COUNT:
		break;
	}
	return US_OK;
}

static bool works_on_others(struct us_call *call, const struct us_import_item *item)
{
	const struct us_type *type = us_type_find(call->api->conf.types, item->there ? item->there->type : item->entry->type);

	return type && type->directory_option;
}

static enum us_errc write_all(struct us_call *call, struct us_import_plan *plan, struct us_err *err)
{
	int64_t now_s = us_clock_wall_s();
	enum us_errc rc = US_OK;

	/* Every name that changes is free before any is given: two connectors may exchange theirs. */
	for (size_t i = 0; !rc && i < plan->n; i++)
		if (plan->items[i].is_renamed)
			rc = us_connector_release_name(call->c, plan->items[i].id, err);
	/* And every directory is there before a connector that works on one of another's. */
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; !rc && i < plan->n; i++)
			if (works_on_others(call, &plan->items[i]) == others)
				rc = write_one(call, &plan->items[i], now_s, err);
	if (!rc)
		rc = us_call_commit(call, err);
	us_call_release(call);
	/* Their timetables may be others. */
	for (size_t i = 0; !rc && i < plan->n; i++) {
		if (plan->items[i].action == US_IMPORT_UNCHANGED)
			continue;
		rc = us_timer_reload(call->api->conf.timer, plan->items[i].id, err);
		us_pushes_reload(call->api->conf.pushes, plan->items[i].id);
	}
	return rc;
}

/* ---- the answer ---- */

static void put_item(struct us_jsonw *w, const struct us_import_item *item, const struct us_connector *now)
{
	const struct us_transfer_entry *e = item->entry;

	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "uniqueId", now ? now->uuid : e->uuid);
	us_jsonw_put_string(w, "name", e->name);
	us_jsonw_put_string(w, "type", now ? now->type : e->type);
	us_jsonw_key(w, "id");
	now ? us_jsonw_int(w, now->id) : us_jsonw_null(w);
	us_jsonw_key(w, "directoryId");
	now ? us_jsonw_int(w, now->directory) : us_jsonw_null(w);
	us_jsonw_put_text(w, "action", us_import_action_text(item->action));
	us_jsonw_key(w, "changes");
	us_difference_write(item->changes, w);
	us_jsonw_key(w, "messages");
	us_jsonw_open(w, '[');
	for (const struct us_import_note *n = item->notes; n; n = n->next)
		us_jsonw_text(w, n->text);
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
}

static enum us_errc put_items(
	struct us_call *call, const struct us_import_plan *plan, struct us_jsonw *w, struct us_err *err)
{
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < plan->n; i++) {
		const struct us_import_item *item = &plan->items[i];
		struct us_connector now;
		if (item->id) {
			struct us_slice key = us_slice(us_arena_printf(call->arena, "%lld", (long long)item->id));
			enum us_errc rc = us_connector_find(
				call->api->conf.store, call->c, call->arena, key, US_SECRETS_HIDDEN, &now, err);
			if (rc)
				return rc;
		}
		put_item(w, item, item->id ? &now : NULL);
	}
	us_jsonw_close(w, ']');
	return US_OK;
}

static enum us_errc answer(
	struct us_call *call, const struct us_import_plan *plan, bool dry_run, struct us_err *err)
{
	struct us_jsonw *w = &call->w;

	us_jsonw_open(w, '{');
	us_jsonw_put_bool(w, "dryRun", dry_run);
	for (int action = 0; action < US_IMPORT_REFUSED; action++)
		us_jsonw_put_int(
			w, us_import_action_text((enum us_import_action)action), (int64_t)plan->counts[action]);
	us_jsonw_key(w, "connectors");
	enum us_errc rc = put_items(call, plan, w, err);
	us_jsonw_close(w, '}');
	return rc;
}

/* Everything that is wrong, and beside it what would become of each connector. */
static enum us_errc refuse_plan(struct us_call *call, const struct us_import_plan *plan, struct us_err *err)
{
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	for (size_t i = 0; i < plan->n; i++)
		take_problems(call, plan->items[i].entry->problems);
	enum us_errc rc = put_items(call, plan, &w, err);
	if (!rc)
		call->more = us_slice_dup(call->arena, us_str_slice(&text));
	us_str_fini(&text);
	return rc ? rc : us_call_check_problems(call, err);
}

static enum us_errc run(struct us_call *call, const struct us_transfer *file, const struct us_json *opened,
	const struct flags *flags, struct us_err *err)
{
	struct us_import_plan plan;
	enum us_errc rc = flags->dry_run ? us_call_lease_reader(call, err) : us_call_lease_writer(call, err);

	if (!rc)
		rc = us_import_plan_make(call, file, opened, flags->by_name, &plan, err);
	if (rc)
		return rc;
	if (plan.counts[US_IMPORT_REFUSED])
		return refuse_plan(call, &plan, err);
	if (!flags->dry_run) {
		rc = write_all(call, &plan, err);
		if (!rc)
			rc = us_call_lease_reader(call, err);
	}
	return rc ? rc : answer(call, &plan, flags->dry_run, err);
}

/* The strings of the opened secrets are in the request's memory. */
static void wipe_opened(const struct us_json *opened)
{
	const struct us_json *secrets = us_json_find(opened, "secrets");

	for (size_t i = 0; secrets && secrets->type == US_JSON_OBJECT && i < secrets->object.n; i++) {
		const struct us_json *of = &secrets->object.members[i].value;
		for (size_t j = 0; of->type == US_JSON_OBJECT && j < of->object.n; j++)
			if (of->object.members[j].value.type == US_JSON_STRING)
				us_secret_wipe(
					(char *)of->object.members[j].value.string.p, of->object.members[j].value.string.n);
	}
}

enum us_errc us_import(struct us_call *call, struct us_err *err)
{
	struct us_str text = US_STR_INIT;
	struct us_transfer file;
	const struct us_json *opened = NULL;
	struct flags flags;
	enum us_errc rc = read_flags(call, &flags, err);

	if (!rc)
		rc = read_file(call, &file, err);
	if (!rc)
		rc = open_secrets(call, &file, &text, &opened, err);
	if (!rc)
		rc = run(call, &file, opened, &flags, err);
	wipe_opened(opened);
	us_secret_wipe_str(&text);
	return rc;
}
