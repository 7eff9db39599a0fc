#include "store.h"

#include "store/login.h"

static void add_user(struct fixture *f, int64_t directory, uint32_t number, const char *name)
{
	struct us_user_image u = fixture_user(name, name);
	struct us_err err = US_ERR_INIT;

	assert_ok(us_object_insert_user(f->w, directory, number, &u, 1, 1, &err));
}

static int64_t note(struct fixture *f, int64_t directory, const struct us_login *list, size_t n)
{
	struct us_err err = US_ERR_INIT;
	int64_t changed = -1;

	assert_ok(us_login_note(f->w, directory, list, n, &changed, &err));
	return changed;
}

/* "number:at " of all of the directory. */
static void scan(struct fixture *f, int64_t directory, struct us_str *out)
{
	struct us_login_scan s;
	struct us_login_seen l;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc;

	us_str_clear(out);
	assert_ok(us_login_scan_begin(f->w, directory, &s, &err));
	while ((rc = us_login_scan_next(&s, &l, &err)) == US_OK)
		us_str_printf(out, "%u:%lld ", l.user, (long long) l.at);
	us_login_scan_end(&s);
	assert_int_equal(rc, US_END);
}

static void the_latest_login_is_kept(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_login got;
	const struct us_login first[] = { { 1, 100, S("jira") }, { 2, 50, US_SLICE_NONE }, { 1, 90, S("wiki") }, { 2, 60, S("wiki") } };
	const struct us_login older = { 1, 99, S("wiki") }, same = { 1, 100, S("wiki") }, later = { 1, 101, S("wiki") };

	add_user(f, f->directory, 1, "anna");
	add_user(f, f->directory, 2, "bert");
	add_user(f, f->directory, 3, "carl");
	assert_int_equal(note(f, f->directory, first, countof(first)), 3);
	assert_int_equal(note(f, f->directory, &older, 1), 0);
	assert_int_equal(note(f, f->directory, &same, 1), 0);
	assert_ok(us_login_load(f->w, &f->arena, f->directory, 1, &got, &err));
	assert_int_equal(got.at, 100);
	assert_slice(got.via, "jira");
	assert_int_equal(note(f, f->directory, &later, 1), 1);
	assert_ok(us_login_load(f->w, &f->arena, f->directory, 1, &got, &err));
	assert_int_equal(got.user, 1);
	assert_int_equal(got.at, 101);
	assert_slice(got.via, "wiki");
	assert_ok(us_login_load(f->w, &f->arena, f->directory, 2, &got, &err));
	assert_int_equal(got.at, 60);
	assert_int_equal(us_login_load(f->w, &f->arena, f->directory, 3, &got, &err), US_NOT_FOUND);
}

static void a_login_changes_nothing_of_the_directory(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_directory before, after;
	struct us_user_image image;
	const struct us_login l = { 1, 100, S("jira") };

	add_user(f, f->directory, 1, "anna");
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &before, &err));
	assert_int_equal(note(f, f->directory, &l, 1), 1);
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &after, &err));
	assert_ok(us_object_load_user(f->w, &f->arena, f->directory, 1, &image, &err));
	assert_int_equal(before.revision, after.revision);
	assert_int_equal(image.revision, 1);
}

static void logins_go_with_the_user_and_with_the_directory(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_user_image u = fixture_user("anna", "user-1");
	struct us_str text = US_STR_INIT;
	int64_t other, again;
	const struct us_login three[] = { { 1, 7, S("x") }, { 2, 8, S("x") }, { 3, 9, S("x") } };

	assert_ok(us_directory_create(f->w, S("Other"), US_SLICE_NONE, 1, &other, &err));
	for (uint32_t i = 1; i <= 3; i++) {
		char name[8];
		snprintf(name, sizeof name, "u%u", i);
		add_user(f, f->directory, i, name);
		add_user(f, other, i, name);
	}
	assert_int_equal(note(f, f->directory, three, 3), 3);
	assert_int_equal(note(f, other, three, 2), 2);
	/* An anonymised user keeps it, a deleted one does not, not even if it comes back. */
	assert_ok(us_object_update_user(f->w, f->directory, 1, 1, &u, 2, 1, &err));
	assert_ok(us_object_delete_user(f->w, f->directory, 2, 1, &err));
	scan(f, f->directory, &text);
	assert_string_equal(us_str_text(&text), "1:7 3:9 ");
	assert_int_equal(note(f, f->directory, &three[1], 1), 0); /* not there any more: passed over */
	add_user(f, f->directory, 2, "u2");
	scan(f, f->directory, &text);
	assert_string_equal(us_str_text(&text), "1:7 2:0 3:9 ");
	assert_ok(us_directory_delete(f->w, f->directory, &err));
	scan(f, f->directory, &text);
	assert_string_equal(us_str_text(&text), "");
	scan(f, other, &text);
	assert_string_equal(us_str_text(&text), "1:7 2:8 3:0 ");
	assert_ok(us_directory_create(f->w, S("People"), US_SLICE_NONE, 1, &again, &err));
	add_user(f, again, 1, "u1");
	scan(f, again, &text);
	assert_string_equal(us_str_text(&text), "1:0 ");
	assert_ok(us_directory_delete(f->w, other, &err));
	us_str_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(the_latest_login_is_kept),
		fixture_test(a_login_changes_nothing_of_the_directory),
		fixture_test(logins_go_with_the_user_and_with_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
