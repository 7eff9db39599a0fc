#include "net/basic.h"

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool decode_base64(struct us_arena *arena, struct us_slice text, struct us_slice *ret_bytes)
{
	unsigned char *out = us_arena_alloc(arena, text.n / 4 * 3 + 4);
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	for (int padding = 0; padding < 2 && text.n && text.p[text.n - 1] == '='; padding++)
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);
		if (v < 0)
			return false;
		bits = (bits << 6 | (uint32_t) v) & 0xFFFFFF;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char) (bits >> have);
		}
	}
	/* What is left over of the last character must be zero: one text, one meaning. */
	if (have == 6 || (bits & ((1u << have) - 1)))
		return false;
	out[n] = '\0';
	*ret_bytes = (struct us_slice) { (char *) out, n };
	return true;
}

bool us_basic_parse(struct us_arena *arena, struct us_slice header, struct us_slice *ret_name, struct us_slice *ret_password)
{
	struct us_slice bytes;

	if (header.n < 6 || !us_slice_is_nocase((struct us_slice) { header.p, 6 }, "Basic "))
		return false;
	if (!decode_base64(arena, us_slice_trim((struct us_slice) { header.p + 6, header.n - 6 }), &bytes) || !us_slice_is_utf8(bytes))
		return false;
	const char *colon = memchr(bytes.p, ':', bytes.n);
	if (!colon)
		return false;
	size_t n = (size_t) (colon - bytes.p);
	*ret_name = (struct us_slice) { bytes.p, n };
	*ret_password = (struct us_slice) { colon + 1, bytes.n - n - 1 };
	return true;
}

struct us_slice us_basic_bearer(struct us_slice header)
{
	if (header.n <= 7 || !us_slice_is_nocase((struct us_slice) { header.p, 7 }, "Bearer "))
		return US_SLICE_NONE;
	return us_slice_trim((struct us_slice) { header.p + 7, header.n - 7 });
}
