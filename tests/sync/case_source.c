#include "sync/case_source.h"

#include <stdlib.h>

#include "base/err.h"

enum { MAX_MET = 1000 };

static struct {
	const struct sync_case *c;
	unsigned seed;
	struct case_fault fault;
	int calls[CASE_CALLS];
	bool narrows, is_narrowed;
	struct us_slice met[MAX_MET]; /* refs and ids of who and what is in the groups */
	size_t n_met;
} now;

void case_source_set(const struct sync_case *c, unsigned seed, struct case_fault fault)
{
	now.c = c;
	now.seed = seed;
	now.fault = fault;
	now.is_narrowed = false;
	memset(now.calls, 0, sizeof now.calls);
}

void case_source_set_narrowing(bool narrows) { now.narrows = narrows; }

int case_source_calls(enum case_call call) { return now.calls[call]; }

/* Counts the call; an error if it is the one to fail. */
static enum us_errc call(enum case_call call, struct us_err *err)
{
	if (++now.calls[call] != now.fault.at || call != now.fault.call)
		return US_OK;
	return us_err_set(err, now.fault.code, "fault of the test: %s", us_err_phrase(now.fault.code));
}

static size_t split(struct us_arena *arena, struct us_slice list, const struct us_slice **ret)
{
	struct us_slice *out = us_arena_array(arena, list.n + 1, sizeof *out);
	size_t n = 0;

	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t len = comma ? (size_t) (comma - list.p) : list.n;
		out[n++] = (struct us_slice) { list.p, len };
		list.p += len + (comma != NULL);
		list.n -= len + (comma != NULL);
	}
	*ret = out;
	return n;
}

void case_record(struct us_arena *arena, const struct case_line *line, struct us_record *ret_record)
{
	static const char *const own[] = { "ref", "groups", "problem" };
	struct us_record r = { .ref = case_word(line, "ref"), .problem = case_word(line, "problem") };
	struct us_field *fields = us_arena_array(arena, line->n + 1, sizeof *fields);

	if (us_slice_is(line->words[0], "member")) {
		struct us_slice *members = us_arena_array(arena, line->n, sizeof *members);
		r.kind = US_RECORD_MEMBERS;
		r.ref = line->words[1];
		for (size_t i = 2; i < line->n; i++) {
			struct us_slice w = line->words[i];
			if (us_slice_is(w, "local"))
				continue;
			if (w.p[0] == '@')
				w.p++, w.n--;
			members[r.n_members++] = w;
		}
		r.members = members;
		*ret_record = r;
		return;
	}
	us_assert(line->n >= 3);
	r.kind = us_slice_is(line->words[0], "group") ? US_RECORD_GROUP : US_RECORD_USER;
	r.id = us_slice_is(line->words[1], "-") ? US_SLICE("") : line->words[1];
	r.active = case_word(line, "inactive").p ? US_TRI_NO : case_word(line, "unsaid").p ? US_TRI_UNKNOWN : US_TRI_YES;
	if (!us_slice_is(line->words[2], "-")) {
		fields[r.n_fields++] = (struct us_field) { r.kind == US_RECORD_GROUP ? US_SLICE("name") : US_SLICE("username"), &line->words[2], 1 };
	}
	for (size_t i = 3; i < line->n; i++) {
		const char *eq = memchr(line->words[i].p, '=', line->words[i].n);
		bool skip = !eq;
		struct us_slice key = { line->words[i].p, eq ? (size_t) (eq - line->words[i].p) : 0 };
		for (size_t k = 0; k < sizeof own / sizeof *own; k++)
			skip |= us_slice_is(key, own[k]);
		if (skip)
			continue;
		size_t k = 0;
		while (k < r.n_fields && !us_slice_is_equal(fields[k].name, key))
			k++;
		struct us_slice *values = us_arena_array(arena, line->n, sizeof *values);
		if (k == r.n_fields)
			fields[r.n_fields++] = (struct us_field) { key, values, 0 };
		else
			memcpy(values, fields[k].values, fields[k].n * sizeof *values);
		values[fields[k].n++] = (struct us_slice) { eq + 1, line->words[i].n - key.n - 1 };
		fields[k].values = values;
	}
	r.fields = fields;
	r.n_groups = split(arena, case_word(line, "groups"), &r.groups);
	*ret_record = r;
}

static enum us_errc case_open(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	(void) conf;
	(void) cancel;
	if (call(CASE_OPEN, err))
		return now.fault.code;
	struct us_source *s = us_calloc(1, sizeof *s);
	s->ops = &case_source_ops;
	*ret_source = s;
	return US_OK;
}

static void case_close(struct us_source *source) { free(source); }

static enum us_errc case_test(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	(void) source;
	(void) err;
	us_str_add_text(notes, "[]");
	return US_OK;
}

static const struct us_listing listings[] = { { "users", US_RECORD_USER }, { "groups", US_RECORD_GROUP } };

static const struct us_listing *case_listings(struct us_source *source, size_t *ret_n)
{
	(void) source;
	*ret_n = 2;
	return listings;
}

/* ---- narrowing ---- */

static bool is_met(struct us_slice s)
{
	for (size_t i = 0; s.p && i < now.n_met; i++)
		if (us_slice_is_equal(now.met[i], s))
			return true;
	return false;
}

static bool meet(struct us_slice s)
{
	if (!s.p || is_met(s))
		return false;
	us_assert(now.n_met < MAX_MET);
	now.met[now.n_met++] = s;
	return true;
}

/* One line's part of the closure; true if something new was met. */
static bool meet_line(struct us_arena *arena, const struct case_line *line)
{
	struct us_record r;
	bool any = false;

	if (line->n < 3)
		return false;
	case_record(arena, line, &r);
	if (r.kind == US_RECORD_MEMBERS) {
		for (size_t i = 0; is_met(r.ref) && i < r.n_members; i++)
			any |= meet(r.members[i]);
		return any;
	}
	bool is_in = is_met(r.ref) || is_met(r.id);
	for (size_t i = 0; r.kind == US_RECORD_USER && i < r.n_groups; i++)
		is_in |= is_met(r.groups[i]);
	if (is_in) {
		any |= meet(r.ref);
		any |= meet(r.id);
	}
	return any;
}

static enum us_errc case_narrow(struct us_source *source, const struct us_slice *refs, size_t n, struct us_err *err)
{
	static struct us_arena arena;

	source->stats.requests++;
	if (call(CASE_NARROW, err))
		return now.fault.code;
	if (!now.narrows)
		return US_END;
	us_arena_reset(&arena);
	now.n_met = 0;
	for (size_t i = 0; i < n; i++)
		meet(us_slice_dup(&arena, refs[i]));
	for (bool any = true; any;) {
		any = false;
		for (size_t i = 0; i < now.c->listing.n; i++)
			any |= meet_line(&arena, &now.c->listing.line[i]);
	}
	now.is_narrowed = true;
	return US_OK;
}

/* Page k of a listing: the lines of that kind between the separators. */
static bool is_of(const struct case_line *line, size_t listing)
{
	return us_slice_is(line->words[0], "user") ? listing == 0
		: us_slice_is(line->words[0], "group") || us_slice_is(line->words[0], "member") ? listing == 1 : false;
}

static void shuffle(struct us_record *records, size_t n)
{
	for (size_t i = n; now.seed && i > 1; i--) {
		size_t k = (size_t) rand_r(&now.seed) % i;
		struct us_record t = records[i - 1];
		records[i - 1] = records[k];
		records[k] = t;
	}
}

static enum us_errc case_fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	const struct case_lines *l = &now.c->listing;
	int64_t wanted = 0, page = 0, last = 0;
	struct us_record *records = us_arena_array(arena, l->n, sizeof *records);
	struct us_page p = { .records = records, .announced = -1 };

	source->stats.requests++;
	if (call(CASE_FETCH, err))
		return now.fault.code;
	if (cursor.p)
		us_slice_to_int(cursor, &wanted);
	for (size_t i = 0; i < l->n; i++) {
		const struct case_line *line = &l->line[i];
		last += us_slice_is(line->words[0], "---");
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct case_line *line = &l->line[i];
		if (us_slice_is(line->words[0], "---"))
			page++;
		else if (page == wanted && us_slice_is(line->words[0], listing == 0 ? "partial" : "partial-groups"))
			return us_err_set(err, US_PARTIAL, US_SLICE_FMT, US_SLICE_ARG(line->text));
		else if (us_slice_is(line->words[0], "down"))
			return us_err_set(err, US_UNAVAILABLE, US_SLICE_FMT, US_SLICE_ARG(line->text));
		else if (us_slice_is(line->words[0], "announced") && listing == 0)
			us_slice_to_int(line->words[1], &p.announced);
		else if (is_of(line, listing) && page == wanted) {
			case_record(arena, line, &records[p.n]);
			const struct us_record *r = &records[p.n];
			if (now.is_narrowed && r->kind == US_RECORD_USER && !is_met(r->ref) && !is_met(r->id))
				continue;
			p.n++;
			p.rows += !us_slice_is(line->words[0], "member");
		}
	}
	shuffle(records, p.n);
	if (wanted < last) {
		p.next = us_slice(us_arena_printf(arena, "%lld", (long long) wanted + 1));
	} else {
		p.end = true;
		p.signal = "last page of the case";
	}
	*ret_page = p;
	return US_OK;
}

static enum us_errc case_outline(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	const struct case_lines *l = &now.c->listing;
	struct us_record *records = us_arena_array(arena, l->n + 1, sizeof *records);
	struct us_page p = { .records = records, .announced = -1 };
	int64_t from = 0;

	source->stats.requests++;
	if (call(CASE_OUTLINE, err))
		return now.fault.code;
	if (cursor.p)
		us_slice_to_int(cursor, &from);
	for (size_t i = (size_t) from; i < l->n && p.n < 2; i++, from++)
		if (us_slice_is(l->line[i].words[0], "group"))
			case_record(arena, &l->line[i], &records[p.n++]);
	p.rows = (int64_t) p.n;
	p.end = from == (int64_t) l->n;
	p.signal = p.end ? "last group of the case" : NULL;
	if (!p.end)
		p.next = us_slice(us_arena_printf(arena, "%lld", (long long) from));
	*ret_page = p;
	return US_OK;
}

static enum us_errc case_find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	const struct case_lines *l = &now.c->listing;
	struct us_record *records = us_arena_array(arena, l->n + 1, sizeof *records), user = { 0 };
	struct us_slice *groups = us_arena_array(arena, l->n + 1, sizeof *groups);
	struct us_page p = { .records = records, .announced = -1, .end = true, .signal = "found" };
	size_t n_groups = 0;

	source->stats.requests++;
	if (call(CASE_FIND, err))
		return now.fault.code;
	for (size_t i = 0; i < l->n; i++)
		if (us_slice_is(l->line[i].words[0], "user") && us_slice_is_equal(l->line[i].words[is_id ? 1 : 2], key))
			case_record(arena, &l->line[i], &user);
	if (!user.id.p)
		return us_err_set(err, US_NOT_FOUND, "no such user");
	for (size_t i = 0; i < l->n; i++) {
		const struct case_line *line = &l->line[i];
		for (size_t k = 2; us_slice_is(line->words[0], "member") && k < line->n; k++)
			if (us_slice_is_equal(line->words[k], user.ref.p ? user.ref : user.id))
				groups[n_groups++] = line->words[1];
	}
	for (size_t i = 0; i < user.n_groups; i++)
		groups[n_groups++] = user.groups[i];
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; us_slice_is(l->line[i].words[0], "group") && k < n_groups; k++)
			if (us_slice_is_equal(l->line[i].words[1], groups[k])) {
				case_record(arena, &l->line[i], &records[p.n++]);
				break;
			}
	user.groups = groups;
	user.n_groups = n_groups;
	records[p.n++] = user;
	*ret_page = p;
	return US_OK;
}

/* ---- the feed: its pages, then nothing more ---- */

static enum us_errc case_mark(struct us_source *source, struct us_arena *arena, struct us_slice *ret_cursor, struct us_err *err)
{
	(void) arena;
	source->stats.requests++;
	if (call(CASE_MARK, err))
		return now.fault.code;
	*ret_cursor = US_SLICE(CASE_CURSOR); /* of the case that comes next */
	return US_OK;
}

static enum us_errc case_changes(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	const struct case_lines *l = &now.c->changes;
	struct us_record *records = us_arena_array(arena, l->n + 1, sizeof *records);
	struct us_page p = { .records = records, .announced = -1, .end = true, .signal = "last change of the case", .next = US_SLICE("end") };
	int64_t from = (int64_t) l->n;

	source->stats.requests++;
	if (call(CASE_CHANGES, err))
		return now.fault.code;
	if (!us_slice_is(cursor, "end") && !us_slice_to_int(cursor, &from))
		return us_err_set(err, US_EXPIRED, "no cursor of the case");
	for (size_t i = (size_t) from; i < l->n; i++) {
		const struct case_line *line = &l->line[i];
		if (us_slice_is(line->words[0], "refused,"))
			return us_err_set(err, US_EXPIRED, US_SLICE_FMT, US_SLICE_ARG(line->text));
		if (us_slice_is(line->words[0], "---")) {
			p.end = false;
			p.next = us_slice(us_arena_printf(arena, "%zu", i + 1));
			break;
		}
		bool is_group = us_slice_is(line->words[0], "gone-group");
		if (is_group || us_slice_is(line->words[0], "gone-user"))
			records[p.n] = (struct us_record) { .kind = is_group ? US_RECORD_GROUP : US_RECORD_USER, .id = line->words[1], .is_gone = true };
		else
			case_record(arena, line, &records[p.n]);
		p.rows += records[p.n++].kind != US_RECORD_MEMBERS;
	}
	shuffle(records, p.n);
	*ret_page = p;
	return US_OK;
}

static const struct us_option options[] = { { NULL } };

const struct us_source_ops case_source_ops = {
	.type = { .name = "case", .title = "Test case", .help = "Lists what a case says.", .options = options },
	.open = case_open, .close = case_close, .test = case_test, .listings = case_listings, .fetch = case_fetch, .find = case_find,
	.outline = case_outline, .narrow = case_narrow, .mark = case_mark, .changes = case_changes,
};
