#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *phrase;
	int http;
	enum us_retry retry;
} table[] = {
#define X(code, http_status, retry_class, text) \
	[code] = { #code, text, http_status, US_RETRY_##retry_class },
	US_ERRC_TABLE(X)
#undef X
};

const char *us_err_name(enum us_errc code) { return table[code].name; }
const char *us_err_phrase(enum us_errc code) { return table[code].phrase; }
int us_err_http(enum us_errc code) { return table[code].http; }
enum us_retry us_err_retry(enum us_errc code) { return table[code].retry; }

/* Keep the text one line of whole UTF-8 characters, whatever a server put into its message. */
static void tidy(char *text, bool cut)
{
	size_t n = strlen(text);

	if (cut)
		while (n > 0 && ((unsigned char) text[n - 1] & 0xC0) == 0x80)
			n--;
	if (cut && n > 0 && (unsigned char) text[n - 1] >= 0xC0)
		n--;
	text[n] = '\0';
	for (char *p = text; *p; p++)
		if ((unsigned char) *p < 0x20 || *p == 0x7F)
			*p = ' ';
	while (n > 0 && text[n - 1] == ' ')
		text[--n] = '\0';
}

__attribute__((format(printf, 4, 0)))
static enum us_errc fill(struct us_err *err, enum us_errc code, int native, const char *format, va_list ap)
{
	if (!err)
		return code;
	err->code = code;
	err->native = native;
	err->wait_ms = 0;
	int n = vsnprintf(err->text, sizeof err->text, format, ap);
	tidy(err->text, n >= (int) sizeof err->text);
	return code;
}

enum us_errc us_err_set(struct us_err *err, enum us_errc code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fill(err, code, 0, format, ap);
	va_end(ap);
	return code;
}

enum us_errc us_err_set_native(struct us_err *err, enum us_errc code, int native, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fill(err, code, native, format, ap);
	va_end(ap);
	return code;
}

enum us_errc us_err_copy(struct us_err *err, const struct us_err *from)
{
	if (err)
		*err = *from;
	return from->code;
}

enum us_errc us_err_prefix(struct us_err *err, const char *format, ...)
{
	if (!err)
		return US_INTERNAL;
	char old[US_ERR_TEXT_BYTES], head[US_ERR_TEXT_BYTES];
	memcpy(old, err->text, sizeof old);
	va_list ap;
	va_start(ap, format);
	vsnprintf(head, sizeof head, format, ap);
	va_end(ap);
	int n = snprintf(err->text, sizeof err->text, "%.*s: %s", 200, head, old);
	tidy(err->text, n >= (int) sizeof err->text);
	return err->code;
}

_Noreturn void us_err_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "usersync: bug at %s:%d: %s\n", file, line, what);
	abort();
}

_Noreturn void us_err_nomem(void)
{
	fputs("usersync: out of memory\n", stderr);
	abort();
}
