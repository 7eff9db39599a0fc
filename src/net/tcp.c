#include "net/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define SLICE_MS 100

/* 0, ETIMEDOUT, ECANCELED or what the connection failed with. */
static int wait_connected(int fd, int64_t deadline, const atomic_bool *cancel)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline - us_clock_monotonic_ms();
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			return ECANCELED;
		if (left <= 0)
			return ETIMEDOUT;
		int n = poll(&p, 1, (int) (left < SLICE_MS ? left : SLICE_MS));
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			int failed = 0;
			socklen_t size = sizeof failed;
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) ? errno : failed;
		}
	}
}

static int connect_one(const struct addrinfo *a, int64_t deadline, const atomic_bool *cancel, int *ret_fd)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return errno;
	int failed = connect(fd, a->ai_addr, a->ai_addrlen) ? errno : 0;
	if (failed == EINPROGRESS)
		failed = wait_connected(fd, deadline, cancel);
	if (failed) {
		close(fd);
		return failed;
	}
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	*ret_fd = fd;
	return 0;
}

enum us_errc us_tcp_connect(const char *host, int port, int64_t timeout_ms, const atomic_bool *cancel, int *ret_fd, struct us_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	char service[16];
	int failed = 0;
	int64_t deadline = us_clock_monotonic_ms() + timeout_ms;

	snprintf(service, sizeof service, "%d", port);
	int unknown = getaddrinfo(host, service, &hints, &found);
	if (unknown)
		return us_err_set(err, US_UNAVAILABLE, "the host name %.200s cannot be resolved (%s)", host, gai_strerror(unknown));
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		failed = connect_one(a, deadline, cancel, ret_fd);
		if (!failed || failed == ECANCELED || failed == ETIMEDOUT)
			break;
	}
	freeaddrinfo(found);
	if (!failed)
		return US_OK;
	if (failed == ECANCELED)
		return us_err_set(err, US_CANCELLED, "cancelled while connecting");
	if (failed == ETIMEDOUT)
		return us_err_set_native(err, US_TIMEOUT, failed, "no connection within %lld s; is there a firewall between?",
			(long long) (timeout_ms / 1000));
	return us_err_set_native(err, US_UNAVAILABLE, failed, "%s (port %d)",
		failed == ECONNREFUSED ? "connection refused; is the server running?" : strerrordesc_np(failed), port);
}
