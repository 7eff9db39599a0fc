#include "base/zonefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NAME_BYTES = 64, MOST_FILE_BYTES = 1 << 18 };

/* Each segment begins with a letter: no "..", no hidden file, no empty one, no absolute path. */
static bool is_name(struct us_slice name)
{
	if (!name.n || name.n > MOST_NAME_BYTES || name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z', is_first = i == 0 || name.p[i - 1] == '/';
		if (!is_letter && (is_first || !c || !strchr("0123456789_-+/", c)))
			return false;
	}
	return true;
}

static enum us_errc read_all(int fd, struct us_slice name, struct us_str *out, struct us_err *err)
{
	char buffer[4096];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return us_err_set(err, US_NOT_FOUND, "there is no time zone \"" US_SLICE_FMT "\"", US_SLICE_ARG(name));
	while ((n = read(fd, buffer, sizeof buffer)) > 0 && out->n <= MOST_FILE_BYTES)
		us_str_add(out, buffer, (size_t) n);
	if (n < 0)
		return us_err_set_native(err, US_CONFIG, errno, "cannot read the time zone \"" US_SLICE_FMT "\": %s", US_SLICE_ARG(name), strerror(errno));
	if (out->n > MOST_FILE_BYTES)
		return us_err_set(err, US_CONFIG, "the file of the time zone \"" US_SLICE_FMT "\" is too large", US_SLICE_ARG(name));
	return US_OK;
}

enum us_errc us_zonefile_read(struct us_slice name, struct us_str *out, struct us_err *err)
{
	const char *folder = getenv("TZDIR");
	char path[PATH_MAX];

	if (!is_name(name))
		return us_err_set(err, US_INVALID, "is no name of a time zone; want one such as Europe/Berlin");
	int n = snprintf(path, sizeof path, "%s/" US_SLICE_FMT, folder && *folder ? folder : "/usr/share/zoneinfo", US_SLICE_ARG(name));
	int fd = n < PATH_MAX ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
	if (fd < 0)
		return us_err_set_native(err, US_NOT_FOUND, errno, "there is no time zone \"" US_SLICE_FMT "\" in %s", US_SLICE_ARG(name),
			folder && *folder ? folder : "/usr/share/zoneinfo");
	enum us_errc rc = read_all(fd, name, out, err);
	close(fd);
	return rc;
}
