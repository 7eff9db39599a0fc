/* LDAP result codes: what each means to the reader of a listing, and the line that tells the operator what to change.
 *
 * text: the server's own diagnostic message, may be NULL.
 * Spec: RFC 4511 appendix A; the `data` codes of Active Directory as in the Win32 error list.
 */
#ifndef US_NET_LDAP_TEXT_H
#define US_NET_LDAP_TEXT_H

#include "base/err.h"

enum us_errc us_ldap_text_bind(int code, const char *text, const char *url, const char *bind_dn, struct us_err *err);
/* referral: the first URL of result 10. is_later: pages of the same listing came before. */
enum us_errc us_ldap_text_search(int code, const char *text, const char *referral, const char *url, const char *base, bool is_later,
	struct us_err *err);

#endif
