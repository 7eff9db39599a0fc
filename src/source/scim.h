/* SCIM, inbound: an identity provider pushes users and groups to this server, and this source reads what it has pushed.
 *
 * A listing is complete once anything was pushed at all: the provider then decides what there is. Before that nothing is known, which is US_PARTIAL.
 * The change feed is the order of the pushes; who was deleted is in it.
 * Ids are those of the resources ("u17", "g3"), and members are named by them. Fields are the members of the document as paths ("name.givenName",
 * "emails.value", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department"), and id, externalId.
 * Spec: RFC 7643, RFC 7644.
 */
#ifndef US_SOURCE_SCIM_H
#define US_SOURCE_SCIM_H

#include "model/pushed.h"
#include "source/source.h"

/* Where the pushes are kept. Each function as its namesake of store/pushed.h, all of one snapshot; one thread at a time. */
struct us_scim_records {
	void *data;
	enum us_errc (*load_state)(void *data, struct us_pushed_state *ret_state, struct us_err *err);
	enum us_errc (*find)(void *data, struct us_arena *arena, bool is_group, enum us_pushed_key by, struct us_slice text, uint32_t number,
		struct us_pushed *ret_pushed, struct us_err *err);
	/* In the order of the numbers, behind this one. */
	enum us_errc (*list)(void *data, struct us_arena *arena, bool is_group, uint32_t after, size_t most, struct us_pushed **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_changed)(void *data, struct us_arena *arena, int64_t after_change, size_t most, struct us_pushed **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_members)(void *data, struct us_arena *arena, uint32_t group, struct us_pushed_member **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_groups)(void *data, struct us_arena *arena, uint32_t member, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err);
	void (*close)(void *data);
};

extern const struct us_source_ops us_source_scim;

#endif
