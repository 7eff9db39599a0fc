#include "store.h"

#include "store/feed.h"
#include "store/run_prune.h"

static int64_t add_run(struct fixture *f)
{
	struct us_err err = US_ERR_INIT;
	struct us_run run = { .connector = 1, .connector_uuid = S("c"), .directory = f->directory, .kind = US_RUN_FULL };
	int64_t id = 0;

	assert_ok(us_run_create(f->w, &run, 1000, &id, &err));
	assert_ok(us_run_set_status(f->w, id, US_RUN_SCHEDULED, US_RUN_RUNNING, 1000, &err));
	assert_ok(us_run_set_status(f->w, id, US_RUN_RUNNING, US_RUN_DONE, 1000, &err));
	return id;
}

static void add_row(struct fixture *f, int64_t run, struct us_change change)
{
	struct us_err err = US_ERR_INIT;

	assert_ok(us_run_add_change(f->w, run, &change, &err));
}

static struct us_feed_token newest(struct fixture *f, int64_t directory)
{
	struct us_err err = US_ERR_INIT;
	struct us_feed_token token;

	assert_ok(us_feed_newest(f->w, directory, &token, &err));
	return token;
}

/* As sync/apply does it: the rows are in the objects already. */
static int64_t apply(struct fixture *f, int64_t run, int64_t plan, const struct us_report *report)
{
	struct us_err err = US_ERR_INIT;
	struct us_directory d;

	assert_ok(us_directory_load(f->w, &f->arena, f->directory, &d, &err));
	assert_ok(us_object_raise_revision(f->w, f->directory, d.revision, &err));
	assert_ok(us_feed_add(f->w, f->directory, d.revision + 1, run, plan, report, 1234, &err));
	return d.revision + 1;
}

/* User `number` comes, with a name of its own, in a run of its own. */
static int64_t add_user(struct fixture *f, uint32_t number, const char *name)
{
	struct us_err err = US_ERR_INIT;
	struct us_user_image image = fixture_user(name, name);
	struct us_report report = { .users[US_OUTCOME_ADDED] = 1 };
	int64_t run = add_run(f);

	assert_ok(us_object_insert_user(f->w, f->directory, number, &image, run, 1000, &err));
	add_row(f, run, (struct us_change) { .object = US_OBJECT_USER, .outcome = US_OUTCOME_ADDED, .number = number, .name = us_slice(name),
		.user.after = &image });
	apply(f, run, run, &report);
	return run;
}

/* What comes behind the token, as "step name+member" words; at most `most` rows. *token goes on. */
static char *read_on(struct fixture *f, struct us_feed_token *token, int most)
{
	static const char *const words[] = { "leave", "delete", "delete", "write", "write", "join" };
	struct us_err err = US_ERR_INIT;
	struct us_str out = US_STR_INIT;
	struct us_feed feed;
	struct us_feed_row row;
	enum us_errc rc = US_OK;

	assert_ok(us_feed_open(f->w, f->directory, token->text[0] ? us_slice(token->text) : US_SLICE_NONE, &feed, &err));
	while (most-- > 0 && (rc = us_feed_next(&feed, &f->arena, &row, &err)) == US_OK) {
		us_str_printf(&out, "%s%s " US_SLICE_FMT, out.n ? ", " : "", words[row.step], US_SLICE_ARG(row.change.name));
		for (size_t i = 0; i < row.n_members; i++)
			us_str_printf(&out, "%s" US_SLICE_FMT, row.members[i].is_group ? "@" : "+", US_SLICE_ARG(row.members[i].name));
	}
	if (rc && rc != US_END)
		fail_msg("%s", err.text);
	us_feed_token(&feed, token);
	us_feed_close(&feed);
	char *text = us_arena_strdup(&f->arena, us_str_text(&out));
	us_str_fini(&out);
	return text;
}

static void rows_come_in_order_of_application(void **state)
{
	struct fixture *f = *state;
	struct us_report report = { .users[US_OUTCOME_ADDED] = 1 };
	struct us_user_image image = fixture_user("s", "simulated");
	struct us_feed_token token = { "" }, end;

	int64_t simulation = add_run(f);
	add_row(f, simulation, (struct us_change) { .object = US_OBJECT_USER, .outcome = US_OUTCOME_ADDED, .number = 9, .name = S("simulated"),
		.user.after = &image });
	add_user(f, 1, "anna");
	apply(f, add_run(f), simulation, &report);
	add_user(f, 2, "berta");
	assert_string_equal(read_on(f, &token, 99), "write anna, write simulated, write berta");
	end = newest(f, f->directory);
	assert_string_equal(token.text, end.text);
	assert_string_equal(read_on(f, &token, 99), "");
	add_user(f, 3, "carla");
	assert_string_equal(read_on(f, &token, 99), "write carla");
	/* Row by row it is the same. */
	token.text[0] = '\0';
	assert_string_equal(read_on(f, &token, 1), "write anna");
	assert_string_equal(read_on(f, &token, 0), "");
	assert_string_equal(read_on(f, &token, 1), "write simulated");
	assert_string_equal(read_on(f, &token, 1), "write berta");
	assert_string_equal(read_on(f, &token, 2), "write carla");
	assert_string_equal(read_on(f, &token, 2), "");
	end = newest(f, f->directory);
	assert_string_equal(token.text, end.text);
}

/* Goes: a rename, a swap of members and a deletion in one plan, then both are gone. */
static void members_have_the_names_of_their_time(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_group_image team = fixture_group("team", "team"), crew = fixture_group("team", "crew");
	struct us_user_image anna = fixture_user("anna", "anna"), annie = fixture_user("anna", "annie"), berta = fixture_user("berta", "berta");
	struct us_report report = { .groups[US_OUTCOME_ADDED] = 1, .memberships_added = 1 };
	static const uint32_t one[] = { 1 }, two[] = { 2 };
	struct us_feed_token token = { "" };

	add_user(f, 1, "anna");
	add_user(f, 2, "berta");
	int64_t run = add_run(f);
	assert_ok(us_object_insert_group(f->w, f->directory, 1, &team, run, 1000, &err));
	add_row(f, run, (struct us_change) { .ord = 0, .object = US_OBJECT_GROUP, .outcome = US_OUTCOME_ADDED, .number = 1, .name = S("team"),
		.group.after = &team });
	add_row(f, run, (struct us_change) { .ord = 1, .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = 1, .name = S("team"),
		.members = { .added_users = two, .n_added_users = 1, .added_groups = one, .n_added_groups = 1 } });
	apply(f, run, run, &report);
	run = add_run(f);
	anna.revision = run - 2;
	assert_ok(us_object_update_user(f->w, f->directory, 1, run - 3, &annie, run, 1000, &err));
	assert_ok(us_object_update_group(f->w, f->directory, 1, run - 1, &crew, run, 1000, &err));
	add_row(f, run, (struct us_change) { .ord = 0, .object = US_OBJECT_USER, .outcome = US_OUTCOME_RENAMED, .number = 1, .name = S("annie"),
		.user = { &anna, &annie } });
	add_row(f, run, (struct us_change) { .ord = 1, .object = US_OBJECT_USER, .outcome = US_OUTCOME_HELD, .number = 2, .name = S("berta"),
		.user = { &annie, &anna } });
	add_row(f, run, (struct us_change) { .ord = 2, .object = US_OBJECT_GROUP, .outcome = US_OUTCOME_RENAMED, .number = 1, .name = S("crew"),
		.group = { &team, &crew } });
	add_row(f, run, (struct us_change) { .ord = 3, .object = US_OBJECT_MEMBERS, .outcome = US_OUTCOME_UPDATED, .number = 1, .name = S("crew"),
		.members = { .added_users = one, .n_added_users = 1, .removed_users = two, .n_removed_users = 1 } });
	add_row(f, run, (struct us_change) { .ord = 4, .object = US_OBJECT_USER, .outcome = US_OUTCOME_DELETED, .number = 2, .name = S("berta"),
		.user.before = &berta });
	assert_ok(us_object_delete_user(f->w, f->directory, 2, run - 2, &err));
	report = (struct us_report) { .users = { [US_OUTCOME_RENAMED] = 1, [US_OUTCOME_DELETED] = 1 }, .groups[US_OUTCOME_RENAMED] = 1,
		.memberships_added = 1, .memberships_removed = 1 };
	apply(f, run, run, &report);
	static const char told[] = "write anna, write berta, write team, join team+berta@team, "
		"leave team+berta, delete berta, write annie, write crew, join crew+annie";
	assert_string_equal(read_on(f, &token, 99), told);

	/* Later both are gone, and what was told before stays as it was. */
	run = add_run(f);
	add_row(f, run, (struct us_change) { .ord = 0, .object = US_OBJECT_USER, .outcome = US_OUTCOME_DELETED, .number = 1, .name = S("annie"),
		.user.before = &annie });
	add_row(f, run, (struct us_change) { .ord = 1, .object = US_OBJECT_GROUP, .outcome = US_OUTCOME_DELETED, .number = 1, .name = S("crew"),
		.group.before = &crew });
	assert_ok(us_object_delete_user(f->w, f->directory, 1, run - 1, &err));
	assert_ok(us_object_delete_group(f->w, f->directory, 1, run - 1, &err));
	report = (struct us_report) { .users[US_OUTCOME_DELETED] = 1, .groups[US_OUTCOME_DELETED] = 1 };
	apply(f, run, run, &report);
	token.text[0] = '\0';
	assert_string_equal(read_on(f, &token, 9), told);
	assert_string_equal(read_on(f, &token, 9), "delete annie, delete crew");
}

static enum us_errc open_with(struct fixture *f, int64_t directory, const char *token, struct us_err *err)
{
	struct us_feed feed;
	enum us_errc rc = us_feed_open(f->w, directory, token ? us_slice(token) : US_SLICE_NONE, &feed, err);

	if (rc == US_OK)
		us_feed_close(&feed);
	return rc;
}

static void what_is_no_token_is_refused(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_feed_token good = newest(f, f->directory);

	assert_int_equal(open_with(f, f->directory, good.text, &err), US_OK);
	for (size_t i = 0; i < strlen(good.text); i++) {
		struct us_feed_token bad = good;
		for (const char *c = "0f9aAg -"; *c; c++) {
			bad.text[i] = *c;
			if (*c != good.text[i])
				assert_row(i, open_with(f, f->directory, bad.text, &err) == US_INVALID);
		}
		bad.text[i] = '\0';
		assert_row(i, open_with(f, f->directory, bad.text, &err) == US_INVALID);
	}
	char longer[US_FEED_TOKEN_BYTES + 1];
	snprintf(longer, sizeof longer, "%s0", good.text);
	assert_int_equal(open_with(f, f->directory, longer, &err), US_INVALID);
	assert_string_equal(err.text, "the token is not one that was given out");
	assert_int_equal(open_with(f, 77, good.text, &err), US_NOT_FOUND);
}

#define AGAIN ": read the directory again, and go on from its newest token"

static void tokens_of_pruned_plans_expire(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_feed_token at[4];
	int64_t runs[4] = { 0 };

	at[0] = newest(f, f->directory);
	for (uint32_t i = 1; i < 4; i++) {
		runs[i] = add_user(f, i, (const char *[]) { "", "anna", "berta", "carla" }[i]);
		at[i] = newest(f, f->directory);
	}
	/* Out of order, as when an older one is kept to be undone. */
	assert_ok(us_run_prune_begin(f->w, runs[2], 99, 2000, &err));
	for (int i = 0; i < 4; i++) {
		enum us_errc rc = open_with(f, f->directory, at[i].text, &err);
		assert_row(i, rc == (i < 2 ? US_EXPIRED : US_OK));
	}
	assert_string_equal(err.text, "the token is too old, changes after it are no longer kept" AGAIN);
	assert_int_equal(open_with(f, f->directory, NULL, &err), US_EXPIRED);
	assert_string_equal(read_on(f, &at[2], 9), "write carla");
	assert_ok(us_run_prune_begin(f->w, runs[1], 99, 2000, &err));
	assert_string_equal(read_on(f, &at[2], 9), "");
	assert_ok(us_run_prune_begin(f->w, runs[3], 99, 2000, &err));
	assert_string_equal(read_on(f, &at[3], 9), "");
	/* The directory next door has lost nothing. */
	int64_t other;
	assert_ok(us_directory_create(f->w, S("Others"), US_SLICE_NONE, 1000, &other, &err));
	assert_int_equal(open_with(f, other, NULL, &err), US_OK);
	assert_int_equal(open_with(f, other, at[3].text, &err), US_EXPIRED);
	assert_string_equal(err.text, "the token is of directory 1, not of directory 2" AGAIN);
	assert_ok(us_directory_delete(f->w, f->directory, &err));
	assert_int_equal(open_with(f, f->directory, at[3].text, &err), US_NOT_FOUND);
}

/* Tokens outlive a restart, and are told from those of a time that a backup knows nothing of. */
static void tokens_hold_as_long_as_the_store(void **state)
{
	struct fixture *f = *state;
	struct us_err err = US_ERR_INIT;
	struct us_feed_token token = { "" }, later;

	add_user(f, 1, "anna");
	read_on(f, &token, 9);
	assert_ok(us_db_commit(f->w, &err));
	fixture_close(f);
	assert_ok(fixture_open(f, &err));
	assert_ok(us_db_begin(f->w, &err));
	assert_string_equal(read_on(f, &token, 9), "");
	add_user(f, 2, "berta");
	later = newest(f, f->directory);
	us_db_rollback(f->w); /* the backup: it never was */
	assert_ok(us_db_begin(f->w, &err));
	assert_int_equal(open_with(f, f->directory, later.text, &err), US_EXPIRED);
	assert_string_equal(err.text, "the token is from a time that this store does not know, as after a backup was put back" AGAIN);
	add_user(f, 2, "bruno");
	assert_int_equal(open_with(f, f->directory, later.text, &err), US_EXPIRED);
	assert_string_equal(read_on(f, &token, 9), "write bruno");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(rows_come_in_order_of_application),
		fixture_test(members_have_the_names_of_their_time),
		fixture_test(what_is_no_token_is_refused),
		fixture_test(tokens_of_pruned_plans_expire),
		fixture_test(tokens_hold_as_long_as_the_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
