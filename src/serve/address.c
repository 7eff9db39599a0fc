#include "serve/address.h"

bool us_address_is(const char *path, const struct us_slice *segments, size_t n, struct us_slice *ret_parameter)
{
	size_t i = 0;

	*ret_parameter = US_SLICE_NONE;
	for (; *path; i++) {
		size_t length = strcspn(path, "/");
		if (i == n)
			return false;
		if (length == 1 && *path == '*')
			*ret_parameter = segments[i];
		else if (!us_slice_is_equal(segments[i], (struct us_slice) { path, length }))
			return false;
		path += length + (path[length] == '/');
	}
	return i == n;
}

struct us_slice us_address_base(const struct us_httpd_request *request, struct us_arena *arena, const char *path)
{
	struct us_slice host = us_httpd_find_header(request, "Host");

	for (size_t i = 0; i < host.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]", host.p[i]))
			host = US_SLICE_NONE;
	return us_slice(us_arena_printf(arena, "%s://" US_SLICE_FMT "/%s", request->is_tls ? "https" : "http",
		US_SLICE_ARG(host.n ? host : US_SLICE("localhost")), path));
}
