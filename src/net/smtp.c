#include "net/smtp.h"

#include <curl/curl.h>

#include "base/secret.h"

/* Spec: RFC 4954 section 6, "authentication required"; RFC 3207 section 4, "must issue a STARTTLS command first". */
#define SMTP_LOGIN_WANTED 530

static size_t give(char *p, size_t size, size_t n, void *owner)
{
	struct us_slice *rest = owner;

	n *= size;
	n = n < rest->n ? n : rest->n;
	memcpy(p, rest->p, n);
	rest->p += n;
	rest->n -= n;
	return n;
}

static void add_address(struct curl_slist **list, struct us_slice address)
{
	struct us_str text = US_STR_INIT;

	us_str_printf(&text, "<" US_SLICE_FMT ">", US_SLICE_ARG(address));
	struct curl_slist *longer = curl_slist_append(*list, us_str_text(&text));
	us_str_fini(&text);
	if (!longer)
		us_err_nomem();
	*list = longer;
}

static void set_login(CURL *e, const struct us_smtp *smtp)
{
	struct us_str user = US_STR_INIT, password = US_STR_INIT;

	if (!smtp->user.n)
		return;
	us_assert(smtp->security != US_SMTP_NONE || !smtp->password.n);
	us_str_add_slice(&user, smtp->user);
	us_str_add_slice(&password, smtp->password);
	curl_easy_setopt(e, CURLOPT_USERNAME, us_str_text(&user));
	curl_easy_setopt(e, CURLOPT_PASSWORD, us_str_text(&password));
	us_str_fini(&user);
	us_secret_wipe_str(&password);
}

enum us_errc us_smtp_send(const struct us_smtp *smtp, const struct us_mail *mail, struct us_err *err)
{
	char detail[US_POST_DETAIL_BYTES];
	struct us_str url = US_STR_INIT, message = US_STR_INIT, from = US_STR_INIT;
	struct curl_slist *to = NULL;
	bool is_v6 = smtp->server.n && memchr(smtp->server.p, ':', smtp->server.n) && smtp->server.p[0] != '[';

	us_mail_write(mail, &message);
	struct us_slice rest = us_str_slice(&message);
	us_str_printf(&url, "%s://%s" US_SLICE_FMT "%s:%lld", smtp->security == US_SMTP_TLS ? "smtps" : "smtp",
		is_v6 ? "[" : "", US_SLICE_ARG(smtp->server), is_v6 ? "]" : "", (long long)smtp->port);
	us_str_printf(&from, "<" US_SLICE_FMT ">", US_SLICE_ARG(mail->from));
	for (size_t i = 0; i < mail->n_to; i++)
		add_address(&to, mail->to[i]);
	CURL *e = us_post_open(&smtp->post, detail);
	curl_easy_setopt(e, CURLOPT_URL, us_str_text(&url));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	/* Mail servers are named by their own setting, not reached through the proxy that the environment has for
	 * the web. */
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(
		e, CURLOPT_USE_SSL, (long)(smtp->security == US_SMTP_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	set_login(e, smtp);
	curl_easy_setopt(e, CURLOPT_MAIL_FROM, us_str_text(&from));
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(e, CURLOPT_READDATA, &rest);
	enum us_errc rc = us_post_run(e, &smtp->post, us_str_text(&url), detail, err);
	long status = 0;
	if (rc == US_PROTOCOL && curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == SMTP_LOGIN_WANTED)
		rc = us_err_set_native(err, US_DENIED, (int) status,
			"%s wants a login, or STARTTLS, before it takes mail: set user and password, and security", us_str_text(&url));
	curl_easy_cleanup(e);
	curl_slist_free_all(to);
	us_str_fini(&url);
	us_str_fini(&message);
	us_str_fini(&from);
	return rc;
}
