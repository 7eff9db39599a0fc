/* Preloaded into a server: kills it, as kill -9 would, before the n-th statement that writes once the file $KILLAT holds n. */
#include <dlfcn.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int sqlite3_step(sqlite3_stmt *s)
{
	static int (*_Atomic step)(sqlite3_stmt *);
	static atomic_int writes, at;
	const char *path = getenv("KILLAT");

	if (!step)
		*(void **) &step = dlsym(RTLD_NEXT, "sqlite3_step");
	if (!at && path) {
		FILE *f = fopen(path, "re");
		int n = 0;
		if (f && fscanf(f, "%d", &n) == 1)
			at = n;
		if (f)
			fclose(f);
	}
	if (at && !sqlite3_stmt_readonly(s) && ++writes == at)
		kill(getpid(), SIGKILL);
	return step(s);
}
