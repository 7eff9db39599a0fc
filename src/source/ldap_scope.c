/* LDAP: users of some groups only. The groups' members are read, those of the groups in them too, and then these entries, many with one search. */
#include <stdlib.h>

#include "net/dn.h"
#include "net/filter.h"
#include "source/ldap_driver.h"

enum { BATCH = 100, BATCH_BYTES = 60000, MAX_GROUPS = 1000, MAX_USERS = 20000 };
#define SIGNAL "every member of the required groups was asked for"
#define NO_SUCH_OBJECT 32
#define INVALID_DN 34

/* ---- names of groups ---- */

void us_ldap_scope_note_group(struct us_ldap_source *s, struct us_slice ref, struct us_slice dn)
{
	struct us_ldap_narrowing *scope = &s->scope;
	bool is_new;
	uint32_t at = us_map_put(&scope->groups, us_hash_slice(ref), &is_new);

	if (at >= scope->cap_groups)
		scope->group_dns = us_realloc(scope->group_dns, (scope->cap_groups = scope->cap_groups ? scope->cap_groups * 2 : 256) * sizeof *scope->group_dns);
	if (is_new)
		scope->group_dns[at] = us_slice_dup(&scope->arena, dn);
}

/* The listings of groups one after the other; a cursor is "<listing>:<cursor of that listing>". */
enum us_errc us_ldap_scope_outline(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_page page = { .announced = -1 };
	int64_t listing = (int64_t) s->settings.n_user_bases;
	struct us_slice inner = US_SLICE_NONE;

	if (cursor.p) {
		const char *colon = memchr(cursor.p, ':', cursor.n);
		if (!colon || !us_slice_to_int((struct us_slice) { cursor.p, (size_t) (colon - cursor.p) }, &listing) ||
			listing >= (int64_t) s->n_listings)
			return us_err_set(err, US_PARTIAL, "the names of groups cannot be read on from there");
		inner = (struct us_slice) { colon + 1, cursor.n - (size_t) (colon + 1 - cursor.p) };
	} else {
		us_ldap_scope_fini(s);
	}
	s->scope.is_outline = true;
	enum us_errc rc = us_ldap_listing_fetch(s, (size_t) listing, inner.n ? inner : US_SLICE_NONE, arena, &page, err);
	s->scope.is_outline = false;
	if (rc)
		return rc;
	if (page.end && listing + 1 < (int64_t) s->n_listings) {
		page.end = false;
		page.signal = NULL;
		page.next = us_slice(us_arena_printf(arena, "%lld:", (long long) listing + 1));
	} else if (!page.end) {
		page.next = us_slice(us_arena_printf(arena, "%lld:" US_SLICE_FMT, (long long) listing, US_SLICE_ARG(page.next)));
	}
	*ret_page = page;
	return US_OK;
}

/* ---- who is in them ---- */

void us_ldap_scope_fini(struct us_ldap_source *s)
{
	us_arena_fini(&s->scope.arena);
	us_map_fini(&s->scope.groups);
	us_map_fini(&s->scope.met);
	us_map_fini(&s->scope.wanted);
	free(s->scope.members);
	free(s->scope.group_dns);
	s->scope = (struct us_ldap_narrowing) { 0 };
}

static void add_member(struct us_ldap_narrowing *scope, struct us_slice name, struct us_slice dn)
{
	bool is_new;

	us_map_put(&scope->met, us_hash_slice(dn.p ? dn : name), &is_new);
	if (!is_new)
		return;
	if (scope->n_members == scope->cap_members)
		scope->members = us_realloc(scope->members, (scope->cap_members = scope->cap_members ? scope->cap_members * 2 : 256) * sizeof *scope->members);
	scope->members[scope->n_members++] = (struct us_ldap_member) { us_slice_dup(&scope->arena, name), us_slice_dup(&scope->arena, dn) };
}

/* Groups whose members are to be read, by their number of the outline. */
struct queue {
	struct us_map met;
	uint32_t groups[MAX_GROUPS];
	size_t n;
	bool is_full;
};

/* False if the outline has no such group. */
static bool add_group(const struct us_ldap_narrowing *scope, struct queue *q, struct us_slice ref)
{
	uint32_t at = us_map_find(&scope->groups, us_hash_slice(ref));
	bool is_new;

	if (at == US_MAP_NONE)
		return false;
	us_map_put(&q->met, us_hash_slice(ref), &is_new);
	if (!is_new)
		return true;
	if (q->n == MAX_GROUPS)
		q->is_full = true;
	else
		q->groups[q->n++] = at;
	return true;
}

/* One entry by its name. US_NOT_FOUND if there is none, or none that the filter takes. Owns: *ret_reply. */
static enum us_errc read_entry(struct us_ldap_source *s, const char *dn, const char *filter, const char *const *attributes,
	struct us_ldap_reply **ret_reply, struct us_ldap_entry *ret_entry, struct us_err *err)
{
	struct us_ldap_search q = { .base = dn, .scope = US_LDAP_BASE, .filter = filter, .attributes = attributes };
	enum us_errc rc = us_ldap_search(s->ldap, &q, ret_reply, err);

	if (rc)
		return err->native == NO_SUCH_OBJECT || err->native == INVALID_DN ? us_err_set(err, US_NOT_FOUND, "there is no %.200s", dn) : rc;
	if ((*ret_reply)->n_entries == 1)
		rc = us_ldap_entry_get(*ret_reply, 0, ret_entry, err);
	else if ((*ret_reply)->n_references && !s->settings.ignore_referrals)
		rc = us_err_set(err, US_PARTIAL, "another server holds %.200s", dn);
	else
		rc = us_err_set(err, US_NOT_FOUND, "there is no %.200s", dn);
	if (rc)
		us_ldap_reply_free(*ret_reply);
	return rc;
}

/* Active Directory: whose primary group it is is in nobody's list, only the group's number is in the user. */
static enum us_errc add_primary(struct us_ldap_source *s, const char *dn, struct us_str *filter, struct us_err *err)
{
	struct us_ldap_reply *reply;
	struct us_ldap_entry entry;
	struct us_ldap_attribute a;
	enum us_errc rc = read_entry(s, dn, NULL, (const char *const[]) { "objectSid", NULL }, &reply, &entry, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_END : rc;
	while ((rc = us_ldap_attribute_next(&entry, &a, err)) == US_OK)
		if (us_slice_is_nocase(a.name, "objectSid") && a.n && a.values[0].n >= 12) {
			const unsigned char *rid = (const unsigned char *) a.values[0].p + a.values[0].n - 4;
			us_str_printf(filter, "(primaryGroupID=%lu)", (unsigned long) rid[0] | (unsigned long) rid[1] << 8 |
				(unsigned long) rid[2] << 16 | (unsigned long) rid[3] << 24);
		}
	us_ldap_reply_free(reply);
	return rc == US_END ? US_OK : rc;
}

static enum us_errc read_group(struct us_ldap_source *s, const char *dn, struct queue *q, struct us_str *primary, struct us_arena *arena,
	struct us_err *err)
{
	struct us_ldap_reply *reply;
	struct us_ldap_entry entry;
	struct us_record group;
	enum us_errc rc = read_entry(s, dn, s->settings.group_filter.p, s->settings.group_attributes, &reply, &entry, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_END : rc; /* gone, or renamed, since its name was read: whose members it has is not known */
	s->scope.keeps_names = true;
	rc = us_ldap_record_make(s, &entry, US_RECORD_GROUP, arena, &group, err);
	s->scope.keeps_names = false;
	us_ldap_entry_end(&entry);
	us_ldap_reply_free(reply);
	for (size_t i = 0; !rc && i < group.n_members; i++) {
		struct us_slice dn_of = US_SLICE_NONE;
		us_dn_canonicalize(arena, group.members[i], &dn_of);
		if (!dn_of.p || !add_group(&s->scope, q, dn_of))
			add_member(&s->scope, group.members[i], dn_of);
	}
	return rc || !s->settings.is_ad ? rc : add_primary(s, dn, primary, err);
}

/* Members are looked up by what the groups say. Where the users say it, or only a part of a tree is meant, all are read. */
static bool can_narrow(const struct us_ldap_source *s, size_t n)
{
	return n > 0 && !s->settings.has_member_of && s->settings.scope == US_LDAP_SUB;
}

enum us_errc us_ldap_scope_narrow(struct us_source *source, const struct us_slice *refs, size_t n, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct queue *q = us_calloc(1, sizeof *q);
	struct us_str primary = US_STR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_err own = US_ERR_INIT;
	enum us_errc rc = can_narrow(s, n) ? us_ldap_connect(s->ldap, NULL, &own) : US_END;

	for (size_t i = 0; i < n; i++)
		add_group(&s->scope, q, refs[i]);
	for (size_t i = 0; !rc && i < q->n; i++) {
		us_arena_reset(&arena);
		rc = read_group(s, s->scope.group_dns[q->groups[i]].p, q, &primary, &arena, &own);
		if (!rc && (q->is_full || s->scope.n_members > MAX_USERS))
			rc = US_END;
	}
	if (!rc) {
		s->scope.is_on = true;
		s->scope.wanted = q->met;
		q->met = (struct us_map) US_MAP_INIT;
		if (primary.n)
			s->scope.primary = us_arena_printf(&s->scope.arena, "(&%s(|%s))", s->settings.user_filter.p, us_str_text(&primary));
	} else {
		us_ldap_scope_fini(s);
	}
	if (rc && rc != US_END && err)
		*err = own;
	us_str_fini(&primary);
	us_map_fini(&q->met);
	free(q);
	us_arena_fini(&arena);
	return us_ldap_count_requests(s, rc);
}

void us_ldap_scope_look_at_member(struct us_ldap_source *s, struct us_slice canonical)
{
	struct us_hash key = us_hash_slice(canonical);

	if (s->scope.is_on && us_map_find(&s->scope.met, key) == US_MAP_NONE && us_map_find(&s->scope.wanted, key) == US_MAP_NONE)
		s->scope.has_stranger = true;
}

enum us_errc us_ldap_scope_check_group(struct us_ldap_source *s, struct us_slice ref, struct us_err *err)
{
	if (!s->scope.is_on || !s->scope.has_stranger || us_map_find(&s->scope.wanted, us_hash_slice(ref)) == US_MAP_NONE)
		return US_OK;
	return us_err_set(err, US_PARTIAL, "somebody came into a required group while its members were read (%.200s): the next sync reads them", ref.p);
}

/* ---- reading them ---- */

static const char *dn_attribute(const struct us_ldap_source *s) { return s->settings.is_ad ? "distinguishedName" : "entryDN"; }

static enum us_errc take_entries(struct us_ldap_source *s, struct us_ldap_reply *reply, struct us_map *found, struct us_arena *arena,
	struct us_record *records, size_t *n, struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; !rc && i < reply->n_entries; i++) {
		struct us_ldap_entry entry;
		rc = us_ldap_entry_get(reply, i, &entry, err);
		if (rc)
			break;
		rc = us_ldap_record_make(s, &entry, US_RECORD_USER, arena, &records[*n], err);
		us_ldap_entry_end(&entry);
		if (!rc)
			us_map_put(found, us_hash_slice(records[(*n)++].ref), NULL);
	}
	return rc;
}

/* One search for all of them. */
static enum us_errc ask_many(struct us_ldap_source *s, const struct us_ldap_base *base, const char *filter, struct us_map *found,
	struct us_arena *arena, struct us_record *records, size_t *n, struct us_err *err)
{
	struct us_ldap_search q = { .base = base->dn.p, .scope = US_LDAP_SUB, .filter = filter, .attributes = s->settings.user_attributes,
		.is_domain_scope = s->settings.is_ad };
	struct us_ldap_reply *reply;
	enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);

	if (rc)
		return rc;
	if (reply->n_references && !s->settings.ignore_referrals)
		rc = us_err_set(err, US_PARTIAL, "the users of required groups: other servers hold parts of the tree (%.150s)", reply->reference.p);
	else if (reply->n_entries > BATCH)
		rc = us_err_set(err, US_PARTIAL, "the users of required groups: asked for %d names, the server gave %zu entries", BATCH, reply->n_entries);
	else
		rc = take_entries(s, reply, found, arena, records, n, err);
	us_ldap_reply_free(reply);
	return rc;
}

/* Invariant L: that a search for many did not give an entry does not say that it is not there; a server may not know how to find entries by their
 * names. Each that is missing is asked for by itself, and if there is one, the search is not used again. */
static enum us_errc ask_one(struct us_ldap_source *s, const struct us_ldap_member *member, struct us_map *found, struct us_arena *arena, struct us_record *records,
	size_t *n, struct us_err *err)
{
	struct us_ldap_reply *reply;
	struct us_ldap_entry entry;
	enum us_errc rc = read_entry(s, member->name.p, s->settings.user_filter.p, s->settings.user_attributes, &reply, &entry, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	us_ldap_entry_end(&entry);
	rc = take_entries(s, reply, found, arena, records, n, err);
	us_ldap_reply_free(reply);
	s->scope.asks_each = true;
	return rc;
}

/* The next members below this base, and the filter for them. Returns how many. */
static size_t choose_names(struct us_ldap_source *s, const struct us_ldap_base *base, const struct us_ldap_member **names, struct us_str *filter)
{
	struct us_ldap_narrowing *scope = &s->scope;
	size_t n = 0;

	us_str_printf(filter, "(&%s(|", s->settings.user_filter.p);
	for (; n < BATCH && filter->n < BATCH_BYTES && scope->at < scope->n_members; scope->at++) {
		const struct us_ldap_member *m = &scope->members[scope->at];
		if (!m->dn.p || !us_dn_is_within(m->dn, base->canonical))
			continue;
		us_str_printf(filter, "(%s=", dn_attribute(s));
		us_filter_add_value(filter, m->name);
		us_str_add_char(filter, ')');
		names[n++] = m;
	}
	us_str_add_text(filter, "))");
	return n;
}

/* The same for user names: whatever may be one. */
static size_t choose_uids(struct us_ldap_source *s, struct us_str *filter)
{
	struct us_ldap_narrowing *scope = &s->scope;
	size_t n = 0;

	us_str_printf(filter, "(&%s(|", s->settings.user_filter.p);
	for (; s->settings.has_member_uid && n < BATCH && filter->n < BATCH_BYTES && scope->at_uid < scope->n_members; scope->at_uid++) {
		const struct us_ldap_member *m = &scope->members[scope->at_uid];
		bool is_name = false;
		for (size_t i = 0; m->dn.p && i < s->settings.n_user_bases; i++)
			is_name |= us_dn_is_within(m->dn, s->settings.user_bases[i].canonical);
		if (is_name)
			continue;
		us_str_add_text(filter, "(uid=");
		us_filter_add_value(filter, m->name);
		us_str_add_char(filter, ')');
		n++;
	}
	us_str_add_text(filter, "))");
	return n;
}

static enum us_errc fetch_named(struct us_ldap_source *s, const struct us_ldap_base *base, struct us_arena *arena, struct us_record *records, size_t *n,
	struct us_err *err)
{
	struct us_str filter = US_STR_INIT;
	const struct us_ldap_member *names[BATCH];
	struct us_map found = US_MAP_INIT;
	size_t n_names = choose_names(s, base, names, &filter);
	enum us_errc rc = US_OK;

	if (n_names && !s->scope.asks_each)
		rc = ask_many(s, base, us_str_text(&filter), &found, arena, records, n, err);
	for (size_t i = 0; !rc && i < n_names; i++)
		if (us_map_find(&found, us_hash_slice(names[i]->dn)) == US_MAP_NONE)
			rc = ask_one(s, names[i], &found, arena, records, n, err);
	if (!rc && n_names == 0) {
		us_str_clear(&filter);
		if (choose_uids(s, &filter))
			rc = ask_many(s, base, us_str_text(&filter), &found, arena, records, n, err);
	}
	us_map_fini(&found);
	us_str_fini(&filter);
	return rc;
}

/* Pages: batches of names, batches of user names, then the pages of the primary groups' users, whose cursors begin with "p". */
enum us_errc us_ldap_scope_fetch(struct us_ldap_source *s, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	const struct us_ldap_base *base = &s->settings.user_bases[listing];
	struct us_ldap_narrowing *scope = &s->scope;
	struct us_record *records = us_arena_array(arena, 2 * BATCH, sizeof *records);
	size_t n = 0;
	enum us_errc rc = US_OK;

	if (!cursor.p) {
		scope->at = scope->at_uid = scope->pages = 0;
		scope->rows = 0;
		if (listing == 0)
			us_ldap_record_forget(s);
		rc = us_ldap_connect(s->ldap, NULL, err);
	}
	bool is_primary = cursor.n && cursor.p[0] == 'p';
	if (!rc && is_primary) {
		struct us_slice inner = { cursor.p + 1, cursor.n - 1 };
		rc = us_ldap_listing_fetch(s, listing, inner.n ? inner : US_SLICE_NONE, arena, page, err);
		if (!rc && !page->end)
			page->next = us_slice(us_arena_printf(arena, "p" US_SLICE_FMT, US_SLICE_ARG(page->next)));
		return rc;
	}
	if (!rc)
		rc = fetch_named(s, base, arena, records, &n, err);
	if (rc)
		return rc;
	scope->rows += (int64_t) n;
	*page = (struct us_page) { .records = records, .n = n, .rows = (int64_t) n, .announced = -1 };
	if (scope->at < scope->n_members || (s->settings.has_member_uid && scope->at_uid < scope->n_members)) {
		page->next = us_slice(us_arena_printf(arena, "%zu", ++scope->pages));
	} else if (scope->primary) {
		page->next = US_SLICE("p");
	} else {
		/* Nobody at all: or nobody whom we may see. */
		if (scope->rows == 0)
			rc = us_ldap_check_base(s, base, err);
		page->end = true;
		page->signal = SIGNAL;
	}
	return us_ldap_count_requests(s, rc);
}
