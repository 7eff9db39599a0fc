#include "net/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "net/framing.h"

enum {
	POOL_BYTES = 20 << 10,      /* of one connection: request and answer head, at their limits. The library clears it with each request */
	SWALLOW_BYTES = 16 << 20,   /* of a body that is too large, so that the client reads the 413 */
	KEEP_BYTES = 64 << 10,      /* of a buffer for the connection's next request */
	PIECE_BYTES = 16 << 10,     /* handed to the library at once when streaming */
	REAP_MS = 250,
};

enum phase {
	IDLE,     /* no request line yet */
	LINE,     /* request line is there */
	BODY,     /* head checked, body comes in */
	SWALLOW,  /* body is too large: read and thrown away */
	HANDLED,  /* the handler had it */
};

enum later_state { NOT_LATER, PROMISED, SUSPENDED, ANSWERED };

/* One connection with the one request that it has at a time; its memory serves all of them. */
struct connection {
	struct us_httpd_request request; /* first: request and connection convert into each other */
	struct us_httpd *httpd;
	struct MHD_Connection *mhd;
	struct connection *previous, *next;
	int fd;
	_Atomic int64_t deadline_ms; /* monotonic; 0: none */
	enum phase phase;
	const char *raw_target;      /* in the library's buffer */
	struct us_slice target;
	struct us_parameter headers[US_HTTPD_HEADERS_MOST + 1]; /* one more, to see that there are too many */
	struct us_framing framing;
	struct us_str body;
	size_t swallowed_bytes;
	struct us_httpd_answer answer;
	int sent_status;
	/* under later_lock */
	enum later_state later_state;
	struct us_httpd_later *later;
	struct us_httpd_stream *stream;
	struct us_arena arena;
	char peer[64];
};

struct us_httpd_later {
	struct connection *connection; /* NULL: the listener was closed meanwhile */
};

struct us_httpd {
	struct us_httpd_config config;
	struct MHD_Daemon *daemon;
	int port;
	pthread_mutex_t lock; /* guards connections, is_stopping */
	pthread_cond_t changed;
	struct connection *connections;
	pthread_t reaper;
	bool has_reaper, is_stopping;
	bool is_abandoning; /* under later_lock: no promise is waited for any more */
	atomic_bool is_draining;
	atomic_int active; /* requests between their line and the end of their answer */
	char complaint[256]; /* the library's last message while starting */
};

/* Not in us_httpd: a promise may be kept after its listener is gone. */
static pthread_mutex_t later_lock = PTHREAD_MUTEX_INITIALIZER;

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

/* Kept as "name NUL value NUL" each. */
void us_httpd_add_header(struct us_httpd_answer *answer, const char *name, const char *value)
{
	us_str_add(&answer->headers, name, strlen(name) + 1);
	size_t from = answer->headers.n;
	us_str_add(&answer->headers, value, strlen(value) + 1);
	for (char *p = answer->headers.p + from; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
}

static void end_pull(struct us_httpd_answer *answer)
{
	if (answer->pull_free)
		answer->pull_free(answer->pull_data);
	answer->pull = NULL;
	answer->pull_free = NULL;
	answer->pull_data = NULL;
	answer->pull_open = NULL;
}

void us_httpd_answer_fini(struct us_httpd_answer *answer)
{
	end_pull(answer);
	us_str_fini(&answer->body);
	us_str_fini(&answer->headers);
	*answer = (struct us_httpd_answer) US_HTTPD_ANSWER_INIT;
}

/* For the next request: what is large is given back. */
static void reset_buffer(struct us_str *s)
{
	if (s->cap > KEEP_BYTES)
		us_str_fini(s);
	else
		us_str_clear(s);
}

/* A body may hold a password, and so does what was made of it. */
static void forget_request(struct connection *c)
{
	if (!c->body.n) {
		us_arena_reset(&c->arena);
		return;
	}
	us_secret_wipe(c->body.p, c->body.n);
	us_arena_wipe(&c->arena);
	reset_buffer(&c->body);
}

static void reset_answer(struct us_httpd_answer *answer)
{
	struct us_str body = answer->body, headers = answer->headers;

	end_pull(answer);
	reset_buffer(&body);
	reset_buffer(&headers);
	*answer = (struct us_httpd_answer) { .status = 200, .body = body, .headers = headers };
}

static void set_deadline(struct connection *c, int64_t ms)
{
	atomic_store_explicit(&c->deadline_ms, ms ? us_clock_monotonic_ms() + ms : 0, memory_order_relaxed);
}

/* Streaming: the library asks for bytes, the handler gives pieces. */

struct us_httpd_stream {
	struct connection *connection;
	struct us_httpd_answer answer; /* only its pull */
	struct us_str piece;
	size_t sent;
	bool is_last;
	bool is_resting, is_woken; /* under later_lock */
};

/* later_lock is held. */
static void wake(struct us_httpd_stream *s)
{
	s->is_woken = true;
	if (s->is_resting)
		MHD_resume_connection(s->connection->mhd);
	s->is_resting = false;
}

void us_httpd_wake(struct us_httpd_stream *stream)
{
	pthread_mutex_lock(&later_lock);
	wake(stream);
	pthread_mutex_unlock(&later_lock);
}

static void begin_pull(struct us_httpd_stream *s)
{
	pthread_mutex_lock(&later_lock);
	s->is_woken = false;
	pthread_mutex_unlock(&later_lock);
}

/* False: there is something to do again, it was woken since the pull began. */
static bool rest(struct us_httpd_stream *s)
{
	struct connection *c = s->connection;

	pthread_mutex_lock(&later_lock);
	bool can_rest = !s->is_woken && !c->httpd->is_abandoning;
	s->is_last = c->httpd->is_abandoning;
	if (can_rest) {
		s->is_resting = true;
		set_deadline(c, 0);
		MHD_suspend_connection(c->mhd);
	}
	pthread_mutex_unlock(&later_lock);
	return can_rest;
}

static ssize_t read_stream(void *data, uint64_t at, char *buffer, size_t room)
{
	struct us_httpd_stream *s = data;
	struct us_err err = US_ERR_INIT;

	(void) at;
	while (s->sent == s->piece.n) {
		if (s->is_last)
			return MHD_CONTENT_READER_END_OF_STREAM;
		us_str_clear(&s->piece);
		s->sent = 0;
		begin_pull(s);
		enum us_errc rc = s->answer.pull(s->answer.pull_data, &s->piece, &err);
		if (rc != US_OK && rc != US_END) {
			us_log(US_LOG_DEBUG, "answer cut short", "reason", err.text, NULL);
			/* The library would close it with its next event, whenever that is. */
			shutdown(s->connection->fd, SHUT_RDWR);
			return MHD_CONTENT_READER_END_WITH_ERROR;
		}
		s->is_last = rc == US_END;
		if (rc == US_OK && !s->piece.n && s->answer.pull_open && rest(s))
			return 0;
	}
	size_t n = s->piece.n - s->sent < room ? s->piece.n - s->sent : room;
	memcpy(buffer, s->piece.p + s->sent, n);
	s->sent += n;
	set_deadline(s->connection, s->connection->httpd->config.send_ms);
	return (ssize_t) n;
}

static void free_stream(void *data)
{
	struct us_httpd_stream *s = data;

	pthread_mutex_lock(&later_lock);
	if (s->connection)
		s->connection->stream = NULL;
	pthread_mutex_unlock(&later_lock);
	end_pull(&s->answer);
	us_str_fini(&s->piece);
	free(s);
}

static struct MHD_Response *make_response(struct connection *c)
{
	struct us_httpd_answer *a = &c->answer;

	/* The body stays in the connection until the request is completed. */
	if (!a->pull)
		return MHD_create_response_from_buffer(a->body.n, a->body.p ? a->body.p : (void *) "", MHD_RESPMEM_PERSISTENT);
	struct us_httpd_stream *s = us_calloc(1, sizeof *s);
	s->connection = c;
	s->answer.pull_open = a->pull_open;
	s->answer.pull = a->pull;
	s->answer.pull_free = a->pull_free;
	s->answer.pull_data = a->pull_data;
	a->pull = NULL;
	a->pull_free = NULL;
	pthread_mutex_lock(&later_lock);
	c->stream = s;
	pthread_mutex_unlock(&later_lock);
	if (s->answer.pull_open)
		s->answer.pull_open(s->answer.pull_data, s);
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, read_stream, s, free_stream);
	if (!r)
		free_stream(s);
	return r;
}

static enum MHD_Result send_answer(struct connection *c)
{
	struct us_httpd_answer *a = &c->answer;
	struct MHD_Response *r = make_response(c);

	if (!r)
		return MHD_NO;
	if (a->content_type)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
	for (size_t at = 0; at < a->headers.n;) {
		const char *name = a->headers.p + at, *value = name + strlen(name) + 1;
		MHD_add_response_header(r, name, value);
		at = (size_t) (value + strlen(value) + 1 - a->headers.p);
	}
	if (a->close || atomic_load_explicit(&c->httpd->is_draining, memory_order_relaxed))
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	set_deadline(c, c->httpd->config.send_ms);
	c->sent_status = a->status;
	enum MHD_Result ok = MHD_queue_response(c->mhd, (unsigned) a->status, r);
	MHD_destroy_response(r);
	return ok;
}

/* The listener's own answer. A framing error always ends the connection: nobody knows where the next request would begin. */
static enum MHD_Result refuse(struct connection *c, int status, const char *why)
{
	struct us_httpd *h = c->httpd;

	c->phase = HANDLED;
	c->answer.status = status;
	c->answer.close = true;
	if (h->config.refuse) {
		h->config.refuse(h->config.data, &c->request, status, why, &c->answer);
	} else {
		c->answer.content_type = "text/plain; charset=utf-8";
		us_str_printf(&c->answer.body, "%d %s\n", status, why);
	}
	return send_answer(c);
}

static enum MHD_Result collect_header(void *data, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
	size_t value_n)
{
	struct connection *c = data;

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
static bool is_contiguous(struct connection *c, const char *method, const char *version)
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

static enum MHD_Result check_head(struct connection *c, const char *method, const char *version)
{
	const struct us_httpd_config *config = &c->httpd->config;
	struct us_httpd_request *r = &c->request;
	struct us_err err = US_ERR_INIT;

	r->method_name = us_slice(method);
	r->method = find_method(method);
	r->headers = c->headers;
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, collect_header, c);
	if (c->target.n > config->url_bytes)
		return refuse(c, 414, "the address is too long");
	if (r->headers_n > config->headers)
		return refuse(c, 431, "too many headers");
#if MHD_VERSION < 0x00097701
	if (!is_contiguous(c, method, version))
		return refuse(c, 400, "the request's head holds a NUL, a folded line or stray white space");
#endif
	for (size_t i = 0; i < r->headers_n; i++)
		c->headers[i].value = us_slice_trim(c->headers[i].value);
	if (us_framing_check(c->headers, r->headers_n, strcmp(version, "HTTP/1.0") != 0, &c->framing, &err))
		return refuse(c, 400, err.text);
	if (us_target_parse(&c->arena, us_slice_dup(&c->arena, c->target), &r->target, &err))
		return refuse(c, 400, err.text);
	if (c->framing.has_length && c->framing.length > config->body_bytes) {
		if (c->framing.wants_continue || c->framing.length > SWALLOW_BYTES)
			return refuse(c, 413, "the body is too large");
		c->phase = SWALLOW;
		return MHD_YES;
	}
	c->phase = BODY;
	return MHD_YES;
}

static enum MHD_Result take_body(struct connection *c, const char *data, size_t *n)
{
	if (c->phase == BODY && *n > c->httpd->config.body_bytes - c->body.n)
		c->phase = SWALLOW;
	if (c->phase == SWALLOW) {
		c->swallowed_bytes += *n;
		if (c->swallowed_bytes > SWALLOW_BYTES)
			return MHD_NO;
	} else if (c->phase == BODY) {
		us_str_add(&c->body, data, *n);
	}
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result hand_over(struct connection *c)
{
	struct us_httpd *h = c->httpd;

	c->phase = HANDLED;
	set_deadline(c, 0);
	c->request.body = us_str_slice(&c->body);
	if (h->config.handle(h->config.data, &c->request, &c->answer) == US_HTTPD_NOW)
		return send_answer(c);
	/* Suspended first: whoever answers may resume at once. */
	MHD_suspend_connection(c->mhd);
	pthread_mutex_lock(&later_lock);
	us_assert(c->later_state == PROMISED || c->later_state == ANSWERED);
	bool is_answered = c->later_state == ANSWERED;
	if (!is_answered)
		c->later_state = SUSPENDED;
	pthread_mutex_unlock(&later_lock);
	if (is_answered)
		MHD_resume_connection(c->mhd);
	return MHD_YES;
}

static enum MHD_Result on_access(void *data, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_n, void **context)
{
	struct connection *c = *context;

	(void) data, (void) mhd, (void) url;
	switch (c->phase) {
	case LINE:
		return check_head(c, method, version);
	case BODY:
		return *upload_n ? take_body(c, upload, upload_n) : hand_over(c);
	case SWALLOW:
		return *upload_n ? take_body(c, upload, upload_n) : refuse(c, 413, "the body is too large");
	case HANDLED:
		/* Back after its suspension. */
		pthread_mutex_lock(&later_lock);
		bool is_answered = c->later_state == ANSWERED;
		pthread_mutex_unlock(&later_lock);
		return is_answered ? send_answer(c) : MHD_NO;
	case IDLE:
		break;
	}
	return MHD_NO;
}

static void *on_line(void *data, const char *target, struct MHD_Connection *mhd)
{
	struct us_httpd *h = data;
	struct connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	c->request = (struct us_httpd_request) { .method = US_HTTPD_OTHER, .peer = c->peer, .is_tls = h->config.cert_pem != NULL,
		.arena = &c->arena, .begin_us = us_clock_monotonic_us() };
	c->phase = LINE;
	c->raw_target = target;
	c->target = us_slice(target ? target : "");
	/* The library decodes in place after this call; a longer one is refused anyway. */
	if (c->target.n <= h->config.url_bytes)
		c->target = us_slice_dup(&c->arena, c->target);
	c->request.target.raw = c->target;
	set_deadline(c, h->config.request_ms);
	atomic_fetch_add(&h->active, 1);
	return c;
}

static void on_completed(void *data, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct us_httpd *h = data;
	struct connection *c = *context;

	(void) mhd;
	if (!c || c->phase == IDLE)
		return;
	if (h->config.done)
		h->config.done(h->config.data, &c->request, why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? c->sent_status : 0,
			us_clock_monotonic_us() - c->request.begin_us);
	c->phase = IDLE;
	c->sent_status = 0;
	c->swallowed_bytes = 0;
	c->later_state = NOT_LATER;
	reset_answer(&c->answer);
	forget_request(c);
	set_deadline(c, h->config.idle_ms);
	if (atomic_fetch_sub(&h->active, 1) == 1 && atomic_load(&h->is_draining)) {
		pthread_mutex_lock(&h->lock);
		pthread_cond_broadcast(&h->changed);
		pthread_mutex_unlock(&h->lock);
	}
}

static void open_connection(struct us_httpd *h, struct MHD_Connection *mhd, void **context)
{
	struct connection *c = us_calloc(1, sizeof *c);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	c->httpd = h;
	c->mhd = mhd;
	c->answer.status = 200;
	us_arena_init(&c->arena);
	if (!info || getnameinfo(info->client_addr, info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		sizeof(struct sockaddr_in), c->peer, sizeof c->peer, NULL, 0, NI_NUMERICHOST) != 0)
		strcpy(c->peer, "unknown");
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info ? info->connect_fd : -1;
	set_deadline(c, h->config.request_ms);
	*context = c;
	pthread_mutex_lock(&h->lock);
	c->next = h->connections;
	if (c->next)
		c->next->previous = c;
	h->connections = c;
	pthread_mutex_unlock(&h->lock);
}

/* The socket is still open here, so the reaper never meets a descriptor that belongs to somebody else by now. */
static void close_connection(struct us_httpd *h, struct connection *c)
{
	pthread_mutex_lock(&h->lock);
	if (c->previous)
		c->previous->next = c->next;
	else
		h->connections = c->next;
	if (c->next)
		c->next->previous = c->previous;
	pthread_mutex_unlock(&h->lock);
	pthread_mutex_lock(&later_lock);
	if (c->stream)
		c->stream->connection = NULL;
	pthread_mutex_unlock(&later_lock);
	us_httpd_answer_fini(&c->answer);
	forget_request(c);
	us_str_fini(&c->body);
	us_arena_fini(&c->arena);
	free(c);
}

static void on_connection(void *data, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
	switch (what) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		open_connection(data, mhd, context);
		break;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		if (*context)
			close_connection(data, *context);
		*context = NULL;
		break;
	}
}

/* The library's own time-out counts inactivity only: one byte now and then would hold a connection for ever. */
static void *reap(void *data)
{
	struct us_httpd *h = data;

	pthread_mutex_lock(&h->lock);
	while (!h->is_stopping) {
		int64_t now = us_clock_monotonic_ms(), wall = us_clock_wall_ms() + REAP_MS;
		for (struct connection *c = h->connections; c; c = c->next) {
			int64_t deadline = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
			if (deadline && deadline < now) {
				shutdown(c->fd, SHUT_RDWR);
				set_deadline(c, 0);
			}
		}
		struct timespec until = { .tv_sec = wall / 1000, .tv_nsec = wall % 1000 * 1000000 };
		pthread_cond_timedwait(&h->changed, &h->lock, &until);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* Later answers */

/* later_lock is held. A suspended connection cannot go away before it is resumed. */
static void answer_connection(struct connection *c, struct us_httpd_answer *answer)
{
	bool is_suspended = c->later_state == SUSPENDED;

	us_httpd_answer_fini(&c->answer);
	c->answer = *answer;
	*answer = (struct us_httpd_answer) US_HTTPD_ANSWER_INIT;
	c->later->connection = NULL;
	c->later = NULL;
	c->later_state = ANSWERED;
	if (is_suspended)
		MHD_resume_connection(c->mhd);
}

/* later_lock is held. */
static void answer_stopping(struct connection *c)
{
	struct us_httpd *h = c->httpd;
	struct us_httpd_answer answer = { .status = 503, .close = true };

	if (h->config.refuse)
		h->config.refuse(h->config.data, &c->request, 503, "the server is stopping", &answer);
	answer_connection(c, &answer);
}

struct us_httpd_later *us_httpd_defer(struct us_httpd_request *request)
{
	struct connection *c = (struct connection *) request;
	struct us_httpd_later *later = us_calloc(1, sizeof *later);

	pthread_mutex_lock(&later_lock);
	us_assert(c->later_state == NOT_LATER);
	later->connection = c;
	c->later = later;
	c->later_state = PROMISED;
	if (c->httpd->is_abandoning)
		answer_stopping(c);
	pthread_mutex_unlock(&later_lock);
	return later;
}

void us_httpd_later_answer(struct us_httpd_later *later, struct us_httpd_answer *answer)
{
	pthread_mutex_lock(&later_lock);
	if (later->connection)
		answer_connection(later->connection, answer);
	pthread_mutex_unlock(&later_lock);
	us_httpd_answer_fini(answer);
	free(later);
}

static void abandon_promises(struct us_httpd *h)
{
	pthread_mutex_lock(&h->lock);
	pthread_mutex_lock(&later_lock);
	h->is_abandoning = true;
	for (struct connection *c = h->connections; c; c = c->next) {
		if (c->later)
			answer_stopping(c);
		if (c->stream)
			wake(c->stream);
	}
	pthread_mutex_unlock(&later_lock);
	pthread_mutex_unlock(&h->lock);
}

/* Start and stop */

__attribute__((format(printf, 2, 0)))
static void on_complaint(void *data, const char *format, va_list ap)
{
	struct us_httpd *h = data;
	char text[256];

	vsnprintf(text, sizeof text, format, ap);
	text[strcspn(text, "\n")] = '\0';
	if (!h->daemon)
		memcpy(h->complaint, text, sizeof text);
	us_log(US_LOG_DEBUG, "http library", "text", text, NULL);
}

/* "host:port", "[v6]:port" or "*:port". */
static bool split_address(const char *listen, char host[256], char port[8])
{
	const char *colon = strrchr(listen, ':');
	size_t n = colon ? (size_t) (colon - listen) : 0;

	if (!colon || !colon[1] || strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1) || n >= 256)
		return false;
	strcpy(port, colon + 1);
	if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']')
		listen++, n -= 2;
	else if (memchr(listen, ':', n))
		return false;
	memcpy(host, listen, n);
	host[n] = '\0';
	return n && atoi(port) <= 65535;
}

static enum us_errc open_socket(const char *listen_at, int *ret_fd, int *ret_port, struct us_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
	char host[256], port[8];
	int yes = 1, no = 0;

	if (!split_address(listen_at, host, port))
		return us_err_set(err, US_CONFIG, "listen address \"%s\" is not ADDRESS:PORT", listen_at);
	bool is_every = !strcmp(host, "*");
	int rc = getaddrinfo(is_every ? "::" : host, port, &hints, &found);
	if (rc)
		return us_err_set_native(err, US_CONFIG, rc, "listen address \"%s\": %s", listen_at, gai_strerror(rc));
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
		if (is_every)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
	}
	bool ok = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 511) == 0;
	int failed = errno;
	freeaddrinfo(found);
	if (!ok) {
		if (fd >= 0)
			close(fd);
		return us_err_set_native(err, failed == EADDRINUSE ? US_UNAVAILABLE : US_CONFIG, failed, "cannot listen on %s: %s",
			listen_at, strerror(failed));
	}
	struct sockaddr_storage bound;
	socklen_t n = sizeof bound;
	char text[8];
	getsockname(fd, (struct sockaddr *) &bound, &n);
	getnameinfo((struct sockaddr *) &bound, n, NULL, 0, text, sizeof text, NI_NUMERICSERV);
	*ret_port = atoi(text);
	*ret_fd = fd;
	return US_OK;
}

static struct MHD_Daemon *start(struct us_httpd *h, int fd)
{
	const struct us_httpd_config *config = &h->config;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_USE_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC |
		(config->cert_pem ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) config->cert_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) config->key_pem },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:-VERS-DTLS-ALL" },
		{ MHD_OPTION_END, 0, NULL },
	};
	static struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned connections = config->connections > config->threads ? config->connections : config->threads;

	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, h,
		MHD_OPTION_EXTERNAL_LOGGER, on_complaint, h,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_THREAD_POOL_SIZE, config->threads > 1 ? config->threads : 0,
		MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) (config->idle_ms / 1000 + 1),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) POOL_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 0, /* so that our own checks give the answer */
#if MHD_VERSION >= 0x00097701
		MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2,
#endif
		MHD_OPTION_URI_LOG_CALLBACK, on_line, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_ARRAY, config->cert_pem ? tls : none,
		MHD_OPTION_END);
}

enum us_errc us_httpd_open(const struct us_httpd_config *config, struct us_httpd **ret_httpd, struct us_err *err)
{
	int fd, port;

	us_assert(config->headers <= US_HTTPD_HEADERS_MOST && config->handle);
	if (!config->cert_pem != !config->key_pem)
		return us_err_set(err, US_CONFIG, "TLS needs both a certificate and a key");
	enum us_errc rc = open_socket(config->listen, &fd, &port, err);
	if (rc)
		return rc;
	struct us_httpd *h = us_calloc(1, sizeof *h);
	h->config = *config;
	h->port = port;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	h->daemon = start(h, fd);
	if (h->daemon)
		h->has_reaper = pthread_create(&h->reaper, NULL, reap, h) == 0;
	if (h->daemon && h->has_reaper) {
		h->config.listen = NULL;
		if (h->config.cert_pem)
			h->config.cert_pem = h->config.key_pem = "";
		*ret_httpd = h;
		return US_OK;
	}
	rc = us_err_set(err, US_CONFIG, config->cert_pem ? "cannot serve HTTPS with this certificate and key: %s" : "cannot serve HTTP: %s",
		h->complaint[0] ? h->complaint : "no reason given");
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	else
		close(fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return rc;
}

int us_httpd_port(const struct us_httpd *httpd) { return httpd->port; }

static void wait_for_requests(struct us_httpd *h, int64_t most_ms)
{
	int64_t wall = us_clock_wall_ms() + most_ms;
	struct timespec until = { .tv_sec = wall / 1000, .tv_nsec = wall % 1000 * 1000000 };

	pthread_mutex_lock(&h->lock);
	while (atomic_load(&h->active) > 0)
		if (pthread_cond_timedwait(&h->changed, &h->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&h->lock);
}

void us_httpd_close(struct us_httpd *h, int64_t drain_ms)
{
	int fd = MHD_quiesce_daemon(h->daemon);

	atomic_store(&h->is_draining, true);
	wait_for_requests(h, drain_ms);
	abandon_promises(h);
	/* What was just answered gets a moment to leave. */
	wait_for_requests(h, 1000);
	pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->reaper, NULL);
	MHD_stop_daemon(h->daemon);
	if (fd >= 0)
		close(fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
