/* Ping: a POST without a body, which says that something has changed. Any 2xx is a success; redirects are not followed, no proxy is asked, and what
 * is answered is thrown away.
 *
 * Where it may lead is decided by the address that the connection is made to, after the name was looked up, so that no name service can lead it
 * elsewhere afterwards. Errors of sending: as net/webhook, and US_DENIED for an address outside of the ranges.
 */
#ifndef US_NET_PING_H
#define US_NET_PING_H

#include "net/post.h"

struct us_ping {
	struct us_post post;
	struct us_slice url;
	struct us_slice token;  /* goes along in headers; NONE: none */
	struct us_slice ranges; /* of addresses that it may lead to, as us_cidr_list_has */
};

enum us_errc us_ping_send(const struct us_ping *ping, int64_t now_s, struct us_err *err);
/* Whether it could be sent: an http or https URL without user name and fragment, a token of printable ASCII, and a host of which every address is
 * within the ranges. Asks the name service. US_INVALID. */
enum us_errc us_ping_check(const struct us_ping *ping, struct us_err *err);

#endif
