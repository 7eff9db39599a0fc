/* LDAP: one user with the groups. */
#include <stdlib.h>

#include "net/dn.h"
#include "net/filter.h"
#include "source/ldap_driver.h"

#define MAX_GROUPS_OF_USER 100000

void us_ldap_add_user_filter(const struct us_ldap_source *s, struct us_slice key, bool is_id, struct us_str *out, bool *ret_possible)
{
	us_str_printf(out, "(&%s(%s=", s->settings.user_filter.p, is_id ? s->settings.id_attribute.p : s->settings.username_attribute.p);
	*ret_possible = true;
	if (is_id)
		*ret_possible = us_ldap_record_add_id(s, out, key);
	else
		us_filter_add_value(out, key);
	us_str_add_text(out, "))");
}

/* *ret_found says whether the user is below this base. */
static enum us_errc find_in_base(struct us_ldap_source *s, size_t listing, const char *filter, struct us_slice key, struct us_arena *arena,
	struct us_record *ret_user, const char **ret_dn, bool *ret_found, struct us_err *err)
{
	struct us_ldap_search q = us_ldap_query(s, listing, US_SLICE_NONE);
	struct us_ldap_reply *reply;
	struct us_ldap_entry entry;

	q.filter = filter;
	q.page_size = 0;
	enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);
	if (rc)
		return rc;
	if (reply->n_references && !s->settings.ignore_referrals)
		rc = us_err_set(err, US_PARTIAL, "other servers hold parts of the tree (%.150s), one of them may know the user", reply->reference.p);
	else if (reply->n_entries == 0)
		rc = us_ldap_check_base(s, us_ldap_base_of(s, listing), err);
	else if (reply->n_entries > 1 || *ret_found)
		rc = us_err_set(err, US_CONFIG, "more than one entry has the %s " US_SLICE_FMT "; usernameAttribute must tell users apart",
			s->settings.username_attribute.p, (int) (key.n < 150 ? key.n : 150), key.p);
	else if ((rc = us_ldap_entry_get(reply, 0, &entry, err)) == US_OK) {
		*ret_dn = us_arena_strndup(arena, entry.dn.p, entry.dn.n);
		rc = us_ldap_record_make(s, &entry, US_RECORD_USER, arena, ret_user, err);
		us_ldap_entry_end(&entry);
		*ret_found = true;
	}
	us_ldap_reply_free(reply);
	return rc;
}

struct records {
	struct us_record *list;
	size_t n, cap;
};

static struct us_record *add_record(struct records *r)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->list = us_realloc(r->list, r->cap * sizeof *r->list);
	}
	return &r->list[r->n++];
}

/* The groups of a reply, without their members. */
static enum us_errc take_groups(struct us_ldap_source *s, struct us_ldap_reply *reply, struct us_arena *arena, struct records *records,
	struct us_err *err)
{
	enum us_errc rc = US_OK;

	for (size_t i = 0; !rc && i < reply->n_entries; i++) {
		struct us_ldap_entry entry;
		if (records->n >= MAX_GROUPS_OF_USER)
			return us_err_set(err, US_PARTIAL, "a user in more than %d groups", MAX_GROUPS_OF_USER);
		rc = us_ldap_entry_get(reply, i, &entry, err);
		if (!rc) {
			rc = us_ldap_record_make(s, &entry, US_RECORD_GROUP, arena, add_record(records), err);
			us_ldap_entry_end(&entry);
		}
	}
	return rc;
}

static struct us_slice value_of(const struct us_record *user, const char *name)
{
	const struct us_field *f = us_record_find(user, us_slice(name));

	return f && f->n ? f->values[0] : US_SLICE_NONE;
}

/* All groups below one base that the filter finds, over all pages. */
static enum us_errc list_groups(struct us_ldap_source *s, size_t listing, const char *filter, struct us_arena *arena, struct records *records,
	struct us_err *err)
{
	struct us_ldap_search q = us_ldap_query(s, listing, US_SLICE_NONE);
	struct us_str cookie = US_STR_INIT;
	enum us_errc rc = US_OK;
	bool is_end = false;

	q.filter = filter;
	q.attributes = s->outline_attributes;
	for (int pages = 0; !rc && !is_end; pages++) {
		struct us_ldap_reply *reply;
		q.cookie = pages ? us_str_slice(&cookie) : US_SLICE_NONE;
		rc = us_ldap_search(s->ldap, &q, &reply, err);
		if (rc)
			break;
		if (!reply->has_paging || pages > US_LDAP_MAX_EMPTY_PAGES || (reply->n_references && !s->settings.ignore_referrals))
			rc = us_err_set(err, US_PARTIAL, "the groups of the user could not be read to the end");
		else
			rc = take_groups(s, reply, arena, records, err);
		us_str_clear(&cookie);
		us_str_add_slice(&cookie, reply->cookie);
		is_end = cookie.n == 0;
		us_ldap_reply_free(reply);
	}
	us_str_fini(&cookie);
	return rc;
}

/* memberUid does not say which of two users with one uid it means. */
static enum us_errc check_uid(struct us_ldap_source *s, struct us_slice uid, struct us_err *err)
{
	struct us_str filter = US_STR_INIT;
	enum us_errc rc = US_OK;
	size_t n = 0;

	us_str_printf(&filter, "(&%s(uid=", s->settings.user_filter.p);
	us_filter_add_value(&filter, uid);
	us_str_add_text(&filter, "))");
	for (size_t i = 0; !rc && i < s->settings.n_user_bases; i++) {
		struct us_ldap_search q = us_ldap_query(s, i, US_SLICE_NONE);
		struct us_ldap_reply *reply;
		q.filter = us_str_text(&filter);
		q.attributes = (const char *const[]) { "1.1", NULL };
		q.page_size = 0;
		if ((rc = us_ldap_search(s->ldap, &q, &reply, err)))
			break;
		n += reply->n_entries;
		us_ldap_reply_free(reply);
	}
	us_str_fini(&filter);
	return rc || n < 2 ? rc : us_err_set(err, US_CONFIG, "more than one user has the uid " US_SLICE_FMT ", which memberUid names",
		(int) (uid.n < 150 ? uid.n : 150), uid.p);
}

/* Groups that name the user. */
static enum us_errc find_by_member(struct us_ldap_source *s, const char *dn, const struct us_record *user, struct us_arena *arena,
	struct records *records, struct us_err *err)
{
	struct us_str filter = US_STR_INIT;
	struct us_slice uid = value_of(user, "uid");
	enum us_errc rc = US_OK;
	size_t n = 0;

	if (s->settings.has_member_uid && uid.n)
		rc = check_uid(s, uid, err);
	us_str_printf(&filter, "(&%s(|", s->settings.group_filter.p);
	for (size_t i = 0; i < s->settings.n_memberships; i++) {
		const struct us_ldap_membership_attribute *m = &s->settings.memberships[i];
		if (m->kind == US_LDAP_MEMBER_OF || (m->kind == US_LDAP_MEMBER_UID && !uid.n))
			continue;
		us_str_printf(&filter, "(%s=", m->name.p);
		us_filter_add_value(&filter, m->kind == US_LDAP_MEMBER_UID ? uid : us_slice(dn));
		us_str_add_char(&filter, ')');
		n++;
	}
	us_str_add_text(&filter, "))");
	for (size_t i = s->settings.n_user_bases; !rc && n && i < s->n_listings; i++)
		rc = list_groups(s, i, us_str_text(&filter), arena, records, err);
	us_str_fini(&filter);
	return rc;
}

/* Groups that the user names (memberOf, primary group): each is read by its own name, if it is one of those that are synced. name: as the server
 * writes it, since it may not know the canonical form: "Straße" is not "strasse" to it. */
static enum us_errc find_by_name(struct us_ldap_source *s, struct us_slice name, struct us_arena *arena, struct records *records,
	struct us_err *err)
{
	struct us_slice ref = name;
	struct us_ldap_search q = { .base = us_arena_strndup(arena, name.p, name.n), .scope = US_LDAP_BASE, .filter = s->settings.group_filter.p,
		.attributes = s->outline_attributes };
	struct us_ldap_reply *reply;
	bool is_within = false;

	us_dn_canonicalize(arena, name, &ref);
	for (size_t i = 0; i < s->settings.n_group_bases; i++)
		is_within |= us_dn_is_within(ref, s->settings.group_bases[i].canonical);
	for (size_t i = 0; i < records->n; i++)
		if (us_slice_is_equal(records->list[i].ref, ref))
			return US_OK;
	if (!is_within)
		return US_OK;
	enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);
	if (rc)
		return err && err->native == 32 ? US_OK : rc; /* gone since: no membership */
	rc = take_groups(s, reply, arena, records, err);
	us_ldap_reply_free(reply);
	return rc;
}

static enum us_errc find_user(struct us_ldap_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct records *records,
	struct us_err *err)
{
	struct us_str filter = US_STR_INIT;
	struct us_record user;
	const char *dn = NULL;
	bool is_possible, is_found = false;
	enum us_errc rc = us_ldap_connect(s->ldap, NULL, err);

	us_ldap_add_user_filter(s, key, is_id, &filter, &is_possible);
	s->scope.keeps_names = true;
	for (size_t i = 0; !rc && is_possible && i < s->settings.n_user_bases; i++)
		rc = find_in_base(s, i, us_str_text(&filter), key, arena, &user, &dn, &is_found, err);
	s->scope.keeps_names = false;
	us_str_fini(&filter);
	if (!rc && !is_found)
		rc = us_err_set(err, US_NOT_FOUND, "no user has the %s " US_SLICE_FMT, is_id ? s->settings.id_attribute.p
			: s->settings.username_attribute.p, (int) (key.n < 200 ? key.n : 200), key.p);
	if (!rc)
		rc = find_by_member(s, dn, &user, arena, records, err);
	for (size_t i = 0; !rc && i < user.n_groups; i++)
		rc = find_by_name(s, user.groups[i], arena, records, err);
	if (rc)
		return rc;
	struct us_slice *groups = us_arena_array(arena, records->n, sizeof *groups);
	for (size_t i = 0; i < records->n; i++)
		groups[i] = records->list[i].ref;
	user.groups = groups;
	user.n_groups = records->n;
	*add_record(records) = user;
	return US_OK;
}

enum us_errc us_ldap_find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct records records = { 0 };
	struct us_err own = US_ERR_INIT;

	us_ldap_give_up(s);
	enum us_errc rc = us_ldap_count_requests(s, find_user(s, key, is_id, arena, &records, &own));
	if (!rc) {
		struct us_record *list = us_arena_array(arena, records.n, sizeof *list);
		memcpy(list, records.list, records.n * sizeof *list);
		*ret_page = (struct us_page) { .records = list, .n = records.n, .end = true, .signal = US_LDAP_SIGNAL, .announced = -1,
			.rows = (int64_t) records.n };
	} else if (err) {
		*err = own;
	}
	free(records.list);
	return rc;
}
