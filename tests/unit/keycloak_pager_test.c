#include "unit.h"

#include "source/keycloak_pager.h"

/* The server: a list in the order of names that may change between any two requests. */
struct row {
	int id, name; /* name: the place in the order */
	bool stays;   /* there from the first request to the last, never renamed */
	bool renamed;
};

enum { MAX_ROWS = 400 };

struct server {
	struct row rows[MAX_ROWS];
	int n, next_id;
	unsigned random;
};

static int rnd(struct server *s, int below)
{
	s->random = s->random * 1664525u + 1013904223u;
	return below > 0 ? (int) ((s->random >> 8) % (unsigned) below) : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->name != y->name ? (x->name > y->name) - (x->name < y->name) : (x->id > y->id) - (x->id < y->id);
}

static void sort(struct server *s) { qsort(s->rows, (size_t) s->n, sizeof *s->rows, by_name); }

static void fill(struct server *s, int n, unsigned seed)
{
	*s = (struct server) { .random = seed };
	for (int i = 0; i < n; i++)
		s->rows[s->n++] = (struct row) { .id = s->next_id++, .name = rnd(s, 1000000), .stays = true };
	sort(s);
}

static void add(struct server *s, int name)
{
	if (s->n < MAX_ROWS)
		s->rows[s->n++] = (struct row) { .id = s->next_id++, .name = name };
	sort(s);
}

static void take_away(struct server *s, int at)
{
	memmove(&s->rows[at], &s->rows[at + 1], (size_t) (s->n - at - 1) * sizeof *s->rows);
	s->n--;
}

static void rename_row(struct server *s, int at, int name)
{
	s->rows[at].name = name;
	s->rows[at].stays = false;
	s->rows[at].renamed = true;
	sort(s);
}

/* One page as the API gives it. */
static const struct us_json *ask(const struct server *s, const struct us_keycloak_pager *p, struct us_arena *arena)
{
	int first = (int) us_keycloak_pager_first(p), max = (int) us_keycloak_pager_max(p);
	struct us_str text = US_STR_INIT;
	const struct us_json *doc;

	us_str_add_char(&text, '[');
	for (int i = first; i < s->n && i < first + max; i++)
		us_str_printf(&text, "%s{\"id\":\"id-%d\",\"username\":\"n%07d-%d\"}", i > first ? "," : "", s->rows[i].id, s->rows[i].name,
			s->rows[i].renamed);
	us_str_add_char(&text, ']');
	assert_int_equal(us_json_parse(arena, us_str_slice(&text), US_JSON_LIMITS_PAGE, &doc, NULL), US_OK);
	us_str_fini(&text);
	return doc;
}

struct reading {
	bool got[4096];
	int n_got, requests;
	const char *signal;
	struct us_err err;
};

static void note(struct reading *r, const struct us_json *row)
{
	int id = atoi(us_json_string(row, "id").p + 3);

	assert_false(r->got[id]); /* given out once */
	r->got[id] = true;
	r->n_got++;
}

/* Reads to the end; change is called before each request. */
static enum us_errc read_all(struct server *s, int page_size, bool counts, void (*change)(struct server *, int request), struct reading *r)
{
	struct us_keycloak_pager p;
	struct us_arena arena = US_ARENA_INIT;
	int64_t before = counts ? s->n : -1;
	bool complete = false;
	enum us_errc rc = US_OK;

	memset(r, 0, sizeof *r);
	us_keycloak_pager_init(&p, "users", "username", page_size);
	while (rc == US_OK && !complete) {
		const struct us_json **fresh;
		enum us_keycloak_step step = US_KEYCLOAK_MORE;
		size_t n = 0;
		us_arena_reset(&arena);
		if (change)
			change(s, r->requests);
		r->requests++;
		assert_true(r->requests < 5000);
		rc = us_keycloak_pager_take(&p, ask(s, &p, &arena), &arena, &fresh, &n, &step, &r->err);
		for (size_t i = 0; rc == US_OK && i < n; i++)
			note(r, fresh[i]);
		if (rc || step != US_KEYCLOAK_END)
			continue;
		if (change)
			change(s, r->requests);
		int64_t after = counts ? s->n : -1;
		rc = us_keycloak_judge(&p.tally, "users", before, after, &complete, &r->signal, &r->err);
		before = after;
		if (rc == US_OK && !complete)
			us_keycloak_pager_begin_pass(&p);
	}
	us_keycloak_pager_fini(&p);
	us_arena_fini(&arena);
	return rc;
}

static void a_list_at_rest_is_read_once_whatever_its_length(void **state)
{
	static struct server s;
	static struct reading r;

	for (int n = 0; n <= 41; n++)
		for (int size = 2; size <= 21; size++) {
			fill(&s, n, 7);
			assert_int_equal(read_all(&s, size, true, NULL, &r), US_OK);
			assert_int_equal(r.n_got, n);
			assert_int_equal(r.requests, n ? 1 + (n + size - 1) / size : 1);
		}
}

/* About one change in three requests, of all kinds. */
static void shake(struct server *s, int request)
{
	(void) request;
	switch (rnd(s, 12)) {
	case 0:
		add(s, rnd(s, 1000000));
		break;
	case 1:
		if (s->n)
			take_away(s, rnd(s, s->n));
		break;
	case 2:
		if (s->n)
			rename_row(s, rnd(s, s->n), rnd(s, 1000000));
		break;
	case 3:
		for (int i = 0; i < 9 && s->n; i++)
			take_away(s, rnd(s, s->n));
		break;
	}
}

/* Invariant L: whoever was there all the time is in a listing that calls itself complete. */
static void nobody_who_stays_is_skipped_while_others_come_go_and_are_renamed(void **state)
{
	static struct server s;
	static struct reading r;
	int complete = 0;

	for (unsigned seed = 1; seed <= 3000; seed++) {
		fill(&s, rnd(&s, 120) + 1, seed);
		enum us_errc rc = read_all(&s, 2 + (int) (seed % 17), seed % 2, shake, &r);
		assert_true(rc == US_OK || rc == US_PARTIAL);
		if (rc)
			continue;
		complete++;
		for (int i = 0; i < s.n; i++)
			if (s.rows[i].stays && !r.got[s.rows[i].id])
				fail_msg("seed %u: id %d was skipped", seed, s.rows[i].id);
	}
	assert_true(complete > 500);
}

static int at_request, renamed_id;

/* The last row gets a name before all others, once. */
static void rename_last_upwards(struct server *s, int request)
{
	if (request == at_request) {
		renamed_id = s->rows[s->n - 1].id;
		rename_row(s, s->n - 1, -1);
	}
}

/* The same, and somebody who was read already goes away, so that nothing shifts. */
static void rename_last_and_delete_first(struct server *s, int request)
{
	if (request == at_request) {
		take_away(s, 0);
		rename_last_upwards(s, request);
	}
}

static void a_row_renamed_over_our_place_is_found(void **state)
{
	static struct server s;
	static struct reading r;

	for (int counts = 0; counts < 2; counts++)
		for (at_request = 1; at_request < 10; at_request++) {
			fill(&s, 45, 3);
			assert_int_equal(read_all(&s, 5, counts, rename_last_upwards, &r), US_OK);
			assert_true(r.got[renamed_id]);
			fill(&s, 45, 3);
			assert_int_equal(read_all(&s, 5, true, rename_last_and_delete_first, &r), US_OK);
			assert_true(r.got[renamed_id]);
		}
}

static void delete_first(struct server *s, int request)
{
	if (request == at_request)
		take_away(s, 0);
}

static void delete_many(struct server *s, int request)
{
	for (int i = 0; request == at_request && i < 30; i++)
		take_away(s, 0);
}

static void delete_all(struct server *s, int request)
{
	if (request == at_request)
		s->n = 0;
}

static void rows_that_move_up_when_others_go_are_not_skipped(void **state)
{
	static struct server s;
	static struct reading r;

	for (at_request = 1; at_request < 9; at_request++) {
		fill(&s, 45, 3);
		assert_int_equal(read_all(&s, 5, false, delete_first, &r), US_OK);
		assert_true(r.n_got >= 44);
		fill(&s, 45, 3);
		assert_int_equal(read_all(&s, 5, true, delete_many, &r), US_OK);
		for (int i = 0; i < s.n; i++)
			assert_true(r.got[s.rows[i].id]);
		fill(&s, 45, 3);
		assert_int_equal(read_all(&s, 5, true, delete_all, &r), US_OK);
	}
}

static void fewer_rows_than_counted_are_partial(void **state)
{
	struct us_keycloak_tally t = { .pass = 1, .rows = 40, .fresh = 40 };
	struct us_err err = US_ERR_INIT;
	const char *signal;
	bool complete;

	assert_int_equal(us_keycloak_judge(&t, "users", 42, 42, &complete, &signal, &err), US_OK);
	assert_false(complete);
	t = (struct us_keycloak_tally) { .pass = 2, .rows = 40 };
	assert_int_equal(us_keycloak_judge(&t, "users", 42, 42, &complete, &signal, &err), US_PARTIAL);
	assert_string_equal(err.text, "the server counts 42 users and lists 40: the rest is hidden from the service account");
	t.rows = 42;
	assert_int_equal(us_keycloak_judge(&t, "users", 42, 42, &complete, &signal, &err), US_OK);
	assert_true(complete);
}

static void rows_that_were_there_and_then_none_are_partial(void **state)
{
	struct us_keycloak_tally t = { .pass = 2, .seen = 7 };
	struct us_err err = US_ERR_INIT;
	const char *signal;
	bool complete;

	assert_int_equal(us_keycloak_judge(&t, "members", -1, -1, &complete, &signal, &err), US_PARTIAL);
	assert_string_equal(err.text, "the server gave 7 members and then none");
	assert_int_equal(us_keycloak_judge(&t, "users", 0, 0, &complete, &signal, &err), US_OK);
	assert_true(complete);
}

static void the_same_page_for_ever_is_partial(void **state)
{
	struct us_keycloak_pager p;
	struct us_arena arena = US_ARENA_INIT;
	static struct server s;
	const struct us_json **fresh;
	enum us_keycloak_step step;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = US_OK;
	size_t n;

	fill(&s, 10, 1);
	us_keycloak_pager_init(&p, "users", "username", 10);
	const struct us_json *page = ask(&s, &p, &arena);
	for (int i = 0; i < 100 && rc == US_OK; i++)
		rc = us_keycloak_pager_take(&p, page, &arena, &fresh, &n, &step, &err);
	assert_int_equal(rc, US_PARTIAL);
	us_keycloak_pager_fini(&p);
	us_arena_fini(&arena);
}

static void what_is_no_list_of_objects_is_refused(void **state)
{
	static const char *const texts[] = { "{}", "null", "7", "\"x\"", "[1]", "[{\"id\":\"a\"},null]", "[[]]" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_keycloak_pager p;
		const struct us_json *doc, **fresh;
		enum us_keycloak_step step;
		struct us_err err = US_ERR_INIT;
		size_t n;
		us_keycloak_pager_init(&p, "users", "username", 10);
		assert_int_equal(us_json_parse(&arena, us_slice(texts[i]), US_JSON_LIMITS_PAGE, &doc, NULL), US_OK);
		assert_row(i, us_keycloak_pager_take(&p, doc, &arena, &fresh, &n, &step, &err) == US_PROTOCOL);
		us_keycloak_pager_fini(&p);
		us_arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_at_rest_is_read_once_whatever_its_length),
		cmocka_unit_test(nobody_who_stays_is_skipped_while_others_come_go_and_are_renamed),
		cmocka_unit_test(a_row_renamed_over_our_place_is_found),
		cmocka_unit_test(rows_that_move_up_when_others_go_are_not_skipped),
		cmocka_unit_test(fewer_rows_than_counted_are_partial),
		cmocka_unit_test(rows_that_were_there_and_then_none_are_partial),
		cmocka_unit_test(the_same_page_for_ever_is_partial),
		cmocka_unit_test(what_is_no_list_of_objects_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
