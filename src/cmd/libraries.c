#include "cmd/libraries.h"

#include <stdio.h>

#include <curl/curl.h>
#include <gnutls/gnutls.h>
#include <ldap.h>
#include <libxml/parser.h>
#include <lua.h>
#include <microhttpd.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sodium.h>
#include <sqlite3.h>
#include <utf8proc.h>

static char ldap_version[32], pcre_version[64];

static struct us_library list[] = {
	{ "gnutls", NULL },
	{ "ldap", ldap_version },
	{ "libcurl", NULL },
	{ "libmicrohttpd", NULL },
	{ "libsodium", NULL },
	{ "libxml2", LIBXML_DOTTED_VERSION },
	{ "lua", LUA_RELEASE },
	{ "pcre2", pcre_version },
	{ "sqlite", NULL },
	{ "utf8proc", NULL },
	{ NULL, NULL },
};

static void set(const char *name, const char *version)
{
	for (struct us_library *l = list; l->name; l++)
		if (strcmp(l->name, name) == 0)
			l->version = version;
}

const struct us_library *us_libraries(void)
{
	LDAPAPIInfo info = { .ldapai_info_version = LDAP_API_INFO_VERSION };

	set("gnutls", gnutls_check_version(NULL));
	set("libcurl", curl_version());
	set("libmicrohttpd", MHD_get_version());
	set("libsodium", sodium_version_string());
	set("sqlite", sqlite3_libversion());
	set("utf8proc", utf8proc_version());
	pcre2_config(PCRE2_CONFIG_VERSION, pcre_version);
	if (ldap_get_option(NULL, LDAP_OPT_API_INFO, &info) == LDAP_OPT_SUCCESS) {
		snprintf(
			ldap_version, sizeof ldap_version, "%s %d", info.ldapai_vendor_name, info.ldapai_vendor_version);
		ldap_memfree(info.ldapai_vendor_name);
		ber_memvfree((void **)info.ldapai_extensions);
	}
	return list;
}
