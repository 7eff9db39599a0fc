#include "base/regex.h"

#include <limits.h>
#include <stdlib.h>

#include "base/arena.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct us_regex {
	pcre2_code *code;
	/* Of well-formed text. */
	int (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t, pcre2_match_data *, pcre2_match_context *);
	pcre2_match_data *found;
	pcre2_match_context *limits;
	uint32_t limit;    /* of matching, as it is set */
	uint32_t shortest; /* no match has fewer characters */
};

static void describe(int code, char *text, size_t bytes)
{
	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, bytes) < 0)
		text[0] = '\0';
}

enum us_errc us_regex_new(
	struct us_slice pattern, unsigned flags, struct us_regex **ret_regex, struct us_err *err)
{
	int code;
	size_t at;
	char why[160];

	if (pattern.n > US_REGEX_PATTERN_MAX_BYTES)
		return us_err_set(err, US_CONFIG, "is longer than %d bytes", US_REGEX_PATTERN_MAX_BYTES);
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
		PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (flags & US_REGEX_NOCASE ? PCRE2_CASELESS : 0),
		&code, &at, NULL);
	if (!compiled) {
		describe(code, why, sizeof why);
		return us_err_set(err, US_CONFIG, "is no regular expression: %s at byte %zu", why, at);
	}
	struct us_regex *r = us_calloc(1, sizeof *r);
	r->code = compiled;
	/* Without JIT (a system that forbids it) the same matches come from the interpreter. */
	r->match = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) ? pcre2_match : pcre2_jit_match;
	r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (!r->found || !r->limits)
		us_err_nomem();
	pcre2_set_match_limit(r->limits, r->limit = US_REGEX_MATCH_LIMIT);
	pcre2_set_heap_limit(r->limits, 1024); /* KiB, of the interpreter */
	pcre2_pattern_info(r->code, PCRE2_INFO_MINLENGTH, &r->shortest);
	*ret_regex = r;
	return US_OK;
}

void us_regex_free(struct us_regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->found);
	pcre2_code_free(r->code);
	free(r);
}

static enum us_errc refuse(int code, struct us_err *err)
{
	char why[160];

	switch (code) {
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_JIT_STACKLIMIT:
		return us_err_set(err, US_INVALID, "the regular expression costs too much on this text");
	case PCRE2_ERROR_NOMEMORY:
		return us_err_set(err, US_INVALID, "the result is longer than %d bytes", US_REGEX_RESULT_MAX_BYTES);
	}
	describe(code, why, sizeof why);
	return us_err_set(err, US_INVALID, "the regular expression cannot be used on this text: %s", why);
}

/* The limit is one of each place that a match may start at, and the places are as many as the bytes: what a whole text may cost grows no
 * more beyond US_REGEX_TEXT_BYTES. */
static void set_limit(struct us_regex *r, size_t n)
{
	uint32_t limit = US_REGEX_MATCH_LIMIT;

	if (n > US_REGEX_TEXT_BYTES)
		limit = (uint32_t)((uint64_t)limit * US_REGEX_TEXT_BYTES / n) + 1;
	if (limit != r->limit)
		pcre2_set_match_limit(r->limits, r->limit = limit);
}

/* Our own look at it costs a tenth of PCRE2's; what it does not take, PCRE2 sees itself and says what is wrong. */
static uint32_t checked(struct us_slice text) { return us_slice_is_utf8(text) ? PCRE2_NO_UTF_CHECK : 0; }

static PCRE2_SPTR bytes(struct us_slice s) { return (PCRE2_SPTR)(s.p ? s.p : ""); }

enum us_errc us_regex_match(struct us_regex *r, struct us_slice text, bool *ret_is, struct us_err *err)
{
	set_limit(r, text.n);
	int code = pcre2_match(r->code, bytes(text), text.n, 0, checked(text), r->found, r->limits);
	if (code < 0 && code != PCRE2_ERROR_NOMATCH)
		return refuse(code, err);
	*ret_is = code >= 0;
	return US_OK;
}

enum us_errc us_regex_search(struct us_regex *r, struct us_slice text, size_t at, struct us_span *ret_spans,
	size_t most, size_t *ret_n, struct us_err *err)
{
	set_limit(r, text.n);
	int code = pcre2_match(r->code, bytes(text), text.n, at, 0, r->found, r->limits);
	if (code < 0 && code != PCRE2_ERROR_NOMATCH)
		return refuse(code, err);
	*ret_n = 0;
	if (code < 0)
		return US_OK;
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(r->found);
	/* The last groups are not counted if they are unset; the pattern has them all the same. */
	size_t n = pcre2_get_ovector_count(r->found);
	for (; *ret_n < n && *ret_n < most; ++*ret_n)
		ret_spans[*ret_n] = *ret_n < (size_t)code
			? (struct us_span) { ends[2 * *ret_n], ends[2 * *ret_n + 1] }
			: (struct us_span) { SIZE_MAX, SIZE_MAX };
	return US_OK;
}

/* The replacement of the match that was found last; n: its groups up to the last one that is set. false: the replacement holds more than text, $$ and
 * numbers of groups, or the result is longer than most. */
static bool add_replacement(struct us_regex *r, struct us_slice text, struct us_slice by, size_t n, size_t most, struct us_str *out)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(r->found);
	size_t n_groups = pcre2_get_ovector_count(r->found);
	const char *p = by.p, *end = by.p + by.n;

	while (p < end && out->n <= most) {
		size_t group = 0;
		const char *from = p;
		while (p < end && *p != '$')
			p++;
		us_str_add(out, from, (size_t)(p - from));
		if (p == end)
			break;
		from = ++p;
		while (p < end && *p >= '0' && *p <= '9' && group < n_groups)
			group = group * 10 + (size_t)(*p++ - '0');
		if (p == from && p < end && *p == '$')
			us_str_add(out, p++, 1);
		else if (p == from || group >= n_groups)
			return false;
		else if (group < n && ends[2 * group] < ends[2 * group + 1])
			us_str_add(out, text.p + ends[2 * group], ends[2 * group + 1] - ends[2 * group]);
	}
	return out->n <= most;
}

enum { NOT_PLAIN = INT_MIN };

/* What nearly everybody writes, at half of what pcre2_substitute costs: matches that are not empty, a replacement of text and numbers of groups.
 * How many matches there were, or PCRE2's error; NOT_PLAIN: let pcre2_substitute see to it. */
static int replace_plainly(struct us_regex *r, struct us_slice text, struct us_slice by, struct us_str *out)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(r->found);
	const char *from = (const char *)bytes(text);
	size_t at = 0, most = out->n + US_REGEX_RESULT_MAX_BYTES;
	int n = 0;

	for (; text.n - at >= r->shortest; n++) {
		int code = r->match(r->code, bytes(text), text.n, at, PCRE2_NO_UTF_CHECK, r->found, r->limits);
		if (code == PCRE2_ERROR_NOMATCH)
			break;
		if (code < 0)
			return code;
		/* With \K, a match is empty all the same, or begins where PCRE2 takes it for an error. */
		if (ends[0] < at || ends[0] >= ends[1])
			return NOT_PLAIN;
		us_str_add(out, from + at, ends[0] - at);
		if (!add_replacement(r, text, by, (size_t)code, most, out))
			return NOT_PLAIN;
		at = ends[1];
	}
	us_str_add(out, from + at, text.n - at);
	return out->n <= most ? n : NOT_PLAIN;
}

static void cut(struct us_str *s, size_t n)
{
	s->n = n;
	if (s->p)
		s->p[n] = '\0';
}

enum us_errc us_regex_replace(struct us_regex *r, struct us_slice text, struct us_slice replacement,
	struct us_str *out, int *ret_n, struct us_err *err)
{
	size_t before = out->n, room = text.n + replacement.n + 64;
	uint32_t options = us_slice_is_utf8(replacement) ? checked(text) : 0;

	set_limit(r, text.n);
	int code = options && r->shortest ? replace_plainly(r, text, replacement, out) : NOT_PLAIN;
	while (code == NOT_PLAIN) {
		cut(out, before);
		if (room > US_REGEX_RESULT_MAX_BYTES)
			room = US_REGEX_RESULT_MAX_BYTES;
		us_str_reserve(out, room + 1);
		size_t n = room + 1;
		code = pcre2_substitute(r->code, bytes(text), text.n, 0,
			options | PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_SUBSTITUTE_UNSET_EMPTY,
			r->found, r->limits, bytes(replacement), replacement.n, (PCRE2_UCHAR *)out->p + out->n, &n);
		if (code >= 0) {
			out->n += n;
		} else if (code == PCRE2_ERROR_NOMEMORY && room < US_REGEX_RESULT_MAX_BYTES) {
			room = n; /* that is needed, with the NUL */
			code = NOT_PLAIN;
		}
	}
	if (code < 0) {
		cut(out, before);
		return refuse(code, err);
	}
	*ret_n = code;
	return US_OK;
}

/* The pattern again, with nothing as its first choice: it matches any text, has the same groups, and leaves them all unset. */
enum us_errc us_regex_check_replacement(
	struct us_slice pattern, unsigned flags, struct us_slice replacement, struct us_err *err)
{
	struct us_str text = US_STR_INIT;
	char out[2], why[160];
	size_t n = sizeof out;
	int code;

	us_str_add_text(&text, "(?:)|(?:");
	us_str_add_slice(&text, pattern);
	us_str_add_text(&text, "\n)");
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text.p, text.n,
		PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (flags & US_REGEX_NOCASE ? PCRE2_CASELESS : 0), &code, &n, NULL);
	us_str_fini(&text);
	/* One that must stand first, such as (*UTF): what its replacement is worth shows in use. */
	if (!compiled)
		return US_OK;
	n = sizeof out;
	code = pcre2_substitute(compiled, (PCRE2_SPTR) "", 0, 0,
		PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_SUBSTITUTE_UNSET_EMPTY, NULL, NULL, bytes(replacement), replacement.n,
		(PCRE2_UCHAR *)out, &n);
	pcre2_code_free(compiled);
	if (code >= 0 || code == PCRE2_ERROR_NOMEMORY)
		return US_OK;
	describe(code, why, sizeof why);
	return us_err_set(err, US_CONFIG, "is no replacement for this pattern: %s", why);
}
