#include "serve/scim_object.h"

#include "base/clock.h"
#include "model/scim_id.h"

struct us_slice us_scim_object_id(struct us_arena *arena, bool is_group, uint32_t number) { return us_scim_id(arena, is_group, number); }

bool us_scim_object_parse_id(struct us_slice id, bool *ret_is_group, uint32_t *ret_number) { return us_scim_id_parse(id, ret_is_group, ret_number); }

static struct us_slice address_of(struct us_arena *arena, struct us_slice base, bool is_group, struct us_slice id)
{
	struct us_slice endpoint = is_group ? US_SLICE("/Groups/") : US_SLICE("/Users/");
	char *text = us_arena_alloc(arena, base.n + endpoint.n + id.n + 1), *p = text;

	p = mempcpy(p, base.p, base.n);
	p = mempcpy(p, endpoint.p, endpoint.n);
	p = mempcpy(p, id.p, id.n);
	*p = '\0';
	return (struct us_slice) { text, (size_t) (p - text) };
}

/* ---- users ---- */

/* The types of an attribute's values stand in a further attribute beside it, one for each. NULL: it has none. */
static const struct us_field *find_types(const struct us_user *user, const struct us_field *field)
{
	for (size_t i = 0; i < user->n_attributes; i++) {
		const struct us_field *f = &user->attributes[i];
		if (f->n == field->n && f->name.n == field->name.n + strlen(US_SCIM_TYPES) && memcmp(f->name.p, field->name.p, field->name.n) == 0 &&
			memcmp(f->name.p + field->name.n, US_SCIM_TYPES, strlen(US_SCIM_TYPES)) == 0)
			return f;
	}
	return NULL;
}

static struct us_json values_of(struct us_arena *arena, const struct us_user *user, const struct us_field *field)
{
	const struct us_field *types = find_types(user, field);
	struct us_json_array list = { .arena = arena };

	for (size_t i = 0; i < field->n; i++) {
		struct us_json_object one = { .arena = arena };
		us_json_object_add_text(&one, "value", field->values[i]);
		if (types && types->values[i].n)
			us_json_object_add_text(&one, "type", types->values[i]);
		us_json_array_add(&list, us_json_object_done(&one));
	}
	return us_json_array_done(&list);
}

bool us_scim_object_has_field(const struct us_scim_attribute *a)
{
	static const char *const names[] = { "userName", "name", "displayName", "active", "emails", "groups", "password" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(a->name, names[i]) == 0)
			return true;
	return a->is_kept_whole;
}

static void add_attributes(struct us_arena *arena, const struct us_user *user, const struct us_scim_attribute *list, struct us_json_object *o)
{
	for (size_t i = 0; i < user->n_attributes; i++) {
		const struct us_field *f = &user->attributes[i];
		const struct us_scim_attribute *a = f->n ? us_scim_find_attribute(list, f->name) : NULL;
		if (!a || us_scim_object_has_field(a))
			continue;
		struct us_json whole = us_json_object_done(o);
		if (us_json_find(&whole, a->name))
			continue;
		us_json_object_add(o, us_slice(a->name), a->is_multi ? values_of(arena, user, f) : us_json_of_text(f->values[0]));
	}
}

static void add_name(struct us_arena *arena, const struct us_user *user, struct us_json_object *o)
{
	struct us_json_object name = { .arena = arena };

	us_json_object_add_text(&name, "formatted", user->full_name);
	us_json_object_add_text(&name, "familyName", user->last_name);
	us_json_object_add_text(&name, "givenName", user->first_name);
	if (name.n)
		us_json_object_add(o, US_SLICE("name"), us_json_object_done(&name));
}

static void add_email(struct us_arena *arena, const struct us_user *user, struct us_json_object *o)
{
	struct us_json_array list = { .arena = arena };
	struct us_json_object one = { .arena = arena };

	if (!user->email.p)
		return;
	us_json_object_add_text(&one, "value", user->email);
	us_json_object_add_text(&one, "type", US_SLICE("work"));
	us_json_object_add(&one, US_SLICE("primary"), us_json_of_bool(true));
	us_json_array_add(&list, us_json_object_done(&one));
	us_json_object_add(o, US_SLICE("emails"), us_json_array_done(&list));
}

static enum us_errc load_groups(const struct us_scim_source *source, struct us_arena *arena, uint32_t number, struct us_scim_object *object,
	struct us_str *content, struct us_err *err)
{
	struct us_named *groups = NULL;
	enum us_errc rc = us_group_names_list(source->group_names, source->c, arena, source->directory, number, &groups, &object->n_groups, err);

	object->groups = groups;
	for (size_t i = 0; !rc && i < object->n_groups; i++)
		us_str_add(content, (const char *) &groups[i].number, sizeof groups[i].number);
	return rc;
}

static enum us_errc add_user(const struct us_scim_source *source, struct us_arena *arena, const struct us_listed *row, bool has_links,
	struct us_json_object *o, struct us_scim_object *object, struct us_str *content, struct us_err *err)
{
	const struct us_user *user = &row->user.user;
	struct us_json_object extension = { .arena = arena };
	unsigned char bytes[US_HASH_BYTES];

	us_hash_put(us_user_hash(user), bytes);
	us_str_add(content, (const char *) bytes, sizeof bytes);
	us_json_object_add_text(o, "userName", user->name);
	add_name(arena, user, o);
	us_json_object_add_text(o, "displayName", user->full_name);
	us_json_object_add(o, US_SLICE("active"), us_json_of_bool(user->active));
	add_email(arena, user, o);
	add_attributes(arena, user, us_scim_user.schema->attributes, o);
	add_attributes(arena, user, us_scim_user.extension->attributes, &extension);
	enum us_errc rc = has_links ? load_groups(source, arena, row->number, object, content, err) : US_OK;
	if (!rc && extension.n)
		us_json_object_add(o, us_slice(us_scim_user.extension->id), us_json_object_done(&extension));
	return rc;
}

/* ---- groups ---- */

static enum us_errc add_group(const struct us_scim_source *source, struct us_arena *arena, const struct us_listed *row, bool has_links,
	struct us_json_object *o, struct us_scim_members *ret_members, struct us_str *content, struct us_err *err)
{
	const struct us_group *group = &row->group.group;
	unsigned char bytes[US_HASH_BYTES];

	us_hash_put(us_group_hash(group), bytes);
	us_str_add(content, (const char *) bytes, sizeof bytes);
	us_json_object_add_text(o, "displayName", group->name);
	if (!has_links)
		return US_OK;
	enum us_errc rc = us_object_load_members(source->c, arena, source->directory, row->number, &ret_members->users, &ret_members->n_users,
		&ret_members->groups, &ret_members->n_groups, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < ret_members->n_users; i++)
		us_str_add(content, (const char *) &ret_members->users[i].number, sizeof(uint32_t));
	us_str_add_char(content, 'g');
	for (size_t i = 0; i < ret_members->n_groups; i++)
		us_str_add(content, (const char *) &ret_members->groups[i].number, sizeof(uint32_t));
	return US_OK;
}

/* ---- both ---- */

static void add_meta(const struct us_scim_source *source, struct us_arena *arena, const struct us_scim_kind *kind, const struct us_listed *row,
	const char *version, struct us_json_object *o)
{
	struct us_json_object meta = { .arena = arena };
	char *created = us_arena_alloc(arena, US_CLOCK_ISO_BYTES), *updated = us_arena_alloc(arena, US_CLOCK_ISO_BYTES);
	bool is_group = kind == &us_scim_group;

	us_json_object_add_text(&meta, "resourceType", us_slice(kind->name));
	us_json_object_add_text(&meta, "created", us_slice(us_clock_format(row->created, created)));
	us_json_object_add_text(&meta, "lastModified", us_slice(us_clock_format(row->updated, updated)));
	us_json_object_add_text(&meta, "location", address_of(arena, source->base, is_group, us_scim_object_id(arena, is_group, row->number)));
	us_json_object_add_text(&meta, "version", us_slice(version));
	us_json_object_add(o, US_SLICE("meta"), us_json_object_done(&meta));
}

static const char *version_of(struct us_arena *arena, uint64_t hash)
{
	static const char hex[] = "0123456789abcdef";
	char *text = us_arena_strdup(arena, "W/\"0000000000000000\"");

	for (int i = 0; i < 16; i++)
		text[3 + i] = hex[hash >> (60 - 4 * i) & 15];
	return text;
}

enum us_errc us_scim_object_make(const struct us_scim_source *source, struct us_arena *arena, const struct us_scim_kind *kind,
	const struct us_listed *row, bool has_links, struct us_scim_object *ret_object, struct us_err *err)
{
	struct us_scim_object object = { .version = NULL };
	struct us_json_object o = { .arena = arena };
	struct us_str content = US_STR_INIT;
	bool is_group = kind == &us_scim_group;

	us_json_object_add_text(&o, "id", us_scim_object_id(arena, is_group, row->number));
	us_json_object_add_text(&o, "externalId", is_group ? row->group.group.id : row->user.user.id);
	enum us_errc rc = is_group ? add_group(source, arena, row, has_links, &o, &object.members, &content, err) :
		add_user(source, arena, row, has_links, &o, &object, &content, err);
	if (!rc) {
		struct us_hash hash = us_hash_slice(us_str_slice(&content));
		if (has_links)
			object.version = version_of(arena, hash.lo);
		add_meta(source, arena, kind, row, object.version, &o);
		object.resource = us_scim_resource_finish(arena, kind, &o);
		*ret_object = object;
	}
	us_str_fini(&content);
	return rc;
}

/* ---- filters ---- */

bool us_scim_object_needs_links(const struct us_logic *filter)
{
	for (const struct us_logic *leaf = us_logic_next(filter, NULL); leaf; leaf = us_logic_next(filter, leaf)) {
		const struct us_scim_path *path = &us_scim_condition_of(leaf)->path;
		if (path->attribute && (strcmp(path->attribute->name, "groups") == 0 || (path->sub && strcmp(path->sub->name, "version") == 0)))
			return true;
	}
	return false;
}

struct asking {
	const struct us_scim_source *source;
	struct us_arena *arena;
	const struct us_scim_object *object;
	uint32_t number;
	enum us_errc rc;
	struct us_err *err;
};

static bool names(const struct us_scim_condition *c, const char *part) { return c->path.sub && strcmp(c->path.sub->name, part) == 0; }

static bool is_about(const struct us_scim_condition *c, const char *part)
{
	bool is = names(c, part);

	for (const struct us_logic *leaf = c->path.filter ? us_logic_next(c->path.filter, NULL) : NULL; leaf && !is; leaf = us_logic_next(c->path.filter, leaf))
		is = names(us_scim_condition_of(leaf), part);
	return is;
}

/* What the condition is about; the name of each member costs a statement. */
static struct us_json member_of(struct asking *a, struct us_arena *arena, const struct us_scim_condition *c, bool is_group, uint32_t number)
{
	struct us_slice id = us_scim_object_id(arena, is_group, number);
	struct us_json_object o = { .arena = arena };
	struct us_str name = US_STR_INIT;

	us_json_object_add_text(&o, "value", id);
	us_json_object_add_text(&o, "type", us_slice(is_group ? us_scim_group.name : us_scim_user.name));
	if (is_about(c, "$ref"))
		us_json_object_add_text(&o, "$ref", address_of(arena, a->source->base, is_group, id));
	if (is_about(c, "display") && !a->rc)
		a->rc = us_object_load_name(a->source->c, is_group ? US_OBJECT_GROUP : US_OBJECT_USER, a->source->directory, number, &name, a->err);
	us_json_object_add_text(&o, "display", us_slice_dup(arena, us_str_slice(&name)));
	us_str_fini(&name);
	return us_json_object_done(&o);
}

/* One member by its id, as identity providers ask before they add one. */
static bool ask_member(struct asking *a, struct us_slice id)
{
	bool is_group, is_member = false;
	uint32_t number;

	if (us_scim_object_parse_id(id, &is_group, &number) && !a->rc)
		a->rc = us_object_find_member(a->source->c, a->source->directory, a->number, number, is_group, &is_member, a->err);
	return is_member;
}

/* Pieces of the list one after the other, so that a condition on a million members needs no memory for them. */
static bool ask_members(struct asking *a, const struct us_scim_condition *c)
{
	enum { PIECE = 500 };
	const struct us_member *users = NULL, *groups = NULL;
	size_t n_users = 0, n_groups = 0;
	struct us_arena lists = US_ARENA_INIT, piece = US_ARENA_INIT;
	bool wants_none = c->operator == US_SCIM_PR && !c->boolean, is = false;

	if (!a->rc)
		a->rc = us_object_load_members(a->source->c, &lists, a->source->directory, a->number, &users, &n_users, &groups, &n_groups, a->err);
	if (n_users + n_groups == 0)
		is = us_scim_condition_is_met(c, NULL, &piece);
	/* Of the pieces one must have a value that fits, or, if there must be none, all of them. */
	for (size_t from = 0; !a->rc && from < n_users + n_groups && (from == 0 || is == wants_none); from += PIECE) {
		struct us_json_array list = { .arena = &piece };
		for (size_t i = from; i < from + PIECE && i < n_users + n_groups; i++)
			us_json_array_add(&list, member_of(a, &piece, c, i >= n_users, i < n_users ? users[i].number : groups[i - n_users].number));
		struct us_json whole = us_json_array_done(&list);
		is = us_scim_condition_is_met(c, &whole, &piece);
		us_arena_reset(&piece);
	}
	us_arena_fini(&lists);
	us_arena_fini(&piece);
	return is;
}

static bool ask_groups(const struct asking *a, const struct us_scim_condition *c)
{
	const struct us_scim_object *object = a->object;
	struct us_json_array list = { .arena = a->arena };

	for (size_t i = 0; i < object->n_groups; i++) {
		struct us_json_object one = { .arena = a->arena };
		struct us_slice id = us_scim_object_id(a->arena, true, object->groups[i].number);
		us_json_object_add_text(&one, "value", id);
		us_json_object_add_text(&one, "$ref", address_of(a->arena, a->source->base, true, id));
		us_json_object_add_text(&one, "display", object->groups[i].name);
		us_json_object_add_text(&one, "type", US_SLICE("direct"));
		us_json_array_add(&list, us_json_object_done(&one));
	}
	struct us_json whole = us_json_array_done(&list);
	return us_scim_condition_is_met(c, object->n_groups ? &whole : NULL, a->arena);
}

static bool ask(void *data, const struct us_scim_condition *c, bool *ret_is)
{
	struct asking *a = data;

	if (c->path.attribute && c->path.schema == us_scim_user.schema && strcmp(c->path.attribute->name, "groups") == 0) {
		*ret_is = ask_groups(a, c);
		return true;
	}
	if (!c->path.attribute || c->path.schema != us_scim_group.schema || strcmp(c->path.attribute->name, "members") != 0)
		return false;
	bool is_value = !c->path.filter && (!c->path.sub || strcmp(c->path.sub->name, "value") == 0);
	*ret_is = is_value && c->operator == US_SCIM_EQ ? ask_member(a, c->text) : ask_members(a, c);
	return true;
}

enum us_errc us_scim_object_is_met(const struct us_scim_source *source, struct us_arena *arena, const struct us_logic *filter,
	const struct us_scim_object *object, uint32_t number, bool *ret_is, struct us_err *err)
{
	struct asking asking = { source, arena, object, number, US_OK, err };
	struct us_scim_judge judge = { .scratch = arena, .ask = ask, .data = &asking };

	*ret_is = us_scim_filter_is_met(filter, &object->resource, &judge);
	return asking.rc;
}

/* ---- members ---- */

struct us_scim_member_form us_scim_object_member_form(const struct us_scim_projection *p)
{
	return (struct us_scim_member_form) { us_scim_projection_shows(p, US_SLICE("members.value")), us_scim_projection_shows(p, US_SLICE("members.$ref")),
		us_scim_projection_shows(p, US_SLICE("members.type")), us_scim_projection_shows(p, US_SLICE("members.display")) };
}

enum us_errc us_scim_object_write_member(const struct us_scim_source *source, struct us_names *names, struct us_jsonw *w,
	struct us_scim_member_form form, bool is_group, uint32_t number, struct us_err *err)
{
	struct us_slice name = US_SLICE_NONE;
	enum us_errc rc = form.display ? us_names_load(names, source->c, number, &name, err) : US_OK;
	char text[US_SCIM_ID_BYTES];

	if (rc)
		return rc;
	struct us_slice id = us_scim_id_write(text, is_group, number);
	us_jsonw_open(w, '{');
	if (form.value)
		us_jsonw_put_string(w, "value", id);
	if (form.ref) {
		struct us_arena arena = US_ARENA_INIT;
		us_jsonw_put_string(w, "$ref", address_of(&arena, source->base, is_group, id));
		us_arena_fini(&arena);
	}
	if (form.type)
		us_jsonw_put_text(w, "type", is_group ? us_scim_group.name : us_scim_user.name);
	if (form.display)
		us_jsonw_put_string(w, "display", name);
	us_jsonw_close(w, '}');
	return US_OK;
}

/* ---- groups of a user ---- */

/* Parts of a group that are shown. */
struct group_form {
	bool value, ref, display, type;
};

static struct group_form group_form_of(const struct us_scim_projection *p)
{
	if (us_scim_projection_shows_whole(p, US_SLICE("groups")))
		return (struct group_form) { true, true, true, true };
	return (struct group_form) { us_scim_projection_shows(p, US_SLICE("groups.value")), us_scim_projection_shows(p, US_SLICE("groups.$ref")),
		us_scim_projection_shows(p, US_SLICE("groups.display")), us_scim_projection_shows(p, US_SLICE("groups.type")) };
}

static void put(struct us_str *out, struct us_slice text)
{
	memcpy(out->p + out->n, text.p, text.n);
	out->n += text.n;
}

/* Users are in dozens of groups, and their answers are mostly these: written as text, without a tree. Neither an id nor an address needs escaping. */
void us_scim_object_write_groups(const struct us_scim_source *source, struct us_jsonw *w, const struct us_scim_projection *p,
	const struct us_scim_object *object)
{
	if (!object->n_groups || !us_scim_projection_shows(p, US_SLICE("groups")))
		return;
	struct group_form form = group_form_of(p);
	/* What stands between the texts of a group is the same for all of them, and so is what stands between two groups. */
	struct us_str to_ref = US_STR_INIT, to_display = US_STR_INIT, to_next = US_STR_INIT;
	struct us_str *out = w->out;
	char text[US_SCIM_ID_BYTES];

	us_str_add_text(&to_ref, form.value ? "\"" : "");
	if (form.ref) {
		us_str_add_text(&to_ref, form.value ? ",\"$ref\":\"" : "\"$ref\":\"");
		us_str_add_slice(&to_ref, source->base);
		us_str_add_text(&to_ref, "/Groups/");
	}
	us_str_add_text(&to_display, form.ref ? "\"" : "");
	if (form.display)
		us_str_add_text(&to_display, form.value || form.ref ? ",\"display\":" : "\"display\":");
	if (form.type)
		us_str_add_text(&to_next, form.value || form.ref || form.display ? ",\"type\":\"direct\"" : "\"type\":\"direct\"");
	size_t end_n = to_next.n + 1;
	us_str_add_text(&to_next, form.value ? "},{\"value\":\"" : "},{");
	us_jsonw_key(w, "groups");
	us_jsonw_open(w, '[');
	us_str_add(out, to_next.p + end_n + 1, to_next.n - end_n - 1);
	for (size_t i = 0; i < object->n_groups; i++) {
		struct us_slice id = us_scim_id_write(text, true, object->groups[i].number);
		us_str_reserve(out, to_next.n + 2 * id.n + to_ref.n + to_display.n);
		if (i)
			put(out, us_str_slice(&to_next));
		if (form.value)
			put(out, id);
		put(out, us_str_slice(&to_ref));
		if (form.ref)
			put(out, id);
		put(out, us_str_slice(&to_display));
		if (form.display) {
			w->want_comma = false;
			us_jsonw_string(w, object->groups[i].name);
		}
	}
	us_str_add(out, to_next.p, end_n);
	us_jsonw_close(w, ']');
	us_str_fini(&to_ref);
	us_str_fini(&to_display);
	us_str_fini(&to_next);
}
