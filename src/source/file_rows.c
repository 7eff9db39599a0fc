/* CSV rows as records.
 *
 * Members of a memberships file may be users or groups, and a user may have the same id as a group. So there a group's reference ("ref") has
 * '%' in front, and a user's id that itself begins with '%' or '@' has '@': no user's reference is a group's. All others are the ids as they
 * are. The letter goes where the row had a delimiter or quote: cells have a free byte in front. */
#include "source/file_driver.h"

#include <stdlib.h>

#include "base/fold.h"

enum {
	PAGE_ROWS = 2048,
	PAGE_BYTES = 1 << 19,
	MOST_ID_BYTES = 1024,
	USER_REF = '@',
	GROUP_REF = '%',
};

static struct us_slice tag(struct us_slice s, char letter)
{
	((char *) (uintptr_t) s.p)[-1] = letter;
	return (struct us_slice) { s.p - 1, s.n + 1 };
}

static struct us_slice user_ref(struct us_slice s)
{
	return s.n && (s.p[0] == GROUP_REF || s.p[0] == USER_REF) ? tag(s, USER_REF) : s;
}

static struct us_slice group_ref(const struct us_file_source *s, struct us_slice name)
{
	return s->files[US_FILE_MEMBERS].path ? tag(name, GROUP_REF) : name;
}

static const char *name_of(const struct us_file_source *s) { return s->table.in.name; }

/* ---- opening: which column is what ---- */

static enum us_errc find_optional(struct us_file_table *t, struct us_slice column, bool is_needed, const char *option, size_t *ret_column,
	struct us_err *err)
{
	if (is_needed)
		return us_file_table_need(t, column, option, ret_column, err);
	*ret_column = us_file_table_find(t, column);
	return US_OK;
}

static enum us_errc find_roles(struct us_file_source *s, enum us_file_part part, struct us_err *err)
{
	struct us_file_table *t = &s->table;
	struct us_file_roles *r = &s->roles;
	enum us_errc rc = US_OK;

	memset(r, 0xFF, sizeof *r);
	switch (part) {
	case US_FILE_USERS:
		rc = us_file_table_need(t, s->id_column, "idColumn", &r->id, err);
		r->ref = r->id;
		if (rc == US_OK && s->ref_column.p)
			rc = us_file_table_need(t, s->ref_column, "refColumn", &r->ref, err);
		if (rc == US_OK)
			rc = find_optional(t, s->groups_column, s->must_have_groups, "groupsColumn", &r->groups, err);
		if (rc == US_OK)
			rc = find_optional(t, s->active_column, s->must_have_active, "activeColumn", &r->active, err);
		r->username = us_file_table_find(t, s->username_column);
		break;
	case US_FILE_GROUPS:
		rc = us_file_table_need(t, s->group_id_column, "groupIdColumn", &r->id, err);
		r->ref = r->id;
		if (rc == US_OK && s->group_ref_column.p)
			rc = us_file_table_need(t, s->group_ref_column, "groupRefColumn", &r->ref, err);
		break;
	case US_FILE_MEMBERS:
		rc = us_file_table_need(t, s->in_group_column, "membershipGroupColumn", &r->group, err);
		if (rc == US_OK)
			rc = us_file_table_need(t, s->in_member_column, "membershipMemberColumn", &r->member, err);
		if (rc == US_OK)
			rc = find_optional(t, s->in_type_column, !us_slice_is(s->in_type_column, US_FILE_TYPE_COLUMN), "membershipTypeColumn", &r->type, err);
		break;
	case US_FILE_PARTS:
		break;
	}
	return rc;
}

/* The groups of groups.csv, to tell a member that is a group. Read in the pass already, unless somebody reads the listings out of order. */
static enum us_errc load_group_refs(struct us_file_source *s, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_file_line line;
	int64_t before;
	enum us_errc rc;

	if (s->has_groups || !s->files[US_FILE_GROUPS].path)
		return US_OK;
	rc = us_file_rows_open(s, US_FILE_GROUPS, err);
	while (rc == US_OK && (rc = us_file_table_next(&s->table, &arena, &line, err)) == US_OK) {
		if (line.cells && line.cells[s->roles.ref].n)
			us_file_seen_add(&s->group_refs, line.cells[s->roles.ref], line.number, &before);
		us_arena_reset(&arena);
	}
	us_arena_fini(&arena);
	us_file_table_close(&s->table);
	s->has_groups = rc == US_END;
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_file_rows_open(struct us_file_source *s, enum us_file_part part, struct us_err *err)
{
	enum us_errc rc = part == US_FILE_MEMBERS ? load_group_refs(s, err) : US_OK;

	if (rc)
		return rc;
	/* From the front: what was seen of the groups is seen again. */
	if (part == US_FILE_GROUPS) {
		us_file_seen_fini(&s->group_ids);
		us_file_seen_fini(&s->group_refs);
		s->has_groups = false;
	}
	rc = us_file_table_open(&s->table, s->folder, s->files[part].path, s->delimiter, &s->proof, s->cancel, err);
	if (rc == US_OK)
		rc = find_roles(s, part, err);
	if (rc)
		us_file_table_close(&s->table);
	return rc;
}

/* ---- one row ---- */

/* Fields of the cells that are filled. skip: a column that becomes something else. There is room for one more. */
static void fill_fields(const struct us_file_table *t, const struct us_slice *names, const struct us_file_line *line, size_t skip,
	struct us_arena *arena, struct us_record *record)
{
	struct us_field *fields = us_arena_alloc(arena, (t->n_columns + 1) * sizeof *fields);
	size_t n = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (line->cells[i].n && i != skip)
			fields[n++] = (struct us_field) { .name = names[i], .values = &line->cells[i], .n = 1 };
	record->fields = fields;
	record->n_fields = n;
}

static struct us_slice problem_of(const struct us_file_line *line) { return us_slice(line->problem); }

/* A group that no file lists is there because somebody is in it. True: seen for the first time in this pass. */
static bool mention(struct us_file_source *s, struct us_hash name, uint32_t row, bool *ret_again)
{
	bool is_new;
	uint32_t number = us_map_put(&s->mentioned, name, &is_new);

	if (number >= s->cap_mentioned) {
		s->cap_mentioned = s->cap_mentioned ? s->cap_mentioned * 2 : 1024;
		s->mentioned_by = us_realloc(s->mentioned_by, s->cap_mentioned * sizeof *s->mentioned_by);
	}
	*ret_again = !is_new && s->mentioned_by[number] == row;
	s->mentioned_by[number] = row;
	return is_new;
}

static void add_mentioned_group(struct us_file_source *s, struct us_slice name, struct us_slice ref, struct us_arena *arena)
{
	struct us_slice *value = us_arena_alloc(arena, sizeof *value);
	struct us_field *field = us_arena_alloc(arena, sizeof *field);

	*value = name;
	*field = (struct us_field) { .name = US_SLICE("name"), .values = value, .n = 1 };
	*us_file_page_add(&s->page) = (struct us_record) { .kind = US_RECORD_GROUP, .id = name, .fields = field, .n_fields = 1,
		.ref = ref.p == name.p ? US_SLICE_NONE : ref };
}

/* Splits a groups cell into names and refs; a name that comes twice counts once. Three rounds, so that the cache misses of looking names up
 * come at the same time. */
static size_t split_groups(struct us_file_source *s, struct us_slice cell, uint32_t row, struct us_arena *arena, struct us_slice **ret_names,
	struct us_slice **ret_refs)
{
	size_t most = 1, n = 0, n_kept = 0;
	const char *end = cell.p + cell.n;

	for (const char *p = cell.p; (p = memchr(p, s->separator, (size_t) (end - p))); p++)
		most++;
	struct us_slice *names = us_arena_alloc(arena, 2 * most * sizeof *names), *refs = names + most;
	struct us_hash *hashes = us_arena_alloc(arena, most * sizeof *hashes);
	for (const char *p = cell.p; p <= end;) {
		const char *stop = memchr(p, s->separator, (size_t) (end - p));
		if (!stop)
			stop = end;
		struct us_slice name = us_slice_trim((struct us_slice) { p, (size_t) (stop - p) });
		p = stop + 1;
		if (!name.n)
			continue;
		names[n] = name;
		hashes[n] = us_hash_slice(name);
		us_map_prefetch(&s->mentioned, hashes[n++]);
	}
	for (size_t i = 0; i < n; i++)
		us_map_prefetch_key(&s->mentioned, hashes[i]);
	for (size_t i = 0; i < n; i++) {
		bool again, is_new = mention(s, hashes[i], row, &again);
		if (again)
			continue;
		names[n_kept] = names[i];
		refs[n_kept] = group_ref(s, names[i]);
		if (is_new && !s->files[US_FILE_GROUPS].path)
			add_mentioned_group(s, names[n_kept], refs[n_kept], arena);
		n_kept++;
	}
	*ret_names = names;
	*ret_refs = refs;
	return n_kept;
}

static bool is_usable_id(struct us_slice id)
{
	return id.n && id.n <= MOST_ID_BYTES && us_slice_trim(id).n;
}

/* The id, and the ref that memberships use; both must be there and be used once. Otherwise the row is a doubt about the file. */
static void identify(struct us_file_source *s, const struct us_file_line *line, bool is_user, struct us_arena *arena, struct us_record *record)
{
	struct us_file_seen *ids = is_user ? &s->user_ids : &s->group_ids, *refs = is_user ? &s->user_refs : &s->group_refs;
	struct us_slice id = line->cells[s->roles.id], ref = line->cells[s->roles.ref];
	bool has_refs = s->roles.ref != s->roles.id;
	const char *what = NULL;
	int64_t before;

	if (!is_usable_id(id) || !is_usable_id(ref)) {
		size_t column = is_usable_id(id) ? s->roles.ref : s->roles.id;
		if (line->problem)
			what = line->problem;
		else
			what = us_arena_printf(arena, "%s line %lld: column \"" US_SLICE_FMT "\" %s", name_of(s), (long long) line->number,
				US_SLICE_ARG(s->table.names[column]), line->cells[column].n > MOST_ID_BYTES ? "has more than 1024 bytes" : "is empty");
	} else if (!us_file_seen_add(ids, id, line->number, &before)) {
		what = us_arena_printf(arena, "%s: the id \"" US_SLICE_FMT "\" is on line %lld and again on line %lld; each %s needs an id of its own",
			name_of(s), US_SLICE_ARG(id), (long long) before, (long long) line->number, is_user ? "user" : "group");
	} else if ((has_refs || (!is_user && s->files[US_FILE_MEMBERS].path)) && !us_file_seen_add(refs, ref, line->number, &before)) {
		what = us_arena_printf(arena, "%s: \"" US_SLICE_FMT "\" of column \"" US_SLICE_FMT "\" is on line %lld and again on line %lld; memberships "
			"could mean either", name_of(s), US_SLICE_ARG(ref), US_SLICE_ARG(s->table.names[s->roles.ref]), (long long) before,
			(long long) line->number);
	}
	if (what) {
		if (!line->is_doubt)
			us_file_doubts_add(&s->table.doubts, "%s", what);
		record->problem = us_slice(what);
		return;
	}
	record->id = id;
	ref = is_user ? user_ref(ref) : group_ref(s, ref);
	record->ref = ref.p == id.p ? US_SLICE_NONE : ref;
}

/* The groups of a row are there whatever is wrong with the rest of it. If nobody knows which they are, one that is named nowhere else would
 * look as if it were gone: that is a doubt about the file. */
static void take_groups(struct us_file_source *s, const struct us_slice *names, const struct us_file_line *line, struct us_arena *arena,
	struct us_record *record)
{
	struct us_slice cell = line->cells[s->roles.groups], *groups, *refs;

	if (!cell.p && !line->is_doubt && !s->files[US_FILE_GROUPS].path)
		us_file_doubts_add(&s->table.doubts, "%s", line->problem);
	if (!cell.n)
		return;
	record->n_groups = split_groups(s, cell, (uint32_t) s->table.rows, arena, &groups, &refs);
	record->groups = refs;
	if (record->n_groups)
		((struct us_field *) (uintptr_t) record->fields)[record->n_fields++] =
			(struct us_field) { .name = names[s->roles.groups], .values = groups, .n = record->n_groups };
}

static void add_user(struct us_file_source *s, const struct us_slice *names, const struct us_file_line *line, struct us_arena *arena)
{
	const struct us_file_roles *r = &s->roles;
	struct us_record record = { .kind = US_RECORD_USER, .id = US_SLICE(""), .problem = problem_of(line) };

	if (line->cells) {
		us_map_prefetch(&s->user_ids.ids, us_hash_slice(line->cells[r->id]));
		fill_fields(&s->table, names, line, r->groups, arena, &record);
		identify(s, line, true, arena, &record);
		if (r->active != US_FILE_NO_COLUMN && !us_file_parse_active(line->cells[r->active], &record.active) && !record.problem.p)
			record.problem = us_slice(us_arena_printf(arena, "%s line %lld: column \"" US_SLICE_FMT "\" holds \"%.*s\"; use true or false",
				name_of(s), (long long) line->number, US_SLICE_ARG(names[r->active]),
				(int) (line->cells[r->active].n < 40 ? line->cells[r->active].n : 40), line->cells[r->active].p));
		if (r->groups != US_FILE_NO_COLUMN)
			take_groups(s, names, line, arena, &record);
	}
	*us_file_page_add(&s->page) = record;
}

static void add_group(struct us_file_source *s, const struct us_slice *names, const struct us_file_line *line, struct us_arena *arena)
{
	struct us_record record = { .kind = US_RECORD_GROUP, .id = US_SLICE(""), .problem = problem_of(line) };

	if (line->cells) {
		identify(s, line, false, arena, &record);
		fill_fields(&s->table, names, line, US_FILE_NO_COLUMN, arena, &record);
	}
	*us_file_page_add(&s->page) = record;
}

/* The member's ref, tagged as what it is; NONE if that cannot be said, and *ret_why says why. */
static struct us_slice member_ref(struct us_file_source *s, const struct us_file_line *line, const char **ret_why)
{
	struct us_slice member = line->cells[s->roles.member];
	struct us_slice type = s->roles.type == US_FILE_NO_COLUMN ? US_SLICE_NONE : line->cells[s->roles.type];
	bool is_group = us_slice_is_nocase(type, "group");

	if (type.n && !is_group && !us_slice_is_nocase(type, "user")) {
		*ret_why = "the type is neither user nor group";
		return US_SLICE_NONE;
	}
	if (!type.n && us_file_seen_has(&s->group_refs, member)) {
		is_group = true;
		if (us_file_seen_has(s->ref_column.p ? &s->user_refs : &s->user_ids, member)) {
			*ret_why = "the member could be the user or the group of that name; add a column \"type\" that holds user or group";
			return US_SLICE_NONE;
		}
	}
	return is_group ? group_ref(s, member) : user_ref(member);
}

/* A row of the memberships file that cannot be used might be anybody's: it is a doubt about the file. */
static const char *check_member(const struct us_file_source *s, const struct us_file_line *line)
{
	if (line->problem)
		return line->problem;
	if (!is_usable_id(line->cells[s->roles.group]))
		return "the group is empty or longer than 1024 bytes";
	return is_usable_id(line->cells[s->roles.member]) ? NULL : "the member is empty or longer than 1024 bytes";
}

static void doubt_member(struct us_file_source *s, const struct us_file_line *line, const char *why)
{
	if (why != line->problem)
		us_file_doubts_add(&s->table.doubts, "%s line %lld: %s", name_of(s), (long long) line->number, why);
	else if (!line->is_doubt)
		us_file_doubts_add(&s->table.doubts, "%s", why);
}

static void add_member(struct us_file_source *s, const struct us_file_line *line, struct us_arena *arena)
{
	bool again;
	const char *why;
	struct us_slice member, group;

	if (!line->cells)
		return;
	why = check_member(s, line);
	if (!why)
		member = member_ref(s, line, &why);
	if (why) {
		doubt_member(s, line, why);
		return;
	}
	group = line->cells[s->roles.group];
	struct us_slice ref = group_ref(s, group);
	if (!s->files[US_FILE_GROUPS].path) {
		if (mention(s, us_hash_slice(group), 0, &again))
			add_mentioned_group(s, group, ref, arena);
		struct us_slice name = line->cells[s->roles.member];
		if (member.p < name.p && member.p[0] == GROUP_REF && mention(s, us_hash_slice(name), 0, &again))
			add_mentioned_group(s, name, member, arena);
	}
	struct us_record *last = s->page.n ? &s->page.records[s->page.n - 1] : NULL;
	if (!last || last->kind != US_RECORD_MEMBERS || !us_slice_is_equal(last->ref, ref))
		*us_file_page_add(&s->page) = (struct us_record) { .kind = US_RECORD_MEMBERS, .id = group, .ref = ref };
	us_file_page_add_member(&s->page, member);
}

enum us_errc us_file_rows_read(struct us_file_source *s, enum us_file_part part, struct us_arena *arena, int64_t *rows, struct us_err *err)
{
	struct us_file_table *t = &s->table;
	const struct us_slice *names;
	struct us_file_line line;
	enum us_errc rc = US_OK;
	int64_t first = t->in.offset;

	/* The page outlives the table. */
	struct us_slice *copy = us_arena_alloc(arena, t->n_columns * sizeof *copy);
	for (size_t i = 0; i < t->n_columns; i++)
		copy[i] = us_slice_dup(arena, t->names[i]);
	names = copy;
	while (rc == US_OK && *rows < PAGE_ROWS && t->in.offset - first < PAGE_BYTES) {
		rc = us_file_table_next(t, arena, &line, err);
		if (rc)
			break;
		++*rows;
		switch (part) {
		case US_FILE_USERS: add_user(s, names, &line, arena); break;
		case US_FILE_GROUPS: add_group(s, names, &line, arena); break;
		case US_FILE_MEMBERS: add_member(s, &line, arena); break;
		case US_FILE_PARTS: break;
		}
	}
	if (rc == US_END && part == US_FILE_GROUPS)
		s->has_groups = true;
	return rc;
}

/* ---- one user ---- */

/* A copy of a row that outlives it, with the free bytes in front. */
static void keep_line(const struct us_file_table *t, const struct us_file_line *line, struct us_arena *arena, struct us_file_line *ret_line)
{
	*ret_line = *line;
	ret_line->cells = us_arena_alloc(arena, t->n_columns * sizeof *ret_line->cells);
	for (size_t i = 0; i < t->n_columns; i++) {
		struct us_slice c = line->cells[i];
		char *p = us_arena_alloc(arena, c.n + 1);
		memcpy(p + 1, c.n ? c.p : "", c.n);
		ret_line->cells[i] = c.p ? (struct us_slice) { p + 1, c.n } : c;
	}
	if (line->problem)
		ret_line->problem = us_arena_strdup(arena, line->problem);
}

/* The one row that key means: an id or a name to the letter, else the only name that is the same when folded. The file is read to its end, so
 * that a second one is seen. */
static enum us_errc find_row(struct us_file_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct us_file_line *ret_line,
	struct us_err *err)
{
	struct us_arena scratch = US_ARENA_INIT;
	struct us_file_line line;
	struct us_hash fold = us_fold_hash(key);
	size_t column = is_id ? s->roles.id : s->roles.username;
	int n_exact = 0, n_folded = 0;
	int64_t at[2] = { 0, 0 };
	enum us_errc rc;

	if (column == US_FILE_NO_COLUMN)
		rc = us_file_table_need(&s->table, s->username_column, "usernameColumn", &column, err);
	else
		rc = US_OK;
	while (rc == US_OK && (rc = us_file_table_next(&s->table, &scratch, &line, err)) == US_OK) {
		struct us_slice cell = line.cells ? line.cells[column] : US_SLICE_NONE;
		if (cell.n && us_slice_is_equal(cell, key)) {
			at[n_exact++ > 0] = line.number;
			keep_line(&s->table, &line, arena, ret_line);
		} else if (cell.n && !is_id && us_hash_is_equal(us_fold_hash(cell), fold)) {
			if (!n_exact) {
				at[n_folded > 0] = line.number;
				keep_line(&s->table, &line, arena, ret_line);
			}
			n_folded++;
		}
		us_arena_reset(&scratch);
	}
	us_arena_fini(&scratch);
	if (rc == US_CANCELLED || rc == US_UNAVAILABLE || rc == US_CONFIG)
		return rc;
	if (n_exact > 1 || (!n_exact && n_folded > 1))
		return us_err_set(err, US_PARTIAL, "%s: \"" US_SLICE_FMT "\" is on line %lld and again on line %lld", name_of(s), US_SLICE_ARG(key),
			(long long) at[0], (long long) at[1]);
	if (n_exact + n_folded)
		return US_OK;
	if (rc == US_END && s->expected_rows > s->table.rows)
		return us_err_set(err, US_PARTIAL, "%s has %lld rows, expectedRows asks for %lld", name_of(s), (long long) s->table.rows,
			(long long) s->expected_rows);
	return rc == US_END ? us_err_set(err, US_NOT_FOUND, "%s has no user \"" US_SLICE_FMT "\"", name_of(s), US_SLICE_ARG(key)) : rc;
}

struct refs {
	struct us_slice *items;
	size_t n, cap;
	struct us_map seen;
};

static void refs_add(struct refs *refs, struct us_slice ref, struct us_arena *arena)
{
	bool is_new;

	us_map_put(&refs->seen, us_hash_slice(ref), &is_new);
	if (!is_new)
		return;
	if (refs->n == refs->cap) {
		refs->cap = refs->cap ? refs->cap * 2 : 16;
		refs->items = us_realloc(refs->items, refs->cap * sizeof *refs->items);
	}
	refs->items[refs->n++] = us_slice_dup(arena, ref);
}

/* The groups that the memberships file puts the user into. The list is complete or it is an error. */
static enum us_errc find_memberships(struct us_file_source *s, struct us_slice ref, struct refs *refs, struct us_arena *arena,
	struct us_err *err)
{
	struct us_arena scratch = US_ARENA_INIT;
	struct us_file_line line;
	const char *why = NULL;
	enum us_errc rc = us_file_rows_open(s, US_FILE_MEMBERS, err);

	while (rc == US_OK && (rc = us_file_table_next(&s->table, &scratch, &line, err)) == US_OK) {
		if (!line.cells)
			continue;
		why = check_member(s, &line);
		struct us_slice member = why ? US_SLICE_NONE : member_ref(s, &line, &why);
		if (why)
			doubt_member(s, &line, why);
		else if (us_slice_is_equal(member, ref))
			refs_add(refs, group_ref(s, line.cells[s->roles.group]), arena);
		us_arena_reset(&scratch);
	}
	us_arena_fini(&scratch);
	us_file_table_close(&s->table);
	return rc == US_END ? US_OK : rc;
}

/* The groups themselves, from their file. A group that the file lacks is left for the reader of the page to miss. */
static enum us_errc find_groups(struct us_file_source *s, struct refs *refs, struct us_arena *arena, struct us_err *err)
{
	struct us_arena scratch = US_ARENA_INIT;
	struct us_file_line line, kept;
	enum us_errc rc = us_file_rows_open(s, US_FILE_GROUPS, err);
	struct us_slice *names = NULL;

	if (rc == US_OK) {
		names = us_arena_alloc(arena, s->table.n_columns * sizeof *names);
		for (size_t i = 0; i < s->table.n_columns; i++)
			names[i] = us_slice_dup(arena, s->table.names[i]);
	}
	while (rc == US_OK && (rc = us_file_table_next(&s->table, &scratch, &line, err)) == US_OK) {
		struct us_slice ref = line.cells ? line.cells[s->roles.ref] : US_SLICE_NONE;
		if (is_usable_id(ref) && us_map_find(&refs->seen, us_hash_slice(group_ref(s, ref))) != US_MAP_NONE) {
			keep_line(&s->table, &line, arena, &kept);
			add_group(s, names, &kept, arena);
		}
		us_arena_reset(&scratch);
	}
	us_arena_fini(&scratch);
	us_file_table_close(&s->table);
	return rc == US_END ? US_OK : rc;
}

enum us_errc us_file_rows_find(struct us_file_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct us_err *err)
{
	struct refs refs = { 0 };
	struct us_file_line line;
	struct us_slice *names = NULL;
	enum us_errc rc = us_file_rows_open(s, US_FILE_USERS, err);

	if (rc)
		return rc;
	rc = find_row(s, key, is_id, arena, &line, err);
	if (rc == US_OK) {
		names = us_arena_alloc(arena, s->table.n_columns * sizeof *names);
		for (size_t i = 0; i < s->table.n_columns; i++)
			names[i] = us_slice_dup(arena, s->table.names[i]);
		us_file_seen_fini(&s->user_ids);
		us_file_seen_fini(&s->user_refs);
		add_user(s, names, &line, arena);
	}
	us_file_table_close(&s->table);
	if (rc)
		return rc;
	/* The user is last on the page; groups of its own column that no file lists are there before it. */
	struct us_record user = s->page.records[--s->page.n];
	for (size_t i = 0; i < user.n_groups; i++)
		refs_add(&refs, user.groups[i], arena);
	size_t n_own = refs.n;
	if (s->files[US_FILE_MEMBERS].path && user.id.n)
		rc = find_memberships(s, user.ref.p ? user.ref : user.id, &refs, arena, err);
	if (rc == US_OK && s->files[US_FILE_GROUPS].path)
		rc = find_groups(s, &refs, arena, err);
	else if (rc == US_OK)
		for (size_t i = n_own; i < refs.n; i++)
			add_mentioned_group(s, (struct us_slice) { refs.items[i].p + 1, refs.items[i].n - 1 }, refs.items[i], arena);
	struct us_slice *groups = us_arena_alloc(arena, refs.n * sizeof *groups);
	if (refs.n)
		memcpy(groups, refs.items, refs.n * sizeof *groups);
	user.groups = groups;
	user.n_groups = refs.n;
	*us_file_page_add(&s->page) = user;
	us_map_fini(&refs.seen);
	free(refs.items);
	return rc;
}
