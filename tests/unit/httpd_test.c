#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/clock.h"
#include "net/httpd.h"

enum { PATIENCE_MS = 10000 };

static struct us_httpd_later *kept_later; /* of the last request to /later */
static pthread_mutex_t later_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int pull_freed, done_count, last_status;

static enum us_errc pull_numbers(void *data, struct us_str *chunk, struct us_err *err)
{
	int *n = data;

	if (*n == 3333 + 1)
		return us_err_set(err, US_DISK, "cut");
	for (int i = 0; i < 1000 && *n != 0; i++, --*n)
		us_str_printf(chunk, "%d\n", *n);
	return *n ? US_OK : US_END;
}

static void free_numbers(void *data)
{
	free(data);
	atomic_fetch_add(&pull_freed, 1);
}

/* Says what was asked, so that the tests see what arrived. */
static enum us_httpd_next handle(void *data, struct us_httpd_request *r, struct us_httpd_answer *a)
{
	const char *first = r->target.segments_n ? r->target.segments[0].p : "";

	a->content_type = "text/plain; charset=utf-8";
	if (!strcmp(first, "later")) {
		pthread_mutex_lock(&later_lock);
		kept_later = us_httpd_defer(r);
		pthread_mutex_unlock(&later_lock);
		return US_HTTPD_LATER;
	}
	if (!strcmp(first, "at-once")) {
		struct us_httpd_answer other = US_HTTPD_ANSWER_INIT;
		us_str_add_text(&other.body, "answered before the handler returned");
		us_httpd_later_answer(us_httpd_defer(r), &other);
		return US_HTTPD_LATER;
	}
	if (!strcmp(first, "numbers")) {
		int *n = us_malloc(sizeof *n);
		*n = atoi(r->target.segments[1].p);
		a->pull = pull_numbers;
		a->pull_free = free_numbers;
		a->pull_data = n;
		return US_HTTPD_NOW;
	}
	us_httpd_add_header(a, "X-Test", "one\r\nX-Split: two");
	us_str_printf(&a->body, US_SLICE_FMT "|", US_SLICE_ARG(r->method_name));
	for (size_t i = 0; i < r->target.segments_n; i++)
		us_str_printf(&a->body, "%s,", r->target.segments[i].p);
	us_str_add_char(&a->body, '|');
	us_str_add_slice(&a->body, r->body);
	us_str_printf(&a->body, "|%s|%zu", r->peer, r->headers_n);
	return US_HTTPD_NOW;
}

static void on_done(void *data, const struct us_httpd_request *r, int status, int64_t duration_us)
{
	atomic_store(&last_status, status);
	atomic_fetch_add(&done_count, 1);
}

static struct us_httpd *open_httpd(struct us_httpd_config config)
{
	struct us_httpd *h;
	struct us_err err = US_ERR_INIT;

	config.listen = "127.0.0.1:0";
	config.handle = handle;
	config.done = on_done;
	config.threads = 2;
	if (us_httpd_open(&config, &h, &err))
		fail_msg("%s", err.text);
	return h;
}

static struct us_httpd_config config_of_tests(void)
{
	return (struct us_httpd_config) US_HTTPD_CONFIG_INIT;
}

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
	return fd;
}

static void send_text(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0)
			return; /* the other side has had enough: what it said is read below */
		p += sent;
		n -= (size_t) sent;
	}
}

/* Reads until the connection ends, or until `until` is in the text; false if neither happens in time. */
static bool receive(int fd, struct us_str *out, const char *until, bool *ret_closed)
{
	int64_t deadline = us_clock_monotonic_ms() + PATIENCE_MS;

	*ret_closed = false;
	while (!(until && strstr(us_str_text(out), until))) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - us_clock_monotonic_ms();
		char buffer[65536];
		if (left <= 0 || poll(&p, 1, (int) left) <= 0)
			return false;
		ssize_t n = recv(fd, buffer, sizeof buffer, 0);
		if (n <= 0) {
			*ret_closed = true;
			return true;
		}
		us_str_add(out, buffer, (size_t) n);
	}
	return true;
}

#define HOST "Host: localhost\r\n"

struct exchange {
	const char *what, *sent;
	size_t sent_n;     /* 0: strlen */
	const char *want;  /* in the answer */
	bool closes;       /* the server ends the connection by itself */
};

static void run_exchanges(const struct exchange *rows, size_t n, struct us_httpd_config config)
{
	struct us_httpd *h = open_httpd(config);

	for (size_t i = 0; i < n; i++) {
		struct us_str got = US_STR_INIT;
		bool closed;
		int fd = dial(us_httpd_port(h));
		send_text(fd, rows[i].sent, rows[i].sent_n ? rows[i].sent_n : strlen(rows[i].sent));
		bool in_time = receive(fd, &got, rows[i].closes ? NULL : rows[i].want, &closed);
		if (!in_time || closed != rows[i].closes || !strstr(us_str_text(&got), rows[i].want))
			fail_msg("%s: want \"%s\"%s, got %s%s \"%s\"", rows[i].what, rows[i].want, rows[i].closes ? " and the end" : "",
				in_time ? "" : "nothing in time, ", closed ? "the end after" : "", us_str_text(&got));
		/* Nothing that was smuggled behind a refused request is answered. */
		if (rows[i].closes && strstr(us_str_text(&got), "smuggled"))
			fail_msg("%s: answered what came behind it", rows[i].what);
		us_str_fini(&got);
		close(fd);
	}
	us_httpd_close(h, 1000);
}

#define BYTES(text) text, sizeof(text) - 1
#define NEXT "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"

static void ambiguous_framing_is_refused_and_the_connection_closed(void **state)
{
	static const struct exchange rows[] = {
		{ "two differing lengths", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" NEXT), "HTTP/1.1 400 ", true },
		{ "two equal lengths", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" NEXT), "HTTP/1.1 400 ", true },
		{ "list of lengths", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc" NEXT), " 400 ", true },
		{ "length with a sign", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc" NEXT), " 400 ", true },
		{ "negative length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\nabc" NEXT), " 400 ", true },
		{ "hexadecimal length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc" NEXT), " 400 ", true },
		{ "empty length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n" NEXT), " 400 ", true },
		{ "huge length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nabc" NEXT), " 413 ", true },
		{ "length and chunks", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "chunks and length", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "chunked twice", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT), " 400 ", true },
		{ "unknown encoding", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT), " 400 ", true },
		{ "encoding list", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT), " 400 ", true },
		{ "chunks in 1.0", BYTES("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT), " 400 ", true },
		{ "bad chunk size", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n" NEXT), " 400 ", true },
		{ "two hosts", BYTES("GET / HTTP/1.1\r\n" HOST "Host: other\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "two equal hosts", BYTES("GET / HTTP/1.1\r\n" HOST HOST "\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "no host", BYTES("GET / HTTP/1.1\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "empty host", BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n" NEXT), " 400 ", true },
		{ "host with a slash", BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" NEXT), " 400 ", true },
		{ "space before a colon", BYTES("GET / HTTP/1.1\r\n" HOST "X-Y : z\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "tab before a colon", BYTES("GET / HTTP/1.1\r\n" HOST "X-Y\t: z\r\n\r\n" NEXT), " 400 ", true },
		{ "space before the host's colon", BYTES("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n" NEXT), " 400 ", true },
		{ "length with a space before its colon", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc" NEXT), " 400 ", true },
		{ "header without a name", BYTES("GET / HTTP/1.1\r\n" HOST ": z\r\n\r\n" NEXT), " 400 ", true },
		{ "header without a colon", BYTES("GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n" NEXT), " 400 ", true },
		{ "NUL in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-Y: a\0b\r\n\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "NUL at the start of a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-Y:\0b\r\n\r\n" NEXT), " 400 ", true },
		{ "NUL at the end of the last value", BYTES("GET / HTTP/1.1\r\n" HOST "X-Y: b\0\r\n\r\n" NEXT), " 400 ", true },
		{ "NUL at the end of a value", BYTES("GET / HTTP/1.1\r\n" "X-Y: b\0\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "NUL in a name", BYTES("GET / HTTP/1.1\r\n" HOST "X\0Y: b\r\n\r\n" NEXT), " 400 ", true },
		{ "NUL in the host", BYTES("GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n" NEXT), " 400 ", true },
		{ "NUL in the address", BYTES("GET /a\0b HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "NUL in the method", BYTES("G\0T /ab HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "lone carriage return in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n" NEXT), " 400 ", true },
		{ "folded line", BYTES("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n" NEXT), " 400 ", true },
		{ "folded last line", BYTES("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "bare line feeds", BYTES("GET / HTTP/1.1\nHost: localhost\n\n" NEXT), " 400 ", true },
		{ "one bare line feed", BYTES("GET / HTTP/1.1\r\nX: y\nHost: localhost\r\n\r\n" NEXT), " 400 ", true },
		{ "two spaces in the request line", BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "space in the address", BYTES("GET /a b HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "escaped NUL in the address", BYTES("GET /a%00b HTTP/1.1\r\n" HOST "\r\n" NEXT), "HTTP/1.1 400 ", true },
		{ "escaped NUL in the query", BYTES("GET /a?b=%00 HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "broken escape", BYTES("GET /a%4 HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "fragment", BYTES("GET /a#b HTTP/1.1\r\n" HOST "\r\n" NEXT), " 400 ", true },
		{ "two authorizations", BYTES("GET / HTTP/1.1\r\n" HOST "Authorization: Basic eDp5\r\nauthorization: Basic eDp6\r\n\r\n" NEXT), " 400 ", true },
		{ "unknown version", BYTES("GET / HTTP/3.0\r\n" HOST "\r\n" NEXT), " 505 ", true },
		{ "no version", BYTES("GET /\r\n" HOST "\r\n" NEXT), " 400 ", true },
	};

	run_exchanges(rows, countof(rows), config_of_tests());
}

static void plain_requests_are_served_and_the_connection_kept(void **state)
{
	static const struct exchange rows[] = {
		{ "get", BYTES("GET /a/b%2Fc HTTP/1.1\r\n" HOST "\r\n"), "GET|a,b/c,||127.0.0.1|1", false },
		{ "emoji", BYTES("GET /%F0%9F%98%80 HTTP/1.1\r\n" HOST "\r\n"), "GET|😀,|", false },
		{ "post", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"), "POST||abc|", false },
		{ "chunks", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), "POST||abcde|", false },
		{ "pipelined", BYTES("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"), "GET|2,|", false },
		{ "body, then the next", BYTES("PUT /1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n" HOST "\r\n"), "GET|2,|", false },
		{ "values are trimmed", BYTES("POST / HTTP/1.1\r\nHost:  localhost \t\r\nContent-Length: 1\r\nX:\r\nY: \r\n\r\na"), "POST||a|127.0.0.1|4", false },
		{ "options", BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "OPTIONS|", false },
		{ "unknown method", BYTES("BREW /pot HTTP/1.1\r\n" HOST "\r\n"), "BREW|pot,|", false },
		{ "absolute form", BYTES("GET http://localhost/a HTTP/1.1\r\n" HOST "\r\n"), "GET|a,|", false },
		{ "1.0", BYTES("GET /a HTTP/1.0\r\n\r\n"), "GET|a,|", true },
		{ "asked to close", BYTES("GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), "GET|a,|", true },
		{ "split headers", BYTES("GET /a HTTP/1.1\r\n" HOST "\r\n"), "X-Test: one  X-Split: two\r\n", false },
		{ "continue", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"), "HTTP/1.1 100 Continue\r\n", false },
		{ "answered at once though deferred", BYTES("GET /at-once HTTP/1.1\r\n" HOST "\r\n"), "answered before the handler returned", false },
	};

	run_exchanges(rows, countof(rows), config_of_tests());
}

static void repeat(struct us_str *s, const char *text, size_t n)
{
	while (n--)
		us_str_add_text(s, text);
}

static void limits_hold_at_their_edges(void **state)
{
	static const struct {
		const char *what, *head, *piece, *tail;
		size_t pieces;
		const char *want;
		bool closes;
	} rows[] = {
		{ "longest address", "GET /", "a", " HTTP/1.1\r\n" HOST "\r\n", 99, " 200 ", false },
		{ "too long an address", "GET /", "a", " HTTP/1.1\r\n" HOST "\r\n", 100, " 414 ", true },
		{ "address larger than any buffer", "GET /", "a", " HTTP/1.1\r\n" HOST "\r\n", 100000, " 414 ", true },
		{ "most headers", "GET / HTTP/1.1\r\n" HOST, "X: y\r\n", "\r\n", 9, " 200 ", false },
		{ "too many headers", "GET / HTTP/1.1\r\n" HOST, "X: y\r\n", "\r\n", 10, " 431 ", true },
		{ "far too many headers", "GET / HTTP/1.1\r\n" HOST, "X: y\r\n", "\r\n", 20000, " 431 ", true },
		{ "header larger than any buffer", "GET / HTTP/1.1\r\n" HOST "X: ", "y", "\r\n\r\n", 100000, " 431 ", true },
		{ "largest body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", "b", "", 1000, " 200 ", false },
		{ "too large a body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n", "b", "", 1001, " 413 ", true },
		{ "body of megabytes", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n", "b", "", 5000000, " 413 ", true },
		{ "too large a body is refused before it is sent", "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n", "", "", 0, "HTTP/1.1 413 ", true },
		{ "largest body in chunks", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n", "0\r\n\r\n", 100, " 200 ", false },
		{ "too large a body in chunks", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n", "0\r\n\r\n", 101, " 413 ", true },
	};
	struct us_httpd_config config = config_of_tests();

	config.url_bytes = 100;
	config.headers = 10;
	config.body_bytes = 1000;
	for (size_t i = 0; i < countof(rows); i++) {
		struct us_str text = US_STR_INIT;
		us_str_add_text(&text, rows[i].head);
		repeat(&text, rows[i].piece, rows[i].pieces);
		us_str_add_text(&text, rows[i].tail);
		struct exchange e = { rows[i].what, text.p, text.n, rows[i].want, rows[i].closes };
		run_exchanges(&e, 1, config);
		us_str_fini(&text);
	}
}

static void head_has_the_length_and_no_body(void **state)
{
	struct us_httpd *h = open_httpd(config_of_tests());
	struct us_str got = US_STR_INIT;
	bool closed;
	int fd = dial(us_httpd_port(h));

	send_text(fd, BYTES("HEAD /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
	assert_true(receive(fd, &got, NULL, &closed));
	assert_non_null(strstr(got.p, "Content-Length: 20\r\n"));
	assert_null(strstr(got.p, "HEAD|a"));
	us_str_fini(&got);
	close(fd);
	us_httpd_close(h, 1000);
}

static void trickling_bytes_do_not_hold_a_connection(void **state)
{
	static const char *const starts[] = { "", "G", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "\r\n" };
	struct us_httpd_config config = config_of_tests();

	config.request_ms = 300;
	config.idle_ms = 300;
	struct us_httpd *h = open_httpd(config);
	for (size_t i = 0; i < countof(starts); i++) {
		int fd = dial(us_httpd_port(h));
		int64_t begin = us_clock_monotonic_ms(), took = 0;
		char buffer[1000];
		send_text(fd, starts[i], strlen(starts[i]));
		/* One byte each 20 ms: the connection is never idle for long. */
		for (;;) {
			struct pollfd p = { .fd = fd, .events = POLLIN };
			if (poll(&p, 1, 20) > 0 && recv(fd, buffer, sizeof buffer, 0) <= 0)
				break;
			send_text(fd, "x", 1);
			took = us_clock_monotonic_ms() - begin;
			assert_row(i, took < PATIENCE_MS);
		}
		close(fd);
	}
	us_httpd_close(h, 1000);
}

static struct us_httpd_later *take_later(void)
{
	int64_t deadline = us_clock_monotonic_ms() + PATIENCE_MS;
	struct us_httpd_later *later = NULL;

	while (!later) {
		assert_true(us_clock_monotonic_ms() < deadline);
		pthread_mutex_lock(&later_lock);
		later = kept_later;
		kept_later = NULL;
		pthread_mutex_unlock(&later_lock);
		poll(NULL, 0, 1);
	}
	return later;
}

static void a_deferred_answer_blocks_nobody(void **state)
{
	struct us_httpd_config config = config_of_tests();
	struct us_httpd *h = open_httpd(config);
	struct us_httpd_later *later[6];
	int waiting[countof(later)];
	struct us_str got = US_STR_INIT;
	bool closed;

	/* More waiting requests than threads. */
	for (size_t i = 0; i < countof(later); i++) {
		waiting[i] = dial(us_httpd_port(h));
		send_text(waiting[i], BYTES("GET /later HTTP/1.1\r\n" HOST "\r\n"));
		later[i] = take_later();
	}
	int fd = dial(us_httpd_port(h));
	send_text(fd, BYTES("GET /quick HTTP/1.1\r\n" HOST "\r\n"));
	assert_true(receive(fd, &got, "GET|quick", &closed));
	close(fd);
	for (size_t i = 0; i < countof(later); i++) {
		struct us_httpd_answer answer = { .status = 202 };
		us_str_printf(&answer.body, "answer %zu", i);
		us_str_clear(&got);
		if (i == 2)
			close(waiting[i]); /* gone meanwhile */
		us_httpd_later_answer(later[i], &answer);
		if (i == 2)
			continue;
		char want[20];
		snprintf(want, sizeof want, "answer %zu", i);
		assert_true(receive(waiting[i], &got, want, &closed) && !closed);
		assert_non_null(strstr(got.p, "HTTP/1.1 202 "));
		/* The connection serves on. */
		us_str_clear(&got);
		send_text(waiting[i], BYTES("GET /on HTTP/1.1\r\n" HOST "\r\n"));
		assert_true(receive(waiting[i], &got, "GET|on", &closed) && !closed);
		close(waiting[i]);
	}
	us_str_fini(&got);
	us_httpd_close(h, 1000);
}

struct stop {
	struct us_httpd *httpd;
	int64_t drain_ms;
	atomic_bool has_ended;
};

static void *stop_httpd(void *data)
{
	struct stop *s = data;

	us_httpd_close(s->httpd, s->drain_ms);
	atomic_store(&s->has_ended, true);
	return NULL;
}

static void stopping_waits_for_answers_under_way(void **state)
{
	struct us_httpd *h = open_httpd(config_of_tests());
	struct stop stop = { .httpd = h, .drain_ms = PATIENCE_MS };
	struct us_httpd_answer answer = US_HTTPD_ANSWER_INIT;
	struct us_str got = US_STR_INIT;
	pthread_t thread;
	bool closed;
	int port = us_httpd_port(h), fd = dial(port);

	send_text(fd, BYTES("GET /later HTTP/1.1\r\n" HOST "\r\n"));
	struct us_httpd_later *later = take_later();
	pthread_create(&thread, NULL, stop_httpd, &stop);
	us_str_add_text(&answer.body, "in time");
	/* Only now, while it is draining. */
	poll(NULL, 0, 50);
	assert_false(atomic_load(&stop.has_ended));
	us_httpd_later_answer(later, &answer);
	assert_true(receive(fd, &got, NULL, &closed));
	assert_non_null(strstr(us_str_text(&got), "in time"));
	pthread_join(thread, NULL);
	us_str_fini(&got);
	close(fd);
}

static void stopping_answers_503_to_promises_not_kept(void **state)
{
	struct us_httpd *h = open_httpd(config_of_tests());
	struct us_httpd_answer answer = US_HTTPD_ANSWER_INIT;
	struct us_str got = US_STR_INIT;
	bool closed;
	int fd = dial(us_httpd_port(h));

	send_text(fd, BYTES("GET /later HTTP/1.1\r\n" HOST "\r\n"));
	struct us_httpd_later *later = take_later();
	us_httpd_close(h, 50);
	assert_true(receive(fd, &got, NULL, &closed));
	assert_non_null(strstr(us_str_text(&got), "HTTP/1.1 503 "));
	us_str_add_text(&answer.body, "too late, and nothing breaks");
	us_httpd_later_answer(later, &answer);
	us_str_fini(&got);
	close(fd);
}

static void long_answers_are_streamed(void **state)
{
	struct us_httpd *h = open_httpd(config_of_tests());
	struct us_str got = US_STR_INIT;
	bool closed;
	int fd = dial(us_httpd_port(h)), before = atomic_load(&pull_freed);

	send_text(fd, BYTES("GET /numbers/100000 HTTP/1.1\r\n" HOST "\r\n"));
	assert_true(receive(fd, &got, "\r\n0\r\n\r\n", &closed));
	assert_non_null(strstr(got.p, "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(got.p, "100000\n99999\n"));
	assert_true(got.n > 588890);
	/* The same connection again; then an answer that breaks off must not look whole. */
	us_str_clear(&got);
	send_text(fd, BYTES("GET /numbers/3 HTTP/1.1\r\n" HOST "\r\n"));
	assert_true(receive(fd, &got, "\r\n0\r\n\r\n", &closed));
	us_str_clear(&got);
	send_text(fd, BYTES("GET /numbers/5334 HTTP/1.1\r\n" HOST "\r\n"));
	assert_true(receive(fd, &got, NULL, &closed));
	assert_true(closed);
	assert_null(strstr(got.p, "\r\n0\r\n\r\n"));
	us_str_fini(&got);
	close(fd);
	us_httpd_close(h, 1000);
	assert_int_equal(atomic_load(&pull_freed), before + 3);
}

static void each_request_is_reported_once(void **state)
{
	struct us_httpd *h = open_httpd(config_of_tests());
	struct us_str got = US_STR_INIT;
	bool closed;
	int fd = dial(us_httpd_port(h)), before = atomic_load(&done_count);

	send_text(fd, BYTES("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3 HTTP/1.1\r\n\r\n"));
	assert_true(receive(fd, &got, NULL, &closed));
	close(fd);
	us_str_fini(&got);
	us_httpd_close(h, 1000);
	assert_int_equal(atomic_load(&done_count), before + 3);
	assert_int_equal(atomic_load(&last_status), 400);
}

static void addresses_that_cannot_be_served_say_why(void **state)
{
	static const struct {
		const char *listen;
		enum us_errc want;
	} rows[] = {
		{ "", US_CONFIG }, { "127.0.0.1", US_CONFIG }, { "127.0.0.1:", US_CONFIG }, { "127.0.0.1:x", US_CONFIG },
		{ "127.0.0.1:99999", US_CONFIG }, { ":8080", US_CONFIG }, { "::1:0", US_CONFIG }, { "192.0.2.1:0", US_CONFIG },
		{ "127.0.0.1:0", US_OK }, { "*:0", US_OK }, { "localhost:0", US_OK },
	};
	struct us_httpd_config config = config_of_tests();
	struct us_err err = US_ERR_INIT;
	struct us_httpd *h, *second;
	char taken[40];

	config.handle = handle;
	for (size_t i = 0; i < countof(rows); i++) {
		config.listen = rows[i].listen;
		enum us_errc rc = us_httpd_open(&config, &h, &err);
		assert_row(i, rc == rows[i].want);
		if (!rc)
			us_httpd_close(h, 0);
	}
	h = open_httpd(config);
	snprintf(taken, sizeof taken, "127.0.0.1:%d", us_httpd_port(h));
	config.listen = taken;
	assert_int_equal(us_httpd_open(&config, &second, &err), US_UNAVAILABLE);
	us_httpd_close(h, 0);
	config.listen = "127.0.0.1:0";
	config.cert_pem = "no certificate";
	assert_int_equal(us_httpd_open(&config, &h, &err), US_CONFIG);
	config.key_pem = "no key";
	assert_int_equal(us_httpd_open(&config, &h, &err), US_CONFIG);
}

static void make_certificate(char cert[8192], char key[8192])
{
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	size_t n = 8192;

	gnutls_x509_privkey_init(&k);
	assert_int_equal(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	gnutls_x509_crt_init(&c);
	gnutls_x509_crt_set_version(c, 3);
	gnutls_x509_crt_set_serial(c, "\x01", 1);
	gnutls_x509_crt_set_activation_time(c, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(c, time(NULL) + 3600);
	gnutls_x509_crt_set_dn(c, "CN=localhost", NULL);
	gnutls_x509_crt_set_key(c, k);
	assert_int_equal(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export(c, GNUTLS_X509_FMT_PEM, cert, &n), 0);
	n = 8192;
	assert_int_equal(gnutls_x509_privkey_export(k, GNUTLS_X509_FMT_PEM, key, &n), 0);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
}

/* What the server says to one request over TLS of these priorities; false if there is no session. */
static bool talk_tls(int port, const char *priorities, const char *request, char *got, size_t room)
{
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	int fd = dial(port), rc;

	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_init(&session, GNUTLS_CLIENT);
	gnutls_priority_set_direct(session, priorities, NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, PATIENCE_MS);
	do
		rc = gnutls_handshake(session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	got[0] = '\0';
	if (rc == 0) {
		gnutls_record_send(session, request, strlen(request));
		size_t n = 0;
		ssize_t part;
		while (n + 1 < room && (part = gnutls_record_recv(session, got + n, room - n - 1)) > 0)
			n += (size_t) part;
		got[n] = '\0';
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	close(fd);
	return rc == 0;
}

static void tls_serves_what_plain_http_does(void **state)
{
	char cert[8192], key[8192], got[4096];
	struct us_httpd_config config = config_of_tests();

	make_certificate(cert, key);
	config.cert_pem = cert;
	config.key_pem = key;
	struct us_httpd *h = open_httpd(config);
	memset(cert, 0, sizeof cert);
	memset(key, 0, sizeof key);
	assert_true(talk_tls(us_httpd_port(h), "NORMAL", "POST /secret HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 3\r\n\r\nabc", got, sizeof got));
	assert_non_null(strstr(got, "POST|secret,|abc|"));
	assert_true(talk_tls(us_httpd_port(h), "NORMAL", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", got, sizeof got));
	assert_non_null(strstr(got, "HTTP/1.1 400 "));
	assert_false(talk_tls(us_httpd_port(h), "NORMAL:-VERS-ALL:+VERS-TLS1.1", "GET / HTTP/1.1\r\n" HOST "\r\n", got, sizeof got));
	us_httpd_close(h, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ambiguous_framing_is_refused_and_the_connection_closed),
		cmocka_unit_test(plain_requests_are_served_and_the_connection_kept),
		cmocka_unit_test(limits_hold_at_their_edges),
		cmocka_unit_test(head_has_the_length_and_no_body),
		cmocka_unit_test(trickling_bytes_do_not_hold_a_connection),
		cmocka_unit_test(a_deferred_answer_blocks_nobody),
		cmocka_unit_test(stopping_waits_for_answers_under_way),
		cmocka_unit_test(stopping_answers_503_to_promises_not_kept),
		cmocka_unit_test(long_answers_are_streamed),
		cmocka_unit_test(each_request_is_reported_once),
		cmocka_unit_test(addresses_that_cannot_be_served_say_why),
		cmocka_unit_test(tls_serves_what_plain_http_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
