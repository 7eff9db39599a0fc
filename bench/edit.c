/* What an edit by hand costs in a local directory: one membership added to a large group and taken away again, each with its run, its plan and its
 * commit. Prints a line for each step: name, median and 99th percentile in microseconds.
 *
 *     edit [USERS [MEMBERS [EDITS]]]       default 100000 50000 2000
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/directory.h"
#include "sync/edit.h"

static struct us_err error = US_ERR_INIT;

static void check(enum us_errc rc)
{
	if (!rc)
		return;
	fprintf(stderr, "edit: %s: %s\n", us_err_name(rc), error.text);
	exit(1);
}

static void apply(struct us_store *store, int64_t directory, const struct us_edit *edits, size_t n)
{
	const struct us_edit_request request = { .directory = directory, .edits = edits, .n = n, .actor = US_SLICE("bench"), .trigger = US_TRIGGER_CLI };
	struct us_edit_result result;

	check(us_edit_apply(store, &request, US_SLICE_NONE, &result, &error));
	if (!result.run) {
		fputs("edit: nothing was changed\n", stderr);
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

static void show(const char *name, int64_t *us, size_t n)
{
	qsort(us, n, sizeof *us, by_value);
	printf("%s\t%lld\t%lld\n", name, (long long) us[n / 2], (long long) us[n * 99 / 100]);
}

static size_t number_of(int argc, char **argv, int at, size_t fallback) { return argc > at ? strtoul(argv[at], NULL, 10) : fallback; }

int main(int argc, char **argv)
{
	const size_t n_users = number_of(argc, argv, 1, 100000), n_members = number_of(argc, argv, 2, 50000), n_edits = number_of(argc, argv, 3, 2000);
	static const struct us_type types[] = { { .name = NULL } };
	const struct us_secret_key key = { { 0 } };
	struct us_arena arena = US_ARENA_INIT;
	char folder[PATH_MAX], dsn[PATH_MAX + 32], command[PATH_MAX + 16];
	struct us_edit *edits = us_calloc(n_users + 1, sizeof *edits);
	int64_t *added = us_calloc(n_edits, sizeof *added), *removed = us_calloc(n_edits, sizeof *removed), directory;
	struct us_store *store;
	struct us_dbc *c;

	snprintf(folder, sizeof folder, "%s/usersync-edit-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(folder) || n_members >= n_users) {
		perror(folder);
		return 1;
	}
	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db", folder);
	check(us_secret_init(&error));
	check(us_store_open(dsn, &key, types, NULL, &store, NULL, &error));
	check(us_db_lease_writer(store->db, &c, &error));
	check(us_db_begin(c, &error));
	check(us_directory_create(c, US_SLICE("Local"), US_SLICE_NONE, 1, &directory, &error));
	check(us_db_commit(c, &error));
	us_db_release(c);
	edits[0] = (struct us_edit) { .kind = US_EDIT_CREATE_GROUP, .name = US_SLICE("all") };
	for (size_t i = 1; i <= n_users; i++)
		edits[i] = (struct us_edit) { .kind = US_EDIT_CREATE_USER, .name = us_slice(us_arena_printf(&arena, "user%zu", i)), .active = true };
	apply(store, directory, edits, n_users + 1);
	for (size_t i = 0; i < n_members; i++)
		edits[i] = (struct us_edit) { .kind = US_EDIT_ADD_USER, .object = { .number = 1 }, .member = { .number = (uint32_t) i + 1 } };
	apply(store, directory, edits, n_members);
	for (size_t i = 0; i < n_edits; i++) {
		const char *name = us_arena_printf(&arena, "USER%zu", n_members + 1 + i % (n_users - n_members));
		struct us_edit one = { .kind = US_EDIT_ADD_USER, .object = { .name = US_SLICE("All") }, .member = { .name = us_slice(name) } };
		int64_t from = us_clock_monotonic_us();
		apply(store, directory, &one, 1);
		added[i] = us_clock_monotonic_us() - from;
		one.kind = US_EDIT_REMOVE_USER;
		from = us_clock_monotonic_us();
		apply(store, directory, &one, 1);
		removed[i] = us_clock_monotonic_us() - from;
	}
	show("member added", added, n_edits);
	show("member removed", removed, n_edits);
	us_store_close(store);
	us_arena_fini(&arena);
	free(edits);
	free(added);
	free(removed);
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	return system(command) != 0;
}
