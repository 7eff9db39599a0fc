#include "sync/explain.h"

#include "base/fold.h"
#include "model/rules.h"
#include "model/sync_options.h"
#include "store/retired.h"
#include "sync/probe.h"
#include "sync/protect.h"

enum { NESTING_MOST = 1000, RULES_MOST = 5000 };

struct explain {
	struct us_probe probe;
	struct us_slice username;
	struct us_sync_settings settings;
	struct us_rules *rules;
	struct us_mapped mapped;
	struct us_explained *out;
	bool is_required;          /* in a required group, as far as can be seen from here */
	struct us_err *err;
};

static void add_reason(struct explain *e, const char *text)
{
	if (e->out->n_reasons < US_EXPLAIN_REASONS)
		e->out->reasons[e->out->n_reasons++] = text;
}

#define reason(e, ...) add_reason(e, us_arena_printf(&(e)->out->arena, __VA_ARGS__))

/* ---- the groups ---- */

static void put_rule(struct us_jsonw *w, struct us_slice name, struct us_slice at_source, const char *outcome, const char *why)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "name", name);
	us_jsonw_put_string(w, "sourceName", at_source);
	us_jsonw_put_text(w, "outcome", outcome);
	us_jsonw_put_text(w, "why", why);
	us_jsonw_close(w, '}');
}

/* What the source calls it, before groupMapping. */
static struct us_slice name_at_source(const struct us_record *r)
{
	static const char *const names[] = { "name", "displayName", "cn", "profile.name" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct us_field *f = us_record_find(r, us_slice(names[i]));
		if (f && f->n && f->values[0].n)
			return f->values[0];
	}
	return r->id;
}

static const char *text(struct explain *e, const char *before, struct us_slice entry, const char *after)
{
	return us_arena_printf(&e->probe.arena, "%s%s" US_SLICE_FMT "%s%s", before, entry.n ? "\"" : "", US_SLICE_ARG(entry), entry.n ? "\"" : "", after);
}

/* One name on its way through the rules of groups, in the order in which a sync asks them. */
static void judge_group(struct explain *e, struct us_jsonw *w, struct us_slice name, struct us_slice at_source, const char *how)
{
	const struct us_rules *r = e->rules;
	struct us_slice required = us_patterns_find(r->required_groups, name);
	struct us_arena *arena = &e->probe.arena;

	if (required.n)
		e->is_required = true;
	if (us_rules_refuse_group(r, name)) {
		struct us_slice entry = us_patterns_find(r->group_exclude, name);
		bool is_excluded = entry.n && (us_patterns_is_empty(r->group_filter) || us_patterns_match(r->group_filter, name, true));
		put_rule(w, name, at_source, "DROPPED", is_excluded ? text(e, "groupExclude has ", entry, "") : "no entry of groupFilter matches");
		return;
	}
	if (!us_rules_is_managed(r, name)) {
		struct us_slice entry = us_patterns_find(r->unmanaged_groups, name);
		put_rule(w, name, at_source, "LEFT", entry.n ? text(e, "unmanagedGroups has ", entry, ": its members are left as they are")
			: "no entry of managedGroups matches: its members are left as they are");
		return;
	}
	struct us_slice filter = us_patterns_find(r->group_filter, name);
	bool is_renamed = at_source.p && !us_slice_is_equal(name, at_source);
	const char *why = how;
	if (is_renamed)
		why = us_arena_printf(arena, "%s; groupMapping calls it \"" US_SLICE_FMT "\"", why, US_SLICE_ARG(name));
	if (filter.n)
		why = us_arena_printf(arena, "%s; groupFilter has \"" US_SLICE_FMT "\"", why, US_SLICE_ARG(filter));
	if (required.n)
		why = us_arena_printf(arena, "%s; requiredGroups has \"" US_SLICE_FMT "\"", why, US_SLICE_ARG(required));
	put_rule(w, name, at_source, "GIVEN", why);
}

static void put_source_groups(struct explain *e, struct us_jsonw *w)
{
	size_t n = 0;

	for (size_t i = 0; i < e->probe.page.n && n < RULES_MOST; i++) {
		const struct us_record *r = &e->probe.page.records[i];
		struct us_group g;
		struct us_slice why;
		if (r->kind != US_RECORD_GROUP)
			continue;
		n++;
		if (us_mapping_group(e->probe.mapping, r, &e->probe.arena, &g, &why))
			judge_group(e, w, g.name, name_at_source(r), "the identity provider lists the user as a member");
		else
			put_rule(w, name_at_source(r), name_at_source(r), "DROPPED", text(e, "the group fails: ", why, ""));
	}
	for (size_t i = 0; i < e->mapped.n_groups && n < RULES_MOST; i++, n++)
		judge_group(e, w, e->mapped.groups[i], US_SLICE_NONE, "the mapping row groups gives it");
	for (size_t i = 0; i < e->settings.n_assigned; i++)
		put_rule(w, e->settings.assigned[i], US_SLICE_NONE, "GIVEN", "assignGroups gives it to every user");
}

/* Required groups count through nesting: what the directory knows of the groups around those that the source gave. */
static enum us_errc look_around(struct explain *e)
{
	struct us_nested *nested = NULL;
	struct us_member *direct = us_arena_array(&e->probe.arena, e->probe.page.n, sizeof *direct);
	size_t n_direct = 0, n = 0;
	struct us_dbc *c;
	enum us_errc rc;

	if (us_patterns_is_empty(e->rules->required_groups) || e->is_required)
		return US_OK;
	if ((rc = us_db_lease_reader(e->probe.store->db, &c, e->err)))
		return rc;
	for (size_t i = 0; i < e->probe.page.n && !rc; i++) {
		struct us_group g;
		struct us_slice why;
		struct us_group_image image;
		if (e->probe.page.records[i].kind != US_RECORD_GROUP || !us_mapping_group(e->probe.mapping, &e->probe.page.records[i], &e->probe.arena, &g, &why))
			continue;
		rc = us_object_find_group(c, &e->probe.arena, e->probe.connector.directory, g.name, &direct[n_direct].number, &image, e->err);
		n_direct += rc == US_OK;
		if (rc == US_NOT_FOUND)
			rc = US_OK;
	}
	if (!rc)
		rc = us_object_load_nesting(c, &e->probe.arena, e->probe.connector.directory, direct, n_direct, NESTING_MOST, &nested, &n, e->err);
	for (size_t i = 0; i < n && !rc && !e->is_required; i++) {
		struct us_group_image image;
		rc = us_object_load_group(c, &e->probe.arena, e->probe.connector.directory, nested[i].number, &image, e->err);
		if (rc == US_OK && us_patterns_match(e->rules->required_groups, image.group.name, false))
			e->is_required = true;
	}
	us_db_release(c);
	return rc;
}

/* ---- what keeps the user out ---- */

/* Somebody else of the directory has the name. */
static enum us_errc find_collision(struct explain *e, bool *ret_collides)
{
	struct us_user_image holder;
	uint32_t number;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(e->probe.store->db, &c, e->err);

	if (rc)
		return rc;
	rc = us_object_find_user(c, &e->probe.arena, e->probe.connector.directory, e->mapped.user.name, &number, &holder, e->err);
	us_db_release(c);
	*ret_collides = rc == US_OK && !(e->probe.existing && number == e->probe.existing_number);
	if (*ret_collides)
		reason(e, "The name \"" US_SLICE_FMT "\" is taken by the %suser \"" US_SLICE_FMT "\" (number %u%s" US_SLICE_FMT ") of the directory.",
			US_SLICE_ARG(e->mapped.user.name), holder.owned ? "" : "local ", US_SLICE_ARG(holder.user.name), number, holder.user.id.n ? ", id " : "",
			US_SLICE_ARG(holder.user.id));
	return rc == US_NOT_FOUND ? US_OK : rc;
}

/* Deleted by a connector of type `inactive`: known by the id alone. */
static enum us_errc find_gone(struct explain *e, bool *ret_is_gone)
{
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(e->probe.store->db, &c, e->err);

	if (rc)
		return rc;
	rc = us_retired_is_gone(c, e->probe.connector.directory, e->probe.record.id, ret_is_gone, e->err);
	us_db_release(c);
	if (*ret_is_gone)
		reason(e, "The user was deleted as inactive: a login that is reported, or a single update, brings the user back.");
	return rc;
}

static enum us_errc judge_user(struct explain *e)
{
	const struct us_user_image *existing = e->probe.existing;
	bool collides = false, is_gone = false;
	enum us_errc rc = US_OK;

	if (e->mapped.kind == US_MAPPED_FILTERED) {
		reason(e, "The user " US_SLICE_FMT ".", US_SLICE_ARG(e->mapped.reason));
		return US_OK;
	}
	if (e->mapped.kind != US_MAPPED_WANTED) {
		reason(e, "The record fails: " US_SLICE_FMT ".", US_SLICE_ARG(e->mapped.reason));
		return US_OK;
	}
	if ((rc = look_around(e)) || (rc = find_collision(e, &collides)) || (!existing && (rc = find_gone(e, &is_gone))))
		return rc;
	bool lacks = !us_patterns_is_empty(e->rules->required_groups) && !e->is_required;
	if (lacks)
		reason(e, "The user is in none of the required groups, neither directly nor through groups that the directory knows.");
	if (!existing && e->settings.create == US_CREATE_NEVER)
		reason(e, "The setting create is never: users that the directory does not have are not created.");
	if (!existing && e->settings.create == US_CREATE_SINGLE)
		reason(e, "The setting create is single: users are only created by updates of a single user.");
	e->out->is_there = existing;
	e->out->is_wanted = !collides && !lacks && !is_gone && (existing || e->settings.create != US_CREATE_NEVER);
	if (existing && !us_slice_is_equal(us_fold(&e->probe.arena, existing->user.name), us_fold(&e->probe.arena, e->username)))
		reason(e, "The directory has the user as \"" US_SLICE_FMT "\".", US_SLICE_ARG(existing->user.name));
	else if (!us_slice_is_equal(us_fold(&e->probe.arena, e->mapped.user.name), us_fold(&e->probe.arena, e->username)))
		reason(e, "The mapping makes it the user \"" US_SLICE_FMT "\".", US_SLICE_ARG(e->mapped.user.name));
	return US_OK;
}

/* ---- the source ---- */

static void put_error(struct explain *e, const struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&e->out->source);

	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "reached", false);
	us_jsonw_put_text(&w, "error", err->text);
	us_jsonw_close(&w, '}');
	us_str_add_text(&e->out->rules, "[]");
	reason(e, "The source could not be asked: %s", err->text);
}

static void put_nobody(struct explain *e)
{
	struct us_jsonw w = US_JSONW_INIT(&e->out->source);

	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "reached", true);
	us_jsonw_put_bool(&w, "found", false);
	us_jsonw_close(&w, '}');
	us_str_add_text(&e->out->rules, "[]");
	e->out->is_reached = true;
	reason(e, "The identity provider returns nobody of that name within the connector's scope and filter.");
}

static enum us_errc put_found(struct explain *e)
{
	struct us_jsonw w = US_JSONW_INIT(&e->out->source), r = US_JSONW_INIT(&e->out->rules);
	struct us_trace trace = { 0 };
	struct us_mapping_input in = { .record = &e->probe.record, .knows_existing = true, .trace = &trace };
	enum us_errc rc = us_probe_find_existing(&e->probe, e->err);

	if (rc)
		return rc;
	in.existing = e->probe.existing ? &e->probe.existing->user : NULL;
	us_mapping_user(e->probe.mapping, &in, &e->probe.arena, &e->mapped);
	bool is_wanted = e->mapped.kind == US_MAPPED_WANTED;
	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "reached", true);
	us_jsonw_put_bool(&w, "found", true);
	us_jsonw_put_string(&w, "id", e->probe.record.id);
	us_probe_put_record(&w, &e->probe.record);
	us_jsonw_put_text(&w, "outcome", us_probe_outcome(e->mapped.kind));
	us_jsonw_put_string(&w, "reason", is_wanted ? US_SLICE_NONE : e->mapped.reason);
	us_probe_put_user(&w, "wanted", is_wanted ? &e->mapped.user : NULL);
	us_probe_put_rows(&w, &trace);
	us_jsonw_close(&w, '}');
	e->out->is_reached = true;
	us_jsonw_open(&r, '[');
	put_source_groups(e, &r);
	us_jsonw_close(&r, ']');
	return judge_user(e);
}

/* By name; if the source does not know it, by the id of whom the directory has under it. */
static enum us_errc ask_source(struct explain *e, struct us_err *err)
{
	struct us_user_image image;
	uint32_t number;
	struct us_dbc *c;
	enum us_errc rc = us_probe_ask(&e->probe, e->username, false, err);

	if (rc != US_NOT_FOUND)
		return rc;
	if (us_db_lease_reader(e->probe.store->db, &c, err))
		return err->code;
	rc = us_object_find_user(c, &e->probe.arena, e->probe.connector.directory, e->username, &number, &image, err);
	us_db_release(c);
	if (rc || !image.owned || !image.user.id.n)
		return rc ? rc : US_NOT_FOUND;
	return us_probe_ask(&e->probe, image.user.id, true, err);
}

/* Whoever is protected is left as they are, whatever is said above. */
static enum us_errc find_protection(struct explain *e)
{
	struct us_probe *p = &e->probe;
	struct us_user_image image, *user = p->existing;
	struct us_have have = { 0 };
	uint32_t number = p->existing_number;
	struct us_dbc *c;
	enum us_errc rc = us_db_lease_reader(p->store->db, &c, e->err);

	if (rc)
		return rc;
	if (!user && (rc = us_object_find_user(c, &p->arena, p->connector.directory, e->username, &number, &image, e->err)) == US_OK)
		user = &image;
	struct us_slice entry = user && user->owned ? us_patterns_find(e->rules->protected_users, user->user.name) : US_SLICE_NONE;
	if (user && user->owned && !entry.n) {
		us_have_add(&have.users, us_hash_slice(user->user.id), us_fold_hash(user->user.name), number, US_HASH_ZERO, US_HASH_ZERO, US_HAVE_OWNED, false);
		rc = us_protect_members(c, p->connector.directory, e->rules, true, &have, e->err);
	}
	us_db_release(c);
	bool is_member = have.users.n && have.users.flags[0] & US_HAVE_PROTECTED;
	us_have_fini(&have);
	if (entry.n)
		reason(e, "protectedUsers has \"" US_SLICE_FMT "\": a sync leaves the user as it is.", US_SLICE_ARG(entry));
	else if (is_member)
		reason(e, "protectedUsers names a group that the user is in: a sync leaves the user as it is.");
	e->out->is_wanted &= !entry.n && !is_member;
	return rc == US_NOT_FOUND ? US_OK : rc;
}

enum us_errc us_sync_explain(struct us_store *store, const struct us_explain_ask *ask, const atomic_bool *cancel, struct us_explained *ret,
	struct us_err *err)
{
	struct explain e = { .probe = { .store = store, .cancel = cancel }, .username = ask->username, .out = ret, .err = err };
	struct us_err source_err = US_ERR_INIT;
	enum us_errc rc;

	*ret = (struct us_explained) { .arena = US_ARENA_INIT };
	rc = us_probe_open(&e.probe, ask->connector, ask->configuration, err);
	if (rc == US_OK) {
		const struct us_json *common = us_sync_settings_common(&e.probe.arena, e.probe.ops->type.options, e.probe.configuration);
		us_sync_settings_read(common, NULL, &e.settings);
		e.rules = us_rules_new(common);
		enum us_errc asked = ask_source(&e, &source_err);
		if (asked == US_OK)
			rc = put_found(&e);
		else if (asked == US_NOT_FOUND)
			put_nobody(&e);
		else
			put_error(&e, &source_err);
		if (rc == US_OK)
			rc = find_protection(&e);
	}
	us_rules_free(e.rules);
	us_probe_close(&e.probe);
	return rc;
}
