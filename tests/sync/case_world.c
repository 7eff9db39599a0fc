#include "sync/case_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/override.h"
#include "model/mapping.h"
#include "model/sync_options.h"
#include "source/inactive.h"
#include "store/connector.h"
#include "store/cursor.h"
#include "store/directory.h"
#include "store/login.h"
#include "store/object.h"
#include "store/retired.h"

struct us_str why; /* of the current test; empty: passed so far */

void complain(const char *format, ...)
{
	va_list ap;
	char text[4000];

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	us_str_printf(&why, "# %s\n", text);
}

_Noreturn void die(const char *what, const struct us_err *err)
{
	printf("Bail out! %s: %s\n", what, err->text);
	exit(1);
}

/* ---- a directory ---- */

/* With the type `inactive` as it is. */
static struct us_type types[] = { { .name = "case", .title = "case" }, { NULL }, { NULL } };

static void open_store(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_secret_key key = { { 1 } };
	char dsn[100];

	types[1] = us_source_inactive.type;
	snprintf(dsn, sizeof dsn, "sqlite:%s/db", w->dir);
	if (us_store_open(dsn, &key, types, us_sync_options, &w->store, NULL, &err))
		die("open store", &err);
}

/* The schema is made once for each program, and its file copied: making it is what most of a small case's time went into. */
static void make_store(struct world *w)
{
	static struct us_str made;
	char path[80], chunk[65536];
	bool is_first = !made.n;
	size_t n;

	snprintf(path, sizeof path, "%s/db", w->dir);
	if (is_first) {
		open_store(w);
		us_store_close(w->store);
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r+");
	if (!f)
		abort();
	while (is_first && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		us_str_add(&made, chunk, n);
	if (!is_first && fwrite(made.p, 1, made.n, f) != made.n)
		abort();
	if (fclose(f))
		abort();
	open_store(w);
}

void reopen_store(struct world *w)
{
	us_store_close(w->store);
	open_store(w);
}

struct us_dbc *writer(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	if (us_db_lease_writer(w->store->db, &c, &err) || us_db_begin(c, &err))
		die("writer", &err);
	return c;
}

void commit(struct us_dbc *c)
{
	struct us_err err = US_ERR_INIT;

	if (us_db_commit(c, &err))
		die("commit", &err);
	us_db_release(c);
}

static void fill_user(struct world *w, struct us_dbc *c, struct us_mapping *m, const struct case_line *line, struct us_directory_delta *counts)
{
	struct us_record r;
	struct us_user_image image = { .owned = !case_word(line, "local").p };
	struct us_mapped mapped;
	struct us_err err = US_ERR_INIT;

	case_record(&w->arena, line, &r);
	r.ref = US_SLICE_NONE;
	us_mapping_user(m, &(struct us_mapping_input) { .record = &r }, &w->arena, &mapped);
	if (mapped.kind != US_MAPPED_WANTED) {
		fprintf(stderr, "%s: before: %.*s\n", w->c->name, (int) mapped.reason.n, mapped.reason.p);
		exit(2);
	}
	image.user = mapped.user;
	struct us_slice missing = case_word(line, "missing");
	int64_t days;
	image.missing_since = !missing.p ? 0 : us_slice_to_int(missing, &days) ? w->now_s - days * 86400 : 1000000;
	struct us_slice retired = case_word(line, "retired"), login = case_word(line, "login");
	if (retired.p && us_slice_to_int(retired, &days)) {
		image.retired.since = w->now_s - days * 86400;
		image.retired.by = 77;
		image.retired.strips = case_word(line, "strips").p;
	}
	image.hash = image.missing_since ? US_HASH_ZERO : us_user_hash(&image.user);
	if (!image.owned)
		image.user.id = US_SLICE_NONE;
	uint32_t number = us_map_put(&w->users, us_hash_slice(line->words[1]), NULL) + 1;
	struct us_slice made = case_word(line, "made");
	int64_t made_s = made.p && us_slice_to_int(made, &days) ? w->now_s - days * 86400 : 1000000;
	if (us_object_insert_user(c, w->directory, number, &image, 0, made_s, &err))
		die("insert user", &err);
	if (login.p && us_slice_to_int(login, &days)) {
		const struct us_login l = { number, w->now_s - days * 86400, US_SLICE("case") };
		if (us_login_note(c, w->directory, &l, 1, NULL, &err))
			die("login", &err);
	}
	counts->users++;
	counts->active_users += image.user.active;
}

static void fill_group(struct world *w, struct us_dbc *c, struct us_mapping *m, const struct case_line *line, struct us_directory_delta *counts)
{
	struct us_record r;
	struct us_group_image image = { .owned = !case_word(line, "local").p };
	struct us_slice reason;
	struct us_err err = US_ERR_INIT;

	case_record(&w->arena, line, &r);
	if (!us_mapping_group(m, &r, &w->arena, &image.group, &reason))
		abort();
	image.hash = us_group_hash(&image.group);
	if (!image.owned)
		image.group.id = US_SLICE_NONE;
	uint32_t number = us_map_put(&w->groups, us_hash_slice(line->words[1]), NULL) + 1;
	if (us_object_insert_group(c, w->directory, number, &image, 0, 1000000, &err))
		die("insert group", &err);
	counts->groups++;
}

static void fill_member(struct world *w, struct us_dbc *c, const struct case_line *line, struct us_directory_delta *counts)
{
	struct us_err err = US_ERR_INIT;
	uint32_t group = us_map_find(&w->groups, us_hash_slice(line->words[1])) + 1;
	bool owned = !case_word(line, "local").p;

	for (size_t i = 2; i < line->n; i++) {
		struct us_slice m = line->words[i];
		bool nested = m.p[0] == '@';
		if (us_slice_is(m, "local"))
			continue;
		if (nested)
			m.p++, m.n--;
		uint32_t one = us_map_find(nested ? &w->groups : &w->users, us_hash_slice(m)) + 1;
		if (!one || !group) {
			fprintf(stderr, "%s: before: unknown member %.*s\n", w->c->name, (int) m.n, m.p);
			exit(2);
		}
		struct us_members_delta d = { 0 };
		if (nested)
			d = (struct us_members_delta) { .added_groups = &one, .n_added_groups = 1 };
		else
			d = (struct us_members_delta) { .added_users = &one, .n_added_users = 1 };
		if (us_object_add_members(c, w->directory, group, &d, owned, &err))
			die("add member", &err);
		counts->memberships++;
	}
}

/* A row for each attribute that the configuration maps, which takes it from the field of the same name. */
static const struct us_json *plain_mapping(struct world *w, const struct us_json *conf)
{
	static const char *const names[] = { "mapping", "groupMapping" };
	const struct us_json *doc;
	struct us_str text = US_STR_INIT;
	struct us_jsonw j = US_JSONW_INIT(&text);
	struct us_err err = US_ERR_INIT;

	us_jsonw_open(&j, '{');
	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		const struct us_json *rows = us_json_find(conf, names[k]);
		us_jsonw_key(&j, names[k]);
		us_jsonw_open(&j, '[');
		for (size_t i = 0; rows && i < rows->array.n; i++) {
			us_jsonw_open(&j, '{');
			us_jsonw_put_string(&j, "attribute", us_json_string(&rows->array.items[i], "attribute"));
			us_jsonw_put_string(&j, "from", us_json_string(&rows->array.items[i], "attribute"));
			us_jsonw_close(&j, '}');
		}
		us_jsonw_close(&j, ']');
	}
	us_jsonw_close(&j, '}');
	if (us_json_parse(&w->arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &doc, &err))
		die("mapping of before", &err);
	us_str_fini(&text);
	return doc;
}

void open_world(struct world *w, const struct sync_case *c)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *conf;
	const char *tmp = getenv("TMPDIR");

	/* In memory where there is such a folder: thousands of databases are made, and what a power cut would leave is not asked here. */
	*w = (struct world) { .c = c, .now_s = us_clock_wall_s() };
	snprintf(w->dir, sizeof w->dir, "%s/us-case-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(w->dir))
		abort();
	make_store(w);
	if (us_json_parse(&w->arena, c->config, US_JSON_LIMITS_SMALL, &conf, &err))
		die(c->name, &err);
	struct us_problem *problems = NULL;
	const struct us_type *type = us_type_find(types, c->type);
	if (!type) {
		fprintf(stderr, "%s: there is no type " US_SLICE_FMT "\n", c->name, US_SLICE_ARG(c->type));
		exit(2);
	}
	us_option_check(&w->arena, type->options, us_sync_options, conf, &problems);
	us_sync_settings_check(&w->arena, conf, &problems);
	us_sync_settings_check_type(&w->arena, type, conf, &problems);
	if (problems) {
		fprintf(stderr, "%s: config: %s %s\n", c->name, problems->field, problems->reason);
		exit(2);
	}
	struct us_dbc *db = writer(w);
	/* Who works on the directory of another finds that one's by its name. */
	const struct us_json none = { .type = US_JSON_OBJECT };
	if (us_connector_create(w->store, db, US_SLICE("case"), US_SLICE("case"), type->directory_option ? &none : conf, true, 1000000, &w->keeper, &err))
		die("connector", &err);
	w->connector = w->keeper;
	if (type->directory_option && us_connector_create(w->store, db, US_SLICE("guest"), c->type, conf, true, 1000000, &w->connector, &err))
		die("connector", &err);
	struct us_connector connector;
	if (us_connector_find(w->store, db, &w->arena, US_SLICE("1"), US_SECRETS_CLEAR, &connector, &err))
		die("connector", &err);
	w->directory = connector.directory;
	/* What was there is written as it is: the case's own mapping is for what is listed. */
	struct us_mapping *m;
	if (us_mapping_new(&w->arena, NULL, plain_mapping(w, conf), US_SLICE("case"), &m, &err))
		die("mapping of before", &err);
	struct us_directory_delta counts = { 0 };
	for (size_t i = 0; i < c->before.n; i++)
		if (us_slice_is(c->before.line[i].words[0], "user"))
			fill_user(w, db, m, &c->before.line[i], &counts);
	for (size_t i = 0; i < c->before.n; i++)
		if (us_slice_is(c->before.line[i].words[0], "gone")) {
			const struct us_user gone = { .id = c->before.line[i].words[1], .name = c->before.line[i].words[2] };
			if (us_retired_add(db, w->directory, &gone, 77, w->now_s - 86400, &err))
				die("gone", &err);
		}
	for (size_t i = 0; i < c->before.n; i++)
		if (us_slice_is(c->before.line[i].words[0], "group"))
			fill_group(w, db, m, &c->before.line[i], &counts);
	for (size_t i = 0; i < c->before.n; i++)
		if (us_slice_is(c->before.line[i].words[0], "member"))
			fill_member(w, db, &c->before.line[i], &counts);
	if (us_object_add_counts(db, w->directory, &counts, w->users.n + 1, w->groups.n + 1, &err))
		die("counts", &err);
	us_mapping_free(m);
	struct us_str scope = US_STR_INIT;
	us_sync_settings_scope(type->options, conf, &scope);
	if (us_connector_set_applied_scope(db, w->connector, c->scope_changed ? US_SLICE("{\"other\":1}") : us_str_slice(&scope), &err))
		die("scope", &err);
	us_str_fini(&scope);
	const struct us_cursor cursor = { .directory = w->directory, .value = US_SLICE(CASE_CURSOR),
		.configuration = us_cursor_hash(&w->arena, connector.configuration), .full_at = w->now_s - 3600 };
	if (c->is_delta && us_cursor_save(db, w->connector, &cursor, &err))
		die("cursor", &err);
	commit(db);
}

void close_world(struct world *w)
{
	us_store_close(w->store);
	us_map_fini(&w->users);
	us_map_fini(&w->groups);
	us_arena_fini(&w->arena);
	DIR *dir = opendir(w->dir);
	for (struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dirfd(dir), e->d_name, 0);
	if (!dir || closedir(dir) || rmdir(w->dir))
		abort();
}

/* ---- what the directory holds, as sorted lines ---- */

void add_line(struct lines *l, char *text)
{
	if (l->n == l->cap)
		l->line = us_realloc(l->line, (l->cap = l->cap ? l->cap * 2 : 32) * sizeof *l->line);
	l->line[l->n++] = text;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

void sort_lines(struct lines *l)
{
	if (l->n)
		qsort(l->line, l->n, sizeof *l->line, by_text);
}

void free_lines(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	free(l->line);
	*l = (struct lines) { 0 };
}

static void add_pair(struct us_str *s, const char *key, struct us_slice value)
{
	if (value.p)
		us_str_printf(s, " %s=" US_SLICE_FMT, key, US_SLICE_ARG(value));
}

static void add_attributes(struct us_str *s, const struct us_field *attributes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < attributes[i].n; k++)
			us_str_printf(s, " " US_SLICE_FMT "=" US_SLICE_FMT, US_SLICE_ARG(attributes[i].name), US_SLICE_ARG(attributes[i].values[k]));
}

static void dump_user(struct lines *out, const struct us_user_image *u)
{
	struct us_str s = US_STR_INIT;

	us_str_printf(&s, "user " US_SLICE_FMT " " US_SLICE_FMT, US_SLICE_ARG(u->owned ? u->user.id : US_SLICE("~")), US_SLICE_ARG(u->user.name));
	add_pair(&s, "fullName", u->user.full_name);
	add_pair(&s, "firstName", u->user.first_name);
	add_pair(&s, "lastName", u->user.last_name);
	add_pair(&s, "email", u->user.email);
	add_attributes(&s, u->user.attributes, u->user.n_attributes);
	us_str_add_text(&s, u->user.active ? "" : " inactive");
	us_str_add_text(&s, u->missing_since ? " missing" : "");
	us_str_add_text(&s, u->retired.since ? " retired" : "");
	us_str_add_text(&s, u->owned ? "" : " local");
	add_line(out, us_str_steal(&s));
}

static void dump_group(struct world *w, struct us_dbc *c, struct us_arena *arena, struct lines *out, uint32_t number, const struct us_group_image *g)
{
	struct us_err err = US_ERR_INIT;
	const struct us_member *users, *groups;
	size_t n_users, n_groups;
	struct us_str s = US_STR_INIT;
	struct us_slice id = g->owned ? g->group.id : g->group.name;

	us_str_printf(&s, "group " US_SLICE_FMT " " US_SLICE_FMT, US_SLICE_ARG(g->owned ? g->group.id : US_SLICE("~")), US_SLICE_ARG(g->group.name));
	add_pair(&s, "description", g->group.description);
	add_attributes(&s, g->group.attributes, g->group.n_attributes);
	us_str_add_text(&s, g->owned ? "" : " local");
	add_line(out, us_str_steal(&s));
	if (us_object_load_members(c, arena, w->directory, number, &users, &n_users, &groups, &n_groups, &err))
		die("members", &err);
	for (size_t i = 0; i < n_users; i++) {
		struct us_user_image u;
		if (us_object_load_user(c, arena, w->directory, users[i].number, &u, &err))
			die("a member that is not there", &err);
		us_str_printf(&s, "member " US_SLICE_FMT " " US_SLICE_FMT "%s", US_SLICE_ARG(id), US_SLICE_ARG(u.owned ? u.user.id : u.user.name),
			users[i].owned ? "" : " local");
		add_line(out, us_str_steal(&s));
	}
	for (size_t i = 0; i < n_groups; i++) {
		struct us_group_image h;
		if (us_object_load_group(c, arena, w->directory, groups[i].number, &h, &err))
			die("a sub-group that is not there", &err);
		us_str_printf(&s, "member " US_SLICE_FMT " @" US_SLICE_FMT "%s", US_SLICE_ARG(id), US_SLICE_ARG(h.owned ? h.group.id : h.group.name),
			groups[i].owned ? "" : " local");
		add_line(out, us_str_steal(&s));
	}
}

void dump(struct world *w, struct lines *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_listed *list;
	struct us_directory d;
	struct us_dbc *c;
	size_t n, members = 0, users = 0;

	*out = (struct lines) { 0 };
	if (us_db_lease_reader(w->store->db, &c, &err) || us_directory_load(c, &arena, w->directory, &d, &err))
		die("dump", &err);
	if (us_object_list_users(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, 100000, &list, &users, &err))
		die("users", &err);
	for (size_t i = 0; i < users; i++)
		dump_user(out, &list[i].user);
	if (us_object_list_groups(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, 100000, &list, &n, &err))
		die("groups", &err);
	for (size_t i = 0; i < n; i++)
		dump_group(w, c, &arena, out, list[i].number, &list[i].group);
	for (size_t i = 0; i < out->n; i++)
		members += strncmp(out->line[i], "member ", 7) == 0;
	if (d.n_users != (int64_t) users || d.n_groups != (int64_t) n || d.n_memberships != (int64_t) members)
		complain("counters of the directory: %lld users, %lld groups, %lld memberships; there are %zu, %zu, %zu", (long long) d.n_users,
			(long long) d.n_groups, (long long) d.n_memberships, users, n, members);
	/* The index must agree with the rows: the members' hash is the sum over the owned members. */
	struct us_have have = { 0 };
	if (us_object_load_have(c, w->directory, NULL, &have, &err))
		die("have", &err);
	for (uint32_t i = 0; i < have.groups.n; i++) {
		const struct us_member *u, *g;
		size_t n_u, n_g;
		struct us_hash h = US_HASH_ZERO;
		if (us_object_load_members(c, &arena, w->directory, have.groups.numbers[i], &u, &n_u, &g, &n_g, &err))
			die("members", &err);
		for (size_t k = 0; k < n_u; k++)
			if (u[k].owned)
				h = us_members_hash_add(h, us_members_hash_user(u[k].number));
		for (size_t k = 0; k < n_g; k++)
			if (g[k].owned)
				h = us_members_hash_add(h, us_members_hash_group(g[k].number));
		if (!us_hash_is_equal(h, have.groups.members_hashes[i]))
			complain("the members' hash of group number %u is not that of its members", have.groups.numbers[i]);
	}
	us_have_fini(&have);
	us_db_release(c);
	us_arena_fini(&arena);
	sort_lines(out);
}

void dump_images(struct world *w, struct lines *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_listed *users, *groups;
	struct us_dbc *c;
	size_t n_users, n_groups;

	*out = (struct lines) { 0 };
	if (us_db_lease_reader(w->store->db, &c, &err) ||
		us_object_list_users(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, 100000, &users, &n_users, &err) ||
		us_object_list_groups(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, 100000, &groups, &n_groups, &err))
		die("images", &err);
	for (size_t i = 0; i < n_users + n_groups; i++) {
		struct us_str s = US_STR_INIT;
		struct us_jsonw j = US_JSONW_INIT(&s);
		if (i < n_users) {
			us_str_printf(&s, "user %u ", users[i].number);
			users[i].user.revision = 0;
			us_user_image_write(&j, &users[i].user);
		} else {
			us_str_printf(&s, "group %u ", groups[i - n_users].number);
			groups[i - n_users].group.revision = 0;
			us_group_image_write(&j, &groups[i - n_users].group);
		}
		add_line(out, us_str_steal(&s));
	}
	us_db_release(c);
	us_arena_fini(&arena);
	sort_lines(out);
}

void dump_expected(const struct case_lines *lines, struct lines *out)
{
	struct us_arena arena = US_ARENA_INIT;

	*out = (struct lines) { 0 };
	struct us_json empty = { .type = US_JSON_OBJECT };
	(void) empty;
	for (size_t i = 0; i < lines->n; i++) {
		const struct case_line *l = &lines->line[i];
		struct us_str s = US_STR_INIT;
		bool local = case_word(l, "local").p;
		if (us_slice_is(l->words[0], "gone"))
			continue;
		if (us_slice_is(l->words[0], "member")) {
			for (size_t k = 2; k < l->n; k++) {
				if (us_slice_is(l->words[k], "local"))
					continue;
				us_str_printf(&s, "member " US_SLICE_FMT " " US_SLICE_FMT "%s", US_SLICE_ARG(l->words[1]), US_SLICE_ARG(l->words[k]),
					local ? " local" : "");
				add_line(out, us_str_steal(&s));
			}
			continue;
		}
		bool is_user = us_slice_is(l->words[0], "user");
		us_str_printf(&s, US_SLICE_FMT " " US_SLICE_FMT " " US_SLICE_FMT, US_SLICE_ARG(l->words[0]),
			US_SLICE_ARG(local ? US_SLICE("~") : l->words[1]), US_SLICE_ARG(l->words[2]));
		static const char *const keys[] = { "fullName", "firstName", "lastName", "email", "description" };
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
			add_pair(&s, keys[k], case_word(l, keys[k]));
		for (size_t k = 3; k < l->n; k++) {
			bool known =
				!memchr(l->words[k].p, '=', l->words[k].n) || memcmp(l->words[k].p, "missing=", 8) == 0 ||
				memcmp(l->words[k].p, "retired=", 8) == 0 || memcmp(l->words[k].p, "login=", 6) == 0 || memcmp(l->words[k].p, "made=", 5) == 0;
			for (size_t j = 0; j < sizeof keys / sizeof *keys; j++)
				known |= l->words[k].n > strlen(keys[j]) && memcmp(l->words[k].p, keys[j], strlen(keys[j])) == 0;
			if (!known)
				us_str_printf(&s, " " US_SLICE_FMT, US_SLICE_ARG(l->words[k]));
		}
		if (is_user) {
			us_str_add_text(&s, case_word(l, "inactive").p ? " inactive" : "");
			us_str_add_text(&s, case_word(l, "missing").p ? " missing" : "");
			us_str_add_text(&s, case_word(l, "retired").p ? " retired" : "");
		}
		us_str_add_text(&s, local ? " local" : "");
		add_line(out, us_str_steal(&s));
	}
	us_arena_fini(&arena);
	sort_lines(out);
}

bool is_equal(const struct lines *a, const struct lines *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->line[i], b->line[i]))
			return false;
	return true;
}

void expect_lines(const char *what, const struct lines *want, const struct lines *have)
{
	size_t w = 0, h = 0;

	while (w < want->n || h < have->n) {
		int order = w == want->n ? 1 : h == have->n ? -1 : strcmp(want->line[w], have->line[h]);
		if (order < 0)
			complain("%s: missing: %s", what, want->line[w++]);
		else if (order > 0)
			complain("%s: too much: %s", what, have->line[h++]);
		else
			w++, h++;
	}
}

void expect_directory(struct world *w, const struct case_lines *lines, const char *what)
{
	struct lines want, have;

	dump_expected(lines, &want);
	dump(w, &have);
	expect_lines(what, &want, &have);
	free_lines(&want);
	free_lines(&have);
}

/* ---- one run ---- */

enum us_errc execute(struct world *w, enum us_run_kind kind, int64_t plan_run, int64_t *ret_run, enum us_run_status *ret_status)
{
	struct us_err err = US_ERR_INIT;
	struct us_run run = { .connector = w->connector, .directory = w->directory, .kind = kind, .plan_run = plan_run,
		.key = w->c->single, .actor = US_SLICE("test"), .node = US_SLICE("test") };
	struct us_dbc *c;
	enum us_errc rc;
	atomic_bool cancel = false;
	struct us_sync_progress progress = { 0 };
	struct us_sync sync = { .store = w->store, .cancel = &cancel, .progress = &progress };
	struct us_connector connector;
	struct us_arena arena = US_ARENA_INIT;

	struct us_str override = US_STR_INIT;
	struct us_jsonw j = US_JSONW_INIT(&override);
	unsigned overrides;

	if (w->c->override.n && !us_override_parse(w->c->override, &overrides))
		die("override", &err);
	if (w->c->override.n && (kind == US_RUN_FULL || kind == US_RUN_SIMULATION)) {
		us_override_write(&j, overrides, US_SLICE("test"), US_SLICE("half of them leave"));
		run.override_of = us_str_slice(&override);
	}
	*ret_run = 0;
	rc = us_db_lease_writer(w->store->db, &c, &err);
	if (rc)
		return rc;
	rc = us_db_begin(c, &err);
	if (rc == US_OK)
		rc = us_connector_find(w->store, c, &arena, us_slice(us_arena_printf(&arena, "%lld", (long long) w->connector)), US_SECRETS_HIDDEN, &connector, &err);
	if (rc == US_OK) {
		run.connector_uuid = connector.uuid;
		rc = us_run_create(c, &run, w->now_s, ret_run, &err);
	}
	if (rc == US_OK)
		rc = us_run_set_status(c, *ret_run, US_RUN_SCHEDULED, US_RUN_RUNNING, w->now_s, &err);
	if (rc == US_OK)
		rc = us_db_commit(c, &err);
	us_db_release(c);
	us_arena_fini(&arena);
	us_str_fini(&override);
	if (rc)
		return rc;
	return us_sync_execute(&sync, *ret_run, ret_status, &err);
}

void execute_approved(struct world *w, int64_t run, enum us_run_status *ret_status)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_run r;
	struct us_dbc *db = writer(w);

	if (us_run_load(db, &arena, run, &r, &err))
		die("run", &err);
	r.decided_by = US_SLICE("test");
	if (us_run_save(db, &r, w->now_s, &err) || us_run_set_status(db, run, US_RUN_HELD, US_RUN_SCHEDULED, w->now_s, &err) ||
		us_run_set_status(db, run, US_RUN_SCHEDULED, US_RUN_RUNNING, w->now_s, &err))
		die("approve", &err);
	commit(db);
	us_arena_fini(&arena);
	atomic_bool cancel = false;
	struct us_sync_progress progress = { 0 };
	struct us_sync sync = { .store = w->store, .cancel = &cancel, .progress = &progress };
	us_sync_execute(&sync, run, ret_status, &err);
}

/* The limits may hold an undo: it is approved then. */
void execute_undo(struct world *w, int64_t run, int64_t *ret_undo, enum us_run_status *ret_status)
{
	*ret_status = US_RUN_FAILED;
	execute(w, US_RUN_UNDO, run, ret_undo, ret_status);
	if (*ret_status == US_RUN_HELD)
		execute_approved(w, *ret_undo, ret_status);
}

static struct us_slice name_of(struct world *w, struct us_dbc *c, struct us_arena *arena, int64_t run, enum us_object object, uint32_t number)
{
	struct us_change *list;
	struct us_user_image u;
	struct us_group_image g;
	size_t n;
	struct us_slice failed = US_SLICE("?"); /* the name of who is not there, and cannot be made so */
	struct us_err err = US_ERR_INIT;

	if (us_run_list_changes(c, arena, run, object, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("changes", &err);
	for (size_t i = 0; i < n; i++)
		if (list[i].number == number) {
			if (us_outcome_is_written(list[i].outcome))
				return list[i].name;
			failed = list[i].name;
		}
	if (object == US_OBJECT_USER)
		return us_object_load_user(c, arena, w->directory, number, &u, NULL) ? failed : u.user.name;
	return us_object_load_group(c, arena, w->directory, number, &g, NULL) ? failed : g.group.name;
}

static void add_names(struct world *w, struct us_dbc *c, struct us_arena *arena, int64_t run, struct us_str *s, const char *sign,
	enum us_object object, const uint32_t *numbers, uint32_t n)
{
	struct lines names = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		struct us_str one = US_STR_INIT;
		us_str_printf(&one, " %s" US_SLICE_FMT, sign, US_SLICE_ARG(name_of(w, c, arena, run, object, numbers[i])));
		add_line(&names, us_str_steal(&one));
	}
	sort_lines(&names);
	for (size_t i = 0; i < names.n; i++)
		us_str_add_text(s, names.line[i]);
	free_lines(&names);
}

void dump_plan(struct world *w, int64_t run, struct lines *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_change *list;
	struct us_dbc *c;
	size_t n;

	*out = (struct lines) { 0 };
	if (us_db_lease_reader(w->store->db, &c, &err) || us_run_list_changes(c, &arena, run, -1, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("changes", &err);
	for (size_t i = 0; i < n; i++) {
		struct us_str s = US_STR_INIT;
		const struct us_change *r = &list[i];
		if (r->object == US_OBJECT_MEMBERS) {
			us_str_printf(&s, "%smembers %s" US_SLICE_FMT, r->outcome == US_OUTCOME_HELD ? "held " : "",
				r->outcome == US_OUTCOME_FAILED ? "FAILED " : "", US_SLICE_ARG(r->name));
			add_names(w, c, &arena, run, &s, "+", US_OBJECT_USER, r->members.added_users, r->members.n_added_users);
			add_names(w, c, &arena, run, &s, "-", US_OBJECT_USER, r->members.removed_users, r->members.n_removed_users);
			add_names(w, c, &arena, run, &s, "+@", US_OBJECT_GROUP, r->members.added_groups, r->members.n_added_groups);
			add_names(w, c, &arena, run, &s, "-@", US_OBJECT_GROUP, r->members.removed_groups, r->members.n_removed_groups);
			if (r->outcome == US_OUTCOME_FAILED)
				us_str_printf(&s, " ~ " US_SLICE_FMT, US_SLICE_ARG(r->reason));
		} else {
			us_str_printf(&s, "%s %s " US_SLICE_FMT " ~ " US_SLICE_FMT, us_object_text(r->object), us_outcome_text(r->outcome), US_SLICE_ARG(r->name),
				US_SLICE_ARG(r->reason));
		}
		add_line(out, us_str_steal(&s));
	}
	us_db_release(c);
	us_arena_fini(&arena);
	sort_lines(out);
}

void expect_sums(const struct us_run *run, struct us_change *list, size_t n)
{
	int64_t users[US_OUTCOME_COUNT] = { 0 }, groups[US_OUTCOME_COUNT] = { 0 }, added = 0, removed = 0, deactivated = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].object == US_OBJECT_USER) {
			users[list[i].outcome]++;
			const struct us_user_image *before = list[i].user.before, *after = list[i].user.after;
			bool by_source = list[i].outcome == US_OUTCOME_UPDATED || list[i].outcome == US_OUTCOME_RENAMED;
			deactivated += by_source && before && before->user.active && after && !after->user.active;
		} else if (list[i].object == US_OBJECT_GROUP)
			groups[list[i].outcome]++;
		else if (us_outcome_is_written(list[i].outcome)) {
			added += list[i].members.n_added_users + list[i].members.n_added_groups;
			removed += list[i].members.n_removed_users + list[i].members.n_removed_groups;
		}
	}
	for (int o = 0; o < US_OUTCOME_COUNT; o++) {
		if (o == US_OUTCOME_NOT_MODIFIED)
			continue;
		if (users[o] != run->report.users[o] || groups[o] != run->report.groups[o])
			complain("%s: counted %lld users and %lld groups, rows say %lld and %lld", us_outcome_text((enum us_outcome) o),
				(long long) run->report.users[o], (long long) run->report.groups[o], (long long) users[o], (long long) groups[o]);
	}
	if (added != run->report.memberships_added || removed != run->report.memberships_removed)
		complain("memberships: counted +%lld -%lld, rows say +%lld -%lld", (long long) run->report.memberships_added,
			(long long) run->report.memberships_removed, (long long) added, (long long) removed);
	if (deactivated != run->report.deactivated)
		complain("counted %lld deactivated users, rows say %lld", (long long) run->report.deactivated, (long long) deactivated);
	if (run->n_changes != (int64_t) n)
		complain("the run says %lld rows, there are %zu", (long long) run->n_changes, n);
}

struct side_count {
	const char *kind;
	struct us_map ids;
	int64_t n;
};

/* Objects without an id are counted one by one. */
static void count_objects(struct side_count *s, const struct case_lines *lines, bool is_directory)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct case_line *line = &lines->line[i];
		if (!us_slice_is(line->words[0], s->kind) || (is_directory && case_word(line, "local").p))
			continue;
		if (us_slice_is(line->words[1], "-"))
			s->n++;
		else
			us_map_put(&s->ids, us_hash_slice(line->words[1]), NULL);
	}
}

void expect_all_counted(const struct sync_case *c, const struct us_report *report)
{
	for (int k = 0; k < 2; k++) {
		struct side_count s = { k ? "group" : "user", US_MAP_INIT, 0 };
		const int64_t *outcomes = k ? report->groups : report->users;
		int64_t counted = 0;
		/* The listing has no groups of these kinds. */
		if (k && (memmem(c->config.p, c->config.n, "\"groups\"", 8) || memmem(c->config.p, c->config.n, "\"assignGroups\"", 14)))
			continue;
		count_objects(&s, &c->before, true);
		count_objects(&s, &c->listing, false);
		for (int o = 0; o < US_OUTCOME_COUNT; o++)
			counted += outcomes[o];
		if (counted != s.n + s.ids.n)
			complain("%lld %ss are counted, there are %lld", (long long) counted, s.kind, (long long) s.n + s.ids.n);
		us_map_fini(&s.ids);
	}
}

bool takes_away(const char *row)
{
	return strstr(row, " DELETED ") || strstr(row, " DISABLED ") || strstr(row, " ANONYMIZED ") ||
		(strncmp(row, "members ", 8) == 0 && strstr(row, " -"));
}
