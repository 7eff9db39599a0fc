#include "source/source.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

/* What the thread is asked to do, and what came of it. */
enum state { IDLE, ASKED, FETCHED, CLOSING };

struct us_reader {
	struct us_source *source;
	const struct us_listing *listings;
	size_t n_listings, at;
	struct us_str cursor;
	bool is_first;       /* of the current listing */
	bool is_outline;
	struct us_map seen;  /* cursors of the current listing */
	struct us_certificate certificate;
	struct us_err failed; /* sticky; the caller's, never the thread's */

	pthread_t thread;
	pthread_mutex_t lock; /* over state; whoever is not waiting for the other owns the rest */
	pthread_cond_t changed;
	enum state state;
	struct us_arena arenas[2]; /* one of the page in use, one of the page being fetched */
	int fetching;
	struct us_page page;
	enum us_errc result;
	struct us_err fetch_err;
};

static void *fetch_pages(void *context)
{
	struct us_reader *r = context;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->state != ASKED && r->state != CLOSING)
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->state == CLOSING)
			break;
		pthread_mutex_unlock(&r->lock);
		r->page = (struct us_page) { .announced = -1 };
		us_arena_reset(&r->arenas[r->fetching]);
		struct us_slice cursor = r->is_first ? US_SLICE_NONE : us_str_slice(&r->cursor);
		struct us_arena *arena = &r->arenas[r->fetching];
		r->result = r->is_outline ? r->source->ops->outline(r->source, cursor, arena, &r->page, &r->fetch_err)
		                          : r->source->ops->fetch(r->source, r->at, cursor, arena, &r->page, &r->fetch_err);
		pthread_mutex_lock(&r->lock);
		if (r->state == ASKED)
			r->state = FETCHED;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void ask(struct us_reader *r)
{
	pthread_mutex_lock(&r->lock);
	r->state = ASKED;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static enum us_errc start(struct us_source *source, const struct us_listing *listings, size_t n_listings, bool is_outline,
	struct us_reader **ret_reader, struct us_err *err)
{
	struct us_reader *r = us_calloc(1, sizeof *r);

	r->source = source;
	r->listings = listings;
	r->n_listings = n_listings;
	r->is_outline = is_outline;
	us_assert(r->n_listings > 0 && r->n_listings <= US_CERTIFICATE_MAX_ROWS);
	r->is_first = true;
	r->certificate.n = r->n_listings;
	for (size_t i = 0; i < r->n_listings; i++)
		r->certificate.rows[i] = (struct us_certificate_row) {
			.listing = r->listings[i].name, .kind = r->listings[i].kind, .announced = -1 };
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->state = ASKED;
	if (pthread_create(&r->thread, NULL, fetch_pages, r)) {
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
		free(r);
		return us_err_set(err, US_UNAVAILABLE, "cannot start a thread to read with");
	}
	*ret_reader = r;
	return US_OK;
}

enum us_errc us_reader_open(struct us_source *source, struct us_reader **ret_reader, struct us_err *err)
{
	size_t n;
	const struct us_listing *listings = source->ops->listings(source, &n);

	return start(source, listings, n, false, ret_reader, err);
}

enum us_errc us_reader_open_outline(struct us_source *source, struct us_reader **ret_reader, struct us_err *err)
{
	static const struct us_listing outline = { "names of groups", US_RECORD_GROUP };

	return start(source, &outline, 1, true, ret_reader, err);
}

void us_reader_close(struct us_reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->state = CLOSING;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	us_str_fini(&r->cursor);
	us_map_fini(&r->seen);
	us_arena_fini(&r->arenas[0]);
	us_arena_fini(&r->arenas[1]);
	free(r);
}

const struct us_certificate *us_reader_certificate(const struct us_reader *r) { return &r->certificate; }

bool us_certificate_is_whole(const struct us_certificate *certificate)
{
	for (size_t i = 0; i < certificate->n; i++)
		if (!certificate->rows[i].signal)
			return false;
	return certificate->n > 0;
}

/* Invariant L: the listing goes on only with a cursor never seen before, and ends only by the IdP's own word with all
 * the rows that it announced. Whatever is neither is PARTIAL. */
static enum us_errc take(struct us_reader *r, const struct us_page *page, struct us_err *err)
{
	struct us_certificate_row *row = &r->certificate.rows[r->at];

	row->pages++;
	row->rows += page->rows;
	if (page->announced >= 0)
		row->announced = page->announced;
	if (!page->end) {
		bool is_new;
		if (!page->next.p)
			return us_err_set(err, US_PARTIAL,
				"the listing of %s stopped after %lld pages and %lld rows without saying that it is complete",
				row->listing, (long long) row->pages, (long long) row->rows);
		us_map_put(&r->seen, us_hash_slice(page->next), &is_new);
		if (!is_new)
			return us_err_set(err, US_PARTIAL,
				"the listing of %s gave the same cursor twice after %lld pages; nothing is known of what follows",
				row->listing, (long long) row->pages);
		us_str_clear(&r->cursor);
		us_str_add_slice(&r->cursor, page->next);
		r->is_first = false;
		return US_OK;
	}
	if (row->announced >= 0 && row->rows < row->announced)
		return us_err_set(err, US_PARTIAL, "the listing of %s ended after %lld of %lld announced rows", row->listing,
			(long long) row->rows, (long long) row->announced);
	us_assert(page->signal);
	row->signal = page->signal;
	r->at++;
	r->is_first = true;
	us_map_fini(&r->seen);
	return US_OK;
}

static enum us_errc give_failure(const struct us_reader *r, struct us_err *err)
{
	if (err)
		*err = r->failed;
	return r->failed.code;
}

enum us_errc us_reader_next(struct us_reader *r, struct us_page *ret_page, size_t *ret_listing, struct us_err *err)
{
	size_t listing = r->at;

	if (r->failed.code)
		return give_failure(r, err);
	if (r->at == r->n_listings)
		return US_END;
	pthread_mutex_lock(&r->lock);
	while (r->state == ASKED)
		pthread_cond_wait(&r->changed, &r->lock);
	r->state = IDLE;
	pthread_mutex_unlock(&r->lock);
	if (r->result) {
		us_assert(r->fetch_err.code == r->result);
		r->failed = r->fetch_err;
		return give_failure(r, err);
	}
	struct us_page page = r->page;
	if (take(r, &page, &r->failed))
		return give_failure(r, err);
	r->fetching = !r->fetching;
	if (r->at < r->n_listings)
		ask(r);
	*ret_page = page;
	*ret_listing = listing;
	return US_OK;
}
