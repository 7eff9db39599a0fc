#include "job/deliver.h"

#include "base/clock.h"
#include "model/notice_options.h"
#include "model/notice_text.h"
#include "net/smtp.h"
#include "net/webhook.h"

static struct us_conf conf_of(const struct us_notice_target *target)
{
	const struct us_type *kind = us_type_find(us_notice_kinds, target->kind);

	return (struct us_conf) { kind ? kind->options : NULL, target->configuration };
}

int64_t us_deliver_timeout_ms(const struct us_notice_target *target)
{
	struct us_conf conf = conf_of(target);

	return conf.options ? us_conf_int(&conf, "timeoutSeconds") * 1000 : 0;
}

static enum us_errc send_webhook(const struct us_conf *conf, const struct us_post *post,
	const struct us_message *message, struct us_err *err)
{
	static const char *const names[2] = { "secret", "previousSecret" };
	struct us_str keys[2] = { US_STR_INIT, US_STR_INIT };
	struct us_webhook hook = { .post = *post,
		.url = us_conf_string(conf, "url"),
		.query = us_conf_string(conf, "query"),
		.id = message->id,
		.body = message->body };

	for (size_t i = 0; i < 2; i++)
		if (us_notice_read_key(us_conf_string(conf, names[i]), &keys[i]))
			hook.keys[i] = us_str_slice(&keys[i]);
	enum us_errc rc = us_webhook_send(&hook, us_clock_wall_s(), err);
	for (size_t i = 0; i < 2; i++)
		us_secret_wipe_str(&keys[i]);
	return rc;
}

static enum us_errc send_mail(const struct us_conf *conf, const struct us_post *post,
	const struct us_message *message, struct us_err *err)
{
	struct us_slice security = us_conf_string(conf, "security");
	struct us_smtp smtp = { .post = *post,
		.server = us_conf_string(conf, "server"),
		.port = us_conf_int(conf, "port"),
		.security = us_slice_is(security, "tls")    ? US_SMTP_TLS
					: us_slice_is(security, "none") ? US_SMTP_NONE
													: US_SMTP_STARTTLS,
		.user = us_conf_string(conf, "user"),
		.password = us_conf_string(conf, "password") };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str subject = US_STR_INIT, text = US_STR_INIT;
	const struct us_json *body;
	enum us_errc rc = us_json_parse(&arena, message->body, US_JSON_LIMITS_SMALL, &body, err);

	if (!rc) {
		struct us_mail m = {
			.from = us_conf_string(conf, "from"), .id = message->id, .date_s = us_clock_wall_s()
		};
		m.n_to = us_conf_strings(conf, "to", &arena, &m.to);
		us_notice_write_subject(body, &subject);
		us_notice_write_text(body, &text);
		m.subject = us_str_slice(&subject);
		m.text = us_str_slice(&text);
		rc = us_smtp_send(&smtp, &m, err);
	}
	us_str_fini(&subject);
	us_str_fini(&text);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_deliver(const struct us_notice_target *target, const struct us_message *message,
	const atomic_bool *cancel, struct us_err *err)
{
	struct us_conf conf = conf_of(target);

	if (!conf.options)
		return us_err_set(err, US_CONFIG, "there is no kind of notice target \"" US_SLICE_FMT "\"",
			US_SLICE_ARG(target->kind));
	struct us_post post = { .ca_pem = us_conf_string(&conf, "caCertificate"),
		.timeout_ms = us_deliver_timeout_ms(target),
		.cancel = cancel };
	return us_slice_is(target->kind, "mail") ? send_mail(&conf, &post, message, err)
											 : send_webhook(&conf, &post, message, err);
}
