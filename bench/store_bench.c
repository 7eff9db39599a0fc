/* What the store costs: a first import, its plan, the index for planning, single reads. Prints one table.
 *
 *     store_bench [USERS [GROUPS [MEMBERSHIPS [FOLDER]]]]
 *
 * Data are made from a fixed seed. The database is made in FOLDER (or TMPDIR, or /tmp) and removed.
 */
#include <dirent.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/directory.h"
#include "store/object.h"
#include "store/run.h"

struct bench {
	uint32_t n_users, n_groups, n_memberships;
	struct us_store *store;
	struct us_dbc *w;
	struct us_arena arena;
	int64_t directory;
	uint64_t seed;
	struct us_err err;
};

static uint64_t next_random(struct bench *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double resident_mb(const char *which)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, which, strlen(which)) == 0)
			kb = strtod(line + strlen(which), NULL);
	if (f)
		fclose(f);
	return kb / 1024;
}

static void check(struct bench *b, enum us_errc rc)
{
	if (rc) {
		fprintf(stderr, "store_bench: %s: %s\n", us_err_name(rc), b->err.text);
		exit(1);
	}
}

/* Seconds of processor, this process alone: what a busy machine does not change. */
static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct watch {
	double wall, cpu;
};

static struct watch start(void) { return (struct watch) { now_s(), cpu_s() }; }

static void show(const char *what, struct watch from, double n)
{
	double wall = now_s() - from.wall, cpu = cpu_s() - from.cpu;

	printf("%-36s %8.2f s %8.2f s cpu %8.2f us cpu each %6.0f MB peak\n", what, wall, cpu, n > 0 ? cpu / n * 1e6 : 0,
		resident_mb("VmHWM:"));
	fflush(stdout);
}

/* About 430 bytes, as a directory of people looks. */
static void make_user(struct bench *b, uint32_t number, struct us_user_image *image)
{
	static const struct us_slice names[] = { { "department", 10 }, { "phone", 5 }, { "title", 5 } };
	struct us_arena *a = &b->arena;
	struct us_field *fields = us_arena_array(a, 3, sizeof *fields);
	struct us_slice *values = us_arena_array(a, 3, sizeof *values);
	unsigned mixed = (unsigned) (((uint64_t) number * 2654435761u) >> 3 & 0xFFFFFF);

	values[0] = us_slice(us_arena_printf(a, "Department %u of a larger company", mixed % 300));
	values[1] = us_slice(us_arena_printf(a, "+49 711 %u", mixed));
	values[2] = us_slice(us_arena_printf(a, "Senior assistant to number %u", mixed % 5000));
	for (int i = 0; i < 3; i++)
		fields[i] = (struct us_field) { names[i], &values[i], 1 };
	*image = (struct us_user_image) {
		.user = {
			.id = us_slice(us_arena_printf(a, "%08x-46cb-408f-bd12-ee71%08x", number * 2654435761u, number)),
			.name = us_slice(us_arena_printf(a, "%06x.Person%u", mixed, number)),
			.full_name = us_slice(us_arena_printf(a, "Firstname%u Lastname%u", number, mixed)),
			.first_name = us_slice(us_arena_printf(a, "Firstname%u", number)),
			.last_name = us_slice(us_arena_printf(a, "Lastname%u", mixed)),
			.email = us_slice(us_arena_printf(a, "%06x.person%u@company.example", mixed, number)),
			.active = true, .attributes = fields, .n_attributes = 3 },
		.owned = true,
	};
	image->hash = us_user_hash(&image->user);
}

static void begin(struct bench *b) { check(b, us_db_begin(b->w, &b->err)); }
static void commit(struct bench *b) { check(b, us_db_commit(b->w, &b->err)); }

/* Part of each of the rows of people below. */
static void make_all(struct bench *b)
{
	struct watch from = start();
	struct us_user_image image;

	for (uint32_t i = 1; i <= b->n_users; i++) {
		us_arena_reset(&b->arena);
		make_user(b, i, &image);
	}
	show("(people made up)", from, b->n_users);
}

static void add_rows(struct bench *b)
{
	struct watch from = start();
	int64_t run;
	const struct us_run wanted = { .connector = 1, .connector_uuid = US_SLICE("u"), .directory = b->directory };

	begin(b);
	check(b, us_run_create(b->w, &wanted, 1, &run, &b->err));
	for (uint32_t i = 1; i <= b->n_users; i++) {
		struct us_user_image image;
		us_arena_reset(&b->arena);
		make_user(b, i, &image);
		const struct us_change change = { .ord = i - 1, .object = US_OBJECT_USER, .outcome = US_OUTCOME_ADDED, .number = i,
			.id = image.user.id, .name = image.user.name, .reason = US_SLICE("is not in the directory"),
			.user = { NULL, &image } };
		check(b, us_run_add_change(b->w, run, &change, &b->err));
	}
	commit(b);
	show("change rows appended", from, b->n_users);

	from = start();
	struct us_change_walk walk;
	struct us_change change;
	check(b, us_change_walk_begin(b->w, run, -1, -1, &walk, &b->err));
	uint32_t n = 0;
	while (us_change_walk_next(&walk, &b->arena, &change, &b->err) == US_OK) {
		us_arena_reset(&b->arena);
		n++;
	}
	us_change_walk_end(&walk);
	show("change rows walked and parsed", from, n);
}

static void import(struct bench *b)
{
	bool is_bulk;
	struct watch from = start(), all = from;

	begin(b);
	check(b, us_object_bulk_begin(b->w, b->n_users, b->n_memberships, &is_bulk, &b->err));
	for (uint32_t i = 1; i <= b->n_users; i++) {
		struct us_user_image image;
		us_arena_reset(&b->arena);
		make_user(b, i, &image);
		check(b, us_object_insert_user(b->w, b->directory, i, &image, 1, 1, &b->err));
	}
	show("users inserted", from, b->n_users);

	from = start();
	for (uint32_t i = 1; i <= b->n_groups; i++) {
		us_arena_reset(&b->arena);
		struct us_group_image image = { .group = { .id = us_slice(us_arena_printf(&b->arena, "group-%u", i)),
			.name = us_slice(us_arena_printf(&b->arena, "Group %u", i)) }, .owned = true };
		check(b, us_object_insert_group(b->w, b->directory, i, &image, 1, 1, &b->err));
	}
	show("groups inserted", from, b->n_groups);

	from = start();
	uint32_t each = b->n_groups ? b->n_memberships / b->n_groups : 0, *members = us_calloc(each, sizeof *members);
	for (uint32_t g = 1; g <= b->n_groups; g++) {
		/* Sorted and spread over all users. */
		uint32_t stride = b->n_users / (each ? each : 1), start = (uint32_t) (next_random(b) % (stride ? stride : 1)) + 1;
		for (uint32_t i = 0; i < each; i++)
			members[i] = start + i * stride;
		const struct us_members_delta delta = { .added_users = members, .n_added_users = each };
		check(b, us_object_add_members(b->w, b->directory, g, &delta, true, &b->err));
	}
	free(members);
	show("memberships inserted", from, (double) each * b->n_groups);

	from = start();
	if (is_bulk)
		check(b, us_object_bulk_end(b->w, &b->err));
	show("indexes built", from, 0);

	from = start();
	const struct us_directory_delta counts = { b->n_users, b->n_users, b->n_groups, (int64_t) each * b->n_groups };
	check(b, us_object_add_counts(b->w, b->directory, &counts, b->n_users + 1, b->n_groups + 1, &b->err));
	commit(b);
	show("committed and moved out of the log", from, 0);
	show("first import, all of it", all, (double) b->n_users + (double) each * b->n_groups);
}

static void read_back(struct bench *b)
{
	struct us_dbc *r;
	struct us_have have;

	check(b, us_db_lease_reader(b->store->db, &r, &b->err));
	struct watch from = start();
	check(b, us_object_load_have(r, b->directory, NULL, &have, &b->err));
	show("index for planning loaded", from, have.users.n + have.groups.n);
	if (have.users.n != b->n_users || have.groups.n != b->n_groups) {
		fprintf(stderr, "store_bench: %u users and %u groups came back\n", have.users.n, have.groups.n);
		exit(1);
	}
	us_have_fini(&have);

	enum { READS = 100000 };
	from = start();
	for (uint32_t i = 0; i < READS; i++) {
		struct us_user_image image, wanted;
		uint32_t number;
		us_arena_reset(&b->arena);
		make_user(b, (uint32_t) (next_random(b) % b->n_users) + 1, &wanted);
		check(b, us_object_find_user(r, &b->arena, b->directory, wanted.user.name, &number, &image, &b->err));
	}
	show("users found by name", from, READS);

	from = start();
	for (uint32_t i = 0; i < READS; i++) {
		const struct us_member *groups;
		size_t n;
		us_arena_reset(&b->arena);
		check(b, us_object_load_groups_of_user(r, &b->arena, b->directory, (uint32_t) (next_random(b) % b->n_users) + 1, &groups, &n,
			&b->err));
	}
	show("groups of a user loaded", from, READS);
	us_db_release(r);
}

/* One in a hundred, as a sync with changes does. */
static void change_some(struct bench *b)
{
	struct watch from = start();
	uint32_t n = 0;

	begin(b);
	for (uint32_t i = 1; i <= b->n_users; i += 100, n++) {
		struct us_user_image image;
		us_arena_reset(&b->arena);
		make_user(b, i, &image);
		image.user.email = US_SLICE("new@company.example");
		check(b, us_object_update_user(b->w, b->directory, i, 1, &image, 2, 2, &b->err));
	}
	commit(b);
	show("one user in a hundred updated", from, n);
}

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static uint32_t number_of(int argc, char **argv, int at, uint32_t fallback)
{
	return argc > at ? (uint32_t) strtoul(argv[at], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	static const struct us_type types[] = { { .name = NULL } };
	const struct us_secret_key key = { { 0 } };
	struct bench b = { .seed = 88172645463325252u, .arena = US_ARENA_INIT };
	const char *base = argc > 4 ? argv[4] : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char folder[PATH_MAX], dsn[PATH_MAX + 32];

	b.n_users = number_of(argc, argv, 1, 1000000);
	b.n_groups = number_of(argc, argv, 2, 100000);
	b.n_memberships = number_of(argc, argv, 3, 5000000);
	snprintf(folder, sizeof folder, "%s/usersync-bench-XXXXXX", base);
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db", folder);
	check(&b, us_secret_init(&b.err));
	check(&b, us_store_open(dsn, &key, types, NULL, &b.store, NULL, &b.err));
	check(&b, us_db_lease_writer(b.store->db, &b.w, &b.err));
	begin(&b);
	check(&b, us_directory_create(b.w, US_SLICE("People"), US_SLICE_NONE, 1, &b.directory, &b.err));
	commit(&b);
	printf("%u users, %u groups, %u memberships\n", b.n_users, b.n_groups, b.n_memberships);
	make_all(&b);
	add_rows(&b);
	import(&b);
	us_db_release(b.w);
	read_back(&b);
	check(&b, us_db_lease_writer(b.store->db, &b.w, &b.err));
	change_some(&b);
	struct watch from = start();
	begin(&b);
	check(&b, us_directory_delete(b.w, b.directory, &b.err));
	commit(&b);
	show("directory deleted", from, b.n_users);
	us_db_release(b.w);
	us_store_close(b.store);
	us_arena_fini(&b.arena);
	remove_folder(folder);
	return 0;
}
