/* Users and groups of a directory as resources of SCIM.
 *
 * The id is "u" or "g" with the number, externalId the id at the identity provider. A further attribute of a user that is called like one of the
 * schemas (title, department, phoneNumbers …) is served as it. The version covers what is in the resource, a group's members and a user's groups
 * included, but not what those are called and not its times.
 */
#ifndef US_SERVE_SCIM_OBJECT_H
#define US_SERVE_SCIM_OBJECT_H

#include "model/scim_filter.h"
#include "model/scim_resource.h"
#include "serve/group_names.h"
#include "serve/names.h"
#include "serve/view.h"

/* The members of a group as they are stored. */
struct us_scim_members {
	const struct us_member *users, *groups;
	size_t n_users, n_groups;
};

struct us_scim_object {
	struct us_json resource; /* a group's without its members, a user's without its groups */
	struct us_scim_members members;
	const struct us_named *groups; /* of a user */
	size_t n_groups;
	const char *version;     /* an ETag; NULL if it was made without links */
};

/* Behind the name of an attribute with several values: the further attribute of a user that has their types. */
#define US_SCIM_TYPES ".type"

struct us_scim_source {
	struct us_dbc *c;
	int64_t directory;
	struct us_slice base;
	struct us_group_names *group_names;
	struct us_kept *kept;
};

/* Everything lives in arena. has_links: with a user's groups, a group's members, and the version. */
enum us_errc us_scim_object_make(const struct us_scim_source *source, struct us_arena *arena, const struct us_scim_kind *kind,
	const struct us_listed *row, bool has_links, struct us_scim_object *ret_object, struct us_err *err);

/* Whether a user of a directory has a field of its own for an attribute, and no further attribute can be served, or written, as it. */
bool us_scim_object_has_field(const struct us_scim_attribute *attribute);

/* "u17", "g3". The first lives in arena. */
struct us_slice us_scim_object_id(struct us_arena *arena, bool is_group, uint32_t number);
bool us_scim_object_parse_id(struct us_slice id, bool *ret_is_group, uint32_t *ret_number);

/* Whether the filter looks at what only an object with links has. */
bool us_scim_object_needs_links(const struct us_logic *filter);
/* Whether the object, made with links if it needs them, meets the filter. Members that the filter looks at are looked up, not loaded, where it asks for
 * one. */
enum us_errc us_scim_object_is_met(const struct us_scim_source *source, struct us_arena *arena, const struct us_logic *filter,
	const struct us_scim_object *object, uint32_t number, bool *ret_is, struct us_err *err);

/* What of a member is shown. */
struct us_scim_member_form {
	bool value, ref, type, display;
};
struct us_scim_member_form us_scim_object_member_form(const struct us_scim_projection *projection);
/* One member, as an item of the list. names: of users or of groups, as the member is. */
enum us_errc us_scim_object_write_member(const struct us_scim_source *source, struct us_names *names, struct us_jsonw *w,
	struct us_scim_member_form form, bool is_group, uint32_t number, struct us_err *err);

/* A user's groups, as the whole attribute; nothing if it has none or they are not shown. */
void us_scim_object_write_groups(const struct us_scim_source *source, struct us_jsonw *w, const struct us_scim_projection *projection,
	const struct us_scim_object *object);

#endif
