/* Files of the command line: read whole, written whole or not at all. */
#ifndef US_CMD_OUTPUT_H
#define US_CMD_OUTPUT_H

#include "base/err.h"
#include "base/str.h"

enum { US_OUTPUT_FILE_MOST = 4 << 20 /* bytes */ };

/* path "-": standard input. Appends to out. Errors: US_DISK, US_TOO_LARGE. */
enum us_errc us_output_read(const char *path, struct us_str *out, struct us_err *err);
/* With a line feed at the end; NULL or "-": standard output. A file has mode 0600 and appears under its name
 * when it is whole. US_DISK. */
enum us_errc us_output_write(const char *path, struct us_slice text, struct us_err *err);

#endif
