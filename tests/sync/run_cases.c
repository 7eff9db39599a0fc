/* Runs sync cases: each as given, again, shuffled, simulated and applied, undone, with each call of the source
 * failing in each way, and stopped at each statement of the store and resumed. Prints TAP.
 *
 *     run_cases CASE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/mapping.h"
#include "model/sync_options.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/object.h"
#include "store/run.h"
#include "sync/case_source.h"
#include "sync/run.h"

static int n_tests, n_failed;
static struct us_str why; /* of the current test; empty: passed so far */

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list ap;
	char text[4000];

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	us_str_printf(&why, "# %s\n", text);
}

static void report(const struct sync_case *c, const char *mode)
{
	n_tests++;
	n_failed += why.n > 0;
	printf("%s %d - %s, %s\n%s", why.n ? "not ok" : "ok", n_tests, c->name, mode, us_str_text(&why));
	us_str_clear(&why);
}

static _Noreturn void die(const char *what, const struct us_err *err)
{
	printf("Bail out! %s: %s\n", what, err->text);
	exit(1);
}

/* ---- a directory of its own for each run of a case ---- */

struct world {
	char dir[64];
	struct us_store *store;
	struct us_arena arena;
	const struct sync_case *c;
	int64_t connector, directory;
	struct us_map users, groups; /* ids of `before`, by number - 1 */
};

static const struct us_type types[] = { { .name = "case", .title = "case" }, { NULL } };

static void open_store(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_secret_key key = { { 1 } };
	char dsn[100];

	snprintf(dsn, sizeof dsn, "sqlite:%s/db", w->dir);
	if (us_store_open(dsn, &key, types, us_sync_options, &w->store, NULL, &err))
		die("open store", &err);
}

static struct us_dbc *writer(struct world *w)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	if (us_db_lease_writer(w->store->db, &c, &err) || us_db_begin(c, &err))
		die("writer", &err);
	return c;
}

static void commit(struct us_dbc *c)
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
	image.missing_since = !missing.p ? 0 : us_slice_to_int(missing, &days) ? us_clock_wall_s() - days * 86400 : 1000000;
	image.hash = image.missing_since ? US_HASH_ZERO : us_user_hash(&image.user);
	if (!image.owned)
		image.user.id = US_SLICE_NONE;
	uint32_t number = us_map_put(&w->users, us_hash_slice(line->words[1]), NULL) + 1;
	if (us_object_insert_user(c, w->directory, number, &image, 0, 1000000, &err))
		die("insert user", &err);
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
	const struct us_json *rows = us_json_find(conf, "mapping"), *doc;
	struct us_str text = US_STR_INIT;
	struct us_jsonw j = US_JSONW_INIT(&text);
	struct us_err err = US_ERR_INIT;

	us_jsonw_open(&j, '{');
	us_jsonw_key(&j, "mapping");
	us_jsonw_open(&j, '[');
	for (size_t i = 0; rows && i < rows->array.n; i++) {
		us_jsonw_open(&j, '{');
		us_jsonw_put_string(&j, "attribute", us_json_string(&rows->array.items[i], "attribute"));
		us_jsonw_put_string(&j, "from", us_json_string(&rows->array.items[i], "attribute"));
		us_jsonw_close(&j, '}');
	}
	us_jsonw_close(&j, ']');
	us_jsonw_close(&j, '}');
	if (us_json_parse(&w->arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &doc, &err))
		die("mapping of before", &err);
	us_str_fini(&text);
	return doc;
}

static void open_world(struct world *w, const struct sync_case *c)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *conf;
	const char *tmp = getenv("TMPDIR");

	/* In memory where there is such a folder: thousands of databases are made, and what a power cut would leave is not asked here. */
	*w = (struct world) { .c = c };
	snprintf(w->dir, sizeof w->dir, "%s/us-case-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(w->dir))
		abort();
	open_store(w);
	if (us_json_parse(&w->arena, c->config, US_JSON_LIMITS_SMALL, &conf, &err))
		die(c->name, &err);
	struct us_problem *problems = NULL;
	us_option_check(&w->arena, NULL, us_sync_options, conf, &problems);
	us_sync_settings_check(&w->arena, conf, &problems);
	if (problems) {
		fprintf(stderr, "%s: config: %s %s\n", c->name, problems->field, problems->reason);
		exit(2);
	}
	struct us_dbc *db = writer(w);
	if (us_connector_create(w->store, db, US_SLICE("case"), US_SLICE("case"), conf, true, 1000000, &w->connector, &err))
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
		if (us_slice_is(c->before.line[i].words[0], "group"))
			fill_group(w, db, m, &c->before.line[i], &counts);
	for (size_t i = 0; i < c->before.n; i++)
		if (us_slice_is(c->before.line[i].words[0], "member"))
			fill_member(w, db, &c->before.line[i], &counts);
	if (us_object_add_counts(db, w->directory, &counts, w->users.n + 1, w->groups.n + 1, &err))
		die("counts", &err);
	us_mapping_free(m);
	struct us_str scope = US_STR_INIT;
	us_sync_settings_scope(types[0].options, conf, &scope);
	if (us_connector_set_applied_scope(db, w->connector, c->scope_changed ? US_SLICE("{\"other\":1}") : us_str_slice(&scope), &err))
		die("scope", &err);
	us_str_fini(&scope);
	commit(db);
}

static void close_world(struct world *w)
{
	char command[100];

	us_store_close(w->store);
	us_map_fini(&w->users);
	us_map_fini(&w->groups);
	us_arena_fini(&w->arena);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	if (system(command))
		abort();
}

/* ---- what the directory holds, as sorted lines ---- */

struct lines {
	char **line;
	size_t n, cap;
};

static void add_line(struct lines *l, char *text)
{
	if (l->n == l->cap)
		l->line = us_realloc(l->line, (l->cap = l->cap ? l->cap * 2 : 32) * sizeof *l->line);
	l->line[l->n++] = text;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

static void sort_lines(struct lines *l)
{
	if (l->n)
		qsort(l->line, l->n, sizeof *l->line, by_text);
}

static void free_lines(struct lines *l)
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

static void dump_user(struct lines *out, const struct us_user_image *u)
{
	struct us_str s = US_STR_INIT;

	us_str_printf(&s, "user " US_SLICE_FMT " " US_SLICE_FMT, US_SLICE_ARG(u->owned ? u->user.id : US_SLICE("~")), US_SLICE_ARG(u->user.name));
	add_pair(&s, "fullName", u->user.full_name);
	add_pair(&s, "firstName", u->user.first_name);
	add_pair(&s, "lastName", u->user.last_name);
	add_pair(&s, "email", u->user.email);
	for (size_t i = 0; i < u->user.n_attributes; i++)
		for (size_t k = 0; k < u->user.attributes[i].n; k++)
			us_str_printf(&s, " " US_SLICE_FMT "=" US_SLICE_FMT, US_SLICE_ARG(u->user.attributes[i].name), US_SLICE_ARG(u->user.attributes[i].values[k]));
	us_str_add_text(&s, u->user.active ? "" : " inactive");
	us_str_add_text(&s, u->missing_since ? " missing" : "");
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

static void dump(struct world *w, struct lines *out)
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

/* The same form of the lines of a case. */
static void dump_expected(const struct case_lines *lines, struct lines *out)
{
	struct us_arena arena = US_ARENA_INIT;

	*out = (struct lines) { 0 };
	struct us_json empty = { .type = US_JSON_OBJECT };
	(void) empty;
	for (size_t i = 0; i < lines->n; i++) {
		const struct case_line *l = &lines->line[i];
		struct us_str s = US_STR_INIT;
		bool local = case_word(l, "local").p;
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
				!memchr(l->words[k].p, '=', l->words[k].n) || memcmp(l->words[k].p, "missing=", 8) == 0;
			for (size_t j = 0; j < sizeof keys / sizeof *keys; j++)
				known |= l->words[k].n > strlen(keys[j]) && memcmp(l->words[k].p, keys[j], strlen(keys[j])) == 0;
			if (!known)
				us_str_printf(&s, " " US_SLICE_FMT, US_SLICE_ARG(l->words[k]));
		}
		if (is_user) {
			us_str_add_text(&s, case_word(l, "inactive").p ? " inactive" : "");
			us_str_add_text(&s, case_word(l, "missing").p ? " missing" : "");
		}
		us_str_add_text(&s, local ? " local" : "");
		add_line(out, us_str_steal(&s));
	}
	us_arena_fini(&arena);
	sort_lines(out);
}

static bool is_equal(const struct lines *a, const struct lines *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->line[i], b->line[i]))
			return false;
	return true;
}

static void expect_lines(const char *what, const struct lines *want, const struct lines *have)
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

static void expect_directory(struct world *w, const struct case_lines *lines, const char *what)
{
	struct lines want, have;

	dump_expected(lines, &want);
	dump(w, &have);
	expect_lines(what, &want, &have);
	free_lines(&want);
	free_lines(&have);
}

/* ---- one run ---- */

static enum us_errc execute(struct world *w, enum us_run_kind kind, int64_t plan_run, int64_t *ret_run, enum us_run_status *ret_status)
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

	*ret_run = 0;
	rc = us_db_lease_writer(w->store->db, &c, &err);
	if (rc)
		return rc;
	rc = us_db_begin(c, &err);
	if (rc == US_OK)
		rc = us_connector_find(w->store, c, &arena, US_SLICE("1"), US_SECRETS_HIDDEN, &connector, &err);
	if (rc == US_OK) {
		run.connector_uuid = connector.uuid;
		rc = us_run_create(c, &run, us_clock_wall_s(), ret_run, &err);
	}
	if (rc == US_OK)
		rc = us_run_set_status(c, *ret_run, US_RUN_SCHEDULED, US_RUN_RUNNING, us_clock_wall_s(), &err);
	if (rc == US_OK)
		rc = us_db_commit(c, &err);
	us_db_release(c);
	us_arena_fini(&arena);
	if (rc)
		return rc;
	return us_sync_execute(&sync, *ret_run, ret_status, &err);
}

static struct us_slice name_of(struct world *w, struct us_dbc *c, struct us_arena *arena, int64_t run, enum us_object object, uint32_t number)
{
	struct us_change *list;
	struct us_user_image u;
	struct us_group_image g;
	size_t n;
	struct us_err err = US_ERR_INIT;

	if (us_run_list_changes(c, arena, run, object, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("changes", &err);
	for (size_t i = 0; i < n; i++)
		if (list[i].number == number)
			return list[i].name;
	if (object == US_OBJECT_USER)
		return us_object_load_user(c, arena, w->directory, number, &u, NULL) ? US_SLICE("?") : u.user.name;
	return us_object_load_group(c, arena, w->directory, number, &g, NULL) ? US_SLICE("?") : g.group.name;
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

/* The plan's rows; a row's reason goes behind " ~ ". */
static void dump_plan(struct world *w, int64_t run, struct lines *out)
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
			us_str_printf(&s, "members " US_SLICE_FMT, US_SLICE_ARG(r->name));
			add_names(w, c, &arena, run, &s, "+", US_OBJECT_USER, r->members.added_users, r->members.n_added_users);
			add_names(w, c, &arena, run, &s, "-", US_OBJECT_USER, r->members.removed_users, r->members.n_removed_users);
			add_names(w, c, &arena, run, &s, "+@", US_OBJECT_GROUP, r->members.added_groups, r->members.n_added_groups);
			add_names(w, c, &arena, run, &s, "-@", US_OBJECT_GROUP, r->members.removed_groups, r->members.n_removed_groups);
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

static void expect_plan(struct world *w, int64_t run)
{
	const struct case_lines *want = &w->c->plan;
	struct lines have;
	bool *met;

	dump_plan(w, run, &have);
	met = us_calloc(have.n + 1, 1);
	for (size_t i = 0; i < want->n; i++) {
		char *text = strndup(want->line[i].text.p, want->line[i].text.n), *tilde = strstr(text, " ~ ");
		const char *reason = tilde ? tilde + 3 : "";
		bool found = false;
		if (tilde)
			*tilde = '\0';
		for (size_t k = 0; k < have.n && !found; k++) {
			char *mine = strstr(have.line[k], " ~ ");
			size_t n = mine ? (size_t) (mine - have.line[k]) : strlen(have.line[k]);
			if (met[k] || n != strlen(text) || strncmp(have.line[k], text, n) || !strstr(mine ? mine + 3 : "", reason))
				continue;
			found = met[k] = true;
		}
		if (!found)
			complain("plan: missing: %s ~ %s", text, reason);
		free(text);
	}
	for (size_t k = 0; k < have.n; k++)
		if (!met[k])
			complain("plan: too much: %s", have.line[k]);
	free(met);
	free_lines(&have);
}

/* Invariant E: the counters are the sums of the rows. */
static void expect_sums(const struct us_run *run, struct us_change *list, size_t n)
{
	int64_t users[US_OUTCOME_COUNT] = { 0 }, groups[US_OUTCOME_COUNT] = { 0 }, added = 0, removed = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].object == US_OBJECT_USER)
			users[list[i].outcome]++;
		else if (list[i].object == US_OBJECT_GROUP)
			groups[list[i].outcome]++;
		else if (list[i].outcome != US_OUTCOME_FAILED) {
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
	if (run->n_changes != (int64_t) n)
		complain("the run says %lld rows, there are %zu", (long long) run->n_changes, n);
}

static void expect_run(struct world *w, int64_t id, bool is_simulation)
{
	const struct sync_case *c = w->c;
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_change *list;
	struct us_run run;
	struct us_dbc *db;
	size_t n;

	if (us_db_lease_reader(w->store->db, &db, &err) || us_run_load(db, &arena, id, &run, &err) ||
		us_run_list_changes(db, &arena, id, -1, -1, US_SLICE_NONE, -1, 100000, &list, &n, &err))
		die("run", &err);
	bool fails = us_slice_is(c->status, "FAILED");
	const char *want = is_simulation && !fails ? "DONE" : us_slice_dup(&arena, c->status).p;
	if (strcmp(us_run_status_text(run.status), want))
		complain("status is %s, not %s; messages " US_SLICE_FMT, us_run_status_text(run.status), want, US_SLICE_ARG(run.messages));
	if (c->rule.n) {
		char *rule = us_arena_printf(&arena, "\"rule\":\"" US_SLICE_FMT "\"", US_SLICE_ARG(c->rule));
		if (!run.held.p || !memmem(run.held.p, run.held.n, rule, strlen(rule)))
			complain("held is " US_SLICE_FMT ", not by " US_SLICE_FMT, US_SLICE_ARG(run.held), US_SLICE_ARG(c->rule));
	}
	for (size_t i = 0; i < c->messages.n; i++)
		if (!memmem(run.messages.p, run.messages.n, c->messages.line[i].text.p, c->messages.line[i].text.n))
			complain("no message holds \"" US_SLICE_FMT "\": " US_SLICE_FMT, US_SLICE_ARG(c->messages.line[i].text), US_SLICE_ARG(run.messages));
	if (run.status == US_RUN_DONE && run.kind != US_RUN_SINGLE && (!run.certificate.p || !memmem(run.certificate.p, run.certificate.n, "\"whole\":true", 12)))
		complain("the run is DONE and has no certificate of a whole read: " US_SLICE_FMT, US_SLICE_ARG(run.certificate));
	if (n || run.n_changes)
		expect_sums(&run, list, n);
	us_db_release(db);
	us_arena_fini(&arena);
}

static const struct case_fault no_fault;
static enum us_run_kind kind_of(const struct sync_case *c) { return c->single.p ? US_RUN_SINGLE : US_RUN_FULL; }
static const struct case_lines *after_of(const struct sync_case *c) { return c->has_after ? &c->after : &c->before; }

/* ---- the ways to run a case ---- */

static void as_given(const struct sync_case *c, unsigned seed, const char *mode)
{
	struct world w;
	int64_t run;
	enum us_run_status status;

	open_world(&w, c);
	expect_directory(&w, &c->before, "before");
	case_source_set(c, seed, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	expect_run(&w, run, false);
	expect_plan(&w, run);
	expect_directory(&w, after_of(c), "after");
	report(c, mode);
	close_world(&w);
}

/* Invariant P: planning again after applying gives nothing but what failed or is filtered. Where the run was held or failed, the same again. */
static void again(const struct sync_case *c)
{
	struct world w;
	int64_t run;
	enum us_run_status status, second;
	struct lines rows;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	execute(&w, kind_of(c), 0, &run, &second);
	if (second != status)
		complain("status is %s, then %s", us_run_status_text(status), us_run_status_text(second));
	if (status == US_RUN_DONE) {
		dump_plan(&w, run, &rows);
		for (size_t i = 0; i < rows.n; i++)
			if (!strstr(rows.line[i], " FAILED ") && !strstr(rows.line[i], " FILTERED "))
				complain("again: %s", rows.line[i]);
		free_lines(&rows);
	}
	expect_directory(&w, after_of(c), "after");
	report(c, "again");
	close_world(&w);
}

static void simulated(const struct sync_case *c)
{
	struct world w;
	int64_t run, applied;
	enum us_run_status status;
	bool is_done = us_slice_is(c->status, "DONE");

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, US_RUN_SIMULATION, 0, &run, &status);
	expect_run(&w, run, true);
	expect_plan(&w, run);
	expect_directory(&w, &c->before, "after the simulation");
	if (is_done) {
		execute(&w, US_RUN_APPLY, run, &applied, &status);
		if (status != US_RUN_DONE)
			complain("applying the simulated plan: %s", us_run_status_text(status));
		expect_directory(&w, after_of(c), "after the simulated plan was applied");
	}
	report(c, "simulated and applied");
	close_world(&w);
}

/* The limits may hold the undo: it is approved then. */
static void undone(const struct sync_case *c)
{
	struct world w;
	int64_t run, undo;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, no_fault);
	execute(&w, kind_of(c), 0, &run, &status);
	execute(&w, US_RUN_UNDO, run, &undo, &status);
	if (status == US_RUN_HELD) {
		struct us_dbc *db = writer(&w);
		struct us_arena arena = US_ARENA_INIT;
		struct us_err err = US_ERR_INIT;
		struct us_run r;
		if (us_run_load(db, &arena, undo, &r, &err))
			die("run", &err);
		r.decided_by = US_SLICE("test");
		if (us_run_save(db, &r, 1000000, &err) || us_run_set_status(db, undo, US_RUN_HELD, US_RUN_SCHEDULED, 1000000, &err) ||
			us_run_set_status(db, undo, US_RUN_SCHEDULED, US_RUN_RUNNING, 1000000, &err))
			die("approve", &err);
		commit(db);
		us_arena_fini(&arena);
		atomic_bool cancel = false;
		struct us_sync_progress progress = { 0 };
		struct us_sync sync = { .store = w.store, .cancel = &cancel, .progress = &progress };
		us_sync_execute(&sync, undo, &status, &err);
	}
	if (status != US_RUN_DONE)
		complain("undo is %s", us_run_status_text(status));
	expect_directory(&w, &c->before, "after undo");
	report(c, "undone");
	close_world(&w);
}

static bool takes_away(const char *row)
{
	return strstr(row, " DELETED ") || strstr(row, " DISABLED ") || strstr(row, " ANONYMIZED ") ||
		(strncmp(row, "members ", 8) == 0 && strstr(row, " -"));
}

/* What a driver may give at each call, and PARTIAL. NOT_FOUND is a fact, not a fault, and only find may say it. */
static const enum us_errc source_errors[] = { US_PARTIAL, US_UNAVAILABLE, US_DENIED, US_TLS, US_TIMEOUT, US_PROTOCOL, US_CONFIG, US_THROTTLED,
	US_CANCELLED };

/* Invariants L and C: whichever call fails, and however, the run is not DONE and takes nothing away from anybody. A fault before the first page
 * changes nothing at all. */
static void expect_no_cleanup(struct world *w, const struct case_fault *f, int64_t run, enum us_run_status status)
{
	static const char *const calls[] = { "open", "fetch", "find" };
	enum us_run_status want = f->code == US_CANCELLED ? US_RUN_CANCELLED : US_RUN_FAILED;
	struct lines rows;

	/* What was read may already be enough for the guard to hold. */
	if (status != want && !(status == US_RUN_HELD && f->at > 1))
		complain("%s %d gives %s: the run is %s", calls[f->call], f->at, us_err_name(f->code), us_run_status_text(status));
	dump_plan(w, run, &rows);
	for (size_t i = 0; i < rows.n; i++)
		if (takes_away(rows.line[i]))
			complain("%s %d gives %s: %s", calls[f->call], f->at, us_err_name(f->code), rows.line[i]);
	if (rows.n && (f->call != CASE_FETCH || f->at == 1))
		complain("%s %d gives %s: there is a plan of %zu rows", calls[f->call], f->at, us_err_name(f->code), rows.n);
	free_lines(&rows);
}

/* False: the run made no such call. */
static bool with_fault(const struct sync_case *c, struct case_fault fault)
{
	struct world w;
	int64_t run;
	enum us_run_status status;

	open_world(&w, c);
	case_source_set(c, 0, fault);
	execute(&w, kind_of(c), 0, &run, &status);
	bool was_hit = case_source_calls(fault.call) >= fault.at;
	if (was_hit) {
		expect_no_cleanup(&w, &fault, run, status);
		if (fault.call != CASE_FETCH || fault.at == 1 || status != US_RUN_FAILED)
			expect_directory(&w, &c->before, "after the fault");
		case_source_set(c, 0, no_fault);
		execute(&w, kind_of(c), 0, &run, &status);
		if (us_slice_is(c->status, "DONE"))
			expect_directory(&w, after_of(c), "after the next whole read");
	}
	close_world(&w);
	return was_hit;
}

static void faulty(const struct sync_case *c)
{
	case_source_set(c, 0, no_fault);
	for (int call = 0; call < CASE_CALLS; call++)
		for (size_t i = 0; i < sizeof source_errors / sizeof *source_errors; i++)
			for (int at = 1; with_fault(c, (struct case_fault) { call, at, source_errors[i] }) && !why.n; at++)
				;
	report(c, "with each call of the source failing");
}

/* Invariant A: whichever statement fails, the directory is as before or as after, and the next run ends right. */
static void stopped(const struct sync_case *c)
{
	struct lines before, after;

	dump_expected(&c->before, &before);
	dump_expected(after_of(c), &after);
	for (int64_t k = 1;; k++) {
		struct world w;
		struct lines have;
		int64_t run, statements;
		enum us_run_status status;

		open_world(&w, c);
		case_source_set(c, 0, no_fault);
		statements = us_db_statements(w.store->db);
		us_db_fail_at(w.store->db, k, US_UNAVAILABLE);
		execute(&w, kind_of(c), 0, &run, &status);
		us_db_fail_at(w.store->db, 0, US_OK);
		bool was_hit = us_db_statements(w.store->db) - statements >= k;
		if (!was_hit) {
			close_world(&w);
			break;
		}
		dump(&w, &have);
		if (!is_equal(&have, &before) && !is_equal(&have, &after)) {
			complain("stopped at statement %lld: neither before nor after", (long long) k);
			expect_lines("stopped", &before, &have);
		}
		free_lines(&have);
		/* as after a crash: the next start frees the connector, the next run goes on from there */
		us_store_close(w.store);
		open_store(&w);
		case_source_set(c, 0, no_fault);
		execute(&w, kind_of(c), 0, &run, &status);
		expect_directory(&w, after_of(c), "after the resumed run");
		close_world(&w);
		if (why.n)
			break;
	}
	free_lines(&before);
	free_lines(&after);
	report(c, "stopped at each statement and resumed");
}

/* A single run again needs a name that is still somebody's. */
static bool is_known_after(const struct sync_case *c)
{
	const struct case_lines *after = after_of(c);

	for (size_t i = 0; i < after->n; i++)
		if (after->line[i].n > 2 && us_slice_is_equal(after->line[i].words[2], c->single))
			return true;
	return !c->single.p || us_slice_is(c->status, "FAILED");
}

int main(int argc, char **argv)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;

	if (us_secret_init(&err))
		die("sodium", &err);
	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&case_source_ops);
	for (int i = 1; i < argc; i++) {
		struct sync_case c;
		case_load(&arena, argv[i], &c);
		bool is_done = us_slice_is(c.status, "DONE");
		as_given(&c, 0, "as given");
		if (is_known_after(&c))
			again(&c);
		as_given(&c, 7, "shuffled");
		stopped(&c);
		faulty(&c);
		if (!c.single.p)
			simulated(&c);
		if (is_done && c.has_after)
			undone(&c);
	}
	us_arena_fini(&arena);
	us_str_fini(&why);
	printf("1..%d\n", n_tests);
	return n_failed ? 1 : 0;
}
