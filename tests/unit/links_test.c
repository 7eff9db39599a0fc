/* Memberships between places, at the edges of everything that is counted there: rounds, chunks, rooms that grow. */
#include "unit.h"

#include "sync/links.h"

enum { USERS = 70000, GROUPS = 200 };

static struct us_have have;

static struct us_hash hash_of(char kind, unsigned n)
{
	char text[24];

	snprintf(text, sizeof text, "%c%u", kind, n);
	return us_hash_slice(us_slice(text));
}

static int setup(void **state)
{
	for (unsigned i = 0; i < USERS; i++)
		us_map_put(&have.users.ids, hash_of('u', i), NULL);
	for (unsigned i = 0; i < GROUPS; i++)
		us_map_put(&have.groups.ids, hash_of('g', i), NULL);
	have.users.n = USERS;
	have.groups.n = GROUPS;
	return 0;
}

static int teardown(void **state)
{
	us_map_fini(&have.users.ids);
	us_map_fini(&have.groups.ids);
	return 0;
}

/* refs "u0", "u1" … from first on, n of them; the caller frees. */
static struct us_slice *refs_of(char kind, unsigned first, size_t n)
{
	struct us_slice *refs = us_malloc((n + 1) * (sizeof *refs + 16));
	char *text = (char *) (refs + n + 1);

	for (size_t i = 0; i < n; i++, text += 16) {
		snprintf(text, 16, "%c%u", kind, first + (unsigned) i);
		refs[i] = us_slice(text);
	}
	return refs;
}

static void expect_users(struct us_links *l, uint32_t group, uint32_t first, size_t n)
{
	uint32_t *places;

	assert_int_equal(us_links_users(l, group, &places), n);
	for (size_t i = 0; i < n; i++) {
		bool found = false;
		for (size_t k = 0; k < n && !found; k++)
			found = places[k] == first + i;
		if (!found && n < 200)
			fail_msg("user %zu is not in group %u of %zu", first + i, group, n);
	}
}

static void members_of_every_number_are_all_there(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 32, 33, 63, 64, 65, 129 };
	struct us_links *l = us_links_new(&have);

	for (uint32_t i = 0; i < countof(sizes); i++) {
		struct us_slice *refs = refs_of('u', i * 1000, sizes[i]);
		us_links_add(l, hash_of('g', i), refs, sizes[i]);
		free(refs);
	}
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 0);
	for (uint32_t i = 0; i < countof(sizes); i++)
		expect_users(l, i, i * 1000, sizes[i]);
	expect_users(l, GROUPS - 1, 0, 0);
	us_links_free(l);
}

static void groups_of_a_user_of_every_number_are_all_there(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 32, 33, 64, 65, 100 };
	struct us_links *l = us_links_new(&have);
	uint32_t *places;

	for (uint32_t i = 0; i < countof(sizes); i++) {
		struct us_slice *refs = refs_of('g', 0, sizes[i]);
		us_links_add_user(l, i, refs, sizes[i]);
		free(refs);
	}
	us_links_resolve(l);
	us_links_build(l);
	for (uint32_t g = 0; g < 101; g++) {
		size_t want = 0;
		for (size_t i = 0; i < countof(sizes); i++)
			want += sizes[i] > g;
		assert_int_equal(us_links_users(l, g, &places), want);
	}
	us_links_free(l);
}

static void a_chunk_that_is_full_is_followed_by_another(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_pairs_walk walk;
	uint32_t group, user, *places;
	size_t n = 0, sum = 0;

	us_links_walk_begin(l, &walk);
	assert_false(us_links_walk_next(&walk, &group, &user));
	for (uint32_t i = 0; i < 65537; i++)
		us_links_add_places(l, i % 3, i);
	us_links_walk_begin(l, &walk);
	while (us_links_walk_next(&walk, &group, &user)) {
		assert_int_equal(group, user % 3);
		n++;
		sum += user;
	}
	assert_int_equal(n, 65537);
	assert_int_equal(sum, (size_t) 65536 * 65537 / 2);
	/* two go, on either side of the chunk's edge */
	uint16_t *marks = us_calloc(USERS, sizeof *marks);
	marks[65535] = marks[65536] = 4;
	marks[7] = 2;
	us_links_drop_users(l, marks, 4);
	us_links_walk_begin(l, &walk);
	for (n = 0; us_links_walk_next(&walk, &group, &user); n++)
		assert_false(user == 65535 || user == 65536);
	assert_int_equal(n, 65535);
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 0);
	assert_int_equal(us_links_users(l, 0, &places), 21845);
	assert_int_equal(us_links_users(l, 1, &places) + us_links_users(l, 2, &places), 43690);
	free(marks);
	us_links_free(l);
}

/* Members that come before their users and groups wait; whoever never comes is counted. */
static void who_comes_later_is_waited_for(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_slice *users = refs_of('n', 0, 200), *groups = refs_of('m', 0, 70), known = us_slice("u5");
	uint32_t *places, other;

	us_links_add(l, hash_of('g', 1), users, 200);       /* members that nobody knows yet */
	us_links_add(l, hash_of('x', 0), &known, 1);         /* a group that nobody knows yet */
	us_links_add(l, hash_of('y', 0), &known, 1);         /* and one that nobody ever will */
	us_links_add_user(l, 9, groups, 70);
	for (unsigned i = 0; i < 150; i++)
		assert_true(us_links_name(l, false, 1000 + i, hash_of('n', i), &other));
	for (unsigned i = 0; i < 70; i++)
		assert_true(us_links_name(l, true, 100 + i, hash_of('m', i), &other));
	assert_true(us_links_name(l, true, 3, hash_of('x', 0), &other));
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 51);
	expect_users(l, 1, 1000, 150);
	expect_users(l, 3, 5, 1);
	for (uint32_t g = 100; g < 170; g++)
		expect_users(l, g, 9, 1);
	assert_int_equal(us_links_users(l, 170, &places), 0);
	free(users);
	free(groups);
	us_links_free(l);
}

/* A name given while reading goes before an id of the directory. */
static void names_go_before_ids(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_slice one = us_slice("u1");
	uint32_t other;

	assert_true(us_links_name(l, false, 77, hash_of('u', 1), &other));
	us_links_add(l, hash_of('g', 0), &one, 1);
	assert_true(us_links_name(l, true, 5, hash_of('g', 2), &other));
	us_links_add(l, hash_of('g', 2), &one, 1);
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 0);
	expect_users(l, 0, 77, 1);
	expect_users(l, 2, 0, 0);
	expect_users(l, 5, 77, 1);
	us_links_free(l);
}

static void a_name_of_several_is_nobodys(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_slice users[] = { US_SLICE("n1"), US_SLICE("u4") }, groups[] = { US_SLICE("m1"), US_SLICE("g4") };
	uint32_t other = 0;

	assert_true(us_links_name(l, false, 77, hash_of('n', 1), &other));
	assert_true(us_links_name(l, false, 77, hash_of('n', 1), &other)); /* once more */
	us_links_add(l, hash_of('g', 0), users, 2);
	assert_false(us_links_name(l, false, 78, hash_of('n', 1), &other));
	assert_int_equal(other, 77);
	assert_false(us_links_name(l, false, 79, hash_of('n', 1), &other));
	assert_int_equal(other, US_MAP_NONE);
	assert_true(us_links_name(l, false, 77, hash_of('n', 1), &other));
	assert_true(us_links_name(l, false, 79, hash_of('n', 1), &other));
	assert_true(us_links_name(l, true, 9, hash_of('n', 1), &other)); /* a group, which no member is that could be a user */
	us_links_add(l, hash_of('g', 1), users, 2);
	assert_true(us_links_name(l, true, 7, hash_of('m', 1), &other));
	assert_false(us_links_name(l, true, 8, hash_of('m', 1), &other));
	assert_int_equal(other, 7);
	us_links_add(l, hash_of('m', 1), users + 1, 1);
	us_links_add(l, hash_of('g', 2), groups, 2);
	us_links_add_user(l, 4, groups, 2);
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 4);
	uint32_t *places;
	assert_int_equal(us_links_users(l, 0, &places), 2);
	assert_int_equal(places[0] + places[1], 4 + 77); /* as it was then */
	expect_users(l, 1, 4, 1);
	expect_users(l, 4, 4, 1);
	expect_users(l, 7, 4, 0);
	struct us_edge *edges;
	assert_int_equal(us_links_edges(l, &edges), 1);
	assert_true(edges[0].parent == 2 && edges[0].child == 4);
	us_links_free(l);
}

/* Whoever has a name is not called by its id, whichever comes first: the name, or a membership that holds the id. */
static void an_id_is_no_name_of_who_has_another(void **state)
{
	for (int late = 0; late < 2; late++) {
		struct us_links *l = us_links_new(&have);
		struct us_slice members[] = { US_SLICE("u1"), US_SLICE("u2"), US_SLICE("u3"), US_SLICE("g7") }, groups[] = { US_SLICE("g1"), US_SLICE("g2") };
		struct us_edge *edges;
		uint32_t other;

		for (int round = 0; round < 2; round++) {
			if (round == late) {
				assert_true(us_links_name(l, false, 1, hash_of('n', 1), &other));
				assert_true(us_links_name(l, false, 3, hash_of('u', 2), &other)); /* called as another's id */
				assert_true(us_links_name(l, true, 1, hash_of('m', 1), &other));
				assert_true(us_links_name(l, true, 2, hash_of('g', 1), &other));
				assert_true(us_links_name(l, true, 7, hash_of('m', 7), &other));
			} else {
				us_links_add(l, hash_of('g', 1), members, 4);
				us_links_add(l, hash_of('g', 4), members, 4);
				us_links_add_user(l, 9, groups, 2);
			}
		}
		us_links_resolve(l);
		/* u1, u3 and g7 twice, g2 once */
		assert_int_equal(us_links_build(l), 7);
		expect_users(l, 1, 0, 0);
		expect_users(l, 4, 3, 1);
		uint32_t *places;
		assert_int_equal(us_links_users(l, 2, &places), 2);
		assert_int_equal(us_links_edges(l, &edges), 0);
		us_links_free(l);
	}
}

static void who_was_found_by_an_id_is_settled_for_a_group_that_was_not(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_slice members[] = { US_SLICE("u5"), US_SLICE("u6"), US_SLICE("g7"), US_SLICE("g8") };
	uint32_t other;

	assert_true(us_links_name(l, true, 1, hash_of('m', 1), &other));
	us_links_add(l, hash_of('m', 1), members, 4);
	assert_true(us_links_name(l, false, 6, hash_of('n', 6), &other));
	assert_true(us_links_name(l, false, 21, hash_of('u', 6), &other)); /* it is this one that u6 means */
	assert_true(us_links_name(l, true, 7, hash_of('m', 7), &other));   /* and g7 is nobody */
	us_links_resolve(l);
	assert_int_equal(us_links_build(l), 1);
	uint32_t *places;
	assert_int_equal(us_links_users(l, 1, &places), 2);
	assert_int_equal(places[0] + places[1], 5 + 21);
	struct us_edge *edges;
	assert_int_equal(us_links_edges(l, &edges), 1);
	assert_true(edges[0].parent == 1 && edges[0].child == 8);
	us_links_free(l);
}

static void edges_are_sorted_by_parent_then_child(void **state)
{
	struct us_links *l = us_links_new(&have);
	struct us_edge *edges;

	for (unsigned parent = 20; parent--;) {
		struct us_slice *refs = refs_of('g', 30, 7), last = refs[0];
		refs[0] = refs[6];
		refs[6] = last;
		us_links_add(l, hash_of('g', parent), refs, 7);
		free(refs);
	}
	us_links_resolve(l);
	us_links_build(l);
	assert_int_equal(us_links_edges(l, &edges), 140);
	for (uint32_t i = 0; i < 140; i++)
		assert_true(edges[i].parent == i / 7 && edges[i].child == 30 + i % 7);
	us_links_free(l);
	us_links_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_every_number_are_all_there),
		cmocka_unit_test(groups_of_a_user_of_every_number_are_all_there),
		cmocka_unit_test(a_chunk_that_is_full_is_followed_by_another),
		cmocka_unit_test(who_comes_later_is_waited_for),
		cmocka_unit_test(names_go_before_ids),
		cmocka_unit_test(a_name_of_several_is_nobodys),
		cmocka_unit_test(an_id_is_no_name_of_who_has_another),
		cmocka_unit_test(who_was_found_by_an_id_is_settled_for_a_group_that_was_not),
		cmocka_unit_test(edges_are_sorted_by_parent_then_child),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
