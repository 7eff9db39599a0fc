#include "store.h"

#include "store/credential.h"
#include "sync/authenticate.h"
#include "sync/edit.h"

/* ---- a directory to edit, and how it looks as text ---- */

static int setup(void **state)
{
	int rc = fixture_setup(state);
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;

	assert_ok(us_db_commit(f->w, &err));
	us_db_release(f->w);
	f->w = NULL;
	return rc;
}

#define edit_case(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

static struct us_edit user(const char *name)
{
	return (struct us_edit) { .kind = US_EDIT_CREATE_USER, .name = us_slice(name), .active = true };
}

static struct us_edit group(const char *name) { return (struct us_edit) { .kind = US_EDIT_CREATE_GROUP, .name = us_slice(name) }; }

static struct us_edit on(enum us_edit_kind kind, const char *object)
{
	return (struct us_edit) { .kind = kind, .object = { .name = us_slice(object) } };
}

static struct us_edit rename_to(enum us_edit_kind kind, const char *object, const char *name)
{
	return (struct us_edit) { .kind = kind, .object = { .name = us_slice(object) }, .fields = US_EDIT_NAME, .name = us_slice(name) };
}

static struct us_edit member(enum us_edit_kind kind, const char *in, const char *who)
{
	return (struct us_edit) { .kind = kind, .object = { .name = us_slice(in) }, .member = { .name = us_slice(who) } };
}

static enum us_errc try(struct fixture *f, const struct us_edit *edits, size_t n, struct us_edit_result *result, struct us_err *err)
{
	const struct us_edit_request request = { .directory = f->directory, .edits = edits, .n = n, .actor = S("carol"), .trigger = US_TRIGGER_CLI };

	return us_edit_apply(f->store, &request, US_SLICE_NONE, result, err);
}

static int64_t edit(struct fixture *f, const struct us_edit *edits, size_t n)
{
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	assert_ok(try(f, edits, n, &result, &err));
	return result.run;
}

#define edit_all(f, list) edit(f, list, countof(list))

static void rows(struct fixture *f, const char *sql, int columns, struct us_str *out)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;
	struct us_stmt *s;
	enum us_errc rc;

	assert_ok(us_db_lease_reader(f->store->db, &c, &err));
	assert_ok(us_db_prepare(c, sql, &s, &err));
	while ((rc = us_stmt_step(s, &err)) == US_OK)
		for (int k = 0; k < columns; k++) {
			us_str_add_slice(out, us_stmt_is_null(s, k) ? S("-") : us_stmt_slice(s, k));
			us_str_add_char(out, k + 1 < columns ? ' ' : '\n');
		}
	assert_int_equal(rc, US_END);
	us_db_release(c);
}

/* What people see of all directories; the order does not hang on numbers. */
static void describe(struct fixture *f, struct us_str *out)
{
	rows(f, "SELECT 'user', id & 4294967295, name, name_fold, full_name, email, active, attributes, owned FROM usr ORDER BY id", 9, out);
	rows(f, "SELECT 'group', id & 4294967295, name, name_fold, description FROM grp ORDER BY id", 5, out);
	rows(f, "SELECT 'in', g.name, u.name FROM membership AS m JOIN grp AS g ON g.id = m.directory << 32 | m.grp JOIN usr AS u"
		" ON u.id = m.directory << 32 | m.usr ORDER BY g.name, u.name", 3, out);
	rows(f, "SELECT 'below', g.name, k.name FROM subgroup AS m JOIN grp AS g ON g.id = m.directory << 32 | m.parent JOIN grp AS k"
		" ON k.id = m.directory << 32 | m.child ORDER BY g.name, k.name", 3, out);
	rows(f, "SELECT 'counts', n_users, n_active_users, n_groups, n_memberships FROM directory ORDER BY id", 5, out);
	rows(f, "SELECT 'rest', (SELECT count(*) FROM membership) + (SELECT count(*) FROM subgroup)", 2, out);
}

static void expect(struct fixture *f, const char *text)
{
	struct us_str s = US_STR_INIT;

	describe(f, &s);
	assert_string_equal(us_str_text(&s), text);
	us_str_fini(&s);
}

static void expect_plan(struct fixture *f, int64_t run, const char *text)
{
	struct us_str s = US_STR_INIT;

	rows(f, us_arena_printf(&f->arena, "SELECT object, outcome, number, name, '(' || coalesce(reason, '') || ')' FROM change WHERE id >> 32 = %lld"
		" ORDER BY id", (long long) run), 5, &s);
	assert_string_equal(us_str_text(&s), text);
	us_str_fini(&s);
}

static void dump(struct fixture *f, struct us_str *out)
{
	struct us_err err = US_ERR_INIT;
	struct us_dbc *c;

	assert_ok(us_db_lease_reader(f->store->db, &c, &err));
	fixture_dump(c, out);
	us_db_release(c);
}

static int64_t undo(struct fixture *f, int64_t run)
{
	struct us_err err = US_ERR_INIT;
	int64_t id;

	assert_ok(us_edit_undo(f->store, run, S("dave"), US_TRIGGER_API, S("node"), &id, &err));
	return id;
}

/* Two users, a group in a group. */
static void fill(struct fixture *f)
{
	const struct us_edit list[] = { user("ann"), user("bob"), group("staff"), group("crew"), member(US_EDIT_ADD_USER, "staff", "ann"),
		member(US_EDIT_ADD_USER, "crew", "bob"), member(US_EDIT_ADD_GROUP, "staff", "crew") };

	edit_all(f, list);
}

#define FILLED \
	"user 1 ann ann - - 1 - 0\nuser 2 bob bob - - 1 - 0\ngroup 1 staff staff -\ngroup 2 crew crew -\n" \
	"in crew bob\nin staff ann\nbelow staff crew\ncounts 2 2 2 3\nrest 3\n"

/* ---- what edits do ---- */

static void edits_become_a_run_with_a_plan(void **state)
{
	struct fixture *f = *state;
	struct us_str s = US_STR_INIT;

	fill(f);
	expect(f, FILLED);
	expect_plan(f, 1, "user ADDED 1 ann (was created)\nuser ADDED 2 bob (was created)\ngroup ADDED 1 staff (was created)\n"
		"group ADDED 2 crew (was created)\nmembers UPDATED 1 staff (members were edited)\nmembers UPDATED 2 crew (members were edited)\n");
	rows(f, "SELECT kind, status, connector, connector_uuid, directory, actor, started_by, n_changes, base_revision, started = finished,"
		" started > 0, messages FROM run", 12, &s);
	assert_string_equal(us_str_text(&s), "edit DONE 0  1 carol cli 6 0 1 1 []\n");
	us_str_fini(&s);
}

static void fields_are_set_one_by_one(void **state)
{
	static const struct us_slice reds[] = { { "red", 3 } }, two[] = { { "1", 1 }, { "2", 1 } };
	const struct us_field colour = { S("colour"), reds, 1 }, phone = { S("a phone"), two, 2 }, none = { S("colour"), NULL, 0 };
	struct fixture *f = *state;
	struct us_edit e = user("ann");

	e.email = S("a@x");
	e.full_name = S("Ann");
	e.attributes = &colour;
	e.n_attributes = 1;
	edit(f, &e, 1);
	e = on(US_EDIT_UPDATE_USER, "ANN");
	e.fields = US_EDIT_EMAIL | US_EDIT_ACTIVE | US_EDIT_ATTRIBUTES;
	e.attributes = &phone;
	e.n_attributes = 1;
	assert_int_equal(edit(f, &e, 1), 2);
	expect(f, "user 1 ann ann Ann - 0 {\"a phone\":[\"1\",\"2\"],\"colour\":[\"red\"]} 0\ncounts 1 0 0 0\nrest 0\n");
	expect_plan(f, 2, "user UPDATED 1 ann (email, deactivated, attributes)\n");
	/* nothing differs: nothing is recorded */
	assert_int_equal(edit(f, &e, 1), 0);
	e.attributes = &none;
	edit(f, &e, 1);
	expect(f, "user 1 ann ann Ann - 0 {\"a phone\":[\"1\",\"2\"]} 0\ncounts 1 0 0 0\nrest 0\n");
	e.fields = US_EDIT_ALL_ATTRIBUTES;
	e.attributes = &colour;
	edit(f, &e, 1);
	expect(f, "user 1 ann ann Ann - 0 {\"colour\":[\"red\"]} 0\ncounts 1 0 0 0\nrest 0\n");
	e = rename_to(US_EDIT_UPDATE_USER, "ann", "ANN");
	edit(f, &e, 1);
	expect_plan(f, 5, "user RENAMED 1 ANN (username)\n");
}

static void groups_have_attributes_too(void **state)
{
	static const struct us_slice reds[] = { { "red", 3 }, { "rose", 4 } };
	const struct us_field colour = { S("colour"), reds, 2 }, email = { S("email"), reds, 1 }, none = { S("colour"), NULL, 0 };
	struct fixture *f = *state;
	struct us_str s = US_STR_INIT;
	struct us_edit e = group("crew");

	e.attributes = &colour;
	e.n_attributes = 1;
	edit(f, &e, 1);
	/* what is a field of users is none of groups */
	e = on(US_EDIT_UPDATE_GROUP, "CREW");
	e.fields = US_EDIT_ATTRIBUTES;
	e.attributes = &email;
	e.n_attributes = 1;
	int64_t run = edit(f, &e, 1);
	expect_plan(f, run, "group UPDATED 1 crew (attributes)\n");
	rows(f, "SELECT attributes FROM grp", 1, &s);
	assert_string_equal(us_str_text(&s), "{\"colour\":[\"red\",\"rose\"],\"email\":[\"red\"]}\n");
	assert_int_equal(edit(f, &e, 1), 0);
	undo(f, run);
	us_str_clear(&s);
	rows(f, "SELECT attributes FROM grp", 1, &s);
	assert_string_equal(us_str_text(&s), "{\"colour\":[\"red\",\"rose\"]}\n");
	e.attributes = &none;
	edit(f, &e, 1);
	us_str_clear(&s);
	rows(f, "SELECT attributes FROM grp", 1, &s);
	assert_string_equal(us_str_text(&s), "-\n");
	us_str_fini(&s);
}

static void each_edit_sees_those_before_it(void **state)
{
	struct fixture *f = *state;
	const struct us_edit list[] = {
		rename_to(US_EDIT_UPDATE_USER, "ann", "x"), rename_to(US_EDIT_UPDATE_USER, "bob", "ann"), rename_to(US_EDIT_UPDATE_USER, "x", "bob"),
		on(US_EDIT_DELETE_GROUP, "crew"), group("Crew"), member(US_EDIT_ADD_USER, "crew", "bob"), user("eve"), member(US_EDIT_ADD_USER, "crew", "eve"),
		user("gone"), member(US_EDIT_ADD_USER, "crew", "gone"), on(US_EDIT_DELETE_USER, "gone"), member(US_EDIT_REMOVE_USER, "staff", "bob"),
		member(US_EDIT_ADD_USER, "staff", "bob") };

	fill(f);
	edit_all(f, list);
	expect(f, "user 1 bob bob - - 1 - 0\nuser 2 ann ann - - 1 - 0\nuser 3 eve eve - - 1 - 0\ngroup 1 staff staff -\ngroup 3 Crew crew -\n"
		"in Crew bob\nin Crew eve\nin staff bob\ncounts 3 3 2 3\nrest 3\n");
	expect_plan(f, 2, "user RENAMED 1 bob (username)\nuser RENAMED 2 ann (username)\nuser ADDED 3 eve (was created)\n"
		"group DELETED 2 crew (was deleted)\ngroup ADDED 3 Crew (was created)\nmembers UPDATED 1 staff (members were edited)\n"
		"members UPDATED 2 crew (the group goes)\nmembers UPDATED 3 Crew (members were edited)\n");
	assert_int_equal(undo(f, 2), 3);
	expect(f, FILLED);
}

static void objects_are_found_by_number(void **state)
{
	struct fixture *f = *state;
	struct us_edit list[] = { { .kind = US_EDIT_ADD_USER, .object = { .number = 2 }, .member = { .number = 1 } },
		{ .kind = US_EDIT_UPDATE_GROUP, .object = { .number = 2 }, .fields = US_EDIT_DESCRIPTION, .description = S("d"), .expect = 1 } };
	uint32_t numbers[3] = { 0 };
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	fill(f);
	edit_all(f, list);
	expect(f, "user 1 ann ann - - 1 - 0\nuser 2 bob bob - - 1 - 0\ngroup 1 staff staff -\ngroup 2 crew crew d\n"
		"in crew ann\nin crew bob\nin staff ann\nbelow staff crew\ncounts 2 2 2 4\nrest 4\n");
	const struct us_edit more[] = { user("eve"), group("g"), member(US_EDIT_ADD_USER, "g", "eve") };
	const struct us_edit_request request = { .directory = f->directory, .edits = more, .n = 3, .numbers = numbers };
	assert_ok(us_edit_apply(f->store, &request, US_SLICE_NONE, &result, &err));
	assert_true(numbers[0] == 3 && numbers[1] == 3 && numbers[2] == 3);
}

static void memberships_may_be_lenient(void **state)
{
	struct fixture *f = *state;
	struct us_edit list[] = { member(US_EDIT_ADD_USER, "staff", "ann"), member(US_EDIT_REMOVE_USER, "staff", "bob"),
		member(US_EDIT_ADD_GROUP, "staff", "crew") };

	fill(f);
	for (size_t i = 0; i < countof(list); i++)
		list[i].is_lenient = true;
	assert_int_equal(edit_all(f, list), 0);
	expect(f, FILLED);
}

/* ---- what is refused ---- */

static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"01234567890123456789012345678901234567890123456789012345";

static struct us_edit id_to(enum us_edit_kind kind, const char *object, const char *id)
{
	return (struct us_edit) { .kind = kind, .object = { .name = us_slice(object) }, .fields = US_EDIT_ID, .id = id ? us_slice(id) : US_SLICE_NONE };
}

static void ids_are_of_one_object(void **state)
{
	struct fixture *f = *state;
	struct us_edit first[] = { user("ann"), user("bob"), group("staff") };
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	first[0].id = first[2].id = S("7");
	edit_all(f, first);
	const struct us_edit taken[] = { id_to(US_EDIT_UPDATE_USER, "bob", "7"), id_to(US_EDIT_UPDATE_USER, "ann", "8"), id_to(US_EDIT_UPDATE_USER, "bob", "8") };
	assert_int_equal(try(f, &taken[0], 1, &result, &err), US_CONFLICT);
	assert_int_equal(result.refusal, US_EDIT_ID_TAKEN);
	assert_string_equal(err.text, "Directory 1 has a user with the id \"7\" already");
	/* Taken within the list, and given up within it. */
	assert_int_equal(try(f, &taken[1], 2, &result, &err), US_CONFLICT);
	const struct us_edit moved[] = { taken[1], id_to(US_EDIT_UPDATE_GROUP, "staff", NULL), taken[0] };
	assert_int_equal(edit_all(f, moved), 2);
	expect_plan(f, 2, "user UPDATED 1 ann (id)\nuser UPDATED 2 bob (id)\ngroup UPDATED 1 staff (id)\n");
	assert_int_equal(edit_all(f, moved), 0);
	/* Who is deleted has none any more. */
	struct us_edit again[] = { on(US_EDIT_DELETE_USER, "bob"), user("eve") };
	again[1].id = S("7");
	edit_all(f, again);
}

static void a_directory_that_has_changed_is_left(void **state)
{
	struct fixture *f = *state;
	const struct us_edit ann = user("ann"), bob = user("bob");
	struct us_edit_request request = { .directory = f->directory, .expect = 1, .edits = &bob, .n = 1, .actor = S("carol"), .trigger = US_TRIGGER_CLI };
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	edit(f, &ann, 1);
	assert_ok(us_edit_apply(f->store, &request, US_SLICE_NONE, &result, &err));
	assert_int_equal(us_edit_apply(f->store, &request, US_SLICE_NONE, &result, &err), US_CONFLICT);
	assert_int_equal(result.refusal, US_EDIT_CHANGED);
	assert_string_equal(err.text, "the directory has changed meanwhile (revision 2, not 1)");
}

static void refused_lists_change_nothing(void **state)
{
	static const struct us_slice value[] = { { "v", 1 } }, broken[] = { { "\xff", 1 } };
	static const struct us_field email = { { "EMail", 5 }, value, 1 }, description = { { "Description", 11 }, value, 1 }, bad = { { "a", 1 }, broken, 1 };
	static const struct us_field twice[] = { { { "a", 1 }, value, 1 }, { { "a", 1 }, value, 1 } };
	struct fixture *f = *state;
	struct us_edit reserved = user("eve"), reserved_group = group("eve"), no_utf8 = user("eve"), double_attribute = user("eve"), stale = on(US_EDIT_DELETE_USER, "ann");
	struct us_str before = US_STR_INIT, after = US_STR_INIT;

	reserved.attributes = &email;
	reserved_group.attributes = &description;
	reserved_group.n_attributes = 1;
	no_utf8.attributes = &bad;
	double_attribute.attributes = twice;
	reserved.n_attributes = no_utf8.n_attributes = 1;
	double_attribute.n_attributes = 2;
	stale.expect = 77;
	const struct {
		struct us_edit edit;
		enum us_edit_refusal refusal;
		const char *text;
	} table[] = {
		{ on(US_EDIT_UPDATE_USER, "eve"), US_EDIT_NO_USER, "Directory 1 has no user \"eve\"" },
		{ on(US_EDIT_DELETE_USER, ""), US_EDIT_NO_USER, "Directory 1 has no user \"\"" },
		{ { .kind = US_EDIT_DELETE_USER, .object = { .number = 9 } }, US_EDIT_NO_USER, "Directory 1 has no user number 9" },
		{ on(US_EDIT_DELETE_GROUP, "ann"), US_EDIT_NO_GROUP, "Directory 1 has no group \"ann\"" },
		{ member(US_EDIT_ADD_USER, "nobody", "ann"), US_EDIT_NO_GROUP, "Directory 1 has no group \"nobody\"" },
		{ member(US_EDIT_ADD_USER, "staff", "eve"), US_EDIT_NO_USER, "Directory 1 has no user \"eve\"" },
		{ member(US_EDIT_ADD_GROUP, "staff", "eve"), US_EDIT_NO_GROUP, "Directory 1 has no group \"eve\"" },
		{ member(US_EDIT_ADD_USER, "STAFF", "Ann"), US_EDIT_MEMBERSHIP_EXISTS, "the user \"Ann\" is already in the group \"STAFF\"" },
		{ member(US_EDIT_REMOVE_USER, "staff", "bob"), US_EDIT_NO_MEMBERSHIP, "the user \"bob\" is not in the group \"staff\"" },
		{ member(US_EDIT_REMOVE_GROUP, "crew", "staff"), US_EDIT_NO_MEMBERSHIP, "the group \"staff\" is not in the group \"crew\"" },
		{ member(US_EDIT_ADD_GROUP, "crew", "staff"), US_EDIT_CYCLE,
			"the group \"staff\" cannot be in the group \"crew\": it would be a member of itself" },
		{ member(US_EDIT_ADD_GROUP, "crew", "crew"), US_EDIT_CYCLE,
			"the group \"crew\" cannot be in the group \"crew\": it would be a member of itself" },
		{ user("\xEF\xBC\xA1NN"), US_EDIT_USER_EXISTS, "Directory 1 has a user \"\xEF\xBC\xA1NN\" already" },
		{ group("Staff"), US_EDIT_GROUP_EXISTS, "Directory 1 has a group \"Staff\" already" },
		{ rename_to(US_EDIT_UPDATE_USER, "ann", "BOB"), US_EDIT_USER_EXISTS, "Directory 1 has a user \"BOB\" already" },
		{ rename_to(US_EDIT_UPDATE_GROUP, "crew", "staff"), US_EDIT_GROUP_EXISTS, "Directory 1 has a group \"staff\" already" },
		{ stale, US_EDIT_CHANGED, "the user \"ann\" has changed meanwhile (revision 1, not 77)" },
		{ user(""), US_EDIT_BAD_NAME, "the name of a user must not be empty" },
		{ user(" a"), US_EDIT_BAD_NAME, "the name of a user must not begin or end with a space" },
		{ user("a\nb"), US_EDIT_BAD_NAME, "the name of a user holds a control character" },
		{ user("a\xff"), US_EDIT_BAD_NAME, "the name of a user is not valid UTF-8" },
		{ user("\xE2\x80\x8B"), US_EDIT_BAD_NAME, "the name of a user has no visible character" },
		{ user(longest), US_EDIT_BAD_NAME, "the name of a user is longer than 255 bytes" },
		{ group("\t"), US_EDIT_BAD_NAME, "the name of a group must not be empty" },
		{ reserved, US_EDIT_RESERVED, "\"EMail\" is a field of its own, not an attribute" },
		{ reserved_group, US_EDIT_RESERVED, "\"Description\" is a field of its own, not an attribute" },
		{ no_utf8, US_EDIT_BAD_VALUE, "a value of an attribute is not valid UTF-8" },
		{ double_attribute, US_EDIT_BAD_VALUE, "the attribute \"a\" is given twice" },
	};

	fill(f);
	dump(f, &before);
	for (size_t i = 0; i < countof(table); i++) {
		/* What comes before it in the list is not done either. */
		const struct us_edit list[] = { user("zoe"), table[i].edit };
		struct us_edit_result result;
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = try(f, list, 2, &result, &err);
		assert_row(i, rc == us_edit_refusal_code(table[i].refusal) && rc == err.code);
		assert_row(i, result.refusal == table[i].refusal && result.at == 1 && result.run == 0);
		assert_string_equal(err.text, table[i].text);
		us_str_clear(&after);
		dump(f, &after);
		assert_string_equal(us_str_text(&after), us_str_text(&before));
	}
	us_str_fini(&before);
	us_str_fini(&after);
}

static void what_the_list_took_away_is_not_there(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct us_edit list[2];
		enum us_edit_refusal refusal;
	} table[] = {
		{ { on(US_EDIT_DELETE_USER, "ann"), on(US_EDIT_DELETE_USER, "ann") }, US_EDIT_NO_USER },
		{ { on(US_EDIT_DELETE_USER, "ann"), { .kind = US_EDIT_UPDATE_USER, .object = { .number = 1 } } }, US_EDIT_NO_USER },
		{ { on(US_EDIT_DELETE_USER, "ann"), member(US_EDIT_REMOVE_USER, "staff", "ann") }, US_EDIT_NO_USER },
		{ { on(US_EDIT_DELETE_GROUP, "staff"), member(US_EDIT_REMOVE_USER, "staff", "ann") }, US_EDIT_NO_GROUP },
		{ { rename_to(US_EDIT_UPDATE_USER, "ann", "eve"), on(US_EDIT_DELETE_USER, "ann") }, US_EDIT_NO_USER },
		{ { rename_to(US_EDIT_UPDATE_USER, "ann", "eve"), user("Eve") }, US_EDIT_USER_EXISTS },
		{ { user("eve"), user("Eve") }, US_EDIT_USER_EXISTS },
		{ { rename_to(US_EDIT_UPDATE_USER, "ann", "eve"), user("Ann") }, US_EDIT_FINE },
		{ { on(US_EDIT_DELETE_USER, "ann"), user("Ann") }, US_EDIT_FINE },
		{ { member(US_EDIT_REMOVE_GROUP, "staff", "crew"), member(US_EDIT_ADD_GROUP, "crew", "staff") }, US_EDIT_FINE },
	};

	fill(f);
	for (size_t i = 0; i < countof(table); i++) {
		struct us_edit_result result;
		struct us_err err = US_ERR_INIT;
		enum us_errc rc = try(f, table[i].list, 2, &result, &err);
		assert_row(i, result.refusal == table[i].refusal && (rc == US_OK) == (table[i].refusal == US_EDIT_FINE));
		if (!rc)
			undo(f, result.run);
		expect(f, FILLED);
	}
}

static void cycles_through_many_are_seen(void **state)
{
	enum { N = 200 };
	struct fixture *f = *state;
	struct us_edit list[2 * N];
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	for (int i = 0; i < N; i++) {
		list[i] = group(us_arena_printf(&f->arena, "g%d", i));
		list[N + i] = member(US_EDIT_ADD_GROUP, us_arena_printf(&f->arena, "g%d", i), us_arena_printf(&f->arena, "g%d", (i + 1) % N));
	}
	/* all in one list */
	assert_int_equal(try(f, list, 2 * N, &result, &err), US_CONFLICT);
	assert_true(result.refusal == US_EDIT_CYCLE && result.at == 2 * N - 1);
	/* the last one apart: the others are in the directory by then */
	edit(f, list, 2 * N - 1);
	assert_int_equal(try(f, list + 2 * N - 1, 1, &result, &err), US_CONFLICT);
	assert_int_equal(result.refusal, US_EDIT_CYCLE);
	/* a second way up is no cycle */
	list[0] = member(US_EDIT_ADD_GROUP, "g0", "g100");
	edit(f, list, 1);
}

static void a_synced_directory_is_never_edited(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_edit_result result;
	struct us_str before = US_STR_INIT, after = US_STR_INIT;
	const struct us_edit list[] = { user("ann") };
	int64_t local = f->directory;

	assert_ok(us_db_lease_writer(f->store->db, &f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_directory_create(f->w, S("Synced"), S("uuid-of-a-connector"), 1, &f->directory, &err));
	assert_ok(us_db_commit(f->w, &err));
	us_db_release(f->w);
	f->w = NULL;
	dump(f, &before);
	assert_int_equal(try(f, list, 1, &result, &err), US_FORBIDDEN);
	assert_int_equal(result.refusal, US_EDIT_SYNCED);
	assert_string_equal(err.text, "Directory 2 is kept by a connector: change it at its identity provider");
	f->directory = 99;
	assert_int_equal(try(f, list, 1, &result, &err), US_NOT_FOUND);
	assert_int_equal(result.refusal, US_EDIT_NO_DIRECTORY);
	dump(f, &after);
	assert_string_equal(us_str_text(&after), us_str_text(&before));
	f->directory = local;
	us_str_fini(&before);
	us_str_fini(&after);
}

/* ---- passwords ---- */

static bool has_password(struct fixture *f, uint32_t number, const char *password)
{
	struct us_err err = US_ERR_INIT;
	struct us_slice hash = US_SLICE_NONE;
	struct us_dbc *c;

	assert_ok(us_db_lease_reader(f->store->db, &c, &err));
	enum us_errc rc = us_credential_find(c, &f->arena, f->directory, number, &hash, NULL, &err);
	us_db_release(c);
	assert_true(rc == US_OK || rc == US_NOT_FOUND);
	return rc == US_OK && us_secret_is_password(us_slice(password), hash.p);
}

static struct us_edit with_password(struct us_edit e, const char *password)
{
	e.fields |= US_EDIT_PASSWORD;
	e.password = us_slice(password);
	return e;
}

static void expect_not_stored(struct fixture *f, const char *secret)
{
	static const char *const files[] = { "", "-wal" };
	struct us_str all = US_STR_INIT;
	bool has_run = false;

	for (size_t i = 0; i < countof(files); i++) {
		FILE *in = fopen(us_arena_printf(&f->arena, "%s%s", strchr(f->temp.dsn, ':') + 1, files[i]), "rb");
		char bytes[4096];
		size_t n;
		while (in && (n = fread(bytes, 1, sizeof bytes, in)) > 0)
			us_str_add(&all, bytes, n);
		if (in)
			fclose(in);
	}
	has_run = memmem(all.p, all.n, "was created", 11) != NULL; /* what is looked into is the store */
	assert_true(has_run);
	assert_null(memmem(all.p, all.n, secret, strlen(secret)));
	us_str_fini(&all);
}

static void passwords_stay_with_their_user(void **state)
{
	struct fixture *f = *state;
	const struct us_edit fresh[] = { with_password(user("ann"), "correct horse"), user("bob"), with_password(user("eve"), "battery staple"),
		on(US_EDIT_DELETE_USER, "eve") };
	const struct us_edit set = with_password(on(US_EDIT_UPDATE_USER, "bob"), "Tr0ub4dor&3"), renamed = rename_to(US_EDIT_UPDATE_USER, "bob", "rob");
	const struct us_edit taken = with_password(on(US_EDIT_UPDATE_USER, "ann"), NULL), gone = on(US_EDIT_DELETE_USER, "rob");
	struct us_str s = US_STR_INIT;

	edit_all(f, fresh);
	assert_true(has_password(f, 1, "correct horse") && !has_password(f, 2, "") && !has_password(f, 3, "battery staple"));
	/* a password alone is no change of the directory */
	assert_int_equal(edit(f, &set, 1), 0);
	edit(f, &renamed, 1);
	assert_true(has_password(f, 2, "Tr0ub4dor&3"));
	expect_not_stored(f, "Tr0ub4dor&3");
	edit(f, &taken, 1);
	assert_false(has_password(f, 1, "correct horse"));
	/* an undo brings the user back, not the password */
	int64_t run = edit(f, &gone, 1);
	assert_false(has_password(f, 2, "Tr0ub4dor&3"));
	undo(f, run);
	assert_false(has_password(f, 2, "Tr0ub4dor&3"));
	rows(f, "SELECT count(*) FROM credential", 1, &s);
	assert_string_equal(us_str_text(&s), "0\n");
	rows(f, "SELECT count(*) FROM change WHERE coalesce(before_image, '') || coalesce(after_image, '') || coalesce(reason, '') LIKE '%argon%'", 1, &s);
	assert_string_equal(us_str_text(&s), "0\n0\n");
	us_str_fini(&s);
}

static void passwords_go_with_their_directory(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	const struct us_edit ann = with_password(user("ann"), "correct horse");
	const char *hash = "$argon2id$not really";
	int64_t first = f->directory;

	edit(f, &ann, 1);
	assert_ok(us_db_lease_writer(f->store->db, &f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_directory_create(f->w, S("Synced"), S("uuid-of-a-connector"), 1, &f->directory, &err));
	struct us_user_image synced = fixture_user("id", "carl");
	assert_ok(us_object_insert_user(f->w, f->directory, 1, &synced, 1, 1, &err));
	/* Whoever asks for it, and however: the store itself refuses. */
	assert_int_equal(us_credential_set(f->w, f->directory, 1, hash, 1, &err), US_FORBIDDEN);
	assert_int_equal(us_credential_set(f->w, f->directory, 2, hash, 1, &err), US_FORBIDDEN);
	assert_int_equal(us_credential_set(f->w, first, 7, hash, 1, &err), US_NOT_FOUND);
	assert_int_equal(us_credential_set(f->w, 77, 1, hash, 1, &err), US_NOT_FOUND);
	assert_ok(us_directory_delete(f->w, f->directory, &err));
	assert_ok(us_db_commit(f->w, &err));
	us_db_release(f->w);
	f->directory = first;
	assert_true(has_password(f, 1, "correct horse"));
	assert_ok(us_db_lease_writer(f->store->db, &f->w, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_ok(us_directory_delete(f->w, first, &err));
	assert_ok(us_db_commit(f->w, &err));
	us_db_release(f->w);
	f->w = NULL;
	assert_false(has_password(f, 1, "correct horse"));
}

static void bad_passwords_are_refused_with_their_list(void **state)
{
	static const struct {
		const char *password;
		enum us_edit_refusal refusal;
		const char *text;
	} table[] = {
		{ "seven 7", US_EDIT_BAD_PASSWORD, "the password is shorter than 8 characters" },
		{ "", US_EDIT_BAD_PASSWORD, "the password is shorter than 8 characters" },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", US_EDIT_BAD_PASSWORD, "the password is not valid UTF-8" },
		{ longest, US_EDIT_FINE, NULL },
	};
	struct fixture *f = *state;
	struct us_edit many[US_EDIT_MOST_PASSWORDS + 1];
	struct us_edit_result result;
	struct us_err err = US_ERR_INIT;

	for (size_t i = 0; i < countof(table); i++) {
		const struct us_edit list[] = { user("zoe"), with_password(user("ann"), table[i].password), on(US_EDIT_DELETE_USER, "zoe"),
			on(US_EDIT_DELETE_USER, "ann") };
		try(f, list, countof(list), &result, &err);
		assert_row(i, result.refusal == table[i].refusal && (!table[i].text || (result.at == 1 && strcmp(err.text, table[i].text) == 0)));
	}
	for (size_t i = 0; i < countof(many); i++)
		many[i] = with_password(user(us_arena_printf(&f->arena, "u%zu", i)), "correct horse");
	assert_int_equal(try(f, many, countof(many), &result, &err), US_TOO_LARGE);
	assert_int_equal(result.refusal, US_EDIT_TOO_MANY);
	expect(f, "counts 0 0 0 0\nrest 0\n");
}

static enum us_authentication authenticate(struct fixture *f, const char *name, struct us_slice password)
{
	const struct us_authenticate request = { .directory = f->directory, .user = us_slice(name), .password = password };
	atomic_bool never = false;
	enum us_authentication a = US_AUTH_COUNT;
	struct us_err err = US_ERR_INIT;

	assert_ok(us_authenticate_user(f->store, &request, &never, &a, &err));
	return a;
}

static void local_users_authenticate_by_their_password(void **state)
{
	struct fixture *f = *state;
	const struct us_edit list[] = { with_password(user("ann"), "correct horse"), user("bob"), with_password(user("eve"), "battery staple") };
	struct us_edit inactive = on(US_EDIT_UPDATE_USER, "eve");
	struct us_err err = US_ERR_INIT;
	enum us_authentication a;
	atomic_bool never = false;

	edit_all(f, list);
	inactive.fields = US_EDIT_ACTIVE;
	edit(f, &inactive, 1);
	assert_int_equal(authenticate(f, "ANN", S("correct horse")), US_AUTH_OK);
	assert_int_equal(authenticate(f, "ann", S("correct horsE")), US_AUTH_WRONG);
	assert_int_equal(authenticate(f, "ann", S("correct horse\0")), US_AUTH_WRONG);
	assert_int_equal(authenticate(f, "ann", S("")), US_AUTH_WRONG);
	assert_int_equal(authenticate(f, "ann", US_SLICE_NONE), US_AUTH_WRONG);
	assert_int_equal(authenticate(f, "ann", (struct us_slice) { us_arena_array(&f->arena, 5000, 1), 5000 }), US_AUTH_WRONG);
	assert_int_equal(authenticate(f, "bob", S("correct horse")), US_AUTH_NOT_ALLOWED);
	assert_int_equal(authenticate(f, "zoe", S("correct horse")), US_AUTH_UNKNOWN);
	assert_int_equal(authenticate(f, "eve", S("battery staple")), US_AUTH_INACTIVE);
	assert_int_equal(authenticate(f, "eve", S("battery")), US_AUTH_WRONG);
	const struct us_authenticate nowhere = { .directory = 9, .user = S("ann"), .password = S("correct horse") };
	assert_int_equal(us_authenticate_user(f->store, &nowhere, &never, &a, &err), US_NOT_FOUND);
}

/* ---- undo, faults, and lists that nobody thought of ---- */

static void later_changes_are_left_by_an_undo(void **state)
{
	struct fixture *f = *state;
	const struct us_edit add[] = { user("eve"), user("zoe"), member(US_EDIT_ADD_USER, "staff", "zoe") };
	struct us_edit change = on(US_EDIT_UPDATE_USER, "eve");

	fill(f);
	int64_t run = edit_all(f, add);
	change.fields = US_EDIT_EMAIL;
	change.email = S("e@x");
	edit(f, &change, 1);
	int64_t undone = undo(f, run);
	expect_plan(f, undone, "user FAILED 3 eve (was changed since by run 3)\nuser DELETED 4 zoe (was added by the run)\n"
		"members UPDATED 1 staff (members were changed by the run)\n");
	expect(f, "user 1 ann ann - - 1 - 0\nuser 2 bob bob - - 1 - 0\nuser 3 eve eve - e@x 1 - 0\ngroup 1 staff staff -\ngroup 2 crew crew -\n"
		"in crew bob\nin staff ann\nbelow staff crew\ncounts 3 3 2 3\nrest 3\n");
	/* and the undo can be turned round */
	undo(f, undone);
	expect(f, "user 1 ann ann - - 1 - 0\nuser 2 bob bob - - 1 - 0\nuser 3 eve eve - e@x 1 - 0\nuser 4 zoe zoe - - 1 - 0\ngroup 1 staff staff -\n"
		"group 2 crew crew -\nin crew bob\nin staff ann\nin staff zoe\nbelow staff crew\ncounts 4 4 2 4\nrest 4\n");
}

static void a_fault_at_any_statement_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct us_edit list[] = { user("eve"), rename_to(US_EDIT_UPDATE_USER, "ann", "zoe"), on(US_EDIT_DELETE_GROUP, "crew"),
		member(US_EDIT_ADD_USER, "staff", "eve"), on(US_EDIT_DELETE_USER, "bob"), with_password(on(US_EDIT_UPDATE_USER, "eve"), "correct horse") };
	struct us_str before = US_STR_INIT, after = US_STR_INIT;
	struct us_edit_result result = { 0 };
	int64_t id = 0, run = 0;
	int faults = 0;

	fill(f);
	for (int what = 0; what < 2; what++) {
		enum us_errc rc;
		us_str_clear(&before);
		dump(f, &before);
		for (int at = 1;; at++) {
			struct us_err err = US_ERR_INIT;
			us_db_fail_at(f->store->db, at, US_DISK);
			rc = what ? us_edit_undo(f->store, run, S("x"), US_TRIGGER_API, US_SLICE_NONE, &id, &err) : try(f, list, countof(list), &result, &err);
			us_db_fail_at(f->store->db, 0, US_OK);
			if (rc == US_OK)
				break;
			faults++;
			assert_int_equal(rc, US_DISK);
			assert_true(result.run == 0 || what);
			us_str_clear(&after);
			dump(f, &after);
			assert_string_equal(us_str_text(&after), us_str_text(&before));
		}
		run = result.run;
	}
	assert_true(faults > 60);
	expect(f, FILLED);
	us_str_fini(&before);
	us_str_fini(&after);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static const char *a_name(struct fixture *f, uint64_t *seed)
{
	static const char *const names[] = { "a", "B", "c", "D", "e", "F" };

	(void) f;
	return names[next_random(seed) % countof(names)];
}

static struct us_edit a_random_edit(struct fixture *f, uint64_t *seed)
{
	enum us_edit_kind kind = (enum us_edit_kind) (next_random(seed) % 10);
	struct us_edit e = { .kind = kind, .object = { .name = us_slice(a_name(f, seed)) }, .member = { .name = us_slice(a_name(f, seed)) },
		.name = us_slice(a_name(f, seed)), .is_lenient = next_random(seed) % 4 != 0, .active = next_random(seed) % 2,
		.fields = (unsigned) (next_random(seed) % 512), .email = us_slice(a_name(f, seed)), .description = us_slice(a_name(f, seed)) };

	if (next_random(seed) % 4 == 0)
		e.object = (struct us_edit_ref) { .number = (uint32_t) (next_random(seed) % 9) };
	return e;
}

/* Whatever is done: the counters are those of the rows, and the undo leads back. */
static void random_lists_can_be_turned_round(void **state)
{
	struct fixture *f = *state;
	struct us_str before = US_STR_INIT, after = US_STR_INIT, single = US_STR_INIT;
	uint64_t seed = 88172645463325252u;
	int done = 0, undone = 0;

	for (int round = 0; round < 1500; round++) {
		struct us_edit list[8];
		size_t n = 1 + next_random(&seed) % 5;
		struct us_edit_result result;
		struct us_err err = US_ERR_INIT;
		for (size_t i = 0; i < n; i++)
			list[i] = a_random_edit(f, &seed);
		us_str_clear(&before);
		describe(f, &before);
		if (try(f, list, n, &result, &err)) {
			us_str_clear(&after);
			describe(f, &after);
			assert_string_equal(us_str_text(&after), us_str_text(&before));
			/* so that there is something to refuse and to change: those that are not refused alone */
			for (size_t i = 0; i < n; i++)
				try(f, &list[i], 1, &result, &err);
			continue;
		}
		done++;
		us_str_clear(&after);
		describe(f, &after);
		if (!result.run) {
			assert_string_equal(us_str_text(&after), us_str_text(&before));
			continue;
		}
		undo(f, result.run);
		us_str_clear(&single);
		describe(f, &single);
		assert_string_equal(us_str_text(&single), us_str_text(&before));
		undone++;
	}
	struct us_str counted = US_STR_INIT, kept = US_STR_INIT;
	rows(f, "SELECT (SELECT count(*) FROM usr), (SELECT count(*) FROM usr WHERE active), (SELECT count(*) FROM grp),"
		" (SELECT count(*) FROM membership) + (SELECT count(*) FROM subgroup)", 4, &counted);
	rows(f, "SELECT n_users, n_active_users, n_groups, n_memberships FROM directory", 4, &kept);
	assert_string_equal(us_str_text(&counted), us_str_text(&kept));
	assert_true(done > 100 && undone > 100);
	us_str_fini(&before);
	us_str_fini(&after);
	us_str_fini(&single);
	us_str_fini(&counted);
	us_str_fini(&kept);
}

static void its_cost_does_not_go_with_the_directory(void **state)
{
	enum { N = 20000 };
	struct fixture *f = *state;
	struct us_edit *list = us_calloc(2 * N + 1, sizeof *list);
	const struct us_edit small[] = { user("eve"), member(US_EDIT_ADD_USER, "all", "eve") };
	int64_t small_cost, large_cost;

	list[0] = group("all");
	edit(f, list, 1);
	small_cost = us_db_statements(f->store->db);
	edit_all(f, small);
	small_cost = us_db_statements(f->store->db) - small_cost;
	undo(f, 2);
	for (int i = 0; i < N; i++) {
		list[i] = user(us_arena_printf(&f->arena, "u%d", i));
		list[N + i] = member(US_EDIT_ADD_USER, "all", us_arena_printf(&f->arena, "u%d", i));
	}
	edit(f, list, 2 * N);
	large_cost = us_db_statements(f->store->db);
	edit_all(f, small);
	large_cost = us_db_statements(f->store->db) - large_cost;
	assert_int_equal(large_cost, small_cost);
	assert_true(small_cost < 60);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		edit_case(edits_become_a_run_with_a_plan),
		edit_case(fields_are_set_one_by_one),
		edit_case(groups_have_attributes_too),
		edit_case(each_edit_sees_those_before_it),
		edit_case(objects_are_found_by_number),
		edit_case(memberships_may_be_lenient),
		edit_case(ids_are_of_one_object),
		edit_case(a_directory_that_has_changed_is_left),
		edit_case(refused_lists_change_nothing),
		edit_case(what_the_list_took_away_is_not_there),
		edit_case(cycles_through_many_are_seen),
		edit_case(a_synced_directory_is_never_edited),
		edit_case(local_users_authenticate_by_their_password),
		edit_case(passwords_stay_with_their_user),
		edit_case(passwords_go_with_their_directory),
		edit_case(bad_passwords_are_refused_with_their_list),
		edit_case(later_changes_are_left_by_an_undo),
		edit_case(a_fault_at_any_statement_changes_nothing),
		edit_case(random_lists_can_be_turned_round),
		edit_case(its_cost_does_not_go_with_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
