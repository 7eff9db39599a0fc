#include "net/certificate.h"

#include <gnutls/x509.h>
#include <time.h>

#include "base/err.h"

#define MAX_NAMES 5

static void add_day(struct us_str *out, time_t when)
{
	struct tm tm;
	char text[16];

	us_str_add_text(out, gmtime_r(&when, &tm) && strftime(text, sizeof text, "%Y-%m-%d", &tm) ? text : "?");
}

/* Names come from the other side: what would not look well on a line is left out. */
static void add_printable(struct us_str *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n && i < 100; i++)
		us_str_add_char(out, p[i] > ' ' && p[i] < 0x7F ? p[i] : '?');
}

static void add_names(struct us_str *out, gnutls_x509_crt_t crt)
{
	size_t shown = 0;

	for (unsigned i = 0; shown < MAX_NAMES; i++) {
		char name[256];
		size_t n = sizeof name;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type == GNUTLS_SAN_DNSNAME) {
			us_str_add_text(out, shown++ ? ", " : "");
			add_printable(out, name, n);
		} else if (type == GNUTLS_SAN_IPADDRESS && n == 4) {
			const unsigned char *b = (const unsigned char *) name;
			us_str_printf(out, "%s%u.%u.%u.%u", shown++ ? ", " : "", b[0], b[1], b[2], b[3]);
		}
	}
	if (!shown)
		us_str_add_text(out, "nobody");
}

static void add_issuer(struct us_str *out, gnutls_x509_crt_t crt)
{
	char name[256];
	size_t n = sizeof name;

	if (gnutls_x509_crt_get_issuer_dn(crt, name, &n) == GNUTLS_E_SUCCESS)
		for (size_t i = 0; i < n && i < 150; i++)
			us_str_add_char(out, (unsigned char) name[i] < ' ' || name[i] == 0x7F ? '?' : name[i]);
	else
		us_str_add_text(out, "an unknown authority");
}

void us_certificate_add_flaw(struct us_str *out, struct us_slice der, const char *host, int64_t now_s)
{
	gnutls_datum_t datum = { (unsigned char *) (uintptr_t) der.p, (unsigned) der.n };
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt) != GNUTLS_E_SUCCESS)
		us_err_nomem();
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS) {
		us_str_add_text(out, "it cannot be read");
	} else if (gnutls_x509_crt_get_expiration_time(crt) < now_s) {
		us_str_add_text(out, "it expired on ");
		add_day(out, gnutls_x509_crt_get_expiration_time(crt));
		us_str_add_text(out, "; have it renewed at the server");
	} else if (gnutls_x509_crt_get_activation_time(crt) > now_s) {
		us_str_add_text(out, "it is not valid before ");
		add_day(out, gnutls_x509_crt_get_activation_time(crt));
		us_str_add_text(out, "; is the clock of this machine right?");
	} else if (!gnutls_x509_crt_check_hostname(crt, host)) {
		us_str_printf(out, "it does not name %.100s, but ", host);
		add_names(out, crt);
		us_str_add_text(out, "; use a name that is in it");
	} else {
		us_str_add_text(out, "it was issued by ");
		add_issuer(out, crt);
		us_str_add_text(out, ", which nobody here trusts; put the certificate of that authority into caCertificate");
	}
	gnutls_x509_crt_deinit(crt);
}
