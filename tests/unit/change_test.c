#include "unit.h"

#include "model/change.h"

#define S(text) US_SLICE(text)

static const struct us_slice phones[] = { { "+49 1", 5 }, { "", 0 }, { NULL, 0 } };
static const struct us_slice odd[] = { { "a\0b", 3 }, { "\xF0\x9F\x98\x80\"\\\n", 7 } };
static const struct us_field fields[] = {
	{ { "", 0 }, odd, 2 },
	{ { "none", 4 }, NULL, 0 },
	{ { "phone", 5 }, phones, 3 },
};

static void assert_same(struct us_slice a, struct us_slice b)
{
	assert_true(us_slice_is_equal(a, b));
	assert_int_equal(a.p == NULL, b.p == NULL);
}

static struct us_slice write_user(struct us_str *out, const struct us_user_image *image)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_str_clear(out);
	us_user_image_write(&w, image);
	return us_str_slice(out);
}

static void user_image_reads_back_as_written(void **state)
{
	const struct us_user_image images[] = {
		{ .user = { .id = S("id-1"), .name = S("Ärger \"x\"\\"), .full_name = S(""), .first_name = S("\xD7\x90\xD7\x91"),
			.last_name = US_SLICE_NONE, .email = S("a@b"), .active = true, .attributes = fields, .n_attributes = 3 },
			.owned = true, .missing_since = 1700000000, .hash = { 1, 2 }, .revision = INT64_MAX },
		{ .user = { .name = S("local") } },
	};
	for (size_t i = 0; i < countof(images); i++) {
		const struct us_user_image *want = &images[i];
		struct us_arena arena = US_ARENA_INIT;
		struct us_str text = US_STR_INIT;
		struct us_user_image got;
		struct us_err err = US_ERR_INIT;

		assert_int_equal(us_user_image_parse(&arena, write_user(&text, want), &got, &err), US_OK);
		assert_same(got.user.id, want->user.id);
		assert_same(got.user.name, want->user.name);
		assert_same(got.user.full_name, want->user.full_name);
		assert_same(got.user.first_name, want->user.first_name);
		assert_same(got.user.last_name, want->user.last_name);
		assert_same(got.user.email, want->user.email);
		assert_int_equal(got.user.active, want->user.active);
		assert_int_equal(got.owned, want->owned);
		assert_int_equal(got.missing_since, want->missing_since);
		assert_true(us_hash_is_equal(got.hash, want->hash));
		assert_int_equal(got.revision, want->revision);
		assert_int_equal(got.user.n_attributes, want->user.n_attributes);
		for (size_t k = 0; k < got.user.n_attributes; k++) {
			assert_same(got.user.attributes[k].name, want->user.attributes[k].name);
			assert_int_equal(got.user.attributes[k].n, want->user.attributes[k].n);
			for (size_t v = 0; v < got.user.attributes[k].n; v++)
				assert_same(got.user.attributes[k].values[v], want->user.attributes[k].values[v]);
		}
		assert_true(us_hash_is_equal(us_user_hash(&got.user), us_user_hash(&want->user)));
		us_str_fini(&text);
		us_arena_fini(&arena);
	}
}

static void group_image_reads_back_as_written(void **state)
{
	const struct us_group_image want = { .group = { .id = S("g"), .name = S("Staff"), .description = S(""), .attributes = fields, .n_attributes = 3 },
		.owned = true, .hash = { UINT64_MAX, 7 }, .revision = 3 };
	struct us_group bare = want.group;
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	struct us_group_image got;

	us_group_image_write(&w, &want);
	assert_slice(us_str_slice(&text), "{\"id\":\"g\",\"name\":\"Staff\",\"description\":\"\",\"attributes\":{\"\":[\"a\\u0000b\",\"\xF0\x9F\x98\x80\\\"\\\\\\n\"],"
		"\"none\":[],\"phone\":[\"+49 1\",\"\",null]},\"owned\":true,"
		"\"hash\":\"0000000000000007ffffffffffffffff\",\"revision\":3}");
	assert_int_equal(us_group_image_parse(&arena, us_str_slice(&text), &got, NULL), US_OK);
	assert_int_equal(got.group.n_attributes, 3);
	assert_true(us_hash_is_equal(us_group_hash(&got.group), us_group_hash(&want.group)));
	bare.n_attributes = 0;
	assert_false(us_hash_is_equal(us_group_hash(&bare), us_group_hash(&want.group)));
	assert_same(got.group.description, want.group.description);
	assert_true(us_hash_is_equal(got.hash, want.hash));
	assert_int_equal(got.revision, 3);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void image_passes_over_members_of_later_versions(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_user_image got;

	assert_int_equal(us_user_image_parse(&arena, S("{\"active\":true,\"owned\":false,\"later\":{\"a\":[1]},\"name\":\"x\"}"), &got, NULL),
		US_OK);
	assert_slice(got.user.name, "x");
	us_arena_fini(&arena);
}

static void hostile_images_are_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "null", "{", "{}", "{\"active\":1,\"owned\":true}",
		"{\"active\":true,\"owned\":true,\"name\":5}", "{\"active\":true,\"owned\":true,\"attributes\":[]}",
		"{\"active\":true,\"owned\":true,\"attributes\":{\"a\":\"b\"}}",
		"{\"active\":true,\"owned\":true,\"attributes\":{\"a\":[1]}}",
		"{\"active\":true,\"owned\":true,\"hash\":\"00\"}",
		"{\"active\":true,\"owned\":true,\"hash\":\"zz00000000000000000000000000000z\"}",
		"{\"active\":true,\"owned\":true,\"revision\":1.5}", "{\"active\":true,\"active\":true,\"owned\":true}" };
	for (size_t i = 0; i < countof(texts); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_user_image user = { .revision = 42 };
		struct us_err err = US_ERR_INIT;

		assert_row(i, us_user_image_parse(&arena, us_slice(texts[i]), &user, &err) == US_INVALID);
		assert_row(i, err.code == US_INVALID && err.text[0] && user.revision == 42);
		us_arena_fini(&arena);
	}
}

static void attributes_come_sorted_and_of_one_name_as_one(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_field *got;
	size_t n;

	assert_int_equal(us_attributes_parse(&arena, S("{\"b\":[\"2\"],\"a\":[\"1\"],\"ab\":[]}"), &got, &n, NULL), US_OK);
	assert_int_equal(n, 3);
	assert_slice(got[0].name, "a");
	assert_slice(got[1].name, "ab");
	assert_slice(got[2].name, "b");
	assert_int_equal(us_attributes_parse(&arena, S("{}"), &got, &n, NULL), US_OK);
	assert_int_equal(n, 0);

	const struct us_slice one = S("1"), two = S("2");
	const struct us_field twice[] = { { S("a"), &one, 1 }, { S("a"), &two, 1 }, { S("b"), &one, 1 } };
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	us_attributes_write(&w, twice, 3);
	assert_slice(us_str_slice(&text), "{\"a\":[\"1\",\"2\"],\"b\":[\"1\"]}");
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void delta_reads_back_as_written(void **state)
{
	const uint32_t add[] = { 1, 2, UINT32_MAX }, remove[] = { 0x01020304 }, child[] = { 7 };
	const struct us_members_delta deltas[] = {
		{ .added_users = add, .n_added_users = 3, .removed_users = remove, .n_removed_users = 1, .removed_groups = child,
			.n_removed_groups = 1 },
		{ 0 },
	};
	for (size_t i = 0; i < countof(deltas); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_str bytes = US_STR_INIT;
		struct us_members_delta got;

		us_members_delta_write(&bytes, &deltas[i]);
		assert_row(i, us_members_delta_parse(&arena, us_str_slice(&bytes), &got, NULL) == US_OK);
		assert_row(i, got.n_added_users == deltas[i].n_added_users && got.n_removed_users == deltas[i].n_removed_users);
		assert_row(i, got.n_added_groups == deltas[i].n_added_groups && got.n_removed_groups == deltas[i].n_removed_groups);
		if (i == 0) {
			assert_memory_equal(got.added_users, add, sizeof add);
			assert_int_equal(got.removed_users[0], remove[0]);
			assert_int_equal(got.removed_groups[0], 7);
			assert_memory_equal(bytes.p, "\3\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0", 20);
		}
		us_str_fini(&bytes);
		us_arena_fini(&arena);
	}
}

static void hostile_deltas_are_refused(void **state)
{
	static const struct us_slice bytes[] = { { NULL, 0 }, { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15 },
		{ "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16 }, { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17 },
		{ "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 16 },
		{ "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },                         /* number 0 */
		{ "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\1\0\0\0", 24 },                 /* falling */
		{ "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0", 24 } };               /* twice */
	for (size_t i = 0; i < countof(bytes); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_members_delta got;
		struct us_err err = US_ERR_INIT;

		assert_row(i, us_members_delta_parse(&arena, bytes[i], &got, &err) == US_INVALID);
		us_arena_fini(&arena);
	}
}

static void members_hash_does_not_depend_on_order(void **state)
{
	struct us_hash a = US_HASH_ZERO, b = US_HASH_ZERO;

	for (uint32_t i = 1; i <= 1000; i++)
		a = us_members_hash_add(a, us_members_hash_user(i));
	for (uint32_t i = 1000; i >= 1; i--)
		b = us_members_hash_add(b, us_members_hash_user(i));
	assert_true(us_hash_is_equal(a, b));
	b = us_members_hash_add(b, us_members_hash_group(5));
	assert_false(us_hash_is_equal(a, b));
	b = us_members_hash_remove(b, us_members_hash_group(5));
	assert_true(us_hash_is_equal(a, b));
	assert_false(us_hash_is_equal(us_members_hash_group(5), us_members_hash_user(5)));
	for (uint32_t i = 1; i <= 1000; i++)
		a = us_members_hash_remove(a, us_members_hash_user(i));
	assert_true(us_hash_is_equal(a, US_HASH_ZERO));
}

static void members_hash_is_as_stored(void **state)
{
	struct us_hash h = us_members_hash_add(us_members_hash_user(1), us_members_hash_group(0x01020304));

	assert_true(h.hi == 0xd81927f8273e8b5bu && h.lo == 0x4191b8a0b39d8116u);
}

static void text_of_an_image_is_taken_to_another_revision(void **state)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_user_image image = { .user = { .name = S("anna \"revision\":1"), .active = true }, .revision = 0 };
	static const char *const others[] = { "", "}", "{}", "7}", "{\"revision\":7", "{\"revision\":7}", "{\"name\":\"a\",\"revision\":-7}",
		"{\"name\":\"a\",\"revision\":7,\"later\":1}" };
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	struct us_user_image got;

	us_user_image_write(&w, &image);
	struct us_slice later = us_image_text_at(&arena, us_str_slice(&text), INT64_MAX);
	assert_int_equal(us_user_image_parse(&arena, later, &got, NULL), US_OK);
	assert_true(got.revision == INT64_MAX && us_slice_is_equal(got.user.name, image.user.name));
	struct us_slice again = us_image_text_at(&arena, later, 0);
	assert_true(us_slice_is_equal(again, us_str_slice(&text)));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_row(i, !us_image_text_at(&arena, us_slice(others[i]), 1).p);
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void texts_of_enums_read_back(void **state)
{
	enum us_outcome outcome;
	enum us_object object;

	for (int i = 0; i < US_OUTCOME_COUNT; i++)
		assert_true(us_outcome_parse(us_slice(us_outcome_text((enum us_outcome) i)), &outcome) && (int) outcome == i);
	for (int i = US_OBJECT_USER; i <= US_OBJECT_MEMBERS; i++)
		assert_true(us_object_parse(us_slice(us_object_text((enum us_object) i)), &object) && (int) object == i);
	assert_false(us_outcome_parse(S("added"), &outcome));
	assert_false(us_outcome_parse(US_SLICE_NONE, &outcome));
	assert_false(us_object_parse(S(""), &object));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_image_reads_back_as_written),
		cmocka_unit_test(group_image_reads_back_as_written),
		cmocka_unit_test(image_passes_over_members_of_later_versions),
		cmocka_unit_test(hostile_images_are_refused),
		cmocka_unit_test(attributes_come_sorted_and_of_one_name_as_one),
		cmocka_unit_test(delta_reads_back_as_written),
		cmocka_unit_test(hostile_deltas_are_refused),
		cmocka_unit_test(members_hash_does_not_depend_on_order),
		cmocka_unit_test(members_hash_is_as_stored),
		cmocka_unit_test(text_of_an_image_is_taken_to_another_revision),
		cmocka_unit_test(texts_of_enums_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
