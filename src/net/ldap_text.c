#include "net/ldap_text.h"

#include <ldap.h>
#include <stdio.h>
#include <string.h>

/* A code that is not in here is US_PROTOCOL. `later`: what it is when pages came before. */
static const struct row {
	int code;
	enum us_errc first, later;
	const char *advice;
} searches[] = {
	{ LDAP_TIMELIMIT_EXCEEDED, US_PARTIAL, US_PARTIAL, "the server's time limit cut the listing short; raise it for the bind DN (OpenLDAP: "
		"olcLimits time=unlimited, 389-ds: nsTimeLimit, Active Directory: MaxQueryDuration), or index what the filter asks for" },
	{ LDAP_SIZELIMIT_EXCEEDED, US_PARTIAL, US_PARTIAL, "the server's size limit cut the listing short; raise it for the bind DN (OpenLDAP: "
		"olcLimits size=unlimited or size.prtotal=unlimited, 389-ds: nsSizeLimit and nsPagedSizeLimit), or narrow base and filter" },
	{ LDAP_ADMINLIMIT_EXCEEDED, US_PARTIAL, US_PARTIAL, "an administrative limit cut the listing short; raise it for the bind DN (389-ds: "
		"nsLookThroughLimit and nsPagedLookThroughLimit), or index what the filter asks for" },
	{ LDAP_REFERRAL, US_PARTIAL, US_PARTIAL, "the server does not hold this base and names another one; put that server into url, or a base that "
		"this one holds" },
	{ LDAP_BUSY, US_UNAVAILABLE, US_PARTIAL, "the server is busy" },
	{ LDAP_UNAVAILABLE, US_UNAVAILABLE, US_PARTIAL, "the server is not available" },
	{ LDAP_UNWILLING_TO_PERFORM, US_CONFIG, US_PARTIAL, "the server is unwilling to go on; it may have thrown the paging cookie away, or may demand "
		"a bind or TLS" },
	{ LDAP_UNAVAILABLE_CRITICAL_EXTENSION, US_CONFIG, US_PARTIAL, "the server refuses paged results, without which a listing cannot be "
		"known to be complete; allow them for the bind DN (OpenLDAP: olcLimits without size.prtotal=disabled)" },
	{ LDAP_NO_SUCH_OBJECT, US_CONFIG, US_PARTIAL, "there is no such base, or the bind DN may not see it; check the base DN" },
	{ LDAP_INVALID_DN_SYNTAX, US_CONFIG, US_CONFIG, "the base is not a DN; check the base DN" },
	{ LDAP_ALIAS_PROBLEM, US_CONFIG, US_PARTIAL, "the base is a broken alias" },
	{ LDAP_INAPPROPRIATE_MATCHING, US_CONFIG, US_CONFIG, "the server does not know a matching rule of the filter" },
	{ LDAP_INSUFFICIENT_ACCESS, US_DENIED, US_PARTIAL, "the bind DN may not read here; grant it read access" },
	{ LDAP_OPERATIONS_ERROR, US_DENIED, US_PARTIAL, "the server demands a bind first; set bindDn and bindPassword" },
	{ LDAP_STRONG_AUTH_REQUIRED, US_CONFIG, US_PARTIAL, "the server demands TLS; use ldaps:// or startTls" },
	{ LDAP_CONFIDENTIALITY_REQUIRED, US_CONFIG, US_PARTIAL, "the server demands TLS; use ldaps:// or startTls" },
	{ LDAP_INAPPROPRIATE_AUTH, US_DENIED, US_PARTIAL, "the server does not serve anonymous clients; set bindDn and bindPassword" },
	{ LDAP_OTHER, US_UNAVAILABLE, US_PARTIAL, "the server reports an internal error" },
}, binds[] = {
	{ LDAP_INVALID_CREDENTIALS, US_DENIED, US_DENIED, "wrong bind DN or password; check bindDn and bindPassword" },
	{ LDAP_NO_SUCH_OBJECT, US_DENIED, US_DENIED, "there is no such bind DN; check bindDn" },
	{ LDAP_INVALID_DN_SYNTAX, US_DENIED, US_DENIED, "the bind DN is not a DN; check bindDn" },
	{ LDAP_CONSTRAINT_VIOLATION, US_DENIED, US_DENIED, "the account is locked or its password has expired" },
	{ LDAP_UNWILLING_TO_PERFORM, US_DENIED, US_DENIED, "the server is unwilling to let this account in" },
	{ LDAP_INSUFFICIENT_ACCESS, US_DENIED, US_DENIED, "this account may not bind" },
	{ LDAP_INAPPROPRIATE_AUTH, US_DENIED, US_DENIED, "this account has no password to bind with" },
	{ LDAP_AUTH_METHOD_NOT_SUPPORTED, US_DENIED, US_DENIED, "the server takes no simple binds" },
	{ LDAP_STRONG_AUTH_REQUIRED, US_CONFIG, US_CONFIG, "the server takes passwords over TLS only; use ldaps:// or startTls" },
	{ LDAP_CONFIDENTIALITY_REQUIRED, US_CONFIG, US_CONFIG, "the server takes passwords over TLS only; use ldaps:// or startTls" },
	{ LDAP_BUSY, US_UNAVAILABLE, US_UNAVAILABLE, "the server is busy" },
	{ LDAP_UNAVAILABLE, US_UNAVAILABLE, US_UNAVAILABLE, "the server is not available" },
};

/* The hexadecimal code behind ", data " in what Active Directory says to a refused bind. */
static const struct { const char *data, *advice; } ad_binds[] = {
	{ "525", "there is no such account; check bindDn" },
	{ "52e", "wrong password; check bindPassword" },
	{ "530", "the account may not log on at this hour" },
	{ "531", "the account may not log on from here" },
	{ "532", "the account's password has expired" },
	{ "533", "the account is disabled" },
	{ "701", "the account has expired" },
	{ "773", "the account must change its password first" },
	{ "775", "the account is locked" },
};

static const struct row *find(const struct row *rows, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

enum us_errc us_ldap_text_bind(int code, const char *text, const char *url, const char *bind_dn, struct us_err *err)
{
	const struct row *row = find(binds, sizeof binds / sizeof *binds, code);
	const char *advice = row ? row->advice : ldap_err2string(code);
	const char *data = text ? strstr(text, ", data ") : NULL;

	for (size_t i = 0; code == LDAP_INVALID_CREDENTIALS && data && i < sizeof ad_binds / sizeof *ad_binds; i++)
		if (strncmp(data + 7, ad_binds[i].data, 3) == 0)
			advice = ad_binds[i].advice;
	return us_err_set_native(err, row ? row->first : US_PROTOCOL, code, "%s: the bind as %.150s was refused: %s (result %d%s%.100s)", url,
		bind_dn, advice, code, text && *text ? ", " : "", text ? text : "");
}

enum us_errc us_ldap_text_search(int code, const char *text, const char *referral, const char *url, const char *base, bool is_later,
	struct us_err *err)
{
	const struct row *row = find(searches, sizeof searches / sizeof *searches, code);
	char elsewhere[150] = "";

	/* OpenLDAP's size.prtotal=disabled. */
	if (code == LDAP_ADMINLIMIT_EXCEEDED && text && strstr(text, "pagedResults"))
		row = find(searches, sizeof searches / sizeof *searches, LDAP_UNAVAILABLE_CRITICAL_EXTENSION);

	if (code == LDAP_REFERRAL && referral && *referral)
		snprintf(elsewhere, sizeof elsewhere, " (%.140s)", referral);
	return us_err_set_native(err, row ? (is_later ? row->later : row->first) : is_later ? US_PARTIAL : US_PROTOCOL, code,
		"%s, base %.100s: %s%s (result %d%s%.60s)", url, base, row ? row->advice : ldap_err2string(code), elsewhere, code,
		text && *text ? ", " : "", text ? text : "");
}
