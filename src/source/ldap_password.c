/* LDAP: whether a password is a user's. */
#include "source/ldap_driver.h"

/* The name of the user's entry; US_END: the server says that there is none. */
static enum us_errc find_dn(struct us_ldap_source *s, struct us_slice id, struct us_arena *arena, const char **ret_dn, struct us_err *err)
{
	static const char *const nothing[] = { "1.1", NULL };
	struct us_str filter = US_STR_INIT;
	bool is_possible;
	size_t n = 0;
	enum us_errc rc = us_ldap_connect(s->ldap, NULL, err);

	us_ldap_add_user_filter(s, id, true, &filter, &is_possible);
	for (size_t i = 0; !rc && is_possible && i < s->settings.n_user_bases; i++) {
		struct us_ldap_search q = us_ldap_query(s, i, US_SLICE_NONE);
		struct us_ldap_reply *reply;
		struct us_ldap_entry entry;
		q.filter = us_str_text(&filter);
		q.attributes = nothing;
		q.page_size = 0;
		if ((rc = us_ldap_search(s->ldap, &q, &reply, err)))
			break;
		if (reply->n_references && !s->settings.ignore_referrals)
			rc = us_err_set(err, US_PARTIAL, "other servers hold parts of the tree (%.150s), one of them may know the user", reply->reference.p);
		else if (!reply->n_entries)
			rc = us_ldap_check_base(s, us_ldap_base_of(s, i), err);
		else if ((n += reply->n_entries) > 1)
			rc = us_err_set(err, US_CONFIG, "more than one entry has the same %s; idAttribute must tell users apart", s->settings.id_attribute.p);
		else if ((rc = us_ldap_entry_get(reply, 0, &entry, err)) == US_OK) {
			*ret_dn = us_arena_strndup(arena, entry.dn.p, entry.dn.n);
			us_ldap_entry_end(&entry);
		}
		us_ldap_reply_free(reply);
	}
	us_str_fini(&filter);
	return rc || n ? rc : US_END;
}

/* Active Directory tells by a number in its text, FreeIPA and 389 Directory Server by other results, whoever knows the control by it.
 * Spec: MS-ERREF 2.2 (the numbers), RFC 4511 appendix A (the results), 389 Directory Server's plug-ins (read 2026-11). */
static bool judge_bind(const struct us_ldap_bind *bind, enum us_authentication *ret_authentication)
{
	static const struct { char data[4]; enum us_authentication is; } windows[] = {
		{ "525", US_AUTH_UNKNOWN }, { "530", US_AUTH_INACTIVE }, { "531", US_AUTH_INACTIVE }, { "532", US_AUTH_EXPIRED }, { "533", US_AUTH_INACTIVE },
		{ "701", US_AUTH_EXPIRED }, { "773", US_AUTH_EXPIRED }, { "775", US_AUTH_INACTIVE } };
	const char *data = strstr(bind->text, ", data ");
	enum us_authentication is = US_AUTH_COUNT;

	switch (bind->code) {
	case 0:
		is = bind->policy == US_LDAP_POLICY_MUST_CHANGE ? US_AUTH_EXPIRED : US_AUTH_OK;
		break;
	case 19: /* constraint violation: too many failures */
		is = US_AUTH_INACTIVE;
		break;
	case 32: /* no such object: it went meanwhile */
		is = US_AUTH_UNKNOWN;
		break;
	case 48: /* inappropriate authentication: the entry has no password */
	case 49:
		is = bind->policy == US_LDAP_POLICY_EXPIRED || bind->policy == US_LDAP_POLICY_MUST_CHANGE ? US_AUTH_EXPIRED
			: bind->policy == US_LDAP_POLICY_LOCKED ? US_AUTH_INACTIVE : US_AUTH_WRONG;
		for (size_t i = 0; data && i < sizeof windows / sizeof *windows; i++)
			if (strncmp(data + 7, windows[i].data, 3) == 0)
				is = windows[i].is;
		break;
	case 53: /* unwilling to perform: also what a server says that wants TLS */
		if (strstr(bind->text, "nactivated") || strstr(bind->text, "ocked") || strstr(bind->text, "isabled"))
			is = US_AUTH_INACTIVE;
		break;
	}
	*ret_authentication = is;
	return is != US_AUTH_COUNT;
}

enum us_errc us_ldap_authenticate(struct us_source *source, struct us_slice id, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_arena arena = US_ARENA_INIT;
	struct us_ldap_bind bind;
	const char *dn = NULL;

	us_ldap_give_up(s);
	enum us_errc rc = find_dn(s, id, &arena, &dn, err);
	if (rc == US_END) {
		*ret_authentication = US_AUTH_UNKNOWN;
		rc = US_OK;
	} else if (!rc && !(rc = us_ldap_check_bind(s->ldap, dn, password, &bind, err)) && !judge_bind(&bind, ret_authentication)) {
		rc = us_err_set_native(err, US_DENIED, bind.code, "the server does not check a user's password: result %d%s%s; does it want TLS?", bind.code,
			*bind.text ? ", " : "", bind.text);
	}
	us_arena_fini(&arena);
	return us_ldap_count_requests(s, rc);
}
