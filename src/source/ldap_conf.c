#include "source/ldap_conf.h"

#include "net/dn.h"
#include "net/filter.h"

#define MAX_ATTRIBUTES 400

const struct us_option us_ldap_options[] = {
	{ .name = "url", .type = US_OPTION_STRINGS, .choices = "ldap|ldaps", .title = "Server URLs", .required = true, .scope = true,
		.help = "ldap://host:389 or ldaps://host:636; several equal servers are tried in order" },
	{ .name = "startTls", .type = US_OPTION_BOOL, .title = "StartTLS", .fallback = "false",
		.help = "Go over to TLS on an ldap:// connection before anything is sent" },
	{ .name = "caCertificate", .type = US_OPTION_TEXT, .title = "CA certificate",
		.help = "PEM text of the authorities to trust; empty: those of the system" },
	{ .name = "verify", .type = US_OPTION_BOOL, .title = "Verify certificate", .fallback = "true",
		.help = "Check certificate and host name; switch off for a test only" },
	{ .name = "bindDn", .type = US_OPTION_STRING, .title = "Bind DN",
		.help = "Account to read with: a DN, or name@domain on Active Directory; empty: anonymous" },
	{ .name = "bindPassword", .type = US_OPTION_STRING, .title = "Bind password", .secret = true, .help = "Password of the bind DN" },
	{ .name = "schema", .type = US_OPTION_CHOICE, .title = "Schema", .fallback = "openldap", .choices = "openldap|389ds|ad|freeipa",
		.scope = true, .help = "Kind of server: decides the defaults of filters and attributes below" },
	{ .name = "baseDn", .type = US_OPTION_STRING, .title = "Base DN", .required = true, .scope = true,
		.help = "Where users and groups are looked for" },
	{ .name = "userBaseDn", .type = US_OPTION_STRINGS, .title = "Base DNs of users", .scope = true,
		.help = "If other than the base DN; up to six that do not overlap" },
	{ .name = "groupBaseDn", .type = US_OPTION_STRINGS, .title = "Base DNs of groups", .scope = true,
		.help = "If other than the base DN; up to six that do not overlap" },
	{ .name = "scope", .type = US_OPTION_CHOICE, .title = "Search scope", .fallback = "sub", .choices = "sub|one", .scope = true,
		.help = "sub: everything below a base; one: only its direct children" },
	{ .name = "userFilter", .type = US_OPTION_STRING, .title = "User filter", .scope = true,
		.help = "LDAP filter of the users to read; empty: the schema's" },
	{ .name = "groupFilter", .type = US_OPTION_STRING, .title = "Group filter", .scope = true,
		.help = "LDAP filter of the groups to read; empty: the schema's" },
	{ .name = "idAttribute", .type = US_OPTION_STRING, .title = "Id attribute", .scope = true,
		.help = "Attribute that never changes; empty: entryUUID, nsUniqueId, objectGUID or ipaUniqueID by schema" },
	{ .name = "usernameAttribute", .type = US_OPTION_STRING, .title = "Username attribute", .scope = true,
		.help = "Attribute that users are looked up and named by; empty: uid, or sAMAccountName on Active Directory" },
	{ .name = "groupNameAttribute", .type = US_OPTION_STRING, .title = "Group name attribute", .scope = true,
		.help = "Attribute that groups are named by; empty: cn, or sAMAccountName on Active Directory" },
	{ .name = "membershipAttribute", .type = US_OPTION_STRINGS, .title = "Membership attributes", .scope = true,
		.help = "member, uniqueMember, memberUid (of groups) or memberOf (of users); empty: those of the schema" },
	{ .name = "attributes", .type = US_OPTION_STRINGS, .title = "Further attributes",
		.help = "To be read besides those that the mapping names; * for all" },
	{ .name = "ignoreReferrals", .type = US_OPTION_BOOL, .title = "Ignore references", .fallback = "false", .scope = true,
		.help = "Take a listing for complete although the server refers to other servers for parts of the tree (always so on Active Directory)" },
	{ .name = "pageSize", .type = US_OPTION_INT, .title = "Page size", .fallback = "1000", .min = 1, .max = 10000,
		.help = "Entries per page; Active Directory allows 1000" },
	{ .name = "memberRangeSize", .type = US_OPTION_INT, .title = "Member range size", .fallback = "0", .min = 0, .max = 100000,
		.help = "Active Directory: ask for members in pieces of this many; 0: as the server likes" },
	{ .name = "timeoutSeconds", .type = US_OPTION_INT, .title = "Time-out", .fallback = "30", .min = 1, .max = 3600,
		.help = "Seconds to wait for a connection, or for the next entry of an answer" },
	{ 0 },
};

static const struct preset {
	const char *name, *user_filter, *group_filter, *id, *username, *group_name, *memberships;
	enum us_ldap_active active;
	const char *active_attribute;
	const char *users_below, *groups_below; /* the base DN, by default */
} presets[] = {
	{ "openldap", "(objectClass=inetOrgPerson)",
		"(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))", "entryUUID", "uid", "cn",
		"member|uniqueMember|memberUid", US_LDAP_ACTIVE_PPOLICY, "pwdAccountLockedTime", "", "" },
	{ "389ds", "(objectClass=inetOrgPerson)",
		"(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))", "nsUniqueId", "uid", "cn",
		"member|uniqueMember|memberUid", US_LDAP_ACTIVE_NSLOCK, "nsAccountLock", "", "" },
	{ "ad", "(&(objectCategory=person)(objectClass=user))", "(objectCategory=group)", "objectGUID", "sAMAccountName", "sAMAccountName",
		"member", US_LDAP_ACTIVE_UAC, "userAccountControl", "", "" },
	{ "freeipa", "(objectClass=posixAccount)", "(objectClass=ipaUserGroup)", "ipaUniqueID", "uid", "cn", "member",
		US_LDAP_ACTIVE_NSLOCK, "nsAccountLock", "cn=users,cn=accounts,", "cn=groups,cn=accounts," },
};

static const struct preset *find_preset(struct us_slice name)
{
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		if (us_slice_is(name, presets[i].name))
			return &presets[i];
	return &presets[0];
}

static enum us_ldap_id id_kind(struct us_slice attribute)
{
	if (us_slice_is_nocase(attribute, "objectGUID"))
		return US_LDAP_ID_GUID;
	if (us_slice_is_nocase(attribute, "objectSid"))
		return US_LDAP_ID_SID;
	if (us_slice_is_nocase(attribute, "entryUUID") || us_slice_is_nocase(attribute, "nsUniqueId")
		|| us_slice_is_nocase(attribute, "ipaUniqueID"))
		return US_LDAP_ID_LOWER;
	return US_LDAP_ID_TEXT;
}

/* ---- single settings ---- */

static bool is_attribute_name(struct us_slice s)
{
	if (s.n == 0 || s.n > 100)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.;_", s.p[i]) || !s.p[i])
			return false;
	return true;
}

static enum us_errc read_attribute(struct us_arena *arena, const struct us_conf *conf, const char *option, const char *fallback,
	struct us_slice *ret_name, struct us_err *err)
{
	struct us_slice name = us_slice_trim(us_conf_string(conf, option));

	if (name.n && !is_attribute_name(name))
		return us_err_set(err, US_CONFIG, "%s: is no attribute name", option);
	*ret_name = us_slice_dup(arena, name.n ? name : us_slice(fallback));
	return US_OK;
}

/* Outer brackets may be left out, as many people do. */
static enum us_errc read_filter(struct us_arena *arena, const struct us_conf *conf, const char *option, const char *fallback,
	struct us_slice *ret_filter, struct us_err *err)
{
	struct us_slice typed = us_slice_trim(us_conf_string(conf, option));
	struct us_slice filter = us_slice(typed.n == 0 ? fallback : typed.p[0] == '(' ? us_arena_strndup(arena, typed.p, typed.n)
		: us_arena_printf(arena, "(" US_SLICE_FMT ")", US_SLICE_ARG(typed)));

	if (us_filter_check(filter, err))
		return us_err_prefix(err, "%s", option);
	*ret_filter = us_slice_dup(arena, filter);
	return US_OK;
}

static enum us_errc add_base(struct us_arena *arena, const char *option, struct us_slice dn, enum us_ldap_scope scope,
	struct us_ldap_base *bases, size_t *n, struct us_err *err)
{
	struct us_ldap_base base = { .dn = us_slice_dup(arena, us_slice_trim(dn)) };

	if (!us_dn_canonicalize(arena, base.dn, &base.canonical))
		return us_err_set(err, US_CONFIG, "%s: %.200s is not a DN", option, base.dn.p);
	if (*n == US_LDAP_MAX_BASES)
		return us_err_set(err, US_CONFIG, "%s: more than %d", option, US_LDAP_MAX_BASES);
	for (size_t i = 0; i < *n; i++)
		if (us_slice_is_equal(bases[i].canonical, base.canonical)
			|| (scope == US_LDAP_SUB && (us_dn_is_within(base.canonical, bases[i].canonical)
				|| us_dn_is_within(bases[i].canonical, base.canonical))))
			return us_err_set(err, US_CONFIG, "%s: %.150s and %.150s overlap", option, bases[i].dn.p, base.dn.p);
	bases[(*n)++] = base;
	return US_OK;
}

static enum us_errc read_bases(struct us_arena *arena, const struct us_conf *conf, const char *option, const char *below,
	enum us_ldap_scope scope, struct us_ldap_base *bases, size_t *n, struct us_err *err)
{
	const struct us_slice *values;
	size_t n_values = us_conf_strings(conf, option, arena, &values);
	enum us_errc rc = US_OK;

	for (size_t i = 0; !rc && i < n_values; i++)
		rc = add_base(arena, option, values[i], scope, bases, n, err);
	if (!rc && *n == 0) {
		struct us_slice base = us_slice_trim(us_conf_string(conf, "baseDn"));
		rc = add_base(arena, "baseDn", us_slice(us_arena_printf(arena, "%s" US_SLICE_FMT, below, US_SLICE_ARG(base))), scope, bases, n,
			err);
	}
	return rc;
}

static enum us_errc read_memberships(struct us_arena *arena, const struct us_conf *conf, const char *fallback, struct us_ldap_settings *s,
	struct us_err *err)
{
	const struct us_slice *values;
	size_t n = us_conf_strings(conf, "membershipAttribute", arena, &values);
	struct us_slice defaults[US_LDAP_MAX_MEMBERSHIPS];

	if (n == 0) {
		for (const char *p = fallback; *p; p += defaults[n - 1].n + (p[defaults[n - 1].n] == '|'))
			defaults[n++] = (struct us_slice) { p, strcspn(p, "|") };
		values = defaults;
	}
	if (n > US_LDAP_MAX_MEMBERSHIPS)
		return us_err_set(err, US_CONFIG, "membershipAttribute: more than %d", US_LDAP_MAX_MEMBERSHIPS);
	for (size_t i = 0; i < n; i++) {
		struct us_slice name = us_slice_trim(values[i]);
		if (!is_attribute_name(name) || memchr(name.p, ';', name.n))
			return us_err_set(err, US_CONFIG, "membershipAttribute: is no attribute name");
		enum us_ldap_membership kind = us_slice_is_nocase(name, "memberOf") ? US_LDAP_MEMBER_OF
			: us_slice_is_nocase(name, "memberUid") ? US_LDAP_MEMBER_UID : US_LDAP_MEMBER_DN;
		s->has_member_of |= kind == US_LDAP_MEMBER_OF;
		s->has_member_uid |= kind == US_LDAP_MEMBER_UID;
		s->memberships[s->n_memberships++] = (struct us_ldap_membership_attribute) { us_slice_dup(arena, name), kind };
	}
	return US_OK;
}

/* ---- the attributes to ask for ---- */

struct names {
	struct us_arena *arena;
	const char **list;
	size_t n;
};

static void add_name(struct names *names, struct us_slice name)
{
	for (size_t i = 0; i < names->n; i++)
		if (us_slice_is_nocase(name, names->list[i]))
			return;
	if (names->n < MAX_ATTRIBUTES)
		names->list[names->n++] = us_arena_strndup(names->arena, name.p, name.n);
}

/* What somebody typed; paths that are no attribute names are not for us. */
static void add_typed(struct names *names, struct us_slice name)
{
	name = us_slice_trim(name);
	if (is_attribute_name(name) || us_slice_is(name, "*"))
		add_name(names, name);
}

/* Whatever a mapping takes from: rows of {"attribute", "from": text or list}. */
static void add_mapped(struct names *names, const struct us_json *rows)
{
	for (size_t i = 0; rows && rows->type == US_JSON_ARRAY && i < rows->array.n; i++) {
		const struct us_json *from = us_json_find(&rows->array.items[i], "from");
		if (from && from->type == US_JSON_STRING)
			add_typed(names, from->string);
		for (size_t j = 0; from && from->type == US_JSON_ARRAY && j < from->array.n; j++)
			if (from->array.items[j].type == US_JSON_STRING)
				add_typed(names, from->array.items[j].string);
	}
}

static void add_further(struct names *names, const struct us_conf *conf, const char *mapping)
{
	const struct us_slice *values;
	size_t n = us_conf_strings(conf, "attributes", names->arena, &values);

	for (size_t i = 0; i < n; i++)
		add_typed(names, values[i]);
	add_mapped(names, us_conf_value(conf, mapping));
}

static void choose_attributes(struct us_arena *arena, const struct us_conf *conf, const struct preset *preset, struct us_ldap_settings *s)
{
	static const char *const user_names[] = { "cn", "givenName", "sn", "displayName", "mail" };
	struct names users = { arena, us_arena_array(arena, MAX_ATTRIBUTES + 1, sizeof(char *)), 0 };
	struct names groups = { arena, us_arena_array(arena, MAX_ATTRIBUTES + 1, sizeof(char *)), 0 };

	add_name(&users, s->id_attribute);
	add_name(&users, s->username_attribute);
	for (size_t i = 0; i < sizeof user_names / sizeof *user_names; i++)
		add_name(&users, us_slice(user_names[i]));
	add_name(&users, us_slice(preset->active_attribute));
	if (s->has_member_uid)
		add_name(&users, US_SLICE("uid"));
	if (s->is_ad) {
		add_name(&users, US_SLICE("userPrincipalName"));
		add_name(&users, US_SLICE("primaryGroupID"));
		add_name(&users, US_SLICE("objectSid"));
		add_name(&groups, US_SLICE("uSNChanged"));
	}
	add_name(&groups, s->id_attribute);
	add_name(&groups, s->group_name_attribute);
	add_name(&groups, US_SLICE("cn"));
	add_name(&groups, US_SLICE("description"));
	for (size_t i = 0; i < s->n_memberships; i++) {
		struct us_slice name = s->memberships[i].name;
		if (s->memberships[i].kind == US_LDAP_MEMBER_OF)
			add_name(&users, name);
		else if (s->is_ad && s->range_size)
			add_name(&groups, us_slice(us_arena_printf(arena, "%s;range=0-%d", name.p, s->range_size - 1)));
		else
			add_name(&groups, name);
	}
	add_further(&users, conf, "mapping");
	add_further(&groups, conf, "groupMapping");
	s->user_attributes = users.list;
	s->group_attributes = groups.list;
}

/* ---- all of it ---- */

static void read_session(struct us_arena *arena, const struct us_conf *conf, struct us_ldap_conf *session)
{
	session->n_urls = us_conf_strings(conf, "url", arena, &session->urls);
	session->start_tls = us_conf_bool(conf, "startTls");
	session->verify = us_conf_bool(conf, "verify");
	session->ca_pem = us_conf_string(conf, "caCertificate");
	session->bind_dn = us_conf_string(conf, "bindDn");
	session->bind_password = us_conf_string(conf, "bindPassword");
	session->timeout_ms = us_conf_int(conf, "timeoutSeconds") * 1000;
}

enum us_errc us_ldap_settings_read(struct us_arena *arena, const struct us_conf *conf, struct us_ldap_settings *ret_settings,
	struct us_err *err)
{
	const struct preset *preset = find_preset(us_conf_string(conf, "schema"));
	struct us_ldap_settings s = { .active = preset->active, .is_ad = us_slice_is(us_slice(preset->name), "ad") };
	enum us_errc rc;

	read_session(arena, conf, &s.session);
	s.scope = us_slice_is(us_conf_string(conf, "scope"), "one") ? US_LDAP_ONE : US_LDAP_SUB;
	s.page_size = (int) us_conf_int(conf, "pageSize");
	s.range_size = (int) us_conf_int(conf, "memberRangeSize");
	s.ignore_referrals = s.is_ad || us_conf_bool(conf, "ignoreReferrals");
	rc = read_bases(arena, conf, "userBaseDn", preset->users_below, s.scope, s.user_bases, &s.n_user_bases, err);
	if (!rc)
		rc = read_bases(arena, conf, "groupBaseDn", preset->groups_below, s.scope, s.group_bases, &s.n_group_bases, err);
	if (!rc)
		rc = read_filter(arena, conf, "userFilter", preset->user_filter, &s.user_filter, err);
	if (!rc)
		rc = read_filter(arena, conf, "groupFilter", preset->group_filter, &s.group_filter, err);
	if (!rc)
		rc = read_attribute(arena, conf, "idAttribute", preset->id, &s.id_attribute, err);
	if (!rc)
		rc = read_attribute(arena, conf, "usernameAttribute", preset->username, &s.username_attribute, err);
	if (!rc)
		rc = read_attribute(arena, conf, "groupNameAttribute", preset->group_name, &s.group_name_attribute, err);
	if (!rc)
		rc = read_memberships(arena, conf, preset->memberships, &s, err);
	if (rc)
		return rc;
	s.id_kind = id_kind(s.id_attribute);
	choose_attributes(arena, conf, preset, &s);
	*ret_settings = s;
	return US_OK;
}
