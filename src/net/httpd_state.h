/* The listener: what its files share. httpd.c opens and closes it and its connections, httpd_request.c takes requests in, httpd_answer.c sends
 * answers, httpd_later.c those that are promised, listen.c makes the socket. */
#ifndef US_NET_HTTPD_STATE_H
#define US_NET_HTTPD_STATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "net/framing.h"
#include "net/httpd.h"

enum us_httpd_phase {
	US_HTTPD_IDLE,     /* no request line yet */
	US_HTTPD_LINE,     /* request line is there */
	US_HTTPD_BODY,     /* head checked, body comes in */
	US_HTTPD_SWALLOW,  /* body is too large: read and thrown away */
	US_HTTPD_HANDLED,  /* the handler had it */
};

enum us_httpd_promise { US_HTTPD_NOT_LATER, US_HTTPD_PROMISED, US_HTTPD_SUSPENDED, US_HTTPD_ANSWERED };

/* One connection with the one request that it has at a time; its memory serves all of them. */
struct us_httpd_connection {
	struct us_httpd_request request; /* first: request and connection convert into each other */
	struct us_httpd *httpd;
	struct MHD_Connection *mhd;
	struct us_httpd_connection *previous, *next;
	int fd;
	_Atomic int64_t deadline_ms; /* monotonic; 0: none */
	enum us_httpd_phase phase;
	const char *raw_target;      /* in the library's buffer */
	struct us_slice target;
	struct us_parameter headers[US_HTTPD_HEADERS_MOST + 1]; /* one more, to see that there are too many */
	struct us_framing framing;
	struct us_str body;
	size_t swallowed_bytes;
	struct us_httpd_answer answer;
	int sent_status;
	/* under us_httpd_later_lock */
	enum us_httpd_promise later_state;
	struct us_httpd_later *later;
	struct us_httpd_stream *stream;
	struct us_arena arena;
	char peer[64];
};

struct us_httpd_later {
	struct us_httpd_connection *connection; /* NULL: the listener was closed meanwhile */
};

struct us_httpd {
	struct us_httpd_config config;
	struct MHD_Daemon *daemon;
	int port;
	pthread_mutex_t lock; /* guards connections, is_stopping */
	pthread_cond_t changed;
	struct us_httpd_connection *connections;
	pthread_t reaper;
	bool has_reaper, is_stopping;
	bool is_abandoning; /* under us_httpd_later_lock: no promise is waited for any more */
	atomic_bool is_draining;
	atomic_int active; /* requests between their line and the end of their answer */
	char complaint[256]; /* the library's last message while starting */
};

/* Over promises and streams. Not in us_httpd: a promise may be kept after its listener is gone. */
extern pthread_mutex_t us_httpd_later_lock;

struct us_httpd_stream {
	struct us_httpd_connection *connection;
	struct us_httpd_answer answer; /* only its pull */
	struct us_str piece;
	size_t sent;
	bool is_last;
	bool is_resting, is_woken; /* under us_httpd_later_lock */
};

static inline void us_httpd_set_deadline(struct us_httpd_connection *c, int64_t ms)
{
	atomic_store_explicit(&c->deadline_ms, ms ? us_clock_monotonic_ms() + ms : 0, memory_order_relaxed);
}

/* The connection's answer, to the library; what it streams goes with it. */
enum MHD_Result us_httpd_send(struct us_httpd_connection *c);
/* The listener's own answer. A framing error always ends the connection: nobody knows where the next request would begin. */
enum MHD_Result us_httpd_refuse(struct us_httpd_connection *c, int status, const char *why);
/* For the connection's next request: what is large is given back, what may be secret wiped. */
void us_httpd_reset_answer(struct us_httpd_answer *answer);
void us_httpd_forget_request(struct us_httpd_connection *c);
void us_httpd_reset_buffer(struct us_str *s);

/* The library's calls. */
void *us_httpd_on_line(void *data, const char *target, struct MHD_Connection *mhd);
enum MHD_Result us_httpd_on_access(void *data, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_n, void **context);
void us_httpd_on_completed(void *data, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why);

/* us_httpd_later_lock is held. */
void us_httpd_wake_stream(struct us_httpd_stream *s);
/* Answers what is promised with 503, and ends streams that rest. */
void us_httpd_abandon(struct us_httpd *h);

#endif
