#include "serve/address.h"

bool us_address_is(const char *path, const struct us_slice *segments, size_t n, struct us_slice *ret_parameter)
{
	size_t i = 0;

	*ret_parameter = US_SLICE_NONE;
	for (; *path; i++) {
		/* Most rows of a table of routes end here. */
		if (i == n || (*path != '*' && (!segments[i].n || *path != segments[i].p[0])))
			return false;
		size_t length = strcspn(path, "/");
		if (length == 1 && *path == '*')
			*ret_parameter = segments[i];
		else if (!us_slice_is_equal(segments[i], (struct us_slice) { path, length }))
			return false;
		path += length + (path[length] == '/');
	}
	return i == n;
}

bool us_address_is_tls(const struct us_httpd_request *request)
{
	struct us_slice forwarded = us_httpd_find_header(request, "X-Forwarded-Proto");
	const char *comma = forwarded.n ? memchr(forwarded.p, ',', forwarded.n) : NULL;

	if (comma)
		forwarded.n = (size_t) (comma - forwarded.p);
	return request->is_tls || us_slice_is_nocase(us_slice_trim(forwarded), "https");
}

struct us_slice us_address_base(const struct us_httpd_request *request, struct us_arena *arena, const char *path)
{
	static const bool can_stand[256] = { ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['.'] = true, ['-'] = true,
		['_'] = true, [':'] = true, ['['] = true, [']'] = true };
	struct us_slice host = us_httpd_find_header(request, "Host"), scheme = us_address_is_tls(request) ? US_SLICE("https://") : US_SLICE("http://");
	size_t path_n = strlen(path);

	for (size_t i = 0; i < host.n; i++)
		if (!can_stand[(unsigned char) host.p[i]])
			host = US_SLICE_NONE;
	if (!host.n)
		host = US_SLICE("localhost");
	char *text = us_arena_alloc(arena, scheme.n + host.n + path_n + 2), *p = text;
	p = mempcpy(p, scheme.p, scheme.n);
	p = mempcpy(p, host.p, host.n);
	*p++ = '/';
	p = mempcpy(p, path, path_n + 1);
	return (struct us_slice) { text, (size_t) (p - text) - 1 };
}
