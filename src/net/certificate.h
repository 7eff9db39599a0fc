/* Certificate: why a server's certificate was not accepted, in words for the admin. Wraps what GnuTLS knows about X.509.
 * Decides nothing: TLS has refused the certificate already, and a reason is looked for.
 */
#ifndef US_NET_CERTIFICATE_H
#define US_NET_CERTIFICATE_H

#include "base/str.h"

/* Adds the reason and what to change. der: the certificate as it came; host: name or address that it should have named. Bytes that are no
 * certificate get words of their own. */
void us_certificate_add_flaw(struct us_str *out, struct us_slice der, const char *host, int64_t now_s);

#endif
