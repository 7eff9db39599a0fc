#include "net/framing.h"

#define LETTERS_AND_DIGITS ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true

/* What a header's name and the Host header are made of. */
static const bool in_name[256] = { LETTERS_AND_DIGITS, ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
	['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true };
static const bool in_host[256] = { LETTERS_AND_DIGITS, ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true, ['!'] = true, ['$'] = true, ['&'] = true,
	['\''] = true, ['('] = true, [')'] = true, ['*'] = true, ['+'] = true, [','] = true, [';'] = true, ['='] = true, [':'] = true, ['['] = true,
	[']'] = true, ['%'] = true };

static bool is_made_of(struct us_slice s, const bool set[256])
{
	for (size_t i = 0; i < s.n; i++)
		if (!set[(unsigned char) s.p[i]])
			return false;
	return s.n > 0;
}

static bool is_value(struct us_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char) s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7F)
			return false;
	return true;
}

static enum us_errc check_length(struct us_slice value, struct us_framing *f, struct us_err *err)
{
	int64_t length;

	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return us_err_set(err, US_INVALID, "Content-Length is no number");
	if (!us_slice_to_int(value, &length))
		return us_err_set(err, US_INVALID, "Content-Length is no number");
	f->has_length = true;
	f->length = (uint64_t) length;
	return US_OK;
}

enum us_errc us_framing_check(const struct us_parameter *headers, size_t n, bool is_http_11, struct us_framing *ret_framing,
	struct us_err *err)
{
	enum { HOST, LENGTH, ENCODING, TYPE, AUTHORIZATION, EXPECT, ONCE };
	static const char *const once[ONCE] = { [HOST] = "Host", [LENGTH] = "Content-Length", [ENCODING] = "Transfer-Encoding",
		[TYPE] = "Content-Type", [AUTHORIZATION] = "Authorization", [EXPECT] = "Expect" };
	struct us_slice seen[ONCE] = { { NULL, 0 } };
	struct us_framing f = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (!is_made_of(headers[i].name, in_name))
			return us_err_set(err, US_INVALID, "a header's name holds a space or another character that cannot stand there");
		if (!is_value(headers[i].value))
			return us_err_set(err, US_INVALID, "a header's value holds a control character");
		for (int j = 0; j < ONCE; j++)
			if ((headers[i].name.p[0] | 0x20) == (once[j][0] | 0x20) && us_slice_is_nocase(headers[i].name, once[j])) {
				if (seen[j].p)
					return us_err_set(err, US_INVALID, "more than one %s header", once[j]);
				seen[j] = headers[i].value;
			}
	}
	if (!seen[HOST].p && is_http_11)
		return us_err_set(err, US_INVALID, "no Host header");
	if (seen[HOST].p && !is_made_of(seen[HOST], in_host))
		return us_err_set(err, US_INVALID, "the Host header names no host");
	if (seen[LENGTH].p && seen[ENCODING].p)
		return us_err_set(err, US_INVALID, "Content-Length together with Transfer-Encoding");
	if (seen[ENCODING].p && (!is_http_11 || !us_slice_is_nocase(seen[ENCODING], "chunked")))
		return us_err_set(err, US_INVALID, "Transfer-Encoding other than chunked");
	f.is_chunked = seen[ENCODING].p != NULL;
	f.wants_continue = seen[EXPECT].p && us_slice_is_nocase(seen[EXPECT], "100-continue");
	if (seen[LENGTH].p) {
		enum us_errc rc = check_length(seen[LENGTH], &f, err);
		if (rc)
			return rc;
	}
	*ret_framing = f;
	return US_OK;
}
