#include "source/scim.h"

#include <stdlib.h>

#include "base/clock.h"
#include "model/flatten.h"
#include "model/mapping.h"
#include "model/scim_id.h"

enum { PAGE = 200, PAGE_MEMBERS = 100000 };
enum { USERS, GROUPS };

static const struct us_option options[] = {
	{ .name = "token", .type = US_OPTION_STRING, .title = "Bearer token", .required = true, .secret = true, .min = 32, .max = 500,
		.help = "What the identity provider says to be let in; at least 32 characters, best random ones." },
	{ .name = "quietSeconds", .type = US_OPTION_INT, .title = "Quiet time", .fallback = "2", .min = 0, .max = 3600,
		.help = "A run starts when nothing has been pushed for so many seconds." },
	{ .name = "latestSeconds", .type = US_OPTION_INT, .title = "Longest wait", .fallback = "10", .min = 0, .max = 86400,
		.help = "A run starts at the latest so many seconds after the first push that it is for." },
	{ .name = NULL },
};

static const struct us_preset preset[] = {
	{ "username", "userName" },
	{ "fullName", "displayName|name.formatted" },
	{ "firstName", "name.givenName" },
	{ "lastName", "name.familyName" },
	{ "email", "emails[primary eq \"true\"].value|emails[type eq \"work\"].value|emails.value" },
	{ "group.name", "displayName" },
	{ "group.description", "description" },
	{ NULL, NULL },
};

static const struct us_listing listings[] = { [USERS] = { "users", US_RECORD_USER }, [GROUPS] = { "groups", US_RECORD_GROUP } };

struct scim {
	struct us_source source;
	const atomic_bool *cancel;
	struct us_source_records records;
	/* The listing that is being read, and behind which number its next page begins; 0: none is. */
	size_t listing;
	uint32_t goes_on_at;
};

static struct scim *self_of(struct us_source *source) { return (struct scim *) source; }

static enum us_errc open_source(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct scim *s = us_calloc(1, sizeof *s);

	(void) conf, (void) err;
	s->source.ops = &us_source_scim;
	s->cancel = cancel;
	*ret_source = &s->source;
	return US_OK;
}

static void close_source(struct us_source *source)
{
	struct scim *s = self_of(source);

	if (s->records.close)
		s->records.close(s->records.data);
	free(s);
}

static void take_records(struct us_source *source, const struct us_source_records *records) { self_of(source)->records = *records; }

/* ---- records ---- */

static enum us_errc read_document(struct us_arena *arena, const struct us_pushed *p, struct us_record *r, struct us_err *err)
{
	static const char *const leave_out[] = { "schemas", "members", "groups", "password", "meta", "id", "externalId", NULL };
	const struct us_json_limits limits = { 16 << 20, 64, 1000000 };
	const struct us_json *doc;
	struct us_field *fields;
	struct us_slice *ids = us_arena_array(arena, 2, sizeof *ids);

	*r = (struct us_record) { .kind = p->is_group ? US_RECORD_GROUP : US_RECORD_USER, .id = us_scim_id(arena, p->is_group, p->number),
		.is_gone = p->is_gone };
	if (p->is_gone)
		return US_OK;
	enum us_errc rc = us_json_parse(arena, p->document, limits, &doc, err);
	if (rc)
		return rc;
	r->raw = p->document;
	if (!us_flatten(arena, doc, leave_out, 2, &fields, &r->n_fields))
		r->problem = US_SLICE("has more attributes than can be read");
	ids[0] = r->id;
	ids[1] = p->ext_id;
	fields[r->n_fields++] = (struct us_field) { US_SLICE("id"), &ids[0], 1 };
	if (p->ext_id.n)
		fields[r->n_fields++] = (struct us_field) { US_SLICE("externalId"), &ids[1], 1 };
	r->fields = fields;
	if (!p->is_group)
		r->active = us_json_bool(doc, "active", true) ? US_TRI_YES : US_TRI_NO;
	return US_OK;
}

static enum us_errc read_members(struct scim *s, struct us_arena *arena, const struct us_pushed *p, struct us_record *r, struct us_err *err)
{
	struct us_pushed_member *list;
	size_t n;
	enum us_errc rc = s->records.list_members(s->records.data, arena, p->number, &list, &n, err);

	if (rc)
		return rc;
	struct us_slice *members = us_arena_array(arena, n + 1, sizeof *members);
	for (size_t i = 0; i < n; i++)
		members[i] = us_scim_id(arena, list[i].is_group, list[i].number);
	r->members = members;
	r->n_members = n;
	return US_OK;
}

/* As many of them as make a page; *n becomes their number. */
static enum us_errc make_records(struct scim *s, struct us_arena *arena, const struct us_pushed *list, size_t *n, const struct us_record **ret_records,
	struct us_err *err)
{
	struct us_record *records = us_arena_array(arena, *n + 1, sizeof *records);
	size_t n_members = 0;

	s->source.stats.requests++;
	for (size_t i = 0; i < *n; i++) {
		const struct us_pushed *p = &list[i];
		s->source.stats.bytes += (int64_t) p->document.n;
		if (*s->cancel)
			return us_err_set(err, US_CANCELLED, "Cancelled while reading");
		if (n_members > PAGE_MEMBERS) {
			*n = i;
			break;
		}
		enum us_errc rc = read_document(arena, p, &records[i], err);
		if (!rc && p->is_group && !p->is_gone)
			rc = read_members(s, arena, p, &records[i], err);
		if (rc)
			return rc;
		n_members += records[i].n_members;
	}
	*ret_records = records;
	return US_OK;
}

/* ---- listings ---- */

static const struct us_listing *list_listings(struct us_source *source, size_t *ret_n)
{
	(void) source;
	*ret_n = sizeof listings / sizeof *listings;
	return listings;
}

static enum us_errc read_state(struct scim *s, struct us_pushed_state *ret_state, struct us_err *err)
{
	return *s->cancel ? us_err_set(err, US_CANCELLED, "Cancelled while reading") : s->records.load_state(s->records.data, ret_state, err);
}

/* Where nobody has pushed yet, nothing is known: an empty store is no empty listing. */
static enum us_errc load_state(struct scim *s, struct us_pushed_state *ret_state, struct us_err *err)
{
	enum us_errc rc = read_state(s, ret_state, err);

	if (rc || ret_state->first_at)
		return rc;
	return us_err_set(err, US_PARTIAL, "the identity provider has pushed nothing yet: give it this connector's address and token, and start its provisioning");
}

static enum us_errc fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct scim *s = self_of(source);
	struct us_pushed_state state;
	struct us_pushed *list;
	int64_t after = 0;
	size_t n;

	if (cursor.p && (!us_slice_to_int(cursor, &after) || after <= 0 || after != s->goes_on_at || listing != s->listing))
		return us_err_set(err, US_PROTOCOL, "this is not the cursor of the page before");
	enum us_errc rc = load_state(s, &state, err);
	if (!rc)
		rc = s->records.list(s->records.data, arena, listing == GROUPS, (uint32_t) after, PAGE, &list, &n, err);
	if (rc)
		return rc;
	size_t n_read = n;
	struct us_page page = { .announced = listing == GROUPS ? state.n_groups : state.n_users };
	rc = make_records(s, arena, list, &n, &page.records, err);
	if (rc)
		return rc;
	page.n = n;
	page.rows = (int64_t) n;
	page.end = n == n_read && n < PAGE;
	s->listing = listing;
	s->goes_on_at = page.end ? 0 : list[n - 1].number;
	if (page.end)
		page.signal = "last one of the store";
	else
		page.next = us_slice(us_arena_printf(arena, "%u", s->goes_on_at));
	*ret_page = page;
	return US_OK;
}

/* ---- changes: a cursor is the number of the last change that was read ---- */

static struct us_slice write_cursor(struct us_arena *arena, int64_t change) { return us_slice(us_arena_printf(arena, "%lld", (long long) change)); }

static enum us_errc mark(struct us_source *source, struct us_arena *arena, struct us_slice *ret_cursor, struct us_err *err)
{
	struct us_pushed_state state;
	enum us_errc rc = load_state(self_of(source), &state, err);

	if (!rc)
		*ret_cursor = write_cursor(arena, state.change);
	return rc;
}

static enum us_errc changes(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	struct scim *s = self_of(source);
	struct us_pushed_state state;
	struct us_pushed *list;
	int64_t after;
	size_t n;
	enum us_errc rc = load_state(s, &state, err);

	if (!rc && (!us_slice_to_int(cursor, &after) || after < 0 || after > state.change))
		return us_err_set(err, US_EXPIRED, "what was pushed is not what the last sync has read");
	if (!rc && after < state.forgotten)
		return us_err_set(err, US_EXPIRED, "who was deleted since the last sync is not known any more");
	if (!rc)
		rc = s->records.list_changed(s->records.data, arena, after, PAGE, &list, &n, err);
	if (rc)
		return rc;
	size_t n_read = n;
	struct us_page page = { .announced = -1 };
	rc = make_records(s, arena, list, &n, &page.records, err);
	if (rc)
		return rc;
	page.n = n;
	page.rows = (int64_t) n;
	page.end = n == n_read && n < PAGE;
	page.next = write_cursor(arena, n ? list[n - 1].change : after);
	if (page.end)
		page.signal = "last push";
	*ret_page = page;
	return US_OK;
}

static enum us_errc find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	struct scim *s = self_of(source);
	struct us_pushed_state state;
	struct us_pushed user, *groups;
	uint32_t number = 0;
	bool is_group = false;
	size_t n = 0;
	enum us_errc rc = load_state(s, &state, err);

	if (rc)
		return rc;
	if (is_id && (!us_scim_id_parse(key, &is_group, &number) || is_group))
		return us_err_set(err, US_NOT_FOUND, "no user with this id was pushed");
	rc = s->records.find(s->records.data, arena, false, is_id ? US_PUSHED_BY_NUMBER : US_PUSHED_BY_NAME, key, number, &user, err);
	if (rc == US_NOT_FOUND)
		return us_err_set(err, US_NOT_FOUND, "no user with this %s was pushed", is_id ? "id" : "userName");
	if (!rc)
		rc = s->records.list_groups(s->records.data, arena, user.number, &groups, &n, err);
	if (rc)
		return rc;
	struct us_record *records = us_arena_array(arena, n + 1, sizeof *records);
	struct us_slice *refs = us_arena_array(arena, n + 1, sizeof *refs);
	s->source.stats.requests++;
	s->source.stats.bytes += (int64_t) user.document.n;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = read_document(arena, &groups[i], &records[i], err);
		refs[i] = records[i].id;
	}
	if (!rc)
		rc = read_document(arena, &user, &records[n], err);
	if (rc)
		return rc;
	records[n].groups = refs;
	records[n].n_groups = n;
	*ret_page = (struct us_page) { .records = records, .n = n + 1, .end = true, .signal = "one user", .announced = -1, .rows = 1 };
	return US_OK;
}

static enum us_errc test_source(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	struct scim *s = self_of(source);
	struct us_pushed_state state;
	char at[US_CLOCK_ISO_BYTES];
	enum us_errc rc = read_state(s, &state, err);

	if (rc)
		return rc;
	if (!state.first_at)
		us_str_add_text(notes, "Nothing has been pushed yet: give the identity provider this connector's address and token.\n");
	else
		us_str_printf(notes, "Last push at %s: %lld users and %lld groups are there.\n", us_clock_format(state.last_at, at), (long long) state.n_users,
			(long long) state.n_groups);
	if (state.accepted || state.refused)
		us_str_printf(notes, "%lld pushes were accepted, %lld refused.\n", (long long) state.accepted, (long long) state.refused);
	return US_OK;
}

const struct us_source_ops us_source_scim = {
	.type = { .name = "scim", .title = "SCIM (pushed by the identity provider)", .options = options, .preset = preset, .has_feed = true,
		.help = "Users and groups that an identity provider pushes to this server by SCIM 2.0, as Entra ID and Okta do." },
	.open = open_source,
	.close = close_source,
	.test = test_source,
	.listings = list_listings,
	.fetch = fetch,
	.find = find,
	.mark = mark,
	.changes = changes,
	.take_records = take_records,
};
