#include "source/file.h"

#include <stdlib.h>

#include "base/clock.h"
#include "source/file_driver.h"

static char *the_folder;

void us_file_set_folder(const char *folder)
{
	free(the_folder);
	the_folder = folder ? us_strdup(folder) : NULL;
}

static const struct us_option options[] = {
	{ .name = "path", .type = US_OPTION_STRING, .title = "File of users", .required = true, .scope = true,
		.help = "CSV file with a header row, or LDIF file, in UTF-8." },
	{ .name = "format", .type = US_OPTION_CHOICE, .title = "Format", .choices = "auto|csv|ldif", .fallback = "auto", .scope = true,
		.help = "auto takes names that end in .ldif or .ldf for LDIF, all others for CSV." },
	{ .name = "groupsPath", .type = US_OPTION_STRING, .title = "File of groups", .scope = true,
		.help = "CSV file of groups; without it a group is there if somebody is in it." },
	{ .name = "membershipsPath", .type = US_OPTION_STRING, .title = "File of memberships", .scope = true,
		.help = "CSV file with one membership a row: group, member, and optionally type (user or group)." },
	{ .name = "delimiter", .type = US_OPTION_STRING, .title = "Delimiter", .fallback = ",", .max = 3, .scope = true,
		.help = "Character between the cells of CSV files, or tab." },
	{ .name = "idColumn", .type = US_OPTION_STRING, .title = "Column of the id", .max = 200, .scope = true,
		.help = "Immutable id of a user; id by default, entryUUID in LDIF files." },
	{ .name = "usernameColumn", .type = US_OPTION_STRING, .title = "Column of the username", .max = 200,
		.help = "Where a single user is looked up by name; username by default, uid in LDIF files." },
	{ .name = "refColumn", .type = US_OPTION_STRING, .title = "Column that memberships name users by", .max = 200, .scope = true,
		.help = "By default the column of the id, in LDIF files the DN." },
	{ .name = "groupsColumn", .type = US_OPTION_STRING, .title = "Column of groups", .max = 200, .scope = true,
		.help = "Groups of a user, separated; groups by default, if there is such a column." },
	{ .name = "groupSeparator", .type = US_OPTION_STRING, .title = "Separator of groups", .fallback = ";", .max = 3, .scope = true,
		.help = "Character between the groups of one cell, or tab." },
	{ .name = "activeColumn", .type = US_OPTION_STRING, .title = "Column of active", .max = 200,
		.help = "true or false, yes or no, 1 or 0, active or inactive, enabled or disabled, empty for active; active by default, if there is such a column. "
			"Without one, somebody new is active, and whoever is inactive stays so." },
	{ .name = "groupIdColumn", .type = US_OPTION_STRING, .title = "Groups: column of the id", .fallback = "id", .max = 200, .scope = true,
		.help = "Immutable id of a group in the file of groups." },
	{ .name = "groupRefColumn", .type = US_OPTION_STRING, .title = "Groups: column that memberships name them by", .max = 200, .scope = true,
		.help = "By default the column of the id." },
	{ .name = "membershipGroupColumn", .type = US_OPTION_STRING, .title = "Memberships: column of the group", .fallback = "group", .max = 200,
		.scope = true, .help = "In the file of memberships." },
	{ .name = "membershipMemberColumn", .type = US_OPTION_STRING, .title = "Memberships: column of the member", .fallback = "member",
		.max = 200, .scope = true, .help = "In the file of memberships; a user, or a group that is inside of the other." },
	{ .name = "membershipTypeColumn", .type = US_OPTION_STRING, .title = "Memberships: column of the member's type",
		.fallback = US_FILE_TYPE_COLUMN, .max = 200, .scope = true, .help = "user or group; without it a member that the file of groups lists is a group." },
	{ .name = "userClasses", .type = US_OPTION_STRINGS, .title = "LDIF: classes of users", .scope = true,
		.fallback = "person|inetOrgPerson|posixAccount|account|user", .help = "Entries of one of these object classes are users." },
	{ .name = "groupClasses", .type = US_OPTION_STRINGS, .title = "LDIF: classes of groups", .scope = true,
		.fallback = "groupOfNames|groupOfUniqueNames|groupOfMembers|posixGroup|group",
		.help = "Entries of one of these object classes are groups." },
	{ .name = "memberAttributes", .type = US_OPTION_STRINGS, .title = "LDIF: attributes of members", .scope = true,
		.fallback = "member|uniqueMember", .help = "They hold DNs, or, with refColumn uid, names as in memberUid." },
	{ .name = "endMarker", .type = US_OPTION_STRING, .title = "End marker", .max = 200,
		.help = "Last line that every file must have, so that a file that is cut or still being written is noticed; {rows} in it stands for "
			"the number of rows above." },
	{ .name = "expectedRows", .type = US_OPTION_INT, .title = "Expected rows", .min = 0, .max = 1000000000,
		.help = "The file of users must have at least this many; 0 for any." },
	{ .name = "checksumPath", .type = US_OPTION_STRING, .title = "File of checksums",
		.help = "SHA-256 of every file, as sha256sum writes them; a file that differs is not read." },
	{ .name = "stableSeconds", .type = US_OPTION_INT, .title = "Seconds unchanged", .min = 0, .max = 86400, .fallback = "0",
		.help = "Files must have been left alone for this long." },
	{ .name = NULL },
};

/* ---- pages ---- */

struct us_record *us_file_page_add(struct us_file_page *page)
{
	if (page->n == page->cap) {
		page->cap = page->cap ? page->cap * 2 : 1024;
		page->records = us_realloc(page->records, page->cap * sizeof *page->records);
	}
	return &page->records[page->n++];
}

void us_file_page_add_member(struct us_file_page *page, struct us_slice member)
{
	if (page->n_members == page->cap_members) {
		page->cap_members = page->cap_members ? page->cap_members * 2 : 4096;
		page->members = us_realloc(page->members, page->cap_members * sizeof *page->members);
	}
	page->members[page->n_members++] = member;
	page->records[page->n - 1].n_members++;
}

void us_file_page_finish(struct us_file_page *page, struct us_arena *arena, struct us_page *ret_page)
{
	struct us_record *records = us_arena_alloc(arena, page->n * sizeof *records);
	struct us_slice *members = us_arena_alloc(arena, page->n_members * sizeof *members);

	if (page->n)
		memcpy(records, page->records, page->n * sizeof *records);
	if (page->n_members)
		memcpy(members, page->members, page->n_members * sizeof *members);
	/* Members were added to the last record only, so they lie in the order of the records. */
	for (size_t i = 0; i < page->n; i++) {
		records[i].members = members;
		members += records[i].n_members;
	}
	ret_page->records = records;
	ret_page->n = page->n;
	page->n = page->n_members = 0;
}

bool us_file_parse_active(struct us_slice text, enum us_tri *ret_active)
{
	static const char *yes[] = { "true", "yes", "1", "active", "enabled", "y", "t", "on" };
	static const char *no[] = { "false", "no", "0", "inactive", "disabled", "n", "f", "off" };

	text = us_slice_trim(text);
	if (!text.n) {
		*ret_active = US_TRI_YES;
		return true;
	}
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (us_slice_is_nocase(text, yes[i]) || us_slice_is_nocase(text, no[i])) {
			*ret_active = us_slice_is_nocase(text, yes[i]) ? US_TRI_YES : US_TRI_NO;
			return true;
		}
	return false;
}

/* ---- opening ---- */

static struct us_file_source *of(struct us_source *source) { return (struct us_file_source *) source; }

static void end_pass(struct us_file_source *s)
{
	if (s->is_open && s->is_ldif)
		us_file_ldif_close(&s->ldif);
	else if (s->is_open)
		us_file_table_close(&s->table);
	s->is_open = false;
	s->page.n = s->page.n_members = 0;
	s->pending = (struct us_err) US_ERR_INIT;
}

/* What was seen in earlier listings goes, too. */
static void forget_pass(struct us_file_source *s)
{
	end_pass(s);
	us_file_seen_fini(&s->user_ids);
	us_file_seen_fini(&s->user_refs);
	us_file_seen_fini(&s->group_ids);
	us_file_seen_fini(&s->group_refs);
	us_map_fini(&s->mentioned);
	s->is_checked = s->has_groups = false;
}

static void close_source(struct us_source *source)
{
	struct us_file_source *s = of(source);

	if (!s)
		return;
	forget_pass(s);
	free(s->mentioned_by);
	free(s->page.records);
	free(s->page.members);
	free(s->texts);
	us_arena_fini(&s->arena);
	free(s);
}

static const char *copy_path(struct us_file_source *s, const struct us_conf *conf, const char *name)
{
	struct us_slice v = us_conf_string(conf, name);

	return v.n ? us_arena_strndup(&s->arena, v.p, v.n) : NULL;
}

static struct us_slice copy_text(struct us_file_source *s, const struct us_conf *conf, const char *name, const char *fallback)
{
	struct us_slice v = us_conf_string(conf, name);

	return us_slice_dup(&s->arena, v.n ? v : us_slice(fallback));
}

static size_t copy_list(struct us_file_source *s, const struct us_conf *conf, const char *name, const struct us_slice **ret_list)
{
	const struct us_slice *list;
	size_t n = us_conf_strings(conf, name, &s->arena, &list);
	struct us_slice *copy = us_arena_alloc(&s->arena, n * sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = us_slice_dup(&s->arena, list[i]);
	*ret_list = copy;
	return n;
}

static void add_text(struct us_file_source *s, struct us_slice name)
{
	if (s->n_texts == s->cap_texts)
		s->texts = us_realloc(s->texts, (s->cap_texts = s->cap_texts ? s->cap_texts * 2 : 32) * sizeof *s->texts);
	if (name.n)
		s->texts[s->n_texts++] = us_slice_dup(&s->arena, name);
}

/* One or several, as "displayName|cn". */
static void add_paths(struct us_file_source *s, struct us_slice paths)
{
	for (const char *p = paths.p, *end = p + paths.n; p < end;) {
		const char *bar = memchr(p, '|', (size_t) (end - p)), *stop = bar ? bar : end;
		add_text(s, us_slice_trim((struct us_slice) { p, (size_t) (stop - p) }));
		p = stop + 1;
	}
}

/* What a mapping takes from: rows of {"attribute", "from": text or list}. */
static void add_mapped_texts(struct us_file_source *s, const struct us_json *rows)
{
	for (size_t i = 0; rows && rows->type == US_JSON_ARRAY && i < rows->array.n; i++) {
		const struct us_json *from = us_json_find(&rows->array.items[i], "from");
		if (from && from->type == US_JSON_STRING)
			add_paths(s, from->string);
		for (size_t k = 0; from && from->type == US_JSON_ARRAY && k < from->array.n; k++)
			if (from->array.items[k].type == US_JSON_STRING)
				add_paths(s, from->array.items[k].string);
	}
}

/* The attributes of LDIF entries without which we would take one for something else, take a member away, or empty a name. */
static void list_texts(struct us_file_source *s, const struct us_conf *conf)
{
	const struct us_slice fixed[] = { US_SLICE("objectClass"), s->id_column, s->username_column, s->ref_column, US_SLICE("uid"),
		US_SLICE("sAMAccountName"), US_SLICE("name"), US_SLICE("cn"), US_SLICE("sn"), US_SLICE("givenName"), US_SLICE("displayName"), US_SLICE("gecos"),
		US_SLICE("mail"), US_SLICE("description") };

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		add_text(s, fixed[i]);
	for (size_t i = 0; i < s->n_member_attributes; i++)
		add_text(s, s->member_attributes[i]);
	add_mapped_texts(s, us_conf_value(conf, "mapping"));
	add_mapped_texts(s, us_conf_value(conf, "groupMapping"));
}

static enum us_errc read_character(const struct us_conf *conf, const char *name, char *ret_char, struct us_err *err)
{
	struct us_slice v = us_conf_string(conf, name);

	if (us_slice_is(v, "tab") || us_slice_is(v, "\\t"))
		*ret_char = '\t';
	else if (v.n == 1 && v.p[0] >= ' ' && v.p[0] < 0x7F && v.p[0] != '"')
		*ret_char = v.p[0];
	else if (v.n == 1 && v.p[0] == '\t')
		*ret_char = '\t';
	else
		return us_err_set(err, US_CONFIG, "%s must be one ASCII character other than a quote, or tab", name);
	return US_OK;
}

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && us_slice_is_nocase((struct us_slice) { path + n - m, m }, end);
}

static void list(struct us_file_source *s, enum us_file_part part, const char *name, enum us_record_kind kind)
{
	s->part_of[s->n_listings] = part;
	s->listings[s->n_listings++] = (struct us_listing) { .name = name, .kind = kind };
}

static enum us_errc read_conf(struct us_file_source *s, const struct us_conf *conf, struct us_err *err)
{
	struct us_slice format = us_conf_string(conf, "format");
	const char *users = copy_path(s, conf, "path");

	if (!users)
		return us_err_set(err, US_CONFIG, "path is required");
	s->files[US_FILE_USERS].path = users;
	s->files[US_FILE_GROUPS].path = copy_path(s, conf, "groupsPath");
	s->files[US_FILE_MEMBERS].path = copy_path(s, conf, "membershipsPath");
	s->is_ldif = us_slice_is(format, "ldif") || (us_slice_is(format, "auto") && (ends_in(users, ".ldif") || ends_in(users, ".ldf")));
	if (s->is_ldif && (s->files[US_FILE_GROUPS].path || s->files[US_FILE_MEMBERS].path))
		return us_err_set(err, US_CONFIG, "groupsPath and membershipsPath are for CSV files; an LDIF file holds users and groups");
	s->folder = the_folder;
	s->checksum_path = copy_path(s, conf, "checksumPath");
	s->proof.marker = copy_text(s, conf, "endMarker", NULL);
	s->proof.has_checksum = s->checksum_path;
	s->expected_rows = us_conf_int(conf, "expectedRows");
	s->stable_s = us_conf_int(conf, "stableSeconds");
	s->id_column = copy_text(s, conf, "idColumn", s->is_ldif ? "entryUUID" : "id");
	s->username_column = copy_text(s, conf, "usernameColumn", s->is_ldif ? "uid" : "username");
	s->ref_column = copy_text(s, conf, "refColumn", NULL);
	s->must_have_groups = us_conf_string(conf, "groupsColumn").n;
	s->groups_column = copy_text(s, conf, "groupsColumn", "groups");
	s->must_have_active = us_conf_string(conf, "activeColumn").n;
	s->active_column = copy_text(s, conf, "activeColumn", "active");
	s->group_id_column = copy_text(s, conf, "groupIdColumn", NULL);
	s->group_ref_column = copy_text(s, conf, "groupRefColumn", NULL);
	s->in_group_column = copy_text(s, conf, "membershipGroupColumn", NULL);
	s->in_member_column = copy_text(s, conf, "membershipMemberColumn", NULL);
	s->in_type_column = copy_text(s, conf, "membershipTypeColumn", NULL);
	s->n_user_classes = copy_list(s, conf, "userClasses", &s->user_classes);
	s->n_group_classes = copy_list(s, conf, "groupClasses", &s->group_classes);
	s->n_member_attributes = copy_list(s, conf, "memberAttributes", &s->member_attributes);
	list_texts(s, conf);
	list(s, US_FILE_USERS, s->is_ldif ? "entries" : "users", US_RECORD_USER);
	if (s->files[US_FILE_GROUPS].path)
		list(s, US_FILE_GROUPS, "groups", US_RECORD_GROUP);
	if (s->files[US_FILE_MEMBERS].path)
		list(s, US_FILE_MEMBERS, "memberships", US_RECORD_MEMBERS);
	enum us_errc rc = read_character(conf, "delimiter", &s->delimiter, err);
	if (rc == US_OK)
		rc = read_character(conf, "groupSeparator", &s->separator, err);
	if (rc == US_OK && s->delimiter == s->separator && !s->is_ldif)
		rc = us_err_set(err, US_CONFIG, "delimiter and groupSeparator are the same character; set groupSeparator to another");
	return rc;
}

static enum us_errc open_source(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	struct us_file_source *s = us_calloc(1, sizeof *s);

	s->source.ops = &us_source_file;
	s->cancel = cancel;
	enum us_errc rc = read_conf(s, conf, err);
	if (rc) {
		close_source(&s->source);
		return rc;
	}
	*ret_source = &s->source;
	return US_OK;
}

static const struct us_listing *listings(struct us_source *source, size_t *ret_n)
{
	*ret_n = of(source)->n_listings;
	return of(source)->listings;
}

/* ---- before and behind a pass ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The digest that a file of checksums gives for name; NONE if it gives none. Spec: coreutils, "sha256sum output modes". */
static struct us_slice find_digest(struct us_slice sums, const char *name, bool is_first)
{
	const char *end = sums.p + sums.n;

	for (const char *p = sums.p; p < end;) {
		const char *lf = memchr(p, '\n', (size_t) (end - p));
		struct us_slice line = us_slice_trim((struct us_slice) { p, (size_t) ((lf ? lf : end) - p) });
		p = lf ? lf + 1 : end;
		if (line.n < 64)
			continue;
		struct us_slice file = us_slice_trim((struct us_slice) { line.p + 64, line.n - 64 });
		if (file.n && file.p[0] == '*')
			file.p++, file.n--;
		const char *slash = file.n ? memrchr(file.p, '/', file.n) : NULL;
		if (slash)
			file = (struct us_slice) { slash + 1, (size_t) (file.p + file.n - slash) - 1 };
		if (us_slice_is(file, name) || (is_first && (file.n == 0 || us_slice_is(file, "-"))))
			return (struct us_slice) { line.p, 64 };
	}
	return US_SLICE_NONE;
}

static enum us_errc check_digests(struct us_file_source *s, struct us_err *err)
{
	struct us_file_input sums, in;
	char hex[65];
	enum us_errc rc = us_file_input_open(&sums, s->folder, s->checksum_path, US_FILE_CHUNK_BYTES, s->cancel, err);

	if (rc == US_OK)
		rc = us_file_input_fill(&sums, err);
	for (size_t i = 0; i < US_FILE_PARTS && rc == US_OK; i++) {
		const char *path = s->files[i].path;
		if (!path)
			continue;
		struct us_slice want = find_digest((struct us_slice) { sums.buffer, sums.n }, base_name(path), i == US_FILE_USERS);
		if (!want.p) {
			rc = us_err_set(err, US_PARTIAL, "%s has no checksum for %s", sums.name, base_name(path));
			break;
		}
		rc = us_file_input_open(&in, s->folder, path, US_FILE_CHUNK_BYTES, s->cancel, err);
		if (rc == US_OK)
			rc = us_file_input_digest(&in, hex, err);
		us_file_input_close(&in);
		if (rc == US_OK && !us_slice_is_nocase(want, hex))
			rc = us_err_set(err, US_PARTIAL, "%s differs from its checksum in %s: it is cut, still being written, or another export",
				base_name(path), sums.name);
	}
	us_file_input_close(&sums);
	return rc;
}

/* All files are there, were left alone long enough, and fit their checksums; what they are is remembered. */
static enum us_errc check_files(struct us_file_source *s, struct us_err *err)
{
	for (size_t i = 0; i < US_FILE_PARTS; i++) {
		struct us_file *f = &s->files[i];
		if (!f->path)
			continue;
		enum us_errc rc = us_file_input_look(s->folder, f->path, &f->identity, err);
		if (rc)
			return rc;
		int64_t age_s = us_clock_wall_s() - f->identity.mtime_s;
		if (s->stable_s && age_s < s->stable_s) {
			rc = us_err_set(err, US_UNAVAILABLE, "%s was written to %lld s ago; stableSeconds asks for %lld", base_name(f->path),
				(long long) age_s, (long long) s->stable_s);
			if (err)
				err->wait_ms = (s->stable_s - (age_s > 0 ? age_s : 0)) * 1000;
			return rc;
		}
	}
	enum us_errc rc = s->checksum_path ? check_digests(s, err) : US_OK;
	s->is_checked = rc == US_OK;
	return rc;
}

/* Users, groups and memberships belong together only if none of their files changed from the first look to the last. */
static enum us_errc check_unchanged(struct us_file_source *s, struct us_err *err)
{
	for (size_t i = 0; i < US_FILE_PARTS; i++) {
		struct us_file_identity now;
		if (!s->files[i].path)
			continue;
		enum us_errc rc = us_file_input_look(s->folder, s->files[i].path, &now, NULL);
		if (rc || !us_file_identity_is_equal(&now, &s->files[i].identity))
			return us_err_set(err, US_PARTIAL, "%s was %s while it was read; write exports under another name and rename them when they are "
				"complete", base_name(s->files[i].path), rc ? "taken away" : "changed");
	}
	return US_OK;
}

/* ---- listing ---- */

static struct us_file_input *input_of(struct us_file_source *s) { return s->is_ldif ? &s->ldif.in : &s->table.in; }

static enum us_errc begin(struct us_file_source *s, size_t listing, struct us_err *err)
{
	enum us_file_part part = s->part_of[listing];
	enum us_errc rc;

	if (listing == 0)
		forget_pass(s);
	else
		end_pass(s);
	rc = s->is_checked ? US_OK : check_files(s, err);
	if (rc)
		return rc;
	s->source.stats.requests++;
	if (s->is_ldif) {
		rc = us_file_ldif_open(&s->ldif, s->folder, s->files[part].path, &s->proof, s->texts, s->n_texts, s->cancel,
			err);
		if (rc)
			us_file_ldif_close(&s->ldif);
	} else {
		rc = us_file_rows_open(s, part, err);
	}
	if (rc)
		return rc;
	s->is_open = true;
	s->listing = listing;
	if (!us_file_identity_is_equal(&input_of(s)->identity, &s->files[part].identity))
		return check_unchanged(s, err);
	return US_OK;
}

static struct us_slice position(struct us_file_source *s, struct us_arena *arena)
{
	return us_slice(us_arena_printf(arena, "%lld", (long long) input_of(s)->offset));
}

static const char *signal_of(const struct us_file_source *s)
{
	return s->proof.marker.n ? "end marker" : s->proof.has_checksum ? "end of file, checksum compared" : "end of file";
}

/* Invariant L: a listing ends only at the proper end of an undoubted file that is still the one that was opened. Rows in front of a
 * place where it cannot go on are given out first, the error with the next call. */
static enum us_errc fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	struct us_file_source *s = of(source);
	struct us_page page = { .announced = -1 };
	enum us_errc rc = US_OK;

	us_assert(listing < s->n_listings);
	if (s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed))
		return us_err_set(err, US_CANCELLED, "cancelled");
	if (!cursor.p)
		rc = begin(s, listing, err);
	else if (!s->is_open || s->listing != listing || !us_slice_is_equal(cursor, position(s, arena)))
		return us_err_set(err, US_PROTOCOL, "a file is read from its front only; start the listing again");
	if (rc)
		return rc;
	if (s->pending.code) {
		if (err)
			*err = s->pending;
		return s->pending.code;
	}
	struct us_err found = US_ERR_INIT;
	enum us_file_part part = s->part_of[listing];
	int64_t before = cursor.p ? input_of(s)->read_bytes : 0;
	rc = s->is_ldif ? us_file_entries_read(s, arena, &page.rows, &found) : us_file_rows_read(s, part, arena, &page.rows, &found);
	source->stats.bytes += input_of(s)->read_bytes - before;
	if (rc == US_END || rc == US_PARTIAL) {
		enum us_errc changed = check_unchanged(s, &found);
		page.end = rc == US_END && !changed;
		rc = page.end ? US_OK : US_PARTIAL;
	}
	if (rc && (rc == US_CANCELLED || page.rows == 0)) {
		s->page.n = s->page.n_members = 0;
		s->pending = found;
		if (err)
			*err = found;
		return rc;
	}
	if (rc)
		s->pending = found;
	us_file_page_finish(&s->page, arena, &page);
	if (part == US_FILE_USERS && s->expected_rows)
		page.announced = s->expected_rows;
	if (page.end) {
		page.signal = signal_of(s);
		/* Behind the last listing nothing that was seen is asked for again. */
		if (listing + 1 == s->n_listings)
			forget_pass(s);
		else
			end_pass(s);
	} else {
		page.next = position(s, arena);
	}
	*ret_page = page;
	return US_OK;
}

static enum us_errc find(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena, struct us_page *ret_page,
	struct us_err *err)
{
	struct us_file_source *s = of(source);

	forget_pass(s);
	enum us_errc rc = check_files(s, err);
	source->stats.requests++;
	if (rc == US_OK)
		rc = s->is_ldif ? us_file_entries_find(s, key, is_id, arena, err) : us_file_rows_find(s, key, is_id, arena, err);
	/* That somebody is not there can be said only of a file that stayed as it was; that somebody is, likewise. */
	if (rc == US_OK || rc == US_NOT_FOUND) {
		struct us_err changed = US_ERR_INIT;
		if (check_unchanged(s, &changed)) {
			if (err)
				*err = changed;
			rc = changed.code;
		}
	}
	if (rc == US_OK) {
		struct us_page page = { .announced = -1, .rows = 1, .end = true, .signal = signal_of(s) };
		us_file_page_finish(&s->page, arena, &page);
		*ret_page = page;
	}
	forget_pass(s);
	return rc;
}

static enum us_errc test(struct us_source *source, struct us_str *notes, struct us_err *err)
{
	struct us_file_source *s = of(source);
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	for (size_t i = 0; i < s->n_listings && rc == US_OK; i++) {
		struct us_page page;
		size_t n[3] = { 0, 0, 0 };
		rc = fetch(source, i, US_SLICE_NONE, &arena, &page, err);
		if (rc == US_OK && !page.end && s->pending.code) {
			if (err)
				*err = s->pending;
			rc = s->pending.code;
		}
		if (rc)
			break;
		for (size_t k = 0; k < page.n; k++)
			n[page.records[k].kind]++;
		us_str_printf(notes, "%s: %lld rows on the first page%s (%zu users, %zu groups, %zu lists of members)\n",
			base_name(s->files[s->part_of[i]].path), (long long) page.rows, page.end ? ", which is the last" : "",
			n[US_RECORD_USER], n[US_RECORD_GROUP], n[US_RECORD_MEMBERS]);
		us_arena_reset(&arena);
	}
	forget_pass(s);
	us_arena_fini(&arena);
	return rc;
}

const struct us_source_ops us_source_file = {
	.type = {
		.name = "file",
		.title = "CSV or LDIF files",
		.help = "Users, groups and memberships from files that another system exports.",
		.options = options,
	},
	.open = open_source,
	.close = close_source,
	.test = test,
	.listings = listings,
	.fetch = fetch,
	.find = find,
};
