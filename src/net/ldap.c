#include <openldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "net/ldap_state.h"
#include "net/ldap_text.h"
#include "net/tcp.h"

#define SLICE_MS 200                  /* between two looks at the cancel flag */
#define MAX_MESSAGE_BYTES (512u << 20) /* one entry: a group of several million members */

static bool is_cancelled(const struct us_ldap *l) { return l->cancel && atomic_load_explicit(l->cancel, memory_order_relaxed); }

static enum us_errc take_url(struct us_slice url, struct us_ldap_server *ret_server, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const char *text = us_arena_strndup(&arena, url.p, url.n);
	LDAPURLDesc *parsed = NULL;
	enum us_errc rc = US_OK;

	if (!us_slice_is_utf8(url) || ldap_url_parse(text, &parsed) != LDAP_URL_SUCCESS || !parsed->lud_host || !*parsed->lud_host
		|| (strcmp(parsed->lud_scheme, "ldap") != 0 && strcmp(parsed->lud_scheme, "ldaps") != 0))
		rc = us_err_set(err, US_CONFIG, "url: %.200s is not of the form ldap://host:port or ldaps://host:port", text);
	else
		*ret_server = (struct us_ldap_server) { .url = us_strdup(text), .host = us_strdup(parsed->lud_host), .port = parsed->lud_port,
			.is_tls = strcmp(parsed->lud_scheme, "ldaps") == 0 };
	if (parsed)
		ldap_free_urldesc(parsed);
	us_arena_fini(&arena);
	return rc;
}

enum us_errc us_ldap_new(const struct us_ldap_conf *conf, struct us_ldap **ret_ldap, struct us_err *err)
{
	if (conf->n_urls == 0)
		return us_err_set(err, US_CONFIG, "url: no server is named");
	/* RFC 4513 section 5.1.2: a name without a password is an anonymous bind that looks like a success. */
	if (conf->bind_dn.n && conf->bind_password.n == 0)
		return us_err_set(err, US_CONFIG, "bindPassword: is missing for bindDn; for an anonymous connection leave both empty");
	if (conf->bind_password.n && conf->bind_dn.n == 0)
		return us_err_set(err, US_CONFIG, "bindDn: is missing for bindPassword; for an anonymous connection leave both empty");
	if (conf->ca_pem.n && !memmem(conf->ca_pem.p, conf->ca_pem.n, "-----BEGIN CERTIFICATE-----", 27))
		return us_err_set(err, US_CONFIG, "caCertificate: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
	struct us_ldap *l = us_calloc(1, sizeof *l);
	l->servers = us_calloc(conf->n_urls, sizeof *l->servers);
	for (; l->n_servers < conf->n_urls; l->n_servers++) {
		enum us_errc rc = take_url(conf->urls[l->n_servers], &l->servers[l->n_servers], err);
		if (rc) {
			us_ldap_free(l);
			return rc;
		}
	}
	l->start_tls = conf->start_tls;
	l->verify = conf->verify;
	l->timeout_ms = conf->timeout_ms;
	l->cancel = conf->cancel;
	if (conf->ca_pem.n)
		l->ca_pem = strndup(conf->ca_pem.p, conf->ca_pem.n);
	if (conf->bind_dn.n)
		l->bind_dn = strndup(conf->bind_dn.p, conf->bind_dn.n);
	us_str_add_slice(&l->password, conf->bind_password);
	*ret_ldap = l;
	return US_OK;
}

void us_ldap_disconnect(struct us_ldap *l)
{
	if (l->ld)
		ldap_unbind_ext(l->ld, NULL, NULL);
	l->ld = NULL;
}

void us_ldap_free(struct us_ldap *l)
{
	if (!l)
		return;
	us_ldap_disconnect(l);
	for (size_t i = 0; i < l->n_servers; i++) {
		free(l->servers[i].url);
		free(l->servers[i].host);
	}
	free(l->servers);
	free(l->ca_pem);
	free(l->bind_dn);
	us_secret_wipe_str(&l->password);
	free(l);
}

const struct us_ldap_counts *us_ldap_get_counts(const struct us_ldap *l) { return &l->counts; }
const char *us_ldap_get_url(const struct us_ldap *l) { return l->ld ? l->servers[l->at].url : "no server"; }

enum us_errc us_ldap_line_failed(struct us_ldap *l, const char *what, struct us_err *err)
{
	const struct us_ldap_server *s = &l->servers[l->at];
	int code = LDAP_SERVER_DOWN;

	ldap_get_option(l->ld, LDAP_OPT_RESULT_CODE, &code);
	if (code == LDAP_SUCCESS)
		code = LDAP_SERVER_DOWN;
	us_ldap_disconnect(l);
	if (code == LDAP_SERVER_DOWN || code == LDAP_UNAVAILABLE)
		return us_err_set_native(err, US_UNAVAILABLE, code, "%s: the connection was lost while waiting for %s", s->url, what);
	if (code == LDAP_TIMEOUT)
		return us_err_set_native(err, US_TIMEOUT, code, "%s: no answer to %s in time", s->url, what);
	return us_err_set_native(err, US_PROTOCOL, code, "%s: the answer to %s cannot be read (%s)", s->url, what, ldap_err2string(code));
}

enum us_errc us_ldap_receive(struct us_ldap *l, int id, const char *what, LDAPMessage **ret_message, struct us_err *err)
{
	int64_t deadline = us_clock_monotonic_ms() + l->timeout_ms;

	for (;;) {
		/* Asked first: a server that is fast enough never makes us wait. */
		if (is_cancelled(l)) {
			us_ldap_disconnect(l);
			return us_err_set(err, US_CANCELLED, "cancelled while waiting for %s", what);
		}
		struct timeval tv = { 0, SLICE_MS * 1000 };
		int type = ldap_result(l->ld, id, LDAP_MSG_ONE, &tv, ret_message);
		if (type > 0)
			return US_OK;
		if (type < 0)
			return us_ldap_line_failed(l, what, err);
		if (us_clock_monotonic_ms() >= deadline) {
			us_ldap_disconnect(l);
			return us_err_set_native(err, US_TIMEOUT, LDAP_TIMEOUT,
				"%s: no answer to %s within %lld s; raise timeoutSeconds if the server is that slow", l->servers[l->at].url,
				what, (long long) (l->timeout_ms / 1000));
		}
	}
}

enum us_errc us_ldap_receive_result(struct us_ldap *l, int id, const char *what, int *ret_code, char **ret_text, struct us_err *err)
{
	LDAPMessage *message = NULL;
	enum us_errc rc = us_ldap_receive(l, id, what, &message, err);

	if (rc)
		return rc;
	if (ldap_parse_result(l->ld, message, ret_code, NULL, ret_text, NULL, NULL, 1) != LDAP_SUCCESS)
		return us_ldap_line_failed(l, what, err);
	return US_OK;
}

static enum us_errc bind_simple(struct us_ldap *l, struct us_err *err)
{
	struct berval password = { l->password.n, l->password.p };
	int id, code;
	char *text = NULL;

	l->counts.binds++;
	if (ldap_sasl_bind(l->ld, l->bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id) != LDAP_SUCCESS)
		return us_ldap_line_failed(l, "the bind", err);
	enum us_errc rc = us_ldap_receive_result(l, id, "the bind", &code, &text, err);
	if (!rc && code)
		rc = us_ldap_text_bind(code, text, l->servers[l->at].url, l->bind_dn, err);
	ldap_memfree(text);
	return rc;
}

static void set_options(LDAP *ld, int64_t timeout_ms)
{
	int version = LDAP_VERSION3, none = 0;
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	ber_len_t max = MAX_MESSAGE_BYTES;
	Sockbuf *sb = NULL;

	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_DEREF, &none);
	ldap_set_option(ld, LDAP_OPT_SIZELIMIT, &none);
	ldap_set_option(ld, LDAP_OPT_TIMELIMIT, &none);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv);
	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb)
		ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max);
	/* One read for many entries, instead of two reads and a poll for each. */
	if (sb)
		ber_sockbuf_add_io(sb, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER, NULL);
}

/* Without this the library waits for the rest of half a message for ever, whatever time-out it was given. TLS switches it off. */
static void set_nonblocking(LDAP *ld)
{
	Sockbuf *sb = NULL;
	int on = 1;

	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb)
		ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_NONBLOCK, &on);
}

enum us_errc us_ldap_connect_to(struct us_ldap *l, size_t at, struct us_err *err)
{
	const struct us_ldap_server *s = &l->servers[at];
	int fd;
	enum us_errc rc = us_tcp_connect(s->host, s->port, l->timeout_ms, l->cancel, &fd, err);

	if (rc)
		return rc == US_CANCELLED ? rc : us_err_prefix(err, "%s", s->url);
	l->counts.connections++;
	int code = ldap_init_fd(fd, LDAP_PROTO_TCP, s->url, &l->ld);
	if (code != LDAP_SUCCESS) {
		close(fd);
		l->ld = NULL;
		return us_err_set_native(err, US_INTERNAL, code, "%s: %s", s->url, ldap_err2string(code));
	}
	l->at = at;
	set_options(l->ld, l->timeout_ms);
	set_nonblocking(l->ld);
	if (s->is_tls || l->start_tls)
		rc = us_ldap_start_tls(l, err);
	if (!rc)
		set_nonblocking(l->ld);
	if (!rc && l->bind_dn)
		rc = bind_simple(l, err);
	if (rc)
		us_ldap_disconnect(l);
	return rc;
}

enum us_errc us_ldap_connect(struct us_ldap *l, int64_t *ret_connection, struct us_err *err)
{
	struct us_err first = US_ERR_INIT, next = US_ERR_INIT;
	enum us_errc rc = US_OK;

	for (size_t i = 0; !l->ld && i < l->n_servers; i++) {
		if (is_cancelled(l))
			return us_err_set(err, US_CANCELLED, "cancelled while connecting");
		rc = us_ldap_connect_to(l, i, i ? &next : &first);
		if (rc == US_CANCELLED || rc == US_DENIED || rc == US_CONFIG) {
			if (err)
				*err = i ? next : first;
			return rc;
		}
	}
	if (!l->ld) {
		if (l->n_servers > 1)
			return us_err_set_native(err, first.code, first.native, "none of %zu servers could be used; the first: %s; the last: %s",
				l->n_servers, first.text, next.text);
		if (err)
			*err = first;
		return first.code;
	}
	if (ret_connection)
		*ret_connection = l->counts.connections;
	return US_OK;
}

static int policy_of(LDAP *ld, LDAPControl **controls)
{
	LDAPControl *control = controls ? ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL) : NULL;
	LDAPPasswordPolicyError error = PP_noError;
	ber_int_t expire, grace;

	if (!control || ldap_parse_passwordpolicy_control(ld, control, &expire, &grace, &error) != LDAP_SUCCESS || error == PP_noError)
		return -1;
	return (int) error;
}

static enum us_errc ask_bind(struct us_ldap *l, const char *dn, struct us_slice password, struct us_ldap_bind *ret_bind, struct us_err *err)
{
	LDAPControl policy = { .ldctl_oid = (char *) LDAP_CONTROL_PASSWORDPOLICYREQUEST }, *asked[] = { &policy, NULL }, **answered = NULL;
	struct berval secret = { password.n, (char *) password.p };
	LDAPMessage *message = NULL;
	char *text = NULL;
	int id, code;

	l->counts.binds++;
	if (ldap_sasl_bind(l->ld, dn, LDAP_SASL_SIMPLE, &secret, asked, NULL, &id) != LDAP_SUCCESS)
		return us_ldap_line_failed(l, "the bind of a user", err);
	enum us_errc rc = us_ldap_receive(l, id, "the bind of a user", &message, err);
	if (rc)
		return rc;
	if (ldap_parse_result(l->ld, message, &code, NULL, &text, NULL, &answered, 1) != LDAP_SUCCESS)
		return us_ldap_line_failed(l, "the bind of a user", err);
	*ret_bind = (struct us_ldap_bind) { .code = code, .policy = policy_of(l->ld, answered) };
	snprintf(ret_bind->text, sizeof ret_bind->text, "%s", text ? text : "");
	ldap_controls_free(answered);
	ldap_memfree(text);
	return US_OK;
}

enum us_errc us_ldap_check_bind(struct us_ldap *l, const char *dn, struct us_slice password, struct us_ldap_bind *ret_bind, struct us_err *err)
{
	struct us_ldap own = *l;

	if (!password.n || !*dn)
		return us_err_set(err, US_INVALID, "a bind without a name or a password would be an anonymous one");
	own.ld = NULL;
	own.bind_dn = NULL;
	enum us_errc rc = us_ldap_connect(&own, NULL, err);
	if (!rc)
		rc = ask_bind(&own, dn, password, ret_bind, err);
	us_ldap_disconnect(&own);
	l->counts = own.counts;
	return rc;
}
