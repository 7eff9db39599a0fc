#include "model/transfer.h"

#include "base/fold.h"
#include "base/secret.h"
#include "model/difference.h"

enum { UUID_LENGTH = US_UUID_BYTES - 1 };

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_uuid(struct us_slice s)
{
	bool ret = s.n == UUID_LENGTH;

	for (size_t i = 0; ret && i < s.n; i++)
		ret = i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] == '-' : is_hex(s.p[i]);
	return ret;
}

static const char *field_of(struct us_arena *arena, const struct us_transfer_entry *e, struct us_slice member)
{
	return us_arena_printf(arena, "%s.%.*s", e->place, member.n > 100 ? 100 : (int)member.n, member.p);
}

static void complain(
	struct us_arena *arena, struct us_transfer_entry *e, const char *member, const char *reason)
{
	us_problem_add(arena, &e->problems, field_of(arena, e, us_slice(member)), "%s", reason);
}

/* A text member of its own type; NONE if it is not there or bad. */
static struct us_slice read_text(
	struct us_arena *arena, struct us_transfer_entry *e, const char *member, const struct us_json *v)
{
	if (v->type == US_JSON_STRING)
		return v->string;
	us_problem_add(arena, &e->problems, field_of(arena, e, us_slice(member)), "must be a string, not %s",
		us_json_type_name(v->type));
	return US_SLICE_NONE;
}

static void read_uuid(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v)
{
	struct us_slice text = read_text(arena, e, "uniqueId", v);

	if (!text.p)
		return;
	if (!is_uuid(text)) {
		complain(arena, e, "uniqueId", "must be a UUID");
		return;
	}
	char *lower = us_arena_strndup(arena, text.p, text.n);
	for (size_t i = 0; i < text.n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'F')
			lower[i] = (char)(lower[i] + 32);
	e->uuid = us_slice(lower);
}

static void read_name(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v)
{
	struct us_slice name = read_text(arena, e, "name", v);

	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7F) {
			complain(arena, e, "name", "holds a control character");
			return;
		}
	if (name.p && !us_slice_trim(name).n)
		complain(arena, e, "name", "must not be empty");
	else if (us_slice_characters(name) > US_TRANSFER_NAME_MOST)
		us_problem_add(arena, &e->problems, field_of(arena, e, US_SLICE("name")),
			"is longer than %d characters", US_TRANSFER_NAME_MOST);
	else
		e->name = name;
}

static void read_enabled(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v)
{
	if (v->type == US_JSON_BOOL)
		e->enabled = v;
	else
		us_problem_add(arena, &e->problems, field_of(arena, e, US_SLICE("enabled")),
			"must be true or false, not %s", us_json_type_name(v->type));
}

static void read_configuration(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v)
{
	if (v->type == US_JSON_OBJECT)
		e->configuration = v;
	else
		us_problem_add(arena, &e->problems, field_of(arena, e, US_SLICE("configuration")),
			"must be an object, not %s", us_json_type_name(v->type));
}

static void read_type(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v)
{
	e->type = read_text(arena, e, "type", v);
}

/* NULL: the server's own, passed over. */
static const struct {
	const char *name;
	void (*read)(struct us_arena *arena, struct us_transfer_entry *e, const struct us_json *v);
} members[] = {
	{ "uniqueId", read_uuid },
	{ "name", read_name },
	{ "type", read_type },
	{ "enabled", read_enabled },
	{ "configuration", read_configuration },
	{ "id", NULL },
	{ "directoryId", NULL },
	{ "lastStatus", NULL },
	{ "heldRun", NULL },
	{ "inherited", NULL },
	{ "paused", NULL },
	{ "pausedSince", NULL },
	{ "pausedBy", NULL },
	{ "nextRuns", NULL },
	{ "missedRuns", NULL },
	{ "scheduleProblem", NULL },
	{ "created", NULL },
	{ "updated", NULL },
};
enum { N_MEMBERS = sizeof members / sizeof *members };

static void read_entry(struct us_arena *arena, const struct us_json *v, struct us_transfer_entry *e)
{
	if (v->type != US_JSON_OBJECT) {
		us_problem_add(
			arena, &e->problems, e->place, "must be an object, not %s", us_json_type_name(v->type));
		return;
	}
	for (size_t i = 0; i < v->object.n; i++) {
		const struct us_json_member *m = &v->object.members[i];
		size_t k = 0;
		while (k < N_MEMBERS && !us_slice_is(m->key, members[k].name))
			k++;
		if (k == N_MEMBERS)
			us_problem_add(arena, &e->problems, field_of(arena, e, m->key), "is unknown");
		else if (members[k].read)
			members[k].read(arena, e, &m->value);
	}
	if (!us_json_find(v, "name"))
		complain(arena, e, "name", "is required");
	if (!us_json_find(v, "configuration"))
		complain(arena, e, "configuration", "is required");
}

/* Two entries must not be one connector. At most a thousand entries, so each is compared with those before
 * it. */
static void check_unique(struct us_arena *arena, struct us_transfer *t)
{
	struct us_slice *folds = us_arena_array(arena, t->n, sizeof *folds);

	for (size_t i = 0; i < t->n; i++) {
		struct us_transfer_entry *e = &t->entries[i];
		bool same_uuid = false, same_name = false;
		if (e->name.p)
			folds[i] = us_fold(arena, e->name);
		for (size_t j = 0; j < i; j++) {
			const struct us_transfer_entry *before = &t->entries[j];
			if (e->uuid.p && !same_uuid && (same_uuid = us_slice_is_equal(e->uuid, before->uuid)))
				us_problem_add(arena, &e->problems, field_of(arena, e, US_SLICE("uniqueId")),
					"is that of %s, too", before->place);
			if (e->name.p && !same_name && (same_name = folds[j].p && us_slice_is_equal(folds[i], folds[j])))
				us_problem_add(arena, &e->problems, field_of(arena, e, US_SLICE("name")),
					"is that of %s, too", before->place);
		}
	}
}

static void read_head(struct us_arena *arena, const struct us_json *doc, struct us_transfer *t)
{
	static const char *const known[] = { "format", "formatVersion", "connectors", "secrets", "passphrase" };
	const struct us_json *version = us_json_find(doc, "formatVersion"),
						 *passphrase = us_json_find(doc, "passphrase");
	const struct us_json *secrets = us_json_find(doc, "secrets");

	for (size_t i = 0; i < doc->object.n; i++) {
		struct us_slice key = doc->object.members[i].key;
		size_t k = 0;
		while (k < sizeof known / sizeof *known && !us_slice_is(key, known[k]))
			k++;
		if (k == sizeof known / sizeof *known)
			us_problem_add(arena, &t->problems,
				us_arena_printf(arena, "%.*s", key.n > 100 ? 100 : (int)key.n, key.p), "is unknown");
	}
	if (!us_slice_is(us_json_string(doc, "format"), US_TRANSFER_FORMAT))
		us_problem_add(arena, &t->problems, "format", "must be \"" US_TRANSFER_FORMAT "\"");
	if (!version)
		us_problem_add(arena, &t->problems, "formatVersion", "is required");
	else if (version->type != US_JSON_INT || version->integer != US_TRANSFER_VERSION)
		us_problem_add(
			arena, &t->problems, "formatVersion", "this program knows version %d only", US_TRANSFER_VERSION);
	if (passphrase && passphrase->type != US_JSON_STRING)
		us_problem_add(arena, &t->problems, "passphrase", "must be a string, not %s",
			us_json_type_name(passphrase->type));
	else if (passphrase)
		t->passphrase = passphrase->string;
	if (secrets && secrets->type != US_JSON_NULL)
		t->sealed = secrets;
}

void us_transfer_read(struct us_arena *arena, const struct us_json *doc, struct us_transfer *ret_transfer)
{
	struct us_transfer t = { 0 };
	const struct us_json *list = doc;
	struct us_json *alone = NULL;

	if (doc->type == US_JSON_OBJECT && !us_json_find(doc, "connectors") &&
		us_json_find(doc, "configuration")) {
		alone = us_arena_zalloc(arena, sizeof *alone);
		alone->type = US_JSON_ARRAY;
		alone->array.items = us_arena_alloc(arena, sizeof *alone->array.items);
		alone->array.items[0] = *doc;
		alone->array.n = 1;
		list = alone;
	} else if (doc->type == US_JSON_OBJECT) {
		read_head(arena, doc, &t);
		list = us_json_find(doc, "connectors");
	}
	if (!list)
		us_problem_add(arena, &t.problems, "connectors", "is required");
	else if (list->type != US_JSON_ARRAY)
		us_problem_add(
			arena, &t.problems, "connectors", "must be an array, not %s", us_json_type_name(list->type));
	else if (list->array.n > US_TRANSFER_CONNECTORS_MOST)
		us_problem_add(arena, &t.problems, "connectors", "holds more than %d", US_TRANSFER_CONNECTORS_MOST);
	else
		t.connectors = list;
	t.n = t.connectors ? t.connectors->array.n : 0;
	t.entries = us_arena_array(arena, t.n, sizeof *t.entries);
	for (size_t i = 0; i < t.n; i++) {
		t.entries[i].place = us_arena_printf(arena, "connectors[%zu]", i);
		read_entry(arena, &t.connectors->array.items[i], &t.entries[i]);
	}
	check_unique(arena, &t);
	*ret_transfer = t;
}

bool us_transfer_is_hidden(const struct us_json *value)
{
	return !value || (value->type == US_JSON_STRING && us_slice_is(value->string, US_TRANSFER_HIDDEN));
}

void us_transfer_complain(struct us_arena *arena, const struct us_type *type,
	const struct us_option *sync_options, struct us_transfer_entry *entry, const struct us_problem *found)
{
	for (; found; found = found->next) {
		struct us_slice name = us_slice(found->field);
		if (us_option_is_secret(type->options, sync_options, name) &&
			us_transfer_is_hidden(us_json_find(entry->configuration, found->field)))
			continue;
		us_problem_add(arena, &entry->problems,
			us_arena_printf(arena, "%s.configuration.%s", entry->place, found->field), "%s", found->reason);
	}
}

void us_transfer_digest(const struct us_json *connectors, char ret_hex[65])
{
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);

	us_jsonw_value(&w, connectors);
	us_secret_sha256(us_str_slice(&text), ret_hex);
	us_str_fini(&text);
}

struct us_slice us_transfer_find_secret(
	const struct us_json *opened, struct us_slice uuid, struct us_slice setting)
{
	const struct us_json *secrets = us_json_find(opened, "secrets");

	for (int step = 0; step < 2 && secrets; step++) {
		struct us_slice key = step ? setting : uuid;
		const struct us_json *inner = NULL;
		for (size_t i = 0; secrets->type == US_JSON_OBJECT && i < secrets->object.n && !inner; i++)
			if (us_slice_is_equal(secrets->object.members[i].key, key))
				inner = &secrets->object.members[i].value;
		secrets = inner;
	}
	return secrets && secrets->type == US_JSON_STRING ? secrets->string : US_SLICE_NONE;
}
