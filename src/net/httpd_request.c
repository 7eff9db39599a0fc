#include <stdlib.h>

#include "base/secret.h"
#include "net/httpd_state.h"

enum { SWALLOW_BYTES = 16 << 20 }; /* of a body that is too large, so that the client reads the 413 */

const char *us_httpd_method_name(enum us_httpd_method method)
{
	static const char *const names[] = {
#define X(name) #name,
		US_HTTPD_METHODS(X)
#undef X
		"",
	};
	return names[method];
}

static enum us_httpd_method find_method(const char *name)
{
	for (int m = 0; m < US_HTTPD_OTHER; m++)
		if (!strcmp(us_httpd_method_name((enum us_httpd_method) m), name))
			return (enum us_httpd_method) m;
	return US_HTTPD_OTHER;
}

struct us_slice us_httpd_find_header(const struct us_httpd_request *request, const char *name)
{
	for (size_t i = 0; i < request->headers_n; i++)
		if (us_slice_is_nocase(request->headers[i].name, name))
			return request->headers[i].value;
	return US_SLICE_NONE;
}

/* A body may hold a password, and so does what was made of it. */
void us_httpd_forget_request(struct us_httpd_connection *c)
{
	if (!c->body.n) {
		us_arena_reset(&c->arena);
		return;
	}
	us_secret_wipe(c->body.p, c->body.n);
	us_arena_wipe(&c->arena);
	us_httpd_reset_buffer(&c->body);
}

static enum MHD_Result collect_header(void *data, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
	size_t value_n)
{
	struct us_httpd_connection *c = data;

	(void) kind;
	if (c->request.headers_n > c->httpd->config.headers)
		return MHD_NO;
	c->headers[c->request.headers_n++] = (struct us_parameter) { { name, name_n }, { value ? value : "", value ? value_n : 0 } };
	return MHD_YES;
}

#if MHD_VERSION < 0x00097701
/* The library ends each piece of the head with NUL where it stands, and takes a NUL that was sent for such an end. So the pieces must
 * lie in the buffer one behind the other with nothing but what belongs between them: this also finds folded lines, spaces
 * around the target and bare line feeds. */
static bool is_contiguous(struct us_httpd_connection *c, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *end = size ? method + size->header_size : NULL;
	const char *at = c->raw_target;

	if (!end || method + strlen(method) + 1 != at)
		return false;
	at += c->target.n + 1;
	if (at != version)
		return false;
	at += strlen(version);
	for (size_t i = 0; i < c->request.headers_n; i++) {
		const struct us_parameter *f = &c->headers[i];
		if (end - at < 2 || at[0] || at[1] || f->name.p != at + 2)
			return false;
		at = f->name.p + f->name.n + 1;
		/* An empty value may be given as any empty text. */
		const char *value = f->value.n ? f->value.p : at;
		if (value < at || value > end)
			return false;
		for (; at < value; at++)
			if (*at != ' ' && *at != '\t')
				return false;
		if (!f->value.n)
			while (at < end && (*at == ' ' || *at == '\t'))
				at++;
		at += f->value.n;
	}
	return end - at == 4 && !at[0] && !at[1] && !at[2] && !at[3];
}
#endif

static enum MHD_Result check_head(struct us_httpd_connection *c, const char *method, const char *version)
{
	const struct us_httpd_config *config = &c->httpd->config;
	struct us_httpd_request *r = &c->request;
	struct us_err err = US_ERR_INIT;

	r->method_name = us_slice(method);
	r->method = find_method(method);
	r->headers = c->headers;
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, collect_header, c);
	if (c->target.n > config->url_bytes)
		return us_httpd_refuse(c, 414, "the address is too long");
	if (r->headers_n > config->headers)
		return us_httpd_refuse(c, 431, "too many headers");
#if MHD_VERSION < 0x00097701
	if (!is_contiguous(c, method, version))
		return us_httpd_refuse(c, 400, "the request's head holds a NUL, a folded line or stray white space");
#endif
	for (size_t i = 0; i < r->headers_n; i++)
		c->headers[i].value = us_slice_trim(c->headers[i].value);
	if (us_framing_check(c->headers, r->headers_n, strcmp(version, "HTTP/1.0") != 0, &c->framing, &err))
		return us_httpd_refuse(c, 400, err.text);
	if (us_target_parse(&c->arena, us_slice_dup(&c->arena, c->target), &r->target, &err))
		return us_httpd_refuse(c, 400, err.text);
	if (c->framing.has_length && c->framing.length > config->body_bytes) {
		if (c->framing.wants_continue || c->framing.length > SWALLOW_BYTES)
			return us_httpd_refuse(c, 413, "the body is too large");
		c->phase = US_HTTPD_SWALLOW;
		return MHD_YES;
	}
	c->phase = US_HTTPD_BODY;
	return MHD_YES;
}

static enum MHD_Result take_body(struct us_httpd_connection *c, const char *data, size_t *n)
{
	if (c->phase == US_HTTPD_BODY && *n > c->httpd->config.body_bytes - c->body.n)
		c->phase = US_HTTPD_SWALLOW;
	if (c->phase == US_HTTPD_SWALLOW) {
		c->swallowed_bytes += *n;
		if (c->swallowed_bytes > SWALLOW_BYTES)
			return MHD_NO;
	} else if (c->phase == US_HTTPD_BODY) {
		us_str_add(&c->body, data, *n);
	}
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result hand_over(struct us_httpd_connection *c)
{
	struct us_httpd *h = c->httpd;

	c->phase = US_HTTPD_HANDLED;
	us_httpd_set_deadline(c, 0);
	c->request.body = us_str_slice(&c->body);
	if (h->config.handle(h->config.data, &c->request, &c->answer) == US_HTTPD_NOW)
		return us_httpd_send(c);
	/* Suspended first: whoever answers may resume at once. */
	MHD_suspend_connection(c->mhd);
	pthread_mutex_lock(&us_httpd_later_lock);
	us_assert(c->later_state == US_HTTPD_PROMISED || c->later_state == US_HTTPD_ANSWERED);
	bool is_answered = c->later_state == US_HTTPD_ANSWERED;
	if (!is_answered)
		c->later_state = US_HTTPD_SUSPENDED;
	pthread_mutex_unlock(&us_httpd_later_lock);
	if (is_answered)
		MHD_resume_connection(c->mhd);
	return MHD_YES;
}

enum MHD_Result us_httpd_on_access(void *data, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_n, void **context)
{
	struct us_httpd_connection *c = *context;

	(void) data, (void) mhd, (void) url;
	switch (c->phase) {
	case US_HTTPD_LINE:
		return check_head(c, method, version);
	case US_HTTPD_BODY:
		return *upload_n ? take_body(c, upload, upload_n) : hand_over(c);
	case US_HTTPD_SWALLOW:
		return *upload_n ? take_body(c, upload, upload_n) : us_httpd_refuse(c, 413, "the body is too large");
	case US_HTTPD_HANDLED:
		/* Back after its suspension. */
		pthread_mutex_lock(&us_httpd_later_lock);
		bool is_answered = c->later_state == US_HTTPD_ANSWERED;
		pthread_mutex_unlock(&us_httpd_later_lock);
		return is_answered ? us_httpd_send(c) : MHD_NO;
	case US_HTTPD_IDLE:
		break;
	}
	return MHD_NO;
}

void *us_httpd_on_line(void *data, const char *target, struct MHD_Connection *mhd)
{
	struct us_httpd *h = data;
	struct us_httpd_connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	c->request = (struct us_httpd_request) { .method = US_HTTPD_OTHER, .peer = c->peer, .is_tls = h->config.cert_pem != NULL,
		.arena = &c->arena, .begin_us = us_clock_monotonic_us() };
	c->phase = US_HTTPD_LINE;
	c->raw_target = target;
	c->target = us_slice(target ? target : "");
	/* The library decodes in place after this call; a longer one is refused anyway. */
	if (c->target.n <= h->config.url_bytes)
		c->target = us_slice_dup(&c->arena, c->target);
	c->request.target.raw = c->target;
	us_httpd_set_deadline(c, h->config.request_ms);
	atomic_fetch_add(&h->active, 1);
	return c;
}

void us_httpd_on_completed(void *data, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct us_httpd *h = data;
	struct us_httpd_connection *c = *context;

	(void) mhd;
	if (!c || c->phase == US_HTTPD_IDLE)
		return;
	if (h->config.done)
		h->config.done(h->config.data, &c->request, why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? c->sent_status : 0,
			us_clock_monotonic_us() - c->request.begin_us);
	c->phase = US_HTTPD_IDLE;
	c->sent_status = 0;
	c->swallowed_bytes = 0;
	c->later_state = US_HTTPD_NOT_LATER;
	us_httpd_reset_answer(&c->answer);
	us_httpd_forget_request(c);
	us_httpd_set_deadline(c, h->config.idle_ms);
	if (atomic_fetch_sub(&h->active, 1) == 1 && atomic_load(&h->is_draining)) {
		pthread_mutex_lock(&h->lock);
		pthread_cond_broadcast(&h->changed);
		pthread_mutex_unlock(&h->lock);
	}
}
