#include "store.h"

#include "base/fold.h"

static const struct us_slice phones[] = { { "1", 1 }, { "2", 1 } };
static const struct us_field phone = { { "phone", 5 }, phones, 2 };

static void user_comes_back_as_written(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_user_image want = fixture_user("id-1", "Ärger"), got;
	uint32_t number;

	want.user.full_name = S("");
	want.user.email = S("a'b\"@c");
	want.user.attributes = &phone;
	want.user.n_attributes = 1;
	want.missing_since = 77;
	want.hash = us_user_hash(&want.user);
	assert_ok(us_object_insert_user(f->w, f->directory, 5, &want, 9, 1234, &err));
	assert_ok(us_object_load_user(f->w, &f->arena, f->directory, 5, &got, &err));
	assert_true(us_hash_is_equal(us_user_hash(&got.user), want.hash));
	assert_true(us_hash_is_equal(got.hash, want.hash));
	assert_int_equal(got.revision, 9);
	assert_int_equal(got.missing_since, 77);
	assert_true(got.owned && got.user.active);
	assert_true(got.user.full_name.p && !got.user.full_name.n && !got.user.first_name.p);
	/* Found by any spelling that folds the same. */
	assert_ok(us_object_find_user(f->w, &f->arena, f->directory, S("A\xCC\x88RGER"), &number, &got, &err));
	assert_int_equal(number, 5);
	assert_slice(got.user.name, "Ärger");
	assert_int_equal(us_object_find_user(f->w, &f->arena, f->directory, S("arger"), &number, &got, &err), US_NOT_FOUND);
	assert_int_equal(us_object_find_user(f->w, &f->arena, f->directory + 1, S("Ärger"), &number, &got, &err), US_NOT_FOUND);
	assert_int_equal(us_object_load_user(f->w, &f->arena, f->directory, 6, &got, &err), US_NOT_FOUND);
}

static void group_comes_back_as_written(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_group_image want = fixture_group("g-1", "Staff"), got;
	uint32_t number;

	want.group.description = S("all of them");
	assert_ok(us_object_insert_group(f->w, f->directory, UINT32_MAX, &want, 3, 1, &err));
	assert_ok(us_object_find_group(f->w, &f->arena, f->directory, S("STAFF"), &number, &got, &err));
	assert_true(number == UINT32_MAX);
	assert_slice(got.group.description, "all of them");
	assert_slice(got.group.id, "g-1");
	assert_ok(us_object_load_group(f->w, &f->arena, f->directory, UINT32_MAX, &got, &err));
	assert_true(us_hash_is_equal(got.hash, want.hash));
	want.group.name = S("Crew");
	assert_ok(us_object_update_group(f->w, f->directory, UINT32_MAX, 3, &want, 4, 2, &err));
	assert_ok(us_object_find_group(f->w, &f->arena, f->directory, S("crew"), &number, &got, &err));
	assert_int_equal(us_object_find_group(f->w, &f->arena, f->directory, S("staff"), &number, &got, &err), US_NOT_FOUND);
	assert_int_equal(us_object_load_group(f->w, &f->arena, f->directory, 1, &got, &err), US_NOT_FOUND);
}

static void objects_are_written_only_over_the_expected_revision(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_user_image u = fixture_user("u", "u"), got;
	struct us_group_image g = fixture_group("g", "g");

	assert_ok(us_object_insert_user(f->w, f->directory, 1, &u, 1, 1, &err));
	assert_ok(us_object_insert_group(f->w, f->directory, 1, &g, 1, 1, &err));
	u.user.email = S("new");
	assert_int_equal(us_object_update_user(f->w, f->directory, 1, 2, &u, 3, 1, &err), US_CONFLICT);
	assert_int_equal(us_object_update_user(f->w, f->directory, 2, 1, &u, 3, 1, &err), US_CONFLICT);
	assert_int_equal(us_object_delete_user(f->w, f->directory, 1, 2, &err), US_CONFLICT);
	assert_int_equal(us_object_update_group(f->w, f->directory, 1, 2, &g, 3, 1, &err), US_CONFLICT);
	assert_int_equal(us_object_delete_group(f->w, f->directory, 1, 2, &err), US_CONFLICT);
	assert_int_equal(us_object_park_user(f->w, f->directory, 2, &err), US_CONFLICT);
	assert_int_equal(us_object_park_group(f->w, f->directory, 2, &err), US_CONFLICT);
	assert_ok(us_object_load_user(f->w, &f->arena, f->directory, 1, &got, &err));
	assert_false(got.user.email.p);
	assert_ok(us_object_update_user(f->w, f->directory, 1, 1, &u, 3, 1, &err));
	assert_ok(us_object_load_user(f->w, &f->arena, f->directory, 1, &got, &err));
	assert_slice(got.user.email, "new");
	assert_int_equal(got.revision, 3);
	assert_ok(us_object_delete_user(f->w, f->directory, 1, 3, &err));
	assert_ok(us_object_delete_group(f->w, f->directory, 1, 1, &err));
	assert_int_equal(us_object_raise_revision(f->w, f->directory, 1, &err), US_CONFLICT);
	assert_ok(us_object_raise_revision(f->w, f->directory, 0, &err));
	assert_ok(us_object_raise_revision(f->w, f->directory, 1, &err));
}

static void names_and_ids_are_unique_in_a_directory(void **state)
{
	static const struct {
		uint32_t number;
		const char *id, *name;
		bool other_directory;
		enum us_errc rc;
	} rows[] = {
		{ 2, "b", "\xEF\xBC\xA1lice", false, US_CONFLICT }, /* full-width A */
		{ 2, "a", "bob", false, US_CONFLICT },
		{ 1, "b", "bob", false, US_CONFLICT },
		{ 2, "b", "bob", false, US_OK },
		{ 1, "a", "alice", true, US_OK },
		{ 2, NULL, "bob", false, US_OK }, /* local ones have no id: any number of them */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_err err = US_ERR_INIT;
		struct us_user_image a = fixture_user("a", "ALICE"), local = fixture_user(NULL, "local");
		struct us_user_image u = fixture_user(rows[i].id, rows[i].name);
		int64_t other;
		assert_ok(us_directory_create(f->w, S("Other"), US_SLICE_NONE, 1, &other, &err));
		assert_ok(us_object_insert_user(f->w, f->directory, 1, &a, 1, 1, &err));
		assert_ok(us_object_insert_user(f->w, f->directory, 9, &local, 1, 1, &err));
		assert_row(i, us_object_insert_user(f->w, rows[i].other_directory ? other : f->directory, rows[i].number, &u, 1, 1, &err) ==
			rows[i].rc);
		us_db_rollback(f->w);
		assert_ok(us_db_begin(f->w, &err));
	}
}

static void two_users_swap_names_in_one_transaction(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_user_image a = fixture_user("a", "anna"), b = fixture_user("b", "bert"), got;
	struct us_group_image g = fixture_group("g", "one"), h = fixture_group("h", "two");
	uint32_t number;

	assert_ok(us_object_insert_user(f->w, f->directory, 1, &a, 1, 1, &err));
	assert_ok(us_object_insert_user(f->w, f->directory, 2, &b, 1, 1, &err));
	assert_ok(us_object_insert_group(f->w, f->directory, 1, &g, 1, 1, &err));
	assert_ok(us_object_insert_group(f->w, f->directory, 2, &h, 1, 1, &err));
	assert_ok(us_db_commit(f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_object_park_user(f->w, f->directory, 1, &err));
	assert_ok(us_object_park_user(f->w, f->directory, 2, &err));
	assert_ok(us_object_park_group(f->w, f->directory, 1, &err));
	assert_ok(us_object_park_group(f->w, f->directory, 2, &err));
	a.user.name = S("Bert");
	b.user.name = S("Anna");
	g.group.name = S("Two");
	h.group.name = S("One");
	assert_ok(us_object_update_user(f->w, f->directory, 1, 1, &a, 2, 1, &err));
	assert_ok(us_object_update_user(f->w, f->directory, 2, 1, &b, 2, 1, &err));
	assert_ok(us_object_update_group(f->w, f->directory, 1, 1, &g, 2, 1, &err));
	assert_ok(us_object_update_group(f->w, f->directory, 2, 1, &h, 2, 1, &err));
	assert_ok(us_db_commit(f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_object_find_user(f->w, &f->arena, f->directory, S("anna"), &number, &got, &err));
	assert_int_equal(number, 2);
	assert_slice(got.user.id, "b");
	assert_ok(us_object_find_user(f->w, &f->arena, f->directory, S("bert"), &number, &got, &err));
	assert_int_equal(number, 1);
}

static const uint32_t one_two_three[] = { 1, 2, 3 };
static const uint32_t two[] = { 2 };

static void fill(struct fixture *f)
{
	struct us_err err = US_ERR_INIT;

	for (uint32_t i = 1; i <= 3; i++) {
		char id[8], name[8];
		snprintf(id, sizeof id, "u%u", i);
		snprintf(name, sizeof name, "User%u", i);
		struct us_user_image u = fixture_user(id, name);
		u.user.active = i != 3;
		u.missing_since = i == 3 ? 5 : 0;
		assert_ok(us_object_insert_user(f->w, f->directory, i, &u, 1, 1, &err));
		snprintf(id, sizeof id, "g%u", i);
		snprintf(name, sizeof name, "Group%u", i);
		struct us_group_image g = fixture_group(id, name);
		assert_ok(us_object_insert_group(f->w, f->directory, i, &g, 1, 1, &err));
	}
	struct us_user_image local = fixture_user(NULL, "Local");
	assert_ok(us_object_insert_user(f->w, f->directory, 4, &local, 1, 1, &err));
	const struct us_members_delta all = { .added_users = one_two_three, .n_added_users = 3, .added_groups = two, .n_added_groups = 1 };
	const struct us_members_delta second = { .added_users = two, .n_added_users = 1 };
	assert_ok(us_object_add_members(f->w, f->directory, 1, &all, true, &err));
	assert_ok(us_object_add_members(f->w, f->directory, 2, &second, true, &err));
	assert_ok(us_object_add_members(f->w, f->directory, 3, &second, false, &err));
	const struct us_directory_delta counts = { 4, 3, 3, 6 };
	assert_ok(us_object_add_counts(f->w, f->directory, &counts, 5, 4, &err));
}

static struct us_hash members_of(struct fixture *f, uint32_t group)
{
	struct us_have have;
	struct us_err err = US_ERR_INIT;

	assert_ok(us_object_load_have(f->w, f->directory, NULL, &have, &err));
	struct us_hash h = US_HASH_ZERO;
	for (uint32_t i = 0; i < have.groups.n; i++)
		if (have.groups.numbers[i] == group)
			h = have.groups.members_hashes[i];
	us_have_fini(&have);
	return h;
}

static void members_come_sorted_with_owner(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_member *users, *groups;
	size_t n_users, n_groups;

	fill(f);
	assert_ok(us_object_load_members(f->w, &f->arena, f->directory, 1, &users, &n_users, &groups, &n_groups, &err));
	assert_int_equal(n_users, 3);
	assert_true(users[0].number == 1 && users[1].number == 2 && users[2].number == 3 && users[0].owned);
	assert_int_equal(n_groups, 1);
	assert_true(groups[0].number == 2 && groups[0].owned);
	assert_ok(us_object_load_groups_of_user(f->w, &f->arena, f->directory, 2, &groups, &n_groups, &err));
	assert_int_equal(n_groups, 3);
	assert_true(groups[0].number == 1 && groups[0].owned && groups[2].number == 3 && !groups[2].owned);
	assert_ok(us_object_load_groups_of_group(f->w, &f->arena, f->directory, 2, &groups, &n_groups, &err));
	assert_true(n_groups == 1 && groups[0].number == 1);
	assert_ok(us_object_load_groups_of_user(f->w, &f->arena, f->directory, 99, &groups, &n_groups, &err));
	assert_int_equal(n_groups, 0);
}

static void members_hash_is_that_of_the_owned_members(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_hash want = us_members_hash_group(2);

	fill(f);
	for (uint32_t i = 1; i <= 3; i++)
		want = us_members_hash_add(want, us_members_hash_user(i));
	assert_true(us_hash_is_equal(members_of(f, 1), want));
	assert_true(us_hash_is_equal(members_of(f, 3), US_HASH_ZERO)); /* a local one does not count */
	const struct us_members_delta gone = { .removed_users = two, .n_removed_users = 1, .removed_groups = two, .n_removed_groups = 1 };
	assert_ok(us_object_remove_members(f->w, f->directory, 1, &gone, true, &err));
	want = us_members_hash_add(us_members_hash_user(1), us_members_hash_user(3));
	assert_true(us_hash_is_equal(members_of(f, 1), want));
	/* What is left of it is as it was, whatever goes in between. */
	assert_ok(us_object_delete_user(f->w, f->directory, 3, 1, &err));
	assert_true(us_hash_is_equal(members_of(f, 1), us_members_hash_user(1)));
	enum { N = 100 };
	uint32_t many[N];
	for (uint32_t i = 0; i < N; i++)
		many[i] = 1000 + i;
	for (uint32_t n = 0; n <= N; n = n * 2 + 1) { /* all ways of cutting them into statements */
		const struct us_members_delta add = { .added_users = many, .n_added_users = n };
		const struct us_members_delta take = { .removed_users = many, .n_removed_users = n };
		const struct us_member *users, *groups;
		size_t n_users, n_groups;
		assert_ok(us_object_add_members(f->w, f->directory, 2, &add, true, &err));
		assert_ok(us_object_load_members(f->w, &f->arena, f->directory, 2, &users, &n_users, &groups, &n_groups, &err));
		assert_int_equal(n_users, n + 1);
		for (uint32_t i = 0; i < n; i++)
			assert_true(users[i + 1].number == many[i] && users[i + 1].owned);
		assert_ok(us_object_remove_members(f->w, f->directory, 2, &take, true, &err));
	}
	assert_true(us_hash_is_equal(members_of(f, 2), us_members_hash_user(2)));
}

static void all_owned_members_go_and_local_ones_stay(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	static const uint32_t seven[] = { 10, 11, 12, 13, 14, 15, 16 }, other[] = { 10, 11, 12, 13, 14, 15, 17 };
	const struct us_members_delta add = { .added_users = seven, .n_added_users = 7, .added_groups = two, .n_added_groups = 1 };
	const struct us_members_delta wrong = { .removed_users = other, .n_removed_users = 7, .removed_groups = two, .n_removed_groups = 1 };
	const struct us_members_delta take = { .removed_users = seven, .n_removed_users = 7, .removed_groups = two, .n_removed_groups = 1 };
	const struct us_member *users, *groups;
	size_t n_users, n_groups;

	fill(f);
	assert_ok(us_object_add_members(f->w, f->directory, 3, &add, true, &err)); /* it has the local user 2 */
	assert_ok(us_object_remove_members(f->w, f->directory, 3, &take, true, &err));
	assert_ok(us_object_load_members(f->w, &f->arena, f->directory, 3, &users, &n_users, &groups, &n_groups, &err));
	assert_true(n_users == 1 && users[0].number == 2 && !users[0].owned && n_groups == 0);
	assert_true(us_hash_is_equal(members_of(f, 3), US_HASH_ZERO));
	assert_ok(us_object_add_members(f->w, f->directory, 3, &add, true, &err)); /* and it counts from none again */
	assert_int_equal(us_object_remove_members(f->w, f->directory, 3, &wrong, true, &err), US_CONFLICT); /* as many, but others */
}

static void members_that_are_there_or_not_are_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	const uint32_t nobody[] = { 77 };
	const struct us_members_delta take_nobody = { .removed_users = nobody, .n_removed_users = 1 };
	const struct us_members_delta take_two = { .removed_users = two, .n_removed_users = 1 };
	const struct us_members_delta add_two = { .added_users = two, .n_added_users = 1 };

	fill(f);
	assert_int_equal(us_object_remove_members(f->w, f->directory, 1, &take_nobody, true, &err), US_CONFLICT);
	assert_int_equal(us_object_remove_members(f->w, f->directory, 3, &take_two, true, &err), US_CONFLICT); /* local */
	assert_int_equal(us_object_add_members(f->w, f->directory, 99, &add_two, true, &err), US_CONFLICT);
	assert_int_equal(us_object_add_members(f->w, f->directory, 1, &add_two, true, &err), US_CONFLICT);
}

static void deleted_objects_take_their_memberships_along(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_directory d;
	const uint32_t self[] = { 1 };
	const struct us_members_delta loop = { .added_groups = self, .n_added_groups = 1 };
	const struct us_directory_delta one = { .memberships = 1 };

	fill(f);
	assert_ok(us_object_add_members(f->w, f->directory, 1, &loop, true, &err));
	assert_ok(us_object_add_counts(f->w, f->directory, &one, 0, 0, &err));
	assert_ok(us_object_delete_user(f->w, f->directory, 2, 1, &err));
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &d, &err));
	assert_int_equal(d.n_memberships, 4);
	assert_true(us_hash_is_equal(members_of(f, 2), US_HASH_ZERO));
	assert_ok(us_object_delete_group(f->w, f->directory, 2, 1, &err));
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &d, &err));
	assert_int_equal(d.n_memberships, 3);
	assert_ok(us_object_delete_group(f->w, f->directory, 1, 1, &err));
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &d, &err));
	assert_int_equal(d.n_memberships, 0);
}

static void index_for_planning_holds_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_have have;
	int64_t other;

	assert_ok(us_directory_create(f->w, S("Other"), US_SLICE_NONE, 1, &other, &err));
	struct us_user_image elsewhere = fixture_user("u1", "User1");
	assert_ok(us_object_insert_user(f->w, other, 1, &elsewhere, 1, 1, &err));
	fill(f);
	assert_ok(us_object_raise_revision(f->w, f->directory, 0, &err));
	assert_ok(us_object_load_have(f->w, f->directory, NULL, &have, &err));
	assert_int_equal(have.users.n, 4);
	assert_int_equal(have.groups.n, 3);
	assert_int_equal(have.users.next_number, 5);
	assert_int_equal(have.groups.next_number, 4);
	assert_int_equal(have.revision, 1);
	assert_int_equal(have.n_memberships, 5); /* the local one is not counted */
	uint32_t at = us_map_find(&have.users.ids, us_hash_slice(S("u3")));
	assert_int_equal(us_map_find(&have.users.names, us_fold_hash(S("USER3"))), at);
	assert_int_equal(have.users.numbers[at], 3);
	assert_int_equal(have.users.flags[at], US_HAVE_OWNED | US_HAVE_MISSING);
	struct us_user_image third = fixture_user("u3", "User3");
	third.user.active = true;
	assert_true(us_hash_is_equal(have.users.hashes[at], us_user_hash(&third.user)));
	at = us_map_find(&have.users.ids, us_have_local_id(4));
	assert_int_equal(have.users.numbers[at], 4);
	assert_int_equal(have.users.flags[at], US_HAVE_ACTIVE);
	us_have_fini(&have);
	assert_int_equal(us_object_load_have(f->w, 99, NULL, &have, &err), US_NOT_FOUND);
	assert_string_equal(err.text, "Directory 99 does not exists");
}

static void small_index_holds_what_was_asked_for_once(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_slice ids[] = { S("u1"), S("nobody") }, names[] = { S("USER1"), S("user2"), S("local"), S("none") };
	const struct us_slice group_ids[] = { S("g2") }, group_names[] = { S("group2"), S("Group3") };
	const struct us_object_keys keys = { ids, names, group_ids, group_names, 2, 4, 1, 2 };
	struct us_have have;

	fill(f);
	assert_ok(us_object_load_have_some(f->w, f->directory, &keys, NULL, &have, &err));
	assert_int_equal(have.users.n, 3);
	assert_int_equal(have.groups.n, 3); /* those asked for, and that of a user */
	assert_int_equal(have.users.next_number, 5);
	assert_true(us_map_find(&have.users.ids, us_have_local_id(4)) != US_MAP_NONE);
	assert_true(us_map_find(&have.users.names, us_fold_hash(S("user1"))) == 0);
	us_have_fini(&have);
	const struct us_object_keys none = { 0 };
	assert_ok(us_object_load_have_some(f->w, f->directory, &none, NULL, &have, &err));
	assert_int_equal(have.users.n, 0);
	us_have_fini(&have);
	assert_int_equal(us_object_load_have_some(f->w, 99, &none, NULL, &have, &err), US_NOT_FOUND);
}

static void pages_go_through_all_in_order_of_the_folded_name(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_slice after = US_SLICE_NONE;
	struct us_listed *list;
	size_t n, total = 0;

	for (uint32_t i = 0; i < 25; i++) {
		struct us_user_image u = fixture_user(us_arena_printf(&f->arena, "id%u", i),
			us_arena_printf(&f->arena, "%c%02u_x", i % 2 ? 'A' : 'a', (i * 7) % 25));
		u.user.attributes = &phone;
		u.user.n_attributes = 1;
		assert_ok(us_object_insert_user(f->w, f->directory, i + 1, &u, 1, 1, &err));
	}
	do {
		char want[16];
		assert_ok(us_object_list_users(f->w, &f->arena, f->directory, after, US_SLICE_NONE, 10, &list, &n, &err));
		for (size_t i = 0; i < n; i++) {
			snprintf(want, sizeof want, "a%02zu_x", total + i);
			assert_slice(list[i].fold, want);
			assert_int_equal(list[i].user.user.n_attributes, 1);
		}
		total += n;
		if (n)
			after = list[n - 1].fold;
	} while (n);
	assert_int_equal(total, 25);
	assert_ok(us_object_list_users(f->w, &f->arena, f->directory, US_SLICE_NONE, S("A1"), 100, &list, &n, &err));
	assert_int_equal(n, 10);
	assert_ok(us_object_list_users(f->w, &f->arena, f->directory, S("a15_x"), S("A1"), 2, &list, &n, &err));
	assert_int_equal(n, 2);
	assert_slice(list[0].fold, "a16_x");
	/* What means something to LIKE is text here. */
	assert_ok(us_object_list_users(f->w, &f->arena, f->directory, US_SLICE_NONE, S("%"), 100, &list, &n, &err));
	assert_int_equal(n, 0);
	assert_ok(us_object_list_users(f->w, &f->arena, f->directory, US_SLICE_NONE, S("3_x"), 100, &list, &n, &err));
	assert_int_equal(n, 3);
	char *longer = us_arena_zalloc(&f->arena, 2000);
	memset(longer, 'x', 2000);
	assert_int_equal(us_object_list_users(f->w, &f->arena, f->directory, US_SLICE_NONE, (struct us_slice) { longer, 2000 }, 10, &list, &n,
		&err), US_INVALID);
	struct us_group_image g = fixture_group("g", "Group");
	assert_ok(us_object_insert_group(f->w, f->directory, 1, &g, 1, 1, &err));
	assert_ok(us_object_list_groups(f->w, &f->arena, f->directory, US_SLICE_NONE, S("ROU"), 10, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_slice(list[0].group.group.name, "Group");
}

static bool has_index(struct fixture *f, const char *name)
{
	struct us_err err = US_ERR_INIT;
	struct us_stmt *s;

	assert_ok(us_db_prepare(f->w, "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?1", &s, &err));
	us_stmt_bind_slice(s, 1, us_slice(name));
	bool has = us_stmt_step(s, &err) == US_OK;
	us_stmt_reset(s);
	return has;
}

static void large_plan_builds_its_indexes_afterwards(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_directory_delta counts = { .users = 6000, .memberships = 60000 };
	bool is_bulk;

	assert_ok(us_object_bulk_begin(f->w, 100, 100, &is_bulk, &err));
	assert_false(is_bulk);
	assert_ok(us_object_bulk_begin(f->w, 6000, 0, &is_bulk, &err));
	assert_true(is_bulk && !has_index(f, "usr_fold") && !has_index(f, "usr_ext_id") && has_index(f, "membership_usr"));
	assert_ok(us_object_bulk_end(f->w, &err));
	assert_true(has_index(f, "usr_fold") && has_index(f, "usr_ext_id"));
	assert_ok(us_object_bulk_begin(f->w, 0, 60000, &is_bulk, &err));
	assert_true(is_bulk && has_index(f, "usr_fold") && !has_index(f, "membership_usr"));
	assert_ok(us_object_bulk_end(f->w, &err));
	assert_true(has_index(f, "membership_usr"));
	assert_ok(us_object_add_counts(f->w, f->directory, &counts, 0, 0, &err));
	assert_ok(us_object_bulk_begin(f->w, 6000, 60000, &is_bulk, &err));
	assert_false(is_bulk); /* not more than is there */
	/* Two of one name, while nothing could see it, and a rollback that brings all indexes back. */
	assert_ok(us_object_bulk_begin(f->w, 600000, 6000000, &is_bulk, &err));
	struct us_user_image a = fixture_user("a", "same"), b = fixture_user("b", "SAME");
	assert_ok(us_object_insert_user(f->w, f->directory, 1, &a, 1, 1, &err));
	assert_ok(us_object_insert_user(f->w, f->directory, 2, &b, 1, 1, &err));
	assert_int_equal(us_object_bulk_end(f->w, &err), US_CONFLICT);
	us_db_rollback(f->w);
	assert_true(has_index(f, "usr_fold") && has_index(f, "usr_ext_id") && has_index(f, "membership_usr"));
}

static void counters_and_next_numbers_only_grow_as_told(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_directory d;
	struct us_have have;

	const struct us_directory_delta up = { 5, 4, 3, 2 }, down = { -1, -1, -1, -1 };
	assert_ok(us_object_add_counts(f->w, f->directory, &up, 10, 20, &err));
	assert_ok(us_object_add_counts(f->w, f->directory, &down, 7, 0, &err));
	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &d, &err));
	assert_true(d.n_users == 4 && d.n_active_users == 3 && d.n_groups == 2 && d.n_memberships == 1);
	assert_ok(us_object_load_have(f->w, f->directory, NULL, &have, &err));
	assert_true(have.users.next_number == 10 && have.groups.next_number == 20);
	us_have_fini(&have);
	assert_int_equal(us_object_add_counts(f->w, 99, &up, 0, 0, &err), US_NOT_FOUND);
}

static void directories_are_listed_and_deleted_with_what_is_in_them(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_directory *list, d;
	struct us_user_image u = fixture_user("u", "u");
	struct us_group_image g = fixture_group("g", "g");
	const uint32_t one[] = { 1 };
	const struct us_members_delta members = { .added_users = one, .n_added_users = 1, .added_groups = one, .n_added_groups = 1 };
	size_t n;
	int64_t other;

	assert_ok(us_directory_create(f->w, S("Other"), S("uuid"), 7, &other, &err));
	const int64_t both[] = { f->directory, other };
	for (size_t i = 0; i < 2; i++) {
		assert_ok(us_object_insert_user(f->w, both[i], 1, &u, 1, 1, &err));
		assert_ok(us_object_insert_group(f->w, both[i], 1, &g, 1, 1, &err));
		assert_ok(us_object_add_members(f->w, both[i], 1, &members, true, &err));
	}
	assert_ok(us_directory_list(f->w, &f->arena, &list, &n, &err));
	assert_int_equal(n, 2);
	assert_slice(list[1].connector, "uuid");
	assert_true(list[0].id == f->directory && list[1].created == 7 && !list[0].connector.p);
	for (size_t i = 0; i < 2; i++) { /* beside others, and as the last one */
		struct us_str dump = US_STR_INIT;
		const struct us_directory_delta large = { .users = 200000 };
		if (i == 1) /* by another way */
			assert_ok(us_object_add_counts(f->w, both[i], &large, 0, 0, &err));
		assert_ok(us_directory_delete(f->w, both[i], &err));
		assert_int_equal(us_directory_load(f->w, &f->arena, both[i], &d, &err), US_NOT_FOUND);
		fixture_dump(f->w, &dump);
		assert_true((strstr(dump.p, "\nusr|") != NULL) == (i == 0));
		assert_true((strstr(dump.p, "\nmembership|") != NULL) == (i == 0));
		assert_true((strstr(dump.p, "\nsubgroup|") != NULL) == (i == 0));
		us_str_fini(&dump);
	}
	assert_int_equal(us_directory_delete(f->w, other, &err), US_NOT_FOUND);
	assert_non_null(strstr(err.text, "does not exists"));
	assert_true(has_index(f, "usr_fold") && has_index(f, "membership_usr"));
	int64_t next;
	assert_ok(us_directory_create(f->w, S("Next"), US_SLICE_NONE, 7, &next, &err));
	assert_true(next > other); /* an id is not given twice */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(user_comes_back_as_written),
		fixture_test(group_comes_back_as_written),
		fixture_test(objects_are_written_only_over_the_expected_revision),
		fixture_test(names_and_ids_are_unique_in_a_directory),
		fixture_test(two_users_swap_names_in_one_transaction),
		fixture_test(members_come_sorted_with_owner),
		fixture_test(members_hash_is_that_of_the_owned_members),
		fixture_test(all_owned_members_go_and_local_ones_stay),
		fixture_test(members_that_are_there_or_not_are_a_conflict),
		fixture_test(deleted_objects_take_their_memberships_along),
		fixture_test(index_for_planning_holds_what_is_there),
		fixture_test(small_index_holds_what_was_asked_for_once),
		fixture_test(pages_go_through_all_in_order_of_the_folded_name),
		fixture_test(large_plan_builds_its_indexes_afterwards),
		fixture_test(counters_and_next_numbers_only_grow_as_told),
		fixture_test(directories_are_listed_and_deleted_with_what_is_in_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
