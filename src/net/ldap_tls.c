#include <openldap.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/certificate.h"
#include "net/ldap_state.h"

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
	bool is_certificate = l->verify && us_ldap_connect_to(&probe, l->at, &ignored) == US_OK
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

enum us_errc us_ldap_start_tls(struct us_ldap *l, struct us_err *err)
{
	const struct us_ldap_server *s = &l->servers[l->at];
	enum us_errc rc = set_tls(l, err);

	if (rc)
		return rc;
	if (!s->is_tls) {
		int id, code;
		char *text = NULL;
		if (ldap_start_tls(l->ld, NULL, NULL, &id) != LDAP_SUCCESS)
			return us_ldap_line_failed(l, "StartTLS", err);
		rc = us_ldap_receive_result(l, id, "StartTLS", &code, &text, err);
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
