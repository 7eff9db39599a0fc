/* LDAP: listings, a page at a time. */
#include <stdlib.h>

#include "net/dn.h"
#include "source/ldap_driver.h"

#define FIRST_GROUPS 10 /* entries of the first page of groups, whose size nobody knows */
#define PAGE_BYTES (1 << 18)

const struct us_ldap_base *us_ldap_base_of(const struct us_ldap_source *s, size_t listing)
{
	size_t users = s->settings.n_user_bases;

	return listing < users ? &s->settings.user_bases[listing] : &s->settings.group_bases[listing - users];
}

bool us_ldap_is_users(const struct us_ldap_source *s, size_t listing) { return listing < s->settings.n_user_bases; }

/* A listing that is given up takes its connection along. Servers lose count of abandoned paged searches: 389-ds then refuses the next one,
 * and a cookie would be answered amid what follows. */
static void give_up_connection(struct us_ldap_source *s)
{
	if (s->state.pending_id >= 0 || s->state.cookie.n > 0)
		us_ldap_disconnect(s->ldap);
	s->state.pending_id = -1;
	us_str_clear(&s->state.cookie);
}

void us_ldap_give_up(struct us_ldap_source *s)
{
	give_up_connection(s);
	us_str_fini(&s->state.cookie);
	us_map_fini(&s->state.first_names);
	s->state = (struct us_ldap_state) { .pending_id = -1 };
}

struct us_ldap_search us_ldap_query(const struct us_ldap_source *s, size_t listing, struct us_slice cookie)
{
	const struct us_ldap_settings *set = &s->settings;
	bool is_user = us_ldap_is_users(s, listing);

	return (struct us_ldap_search) {
		.base = us_ldap_base_of(s, listing)->dn.p, .scope = set->scope,
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
		return us_ldap_is_users(s, st->listing) || most < FIRST_GROUPS ? most : FIRST_GROUPS;
	int64_t fitting = PAGE_BYTES / (st->bytes / st->rows + 1);
	return fitting > most ? most : fitting < 1 ? 1 : (int) fitting;
}

static enum us_errc send_request(struct us_ldap_source *s, struct us_slice cookie, struct us_err *err)
{
	struct us_ldap_search q = us_ldap_query(s, s->state.listing, cookie);

	q.page_size = s->state.page_size = choose_page_size(s);
	return us_ldap_search_begin(s->ldap, &q, &s->state.pending_id, err);
}

static enum us_errc begin_listing(struct us_ldap_source *s, size_t listing, struct us_err *err)
{
	struct us_ldap_state *st = &s->state;

	us_ldap_give_up(s);
	if (listing == 0 && !s->scope.is_on) /* then others were read in front of these */
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
		if (++st->empty_pages > US_LDAP_MAX_EMPTY_PAGES)
			return us_err_set(err, US_PARTIAL, "the listing of %s: %d empty pages in a row", name, US_LDAP_MAX_EMPTY_PAGES);
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
		return cut_short(s, us_ldap_explain(s->ldap, reply, us_ldap_base_of(s, st->listing)->dn.p, st->pages > 0, err), err);
	if (!reply->has_paging) {
		/* 389-ds answers so when the base is not there. */
		enum us_errc rc = reply->n_entries || st->pages ? US_OK : us_ldap_check_base(s, us_ldap_base_of(s, st->listing), err);
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
	us_str_add_slice(&st->cookie, reply->cookie);
	/* The server works on the next page while we take this one apart. Active Directory may be asked for ranges first. */
	if (has_more && !s->settings.is_ad)
		rc = ask_next(s, err);
	if (!rc)
		rc = take_entries(s, reply, arena, page, err);
	/* Nobody at all: or nobody whom we may see. */
	if (!rc && !has_more && !is_stopped && st->rows + page->rows == 0)
		rc = us_ldap_check_base(s, us_ldap_base_of(s, st->listing), err);
	if (rc)
		return cut_short(s, rc, err);
	st->pages++;
	st->rows += page->rows;
	if (has_more || is_stopped)
		page->next = us_slice(us_arena_printf(arena, "%lld", (long long) st->pages + 1));
	page->end = !has_more && !is_stopped;
	page->signal = page->end ? US_LDAP_SIGNAL : NULL;
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
