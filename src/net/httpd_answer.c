#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/httpd_state.h"

enum {
	KEEP_BYTES = 64 << 10,      /* of a buffer for the connection's next request */
	PIECE_BYTES = 16 << 10,     /* handed to the library at once when streaming */
};

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

void us_httpd_reset_buffer(struct us_str *s)
{
	if (s->cap > KEEP_BYTES)
		us_str_fini(s);
	else
		us_str_clear(s);
}

void us_httpd_reset_answer(struct us_httpd_answer *answer)
{
	struct us_str body = answer->body, headers = answer->headers;

	end_pull(answer);
	us_httpd_reset_buffer(&body);
	us_httpd_reset_buffer(&headers);
	*answer = (struct us_httpd_answer) { .status = 200, .body = body, .headers = headers };
}

void us_httpd_wake_stream(struct us_httpd_stream *s)
{
	s->is_woken = true;
	if (s->is_resting)
		MHD_resume_connection(s->connection->mhd);
	s->is_resting = false;
}

void us_httpd_wake(struct us_httpd_stream *stream)
{
	pthread_mutex_lock(&us_httpd_later_lock);
	us_httpd_wake_stream(stream);
	pthread_mutex_unlock(&us_httpd_later_lock);
}

static void begin_pull(struct us_httpd_stream *s)
{
	pthread_mutex_lock(&us_httpd_later_lock);
	s->is_woken = false;
	pthread_mutex_unlock(&us_httpd_later_lock);
}

/* False: there is something to do again, it was woken since the pull began. */
static bool rest(struct us_httpd_stream *s)
{
	struct us_httpd_connection *c = s->connection;

	pthread_mutex_lock(&us_httpd_later_lock);
	bool can_rest = !s->is_woken && !c->httpd->is_abandoning;
	s->is_last = c->httpd->is_abandoning;
	if (can_rest) {
		s->is_resting = true;
		us_httpd_set_deadline(c, 0);
		MHD_suspend_connection(c->mhd);
	}
	pthread_mutex_unlock(&us_httpd_later_lock);
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
	us_httpd_set_deadline(s->connection, s->connection->httpd->config.send_ms);
	return (ssize_t) n;
}

static void free_stream(void *data)
{
	struct us_httpd_stream *s = data;

	pthread_mutex_lock(&us_httpd_later_lock);
	if (s->connection)
		s->connection->stream = NULL;
	pthread_mutex_unlock(&us_httpd_later_lock);
	end_pull(&s->answer);
	us_str_fini(&s->piece);
	free(s);
}

static struct MHD_Response *make_response(struct us_httpd_connection *c)
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
	pthread_mutex_lock(&us_httpd_later_lock);
	c->stream = s;
	pthread_mutex_unlock(&us_httpd_later_lock);
	if (s->answer.pull_open)
		s->answer.pull_open(s->answer.pull_data, s);
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, read_stream, s, free_stream);
	if (!r)
		free_stream(s);
	return r;
}

enum MHD_Result us_httpd_send(struct us_httpd_connection *c)
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
	us_httpd_set_deadline(c, c->httpd->config.send_ms);
	c->sent_status = a->status;
	enum MHD_Result ok = MHD_queue_response(c->mhd, (unsigned) a->status, r);
	MHD_destroy_response(r);
	return ok;
}

enum MHD_Result us_httpd_refuse(struct us_httpd_connection *c, int status, const char *why)
{
	struct us_httpd *h = c->httpd;

	c->phase = US_HTTPD_HANDLED;
	c->answer.status = status;
	c->answer.close = true;
	if (h->config.refuse) {
		h->config.refuse(h->config.data, &c->request, status, why, &c->answer);
	} else {
		c->answer.content_type = "text/plain; charset=utf-8";
		us_str_printf(&c->answer.body, "%d %s\n", status, why);
	}
	return us_httpd_send(c);
}
