/* CIDR: a range of addresses. Spec: RFC 4632 section 3.1, RFC 4291 section 2.3. */
#ifndef US_NET_CIDR_H
#define US_NET_CIDR_H

#include "base/str.h"

struct us_cidr {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;           /* of the 128 */
};

/* "10.1.0.0/16", "2001:db8::/32", or a single address. NULL if it is one; else what is wrong with it, constant text. Bits behind the prefix
 * must be zero: "10.1.2.3/16" is somebody's mistake. */
const char *us_cidr_parse(struct us_slice text, struct us_cidr *ret_cidr);
/* address in digits; an IPv4 address that came over IPv6 (::ffff:…) is taken as IPv4. False for what is no address. */
bool us_cidr_has(const struct us_cidr *cidr, const char *address);
/* Whether any of the ranges has it; they stand with single spaces between. What is no range has nothing. */
bool us_cidr_list_has(struct us_slice ranges, const char *address);

#endif
