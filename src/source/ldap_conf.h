/* LDAP source: its settings, and the presets that fill in what was not set. */
#ifndef US_SOURCE_LDAP_CONF_H
#define US_SOURCE_LDAP_CONF_H

#include "model/option.h"
#include "net/ldap.h"

#define US_LDAP_MAX_BASES 6 /* for users, and for groups */

/* How an id attribute becomes text. */
enum us_ldap_id { US_LDAP_ID_TEXT, US_LDAP_ID_LOWER, US_LDAP_ID_GUID, US_LDAP_ID_SID };

/* Where an account says that it is switched off. */
enum us_ldap_active { US_LDAP_ACTIVE_PPOLICY, US_LDAP_ACTIVE_NSLOCK, US_LDAP_ACTIVE_UAC };

/* What the values of a membership attribute are. */
enum us_ldap_membership {
	US_LDAP_MEMBER_DN,  /* of the group: DNs of members */
	US_LDAP_MEMBER_UID, /* of the group: user names */
	US_LDAP_MEMBER_OF,  /* of the user: DNs of groups */
};

struct us_ldap_membership_attribute {
	struct us_slice name;
	enum us_ldap_membership kind;
};

struct us_ldap_base {
	struct us_slice dn, canonical; /* NUL-terminated */
};

#define US_LDAP_MAX_MEMBERSHIPS 3

/* Settings with the preset's defaults in place. All texts are NUL-terminated and live in one arena. */
struct us_ldap_settings {
	struct us_ldap_conf session;
	struct us_ldap_base user_bases[US_LDAP_MAX_BASES], group_bases[US_LDAP_MAX_BASES];
	size_t n_user_bases, n_group_bases;
	enum us_ldap_scope scope;
	struct us_slice user_filter, group_filter;
	struct us_slice id_attribute, username_attribute, group_name_attribute;
	enum us_ldap_id id_kind;
	enum us_ldap_active active;
	struct us_ldap_membership_attribute memberships[US_LDAP_MAX_MEMBERSHIPS];
	size_t n_memberships;
	bool has_member_of, has_member_uid; /* among memberships */
	const char *const *user_attributes, *const *group_attributes; /* to ask for; end with NULL */
	int page_size, range_size;
	bool is_ad, ignore_referrals;
};

extern const struct us_option us_ldap_options[];

/* Owns: what *ret_settings points to lives in arena; conf may be freed. Errors: US_CONFIG, with the field's name in front. */
enum us_errc us_ldap_settings_read(struct us_arena *arena, const struct us_conf *conf, struct us_ldap_settings *ret_settings,
	struct us_err *err);

#endif
