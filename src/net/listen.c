#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

enum us_errc us_listen(const char *listen_at, int *ret_fd, int *ret_port, struct us_err *err)
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
