#include <openldap.h>
#include <stdlib.h>

#include "base/arena.h"
#include "net/ldap_state.h"
#include "net/ldap_text.h"

#define DOMAIN_SCOPE_OID "1.2.840.113556.1.4.1339"

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
		return us_ldap_line_failed(l, "a search", err);
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
		return us_ldap_line_failed(l, "a search", err);
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
		rc = us_ldap_receive(l, id, "a search", &message, err);
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
