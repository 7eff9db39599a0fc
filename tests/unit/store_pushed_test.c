#include "store.h"

#include "base/fold.h"
#include "model/scim_schema.h"
#include "store/cursor.h"
#include "store/pushed.h"

static int64_t make_connector(struct fixture *f)
{
	const struct us_json empty = { .type = US_JSON_OBJECT };
	struct us_err err = US_ERR_INIT;
	int64_t id;

	assert_ok(us_connector_create(f->store, f->w, S("idp"), S("ldap"), &empty, true, 1000, &id, &err));
	return id;
}

static uint32_t put(struct fixture *f, int64_t k, bool is_group, uint32_t number, const char *name, const char *ext_id)
{
	const struct us_pushed p = { .is_group = is_group, .number = number, .name = us_slice(name), .ext_id = ext_id ? us_slice(ext_id) : US_SLICE_NONE,
		.document = S("{}") };
	struct us_err err = US_ERR_INIT;
	uint32_t got = 0;

	assert_ok(us_pushed_put(f->w, &f->arena, k, &p, 1000, &got, &err));
	return got;
}

static enum us_errc try_put(struct fixture *f, int64_t k, uint32_t number, const char *name, const char *ext_id, struct us_err *err)
{
	const struct us_pushed p = { .number = number, .name = us_slice(name), .ext_id = us_slice(ext_id), .document = S("{}") };

	return us_pushed_put(f->w, &f->arena, k, &p, 1000, NULL, err);
}

static struct us_pushed get(struct fixture *f, int64_t k, bool is_group, uint32_t number)
{
	struct us_err err = US_ERR_INIT;
	struct us_pushed p;

	assert_ok(us_pushed_find(f->w, &f->arena, k, is_group, US_PUSHED_BY_NUMBER, US_SLICE_NONE, number, &p, &err));
	return p;
}

/* "number:gone " in the order of the changes. */
static const char *changed(struct fixture *f, int64_t k, int64_t after)
{
	struct us_err err = US_ERR_INIT;
	struct us_str out = US_STR_INIT;
	struct us_pushed *list;
	size_t n;

	assert_ok(us_pushed_list_changed(f->w, &f->arena, k, after, 100, &list, &n, &err));
	for (size_t i = 0; i < n; i++)
		us_str_printf(&out, "%c%u%s ", list[i].is_group ? 'g' : 'u', list[i].number, list[i].is_gone ? "!" : "");
	const char *text = us_arena_strdup(&f->arena, us_str_text(&out));
	us_str_fini(&out);
	return text;
}

static void names_and_external_ids_are_unique_without_case(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f);
	uint32_t anna = put(f, k, false, 0, "Anna", "x1"), bert = put(f, k, false, 0, "bert", NULL);

	assert_int_not_equal(anna, bert);
	assert_int_equal(try_put(f, k, 0, "aNNA", "x2", &err), US_CONFLICT);
	assert_int_equal(err.native, US_SCIM_UNIQUENESS);
	assert_string_equal(err.text, "there is a user with the userName \"aNNA\" already");
	assert_int_equal(try_put(f, k, bert, "anna", "x2", &err), US_CONFLICT);
	assert_int_equal(try_put(f, k, bert, "bert", "x1", &err), US_CONFLICT);
	assert_string_equal(err.text, "there is a user with the externalId \"x1\" already");
	assert_int_equal(try_put(f, k, anna, "ANNA", "x1", &err), US_OK);
	assert_int_equal(try_put(f, k, 77, "nobody", "x7", &err), US_NOT_FOUND);
	/* Groups have names of their own. */
	put(f, k, true, 0, "Anna", "x1");
}

static void each_change_has_a_number_of_its_own_and_tombstones_stay(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f);
	uint32_t anna = put(f, k, false, 0, "anna", "x1"), bert = put(f, k, false, 0, "bert", NULL), staff = put(f, k, true, 0, "staff", NULL);

	assert_string_equal(changed(f, k, 0), "u1 u2 g3 ");
	int64_t mark = get(f, k, true, staff).change;
	assert_string_equal(changed(f, k, mark), "");
	assert_ok(us_pushed_add_member(f->w, k, staff, anna, false, &err));
	assert_ok(us_pushed_touch(f->w, k, staff, 1001, &err));
	assert_string_equal(changed(f, k, mark), "g3 ");
	assert_int_equal(get(f, k, true, staff).revision, mark); /* its document has not changed */
	put(f, k, false, bert, "berta", NULL);
	assert_string_equal(changed(f, k, mark), "g3 u2 ");
	/* Who is deleted leaves the group. */
	assert_ok(us_pushed_delete(f->w, k, false, anna, 1002, &err));
	assert_string_equal(changed(f, k, mark), "u2 g3 u1! ");
	bool has = true;
	assert_ok(us_pushed_has_member(f->w, k, staff, anna, &has, &err));
	assert_false(has);
	assert_int_equal(us_pushed_delete(f->w, k, false, anna, 1002, &err), US_NOT_FOUND);
	struct us_pushed_state s;
	assert_ok(us_pushed_load_state(f->w, k, &s, &err));
	assert_int_equal(s.n_users, 1);
	assert_int_equal(s.n_groups, 1);
}

static void who_comes_back_with_an_external_id_has_the_old_number(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f);
	uint32_t anna = put(f, k, false, 0, "anna", "x1");

	assert_ok(us_pushed_delete(f->w, k, false, anna, 1002, &err));
	/* The name alone proves nothing. */
	uint32_t other = put(f, k, false, 0, "anna", NULL);
	assert_int_not_equal(other, anna);
	assert_int_equal(put(f, k, false, 0, "anna2", "x1"), anna);
	assert_slice(get(f, k, false, anna).name, "anna2");
	/* One that is there may take the id of one that is gone; that one cannot come back then. */
	assert_ok(us_pushed_delete(f->w, k, false, anna, 1003, &err));
	put(f, k, false, other, "anna", "x1");
	assert_ok(us_pushed_delete(f->w, k, false, other, 1004, &err));
	assert_int_equal(put(f, k, false, 0, "anna3", "x1"), other);
}

static size_t forget(struct fixture *f, int64_t k, int64_t before_s)
{
	struct us_err err = US_ERR_INIT;
	int64_t n;
	bool has;

	assert_ok(us_pushed_forget_deleted(f->w, k, before_s, 100, &n, &err));
	assert_ok(us_pushed_has_deleted(f->w, k, before_s, &has, &err));
	return (size_t) n;
}

static void the_deleted_are_forgotten_once_the_directory_has_seen_it_and_they_are_old(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f);
	uint32_t anna = put(f, k, false, 0, "anna", "x1"), bert = put(f, k, false, 0, "bert", "x2");
	struct us_pushed_state s;
	bool has;

	assert_ok(us_pushed_delete(f->w, k, false, anna, 1002, &err));
	assert_ok(us_pushed_load_state(f->w, k, &s, &err));
	int64_t seen = s.change;
	assert_ok(us_pushed_delete(f->w, k, false, bert, 1003, &err));
	/* Nothing says what the directory has seen. */
	assert_int_equal(forget(f, k, 2000), 0);
	const struct us_cursor cursor = { .directory = 1, .value = us_slice(us_arena_printf(&f->arena, "%lld", (long long) seen)), .configuration = S("c") };
	assert_ok(us_cursor_save(f->w, k, &cursor, &err));
	assert_int_equal(forget(f, k, 1001), 0);
	assert_ok(us_pushed_has_deleted(f->w, k, 1001, &has, &err));
	assert_false(has);
	assert_ok(us_pushed_has_deleted(f->w, k, 1002, &has, &err));
	assert_true(has);
	assert_int_equal(forget(f, k, 2000), 1);
	assert_string_equal(changed(f, k, 0), "u2! ");
	assert_int_equal(forget(f, k, 2000), 0);
	assert_ok(us_pushed_load_state(f->w, k, &s, &err));
	assert_int_equal(s.forgotten, seen);
	/* Who comes back after that is somebody new. */
	assert_int_not_equal(put(f, k, false, 0, "anna", "x1"), anna);
	assert_int_equal(put(f, k, false, 0, "bert", "x2"), bert);
}

static void lists_go_on_behind_a_place_in_each_order(void **state)
{
	static const char *const expected[][2] = {
		[US_PUSHED_ORDER_NAME] = { "3 2 1 ", "1 2 3 " }, [US_PUSHED_ORDER_NUMBER] = { "1 2 3 ", "3 2 1 " },
		[US_PUSHED_ORDER_CHANGE] = { "1 3 2 ", "2 3 1 " },
	};
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f);

	put(f, k, false, 0, "Zoe", NULL);
	put(f, k, false, 0, "mia", NULL);
	put(f, k, false, 0, "ann", NULL);
	put(f, k, true, 0, "group", NULL);
	put(f, k, false, 2, "mia", NULL);
	for (int order = 0; order < 3; order++)
		for (int down = 0; down < 2; down++) {
			struct us_str out = US_STR_INIT;
			struct us_pushed_place place;
			struct us_pushed *list;
			size_t n = 1;
			for (bool is_first = true; n; is_first = false) {
				assert_ok(us_pushed_list(f->w, &f->arena, k, false, (enum us_pushed_order) order, down, is_first ? NULL : &place, 0, 1, &list, &n, &err));
				if (!n)
					break;
				us_str_printf(&out, "%u ", list[0].number);
				place.fold = order == US_PUSHED_ORDER_NAME ? us_fold(&f->arena, list[0].name) : US_SLICE_NONE;
				place.at = order == US_PUSHED_ORDER_NUMBER ? list[0].number : list[0].change;
			}
			assert_string_equal(us_str_text(&out), expected[order][down]);
			us_str_fini(&out);
		}
}

static void a_run_is_owed_until_one_has_started_and_was_not_interrupted(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	int64_t k = make_connector(f), *owed;
	struct us_pushed_state s;
	size_t n;

	put(f, k, false, 0, "anna", NULL);
	assert_ok(us_pushed_note_accepted(f->w, k, 1000, &err));
	assert_ok(us_pushed_note_accepted(f->w, k, 1005, &err));
	assert_ok(us_pushed_note_refused(f->w, k, &err));
	assert_ok(us_pushed_list_owed(f->w, &f->arena, &owed, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(owed[0], k);
	assert_ok(us_pushed_load_state(f->w, k, &s, &err));
	assert_int_equal(s.first_at, 1000);
	assert_int_equal(s.last_at, 1005);
	assert_int_equal(s.accepted, 2);
	assert_int_equal(s.refused, 1);
	assert_ok(us_pushed_note_run(f->w, k, s.change, 5, &err));
	assert_ok(us_pushed_list_owed(f->w, &f->arena, &owed, &n, &err));
	assert_int_equal(n, 0);
	/* What was pushed goes with the connector. */
	assert_ok(us_connector_delete(f->w, k, &err));
	assert_string_equal(changed(f, k, 0), "");
	assert_ok(us_pushed_load_state(f->w, k, &s, &err));
	assert_int_equal(s.change, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(names_and_external_ids_are_unique_without_case),
		fixture_test(each_change_has_a_number_of_its_own_and_tombstones_stay),
		fixture_test(the_deleted_are_forgotten_once_the_directory_has_seen_it_and_they_are_old),
		fixture_test(who_comes_back_with_an_external_id_has_the_old_number),
		fixture_test(lists_go_on_behind_a_place_in_each_order),
		fixture_test(a_run_is_owed_until_one_has_started_and_was_not_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
