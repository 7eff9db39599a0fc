/* LDAP source: what its files share. ldap.c walks listings, ldap_entry.c makes records of entries, ldap_conf.c reads settings. */
#ifndef US_SOURCE_LDAP_DRIVER_H
#define US_SOURCE_LDAP_DRIVER_H

#include "base/map.h"
#include "source/ldap_conf.h"
#include "source/source.h"

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

struct us_ldap_source {
	struct us_source source;
	struct us_arena arena;     /* of the settings */
	struct us_ldap_settings settings;
	struct us_ldap *ldap;
	struct us_listing listings[2 * US_LDAP_MAX_BASES];
	size_t n_listings;
	struct us_ldap_state state;
	/* memberUid: user names and the refs that they stand for, in one text; filled while users are read. */
	struct us_map uids;
	size_t *uid_offsets, cap_uids;
	struct us_str uid_refs;
	/* Active Directory: SIDs of primary groups and their refs, empty for none. */
	struct us_map sids;
	struct us_slice sid_refs[256];
	/* Scratch of one entry. */
	struct us_field *fields;
	size_t cap_fields;
	struct us_slice *refs;
	size_t n_refs, cap_refs;
};

/* The record of one entry, in arena; asks the server for the rest of long attributes and for primary groups. err must not be NULL.
 * Errors: as us_ldap_search, US_PARTIAL. */
enum us_errc us_ldap_record_make(struct us_ldap_source *s, struct us_ldap_entry *entry, enum us_record_kind kind, struct us_arena *arena,
	struct us_record *ret_record, struct us_err *err);

/* Forgets the user names of an earlier read. */
void us_ldap_record_forget(struct us_ldap_source *s);

/* The filter value of an id in the text form of records. False if the text cannot be such an id. */
bool us_ldap_record_add_id(const struct us_ldap_source *s, struct us_str *filter, struct us_slice id);

#endif
