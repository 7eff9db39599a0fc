/* LDIF entries as records. What an entry is, its object classes say; entries of neither kind are passed over. References are canonical DNs, or
 * the values of refColumn. */
#include "source/file_driver.h"

#include <stdlib.h>
#include <strings.h>

#include "base/fold.h"
#include "net/dn.h"

enum {
	PAGE_ENTRIES = 4096,
	PAGE_BYTES = 1 << 20,
	MOST_ID_BYTES = 1024,
};

static const struct us_field *find(const struct us_file_entry *entry, struct us_slice name)
{
	for (size_t i = 0; i < entry->n_fields; i++)
		if (entry->fields[i].name.n == name.n && strncasecmp(entry->fields[i].name.p, name.p, name.n) == 0)
			return &entry->fields[i];
	return NULL;
}

static struct us_slice first(const struct us_file_entry *entry, struct us_slice name)
{
	const struct us_field *f = find(entry, name);
	return f && f->n ? f->values[0] : US_SLICE_NONE;
}

static bool has_class(const struct us_field *classes, const struct us_slice *names, size_t n)
{
	for (size_t i = 0; classes && i < classes->n; i++)
		for (size_t k = 0; k < n; k++)
			if (classes->values[i].n == names[k].n && strncasecmp(classes->values[i].p, names[k].p, names[k].n) == 0)
				return true;
	return false;
}

enum kind { KIND_OTHER, KIND_USER, KIND_GROUP };

static enum kind kind_of(const struct us_file_source *s, const struct us_file_entry *entry)
{
	const struct us_field *classes = find(entry, US_SLICE("objectClass"));

	if (has_class(classes, s->group_classes, s->n_group_classes))
		return KIND_GROUP;
	/* Active Directory's computers are users to the schema. */
	static const struct us_slice computer = US_SLICE("computer");
	if (has_class(classes, s->user_classes, s->n_user_classes) && !has_class(classes, &computer, 1))
		return KIND_USER;
	return KIND_OTHER;
}

/* The servers' own ways to say that an account is off: Active Directory, 389 and FreeIPA, OpenLDAP's password policy. */
static enum us_tri server_active(const struct us_file_entry *entry)
{
	int64_t control;
	struct us_slice lock = first(entry, US_SLICE("nsAccountLock"));

	if (us_slice_to_int(first(entry, US_SLICE("userAccountControl")), &control))
		return control & 2 ? US_TRI_NO : US_TRI_YES;
	if (lock.n)
		return us_slice_is_nocase(lock, "true") ? US_TRI_NO : US_TRI_YES;
	/* The locks are absent from accounts in use. */
	return us_slice_is(first(entry, US_SLICE("pwdAccountLockedTime")), "000001010000Z") ? US_TRI_NO : US_TRI_YES;
}

/* What is no DN stands for itself. */
static struct us_slice canonical(struct us_arena *arena, struct us_slice dn)
{
	struct us_slice form;

	return us_dn_canonicalize(arena, dn, &form) ? form : dn;
}

static bool is_usable_id(struct us_slice id) { return id.n && id.n <= MOST_ID_BYTES; }

/* NULL or what keeps the entry from being told from others. */
static const char *identify(struct us_file_source *s, const struct us_file_entry *entry, bool is_user, struct us_arena *arena,
	struct us_record *record)
{
	const struct us_field *ids = find(entry, s->id_column);
	struct us_slice id = first(entry, s->id_column);
	const char *file = s->ldif.in.name;
	int64_t before;

	if (ids && ids->n > 1)
		return us_arena_printf(arena, "%s line %lld: %zu values of " US_SLICE_FMT "; set idColumn to what has one", file, (long long) entry->line, ids->n,
			US_SLICE_ARG(s->id_column));
	if (!is_usable_id(id))
		return us_arena_printf(arena, "%s line %lld: no usable " US_SLICE_FMT "; export it, or set idColumn", file, (long long) entry->line,
			US_SLICE_ARG(s->id_column));
	if (!us_file_seen_add(is_user ? &s->user_ids : &s->group_ids, id, entry->line, &before))
		return us_arena_printf(arena, "%s: the id \"" US_SLICE_FMT "\" is on line %lld and again on line %lld; each %s needs an id of its own",
			file, US_SLICE_ARG(id), (long long) before, (long long) entry->line, is_user ? "user" : "group");
	struct us_slice ref = is_user && s->ref_column.p ? first(entry, s->ref_column) : canonical(arena, entry->dn);
	if (!ref.n)
		return us_arena_printf(arena, "%s line %lld: no " US_SLICE_FMT ", which memberships name users by", file, (long long) entry->line,
			US_SLICE_ARG(s->ref_column));
	if (!us_file_seen_add(is_user ? &s->user_refs : &s->group_refs, ref, entry->line, &before))
		return us_arena_printf(arena, "%s: \"" US_SLICE_FMT "\" is on line %lld and again on line %lld; memberships could mean either", file,
			US_SLICE_ARG(ref), (long long) before, (long long) entry->line);
	record->id = id;
	record->ref = ref;
	return NULL;
}

static void add_entry(struct us_file_source *s, const struct us_file_entry *entry, bool is_user, struct us_arena *arena)
{
	struct us_record record = { .kind = is_user ? US_RECORD_USER : US_RECORD_GROUP, .id = US_SLICE(""), .problem = us_slice(entry->problem) };
	struct us_slice *dn = us_arena_alloc(arena, sizeof *dn);
	struct us_field *fields = us_arena_alloc(arena, (entry->n_fields + 1) * sizeof *fields);
	const char *what = identify(s, entry, is_user, arena, &record);

	if (what) {
		us_file_doubts_add(&s->ldif.doubts, "%s", what);
		record.problem = us_slice(what);
	}
	*dn = entry->dn;
	fields[0] = (struct us_field) { .name = US_SLICE("dn"), .values = dn, .n = 1 };
	if (entry->n_fields)
		memcpy(fields + 1, entry->fields, entry->n_fields * sizeof *fields);
	record.fields = fields;
	record.n_fields = entry->n_fields + 1;
	if (is_user && s->must_have_active) {
		struct us_slice text = first(entry, s->active_column);
		if (!us_file_parse_active(text, &record.active) && !record.problem.p)
			record.problem = us_slice(us_arena_printf(arena, "%s line %lld: " US_SLICE_FMT " is neither true nor false", s->ldif.in.name,
				(long long) entry->line, US_SLICE_ARG(s->active_column)));
	} else if (is_user) {
		record.active = server_active(entry);
	}
	*us_file_page_add(&s->page) = record;
	for (size_t i = 0; !is_user && i < s->n_member_attributes; i++) {
		const struct us_field *members = find(entry, s->member_attributes[i]);
		for (size_t k = 0; members && k < members->n; k++)
			us_file_page_add_member(&s->page, s->ref_column.p ? members->values[k] : canonical(arena, members->values[k]));
	}
}

enum us_errc us_file_entries_read(struct us_file_source *s, struct us_arena *arena, int64_t *rows, struct us_err *err)
{
	int64_t first_byte = s->ldif.in.offset;
	struct us_file_entry entry;

	while (*rows < PAGE_ENTRIES && s->ldif.in.offset - first_byte < PAGE_BYTES) {
		enum us_errc rc = us_file_ldif_next(&s->ldif, arena, &entry, err);
		if (rc)
			return rc;
		++*rows;
		enum kind kind = kind_of(s, &entry);
		/* Without a DN it can be anything: it is a doubt about the file already. So is one whose flaw may hide that it is a user. */
		if (entry.dn.p && kind != KIND_OTHER)
			add_entry(s, &entry, kind == KIND_USER, arena);
		else if (entry.dn.p && entry.problem)
			us_file_doubts_add(&s->ldif.doubts, "%s", entry.problem);
	}
	return US_OK;
}

/* ---- one user ---- */

static bool is_wanted(const struct us_file_source *s, const struct us_file_entry *entry, struct us_slice key, bool is_id)
{
	struct us_slice text = first(entry, is_id ? s->id_column : s->username_column);

	if (is_id)
		return us_slice_is_equal(text, key) && text.n;
	return text.n && us_hash_is_equal(us_fold_hash(text), us_fold_hash(key));
}

/* A copy that outlives the entry's own memory. */
static struct us_file_entry keep_entry(const struct us_file_entry *entry, struct us_arena *arena)
{
	struct us_file_entry kept = *entry;
	struct us_field *fields = us_arena_alloc(arena, entry->n_fields * sizeof *fields);

	for (size_t i = 0; i < entry->n_fields; i++) {
		const struct us_field *f = &entry->fields[i];
		struct us_slice *values = us_arena_alloc(arena, f->n * sizeof *values);
		for (size_t k = 0; k < f->n; k++)
			values[k] = us_slice_dup(arena, f->values[k]);
		fields[i] = (struct us_field) { us_slice_dup(arena, f->name), values, f->n };
	}
	kept.dn = us_slice_dup(arena, entry->dn);
	kept.fields = fields;
	kept.problem = entry->problem ? us_arena_strdup(arena, entry->problem) : NULL;
	return kept;
}

static bool holds(const struct us_file_source *s, const struct us_file_entry *group, struct us_slice ref, struct us_arena *scratch)
{
	for (size_t i = 0; i < s->n_member_attributes; i++) {
		const struct us_field *members = find(group, s->member_attributes[i]);
		for (size_t k = 0; members && k < members->n; k++)
			if (us_slice_is_equal(ref, s->ref_column.p ? members->values[k] : canonical(scratch, members->values[k])))
				return true;
	}
	return false;
}

/* One pass over the file: for the user that key means, or, with a ref, for the groups that hold it. How the file ended is the result. */
static enum us_errc pass(struct us_file_source *s, struct us_slice key, bool is_id, struct us_slice ref, struct us_arena *arena,
	int *ret_found, struct us_err *err)
{
	struct us_arena scratch = US_ARENA_INIT;
	struct us_file_entry entry;
	enum us_errc rc = us_file_ldif_open(&s->ldif, s->folder, s->files[US_FILE_USERS].path, &s->proof, s->texts,
		s->n_texts, s->cancel, err);

	*ret_found = 0;
	while (rc == US_OK && (rc = us_file_ldif_next(&s->ldif, &scratch, &entry, err)) == US_OK) {
		enum kind kind = entry.dn.p ? kind_of(s, &entry) : KIND_OTHER;
		bool is_hit = ref.p ? kind == KIND_GROUP && holds(s, &entry, ref, &scratch) :
			kind == KIND_USER && is_wanted(s, &entry, key, is_id);
		if (is_hit) {
			struct us_file_entry kept = keep_entry(&entry, arena);
			add_entry(s, &kept, kind == KIND_USER, arena);
			++*ret_found;
		}
		us_arena_reset(&scratch);
	}
	us_arena_fini(&scratch);
	us_file_ldif_close(&s->ldif);
	return rc;
}

enum us_errc us_file_entries_find(struct us_file_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct us_err *err)
{
	int found, n_groups;
	enum us_errc rc = pass(s, key, is_id, US_SLICE_NONE, arena, &found, err);

	if (rc == US_CANCELLED || rc == US_UNAVAILABLE || rc == US_CONFIG || rc == US_DENIED)
		return rc;
	if (found > 1)
		return us_err_set(err, US_PARTIAL, "%s has \"" US_SLICE_FMT "\" %d times", s->files[US_FILE_USERS].path, US_SLICE_ARG(key), found);
	if (!found)
		return rc == US_END ? us_err_set(err, US_NOT_FOUND, "%s has no user \"" US_SLICE_FMT "\"", s->files[US_FILE_USERS].path,
			US_SLICE_ARG(key)) : rc;
	struct us_record user = s->page.records[--s->page.n];
	if (!user.ref.p) {
		*us_file_page_add(&s->page) = user;
		return US_OK;
	}
	rc = pass(s, key, is_id, user.ref, arena, &n_groups, err);
	if (rc != US_END)
		return rc;
	struct us_slice *groups = us_arena_alloc(arena, s->page.n * sizeof *groups);
	for (size_t i = 0; i < s->page.n; i++) {
		groups[i] = s->page.records[i].ref.p ? s->page.records[i].ref : US_SLICE("");
		s->page.records[i].n_members = 0;
	}
	user.groups = groups;
	user.n_groups = s->page.n;
	s->page.n_members = 0;
	*us_file_page_add(&s->page) = user;
	return US_OK;
}
