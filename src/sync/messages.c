#include "sync/messages.h"

#include <stdio.h>

#include "base/json.h"

void us_messages_init(struct us_messages *m, struct us_slice stored)
{
	*m = (struct us_messages) { 0 };
	if (stored.n > 2 && stored.p[stored.n - 1] == ']') {
		us_str_add(&m->json, stored.p, stored.n - 1);
		m->n = 1;
	} else {
		us_str_add_char(&m->json, '[');
	}
}

void us_messages_fini(struct us_messages *m) { us_str_fini(&m->json); }

void us_messages_add(struct us_messages *m, const char *format, ...)
{
	struct us_jsonw w = { .out = &m->json, .want_comma = m->n > 0 };
	char text[1024];
	va_list ap;

	if (m->n > US_MESSAGES_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	us_jsonw_text(&w, m->n == US_MESSAGES_MAX ? "Further messages are left out." : text);
	m->n++;
}

struct us_messages_mark us_messages_mark(const struct us_messages *m) { return (struct us_messages_mark) { m->json.n, m->n }; }

void us_messages_reset(struct us_messages *m, struct us_messages_mark mark)
{
	m->json.n = mark.bytes;
	m->n = mark.n;
}

struct us_slice us_messages_text(struct us_messages *m)
{
	/* The bracket is written behind the end and taken away again, so that the next line can follow. */
	us_str_add_char(&m->json, ']');
	struct us_slice s = us_str_slice(&m->json);
	m->json.n--;
	return s;
}
