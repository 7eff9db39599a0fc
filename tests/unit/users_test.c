#include "store.h"

#include "serve/users.h"

static const struct us_slice phones[] = { { "1", 1 }, { "", 0 } };
static const struct us_field attributes[] = { { { "none", 4 }, NULL, 0 }, { { "phone", 5 }, phones, 2 } };

static struct us_listed find(struct us_kept *kept, struct fixture *f, const char *name)
{
	struct us_err err = US_ERR_INIT;
	struct us_listed row;

	assert_ok(us_users_find(kept, f->w, &f->arena, f->directory, us_slice(name), &row, &err));
	return row;
}

static void assert_same(struct us_listed a, struct us_listed b)
{
	const struct us_user *x = &a.user.user, *y = &b.user.user;
	const struct us_slice texts[][2] = { { a.fold, b.fold }, { x->id, y->id }, { x->name, y->name }, { x->full_name, y->full_name },
		{ x->first_name, y->first_name }, { x->last_name, y->last_name }, { x->email, y->email } };

	for (size_t i = 0; i < countof(texts); i++) {
		assert_row(i, us_slice_is_equal(texts[i][0], texts[i][1]) && !texts[i][0].p == !texts[i][1].p);
		assert_row(i, !texts[i][0].p || texts[i][0].p[texts[i][0].n] == '\0');
	}
	assert_true(us_hash_is_equal(us_user_hash(x), us_user_hash(y)));
	assert_int_equal(x->n_attributes, y->n_attributes);
	assert_true(a.number == b.number && a.created == b.created && a.updated == b.updated && x->active == y->active);
	assert_true(a.user.owned == b.user.owned && a.user.missing_since == b.user.missing_since && a.user.revision == b.user.revision);
	assert_true(us_hash_is_equal(a.user.hash, b.user.hash) && a.user.retired.since == b.user.retired.since &&
		a.user.retired.by == b.user.retired.by && a.user.retired.strips == b.user.retired.strips);
}

static void a_user_that_is_kept_is_the_one_that_was_read(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_kept *kept = us_kept_new();
	struct us_user_image users[] = { fixture_user("id-1", "Ann"), fixture_user(NULL, "bob") };

	users[0].user.full_name = S("");
	users[0].user.email = S("a\"b@c");
	users[0].user.attributes = attributes;
	users[0].user.n_attributes = countof(attributes);
	users[0].missing_since = 77;
	users[0].retired.since = 5;
	users[0].retired.by = 3;
	users[0].retired.strips = true;
	users[1].user.active = false;
	users[1].owned = false;
	for (uint32_t i = 0; i < countof(users); i++) {
		const char *name = users[i].user.name.p;
		assert_ok(us_object_insert_user(f->w, f->directory, 5 + i, &users[i], 9, 1234, &err));
		struct us_listed read = find(NULL, f, name);
		assert_same(find(kept, f, name), read);
		int64_t before = us_db_statements(f->store->db);
		assert_same(find(kept, f, name), read);
		assert_int_equal(us_db_statements(f->store->db), before + 1);
		assert_int_equal(read.number, 5 + i);
	}
	us_kept_free(kept);
}

static void a_user_is_kept_for_one_revision_and_directory(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_kept *kept = us_kept_new();
	struct us_user_image ann = fixture_user("1", "ann"), bob = fixture_user("2", "bob");
	struct us_listed row;
	int64_t other;

	assert_ok(us_directory_create(f->w, S("other"), US_SLICE_NONE, 1, &other, &err));
	assert_ok(us_object_insert_user(f->w, f->directory, 1, &ann, 1, 1, &err));
	assert_ok(us_object_insert_user(f->w, other, 2, &ann, 1, 1, &err));
	assert_int_equal(find(kept, f, "ANN").number, 1);
	assert_int_equal(find(kept, f, "ann").number, 1);
	assert_ok(us_users_find(kept, f->w, &f->arena, other, S("ann"), &row, &err));
	assert_int_equal(row.number, 2);
	assert_int_equal(us_users_find(kept, f->w, &f->arena, f->directory, S("bob"), &row, &err), US_NOT_FOUND);
	assert_int_equal(us_users_find(kept, f->w, &f->arena, 99, S("ann"), &row, &err), US_NOT_FOUND);
	/* The name goes to somebody else. */
	assert_ok(us_object_raise_revision(f->w, f->directory, 0, &err));
	assert_ok(us_object_update_user(f->w, f->directory, 1, 1, &bob, 2, 1, &err));
	assert_ok(us_object_insert_user(f->w, f->directory, 3, &ann, 2, 1, &err));
	assert_int_equal(find(kept, f, "ANN").number, 3);
	assert_int_equal(find(kept, f, "bob").number, 1);
	us_kept_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_user_that_is_kept_is_the_one_that_was_read, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_user_is_kept_for_one_revision_and_directory, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
