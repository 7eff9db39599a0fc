/* LDAP session: one connection at a time to one of several equal servers, and searches over it. Wraps libldap; everybody else sees slices.
 *
 * The servers are tried in order until one takes connection, TLS and bind; wrong credentials end the search for one (asking three servers
 * the same would lock the account three times as fast). A connection that fails is dropped and not made again behind the caller's back:
 * cookies of paged results belong to it, so two servers never mix inside one listing. Referrals are never followed.
 * Every wait ends at the time-out, or within a quarter of a second after *cancel was set. The session reads no ldap.conf for what it sets.
 *
 * Errors, each with one line that says what to change: US_UNAVAILABLE (refused, down, busy, connection lost), US_TIMEOUT, US_TLS, US_DENIED
 * (credentials, rights), US_CONFIG (base, filter, TLS demanded), US_PARTIAL (cut short), US_PROTOCOL, US_CANCELLED. err.native is the LDAP
 * result code or errno.
 * Spec: RFC 4511, RFC 2696 (paged results), RFC 4513 (simple bind, StartTLS).
 */
#ifndef US_NET_LDAP_H
#define US_NET_LDAP_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

enum us_ldap_scope { US_LDAP_BASE, US_LDAP_ONE, US_LDAP_SUB };

struct us_ldap_conf {
	const struct us_slice *urls;  /* ldap://host:port or ldaps://host:port; at least one */
	size_t n_urls;
	bool start_tls;               /* on ldap:// */
	bool verify;                  /* certificate and host name */
	struct us_slice ca_pem;       /* trusted instead of the system's authorities; NONE: those */
	struct us_slice bind_dn;      /* NONE: anonymous, no bind is sent */
	struct us_slice bind_password;
	int64_t timeout_ms;           /* to the next whole message of the server; also for each connect */
	const atomic_bool *cancel;    /* may be NULL */
};

struct us_ldap_counts {
	int64_t connections, binds, searches; /* attempts that reached a server */
	int64_t entries, bytes;               /* received */
};

struct us_ldap_search {
	const char *base, *filter;      /* filter NULL: any object */
	enum us_ldap_scope scope;
	const char *const *attributes;  /* ends with NULL; NULL: all user attributes */
	int page_size;                  /* 0: no paging */
	struct us_slice cookie;         /* NONE for the first page */
	int size_limit;                 /* 0: none asked for */
	bool is_domain_scope;           /* Active Directory: no continuation references */
};

struct us_ldap;

/* Copies conf; does not connect. Errors: US_CONFIG (a URL, a password without name or the other way round, no certificate in ca_pem). */
enum us_errc us_ldap_new(const struct us_ldap_conf *conf, struct us_ldap **ret_ldap, struct us_err *err);
void us_ldap_free(struct us_ldap *ldap);
const struct us_ldap_counts *us_ldap_get_counts(const struct us_ldap *ldap);

/* Connects and binds unless there is a connection. *ret_connection is its number, from 1: another number is another connection. */
enum us_errc us_ldap_connect(struct us_ldap *ldap, int64_t *ret_connection, struct us_err *err);
void us_ldap_disconnect(struct us_ldap *ldap);
const char *us_ldap_get_url(const struct us_ldap *ldap); /* "no server" without a connection */

/* What a server says to a name and a password. */
struct us_ldap_bind {
	int code;       /* LDAP result; 0 is success */
	int policy;     /* error of the password policy control (draft-behera-ldap-password-policy): expired, locked, to be changed …; -1: none */
	char text[160]; /* the server's words; empty: none */
};
enum { US_LDAP_POLICY_EXPIRED = 0, US_LDAP_POLICY_LOCKED = 1, US_LDAP_POLICY_MUST_CHANGE = 2 };
/* A simple bind as somebody else, over a connection of its own that is made like the session's and closed at once. US_OK: the server has answered.
 * An empty password never leaves us (US_INVALID): a server takes it for an anonymous bind and says success (RFC 4513 section 5.1.2).
 * Errors name nobody. */
enum us_errc us_ldap_check_bind(struct us_ldap *ldap, const char *dn, struct us_slice password, struct us_ldap_bind *ret_bind, struct us_err *err);

/* Sends the request; there must be a connection. */
enum us_errc us_ldap_search_begin(struct us_ldap *ldap, const struct us_ldap_search *search, int *ret_id, struct us_err *err);

/* A search result as it came: entries, then how it ended. */
struct us_ldap_reply {
	int code;                    /* LDAP result code; 0 is success */
	size_t n_entries;
	size_t n_references;
	struct us_slice reference;   /* the first continuation reference, or the referral of result 10 */
	struct us_slice matched, text; /* what the server said to the code */
	bool has_paging;             /* the control of paged results is there ... */
	struct us_slice cookie;      /* ... with this; empty: nothing follows */
	struct us_ldap_messages *messages; /* private */
};

/* Waits for the whole result; a result that nobody waits for goes with the connection. US_OK as soon as there is a result code, whatever it is.
 * Owns: *ret_reply, until us_ldap_reply_free; entries borrow from it. */
enum us_errc us_ldap_search_end(struct us_ldap *ldap, int id, struct us_ldap_reply **ret_reply, struct us_err *err);
void us_ldap_reply_free(struct us_ldap_reply *reply);

/* begin, end and explain in one: US_OK only for result 0. */
enum us_errc us_ldap_search(struct us_ldap *ldap, const struct us_ldap_search *search, struct us_ldap_reply **ret_reply,
	struct us_err *err);

/* What a result code other than 0 means. is_later: pages of this listing came before, so that any failure cuts it short. */
enum us_errc us_ldap_explain(const struct us_ldap *ldap, const struct us_ldap_reply *reply, const char *base, bool is_later,
	struct us_err *err);

/* Walking: entries of a reply, attributes of an entry, in the order of the server. Only while the connection lasts that the reply came by.
 * An entry that is not walked to its US_END is given up by us_ldap_entry_end. */
struct us_ldap_entry {
	struct us_slice dn;
	void *ber, *message; /* private */
	struct us_ldap_reply *reply;
};
struct us_ldap_attribute {
	struct us_slice name;          /* with its options: "member;range=0-1499" */
	const struct us_slice *values; /* until the next attribute is taken */
	size_t n;
};
/* at: number of the entry, from 0. Errors: US_PROTOCOL. */
enum us_errc us_ldap_entry_get(struct us_ldap_reply *reply, size_t at, struct us_ldap_entry *ret_entry, struct us_err *err);
/* US_END after the last. Errors: US_PROTOCOL. */
enum us_errc us_ldap_attribute_next(struct us_ldap_entry *entry, struct us_ldap_attribute *ret_attribute, struct us_err *err);
void us_ldap_entry_end(struct us_ldap_entry *entry);

#endif
