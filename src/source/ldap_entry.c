#include "source/ldap_driver.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fold.h"
#include "net/dn.h"
#include "net/filter.h"

#define MAX_RANGE_RESTARTS 3
#define MAX_SIDS (sizeof ((struct us_ldap_source *) 0)->sid_refs / sizeof(struct us_slice))
#define UAC_DISABLED 0x2
#define NO_MORE SIZE_MAX
#define SEVERAL SIZE_MAX /* users have that name */

/* A membership attribute whose values came in part: ask from `next` on. */
struct range {
	const struct us_ldap_membership_attribute *attribute;
	size_t first_ref, next;
};

/* What is gathered while the attributes of an entry go by. */
struct gathering {
	struct us_arena *arena;
	enum us_record_kind kind;
	struct us_slice id, name, primary_group, sid, usn, uid;
	enum us_tri active;
	size_t n_fields;
	struct range ranges[US_LDAP_MAX_MEMBERSHIPS];
	size_t n_ranges;
	struct us_slice problem;
};

/* ---- ids ---- */

/* The first three parts are stored with the low byte first. */
static struct us_slice guid_text(struct us_arena *arena, struct us_slice raw)
{
	static const unsigned char order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char *text = us_arena_alloc(arena, 37), *p = text;

	if (raw.n != 16)
		return US_SLICE_NONE;
	for (size_t i = 0; i < 16; i++) {
		unsigned char byte = (unsigned char) raw.p[order[i]];
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = "0123456789abcdef"[byte >> 4];
		*p++ = "0123456789abcdef"[byte & 15];
	}
	*p = '\0';
	return (struct us_slice) { text, 36 };
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool guid_bytes(struct us_slice text, char ret_bytes[16])
{
	static const unsigned char order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '-')
			continue;
		if (n == 16 || i + 1 == text.n || hex(text.p[i]) < 0 || hex(text.p[i + 1]) < 0)
			return false;
		ret_bytes[order[n++]] = (char) (hex(text.p[i]) * 16 + hex(text.p[i + 1]));
		i++;
	}
	return n == 16;
}

/* "S-1-5-21-…"; with rid, the last part is replaced by it. */
static struct us_slice sid_text(struct us_arena *arena, struct us_slice raw, const char *rid)
{
	const unsigned char *b = (const unsigned char *) raw.p;

	if (raw.n < 8 || b[1] > 15 || raw.n != 8 + 4 * (size_t) b[1] || (rid && b[1] == 0))
		return US_SLICE_NONE;
	uint64_t authority = 0;
	for (int i = 2; i < 8; i++)
		authority = authority << 8 | b[i];
	struct us_str text = US_STR_INIT;
	us_str_printf(&text, "S-%u-%llu", b[0], (unsigned long long) authority);
	for (unsigned i = 0; i < b[1]; i++) {
		const unsigned char *p = b + 8 + 4 * i;
		if (rid && i + 1U == b[1])
			us_str_printf(&text, "-%s", rid);
		else
			us_str_printf(&text, "-%lu", (unsigned long) p[0] | (unsigned long) p[1] << 8 | (unsigned long) p[2] << 16
				| (unsigned long) p[3] << 24);
	}
	struct us_slice out = us_slice_dup(arena, us_str_slice(&text));
	us_str_fini(&text);
	return out;
}

static struct us_slice lower(struct us_arena *arena, struct us_slice s)
{
	char *p = us_arena_strndup(arena, s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char) (p[i] + 32);
	return (struct us_slice) { p, s.n };
}

static struct us_slice id_text(const struct us_ldap_source *s, struct us_arena *arena, struct us_slice raw)
{
	switch (s->settings.id_kind) {
	case US_LDAP_ID_GUID:
		return guid_text(arena, raw);
	case US_LDAP_ID_SID:
		return sid_text(arena, raw, NULL);
	case US_LDAP_ID_LOWER:
		return us_slice_is_utf8(raw) ? lower(arena, raw) : US_SLICE_NONE;
	case US_LDAP_ID_TEXT:
		return us_slice_is_utf8(raw) ? us_slice_dup(arena, raw) : US_SLICE_NONE;
	}
	return US_SLICE_NONE;
}

bool us_ldap_record_add_id(const struct us_ldap_source *s, struct us_str *filter, struct us_slice id)
{
	char bytes[16];

	if (s->settings.id_kind == US_LDAP_ID_GUID) {
		if (!guid_bytes(id, bytes))
			return false;
		us_filter_add_bytes(filter, (struct us_slice) { bytes, sizeof bytes });
	} else {
		us_filter_add_value(filter, id); /* Active Directory takes the text form of a SID */
	}
	return true;
}

/* ---- user names that memberUid names ---- */

void us_ldap_record_forget(struct us_ldap_source *s)
{
	us_map_fini(&s->uids);
	us_str_fini(&s->uid_refs);
	free(s->uid_offsets);
	s->uid_offsets = NULL;
	s->cap_uids = 0;
}

static void remember_uid(struct us_ldap_source *s, struct us_slice uid, struct us_slice ref)
{
	bool is_new;
	uint32_t at = us_map_put(&s->uids, us_fold_hash(uid), &is_new);

	if (!is_new) {
		if (s->uid_offsets[at] != SEVERAL && !us_slice_is_equal(us_slice(s->uid_refs.p + s->uid_offsets[at]), ref))
			s->uid_offsets[at] = SEVERAL;
		return;
	}
	if (at == s->cap_uids) {
		s->cap_uids = s->cap_uids ? s->cap_uids * 2 : 1024;
		s->uid_offsets = us_realloc(s->uid_offsets, s->cap_uids * sizeof *s->uid_offsets);
	}
	s->uid_offsets[at] = s->uid_refs.n;
	us_str_add(&s->uid_refs, ref.p, ref.n + 1);
}

/* The ref of the user of that name; the name itself, which no ref equals, if it is nobody that was read, or one of several. */
static struct us_slice ref_of_uid(struct us_ldap_source *s, struct us_arena *arena, struct us_slice uid)
{
	uint32_t at = us_map_find(&s->uids, us_fold_hash(uid));

	if (at == US_MAP_NONE || s->uid_offsets[at] == SEVERAL) {
		struct us_slice copy = us_slice_dup(arena, uid);
		if (at != US_MAP_NONE)
			s->unclear_uid = copy;
		return copy;
	}
	return us_slice_dup(arena, us_slice(s->uid_refs.p + s->uid_offsets[at]));
}

/* ---- values ---- */

static void add_ref(struct us_ldap_source *s, struct us_slice ref)
{
	if (s->n_refs == s->cap_refs) {
		s->cap_refs = s->cap_refs ? s->cap_refs * 2 : 1024;
		s->refs = us_realloc(s->refs, s->cap_refs * sizeof *s->refs);
	}
	s->refs[s->n_refs++] = ref;
}

/* A uniqueMember may end in a bit string that tells namesakes apart (RFC 4517 section 3.3.21): not part of the name. */
static struct us_slice without_uid_part(struct us_slice value)
{
	if (value.n < 5 || value.p[value.n - 1] != 'B' || value.p[value.n - 2] != '\'')
		return value;
	for (size_t i = value.n - 2; i-- > 1;)
		if (value.p[i] == '\'')
			return value.p[i - 1] == '#' ? (struct us_slice) { value.p, i - 1 } : value;
	return value;
}

static bool is_in_group_bases(const struct us_ldap_source *s, struct us_slice ref)
{
	for (size_t i = 0; i < s->settings.n_group_bases; i++)
		if (us_dn_is_within(ref, s->settings.group_bases[i].canonical))
			return true;
	return false;
}

/* memberOf names roles and rules of FreeIPA as well: only groups below the group bases are meant. */
static void add_refs(struct us_ldap_source *s, struct us_arena *arena, enum us_ldap_membership kind, const struct us_slice *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct us_slice ref;
		if (s->scope.keeps_names) {
			add_ref(s, us_slice_dup(arena, without_uid_part(values[i])));
			continue;
		}
		if (kind == US_LDAP_MEMBER_UID) {
			ref = ref_of_uid(s, arena, values[i]);
			us_ldap_scope_look_at_member(s, values[i]);
		} else if (!us_dn_canonicalize(arena, without_uid_part(values[i]), &ref))
			ref = us_slice_dup(arena, values[i]);
		if (kind != US_LDAP_MEMBER_OF && kind != US_LDAP_MEMBER_UID)
			us_ldap_scope_look_at_member(s, ref);
		if (kind != US_LDAP_MEMBER_OF || is_in_group_bases(s, ref))
			add_ref(s, ref);
	}
}

static bool is_binary(struct us_slice name)
{
	static const char *const names[] = { "jpegPhoto", "thumbnailPhoto", "thumbnailLogo", "photo", "audio", "userCertificate",
		"userSMIMECertificate", "cACertificate", "msExchMailboxGuid", "mS-DS-ConsistencyGuid", "objectGUID", "objectSid", "userPassword",
		"logonHours", "krbPrincipalKey" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (us_slice_is_nocase(name, names[i]))
			return true;
	return name.n > 7 && us_slice_is_nocase((struct us_slice) { name.p + name.n - 7, 7 }, ";binary");
}

/* The spelling that was asked for, if it was: mappings know the attribute by it. */
static struct us_slice known_name(struct us_arena *arena, const char *const *names, struct us_slice name)
{
	for (; *names; names++)
		if ((**names | 32) == (*name.p | 32) && us_slice_is_nocase(name, *names))
			return us_slice(*names);
	return us_slice_dup(arena, name);
}

static void add_field(struct us_ldap_source *s, struct gathering *g, struct us_slice name, const struct us_slice *values, size_t n)
{
	if (g->n_fields == s->cap_fields) {
		s->cap_fields = s->cap_fields ? s->cap_fields * 2 : 64;
		s->fields = us_realloc(s->fields, s->cap_fields * sizeof *s->fields);
	}
	s->fields[g->n_fields++] = (struct us_field) { name, values, n };
}

static void take_field(struct us_ldap_source *s, struct gathering *g, const struct us_ldap_attribute *a)
{
	const char *const *names = g->kind == US_RECORD_USER ? s->settings.user_attributes : s->settings.group_attributes;

	if (a->n == 0 || is_binary(a->name))
		return;
	struct us_slice *values = us_arena_array(g->arena, a->n, sizeof *values);
	for (size_t i = 0; i < a->n; i++) {
		if (!us_slice_is_utf8(a->values[i])) {
			g->problem = us_slice(us_arena_printf(g->arena, "a value of %.*s is not UTF-8 text", (int) a->name.n, a->name.p));
			return;
		}
		values[i] = us_slice_dup(g->arena, a->values[i]);
	}
	add_field(s, g, known_name(g->arena, names, a->name), values, a->n);
}

/* ---- attributes with a meaning ---- */

static enum us_tri active_of(enum us_ldap_active kind, struct us_slice value)
{
	int64_t flags;

	switch (kind) {
	case US_LDAP_ACTIVE_UAC:
		return !us_slice_to_int(value, &flags) ? US_TRI_UNKNOWN : flags & UAC_DISABLED ? US_TRI_NO : US_TRI_YES;
	case US_LDAP_ACTIVE_NSLOCK:
		return us_slice_is_nocase(value, "true") ? US_TRI_NO : US_TRI_YES;
	case US_LDAP_ACTIVE_PPOLICY:
		/* Any other time is that of too many wrong passwords. It ends by itself and stays written down until the next login,
		 * and a stranger can cause it: no reason to switch the account off elsewhere. */
		return us_slice_is(value, "000001010000Z") ? US_TRI_NO : US_TRI_YES;
	}
	return US_TRI_UNKNOWN;
}

static bool is_active_attribute(enum us_ldap_active kind, struct us_slice name)
{
	switch (kind) {
	case US_LDAP_ACTIVE_UAC:
		return us_slice_is_nocase(name, "userAccountControl");
	case US_LDAP_ACTIVE_NSLOCK:
		return us_slice_is_nocase(name, "nsAccountLock");
	case US_LDAP_ACTIVE_PPOLICY:
		return us_slice_is_nocase(name, "pwdAccountLockedTime");
	}
	return false;
}

/* "member;range=0-1499" splits into the name and first 0, next 1500; `0-*` has no next. False if there is no range. */
static bool split_range(struct us_slice full, struct us_slice *ret_name, size_t *ret_first, size_t *ret_next)
{
	const char *semicolon = memchr(full.p, ';', full.n);
	unsigned long first, last;
	char text[64], end;

	if (!semicolon)
		return false;
	struct us_slice option = { semicolon + 1, full.n - (size_t) (semicolon + 1 - full.p) };
	if (option.n < 9 || option.n >= sizeof text || strncasecmp(option.p, "range=", 6) != 0)
		return false;
	memcpy(text, option.p + 6, option.n - 6);
	text[option.n - 6] = '\0';
	*ret_name = (struct us_slice) { full.p, (size_t) (semicolon - full.p) };
	if (sscanf(text, "%9lu-%9lu%c", &first, &last, &end) == 2 && last >= first) {
		*ret_next = last + 1;
	} else if (sscanf(text, "%9lu-%c%c", &first, &end, &end) == 2 && text[strlen(text) - 1] == '*') {
		*ret_next = NO_MORE;
	} else {
		return false;
	}
	*ret_first = first;
	return true;
}

static const struct us_ldap_membership_attribute *membership_of(const struct us_ldap_source *s, struct us_slice name)
{
	for (size_t i = 0; i < s->settings.n_memberships; i++)
		if (us_slice_is_nocase(name, s->settings.memberships[i].name.p))
			return &s->settings.memberships[i];
	return NULL;
}

/* True if the attribute is about membership, and taken care of. */
static bool take_membership(struct us_ldap_source *s, struct gathering *g, const struct us_ldap_attribute *a)
{
	struct us_slice name = a->name;
	size_t first = 0, next = NO_MORE;

	split_range(a->name, &name, &first, &next);
	const struct us_ldap_membership_attribute *m = membership_of(s, name);
	if (!m || (m->kind == US_LDAP_MEMBER_OF) != (g->kind == US_RECORD_USER))
		return false;
	if (next != NO_MORE && g->n_ranges < US_LDAP_MAX_MEMBERSHIPS)
		g->ranges[g->n_ranges++] = (struct range) { m, s->n_refs, next };
	add_refs(s, g->arena, m->kind, a->values, a->n);
	return true;
}

static void take_attribute(struct us_ldap_source *s, struct gathering *g, const struct us_ldap_attribute *a)
{
	const struct us_ldap_settings *set = &s->settings;

	/* Values have no order: an id of several would be another one some day. */
	if (a->n && us_slice_is_nocase(a->name, set->id_attribute.p)) {
		if (a->n == 1)
			g->id = id_text(s, g->arena, a->values[0]);
		else
			g->problem = us_slice(us_arena_printf(g->arena, "has %zu values of %s: it cannot be the id", a->n, set->id_attribute.p));
	}
	if (take_membership(s, g, a) || a->n == 0)
		return;
	if (us_slice_is_nocase(a->name, g->kind == US_RECORD_USER ? set->username_attribute.p : set->group_name_attribute.p))
		g->name = us_slice_dup(g->arena, a->values[0]);
	if (g->kind == US_RECORD_USER) {
		if (is_active_attribute(set->active, a->name))
			g->active = active_of(set->active, a->values[0]);
		if (set->has_member_uid && us_slice_is_nocase(a->name, "uid"))
			g->uid = us_slice_dup(g->arena, a->values[0]);
		if (set->is_ad && us_slice_is_nocase(a->name, "primaryGroupID"))
			g->primary_group = us_slice_dup(g->arena, a->values[0]);
		if (set->is_ad && us_slice_is_nocase(a->name, "objectSid"))
			g->sid = us_slice_dup(g->arena, a->values[0]);
	}
	if (set->is_ad && us_slice_is_nocase(a->name, "uSNChanged")) {
		g->usn = us_slice_dup(g->arena, a->values[0]);
		return; /* another number on each server: no property of the group */
	}
	take_field(s, g, a);
}

/* ---- the rest of long attributes ---- */

/* One piece from `*next` on. *usn: of the first piece, NONE before it is read. *ret_changed if the group is not what it was then. */
static enum us_errc read_piece(struct us_ldap_source *s, struct us_arena *arena, const char *dn, struct range *range, struct us_slice *usn,
	bool *ret_changed, struct us_err *err)
{
	char want[160];
	struct us_ldap_reply *reply;
	struct us_ldap_entry entry;
	struct us_ldap_attribute a;
	size_t first = 0, next = 0;
	bool is_found = false;

	if (s->settings.range_size)
		snprintf(want, sizeof want, "%s;range=%zu-%zu", range->attribute->name.p, range->next,
			range->next + (size_t) s->settings.range_size - 1);
	else
		snprintf(want, sizeof want, "%s;range=%zu-*", range->attribute->name.p, range->next);
	struct us_ldap_search q = { .base = dn, .scope = US_LDAP_BASE, .attributes = (const char *const[]) { want, "uSNChanged", NULL } };
	enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);
	if (rc && rc != US_CANCELLED) {
		struct us_err why = *err;
		return us_err_set_native(err, US_PARTIAL, why.native, "the members of %.100s were read in part only: %.250s", dn, why.text);
	}
	if (rc)
		return rc;
	rc = reply->n_entries == 1 ? us_ldap_entry_get(reply, 0, &entry, err)
		: us_err_set(err, US_PARTIAL, "%.200s went away while its members were being read", dn);
	while (!rc && (rc = us_ldap_attribute_next(&entry, &a, err)) == US_OK) {
		struct us_slice name;
		if (us_slice_is_nocase(a.name, "uSNChanged") && a.n) {
			*ret_changed = usn->p && !us_slice_is_equal(a.values[0], *usn);
			*usn = us_slice_dup(arena, a.values[0]);
		}
		if (!split_range(a.name, &name, &first, &next) || membership_of(s, name) != range->attribute)
			continue;
		is_found = true;
		if (first == range->next)
			add_refs(s, arena, range->attribute->kind, a.values, a.n);
		else
			rc = us_err_set(err, US_PARTIAL, "%.200s: asked for %s, the server gave %.*s", dn, want, (int) a.name.n, a.name.p);
	}
	if (rc && rc != US_END)
		us_ldap_entry_end(&entry);
	us_ldap_reply_free(reply);
	if (rc != US_END)
		return rc;
	if (!is_found && !*ret_changed)
		return us_err_set(err, US_PARTIAL, "%.200s: asked for %s, the server gave nothing, so members are missing", dn, want);
	range->next = next;
	return US_OK;
}

/* Invariant: refs[range.first_ref ..] are the values 0 … next-1 of the attribute, of one state of the group. It starts again when the group
 * changes meanwhile, as positions shift then. */
static enum us_errc complete(struct us_ldap_source *s, struct gathering *g, struct range range, struct us_slice dn, struct us_err *err)
{
	const char *base = us_arena_strndup(g->arena, dn.p, dn.n);
	enum us_errc rc = US_OK;
	bool has_changed = false;

	for (int restarts = 0; restarts < MAX_RANGE_RESTARTS; restarts++) {
		has_changed = false;
		while (!rc && !has_changed && range.next != NO_MORE)
			rc = read_piece(s, g->arena, base, &range, &g->usn, &has_changed, err);
		if (rc || !has_changed)
			return rc;
		if (g->n_ranges > 1)
			break; /* a second attribute's values, behind ours, would be cut away */
		s->n_refs = range.first_ref;
		range.next = 0;
		g->usn = US_SLICE_NONE;
	}
	return us_err_set(err, US_PARTIAL, "%.200s changed while its members were being read", base);
}

/* ---- the primary group ---- */

/* Its members are not in `member`, only this number says so. One search for each group that occurs. */
static enum us_errc add_primary_group(struct us_ldap_source *s, struct gathering *g, struct us_err *err)
{
	int64_t rid;
	bool is_new;

	if (!g->primary_group.n || !g->sid.n || !us_slice_to_int(g->primary_group, &rid))
		return US_OK;
	struct us_slice sid = sid_text(g->arena, g->sid, g->primary_group.p);
	if (!sid.p)
		return US_OK;
	uint32_t at = us_map_put(&s->sids, us_hash_slice(sid), &is_new);
	if (at >= MAX_SIDS)
		return us_err_set(err, US_PARTIAL, "more than %zu different primary groups", MAX_SIDS);
	if (is_new) {
		char base[200];
		struct us_ldap_reply *reply;
		struct us_ldap_entry entry;
		struct us_ldap_search q = { .base = base, .scope = US_LDAP_BASE, .attributes = (const char *const[]) { "1.1", NULL } };
		snprintf(base, sizeof base, "<SID=%.150s>", sid.p);
		enum us_errc rc = us_ldap_search(s->ldap, &q, &reply, err);
		s->sid_refs[at] = s->sid_names[at] = US_SLICE("");
		/* No such object (32): not to be seen for us, so not one of the groups read either. */
		if (rc && err->native != 32)
			return rc;
		if (!rc && reply->n_entries == 1 && us_ldap_entry_get(reply, 0, &entry, err) == US_OK) {
			us_dn_canonicalize(&s->arena, entry.dn, &s->sid_refs[at]);
			s->sid_names[at] = us_slice_dup(&s->arena, entry.dn);
			us_ldap_entry_end(&entry);
		}
		if (!rc)
			us_ldap_reply_free(reply);
	}
	if (s->sid_refs[at].n)
		add_ref(s, us_slice_dup(g->arena, s->scope.keeps_names ? s->sid_names[at] : s->sid_refs[at]));
	return US_OK;
}

/* ---- the record ---- */

static void finish(struct us_ldap_source *s, struct gathering *g, struct us_slice ref, struct us_record *ret_record)
{
	struct us_record r = { .kind = g->kind, .id = g->id.p ? g->id : US_SLICE(""), .ref = ref, .active = g->active, .problem = g->problem };
	struct us_slice *refs = us_arena_alloc(g->arena, s->n_refs * sizeof *refs);

	if (s->n_refs)
		memcpy(refs, s->refs, s->n_refs * sizeof *refs);
	if (g->name.p) {
		struct us_slice *value = us_arena_array(g->arena, 1, sizeof *value);
		*value = g->name;
		/* By a name of its own, so that the default mapping takes it whatever attribute it came from. */
		add_field(s, g, g->kind == US_RECORD_USER ? US_SLICE("username") : US_SLICE("name"), value, 1);
	}
	struct us_field *fields = us_arena_array(g->arena, g->n_fields, sizeof *fields);
	if (g->n_fields)
		memcpy(fields, s->fields, g->n_fields * sizeof *fields);
	r.fields = fields;
	r.n_fields = g->n_fields;
	if (g->kind == US_RECORD_USER) {
		r.groups = refs;
		r.n_groups = s->n_refs;
		if (r.active == US_TRI_UNKNOWN && s->settings.active != US_LDAP_ACTIVE_UAC)
			r.active = US_TRI_YES; /* the locks of the others are absent from accounts in use */
		if (s->settings.has_member_uid && g->uid.n)
			remember_uid(s, g->uid, ref);
	} else {
		r.members = refs;
		r.n_members = s->n_refs;
	}
	if (!r.id.n && !r.problem.p)
		r.problem = us_slice(us_arena_printf(g->arena, "has no %s", s->settings.id_attribute.p));
	if (s->unclear_uid.p && !r.problem.p)
		r.problem = us_slice(us_arena_printf(g->arena, "more than one user has the uid " US_SLICE_FMT ", which memberUid names", US_SLICE_ARG(s->unclear_uid)));
	*ret_record = r;
}

enum us_errc us_ldap_record_make(struct us_ldap_source *s, struct us_ldap_entry *entry, enum us_record_kind kind, struct us_arena *arena,
	struct us_record *ret_record, struct us_err *err)
{
	struct gathering g = { .arena = arena, .kind = kind };
	struct us_ldap_attribute a;
	struct us_slice ref;
	enum us_errc rc;

	s->n_refs = 0;
	s->unclear_uid = US_SLICE_NONE;
	s->scope.has_stranger = false;
	if (!us_dn_canonicalize(arena, entry->dn, &ref))
		return us_err_set(err, US_PROTOCOL, "the server gave an entry the malformed name %.200s", us_arena_strndup(arena, entry->dn.p,
			entry->dn.n));
	while ((rc = us_ldap_attribute_next(entry, &a, err)) == US_OK)
		take_attribute(s, &g, &a);
	rc = rc == US_END ? US_OK : rc;
	for (size_t i = 0; !rc && i < g.n_ranges; i++)
		rc = complete(s, &g, g.ranges[i], entry->dn, err);
	if (!rc && kind == US_RECORD_USER && s->settings.is_ad)
		rc = add_primary_group(s, &g, err);
	if (!rc)
		finish(s, &g, ref, ret_record);
	if (!rc && kind == US_RECORD_GROUP)
		rc = us_ldap_scope_check_group(s, ref, err);
	if (!rc && s->scope.is_outline)
		us_ldap_scope_note_group(s, ref, entry->dn);
	return rc;
}
