/* A folder of the test's own, removed with everything in it. */
#ifndef US_TESTS_TEMP_H
#define US_TESTS_TEMP_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

struct temp {
	char path[PATH_MAX];
	char dsn[PATH_MAX + 32];  /* sqlite:<path>/store.db */
	char file[PATH_MAX + 32]; /* <path>/store.db */
};

static inline void temp_make(struct temp *t)
{
	const char *base = getenv("TMPDIR");

	snprintf(t->path, sizeof t->path, "%s/usersync-unit-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(t->path))
		fail_msg("cannot make %s", t->path);
	snprintf(t->file, sizeof t->file, "%.*s/store.db", PATH_MAX, t->path);
	snprintf(t->dsn, sizeof t->dsn, "sqlite:%.*s", PATH_MAX, t->file);
}

static inline void temp_remove(struct temp *t)
{
	DIR *d = opendir(t->path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(t->path);
}

/* Does the file, or its log, hold these bytes? */
static inline bool temp_file_holds(const char *path, const char *needle)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	fseek(f, 0, SEEK_END);
	size_t n = (size_t) ftell(f);
	char *all = us_malloc(n + 1);
	rewind(f);
	n = fread(all, 1, n, f);
	fclose(f);
	bool holds = memmem(all, n, needle, strlen(needle)) != NULL;
	free(all);
	return holds;
}

#endif
