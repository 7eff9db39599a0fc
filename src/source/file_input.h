/* File input: one file of an export, read from front to back in chunks, and the signs that it stayed as it was.
 *
 * Symbolic links are followed, because exports are often published by turning a link; what they lead to must be a
 * regular file (nothing else is even opened) and, if the server has a folder for such files, must lie inside it. The
 * place is asked of the opened file itself, so a link that is turned in between cannot lead elsewhere.
 */
#ifndef US_SOURCE_FILE_INPUT_H
#define US_SOURCE_FILE_INPUT_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

/* Changes when the file is written to or replaced. */
struct us_file_identity {
	uint64_t device, inode;
	int64_t size_bytes, mtime_s, mtime_ns;
};

bool us_file_identity_is_equal(const struct us_file_identity *a, const struct us_file_identity *b);

enum { US_FILE_CHUNK_BYTES = 1 << 20 };

/* buffer[at .. n) is what has not been used yet. */
struct us_file_input {
	int fd;
	const char *name;    /* last part of the path, for messages; borrowed */
	char *buffer;
	size_t at, n, cap, most_bytes;
	bool is_end;         /* the file holds nothing behind buffer[n) */
	int64_t line;        /* of buffer[at], from 1 */
	int64_t offset;      /* of buffer[at] in the file */
	int64_t read_bytes;
	struct us_file_identity identity; /* when it was opened */
	const atomic_bool *cancel;
};

/* path and cancel must outlive the input. folder: NULL, or the only folder that may be read from; a relative path counts from
 * there, else from the working directory. most_bytes: the largest row or entry that fill makes room for.
 * Errors: US_UNAVAILABLE (not there), US_DENIED, US_CONFIG (no regular file, outside of the folder). */
enum us_errc us_file_input_open(struct us_file_input *in, const char *folder, const char *path, size_t most_bytes,
	const atomic_bool *cancel, struct us_err *err);
void us_file_input_close(struct us_file_input *in); /* after an open, also a failed one, or a close */

/* Reads on. The unused bytes move to the front of the buffer, which grows when they fill it.
 * Errors: US_TOO_LARGE (most_bytes are there and none is used), US_CANCELLED, US_UNAVAILABLE. */
enum us_errc us_file_input_fill(struct us_file_input *in, struct us_err *err);
/* Passes over a byte order mark. First call after open. Errors: as fill; US_CONFIG for UTF-16. */
enum us_errc us_file_input_skip_bom(struct us_file_input *in, struct us_err *err);
/* bytes of buffer[at …) are done with, and held that many line ends. */
void us_file_input_use(struct us_file_input *in, size_t bytes, int64_t lines);

/* What the path leads to now. Errors: as open. */
enum us_errc us_file_input_look(const char *folder, const char *path, struct us_file_identity *ret_identity, struct us_err *err);
/* SHA-256 of the whole file, from its front, in lower-case hex. */
enum us_errc us_file_input_digest(struct us_file_input *in, char ret_hex[65], struct us_err *err);

#endif
