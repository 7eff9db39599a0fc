#include "source/source.h"

#include <stdlib.h>

#include "base/map.h"
#include "source/file.h"
#include "source/ldap.h"
#include "source/keycloak.h"

#define MAX_TYPES 16

/* One row for each kind of identity provider. */
static const struct us_source_ops *drivers[MAX_TYPES + 1] = {
	&us_source_ldap,
	&us_source_file,
	&us_source_keycloak,
	NULL,
};

static struct us_type types[MAX_TYPES + 1];

void us_source_register(const struct us_source_ops *ops)
{
	size_t n = 0;

	while (drivers[n])
		n++;
	us_assert(n < MAX_TYPES);
	drivers[n] = ops;
}

const struct us_source_ops *us_source_find(struct us_slice type)
{
	for (size_t i = 0; drivers[i]; i++)
		if (us_slice_is(type, drivers[i]->type.name))
			return drivers[i];
	return NULL;
}

const struct us_type *us_source_types(void)
{
	for (size_t i = 0; drivers[i]; i++)
		types[i] = drivers[i]->type;
	return types;
}

bool us_certificate_is_whole(const struct us_certificate *certificate)
{
	for (size_t i = 0; i < certificate->n; i++)
		if (!certificate->rows[i].signal)
			return false;
	return certificate->n > 0;
}

struct us_reader {
	struct us_source *source;
	const struct us_listing *listings;
	size_t n_listings, at;
	struct us_str cursor;
	bool is_first;       /* of the current listing */
	struct us_map seen;  /* cursors of the current listing */
	struct us_certificate certificate;
	struct us_err failed; /* sticky */
};

void us_reader_open(struct us_source *source, struct us_reader **ret_reader)
{
	struct us_reader *r = us_calloc(1, sizeof *r);

	r->source = source;
	r->listings = source->ops->listings(source, &r->n_listings);
	us_assert(r->n_listings <= US_CERTIFICATE_MAX_ROWS);
	r->is_first = true;
	r->certificate.n = r->n_listings;
	for (size_t i = 0; i < r->n_listings; i++)
		r->certificate.rows[i] = (struct us_certificate_row) {
			.listing = r->listings[i].name, .kind = r->listings[i].kind, .announced = -1 };
	*ret_reader = r;
}

void us_reader_close(struct us_reader *r)
{
	if (!r)
		return;
	us_str_fini(&r->cursor);
	us_map_fini(&r->seen);
	free(r);
}

const struct us_certificate *us_reader_certificate(const struct us_reader *r) { return &r->certificate; }

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

enum us_errc us_reader_next(struct us_reader *r, struct us_arena *arena, struct us_page *ret_page, size_t *ret_listing,
	struct us_err *err)
{
	if (r->failed.code) {
		if (err)
			*err = r->failed;
		return r->failed.code;
	}
	if (r->at == r->n_listings)
		return US_END;
	struct us_page page = { .announced = -1 };
	struct us_slice cursor = r->is_first ? US_SLICE_NONE : us_str_slice(&r->cursor);
	size_t listing = r->at;
	enum us_errc rc = r->source->ops->fetch(r->source, listing, cursor, arena, &page, &r->failed);
	if (rc == US_OK)
		rc = take(r, &page, &r->failed);
	if (rc) {
		if (err)
			*err = r->failed;
		return rc;
	}
	*ret_page = page;
	*ret_listing = listing;
	return US_OK;
}
