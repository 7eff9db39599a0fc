#include "api/import_plan.h"

#include "api/configuration.h"
#include "base/fold.h"
#include "store/directory.h"

struct work {
	struct us_call *call;
	const struct us_transfer *file;
	bool by_name;
	const struct us_json *opened;
	struct us_connector *list; /* that are there */
	size_t n;
	struct us_slice *folds; /* of their names */
	bool *is_taken;         /* some entry is it */
};

const char *us_import_action_text(enum us_import_action action)
{
	switch (action) {
	case US_IMPORT_CREATED:
		return "created";
	case US_IMPORT_UPDATED:
		return "updated";
	case US_IMPORT_UNCHANGED:
		return "unchanged";
	case US_IMPORT_REFUSED:
		return "refused";
	case US_IMPORT_ACTION_COUNT:
		break;
	}
	us_assert(!"an action");
	return NULL;
}

static void note(struct us_arena *arena, struct us_import_item *item, const char *text)
{
	struct us_import_note **at = &item->notes;

	while (*at)
		at = &(*at)->next;
	*at = us_arena_zalloc(arena, sizeof **at);
	(*at)->text = text;
}

static void complain(
	struct us_arena *arena, struct us_import_item *item, const char *member, const char *reason)
{
	us_problem_add(arena, &item->entry->problems, us_arena_printf(arena, "%s.%s", item->entry->place, member),
		"%s", reason);
}

/* ---- which connector is which ---- */

static void match_by_uuid(struct work *w, struct us_import_item *item)
{
	for (size_t i = 0; item->entry->uuid.p && i < w->n && !item->there; i++)
		if (us_slice_is_equal(w->list[i].uuid, item->entry->uuid)) {
			item->there = &w->list[i];
			w->is_taken[i] = true;
		}
}

/* After all have been matched by their unique id: a name never takes what an id names. */
static void match_by_name(struct work *w, struct us_import_item *item)
{
	if (item->there || !item->entry->name.p)
		return;
	struct us_slice fold = us_fold(w->call->arena, item->entry->name);
	for (size_t i = 0; i < w->n && !item->there; i++)
		if (!w->is_taken[i] && us_slice_is_equal(w->folds[i], fold)) {
			item->there = &w->list[i];
			w->is_taken[i] = true;
		}
}

static void check_name(struct work *w, struct us_import_item *item)
{
	if (!item->entry->name.p)
		return;
	struct us_slice fold = us_fold(w->call->arena, item->entry->name);
	for (size_t i = 0; i < w->n; i++)
		if (!w->is_taken[i] && us_slice_is_equal(w->folds[i], fold))
			complain(w->call->arena, item, "name",
				us_arena_printf(w->call->arena, "is that of connector %lld, " US_SLICE_FMT ", here",
					(long long)w->list[i].id, US_SLICE_ARG(w->list[i].uuid)));
}

static const struct us_type *check_type(struct work *w, struct us_import_item *item)
{
	struct us_arena *arena = w->call->arena;
	const struct us_type *types = w->call->api->conf.types;
	struct us_slice given = item->entry->type, stored = item->there ? item->there->type : US_SLICE_NONE;

	if (item->there && given.p && !us_slice_is_equal(given, stored)) {
		complain(arena, item, "type",
			us_arena_printf(arena, "cannot be changed: it is " US_SLICE_FMT " here", US_SLICE_ARG(stored)));
		return NULL;
	}
	const struct us_type *type = us_type_find(types, item->there ? stored : given);
	if (!type) {
		const char *names = "";
		for (const struct us_type *t = types; t->name; t++)
			names = us_arena_printf(arena, "%s%s%s", names, *names ? ", " : "", t->name);
		complain(arena, item, "type",
			us_arena_printf(
				arena, given.p || item->there ? "must be one of %s" : "is required: one of %s", names));
	}
	return type;
}

static void check_configuration(struct work *w, struct us_import_item *item, const struct us_type *type)
{
	struct us_problem *found = NULL;

	if (item->entry->configuration)
		us_configuration_check(w->call, type, item->entry->configuration, &found);
	us_transfer_complain(w->call->arena, type, w->call->api->conf.sync_options, item->entry, found);
}

/* ---- directories of others ---- */

/* Whether the file has a connector with a directory of its own that is called so. */
static bool is_in_file(struct work *w, struct us_slice key)
{
	struct us_slice fold = us_fold(w->call->arena, key);

	for (size_t i = 0; i < w->file->n; i++) {
		const struct us_transfer_entry *e = &w->file->entries[i];
		const struct us_type *type = us_type_find(w->call->api->conf.types, e->type);
		bool is_it = (e->uuid.p && us_slice_is_equal(e->uuid, fold)) || (e->name.p && us_slice_is_equal(us_fold(w->call->arena, e->name), fold));
		if (is_it && !(type && type->directory_option))
			return true;
	}
	return false;
}

/* A connector that works on a directory which is not its own: on which. */
static enum us_errc check_directory(struct work *w, struct us_import_item *item, const struct us_type *type, struct us_err *err)
{
	struct us_slice key = type->directory_option ? us_json_string(item->entry->configuration, type->directory_option) : US_SLICE_NONE;
	struct us_err why = US_ERR_INIT;
	int64_t same;

	if (!key.n || is_in_file(w, key))
		return US_OK;
	enum us_errc rc = us_connector_find_directory(w->call->api->conf.store, w->call->c, key, &same, &why);
	if (rc != US_NOT_FOUND)
		return rc ? us_err_copy(err, &why) : US_OK;
	complain(w->call->arena, item, us_arena_printf(w->call->arena, "configuration.%s", type->directory_option),
		"names no directory and no connector with a directory of its own, neither here nor in the file");
	return US_OK;
}

/* A number is another directory's on another server: somebody looks first. Importing again does not enable what they have not. */
static void doubt_number(struct work *w, struct us_import_item *item, const struct us_type *type)
{
	const struct us_connector *there = item->there;
	int64_t number;

	if (w->by_name || !type->directory_option || !us_slice_to_int(us_json_string(item->configuration, type->directory_option), &number))
		return;
	if (there && there->enabled && us_slice_is_equal(us_json_string(there->configuration, type->directory_option),
			us_json_string(item->configuration, type->directory_option)))
		return;
	item->enabled = false;
	note(w->call->arena, item, us_arena_printf(w->call->arena,
		"%s is a number, which may be another directory's where the file comes from: see that %lld is the one that is meant, then enable the connector",
		type->directory_option, (long long) number));
}

/* ---- secrets ---- */

static const struct us_json *find_member(const struct us_json *object, struct us_slice key)
{
	for (size_t i = 0; object && i < object->object.n; i++)
		if (us_slice_is_equal(object->object.members[i].key, key))
			return &object->object.members[i].value;
	return NULL;
}

static bool is_stored(const struct us_import_item *item, struct us_slice key)
{
	const struct us_json *v = item->there ? find_member(item->there->configuration, key) : NULL;

	return v && v->type == US_JSON_STRING && v->string.n;
}

/* Whether the stored secret is this one. A stored one that cannot be opened any more is another. */
static bool is_same_secret(
	struct work *w, const struct us_import_item *item, struct us_slice key, struct us_slice value)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_connector clear;
	bool ret = false;

	if (is_stored(item, key) && us_connector_find(w->call->api->conf.store, w->call->c, &arena,
									item->there->uuid, US_SECRETS_CLEAR, &clear, NULL) == US_OK) {
		for (size_t i = 0; i < clear.configuration->object.n; i++) {
			const struct us_json_member *m = &clear.configuration->object.members[i];
			const struct us_type *type = us_type_find(w->call->api->conf.types, clear.type);
			if (m->value.type != US_JSON_STRING ||
				!us_option_is_secret(type ? type->options : NULL, w->call->api->conf.sync_options, m->key))
				continue;
			ret |= us_slice_is_equal(m->key, key) && us_secret_is_equal(m->value.string, value);
			us_secret_wipe((char *)m->value.string.p, m->value.string.n);
		}
	}
	us_arena_fini(&arena);
	return ret;
}

/* What is saved for a secret setting: *value as the file has it, NULL if it does not. false: nobody knows it.
 */
static bool resolve(struct work *w, const struct us_import_item *item, struct us_slice key,
	const struct us_json *value, struct us_json *ret_value)
{
	*ret_value = (struct us_json) { .type = US_JSON_STRING, .string = US_SLICE(US_TRANSFER_HIDDEN) };
	if (us_transfer_is_hidden(value)) {
		struct us_slice sealed = us_transfer_find_secret(w->opened, item->entry->uuid, key);
		if (!sealed.n)
			return is_stored(item, key);
		if (!is_same_secret(w, item, key, sealed))
			ret_value->string = sealed;
	} else if (value->type != US_JSON_STRING || !is_same_secret(w, item, key, value->string)) {
		*ret_value = *value;
	}
	return true;
}

static void add_member(struct us_json *object, struct us_slice key, const struct us_json *value)
{
	object->object.members[object->object.n++] = (struct us_json_member) { key, *value };
}

static void note_missing(struct work *w, struct us_import_item *item, struct us_slice key)
{
	item->enabled = false;
	note(w->call->arena, item,
		us_arena_printf(w->call->arena,
			US_SLICE_FMT " is a secret that the file does not hold: set it, then enable the connector",
			US_SLICE_ARG(key)));
}

static size_t count_options(const struct us_option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

/* The configuration as it will be saved. A secret that the file leaves out stays as it is; one that nobody
 * knows leaves a disabled connector. */
static void settle_secrets(struct work *w, struct us_import_item *item, const struct us_type *type)
{
	const struct us_option *const schemas[] = { type->options, w->call->api->conf.sync_options };
	const struct us_json *given = item->entry->configuration;
	struct us_json *settled = us_arena_zalloc(w->call->arena, sizeof *settled), value;

	settled->type = US_JSON_OBJECT;
	settled->object.members = us_arena_array(w->call->arena,
		given->object.n + count_options(schemas[0]) + count_options(schemas[1]),
		sizeof *settled->object.members);
	for (size_t i = 0; i < given->object.n; i++) {
		const struct us_json_member *m = &given->object.members[i];
		if (!us_option_is_secret(schemas[0], schemas[1], m->key))
			add_member(settled, m->key, &m->value);
		else if (resolve(w, item, m->key, &m->value, &value))
			add_member(settled, m->key, &value);
		else
			note_missing(w, item, m->key);
	}
	for (int s = 0; s < 2; s++)
		for (const struct us_option *o = schemas[s]; o && o->name; o++) {
			struct us_slice key = us_slice(o->name);
			if (!o->secret || find_member(given, key))
				continue;
			if (resolve(w, item, key, NULL, &value))
				add_member(settled, key, &value);
			else if (o->required)
				note_missing(w, item, key);
		}
	item->configuration = settled;
}

/* ---- what changes ---- */

static const struct us_json *text_value(struct us_arena *arena, struct us_slice text)
{
	struct us_json *v = us_arena_zalloc(arena, sizeof *v);

	*v = (struct us_json) { .type = US_JSON_STRING, .string = text };
	return v;
}

static const struct us_json *bool_value(struct us_arena *arena, bool value)
{
	struct us_json *v = us_arena_zalloc(arena, sizeof *v);

	*v = (struct us_json) { .type = US_JSON_BOOL, .boolean = value };
	return v;
}

static enum us_errc decide(
	struct work *w, struct us_import_item *item, const struct us_type *type, struct us_err *err)
{
	struct us_arena *arena = w->call->arena;
	const struct us_connector *old = item->there;
	struct us_directory directory;
	struct us_err why = US_ERR_INIT;

	item->enabled = item->entry->enabled ? item->entry->enabled->boolean : old ? old->enabled : true;
	settle_secrets(w, item, type);
	doubt_number(w, item, type);
	us_difference_add_value(arena, "name", old ? text_value(arena, old->name) : NULL,
		text_value(arena, item->entry->name), &item->changes);
	if (!old)
		us_difference_add_value(arena, "type", NULL, text_value(arena, item->entry->type), &item->changes);
	us_difference_add_value(arena, "enabled", old ? bool_value(arena, old->enabled) : NULL,
		bool_value(arena, item->enabled), &item->changes);
	us_difference_add(arena, type->options, w->call->api->conf.sync_options, "configuration",
		old ? old->configuration : NULL, item->configuration, &item->changes);
	item->action = !old ? US_IMPORT_CREATED : item->changes ? US_IMPORT_UPDATED : US_IMPORT_UNCHANGED;
	if (!old)
		return US_OK;
	item->id = old->id;
	item->is_renamed = !us_slice_is_equal(us_fold(arena, old->name), us_fold(arena, item->entry->name));
	if (type->directory_option)
		return US_OK;
	enum us_errc rc = us_directory_load(w->call->c, arena, old->directory, &directory, &why);
	if (rc == US_NOT_FOUND) {
		item->action = US_IMPORT_UPDATED;
		note(arena, item,
			us_arena_printf(
				arena, "directory %lld was deleted; a new one is made", (long long)old->directory));
		rc = US_OK;
	}
	return rc ? us_err_copy(err, &why) : US_OK;
}

enum us_errc us_import_plan_make(struct us_call *call, const struct us_transfer *file,
	const struct us_json *opened, bool by_name, struct us_import_plan *ret_plan, struct us_err *err)
{
	struct us_import_plan plan = { .n = file->n,
		.items = us_arena_array(call->arena, file->n, sizeof *plan.items) };
	struct work w = { .call = call, .file = file, .by_name = by_name, .opened = opened };
	enum us_errc rc =
		us_connector_list(call->api->conf.store, call->c, call->arena, US_SECRETS_HIDDEN, &w.list, &w.n, err);

	if (rc)
		return rc;
	w.is_taken = us_arena_array(call->arena, w.n, sizeof *w.is_taken);
	w.folds = us_arena_array(call->arena, w.n, sizeof *w.folds);
	for (size_t i = 0; i < w.n; i++)
		w.folds[i] = us_fold(call->arena, w.list[i].name);
	for (size_t i = 0; i < plan.n; i++) {
		plan.items[i].entry = &file->entries[i];
		match_by_uuid(&w, &plan.items[i]);
	}
	for (size_t i = 0; by_name && i < plan.n; i++)
		match_by_name(&w, &plan.items[i]);
	for (size_t i = 0; i < plan.n; i++) {
		struct us_import_item *item = &plan.items[i];
		check_name(&w, item);
		const struct us_type *type = check_type(&w, item);
		if (type)
			check_configuration(&w, item, type);
		if (type && !item->entry->problems && (rc = check_directory(&w, item, type, err)))
			return rc;
		item->action = US_IMPORT_REFUSED;
		if (!item->entry->problems && (rc = decide(&w, item, type, err)))
			return rc;
		plan.counts[item->action]++;
	}
	*ret_plan = plan;
	return US_OK;
}
