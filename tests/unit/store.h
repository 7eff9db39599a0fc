/* A store of the test's own, with the writer leased. */
#ifndef US_TESTS_STORE_H
#define US_TESTS_STORE_H

#include "temp.h"

#include "store/account.h"
#include "store/connector.h"
#include "store/directory.h"
#include "store/object.h"
#include "store/run.h"

#define assert_ok(call) \
	do { \
		enum us_errc rc_ = (call); \
		if (rc_ != US_OK) \
			fail_msg("%s: %s: %s", #call, us_err_name(rc_), err.text); \
	} while (0)
#define S(text) US_SLICE(text)

struct fixture {
	struct temp temp;
	struct us_store *store;
	struct us_dbc *w;
	struct us_arena arena;
	int64_t directory;
};

static const struct us_option fixture_options[] = {
	{ .name = "url", .type = US_OPTION_URL },
	{ .name = "clientSecret", .type = US_OPTION_STRING, .secret = true },
	{ .name = "bindPassword", .type = US_OPTION_STRING, .secret = true },
	{ .name = NULL },
};
static const struct us_option fixture_sync_options[] = {
	{ .name = "webhookSecret", .type = US_OPTION_STRING, .secret = true },
	{ .name = NULL },
};
static const struct us_type fixture_types[] = { { .name = "ldap", .options = fixture_options }, { .name = NULL } };
static const struct us_secret_key fixture_key = { { 1, 2, 3 } };

static inline enum us_errc fixture_open(struct fixture *f, struct us_err *err)
{
	enum us_errc rc = us_store_open(f->temp.dsn, &fixture_key, fixture_types, fixture_sync_options, &f->store, NULL, err);

	return rc ? rc : us_db_lease_writer(f->store->db, &f->w, err);
}

static inline void fixture_close(struct fixture *f)
{
	us_db_release(f->w);
	us_store_close(f->store);
	f->w = NULL;
	f->store = NULL;
}

/* Directory 1 is there, and a transaction is open. */
static inline int fixture_setup(void **state)
{
	struct fixture *f = us_calloc(1, sizeof *f);
	struct us_err err = US_ERR_INIT;

	assert_ok(us_secret_init(&err));
	temp_make(&f->temp);
	assert_ok(fixture_open(f, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_directory_create(f->w, S("People"), US_SLICE_NONE, 1000, &f->directory, &err));
	assert_ok(us_db_commit(f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	us_arena_fini(&f->arena);
	temp_remove(&f->temp);
	free(f);
	return 0;
}

static inline struct us_user_image fixture_user(const char *id, const char *name)
{
	struct us_user_image image = { .user = { .id = us_slice(id), .name = us_slice(name), .active = true }, .owned = id != NULL };

	image.hash = us_user_hash(&image.user);
	return image;
}

static inline struct us_group_image fixture_group(const char *id, const char *name)
{
	struct us_group_image image = { .group = { .id = us_slice(id), .name = us_slice(name) }, .owned = id != NULL };

	image.hash = us_group_hash(&image.group);
	return image;
}

/* Everything that the store holds, as text: to see that nothing has changed. */
static inline void fixture_dump(struct us_dbc *c, struct us_str *out)
{
	static const char *const tables[][2] = {
		{ "SELECT 'directory', id, name, connector, revision, n_users, n_active_users, n_groups, n_memberships, next_user, next_group,"
		  " feed_gone FROM directory ORDER BY id", "12" },
		{ "SELECT 'usr', id, ext_id, name_fold, hex(hash), owned, active, missing_since, name, email, attributes, revision, updated,"
		  " retired_since, retired_by, retired_strips FROM usr ORDER BY id", "16" },
		{ "SELECT 'retired', directory, hex(id_hash), hex(name_hash), at, connector FROM retired ORDER BY directory, id_hash", "6" },
		{ "SELECT 'grp', id, ext_id, name_fold, hex(hash), hex(members_hash), n_members, owned, name, attributes, revision FROM grp ORDER BY id",
		  "11" },
		{ "SELECT 'membership', directory, grp, usr, owned FROM membership ORDER BY directory, grp, usr", "5" },
		{ "SELECT 'subgroup', directory, parent, child, owned FROM subgroup ORDER BY directory, parent, child", "5" },
		{ "SELECT 'connector', id, uuid, name, type, directory, enabled, configuration, applied_scope FROM connector ORDER BY id", "9" },
		{ "SELECT 'run', id, job, status, kind, messages, report, certificate, held, decided_by, n_changes, started, finished FROM run"
		  " ORDER BY id", "13" },
		{ "SELECT 'change', id, object, outcome, number, name, reason, before_image, after_image, hex(members) FROM change ORDER BY id",
		  "10" },
		{ "SELECT 'applied', directory, position, mark, run, plan, steps, applied_at FROM applied ORDER BY directory, position", "8" },
		{ "SELECT 'account', name, role, password_hash FROM account ORDER BY name_fold", "4" },
		{ "SELECT 'token', id, name, role, sha256, expires FROM token ORDER BY id", "6" },
		{ "SELECT 'credential', id, hash, changed FROM credential ORDER BY id", "4" },
		{ "SELECT 'login', id, at, via FROM login ORDER BY id", "4" },
		{ "SELECT 'sequence', name, last FROM sequence ORDER BY name", "3" },
		{ "SELECT 'index', name FROM sqlite_master ORDER BY name", "2" },
	};
	struct us_err err = US_ERR_INIT;

	for (size_t i = 0; i < countof(tables); i++) {
		struct us_stmt *s;
		enum us_errc rc;
		assert_ok(us_db_prepare(c, tables[i][0], &s, &err));
		while ((rc = us_stmt_step(s, &err)) == US_OK) {
			for (int k = 0; k < atoi(tables[i][1]); k++) {
				us_str_add_slice(out, us_stmt_is_null(s, k) ? S("NULL") : us_stmt_slice(s, k));
				us_str_add_char(out, '|');
			}
			us_str_add_char(out, '\n');
		}
		assert_int_equal(rc, US_END);
	}
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
