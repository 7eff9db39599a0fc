#include "net/httpd.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/httpd_state.h"
#include "net/listen.h"

enum {
	POOL_BYTES = 20 << 10, /* of one connection: request and answer head, at their limits. The library clears it with each request */
	REAP_MS = 250,
};

/* Connections */

static void open_connection(struct us_httpd *h, struct MHD_Connection *mhd, void **context)
{
	struct us_httpd_connection *c = us_calloc(1, sizeof *c);
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
	us_httpd_set_deadline(c, h->config.request_ms);
	*context = c;
	pthread_mutex_lock(&h->lock);
	c->next = h->connections;
	if (c->next)
		c->next->previous = c;
	h->connections = c;
	pthread_mutex_unlock(&h->lock);
}

/* The socket is still open here, so the reaper never meets a descriptor that belongs to somebody else by now. */
static void close_connection(struct us_httpd *h, struct us_httpd_connection *c)
{
	pthread_mutex_lock(&h->lock);
	if (c->previous)
		c->previous->next = c->next;
	else
		h->connections = c->next;
	if (c->next)
		c->next->previous = c->previous;
	pthread_mutex_unlock(&h->lock);
	pthread_mutex_lock(&us_httpd_later_lock);
	if (c->stream)
		c->stream->connection = NULL;
	pthread_mutex_unlock(&us_httpd_later_lock);
	us_httpd_answer_fini(&c->answer);
	us_httpd_forget_request(c);
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
		for (struct us_httpd_connection *c = h->connections; c; c = c->next) {
			int64_t deadline = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
			if (deadline && deadline < now) {
				shutdown(c->fd, SHUT_RDWR);
				us_httpd_set_deadline(c, 0);
			}
		}
		struct timespec until = { .tv_sec = wall / 1000, .tv_nsec = wall % 1000 * 1000000 };
		pthread_cond_timedwait(&h->changed, &h->lock, &until);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
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

	return MHD_start_daemon(flags, 0, NULL, NULL, us_httpd_on_access, h,
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
		MHD_OPTION_URI_LOG_CALLBACK, us_httpd_on_line, h,
		MHD_OPTION_NOTIFY_COMPLETED, us_httpd_on_completed, h,
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
	enum us_errc rc = us_listen(config->listen, &fd, &port, err);
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
	us_httpd_abandon(h);
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
