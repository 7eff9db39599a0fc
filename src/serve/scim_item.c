#include "serve/scim_item.h"

enum { MEMBERS_AT_ONCE = 500 };

void us_scim_item_fini(struct us_scim_item *item)
{
	us_names_free(item->users);
	us_names_free(item->groups);
	us_arena_fini(&item->arena);
}

void us_scim_item_begin(struct us_scim_item *item, const struct us_scim_kind *kind, const struct us_scim_projection *projection)
{
	const struct us_scim_members *m = &item->object.members;

	us_jsonw_open(&item->w, '{');
	us_scim_resource_write_inside(&item->w, &item->object.resource, projection);
	us_scim_object_write_groups(&item->source, &item->w, projection, &item->object);
	item->is_open = m->n_users + m->n_groups > 0 && kind == &us_scim_group && us_scim_projection_shows(projection, US_SLICE("members"));
	if (!item->is_open) {
		us_jsonw_close(&item->w, '}');
		return;
	}
	item->form = us_scim_object_member_form(projection);
	item->member_at = 0;
	if (!item->users) {
		item->users = us_names_new(US_OBJECT_USER, item->source.directory);
		item->groups = us_names_new(US_OBJECT_GROUP, item->source.directory);
	}
	us_jsonw_key(&item->w, "members");
	us_jsonw_open(&item->w, '[');
}

enum us_errc us_scim_item_go_on(struct us_scim_item *item, struct us_err *err)
{
	const struct us_scim_members *m = &item->object.members;
	size_t n = m->n_users + m->n_groups;
	enum us_errc rc = US_OK;

	for (int i = 0; i < MEMBERS_AT_ONCE && !rc && item->member_at < n; i++, item->member_at++) {
		bool is_group = item->member_at >= m->n_users;
		uint32_t number = is_group ? m->groups[item->member_at - m->n_users].number : m->users[item->member_at].number;
		rc = us_scim_object_write_member(&item->source, is_group ? item->groups : item->users, &item->w, item->form, is_group, number, err);
	}
	if (!rc && item->member_at == n) {
		us_jsonw_close(&item->w, ']');
		us_jsonw_close(&item->w, '}');
		item->is_open = false;
	}
	return rc;
}
