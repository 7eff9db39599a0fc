#include "net/cidr.h"

#include <arpa/inet.h>

static bool parse_address(const char *text, unsigned char ret_bytes[16], bool *ret_is_v4)
{
	static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };

	if (inet_pton(AF_INET6, text, ret_bytes) == 1) {
		*ret_is_v4 = false;
		return true;
	}
	memcpy(ret_bytes, mapped, sizeof mapped);
	*ret_is_v4 = true;
	return inet_pton(AF_INET, text, ret_bytes + 12) == 1;
}

static unsigned char mask_of_byte(unsigned bits, unsigned at)
{
	return bits >= 8 * at + 8 ? 0xFF : bits <= 8 * at ? 0 : (unsigned char) (0xFF << (8 * at + 8 - bits));
}

const char *us_cidr_parse(struct us_slice text, struct us_cidr *ret_cidr)
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash ? (size_t) (slash - text.p) : text.n;
	struct us_cidr cidr;
	bool is_v4;
	int64_t bits;

	if (n == 0 || n >= sizeof address || memchr(text.p, 0, n))
		return "is no IP address";
	memcpy(address, text.p, n);
	address[n] = '\0';
	if (!parse_address(address, cidr.bytes, &is_v4))
		return "is no IP address";
	bits = is_v4 ? 32 : 128;
	if (slash) {
		int64_t most = bits;
		struct us_slice digits = { slash + 1, text.n - n - 1 };
		if (digits.n == 0 || digits.n > 3 || digits.p[0] == '+' || digits.p[0] == '-' || !us_slice_to_int(digits, &bits) || bits > most)
			return is_v4 ? "has no prefix length from 0 to 32" : "has no prefix length from 0 to 128";
	}
	cidr.bits = (unsigned) bits + (is_v4 ? 96 : 0);
	for (unsigned i = 0; i < 16; i++)
		if (cidr.bytes[i] & ~mask_of_byte(cidr.bits, i))
			return "has address bits behind its prefix length";
	*ret_cidr = cidr;
	return NULL;
}

bool us_cidr_has(const struct us_cidr *cidr, const char *address)
{
	unsigned char bytes[16];
	bool is_v4;

	if (!parse_address(address, bytes, &is_v4))
		return false;
	for (unsigned i = 0; i < 16; i++)
		if ((bytes[i] ^ cidr->bytes[i]) & mask_of_byte(cidr->bits, i))
			return false;
	return true;
}

bool us_cidr_list_has(struct us_slice ranges, const char *address)
{
	while (ranges.n) {
		const char *space = memchr(ranges.p, ' ', ranges.n);
		size_t n = space ? (size_t) (space - ranges.p) : ranges.n;
		struct us_cidr cidr;
		if (!us_cidr_parse((struct us_slice) { ranges.p, n }, &cidr) && us_cidr_has(&cidr, address))
			return true;
		ranges.p += n + (space != NULL);
		ranges.n -= n + (space != NULL);
	}
	return false;
}
