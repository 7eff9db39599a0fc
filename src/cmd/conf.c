#include "cmd/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BYTES = 65536 };

static enum us_errc read_whole(const char *path, bool is_private, struct us_str *out, struct us_err *err)
{
	struct stat st;
	char buffer[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return us_err_set_native(err, errno == ENOENT || errno == ENOTDIR ? US_NOT_FOUND : US_CONFIG, errno, "cannot read %s: %s", path,
			strerror(errno));
	if (fstat(fd, &st) == 0 && is_private && (st.st_mode & 077)) {
		close(fd);
		return us_err_set(err, US_CONFIG, "%s can be read by others (mode %04o): run chmod 600 on it", path, (unsigned) st.st_mode & 07777);
	}
	while ((n = read(fd, buffer, sizeof buffer)) > 0 && out->n <= MAX_BYTES)
		us_str_add(out, buffer, (size_t) n);
	int why = errno;
	close(fd);
	if (n < 0)
		return us_err_set_native(err, US_CONFIG, why, "cannot read %s: %s", path, strerror(why));
	if (out->n > MAX_BYTES)
		return us_err_set(err, US_CONFIG, "%s is longer than %d bytes", path, MAX_BYTES);
	if (out->n && !us_slice_is_utf8(us_str_slice(out)))
		return us_err_set(err, US_CONFIG, "%s is not UTF-8 text", path);
	return US_OK;
}

static bool is_known(const char *const *known, struct us_slice key)
{
	for (; *known; known++)
		if (us_slice_is(key, *known))
			return true;
	return false;
}

static enum us_errc parse(struct us_arena *arena, const char *path, struct us_slice text, const char *const *known,
	struct us_conf_file *ret_file, struct us_err *err)
{
	struct us_conf_file file = { 0 };
	size_t lines = 1;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	file.entries = us_arena_array(arena, lines, sizeof *file.entries);
	for (int number = 1; text.n; number++) {
		const char *feed = memchr(text.p, '\n', text.n);
		struct us_slice line = { text.p, feed ? (size_t) (feed - text.p) : text.n };
		size_t used = line.n + (feed ? 1 : 0);
		text.p += used;
		text.n -= used;

		line = us_slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		const char *equals = memchr(line.p, '=', line.n);
		if (!equals)
			return us_err_set(err, US_CONFIG, "%s, line %d: want \"key = value\"", path, number);
		struct us_slice key = us_slice_trim((struct us_slice) { line.p, (size_t) (equals - line.p) });
		struct us_slice value = us_slice_trim((struct us_slice) { equals + 1, line.n - (size_t) (equals + 1 - line.p) });
		if (!is_known(known, key))
			return us_err_set(err, US_CONFIG, "%s, line %d: unknown key \"" US_SLICE_FMT "\"", path, number, US_SLICE_ARG(key));
		file.entries[file.n++] = (struct us_conf_entry) {
			us_arena_strndup(arena, key.p, key.n), us_arena_strndup(arena, value.p, value.n), number };
	}
	*ret_file = file;
	return US_OK;
}

enum us_errc us_conf_file_load(struct us_arena *arena, const char *path, bool is_private, const char *const *known,
	struct us_conf_file *ret_file, struct us_err *err)
{
	struct us_str text = US_STR_INIT;
	enum us_errc rc = read_whole(path, is_private, &text, err);

	if (rc == US_OK)
		rc = parse(arena, path, us_str_slice(&text), known, ret_file, err);
	us_str_fini(&text);
	return rc;
}

const char *us_conf_file_find(const struct us_conf_file *file, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < file->n; i++)
		if (strcmp(file->entries[i].key, key) == 0)
			found = file->entries[i].value;
	return found;
}
