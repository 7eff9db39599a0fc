#include "source/file_input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/secret.h"

/* Scanners may look this far behind buffer[n). */
enum { PAD_BYTES = 64 };

bool us_file_identity_is_equal(const struct us_file_identity *a, const struct us_file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes && a->mtime_s == b->mtime_s &&
		a->mtime_ns == b->mtime_ns;
}

static void take_identity(const struct stat *st, struct us_file_identity *ret_identity)
{
	*ret_identity = (struct us_file_identity) {
		.device = st->st_dev, .inode = st->st_ino, .size_bytes = st->st_size,
		.mtime_s = st->st_mtim.tv_sec, .mtime_ns = st->st_mtim.tv_nsec,
	};
}

static enum us_errc refuse(struct us_err *err, int number, const char *path)
{
	enum us_errc code = number == EACCES || number == EPERM ? US_DENIED :
		number == ELOOP || number == ENAMETOOLONG || number == ENOTDIR ? US_CONFIG : US_UNAVAILABLE;

	return us_err_set_native(err, code, number, "cannot open %s: %s", path, strerror(number));
}

/* Is what fd has opened inside of folder? Asked of the kernel, so it holds whatever the links do meanwhile. */
static enum us_errc check_inside(int fd, const char *folder, const char *path, struct us_err *err)
{
	char proc[40], real[PATH_MAX], root[PATH_MAX];

	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(proc, real, sizeof real - 1);
	if (n < 0 || !realpath(folder, root))
		return refuse(err, errno, n < 0 ? path : folder);
	real[n] = '\0';
	size_t len = strlen(root);
	while (len && root[len - 1] == '/')
		len--;
	if (strncmp(real, root, len) != 0 || real[len] != '/')
		return us_err_set(err, US_CONFIG, "%s is not inside %s, the only folder that this server reads files from", path, folder);
	return US_OK;
}

/* Nothing but a regular file is opened for reading: opening a device or a pipe can do things. */
static enum us_errc open_file(const char *folder, const char *path, int *ret_fd, struct stat *ret_st, struct us_err *err)
{
	char proc[40];
	int dir = AT_FDCWD;

	if (folder && path[0] != '/') {
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return refuse(err, errno, folder);
	}
	int place = openat(dir, path, O_PATH | O_CLOEXEC);
	int number = errno;
	if (dir >= 0)
		close(dir);
	if (place < 0)
		return refuse(err, number, path);
	enum us_errc rc = folder ? check_inside(place, folder, path, err) : US_OK;
	if (rc == US_OK && fstat(place, ret_st) != 0)
		rc = refuse(err, errno, path);
	else if (rc == US_OK && !S_ISREG(ret_st->st_mode))
		rc = us_err_set(err, US_CONFIG, "%s is %s, not a regular file", path, S_ISDIR(ret_st->st_mode) ? "a folder" : "a device or pipe");
	if (rc == US_OK) {
		snprintf(proc, sizeof proc, "/proc/self/fd/%d", place);
		*ret_fd = open(proc, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (*ret_fd < 0)
			rc = refuse(err, errno, path);
		else if (fstat(*ret_fd, ret_st) != 0) {
			rc = refuse(err, errno, path);
			close(*ret_fd);
		}
	}
	close(place);
	return rc;
}

enum us_errc us_file_input_open(struct us_file_input *in, const char *folder, const char *path, size_t most_bytes,
	const atomic_bool *cancel, struct us_err *err)
{
	struct stat st;
	const char *slash = strrchr(path, '/');

	*in = (struct us_file_input) { .fd = -1, .name = slash ? slash + 1 : path, .most_bytes = most_bytes, .line = 1, .cancel = cancel };
	enum us_errc rc = open_file(folder, path, &in->fd, &st, err);
	if (rc)
		return rc;
	take_identity(&st, &in->identity);
	posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return US_OK;
}

void us_file_input_close(struct us_file_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	free(in->buffer);
	*in = (struct us_file_input) { .fd = -1 };
}

enum us_errc us_file_input_look(const char *folder, const char *path, struct us_file_identity *ret_identity, struct us_err *err)
{
	struct stat st;
	int fd;
	enum us_errc rc = open_file(folder, path, &fd, &st, err);

	if (rc)
		return rc;
	close(fd);
	take_identity(&st, ret_identity);
	return US_OK;
}

static bool is_cancelled(const struct us_file_input *in)
{
	return in->cancel && atomic_load_explicit(in->cancel, memory_order_relaxed);
}

static enum us_errc read_some(struct us_file_input *in, void *p, size_t most, size_t *ret_n, struct us_err *err)
{
	for (;;) {
		if (is_cancelled(in))
			return us_err_set(err, US_CANCELLED, "cancelled");
		ssize_t n = read(in->fd, p, most);
		if (n >= 0) {
			*ret_n = (size_t) n;
			return US_OK;
		}
		if (errno != EINTR)
			return us_err_set_native(err, US_UNAVAILABLE, errno, "cannot read %s: %s", in->name, strerror(errno));
	}
}

enum us_errc us_file_input_fill(struct us_file_input *in, struct us_err *err)
{
	if (in->at) {
		memmove(in->buffer, in->buffer + in->at, in->n - in->at);
		in->n -= in->at;
		in->at = 0;
	}
	if (in->n >= in->most_bytes)
		return us_err_set(err, US_TOO_LARGE, "%s line %lld: more than %zu MB without an end", in->name, (long long) in->line,
			in->most_bytes >> 20);
	/* At least twice the room, so that scanning a large row from its start again and again stays linear. */
	if (in->n > in->cap / 2 || !in->buffer) {
		/* A small file is read at once, with room to see its end. */
		size_t small = in->identity.size_bytes < US_FILE_CHUNK_BYTES ? (size_t) in->identity.size_bytes + PAD_BYTES : SIZE_MAX;
		size_t cap = in->cap ? in->cap * 2 : small < US_FILE_CHUNK_BYTES ? small : US_FILE_CHUNK_BYTES;
		if (cap > in->most_bytes)
			cap = in->most_bytes;
		if (cap > in->cap) {
			in->buffer = us_realloc(in->buffer, cap + PAD_BYTES);
			in->cap = cap;
		}
	}
	while (!in->is_end && in->n < in->cap) {
		size_t n;
		enum us_errc rc = read_some(in, in->buffer + in->n, in->cap - in->n, &n, err);
		if (rc)
			return rc;
		in->is_end = n == 0;
		in->n += n;
		in->read_bytes += (int64_t) n;
	}
	memset(in->buffer + in->n, 0, PAD_BYTES);
	return US_OK;
}

void us_file_input_use(struct us_file_input *in, size_t bytes, int64_t lines)
{
	us_assert(bytes <= in->n - in->at);
	in->at += bytes;
	in->offset += (int64_t) bytes;
	in->line += lines;
}

enum us_errc us_file_input_skip_bom(struct us_file_input *in, struct us_err *err)
{
	enum us_errc rc = us_file_input_fill(in, err);

	if (rc)
		return rc;
	if (in->n >= 2 && (memcmp(in->buffer, "\xFF\xFE", 2) == 0 || memcmp(in->buffer, "\xFE\xFF", 2) == 0))
		return us_err_set(err, US_CONFIG, "%s is UTF-16; save it as UTF-8", in->name);
	if (in->n >= 3 && memcmp(in->buffer, "\xEF\xBB\xBF", 3) == 0)
		us_file_input_use(in, 3, 0);
	return US_OK;
}

enum us_errc us_file_input_digest(struct us_file_input *in, char ret_hex[65], struct us_err *err)
{
	struct us_secret_sha256 sum;
	char *p = us_malloc(US_FILE_CHUNK_BYTES);
	enum us_errc rc;
	size_t n;

	us_secret_sha256_begin(&sum);
	while ((rc = read_some(in, p, US_FILE_CHUNK_BYTES, &n, err)) == US_OK && n)
		us_secret_sha256_add(&sum, p, n);
	free(p);
	if (rc)
		return rc;
	us_secret_sha256_end(&sum, ret_hex);
	return US_OK;
}
