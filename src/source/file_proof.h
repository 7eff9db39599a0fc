/* File proof: what shows that a file is whole, and what speaks against it.
 *
 * A listing of a file ends (invariant L) only if the last line has a line end or is the end marker, the marker is there if one was asked for,
 * and no row was found that could not be told apart. A checksum, if asked for, was compared before the first row.
 */
#ifndef US_SOURCE_FILE_PROOF_H
#define US_SOURCE_FILE_PROOF_H

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

struct us_file_proof {
	struct us_slice marker; /* NONE, or the text of the last line; "{rows}" in it stands for the number of rows above */
	bool has_checksum;      /* the file was compared with its checksum: it is whole, however it ends */
};

/* Is line the marker? *ret_rows: the number that it gives, -1 if it gives none. */
bool us_file_proof_is_marker(const struct us_file_proof *proof, struct us_slice line, int64_t *ret_rows);

/* Doubts about a file, the first one in words. Rows go on being read, nothing is cleaned up. */
struct us_file_doubts {
	int64_t n;
	char first[US_ERR_TEXT_BYTES];
};

void us_file_doubts_add(struct us_file_doubts *doubts, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* US_OK if there are none, else US_PARTIAL with the first one and how many more there are. */
enum us_errc us_file_doubts_tell(const struct us_file_doubts *doubts, struct us_err *err);

/* The ids seen in a file, and the line of each: about 22 bytes an id. Lines are kept as steps, since ids mostly come one a line. */
struct us_file_seen {
	struct us_map ids;
	struct us_file_seen_step { uint32_t first; int64_t ahead; } *steps; /* from number `first` on, line = number + ahead */
	size_t n_steps, cap_steps;
};

void us_file_seen_fini(struct us_file_seen *seen);
/* False if the id was there before; then *ret_line is where. */
bool us_file_seen_add(struct us_file_seen *seen, struct us_slice id, int64_t line, int64_t *ret_line);
bool us_file_seen_has(const struct us_file_seen *seen, struct us_slice id);

#endif
