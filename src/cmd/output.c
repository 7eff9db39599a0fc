#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum us_errc us_output_read(const char *path, struct us_str *out, struct us_err *err)
{
	bool is_input = strcmp(path, "-") == 0;
	FILE *in = is_input ? stdin : fopen(path, "re");
	char buffer[8192];
	size_t n;

	if (!in)
		return us_err_set_native(err, US_DISK, errno, "cannot read %s: %s", path, strerror(errno));
	errno = 0;
	while ((n = fread(buffer, 1, sizeof buffer, in)) > 0 && out->n <= US_OUTPUT_FILE_MOST)
		us_str_add(out, buffer, n);
	int failed = ferror(in) ? errno : 0;
	if (!is_input)
		fclose(in);
	if (failed)
		return us_err_set_native(err, US_DISK, failed, "cannot read %s: %s", path, strerror(failed));
	return out->n > US_OUTPUT_FILE_MOST
			   ? us_err_set(err, US_TOO_LARGE, "%s is larger than %d bytes", path, US_OUTPUT_FILE_MOST)
			   : US_OK;
}

static bool put(FILE *out, struct us_slice text)
{
	bool ok = !text.n || fwrite(text.p, 1, text.n, out) == text.n;

	if (ok && (!text.n || text.p[text.n - 1] != '\n'))
		ok = putc('\n', out) != EOF;
	return fflush(out) == 0 && ok;
}

static enum us_errc cannot_write(const char *path, int native, struct us_err *err)
{
	return us_err_set_native(err, US_DISK, native, "cannot write %s: %s", path, strerror(native));
}

enum us_errc us_output_write(const char *path, struct us_slice text, struct us_err *err)
{
	struct us_str fresh = US_STR_INIT;
	enum us_errc rc = US_OK;

	if (!path || strcmp(path, "-") == 0)
		return put(stdout, text) ? US_OK : cannot_write("standard output", errno, err);
	us_str_printf(&fresh, "%s.XXXXXX", path);
	int fd = mkstemp(fresh.p); /* mode 0600 */
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		rc = cannot_write(path, errno, err);
		if (fd >= 0)
			close(fd);
	} else {
		bool ok = put(out, text) && fsync(fd) == 0;
		int native = errno;
		if (fclose(out) != 0 && ok) {
			ok = false;
			native = errno;
		}
		if (ok && rename(fresh.p, path) != 0) {
			ok = false;
			native = errno;
		}
		if (!ok) {
			unlink(fresh.p);
			rc = cannot_write(path, native, err);
		}
	}
	us_str_fini(&fresh);
	return rc;
}
