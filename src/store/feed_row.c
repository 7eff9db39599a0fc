/* The rows of a feed as JSON: part of feed.h. */
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
