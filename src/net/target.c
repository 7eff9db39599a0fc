#include "net/target.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes into out, which has room for in.n + 1. */
static enum us_errc decode(struct us_slice in, bool plus_is_space, char *out, struct us_slice *ret_text, struct us_err *err)
{
	size_t n = 0;

	if (!in.n || (!memchr(in.p, '%', in.n) && !(plus_is_space && memchr(in.p, '+', in.n)))) {
		if (in.n)
			memcpy(out, in.p, in.n);
		n = in.n;
		in.n = 0;
	}
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '%') {
			int high = i + 1 < in.n ? hex_digit(in.p[i + 1]) : -1, low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return us_err_set(err, US_INVALID, "percent sign without two hexadecimal digits in the address");
			c = (char) (high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	if (!us_slice_is_utf8((struct us_slice) { out, n }))
		return us_err_set(err, US_INVALID, "the address is not UTF-8 or holds a NUL");
	*ret_text = (struct us_slice) { out, n };
	return US_OK;
}

static size_t count(struct us_slice s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* What stands before the next separator; rest is moved behind it. */
static struct us_slice next_part(struct us_slice *rest, char separator)
{
	const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
	struct us_slice part = { rest->p, at ? (size_t) (at - rest->p) : rest->n };
	size_t used = part.n + (at != NULL);

	rest->p += used;
	rest->n -= used;
	return part;
}

static enum us_errc parse_path(struct us_arena *arena, struct us_target *target, struct us_err *err)
{
	struct us_slice rest = { target->path.p + 1, target->path.n - 1 };
	size_t n = count(target->path, '/');

	if (n > US_TARGET_SEGMENTS)
		return us_err_set(err, US_INVALID, "more than %d segments in the address", US_TARGET_SEGMENTS);
	target->segments = us_arena_alloc(arena, n * sizeof *target->segments);
	target->has_trailing_slash = target->path.p[target->path.n - 1] == '/';
	n -= target->has_trailing_slash;
	char *room = us_arena_alloc(arena, target->path.n + 1);
	for (size_t i = 0; i < n; i++) {
		struct us_slice raw = next_part(&rest, '/');
		enum us_errc rc = decode(raw, false, room, &target->segments[i], err);
		if (rc)
			return rc;
		room += target->segments[i].n + 1;
	}
	target->segments_n = n;
	return US_OK;
}

static enum us_errc parse_query(struct us_arena *arena, struct us_slice query, struct us_target *target, struct us_err *err)
{
	size_t n = query.n ? count(query, '&') + 1 : 0;

	if (n > US_TARGET_PARAMETERS)
		return us_err_set(err, US_INVALID, "more than %d parameters in the address", US_TARGET_PARAMETERS);
	target->query = us_arena_alloc(arena, n * sizeof *target->query);
	/* Each parameter needs at most its own bytes and two NULs, one of them in place of its '=' or '&'. */
	char *room = us_arena_alloc(arena, query.n + n + 2);
	while (query.n) {
		struct us_slice value = next_part(&query, '&');
		if (!value.n)
			continue;
		struct us_slice name = next_part(&value, '=');
		struct us_parameter *f = &target->query[target->query_n];
		enum us_errc rc = decode(name, true, room, &f->name, err);
		if (rc)
			return rc;
		room += f->name.n + 1;
		rc = decode(value, true, room, &f->value, err);
		if (rc)
			return rc;
		room += f->value.n + 1;
		target->query_n++;
	}
	return US_OK;
}

enum us_errc us_target_parse(struct us_arena *arena, struct us_slice raw, struct us_target *ret_target, struct us_err *err)
{
	static const bool cannot_stand[256] = { [0 ... ' '] = true, [0x7F] = true, ['#'] = true };
	struct us_target target = { .raw = raw, .path = raw };
	struct us_slice query = US_SLICE_NONE;

	for (size_t i = 0; i < raw.n; i++)
		if (cannot_stand[(unsigned char) raw.p[i]])
			return us_err_set(err, US_INVALID, "character in the address that cannot stand there");
	if (us_slice_is(raw, "*")) {
		target.is_asterisk = true;
		*ret_target = target;
		return US_OK;
	}
	/* Absolute form: the authority is not ours to judge. */
	if (!raw.n || raw.p[0] != '/') {
		const char *at = raw.n ? memmem(raw.p, raw.n, "://", 3) : NULL;
		size_t scheme = at ? (size_t) (at - raw.p) : 0;
		if (!at || !(us_slice_is_nocase((struct us_slice) { raw.p, scheme }, "http") ||
			us_slice_is_nocase((struct us_slice) { raw.p, scheme }, "https")))
			return us_err_set(err, US_INVALID, "the address does not start with a slash");
		size_t from = scheme + 3;
		while (from < raw.n && raw.p[from] != '/' && raw.p[from] != '?')
			from++;
		target.path = (struct us_slice) { raw.p + from, raw.n - from };
	}
	const char *mark = target.path.n ? memchr(target.path.p, '?', target.path.n) : NULL;
	if (mark) {
		query = (struct us_slice) { mark + 1, (size_t) (target.path.p + target.path.n - mark - 1) };
		target.path.n = (size_t) (mark - target.path.p);
	}
	if (!target.path.n)
		target.path = US_SLICE("/");
	enum us_errc rc = parse_path(arena, &target, err);
	if (!rc)
		rc = parse_query(arena, query, &target, err);
	if (!rc)
		*ret_target = target;
	return rc;
}

struct us_slice us_target_parameter(const struct us_target *target, const char *name)
{
	for (size_t i = 0; i < target->query_n; i++)
		if (us_slice_is(target->query[i].name, name))
			return target->query[i].value;
	return US_SLICE_NONE;
}

void us_target_add_encoded(struct us_str *out, struct us_slice text)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *p = text.n ? text.p : "", *end = p + text.n, *from = p;

	/* Invariant: [from, p) can stand as it is and is not yet in out. */
	for (; p < end; p++) {
		unsigned char c = (unsigned char) *p;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~')
			continue;
		char escape[3] = { '%', hex[c >> 4], hex[c & 15] };
		us_str_add(out, from, (size_t) (p - from));
		us_str_add(out, escape, sizeof escape);
		from = p + 1;
	}
	us_str_add(out, from, (size_t) (end - from));
}
