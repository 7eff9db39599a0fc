/* Later: a request that is answered by another thread, because it waits for others. It is carried out on a copy: the one that came may go away when
 * the listener closes.
 */
#ifndef US_NET_LATER_H
#define US_NET_LATER_H

#include "net/httpd.h"

struct us_later {
	struct us_arena arena; /* lives until the end */
	struct us_httpd_request request;
	struct us_httpd_answer answer; /* to be filled */
};

void us_later_copy(struct us_later *later, const struct us_httpd_request *request);
/* From here on the request that came is not to be touched. The handler returns US_HTTPD_LATER, and us_later_end follows, from any thread. */
void us_later_promise(struct us_later *later, struct us_httpd_request *request);
/* Sends the answer, unless somebody has deferred the copy in turn, and wipes what was copied: there may be a password in it. */
void us_later_end(struct us_later *later);

#endif
