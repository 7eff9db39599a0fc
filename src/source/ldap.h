/* LDAP source: OpenLDAP, 389 Directory Server, Active Directory, FreeIPA and their like.
 *
 * Listings are paged searches, users first, one for each base. The next page is asked for while the last one is taken apart. References
 * between objects are canonical DNs (net/dn.h), so neither case nor spelling loses a member.
 * Spec: RFC 4511, RFC 2696, [MS-ADTS] 3.1.1.3.1.3.3 (range retrieval).
 */
#ifndef US_SOURCE_LDAP_H
#define US_SOURCE_LDAP_H

#include "source/source.h"

extern const struct us_source_ops us_source_ldap;

#endif
