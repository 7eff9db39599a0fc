/* Webhook: one signed POST. Any 2xx is a success; redirects are not followed; what the receiver answers
 * besides is thrown away.
 *
 * Errors: US_UNAVAILABLE, US_TIMEOUT, US_TLS, US_PROTOCOL (another status; native is it, wait_ms what
 * Retry-After asks for), US_CANCELLED. Texts name the origin, never path or query. Spec: Standard
 * Webhooks 1.0.0 (github.com/standard-webhooks, 2026-11-26); RFC 9110.
 */
#ifndef US_NET_WEBHOOK_H
#define US_NET_WEBHOOK_H

#include "net/post.h"

struct us_webhook {
	struct us_post post;
	struct us_slice url, query; /* query NONE: none */
	struct us_slice id;         /* the same at each try; no dots */
	struct us_slice keys[2];    /* raw bytes; an empty one does not sign */
	struct us_slice body;
};

/* "v1,<base64> v1,<base64>" over id, timestamp and body: one for each key. */
void us_webhook_add_signatures(const struct us_webhook *hook, int64_t timestamp_s, struct us_str *out);
enum us_errc us_webhook_send(const struct us_webhook *hook, int64_t now_s, struct us_err *err);

#endif
