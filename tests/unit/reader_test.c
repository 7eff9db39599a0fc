/* Invariant L in the one paging loop: whatever is not an end by the source's own word, with all that it announced, is none. */
#include "unit.h"

#include <stdlib.h>

#include "source/source.h"

/* What the source gives for one page; the texts say what the cursor of the next one is. */
struct turn {
	const char *next; /* NULL: none is given */
	bool end;
	int64_t rows, announced; /* announced 0: it does not say */
	enum us_errc rc;
};

enum { LISTINGS = 2, TURNS = 8 };

struct script {
	struct us_source source;
	struct turn turns[LISTINGS][TURNS];
	size_t at[LISTINGS];
	struct us_str asked; /* cursors, as they came: "users - a b groups - " */
};

static const struct us_listing listings[LISTINGS] = { { "users", US_RECORD_USER }, { "groups", US_RECORD_GROUP } };

static const struct us_listing *script_listings(struct us_source *source, size_t *ret_n)
{
	*ret_n = LISTINGS;
	return listings;
}

static enum us_errc script_fetch(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
	struct us_page *ret_page, struct us_err *err)
{
	struct script *s = (struct script *) source;

	assert_true(s->at[listing] < TURNS);
	const struct turn *t = &s->turns[listing][s->at[listing]++];
	if (!cursor.p)
		us_str_printf(&s->asked, "%s - ", listings[listing].name);
	else
		us_str_printf(&s->asked, US_SLICE_FMT " ", US_SLICE_ARG(cursor));
	if (t->rc)
		return us_err_set(err, t->rc, "the script says so");
	*ret_page = (struct us_page) { .next = t->next ? us_slice(us_arena_strdup(arena, t->next)) : US_SLICE_NONE, .end = t->end,
		.signal = t->end ? "its word" : NULL, .rows = t->rows, .announced = t->announced ? t->announced : -1 };
	return US_OK;
}

static const struct us_source_ops ops = { .listings = script_listings, .fetch = script_fetch };

/* Reads until it stops, and once more: the same must come again. */
static enum us_errc read_all(struct script *s, struct us_certificate *ret_certificate, char *ret_text, size_t size)
{
	struct us_err err = US_ERR_INIT, again = US_ERR_INIT;
	struct us_reader *reader;
	struct us_page page;
	size_t listing;
	enum us_errc rc;

	s->source.ops = &ops;
	assert_int_equal(us_reader_open(&s->source, &reader, &err), US_OK);
	while ((rc = us_reader_next(reader, &page, &listing, &err)) == US_OK)
		;
	assert_int_equal(us_reader_next(reader, &page, &listing, &again), rc);
	if (rc != US_END)
		assert_string_equal(again.text, err.text);
	*ret_certificate = *us_reader_certificate(reader);
	us_reader_close(reader);
	snprintf(ret_text, size, "%s", rc == US_END ? "" : err.text);
	return rc;
}

static const struct case_ {
	const char *what;
	struct turn users[TURNS], groups[TURNS];
	enum us_errc rc;
	const char *asked, *says;
	int64_t pages, rows; /* of users */
	bool has_users;      /* their end was seen */
} cases[] = {
	{ "two listings", { { .next = "a", .rows = 5 }, { .next = "b", .rows = 5 }, { .end = true, .rows = 1 } }, { { .end = true, .rows = 2 } },
		US_END, "users - a b groups - ", "", 3, 11, true },
	{ "short and empty pages in the middle", { { .next = "a", .rows = 5 }, { .next = "b" }, { .next = "c", .rows = 1 }, { .next = "d" },
		{ .end = true, .rows = 3 } }, { { .end = true } }, US_END, "users - a b c d groups - ", "", 5, 9, true },
	{ "nobody at all", { { .end = true } }, { { .end = true } }, US_END, "users - groups - ", "", 1, 0, true },
	{ "cursors may come again in another listing", { { .next = "a" }, { .end = true } }, { { .next = "a" }, { .end = true } }, US_END,
		"users - a groups - a ", "", 2, 0, true },
	{ "as many as announced", { { .next = "a", .rows = 2, .announced = 5 }, { .end = true, .rows = 3 } }, { { .end = true } }, US_END,
		"users - a groups - ", "", 2, 5, true },
	{ "more than announced, for somebody came meanwhile", { { .end = true, .rows = 6, .announced = 5 } }, { { .end = true } }, US_END,
		"users - groups - ", "", 1, 6, true },
	{ "the last number that was announced counts", { { .next = "a", .rows = 2, .announced = 9 }, { .end = true, .rows = 3, .announced = 5 } },
		{ { .end = true } }, US_END, "users - a groups - ", "", 2, 5, true },
	{ "no cursor and no end", { { .rows = 5 }, { .end = true } }, { { .end = true } }, US_PARTIAL, "users - ", "without saying that it is complete",
		1, 5, false },
	{ "no cursor and no end later on", { { .next = "a", .rows = 5 }, { .rows = 5 }, { .end = true } }, { { .end = true } }, US_PARTIAL, "users - a ",
		"2 pages and 10 rows", 2, 10, false },
	{ "the same cursor at once", { { .next = "a", .rows = 5 }, { .next = "a", .rows = 5 }, { .end = true } }, { { .end = true } }, US_PARTIAL,
		"users - a ", "the same cursor twice", 2, 10, false },
	{ "an earlier cursor", { { .next = "a" }, { .next = "b" }, { .next = "c" }, { .next = "a" }, { .end = true } }, { { .end = true } },
		US_PARTIAL, "users - a b c ", "the same cursor twice", 4, 0, false },
	{ "an empty cursor that stays", { { .next = "" }, { .next = "" }, { .end = true } }, { { .end = true } }, US_PARTIAL, "users -  ",
		"the same cursor twice", 2, 0, false },
	{ "one less than announced", { { .next = "a", .rows = 2, .announced = 5 }, { .end = true, .rows = 2 } }, { { .end = true } }, US_PARTIAL,
		"users - a ", "after 4 of 5 announced rows", 2, 4, false },
	{ "nobody, and one announced", { { .end = true, .announced = 1 } }, { { .end = true } }, US_PARTIAL, "users - ", "0 of 1 announced", 1, 0, false },
	{ "groups without an end", { { .end = true, .rows = 5 } }, { { .rows = 2 } }, US_PARTIAL, "users - groups - ", "listing of groups", 1, 5, true },
	{ "a cursor that is refused", { { .next = "a", .rows = 5 }, { .rc = US_PROTOCOL } }, { { .end = true } }, US_PROTOCOL, "users - a ",
		"the script says so", 1, 5, false },
};

static void a_listing_ends_by_the_sources_word_only(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct case_ *c = &cases[i];
		struct us_certificate seen;
		struct script s = { 0 };
		char text[US_ERR_TEXT_BYTES];
		memcpy(s.turns[0], c->users, sizeof c->users);
		memcpy(s.turns[1], c->groups, sizeof c->groups);
		enum us_errc rc = read_all(&s, &seen, text, sizeof text);
		if (rc != c->rc || strcmp(us_str_text(&s.asked), c->asked) || !strstr(text, c->says))
			fail_msg("%s: %s, %s, asked \"%s\"", c->what, us_err_name(rc), text, us_str_text(&s.asked));
		assert_int_equal(seen.n, LISTINGS);
		if (seen.rows[0].pages != c->pages || seen.rows[0].rows != c->rows || !seen.rows[0].signal == c->has_users)
			fail_msg("%s: %lld pages, %lld rows, end %s", c->what, (long long) seen.rows[0].pages, (long long) seen.rows[0].rows,
				seen.rows[0].signal ? seen.rows[0].signal : "not seen");
		assert_int_equal(us_certificate_is_whole(&seen), rc == US_END);
		us_str_fini(&s.asked);
	}
}

static void an_error_at_any_page_is_no_end(void **state)
{
	static const enum us_errc codes[] = { US_PARTIAL, US_UNAVAILABLE, US_DENIED, US_TLS, US_TIMEOUT, US_PROTOCOL, US_CONFIG, US_THROTTLED, US_CANCELLED };

	for (size_t code = 0; code < sizeof codes / sizeof *codes; code++)
		for (size_t page = 0; page < 5; page++) {
			struct script s = { .turns = { { { .next = "a", .rows = 1 }, { .next = "b", .rows = 1 }, { .end = true, .rows = 1 } },
									{ { .next = "a", .rows = 1 }, { .end = true, .rows = 1 } } } };
			struct us_certificate seen;
			char text[US_ERR_TEXT_BYTES];
			s.turns[page / 3][page % 3].rc = codes[code];
			assert_int_equal(read_all(&s, &seen, text, sizeof text), codes[code]);
			assert_false(us_certificate_is_whole(&seen));
			assert_int_equal(seen.rows[0].rows + seen.rows[1].rows, page);
			assert_int_equal(!seen.rows[0].signal, page < 3);
			assert_null(seen.rows[1].signal);
			us_str_fini(&s.asked);
		}
}

static void a_reader_can_be_closed_at_any_page(void **state)
{
	for (int pages = 0; pages < 3; pages++) {
		struct script s = { .source.ops = &ops, .turns = { { { .next = "a" }, { .next = "b" }, { .end = true } }, { { .end = true } } } };
		struct us_err err = US_ERR_INIT;
		struct us_reader *reader;
		struct us_page page;
		size_t listing;
		assert_int_equal(us_reader_open(&s.source, &reader, &err), US_OK);
		for (int i = 0; i < pages; i++)
			assert_int_equal(us_reader_next(reader, &page, &listing, &err), US_OK);
		us_reader_close(reader);
		us_str_fini(&s.asked);
	}
	us_reader_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listing_ends_by_the_sources_word_only),
		cmocka_unit_test(an_error_at_any_page_is_no_end),
		cmocka_unit_test(a_reader_can_be_closed_at_any_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
