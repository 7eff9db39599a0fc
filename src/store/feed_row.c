/* The rows of a feed as JSON, and pages of them: part of feed.h. */
#include "base/clock.h"
#include "store/feed.h"

static void write_members(struct us_jsonw *w, const struct us_feed_row *row)
{
	us_jsonw_key(w, "members");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < row->n_members; i++) {
		us_jsonw_open(w, '{');
		us_jsonw_put_text(w, "object", us_object_text(row->members[i].is_group ? US_OBJECT_GROUP : US_OBJECT_USER));
		us_jsonw_put_int(w, "number", row->members[i].number);
		us_jsonw_put_string(w, "name", row->members[i].name);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
}

static void write_images(struct us_jsonw *w, const struct us_change *c)
{
	for (int is_after = 0; is_after < 2; is_after++) {
		const struct us_user_image *user = is_after ? c->user.after : c->user.before;
		const struct us_group_image *group = is_after ? c->group.after : c->group.before;
		us_jsonw_key(w, is_after ? "after" : "before");
		if (c->object == US_OBJECT_USER && user)
			us_user_image_write(w, user);
		else if (c->object == US_OBJECT_GROUP && group)
			us_group_image_write(w, group);
		else
			us_jsonw_null(w);
	}
}

void us_feed_row_write(struct us_jsonw *w, const struct us_feed_row *row)
{
	const struct us_change *c = &row->change;
	bool is_members = c->object == US_OBJECT_MEMBERS;
	char time[US_CLOCK_ISO_BYTES];

	us_jsonw_open(w, '{');
	us_jsonw_put_int(w, "position", row->position);
	us_jsonw_put_int(w, "run", row->run);
	us_jsonw_put_text(w, "time", us_clock_format(row->applied_at, time));
	us_jsonw_put_text(w, "object", us_object_text(c->object));
	us_jsonw_put_text(w, "operation", !is_members ? us_outcome_text(c->outcome) : row->step == US_FEED_JOIN ? "ADDED" : "REMOVED");
	us_jsonw_put_int(w, "number", c->number);
	us_jsonw_put_string(w, "id", c->id);
	us_jsonw_put_string(w, "name", c->name);
	if (is_members)
		write_members(w, row);
	else
		write_images(w, c);
	us_jsonw_close(w, '}');
}

enum us_errc us_feed_write_page(struct us_jsonw *w, struct us_dbc *c, int64_t directory, struct us_slice token, struct us_feed_page *page, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_feed feed;
	struct us_feed_row row;
	size_t n = 0, from = w->out->n;
	enum us_errc rc = us_feed_open(c, directory, token, &feed, err);

	if (rc)
		return rc;
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "changes");
	us_jsonw_open(w, '[');
	while ((int64_t) n < page->limit && w->out->n - from < US_FEED_PAGE_BYTES && !(rc = us_feed_next(&feed, &arena, &row, err))) {
		us_feed_row_write(w, &row);
		us_arena_reset(&arena);
		n++;
	}
	us_jsonw_close(w, ']');
	us_feed_token(&feed, &page->next);
	/* Only a look at the row that follows says that there is one; without one the place is the very end. */
	if (!rc && (rc = us_feed_next(&feed, &arena, &row, err)) == US_END)
		us_feed_token(&feed, &page->next);
	if (page->known.p) {
		us_assert(page->known.n < US_FEED_TOKEN_BYTES);
		memcpy(page->next.text, page->known.p, page->known.n);
		page->next.text[page->known.n] = '\0';
	}
	us_jsonw_put_text(w, "next", page->next.text);
	us_jsonw_put_bool(w, "more", rc == US_OK);
	us_jsonw_close(w, '}');
	us_feed_close(&feed);
	us_arena_fini(&arena);
	page->n = n;
	return rc == US_END ? US_OK : rc;
}
