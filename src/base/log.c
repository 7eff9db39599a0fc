#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static atomic_int least_level = US_LOG_INFO;
static atomic_bool as_json;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void us_log_init(enum us_log_level least, enum us_log_format format)
{
	atomic_store(&least_level, (int) least);
	atomic_store(&as_json, format == US_LOG_JSON || (format == US_LOG_AUTO && !isatty(STDERR_FILENO)));
}

int us_log_is_on(enum us_log_level level) { return (int) level >= atomic_load(&least_level); }

/* Valid inside a JSON string and harmless on a terminal. */
static void add_escaped(struct us_str *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
		if (*p == '"' || *p == '\\') {
			us_str_add_char(out, '\\');
			us_str_add_char(out, (char) *p);
		} else if (*p < 0x20 || *p == 0x7F) {
			us_str_printf(out, "\\u%04x", *p);
		} else {
			us_str_add_char(out, (char) *p);
		}
	}
}

static bool is_plain(const char *text)
{
	if (!*text)
		return false;
	for (const unsigned char *p = (const unsigned char *) text; *p; p++)
		if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7F)
			return false;
	return true;
}

static void add_pair(struct us_str *out, bool json, const char *key, const char *value)
{
	us_str_printf(out, json ? ",\"%s\":" : " %s=", key);
	if (!json && is_plain(value)) {
		us_str_add_text(out, value);
		return;
	}
	us_str_add_char(out, '"');
	add_escaped(out, value);
	us_str_add_char(out, '"');
}

void us_log(enum us_log_level level, const char *phrase, ...)
{
	if (!us_log_is_on(level))
		return;
	struct us_str line = US_STR_INIT;
	char now[US_CLOCK_ISO_BYTES];
	bool json = atomic_load(&as_json);

	us_clock_format(us_clock_wall_s(), now);
	if (json)
		us_str_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"%s\"", now, level_names[level], phrase);
	else
		us_str_printf(&line, "%s %-5s %s", now, level_names[level], phrase);
	va_list ap;
	va_start(ap, phrase);
	for (const char *key; (key = va_arg(ap, const char *));) {
		const char *value = va_arg(ap, const char *);
		add_pair(&line, json, key, value ? value : "");
	}
	va_end(ap);
	us_str_add_text(&line, json ? "}\n" : "\n");
	for (size_t at = 0; at < line.n;) {
		ssize_t n = write(STDERR_FILENO, line.p + at, line.n - at);
		if (n <= 0)
			break;
		at += (size_t) n;
	}
	us_str_fini(&line);
}

const char *us_log_int(struct us_log_number *buffer, long long value)
{
	snprintf(buffer->text, sizeof buffer->text, "%lld", value);
	return buffer->text;
}
