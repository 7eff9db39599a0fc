#include "sync/want.h"

#include <stdlib.h>

#include "store/login.h"
#include "store/object.h"

enum {
	AHEAD = 8,    /* records that the plan is told of before their turn */
	AT_ONCE = 32, /* records that are mapped one after the other before they are planned: each of the two has much code of its own, which is to stay
	               * in the processor's caches */
};

static const struct us_plan_member *to_members(struct us_arena *arena, const struct us_member *members, size_t n)
{
	struct us_plan_member *out = us_arena_array(arena, n, sizeof *out);

	for (size_t i = 0; i < n; i++)
		out[i] = (struct us_plan_member) { members[i].number, members[i].owned };
	return out;
}

/* What only the predicate of cleanup wants to know. */
static enum us_errc load_names(const struct us_want *w, struct us_arena *arena, uint32_t user, const struct us_member *groups, size_t n,
	struct us_plan_given *given, struct us_err *err)
{
	struct us_slice *names = us_arena_array(arena, n, sizeof *names);
	struct us_login login = { 0 };
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < n && rc == US_OK; i++) {
		struct us_group_image image;
		rc = us_object_load_group(w->reader, arena, w->directory, groups[i].number, &image, err);
		if (rc == US_OK)
			names[i] = image.group.name;
	}
	given->group_names = names;
	if (rc)
		return rc;
	struct us_err why = US_ERR_INIT;
	rc = us_login_load(w->reader, arena, w->directory, user, &login, &why);
	given->login_s = login.at;
	if (rc == US_OK || rc == US_NOT_FOUND)
		return US_OK;
	*err = why;
	return rc;
}

enum us_errc us_want_load(const struct us_want *w, struct us_arena *arena, const struct us_plan_step *step, bool with_links,
	struct us_plan_given *ret_given, struct us_err *err)
{
	const struct us_member *users = NULL, *groups = NULL, *above = NULL;
	size_t n_users = 0, n_groups = 0, n_above = 0;
	enum us_errc rc;

	*ret_given = (struct us_plan_given) { 0 };
	if (step->kind == US_STEP_LOAD_USER) {
		struct us_user_image *image = us_arena_zalloc(arena, sizeof *image);
		rc = us_object_load_user(w->reader, arena, w->directory, step->number, image, err);
		if (rc == US_OK && with_links)
			rc = us_object_load_groups_of_user(w->reader, arena, w->directory, step->number, &groups, &n_groups, err);
		ret_given->user = image;
		if (rc == US_OK && step->with_names)
			rc = load_names(w, arena, step->number, groups, n_groups, ret_given, err);
	} else {
		struct us_group_image *image = us_arena_zalloc(arena, sizeof *image);
		rc = us_object_load_group(w->reader, arena, w->directory, step->number, image, err);
		if (rc == US_OK && step->kind == US_STEP_LOAD_MEMBERS)
			rc = us_object_load_members(w->reader, arena, w->directory, step->number, &users, &n_users, &groups, &n_groups, err);
		if (rc == US_OK && step->with_above)
			rc = us_object_load_groups_of_group(w->reader, arena, w->directory, step->number, &above, &n_above, err);
		ret_given->group = image;
	}
	if (rc == US_NOT_FOUND)
		return us_err_set(err, US_CONFLICT, "the directory changed while the plan was made; run the sync again");
	if (rc)
		return rc;
	ret_given->users = to_members(arena, users, n_users);
	ret_given->n_users = (uint32_t) n_users;
	ret_given->groups = to_members(arena, groups, n_groups);
	ret_given->n_groups = (uint32_t) n_groups;
	ret_given->above = to_members(arena, above, n_above);
	ret_given->n_above = (uint32_t) n_above;
	return US_OK;
}

static void take(const struct us_want *w, const struct us_plan_step *step)
{
	if (us_step_has_row(step->kind))
		us_rows_add(w->rows, step);
}

/* For display, when the mapping could not say. */
static struct us_slice guess_name(const struct us_record *r)
{
	static const char *const names[] = { "username", "uid", "sAMAccountName", "name", "cn", "mail", "email" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct us_field *f = us_record_find(r, us_slice(names[i]));
		if (f && f->n && f->values[0].n && f->values[0].n <= US_MAPPING_NAME_MAX_BYTES && us_slice_is_utf8(f->values[0]))
			return f->values[0];
	}
	return r->id;
}

enum us_errc us_want_map(const struct us_want *w, struct us_arena *arena, const struct us_record *r, struct us_mapped *ret_mapped,
	struct us_err *err)
{
	struct us_mapping_input in = { .record = r };

	us_mapping_user(w->mapping, &in, arena, ret_mapped);
	if (ret_mapped->kind != US_MAPPED_NEEDS_EXISTING)
		return US_OK;
	uint32_t place = us_map_find(&w->have->users.ids, us_hash_slice(r->id));
	/* Somebody new of this run has a place, too, and is not in the directory. */
	if (place != US_MAP_NONE && w->have->users.flags[place] & US_HAVE_OWNED) {
		struct us_user_image *image = us_arena_zalloc(arena, sizeof *image);
		enum us_errc rc = us_object_load_user(w->reader, arena, w->directory, w->have->users.numbers[place], image, err);
		if (rc && rc != US_NOT_FOUND)
			return rc;
		in.existing = rc ? NULL : &image->user;
	}
	in.knows_existing = true;
	us_mapping_user(w->mapping, &in, arena, ret_mapped);
	us_assert(ret_mapped->kind != US_MAPPED_NEEDS_EXISTING);
	return US_OK;
}

static enum us_errc plan_group(const struct us_want *w, struct us_arena *arena, const struct us_group *g, struct us_slice ref,
	struct us_err *err)
{
	struct us_plan_step step;

	us_plan_group(w->plan, arena, g, ref, NULL, &step);
	if (step.kind == US_STEP_LOAD_GROUP) {
		struct us_plan_given given;
		enum us_errc rc = us_want_load(w, arena, &step, false, &given, err);
		if (rc)
			return rc;
		us_plan_group(w->plan, arena, g, ref, given.group, &step);
	}
	take(w, &step);
	return US_OK;
}

/* Groups of an attribute are listed by their members: each comes with the first of them, and again with the others. */
static enum us_errc join_groups(const struct us_want *w, struct us_arena *arena, struct us_slice user_id, const struct us_mapped *mapped,
	struct us_err *err)
{
	struct us_slice *ids = us_arena_array(arena, mapped->n_groups + 1, sizeof *ids);

	for (size_t i = 0; i < mapped->n_groups; i++) {
		ids[i] = us_mapping_group_id(arena, mapped->groups[i]);
		struct us_group *g = us_arena_zalloc(arena, sizeof *g);
		*g = (struct us_group) { .id = ids[i], .name = mapped->groups[i] };
		enum us_errc rc = plan_group(w, arena, g, US_SLICE_NONE, err);
		if (rc)
			return rc;
	}
	*w->memberships += (int64_t) mapped->n_groups;
	us_plan_member_of(w->plan, user_id, ids, mapped->n_groups);
	return US_OK;
}

static bool says_active(const struct us_want *w)
{
	size_t n;
	const struct us_mapping_row *rows = us_mapping_user_rows(w->mapping, &n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].target == US_TARGET_ACTIVE)
			return true;
	return false;
}

/* A source that says nothing of it may have said it before: it lacks a column today, or we a right. Nobody is let in for that who was not. Whoever
 * was cleaned up, or has logged in since, has no hash to compare. */
static bool stays_inactive(const struct us_want *w, const struct us_record *r)
{
	const struct us_have_side *users = &w->have->users;
	uint32_t place = r->active == US_TRI_UNKNOWN ? us_map_find(&users->ids, us_hash_slice(r->id)) : US_MAP_NONE;

	return place != US_MAP_NONE && (users->flags[place] & (US_HAVE_OWNED | US_HAVE_ACTIVE | US_HAVE_RETIRED)) == US_HAVE_OWNED &&
		!us_hash_is_equal(users->hashes[place], US_HASH_ZERO) && !says_active(w);
}

static enum us_errc user(const struct us_want *w, struct us_arena *arena, const struct us_record *r, struct us_mapped *mapped,
	struct us_err *err)
{
	struct us_plan_step step;
	const struct us_user *u = &mapped->user;

	++*w->users;
	switch (mapped->kind) {
	case US_MAPPED_FAILED:
	case US_MAPPED_NEEDS_EXISTING:
		us_plan_failed(w->plan, arena, false, r->id, r->ref, guess_name(r), mapped->reason, &step);
		take(w, &step);
		if (us_mapping_has_groups(w->mapping))
			us_plan_keep_mapped_groups(w->plan);
		return US_OK;
	case US_MAPPED_FILTERED:
		us_plan_filtered(w->plan, false, r->id, r->ref, u->name.n ? u->name : guess_name(r), mapped->reason, &step);
		take(w, &step);
		return US_OK;
	case US_MAPPED_WANTED:
		break;
	}
	if (stays_inactive(w, r)) {
		mapped->user.active = false;
		++*w->unsaid;
	}
	us_plan_user(w->plan, arena, u, r->ref, NULL, &step);
	if (step.kind == US_STEP_LOAD_USER) {
		struct us_plan_given given;
		enum us_errc rc = us_want_load(w, arena, &step, false, &given, err);
		if (rc)
			return rc;
		us_plan_user(w->plan, arena, u, r->ref, given.user, &step);
	}
	take(w, &step);
	*w->memberships += (int64_t) r->n_groups;
	us_plan_member_of(w->plan, r->id, r->groups, r->n_groups);
	return mapped->n_groups ? join_groups(w, arena, r->id, mapped, err) : US_OK;
}

/* The name that the group would have if nothing else was wrong with it; NONE: it cannot be told. */
static struct us_slice name_in_spite(const struct us_want *w, struct us_arena *arena, const struct us_record *r)
{
	struct us_record record = *r;
	struct us_group g;
	struct us_slice reason;

	record.problem = US_SLICE_NONE;
	return us_mapping_group(w->mapping, &record, arena, &g, &reason) ? g.name : US_SLICE_NONE;
}

static enum us_errc group(const struct us_want *w, struct us_arena *arena, const struct us_record *r, struct us_err *err)
{
	struct us_slice reason;
	struct us_group *g = us_arena_zalloc(arena, sizeof *g);

	++*w->groups;
	if (!us_mapping_group(w->mapping, r, arena, g, &reason)) {
		struct us_plan_step step;
		us_plan_unread_group(w->plan, name_in_spite(w, arena, r));
		us_plan_failed(w->plan, arena, true, r->id, r->ref, guess_name(r), reason, &step);
		take(w, &step);
		return US_OK;
	}
	/* Invariant L: a group that has become a required one since the names were read. Who is in it was not asked for, and is not gone. */
	if (w->scope && w->scope->n && us_map_find(&w->scope->refs, us_hash_slice(r->ref.p ? r->ref : r->id)) == US_MAP_NONE)
		us_plan_unread_group(w->plan, g->name);
	enum us_errc rc = plan_group(w, arena, g, r->ref, err);
	if (rc)
		return rc;
	*w->memberships += (int64_t) r->n_members;
	us_plan_members(w->plan, r->ref.p ? r->ref : r->id, r->members, r->n_members);
	if (w->is_feed)
		us_plan_has_members(w->plan, r->id);
	return US_OK;
}

/* The users of the next records. What they are mapped to does not depend on what is planned meanwhile: somebody new has nothing in the store. */
static enum us_errc map_users(const struct us_want *w, struct us_arena *arena, const struct us_record *records, size_t n,
	struct us_mapped *ret_mapped[AT_ONCE], struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < n && i < AT_ONCE && rc == US_OK; i++)
		if (records[i].kind == US_RECORD_USER && !records[i].is_gone) {
			ret_mapped[i] = us_arena_alloc(arena, sizeof *ret_mapped[i]);
			rc = us_want_map(w, arena, &records[i], ret_mapped[i], err);
		}
	return rc;
}

enum us_errc us_want_page(const struct us_want *w, struct us_arena *arena, const struct us_page *page, struct us_err *err)
{
	struct us_mapped *mapped[AT_ONCE];

	for (size_t i = 0; i < page->n; i++) {
		const struct us_record *r = &page->records[i];
		enum us_errc rc = i % AT_ONCE ? US_OK : map_users(w, arena, r, page->n - i, mapped, err);
		if (rc)
			return rc;
		if (i + AHEAD < page->n)
			us_plan_expect(w->plan, r + AHEAD);
		if (r->is_gone) {
			us_assert(w->is_feed && r->kind != US_RECORD_MEMBERS);
			us_plan_gone(w->plan, r->kind == US_RECORD_GROUP, r->id);
			continue;
		}
		switch (r->kind) {
		case US_RECORD_USER:
			rc = user(w, arena, r, mapped[i % AT_ONCE], err);
			break;
		case US_RECORD_GROUP:
			rc = group(w, arena, r, err);
			break;
		case US_RECORD_MEMBERS:
			*w->memberships += (int64_t) r->n_members;
			us_plan_members(w->plan, r->ref, r->members, r->n_members);
			break;
		}
		if (rc)
			return rc;
	}
	return us_rows_flush(w->rows, err);
}

/* Refs of the groups that count as required, and names of some of them for people. */
struct required {
	struct us_arena *arena;
	struct us_slice *refs, names[US_WANT_SCOPE_NAMES];
	size_t n, cap;
};

static void add_required(struct required *r, struct us_slice ref, struct us_slice name)
{
	if (r->n == r->cap)
		r->refs = us_realloc(r->refs, (r->cap = r->cap ? r->cap * 2 : 32) * sizeof *r->refs);
	if (r->n < US_WANT_SCOPE_NAMES)
		r->names[r->n] = us_slice_dup(r->arena, name);
	r->refs[r->n++] = us_slice_dup(r->arena, ref);
}

static void find_required(const struct us_want *w, const struct us_rules *rules, struct us_arena *arena, const struct us_page *page,
	struct required *r)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct us_record *record = &page->records[i];
		struct us_group g;
		struct us_slice reason;
		if (record->kind != US_RECORD_GROUP || !us_mapping_group(w->mapping, record, arena, &g, &reason))
			continue;
		if (!us_rules_refuse_group(rules, g.name) && us_patterns_mark(rules->required_groups, g.name))
			add_required(r, record->ref.p ? record->ref : record->id, g.name);
	}
}

static enum us_errc read_outline(const struct us_want *w, const struct us_rules *rules, struct required *r, struct us_err *err)
{
	struct us_reader *reader;
	struct us_arena arena = US_ARENA_INIT;
	struct us_page page;
	size_t listing;
	enum us_errc rc = us_reader_open_outline(w->source, &reader, err);

	while (rc == US_OK) {
		us_arena_reset(&arena);
		rc = *w->cancel ? us_err_set(err, US_CANCELLED, "Cancelled while reading") : us_reader_next(reader, &page, &listing, err);
		if (rc == US_OK)
			find_required(w, rules, &arena, &page, r);
	}
	us_reader_close(reader);
	us_arena_fini(&arena);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_want_narrow(const struct us_want *w, const struct us_rules *rules, struct us_arena *arena, struct us_want_scope *ret_scope,
	struct us_err *err)
{
	struct required r = { .arena = arena };
	enum us_errc rc;

	*ret_scope = (struct us_want_scope) { 0 };
	if (us_patterns_is_empty(rules->required_groups) || !w->source->ops->narrow || us_mapping_has_groups(w->mapping))
		return US_OK;
	us_patterns_unmark(rules->required_groups);
	rc = read_outline(w, rules, &r, err);
	/* Where an entry names nothing, users are not cleaned up but brought up to date: all of them are to be seen. */
	bool is_known = !us_patterns_unmarked(rules->required_groups).p;
	us_patterns_unmark(rules->required_groups); /* that is for the plan to say, by what is listed then */
	if (rc == US_OK && is_known)
		rc = w->source->ops->narrow(w->source, r.refs, r.n, err);
	if (rc == US_OK && is_known) {
		struct us_slice *names = us_arena_array(arena, US_WANT_SCOPE_NAMES, sizeof *names);
		memcpy(names, r.names, sizeof r.names);
		*ret_scope = (struct us_want_scope) { names, r.n < US_WANT_SCOPE_NAMES ? r.n : US_WANT_SCOPE_NAMES, r.n, US_MAP_INIT };
		for (size_t i = 0; i < r.n; i++)
			us_map_put(&ret_scope->refs, us_hash_slice(r.refs[i]), NULL);
	}
	free(r.refs);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_want_read(const struct us_want *w, struct us_certificate *ret_certificate, struct us_err *ret_source_err,
	struct us_err *err)
{
	struct us_reader *reader;
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = us_reader_open(w->source, &reader, err);

	if (rc)
		return rc;
	while (rc == US_OK) {
		struct us_page page;
		size_t listing;
		us_arena_reset(&arena);
		if (*w->cancel) {
			us_err_set(ret_source_err, US_CANCELLED, "Cancelled while reading");
			break;
		}
		if (us_reader_next(reader, &page, &listing, ret_source_err))
			break;
		rc = us_want_page(w, &arena, &page, err);
	}
	*ret_certificate = *us_reader_certificate(reader);
	us_reader_close(reader);
	us_arena_fini(&arena);
	return rc;
}
