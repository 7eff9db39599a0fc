/* LDAP source: what its files share. ldap.c opens, tests and closes it, ldap_listing.c walks listings, ldap_scope.c those of required groups,
 * ldap_find.c finds one user, ldap_password.c checks a password, ldap_entry.c makes records of entries, ldap_conf.c reads settings. */
#ifndef US_SOURCE_LDAP_DRIVER_H
#define US_SOURCE_LDAP_DRIVER_H

#include "base/map.h"
#include "source/ldap_conf.h"
#include "source/source.h"

#define US_LDAP_MAX_EMPTY_PAGES 1000
#define US_LDAP_SIGNAL "success with an empty paging cookie"

/* A listing that is under way. */
struct us_ldap_state {
	size_t listing;
	int64_t connection;        /* that its cookies belong to */
	int64_t pages, rows, bytes; /* read so far */
	int page_size;             /* of the request that was sent last */
	int pending_id;            /* the request for the next page, sent ahead; -1: none */
	struct us_str cookie;
	struct us_map first_names; /* hash of the first entry's name of each page */
	int empty_pages;           /* in a row */
	struct us_err failed;      /* what the next page ends with: entries came with this one */
};

/* Users of some groups only. */
struct us_ldap_narrowing {
	bool is_outline;           /* the listing under way is of names of groups */
	bool is_on, asks_each;     /* asks_each: the server does not find entries by their names in a filter */
	struct us_arena arena;
	struct us_map groups;      /* refs of all groups that were listed */
	struct us_slice *group_dns; /* by number of groups: as the server writes them; a canonical name may be nobody's */
	size_t cap_groups;
	bool keeps_names;          /* groups and members stay as they are written */
	struct us_map wanted;      /* refs of the groups whose members were read */
	struct us_map met;         /* of members */
	bool has_stranger;         /* the group that was read last has a member whom nobody asked for */
	struct us_ldap_member {
		struct us_slice name, dn; /* as it is written; canonical, NONE if it is no DN: a user name where memberUid is read */
	} *members;
	size_t n_members, cap_members;
	const char *primary;       /* the filter of users by their primary groups; NULL: none */
	size_t at, at_uid, pages;  /* of the listing under way */
	int64_t rows;
};

struct us_ldap_source {
	struct us_source source;
	struct us_arena arena;     /* of the settings */
	struct us_ldap_settings settings;
	struct us_ldap *ldap;
	struct us_listing listings[2 * US_LDAP_MAX_BASES];
	size_t n_listings;
	struct us_ldap_state state;
	struct us_ldap_narrowing scope;
	const char *const *outline_attributes; /* of groups, without their members */
	/* memberUid: user names and the refs that they stand for, in one text; filled while users are read. */
	struct us_map uids;
	size_t *uid_offsets, cap_uids;
	struct us_str uid_refs;
	/* Active Directory: SIDs of primary groups and their refs, empty for none. */
	struct us_map sids;
	struct us_slice sid_refs[256], sid_names[256]; /* names as the server writes them */
	/* Scratch of one entry. */
	struct us_field *fields;
	size_t cap_fields;
	struct us_slice *refs;
	size_t n_refs, cap_refs;
	struct us_slice unclear_uid; /* that memberUid names, and several users have */
};

/* The record of one entry, in arena; asks the server for the rest of long attributes and for primary groups. err must not be NULL.
 * Errors: as us_ldap_search, US_PARTIAL. */
enum us_errc us_ldap_record_make(struct us_ldap_source *s, struct us_ldap_entry *entry, enum us_record_kind kind, struct us_arena *arena,
	struct us_record *ret_record, struct us_err *err);

/* Forgets the user names of an earlier read. */
void us_ldap_record_forget(struct us_ldap_source *s);

/* The filter value of an id in the text form of records. False if the text cannot be such an id. */
bool us_ldap_record_add_id(const struct us_ldap_source *s, struct us_str *filter, struct us_slice id);

/* Listings are the bases of users, then those of groups. */
const struct us_ldap_base *us_ldap_base_of(const struct us_ldap_source *s, size_t listing);
bool us_ldap_is_users(const struct us_ldap_source *s, size_t listing);

/* What a listing asks for; borrows from the settings. cookie NONE: its first page. */
struct us_ldap_search us_ldap_query(const struct us_ldap_source *s, size_t listing, struct us_slice cookie);

/* Ends the listing under way. One that is given up takes its connection along. */
void us_ldap_give_up(struct us_ldap_source *s);

/* One page of a listing as it is, with the errors of fetch. */
enum us_errc us_ldap_listing_fetch(struct us_ldap_source *s, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err);
/* US_DENIED if the base is not there for us. */
enum us_errc us_ldap_check_base(struct us_ldap_source *s, const struct us_ldap_base *base, struct us_err *err);
/* Brings the source's counters up to date; gives rc. */
enum us_errc us_ldap_count_requests(struct us_ldap_source *s, enum us_errc rc);

/* The filter of the user with that name, or id. *ret_possible false: no user can have such an id. */
void us_ldap_add_user_filter(const struct us_ldap_source *s, struct us_slice key, bool is_id, struct us_str *out, bool *ret_possible);

/* The slots find and authenticate. */
enum us_errc us_ldap_find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err);
enum us_errc us_ldap_authenticate(struct us_source *source, struct us_slice id, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err);

/* The slots outline and narrow, and fetch for the users once that is on. */
enum us_errc us_ldap_scope_outline(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err);
enum us_errc us_ldap_scope_narrow(struct us_source *source, const struct us_slice *refs, size_t n, struct us_err *err);
enum us_errc us_ldap_scope_fetch(struct us_ldap_source *s, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *page,
	struct us_err *err);
/* A group of the outline. */
void us_ldap_scope_note_group(struct us_ldap_source *s, struct us_slice ref, struct us_slice dn);
void us_ldap_scope_fini(struct us_ldap_source *s);
/* Invariant L: who came into a required group after its members were read was not asked for, and is not gone. look_at_member: of the group that is
 * being read, by canonical name or user name. check_group: US_PARTIAL if that has somebody in it who is not among those that were read. */
void us_ldap_scope_look_at_member(struct us_ldap_source *s, struct us_slice canonical);
enum us_errc us_ldap_scope_check_group(struct us_ldap_source *s, struct us_slice ref, struct us_err *err);

#endif
