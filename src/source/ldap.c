#include "source/ldap.h"

#include <stdlib.h>

#include "net/dn.h"
#include "net/filter.h"
#include "source/ldap_driver.h"

#define MAX_EMPTY_PAGES 1000
#define FIRST_GROUPS 10 /* entries of the first page of groups, whose size nobody knows */
#define PAGE_BYTES (1 << 18)
#define MAX_GROUPS_OF_USER 100000
#define SIGNAL "success with an empty paging cookie"

static const struct us_ldap_base *base_of(const struct us_ldap_source *s, size_t listing)
{
	size_t users = s->settings.n_user_bases;

	return listing < users ? &s->settings.user_bases[listing] : &s->settings.group_bases[listing - users];
}

static bool is_users(const struct us_ldap_source *s, size_t listing) { return listing < s->settings.n_user_bases; }

enum us_errc us_ldap_count_requests(struct us_ldap_source *s, enum us_errc rc)
{
	const struct us_ldap_counts *c = us_ldap_get_counts(s->ldap);

	s->source.stats.binds = c->binds;
	s->source.stats.searches = c->searches;
	s->source.stats.requests = c->binds + c->searches;
	s->source.stats.bytes = c->bytes;
	return rc;
}

/* ---- life ---- */

static void name_listings(struct us_ldap_source *s)
{
	const struct us_ldap_settings *set = &s->settings;

	s->n_listings = set->n_user_bases + set->n_group_bases;
	for (size_t i = 0; i < s->n_listings; i++) {
		bool is_user = is_users(s, i), is_alone = (is_user ? set->n_user_bases : set->n_group_bases) == 1;
		const char *name = is_user && s->scope.is_on ? "users of required groups" : is_user ? "users" : "groups";
		s->listings[i] = (struct us_listing) { is_alone ? name : us_arena_printf(&s->arena, "%s in %s", name, base_of(s, i)->dn.p),
			is_user ? US_RECORD_USER : US_RECORD_GROUP };
	}
}

/* A listing that is given up takes its connection along. Servers lose count of abandoned paged searches: 389-ds then refuses the next one,
 * and a cookie would be answered amid what follows. */
static void give_up_connection(struct us_ldap_source *s)
{
	if (s->state.pending_id >= 0 || s->state.cookie.n > 0)
		us_ldap_disconnect(s->ldap);
	s->state.pending_id = -1;
	us_str_clear(&s->state.cookie);
}

static void state_fini(struct us_ldap_source *s)
{
	give_up_connection(s);
	us_str_fini(&s->state.cookie);
	us_map_fini(&s->state.first_names);
	s->state = (struct us_ldap_state) { .pending_id = -1 };
}

static void close_source(struct us_source *source)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;

	if (!s)
		return;
	state_fini(s);
	us_ldap_free(s->ldap);
	us_ldap_record_forget(s);
	us_ldap_scope_fini(s);
	us_map_fini(&s->sids);
	free(s->fields);
	free(s->refs);
	us_arena_fini(&s->arena);
	free(s);
}

/* Names of the attributes of a group, without those that hold members: a user of a group of a million asks for one name. */
static const char *const *plain_group_attributes(struct us_ldap_source *s)
{
	size_t n = 0, all = 0;

	while (s->settings.group_attributes[all])
		all++;
	const char **list = us_arena_array(&s->arena, all + 1, sizeof *list);
	for (size_t i = 0; i < all; i++) {
		bool is_membership = false;
		for (size_t j = 0; j < s->settings.n_memberships; j++) {
			struct us_slice name = s->settings.memberships[j].name;
			is_membership |= strncasecmp(s->settings.group_attributes[i], name.p, name.n) == 0;
		}
		if (!is_membership)
			list[n++] = s->settings.group_attributes[i];
	}
	return list;
}

static enum us_errc open_source(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct us_ldap_source *s = us_calloc(1, sizeof *s);
	enum us_errc rc = us_ldap_settings_read(&s->arena, conf, &s->settings, err);

	s->source.ops = &us_source_ldap;
	s->state.pending_id = -1;
	s->settings.session.cancel = cancel;
	if (!rc)
		rc = us_ldap_new(&s->settings.session, &s->ldap, err);
	/* The session has its own copies; ours of the password would point into what the caller wipes. */
	s->settings.session = (struct us_ldap_conf) { 0 };
	if (rc) {
		close_source(&s->source);
		return rc;
	}
	name_listings(s);
	s->outline_attributes = plain_group_attributes(s);
	*ret_source = &s->source;
	return US_OK;
}

static const struct us_listing *listings(struct us_source *source, size_t *ret_n)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;

	name_listings(s);
	*ret_n = s->n_listings;
	return s->listings;
}

/* ---- one page ---- */

static struct us_ldap_search query(const struct us_ldap_source *s, size_t listing, struct us_slice cookie)
{
	const struct us_ldap_settings *set = &s->settings;
	bool is_user = is_users(s, listing);

	return (struct us_ldap_search) {
		.base = base_of(s, listing)->dn.p, .scope = set->scope,
		.filter = is_user && s->scope.is_on ? s->scope.primary : is_user ? set->user_filter.p : set->group_filter.p,
		.attributes = is_user ? set->user_attributes : s->scope.is_outline ? s->outline_attributes : set->group_attributes, .page_size = set->page_size, .cookie = cookie,
		.is_domain_scope = set->is_ad,
	};
}

/* A page is to hold about PAGE_BYTES, whether its entries have one member or a million: RFC 2696 lets each request choose its size. */
static int choose_page_size(const struct us_ldap_source *s)
{
	const struct us_ldap_state *st = &s->state;
	int most = s->settings.page_size;

	if (st->rows == 0)
		return is_users(s, st->listing) || most < FIRST_GROUPS ? most : FIRST_GROUPS;
	int64_t fitting = PAGE_BYTES / (st->bytes / st->rows + 1);
	return fitting > most ? most : fitting < 1 ? 1 : (int) fitting;
}

static enum us_errc send_request(struct us_ldap_source *s, struct us_slice cookie, struct us_err *err)
{
	struct us_ldap_search q = query(s, s->state.listing, cookie);

	q.page_size = s->state.page_size = choose_page_size(s);
	return us_ldap_search_begin(s->ldap, &q, &s->state.pending_id, err);
}

static enum us_errc begin_listing(struct us_ldap_source *s, size_t listing, struct us_err *err)
{
	struct us_ldap_state *st = &s->state;

	state_fini(s);
	if (listing == 0)
		us_ldap_record_forget(s);
	st->listing = listing;
	enum us_errc rc = us_ldap_connect(s->ldap, &st->connection, err);
	return rc ? rc : send_request(s, US_SLICE_NONE, err);
}

/* The request for the page that the cookie stands for: on the same connection, or not at all. */
static enum us_errc ask_next(struct us_ldap_source *s, struct us_err *err)
{
	struct us_ldap_state *st = &s->state;
	int64_t connection;
	enum us_errc rc = us_ldap_connect(s->ldap, &connection, err);

	if (!rc && connection != st->connection)
		rc = us_err_set(err, US_UNAVAILABLE, "the connection was lost");
	return rc ? rc : send_request(s, us_str_slice(&st->cookie), err);
}

/* Whatever stops a listing that has begun leaves rows unread. */
static enum us_errc cut_short(const struct us_ldap_source *s, enum us_errc rc, struct us_err *err)
{
	const struct us_ldap_state *st = &s->state;

	if (st->pages == 0 || rc == US_CANCELLED || rc == US_PARTIAL)
		return rc;
	struct us_err why = err ? *err : (struct us_err) US_ERR_INIT;
	return us_err_set_native(err, US_PARTIAL, why.native, "the listing of %s stopped after %lld pages and %lld entries: %s",
		s->listings[st->listing].name, (long long) st->pages, (long long) st->rows, why.text);
}

/* Servers may keep one cookie for a whole listing (389-ds, Samba), so a cursor is the number of the page; pages that come round again are
 * known by their first entry. */
static enum us_errc check_progress(struct us_ldap_source *s, struct us_ldap_reply *reply, struct us_arena *arena, struct us_err *err)
{
	struct us_ldap_state *st = &s->state;
	const char *name = s->listings[st->listing].name;
	struct us_ldap_entry entry;
	struct us_slice first;
	bool is_new = true;

	if (reply->n_entries > (size_t) st->page_size)
		return us_err_set(err, US_PARTIAL, "the listing of %s: the server gave %zu entries in a page of %d; it does not page as it says", name,
			reply->n_entries, st->page_size);
	if (reply->n_entries == 0) {
		if (++st->empty_pages > MAX_EMPTY_PAGES)
			return us_err_set(err, US_PARTIAL, "the listing of %s: %d empty pages in a row", name, MAX_EMPTY_PAGES);
		return US_OK;
	}
	st->empty_pages = 0;
	enum us_errc rc = us_ldap_entry_get(reply, 0, &entry, err);
	if (rc)
		return rc;
	if (us_dn_canonicalize(arena, entry.dn, &first))
		us_map_put(&st->first_names, us_hash_slice(first), &is_new);
	us_ldap_entry_end(&entry);
	if (!is_new)
		return us_err_set(err, US_PARTIAL, "the listing of %s: page %lld begins as an earlier one; nothing is known of what follows", name,
			(long long) st->pages + 1);
	return US_OK;
}

/* A base that we may not see gives success without entries on some servers: then nobody knows whether there is such a user. */
enum us_errc us_ldap_check_base(struct us_ldap_source *s, const struct us_ldap_base *base, struct us_err *err)
{
	struct us_ldap_search q = { .base = base->dn.p, .scope = US_LDAP_BASE, .attributes = (const char *const[]) { "1.1", NULL } };
	struct us_ldap_reply *reply;
	enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);

	if (rc)
		return rc;
	if (reply->n_entries == 0)
		rc = us_err_set(err, US_DENIED, "the base %.200s cannot be read; grant the bind DN read access", base->dn.p);
	us_ldap_reply_free(reply);
	return rc;
}

/* How the reply ends the page: US_OK with or without more to come, or why the listing stops here. */
static enum us_errc judge(struct us_ldap_source *s, const struct us_ldap_reply *reply, struct us_err *err)
{
	const struct us_ldap_state *st = &s->state;
	const char *name = s->listings[st->listing].name;

	if (reply->code)
		return cut_short(s, us_ldap_explain(s->ldap, reply, base_of(s, st->listing)->dn.p, st->pages > 0, err), err);
	if (!reply->has_paging) {
		/* 389-ds answers so when the base is not there. */
		enum us_errc rc = reply->n_entries || st->pages ? US_OK : us_ldap_check_base(s, base_of(s, st->listing), err);
		if (rc)
			return rc;
		return us_err_set(err, US_PARTIAL, "the listing of %s: the server leaves out the control of paged results, so nobody knows whether it "
			"was complete; is there a proxy between?", name);
	}
	if (reply->n_references && !s->settings.ignore_referrals)
		return us_err_set(err, US_PARTIAL, "the listing of %s: other servers hold parts of the tree (%.150s); choose a base below, or set "
			"ignoreReferrals if they are not wanted", name, reply->reference.p);
	return US_OK;
}

static enum us_errc take_entries(struct us_ldap_source *s, struct us_ldap_reply *reply, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_ldap_state *st = &s->state;
	struct us_record *records = us_arena_array(arena, reply->n_entries, sizeof *records);
	enum us_record_kind kind = s->listings[st->listing].kind;
	size_t with_id = 0;
	int64_t bytes = us_ldap_get_counts(s->ldap)->bytes;

	for (size_t i = 0; i < reply->n_entries; i++) {
		struct us_ldap_entry entry;
		enum us_errc rc = us_ldap_entry_get(reply, i, &entry, err);
		if (!rc)
			rc = us_ldap_record_make(s, &entry, kind, arena, &records[i], err);
		if (rc) {
			us_ldap_entry_end(&entry);
			return rc;
		}
		with_id += records[i].id.n > 0;
	}
	if (reply->n_entries && !with_id)
		return us_err_set(err, US_DENIED, "the listing of %s: none of %zu entries shows %s; may the bind DN read it, is schema or idAttribute right?",
			s->listings[st->listing].name, reply->n_entries, s->settings.id_attribute.p);
	st->bytes += us_ldap_get_counts(s->ldap)->bytes - bytes;
	page->records = records;
	page->n = reply->n_entries;
	page->rows = (int64_t) reply->n_entries;
	return US_OK;
}

/* Invariant L: end is set only under result 0 with the control of paged results and an empty cookie. A reply that brings entries and a reason
 * to stop gives its entries now and the reason as the next page. */
static enum us_errc take_reply(struct us_ldap_source *s, struct us_ldap_reply *reply, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_ldap_state *st = &s->state;
	enum us_errc rc = check_progress(s, reply, arena, err);

	if (rc)
		return cut_short(s, rc, err);
	bool is_stopped = judge(s, reply, &st->failed) != US_OK;
	if (is_stopped && (reply->n_entries == 0 || st->failed.code != US_PARTIAL)) {
		if (err)
			*err = st->failed;
		return st->failed.code;
	}
	bool has_more = !is_stopped && reply->cookie.n > 0;
	us_str_clear(&st->cookie);
	if (has_more) {
		us_str_add_slice(&st->cookie, reply->cookie);
		/* The server works on the next page while we take this one apart. Active Directory may be asked for ranges first. */
		if (!s->settings.is_ad)
			rc = ask_next(s, err);
	}
	if (!rc)
		rc = take_entries(s, reply, arena, page, err);
	/* Nobody at all: or nobody whom we may see. */
	if (!rc && !has_more && !is_stopped && st->rows + page->rows == 0)
		rc = us_ldap_check_base(s, base_of(s, st->listing), err);
	if (rc)
		return cut_short(s, rc, err);
	st->pages++;
	st->rows += page->rows;
	if (has_more || is_stopped)
		page->next = us_slice(us_arena_printf(arena, "%lld", (long long) st->pages + 1));
	page->end = !has_more && !is_stopped;
	page->signal = page->end ? SIGNAL : NULL;
	return US_OK;
}

static enum us_errc fetch_page(struct us_ldap_source *s, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *page, struct us_err *err)
{
	struct us_ldap_state *st = &s->state;
	struct us_ldap_reply *reply;
	enum us_errc rc = US_OK;
	int64_t number;

	if (!cursor.p) {
		rc = begin_listing(s, listing, err);
	} else if (st->failed.code) {
		if (err)
			*err = st->failed;
		return st->failed.code;
	} else if (st->listing != listing || !us_slice_to_int(cursor, &number) || number != st->pages + 1) {
		return us_err_set(err, US_PARTIAL, "the listing of %s cannot go on from there", s->listings[listing].name);
	} else if (st->pending_id < 0) {
		rc = ask_next(s, err);
	}
	if (rc)
		return cut_short(s, rc, err);
	int id = st->pending_id;
	st->pending_id = -1;
	rc = us_ldap_search_end(s->ldap, id, &reply, err);
	if (rc)
		return cut_short(s, rc, err);
	rc = take_reply(s, reply, arena, page, err);
	us_ldap_reply_free(reply);
	return rc;
}

enum us_errc us_ldap_listing_fetch(struct us_ldap_source *s, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_page page = { .announced = -1 };
	struct us_err own = US_ERR_INIT;

	us_assert(listing < s->n_listings);
	enum us_errc rc = us_ldap_count_requests(s, fetch_page(s, listing, cursor, arena, &page, &own));
	if (rc) {
		give_up_connection(s);
		s->state.failed = own;
		if (err)
			*err = own;
		return rc;
	}
	*ret_page = page;
	return US_OK;
}

static enum us_errc fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_page page = { .announced = -1 };
	struct us_err own = US_ERR_INIT;

	if (!s->scope.is_on || !is_users(s, listing))
		return us_ldap_listing_fetch(s, listing, cursor, arena, ret_page, err);
	enum us_errc rc = us_ldap_count_requests(s, us_ldap_scope_fetch(s, listing, cursor, arena, &page, &own));
	if (rc) {
		if (err)
			*err = own;
		return rc;
	}
	*ret_page = page;
	return US_OK;
}

/* ---- test ---- */

static enum us_errc test_listing(struct us_ldap_source *s, size_t listing, struct us_str *notes, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_page page = { .announced = -1 };
	struct us_source *source = &s->source;
	enum us_errc rc = fetch(source, listing, US_SLICE_NONE, &arena, &page, err);

	if (!rc && !page.end && s->state.failed.code) {
		rc = s->state.failed.code;
		if (err)
			*err = s->state.failed;
	}
	if (!rc) {
		us_str_printf(notes, "%s: %lld entries on the first page%s\n", s->listings[listing].name, (long long) page.rows,
			page.end ? ", which is all" : "");
		if (page.rows == 0)
			us_str_printf(notes, "%s: nothing found; check base, filter and the rights of the bind DN\n", s->listings[listing].name);
	}
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc test_source(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_err own = US_ERR_INIT;
	enum us_errc rc = us_ldap_connect(s->ldap, NULL, &own);

	if (!rc)
		us_str_printf(notes, "connected to %s\n", us_ldap_get_url(s->ldap));
	for (size_t i = 0; !rc && i < s->n_listings; i++)
		rc = test_listing(s, i, notes, &own);
	/* A page that was sent ahead is of no use to anybody. */
	state_fini(s);
	us_ldap_disconnect(s->ldap);
	if (rc && err)
		*err = own;
	return us_ldap_count_requests(s, rc);
}

/* ---- one user ---- */

static void user_filter(const struct us_ldap_source *s, struct us_slice key, bool is_id, struct us_str *out, bool *ret_possible)
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
	struct us_ldap_search q = query(s, listing, US_SLICE_NONE);
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
		rc = us_ldap_check_base(s, base_of(s, listing), err);
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
	struct us_ldap_search q = query(s, listing, US_SLICE_NONE);
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
		if (!reply->has_paging || pages > MAX_EMPTY_PAGES || (reply->n_references && !s->settings.ignore_referrals))
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

/* Groups that name the user. */
static enum us_errc find_by_member(struct us_ldap_source *s, const char *dn, const struct us_record *user, struct us_arena *arena,
	struct records *records, struct us_err *err)
{
	struct us_str filter = US_STR_INIT;
	struct us_slice uid = value_of(user, "uid");
	enum us_errc rc = US_OK;
	size_t n = 0;

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

	user_filter(s, key, is_id, &filter, &is_possible);
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

static enum us_errc find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct records records = { 0 };
	struct us_err own = US_ERR_INIT;

	state_fini(s);
	enum us_errc rc = us_ldap_count_requests(s, find_user(s, key, is_id, arena, &records, &own));
	if (!rc) {
		struct us_record *list = us_arena_array(arena, records.n, sizeof *list);
		memcpy(list, records.list, records.n * sizeof *list);
		*ret_page = (struct us_page) { .records = list, .n = records.n, .end = true, .signal = SIGNAL, .announced = -1,
			.rows = (int64_t) records.n };
	} else if (err) {
		*err = own;
	}
	free(records.list);
	return rc;
}

/* ---- passwords ---- */

/* The name of the user's entry; US_END: the server says that there is none. */
static enum us_errc find_dn(struct us_ldap_source *s, struct us_slice id, struct us_arena *arena, const char **ret_dn, struct us_err *err)
{
	static const char *const nothing[] = { "1.1", NULL };
	struct us_str filter = US_STR_INIT;
	bool is_possible;
	size_t n = 0;
	enum us_errc rc = us_ldap_connect(s->ldap, NULL, err);

	user_filter(s, id, true, &filter, &is_possible);
	for (size_t i = 0; !rc && is_possible && i < s->settings.n_user_bases; i++) {
		struct us_ldap_search q = query(s, i, US_SLICE_NONE);
		struct us_ldap_reply *reply;
		struct us_ldap_entry entry;
		q.filter = us_str_text(&filter);
		q.attributes = nothing;
		q.page_size = 0;
		if ((rc = us_ldap_search(s->ldap, &q, &reply, err)))
			break;
		if (reply->n_references && !s->settings.ignore_referrals)
			rc = us_err_set(err, US_PARTIAL, "other servers hold parts of the tree (%.150s), one of them may know the user", reply->reference.p);
		else if (!reply->n_entries)
			rc = us_ldap_check_base(s, base_of(s, i), err);
		else if ((n += reply->n_entries) > 1)
			rc = us_err_set(err, US_CONFIG, "more than one entry has the same %s; idAttribute must tell users apart", s->settings.id_attribute.p);
		else if ((rc = us_ldap_entry_get(reply, 0, &entry, err)) == US_OK) {
			*ret_dn = us_arena_strndup(arena, entry.dn.p, entry.dn.n);
			us_ldap_entry_end(&entry);
		}
		us_ldap_reply_free(reply);
	}
	us_str_fini(&filter);
	return rc || n ? rc : US_END;
}

/* Active Directory tells by a number in its text, FreeIPA and 389 Directory Server by other results, whoever knows the control by it.
 * Spec: MS-ERREF 2.2 (the numbers), RFC 4511 appendix A (the results), 389 Directory Server's plug-ins (read 2026-11). */
static bool judge_bind(const struct us_ldap_bind *bind, enum us_authentication *ret_authentication)
{
	static const struct { char data[4]; enum us_authentication is; } windows[] = {
		{ "525", US_AUTH_UNKNOWN }, { "530", US_AUTH_INACTIVE }, { "531", US_AUTH_INACTIVE }, { "532", US_AUTH_EXPIRED }, { "533", US_AUTH_INACTIVE },
		{ "701", US_AUTH_EXPIRED }, { "773", US_AUTH_EXPIRED }, { "775", US_AUTH_INACTIVE } };
	const char *data = strstr(bind->text, ", data ");
	enum us_authentication is = US_AUTH_COUNT;

	switch (bind->code) {
	case 0:
		is = bind->policy == US_LDAP_POLICY_MUST_CHANGE ? US_AUTH_EXPIRED : US_AUTH_OK;
		break;
	case 19: /* constraint violation: too many failures */
		is = US_AUTH_INACTIVE;
		break;
	case 32: /* no such object: it went meanwhile */
		is = US_AUTH_UNKNOWN;
		break;
	case 48: /* inappropriate authentication: the entry has no password */
	case 49:
		is = bind->policy == US_LDAP_POLICY_EXPIRED || bind->policy == US_LDAP_POLICY_MUST_CHANGE ? US_AUTH_EXPIRED
			: bind->policy == US_LDAP_POLICY_LOCKED ? US_AUTH_INACTIVE : US_AUTH_WRONG;
		for (size_t i = 0; data && i < sizeof windows / sizeof *windows; i++)
			if (strncmp(data + 7, windows[i].data, 3) == 0)
				is = windows[i].is;
		break;
	case 53: /* unwilling to perform: also what a server says that wants TLS */
		if (strstr(bind->text, "nactivated") || strstr(bind->text, "ocked") || strstr(bind->text, "isabled"))
			is = US_AUTH_INACTIVE;
		break;
	}
	*ret_authentication = is;
	return is != US_AUTH_COUNT;
}

static enum us_errc authenticate(struct us_source *source, struct us_slice id, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_arena arena = US_ARENA_INIT;
	struct us_ldap_bind bind;
	const char *dn = NULL;

	state_fini(s);
	enum us_errc rc = find_dn(s, id, &arena, &dn, err);
	if (rc == US_END) {
		*ret_authentication = US_AUTH_UNKNOWN;
		rc = US_OK;
	} else if (!rc && !(rc = us_ldap_check_bind(s->ldap, dn, password, &bind, err)) && !judge_bind(&bind, ret_authentication)) {
		rc = us_err_set_native(err, US_DENIED, bind.code, "the server does not check a user's password: result %d%s%s; does it want TLS?", bind.code,
			*bind.text ? ", " : "", bind.text);
	}
	us_arena_fini(&arena);
	return us_ldap_count_requests(s, rc);
}

const struct us_source_ops us_source_ldap = {
	.type = { .name = "ldap", .title = "LDAP / Active Directory",
		.help = "Users and groups of OpenLDAP, 389 Directory Server, Active Directory or FreeIPA", .options = us_ldap_options,
		.authenticates = true },
	.open = open_source,
	.close = close_source,
	.test = test_source,
	.listings = listings,
	.fetch = fetch,
	.find = find,
	.outline = us_ldap_scope_outline,
	.narrow = us_ldap_scope_narrow,
	.authenticate = authenticate,
};
