/* Mail: a message in the form that goes over the wire. Pure.
 *
 * Nothing that is given can add a header or a line: control characters in the subject become spaces, what is
 * not ASCII is encoded, and the text goes in base64. Addresses must have been checked (us_notice_is_address).
 * Spec: RFC 5322, RFC 2047 (encoded words), RFC 2045, RFC 3834 (Auto-Submitted).
 */
#ifndef US_NET_MAIL_H
#define US_NET_MAIL_H

#include "base/str.h"

struct us_mail {
	struct us_slice from;
	const struct us_slice *to;
	size_t n_to;
	struct us_slice subject; /* UTF-8 */
	struct us_slice text;    /* UTF-8, LF */
	struct us_slice id;      /* of the message; the same at each try */
	int64_t date_s;
};

void us_mail_write(const struct us_mail *mail, struct us_str *out);

#endif
