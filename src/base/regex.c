#include "base/regex.h"

#include <stdlib.h>

#include "base/arena.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct us_regex {
	pcre2_code *code;
	pcre2_match_data *found;
	pcre2_match_context *limits;
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
	pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (!r->found || !r->limits)
		us_err_nomem();
	pcre2_set_match_limit(r->limits, US_REGEX_MATCH_LIMIT);
	pcre2_set_heap_limit(r->limits, 1024); /* KiB, of the interpreter */
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

static PCRE2_SPTR bytes(struct us_slice s) { return (PCRE2_SPTR)(s.p ? s.p : ""); }

enum us_errc us_regex_match(struct us_regex *r, struct us_slice text, bool *ret_is, struct us_err *err)
{
	int code = pcre2_match(r->code, bytes(text), text.n, 0, 0, r->found, r->limits);

	if (code < 0 && code != PCRE2_ERROR_NOMATCH)
		return refuse(code, err);
	*ret_is = code >= 0;
	return US_OK;
}

enum us_errc us_regex_replace(struct us_regex *r, struct us_slice text, struct us_slice replacement,
	struct us_str *out, int *ret_n, struct us_err *err)
{
	size_t room = text.n + replacement.n + 64;

	for (;;) {
		if (room > US_REGEX_RESULT_MAX_BYTES)
			room = US_REGEX_RESULT_MAX_BYTES;
		us_str_reserve(out, room + 1);
		size_t n = room + 1;
		int code = pcre2_substitute(r->code, bytes(text), text.n, 0,
			PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_SUBSTITUTE_UNSET_EMPTY,
			r->found, r->limits, bytes(replacement), replacement.n, (PCRE2_UCHAR *)out->p + out->n, &n);
		if (code >= 0) {
			out->n += n;
			*ret_n = code;
			return US_OK;
		}
		if (out->p)
			out->p[out->n] = '\0';
		/* Then n is the room that is needed, with the NUL. */
		if (code != PCRE2_ERROR_NOMEMORY || room == US_REGEX_RESULT_MAX_BYTES)
			return refuse(code, err);
		room = n;
	}
}
