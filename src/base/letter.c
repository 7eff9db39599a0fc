#include "base/letter.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/err.h"

/* Letters that NFKD leaves as they are, and signs that people type for ASCII ones. Sorted. */
static const struct {
	int32_t letter;
	const char *ascii;
} letters[] = {
	{ 0xA1, "!" }, { 0xAB, "\"" }, { 0xAD, "" }, { 0xBB, "\"" }, { 0xBF, "?" }, { 0xC6, "AE" }, { 0xD0, "D" }, { 0xD7, "x" },
	{ 0xD8, "O" }, { 0xDE, "Th" }, { 0xDF, "ss" }, { 0xE6, "ae" }, { 0xF0, "d" }, { 0xF8, "o" }, { 0xFE, "th" }, { 0x110, "D" },
	{ 0x111, "d" }, { 0x126, "H" }, { 0x127, "h" }, { 0x131, "i" }, { 0x138, "k" }, { 0x141, "L" }, { 0x142, "l" },
	{ 0x14A, "N" }, { 0x14B, "n" }, { 0x152, "OE" }, { 0x153, "oe" }, { 0x166, "T" }, { 0x167, "t" }, { 0x180, "b" },
	{ 0x181, "B" }, { 0x186, "O" }, { 0x189, "D" }, { 0x18A, "D" }, { 0x18E, "E" }, { 0x18F, "A" }, { 0x190, "E" },
	{ 0x192, "f" }, { 0x197, "I" }, { 0x198, "K" }, { 0x199, "k" }, { 0x19A, "l" }, { 0x1B5, "Z" }, { 0x1B6, "z" },
	{ 0x1DD, "e" }, { 0x1E4, "G" }, { 0x1E5, "g" }, { 0x221, "d" }, { 0x237, "j" }, { 0x23A, "A" }, { 0x23B, "C" },
	{ 0x23C, "c" }, { 0x243, "B" }, { 0x246, "E" }, { 0x247, "e" }, { 0x248, "J" }, { 0x249, "j" }, { 0x24C, "R" },
	{ 0x24D, "r" }, { 0x253, "b" }, { 0x254, "o" }, { 0x257, "d" }, { 0x259, "e" }, { 0x25B, "e" }, { 0x268, "i" },
	{ 0x289, "u" }, { 0x2BB, "'" }, { 0x2BC, "'" }, { 0x1E9E, "SS" }, { 0x2010, "-" }, { 0x2011, "-" }, { 0x2012, "-" },
	{ 0x2013, "-" }, { 0x2014, "-" }, { 0x2018, "'" }, { 0x2019, "'" }, { 0x201A, "'" }, { 0x201C, "\"" }, { 0x201D, "\"" },
	{ 0x201E, "\"" }, { 0x2039, "'" }, { 0x203A, "'" }, { 0x2044, "/" }, { 0x2212, "-" },
};

/* Eight bytes at a time; most texts are plain. */
static const uint64_t each = 0x0101010101010101u;

static bool is_ascii(struct us_slice s)
{
	size_t i = 0;

	for (uint64_t word; i + 8 <= s.n; i += 8)
		if ((memcpy(&word, s.p + i, 8), word & each * 0x80))
			return false;
	for (; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* The 26 letters from first on change their case. */
static void add_ascii(struct us_slice text, char first, struct us_str *out)
{
	size_t i = 0;

	us_str_reserve(out, text.n);
	char *to = out->p + out->n;
	for (uint64_t word; i + 8 <= text.n; i += 8) {
		memcpy(&word, text.p + i, 8);
		/* Sums of two bytes below 0x80 stay in their own byte, and reach 0x80 from a certain letter on. */
		uint64_t is_letter = (word + each * (uint64_t)(0x80 - first)) & ~(word + each * (uint64_t)(0x80 - first - 26)) & each * 0x80;
		word ^= is_letter >> 2;
		memcpy(to + i, &word, 8);
	}
	for (; i < text.n; i++)
		to[i] = (char)(text.p[i] >= first && text.p[i] < first + 26 ? text.p[i] ^ 0x20 : text.p[i]);
	to[text.n] = '\0';
	out->n += text.n;
}

static void add_letter(struct us_str *out, int32_t letter)
{
	utf8proc_uint8_t bytes[4];

	us_str_add(out, (const char *)bytes, (size_t)utf8proc_encode_char(letter, bytes));
}

/* The next letter of well-formed text. */
static int32_t take(struct us_slice *text)
{
	utf8proc_int32_t letter;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text->p, (utf8proc_ssize_t)text->n, &letter);

	us_assert(n > 0);
	text->p += n;
	text->n -= (size_t)n;
	return letter;
}

bool us_letter_lower(struct us_slice text, struct us_str *out)
{
	if (is_ascii(text)) {
		add_ascii(text, 'A', out);
		return true;
	}
	if (!us_slice_is_utf8(text))
		return false;
	while (text.n)
		add_letter(out, utf8proc_tolower(take(&text)));
	return true;
}

bool us_letter_upper(struct us_slice text, struct us_str *out)
{
	if (is_ascii(text)) {
		add_ascii(text, 'a', out);
		return true;
	}
	if (!us_slice_is_utf8(text))
		return false;
	while (text.n)
		add_letter(out, utf8proc_toupper(take(&text)));
	return true;
}

static const char *find_ascii(int32_t letter)
{
	size_t low = 0, high = sizeof letters / sizeof *letters;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (letters[mid].letter < letter)
			low = mid + 1;
		else
			high = mid;
	}
	return low < sizeof letters / sizeof *letters && letters[low].letter == letter ? letters[low].ascii : NULL;
}

static const char *find_german(int32_t letter)
{
	switch (letter) {
	case 0xC4: return "Ae";
	case 0xD6: return "Oe";
	case 0xDC: return "Ue";
	case 0xE4: return "ae";
	case 0xF6: return "oe";
	case 0xFC: return "ue";
	}
	return NULL;
}

bool us_letter_ascii(struct us_slice text, bool german, struct us_str *out)
{
	utf8proc_uint8_t *whole = NULL;
	enum { MOST_PARTS = 32 };

	if (is_ascii(text)) {
		us_str_add_slice(out, text);
		return true;
	}
	if (!us_slice_is_utf8(text))
		return false;
	/* Composed first, so that "a" with a diaeresis of its own is an "ä" like any other. */
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, &whole,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (n < 0)
		us_err_nomem();
	for (struct us_slice rest = { (const char *)whole, (size_t)n }; rest.n;) {
		int32_t letter = take(&rest), parts[MOST_PARTS];
		const char *ascii = german ? find_german(letter) : NULL;
		if (ascii || (ascii = find_ascii(letter))) {
			us_str_add_text(out, ascii);
			continue;
		}
		int boundary = 0;
		utf8proc_ssize_t n_parts = utf8proc_decompose_char(
			letter, parts, MOST_PARTS, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK, &boundary);
		for (utf8proc_ssize_t i = 0; i < n_parts && i < MOST_PARTS; i++) {
			if (parts[i] < 0x80)
				us_str_add_char(out, (char)parts[i]);
			else if ((ascii = find_ascii(parts[i])))
				us_str_add_text(out, ascii);
		}
	}
	free(whole);
	return true;
}
