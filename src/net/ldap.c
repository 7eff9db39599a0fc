#include "net/ldap.h"

#include <errno.h>
#include <fcntl.h>
#include <ldap.h>
#include <openldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "net/certificate.h"
#include "net/ldap_text.h"
#include "net/tcp.h"

#define SLICE_MS 200                  /* between two looks at the cancel flag */
#define MAX_MESSAGE_BYTES (512u << 20) /* one entry: a group of several million members */
#define DOMAIN_SCOPE_OID "1.2.840.113556.1.4.1339"

struct server {
	char *url, *host;
	int port;
	bool is_tls;
};

struct us_ldap {
	struct server *servers;
	size_t n_servers;
	char *ca_pem, *bind_dn;
	struct us_str password;
	bool start_tls, verify;
	int64_t timeout_ms;
	const atomic_bool *cancel;
	LDAP *ld; /* NULL: not connected */
	size_t at; /* the server that ld is connected to */
	struct us_ldap_counts counts;
};

struct us_ldap_messages {
	LDAP *ld;
	LDAPMessage **entries;
	size_t cap;
	LDAPMessage *done;
	struct berval *values; /* of the attribute taken last */
	struct us_slice *slices;
	size_t cap_slices;
	char *reference, *matched, *text;
	struct berval cookie;
	int64_t *bytes;
};

static bool is_cancelled(const struct us_ldap *l) { return l->cancel && atomic_load_explicit(l->cancel, memory_order_relaxed); }

/* ---- the session ---- */

static enum us_errc take_url(struct us_slice url, struct server *ret_server, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	const char *text = us_arena_strndup(&arena, url.p, url.n);
	LDAPURLDesc *parsed = NULL;
	enum us_errc rc = US_OK;

	if (!us_slice_is_utf8(url) || ldap_url_parse(text, &parsed) != LDAP_URL_SUCCESS || !parsed->lud_host || !*parsed->lud_host
		|| (strcmp(parsed->lud_scheme, "ldap") != 0 && strcmp(parsed->lud_scheme, "ldaps") != 0))
		rc = us_err_set(err, US_CONFIG, "url: %.200s is not of the form ldap://host:port or ldaps://host:port", text);
	else
		*ret_server = (struct server) { .url = us_strdup(text), .host = us_strdup(parsed->lud_host), .port = parsed->lud_port,
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

/* A failure of the line or of the library, not a result of the server. Drops the connection. */
static enum us_errc line_failed(struct us_ldap *l, const char *what, struct us_err *err)
{
	const struct server *s = &l->servers[l->at];
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

/* The next message of operation id. Owns: *ret_message, by ldap_msgfree. Drops the connection when it fails. */
static enum us_errc receive(struct us_ldap *l, int id, const char *what, LDAPMessage **ret_message, struct us_err *err)
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
			return line_failed(l, what, err);
		if (us_clock_monotonic_ms() >= deadline) {
			us_ldap_disconnect(l);
			return us_err_set_native(err, US_TIMEOUT, LDAP_TIMEOUT,
				"%s: no answer to %s within %lld s; raise timeoutSeconds if the server is that slow", l->servers[l->at].url,
				what, (long long) (l->timeout_ms / 1000));
		}
	}
}

/* The one result of an operation that has no entries. */
static enum us_errc receive_result(struct us_ldap *l, int id, const char *what, int *ret_code, char **ret_text, struct us_err *err)
{
	LDAPMessage *message = NULL;
	enum us_errc rc = receive(l, id, what, &message, err);

	if (rc)
		return rc;
	if (ldap_parse_result(l->ld, message, ret_code, NULL, ret_text, NULL, NULL, 1) != LDAP_SUCCESS)
		return line_failed(l, what, err);
	return US_OK;
}

/* A file that libldap can open and nobody else: it takes authorities by path only. Caller closes; -1 if there is none. */
static int write_ca(const char *pem, char path[32])
{
	int fd = memfd_create("ca", MFD_CLOEXEC);
	size_t n = strlen(pem);

	if (fd >= 0 && write(fd, pem, n) != (ssize_t) n) {
		close(fd);
		fd = -1;
	}
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static enum us_errc set_tls(struct us_ldap *l, struct us_err *err)
{
	static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt" };
	char path[32];
	const char *file = bundles[access(bundles[0], R_OK) != 0];
	int fd = -1, is_server = 0, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
	int require = l->verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;

	if (l->ca_pem) {
		fd = write_ca(l->ca_pem, path);
		file = path;
	}
	bool ok = ldap_set_option(l->ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require) == LDAP_SUCCESS
		&& ldap_set_option(l->ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) == LDAP_SUCCESS
		&& ldap_set_option(l->ld, LDAP_OPT_X_TLS_CACERTDIR, NULL) == LDAP_SUCCESS
		&& ldap_set_option(l->ld, LDAP_OPT_X_TLS_CACERTFILE, l->verify ? file : NULL) == LDAP_SUCCESS
		&& ldap_set_option(l->ld, LDAP_OPT_X_TLS_NEWCTX, &is_server) == LDAP_SUCCESS;
	if (fd >= 0)
		close(fd);
	if (ok)
		return US_OK;
	return us_err_set(err, US_TLS, l->ca_pem ? "caCertificate: cannot be read as certificates in PEM form"
		: "the system's certificate authorities cannot be read; give the server's own in caCertificate");
}

static enum us_errc connect_to(struct us_ldap *l, size_t at, struct us_err *err);

/* Why TLS failed. The library gives no reason, and takes the refused certificate away with it: so the server is asked once more for its
 * certificate, over a connection that nothing else is sent on. */
static enum us_errc explain_tls(const struct us_ldap *l, int code, struct us_err *err)
{
	struct us_ldap probe = *l;
	struct berval der = { 0 };
	struct us_str flaw = US_STR_INIT;
	struct us_err ignored = US_ERR_INIT;
	enum us_errc rc;

	probe.ld = NULL;
	probe.verify = false;
	probe.bind_dn = NULL;
	bool is_certificate = l->verify && connect_to(&probe, l->at, &ignored) == US_OK
		&& ldap_get_option(probe.ld, LDAP_OPT_X_TLS_PEERCERT, &der) == LDAP_OPT_SUCCESS && der.bv_len;
	us_ldap_disconnect(&probe);
	if (is_certificate) {
		us_certificate_add_flaw(&flaw, (struct us_slice) { der.bv_val, der.bv_len }, l->servers[l->at].host, us_clock_wall_s());
		rc = us_err_set_native(err, US_TLS, code, "%s: the server's certificate is not accepted: %.400s", l->servers[l->at].url,
			us_str_text(&flaw));
	} else {
		rc = us_err_set_native(err, US_TLS, code, "%s: the TLS handshake failed; does the server speak TLS (1.2 or later) at this port?",
			l->servers[l->at].url);
	}
	us_str_fini(&flaw);
	ber_memfree(der.bv_val);
	return rc;
}

static enum us_errc start_tls(struct us_ldap *l, struct us_err *err)
{
	const struct server *s = &l->servers[l->at];
	enum us_errc rc = set_tls(l, err);

	if (rc)
		return rc;
	if (!s->is_tls) {
		int id, code;
		char *text = NULL;
		if (ldap_start_tls(l->ld, NULL, NULL, &id) != LDAP_SUCCESS)
			return line_failed(l, "StartTLS", err);
		rc = receive_result(l, id, "StartTLS", &code, &text, err);
		if (!rc && code)
			rc = us_err_set_native(err, US_TLS, code, "%s: the server refused StartTLS (%d, %s); use ldaps:// or set up TLS there", s->url,
				code, text && *text ? text : ldap_err2string(code));
		ldap_memfree(text);
		if (rc)
			return rc;
		/* Bytes that were sent in the clear behind the answer must not be read as if TLS had protected them. */
		Sockbuf *sb = NULL;
		ldap_get_option(l->ld, LDAP_OPT_SOCKBUF, &sb);
		if (sb && ber_sockbuf_ctrl(sb, LBER_SB_OPT_DATA_READY, NULL) > 0)
			return us_err_set(err, US_TLS, "%s: unprotected bytes follow the answer to StartTLS: somebody is on the line", s->url);
	}
	int code = ldap_install_tls(l->ld);
	if (code == LDAP_SUCCESS)
		return US_OK;
	if (code == LDAP_TIMEOUT)
		return us_err_set_native(err, US_TIMEOUT, code, "%s: the TLS handshake did not end in time", s->url);
	return explain_tls(l, code, err);
}

static enum us_errc bind_simple(struct us_ldap *l, struct us_err *err)
{
	struct berval password = { l->password.n, l->password.p };
	int id, code;
	char *text = NULL;

	l->counts.binds++;
	if (ldap_sasl_bind(l->ld, l->bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id) != LDAP_SUCCESS)
		return line_failed(l, "the bind", err);
	enum us_errc rc = receive_result(l, id, "the bind", &code, &text, err);
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

static enum us_errc connect_to(struct us_ldap *l, size_t at, struct us_err *err)
{
	const struct server *s = &l->servers[at];
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
		rc = start_tls(l, err);
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
		rc = connect_to(l, i, i ? &next : &first);
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
		return line_failed(l, "the bind of a user", err);
	enum us_errc rc = receive(l, id, "the bind of a user", &message, err);
	if (rc)
		return rc;
	if (ldap_parse_result(l->ld, message, &code, NULL, &text, NULL, &answered, 1) != LDAP_SUCCESS)
		return line_failed(l, "the bind of a user", err);
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

/* ---- searches ---- */

enum us_errc us_ldap_search_begin(struct us_ldap *l, const struct us_ldap_search *q, int *ret_id, struct us_err *err)
{
	static const int scopes[] = { LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_SUBTREE };
	LDAPControl *controls[3] = { 0 }, paging = { 0 }, domain = { .ldctl_oid = (char *) DOMAIN_SCOPE_OID };
	size_t n = 0;
	int code = LDAP_SUCCESS;

	us_assert(l->ld);
	if (q->page_size) {
		struct berval cookie = { q->cookie.n, (char *) (q->cookie.n ? q->cookie.p : "") };
		paging = (LDAPControl) { .ldctl_oid = (char *) LDAP_CONTROL_PAGEDRESULTS, .ldctl_iscritical = 1 };
		code = ldap_create_page_control_value(l->ld, q->page_size, &cookie, &paging.ldctl_value);
		controls[n++] = &paging;
	}
	if (q->is_domain_scope)
		controls[n++] = &domain;
	if (code == LDAP_SUCCESS)
		code = ldap_search_ext(l->ld, q->base, scopes[q->scope], q->filter, (char **) q->attributes, 0, controls, NULL, NULL,
			q->size_limit, ret_id);
	ber_memfree(paging.ldctl_value.bv_val);
	if (code == LDAP_FILTER_ERROR)
		return us_err_set_native(err, US_CONFIG, code, "the search filter %.200s is malformed", q->filter);
	if (code != LDAP_SUCCESS)
		return line_failed(l, "a search", err);
	l->counts.searches++;
	return US_OK;
}

static struct us_slice slice_of(const struct berval *v)
{
	return (struct us_slice) { v->bv_val ? v->bv_val : "", v->bv_len };
}

static enum us_errc take_done(struct us_ldap *l, struct us_ldap_reply *r, struct us_err *err)
{
	struct us_ldap_messages *m = r->messages;
	LDAPControl **controls = NULL;
	char **referrals = NULL;

	if (ldap_parse_result(l->ld, m->done, &r->code, &m->matched, &m->text, &referrals, &controls, 0) != LDAP_SUCCESS)
		return line_failed(l, "a search", err);
	r->matched = us_slice(m->matched ? m->matched : "");
	r->text = us_slice(m->text ? m->text : "");
	if (referrals && referrals[0] && !m->reference)
		m->reference = us_strdup(referrals[0]);
	ldap_memvfree((void **) referrals);
	LDAPControl *paging = controls ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL) : NULL;
	ber_int_t estimate;
	r->has_paging = paging && ldap_parse_pageresponse_control(l->ld, paging, &estimate, &m->cookie) == LDAP_SUCCESS;
	r->cookie = slice_of(&m->cookie);
	ldap_controls_free(controls);
	return US_OK;
}

static void take_reference(struct us_ldap *l, struct us_ldap_reply *r, LDAPMessage *message)
{
	char **urls = NULL;

	r->n_references++;
	if (ldap_parse_reference(l->ld, message, &urls, NULL, 1) == LDAP_SUCCESS && urls && urls[0] && !r->messages->reference)
		r->messages->reference = us_strdup(urls[0]);
	ldap_memvfree((void **) urls);
}

enum us_errc us_ldap_search_end(struct us_ldap *l, int id, struct us_ldap_reply **ret_reply, struct us_err *err)
{
	struct us_ldap_reply *r = us_calloc(1, sizeof *r);
	struct us_ldap_messages *m = r->messages = us_calloc(1, sizeof *m);
	enum us_errc rc = US_OK;

	us_assert(l->ld);
	m->ld = l->ld;
	m->bytes = &l->counts.bytes;
	while (!rc && !m->done) {
		LDAPMessage *message = NULL;
		rc = receive(l, id, "a search", &message, err);
		if (rc)
			break;
		switch (ldap_msgtype(message)) {
		case LDAP_RES_SEARCH_ENTRY:
			if (r->n_entries == m->cap) {
				m->cap = m->cap ? m->cap * 2 : 1024;
				m->entries = us_realloc(m->entries, m->cap * sizeof *m->entries);
			}
			m->entries[r->n_entries++] = message;
			break;
		case LDAP_RES_SEARCH_REFERENCE:
			take_reference(l, r, message);
			break;
		case LDAP_RES_SEARCH_RESULT:
			m->done = message;
			rc = take_done(l, r, err);
			break;
		default:
			ldap_msgfree(message);
		}
	}
	r->reference = us_slice(m->reference ? m->reference : "");
	l->counts.entries += (int64_t) r->n_entries;
	if (rc) {
		us_ldap_reply_free(r);
		return rc;
	}
	*ret_reply = r;
	return US_OK;
}

void us_ldap_reply_free(struct us_ldap_reply *r)
{
	if (!r)
		return;
	struct us_ldap_messages *m = r->messages;
	for (size_t i = 0; i < r->n_entries; i++)
		ldap_msgfree(m->entries[i]);
	free(m->entries);
	if (m->done)
		ldap_msgfree(m->done);
	ber_memfree(m->values);
	free(m->slices);
	free(m->reference);
	ldap_memfree(m->matched);
	ldap_memfree(m->text);
	ber_memfree(m->cookie.bv_val);
	free(m);
	free(r);
}

enum us_errc us_ldap_explain(const struct us_ldap *l, const struct us_ldap_reply *r, const char *base, bool is_later, struct us_err *err)
{
	return us_ldap_text_search(r->code, r->text.p, r->reference.p, us_ldap_get_url(l), base, is_later, err);
}

enum us_errc us_ldap_search(struct us_ldap *l, const struct us_ldap_search *q, struct us_ldap_reply **ret_reply, struct us_err *err)
{
	struct us_ldap_reply *reply;
	int id;
	enum us_errc rc = us_ldap_search_begin(l, q, &id, err);

	if (!rc)
		rc = us_ldap_search_end(l, id, &reply, err);
	if (rc)
		return rc;
	if (reply->code) {
		rc = us_ldap_explain(l, reply, q->base, false, err);
		us_ldap_reply_free(reply);
		return rc;
	}
	*ret_reply = reply;
	return US_OK;
}

/* ---- walking ---- */

enum us_errc us_ldap_entry_get(struct us_ldap_reply *r, size_t at, struct us_ldap_entry *ret_entry, struct us_err *err)
{
	BerElement *ber = NULL;
	struct berval dn;

	us_assert(at < r->n_entries);
	if (ldap_get_dn_ber(r->messages->ld, r->messages->entries[at], &ber, &dn) != LDAP_SUCCESS) {
		ber_free(ber, 0);
		return us_err_set(err, US_PROTOCOL, "an entry of the answer cannot be read");
	}
	ber_len_t left = 0;
	ber_get_option(ber, LBER_OPT_REMAINING_BYTES, &left);
	*r->messages->bytes += (int64_t) (left + dn.bv_len);
	*ret_entry = (struct us_ldap_entry) { .dn = slice_of(&dn), .ber = ber, .message = r->messages->entries[at], .reply = r };
	return US_OK;
}

/* The element that walks the entry is ours to free, and shares the message's bytes. */
static enum us_errc end_entry(struct us_ldap_entry *e, enum us_errc rc)
{
	ber_free(e->ber, 0);
	e->ber = NULL;
	return rc;
}

void us_ldap_entry_end(struct us_ldap_entry *e)
{
	if (e->ber)
		end_entry(e, US_OK);
}

enum us_errc us_ldap_attribute_next(struct us_ldap_entry *e, struct us_ldap_attribute *ret_attribute, struct us_err *err)
{
	struct us_ldap_messages *m = e->reply->messages;
	struct berval name;

	if (!e->ber)
		return US_END;
	ber_memfree(m->values);
	m->values = NULL;
	if (ldap_get_attribute_ber(m->ld, e->message, e->ber, &name, &m->values) != LDAP_SUCCESS)
		return end_entry(e, us_err_set(err, US_PROTOCOL, "an entry of the answer cannot be read"));
	if (!name.bv_val)
		return end_entry(e, US_END);
	size_t n = 0;
	while (m->values && m->values[n].bv_val) {
		if (n == m->cap_slices) {
			m->cap_slices = m->cap_slices ? m->cap_slices * 2 : 64;
			m->slices = us_realloc(m->slices, m->cap_slices * sizeof *m->slices);
		}
		m->slices[n] = slice_of(&m->values[n]);
		n++;
	}
	*ret_attribute = (struct us_ldap_attribute) { .name = slice_of(&name), .values = m->slices, .n = n };
	return US_OK;
}
