#include "source/ldap.h"

#include <stdlib.h>

#include "source/ldap_driver.h"

enum us_errc us_ldap_count_requests(struct us_ldap_source *s, enum us_errc rc)
{
	const struct us_ldap_counts *c = us_ldap_get_counts(s->ldap);

	s->source.stats.binds = c->binds;
	s->source.stats.searches = c->searches;
	s->source.stats.requests = c->binds + c->searches;
	s->source.stats.bytes = c->bytes;
	return rc;
}

/* ---- life ---- */

static void name_listings(struct us_ldap_source *s)
{
	const struct us_ldap_settings *set = &s->settings;

	s->n_listings = set->n_user_bases + set->n_group_bases;
	for (size_t i = 0; i < s->n_listings; i++) {
		bool is_user = us_ldap_is_users(s, i), is_alone = (is_user ? set->n_user_bases : set->n_group_bases) == 1;
		const char *name = is_user && s->scope.is_on ? "users of required groups" : is_user ? "users" : "groups";
		s->listings[i] = (struct us_listing) { is_alone ? name : us_arena_printf(&s->arena, "%s in %s", name, us_ldap_base_of(s, i)->dn.p),
			is_user ? US_RECORD_USER : US_RECORD_GROUP };
	}
}

static void close_source(struct us_source *source)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;

	if (!s)
		return;
	us_ldap_give_up(s);
	us_ldap_free(s->ldap);
	us_ldap_record_forget(s);
	us_ldap_scope_fini(s);
	us_map_fini(&s->sids);
	free(s->fields);
	free(s->refs);
	us_arena_fini(&s->arena);
	free(s);
}

/* Names of the attributes of a group, without those that hold members: a user of a group of a million asks for one name. */
static const char *const *plain_group_attributes(struct us_ldap_source *s)
{
	size_t n = 0, all = 0;

	while (s->settings.group_attributes[all])
		all++;
	const char **list = us_arena_array(&s->arena, all + 1, sizeof *list);
	for (size_t i = 0; i < all; i++) {
		bool is_membership = false;
		for (size_t j = 0; j < s->settings.n_memberships; j++) {
			struct us_slice name = s->settings.memberships[j].name;
			is_membership |= strncasecmp(s->settings.group_attributes[i], name.p, name.n) == 0;
		}
		if (!is_membership)
			list[n++] = s->settings.group_attributes[i];
	}
	return list;
}

static enum us_errc open_source(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct us_ldap_source *s = us_calloc(1, sizeof *s);
	enum us_errc rc = us_ldap_settings_read(&s->arena, conf, &s->settings, err);

	s->source.ops = &us_source_ldap;
	s->state.pending_id = -1;
	s->settings.session.cancel = cancel;
	if (!rc)
		rc = us_ldap_new(&s->settings.session, &s->ldap, err);
	/* The session has its own copies; ours of the password would point into what the caller wipes. */
	s->settings.session = (struct us_ldap_conf) { 0 };
	if (rc) {
		close_source(&s->source);
		return rc;
	}
	name_listings(s);
	s->outline_attributes = plain_group_attributes(s);
	*ret_source = &s->source;
	return US_OK;
}

static const struct us_listing *listings(struct us_source *source, size_t *ret_n)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;

	name_listings(s);
	*ret_n = s->n_listings;
	return s->listings;
}

static enum us_errc fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_page page = { .announced = -1 };
	struct us_err own = US_ERR_INIT;

	if (!s->scope.is_on || !us_ldap_is_users(s, listing))
		return us_ldap_listing_fetch(s, listing, cursor, arena, ret_page, err);
	enum us_errc rc = us_ldap_count_requests(s, us_ldap_scope_fetch(s, listing, cursor, arena, &page, &own));
	if (rc) {
		if (err)
			*err = own;
		return rc;
	}
	*ret_page = page;
	return US_OK;
}

/* ---- test ---- */

static enum us_errc test_listing(struct us_ldap_source *s, size_t listing, struct us_str *notes, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_page page = { .announced = -1 };
	struct us_source *source = &s->source;
	enum us_errc rc = fetch(source, listing, US_SLICE_NONE, &arena, &page, err);

	if (!rc && !page.end && s->state.failed.code) {
		rc = s->state.failed.code;
		if (err)
			*err = s->state.failed;
	}
	if (!rc) {
		us_str_printf(notes, "%s: %lld entries on the first page%s\n", s->listings[listing].name, (long long) page.rows,
			page.end ? ", which is all" : "");
		size_t n_unsaid = 0;
		for (size_t i = 0; i < page.n; i++)
			n_unsaid += page.records[i].kind == US_RECORD_USER && page.records[i].active == US_TRI_UNKNOWN;
		if (n_unsaid)
			us_str_printf(notes, "%s: %zu of them do not show userAccountControl, so whether they are disabled is not known: may the bind DN read it?\n",
				s->listings[listing].name, n_unsaid);
		if (page.rows == 0)
			us_str_printf(notes, "%s: nothing found; check base, filter and the rights of the bind DN\n", s->listings[listing].name);
	}
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc test_source(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	struct us_ldap_source *s = (struct us_ldap_source *) source;
	struct us_err own = US_ERR_INIT;
	enum us_errc rc = us_ldap_connect(s->ldap, NULL, &own);

	if (!rc)
		us_str_printf(notes, "connected to %s\n", us_ldap_get_url(s->ldap));
	for (size_t i = 0; !rc && i < s->n_listings; i++)
		rc = test_listing(s, i, notes, &own);
	/* A page that was sent ahead is of no use to anybody. */
	us_ldap_give_up(s);
	us_ldap_disconnect(s->ldap);
	if (rc && err)
		*err = own;
	return us_ldap_count_requests(s, rc);
}

const struct us_source_ops us_source_ldap = {
	.type = { .name = "ldap", .title = "LDAP / Active Directory",
		.help = "Users and groups of OpenLDAP, 389 Directory Server, Active Directory or FreeIPA", .options = us_ldap_options,
		.authenticates = true },
	.open = open_source,
	.close = close_source,
	.test = test_source,
	.listings = listings,
	.fetch = fetch,
	.find = us_ldap_find,
	.outline = us_ldap_scope_outline,
	.narrow = us_ldap_scope_narrow,
	.authenticate = us_ldap_authenticate,
};
