/* SMTP: one message to the server that takes mail (libcurl). STARTTLS is required unless it is TLS from the
 * first byte, or nothing was asked for in so many words; a password never goes in the clear. If some
 * recipients are refused, the others get it.
 *
 * Errors: as net/post; US_DENIED: user or password.
 * Spec: RFC 5321, RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte).
 */
#ifndef US_NET_SMTP_H
#define US_NET_SMTP_H

#include "net/mail.h"
#include "net/post.h"

enum us_smtp_security { US_SMTP_STARTTLS, US_SMTP_TLS, US_SMTP_NONE };

struct us_smtp {
	struct us_post post;
	struct us_slice server;
	int64_t port;
	enum us_smtp_security security;
	struct us_slice user, password; /* NONE: no login */
};

enum us_errc us_smtp_send(const struct us_smtp *smtp, const struct us_mail *mail, struct us_err *err);

#endif
