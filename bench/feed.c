/* What following a directory costs: reading all of its changes by pages, each with a lease and a snapshot of its own as a request has them, as rows and as
 * the JSON that is sent; and asking whether there is anything new when there is not. Prints a line for each: name and times a second.
 *
 *     feed [ROWS [LOOKS]]       default 100000 200000
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/directory.h"
#include "store/feed.h"
#include "sync/edit.h"

enum { PAGE = 1000 };

static struct us_err error = US_ERR_INIT;

static void check(enum us_errc rc)
{
	if (!rc)
		return;
	fprintf(stderr, "feed: %s: %s\n", us_err_name(rc), error.text);
	exit(1);
}

static struct us_dbc *lease(struct us_store *store)
{
	struct us_dbc *c;

	check(us_db_lease_reader(store->db, &c, &error));
	check(us_db_begin(c, &error));
	return c;
}

static void show(const char *name, size_t n, int64_t from_us)
{
	int64_t took = us_clock_monotonic_us() - from_us;

	printf("%s\t%lld\n", name, (long long) (n * 1000000 / (uint64_t) (took ? took : 1)));
}

static size_t read_all(struct us_store *store, int64_t directory, struct us_str *json)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_feed_token token = { "" };
	size_t n = 0;
	bool is_over = false;

	while (!is_over) {
		struct us_dbc *c = lease(store);
		struct us_jsonw w = US_JSONW_INIT(json);
		struct us_feed feed;
		check(us_feed_open(c, directory, n ? us_slice(token.text) : US_SLICE_NONE, &feed, &error));
		for (int i = 0; i < PAGE && !is_over; i++) {
			struct us_feed_row row;
			enum us_errc rc = us_feed_next(&feed, &arena, &row, &error);
			is_over = rc == US_END;
			if (!is_over) {
				check(rc);
				n++;
				if (json)
					us_feed_row_write(&w, &row);
			}
			us_arena_reset(&arena);
		}
		us_feed_token(&feed, &token);
		us_feed_close(&feed);
		us_db_release(c);
		if (json)
			us_str_clear(json);
	}
	us_arena_fini(&arena);
	return n;
}

/* Each with a lease: what a request costs. */
static void look(struct us_store *store, int64_t directory, size_t n)
{
	struct us_feed_token token;
	struct us_feed feed;
	struct us_dbc *c;

	int64_t from = us_clock_monotonic_us();
	for (size_t i = 0; i < n; i++) {
		c = lease(store);
		check(us_feed_newest(c, directory, &token, &error));
		us_db_release(c);
	}
	show("newest token", n, from);
	from = us_clock_monotonic_us();
	for (size_t i = 0; i < n; i++) {
		c = lease(store);
		check(us_feed_open(c, directory, us_slice(token.text), &feed, &error));
		us_assert(us_feed_is_at_end(&feed));
		us_feed_close(&feed);
		us_db_release(c);
	}
	show("nothing new", n, from);
}

static void fill(struct us_store *store, size_t rows, int64_t *ret_directory)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_edit *edits = us_calloc(rows, sizeof *edits);
	const struct us_edit_request request = { .edits = edits, .n = rows, .actor = US_SLICE("bench"), .trigger = US_TRIGGER_CLI };
	struct us_edit_request filled = request;
	struct us_edit_result result;
	struct us_dbc *c;

	check(us_db_lease_writer(store->db, &c, &error));
	check(us_db_begin(c, &error));
	check(us_directory_create(c, US_SLICE("Local"), US_SLICE_NONE, 1, &filled.directory, &error));
	check(us_db_commit(c, &error));
	us_db_release(c);
	for (size_t i = 0; i < rows; i++)
		edits[i] = (struct us_edit) { .kind = US_EDIT_CREATE_USER, .name = us_slice(us_arena_printf(&arena, "user%zu", i)), .active = true };
	check(us_edit_apply(store, &filled, US_SLICE_NONE, &result, &error));
	*ret_directory = filled.directory;
	free(edits);
	us_arena_fini(&arena);
}

static size_t number_of(int argc, char **argv, int at, size_t fallback) { return argc > at ? strtoul(argv[at], NULL, 10) : fallback; }

int main(int argc, char **argv)
{
	const size_t rows = number_of(argc, argv, 1, 100000), looks = number_of(argc, argv, 2, 200000);
	static const struct us_type types[] = { { .name = NULL } };
	const struct us_secret_key key = { { 0 } };
	char folder[PATH_MAX], dsn[PATH_MAX + 32], command[PATH_MAX + 16];
	struct us_str json = US_STR_INIT;
	struct us_store *store;
	int64_t directory;

	snprintf(folder, sizeof folder, "%s/usersync-feed-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db", folder);
	check(us_secret_init(&error));
	check(us_store_open(dsn, &key, types, NULL, &store, NULL, &error));
	fill(store, rows, &directory);
	int64_t from = us_clock_monotonic_us();
	us_assert(read_all(store, directory, NULL) == rows);
	show("rows read", rows, from);
	from = us_clock_monotonic_us();
	us_assert(read_all(store, directory, &json) == rows);
	show("rows read and written as JSON", rows, from);
	look(store, directory, looks);
	us_str_fini(&json);
	us_store_close(store);
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	return system(command) != 0;
}
