/* File LDIF: the entries of an LDIF file as slapcat, slapd's and other servers' exports and ldapsearch write them.
 *
 * Read: folded lines, comments, base64 values, attribute options, several values, ldapsearch's closing lines (its result code is heeded).
 * Refused: change records; values that are a URL or file name, which would be read from wherever they point to.
 * A file that is cut between two lines of an entry looks like a shorter entry. So the last entry counts as whole only if an empty line or the
 * end marker follows, or a checksum was compared; all exporters write the empty line.
 * Spec: RFC 2849.
 */
#ifndef US_SOURCE_FILE_LDIF_H
#define US_SOURCE_FILE_LDIF_H

#include "base/arena.h"
#include "model/record.h"
#include "source/file_input.h"
#include "source/file_proof.h"

enum {
	US_FILE_MOST_VALUE_BYTES = 1 << 20,
	US_FILE_MOST_ENTRY_BYTES = 64 << 20,
	US_FILE_MOST_ATTRIBUTES = 500, /* different ones of an entry */
};

struct us_file_ldif_line { struct us_slice name, value; uint32_t field; };

struct us_file_ldif {
	struct us_file_input in;
	const struct us_file_proof *proof;
	const struct us_slice *texts; /* attributes that must be text: a binary value of theirs is no picture but a flaw */
	size_t n_texts;
	int64_t entries;
	struct us_file_doubts doubts;
	bool has_marker;
	struct us_file_ldif_line *lines; /* of the entry in hand */
	size_t n_lines, cap_lines;
};

struct us_file_entry {
	int64_t line;
	struct us_slice dn;      /* as written; NONE if the entry is broken beyond that */
	const struct us_field *fields; /* values of one attribute together; empty and binary values are left out */
	size_t n_fields;
	const char *problem;     /* NULL, or what is wrong; the values that it is about are left out */
};

/* proof, texts and path must outlive it. Errors: those of the input. */
enum us_errc us_file_ldif_open(struct us_file_ldif *ldif, const char *folder, const char *path, const struct us_file_proof *proof,
	const struct us_slice *texts, size_t n_texts, const atomic_bool *cancel, struct us_err *err);
void us_file_ldif_close(struct us_file_ldif *ldif); /* after an open, also a failed one, or a close */

/* The next entry, in arena. US_END only at the proper end of an undoubted file. US_PARTIAL at an end that is none, or when it cannot go on;
 * US_CONFIG for change records. An entry without a DN is a doubt already. */
enum us_errc us_file_ldif_next(struct us_file_ldif *ldif, struct us_arena *arena, struct us_file_entry *ret_entry, struct us_err *err);

#endif
