/* File driver: what the parts of the file source share. Private to source/file*.c. */
#ifndef US_SOURCE_FILE_DRIVER_H
#define US_SOURCE_FILE_DRIVER_H

#include "source/file_ldif.h"
#include "source/file_table.h"
#include "source/source.h"

enum us_file_part { US_FILE_USERS, US_FILE_GROUPS, US_FILE_MEMBERS, US_FILE_PARTS };

/* What a page is collected in before it is copied to its arena; memory is used again from page to page. */
struct us_file_page {
	struct us_record *records;
	size_t n, cap;
	struct us_slice *members; /* of records that have members_at set, as a run */
	size_t n_members, cap_members;
};

#define US_FILE_TYPE_COLUMN "type" /* by default, if there is one */

struct us_file_source {
	struct us_source source;
	struct us_arena arena; /* configuration */
	const atomic_bool *cancel;

	struct us_file {
		const char *path; /* NULL: not configured */
		struct us_file_identity identity; /* at the start of the pass */
	} files[US_FILE_PARTS];
	bool is_ldif, is_checked; /* is_checked: identities are known, and checksums fit */
	const char *folder, *checksum_path;
	struct us_file_proof proof;
	int64_t expected_rows, stable_s;
	char delimiter, separator;
	struct us_slice id_column, username_column, ref_column, groups_column, active_column;
	bool must_have_groups, must_have_active;
	struct us_slice group_id_column, group_ref_column, in_group_column, in_member_column, in_type_column;
	const struct us_slice *user_classes, *group_classes, *member_attributes;
	size_t n_user_classes, n_group_classes, n_member_attributes;
	struct us_slice *texts; /* LDIF: attributes that decide what an entry is, what it is called and who is in it */
	size_t n_texts, cap_texts;

	struct us_listing listings[US_FILE_PARTS];
	enum us_file_part part_of[US_FILE_PARTS];
	size_t n_listings;

	/* The pass: a full read of one listing after the other. */
	bool is_open; /* table or ldif */
	size_t listing;
	struct us_err pending; /* found behind the last page's rows: the next fetch gives it */
	struct us_file_table table;
	struct us_file_ldif ldif;
	struct us_file_roles {
		size_t id, ref, username, groups, active; /* users and groups */
		size_t group, member, type;               /* memberships */
	} roles;
	bool has_groups; /* group_refs is filled */
	struct us_file_seen user_ids, user_refs, group_ids, group_refs;
	struct us_map mentioned; /* groups by name, where no file lists them */
	uint32_t *mentioned_by;  /* the row that mentioned it last */
	uint32_t cap_mentioned;
	struct us_file_page page;
};

struct us_record *us_file_page_add(struct us_file_page *page);
void us_file_page_add_member(struct us_file_page *page, struct us_slice member); /* to the last record */
/* Copies what was collected to the page's arena. */
void us_file_page_finish(struct us_file_page *page, struct us_arena *arena, struct us_page *ret_page);

/* ---- CSV: file_rows.c ---- */

enum us_errc us_file_rows_open(struct us_file_source *s, enum us_file_part part, struct us_err *err);
/* Adds rows to the page until it is full. US_END, errors: as us_file_table_next. */
enum us_errc us_file_rows_read(struct us_file_source *s, enum us_file_part part, struct us_arena *arena, int64_t *rows, struct us_err *err);
enum us_errc us_file_rows_find(struct us_file_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct us_err *err);

/* ---- LDIF: file_entries.c ---- */

enum us_errc us_file_entries_read(struct us_file_source *s, struct us_arena *arena, int64_t *rows, struct us_err *err);
enum us_errc us_file_entries_find(struct us_file_source *s, struct us_slice key, bool is_id, struct us_arena *arena, struct us_err *err);

/* "true", "no", "disabled" … ; false if text is none of the known words. Empty is US_TRI_YES: where there is such a column, it names the others. */
bool us_file_parse_active(struct us_slice text, enum us_tri *ret_active);

#endif
