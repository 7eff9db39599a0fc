/* The LDAP session: what its files share. ldap.c connects, binds and waits for answers, ldap_tls.c protects the connection, ldap_search.c searches. */
#ifndef US_NET_LDAP_STATE_H
#define US_NET_LDAP_STATE_H

#include <ldap.h>

#include "net/ldap.h"

struct us_ldap_server {
	char *url, *host;
	int port;
	bool is_tls;
};

struct us_ldap {
	struct us_ldap_server *servers;
	size_t n_servers;
	char *ca_pem, *bind_dn;
	struct us_str password;
	bool start_tls, verify;
	int64_t timeout_ms;
	const atomic_bool *cancel;
	LDAP *ld; /* NULL: not connected */
	size_t at; /* the server that ld is connected to */
	struct us_ldap_counts counts;
};

/* A failure of the line or of the library, not a result of the server. Drops the connection. */
enum us_errc us_ldap_line_failed(struct us_ldap *l, const char *what, struct us_err *err);
/* The next message of operation id. Owns: *ret_message, by ldap_msgfree. Drops the connection when it fails. */
enum us_errc us_ldap_receive(struct us_ldap *l, int id, const char *what, LDAPMessage **ret_message, struct us_err *err);
/* The one result of an operation that has no entries. Owns: *ret_text, by ldap_memfree. */
enum us_errc us_ldap_receive_result(struct us_ldap *l, int id, const char *what, int *ret_code, char **ret_text, struct us_err *err);
/* Connects to the server at that place of the list, with TLS and bind as configured. */
enum us_errc us_ldap_connect_to(struct us_ldap *l, size_t at, struct us_err *err);
/* TLS on the connection, after StartTLS where the server is not for TLS alone. Errors: US_TLS, US_TIMEOUT, and those of the line. */
enum us_errc us_ldap_start_tls(struct us_ldap *l, struct us_err *err);

#endif
