#include "net/mail.h"

#include <time.h>

#include "base/secret.h"

/* A line with an encoded word may have 76 characters, of which "=?UTF-8?B??=" takes 12: 45 bytes make 60 of
 * base64, and 39 make 52 beside the header's name. */
enum { FIRST_BYTES = 39, WORD_BYTES = 45, LINE_BYTES = 57, SUBJECT_MOST = 4000 };

static bool is_plain(struct us_slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || (unsigned char)text.p[i] >= 0x7F)
			return false;
	/* What looks like an encoded word would be decoded. */
	return text.n <= WORD_BYTES && !(text.n && memmem(text.p, text.n, "=?", 2));
}

static void add_subject(struct us_str *out, struct us_slice subject)
{
	struct us_str clean = US_STR_INIT;

	for (size_t i = 0; i < subject.n && i < SUBJECT_MOST; i++)
		us_str_add_char(
			&clean, (unsigned char)subject.p[i] < ' ' || subject.p[i] == 0x7F ? ' ' : subject.p[i]);
	struct us_slice rest = us_str_slice(&clean);
	us_str_add_text(out, "Subject:");
	if (is_plain(rest)) {
		us_str_add_char(out, ' ');
		us_str_add_slice(out, rest);
		rest.n = 0;
	}
	/* Each word holds whole characters. */
	for (bool is_first = true; rest.n; is_first = false) {
		size_t most = is_first ? FIRST_BYTES : WORD_BYTES, n = rest.n < most ? rest.n : most;
		while (n < rest.n && n > 1 && ((unsigned char)rest.p[n] & 0xC0) == 0x80)
			n--;
		us_str_add_text(out, is_first ? " =?UTF-8?B?" : "\r\n =?UTF-8?B?");
		us_secret_add_base64(out, (struct us_slice) { rest.p, n });
		us_str_add_text(out, "?=");
		rest.p += n;
		rest.n -= n;
	}
	us_str_add_text(out, "\r\n");
	us_str_fini(&clean);
}

/* In English whatever the locale, in UTC. */
static void add_date(struct us_str *out, int64_t wall_s)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)wall_s;
	struct tm tm = { 0 };

	gmtime_r(&at, &tm);
	us_str_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
		months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_text(struct us_str *out, struct us_slice text)
{
	struct us_str crlf = US_STR_INIT;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			us_str_add_char(&crlf, '\r');
		us_str_add_char(&crlf, text.p[i]);
	}
	for (size_t at = 0; at < crlf.n; at += LINE_BYTES) {
		us_secret_add_base64(
			out, (struct us_slice) { crlf.p + at, crlf.n - at < LINE_BYTES ? crlf.n - at : LINE_BYTES });
		us_str_add_text(out, "\r\n");
	}
	us_str_fini(&crlf);
}

void us_mail_write(const struct us_mail *mail, struct us_str *out)
{
	const char *at = mail->from.n ? memrchr(mail->from.p, '@', mail->from.n) : NULL;

	add_date(out, mail->date_s);
	us_str_printf(out, "From: <" US_SLICE_FMT ">\r\n", US_SLICE_ARG(mail->from));
	for (size_t i = 0; i < mail->n_to; i++)
		us_str_printf(out, "%s<" US_SLICE_FMT ">", i ? ",\r\n " : "To: ", US_SLICE_ARG(mail->to[i]));
	us_str_add_text(out, "\r\n");
	add_subject(out, mail->subject);
	us_str_printf(out, "Message-ID: <" US_SLICE_FMT, US_SLICE_ARG(mail->id));
	if (at)
		us_str_add(out, at, (size_t)(mail->from.p + mail->from.n - at));
	us_str_add_text(out, ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
						 "charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
						 "Auto-Submitted: auto-generated\r\n\r\n");
	add_text(out, mail->text);
}
