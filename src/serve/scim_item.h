/* A resource on its way out: its attributes at once, a group's members piece by piece. */
#ifndef US_SERVE_SCIM_ITEM_H
#define US_SERVE_SCIM_ITEM_H

#include "serve/scim_object.h"

struct us_scim_item {
	struct us_scim_source source;
	struct us_jsonw w;
	struct us_arena arena;           /* of the resource; the owner resets it before the next one */
	struct us_scim_object object;
	bool is_open;                    /* members are still to come */
	struct us_scim_member_form form;
	size_t member_at;
	struct us_names *users, *groups; /* made when the first member needs them */
};
void us_scim_item_fini(struct us_scim_item *item);

/* Writes item->object. */
void us_scim_item_begin(struct us_scim_item *item, const struct us_scim_kind *kind, const struct us_scim_projection *projection);
/* Some more members, and the end behind the last. */
enum us_errc us_scim_item_go_on(struct us_scim_item *item, struct us_err *err);

#endif
