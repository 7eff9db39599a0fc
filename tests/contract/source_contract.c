/* The contract of source.h, checked on a source of any kind that is in order and does not change meanwhile:
 *
 *     [USERSYNC_STORE=sqlite:PATH] source_contract TYPE CONFIGURATION.json NAME ID ABSENT ABSENT-ID [CHECK]
 *
 * NAME and ID are those of one user that the source has, ABSENT and ABSENT-ID of none. Prints TAP, one line for each check; exit status 1 if one
 * failed. What the source says when the other side misbehaves is for the tests that start it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "model/sync_options.h"
#include "source/source.h"
#include "sync/pushed.h"

static atomic_bool is_cancelled;
static jmp_buf failure;
static char why[900];

static struct us_source *source;
static struct us_store *store; /* of a source that reads what was pushed */
static const char *name, *id, *absent, *absent_id;

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof why, format, ap);
	va_end(ap);
	longjmp(failure, 1);
}

#define expect(what)                                       \
	do {                                                   \
		if (!(what))                                       \
			fail("line %d: %s does not hold", __LINE__, #what); \
	} while (0)

/* ---- what every page must be ---- */

static void expect_text(struct us_slice s) { expect(!s.n || us_slice_is_utf8(s)); }

static void expect_record(const struct us_record *r)
{
	expect(r->kind == US_RECORD_USER || r->kind == US_RECORD_GROUP || r->kind == US_RECORD_MEMBERS);
	/* Members have no object of their own, only a group that they belong to. */
	expect(r->kind == US_RECORD_MEMBERS ? r->ref.n > 0 : r->id.p && (r->id.n || r->problem.n));
	expect_text(r->id);
	expect_text(r->ref);
	expect_text(r->problem);
	for (size_t i = 0; i < r->n_fields; i++) {
		expect(r->fields[i].name.n && r->fields[i].n);
		expect_text(r->fields[i].name);
		for (size_t k = 0; k < r->fields[i].n; k++)
			expect_text(r->fields[i].values[k]);
	}
	for (size_t i = 0; i < r->n_members; i++)
		expect(r->members[i].n);
	for (size_t i = 0; i < r->n_groups; i++)
		expect(r->groups[i].n);
	expect(r->kind == US_RECORD_USER ? !r->n_members : !r->n_groups);
}

static void expect_page(const struct us_page *page)
{
	expect(page->end == !page->next.p);
	expect(page->end == (page->signal != NULL));
	expect(!page->end || *page->signal);
	expect(page->rows >= 0 && page->announced >= -1);
	for (size_t i = 0; i < page->n; i++)
		expect_record(&page->records[i]);
}

/* ---- walking ---- */

/* What a whole read gave: a sum over all records that does not depend on where the pages end. */
struct reading {
	size_t pages, records, rows;
	uint64_t sum;
	struct us_slice cursors[200]; /* of the first listing */
	size_t n_cursors;
};

static uint64_t hash_of(struct us_slice s) { return us_hash_slice(s).lo; }

static uint64_t sum_of(const struct us_record *r)
{
	uint64_t sum = 0;

	if (r->kind != US_RECORD_MEMBERS)
		sum = hash_of(r->id) * 3 + hash_of(r->ref) * 5 + (uint64_t) r->kind * 7 + (uint64_t) r->active;
	for (size_t i = 0; i < r->n_fields; i++)
		for (size_t k = 0; k < r->fields[i].n; k++)
			sum += hash_of(r->fields[i].name) * (hash_of(r->fields[i].values[k]) | 1);
	/* A group's members may come in one record or in several, so each counts for itself. */
	for (size_t i = 0; i < r->n_members; i++)
		sum += (hash_of(r->ref) | 1) * hash_of(r->members[i]);
	for (size_t i = 0; i < r->n_groups; i++)
		sum += hash_of(r->groups[i]) * 11;
	return sum;
}

static enum us_errc fetch(size_t listing, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err)
{
	*ret_page = (struct us_page) { .announced = -1 };
	*err = (struct us_err) US_ERR_INIT;
	enum us_errc rc = source->ops->fetch(source, listing, cursor, arena, ret_page, err);
	if (rc == US_OK) {
		expect_page(ret_page);
	} else {
		expect(rc != US_END);
		expect(err->code == rc && err->text[0]);
	}
	return rc;
}

/* Reads on from the cursor to the end of the listing; the first error ends it. */
static enum us_errc walk(size_t listing, struct us_slice cursor, struct us_arena *arena, struct reading *r, struct us_err *err)
{
	struct us_page page;

	for (;;) {
		enum us_errc rc = fetch(listing, cursor, arena, &page, err);
		if (rc)
			return rc;
		r->pages++;
		r->records += page.n;
		r->rows += (size_t) page.rows;
		for (size_t i = 0; i < page.n; i++)
			r->sum += sum_of(&page.records[i]);
		if (page.end)
			return US_OK;
		expect(r->pages < 100000);
		if (listing == 0 && r->n_cursors < sizeof r->cursors / sizeof *r->cursors)
			r->cursors[r->n_cursors++] = page.next;
		cursor = page.next;
	}
}

static struct reading read_whole(struct us_arena *arena)
{
	struct reading r = { 0 };
	struct us_err err = US_ERR_INIT;
	size_t n;

	source->ops->listings(source, &n);
	for (size_t i = 0; i < n; i++)
		if (walk(i, US_SLICE_NONE, arena, &r, &err))
			fail("a whole read of listing %zu gave %s: %s", i, us_err_name(err.code), err.text);
	return r;
}

static void expect_same(const struct reading *a, const struct reading *b)
{
	expect(a->rows == b->rows);
	expect(a->sum == b->sum);
}

/* ---- the checks ---- */

static void listings_have_names_and_kinds(struct us_arena *arena)
{
	size_t n, again;
	const struct us_listing *l = source->ops->listings(source, &n);

	(void) arena;
	expect(n > 0 && n <= US_CERTIFICATE_MAX_ROWS);
	expect(l == source->ops->listings(source, &again) && again == n);
	for (size_t i = 0; i < n; i++) {
		expect(l[i].name && *l[i].name);
		for (size_t k = 0; k < i; k++)
			expect(strcmp(l[i].name, l[k].name) != 0);
	}
	expect(l[0].kind == US_RECORD_USER);
}

static void every_page_has_a_cursor_or_an_end_with_its_sign(struct us_arena *arena)
{
	struct reading r = read_whole(arena);

	expect(r.pages > 1 && r.rows > 1 && r.records > 1);
	expect(r.n_cursors > 1); /* or the checks of cursors would check nothing */
	for (size_t i = 0; i < r.n_cursors; i++)
		for (size_t k = 0; k < i; k++)
			expect(!us_slice_is_equal(r.cursors[i], r.cursors[k]));
}

static void reading_twice_gives_the_same(struct us_arena *arena)
{
	struct reading a = read_whole(arena), b = read_whole(arena);

	expect_same(&a, &b);
}

static void a_first_page_starts_afresh_from_anywhere(struct us_arena *arena)
{
	struct reading whole = read_whole(arena), r;
	struct us_err err;
	struct us_page page;

	for (size_t stop = 1; stop <= whole.n_cursors; stop++) {
		struct us_slice cursor = US_SLICE_NONE;
		for (size_t i = 0; i < stop; i++) {
			expect(fetch(0, cursor, arena, &page, &err) == US_OK && !page.end);
			cursor = page.next;
		}
		r = read_whole(arena);
		expect_same(&whole, &r);
	}
}

/* A cursor that was not just given is never an end, and never skips anything: it is an error, after which the source can be read again. */
static void a_cursor_that_does_not_fit_is_an_error(struct us_arena *arena)
{
	static const char *const foreign[] = { "", "nonsense", "999999", "-1", "users page 999", "\xFF" };
	struct reading whole = read_whole(arena);
	struct us_err err;
	struct us_page page;

	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		expect(fetch(0, US_SLICE_NONE, arena, &page, &err) == US_OK && !page.end);
		expect(fetch(0, us_slice(foreign[i]), arena, &page, &err) != US_OK);
	}
	/* One of this listing, but of another time. */
	expect(fetch(0, US_SLICE_NONE, arena, &page, &err) == US_OK);
	struct us_slice first = page.next;
	expect(fetch(0, first, arena, &page, &err) == US_OK);
	expect(fetch(0, first, arena, &page, &err) != US_OK);
	struct reading r = read_whole(arena);
	expect_same(&whole, &r);
	/* Behind the end. */
	expect(fetch(0, whole.cursors[whole.n_cursors - 1], arena, &page, &err) != US_OK);
	r = read_whole(arena);
	expect_same(&whole, &r);
}

static void cancelling_before_any_page_ends_the_listing_as_cancelled(struct us_arena *arena)
{
	struct reading whole = read_whole(arena);
	struct us_err err;
	struct us_page page;

	for (size_t stop = 0; stop <= whole.n_cursors; stop++) {
		struct us_slice cursor = US_SLICE_NONE;
		struct reading r = { 0 };
		for (size_t i = 0; i < stop; i++) {
			expect(fetch(0, cursor, arena, &page, &err) == US_OK && !page.end);
			cursor = page.next;
		}
		atomic_store(&is_cancelled, true);
		enum us_errc rc = walk(0, cursor, arena, &r, &err);
		atomic_store(&is_cancelled, false);
		if (rc != US_CANCELLED)
			fail("after %zu pages: %s %s", stop, us_err_name(rc), err.text);
		/* What was received already may still be given out, but not much of it. */
		expect(r.pages <= 2);
	}
	struct reading r = read_whole(arena);
	expect_same(&whole, &r);
}

/* The record of that id out of a whole read. */
static struct us_record listed(struct us_arena *arena, const char *which)
{
	struct us_err err;
	struct us_page page;
	struct us_slice cursor = US_SLICE_NONE;

	for (;;) {
		expect(fetch(0, cursor, arena, &page, &err) == US_OK);
		for (size_t i = 0; i < page.n; i++)
			if (page.records[i].kind == US_RECORD_USER && us_slice_is(page.records[i].id, which))
				return page.records[i];
		expect(!page.end);
		cursor = page.next;
	}
}

/* The groups first, then the user, as the listing has it and with all its groups. */
static void expect_found(const char *key, bool is_id, struct us_arena *arena)
{
	struct us_err err = US_ERR_INIT;
	struct us_page page = { .announced = -1 };
	enum us_errc rc = source->ops->find(source, us_slice(key), is_id, arena, &page, &err);

	if (rc)
		fail("%s is not found: %s %s", key, us_err_name(rc), err.text);
	expect(page.n > 0 && page.end && page.signal && *page.signal);
	for (size_t i = 0; i < page.n; i++)
		expect_record(&page.records[i]);
	const struct us_record *user = &page.records[page.n - 1];
	expect(user->kind == US_RECORD_USER && us_slice_is(user->id, id) && !user->problem.n);
	expect(user->n_groups == page.n - 1 && user->n_groups > 0);
	for (size_t i = 0; i + 1 < page.n; i++) {
		const struct us_record *g = &page.records[i];
		bool is_named = false;
		expect(g->kind == US_RECORD_GROUP && g->id.n && g->n_members == 0);
		for (size_t k = 0; k < user->n_groups; k++)
			is_named |= us_slice_is_equal(user->groups[k], g->ref.n ? g->ref : g->id);
		expect(is_named);
	}
	struct us_record same = listed(arena, id);
	expect(same.n_fields == user->n_fields && same.active == user->active && us_slice_is_equal(same.ref, user->ref));
	for (size_t i = 0; i < user->n_fields; i++) {
		const struct us_field *f = us_record_find(&same, user->fields[i].name);
		expect(f && f->n == user->fields[i].n);
		for (size_t k = 0; k < f->n; k++)
			expect(us_slice_is_equal(f->values[k], user->fields[i].values[k]));
	}
}

static void a_user_is_found_by_name_and_by_id(struct us_arena *arena)
{
	expect_found(name, false, arena);
	expect_found(id, true, arena);
	expect_found(name, false, arena);
}

static void nobody_is_not_found(struct us_arena *arena)
{
	const struct { const char *key; bool is_id; } rows[] = {
		{ absent, false }, { absent_id, true }, { id, false }, { name, true }, { "*", false }, { "%", false }, { "(", false }, { "a/b\\c\"'", false },
		{ "../..", false }, { "\xD7\x90\xF0\x9F\x98\x80", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct us_err err = US_ERR_INIT;
		struct us_page page = { .announced = -1 };
		enum us_errc rc = source->ops->find(source, us_slice(rows[i].key), rows[i].is_id, arena, &page, &err);
		if (rc != US_NOT_FOUND || err.code != US_NOT_FOUND || !err.text[0])
			fail("\"%s\" (%s): %s %s", rows[i].key, rows[i].is_id ? "id" : "name", us_err_name(rc), err.text);
	}
	expect_found(name, false, arena);
}

static void a_cancelled_search_is_no_answer(struct us_arena *arena)
{
	const char *const keys[] = { name, absent };

	for (size_t i = 0; i < 2; i++) {
		struct us_err err = US_ERR_INIT;
		struct us_page page = { .announced = -1 };
		atomic_store(&is_cancelled, true);
		enum us_errc rc = source->ops->find(source, us_slice(keys[i]), false, arena, &page, &err);
		atomic_store(&is_cancelled, false);
		expect(rc == US_CANCELLED && err.code == US_CANCELLED);
	}
	expect_found(name, false, arena);
}

/* Either the listing goes on with all its rows, or it says that it cannot. */
static void a_search_amid_a_listing_hides_no_rows(struct us_arena *arena)
{
	struct reading whole = { 0 }, r = { 0 };
	struct us_err err = US_ERR_INIT;
	struct us_page page;

	expect(walk(0, US_SLICE_NONE, arena, &whole, &err) == US_OK);
	expect(fetch(0, US_SLICE_NONE, arena, &page, &err) == US_OK && !page.end);
	size_t rows = (size_t) page.rows;
	struct us_slice cursor = page.next;
	struct us_page found = { .announced = -1 };
	expect(source->ops->find(source, us_slice(name), false, arena, &found, &err) == US_OK);
	if (walk(0, cursor, arena, &r, &err) == US_OK)
		expect(rows + r.rows == whole.rows);
	struct reading again = { 0 };
	expect(walk(0, US_SLICE_NONE, arena, &again, &err) == US_OK);
	expect_same(&whole, &again);
}

static void a_test_says_what_it_found_and_disturbs_nothing(struct us_arena *arena)
{
	struct reading whole = read_whole(arena);
	struct us_str notes = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	enum us_errc rc = source->ops->test(source, &notes, &err);
	bool has_notes = notes.n && us_slice_is_utf8(us_str_slice(&notes)) && notes.p[notes.n - 1] == '\n';

	us_str_fini(&notes);
	expect(rc == US_OK && has_notes);
	struct reading r = read_whole(arena);
	expect_same(&whole, &r);
	atomic_store(&is_cancelled, true);
	rc = source->ops->test(source, &notes, &err);
	atomic_store(&is_cancelled, false);
	us_str_fini(&notes);
	expect(rc == US_CANCELLED);
}

static void what_is_asked_is_counted(struct us_arena *arena)
{
	int64_t before = source->stats.requests;

	read_whole(arena);
	int64_t one = source->stats.requests - before;
	expect(one > 0 && source->stats.bytes > 0);
	read_whole(arena);
	/* A second read costs what the first one did, less what is known by then. */
	expect(source->stats.requests - before <= 2 * one);
}

static void the_reader_gives_a_whole_certificate(struct us_arena *arena)
{
	struct reading whole = read_whole(arena);
	struct us_reader *reader;
	struct us_page page;
	struct us_err err = US_ERR_INIT;
	size_t listing, rows = 0, n;
	enum us_errc rc;

	expect(us_reader_open(source, &reader, &err) == US_OK);
	while ((rc = us_reader_next(reader, &page, &listing, &err)) == US_OK)
		rows += (size_t) page.rows;
	struct us_certificate c = *us_reader_certificate(reader);
	us_reader_close(reader);
	source->ops->listings(source, &n);
	expect(rc == US_END && us_certificate_is_whole(&c) && c.n == n && rows == whole.rows);
}

static const struct {
	const char *name;
	void (*check)(struct us_arena *arena);
} checks[] = {
#define CHECK(check) { #check, check }
	CHECK(listings_have_names_and_kinds),
	CHECK(every_page_has_a_cursor_or_an_end_with_its_sign),
	CHECK(reading_twice_gives_the_same),
	CHECK(a_first_page_starts_afresh_from_anywhere),
	CHECK(a_cursor_that_does_not_fit_is_an_error),
	CHECK(cancelling_before_any_page_ends_the_listing_as_cancelled),
	CHECK(a_user_is_found_by_name_and_by_id),
	CHECK(nobody_is_not_found),
	CHECK(a_cancelled_search_is_no_answer),
	CHECK(a_search_amid_a_listing_hides_no_rows),
	CHECK(a_test_says_what_it_found_and_disturbs_nothing),
	CHECK(what_is_asked_is_counted),
	CHECK(the_reader_gives_a_whole_certificate),
};

/* Each check has a source of its own. */
static bool run(size_t at, const struct us_source_ops *ops, const struct us_conf *conf)
{
	static struct us_arena arena; /* static: it must keep its value over the jump */
	struct us_err err = US_ERR_INIT;
	volatile bool ok = false;

	us_arena_init(&arena);
	const struct us_connector connector = { .id = 1 };
	if (us_pushed_open_source(store, &connector, conf->doc, ops, &is_cancelled, &source, &err)) {
		snprintf(why, sizeof why, "open: %s %s", us_err_name(err.code), err.text);
	} else {
		if (setjmp(failure) == 0) {
			checks[at].check(&arena);
			ok = true;
		}
		atomic_store(&is_cancelled, false);
		source->ops->close(source);
	}
	us_arena_fini(&arena);
	return ok;
}

static bool read_file(const char *path, struct us_str *out)
{
	char buffer[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return false;
	while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
		us_str_add(out, buffer, n);
	fclose(f);
	return true;
}

int main(int argc, char **argv)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_problem *problems = NULL;
	const struct us_json *doc;
	int status = 0;

	signal(SIGPIPE, SIG_IGN); /* as the server has it */
	if (argc < 7 || argc > 8) {
		fprintf(stderr, "usage: source_contract TYPE CONFIGURATION.json NAME ID ABSENT ABSENT-ID [CHECK]\n");
		return 2;
	}
	const struct us_source_ops *ops = us_source_find(us_slice(argv[1]));
	if (!ops || !read_file(argv[2], &text) || us_json_parse(&arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &doc, &err)) {
		fprintf(stderr, "source_contract: %s\n", !ops ? "no source of that type" : err.text);
		return 2;
	}
	const struct us_secret_key key = { { 0 } };
	const char *dsn = getenv("USERSYNC_STORE");
	if (ops->take_records && (!dsn || us_store_open(dsn, &key, us_source_types(), us_sync_options, &store, NULL, &err))) {
		fprintf(stderr, "source_contract: %s\n", dsn ? err.text : "USERSYNC_STORE must name the store of what was pushed");
		return 2;
	}
	us_option_check(&arena, ops->type.options, NULL, doc, &problems);
	for (const struct us_problem *p = problems; p; p = p->next)
		fprintf(stderr, "%s: %s\n", p->field, p->reason);
	if (problems)
		return 2;
	struct us_conf conf = { ops->type.options, doc };
	name = argv[3];
	id = argv[4];
	absent = argv[5];
	absent_id = argv[6];
	size_t n = sizeof checks / sizeof *checks, ran = 0;
	for (size_t i = 0; i < n; i++) {
		if (argc == 8 && strcmp(argv[7], checks[i].name) != 0)
			continue;
		bool ok = run(i, ops, &conf);
		printf("%sok %zu - %s\n", ok ? "" : "not ", ++ran, checks[i].name);
		if (!ok)
			printf("# %s\n", why);
		status |= !ok;
		fflush(stdout);
	}
	printf("1..%zu\n", ran);
	if (store)
		us_store_close(store);
	us_str_fini(&text);
	us_arena_fini(&arena);
	return ran ? status : 2;
}
