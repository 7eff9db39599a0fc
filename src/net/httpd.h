/* HTTP listener: strict about framing, bounded in everything, and ignorant of what it serves.
 *
 * Built on libmicrohttpd, which is lenient: whatever it lets through that could be read in two ways is refused here with 400 and a closed
 * connection (two or no Hosts, doubled or contradicting lengths, a space before a colon, folded lines, bare line feeds, NUL).
 * Handlers run in the pool's threads and may answer later, from any thread, so that a long wait blocks nobody.
 *
 * Time: a request must be whole within request_ms of its line (or of the connection), an answer be taken within send_ms; a
 * connection waits idle_ms for its next request. Past that the connection is cut, whatever trickles in.
 * Spec: RFC 9110, RFC 9112.
 */
#ifndef US_NET_HTTPD_H
#define US_NET_HTTPD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/target.h"

#define US_HTTPD_METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS)
enum us_httpd_method {
#define X(name) US_HTTPD_##name,
	US_HTTPD_METHODS(X)
#undef X
	US_HTTPD_OTHER,
};
const char *us_httpd_method_name(enum us_httpd_method method); /* "GET"; "" for OTHER */

struct us_httpd_later;
struct us_httpd_request {
	enum us_httpd_method method;
	struct us_slice method_name;    /* as it came */
	struct us_target target;
	const struct us_parameter *headers; /* in their order; values without outer white space */
	size_t headers_n;
	struct us_slice body;
	const char *peer;               /* address in digits, without the port */
	bool is_tls;
	struct us_arena *arena;         /* lives until the answer has been sent */
	int64_t begin_us;               /* monotonic: when the request line was there */
	struct us_httpd_later *promise; /* of a copy (net/later.h): what answers it; NULL: it is none, or somebody else answers it */
	const char *label;              /* for the handler's use: a constant text that names the route, for `done` */
};

/* The first header of that name (ASCII case ignored); NONE if it is not there. */
struct us_slice us_httpd_find_header(const struct us_httpd_request *request, const char *name);

struct us_httpd_stream; /* of an answer that comes in pieces */

/* An answer is filled by the handler. Owns: body, headers; what they hold is moved away when it is sent. */
struct us_httpd_answer {
	int status;                /* 200 unless the handler says otherwise */
	const char *content_type;  /* constant text; NULL: no such header */
	struct us_str body;
	struct us_str headers;     /* see us_httpd_add_header */
	bool close;                /* end the connection after this answer */
	/* If set, the body comes from here, in pieces: it appends the next piece to chunk and returns US_OK, or US_END with the last one. Any
	 * error cuts the connection, so that the client cannot take the piece for the whole. pull_free is called once at the end. */
	enum us_errc (*pull)(void *data, struct us_str *chunk, struct us_err *err);
	void (*pull_free)(void *data);
	void *pull_data;
	/* If set, called once before the first pull; then a pull may append nothing and return US_OK: it is not asked again until us_httpd_wake. While
	 * such a stream rests nobody notices that its client went away, so wake it now and then and let it say something. */
	void (*pull_open)(void *data, struct us_httpd_stream *stream);
};

#define US_HTTPD_ANSWER_INIT { .status = 200 }

void us_httpd_add_header(struct us_httpd_answer *answer, const char *name, const char *value); /* copied; CR and LF become spaces */
void us_httpd_answer_fini(struct us_httpd_answer *answer); /* of an answer that was not sent */

enum us_httpd_next {
	US_HTTPD_NOW,   /* the answer is filled */
	US_HTTPD_LATER, /* us_httpd_defer was called: the answer follows */
};

struct us_httpd;
/* Promise an answer: the handler must return US_HTTPD_LATER and not touch its answer again, and somebody must call
 * us_httpd_later_answer exactly once, at any time, even after the listener is closed. The request lives until then or until closing. */
struct us_httpd_later *us_httpd_defer(struct us_httpd_request *request); /* of a copy: takes its promise over */
/* Owns: takes later, and moves everything out of answer. */
void us_httpd_later_answer(struct us_httpd_later *later, struct us_httpd_answer *answer);

/* From any thread, before pull_free has returned. */
void us_httpd_wake(struct us_httpd_stream *stream);

struct us_httpd_config {
	const char *listen;      /* "127.0.0.1:8080", "[::1]:0", "*:8080" (every address); port 0 takes a free one */
	unsigned threads;
	unsigned connections;    /* more wait in the kernel's queue */
	size_t url_bytes;        /* longer is 414 */
	unsigned headers;        /* more is 431 */
	size_t body_bytes;       /* more is 413 */
	int64_t request_ms, send_ms, idle_ms;
	const char *cert_pem, *key_pem; /* the texts; NULL for plain HTTP */
	void *data;              /* handed to the calls below */
	enum us_httpd_next (*handle)(void *data, struct us_httpd_request *request, struct us_httpd_answer *answer);
	/* Fills the body of an answer that the listener gives by itself; NULL: one line of text. Of the target only raw is sure to be there, and the
	 * headers may be cut short; it may be another thread than the handler's, so the arena is not to be used. */
	void (*refuse)(void *data, struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer);
	/* After each request, for statistics; status 0 if the client went away. May be NULL. */
	void (*done)(void *data, const struct us_httpd_request *request, int status, int64_t duration_us);
};

#define US_HTTPD_HEADERS_MOST 100
#define US_HTTPD_CONFIG_INIT \
	{ .listen = "127.0.0.1:8080", .threads = 4, .connections = 1000, .url_bytes = 8192, .headers = US_HTTPD_HEADERS_MOST, \
	  .body_bytes = 1 << 20, .request_ms = 30000, .send_ms = 60000, .idle_ms = 60000 }

/* Listens and serves. config's texts may be freed afterwards. Errors: US_CONFIG (address, certificate, key), US_UNAVAILABLE (in use). */
enum us_errc us_httpd_open(const struct us_httpd_config *config, struct us_httpd **ret_httpd, struct us_err *err);
int us_httpd_port(const struct us_httpd *httpd);
/* No new connection is taken; requests that are under way have until drain_ms to end, deferred ones are then answered 503. */
void us_httpd_close(struct us_httpd *httpd, int64_t drain_ms);

#endif
